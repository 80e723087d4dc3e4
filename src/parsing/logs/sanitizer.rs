//! Reports of the compilers' sanitizers: of addresses, leaks, threads, memory
//! and undefined behaviour.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::found::Found;
use super::last_words::top_of_sources;
use crate::domain::failure::{Details, FailureKind, Place, TestId};
use crate::domain::signature;
use crate::parsing::excerpt;

/// Most reports kept of one log.
pub(super) const MAX_REPORTS: usize = 20;
/// Frames kept of one stack, and lines of one report.
const MAX_FRAMES: usize = 40;
const MAX_LINES: usize = 2000;
/// Own frames shown of one stack.
const SHOWN_FRAMES: usize = 6;

/// Words of which one is in every line with which a report begins.
pub(super) const TELLING: &str = "Sanitizer|rror: ";

/// A report that is being read.
#[derive(Debug, Clone)]
pub(super) struct Report {
    /// `AddressSanitizer`.
    sanitizer: String,
    /// `heap-use-after-free`.
    what: String,
    /// The line with which it began, from its telling words on.
    line: String,
    /// `READ of size 1 at 0x… thread T0`.
    access: Option<String>,
    /// `SUMMARY: AddressSanitizer: …`.
    summary: Option<String>,
    /// The place that the first line tells.
    origin: Option<Place>,
    stacks: Vec<Stack>,
    lines: usize,
    is_closed: bool,
}

#[derive(Debug, Clone, Default)]
struct Stack {
    /// `freed by thread T0 here:`; none for the first one of most reports.
    title: Option<String>,
    /// Own frames, innermost first, as printed and as read.
    frames: Vec<(String, Place)>,
}

impl Report {
    /// Begins with a line that names a sanitizer, or with a `runtime error: `.
    pub(super) fn begin(line: &str) -> Option<Self> {
        if line.len() > 8000 {
            return None;
        }
        if line.contains("Sanitizer") {
            return of_sanitizer(line).or_else(|| of_summary(line));
        }
        let has_words = line.contains(": runtime error: ");
        has_words.then(|| of_runtime_error(line)).flatten()
    }

    /// Takes a line; `false` if it does not belong to the report.
    pub(super) fn goes_on_with(&mut self, line: &str) -> bool {
        self.lines += 1;
        if self.is_closed || self.lines > MAX_LINES {
            return false;
        }
        if line.starts_with("SUMMARY: ") && line.contains("Sanitizer: ") {
            self.is_closed = true;
            // AddressSanitizer looks for leaks too, and sums them up.
            let is_of_leaks = self.sanitizer == "LeakSanitizer" && line.contains(" leaked in ");
            if !line.contains(&self.sanitizer) && !is_of_leaks {
                return false;
            }
            self.summary = Some(top_of_places(line));
            return true;
        }
        let text = line.trim_start();
        if text.starts_with('#') {
            self.push_frame(text);
            return true;
        }
        let is_ubsan = self.sanitizer == UBSAN;
        if is_ubsan {
            return text.contains(": note: ") || is_ubsan_context(line);
        }
        if text.starts_with("READ of size") || text.starts_with("WRITE of size") {
            self.access = Some(text.to_owned());
            return true;
        }
        if text.ends_with(':') && is_title(text) {
            self.stacks.push(Stack {
                title: Some(text.to_owned()),
                frames: Vec::new(),
            });
            self.stacks.truncate(8);
            return true;
        }
        line.is_empty() || line.starts_with(' ') || is_part(line)
    }

    fn push_frame(&mut self, text: &str) {
        if self.stacks.is_empty() {
            self.stacks.push(Stack::default());
        }
        let Some(stack) = self.stacks.last_mut() else {
            return;
        };
        if stack.frames.len() < MAX_FRAMES
            && let Some(place) = own_frame(text)
        {
            let shown = format!("    {}", top_of_places(text));
            stack.frames.push((shown, place));
        }
    }

