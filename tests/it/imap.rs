//! The mailbox against a real Dovecot, also over a bad line.

use std::time::Duration;

use buildbot_watch::domain::backoff::Trouble;
use buildbot_watch::domain::finding::Level;
use buildbot_watch::domain::mailbox::{Anomaly, Cursor, Plan, plan};
use buildbot_watch::domain::secret::Secret;
use buildbot_watch::imap::{
    Fetched, Fetching, ImapError, ImapSettings, Login, Security, Session, Timeouts, Woken, check,
    connect,
};
use futures_util::TryStreamExt;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::proxy::{Mode, Proxy};
use crate::world::{World, mail, run, world};

/// How long a server that answers may take: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a user reaches the INBOX.
pub fn settings(world: &World, user: &str) -> ImapSettings {
    ImapSettings {
        host: world.host.clone(),
        port: world.mail.imaps_port,
        security: Security::Implicit,
        user: user.to_owned(),
        login: Login::Password(Secret::new(world.mail.password.clone())),
        folder: "INBOX".to_owned(),
        max_size: 32 * 1024 * 1024,
        head_size: 4 * 1024 * 1024,
        tls: world.tls_config(),
        timeouts: Timeouts {
            connect: PATIENCE,
            command: PATIENCE,
            poll: Duration::from_secs(1),
        },
    }
}

async fn open(settings: &ImapSettings) -> Session {
    connect(settings).await.expect("a session")
}

async fn refusal(settings: ImapSettings) -> ImapError {
    connect(&settings).await.expect_err("no session")
}

/// A new user with these mails in the INBOX.
async fn user_with(world: &World, mails: &[Vec<u8>]) -> String {
    let user = world.fresh_user("imap");
    for (index, mail) in mails.iter().enumerate() {
        world.post("buildbot@example.test", &world.address(&user), mail);
        // One after the other, so that the UIDs have the same order.
        world.inbox_of(&user, index + 1).await;
    }
    user
}

async fn fetch(session: &mut Session, uid: u32) -> Fetched {
    match session.fetch(uid).await.expect("a fetch") {
        Fetching::Mail(fetched) => fetched,
        Fetching::Gone => panic!("mail {uid} is gone"),
    }
}

/// A session that may do what ours never does.
pub async fn meddler(settings: &ImapSettings) -> async_imap::Session<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect((settings.host.as_str(), settings.port)).await;
    let name = rustls::pki_types::ServerName::try_from(settings.host.clone()).unwrap();
    let tls = tokio_rustls::TlsConnector::from(settings.tls.clone());
    let stream = tls.connect(name, tcp.unwrap()).await.unwrap();
    let mut client = async_imap::Client::new(stream);
    client.read_response().await.unwrap();
    let login = client.login(&settings.user, &world().mail.password).await;
    login.map_err(|(error, _)| error).unwrap()
}

#[test]
fn mails_are_fetched_as_they_lie_there_and_stay_unseen() {
    run(async {
        let world = world();
        let mails = [
            mail("one", "1@example.test", "", "first"),
            mail("two", "2@example.test", "", ".\r\n..dots\r\n"),
        ];
        let user = user_with(world, &mails).await;
        let settings = settings(world, &user);
        let mut session = open(&settings).await;
        let selected = session.selected();
        assert_eq!((selected.exists, selected.uidnext), (2, 3));
        let cursor = match plan(None, &selected) {
            Plan::FirstStart { cursor } => cursor,
            other => panic!("{other:?}"),
        };
        assert_eq!(session.uids_from(cursor.uidnext).await.unwrap().len(), 0);
        assert_eq!(session.uids_from(1).await.unwrap(), [1, 2]);

        for (uid, file) in [1, 2].into_iter().zip(world.inbox(&user)) {
            let fetched = fetch(&mut session, uid).await;
            assert_eq!(as_text(&fetched.raw), as_text(&with_crlf(&file)));
            assert_eq!(fetched.size, fetched.raw.len() as u64);
            assert!(!fetched.truncated);
            let age = seconds_ago(fetched.received_at.expect("a date"));
            assert!((-5..120).contains(&age), "{age} seconds old");
        }
        session.log_out().await;

        let mut other = meddler(&settings).await;
        other.examine("INBOX").await.unwrap();
        let unseen = other.uid_search("UNSEEN").await.unwrap();
        assert_eq!(unseen.len(), 2, "a mail was marked as seen");
    });
}

