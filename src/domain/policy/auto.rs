//! Automatic rules: which drafts a named rule of the configuration may decide on
//! without a person (I6), and in words why not.
//!
//! A rule decides on a whole draft or not at all: it has to hold for every failure
//! and every action, those of the notifications included that are settled along.
//! What makes a draft worth a person's look keeps every rule from it.
//!
//! | file | what |
//! |---|---|
//! | this one | a draft as rules see it, and what one says of it |
//! | `obstacles` | what keeps every rule from a draft |
//! | `past` | what people decided before a moment, and nothing later |
//! | `standing` | how right a rule would have been, and whether it may act |

mod glob;
mod obstacles;
mod past;
mod standing;

pub use glob::Glob;
pub use past::{Approval, Moment, Past, Said};
pub use standing::{ENOUGH, Figures, Standing, Wrong, standing};

use serde::Serialize;

use crate::domain::Seconds;
use crate::domain::draft::{Action, Draft, hex};
use crate::domain::failure::FailureKind;
use crate::domain::matching::Tier;

/// The longest name of a rule, in characters.
pub const MAX_NAME: usize = 60;

/// A rule as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AutoRule {
    /// What it is called everywhere: letters and hyphens, at most [`MAX_NAME`].
    pub name: String,
    /// Whether it is meant to act.
    pub mode: Mode,
    /// What it may do; never empty.
    pub actions: Vec<Deed>,
    /// How sure matching has to be of each failure, at least. A failure without a
    /// report is weak.
    pub tier: Tier,
    /// Whether a person has to have said before of this very signature that it
    /// belongs to the report.
    pub signature_known: bool,
    /// Whether the report has to be open.
    pub issue_open: bool,
    /// The builders it is for; empty: all.
    pub builder: Vec<Glob>,
    /// The branches it is for; empty: all, also unknown ones.
    pub branch: Vec<Glob>,
    /// The kinds of failures it is for; empty: all.
    pub kind: Vec<FailureKind>,
    /// So many notifications with a failure like it people have to have approved for
    /// the same report, at least.
    pub confirmed: u32,
    /// How much of what it would have decided has to be right before it may act, in
    /// per cent.
    pub precision: u32,
    /// Over how many decisions of people, at least.
    pub decisions: u32,
    /// Whether it may act although that is not reached.
    pub below_precision: bool,
    /// Where it stands in the file, from 1.
    #[serde(skip)]
    pub line: usize,
}

/// Whether a rule is meant to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It only tells what it would do.
    Shadow,
    /// It acts, if it was right often enough.
    On,
}

/// What a rule may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Comment on a report, or count below a comment.
    Comment,
    /// Answer notifications on the list.
    Reply,
    /// Open a report.
    Open,
    /// Open a report again that was closed as fixed. No rule may: whether a mend did
    /// not hold is for people to say.
    Reopen,
}

impl Deed {
    /// All that a rule may be allowed.
    pub const ALL: [Self; 3] = [Self::Comment, Self::Reply, Self::Open];

    /// The word for it in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Reply => "reply",
            Self::Open => "open",
            Self::Reopen => "reopen",
        }
    }

    /// What a draft does, each once. What a person still has to choose is not in it.
    pub fn of(draft: &Draft) -> Vec<Self> {
        let actions = draft.actions.iter().filter_map(|action| match action {
            Action::Comment { .. } | Action::Count { .. } => Some(Self::Comment),
            Action::Open(_) => Some(Self::Open),
            Action::Reopen { .. } => Some(Self::Reopen),
            Action::Choose { .. } => None,
        });
        let replies = draft.reply.iter().map(|_| Self::Reply);
        let mut all: Vec<Self> = actions.chain(replies).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A draft, as rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Every failure that it is about.
    pub failures: Vec<Found>,
    /// Everything that it would do.
    pub deeds: Vec<Deed>,
    /// How many mails it would send.
    pub replies: u64,
    /// How many reports it would open.
    pub opens: u64,
    /// Whether a person still has to choose a report.
    pub undecided: bool,
    /// Who changed it, if a person did.
    pub changed_by: Option<String>,
    /// Whether anybody decided anything on it before: it was started over since.
    pub dealt_with: bool,
    /// Why it is held, if it is.
    pub held: Option<String>,
    /// How many secrets were taken out of its texts (I15).
    pub secrets: u64,
    /// The age of its oldest notification, in seconds.
    pub age: Seconds,
    /// Whether only the beginning of a mail was fetched.
    pub cut_off: bool,
    /// What could not be read of the mails and logs, in words.
    pub unread: Vec<String>,
    /// What a person should know before deciding.
    pub warnings: Vec<String>,
    /// How the notifications that are settled along differ from it, in words.
    pub unlike: Option<String>,
    /// How things stand apart from it.
    pub around: Around,
}