    /// The crash that it reports, with the test that ran.
    pub(super) fn into_found(self, test: TestId) -> Found {
        let telling = self.telling();
        let line = telling.to_owned();
        let mut places: Vec<Place> = self
            .stacks
            .iter()
            .take(self.stacks_of_access())
            .flat_map(|stack| &stack.frames)
            .map(|(_, place)| place.clone())
            .collect();
        if places.is_empty() {
            places.extend(self.origin.clone());
        }
        places.truncate(Details::MAX_FRAMES);
        places.reverse();
        let mut found = Found {
            excerpt: self.excerpt(telling),
            apart: apart(&line),
            line: Some(line),
            ..Found::new(FailureKind::Crash, test)
        };
        found.details.place = self.origin.or_else(|| places.last().cloned());
        found.details.frames = places;
        found.details.sanitizer = Some(format!("{}: {}", self.sanitizer, self.what));
        found
    }

    /// The one line that says it best. A summary of leaks has only numbers, and
    /// UBSan's lacks what happened.
    fn telling(&self) -> &str {
        self.summary
            .as_deref()
            .filter(|_| self.sanitizer != UBSAN)
            .unwrap_or(&self.line)
    }

    /// A data race is of two stacks; elsewhere the first one is where it
    /// happened.
    fn stacks_of_access(&self) -> usize {
        if self.sanitizer == "ThreadSanitizer" {
            2
        } else {
            1
        }
    }

    fn excerpt(&self, telling: &str) -> Vec<String> {
        let mut lines = vec![telling.to_owned()];
        if self.line != telling {
            lines.push(self.line.clone());
        }
        lines.extend(self.access.clone());
        for stack in &self.stacks {
            let room = (excerpt::MAX_LINES - 1).saturating_sub(lines.len());
            if room < 3 || stack.frames.is_empty() {
                continue;
            }
            lines.extend(stack.title.clone());
            let shown = stack.frames.iter().map(|(line, _)| line.clone());
            lines.extend(shown.take(SHOWN_FRAMES.min(room - 1)));
        }
        lines
    }
}

const UBSAN: &str = "UndefinedBehaviorSanitizer";

/// `==7262==ERROR: AddressSanitizer: heap-use-after-free on address …`,
/// `WARNING: ThreadSanitizer: data race (pid=7313)`.
fn of_sanitizer(line: &str) -> Option<Report> {
    let at = ["ERROR: ", "WARNING: ", "FATAL: "]
        .into_iter()
        .find_map(|word| {
            let at = line.find(word)?;
            let rest = line.get(at + word.len()..)?;
            let name = rest.split_once(": ")?.0;
            let is_name =
                name.ends_with("Sanitizer") && name.bytes().all(|b| b.is_ascii_alphabetic());
            let before = line.get(..at)?;
            let is_begin = before.is_empty() || before.ends_with("==") || before.ends_with(" ... ");
            (is_name && is_begin).then_some(at)
        })?;
    let line = line.get(at..)?.trim_end();
    let (_, rest) = line.split_once(": ")?;
    let (sanitizer, what) = rest.split_once(": ")?;
    let line = match line.find(" on address 0x").or_else(|| line.find(" (pid=")) {
        Some(end) => line.get(..end)?,
        None => line,
    };
    Some(report(sanitizer, &what_of(what), line))
}

/// A summary whose report stood before the log's beginning, or was cut up by
/// other output.
fn of_summary(line: &str) -> Option<Report> {
    let rest = line.strip_prefix("SUMMARY: ")?;
    let (sanitizer, what) = rest.split_once(": ")?;
    if !sanitizer.ends_with("Sanitizer") || sanitizer.contains(' ') {
        return None;
    }
    let what = what.split_whitespace().next()?;
    let mut report = report(sanitizer, what, line.trim_end());
    report.summary = Some(top_of_places(line));
    report.line = top_of_places(line);
    report.is_closed = true;
    Some(report)
}

/// `Python/ceval.c:4:33: runtime error: signed integer overflow: …`.
fn of_runtime_error(line: &str) -> Option<Report> {
    let (before, what) = line.split_once(": runtime error: ")?;
    // A test's own output may be glued before it.
    let place = before
        .rsplit_once(" ... ")
        .map_or(before, |(_, place)| place);
    let (place_file, number) = source_place(place)?;
    let file = top_of_sources(place_file);
    let rest = place.get(place_file.len()..)?;
    let kind = what.split(": ").next()?.split(" 0x").next()?.trim();
    let mut report = report(UBSAN, kind, &format!("{file}{rest}: runtime error: {what}"));
    report.origin = Some(Place {
        file,
        line: Some(number),
        function: None,
    });
    Some(report)
}

