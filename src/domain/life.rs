//! The life of a notification, derived from what its row records.
//!
//! ```text
//! Received -> Parsed -> Matched -> Drafted -> Approved -> Delivered
//!     |         ^          |         |  ^edit, link   |
//!     |         |          v         |                +-> Closed(Undeliverable)
//!     |         +------ Attached     +-> Closed(Rejected | Expired | Recovered | AnsweredByHuman)
//!     |                    +-> Closed(SettledTogether | AnsweredByHuman)
//!     +-> Closed(NotAFailure ...)
//! ```
//!
//! The stage is never stored: [`stage`] is the one place that knows which facts
//! make which stage, and it refuses every combination that no arrow leads to.
//! A notification that is held or waits keeps its stage.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a notification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The raw mail is there and nobody has read it yet.
    Received,
    /// It was read as a notification; its failures are to be matched.
    Parsed,
    /// Every failure has a verdict; the draft is to be made.
    Matched,
    /// It is of the same incident as another notification, and what becomes of
    /// that one settles it too, or lets it go on by itself.
    Attached,
    /// A person has to decide.
    Drafted,
    /// Somebody (or a named rule) approved; deliveries are on their way.
    Approved,
    /// Everything approved was delivered.
    Delivered,
    /// Nothing more will happen.
    Closed(ClosedReason),
    /// It broke the program several times; the raw mail waits for a person.
    Quarantined,
}

/// Why nothing more will happen to a notification. A sentence is kept beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedReason {
    /// The mail is no notification of a failure.
    NotAFailure,
    /// It came through another list.
    OtherList,
    /// It is the program's own mail, come back.
    OwnMail,
    /// A person wrote it.
    HumanReply,
    /// The rules for automatic mail forbid an answer (RFC 3834).
    Refused,
    /// The builder is green again.
    Recovered,
    /// Nobody decided in time.
    Expired,
    /// A person rejected the draft.
    Rejected,
    /// A person answered the notification on the list.
    AnsweredByHuman,
    /// A delivery was refused for good.
    Undeliverable,
    /// Reading and matching left nothing to say.
    NothingToDo,
    /// The decision on another notification of its incident settled it.
    SettledTogether,
    /// A person filed the build, and then the mail about it came in.
    Superseded,
    /// It is an approver's answer, or came to the address for those.
    Answer,
}

impl ClosedReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::NotAFailure,
        Self::OtherList,
        Self::OwnMail,
        Self::HumanReply,
        Self::Refused,
        Self::Recovered,
        Self::Expired,
        Self::Rejected,
        Self::AnsweredByHuman,
        Self::Undeliverable,
        Self::NothingToDo,
        Self::SettledTogether,
        Self::Superseded,
        Self::Answer,
    ];

    /// The name it is stored and filtered by: `not_a_failure`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotAFailure => "not_a_failure",
            Self::OtherList => "other_list",
            Self::OwnMail => "own_mail",
            Self::HumanReply => "human_reply",
            Self::Refused => "refused",
            Self::Recovered => "recovered",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::AnsweredByHuman => "answered_by_human",
            Self::Undeliverable => "undeliverable",
            Self::NothingToDo => "nothing_to_do",
            Self::SettledTogether => "settled_together",
            Self::Superseded => "superseded",
            Self::Answer => "answer",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// When in its life a notification can be closed for this reason.
    fn fits(self, facts: &Facts) -> bool {
        match self {
            // What the mail is, or what matching left, is known before a draft is made.
            Self::NotAFailure
            | Self::OtherList
            | Self::OwnMail
            | Self::HumanReply
            | Self::Refused
            | Self::Answer
            | Self::NothingToDo => !facts.drafted && !facts.attached && facts.decided.is_none(),
            // The world went on without us.
            Self::Recovered | Self::Expired | Self::AnsweredByHuman | Self::Superseded => {
                facts.decided.is_none()
            }
            Self::Rejected => facts.decided == Some(FinalWord::Rejected),
            Self::Undeliverable => facts.deliveries == Deliveries::Failed,
            Self::SettledTogether => facts.attached,
        }
    }
}

