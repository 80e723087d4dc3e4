//! What a CI system said in one mail: one or several builds that went wrong.

use serde::{Deserialize, Serialize};

use crate::domain::failure::Failure;

/// One mail by which a CI system says that builds went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The builds the mail speaks of, in the mail's order; never empty.
    pub builds: Vec<Build>,
    /// What could not be read, in words, for the person who looks.
    pub remarks: Vec<String>,
}

/// How a build ended, as the notification words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildResult {
    /// A failure, new or repeated.
    Failure,
    /// An exception of the CI system.
    Exception,
    /// Warnings only, such as a test that passed when run again.
    Warnings,
    /// The build passes, possibly for the first time again.
    Success,
    /// The build is or was repeated (a worker was lost).
    Retry,
    /// Somebody cancelled it.
    Cancelled,
    /// It was skipped.
    Skipped,
}

/// Where a build can be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildLink {
    /// The link as the mail gives it; `http` or `https`, no white space.
    pub url: String,
    /// Everything before `#/builders/` or `/builders/`, ending in `/`.
    pub base: String,
    /// The builder's number, or its name as the link has it, quoted: always so in
    /// the links of Buildbot 0.8, which have no `#`.
    pub builder: String,
    /// The build's number.
    pub number: u64,
}

impl BuildLink {
    /// The page of the builder itself.
    pub fn builder_url(&self) -> String {
        let hash = if self.url.contains('#') { "#/" } else { "" };
        format!("{}{hash}builders/{}", self.base, self.builder)
    }
}

/// One build of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The builder's name: `AMD64 Fedora Stable 3.x`.
    pub builder: String,
    /// How it ended.
    pub result: BuildResult,
    /// The state in the CI system's words: `failed test (failure)`.
    pub state: Option<String>,
    /// The worker that ran it.
    pub worker: Option<String>,
    /// The project as the CI system names it: `python/cpython`.
    pub project: Option<String>,
    /// The branch: the last word of the builder's name (`3.x`), else what the
    /// mail's subject says.
    pub branch: Option<String>,
    /// The commit that was built, 7 to 40 hex digits.
    pub revision: Option<String>,
    /// Where to look at it.
    pub link: Option<BuildLink>,
    /// The people to whom the CI system ascribes the changes, as printed.
    pub blamelist: Vec<String>,
    /// What went wrong; empty until the log was read, and where the CI system
    /// did not say.
    pub failures: Vec<Failure>,
    /// Where the failures were read from.
    pub read_from: ReadFrom,
    /// How many secrets were taken out of what is kept of this build. More
    /// than none disables automatic rules for it (I15).
    #[serde(default)]
    pub redactions: usize,
    /// Why it was built, in the CI system's words; none where they say nothing
    /// (`<unknown>`).
    #[serde(default)]
    pub reason: Option<String>,
}

/// Which text the failures of a build were read from, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadFrom {
    /// The `test.stdio` (or other step's) attachment.
    Attachment,
    /// The CI system's API.
    Api,
    /// The mail's own text.
    Body,
}
