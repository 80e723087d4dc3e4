//! The one grammar for decisions, whether they come from the command line, a
//! page or a mail.
//!
//! ```text
//! approve
//! reject REASON
//! hold REASON
//! release
//! link [FAILURE] ISSUE      link 4711     link 2 #4711     link new
//! edit
//! ```

use crate::domain::life::Stage;
use crate::domain::untrusted::{plain_line, terminal};

/// The longest name of an approver, in characters.
pub const MAX_NAME_CHARS: usize = 60;

/// The longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 300;

/// A person's word on a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may leave, exactly as it is.
    Approve,
    /// It may not, for good.
    Reject {
        /// Why.
        reason: Reason,
    },
    /// Nothing of it leaves for now.
    Hold {
        /// Why.
        reason: Reason,
    },
    /// The hold ends.
    Release,
    /// A failure belongs to this issue.
    Link {
        /// Which failure, counted from 0 (people count from 1); all of them if
        /// not given.
        failure: Option<usize>,
        /// Which issue.
        issue: Target,
    },
    /// The text is changed by hand.
    Edit,
}

/// What a failure is linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An issue of the tracker, by its own number.
    Issue(u64),
    /// One that is still to be opened.
    New,
}

/// Why a decision is not taken, in one sentence for the person who gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

/// One printable line of 1 to [`MAX_REASON_CHARS`] characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Takes any text; line breaks become spaces, what does not print is dropped.
    ///
    /// # Errors
    ///
    /// Nothing is left, or it is too long.
    pub fn new(text: &str) -> Result<Self, Refusal> {
        // One more than allowed, so that a cut would show.
        let line = plain_line(text, MAX_REASON_CHARS + 1);
        match line.chars().count() {
            0 => refuse("give a reason: others will want to know why"),
            count if count > MAX_REASON_CHARS => refuse(format!(
                "the reason is longer than {MAX_REASON_CHARS} characters"
            )),
            _ => Ok(Self(line)),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of the person who decides, fit to stand in a mail, a comment and a
/// log: 1 to [`MAX_NAME_CHARS`] printable characters without markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver(String);

impl Approver {
    /// Checks the name. It is never changed silently: what is shown is what was given.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(name: &str) -> Result<Self, Refusal> {
        let name = name.trim();
        if name.is_empty() {
            return refuse("give your name: the reply says who approved it");
        }
        if name.chars().nth(MAX_NAME_CHARS).is_some() {
            return refuse(format!(
                "the name is longer than {MAX_NAME_CHARS} characters"
            ));
        }
        if name.eq_ignore_ascii_case("buildbot-watch") {
            return refuse("that is the program's own name, and a person has to decide");
        }
        if plain_line(name, MAX_NAME_CHARS) != name {
            return refuse("the name holds characters that do not print");
        }
        let markup = |char: char| "<>@\"`\\|*[]{}#&$~;:,/=".contains(char);
        if let Some(char) = name.chars().find(|char| markup(*char)) {
            return refuse(format!("the name may not hold {char}"));
        }
        if !name.chars().any(char::is_alphanumeric) {
            return refuse("the name holds no letter");
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Decision {
    /// Reads one line of the grammar. Words are separated by white space; the
    /// verbs may be written in capitals.
    ///
    /// # Errors
    ///
    /// What could not be read, with an example of what can.
    pub fn parse(line: &str) -> Result<Self, Refusal> {
        let line = line.trim();
        let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let alone = |decision| match rest {
            "" => Ok(decision),
            _ => refuse(format!("nothing may follow \"{}\"", terminal(verb))),
        };
        match verb.to_lowercase().as_str() {
            "approve" => alone(Self::Approve),
            "release" => alone(Self::Release),
            "edit" => alone(Self::Edit),
            "reject" => Reason::new(rest).map(|reason| Self::Reject { reason }),
            "hold" => Reason::new(rest).map(|reason| Self::Hold { reason }),
            "link" => parse_link(rest),
            "" => refuse(VERBS),
            _ => refuse(format!(
                "\"{}\" is no decision; {VERBS}",
                terminal(&plain_line(verb, 40))
            )),
        }
    }

    /// The verb.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject { .. } => "reject",
            Self::Hold { .. } => "hold",
            Self::Release => "release",
            Self::Link { .. } => "link",
            Self::Edit => "edit",
        }
    }
}

const VERBS: &str = "the decisions are: approve, reject REASON, hold REASON, release, \
                     link [FAILURE] ISSUE, edit";

fn parse_link(rest: &str) -> Result<Decision, Refusal> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (failure, issue) = match words.as_slice() {
        [issue] => (None, *issue),
        [failure, issue] => (Some(*failure), *issue),
        _ => {
            return refuse("write \"link ISSUE\" or \"link FAILURE ISSUE\", such as: link 2 #4711");
        }
    };
    Ok(Decision::Link {
        failure: failure.map(failure_index).transpose()?,
        issue: Target::parse(issue)?,
    })
}

/// What people call failure 1 is the one at index 0.
fn failure_index(word: &str) -> Result<usize, Refusal> {
    match number(word).and_then(|number| usize::try_from(number).ok()) {
        Some(number) => Ok(number - 1),
        None => refuse(format!(
            "\"{}\" is no number of a failure; they count from 1",
            terminal(&plain_line(word, 40))
        )),
    }
}

impl Target {
    /// Reads `4711`, `#4711` or `new`. No addresses: they could lead to another
    /// tracker whose issue of the same number is something else.
    ///
    /// # Errors
    ///
    /// What could not be read.
    pub fn parse(word: &str) -> Result<Self, Refusal> {
        if word.eq_ignore_ascii_case("new") {
            return Ok(Self::New);
        }
        match number(word.strip_prefix('#').unwrap_or(word)) {
            Some(number) => Ok(Self::Issue(number)),
            None => refuse(format!(
                "\"{}\" is no issue: give its number, or \"new\"",
                terminal(&plain_line(word, 80))
            )),
        }
    }
}

/// A number from 1 on, in ASCII digits alone (`parse` would take `+1` as well).
fn number(word: &str) -> Option<u64> {
    let digits = word.chars().all(|char| char.is_ascii_digit());
    word.parse().ok().filter(|number| digits && *number > 0)
}

/// Whether a decision can be taken where a notification stands. `held` is why
/// it is held, if it is. The store checks once more, against the exact draft.
///
/// # Errors
///
/// Why not, and what to do instead where something can be done.
pub fn allowed(stage: Stage, held: Option<&str>, decision: &Decision) -> Result<(), Refusal> {
    match stage {
        Stage::Closed(reason) => return refuse(format!("it is closed: {reason}")),
        Stage::Delivered => return refuse("everything was delivered already"),
        Stage::Quarantined => return refuse("it is quarantined: there is no draft to decide on"),
        Stage::Received
        | Stage::Parsed
        | Stage::Matched
        | Stage::Attached
        | Stage::Drafted
        | Stage::Approved => {}
    }
    match (decision, held) {
        (Decision::Hold { .. }, Some(why)) => refuse(format!("it is held already ({why})")),
        (Decision::Hold { .. }, None) | (Decision::Release, Some(_)) => Ok(()),
        (Decision::Release, None) => refuse("it is not held"),
        (
            Decision::Approve | Decision::Reject { .. } | Decision::Link { .. } | Decision::Edit,
            held,
        ) => about_the_draft(stage, held, decision),
    }
}

fn about_the_draft(stage: Stage, held: Option<&str>, decision: &Decision) -> Result<(), Refusal> {
    match (stage, decision, held) {
        (Stage::Received | Stage::Parsed | Stage::Matched, ..) => refuse("there is no draft yet"),
        (Stage::Attached, ..) => refuse(
            "it has no draft of its own: what is decided on the notification it is attached to \
             settles it too",
        ),
        (Stage::Drafted, Decision::Approve, Some(why)) => {
            refuse(format!("it is held ({why}): release it first"))
        }
        (Stage::Drafted, ..) => Ok(()),
        (_, Decision::Approve, _) => refuse("it was approved already"),
        _ => refuse("it was approved already; hold it to keep back what has not left yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::life::ClosedReason;
    use crate::domain::untrusted::tests::hostile_texts;

    fn reason(text: &str) -> Reason {
        Reason::new(text).unwrap()
    }

    #[test]
    fn the_grammar() {
        let check = |line: &str, expect: Decision| {
            assert_eq!(Decision::parse(line), Ok(expect), "{line}");
        };
        check("approve", Decision::Approve);
        check("  APPROVE\n", Decision::Approve);
        check("release", Decision::Release);
        check("edit", Decision::Edit);
        let why = reason("not a bug");
        check(
            "reject not  a\tbug",
            Decision::Reject {
                reason: why.clone(),
            },
        );
        check("Hold not a bug", Decision::Hold { reason: why });
        let link = |failure, issue| Decision::Link { failure, issue };
        check("link 4711", link(None, Target::Issue(4711)));
        check("link #4711", link(None, Target::Issue(4711)));
        check("link 2 #4711", link(Some(1), Target::Issue(4711)));
        check("link 1 new", link(Some(0), Target::New));
        check("link NEW", link(None, Target::New));
    }

    #[test]
    fn what_is_no_decision_is_said_in_words() {
        let check = |line: &str, part: &str| {
            let refusal = Decision::parse(line).unwrap_err().0;
            assert!(refusal.contains(part), "{line}: {refusal}");
        };
        check("", "the decisions are");
        check("aprove", "\"aprove\" is no decision");
        check("approve all", "nothing may follow");
        check("approved", "is no decision");
        check("reject", "give a reason");
        check("hold \u{200b} \u{1b}[0m", "give a reason");
        check(&format!("reject {}", "x".repeat(301)), "longer than 300");
        check("link", "link ISSUE");
        check("link 1 2 3", "link ISSUE");
        check("link 0", "is no issue");
        check("link +1", "is no issue");
        check("link -1", "is no issue");
        check("link 99999999999999999999", "is no issue");
        check("link https://example.org/issues/1", "is no issue");
        check("link 0 1", "no number of a failure");
        check("link x 1", "no number of a failure");
        check("link ١", "is no issue");
    }

    #[test]
    fn a_reason_may_be_as_long_as_allowed() {
        assert_eq!(reason(&"x".repeat(300)).as_str().len(), 300);
        assert_eq!(reason(" a\n\u{1b}[31mb\u{202e} ").as_str(), "a b");
    }

    #[test]
    fn names_are_printable_and_hold_no_markup() {
        for good in [
            "Ada",
            "Jean-Luc O'Neil (he)",
            "Łukasz Langa",
            "李雷",
            "a_b.c 3",
            " Ada ",
        ] {
            assert_eq!(Approver::new(good).unwrap().as_str(), good.trim(), "{good}");
        }
        let long = "x".repeat(61);
        for bad in [
            "",
            "  ",
            "a\nb",
            "a  b",
            "\u{202e}adA",
            "Ada\u{200b}",
            "a\u{1b}[0m",
            "<<approver>>",
            "Ada <a@x>",
            "@ada",
            "a`b",
            "-- ",
            "Buildbot-Watch",
            &long,
        ] {
            assert!(Approver::new(bad).is_err(), "{bad:?}");
        }
        assert!(Approver::new(&"ü".repeat(60)).is_ok());
    }

    #[test]
    fn hostile_words_stay_harmless() {
        for text in hostile_texts() {
            for line in [
                text.clone(),
                format!("reject {text}"),
                format!("link {text}"),
            ] {
                let printed = match Decision::parse(&line) {
                    Err(refusal) => refusal.0,
                    Ok(Decision::Reject { reason }) => reason.as_str().to_owned(),
                    Ok(_) => continue,
                };
                assert_eq!(terminal(&printed), printed, "{line:?}");
            }
            if let Ok(name) = Approver::new(&text) {
                assert_eq!(terminal(name.as_str()), name.as_str());
                assert!(!name.as_str().contains(['@', '<', '`']));
            }
        }
    }

    fn every_decision() -> [Decision; 6] {
        [
            Decision::Approve,
            Decision::Reject {
                reason: reason("x"),
            },
            Decision::Hold {
                reason: reason("x"),
            },
            Decision::Release,
            Decision::Link {
                failure: None,
                issue: Target::New,
            },
            Decision::Edit,
        ]
    }

    #[test]
    fn what_is_allowed_where() {
        let check = |stage, held, expect: &[&str]| {
            let decisions = every_decision();
            let verbs: Vec<&str> = decisions
                .iter()
                .filter(|decision| allowed(stage, held, decision).is_ok())
                .map(Decision::verb)
                .collect();
            assert_eq!(verbs, expect, "{stage:?} {held:?}");
        };
        let held = Some("new issues wait");
        for stage in [
            Stage::Received,
            Stage::Parsed,
            Stage::Matched,
            Stage::Attached,
            Stage::Approved,
        ] {
            check(stage, None, &["hold"]);
            check(stage, held, &["release"]);
        }
        check(
            Stage::Drafted,
            None,
            &["approve", "reject", "hold", "link", "edit"],
        );
        check(Stage::Drafted, held, &["reject", "release", "link", "edit"]);
        for reason in ClosedReason::ALL {
            check(Stage::Closed(reason), None, &[]);
            check(Stage::Closed(reason), held, &[]);
        }
        for stage in [Stage::Delivered, Stage::Quarantined] {
            check(stage, None, &[]);
            check(stage, held, &[]);
        }
    }
}
