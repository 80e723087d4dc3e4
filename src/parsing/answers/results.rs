//! The Authentication-Results header (RFC 8601): a strict reader.
//!
//! ```text
//! mx.example.org 1; dkim=pass (2048-bit key) header.d=example.org; spf=none
//! ^ authserv-id  ^ version   ^ comment      ^ ptype.property=value
//! ```
//!
//! What does not fit the grammar of section 2.2 makes the whole header worth
//! nothing. Two liberties, for what servers write: an unquoted value may hold any
//! printable character but `;`, `(` and `"`, and an empty result at the end is
//! passed over.

/// What one header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Results {
    /// The server that says it, in lower case.
    pub(super) authserv_id: String,
    /// Each result in order; empty for `none`.
    pub(super) all: Vec<MethodResult>,
}

/// The result of one method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MethodResult {
    /// In lower case: `dkim`.
    pub(super) method: String,
    /// In lower case: `pass`.
    pub(super) result: String,
    /// Type, property (both in lower case) and value: `header`, `d`, `example.org`.
    pub(super) properties: Vec<(String, String, String)>,
}

impl MethodResult {
    /// The value of a property; none if it stands there twice.
    pub(super) fn property(&self, kind: &str, name: &str) -> Option<&str> {
        let is_it = |it: &&(String, String, String)| it.0 == kind && it.1 == name;
        let mut found = self.properties.iter().filter(is_it);
        match (found.next(), found.next()) {
            (Some((.., value)), None) => Some(value),
            _ => None,
        }
    }
}

/// Reads the value of a header, unfolded. None if it does not fit the grammar, or
/// is of a version that is not known.
pub(super) fn results(value: &str) -> Option<Results> {
    let printable = |byte: u8| byte == b' ' || byte == b'\t' || byte.is_ascii_graphic();
    if !value.bytes().all(printable) {
        return None;
    }
    let mut text = Text { rest: value };
    let authserv_id = text.value(is_token)?.to_ascii_lowercase();
    text.pass_over()?;
    if !text.is_at(';') && text.value(is_token)? != "1" {
        return None;
    }
    let mut all = Vec::new();
    let mut is_none = false;
    while text.take(';')? {
        if text.is_at_end() {
            break;
        }
        if is_none {
            return None;
        }
        match text.result(all.is_empty())? {
            Some(result) => all.push(result),
            None => is_none = true,
        }
    }
    (text.is_at_end() && (is_none || !all.is_empty())).then_some(Results { authserv_id, all })
}

/// What is still to be read.
struct Text<'a> {
    rest: &'a str,
}

/// Of RFC 2045, section 5.1.
fn is_token(char: char) -> bool {
    char.is_ascii_graphic() && !r#"()<>@,;:\"/[]?="#.contains(char)
}

fn is_keyword(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '-' || char == '_'
}

fn is_plain(char: char) -> bool {
    char.is_ascii_graphic() && !"();\"".contains(char)
}

impl<'a> Text<'a> {
    /// White space and comments, which may be nested and hold quoted pairs (RFC
    /// 5322, section 3.2.2). None if a comment has no end.
    fn pass_over(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t']);
            if !self.rest.starts_with('(') {
                return Some(());
            }
            let mut depth = 0_u32;
            let mut is_quoted = false;
            let end = self.rest.char_indices().find_map(|(at, char)| {
                match char {
                    _ if is_quoted => is_quoted = false,
                    '\\' => is_quoted = true,
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                (depth == 0).then_some(at + 1)
            })?;
            self.rest = self.rest.get(end..)?;
        }
    }

    fn is_at(&self, char: char) -> bool {
        self.rest.starts_with(char)
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether that character is next; if so it is taken, and what may stand
    /// around it.
    fn take(&mut self, char: char) -> Option<bool> {
        self.pass_over()?;
        let Some(rest) = self.rest.strip_prefix(char) else {
            return Some(false);
        };
        self.rest = rest;
        self.pass_over()?;
        Some(true)
    }

    /// A run of such characters, at least one.
    fn run(&mut self, fits: fn(char) -> bool) -> Option<&'a str> {
        let end = self.rest.find(|char| !fits(char));
        let (run, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!run.is_empty()).then_some(run)
    }

    /// A run of such characters or a quoted string.
    fn value(&mut self, fits: fn(char) -> bool) -> Option<String> {
        self.pass_over()?;
        let Some(quoted) = self.rest.strip_prefix('"') else {
            return self.run(fits).map(str::to_owned);
        };
        let mut value = String::new();
        let mut is_quoted = false;
        for (at, char) in quoted.char_indices() {
            match char {
                _ if is_quoted => {
                    is_quoted = false;
                    value.push(char);
                }
                '\\' => is_quoted = true,
                '"' => {
                    self.rest = quoted.get(at + 1..)?;
                    return Some(value);
                }
                _ => value.push(char),
            }
        }
        None
    }

