//! GitHub Actions by GitHub's REST API, version 2022-11-28.
//!
//! A job's log is given by a redirect to another server, with an address that holds
//! for a minute; GitHub asks everybody for a token. Logs are deleted after 90 days,
//! or what the repository has set, and are then 410 (or 404).
//!
//! A run is made for an event, and builds the commit of that event however often it is
//! run again: then its jobs begin anew, and `created_at` stays.

use serde::Deserialize;

use crate::ci::Miss;
use crate::ci::hosted::{Hosted, Job, MOST_JOBS, Request, Run, moment, parts};
use crate::domain::notification::BuildLink;

/// Jobs on a page of an answer, the most that GitHub gives.
const PAGE: &str = "100";
/// A run has at most 256 jobs of a matrix; some workflows have several.
const MOST_PAGES: usize = 10;

#[derive(Deserialize)]
struct RunRow {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    event: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    head_branch: Option<String>,
    #[serde(default)]
    head_sha: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct Jobs {
    #[serde(default)]
    total_count: usize,
    jobs: Vec<JobRow>,
}

#[derive(Deserialize)]
struct JobRow {
    id: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    runner_name: Option<String>,
    #[serde(default)]
    started_at: Option<String>,
    #[serde(default)]
    steps: Vec<StepRow>,
}

#[derive(Deserialize)]
struct StepRow {
    #[serde(default)]
    name: String,
    #[serde(default)]
    conclusion: Option<String>,
}

pub(super) async fn run(server: &Hosted, project: &str, link: &BuildLink) -> Result<Run, Miss> {
    let (owner, name) = parts(project);
    let id = link.number.to_string();
    let path = ["repos", owner, name, "actions", "runs", &id];
    let row: RunRow = server.get(&path, &[], "the run").await?;
    if row.status != "completed" {
        return Err(Miss::NotYet(format!("run {id} is {}", row.status)));
    }
    let is_pull_request = row.event.starts_with("pull_request");
    let mut run = Run {
        name: row.name,
        branch: row.head_branch.filter(|_| !is_pull_request),
        revision: row.head_sha,
        revision_seen_at: moment(row.created_at.as_ref()),
        ..Run::default()
    };
    let path = ["repos", owner, name, "actions", "runs", &id, "jobs"];
    let mut seen = 0;
    for page in 1..=MOST_PAGES {
        let page = page.to_string();
        let query = [("filter", "latest"), ("per_page", PAGE), ("page", &page)];
        let jobs: Jobs = server.get(&path, &query, "the run's jobs").await?;
        seen += jobs.jobs.len();
        let is_last = jobs.jobs.is_empty() || seen >= jobs.total_count;
        for row in jobs.jobs.into_iter().filter(JobRow::is_failed) {
            if run.jobs.len() == MOST_JOBS {
                run.left_out += 1;
                continue;
            }
            let page = format!("{owner}/{name}/actions/runs/{id}/job/{}", row.id);
            run.jobs.push(row.job(server.page(&page)));
        }
        if is_last {
            break;
        }
    }
    Ok(run)
}

impl JobRow {
    fn is_failed(&self) -> bool {
        matches!(self.conclusion.as_deref(), Some("failure" | "timed_out"))
    }

    fn job(self, url: String) -> Job {
        let failed: Vec<&str> = self
            .steps
            .iter()
            .filter(|step| matches!(step.conclusion.as_deref(), Some("failure" | "timed_out")))
            .map(|step| step.name.as_str())
            .collect();
        let steps = match failed.as_slice() {
            [] => "job".to_owned(),
            steps => steps.join(", "),
        };
        let timed_out = match self.conclusion.as_deref() {
            Some("timed_out") => " (timed out)",
            _ => "",
        };
        Job {
            name: Some(self.name).filter(|name| !name.is_empty()),
            url,
            worker: self.runner_name.filter(|name| !name.is_empty()),
            state: format!("failed {steps}{timed_out}"),
            began_at: moment(self.started_at.as_ref()),
            logs: vec![self.id.to_string()],
        }
    }
}

pub(super) fn log(project: &str, job: &str) -> Request {
    let (owner, name) = parts(project);
    let path = ["repos", owner, name, "actions", "jobs", job, "logs"];
    (path.map(ToOwned::to_owned).to_vec(), &[])
}

pub(super) fn probe(project: &str) -> Request {
    let (owner, name) = parts(project);
    let path = ["repos", owner, name, "actions", "runs"];
    (path.map(ToOwned::to_owned).to_vec(), &[("per_page", "1")])
}
