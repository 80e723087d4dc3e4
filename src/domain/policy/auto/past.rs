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

/// The notifications that were approved for one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Taken {
    /// Of each the first decision, in order.
    decisions: Vec<i64>,
    /// The same by notification.
    of: BTreeMap<i64, i64>,
}

impl Taken {
    fn add(&mut self, decision: i64, notification: i64) {
        let first = self.of.entry(notification).or_insert(decision);
        *first = decision.min(*first);
    }

    /// To be called once, after the last one was added.
    fn put_in_order(&mut self) {
        self.decisions = self.of.values().copied().collect();
        self.decisions.sort_unstable();
    }

    /// How many others were before a moment.
    fn before(&self, moment: Moment) -> u32 {
        let all = self.decisions.partition_point(|it| *it < moment.before);
        let own = self.of.get(&moment.notification);
        let own = usize::from(own.is_some_and(|it| *it < moment.before));
        u32::try_from(all.saturating_sub(own)).unwrap_or(u32::MAX)
    }
}

/// What people decided and said so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// By incident and report.
    approved: BTreeMap<(i64, u64), Taken>,
    /// By the kind of failure.
    opened: BTreeMap<&'static str, Taken>,
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
            let (decision, of) = (approval.decision, approval.notification);
            if let Some(issue) = approval.issue {
                let of_pair = past.approved.entry((approval.incident, issue));
                of_pair.or_default().add(decision, of);
            }
            if let Some(kind) = approval.kind.filter(|_| approval.opened) {
                let of_kind = past.opened.entry(kind.name());
                of_kind.or_default().add(decision, of);
            }
        }
        let taken = past.approved.values_mut().chain(past.opened.values_mut());
        taken.for_each(Taken::put_in_order);
        for word in words {
            let of_signature = past.said.entry(word.signature.clone());
            of_signature.or_default().push(word);
        }
        for words in past.said.values_mut() {
            words.sort_by_key(|it| it.behind);
        }
        for (new, old) in renamed {
            past.names.entry(new).or_default().push(old);
        }
        past
    }

    /// Whether the last word before the moment on this very signature and the report
    /// was that it belongs there.
    pub fn knows(&self, signature: &str, issue: u64, moment: Moment) -> bool {
        let last = self.last_word(signature, |words| {
            // What was said later is most of a long history.
            let earlier = words.partition_point(|it| it.behind < moment.before);
            let own = Some(moment.notification);
            let is_wanted = |it: &&Said| it.issue == issue && it.notification != own;
            words.get(..earlier)?.iter().rfind(is_wanted)
        });
        last.is_some_and(|it| it.belongs)
    }

    /// How many other notifications with a failure of this incident people had
    /// approved to go to this report.
    pub fn approved(&self, incident: i64, issue: u64, moment: Moment) -> u32 {
        let taken = self.approved.get(&(incident, issue));
        taken.map_or(0, |it| it.before(moment))
    }

    /// For how many other notifications with a failure of this kind people had
    /// approved to open a report.
    pub fn opened(&self, kind: FailureKind, moment: Moment) -> u32 {
        let taken = self.opened.get(kind.name());
        taken.map_or(0, |it| it.before(moment))
    }

    /// Who said after a decision that a failure with this signature does not belong
    /// to the report, or belongs to another one; the last word counts.
    pub fn contradicted(&self, signature: &str, issue: u64, decision: i64) -> Option<&str> {
        let last = self.last_word(signature, |words| {
            words.last().filter(|it| it.behind >= decision)
        })?;
        let agrees = (last.issue == issue) == last.belongs;
        (!agrees).then_some(last.who.as_str())
    }

    /// The last word on a signature by any of its names; `last` picks that of one name.
    fn last_word<'a>(
        &'a self,
        signature: &str,
        last: impl Fn(&'a [Said]) -> Option<&'a Said>,
    ) -> Option<&'a Said> {
        let names = self.names(signature).into_iter();
        let of_names = names.filter_map(|name| self.said.get(name));
        let words = of_names.filter_map(|words| last(words));
        words.max_by_key(|it| it.behind)
    }

    /// A signature's names: the old ones, and last its own.
    fn names<'a>(&'a self, signature: &'a str) -> Vec<&'a str> {
        if !self.names.contains_key(signature) {
            return vec![signature];
        }
        let mut names = BTreeSet::from([signature]);
        let mut to_follow = vec![signature];
        while let Some(name) = to_follow.pop() {
            for old in self.names.get(name).into_iter().flatten() {
                if names.insert(old) {
                    to_follow.push(old);
                }
            }
        }
        names.remove(signature);
        names.into_iter().chain([signature]).collect()
    }
}
