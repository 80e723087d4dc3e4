//! Logs and facts from a real Buildbot.

use buildbot_watch::ci::{Buildbot, Ci, Extent, Miss};
use buildbot_watch::domain::finding::Level;
use buildbot_watch::domain::notification::{BuildLink, BuildResult, CiSystem};

use axum::Router;
use axum::extract::Query;
use axum::response::Redirect;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::roundup::tls;
use crate::world::{run, world};

fn ci() -> Ci {
    Ci::Buildbot(Buildbot::new(std::slice::from_ref(&world().buildbot.url), tls()).unwrap())
}

fn link(builder: &str, number: u64) -> BuildLink {
    let base = &world().buildbot.url;
    BuildLink {
        url: format!("{base}#/builders/{builder}/builds/{number}"),
        ci: CiSystem::Buildbot,
        base: base.clone(),
        builder: builder.into(),
        number,
        name: None,
    }
}

fn red() -> BuildLink {
    link(
        &world().buildbot.builder_id.to_string(),
        world().buildbot.red_build,
    )
}

#[test]
fn a_red_build_is_described() {
    run(async {
        let facts = ci().build(&red()).await.unwrap();
        assert_eq!(facts.result, BuildResult::Failure);
        assert_eq!(facts.state, "failed test (failure)");
        assert_eq!(facts.builder.as_deref(), Some("AMD64 Debian root 3.x"));
        assert_eq!(facts.worker.as_deref(), Some("angelico-debian-amd64"));
        assert_eq!(facts.branch.as_deref(), Some("main"));
        assert_eq!(
            facts.revision.as_deref(),
            Some("6f1f3b9f3ad5d0d1a9ce1e2b6f7a1c5a4d1b2c3e")
        );
        assert_eq!(facts.failed_steps, ["test"]);
        assert!(facts.ended_at.is_some());
    });
}

#[test]
fn a_build_is_found_by_the_builders_name_and_below_all() {
    run(async {
        let by_name = link(&world().buildbot.builder_name, world().buildbot.red_build);
        let facts = ci().build(&by_name).await.unwrap();
        assert_eq!(facts.id, ci().build(&red()).await.unwrap().id);

        let mut old = red();
        old.base.push_str("all/");
        assert_eq!(ci().build(&old).await.unwrap().id, facts.id);

        // The other way round: `all/` is configured, but the master has moved.
        let bases = [format!("{}all/", world().buildbot.url)];
        let moved = Ci::Buildbot(Buildbot::new(&bases, tls()).unwrap());
        assert_eq!(moved.build(&red()).await.unwrap().id, facts.id);
    });
}

#[test]
fn a_green_build_has_no_failed_step() {
    run(async {
        let facts = ci()
            .build(&link("1", world().buildbot.green_build))
            .await
            .unwrap();
        assert_eq!(facts.result, BuildResult::Success);
        assert!(facts.failed_steps.is_empty());
    });
}

#[test]
fn a_log_comes_whole_or_by_its_end() {
    run(async {
        let whole = ci().log(&red(), "test", Extent::Whole).await.unwrap();
        assert_eq!((whole.step.as_str(), whole.lines_skipped), ("test", 0));
        let lines: Vec<&str> = whole.text.lines().collect();
        assert!(lines.len() > 100, "{}", lines.len());
        let starts = |letter: char| lines.iter().any(|line| line.starts_with(letter));
        assert!(starts('o') && starts('e') && starts('h'), "{}", whole.text);
        assert!(lines.contains(
            &"oFAIL: test_memfd_create (test.test_os.MemfdCreateTests.test_memfd_create)"
        ));

        let tail = ci().log(&red(), "test", Extent::Tail(7)).await.unwrap();
        assert_eq!(tail.lines_skipped as usize, lines.len() - 7);
        assert_eq!(
            tail.text.lines().collect::<Vec<_>>(),
            lines[lines.len() - 7..]
        );
    });
}

#[test]
fn what_is_gone_is_said_to_be_gone() {
    run(async {
        let ci = ci();
        let gone = |miss: Option<Miss>| assert!(matches!(miss, Some(Miss::Gone(_))), "{miss:?}");
        gone(ci.build(&link("1", 999)).await.err());
        gone(ci.build(&link("no such builder", 1)).await.err());
        gone(ci.log(&red(), "no such step", Extent::Whole).await.err());
        let mut old = red();
        old.url = format!("{}builders/1/builds/2", old.base);
        gone(ci.build(&old).await.err());
    });
}

