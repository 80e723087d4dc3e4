//! What is told of the handshake: each step as it happens, and how it ended.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::screen::Tone;
use crate::cli::session::Session;
use crate::cli::words::{age, cut, span, timestamp, wrapped};
use crate::config::{Config, place_of};
use crate::desk::outside::verb;
use crate::domain::Seconds;
use crate::domain::mail::Mail;
use crate::domain::subscribing::Request;
use crate::domain::untrusted::terminal;
use crate::store::{NotNow, Subscription, SubscriptionOutcome as Outcome};
use crate::worker::{Attempt, Heard, wall_clock};

/// Columns of a text of the list's that is shown.
const SHOWN: usize = 200;

/// The steps so far.
pub(super) struct Steps<'a> {
    session: &'a Session,
    list: String,
    list_id: String,
    own: String,
    asked_of: String,
    /// Where the List-Id is configured: `config.toml:3`.
    place: String,
    request: Request,
    told: Vec<Value>,
    /// The last answer of the list came with this List-Id.
    seen_id: Option<String>,
    /// What was last said to be waited for.
    waits_for: Option<&'static str>,
}

impl<'a> Steps<'a> {
    /// None so far.
    pub(super) fn new(session: &'a Session, config: &Config, request: Request) -> Self {
        let place = place_of(&config.file, "list", "id");
        Self {
            session,
            list: config.list.address.clone(),
            list_id: config.list.id.clone(),
            own: config.outgoing.sender().address.clone(),
            asked_of: config.list.server.request_address(request).to_owned(),
            place: place.to_string(),
            request,
            told: Vec::new(),
            seen_id: None,
            waits_for: None,
        }
    }