/// One failure of a draft, as rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is called: `test_os.ProcessTests.test_popen`.
    pub what: String,
    /// Where it happened.
    pub builder: String,
    /// The branch, if it is known.
    pub branch: Option<String>,
    /// How it went wrong.
    pub kind: FailureKind,
    /// How sure matching is; weak without a report.
    pub tier: Tier,
    /// Where it would go.
    pub goes: Goes,
    /// How many notifications with a failure like it people approved to go there.
    pub confirmed: u32,
}

/// Where a failure would go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goes {
    /// To this report.
    To {
        /// Its number.
        issue: u64,
        /// Whether it is open.
        open: bool,
        /// Whether a person said of this very signature that it belongs there.
        known: bool,
    },
    /// To a report that would be opened.
    New,
    /// Nowhere, until a person chooses.
    Unclear,
}

/// How things stand apart from the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// Why STOP is set, if it is.
    pub stop: Option<String>,
    /// Why delivery is paused, if it is.
    pub paused: Option<String>,
    /// Why the copy of the tracker may not be trusted, if so (I11).
    pub unfit_mirror: Option<String>,
    /// How many mails the caps leave room for, when one place stays free for people.
    pub room: u64,
    /// How many new reports the caps leave room for.
    pub new_reports: u64,
    /// No automatic decision on a notification older than this, in seconds (I3).
    pub max_action_age: Seconds,
}

impl Around {
    /// As it counts for decisions of the past: what was switched off for a while says
    /// nothing of how right a rule is.
    pub const fn of_the_past(max_action_age: Seconds) -> Self {
        Self {
            stop: None,
            paused: None,
            unfit_mirror: None,
            room: u64::MAX,
            new_reports: u64::MAX,
            max_action_age,
        }
    }
}

impl AutoRule {
    /// SHA-256 in hex of everything that the rule says; another one is another rule.
    pub fn digest(&self) -> String {
        let said = serde_json::to_vec(self).unwrap_or_default();
        hex(ring::digest::digest(&ring::digest::SHA256, &said).as_ref())
    }

    /// Whether it would decide on a draft.
    ///
    /// # Errors
    ///
    /// The first condition that does not hold, in words.
    pub fn judge(&self, case: &Case) -> Result<(), String> {
        if let Some(obstacle) = case.obstacle() {
            return Err(obstacle);
        }
        if let Some(deed) = case.deeds.iter().find(|it| !self.actions.contains(it)) {
            let allowed: Vec<&str> = self.actions.iter().map(|it| it.name()).collect();
            return Err(format!(
                "it would {}, and the rule may {} only",
                deed.name(),
                allowed.join(" and ")
            ));
        }
        let unmet = case.failures.iter().find_map(|it| self.unmet(it));
        unmet.map_or(Ok(()), Err)
    }

    /// The first condition that does not hold for a failure.
    fn unmet(&self, found: &Found) -> Option<String> {
        let unmet = self
            .unmet_place(found)
            .or_else(|| (found.tier < self.tier).then(|| self.unmet_tier(found)))
            .or_else(|| self.unmet_report(found))
            .or_else(|| {
                (found.confirmed < self.confirmed).then(|| {
                    let like = match found.goes {
                        Goes::New => "people opened a report for its kind of failure".to_owned(),
                        Goes::To { issue, .. } => {
                            format!("people approved #{issue} for failures like it")
                        }
                        Goes::Unclear => "people approved failures like it".to_owned(),
                    };
                    format!("{like} {} times, not {}", found.confirmed, self.confirmed)
                })
            })?;
        Some(format!("{}: {unmet}", found.what))
    }

