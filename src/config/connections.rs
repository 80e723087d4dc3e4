//! The sections that speak with other machines: mailbox, outgoing mail, tracker.

use std::time::Duration;

use toml::de::DeTable;

use crate::config::reader::{Findings, Section, Wrong};
use crate::config::secrets::{Form, SecretSource};
use crate::config::sections::base;
use crate::config::settings::{
    Credential, GitHub, Imap, Mailbox, Outgoing, Proof, Roundup, Security, Sender, Smtp, Store,
    Tracker, TrackerKind,
};
use crate::config::values;

/// How often to look into an IMAP folder although the server announces mail.
const IMAP_POLL: Duration = Duration::from_secs(5 * 60);
/// How often to look into a folder on disk, which announces nothing.
const DISK_POLL: Duration = Duration::from_secs(30);
/// How often the mirror of the tracker is brought up to date.
const SYNC_INTERVAL: Duration = Duration::from_secs(5 * 60);

#[derive(Clone, Copy)]
enum MailboxKind {
    Imap,
    Maildir,
    Mbox,
}

/// `[mailbox]`
pub(crate) fn mailbox(root: &DeTable<'_>, findings: &mut Findings) -> Option<Mailbox> {
    let base = base(findings);
    let mut section = Section::open(root, "mailbox", findings);
    let kind = section.kind(&[
        ("imap", MailboxKind::Imap),
        ("maildir", MailboxKind::Maildir),
        ("mbox", MailboxKind::Mbox),
    ]);
    let mailbox = kind.and_then(|kind| match kind {
        MailboxKind::Imap => imap(&mut section).map(Mailbox::Imap),
        MailboxKind::Maildir => {
            let poll = section.or("poll", DISK_POLL, values::duration);
            let path = section.need("path", "\"/var/mail/buildbot\"", |v| values::path(v, &base));
            path.map(|path| Mailbox::Maildir { path, poll })
        }
        MailboxKind::Mbox => {
            let poll = section.or("poll", DISK_POLL, values::duration);
            let path = section.need("path", "\"/var/mail/buildbot.mbox\"", |v| {
                values::path(v, &base)
            });
            path.map(|path| Mailbox::Mbox { path, poll })
        }
    });
    section.finish(&[]);
    mailbox
}

fn imap(section: &mut Section<'_, '_>) -> Option<Imap> {
    let base = base(section.findings);
    let host = section.need("host", "\"imap.example.org\"", values::host);
    let security = section.or("security", Security::Tls, |v| {
        Ok(match values::one_of(v, &["tls", "starttls"])? {
            "starttls" => Security::StartTls,
            _ => Security::Tls,
        })
    });
    let port = if security == Security::StartTls {
        143
    } else {
        993
    };
    let port = section.or("port", port, values::port);
    let folder = section.or("folder", "INBOX".to_owned(), values::text);
    let ca_file = section.maybe("ca_file", |v| values::ca_file(v, &base));
    let poll = section.or("poll", IMAP_POLL, values::duration);
    let user = section.need("user", "\"buildbot-watch@example.org\"", values::text);
    let proof = proof(section, "mailbox");
    if section.place_of("password").is_none() && section.place_of("oauth2_token").is_none() {
        section.need("password", "{ file = \"...\" }", |_| Ok(()));
    }
    let (proof, secret) = proof?;
    Some(Imap {
        host: host?,
        port,
        security,
        login: Credential {
            user: user?,
            proof,
            secret,
        },
        folder,
        ca_file,
        poll,
    })
}

/// The one secret of a mail account, if it is there and good.
fn proof(section: &mut Section<'_, '_>, name: &str) -> Option<(Proof, SecretSource)> {
    let password = secret(section, "password", name);
    let token = secret(section, "oauth2_token", name);
    if let (Some(_), Some(_)) = (&password, &token) {
        let at = section.place_of("oauth2_token").unwrap_or_default();
        let wrong = Wrong::new("and password are both given", "remove one of the two");
        section.wrong(at, "oauth2_token", wrong);
    }
    password
        .map(|secret| (Proof::Password, secret))
        .or(token.map(|secret| (Proof::Oauth2, secret)))
}

