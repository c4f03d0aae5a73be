//! Calendar dates (`guide/rules.md` 13): a pure date is never shifted; a date taken from an instant is that of the business.

use chrono::DateTime;
use chrono_tz::Tz;

use super::Fault;
use super::timestamp::{Instant, timestamp};

/// The two time zones of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zones {
    /// Zone of timestamps that name none.
    pub source: Tz,
    /// Zone in which an instant becomes a date.
    pub business: Tz,
}

impl Default for Zones {
    fn default() -> Self {
        Self {
            source: Tz::UTC,
            business: Tz::UTC,
        }
    }
}

/// Days since 1970-01-01. A date, or a midnight whatever its offset (a date that was written as a timestamp), is
/// taken as it stands; any other instant falls on the day it has in the business zone.
///
/// # Errors
/// [`Fault::UnparsableDate`], [`Fault::NonexistentLocalTime`].
pub fn date(cell: &str, zones: Zones) -> Result<i32, Fault> {
    let text = cell.trim_ascii();
    if let Some(instant) = Instant::read(text.as_bytes())
        && instant.time == 0
    {
        return Ok(instant.day);
    }
    // A date in basic form is its midnight, whatever the zone.
    let basic = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (read_in, shown_in) = if basic {
        (Tz::UTC, Tz::UTC)
    } else {
        (zones.source, zones.business)
    };
    let read = timestamp(text, read_in).or_else(|fault| match fault {
        Fault::NonexistentLocalTime => skipped(text, zones).ok_or(fault),
        other => Err(other),
    });
    let micros = read.map_err(|fault| match fault {
        Fault::UnparsableTimestamp => Fault::UnparsableDate,
        other => other,
    })?;
    let day = DateTime::from_timestamp_micros(micros)
        .ok_or(Fault::UnparsableDate)?
        .with_timezone(&shown_in)
        .date_naive();
    let days = day
        .signed_duration_since(chrono::NaiveDate::default())
        .num_days();
    i32::try_from(days).map_err(|_| Fault::UnparsableDate)
}

/// An instant of the day on which a time falls that clocks skipped, where there is no doubt about the day.
fn skipped(text: &str, zones: Zones) -> Option<i64> {
    const AROUND: i64 = 3_600_000_000;
    let instant = Instant::read(text.as_bytes())?;
    let [before, after] =
        [-AROUND, AROUND].map(|micros| instant.moved(micros).to_utc(zones.source));
    let (before, after) = (before.ok()?, after.ok()?);
    let day = |micros| {
        let instant = DateTime::from_timestamp_micros(micros)?;
        Some(instant.with_timezone(&zones.business).date_naive())
    };
    match zones.source == zones.business {
        // The day is as it is written. Of the two instants one may be in the day next to it.
        true => [before, after].into_iter().find(|&micros| {
            day(micros).is_some_and(|day| {
                day.signed_duration_since(chrono::NaiveDate::default())
                    .num_days()
                    == i64::from(instant.day)
            })
        }),
        false => (day(before)? == day(after)?).then_some(before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i32 {
        let date: chrono::NaiveDate = text.parse().unwrap();
        i32::try_from((date - chrono::NaiveDate::default()).num_days()).unwrap()
    }

    #[test]
    fn a_time_that_clocks_skipped_has_its_day_where_that_is_certain() {
        let zones = |source, business| Zones { source, business };
        let (warsaw, york) = (Tz::Europe__Warsaw, Tz::America__New_York);
        let skipped = "2026-03-29 02:30:00";
        assert_eq!(date(skipped, zones(warsaw, warsaw)), Ok(day("2026-03-29")));
        let fault = Err(Fault::NonexistentLocalTime);
        assert_eq!(date(skipped, zones(warsaw, york)), Ok(day("2026-03-28")));
        let verde = Tz::Atlantic__Cape_Verde;
        assert_eq!(date(skipped, zones(warsaw, verde)), fault);
    }

    #[test]
    fn pure_dates_are_never_shifted_and_instants_fall_on_the_business_day() {
        let zones = Zones {
            source: Tz::UTC,
            business: Tz::America__New_York,
        };
        for (cell, expected) in [
            ("2024-05-01", "2024-05-01"),
            ("20240501", "2024-05-01"),
            ("2024-05-01T00:00:00Z", "2024-05-01"),
            ("2024-05-01 00:00:00", "2024-05-01"),
            ("2024-05-01T00:00:00+02:00", "2024-05-01"),
            ("2024-05-01T03:00:00Z", "2024-04-30"),
            ("2024-05-01T12:00:00Z", "2024-05-01"),
        ] {
            assert_eq!(date(cell, zones), Ok(day(expected)), "{cell}");
        }
        for cell in [
            "01.05.2024",
            "05/01/2024",
            "2024-02-30",
            "soon",
            "1714521600",
            "99999999",
        ] {
            assert_eq!(date(cell, zones), Err(Fault::UnparsableDate), "{cell}");
        }
    }
}
