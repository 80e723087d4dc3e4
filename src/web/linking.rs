//! Another report for a draft's failures, found in the local copy of the tracker.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::Result;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::Site;
use super::deciding::may;
use super::identity::Caller;
use super::posted::{Fields, Posted};
use super::room::{Number, Page, Room, Shown, no_such};
use super::stale::{Seen, misunderstood, not_decided, refused};
use crate::desk::deciding::Chosen;
use crate::desk::linking::choices;
use crate::desk::summary;
use crate::desk::words::date;
use crate::domain::decision::{Decision, Target};
use crate::store::{Combine, Hit, NewDecision, NotificationId, NotificationRow, Order};

/// More are not listed.
const HITS: usize = 20;

/// Further words are not searched for.
const MOST_WORDS: usize = 12;

#[derive(Serialize)]
struct Found {
    number: u64,
    title: String,
    url: String,
    state: String,
}

/// Searches, and shows what can be linked to.
pub(super) async fn search(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Number(id): Number,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response {
    let words = parameters.get("words").cloned().unwrap_or_default();
    let make = move |room: &Room<'_>| searched(room, NotificationId(id), words.trim());
    site.answer(caller, None, make).await
}

fn searched(room: &Room<'_>, id: NotificationId, words: &str) -> Result<Shown> {
    let store = &room.office.store;
    if !store.exists(id)? {
        return no_such(&format!("notification {id}"));
    }
    let row = store.load(id)?;
    let seen = Seen {
        id,
        digest: row.draft.as_ref().map_or("", |draft| draft.digest.as_str()),
        kept: None,
    };
    if let Err(page) = may(room, &row, seen, &link(Target::New)) {
        return page;
    }
    let failures = summary::failures(&row);
    let several = failures.len() > 1;
    let failures = failures.into_iter().enumerate().map(
        |(index, (_, failure))| json!({ "number": index + 1, "words": summary::failure_alone(failure) }),
    );
    let hits = hits(room, words)?;
    let it = json!({
        "id": id.0,
        "key": summary::key(&row),
        "words": words,
        "several": several,
        "failures": failures.collect::<Vec<_>>(),
        "nothing": hits.is_empty() && !words.is_empty(),
        "hits": hits,
        "form": room.form_on(id, "link", row.draft.as_ref()),
    });
    Ok(Shown::Page(Page::new("link", format!("Link {id}"), &it)?))
}

fn link(issue: Target) -> Decision {
    Decision::Link {
        failure: None,
        issue,
    }
}

/// By number, then by what stands in a title, then by all words anywhere.
fn hits(room: &Room<'_>, words: &str) -> Result<Vec<Found>> {
    let name = room.office.tracker.name();
    let mirror = room.office.store.mirror(&name);
    let mut found: Vec<Found> = Vec::new();
    if words.is_empty() {
        return Ok(found);
    }
    if let Some(number) = room.office.tracker.parse_issue(words)
        && let Some(issue) = mirror.issue(number)?
    {
        found.push(Found {
            number,
            title: issue.title.clone(),
            state: state(issue.open, issue.updated_at),
            url: issue.url,
        });
    }
    let terms: Vec<&str> = words.split_whitespace().take(MOST_WORDS).collect();
    let titles = mirror.titles_containing(words, HITS)?;
    let texts = mirror.full_text(&terms, Combine::All, Order::Relevance, HITS)?;
    for hit in titles.into_iter().chain(texts) {
        if found.len() < HITS && found.iter().all(|it| it.number != hit.issue.number) {
            found.push(of_hit(hit));
        }
    }
    Ok(found)
}

fn of_hit(hit: Hit) -> Found {
    Found {
        number: hit.issue.number,
        title: format!("#{} {}", hit.issue.number, hit.issue.title),
        state: state(hit.open, hit.updated_at),
        url: hit.issue.url,
    }
}

fn state(open: bool, updated_at: i64) -> String {
    let word = if open { "open" } else { "closed" };
    format!("{word}, changed {}", date(updated_at))
}

/// Links failures to a report, which makes a new revision.
pub(super) async fn link_to(
    State(site): State<Arc<Site>>,
    Number(id): Number,
    posted: Posted,
) -> Response {
    let Posted { caller, fields } = posted;
    let make = move |room: &Room<'_>| linked(room, NotificationId(id), &fields);
    site.answer(caller, None, make).await
}

/// What a form says: which failures (from 1, none are all of them; and from 0), and
/// where they belong.
struct Wanted {
    numbers: Vec<usize>,
    chosen: Vec<usize>,
    word: Target,
}

/// Reads the form.
///
/// # Errors
///
/// What cannot be understood, in words.
fn wanted(room: &Room<'_>, row: &NotificationRow, fields: &Fields) -> Result<Wanted, String> {
    let there = summary::failures(row).len();
    let listed = fields.get("failures").split_whitespace();
    let marked = fields.all("failure").chain(listed);
    let numbers: Option<BTreeSet<usize>> = marked.map(|word| word.parse().ok()).collect();
    let numbers = numbers.ok_or("A failure is named by its number")?;
    if numbers.is_empty() && there > 1 {
        return Err("Mark at least one failure".to_owned());
    }
    let numbers: Vec<usize> = match numbers.len() == there {
        true => Vec::new(),
        false => numbers.into_iter().collect(),
    };
    let chosen = choices(row, &numbers).map_err(|(number, there)| {
        format!("There is no failure {number}: they are numbered from 1 to {there}")
    })?;
    let tracker = &room.office.tracker;
    let word = room.office.desk().word(fields.get("issue"));
    let word = word.ok_or_else(|| format!("That is not a report of {}", tracker.name()))?;
    Ok(Wanted {
        numbers,
        chosen,
        word,
    })
}

fn linked(room: &Room<'_>, id: NotificationId, fields: &Fields) -> Result<Shown> {
    let store = &room.office.store;
    if !store.exists(id)? {
        return no_such(&format!("notification {id}"));
    }
    let row = store.load(id)?;
    let desk = room.office.desk();
    let Wanted {
        numbers,
        chosen,
        word,
    } = match wanted(room, &row, fields) {
        Ok(wanted) => wanted,
        Err(words) => return misunderstood(id, words),
    };
    let seen = Seen {
        id,
        digest: fields.get("digest"),
        kept: None,
    };
    if let Err(page) = may(room, &row, seen, &link(word)) {
        return page;
    }
    let Some(draft) = &row.draft else {
        return refused(room, seen, "there is no draft yet");
    };
    let shown = (draft.revision, seen.digest);
    let decision = NewDecision::of_person(id, shown, &room.caller.who, "");
    let choice = (numbers.as_slice(), chosen.as_slice(), word);
    let by = (&room.caller.who, room.now);
    match desk.choose(&room.office.wording(), &row, choice, &decision, by) {
        Err(why) => not_decided(room, seen, why),
        Ok((Chosen::Already, _)) => Ok(Shown::To(format!("/draft/{id}?said=unchanged&of={id}"))),
        Ok((Chosen::Anew, _)) => {
            room.site.tell_decided();
            Ok(Shown::To(format!("/draft/{id}?said=linked&of={id}")))
        }
    }
}
