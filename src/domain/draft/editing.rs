//! A draft as one text document that a person changes in an editor.
//!
//! Each part has a marker line, which says what the part is. What is not text
//! (recipients, ids, issue numbers, versions) is shown in the markers or not at
//! all, and is taken from the draft, never from the document.

use crate::domain::draft::tokens::{APPROVER_TOKEN, check_tokens, issue_token};
use crate::domain::draft::{Action, BODY_CHARS, Draft, TITLE_CHARS};
use crate::domain::untrusted::plain_line;

/// What is wrong with an edited document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}; {remedy}")]
pub struct EditMistake {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// The longest reply a person may write, in lines.
const REPLY_LINES: usize = 20;
/// The longest reply a person may write, in characters.
const REPLY_CHARS: usize = 2000;

const HELP: &str = "\
Change the texts below the marker lines; leave the marker lines as they are.
Everything above the first marker line is ignored.
<<new issue N>> and <<approver>> are filled in when the mail is sent.
";

/// One part of a document that may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Title(usize),
    Body(usize),
    Comment(usize),
    Reply,
    /// In answer to a notification that is settled along.
    Along(usize),
}

/// The text a person edits.
pub fn to_editable(draft: &Draft) -> String {
    let mark = mark(draft);
    let mut document = HELP.to_owned();
    for (index, action) in draft.actions.iter().enumerate() {
        if let Action::Choose { about, .. } = action {
            let about = plain_line(about, 150);
            document.push_str(&format!(
                "\nAction {} is still to be chosen with `link`: {about}\n",
                index + 1
            ));
        }
    }
    for (part, text) in parts(draft) {
        document.push_str(&format!("\n{mark} {}\n{text}", label(part, draft)));
        if !text.ends_with('\n') {
            document.push('\n');
        }
    }
    document
}

/// Reads an edited document back. `draft` is what [`to_editable`] was given.
///
/// # Errors
///
/// The first thing that is wrong, with its line.
pub fn from_editable(document: &str, draft: &Draft) -> Result<Draft, EditMistake> {
    let mark = mark(draft);
    let wanted: Vec<(Part, String)> = parts(draft)
        .into_iter()
        .map(|(part, _)| (part, format!("{mark} {}", label(part, draft))))
        .collect();
    let mut edited = draft.clone();
    let mut sections = sections(document, &mark);
    for (part, marker) in &wanted {
        let Some(section) = sections.next() else {
            return Err(missing(document.lines().count(), marker));
        };
        if section.marker.trim_end() != marker {
            return Err(missing(section.line, marker));
        }
        apply(*part, &section, &mut edited)?;
    }
    match sections.next() {
        None => {
            warn_of_lost_links(draft, &mut edited);
            Ok(edited)
        }
        Some(section) => Err(EditMistake {
            line: section.line,
            what: "there is a marker line too many".to_owned(),
            remedy: "remove it".to_owned(),
        }),
    }
}

/// Reads texts that a person wrote without the rest of the document: each below its
/// marker line, or one without any where the draft has only one. What is not there
/// stays as it is.
///
/// # Errors
///
/// The first thing that is wrong; the line is that of the whole document.
pub fn from_partial(text: &str, draft: &Draft) -> Result<Draft, EditMistake> {
    let mark = mark(draft);
    let mut given: Vec<Section<'_>> = sections(text, &mark).collect();
    let parts = parts(draft);
    let first = text.lines().find(|line| !line.trim().is_empty());
    let Some(first) = first else {
        let remedy = "write it below the verb";
        return Err(wrong(1, "there is no new text".to_owned(), remedy));
    };
    let begins = given.first().map(|section| section.marker);
    if begins != Some(first) && !(given.is_empty() && parts.len() == 1) {
        let labels = parts.iter().map(|(part, _)| label(*part, draft));
        let labels: Vec<String> = labels.map(|label| format!("\"{mark} {label}\"")).collect();
        let remedy = format!("write one of these lines above it: {}", labels.join(", "));
        return Err(wrong(
            1,
            "nobody knows which text is meant".to_owned(),
            &remedy,
        ));
    }
    let mut document = String::new();
    for (part, text_now) in &parts {
        let marker = format!("{mark} {}", label(*part, draft));
        let at = given.iter().position(|it| it.marker.trim_end() == marker);
        let new = match (at, parts.len()) {
            (Some(at), _) => given.remove(at).lines.join("\n"),
            (None, 1) if begins.is_none() => text.to_owned(),
            (None, _) => (*text_now).to_owned(),
        };
        document.push_str(&format!("{marker}\n{new}\n"));
    }
    match given.first() {
        None => from_editable(&document, draft),
        Some(extra) => Err(missing(extra.line, extra.marker)),
    }
}

