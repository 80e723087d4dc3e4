//! What systemd is told (sd_notify(3)). Without systemd nothing is told.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::config::Config;

/// A loop that made no progress for this long is stuck: IDLE is renewed every
/// four minutes, and no single request may take longer than ten.
const STUCK: Duration = Duration::from_secs(12 * 60);

/// The store is open, the signals are listened to, the loops begin. Servers that
/// are away are no reason to be not ready: intake goes on when they come back.
pub(super) fn tell_ready(config: &Config) {
    let status = format!("watching {}", config.list.id);
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// What `systemctl status` shows.
pub(super) fn tell_status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

pub(super) fn tell_stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Pings the watchdog as long as every loop goes on (I19). Never ends.
pub(super) async fn watchdog(oldest_pulse: impl Fn() -> Duration) {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(interval / 3).await;
        let pulse = oldest_pulse();
        if is_alive(pulse) {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!(
                seconds = pulse.as_secs(),
                "a loop makes no progress; the watchdog is not pinged"
            );
        }
    }
}

/// Whether every loop goes on, if the one that was heard of least lately said so
/// that long ago.
fn is_alive(oldest_pulse: Duration) -> bool {
    oldest_pulse < STUCK
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_waits_is_alive_and_one_that_is_stuck_is_not() {
        let idle = crate::imap::IDLE_AT_MOST + Duration::from_secs(120);
        let final_dot = crate::smtp::Timeouts::USUAL.final_dot + Duration::from_secs(60);
        assert!(is_alive(idle.max(final_dot)));
        assert!(!is_alive(STUCK));
        assert!(!is_alive(Duration::MAX));
    }
}