    /// The run that they belong to.
    pub(super) fn session(&self) -> &'a Session {
        self.session
    }

    fn say(&mut self, tone: Option<Tone>, words: &str) {
        let now = wall_clock();
        self.told
            .push(json!({ "at": timestamp(now), "what": words }));
        self.lines(tone, words);
    }

    fn lines(&self, tone: Option<Tone>, words: &str) {
        let screen = &self.session.screen;
        for line in wrapped(&terminal(words), screen.width()) {
            screen.say(tone.map_or(line.clone(), |tone| screen.paint(tone, &line)));
        }
    }

    /// A request is there.
    pub(super) fn begun(&mut self, request: &Subscription) {
        let now = wall_clock();
        let Some(asked_at) = request.asked_at() else {
            return;
        };
        let words = format!(
            "Going on: {} was asked {} ago, and is not asked again before an hour is over.",
            self.asked_of,
            age(asked_at, now)
        );
        self.say(None, &words);
    }

    /// The list was asked, or not.
    pub(super) fn asked(&mut self, attempt: &Attempt) {
        let what = match self.request {
            Request::Join => "take in",
            Request::Leave => "let go",
        };
        let (tone, words) = match attempt {
            Attempt::Sent { to } => (None, format!("Asked {to} to {what} {}.", self.own)),
            other => (Some(Tone::Warning), trouble(other, "The request")),
        };
        self.say(tone, &words);
    }

    /// A mail of the list came, with this List-Id.
    pub(super) fn came_from(&mut self, mail: &Mail) {
        if let [id] = mail.list_ids.as_slice() {
            self.seen_id = Some(id.clone());
        }
    }

    /// What the list said, and what was done.
    pub(super) fn heard(&mut self, heard: &Heard) {
        let (tone, words) = match heard {
            Heard::Nothing | Heard::Confirmed(Attempt::NotNow(_)) | Heard::CameBack { .. } => {
                return;
            }
            Heard::NotYet { .. } => (
                None,
                "The list asks something, in a language that is not known here. If nothing else \
                 comes from it, it is about this request."
                    .to_owned(),
            ),
            Heard::Proven(proof) => (Some(Tone::Good), format!("Proven by {}.", proof.words())),
            Heard::Confirmed(Attempt::Sent { to }) => {
                let shown = match to.split_once('+') {
                    Some((name, _)) => format!("{name}+..."),
                    None => to.clone(),
                };
                (
                    None,
                    format!("The list wants that confirmed; confirmed to {shown} ."),
                )
            }
            Heard::Confirmed(other) => (Some(Tone::Warning), trouble(other, "The confirmation")),
            Heard::NotConfirmed(why) => (Some(Tone::Warning), format!("Left alone: {why}.")),
            Heard::Pending => (
                Some(Tone::Warning),
                "The list says that an earlier request is pending: it has to be confirmed, or \
                 approved by the list's owner."
                    .to_owned(),
            ),
            Heard::TokenUnknown => (
                Some(Tone::Warning),
                "The list does not know, or no more, what was confirmed.".to_owned(),
            ),
            Heard::Other(said) => (
                Some(Tone::Warning),
                format!("The list says: {}", cut(said, SHOWN)),
            ),
            Heard::Ended { has_digests, .. } => {
                if *has_digests {
                    let words = "The list sends us digests, which cannot be answered: ask its \
                                 owner to turn them off for our address.";
                    self.say(Some(Tone::Warning), words);
                }
                return;
            }
        };
        self.say(tone, &words);
    }

    /// Says once what is waited for, and for how long.
    pub(super) fn waits(&mut self, open: &Subscription, patience: u64) {
        let next = match open.ended {
            Some(_) => "question",
            None => next_answer(open),
        };
        if self.waits_for == Some(next) {
            return;
        }
        self.waits_for = Some(next);
        let seconds = Seconds::try_from(patience).unwrap_or(Seconds::MAX);
        let words = format!(
            "Waiting for {}, {} in all. Ctrl-C does no harm: the same command goes on.",
            words_for(next, self.request),
            span(seconds)
        );
        self.lines(Some(Tone::Dim), &words);
    }

    /// How it ended; 0 if all is as it was asked for.
    pub(super) fn end(mut self, last: &Subscription, patience: u64) -> ExitCode {
        let is_done = match &last.ended {
            None => {
                self.time_is_over(last, patience);
                false
            }
            Some((_, outcome)) => self.outcome(*outcome, last),
        };
        self.document(last);
        let is_in = matches!(
            last.ended,
            Some((_, Outcome::Member | Outcome::AlreadyMember))
        );
        let mut next = Vec::new();
        if is_in && is_done {
            next.push(("check".to_owned(), "try everything else"));
            next.push(("status".to_owned(), "whether our own posts come back"));
        } else if last.ended.is_none() {
            let verb = verb(self.request).to_owned();
            next.push((verb, "go on"));
        }
        if !next.is_empty() {
            self.session.next(&next);
        }
        match is_done {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }

    fn time_is_over(&mut self, last: &Subscription, patience: u64) {
        let seconds = Seconds::try_from(patience).unwrap_or(Seconds::MAX);
        let next = next_answer(last);
        let hint = match (next, self.request) {
            ("request", _) => "What kept the request back is told above.",
            ("confirmation", Request::Join) => {
                "A first mail may be held up for a while by servers on its way; look whether it \
                 lies in another folder, such as Junk: only the configured folder is read."
            }
            ("confirmation", Request::Leave) => {
                "A first mail may be held up for a while by servers on its way. A list that does \
                 not know our address answers nothing at all."
            }
            ("approval", _) => "Only the list's owner can go on here. The answer may take days.",
            _ => {
                "The list's owner may have to approve it, which the list tells nobody else; or \
                 the list says nothing to new members: then its first post ends this."
            }
        };
        let words = format!(
            "Within {} there was no {}. {hint} Nothing is lost: type the same again later.",
            span(seconds),
            words_for(next, self.request).trim_start_matches("the ")
        );
        self.say(Some(Tone::Warning), &words);
    }

    fn outcome(&mut self, outcome: Outcome, last: &Subscription) -> bool {
        let (list, own) = (self.list.clone(), self.own.clone());
        let (tone, words, is_done) = match outcome {
            Outcome::Member if last.is_unproven() => (
                Tone::Good,
                format!(
                    "Subscribed, as the list says: {list} takes {own} in. Anybody could have \
                     written that welcome; its first post proves it, and `status` tells."
                ),
                true,
            ),
            Outcome::Member => (
                Tone::Good,
                format!("Subscribed: {list} takes {own} in."),
                true,
            ),
            Outcome::AlreadyMember => (
                Tone::Good,
                format!("{own} is subscribed to {list} already."),
                true,
            ),
            Outcome::Left => (
                Tone::Good,
                format!("Unsubscribed: {list} lets {own} go."),
                true,
            ),
            Outcome::NotAMember => (Tone::Good, format!("{list} does not know {own}."), true),
            Outcome::Refused => (
                Tone::Bad,
                format!("The owner of {list} does not take {own} in. Ask why, by a mail of yours."),
                false,
            ),
            Outcome::Replaced => (
                Tone::Warning,
                "Somebody asked for something else.".into(),
                false,
            ),
            Outcome::Expired => (Tone::Warning, "The request is too old.".into(), false),
        };
        self.say(Some(tone), &words);
        let is_in = matches!(outcome, Outcome::Member | Outcome::AlreadyMember);
        if !is_in {
            return is_done;
        }
        let is_same_list = self.list_id_is_right(last);
        let words = "Whether the list sends us our own posts, by which replies are known to have \
                     arrived, shows with the first reply. It does unless the member option \
                     \"receive own postings\" was turned off.";
        self.say(None, words);
        is_done && is_same_list
    }

    fn list_id_is_right(&mut self, last: &Subscription) -> bool {
        let seen = last.list_id.clone().or_else(|| self.seen_id.clone());
        let Some(seen) = seen else {
            self.say(
                None,
                "Its List-Id was not seen yet; `check` and the first mail tell.",
            );
            return true;
        };
        if seen == self.list_id {
            let words = format!("Its List-Id is the configured one: {seen}");
            self.say(Some(Tone::Good), &words);
            return true;
        }
        let words = format!(
            "Its List-Id is another than the configured one, so each of its mails would be \
             refused. Write in {}, below [list]:",
            self.place
        );
        self.say(Some(Tone::Bad), &words);
        let line = format!("id = {:?}", cut(&seen, SHOWN));
        self.say(Some(Tone::Bold), &format!("    {line}"));
        false
    }

    fn document(&self, last: &Subscription) {
        let state = match &last.ended {
            Some((_, outcome)) => outcome.name(),
            None => "waiting",
        };
        self.session.screen.document(&json!({
            "request": last.request.name(),
            "list": last.list,
            "address": last.address,
            "state": state,
            "waits_for": last.ended.is_none().then(|| next_answer(last)),
            "begun_at": timestamp(last.begun_at),
            "asked_at": last.asked_at().map(timestamp),
            "confirmed_at": last.confirmed_at().map(timestamp),
            "pending_at": last.pending_at.map(timestamp),
            "ended_at": last.ended.map(|(at, _)| timestamp(at)),
            "list_id": last.list_id,
            "proven_by": last.proven.map(|(_, proof)| proof.name()),
            "configured_list_id": self.list_id,
            "steps": self.told,
        }));
    }
}

