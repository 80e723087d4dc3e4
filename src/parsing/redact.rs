//! Secrets are taken out before anything is stored or shown (I15).

use std::sync::LazyLock;

use regex::{Captures, Regex, RegexSet};

use super::pattern;

/// What stands in a secret's place.
pub const MARK: &str = "[redacted]";

/// Replaces what looks like a secret by [`MARK`] and counts the places: PEM
/// blocks, Authorization headers and bearer tokens, `user:password@` in
/// addresses, tokens of well-known shapes, `password=` and the like. Lines stay
/// lines, but a PEM block becomes one.
pub fn redact(text: &str) -> (String, usize) {
    if !ANY.is_match(text) {
        return (text.to_owned(), 0);
    }
    let mut hits = 0;
    let mut text = text.to_owned();
    for rule in RULES.iter() {
        text = rule
            .pattern
            .replace_all(&text, |found: &Captures<'_>| {
                let replaced = (rule.replace)(found);
                hits += usize::from(replaced.is_some());
                replaced.unwrap_or_else(|| whole(found).to_owned())
            })
            .into_owned();
    }
    (text, hits)
}

/// Redacts every line; a block that spans lines is seen as a whole.
pub fn redact_lines(lines: Vec<String>) -> (Vec<String>, usize) {
    let (text, hits) = redact(&lines.join("\n"));
    if hits == 0 {
        return (lines, 0);
    }
    (text.lines().map(str::to_owned).collect(), hits)
}

struct Rule {
    pattern: Regex,
    replace: Replace,
}

/// What to put in the place of a match, or `None` to leave it as it is.
type Replace = fn(&Captures<'_>) -> Option<String>;

/// The rules in the order in which they apply. Word boundaries are ASCII's: with
/// Unicode's one letter beyond ASCII makes the whole search a hundred times slower.
const SOURCES: [(&str, Replace); 7] = [
    // A block that was cut off ends with the text.
    (
        r"(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z)",
        mark,
    ),
    // The middle of a block whose beginning was cut off.
    (r"(?m)^[A-Za-z0-9+/]{60,76}={0,2}$", mark),
    (
        r"(?i)(?-u:\b)((?:proxy-)?authorization['\x22]?\s*[:=]\s*)\S[^\n]*",
        keep_name,
    ),
    (r"(?i)(?-u:\b)(bearer\s+)[a-z0-9._~+/=-]{8,}", keep_name),
    (r"(://)[^/\s:@'\x22]*:[^/\s@'\x22]+@", keep_name_and_at),
    (
        r"(?-u:\b)(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|pypi-[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{30,}|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+)",
        mark,
    ),
    (
        r"(?i)([a-z0-9_-]*(?:password|passwd|secret|token|api_?key|access_?key)(?:=|['\x22]\s*:\s*))(['\x22]?[^\s'\x22&;,]{4,}['\x22]?)",
        keep_name_of_value,
    ),
];

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    SOURCES
        .iter()
        .map(|(source, replace)| Rule {
            pattern: pattern(source),
            replace: *replace,
        })
        .collect()
});

/// One pass that tells whether any rule has anything to do.
static ANY: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(SOURCES.map(|(source, _)| source)).unwrap_or_default());

fn whole<'a>(found: &'a Captures<'_>) -> &'a str {
    found.get(0).map_or("", |all| all.as_str())
}

fn group<'a>(found: &'a Captures<'_>, index: usize) -> &'a str {
    found.get(index).map_or("", |part| part.as_str())
}

fn mark(_: &Captures<'_>) -> Option<String> {
    Some(MARK.to_owned())
}

fn keep_name(found: &Captures<'_>) -> Option<String> {
    Some(format!("{}{MARK}", group(found, 1)))
}

fn keep_name_and_at(found: &Captures<'_>) -> Option<String> {
    Some(format!("{}{MARK}@", group(found, 1)))
}

/// `token=None` and what was replaced already are no secrets.
fn keep_name_of_value(found: &Captures<'_>) -> Option<String> {
    let value = group(found, 2).trim_matches(['\'', '"']);
    let is_harmless = matches!(value, "None" | "True" | "False" | "null" | "true" | "false")
        || value.starts_with('[')
        || value.starts_with('<');
    (!is_harmless).then(|| format!("{}{MARK}", group(found, 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rules_compile() {
        assert_eq!(RULES.len(), SOURCES.len());
        assert_eq!(ANY.len(), SOURCES.len());
    }

    #[test]
    fn secrets_go() {
        let long = "A".repeat(64);
        let cases = [
            (
                "Authorization: Basic dXNlcjpwYXNz",
                "Authorization: [redacted]",
                1,
            ),
            (
                "'authorization': 'token abc'",
                "'authorization': [redacted]",
                1,
            ),
            ("sent Bearer abcdef123456", "sent Bearer [redacted]", 1),
            (
                "git clone https://bot:hunter2@example.org/x",
                "git clone https://[redacted]@example.org/x",
                1,
            ),
            ("ghp_0123456789abcdefghij0123456789 x", "[redacted] x", 1),
            ("github_pat_11ABCDEFG0123456789_abc", "[redacted]", 1),
            (
                "xoxb-123456789012-abcdef AKIAIOSFODNN7EXAMPLE",
                "[redacted] [redacted]",
                2,
            ),
            ("glpat-abcdefghij0123456789", "[redacted]", 1),
            (
                "connect(password='hunter2', x=1)",
                "connect(password=[redacted], x=1)",
                1,
            ),
            ("GITHUB_TOKEN=abcd1234", "GITHUB_TOKEN=[redacted]", 1),
            (
                "{\"api_key\": \"abcd1234\"}",
                "{\"api_key\": [redacted]}",
                1,
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nrest",
                "[redacted]\nrest",
                1,
            ),
            ("-----BEGIN RSA PRIVATE KEY-----\nabc", "[redacted]", 1),
            (long.as_str(), "[redacted]", 1),
        ];
        for (from, to, hits) in cases {
            assert_eq!(redact(from), (to.to_owned(), hits), "{from}");
        }
    }

    #[test]
    fn ordinary_lines_stay() {
        for line in [
            "tokenize.TokenError: ('EOF in multi-line statement', (2, 0))",
            "AssertionError: token=None",
            "  File \"/home/x/Lib/test/test_token.py\", line 3, in test_password",
            "https://buildbot.python.org/all/#/builders/1/builds/2",
            "http://[::1]:8080/ user@example.org",
            "0:00:01 load avg: 1.0 [1/3] test_secrets passed",
            &"-".repeat(70),
            &"=".repeat(70),
        ] {
            assert_eq!(redact(line), (line.to_owned(), 0));
        }
    }
}
