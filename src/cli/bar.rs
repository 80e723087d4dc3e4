//! How far something long is: a bar on a terminal, and nothing elsewhere.

use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthStr;

use super::screen::Screen;
use super::words::{count, cut, span};
use crate::domain::Seconds;

/// Drawn so often at most: a terminal far away is slow.
const EVERY: Duration = Duration::from_millis(100);

/// A guess at what is left needs to have seen this much.
const SEEN_ENOUGH: Duration = Duration::from_secs(3);

/// One line that is drawn over and over.
#[derive(Debug)]
pub(super) struct Bar<'a> {
    screen: &'a Screen,
    begun: Instant,
    /// What was done before it began.
    before: Option<u64>,
    drawn: Option<Instant>,
}

impl<'a> Bar<'a> {
    /// Not drawn yet.
    pub(super) fn new(screen: &'a Screen) -> Self {
        Self {
            screen,
            begun: Instant::now(),
            before: None,
            drawn: None,
        }
    }

    /// Draws it: so many are done, and about so many are to come, if that is known.
    pub(super) fn show(&mut self, done: u64, to_come: Option<u64>, noun: &str) {
        let is_too_soon = self.drawn.is_some_and(|at| at.elapsed() < EVERY);
        let before = *self.before.get_or_insert(done);
        if is_too_soon || !self.screen.redraws() {
            return;
        }
        let left =
            to_come.and_then(|it| time_left(done - before.min(done), it, self.begun.elapsed()));
        // A full line would make some terminals go to the next one.
        let columns = self.screen.width() - 1;
        self.screen
            .redraw(&line(done, to_come, noun, left, columns));
        self.drawn = Some(Instant::now());
    }

    /// Says something instead of the bar, until it is drawn again.
    pub(super) fn say(&mut self, words: &str) {
        self.clear();
        self.screen.say(words);
    }

    /// Takes it away.
    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            self.screen.redraw("");
        }
    }
}

/// About how many seconds it goes on, at the speed so far.
fn time_left(done: u64, to_come: u64, since: Duration) -> Option<Seconds> {
    if done == 0 || since < SEEN_ENOUGH {
        return None;
    }
    let milliseconds = u128::from(to_come).checked_mul(since.as_millis())?;
    let seconds = milliseconds / u128::from(done) / 1000;
    Seconds::try_from(seconds).ok()
}

/// `[=====     ]  50 %  20 of about 40 reports, 3m left`, on `columns` at most.
fn line(
    done: u64,
    to_come: Option<u64>,
    noun: &str,
    left: Option<Seconds>,
    columns: usize,
) -> String {
    let shown = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let Some(to_come) = to_come else {
        return cut(&count(shown(done), noun), columns);
    };
    let whole = done.saturating_add(to_come);
    let percent = (done * 100).checked_div(whole).unwrap_or(100);
    let mut words = format!(
        " {percent:>3} %  {done} of about {}",
        count(shown(whole), noun)
    );
    if let Some(left) = left {
        words.push_str(&format!(", {} left", span(left)));
    }
    let room = columns.saturating_sub(words.width() + 2).min(40);
    if room < 5 {
        return cut(words.trim_start(), columns);
    }
    let filled = room * usize::try_from(percent).unwrap_or(100) / 100;
    format!("[{:<room$}]{words}", "=".repeat(filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fits_its_line() {
        assert_eq!(
            line(20, Some(60), "report", Some(200), 60),
            "[====               ]  25 %  20 of about 80 reports, 3m left"
        );
        assert_eq!(
            line(20, Some(0), "report", None, 50),
            "[==================] 100 %  20 of about 20 reports"
        );
        assert_eq!(line(0, Some(0), "report", None, 20), "100 %  0 of about 0…");
        assert_eq!(line(7, None, "report", Some(1), 40), "7 reports");
        for columns in 10..120 {
            let line = line(123_456, Some(654_321), "report", Some(86_400), columns);
            assert!(line.width() <= columns, "{columns}: {line}");
        }
    }

    #[test]
    fn the_time_left_follows_the_speed() {
        let second = Duration::from_secs(1);
        assert_eq!(time_left(100, 900, second * 10), Some(90));
        assert_eq!(time_left(0, 900, second * 10), None);
        assert_eq!(time_left(100, 900, second), None);
        assert_eq!(time_left(1, u64::MAX, Duration::MAX), None);
    }
}
