//! What GitHub answers, computed from the state.

use serde_json::{Value, json};

use super::{Answer, Asked, Comment, Issue, REPOSITORY, State, contract, error, say};

/// The answer when nothing goes wrong.
pub(super) fn right(state: &mut State, asked: &Asked) -> Answer {
    let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    let rest = match parts.as_slice() {
        ["user"] => return whoami(asked),
        ["search", "issues"] => return count_found(state, asked),
        ["repos", owner, name, rest @ ..] => {
            let repository = format!("{owner}/{name}");
            if Some(repository.as_str()) == state.former_name {
                let to = format!("/repositories/1/{}", rest.join("/"));
                return moved(asked, to.trim_end_matches('/'));
            }
            if repository != REPOSITORY {
                return error(404, "Not Found");
            }
            rest
        }
        _ => return error(404, "Not Found"),
    };
    match (asked.method.as_str(), rest) {
        ("GET", []) => repository(asked),
        ("GET", ["labels"]) => list_labels(asked),
        ("GET", ["issues"]) => list_issues(state, asked),
        ("GET", ["issues", "comments"]) => list_all_comments(state, asked),
        ("GET" | "PATCH", ["issues", "comments", id]) => one_comment(state, asked, id),
        ("GET", ["issues", number]) => match state.issue(number.parse().unwrap()) {
            Some(issue) => say(200, issue_json(issue)),
            None => error(404, "Not Found"),
        },
        ("PATCH", ["issues", number]) => change_issue(state, asked, number),
        ("GET", ["issues", number, "comments"]) => list_comments(state, asked, number),
        ("POST", ["issues"]) => create_issue(state, asked),
        ("POST", ["issues", number, "comments"]) => create_comment(state, asked, number),
        _ => error(404, "Not Found"),
    }
}

fn moved(asked: &Asked, to: &str) -> Answer {
    let query: Vec<String> = asked
        .query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let status = if asked.method == "GET" { 301 } else { 307 };
    let to = format!("{to}?{}", query.join("&"));
    let mut answer = say(status, json!({ "message": "Moved Permanently", "url": to }));
    answer.headers.push(("location", to));
    answer
}

fn whoami(asked: &Asked) -> Answer {
    let Some(user) = &asked.user else {
        return error(401, "Requires authentication");
    };
    let mut body = contract::operation("GET", "/user").unwrap().example(200);
    body["login"] = json!(user.login);
    body["id"] = json!(user.id);
    say(200, body)
}

fn repository(asked: &Asked) -> Answer {
    let operation = contract::operation("GET", "/repos/python/cpython").unwrap();
    let mut body = operation.example(200);
    let may_label = asked.user.as_ref().is_some_and(|user| user.may_label);
    body["full_name"] = json!(REPOSITORY);
    // GitHub's example of a repository lacks what its description demands.
    body["language"] = json!("Python");
    body.as_object_mut().unwrap().remove("source");
    body["permissions"] = json!({
        "pull": true, "triage": may_label, "push": false, "maintain": false, "admin": false
    });
    say(200, body)
}

/// How many open issues there are, which is all that is searched for.
fn count_found(state: &State, asked: &Asked) -> Answer {
    let wanted = asked.value("q").unwrap();
    assert_eq!(wanted, format!("repo:{REPOSITORY} is:issue is:open"));
    let open = state.issues.iter();
    let open = open.filter(|issue| issue.is_open && !issue.is_pull_request);
    let body = json!({
        "total_count": open.count() + state.unlisted,
        "incomplete_results": state.search_breaks_off,
        "items": [],
        "search_type": "lexical",
    });
    let mut answer = say(200, body);
    answer
        .headers
        .push(("x-ratelimit-resource", "search".into()));
    answer
}

fn list_labels(asked: &Asked) -> Answer {
    let operation = contract::operation("GET", "/repos/python/cpython/labels").unwrap();
    let example = operation.example(200)[0].clone();
    let named = |name: &str| {
        let mut label = example.clone();
        label["name"] = json!(name);
        label
    };
    let names = ["tests", "build", "type-bug", "topic-asyncio"];
    page(asked, names.into_iter().map(named).collect())
}

