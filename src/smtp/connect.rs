//! From a host name to a dialogue that may begin.

use std::io;

use lettre::transport::smtp::authentication::{self, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Auth;
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::domain::delivery::Outcome;
use crate::smtp::answers::{self, Silence, Step, later_at, one_line};
use crate::smtp::transport::Transport;
use crate::smtp::{Credentials, Login, Security, SmtpSettings};
use crate::tls;

/// The TCP connection, and TLS on it.
pub(super) async fn open_transport(settings: &SmtpSettings) -> Result<Transport, Outcome> {
    let tcp = dial(settings).await?;
    secure(tcp, settings).await
}

/// The TCP connection alone, for `check`.
pub(super) async fn dial(settings: &SmtpSettings) -> Result<TcpStream, Outcome> {
    let target = (settings.host.as_str(), settings.port);
    let tcp = timeout(settings.timeouts.connect, TcpStream::connect(target)).await;
    let tcp = tcp.map_err(|_| answers::timed_out(Step::Connect, Silence::NothingSent))?;
    tcp.map_err(|error| {
        let server = server(settings);
        let (why, remedy) = explained(&error, "Check host, port and firewall.");
        let words = format!("no connection to {server}: {why}. {remedy}");
        later_at(Step::Connect, &words)
    })
}

/// TLS, for a connection from [`dial`].
pub(super) async fn secure(
    mut tcp: TcpStream,
    settings: &SmtpSettings,
) -> Result<Transport, Outcome> {
    let securing = async {
        match settings.security {
            Security::Implicit => Ok(Transport::implicit_tls(handshake(tcp, settings).await?)),
            Security::StartTls => {
                ask_for_tls(&mut tcp, settings).await?;
                Ok(Transport::after_starttls(handshake(tcp, settings).await?))
            }
            Security::LoopbackWithoutTls if is_loopback(&tcp) => Ok(Transport::plain(tcp)),
            Security::LoopbackWithoutTls => Err(later_at(
                Step::Tls,
                "without TLS mail is handed only to this machine itself",
            )),
        }
    };
    let secured = timeout(settings.timeouts.connect, securing).await;
    secured.map_err(|_| answers::timed_out(Step::Tls, Silence::NothingSent))?
}

fn is_loopback(tcp: &TcpStream) -> bool {
    tcp.peer_addr().is_ok_and(|peer| peer.ip().is_loopback())
}

async fn handshake(
    tcp: TcpStream,
    settings: &SmtpSettings,
) -> Result<TlsStream<TcpStream>, Outcome> {
    let name = ServerName::try_from(settings.host.clone())
        .map_err(|_| later_at(Step::Tls, "the host is neither a name nor an address"))?;
    let connecting = TlsConnector::from(settings.tls.clone()).connect(name, tcp);
    connecting.await.map_err(|error| {
        let server = server(settings);
        let (why, remedy) = explained(&error, "The connection broke.");
        later_at(Step::Tls, &format!("{server}: {why}. {remedy}"))
    })
}

/// The cause and its remedy in words for a person, where it is a known one.
fn explained(error: &io::Error, otherwise: &'static str) -> (String, &'static str) {
    match tls::why(error) {
        Some(why) => (why.what, why.remedy),
        None => (error.to_string(), otherwise),
    }
}

/// STARTTLS up to where the handshake begins. lettre's own would keep what was
/// received in plain text and take it for an answer that came through TLS.
async fn ask_for_tls(tcp: &mut TcpStream, settings: &SmtpSettings) -> Result<(), Outcome> {
    let hello = format!("EHLO {}\r\n", hello_name(settings));
    let mut plain = Plain {
        tcp,
        received: Vec::new(),
    };
    plain.expect("220", "the greeting").await?;
    plain.send(&hello).await?;
    let abilities = plain.expect("250", "EHLO").await?;
    let offers_tls = abilities
        .iter()
        .any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offers_tls {
        return Err(later_at(
            Step::Tls,
            "the server does not offer STARTTLS; mail is never sent without TLS",
        ));
    }
    plain.send("STARTTLS\r\n").await?;
    plain.expect("220", "STARTTLS").await?;
    if plain.received.is_empty() {
        return Ok(());
    }
    Err(later_at(
        Step::Tls,
        "something was said in plain text after STARTTLS: somebody tampers with the connection",
    ))
}

struct Plain<'a> {
    tcp: &'a mut TcpStream,
    /// What came after the last line that was taken.
    received: Vec<u8>,
}

