//! `review`: all drafts that wait, decided on in one document in the person's editor.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Error, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::args::Who;
use super::delivering::{Worker, settle_demo};
use super::refusal::Refusal;
use super::screen::Tone;
use super::session::Session;
use super::who::who;
use super::{editor, summary};
use crate::daemon::office_of;
use crate::desk::Office;
use crate::desk::reviewing::{Outcome, Waiting, apply, waiting};
use crate::desk::words::{count, cut, wrapped};
use crate::domain::decision::Approver;
use crate::domain::draft::review::{
    Entry, Saved, Word, from_document, to_document, with_notes, without_notes,
};
use crate::domain::untrusted::terminal;
use crate::worker::wall_clock;

/// Opens the editor, and does what the person saved.
pub(super) fn review(session: &Session, by: &Who) -> Result<ExitCode> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let who = who(by)?;
    let office = office_of(&config, store)?;
    let (drafts, unreadable) = waiting(&office, session.now)?;
    for (id, error) in &unreadable {
        let words = format!("{id} cannot be read: {error:#}");
        let line = session.screen.paint(Tone::Warning, &terminal(&words));
        session.screen.say(line);
    }
    if drafts.is_empty() {
        session
            .screen
            .document(&json!({ "drafts": [], "kept": null }));
        session.screen.say("Nothing waits for you.");
        return Ok(ExitCode::SUCCESS);
    }
    let sheet = Sheet::new()?;
    let entries: Vec<Entry<'_>> = drafts.iter().map(Waiting::entry).collect();
    let overview: Vec<String> = match drafts.as_slice() {
        [_] => Vec::new(),
        all => all.iter().map(Waiting::in_short).collect(),
    };
    let words = match words(&sheet, &entries, (&who, &overview)) {
        Ok(words) => words,
        Err(GaveUp::Untouched(error)) => return Err(error),
        Err(GaveUp::Wrote(error)) => return Err(sheet.not_thrown_away(error)),
    };
    let outcomes: Vec<Outcome> = drafts
        .iter()
        .zip(&words)
        // The editor was open for a while.
        .map(|(draft, word)| apply(&office, draft, word, &who, wall_clock()))
        .collect();
    finish(session, &office, &drafts, outcomes, sheet)
}

/// The file that is edited, in a folder of its own.
struct Sheet {
    folder: TempDir,
    file: PathBuf,
}

impl Sheet {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("buildbot-watch-review.")
            .tempdir()
            .context("making a temporary folder for the drafts")?;
        let file = folder.path().join("drafts.txt");
        Ok(Self { folder, file })
    }

    fn write(&self, text: &str) -> Result<()> {
        let file = self.file.display();
        fs::write(&self.file, text).with_context(|| format!("writing the drafts to {file}"))
    }

    fn read(&self) -> Result<String> {
        fs::read_to_string(&self.file).context("the edited text cannot be read")
    }

    /// Keeps the file, and says where.
    fn keep(self) -> PathBuf {
        let _kept = self.folder.keep();
        self.file
    }

    /// Nothing was done, and the text stays.
    fn not_thrown_away(self, error: Error) -> Error {
        let remedy = error
            .downcast_ref::<Refusal>()
            .and_then(|refusal| refusal.remedy.clone());
        let kept = kept_in(&self.keep());
        let remedy = match remedy {
            Some(remedy) => format!("{kept}; {remedy}"),
            None => kept,
        };
        Refusal::new(format!("nothing was done: {error:#}"), remedy).into()
    }
}

fn kept_in(file: &Path) -> String {
    format!("your text is kept in {}", file.display())
}

/// Why there are no words.
enum GaveUp {
    /// Before anything was written.
    Untouched(Error),
    /// The file holds what the person wrote.
    Wrote(Error),
}

impl From<Error> for GaveUp {
    fn from(error: Error) -> Self {
        Self::Wrote(error)
    }
}

