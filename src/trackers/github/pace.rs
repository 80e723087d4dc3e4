//! How fast GitHub may be written to.
//!
//! "Make requests for POST, PATCH, PUT, or DELETE ... at least one second" apart,
//! at most 80 that create content a minute and 500 an hour (GitHub's "Best
//! practices" and "Rate limits for the REST API"). One second between writes
//! keeps the minute's limit by itself.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const BETWEEN: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const MOST_AN_HOUR: usize = 500;

/// When this process wrote, at most an hour ago.
#[derive(Debug, Default)]
pub(super) struct Pace {
    writes: Mutex<VecDeque<Instant>>,
}

/// What the pace says to one more write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// After this pause. The write is counted.
    After(Duration),
    /// The hour's allowance is used up; not before so long.
    NotBefore(Duration),
}

impl Pace {
    pub(super) fn take_turn(&self, now: Instant) -> Turn {
        let Ok(mut writes) = self.writes.lock() else {
            return Turn::NotBefore(HOUR);
        };
        while writes
            .front()
            .is_some_and(|first| now.saturating_duration_since(*first) >= HOUR)
        {
            writes.pop_front();
        }
        if let (true, Some(first)) = (writes.len() >= MOST_AN_HOUR, writes.front()) {
            return Turn::NotBefore(HOUR.saturating_sub(now.saturating_duration_since(*first)));
        }
        let at = writes.back().map_or(now, |last| (*last + BETWEEN).max(now));
        writes.push_back(at);
        Turn::After(at - now)
    }
}

#[cfg(test)]
mod tests {
    use super::{BETWEEN, HOUR, Pace, Turn};
    use std::time::{Duration, Instant};

    #[test]
    fn writes_are_a_second_apart_and_500_an_hour() {
        let pace = Pace::default();
        let start = Instant::now();
        assert_eq!(pace.take_turn(start), Turn::After(Duration::ZERO));
        assert_eq!(pace.take_turn(start), Turn::After(BETWEEN));
        assert_eq!(
            pace.take_turn(start + Duration::from_secs(9)),
            Turn::After(Duration::ZERO)
        );
        for second in 10..507 {
            pace.take_turn(start + Duration::from_secs(second));
        }
        let late = start + Duration::from_secs(600);
        assert_eq!(
            pace.take_turn(late),
            Turn::NotBefore(Duration::from_secs(3000))
        );
        assert_eq!(pace.take_turn(start + HOUR), Turn::After(Duration::ZERO));
    }
}
