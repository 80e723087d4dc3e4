//! `[alerts]`, `[[webhook]]` and `[irc]`: how people are told that something waits.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use crate::config::connections::{pem, secret};
use crate::config::reader::{Findings, Section, Value, Wrong};
use crate::config::secrets::SecretSource;
use crate::config::sections::base;
use crate::config::values;
use crate::domain::alert::{Event, Shape};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// IRC with TLS (RFC 7194).
const IRC_PORT: u16 = 6697;

/// `[alerts]` and the channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// How long new drafts wait for others, to be told together.
    pub bundle: Duration,
    /// Messages to one channel within an hour, at most.
    pub most_an_hour: u32,
    /// The age of the oldest draft that is reminded of.
    pub remind_after: Duration,
    /// The time between two reminders.
    pub remind_every: Duration,
    /// A service that fails for less is not told of.
    pub trouble_after: Duration,
    /// `[[webhook]]`, each name once.
    pub webhooks: Vec<Webhook>,
    /// `[irc]`; `None` if nothing is said there.
    pub irc: Option<Irc>,
}

/// `[[webhook]]`: an address that messages are posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// What it is called here: letters, digits, `-` and `_`.
    pub name: String,
    /// Where to.
    pub address: Address,
    /// Who receives them.
    pub shape: Shape,
    /// What is told.
    pub events: BTreeSet<Event>,
    /// What signs them; only with [`Shape::Json`].
    pub secret: Option<SecretSource>,
    /// Trusted besides the system's authorities (PEM).
    pub ca_file: Option<PathBuf>,
}

/// The address of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// As it stands in the file.
    Plain(String),
    /// Where it is found: most such addresses are secrets.
    Secret(SecretSource),
}

/// `[irc]`: a channel on IRC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Irc {
    /// The server's name, as its certificate has it.
    pub server: String,
    /// Where it listens with TLS.
    pub port: u16,
    /// The channel: `#name`.
    pub channel: String,
    /// Its key, if it has one.
    pub channel_key: Option<SecretSource>,
    /// What to be called.
    pub nick: String,
    /// How to log in to an account.
    pub login: Option<IrcLogin>,
    /// What is told.
    pub events: BTreeSet<Event>,
    /// Trusted besides the system's authorities (PEM).
    pub ca_file: Option<PathBuf>,
}

/// How to log in to an account on IRC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IrcLogin {
    /// By a password (SASL PLAIN).
    Password {
        /// The account.
        user: String,
        /// Where its password is.
        password: SecretSource,
    },
    /// By a client certificate (SASL EXTERNAL).
    Certificate {
        /// Where it and its key are (PEM).
        pem: SecretSource,
        /// The account, if the certificate alone does not tell it.
        user: Option<String>,
    },
}

impl IrcLogin {
    /// What has to be had for it.
    pub fn secret(&self) -> &SecretSource {
        match self {
            Self::Password { password, .. } => password,
            Self::Certificate { pem, .. } => pem,
        }
    }
}

/// Reads the three sections.
pub(crate) fn alerts(root: &DeTable<'_>, findings: &mut Findings) -> Alerts {
    let webhooks = webhooks(root, findings);
    let irc = irc(root, findings);
    let mut section = Section::open(root, "alerts", findings);
    let mut span = |key, default| section.or(key, Duration::from_secs(default), values::duration);
    let bundle = span("bundle", 10 * MINUTE);
    let remind_after = span("remind_after", DAY);
    let remind_every = span("remind_every", DAY);
    let trouble_after = span("trouble_after", HOUR);
    let most_an_hour = section.or("most_an_hour", 6, |v| values::number(v, 1, 60));
    section.finish(&[]);
    Alerts {
        bundle,
        most_an_hour,
        remind_after,
        remind_every,
        trouble_after,
        webhooks,
        irc,
    }
}

