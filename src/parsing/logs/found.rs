//! What the readers hand to the fold, and how it becomes a [`Failure`].

use super::traceback::{self, Traceback};
use super::{buildbot_steps, test_id};
use crate::domain::failure::{Details, Failure, FailureKind, Place, TestId};
use crate::domain::signature::{self, Parts, Signature};
use crate::parsing::{excerpt, redact};

/// Most bytes kept of one line: more than is ever shown, so that hostile lines
/// take no memory.
const MAX_KEPT: usize = 2000;

/// The line, or its beginning.
pub(super) fn clipped(line: &str) -> &str {
    line.get(..line.floor_char_boundary(MAX_KEPT))
        .unwrap_or(line)
}

/// One thing that went wrong, as one reader saw it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The file that regrtest was running.
    pub(super) owner: Option<String>,
    pub(super) test: TestId,
    pub(super) kind: FailureKind,
    pub(super) exception: Option<String>,
    pub(super) line: Option<String>,
    /// Shown behind the line; no part of the signature.
    pub(super) place: Option<String>,
    pub(super) excerpt: Vec<String>,
    pub(super) details: Details,
    /// It follows from another failure.
    pub(super) consequence: bool,
    /// Seen while tests were run again.
    pub(super) in_rerun: bool,
    /// The test's file is only the one in whose output it stood.
    pub(super) is_guessed: bool,
    /// How many more subtests went wrong in the same way.
    pub(super) similar: usize,
    /// Not 0: not the same as any other that has another number.
    pub(super) apart: usize,
}

impl Found {
    /// One of which nothing but its kind is known.
    pub(super) fn new(kind: FailureKind, test: TestId) -> Self {
        Self {
            owner: None,
            test,
            kind,
            exception: None,
            line: None,
            place: None,
            excerpt: Vec::new(),
            details: Details::default(),
            consequence: false,
            in_rerun: false,
            is_guessed: false,
            similar: 0,
            apart: 0,
        }
    }

    /// With the line that says it, which is also the excerpt.
    pub(super) fn with_line(kind: FailureKind, test: TestId, line: &str) -> Self {
        let line = clipped(line);
        Self {
            line: Some(line.to_owned()),
            excerpt: vec![line.to_owned()],
            ..Self::new(kind, test)
        }
    }

    /// From a traceback. A full disk is the machine's fault, whatever test met it.
    pub(super) fn of_traceback(
        kind: FailureKind,
        test: TestId,
        header: Option<&str>,
        traceback: &Traceback,
    ) -> Self {
        let headline = traceback.headline();
        let mut test = test;
        if test.file.is_none() {
            // `__main__.T.test_x`: the frames know the file.
            test.file = traceback::test_of(&traceback.frames).and_then(|test| test.file);
        }
        let disk_full = headline.is_some_and(buildbot_steps::is_disk_full);
        Self {
            exception: traceback.exception_type(),
            line: traceback.said().or_else(|| header.map(str::to_owned)),
            excerpt: traceback.excerpt(header, excerpt::MAX_LINES),
            details: Details {
                frames: places(&traceback.frames),
                chain: traceback.chain(),
                group: traceback.group(),
                ..Details::default()
            },
            ..Self::new(
                if disk_full {
                    FailureKind::Infrastructure
                } else {
                    kind
                },
                test,
            )
        }
    }

    /// Whether regrtest's `file` is accounted for by this.
    pub(super) fn is_of(&self, file: &str) -> bool {
        self.owner.as_deref() == Some(file) || test_id::is_in_file(&self.test, file)
    }