/// Dovecot keeps LF on disk where it is told to, and gives out CRLF.
fn with_crlf(file: &[u8]) -> Vec<u8> {
    let text = as_text(file).replace("\r\n", "\n").replace('\n', "\r\n");
    text.into_bytes()
}

fn as_text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn seconds_ago(moment: i64) -> i64 {
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() - moment
}

#[test]
fn starttls_works_and_nothing_else_on_that_port() {
    run(async {
        let world = world();
        let user = user_with(world, &[mail("x", "x@example.test", "", "x")]).await;
        let starttls = ImapSettings {
            port: world.mail.imap_starttls_port,
            security: Security::StartTls,
            ..settings(world, &user)
        };
        let mut session = open(&starttls).await;
        assert_eq!(session.uids_from(1).await.unwrap(), [1]);

        let implicit = ImapSettings {
            security: Security::Implicit,
            ..starttls
        };
        let error = refusal(implicit).await;
        assert!(matches!(error, ImapError::NoTls { .. }), "{error}");
    });
}

#[test]
fn tokens_work_until_they_expire() {
    run(async {
        let world = world();
        let oauth = &world.mail.oauth;
        let with_token = |token: &str| ImapSettings {
            login: Login::OAuth2(Secret::new(token.to_owned())),
            ..settings(world, &oauth.user)
        };
        assert!(open(&with_token(&oauth.valid_token)).await.has_idle());
        let error = connect(&with_token(&oauth.expired_token))
            .await
            .unwrap_err();
        assert!(matches!(error, ImapError::LoginRefused { .. }), "{error}");
        assert!(!error.to_string().contains(&oauth.expired_token));
    });
}

#[test]
fn what_the_operator_got_wrong_is_told_apart() {
    run(async {
        let world = world();
        let user = user_with(world, &[]).await;
        let good = settings(world, &user);

        let error = refusal(ImapSettings {
            login: Login::Password(Secret::new("wrong".to_owned())),
            ..good.clone()
        })
        .await;
        assert!(matches!(error, ImapError::LoginRefused { .. }), "{error}");
        assert_eq!(error.trouble(), Trouble::Refused);
        assert!(error.to_string().contains(&user), "{error}");

        let error = refusal(ImapSettings {
            tls: world.distrusting_tls_config(),
            ..good.clone()
        })
        .await;
        let is_right = matches!(error, ImapError::CertificateNotTrusted { .. });
        assert!(is_right, "{error}");
        assert!(error.to_string().contains("vouches for it"), "{error}");

        let error = refusal(ImapSettings {
            folder: "Buildbot".to_owned(),
            ..good.clone()
        })
        .await;
        let ImapError::FolderMissing { existing, .. } = &error else {
            panic!("{error}");
        };
        assert!(existing.contains(&"INBOX".to_owned()), "{existing:?}");

        let error = refusal(ImapSettings {
            host: "no-such-host.invalid".to_owned(),
            ..good.clone()
        })
        .await;
        assert!(matches!(error, ImapError::HostUnknown { .. }), "{error}");

        let closed = Proxy::to(1).await.port;
        let error = refusal(ImapSettings {
            port: closed,
            ..good
        })
        .await;
        assert!(matches!(error, ImapError::Unreachable { .. }), "{error}");
        assert_eq!(error.trouble(), Trouble::Away);
    });
}

#[test]
fn the_check_says_how_far_it_gets() {
    run(async {
        let world = world();
        let user = user_with(world, &[mail("x", "x@example.test", "", "x")]).await;
        let good = settings(world, &user);
        let steps = check(&good, None).await;
        assert!(
            steps.iter().all(|step| step.level == Level::Fine),
            "{steps:#?}"
        );
        let last = &steps.last().unwrap().what;
        assert!(
            last.ends_with("it says at once when mail comes (IDLE)"),
            "{last}"
        );
        assert!(steps[3].what.ends_with(": 1 mails"), "{steps:#?}");

        let missing = ImapSettings {
            folder: "Nowhere".to_owned(),
            ..good
        };
        let steps = check(&missing, None).await;
        let last = steps.last().unwrap();
        assert!(last.what.contains("there are: "), "{last:?}");
        assert_eq!(
            last.remedy.as_deref(),
            Some("Name one of the folders that exist.")
        );
        assert_eq!(steps.len(), 4);
    });
}

