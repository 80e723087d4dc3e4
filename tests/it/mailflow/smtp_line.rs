//! A line to a mail server that breaks at a chosen moment of the dialogue. Both
//! ends are real; nothing is encrypted, so that the moment can be seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// Where the line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// Nowhere.
    Never,
    /// When the recipient is named: the client is reset.
    AtRecipient,
    /// The mail is passed on but for its end, then both ends are reset.
    InTheMail,
    /// The mail is passed on whole and the server takes it; its answer is kept
    /// and the client is reset.
    AfterTheDot,
    /// The final dot is kept, and nobody says anything any more.
    SilentDot,
    /// The server's word that it waits for the mail is kept until
    /// [`SmtpLine::let_go`].
    HeldBeforeTheMail,
}

/// A running line; it ends with the value.
pub struct SmtpLine {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    mode: watch::Sender<Break>,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    reached: AtomicUsize,
    mails: AtomicUsize,
    gate: Notify,
}

impl SmtpLine {
    /// Listens on a free port for the mail server at `server_port`.
    pub async fn to(server_port: u16, at: Break) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (mode, modes) = watch::channel(at);
        let state = Arc::new(State::default());
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server_port)).await;
                let server = server.expect("a mail server");
                let at = *modes.borrow();
                tokio::spawn(serve(client, server, at, shared.clone()));
            }
        });
        Self {
            port,
            mode,
            state,
            task,
        }
    }

    /// Where the next connections break.
    pub fn set(&self, at: Break) {
        self.mode.send_replace(at);
    }

    /// How often the chosen moment came.
    pub fn reached(&self) -> usize {
        self.state.reached.load(Ordering::SeqCst)
    }

    /// How many mails were passed on with their final dot.
    pub fn mails(&self) -> usize {
        self.state.mails.load(Ordering::SeqCst)
    }

    /// Passes on what was held.
    pub fn let_go(&self) {
        self.state.gate.notify_one();
    }
}

impl Drop for SmtpLine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection.
struct Talk {
    client: TcpStream,
    server: TcpStream,
    at: Break,
    state: Arc<State>,
    /// What came of the mail so far.
    mail: Option<Vec<u8>>,
    is_dot_sent: bool,
}

/// Whether the talk goes on.
type GoesOn = Option<()>;

async fn serve(client: TcpStream, server: TcpStream, at: Break, state: Arc<State>) {
    let mut talk = Talk {
        client,
        server,
        at,
        state,
        mail: None,
        is_dot_sent: false,
    };
    let (mut said, mut heard) = (vec![0; 65536], vec![0; 65536]);
    loop {
        let goes_on = tokio::select! {
            read = talk.server.read(&mut heard) => match piece(read, &heard) {
                Some(words) => talk.server_says(words).await,
                None => None,
            },
            read = talk.client.read(&mut said) => match piece(read, &said) {
                Some(words) => talk.client_says(words).await,
                None => None,
            },
        };
        if goes_on.is_none() {
            return;
        }
    }
}

impl Talk {
    fn reached(&self) {
        self.state.reached.fetch_add(1, Ordering::SeqCst);
    }

    async fn server_says(&mut self, words: &[u8]) -> GoesOn {
        if words.starts_with(b"354") {
            self.mail = Some(Vec::new());
            if self.at == Break::HeldBeforeTheMail {
                self.reached();
                self.state.gate.notified().await;
            }
        }
        if self.is_dot_sent && self.at == Break::AfterTheDot {
            self.reached();
            reset(&self.client);
            return None;
        }
        self.client.write_all(words).await.ok()
    }

    async fn client_says(&mut self, words: &[u8]) -> GoesOn {
        if self.at == Break::AtRecipient && words.starts_with(b"RCPT") {
            self.reached();
            reset(&self.client);
            return None;
        }
        match self.mail.take() {
            Some(mut mail) => {
                mail.extend_from_slice(words);
                self.mail_so_far(mail).await
            }
            None => self.server.write_all(words).await.ok(),
        }
    }

    async fn mail_so_far(&mut self, mail: Vec<u8>) -> GoesOn {
        let ends = mail.ends_with(b"\r\n.\r\n");
        match self.at {
            Break::InTheMail => {
                let _ = self.server.write_all(&mail[..mail.len() / 2]).await;
                self.reached();
                reset(&self.client);
                reset(&self.server);
                None
            }
            Break::SilentDot if ends => {
                self.reached();
                tokio::time::sleep(Duration::from_secs(600)).await;
                None
            }
            _ if ends => {
                self.state.mails.fetch_add(1, Ordering::SeqCst);
                self.is_dot_sent = true;
                self.server.write_all(&mail).await.ok()
            }
            _ => {
                self.mail = Some(mail);
                Some(())
            }
        }
    }
}

fn piece(read: std::io::Result<usize>, buffer: &[u8]) -> Option<&[u8]> {
    match read {
        Ok(0) | Err(_) => None,
        Ok(length) => buffer.get(..length),
    }
}

/// With a linger of nothing, closing sends a reset.
fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
