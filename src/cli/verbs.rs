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
    /// Makes a folder with a small bug tracker, a mailbox of sample notifications and
    /// an outgoing mailbox, reads the mails and shows the drafts. The other commands
    /// work on that folder when they are given --dir. Run again on the same folder, it
    /// continues where it was.
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
    /// Reads notifications (of Buildbot and other CI systems) and logs (of regrtest,
    /// other test runners, compilers), and shows the builds, the failures with their
    /// signatures, and the few lines that matter. Needs no configuration and no
    /// database; asks nobody. Of a mail over 32 MiB only the first 4 MiB are read, of a
    /// log file over 64 MiB only the last 64 MiB.
    ///
    /// With --json, one object per input, each on its own line: input, kind (failure,
    /// recovery, warning, worker_missing, reply, own, other), reason, builds. Ends with
    /// 1 if an input could not be read, or is nothing that it knows.
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
    /// Reads a Maildir, an mbox, a folder of .eml files or one .eml file and shows the
    /// drafts that would have come of it. It works on a temporary copy of the database
    /// and of the reports known there: nothing is kept and nothing is sent. As in the
    /// service, logs that the mails lack are fetched. Reports that the service has not
    /// listed yet count as not there, and you are told so.
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
    /// Reads the configuration and the secrets, logs in to the mailbox and opens it,
    /// greets the mail server and logs in without sending, reads the tracker and the CI
    /// system, reaches the webhooks and the channel on IRC, fills every template, and
    /// opens the database. Prints a line for each finding, and how to mend what is
    /// wrong. Ends with 1 if anything is wrong.
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
    /// Runs until it is told to end (SIGTERM or Ctrl-C). Only one at a time may work on
    /// a database; the other commands work beside it.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch run --config ./config.toml
  systemctl start buildbot-watch

Next: buildbot-watch status, then buildbot-watch list"
    )]
    Run,

    /// Subscribe our address to the list, and wait for its welcome
    ///
    /// Writes to the list's address for that, recognises the question that comes back,
    /// in any language, confirms it, and waits for the welcome, whether the service
    /// runs or not. Nothing is confirmed that was not asked for here. You can interrupt
    /// it at any moment (Ctrl-C): the same command goes on, and the list is not asked
    /// twice. Needs a mailbox over IMAP and outgoing mail over SMTP; without them it
    /// tells what to do by hand. Ends with 1 if we are not subscribed yet.
    ///
    /// Anybody could have written the welcome: `status` tells since when it is proven.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  sudo -u buildbot-watch buildbot-watch subscribe
  buildbot-watch subscribe --wait 60

Next: buildbot-watch check"
    )]
    Subscribe(Subscribe),

    /// Unsubscribe our address from the list, and wait for its goodbye
    ///
    /// The same as `subscribe`, the other way round. A list that does not know our
    /// address does not answer.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  sudo -u buildbot-watch buildbot-watch unsubscribe

Next: systemctl disable --now buildbot-watch"
    )]
    Unsubscribe(Subscribe),

    /// Serve the page on which drafts are decided on in a browser
    ///
    /// The service does this by itself if the configuration says where. This command
    /// does it alone: without a service, or for a demo. Works until Ctrl-C. `user add`
    /// lets somebody log in.
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
    /// `user add NAME` asks for a password, or takes it from the first line of standard
    /// input; a known user gets a new one. `user list` shows who is let in, `user
    /// remove NAME` locks somebody out.
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

    /// List the tracker's reports now, to the end
    ///
    /// The program searches its own copy of the tracker's bug reports. The service
    /// keeps it up to date; the first time, that takes a while for a large tracker.
    /// This does the same by hand, before the service is started. You can interrupt it
    /// at any moment: the next time it goes on from there. While the service runs, this
    /// has the service do it, and waits. Ends with 1 if the copy cannot be trusted to
    /// tell that there is no report.
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
    /// One JSON object per line: number and title, and optionally key, bpo, state (open
    /// or closed), labels, created, updated, closed (2026-11-22, or with a time:
    /// 2026-11-22T07:18:47Z), resolution, duplicate_of or superseder, body, comments (a
    /// list of date and text), url, author. An embedded tracker takes them as its own;
    /// of any other tracker the local copy has them, until the tracker itself is
    /// listed. A report that is newer there is kept. If a line is not a report, it is
    /// named, and nothing is taken in.
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
    /// Searches the copy of the tracker again, as it is now, and shows for each failure
    /// what was looked for, the reports that were found, what speaks for and against
    /// each, and how much each of that weighs. What people said before about the same
    /// failure stands above all of it: see `show`.
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
    /// Searches for each labelled case with only the reports, comments and states that
    /// existed at its date, and prints how often the right report came first, how sure
    /// the program was, and how two simpler searches did. The files are described in
    /// the README. Needs no configuration and no database, except for --history, which
    /// measures how it did for you.
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
    /// A rule for a report says which failures belong to it; the setting matching.rules
    /// names the file of these rules. `rules` lists each with its report and how many
    /// stored failures it takes. Of each automatic rule it tells whether it acts, what
    /// it would have approved over the history, how often people decided the same, and
    /// where they did not. `rules resume` lets one act again that went back to shadow.
    /// `rules test` tells of each rule for a report whether it takes its own sample,
    /// and which stored failures it would take, by the reports that they belong to, so
    /// that you see when it takes too much. It changes nothing, and ends with 1 if a
    /// rule does not take its own sample.
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

    /// Make a draft for a build that nobody mailed about
    ///
    /// Asks the CI system for the build, reads the logs of its failed steps, and takes
    /// it in as if a mail had told of it: it is matched, and its draft waits for you
    /// like any other. Nobody mailed, so nobody is answered: the draft has only the
    /// report or the comment. A build that is known already, from a mail or because
    /// somebody filed it, is named and not taken in again. Only configured CI systems
    /// are asked. Without a service, this command matches and drafts the build itself.
    ///
    /// Put the address in quotes: to a shell, ? and & mean something else. If this is
    /// interrupted, the service finishes it.
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
    /// DRAFT is the draft's number and the beginning of the digest of its texts, for
    /// example 12@1a2b3c4d: that is what you approve.
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
