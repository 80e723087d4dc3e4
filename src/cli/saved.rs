//! Saved mails as `replay` reads them: told apart from other files, and if a
//! person says so, as the list would have passed them on.

use super::screen::{Screen, Tone};
use super::words::{count, cut, wrapped};
use crate::maildir::FileMail;

/// A header of these is in every mail (RFC 5322, section 3.6), or was added on
/// its way.
const OF_MAILS: [&str; 8] = [
    "from",
    "date",
    "subject",
    "message-id",
    "to",
    "received",
    "return-path",
    "list-id",
];

/// What is no mail is named up to so many times.
const NAMED: usize = 5;

/// What was seen among the files.
#[derive(Debug)]
pub(super) struct Sorted {
    /// The List-Id to add where there is none.
    assumed: Option<String>,
    /// Files that are no mails.
    pub(super) no_mails: Vec<String>,
    /// Mails that name no list, and were left so.
    pub(super) without_list: usize,
}

impl Sorted {
    /// Nothing yet; mails without List-Id are read as posts of the list `assumed`.
    pub(super) fn new(assumed: Option<String>) -> Self {
        Self {
            assumed,
            no_mails: Vec::new(),
            without_list: 0,
        }
    }

    /// The mail to take in; `None` if it is none.
    pub(super) fn sort(&mut self, mail: FileMail) -> Option<FileMail> {
        let names = header_names(&mail.raw);
        if !names.iter().any(|name| OF_MAILS.contains(&name.as_str())) {
            self.no_mails.push(mail.origin);
            return None;
        }
        if names.iter().any(|name| name == "list-id") {
            return Some(mail);
        }
        let Some(list) = &self.assumed else {
            self.without_list += 1;
            return Some(mail);
        };
        let header = format!("List-Id: <{list}>\r\n");
        Some(FileMail {
            raw: [header.as_bytes(), &mail.raw].concat(),
            ..mail
        })
    }

    /// Says what was left out, and what to do about it.
    pub(super) fn tell(&self, screen: &Screen) {
        for file in self.no_mails.iter().take(NAMED) {
            let line = format!("not a mail: {file}");
            screen.say(screen.paint(Tone::Warning, &cut(&line, screen.width())));
        }
        if self.no_mails.len() > NAMED {
            let more = count(self.no_mails.len() - NAMED, "more file");
            screen.say(format!("{more} are not mails either"));
        }
        let they = match self.without_list {
            0 => return,
            1 => "1 mail was ignored: it carries no List-Id; if it is from your list",
            _ => "mails were ignored: they carry no List-Id; if they are from your list",
        };
        let words = match self.without_list {
            1 => format!("{they}, add --assume-list"),
            many => format!("{many} {they}, add --assume-list"),
        };
        for line in wrapped(&words, screen.width()) {
            screen.say(screen.paint(Tone::Warning, &line));
        }
    }
}

/// The names of a mail's headers in lower case; empty if it does not begin with one.
fn header_names(raw: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for line in raw.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_envelope = names.is_empty() && line.starts_with(b"From ");
        let is_folded = !names.is_empty() && matches!(line.first(), Some(b' ' | b'\t'));
        if is_envelope || is_folded {
            continue;
        }
        let Some(colon) = line.iter().position(|octet| *octet == b':') else {
            break;
        };
        let name = line.get(..colon).unwrap_or_default().trim_ascii_end();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            break;
        }
        names.push(String::from_utf8_lossy(name).to_ascii_lowercase());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(assumed: Option<&str>, raw: &str) -> (Option<String>, usize, usize) {
        let mut sorted = Sorted::new(assumed.map(str::to_owned));
        let mail = sorted.sort(FileMail {
            origin: "here".to_owned(),
            raw: raw.as_bytes().to_vec(),
            size: 0,
            truncated: false,
        });
        let raw = mail.map(|mail| String::from_utf8(mail.raw).unwrap());
        (raw, sorted.no_mails.len(), sorted.without_list)
    }

    #[test]
    fn what_is_no_mail_is_left_out() {
        for other in [
            "",
            "\n",
            "# a lock file\n[[package]]\n",
            "name: x\nversion: 1\n",
        ] {
            assert_eq!(sort(None, other), (None, 1, 0), "{other:?}");
        }
        let mail = "From a@b Sun Nov 22\nX-Y: 1\n 2\nSubject: x\n\nbody";
        assert_eq!(sort(None, mail), (Some(mail.to_owned()), 0, 1));
    }

    #[test]
    fn a_list_is_assumed_only_where_none_is_named() {
        let none = "Subject: x\n\nList-Id: <in.the.body>";
        let (posted, _, ignored) = sort(Some("a.b"), none);
        assert_eq!(posted, Some(format!("List-Id: <a.b>\r\n{none}")));
        assert_eq!(ignored, 0);
        let other = "Subject: x\nLIST-ID: <other.list>\n\n";
        assert_eq!(sort(Some("a.b"), other), (Some(other.to_owned()), 0, 0));
    }
}