/// Warns of issues that the reply named and names no more; takes the warning
/// back once it names them again.
pub(super) fn warn_of_lost_links(draft: &Draft, edited: &mut Draft) {
    let body = |draft: &Draft| {
        let reply = draft.reply.as_ref();
        reply.map_or_else(String::new, |reply| reply.body.clone())
    };
    let (before, after) = (body(draft), body(edited));
    for (index, action) in draft.actions.iter().enumerate() {
        let link = match action {
            Action::Open(_) => issue_token(index),
            Action::Comment { issue, .. }
            | Action::Reopen { issue, .. }
            | Action::Count { issue, .. } => issue.url.clone(),
            Action::Choose { .. } => continue,
        };
        let warning = format!(
            "the mail no longer names {} of action {}: nobody who reads it will find the issue",
            plain_line(&link, 150),
            index + 1
        );
        if names(&after, &link) {
            edited.warnings.retain(|known| *known != warning);
        } else if names(&before, &link) && !edited.warnings.contains(&warning) {
            edited.warnings.push(warning);
        }
    }
}

/// Whether the text holds the link, and not only a longer one that begins alike.
fn names(text: &str, link: &str) -> bool {
    text.match_indices(link).any(|(at, found)| {
        let after = text.get(at + found.len()..).unwrap_or_default();
        !after.starts_with(|char: char| char.is_alphanumeric())
    })
}

pub(super) fn missing(line: usize, marker: &str) -> EditMistake {
    EditMistake {
        line: line.max(1),
        what: format!("the marker line \"{marker}\" is expected here or before"),
        remedy: "put the marker lines back as they were, or edit anew".to_owned(),
    }
}

/// A part of the document: its marker and the lines below.
pub(super) struct Section<'a> {
    /// The marker's, from 1.
    pub(super) line: usize,
    pub(super) marker: &'a str,
    pub(super) lines: Vec<&'a str>,
}

pub(super) fn sections<'a>(document: &'a str, mark: &str) -> impl Iterator<Item = Section<'a>> {
    let mut sections: Vec<Section<'a>> = Vec::new();
    let start = format!("{mark} ");
    for (index, line) in document.lines().enumerate() {
        if line.starts_with(&start) {
            sections.push(Section {
                line: index + 1,
                marker: line,
                lines: Vec::new(),
            });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        }
    }
    sections.into_iter()
}

/// A run of `=` that begins no line of the draft's own texts.
fn mark(draft: &Draft) -> String {
    mark_besides(parts(draft).into_iter().map(|(_, text)| text), 5)
}

/// A run of at least so many `=` that begins no line of these texts.
pub(super) fn mark_besides<'a>(texts: impl Iterator<Item = &'a str>, least: usize) -> String {
    let longest = texts
        .flat_map(str::lines)
        .map(|line| line.chars().take_while(|char| *char == '=').count())
        .max()
        .unwrap_or(0);
    "=".repeat((longest + 1).max(least))
}

pub(super) fn parts(draft: &Draft) -> Vec<(Part, &str)> {
    let mut parts = Vec::new();
    for (index, action) in draft.actions.iter().enumerate() {
        match action {
            Action::Open(issue) => {
                parts.push((Part::Title(index), issue.title.as_str()));
                parts.push((Part::Body(index), issue.body.as_str()));
            }
            Action::Comment { body, .. } | Action::Reopen { body, .. } => {
                parts.push((Part::Comment(index), body.as_str()));
            }
            Action::Count { .. } | Action::Choose { .. } => {}
        }
    }
    if let Some(reply) = &draft.reply {
        parts.push((Part::Reply, reply.body.as_str()));
    }
    for (index, along) in draft.along.iter().enumerate() {
        if let Some(reply) = &along.reply {
            parts.push((Part::Along(index), reply.body.as_str()));
        }
    }
    parts
}

