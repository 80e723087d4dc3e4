//! The verbs with their help: what each does, an example, and what to type next.

use clap::Subcommand;

use super::args::{
    DraftId, Evaluate, Import, List, MatchText, Read, Replay, Resolve, Rules, Serve, User, Who,
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Try the whole chain on sample mails; nothing leaves this machine
    ///
    /// Makes a folder with a small bug tracker, a mailbox of sample notifications
    /// and an outgoing mailbox, reads the mails and shows the drafts. The other
    /// commands work on that folder when they are given --dir. Run again on the
    /// same folder, it goes on where it was.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch demo
  buildbot-watch demo --dir /tmp/bbw

Next: the command ends with what to type."
    )]
    Demo,

    /// Show what is understood of a mail or a log
    ///
    /// Reads notifications (of Buildbot and other CI systems) and logs (of
    /// regrtest, other test runners, compilers), and shows the builds, the failures
    /// with their signatures, and the few lines that matter. Needs no configuration
    /// and no database; asks nobody. Of a mail above 32 MiB the first 4 are read, of
    /// a log in a file above 64 MiB the last 64.
    ///
    /// With --json one object an input, each on a line: input, kind (failure,
    /// recovery, warning, worker_missing, reply, own, other), reason, builds.
    /// Ends with 1 if an input could not be read or was nothing that is known.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch read notification.eml
  buildbot-watch read --json ~/Mail/buildbot-status test.stdio
  curl -s https://... | buildbot-watch read --as log -

Next: buildbot-watch replay PATH    to see what would be drafted"
    )]
    Read(Read),

    /// Show what it would have done with mails you have
    ///
    /// Reads a Maildir, an mbox, a folder of .eml files or one .eml file and shows
    /// the drafts that would have come of it. It works on a temporary copy of the
    /// database and the reports known there: nothing is kept and nothing is sent.
    /// Only logs that the mails do not carry are asked for, as the service would.
    /// What the service has not listed of the tracker yet counts as not there, and
    /// that is told.
    ///
    /// Mails of another list, or of none, are left alone. Some archives drop the
    /// header that names the list (List-Id): --assume-list is for those.
    ///
    /// With --store the mails are taken in for real, as if they had just arrived;
    /// what comes of them still waits for your approval.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch replay ~/Mail/buildbot-status
  buildbot-watch replay --show one.eml
  buildbot-watch replay --assume-list archive.mbox

Next: buildbot-watch replay --store PATH    to take the mails in"
    )]
    Replay(Replay),

    /// Try the configuration: log in everywhere, change nothing
    ///
    /// Reads the configuration and the secrets, logs in to the mailbox and opens
    /// it, greets the mail server and logs in without sending, reads the tracker
    /// and the CI system, fills every template, and opens the database. One line
    /// for each finding, and how to mend what is wrong. Ends with 1 if anything is.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch check --config ./config.toml

Next: buildbot-watch run"
    )]
    Check,

    /// Run the service: read mails, draft, deliver what was approved
    ///
    /// Works until it is told to end (SIGTERM or Ctrl-C). One at a time on one
    /// database; the other commands work beside it.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch run --config ./config.toml
  systemctl start buildbot-watch

Next: buildbot-watch status, then buildbot-watch list"
    )]
    Run,

    /// Serve the page, on which drafts are decided on in a browser
    ///
    /// The service serves it by itself if the configuration says where. This verb
    /// serves it alone: without a service, or for a demo. Works until Ctrl-C. Who may
    /// log in is said by `user add`.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch serve --dir /tmp/bbw

Next: open the address that it prints"
    )]
    Serve(Serve),

    /// Say who may decide on the page
    ///
    /// `user add NAME` asks for a password, or takes it from the first line of the
    /// standard input; of a known user it is the new one. `user list` shows them,
    /// `user remove NAME` lets one in no more.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch user add 'Vic Stone'

Next: buildbot-watch serve"
    )]
    User(User),

    /// Show how things stand: service, drafts, tracker, mailbox, caps
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch status

Next: whatever it points at; usually buildbot-watch list"
    )]
    Status,

    /// List the tracker's reports now, until none is left
    ///
    /// The program searches its own copy of the tracker's bug reports. The service
    /// keeps it up to date; the first time, that takes a while for a large tracker.
    /// This does the same by hand, before the service is started. It can be broken
    /// off at any moment, and goes on there the next time. While the service runs,
    /// it asks the service for it and waits. Ends with 1 if the copy is not fit to
    /// say that there is no report.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  sudo -u buildbot-watch buildbot-watch sync

