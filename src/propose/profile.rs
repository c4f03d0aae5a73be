//! What a column holds, in numbers: how much of it is filled, how long, of which kinds, which values repeat.
//!
//! In: cells. Out: a [`Profile`], whose samples are masked. Memory is bounded: beyond [`DISTINCT`] different values it only
//! counts.

use std::collections::BTreeMap;

/// Different values that are kept.
const DISTINCT: usize = 1_000;

/// Samples that are shown.
const SAMPLES: usize = 3;

/// Characters of a sample.
const SHOWN: usize = 40;

/// A column in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Rows of its table.
    pub rows: u64,
    /// Rows with a value.
    pub filled: u64,
    /// Different values, up to a limit.
    pub distinct: u64,
    /// Characters of the longest value.
    pub longest: u64,
    /// Values that are e-mail addresses.
    pub emails: u64,
    /// Values that are telephone numbers.
    pub phones: u64,
    /// Values that are web addresses.
    pub urls: u64,
    /// Values that are dates.
    pub dates: u64,
    /// Values that are numbers.
    pub numbers: u64,
    /// Those of them that are not whole.
    pub fractions: u64,
    /// Most digits before the point of a number.
    pub whole_digits: u32,
    /// Most digits after it.
    pub decimals: u32,
    /// Values that are yes or no.
    pub booleans: u64,
    /// Values with their counts, the most frequent first; empty if there are too many to be a list.
    pub values: Vec<(String, u64)>,
    /// Some values, masked.
    pub samples: Vec<String>,
}

impl Profile {
    /// Share of the filled rows, from 0 to 1.
    #[must_use]
    pub fn share(&self, count: u64) -> f64 {
        if self.filled == 0 {
            return 0.0;
        }
        count as f64 / self.filled as f64
    }

    /// Share of rows that have a value, from 0 to 1.
    #[must_use]
    pub fn fill(&self) -> f64 {
        if self.rows == 0 {
            return 0.0;
        }
        self.filled as f64 / self.rows as f64
    }

    /// Whether its values repeat as those of a list do.
    #[must_use]
    pub fn is_list(&self) -> bool {
        !self.values.is_empty() && self.distinct <= 50 && self.distinct * 2 <= self.filled
    }
}

/// Makes a profile of cells, one after the other.
#[derive(Debug, Default)]
pub struct Profiler {
    profile: Profile,
    values: BTreeMap<String, u64>,
    overflown: bool,
}

impl Profiler {
    /// Takes a cell; none or blank = no value.
    pub fn push(&mut self, cell: Option<&str>) {
        let profile = &mut self.profile;
        profile.rows += 1;
        let Some(cell) = cell.map(str::trim).filter(|cell| !cell.is_empty()) else {
            return;
        };
        profile.filled += 1;
        profile.longest = profile.longest.max(cell.chars().count() as u64);
        profile.emails += u64::from(is_email(cell));
        profile.phones += u64::from(is_phone(cell));
        profile.urls += u64::from(is_url(cell));
        profile.dates += u64::from(is_date(cell));
        if let Some(number) = number(cell) {
            profile.numbers += 1;
            profile.fractions += u64::from(number.fract() != 0.0);
            // As people write it, without an exponent.
            let shown = number.abs().to_string();
            let (whole, decimals) = shown.split_once('.').unwrap_or((&shown, ""));
            profile.whole_digits = profile.whole_digits.max(digits(whole));
            profile.decimals = profile.decimals.max(digits(decimals));
        }
        profile.booleans += u64::from(is_boolean(cell));
        if let Some(count) = self.values.get_mut(cell) {
            *count += 1;
        } else if self.values.len() < DISTINCT {
            self.values.insert(cell.to_owned(), 1);
        } else {
            self.overflown = true;
        }
    }

    /// The profile.
    #[must_use]
    pub fn finish(self) -> Profile {
        let mut profile = self.profile;
        profile.distinct = self.values.len() as u64 + u64::from(self.overflown);
        let mut values: Vec<(String, u64)> = self.values.into_iter().collect();
        values.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        profile.samples = values
            .iter()
            .take(SAMPLES)
            .map(|(value, _)| mask(value))
            .collect();
        if !self.overflown {
            profile.values = values;
        }
        profile
    }
}

/// A value whose form is seen and whose content is not: `anna@xy.pl` → `a***@x*.p*`. A word of one character is its own first
/// one, and is hidden whole.
#[must_use]
pub fn mask(value: &str) -> String {
    let mut masked = String::new();
    // What begins like a formula would be one in a spreadsheet.
    if value.starts_with(['=', '+', '-', '@']) {
        masked.push('\'');
    }
    let mut inside = false;
    let mut letters = value.chars().peekable();
    let mut at = 0;
    while let Some(letter) = letters.next() {
        if at == SHOWN {
            masked.push('…');
            break;
        }
        let hides = letter.is_alphanumeric();
        let goes_on = letters.peek().is_some_and(|next| next.is_alphanumeric());
        masked.push(match (hides, inside || !goes_on) {
            (true, true) => '*',
            _ if letter.is_control() => ' ',
            _ => letter,
        });
        inside = hides;
        at += 1;
    }
    masked
}

