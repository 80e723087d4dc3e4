//! Rules that people write for a bug report: which failures belong to it.
//!
//! ```text
//! module == "test_ssl" && os == "windows" && log ~ /timed out/
//! kind == "crash" && !(branch == "3.12" || branch == "3.13")
//! log ~ /Fatal Python error: .*/ then /in _wait_for_tstate_lock/
//! ```
//!
//! | written | true if |
//! |---|---|
//! | `field == "text"` | the field is exactly this; `!=` is the opposite |
//! | `field ~ /pattern/` | the pattern is found in the field; `!~` is the opposite |
//! | `log ~ /A/ then /B/` | A is found, and behind it B: in that line or a later one |
//! | `!x`, `x && y`, `x \|\| y`, `( )` | as usual; `!` binds most, `\|\|` least |
//!
//! In order: [`Subject`] is what a rule looks at, `lexer` and `parser` read the
//! condition, [`Condition`] is what is read and says whether it holds. Patterns
//! match in linear time, and everything a person writes here is bounded.

mod condition;
mod lexer;
mod parser;
mod platform;
mod subject;
#[cfg(test)]
mod tests;

use ring::digest;

use crate::domain::draft::hex;

pub use condition::Condition;
pub use parser::{Fault, parse};
pub use subject::{Field, Subject};

/// Most rules that one file has.
pub const MAX_RULES: usize = 500;

/// Most patterns in all rules together: each may take a quarter of a megabyte.
pub const MAX_PATTERNS: usize = 1000;

/// A rule's name is not longer, in characters.
pub const MAX_NAME: usize = 60;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Letters, digits, `.`, `_` and `-`; no other rule has it.
    pub name: String,
    /// The bug report that the failures belong to.
    pub issue: u64,
    /// The condition as it is written.
    pub when: String,
    /// The condition as it is meant.
    pub condition: Condition,
    /// What a person says of a failure that the rule is for; not all fields.
    pub sample: Subject,
    /// For those who come after.
    pub note: Option<String>,
    /// The line of its file at which it begins, from 1.
    pub line: usize,
}

/// All rules that are in use, in the order of their file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rulebook {
    rules: Vec<Rule>,
    digest: String,
}

impl Rulebook {
    /// Of these rules.
    pub fn new(rules: Vec<Rule>) -> Self {
        let digest = digest_of(&rules);
        Self { rules, digest }
    }

    /// Without any rule.
    pub fn none() -> Self {
        Self::new(Vec::new())
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// SHA-256 in hex over what decides: names, reports and conditions. Samples,
    /// notes and comments may change without it. Empty if there are no rules.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The rules that take a failure, in order.
    pub fn taking<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = &'a Rule> {
        let takes = |rule: &&Rule| rule.condition.holds(subject);
        self.rules.iter().filter(takes)
    }
}

fn digest_of(rules: &[Rule]) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let mut context = digest::Context::new(&digest::SHA256);
    for rule in rules {
        for part in [&rule.name, &rule.issue.to_string(), &rule.when] {
            // Its length in front: no two lists of rules give the same bytes.
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
    }
    hex(context.finish().as_ref())
}
