//! What hosted CI systems put around the lines of a log: GitHub Actions and Azure
//! Pipelines a time and `##[group]`-like marks, AppVeyor a clock, Jenkins a time in
//! brackets, Travis CI the bounds of folds. None of it is the build's own output.

/// Marks of the runners of GitHub Actions and Azure Pipelines; the text behind them
/// is kept.
const MARKS: [&str; 9] = [
    "group", "endgroup", "error", "warning", "notice", "debug", "command", "section", "info",
];

/// The line, without escape sequences and split at carriage returns, without what a
/// hosted CI system put before it. Looks at a few bytes only.
pub(super) fn undecorated(line: &str) -> &str {
    let line = without_byte_order_mark(line);
    match line.as_bytes().first() {
        Some(b'0'..=b'9') => match line.get(time_length(line)..) {
            Some(rest) if rest.len() < line.len() => without_mark(without_byte_order_mark(rest)),
            _ => line,
        },
        Some(b'#') => without_mark(line),
        Some(b'[') => without_clock(without_date(line)),
        Some(b't') if line.starts_with("travis_") => without_folds(line),
        _ => line,
    }
}

fn without_byte_order_mark(line: &str) -> &str {
    line.strip_prefix('\u{feff}').unwrap_or(line)
}

/// How long a time such as `2026-04-23T10:11:12.1234567Z ` at the beginning is, with
/// the blank behind it. The seven digits tell it from a program's own times.
fn time_length(line: &str) -> usize {
    const FORM: &[u8; 28] = b"0000-00-00T00:00:00.0000000Z";
    let fits = line.len() >= FORM.len()
        && line.bytes().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == *form,
        });
    match (fits, line.as_bytes().get(FORM.len())) {
        (true, None) => FORM.len(),
        (true, Some(b' ')) => FORM.len() + 1,
        _ => 0,
    }
}

fn without_mark(line: &str) -> &str {
    let Some((mark, rest)) = line
        .strip_prefix("##[")
        .and_then(|rest| rest.split_once(']'))
    else {
        return line;
    };
    if MARKS.contains(&mark) { rest } else { line }
}

/// `[2026-04-23T10:11:12.345Z] ` of Jenkins.
fn without_date(line: &str) -> &str {
    const FORM: &[u8; 27] = b"[0000-00-00T00:00:00.000Z] ";
    let fits = line.len() >= FORM.len()
        && line.bytes().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == *form,
        });
    line.get(FORM.len()..).filter(|_| fits).unwrap_or(line)
}

/// `[00:12:34] ` of AppVeyor. (A progress of regrtest has blanks or `/` in it.)
fn without_clock(line: &str) -> &str {
    const FORM: &[u8; 10] = b"[00:00:00]";
    let fits = line.len() >= FORM.len()
        && line.bytes().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == *form,
        });
    let rest = line.get(FORM.len()..).filter(|_| fits);
    match rest {
        Some("") => "",
        Some(rest) => rest.strip_prefix(' ').unwrap_or(line),
        None => line,
    }
}

/// `travis_fold:start:x` and `travis_time:start:y`: a carriage return, at which the
/// line was split, ends each.
fn without_folds(line: &str) -> &str {
    let is_bound = ["travis_fold:", "travis_time:"]
        .iter()
        .any(|word| line.starts_with(word));
    if is_bound { "" } else { line }
}

#[cfg(test)]
mod tests {
    use super::undecorated;

    #[test]
    fn what_a_ci_system_added_is_taken_off() {
        for (line, bare) in [
            (
                "2026-04-23T10:11:12.1234567Z FAIL: test_a (test.test_b.C.test_a)",
                "FAIL: test_a (test.test_b.C.test_a)",
            ),
            (
                "2026-04-23T10:11:12.1234567Z   File \"a.py\"",
                "  File \"a.py\"",
            ),
            ("2026-04-23T10:11:12.1234567Z ", ""),
            ("2026-04-23T10:11:12.1234567Z", ""),
            (
                "\u{feff}2026-04-23T10:11:12.1234567Z ##[group]Run make test",
                "Run make test",
            ),
            ("2026-04-23T10:11:12.1234567Z ##[endgroup]", ""),
            (
                "##[error]Process completed with exit code 2.",
                "Process completed with exit code 2.",
            ),
            ("[00:12:34] test test_x failed", "test test_x failed"),
            (
                "[2026-04-23T10:11:12.345Z]   File \"a.py\"",
                "  File \"a.py\"",
            ),
            ("[00:12:34]   File \"a.py\"", "  File \"a.py\""),
            ("[00:12:34]", ""),
            ("travis_time:end:1f:start=1,finish=2", ""),
            ("travis_fold:end:script", ""),
        ] {
            assert_eq!(undecorated(line), bare, "{line:?}");
        }
    }

    #[test]
    fn a_builds_own_words_stay() {
        for line in [
            "",
            "0:01:02 load avg: 1.20 [ 12/430/1] test_x failed",
            "[ 12/430/1] test_x failed",
            "[1/2] test_x",
            "[00:12:34]x",
            "[00:12] x",
            "2026-04-23T10:11:12Z log",
            "2026-04-23T10:11:12.123Z log",
            "2026-04-23T10:11:12.1234567Zx",
            "2026-04-23T10:11:12.123456",
            "2026-04-23T10:11:1é.1234567Z x",
            "##[strange]x",
            "##[",
            "# a comment",
            "test_x (test.test_y.Z.test_x) ... FAIL",
            "travis_foldings",
            "é",
        ] {
            assert_eq!(undecorated(line), line, "{line:?}");
        }
    }
}
