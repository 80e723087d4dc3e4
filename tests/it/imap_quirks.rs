//! The mailbox against servers that Dovecot is not: hostile ones, and ones with
//! the quirks that others have.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use buildbot_watch::domain::backoff::Trouble;
use buildbot_watch::domain::mailbox::{AfterFailure, FetchFailure, FetchTries};
use buildbot_watch::imap::{Fetching, ImapError, ImapSettings, Security, Session, Woken, connect};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::imap::settings;
use crate::world::{World, run, world};

/// What is wrong with a server that is otherwise fine and has one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quirk {
    None,
    Preauth,
    GreetsWithBye,
    NoUidvalidity,
    NoUidnext,
    NoIdle,
    IdleIsRefused,
    IdleIsBadWithoutWords,
    IdleIsNotAnswered,
    KeepsAliveEveryMoment,
    SaysByeInIdle,
    SaysExistsBeforeIdleBegins,
    SearchIsRefused,
    ClosesInSearch,
    FetchIsRefused,
    FetchIsGibberish,
    PiecesOfNothing,
    ShortPieces,
}

/// Listens for one server with a quirk; returns how to reach it.
async fn server(world: &World, quirk: Quirk) -> ImapSettings {
    server_with(world, quirk, &world.tls.cert, &world.tls.key).await
}

async fn server_with(world: &World, quirk: Quirk, cert: &Path, key: &Path) -> ImapSettings {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = acceptor(cert, key);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            if let Ok(tls) = acceptor.accept(tcp).await {
                tokio::spawn(serve(tls, quirk));
            }
        }
    });
    let mut settings = settings(world, "someone");
    settings.port = port;
    settings.timeouts.command = Duration::from_secs(5);
    settings
}

fn acceptor(cert: &Path, key: &Path) -> TlsAcceptor {
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth();
    TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, quirk: Quirk) {
    let mut stream = BufReader::new(stream);
    let greeting = match quirk {
        Quirk::Preauth => "* PREAUTH hello\r\n",
        Quirk::GreetsWithBye => "* BYE overloaded\r\n",
        _ => "* OK hello\r\n",
    };
    stream.write_all(greeting.as_bytes()).await.unwrap();
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
        let request = std::mem::take(&mut line);
        let (tag, command) = request.trim_end().split_once(' ').unwrap_or(("", ""));
        let Some(answer) = answer(quirk, tag, command) else {
            return;
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        stream.flush().await.unwrap();
        if command == "IDLE" && answer.contains("+ ") {
            idle(&mut stream, quirk).await;
            let done = format!("{tag} OK done\r\n");
            let _ = stream.write_all(done.as_bytes()).await;
            let _ = stream.flush().await;
        }
    }
}

/// Until the client says DONE.
async fn idle(stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>, quirk: Quirk) {
    let mut done = String::new();
    loop {
        match quirk {
            Quirk::SaysByeInIdle => {
                let _ = stream.write_all(b"* BYE shutting down\r\n").await;
                let _ = stream.flush().await;
            }
            Quirk::KeepsAliveEveryMoment => {
                let _ = stream.write_all(b"* OK Still here\r\n").await;
                let _ = stream.flush().await;
            }
            _ => {}
        }
        let wait = tokio::time::timeout(Duration::from_millis(50), stream.read_line(&mut done));
        if wait.await.is_ok() {
            return;
        }
    }
}

/// What the server says to a command; nothing closes the connection.
fn answer(quirk: Quirk, tag: &str, command: &str) -> Option<String> {
    let ok = format!("{tag} OK done\r\n");
    let verb = command.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let untagged = match verb.as_str() {
        "CAPABILITY" if quirk == Quirk::NoIdle => "* CAPABILITY IMAP4rev1\r\n".to_owned(),
        "CAPABILITY" => "* CAPABILITY IMAP4rev1 IDLE\r\n".to_owned(),
        "EXAMINE \"INBOX\"" => match quirk {
            Quirk::NoUidvalidity => "* 1 EXISTS\r\n* OK [UIDNEXT 8] x\r\n".to_owned(),
            Quirk::NoUidnext => "* 1 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n".to_owned(),
            _ => "* 1 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 8] x\r\n".to_owned(),
        },
        "UID SEARCH" => match quirk {
            Quirk::SearchIsRefused => return Some(format!("{tag} NO not now\r\n")),
            Quirk::ClosesInSearch => return None,
            _ => "* SEARCH 7\r\n".to_owned(),
        },
        "UID FETCH" => match quirk {
            Quirk::FetchIsRefused => return Some(format!("{tag} NO broken index\r\n")),
            Quirk::FetchIsGibberish => "* 1 FETCH (UID 7 RFC822.SIZE )))\r\n".to_owned(),
            Quirk::PiecesOfNothing if command.contains("BODY") => {
                "* 1 FETCH (UID 7 BODY[]<0> NIL)\r\n".to_owned()
            }
            Quirk::ShortPieces if command.contains("BODY") => short_piece(command),
            _ => "* 1 FETCH (UID 7 RFC822.SIZE 1000)\r\n".to_owned(),
        },
        "IDLE" => {
            return Some(match quirk {
                Quirk::IdleIsRefused => format!("{tag} NO no idling\r\n"),
                Quirk::IdleIsBadWithoutWords => format!("{tag} BAD \r\n"),
                Quirk::IdleIsNotAnswered => String::new(),
                Quirk::SaysExistsBeforeIdleBegins => "* 2 EXISTS\r\n+ idling\r\n".to_owned(),
                _ => "+ idling\r\n".to_owned(),
            });
        }
        _ => String::new(),
    };
    Some(untagged + &ok)
}