#[test]
fn a_host_that_only_a_mail_names_is_never_asked() {
    run(async {
        // A server that would notice.
        let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = trap.local_addr().unwrap();
        for base in [
            format!("http://{address}/"),
            format!("http://{address}/all/"),
            format!("{}@{address}/", world().buildbot.url.trim_end_matches('/')),
        ] {
            let mut link = red();
            link.base = base;
            assert!(!ci().knows(&link));
            let missed = ci().build(&link).await;
            assert!(matches!(missed, Err(Miss::NotConfigured(_))), "{missed:?}");
        }
        let asked = tokio::time::timeout(std::time::Duration::from_millis(200), trap.accept());
        assert!(asked.await.is_err(), "the host was asked");
    });
}

#[test]
fn a_check_says_whether_it_answers() {
    run(async {
        let fine = ci().check().await;
        assert_eq!(fine[0].level, Level::Fine, "{fine:?}");
        let nobody = ["http://127.0.0.1:9/".to_owned()];
        let bad = Ci::Buildbot(Buildbot::new(&nobody, tls()).unwrap())
            .check()
            .await;
        assert_eq!(bad[0].level, Level::Bad, "{bad:?}");
    });
}

/// A Buildbot whose one log has these lines; gives its address.
async fn buildbot_with(lines: Vec<String>, complete: bool) -> String {
    #[derive(Deserialize)]
    struct Window {
        offset: usize,
        limit: usize,
    }
    let count = lines.len();
    let contents = move |Query(window): Query<Window>| async move {
        let mut content = String::new();
        for line in lines.iter().skip(window.offset).take(window.limit) {
            content.push_str(line);
            content.push('\n');
        }
        let chunk = json!({ "logid": 3, "firstline": window.offset, "content": content });
        axum::Json(json!({ "logchunks": [chunk] }))
    };
    let say = |value: Value| get(move || async move { axum::Json(value) });
    let build = json!({ "builds": [{ "buildid": 5, "complete": true, "results": 2 }] });
    let log = json!({ "logs": [{ "logid": 3, "num_lines": count, "complete": complete }] });
    let router = Router::new()
        .route("/api/v2/builders/1/builds/2", say(build))
        .route("/api/v2/builds/5/steps/test/logs/stdio", say(log))
        .route("/api/v2/logs/3/contents", get(contents));
    serve(router).await
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/")
}

fn at(base: &str) -> (Ci, BuildLink) {
    let ci = Ci::Buildbot(Buildbot::new(&[base.to_owned()], tls()).unwrap());
    let link = BuildLink {
        url: format!("{base}#/builders/1/builds/2"),
        ci: CiSystem::Buildbot,
        base: base.to_owned(),
        builder: "1".into(),
        number: 2,
        name: None,
    };
    (ci, link)
}

#[test]
fn monstrous_lines_do_not_hide_the_others() {
    run(async {
        let mut lines: Vec<String> = (0..5000).map(|number| format!("oline {number}")).collect();
        lines[700] = format!("o{}", "y".repeat(2_000_000));
        lines[701] = format!("o{}", "z".repeat(9_000_000));
        let base = buildbot_with(lines, true).await;
        let (ci, link) = at(&base);
        let log = ci.log(&link, "test", Extent::Whole).await.unwrap();
        let got: Vec<&str> = log.text.lines().collect();
        assert_eq!((got.len(), log.lines_skipped), (5000, 0));
        assert_eq!(got[699], "oline 699");
        assert_eq!(got[700].len(), 64 << 10);
        assert_eq!(got[701], "h(a line of several MB is left out)");
        assert_eq!((got[702], got[4999]), ("oline 702", "oline 4999"));
    });
}

#[test]
fn a_log_that_is_still_written_is_not_yet_there() {
    run(async {
        let base = buildbot_with(vec!["oline".into()], false).await;
        let (ci, link) = at(&base);
        let missed = ci.log(&link, "test", Extent::Whole).await;
        assert!(matches!(missed, Err(Miss::NotYet(_))), "{missed:?}");
    });
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    run(async {
        let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = format!("http://{}/", trap.local_addr().unwrap());
        let away = get(move || async move { Redirect::temporary(&there) });
        let base = serve(Router::new().fallback_service(away)).await;
        let (ci, link) = at(&base);
        let missed = ci.build(&link).await;
        assert!(matches!(missed, Err(Miss::Unreachable(_))), "{missed:?}");
        let asked = tokio::time::timeout(std::time::Duration::from_millis(200), trap.accept());
        assert!(asked.await.is_err(), "the redirect was followed");
    });
}
