//! Days of the Gregorian calendar, counted from 1970-01-01.
//!
//! After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms":
//! <https://howardhinnant.github.io/date_algorithms.html>.

use crate::domain::Seconds;

/// Days in 400 years, after which the calendar repeats.
const ERA: Seconds = 146_097;

/// Days from 0000-03-01 to 1970-01-01: years are counted from March, so that the
/// leap day is the last one.
const SHIFT: Seconds = 719_468;

/// The day's number; 0 is 1970-01-01. `month` is 1 to 12, `day` 1 to 31; a day
/// that the month does not have counts into the next one.
pub fn day_number(year: Seconds, month: Seconds, day: Seconds) -> Seconds {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA + day_of_era - SHIFT
}

/// The reverse of [`day_number`]: year, month and day.
pub fn date_of(day_number: Seconds) -> (Seconds, Seconds, Seconds) {
    let shifted = day_number + SHIFT;
    let era = shifted.div_euclid(ERA);
    let day_of_era = shifted.rem_euclid(ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + Seconds::from(month <= 2);
    (year, month, day)
}

/// A moment, in seconds since 1970, as RFC 3339 has it: `2026-11-22T07:18:05Z`.
pub fn timestamp(at: Seconds) -> String {
    let (year, month, day) = date_of(at.div_euclid(86_400));
    let time = at.rem_euclid(86_400);
    let (hour, minute, second) = (time / 3600, time % 3600 / 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::{date_of, day_number};

    #[test]
    fn known_days_have_their_numbers() {
        assert_eq!(day_number(1970, 1, 1), 0);
        assert_eq!(day_number(2000, 2, 29), 11_016);
        assert_eq!(day_number(2026, 11, 22), 20_779);
        assert_eq!(day_number(1969, 12, 31), -1);
    }

    #[test]
    fn every_day_leads_back_to_itself() {
        for number in (-800_000..800_000).step_by(61) {
            let (year, month, day) = date_of(number);
            assert_eq!(day_number(year, month, day), number);
            assert!((1..=12).contains(&month) && (1..=31).contains(&day));
        }
    }
}
