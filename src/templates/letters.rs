//! The words of mails to approvers. What fills them is safe for a mail already.

use serde::Serialize;

use super::{ANSWERED, APPROVAL, APPROVALS, TemplateProblem, Templates};

/// One draft, with everything needed to decide on it.
#[derive(Debug, Clone, Serialize)]
pub struct DraftFields {
    /// `12@1a2b3c4d`.
    pub key: String,
    /// The first failure, and how many more.
    pub what: String,
    /// How and where.
    pub r#where: String,
    /// When it came in.
    pub age: String,
    /// How sure the program is, in words.
    pub tier: String,
    /// What to know before deciding, each in a sentence.
    pub warnings: Vec<String>,
    /// The page's address of it, if there is a page.
    pub page: Option<String>,
    /// The failures, with the reports they may belong to.
    pub groups: Vec<GroupFields>,
    /// What would leave, and where to, a line each.
    pub leaves: Vec<String>,
    /// The exact texts below their marker lines.
    pub texts: String,
    /// Where the answer goes.
    pub answer_to: String,
    /// The subject of the answer, fit for an address.
    pub subject: String,
    /// What can be decided, a line each.
    pub verbs: Vec<String>,
}

/// Failures for which the same reports were found.
#[derive(Debug, Clone, Serialize)]
pub struct GroupFields {
    /// Where it is another than the group before has.
    pub builder: Option<String>,
    /// The build's address.
    pub link: Option<String>,
    /// Each failure.
    pub failures: Vec<FailureFields>,
    /// What is said of the reports below.
    pub verdict: Option<String>,
    /// The reports, the best first.
    pub candidates: Vec<CandidateFields>,
}

/// One failure.
#[derive(Debug, Clone, Serialize)]
pub struct FailureFields {
    /// Counted from 1 over all builds.
    pub number: usize,
    /// Its test and manner.
    pub words: String,
    /// What the log says.
    pub excerpt: Vec<String>,
}

/// One report that failures may belong to.
#[derive(Debug, Clone, Serialize)]
pub struct CandidateFields {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Where it is.
    pub url: String,
    /// How sure the program is.
    pub tier: String,
    /// Whether work on it is done.
    pub closed: bool,
    /// Why it may be the one.
    pub evidence: Vec<String>,
}

/// A mail about one draft or several.
#[derive(Debug, Clone, Serialize)]
pub struct LetterFields {
    /// Whether earlier mails told of them.
    pub reminder: bool,
    /// `1 draft`.
    pub count: String,
    /// Whether there is more than one.
    pub several: bool,
    /// Each in one line, if there is more than one.
    pub overview: Vec<String>,
    /// Each, in words.
    pub drafts: Vec<String>,
    /// How many had no room.
    pub more: usize,
}

/// What became of an answer.
#[derive(Debug, Clone, Serialize)]
pub struct AnsweredFields {
    /// The decision, or why there is none.
    pub said: String,
    /// What changed since the mail that was answered, line by line.
    pub changes: Vec<String>,
    /// What can be done now; may be empty.
    pub next: String,
}

impl Templates {
    /// One draft in words.
    ///
    /// # Errors
    ///
    /// The template cannot be filled, or gives nothing or too much.
    pub fn approval(&self, fields: &DraftFields) -> Result<String, TemplateProblem> {
        self.body(APPROVAL, fields)
    }

    /// The mail that asks about drafts.
    ///
    /// # Errors
    ///
    /// The template cannot be filled, or gives nothing.
    pub fn approvals(&self, fields: &LetterFields) -> Result<String, TemplateProblem> {
        let text = self.render(APPROVALS, fields)?;
        match text.trim().is_empty() {
            true => Err(self.problem(APPROVALS, "gives an empty text".to_owned())),
            false => Ok(text),
        }
    }

    /// The mail that tells what became of an answer.
    ///
    /// # Errors
    ///
    /// The template cannot be filled, or gives nothing or too much.
    pub fn answered(&self, fields: &AnsweredFields) -> Result<String, TemplateProblem> {
        self.body(ANSWERED, fields)
    }

    /// Fills the three of them, for a template that is to be taken into use.
    pub(super) fn try_letters(&self) -> Result<(), TemplateProblem> {
        let word = || "sample".to_owned();
        let group = GroupFields {
            builder: Some(word()),
            link: Some(word()),
            failures: vec![FailureFields {
                number: 1,
                words: word(),
                excerpt: vec![word()],
            }],
            verdict: Some(word()),
            candidates: vec![CandidateFields {
                number: 1,
                title: word(),
                url: word(),
                tier: word(),
                closed: true,
                evidence: vec![word()],
            }],
        };
        let draft = self.approval(&DraftFields {
            key: word(),
            what: word(),
            r#where: word(),
            age: word(),
            tier: word(),
            warnings: vec![word()],
            page: Some(word()),
            groups: vec![group],
            leaves: vec![word()],
            texts: word(),
            answer_to: word(),
            subject: word(),
            verbs: vec![word()],
        })?;
        for reminder in [false, true] {
            self.approvals(&LetterFields {
                reminder,
                count: word(),
                several: true,
                overview: vec![word()],
                drafts: vec![draft.clone()],
                more: 1,
            })?;
        }
        self.answered(&AnsweredFields {
            said: word(),
            changes: vec![word()],
            next: word(),
        })?;
        Ok(())
    }
}
