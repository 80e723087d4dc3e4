//! The login on IRC, with a stand-in that knows accounts.

use std::collections::BTreeMap;

use buildbot_watch::domain::backoff::Trouble;
use buildbot_watch::domain::secret::Secret;
use buildbot_watch::irc::{IrcError, IrcSettings, Login, Said, Session};
use buildbot_watch::tls::client_config_as;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::irc_stand_in::{Nature, StandIn, fingerprint, new_certificate};
use super::{desk, secret};
use crate::mailflow::desk::Desk;
use crate::world::{run, world};

const OFFERS: &[&str] = &["multi-prefix away-notify", "sasl=EXTERNAL,PLAIN chghost"];

fn nature(offers: &'static [&'static str], password: &str) -> Nature {
    Nature {
        accounts: BTreeMap::from([("watcher".to_owned(), password.to_owned())]),
        certificates: BTreeMap::new(),
        offers,
        ends: None,
    }
}

async fn refused(settings: &IrcSettings) -> IrcError {
    match Session::open(settings).await {
        Ok(_) => panic!("it was let in"),
        Err(error) => error,
    }
}

#[test]
fn with_an_account_it_logs_in_before_it_goes_in() {
    run(async {
        // The second fills its last piece, and the third takes several.
        for length in [12, 300 - 2 * 7 - 2, 700] {
            let password = "p".repeat(length);
            let server = StandIn::start(nature(OFFERS, &password)).await;
            let settings = server.settings("watcher", &password);
            let mut session = Session::open(&settings).await.unwrap();
            assert_eq!(session.say(&["hello".to_owned()]).await, Said::Taken);
            let said = server.said.lock().unwrap().clone();
            assert_eq!(said, ["PRIVMSG #watch :hello"]);

            let error = refused(&server.settings("watcher", "wrong")).await;
            assert!(error.to_string().contains("login is refused"), "{error}");
            assert_eq!(error.trouble, Trouble::Refused);
            assert!(!error.to_string().contains("wrong"), "{error}");
            let error = refused(&server.settings("nobody", &password)).await;
            assert!(error.remedy.contains("password"), "{error}");
        }
    });
}

#[test]
fn it_never_goes_in_without_the_login_that_it_has_an_account_for() {
    run(async {
        for offers in [&["multi-prefix"] as &[&str], &["sasl=EXTERNAL"], &[""]] {
            let server = StandIn::start(nature(offers, "secret")).await;
            let error = refused(&server.settings("watcher", "secret")).await;
            assert!(error.to_string().contains("SASL PLAIN"), "{error}");
        }
        // Without an account this channel says what it wants.
        let server = StandIn::start(nature(OFFERS, "secret")).await;
        let without = IrcSettings {
            login: None,
            ..server.settings("watcher", "secret")
        };
        let error = refused(&without).await;
        assert!(error.to_string().contains("logged in"), "{error}");
    });
}

#[test]
fn a_server_that_throttles_is_called_ever_more_seldom() {
    run(async {
        for (words, trouble) in [
            ("Trying to reconnect too fast.", Trouble::Refused),
            ("Your host is throttled", Trouble::Refused),
            ("K-Lined: spam", Trouble::Refused),
            ("Server shutting down", Trouble::Away),
        ] {
            let server = StandIn::start(Nature {
                ends: Some(words),
                ..nature(OFFERS, "secret")
            })
            .await;
            let error = refused(&server.settings("watcher", "secret")).await;
            assert_eq!(error.trouble, trouble, "{words}: {error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    });
}

/// A server that knows a certificate, and that.
async fn certified() -> (StandIn, Secret) {
    let pem = new_certificate("watcher");
    let certificate = CertificateDer::from_pem_slice(pem.expose().as_bytes()).unwrap();
    let certificates = BTreeMap::from([(fingerprint(&certificate), "watcher".to_owned())]);
    let known = Nature {
        certificates,
        ..nature(OFFERS, "secret")
    };
    (StandIn::start(known).await, pem)
}

#[test]
fn with_a_certificate_it_logs_in_without_a_password() {
    run(async {
        let (server, pem) = certified().await;
        let settings = |pem: &Secret, user: Option<&str>| IrcSettings {
            tls: client_config_as(Some(&world().tls.ca), pem).unwrap(),
            login: Some(Login::Certificate {
                user: user.map(str::to_owned),
            }),
            ..server.settings("", "")
        };
        for user in [None, Some("watcher")] {
            let mut session = Session::open(&settings(&pem, user)).await.unwrap();
            assert_eq!(session.say(&["hello".to_owned()]).await, Said::Taken);
            session.quit().await;
        }
        assert_eq!(server.said.lock().unwrap().len(), 2);

        // Another's account, a certificate that nobody knows, and none at all.
        let without = IrcSettings {
            tls: world().tls_config(),
            ..settings(&pem, None)
        };
        for wrong in [
            settings(&pem, Some("ada")),
            settings(&new_certificate("watcher"), None),
            without,
        ] {
            let error = refused(&wrong).await;
            assert!(error.to_string().contains("login is refused"), "{error}");
            assert!(error.remedy.contains("CERT ADD"), "{error:?}");
        }
        let only_passwords = StandIn::start(nature(&["sasl=PLAIN"], "secret")).await;
        let wrong = IrcSettings {
            port: only_passwords.port,
            ..settings(&pem, None)
        };
        let error = refused(&wrong).await;
        assert!(error.to_string().contains("SASL EXTERNAL"), "{error}");
    });
}

#[test]
fn a_certificate_is_taken_from_the_configuration() {
    run(async {
        let (server, pem) = certified().await;
        let section = format!(
            "[irc]\nserver = \"{}\"\nport = {}\nchannel = \"#watch\"\nnick = \"watch\"\n\
             certificate = {{ file = \"irc.pem\" }}\nca_file = \"{}\"\n",
            world().host,
            server.port,
            world().tls.ca.display()
        );
        let (desk, _setup) = desk(&section);
        secret(&desk, "irc.pem", pem.expose());
        let (desk, told) = checked(desk).await;
        assert!(
            told.contains("log in by the certificate: the server takes it"),
            "{told}"
        );
        // The key of another certificate.
        let (key, _) = pem.expose().split_once("-----BEGIN CERT").unwrap();
        let other = new_certificate("watcher");
        let (_, other) = other.expose().split_once("-----BEGIN CERT").unwrap();
        secret(&desk, "irc.pem", &format!("{key}-----BEGIN CERT{other}"));
        let (desk, told) = checked(desk).await;
        assert!(told.contains("[irc] certificate cannot be used"), "{told}");
        secret(&desk, "irc.pem", key);
        let (_, told) = checked(desk).await;
        assert!(told.contains("holds no certificate"), "{told}");
    });
}

/// What `check` says while the stand-in goes on.
async fn checked(desk: Desk) -> (Desk, String) {
    let checking = tokio::task::spawn_blocking(move || {
        let ran = desk.run(&["check"]);
        (desk, ran.out + &ran.err)
    });
    let (desk, told) = checking.await.unwrap();
    // Long lines are folded on the screen.
    let words: Vec<&str> = told.split_whitespace().collect();
    (desk, words.join(" "))
}
