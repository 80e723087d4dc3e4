//! What would be done about a notification: the rules, without any wording.

use std::collections::BTreeMap;

use crate::domain::draft::fields::{self, CommentFields, IssueFields};
use crate::domain::draft::grouping::{Aim, Group, Item, Manner, group, sort};
use crate::domain::draft::reply::{self, AlongPlan, Companion, ReplyPlan};
use crate::domain::draft::table::{self, Counted, TableFields};
use crate::domain::issue::IssueRef;
use crate::domain::mail::Mail;
use crate::domain::matching::Verdict;
use crate::domain::notification::{CiSystem, Notification};
use crate::domain::untrusted::plain_line;

/// Stands in [`Settings::components_of`] for builds that do not compile.
const COMPILE: &str = "compile";

/// What drafting needs to know of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How the tracker's texts are written.
    pub flavour: Flavour,
    /// The list's address; its local part names the list's subject prefix.
    pub list_address: String,
    /// Components (Roundup) or labels (GitHub) of every new report.
    pub components: Vec<String>,
    /// A test file (`test_asyncio`) to further components; `compile` to those of
    /// builds that do not compile instead of `Build` or `build`.
    pub components_of: BTreeMap<String, Vec<String>>,
    /// A builder's branch (`3.x`) to the tracker's version (`Python 3.16`).
    pub versions: BTreeMap<String, String>,
    /// Only addresses that begin with one of these become links; with none
    /// configured, every harmless address does.
    pub trusted_links: Vec<String>,
    /// From so many notifications of one incident on, one reply speaks for all of
    /// them; 0: each gets its own.
    pub one_reply_from: u32,
    /// Whether a report that was closed as fixed is opened again when its failure is
    /// there again; else a new one links it.
    pub reopens: bool,
}

/// How a tracker's texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Markdown, with the headings of CPython's bug form.
    GitHub,
    /// Plain text.
    Roundup,
    /// Plain text, for the built-in tracker.
    Embedded,
}

impl Flavour {
    /// CPython's label or component for builds that do not compile.
    fn build_component(self) -> &'static str {
        match self {
            Self::GitHub => "build",
            Self::Roundup | Self::Embedded => "Build",
        }
    }
}

/// Everything a draft is made from.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    /// The mail that is answered; absent where nobody mailed.
    pub mail: Option<&'a Mail>,
    /// What it says, followed by the builds of the companions.
    pub notification: &'a Notification,
    /// The notifications of the same incident that are settled along with it.
    pub companions: &'a [Companion],
    /// What was written lately to the issues that the verdicts name.
    pub quiet: &'a [Quiet],
    /// One for each failure, in the order of `builds[i].failures[j]`.
    pub verdicts: &'a [Verdict],
    /// What people chose instead; the last choice for a failure counts.
    pub choices: &'a [Choice],
}

/// What was written to an issue lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiet {
    /// The issue's number.
    pub issue: u64,
    /// Whether a comment was made within a day: then no other one is.
    pub commented: bool,
    /// Failures since the last comment that no comment tells of.
    pub untold: usize,
    /// The same by builder, with those that are drafted for now.
    pub counted: Vec<Counted>,
}

/// A person's word on one failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Which failure, counted from 0 over all builds.
    pub failure: usize,
    /// Where it belongs.
    pub target: Target,
}

/// Where a person says that a failure belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To this report.
    Issue(IssueRef),
    /// To this report, which was closed as fixed.
    Fixed(IssueRef),
    /// To a new report.
    New,
}

/// A draft before its wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// One for each action of the draft, in order. Empty: there is nothing to
    /// do, and `warnings` say why.
    pub steps: Vec<Step>,
    /// The answer to the list; absent if there are no steps, or no mail to answer.
    pub reply: Option<ReplyPlan>,
    /// The answers to the companions.
    pub along: Vec<AlongPlan>,
    /// For each step the failures it is about, counted from 0 over all builds.
    pub about: Vec<Vec<usize>>,
    /// What the reviewer should know.
    pub warnings: Vec<String>,
}

