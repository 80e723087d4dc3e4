//! The verbs with which a person decides: each is told who that is.

use clap::Subcommand;

use crate::cli::args::{DraftId, Resolve, Who};

/// What is decided.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Decision {
    /// Decide on all drafts that wait, in one document in your editor
    ///
    /// Opens $VISUAL, $EDITOR or vi once. For each draft the document has what failed
    /// and where it may belong, one line that you turn into a decision (approve, reject
    /// REASON, hold REASON, link N), and the exact texts, which you may change in
    /// place. Nothing is done before you save and close. What cannot be read is shown
    /// to you again with the place marked; delete everything to give up. If somebody
    /// else decided on or changed a draft meanwhile, you are told, and the rest is
    /// done. Ends with 1 if anything that you wanted was not done.
    #[command(
        verbatim_doc_comment,
        after_help = "\
Example:
  buildbot-watch review
  EDITOR='code --wait' buildbot-watch review --as 'Vic Stone'

Next: buildbot-watch list"
    )]
    Review {
        /// Who decides.
        #[command(flatten)]
        who: Who,
    },

    /// Let a draft leave, exactly as it was shown
    ///
    /// Name the draft with the digest that `show` or `list` printed; if the texts have
    /// changed since, it is refused. Without the digest you are shown the texts and
    /// asked; where nobody can be asked, add --yes.
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
    /// If the draft would only comment on one report, which the program proposed, it is
    /// remembered that the failures do not belong there; add --right-report if they do.
    /// If it would only count an occurrence, nothing is remembered: `link ID new` says
    /// that it does not belong there.
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
    /// Opens $VISUAL, $EDITOR or vi (else nano). What you save becomes a new revision with a
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
    /// It is read, matched and drafted again from the raw mail. A draft that waits is
    /// made anew, too, and what people changed in it is lost. Not possible once
    /// somebody approved or rejected it.
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
