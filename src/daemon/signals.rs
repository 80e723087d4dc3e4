//! SIGTERM and SIGINT end the service, SIGHUP reads the configuration again.

use anyhow::{Context, Result};
use tokio::signal::unix::{self, SignalKind};

/// What the service is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Terminate,
    Reload,
}

/// The signals that are listened to.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// Listens from now on; before, they end the process.
    pub(super) fn listen() -> Result<Self> {
        let listen = |kind| unix::signal(kind).context("listening to signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Terminate,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }
}
