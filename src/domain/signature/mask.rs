//! Placeholders for whatever changes from run to run.
//!
//! In this order, because what comes later must not see parts of what came
//! before: timestamps, hex and pointers, uuids, temporary paths, ports, process
//! ids, durations, counts. The same value has the same placeholder within a
//! message, whichever rule met it first: `0xa1f0 != 0xa1f0` and `0xa1f0 != 0xb1f0`
//! are two causes.
//!
//! # Which numbers stay
//!
//! A number may be the cause (`[Errno 13]`, exit code -11, HTTP 404, the 2 of
//! `1 != 2`) or chance (a pid, how many references, how long). So:
//!
//! 1. A number that a word before it calls a code stays, however long, also in
//!    hex: errno, exit code, return code, exit status, signal, status, error.
//! 2. What was counted or measured is masked, however short: before a noun
//!    (`3 threads`), behind `count`, `sum`, `size` and their like, in an inequality
//!    (`1.7 not less than 1`), every decimal fraction.
//! 3. Well-known HTTP statuses stay, and the numbers of standards (`ISO-8859-1`).
//! 4. Of what is left, one or two digits stay: somebody wrote them into the test.
//!    Three and more are masked.
//!
//! Words, names and quoted strings stay, and so do host names: the machine's own
//! cannot be told from a server's. A hex number of one byte (`0x80`) stays.

mod rules;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::domain::pattern::pattern;
use crate::domain::untrusted::plain_line;

use rules::{Look, Naming, RULES, Rule, is_http_status, names_a_code};

/// Longer messages are cut before they are masked.
const MAX_MESSAGE_CHARS: usize = 2_000;

/// The message on one line, with placeholders as the module describes; paths of
/// source files begin at `Lib/`, `Modules/` and so on. Linear in the length of the
/// message, of which the first 2,000 characters count.
pub fn mask(message: &str) -> String {
    let mut text = plain_line(message, MAX_MESSAGE_CHARS);
    if let Cow::Owned(straight) = straight_quotes(&text) {
        text = straight;
    }
    if let Cow::Owned(short) = without_build_directories(&text) {
        text = short;
    }
    let mut names = Names::default();
    let mut look = Look::at(&text);
    for rule in RULES.iter() {
        if look.may_fit(rule)
            && let Some(masked) = names.apply(rule, &text)
        {
            text = masked;
            look = Look::at(&text);
        }
    }
    text
}

/// The numbers of a masked message that are causes by themselves, in order: codes,
/// well-known statuses, and small negative ones, which are signals.
pub(super) fn codes(masked: &str) -> Vec<String> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"-?\b(?:0[xX][0-9a-fA-F]+|\d+)\b"));
    NUMBER
        .find_iter(masked)
        .filter(|found| {
            let before = masked.get(..found.start()).unwrap_or_default();
            let negative = found.as_str().starts_with('-')
                && !before.ends_with(|char: char| char.is_alphanumeric() || char == '>');
            negative || names_a_code(before) || is_http_status(found.as_str())
        })
        .map(|found| found.as_str().to_owned())
        .collect()
}

/// Which value is called what in one message.
#[derive(Debug, Default)]
struct Names {
    by_value: HashMap<(&'static str, String), String>,
    given: HashMap<&'static str, usize>,
}

impl Names {
    /// The text with what the rule takes masked; none if that is nothing.
    fn apply(&mut self, rule: &Rule, text: &str) -> Option<String> {
        let mut masked = String::new();
        let mut end_of_last = 0;
        for value in rule.values(text) {
            let before = text.get(..value.start).unwrap_or_default();
            let after = text.get(value.end..).unwrap_or_default();
            let found = text.get(value.clone()).unwrap_or_default();
            if !(rule.accepts)(before, found, after) {
                continue;
            }
            masked.push_str(text.get(end_of_last..value.start).unwrap_or_default());
            end_of_last = value.end;
            masked.push_str(&match rule.naming {
                Naming::Alike => format!("<{}>", rule.placeholder),
                Naming::Numbered => self.name(rule.placeholder, found),
            });
        }
        if end_of_last == 0 {
            return None;
        }
        masked.push_str(text.get(end_of_last..).unwrap_or_default());
        Some(masked)
    }

    /// A short value has the same name only where the same rule met it: task 5 and
    /// file descriptor 5 meet by chance.
    fn name(&mut self, placeholder: &'static str, value: &str) -> String {
        let scope = match value.len() {
            0..=2 => placeholder,
            _ => "",
        };
        let key = (scope, value.to_ascii_lowercase());
        if let Some(known) = self.by_value.get(&key) {
            return known.clone();
        }
        let given = self.given.entry(placeholder).or_default();
        *given += 1;
        let name = format!("<{placeholder}{given}>");
        self.by_value.insert(key, name.clone());
        name
    }
}

/// Compilers quote as the worker's locale says.
fn straight_quotes(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let straight = |char| match char {
        '\u{2018}' | '\u{2019}' | '`' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        other => other,
    };
    Cow::Owned(text.chars().map(straight).collect())
}

/// Source paths begin at their top folder; Windows' backslashes become slashes.
fn without_build_directories(text: &str) -> Cow<'_, str> {
    static SOURCE_PATH: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"(?x)
            (?: [A-Za-z]: )? (?: [\\/]+ [^\s\\/'",;:()<>]+ | \.\.? )*
            [\\/]+ (?P<top> [Ll]ib | lib64 | Modules | Objects | Python | Parser | Include | Programs | PCbuild | PC )
            (?: [\\/]+ python\d+\.\d+t? )?
            (?P<rest> (?: [\\/]+ [^\s\\/'",;:()<>]+ )+ )"#,
        )
    });
    if !text.contains(['/', '\\']) {
        return Cow::Borrowed(text);
    }
    SOURCE_PATH.replace_all(text, |found: &regex::Captures<'_>| {
        let part = |name| found.name(name).map_or("", |part| part.as_str());
        let top = match part("top") {
            "lib" | "lib64" => "Lib",
            top => top,
        };
        let rest: Vec<&str> = part("rest")
            .split(['/', '\\'])
            .filter(|place| !place.is_empty())
            .collect();
        format!("{top}/{}", rest.join("/"))
    })
}
