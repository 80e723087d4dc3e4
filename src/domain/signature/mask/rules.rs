//! The rules in their order, and which numbers they take.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::domain::pattern::pattern;

/// One kind of changing text. Where a pattern has the group `v`, only that
/// group is replaced and the rest of the match is context.
pub(super) struct Rule {
    pub(super) placeholder: &'static str,
    pub(super) pattern: Regex,
    /// What the pattern cannot say by itself.
    pub(super) accepts: Accepts,
    pub(super) naming: Naming,
    /// Whether only the group `v` is replaced.
    has_context: bool,
    wants: Wants,
}

impl Rule {
    /// Where the values stand that the pattern finds.
    pub(super) fn values(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        // Groups cost several times what a match does.
        let plain = (!self.has_context).then(|| self.pattern.find_iter(text));
        let within = self.has_context.then(|| self.pattern.captures_iter(text));
        let within = within.into_iter().flatten();
        let values = within.filter_map(|found| found.name("v").or_else(|| found.get(0)));
        let plain = plain.into_iter().flatten();
        plain.chain(values).map(|value| value.range())
    }
}

/// Takes the text before, the value, and the text after.
type Accepts = fn(before: &str, found: &str, after: &str) -> bool;

/// What stands in every text that a pattern finds something in: a look at that is
/// much cheaper than the patterns, and most messages have little of it. Where a
/// message has letters beyond ASCII, word boundaries are dear.
#[derive(Clone, Copy)]
struct Wants {
    /// So many digits, of any script.
    digits: u32,
    /// A run of so many hex digits.
    hex_run: u32,
    /// One of these ASCII characters; any if there are none.
    one_of: &'static str,
}

/// What a text has of what the rules want.
#[derive(Debug)]
pub(super) struct Look {
    digits: u32,
    hex_run: u32,
    /// A bit for each ASCII character.
    chars: u128,
}

impl Look {
    pub(super) fn at(text: &str) -> Self {
        let mut look = Self {
            digits: 0,
            hex_run: 0,
            chars: 0,
        };
        let mut run = 0;
        for char in text.chars() {
            look.digits += u32::from(char.is_numeric());
            run = if char.is_ascii_hexdigit() { run + 1 } else { 0 };
            look.hex_run = look.hex_run.max(run);
            if char.is_ascii() {
                look.chars |= 1 << u32::from(char);
            }
        }
        look
    }

    /// Whether the rule's pattern may find something in the text that was looked at.
    pub(super) fn may_fit(&self, rule: &Rule) -> bool {
        let Wants {
            digits,
            hex_run,
            one_of,
        } = rule.wants;
        let is_there = |wanted: u8| self.chars & (1 << wanted) != 0;
        let has_one = one_of.is_empty() || one_of.bytes().any(is_there);
        self.digits >= digits && self.hex_run >= hex_run && has_one
    }
}

/// How different values of one kind are told apart.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Naming {
    /// `<n1>`, `<n2>`: the same value has the same placeholder.
    Numbered,
    /// `<time>`: two moments are never the same on purpose.
    Alike,
}

/// In this order: what comes later must not see parts of what came before.
pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    use Naming::{Alike, Numbered};
    vec![
        rule("time", Alike, TIMESTAMP, always, wants(5, "")),
        rule("hex", Numbered, HEX_NUMBER, is_address, wants(1, "xX")),
        rule("hex", Numbered, HEX, looks_like_hex, wants_hex("")),
        rule("uuid", Numbered, UUID, always, wants_hex("-")),
        rule("id", Numbered, RANDOM, looks_random, wants(3, "")),
        rule("tmp", Numbered, TEMPORARY_FOLDER, always, wants(0, "/\\")),
        rule("tmp", Numbered, TEMPORARY_NAME, always, wants(0, "_-t")),
        rule("ext", Alike, EXTENSION, always, wants(1, ".")),
        rule("v", Alike, PYTHON_VERSION, always, wants(2, "y")),
        rule("line", Alike, LINE, always, wants(1, ":(iI")),
        rule("port", Numbered, PORT, always, wants(1, ":'\"pP")),
        rule("ip", Numbered, IP, is_no_constant_ip, wants(4, ".")),
        rule("pid", Numbered, PID, always, wants(1, "")),
        rule("pid", Numbered, r"==(?P<v>\d+)==", always, wants(1, "=")),
        rule("id", Numbered, SERIAL, always, wants(1, "-_")),
        rule("duration", Alike, DURATION, always, wants(1, "")),
        rule("n", Numbered, NUMBER, is_unstable_number, wants(1, "")),
    ]
});

