//! Reading a log: some lines at a time, of bounded length, in constant memory.

use reqwest::Url;

use super::master::Master;
use super::shapes::{Chunk, Chunks};
use crate::ci::{Extent, Extract, Log, Miss, Piece};
use crate::http::JSON_CAP;

/// The most that is read of a log, in bytes.
const LOG_CAP: u64 = 64 << 20;
/// Of a longer log this much is read of the beginning. Then lines are left out.
const BEGINNING: u64 = LOG_CAP / 4 * 3;
/// What is read of an end, in bytes.
const TAIL_CAP: u64 = LOG_CAP / 2;
/// The most that is transferred for a log, in bytes: lines of several MB are cut
/// here, not there.
const TRANSFER_CAP: u64 = 4 * LOG_CAP;
/// Longer lines are cut, in bytes, their end included. (2 MB ones have been seen.)
const LINE_CAP: usize = 64 << 10;
/// So many bytes are wanted at a time.
const PAGE: u64 = 512 << 10;
/// So many lines are asked for first, and at most.
const FIRST_LINES: u64 = 500;
const MOST_LINES: u64 = 10_000;
/// What stands for a line that alone is longer than an answer may be.
const UNREADABLE: &str = "h(a line of several MB is left out)";

impl Master {
    /// Gives the wanted lines to `sink`.
    ///
    /// Asks for so many lines that each answer is small; no answer is over
    /// [`JSON_CAP`].
    pub(super) async fn lines(
        &self,
        api: &Url,
        log: &Log,
        extent: Extent,
        sink: &mut dyn FnMut(Piece<'_>),
    ) -> Result<Extract, Miss> {
        let mut plan = Plan::new(log.lines, extent);
        let mut at_once = FIRST_LINES;
        let mut expected = 0;
        // Somewhere before this line is one that makes answers too long.
        let mut careful_until = 0;
        while let Some(first) = plan.next() {
            if first > expected {
                sink(Piece::LeftOut(first - expected));
                expected = first;
            }
            match self.some_lines(api, log.id, first, at_once).await {
                Ok(content) if content.is_empty() => {
                    plan.nothing_came();
                    break;
                }
                Ok(content) => {
                    let came = pass_on(&content, sink);
                    expected = plan.took(&came, at_once);
                    if expected >= careful_until {
                        at_once = came.fitting().min(at_once * 4).clamp(1, MOST_LINES);
                    }
                }
                Err(Miss::TooLong(_)) if at_once > 1 => {
                    plan.transferred += JSON_CAP as u64;
                    careful_until = first + at_once;
                    at_once = (at_once / 8).max(1);
                }
                Err(Miss::TooLong(_)) => {
                    let mut came = pass_on(UNREADABLE, sink);
                    came.transferred = JSON_CAP as u64;
                    expected = plan.took(&came, 1);
                }
                Err(other) => return Err(other),
            }
        }
        Ok(plan.extract)
    }

    /// The lines from `first` on; nothing where there are none (any more).
    ///
    /// The limit may reach beyond the log's end, so that nothing of the last
    /// lines is missing where the server counts them differently: to Buildbot
    /// 4.3 a bare carriage return ends a line when it reads, not when it stores.
    async fn some_lines(
        &self,
        api: &Url,
        log: u64,
        first: u64,
        limit: u64,
    ) -> Result<String, Miss> {
        let query = [("offset", first.to_string()), ("limit", limit.to_string())];
        let path = ["logs", &log.to_string(), "contents"];
        let chunks: Chunks = self.get(api, &path, &query).await?;
        let chunk = chunks.logchunks.into_iter().next();
        let strange = || Miss::Strange("the log's lines are not those asked for".into());
        let Chunk { firstline, content } = chunk.ok_or_else(strange)?;
        if firstline != first {
            return Err(strange());
        }
        Ok(content)
    }
}

/// What one answer gave.
struct Came {
    lines: u64,
    kept: u64,
    transferred: u64,
}

impl Came {
    /// How many lines like these make a page.
    fn fitting(&self) -> u64 {
        (PAGE * self.lines.max(1)) / self.transferred.max(1)
    }

