//! What would leave, piece by piece: where it goes and its exact text.

use serde::Serialize;

use super::Office;
use crate::domain::draft::{Action, Draft, NewIssue, Reply};
use crate::domain::issue::IssueRef;

/// One thing that leaves.
#[derive(Debug, Serialize)]
pub(crate) struct Leaf {
    pub(crate) title: String,
    pub(crate) url: Option<String>,
    pub(crate) fields: Vec<(&'static str, String)>,
    text: Option<String>,
}

/// Everything of a draft, in the order in which it leaves.
pub(crate) fn leaves(draft: &Draft, office: &Office) -> Vec<Leaf> {
    let actions = draft.actions.iter().enumerate();
    let mut leaves: Vec<Leaf> = actions
        .map(|(index, action)| of_action(index + 1, action))
        .collect();
    if let Some(reply) = &draft.reply {
        leaves.push(mail("Then reply to the list".to_owned(), reply, office));
    }
    for one in &draft.along {
        if let Some(reply) = &one.reply {
            let title = format!("And reply to {}", one.notification);
            leaves.push(mail(title, reply, office));
        }
    }
    leaves
}

fn of_action(number: usize, action: &Action) -> Leaf {
    match action {
        Action::Open(issue) => open(number, issue),
        Action::Comment { issue, body } => on(
            issue,
            format!("{number}. Comment on #{}: {}", issue.number, issue.title),
            Some(body.clone()),
        ),
        Action::Reopen { issue, body } => on(issue, reopening(number, issue), Some(body.clone())),
        Action::Count { issue, table } => {
            let how = match table {
                Some(_) => "the table below the last one is brought up to date",
                None => "the next one tells how often it happened",
            };
            let title = format!(
                "{number}. No comment on #{}: {}. There was one within a day; {how}",
                issue.number, issue.title
            );
            on(issue, title, table.clone())
        }
        Action::Choose { about, candidates } => Leaf {
            title: format!("{number}. A person has to choose the report for: {about}"),
            url: None,
            fields: Vec::new(),
            text: Some(
                candidates
                    .iter()
                    .map(|issue| format!("#{} {}\n", issue.number, issue.title))
                    .collect(),
            ),
        },
    }
}

/// That a report is opened again, with a comment.
pub(crate) fn reopening(number: usize, issue: &IssueRef) -> String {
    format!(
        "{number}. Open #{} again, which was closed as fixed, and comment on it: {}",
        issue.number, issue.title
    )
}

fn on(issue: &IssueRef, title: String, text: Option<String>) -> Leaf {
    Leaf {
        title,
        url: Some(issue.url.clone()),
        fields: Vec::new(),
        text,
    }
}

fn open(number: usize, issue: &NewIssue) -> Leaf {
    let mut fields = vec![("Title", issue.title.clone())];
    for (name, list) in [
        ("Versions", &issue.versions),
        ("Components", &issue.components),
    ] {
        if !list.is_empty() {
            fields.push((name, list.join(", ")));
        }
    }
    Leaf {
        title: format!("{number}. Open a new report"),
        url: None,
        fields,
        text: Some(issue.body.clone()),
    }
}

fn mail(title: String, reply: &Reply, office: &Office) -> Leaf {
    let bracketed = |id: &String| format!("<{id}>");
    let in_reply_to = reply.in_reply_to.as_ref().map_or_else(
        || "(none: the mail has no valid Message-ID)".to_owned(),
        bracketed,
    );
    let mut fields = vec![
        ("From", office.sender.clone()),
        ("To", office.list.clone()),
        ("Subject", reply.subject.clone()),
        ("In-Reply-To", in_reply_to),
    ];
    if reply.references.len() > 1 {
        let all: Vec<String> = reply.references.iter().map(bracketed).collect();
        fields.push(("References", all.join(" ")));
    }
    if reply.body.contains("<<") {
        let words = "what stands in << >> is filled in when the mail is sent";
        fields.push(("Note", words.to_owned()));
    }
    Leaf {
        title,
        url: None,
        fields,
        text: Some(reply.body.clone()),
    }
}
