//! Bug reports in a file: one JSON object a line (<https://jsonlines.org>).
//!
//! | field | what |
//! |---|---|
//! | `key` | what people call it: `gh-97535`, `bpo-1034`, `12` |
//! | `number` | the tracker's own number |
//! | `bpo` | its number in an older tracker |
//! | `title`, `body` | the texts it was opened with |
//! | `comments` | later texts: `[{"date", "text", "author", "id"}]`, all optional |
//! | `state` | `open`, `pending` or `closed`; else closed if `closed` is there |
//! | `labels` | names |
//! | `url`, `author` | its page; who opened it |
//! | `created`, `updated`, `closed` | dates: `2026-11-22`, `2026-11`, `2026-11-22T07:18:47Z` |
//! | `created_between`, `created_approx` | where the day is not known: two dates, of which one may be null; a month |
//! | `resolution` | why it was closed, in the tracker's own word |
//! | `duplicate_of`, `superseder` | the report that it is a duplicate of: `gh-12`, `bpo-7: its title`, `12` |
//!
//! Needed are one of `key`, `number` and `bpo`, and a title or a body. Further
//! fields are left alone. Times of day are UTC; a date stands for its first moment.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::domain::Seconds;
use crate::domain::calendar::day_number;
use crate::domain::issue::{Issue, IssueComment};

/// A report that has only a number of the older tracker gets this one more, which
/// no tracker has reached.
pub const OLD_NUMBERS_FROM: u64 = 1_000_000_000;

/// Longer texts are cut, in characters, as they are where trackers are listed.
const MOST_TEXT: usize = 100_000;

/// Longer titles are cut, in characters.
const MOST_TITLE: usize = 1000;

/// One report of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledIssue {
    /// Where it stands, from 1.
    pub line: usize,
    /// What the file calls it; without a `key` its number.
    pub key: String,
    /// The tracker's own number, if the file has it. Without one, `issue.number` is
    /// `bpo` above [`OLD_NUMBERS_FROM`].
    pub number: Option<u64>,
    /// Its number in an older tracker.
    pub bpo: Option<u64>,
    /// When it was opened at the earliest, as far as the file says.
    pub created: Option<Seconds>,
    /// When it was opened at the latest; the same as `created` where the file has the
    /// day.
    pub created_by: Option<Seconds>,
    /// The report. Times the file does not have are taken from those it has, and
    /// are 0 if there are none. `duplicate_of` is as [`follow`] left it.
    ///
    /// [`follow`]: FiledIssue::follow
    pub issue: Issue,
    master: Option<Pointer>,
}

/// Which report is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pointer {
    Number(u64),
    Old(u64),
}

/// A line that is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct WrongLine {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Which numbers of the older tracker have become which of this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OldNumbers(BTreeMap<u64, u64>);

impl OldNumbers {
    /// Takes note of a report that has both.
    pub fn note(&mut self, filed: &FiledIssue) {
        if let (Some(old), Some(number)) = (filed.bpo, filed.number) {
            self.0.insert(old, number);
        }
    }

    fn current(&self, pointer: Pointer) -> u64 {
        match pointer {
            Pointer::Number(number) => number,
            Pointer::Old(old) => match self.0.get(&old) {
                Some(number) => *number,
                None => OLD_NUMBERS_FROM.saturating_add(old),
            },
        }
    }
}

impl FiledIssue {
    /// Sets the number of the report that it is a duplicate of; one of the older
    /// tracker becomes today's, as far as `old` knows it.
    pub fn follow(&mut self, old: &OldNumbers) {
        self.issue.duplicate_of = self.master.map(|pointer| old.current(pointer));
    }
}

/// Reads a whole file; empty lines are none. Duplicates point at today's numbers.
///
/// # Errors
///
/// The first line that is no report.
pub fn read(text: &str) -> Result<Vec<FiledIssue>, WrongLine> {
    let mut all = Vec::new();
    for (index, line) in text.lines().enumerate() {
        all.extend(read_line(index + 1, line)?);
    }
    follow_all(&mut all);
    Ok(all)
}

/// Lets the duplicates of several files, put together, point at today's numbers.
pub fn follow_all(all: &mut [FiledIssue]) {
    let mut old = OldNumbers::default();
    all.iter().for_each(|filed| old.note(filed));
    all.iter_mut().for_each(|filed| filed.follow(&old));
}

/// Reads one line, the `line`th of its file; an empty one is none. For files that
/// are too large to hold: afterwards each wants a [`FiledIssue::follow`].
///
/// # Errors
///
/// It is no report.
pub fn read_line(line: usize, text: &str) -> Result<Option<FiledIssue>, WrongLine> {
    // Some editors begin a file with a byte order mark.
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |why: String| WrongLine { line, why };
    let written: Written = serde_json::from_str(text).map_err(|error| wrong(in_words(&error)))?;
    written.filed(line).map(Some).map_err(wrong)
}

