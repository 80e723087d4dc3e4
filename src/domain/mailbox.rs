//! The cursor in an IMAP mailbox: what to fetch, from UIDVALIDITY and UIDNEXT.
//!
//! UIDs only ever grow while UIDVALIDITY stays the same (RFC 9051, section
//! 2.3.1.1), so "the first UID not yet seen" is all there is to remember. Flags
//! are never state: people and other programs change them. A server that is
//! restored from a backup, moved, or rebuilt can break the promise, and then
//! everything is looked at again; identity by content keeps that harmless.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Up to where the mails of a mailbox are in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The generation of the mailbox's UIDs; UIDs of another one mean nothing.
    pub uidvalidity: u32,
    /// Every mail with a smaller UID is stored, was there before the first
    /// start, or is gone.
    pub uidnext: u32,
}

/// What the server said when the mailbox was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected {
    /// The generation of the mailbox's UIDs.
    pub uidvalidity: u32,
    /// The next mail will get this UID or a greater one.
    pub uidnext: u32,
    /// How many mails there are.
    pub exists: u32,
}

/// What to do with a mailbox that was just opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Nothing is stored yet: begin at "now". Nothing is fetched.
    FirstStart {
        /// What to store; its `uidnext` is also the `first_uid` of [`missing`].
        cursor: Cursor,
    },
    /// Fetch what came since.
    Fetch {
        /// The first UID not yet stored.
        from: u32,
    },
    /// The UIDs can't be relied on: look at everything from UID 1 and tell what
    /// is known by its content.
    Rescan {
        /// Why, for the audit trail.
        anomaly: Anomaly,
        /// What to store before the first mail is fetched: the new generation,
        /// at UID 1.
        cursor: Cursor,
    },
}

/// How a mailbox broke the promise of ever-growing UIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Anomaly {
    /// The mailbox was re-created, moved or renumbered.
    #[error("the mailbox was renumbered (UIDVALIDITY was {was}, is {is})")]
    OtherGeneration {
        /// As stored.
        was: u32,
        /// As the server says now.
        is: u32,
    },
    /// The mailbox was restored from a backup.
    #[error("the mailbox went back in time (UIDNEXT was {was}, is {is})")]
    WentBack {
        /// As stored.
        was: u32,
        /// As the server says now.
        is: u32,
    },
}

/// Says what to do with the mailbox.
pub fn plan(stored: Option<&Cursor>, selected: &Selected) -> Plan {
    let Some(stored) = stored else {
        return Plan::FirstStart {
            cursor: Cursor {
                uidvalidity: selected.uidvalidity,
                uidnext: selected.uidnext,
            },
        };
    };
    let from_the_start = Cursor {
        uidvalidity: selected.uidvalidity,
        uidnext: 1,
    };
    if stored.uidvalidity != selected.uidvalidity {
        return Plan::Rescan {
            anomaly: Anomaly::OtherGeneration {
                was: stored.uidvalidity,
                is: selected.uidvalidity,
            },
            cursor: from_the_start,
        };
    }
    if selected.uidnext < stored.uidnext {
        return Plan::Rescan {
            anomaly: Anomaly::WentBack {
                was: stored.uidnext,
                is: selected.uidnext,
            },
            cursor: from_the_start,
        };
    }
    Plan::Fetch {
        from: stored.uidnext,
    }
}

impl Cursor {
    /// The cursor once the mail `uid` is stored. It never goes back.
    #[must_use]
    pub fn past(self, uid: u32) -> Self {
        Self {
            uidnext: self.uidnext.max(uid.saturating_add(1)),
            ..self
        }
    }

    /// The cursor once every mail the server had when it said `selected` is
    /// stored. Without this a mailbox whose newest mails were deleted before we
    /// saw them would not be noticed when it goes back in time.
    #[must_use]
    pub fn caught_up(self, selected: &Selected) -> Self {
        if self.uidvalidity != selected.uidvalidity {
            return self;
        }
        Self {
            uidnext: self.uidnext.max(selected.uidnext),
            ..self
        }
    }
}

/// The UIDs a `UID SEARCH UID n:*` really asked for, in order.
///
/// `n:*` always matches the last mail, even one below `n`, because a range has
/// no direction (RFC 9051, section 9, `seq-range`).
pub fn at_or_above(from: u32, found: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let found: BTreeSet<u32> = found.into_iter().filter(|uid| *uid >= from).collect();
    found.into_iter().collect()
}

