//! Which lines go on with the block that is open.

use super::{Block, Reader, Source};
use crate::domain::failure::FailureKind;
use crate::parsing::logs::doctest::{self, Example};
use crate::parsing::logs::regrtest::{self, Cause, Outcome, Place, Said};
use crate::parsing::logs::traceback::Traceback;
use crate::parsing::logs::unittest::{self, Header};
use crate::parsing::logs::{last_words, leaks};

/// Empty lines in a message, at most.
const MAX_EMPTY: u8 = 12;

impl Reader {
    /// Offers the line to the open block; `false` if none took it.
    pub(super) fn block_takes(&mut self, line: &str) -> bool {
        let place = self.place;
        if !matches!(self.block, Block::None) && is_of_buildbot(line) {
            self.end_block();
            return false;
        }
        let takes = match &mut self.block {
            Block::None => return false,
            Block::Header(..) => return self.header_takes(line),
            Block::Report(_, traceback) => {
                if traceback.is_in_frames() && is_aside(line) {
                    // Another stream, in the midst of it.
                    if let Some(said) = regrtest::read(line) {
                        self.heard_aside(said);
                    }
                    return true;
                }
                report_takes(traceback, line, place)
            }
            Block::Loose(expected, traceback, empty) => {
                let keeps = if expected.keeps_paragraphs() && self.source == Source::Log {
                    Keeps::Paragraphs
                } else if expected.keeps_message() || self.source == Source::Body {
                    Keeps::Paragraph
                } else {
                    Keeps::Line
                };
                loose_takes(traceback, line, keeps, empty)
            }
            Block::Dump(dump) => dump.goes_on_with(line),
            Block::Sanitizer(report) => report.goes_on_with(line),
            Block::List(list) => {
                let list = *list;
                let is_final = self.result.is_some();
                let names = regrtest::names(line);
                let takes = names.is_some();
                names
                    .into_iter()
                    .flatten()
                    .for_each(|name| self.files.listed(list, name, is_final));
                takes
            }
            Block::Stars => match Example::begin(line) {
                Some(example) => {
                    self.block = Block::Example(example);
                    true
                }
                None => false,
            },
            Block::Example(example) => {
                let goes_on = !doctest::is_stars(line) && regrtest::read(line).is_none();
                if goes_on {
                    example.push(line);
                }
                goes_on
            }
        };
        if !takes {
            self.end_block();
        }
        takes
    }

    /// A line below `FAIL: test_x (…)`.
    fn header_takes(&mut self, line: &str) -> bool {
        let Block::Header(header, is_sure) = &mut self.block else {
            return false;
        };
        let is_unexpected = header.kind == FailureKind::UnexpectedSuccess;
        if unittest::is_rule(line) && !is_unexpected {
            self.block = Block::Report(header.clone(), Traceback::default());
            return true;
        }
        if let Some(traceback) = Traceback::begin(line) {
            self.block = Block::Report(header.clone(), traceback);
            return true;
        }
        let goes_on = !unittest::is_rule(line)
            && !unittest::is_double_rule(line)
            && Header::parse(line).is_none()
            && header.goes_on_with(line, *is_sure);
        if !goes_on {
            // Unexpected successes stand one below the other.
            self.behind_rule = is_unexpected && *is_sure;
            self.end_block();
        }
        goes_on
    }
}

/// Whether Buildbot says how the command ended, or that the worker went away: nothing
/// goes on behind that.
fn is_of_buildbot(line: &str) -> bool {
    [
        "program finished with exit code ",
        "command timed out: ",
        "process killed by signal ",
        "remoteFailed: [Failure instance: ",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

/// A line of regrtest that another stream may put among the frames of a report.
fn is_aside(line: &str) -> bool {
    match regrtest::read(line) {
        Some(Said::Ended { cause, .. }) => cause != Cause::Traceback,
        _ => line.starts_with("Warning -- ") || line.starts_with("make: *** "),
    }
}

/// Takes a line of a report; `false` where the report has ended.
fn report_takes(traceback: &mut Traceback, line: &str, place: Option<Place>) -> bool {
    if traceback.ended_by_rule(line) {
        return false;
    }
    let is_rule = unittest::is_rule(line);
    if is_rule && traceback.takes_rule() {
        return true;
    }
    let is_end = is_rule || unittest::is_double_rule(line) || ends_output(line, place);
    let takes = traceback.is_fenced() || !is_end;
    if takes {
        traceback.push(line);
    }
    takes
}

/// Whether regrtest goes on with the line, so that a report or a message was cut
/// off. A message may quote such lines: those of the run count its files.
fn ends_output(line: &str, last: Option<Place>) -> bool {
    match regrtest::read(line) {
        Some(Said::Progress { place, .. }) => {
            let known = last.filter(|last| last.total.is_some() && place.total.is_some());
            known.is_none_or(|last| last.total == place.total && last.index <= place.index)
        }
        Some(Said::Rerun(..)) => true,
        // Not while files are still to come.
        Some(Said::Result(_)) => {
            let is_last = last.is_none_or(|last| last.total.is_none() || last.index == last.total);
            is_last && line.starts_with("== Tests result: ")
        }
        _ => false,
    }
}

/// How much of an exception's message belongs to a traceback outside of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// Its first line.
    Line,
    /// What comes before the first empty line.
    Paragraph,
    /// What comes before the next line that regrtest or a process's end prints.
    Paragraphs,
}

/// Takes a line of a traceback outside of a report; `false` where it has ended.
/// `empty` counts the empty lines since the exception's.
fn loose_takes(traceback: &mut Traceback, line: &str, keeps: Keeps, empty: &mut u8) -> bool {
    let takes = if !traceback.is_complete() {
        !line.is_empty() && (line.starts_with(' ') || regrtest::read(line).is_none())
    } else if traceback.goes_on_with(line) {
        *empty = 0;
        true
    } else if line.is_empty() {
        // The sentence of a chain may follow.
        *empty = empty.saturating_add(1);
        return *empty == 1 || (keeps == Keeps::Paragraphs && *empty <= MAX_EMPTY);
    } else {
        let is_kept = match keeps {
            Keeps::Line => false,
            Keeps::Paragraph => *empty == 0,
            Keeps::Paragraphs => *empty == 0 || !begins_other_output(line),
        };
        is_kept && goes_on_with_message(line)
    };
    if takes {
        traceback.push(line);
    }
    takes
}

/// What ends a message that has empty lines.
fn begins_other_output(line: &str) -> bool {
    unittest::is_rule(line)
        || unittest::is_double_rule(line)
        || line.starts_with("Warning -- ")
        || line.contains("Warning: ")
        || is_end_of_file(line)
        || regrtest::running(line).is_some()
        || last_words::find(line).is_some()
        || last_words::signal(line).is_some()
        || leaks::read(line).is_some()
}

/// `test_x failed (1 failure)`, behind the last file of a run one by one.
fn is_end_of_file(line: &str) -> bool {
    line.split_once(' ')
        .is_some_and(|(name, words)| name.starts_with("test") && Outcome::read(words).is_some())
}

fn goes_on_with_message(line: &str) -> bool {
    let ends = Traceback::begin(line).is_some()
        || regrtest::read(line).is_some()
        || line.starts_with("Kill <")
        || line.starts_with("make: *** ")
        || (line.contains(" ... ") && unittest::verbose(line, None).is_some());
    !ends
}
