//! Azure Pipelines by its REST API, version 7.1.
//!
//! A build's timeline is a tree of records: stages, jobs, tasks. The failed task has
//! the log that tells; a job's own log is that of all its tasks.
//!
//! A build that a push or a pull request made was for its commit when it was queued, and
//! stays so when failed jobs are run again. Of others (by hand, by the clock, for several
//! pushes at once) it is not said when the commit was chosen.

use std::collections::HashMap;

use serde::Deserialize;

use crate::ci::Miss;
use crate::ci::hosted::{Hosted, Job, Request, Run, moment, parts};
use crate::domain::notification::BuildLink;

const VERSION: &[(&str, &str)] = &[("api-version", "7.1")];
/// Logs looked at for one job.
const MOST_LOGS: usize = 3;
/// Records on the way from a task to its job, at most.
const DEEPEST: usize = 8;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildRow {
    #[serde(default)]
    status: String,
    #[serde(default)]
    source_branch: Option<String>,
    #[serde(default)]
    source_version: Option<String>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    queue_time: Option<String>,
    #[serde(default)]
    definition: Option<DefinitionRow>,
}

#[derive(Deserialize)]
struct DefinitionRow {
    name: String,
}

#[derive(Deserialize)]
struct Timeline {
    #[serde(default)]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    worker_name: Option<String>,
    #[serde(default)]
    start_time: Option<String>,
    #[serde(default)]
    order: Option<i64>,
    #[serde(default)]
    log: Option<LogRow>,
}

#[derive(Deserialize)]
struct LogRow {
    id: u64,
}

pub(super) async fn run(server: &Hosted, project: &str, link: &BuildLink) -> Result<Run, Miss> {
    let id = link.number.to_string();
    let path = builds(project, &[&id]);
    let row: BuildRow = server.get(&path, VERSION, "the build").await?;
    if row.status != "completed" {
        return Err(Miss::NotYet(format!("build {id} is {}", row.status)));
    }
    let path = builds(project, &[&id, "timeline"]);
    let timeline: Timeline = server.get(&path, VERSION, "the build's timeline").await?;
    let page = format!(
        "{}/_build/results?buildId={id}&view=logs&j=",
        project.replace(' ', "%20")
    );
    let jobs = failed_jobs(&timeline.records)
        .into_iter()
        .map(|(job, tasks)| job_of(job, &tasks, server.page(&page)))
        .collect();
    let branch = row
        .source_branch
        .and_then(|branch| branch.strip_prefix("refs/heads/").map(ToOwned::to_owned));
    let is_for_one = matches!(row.reason.as_str(), "individualCI" | "pullRequest");
    Ok(Run {
        name: row.definition.map(|definition| definition.name),
        branch,
        revision: row.source_version,
        revision_seen_at: moment(row.queue_time.as_ref()).filter(|_| is_for_one),
        jobs,
        left_out: 0,
    })
}

impl Record {
    fn is_failed(&self, kind: &str) -> bool {
        self.kind == kind && self.result.as_deref() == Some("failed")
    }
}

/// Every failed job with its failed tasks, both in their order.
fn failed_jobs(records: &[Record]) -> Vec<(&Record, Vec<&Record>)> {
    let by_id: HashMap<&str, &Record> = records
        .iter()
        .map(|record| (record.id.as_str(), record))
        .collect();
    let job_of_task = |task: &Record| {
        let mut parent = task.parent_id.as_deref();
        for _ in 0..DEEPEST {
            let record = by_id.get(parent?)?;
            if record.kind == "Job" {
                return Some(record.id.clone());
            }
            parent = record.parent_id.as_deref();
        }
        None
    };
    let mut tasks: HashMap<String, Vec<&Record>> = HashMap::new();
    for task in records.iter().filter(|record| record.is_failed("Task")) {
        if let Some(job) = job_of_task(task) {
            tasks.entry(job).or_default().push(task);
        }
    }
    let mut jobs: Vec<&Record> = records
        .iter()
        .filter(|record| record.is_failed("Job"))
        .collect();
    jobs.sort_by_key(|job| job.order);
    jobs.into_iter()
        .map(|job| {
            let mut tasks = tasks.remove(&job.id).unwrap_or_default();
            tasks.sort_by_key(|task| task.order);
            (job, tasks)
        })
        .collect()
}

fn job_of(job: &Record, tasks: &[&Record], page: String) -> Job {
    let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
    let what = match names.as_slice() {
        [] => "job".to_owned(),
        names => names.join(", "),
    };
    let logs = tasks
        .iter()
        .copied()
        .chain([job])
        .filter_map(|record| Some(record.log.as_ref()?.id.to_string()));
    Job {
        name: Some(job.name.clone()).filter(|name| !name.is_empty()),
        url: format!("{page}{}", job.id),
        worker: job.worker_name.clone(),
        state: format!("failed {what}"),
        began_at: moment(job.start_time.as_ref()),
        logs: logs.take(MOST_LOGS).collect(),
    }
}

/// The path of a project's builds, and of what lies below them.
fn builds<'a>(project: &'a str, below: &[&'a str]) -> Vec<&'a str> {
    let (organisation, name) = parts(project);
    let mut path = vec![organisation, name, "_apis", "build", "builds"];
    path.extend(below);
    path
}

pub(super) fn log(project: &str, link: &BuildLink, log: &str) -> Request {
    let id = link.number.to_string();
    let path = builds(project, &[&id, "logs", log]);
    (path.into_iter().map(ToOwned::to_owned).collect(), VERSION)
}

pub(super) fn probe(project: &str) -> Request {
    let path = builds(project, &[]);
    (
        path.into_iter().map(ToOwned::to_owned).collect(),
        &[("api-version", "7.1"), ("$top", "1")],
    )
}
