//! `check` on real servers: what is right, and each thing that can be wrong.

mod page;

use std::path::Path;

use crate::github_stand_in::{REPOSITORY, StandIn};
use crate::service::{Ran, Setup, Wanted};
use crate::world::{run, world};

async fn setup() -> Setup {
    let setup = Setup::new(&Wanted {
        area: "check",
        tracker: "t5",
        more: "",
    })
    .await;
    let buildbot = &world().buildbot.url;
    setup.change(
        "[log]",
        &format!("[ci]\nbuildbots = [\"{buildbot}\"]\n\n[log]"),
    );
    setup
}

impl Setup {
    fn change(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        std::fs::write(&self.config, text.replace(from, to)).unwrap();
    }

    /// While servers of the test itself go on answering.
    async fn check_aside(&self) -> Ran {
        let config = self.config.clone();
        let output = tokio::process::Command::new(crate::service::PROGRAM)
            .args(["check", "--config"])
            .arg(&config)
            .stdin(std::process::Stdio::null())
            .output()
            .await
            .unwrap();
        Ran {
            status: output.status,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn check(&self) -> Ran {
        self.run(&["check"])
    }
}

/// The lines of a part, its remedies included, on one line.
fn part(ran: &Ran, name: &str) -> String {
    let mut lines = Vec::new();
    let mut is_ours = false;
    for line in ran.out.lines() {
        if line.starts_with(' ') {
            if is_ours {
                lines.push(line.trim());
            }
            continue;
        }
        is_ours = line.split_whitespace().nth(1) == Some(name);
        if is_ours {
            lines.push(line);
        }
    }
    lines
        .join(" ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[track_caller]
fn tells(ran: &Ran, name: &str, words: &[&str]) {
    assert_eq!(ran.status.code(), Some(1), "{}{}", ran.out, ran.err);
    let told = part(ran, name);
    for part in words {
        assert!(
            told.contains(part),
            "{part:?} is not in {told:?}: {}",
            ran.out
        );
    }
}

#[test]
fn everything_that_is_right_is_said() {
    run(async {
        let setup = setup().await;
        let ran = setup.check();
        assert!(ran.status.success(), "{}{}", ran.out, ran.err);
        for name in [
            "config",
            "database",
            "templates",
            "mailbox",
            "outgoing",
            "tracker",
            "ci",
        ] {
            let told = part(&ran, name);
            assert!(told.starts_with("ok "), "{name}: {}", ran.out);
            assert!(!told.contains("wrong"), "{name}: {}", ran.out);
        }
        assert!(part(&ran, "mailbox").contains(&format!("log in as {}", setup.watcher)));
        assert!(part(&ran, "tracker").contains("bbot"), "{}", ran.out);
        assert!(
            !setup.folder.path().join("state").exists(),
            "a check makes nothing"
        );
        // Nothing was posted, and no issue was made.
        assert!(world().archive(&setup.list).is_empty());
    });
}

#[test]
fn wrong_passwords_are_told_for_each_part_at_once() {
    run(async {
        let setup = setup().await;
        for name in ["mail-password", "tracker-password"] {
            std::fs::write(setup.folder.path().join(name), "not it\n").unwrap();
        }
        let ran = setup.check();
        tells(&ran, "mailbox", &["wrong", "refuses the login", "password"]);
        tells(&ran, "outgoing", &["wrong", "log in as", "535", "password"]);
        tells(&ran, "tracker", &["wrong", "password"]);
        tells(&ran, "ci", &["ok"]);
        assert!(!ran.out.contains("not it"), "{}", ran.out);
    });
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    run(async {
        let setup = setup().await;
        setup.change(&format!("ca_file = \"{}\"", world().tls.ca.display()), "");
        let ran = setup.check();
        tells(&ran, "mailbox", &["wrong", "certificate", "CA"]);
        tells(&ran, "outgoing", &["wrong", "certificate", "CA"]);
        tells(&ran, "tracker", &["ok"]);
    });
}

#[test]
fn a_missing_folder_and_a_wrong_host_are_named() {
    run(async {
        let setup = setup().await;
        setup.change("kind = \"imap\"", "kind = \"imap\"\nfolder = \"Nowhere\"");
        let port = format!("port = {}", world().mail.submissions_port);
        setup.change(&port, "port = 1");
        setup.change(&world().roundup.trackers["t5"], "http://127.0.0.1:1/t5/");
        setup.change(&world().buildbot.url, "http://127.0.0.1:1/");
        let ran = setup.check();
        tells(
            &ran,
            "mailbox",
            &["wrong", "Nowhere", "there are: ", "INBOX"],
        );
        tells(&ran, "outgoing", &["wrong", "connect to", "Check host"]);
        tells(&ran, "tracker", &["wrong", "127.0.0.1:1"]);
        tells(&ran, "ci", &["wrong", "127.0.0.1:1"]);
    });
}

#[test]
fn a_secret_that_is_missing_does_not_hide_the_rest() {
    run(async {
        let setup = setup().await;
        std::fs::remove_file(setup.folder.path().join("tracker-password")).unwrap();
        let ran = setup.check();
        tells(&ran, "config", &["wrong", "tracker-password"]);
        tells(&ran, "mailbox", &["ok"]);
        tells(&ran, "templates", &["ok"]);
    });
}

#[test]
fn names_that_the_tracker_does_not_have_are_told_with_their_lines() {
    run(async {
        let setup = setup().await;
        setup.change(
            "\"3.x\" = \"Python 3.15\"",
            "\"3.x\" = \"CPython main branch\"",
        );
        setup.change(
            "[log]",
            "[drafts]\ndefault_components = [\"tests\"]\n[drafts.components]\n\
             compile = [\"Build\", \"topic-asyncio\"]\n[log]",
        );
        let ran = setup.check();
        tells(
            &ran,
            "tracker",
            &[
                "wrong",
                "[drafts.versions] 3.x names \"CPython main branch\"",
                "did you mean \"Tests\"?",
                "[drafts.components] compile names \"topic-asyncio\"",
                "config.toml:",
            ],
        );
        assert!(
            !part(&ran, "tracker").contains("names \"Build\""),
            "{}",
            ran.out
        );
    });
}

#[test]
fn labels_that_the_repository_lacks_are_told() {
    run(async {
        let github = StandIn::start().await;
        let setup = setup().await;
        let text = std::fs::read_to_string(&setup.config).unwrap();
        let (before, rest) = text.split_once("[tracker]").unwrap();
        let (_, after) = rest.split_once("[log]").unwrap();
        std::fs::write(setup.folder.path().join("tracker-password"), "bot-token\n").unwrap();
        let tracker = format!(
            "[tracker]\nkind = \"github\"\nurl = \"{}\"\nrepository = \"{REPOSITORY}\"\n\
             token = {{ file = \"tracker-password\" }}\n[drafts]\n\
             default_components = [\"TESTS\", \"tets\"]\n",
            github.api
        );
        std::fs::write(&setup.config, format!("{before}{tracker}[log]{after}")).unwrap();
        // The stand-in answers on this thread's runtime.
        let ran = setup.check_aside().await;
        tells(
            &ran,
            "tracker",
            &["names \"tets\", a label", "did you mean \"tests\"?"],
        );
        assert!(!part(&ran, "tracker").contains("TESTS"), "{}", ran.out);
    });
}

/// Begins TLS with a certificate, or says nothing at all.
async fn bad_server(certificate: Option<(&Path, &Path)>) -> u16 {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = certificate.map(|(chain, key)| {
        let chain: Vec<_> = CertificateDer::pem_file_iter(chain)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config))
    });
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((tcp, _)) = listener.accept().await {
            match &acceptor {
                Some(acceptor) => drop(acceptor.accept(tcp).await),
                None => silent.push(tcp),
            }
        }
    });
    port
}

