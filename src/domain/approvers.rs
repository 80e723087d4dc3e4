//! Who decides by mail: the addresses, what each may say, how often they are written to.

use crate::domain::Seconds;
use crate::domain::decision::{Approver, Decision};

const HOUR: Seconds = 3600;
const DAY: Seconds = 24 * HOUR;

/// A draft is brought to mind so many times at most, each after a longer wait.
pub const MOST_REMINDERS: u32 = 3;

/// Everything that is configured about deciding by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvers {
    /// Never empty; no name and no address stands there twice.
    pub people: Vec<Person>,
    /// The address that answers go to, in lower case. Whatever goes to it or to one
    /// of its subaddresses is an answer, and never a notification.
    pub answers_to: String,
    /// A further folder of the mailbox that answers come to, if there is one.
    pub folder: Option<String>,
    /// Whose word on signatures is believed, and when.
    pub trust: Trust,
    /// An undecided draft is brought to mind after so many seconds.
    pub remind_after: Option<Seconds>,
    /// Mails to one approver in any 3,600 s.
    pub mails_an_hour: u32,
    /// How links to the page begin, without a slash at the end, if there is one.
    pub page: Option<String>,
}

/// The one server whose Authentication-Results header (RFC 8601) is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// What it calls itself in that header, in lower case.
    pub authserv_id: String,
    /// The servers, in lower case, whose Received header may stand above that header,
    /// each as often as it is listed.
    pub received_by: Vec<String>,
    /// Which of that server's headers count, where there are several.
    pub results: Believed,
}

/// Which of several Authentication-Results headers of the trusted server count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Believed {
    /// The topmost alone: safe also where its own Received header stands above it, as
    /// long as it writes one into every mail.
    Topmost,
    /// Each that stands where only own servers write. Where the Received header of the
    /// trusted server stands above its results, senders write there as well: not for it.
    All,
}

/// One approver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who is named as having decided.
    pub name: Approver,
    /// Where mails go, and the only one that answers count from; in lower case.
    pub address: String,
    /// When mails are written.
    pub mails: Mails,
    /// What may be decided by mail.
    pub may: Vec<Verb>,
}

/// When mails are written to an approver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mails {
    /// One for each draft, at once.
    Each,
    /// One for all drafts of the time since the last.
    Digest(Rhythm),
}

/// When digests are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rhythm {
    /// Every day at this hour, from 0 to 23, UTC.
    At(u32),
    /// Every so many seconds, counted from the first of them that is of use.
    Every(Seconds),
}

/// What can be decided by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Let exactly this draft leave.
    Approve,
    /// Refuse it for good.
    Reject,
    /// Lay it aside.
    Hold,
    /// Choose another report.
    Link,
    /// Change the texts.
    Edit,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Approve,
        Self::Reject,
        Self::Hold,
        Self::Link,
        Self::Edit,
    ];

    /// As it is written in the configuration and in mails.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Hold => "hold",
            Self::Link => "link",
            Self::Edit => "edit",
        }
    }

    /// What a decision takes; none for what is never taken by mail.
    pub const fn of(decision: &Decision) -> Option<Self> {
        match decision {
            Decision::Approve => Some(Self::Approve),
            Decision::Reject { .. } => Some(Self::Reject),
            Decision::Hold { .. } => Some(Self::Hold),
            Decision::Link { .. } => Some(Self::Link),
            Decision::Edit => Some(Self::Edit),
            Decision::Release => None,
        }
    }
}

impl Rhythm {
    /// Whether a digest is due now, if the last was written at `last`.
    pub fn is_due(self, last: Option<Seconds>, now: Seconds) -> bool {
        match (self, last) {
            (Self::Every(_), None) => true,
            (Self::Every(pause), Some(last)) => now.saturating_sub(last) >= pause,
            (Self::At(hour), last) => {
                let hour = Seconds::from(hour) * HOUR;
                let today = now.div_euclid(DAY) * DAY + hour;
                let moment = if today > now { today - DAY } else { today };
                // Without an earlier one the first is at the next such hour.
                match last {
                    Some(last) => last < moment,
                    None => now.saturating_sub(moment) < HOUR,
                }
            }
        }
    }
}

impl Approvers {
    /// The approver with that address.
    pub fn with_address(&self, address: &str) -> Option<&Person> {
        let is_it = |it: &&Person| it.address.eq_ignore_ascii_case(address);
        self.people.iter().find(is_it)
    }

