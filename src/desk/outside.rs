//! How things stand with the list, with the people who are asked by mail, and with the
//! channels on which people are told: one line for each, for `status` and the page.

use super::facts::{Facts, OwnPosts};
use super::words::{count, when};
use crate::domain::Seconds;
use crate::domain::subscribing::Request;
use crate::domain::untrusted::plain_line;
use crate::store::{Asked, ServiceTrouble, Subscription, SubscriptionOutcome};

/// Of what a server said so much is shown, in characters.
const WORDS_CHARS: usize = 300;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// What it is about, in two words at most.
    pub(crate) name: &'static str,
    /// How that stands.
    pub(crate) words: String,
    /// How good that is.
    pub(crate) mood: Mood,
}

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should be.
    Plain,
    /// Somebody should look at it.
    Doubtful,
    /// Something does not work.
    Bad,
}

/// Everything that is to be said.
pub(crate) fn outside(facts: &Facts, now: Seconds) -> Vec<Told> {
    let mut lines: Vec<Told> = Vec::new();
    lines.extend(facts.subscription.iter().map(|it| subscription(it, now)));
    lines.extend(facts.own_posts.map(|it| own_posts(it, now)));
    for (name, asked) in &facts.asked {
        let (words, mood) = (mails_to(asked, now), asked_mood(asked));
        lines.push(told("Asked by mail", format!("{name}: {words}"), mood));
    }
    for (name, last) in &facts.channels {
        let last = last.map_or("nothing was told there yet".to_owned(), |at| {
            format!("last told something {}", when(at, now))
        });
        let fails = facts.troubles.iter().any(|it| it.service == *name);
        let (now, mood) = match fails {
            true => ("; takes nothing now", Mood::Bad),
            false => ("", Mood::Plain),
        };
        lines.push(told("Channel", format!("{name}: {last}{now}"), mood));
    }
    lines
}

fn told(name: &'static str, words: String, mood: Mood) -> Told {
    Told { name, words, mood }
}

/// What was asked of the list.
fn subscription(it: &Subscription, now: Seconds) -> Told {
    let (words, mood) = match it.ended {
        None => (
            format!(
                "asked to {} {}, not done yet: type {} to go on",
                it.request.name(),
                when(it.begun_at, now),
                verb(it.request)
            ),
            Mood::Doubtful,
        ),
        Some((at, outcome)) => (
            format!("{}, {}", standing(it, outcome), when(at, now)),
            Mood::Plain,
        ),
    };
    told("Subscription", words, mood)
}

/// What a person types to go on with a request.
pub(crate) fn verb(request: Request) -> &'static str {
    match request {
        Request::Join => "subscribe",
        Request::Leave => "unsubscribe",
    }
}

/// How a request ended, and whether it is proven.
pub(crate) fn standing(last: &Subscription, outcome: SubscriptionOutcome) -> String {
    let word = word(outcome);
    match last.proven {
        Some((_, proof)) => format!("{word}, proven by {}", proof.words()),
        None if last.is_unproven() => {
            format!("{word}, as the list says; its first post will prove it")
        }
        None => word.to_owned(),
    }
}

/// How a request ended, in a word or two.
fn word(outcome: SubscriptionOutcome) -> &'static str {
    match outcome {
        SubscriptionOutcome::Member => "subscribed",
        SubscriptionOutcome::AlreadyMember => "subscribed already",
        SubscriptionOutcome::Left => "unsubscribed",
        SubscriptionOutcome::NotAMember => "not subscribed",
        SubscriptionOutcome::Refused => "refused by the list's owner",
        SubscriptionOutcome::Replaced => "something else was asked for",
        SubscriptionOutcome::Expired => "never answered",
    }
}

/// Whether the list sends us what we write.
fn own_posts(own: OwnPosts, now: Seconds) -> Told {
    let words = match own {
        OwnPosts::Seen(at) => format!("come back from the list, seen {}", when(at, now)),
        OwnPosts::NotSeen => {
            "not seen yet: the first reply shows whether the list sends them to us".to_owned()
        }
    };
    told("Own posts", words, Mood::Plain)
}

fn asked_mood(asked: &Asked) -> Mood {
    match asked.fails() {
        true => Mood::Bad,
        false => Mood::Plain,
    }
}

/// How the mails to one approver stand.
pub(crate) fn mails_to(asked: &Asked, now: Seconds) -> String {
    let mut parts = Vec::new();
    parts.push(match asked.unanswered {
        0 => "no draft waits for an answer".to_owned(),
        1 => "1 draft waits for an answer".to_owned(),
        more => format!("{more} drafts wait for an answer"),
    });
    parts.push(match asked.last_sent_at {
        Some(at) => format!("the last mail left {}", when(at, now)),
        None => "no mail left yet".to_owned(),
    });
    if asked.queued > 0 {
        let mails = count(usize::try_from(asked.queued).unwrap_or(usize::MAX), "mail");
        parts.push(match &asked.queued_why {
            Some(why) => format!("{mails} could not leave so far: {}", safe(why)),
            None => format!("{mails} to be sent"),
        });
    }
    if asked.given_up > 0 {
        let drafts = count(
            usize::try_from(asked.given_up).unwrap_or(usize::MAX),
            "draft",
        );
        parts.push(format!(
            "{drafts} could not be asked about: mend the cause, and `systemctl reload \
             buildbot-watch` tries again"
        ));
    }
    if let Some(failed) = &asked.last_failed {
        parts.push(format!(
            "the last that failed, {}: {}",
            when(failed.at, now),
            safe(&failed.why)
        ));
    }
    parts.join("; ")
}

/// What a server said, on one line.
fn safe(words: &str) -> String {
    plain_line(words, WORDS_CHARS)
}

/// A service that fails, in words.
pub(crate) fn trouble(it: &ServiceTrouble, now: Seconds) -> String {
    let name = match it.service.as_str() {
        "mailbox" => "The mailbox cannot be read".to_owned(),
        "answers" => "The folder of answers cannot be read".to_owned(),
        "outgoing" => "The last mail could not leave".to_owned(),
        "tracker" => "The tracker cannot be read".to_owned(),
        "ci" => "The CI system does not answer".to_owned(),
        "irc" => "Nothing can be said on IRC".to_owned(),
        channel => format!("The {channel} takes nothing"),
    };
    format!("{name}, since {}: {}", when(it.since, now), it.words)
}