#[test]
fn bad_certificates_have_a_cause_and_a_remedy_of_their_own() {
    run(async {
        let tls = &world().tls;
        for (cert, key, what, remedy) in [
            (&tls.expired_cert, &tls.key, "expired on 20", "renew"),
            (
                &tls.other_host_cert,
                &tls.key,
                "its certificate is for",
                "Use the name",
            ),
            (
                &tls.untrusted_cert,
                &tls.untrusted_key,
                "not trusted",
                "ca_file",
            ),
        ] {
            let port = bad_server(Some((cert, key))).await;
            let setup = setup().await;
            let ca = tls.ca.display();
            setup.change(
                &world().roundup.trackers["t5"],
                &format!("https://127.0.0.1:{port}/t5/"),
            );
            setup.change(
                "user = \"bbot\"",
                &format!("user = \"bbot\"\nca_file = \"{ca}\""),
            );
            setup.change("[ci]", &format!("[ci]\nca_file = \"{ca}\""));
            setup.change(&world().buildbot.url, &format!("https://127.0.0.1:{port}/"));
            for known in [world().mail.imaps_port, world().mail.submissions_port] {
                setup.change(&format!("port = {known}"), &format!("port = {port}"));
            }
            let ran = setup.check_aside().await;
            for name in ["mailbox", "outgoing", "tracker", "ci"] {
                tells(&ran, name, &["wrong", what, remedy]);
            }
            for raw in [
                "UNIX",
                "client error",
                "UnknownIssuer",
                "account and its password",
            ] {
                assert!(!ran.out.contains(raw), "{raw}: {}", ran.out);
            }
        }
    });
}

