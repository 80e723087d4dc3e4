//! The worker's clock: wall-clock seconds that never jump while the program runs.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::Seconds;

/// Tells the time by the monotonic clock, counted from the wall clock at start
/// (I23): a corrected system clock neither repeats nor skips a deadline. What a
/// deadline in the store means is read anew at each start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    at: Seconds,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            at: wall_clock(),
        }
    }

    /// Seconds since it was started.
    pub fn uptime(&self) -> Seconds {
        Seconds::try_from(self.started.elapsed().as_secs()).unwrap_or(Seconds::MAX)
    }

    /// Seconds since 1970.
    pub fn now(&self) -> Seconds {
        self.at.saturating_add(self.uptime())
    }
}

/// What the system says; 0 for a clock before 1970.
pub fn wall_clock() -> Seconds {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| Seconds::try_from(since.as_secs()).ok())
        .unwrap_or(0)
}
