//! The service on IRC: a real ngIRCd, and somebody in the channel who listens.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use buildbot_watch::domain::secret::Secret;
use buildbot_watch::irc::{IrcError, IrcSettings, Login, Said, Session, Timeouts};
use buildbot_watch::tls::client_config_as;

use super::irc_stand_in::{new_certificate, settings};
use super::{BUILDER, ENVIRONMENT, a_while, desk, failure, kill, start};
use crate::daemon::support::{stops_by, unreachable_port};
use crate::mailflow::desk::STRING;
use crate::service::PATIENCE;
use crate::world::{run, world};

const CHANNEL: &str = "#watch";

/// A server with TLS and, for those who listen, a port without.
pub(super) struct Ircd {
    folder: tempfile::TempDir,
    tls: u16,
    plain: u16,
    child: Child,
}

impl Ircd {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (tls, plain) = (unreachable_port(), unreachable_port());
        let certificates = &world().tls;
        let text = format!(
            "[Global]\nName = irc.example.test\nInfo = a test\nListen = 127.0.0.1\n\
             Ports = {plain}\nMotdPhrase = \"be kind\"\n\
             [Limits]\nMaxNickLength = 20\nMaxConnectionsIP = 0\nPingTimeout = 120\n\
             [Options]\nDNS = no\nIdent = no\nPAM = no\n\
             [SSL]\nPorts = {tls}\nCertFile = {}\nKeyFile = {}\n",
            certificates.cert.display(),
            certificates.key.display(),
        );
        let config = folder.path().join("ngircd.conf");
        std::fs::write(&config, text).unwrap();
        let child = Self::spawn(&config);
        let server = Self {
            folder,
            tls,
            plain,
            child,
        };
        server.wait();
        server
    }

    fn spawn(config: &PathBuf) -> Child {
        // It refuses to be the super-user for long, and has to read its file as another.
        let _ = Command::new("chmod")
            .args(["-R", "a+rX"])
            .arg(config.parent().unwrap())
            .status();
        Command::new("/usr/sbin/ngircd")
            .args(["-n", "-f"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ngircd is installed")
    }

    fn wait(&self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.tls)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "ngircd does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn start_again(&mut self) {
        self.stop();
        self.child = Self::spawn(&self.folder.path().join("ngircd.conf"));
        self.wait();
    }

    fn settings(&self) -> IrcSettings {
        let usual = settings(self.tls, None);
        IrcSettings {
            timeouts: Timeouts {
                between_lines: Duration::from_millis(200),
                ..usual.timeouts
            },
            ..usual
        }
    }

    pub(super) fn section(&self) -> String {
        format!(
            "[irc]\nserver = \"{}\"\nport = {}\nchannel = \"{CHANNEL}\"\nnick = \"watch\"\n\
             ca_file = \"{}\"\n",
            world().host,
            self.tls,
            world().tls.ca.display()
        )
    }
}

impl Drop for Ircd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Somebody in the channel.
pub(super) struct Person {
    lines: BufReader<TcpStream>,
}

impl Person {
    pub(super) fn on(server: &Ircd, nick: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.plain)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        let mut person = Self {
            lines: BufReader::new(stream),
        };
        person.say(&format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}"));
        person.waits_for(" 376 ");
        person.say(&format!("JOIN {CHANNEL}"));
        person.waits_for(" 366 ");
        person
    }

    fn say(&mut self, line: &str) {
        write!(self.lines.get_mut(), "{line}\r\n").unwrap();
    }

    /// The next line, if there is one by then.
    fn next(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.lines.read_until(b'\n', &mut line) {
            Ok(0) => panic!("the server is gone"),
            Ok(_) => {}
            Err(_) if line.is_empty() => return None,
            Err(error) => panic!("{error}"),
        }
        let line = String::from_utf8(line)
            .expect("UTF-8")
            .trim_end()
            .to_owned();
        if let Some(token) = line.strip_prefix("PING ") {
            self.say(&format!("PONG {token}"));
        }
        Some(line)
    }

    fn waits_for(&mut self, words: &str) -> String {
        let begun = Instant::now();
        loop {
            if let Some(line) = self.next().filter(|line| line.contains(words)) {
                return line;
            }
            assert!(begun.elapsed() < PATIENCE, "never {words:?}");
        }
    }

    /// The same while others go on.
    pub(super) async fn hears(&mut self, words: &str) -> String {
        tokio::task::yield_now().await;
        self.waits_for(words)
    }

    /// What is said within a while.
    pub(super) fn hears_for(&mut self, span: Duration) -> Vec<String> {
        let begun = Instant::now();
        let mut said = Vec::new();
        while begun.elapsed() < span {
            said.extend(self.next().filter(|line| line.contains(" PRIVMSG ")));
        }
        said
    }
}

