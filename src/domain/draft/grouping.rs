//! Which failures belong together.

use std::collections::BTreeSet;

use crate::domain::draft::plan::{Material, Target};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::folding::TESTS_OF_A_MODULE;
use crate::domain::issue::IssueRef;
use crate::domain::matching::{Candidate, Past, Verdict};
use crate::domain::notification::Build;
use crate::domain::untrusted::plain_line;

/// More modules than this make one report for the build.
const MODULES_OF_A_BUILD: usize = 3;

/// One failure and where it happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) build: &'a Build,
    pub(crate) failure: &'a Failure,
    /// Counted from 0 over all builds.
    pub(crate) index: usize,
}

impl Item<'_> {
    /// Whether no more is known than the build's own state.
    pub(crate) fn is_unexplained(&self) -> bool {
        let failure = self.failure;
        let says_more = failure.line.is_some() && failure.line != self.build.state;
        failure.test.file.is_none() && failure.exception.is_none() && !says_more
    }
}

/// What is to become of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Comment there.
    Known(IssueRef),
    /// Open it again: it was closed as fixed.
    Reopen(IssueRef),
    /// Let a person choose among these.
    Choose(Vec<IssueRef>),
    /// Open a report; these closed ones look alike.
    Open(Vec<Related>),
}

/// A closed report that a new one links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Related {
    pub(crate) issue: IssueRef,
    pub(crate) past: Past,
}

/// What a group of failures is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) subject: Subject,
    pub(crate) manner: Manner,
}

/// What went wrong, as a title names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One test file: `test_os`, `test_asyncio.test_events`.
    File(String),
    /// Several files of one module: `test_asyncio`.
    Module(String),
    /// A source file that does not compile; empty if unknown.
    Source(String),
    /// Many modules.
    Build,
    /// Something, and nobody knows which test.
    Unknown,
}

/// How it went wrong. Different manners are different bugs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Fails,
    Crashes,
    Hangs,
    Leaks,
    Alters,
    DoesNotCompile,
}

/// Failures that share one action; never empty.
#[derive(Debug, Clone)]
pub(crate) struct Group<'a> {
    pub(crate) aim: Aim,
    pub(crate) topic: Topic,
    pub(crate) items: Vec<Item<'a>>,
}

/// One failure with what matching or a person says of it.
#[derive(Debug)]
pub(crate) struct Sorted<'a> {
    item: Item<'a>,
    aim: Aim,
    topic: Topic,
}

impl<'a> Group<'a> {
    /// What of the group happened in these builds; `None` if nothing did.
    pub(crate) fn within(&self, builds: &[Build]) -> Option<Self> {
        let of_them = |item: &&Item<'_>| builds.iter().any(|it| std::ptr::eq(it, item.build));
        let items: Vec<Item<'a>> = self.items.iter().filter(of_them).copied().collect();
        (!items.is_empty()).then(|| Self {
            aim: self.aim.clone(),
            topic: self.topic.clone(),
            items,
        })
    }

    /// The builds concerned, each once, in the notification's order.
    pub(crate) fn builds(&self) -> Vec<&'a Build> {
        let mut builds: Vec<&Build> = Vec::new();
        for item in &self.items {
            if !builds.iter().any(|known| std::ptr::eq(*known, item.build)) {
                builds.push(item.build);
            }
        }
        builds
    }

    /// Whether all of it passed when it was run again.
    pub(crate) fn is_flaky(&self) -> bool {
        self.items.iter().all(|item| item.failure.flaky)
    }

    /// The failed tests by name, each once, in order; unnamed ones are left out.
    pub(crate) fn tests(&self) -> Vec<String> {
        let mut tests: Vec<String> = Vec::new();
        for item in &self.items {
            let name = item.failure.test.qualified();
            if !name.is_empty() && !tests.contains(&name) {
                tests.push(name);
            }
        }
        tests
    }
}