fn list_issues(state: &State, asked: &Asked) -> Answer {
    let since = asked.value("since").map_or(0, seconds);
    let by_created = asked.value("sort") != Some("updated");
    let mut found: Vec<&Issue> = state
        .issues
        .iter()
        .filter(|issue| issue.updated >= since)
        .filter(|issue| asked.value("state") == Some("all") || issue.is_open)
        .filter(|issue| {
            asked
                .value("creator")
                .is_none_or(|login| login == issue.user.login)
        })
        .collect();
    found.sort_by_key(|issue| {
        if by_created {
            issue.created
        } else {
            issue.updated
        }
    });
    if asked.value("direction") != Some("asc") {
        found.reverse();
    }
    page(asked, found.into_iter().map(issue_json).collect())
}

fn list_all_comments(state: &State, asked: &Asked) -> Answer {
    let since = asked.value("since").map_or(0, seconds);
    let mut found: Vec<(&Issue, &Comment)> = state
        .issues
        .iter()
        .flat_map(|issue| issue.comments.iter().map(move |comment| (issue, comment)))
        .filter(|(_, comment)| comment.updated >= since)
        .collect();
    assert_eq!(asked.value("sort"), Some("updated"));
    assert_eq!(asked.value("direction"), Some("asc"));
    found.sort_by_key(|(_, comment)| comment.updated);
    let found = found
        .into_iter()
        .map(|(issue, comment)| comment_json(issue, comment));
    page(asked, found.collect())
}

fn list_comments(state: &mut State, asked: &Asked, number: &str) -> Answer {
    let since = asked.value("since").map_or(0, seconds);
    let Some(issue) = state.issue(number.parse().unwrap()) else {
        return error(404, "Not Found");
    };
    let found = issue
        .comments
        .iter()
        .filter(|comment| comment.updated >= since);
    page(
        asked,
        found.map(|comment| comment_json(issue, comment)).collect(),
    )
}

/// One page of a list, and the `Link` to the next.
fn page(asked: &Asked, all: Vec<Value>) -> Answer {
    let size = asked.number("per_page", 30).min(100);
    let page = asked.number("page", 1);
    let count = all.len();
    let rows: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
    let mut answer = say(200, json!(rows));
    if count > page * size {
        let link = |page: usize, what: &str| {
            format!("<https://api.github.com/x?per_page={size}&page={page}>; rel=\"{what}\"")
        };
        let (next, last) = (link(page + 1, "next"), link(count.div_ceil(size), "last"));
        answer.headers.push(("link", format!("{next}, {last}")));
    }
    answer
}

fn create_issue(state: &mut State, asked: &Asked) -> Answer {
    let Some(user) = asked.user.clone() else {
        return error(401, "Requires authentication");
    };
    let title = asked.body["title"].as_str().unwrap_or("");
    if title.is_empty() || title.len() > 256 {
        let errors = json!([{ "resource": "Issue", "field": "title", "code": "missing_field" }]);
        let mut answer = error(422, "Validation Failed");
        answer.body["errors"] = errors;
        return answer;
    }
    let number = state.open(&user, title, asked.body["body"].as_str().unwrap_or(""));
    let labels = asked.body["labels"].as_array().cloned().unwrap_or_default();
    let issue = state.issue(number).unwrap();
    if user.may_label {
        issue.labels = labels
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
    }
    say(201, issue_json(issue))
}

/// Closed, or opened again: with the triage role, or by who opened it.
fn change_issue(state: &mut State, asked: &Asked, number: &str) -> Answer {
    let Some(user) = asked.user.clone() else {
        return error(401, "Requires authentication");
    };
    let number: u64 = number.parse().unwrap();
    match state.issue(number) {
        None => return error(404, "Not Found"),
        Some(issue) if !user.may_label && user.id != issue.user.id => {
            return error(403, "Must have admin rights to Repository.");
        }
        Some(_) => {}
    }
    let is_open = asked.body["state"] == "open";
    state.edit(number, |issue| issue.is_open = is_open);
    say(200, issue_json(state.issue(number).unwrap()))
}

fn create_comment(state: &mut State, asked: &Asked, number: &str) -> Answer {
    let Some(user) = asked.user.clone() else {
        return error(401, "Requires authentication");
    };
    let number: u64 = number.parse().unwrap();
    match state.issue(number) {
        None => return error(404, "Not Found"),
        Some(issue) if issue.is_locked => {
            return error(403, "Unable to create comment because issue is locked.");
        }
        Some(_) => {}
    }
    state.comment(number, &user, asked.body["body"].as_str().unwrap());
    let issue = state.issue(number).unwrap();
    say(201, comment_json(issue, issue.comments.last().unwrap()))
}

