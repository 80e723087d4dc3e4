//! What is printed: text for people or one JSON document, never both.
//!
//! A reader that went away (`| head`) is no error. Colour is used only on a
//! terminal, and not when NO_COLOR is set (<https://no-color.org>).

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use rustix::termios::tcgetwinsize;
use serde_json::Value;

/// Where verbs write to.
#[derive(Debug)]
pub(super) struct Screen {
    form: Form,
    colour: bool,
    redraws: bool,
    width: usize,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Text for people.
    Text,
    /// One JSON document.
    Json,
}

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A heading, or what to type.
    Bold,
    /// Less important.
    Dim,
    /// All is well.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
}

/// Columns when nobody says how many there are.
const USUAL_WIDTH: usize = 80;
/// Lines longer than this are hard to read on any terminal.
const GREATEST_WIDTH: usize = 120;

impl Screen {
    /// The standard output as it is.
    pub(super) fn new(form: Form) -> Self {
        let terminal = io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            form,
            colour: terminal && !no_colour && !dumb,
            redraws: form == Form::Text && terminal && !dumb,
            width: width().clamp(40, GREATEST_WIDTH),
        }
    }

    /// How many columns a line may have.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Whether a person can be asked something here.
    pub(super) fn can_ask(&self) -> bool {
        self.form == Form::Text && io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Whether a line can be drawn over: on a terminal.
    pub(super) fn redraws(&self) -> bool {
        self.redraws
    }

    /// Draws a line over the last one that was drawn so; an empty one takes it away.
    pub(super) fn redraw(&self, line: &str) {
        if self.redraws {
            // ECMA-48's EL: what is to the right of the cursor goes.
            write(&format!("\r{line}\u{1b}[K"));
        }
    }

    /// Prints a line for people.
    pub(super) fn say(&self, line: impl AsRef<str>) {
        if self.form == Form::Text {
            write(&format!("{}\n", line.as_ref()));
        }
    }

    /// Prints a document for programs. Characters beyond ASCII are escaped, so
    /// that nothing in it acts on a terminal (I17).
    pub(super) fn document(&self, document: &Value) {
        if self.form == Form::Json {
            let text = serde_json::to_string_pretty(document).unwrap_or_default();
            write(&format!("{}\n", ascii(&text)));
        }
    }

    /// Prints one of several documents for programs: each on a line of its own
    /// (<https://jsonlines.org>), escaped like [`Screen::document`].
    pub(super) fn record(&self, document: &Value) {
        if self.form == Form::Json {
            write(&format!("{}\n", ascii(&document.to_string())));
        }
    }

    /// Prints a question and reads the answer's line; empty at the end of input.
    pub(super) fn ask(&self, question: &str) -> String {
        write(question);
        let mut answer = String::new();
        // An unreadable answer counts as none.
        let _ = io::stdin().read_line(&mut answer);
        answer.trim().to_owned()
    }

    /// The text in a tone, if there are colours.
    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Bold => "1",
            Tone::Dim => "2",
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// A heading with an empty line above.
    pub(super) fn heading(&self, text: &str) {
        self.say("");
        self.say(self.paint(Tone::Bold, text));
    }
}

/// Why the standard output could not be written; there is but one.
static BROKEN: OnceLock<io::Error> = OnceLock::new();

/// Why something that was to be printed was not; `None` if all of it was, or if
/// the reader went away.
pub(super) fn broken() -> Option<&'static io::Error> {
    BROKEN
        .get()
        .filter(|error| error.kind() != ErrorKind::BrokenPipe)
}

/// Writes and flushes at once; nothing more after the first error.
fn write(text: &str) {
    if BROKEN.get().is_some() {
        return;
    }
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    if let Err(error) = written.and_then(|()| stdout.flush()) {
        // The first error is the one that tells.
        let _ = BROKEN.set(error);
    }
}

fn width() -> usize {
    let asked = std::env::var("COLUMNS").ok();
    let asked = asked.and_then(|text| text.parse::<usize>().ok());
    let found = || {
        tcgetwinsize(io::stdout())
            .ok()
            .map(|size| size.ws_col.into())
    };
    asked
        .or_else(found)
        .filter(|width| *width > 0)
        .unwrap_or(USUAL_WIDTH)
}

/// JSON with every character beyond printable ASCII as `\u....`.
fn ascii(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    let mut units = [0; 2];
    for char in json.chars() {
        if char == '\n' || matches!(char, ' '..='~') {
            safe.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut units) {
            safe.push_str(&format!("\\u{unit:04x}"));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_nothing_that_acts_on_a_terminal() {
        let hostile = "\u{1b}[31m \u{9b}31m \u{7f} \u{202e} ☠ 𝄞 \"q\" \\";
        let json = serde_json::to_string_pretty(&serde_json::json!({ "a": hostile })).unwrap();
        let safe = ascii(&json);
        assert!(
            safe.chars()
                .all(|char| char == '\n' || matches!(char, ' '..='~'))
        );
        let back: Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(back["a"], hostile);
    }
}
