//! Failures that are nearly the same: other words in a message, another frame.

use super::{Parts, Telling, mask};
use crate::domain::failure::{FailureKind, TestId};

/// Longer forms are cut: the comparison takes time in proportion to their
/// length and to a tenth of it.
const MAX_FORM_CHARS: usize = 400;

/// What two failures are compared by: the same parts as a signature's, in the
/// clear. Made from a failure on demand; of another version of the masking it
/// would be another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearForm {
    test: TestId,
    kind: FailureKind,
    exception: String,
    /// Numbers that are codes; they are causes however little of the text they are.
    codes: Vec<String>,
    message: Vec<char>,
    /// The message, what was told besides, and the frames.
    whole: Vec<char>,
    trigrams: Vec<[char; 3]>,
}

impl NearForm {
    /// The form of a failure.
    pub fn of(parts: &Parts<'_>) -> Self {
        let telling = Telling::of(parts);
        let whole: Vec<char> = [&telling.message]
            .into_iter()
            .chain(&telling.told)
            .chain(&telling.frames)
            .flat_map(|text| text.chars().chain(['\n']))
            .take(MAX_FORM_CHARS)
            .collect();
        Self {
            test: TestId {
                subtest: None,
                ..parts.test.clone()
            },
            kind: parts.kind,
            exception: telling.exception.to_owned(),
            codes: mask::codes(&telling.message),
            message: telling.message.chars().collect(),
            trigrams: trigrams(&whole),
            whole,
        }
    }
}

/// How far two failures are from each other: 0.0 for the same words, less than
/// 0.1 for near ones, none for others.
///
/// Never near: another kind, another test, another exception, another code (`[Errno
/// 13]` and `[Errno 2]`), a missing module of another name. Otherwise the edit
/// distance of the messages, and that of messages and frames together, both have
/// to be under 10 % of the longer one's length; the greater share is given.
/// Bounded time: most pairs end at their trigrams.
pub fn near(one: &NearForm, other: &NearForm) -> Option<f32> {
    let same_kind_of_thing = one.kind == other.kind
        && one.test == other.test
        && one.exception == other.exception
        && one.codes == other.codes;
    if !same_kind_of_thing {
        return None;
    }
    if one.whole == other.whole {
        return Some(0.0);
    }
    if !share_enough_trigrams(one, other) {
        return None;
    }
    let share = |one: &[char], other: &[char]| {
        let longer = one.len().max(other.len());
        if longer == 0 {
            return Some(0.0);
        }
        let distance = distance_within(one, other, most_edits(longer))?;
        Some(distance as f32 / longer as f32)
    };
    let of_messages = share(&one.message, &other.message)?;
    let of_all = share(&one.whole, &other.whole)?;
    Some(of_messages.max(of_all))
}

/// Less than a tenth.
fn most_edits(length: usize) -> usize {
    length.saturating_sub(1) / 10
}

fn trigrams(text: &[char]) -> Vec<[char; 3]> {
    let mut all: Vec<[char; 3]> = text
        .windows(3)
        .filter_map(|three| three.try_into().ok())
        .collect();
    all.sort_unstable();
    all
}

/// One edit changes three trigrams at most, so near texts share all but few.
fn share_enough_trigrams(one: &NearForm, other: &NearForm) -> bool {
    let longer = one.whole.len().max(other.whole.len());
    let most = one.trigrams.len().max(other.trigrams.len());
    let needed = most.saturating_sub(3 * most_edits(longer));
    let (mut left, mut right) = (
        one.trigrams.iter().peekable(),
        other.trigrams.iter().peekable(),
    );
    let mut shared = 0;
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        match a.cmp(b) {
            std::cmp::Ordering::Less => drop(left.next()),
            std::cmp::Ordering::Greater => drop(right.next()),
            std::cmp::Ordering::Equal => {
                shared += 1;
                left.next();
                right.next();
            }
        }
    }
    shared >= needed
}

/// The edit distance if it is `most` or less: only the band of that width around
/// the diagonal is looked at, so the time is the length times the width.
fn distance_within(one: &[char], other: &[char], most: usize) -> Option<usize> {
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let too_many = most + 1;
    let start: Vec<usize> = (0..=other.len()).map(|at| at.min(too_many)).collect();
    let (mut above, mut row) = (start, vec![too_many; other.len() + 1]);
    for (at, char) in one.iter().enumerate() {
        let first = (at + 1).saturating_sub(most);
        let last = (at + 1 + most).min(other.len());
        // What stands beside the band is from the row before last.
        match first.checked_sub(1) {
            Some(beside) => set(&mut row, beside, too_many),
            None => set(&mut row, 0, (at + 1).min(too_many)),
        }
        for column in first.max(1)..=last {
            let is_same = other.get(column - 1) == Some(char);
            let replaced = get(&above, column - 1) + usize::from(!is_same);
            let cheapest = replaced
                .min(get(&above, column) + 1)
                .min(get(&row, column - 1) + 1);
            set(&mut row, column, cheapest.min(too_many));
        }
        set(&mut row, last + 1, too_many);
        std::mem::swap(&mut above, &mut row);
    }
    above.last().copied().filter(|distance| *distance <= most)
}

