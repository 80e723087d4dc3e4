//! The words of everything that leaves: Handlebars templates, compiled in and
//! replaceable by files of the same name in a folder.
//!
//! The fields they get are already safe for their place (see
//! [`crate::domain::draft::IssueFields`] and its neighbours), so nothing is
//! escaped here. A template that breaks is never used: the last good one stays.
//! The pages, where everything is escaped, are apart from these (`pages`).

#[cfg(test)]
mod along_tests;
#[cfg(test)]
mod folder_tests;
#[cfg(test)]
mod hostile_tests;
mod letters;
#[cfg(test)]
mod material;
mod pages;
#[cfg(test)]
mod reopening_tests;
mod sample;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use handlebars::{Handlebars, RenderErrorReason, TemplateErrorReason, no_escape};
use serde::Serialize;

use crate::domain::draft::{
    Action, Along, AlongPlan, BODY_CHARS, Draft, NewIssue, Plan, Reply, ReplyPlan, Step,
    TITLE_CHARS,
};
use crate::domain::issue::IssueRef;
use crate::domain::untrusted::plain_line;

pub use letters::{
    AnsweredFields, CandidateFields, DraftFields, FailureFields, GroupFields, LetterFields,
};
pub use pages::{KEYS, Pages, STYLE};

const TITLE: &str = "issue-title.txt.hbs";
const ISSUE: &str = "issue.md.hbs";
const COMMENT: &str = "comment.md.hbs";
const REPLY: &str = "reply.txt.hbs";
const TABLE: &str = "table.md.hbs";
const APPROVAL: &str = "approval.txt.hbs";
const APPROVALS: &str = "approvals.txt.hbs";
const ANSWERED: &str = "answered.txt.hbs";

/// Every template with its text as compiled in.
const COMPILED_IN: [(&str, &str); 8] = [
    (TITLE, include_str!("../templates/issue-title.txt.hbs")),
    (ISSUE, include_str!("../templates/issue.md.hbs")),
    (COMMENT, include_str!("../templates/comment.md.hbs")),
    (REPLY, include_str!("../templates/reply.txt.hbs")),
    (TABLE, include_str!("../templates/table.md.hbs")),
    (APPROVAL, include_str!("../templates/approval.txt.hbs")),
    (APPROVALS, include_str!("../templates/approvals.txt.hbs")),
    (ANSWERED, include_str!("../templates/answered.txt.hbs")),
];

/// The longest template file, in bytes.
const LONGEST_FILE: u64 = 256 * 1024;

/// The templates in use.
#[derive(Clone)]
pub struct Templates {
    folder: Option<PathBuf>,
    registry: Handlebars<'static>,
    /// The texts in use, by name: what a broken file does not replace.
    texts: BTreeMap<&'static str, String>,
}

/// What is wrong with a file of the templates' folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// The file, or the name of a compiled-in template.
    pub file: PathBuf,
    /// From 1; 0 if it concerns the whole file.
    pub line: usize,
    /// From 1; 0 if it concerns the whole line.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What happens now, and what to do.
    pub remedy: String,
}

impl std::error::Error for TemplateProblem {}

impl Templates {
    /// The compiled-in templates, each replaced by its file in `folder` if there
    /// is a good one. The problems say which files were not taken.
    pub fn load(folder: Option<&Path>) -> (Self, Vec<TemplateProblem>) {
        let mut templates = Self {
            folder: folder.map(Path::to_owned),
            registry: registry(),
            texts: BTreeMap::new(),
        };
        let mut problems = Vec::new();
        for (name, text) in COMPILED_IN {
            problems.extend(templates.take(name, text, Path::new(name)).err());
        }
        problems.extend(templates.reload());
        (templates, problems)
    }

    /// Reads the folder again. A file that is gone gives way to the compiled-in
    /// template, a broken one leaves in place what was there before.
    pub fn reload_from(&mut self, folder: Option<&Path>) -> Vec<TemplateProblem> {
        self.folder = folder.map(Path::to_owned);
        self.reload()
    }

