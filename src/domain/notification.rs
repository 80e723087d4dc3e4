//! What a CI system said in one mail: one or several builds that went wrong.

use serde::{Deserialize, Serialize};

use crate::domain::Seconds;
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

/// The kinds of CI systems whose notices are read.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum CiSystem {
    /// Buildbot, of any version.
    #[default]
    Buildbot,
    /// Travis CI.
    Travis,
    /// AppVeyor.
    #[serde(rename = "appveyor")]
    AppVeyor,
    /// Azure Pipelines.
    Azure,
    /// GitHub Actions.
    #[serde(rename = "github_actions")]
    GitHubActions,
}

impl CiSystem {
    /// The word for it in a configuration and in JSON: `github_actions`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Buildbot => "buildbot",
            Self::Travis => "travis",
            Self::AppVeyor => "appveyor",
            Self::Azure => "azure",
            Self::GitHubActions => "github_actions",
        }
    }

    /// Its name for people: `GitHub Actions`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buildbot => "Buildbot",
            Self::Travis => "Travis CI",
            Self::AppVeyor => "AppVeyor",
            Self::Azure => "Azure Pipelines",
            Self::GitHubActions => "GitHub Actions",
        }
    }
}

/// Where a build can be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildLink {
    /// The link as the mail gives it; `http` or `https`, no white space.
    pub url: String,
    /// Whose link it is, by its form. Rows of older versions are Buildbot's.
    #[serde(default)]
    pub ci: CiSystem,
    /// The CI system's address, ending in `/`: what stands before `#/builders/`
    /// or `/builders/`, or before the project of the other systems.
    pub base: String,
    /// Buildbot: the builder's number, or its name as the link has it, quoted:
    /// always so in the links of Buildbot 0.8, which have no `#`.
    /// The others: the project: `owner/name`, for Azure `organisation/project`.
    pub builder: String,
    /// The build's number in the address; 0 where that has [`BuildLink::name`] alone.
    pub number: u64,
    /// What people call the build where that is not the number of the address:
    /// AppVeyor's version `3.8build12345`, Travis' number `4711`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl BuildLink {
    /// The page of the builder itself, or of the project's builds.
    pub fn builder_url(&self) -> String {
        let (base, builder) = (&self.base, &self.builder);
        match self.ci {
            CiSystem::Buildbot => {
                let hash = if self.url.contains('#') { "#/" } else { "" };
                format!("{base}{hash}builders/{builder}")
            }
            CiSystem::Travis => format!("{base}{builder}/builds"),
            CiSystem::AppVeyor => format!("{base}project/{builder}"),
            CiSystem::Azure => format!("{base}{builder}/_build"),
            CiSystem::GitHubActions => format!("{base}{builder}/actions"),
        }
    }

    /// What people call the build: its name or else its number.
    pub fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.number.to_string())
    }
}

/// One build of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The CI system that built it. Rows of older versions are Buildbot's.
    #[serde(default)]
    pub ci: CiSystem,
    /// The builder's name: `AMD64 Fedora Stable 3.x`; of other CI systems the
    /// workflow, definition or project, and the job if it is known: `Tests / ubuntu`.
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
    /// mail's subject says. None for a pull request whose branch is not told.
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
    /// When it began, by the CI system's clock, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Seconds>,
    /// When the CI system first knew the revision that was built, by its clock, where it
    /// tells: by then that had all that is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_seen_at: Option<Seconds>,
    /// Why it was built, in the CI system's words; none where they say nothing
    /// (`<unknown>`).
    #[serde(default)]
    pub reason: Option<String>,
}

impl Build {
    /// One of which no more is known yet, as a mail's own text tells of it.
    pub fn bare(ci: CiSystem, builder: String, result: BuildResult) -> Self {
        Self {
            ci,
            builder,
            result,
            state: None,
            worker: None,
            project: None,
            branch: None,
            revision: None,
            link: None,
            blamelist: Vec::new(),
            failures: Vec::new(),
            read_from: ReadFrom::Body,
            redactions: 0,
            began_at: None,
            revision_seen_at: None,
            reason: None,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_older_rows_are_buildbots() {
        let old = r#"{"url":"https://b.example/#/builders/1/builds/2","base":"https://b.example/",
                      "builder":"1","number":2}"#;
        let link: BuildLink = serde_json::from_str(old).unwrap();
        assert_eq!((link.ci, link.name.as_deref()), (CiSystem::Buildbot, None));
        assert_eq!(link.builder_url(), "https://b.example/#/builders/1");
        let build: Build = serde_json::from_str(&format!(
            r#"{{"builder":"B 3.x","result":"failure","state":null,"worker":null,"project":null,
                "branch":null,"revision":null,"link":{old},"blamelist":[],"failures":[],
                "read_from":"body"}}"#
        ))
        .unwrap();
        assert_eq!((build.ci, build.link), (CiSystem::Buildbot, Some(link)));
    }

    #[test]
    fn every_system_has_its_word_and_its_pages() {
        for (ci, base, page) in [
            (
                CiSystem::Travis,
                "https://t.example/",
                "https://t.example/o/r/builds",
            ),
            (
                CiSystem::AppVeyor,
                "https://a.example/",
                "https://a.example/project/o/r",
            ),
            (
                CiSystem::Azure,
                "https://z.example/",
                "https://z.example/o/r/_build",
            ),
            (
                CiSystem::GitHubActions,
                "https://g.example/",
                "https://g.example/o/r/actions",
            ),
        ] {
            let word = serde_json::to_string(&ci).unwrap();
            assert_eq!(word, format!("{:?}", ci.key()));
            let link = BuildLink {
                url: "https://x.example/".into(),
                ci,
                base: base.into(),
                builder: "o/r".into(),
                number: 5,
                name: None,
            };
            assert_eq!(
                (link.builder_url().as_str(), link.shown().as_str()),
                (page, "5")
            );
            let back: BuildLink =
                serde_json::from_str(&serde_json::to_string(&link).unwrap()).unwrap();
            assert_eq!(back, link);
        }
    }
}