/// The final word on a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FinalWord {
    /// It may leave, exactly as it is.
    Approved,
    /// It may not.
    Rejected,
}

/// What became of the deliveries of a notification, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deliveries {
    /// There are none.
    None,
    /// At least one can still move, or is in doubt.
    Open,
    /// At least one was refused for good, and no other can move any more.
    Failed,
    /// All are done.
    Done,
}

/// What the row of a notification records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Facts {
    /// A reading was recorded.
    pub read: bool,
    /// Verdicts were recorded.
    pub matched: bool,
    /// There is a current draft.
    pub drafted: bool,
    /// It is attached to another notification.
    pub attached: bool,
    /// Somebody approved or rejected.
    pub decided: Option<FinalWord>,
    /// The outbox.
    pub deliveries: Deliveries,
    /// It was closed.
    pub closed: Option<ClosedReason>,
    /// It was quarantined.
    pub quarantined: bool,
}

/// A row that no path through the program can have made: another program wrote
/// to the database, or there is a bug. Such a row is shown to a person, never
/// acted upon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("impossible: {0}")]
pub struct ImpossibleFacts(pub &'static str);

/// Where a notification with these facts stands.
pub fn stage(facts: &Facts) -> Result<Stage, ImpossibleFacts> {
    refuse_impossible(facts)?;
    if facts.quarantined {
        return Ok(Stage::Quarantined);
    }
    if let Some(reason) = facts.closed {
        return Ok(Stage::Closed(reason));
    }
    Ok(match (facts.deliveries, facts.decided) {
        (Deliveries::Done, _) => Stage::Delivered,
        (_, Some(_)) => Stage::Approved,
        _ if facts.attached => Stage::Attached,
        _ if facts.drafted => Stage::Drafted,
        _ if facts.matched => Stage::Matched,
        _ if facts.read => Stage::Parsed,
        _ => Stage::Received,
    })
}

fn refuse_impossible(facts: &Facts) -> Result<(), ImpossibleFacts> {
    let approved = facts.decided == Some(FinalWord::Approved);
    let impossible = [
        (facts.matched && !facts.read, "matched before it was read"),
        (
            facts.drafted && !facts.matched,
            "drafted before it was matched",
        ),
        (
            facts.attached && !facts.matched,
            "attached before it was matched",
        ),
        (
            facts.attached && facts.drafted,
            "attached, yet with a draft of its own",
        ),
        (
            facts.decided.is_some() && !facts.drafted,
            "decided without a draft",
        ),
        (
            approved != (facts.deliveries != Deliveries::None),
            "approval and deliveries do not belong together",
        ),
        (
            facts.decided == Some(FinalWord::Rejected) && facts.closed.is_none(),
            "rejected, yet not closed",
        ),
        (
            facts.deliveries == Deliveries::Failed && facts.closed.is_none(),
            "no delivery can move any more, yet it is not closed",
        ),
        (
            facts.closed.is_some_and(|reason| !reason.fits(facts)),
            "closed for a reason that does not fit",
        ),
        (
            facts.quarantined && (facts.closed.is_some() || facts.decided.is_some()),
            "quarantined after it was closed or decided",
        ),
    ];
    match impossible.into_iter().find(|(holds, _)| *holds) {
        Some((_, why)) => Err(ImpossibleFacts(why)),
        None => Ok(()),
    }
}

/// Where one delivery stands. Only `Queued` is ever sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Nothing happened yet, provably.
    Queued,
    /// The request with the effect is being made.
    Claimed,
    /// It may or may not have happened. Never sent again by the program.
    InDoubt,
    /// It happened.
    Done,
    /// Refused for good; provably nothing happened.
    Failed,
}

/// What the row of a delivery records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryFacts {
    /// A claim was committed and not taken back.
    pub claimed: bool,
    /// The claim ended without a definite answer.
    pub in_doubt: bool,
    /// A receipt was recorded.
    pub done: bool,
    /// It was refused for good.
    pub failed: bool,
}

