//! Guessing passwords is made slow: after some mistakes whoever tries a name from
//! an address has to wait, longer each time. Others are not kept waiting, neither
//! who comes from elsewhere with that name nor who has another name there.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// So many mistakes are free.
const FREE: u32 = 5;
/// After the first that is not; it doubles with each.
const SHORTEST: Duration = Duration::from_secs(2);
/// It doubles up to this.
const LONGEST: Duration = Duration::from_secs(300);
/// After so long without a try mistakes are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);
/// More are not remembered: the oldest are forgotten first.
const REMEMBERED: usize = 10_000;
/// Longer names are the same as far as this, in characters.
const NAME_CHARS: usize = 100;

/// Who failed lately.
#[derive(Debug)]
pub(super) struct Damping {
    tries: HashMap<Key, Tries>,
}

/// A name as it was typed, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    name: String,
    from: String,
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    failed: u32,
    last: Instant,
}

impl Key {
    pub(super) fn new(name: &str, from: String) -> Self {
        let name = name.chars().take(NAME_CHARS).collect::<String>();
        Self {
            name: name.to_lowercase(),
            from,
        }
    }
}

impl Damping {
    pub(super) fn none() -> Self {
        Self {
            tries: HashMap::new(),
        }
    }

    /// How long they have to wait before the next try, if they do; counts the try as
    /// a mistake until it turns out to be none, so that many at once do not all pass.
    pub(super) fn wait_or_try(&mut self, key: &Key, now: Instant) -> Option<Duration> {
        self.make_room(now);
        let tries = self.tries.entry(key.clone()).or_insert(Tries {
            failed: 0,
            last: now,
        });
        if tries.failed >= FREE {
            let doubled = tries.failed.saturating_sub(FREE).min(20);
            let pause = SHORTEST.saturating_mul(1 << doubled).min(LONGEST);
            let left = pause.saturating_sub(now.saturating_duration_since(tries.last));
            if !left.is_zero() {
                return Some(left);
            }
        }
        tries.failed = tries.failed.saturating_add(1);
        tries.last = now;
        None
    }

    /// They knew the password.
    pub(super) fn forgive(&mut self, key: &Key) {
        self.tries.remove(key);
    }

    fn make_room(&mut self, now: Instant) {
        if self.tries.len() < REMEMBERED {
            return;
        }
        let is_recent = |it: &Tries| now.saturating_duration_since(it.last) < FORGOTTEN;
        self.tries.retain(|_, tries| is_recent(tries));
        if self.tries.len() < REMEMBERED {
            return;
        }
        let mut times: Vec<Instant> = self.tries.values().map(|it| it.last).collect();
        times.sort_unstable();
        if let Some(middle) = times.get(times.len() / 2).copied() {
            self.tries.retain(|_, tries| tries.last > middle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, from: &str) -> Key {
        Key::new(name, from.to_owned())
    }

    #[test]
    fn mistakes_cost_time_and_others_none() {
        let mut damping = Damping::none();
        let begin = Instant::now();
        let bad = key("Ada", "::1");
        for _ in 0..FREE {
            assert_eq!(damping.wait_or_try(&bad, begin), None);
        }
        assert_eq!(damping.wait_or_try(&bad, begin), Some(SHORTEST));
        assert_eq!(
            damping.wait_or_try(&key("ada", "::1"), begin),
            Some(SHORTEST)
        );
        // Waiting tries do not make it longer.
        let later = begin + SHORTEST;
        assert_eq!(damping.wait_or_try(&bad, later), None);
        assert_eq!(damping.wait_or_try(&bad, later), Some(SHORTEST * 2));
        for other in [key("Ada", "192.0.2.1"), key("Bob", "::1")] {
            assert_eq!(damping.wait_or_try(&other, later), None);
        }
        damping.forgive(&bad);
        assert_eq!(damping.wait_or_try(&bad, later), None);
    }

    #[test]
    fn nobody_waits_longer_than_the_longest() {
        let mut damping = Damping::none();
        let mut now = Instant::now();
        let bad = key("x", "y");
        for _ in 0..60 {
            now += LONGEST;
            assert_eq!(damping.wait_or_try(&bad, now), None);
        }
        assert_eq!(damping.wait_or_try(&bad, now), Some(LONGEST));
    }

    #[test]
    fn however_many_try_the_memory_is_bounded() {
        let mut damping = Damping::none();
        let begin = Instant::now();
        for n in 0..(3 * REMEMBERED as u64) {
            let now = begin + Duration::from_millis(n);
            damping.wait_or_try(&key(&n.to_string(), "a"), now);
        }
        assert!(damping.tries.len() <= REMEMBERED);
    }
}
