//! What kind of mail this is: the rules of who may be answered.
//!
//! The order is that of the contract for automatic mail (RFC 3834, RFC 5230);
//! the first rule that speaks decides. STOP, caps and "already answered" are
//! not here: they need the store.

use crate::domain::approvers::is_subaddress;
use crate::domain::delivery::is_letter_id;
use crate::domain::mail::Mail;
use crate::domain::subscribing::is_about_itself;

/// Which list we serve, and who is who on it. Addresses are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRules {
    /// The list's id in lower case: `buildbot-status.python.org`.
    pub list_id: String,
    /// The list's address: some lists put it into From in place of the author's.
    pub list_address: String,
    /// The addresses the CI systems write from.
    pub notifiers: Vec<String>,
    /// Our own addresses.
    pub own_addresses: Vec<String>,
    /// The address that approvers answer to, if any decide by mail.
    pub answers_to: Option<String>,
}

/// What kind of mail this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailKind {
    /// From a configured notifier to the configured list: may be answered.
    Notification,
    /// It came to the address for answers of approvers, or answers a mail to one of
    /// them: never a notification, whatever else it is.
    Answer,
    /// Our own mail, back from the list.
    OwnEcho,
    /// A person wrote into a thread on the list.
    HumanReply,
    /// A person began a thread on the list.
    HumanMail,
    /// From another list, or from none.
    OtherList(String),
    /// Must not be answered, for this reason: a sentence without a full stop.
    Refused(String),
}

/// More Received headers than this mean that a mail goes round in circles.
const MAX_RECEIVED: usize = 25;

/// What is said of the mails by which a list is run.
const ABOUT_THE_LIST: &str = "it is about the list itself";

/// Says what kind of mail this is. The caller has looked before whether the
/// Message-ID or the keyed loop header proves the mail to be this program's own.
pub fn classify(mail: &Mail, rules: &ListRules) -> MailKind {
    if is_answer(mail, rules) {
        return MailKind::Answer;
    }
    if is_own(mail, rules) {
        return MailKind::OwnEcho;
    }
    // Whoever is configured as a notifier: the list itself reports no build.
    if is_about_itself(mail, &rules.list_address) {
        return refused(ABOUT_THE_LIST);
    }
    let is_notifier = is_from(mail, &rules.notifiers);
    if let Some(why) = automatic(mail, is_notifier) {
        return MailKind::Refused(why);
    }
    if let Some(why) = other_list(mail, rules) {
        return MailKind::OtherList(why);
    }
    if let Some(why) = robot(mail) {
        return MailKind::Refused(why);
    }
    if !is_notifier {
        return not_from_the_notifier(mail);
    }
    if mail.has_thread_headers {
        return refused("it belongs to a thread (In-Reply-To or References)");
    }
    if is_reply_subject(&mail.subject) {
        return refused("its subject begins like a reply's");
    }
    if let Some(why) = administrivia(mail) {
        return MailKind::Refused(why);
    }
    if mail.received_count > MAX_RECEIVED {
        return refused("it has passed through too many servers");
    }
    MailKind::Notification
}

/// Somebody who answers the mail itself, past its Reply-To, answers all the same.
fn is_answer(mail: &Mail, rules: &ListRules) -> bool {
    let Some(answers_to) = &rules.answers_to else {
        return false;
    };
    let mut recipients = mail.recipients.iter();
    let mut answered = mail.in_reply_to.iter();
    recipients.any(|address| is_subaddress(answers_to, address))
        || answered.any(|id| is_letter_id(id))
}

fn refused(why: &str) -> MailKind {
    MailKind::Refused(why.to_owned())
}

fn is_from(mail: &Mail, addresses: &[String]) -> bool {
    mail.from.iter().any(|from| addresses.contains(from))
}

/// A list that hides authors puts its own address into From and theirs into
/// Reply-To (Mailman's `dmarc_mitigate_action`).
fn is_own(mail: &Mail, rules: &ListRules) -> bool {
    let is_hidden = mail.from.contains(&rules.list_address);
    let is_behind_it = mail
        .reply_to
        .iter()
        .any(|address| rules.own_addresses.contains(address));
    is_from(mail, &rules.own_addresses) || (is_hidden && is_behind_it)
}

