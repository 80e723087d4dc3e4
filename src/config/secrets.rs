//! Secrets are named in the configuration and read from somewhere else.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::config::mistake::{Mistake, Place, Warning};
use crate::domain::secret::Secret;

/// How long a command that prints a secret may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest secret, in bytes; the longest OAuth tokens are far shorter.
const LONGEST_SECRET: u64 = 64 * 1024;

/// What the configuration's meaning depends on besides its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `$CREDENTIALS_DIRECTORY`, where systemd puts what `LoadCredential=` names.
    pub credentials_directory: Option<PathBuf>,
}

impl Environment {
    /// What this process was started with.
    pub fn of_process() -> Self {
        Self {
            credentials_directory: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        }
    }
}

/// Every secret of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Of `[mailbox]`.
    pub mailbox: Option<Secret>,
    /// Of `[outgoing]`.
    pub outgoing: Option<Secret>,
    /// Of `[tracker]`.
    pub tracker: Option<Secret>,
    /// The tokens of the hosted CI systems, by their tables: `ci.travis`.
    pub ci: BTreeMap<String, Secret>,
    /// Those of `[[webhook]]` and `[irc]`, by [`SecretSource::setting`].
    pub alerts: BTreeMap<String, Secret>,
}

/// Where one secret is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSource {
    /// `[mailbox] password`, for messages.
    pub setting: String,
    /// Where the setting stands.
    pub place: Place,
    /// How the secret is got.
    pub way: Way,
    /// What of it counts.
    pub form: Form,
}

/// What counts of that which is found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The first line, without its end.
    Line,
    /// The whole: a certificate and its private key, both in PEM form.
    Pem,
}

/// How a secret is got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// `{ file = "/etc/buildbot-watch/password" }`
    File(PathBuf),
    /// `{ credential = "imap-password" }`: a file in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// `{ command = ["pass", "show", "imap"] }`: what a program prints.
    Command(Vec<String>),
}

/// What resolving all secrets came to.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) secrets: Secrets,
    pub(crate) mistakes: Vec<Mistake>,
    pub(crate) warnings: Vec<Warning>,
}

/// Resolves whatever section names a secret.
pub(crate) fn resolve_all(sources: &[SecretSource], environment: &Environment) -> Resolved {
    let mut resolved = Resolved::default();
    for source in sources {
        let secrets = &mut resolved.secrets;
        match source.resolve(environment) {
            Ok(secret) => match source.section() {
                "mailbox" => secrets.mailbox = Some(secret),
                "outgoing" => secrets.outgoing = Some(secret),
                "tracker" => secrets.tracker = Some(secret),
                table if table == "irc" || table.starts_with("webhook.") => {
                    secrets.alerts.insert(source.setting.clone(), secret);
                }
                table => {
                    secrets.ci.insert(table.to_owned(), secret);
                }
            },
            Err(mistake) => resolved.mistakes.push(mistake),
        }
        resolved.warnings.extend(source.open_to_others());
    }
    resolved
}

impl SecretSource {
    /// `mailbox` of `[mailbox] password`.
    fn section(&self) -> &str {
        let name = self.setting.split_whitespace().next().unwrap_or_default();
        name.trim_matches(['[', ']'])
    }

