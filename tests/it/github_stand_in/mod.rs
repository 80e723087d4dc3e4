//! A stand-in for GitHub: its answers are computed from a described state, and
//! every request and answer is held against GitHub's own description.

mod answers;
mod contract;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{Response, header};
use serde_json::{Value, json};

/// The repository that exists.
pub const REPOSITORY: &str = "python/cpython";

/// The world as GitHub sees it.
pub struct State {
    /// By token.
    pub users: BTreeMap<&'static str, User>,
    /// In the order of their numbers.
    pub issues: Vec<Issue>,
    /// GitHub's clock; every change moves it on by a second.
    pub now: i64,
    /// Requests left in this hour.
    pub remaining: u32,
    /// What goes wrong next.
    pub faults: VecDeque<Fault>,
    /// The token may read and not write.
    pub refuses_writes: bool,
    /// The repository's former name, from which GitHub redirects.
    pub former_name: Option<&'static str>,
    /// So many open issues are counted that no list shows.
    pub unlisted: usize,
    /// The search ends before it has seen everything, and says so.
    pub search_breaks_off: bool,
    /// `METHOD path?query` of all that was asked.
    pub asked: Vec<String>,
    violations: Vec<String>,
    next_comment: u64,
}

#[derive(Clone)]
pub struct User {
    pub id: u64,
    pub login: &'static str,
    /// Has the triage role: labels are kept.
    pub may_label: bool,
}

#[derive(Clone)]
pub struct Issue {
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub labels: Vec<String>,
    pub is_open: bool,
    pub is_pull_request: bool,
    pub is_locked: bool,
    pub user: User,
    pub created: i64,
    pub updated: i64,
    pub comments: Vec<Comment>,
}

#[derive(Clone)]
pub struct Comment {
    pub id: u64,
    pub user: User,
    pub body: String,
    pub created: i64,
    pub updated: i64,
}

/// One request goes wrong in this way.
pub enum Fault {
    /// It is answered so, and nothing is done.
    Answer(u16, &'static [(&'static str, &'static str)], &'static str),
    /// It is done, and the answer breaks off in the middle.
    DoAndCut,
    /// It is done, but a machine in between says 502.
    DoAndSay502,
}

/// A running stand-in. When it ends, there must have been nothing that GitHub
/// would not have said or understood.
pub struct StandIn {
    /// The API's address.
    pub api: String,
    state: Arc<Mutex<State>>,
}

pub fn user(id: u64, login: &'static str, may_label: bool) -> User {
    User {
        id,
        login,
        may_label,
    }
}

