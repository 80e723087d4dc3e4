//! The connection: TLS from the first byte, and lines.

use std::io;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::line::Line;
use super::{IrcError, IrcSettings};
use crate::domain::untrusted::plain_line;
use crate::tls;

/// A server that sends more without the end of a line is none: 8191 bytes of tags and
/// 512 of the line are allowed (IRCv3 message tags).
const LONGEST_LINE: usize = 8191 + 512;

/// A connection on which lines come and go.
pub(super) struct Wire {
    stream: TlsStream<TcpStream>,
    received: Vec<u8>,
    /// When something was last received.
    pub(super) heard_at: Instant,
}

impl Wire {
    /// Connects and begins TLS.
    pub(super) async fn connect(settings: &IrcSettings) -> Result<Self, IrcError> {
        let patience = settings.timeouts.connect;
        let connecting = async {
            let tcp = TcpStream::connect((settings.host.as_str(), settings.port)).await;
            let tcp = tcp.map_err(|error| in_words(&error))?;
            let name = ServerName::try_from(settings.host.clone())
                .map_err(|_| IrcError::away("its name is neither a host name nor an address"))?;
            let connector = TlsConnector::from(settings.tls.clone());
            let stream = connector.connect(name, tcp).await;
            stream.map_err(|error| in_words(&error))
        };
        let stream = timeout(patience, connecting)
            .await
            .map_err(|_| IrcError::away("no connection in time"))??;
        Ok(Self {
            stream,
            received: Vec::new(),
            heard_at: Instant::now(),
        })
    }

    /// Sends a line, without its end.
    pub(super) async fn send(&mut self, line: &str) -> Result<(), IrcError> {
        let bytes = format!("{line}\r\n");
        let sending = async {
            self.stream.write_all(bytes.as_bytes()).await?;
            self.stream.flush().await
        };
        let sent = timeout(std::time::Duration::from_secs(20), sending).await;
        sent.map_err(|_| IrcError::away("the server takes nothing"))?
            .map_err(|error| in_words(&error))
    }

    /// The next line that is one. Nothing is lost when the waiting is given up.
    pub(super) async fn next(&mut self) -> Result<Line, IrcError> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let bytes: Vec<u8> = self.received.drain(..=end).collect();
                let text = String::from_utf8_lossy(&bytes);
                match Line::parse(text.trim_end_matches(['\r', '\n'])) {
                    Some(line) => return Ok(line),
                    None => continue,
                }
            }
            if self.received.len() > LONGEST_LINE {
                return Err(IrcError::away("what it sends are no lines of IRC"));
            }
            let read = self.stream.read_buf(&mut self.received).await;
            if read.map_err(|error| in_words(&error))? == 0 {
                return Err(IrcError::away("the server ended the connection"));
            }
            self.heard_at = Instant::now();
        }
    }
}

fn in_words(error: &io::Error) -> IrcError {
    let mut told = IrcError::away(plain_line(&error.to_string(), 200));
    if let Some(why) = tls::why(error) {
        told.what = why.what;
        told.remedy = why.remedy;
    }
    told
}
