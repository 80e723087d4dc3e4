//! What the templates may put into words. Every text in here is already safe
//! for the place its name tells (I14): templates need no escaping.

use serde::Serialize;

use crate::domain::draft::grouping::{Group, Related};
use crate::domain::draft::headline::headline;
use crate::domain::draft::plan::{Flavour, Settings};
use crate::domain::matching::Past;
use crate::domain::notification::Build;
use crate::domain::untrusted::{code_span, fence, markdown_inline, plain_line, roundup_inline};

/// More builds than this are counted, not listed.
const LISTED_BUILDS: usize = 10;
/// More failed tests than this are counted, not listed.
const LISTED_TESTS: usize = 50;
/// Lines of the log in a new report.
const LOG_LINES: usize = 60;
/// Characters of a log's line.
const LINE_CHARS: usize = 300;
/// Failures of which a new report shows lines of the log.
const SHOWN_FAILURES: usize = 4;
/// Failures of which a comment shows the line.
const COMMENT_LINES: usize = 3;
/// The longest address that becomes a link, in characters.
const URL_CHARS: usize = 300;
/// The longest name of a builder, worker or test, in characters.
const NAME_CHARS: usize = 120;

/// For `issue-title.txt.hbs` and `issue.md.hbs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssueFields {
    /// Markdown and CPython's form, or plain text.
    pub github: bool,
    /// For the title: `test_posix: TestPosixSpawn fails`.
    pub title_what: String,
    /// For the title: `PPC64 Fedora 3.x`, or with `and 2 more`.
    pub title_where: String,
    /// The same for the text.
    pub what: String,
    /// The same for the text.
    pub place: String,
    /// The builds, at most 10.
    pub builds: Vec<BuildFields>,
    /// How many builds are not listed; absent for none.
    pub more_builds: Option<usize>,
    /// The failed tests by name in a fence; empty if their names are unknown.
    pub tests: String,
    /// The useful lines of the log in a fence; empty if there are none.
    pub excerpt: String,
    /// A sentence that it, or some of it, passed when it was run again; empty
    /// if nothing did.
    pub flaky: String,
    /// As the tracker names them; possibly empty.
    pub versions: Vec<String>,
    /// `Linux`, `macOS`, `Windows`, `Other`.
    pub systems: Vec<String>,
    /// Addresses of reports of the same failure that were closed as fixed.
    pub fixed: Vec<String>,
    /// Addresses of other closed reports that look alike.
    pub related: Vec<String>,
    /// The automatic rule that lets it leave; empty if a person does.
    pub rule: String,
}

/// For `comment.md.hbs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommentFields {
    /// Markdown, or plain text.
    pub github: bool,
    /// `test_posix: TestPosixSpawn failed`.
    pub what: String,
    /// The builds, at most 10.
    pub builds: Vec<BuildFields>,
    /// How many builds are not listed; absent for none.
    pub more_builds: Option<usize>,
    /// Whether the report is opened again: it was closed as fixed.
    pub reopens: bool,
    /// A sentence on how often it happened since the last comment without being
    /// told there; empty if it did not.
    pub untold: String,
    /// One to three lines in a fence; empty if there are none.
    pub excerpt: String,
    /// A sentence that it, or some of it, passed when it was run again; empty
    /// if nothing did.
    pub flaky: String,
    /// The automatic rule that lets it leave; empty if a person does.
    pub rule: String,
}

/// One build, within [`IssueFields`] and [`CommentFields`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildFields {
    /// The builder's name.
    pub builder: String,
    /// The builder's page; empty if it is unknown.
    pub builder_url: String,
    /// The build's page; empty if it is unknown.
    pub url: String,
    /// The build's number; empty if it is unknown.
    pub number: String,
    /// The worker; empty if it is unknown.
    pub worker: String,
    /// The commit; empty if it is unknown.
    pub revision: String,
}

/// For `reply.txt.hbs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplyFields {
    /// One for each action, at most 6.
    pub entries: Vec<EntryFields>,
    /// Whether there are so many that each should take one line.
    pub brief: bool,
    /// How many actions are not listed; absent for none.
    pub more: Option<usize>,
    /// Stands for the approver's name.
    pub approver: String,
    /// The automatic rule that lets it leave; empty if a person does.
    pub rule: String,
}

/// One action, within [`ReplyFields`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryFields {
    /// `test_posix: TestPosixSpawn failed on PPC64 Fedora 3.x`.
    pub what: String,
    /// The report's address, or the token that stands for it.
    pub link: String,
    /// One line of the failure; empty if there is none, or more than 2 entries.
    pub line: String,
}