    fn unmet_place(&self, found: &Found) -> Option<String> {
        let is_among = |names: &[Glob], name: &str| {
            names.is_empty() || names.iter().any(|glob| glob.matches(name))
        };
        if !self.kind.is_empty() && !self.kind.contains(&found.kind) {
            return Some(format!("{} is none of its kinds", found.kind.name()));
        }
        if !is_among(&self.builder, &found.builder) {
            return Some(format!("{} is none of its builders", found.builder));
        }
        match &found.branch {
            None if !self.branch.is_empty() => Some("the branch is not known".to_owned()),
            Some(branch) if !is_among(&self.branch, branch) => {
                Some(format!("{branch} is none of its branches"))
            }
            _ => None,
        }
    }

    fn unmet_tier(&self, found: &Found) -> String {
        match found.goes {
            Goes::New => format!("no report was found, and it has to be {}", word(self.tier)),
            Goes::To { .. } | Goes::Unclear => {
                format!("{}, not {}", word(found.tier), word(self.tier))
            }
        }
    }

    fn unmet_report(&self, found: &Found) -> Option<String> {
        match found.goes {
            Goes::To {
                issue, open: false, ..
            } if self.issue_open => Some(format!("#{issue} is closed")),
            Goes::To {
                issue,
                known: false,
                ..
            } if self.signature_known => Some(format!(
                "nobody said yet that exactly this failure belongs to #{issue}"
            )),
            Goes::New if self.signature_known => {
                Some("there is no report that it is known to belong to".to_owned())
            }
            Goes::To { .. } | Goes::New | Goes::Unclear => None,
        }
    }

    /// Its conditions in a few words, for people.
    pub fn in_words(&self) -> String {
        let sure = match self.tier {
            Tier::Weak => "any certainty",
            Tier::Likely => "likely or strong",
            Tier::Strong => "strong",
        };
        let mut said = vec![sure.to_owned()];
        said.extend(self.signature_known.then(|| "signature known".to_owned()));
        said.extend(self.issue_open.then(|| "report open".to_owned()));
        let globs = |all: &[Glob]| {
            let texts: Vec<&str> = all.iter().map(Glob::as_str).collect();
            texts.join(" or ")
        };
        for (name, all) in [("builder", &self.builder), ("branch", &self.branch)] {
            said.extend((!all.is_empty()).then(|| format!("{name} {}", globs(all))));
        }
        let kinds: Vec<&str> = self.kind.iter().map(|it| it.name()).collect();
        said.extend((!kinds.is_empty()).then(|| kinds.join(" or ")));
        said.extend(
            (self.confirmed > 0).then(|| format!("confirmed {} times or more", self.confirmed)),
        );
        let may: Vec<&str> = self.actions.iter().map(|it| it.name()).collect();
        format!("{}: may {}", said.join(", "), may.join(" and "))
    }
}

/// How sure, in a word.
fn word(tier: Tier) -> &'static str {
    match tier {
        Tier::Weak => "weak",
        Tier::Likely => "likely",
        Tier::Strong => "strong",
    }
}

/// Whether every text of a draft that leaves by itself names the rule: each mail, each
/// comment, each new report. What own templates leave out, no rule sends.
pub fn names_rule(draft: &Draft, rule: &str) -> bool {
    let texts = draft.actions.iter().filter_map(|action| match action {
        Action::Comment { body, .. } | Action::Reopen { body, .. } => Some(body),
        Action::Open(issue) => Some(&issue.body),
        Action::Count { .. } | Action::Choose { .. } => None,
    });
    let along = draft.along.iter().filter_map(|it| it.reply.as_ref());
    let replies = draft.reply.iter().chain(along).map(|reply| &reply.body);
    texts.chain(replies).all(|text| text.contains(rule))
}

#[cfg(test)]
mod tests;
