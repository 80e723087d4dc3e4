//! A stand-in for what receives webhooks: it takes what Discord, Slack, Zulip,
//! matrix-hookshot or a program of one's own would take, and refuses what they would.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use serde_json::Value;

/// What signs what is posted to `/json`.
pub(super) const SECRET: &str = "a shared secret";

/// The next request is answered in another way than usual.
#[derive(Clone)]
pub(super) enum Plan {
    /// So, and nothing is taken.
    Answer(u16, Vec<(&'static str, String)>),
    /// Taken, but the answer comes after so long.
    Late(Duration),
}

/// A message that was taken.
#[derive(Clone)]
pub(super) struct Taken {
    pub(super) path: String,
    pub(super) body: Value,
}

impl Taken {
    /// The words of the message.
    pub(super) fn text(&self) -> &str {
        let field = if self.path == "/discord" {
            "content"
        } else {
            "text"
        };
        self.body[field].as_str().unwrap()
    }
}

#[derive(Default)]
struct Shared {
    taken: Vec<Taken>,
    asked: Vec<(String, Instant)>,
    plans: VecDeque<Plan>,
}

/// A running receiver; it answers from a thread of its own for as long as the tests.
pub(super) struct Receiver {
    pub(super) port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl Receiver {
    pub(super) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared: Arc<Mutex<Shared>> = Arc::default();
        let state = shared.clone();
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(async move {
                    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                    let router = Router::new().fallback(answer).with_state(state);
                    axum::serve(listener, router).await.unwrap();
                });
        });
        Self { port, shared }
    }

    /// One that does not run.
    pub(super) fn absent() -> Self {
        Self {
            port: crate::daemon::support::unreachable_port(),
            shared: Arc::default(),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn plan(&self, plan: Plan) {
        self.shared.lock().unwrap().plans.push_back(plan);
    }

    /// What was taken at a path.
    pub(super) fn taken(&self, path: &str) -> Vec<Taken> {
        let shared = self.shared.lock().unwrap();
        let taken = shared.taken.iter().filter(|it| it.path == path);
        taken.cloned().collect()
    }

    /// When something was posted, whether it was taken or not.
    pub(super) fn asked(&self, path: &str) -> Vec<Instant> {
        let shared = self.shared.lock().unwrap();
        let asked = shared.asked.iter().filter(|it| it.0 == path);
        asked.map(|it| it.1).collect()
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if request.method() == axum::http::Method::HEAD {
        return says(405, &[]);
    }
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        let value = parts.headers.get(name);
        value.map_or(String::new(), |it| it.to_str().unwrap().to_owned())
    };
    let (kind, signature) = (header("content-type"), header("x-buildbot-watch-signature"));
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let plan = {
        let mut shared = shared.lock().unwrap();
        shared.asked.push((path.clone(), Instant::now()));
        shared.plans.pop_front()
    };
    if let Some(Plan::Answer(status, headers)) = &plan {
        return says(*status, headers);
    }
    let status = match judged(&path, &kind, &signature, &body) {
        Some(body) => {
            let taken = Taken {
                path: path.clone(),
                body,
            };
            shared.lock().unwrap().taken.push(taken);
            if path == "/discord" { 204 } else { 200 }
        }
        None => 400,
    };
    if let Some(Plan::Late(by)) = plan {
        tokio::time::sleep(by).await;
    }
    says(status, &[])
}

fn says(status: u16, headers: &[(&'static str, String)]) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Body::empty()).unwrap()
}

/// The message, if the receiver at this path takes it.
fn judged(path: &str, kind: &str, signature: &str, body: &Bytes) -> Option<Value> {
    let message: Value = serde_json::from_slice(body).ok()?;
    let text = |field: &str| message[field].as_str().filter(|text| !text.is_empty());
    let is_good = kind == "application/json"
        && match path {
            "/json" => is_signed(signature, body) && message["events"].is_array(),
            "/discord" => {
                text("content").is_some_and(|it| it.encode_utf16().count() <= 2000)
                    && message["allowed_mentions"]["parse"] == serde_json::json!([])
            }
            // What stands between < and > is a link or calls somebody.
            "/slack" => text("text").is_some_and(|it| {
                let marked = it.split('<').skip(1);
                marked.clone().all(|it| it.starts_with("https://"))
            }),
            "/matrix" => text("text").is_some() && text("html").is_some(),
            _ => text("text").is_some(),
        };
    is_good.then_some(message)
}

fn is_signed(signature: &str, body: &[u8]) -> bool {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let digits = signature.strip_prefix("sha256=").unwrap_or_default();
    let bytes: Vec<u8> = (0..digits.len() / 2)
        .filter_map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok())
        .collect();
    ring::hmac::verify(&key, body, &bytes).is_ok()
}