    /// The approver of that name.
    pub fn named(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|it| it.name.as_str() == name)
    }

    /// The address that an answer about one draft goes to: `local+TOKEN@domain`.
    pub fn answer_address(&self, token: &str) -> String {
        match self.answers_to.split_once('@') {
            Some((local, domain)) => format!("{local}+{token}@{domain}"),
            None => self.answers_to.clone(),
        }
    }

    /// The token in an address that an answer was sent to.
    pub fn token_in<'a>(&self, address: &'a str) -> Option<&'a str> {
        detail(&self.answers_to, address)?.strip_prefix('+')
    }
}

/// Whether `address` is `base` itself, or a subaddress of it (RFC 5233).
pub fn is_subaddress(base: &str, address: &str) -> bool {
    detail(base, address).is_some_and(|detail| detail.is_empty() || detail.starts_with('+'))
}

/// What `address` has behind the local part of `base`, in the same domain.
fn detail<'a>(base: &str, address: &'a str) -> Option<&'a str> {
    let (own_local, own_domain) = base.split_once('@')?;
    let (local, domain) = address.split_once('@')?;
    let (before, detail) = local.split_at_checked(own_local.len())?;
    let is_base = before.eq_ignore_ascii_case(own_local) && domain.eq_ignore_ascii_case(own_domain);
    is_base.then_some(detail)
}

/// Whether a draft is brought to mind again, by the mails to one approver that told
/// of it: how many there were, and when the last one was. Each wait is twice as
/// long as the one before.
pub fn reminder_is_due(
    remind_after: Option<Seconds>,
    (mails, last): (u32, Seconds),
    now: Seconds,
) -> bool {
    let Some(pause) = remind_after else {
        return false;
    };
    let Some(reminders) = mails.checked_sub(1) else {
        return false;
    };
    let wait = pause.saturating_mul(1_i64 << reminders.min(MOST_REMINDERS));
    reminders < MOST_REMINDERS && now.saturating_sub(last) >= wait
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approvers() -> Approvers {
        Approvers {
            people: vec![Person {
                name: Approver::new("Ada Lovelace").unwrap(),
                address: "ada@example.org".into(),
                mails: Mails::Each,
                may: vec![Verb::Hold],
            }],
            answers_to: "decide@watch.example".into(),
            folder: None,
            trust: Trust {
                authserv_id: "mx.watch.example".into(),
                received_by: Vec::new(),
                results: Believed::Topmost,
            },
            remind_after: None,
            mails_an_hour: 20,
            page: None,
        }
    }

    #[test]
    fn an_answer_is_known_by_its_address() {
        let all = approvers();
        assert_eq!(all.answer_address("abc"), "decide+abc@watch.example");
        assert_eq!(all.token_in("Decide+abc@Watch.example"), Some("abc"));
        assert_eq!(all.token_in("decide@watch.example"), None);
        assert_eq!(all.token_in("decide+abc@other.example"), None);
        assert_eq!(all.token_in("other+abc@watch.example"), None);
        for (address, is_it) in [
            ("decide@watch.example", true),
            ("DECIDE+x@watch.example", true),
            ("decide+@watch.example", true),
            ("decide+x+y@watch.example", true),
            ("decided@watch.example", false),
            ("decide@watch.example.org", false),
            ("decide", false),
        ] {
            assert_eq!(is_subaddress(&all.answers_to, address), is_it, "{address}");
        }
    }

    #[test]
    fn digests_have_a_rhythm() {
        let at = Rhythm::At(7);
        let seven = 1000 * DAY + 7 * HOUR;
        assert!(!at.is_due(None, seven - 1));
        assert!(at.is_due(None, seven));
        assert!(!at.is_due(None, seven + 2 * HOUR));
        assert!(at.is_due(Some(seven - HOUR), seven));
        assert!(!at.is_due(Some(seven), seven + HOUR));
        assert!(!at.is_due(Some(seven), seven + DAY - 1));
        assert!(at.is_due(Some(seven), seven + DAY));
        let every = Rhythm::Every(4 * HOUR);
        assert!(every.is_due(None, seven));
        assert!(!every.is_due(Some(seven), seven + 4 * HOUR - 1));
        assert!(every.is_due(Some(seven), seven + 4 * HOUR));
    }

    #[test]
    fn reminders_are_damped() {
        let due = |mails, after: Seconds| reminder_is_due(Some(HOUR), (mails, 0), after);
        assert!(!due(0, DAY), "nothing was told yet");
        assert!(!due(1, HOUR - 1));
        assert!(due(1, HOUR));
        assert!(!due(2, HOUR));
        assert!(due(2, 2 * HOUR));
        assert!(due(3, 4 * HOUR));
        assert!(!due(4, 100 * DAY), "three are enough");
        assert!(!reminder_is_due(None, (1, 0), 100 * DAY));
    }
}
