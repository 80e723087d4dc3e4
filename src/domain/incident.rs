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
    /// All its failures are of incidents of that one, or it shares one with it whose
    /// report is still to be found or made: what is decided there can settle it too,
    /// with what else failed in it.
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

/// How a notification with failures of the incidents `own` stands to one that is about
/// those of `leader`, by itself and by what is settled along with it, and to its draft. `is_open` tells of an action of the draft,
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
    if decided == Decided::NotYet
        && (shared.len() == own.len() || shared.iter().any(|it| is_to_come(*it, draft)))
    {
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

/// Whether it is still to be decided where failures of an incident go, so that a second
/// draft would decide it again: not where they are only commented on. One that the
/// draft does not have yet came with a notification that is still to be put into it.
fn is_to_come(incident: i64, draft: &Draft) -> bool {
    let actions = draft.actions.iter().zip(&draft.incidents);
    let mut about = actions.filter(|(_, about)| about.contains(&incident));
    about.all(|(action, _)| {
        matches!(
            action,
            Action::Open(_) | Action::Reopen { .. } | Action::Choose { .. }
        )
    })
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
        // A failure of its own that the draft does not tell of: it joins where the
        // report of what they share is still to be made.
        assert_eq!(of(&[1, 9], NotYet, true), Relation::Along);
        assert_eq!(of(&[3, 9], NotYet, true), Relation::None);
        // Another one that joined is about 2 and 4, and is not in the draft yet.
        let joined = BTreeSet::from([1, 2, 3, 4]);
        let with_joined = |own: [i64; 2]| {
            let own = BTreeSet::from(own);
            relation(&own, &joined, &draft(), NotYet, |_| true)
        };
        assert_eq!(with_joined([4, 9]), Relation::Along);
        assert_eq!(with_joined([3, 9]), Relation::None);
        assert_eq!(of(&[9], NotYet, true), Relation::None);
        assert_eq!(of(&[], NotYet, true), Relation::None);
        // Nothing can join what was approved; a report that is about to be opened is
        // waited for.
        assert_eq!(of(&[1], Underway, true), Relation::After);
        assert_eq!(of(&[1], Underway, false), Relation::None);
        assert_eq!(of(&[3], Underway, true), Relation::None);
    }

    #[test]
    fn what_is_about_to_be_opened_again_is_waited_for() {
        let mut draft = draft();
        let issue = IssueRef {
            number: 7,
            url: "https://tracker.example/7".to_owned(),
            title: "seven".to_owned(),
        };
        let body = "Again.".to_owned();
        draft.actions = vec![Action::Reopen { issue, body }];
        let of = |own: [i64; 2], decided| {
            relation(
                &BTreeSet::from(own),
                &BTreeSet::from([1]),
                &draft,
                decided,
                |_| true,
            )
        };
        assert_eq!(of([1, 9], Decided::NotYet), Relation::Along);
        assert_eq!(of([1, 9], Decided::Underway), Relation::After);
    }
}
