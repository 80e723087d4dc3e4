//! The answer to the list: whom it answers and what it may say.

use crate::domain::draft::fields::{self, EntryFields, ReplyFields};
use crate::domain::draft::grouping::{Aim, Group};
use crate::domain::draft::headline::headline;
use crate::domain::draft::plan::{Material, Settings};
use crate::domain::draft::tokens::{APPROVER_TOKEN, issue_token, without_tokens};
use crate::domain::mail::Mail;
use crate::domain::notification::Build;
use crate::domain::untrusted::{header_text, plain_line};

/// More actions than this are counted, not listed.
const LISTED_ENTRIES: usize = 6;
/// With more actions than this, the failures' lines are left out.
const ENTRIES_WITH_LINES: usize = 2;
/// With more actions than this, each takes one line.
const FULL_ENTRIES: usize = 3;
/// Ids kept for References besides the answered mail's own.
const REFERENCES: usize = 20;
/// The longest subject, in characters; the folded header stays under 998 octets.
const SUBJECT_CHARS: usize = 200;

/// A notification of the same incident as another one, which is settled along
/// with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companion {
    /// Its number.
    pub notification: i64,
    /// The mail that is answered; absent where nobody mailed.
    pub mail: Option<Mail>,
    /// How many builds of the material are its; they follow those before it.
    pub builds: usize,
}

/// The reply before its wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyPlan {
    /// `Re: ` and the original subject.
    pub subject: String,
    /// The mail's Message-ID.
    pub in_reply_to: Option<String>,
    /// Oldest first.
    pub references: Vec<String>,
    /// For the template.
    pub fields: ReplyFields,
}

/// The answer to a companion before its wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlongPlan {
    /// The companion's number.
    pub notification: i64,
    /// Absent when another reply of the plan speaks for it, or nobody mailed.
    pub reply: Option<ReplyPlan>,
}