    /// Whether both tell of the same, apart from the subtest.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let (one, two) = (&self.test, &other.test);
        let same_file =
            one.file == two.file && self.kind == other.kind && self.apart == other.apart;
        match self.kind {
            FailureKind::Leak | FailureKind::EnvChanged => same_file,
            FailureKind::Crash | FailureKind::Timeout => same_file && one.method == two.method,
            _ => {
                same_file
                    && one.class == two.class
                    && one.method == two.method
                    && self.exception == other.exception
            }
        }
    }

    /// Bounds, redacts and signs. The number tells how many secrets were found.
    pub(super) fn into_failure(self, flaky: bool) -> (Failure, usize) {
        let (line, in_line) = match &self.line {
            Some(line) => {
                let (line, hits) = redact::redact(line);
                (Some(excerpt::headline(&line)), hits)
            }
            None => (None, 0),
        };
        let shown = self.line.as_deref().map(|line| self.shown_line(line));
        let (mut lines, in_excerpt) = redact::redact_lines(self.excerpt);
        for line in &mut lines {
            *line = shortened(self.kind, line);
        }
        if self.similar > 0 {
            lines.truncate(excerpt::MAX_LINES - 1);
            lines.push(format!(
                "({} more subtests failed in the same way)",
                self.similar
            ));
        }
        let message = line.as_deref().map(|line| match &self.exception {
            Some(_) => line.split_once(": ").map_or("", |(_, message)| message),
            None => line,
        });
        let mut failure = Failure {
            message: self
                .exception
                .as_deref()
                .and(message)
                .filter(|message| !message.is_empty())
                .map(str::to_owned),
            test: clean(self.test),
            kind: self.kind,
            exception: self.exception,
            excerpt: excerpt::lines(lines.iter().map(String::as_str)),
            line: shown,
            signature: Signature(String::new()),
            flaky,
            consequence: self.consequence,
            details: Details {
                more_subtests: self.similar,
                ..clean_details(self.details)
            },
        };
        failure.signature = signature::of(&Parts::of(&failure));
        (failure, in_line.max(in_excerpt))
    }
}

impl Found {
    /// The line as people see it, with its place.
    fn shown_line(&self, line: &str) -> String {
        let (line, _) = redact::redact(&shortened(self.kind, line));
        match &self.place {
            Some(place) => excerpt::headline(&format!("{line} {place}")),
            None => excerpt::headline(&line),
        }
    }
}

/// A line without what says nothing to people elsewhere: the folder of the
/// build, MSBuild's additions, the words of a command.
fn shortened(kind: FailureKind, line: &str) -> String {
    match kind {
        FailureKind::Compile => excerpt::without_build_folder(&excerpt::without_project(line)),
        _ if line.trim_start().starts_with("File \"") => excerpt::without_build_folder(line),
        _ => buildbot_steps::without_command(line).to_owned(),
    }
}

/// The frames as people and programs may want them, the innermost ones.
pub(super) fn places(frames: &[traceback::Frame]) -> Vec<Place> {
    let own = traceback::own(frames);
    let first = own.len().saturating_sub(Details::MAX_FRAMES);
    own.into_iter()
        .skip(first)
        .map(|frame| Place {
            file: excerpt::without_build_folder(&frame.path),
            line: frame.number(),
            function: Some(frame.function.clone()).filter(|name| !name.is_empty()),
        })
        .collect()
}

/// Bounds and redacts.
fn clean_details(details: Details) -> Details {
    let text = |text: String| excerpt::headline(&redact::redact(&text).0);
    let place = |place: Place| Place {
        file: text(place.file),
        function: place.function.map(text),
        ..place
    };
    Details {
        docstring: details.docstring.map(text),
        frames: details.frames.into_iter().map(place).collect(),
        chain: details.chain.into_iter().map(text).collect(),
        group: details.group.into_iter().map(text).collect(),
        altered: details.altered.into_iter().map(text).collect(),
        signal: details.signal.map(text),
        sanitizer: details.sanitizer.map(text),
        place: details.place.map(place),
        running: details.running.into_iter().map(text).collect(),
        ..details
    }
}

fn clean(test: TestId) -> TestId {
    let part = |text: Option<String>| text.map(|text| excerpt::headline(&text));
    TestId {
        file: part(test.file),
        class: part(test.class),
        method: part(test.method),
        subtest: part(test.subtest).map(|subtest| redact::redact(&subtest).0),
    }
}