fn rule(
    placeholder: &'static str,
    naming: Naming,
    source: &'static str,
    accepts: Accepts,
    wants: Wants,
) -> Rule {
    Rule {
        placeholder,
        pattern: pattern(source),
        accepts,
        naming,
        has_context: source.contains("(?P<v>"),
        wants,
    }
}

const fn wants(digits: u32, one_of: &'static str) -> Wants {
    Wants {
        digits,
        hex_run: 0,
        one_of,
    }
}

const fn wants_hex(one_of: &'static str) -> Wants {
    Wants {
        digits: 0,
        hex_run: 8,
        one_of,
    }
}

/// ISO 8601, RFC 2822, asctime, access logs, and a time of day alone.
const TIMESTAMP: &str = r"(?x)
    \b\d{4}-\d{2}-\d{2} (?: [T\x20_]\d{2}:\d{2} (?: :\d{2} (?:[.,]\d+)? )? )?
        (?: \s? (?: Z | UTC | [+\-]\d{2}:?\d{2} ) )? \b
  | \b\d{8}T\d{6}Z?\b
  | \b (?: (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ,? \s+ )?
        \d{1,2} [\s\-/] (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [\s\-/] \d{4}
        (?: [\s:] \d{2}:\d{2} (?: :\d{2} )? )? (?: \s (?: GMT | UTC | [+\-]\d{4} ) )? \b
  | \b (?: (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \s+ )?
        (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \s+ \d{1,2} \s+
        \d{2}:\d{2}:\d{2} (?: \s+ \d{4} )? \b
  | \b \d{1,3}:\d{2}:\d{2} (?:[.,]\d+)? \b";

const HEX_NUMBER: &str = r"\b0[xX][0-9a-fA-F]+\b";

const HEX: &str = r"\b[0-9a-fA-F]{8,128}\b";

const UUID: &str = r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b";

/// What [`looks_random`] looks at.
const RANDOM: &str = r"\b[0-9A-Za-z]{12,64}\b";

/// A folder for temporary files and the first name below it.
const TEMPORARY_FOLDER: &str = r#"(?xi)
    (?: (?:\\\\\?\\)? [a-z]: [\\/]+ users [\\/]+ [^\\/'"<>|:*?]+ [\\/]+ appdata [\\/]+ local [\\/]+ temp
      | [a-z]: [\\/]+ (?: [^\s'"<>|:*?]+ [\\/]+ )? te?mp
      | (?:/private)? /var/folders/[^\s/'"]+/[^\s/'"]+/\w
      | (?: /[^\s/'",;:()<>]+ )* /tmp | /dev/shm )
    [\\/]+ [^\s/\\'",;:()<>]+"#;

/// Names that `tempfile`, `multiprocessing` and the test suite make up.
const TEMPORARY_NAME: &str = r#"(?x)
    (?: [^\s'"()<>]* [\\/] )? test_python_ (?:worker_)? \w+
  | @test_\d+_tmp\w*
  | \b (?: tmp | pymp- | listener- | mp- | wnsm_ | psm_ ) [a-z0-9_]{8} \b
  | \b pyc-\d+-\d+-\w+ \b"#;

/// What an extension module's file is called on each platform.
const EXTENSION: &str = r"(?x)
    (?: _d )? \. (?: cpython-\d+\w* (?: -[\w\-]+ )? | cp\d+\w*-\w+ | abi3 ) \. (?: so | pyd ) \b";

/// In paths and names that have it; `Python 3.14.0a1+`.
const PYTHON_VERSION: &str = r"(?x)
    \b c? [Pp]ython [\x20\-]? (?P<v> [23] \.? \d{1,2} (?: \.\d+ )* (?: (?:a|b|rc)\d+ )? t? \+? )
        (?: _d )? (?: \b | $ | [^\w.] )";

/// Where something stands in a file moves with every change of it.
const LINE: &str = r#"(?xi)
    (?: \.(?: py | pyx | c | h | cc | cpp | cxx | m | rs | go | js | txt ) ['"]? [:(]
      | \b makefile : | \.mk :
      | ,\x20 line \x20 | \b on \x20 line \x20 | \b at \x20 line \x20 | ^ line \x20 )
    (?P<v> \d+ (?: [:,] \d+ )* ) \b"#;

/// After an address or the word.
const PORT: &str = r#"(?xi)
    (?: \b \d{1,3}(?:\.\d{1,3}){3} (?: : | '\s*,\s* | "\s*,\s* )
      | \b localhost (?: : | '\s*,\s* | "\s*,\s* ) | \[[0-9a-f:.%]+\]: | ::1?'\s*,\s* | \(''\s*,\s*
      | \b port \s* [=:]? \s* )
    (?P<v>\d{1,5}) \b"#;

const IP: &str = r"\b\d{1,3}(?:\.\d{1,3}){3}\b";

/// After the word. File descriptors, too.
const PID: &str = r"(?xi)
    (?: \b (?: p?pid | parent | tid | process | child | worker | fd | fileno | file\x20descriptor | ident
          | thread (?: \x20 id )? | handle ) \s* [=:\#]? \s* ) (?P<v>\d+) \b";

/// `Thread-12 (worker)`, `Task-123`, `ForkServerPoolWorker-42`, `SpawnProcess-3:1`.
const SERIAL: &str = r"(?x)
    \b \w* (?: Thread | Process | Worker | Executor | Task | Dummy | asyncio ) [-_]
    (?P<v> \d+ (?: [_:\-]\d+ )* ) \b";

/// `20 min 3 sec`, `1200 seconds`, `0.25s`, `1h2m`, `12 ms`, `timeout=30`.
const DURATION: &str = r"(?xi)
    \b \d+ (?:\.\d+)? \s?
        (?: days? | hours? | hrs? | h | minutes? | mins? | m | seconds? | secs? | s | ms | msecs? | us | ns
          | milliseconds? | microseconds? | nanoseconds? ) \b
    (?: ,? \s \d+ (?:\.\d+)? \s? (?: hours? | minutes? | mins? | m | seconds? | secs? | s | ms ) \b )*
  | \b \d+h\d+m (?: \d+s )? \b | \b \d+m\d+ (?: \.\d+ )? s \b
  | \b (?: timeout | elapsed | took | waited | delay | duration | dt ) \s* [=:]? \s* (?P<v> \d+ (?:\.\d+)? ) \b";

const NUMBER: &str = r"\b\d[\d_]*(?:,\d{3})*(?:\.\d+)*(?:[eE][+\-]?\d+)?[a-zA-Z]?\b";

fn always(_: &str, _: &str, _: &str) -> bool {
    true
}

/// A byte's value stays, and what a word calls a code.
fn is_address(before: &str, found: &str, _: &str) -> bool {
    let is_byte = found.len() <= "0xff".len() && !before.ends_with("at ");
    !is_byte && !names_a_code(before)
}

/// A bare run of hex digits is an address or a commit only with digits and
/// letters both, or when it is too long for a word; and not as a group of a uuid.
fn looks_like_hex(before: &str, found: &str, after: &str) -> bool {
    let has_letters = found.contains(|char: char| char.is_ascii_alphabetic());
    let has_digits = found.contains(|char: char| char.is_ascii_digit());
    let group = |text: &str| {
        let group: Vec<char> = text.chars().take(4).collect();
        group.len() == 4 && group.iter().all(char::is_ascii_hexdigit)
    };
    let ends_uuid = before
        .strip_suffix('-')
        .and_then(|before| before.get(before.len().saturating_sub(4)..))
        .is_some_and(group);
    let begins_uuid = after.strip_prefix('-').is_some_and(group);
    has_letters && (has_digits || found.len() >= 16) && !ends_uuid && !begins_uuid
}

/// Letters and digits in turn, as no name has them.
fn looks_random(_: &str, found: &str, _: &str) -> bool {
    let kinds = found.chars().map(|char| char.is_ascii_digit());
    let turns = kinds.clone().zip(kinds.skip(1)).filter(|(a, b)| a != b);
    turns.count() >= 5
}

fn is_no_constant_ip(_: &str, found: &str, _: &str) -> bool {
    !matches!(found, "0.0.0.0" | "127.0.0.1" | "255.255.255.255")
}

/// See the module's description: codes, what was counted or measured, statuses,
/// and the rest by its length.
fn is_unstable_number(before: &str, found: &str, after: &str) -> bool {
    if names_a_code(before) || names_a_standard(before) || !is_no_constant_ip(before, found, after)
    {
        return false;
    }
    if found.contains('.') || counts_a_noun(after) || is_measured(before, after) {
        return true;
    }
    let digits = found.chars().filter(char::is_ascii_digit).count();
    digits > 2 && !is_http_status(found)
}

/// Words before a number that tells a cause.
const CODES: [&str; 15] = [
    "errno",
    "winerror",
    "exit code",
    "exit status",
    "exited with code",
    "exitcode",
    "return code",
    "returncode",
    "returned",
    "status",
    "status code",
    "signal",
    "sig",
    "code",
    "exit",
];

/// Whether the text right before a number, without what links the two, ends in a
/// word that makes the number a code: `[Errno `, `exit code -`, `returncode=`.
pub(super) fn names_a_code(before: &str) -> bool {
    let linked = end_of(before).to_ascii_lowercase();
    let mut words = linked.trim_end_matches(|char: char| " =:#([<'\"-".contains(char));
    for link in [" is", " was", " of", " with"] {
        words = words.strip_suffix(link).unwrap_or(words);
    }
    // `Error 2`, but not what an `Error: ` says.
    linked.ends_with(" error ") || CODES.iter().any(|code| ends_in_word(words, code))
}

/// `ISO-8859-1`, `windows-1252`, `RFC 2822`.
fn names_a_standard(before: &str) -> bool {
    let before = end_of(before).to_ascii_lowercase();
    let word = before.trim_end_matches([' ', '-', '_']);
    word != before
        && ["iso", "windows", "rfc", "pep", "cve", "gh", "bpo"]
            .iter()
            .any(|name| ends_in_word(word, name))
}

fn ends_in_word(text: &str, word: &str) -> bool {
    text.strip_suffix(word)
        .is_some_and(|rest| !rest.ends_with(char::is_alphanumeric))
}

/// `3 threads`, `12 more`; not `1 not in x`.
fn counts_a_noun(after: &str) -> bool {
    const NO_NOUNS: [&str; 12] = [
        "not",
        "and",
        "but",
        "for",
        "was",
        "are",
        "has",
        "out",
        "found",
        "unexpectedly",
        "does",
        "instead",
    ];
    let Some(rest) = after.strip_prefix(' ') else {
        return false;
    };
    let word: &str = rest
        .split(|char: char| !char.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    word.len() >= 3
        && word.starts_with(|char: char| char.is_ascii_lowercase())
        && !NO_NOUNS.contains(&word)
}

/// In an inequality, or behind a word that counts.
fn is_measured(before: &str, after: &str) -> bool {
    const COUNTERS: [&str; 15] = [
        "count",
        "sum",
        "dangling",
        "total",
        "size",
        "refcount",
        "seed",
        "attempt",
        "iteration",
        "round",
        "retry",
        "loop",
        "elapsed",
        "length",
        "len",
    ];
    const BEHIND: [&str; 6] = [
        "not less than",
        "not greater than",
        " <",
        " >",
        " <=",
        " >=",
    ];
    const IN_FRONT: [&str; 6] = [
        " not less than",
        " not greater than",
        " < ",
        " > ",
        " <= ",
        " >= ",
    ];
    let end = end_of(before).to_ascii_lowercase();
    let compared = end.trim_end();
    let compared = compared.strip_suffix(" or equal to").unwrap_or(compared);
    let counter = end.trim_end_matches([' ', '=', ':']);
    BEHIND.iter().any(|words| compared.ends_with(words))
        || IN_FRONT.iter().any(|words| after.starts_with(words))
        || COUNTERS.iter().any(|word| ends_in_word(counter, word))
}

pub(super) fn is_http_status(found: &str) -> bool {
    matches!(
        found,
        "200"
            | "201"
            | "204"
            | "206"
            | "301"
            | "302"
            | "303"
            | "304"
            | "307"
            | "308"
            | "400"
            | "401"
            | "403"
            | "404"
            | "405"
            | "406"
            | "408"
            | "409"
            | "410"
            | "411"
            | "412"
            | "413"
            | "414"
            | "415"
            | "416"
            | "418"
            | "421"
            | "422"
            | "425"
            | "426"
            | "428"
            | "429"
            | "431"
            | "451"
            | "500"
            | "501"
            | "502"
            | "503"
            | "504"
            | "505"
    )
}

/// The last characters, as many as the rules look back.
fn end_of(text: &str) -> &str {
    let start = text.len().saturating_sub(48);
    (start..text.len())
        .find_map(|start| text.get(start..))
        .unwrap_or_default()
}
