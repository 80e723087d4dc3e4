//! Incidents: failures of one kind, whenever and wherever they happen.

use std::collections::BTreeSet;

use crate::domain::draft::{Action, Draft};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::notification::Build;

/// Whether a failure says enough of itself to be recognised. What follows from
/// another failure, what is no bug, and what tells no more than that the build
/// failed is of no incident: any two of those would look the same.
pub fn is_telling(build: &Build, failure: &Failure) -> bool {
    let says_more = failure.line.is_some() && failure.line != build.state;
    failure.kind != FailureKind::Infrastructure
        && !failure.consequence
        && (failure.test.file.is_some() || failure.exception.is_some() || says_more)
}

/// How a notification stands to another one that has a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// All its failures are of incidents of that one: what is decided there can
    /// settle it too.
    Along,
    /// Some are, and a report is about to be opened for them: it waits until there
    /// is one, rather than drafting a second.
    After,
    /// Nothing keeps it from going on by itself.
    None,
}

/// Where the draft of the other notification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// A person has not decided yet.
    NotYet,
    /// It was approved, and some of it is still to leave.
    Underway,
}

/// How a notification with failures of the incidents `own` stands to one with
/// failures of `leader`, and this draft. `is_open` tells of an action of the draft,
/// by its index, whether it still has to happen.
pub fn relation(
    own: &BTreeSet<i64>,
    leader: &BTreeSet<i64>,
    draft: &Draft,
    decided: Decided,
    is_open: impl Fn(usize) -> bool,
) -> Relation {
    let shared: BTreeSet<i64> = own.intersection(leader).copied().collect();
    if shared.is_empty() {
        return Relation::None;
    }
    if decided == Decided::NotYet && shared.len() == own.len() {
        return Relation::Along;
    }
    let opens = |(index, action): (usize, &Action)| {
        let about = draft.incidents.get(index);
        matches!(action, Action::Open(_) | Action::Reopen { .. })
            && is_open(index)
            && about.is_some_and(|about| about.iter().any(|it| shared.contains(it)))
    };
    match draft.actions.iter().enumerate().any(opens) {
        true => Relation::After,
        false => Relation::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::draft::NewIssue;
    use crate::domain::issue::IssueRef;

    fn draft() -> Draft {
        Draft {
            actions: vec![
                Action::Open(NewIssue {
                    title: "test_os fails".to_owned(),
                    body: "It fails.".to_owned(),
                    versions: Vec::new(),
                    components: Vec::new(),
                }),
                Action::Count {
                    issue: IssueRef {
                        number: 7,
                        url: "https://tracker.example/7".to_owned(),
                        title: "seven".to_owned(),
                    },
                    table: None,
                },
            ],
            reply: None,
            along: Vec::new(),
            incidents: vec![vec![1, 2], vec![3]],
            warnings: Vec::new(),
        }
    }

    #[test]
    fn who_is_settled_along_and_who_waits() {
        let leader = BTreeSet::from([1, 2, 3]);
        let of = |own: &[i64], decided, is_open: bool| {
            let own = own.iter().copied().collect();
            relation(&own, &leader, &draft(), decided, |_| is_open)
        };
        use Decided::{NotYet, Underway};
        assert_eq!(of(&[1], NotYet, true), Relation::Along);
        assert_eq!(of(&[1, 2, 3], NotYet, true), Relation::Along);
        assert_eq!(of(&[3], NotYet, true), Relation::Along);
        // A failure of its own that the draft does not tell of.
        assert_eq!(of(&[1, 9], NotYet, true), Relation::After);
        assert_eq!(of(&[3, 9], NotYet, true), Relation::None);
        assert_eq!(of(&[9], NotYet, true), Relation::None);
        assert_eq!(of(&[], NotYet, true), Relation::None);
        // Nothing can join what was approved; a report that is about to be opened is
        // waited for.
        assert_eq!(of(&[1], Underway, true), Relation::After);
        assert_eq!(of(&[1], Underway, false), Relation::None);
        assert_eq!(of(&[3], Underway, true), Relation::None);
    }
}
