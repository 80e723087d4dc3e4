//! Where to go on in a list that is sorted by last change, oldest first.
//!
//! The list changes while it is read: an issue that changes moves to the end, and
//! everything behind it moves up by one, over the border between two pages. So
//! the next page is not "page 2" but "changed at or after the last one seen".
//! Page numbers are used only where one second holds more than a page.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::Seconds;

/// A change becomes visible only when its transaction ends, which may be after
/// a later change was seen; a pass therefore looks back that far, in seconds.
const OVERLAP: Seconds = 300;

/// More remembered ids than this are forgotten, oldest change first; then some
/// issues are given once more than needed.
const MOST_REMEMBERED: usize = 2000;

/// What is remembered between two requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Ask for what changed then or later.
    pub(crate) from: Seconds,
    /// The page of that list, from 1.
    pub(crate) page: u32,
    /// A complete pass has given everything that changed before then.
    pub(crate) complete_before: Option<Seconds>,
    /// Id and last change of what was given, as far as `from` can bring it again.
    given: BTreeMap<u64, Seconds>,
}

/// Whether the list goes on behind the page that was just read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It does.
    More,
    /// That was the last page.
    Nothing,
}

impl Cursor {
    /// Begins a first pass.
    pub(crate) fn new(from: Seconds) -> Self {
        Self {
            from,
            page: 1,
            complete_before: None,
            given: BTreeMap::new(),
        }
    }

    /// Takes note of a page: id and last change of each entry, in the list's
    /// order. Gives the ids that were not given before as they are now.
    pub(crate) fn take(&mut self, page: &[(u64, Seconds)], rest: Rest) -> Vec<u64> {
        let fresh = page
            .iter()
            .filter(|(id, at)| self.given.get(id) != Some(at))
            .map(|(id, _)| *id)
            .collect();
        self.given.extend(page.iter().copied());
        match (rest, page.last()) {
            (Rest::More, Some((_, last))) if *last > self.from => self.go_to(*last),
            (Rest::More, _) => self.page += 1,
            (Rest::Nothing, _) => {
                let newest = self.given.values().max().copied();
                self.go_to(newest.map_or(self.from, |newest| newest - OVERLAP));
                self.complete_before = Some(self.from);
            }
        }
        fresh
    }

    fn go_to(&mut self, from: Seconds) {
        self.from = from;
        self.page = 1;
        self.given.retain(|_, at| *at >= from - OVERLAP);
        if self.given.len() > MOST_REMEMBERED {
            let mut times: Vec<Seconds> = self.given.values().copied().collect();
            times.sort_unstable();
            let border = times.get(times.len() - MOST_REMEMBERED).copied();
            self.given.retain(|_, at| Some(*at) >= border);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, OVERLAP, Rest};

    /// A server's list: id and last change.
    fn read(list: &mut [(u64, i64)], cursor: &mut Cursor, size: usize) -> (Vec<u64>, Rest) {
        list.sort_by_key(|(id, at)| (*at, *id));
        let due: Vec<_> = list
            .iter()
            .filter(|(_, at)| *at >= cursor.from)
            .copied()
            .collect();
        let start = (cursor.page as usize - 1) * size;
        let page: Vec<_> = due.iter().skip(start).take(size).copied().collect();
        let rest = if due.len() > start + size {
            Rest::More
        } else {
            Rest::Nothing
        };
        (cursor.take(&page, rest), rest)
    }

    fn pass(list: &mut [(u64, i64)], cursor: &mut Cursor) -> Vec<u64> {
        let mut all = Vec::new();
        loop {
            let (some, rest) = read(list, cursor, 2);
            all.extend(some);
            if rest == Rest::Nothing {
                return all;
            }
        }
    }

    #[test]
    fn a_change_between_two_pages_loses_nothing() {
        let mut list = [(1, 1000), (2, 2000), (3, 3000), (4, 4000), (5, 5000)];
        let mut cursor = Cursor::new(0);
        let (mut all, _) = read(&mut list, &mut cursor, 2);
        list[0].1 = 6000; // with page numbers, 3 would now be skipped
        all.extend(pass(&mut list, &mut cursor));
        all.sort_unstable();
        assert_eq!(all, [1, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_full_page_in_one_second_is_read_to_its_end() {
        let mut list: Vec<_> = (1..=9).map(|id| (id, 7000)).collect();
        let mut cursor = Cursor::new(0);
        assert_eq!(pass(&mut list, &mut cursor), (1..=9).collect::<Vec<_>>());
    }

    #[test]
    fn the_next_pass_gives_only_what_changed_and_what_came_late() {
        let mut list = vec![(1, 1000), (2, 2000), (3, 3000)];
        let mut cursor = Cursor::new(0);
        assert_eq!(pass(&mut list, &mut cursor), [1, 2, 3]);
        assert_eq!(pass(&mut list, &mut cursor), [0_u64; 0]);
        list.push((4, 3000 - OVERLAP / 2));
        assert_eq!(pass(&mut list, &mut cursor), [4]);
        list[0].1 = 3001;
        assert_eq!(pass(&mut list, &mut cursor), [1]);
        assert_eq!(pass(&mut list, &mut cursor), [0_u64; 0]);
    }

    #[test]
    fn what_is_remembered_stays_bounded() {
        let mut cursor = Cursor::new(0);
        let page: Vec<_> = (0..10_000_u64)
            .map(|id| (id, 1_000 + (id as i64) / 100))
            .collect();
        cursor.take(&page, Rest::Nothing);
        assert!(cursor.given.len() <= 2_100, "{}", cursor.given.len());
    }
}