/// Opens the editor until what was saved can be read, or the person gives up.
fn words(
    sheet: &Sheet,
    entries: &[Entry<'_>],
    (who, overview): (&Approver, &[String]),
) -> Result<Vec<Word>, GaveUp> {
    let waiting = match entries.len() {
        1 => "1 draft waits".to_owned(),
        more => format!("{more} drafts wait"),
    };
    let mut head = vec![format!(
        "{waiting} for a decision. You decide as {}.",
        who.as_str()
    )];
    head.extend(overview.iter().map(|line| format!("  {line}")));
    let mut shown = to_document(entries, &head);
    let mut notes: Vec<String> = Vec::new();
    loop {
        sheet.write(&shown)?;
        let edited = editor::run(&sheet.file);
        let saved = sheet.read()?;
        let is_first = notes.is_empty();
        match edited {
            Err(error) if saved == shown && is_first => return Err(GaveUp::Untouched(error)),
            other => other?,
        }
        if saved == shown && !is_first {
            let why = Refusal::plain("it was saved as it was, with its mistakes");
            return Err(GaveUp::Wrote(why.into()));
        }
        let document = without_notes(&saved, &notes);
        match from_document(&document, entries) {
            Ok(Saved::Words(words)) => return Ok(words),
            Ok(Saved::Emptied) => {
                // What was there before is worth more than nothing.
                sheet.write(&without_notes(&shown, &notes))?;
                let why = Refusal::plain("everything was deleted");
                return Err(GaveUp::Wrote(why.into()));
            }
            Err(mistakes) => (shown, notes) = with_notes(&document, entries, &mistakes),
        }
    }
}

/// Carries out what can be, and says what became of each.
fn finish(
    session: &Session,
    office: &Office,
    drafts: &[Waiting],
    outcomes: Vec<Outcome>,
    sheet: Sheet,
) -> Result<ExitCode> {
    let approved = outcomes.iter().any(|it| it.done.contains(&"approved"));
    let worker = match approved {
        true => settle_demo(session)?,
        false => Worker::Nobody,
    };
    let is_all_done = outcomes.iter().all(|it| it.not_done.is_none());
    let kept = (!is_all_done).then(|| sheet.keep());
    let all = drafts.iter().zip(&outcomes);
    let documents: Vec<Value> = all.clone().map(document).collect();
    session
        .screen
        .document(&json!({ "drafts": documents, "kept": kept }));
    for (draft, outcome) in all {
        tell(session, draft, outcome);
    }
    let screen = &session.screen;
    if approved {
        match worker {
            Worker::Us => {}
            Worker::Service => screen.say("The service delivers what was approved now."),
            Worker::Unknown => screen.say("What was approved leaves as soon as the service runs."),
            Worker::Nobody => {
                screen.say("No service is running: what was approved leaves when one is started.")
            }
        }
    }
    if let Some(file) = &kept {
        screen.say(screen.paint(Tone::Warning, &kept_in(file)));
    }
    let left = office.store.count(crate::store::ListFilter::ToDecide)?;
    let waits = count(usize::try_from(left).unwrap_or(usize::MAX), "draft");
    screen.say(format!("{waits} left to decide."));
    Ok(match is_all_done {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn document((draft, outcome): (&Waiting, &Outcome)) -> Value {
    json!({
        "id": draft.row.id.0,
        "draft": draft.key(),
        "done": outcome.done,
        "not_done": outcome.not_done,
        "warnings": outcome.warnings,
    })
}

/// One line of what became of it, and why not if something was not done.
fn tell(session: &Session, draft: &Waiting, outcome: &Outcome) {
    let screen = &session.screen;
    let done = match (outcome.done.as_slice(), &outcome.not_done) {
        ([], None) => "left as it is".to_owned(),
        ([], Some(_)) => "NOT done".to_owned(),
        (done, None) => done.join(" and "),
        (done, Some(_)) => format!("{}, the rest NOT done", done.join(" and ")),
    };
    let tone = match (outcome.done.as_slice(), &outcome.not_done) {
        (_, Some(_)) => Tone::Bad,
        ([], None) => Tone::Dim,
        _ => Tone::Good,
    };
    let key = draft.key();
    let room = screen.width().saturating_sub(key.len() + done.len() + 4);
    let what = cut(&summary::what_failed(&draft.row), room);
    screen.say(format!("{key}  {}  {what}", screen.paint(tone, &done)));
    let told = outcome.not_done.iter().chain(&outcome.warnings);
    for words in told {
        for line in wrapped(&terminal(words), screen.width().saturating_sub(4)) {
            screen.say(screen.paint(Tone::Warning, &format!("    {line}")));
        }
    }
}