#[test]
fn the_service_speaks_in_the_channel_once_and_obeys_nobody() {
    run(async {
        let mut server = Ircd::start();
        let mut ada = Person::on(&server, "ada");
        let sections = format!("[alerts]\nbundle = \"1s\"\n{}", server.section());
        let (desk, setup) = desk(&sections);
        let mut service = start(&setup).await;
        ada.hears(":watch!").await;
        let hostile = "AMD64 \u{3}04,01red\u{1} @everyone 3.x";
        desk.put(failure(STRING, hostile, "one"));
        let said = ada.hears(" PRIVMSG ").await;
        assert!(
            said.contains(&format!(" PRIVMSG {CHANNEL} :Draft 1 waits: ")),
            "{said}"
        );
        assert!(said.contains("test_capwords"), "{said}");
        assert!(!said.chars().any(char::is_control), "{said:?}");

        for order in [
            "approve 1",
            "watch: approve 1",
            "!approve 1",
            "\u{1}VERSION\u{1}",
        ] {
            ada.say(&format!("PRIVMSG {CHANNEL} :{order}"));
            ada.say(&format!("PRIVMSG watch :{order}"));
        }
        assert_eq!(ada.hears_for(Duration::from_secs(5)), Vec::<String>::new());
        assert_eq!(desk.row(1)["stage"], "drafted");

        kill(service).await;
        service = start(&setup).await;
        ada.hears(" JOIN ").await;
        assert_eq!(ada.hears_for(Duration::from_secs(6)), Vec::<String>::new());

        // The server goes away and comes back.
        server.stop();
        service.says("people cannot be told here").await;
        let troubles = desk.json(&["status"])["troubles"].clone();
        assert_eq!(troubles[0]["service"], "irc", "{troubles}");
        assert!(
            desk.done(&["status"])
                .contains("Nothing can be said on IRC")
        );
        desk.put(failure(ENVIRONMENT, BUILDER, "two"));
        server.start_again();
        let mut ada = Person::on(&server, "ada");
        let said = ada.hears(" PRIVMSG ").await;
        assert!(said.contains(":Draft 2 waits: "), "{said}");
        service.says("people can be told here again").await;
        a_while().await;
        assert_eq!(ada.hears_for(Duration::from_secs(1)), Vec::<String>::new());
        let log = stops_by(service, "TERM").await;
        assert_eq!(
            log.matches("people cannot be told here").count(),
            1,
            "{log}"
        );
    });
}

async fn refused(settings: &IrcSettings) -> IrcError {
    match Session::open(settings).await {
        Ok(_) => panic!("it was let in"),
        Err(error) => error,
    }
}

#[test]
fn a_channel_that_lets_nobody_in_says_why() {
    run(async {
        let server = Ircd::start();
        let mut ada = Person::on(&server, "ada");
        let settings = server.settings();
        let modes = [
            ("+i", "-i", "invited"),
            ("+k sesame", "-k sesame", "its key is missing or wrong"),
            ("+l 1", "-l", "it is full"),
            ("+b watch*!*@*", "-b watch*!*@*", "we are banned"),
            ("+R", "-R", "logged in"),
        ];
        for (on, off, words) in modes {
            ada.say(&format!("MODE {CHANNEL} {on}"));
            ada.waits_for(" MODE ");
            let error = refused(&settings).await;
            let said = error.to_string();
            assert!(
                said.contains(words) && said.contains(CHANNEL),
                "{on}: {said}"
            );
            assert!(!error.remedy.is_empty());
            if on.starts_with("+k") {
                let key = Some(Secret::new("sesame".to_owned()));
                let with_key = IrcSettings {
                    key,
                    ..settings.clone()
                };
                Session::open(&with_key).await.unwrap().quit().await;
            }
            ada.say(&format!("MODE {CHANNEL} {off}"));
            ada.waits_for(" MODE ");
        }
        let mut session = Session::open(&settings).await.unwrap();
        ada.say(&format!("MODE {CHANNEL} +m"));
        ada.waits_for("+m");
        let said = session.say(&["hello".to_owned()]).await;
        assert!(
            matches!(&said, Said::Refused(error) if error.what.contains("nothing can be said")),
            "{said:?}"
        );
        // The name may have an underscore: an earlier connection may still have it.
        ada.say(&format!("KICK {CHANNEL} {} :away", session.nick()));
        let gone = session.stay(Duration::from_secs(10)).await.unwrap_err();
        assert!(gone.to_string().contains("thrown out"), "{gone}");
    });
}

