//! GitHub Actions, Travis CI, AppVeyor and Azure Pipelines: the failed jobs, their
//! logs, and what the program makes of a mail about them.

mod stand_in;

use std::fs;
use std::process::Command;
use std::time::Duration;

use buildbot_watch::ci::hosted::{Amount, Hosted, LOG_CAP, Settings};
use buildbot_watch::ci::{Ci, Miss};
use buildbot_watch::domain::finding::Level;
use buildbot_watch::domain::notification::{BuildLink, CiSystem};
use buildbot_watch::domain::secret::Secret;
use serde_json::{Value, json};

use crate::cli::Demo;
use crate::filing;
use crate::roundup::tls;
use crate::world::run;
use stand_in::{BEGUN, Ended, Job, Log, PROJECT, QUEUED, Run, SHA, StandIn};

const SYSTEMS: [CiSystem; 4] = [
    CiSystem::GitHubActions,
    CiSystem::Travis,
    CiSystem::AppVeyor,
    CiSystem::Azure,
];
const WEB: &str = "https://ci.example/";

/// A failed test as each system's log has it.
fn failing(system: CiSystem, test: &str) -> String {
    let lines = [
        "$ make test".to_owned(),
        "0:00:01 load avg: 1.20 [1/1/1] test_nozzle failed (1 failure)".to_owned(),
        "=".repeat(70),
        format!("FAIL: {test} (test.test_nozzle.HeatTests.{test})"),
        "-".repeat(70),
        "Traceback (most recent call last):".to_owned(),
        format!("  File \"/home/runner/work/Lib/test/test_nozzle.py\", line 7, in {test}"),
        "    self.assertEqual(heat(), 3)".to_owned(),
        "AssertionError: 4 != 3".to_owned(),
        String::new(),
        "-".repeat(70),
        "Ran 1 test in 0.001s".to_owned(),
        String::new(),
        "1 test failed:".to_owned(),
        "    test_nozzle".to_owned(),
    ];
    let decorated = lines.iter().map(|line| match system {
        CiSystem::Buildbot => format!("o{line}\n"),
        CiSystem::Travis => format!("{line}\r\n"),
        CiSystem::AppVeyor => format!("[00:01:02] {line}\n"),
        CiSystem::Azure | CiSystem::GitHubActions => {
            format!("2026-04-23T10:11:12.1234567Z {line}\n")
        }
    });
    let body: String = decorated.collect();
    match system {
        CiSystem::GitHubActions | CiSystem::Azure => format!(
            "\u{feff}2026-04-23T10:11:11.0000000Z ##[group]Run make test\n{body}\
             2026-04-23T10:11:13.0000000Z ##[error]Process completed with exit code 2.\n"
        ),
        CiSystem::Travis => {
            format!("travis_fold:start:t\r\u{1b}[0Ktravis_time:start:1\r\u{1b}[0K{body}")
        }
        _ => body,
    }
}

fn job(id: u64, name: &'static str, ended: Ended, log: Log) -> Job {
    Job {
        id,
        name,
        ended,
        log,
    }
}

/// A run whose second and fourth job failed.
fn red(system: CiSystem) -> Run {
    let text = |test| Log::Text(failing(system, test));
    Run {
        id: 24_830_011_223,
        version: "3.8build7",
        is_complete: true,
        project: PROJECT,
        reason: "individualCI",
        jobs: vec![
            job(11, "docs", Ended::Well, text("test_not_this")),
            job(12, "ubuntu", Ended::Badly, text("test_hot")),
            job(13, "macos", Ended::Cancelled, text("test_nor_this")),
            job(14, "windows", Ended::Badly, text("test_cold")),
        ],
    }
}

fn link(system: CiSystem) -> BuildLink {
    BuildLink {
        url: format!("{WEB}{PROJECT}/24830011223"),
        ci: system,
        base: WEB.to_owned(),
        builder: PROJECT.to_owned(),
        number: 24_830_011_223,
        name: None,
    }
}

fn hosted(system: CiSystem, api: &str, token: Option<&str>) -> Hosted {
    let settings = Settings {
        system,
        url: api.to_owned(),
        web: WEB.to_owned(),
        projects: vec![PROJECT.to_owned()],
        token: token.map(|token| Secret::new(token.to_owned())),
    };
    Hosted::new(settings, tls(), Duration::from_secs(60)).unwrap()
}

async fn log_of(ci: &Hosted, link: &BuildLink, log: &str) -> Result<(String, Amount), Miss> {
    let mut bytes = Vec::new();
    let amount = ci
        .log(link, log, &mut |piece| bytes.extend_from_slice(piece))
        .await?;
    Ok((String::from_utf8(bytes).unwrap(), amount))
}

