//! The searches for one failure, one after the other. Most reports are found by
//! several of them: each is read once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;

use super::Mirror;
use super::search::{Hit, Place, cut, has_words, holds, parts_query, phrase, pieces_query};
use crate::domain::matching::{Report, Scope, Search};

/// Most reports that one search gives.
const MOST_HITS: usize = 40;

/// Reports are known by their rows here.
pub(super) struct Finder<'a> {
    mirror: Mirror<'a>,
    /// What was looked at so far.
    read: HashMap<i64, (Place, Hit)>,
    found: BTreeSet<i64>,
    /// Of each name the titles that have it.
    titles: BTreeMap<String, Vec<i64>>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(mirror: Mirror<'a>) -> Self {
        Self {
            mirror,
            read: HashMap::new(),
            found: BTreeSet::new(),
            titles: BTreeMap::new(),
        }
    }

    /// What was found: each report once, by number.
    pub(super) fn heads(mut self) -> Vec<Report> {
        let hits = self.found.iter().filter_map(|row| self.read.remove(row));
        let mut heads: Vec<Report> = hits.map(|(_, hit)| head(hit)).collect();
        heads.sort_unstable_by_key(|head| head.issue.number);
        heads
    }

    /// Makes one search.
    pub(super) fn find(&mut self, search: &Search) -> Result<()> {
        let index = match (search.scope, search.all.as_slice()) {
            (Scope::Title, [name]) => return self.find_name(name, &search.any),
            (Scope::Title, _) => "issue_titles",
            (Scope::TitleParts, _) => return self.find_parts(search),
            (Scope::FullText, _) => "issue_texts",
        };
        match query(search) {
            Some(query) => self.find_in(index, &query, |_| true),
            None => Ok(()),
        }
    }

    fn find_in(
        &mut self,
        index: &str,
        query: &str,
        is_wanted: impl Fn(&Hit) -> bool,
    ) -> Result<()> {
        let rows = self.rows(index, query)?;
        self.take_best(&rows, is_wanted);
        Ok(())
    }

    /// What an index finds, in order.
    fn rows(&mut self, index: &str, query: &str) -> Result<Vec<i64>> {
        let rows = self.mirror.rows(index, query)?;
        let unknown = rows.iter().copied();
        let unknown: Vec<i64> = unknown.filter(|row| !self.read.contains_key(row)).collect();
        let hits = self.mirror.hits_of(&unknown)?.into_iter();
        self.read.extend(hits.map(|hit| (hit.0.row, hit)));
        let known = rows.iter().filter_map(|row| self.read.get(row));
        let mut places: Vec<Place> = known.map(|(place, _)| *place).collect();
        places.sort_unstable_by_key(|place| Reverse(*place));
        Ok(places.into_iter().map(|place| place.row).collect())
    }

    /// Takes the first of the rows whose reports are wanted.
    fn take_best(&mut self, rows: &[i64], is_wanted: impl Fn(&Hit) -> bool) {
        let wanted = rows
            .iter()
            .filter(|row| self.read.get(row).is_some_and(|(_, hit)| is_wanted(hit)));
        self.found.extend(wanted.take(MOST_HITS));
    }

    /// Titles with a name, and where `any` is not empty with one of those as well.
    /// The words beside a name are looked for in its titles: lists of common words
    /// are long, and the index would walk through all of them.
    fn find_name(&mut self, name: &str, any: &[String]) -> Result<()> {
        let term = cut(name);
        if !has_words(&term) {
            return Ok(());
        }
        let rows = match self.titles.remove(name) {
            Some(rows) => rows,
            None => self.rows("issue_titles", &phrase(&term))?,
        };
        let beside = any.iter().filter(|term| has_words(term));
        let beside: Vec<String> = beside.map(|term| spaced(term)).collect();
        let has_one = |hit: &Hit| {
            let title = spaced(&hit.issue.title);
            beside.iter().any(|term| title.contains(term.as_str()))
        };
        self.take_best(&rows, |hit| any.is_empty() || has_one(hit));
        self.titles.insert(name.to_owned(), rows);
        Ok(())
    }

    /// Of each name those titles that have it as a part of a longer one, unless enough
    /// titles have it as a whole; and of each piece those that have it.
    fn find_parts(&mut self, search: &Search) -> Result<()> {
        for piece in search.any.iter().filter(|piece| has_words(piece)) {
            self.find_in("issue_title_pieces", &phrase(piece), |_| true)?;
        }
        for name in &search.all {
            let known = self.titles.get(name);
            if known.is_some_and(|known| known.len() >= MOST_HITS) {
                continue;
            }
            let term = cut(name);
            let has_it = |hit: &Hit| holds(&hit.issue.title, &term);
            // Of `test_send` those with `test_send_all`, not with `test_sendfile`.
            if let Some(query) = pieces_query(&term) {
                self.find_in("issue_title_pieces", &query, has_it)?;
            } else if let Some(query) = parts_query(&term) {
                // `test_get` has no piece of its own.
                self.find_in("issue_title_parts", &query, has_it)?;
            }
        }
        Ok(())
    }
}

/// The words of a text in lower case, each between spaces, as the index has them.
fn spaced(text: &str) -> String {
    let small = text.to_lowercase();
    let mut spaced = String::with_capacity(small.len() + 2);
    spaced.push(' ');
    for word in small.split(|char: char| !char.is_alphanumeric() && char != '_') {
        if !word.is_empty() {
            spaced.push_str(word);
            spaced.push(' ');
        }
    }
    spaced
}

fn head(hit: Hit) -> Report {
    Report {
        issue: hit.issue,
        by: None,
        open: hit.open,
        created_at: hit.created_at,
        last_said_at: hit.created_at.max(hit.updated_at),
        closed_at: hit.closed_at,
        labels: Vec::new(),
        duplicate_of: None,
        resolution: None,
        text: String::new(),
        cutoff: None,
    }
}

/// The search in FTS5's words; none where nothing can be looked for.
fn query(search: &Search) -> Option<String> {
    let phrases = |terms: &[String]| -> Vec<String> {
        let cut = terms.iter().map(|term| cut(term));
        cut.filter(|term| has_words(term))
            .map(|term| phrase(&term))
            .collect()
    };
    let (mut all, any) = (phrases(&search.all), phrases(&search.any));
    if all.len() < search.all.len() || (any.is_empty() && !search.any.is_empty()) {
        return None;
    }
    if !any.is_empty() {
        all.push(format!("({})", any.join(" OR ")));
    }
    (!all.is_empty()).then(|| all.join(" AND "))
}