pub(super) fn label(part: Part, draft: &Draft) -> String {
    match part {
        Part::Title(index) => format!("action {}: title of the new issue", index + 1),
        Part::Body(index) => format!("action {}: text of the new issue", index + 1),
        Part::Comment(index) => match draft.actions.get(index) {
            Some(Action::Comment { issue, .. }) => {
                format!("action {}: comment on issue {}", index + 1, issue.number)
            }
            Some(Action::Reopen { issue, .. }) => {
                let number = issue.number;
                format!(
                    "action {}: comment on issue {number}, which is opened again",
                    index + 1
                )
            }
            _ => format!("action {}: comment", index + 1),
        },
        Part::Reply => "mail to the list".to_owned(),
        Part::Along(index) => match draft.along.get(index) {
            Some(along) => format!("mail to the list in answer to {}", along.notification),
            None => "mail to the list".to_owned(),
        },
    }
}

/// Takes the text of a section over into the draft.
pub(super) fn apply(
    part: Part,
    section: &Section<'_>,
    draft: &mut Draft,
) -> Result<(), EditMistake> {
    let first = section.line + 1;
    check_characters(section)?;
    let text = section.lines.join("\n");
    let text = text.trim_matches('\n').trim_end();
    if text.trim().is_empty() {
        let remedy = "write it, or leave the editor without saving and reject the draft";
        return Err(wrong(first, format!("{} is empty", part.words()), remedy));
    }
    let actions = draft.actions.clone();
    match part {
        Part::Title(index) => {
            let title = plain_line(text, TITLE_CHARS);
            if text.lines().count() > 1 || text.chars().count() >= TITLE_CHARS {
                let what = format!("a title is one line of fewer than {TITLE_CHARS} characters");
                return Err(wrong(first, what, "shorten it"));
            }
            if let Some(Action::Open(issue)) = draft.actions.get_mut(index) {
                issue.title = title;
            }
        }
        Part::Body(index) => {
            let body = bounded_body(first, text)?;
            if let Some(Action::Open(issue)) = draft.actions.get_mut(index) {
                issue.body = body;
            }
        }
        Part::Comment(index) => {
            let new = bounded_body(first, text)?;
            if let Some(Action::Comment { body, .. } | Action::Reopen { body, .. }) =
                draft.actions.get_mut(index)
            {
                *body = new;
            }
        }
        Part::Reply => {
            let body = reply(section, text, &actions)?;
            if let Some(reply) = &mut draft.reply {
                keep_approver(first, &reply.body, &body)?;
                reply.body = body;
            }
        }
        Part::Along(index) => {
            let body = reply(section, text, &actions)?;
            let along = draft.along.get_mut(index);
            if let Some(reply) = along.and_then(|it| it.reply.as_mut()) {
                keep_approver(first, &reply.body, &body)?;
                reply.body = body;
            }
        }
    }
    Ok(())
}

fn bounded_body(line: usize, text: &str) -> Result<String, EditMistake> {
    if text.chars().count() + 1 >= BODY_CHARS {
        let what = format!("a text has fewer than {BODY_CHARS} characters");
        return Err(wrong(line, what, "shorten it"));
    }
    Ok(format!("{text}\n"))
}

fn reply(section: &Section<'_>, text: &str, actions: &[Action]) -> Result<String, EditMistake> {
    if text.lines().count() > REPLY_LINES || text.chars().count() > REPLY_CHARS {
        let what = format!(
            "a mail to the list has at most {REPLY_LINES} lines and {REPLY_CHARS} characters"
        );
        return Err(wrong(section.line + 1, what, "shorten it"));
    }
    for (index, line) in section.lines.iter().enumerate() {
        check_tokens(line, actions).map_err(|mistake| {
            let remedy = "name a new issue of this draft, or remove the token";
            wrong(section.line + 1 + index, mistake.to_string(), remedy)
        })?;
    }
    Ok(format!("{text}\n"))
}

/// Who is named as having checked the mail is whoever approves it, no other.
fn keep_approver(line: usize, before: &str, after: &str) -> Result<(), EditMistake> {
    if !before.contains(APPROVER_TOKEN) || after.contains(APPROVER_TOKEN) {
        return Ok(());
    }
    let what = format!("{APPROVER_TOKEN} is gone from the mail");
    let remedy = "put it back: the name of whoever approves is filled in there";
    Err(wrong(line, what, remedy))
}

/// Nothing that a person cannot see may slip into a text by copy and paste.
fn check_characters(section: &Section<'_>) -> Result<(), EditMistake> {
    for (index, line) in section.lines.iter().enumerate() {
        if line.chars().any(|char| char.is_control() && char != '\t') {
            return Err(wrong(
                section.line + 1 + index,
                "there is a control character".to_owned(),
                "remove it",
            ));
        }
    }
    Ok(())
}

