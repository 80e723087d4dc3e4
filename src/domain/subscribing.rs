//! The handshake by which Mailman 3 takes an address in and lets it go again:
//! whom to write to, and what its answers mean.
//!
//! ```text
//! LIST-join@   ->  "Your confirmation is needed"  ->  LIST-confirm+TOKEN@  ->  welcome
//! LIST-leave@  ->  "Your confirmation is needed"  ->  LIST-confirm+TOKEN@  ->  goodbye
//! ```
//!
//! Anybody can ask Mailman to subscribe or unsubscribe our address, and anybody can
//! write a mail that looks like its answer. So what is answered has to be exactly as
//! Mailman writes it, and where the answer goes is known from the configuration: of
//! the mail only the token is taken over, and that has a strict grammar (I13). All
//! sentences below are Mailman's, as measured with 3.3.8.

use std::fmt;

use crate::domain::classify::is_reply_subject;
use crate::domain::mail::Mail;

/// The longest local part of an address, in octets (RFC 5321, section 4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;

/// What is asked of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// To take our address in.
    Join,
    /// To let it go.
    Leave,
}

impl Request {
    /// Every request.
    pub const ALL: [Self; 2] = [Self::Join, Self::Leave];

    /// Mailman's command, and the name it is stored by: `join`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Leave => "leave",
        }
    }

    /// The request of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// What proves to Mailman that a mail arrived: 40 hexadecimal digits in lower case,
/// as its `TokenFactory` makes them (a SHA-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token, if it is exactly one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 40 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The addresses of a list's own that have to do with subscriptions, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListServer {
    /// The configured List-Id: `buildbot-status.python.org`.
    pub list_id: String,
    /// The list's address: `buildbot-status@python.org`.
    pub list: String,
    /// Where one asks to join: `buildbot-status-join@python.org`.
    pub join: String,
    /// Where one asks to leave: `buildbot-status-leave@python.org`.
    pub leave: String,
    /// Where one confirms, without the token: `buildbot-status-confirm@python.org`.
    pub confirm: String,
}

/// `buildbot-status-join@python.org`: an address of a list's own, as Mailman names
/// them all. What has no `@` comes back as it is.
pub fn own_address(list: &str, purpose: &str) -> String {
    match list.rsplit_once('@') {
        Some((name, host)) => format!("{name}-{purpose}@{host}"),
        None => list.to_owned(),
    }
}

impl ListServer {
    /// Where a request goes.
    pub fn request_address(&self, request: Request) -> &str {
        match request {
            Request::Join => &self.join,
            Request::Leave => &self.leave,
        }
    }

    /// Where a token is confirmed: `buildbot-status-confirm+TOKEN@python.org`. Of a list
    /// with a long name that address has more than the 64 octets before the `@` that RFC
    /// 5321, section 4.5.3.1.1 allows; then it is where the list takes any command, and the
    /// subject says it all.
    pub fn confirm_address(&self, token: &Token) -> String {
        let with_token = self
            .confirm
            .rsplit_once('@')
            .map(|(name, host)| (format!("{name}+{token}"), host));
        match with_token {
            Some((name, host)) if name.len() <= MAX_LOCAL_PART => format!("{name}@{host}"),
            Some(_) | None => own_address(&self.list, "request"),
        }
    }

    /// The token in the address that a confirmation is asked from.
    fn token_in(&self, address: &str) -> Option<Result<Token, ()>> {
        let (name, host) = self.confirm.rsplit_once('@')?;
        let (local, at) = address.rsplit_once('@')?;
        let token = local.strip_prefix(name)?.strip_prefix('+')?;
        (at == host).then(|| Token::parse(token).ok_or(()))
    }

    /// Mailman makes the List-Id of the address; a list may have been given another.
    fn is_plausible_id(&self, id: &str) -> bool {
        id == self.list_id || id == self.list.replace('@', ".")
    }
}

/// What the list says about a subscription of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Somebody asked for this in our name; this token confirms it.
    Confirm {
        /// What was asked for.
        request: Request,
        /// What confirms it.
        token: Token,
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
    /// Something else about a mail of ours: its first line, as hostile as any.
    Other(String),
}

/// What a mail says about a subscription of `own`, our address in lower case; `None`
/// if it does not come from the list itself. `sent` are the Message-IDs of our mails
/// to it: what it says about any other is not for us.
pub fn answer(mail: &Mail, server: &ListServer, own: &str, sent: &[String]) -> Option<Answer> {
    let [from] = mail.from.as_slice() else {
        return None;
    };
    if let Some(token) = server.token_in(from) {
        return Some(confirmation(mail, server, own, token));
    }
    let is_sent_by_the_list =
        mail.list_ids.len() == 1 && is_from_list(mail, server) && !mail.has_thread_headers;
    if !is_sent_by_the_list {
        return None;
    }
    if *from == own_address(&server.list, "request") {
        return mail
            .subject
            .starts_with("Welcome to the \"")
            .then(|| Answer::Welcome {
                has_digests: mail.subject.ends_with("(Digest mode)"),
            });
    }
    if *from != own_address(&server.list, "bounces") {
        return None;
    }
    if mail.subject.starts_with("You have been unsubscribed from ") {
        return Some(Answer::Goodbye);
    }
    if mail.subject.starts_with("Request to mailing list ") && mail.subject.ends_with(" rejected") {
        return (has_line(mail, "Subscription request")
            || has_line(mail, "Unsubscription request"))
        .then_some(Answer::Rejected);
    }
    if mail.subject == "The results of your email commands" {
        return results(mail, sent);
    }
    None
}