/// Never more than 300 octets of a mail of 1000.
fn short_piece(command: &str) -> String {
    let offset = command.split(['<', '.']).find_map(|word| word.parse().ok());
    let offset: usize = offset.unwrap();
    let piece = "x".repeat(300.min(1000 - offset));
    let length = piece.len();
    format!("* 1 FETCH (UID 7 BODY[]<{offset}> {{{length}}}\r\n{piece})\r\n")
}

async fn open(quirk: Quirk) -> Session {
    let settings = server(world(), quirk).await;
    connect(&settings).await.expect("a session")
}

async fn refusal(quirk: Quirk) -> ImapError {
    let settings = server(world(), quirk).await;
    connect(&settings).await.expect_err("no session")
}

#[test]
fn the_stand_in_works_without_a_quirk() {
    run(async {
        let mut session = open(Quirk::None).await;
        assert_eq!(session.uids_from(1).await.unwrap(), [7]);
        assert_eq!(session.uids_from(8).await.unwrap().len(), 0);
        let woken = session.idle(Duration::from_millis(100)).await;
        assert!(matches!(woken, Woken::TimedOut), "{woken:?}");
    });
}

#[test]
fn a_server_that_knows_us_already_is_refused() {
    run(async {
        let error = refusal(Quirk::Preauth).await;
        assert!(error.to_string().contains("PREAUTH"), "{error}");
        let error = refusal(Quirk::GreetsWithBye).await;
        assert!(error.to_string().contains("overloaded"), "{error}");
    });
}

#[test]
fn bad_certificates_are_refused_and_named() {
    run(async {
        let world = world();
        let tls = &world.tls;
        for (cert, key, word) in [
            (&tls.expired_cert, &tls.key, "expired"),
            (&tls.other_host_cert, &tls.key, "its certificate is for"),
            (&tls.untrusted_cert, &tls.untrusted_key, "not trusted"),
        ] {
            let settings = server_with(world, Quirk::None, cert, key).await;
            let error = connect(&settings).await.unwrap_err();
            let is_right = matches!(error, ImapError::CertificateNotTrusted { .. });
            assert!(is_right && error.to_string().contains(word), "{error}");
            assert_eq!(error.trouble(), Trouble::Refused);
        }
    });
}

#[test]
fn a_mailbox_without_a_uidnext_works_and_one_without_uidvalidity_does_not() {
    run(async {
        assert_eq!(open(Quirk::NoUidnext).await.selected().uidnext, 8);
        let error = refusal(Quirk::NoUidvalidity).await;
        assert!(error.to_string().contains("UIDVALIDITY"), "{error}");
    });
}

#[test]
fn where_there_is_no_idle_it_looks_now_and_then() {
    run(async {
        for quirk in [
            Quirk::NoIdle,
            Quirk::IdleIsRefused,
            Quirk::IdleIsBadWithoutWords,
        ] {
            let mut session = open(quirk).await;
            let woken = session.idle(Duration::from_millis(200)).await;
            assert!(matches!(woken, Woken::TimedOut), "{quirk:?}: {woken:?}");
            assert!(!session.has_idle());
            assert_eq!(session.uids_from(1).await.unwrap(), [7]);
        }
    });
}

#[test]
fn an_idle_without_an_answer_ends() {
    run(async {
        let mut session = open(Quirk::IdleIsNotAnswered).await;
        let woken = session.idle(Duration::from_secs(60)).await;
        let is_right = matches!(woken, Woken::Disconnected(ImapError::TimedOut { .. }));
        assert!(is_right, "{woken:?}");
    });
}