/// Gives every failure its aim and topic. What is left out is told in warnings.
/// `reopens`: whether what was fixed and fails again is opened again.
pub(crate) fn sort<'a>(
    material: &Material<'a>,
    reopens: bool,
    warnings: &mut Vec<String>,
) -> Vec<Sorted<'a>> {
    let mut sorted = Vec::new();
    let mut index = 0;
    for build in &material.notification.builds {
        if build.failures.is_empty() {
            warnings.push(format!(
                "nothing could be read about what failed on {}",
                plain_line(&build.builder, 80)
            ));
        }
        for failure in &build.failures {
            let choice = material
                .choices
                .iter()
                .rfind(|choice| choice.failure == index);
            let verdict = material.verdicts.get(index);
            let aim = match (choice, failure.kind) {
                (Some(choice), _) => Some(chosen(&choice.target, verdict, reopens)),
                (None, FailureKind::Infrastructure) => None,
                (None, _) if failure.consequence => None,
                (None, _) => Some(aim(verdict, reopens, warnings)),
            };
            match aim {
                Some(aim) => sorted.push(Sorted {
                    item: Item {
                        build,
                        failure,
                        index,
                    },
                    aim,
                    topic: topic(build, failure),
                }),
                None => warnings.push(left_out(build, failure)),
            }
            if failure.flaky {
                let test = failure.test.qualified();
                let test = if test.is_empty() { "something" } else { &test };
                warnings.push(format!(
                    "{} passed when it was run again on {}",
                    plain_line(test, 120),
                    plain_line(&build.builder, 80)
                ));
            }
            index += 1;
        }
    }
    sorted
}

/// Why there is no report for a failure.
fn left_out(build: &Build, failure: &Failure) -> String {
    let why = if failure.consequence {
        "follows from another failure"
    } else {
        "infrastructure, not a bug"
    };
    let test = failure.test.qualified();
    let line = failure.line.as_deref().filter(|line| !line.is_empty());
    let what = match (test.as_str(), line) {
        ("", line) => line.unwrap_or("no more is known").to_owned(),
        (test, None) => test.to_owned(),
        (test, Some(line)) => format!("{test}: {line}"),
    };
    let builder = plain_line(&build.builder, 80);
    format!("{why}, on {builder}: {}", plain_line(&what, 200))
}

/// Where a person said that a failure belongs. What was closed after the build's revision
/// was settled is not opened again for it.
fn chosen(target: &Target, verdict: Option<&Verdict>, reopens: bool) -> Aim {
    match target {
        Target::Fixed(issue) if reopens && !was_open(verdict, issue) => Aim::Reopen(issue.clone()),
        Target::Issue(issue) | Target::Fixed(issue) => Aim::Known(issue.clone()),
        Target::New => Aim::Open(Vec::new()),
    }
}

/// Whether a report that is closed was open when the build's revision was settled.
fn was_open(verdict: Option<&Verdict>, issue: &IssueRef) -> bool {
    let candidates = verdict.map(Verdict::candidates).unwrap_or_default();
    let mut of_it = candidates
        .iter()
        .filter(|it| it.issue.number == issue.number);
    of_it.any(|it| it.past == Some(Past::Later))
}

fn aim(verdict: Option<&Verdict>, reopens: bool, warnings: &mut Vec<String>) -> Aim {
    let references = |candidates: &[Candidate]| -> Vec<IssueRef> {
        candidates.iter().map(|one| one.issue.clone()).collect()
    };
    match verdict {
        Some(Verdict::Known { candidates }) => match candidates.first() {
            Some(first) => Aim::Known(first.issue.clone()),
            None => Aim::Choose(Vec::new()),
        },
        Some(Verdict::Ambiguous { candidates }) => Aim::Choose(references(candidates)),
        Some(Verdict::New { related, .. }) => {
            let closed = related.iter().filter_map(|one| {
                Some(Related {
                    issue: one.issue.clone(),
                    past: one.past?,
                })
            });
            let closed: Vec<Related> = closed.collect();
            match closed.split_first() {
                Some((first, others)) if reopens && first.past == Past::Fixed => {
                    warn_of_others(&first.issue, others, warnings);
                    Aim::Reopen(first.issue.clone())
                }
                _ => Aim::Open(closed),
            }
        }
        // Never "new" without a verdict (I11).
        None => {
            warnings.push("a failure was not matched: choose its issue".to_owned());
            Aim::Choose(Vec::new())
        }
    }
}

