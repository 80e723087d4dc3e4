//! What can be typed, and the first page of help, which groups the verbs by what
//! a person wants.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Command, CommandFactory, Parser, Subcommand, ValueEnum};

use super::verbs::Verb;
use crate::desk::summary::SHORT_DIGEST;
use crate::store::NotificationId;

/// Where the configuration is unless somebody says otherwise.
pub(super) const DEFAULT_CONFIG: &str = "/etc/buildbot-watch/config.toml";

/// The verbs as the first page shows them.
const GROUPS: [(&str, &[&str]); 6] = [
    (
        "Try it, nothing leaves your machine",
        &["demo", "read", "replay"],
    ),
    (
        "Set it up and run it",
        &[
            "subscribe",
            "unsubscribe",
            "check",
            "run",
            "serve",
            "user",
            "status",
            "sync",
            "import",
            "rules",
        ],
    ),
    (
        "Decide on drafts",
        &[
            "list",
            "show",
            "review",
            "approve",
            "reject",
            "edit",
            "link",
            "hold",
            "release",
            "history",
            "incidents",
            "file",
        ],
    ),
    (
        "Hold everything back",
        &["pause", "resume", "stop", "clear-stop", "trust-mirror"],
    ),
    ("Mend what went wrong", &["resolve", "retry"]),
    (
        "See how reports are found",
        &["explain", "match", "evaluate"],
    ),
];

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "buildbot-watch",
    version,
    about = "Reads the failure notifications of a mailing list, finds the bug report\n\
             each one belongs to or drafts a new one, and asks you before anything leaves."
)]
pub(super) struct Arguments {
    /// The configuration [default: /etc/buildbot-watch/config.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        conflicts_with = "dir",
        display_order = 100
    )]
    pub(super) config: Option<PathBuf>,
    /// The folder of a demo; its config.toml is used
    #[arg(long, global = true, value_name = "DIR", display_order = 101)]
    pub(super) dir: Option<PathBuf>,
    /// Print one JSON document; mistakes are {"error": ...}
    #[arg(long, global = true, display_order = 102)]
    pub(super) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// `check`
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Post a test to each webhook, and say one in the channel on IRC
    #[arg(long)]
    pub(super) send_test: bool,
}

/// `list`
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct List {
    /// Everything, newest first
    #[arg(long)]
    pub(super) all: bool,
    /// What a decision on another one settles too
    #[arg(long)]
    pub(super) attached: bool,
    /// What a person or a cap holds
    #[arg(long)]
    pub(super) held: bool,
    /// What was approved and is on its way
    #[arg(long)]
    pub(super) underway: bool,
    /// What was delivered, newest first
    #[arg(long)]
    pub(super) delivered: bool,
    /// What was closed, newest first, each with the reason
    #[arg(long)]
    pub(super) closed: bool,
    /// Mails that broke the program and wait for a person
    #[arg(long)]
    pub(super) quarantined: bool,
}

/// `replay`
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// A Maildir, an mbox file, a folder of .eml files, or one .eml file
    #[arg(value_name = "PATH")]
    pub(super) path: PathBuf,
    /// Also print the texts that would leave
    #[arg(long)]
    pub(super) show: bool,
    /// Read mails without List-Id as if they had come through the list
    #[arg(long, conflicts_with = "store")]
    pub(super) assume_list: bool,

    /// Take the mails in for real
    #[arg(long, conflicts_with = "show")]
    pub(super) store: bool,
}

/// `file`
#[derive(Debug, Args)]
pub(super) struct File {
    /// The address of the build's page
    #[arg(value_name = "BUILD-URL")]
    pub(super) address: String,
    /// Who files it.
    #[command(flatten)]
    pub(super) who: Who,
}

/// `match`
#[derive(Debug, Args)]
pub(super) struct MatchText {
    /// A log, or a few lines that tell of a failure; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) text: PathBuf,
    /// Bug reports, one JSON object per line; can be given several times
    #[arg(long, value_name = "FILE", required = true)]
    pub(super) issues: Vec<PathBuf>,
    /// The builder that told of it
    #[arg(long, value_name = "NAME")]
    pub(super) builder: Option<String>,
}