/// Where a secret is found; noted, so that it is resolved even if other
/// settings are wrong.
pub(crate) fn secret(
    section: &mut Section<'_, '_>,
    key: &'static str,
    name: &str,
) -> Option<SecretSource> {
    source(section, key, name, Form::Line)
}

/// Where a certificate with its key is found, in the same ways as a secret.
pub(crate) fn pem(
    section: &mut Section<'_, '_>,
    key: &'static str,
    name: &str,
) -> Option<SecretSource> {
    source(section, key, name, Form::Pem)
}

fn source(
    section: &mut Section<'_, '_>,
    key: &'static str,
    name: &str,
    form: Form,
) -> Option<SecretSource> {
    let base = base(section.findings);
    let at = section.place_of(key)?;
    let way = section.maybe(key, |v| values::secret(v, &base, key))?;
    let source = SecretSource {
        setting: format!("[{name}] {key}"),
        place: section.findings.place(at),
        way,
        form,
    };
    section.findings.secrets.push(source.clone());
    Some(source)
}

/// `[outgoing]`
pub(crate) fn outgoing(root: &DeTable<'_>, findings: &mut Findings) -> Option<Outgoing> {
    let base = base(findings);
    let mut section = Section::open(root, "outgoing", findings);
    let smtp = section.kind(&[("smtp", true), ("maildir", false)]);
    let sender = sender(&mut section);
    let outgoing = match smtp {
        Some(true) => server(&mut section, sender).map(Outgoing::Smtp),
        Some(false) => {
            let path = section.need("path", "\"/var/lib/buildbot-watch/outgoing\"", |v| {
                values::path(v, &base)
            });
            path.zip(sender)
                .map(|(path, sender)| Outgoing::Maildir { path, sender })
        }
        None => None,
    };
    section.finish(&[]);
    outgoing
}

fn sender(section: &mut Section<'_, '_>) -> Option<Sender> {
    let name = section.or("from_name", "Buildbot Watch".to_owned(), values::text);
    let address = section.need(
        "from_address",
        "\"buildbot-watch@example.org\"",
        values::address,
    );
    let bounce = section.maybe("bounce_address", values::address);
    let address = address?;
    Some(Sender {
        name,
        bounce: bounce.unwrap_or_else(|| address.clone()),
        address,
    })
}

fn server(section: &mut Section<'_, '_>, sender: Option<Sender>) -> Option<Smtp> {
    let base = base(section.findings);
    let host = section.need("host", "\"smtp.example.org\"", values::host);
    let security = section.or("security", Security::Tls, |v| {
        Ok(match values::one_of(v, &["tls", "starttls", "none"])? {
            "starttls" => Security::StartTls,
            "none" => Security::None,
            _ => Security::Tls,
        })
    });
    if security == Security::None
        && host
            .as_deref()
            .is_some_and(|host| !values::is_loopback(host))
    {
        let at = section.place_of("security").unwrap_or_default();
        let wrong = Wrong::new(
            "= \"none\" would send everything in the clear",
            "write \"tls\" or \"starttls\" (\"none\" is allowed to 127.0.0.1 and localhost alone)",
        );
        section.wrong(at, "security", wrong);
    }
    let port = match security {
        Security::Tls => 465,
        Security::StartTls => 587,
        Security::None => 25,
    };
    let port = section.or("port", port, values::port);
    let hello = section.maybe("hello", values::host);
    let ca_file = section.maybe("ca_file", |v| values::ca_file(v, &base));
    let user = section.maybe("user", values::text);
    let proof = proof(section, "outgoing");
    let login =
        pair(section, user, proof, &["password", "oauth2_token"]).map(|(user, (proof, secret))| {
            Credential {
                user,
                proof,
                secret,
            }
        });
    Some(Smtp {
        host: host?,
        port,
        security,
        login,
        hello,
        ca_file,
        sender: sender?,
    })
}

