//! What matters in a build: many failed tests of one module are one thing to a
//! person, and what follows from another failure, or passed when it was run
//! again, comes after what did not.

use crate::domain::failure::Failure;

/// More failed tests of one module than this are told as one.
pub const TESTS_OF_A_MODULE: usize = 4;

/// Failures that are told as one; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded<'a> {
    /// The module that they are folded into; `None` for a single failure.
    pub module: Option<&'a str>,
    /// The failures, in the build's order; the first one speaks for them.
    pub failures: Vec<&'a Failure>,
}

impl<'a> Folded<'a> {
    /// The failure that speaks for all.
    pub fn first(&self) -> Option<&'a Failure> {
        self.failures.first().copied()
    }
}

/// Puts the failures of a build in the order in which they matter: causes,
/// consequences, what passed when it was run again. Among each of these, more
/// than [`TESTS_OF_A_MODULE`] tests of one module are folded into one.
pub fn fold(failures: &[Failure]) -> Vec<Folded<'_>> {
    let mut folded: Vec<Folded<'_>> = Vec::new();
    for rank in 0..3 {
        let of_rank: Vec<&Failure> = failures.iter().filter(|it| rank_of(it) == rank).collect();
        let begin = folded.len();
        for failure in &of_rank {
            let module = failure.test.module().filter(|module| {
                failure.kind.is_of_a_test() && count(&of_rank, module) > TESTS_OF_A_MODULE
            });
            let known = folded
                .iter_mut()
                .skip(begin)
                .find(|known| module.is_some() && known.module == module);
            match known {
                Some(known) => known.failures.push(failure),
                None => folded.push(Folded {
                    module,
                    failures: vec![failure],
                }),
            }
        }
    }
    folded
}

fn rank_of(failure: &Failure) -> u8 {
    match (failure.flaky, failure.consequence) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    }
}

fn count(failures: &[&Failure], module: &str) -> usize {
    failures
        .iter()
        .filter(|failure| failure.kind.is_of_a_test() && failure.test.module() == Some(module))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::{Details, FailureKind, TestId};
    use crate::domain::signature::Signature;

    /// `test_os.test_a`, with `~` in front if flaky, `>` if a consequence, `!` if a
    /// crash.
    fn failure(text: &str) -> Failure {
        let name = text.trim_start_matches(['~', '>', '!']);
        let (file, method) = name.split_once('.').unwrap();
        Failure {
            test: TestId {
                file: Some(file.to_owned()),
                method: Some(method.to_owned()),
                ..TestId::default()
            },
            kind: if text.starts_with('!') {
                FailureKind::Crash
            } else {
                FailureKind::TestError
            },
            exception: None,
            message: None,
            line: None,
            excerpt: Vec::new(),
            signature: Signature(String::new()),
            flaky: text.starts_with('~'),
            consequence: text.starts_with('>'),
            details: Details::default(),
        }
    }

    fn check(failures: &str, expect: &[&str]) {
        let failures: Vec<Failure> = failures.split(' ').map(failure).collect();
        let shown: Vec<String> = fold(&failures)
            .iter()
            .map(|folded| {
                let names = folded.failures.iter().map(|it| it.test.qualified());
                let names: Vec<String> = names.collect();
                match folded.module {
                    Some(module) => format!("{module}: {}", names.len()),
                    None => names.join(" "),
                }
            })
            .collect();
        assert_eq!(shown, expect);
    }

    #[test]
    fn five_tests_of_a_module_are_one() {
        check("a.1 a.2 a.3 a.4", &["a.1", "a.2", "a.3", "a.4"]);
        check("a.1 b.1 a.2 a.3 a.4 a.5", &["a: 5", "b.1"]);
        check("a.1 a.2 !a.x a.3 a.4", &["a.1", "a.2", "a.x", "a.3", "a.4"]);
    }

    #[test]
    fn what_matters_less_comes_later() {
        check("~a.1 >b.1 c.1", &["c.1", "b.1", "a.1"]);
        check("~a.1 ~a.2 ~a.3 ~a.4 ~a.5 a.6 >a.7", &["a.6", "a.7", "a: 5"]);
    }
}
