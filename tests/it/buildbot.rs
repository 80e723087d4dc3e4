//! Logs and facts from a real Buildbot.

mod late;
mod revision;
pub mod scripted;
pub mod stand_in;

use buildbot_watch::ci::{BuildFacts, Buildbot, Ci, Extent, Extract, LogKind, Miss, Piece};
use buildbot_watch::domain::finding::Level;
use buildbot_watch::domain::notification::{BuildLink, BuildResult, CiSystem};

use crate::roundup::tls;
use crate::world::{run, world};

pub fn ci() -> Ci {
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

/// A name as addresses have it.
pub fn quoted(name: &str) -> String {
    name.replace(' ', "%20").replace('+', "%2B")
}

/// What was read of a log, with a line for what was left out.
async fn read(
    ci: &Ci,
    build: &BuildFacts,
    step: &str,
    extent: Extent,
) -> Result<(Vec<String>, Extract), Miss> {
    let step = build.steps.iter().find(|it| it.name == step);
    let step = step.unwrap_or_else(|| panic!("no such step: {:?}", build.steps));
    let logs = ci.logs(build, step).await?;
    let mut lines = Vec::new();
    let mut sink = |piece: Piece<'_>| match piece {
        Piece::Lines(text) => lines.extend(text.lines().map(ToOwned::to_owned)),
        Piece::LeftOut(count) => lines.push(format!("({count} left out)")),
    };
    let extract = ci.read(build, &logs[0], extent, &mut sink).await?;
    Ok((lines, extract))
}

#[test]
fn a_red_build_is_described() {
    run(async {
        let facts = ci().build(&red()).await.unwrap();
        assert_eq!(facts.result, Some(BuildResult::Failure));
        assert_eq!(facts.state, "failed test (failure)");
        assert_eq!(facts.builder.as_deref(), Some("AMD64 Debian root 3.x"));
        assert_eq!(facts.worker.as_deref(), Some("angelico-debian-amd64"));
        assert_eq!(facts.project.as_deref(), Some("cpython"));
        assert_eq!(facts.branch.as_deref(), Some("main"));
        let revision = "6f1f3b9f3ad5d0d1a9ce1e2b6f7a1c5a4d1b2c3e";
        assert_eq!(facts.revision.as_deref(), Some(revision));
        assert_eq!(facts.wanted_revision.as_deref(), Some(revision));
        let steps: Vec<_> = facts
            .steps
            .iter()
            .map(|it| (&*it.name, it.result))
            .collect();
        assert_eq!(steps, [("test", Some(BuildResult::Failure))]);
        assert!(facts.ended_at.is_some());
    });
}

#[test]
fn a_build_is_found_by_the_builders_name_and_below_all() {
    run(async {
        let id = ci().build(&red()).await.unwrap().id;
        let name = quoted(&world().buildbot.builder_name);
        let by_name = link(&name, world().buildbot.red_build);
        assert_eq!(ci().build(&by_name).await.unwrap().id, id);

        // As Buildbot 0.8 had it. That such a build is another one now is for the
        // caller to find out.
        let mut old = by_name;
        old.url = old.url.replace("#/", "");
        assert_eq!(ci().build(&old).await.unwrap().id, id);
        // There a number would be a name.
        let mut number = red();
        number.url = number.url.replace("#/", "");
        let missed = ci().build(&number).await;
        assert!(matches!(missed, Err(Miss::Gone(_))), "{missed:?}");

        let mut below_all = red();
        below_all.base.push_str("all/");
        assert_eq!(ci().build(&below_all).await.unwrap().id, id);

        // The other way round: `all/` is configured, but the master has moved.
        let bases = [format!("{}all/", world().buildbot.url)];
        let moved = Ci::Buildbot(Buildbot::new(&bases, tls()).unwrap());
        let facts = moved.build(&red()).await.unwrap();
        assert_eq!(facts.id, id);
        let (lines, _) = read(&moved, &facts, "test", Extent::Tail(3)).await.unwrap();
        assert_eq!(lines.len(), 4);
    });
}

#[test]
fn a_green_build_has_no_failed_step() {
    run(async {
        let builder = world().buildbot.builder_id.to_string();
        let facts = ci()
            .build(&link(&builder, world().buildbot.green_build))
            .await
            .unwrap();
        assert_eq!(facts.result, Some(BuildResult::Success));
        assert!(facts.steps.is_empty());
    });
}

#[test]
fn a_log_comes_whole_or_by_its_end() {
    run(async {
        let ci = ci();
        let build = ci.build(&red()).await.unwrap();
        let (lines, extract) = read(&ci, &build, "test", Extent::Whole).await.unwrap();
        assert!(lines.len() > 100, "{}", lines.len());
        assert!(extract.is_whole());
        assert_eq!(extract.lines as usize, lines.len());
        let starts = |letter: char| lines.iter().any(|line| line.starts_with(letter));
        assert!(starts('o') && starts('e') && starts('h'), "{lines:?}");
        let header = "oFAIL: test_memfd_create (test.test_os.MemfdCreateTests.test_memfd_create)";
        assert!(lines.iter().any(|line| line == header));

        let (tail, extract) = read(&ci, &build, "test", Extent::Tail(7)).await.unwrap();
        assert_eq!((extract.lines, extract.gaps), (7, 0));
        assert_eq!(extract.before as usize, lines.len() - 7);
        assert_eq!(tail[0], format!("({} left out)", lines.len() - 7));
        assert_eq!(tail[1..], lines[lines.len() - 7..]);
    });
}

#[test]
fn what_is_gone_is_said_to_be_gone() {
    run(async {
        let ci = ci();
        let gone = |miss: Option<Miss>| assert!(matches!(miss, Some(Miss::Gone(_))), "{miss:?}");
        let builder = world().buildbot.builder_id.to_string();
        gone(ci.build(&link(&builder, 99_999)).await.err());
        gone(ci.build(&link("99999", 1)).await.err());
        gone(ci.build(&link("no%20such%20builder", 1)).await.err());
        let build = ci.build(&red()).await.unwrap();
        let mut log = ci.logs(&build, &build.steps[0]).await.unwrap().remove(0);
        log.id = 99_999;
        gone(
            ci.read(&build, &log, Extent::Whole, &mut |_| {})
                .await
                .err(),
        );
    });
}

#[test]
fn a_log_that_the_janitor_emptied_was_deleted() {
    run(async {
        let ci = ci();
        let name = quoted(&world().buildbot.scripted_builder_name);
        let build = ci.build(&link(&name, world().buildbot.deleted_build)).await;
        let build = build.unwrap();
        let logs = ci.logs(&build, &build.steps[0]).await.unwrap();
        assert_eq!(logs[0].kind, LogKind::Deleted);
        assert!(logs[0].lines > 0);
        let missed = read(&ci, &build, "test", Extent::Whole).await.unwrap_err();
        assert!(
            matches!(&missed, Miss::Gone(why) if why.contains("was deleted")),
            "{missed}"
        );
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