fn is_email(cell: &str) -> bool {
    let Some((name, domain)) = cell.split_once('@') else {
        return false;
    };
    !name.is_empty()
        && domain.contains('.')
        && !domain.contains('@')
        && !cell.contains(char::is_whitespace)
}

fn is_phone(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    let signs = |letter: char| letter.is_ascii_digit() || " +-()/.".contains(letter);
    let is_written = cell.starts_with('+') || cell.starts_with('0') || cell.contains(' ');
    (7..=15).contains(&digits)
        && cell.chars().all(signs)
        && !is_date(cell)
        && (is_written || digits >= 9)
}

fn is_url(cell: &str) -> bool {
    let lower = cell.to_lowercase();
    let is_host = |text: &str| {
        let host = text.split(['/', '?', '#', ':']).next().unwrap_or_default();
        let plain = |letter: char| letter.is_alphanumeric() || letter == '-';
        host.contains('.')
            && host
                .split('.')
                .all(|part| !part.is_empty() && part.chars().all(plain))
            && host.rsplit('.').next().is_some_and(|last| {
                last.len() >= 2 && last.chars().all(|letter| letter.is_alphabetic())
            })
    };
    let bare = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"));
    is_host(bare.unwrap_or(&lower))
}

fn is_date(cell: &str) -> bool {
    let day = cell.split(['T', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['-', '.', '/']).collect();
    let [first, second, third] = parts[..] else {
        return false;
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let all = [first, second, third].iter().all(|part| digits(part));
    all && (first.len() == 4 && second.len() <= 2 && third.len() <= 2
        || third.len() == 4 && first.len() <= 2 && second.len() <= 2)
}

fn number(cell: &str) -> Option<f64> {
    let plain = cell.trim_end_matches('%').trim().replace(',', ".");
    let has_digit = plain.bytes().any(|byte| byte.is_ascii_digit());
    let number = plain.parse::<f64>().ok().filter(|_| has_digit)?;
    number.is_finite().then_some(number)
}

fn digits(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

fn is_boolean(cell: &str) -> bool {
    let lower = cell.to_lowercase();
    matches!(
        lower.as_str(),
        "true"
            | "false"
            | "t"
            | "f"
            | "yes"
            | "no"
            | "y"
            | "n"
            | "1"
            | "0"
            | "tak"
            | "nie"
            | "ja"
            | "nein"
            | "oui"
            | "non"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(cells: &[&str]) -> Profile {
        let mut profiler = Profiler::default();
        for cell in cells {
            profiler.push(Some(cell));
        }
        profiler.finish()
    }

    #[test]
    fn kinds_of_values_are_told_apart() {
        let emails = profile(&["a@b.pl", "c.d@e.com", "@", "x@y"]);
        assert_eq!((emails.emails, emails.filled), (2, 4));
        let phones = profile(&["+48 600 700 800", "022 123 45 67", "2024-01-31", "123"]);
        assert_eq!((phones.phones, phones.dates), (2, 1));
        let urls = profile(&["https://a.pl/x", "www.b.com", "3.5", "a.b", "Ltd."]);
        assert_eq!(urls.urls, 2);
        let numbers = profile(&["1", "2,5", "10%", "nan", "1e999", "x"]);
        assert_eq!((numbers.numbers, numbers.fractions), (3, 1));
        let measured = profile(&["1234.5", "0.12345678", "1e-7", "-10.0"]);
        assert_eq!(
            (measured.fractions, measured.whole_digits, measured.decimals),
            (3, 4, 8)
        );
    }

    #[test]
    fn blanks_are_no_values_and_lists_repeat() {
        let mut profiler = Profiler::default();
        for cell in [
            Some("red"),
            Some("blue"),
            Some("red "),
            Some("blue"),
            Some(" "),
            None,
        ] {
            profiler.push(cell);
        }
        let profile = profiler.finish();
        assert_eq!((profile.rows, profile.filled, profile.distinct), (6, 4, 2));
        assert!(profile.is_list());
        assert_eq!(profile.values[0], ("blue".to_owned(), 2));
    }

    #[test]
    fn samples_show_the_form_only() {
        assert_eq!(mask("anna.zajac@northbeam.pl"), "a***.z****@n********.p*");
        assert_eq!(mask("+48 600-700"), "'+4* 6**-7**");
        assert_eq!(mask("łódź\n🦀"), "ł*** 🦀");
        for (value, masked) in [
            ("5", "*"),
            ("M", "*"),
            ("a@b.pl", "*@*.p*"),
            ("A 1 b", "* * *"),
        ] {
            assert_eq!(mask(value), masked, "{value}");
        }
        assert_eq!(mask(&"x".repeat(100)).chars().count(), SHOWN + 1);
    }

    #[test]
    fn many_values_are_counted_in_bounded_memory() {
        let mut profiler = Profiler::default();
        for number in 0..(DISTINCT + 500) {
            profiler.push(Some(&number.to_string()));
        }
        let profile = profiler.finish();
        assert_eq!(profile.distinct, DISTINCT as u64 + 1);
        assert!(profile.values.is_empty() && !profile.is_list());
    }
}
