//! Travis CI by its API, version 3. Of a commit it tells the date, which is before its
//! push; not when it was chosen.

use serde::Deserialize;

use crate::ci::Miss;
use crate::ci::hosted::{Hosted, Job, Request, Run, moment};
use crate::domain::notification::BuildLink;

#[derive(Deserialize)]
struct BuildRow {
    #[serde(default)]
    state: String,
    #[serde(default)]
    event_type: String,
    #[serde(default)]
    branch: Option<BranchRow>,
    #[serde(default)]
    commit: Option<CommitRow>,
    repository: RepositoryRow,
}

#[derive(Deserialize)]
struct BranchRow {
    name: String,
}

#[derive(Deserialize)]
struct CommitRow {
    sha: String,
}

#[derive(Deserialize)]
struct RepositoryRow {
    slug: String,
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<JobRow>,
}

#[derive(Deserialize)]
struct JobRow {
    id: u64,
    /// `4711.2`
    #[serde(default)]
    number: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    allow_failure: bool,
    #[serde(default)]
    started_at: Option<String>,
    #[serde(default)]
    config: Option<ConfigRow>,
}

#[derive(Deserialize)]
struct ConfigRow {
    #[serde(default)]
    name: Option<String>,
}

pub(super) async fn run(server: &Hosted, project: &str, link: &BuildLink) -> Result<Run, Miss> {
    let id = link.number.to_string();
    let row: BuildRow = server.get(&["build", &id], &[], "the build").await?;
    // Builds are numbered over all projects: the mail may name anybody's.
    if !row.repository.slug.eq_ignore_ascii_case(project) {
        return Err(Miss::Strange(format!("build {id} is not one of {project}")));
    }
    if matches!(
        row.state.as_str(),
        "created" | "received" | "queued" | "started" | "booting"
    ) {
        return Err(Miss::NotYet(format!("build {id} is {}", row.state)));
    }
    let jobs: Jobs = server
        .get(
            &["build", &id, "jobs"],
            &[("include", "job.config")],
            "the build's jobs",
        )
        .await?;
    let failed = jobs
        .jobs
        .into_iter()
        .filter(|job| matches!(job.state.as_str(), "failed" | "errored") && !job.allow_failure);
    let jobs = failed.map(|row| {
        let page = format!("{project}/jobs/{}", row.id);
        row.job(server.page(&page))
    });
    Ok(Run {
        name: None,
        branch: row
            .branch
            .map(|branch| branch.name)
            .filter(|_| row.event_type != "pull_request"),
        revision: row.commit.map(|commit| commit.sha),
        revision_seen_at: None,
        jobs: jobs.collect(),
        left_out: 0,
    })
}

impl JobRow {
    fn job(self, url: String) -> Job {
        // The build's number would be another each time.
        let place = self.number.rsplit_once('.').map(|(_, place)| place);
        let name = self.config.and_then(|config| config.name);
        Job {
            name: name
                .filter(|name| !name.is_empty())
                .or_else(|| place.map(|place| format!("job {place}"))),
            url,
            worker: None,
            state: match self.state.as_str() {
                "errored" => "build errored (exception)".to_owned(),
                _ => "build failed".to_owned(),
            },
            began_at: moment(self.started_at.as_ref()),
            logs: vec![self.id.to_string()],
        }
    }
}

pub(super) fn log(job: &str) -> Request {
    let path = ["job", job, "log.txt"];
    (path.map(ToOwned::to_owned).to_vec(), &[])
}

/// The slug is one segment: `owner%2Fname`.
pub(super) fn probe(project: &str) -> Request {
    (vec!["repo".to_owned(), project.to_owned()], &[])
}