#[test]
fn the_failed_jobs_and_their_logs_are_found() {
    run(async {
        for system in SYSTEMS {
            let server = StandIn::start(vec![red(system)]).await;
            let ci = hosted(system, &server.api, None);
            let found = ci.run(&link(system)).await.unwrap();
            let names: Vec<_> = found.jobs.iter().map(|job| job.name.as_deref()).collect();
            assert_eq!(names, [Some("ubuntu"), Some("windows")], "{system:?}");
            assert_eq!(found.revision.as_deref(), Some(SHA), "{system:?}");
            assert_eq!(found.branch.as_deref(), Some("main"), "{system:?}");
            assert_eq!(found.left_out, 0);
            for (job, test) in found.jobs.iter().zip(["test_hot", "test_cold"]) {
                assert!(job.url.starts_with(WEB), "{}", job.url);
                let (text, amount) = log_of(&ci, &link(system), &job.logs[0]).await.unwrap();
                assert!(text.contains(test), "{system:?}: {text}");
                assert_eq!(amount, Amount::Whole);
            }
        }
    });
}

#[test]
fn when_it_began_and_since_when_the_commit_was_known_is_told() {
    run(async {
        let found = async |run: Run, system| {
            let server = StandIn::start(vec![run]).await;
            let ci = hosted(system, &server.api, None);
            ci.run(&link(system)).await.unwrap()
        };
        for system in SYSTEMS {
            let run = found(red(system), system).await;
            let began: Vec<_> = run.jobs.iter().map(|job| job.began_at).collect();
            assert_eq!(began, [Some(BEGUN), Some(BEGUN)], "{system:?}");
            let known = match system {
                CiSystem::GitHubActions | CiSystem::Azure => Some(QUEUED),
                _ => None,
            };
            assert_eq!(run.revision_seen_at, known, "{system:?}");
        }
        for (reason, known) in [
            ("pullRequest", Some(QUEUED)),
            ("manual", None),
            ("schedule", None),
            ("batchedCI", None),
        ] {
            let mut run = red(CiSystem::Azure);
            run.reason = reason;
            let run = found(run, CiSystem::Azure).await;
            assert_eq!(run.revision_seen_at, known, "{reason}");
        }
    });
}

#[test]
fn an_appveyor_build_is_found_by_its_version() {
    run(async {
        let server = StandIn::start(vec![red(CiSystem::AppVeyor)]).await;
        let ci = hosted(CiSystem::AppVeyor, &server.api, None);
        let by_version = BuildLink {
            number: 0,
            name: Some("3.8build7".into()),
            ..link(CiSystem::AppVeyor)
        };
        assert_eq!(ci.run(&by_version).await.unwrap().jobs.len(), 2);
        let up = BuildLink {
            name: Some("..".into()),
            ..by_version
        };
        let missed = ci.run(&up).await;
        assert!(matches!(missed, Err(Miss::Strange(_))), "{missed:?}");
    });
}

#[test]
fn the_token_goes_to_the_api_alone() {
    run(async {
        for (system, wanted) in [
            (CiSystem::GitHubActions, "Bearer geheim"),
            (CiSystem::Travis, "token geheim"),
            (CiSystem::AppVeyor, "Bearer geheim"),
            (CiSystem::Azure, "Basic OmdlaGVpbQ=="),
        ] {
            let server = StandIn::start(vec![red(system)]).await;
            server.state().wants = Some(wanted);
            let ci = hosted(system, &server.api, Some("geheim"));
            let found = ci.run(&link(system)).await.unwrap();
            log_of(&ci, &link(system), &found.jobs[0].logs[0])
                .await
                .unwrap();
            let version = (system == CiSystem::Travis).then(|| "3".to_owned());
            for asked in &server.state().asked {
                let expected = (asked.server == "api").then(|| wanted.to_owned());
                assert_eq!(asked.authorization, expected, "{asked:?}");
                assert_eq!(asked.travis_version, version, "{asked:?}");
            }
            let stored = usize::from(system == CiSystem::GitHubActions);
            assert_eq!(server.asked("store").len(), stored);
        }
    });
}

