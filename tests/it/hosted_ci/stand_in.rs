//! A stand-in for the APIs of all hosted CI systems: its answers are computed from
//! the described runs. A second server keeps GitHub's logs, as the real one does.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Response, header};
use serde_json::{Value, json};

/// The project that exists; each system has its runs.
pub const PROJECT: &str = "pyrocket/rocket";
/// The commit that was built.
pub const SHA: &str = "3f9c2ab7d1e0f4a5b6c7d8e9f00112233445566a";

/// When runs were queued, and when their jobs began: 2026-04-23, 10:11:12 and 12:34:56.
pub const QUEUED: i64 = 1_776_939_072;
pub const BEGUN: i64 = 1_776_947_696;

/// One run (or build) of several jobs.
pub struct Run {
    pub id: u64,
    /// AppVeyor's version.
    pub version: &'static str,
    pub is_complete: bool,
    /// Another project's, for systems that number over all of them.
    pub project: &'static str,
    /// Why Azure made it.
    pub reason: &'static str,
    pub jobs: Vec<Job>,
}

pub struct Job {
    pub id: u64,
    pub name: &'static str,
    pub ended: Ended,
    pub log: Log,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Well,
    Badly,
    Cancelled,
}

#[derive(Clone)]
pub enum Log {
    Text(String),
    /// So many bytes.
    Endless(usize),
    Deleted,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `api` or `store`.
    pub server: &'static str,
    pub path: String,
    pub authorization: Option<String>,
    pub travis_version: Option<String>,
}

pub struct State {
    pub runs: Vec<Run>,
    /// What has to be in `Authorization`, if anything.
    pub wants: Option<&'static str>,
    /// Where logs are instead of the store: a whole address.
    pub redirect: Option<String>,
    /// Azure's page to sign in instead of an answer.
    pub sign_in: bool,
    pub asked: Vec<Asked>,
    store: String,
}

pub struct StandIn {
    /// The API's address, ending in `/`.
    pub api: String,
    state: Arc<Mutex<State>>,
}

type Answer = Response<Body>;

impl StandIn {
    pub async fn start(runs: Vec<Run>) -> Self {
        let state = Arc::new(Mutex::new(State {
            runs,
            wants: None,
            redirect: None,
            sign_in: false,
            asked: Vec::new(),
            store: String::new(),
        }));
        let store = serve(
            Router::new()
                .fallback(stored)
                .with_state(Arc::clone(&state)),
        )
        .await;
        let api = serve(
            Router::new()
                .fallback(answer)
                .with_state(Arc::clone(&state)),
        )
        .await;
        state.lock().unwrap().store = store;
        Self { api, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the stand-in died")
    }

    /// The paths that were asked of a server.
    pub fn asked(&self, server: &str) -> Vec<String> {
        let state = self.state();
        let asked = state.asked.iter().filter(|asked| asked.server == server);
        asked.map(|asked| asked.path.clone()).collect()
    }
}

pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/")
}

impl State {
    fn note(&mut self, server: &'static str, path: String, headers: &HeaderMap) {
        let header = |name: &str| {
            let value = headers.get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        self.asked.push(Asked {
            server,
            path,
            authorization: header("authorization"),
            travis_version: header("travis-api-version"),
        });
    }

    fn run(&self, id: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.id.to_string() == id)
    }

    fn job(&self, id: &str) -> Option<&Job> {
        let mut jobs = self.runs.iter().flat_map(|run| &run.jobs);
        jobs.find(|job| job.id.to_string() == id)
    }
}

async fn stored(Shared(state): Shared<Arc<Mutex<State>>>, request: Request) -> Answer {
    let mut state = state.lock().unwrap();
    let path = request.uri().path().to_owned();
    state.note("store", path.clone(), request.headers());
    let job = path.trim_start_matches('/');
    log(state.job(job).map(|job| &job.log))
}