/// What is wrong with a line of JSON, without the place that its reader gives: its
/// line is always 1.
pub fn in_words(error: &serde_json::Error) -> String {
    let told = error.to_string();
    let what = told.split(" at line ").next().unwrap_or_default();
    format!("{what} (column {})", error.column())
}

/// The object as it stands there.
#[derive(Deserialize)]
struct Written {
    key: Option<Name>,
    number: Option<u64>,
    bpo: Option<u64>,
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    labels: Option<Vec<String>>,
    url: Option<String>,
    author: Option<String>,
    created: Option<String>,
    created_approx: Option<String>,
    created_between: Option<Vec<Option<String>>>,
    updated: Option<String>,
    closed: Option<String>,
    resolution: Option<String>,
    superseder: Option<Name>,
    duplicate_of: Option<Name>,
    comments: Option<Vec<WrittenComment>>,
}

#[derive(Deserialize)]
struct WrittenComment {
    id: Option<Name>,
    author: Option<String>,
    date: Option<String>,
    text: Option<String>,
}

/// A name of a report may be just its number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Number(u64),
    Text(String),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.trim().fmt(f),
        }
    }
}

impl Written {
    fn filed(self, line: usize) -> Result<FiledIssue, String> {
        let named = self.key.as_ref().map(Name::to_string);
        let by_key = named.as_deref().and_then(pointer);
        let number = self.number.or(match by_key {
            Some(Pointer::Number(number)) => Some(number),
            _ => None,
        });
        let bpo = self.bpo.or(match by_key {
            Some(Pointer::Old(old)) => Some(old),
            _ => None,
        });
        let of_old = |old: u64| OLD_NUMBERS_FROM.checked_add(old);
        let id = number.or_else(|| bpo.and_then(of_old));
        let id = id
            .filter(|id| *id > 0 && i64::try_from(*id).is_ok())
            .ok_or("it has no number")?;
        if self.title.is_none() && self.body.is_none() {
            return Err("it has neither a title nor a body".to_owned());
        }
        let (created, created_by) = self.created_at()?;
        let closed_at = date(self.closed.as_deref(), "closed")?;
        let comments = comments(self.comments.unwrap_or_default(), id, created)?;
        let last_comment = comments.iter().map(|comment| comment.at).max();
        let known = created.max(closed_at).max(last_comment).unwrap_or(0);
        let master = master(self.duplicate_of.as_ref(), self.superseder.as_ref())?;
        Ok(FiledIssue {
            line,
            key: named.unwrap_or_else(|| id.to_string()),
            number,
            bpo,
            created,
            created_by,
            issue: Issue {
                number: id,
                url: self.url.unwrap_or_default(),
                title: one_line(&self.title.unwrap_or_default()),
                body: text(self.body),
                comments,
                labels: self.labels.unwrap_or_default(),
                open: is_open(self.state.as_deref(), closed_at)?,
                created_at: created.unwrap_or(known),
                updated_at: date(self.updated.as_deref(), "updated")?.unwrap_or(known),
                closed_at,
                author: self.author.unwrap_or_default(),
                resolution: self.resolution.filter(|word| !word.trim().is_empty()),
                duplicate_of: None,
            },
            master,
        })
    }

    /// At the earliest, and at the latest.
    fn created_at(&self) -> Result<(Option<Seconds>, Option<Seconds>), String> {
        let (created, approx) = (self.created.as_deref(), self.created_approx.as_deref());
        if let Some(first) = date(created, "created")? {
            return Ok((Some(first), Some(first + left_open(created))));
        }
        let between = self.created_between.as_ref();
        let end = |place: usize| between.and_then(|days| days.get(place)?.as_deref());
        let latest = date(end(1), "created_between")?;
        if let Some(first) = date(end(0), "created_between")? {
            return Ok((Some(first), latest));
        }
        let first = date(approx, "created_approx")?;
        Ok((first, first.map(|first| first + left_open(approx))))
    }
}

/// How much later than its first moment a date may be that leaves out the day, or
/// the month.
fn left_open(date: Option<&str>) -> Seconds {
    let dashes = date.unwrap_or_default().matches('-').count();
    let days = match dashes {
        0 => 364,
        1 => 30,
        _ => 0,
    };
    days * 86_400
}

fn comments(
    written: Vec<WrittenComment>,
    issue: u64,
    created: Option<Seconds>,
) -> Result<Vec<IssueComment>, String> {
    let comment = |(index, it): (usize, WrittenComment)| {
        let at = date(it.date.as_deref(), "date of a comment")?;
        Ok(IssueComment {
            id: match it.id {
                Some(id) => id.to_string(),
                None => format!("{issue}-{}", index + 1),
            },
            author: it.author.unwrap_or_default(),
            text: text(it.text),
            at: at.or(created).unwrap_or(0),
        })
    };
    written.into_iter().enumerate().map(comment).collect()
}

