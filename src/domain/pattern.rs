//! Regular expressions that are part of the program's text.

use regex::Regex;

/// Compiles a constant pattern, for use in a `LazyLock`.
///
/// The regex crate matches in linear time, so hostile text cannot stall it.
/// A pattern that does not compile is a typing error in the program; every
/// module that holds one runs it in its tests.
#[expect(
    clippy::expect_used,
    reason = "the patterns are constants and each is compiled by a test"
)]
pub fn pattern(source: &'static str) -> Regex {
    Regex::new(source).expect("a constant pattern compiles")
}