    /// One result behind its semicolon; `Some(None)` for the word `none`, which may
    /// only stand alone.
    fn result(&mut self, is_first: bool) -> Option<Option<MethodResult>> {
        let method = self.run(is_keyword)?.to_ascii_lowercase();
        if self.take('/')? && self.run(is_keyword)? != "1" {
            return None;
        }
        self.pass_over()?;
        if is_first && method == "none" && (self.is_at_end() || self.is_at(';')) {
            return Some(None);
        }
        if !self.take('=')? {
            return None;
        }
        let result = self.run(is_keyword)?.to_ascii_lowercase();
        let mut properties = Vec::new();
        loop {
            let before = self.rest;
            self.pass_over()?;
            if self.is_at_end() || self.is_at(';') {
                break;
            }
            // Nothing may stand directly behind the value before.
            if self.rest.len() == before.len() {
                return None;
            }
            properties.extend(self.property()?);
        }
        Some(Some(MethodResult {
            method,
            result,
            properties,
        }))
    }

    /// `header.d=example.org`; `Some(None)` for a `reason=`, whoever gives it.
    fn property(&mut self) -> Option<Option<(String, String, String)>> {
        let kind = self.run(is_keyword)?.to_ascii_lowercase();
        let name = match self.take('.')? {
            true => Some(self.run(is_keyword)?.to_ascii_lowercase()),
            false => None,
        };
        if !self.take('=')? {
            return None;
        }
        let value = self.value(is_plain)?;
        match name {
            Some(name) => Some(Some((kind, name, value))),
            None => (kind == "reason").then_some(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The passed signatures' domains.
    #[track_caller]
    fn check(value: &str, expect: Option<&[&str]>) {
        let found = results(value);
        let passed = found.as_ref().map(|found| {
            let passed = found.all.iter();
            let passed = passed.filter(|it| it.method == "dkim" && it.result == "pass");
            passed
                .filter_map(|it| it.property("header", "d"))
                .collect::<Vec<_>>()
        });
        assert_eq!(passed.as_deref(), expect, "{value}: {found:?}");
    }

    #[test]
    fn what_servers_write() {
        check(
            "mx.example.test; dkim=pass (2048-bit key; unprotected) header.d=example.org \
             header.i=@example.org header.a=rsa-sha256 header.s=sel header.b=IiKq/9+x; \
             dkim-atps=neutral",
            Some(&["example.org"]),
        );
        check(
            "mx.google.com;  dkim=pass header.i=@a.example header.s=20230601 header.b=\"ab/c\"; \
             spf=pass (google.com: domain of x@a.example designates 192.0.2.1 as permitted \
             sender) smtp.mailfrom=x@a.example; dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) \
             header.from=a.example",
            Some(&[]),
        );
        check("mx.example.org; none", Some(&[]));
        check("mx.example.org 1; none", Some(&[]));
        check(
            "\"mx.example.org\"; dkim/1=pass reason=\"good \\\" signature\" header.d=a.example;",
            Some(&["a.example"]),
        );
        check(
            "foo.example (x) 1 (y) ; (z) dkim (a) = (b) pass (c (d)) header (e) . (f) d (g) = (h) a.example (i)",
            Some(&["a.example"]),
        );
        check(
            "a; dkim=fail header.d=a.example; dkim=PASS header.d=b.example; DKIM=pass header.d=c.example",
            Some(&["b.example", "c.example"]),
        );
    }

    #[test]
    fn what_hides_in_comments_and_quotes_is_not_read() {
        check("a; dkim=fail (; dkim=pass header.d=x.example)", Some(&[]));
        check(
            "a; dkim=fail (\\); dkim=pass header.d=x.example)",
            Some(&[]),
        );
        check(
            "a; dkim=fail reason=\"; dkim=pass header.d=x.example\"",
            Some(&[]),
        );
        check(
            "a; dkim=fail reason=\"\\\"; dkim=pass header.d=x.example; x=\\\"\"",
            Some(&[]),
        );
        check(
            "a; dkim=pass header.i=\"@x.example header.d=y.example\"",
            Some(&[]),
        );
    }

    #[test]
    fn what_does_not_fit_is_worth_nothing() {
        for value in [
            "",
            ";",
            "a",
            "a;",
            "a b; dkim=pass header.d=x.example",
            "a 2; dkim=pass header.d=x.example",
            "a; dkim",
            "a; dkim=",
            "a; dkim=pass header.d",
            "a; dkim=pass header.d=",
            "a; dkim=pass header.=x",
            "a; dkim=pass .d=x",
            "a; dkim/2=pass header.d=x.example",
            "a; dkim=pass(x)header.d=\"x\"header.i=y",
            "a; dkim=pass (open header.d=x.example",
            "a; dkim=pass header.d=\"x.example",
            "a; none; dkim=pass header.d=x.example",
            "a; dkim=pass header.d=x.example; none",
            "a; dkim=pass other=x",
            "a; dkim=pass header.d=x.example\u{e9}",
            "a; dkim=pass header.d=x\r\n; spf=pass",
            "a, b; dkim=pass header.d=x.example",
            "; dkim=pass header.d=x.example",
        ] {
            check(value, None);
        }
    }

    #[test]
    fn a_property_twice_says_nothing() {
        check(
            "a; dkim=pass header.d=x.example header.d=y.example",
            Some(&[]),
        );
    }
}