/// `evaluate`
#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// Bug reports, one JSON object per line; can be given several times
    #[arg(long, value_name = "FILE", required_unless_present = "history")]
    pub(super) issues: Vec<PathBuf>,
    /// Failures with their answers, one JSON object per line
    #[arg(long, value_name = "FILE", required_unless_present = "history")]
    pub(super) cases: Option<PathBuf>,
    /// Measure what the service said against what people said afterwards
    #[arg(long, conflicts_with_all = ["issues", "cases", "fit", "show"])]
    pub(super) history: bool,
    /// Fit the weights to the cases and print them, with what they are worth on
    /// cases they have not seen
    #[arg(long)]
    pub(super) fit: bool,
    /// Further cases for the fit to learn from, at half weight: they are not judged
    #[arg(long, value_name = "FILE", requires_all = ["fit", "also_issues"])]
    pub(super) also_cases: Option<PathBuf>,
    /// The bug reports of those cases
    #[arg(long, value_name = "FILE", requires = "also_cases")]
    pub(super) also_issues: Vec<PathBuf>,
    /// Also show cases, each with what was found
    #[arg(long, value_name = "WHICH")]
    pub(super) show: Option<ShownCases>,
}

/// Which cases are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ShownCases {
    /// Those answered wrongly
    Wrong,
}

/// `read`
#[derive(Debug, Args)]
pub(super) struct Read {
    /// Mails, Maildirs, mbox files, folders of .eml files, logs; - is standard input
    #[arg(value_name = "PATH", required = true)]
    pub(super) paths: Vec<PathBuf>,
    /// What the inputs are, where it cannot be told from how they begin
    #[arg(long = "as", value_name = "WHAT")]
    pub(super) form: Option<InputForm>,
}

/// What an input is to be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum InputForm {
    /// One mail, or an mbox
    Mail,
    /// The log of a step
    Log,
}

/// `import`
#[derive(Debug, Args)]
pub(super) struct Import {
    /// A file of reports, one JSON object per line; can be given several times
    #[arg(long, value_name = "FILE", required = true)]
    pub(super) issues: Vec<PathBuf>,
}

/// `rules`
#[derive(Debug, Args)]
pub(super) struct Rules {
    /// What to do with them; without a word they are listed.
    #[command(subcommand)]
    pub(super) what: Option<RulesVerb>,
}

/// What is done with rules.
#[derive(Debug, Subcommand)]
pub(super) enum RulesVerb {
    /// Try the rules on their samples and on every failure that is stored
    Test {
        /// A file of rules [default: the one that the configuration names]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Let an automatic rule go on that went back to shadow
    ///
    /// It then acts again as soon as it was right often enough over the history, or
    /// if its table says below_precision = true.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch rules resume known

Next: buildbot-watch rules    how right it was"
    )]
    Resume {
        /// Its name.
        #[arg(value_name = "NAME")]
        rule: String,
        /// Who does it.
        #[command(flatten)]
        who: Who,
    },
}

/// `serve`
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// A port of this machine, instead of the configured place [default: 127.0.0.1:8025]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) listen: Option<SocketAddr>,
}

/// `subscribe` and `unsubscribe`
#[derive(Debug, Args)]
pub(super) struct Subscribe {
    /// How long to wait for the list's answers
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(super) wait: u64,
    /// Who asks for it.
    #[command(flatten)]
    pub(super) who: Who,
}

/// `user`
#[derive(Debug, Args)]
pub(super) struct User {
    /// What to do.
    #[command(subcommand)]
    pub(super) what: UserVerb,
}

/// What is done with users of the page.
#[derive(Debug, Subcommand)]
pub(super) enum UserVerb {
    /// Let somebody in, or give them another password
    Add {
        /// As replies will name them: "Checked by NAME"
        #[arg(value_name = "NAME")]
        user: String,
        /// Who does it.
        #[command(flatten)]
        who: Who,
    },
    /// Show who may decide on the page
    List,
    /// Let somebody in no more; their sessions end at once
    Remove {
        /// Their name
        #[arg(value_name = "NAME")]
        user: String,
        /// Who does it.
        #[command(flatten)]
        who: Who,
    },
}