fn webhooks(root: &DeTable<'_>, findings: &mut Findings) -> Vec<Webhook> {
    let tables = root.get("webhook").and_then(|it| it.get_ref().as_array());
    let mut all: Vec<Webhook> = Vec::new();
    for value in tables.into_iter().flat_map(|tables| tables.iter()) {
        // One in which nothing stands is an example.
        let Some(table) = value.get_ref().as_table().filter(|it| !it.is_empty()) else {
            continue;
        };
        let header = value.span().start;
        let mut section = Section::one_of_several("webhook", table, header, findings);
        let taken: Vec<String> = all.iter().map(|hook| hook.name.clone()).collect();
        let hook = webhook(&mut section, &taken);
        section.finish(&[]);
        all.extend(hook);
    }
    all
}

fn webhook(section: &mut Section<'_, '_>, taken: &[String]) -> Option<Webhook> {
    let base = base(section.findings);
    let name = section.need("name", "\"team\"", |v| name(v, taken));
    let table = format!("webhook.{}", name.as_deref().unwrap_or_default());
    let address = address(section, &table);
    let shape = section.need("shape", "\"json\"", |v| {
        let names = Shape::ALL.map(|(name, _)| name);
        let word = values::one_of(v, &names)?;
        let found = Shape::ALL.into_iter().find(|(name, _)| *name == word);
        Ok(found.map_or(Shape::Json, |(_, shape)| shape))
    });
    let events = section.or("events", every_event(), events);
    let signed = secret(section, "secret", &table);
    if let (Some(at), Some(shape)) = (section.place_of("secret"), shape)
        && shape != Shape::Json
    {
        let wrong = Wrong::new(
            "has no meaning with this shape: its receivers look at no signature",
            "remove it, or write shape = \"json\"",
        );
        section.wrong(at, "secret", wrong);
    }
    let ca_file = section.maybe("ca_file", |v| values::ca_file(v, &base));
    Some(Webhook {
        name: name?,
        address: address?,
        shape: shape?,
        events,
        secret: signed,
        ca_file,
    })
}

/// A name that no other webhook has: by it the database knows what was told there.
fn name(value: &Value<'_>, taken: &[String]) -> Result<String, Wrong> {
    let name = values::text(value)?;
    let plain = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    if !name.chars().all(plain) || name.len() > 40 {
        return Err(Wrong::new(
            format!("= {name:?} is not a name"),
            "write at most 40 letters, digits, - and _: \"team-chat\"",
        ));
    }
    if taken.contains(&name) {
        return Err(Wrong::new(
            format!("= {name:?} is the name of another webhook"),
            "give each a name of its own",
        ));
    }
    Ok(name)
}

/// An address as it is, or where it is found.
fn address(section: &mut Section<'_, '_>, table: &str) -> Option<Address> {
    let example = "{ file = \"/etc/buildbot-watch/webhook\" }";
    let is_text = section.need("url", example, |v| {
        Ok(matches!(v.get_ref(), DeValue::String(_)))
    })?;
    if is_text {
        return section.maybe("url", plain_address).map(Address::Plain);
    }
    secret(section, "url", table).map(Address::Secret)
}

/// Unlike other addresses it may have a query: some receivers are told by it where a
/// message belongs.
fn plain_address(value: &Value<'_>) -> Result<String, Wrong> {
    let text = values::text(value)?;
    let rest = text.split_once("://");
    let host = rest.map_or("", |(_, rest)| {
        rest.split(['/', '?', '#']).next().unwrap_or_default()
    });
    let scheme = rest.map_or("", |(scheme, _)| scheme);
    let is_good = !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace);
    match scheme {
        "https" if is_good => Ok(text),
        "http" if is_good && values::is_loopback(host) => Ok(text),
        "http" if is_good => Err(Wrong::new(
            "would be asked in the clear",
            "write https:// (http:// is allowed to 127.0.0.1 and localhost alone)",
        )),
        _ => Err(Wrong::new(
            "is not a web address",
            "copy it whole from the receiver: \"https://chat.example.org/hooks/...\"",
        )),
    }
}

/// Each event by its name.
fn events(value: &Value<'_>) -> Result<BTreeSet<Event>, Wrong> {
    let names = Event::ALL.map(Event::name);
    let listed = values::filled_list(value, |v| values::one_of(v, &names).map(str::to_owned))?;
    Ok(listed
        .iter()
        .filter_map(|name| Event::from_name(name))
        .collect())
}

