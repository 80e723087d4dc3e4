//! What changed in a Roundup tracker, for the mirror.

use anyhow::{Context, Result, bail, ensure};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::domain::Seconds;
use crate::domain::issue::{Issue, IssueComment};
use crate::http::Broken;
use crate::trackers::cursor::{Cursor, Rest};
use crate::trackers::roundup::Roundup;
use crate::trackers::roundup::shapes::{
    Collection, Envelope, IssueRow, Item, Message, MessageRow, Named, OneOrMany, seconds,
};
use crate::trackers::trouble::{Trouble, readable};
use crate::trackers::{Next, OpenCount, Page, TextHit, dates};

const PAGE_SIZE: u64 = 50;
/// Messages are fetched one by one, so many at a time.
const AT_ONCE: usize = 4;
/// Longer texts are cut, in characters.
const MOST_TEXT: usize = 100_000;
/// Fields that a tracker's schema may lack.
const OPTIONAL_FIELDS: [&str; 6] = [
    "status",
    "versions",
    "components",
    "keywords",
    "resolution",
    "superseder",
];

impl Roundup {
    pub(crate) async fn changed_since(&self, cursor: Option<&str>) -> Result<Page> {
        let mut cursor: Cursor = match cursor {
            Some(text) => serde_json::from_str(text).context("the stored cursor")?,
            None => Cursor::new(self.mirror_from),
        };
        // With a lower bound, an old issue that comes to life is new to us.
        let known_before = match self.mirror_from {
            0 => cursor.complete_before,
            _ => None,
        };
        let rows = self.issue_rows(&cursor).await?;
        let entries: Vec<(u64, Seconds)> = rows
            .collection
            .iter()
            .map(|row| Ok((number(&row.id)?, seconds(Some(&row.activity)))))
            .collect::<Result<_>>()?;
        let rest = if rows.has_more() {
            Rest::More
        } else {
            Rest::Nothing
        };
        let to_come = left(&cursor, &rows);
        let fresh = cursor.take(&entries, rest);
        let mut issues = Vec::new();
        for row in rows.collection {
            if fresh.contains(&number(&row.id)?) {
                issues.push(self.issue(row, known_before).await?);
            }
        }
        let text = serde_json::to_string(&cursor)?;
        let next = match rest {
            Rest::More => Next::More(text),
            Rest::Nothing => Next::Complete(text),
        };
        Ok(Page {
            issues,
            comments: Vec::new(),
            next,
            to_come,
        })
    }

    /// Fields that this tracker does not have are left out, one by one, as it
    /// complains.
    async fn issue_rows(&self, cursor: &Cursor) -> Result<Collection<IssueRow>> {
        let from = format!("{};", dates::for_roundup(cursor.from.max(0)));
        let page = cursor.page.to_string();
        let size = PAGE_SIZE.to_string();
        let mut optional = OPTIONAL_FIELDS.to_vec();
        loop {
            let fields = format!(
                "title,activity,creation,creator,messages,{}",
                optional.join(",")
            );
            let query = [
                ("activity", from.as_str()),
                ("@fields", fields.trim_end_matches(',')),
                ("@verbose", "2"),
                ("@sort", "activity,id"),
                ("@page_size", &size),
                ("@page_index", &page),
            ];
            match self.api.get("rest/data/issue", &query).await {
                Ok(answer) => return Ok(answer.json::<Envelope<_>>()?.data),
                Err(Trouble::Refused(answer)) if answer.status == 400 => {
                    let said = &answer.words;
                    let before = optional.len();
                    optional.retain(|field| !said.contains(&format!("Unknown property: {field}")));
                    ensure!(optional.len() < before, "{said}");
                }
                Err(trouble) => return Err(trouble.into_error()),
            }
        }
    }

    /// Messages older than `known_before` have been given in an earlier pass; the
    /// first is given nevertheless, because it is the issue's own text.
    async fn issue(&self, row: IssueRow, known_before: Option<Seconds>) -> Result<Issue> {
        let number = number(&row.id)?;
        let is_wanted = |index: usize, message: &MessageRow| {
            let changed = message.activity.as_deref().and_then(dates::parse);
            index == 0 || changed.is_none() || changed >= known_before
        };
        let wanted = row
            .messages
            .iter()
            .enumerate()
            .filter(|(index, message)| is_wanted(*index, message))
            .map(|(index, message)| self.message(index, message.id.clone()));
        let mut texts: Vec<(usize, IssueComment)> = stream::iter(wanted)
            .buffered(AT_ONCE)
            .try_filter_map(|text| async move { Ok(text) })
            .try_collect()
            .await
            .with_context(|| format!("the messages of issue {number}"))?;
        let body = match texts.first() {
            Some((0, _)) => texts.remove(0).1.text,
            _ => String::new(),
        };
        let name_of = |status: &Named| status.name.clone();
        let status = row.status.as_ref().and_then(name_of);
        let master = row.superseder.as_ref().and_then(OneOrMany::first);
        Ok(Issue {
            number,
            url: self.issue_url(number),
            title: row.title.unwrap_or_default(),
            body,
            comments: texts.into_iter().map(|(_, comment)| comment).collect(),
            labels: [row.components, row.versions, row.keywords]
                .iter()
                .flatten()
                .filter_map(name_of)
                .collect(),
            open: !self.is_closed(status.as_deref()),
            created_at: seconds(Some(&row.creation)),
            updated_at: seconds(Some(&row.activity)),
            closed_at: None,
            author: row.creator.as_ref().and_then(name_of).unwrap_or_default(),
            resolution: row.resolution.as_ref().and_then(name_of),
            duplicate_of: master.and_then(|master| master.id.parse().ok()),
        })
    }

