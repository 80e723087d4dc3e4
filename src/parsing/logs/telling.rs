//! One look at a line instead of one for each reader of what is no test's: nearly
//! no line tells of it.

use std::sync::LazyLock;

use regex::Regex;

use super::{buildbot_steps, compiler, hosted_words, last_words, sanitizer};
use crate::parsing::pattern;

/// The words of the readers that are asked only where one of them stands.
const WORDS: [&str; 5] = [
    buildbot_steps::TELLING,
    hosted_words::TELLING,
    compiler::TELLING,
    last_words::TELLING,
    sanitizer::TELLING,
];

static ANY: LazyLock<Regex> = LazyLock::new(|| pattern(&WORDS.join("|")));

/// Whether the line may tell of a fault of the machine, of an error of a compiler,
/// or of a process that dies. (Two compilers begin with the quoted name of a file.)
pub(super) fn is_there(line: &str) -> bool {
    line.starts_with('"') || ANY.is_match(line)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// By these the regex crate looks for all words at once, up to 64 of them.
    #[test]
    fn words_begin_with_few_different_letters() {
        let words: Vec<String> = WORDS
            .iter()
            .flat_map(|words| words.split('|'))
            .map(|word| word.replace('\\', ""))
            .collect();
        let begins: HashSet<&str> = words
            .iter()
            .filter_map(|word| word.get(..word.len().min(4)))
            .collect();
        assert!(begins.len() <= 64, "{}", begins.len());
        assert!(is_there("x.c:1:1: error: y"));
        assert!(!is_there("test_x (test.test_y.Z.test_x) ... ok"));
    }
}
