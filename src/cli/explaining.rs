//! `explain` and `match`: which reports a failure could belong to, and why.

use std::fs;
use std::io::{Read, stdin};
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::args::{DraftId, MatchText};
use super::importing::tracker_of;
use super::inputs::{empty, unreadable};
use super::screen::{Screen, Tone};
use super::session::Session;
use super::summary;
use super::tables;
use super::words::{cut, date, timestamp, wrapped};
use crate::domain::matching::{self, Candidate, Cutoff, Model, Question, Verdict};
use crate::domain::untrusted::terminal;
use crate::evaluate::asking;
use crate::store::{Mirror, Retrieved, Store};

/// So many reports are explained.
const EXPLAINED: usize = 5;

/// Explains every failure of a notification that was taken in, by what the copy of
/// the tracker has now.
pub(super) fn explain(session: &Session, draft: &DraftId) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let row = session.load(&store, draft)?;
    let name = tracker_of(&config)?.name();
    let mirror = store.mirror(&name);
    let mut shown = Vec::new();
    for (build, failure) in summary::failures(&row) {
        let question = Question::of(failure, &build.builder, row.received_at)
            .of_build(Cutoff::of(build, row.received_at));
        shown.push(answer(
            session,
            mirror,
            &summary::failure(failure),
            &question,
        )?);
    }
    let document = json!({ "id": draft.id.0, "failures": shown });
    session.screen.document(&document);
    if shown.is_empty() {
        session.screen.say("Nothing failed in it.");
    }
    session.next(&[(
        format!("show {}", draft.id),
        "what was decided, and the draft",
    )]);
    Ok(())
}

/// Explains what a text tells of, by the reports in files.
pub(super) fn match_text(session: &Session, wanted: &MatchText) -> Result<()> {
    let filed = tables::reports(&wanted.issues)?;
    let text = text_of(&wanted.text)?;
    let store = Store::open_in_memory()?;
    let mirror = store.mirror("files");
    let issues: Vec<_> = filed.into_iter().map(|filed| filed.issue).collect();
    mirror.upsert(&issues, None)?;
    let builder = wanted.builder.as_deref().unwrap_or_default();
    let asked = asking::questions(&text, builder, session.now);
    let mut shown = Vec::new();
    for (place, question) in asked.questions.iter().enumerate() {
        let heading = asked.failures.get(place).map(summary::failure);
        let heading = heading.unwrap_or_else(|| "the text".to_owned());
        shown.push(answer(session, mirror, &heading, question)?);
    }
    session.screen.document(&json!({ "failures": shown }));
    Ok(())
}

/// What is to be explained; never empty.
fn text_of(path: &Path) -> Result<String> {
    let (origin, read) = match path == Path::new("-") {
        true => {
            let mut bytes = Vec::new();
            let read = stdin().read_to_end(&mut bytes).map(|_| bytes);
            ("standard input".to_owned(), read)
        }
        false => (path.display().to_string(), fs::read(path)),
    };
    let bytes = read.map_err(|error| unreadable(&origin, &error))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.trim().is_empty() {
        true => Err(empty(&origin)),
        false => Ok(text),
    }
}

/// Asks, prints, and gives the same for programs.
fn answer(
    session: &Session,
    mirror: Mirror<'_>,
    heading: &str,
    question: &Question,
) -> Result<Value> {
    let model = &Model::FITTED;
    let found = mirror.retrieve(question, model)?;
    let verdict = matching::judge(&found.scored, found.searched.clone(), model);
    let scores: Vec<f64> = found.scored.iter().map(|one| one.score).collect();
    let shares = model.shares(&scores);
    let candidates: Vec<Value> = verdict
        .candidates()
        .iter()
        .zip(found.scored.iter().zip(&shares))
        .take(EXPLAINED)
        .map(|(candidate, (scored, share))| {
            let parts = model.parts(&scored.features).into_iter();
            let parts: Vec<Value> = parts
                .map(|(feature, part)| json!({ "what": feature.name(), "adds": part }))
                .collect();
            json!({
                "issue": candidate.issue,
                "open": candidate.open,
                "tier": candidate.tier,
                "probability": share,
                "score": scored.score,
                "features": parts,
                "evidence": candidate.evidence,
            })
        })
        .collect();
    let cutoff = question.cutoff();
    print(
        &session.screen,
        heading,
        (&verdict, cutoff),
        &found,
        &shares,
    );
    Ok(json!({
        "failure": heading,
        "seen_from": cutoff.map(|it| json!({ "at": timestamp(it.at()), "when": it.words() })),
        "verdict": word(&verdict),
        "none": 1.0 - shares.iter().sum::<f64>(),
        "searched": found.searched,
        "candidates": candidates,
    }))
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Known { .. } => "known",
        Verdict::Ambiguous { .. } => "ambiguous",
        Verdict::New { .. } => "new",
    }
}

fn print(
    screen: &Screen,
    heading: &str,
    (verdict, cutoff): (&Verdict, Option<Cutoff>),
    found: &Retrieved,
    shares: &[f64],
) {
    let width = screen.width();
    screen.say(screen.paint(Tone::Bold, &cut(&terminal(heading), width)));
    let searched = match found.searched.as_slice() {
        [] => "nothing to search for: no test, file or rare word was recognised".to_owned(),
        searched => format!("searched for {}", searched.join(", ")),
    };
    let seen = cutoff.map(|cutoff| {
        let (at, words) = (date(cutoff.at()), cutoff.words());
        format!("reports closed after {at} count as open: {words} then")
    });
    for line in [Some(searched), seen].into_iter().flatten() {
        for line in wrapped(&terminal(&line), width.saturating_sub(2)) {
            screen.say(screen.paint(Tone::Dim, &format!("  {line}")));
        }
    }
    let none = (1.0 - shares.iter().sum::<f64>()) * 100.0;
    screen.say(format!(
        "  {}; probability that it is none of these: {none:.0} %",
        word(verdict)
    ));
    let of_each = verdict
        .candidates()
        .iter()
        .zip(found.scored.iter().zip(shares));
    for (candidate, (scored, share)) in of_each.take(EXPLAINED) {
        one(screen, candidate, *share);
        let parts = Model::FITTED.parts(&scored.features);
        let parts: Vec<String> = parts
            .iter()
            .map(|(feature, part)| format!("{part:+.1} {}", feature.name()))
            .collect();
        let parts = format!("score {:.1}: {}", scored.score, parts.join(", "));
        for line in wrapped(&parts, width.saturating_sub(6)) {
            screen.say(screen.paint(Tone::Dim, &format!("      {line}")));
        }
    }
}

fn one(screen: &Screen, candidate: &Candidate, share: f64) {
    let line = format!(
        "#{} ({}, {:.0} %) {}",
        candidate.issue.number,
        summary::tier_word(candidate.tier),
        share * 100.0,
        candidate.issue.title
    );
    screen.say(format!(
        "    {}",
        cut(&terminal(&line), screen.width().saturating_sub(4))
    ));
    for evidence in &candidate.evidence {
        for line in wrapped(&terminal(evidence), screen.width().saturating_sub(8)) {
            screen.say(format!("      - {line}"));
        }
    }
}
