//! Where the page listens: a port, or a Unix socket for a proxy on this machine.

use std::fs;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Error, Result, bail};
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::Listen;
use super::bounds::{Bounded, Bounds, Connection};

/// A socket that is listened on.
#[derive(Debug)]
pub enum Bound {
    /// A port.
    Tcp(TcpListener),
    /// A Unix socket, which is removed at the end.
    Unix(UnixListener, PathBuf),
}

/// Who connected, and by which connection.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    /// The address; `None` if it came by a Unix socket.
    pub(super) address: Option<IpAddr>,
    pub(super) connection: Arc<Connection>,
}

impl Connected<IncomingStream<'_, Bounded<TcpListener>>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded<TcpListener>>) -> Self {
        Self {
            address: Some(stream.remote_addr().ip().to_canonical()),
            connection: Arc::clone(stream.io().connection()),
        }
    }
}

impl Connected<IncomingStream<'_, Bounded<UnixListener>>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded<UnixListener>>) -> Self {
        Self {
            address: None,
            connection: Arc::clone(stream.io().connection()),
        }
    }
}

/// Begins to listen.
///
/// # Errors
///
/// The port is taken, the path is no socket, or another process listens there.
pub async fn bind(listen: &Listen) -> Result<Bound> {
    match listen {
        Listen::Tcp(address) => TcpListener::bind(address)
            .await
            .map(Bound::Tcp)
            .map_err(|error| {
                let remedy = remedy(&error);
                let what = format!("the page cannot listen on {address}{remedy}");
                Error::new(error).context(what)
            }),
        Listen::Unix(path) => {
            let in_words = || format!("the page cannot listen on {}", path.display());
            clear(path).await.with_context(in_words)?;
            let listener = UnixListener::bind(path).with_context(in_words)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o660)).with_context(in_words)?;
            Ok(Bound::Unix(listener, path.clone()))
        }
    }
}

/// What to do where a port cannot be had, as the end of a sentence.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => " (end what listens there, or name another port)",
        ErrorKind::PermissionDenied => {
            " (name a port from 1024 on; under systemd the unit has to allow it: SocketBindAllow=)"
        }
        _ => "",
    }
}

/// Removes the socket of a process that is no more.
async fn clear(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(about) if !about.file_type().is_socket() => {
            bail!("something stands there that is not a socket")
        }
        Ok(_) => {}
    }
    if UnixStream::connect(path).await.is_ok() {
        bail!("another process listens there");
    }
    Ok(fs::remove_file(path)?)
}

impl Bound {
    /// The port that was given; `None` for a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }
}

pub(super) async fn serve(
    bound: Bound,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let service = router.into_make_service_with_connect_info::<Peer>();
    match bound {
        Bound::Tcp(listener) => {
            axum::serve(Bounded::new(listener, Bounds::USUAL), service)
                .with_graceful_shutdown(stop)
                .await?;
        }
        Bound::Unix(listener, path) => {
            axum::serve(Bounded::new(listener, Bounds::USUAL), service)
                .with_graceful_shutdown(stop)
                .await?;
            // Whoever comes next clears it as well.
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}
