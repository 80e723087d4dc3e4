//! Dates as trackers print them, all in UTC.

use crate::domain::Seconds;
use crate::domain::calendar::{date_of, moment, moment_of};

const DAY: Seconds = 86_400;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Reads `2026-11-22T07:18:47Z` (GitHub) and `2026-11-22.07:18:47` (Roundup).
pub(crate) fn parse(text: &str) -> Option<Seconds> {
    moment(text).or_else(|| moment(&text.replacen('.', "T", 1)))
}

/// Reads HTTP's `Sun, 22 Nov 2026 07:18:47 GMT` (RFC 9110, section 5.6.7; the
/// obsolete forms are none).
pub(crate) fn parse_http(text: &str) -> Option<Seconds> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = words[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    moment_of(
        year.parse().ok()?,
        Seconds::try_from(month).ok()?,
        day.parse().ok()?,
        time,
    )
}

/// `2026-11-22T07:18:47Z`.
pub(crate) fn for_github(at: Seconds) -> String {
    format_with(at, 'T', "Z")
}

/// `2026-11-22.07:18:47`.
pub(crate) fn for_roundup(at: Seconds) -> String {
    format_with(at, '.', "")
}

fn format_with(at: Seconds, between: char, end: &str) -> String {
    let (year, month, day) = date_of(at.div_euclid(DAY));
    let second = at.rem_euclid(DAY);
    format!(
        "{year:04}-{month:02}-{day:02}{between}{:02}:{:02}:{:02}{end}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::{for_github, for_roundup, parse, parse_http};

    #[test]
    fn every_form_reads_back() {
        for at in [0, 951_782_400, 1_795_331_927, 4_102_444_799, -1] {
            assert_eq!(parse(&for_github(at)), Some(at));
            assert_eq!(parse(&for_roundup(at)), Some(at));
        }
        assert_eq!(for_github(1_795_331_927), "2026-11-22T07:18:47Z");
        assert_eq!(for_roundup(951_782_400), "2000-02-29.00:00:00");
        assert_eq!(
            parse_http("Sun, 22 Nov 2026 07:18:47 GMT"),
            Some(1_795_331_927)
        );
    }

    #[test]
    fn other_text_is_no_date() {
        for text in [
            "",
            "T",
            "2026-11-22",
            "2026-13-01T00:00:00Z",
            "2026-11-22T24:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse_http("Sunday, 22-Nov-26 07:18:47 GMT"), None);
    }
}