fn get(row: &[usize], column: usize) -> usize {
    row.get(column).copied().unwrap_or(usize::MAX / 2)
}

fn set(row: &mut [usize], column: usize, value: usize) {
    if let Some(cell) = row.get_mut(column) {
        *cell = value;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Frame, Parts};
    use super::*;

    fn form(kind: FailureKind, method: &str, line: &str, frames: &[&str]) -> NearForm {
        let (exception, message) = line.split_once(": ").unwrap();
        let test = TestId {
            file: Some("test_x".to_owned()),
            method: Some(method.to_owned()),
            ..TestId::default()
        };
        NearForm::of(&Parts {
            test: &test,
            kind,
            exception: Some(exception),
            message: Some(message),
            frames: frames
                .iter()
                .map(|function| Frame {
                    file: "a.py".to_owned(),
                    function: (*function).to_owned(),
                })
                .collect(),
            told: Vec::new(),
        })
    }

    fn of(line: &str) -> NearForm {
        form(FailureKind::TestError, "test_y", line, &["test_y", "f"])
    }

    fn distance(one: &str, other: &str) -> Option<f32> {
        let (one, other) = (of(one), of(other));
        let found = near(&one, &other);
        assert_eq!(found, near(&other, &one), "it is symmetric");
        found
    }

    #[test]
    fn near_ones() {
        assert_eq!(distance("E: same 0x7f00aa", "E: same 0x7fbb11"), Some(0.0));
        for (one, other) in [
            (
                "AssertionError: Lists differ: [1, 2, 3] != [1, 2]",
                "AssertionError: Lists differ: [1, 2, 4] != [1, 2]",
            ),
            (
                "RuntimeError: The event loop is closed already.",
                "RuntimeError: the event loop is closed already",
            ),
            (
                "OSError: [Errno 13] Permission denied by the system",
                "OSError: [Errno 13] Permission denied by system",
            ),
        ] {
            let distance = distance(one, other).unwrap_or(1.0);
            assert!(distance > 0.0 && distance < 0.1, "{one}\n{other}");
        }
    }

    #[test]
    fn others_are_not() {
        for (one, other) in [
            ("E: 1 != 2", "E: 1 != 3"),
            ("E: ", "E: words"),
            (
                "E: the quick brown fox jumps",
                "F: the quick brown fox jumps",
            ),
            (
                "E: the quick brown fox jumps",
                "E: the quick brown dog sleeps",
            ),
            (
                "OSError: [Errno 13] the operation was refused by the system",
                "OSError: [Errno 15] the operation was refused by the system",
            ),
            (
                "E: the interpreter ended: exit code -11",
                "E: the interpreter ended: exit code -10",
            ),
            (
                "E: HTTP Error 404: what was asked for was not to be had",
                "E: HTTP Error 403: what was asked for was not to be had",
            ),
        ] {
            assert_eq!(distance(one, other), None, "{one}\n{other}");
        }
    }

    #[test]
    fn another_kind_test_or_place_is_never_near() {
        let line = "RuntimeError: the event loop is closed already";
        let one = of(line);
        let with = |kind, method, frames: &[&str]| form(kind, method, line, frames);
        let error = FailureKind::TestError;
        let frames = ["test_y", "f"];
        assert_eq!(near(&one, &with(error, "test_y", &frames)), Some(0.0));
        for other in [
            with(FailureKind::TestFailed, "test_y", &frames),
            with(error, "test_z", &frames),
            with(
                error,
                "test_y",
                &["test_y", "something", "completely", "other"],
            ),
        ] {
            assert_eq!(near(&one, &other), None);
        }
    }

    /// The distance as the textbook has it.
    fn plain_distance(one: &[char], other: &[char]) -> usize {
        let mut above: Vec<usize> = (0..=other.len()).collect();
        for (at, a) in one.iter().enumerate() {
            let mut row = vec![at + 1];
            for (column, b) in other.iter().enumerate() {
                let replaced = above[column] + usize::from(a != b);
                row.push(replaced.min(above[column + 1] + 1).min(row[column] + 1));
            }
            above = row;
        }
        above[other.len()]
    }

    #[test]
    fn the_band_gives_the_textbooks_distance() {
        let texts: Vec<Vec<char>> = [
            "",
            "a",
            "ab",
            "ba",
            "abc",
            "kitten",
            "sitting",
            "abcabcabc",
            "bcabcabca",
            "cabcab",
        ]
        .iter()
        .map(|text| text.chars().collect())
        .collect();
        for one in &texts {
            for other in &texts {
                let plain = plain_distance(one, other);
                for most in 0..12 {
                    let expect = Some(plain).filter(|distance| *distance <= most);
                    assert_eq!(
                        distance_within(one, other, most),
                        expect,
                        "{one:?} {other:?} {most}"
                    );
                }
            }
        }
    }

    #[test]
    fn forms_are_bounded() {
        let long = of(&format!("E: {}", "ab ".repeat(100_000)));
        assert!(long.whole.len() <= MAX_FORM_CHARS);
        assert_eq!(near(&long, &long), Some(0.0));
        let empty = of("E: ");
        assert_eq!(near(&empty, &long), None);
        assert_eq!(near(&empty, &empty), Some(0.0));
    }
}