/// An account needs both its name and its secret, or neither.
fn pair<T>(
    section: &mut Section<'_, '_>,
    user: Option<String>,
    secret: Option<T>,
    keys: &[&'static str],
) -> Option<(String, T)> {
    let user_at = section.place_of("user");
    let secret_at = keys.iter().find_map(|key| section.place_of(key));
    match (user_at, secret_at) {
        (Some(at), None) => section.wrong(
            at,
            "user",
            Wrong::new(
                "is given without a password",
                "add password = { file = \"...\" }, or remove user",
            ),
        ),
        (None, Some(at)) => section.wrong(
            at,
            "password",
            Wrong::new("is given without a user", "add user = \"...\""),
        ),
        _ => {}
    }
    user.zip(secret)
}

#[derive(Clone, Copy)]
enum TrackerChoice {
    Embedded,
    Roundup,
    GitHub,
}

/// `[tracker]`
pub(crate) fn tracker(
    root: &DeTable<'_>,
    store: &Store,
    findings: &mut Findings,
) -> Option<Tracker> {
    let base = base(findings);
    let mut section = Section::open(root, "tracker", findings);
    let choice = section.kind(&[
        ("embedded", TrackerChoice::Embedded),
        ("roundup", TrackerChoice::Roundup),
        ("github", TrackerChoice::GitHub),
    ]);
    let kind = choice.and_then(|choice| match choice {
        TrackerChoice::Embedded => {
            let beside = store.state_dir.join("tracker.sqlite");
            let path = section.or("path", beside, |v| values::path(v, &base));
            Some(TrackerKind::Embedded { path })
        }
        TrackerChoice::Roundup => roundup(&mut section).map(TrackerKind::Roundup),
        TrackerChoice::GitHub => github(&mut section).map(TrackerKind::GitHub),
    });
    let sync_interval = section.or("sync_interval", SYNC_INTERVAL, values::duration);
    let mirror_from = section.maybe("mirror_from", values::day);
    let reopens = section.or("regression", false, |v| {
        Ok(values::one_of(v, &["new", "reopen"])? == "reopen")
    });
    section.finish(&[]);
    Some(Tracker {
        kind: kind?,
        sync_interval,
        mirror_from,
        reopens,
    })
}

fn roundup(section: &mut Section<'_, '_>) -> Option<Roundup> {
    let base = base(section.findings);
    let url = section.need(
        "url",
        "\"https://bugs.example.org/\"",
        values::url_with_slash,
    );
    let user = section.maybe("user", values::text);
    let password = secret(section, "password", "tracker");
    let login = pair(section, user, password, &["password"]).map(|(user, secret)| Credential {
        user,
        proof: Proof::Password,
        secret,
    });
    let closed_statuses = section.or("closed_statuses", vec!["closed".to_owned()], |v| {
        values::filled_list(v, values::text)
    });
    let ca_file = section.maybe("ca_file", |v| values::ca_file(v, &base));
    Some(Roundup {
        url: url?,
        login,
        closed_statuses,
        ca_file,
    })
}

fn github(section: &mut Section<'_, '_>) -> Option<GitHub> {
    let base = base(section.findings);
    let url = section.or(
        "url",
        "https://api.github.com".to_owned(),
        values::url_without_slash,
    );
    let web = section.or(
        "web",
        "https://github.com".to_owned(),
        values::url_without_slash,
    );
    let repository = section.need("repository", "\"python/cpython\"", values::repository);
    let token = secret(section, "token", "tracker");
    let ca_file = section.maybe("ca_file", |v| values::ca_file(v, &base));
    Some(GitHub {
        url,
        web,
        repository: repository?,
        token,
        ca_file,
    })
}
