//! Exit codes, signals and durations in the words of regrtest.

/// The signals that end tests, by number.
const SIGNALS: [(i64, &str); 12] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (15, "SIGTERM"),
];
/// What Windows gives as the exit code of a process that died (NTSTATUS).
const STATUS: [(u32, &str); 9] = [
    (0x8000_0003, "breakpoint"),
    (0xc000_0005, "access violation"),
    (0xc000_0017, "no memory"),
    (0xc000_001d, "illegal instruction"),
    (0xc000_0094, "integer division by zero"),
    (0xc000_00fd, "stack overflow"),
    (0xc000_013a, "control-C"),
    (0xc000_0374, "heap corruption"),
    (0xc000_0409, "fail fast or stack buffer overrun"),
];

/// The code of `crashed (Exit code -11)` and the like, also `0xC0000005`.
pub(super) fn code(words: &str) -> Option<i64> {
    let (_, rest) = words.split_once("Exit code ")?;
    let number = rest.split(|ch: char| !ch.is_ascii_alphanumeric() && ch != '-');
    let number = number.into_iter().next()?;
    match number.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    }
}

/// The signal of a negative code, or what Windows means by the code.
pub(super) fn signal(code: i64) -> Option<String> {
    if let Some(name) = code.checked_neg().and_then(signal_name) {
        return Some(name.to_owned());
    }
    let status = u32::try_from(code)
        .ok()
        .or_else(|| i32::try_from(code).ok().map(i32::cast_unsigned))?;
    STATUS
        .iter()
        .find(|(number, _)| *number == status)
        .map(|(number, words)| format!("{words} (0x{number:08X})"))
}

/// The name of a signal's number.
pub(super) fn signal_name(number: i64) -> Option<&'static str> {
    let found = SIGNALS.iter().find(|(known, _)| *known == number);
    found.map(|(_, name)| *name)
}

/// The seconds of `timed out (20 min 3 sec)`; parts of a second do not count.
pub(super) fn seconds(words: &str) -> Option<u64> {
    let (_, rest) = words.split_once('(')?;
    let (duration, _) = rest.split_once(')')?;
    let mut total = None;
    let mut number = 0;
    for word in duration.split_whitespace() {
        let unit = match word.trim_end_matches('s') {
            "hour" => 3600,
            "min" | "minute" => 60,
            "sec" | "second" => 1,
            "m" => 0,
            _ => {
                number = word.split('.').next()?.parse().ok()?;
                continue;
            }
        };
        total = Some(number.min(1_000_000) * unit + total.unwrap_or(0));
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_signals() {
        for (words, number, name) in [
            ("crashed (Exit code -11)", -11, Some("SIGSEGV")),
            (
                "worker non-zero exit code (Exit code -6 (SIGABRT))",
                -6,
                Some("SIGABRT"),
            ),
            ("crashed (Exit code 1)", 1, None),
            (
                "crashed (Exit code 3221225477)",
                3_221_225_477,
                Some("access violation (0xC0000005)"),
            ),
            (
                "crashed (Exit code 0xC00000FD)",
                3_221_225_725,
                Some("stack overflow (0xC00000FD)"),
            ),
            (
                "(Exit code -1073740940)",
                -1_073_740_940,
                Some("heap corruption (0xC0000374)"),
            ),
            ("(Exit code -77)", -77, None),
        ] {
            assert_eq!(code(words), Some(number), "{words}");
            assert_eq!(signal(number).as_deref(), name, "{words}");
        }
        assert_eq!(code("worker bug (empty JSON)"), None);
    }

    #[test]
    fn durations() {
        for (words, expect) in [
            ("timed out (20 min 3 sec)", Some(1203)),
            ("timed out (1 hour 2 min)", Some(3720)),
            ("timed out (4.5 sec)", Some(4)),
            ("timed out (544 ms)", Some(0)),
            ("timed out", None),
            ("timed out (soon)", None),
        ] {
            assert_eq!(seconds(words), expect, "{words}");
        }
    }
}