Next: buildbot-watch status"
    )]
    Sync,

    /// Take in bug reports from a file
    ///
    /// One JSON object a line: number and title; and optional key, bpo, state (open
    /// or closed), labels, created, updated, closed (2026-11-22, or with a time:
    /// 2026-11-22T07:18:47Z), resolution, duplicate_of or superseder, body, comments
    /// (a list of date and text), url, author. An embedded tracker gets them
    /// as its own; of any other tracker the copy gets them, until the tracker itself
    /// is listed. A report that is newer there stays. A line that is none is named,
    /// and nothing is taken in.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch import --issues issues.jsonl --dir /tmp/bbw

Next: buildbot-watch sync"
    )]
    Import(Import),

    /// Explain why a notification's failures were matched to these reports
    ///
    /// Searches once more in the copy of the tracker as it is now, and shows for
    /// each failure what was looked for, the reports that were found, what speaks
    /// for and against each, and how much each of that weighs. What people said
    /// before about the same failure comes on top of it: see `show`.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch explain 12

Next: buildbot-watch show 12"
    )]
    Explain {
        /// The draft's number
        #[arg(value_name = "ID")]
        draft: DraftId,
    },

    /// Find the reports of a failure among those in a file
    ///
    /// Reads a log, or a few lines such as "test_os: test_popen() hangs", and
    /// shows the same as `explain`. Needs no configuration and no database.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch match --text test.stdio --issues issues.jsonl
  buildbot-watch match --text - --issues issues.jsonl --builder 'AMD64 FreeBSD 3.x'

Next: buildbot-watch evaluate ...    to see how often it is right"
    )]
    Match(MatchText),

    /// Measure how well failures find their bug reports
    ///
    /// Asks labelled cases, each with only those reports, comments and states that
    /// existed at its date, and prints how often the right report came first, how
    /// sure the program was, and the same for two simpler ways to search. The files
    /// are described in the README. Needs no configuration and no database, except
    /// for --history: that asks how it did for you.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch evaluate --history
  buildbot-watch evaluate --issues issues.jsonl --cases cases.jsonl
  buildbot-watch evaluate --issues issues.jsonl --cases cases.jsonl --show wrong

Next: buildbot-watch evaluate ... --fit    to see which weights would fit these cases"
    )]
    Evaluate(Evaluate),

    /// List the rules that you wrote for reports, or try them
    ///
    /// A rule says which failures belong to a report. They stand in the file that
    /// [matching] rules names. `rules` lists each with its report and how many
    /// stored failures it takes. `rules test` tells of each whether it takes its own
    /// sample, and which stored failures it would also take, by the reports that
    /// they belong to: so you see when it takes too much. It changes nothing, and
    /// ends with 1 if a rule does not take its own sample.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch rules
  buildbot-watch rules test
  buildbot-watch rules test ./new-rules.toml

Next: systemctl reload buildbot-watch    to use them"
    )]
    Rules(Rules),

    /// List the drafts that wait for you
    ///
    /// DRAFT is the number of a draft and the beginning of the digest of its
    /// texts, for example 12@1a2b3c4d: that is what you approve.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch list
  buildbot-watch list --closed

Next: buildbot-watch show 12"
    )]
    List(List),

    /// Show one draft: what failed, candidates, and the exact texts
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch show 12

Next: buildbot-watch approve 12@1a2b3c4d    (the command ends with the exact line)"
    )]
    Show {
        /// The draft's number
        #[arg(value_name = "ID")]
        draft: DraftId,
        /// Show the lines of the log for every failure, whole
        #[arg(long)]
        full: bool,
    },

    /// Let a draft leave, exactly as it was shown
    ///
    /// Name the draft with the digest that `show` or `list` printed; if the texts
    /// changed since, it is refused. Without the digest you are shown the texts and
    /// asked; where nobody can be asked, say --yes.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch approve 12@1a2b3c4d
  buildbot-watch approve 12 13 14

