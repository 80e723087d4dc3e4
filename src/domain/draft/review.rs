//! Many drafts as one text document, in which a person decides on them and changes
//! their texts.
//!
//! ```text
//! # comments: how to use it
//!
//! ======= draft 12@1a2b3c4d
//! # comments: what failed, and where it may belong
//! leave                                  <- the one line that decides
//!
//! ======= 12@1a2b3c4d action 1: comment on issue 4711
//! the exact text
//! ======= end
//! ```
//!
//! Texts come from anywhere. Each stands between marker lines, and begins no line
//! with as many `=` as they do; what could move a cursor, hide, or break a line in
//! another way than `\n` is spelled out. Nothing counts unless all marker lines of a
//! draft stand there, each once and in order. So no text can decide anything, or end
//! before its end.

use std::iter::Peekable;

use crate::domain::decision::Decision;
use crate::domain::draft::Draft;
use crate::domain::draft::editing::{
    EditMistake, Part, Section, apply, label, mark_besides, missing, parts, sections,
    warn_of_lost_links,
};
use crate::domain::untrusted::{terminal, terminal_lines};

/// The line as it stands there before anybody decides: nothing is decided.
const LEAVE: &str = "leave";

/// Marker lines have at least so many `=`.
const SHORTEST_MARK: usize = 7;

/// One draft, as it is put into the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What people call it: `12@1a2b3c4d`. No two entries have the same.
    pub key: String,
    /// What they should know before they decide; each becomes a comment of one line.
    pub evidence: Vec<String>,
    /// How many failures there are to link.
    pub failures: usize,
    /// Its texts.
    pub draft: &'a Draft,
}

/// What a person said of one draft. Neither of both: it is left as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// The decision; never [`Decision::Edit`] or [`Decision::Release`].
    pub decision: Option<Decision>,
    /// The draft with its texts changed, on which the decision is then taken.
    pub edited: Option<Draft>,
}

/// What somebody saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// Nothing but comments: nothing is wanted.
    Emptied,
    /// A word on each entry, in order.
    Words(Vec<Word>),
}