async fn answer(Shared(state): Shared<Arc<Mutex<State>>>, request: Request) -> Answer {
    let mut state = state.lock().unwrap();
    let path = request.uri().path().to_owned();
    state.note("api", path.clone(), request.headers());
    if state.sign_in {
        return text(203, "text/html", "<html>Sign in</html>".to_owned());
    }
    let came = state
        .asked
        .last()
        .and_then(|asked| asked.authorization.clone());
    if state
        .wants
        .is_some_and(|wants| came.as_deref() != Some(wants))
    {
        return say(401, &json!({ "message": "Bad credentials" }));
    }
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let project: Vec<&str> = PROJECT.split('/').collect();
    let found = match parts.as_slice() {
        ["repos", owner, name, "actions", rest @ ..] if [*owner, *name] == *project => {
            github(&state, rest)
        }
        ["build", rest @ ..] => travis(&state, rest),
        ["job", id, "log.txt"] => state.job(id).map(|job| log(Some(&job.log))),
        ["api", "projects", owner, name, rest @ ..] if [*owner, *name] == *project => {
            appveyor(&state, rest)
        }
        ["api", "buildjobs", id, "log"] => state
            .job(id.trim_start_matches('j'))
            .map(|job| log(Some(&job.log))),
        [owner, name, "_apis", "build", "builds", rest @ ..] if [*owner, *name] == *project => {
            azure(&state, rest)
        }
        ["repo", "pyrocket%2Frocket"] => Some(say(200, &json!({ "slug": PROJECT }))),
        _ => None,
    };
    found.unwrap_or_else(|| say(404, &json!({ "message": "Not Found" })))
}

fn github(state: &State, rest: &[&str]) -> Option<Answer> {
    Some(match rest {
        ["runs"] => say(200, &json!({ "total_count": 0, "workflow_runs": [] })),
        ["runs", id] => {
            let run = state.run(id)?;
            let status = if run.is_complete {
                "completed"
            } else {
                "in_progress"
            };
            say(
                200,
                &json!({ "id": run.id, "name": "Tests", "event": "push", "status": status,
                         "head_branch": "main", "head_sha": SHA, "run_attempt": 1,
                         "created_at": "2026-04-23T10:11:12Z",
                         "run_started_at": "2026-04-23T10:11:12Z",
                         "updated_at": "2026-04-23T13:00:00Z" }),
            )
        }
        ["runs", id, "jobs"] => {
            let jobs: Vec<Value> = state.run(id)?.jobs.iter().map(github_job).collect();
            say(200, &json!({ "total_count": jobs.len(), "jobs": jobs }))
        }
        ["jobs", id, "logs"] => {
            let job = state.job(id)?;
            if matches!(job.log, Log::Deleted) {
                return Some(say(410, &json!({ "message": "Server Error" })));
            }
            let elsewhere = format!("{}{}", state.store, job.id);
            Response::builder()
                .status(302)
                .header(
                    header::LOCATION,
                    state.redirect.clone().unwrap_or(elsewhere),
                )
                .body(Body::empty())
                .unwrap()
        }
        _ => return None,
    })
}

fn github_job(job: &Job) -> Value {
    let conclusion = match job.ended {
        Ended::Well => "success",
        Ended::Badly => "failure",
        Ended::Cancelled => "cancelled",
    };
    json!({ "id": job.id, "name": job.name, "status": "completed", "conclusion": conclusion,
            "runner_name": "GitHub Actions 7", "started_at": "2026-04-23T12:34:56Z",
            "steps": [{ "name": "Set up job", "conclusion": "success", "number": 1 },
                      { "name": "Run the tests", "conclusion": conclusion, "number": 2 }] })
}

fn travis(state: &State, rest: &[&str]) -> Option<Answer> {
    let word = |ended| match ended {
        Ended::Well => "passed",
        Ended::Badly => "failed",
        Ended::Cancelled => "canceled",
    };
    Some(match rest {
        [id] => {
            let run = state.run(id)?;
            let state = if run.is_complete { "failed" } else { "started" };
            say(
                200,
                &json!({ "@type": "build", "id": run.id, "state": state, "event_type": "push",
                         "repository": { "slug": run.project },
                         "branch": { "name": "main" }, "started_at": "2026-04-23T12:34:50Z",
                         "commit": { "sha": SHA, "committed_at": "2026-04-20T08:00:00Z" } }),
            )
        }
        [id, "jobs"] => {
            let run = state.run(id)?;
            let jobs: Vec<Value> = run
                .jobs
                .iter()
                .zip(1..)
                .map(|(job, place)| {
                    json!({ "@type": "job", "id": job.id, "number": format!("4711.{place}"),
                            "state": word(job.ended), "allow_failure": false,
                            "started_at": "2026-04-23T12:34:56Z",
                            "config": { "name": job.name } })
                })
                .collect();
            say(200, &json!({ "@type": "jobs", "jobs": jobs }))
        }
        _ => return None,
    })
}

