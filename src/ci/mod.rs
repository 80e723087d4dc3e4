//! CI systems: what a build was, and the logs of the steps that failed.
//!
//! A mail names hosts as it likes. Nothing is fetched from any but the
//! configured addresses.

mod appveyor;
mod azure;
pub mod buildbot;
mod github_actions;
pub mod hosted;
mod travis;

use reqwest::Url;

use crate::domain::Seconds;
use crate::domain::finding::Finding;
use crate::domain::notification::{BuildLink, BuildResult, CiSystem};

pub use buildbot::Buildbot;
pub use hosted::Hosted;

/// A CI system that can be asked.
#[derive(Debug)]
pub enum Ci {
    /// Buildbot's REST interface, version 2 (Buildbot 0.9 and later).
    Buildbot(Buildbot),
    /// Travis CI, AppVeyor, Azure Pipelines or GitHub Actions.
    Hosted(Box<Hosted>),
}

/// What the CI system says of one build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFacts {
    /// The CI system's own id of the build.
    pub id: u64,
    /// How it ended; none while it runs.
    pub result: Option<BuildResult>,
    /// In its words: `failed test (failure)`.
    pub state: String,
    /// The builder's name.
    pub builder: Option<String>,
    /// The worker that ran it.
    pub worker: Option<String>,
    /// The project: `python/cpython`.
    pub project: Option<String>,
    /// The branch of the source.
    pub branch: Option<String>,
    /// The commit that was built, as the source step found it.
    pub revision: Option<String>,
    /// The commit that was to be built.
    pub wanted_revision: Option<String>,
    /// When it ended; the CI system's clock.
    pub ended_at: Option<Seconds>,
    /// When it began.
    pub began_at: Option<Seconds>,
    /// The steps whose logs may tell why it failed, in order.
    pub steps: Vec<Step>,
    /// The CI system's own id of the request that led to it.
    request: Option<u64>,
    /// The address below which all this was found.
    api: Url,
}

/// One step of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The CI system's own id of the step.
    pub id: u64,
    /// Its name: `test`.
    pub name: String,
    /// How it ended; none while it runs.
    pub result: Option<BuildResult>,
}

/// A text that a step left, or leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The CI system's own id of the log.
    pub id: u64,
    /// Its name: `stdio`.
    pub name: String,
    /// What it is.
    pub kind: LogKind,
    /// How many lines it has so far.
    pub lines: u64,
    /// Whether it has ended.
    pub is_complete: bool,
}

/// What a log is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogKind {
    /// What commands printed; each line has its stream's letter in front: `o`,
    /// `e`, or `h` for the CI system's own words.
    Stream,
    /// A text.
    Text,
    /// A page of HTML.
    Html,
    /// It was a log once; its lines are deleted.
    Deleted,
}

/// How much of a log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The last lines, that many; of very long ones not all.
    Tail(u64),
    /// All of it; of one over 64 MiB not the middle.
    Whole,
}

/// What comes of a log, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Whole lines, each with its `\n` and none over 64 KiB.
    Lines(&'a str),
    /// So many lines are left out here.
    LeftOut(u64),
}

/// How much of a log came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extract {
    /// Lines that came.
    pub lines: u64,
    /// Lines before the first one that came.
    pub before: u64,
    /// Lines left out after that.
    pub gaps: u64,
}

impl Extract {
    /// Whether nothing is left out.
    pub const fn is_whole(self) -> bool {
        self.before == 0 && self.gaps == 0
    }
}

/// Why the CI system gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// No configured CI system has this address; nothing was asked.
    #[error("{0} is none of the configured CI systems")]
    NotConfigured(String),
    /// It is gone or never was: builds and logs are deleted after some months.
    #[error("{0}")]
    Gone(String),
    /// The build or its log has not ended yet.
    #[error("{0}")]
    NotYet(String),
    /// It could not be asked; later may be better.
    #[error("{0}")]
    Unreachable(String),
    /// The answer is longer than anybody should send.
    #[error("{0}")]
    TooLong(String),
    /// It answered what nobody understands.
    #[error("{0}")]
    Strange(String),
}

impl Ci {
    /// Looks up the build that a mail's link to a Buildbot names. Whether it is the
    /// one that the mail means is the caller's to judge: numbers may have begun
    /// anew. A hosted system has runs of several jobs instead: [`Hosted::run`].
    ///
    /// # Errors
    ///
    /// Why there is nothing.
    pub async fn build(&self, link: &BuildLink) -> Result<BuildFacts, Miss> {
        match self {
            Ci::Buildbot(ci) => ci.build(link).await,
            Ci::Hosted(_) => Err(no_buildbot(&link.base)),
        }
    }

    /// As [`Ci::build`], for one request less: the build has no steps.
    ///
    /// # Errors
    ///
    /// Why there is nothing.
    pub async fn build_alone(&self, link: &BuildLink) -> Result<BuildFacts, Miss> {
        match self {
            Ci::Buildbot(ci) => ci.build_alone(link).await,
            Ci::Hosted(_) => Err(no_buildbot(&link.base)),
        }
    }

    /// When a Buildbot first knew the revision of that build, by its clock: nothing that
    /// landed later is in it. None where it took what was newest, or does not tell. Two
    /// small requests. A hosted system says it of the run: [`hosted::Run`].
    ///
    /// # Errors
    ///
    /// Why there is nothing.
    pub async fn revision_seen_at(&self, build: &BuildFacts) -> Result<Option<Seconds>, Miss> {
        match self {
            Ci::Buildbot(ci) => ci.revision_seen_at(build).await,
            Ci::Hosted(_) => Err(no_buildbot(build.api.as_str())),
        }
    }

    /// The logs of a step of that build, the most telling one first; of a Buildbot
    /// alone.
    ///
    /// # Errors
    ///
    /// Why there is nothing.
    pub async fn logs(&self, build: &BuildFacts, step: &Step) -> Result<Vec<Log>, Miss> {
        match self {
            Ci::Buildbot(ci) => ci.logs(build, step).await,
            Ci::Hosted(_) => Err(no_buildbot(build.api.as_str())),
        }
    }

    /// Reads a log of that build, as far as it is written, in order and in constant
    /// memory. Lines over 64 KiB are cut.
    ///
    /// # Errors
    ///
    /// Why there is nothing, or no more than `sink` got.
    pub async fn read(
        &self,
        build: &BuildFacts,
        log: &Log,
        extent: Extent,
        sink: &mut dyn FnMut(Piece<'_>),
    ) -> Result<Extract, Miss> {
        match self {
            Ci::Buildbot(ci) => ci.read(build, log, extent, sink).await,
            Ci::Hosted(_) => Err(no_buildbot(build.api.as_str())),
        }
    }

    /// Whether a link's address is a configured one.
    pub fn knows(&self, link: &BuildLink) -> bool {
        match self {
            Ci::Buildbot(ci) => link.ci == CiSystem::Buildbot && ci.knows(link),
            Ci::Hosted(ci) => ci.knows(link),
        }
    }

    /// Asks every configured address something harmless.
    pub async fn check(&self) -> Vec<Finding> {
        match self {
            Ci::Buildbot(ci) => ci.check().await,
            Ci::Hosted(ci) => ci.check().await,
        }
    }
}

fn no_buildbot(base: &str) -> Miss {
    Miss::NotConfigured(crate::http::one_line(base))
}
