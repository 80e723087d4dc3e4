//! The grammar of lines (RFC 1459, section 2.3.1; IRCv3 message tags).

use crate::domain::untrusted::plain_line;

/// The longest line, with its end, in bytes (RFC 1459, section 2.3).
const LINE_BYTES: usize = 512;

/// What a server puts in front of our lines besides the nick: `:!~user@host `, with
/// the longest user and host that are usual.
const PREFIX_BYTES: usize = 1 + 1 + 11 + 1 + 63 + 1;

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Who: a nick or a server; empty if it is the server itself.
    pub(super) from: String,
    /// `PRIVMSG`, `001`; in upper case.
    pub(super) command: String,
    /// With the trailing one.
    pub(super) params: Vec<String>,
}

impl Line {
    /// Reads a line without its end; `None` for one without a command.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim_start_matches(' ');
        if let Some(tagged) = rest.strip_prefix('@') {
            rest = tagged.split_once(' ')?.1.trim_start_matches(' ');
        }
        let mut from = String::new();
        if let Some(prefixed) = rest.strip_prefix(':') {
            let (prefix, after) = prefixed.split_once(' ')?;
            from = prefix.split('!').next().unwrap_or_default().to_owned();
            rest = after.trim_start_matches(' ');
        }
        let (middle, trailing) = match rest.split_once(" :") {
            Some((middle, trailing)) => (middle, Some(trailing)),
            None => (rest, None),
        };
        let mut words = middle.split(' ').filter(|word| !word.is_empty());
        let command = words.next()?.to_ascii_uppercase();
        let params = words.chain(trailing).map(str::to_owned).collect();
        Some(Self {
            from,
            command,
            params,
        })
    }

    /// A parameter, counted from 0; empty if there are fewer.
    pub(super) fn param(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }

    /// The last parameter: the words for people.
    pub(super) fn words(&self) -> &str {
        self.params.last().map_or("", String::as_str)
    }
}

/// What says a text in a channel, so short that it fits into one line also with what
/// the server puts in front of it. The text is one line without control characters,
/// so that it can neither begin another command nor colour anything.
pub(super) fn privmsg(nick: &str, channel: &str, text: &str) -> String {
    let head = format!("PRIVMSG {channel} :");
    let room = LINE_BYTES - "\r\n".len() - PREFIX_BYTES;
    let room = room.saturating_sub(nick.len() + head.len());
    let text = plain_line(text, LINE_BYTES);
    format!("{head}{}", cut(&text, room))
}

/// At most so many bytes, without breaking a character; `...` tells that more was
/// there.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut end = bytes.saturating_sub("...".len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", text.get(..end).unwrap_or_default())
}

/// Another name, if one is taken; `attempt` counts from 1.
pub(super) fn other_nick(nick: &str, attempt: u32) -> String {
    match attempt {
        1 => format!("{nick}_"),
        2 => format!("{nick}__"),
        // Nothing longer than what was asked for: a server may allow no more.
        more => {
            let kept: String = nick.chars().take(nick.len().saturating_sub(1)).collect();
            format!("{kept}{more}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let found = Line::parse(text).map_or("none".to_owned(), |line| {
            format!("{}|{}|{}", line.from, line.command, line.params.join("|"))
        });
        assert_eq!(found, expect);
    }

    #[test]
    fn lines_are_taken_apart() {
        check("PING :a b", "|PING|a b");
        check(
            ":srv 001 nick :Welcome to IRC",
            "srv|001|nick|Welcome to IRC",
        );
        check(":a!b@c privmsg #x :hi: there", "a|PRIVMSG|#x|hi: there");
        check("@time=x;y=z :a!b@c  JOIN   #x", "a|JOIN|#x");
        check(
            "CAP * LS * :sasl=PLAIN multi",
            "|CAP|*|LS|*|sasl=PLAIN multi",
        );
        check("AUTHENTICATE +", "|AUTHENTICATE|+");
        check(":srv 353 n = #x :", "srv|353|n|=|#x|");
        for nothing in ["", "   ", ":only-a-prefix", "@only-tags", ":p "] {
            check(nothing, "none");
        }
    }

    #[test]
    fn what_is_said_fits_and_is_one_command() {
        let said = privmsg("watch", "#x", "a\r\nQUIT :b\u{0}\u{3}04c\u{1}");
        assert_eq!(said, "PRIVMSG #x :a QUIT :b04c");
        for width in ["x", "é", "\u{1f600}"] {
            let nick = "a".repeat(30);
            let said = privmsg(&nick, "#channel", &width.repeat(600));
            assert!(said.ends_with("..."), "{said}");
            let whole = format!(":{nick}!~{}@{} {said}\r\n", "u".repeat(10), "h".repeat(63));
            assert!(whole.len() <= 512, "{}", whole.len());
            assert!(whole.len() > 500, "{}", whole.len());
        }
    }

    #[test]
    fn another_name_is_never_much_longer() {
        let others: Vec<String> = (1..5).map(|n| other_nick("watch", n)).collect();
        assert_eq!(others, ["watch_", "watch__", "watc3", "watc4"]);
    }
}