#[test]
fn servers_that_say_nothing_do_not_hold_up_the_check() {
    run(async {
        let port = bad_server(None).await;
        let setup = setup().await;
        setup.change(
            &world().roundup.trackers["t5"],
            &format!("http://127.0.0.1:{port}/t5/"),
        );
        setup.change(&world().buildbot.url, &format!("http://127.0.0.1:{port}/"));
        let imaps = format!("port = {}", world().mail.imaps_port);
        setup.change(&imaps, &format!("port = {port}"));
        let begin = std::time::Instant::now();
        let ran = setup.check_aside().await;
        assert!(begin.elapsed().as_secs() < 40, "{:?}", begin.elapsed());
        tells(&ran, "mailbox", &["ok", "wrong", "no answer"]);
        tells(&ran, "tracker", &["wrong", "no answer"]);
        tells(&ran, "ci", &["wrong", "no answer"]);
        tells(&ran, "outgoing", &["ok"]);
    });
}

#[test]
fn a_wrong_path_a_name_that_leads_nowhere_and_plain_http_are_told_apart() {
    run(async {
        let setup = setup().await;
        let tracker = &world().roundup.trackers["t5"];
        let buildbot = &world().buildbot.url;
        setup.change(buildbot, &tracker.replace("http:", "https:"));
        setup.change(tracker, &format!("{buildbot}nowhere/"));
        let ran = setup.check();
        tells(&ran, "tracker", &["wrong", "404", "Check the path"]);
        tells(&ran, "ci", &["wrong", "does not speak TLS on this port"]);
        setup.change(&format!("{buildbot}nowhere/"), "https://nobody.invalid/t5/");
        let ran = setup.check();
        tells(&ran, "tracker", &["does not resolve", "spelling"]);
    });
}

#[test]
fn a_credential_without_systemd_is_told_once() {
    run(async {
        let setup = setup().await;
        for name in ["mail-password", "tracker-password"] {
            let from = format!("{{ file = \"{name}\" }}");
            setup.change(&from, &format!("{{ credential = \"{name}\" }}"));
        }
        let ran = setup.check();
        tells(
            &ran,
            "config",
            &["LoadCredential=tracker-password:", "file ="],
        );
        tells(&ran, "mailbox", &["warning", "not tried"]);
        tells(&ran, "tracker", &["warning", "not tried"]);
        assert_eq!(
            ran.out.matches("[tracker] password").count(),
            1,
            "{}",
            ran.out
        );
        assert!(!ran.out.contains("without an account"), "{}", ran.out);
        assert!(
            !ran.out.contains("correct the configuration"),
            "{}",
            ran.out
        );
    });
}

#[test]
fn broken_templates_and_a_foreign_tracker_file_are_told_in_words() {
    run(async {
        let setup = setup().await;
        let own = setup.folder.path().join("own");
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join("issue.md.hbs"), "{{#if").unwrap();
        setup.change("[log]", "[drafts]\ntemplates = \"own\"\n[log]");
        let text = std::fs::read_to_string(&setup.config).unwrap();
        let (before, rest) = text.split_once("[tracker]").unwrap();
        let (_, after) = rest.split_once("[drafts.versions]").unwrap();
        let text = format!(
            "{before}[tracker]\nkind = \"embedded\"\npath = \"config.toml\"\n[drafts.versions]{after}"
        );
        std::fs::write(&setup.config, text).unwrap();
        let ran = setup.check();
        tells(&ran, "templates", &["wrong", "compiled in are used"]);
        tells(
            &ran,
            "tracker",
            &["is not a file of an embedded tracker", "path"],
        );
    });
}
