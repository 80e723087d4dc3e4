//! Which bug reports a person names in a mail, in words of their own.

use crate::domain::mail::Mail;

/// Something in a person's text that may name a bug report. Whether it belongs
/// to our tracker is for the tracker to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// `https://github.com/python/cpython/issues/123`.
    Url(String),
    /// `#123`.
    Number(u64),
    /// `gh-123`, `bpo-123`, `issue 123`: the word in lower case and the number.
    Named(String, u64),
}

/// What else has a number in mails about builds: `build #123`.
const OTHER_NUMBERS: [&str; 9] = [
    "build", "builds", "builder", "job", "run", "step", "worker", "pr", "request",
];

/// A mention with the words around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What may name a bug report.
    pub mention: Mention,
    /// The person's words in front of it, from the last line on that names another.
    pub before: String,
    /// Those behind it, to the end of the line or to the next mention.
    pub behind: String,
}

/// Most mentions that are looked at.
const MOST: usize = 50;

/// Every mention in what the person wrote, in order; at most 50.
///
/// Quoted lines, the signature, the list's footer and forwarded mails do not
/// count: they are somebody else's words.
pub fn issue_mentions(mail: &Mail) -> Vec<Named> {
    let mut mentions: Vec<Named> = Vec::new();
    let mut before = String::new();
    for line in own_lines(&mail.text) {
        let mut last = "";
        let mut is_in_line = false;
        for word in line.split_whitespace() {
            if let Some(mention) = mention_in(word, last) {
                let before = std::mem::take(&mut before);
                let behind = String::new();
                mentions.push(Named {
                    mention,
                    before,
                    behind,
                });
                is_in_line = true;
            } else {
                before.extend([word, " "]);
                if let Some(named) = mentions.last_mut().filter(|_| is_in_line) {
                    named.behind.extend([word, " "]);
                }
            }
            last = word;
        }
        if is_in_line {
            before.clear();
        }
        if mentions.len() >= MOST {
            mentions.truncate(MOST);
            break;
        }
    }
    mentions
}

/// The lines the person wrote, up to where a signature, footer or a quoted mail
/// without marks begins.
fn own_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| !ends_own_text(line))
        .filter(|line| !line.trim_start().starts_with(['>', '|']))
}

fn ends_own_text(line: &str) -> bool {
    let line = line.trim_end();
    let lower = line.to_ascii_lowercase();
    // RFC 3676, section 4.3: the signature's separator is "-- ", and its blank
    // is often lost.
    line == "--"
        || line.len() >= 20 && line.bytes().all(|byte| byte == b'_')
        || lower.starts_with("-----original message")
        || lower.starts_with("---------- forwarded message")
        || lower.starts_with("-------- forwarded message")
}

fn mention_in(word: &str, before: &str) -> Option<Mention> {
    if let Some(start) = ["https://", "http://"].iter().find_map(|s| word.find(s)) {
        let url = word.get(start..)?;
        let end = url
            .find(['<', '>', '"', '\'', '`', '|'])
            .unwrap_or(url.len());
        let url = url.get(..end)?.trim_end_matches(is_punctuation);
        let url = balanced(url);
        let is_long_enough = url.len() > "https://a.b".len() && url.len() <= 500;
        return is_long_enough.then(|| Mention::Url(url.to_owned()));
    }
    let word = word.trim_matches(|c: char| is_punctuation(c) || matches!(c, '(' | ')' | '[' | ']'));
    if let Some(digits) = word.strip_prefix('#') {
        let counted = before.trim_matches(|c: char| !c.is_alphanumeric());
        let is_other = OTHER_NUMBERS.contains(&counted.to_ascii_lowercase().as_str());
        return number(digits).filter(|_| !is_other).map(Mention::Number);
    }
    if let Some((name, digits)) = word.rsplit_once(['-', '#']) {
        let name = name.to_ascii_lowercase();
        let is_tracker = matches!(name.as_str(), "gh" | "bpo" | "issue" | "bug");
        return number(digits)
            .filter(|_| is_tracker)
            .map(|number| Mention::Named(name, number));
    }
    let name = before.trim_start_matches('(').to_ascii_lowercase();
    if matches!(name.as_str(), "issue" | "bug") {
        return number(word).map(|number| Mention::Named(name, number));
    }
    let digits = word.to_ascii_lowercase();
    let digits = digits.strip_prefix("issue")?;
    number(digits).map(|number| Mention::Named("issue".to_owned(), number))
}

/// Without a closing bracket that was opened before the link.
fn balanced(url: &str) -> &str {
    if url.ends_with(')') && !url.contains('(') {
        return url.trim_end_matches([')', '.', ',']);
    }
    url
}

const fn is_punctuation(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '*' | '_')
}

/// A number a bug report may have: one to eight digits, not zero.
fn number(digits: &str) -> Option<u64> {
    let is_number = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse().ok().filter(|number| *number > 0);
    number.filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[Mention]) {
        let mail = Mail {
            text: text.to_owned(),
            ..Mail::default()
        };
        let mentions = issue_mentions(&mail).into_iter().map(|named| named.mention);
        assert_eq!(mentions.collect::<Vec<_>>(), expect);
    }

    fn named(name: &str, number: u64) -> Mention {
        Mention::Named(name.to_owned(), number)
    }

    #[test]
    fn links_are_found_without_the_sentence_around_them() {
        let url = |text: &str| Mention::Url(text.to_owned());
        check(
            "See https://github.com/python/cpython/issues/1.\n",
            &[url("https://github.com/python/cpython/issues/1")],
        );
        check(
            "(<https://bugs.python.org/issue30325>, http://e.org/a_(b))\n",
            &[
                url("https://bugs.python.org/issue30325"),
                url("http://e.org/a_(b))"),
            ],
        );
        check(
            "(https://e.org/issues/7).",
            &[url("https://e.org/issues/7")],
        );
    }

    #[test]
    fn numbers_are_found_in_their_usual_forms() {
        check(
            "Known: #123, gh-456, GH-457 and bpo-30325; issue 9, bug #10, (issue11).\n",
            &[
                Mention::Number(123),
                named("gh", 456),
                named("gh", 457),
                named("bpo", 30325),
                named("issue", 9),
                Mention::Number(10),
                named("issue", 11),
            ],
        );
        check("#0 3.13 x-1 #a 12 #999999999", &[]);
        check("Build #12, (builder #3) and PR #5 or pull request #6", &[]);
    }

    #[test]
    fn only_the_persons_own_words_count() {
        check(
            "> see #1\n>> #2\n  > #3\n#4\n-- \n#5\n",
            &[Mention::Number(4)],
        );
        check(
            "#1\n_______________________________________________\n#2",
            &[Mention::Number(1)],
        );
        check("#1\n-----Original Message-----\n#2", &[Mention::Number(1)]);
    }

    #[test]
    fn the_words_around_a_mention_belong_to_it() {
        let mail = Mail {
            text: "Known:\ntest_a is #1, test_b\nis #2 (sometimes)\n> test_c\n#3\n".to_owned(),
            ..Mail::default()
        };
        let told: Vec<(String, String)> = issue_mentions(&mail)
            .into_iter()
            .map(|named| (named.before, named.behind))
            .collect();
        let expected = [
            ("Known: test_a is ", "test_b "),
            ("is ", "(sometimes) "),
            ("", ""),
        ];
        let expected = expected.map(|(before, behind)| (before.to_owned(), behind.to_owned()));
        assert_eq!(told, expected);
        let many = Mail {
            text: "#1 ".repeat(60),
            ..Mail::default()
        };
        assert_eq!(issue_mentions(&many).len(), 50);
    }
}