#[test]
fn keepalives_do_not_prolong_the_wait() {
    run(async {
        let mut session = open(Quirk::KeepsAliveEveryMoment).await;
        let start = Instant::now();
        let woken = session.idle(Duration::from_millis(500)).await;
        assert!(matches!(woken, Woken::TimedOut), "{woken:?}");
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(500), "{waited:?}");
        assert_eq!(session.uids_from(1).await.unwrap(), [7]);
    });
}

#[test]
fn a_goodbye_is_a_lost_connection_and_news_are_not_lost() {
    run(async {
        let mut session = open(Quirk::SaysByeInIdle).await;
        let woken = session.idle(Duration::from_secs(9)).await;
        assert!(matches!(woken, Woken::Disconnected(_)), "{woken:?}");
        let mut session = open(Quirk::SaysExistsBeforeIdleBegins).await;
        let woken = session.idle(Duration::from_secs(60)).await;
        assert!(matches!(woken, Woken::NewMail), "{woken:?}");
    });
}

#[test]
fn a_failed_search_is_not_an_empty_mailbox() {
    run(async {
        let mut session = open(Quirk::SearchIsRefused).await;
        let error = session.uids_from(1).await.unwrap_err();
        assert!(matches!(error, ImapError::Refused { .. }), "{error}");
        // The connection goes on after a plain no.
        assert_eq!(session.reopen().await.unwrap().uidnext, 8);

        let mut session = open(Quirk::ClosesInSearch).await;
        let error = session.uids_from(1).await.unwrap_err();
        assert!(matches!(error, ImapError::Lost { .. }), "{error}");
    });
}

#[test]
fn a_mail_that_can_not_be_fetched_is_given_up_in_the_end() {
    run(async {
        let settings = server(world(), Quirk::FetchIsGibberish).await;
        let mut tries = FetchTries::new();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut session = connect(&settings).await.unwrap();
            let error = session.fetch(7).await.unwrap_err();
            assert!(matches!(error, ImapError::Unreadable { .. }), "{error}");
            if tries.failed(7, FetchFailure::Unreadable) == AfterFailure::GiveUp {
                break;
            }
        }
        assert_eq!(attempts, 3);

        let mut session = open(Quirk::FetchIsRefused).await;
        let error = session.fetch(7).await.unwrap_err();
        assert!(error.to_string().contains("broken index"), "{error}");
    });
}

#[test]
fn a_mail_that_comes_as_nothing_is_not_an_empty_mail() {
    run(async {
        let mut session = open(Quirk::PiecesOfNothing).await;
        let error = session.fetch(7).await.unwrap_err();
        assert!(matches!(error, ImapError::Unreadable { .. }), "{error}");
    });
}

#[test]
fn a_mail_in_shorter_pieces_than_asked_for_comes_whole() {
    run(async {
        let mut session = open(Quirk::ShortPieces).await;
        let Fetching::Mail(fetched) = session.fetch(7).await.unwrap() else {
            panic!("gone");
        };
        assert_eq!(fetched.raw, [b'x'; 1000]);
    });
}

/// Plays the beginning of STARTTLS word by word.
async fn starttls_with(lines: &'static [&'static str]) -> ImapError {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (tcp, _): (TcpStream, _) = listener.accept().await.unwrap();
        let mut tcp = BufReader::new(tcp);
        for line in lines {
            tcp.write_all(line.as_bytes()).await.unwrap();
            let mut request = String::new();
            let _ = tcp.read_line(&mut request).await;
        }
    });
    let settings = ImapSettings {
        port,
        security: Security::StartTls,
        ..settings(world(), "someone")
    };
    connect(&settings).await.unwrap_err()
}

#[test]
fn nothing_may_be_said_between_starttls_and_tls() {
    run(async {
        let injected = starttls_with(&["* OK hi\r\n", "S1 OK go\r\n* 99 EXISTS\r\n"]).await;
        assert!(injected.to_string().contains("tampers"), "{injected}");
        let preauth = starttls_with(&["* PREAUTH hi\r\n"]).await;
        assert!(preauth.to_string().contains("PREAUTH"), "{preauth}");
        let refused = starttls_with(&["* OK hi\r\n", "S1 NO never\r\n"]).await;
        assert!(matches!(refused, ImapError::NoTls { .. }), "{refused}");
        let closed = starttls_with(&["* OK hi\r\n"]).await;
        assert!(matches!(closed, ImapError::Lost { .. }), "{closed}");
    });
}
