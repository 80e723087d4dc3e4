//! One outgoing effect and what became of it.
//!
//! ```text
//! Queued -> Claimed -> Done
//!            |-> Queued(later)   definite refusal for now
//!            |-> Failed          definite refusal for good
//!            +-> InDoubt         no definite answer -> Done | Failed | a human says
//! ```

mod keyed;

pub use keyed::{
    TOKEN_DIGITS, answer_token, is_letter_id, is_own_loop_header, is_own_marker, letter_id,
    loop_header, marker, message_id,
};

use serde::{Deserialize, Serialize};

use crate::domain::Seconds;
use crate::domain::draft::Action;
use crate::domain::issue::IssueRef;

/// What kind of effect leaves the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryKind {
    /// A new issue in the tracker.
    OpenIssue,
    /// A comment on an issue, which may be opened again with it, or the table below
    /// an earlier comment.
    Comment,
    /// The mail to the list.
    Reply,
}

impl DeliveryKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::OpenIssue, Self::Comment, Self::Reply];

    /// The kind of an action; `None` if nothing leaves for it, and while a person
    /// still has to choose.
    pub fn of(action: &Action) -> Option<Self> {
        match action {
            Action::Open(_) => Some(Self::OpenIssue),
            // A table is part of a comment; a report is opened again with one.
            Action::Comment { .. }
            | Action::Reopen { .. }
            | Action::Count { table: Some(_), .. } => Some(Self::Comment),
            Action::Count { table: None, .. } | Action::Choose { .. } => None,
        }
    }

    /// The name it is stored by: `open_issue`.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenIssue => "open_issue",
            Self::Comment => "comment",
            Self::Reply => "reply",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it goes to the tracker, where writes are paced.
    pub fn is_tracker_write(self) -> bool {
        match self {
            Self::OpenIssue | Self::Comment => true,
            Self::Reply => false,
        }
    }
}

/// What one adapter's attempt came to. Every server answer is mapped to
/// exactly one of these; the mapping is a commented table beside the adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server took it.
    Done(Receipt),
    /// Provably nothing happened; try again, not before `after_seconds` if given.
    Later {
        /// The server's words or the network's error, one line.
        why: String,
        /// What the server asked for (Retry-After), in seconds.
        after_seconds: Option<u64>,
    },
    /// Provably nothing happened, and it never will as it is.
    Refused {
        /// The server's words, one line.
        why: String,
    },
    /// Nobody knows whether it happened.
    Unknown {
        /// What broke, one line.
        why: String,
    },
}

/// What a delivered effect can be found by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// A new or commented issue.
    Issue(IssueRef),
    /// A mail: what the server answered after the final dot.
    Mail {
        /// The server's answer, one line.
        answer: String,
    },
}

/// The longest pause that the program chooses by itself, in seconds (I18).
pub const LONGEST_PAUSE: u64 = 15 * 60;

/// The pause before the second attempt, in seconds, before chance shortens it.
const FIRST_PAUSE: u64 = 10;

/// A server that asks for more than this many seconds is asked again after
/// this many: the value may be wrong, and a person should not have to notice.
const LONGEST_ASKED: u64 = 24 * 60 * 60;

/// How many seconds to wait after an attempt that provably did nothing.
///
/// `attempts` counts those made so far, from 1. `asked` is what the server
/// wants (Retry-After, RFC 9110, section 10.2.3), in seconds: never sooner, also
/// when it is longer than [`LONGEST_PAUSE`]. `jitter` is a random number from 0
/// to 1: half of the pause is left to it, so that many waiting deliveries do
/// not come back at once. There is no greatest number of attempts: a server may
/// be away for days, and nothing is lost meanwhile.
pub fn retry_after(attempts: u32, asked: Option<u64>, jitter: f64) -> u64 {
    let doublings = attempts.saturating_sub(1).min(16);
    let whole = (FIRST_PAUSE << doublings).min(LONGEST_PAUSE);
    let by_chance = (whole / 2) as f64 * jitter.clamp(0.0, 1.0);
    let pause = whole - whole / 2 + by_chance as u64;
    match asked {
        Some(asked) => pause.max(asked.min(LONGEST_ASKED)),
        None => pause,
    }
}

/// When our own issues are listed after a create without a definite answer:
/// seconds since the doubt began (I5). The tracker may need a moment to show it.
pub const DOUBT_SCHEDULE: [u64; 4] = [5, 30, 2 * 60, 10 * 60];

/// When to look for a doubtful effect again; `None` when all looks are done
/// and a person has to say what happened. It is never sent again.
///
/// `checks_done` counts the listings that were answered and found nothing: one
/// that could not be made proves nothing and does not count.
pub fn doubt_check_due(
    checks_done: usize,
    in_doubt_since: Seconds,
    schedule: &[u64],
) -> Option<Seconds> {
    let after = schedule.get(checks_done)?;
    Some(in_doubt_since.saturating_add(Seconds::try_from(*after).unwrap_or(Seconds::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_the_kind() {
        for kind in DeliveryKind::ALL {
            assert_eq!(DeliveryKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(DeliveryKind::from_name("mail"), None);
    }

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let longest: Vec<u64> = (1..=9).map(|n| retry_after(n, None, 1.0)).collect();
        assert_eq!(longest, [10, 20, 40, 80, 160, 320, 640, 900, 900]);
        let shortest: Vec<u64> = (0..=8).map(|n| retry_after(n, None, 0.0)).collect();
        assert_eq!(shortest, [5, 5, 10, 20, 40, 80, 160, 320, 450]);
        assert_eq!(retry_after(u32::MAX, None, 1.0), 900);
    }

    #[test]
    fn the_servers_word_is_honoured() {
        assert_eq!(retry_after(1, Some(60), 0.5), 60);
        assert_eq!(retry_after(9, Some(60), 1.0), 900);
        assert_eq!(retry_after(1, Some(3600), 0.0), 3600);
        assert_eq!(retry_after(1, Some(u64::MAX), 0.0), 86_400);
    }

    #[test]
    fn chance_cannot_break_the_bounds() {
        for jitter in [f64::NAN, f64::INFINITY, -1.0, 7.0] {
            for attempts in [0, 1, 5, 100] {
                let pause = retry_after(attempts, None, jitter);
                assert!((5..=LONGEST_PAUSE).contains(&pause), "{jitter} {pause}");
            }
        }
    }

    #[test]
    fn doubt_ends_with_a_person() {
        let due = |done| doubt_check_due(done, 1_000, &DOUBT_SCHEDULE);
        assert_eq!(due(0), Some(1_005));
        assert_eq!(due(1), Some(1_030));
        assert_eq!(due(2), Some(1_120));
        assert_eq!(due(3), Some(1_600));
        assert_eq!(due(4), None);
        assert_eq!(doubt_check_due(0, 1_000, &[]), None);
        assert_eq!(doubt_check_due(0, 1_000, &[u64::MAX]), Some(Seconds::MAX));
    }
}