    /// Reads the folder's files again; a broken one keeps what was in use.
    pub fn reload(&mut self) -> Vec<TemplateProblem> {
        let Some(folder) = self.folder.clone() else {
            return Vec::new();
        };
        let mut problems = unknown_files(&folder);
        for (name, compiled_in) in COMPILED_IN {
            let file = folder.join(name);
            let taken = match read(&file) {
                Ok(Some(text)) => self.take(name, &text, &file),
                Ok(None) => self.take(name, compiled_in, Path::new(name)),
                Err(what) => Err(TemplateProblem::whole(&file, what)),
            };
            problems.extend(taken.err());
        }
        problems
    }

    /// Puts a plan into words.
    ///
    /// # Errors
    ///
    /// A template that cannot be filled, or whose text is empty or too long.
    pub fn draft(&self, plan: &Plan) -> Result<Draft, TemplateProblem> {
        let actions = plan.steps.iter().map(|step| self.action(step));
        Ok(Draft {
            actions: actions.collect::<Result<_, _>>()?,
            reply: plan.reply.as_ref().map(|it| self.reply(it)).transpose()?,
            along: plan
                .along
                .iter()
                .map(|it| self.along(it))
                .collect::<Result<_, _>>()?,
            incidents: Vec::new(),
            warnings: plan.warnings.clone(),
        })
    }

    /// Puts samples of every kind into words, one draft for each flavour and
    /// form: what `check` runs, and what a new template has to pass.
    ///
    /// # Errors
    ///
    /// The first template that cannot be filled.
    pub fn render_sample(&self) -> Result<Vec<Draft>, TemplateProblem> {
        self.try_letters()?;
        sample::plans()
            .iter()
            .map(|plan| self.draft(plan))
            .collect()
    }

    /// The same, as a rule of this name would let them leave.
    ///
    /// # Errors
    ///
    /// The first template that cannot be filled.
    pub fn render_sample_by_rule(&self, rule: &str) -> Result<Vec<Draft>, TemplateProblem> {
        let plans = sample::plans().into_iter();
        plans.map(|plan| self.draft(&plan.by_rule(rule))).collect()
    }

    fn action(&self, step: &Step) -> Result<Action, TemplateProblem> {
        Ok(match step {
            Step::Open {
                fields,
                versions,
                components,
            } => Action::Open(NewIssue {
                title: self.title(fields)?,
                body: self.body(ISSUE, fields)?,
                versions: versions.clone(),
                components: components.clone(),
            }),
            Step::Comment { issue, fields } => Action::Comment {
                issue: issue.clone(),
                body: self.body(COMMENT, fields)?,
            },
            Step::Reopen { issue, fields } => Action::Reopen {
                issue: issue.clone(),
                body: self.body(COMMENT, fields)?,
            },
            Step::Count { issue, fields } => Action::Count {
                issue: issue.clone(),
                table: fields
                    .as_ref()
                    .map(|fields| self.body(TABLE, fields))
                    .transpose()?,
            },
            Step::Choose { about, candidates } => Action::Choose {
                about: about.clone(),
                candidates: candidates.iter().map(IssueRef::clone).collect(),
            },
        })
    }

    fn title(&self, fields: &impl Serialize) -> Result<String, TemplateProblem> {
        let title = plain_line(&self.render(TITLE, fields)?, TITLE_CHARS - 1);
        if title.is_empty() {
            return Err(self.problem(TITLE, "gives an empty title".to_owned()));
        }
        Ok(title)
    }

    fn body(&self, name: &str, fields: &impl Serialize) -> Result<String, TemplateProblem> {
        let text = self.render(name, fields)?;
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let text = lines.join("\n");
        let text = text.trim_matches('\n');
        let length = text.chars().count() + 1;
        if text.is_empty() || length >= BODY_CHARS {
            let what = format!("gives {length} characters; between 2 and {BODY_CHARS} are allowed");
            return Err(self.problem(name, what));
        }
        Ok(format!("{text}\n"))
    }

    fn along(&self, plan: &AlongPlan) -> Result<Along, TemplateProblem> {
        Ok(Along {
            notification: plan.notification,
            reply: plan.reply.as_ref().map(|it| self.reply(it)).transpose()?,
        })
    }

