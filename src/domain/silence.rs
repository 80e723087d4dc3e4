//! Whether the list has been silent for longer than it ever is (I19): a
//! subscription that ended or a filter that moves the mails elsewhere looks like
//! a list without failures.

use super::Seconds;

/// With fewer mails nobody knows what is usual.
pub const ENOUGH_MAILS: usize = 10;

/// So many of the last mails tell what is usual.
pub const LOOKED_AT: usize = 50;

/// Shorter silences are never worth an alert: weekends and releases are quiet.
const AT_LEAST: Seconds = 86_400;

/// A silence that is longer than what is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// When the last mail came.
    pub since: Seconds,
    /// The longest that was waited for a mail lately, in seconds.
    pub usual: Seconds,
}

/// Judges the times at which the last mails came in, in their order (at most
/// [`LOOKED_AT`] of them). Silent is a list when nothing came for more than twice
/// the longest gap between two of them, and for more than a day.
pub fn silence(received: &[Seconds], now: Seconds) -> Option<Silence> {
    if received.len() < ENOUGH_MAILS {
        return None;
    }
    let since = *received.last()?;
    let gaps = received.iter().zip(received.iter().skip(1));
    let usual = gaps
        .map(|(one, next)| next.saturating_sub(*one))
        .max()?
        .max(0);
    let allowed = usual.saturating_mul(2).max(AT_LEAST);
    (now.saturating_sub(since) > allowed).then_some(Silence { since, usual })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Seconds = 3600;
    const DAY: Seconds = 24 * HOUR;

    /// Ten mails, two hours apart but for one gap; the last came at 0.
    fn mails(longest: Seconds) -> Vec<Seconds> {
        let mut times: Vec<Seconds> = (0..9).map(|n| -2 * HOUR * n).rev().collect();
        times.insert(0, times[0] - longest);
        times
    }

    #[track_caller]
    fn check(received: &[Seconds], now: Seconds, expect: Option<Seconds>) {
        let found = silence(received, now);
        assert_eq!(found.map(|silence| silence.usual), expect);
        assert!(found.is_none_or(|silence| silence.since == *received.last().unwrap()));
    }

    #[test]
    fn silence_is_twice_the_longest_gap() {
        check(&mails(3 * DAY), 6 * DAY, None);
        check(&mails(3 * DAY), 6 * DAY + 1, Some(3 * DAY));
    }

    #[test]
    fn a_day_is_no_silence() {
        check(&mails(3 * HOUR), DAY, None);
        check(&mails(3 * HOUR), DAY + 1, Some(3 * HOUR));
    }

    #[test]
    fn a_few_mails_tell_nothing() {
        check(&[], DAY, None);
        check(&mails(HOUR)[1..], 1000 * DAY, None);
    }

    #[test]
    fn a_clock_that_jumped_does_not_break_it() {
        let mut times = mails(HOUR);
        times[4] = Seconds::MAX;
        check(&times, DAY, None);
        check(&mails(HOUR), Seconds::MIN, None);
        check(&[5; 10], 5 + DAY + 1, Some(0));
    }
}