fn report(sanitizer: &str, what: &str, line: &str) -> Report {
    Report {
        sanitizer: sanitizer.to_owned(),
        what: what.to_owned(),
        line: line.to_owned(),
        access: None,
        summary: None,
        origin: None,
        stacks: Vec::new(),
        lines: 0,
        is_closed: false,
    }
}

/// Without addresses and what follows them.
fn what_of(text: &str) -> String {
    let end = [" on ", " (pid", " 0x", " in ", ": "]
        .into_iter()
        .filter_map(|word| text.find(word))
        .min()
        .unwrap_or(text.len());
    text.get(..end).unwrap_or(text).trim().to_owned()
}

/// The path and line of `Python/ceval.c:4:33`.
fn source_place(text: &str) -> Option<(&str, u32)> {
    let (rest, last) = text.rsplit_once(':')?;
    let last = last.parse::<u32>().ok()?;
    let (path, line) = match rest.rsplit_once(':') {
        Some((path, line)) if line.bytes().all(|b| b.is_ascii_digit()) && !line.is_empty() => {
            (path, line.parse().ok()?)
        }
        _ => (rest, last),
    };
    (!path.is_empty() && !path.contains(' ')).then_some((path, line))
}

/// `#0 0x55f8 in list_dealloc Objects/obmalloc.c:4`, or without the address;
/// none for frames of the sanitizer itself, of the C library, or without a place
/// in a source file.
fn own_frame(text: &str) -> Option<Place> {
    let (_, rest) = text.split_once(' ')?;
    let rest = match rest
        .strip_prefix("0x")
        .and_then(|rest| rest.split_once(" in "))
    {
        Some((_, rest)) => rest,
        None => rest,
    };
    // ` (python+0x11d9) (BuildId: …)`
    let rest = rest.split(" (BuildId").next()?;
    let rest = match rest.rsplit_once(" (") {
        Some((before, module)) if module.contains("+0x") => before,
        _ => rest,
    };
    let (function, place) = rest.trim_end().rsplit_once(' ')?;
    let (path, line) = source_place(place)?;
    let is_foreign = [
        "/libsanitizer/",
        "/compiler-rt/",
        "sanitizer_common",
        "/sysdeps/",
        "/csu/",
        "/glibc",
    ]
    .iter()
    .any(|part| path.contains(part))
        || path.starts_with("<");
    (!is_foreign).then(|| Place {
        file: top_of_sources(path),
        line: Some(line),
        function: Some(function.to_owned()),
    })
}

/// Paths from the top of the sources on, wherever in the line.
fn top_of_places(line: &str) -> String {
    let line = line.split(" (BuildId").next().unwrap_or(line).trim_end();
    excerpt::without_build_folder(line)
}

fn is_title(text: &str) -> bool {
    [
        "freed by",
        "previously allocated",
        "allocated by",
        "Direct leak",
        "Indirect leak",
        "Read of size",
        "Write of size",
        "Atomic ",
        "Previous ",
        "Thread T",
        "Mutex ",
        "Location is",
        "As if synchronized",
        "Uninitialized value was",
        "Memory was marked",
        "Address ",
    ]
    .iter()
    .any(|start| text.starts_with(start))
}

/// Lines of a report that are not indented.
fn is_part(line: &str) -> bool {
    line.starts_with("0x")
        || line.starts_with("==")
        || [
            "Address 0x",
            "Hint:",
            "HINT:",
            "Register values:",
            "AddressSanitizer",
            "Thread T",
            "The signal is caused",
            "rax = ",
            "rdi = ",
            "Shadow ",
            "allocated by",
            "freed by",
            "is located",
        ]
        .iter()
        .any(|start| line.starts_with(start))
}

/// The bytes that UBSan shows below a misaligned address.
fn is_ubsan_context(line: &str) -> bool {
    line == "<memory cannot be printed>"
        || (line.starts_with(' ')
            && line
                .bytes()
                .all(|b| b.is_ascii_hexdigit() || b" ^".contains(&b)))
}

/// The same for the same line, and not 0.
fn apart(line: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    signature::mask(line).hash(&mut hasher);
    usize::try_from(hasher.finish() >> 33).unwrap_or_default() + 1_000_000
}

#[cfg(test)]
mod tests;
