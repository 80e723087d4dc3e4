//! What every verb needs: where the configuration is, what is printed how, what
//! time it is, and how the user called the program.

use std::path::{Path, PathBuf};

use anyhow::{Error, Result};

use super::args::{Arguments, DEFAULT_CONFIG, DraftId};
use super::refusal::Refusal;
use super::screen::{Form, Screen};
use super::words::quoted;
use crate::config::Config;
use crate::daemon;
use crate::domain::Seconds;
use crate::store::{NotificationRow, Store};
use crate::worker::wall_clock;

/// One run of the program.
#[derive(Debug)]
pub(super) struct Session {
    /// Where to print.
    pub(super) screen: Screen,
    /// When it began, by the system's clock.
    pub(super) now: Seconds,
    place: Place,
    program: String,
}

/// Where the configuration is.
#[derive(Debug)]
enum Place {
    Default,
    File(PathBuf),
    Folder(PathBuf),
}

impl Session {
    /// From what was typed.
    pub(super) fn new(arguments: &Arguments) -> Self {
        let form = if arguments.json {
            Form::Json
        } else {
            Form::Text
        };
        let place = match (&arguments.config, &arguments.dir) {
            (Some(file), _) => Place::File(file.clone()),
            (None, Some(folder)) => Place::Folder(folder.clone()),
            (None, None) => Place::Default,
        };
        Self {
            screen: Screen::new(form),
            now: wall_clock(),
            place,
            program: program(),
        }
    }

    /// The same run, with the folder that `demo` chose.
    pub(super) fn in_folder(self, folder: &Path) -> Self {
        Self {
            place: Place::Folder(folder.to_owned()),
            ..self
        }
    }

