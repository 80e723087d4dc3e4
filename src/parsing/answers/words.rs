//! What a person wrote in an answer themselves, and what it decides.

use crate::domain::decision::{Decision, Refusal};

/// A person's own words: everything above the first quote, signature or forwarded
/// mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnWords {
    /// The first line that is not empty.
    pub first: String,
    /// The lines below it.
    pub more: Vec<String>,
}

/// What a hold says when nobody gave a reason.
const NO_REASON: &str = "no reason given";

/// A person's own words at the top of a text. None if there are none: a quote, an
/// original or a signature comes first, or there is nothing at all.
pub fn own_words(text: &str) -> Option<OwnWords> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let end = (0..lines.len())
        .find(|at| ends_here(&lines, *at))
        .unwrap_or(lines.len());
    let mut own = lines
        .into_iter()
        .take(end)
        .skip_while(|line| line.is_empty());
    let first = own.next()?.trim().to_owned();
    let more = own.map(str::to_owned).collect();
    Some(OwnWords { first, more })
}

/// Whether the person's own words end before this line.
fn ends_here(lines: &[&str], at: usize) -> bool {
    let line = lines.get(at).copied().unwrap_or_default();
    let is_original = line.starts_with("-----Original")
        || line.starts_with("---------- Forwarded")
        || line.starts_with("----- Forwarded")
        || line.starts_with("-------- ")
        || line.starts_with("Begin forwarded message")
        || (line.len() >= 20 && line.bytes().all(|byte| byte == b'_'));
    line.starts_with('>')
        || line == "--"
        || is_original
        || is_reply_header(lines, at)
        || introduces_quote(lines, at)
}

/// `From: ...` with `Sent:`, `To:` or `Subject:` right below, as Outlook puts above
/// what it does not mark as quoted.
fn is_reply_header(lines: &[&str], at: usize) -> bool {
    let is_from = lines
        .get(at)
        .is_some_and(|line| line.trim_matches('*').starts_with("From:"));
    let below = lines.iter().skip(at + 1).take(3);
    let mut below = below.map(|line| line.trim_matches('*'));
    is_from
        && below.any(|line| {
            ["Sent:", "To:", "Subject:", "Date:"]
                .iter()
                .any(|it| line.starts_with(it))
        })
}

/// How the first of several lines begins that introduce a quote, in some languages.
const INTRODUCTIONS: [&str; 7] = ["On ", "Am ", "Le ", "El ", "Em ", "Il ", "W dniu "];

/// `On Sunday, Ada <ada@example.org> wrote:` before a quote, on up to three lines.
fn introduces_quote(lines: &[&str], at: usize) -> bool {
    let line = lines.get(at).copied().unwrap_or_default();
    let is_begun = INTRODUCTIONS.iter().any(|it| line.starts_with(it));
    if !is_begun && !line.ends_with(':') {
        return false;
    }
    let Some(end) = (at..at + 3).find(|end| lines.get(*end).is_some_and(|it| it.ends_with(':')))
    else {
        return false;
    };
    let is_one_piece = (at..=end).all(|it| lines.get(it).is_some_and(|line| !line.is_empty()));
    let mut below = lines
        .iter()
        .skip(end + 1)
        .skip_while(|line| line.is_empty());
    is_one_piece && below.next().is_some_and(|line| line.starts_with('>'))
}

/// The decision that the words begin with, in the one grammar. The reason of a
/// rejection or hold goes on to the next empty line. Where another line reads like a
/// decision, too, nobody knows which is meant.
///
/// # Errors
///
/// What cannot be understood, in a sentence for the person.
pub fn decision(own: &OwnWords) -> Result<Decision, Refusal> {
    let verb = own.first.split_whitespace().next().unwrap_or_default();
    let verb = verb.to_ascii_lowercase();
    let with_reason = ["reject", "hold"].contains(&verb.as_str());
    let paragraph = match with_reason {
        true => own.more.iter().take_while(|line| !line.is_empty()).count(),
        false => 0,
    };
    let mut line = own.first.clone();
    for more in own.more.iter().take(paragraph) {
        line.push(' ');
        line.push_str(more);
    }
    if verb == "hold" && line.trim().len() == verb.len() {
        line.push(' ');
        line.push_str(NO_REASON);
    }
    let decision = Decision::parse(&line)?;
    let also = own.more.iter().skip(paragraph);
    if decision != Decision::Edit
        && let Some(other) = also.into_iter().find(|line| Decision::parse(line).is_ok())
    {
        return Err(Refusal(format!(
            "your mail says \"{}\" and also \"{}\": write one decision",
            own.first,
            other.trim()
        )));
    }
    Ok(decision)
}

