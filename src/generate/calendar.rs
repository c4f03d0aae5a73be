//! Instants and dates as text, in every spelling that exports have (`guide/usercom.md` §1.6 and §6).
//!
//! Comes in: seconds since 1970 and a spelling. Goes out: bytes at the end of a buffer. Never reads a clock: the export
//! was "made" at a fixed instant, otherwise two runs would differ.

/// The instant at which the synthetic export was made: 2026-02-27T22:00:00Z.
pub(super) const EXPORTED_AT: i64 = 1_772_229_600;

/// One day in seconds.
pub(super) const DAY: i64 = 86_400;

/// How an instant is spelled. All spellings of one instant mean the same moment (a naive one is UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `2023-04-05T06:07:08.123456Z`, the API's own.
    ZuluMicros,
    /// `2023-04-05T06:07:08Z`.
    Zulu,
    /// `2023-04-05T08:07:08+02:00`.
    Offset,
    /// `2023-04-05 06:07:08.123456+00`, as PostgreSQL prints it.
    Postgres,
    /// `2023-04-05 06:07:08`, no zone.
    Naive,
    /// `2023-04-05T06:07:08.123`, no zone.
    NaiveMillis,
}

impl Spelling {
    /// All spellings.
    pub(super) const ALL: [Self; 6] = [
        Self::ZuluMicros,
        Self::Zulu,
        Self::Offset,
        Self::Postgres,
        Self::Naive,
        Self::NaiveMillis,
    ];
}

/// Writes the instant `seconds` (UTC) plus `micros` (below one million) as `spelling`.
pub(super) fn write_instant(out: &mut Vec<u8>, seconds: i64, micros: u32, spelling: Spelling) {
    let local = if spelling == Spelling::Offset {
        seconds + 7_200
    } else {
        seconds
    };
    write_date(out, local.div_euclid(DAY));
    let of_day = local.rem_euclid(DAY) as u32;
    let separator = match spelling {
        Spelling::Postgres | Spelling::Naive => b' ',
        _ => b'T',
    };
    out.push(separator);
    digits::<2>(out, of_day / 3600);
    out.push(b':');
    digits::<2>(out, of_day / 60 % 60);
    out.push(b':');
    digits::<2>(out, of_day % 60);
    match spelling {
        Spelling::ZuluMicros => {
            out.push(b'.');
            digits::<6>(out, micros);
            out.push(b'Z');
        }
        Spelling::Zulu => out.push(b'Z'),
        Spelling::Offset => out.extend_from_slice(b"+02:00"),
        Spelling::Postgres => {
            out.push(b'.');
            digits::<6>(out, micros);
            out.extend_from_slice(b"+00");
        }
        Spelling::Naive => {}
        Spelling::NaiveMillis => {
            out.push(b'.');
            digits::<3>(out, micros / 1000);
        }
    }
}

/// Writes the date `days` after 1970-01-01 as `2023-04-05`.
pub(super) fn write_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil(days);
    digits::<4>(out, year);
    out.push(b'-');
    digits::<2>(out, month);
    out.push(b'-');
    digits::<2>(out, day);
}

/// Year, month, day of the proleptic Gregorian calendar (Hinnant, `civil_from_days`); years 0 to 9999.
fn civil(days: i64) -> (u32, u32, u32) {
    let shifted = (days + 719_468) as u32;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u32::from(month <= 2);
    (year, month, day)
}

/// Writes `value` with exactly `WIDTH` digits.
fn digits<const WIDTH: usize>(out: &mut Vec<u8>, mut value: u32) {
    let mut text = [b'0'; WIDTH];
    for place in text.iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(spelling: Spelling) -> String {
        let mut out = Vec::new();
        write_instant(&mut out, 1_680_674_828, 123_456, spelling);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_instant_has_six_spellings() {
        let spelled: Vec<String> = Spelling::ALL.into_iter().map(instant).collect();
        assert_eq!(
            spelled,
            [
                "2023-04-05T06:07:08.123456Z",
                "2023-04-05T06:07:08Z",
                "2023-04-05T08:07:08+02:00",
                "2023-04-05 06:07:08.123456+00",
                "2023-04-05 06:07:08",
                "2023-04-05T06:07:08.123",
            ]
        );
    }

    #[test]
    fn dates_are_right_around_leap_days_and_before_1970() {
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (EXPORTED_AT / DAY, "2026-02-27"),
        ] {
            let mut out = Vec::new();
            write_date(&mut out, days);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
