//! From a host name to a greeted TLS connection.

use std::io;
use std::time::Duration;

use async_imap::Client;
use async_imap::imap_proto::{Response, ResponseCode, Status};
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::imap::error::{ImapError, one_line};
use crate::imap::wire::{Stream, capability_name};
use crate::imap::{ImapSettings, Security, starttls};
use crate::tls;

/// A connection that only lacks the login.
#[derive(Debug)]
pub(super) struct Greeted {
    pub(super) client: Client<Stream>,
    /// What the greeting said the server can do, in upper case; often nothing.
    pub(super) capabilities: Vec<String>,
}

/// Connects, begins TLS and reads the greeting.
pub(super) async fn open_connection(settings: &ImapSettings) -> Result<Greeted, ImapError> {
    let tcp = dial(settings).await?;
    secure(tcp, settings).await
}

/// The TCP connection alone, for `check`.
pub(super) async fn dial(settings: &ImapSettings) -> Result<TcpStream, ImapError> {
    let patience = settings.timeouts.connect;
    let connecting = async {
        let target = (settings.host.as_str(), settings.port);
        let addresses = tokio::net::lookup_host(target).await;
        let addresses = addresses.map_err(|error| ImapError::HostUnknown {
            host: settings.host.clone(),
            why: words(&error),
        })?;
        first_that_answers(addresses, settings).await
    };
    let tcp = timeout(patience, connecting)
        .await
        .map_err(|_| timed_out("the connection", patience))??;
    keep_alive(&tcp).map_err(|error| ImapError::from_io(&error))?;
    Ok(tcp)
}

async fn first_that_answers(
    addresses: impl Iterator<Item = std::net::SocketAddr>,
    settings: &ImapSettings,
) -> Result<TcpStream, ImapError> {
    let mut why = "the name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => why = words(&error),
        }
    }
    Err(ImapError::Unreachable {
        server: server(settings),
        why,
    })
}

/// A half-open connection is found by the kernel after two minutes, also where
/// we only listen.
fn keep_alive(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15))
        .with_retries(4);
    SockRef::from(tcp).set_tcp_keepalive(&keepalive)
}

/// TLS and greeting, for a connection from [`dial`].
pub(super) async fn secure(
    mut tcp: TcpStream,
    settings: &ImapSettings,
) -> Result<Greeted, ImapError> {
    let patience = settings.timeouts.connect;
    let securing = async {
        match settings.security {
            Security::Implicit => greet(handshake(tcp, settings).await?).await,
            Security::StartTls => {
                starttls::ask(&mut tcp, &server(settings)).await?;
                let stream = handshake(tcp, settings).await?;
                // What was said before TLS began does not count (RFC 9051, 6.2.1).
                Ok(Greeted {
                    client: Client::new(stream),
                    capabilities: Vec::new(),
                })
            }
        }
    };
    timeout(patience, securing)
        .await
        .map_err(|_| timed_out("TLS and the greeting", patience))?
}

async fn handshake(tcp: TcpStream, settings: &ImapSettings) -> Result<Stream, ImapError> {
    let name = ServerName::try_from(settings.host.clone()).map_err(|_| ImapError::HostUnknown {
        host: settings.host.clone(),
        why: "it is neither a host name nor an address".to_owned(),
    })?;
    TlsConnector::from(settings.tls.clone())
        .connect(name, tcp)
        .await
        .map_err(|error| handshake_error(&error, settings))
}

fn handshake_error(error: &io::Error, settings: &ImapSettings) -> ImapError {
    let server = server(settings);
    let known = tls::why(error);
    let remedy = known.as_ref().map_or("", |known| known.remedy);
    let why = words(error);
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(_)) => ImapError::CertificateNotTrusted {
            server,
            why,
            remedy,
        },
        Some(_) => ImapError::NoTls { server, why },
        None => ImapError::Lost { why },
    }
}

/// The cause in words for a person, where it is a known one.
fn words(error: &io::Error) -> String {
    tls::why(error).map_or_else(|| one_line(&error.to_string()), |why| one_line(&why.what))
}

/// Reads the greeting. PREAUTH is refused: it would be somebody else's session
/// (RFC 9051, section 11.3, on STARTTLS; with implicit TLS there is no reason
/// to accept it either).
async fn greet(stream: Stream) -> Result<Greeted, ImapError> {
    let mut client = Client::new(stream);
    let greeting = client.read_response().await;
    let Some(greeting) = greeting.map_err(|error| ImapError::from_io(&error))? else {
        return Err(ImapError::lost("the server closed it without a greeting"));
    };
    let Response::Data { status, outcome } = greeting.parsed() else {
        return Err(ImapError::Unreadable {
            why: "it does not greet like an IMAP server".to_owned(),
        });
    };
    let words = outcome.information.as_deref().unwrap_or("no reason given");
    match status {
        Status::Ok => {}
        Status::PreAuth => return Err(preauth()),
        _ => return Err(ImapError::lost(&format!("the server greets: {words}"))),
    }
    let capabilities = match &outcome.code {
        Some(ResponseCode::Capabilities(names)) => names.iter().map(capability_name).collect(),
        _ => Vec::new(),
    };
    drop(greeting);
    Ok(Greeted {
        client,
        capabilities,
    })
}

/// The error for a server that thinks we are already logged in.
pub(super) fn preauth() -> ImapError {
    ImapError::Unreadable {
        why: "it says we are logged in before we are (PREAUTH)".to_owned(),
    }
}

/// `host:port`.
pub(super) fn server(settings: &ImapSettings) -> String {
    format!("{}:{}", settings.host, settings.port)
}

pub(super) fn timed_out(what: &str, patience: Duration) -> ImapError {
    ImapError::TimedOut {
        command: what.to_owned(),
        seconds: patience.as_secs(),
    }
}
