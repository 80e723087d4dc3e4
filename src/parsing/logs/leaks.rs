//! Leaks that regrtest's `-R` finds.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::Leak;
use crate::parsing::pattern;

/// Most repetitions of which the numbers are kept.
const MAX_RUNS: usize = 50;

static LEAK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(\S+) leaked \[([-\d, ]*)\] ([a-z][a-z ]*), sum=(-?\d+)"));

/// The file of `test_x leaked [1, 1, 1] references, sum=3`, and how much of what.
/// regrtest also prints some that it takes for no leak.
pub(super) fn read(line: &str) -> Option<(&str, Leak)> {
    if !line.contains(" leaked [") || line.ends_with("(this is fine)") {
        return None;
    }
    let found = LEAK.captures(line)?;
    let part = |index| Some(found.get(index)?.as_str());
    let leak = Leak {
        resource: part(3)?.to_owned(),
        runs: part(2)?
            .split(", ")
            .filter_map(|run| run.parse().ok())
            .take(MAX_RUNS)
            .collect(),
        sum: part(4)?.parse().ok()?,
    };
    Some((part(1)?, leak))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_leaks() {
        let (file, leak) = read("test_bool leaked [1, 1, 1] file descriptors, sum=3").unwrap();
        assert_eq!(
            (file, leak.resource.as_str()),
            ("test_bool", "file descriptors")
        );
        assert_eq!((leak.runs.as_slice(), leak.sum), ([1, 1, 1].as_slice(), 3));
        let (file, leak) =
            read("test_asyncio.test_x leaked [-3, 1, 0] memory blocks, sum=-2").unwrap();
        assert_eq!(file, "test_asyncio.test_x");
        assert_eq!(
            (leak.runs.as_slice(), leak.sum),
            ([-3, 1, 0].as_slice(), -2)
        );
        assert_eq!(
            read("test_x leaked [1, 0, 0] memory blocks, sum=1 (this is fine)"),
            None
        );
        assert_eq!(
            read("Warning -- test_x leaked temporary files (1): a"),
            None
        );
    }
}
