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
    let micros = timestamp(text, read_in).map_err(|fault| match fault {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i32 {
        let date: chrono::NaiveDate = text.parse().unwrap();
        i32::try_from((date - chrono::NaiveDate::default()).num_days()).unwrap()
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
