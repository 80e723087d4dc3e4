//! What speaks for and against one report.

use crate::domain::Seconds;
use crate::domain::failure::Failure;
use crate::domain::matching::search::{Hit, Names, Scope, Search};
use crate::domain::matching::words::{self, Manner};
use crate::domain::matching::{Candidate, Tier};

/// A report with what was found in it. The fields are facts; [`Weighed::tier`]
/// and [`Weighed::points`] judge them.
#[derive(Debug)]
pub(super) struct Weighed<'a> {
    pub(super) hit: &'a Hit,
    /// The method's name is a whole word of the title.
    method: bool,
    class: bool,
    file: bool,
    package: bool,
    /// Names that are only part of a longer word of the title.
    parts: Vec<&'a str>,
    /// A search of all texts found the method, the file, or both together.
    text_method: bool,
    text_file: bool,
    text_both: bool,
    manner: Agreement<Manner>,
    platform: Agreement<&'static str>,
    /// The exception's type is in the title.
    exception: Option<&'a str>,
    /// Tests named in the title that are not this one.
    others: Vec<&'a str>,
    reports_a_failure: bool,
    /// It changed within [`DORMANT_AFTER`].
    alive: bool,
}

/// A report that nobody touched for longer, in seconds, is seldom about a
/// failure of today.
const DORMANT_AFTER: Seconds = 2 * 365 * 86_400;

/// What a title says of something that the failure says as well.
#[derive(Debug)]
enum Agreement<T> {
    /// At least one of them says nothing.
    Silent,
    /// Both say the same.
    Same(T),
    /// The title says something else.
    Other(T),
}

/// What is the same for all reports of one search.
pub(super) struct Question<'a> {
    pub(super) failure: &'a Failure,
    pub(super) builder: &'a str,
    pub(super) now: Seconds,
    pub(super) names: &'a Names,
    /// The method is not one of a name that many classes have.
    pub(super) method_is_selective: bool,
}

pub(super) fn weigh<'a>(
    question: &Question<'a>,
    hit: &'a Hit,
    found_by: &[&'a Search],
) -> Weighed<'a> {
    let names = question.names;
    let title = hit.issue.title.as_str();
    let in_title = |name: &Option<String>| {
        name.as_deref()
            .is_some_and(|name| words::has_word(title, name))
    };
    let text: Vec<&[String]> = found_by
        .iter()
        .filter(|search| search.scope == Scope::FullText)
        .map(|search| search.terms.as_slice())
        .collect();
    let in_text = |name: &Option<String>| {
        name.as_ref()
            .is_some_and(|name| text.iter().any(|terms| terms.contains(name)))
    };
    let parts = found_by
        .iter()
        .filter(|search| search.scope == Scope::Title)
        .flat_map(|search| &search.terms)
        .map(String::as_str)
        .filter(|term| !words::has_word(title, term))
        .collect();
    let exception = question.failure.exception.as_deref();
    let exception = exception.map(|name| name.rsplit('.').next().unwrap_or(name));
    Weighed {
        hit,
        method: in_title(&names.method),
        class: in_title(&names.class),
        file: in_title(&names.file),
        package: in_title(&names.package),
        parts,
        text_method: in_text(&names.method),
        text_file: in_text(&names.file),
        text_both: text.iter().any(|terms| terms.len() > 1),
        manner: compare_manner(question.failure, title),
        platform: compare_platform(question.builder, title),
        exception: exception
            .filter(|name| *name != "AssertionError" && words::has_word(title, name)),
        others: other_tests(names, title),
        reports_a_failure: words::reports_a_failure(title),
        alive: question.now.saturating_sub(hit.updated_at) <= DORMANT_AFTER,
    }
}

/// A leak is not a crash; but a test that plainly failed may have failed by
/// a `TimeoutError`, and a title that says "fails" may mean anything.
fn compare_manner(failure: &Failure, title: &str) -> Agreement<Manner> {
    let manners = words::manners(title);
    let exception = failure.exception.as_deref().unwrap_or_default();
    let timed_out = exception.contains("Timeout")
        || failure
            .line
            .as_deref()
            .is_some_and(|line| words::manners(line).contains(&Manner::Timeout));
    let own = Manner::of(failure.kind);
    match (own, manners.first()) {
        (_, None) => Agreement::Silent,
        (Some(own), Some(_)) if manners.contains(&own) => Agreement::Same(own),
        (None, Some(_)) if timed_out && manners.contains(&Manner::Timeout) => Agreement::Silent,
        (None, Some(Manner::EnvChanged | Manner::Compile)) => Agreement::Silent,
        (_, Some(other)) => Agreement::Other(*other),
    }
}

fn compare_platform(builder: &str, title: &str) -> Agreement<&'static str> {
    let own = words::platforms(builder);
    let named = words::platforms(title);
    match (own.first(), named.first()) {
        (Some(own), Some(_)) if named.contains(own) => Agreement::Same(own),
        (Some(_), Some(other)) => Agreement::Other(other),
        _ => Agreement::Silent,
    }
}

/// Names of tests in the title that are none of ours and no part of ours.
fn other_tests<'a>(names: &Names, title: &'a str) -> Vec<&'a str> {
    words::test_names(title)
        .into_iter()
        .filter(|name| {
            !names
                .all()
                .any(|own| own.to_lowercase().contains(&name.to_lowercase()))
        })
        .collect()
}

