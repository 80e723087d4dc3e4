//! The tests' world: real servers that `tests/run` starts, described by the
//! JSON file that `$BUILDBOT_WATCH_TEST_WORLD` names.
//!
//! A test keeps to itself by taking a user name or a list of its own: see
//! [`World::fresh_user`] and [`World::fresh_list`]. Nothing needs tidying.

#![allow(dead_code, reason = "every area of tests uses what it needs")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// A client for servers that speak no TLS: to read the machine's certificates for each
/// would take longer than the requests.
pub fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().tls_certs_only([]);
    builder.build().expect("a client")
}

/// Everything that runs, as `tests/run` wrote it down.
#[derive(Debug, Deserialize)]
pub struct World {
    pub folder: PathBuf,
    pub host: String,
    pub tls: Certificates,
    pub mail: Mail,
    pub mailman: Mailman,
    pub roundup: Roundup,
    pub buildbot: Buildbot,
}

/// PEM files. The servers show `cert`, signed by `ca`; the others are for tests
/// that play a bad server themselves.
#[derive(Debug, Deserialize)]
pub struct Certificates {
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
    pub expired_cert: PathBuf,
    pub other_host_cert: PathBuf,
    pub untrusted_ca: PathBuf,
    pub untrusted_cert: PathBuf,
    pub untrusted_key: PathBuf,
}

/// Dovecot and Postfix. Any user name exists, all with the same password.
#[derive(Debug, Deserialize)]
pub struct Mail {
    pub domain: String,
    pub password: String,
    pub imaps_port: u16,
    pub imap_starttls_port: u16,
    pub lmtp_port: u16,
    pub maildirs: PathBuf,
    pub oauth: OAuth,
    /// To put mail in: no login, no TLS.
    pub smtp_port: u16,
    /// The same by way of OpenDKIM, as mail comes in from outside.
    pub smtp_verifying_port: u16,
    /// `DOMAIN.key`: what mails of a domain are signed with.
    pub dkim_keys: PathBuf,
    /// Login needed, after STARTTLS.
    pub submission_starttls_port: u16,
    /// Login needed, TLS from the start.
    pub submissions_port: u16,
    /// A recipient that is refused with 450.
    pub refused_for_now: String,
    /// A recipient that is refused with 550.
    pub refused_for_good: String,
}

/// The one user who logs in with tokens.
#[derive(Debug, Deserialize)]
pub struct OAuth {
    pub user: String,
    pub valid_token: String,
    pub expired_token: String,
}

/// Mailman 3.
#[derive(Debug, Deserialize)]
pub struct Mailman {
    pub rest: String,
    pub user: String,
    pub password: String,
    pub lmtp_port: u16,
    pub domain: String,
    pub list: String,
    pub members: Vec<String>,
    pub archives: PathBuf,
}

/// Roundup; all trackers are alike.
#[derive(Debug, Deserialize)]
pub struct Roundup {
    pub trackers: BTreeMap<String, String>,
    pub users: BTreeMap<String, String>,
}

/// Buildbot: a builder with a green and a red build, and one whose steps do what
/// a test says; the log of its first build was deleted.
#[derive(Debug, Deserialize)]
pub struct Buildbot {
    pub url: String,
    pub api: String,
    pub builder_name: String,
    pub builder_id: u64,
    pub green_build: u64,
    pub red_build: u64,
    pub scripted_builder_name: String,
    pub deleted_build: u64,
}

static WORLD: LazyLock<Result<World, String>> = LazyLock::new(|| {
    let path = std::env::var("BUILDBOT_WATCH_TEST_WORLD")
        .map_err(|_| "the tests' servers are not running".to_owned())?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
});

/// The running world; fails the test when there is none.
pub fn world() -> &'static World {
    match &*WORLD {
        Ok(world) => world,
        Err(why) => panic!("{why}: run tests/run"),
    }
}

/// Runs a test's future on the kind of runtime the program uses, and fails it
/// when it hangs.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async {
            tokio::time::timeout(Duration::from_secs(600), test)
                .await
                .expect("the test hangs")
        })
}

/// Looks again and again until there is something, for at most `patience`.
pub async fn eventually<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            start.elapsed() < patience,
            "it did not happen in {patience:?}"
        );
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