/// One action before its wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Open a report.
    Open {
        /// For the template.
        fields: IssueFields,
        /// As the tracker names them; empty on GitHub.
        versions: Vec<String>,
        /// Components or labels.
        components: Vec<String>,
    },
    /// Comment on a report.
    Comment {
        /// Which.
        issue: IssueRef,
        /// For the template.
        fields: CommentFields,
    },
    /// Open a report again, and comment on it.
    Reopen {
        /// Which.
        issue: IssueRef,
        /// For the template.
        fields: CommentFields,
    },
    /// Write nothing, but count.
    Count {
        /// For which report.
        issue: IssueRef,
        /// For the template; absent if nothing is written.
        fields: Option<TableFields>,
    },
    /// A person has to choose.
    Choose {
        /// What this is about, in words.
        about: String,
        /// Best first.
        candidates: Vec<IssueRef>,
    },
}

impl Plan {
    /// The same, let out by an automatic rule and by no person: every text that leaves
    /// gets the rule's name (I6).
    #[must_use]
    pub fn by_rule(mut self, rule: &str) -> Self {
        for step in &mut self.steps {
            match step {
                Step::Open { fields, .. } => rule.clone_into(&mut fields.rule),
                Step::Comment { fields, .. } | Step::Reopen { fields, .. } => {
                    rule.clone_into(&mut fields.rule);
                }
                Step::Count { .. } | Step::Choose { .. } => {}
            }
        }
        let along = self.along.iter_mut().filter_map(|it| it.reply.as_mut());
        for reply in self.reply.iter_mut().chain(along) {
            rule.clone_into(&mut reply.fields.rule);
        }
        self
    }
}

/// Decides what would be done. Pure: the same material gives the same plan.
///
/// - Failures of the same known issue share one comment.
/// - New failures of one test file, in whatever builds of the notification,
///   share one new issue; a leak, a crash, a hang and a plain failure of one
///   file are different bugs. More than 4 failed tests of one module fold into
///   one issue for the module, more than 3 modules into one for the build.
/// - What was closed as fixed and fails again gets a new issue that links the old
///   one, or opens that one again, as is configured.
/// - Where matching could not decide, a person has to choose.
/// - Links lead only to the configured Buildbots; what is left out, and what
///   could not be checked, is told.
/// - An infrastructure failure never becomes a bug report.
/// - An issue gets at most one comment a day; what comes in between is counted
///   in a table below it where comments can be edited, and the next comment says
///   how much that was.
pub fn plan(material: &Material<'_>, settings: &Settings) -> Plan {
    let mut warnings = Vec::new();
    let groups = group(sort(material, settings.reopens, &mut warnings));
    let steps: Vec<Step> = groups
        .iter()
        .map(|group| step(group, material.quiet, settings, &mut warnings))
        .collect();
    for group in &groups {
        warn_of_the_unexplained(group, &mut warnings);
        warn_of_links(group, settings, &mut warnings);
    }
    let (reply, along) = match steps.is_empty() {
        true => (None, Vec::new()),
        false => reply::plan(material, &groups, settings),
    };
    let indexes = |group: &Group<'_>| group.items.iter().map(|item| item.index).collect();
    Plan {
        steps,
        reply,
        along,
        about: groups.iter().map(indexes).collect(),
        warnings,
    }
}