#[test]
fn idle_wakes_when_mail_comes() {
    run(async {
        let world = world();
        let user = user_with(world, &[mail("old", "0@example.test", "", "x")]).await;
        let mut session = open(&settings(world, &user)).await;
        let from = session.selected().uidnext;
        let address = world.address(&user);
        let delivery = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            let mail = mail("new", "1@example.test", "", "x");
            crate::world::world().post("buildbot@example.test", &address, &mail);
        });
        let woken = session.idle(Duration::from_secs(60)).await;
        assert!(matches!(woken, Woken::NewMail), "{woken:?}");
        delivery.join().unwrap();
        assert_eq!(session.uids_from(from).await.unwrap(), [from]);

        let woken = session.idle(Duration::from_millis(300)).await;
        assert!(matches!(woken, Woken::TimedOut), "{woken:?}");
        assert_eq!(fetch(&mut session, from).await.uid, from);
    });
}

#[test]
fn mail_that_is_announced_before_idle_begins_wakes_it() {
    run(async {
        let world = world();
        let user = user_with(world, &[mail("one", "one@example.test", "", "x")]).await;
        let mut session = open(&settings(world, &user)).await;
        assert_eq!(session.uids_from(1).await.unwrap().len(), 1);
        let second = mail("two", "two@example.test", "", "x");
        world.post("sender@example.test", &world.address(&user), &second);
        world.inbox_of(&user, 2).await;
        // The server tells with the answer to this, and never again.
        fetch(&mut session, 1).await;
        let woken = session.idle(PATIENCE).await;
        assert!(matches!(woken, Woken::NewMail), "{woken:?}");
        assert_eq!(session.uids_from(2).await.unwrap().len(), 1);
        // It is told once.
        let woken = session.idle(Duration::from_secs(1)).await;
        assert!(matches!(woken, Woken::TimedOut), "{woken:?}");
    });
}

#[test]
fn a_broken_line_is_noticed_in_idle() {
    run(async {
        let world = world();
        let user = user_with(world, &[]).await;
        let proxy = Proxy::to(world.mail.imaps_port).await;
        let mut through = settings(world, &user);
        through.port = proxy.port;
        through.timeouts.command = Duration::from_secs(2);

        let mut session = open(&through).await;
        let (woken, ()) = tokio::join!(session.idle(Duration::from_secs(60)), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            proxy.set(Mode::Reset);
        });
        assert!(is_away(&woken), "{woken:?}");
        let error = session.uids_from(1).await.unwrap_err();
        assert!(matches!(error, ImapError::Lost { .. }), "{error}");

        proxy.set(Mode::Pass);
        let mut session = open(&through).await;
        proxy.set(Mode::BlackHole);
        let woken = session.idle(Duration::from_secs(1)).await;
        assert!(is_away(&woken), "{woken:?}");
    });
}

fn is_away(woken: &Woken) -> bool {
    matches!(woken, Woken::Disconnected(error) if error.trouble() == Trouble::Away)
}

#[test]
fn a_slow_and_splitting_line_changes_nothing() {
    run(async {
        let world = world();
        let body = "x".repeat(60) + "\r\n";
        let mails = [mail("x", "x@example.test", "", &body.repeat(500))];
        let user = user_with(world, &mails).await;
        let proxy = Proxy::to(world.mail.imaps_port).await;
        let through = ImapSettings {
            port: proxy.port,
            ..settings(world, &user)
        };
        let direct = fetch(&mut open(&settings(world, &user)).await, 1).await;
        for mode in [Mode::Split, Mode::Delay(Duration::from_millis(30))] {
            proxy.set(mode);
            let mut session = open(&through).await;
            assert_eq!(fetch(&mut session, 1).await, direct);
        }
    });
}