/// Where a delivery with these facts stands.
pub fn delivery_state(facts: DeliveryFacts) -> Result<DeliveryState, ImpossibleFacts> {
    match (facts.claimed, facts.in_doubt, facts.done, facts.failed) {
        (_, _, true, true) => Err(ImpossibleFacts("done and failed")),
        (false, true, _, _) => Err(ImpossibleFacts("in doubt without a claim")),
        (_, true, true, _) | (_, true, _, true) => {
            Err(ImpossibleFacts("in doubt, yet done or failed"))
        }
        (_, _, true, false) => Ok(DeliveryState::Done),
        (_, _, false, true) => Ok(DeliveryState::Failed),
        (true, true, false, false) => Ok(DeliveryState::InDoubt),
        (true, false, false, false) => Ok(DeliveryState::Claimed),
        (false, false, false, false) => Ok(DeliveryState::Queued),
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received => f.write_str("received"),
            Self::Parsed => f.write_str("parsed"),
            Self::Matched => f.write_str("matched"),
            Self::Attached => f.write_str("attached"),
            Self::Drafted => f.write_str("drafted"),
            Self::Approved => f.write_str("approved"),
            Self::Delivered => f.write_str("delivered"),
            Self::Closed(reason) => write!(f, "closed ({reason})"),
            Self::Quarantined => f.write_str("quarantined"),
        }
    }
}

impl fmt::Display for ClosedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAFailure => "not a failure",
            Self::OtherList => "other list",
            Self::OwnMail => "own mail",
            Self::HumanReply => "written by a person",
            Self::Refused => "no answer allowed",
            Self::Recovered => "recovered",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::AnsweredByHuman => "answered by a person",
            Self::Undeliverable => "undeliverable",
            Self::NothingToDo => "nothing to do",
            Self::SettledTogether => "settled together with another",
            Self::Superseded => "a mail took its place",
            Self::Answer => "answer of an approver",
        })
    }
}