/// Says which other reports are about the failure that one is opened again for.
fn warn_of_others(reopened: &IssueRef, others: &[Related], warnings: &mut Vec<String>) {
    for other in others.iter().filter(|it| it.past == Past::Fixed) {
        let words = format!(
            "#{} was closed as fixed, too, and may be the one to open again instead of #{}",
            other.issue.number, reopened.number
        );
        if !warnings.contains(&words) {
            warnings.push(words);
        }
    }
}

fn topic(build: &Build, failure: &Failure) -> Topic {
    let manner = match failure.kind {
        FailureKind::Crash => Manner::Crashes,
        FailureKind::Timeout => Manner::Hangs,
        FailureKind::Leak => Manner::Leaks,
        FailureKind::EnvChanged => Manner::Alters,
        FailureKind::Compile => Manner::DoesNotCompile,
        FailureKind::TestFailed
        | FailureKind::TestError
        | FailureKind::ImportError
        | FailureKind::UnexpectedSuccess
        | FailureKind::Infrastructure
        | FailureKind::Unknown => Manner::Fails,
    };
    let subject = match (manner, &failure.test.file) {
        // One broken header makes many errors: the build's first one counts.
        (Manner::DoesNotCompile, _) => Subject::Source(
            build
                .failures
                .iter()
                .find(|first| first.kind == FailureKind::Compile)
                .and_then(|first| first.line.as_deref())
                .and_then(source_file)
                .unwrap_or_default(),
        ),
        (_, Some(file)) => Subject::File(file.clone()),
        (_, None) => Subject::Unknown,
    };
    let manner = match &subject {
        // A test that fails often leaves the environment altered, too.
        Subject::File(file) if manner == Manner::Alters => build
            .failures
            .iter()
            .find(|other| other.test.file.as_ref() == Some(file) && other.kind.is_of_a_test())
            .map_or(manner, |_| Manner::Fails),
        _ => manner,
    };
    Topic { subject, manner }
}