#[test]
fn a_name_that_is_taken_is_changed_and_long_lines_are_cut() {
    run(async {
        let server = Ircd::start();
        let settings = server.settings();
        let mut ada = Person::on(&server, "ada");
        let first = Session::open(&settings).await.unwrap();
        let mut second = Session::open(&settings).await.unwrap();
        assert_eq!((first.nick(), second.nick()), ("watch", "watch_"));
        let lines: Vec<String> = (0..6).map(|n| format!("{n} {}", "é".repeat(400))).collect();
        assert_eq!(second.say(&lines).await, Said::Taken);
        for n in 0..6 {
            let said = ada.waits_for(" PRIVMSG ");
            assert!(said.contains(&format!(":{n} éé")), "{said}");
            assert!(said.ends_with("é..."), "the server cut it: {said}");
        }
        second.quit().await;
        ada.waits_for(" QUIT ");
        drop(first);
    });
}

#[test]
fn only_a_server_with_a_trusted_certificate_is_spoken_to() {
    run(async {
        let server = Ircd::start();
        let distrusting = IrcSettings {
            tls: world().distrusting_tls_config(),
            ..server.settings()
        };
        let error = refused(&distrusting).await;
        assert!(error.to_string().contains("certificate"), "{error}");
        let clear = IrcSettings {
            port: server.plain,
            ..server.settings()
        };
        refused(&clear).await;
        let nobody = IrcSettings {
            port: unreachable_port(),
            ..server.settings()
        };
        refused(&nobody).await;
        // This server has no accounts.
        let by_password = IrcSettings {
            login: Some(Login::Password {
                user: "watch".to_owned(),
                password: Secret::new("secret".to_owned()),
            }),
            ..server.settings()
        };
        let error = refused(&by_password).await;
        assert!(error.to_string().contains("SASL PLAIN"), "{error}");
        let pem = new_certificate("watch");
        let by_certificate = IrcSettings {
            tls: client_config_as(Some(&world().tls.ca), &pem).unwrap(),
            login: Some(Login::Certificate { user: None }),
            ..server.settings()
        };
        let error = refused(&by_certificate).await;
        assert!(error.to_string().contains("SASL EXTERNAL"), "{error}");
        // It may ask for the certificate all the same.
        let without = IrcSettings {
            login: None,
            ..by_certificate
        };
        Session::open(&without).await.unwrap().quit().await;
    });
}

#[test]
fn a_check_goes_in_and_out_and_speaks_only_when_told_to() {
    let server = Ircd::start();
    let mut ada = Person::on(&server, "ada");
    let (desk, _setup) = desk(&server.section());
    let told = desk.done(&["check"]);
    for words in ["go in as watch", "join #watch: we are let in"] {
        assert!(told.contains(words), "{told}");
    }
    ada.waits_for(" QUIT ");
    assert_eq!(ada.hears_for(Duration::from_secs(1)), Vec::<String>::new());
    let told = desk.done(&["check", "--send-test"]);
    assert!(
        told.contains("say a test in #watch: it was taken"),
        "{told}"
    );
    ada.waits_for(":A test: ");

    ada.say(&format!("MODE {CHANNEL} +i"));
    ada.waits_for("+i");
    let refused = desk.run(&["check"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.out);
    assert!(refused.out.contains("invited"), "{}", refused.out);
}
