//! Instants: ISO 8601 in the forms the source is known or likely to write, read by hand since they are most of the
//! work; RFC 2822 and ISO basic through chrono.
//!
//! Accepted: `YYYY-MM-DD`, `T` or a space, `HH:MM[:SS[.fraction]]`, then `Z`, `UTC`, `±HH`, `±HHMM`, `±HH:MM` or
//! nothing. Nothing means the source's time zone (`migration.toml`), never the machine's; a date alone is its
//! midnight there. A local time that occurs twice is the first of the two; one that never occurs is refused.
//! Digits beyond microseconds are cut. Forms with slashes or points are refused: they do not say which
//! number is the month.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::Fault;

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS;

/// Microseconds since 1970-01-01 UTC; `zone` is that of timestamps without one.
///
/// # Errors
/// [`Fault::UnparsableTimestamp`], [`Fault::NonexistentLocalTime`].
pub fn timestamp(cell: &str, zone: Tz) -> Result<i64, Fault> {
    let text = cell.trim_ascii();
    match Instant::read(text.as_bytes()) {
        Some(instant) => instant.to_utc(zone),
        None => uncommon(text, zone),
    }
}

/// A wall-clock time and, if it was written, its distance from UTC.
pub(super) struct Instant {
    /// Days since 1970-01-01.
    pub(super) day: i32,
    /// Microseconds since midnight.
    pub(super) time: i64,
    /// Seconds east of UTC.
    offset: Option<i32>,
}

impl Instant {
    /// Reads the ISO 8601 extended forms; `None` for anything else.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let day = iso_day(bytes.get(..10)?)?;
        let Some((b'T' | b't' | b' ', clock)) = bytes[10..].split_first() else {
            return (bytes.len() == 10).then_some(Self {
                day,
                time: 0,
                offset: None,
            });
        };
        let hour = two(clock, 0)?;
        let minute = two(clock, 3)?;
        if clock.get(2) != Some(&b':') || hour > 23 || minute > 59 {
            return None;
        }
        let mut rest = clock.get(5..)?;
        let mut time = (hour * 3600 + minute * 60) * MICROS;
        if let Some((b':', seconds)) = rest.split_first() {
            let second = two(seconds, 0)?;
            if second > 59 {
                return None;
            }
            time += second * MICROS;
            rest = &seconds[2..];
            if let Some((b'.' | b',', fraction)) = rest.split_first() {
                let length = fraction
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit())
                    .count();
                if !(1..=12).contains(&length) {
                    return None;
                }
                let mut unit = MICROS / 10;
                for digit in &fraction[..length] {
                    time += i64::from(digit - b'0') * unit;
                    unit /= 10;
                }
                rest = &fraction[length..];
            }
        }
        Some(Self {
            day,
            time,
            offset: offset(rest.trim_ascii_start())?,
        })
    }

    /// The wall-clock time so many microseconds later.
    pub(super) fn moved(&self, micros: i64) -> Self {
        Self {
            time: self.time + micros,
            ..*self
        }
    }

    /// Microseconds since 1970-01-01 UTC.
    pub(super) fn to_utc(&self, zone: Tz) -> Result<i64, Fault> {
        let local = i64::from(self.day) * DAY + self.time;
        match self.offset {
            Some(seconds) => Ok(local - i64::from(seconds) * MICROS),
            None if zone == Tz::UTC => Ok(local),
            None => from_local(local, zone),
        }
    }
}

fn from_local(local: i64, zone: Tz) -> Result<i64, Fault> {
    let naive = DateTime::from_timestamp_micros(local)
        .ok_or(Fault::UnparsableTimestamp)?
        .naive_utc();
    naive_to_utc(naive, zone)
}

fn naive_to_utc(naive: NaiveDateTime, zone: Tz) -> Result<i64, Fault> {
    match zone.from_local_datetime(&naive) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
            Ok(instant.timestamp_micros())
        }
        LocalResult::None => Err(Fault::NonexistentLocalTime),
    }
}

/// `YYYY-MM-DD` as days since 1970-01-01, years 1 to 9999.
pub(super) fn iso_day(bytes: &[u8]) -> Option<i32> {
    let [_, _, _, _, b'-', _, _, b'-', _, _] = bytes else {
        return None;
    };
    let year = two(bytes, 0)? * 100 + two(bytes, 2)?;
    let month = two(bytes, 5)?;
    let day = two(bytes, 8)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if year == 0 || day == 0 || day > longest {
        return None;
    }
    // Days in a year that begins in March, so that the leap day comes last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).ok()
}

