//! The words of a message, and how each kind of channel has to be given them so that
//! nothing in them is more than text.

use super::Event;
use crate::domain::Seconds;
use crate::domain::untrusted::plain_line;

/// Longer foreign text is cut, in characters.
const FOREIGN_CHARS: usize = 120;

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Our own words.
    Own(String),
    /// Words from a mail, a log or a person, as they are.
    Foreign(String),
    /// An address of the page.
    Link(String),
}

/// One line of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(pub Vec<Piece>);

/// One thing that is told, in words and in parts for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What kind of thing it is.
    pub event: Event,
    /// It in words.
    pub line: Line,
    /// Since when it is so.
    pub since: Seconds,
    /// The notification that it is about.
    pub notification: Option<i64>,
    /// The builders that failed.
    pub builders: Vec<String>,
    /// The tests that failed, or what else tells the failures.
    pub failures: Vec<String>,
    /// How sure the program is of the least sure one: `strong`, `new`.
    pub certainty: Option<&'static str>,
    /// Where to look at it.
    pub link: Option<String>,
}

/// What is told at once; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The things, the most urgent first.
    pub items: Vec<Item>,
}

/// What a channel makes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// Nothing.
    Plain,
    /// Discord's Markdown.
    Discord,
    /// Slack's mrkdwn: `&`, `<` and `>` are written as entities.
    Slack,
    /// Zulip's Markdown.
    Zulip,
    /// HTML, as Matrix shows it.
    Html,
}

impl Message {
    /// The lines of the message, at most `most_lines` of things and, after that, how
    /// many more there are.
    pub fn lines(&self, markup: Markup, most_lines: usize) -> Vec<String> {
        let mut lines: Vec<String> = self
            .items
            .iter()
            .take(most_lines)
            .map(|item| item.line.rendered(markup))
            .collect();
        let more = self.items.len().saturating_sub(most_lines);
        if more > 0 {
            lines.push(format!("... and {more} more"));
        }
        lines
    }

    /// The whole message with one thing a line, of at most `most_units` UTF-16 code
    /// units (as Discord counts): what does not fit is counted.
    pub fn text(&self, markup: Markup, most_units: usize) -> String {
        let end = match markup {
            Markup::Html => "<br/>",
            _ => "\n",
        };
        let mut fitting = self.items.len();
        loop {
            let text = self.lines(markup, fitting).join(end);
            if fitting == 0 || text.encode_utf16().count() <= most_units {
                return text;
            }
            fitting -= 1;
        }
    }
}

impl Line {
    /// The line as a channel has to be given it.
    pub fn rendered(&self, markup: Markup) -> String {
        self.0.iter().map(|piece| piece.rendered(markup)).collect()
    }
}

impl Piece {
    fn rendered(&self, markup: Markup) -> String {
        match (self, markup) {
            (Self::Own(words), Markup::Slack | Markup::Html) => entities(words),
            (Self::Own(words), _) => words.clone(),
            (Self::Foreign(text), _) => foreign(text, markup),
            (Self::Link(url), Markup::Discord) => format!("<{url}>"),
            (Self::Link(url), Markup::Slack) => format!("<{}>", entities(url)),
            (Self::Link(url), Markup::Html) => {
                let url = entities(url);
                format!("<a href=\"{url}\">{url}</a>")
            }
            (Self::Link(url), Markup::Plain | Markup::Zulip) => url.clone(),
        }
    }
}

/// Foreign text stands as code, in which no channel looks for markup, links or
/// people; and behind every `@` stands a character without width, so that nobody is
/// called where somebody looks all the same.
fn foreign(text: &str, markup: Markup) -> String {
    let line = plain_line(text, FOREIGN_CHARS).replace('@', "@\u{200b}");
    if line.is_empty() {
        return line;
    }
    let code = line.replace('`', "'");
    match markup {
        Markup::Plain => line,
        Markup::Discord | Markup::Zulip => format!("`{code}`"),
        Markup::Slack => format!("`{}`", entities(&code)),
        Markup::Html => format!("<code>{}</code>", entities(&line)),
    }
}

/// Text as HTML and Slack want it.
fn entities(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(foreign: &str) -> Item {
        Item {
            event: Event::Drafts,
            line: Line(vec![
                Piece::Own("New draft 12: ".to_owned()),
                Piece::Foreign(foreign.to_owned()),
                Piece::Own(" (new) ".to_owned()),
                Piece::Link("https://watch.example.org/draft/12?a=1&b=2".to_owned()),
            ]),
            since: 0,
            notification: Some(12),
            builders: Vec::new(),
            failures: Vec::new(),
            certainty: None,
            link: None,
        }
    }

    #[track_caller]
    fn check(foreign: &str, markup: Markup, expect: &str) {
        assert_eq!(item(foreign).line.rendered(markup), expect);
    }

    #[test]
    fn foreign_text_is_text_everywhere() {
        let hostile = "test_`x`\r\n@everyone <!channel> <@U1>\u{2}\u{3}04red\u{202e} &amp;";
        check(
            hostile,
            Markup::Discord,
            "New draft 12: `test_'x' @\u{200b}everyone <!channel> <@\u{200b}U1>04red &amp;` (new) \
             <https://watch.example.org/draft/12?a=1&b=2>",
        );
        check(
            hostile,
            Markup::Slack,
            "New draft 12: `test_'x' @\u{200b}everyone &lt;!channel&gt; &lt;@\u{200b}U1&gt;04red \
             &amp;amp;` (new) &lt;https://watch.example.org/draft/12?a=1&amp;b=2&gt;"
                .replace("&lt;https", "<https")
                .replace("b=2&gt;", "b=2>")
                .as_str(),
        );
        check(
            "@**all** @_**x** @room <b>bold</b>",
            Markup::Html,
            "New draft 12: <code>@\u{200b}**all** @\u{200b}_**x** @\u{200b}room \
             &lt;b&gt;bold&lt;/b&gt;</code> (new) \
             <a href=\"https://watch.example.org/draft/12?a=1&amp;b=2\">\
             https://watch.example.org/draft/12?a=1&amp;b=2</a>",
        );
        check(
            "@**all** ```",
            Markup::Zulip,
            "New draft 12: `@\u{200b}**all** '''` (new) https://watch.example.org/draft/12?a=1&b=2",
        );
        check(
            "\u{1}ACTION@room\u{1}\n",
            Markup::Plain,
            "New draft 12: ACTION@\u{200b}room (new) https://watch.example.org/draft/12?a=1&b=2",
        );
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let items: Vec<Item> = (0..100).map(|n| item(&"\u{1f600}".repeat(n))).collect();
        let message = Message { items };
        let text = message.text(Markup::Discord, 2000);
        assert!(text.encode_utf16().count() <= 2000, "{}", text.len());
        let shown = text.lines().count() - 1;
        assert!(
            text.ends_with(&format!("... and {} more", 100 - shown)),
            "{text}"
        );
        assert!(shown > 10, "{text}");
        assert_eq!(message.text(Markup::Plain, 10), "... and 100 more");
        assert_eq!(message.lines(Markup::Plain, 100).len(), 100);
        assert_eq!(message.lines(Markup::Plain, 2)[2], "... and 98 more");
    }
}