fn step(
    group: &Group<'_>,
    quiet: &[Quiet],
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Step {
    match &group.aim {
        Aim::Known(issue) => {
            let lately = quiet.iter().find(|it| it.issue == issue.number);
            if let Some(lately) = lately.filter(|it| it.commented) {
                return Step::Count {
                    issue: issue.clone(),
                    fields: table::fields(&lately.counted, settings),
                };
            }
            let untold = lately.map_or(0, |it| it.untold);
            Step::Comment {
                issue: issue.clone(),
                fields: fields::comment(group, untold, settings),
            }
        }
        // However lately it was commented on: that was before it was closed.
        Aim::Reopen(issue) => Step::Reopen {
            issue: issue.clone(),
            fields: fields::reopening(group, settings),
        },
        Aim::Choose(candidates) => Step::Choose {
            about: fields::about(group),
            candidates: candidates.clone(),
        },
        Aim::Open(related) => {
            let versions = versions(group, settings, warnings);
            let components = components(group, settings);
            let fields = fields::issue(group, related, &versions, settings);
            let versions = match settings.flavour {
                // Only labels that people with rights set would carry them.
                Flavour::GitHub => Vec::new(),
                Flavour::Roundup | Flavour::Embedded => versions,
            };
            Step::Open {
                fields,
                versions,
                components,
            }
        }
    }
}

fn warn_of_the_unexplained(group: &Group<'_>, warnings: &mut Vec<String>) {
    if group.items.iter().all(Item::is_unexplained) {
        warnings.push(format!(
            "nothing was learnt of the failure on {}: look at the build before you approve",
            fields::place(group)
        ));
    } else if fields::lines(group, 1).is_empty() {
        warnings.push(format!(
            "no more is known than that {}: look at the build before you approve",
            fields::about(group)
        ));
    }
}

/// Says which links were left out, and which could not be checked: a mail that
/// is not genuine may name any host.
fn warn_of_links(group: &Group<'_>, settings: &Settings, warnings: &mut Vec<String>) {
    let trusted = &settings.trusted_links;
    for link in group
        .builds()
        .iter()
        .filter_map(|build| build.link.as_ref())
    {
        let shown = fields::link(&link.url, trusted).is_some();
        let is_trusted = trusted.iter().any(|start| link.url.starts_with(start));
        let words = if shown && is_trusted {
            continue;
        } else if shown {
            format!(
                "whether {} is your {} could not be checked: name it in {}",
                plain_line(host(&link.url), 100),
                link.ci.name(),
                setting(link.ci)
            )
        } else if is_trusted || trusted.is_empty() {
            format!(
                "the link {} was left out: it does not look like the address of a build",
                plain_line(&link.url, 150)
            )
        } else {
            format!(
                "the link {} is not on a configured {} and was left out: add it to {}",
                plain_line(&link.url, 150),
                link.ci.name(),
                setting(link.ci)
            )
        };
        if !warnings.contains(&words) {
            warnings.push(words);
        }
    }
}

/// Where a CI system is named in the configuration.
fn setting(ci: CiSystem) -> String {
    match ci {
        CiSystem::Buildbot => "[ci] buildbots".to_owned(),
        other => format!("[ci.{}] projects", other.key()),
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// The tracker's versions of all builds of a group. What the configuration
/// does not map is taken from the branch itself where that is a number.
fn versions(group: &Group<'_>, settings: &Settings, warnings: &mut Vec<String>) -> Vec<String> {
    let mut versions = Vec::new();
    for build in group.builds() {
        let Some(branch) = build.branch.as_deref() else {
            continue;
        };
        match version(branch, settings) {
            Some(version) if !versions.contains(&version) => versions.push(version),
            Some(_) => {}
            None => {
                let branch = plain_line(branch, 40);
                let words = format!(
                    "no version is known for the branch {branch:?}: add it to [drafts.versions]"
                );
                if !warnings.contains(&words) {
                    warnings.push(words);
                }
            }
        }
    }
    versions
}

fn version(branch: &str, settings: &Settings) -> Option<String> {
    if let Some(version) = settings.versions.get(branch) {
        return Some(version.clone());
    }
    let digits = |part: &str| {
        (1..=3).contains(&part.len()) && part.chars().all(|char| char.is_ascii_digit())
    };
    let is_number = branch
        .split_once('.')
        .is_some_and(|(major, minor)| digits(major) && digits(minor));
    match settings.flavour {
        Flavour::GitHub if is_number => Some(branch.to_owned()),
        Flavour::GitHub if matches!(branch, "3.x" | "main") => {
            Some("CPython main branch".to_owned())
        }
        Flavour::Roundup | Flavour::Embedded if is_number => Some(format!("Python {branch}")),
        _ => None,
    }
}

/// The components of every report and those of the test files concerned. For
/// what does not compile, those of [`COMPILE`] alone: tests have no part in it.
/// If that is not configured, CPython's own, unless reports are to have none.
fn components(group: &Group<'_>, settings: &Settings) -> Vec<String> {
    if group.topic.manner == Manner::DoesNotCompile {
        return match settings.components_of.get(COMPILE) {
            Some(components) => components.clone(),
            None if settings.components.is_empty() => Vec::new(),
            None => vec![settings.flavour.build_component().to_owned()],
        };
    }
    let mut components = settings.components.clone();
    for item in &group.items {
        let test = &item.failure.test;
        let named = [test.file.as_deref(), test.module()];
        for more in named
            .into_iter()
            .flatten()
            .filter_map(|name| settings.components_of.get(name))
        {
            for component in more {
                if !components.contains(component) {
                    components.push(component.clone());
                }
            }
        }
    }
    components
}