fn is_open(state: Option<&str>, closed_at: Option<Seconds>) -> Result<bool, String> {
    match state.map(str::to_ascii_lowercase).as_deref() {
        Some("open" | "pending") => Ok(true),
        Some("closed") => Ok(false),
        None => Ok(closed_at.is_none()),
        Some(_) => Err("its state is none of open, pending and closed".to_owned()),
    }
}

fn master(
    duplicate_of: Option<&Name>,
    superseder: Option<&Name>,
) -> Result<Option<Pointer>, String> {
    let Some(name) = duplicate_of.or(superseder) else {
        return Ok(None);
    };
    let name = name.to_string();
    match pointer(&name) {
        Some(pointer) => Ok(Some(pointer)),
        None if name.is_empty() => Ok(None),
        None => Err("what it is a duplicate of is no number".to_owned()),
    }
}

/// `12`, `#12`, `gh-12`, `bpo-7`, each alone or followed by a colon and words.
fn pointer(name: &str) -> Option<Pointer> {
    let name = name.split(':').next().unwrap_or_default().trim();
    let name = name.to_ascii_lowercase();
    let number = |digits: &str| digits.parse().ok().filter(|number| *number > 0);
    if let Some(digits) = name.strip_prefix("bpo-") {
        return number(digits).map(Pointer::Old);
    }
    let digits = name.strip_prefix("gh-").or(name.strip_prefix('#'));
    number(digits.unwrap_or(&name)).map(Pointer::Number)
}

fn date(text: Option<&str>, field: &str) -> Result<Option<Seconds>, String> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => match moment(text) {
            Some(at) => Ok(Some(at)),
            None => Err(format!("its {field} is no date such as 2026-11-22")),
        },
    }
}

/// `2026-11-22`, `2026-11`, `2026-11-22T07:18:47Z`: the first moment of it, UTC; a
/// `?` behind it says that somebody guessed.
pub fn moment(text: &str) -> Option<Seconds> {
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (text.trim_end_matches('?'), None),
    };
    let mut parts = day.splitn(3, '-').map(|part| match part.len() {
        1..=4 => part.parse::<Seconds>().ok(),
        _ => None,
    });
    let (year, month, day) = (
        parts.next()??,
        parts.next().unwrap_or(Some(1))?,
        parts.next().unwrap_or(Some(1))?,
    );
    let is_date =
        (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let second = match time {
        Some(time) => second_of_day(time)?,
        None => 0,
    };
    is_date.then(|| day_number(year, month, day) * 86_400 + second)
}

/// `07:18:47`, with or without a fraction and a `Z`.
fn second_of_day(time: &str) -> Option<Seconds> {
    let time = time.strip_suffix('Z').unwrap_or(time);
    let mut parts = time.split('.').next()?.splitn(3, ':');
    let mut part = |most: Seconds| {
        let value = parts.next()?.parse::<Seconds>().ok()?;
        (0..=most).contains(&value).then_some(value)
    };
    Some(part(23)? * 3600 + part(59)? * 60 + part(60)?)
}

fn text(written: Option<String>) -> String {
    let text = written.unwrap_or_default().replace("\r\n", "\n");
    text.chars().take(MOST_TEXT).collect()
}

