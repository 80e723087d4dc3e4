//! Fetching a log: a bounded number of lines at a time, of bounded length.

use reqwest::Url;

use crate::ci::buildbot::Master;
use crate::ci::buildbot::shapes::{Chunks, LogRow};
use crate::ci::{Extent, Miss};

/// The most that is kept of a log, in bytes.
const LOG_CAP: usize = 64 << 20;
/// Longer lines are cut, in bytes. (2 MB ones have been seen.)
const LINE_CAP: usize = 64 << 10;
/// So many lines are asked for at a time; fewer where they are very long.
const LINES_AT_ONCE: u64 = 2_000;
/// Of a longer log the beginning is left out.
const MOST_LINES: u64 = 1_000_000;
/// What stands for a line that alone is longer than an answer may be.
const UNREADABLE: &str = "h(a line of several MB is left out)";

impl Master {
    /// The wanted lines, and how many before them are left out.
    pub(super) async fn lines(
        &self,
        api: &Url,
        log: &LogRow,
        extent: Extent,
    ) -> Result<(String, u64), Miss> {
        let wanted = match extent {
            Extent::Tail(lines) => lines.min(MOST_LINES),
            Extent::Whole => MOST_LINES,
        };
        let first = log.num_lines.saturating_sub(wanted);
        let mut kept = Kept::new(first);
        let mut next = first;
        let mut at_once = LINES_AT_ONCE;
        while next < log.num_lines {
            let limit = at_once.min(log.num_lines - next);
            match self.some_lines(api, log, next, limit).await {
                Ok(lines) => {
                    for line in &lines {
                        kept.push(line);
                    }
                    next += lines.len() as u64;
                    at_once = LINES_AT_ONCE.min(at_once * 2);
                }
                Err(Miss::TooLong(_)) if limit > 1 => at_once = limit / 2,
                Err(Miss::TooLong(_)) => {
                    kept.push(UNREADABLE);
                    next += 1;
                }
                Err(other) => return Err(other),
            }
        }
        Ok((kept.text, kept.skipped))
    }

    /// At least one line, from `first` on.
    async fn some_lines(
        &self,
        api: &Url,
        log: &LogRow,
        first: u64,
        limit: u64,
    ) -> Result<Vec<String>, Miss> {
        let id = log.logid.to_string();
        let query = [("offset", first.to_string()), ("limit", limit.to_string())];
        let chunks: Chunks = self.get(api, &["logs", &id, "contents"], &query).await?;
        let chunk = chunks
            .logchunks
            .into_iter()
            .next()
            .filter(|chunk| chunk.firstline == first)
            .ok_or_else(|| Miss::Strange("the log's lines are not those asked for".into()))?;
        let lines: Vec<String> = chunk
            .content
            .split_terminator('\n')
            .take(usize::try_from(limit).unwrap_or(0))
            .map(ToOwned::to_owned)
            .collect();
        if lines.is_empty() {
            return Err(Miss::Strange("the log ends too early".into()));
        }
        Ok(lines)
    }
}

/// The end of a log, at most [`LOG_CAP`] bytes.
struct Kept {
    text: String,
    skipped: u64,
}

impl Kept {
    fn new(skipped: u64) -> Self {
        Self {
            text: String::new(),
            skipped,
        }
    }

    fn push(&mut self, line: &str) {
        let end = line.floor_char_boundary(LINE_CAP);
        self.text.push_str(line.get(..end).unwrap_or_default());
        self.text.push('\n');
        if self.text.len() > LOG_CAP {
            self.drop_a_quarter();
        }
    }

    /// Line by line would move the whole text each time.
    fn drop_a_quarter(&mut self) {
        let at_least = self.text.ceil_char_boundary(LOG_CAP / 4);
        let end = self
            .text
            .get(at_least..)
            .and_then(|rest| rest.find('\n'))
            .map_or(self.text.len(), |newline| at_least + newline + 1);
        let dropped = self.text.drain(..end);
        self.skipped += dropped.filter(|character| *character == '\n').count() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, LINE_CAP, LOG_CAP};

    #[test]
    fn a_log_is_bounded_and_its_end_is_kept() {
        let mut kept = Kept::new(5);
        kept.push(&"é".repeat(LINE_CAP));
        assert_eq!((kept.text.len(), kept.skipped), (LINE_CAP + 1, 5));

        let mut kept = Kept::new(0);
        let line = "x".repeat(LINE_CAP - 1);
        let lines = LOG_CAP / LINE_CAP + 3;
        for number in 0..lines {
            kept.push(&format!("{number}{line}"));
        }
        let left = kept.text.lines().count();
        assert!(kept.text.len() <= LOG_CAP && left > lines / 2);
        assert_eq!(kept.skipped as usize + left, lines);
        assert!(kept.text.starts_with(&kept.skipped.to_string()));
        assert!(
            kept.text
                .lines()
                .last()
                .unwrap()
                .starts_with(&(lines - 1).to_string())
        );
    }
}