/// A text of the format that lets readers join its lines (RFC 3676, section 4), with
/// them joined.
pub(super) fn joined(text: &str, delete_space: bool) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut is_open = false;
    for line in text.lines() {
        let line = line.trim_end_matches('\r');
        let line = line.strip_prefix(' ').unwrap_or(line);
        let is_quote = line.starts_with('>');
        let goes_on = is_open && !is_quote && line != "-- ";
        if !joined.is_empty() && !goes_on {
            joined.push('\n');
        }
        is_open = line.ends_with(' ') && line != "-- " && !is_quote;
        let kept = match is_open && delete_space {
            true => line.trim_end_matches(' '),
            false => line,
        };
        joined.push_str(kept);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::{Reason, Target};

    #[track_caller]
    fn check(text: &str, expect: Result<Decision, &str>) {
        let found = own_words(text).map(|own| decision(&own));
        match (found, expect) {
            (Some(Ok(found)), Ok(expect)) => assert_eq!(found, expect, "{text}"),
            (Some(Err(why)), Err(expect)) => assert!(why.0.contains(expect), "{why}\n{text}"),
            (None, Err("nothing")) => {}
            (found, expect) => panic!("{found:?}, not {expect:?}\n{text}"),
        }
    }

    fn reject(why: &str) -> Decision {
        Decision::Reject {
            reason: Reason::new(why).unwrap(),
        }
    }

    #[test]
    fn the_first_own_line_decides() {
        let approve = || Ok(Decision::Approve);
        check("approve", approve());
        check("\n\n  Approve  \n\nThanks!\n", approve());
        check("approve\n\n-- \nAda\nreject me\n", approve());
        check("approve\n> reject x\nhold y\n", approve());
        check(
            "approve\n\nOn Sun, Ada <a@x> wrote:\n\n> hold x\n",
            approve(),
        );
        check("approve\nOn Sun, Ada <a@x> wrote:\n> hold x\n", approve());
        check(
            "approve\nOn Sun, 22 Nov 2026,\nAda <a@x>\nwrote:\n> x\nhold on\n",
            approve(),
        );
        check("approve\n\n-----Original Message-----\nhold x", approve());
        check(
            "approve\n\n________________________________\nhold x",
            approve(),
        );
        check("approve\n\nFrom: a\nSent: b\nhold x", approve());
        check(
            "reject not a\nbug at all\n\nSent from my phone",
            Ok(reject("not a bug at all")),
        );
        let hold = |why: &str| Decision::Hold {
            reason: Reason::new(why).unwrap(),
        };
        check("hold", Ok(hold("no reason given")));
        check("hold\nuntil Monday", Ok(hold("until Monday")));
        check(
            "link #4711\n\n> x",
            Ok(Decision::Link {
                failure: None,
                issue: Target::Issue(4711),
            }),
        );
        check("edit\nhold the door\n", Ok(Decision::Edit));
    }

    #[test]
    fn what_is_quoted_or_forwarded_decides_nothing() {
        check("", Err("nothing"));
        check("> approve", Err("nothing"));
        check("> hello\n\napprove\n", Err("nothing"));
        check("On Sun, Ada wrote:\n> approve\napprove\n", Err("nothing"));
        check("-- \napprove", Err("nothing"));
        check("-----Original Message-----\napprove", Err("nothing"));
        check(
            "---------- Forwarded message ---------\napprove",
            Err("nothing"),
        );
        check("Begin forwarded message:\n\napprove", Err("nothing"));
        check("*From:* x\n*Sent:* y\napprove", Err("nothing"));
    }

    #[test]
    fn what_is_unclear_decides_nothing() {
        check("Hello\napprove", Err("is no decision"));
        check("approve this", Err("nothing may follow"));
        check("approve.", Err("is no decision"));
        check("approve\n\nhold until I looked again", Err("and also"));
        check("approve\nreject wrong report", Err("and also"));
        check("reject", Err("give a reason"));
    }

    #[test]
    fn flowed_lines_are_joined() {
        let text = "reject the log \nis of another \nbuild\n\n> quoted \n> text \n-- \nAda \nL";
        let expect = "reject the log is of another build\n\n> quoted \n> text \n-- \nAda L";
        assert_eq!(joined(text, false), expect);
        assert_eq!(joined("a \nb", true), "ab");
        assert_eq!(joined(" From x", false), "From x");
    }
}