/// The fields of a new report.
pub(crate) fn issue(
    group: &Group<'_>,
    related: &[Related],
    versions: &[String],
    settings: &Settings,
) -> IssueFields {
    let ink = Ink(settings.flavour);
    let headline = headline(group);
    let place = place(group);
    let (builds, more_builds) = builds(group, settings);
    let links = |past: Past| -> Vec<String> {
        let of_it = related.iter().filter(|one| one.past == past);
        of_it
            .map(|one| plain_line(&one.issue.url, URL_CHARS))
            .collect()
    };
    IssueFields {
        github: settings.flavour == Flavour::GitHub,
        title_what: in_title(&headline.now),
        title_where: in_title(&place),
        what: ink.text(&headline.now),
        place: ink.text(&place),
        builds,
        more_builds,
        tests: tests(group),
        excerpt: excerpt(group),
        flaky: flaky(group),
        versions: versions.to_vec(),
        systems: systems(group),
        fixed: links(Past::Fixed),
        related: links(Past::Closed),
        rule: String::new(),
    }
}

/// The fields of a comment.
pub(crate) fn comment(group: &Group<'_>, untold: usize, settings: &Settings) -> CommentFields {
    let (builds, more_builds) = builds(group, settings);
    let lines = lines(group, COMMENT_LINES);
    CommentFields {
        github: settings.flavour == Flavour::GitHub,
        what: Ink(settings.flavour).text(&headline(group).past),
        builds,
        more_builds,
        reopens: false,
        untold: match untold {
            0 => String::new(),
            1 => "It happened once more since the last comment here.".to_owned(),
            more => format!("It happened {more} more times since the last comment here."),
        },
        excerpt: fenced(&lines),
        flaky: flaky(group),
        rule: String::new(),
    }
}

/// The fields of the comment with which a report is opened again.
pub(crate) fn reopening(group: &Group<'_>, settings: &Settings) -> CommentFields {
    CommentFields {
        reopens: true,
        ..comment(group, 0, settings)
    }
}

fn flaky(group: &Group<'_>) -> String {
    let sentence = if group.is_flaky() {
        "It passed when it was run again."
    } else if group.items.iter().any(|item| item.failure.flaky) {
        "Some of it passed when it was run again."
    } else {
        ""
    };
    sentence.to_owned()
}

/// What a choice is about, for a reviewer.
pub(crate) fn about(group: &Group<'_>) -> String {
    let words = format!("{} on {}", headline(group).past, place(group));
    match lines(group, 1).first() {
        Some(line) => plain_line(&format!("{words}: {line}"), 300),
        None => plain_line(&words, 300),
    }
}

/// `PPC64 Fedora 3.x`, or `PPC64 Fedora 3.x and 2 more builders`.
pub(crate) fn place(group: &Group<'_>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for build in group.builds() {
        if !names.contains(&build.builder.as_str()) {
            names.push(&build.builder);
        }
    }
    let first = plain_line(names.first().unwrap_or(&"an unknown builder"), 80);
    match names.len() {
        0 | 1 => first,
        2 => format!("{first} and 1 more builder"),
        many => format!("{first} and {} more builders", many - 1),
    }
}

/// The lines that say it best, each once.
pub(crate) fn lines(group: &Group<'_>, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for item in group.items.iter().filter(|item| !item.is_unexplained()) {
        let failure = item.failure;
        let Some(line) = failure.line.as_ref().or(failure.excerpt.last()) else {
            continue;
        };
        let line = plain_line(line, LINE_CHARS);
        if !line.is_empty() && !lines.contains(&line) && lines.len() < most {
            lines.push(line);
        }
    }
    lines
}

/// How foreign text is written on one line of a tracker's text.
pub(crate) struct Ink(pub(crate) Flavour);

impl Ink {
    pub(crate) fn text(&self, text: &str) -> String {
        let text = plain_line(text, NAME_CHARS * 2);
        match self.0 {
            Flavour::GitHub => markdown_inline(&text),
            Flavour::Roundup | Flavour::Embedded => roundup_inline(&text),
        }
    }

    /// A word that a tracker must not take for anything else, such as a commit.
    fn word(&self, word: &str) -> String {
        match self.0 {
            Flavour::GitHub => code_span(word),
            Flavour::Roundup | Flavour::Embedded => roundup_inline(word),
        }
    }
}

fn builds(group: &Group<'_>, settings: &Settings) -> (Vec<BuildFields>, Option<usize>) {
    // Builds of one revision whose links are left out look the same: once is enough.
    let mut told: Vec<BuildFields> = Vec::new();
    for build in group.builds() {
        let fields = build_fields(build, settings);
        if !told.contains(&fields) {
            told.push(fields);
        }
    }
    // One more takes no more room than to say so.
    match told.len().saturating_sub(LISTED_BUILDS) {
        0 | 1 => (told, None),
        more => {
            told.truncate(LISTED_BUILDS);
            (told, Some(more))
        }
    }
}