fn every_event() -> BTreeSet<Event> {
    Event::ALL.into_iter().collect()
}

/// `[irc]`; without a server there is none.
fn irc(root: &DeTable<'_>, findings: &mut Findings) -> Option<Irc> {
    let base = base(findings);
    let mut section = Section::open(root, "irc", findings);
    let asked_for = section.place_of("server").is_some();
    let server = section.maybe("server", values::host);
    let port = section.or("port", IRC_PORT, values::port);
    let channel = match asked_for {
        true => section.need("channel", "\"#buildbots\"", channel),
        false => section.maybe("channel", channel),
    };
    let channel_key = secret(&mut section, "channel_key", "irc");
    let nick = section.or("nick", "buildbot-watch".to_owned(), nick);
    let login = login(&mut section);
    let events = section.or("events", every_event(), events);
    let ca_file = section.maybe("ca_file", |v| values::ca_file(v, &base));
    if !asked_for {
        for key in ["channel", "user", "certificate"] {
            section.warn(key, "means nothing without server: nothing is said on IRC");
        }
    }
    section.finish(&[]);
    Some(Irc {
        server: server?,
        port,
        channel: channel?,
        channel_key,
        nick,
        login,
        events,
        ca_file,
    })
}

/// How to log in: by a password or by a certificate, never by both.
fn login(section: &mut Section<'_, '_>) -> Option<IrcLogin> {
    let user = section.maybe("user", account);
    let password = secret(section, "password", "irc");
    let pem = pem(section, "certificate", "irc");
    let mut at = |key| section.place_of(key);
    let wrong = match (at("user"), at("password"), at("certificate")) {
        (_, Some(_), Some(place)) => Some((
            place,
            "certificate",
            "is given, and a password as well: there is one way to log in",
            "remove password, or remove certificate",
        )),
        (Some(place), None, None) => Some((
            place,
            "user",
            "is given, but no password",
            "add password or certificate, or remove user",
        )),
        (None, Some(place), None) => Some((
            place,
            "password",
            "is given, but no user",
            "add user, or remove password",
        )),
        _ => None,
    };
    if let Some((place, key, what, remedy)) = wrong {
        section.wrong(place, key, Wrong::new(what, remedy));
    }
    match pem {
        Some(pem) => Some(IrcLogin::Certificate { pem, user }),
        None => user
            .zip(password)
            .map(|(user, password)| IrcLogin::Password { user, password }),
    }
}

/// A channel (RFC 2812, section 1.3).
fn channel(value: &Value<'_>) -> Result<String, Wrong> {
    let name = values::text(value)?;
    let is_bad = |char: char| char.is_whitespace() || char.is_control() || ",:".contains(char);
    if !name.starts_with(['#', '&', '+', '!']) || name.contains(is_bad) || name.len() > 50 {
        return Err(Wrong::new(
            format!("= {name:?} is not a channel"),
            "write its name with the sign in front: \"#buildbots\"",
        ));
    }
    Ok(name)
}

/// A name that everybody may have there (RFC 2812, section 2.3.1).
fn nick(value: &Value<'_>) -> Result<String, Wrong> {
    let name = values::text(value)?;
    let begins = |char: char| char.is_ascii_alphabetic() || "[]\\`_^{|}".contains(char);
    let goes_on = |char: char| begins(char) || char.is_ascii_digit() || char == '-';
    if !name.starts_with(begins) || !name.chars().all(goes_on) || name.len() > 30 {
        return Err(Wrong::new(
            format!("= {name:?} is not a nick"),
            "write at most 30 letters, digits, - and _, and a letter first: \"buildbot-watch\"",
        ));
    }
    Ok(name)
}

fn account(value: &Value<'_>) -> Result<String, Wrong> {
    let name = values::text(value)?;
    if name.contains(|char: char| char.is_whitespace() || char.is_control()) {
        return Err(Wrong::new(
            format!("= {name:?} is not an account"),
            "write the name that the server's services know: \"buildbot-watch\"",
        ));
    }
    Ok(name)
}