fn appveyor(state: &State, rest: &[&str]) -> Option<Answer> {
    let run = match rest {
        [] => return Some(say(200, &json!({ "project": { "slug": "rocket" } }))),
        ["build", version] => state.runs.iter().find(|run| run.version == *version)?,
        ["builds", id] => state.run(id)?,
        _ => return None,
    };
    let jobs: Vec<Value> = run
        .jobs
        .iter()
        .map(|job| {
            let status = match job.ended {
                Ended::Well => "success",
                Ended::Badly => "failed",
                Ended::Cancelled => "cancelled",
            };
            json!({ "jobId": format!("j{}", job.id), "name": job.name, "status": status,
                    "allowFailure": false, "created": "2026-04-23T10:11:12.1234567+00:00",
                    "started": "2026-04-23T12:34:56.7654321+00:00" })
        })
        .collect();
    let status = if run.is_complete { "failed" } else { "running" };
    Some(say(
        200,
        &json!({ "project": { "slug": "rocket" },
                 "build": { "buildId": run.id, "version": run.version, "status": status,
                            "branch": "main", "commitId": SHA, "jobs": jobs,
                            "committed": "2026-04-20T08:00:00+00:00",
                            "created": "2026-04-23T10:11:12.1234567+00:00" } }),
    ))
}

/// Each job has a phase above it and two tasks below; a job's number is its failed
/// task's log.
fn azure(state: &State, rest: &[&str]) -> Option<Answer> {
    Some(match rest {
        [] => say(200, &json!({ "count": 0, "value": [] })),
        [id] => {
            let run = state.run(id)?;
            let status = if run.is_complete {
                "completed"
            } else {
                "inProgress"
            };
            say(
                200,
                &json!({ "id": run.id, "status": status, "result": "failed",
                         "sourceBranch": "refs/heads/main", "sourceVersion": SHA,
                         "reason": run.reason, "queueTime": "2026-04-23T10:11:12.1234567Z",
                         "startTime": "2026-04-23T12:34:50.1234567Z",
                         "definition": { "name": "Rocket" } }),
            )
        }
        [id, "timeline"] => {
            let records: Vec<Value> = state.run(id)?.jobs.iter().flat_map(azure_job).collect();
            say(200, &json!({ "id": "t", "records": records }))
        }
        [_, "logs", id] => log(state.job(id).map(|job| &job.log)),
        _ => return None,
    })
}

fn azure_job(job: &Job) -> Vec<Value> {
    let result = match job.ended {
        Ended::Well => "succeeded",
        Ended::Badly => "failed",
        Ended::Cancelled => "canceled",
    };
    let (phase, itself) = (format!("p{}", job.id), format!("j{}", job.id));
    vec![
        json!({ "id": phase, "type": "Phase", "name": "phase", "result": result }),
        json!({ "id": itself, "parentId": phase, "type": "Job", "name": job.name,
                "result": result, "order": job.id, "workerName": "Azure Pipelines 3",
                "startTime": "2026-04-23T12:34:56.7654321Z",
                "log": { "id": job.id + 1_000_000 } }),
        json!({ "id": format!("t{}", job.id), "parentId": itself, "type": "Task",
                "name": "Checkout", "result": "succeeded", "order": 1,
                "log": { "id": job.id + 2_000_000 } }),
        json!({ "id": format!("u{}", job.id), "parentId": itself, "type": "Task",
                "name": "Tests", "result": result, "order": 2, "log": { "id": job.id } }),
    ]
}

fn log(log: Option<&Log>) -> Answer {
    match log {
        Some(Log::Text(lines)) => text(200, "text/plain", lines.clone()),
        Some(Log::Endless(bytes)) => {
            let line = "a line of a log that does not end\n";
            text(200, "text/plain", line.repeat(bytes / line.len() + 1))
        }
        Some(Log::Deleted) | None => say(404, &json!({ "message": "Not Found" })),
    }
}

fn say(status: u16, value: &Value) -> Answer {
    text(status, "application/json", value.to_string())
}

fn text(status: u16, kind: &str, body: String) -> Answer {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(body))
        .unwrap()
}