/// Whether a mail is a post of the list, which only its subscribers get.
pub fn is_post(mail: &Mail, server: &ListServer) -> bool {
    let is_of_list = matches!(mail.list_ids.as_slice(), [id] if *id == server.list_id);
    is_of_list
        && is_from_list(mail, server)
        && mail.precedence.as_deref() == Some("list")
        && !is_about_itself(mail, &server.list)
}

/// Whether one of the addresses that a list has for itself wrote the mail.
pub fn is_about_itself(mail: &Mail, list: &str) -> bool {
    const PURPOSES: [&str; 9] = [
        "bounces",
        "confirm",
        "join",
        "leave",
        "owner",
        "request",
        "subscribe",
        "unsubscribe",
        "admin",
    ];
    let own = PURPOSES.map(|purpose| own_address(list, purpose));
    let is_own = |from: &String| own.iter().any(|it| from == it || has_more(from, it));
    mail.from.iter().any(is_own)
}

/// The envelope sender of everything that Mailman writes, where the delivery agent
/// kept it: alone, or with the recipient in it (VERP).
fn is_from_list(mail: &Mail, server: &ListServer) -> bool {
    let bounces = own_address(&server.list, "bounces");
    let Some(path) = &mail.return_path else {
        return true;
    };
    *path == bounces || has_more(path, &bounces)
}

/// Whether an address is another one with `+` and something behind its name.
fn has_more(address: &str, plain: &str) -> bool {
    let parts = address.rsplit_once('@').zip(plain.rsplit_once('@'));
    parts.is_some_and(|((name, host), (plain_name, plain_host))| {
        host == plain_host
            && name
                .strip_prefix(plain_name)
                .is_some_and(|rest| rest.starts_with('+'))
    })
}

fn has_line(mail: &Mail, wanted: &str) -> bool {
    mail.text.lines().any(|line| line.trim() == wanted)
}

/// Everything of a request to confirm has to be as Mailman writes it.
fn confirmation(mail: &Mail, server: &ListServer, own: &str, token: Result<Token, ()>) -> Answer {
    let Ok(token) = token else {
        return Answer::NotGenuine("its token is none");
    };
    let list_ids = mail.list_ids.as_slice();
    let subject = mail.subject.to_lowercase();
    let asks_for = |request: Request| {
        let list = &server.list;
        subject
            == format!(
                "your confirmation is needed to {} the {list} mailing list.",
                request.name()
            )
    };
    let Some(request) = Request::ALL.into_iter().find(|it| asks_for(*it)) else {
        return Answer::NotGenuine("its subject is not the one that Mailman writes in English");
    };
    let is_own = |line: &str| line.trim().eq_ignore_ascii_case(own);
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
            mail.text.lines().any(is_own),
            "it does not name our address",
        ),
        (
            has_line(mail, &format!("confirm {token}")),
            "its text has another token than its sender",
        ),
        (mail.remarks.is_empty(), "something is wrong with its form"),
    ];
    match checks.iter().find(|(is_right, _)| !is_right) {
        Some((_, why)) => Answer::NotGenuine(why),
        None => Answer::Confirm { request, token },
    }
}

/// What became of one mail of ours.
fn results(mail: &Mail, sent: &[String]) -> Option<Answer> {
    let is_about = |id: &String| has_line(mail, &format!("Message-ID: <{id}>"));
    if !sent.iter().any(is_about) {
        return None;
    }
    let mut lines = mail.text.lines().map(str::trim);
    lines.find(|line| *line == "- Results:")?;
    let said = lines.find(|line| !line.is_empty())?;
    let answers = [
        (" is already a ", Answer::AlreadyMember),
        (" has a pending subscription for ", Answer::Pending),
        (" is not allowed to subscribe to ", Answer::Banned),
        ("No registered user for email address: ", Answer::NotAMember),
        ("Invalid or unverified email address: ", Answer::NotAMember),
        (" is not a member of ", Answer::NotAMember),
        ("Confirmation token did not match", Answer::TokenUnknown),
    ];
    if said == "Confirmed" {
        return Some(Answer::Confirmed);
    }
    let known = answers.into_iter().find(|(words, _)| said.contains(words));
    Some(known.map_or_else(|| Answer::Other(said.to_owned()), |(_, answer)| answer))
}

#[cfg(test)]
mod tests;
