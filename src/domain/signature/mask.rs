//! Placeholders for whatever changes from run to run.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::domain::pattern::pattern;
use crate::domain::untrusted::plain_line;

/// Longer messages are cut before they are masked.
const MAX_MESSAGE_CHARS: usize = 2_000;

/// One kind of changing text. Where a pattern has the group `v`, only that
/// group is replaced and the rest of the match is context.
struct Rule {
    placeholder: &'static str,
    pattern: Regex,
    /// What the pattern cannot say by itself.
    accepts: fn(before: &str, found: &str, after: &str) -> bool,
    naming: Naming,
}

/// How different values of one kind are told apart.
#[derive(Clone, Copy, PartialEq)]
enum Naming {
    /// `<n1>`, `<n2>`: the same value has the same placeholder.
    Numbered,
    /// `<time>`: two moments are never the same on purpose.
    Alike,
}

/// The message on one line, with a placeholder for each time, address, uuid,
/// temporary path, port, process id, duration and count. The same value has
/// the same placeholder within the message, so `1 != 2` and `3 != 3` differ. Paths
/// of source files begin at `Lib/`, `Modules/` and so on.
pub fn mask(message: &str) -> String {
    let mut text = plain_line(message, MAX_MESSAGE_CHARS);
    text = without_build_directories(&text);
    for rule in RULES.iter() {
        text = rule.apply(&text);
    }
    text
}

impl Rule {
    fn apply(&self, text: &str) -> String {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut masked = String::with_capacity(text.len());
        let mut end_of_last = 0;
        for found in self.pattern.captures_iter(text) {
            let Some(value) = found.name("v").or_else(|| found.get(0)) else {
                continue;
            };
            let between = text.get(end_of_last..value.start()).unwrap_or_default();
            let before = text.get(..value.start()).unwrap_or_default();
            let after = text.get(value.end()..).unwrap_or_default();
            if !(self.accepts)(before, value.as_str(), after) {
                continue;
            }
            masked.push_str(between);
            end_of_last = value.end();
            let next = seen.len() + 1;
            let number = *seen.entry(value.as_str().to_owned()).or_insert(next);
            match self.naming {
                Naming::Alike => masked.push_str(&format!("<{}>", self.placeholder)),
                Naming::Numbered => masked.push_str(&format!("<{}{number}>", self.placeholder)),
            }
        }
        masked.push_str(text.get(end_of_last..).unwrap_or_default());
        masked
    }
}

fn always(_: &str, _: &str, _: &str) -> bool {
    true
}

/// A bare run of hex digits is an address or a commit only with digits and
/// letters both, and not as a group of a uuid.
fn looks_like_hex(before: &str, found: &str, after: &str) -> bool {
    found.contains(|char: char| char.is_ascii_digit())
        && found.contains(|char: char| char.is_ascii_alphabetic())
        && !before.ends_with('-')
        && !after.starts_with('-')
}

fn rule(placeholder: &'static str, naming: Naming, source: &'static str) -> Rule {
    Rule {
        placeholder,
        pattern: pattern(source),
        accepts: always,
        naming,
    }
}

/// In this order: what comes later must not see parts of what came before.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    use Naming::{Alike, Numbered};
    vec![
        rule("time", Alike, TIMESTAMP),
        rule("hex", Numbered, r"\b0[xX][0-9a-fA-F]+\b"),
        Rule {
            accepts: looks_like_hex,
            ..rule("hex", Numbered, r"\b[0-9a-fA-F]{8,64}\b")
        },
        rule(
            "uuid",
            Numbered,
            r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        ),
        rule("tmp", Numbered, TEMPORARY_FOLDER),
        rule("tmp", Numbered, TEMPORARY_NAME),
        rule("port", Numbered, PORT),
        rule("pid", Numbered, PID),
        rule("duration", Alike, DURATION),
        rule(
            "n",
            Numbered,
            r"\b\d[\d_]*(?:[.,]\d+)*(?:[eE][+\-]?\d+)?[a-zA-Z]?\b",
        ),
    ]
});

