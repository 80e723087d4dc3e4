//! The login on IRC, by a stand-in that knows accounts (ngIRCd has none): what it
//! answers follows from what it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use buildbot_watch::domain::backoff::Trouble;
use buildbot_watch::domain::secret::Secret;
use buildbot_watch::irc::{IrcError, IrcSettings, Said, Session, Timeouts};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::world::{run, world};

/// What kind of server it is.
#[derive(Clone)]
struct Nature {
    accounts: BTreeMap<String, String>,
    /// The lines in which it lists what it can do.
    offers: &'static [&'static str],
    /// It ends every connection with these words.
    ends: Option<&'static str>,
}

struct StandIn {
    port: u16,
    said: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    async fn start(nature: Nature) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared = said.clone();
        let acceptor = acceptor();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (nature, said) = (nature.clone(), shared.clone());
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        let visit = Visit {
                            stream: BufReader::new(tls),
                            nature,
                            nick: None,
                            login: String::new(),
                            is_in: false,
                            negotiates: false,
                            account: None,
                        };
                        visit.serve(&said).await;
                    }
                });
            }
        });
        Self { port, said }
    }

    fn settings(&self, user: &str, password: &str) -> IrcSettings {
        IrcSettings {
            host: world().host.clone(),
            port: self.port,
            tls: world().tls_config(),
            nick: "watch".to_owned(),
            account: Some((user.to_owned(), Secret::new(password.to_owned()))),
            channel: "#watch".to_owned(),
            key: None,
            timeouts: Timeouts {
                enter: Duration::from_secs(20),
                ..Timeouts::USUAL
            },
        }
    }
}

fn acceptor() -> TlsAcceptor {
    let tls = &world().tls;
    let chain = CertificateDer::pem_file_iter(&tls.cert)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(&tls.key).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// One connection.
struct Visit {
    stream: BufReader<TlsStream<TcpStream>>,
    nature: Nature,
    nick: Option<String>,
    /// The pieces of the login so far.
    login: String,
    is_in: bool,
    /// Nobody is let in before they said that they have asked for all they want.
    negotiates: bool,
    account: Option<String>,
}

impl Visit {
    async fn serve(mut self, said: &Mutex<Vec<String>>) {
        if let Some(words) = self.nature.ends {
            self.tell(&format!("ERROR :{words}")).await;
            return;
        }
        let mut line = String::new();
        while let Ok(1..) = self.stream.read_line(&mut line).await {
            let words: Vec<String> = line.trim_end().split(' ').map(str::to_owned).collect();
            let part = |index: usize| words.get(index).map_or("", String::as_str).to_owned();
            match part(0).as_str() {
                "CAP" => self.capability(&part(1), &part(2)).await,
                "NICK" => self.nick = Some(part(1)),
                "USER" => {}
                "AUTHENTICATE" => self.authenticate(&part(1)).await,
                "PING" => {
                    let token = part(1);
                    self.tell(&format!(":stand.in PONG stand.in {token}")).await;
                }
                "JOIN" if self.account.is_none() => {
                    self.tell(":stand.in 477 watch #watch :You need to be identified")
                        .await;
                }
                "JOIN" => self.tell(":watch!u@h JOIN #watch").await,
                "PRIVMSG" => said.lock().unwrap().push(line.trim_end().to_owned()),
                _ => {}
            }
            self.welcome().await;
            line.clear();
        }
    }

    async fn tell(&mut self, line: &str) {
        let _ = self
            .stream
            .write_all(format!("{line}\r\n").as_bytes())
            .await;
        let _ = self.stream.flush().await;
    }

    async fn welcome(&mut self) {
        if let (Some(nick), false, false) = (self.nick.clone(), self.negotiates, self.is_in) {
            self.is_in = true;
            self.tell(&format!(":stand.in 001 {nick} :Welcome")).await;
        }
    }

    async fn capability(&mut self, what: &str, which: &str) {
        match what {
            "LS" => {
                self.negotiates = true;
                let lines = self.nature.offers;
                for (index, offer) in lines.iter().enumerate() {
                    let more = if index + 1 < lines.len() { "* " } else { "" };
                    self.tell(&format!(":stand.in CAP * LS {more}:{offer}"))
                        .await;
                }
            }
            "REQ" => {
                let which = which.trim_start_matches(':');
                let word = if which == "sasl" { "ACK" } else { "NAK" };
                self.tell(&format!(":stand.in CAP * {word} :{which}")).await;
            }
            "END" => self.negotiates = false,
            _ => {}
        }
    }

    async fn authenticate(&mut self, piece: &str) {
        if piece == "PLAIN" {
            return self.tell("AUTHENTICATE +").await;
        }
        if piece.len() > 400 {
            return self.tell(":stand.in 905 * :SASL message too long").await;
        }
        self.login.push_str(piece.trim_matches('+'));
        if piece.len() == 400 {
            return;
        }
        // What a mail parser makes of base64 is what the RFC says.
        let mail = format!(
            "Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            self.login
        );
        let mail = mail_parser::MessageParser::new()
            .parse(mail.as_bytes())
            .unwrap();
        let text = String::from_utf8(mail.body_text(0).unwrap().into_owned().into_bytes()).unwrap();
        let parts: Vec<&str> = text.trim_end_matches(['\r', '\n']).split('\0').collect();
        let known = parts
            .get(1)
            .and_then(|user| self.nature.accounts.get(*user));
        if parts.len() == 3 && known.is_some_and(|password| password == parts[2]) {
            self.account = Some(parts[1].to_owned());
            self.tell(":stand.in 900 * watch!u@h watch :You are now logged in")
                .await;
            self.tell(":stand.in 903 * :SASL authentication successful")
                .await;
        } else {
            self.tell(":stand.in 904 * :SASL authentication failed")
                .await;
        }
    }
}

const OFFERS: &[&str] = &["multi-prefix away-notify", "sasl=EXTERNAL,PLAIN chghost"];

fn nature(offers: &'static [&'static str], password: &str) -> Nature {
    Nature {
        accounts: BTreeMap::from([("watcher".to_owned(), password.to_owned())]),
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
            account: None,
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