fn build_fields(build: &Build, settings: &Settings) -> BuildFields {
    let ink = Ink(settings.flavour);
    let url = |url: String| link(&url, &settings.trusted_links).unwrap_or_default();
    let known = build.link.as_ref();
    BuildFields {
        builder: ink.text(&plain_line(&build.builder, NAME_CHARS)),
        builder_url: known.map_or_else(String::new, |link| url(link.builder_url())),
        url: known.map_or_else(String::new, |link| url(link.url.clone())),
        number: known.map_or_else(String::new, |link| ink.text(&link.shown())),
        worker: build.worker.as_deref().map_or_else(String::new, |worker| {
            ink.word(&plain_line(worker, NAME_CHARS))
        }),
        revision: build
            .revision
            .as_deref()
            .filter(|revision| {
                (7..=40).contains(&revision.len())
                    && revision.chars().all(|char| char.is_ascii_hexdigit())
            })
            .map_or_else(String::new, |revision| ink.word(revision)),
    }
}

/// An address that is only an address: no white space, brackets or quotes that
/// Markdown would act on, and none of a tracker's own pages, which would make
/// cross-references there.
pub(crate) fn link(url: &str, trusted: &[String]) -> Option<String> {
    let harmless = |char: char| char.is_ascii_alphanumeric() || ":/#%._~?&=+-".contains(char);
    let scheme = url.starts_with("https://") || url.starts_with("http://");
    let is_trusted = trusted.is_empty() || trusted.iter().any(|start| url.starts_with(start));
    let referring = ["/issues/", "/pull/", "/commit/", "/discussions/"]
        .iter()
        .any(|part| url.contains(part));
    let fits = scheme && url.len() <= URL_CHARS && url.chars().all(harmless);
    (fits && is_trusted && !referring).then(|| url.to_owned())
}

/// The failed tests by name, in a fence.
fn tests(group: &Group<'_>) -> String {
    let tests = group.tests();
    let more = tests.len().saturating_sub(LISTED_TESTS);
    let mut shown: Vec<String> = tests
        .iter()
        .take(LISTED_TESTS)
        .map(|test| plain_line(test, NAME_CHARS))
        .collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    fenced(&shown)
}

/// The useful lines of the log, in a fence: of each different failure until
/// there are enough.
fn excerpt(group: &Group<'_>) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut shown = Vec::new();
    for item in group.items.iter().filter(|item| !item.is_unexplained()) {
        let failure = item.failure;
        if shown.contains(&&failure.signature) || shown.len() == SHOWN_FAILURES {
            continue;
        }
        let excerpt: Vec<String> = match failure.excerpt.is_empty() {
            true => failure.line.iter().cloned().collect(),
            false => failure.excerpt.clone(),
        };
        if excerpt.is_empty() {
            continue;
        }
        shown.push(&failure.signature);
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(excerpt.iter().map(|line| cut(line)));
    }
    lines.truncate(LOG_LINES);
    fenced(&lines)
}

/// A line with its indentation, bounded.
fn cut(line: &str) -> String {
    line.chars().take(LINE_CHARS).collect()
}

fn fenced(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    fence(&lines.join("\n"))
}

/// Text for a title: no mention, reference or markup is left, at the price of
/// a few characters.
fn in_title(text: &str) -> String {
    let kept = |char: char| char.is_alphanumeric() || " _.+-()/,:=[]".contains(char);
    let text: String = plain_line(text, NAME_CHARS)
        .chars()
        .map(|char| if kept(char) { char } else { ' ' })
        .collect();
    plain_line(&text.replace("//", "/ /"), NAME_CHARS)
}

/// The systems of CPython's bug form, by the builders' names.
fn systems(group: &Group<'_>) -> Vec<String> {
    let mut systems: Vec<String> = Vec::new();
    for build in group.builds() {
        let system = system(&build.builder.to_lowercase()).to_owned();
        if !systems.contains(&system) {
            systems.push(system);
        }
    }
    systems
}

fn system(builder: &str) -> &'static str {
    const LINUX: &[&str] = &[
        "linux", "fedora", "ubuntu", "debian", "rhel", "centos", "gentoo", "alpine", "arch",
        "suse", "raspbian", "rocky", "nixos", "sle",
    ];
    const MAC: &[&str] = &["macos", "os x", "sierra", "mojave", "catalina", "big sur"];
    let names = |words: &[&str]| words.iter().any(|word| builder.contains(word));
    if names(MAC) {
        "macOS"
    } else if builder.contains("windows") {
        "Windows"
    } else if names(LINUX) {
        "Linux"
    } else {
        "Other"
    }
}
