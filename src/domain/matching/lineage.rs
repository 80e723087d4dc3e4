//! Reports that were closed in favour of others.

use std::collections::BTreeSet;

/// Where the way over duplicates leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Master {
    /// It is no duplicate.
    Itself,
    /// To this report.
    Other(u64),
    /// Back to where it began, or further than anybody follows: nobody knows.
    Circle,
}

/// A longer chain is taken for a circle.
const LONGEST_CHAIN: usize = 20;

/// Follows `duplicate_of` from a report to the one that stands for all.
///
/// # Errors
///
/// Those of `duplicate_of`.
pub fn master<E>(
    number: u64,
    mut duplicate_of: impl FnMut(u64) -> Result<Option<u64>, E>,
) -> Result<Master, E> {
    let mut seen = BTreeSet::from([number]);
    let mut at = number;
    while let Some(next) = duplicate_of(at)? {
        if !seen.insert(next) || seen.len() > LONGEST_CHAIN {
            return Ok(Master::Circle);
        }
        at = next;
    }
    Ok(if at == number {
        Master::Itself
    } else {
        Master::Other(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: u64, chain: &[(u64, u64)]) -> Master {
        let next = |at| {
            chain
                .iter()
                .find(|(from, _)| *from == at)
                .map(|(_, to)| *to)
        };
        master::<()>(number, |at| Ok(next(at))).unwrap()
    }

    #[test]
    fn chains_are_followed_and_circles_left() {
        let chain = [(1, 2), (2, 3), (5, 6), (6, 5), (7, 7)];
        assert_eq!(of(1, &chain), Master::Other(3));
        assert_eq!(of(3, &chain), Master::Itself);
        assert_eq!(of(5, &chain), Master::Circle);
        assert_eq!(of(7, &chain), Master::Circle);
        let endless: Vec<(u64, u64)> = (0..100).map(|at| (at, at + 1)).collect();
        assert_eq!(of(0, &endless), Master::Circle);
    }
}