/// ISO 8601, RFC 2822, asctime, access logs, and a time of day alone.
const TIMESTAMP: &str = r"(?x)
    \b\d{4}-\d{2}-\d{2} (?: [T\x20]\d{2}:\d{2} (?: :\d{2} (?:[.,]\d+)? )? )?
        (?: \s? (?: Z | [+\-]\d{2}:?\d{2} ) )? \b
  | \b (?: (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ,? \s+ )?
        \d{1,2} [\s\-/] (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [\s\-/] \d{4}
        (?: [\s:] \d{2}:\d{2} (?: :\d{2} )? )? (?: \s (?: GMT | UTC | [+\-]\d{4} ) )? \b
  | \b (?: (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \s+ )?
        (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \s+ \d{1,2} \s+
        \d{2}:\d{2}:\d{2} (?: \s+ \d{4} )? \b
  | \b \d{1,3}:\d{2}:\d{2} (?:[.,]\d+)? \b";

/// The system's folder for temporary files and the first name below it.
const TEMPORARY_FOLDER: &str = r#"(?xi)
    (?: [a-z]: [\\/]+ (?: [^\s'"<>|:*?]+ [\\/]+ )? te?mp | /private/var/folders/[^\s/'"]+/[^\s/'"]+/\w
      | /var/folders/[^\s/'"]+/[^\s/'"]+/\w | (?:/var|/private|/usr)? /tmp | /dev/shm )
    [\\/]+ [^\s/\\'",;:()<>]+"#;

/// Names that `tempfile` and the test suite make up.
const TEMPORARY_NAME: &str = r#"(?x)
    (?: [^\s'"()<>]* [\\/] )? test_python_ (?:worker_)? \w+
  | @test_\d+_tmp\w*
  | \b tmp [a-z0-9_]{8} \b
  | \b pymp- [a-z0-9_]{8} \b"#;

/// After an address or the word.
const PORT: &str = r#"(?xi)
    (?: \b \d{1,3}(?:\.\d{1,3}){3} (?: : | '\s*,\s* | "\s*,\s* )
      | \b localhost (?: : | '\s*,\s* | "\s*,\s* ) | \]: | '::1'?\s*,\s*
      | \b port \s* [=:]? \s* )
    (?P<v>\d{1,5}) \b"#;

/// After the word, or as the sanitizers print it.
const PID: &str = r"(?xi)
    (?: \b (?: pid | process | child | worker ) \s* [=:\#]? \s* | == ) (?P<v>\d+) \b";

/// `20 min 3 sec`, `1200 seconds`, `0.25s`, `12 ms`.
const DURATION: &str = r"(?xi)
    \b \d+ (?:\.\d+)? \s?
        (?: hours? | hrs? | h | minutes? | mins? | m | seconds? | secs? | s | ms | msecs? | us | ns
          | milliseconds? | microseconds? | nanoseconds? ) \b
    (?: \s \d+ (?:\.\d+)? \s? (?: minutes? | mins? | m | seconds? | secs? | s | ms ) \b )*";

/// Source paths begin at their top folder; Windows' backslashes become slashes.
fn without_build_directories(text: &str) -> String {
    static SOURCE_PATH: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"(?x)
            (?: [A-Za-z]: )? (?: [\\/]+ [^\s\\/'",;:()<>]+ | \.\.? )*
            [\\/]+ (?P<top> [Ll]ib | lib64 | Modules | Objects | Python | Parser | Include | Programs | PCbuild | PC )
            (?: [\\/]+ python\d+\.\d+t? )?
            (?P<rest> (?: [\\/]+ [^\s\\/'",;:()<>]+ )+ )"#,
        )
    });
    SOURCE_PATH
        .replace_all(text, |found: &regex::Captures<'_>| {
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
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::untrusted::tests::hostile_texts;

    #[test]
    fn each_kind_has_its_placeholder() {
        let check = |text: &str, expect: &str| assert_eq!(mask(text), expect, "{text}");
        check(
            "at 2024-07-22T10:11:12.5Z and 2024-07-22 10:11:12,123",
            "at <time> and <time>",
        );
        check(
            "Mon, 22 Jul 2024 10:11:12 GMT; Mon Jul 22 10:11:12 2024",
            "<time>; <time>",
        );
        check("Timeout (0:20:00)!", "Timeout (<time>)!");
        check(
            "<A at 0x7f12> <B at 0x7f13> <A at 0x7f12>",
            "<A at <hex1>> <B at <hex2>> <A at <hex1>>",
        );
        check(
            "thread 00001A2B3C4D5E6F in deadbeef1",
            "thread <hex1> in <hex2>",
        );
        check("id 550e8400-e29b-41d4-a716-446655440000", "id <uuid1>");
        check("'/tmp/tmpab12cd_9/x.txt' gone", "'<tmp1>/x.txt' gone");
        check(
            r"C:\Users\bot\AppData\Local\Temp\tmpq1w2e3r4\a",
            r"<tmp1>\a",
        );
        check("/var/folders/zz/abc_1/T/tmpq1w2e3r4", "<tmp1>");
        check("@test_1234_tmp and tmpq1w2e3r4", "<tmp1> and <tmp2>");
        check("/a/build/test_python_worker_99æ/x", "<tmp1>/x");
        check(
            "('127.0.0.1', 40123) 127.0.0.1:40123 port 8080",
            "('<n1>', <port1>) <n1>:<port1> port <port2>",
        );
        check(
            "pid=12 process 13 ==14==ERROR",
            "pid=<pid1> process <pid2> ==<pid3>==ERROR",
        );
        check(
            "20 min 3 sec, 1200 seconds, 0.25s",
            "<duration>, <duration>, <duration>",
        );
        check("1 != 2, 3 != 3, -11", "<n1> != <n2>, <n3> != <n3>, -<n4>");
        check(
            "[1, 1, 1] references, sum=3",
            "[<n1>, <n1>, <n1>] references, sum=<n2>",
        );
        check("Thread-12 of python3.13", "Thread-<n1> of python3.<n2>");
        check(
            "int32 utf8 test_b2a b'\\x00'",
            "int32 utf8 test_b2a b'\\x00'",
        );
    }

    #[test]
    fn source_paths_begin_at_their_top_folder() {
        let check = |text: &str, expect: &str| assert_eq!(mask(text), expect, "{text}");
        check(
            "/home/b/3.x/build/Lib/test/test_os.py:12",
            "Lib/test/test_os.py:<n1>",
        );
        check(
            r"D:\b\3.x.bot\build\lib\test\test_os.py",
            "Lib/test/test_os.py",
        );
        check(
            "/usr/lib64/python3.13/test/test_os.py",
            "Lib/test/test_os.py",
        );
        check(
            "../cpython/Objects/longobject.c:12:3: error",
            "Objects/longobject.c:<n1>:<n2>: error",
        );
        check("../Modules/x.c", "Modules/x.c");
        check("no/path here / there", "no/path here / there");
    }

    #[test]
    fn masking_is_stable_on_any_text() {
        for text in hostile_texts() {
            let masked = mask(&text);
            assert!(!masked.contains(char::is_control), "{text:?}");
            assert_eq!(mask(&text), masked);
        }
    }
}
