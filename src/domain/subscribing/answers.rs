//! What the list's mails mean for a subscription of ours.
//!
//! A list speaks the language that its owner chose, and sites word its mails anew. So
//! everything is recognised by headers, addresses and the place where something stands;
//! sentences only help to tell more where they are the English ones of Mailman 3.3.8.
//!
//! | mail | From | known by |
//! |---|---|---|
//! | question | `LIST-confirm+TOKEN@` | its address; `Auto-Submitted`, `Precedence: list` |
//! | the same, where a site has no such addresses | `LIST-request@` | its subject, `confirm TOKEN` |
//! | welcome | `LIST-request@` | `Precedence: bulk`, to us alone |
//! | results of a mail of ours | `LIST-bounces@` | a line that ends in our Message-ID |
//! | goodbye | `LIST-bounces@` | no text at all, which no other mail has |

use super::{ListServer, Request, Token, is_from_list, own_address};
use crate::domain::classify::is_reply_subject;
use crate::domain::mail::Mail;

/// The subject of results in English. Of those the sentences are known, so that nothing
/// has to be concluded from the addresses in them.
const ENGLISH_RESULTS: &str = "The results of your email commands";

/// How the list writes its questions, and so takes the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The token is in the address (Mailman's `verp_confirmations`, its default).
    TokenInAddress,
    /// The token is in the subject alone.
    TokenInSubject,
}

/// What the list says about a subscription of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Somebody asked for something in our name; this token confirms it.
    Confirm {
        /// What was asked for; `None` if that stands there in a language that is not
        /// known.
        request: Option<Request>,
        /// What confirms it.
        token: Token,
        /// Where the token stood.
        style: Style,
    },
    /// It looks like a request to confirm something, and is not as Mailman writes it.
    /// The reason is a sentence without a full stop.
    NotGenuine(&'static str),
    /// We are subscribed.
    Welcome {
        /// The list sends digests, which cannot be answered.
        has_digests: bool,
    },
    /// We are subscribed no more.
    Goodbye,
    /// We were subscribed before.
    AlreadyMember,
    /// An earlier request still waits, for its confirmation or for the list's owner.
    Pending,
    /// The list knows nobody of our address.
    NotAMember,
    /// The list's owner does not want our address.
    Banned,
    /// The list's owner has refused.
    Rejected,
    /// It has done what a mail of ours said.
    Confirmed,
    /// What we confirmed was not, or no more, to be confirmed.
    TokenUnknown,
    /// Something else: its first line or its subject, as hostile as any text.
    Other(String),
}

/// A mail of ours to the list, of which an answer may speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMail {
    /// Its id, without angle brackets.
    pub message_id: String,
    /// What it asked for.
    pub request: Request,
    /// What it confirmed; `None` for the request itself.
    pub token: Option<Token>,
}

/// What a mail says about a subscription of `own`, our address in lower case; `None`
/// if it does not come from the list itself. `sent` are our mails to it: what it says
/// about any other is not for us.
pub fn answer(mail: &Mail, server: &ListServer, own: &str, sent: &[SentMail]) -> Option<Answer> {
    let [from] = mail.from.as_slice() else {
        return None;
    };
    if let Some(token) = server.token_in(from) {
        let token = token.map(|token| (token, Style::TokenInAddress));
        return Some(confirmation(mail, server, own, token));
    }
    let is_sent_by_the_list =
        mail.list_ids.len() == 1 && is_from_list(mail, server) && !mail.has_thread_headers;
    if !is_sent_by_the_list {
        return None;
    }
    if *from == server.command_address() {
        if let Some(token) = token_of_subject(&mail.subject) {
            let token = Ok((token, Style::TokenInSubject));
            return Some(confirmation(mail, server, own, token));
        }
        return welcome(mail, own);
    }
    if *from != own_address(&server.list, "bounces") {
        return None;
    }
    let results = results(mail, server, own, sent);
    if mail.subject == ENGLISH_RESULTS {
        return results;
    }
    results.or_else(|| last_word(mail, own))
}

/// What a mail that could not be delivered says of one of ours, with its id: a report
/// (RFC 3464) that quotes an id which nobody but our servers has seen. `raw` is the
/// whole mail.
pub fn bounce<'a>(mail: &Mail, raw: &str, sent: &'a [SentMail]) -> Option<(&'a SentMail, String)> {
    let is_report = mail.content_type == "multipart/report"
        && mail.return_path.as_deref().is_none_or(str::is_empty);
    let has_failed = raw
        .lines()
        .any(|line| line.trim().eq_ignore_ascii_case("action: failed"));
    if !is_report || !has_failed {
        return None;
    }
    let mut sent = sent.iter();
    let ours = sent.find(|it| raw.contains(&format!("<{}>", it.message_id)))?;
    let said = raw.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("diagnostic-code")
            .then(|| value.trim().to_owned())
    });
    Some((ours, said.unwrap_or_else(|| "it came back".to_owned())))
}

/// Whether a mail goes to us and nobody else: the list's mails about us do.
fn is_to_us_alone(mail: &Mail, own: &str) -> bool {
    matches!(mail.recipients.as_slice(), [one] if one.eq_ignore_ascii_case(own))
}

/// Digests come from the same address, but go to the list's.
fn welcome(mail: &Mail, own: &str) -> Option<Answer> {
    let is_it = mail.precedence.as_deref() == Some("bulk")
        && mail.auto_submitted.is_none()
        && is_to_us_alone(mail, own);
    is_it.then(|| Answer::Welcome {
        has_digests: mail.subject.ends_with("(Digest mode)"),
    })
}

/// `confirm TOKEN`, and nothing else.
fn token_of_subject(subject: &str) -> Option<Token> {
    Token::parse(subject.strip_prefix("confirm ")?)
}