/// The document. `head` are the first comments: how many there are, who decides.
pub fn to_document(entries: &[Entry<'_>], head: &[String]) -> String {
    let mark = mark(entries);
    let mut document = String::new();
    for line in head {
        comment(&mut document, line);
    }
    for line in help(&mark) {
        comment(&mut document, &line);
    }
    for entry in entries {
        document.push_str(&format!("\n{}\n", draft_marker(&mark, entry)));
        for line in &entry.evidence {
            comment(&mut document, line);
        }
        document.push_str(&format!("{LEAVE}\n"));
        for (part, text) in parts(entry.draft) {
            let shown = shown(text);
            let marker = text_marker(&mark, entry, part);
            document.push_str(&format!("\n{marker}\n{shown}"));
            if !shown.is_empty() && !shown.ends_with('\n') {
                document.push('\n');
            }
            document.push_str(&format!("{mark} end\n"));
        }
    }
    document
}

fn help(mark: &str) -> Vec<String> {
    let lines = [
        "",
        "Each draft has one line that says: leave. Turn it into one of",
        "  approve          the texts below it leave, exactly as they stand here",
        "  reject REASON    nothing of it leaves, for good",
        "  hold REASON      it is laid aside until somebody releases it",
        "  link 4711        its failures belong to that report; \"link new\": to a new one;",
        "                   \"link 2 4711\": failure 2 alone",
        "Change the texts in place: what you save becomes a new revision, and approve is",
        "for that one. <<new issue N>> and <<approver>> are filled in when it leaves.",
        "Lines with # in front are comments, but not within the texts.",
    ];
    let mut help: Vec<String> = lines.map(str::to_owned).into();
    help.push(format!("Leave the {mark} lines as they are."));
    help.push("A draft that you delete whole is left as it is.".to_owned());
    help.push(
        "Nothing is done before you save and close; delete everything to give up.".to_owned(),
    );
    help
}

fn comment(document: &mut String, line: &str) {
    let line = format!("# {}", terminal(line));
    document.push_str(line.trim_end());
    document.push('\n');
}

/// A text as it stands in the document: only `\n` breaks lines, tabs stay.
fn shown(text: &str) -> String {
    let pieces: Vec<String> = text.split('\t').map(terminal_lines).collect();
    pieces.join("\t")
}

/// A run of `=` that begins no line of any text.
fn mark(entries: &[Entry<'_>]) -> String {
    let texts = entries.iter().flat_map(|entry| parts(entry.draft));
    let shown: Vec<String> = texts.map(|(_, text)| shown(text)).collect();
    mark_besides(shown.iter().map(String::as_str), SHORTEST_MARK)
}

fn draft_marker(mark: &str, entry: &Entry<'_>) -> String {
    format!("{mark} draft {}", entry.key)
}

fn text_marker(mark: &str, entry: &Entry<'_>, part: Part) -> String {
    format!("{mark} {} {}", entry.key, label(part, entry.draft))
}

/// The document that was saved, without the notes that [`with_notes`] put into it and
/// with plain line breaks. Lines are counted in this one.
pub fn without_notes(saved: &str, notes: &[String]) -> String {
    let saved = saved.strip_prefix('\u{feff}').unwrap_or(saved);
    let mut document = String::new();
    for line in saved.lines() {
        if !notes.iter().any(|note| note == line) {
            document.push_str(line);
            document.push('\n');
        }
    }
    document
}

/// Reads a saved document back, [`without_notes`]. `entries` are those that
/// [`to_document`] was given.
///
/// # Errors
///
/// What is wrong: of each draft the first mistake, of the marker lines the first.
pub fn from_document(document: &str, entries: &[Entry<'_>]) -> Result<Saved, Vec<EditMistake>> {
    if document.lines().all(is_comment) {
        return Ok(Saved::Emptied);
    }
    let mark = mark(entries);
    if let Some(stray) = stray(document, &mark) {
        return Err(vec![stray]);
    }
    let mut reader = Reader {
        sections: sections(document, &mark).peekable(),
        end: document.lines().count() + 1,
        mark: &mark,
    };
    let mut words = Vec::new();
    let mut mistakes = Vec::new();
    for entry in entries {
        match reader.entry(entry) {
            Ok(Ok(word)) => words.push(word),
            Ok(Err(mistake)) => mistakes.push(mistake),
            Err(damaged) => return Err(vec![damaged]),
        }
    }
    if let Some(section) = reader.sections.next() {
        let what = "this marker line is not expected here";
        let remedy = "put the marker lines back as they were, or remove a whole draft";
        return Err(vec![mistake(section.line, what, remedy)]);
    }
    match mistakes.is_empty() {
        true => Ok(Saved::Words(words)),
        false => Err(mistakes),
    }
}

/// Outside of the texts.
fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// A line before the first draft, or a note that somebody changed.
fn stray(document: &str, mark: &str) -> Option<EditMistake> {
    let (marker, note) = (format!("{mark} "), note(mark, ""));
    let mut is_head = true;
    for (index, line) in document.lines().enumerate() {
        is_head &= !line.starts_with(&marker);
        if is_head && !is_comment(line) {
            let what = "this stands before the first draft";
            let remedy = "remove it, or write it in place of a draft's own line";
            return Some(mistake(index + 1, what, remedy));
        }
        if line.starts_with(note.trim_end()) {
            let what = "this was a note about a mistake";
            return Some(mistake(index + 1, what, "remove it"));
        }
    }
    None
}

/// A line that tells of a mistake. No text begins a line so.
fn note(mark: &str, words: &str) -> String {
    format!("{mark}! {}", terminal(words))
}

/// The document with a note above each line that is wrong, and the notes.
pub fn with_notes(
    document: &str,
    entries: &[Entry<'_>],
    mistakes: &[EditMistake],
) -> (String, Vec<String>) {
    let mark = mark(entries);
    let first = match mistakes.len() {
        1 => "Nothing was done: there is a mistake. It is told below".to_owned(),
        more => format!("Nothing was done: there are {more} mistakes. They are told below"),
    };
    let first = format!("{first}, in lines like this one. Mend it, save and close again.");
    let mut notes = vec![note(&mark, &first)];
    let mut marked = format!("{}\n", note(&mark, &first));
    let lines = document.lines().chain(std::iter::once(""));
    for (index, line) in lines.enumerate() {
        for it in mistakes.iter().filter(|it| it.line == index + 1) {
            let words = note(&mark, &format!("{}; {}", it.what, it.remedy));
            marked.push_str(&format!("{words}\n"));
            notes.push(words);
        }
        marked.push_str(&format!("{line}\n"));
    }
    (marked, notes)
}

/// Walks through the marker lines.
struct Reader<'a, I: Iterator<Item = Section<'a>>> {
    sections: Peekable<I>,
    /// The line behind the last one.
    end: usize,
    mark: &'a str,
}

impl<'a, I: Iterator<Item = Section<'a>>> Reader<'a, I> {
    /// What is said of the next entry. The outer error is a damaged marker line,
    /// behind which nothing can be read.
    fn entry(&mut self, entry: &Entry<'_>) -> Result<Result<Word, EditMistake>, EditMistake> {
        let marker = draft_marker(self.mark, entry);
        let is_it = |section: &Section<'_>| section.marker.trim_end() == marker;
        let Some(zone) = self.sections.next_if(is_it) else {
            return Ok(Ok(Word::default()));
        };
        let mut texts = Vec::new();
        for (part, text) in parts(entry.draft) {
            let section = self.expect(&text_marker(self.mark, entry, part))?;
            let behind = self.expect(&format!("{} end", self.mark))?;
            texts.push(Text {
                part,
                text,
                section,
                behind,
            });
        }
        Ok(word(entry, &zone, &texts))
    }

    fn expect(&mut self, marker: &str) -> Result<Section<'a>, EditMistake> {
        match self.sections.next() {
            None => Err(missing(self.end, marker)),
            Some(section) if section.marker.trim_end() == marker => Ok(section),
            Some(other) => Err(missing(other.line, marker)),
        }
    }
}

/// A text of a draft as it was saved.
struct Text<'a> {
    part: Part,
    /// As it was.
    text: &'a str,
    section: Section<'a>,
    /// What stands behind its end.
    behind: Section<'a>,
}

fn word(entry: &Entry<'_>, zone: &Section<'_>, texts: &[Text<'_>]) -> Result<Word, EditMistake> {
    let (line, decision) = decision(zone)?;
    let mut edited = entry.draft.clone();
    for text in texts {
        let between = text.behind.lines.iter().position(|line| !is_comment(line));
        if let Some(index) = between {
            let what = "this stands between the texts";
            let remedy = "move it above the line before it, or remove it";
            return Err(mistake(text.behind.line + 1 + index, what, remedy));
        }
        if is_changed(text) {
            apply(text.part, &text.section, &mut edited)?;
        }
    }
    let edited = Some(edited).filter(|edited| edited != entry.draft);
    let edited = edited.map(|mut edited| {
        warn_of_lost_links(entry.draft, &mut edited);
        edited
    });
    if let Some(decision) = &decision {
        fits(entry, decision, edited.as_ref())
            .map_err(|(what, remedy)| mistake(line, what, remedy))?;
    }
    Ok(Word { decision, edited })
}

/// The one line that decides, and where it is.
fn decision(zone: &Section<'_>) -> Result<(usize, Option<Decision>), EditMistake> {
    let numbered = zone.lines.iter().enumerate();
    let mut lines = numbered
        .map(|(index, line)| (zone.line + 1 + index, line.trim()))
        .filter(|(_, line)| !is_comment(line));
    let Some((number, line)) = lines.next() else {
        let what = "the line is gone in which this draft is decided on";
        return Err(mistake(zone.line, what, "write below it: leave"));
    };
    if let Some((second, _)) = lines.next() {
        let what = "a draft is decided on in one line, and this is another one";
        return Err(mistake(second, what, "remove one of them"));
    }
    if line.eq_ignore_ascii_case(LEAVE) {
        return Ok((number, None));
    }
    match Decision::parse(line) {
        // Whoever changes the texts may say so.
        Ok(Decision::Edit) => Ok((number, None)),
        Ok(decision) => Ok((number, Some(decision))),
        Err(why) => {
            let remedy = "mend it, or write: leave";
            Err(mistake(number, why.0, remedy))
        }
    }
}

/// Whether the decision can be taken on this draft.
fn fits(
    entry: &Entry<'_>,
    decision: &Decision,
    edited: Option<&Draft>,
) -> Result<(), (String, &'static str)> {
    let refuse = |what: &str, remedy| Err((what.to_owned(), remedy));
    match decision {
        Decision::Approve if entry.draft.is_undecided() => refuse(
            "the report has to be chosen first",
            "write: link N (or link new); approve what is then drafted",
        ),
        Decision::Release => refuse("it is not held", "write: leave"),
        Decision::Link { .. } if edited.is_some() => refuse(
            "linking writes the texts anew: what you changed would be lost",
            "link it now and change the new texts, or undo your changes",
        ),
        Decision::Link {
            failure: Some(index),
            ..
        } if *index >= entry.failures => Err((
            format!("there is no failure {} here", index + 1),
            "see the numbers above this line",
        )),
        _ => Ok(()),
    }
}

/// Blank lines at the end say nothing.
fn is_changed(text: &Text<'_>) -> bool {
    fn content<'a>(lines: impl DoubleEndedIterator<Item = &'a str>) -> Vec<&'a str> {
        let mut lines: Vec<&str> = lines.rev().skip_while(|line| line.is_empty()).collect();
        lines.reverse();
        lines
    }
    let before = shown(text.text);
    content(before.lines()) != content(text.section.lines.iter().copied())
}

fn mistake(line: usize, what: impl Into<String>, remedy: impl Into<String>) -> EditMistake {
    EditMistake {
        line,
        what: what.into(),
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests;