/// The mails of the mailbox that the store does not know, in order.
///
/// `first_uid` is where the first start began in this generation (1 after a
/// rescan): what is older was never meant to be taken in.
pub fn missing(
    on_server: impl IntoIterator<Item = u32>,
    known: &BTreeSet<u32>,
    first_uid: u32,
) -> Vec<u32> {
    let mut uids = at_or_above(first_uid, on_server);
    uids.retain(|uid| !known.contains(uid));
    uids
}

/// How often each mail could not be fetched, so that one that never can be does
/// not hold up the others. Kept in memory: a restart tries afresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchTries {
    failures: BTreeMap<u32, u32>,
}

/// What kept a mail from being fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchFailure {
    /// The server refused it or said something that can't be read: the mail's
    /// own fault, most likely. Three of these are enough.
    Unreadable,
    /// The connection broke meanwhile: the network's fault, most likely, but a
    /// server that crashes over one mail looks the same. Twelve are enough.
    ConnectionLost,
}

/// What to do about a mail that could not be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Connect again and try once more.
    TryAgain,
    /// Put it into quarantine without its bytes and go on with the next.
    GiveUp,
}

impl FetchTries {
    const ENOUGH: u32 = 12;

    /// Nothing failed yet.
    pub const fn new() -> Self {
        Self {
            failures: BTreeMap::new(),
        }
    }

    /// Counts one failure and says what follows.
    pub fn failed(&mut self, uid: u32, failure: FetchFailure) -> AfterFailure {
        let weight = match failure {
            FetchFailure::Unreadable => Self::ENOUGH / 3,
            FetchFailure::ConnectionLost => 1,
        };
        let failures = self.failures.entry(uid).or_insert(0);
        *failures = failures.saturating_add(weight);
        if *failures < Self::ENOUGH {
            return AfterFailure::TryAgain;
        }
        AfterFailure::GiveUp
    }

    /// Forgets a mail that was fetched or given up.
    pub fn settled(&mut self, uid: u32) {
        self.failures.remove(&uid);
    }
}

impl Default for FetchTries {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(uidvalidity: u32, uidnext: u32) -> Selected {
        Selected {
            uidvalidity,
            uidnext,
            exists: 0,
        }
    }

    #[test]
    fn the_first_start_begins_at_now() {
        let cursor = Cursor {
            uidvalidity: 7,
            uidnext: 41,
        };
        assert_eq!(plan(None, &selected(7, 41)), Plan::FirstStart { cursor });
    }

    #[test]
    fn mails_since_the_cursor_are_fetched() {
        let stored = Cursor {
            uidvalidity: 7,
            uidnext: 41,
        };
        assert_eq!(
            plan(Some(&stored), &selected(7, 41)),
            Plan::Fetch { from: 41 }
        );
        assert_eq!(
            plan(Some(&stored), &selected(7, 99)),
            Plan::Fetch { from: 41 }
        );
    }

    #[test]
    fn another_generation_or_a_step_back_means_a_rescan() {
        let stored = Cursor {
            uidvalidity: 7,
            uidnext: 41,
        };
        assert_eq!(
            plan(Some(&stored), &selected(8, 99)),
            Plan::Rescan {
                anomaly: Anomaly::OtherGeneration { was: 7, is: 8 },
                cursor: Cursor {
                    uidvalidity: 8,
                    uidnext: 1
                },
            }
        );
        assert_eq!(
            plan(Some(&stored), &selected(7, 40)),
            Plan::Rescan {
                anomaly: Anomaly::WentBack { was: 41, is: 40 },
                cursor: Cursor {
                    uidvalidity: 7,
                    uidnext: 1
                },
            }
        );
    }

    #[test]
    fn the_last_mail_is_not_taken_for_a_new_one() {
        assert_eq!(at_or_above(10, [9]), Vec::<u32>::new());
        assert_eq!(at_or_above(10, [12, 9, 10, 12]), vec![10, 12]);
    }

    #[test]
    fn only_unknown_mails_since_the_first_start_are_missing() {
        let known = BTreeSet::from([5, 6]);
        assert_eq!(missing([8, 2, 6, 5, 7], &known, 5), vec![7, 8]);
    }

