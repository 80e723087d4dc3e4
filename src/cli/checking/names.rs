//! Whether the tracker knows the versions and components that are configured: a
//! report that names an unknown one is refused.

use crate::config::{Config, nearest, place_of};
use crate::domain::draft::Flavour;
use crate::domain::finding::Finding;
use crate::trackers::{KnownNames, Tracker};

/// So many names are listed where none is near.
const SHOWN: usize = 30;

/// One configured name.
struct Configured<'a> {
    section: &'static str,
    key: &'a str,
    name: &'a str,
}

/// Compares what is configured with what the tracker lists.
pub(super) async fn compare(tracker: &Tracker, config: &Config) -> Vec<Finding> {
    match tracker.known_names().await {
        Ok(known) => unknown(tracker, config, &known),
        Err(error) => vec![Finding::doubtful(
            format!(
                "whether {} knows the configured names is not known: {error:#}",
                tracker.name()
            ),
            "Check again.",
        )],
    }
}

fn unknown(tracker: &Tracker, config: &Config, known: &KnownNames) -> Vec<Finding> {
    let drafts = &config.drafts;
    let versions = drafts.versions.iter().map(|(key, name)| Configured {
        section: "drafts.versions",
        key,
        name,
    });
    let defaults = drafts.components.iter().map(|name| Configured {
        section: "drafts",
        key: "default_components",
        name,
    });
    let components = drafts.components_of.iter().flat_map(|(key, names)| {
        names.iter().map(move |name| Configured {
            section: "drafts.components",
            key,
            name,
        })
    });
    let component = match config.tracker.kind.flavour() {
        Flavour::GitHub => "label",
        Flavour::Roundup | Flavour::Embedded => "component",
    };
    let look = |configured: Configured<'_>, kind, known: &Option<Vec<String>>| {
        let known = known.as_deref()?;
        let is_known = known
            .iter()
            .any(|name| tracker.is_same_name(name, configured.name));
        (!is_known).then(|| told(&configured, kind, known, config))
    };
    versions
        .filter_map(|it| look(it, "version", &known.versions))
        .chain(
            defaults
                .chain(components)
                .filter_map(|it| look(it, component, &known.components)),
        )
        .collect()
}

fn told(configured: &Configured<'_>, kind: &str, known: &[String], config: &Config) -> Finding {
    let Configured { section, key, name } = configured;
    let place = place_of(&config.file, section, key);
    let what = match place.line {
        0 => format!(
            "[{section}] {key}, which is not set, means {name:?}, a {kind} that the tracker \
             does not have"
        ),
        _ => format!(
            "{place}: [{section}] {key} names {name:?}, a {kind} that the tracker does not have"
        ),
    };
    Finding::bad(what, remedy(name, known))
}

fn remedy(name: &str, known: &[String]) -> String {
    let same_letters = known.iter().find(|one| one.eq_ignore_ascii_case(name));
    let near = nearest(name, known.iter().map(String::as_str));
    if let Some(meant) = same_letters.map(String::as_str).or(near) {
        return format!("did you mean {meant:?}?");
    }
    if known.is_empty() {
        return "the tracker has none: configure none".to_owned();
    }
    let shown: Vec<&str> = known.iter().take(SHOWN).map(String::as_str).collect();
    let more = known.len().saturating_sub(SHOWN);
    match more {
        0 => format!("there are: {}", shown.join(", ")),
        _ => format!("there are: {}, and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::remedy;

    #[test]
    fn what_is_near_is_offered() {
        let known = ["Tests".to_owned(), "Python 3.15".to_owned()];
        assert_eq!(remedy("tests", &known), "did you mean \"Tests\"?");
        assert_eq!(
            remedy("Pyton 3.15", &known),
            "did you mean \"Python 3.15\"?"
        );
        assert_eq!(
            remedy("CPython main branch", &known),
            "there are: Tests, Python 3.15"
        );
        assert_eq!(remedy("x", &[]), "the tracker has none: configure none");
    }
}
