//! What people decided and said, as it was before a moment.
//!
//! Everything here was a person's word: what a rule decided is no confirmation. The
//! order is that of insertion (I23): a word is known by the last decision before it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::failure::FailureKind;

/// Before which decision, and for which notification, is asked: what was said of
/// that one itself tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The notification that is decided on.
    pub notification: i64,
    /// The decision that was not taken yet, nor any later one.
    pub before: i64,
}

impl Moment {
    /// Now: everything so far is known.
    pub const fn now(notification: i64) -> Self {
        Self {
            notification,
            before: i64::MAX,
        }
    }
}

/// A person's approval of one action for one incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The decision.
    pub decision: i64,
    /// On which notification.
    pub notification: i64,
    /// Which failures it was about.
    pub incident: i64,
    /// Their kind.
    pub kind: Option<FailureKind>,
    /// Whether a report was opened for them.
    pub opened: bool,
    /// The report that they went to, once it exists.
    pub issue: Option<u64>,
}

/// A person's word on a signature and a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The signature.
    pub signature: String,
    /// The report.
    pub issue: u64,
    /// Whether the failure belongs there.
    pub belongs: bool,
    /// Who said so.
    pub who: String,
    /// Of which notification, if of one.
    pub notification: Option<i64>,
    /// The last decision before it; 0 if there was none.
    pub behind: i64,
}

/// A decision and its notification.
type Taken = (i64, i64);

/// What people decided and said so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// By incident and report.
    approved: BTreeMap<(i64, u64), Vec<Taken>>,
    /// By the kind of failure.
    opened: BTreeMap<&'static str, Vec<Taken>>,
    /// By signature, in the order in which it was said.
    said: BTreeMap<String, Vec<Said>>,
    /// By signature, the names it had in earlier versions.
    names: BTreeMap<String, Vec<String>>,
}

impl Past {
    /// Nobody decided or said anything.
    pub const fn nothing() -> Self {
        Self {
            approved: BTreeMap::new(),
            opened: BTreeMap::new(),
            said: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// From all approvals, all words in the order in which they were said, and the
    /// names of signatures: new, old.
    pub fn new(
        approvals: impl IntoIterator<Item = Approval>,
        words: impl IntoIterator<Item = Said>,
        renamed: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut past = Self::nothing();
        for approval in approvals {
            let taken = (approval.decision, approval.notification);
            if let Some(issue) = approval.issue {
                let of_pair = past.approved.entry((approval.incident, issue));
                of_pair.or_default().push(taken);
            }
            if let Some(kind) = approval.kind.filter(|_| approval.opened) {
                past.opened.entry(kind.name()).or_default().push(taken);
            }
        }
        for word in words {
            let of_signature = past.said.entry(word.signature.clone());
            of_signature.or_default().push(word);
        }
        for (new, old) in renamed {
            past.names.entry(new).or_default().push(old);
        }
        past
    }

    /// Whether the last word before the moment on this very signature and the report
    /// was that it belongs there.
    pub fn knows(&self, signature: &str, issue: u64, moment: Moment) -> bool {
        let mut words = self.words(signature).into_iter();
        let last = words.rfind(|it| {
            it.issue == issue
                && it.behind < moment.before
                && it.notification != Some(moment.notification)
        });
        last.is_some_and(|it| it.belongs)
    }

    /// How many other notifications with a failure of this incident people had
    /// approved to go to this report.
    pub fn approved(&self, incident: i64, issue: u64, moment: Moment) -> u32 {
        counted(self.approved.get(&(incident, issue)), moment)
    }

    /// For how many other notifications with a failure of this kind people had
    /// approved to open a report.
    pub fn opened(&self, kind: FailureKind, moment: Moment) -> u32 {
        counted(self.opened.get(kind.name()), moment)
    }

    /// Who said after a decision that a failure with this signature does not belong
    /// to the report, or belongs to another one; the last word counts.
    pub fn contradicted(&self, signature: &str, issue: u64, decision: i64) -> Option<&str> {
        let mut words = self.words(signature).into_iter();
        let last = words.rfind(|it| it.behind >= decision)?;
        let agrees = (last.issue == issue) == last.belongs;
        (!agrees).then_some(last.who.as_str())
    }

    /// What was said of a signature by all its names, in order.
    fn words(&self, signature: &str) -> Vec<&Said> {
        let mut names = BTreeSet::from([signature]);
        let mut to_follow = vec![signature];
        while let Some(name) = to_follow.pop() {
            for old in self.names.get(name).into_iter().flatten() {
                if names.insert(old) {
                    to_follow.push(old);
                }
            }
        }
        let mut words: Vec<&Said> = names
            .iter()
            .filter_map(|name| self.said.get(*name))
            .flatten()
            .collect();
        words.sort_by_key(|word| word.behind);
        words
    }
}

fn counted(taken: Option<&Vec<Taken>>, moment: Moment) -> u32 {
    let others = taken
        .into_iter()
        .flatten()
        .filter(|(decision, of)| *decision < moment.before && *of != moment.notification);
    let once: BTreeSet<i64> = others.map(|(_, of)| *of).collect();
    u32::try_from(once.len()).unwrap_or(u32::MAX)
}
