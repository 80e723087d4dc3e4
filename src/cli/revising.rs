//! `edit`: a person makes a new revision of a draft.

use std::fs;
use std::path::Path;

use anyhow::{Context, Error, Result};

use super::args::{DraftId, Who};
use super::at_hand::word_on;
use super::deciding::{current, refused};
use super::json as shapes;
use super::refusal::Refusal;
use super::session::Session;
use super::who::who;
use super::{editor, summary, words};
use crate::domain::decision::{Approver, Decision};
use crate::domain::draft::{Draft, EditMistake, from_editable, to_editable};
use crate::store::{Change, DraftRow, NotificationId, NotificationRow, Store};

/// Changes the texts in the person's editor.
pub(super) fn edit(session: &Session, typed: &DraftId, by: &Who) -> Result<()> {
    let store = session.store()?;
    let row = session.load(&store, typed)?;
    let who = who(by)?;
    let draft = current(session, &row, typed, &Decision::Edit)?;
    let folder = tempfile::Builder::new()
        .prefix("buildbot-watch-edit.")
        .tempdir()
        .context("making a temporary folder for the text")?;
    let file = folder.path().join(format!("draft-{}.txt", row.id));
    fs::write(&file, to_editable(&draft.draft))
        .with_context(|| format!("writing the text to edit to {}", file.display()))?;
    let edited = match read_back(session, &file, &draft.draft)? {
        Ok(edited) => edited,
        Err(mistake) => {
            // What was typed is not thrown away.
            let _kept = folder.keep();
            return Err(Refusal::new(format!("{}: {mistake}", row.id), kept_in(&file)).into());
        }
    };
    if edited == draft.draft {
        session
            .screen
            .document(&shapes::notification(&row, session.now));
        session.screen.say("Nothing was changed.");
        return Ok(());
    }
    revise(session, &store, (&row, draft), &edited, &who).map_err(|error| {
        let _kept = folder.keep();
        not_thrown_away(session, error, &file)
    })
}

/// Why the new text was not taken, and where it is.
fn not_thrown_away(session: &Session, error: Error, file: &Path) -> Error {
    let error = super::disk_in_words(error, &session.config_file());
    let remedy = error
        .downcast_ref::<Refusal>()
        .and_then(|refusal| refusal.remedy.as_ref());
    let note = match remedy {
        Some(remedy) => format!("{}; {remedy}", kept_in(file)),
        None => kept_in(file),
    };
    Refusal::new(format!("{error:#}"), note).into()
}

fn kept_in(file: &Path) -> String {
    format!("your text is kept in {}", file.display())
}

/// Opens the editor until the text can be read or the person gives up.
fn read_back(session: &Session, file: &Path, draft: &Draft) -> Result<Result<Draft, EditMistake>> {
    loop {
        editor::run(file)?;
        let text = fs::read_to_string(file).context("the edited text cannot be read")?;
        let mistake = match from_editable(&text, draft) {
            Ok(edited) => return Ok(Ok(edited)),
            Err(mistake) => mistake,
        };
        if !session.screen.can_ask() {
            return Ok(Err(mistake));
        }
        session
            .screen
            .say(crate::domain::untrusted::terminal(&mistake.to_string()));
        let answer = session.screen.ask("Open the editor again? [Y/n] ");
        if matches!(answer.to_lowercase().as_str(), "n" | "no") {
            return Ok(Err(mistake));
        }
    }
}

/// Stores the new revision.
fn revise(
    session: &Session,
    store: &Store,
    (row, draft): (&NotificationRow, &DraftRow),
    new: &Draft,
    who: &Approver,
) -> Result<()> {
    let decision = word_on(row, draft, who, "");
    let typed = DraftId {
        id: row.id,
        digest: None,
    };
    store
        .revise(&decision, Change::Edit, new, session.now)
        .map_err(|error| refused(session, &typed, error))?;
    tell_revision(session, store, row.id)
}

/// Says what the new revision is, and what to type next.
pub(super) fn tell_revision(session: &Session, store: &Store, id: NotificationId) -> Result<()> {
    let row = store.load(id)?;
    session
        .screen
        .document(&shapes::notification(&row, session.now));
    let key = summary::key(&row);
    let would = words::cut(
        &summary::would(&row),
        session.screen.width().saturating_sub(24),
    );
    session.screen.say(format!("New revision {key}: {would}"));
    let mut commands = vec![(format!("show {}", row.id), "the new texts")];
    if row
        .draft
        .as_ref()
        .is_some_and(|draft| !draft.draft.is_undecided())
    {
        commands.push((format!("approve {key}"), "let exactly this leave"));
    }
    session.next(&commands);
    Ok(())
}