impl World {
    /// A user nobody else has, also not an earlier run: `imap-4711-0`.
    pub fn fresh_user(&self, area: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let nanos = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.subsec_nanos());
        format!("{area}-{}-{number}-{nanos}", std::process::id())
    }

    /// The mail address of a user.
    pub fn address(&self, user: &str) -> String {
        format!("{user}@{}", self.mail.domain)
    }

    /// TLS settings that trust the tests' CA besides the system's.
    pub fn tls_config(&self) -> Arc<rustls::ClientConfig> {
        buildbot_watch::tls::client_config(Some(&self.tls.ca)).expect("the tests' CA")
    }

    /// TLS settings that do not trust the tests' servers.
    pub fn distrusting_tls_config(&self) -> Arc<rustls::ClientConfig> {
        buildbot_watch::tls::client_config(Some(&self.tls.untrusted_ca)).expect("the other CA")
    }

    /// Hands a mail to Postfix, byte by byte as given except for dot-stuffing.
    /// Lines must end in CRLF. Returns once Postfix has taken it.
    pub fn post(&self, from: &str, to: &str, mail: &[u8]) {
        self.post_at(self.mail.smtp_port, from, to, mail);
    }

    /// The same at another port of Postfix.
    pub fn post_at(&self, port: u16, from: &str, to: &str, mail: &[u8]) {
        let mut server = PlainSmtp::connect(&self.host, port);
        server.command("EHLO tests.example.test", "250");
        server.command(&format!("MAIL FROM:<{from}>"), "250");
        server.command(&format!("RCPT TO:<{to}>"), "250");
        server.command("DATA", "354");
        server.data(mail);
        server.command("QUIT", "221");
    }

    /// Where Dovecot keeps the INBOX of a user.
    pub fn maildir(&self, user: &str) -> PathBuf {
        self.mail.maildirs.join(user)
    }

    /// The mails in a user's INBOX, oldest first.
    pub fn inbox(&self, user: &str) -> Vec<Vec<u8>> {
        mails_in(&self.maildir(user))
    }

    /// Waits until a user's INBOX holds at least `count` mails.
    pub async fn inbox_of(&self, user: &str, count: usize) -> Vec<Vec<u8>> {
        eventually(Duration::from_secs(120), || {
            Some(self.inbox(user)).filter(|mails| mails.len() >= count)
        })
        .await
    }

    /// Makes a list that takes every post at once; `members` are addresses.
    /// Returns the list's address.
    pub async fn fresh_list(&self, area: &str, members: &[String]) -> String {
        self.list_named(&self.fresh_user(area), members).await
    }

    /// The same with a name of one's own choice.
    pub async fn list_named(&self, name: &str, members: &[String]) -> String {
        let address = format!("{name}@{}", self.mailman.domain);
        let list_id = format!("{name}.{}", self.mailman.domain);
        let form = format!("fqdn_listname={address}");
        self.mailman_call(reqwest::Method::POST, "/lists", form)
            .await;
        let form = "default_nonmember_action=accept&default_member_action=accept\
                    &require_explicit_destination=false&max_message_size=0&max_num_recipients=0\
                    &digests_enabled=false&dmarc_mitigate_action=no_mitigation\
                    &archive_policy=public&send_welcome_message=false&admin_immed_notify=false"
            .to_owned();
        let path = format!("/lists/{address}/config");
        self.mailman_call(reqwest::Method::PATCH, &path, form).await;
        // Else two of Mailman's processes note at the first post that the list has
        // an archive, and every post with two such notes is shunted.
        let path = format!("/lists/{address}/archivers");
        let form = "prototype=true".to_owned();
        self.mailman_call(reqwest::Method::PATCH, &path, form).await;
        for member in members {
            let form = format!(
                "list_id={list_id}&subscriber={member}&pre_verified=true&pre_confirmed=true\
                 &pre_approved=true&send_welcome_message=false"
            );
            self.mailman_call(reqwest::Method::POST, "/members", form)
                .await;
        }
        address
    }

    /// The mails in a list's archive.
    pub fn archive(&self, list: &str) -> Vec<Vec<u8>> {
        mails_in(&self.mailman.archives.join(list))
    }

    /// Asks Mailman's REST interface, which must agree.
    pub async fn mailman_call(&self, method: reqwest::Method, path: &str, form: String) {
        let answer = client()
            .request(method, format!("{}{path}", self.mailman.rest))
            .basic_auth(&self.mailman.user, Some(&self.mailman.password))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .expect("Mailman answers");
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        assert!(
            status.is_success(),
            "Mailman said {status} to {path}: {text}"
        );
    }
}

/// The mails in a Maildir, by the order of their file names.
pub fn mails_in(maildir: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = ["new", "cur"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(maildir.join(folder)).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        (delivered_at(&name), name.into_owned())
    });
    files
        .iter()
        .filter_map(|path| std::fs::read(path).ok())
        .collect()
}

/// Seconds and microseconds in a name like `1795000000.M5121P7.host,S=1`.
fn delivered_at(name: &str) -> Option<(u64, u64)> {
    let (seconds, rest) = name.split_once('.')?;
    let digits = rest.trim_start_matches('M');
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    Some((seconds.parse().ok()?, digits[..end].parse().ok()?))
}

/// A small mail with the given headers after the usual ones; lines end in CRLF.
pub fn mail(subject: &str, message_id: &str, headers: &str, body: &str) -> Vec<u8> {
    let text = format!(
        "From: buildbot@example.test\nTo: list@example.test\nSubject: {subject}\n\
         Date: Sun, 22 Nov 2026 07:00:00 +0000\nMessage-ID: <{message_id}>\n{headers}\n{body}\n"
    );
    text.replace("\r\n", "\n")
        .replace('\n', "\r\n")
        .into_bytes()
}

struct PlainSmtp {
    reader: BufReader<TcpStream>,
}

impl PlainSmtp {
    fn connect(host: &str, port: u16) -> Self {
        let stream = TcpStream::connect((host, port))
            .unwrap_or_else(|error| panic!("no SMTP server: {error}: run tests/run"));
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a timeout");
        let mut server = Self {
            reader: BufReader::new(stream),
        };
        server.expect("220", "the greeting");
        server
    }

    fn command(&mut self, command: &str, code: &str) {
        self.write(format!("{command}\r\n").as_bytes());
        self.expect(code, command);
    }

    fn data(&mut self, mail: &[u8]) {
        let mut wire = Vec::with_capacity(mail.len() + 16);
        for line in mail.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                wire.push(b'.');
            }
            wire.extend_from_slice(line);
        }
        wire.extend_from_slice(b".\r\n");
        self.write(&wire);
        self.expect("250", "the mail");
    }

    fn write(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).expect("SMTP write");
    }

    fn expect(&mut self, code: &str, what: &str) {
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).expect("SMTP read");
            assert!(line.starts_with(code), "SMTP said {line:?} to {what}");
            if line.as_bytes().get(3) == Some(&b' ') {
                return;
            }
        }
    }
}