    fn hand_on(&mut self, text: Option<&str>, sink: &mut dyn FnMut(Piece<'_>)) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.kept += text.len() as u64;
            sink(Piece::Lines(text));
        }
    }
}

/// Hands on whole lines, as many at a time as need no cutting.
fn pass_on(content: &str, sink: &mut dyn FnMut(Piece<'_>)) -> Came {
    let mut came = Came {
        lines: 0,
        kept: 0,
        transferred: content.len() as u64,
    };
    let mut begin = 0;
    let mut next = 0;
    for line in content.split_inclusive('\n') {
        let at = next;
        next += line.len();
        came.lines += 1;
        if line.len() <= LINE_CAP && line.ends_with('\n') {
            continue;
        }
        came.hand_on(content.get(begin..at), sink);
        let line = line.strip_suffix('\n').unwrap_or(line);
        let cut = line.get(..line.floor_char_boundary(LINE_CAP));
        came.hand_on(cut.map(|cut| format!("{cut}\n")).as_deref(), sink);
        begin = next;
    }
    came.hand_on(content.get(begin..), sink);
    came
}

/// Which lines are asked for next.
///
/// A log that is too long is read from its beginning and towards its end: after
/// [`BEGINNING`] bytes so much is left out that the rest, if its lines are like
/// those before, fits into what may still be read. If they are longer, more is
/// left out, so that the last lines are always among those read.
struct Plan {
    next: u64,
    end: u64,
    extract: Extract,
    kept: u64,
    transferred: u64,
    /// When more is spent than this, it is looked at what fits.
    mark: u64,
    cap: u64,
}

impl Plan {
    fn new(lines: u64, extent: Extent) -> Self {
        let (first, mark, cap) = match extent {
            Extent::Tail(wanted) if wanted < lines => (lines - wanted, TAIL_CAP / 2, TAIL_CAP),
            Extent::Tail(_) | Extent::Whole => (0, BEGINNING, LOG_CAP),
        };
        Self {
            next: first,
            end: lines,
            extract: Extract {
                before: first,
                ..Extract::default()
            },
            kept: 0,
            transferred: 0,
            mark,
            cap,
        }
    }

    fn next(&mut self) -> Option<u64> {
        if self.spent() >= self.cap {
            self.leave_out_up_to(self.end);
        }
        (self.next < self.end).then_some(self.next)
    }

    /// What counts against the cap: what was kept, or a part of what was
    /// transferred.
    fn spent(&self) -> u64 {
        self.kept.max(self.transferred / (TRANSFER_CAP / LOG_CAP))
    }

    /// Gives the line after those that came.
    fn took(&mut self, came: &Came, asked: u64) -> u64 {
        // Where the server makes more lines than it stores, no more were asked for.
        let advance = came.lines.min(asked).max(1);
        self.next = (self.next + advance).min(self.end);
        let after = self.next;
        self.extract.lines += came.lines;
        self.kept += came.kept;
        self.transferred += came.transferred;
        let (spent, remaining) = (self.spent(), self.end - self.next);
        if spent < self.mark || spent >= self.cap {
            return after;
        }
        let left = self.cap - spent;
        // The lines that came last tell best how long the next ones are.
        let length = (spent / self.extract.lines.max(1)).max(came.kept / came.lines.max(1));
        let fitting = left / length.max(1);
        if remaining > fitting {
            self.leave_out_up_to(self.end - (fitting / 2).min(remaining / 2).max(1));
        }
        self.mark = spent + left / 2;
        after
    }

    fn leave_out_up_to(&mut self, line: u64) {
        self.extract.gaps += line.saturating_sub(self.next);
        self.next = self.next.max(line);
    }

    fn nothing_came(&mut self) {
        self.leave_out_up_to(self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::{Came, LOG_CAP, MOST_LINES, Plan, TAIL_CAP, pass_on};
    use crate::ci::{Extent, Extract, Piece};

    #[test]
    fn lines_are_cut_where_a_character_begins() {
        let mut text = String::new();
        let content = format!("oa\n\noé{}\nob\nend", "é".repeat(40_000));
        let came = pass_on(&content, &mut |piece| match piece {
            Piece::Lines(lines) => text.push_str(lines),
            Piece::LeftOut(_) => panic!("nothing is left out"),
        });
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!(
            (lines[0], lines[1], &lines[3..]),
            ("oa", "", &["ob", "end", ""][..])
        );
        assert_eq!((lines[2].len(), came.lines), ((64 << 10) - 1, 5));
        assert_eq!(came.kept as usize, text.len());
    }

    /// Reads a log whose lines have these lengths; gives which were read.
    fn read(count: u64, extent: Extent, length: impl Fn(u64) -> u64) -> (Vec<u64>, Extract) {
        let mut plan = Plan::new(count, extent);
        let mut read = Vec::new();
        let mut bytes = 0;
        while let Some(first) = plan.next() {
            let numbers = first..count.min(first + MOST_LINES / 10);
            let kept = numbers.clone().map(&length).sum();
            let lines = numbers.end - numbers.start;
            read.extend(numbers);
            bytes += kept;
            let transferred = kept;
            let came = Came {
                lines,
                kept,
                transferred,
            };
            plan.took(&came, MOST_LINES / 10);
        }
        assert!(read.is_sorted());
        // The cap, and the answer that went beyond it.
        assert!(bytes <= LOG_CAP + 1000 * (64 << 10), "{bytes}");
        let extract = plan.extract;
        assert_eq!(extract.lines as usize, read.len());
        assert_eq!(extract.before + extract.lines + extract.gaps, count);
        (read, extract)
    }

    #[test]
    fn up_to_64_mib_everything_is_read() {
        for (count, length) in [(0, 80), (1, 80), (1_000, 64 << 10), (1_200_000, 50)] {
            for extent in [Extent::Whole, Extent::Tail(2_000_000)] {
                let (read, extract) = read(count, extent, |_| length);
                assert_eq!(read.len() as u64, count);
                assert!(extract.is_whole());
            }
        }
        let (read, extract) = read(100_000, Extent::Tail(20_000), |_| 80);
        assert_eq!((read.len(), read[0]), (20_000, 80_000));
        assert_eq!((extract.before, extract.gaps), (80_000, 0));
    }

    #[test]
    fn of_a_longer_log_beginning_and_end_are_read() {
        let count = 10_000_000;
        for length in [20, 80, 900] {
            let (read, extract) = read(count, Extent::Whole, |_| length);
            assert_eq!((read[0], read.last()), (0, Some(&(count - 1))));
            assert!(read.len() as u64 * length >= LOG_CAP / 4 * 3);
            let end = (0..count).rev().zip(read.iter().rev());
            let end = end.take_while(|(all, read)| all == *read).count();
            assert!(end as u64 * length >= LOG_CAP / 32, "{end}");
            assert!(extract.gaps > 0 && !extract.is_whole());
        }
    }

    #[test]
    fn an_end_of_long_lines_does_not_hide_the_last_ones() {
        let length = |line: u64| if line < 900_000 { 10 } else { 5_000 };
        for extent in [Extent::Whole, Extent::Tail(200_000)] {
            let (read, _) = read(1_000_000, extent, length);
            assert_eq!(read.last(), Some(&999_999));
        }
        let (read, extract) = read(40_000, Extent::Tail(20_000), |_| 64 << 10);
        assert_eq!((read[0], extract.before), (20_000, 20_000));
        assert!(read.len() as u64 * (64 << 10) <= TAIL_CAP + 1000 * (64 << 10));
    }

    #[test]
    fn what_is_only_transferred_counts_less() {
        let mut plan = Plan::new(1_000_000, Extent::Whole);
        let mut asked = 0;
        while plan.next().is_some() {
            asked += 1;
            let came = Came {
                lines: 1,
                kept: 30,
                transferred: 8 << 20,
            };
            plan.took(&came, 1);
        }
        assert!((20..=40).contains(&asked), "{asked}");
        assert!(plan.extract.gaps > 0);
    }
}
