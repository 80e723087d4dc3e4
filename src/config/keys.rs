//! Every setting there is.
//!
//! Unknown keys are found by this list, and tests hold it, the readers in
//! `sections` and `systemd/config.example.toml` together.

/// The settings of one section.
#[derive(Debug, Clone, Copy)]
pub struct SectionKeys {
    /// `mailbox`, or `drafts.versions`.
    pub name: &'static str,
    /// Its settings; empty where the keys are the user's own words.
    pub keys: &'static [&'static str],
}

/// The settings of each CI system that others run.
const HOSTED: &[&str] = &["projects", "token", "url", "web"];

/// Every section with its settings, in the order of the example.
pub const KEYS: &[SectionKeys] = &[
    section("store", &["state_dir"]),
    section(
        "list",
        &[
            "id",
            "address",
            "notifiers",
            "max_action_age",
            "join_address",
            "leave_address",
            "confirm_address",
        ],
    ),
    section(
        "mailbox",
        &[
            "kind",
            "host",
            "port",
            "security",
            "user",
            "password",
            "oauth2_token",
            "folder",
            "ca_file",
            "path",
            "poll",
        ],
    ),
    section(
        "outgoing",
        &[
            "kind",
            "host",
            "port",
            "security",
            "user",
            "password",
            "oauth2_token",
            "hello",
            "ca_file",
            "path",
            "from_name",
            "from_address",
            "bounce_address",
        ],
    ),
    section(
        "tracker",
        &[
            "kind",
            "url",
            "web",
            "repository",
            "token",
            "user",
            "password",
            "closed_statuses",
            "ca_file",
            "path",
            "sync_interval",
            "mirror_from",
            "regression",
        ],
    ),
    section(
        "ci",
        &["buildbots", "fetch_logs", "wait", "timeout", "ca_file"],
    ),
    section("ci.github_actions", HOSTED),
    section("ci.azure", HOSTED),
    section("ci.appveyor", HOSTED),
    section("ci.travis", HOSTED),
    section("matching", &["rules"]),
    section(
        "drafts",
        &[
            "templates",
            "default_components",
            "expire_after",
            "recovered",
            "one_reply_from",
        ],
    ),
    section("drafts.versions", &[]),
    section("drafts.components", &[]),
    section(
        "limits",
        &[
            "replies_an_hour",
            "replies_a_day",
            "replies_a_thread",
            "new_issues_a_run",
            "new_issues_a_day",
            "doubt_checks",
            "reconcile_every",
            "max_mail_mib",
        ],
    ),
    section(
        "web",
        &[
            "listen",
            "hosts",
            "https",
            "trusted_header",
            "proxy",
            "open_to_network",
        ],
    ),
    section(
        "auto",
        &[
            "name",
            "mode",
            "actions",
            "tier",
            "signature_known",
            "issue_open",
            "builder",
            "branch",
            "kind",
            "confirmed",
            "precision",
            "decisions",
            "below_precision",
        ],
    ),
    section(
        "alerts",
        &[
            "bundle",
            "most_an_hour",
            "remind_after",
            "remind_every",
            "trouble_after",
        ],
    ),
    section(
        "webhook",
        &["name", "url", "shape", "events", "secret", "ca_file"],
    ),
    section(
        "irc",
        &[
            "server",
            "port",
            "channel",
            "channel_key",
            "nick",
            "user",
            "password",
            "certificate",
            "events",
            "ca_file",
        ],
    ),
    section(
        "approvers",
        &[
            "answers_to",
            "authserv_id",
            "received_by",
            "results",
            "folder",
            "remind_after",
            "mails_an_hour",
        ],
    ),
    section("approvers.people", &[]),
    section("log", &["format", "level"]),
];

/// Those of which there may be several, each below a line `[[name]]`.
pub(crate) const REPEATED: &[&str] = &["auto", "webhook"];

const fn section(name: &'static str, keys: &'static [&'static str]) -> SectionKeys {
    SectionKeys { name, keys }
}

/// The settings of a section of [`KEYS`].
pub(crate) fn of(section: &str) -> &'static [&'static str] {
    KEYS.iter()
        .find(|known| known.name == section)
        .map_or(&[], |known| known.keys)
}

/// The known word that `written` was probably meant to be.
pub fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|word| (distance(written, word), word))
        .filter(|(edits, word)| *edits <= if word.len() < 8 { 2 } else { 3 })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

/// The Levenshtein distance: insertions, deletions and replacements.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for ((to, above_left), above) in b.chars().zip(&row).zip(row.iter().skip(1)) {
            let replaced = above_left + usize::from(from != to);
            left = replaced.min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        let known = ["host", "port", "password", "folder"];
        assert_eq!(nearest("hots", known.into_iter()), Some("host"));
        assert_eq!(nearest("pasword", known.into_iter()), Some("password"));
        assert_eq!(nearest("Folder", known.into_iter()), Some("folder"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }
}