impl Weighed<'_> {
    /// Whether the title names another test of the file and not this one.
    pub(super) fn names_another_test(&self) -> bool {
        !self.others.is_empty() && !self.method && !self.class
    }

    pub(super) fn speaks_of_another_manner(&self) -> bool {
        matches!(self.manner, Agreement::Other(_))
    }

    /// The file in the title of a report of failures, and nothing that speaks
    /// against it.
    pub(super) fn is_about_the_file(&self) -> bool {
        self.file
            && self.reports_a_failure
            && !self.names_another_test()
            && !self.speaks_of_another_manner()
    }

    /// Whether the file alone may be enough, if no other report is about it.
    /// Whoever reports a leak or a crash says so: a title that says nothing of
    /// it is about something else, and the other way round.
    pub(super) fn may_be_likely_by_file(&self, question: &Question<'_>) -> bool {
        let manner = match Manner::of(question.failure.kind) {
            Some(_) => matches!(self.manner, Agreement::Same(_)),
            None => words::manners(&self.hit.issue.title).is_empty(),
        };
        manner
            && self.is_about_the_file()
            && self.alive
            && !matches!(self.platform, Agreement::Other(_))
    }

    /// Both names somewhere in the texts, and nothing that speaks against it.
    pub(super) fn has_both_in_text(&self) -> bool {
        self.text_both && !self.names_another_test() && !self.speaks_of_another_manner()
    }

    /// How sure it is, as far as one report tells. That the file alone is
    /// enough when no other report names it is decided over all of them.
    pub(super) fn tier(&self, question: &Question<'_>) -> Tier {
        let named = self.method && (self.file || self.package || self.class);
        if !self.hit.open || self.speaks_of_another_manner() {
            return Tier::Weak;
        }
        match (named, self.method) {
            (true, _) if self.alive => Tier::Strong,
            (true, _) => Tier::Likely,
            (false, true) if question.method_is_selective => Tier::Likely,
            _ => Tier::Weak,
        }
    }

    /// The order within a tier: what a later step of the search adds is worth
    /// less than what an earlier one does, and being open beats a kind of word.
    pub(super) fn points(&self) -> i32 {
        let of = |there: bool, points: i32| if there { points } else { 0 };
        of(self.method, 40)
            + of(self.class, 25)
            + of(self.file, 20)
            + of(self.package, 8)
            + of(!self.parts.is_empty(), 3)
            + of(self.text_both, 10)
            + of(self.text_method, 5)
            + of(self.text_file, 2)
            + of(self.hit.open, 12)
            + of(self.alive, 4)
            + of(self.reports_a_failure, 4)
            + of(self.exception.is_some(), 6)
            + of(matches!(self.manner, Agreement::Same(_)), 6)
            - of(self.speaks_of_another_manner(), 12)
            + of(matches!(self.platform, Agreement::Same(_)), 5)
            - of(matches!(self.platform, Agreement::Other(_)), 4)
            - of(self.names_another_test(), 15)
    }

    pub(super) fn candidate(&self, question: &Question<'_>, tier: Tier) -> Candidate {
        Candidate {
            issue: self.hit.issue.clone(),
            open: self.hit.open,
            tier,
            evidence: self.evidence(question),
        }
    }

    /// First where it was found, then what else speaks for it, then what
    /// speaks against it.
    fn evidence(&self, question: &Question<'_>) -> Vec<String> {
        let mut said = self.found_in(question.names);
        let exception = self.exception;
        said.extend(exception.map(|name| format!("{name} is in the title")));
        said.extend(match &self.manner {
            Agreement::Same(manner) => Some(format!("the title speaks of {}", manner.words())),
            Agreement::Other(manner) => Some(format!(
                "against: the title speaks of {}, this is \"{}\"",
                manner.words(),
                question.failure.kind.words()
            )),
            Agreement::Silent => None,
        });
        said.extend(match &self.platform {
            Agreement::Same(name) => Some(format!("the title names {name}, as the builder does")),
            Agreement::Other(name) => Some(format!(
                "against: the title names {name}, the builder does not"
            )),
            Agreement::Silent => None,
        });
        if self.names_another_test() {
            said.push(format!(
                "against: the title names {}",
                self.others.join(", ")
            ));
        }
        if !self.alive {
            said.push("against: it has not changed for two years".to_owned());
        }
        let state = if self.hit.open { "open" } else { "closed" };
        said.push(format!("it is {state}"));
        said
    }

    /// Which name stands where.
    fn found_in(&self, names: &Names) -> Vec<String> {
        let mut said = Vec::new();
        let in_title = [
            (self.method, "method", &names.method),
            (self.class, "class", &names.class),
            (self.file, "file", &names.file),
            (self.package, "package", &names.package),
        ];
        for (found, what, name) in in_title {
            if let (true, Some(name)) = (found, name) {
                said.push(format!("the {what} {name} is in the title"));
            }
        }
        for part in &self.parts {
            said.push(format!("{part} is part of a longer word in the title"));
        }
        let in_text = [
            (self.text_method && !self.method, &names.method),
            (self.text_file && !self.file, &names.file),
        ];
        for (found, name) in in_text {
            if let (true, Some(name)) = (found, name) {
                said.push(format!("{name} is in its text"));
            }
        }
        said
    }
}
