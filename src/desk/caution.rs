//! What a person should know before deciding, besides the texts.

use anyhow::Result;

use super::Office;
use super::repeating::sent_before;
use super::words::count;
use crate::domain::Seconds;
use crate::domain::draft::Draft;
use crate::store::NotificationRow;

/// What was odd about the mail, its logs and the draft, each once.
pub(crate) fn warnings(
    office: &Office,
    row: &NotificationRow,
    now: Seconds,
) -> Result<Vec<String>> {
    let mut all = Vec::new();
    if let Some(draft) = &row.draft {
        all.extend(draft.draft.warnings.iter().cloned());
    }
    if let Some(reading) = &row.reading {
        let remarks = reading.mail.remarks.iter();
        all.extend(remarks.chain(&reading.notification.remarks).cloned());
    }
    if row.truncated {
        all.push("only the beginning of the mail was fetched: it is too large".to_owned());
    }
    all.extend(sent_before(&office.store, &office.list, row, now)?);
    let mut once: Vec<String> = Vec::new();
    for words in all {
        if !once.contains(&words) {
            once.push(words);
        }
    }
    Ok(once)
}

/// Those for whom the reply speaks as well.
pub(crate) fn settled_silently(draft: &Draft) -> Option<String> {
    let along = draft.along.iter().filter(|one| one.reply.is_none());
    let ids: Vec<String> = along.map(|one| one.notification.to_string()).collect();
    (!ids.is_empty()).then(|| {
        format!(
            "This also settles {} of the same failures, which get no mail of their own: {}",
            count(ids.len(), "more notification"),
            ids.join(", ")
        )
    })
}

/// Warnings that begin alike (before the first colon) are counted from the second on.
pub(crate) fn once_of_each_kind(warnings: &[String]) -> Vec<String> {
    fn kind(words: &str) -> &str {
        words.split_once(": ").map_or(words, |(kind, _)| kind)
    }
    let mut told: Vec<(&str, String, usize)> = Vec::new();
    for words in warnings {
        match told.iter_mut().find(|(known, ..)| *known == kind(words)) {
            Some((.., more)) => *more += 1,
            None => told.push((kind(words), words.clone(), 0)),
        }
    }
    let one = |(_, words, more): (&str, String, usize)| match more {
        0 => words,
        more => format!("{words} (and {more} more like this)"),
    };
    told.into_iter().map(one).collect()
}