Next: buildbot-watch show 12    to see what became of it"
    )]
    Approve {
        /// The drafts, each with its digest if you have seen it: 12@1a2b3c4d
        #[arg(value_name = "ID[@DIGEST]", required = true)]
        drafts: Vec<DraftId>,
        /// Approve what is there now, without being asked
        #[arg(long)]
        yes: bool,
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Refuse a draft for good; nothing of it leaves
    ///
    /// Of a draft that would only comment on one report which the program proposed,
    /// it is remembered that the failures do not belong there; --right-report is for
    /// when they do.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch reject 12 --reason 'that report is about another crash'
  buildbot-watch reject 12 --right-report --reason 'the disk was full'

Next: buildbot-watch list"
    )]
    Reject {
        /// The draft, with its digest if you have seen it: 12@1a2b3c4d
        #[arg(value_name = "ID[@DIGEST]")]
        draft: DraftId,
        /// Why, for those who come after you
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The proposed report is the right one all the same
        #[arg(long)]
        right_report: bool,
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Change the texts of a draft in your editor
    ///
    /// Opens $VISUAL, $EDITOR or vi. What you save becomes a new revision with a
    /// new digest; saved unchanged, nothing happens.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  EDITOR=nano buildbot-watch edit 12

Next: buildbot-watch approve 12@...    (the command ends with the exact line)"
    )]
    Edit {
        /// The draft, with its digest if you have seen it: 12@1a2b3c4d
        #[arg(value_name = "ID[@DIGEST]")]
        draft: DraftId,
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Say which bug report the failures of a draft belong to
    ///
    /// Makes a new revision of the draft: a comment on that report, or with `new`
    /// a new report. The choice is remembered for the next failure of this kind.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch link 12 48913
  buildbot-watch link 12 new --failure 2

Next: buildbot-watch show 12"
    )]
    Link {
        /// The draft, with its digest if you have seen it: 12@1a2b3c4d
        #[arg(value_name = "ID[@DIGEST]")]
        draft: DraftId,
        /// A number, a link to the report, or the word new
        #[arg(value_name = "ISSUE")]
        issue: String,
        /// Only this failure, as `show` numbers them; can be given several times
        #[arg(long, value_name = "N")]
        failure: Vec<usize>,
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Lay a draft aside until somebody releases it
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch hold 12 --reason 'asking the owner of the machine'

Next: buildbot-watch release 12"
    )]
    Hold {
        /// The draft's number
        #[arg(value_name = "ID")]
        draft: DraftId,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Let go of a held draft
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch list --held
  buildbot-watch release 12

Next: buildbot-watch show 12"
    )]
    Release {
        /// The draft's number
        #[arg(value_name = "ID")]
        draft: DraftId,
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Tell everything that happened to a notification
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch history 12

Next: buildbot-watch show 12"
    )]
    History {
        /// The draft's number
        #[arg(value_name = "ID")]
        draft: DraftId,
    },

    /// List the failures of one kind: how often, where, and which report
    ///
    /// Failures with the same signature, or nearly the same, are one incident. The
    /// counts are of notifications: ever, and of the last 24 hours, 7 and 30 days.
    /// The incident that happened last stands first.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch incidents

Next: buildbot-watch list"
    )]
    Incidents,

    /// Let nothing leave for now; mails are still read and drafted
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch pause --reason 'the tracker is being moved'

Next: buildbot-watch resume"
    )]
    Pause {
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// End a pause
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch resume

Next: buildbot-watch status"
    )]
    Resume {
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Stop everything at once: nothing leaves, nothing is drafted
    ///
    /// The program does this by itself when a cap is reached or something looks
    /// like a loop. Mails are still taken in. Only a person clears it.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch stop --reason 'it answers its own mails'

Next: buildbot-watch clear-stop"
    )]
    Stop {
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Go on after a STOP, once you know why it was set
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch status        (tells why)
  buildbot-watch clear-stop

Next: buildbot-watch status"
    )]
    ClearStop {
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Trust the copy of the tracker although many reports closed at once
    ///
    /// When far fewer reports are listed as open than before, the listing may be
    /// cut short, and nothing is called new until the number is back. If they
    /// really were closed, say so with this command.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch status        (tells the numbers)
  buildbot-watch trust-mirror

Next: buildbot-watch list"
    )]
    TrustMirror {
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Say what became of a delivery that is in doubt or was refused
    ///
    /// The program never sends anything again by itself when it does not know
    /// whether it arrived. Look at the list or the tracker, then say what you found.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch status        (names the deliveries)
  buildbot-watch resolve 7 --happened https://github.com/python/cpython/issues/1
  buildbot-watch resolve 7 --try-again

Next: buildbot-watch status"
    )]
    Resolve(Resolve),

    /// Start over with a notification that is quarantined or closed
    ///
    /// It is read, matched and drafted again from the raw mail. Not after somebody
    /// approved or rejected it.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch list --quarantined
  buildbot-watch retry 12

Next: buildbot-watch list"
    )]
    Retry {
        /// The draft's number
        #[arg(value_name = "ID")]
        draft: DraftId,
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },
}