fn two(bytes: &[u8], at: usize) -> Option<i64> {
    let tens = bytes.get(at)?.wrapping_sub(b'0');
    let ones = bytes.get(at + 1)?.wrapping_sub(b'0');
    (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
}

/// The zone suffix: `Some(None)` for none, `None` for one that makes no sense.
#[expect(
    clippy::option_option,
    reason = "absent and malformed are different answers"
)]
fn offset(suffix: &[u8]) -> Option<Option<i32>> {
    let (sign, digits) = match suffix {
        [] => return Some(None),
        b"Z" | b"z" | b"UTC" | b"GMT" => return Some(Some(0)),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let hours = two(digits, 0)?;
    let minutes = match digits.len() {
        2 => 0,
        4 => two(digits, 2)?,
        5 if digits[2] == b':' => two(digits, 3)?,
        _ => return None,
    };
    if hours > 18 || minutes > 59 {
        return None;
    }
    i32::try_from(sign * (hours * 3600 + minutes * 60))
        .ok()
        .map(Some)
}

fn uncommon(text: &str, zone: Tz) -> Result<i64, Fault> {
    if let Ok(instant) = DateTime::parse_from_rfc2822(text) {
        return Ok(instant.timestamp_micros());
    }
    for form in ["%Y%m%dT%H%M%S%.f%#z", "%Y%m%dT%H%M%S%.fZ"] {
        if let Ok(instant) = DateTime::parse_from_str(text, form) {
            return Ok(instant.timestamp_micros());
        }
    }
    if let Some(bare) = text.strip_suffix('Z')
        && let Ok(naive) = NaiveDateTime::parse_from_str(bare, "%Y%m%dT%H%M%S%.f")
    {
        return naive_to_utc(naive, Tz::UTC);
    }
    if let Ok(naive) = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S%.f") {
        return naive_to_utc(naive, zone);
    }
    if text.len() == 8
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(day) = NaiveDate::parse_from_str(text, "%Y%m%d")
        && let Some(naive) = day.and_hms_opt(0, 0, 0)
    {
        return naive_to_utc(naive, zone);
    }
    Err(Fault::UnparsableTimestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_micros()
    }

    #[test]
    fn every_variant_of_the_reference_is_read() {
        for (cell, instant) in [
            ("2017-09-06T09:53:50.748535Z", "2017-09-06T09:53:50.748535Z"),
            ("2017-09-06T09:53:50Z", "2017-09-06T09:53:50Z"),
            ("2017-09-06t09:53:50z", "2017-09-06T09:53:50Z"),
            ("2017-09-06T09:53:50+00:00", "2017-09-06T09:53:50Z"),
            ("2017-09-06T09:53:50+0200", "2017-09-06T07:53:50Z"),
            ("2017-09-06 09:53:50-05", "2017-09-06T14:53:50Z"),
            ("2017-09-06 09:53:50.1+05:30", "2017-09-06T04:23:50.1Z"),
            ("2017-09-06 09:53:50 UTC", "2017-09-06T09:53:50Z"),
            ("2017-09-06 09:53:50 +0000", "2017-09-06T09:53:50Z"),
            ("2017-09-06T09:53:50,5Z", "2017-09-06T09:53:50.5Z"),
            (
                "2017-09-06T09:53:50.123456789Z",
                "2017-09-06T09:53:50.123456Z",
            ),
            ("2017-09-06 09:53", "2017-09-06T09:53:00Z"),
            ("2017-09-06T09:53:50", "2017-09-06T09:53:50Z"),
            (" 2017-09-06 ", "2017-09-06T00:00:00Z"),
            ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("20170906T095350Z", "2017-09-06T09:53:50Z"),
            ("20170906T095350", "2017-09-06T09:53:50Z"),
            ("20170906T095350+0200", "2017-09-06T07:53:50Z"),
            ("20170906", "2017-09-06T00:00:00Z"),
            ("Wed, 6 Sep 2017 09:53:50 +0200", "2017-09-06T07:53:50Z"),
        ] {
            assert_eq!(timestamp(cell, Tz::UTC), Ok(micros(instant)), "{cell}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for cell in [
            "06/09/2017",
            "06.09.2017 10:00",
            "2017-13-01",
            "2017-02-29",
            "2017-09-06T24:00:00Z",
            "2017-09-06T09:60:00Z",
            "2017-09-06T09:53:60Z",
            "2017-09-06T09:53:50+25:00",
            "0000-00-00 00:00:00",
            "2017-09-06T09:53:50.Z",
            "2017-09-06T09",
            "2017-09-06X09:53",
            "yesterday",
            "1504691630",
            "2017-9-6",
            "2017-09-06T09:53:50 CEST",
            "ż017-09-06",
            "2017-09-06T09:5",
        ] {
            assert_eq!(
                timestamp(cell, Tz::UTC),
                Err(Fault::UnparsableTimestamp),
                "{cell}"
            );
        }
    }

    #[test]
    fn a_naive_time_is_in_the_source_zone_and_an_offset_beats_it() {
        let warsaw = Tz::Europe__Warsaw;
        for (cell, instant) in [
            ("2024-01-15 12:00:00", "2024-01-15T11:00:00Z"),
            ("2024-07-15 12:00:00", "2024-07-15T10:00:00Z"),
            ("2024-07-15", "2024-07-14T22:00:00Z"),
            ("2024-07-15 12:00:00Z", "2024-07-15T12:00:00Z"),
            // Twice on that night: the first.
            ("2024-10-27 02:30:00", "2024-10-27T00:30:00Z"),
        ] {
            assert_eq!(timestamp(cell, warsaw), Ok(micros(instant)), "{cell}");
        }
        let skipped = timestamp("2024-03-31 02:30:00", warsaw);
        assert_eq!(skipped, Err(Fault::NonexistentLocalTime));
    }

    #[test]
    fn days_agree_with_chrono_over_all_years() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let mut day = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
        while let Some(next) = day
            .checked_add_days(chrono::Days::new(97))
            .filter(|next| *next < NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap())
        {
            let text = day.format("%Y-%m-%d").to_string();
            assert_eq!(
                iso_day(text.as_bytes()).map(i64::from),
                Some((day - epoch).num_days()),
                "{text}"
            );
            day = next;
        }
    }
}