/// What the replies to a notification and its companions would be.
///
/// Many of one incident get one reply, which speaks for all of them. Few get one
/// each, about their own builds; one that would say the same as another says
/// nothing new to the list, and is left out (I9).
pub(crate) fn plan(
    material: &Material<'_>,
    groups: &[Group<'_>],
    settings: &Settings,
) -> (Option<ReplyPlan>, Vec<AlongPlan>) {
    let companions = material.companions;
    let from = usize::try_from(settings.one_reply_from).unwrap_or(usize::MAX);
    let numbered: Vec<(usize, Group<'_>)> = groups.iter().cloned().enumerate().collect();
    if from > 0 && companions.len() >= from.saturating_sub(1) {
        // Where there is no mail to the first, the next one's answer speaks for all.
        let for_all = |mail: &Mail| one(mail, &numbered, settings);
        let own = material.mail.map(for_all);
        let mut has_spoken = own.is_some();
        let along = companions.iter().map(|companion| {
            let mail = companion.mail.as_ref().filter(|_| !has_spoken);
            has_spoken |= mail.is_some();
            AlongPlan {
                notification: companion.notification,
                reply: mail.map(for_all),
            }
        });
        let along = along.collect();
        return (own, along);
    }
    let others: usize = companions.iter().map(|companion| companion.builds).sum();
    let builds = &material.notification.builds;
    let (own, mut rest) = builds.split_at(builds.len().saturating_sub(others));
    let own = within(&numbered, own);
    let own = material.mail.map(|mail| one(mail, &own, settings));
    let mut along: Vec<AlongPlan> = Vec::new();
    for companion in companions {
        let (its, after) = rest.split_at(companion.builds.min(rest.len()));
        rest = after;
        let its = within(&numbered, its);
        let reply = companion
            .mail
            .as_ref()
            .map(|mail| one(mail, &its, settings));
        let is_new = |reply: &ReplyPlan| {
            let mut said = along.iter().filter_map(|it| it.reply.as_ref()).chain(&own);
            !reply.fields.entries.is_empty() && said.all(|it| it.fields != reply.fields)
        };
        let reply = reply.filter(is_new);
        along.push(AlongPlan {
            notification: companion.notification,
            reply,
        });
    }
    (own, along)
}

/// What of the groups happened in these builds, each with the number of its action.
fn within<'a>(groups: &[(usize, Group<'a>)], builds: &[Build]) -> Vec<(usize, Group<'a>)> {
    let part = |(index, group): &(usize, Group<'a>)| Some((*index, group.within(builds)?));
    groups.iter().filter_map(part).collect()
}

/// One reply. A mail without a valid id of its own (Buildbot writes none; servers
/// and lists add one) is answered by its subject alone: many readers thread by
/// that too.
fn one(mail: &Mail, groups: &[(usize, Group<'_>)], settings: &Settings) -> ReplyPlan {
    ReplyPlan {
        subject: reply_subject(&mail.subject, &settings.list_address),
        in_reply_to: mail.message_id.clone(),
        references: references(mail),
        fields: fields(groups),
    }
}

/// `Re: ` and the original subject once.
///
/// The list's own prefix is taken off, also between several `Re:`: Mailman puts
/// it before the whole subject again. Only the bracket with the list's name is
/// taken for the prefix; any other belongs to the subject.
pub fn reply_subject(original: &str, list_address: &str) -> String {
    let name = list_address.split('@').next().unwrap_or_default();
    let mut rest = original.trim();
    loop {
        let shorter = without_start(rest, "re:").or_else(|| {
            let (bracket, after) = rest.strip_prefix('[')?.split_once(']')?;
            bracket.trim().eq_ignore_ascii_case(name).then_some(after)
        });
        match shorter {
            Some(shorter) => rest = shorter.trim_start(),
            None => break,
        }
    }
    format!("Re: {}", header_text(rest, SUBJECT_CHARS))
}

fn without_start<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then_some(tail)
}

/// RFC 5322, section 3.6.4: the parent's References, or its one In-Reply-To,
/// and the parent's own id. The oldest and the newest are the ones that matter.
fn references(mail: &Mail) -> Vec<String> {
    let mut ids = match (mail.references.as_slice(), mail.in_reply_to.as_slice()) {
        ([], [only]) => vec![only.clone()],
        (references, _) => references.to_vec(),
    };
    if ids.len() > REFERENCES {
        ids.drain(1..ids.len() - (REFERENCES - 1));
    }
    ids.retain(|id| Some(id) != mail.message_id.as_ref());
    ids.extend(mail.message_id.clone());
    ids
}

fn fields(groups: &[(usize, Group<'_>)]) -> ReplyFields {
    let with_lines = groups.len() <= ENTRIES_WITH_LINES;
    let entries = groups.iter().take(LISTED_ENTRIES);
    let more = groups.len().saturating_sub(LISTED_ENTRIES);
    ReplyFields {
        entries: entries
            .map(|(index, group)| entry(*index, group, with_lines))
            .collect(),
        brief: groups.len() > FULL_ENTRIES,
        more: (more > 0).then_some(more),
        approver: APPROVER_TOKEN.to_owned(),
        rule: String::new(),
    }
}

fn entry(index: usize, group: &Group<'_>, with_line: bool) -> EntryFields {
    let what = format!("{} on {}", headline(group).past, fields::place(group));
    let line = fields::lines(group, 1).into_iter().next();
    EntryFields {
        what: without_tokens(&plain_line(&what, 150)),
        link: match &group.aim {
            Aim::Known(issue) | Aim::Reopen(issue) => without_tokens(&plain_line(&issue.url, 300)),
            Aim::Open(_) => issue_token(index),
            Aim::Choose(_) => "(its issue is still to be chosen)".to_owned(),
        },
        line: line
            .filter(|_| with_line)
            .map_or_else(String::new, |line| without_tokens(&plain_line(&line, 150))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_answered_once_and_without_the_prefix() {
        let check = |original: &str, expect: &str| {
            assert_eq!(
                reply_subject(original, "buildbot-status@python.org"),
                expect
            );
        };
        check("☠ Buildbot (Python): x", "Re: ☠ Buildbot (Python): x");
        check("[Buildbot-status] ☠ x", "Re: ☠ x");
        check("[buildbot-status] Re: RE:  re: x", "Re: x");
        check("Re: [Buildbot-status] Re: x", "Re: x");
        check("[3.x] broken", "Re: [3.x] broken");
        check(
            "[python/cpython] Run failed",
            "Re: [python/cpython] Run failed",
        );
        check("", "Re: ");
        check("a\r\nBcc: x@y", "Re: a Bcc: x@y");
        check("[Buildbot-status", "Re: [Buildbot-status");
        check("é", "Re: é");
    }

    #[test]
    fn references_follow_the_rule() {
        let mail = |references: &[&str], in_reply_to: &[&str]| Mail {
            message_id: Some("own@x".into()),
            references: references.iter().map(ToString::to_string).collect(),
            in_reply_to: in_reply_to.iter().map(ToString::to_string).collect(),
            ..Mail::default()
        };
        assert_eq!(references(&mail(&[], &[])), ["own@x"]);
        assert_eq!(
            references(&mail(&["a@x", "b@x"], &["b@x"])),
            ["a@x", "b@x", "own@x"]
        );
        assert_eq!(references(&mail(&[], &["a@x"])), ["a@x", "own@x"]);
        assert_eq!(references(&mail(&[], &["a@x", "b@x"])), ["own@x"]);
        let many: Vec<String> = (0..50).map(|n| format!("{n}@x")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let kept = references(&mail(&many, &[]));
        assert_eq!(kept.len(), REFERENCES + 1);
        assert_eq!(kept.first().map(String::as_str), Some("0@x"));
        assert_eq!(kept.last().map(String::as_str), Some("own@x"));
    }
}
