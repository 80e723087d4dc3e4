//! Leaks that regrtest's `-R` finds.

use std::sync::LazyLock;

use regex::Regex;

use crate::parsing::pattern;

static LEAK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(\S+) leaked \[[-\d, ]*\] (?:references|memory blocks|file descriptors|[a-z ]+), sum=-?\d+",
    )
});

/// The file of `test_x leaked [1, 1, 1] references, sum=3`.
pub(super) fn read(line: &str) -> Option<&str> {
    if !line.contains(" leaked [") {
        return None;
    }
    Some(LEAK.captures(line)?.get(1)?.as_str())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_leaks() {
        assert_eq!(
            read("test_bool leaked [1, 1, 1] file descriptors, sum=3"),
            Some("test_bool")
        );
        assert_eq!(
            read("test_asyncio.test_x leaked [3, 1, 0] memory blocks, sum=4"),
            Some("test_asyncio.test_x")
        );
        assert_eq!(
            read("Warning -- test_x leaked temporary files (1): a"),
            None
        );
    }
}