/// What has to come next.
fn next_answer(open: &Subscription) -> &'static str {
    if open.asked_at().is_none() {
        return "request";
    }
    match (open.pending_at, open.confirmed_at()) {
        (_, Some(_)) => "welcome",
        (Some(_), None) => "approval",
        (None, None) => "confirmation",
    }
}

fn words_for(next: &str, request: Request) -> &'static str {
    match (next, request) {
        ("request", _) => "the request to leave this machine",
        ("question", _) => "a question after all: that welcome may have been somebody else's",
        ("confirmation", _) => "the list's question whether we mean it",
        ("approval", _) => "the list's owner",
        (_, Request::Join) => "the list's welcome",
        (_, Request::Leave) => "the list's goodbye",
    }
}

/// A mail that did not leave, in words.
fn trouble(attempt: &Attempt, mail: &str) -> String {
    match attempt {
        Attempt::Failed(why) => format!("{mail} did not leave, and is tried again: {why}"),
        Attempt::Refused(why) => format!("{mail} is refused: {why}"),
        Attempt::InDoubt(why) => {
            format!("Whether it left is not known: {why}. {mail} is not sent again for now.")
        }
        Attempt::NotNow(NotNow::Sent { .. }) => format!("{mail} was sent just before."),
        Attempt::NotNow(_) | Attempt::Sent { .. } => format!("{mail} is not needed."),
    }
}