/// Read, or given another text by whoever wrote it.
fn one_comment(state: &mut State, asked: &Asked, id: &str) -> Answer {
    let id: u64 = id.parse().unwrap();
    state.now += 1;
    let now = state.now;
    for issue in &mut state.issues {
        let found = issue.comments.iter_mut().find(|comment| comment.id == id);
        let Some(comment) = found else { continue };
        if asked.method == "PATCH" {
            let user = asked.user.as_ref();
            if user.is_none_or(|user| user.id != comment.user.id) {
                return error(403, "Must have admin rights to Repository.");
            }
            comment.body = asked.body["body"].as_str().unwrap().to_owned();
            comment.updated = now;
            issue.updated = now;
        }
        let comment = comment.clone();
        return say(200, comment_json(issue, &comment));
    }
    error(404, "Not Found")
}

fn issue_json(issue: &Issue) -> Value {
    let operation = contract::operation("POST", "/repos/python/cpython/issues").unwrap();
    let mut body = operation.example(201);
    let kind = if issue.is_pull_request {
        "pull"
    } else {
        "issues"
    };
    for (name, value) in [
        ("number", json!(issue.number)),
        ("title", json!(issue.title)),
        ("body", json!(issue.body)),
        (
            "state",
            json!(if issue.is_open { "open" } else { "closed" }),
        ),
        (
            "closed_at",
            if issue.is_open {
                Value::Null
            } else {
                json!(text(issue.updated))
            },
        ),
        ("locked", json!(issue.is_locked)),
        ("created_at", json!(text(issue.created))),
        ("updated_at", json!(text(issue.updated))),
        ("comments", json!(issue.comments.len())),
        (
            "html_url",
            json!(format!(
                "https://github.com/{REPOSITORY}/{kind}/{}",
                issue.number
            )),
        ),
    ] {
        body[name] = value;
    }
    body["user"]["login"] = json!(issue.user.login);
    body["user"]["id"] = json!(issue.user.id);
    body["labels"] = issue
        .labels
        .iter()
        .map(|name| json!({ "name": name }))
        .collect();
    let fields = body.as_object_mut().unwrap();
    // The example is called an issue, but has the field of a pull request.
    if !issue.is_pull_request {
        fields.remove("pull_request");
    }
    body
}

fn comment_json(issue: &Issue, comment: &Comment) -> Value {
    let operation = contract::operation("POST", "/repos/a/b/issues/1/comments").unwrap();
    let mut body = operation.example(201);
    let kind = if issue.is_pull_request {
        "pull"
    } else {
        "issues"
    };
    let (number, id) = (issue.number, comment.id);
    for (name, value) in [
        ("id", json!(id)),
        ("body", json!(comment.body)),
        ("created_at", json!(text(comment.created))),
        ("updated_at", json!(text(comment.updated))),
        (
            "issue_url",
            json!(format!(
                "https://api.github.com/repos/{REPOSITORY}/issues/{number}"
            )),
        ),
        (
            "html_url",
            json!(format!(
                "https://github.com/{REPOSITORY}/{kind}/{number}#issuecomment-{id}"
            )),
        ),
    ] {
        body[name] = value;
    }
    body["user"]["login"] = json!(comment.user.login);
    body["user"]["id"] = json!(comment.user.id);
    body
}

/// All moments are on one day, which keeps this short.
const DAY: i64 = 1_794_960_000;

fn text(at: i64) -> String {
    let second = at - DAY;
    assert!((0..86_400).contains(&second), "{at}");
    format!(
        "2026-11-18T{:02}:{:02}:{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

fn seconds(text: &str) -> i64 {
    match text.strip_prefix("2026-11-18T") {
        Some(time) => {
            let part = |index: usize| time.get(index..index + 2).unwrap().parse::<i64>().unwrap();
            DAY + part(0) * 3600 + part(3) * 60 + part(6)
        }
        None => i64::from(text > "2026-11-18") * (DAY + 86_400),
    }
}
