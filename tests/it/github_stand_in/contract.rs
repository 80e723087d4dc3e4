//! GitHub's own description of its interface, and whether a request or an answer
//! is as it says.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The description, cut down to what is used, as plain JSON Schema.
static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let path = std::env::var("BUILDBOT_WATCH_TEST_OPENAPI")
        .expect("GitHub's API description is not there: run tests/run");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}: run tests/run"));
    serde_json::from_str(&text).unwrap()
});

/// Compiling a schema takes longer than using it.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// Answers that GitHub gives everywhere and describes hardly anywhere.
const UNDESCRIBED: [u16; 7] = [301, 307, 401, 403, 429, 502, 503];

/// One operation of the description.
pub struct Operation {
    described: &'static Value,
    name: String,
}

/// The operation that a request is for, if GitHub has it.
pub fn operation(method: &str, path: &str) -> Option<Operation> {
    let wanted: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        let same = |(part, wanted): (&&str, &&str)| part.starts_with('{') || part == wanted;
        parts.len() == wanted.len() && parts.iter().zip(&wanted).all(same)
    };
    // `/issues/comments` is not the issue called `comments`.
    let described = DESCRIPTION["paths"].as_object().unwrap();
    let (template, methods) = described
        .iter()
        .filter(|(template, _)| fits(template))
        .min_by_key(|(template, _)| template.matches('{').count())?;
    let method = method.to_lowercase();
    Some(Operation {
        described: methods.get(&method)?,
        name: format!("{method} {template}"),
    })
}

impl Operation {
    /// What is wrong with the query, in words.
    pub fn check_query(&self, query: &[(String, String)]) -> Vec<String> {
        let described = self.described["parameters"].as_array();
        let described: Vec<&Value> = described.into_iter().flatten().map(resolve).collect();
        let mut wrong = Vec::new();
        for (name, text) in query {
            let is_it =
                |parameter: &&&Value| parameter["in"] == "query" && parameter["name"] == **name;
            let Some(parameter) = described.iter().find(is_it) else {
                wrong.push(format!("{}: there is no parameter {name}", self.name));
                continue;
            };
            let value = match parameter["schema"]["type"].as_str() {
                Some("integer") => text
                    .parse::<i64>()
                    .map_or(json!(text), |number| json!(number)),
                _ => json!(text),
            };
            let key = format!("{} ?{name}", self.name);
            wrong.extend(problems(&key, &parameter["schema"], &value));
        }
        wrong
    }

    /// What is wrong with a request's body.
    pub fn check_body(&self, body: &Value) -> Vec<String> {
        let schema = &self.described["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            return vec![format!("{} takes no body", self.name)];
        }
        problems(&format!("{} body", self.name), schema, body)
    }

    /// What is wrong with an answer.
    pub fn check_answer(&self, status: u16, body: &Value) -> Vec<String> {
        let described = resolve(&self.described["responses"][status.to_string()]);
        let key = format!("{} {status}", self.name);
        match &described["content"]["application/json"]["schema"] {
            Value::Null if described.is_null() && !UNDESCRIBED.contains(&status) => {
                vec![format!("{key}: there is no such answer")]
            }
            Value::Null => Vec::new(),
            schema => problems(&key, schema, body),
        }
    }

    /// GitHub's own example of a good answer.
    pub fn example(&self, status: u16) -> Value {
        let content = &self.described["responses"][status.to_string()]["content"];
        let examples = content["application/json"]["examples"].as_object().unwrap();
        resolve(examples.values().next().unwrap())["value"].clone()
    }
}

fn resolve(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str() {
        Some(reference) => DESCRIPTION
            .pointer(reference.strip_prefix('#').unwrap())
            .unwrap(),
        None => node,
    }
}

fn problems(key: &str, schema: &Value, value: &Value) -> Vec<String> {
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = validators.entry(key.to_owned()).or_insert_with(|| {
        let whole = json!({ "allOf": [schema], "components": DESCRIPTION["components"] });
        jsonschema::options()
            .should_validate_formats(true)
            .build(&whole)
            .unwrap_or_else(|error| panic!("{key}: {error}"))
    });
    validator
        .iter_errors(value)
        .map(|error| format!("{key}: {error} at {}", error.instance_path))
        .collect()
}

#[test]
fn the_contract_refuses_what_github_would() {
    let create = operation("POST", "/repos/python/cpython/issues").unwrap();
    assert!(
        create
            .check_body(&json!({ "title": "t", "labels": ["tests"] }))
            .is_empty()
    );
    assert!(!create.check_body(&json!({ "body": "no title" })).is_empty());
    assert!(
        !create
            .check_body(&json!({ "title": "t", "labels": 7 }))
            .is_empty()
    );
    let list = operation("GET", "/repos/python/cpython/issues").unwrap();
    let query = |name: &str, value: &str| list.check_query(&[(name.into(), value.into())]);
    assert!(query("since", "2026-11-22T07:18:47Z").is_empty());
    assert!(!query("since", "yesterday").is_empty());
    assert!(!query("state", "closed!").is_empty());
    assert!(!query("nonsense", "1").is_empty());
    assert!(!list.check_answer(200, &json!([{ "number": 1 }])).is_empty());
    assert!(operation("DELETE", "/repos/python/cpython/issues").is_none());
}