/// `resolve`
#[derive(Debug, Args)]
pub(super) struct Resolve {
    /// The delivery's number, as `status` and `show` print it
    #[arg(value_name = "DELIVERY")]
    pub(super) delivery: i64,
    /// What was found.
    #[command(flatten)]
    pub(super) finding: Finding,
    /// Who decides.
    #[command(flatten)]
    pub(super) who: Who,
}

/// What a person found out about a delivery.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Finding {
    /// It arrived: the link to the report, or for a mail where you saw it
    #[arg(long, value_name = "URL-OR-TEXT")]
    pub(super) happened: Option<String>,
    /// It did not arrive: deliver it again
    #[arg(long)]
    pub(super) try_again: bool,
    /// It did not arrive and is not to be delivered
    #[arg(long)]
    pub(super) give_up: bool,
}

/// Who decides.
#[derive(Debug, Args)]
pub(super) struct Who {
    /// Who decides [default: $BUILDBOT_WATCH_NAME, else who called sudo, else your name here]
    #[arg(long = "as", value_name = "NAME")]
    pub(super) name: Option<String>,
}

/// A draft as it is typed: `12` or `12@1a2b3c4d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DraftId {
    /// Its number.
    pub(super) id: NotificationId,
    /// The beginning of the digest that was shown, in lower case.
    pub(super) digest: Option<String>,
}

impl FromStr for DraftId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, digest) = match text.split_once('@') {
            Some((number, digest)) => (number, Some(digest.to_ascii_lowercase())),
            None => (text, None),
        };
        let id = number.parse().ok().filter(|number| *number > 0);
        let id = id.ok_or("a draft is named by its number, for example 12 or 12@1a2b3c4d")?;
        let is_digest = |digest: &String| {
            (SHORT_DIGEST..=64).contains(&digest.len())
                && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if digest.as_ref().is_some_and(|digest| !is_digest(digest)) {
            return Err(format!(
                "after the @ comes the digest that `show` prints, at least {SHORT_DIGEST} hex digits"
            ));
        }
        Ok(Self {
            id: NotificationId(id),
            digest,
        })
    }
}

/// The parser, with the verbs of the first page in groups.
pub(super) fn command() -> Command {
    let command = Arguments::command();
    let template = format!(
        "{{about-with-newline}}\nUsage: buildbot-watch [OPTIONS] COMMAND ...\n{}\n\
         Options:\n{{options}}\n\n\
         `buildbot-watch COMMAND --help` tells more about one command.\n\
         New here? Type: buildbot-watch demo\n",
        groups(&command)
    );
    command.help_template(template)
}

fn groups(command: &Command) -> String {
    let mut text = String::new();
    for (heading, verbs) in GROUPS {
        text.push_str(&format!("\n{heading}:\n"));
        for verb in verbs {
            let about = command
                .find_subcommand(verb)
                .and_then(Command::get_about)
                .map(ToString::to_string)
                .unwrap_or_default();
            text.push_str(&format!("  {verb:<11} {about}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_verb_is_on_the_first_page_once() {
        let mut shown: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, verbs)| *verbs)
            .copied()
            .collect();
        shown.sort_unstable();
        let command = command();
        let mut verbs: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        verbs.sort_unstable();
        assert_eq!(shown, verbs);
    }

    #[test]
    fn every_verb_shows_an_example_and_what_comes_next() {
        for verb in command().get_subcommands() {
            let help = verb
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                help.contains("Example:") && help.contains("Next:"),
                "{verb}"
            );
        }
    }

    #[test]
    fn the_first_page_fits_a_terminal() {
        for line in command().render_help().to_string().lines() {
            assert!(line.chars().count() <= 84, "{line}");
        }
    }

    #[test]
    fn drafts_are_named_by_number_and_digest() {
        let read = |text: &str| text.parse::<DraftId>().ok().map(|it| (it.id.0, it.digest));
        assert_eq!(read("12"), Some((12, None)));
        assert_eq!(read("12@1A2b3c4d"), Some((12, Some("1a2b3c4d".into()))));
        for wrong in [
            "",
            "x",
            "0",
            "-1",
            "12@",
            "12@1a2b",
            "12@1a2b3c4z",
            "@1a2b3c4d",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
