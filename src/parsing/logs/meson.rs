//! Meson's `meson test` and `ninja test`.

use std::collections::VecDeque;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::found::{Found, clipped};
use super::last_words;
use super::others::{MAX_FAILED, MAX_LINES};
use crate::domain::failure::{FailureKind, TestId};
use crate::parsing::pattern;

/// Longer lines are no result.
const MAX_LINE: usize = 1000;

/// `12/40 suite / test   FAIL   0.51s   exit status 1`
static ENDED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*\d+/\d+ +(?P<name>\S.*?) +(?P<word>OK|FAIL|ERROR|TIMEOUT|UNEXPECTEDPASS|EXPECTEDFAIL|SKIP|IGNORED|INTERRUPT) +(?P<seconds>\d+)\.\d+ ?s(?: +(?P<how>.*))?$",
    )
});

/// Reads which tests failed, and the end of what each printed.
#[derive(Debug, Default)]
pub(super) struct Meson {
    failed: Vec<Failed>,
    /// The output of the last failed test is being shown.
    in_output: bool,
}

#[derive(Debug)]
struct Failed {
    name: String,
    kind: FailureKind,
    signal: Option<String>,
    seconds: Option<u64>,
    line: String,
    number: Option<u64>,
    output: VecDeque<String>,
}

impl Meson {
    /// Whether only Meson prints such a line: one of a test, or the heading of the
    /// list at the end.
    pub(super) fn begins(line: &str) -> bool {
        line == "Summary of Failures:" || ended(line).is_some()
    }

    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        if let Some(found) = ended(line) {
            self.in_output = false;
            self.ended(&found, number);
        } else if line.starts_with("――") {
            // With scissors it begins.
            self.in_output = line.contains('✀');
        } else if self.in_output
            && let Some(failed) = self.failed.last_mut()
        {
            failed.show(line);
        }
    }

    fn ended(&mut self, found: &Captures<'_>, number: Option<u64>) {
        let part = |name| found.name(name).map_or("", |part| part.as_str().trim());
        let (name, how) = (part("name"), part("how"));
        let signal = how
            .split_once("killed by signal ")
            .and_then(|(_, rest)| rest.split(' ').nth(1));
        let kind = match part("word") {
            "FAIL" if signal.is_some_and(last_words::is_crash) => FailureKind::Crash,
            "FAIL" => FailureKind::TestFailed,
            "ERROR" => FailureKind::TestError,
            "TIMEOUT" => FailureKind::Timeout,
            "UNEXPECTEDPASS" => FailureKind::UnexpectedSuccess,
            _ => return,
        };
        // The list at the end names them again.
        let is_known = self.failed.iter().any(|failed| failed.name == name);
        if is_known || self.failed.len() >= MAX_FAILED {
            return;
        }
        let words = part("word");
        let line = match how {
            "" => format!("{name} {words}"),
            how => format!("{name} {words} ({how})"),
        };
        self.failed.push(Failed {
            name: name.to_owned(),
            kind,
            signal: signal.map(str::to_owned),
            seconds: part("seconds").parse().ok(),
            line: clipped(&line).to_owned(),
            number,
            output: VecDeque::new(),
        });
    }

    pub(super) fn finish(self) -> Vec<Found> {
        self.failed.into_iter().map(Failed::into_found).collect()
    }
}

/// Looks at the count before it looks at the whole line.
fn ended(line: &str) -> Option<Captures<'_>> {
    let (number, rest) = line.trim_start().split_once('/')?;
    let is_counted = !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && rest.starts_with(|ch: char| ch.is_ascii_digit());
    (is_counted && line.len() <= MAX_LINE)
        .then(|| ENDED.captures(line))
        .flatten()
}

impl Failed {
    /// The end of what a test prints says most.
    fn show(&mut self, line: &str) {
        if line.trim().is_empty() || matches!(line, "stdout:" | "stderr:") {
            return;
        }
        if self.output.len() >= MAX_LINES {
            self.output.pop_front();
        }
        self.output.push_back(clipped(line).to_owned());
    }

    fn into_found(self) -> Found {
        let test = TestId {
            file: Some(self.name),
            ..TestId::default()
        };
        let mut found = Found {
            excerpt: std::iter::once(self.line.clone())
                .chain(self.output)
                .collect(),
            line: Some(self.line),
            ..Found::new(self.kind, test)
        };
        found.details.log_line = self.number;
        match self.kind {
            FailureKind::Timeout => found.details.timeout_seconds = self.seconds,
            FailureKind::Crash => found.details.signal = self.signal,
            _ => {}
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_and_how() {
        let log = "\
 1/5 core:unit / parse  OK              0.01s
 2/5 core:unit / print  FAIL            0.02s   exit status 1
>>> MALLOC_PERTURB_=151 /w/print
―――――――――――――――――――――― ✀  ――――――――――――――――――――――
stderr:
print: expected 3, got 4
――――――――――――――――――――――――――――――――――――――――――――――――
 3/5 hang               TIMEOUT        30.03s   killed by signal 15 SIGTERM
 4/5 dies               FAIL            0.20s   killed by signal 11 SIGSEGV
 5/5 odd                EXPECTEDFAIL    0.01s   exit status 1

Summary of Failures:

2/5 core:unit / print FAIL            0.02s   exit status 1
";
        let mut meson = Meson::default();
        for (line, number) in log.lines().zip(1..) {
            meson.push(line, Some(number));
        }
        let shown: Vec<String> = meson
            .finish()
            .iter()
            .map(|found| format!("{:?} {}", found.kind, found.excerpt.join(" | ")))
            .collect();
        assert_eq!(
            shown,
            [
                "TestFailed core:unit / print FAIL (exit status 1) | print: expected 3, got 4",
                "Timeout hang TIMEOUT (killed by signal 15 SIGTERM)",
                "Crash dies FAIL (killed by signal 11 SIGSEGV)",
            ]
        );
    }

    #[test]
    fn other_lines_begin_nothing() {
        for line in [
            "",
            "1/3 test_x",
            "0:00:01 [1/3] test_x failed",
            "[1/3] Compiling C object x.o",
            "3/4 Test #3: a .......   Passed    0.01 sec",
        ] {
            assert!(!Meson::begins(line), "{line}");
        }
    }
}