fn one_line(title: &str) -> String {
    let words: Vec<&str> = title.split_whitespace().collect();
    words.join(" ").chars().take(MOST_TITLE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> FiledIssue {
        let [filed] = <[FiledIssue; 1]>::try_from(read(line).unwrap()).unwrap();
        filed
    }

    #[test]
    fn every_field_is_read() {
        let filed = one(
            r#"{"key": "gh-12", "number": 12, "bpo": 7, "title": "test_walrus:\n it  hangs",
               "state": "closed", "labels": ["tests"], "created": "2026-11-20",
               "updated": "2026-11-22T07:18:47Z", "closed": "2026-11-21", "resolution": "fixed",
               "duplicate_of": "gh-9", "body": "on\r\nAIX", "url": "https://t.example/12",
               "author": "anna", "role": "left alone",
               "comments": [{"date": "2026-11-21", "text": "again", "author": "ben", "id": 5}, {}]}"#
                .replace('\n', " ")
                .as_str(),
        );
        let day = 20_777 * 86_400;
        assert_eq!(
            filed.issue,
            Issue {
                number: 12,
                url: "https://t.example/12".to_owned(),
                title: "test_walrus: it hangs".to_owned(),
                body: "on\nAIX".to_owned(),
                comments: vec![
                    IssueComment {
                        id: "5".to_owned(),
                        author: "ben".to_owned(),
                        text: "again".to_owned(),
                        at: day + 86_400,
                    },
                    IssueComment {
                        id: "12-2".to_owned(),
                        author: String::new(),
                        text: String::new(),
                        at: day,
                    },
                ],
                labels: vec!["tests".to_owned()],
                open: false,
                created_at: day,
                updated_at: 1_795_331_927,
                closed_at: Some(day + 86_400),
                author: "anna".to_owned(),
                resolution: Some("fixed".to_owned()),
                duplicate_of: Some(9),
            }
        );
        assert_eq!((filed.line, filed.key.as_str()), (1, "gh-12"));
        assert_eq!((filed.number, filed.bpo), (Some(12), Some(7)));
        assert_eq!((filed.created, filed.created_by), (Some(day), Some(day)));
    }

    #[test]
    fn a_number_and_a_title_are_enough() {
        let filed = one(r#"{"number": 3, "title": "it hangs"}"#);
        assert_eq!((filed.key.as_str(), filed.created), ("3", None));
        assert!(filed.issue.open);
        assert_eq!((filed.issue.created_at, filed.issue.updated_at), (0, 0));
        let by_key = one(r#"{"key": "gh-4", "title": "it hangs", "closed": "2026-11"}"#);
        assert_eq!((by_key.number, by_key.issue.open), (Some(4), false));
        assert_eq!(by_key.issue.updated_at, 20_758 * 86_400);
    }

    #[test]
    fn reports_of_the_older_tracker_have_numbers_of_their_own() {
        let text = r#"{"key": "bpo-7", "bpo": 7, "title": "a", "superseder": "bpo-8: gh-1, a title"}

{"key": "gh-12", "number": 12, "bpo": 8, "title": "b", "duplicate_of": 13}
{"number": 13, "title": "c", "duplicate_of": "bpo-99"}"#;
        let all = read(text).unwrap();
        let seen: Vec<_> = all
            .iter()
            .map(|it| (it.line, it.number, it.issue.number, it.issue.duplicate_of))
            .collect();
        let old = |number| OLD_NUMBERS_FROM + number;
        assert_eq!(
            seen,
            [
                (1, None, old(7), Some(12)),
                (3, Some(12), 12, Some(13)),
                (4, Some(13), 13, Some(old(99))),
            ]
        );
    }

    #[test]
    fn a_day_that_is_not_known_is_the_first_that_it_can_be() {
        let created = |fields: &str| one(&format!("{{\"number\": 1, \"title\": \"a\", {fields}}}"));
        for (fields, day) in [
            (r#""created_approx": "2026-11""#, 20_758),
            (r#""created_between": ["2026-11-02", "2026-12-01"]"#, 20_759),
            (r#""created": "2026", "created_approx": "2026-11""#, 20_454),
            (r#""created": "2026-11?""#, 20_758),
        ] {
            assert_eq!(created(fields).created, Some(day * 86_400), "{fields}");
            assert!(
                created(fields).created_by > created(fields).created,
                "{fields}"
            );
        }
        for unknown in [
            r#""created_between": []"#,
            r#""created_between": [null, "2010-04-05"]"#,
        ] {
            assert_eq!(created(unknown).created, None, "{unknown}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (line, why) in [
            ("{", "EOF while parsing an object (column 1)"),
            (
                "[]",
                "invalid length 0, expected struct Written with 18 elements (column 2)",
            ),
            (r#"{"title": "a"}"#, "it has no number"),
            (r#"{"number": 0, "title": "a"}"#, "it has no number"),
            (
                r#"{"number": 9223372036854775808, "title": "a"}"#,
                "it has no number",
            ),
            (r#"{"number": 1}"#, "it has neither a title nor a body"),
            (
                r#"{"number": 1, "title": "a", "state": "ajar"}"#,
                "its state is none of open, pending and closed",
            ),
            (
                r#"{"number": 1, "title": "a", "created": "soon"}"#,
                "its created is no date such as 2026-11-22",
            ),
            (
                r#"{"number": 1, "title": "a", "duplicate_of": "that one"}"#,
                "what it is a duplicate of is no number",
            ),
        ] {
            let wrong = read(&format!("\u{feff}\n{line}\n")).unwrap_err();
            assert_eq!((wrong.line, wrong.why.as_str()), (2, why), "{line}");
        }
        let told = read("\n\n?").unwrap_err().to_string();
        assert_eq!(told, "line 3: expected value (column 1)");
    }

    #[test]
    fn no_text_is_endless() {
        let long = "x".repeat(200_000);
        let filed = one(&format!(
            r#"{{"number": 1, "title": "{long}", "body": "{long}", "comments": [{{"text": "{long}"}}]}}"#
        ));
        assert_eq!(filed.issue.title.len(), MOST_TITLE);
        assert_eq!(filed.issue.body.len(), MOST_TEXT);
        assert_eq!(filed.issue.comments[0].text.len(), MOST_TEXT);
    }
}