fn wrong(line: usize, what: String, remedy: &str) -> EditMistake {
    EditMistake {
        line,
        what,
        remedy: remedy.to_owned(),
    }
}

impl Part {
    fn words(self) -> &'static str {
        match self {
            Self::Title(_) => "the title",
            Self::Body(_) => "the text of the new issue",
            Self::Comment(_) => "the comment",
            Self::Reply | Self::Along(_) => "the mail",
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::domain::draft::{NewIssue, Reply};
    use crate::domain::issue::IssueRef;

    fn draft() -> Draft {
        let issue = IssueRef {
            number: 12,
            url: "https://bugs.example.org/issue12".into(),
            title: "old".into(),
        };
        Draft {
            actions: vec![
                Action::Open(NewIssue {
                    title: "test_os: test_popen() fails on X 3.x".into(),
                    body: "A text.\n\n```\n====== not a marker\n```\n".into(),
                    versions: vec!["Python 3.16".into()],
                    components: vec!["Tests".into()],
                }),
                Action::Choose {
                    about: "test_io failed".into(),
                    candidates: vec![issue.clone()],
                },
                Action::Comment {
                    issue,
                    body: "A comment.\n".into(),
                },
            ],
            reply: Some(Reply {
                subject: "Re: x".into(),
                body: "See <<new issue 1>>\n\n<<approver>>\n".into(),
                in_reply_to: None,
                references: Vec::new(),
            }),
            along: Vec::new(),
            incidents: Vec::new(),
            warnings: vec!["a warning".into()],
        }
    }

    #[test]
    fn the_document_is_plain_to_read() {
        expect![[r#"
            Change the texts below the marker lines; leave the marker lines as they are.
            Everything above the first marker line is ignored.
            <<new issue N>> and <<approver>> are filled in when the mail is sent.

            Action 2 is still to be chosen with `link`: test_io failed

            ======= action 1: title of the new issue
            test_os: test_popen() fails on X 3.x

            ======= action 1: text of the new issue
            A text.

            ```
            ====== not a marker
            ```

            ======= action 3: comment on issue 12
            A comment.

            ======= mail to the list
            See <<new issue 1>>

            <<approver>>
        "#]]
        .assert_eq(&to_editable(&draft()));
    }

    #[test]
    fn unchanged_is_unchanged_also_after_a_windows_editor() {
        let document = to_editable(&draft());
        assert_eq!(from_editable(&document, &draft()), Ok(draft()));
        let windows = document.replace('\n', "\r\n");
        assert_eq!(from_editable(&windows, &draft()), Ok(draft()));
        let trailing = format!("{document}\n\n\n");
        assert_eq!(from_editable(&trailing, &draft()), Ok(draft()));
    }

    #[test]
    fn texts_change_and_nothing_else() {
        let document = to_editable(&draft())
            .replace("test_popen() fails", "test_popen() sometimes fails")
            .replace("A text.", "Another text,\nof two lines.")
            .replace("A comment.", "Another comment.")
            .replace("See <<new issue 1>>", "Known: <<new issue 1>> <- here");
        let edited = from_editable(&document, &draft()).unwrap();
        let mut wanted = draft();
        if let Some(Action::Open(new)) = wanted.actions.get_mut(0) {
            new.title = "test_os: test_popen() sometimes fails on X 3.x".into();
            new.body = "Another text,\nof two lines.\n\n```\n====== not a marker\n```\n".into();
        }
        if let Some(Action::Comment { body, .. }) = wanted.actions.get_mut(2) {
            *body = "Another comment.\n".into();
        }
        if let Some(reply) = &mut wanted.reply {
            reply.body = "Known: <<new issue 1>> <- here\n\n<<approver>>\n".into();
        }
        assert_eq!(edited, wanted);
        assert_ne!(edited.digest(), draft().digest());
    }

    #[test]
    fn a_lost_link_is_a_warning_until_it_is_back() {
        let mut draft = draft();
        if let Some(reply) = &mut draft.reply {
            reply.body = "<<new issue 1>>\nhttps://bugs.example.org/issue12\n<<approver>>\n".into();
        }
        let edit = |draft: &Draft, from: &str, to: &str| {
            let document = to_editable(draft);
            assert!(document.contains(from), "{from:?}");
            from_editable(&document.replace(from, to), draft).unwrap()
        };
        let lost = edit(&draft, "<<new issue 1>>", "a new issue");
        let lost = edit(&lost, "/issue12\n", "/issue123\n");
        expect![[r#"
            [
                "a warning",
                "the mail no longer names <<new issue 1>> of action 1: nobody who reads it will find the issue",
                "the mail no longer names https://bugs.example.org/issue12 of action 3: nobody who reads it will find the issue",
            ]
        "#]]
        .assert_debug_eq(&lost.warnings);
        let again = edit(&lost, "A comment.", "Any comment.");
        assert_eq!(again.warnings, lost.warnings);
        let back = edit(&lost, "a new issue", "<<new issue 1>>");
        let back = edit(&back, "/issue123", "/issue12");
        assert_eq!(back, draft);
    }

    #[test]
    fn a_part_alone_is_enough() {
        let comment = "======= action 3: comment on issue 12\nAnother\ncomment.\n\n";
        let edited = from_partial(comment, &draft()).unwrap();
        let mut wanted = draft();
        if let Some(Action::Comment { body, .. }) = wanted.actions.get_mut(2) {
            *body = "Another\ncomment.\n".into();
        }
        assert_eq!(edited, wanted);
        let mut short = draft();
        short.actions.clear();
        if let Some(reply) = &mut short.reply {
            reply.body = "Known.\n<<approver>>\n".into();
        }
        let edited = from_partial("Well known.\n<<approver>>\n", &short).unwrap();
        let reply = edited.reply.map(|reply| reply.body);
        assert_eq!(reply.as_deref(), Some("Well known.\n<<approver>>\n"));
        let told = |text: &str| from_partial(text, &draft()).unwrap_err().to_string();
        assert!(
            told("Known.").contains("======= mail to the list"),
            "{}",
            told("Known.")
        );
        assert!(told("hello\n======= mail to the list\nx").contains("which text"));
        assert!(told("======= mail to nobody\nx").contains("mail to nobody"));
        assert!(told(" \n").contains("no new text"));
        let twice = format!("{comment}{comment}");
        assert!(told(&twice).contains("action 3"), "{}", told(&twice));
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let told = |from: &str, to: &str| {
            let document = to_editable(&draft());
            assert!(document.contains(from), "{from:?}");
            let result = from_editable(&document.replace(from, to), &draft());
            result.unwrap_err().to_string()
        };
        let long = "x".repeat(TITLE_CHARS);
        let many = "line\n".repeat(REPLY_LINES + 1);
        let big = "y\n".repeat(BODY_CHARS);
        let lines = [
            told("comment on issue 12", "comment on issue 13"),
            told("======= mail to the list", "mail to the list"),
            told("A comment.", ""),
            told("A comment.", "A comm\u{1b}[2Jent."),
            told("A comment.", "A comment.\n======= mail to the list"),
            told("A comment.", &big),
            told("test_os: test_popen() fails on X 3.x", &long),
            told("fails on X", "fails\non X"),
            told("<<new issue 1>>", "<<new issue 2>>"),
            told("<<new issue 1>>", "<<new issue 7>>"),
            told("<<approver>>", "<<aprover>>"),
            told("<<approver>>", "Guido"),
            told("See", &many),
        ];
        expect![[r#"
            line 17: the marker line "======= action 3: comment on issue 12" is expected here or before; put the marker lines back as they were, or edit anew
            line 23: the marker line "======= mail to the list" is expected here or before; put the marker lines back as they were, or edit anew
            line 18: the comment is empty; write it, or leave the editor without saving and reject the draft
            line 18: there is a control character; remove it
            line 20: the mail is empty; write it, or leave the editor without saving and reject the draft
            line 18: a text has fewer than 60000 characters; shorten it
            line 8: a title is one line of fewer than 200 characters; shorten it
            line 8: a title is one line of fewer than 200 characters; shorten it
            line 21: <<new issue 2>> names no opened issue; name a new issue of this draft, or remove the token
            line 21: <<new issue 7>> names no opened issue; name a new issue of this draft, or remove the token
            line 23: <<aprover>> is not a token; there are <<approver>> and <<new issue N>>; name a new issue of this draft, or remove the token
            line 21: <<approver>> is gone from the mail; put it back: the name of whoever approves is filled in there
            line 21: a mail to the list has at most 20 lines and 2000 characters; shorten it"#]].assert_eq(&lines.join("\n"));
        assert_eq!(from_editable("", &draft()).unwrap_err().line, 1);
    }
}