    #[test]
    fn a_poisonous_mail_is_given_up_and_a_bad_line_has_more_patience() {
        let mut tries = FetchTries::new();
        assert_eq!(
            tries.failed(3, FetchFailure::Unreadable),
            AfterFailure::TryAgain
        );
        assert_eq!(
            tries.failed(3, FetchFailure::Unreadable),
            AfterFailure::TryAgain
        );
        assert_eq!(
            tries.failed(3, FetchFailure::Unreadable),
            AfterFailure::GiveUp
        );
        let lost = (0..12).map(|_| tries.failed(4, FetchFailure::ConnectionLost));
        let patience = lost
            .take_while(|after| *after == AfterFailure::TryAgain)
            .count();
        assert_eq!(patience, 11);
        tries.settled(4);
        assert_eq!(
            tries.failed(4, FetchFailure::ConnectionLost),
            AfterFailure::TryAgain
        );
    }

    /// A server and a store in random steps: mails come, some are deleted, the
    /// program dies after any fetch, the mailbox is re-created or goes back.
    /// Whatever happens, every mail that is still there in the end was stored,
    /// except those from before the first start.
    #[test]
    fn no_mail_is_lost_in_any_order_of_events() {
        for seed in 0..500 {
            walk(seed);
        }
    }

    fn walk(seed: u64) {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut server = Server::with_history(random.below(4));
        let mut backup = server.clone();
        let history: BTreeSet<u64> = server.mails.values().copied().collect();
        let mut store = Store {
            cursor: None,
            contents: BTreeSet::new(),
        };
        store.sync(&server, usize::MAX);
        for _ in 0..random.below(30) {
            match random.below(12) {
                0..=5 => server.deliver(),
                6 => server.delete_one(random.below(8)),
                7 => server.recreate(),
                8 => backup = server.clone(),
                9 => server.restore(&backup),
                _ => store.sync(&server, random.below(3) as usize),
            }
        }
        store.sync(&server, usize::MAX);
        let lost: Vec<_> = server
            .mails
            .values()
            .filter(|mail| !store.contents.contains(mail) && !history.contains(mail))
            .collect();
        assert!(lost.is_empty(), "seed {seed} lost {lost:?}");
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % bound
        }
    }

    #[derive(Clone)]
    struct Server {
        uidvalidity: u32,
        uidnext: u32,
        mails: BTreeMap<u32, u64>,
        delivered: u64,
    }

    impl Server {
        fn with_history(mails: u64) -> Self {
            let mut server = Self {
                uidvalidity: 1,
                uidnext: 1,
                mails: BTreeMap::new(),
                delivered: 0,
            };
            (0..mails).for_each(|_| server.deliver());
            server
        }

        fn deliver(&mut self) {
            self.delivered += 1;
            self.mails.insert(self.uidnext, self.delivered);
            self.uidnext += 1;
        }

        fn delete_one(&mut self, index: u64) {
            if let Some(uid) = self.mails.keys().nth(index as usize).copied() {
                self.mails.remove(&uid);
            }
        }

        fn recreate(&mut self) {
            let mails: Vec<u64> = self.mails.values().copied().collect();
            self.uidvalidity += 1;
            self.mails = mails.into_iter().zip(1..).map(|(m, u)| (u, m)).collect();
            self.uidnext = self.mails.len() as u32 + 1;
        }

        /// A server restored from a backup must announce another generation
        /// when UIDs could be given out twice; ours does.
        fn restore(&mut self, backup: &Self) {
            let delivered = self.delivered;
            let uidvalidity = self.uidvalidity + 1;
            *self = backup.clone();
            self.delivered = delivered;
            self.uidvalidity = uidvalidity;
        }
    }

    struct Store {
        cursor: Option<Cursor>,
        contents: BTreeSet<u64>,
    }

    impl Store {
        /// Opens the mailbox and stores at most `mails` mails before it dies.
        fn sync(&mut self, server: &Server, mails: usize) {
            let selected = Selected {
                uidvalidity: server.uidvalidity,
                uidnext: server.uidnext,
                exists: server.mails.len() as u32,
            };
            let mut cursor = match plan(self.cursor.as_ref(), &selected) {
                Plan::FirstStart { cursor } | Plan::Rescan { cursor, .. } => cursor,
                Plan::Fetch { from } => Cursor {
                    uidnext: from,
                    uidvalidity: selected.uidvalidity,
                },
            };
            self.cursor = Some(cursor);
            let new = at_or_above(cursor.uidnext, server.mails.keys().copied());
            for uid in new.iter().take(mails) {
                self.contents.insert(server.mails[uid]);
                cursor = cursor.past(*uid);
                self.cursor = Some(cursor);
            }
            if new.len() <= mails {
                self.cursor = Some(cursor.caught_up(&selected));
            }
        }
    }
}
