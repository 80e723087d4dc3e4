//! The handshake by which Mailman 3 takes an address in and lets it go again:
//! whom to write to, and what its answers mean.
//!
//! ```text
//! LIST-join@   ->  "Your confirmation is needed"  ->  LIST-confirm+TOKEN@  ->  welcome
//! LIST-leave@  ->  "Your confirmation is needed"  ->  LIST-confirm+TOKEN@  ->  goodbye
//! ```
//!
//! Anybody can ask Mailman to subscribe or unsubscribe our address, and anybody can
//! write a mail that looks like its answer. So what is answered has to have exactly the
//! headers that Mailman writes, in whatever language its sentences are, and where the
//! answer goes is known from the configuration: of the mail only the token is taken
//! over, and that has a strict grammar (I13). A forged question can only make us send
//! that list a token which it does not know.
//!
//! Nor is a welcome believed for good: membership is proven by a [`Proof`].

mod answers;

use std::fmt;

use crate::domain::mail::Mail;

pub use answers::{Answer, SentMail, Style, answer, bounce};

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

/// What proves that the list takes us in. Its welcome alone could be anybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A post of ours came back, with an id that nobody can guess.
    OwnPost,
    /// A post came by way of the list.
    Post,
    /// The receiving server, which is trusted, found the list's signature on its welcome.
    Signature,
    /// The answer quotes the id of our mail, which nobody but the list has seen.
    Quoted,
}

impl Proof {
    /// Every proof.
    pub const ALL: [Self; 4] = [Self::OwnPost, Self::Post, Self::Signature, Self::Quoted];

    /// The name it is stored by: `own_post`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OwnPost => "own_post",
            Self::Post => "post",
            Self::Signature => "signature",
            Self::Quoted => "quoted",
        }
    }

    /// The proof of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// For people, behind "proven by": `a post of the list`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::OwnPost => "a post of ours that came back",
            Self::Post => "a post of the list",
            Self::Signature => "the list's signature on its welcome",
            Self::Quoted => "an answer that quotes our own mail",
        }
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
            Some(_) | None => self.command_address(),
        }
    }

    /// Where the list takes any command: `buildbot-status-request@python.org`.
    pub fn command_address(&self) -> String {
        own_address(&self.list, "request")
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

#[cfg(test)]
mod tests;
