//! What a real Buildbot cannot be brought to, and what it never should do.

use axum::Router;
use axum::extract::Query;
use axum::response::Redirect;
use axum::routing::get;
use buildbot_watch::ci::{Buildbot, Ci, Extent, Miss};
use buildbot_watch::domain::notification::{BuildLink, CiSystem};
use serde::Deserialize;
use serde_json::{Value, json};

use super::read;
use crate::roundup::tls;
use crate::world::run;

/// A Buildbot of one build, whose one log has so many lines; gives its address.
pub(super) async fn with_log(
    count: usize,
    line: impl Fn(usize) -> String + Clone + Send + Sync + 'static,
) -> String {
    #[derive(Deserialize)]
    struct Window {
        offset: usize,
        limit: usize,
    }
    let contents = move |Query(window): Query<Window>| async move {
        // JSON made by hand, as that costs little: no line needs escaping.
        let mut content = String::new();
        for number in window.offset..count.min(window.offset + window.limit) {
            content.push_str(&line(number));
            content.push_str("\\n");
        }
        format!(
            r#"{{"logchunks": [{{"logid": 3, "firstline": {}, "content": "{content}"}}]}}"#,
            window.offset
        )
    };
    let say = |value: Value| get(move || async move { axum::Json(value) });
    let build = json!({ "builds": [{
        "buildid": 5, "complete": true, "results": 2, "state_string": "failed test (failure)",
    }] });
    let step = json!({ "stepid": 7, "name": "test", "number": 2, "results": 2 });
    let log = json!({
        "logid": 3, "name": "stdio", "type": "s", "num_lines": count, "complete": true,
    });
    let router = Router::new()
        .route("/api/v2/builders/1/builds/2", say(build))
        .route("/api/v2/builds/5/steps", say(json!({ "steps": [step] })))
        .route("/api/v2/steps/7/logs", say(json!({ "logs": [log] })))
        .route("/api/v2/logs/3/contents", get(contents));
    serve(router).await
}

pub async fn serve(router: Router) -> String {
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
        let line = |number: usize| match number {
            700 => format!("o{}", "y".repeat(2_000_000)),
            701 => format!("o{}", "z".repeat(9_000_000)),
            _ => format!("oline {number}"),
        };
        let base = with_log(5000, line).await;
        let (ci, link) = at(&base);
        let build = ci.build(&link).await.unwrap();
        let (got, extract) = read(&ci, &build, "test", Extent::Whole).await.unwrap();
        assert_eq!(got.len(), 5000);
        assert!(extract.is_whole());
        assert_eq!(got[699], "oline 699");
        assert_eq!(got[700].len(), 64 << 10);
        assert_eq!(got[701], "h(a line of several MB is left out)");
        assert_eq!((&*got[702], &*got[4999]), ("oline 702", "oline 4999"));
    });
}

#[test]
fn of_an_endless_log_the_middle_is_left_out() {
    run(async {
        let zeros = "0".repeat(3990);
        let base = with_log(40_000, move |number| format!("o{zeros}{number:06}")).await;
        let (ci, link) = at(&base);
        let build = ci.build(&link).await.unwrap();
        let (got, extract) = read(&ci, &build, "test", Extent::Whole).await.unwrap();
        assert!(extract.gaps > 10_000, "{extract:?}");
        let bytes: usize = got.iter().map(String::len).sum();
        assert!((48 << 20..66 << 20).contains(&bytes), "{bytes}");
        assert!(got[0].ends_with("000000"));
        assert!(got[got.len() - 1].ends_with("039999"));
        // Where lines are left out, it is said how many.
        let left_out = got.iter().find(|line| line.ends_with(" left out)"));
        assert!(left_out.is_some());
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

/// Serves for as long as the tests run, also those that are no futures.
pub fn aside<T: Send + 'static, F: Future<Output = T>>(
    server: impl FnOnce() -> F + Send + 'static,
) -> T {
    let (tell, base) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let told = tell.send(server().await);
            assert!(told.is_ok(), "somebody asked");
            std::future::pending::<()>().await;
        });
    });
    base.recv().expect("an address")
}
