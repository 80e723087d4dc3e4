//! Builds whose steps do what a test says, on the real Buildbot.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use buildbot_watch::ci::{BuildFacts, Ci, Extent, Log, LogKind, Miss};
use buildbot_watch::domain::notification::BuildLink;
use serde_json::{Value, json};

use super::{ci, link, quoted, read};
use crate::world::{client, run, world};

/// One worker does all the builds, one after the other; some wait for a test.
pub(super) const PATIENCE: Duration = Duration::from_secs(400);

pub(super) async fn ask(path: &str) -> Value {
    let url = format!("{}{path}", world().buildbot.api);
    let answer = reqwest::get(url).await.expect("an answer");
    answer.json().await.expect("JSON")
}

/// Starts a build in which each named step runs a script of the shell; gives its
/// number once it has one.
pub async fn start(scripts: Value) -> u64 {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "force", "params": scripts });
    let url = format!("{}/forceschedulers/scripted", world().buildbot.api);
    let request = client().post(url).json(&call);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let requests = answer["result"][1].as_object();
    let requests = requests.unwrap_or_else(|| panic!("{answer}"));
    let id = requests.values().next().expect("a request").clone();
    let begun = std::time::Instant::now();
    loop {
        let builds = ask(&format!("/buildrequests/{id}/builds")).await;
        if let Some(number) = builds["builds"][0]["number"].as_u64() {
            return number;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not begin: {builds}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The link to a build of the builder for this.
pub fn link_to(number: u64) -> BuildLink {
    link(&quoted(&world().buildbot.scripted_builder_name), number)
}

/// Waits until a build has ended.
pub async fn ended(ci: &Ci, number: u64) -> BuildFacts {
    let begun = std::time::Instant::now();
    loop {
        let facts = ci.build(&link_to(number)).await;
        match facts {
            Ok(facts) if facts.result.is_some() => return facts,
            // A busy server may break off an answer.
            Ok(_) | Err(Miss::Unreachable(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < PATIENCE, "it does not end: {facts:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the log of the running step `test` has so many lines; gives the
/// build and the log.
pub(super) async fn written(ci: &Ci, number: u64, lines: u64) -> (BuildFacts, Log) {
    let begun = std::time::Instant::now();
    loop {
        match written_once(ci, number, lines).await {
            Ok(Some(found)) => return found,
            // A busy server may break off an answer.
            Ok(None) | Err(Miss::Unreachable(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < PATIENCE, "it writes nothing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn written_once(ci: &Ci, number: u64, lines: u64) -> Result<Option<(BuildFacts, Log)>, Miss> {
    let facts = ci.build(&link_to(number)).await?;
    assert_eq!(facts.result, None);
    let Some(step) = facts.steps.iter().find(|step| step.name == "test") else {
        return Ok(None);
    };
    assert_eq!(step.result, None);
    let mut logs = ci.logs(&facts, step).await?.into_iter();
    let log = logs.find(|log| log.lines >= lines);
    Ok(log.map(|log| (facts, log)))
}

/// A whole build.
pub(super) async fn build(scripts: Value) -> (Ci, BuildFacts) {
    let ci = ci();
    let number = start(scripts).await;
    let facts = ended(&ci, number).await;
    (ci, facts)
}

/// Keeps a step running until it is opened, or dropped: however slow the machine
/// is, a build must not end before its test wants it to.
pub struct Gate(tempfile::TempDir);

impl Gate {
    pub fn closed() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // The worker is another user, who must see the file.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("its owner");
        Self(folder)
    }

    pub fn script(&self, before: &str, after: &str) -> String {
        let folder = self.0.path().display();
        format!(
            "{before}; while [ -d '{folder}' ] && [ ! -e '{folder}/open' ]; do \
             sleep 0.2; done; {after}"
        )
    }

    pub fn open(&self) {
        std::fs::write(self.0.path().join("open"), "").expect("a file");
    }
}

#[test]
fn all_failed_steps_count_whatever_they_are_called() {
    run(async {
        let (ci, facts) = build(json!({
            "configure": "echo fine",
            "test": "echo bad; echo more >extra.log; exit 2",
            "test_installed": "echo passed when run again; exit 5",
            "upload": "echo nothing to upload; exit 1",
            "explodes": "yes",
        }))
        .await;
        let names: Vec<&str> = facts.steps.iter().map(|step| &*step.name).collect();
        assert_eq!(names, ["test", "upload", "explodes", "test installed"]);
        let (lines, _) = read(&ci, &facts, "test installed", Extent::Whole)
            .await
            .unwrap();
        assert!(
            lines.iter().any(|line| line == "opassed when run again"),
            "{lines:?}"
        );

        let names = async |step: usize| -> Vec<(String, LogKind)> {
            let logs = ci.logs(&facts, &facts.steps[step]).await.unwrap();
            logs.into_iter().map(|log| (log.name, log.kind)).collect()
        };
        let stream = |name: &str| (name.to_owned(), LogKind::Stream);
        assert_eq!(names(0).await, [stream("stdio"), stream("extra")]);
        let texts = [
            ("err.text".to_owned(), LogKind::Text),
            ("err.html".to_owned(), LogKind::Html),
        ];
        assert_eq!(names(2).await, texts);
        let (lines, _) = read(&ci, &facts, "explodes", Extent::Whole).await.unwrap();
        let words = "the step itself is broken";
        assert!(lines.iter().any(|line| line.contains(words)), "{lines:?}");
    });
}

#[test]
fn a_log_of_many_lines_comes_in_order() {
    run(async {
        let (ci, facts) = build(json!({
            "test": "awk 'BEGIN { for (i = 0; i < 45000; i++) print \"line\", i }'; exit 2",
        }))
        .await;
        let (lines, extract) = read(&ci, &facts, "test", Extent::Whole).await.unwrap();
        assert!(extract.is_whole());
        let numbers = lines.iter().filter_map(|line| line.strip_prefix("oline "));
        let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers, (0..45_000).collect::<Vec<_>>());

        let (tail, extract) = read(&ci, &facts, "test", Extent::Tail(20_000))
            .await
            .unwrap();
        assert_eq!(extract.lines, 20_000);
        assert_eq!(extract.before as usize, lines.len() - 20_000);
        assert_eq!(tail[1..], lines[lines.len() - 20_000..]);
    });
}

#[test]
fn very_long_lines_are_cut_and_none_is_lost() {
    run(async {
        // A carriage return that is stored makes more lines when it is read.
        let lines = r#"["a%d" % i for i in range(700)] + ["b" * 70000, "c" * 3000000, "d\re"] + ["f%d" % i for i in range(9)]"#;
        let (ci, facts) = build(json!({ "writes": lines })).await;
        let (lines, extract) = read(&ci, &facts, "writes", Extent::Whole).await.unwrap();
        assert_eq!(extract.before + extract.gaps, 0);
        assert_eq!((&*lines[0], &*lines[699]), ("oa0", "oa699"));
        let cut = 64 << 10;
        assert!(lines[700].starts_with("obb") && lines[700].len() == cut);
        let last: Vec<&str> = lines
            .iter()
            .rev()
            .take(9)
            .rev()
            .map(|line| &**line)
            .collect();
        assert_eq!(
            last,
            [
                "of0", "of1", "of2", "of3", "of4", "of5", "of6", "of7", "of8"
            ]
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("occ") && line.len() == cut)
        );
    });
}

#[test]
fn a_running_step_is_read_as_far_as_it_got() {
    run(async {
        let ci = ci();
        let gate = Gate::closed();
        let test = gate.script("echo begun", "echo ended; exit 2");
        let number = start(json!({ "compile": "echo no; exit 1", "test": test })).await;
        let (facts, log) = written(&ci, number, 6).await;
        // It stands behind those that failed, as long as it runs.
        let names: Vec<&str> = facts.steps.iter().map(|step| &*step.name).collect();
        assert_eq!(names, ["compile", "test"]);
        let running = facts.steps[1].clone();
        assert!(!log.is_complete);
        gate.open();
        let facts = ended(&ci, number).await;
        let grown = ci.logs(&facts, &running).await.unwrap().remove(0);
        assert!(grown.is_complete && grown.lines > log.lines);
        let (lines, _) = read(&ci, &facts, "test", Extent::Whole).await.unwrap();
        assert!(lines.iter().any(|line| line == "oended"), "{lines:?}");
    });
}
