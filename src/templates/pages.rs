//! The pages that people decide on: compiled in, and not replaceable.
//!
//! Whatever is put into them is text: every value is escaped for HTML, and what
//! does not print, or would reorder what does, stands there visibly (I17).

use anyhow::{Context, Result};
use handlebars::{Handlebars, html_escape};
use serde::Serialize;

use crate::domain::untrusted::terminal_lines;

/// Every page and part of one, by its name in other templates.
const COMPILED_IN: &[(&str, &str)] = &[
    (
        "layout",
        include_str!("../../templates/web/layout.html.hbs"),
    ),
    ("form", include_str!("../../templates/web/form.html.hbs")),
    ("plot", include_str!("../../templates/web/plot.html.hbs")),
    ("rows", include_str!("../../templates/web/rows.html.hbs")),
    (
        "delivery",
        include_str!("../../templates/web/delivery.html.hbs"),
    ),
    ("login", include_str!("../../templates/web/login.html.hbs")),
    (
        "message",
        include_str!("../../templates/web/message.html.hbs"),
    ),
    ("queue", include_str!("../../templates/web/queue.html.hbs")),
    ("draft", include_str!("../../templates/web/draft.html.hbs")),
    ("edit", include_str!("../../templates/web/edit.html.hbs")),
    ("link", include_str!("../../templates/web/link.html.hbs")),
    ("stale", include_str!("../../templates/web/stale.html.hbs")),
    (
        "underway",
        include_str!("../../templates/web/underway.html.hbs"),
    ),
    (
        "incidents",
        include_str!("../../templates/web/incidents.html.hbs"),
    ),
    (
        "incident",
        include_str!("../../templates/web/incident.html.hbs"),
    ),
    (
        "history",
        include_str!("../../templates/web/history.html.hbs"),
    ),
    (
        "status",
        include_str!("../../templates/web/status.html.hbs"),
    ),
];

/// What pages look like.
pub const STYLE: &str = include_str!("../../templates/web/style.css");

/// Single keys for those who have scripts on; without them there are access keys.
pub const KEYS: &str = include_str!("../../templates/web/keys.js");

/// The pages.
#[derive(Debug)]
pub struct Pages {
    registry: Handlebars<'static>,
}

impl Pages {
    /// Compiles them.
    ///
    /// # Errors
    ///
    /// One does not compile, which a test excludes.
    pub fn new() -> Result<Self> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(|text| html_escape(&terminal_lines(text)));
        for (name, text) in COMPILED_IN {
            registry
                .register_template_string(name, text)
                .with_context(|| format!("the page {name} does not compile"))?;
        }
        Ok(Self { registry })
    }

    /// Fills a page.
    ///
    /// # Errors
    ///
    /// There is no such page, or it names a field that is not there.
    pub fn fill(&self, name: &str, fields: &impl Serialize) -> Result<String> {
        self.registry
            .render(name, fields)
            .with_context(|| format!("the page {name} cannot be filled"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::untrusted::tests::hostile_texts;

    #[test]
    fn whatever_is_put_into_a_page_is_text() {
        let pages = Pages::new().unwrap();
        let hostile: Vec<String> = hostile_texts().collect();
        assert!(hostile.iter().any(|text| text.contains("onerror")));
        for text in hostile {
            let page = |text: &str| {
                let form = json!({ "token": text, "digest": "d", "revision": text });
                pages.fill("form", &form).unwrap()
            };
            let (plain, filled) = (page("plain"), page(&text));
            // The same elements with the same attributes, and no more of either.
            for mark in ["<", ">", "\"", "'", "="] {
                let count = |page: &str| page.matches(mark).count();
                assert_eq!(count(&filled), count(&plain), "{mark} {text:?}: {filled}");
            }
            let unseen = |char: char| char.is_control() && char != '\n';
            assert!(!filled.contains(unseen), "{filled:?}");
            assert!(!filled.contains(['\u{202e}', '\u{200b}']), "{filled:?}");
        }
    }
}