impl StandIn {
    pub async fn start() -> Self {
        let users = [
            ("bot-token", user(7, "watch-bot", true)),
            ("plain-token", user(8, "plain-bot", false)),
            ("other-token", user(9, "somebody", false)),
        ];
        let state = State {
            users: BTreeMap::from(users),
            issues: Vec::new(),
            now: 1_795_000_000,
            remaining: 4000,
            faults: VecDeque::new(),
            refuses_writes: false,
            former_name: None,
            unlisted: 0,
            search_breaks_off: false,
            asked: Vec::new(),
            violations: Vec::new(),
            next_comment: 1000,
        };
        let state = Arc::new(Mutex::new(state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { api, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the stand-in died")
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let state = self.state();
            assert!(state.violations.is_empty(), "{:#?}", state.violations);
            assert!(state.faults.is_empty(), "a fault was left over");
        }
    }
}

impl State {
    /// Somebody opens an issue.
    pub fn open(&mut self, user: &User, title: &str, body: &str) -> u64 {
        self.now += 1;
        let number = self.issues.last().map_or(1, |issue| issue.number + 1);
        self.issues.push(Issue {
            number,
            title: title.into(),
            body: Some(body.into()),
            labels: Vec::new(),
            is_open: true,
            is_pull_request: false,
            is_locked: false,
            user: user.clone(),
            created: self.now,
            updated: self.now,
            comments: Vec::new(),
        });
        number
    }

    /// Somebody comments.
    pub fn comment(&mut self, number: u64, user: &User, body: &str) -> u64 {
        self.now += 1;
        self.next_comment += 1;
        let (id, now) = (self.next_comment, self.now);
        let issue = self.issue(number).unwrap();
        issue.updated = now;
        issue.comments.push(Comment {
            id,
            user: user.clone(),
            body: body.into(),
            created: now,
            updated: now,
        });
        id
    }

    /// Somebody changes something about an issue.
    pub fn edit(&mut self, number: u64, edit: impl FnOnce(&mut Issue)) {
        self.now += 1;
        let now = self.now;
        let issue = self.issue(number).unwrap();
        edit(issue);
        issue.updated = now;
    }

    pub fn issue(&mut self, number: u64) -> Option<&mut Issue> {
        self.issues.iter_mut().find(|issue| issue.number == number)
    }
}

/// An answer before it becomes HTTP.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

fn say(status: u16, body: Value) -> Answer {
    Answer {
        status,
        headers: Vec::new(),
        body,
    }
}

fn error(status: u16, message: &str) -> Answer {
    let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest" });
    say(status, body)
}

/// A request, read.
struct Asked {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    body: Value,
    user: Option<User>,
}

impl Asked {
    fn value(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str, otherwise: usize) -> usize {
        self.value(name)
            .map_or(otherwise, |text| text.parse().unwrap())
    }
}

async fn answer(Shared(state): Shared<Arc<Mutex<State>>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut state = state.lock().unwrap();
    let uri = parts.uri.to_string();
    state.asked.push(format!("{} {uri}", parts.method));
    let url = reqwest::Url::parse(&format!("http://x{uri}")).unwrap();
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    // GitHub refuses requests without a User-Agent.
    if header("user-agent").is_none()
        || header("accept") != Some("application/vnd.github+json")
        || header("x-github-api-version") != Some("2022-11-28")
    {
        state
            .violations
            .push(format!("{uri}: headers {:?}", parts.headers));
    }
    let token = header("authorization").map(|text| text.trim_start_matches("Bearer "));
    let asked = Asked {
        method: parts.method.to_string(),
        // What a redirect leads to, as GitHub does it.
        path: url
            .path()
            .replace("/repositories/1", &format!("/repos/{REPOSITORY}")),
        query: url
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        user: token.and_then(|token| state.users.get(token).cloned()),
    };
    let bad_token = token.is_some() && asked.user.is_none();
    let (answer, is_cut) = go_wrong_or_right(&mut state, &asked, bad_token);
    http(&mut state, answer, is_cut)
}

fn go_wrong_or_right(state: &mut State, asked: &Asked, bad_token: bool) -> (Answer, bool) {
    let Some(operation) = contract::operation(&asked.method, &asked.path) else {
        let what = format!("{} {} is not GitHub's", asked.method, asked.path);
        state.violations.push(what);
        return (error(404, "Not Found"), false);
    };
    state.violations.extend(operation.check_query(&asked.query));
    if asked.method == "POST" {
        state.violations.extend(operation.check_body(&asked.body));
    }
    let fault = state.faults.pop_front();
    if let Some(Fault::Answer(status, headers, message)) = fault {
        let mut answer = error(status, message);
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        answer.headers.extend(headers);
        return (answer, false);
    }
    let answer = if bad_token {
        error(401, "Bad credentials")
    } else if state.refuses_writes && asked.method == "POST" {
        error(403, "Resource not accessible by personal access token")
    } else if state.remaining == 0 {
        error(403, "API rate limit exceeded for user ID 7.")
    } else {
        state.remaining -= 1;
        answers::right(state, asked)
    };
    let wrong = operation.check_answer(answer.status, &answer.body);
    state.violations.extend(wrong);
    match fault {
        Some(Fault::DoAndSay502) => (error(502, "Server Error"), false),
        Some(Fault::DoAndCut) => (answer, true),
        _ => (answer, false),
    }
}

fn http(state: &mut State, answer: Answer, is_cut: bool) -> Response<Body> {
    let text = answer.body.to_string();
    let real_now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut response = Response::builder()
        .status(answer.status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header("x-ratelimit-reset", (real_now + 1800).to_string())
        .header(header::CONTENT_LENGTH, text.len());
    if !answer
        .headers
        .iter()
        .any(|(name, _)| *name == "x-ratelimit-remaining")
    {
        response = response.header("x-ratelimit-remaining", state.remaining.to_string());
    }
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = if is_cut {
        let half = Bytes::from(text.get(..text.len() / 2).unwrap().to_owned());
        let pieces = [Ok(half), Err(std::io::Error::other("cut off"))];
        Body::from_stream(futures_util::stream::iter(pieces))
    } else {
        Body::from(text)
    };
    response.body(body).unwrap()
}