    /// A message that was removed, may not be seen, or is too long, is none.
    async fn message(&self, index: usize, id: String) -> Result<Option<(usize, IssueComment)>> {
        let query = [("@fields", "author,content,creation"), ("@verbose", "3")];
        let answer = match self.api.get(&format!("rest/data/msg/{id}"), &query).await {
            Ok(answer) => answer,
            Err(Trouble::Refused(answer)) if matches!(answer.status, 403 | 404 | 410) => {
                return Ok(None);
            }
            Err(Trouble::Broken(Broken::TooLong(_))) => return Ok(None),
            Err(trouble) => return Err(trouble.into_error()),
        };
        let message = answer.json::<Envelope<Item<Message>>>()?.data.attributes;
        let text = message.content.unwrap_or_default().replace("\r\n", "\n");
        let comment = IssueComment {
            id,
            author: message
                .author
                .and_then(|author| author.name)
                .unwrap_or_default(),
            text: text.chars().take(MOST_TEXT).collect(),
            at: seconds(message.creation.as_deref()),
        };
        Ok(Some((index, comment)))
    }

    pub(crate) async fn count_open(&self) -> Result<Option<OpenCount>> {
        let statuses = self.names("status").await.map_err(Trouble::into_error)?;
        // -1 stands for "no status".
        let open: Vec<&str> = statuses
            .iter()
            .filter(|status| !self.is_closed(status.name.as_deref()))
            .map(|status| status.id.as_str())
            .chain(["-1"])
            .collect();
        let open = open.join(",");
        let from = format!("{};", dates::for_roundup(self.mirror_from.max(0)));
        let query = [
            ("status", open.as_str()),
            // Those alone that the listing gives.
            ("activity", from.as_str()),
            ("@fields", "status"),
            ("@page_size", "1"),
        ];
        let answer = self.api.get("rest/data/issue", &query).await;
        let rows = answer
            .map_err(Trouble::into_error)?
            .json::<Envelope<Collection<serde_json::Value>>>()?
            .data;
        Ok(u64::try_from(rows.total).ok().map(OpenCount::Exact))
    }

    /// The named things of a class: `status`, `version`, `component`.
    pub(super) async fn names(&self, class: &str) -> Result<Vec<Named>, Trouble> {
        let query = [("@fields", "name"), ("@page_size", "1000")];
        let answer = self.api.get(&format!("rest/data/{class}"), &query).await?;
        Ok(readable::<Envelope<Collection<Named>>>(&answer)?
            .data
            .collection)
    }

    pub(crate) async fn all_text(&self, words: &[&str]) -> Result<Vec<TextHit>> {
        let words = words.join(" ");
        let query = [
            ("@action", "export_csv"),
            ("@columns", "id,title,activity"),
            ("@search_text", words.as_str()),
            ("@sort", "-activity"),
        ];
        let answer = self.api.get("issue", &query).await;
        let answer = answer.map_err(Trouble::into_error)?;
        let is_csv = answer
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/csv"));
        if !is_csv {
            bail!("the tracker's search answered {}", answer.words());
        }
        Ok(text_hits(&String::from_utf8_lossy(&answer.body)))
    }
}

/// How many rows come after this page, if the server counted them.
fn left(cursor: &Cursor, rows: &Collection<IssueRow>) -> Option<u64> {
    let until_here =
        u64::from(cursor.page.saturating_sub(1)) * PAGE_SIZE + rows.collection.len() as u64;
    let total = u64::try_from(rows.total).ok()?;
    Some(total.saturating_sub(until_here))
}

/// Ids are numbers in a database, but text in JSON.
pub(super) fn number(id: &str) -> Result<u64> {
    id.parse()
        .with_context(|| format!("the id {id:?} is no number"))
}

/// Reads the CSV export: a header row, three columns, every value in quotes
/// (RFC 4180); rows that are not so are left out.
fn text_hits(csv: &str) -> Vec<TextHit> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut characters = csv.chars().peekable();
    while let Some(character) = characters.next() {
        let Some(row) = rows.last_mut() else { break };
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                push(row, '"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\n' if !quoted => rows.push(vec![String::new()]),
            '\r' if !quoted => {}
            other => push(row, other),
        }
    }
    rows.into_iter()
        .skip(1)
        .filter_map(|row| {
            let [id, title, activity] = <[String; 3]>::try_from(row).ok()?;
            Some(TextHit {
                number: id.parse().ok()?,
                title,
                activity,
            })
        })
        .collect()
}

fn push(row: &mut [String], character: char) {
    if let Some(value) = row.last_mut() {
        value.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::text_hits;

    #[test]
    fn the_export_is_read_with_its_quotes() {
        let csv = "\"id\",\"title\",\"activity\"\r\n\
            \"7\",\"a \"\"b\"\", c\nd\",\"2026-11-22 05:03\"\r\n\
            \"x\",\"no number\",\"\"\r\n\"8\",\"short\"\r\n";
        let hits = text_hits(csv);
        assert_eq!(hits.len(), 1, "{hits:?}");
        assert_eq!(hits[0].number, 7);
        assert_eq!(hits[0].title, "a \"b\", c\nd");
        assert_eq!(hits[0].activity, "2026-11-22 05:03");
    }
}
