//! A condition's text in words, each with its place.

use super::parser::Fault;

/// One word of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// The byte at which it begins.
    pub(super) at: usize,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A field, or `then`.
    Word(String),
    /// What stands between quotes.
    Text(String),
    /// What stands between slashes, as it is written.
    Pattern(String),
    /// `==`
    Equals,
    /// `!=`
    Differs,
    /// `~`
    Matches,
    /// `!~`
    Lacks,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `!`
    Not,
    /// `(`
    Open,
    /// `)`
    Close,
}

impl Kind {
    /// How it is written, for messages.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Text(text) => format!("{text:?}"),
            Self::Pattern(pattern) => format!("/{pattern}/"),
            other => SIGNS
                .iter()
                .find(|(_, kind)| kind == other)
                .map_or_else(String::new, |(sign, _)| (*sign).to_owned()),
        }
    }
}

/// The longer ones first.
const SIGNS: [(&str, Kind); 9] = [
    ("==", Kind::Equals),
    ("!=", Kind::Differs),
    ("!~", Kind::Lacks),
    ("&&", Kind::And),
    ("||", Kind::Or),
    ("~", Kind::Matches),
    ("!", Kind::Not),
    ("(", Kind::Open),
    (")", Kind::Close),
];

/// What people write who know another language, and what it is here.
const FOREIGN: [(&str, &str); 4] = [("=~", "~"), ("=", "=="), ("&", "&&"), ("|", "||")];

/// The words of a text.
///
/// # Errors
///
/// The first thing that is no word.
pub(super) fn words_of(text: &str) -> Result<Vec<Token>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            at += blank;
            continue;
        }
        let (length, kind) = next(rest, at)?;
        tokens.push(Token { at, kind });
        at += length;
    }
    Ok(tokens)
}

/// The word at the beginning of `rest`, and how many bytes it takes.
fn next(rest: &str, at: usize) -> Result<(usize, Kind), Fault> {
    if rest.starts_with('"') {
        return enclosed(rest, '"', at).map(|(length, inner)| (length, Kind::Text(plain(inner))));
    }
    if rest.starts_with('/') {
        let (length, inner) = enclosed(rest, '/', at)?;
        return Ok((length, Kind::Pattern(inner.to_owned())));
    }
    for (foreign, ours) in FOREIGN {
        let is_ours = SIGNS.iter().any(|(sign, _)| rest.starts_with(sign));
        if rest.starts_with(foreign) && !is_ours {
            return Err(Fault::new(
                at,
                format!("{foreign:?} means nothing here"),
                format!("write {ours}"),
            ));
        }
    }
    if let Some((sign, kind)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return Ok((sign.len(), kind.clone()));
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    match rest.get(..length).filter(|word| !word.is_empty()) {
        Some(word) => Ok((length, Kind::Word(word.to_owned()))),
        None => {
            let sign: String = rest.chars().take(1).collect();
            Err(Fault::new(
                at,
                format!("{sign:?} means nothing here"),
                "a text stands in \"double quotes\", a pattern between /slashes/",
            ))
        }
    }
}

/// What stands between a sign and its next one on the same line that has no
/// backslash in front, and how many bytes that is with both.
fn enclosed(rest: &str, sign: char, at: usize) -> Result<(usize, &str), Fault> {
    let mut is_escaped = false;
    for (end, char) in rest.char_indices().skip(1) {
        match char {
            '\n' | '\r' => break,
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if char == sign => {
                let inner = rest.get(sign.len_utf8()..end).unwrap_or_default();
                return Ok((end + sign.len_utf8(), inner));
            }
            _ => {}
        }
    }
    let (what, remedy) = match sign {
        '/' => (
            "this pattern has no end",
            "end it with a / on the same line; write a slash within it as \\/",
        ),
        _ => (
            "this text has no end",
            "end it with a \" on the same line; write a quote within it as \\\"",
        ),
    };
    Err(Fault::new(at, what, remedy))
}

/// Without the backslashes that keep a quote or a backslash from its meaning.
fn plain(inner: &str) -> String {
    let mut text = String::new();
    let mut chars = inner.chars().peekable();
    while let Some(char) = chars.next() {
        let next = chars.peek().copied();
        match (char, next) {
            ('\\', Some(meant @ ('"' | '\\'))) => {
                text.push(meant);
                chars.next();
            }
            _ => text.push(char),
        }
    }
    text
}