/// Puts together what shares one action, in the order of first appearance.
pub(crate) fn group(mut sorted: Vec<Sorted<'_>>) -> Vec<Group<'_>> {
    fold_modules(&mut sorted);
    fold_build(&mut sorted);
    let mut groups: Vec<Group<'_>> = Vec::new();
    for one in sorted {
        match groups.iter_mut().find(|group| belongs(group, &one)) {
            Some(group) => {
                merge(&mut group.aim, one.aim);
                group.items.push(one.item);
            }
            None => groups.push(Group {
                aim: one.aim,
                topic: one.topic,
                items: vec![one.item],
            }),
        }
    }
    groups
}

fn belongs(group: &Group<'_>, one: &Sorted<'_>) -> bool {
    match (&group.aim, &one.aim) {
        (Aim::Known(a) | Aim::Reopen(a), Aim::Known(b) | Aim::Reopen(b)) => a.number == b.number,
        (Aim::Choose(_), Aim::Choose(_)) | (Aim::Open(_), Aim::Open(_)) => group.topic == one.topic,
        _ => false,
    }
}

fn merge(aim: &mut Aim, other: Aim) {
    match (aim, other) {
        (known @ Aim::Known(_), reopened @ Aim::Reopen(_)) => *known = reopened,
        (Aim::Choose(known), Aim::Choose(more)) => {
            add(known, more, |one, other| one.number == other.number);
        }
        (Aim::Open(known), Aim::Open(more)) => {
            add(known, more, |one, other| {
                one.issue.number == other.issue.number
            });
        }
        _ => {}
    }
}

fn add<T>(known: &mut Vec<T>, more: Vec<T>, is_same: impl Fn(&T, &T) -> bool) {
    for new in more {
        if !known.iter().any(|one| is_same(one, &new)) {
            known.push(new);
        }
    }
}

/// Whether a new report about a test is meant.
fn opens_for_a_test(one: &Sorted<'_>) -> bool {
    matches!(one.aim, Aim::Open(_)) && matches!(one.topic.subject, Subject::File(_))
}

/// More than [`TESTS_OF_A_MODULE`] failed tests in several files of one module
/// become one topic.
fn fold_modules(sorted: &mut [Sorted<'_>]) {
    let module_of = |one: &Sorted<'_>| one.item.failure.test.module().map(str::to_owned);
    let modules: BTreeSet<String> = sorted.iter().filter_map(module_of).collect();
    for module in modules {
        let of_it = |one: &&mut Sorted<'_>| {
            opens_for_a_test(one) && module_of(one).as_ref() == Some(&module)
        };
        let tests: BTreeSet<String> = sorted
            .iter_mut()
            .filter(of_it)
            .map(|one| one.item.failure.test.qualified())
            .collect();
        let files: BTreeSet<Option<String>> = sorted
            .iter_mut()
            .filter(of_it)
            .map(|one| one.item.failure.test.file.clone())
            .collect();
        if tests.len() > TESTS_OF_A_MODULE && files.len() > 1 {
            for one in sorted.iter_mut().filter(of_it) {
                one.topic.subject = Subject::Module(module.clone());
            }
        }
    }
}

/// More than [`MODULES_OF_A_BUILD`] modules become one topic.
fn fold_build(sorted: &mut [Sorted<'_>]) {
    let about_tests = |one: &&mut Sorted<'_>| {
        matches!(one.aim, Aim::Open(_))
            && matches!(one.topic.subject, Subject::File(_) | Subject::Module(_))
    };
    let modules: BTreeSet<Option<String>> = sorted
        .iter_mut()
        .filter(about_tests)
        .map(|one| one.item.failure.test.module().map(str::to_owned))
        .collect();
    if modules.len() > MODULES_OF_A_BUILD {
        for one in sorted.iter_mut().filter(about_tests) {
            one.topic = Topic {
                subject: Subject::Build,
                manner: Manner::Fails,
            };
        }
    }
}

/// The source file a compiler's message names: `Objects/longobject.c` for
/// `../Objects/longobject.c:12:3: error: ...` and
/// `C:\build\Objects\longobject.c(12,3): error C2065`.
pub(crate) fn source_file(line: &str) -> Option<String> {
    const ENDINGS: &[&str] = &[
        "c", "h", "cc", "cpp", "cxx", "m", "s", "S", "asm", "py", "rs", "o", "obj", "vcxproj",
    ];
    const TOPS: &[&str] = &[
        "Objects", "Python", "Modules", "Parser", "Include", "Programs", "PC", "PCbuild", "Lib",
        "Mac", "Tools",
    ];
    let line = line.replace('\\', "/");
    let path = line
        .split(|char: char| !(char.is_ascii_alphanumeric() || "/._+-".contains(char)))
        .find(|word| {
            word.rsplit_once('.')
                .is_some_and(|(stem, ending)| !stem.is_empty() && ENDINGS.contains(&ending))
        })?;
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != "." && *part != "..")
        .collect();
    let from = parts
        .iter()
        .rposition(|part| TOPS.contains(part))
        .unwrap_or(parts.len().saturating_sub(1));
    Some(parts.get(from..)?.join("/"))
}

#[cfg(test)]
mod tests {
    use super::source_file;

    #[test]
    fn finds_the_source_file_of_a_compiler_message() {
        let check = |line: &str, expect: Option<&str>| {
            assert_eq!(source_file(line).as_deref(), expect, "{line}");
        };
        check(
            "Objects/longobject.c:12:3: error: unknown type name ‘x’",
            Some("Objects/longobject.c"),
        );
        check(
            "../cpython/Modules/_ssl/debughelpers.c:1:1: error: x",
            Some("Modules/_ssl/debughelpers.c"),
        );
        check(
            r"C:\buildbot\3.x\build\Objects\longobject.c(12,3): error C2065: 'x'",
            Some("Objects/longobject.c"),
        );
        check("/tmp/x/stray.c:1: error", Some("stray.c"));
        check(
            "make: *** [Makefile:10: Objects/a.o] Error 1",
            Some("Objects/a.o"),
        );
        check("ld: cannot find -lssl", None);
        check("", None);
    }
}