    fn reply(&self, plan: &ReplyPlan) -> Result<Reply, TemplateProblem> {
        Ok(Reply {
            subject: plan.subject.clone(),
            body: self.body(REPLY, &plan.fields)?,
            in_reply_to: plan.in_reply_to.clone(),
            references: plan.references.clone(),
        })
    }

    fn render(&self, name: &str, fields: &impl Serialize) -> Result<String, TemplateProblem> {
        self.registry
            .render(name, fields)
            .map_err(|error| TemplateProblem {
                line: error.line_no.unwrap_or(0),
                column: error.column_no.unwrap_or(0),
                ..self.problem(name, render_words(error.reason()))
            })
    }

    fn problem(&self, name: &str, what: String) -> TemplateProblem {
        let file = self.folder.as_ref().map(|folder| folder.join(name));
        let file = file.filter(|file| file.exists());
        TemplateProblem::whole(&file.unwrap_or_else(|| PathBuf::from(name)), what)
    }

    /// Puts a template in use, if it can be read and filled.
    fn take(&mut self, name: &'static str, text: &str, file: &Path) -> Result<(), TemplateProblem> {
        if self.texts.get(name).is_some_and(|known| known == text) {
            return Ok(());
        }
        if let Err(error) = self.registry.register_template_string(name, text) {
            let (line, column) = error.pos().unwrap_or_default();
            self.put_back(name);
            return Err(TemplateProblem {
                line,
                column,
                ..TemplateProblem::whole(file, syntax_words(error.reason()))
            });
        }
        let before = self.texts.insert(name, text.to_owned());
        // The first time not all of them are there yet.
        if self.texts.len() == COMPILED_IN.len()
            && let Err(problem) = self.render_sample()
        {
            if let Some(before) = before {
                self.texts.insert(name, before);
            }
            self.put_back(name);
            return Err(TemplateProblem {
                file: file.to_owned(),
                ..problem
            });
        }
        Ok(())
    }

    /// Compiles the text in use again.
    fn put_back(&mut self, name: &'static str) {
        if let Some(text) = self.texts.get(name) {
            // It compiled before.
            let _ = self.registry.register_template_string(name, text);
        }
    }
}

impl TemplateProblem {
    fn whole(file: &Path, what: String) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            what,
            remedy: "the template used before stays in use; correct the file and reload".to_owned(),
        }
    }
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        write!(f, ": {}\n    {}", self.what, self.remedy)
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

fn registry() -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(no_escape);
    registry
}

/// The file's text; `None` if there is no such file.
fn read(file: &Path) -> Result<Option<String>, String> {
    match fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
        Ok(about) if about.len() > LONGEST_FILE => {
            return Err(format!("is longer than {LONGEST_FILE} bytes"));
        }
        Ok(_) => {}
    }
    let text = fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    Ok(Some(text))
}

/// Files of the folder that replace no template.
fn unknown_files(folder: &Path) -> Vec<TemplateProblem> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let what = format!("the templates' folder cannot be read: {error}");
            return vec![TemplateProblem::whole(folder, what)];
        }
    };
    let names = COMPILED_IN.map(|(name, _)| name);
    let mut unknown: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_str()
                .is_none_or(|name| !names.contains(&name))
        })
        .map(|entry| entry.path())
        .collect();
    unknown.sort();
    unknown
        .iter()
        .map(|file| TemplateProblem {
            remedy: format!("it is ignored; there are: {}", names.join(", ")),
            ..TemplateProblem::whole(file, "replaces no template".to_owned())
        })
        .collect()
}

/// Why a template does not compile, without the parser's list of what it expected.
fn syntax_words(reason: &TemplateErrorReason) -> String {
    match reason {
        TemplateErrorReason::InvalidSyntax(_) => "the syntax is wrong here, or something that was \
                                                  opened above is not closed"
            .to_owned(),
        other => other.to_string(),
    }
}

/// Why a template cannot be filled.
fn render_words(reason: &RenderErrorReason) -> String {
    match reason {
        RenderErrorReason::MissingVariable(Some(name)) => {
            format!("there is no field {name:?} for this template")
        }
        RenderErrorReason::HelperNotFound(name) => format!("there is no helper {name:?}"),
        RenderErrorReason::PartialNotFound(name) => {
            format!("there is no template {name:?} to include")
        }
        other => other.to_string(),
    }
}