#[test]
fn a_log_is_not_fetched_from_anywhere_a_redirect_says() {
    run(async {
        let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = trap.local_addr().unwrap().port();
        let server = StandIn::start(vec![red(CiSystem::GitHubActions)]).await;
        let ci = hosted(CiSystem::GitHubActions, &server.api, Some("geheim"));
        for bad in [
            format!("http://localhost:{port}/"),
            format!("http://127.0.0.2:{port}/"),
            format!("https://127.0.0.1:{port}/"),
            format!("http://user:pw@127.0.0.1:{port}/"),
            format!("ftp://127.0.0.1:{port}/"),
        ] {
            server.state().redirect = Some(bad.clone());
            let missed = log_of(&ci, &link(CiSystem::GitHubActions), "12").await;
            assert!(
                matches!(missed, Err(Miss::Unreachable(_))),
                "{bad}: {missed:?}"
            );
        }
        let circle = format!("{}repos/{PROJECT}/actions/jobs/12/logs", server.api);
        server.state().redirect = Some(circle);
        let missed = log_of(&ci, &link(CiSystem::GitHubActions), "12").await;
        assert!(matches!(missed, Err(Miss::Strange(_))), "{missed:?}");
        nobody_came(trap);
    });
}

fn nobody_came(trap: tokio::net::TcpListener) {
    let came = trap.into_std().unwrap().accept().map(|(_, from)| from);
    let error = came.expect_err("somebody came");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn what_is_gone_private_or_unfinished_is_said_in_words() {
    run(async {
        for system in SYSTEMS {
            let mut unfinished = red(system);
            unfinished.is_complete = false;
            unfinished.id = 7;
            let mut deleted = red(system);
            deleted.jobs[1].log = Log::Deleted;
            let server = StandIn::start(vec![deleted, unfinished]).await;
            let ci = hosted(system, &server.api, None);
            let at = link(system);

            let found = ci.run(&at).await.unwrap();
            let missed = log_of(&ci, &at, &found.jobs[0].logs[0]).await.unwrap_err();
            let said = missed.to_string();
            assert!(matches!(missed, Miss::Gone(_)), "{missed:?}");
            assert!(said.contains("deleted after some months"), "{said}");

            let nowhere = BuildLink {
                number: 999,
                ..at.clone()
            };
            let missed = ci.run(&nowhere).await;
            assert!(matches!(missed, Err(Miss::Gone(_))), "{missed:?}");
            let running = BuildLink {
                number: 7,
                ..at.clone()
            };
            let missed = ci.run(&running).await;
            assert!(matches!(missed, Err(Miss::NotYet(_))), "{missed:?}");

            server.state().wants = Some("Bearer other");
            let missed = ci.run(&at).await.unwrap_err().to_string();
            assert!(missed.contains("wants a token"), "{missed}");
            let with_token = hosted(system, &server.api, Some("geheim"));
            let missed = with_token.run(&at).await.unwrap_err().to_string();
            assert!(missed.contains("does not accept the token"), "{missed}");
            assert!(!missed.contains("geheim"), "{missed}");

            server.state().sign_in = true;
            let missed = ci.run(&at).await.unwrap_err().to_string();
            assert!(missed.contains("shows a web page"), "{missed}");
        }
    });
}

#[test]
fn nothing_is_asked_about_what_is_not_configured() {
    run(async {
        for system in SYSTEMS {
            let server = StandIn::start(vec![red(system)]).await;
            let ci = hosted(system, &server.api, Some("geheim"));
            let good = link(system);
            let others = [
                BuildLink {
                    builder: "mallory/rocket".into(),
                    ..good.clone()
                },
                BuildLink {
                    builder: format!("{PROJECT}/x"),
                    ..good.clone()
                },
                BuildLink {
                    base: "https://ci.example.evil/".into(),
                    ..good.clone()
                },
                BuildLink {
                    base: "http://ci.example/".into(),
                    ..good.clone()
                },
                BuildLink {
                    ci: CiSystem::Buildbot,
                    ..good.clone()
                },
            ];
            for other in others {
                let missed = ci.run(&other).await;
                assert!(matches!(missed, Err(Miss::NotConfigured(_))), "{missed:?}");
                let missed = log_of(&ci, &other, "12").await;
                assert!(matches!(missed, Err(Miss::NotConfigured(_))), "{missed:?}");
            }
            assert!(server.asked("api").is_empty());
            // Letters do not matter to any of them.
            let loud = BuildLink {
                builder: PROJECT.to_uppercase(),
                ..good
            };
            assert_eq!(ci.run(&loud).await.unwrap().jobs.len(), 2);
        }
    });
}

#[test]
fn a_travis_build_of_another_project_is_refused() {
    run(async {
        let mut foreign = red(CiSystem::Travis);
        foreign.project = "mallory/rocket";
        let server = StandIn::start(vec![foreign]).await;
        let ci = hosted(CiSystem::Travis, &server.api, None);
        let missed = ci.run(&link(CiSystem::Travis)).await;
        assert!(matches!(missed, Err(Miss::Strange(_))), "{missed:?}");
    });
}

#[test]
fn an_endless_log_is_cut() {
    run(async {
        let mut long = red(CiSystem::GitHubActions);
        long.jobs[1].log = Log::Endless(LOG_CAP + 1000);
        let server = StandIn::start(vec![long]).await;
        let ci = hosted(CiSystem::GitHubActions, &server.api, None);
        let mut bytes = 0;
        let amount = ci
            .log(&link(CiSystem::GitHubActions), "12", &mut |piece| {
                bytes += piece.len();
            })
            .await
            .unwrap();
        assert_eq!((bytes, amount), (LOG_CAP, Amount::Beginning));
    });
}

#[test]
fn many_failed_jobs_are_bounded_and_counted() {
    run(async {
        for system in SYSTEMS {
            let mut many = red(system);
            let text = failing(system, "test_hot");
            many.jobs = (100..135)
                .map(|id| job(id, "x", Ended::Badly, Log::Text(text.clone())))
                .collect();
            let server = StandIn::start(vec![many]).await;
            let found = hosted(system, &server.api, None)
                .run(&link(system))
                .await
                .unwrap();
            assert_eq!((found.jobs.len(), found.left_out), (20, 15), "{system:?}");
        }
    });
}

#[test]
fn a_check_says_whether_each_project_is_there() {
    run(async {
        for system in SYSTEMS {
            let server = StandIn::start(Vec::new()).await;
            let ci = Ci::Hosted(Box::new(hosted(system, &server.api, Some("geheim"))));
            let fine = ci.check().await;
            assert_eq!(fine.len(), 1, "{fine:?}");
            assert_eq!(fine[0].level, Level::Fine, "{fine:?}");
            assert!(fine[0].what.contains(PROJECT), "{fine:?}");
            server.state().wants = Some("nothing like it");
            let bad = ci.check().await;
            assert_eq!(bad[0].level, Level::Bad, "{bad:?}");
            assert!(bad[0].what.contains("does not accept the token"), "{bad:?}");
            let remedy = bad[0].remedy.as_deref().unwrap();
            assert!(remedy.contains(system.key()), "{remedy}");
            let nobody = hosted(system, "http://127.0.0.1:9/", Some("geheim"));
            let bad = Ci::Hosted(Box::new(nobody)).check().await;
            assert_eq!(bad[0].level, Level::Bad, "{bad:?}");
        }
        let server = StandIn::start(Vec::new()).await;
        let ci = hosted(CiSystem::GitHubActions, &server.api, None);
        let doubtful = Ci::Hosted(Box::new(ci)).check().await;
        assert_eq!(doubtful[1].level, Level::Doubtful, "{doubtful:?}");
    });
}

/// The program itself on a mail, with these lines in its configuration; what
/// `replay --json` says of its one notification.
async fn replayed(mail: &'static str, ci: String) -> Value {
    tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        fs::create_dir(folder.path().join("state")).unwrap();
        fs::write(
            &config,
            format!(
                "[store]\nstate_dir = \"state\"\n\
                 [list]\nid = \"rocket-ci.lists.example.org\"\n\
                 address = \"rocket-ci@lists.example.org\"\n\
                 notifiers = [\"rocket-ci@lists.example.org\", \"notifications@github.com\"]\n\
                 [mailbox]\nkind = \"maildir\"\npath = \"in\"\n\
                 [outgoing]\nkind = \"maildir\"\npath = \"out\"\nfrom_address = \"me@example.org\"\n\
                 [tracker]\nkind = \"embedded\"\n{ci}"
            ),
        )
        .unwrap();
        let mail = format!("{}/fixtures/mails/{mail}.eml", env!("CARGO_MANIFEST_DIR"));
        let output = Command::new(env!("CARGO_BIN_EXE_buildbot-watch"))
            .args(["replay", &mail, "--json", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{err}");
        serde_json::from_slice(&output.stdout).unwrap()
    })
    .await
    .unwrap()
}

#[test]
fn a_mail_becomes_the_failed_tests_of_each_job() {
    run(async {
        let mut run = red(CiSystem::GitHubActions);
        run.id = 24_830_166_006;
        let server = StandIn::start(vec![run]).await;
        let ci = format!(
            "[ci.github_actions]\nurl = \"{}\"\nprojects = [\"{PROJECT}\"]\n",
            server.api
        );
        let said = replayed("gha-via-list-2026", ci).await.to_string();
        let parts = [
            "Tests / ubuntu",
            "Tests / windows",
            "test_nozzle.HeatTests.test_hot",
            "test_nozzle.HeatTests.test_cold",
            "AssertionError: 4 != 3",
        ];
        filing::names_all(&said, &parts);
        assert!(!said.contains("test_not_this"), "{said}");
        assert_eq!(server.asked("store"), ["/12", "/14"]);
    });
}

#[test]
fn a_mail_about_another_project_is_read_alone() {
    run(async {
        let mut run = red(CiSystem::GitHubActions);
        run.id = 24_830_166_006;
        let server = StandIn::start(vec![run]).await;
        let ci = format!(
            "[ci.github_actions]\nurl = \"{}\"\nprojects = [\"python/cpython\"]\n",
            server.api
        );
        let said = replayed("gha-via-list-2026", ci).await.to_string();
        assert!(said.contains("Tests / Windows"), "{said}");
        assert!(server.asked("api").is_empty());
    });
}

#[test]
fn a_run_whose_logs_are_gone_still_names_its_failed_jobs() {
    run(async {
        let mut run = red(CiSystem::GitHubActions);
        run.id = 24_830_166_006;
        for job in &mut run.jobs {
            job.log = Log::Deleted;
        }
        let server = StandIn::start(vec![run]).await;
        let ci = format!(
            "[ci.github_actions]\nurl = \"{}\"\nprojects = [\"{PROJECT}\"]\n",
            server.api
        );
        let said = replayed("gha-via-list-2026", ci).await.to_string();
        for part in ["Tests / ubuntu", "Tests / windows", "failed Run the tests"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(server.asked("store").is_empty());
    });
}

#[test]
fn a_mail_with_githubs_own_list_id_gets_no_draft() {
    run(async {
        let mut run = red(CiSystem::GitHubActions);
        run.id = 24_830_011_223;
        let server = StandIn::start(vec![run]).await;
        let ci = format!(
            "[ci.github_actions]\nurl = \"{}\"\nprojects = [\"{PROJECT}\"]\n",
            server.api
        );
        let said = replayed("gha-run-failed-2026", ci).await;
        let row = &said["notifications"][0];
        assert_eq!(row["stage"], "closed", "{said}");
        assert!(row["closed"].to_string().contains("other_list"), "{said}");
        assert!(server.asked("api").is_empty());
    });
}

#[test]
fn a_run_is_filed_by_its_address() {
    run(async {
        let server = StandIn::start(vec![red(CiSystem::GitHubActions)]).await;
        let all = move || {
            let demo = Demo::new();
            let file = demo.folder.join("config.toml");
            let text = fs::read_to_string(&file).unwrap();
            let table = format!(
                "\n[ci.github_actions]\nurl = {:?}\nprojects = [\"{PROJECT}\"]\n",
                server.api
            );
            fs::write(&file, text + &table).unwrap();
            let address = format!("https://github.com/{PROJECT}/actions/runs/24830011223");
            let file = format!("file {address}/job/12");
            server.state().runs[0].is_complete = false;
            demo.run(&file)
                .refused(&["has not ended yet", "nothing was filed"]);
            server.state().runs[0].is_complete = true;
            let other = format!("file https://github.com/{PROJECT}/actions/runs/1");
            demo.run(&other).refused(&["no such build"]);
            let filed = filing::file(&demo, &format!("{address}/job/12"), 10, true);
            assert_eq!(filed["stage"], "drafted", "{filed}");
            let parts = [
                "ubuntu",
                "windows",
                "HeatTests.test_hot",
                "HeatTests.test_cold",
            ];
            filing::names_all(&filed.to_string(), &parts);
            let seen = demo.json("explain 10")["failures"][0]["seen_from"].clone();
            let known = "the revision of this build was known";
            assert_eq!(seen, json!({ "at": "2026-04-23T10:11:12Z", "when": known }));
            filing::file(&demo, &address, 10, false);
            for job in &mut server.state().runs[0].jobs {
                job.log = Log::Deleted;
            }
            server.state().runs[0].id = 77;
            let deleted = format!("file https://github.com/{PROJECT}/actions/runs/77");
            demo.run(&deleted).refused(&["logs cannot be had"]);
            for job in &mut server.state().runs[0].jobs {
                job.ended = Ended::Well;
            }
            demo.run(&deleted).refused(&["did not fail"]);
            assert_eq!(demo.json("status")["notifications"]["all"], 10);
        };
        tokio::task::spawn_blocking(all).await.unwrap();
    });
}