impl fmt::Display for FinalWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        })
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queued => "queued",
            Self::Claimed => "being sent",
            Self::InDoubt => "in doubt",
            Self::Done => "done",
            Self::Failed => "failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const START: Facts = Facts {
        read: false,
        matched: false,
        drafted: false,
        attached: false,
        decided: None,
        deliveries: Deliveries::None,
        closed: None,
        quarantined: false,
    };

    use ClosedReason as Why;

    /// The arrows of the picture, one step from these facts. Starting over, which
    /// leads back to START, is left out.
    fn arrows(from: Facts) -> Vec<Facts> {
        if from.quarantined {
            return Vec::new();
        }
        match (from.closed, from.decided) {
            (Some(Why::Undeliverable), _) => vec![Facts {
                deliveries: Deliveries::Open,
                closed: None,
                ..from
            }],
            (Some(_), _) => Vec::new(),
            (None, Some(_)) => after_the_approval(from),
            (None, None) => before_the_decision(from),
        }
    }

    fn after_the_approval(from: Facts) -> Vec<Facts> {
        if from.deliveries == Deliveries::Done {
            return Vec::new();
        }
        vec![
            Facts {
                deliveries: Deliveries::Done,
                ..from
            },
            Facts {
                deliveries: Deliveries::Failed,
                closed: Some(Why::Undeliverable),
                ..from
            },
        ]
    }

    fn before_the_decision(from: Facts) -> Vec<Facts> {
        let close = |reason| Facts {
            closed: Some(reason),
            ..from
        };
        let mut next: Vec<_> = [
            Why::Recovered,
            Why::Expired,
            Why::AnsweredByHuman,
            Why::Superseded,
        ]
        .map(close)
        .into();
        next.push(Facts {
            quarantined: true,
            ..from
        });
        if from.attached {
            next.push(close(Why::SettledTogether));
            // It goes on by itself.
            next.push(Facts {
                matched: false,
                attached: false,
                ..from
            });
            return next;
        }
        if from.drafted {
            next.push(Facts {
                decided: Some(FinalWord::Approved),
                deliveries: Deliveries::Open,
                ..from
            });
            next.push(Facts {
                decided: Some(FinalWord::Rejected),
                ..close(Why::Rejected)
            });
            return next;
        }
        let known_early = [
            Why::NotAFailure,
            Why::OtherList,
            Why::OwnMail,
            Why::HumanReply,
            Why::Refused,
            Why::Answer,
            Why::NothingToDo,
        ];
        next.extend(known_early.map(close));
        if from.matched {
            next.push(Facts {
                attached: true,
                ..from
            });
        }
        next.push(Facts {
            read: true,
            matched: from.read,
            drafted: from.matched,
            ..from
        });
        next
    }

    fn reachable() -> HashSet<Facts> {
        let mut found = HashSet::from([START]);
        let mut open = vec![START];
        while let Some(facts) = open.pop() {
            open.extend(arrows(facts).into_iter().filter(|next| found.insert(*next)));
        }
        found
    }

    fn every_combination() -> Vec<Facts> {
        let flags = [false, true];
        let words = [None, Some(FinalWord::Approved), Some(FinalWord::Rejected)];
        let outboxes = [
            Deliveries::None,
            Deliveries::Open,
            Deliveries::Failed,
            Deliveries::Done,
        ];
        let closings: Vec<_> = [None]
            .into_iter()
            .chain(ClosedReason::ALL.map(Some))
            .collect();
        let mut all = Vec::new();
        for read in flags {
            for matched in flags {
                for [drafted, attached] in [[false; 2], [true, false], [false, true], [true; 2]] {
                    for decided in words {
                        for deliveries in outboxes {
                            for &closed in &closings {
                                all.extend(flags.map(|quarantined| Facts {
                                    read,
                                    matched,
                                    drafted,
                                    attached,
                                    decided,
                                    deliveries,
                                    closed,
                                    quarantined,
                                }));
                            }
                        }
                    }
                }
            }
        }
        all
    }

    #[test]
    fn a_stage_exists_exactly_for_what_the_arrows_lead_to() {
        let reachable = reachable();
        let all = every_combination();
        assert_eq!(all.len(), 2 * 2 * 4 * 3 * 4 * 15 * 2);
        for facts in all {
            let found = stage(&facts);
            assert_eq!(
                found.is_ok(),
                reachable.contains(&facts),
                "{facts:?} is {found:?}"
            );
        }
    }

    #[test]
    fn the_way_through_passes_every_stage() {
        let mut facts = START;
        let mut way = vec![stage(&facts).unwrap()];
        let mut go = |change: fn(&mut Facts)| {
            change(&mut facts);
            way.push(stage(&facts).unwrap());
        };
        go(|facts| facts.read = true);
        go(|facts| facts.matched = true);
        go(|facts| facts.drafted = true);
        go(|facts| {
            facts.decided = Some(FinalWord::Approved);
            facts.deliveries = Deliveries::Open;
        });
        go(|facts| facts.deliveries = Deliveries::Done);
        assert_eq!(
            way,
            [
                Stage::Received,
                Stage::Parsed,
                Stage::Matched,
                Stage::Drafted,
                Stage::Approved,
                Stage::Delivered
            ]
        );
    }

    #[test]
    fn every_reason_is_found_by_its_name() {
        for reason in ClosedReason::ALL {
            assert_eq!(ClosedReason::from_name(reason.name()), Some(reason));
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json.trim_matches('"'), reason.name());
        }
        assert_eq!(ClosedReason::from_name("tired"), None);
    }

    #[test]
    fn a_delivery_is_sent_only_from_a_clean_row() {
        let flags = [false, true];
        let mut possible = Vec::new();
        for claimed in flags {
            for in_doubt in flags {
                for done in flags {
                    for failed in flags {
                        let facts = DeliveryFacts {
                            claimed,
                            in_doubt,
                            done,
                            failed,
                        };
                        possible.extend(delivery_state(facts).map(|state| (facts, state)));
                    }
                }
            }
        }
        let queued: Vec<_> = possible
            .iter()
            .filter(|(_, state)| *state == DeliveryState::Queued)
            .collect();
        assert_eq!(possible.len(), 7);
        assert_eq!(queued.len(), 1);
        let (facts, _) = queued[0];
        assert!(!facts.claimed && !facts.in_doubt && !facts.done && !facts.failed);
    }
}
