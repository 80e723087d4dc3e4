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

/// The reverse of [`timestamp`], also of a moment with an offset: a fraction of a second
/// is dropped, and where nothing says which zone it is, it is UTC. None for what is no
/// moment of the years 1 to 9999.
pub fn moment(text: &str) -> Option<Seconds> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (date.next()?, date.next()?, date.next()?);
    let (time, offset) = match (time.strip_suffix('Z'), time.rsplit_once(['+', '-'])) {
        (Some(time), _) => (time, 0),
        (None, Some((before, offset))) => {
            let (hours, minutes) = offset.split_once(':')?;
            let offset = 3600 * below(24, hours)? + 60 * below(60, minutes)?;
            let is_west = time.contains('-');
            (before, if is_west { -offset } else { offset })
        }
        (None, None) => (time, 0),
    };
    let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    Some(moment_of(year, month, day, time)? - offset)
}

/// A moment in UTC by its day and a time such as `07:18:47`, of which a fraction of a
/// second is dropped. None for what is no moment of the years 1 to 9999.
pub fn moment_of(year: Seconds, month: Seconds, day: Seconds, time: &str) -> Option<Seconds> {
    let mut parts = time.splitn(3, ':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let second = second.split('.').next()?;
    // There are leap seconds.
    let (hour, minute, second) = (below(24, hour)?, below(60, minute)?, below(61, second)?);
    let good = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    good.then(|| day_number(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn below(end: Seconds, digits: &str) -> Option<Seconds> {
    digits.parse().ok().filter(|it| (0..end).contains(it))
}

#[cfg(test)]
mod tests {
    use super::{date_of, day_number, moment, timestamp};

    #[test]
    fn known_days_have_their_numbers() {
        assert_eq!(day_number(1970, 1, 1), 0);
        assert_eq!(day_number(2000, 2, 29), 11_016);
        assert_eq!(day_number(2026, 11, 22), 20_779);
        assert_eq!(day_number(1969, 12, 31), -1);
    }

    #[test]
    fn a_moment_reads_back_and_knows_zones() {
        for at in [0, 951_782_400, 1_795_331_927, 4_102_444_799, -1] {
            assert_eq!(moment(&timestamp(at)), Some(at));
        }
        for text in [
            "2026-11-22T07:18:47.1234567Z",
            "2026-11-22T07:18:47",
            "2026-11-22T07:18:47.1234567+00:00",
            "2026-11-22T09:48:47+02:30",
            "2026-11-21T23:18:47.5-08:00",
        ] {
            assert_eq!(moment(text), Some(1_795_331_927), "{text}");
        }
        for text in [
            "",
            "T",
            "2026-11-22",
            "2026-13-01T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T07:18:47+2:x",
            "2026-11-22T07:18:47+24:00",
            "0000-01-01T00:00:00Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
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
