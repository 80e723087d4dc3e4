//! AppVeyor by its REST API.
//!
//! The project's path gives a build by its version or by its id; a job's log is text.
//! Of a commit it tells the date, which is before its push; not when it was chosen.

use serde::Deserialize;

use crate::ci::Miss;
use crate::ci::hosted::{Hosted, Job, Request, Run, moment, parts};
use crate::domain::notification::BuildLink;

#[derive(Deserialize)]
struct Answer {
    build: BuildRow,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildRow {
    build_id: u64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    branch: Option<String>,
    #[serde(default)]
    commit_id: Option<String>,
    #[serde(default)]
    pull_request_id: Option<serde_json::Value>,
    #[serde(default)]
    jobs: Vec<JobRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobRow {
    job_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    allow_failure: bool,
    #[serde(default)]
    started: Option<String>,
}

pub(super) async fn run(server: &Hosted, project: &str, link: &BuildLink) -> Result<Run, Miss> {
    let (account, slug) = parts(project);
    let id = link.number.to_string();
    let (kind, which) = match (&link.name, link.number) {
        (Some(version), 0) => ("build", version.as_str()),
        _ => ("builds", id.as_str()),
    };
    let path = ["api", "projects", account, slug, kind, which];
    let answer: Answer = server.get(&path, &[], "the build").await?;
    let row = answer.build;
    if matches!(row.status.as_str(), "queued" | "starting" | "running") {
        return Err(Miss::NotYet(format!("build {which} is {}", row.status)));
    }
    let several = row.jobs.len() > 1;
    let build = row.build_id;
    let jobs = row
        .jobs
        .into_iter()
        .zip(1..)
        .filter(|(job, _)| job.status == "failed" && !job.allow_failure)
        .map(|(job, place)| Job {
            name: Some(job.name)
                .filter(|name| !name.is_empty())
                .or_else(|| several.then(|| format!("job {place}"))),
            url: server.page(&format!(
                "project/{project}/builds/{build}/job/{}",
                job.job_id
            )),
            worker: None,
            state: "build failed".to_owned(),
            began_at: moment(job.started.as_ref()),
            logs: vec![job.job_id],
        });
    Ok(Run {
        name: None,
        branch: row.branch.filter(|_| row.pull_request_id.is_none()),
        revision: row.commit_id,
        revision_seen_at: None,
        jobs: jobs.collect(),
        left_out: 0,
    })
}

pub(super) fn log(job: &str) -> Request {
    let path = ["api", "buildjobs", job, "log"];
    (path.map(ToOwned::to_owned).to_vec(), &[])
}

pub(super) fn probe(project: &str) -> Request {
    let (account, slug) = parts(project);
    let path = ["api", "projects", account, slug];
    (path.map(ToOwned::to_owned).to_vec(), &[])
}