    /// The folder given with `--dir`.
    pub(super) fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder),
            Place::Default | Place::File(_) => None,
        }
    }

    /// Whether `--config` was given.
    pub(super) fn is_configured(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    /// The configuration file.
    pub(super) fn config_file(&self) -> PathBuf {
        match &self.place {
            Place::Default => PathBuf::from(DEFAULT_CONFIG),
            Place::File(file) => file.clone(),
            Place::Folder(folder) => folder.join("config.toml"),
        }
    }

    /// The configuration, without its secrets.
    pub(super) fn config(&self) -> Result<Config> {
        Ok(Config::read(&self.existing_config_file()?)?)
    }

    /// The configuration file, which is there (or cannot be reached, which reading
    /// it tells better).
    pub(super) fn existing_config_file(&self) -> Result<PathBuf> {
        let file = self.config_file();
        if file.try_exists().unwrap_or(true) {
            return Ok(file);
        }
        let what = format!("there is no configuration at {}", file.display());
        let remedy = match &self.place {
            Place::Folder(_) => format!("make a demo there with: {}", self.line("demo")),
            Place::Default | Place::File(_) => format!(
                "name it with --config FILE; to try the program first, type: {} demo",
                self.program
            ),
        };
        Err(Refusal::new(what, remedy).into())
    }

    /// The store, which must be there already: a command line that makes one
    /// would make it for the wrong user.
    pub(super) fn store(&self) -> Result<Store> {
        self.store_of(&self.config()?)
    }

    /// The store of a configuration.
    pub(super) fn store_of(&self, config: &Config) -> Result<Store> {
        let path = daemon::database(config);
        match path.try_exists() {
            Ok(true) => Store::open(&path).map_err(|error| self.not_opened(error, &path)),
            Ok(false) => Err(Refusal::new(
                format!(
                    "nothing was taken in yet: there is no database {}",
                    path.display()
                ),
                format!("start the service with: {}", self.line("run")),
            )
            .into()),
            Err(error) => {
                let what = format!("the database {} cannot be reached", path.display());
                Err(self.not_opened(Error::new(error).context(what), &path))
            }
        }
    }

    /// The store of a configuration, made if it is not there: only in a folder that
    /// is there, and by its owner, so that the service can use it afterwards.
    pub(super) fn store_or_new(&self, config: &Config) -> Result<Store> {
        let path = daemon::database(config);
        if path.try_exists().unwrap_or(true) {
            return self.store_of(config);
        }
        let folder = &config.store.state_dir;
        if !folder.is_dir() {
            let what = format!("there is no state folder {}", folder.display());
            let remedy = format!(
                "make it for the user of the service: install -d -m 700 -o USER {}",
                quoted(&folder.to_string_lossy())
            );
            return Err(Refusal::new(what, remedy).into());
        }
        #[cfg(unix)]
        if let Some((_, Owner::Other(_))) = owner(folder) {
            let (whose, remedy) = self.whose(folder);
            let what = format!("there is no database {} yet, and {whose}", path.display());
            return Err(Refusal::new(what, remedy).into());
        }
        Store::open(&path).map_err(|error| self.not_opened(error, &path))
    }

    /// Why a file of the store cannot be used, with what to type if it is another
    /// user's.
    pub(super) fn not_opened(&self, error: Error, path: &Path) -> Error {
        let is_denied = error.chain().any(|cause| {
            let io = cause.downcast_ref::<std::io::Error>();
            io.is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied)
        });
        if !is_denied {
            return error;
        }
        let (whose, remedy) = self.whose(path);
        Refusal::new(format!("{error:#}; {whose}"), remedy).into()
    }

    /// Whose a path is that may not be used, and what to do about it.
    pub(super) fn whose(&self, path: &Path) -> (String, String) {
        let (place, owner) = owner(path).unwrap_or((path, Owner::Unknown));
        let place = place.display();
        let again = self.again();
        match owner {
            Owner::Us => (
                format!("{place} is yours"),
                format!("look at its rights: ls -ld {}", quoted(&place.to_string())),
            ),
            Owner::Other(user) => (
                format!("{place} is {user}'s"),
                format!("run it as that user: sudo -u {user} {again}"),
            ),
            Owner::Unknown => (
                format!("{place} is another user's"),
                format!("run it as the service's user: sudo -u USER {again}"),
            ),
        }
    }

    /// What was typed, to be typed once more by somebody else.
    fn again(&self) -> String {
        let typed = std::env::args().skip(1).map(|word| quoted(&word));
        let words: Vec<String> = std::iter::once(self.program.clone()).chain(typed).collect();
        words.join(" ")
    }

    /// Everything about one notification.
    pub(super) fn load(&self, store: &Store, draft: &DraftId) -> Result<NotificationRow> {
        match store.load(draft.id) {
            Ok(row) => Ok(row),
            Err(error) if store.exists(draft.id)? => Err(error),
            Err(_) => Err(self.unknown(draft).into()),
        }
    }

    /// Why there is no such draft.
    pub(super) fn unknown(&self, draft: &DraftId) -> Refusal {
        Refusal::new(
            format!("there is no notification {}", draft.id),
            format!("see which there are with: {}", self.line("list --all")),
        )
    }

    /// A command as the user would type it: the program as it was called, the
    /// words, and where the configuration is.
    pub(super) fn line(&self, words: &str) -> String {
        let place = match &self.place {
            Place::Default => return format!("{} {words}", self.program),
            Place::File(file) => format!("--config {}", quoted(&file.to_string_lossy())),
            Place::Folder(folder) => format!("--dir {}", quoted(&folder.to_string_lossy())),
        };
        format!("{} {words} {place}", self.program)
    }

    /// Ends a verb with what can be typed next: the words of a command, and what
    /// it does.
    pub(super) fn next(&self, commands: &[(String, &str)]) {
        self.screen.heading("Next");
        for (words, what) in commands {
            self.screen.say(format!("  {}", self.line(words)));
            if !what.is_empty() {
                let text = format!("      {what}");
                self.screen
                    .say(self.screen.paint(super::screen::Tone::Dim, &text));
            }
        }
    }
}

/// Whose a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    /// Whoever runs this.
    Us,
    /// Somebody else: the login, or `'#'` and the number.
    Other(String),
    Unknown,
}

/// The nearest part of the path that can be looked at, and whose it is.
#[cfg(unix)]
fn owner(path: &Path) -> Option<(&Path, Owner)> {
    use std::os::unix::fs::MetadataExt;
    let (place, about) = path
        .ancestors()
        .find_map(|place| Some((place, std::fs::metadata(place).ok()?)))?;
    if about.uid() == rustix::process::geteuid().as_raw() {
        return Some((place, Owner::Us));
    }
    let uid = about.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let login = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let login = fields.next()?;
        (fields.nth(1)? == uid).then(|| login.to_owned())
    });
    let user = login.unwrap_or_else(|| format!("'#{uid}'"));
    Some((place, Owner::Other(user)))
}

#[cfg(not(unix))]
fn owner(_path: &Path) -> Option<(&Path, Owner)> {
    None
}

/// The program as the user called it; through cargo, the whole of it.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    let by_cargo = std::env::var_os("CARGO_MANIFEST_DIR").is_some()
        && std::env::var("CARGO_PKG_NAME").is_ok_and(|name| name == env!("CARGO_PKG_NAME"));
    if by_cargo && called.contains("target") {
        return "cargo run --".to_owned();
    }
    if called.is_empty() {
        return env!("CARGO_PKG_NAME").to_owned();
    }
    quoted(&called)
}