    /// Gets the secret. Blocks: a command may take up to 30 seconds.
    ///
    /// # Errors
    ///
    /// Why it cannot be had, never with any part of the secret.
    pub fn resolve(&self, environment: &Environment) -> Result<Secret, Mistake> {
        let text = match &self.way {
            Way::File(path) => read_first(path).map_err(|error| {
                self.mistake(
                    format!("cannot read {}: {error}", path.display()),
                    "create that file (mode 600) with the secret as its first line, \
                     readable for the user that runs buildbot-watch",
                )
            })?,
            Way::Credential(name) => self.credential(name, environment)?,
            Way::Command(words) => self.command(words)?,
        };
        if self.form == Form::Pem {
            return match wrong_with_pem(&text) {
                None => Ok(Secret::new(text)),
                Some((what, remedy)) => {
                    Err(self.mistake(format!("{} {what}", self.way.words()), remedy))
                }
            };
        }
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            return Err(self.mistake(
                format!("{} gave an empty first line", self.way.words()),
                "put the secret on the first line",
            ));
        }
        Ok(Secret::new(line.to_owned()))
    }

    fn credential(&self, name: &str, environment: &Environment) -> Result<String, Mistake> {
        let Some(folder) = &environment.credentials_directory else {
            return Err(self.mistake(
                format!("credential {name:?} is not there: $CREDENTIALS_DIRECTORY is not set"),
                &format!(
                    "only systemd puts it there; by hand: systemd-run --pipe --wait \
                     -p User=buildbot-watch -p LoadCredential={name}:/etc/buildbot-watch/{name} \
                     (one for each credential) /usr/local/bin/buildbot-watch check; or name a \
                     {{ file = \"...\" }} instead"
                ),
            ));
        };
        read_first(&folder.join(name)).map_err(|error| {
            self.mistake(
                format!("cannot read credential {name:?}: {error}"),
                &format!("add LoadCredential={name}:/path/of/the/secret to the unit"),
            )
        })
    }

    fn command(&self, words: &[String]) -> Result<String, Mistake> {
        let remedy = "run the command by hand as the user that runs buildbot-watch; it has to \
                      print the secret on its first line without asking anything";
        run(words).map_err(|why| {
            let program = words.first().map_or("", String::as_str);
            self.mistake(format!("the command {program:?} {why}"), remedy)
        })
    }

    /// A warning if others may read the secret's file.
    fn open_to_others(&self) -> Option<Warning> {
        let Way::File(path) = &self.way else {
            return None;
        };
        let mode = fs::metadata(path).ok()?.permissions().mode();
        (mode & 0o077 != 0).then(|| Warning {
            place: self.place.clone(),
            words: format!(
                "{}: {} can be read by others (mode {:o}); run: chmod 600 {}",
                self.setting,
                path.display(),
                mode & 0o777,
                path.display(),
            ),
        })
    }

    fn mistake(&self, what: String, remedy: &str) -> Mistake {
        Mistake {
            place: self.place.clone(),
            what: format!("{}: {what}", self.setting),
            remedy: remedy.to_owned(),
        }
    }
}

impl Way {
    fn words(&self) -> String {
        match self {
            Self::File(path) => format!("the file {}", path.display()),
            Self::Credential(name) => format!("the credential {name:?}"),
            Self::Command(words) => {
                format!("the command {:?}", words.first().map_or("", String::as_str))
            }
        }
    }
}

/// What hinders a text from being a certificate with its key, and what to do.
fn wrong_with_pem(text: &str) -> Option<(&'static str, &'static str)> {
    let has = |words: &str| text.contains(words);
    if !has("-----BEGIN CERTIFICATE-----") {
        return Some((
            "holds no certificate",
            "put the certificate and its key, both as PEM, one below the other",
        ));
    }
    if has("-----BEGIN ENCRYPTED PRIVATE KEY-----") || has("Proc-Type: 4,ENCRYPTED") {
        return Some((
            "holds a key that is protected by a passphrase",
            "take that off (openssl pkey -in KEY), and let nobody else read the file",
        ));
    }
    (!has("PRIVATE KEY-----")).then_some((
        "holds a certificate without its private key",
        "put the key below the certificate, as PEM (-----BEGIN PRIVATE KEY-----)",
    ))
}

/// The beginning of a file, bounded.
fn read_first(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?
        .take(LONGEST_SECRET)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// What a command prints, or in words what became of it. Its standard error is
/// thrown away: it might hold the secret.
fn run(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("is empty")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("does not start: {error}"))?;
    // A thread reads, so that a command that prints a lot cannot block itself,
    // and one whose children keep the pipe open cannot block us.
    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.map(|pipe| pipe.take(LONGEST_SECRET).read_to_string(&mut text));
        sender.send(matches!(read, Some(Ok(_))).then_some(text))
    });
    let ends = Instant::now() + COMMAND_TIMEOUT;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < ends => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err("took longer than 30 seconds".to_owned());
            }
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    };
    if !status.success() {
        return Err(format!("ended with {status}"));
    }
    match receiver.recv_timeout(Duration::from_secs(1)) {
        Ok(Some(text)) => Ok(text),
        _ => Err("printed no text".to_owned()),
    }
}
