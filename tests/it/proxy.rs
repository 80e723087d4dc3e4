//! A TCP proxy that misbehaves on command: it delays, splits, resets, and goes
//! silent. The servers behind it are real.

#![allow(dead_code, reason = "every area of tests uses what it needs")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does with what it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything on.
    Pass,
    /// Passes everything on, octet by octet.
    Split,
    /// Passes everything on after this long.
    Delay(Duration),
    /// Keeps the connections open and passes nothing on: a cable was pulled.
    BlackHole,
    /// Keeps the connections open, passes on what the client says, and keeps
    /// what the server says.
    DeafClient,
    /// Ends every connection with a TCP reset, and every new one.
    Reset,
}

/// A running proxy; it ends with the value.
pub struct Proxy {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    mode: watch::Sender<Mode>,
    to_server: Arc<AtomicU64>,
    to_client: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port for a server on this machine.
    pub async fn to(server_port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (mode, modes) = watch::channel(Mode::Pass);
        let to_server = Arc::new(AtomicU64::new(0));
        let to_client = Arc::new(AtomicU64::new(0));
        let counters = (to_server.clone(), to_client.clone());
        let task = tokio::spawn(accept(listener, server_port, modes, counters));
        Self {
            port,
            mode,
            to_server,
            to_client,
            task,
        }
    }

    /// Changes what it does, for open connections as well.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How many octets it has passed on to the server.
    pub fn to_server(&self) -> u64 {
        self.to_server.load(Ordering::Relaxed)
    }

    /// How many octets it has passed on to the client.
    pub fn to_client(&self) -> u64 {
        self.to_client.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server_port: u16,
    modes: watch::Receiver<Mode>,
    (to_server, to_client): (Arc<AtomicU64>, Arc<AtomicU64>),
) {
    while let Ok((client, _)) = listener.accept().await {
        if *modes.borrow() == Mode::Reset {
            reset(&client);
            continue;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)).await else {
            reset(&client);
            continue;
        };
        tokio::spawn(serve(
            client,
            server,
            modes.clone(),
            to_server.clone(),
            to_client.clone(),
        ));
    }
}

async fn serve(
    mut client: TcpStream,
    mut server: TcpStream,
    mut modes: watch::Receiver<Mode>,
    to_server: Arc<AtomicU64>,
    to_client: Arc<AtomicU64>,
) {
    let is_reset = {
        let (client_in, client_out) = client.split();
        let (server_in, server_out) = server.split();
        let up = pump(client_in, server_out, modes.clone(), false, to_server);
        let down = pump(server_in, client_out, modes.clone(), true, to_client);
        tokio::select! {
            changed = modes.wait_for(|mode| *mode == Mode::Reset) => changed.is_ok(),
            _ = async { tokio::join!(up, down) } => false,
        }
    };
    if is_reset {
        reset(&client);
        reset(&server);
    }
}

/// With a linger of nothing, closing sends a reset.
fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut modes: watch::Receiver<Mode>,
    is_to_client: bool,
    passed: Arc<AtomicU64>,
) {
    let mut buffer = vec![0; 16384];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        let is_open =
            |mode: &Mode| *mode != Mode::BlackHole && !(*mode == Mode::DeafClient && is_to_client);
        let Ok(mode) = modes.wait_for(is_open).await.map(|mode| *mode) else {
            return;
        };
        if read == 0 {
            let _ = to.shutdown().await;
            return;
        }
        if let Mode::Delay(delay) = mode {
            tokio::time::sleep(delay).await;
        }
        let piece = if mode == Mode::Split { 1 } else { read };
        for octets in buffer[..read].chunks(piece) {
            if to.write_all(octets).await.is_err() || to.flush().await.is_err() {
                return;
            }
            passed.fetch_add(octets.len() as u64, Ordering::Relaxed);
            if mode == Mode::Split {
                tokio::task::yield_now().await;
            }
        }
    }
}
