//! From the words of a condition to what it means.
//!
//! ```text
//! any   = all { "||" all }
//! all   = one { "&&" one }
//! one   = "!" one | "(" any ")" | field test
//! test  = ( "==" | "!=" ) text | ( "~" | "!~" ) pattern { "then" pattern }
//! ```

use std::iter::Peekable;
use std::vec::IntoIter;

use super::condition::{Condition, Pattern, TOO_LARGE};
use super::lexer::{Kind, Token, words_of};
use super::subject::Field;

/// A condition is not longer, in bytes.
const MAX_TEXT: usize = 4000;

/// A pattern is not longer, in bytes.
const MAX_PATTERN: usize = 500;

/// Most tests of a condition, and most patterns of one test.
const MAX_TESTS: usize = 50;

/// Brackets and negations do not stand deeper in each other.
const MAX_DEPTH: usize = 20;

/// What is wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The byte at which it is.
    pub at: usize,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub remedy: String,
}

impl Fault {
    pub(super) fn new(at: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            at,
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// Reads a condition.
///
/// # Errors
///
/// Everything that is wrong with it; never empty. Behind a mistake of the form
/// nothing more is read, behind an unknown field or a wrong pattern there is.
pub fn parse(text: &str) -> Result<Condition, Vec<Fault>> {
    if text.len() > MAX_TEXT {
        let what = format!("it is longer than {MAX_TEXT} bytes");
        return Err(vec![Fault::new(0, what, "make several rules of it")]);
    }
    let tokens = words_of(text).map_err(|fault| vec![fault])?;
    let mut parser = Parser {
        tokens: tokens.into_iter().peekable(),
        end: text.trim_end().len(),
        depth: 0,
        tests: 0,
        faults: Vec::new(),
    };
    let read = parser.whole();
    let mut faults = parser.faults;
    match read {
        Ok(condition) if faults.is_empty() => Ok(condition),
        Ok(_) => Err(faults),
        Err(fault) => {
            faults.push(fault);
            Err(faults)
        }
    }
}

struct Parser {
    tokens: Peekable<IntoIter<Token>>,
    /// Where the text ends.
    end: usize,
    depth: usize,
    tests: usize,
    /// What is wrong and does not stand in the way of reading on.
    faults: Vec<Fault>,
}

type Read = Result<Condition, Fault>;

impl Parser {
    fn whole(&mut self) -> Read {
        if self.tokens.peek().is_none() {
            return Err(Fault::new(
                0,
                "it is empty",
                "write for example: module == \"test_os\"",
            ));
        }
        let condition = self.any()?;
        let Some(token) = self.tokens.next() else {
            return Ok(condition);
        };
        let remedy = match &token.kind {
            Kind::Close => "remove it, or open the bracket before".to_owned(),
            Kind::Word(word) if word == "and" => "write &&".to_owned(),
            Kind::Word(word) if word == "or" => "write ||".to_owned(),
            Kind::Word(word) if word == "then" => {
                "write it between two patterns: log ~ /A/ then /B/".to_owned()
            }
            _ => "write && or || between two tests".to_owned(),
        };
        let what = format!("{} is not expected here", token.kind.written());
        Err(Fault::new(token.at, what, remedy))
    }

    fn any(&mut self) -> Read {
        let mut parts = vec![self.all()?];
        while self.takes(&Kind::Or) {
            parts.push(self.all()?);
        }
        Ok(several(parts, Condition::Any))
    }

    fn all(&mut self) -> Read {
        let mut parts = vec![self.one()?];
        while self.takes(&Kind::And) {
            parts.push(self.one()?);
        }
        Ok(several(parts, Condition::All))
    }

    fn one(&mut self) -> Read {
        let Some(token) = self.tokens.next() else {
            return Err(Fault::new(
                self.end,
                "it ends where a test should be",
                "write another test, or remove what stands last",
            ));
        };
        match token.kind {
            Kind::Not => {
                let inner = self.deeper(token.at, Self::one)?;
                Ok(Condition::Not(Box::new(inner)))
            }
            Kind::Open => {
                let inner = self.deeper(token.at, Self::any)?;
                if self.takes(&Kind::Close) {
                    return Ok(inner);
                }
                let (at, what) = match self.tokens.peek() {
                    Some(token) => (token.at, format!("{} stands", token.kind.written())),
                    None => (token.at, "this bracket is not closed: it ends".to_owned()),
                };
                Err(Fault::new(
                    at,
                    format!("{what} where a ) should be"),
                    "close the bracket, or write && or || between two tests",
                ))
            }
            Kind::Word(word) if word == "not" => Err(Fault::new(
                token.at,
                "\"not\" means nothing here",
                "write ! in front of the test or the bracket",
            )),
            Kind::Word(word) => self.test(token.at, &word),
            other => Err(Fault::new(
                token.at,
                format!("{} stands where a field should be", other.written()),
                format!("a test begins with one of: {}", field_names()),
            )),
        }
    }

    /// What stands deeper: within brackets, or behind a negation.
    fn deeper(&mut self, at: usize, read: fn(&mut Self) -> Read) -> Read {
        if self.depth == MAX_DEPTH {
            return Err(Fault::new(
                at,
                format!("more than {MAX_DEPTH} brackets stand in each other"),
                "make several rules of it",
            ));
        }
        self.depth += 1;
        let inner = read(self);
        self.depth -= 1;
        inner
    }

    fn test(&mut self, at: usize, name: &str) -> Read {
        self.tests += 1;
        if self.tests > MAX_TESTS {
            let what = format!("it has more than {MAX_TESTS} tests");
            return Err(Fault::new(at, what, "make several rules of it"));
        }
        let field = Field::from_name(name);
        if field.is_none() {
            let what = format!("there is no field {name:?}");
            self.faults.push(Fault::new(
                at,
                what,
                format!("there are: {}", field_names()),
            ));
        }
        // Read on with any field: what follows may be wrong, too.
        let field = field.unwrap_or(Field::Log);
        let sign = self.tokens.next();
        let (test, is_negated) = match sign.as_ref().map(|sign| &sign.kind) {
            Some(Kind::Equals) => (self.equals(field)?, false),
            Some(Kind::Differs) => (self.equals(field)?, true),
            Some(Kind::Matches) => (self.matches(field)?, false),
            Some(Kind::Lacks) => (self.matches(field)?, true),
            _ => {
                let at = sign.map_or(self.end, |sign| sign.at);
                return Err(Fault::new(
                    at,
                    format!("behind {name} one of ==, !=, ~ and !~ is expected"),
                    "write for example: module == \"test_os\", log ~ /timed out/",
                ));
            }
        };
        Ok(match is_negated {
            true => Condition::Not(Box::new(test)),
            false => test,
        })
    }

    fn equals(&mut self, field: Field) -> Read {
        let token = self.tokens.next();
        let Some(Token {
            at,
            kind: Kind::Text(text),
        }) = token
        else {
            let at = token.map_or(self.end, |token| token.at);
            return Err(Fault::new(
                at,
                "== and != compare with a text",
                "write it in \"double quotes\"; a /pattern/ is looked for with ~",
            ));
        };
        let Some(words) = field.words() else {
            return Ok(Condition::Equals(field, text));
        };
        let text = text.to_ascii_lowercase();
        if !words.contains(&text.as_str()) {
            let what = format!("{} is never {text:?}", field.name());
            let remedy = format!("there are: {}", words.join(", "));
            self.faults.push(Fault::new(at, what, remedy));
        }
        Ok(Condition::Equals(field, text))
    }

    fn matches(&mut self, field: Field) -> Read {
        let mut patterns = Vec::new();
        loop {
            let token = self.tokens.next();
            let Some(Token {
                at,
                kind: Kind::Pattern(written),
            }) = token
            else {
                let at = token.map_or(self.end, |token| token.at);
                return Err(Fault::new(
                    at,
                    "~, !~ and then look for a pattern",
                    "write it between /slashes/; a \"text\" is compared with ==",
                ));
            };
            match pattern(&written) {
                Ok(pattern) => patterns.push(pattern),
                Err((what, remedy)) => self.faults.push(Fault::new(at, what, remedy)),
            }
            if !self.takes(&Kind::Word("then".to_owned())) {
                return Ok(Condition::Matches(field, patterns));
            }
            if !matches!(field, Field::Log | Field::Message) {
                return Err(Fault::new(
                    at,
                    format!("{} has no order to look at", field.name()),
                    "patterns with then are for log and message; here join two tests with &&",
                ));
            }
            if patterns.len() == MAX_TESTS {
                let what = format!("more than {MAX_TESTS} patterns stand in a row");
                return Err(Fault::new(at, what, "fewer will do"));
            }
        }
    }

    /// Takes the next word if it is this one.
    fn takes(&mut self, kind: &Kind) -> bool {
        self.tokens.next_if(|token| token.kind == *kind).is_some()
    }
}

/// One part stands for itself.
fn several(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}

fn pattern(written: &str) -> Result<Pattern, (String, String)> {
    if written.is_empty() {
        return Err((
            "the pattern is empty: everything has it".to_owned(),
            "write what is to be found between the slashes".to_owned(),
        ));
    }
    if written.len() > MAX_PATTERN {
        return Err((
            format!("the pattern is longer than {MAX_PATTERN} bytes"),
            "leave out what does not matter; several can stand in a row: /A/ then /B/".to_owned(),
        ));
    }
    Pattern::new(written).map_err(|why| {
        let remedy = match why.as_str() {
            TOO_LARGE => "repeat less: .* says as much as .{1000}",
            _ => "put a backslash before ( ) [ ] { } . * + ? ^ $ | that stand for themselves",
        };
        let what = format!("/{written}/ is not a pattern: {why}");
        (what, remedy.to_owned())
    })
}

fn field_names() -> String {
    Field::ALL.map(Field::name).join(", ")
}
