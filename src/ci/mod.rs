//! CI systems: what a build was, and the log of the step that failed.
//!
//! A mail names hosts as it likes. Nothing is fetched from any but the
//! configured addresses.

mod appveyor;
mod azure;
pub mod buildbot;
mod github_actions;
pub mod hosted;
mod travis;

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
    /// How it ended.
    pub result: BuildResult,
    /// In its words: `failed test (failure)`.
    pub state: String,
    /// The builder's name.
    pub builder: Option<String>,
    /// The worker that ran it.
    pub worker: Option<String>,
    /// The branch of the source.
    pub branch: Option<String>,
    /// The commit that was built, as the source step found it.
    pub revision: Option<String>,
    /// When it ended; the CI system's clock.
    pub ended_at: Option<Seconds>,
    /// The names of the steps that failed, in order.
    pub failed_steps: Vec<String>,
}

/// The text of one step's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedLog {
    /// The step's name: `test`.
    pub step: String,
    /// The lines, each as `stdio` of a mail has it: with its stream's letter
    /// (`o`, `e`, `h`) in front. Lines over 64 KiB are cut.
    pub text: String,
    /// How many lines at the beginning are missing; 0 when it is whole.
    pub lines_skipped: u64,
}

/// How much of a log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The last lines, that many.
    Tail(u64),
    /// All of it; of one over 64 MiB or a million lines the end.
    Whole,
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
    /// Looks up the build that a mail's link to a Buildbot names. A hosted system
    /// has runs of several jobs instead: [`Hosted::run`].
    ///
    /// # Errors
    ///
    /// Why there is nothing.
    pub async fn build(&self, link: &BuildLink) -> Result<BuildFacts, Miss> {
        match self {
            Ci::Buildbot(ci) => ci.build(link).await,
            Ci::Hosted(_) => Err(no_buildbot(link)),
        }
    }

    /// Fetches the `stdio` log of a step of that build; of a Buildbot alone.
    ///
    /// # Errors
    ///
    /// Why there is nothing.
    pub async fn log(
        &self,
        link: &BuildLink,
        step: &str,
        extent: Extent,
    ) -> Result<FetchedLog, Miss> {
        match self {
            Ci::Buildbot(ci) => ci.log(link, step, extent).await,
            Ci::Hosted(_) => Err(no_buildbot(link)),
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

fn no_buildbot(link: &BuildLink) -> Miss {
    Miss::NotConfigured(crate::http::one_line(&link.base))
}
