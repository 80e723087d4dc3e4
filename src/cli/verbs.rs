//! The verbs with their help: what each does, an example, and what to type next.

mod decision;

use clap::Subcommand;

use super::args::{
    Check, DraftId, Evaluate, File, Import, List, MatchText, Read, Replay, Rules, Serve, Subscribe,
    User,
};
pub(super) use decision::Decision;

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
    /// and the CI system, reaches the webhooks and the channel on IRC, fills every
    /// template, and opens the database. One line for each finding, and how to mend
    /// what is wrong. Ends with 1 if anything is.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch check --config ./config.toml
  buildbot-watch check --send-test

Next: buildbot-watch run"
    )]
    Check(Check),

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

    /// Subscribe our address to the list, up to its welcome
    ///
    /// Writes to the list's own address for that, recognises its question in the
    /// mailbox, in any language, confirms it, and waits for the welcome: with the
    /// service running or not. Nothing is confirmed that nobody asked for here. It can
    /// be broken off at any moment (Ctrl-C); typed again, it goes on, and the list is
    /// not asked twice. Needs a mailbox by IMAP and outgoing mail by SMTP; without
    /// them it says what to do by hand. Ends with 1 if we are not subscribed yet.
    ///
    /// Anybody could write a welcome: `status` says since when it is proven.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  sudo -u buildbot-watch buildbot-watch subscribe
  buildbot-watch subscribe --wait 60

Next: buildbot-watch check"
    )]
    Subscribe(Subscribe),

    /// Unsubscribe our address from the list, up to its goodbye
    ///
    /// The same as `subscribe`, the other way round. A list that does not know our
    /// address answers nothing.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  sudo -u buildbot-watch buildbot-watch unsubscribe

Next: systemctl disable --now buildbot-watch"
    )]
    Unsubscribe(Subscribe),

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

    /// List the rules for reports and the automatic ones, or try them
    ///
    /// A rule for a report says which failures belong to it. They stand in the file
    /// that the setting matching.rules names. `rules` lists each with its report and
    /// how many stored failures it takes; and each automatic rule with whether it
    /// acts, what it would have approved over the history, how often people decided
    /// the same, and where not. `rules resume` lets one act again that went back to
    /// shadow. `rules test` tells of each rule for a report whether it takes its own
    /// sample, and which stored failures it would also take, by the reports that they
    /// belong to: so you see when it takes too much. It changes nothing, and ends with
    /// 1 if a rule does not take its own sample.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch rules
  buildbot-watch rules test
  buildbot-watch rules test ./new-rules.toml
  buildbot-watch rules resume known

Next: systemctl reload buildbot-watch    to use them"
    )]
    Rules(Rules),

    /// Make the draft for a build that nobody mailed about
    ///
    /// Asks the CI system for the build, reads the logs of its failed steps, and takes
    /// it in as if a mail had told of it: it is matched, and its draft waits for you
    /// like any other. Nobody mailed, so nobody is answered: the draft has the report
    /// or the comment alone. A build that is known already, by a mail or because
    /// somebody filed it, is told and not taken in again. Only configured CI systems
    /// are asked. Without a service this matches and drafts it by itself.
    ///
    /// Put the address in quotes: to a shell, ? and & mean something else. If this is
    /// broken off, the service finishes it.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch file 'https://buildbot.python.org/#/builders/15/builds/4'

Next: buildbot-watch show 12    (the command ends with the exact line)"
    )]
    File(File),

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

    /// A word on drafts and on what leaves.
    #[command(flatten)]
    Decide(Decision),
}