/// What an English subject asks for; `Err` for what nobody asks for here.
fn asked_for(subject: &str, list: &str) -> Result<Option<Request>, &'static str> {
    let subject = subject.to_lowercase();
    let needed = |request: &Request| {
        let name = request.name();
        subject == format!("your confirmation is needed to {name} the {list} mailing list.")
    };
    if subject.starts_with("you have been invited to join the ") {
        return Err("it is an invitation");
    }
    Ok(Request::ALL.into_iter().find(needed))
}

/// Everything of a request to confirm has to be as Mailman writes it.
fn confirmation(
    mail: &Mail,
    server: &ListServer,
    own: &str,
    token: Result<(Token, Style), ()>,
) -> Answer {
    let Ok((token, style)) = token else {
        return Answer::NotGenuine("its token is none");
    };
    let list_ids = mail.list_ids.as_slice();
    let checks = [
        (
            matches!(list_ids, [id] if server.is_plausible_id(id)),
            "it has not the List-Id of the list",
        ),
        (is_from_list(mail, server), "its sender is not the list"),
        (
            mail.auto_submitted.as_deref() == Some("auto-generated"),
            "it is not marked as Mailman marks it (Auto-Submitted)",
        ),
        (
            mail.precedence.as_deref() == Some("list"),
            "it is not marked as Mailman marks it (Precedence)",
        ),
        (
            !mail.has_thread_headers && !is_reply_subject(&mail.subject),
            "it answers another mail",
        ),
        (
            mail.content_type == "text/plain" && mail.attachments.is_empty(),
            "it is no plain text",
        ),
        (
            mail.loop_header.is_none(),
            "a program of this kind wrote it",
        ),
        (
            is_to_us_alone(mail, own),
            "it is not to our address, or not to it alone",
        ),
        (
            has_no_other_token(mail, &token),
            "its text has another token than its sender",
        ),
        (mail.remarks.is_empty(), "something is wrong with its form"),
    ];
    if let Some((_, why)) = checks.iter().find(|(is_right, _)| !is_right) {
        return Answer::NotGenuine(why);
    }
    match asked_for(&mail.subject, &server.list) {
        Err(why) => Answer::NotGenuine(why),
        Ok(request) => Answer::Confirm {
            request,
            token,
            style,
        },
    }
}

/// Some of its texts leave the token out; none has another one.
fn has_no_other_token(mail: &Mail, token: &Token) -> bool {
    let mut lines = mail.text.lines().map(str::trim);
    lines.all(|line| match line.strip_prefix("confirm ") {
        Some(other) if !other.contains(' ') => other == token.as_str(),
        Some(_) | None => true,
    })
}

/// What became of one mail of ours: the first line below the heading that follows the
/// details of that mail, of which its id is the last.
fn results(mail: &Mail, server: &ListServer, own: &str, sent: &[SentMail]) -> Option<Answer> {
    let mut lines = mail.text.lines().map(str::trim);
    let ours = lines.find_map(|line| {
        let mut sent = sent.iter();
        sent.find(|it| line.ends_with(&format!("<{}>", it.message_id)))
    })?;
    let said = lines.filter(|line| !line.is_empty()).nth(1)?;
    // Python's own words: no language has others.
    if said.contains(" is already a ") {
        return Some(Answer::AlreadyMember);
    }
    if said.contains(" is not allowed to subscribe to ") {
        return Some(Answer::Banned);
    }
    let lower = said.to_lowercase();
    let names_us = lower.contains(own);
    let names_both = names_us && lower.contains(&server.list);
    let is_english = mail.subject == ENGLISH_RESULTS;
    let is_pending = match is_english {
        true => said.contains(" has a pending subscription for "),
        false => names_both,
    };
    let is_unknown = match is_english {
        true => UNKNOWN.iter().any(|words| said.contains(words)),
        false => names_us && !names_both,
    };
    Some(match (&ours.token, ours.request) {
        (Some(_), _) if said == "Confirmed" => Answer::Confirmed,
        // Of what was confirmed at such an address only a failure is told.
        (Some(token), _) if server.confirm_address(token) != server.command_address() => {
            Answer::TokenUnknown
        }
        _ if said.contains("token did not match") => Answer::TokenUnknown,
        (None, _) if said.starts_with("Confirmation email sent to ") => return None,
        (None, Request::Join) if is_pending => Answer::Pending,
        (None, Request::Leave) if is_unknown => Answer::NotAMember,
        _ => Answer::Other(said.to_owned()),
    })
}

/// What is said to whoever asks to leave, and is not there.
const UNKNOWN: [&str; 3] = [
    "No registered user for email address: ",
    "Invalid or unverified email address: ",
    " is not a member of ",
];

/// A mail to us that is about no mail of ours: the goodbye, or somebody's decision.
fn last_word(mail: &Mail, own: &str) -> Option<Answer> {
    if mail.precedence.as_deref() != Some("bulk") || !is_to_us_alone(mail, own) {
        return None;
    }
    let subject = &mail.subject;
    let is_plain = mail.content_type == "text/plain" && mail.attachments.is_empty();
    let is_goodbye = is_plain && mail.text.trim().is_empty();
    if is_goodbye || subject.starts_with("You have been unsubscribed from ") {
        return Some(Answer::Goodbye);
    }
    let has_line = |wanted: &str| mail.text.lines().any(|line| line.trim() == wanted);
    let is_rejected = subject.starts_with("Request to mailing list ")
        && subject.ends_with(" rejected")
        && (has_line("Subscription request") || has_line("Unsubscription request"));
    Some(match is_rejected {
        true => Answer::Rejected,
        false => Answer::Other(subject.clone()),
    })
}