/// Mail that machines write, by its headers.
fn automatic(mail: &Mail, is_notifier: bool) -> Option<String> {
    if mail.loop_header.is_some() {
        return Some("a program of this kind wrote it (loop header)".to_owned());
    }
    if mail.return_path.as_deref() == Some("") {
        return Some("its sender is the null sender: a bounce".to_owned());
    }
    if mail.content_type.eq_ignore_ascii_case("multipart/report") {
        return Some("it is a report (multipart/report)".to_owned());
    }
    let auto_submitted = mail.auto_submitted.as_deref().unwrap_or("no");
    if !auto_submitted.eq_ignore_ascii_case("no") && !is_notifier {
        return Some("it was written by a machine (Auto-Submitted)".to_owned());
    }
    if mail.auto_response_suppress.is_some() {
        return Some("it asks not to be answered (X-Auto-Response-Suppress)".to_owned());
    }
    let precedence = mail.precedence.as_deref().unwrap_or_default().trim();
    if precedence.eq_ignore_ascii_case("junk") || precedence.eq_ignore_ascii_case("bulk") {
        return Some("it is bulk mail (Precedence)".to_owned());
    }
    None
}

fn other_list(mail: &Mail, rules: &ListRules) -> Option<String> {
    match mail.list_ids.as_slice() {
        [] => Some("it comes from no list (no List-Id)".to_owned()),
        [id] if id.eq_ignore_ascii_case(&rules.list_id) => None,
        [_] => Some("it comes from another list".to_owned()),
        _ => Some("it has more than one List-Id".to_owned()),
    }
}

/// Senders that are programs by convention (RFC 5230, section 4.6).
fn robot(mail: &Mail) -> Option<String> {
    if mail.from.is_empty() {
        return Some("it names no author".to_owned());
    }
    let is_robot = |address: &String| {
        let local = address.split('@').next().unwrap_or_default();
        local == "mailer-daemon"
            || local.starts_with("owner-")
            || local.ends_with("-request")
            || local.ends_with("-bounces")
    };
    let robot = mail.from.iter().any(is_robot);
    robot.then(|| "its author is a mail program".to_owned())
}

/// A person, or a program that was not configured; neither gets an answer.
fn not_from_the_notifier(mail: &Mail) -> MailKind {
    if let Some(why) = administrivia(mail) {
        return MailKind::Refused(why);
    }
    if mail.has_thread_headers || is_reply_subject(&mail.subject) {
        return MailKind::HumanReply;
    }
    MailKind::HumanMail
}

/// What list managers write about a list.
fn administrivia(mail: &Mail) -> Option<String> {
    let subject = without_list_prefix(&mail.subject).to_lowercase();
    let is_digest = mail.content_type.eq_ignore_ascii_case("multipart/digest")
        || subject.contains(" digest, vol ");
    if is_digest {
        return Some("it is a digest".to_owned());
    }
    let begins = [
        "confirm ",
        "welcome to the ",
        "subscribe",
        "unsubscribe",
        "help",
    ]
    .iter()
    .any(|word| match subject.strip_prefix(word) {
        Some(rest) => word.ends_with(' ') || rest.trim().is_empty(),
        None => false,
    });
    let has_words = [
        "moderator request",
        "moderator approval",
        "requires approval",
        "subscription notification",
        "unsubscription notification",
        "mailing list memberships reminder",
    ]
    .iter()
    .any(|words| subject.contains(words));
    (begins || has_words).then(|| ABOUT_THE_LIST.to_owned())
}

/// Whether a subject begins with `Re:`, `Fwd:` or what other languages have for
/// them, with or without a count (`Re[2]:`), also behind the list's prefix.
pub fn is_reply_subject(subject: &str) -> bool {
    const MARKS: [&str; 41] = [
        "re",
        "fw",
        "fwd",
        "aw",
        "wg",
        "sv",
        "vs",
        "vb",
        "antw",
        "doorst",
        "res",
        "enc",
        "rv",
        "tr",
        "ref",
        "rif",
        "i",
        "r",
        "odp",
        "pd",
        "vl",
        "vá",
        "továbbítás",
        "ynt",
        "ilt",
        "atb",
        "yml",
        "απ",
        "πρθ",
        "σχετ",
        "на",
        "отв",
        "ha",
        "hth",
        "bls",
        "trs",
        "回复",
        "回覆",
        "答复",
        "转发",
        "轉寄",
    ];
    let subject = without_list_prefix(subject);
    let Some((mark, _)) = subject.split_once([':', '：']) else {
        return false;
    };
    let mark = mark.trim_end();
    let mark = mark.split_once(['[', '(']).map_or(mark, |(word, count)| {
        let digits = count.trim_end_matches([']', ')']);
        let is_count = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if is_count { word } else { mark }
    });
    MARKS.contains(&mark.to_lowercase().as_str())
}

/// The subject without `[Buildbot-status] ` and the like.
fn without_list_prefix(subject: &str) -> &str {
    let mut rest = subject.trim_start();
    while let Some((_, behind)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        rest = behind.trim_start();
    }
    rest
}

#[cfg(test)]
mod tests;
