//! The few words of a reply that are only known after it was approved.

use std::collections::BTreeMap;

use crate::domain::draft::Action;
use crate::domain::issue::IssueRef;
use crate::domain::untrusted;

/// What the approver's name replaces in a reply once somebody approved.
pub const APPROVER_TOKEN: &str = "<<approver>>";

const ISSUE_TOKEN_START: &str = "<<new issue ";
const TOKEN_END: &str = ">>";

/// What the address of a new issue replaces in a reply once it exists.
/// `index` counts the draft's actions from 0; people see it from 1.
pub fn issue_token(index: usize) -> String {
    format!("{ISSUE_TOKEN_START}{}{TOKEN_END}", index + 1)
}

/// Why the tokens of a text cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenMistake {
    /// It names an action that opens no issue, or one that does not exist yet.
    #[error("{0} names no opened issue")]
    NotOpened(String),
    /// It has the form of a token and is none.
    #[error("{0} is not a token; there are <<approver>> and <<new issue N>>")]
    Unknown(String),
}

/// One piece of a text that may hold tokens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Approver,
    /// Which action, from 0.
    Issue(usize),
    /// `<<` up to `>>` on one line, and nothing known.
    Unknown(&'a str),
}

/// Replaces the tokens of a reply's body, and nothing else: what is put in is
/// not looked at again. `opened` holds the issues by the index of the action
/// that opened them.
///
/// # Errors
///
/// A token that names no opened issue, or that is none.
pub fn fill_tokens(
    body: &str,
    opened: &BTreeMap<usize, IssueRef>,
    approver: &str,
) -> Result<String, TokenMistake> {
    let mut filled = String::with_capacity(body.len() + 80);
    for piece in pieces(body) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Approver => filled.push_str(&untrusted::plain_line(approver, 80)),
            Piece::Issue(index) => match opened.get(&index) {
                Some(issue) => filled.push_str(&issue.url),
                None => return Err(TokenMistake::NotOpened(issue_token(index))),
            },
            Piece::Unknown(token) => return Err(TokenMistake::Unknown(token.to_owned())),
        }
    }
    Ok(filled)
}

/// Whether every token of a text can be filled in once the actions are done.
pub(crate) fn check_tokens(text: &str, actions: &[Action]) -> Result<(), TokenMistake> {
    for piece in pieces(text) {
        match piece {
            Piece::Issue(index) if !matches!(actions.get(index), Some(Action::Open(_))) => {
                return Err(TokenMistake::NotOpened(issue_token(index)));
            }
            Piece::Unknown(token) => return Err(TokenMistake::Unknown(token.to_owned())),
            _ => {}
        }
    }
    Ok(())
}

/// Foreign text in which nothing can be taken for a token.
pub(crate) fn without_tokens(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        if char == '<' && safe.ends_with('<') {
            safe.push(' ');
        }
        safe.push(char);
    }
    safe
}

/// Takes a text apart, in order and without a rest.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        let line = after.lines().next().unwrap_or_default();
        let Some((inside, _)) = line.split_once(TOKEN_END) else {
            // Not a token: the two characters are plain text.
            let plain = rest.get(..before.len() + 2).unwrap_or(rest);
            pieces.push(Piece::Text(plain));
            rest = after;
            continue;
        };
        pieces.push(Piece::Text(before));
        let length = inside.len() + TOKEN_END.len();
        let whole = rest
            .get(before.len()..before.len() + 2 + length)
            .unwrap_or_default();
        pieces.push(token(whole));
        rest = after.get(length..).unwrap_or_default();
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn token(whole: &str) -> Piece<'_> {
    if whole == APPROVER_TOKEN {
        return Piece::Approver;
    }
    let number = whole
        .strip_prefix(ISSUE_TOKEN_START)
        .and_then(|rest| rest.strip_suffix(TOKEN_END))
        .and_then(|number| number.parse::<usize>().ok())
        .and_then(|number| number.checked_sub(1));
    match number {
        // `<<new issue 01>>` is not what we write.
        Some(index) if issue_token(index) == whole => Piece::Issue(index),
        _ => Piece::Unknown(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> BTreeMap<usize, IssueRef> {
        let issue = IssueRef {
            number: 7,
            url: "https://bugs.example.org/issue7".into(),
            title: "<<approver>>".into(),
        };
        BTreeMap::from([(1, issue)])
    }

    #[test]
    fn fills_the_tokens_and_nothing_else() {
        let fill = |text: &str| fill_tokens(text, &opened(), "Vic <<new issue 2>>\r\nBcc: x");
        assert_eq!(
            fill("see <<new issue 2>>, a << b >> 1\n<<approver>>"),
            Err(TokenMistake::Unknown("<< b >>".into()))
        );
        assert_eq!(
            fill("1 << 2 <<new issue 2>> <<approver>> x << y"),
            Err(TokenMistake::Unknown("<< 2 <<new issue 2>>".into())),
        );
        assert_eq!(
            fill("at <<new issue 2>>\nby <<approver>> a << b\nc >> d"),
            Ok("at https://bugs.example.org/issue7\n\
                by Vic <<new issue 2>> Bcc: x a << b\nc >> d"
                .into())
        );
        assert_eq!(
            fill("<<new issue 1>>"),
            Err(TokenMistake::NotOpened("<<new issue 1>>".into()))
        );
        assert_eq!(
            fill("<<new issue 02>>"),
            Err(TokenMistake::Unknown("<<new issue 02>>".into()))
        );
        assert_eq!(
            fill("<<new issue 0>>"),
            Err(TokenMistake::Unknown("<<new issue 0>>".into()))
        );
        assert_eq!(fill(""), Ok(String::new()));
    }

    #[test]
    fn foreign_text_holds_no_token() {
        for text in ["<<approver>>", "<<<<new issue 1>>", "a<<<b", "<", "x < y"] {
            let safe = without_tokens(text);
            assert!(!safe.contains("<<"), "{text:?} {safe:?}");
        }
        assert_eq!(without_tokens("a < b, c <- d"), "a < b, c <- d");
    }
}