#[test]
fn a_line_that_dies_in_a_fetch_is_an_error_and_not_half_a_mail() {
    run(async {
        let world = world();
        let body = "0123456789abcdef\r\n".repeat(100_000);
        let user = user_with(world, &[mail("x", "x@example.test", "", &body)]).await;
        let proxy = Proxy::to(world.mail.imaps_port).await;
        let through = ImapSettings {
            port: proxy.port,
            ..settings(world, &user)
        };
        let mut session = open(&through).await;
        let before = proxy.to_client();
        let (fetched, ()) = tokio::join!(session.fetch(1), async {
            while proxy.to_client() < before + 500_000 {
                tokio::task::yield_now().await;
            }
            proxy.set(Mode::Reset);
        });
        let error = fetched.unwrap_err();
        assert_eq!(error.trouble(), Trouble::Away, "{error}");
    });
}

#[test]
fn of_a_large_mail_the_head_is_fetched() {
    run(async {
        let world = world();
        let body = "0123456789abcdef\r\n".repeat(200_000);
        let user = user_with(world, &[mail("x", "x@example.test", "", &body)]).await;
        let whole = fetch(&mut open(&settings(world, &user)).await, 1).await;
        assert!(whole.size > 3_600_000 && !whole.truncated);
        assert_eq!(
            as_text(&whole.raw),
            as_text(&with_crlf(&world.inbox(&user)[0]))
        );

        let tight = ImapSettings {
            max_size: 3_000_000,
            head_size: 1_500_000,
            ..settings(world, &user)
        };
        let head = fetch(&mut open(&tight).await, 1).await;
        assert!(head.truncated);
        assert_eq!(head.size, whole.size);
        assert_eq!(head.raw, whole.raw[..1_500_000]);
    });
}

#[test]
fn a_deleted_mail_is_gone() {
    run(async {
        let world = world();
        let mails = [
            mail("1", "1@example.test", "", "x"),
            mail("2", "2@example.test", "", "x"),
        ];
        let user = user_with(world, &mails).await;
        let settings = settings(world, &user);
        let mut session = open(&settings).await;
        let mut other = meddler(&settings).await;
        other.select("INBOX").await.unwrap();
        let stored = other.uid_store("1", "+FLAGS (\\Deleted)").await.unwrap();
        stored.try_collect::<Vec<_>>().await.unwrap();
        other
            .expunge()
            .await
            .unwrap()
            .try_collect::<Vec<_>>()
            .await
            .unwrap();

        assert_eq!(session.uids_from(1).await.unwrap(), [2]);
        assert_eq!(session.fetch(1).await.unwrap(), Fetching::Gone);
        assert_eq!(fetch(&mut session, 2).await.uid, 2);
        assert_eq!(session.uids_from(3).await.unwrap().len(), 0);
    });
}

#[test]
fn a_recreated_mailbox_is_noticed() {
    run(async {
        let world = world();
        let user = user_with(world, &[]).await;
        let folder = "Bäume & Blüten";
        let encoded = "B&AOQ-ume &- Bl&APw-ten";
        let settings = ImapSettings {
            folder: folder.to_owned(),
            ..settings(world, &user)
        };
        let mut other = meddler(&settings).await;
        other.create(encoded).await.unwrap();
        let text = mail("1", "1@example.test", "", "x");
        other.append(encoded, None, None, &text).await.unwrap();
        let mut session = open(&settings).await;
        let first = session.selected();
        let stored = Cursor {
            uidvalidity: first.uidvalidity,
            uidnext: first.uidnext,
        };
        assert_eq!(session.uids_from(1).await.unwrap(), [1]);
        session.log_out().await;

        // Dovecot's UIDVALIDITY is the second of creation.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        other.delete(encoded).await.unwrap();
        other.create(encoded).await.unwrap();
        other.append(encoded, None, None, &text).await.unwrap();

        let mut session = open(&settings).await;
        let plan = plan(Some(&stored), &session.selected());
        let Plan::Rescan { anomaly, cursor } = plan else {
            panic!("{plan:?}");
        };
        let is_other = matches!(anomaly, Anomaly::OtherGeneration { .. });
        assert!(is_other && cursor.uidnext == 1, "{anomaly}");
        assert_eq!(session.uids_from(cursor.uidnext).await.unwrap(), [1]);
        assert_eq!(session.reopen().await.unwrap(), session.selected());
    });
}