impl Plain<'_> {
    /// An answer is never longer, in octets.
    const LONGEST: usize = 65536;

    async fn send(&mut self, text: &str) -> Result<(), Outcome> {
        let sent = self.tcp.write_all(text.as_bytes()).await;
        sent.map_err(|error| later_at(Step::Tls, &error.to_string()))
    }

    /// The lines of an answer without their codes.
    async fn expect(&mut self, code: &str, to: &str) -> Result<Vec<String>, Outcome> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            let rest = line.strip_prefix(code).and_then(|rest| {
                let is_last = !rest.starts_with('-');
                rest.get(1..).or(Some("")).map(|text| (is_last, text))
            });
            let Some((is_last, text)) = rest else {
                let said = format!("the server answers {to} with {:?}", one_line(&line));
                return Err(later_at(Step::Tls, &said));
            };
            lines.push(text.to_owned());
            if is_last || lines.len() > 1000 {
                return Ok(lines);
            }
        }
    }

    async fn line(&mut self) -> Result<String, Outcome> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let rest = self.received.split_off(end + 1);
                let line = std::mem::replace(&mut self.received, rest);
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.received.len() > Self::LONGEST {
                return Err(later_at(Step::Tls, "the server's first line has no end"));
            }
            let read = self.tcp.read_buf(&mut self.received).await;
            if read.map_err(|error| later_at(Step::Tls, &error.to_string()))? == 0 {
                return Err(later_at(Step::Tls, "the server closed the connection"));
            }
        }
    }
}

/// Greeting and EHLO.
pub(super) async fn say_hello(
    transport: Transport,
    settings: &SmtpSettings,
) -> Result<AsyncSmtpConnection, Outcome> {
    let name = ClientId::Domain(hello_name(settings));
    let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(transport), &name);
    let greeted = timeout(settings.timeouts.command, greeting).await;
    let greeted = greeted.map_err(|_| answers::timed_out(Step::Hello, Silence::NothingSent))?;
    answers::on_the_way_in(Step::Hello, greeted)
}

/// AUTH, where there are credentials.
pub(super) async fn log_in(
    connection: &mut AsyncSmtpConnection,
    settings: &SmtpSettings,
) -> Result<(), Outcome> {
    let Some(credentials) = &settings.credentials else {
        return Ok(());
    };
    let attempt = timeout(
        settings.timeouts.command,
        authenticate(connection, credentials),
    );
    let answer = attempt.await;
    answer.map_err(|_| answers::timed_out(Step::Login, Silence::NothingSent))?
}

async fn authenticate(
    connection: &mut AsyncSmtpConnection,
    credentials: &Credentials,
) -> Result<(), Outcome> {
    let user = credentials.user.clone();
    let answer = match &credentials.login {
        Login::Password(password) => {
            let pair = authentication::Credentials::new(user, password.expose().to_owned());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, &pair).await
        }
        Login::OAuth2(token) => {
            let pair = authentication::Credentials::new(user, token.expose().to_owned());
            xoauth2(connection, pair).await
        }
    };
    answers::on_login(answer)
}

/// XOAUTH2 tells its errors in a challenge (334) and refuses only after an
/// empty answer to it.
async fn xoauth2(
    connection: &mut AsyncSmtpConnection,
    pair: authentication::Credentials,
) -> Result<lettre::transport::smtp::response::Response, lettre::transport::smtp::Error> {
    let command = Auth::new(Mechanism::Xoauth2, pair, None)?;
    let answer = connection.command(command).await?;
    if answer.has_code(334) {
        return connection.command("\r\n").await;
    }
    Ok(answer)
}

/// The configured name, without anything that can't stand in a host name.
fn hello_name(settings: &SmtpSettings) -> String {
    let is_allowed =
        |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':');
    let name: String = settings.hello_name.chars().filter(is_allowed).collect();
    if name.is_empty() {
        return "localhost".to_owned();
    }
    name
}

/// `host:port`.
pub(super) fn server(settings: &SmtpSettings) -> String {
    format!("{}:{}", settings.host, settings.port)
}
