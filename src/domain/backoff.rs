//! How long to wait before the next try of something outside that failed.

use std::time::Duration;

/// Why the last try failed, as far as it bears on when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The network or the server is away. It may be back any moment, and then
    /// work has to go on within a minute.
    Away,
    /// Somebody answered and said no: a wrong password, an untrusted
    /// certificate, a missing folder. Only the operator can mend it, and asking
    /// often gets accounts locked.
    Refused,
}

impl Trouble {
    /// The longest wait.
    const fn longest(self) -> Duration {
        match self {
            Self::Away => Duration::from_secs(40),
            Self::Refused => Duration::from_secs(15 * 60),
        }
    }
}

/// The wait before the next try. `attempt` counts the failures so far, from 1;
/// `random` is any number and spreads many waiting programs over time.
///
/// The wait doubles from 1 second up to the cap, and the second half of it is
/// left to chance.
pub fn backoff(trouble: Trouble, attempt: u32, random: u64) -> Duration {
    let doubled = 1_u64
        .checked_shl(attempt.saturating_sub(1))
        .filter(|seconds| *seconds > 0)
        .unwrap_or(u64::MAX);
    let whole = Duration::from_secs(doubled).min(trouble.longest());
    let half = whole / 2;
    let share = random % 1024;
    half + half.mul_f64(share as f64 / 1023.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_cap() {
        let longest = |trouble, attempt| backoff(trouble, attempt, 1023).as_secs();
        let waits: Vec<u64> = (1..9).map(|n| longest(Trouble::Away, n)).collect();
        assert_eq!(waits, vec![1, 2, 4, 8, 16, 32, 40, 40]);
        assert_eq!(longest(Trouble::Refused, 10), 512);
        assert_eq!(longest(Trouble::Refused, 11), 900);
        assert_eq!(longest(Trouble::Refused, u32::MAX), 900);
        assert_eq!(longest(Trouble::Refused, 64), 900);
        assert_eq!(longest(Trouble::Refused, 65), 900);
    }

    #[test]
    fn chance_moves_only_the_second_half() {
        for random in 0..3000 {
            let wait = backoff(Trouble::Refused, 4, random);
            assert!(wait >= Duration::from_secs(4) && wait <= Duration::from_secs(8));
        }
    }
}
