//! What clients may take up: how long one may take to say what it wants and to take
//! the answer, how much it may say before that, and how many there may be at once.
//!
//! A client that is waited for has one deadline for all of that, so that sending an
//! octet from time to time wins nothing. While the page works on an answer there is
//! none. Where there are too many, the one that is waited for longest makes room: so
//! however many come to say nothing, whoever says something is heard.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

use super::listen::Peer;

/// How much is borne.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How long a client may take from its connection, or from the last answer, to
    /// the end of its next request.
    pub(super) patience: Duration,
    /// The most that is read of a request before its head is complete, in bytes, but
    /// for the last piece.
    pub(super) head: usize,
    /// So many connections at once.
    pub(super) connections: usize,
}

impl Bounds {
    /// Enough for a slow phone, and for all the connections of some dozen browsers.
    pub(super) const USUAL: Self = Self {
        patience: Duration::from_secs(30),
        head: 64 * 1024,
        connections: 128,
    };
}

/// One connection, as its socket and its requests share it.
#[derive(Debug)]
pub(super) struct Connection {
    state: Mutex<State>,
    room: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    standing: Standing,
    /// Who works on the socket.
    waker: Option<Waker>,
}

/// Who is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The client, since this moment, for the head of a request; it sent so many bytes
    /// meanwhile.
    Head { since: Instant, sent: usize },
    /// The client, since the same moment, for the form that belongs to it.
    Form { since: Instant },
    /// The page: it has all of a request.
    Page,
    /// Nobody: it had to make room.
    Over,
}

impl Connection {
    fn new(now: Instant, room: Arc<Notify>) -> Self {
        let standing = Standing::Head {
            since: now,
            sent: 0,
        };
        Self {
            state: Mutex::new(State {
                standing,
                waker: None,
            }),
            room,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is complete: from now on the page is waited for.
    pub(super) fn asked(&self) {
        self.goes_to(Standing::Page);
    }

    /// The head of a request is complete.
    fn head_is_there(&self) {
        let mut state = self.state();
        if let Standing::Head { since, .. } = state.standing {
            state.standing = Standing::Form { since };
        }
    }

    fn goes_to(&self, next: Standing) {
        let mut state = self.state();
        if state.standing != Standing::Over {
            state.standing = next;
        }
    }

    fn took(&self, bytes: usize) {
        if let Standing::Head { sent, .. } = &mut self.state().standing {
            *sent = sent.saturating_add(bytes);
        }
    }

    fn waited_since(&self) -> Option<Instant> {
        match self.state().standing {
            Standing::Head { since, .. } | Standing::Form { since } => Some(since),
            Standing::Page | Standing::Over => None,
        }
    }

    fn end(&self) {
        let mut state = self.state();
        state.standing = Standing::Over;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

/// The connection that a request came by.
pub(super) fn connection_of(request: &Request) -> Option<Arc<Connection>> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<Peer>>()?;
    Some(Arc::clone(&peer.connection))
}

/// Has the client waited for, or not, as a request goes on: around everything else.
/// Who reads a form tells when it is there ([`Connection::asked`]).
pub(super) async fn take_turns(request: Request, next: Next) -> Response {
    let has_form = !matches!(*request.method(), Method::GET | Method::HEAD);
    let turn = connection_of(&request).map(Turn);
    if let Some(Turn(connection)) = &turn {
        match has_form {
            true => connection.head_is_there(),
            false => connection.asked(),
        }
    }
    next.run(request).await
}

/// A request that is being answered; when it is gone, the client is waited for again.
struct Turn(Arc<Connection>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.goes_to(Standing::Head {
            since: Instant::now(),
            sent: 0,
        });
        self.0.room.notify_one();
    }
}

/// The connections that there are.
#[derive(Debug, Default)]
struct Open {
    all: Mutex<Vec<Arc<Connection>>>,
    /// Told when there are fewer, or one of them could make room.
    room: Arc<Notify>,
}

impl Open {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a new one in, if need be in the place of another; `None` if the page is
    /// at work on every one of them.
    fn take_in(&self, most: usize) -> Option<Arc<Connection>> {
        let mut all = self.all();
        if all.len() >= most {
            let waited = all.iter().enumerate();
            let waited = waited.filter_map(|(at, one)| Some((one.waited_since()?, at)));
            let (_, longest) = waited.min()?;
            all.swap_remove(longest).end();
        }
        let new = Arc::new(Connection::new(Instant::now(), Arc::clone(&self.room)));
        all.push(Arc::clone(&new));
        Some(new)
    }

    fn forget(&self, gone: &Arc<Connection>) {
        self.all().retain(|one| !Arc::ptr_eq(one, gone));
        self.room.notify_one();
    }
}

/// A listener whose clients are kept within bounds.
#[derive(Debug)]
pub(super) struct Bounded<L> {
    listener: L,
    bounds: Bounds,
    open: Arc<Open>,
}

impl<L> Bounded<L> {
    pub(super) fn new(listener: L, bounds: Bounds) -> Self {
        Self {
            listener,
            bounds,
            open: Arc::default(),
        }
    }
}

impl<L: Listener> Listener for Bounded<L> {
    type Io = Stream<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = self.listener.accept().await;
        let connection = loop {
            match self.open.take_in(self.bounds.connections) {
                Some(connection) => break connection,
                None => self.open.room.notified().await,
            }
        };
        let stream = Stream {
            stream,
            connection,
            bounds: self.bounds,
            deadline: Box::pin(sleep_until(Instant::now() + self.bounds.patience)),
            open: Arc::clone(&self.open),
        };
        (stream, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A socket whose client is kept within bounds.
#[derive(Debug)]
pub(super) struct Stream<S> {
    stream: S,
    connection: Arc<Connection>,
    bounds: Bounds,
    deadline: Pin<Box<Sleep>>,
    open: Arc<Open>,
}

impl<S> Stream<S> {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Refuses to go on with a client that is out of bounds; else whoever asks is
    /// woken when it will be.
    fn look(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let standing = {
            let mut state = self.connection.state();
            state.waker = Some(context.waker().clone());
            state.standing
        };
        let (since, sent) = match standing {
            Standing::Page => return Ok(()),
            Standing::Over => return Err(late("made room for another client")),
            Standing::Head { since, sent } => (since, sent),
            Standing::Form { since } => (since, 0),
        };
        if sent > self.bounds.head {
            let what = "the head of a request is too long";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let end = since + self.bounds.patience;
        if self.deadline.deadline() != end {
            self.deadline.as_mut().reset(end);
        }
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(late("the client is too slow")),
            Poll::Pending => Ok(()),
        }
    }
}

fn late(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S> Drop for Stream<S> {
    fn drop(&mut self) {
        self.open.forget(&self.connection);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.look(context)?;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        this.connection.took(read);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.look(context)?;
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.look(context)?;
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.look(context)?;
        Pin::new(&mut this.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
