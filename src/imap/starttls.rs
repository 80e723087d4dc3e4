//! STARTTLS, up to the point where the TLS handshake begins.
//!
//! Everything here is read from a plain connection and may come from anybody. An
//! answer that stands behind the server's OK would be taken for one that came
//! through TLS (CVE-2011-0411 and its many kin), so it ends the connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::imap::connect::preauth;
use crate::imap::error::{ImapError, one_line};

/// A line of a plain greeting or answer is never longer, in octets.
const LONGEST_LINE: usize = 8192;

/// Reads the greeting and asks for TLS.
pub(super) async fn ask(tcp: &mut TcpStream, server: &str) -> Result<(), ImapError> {
    let mut plain = Plain {
        tcp,
        received: Vec::new(),
    };
    let greeting = plain.line().await?;
    let mut words = greeting.split(' ');
    match (words.next(), words.next()) {
        (Some("*"), Some(status)) if status.eq_ignore_ascii_case("OK") => {}
        (Some("*"), Some(status)) if status.eq_ignore_ascii_case("PREAUTH") => {
            return Err(preauth());
        }
        _ => {
            return Err(ImapError::NoTls {
                server: server.to_owned(),
                why: format!("it greets with {:?}", one_line(&greeting)),
            });
        }
    }
    plain.send(b"S1 STARTTLS\r\n").await?;
    loop {
        let line = plain.line().await?;
        let Some(answer) = line.strip_prefix("S1 ") else {
            continue;
        };
        if !answer.to_ascii_uppercase().starts_with("OK") {
            return Err(ImapError::NoTls {
                server: server.to_owned(),
                why: format!("it answers STARTTLS with {:?}", one_line(answer)),
            });
        }
        if !plain.received.is_empty() {
            return Err(ImapError::NoTls {
                server: server.to_owned(),
                why: "something was said in plain text after STARTTLS: \
                      somebody tampers with the connection"
                    .to_owned(),
            });
        }
        return Ok(());
    }
}

struct Plain<'a> {
    tcp: &'a mut TcpStream,
    /// What came after the last line that was taken.
    received: Vec<u8>,
}

impl Plain<'_> {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), ImapError> {
        let sent = self.tcp.write_all(bytes).await;
        sent.map_err(|error| ImapError::from_io(&error))
    }

    async fn line(&mut self) -> Result<String, ImapError> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let rest = self.received.split_off(end + 1);
                let line = std::mem::replace(&mut self.received, rest);
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.received.len() > LONGEST_LINE {
                return Err(ImapError::Unreadable {
                    why: "its first line has no end".to_owned(),
                });
            }
            let read = self.tcp.read_buf(&mut self.received).await;
            if read.map_err(|error| ImapError::from_io(&error))? == 0 {
                return Err(ImapError::lost("the server closed it before TLS"));
            }
        }
    }
}
