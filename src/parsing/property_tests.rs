//! What holds for any text: the corpus, cut, repeated and spoilt. The same
//! spoilt inputs each time, so that a failure can be looked into.

use std::fs;
use std::path::{Path, PathBuf};

use super::excerpt::{MAX_CHARS, MAX_LINES};
use super::logs::{Findings, LogReader};
use super::mime::{Completeness, parse};
use super::understand;
use crate::domain::failure::Failure;

/// Spoilt copies of each input.
const COPIES: u64 = 6;
/// Longer inputs are cut before they are spoilt: the test is not optimised.
const MOST_BYTES: usize = 40_000;

/// Numbers by chance that are the same each time (xorshift64*, Vigna 2016).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % limit.max(1)
    }
}

/// Bytes that mean something to one of the readers.
const TELLING: [&[u8]; 12] = [
    b"\n",
    b"\r\n",
    b"\0",
    b"\x1b[31m",
    b"\xff\xfe",
    b"\xe2\x80\xae",
    b"Traceback (most recent call last):\n",
    b"======================================================================\n",
    b"----------------------------------------------------------------------\n",
    b"FAIL: ",
    b" ... ",
    b"(",
];

fn spoilt(input: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=chance.below(6) {
        let at = chance.below(bytes.len() + 1);
        let end = at + chance.below(bytes.len() - at + 1);
        match chance.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end.min(at + 2000)].to_vec();
                let times = 1 + chance.below(5);
                bytes.splice(at..at, part.repeat(times));
            }
            3 => {
                for byte in bytes
                    .iter_mut()
                    .skip(at)
                    .step_by(1 + chance.below(40))
                    .take(20)
                {
                    *byte = u8::try_from(chance.below(256)).unwrap();
                }
            }
            4 => {
                let what = TELLING[chance.below(TELLING.len())];
                bytes.splice(at..at, what.iter().copied());
            }
            _ => {
                let line = bytes[at..end].iter().position(|byte| *byte == b'\n');
                if let Some(line) = line {
                    bytes.remove(at + line);
                }
            }
        }
    }
    bytes.truncate(3 * MOST_BYTES);
    bytes
}

fn inputs(folder: &str, extension: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(MOST_BYTES);
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

fn read_in_pieces(log: &[u8], piece: usize) -> Findings {
    let mut reader = LogReader::default();
    for bytes in log.chunks(piece) {
        reader.push(bytes);
    }
    reader.finish(None)
}

#[track_caller]
fn assert_bounded(failures: &[Failure], what: &str) {
    assert!(failures.len() <= 600, "{what}");
    for failure in failures {
        assert!(failure.excerpt.len() <= MAX_LINES, "{what}: {failure:?}");
        assert!(failure.signature.0.starts_with('v'), "{what}");
        let test = [
            &failure.test.file,
            &failure.test.class,
            &failure.test.method,
        ];
        let details = &failure.details;
        let texts = test
            .into_iter()
            .chain([&failure.test.subtest, &failure.line, &failure.message])
            .chain([&failure.exception, &details.docstring, &details.sanitizer])
            .flatten()
            .chain(&failure.excerpt)
            .chain(&details.chain)
            .chain(&details.altered);
        for text in texts {
            assert!(text.chars().count() <= MAX_CHARS, "{what}: {text}");
            assert!(!text.contains(char::is_control), "{what}: {text:?}");
        }
    }
}

#[test]
fn spoilt_logs_are_read_within_bounds() {
    for (number, (path, log)) in inputs("logs", "txt").into_iter().enumerate() {
        let mut chance = Chance(0x9e37_79b9 + number as u64);
        for copy in 0..COPIES {
            let log = spoilt(&log, &mut chance);
            let what = format!("{}, copy {copy}", path.display());
            let whole = read_in_pieces(&log, usize::MAX);
            assert_bounded(&whole.failures, &what);
            let piece = 1 + chance.below(5000);
            assert_eq!(whole, read_in_pieces(&log, piece), "{what}, by {piece}");
        }
    }
}

/// Lines that say nothing, of tests that pass, some of them with what they print.
fn idle_lines(letter: &str, chance: &mut Chance) -> String {
    let mut text = String::new();
    for number in 0..chance.below(70) {
        let name = format!("{letter}test_{number} (test.test_a.DefaultTests.test_{number})");
        text.push_str(&match chance.below(9) {
            0 => format!("{name}\n{letter}What it does. ... ok\n"),
            1 => format!("{name} ... {letter}printed\n{letter}ok\n"),
            2 => format!("{name} ... skipped 'no reason'\n"),
            3 => format!("{name} [one] (i={number}) ... ok\r\n"),
            4 => format!("{letter}some output (with words)\n{letter}\n"),
            _ => format!("{name} ... ok\n"),
        });
    }
    text
}

/// Where a log is known to have letters or not, and nothing is open, lines are
/// passed over many at a time; in pieces smaller than a line they are not.
#[test]
fn what_is_passed_over_makes_no_difference() {
    for (number, (path, log)) in inputs("logs", "txt").into_iter().enumerate() {
        let letter = if log.starts_with(b"h") { "o" } else { "" };
        let progress = format!("{letter}0:00:01 [  1/400] test_before passed\n");
        for begin in ["", &progress] {
            let mut chance = Chance(0xc2b2_ae35 + number as u64);
            let nothing = format!("{letter}checking for something... yes\n").repeat(200);
            let mut long = [nothing.as_bytes(), begin.as_bytes()].concat();
            long.extend(idle_lines(letter, &mut chance).bytes());
            for line in log.split_inclusive(|byte| *byte == b'\n') {
                long.extend(line);
                if chance.below(30) == 0 && line.ends_with(b"\n") {
                    long.extend(idle_lines(letter, &mut chance).bytes());
                }
            }
            let what = format!("{} behind {begin:?}", path.display());
            let by_lines = read_in_pieces(&long, 1);
            assert_eq!(read_in_pieces(&long, usize::MAX), by_lines, "{what}");
            assert_eq!(read_in_pieces(&long, 3000), by_lines, "{what}, in pieces");
        }
    }
}

#[test]
fn spoilt_mails_are_read_within_bounds() {
    for (number, (path, mail)) in inputs("mails", "eml").into_iter().enumerate() {
        let mut chance = Chance(0x85eb_ca6b + number as u64);
        for copy in 0..COPIES {
            let mail = spoilt(&mail, &mut chance);
            let what = format!("{}, copy {copy}", path.display());
            let Ok(mail) = parse(&mail, Completeness::Whole) else {
                continue;
            };
            for build in understand(&mail).builds {
                assert_bounded(&build.failures, &what);
            }
        }
    }
}
