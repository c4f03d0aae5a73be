//! Currencies as they stand next to sums: signs, abbreviations, codes.
//!
//! In: a cell with a sum, or with a currency. Out: the sum without its currency, and the currencies that are meant. Never: a guess;
//! words that are no currency (`5 mln zł`, `12k`) leave the sum unread.

use super::Fault;
use super::number::money;

/// Signs and abbreviations, and the currencies that each may stand for; alone it stands for the first, unless that is none.
const SIGNS: [(&str, &[&str]); 33] = [
    ("€", &["EUR"]),
    ("euro", &["EUR"]),
    ("eur.", &["EUR"]),
    ("zł", &["PLN"]),
    ("zl", &["PLN"]),
    ("£", &["GBP"]),
    (
        "$",
        &[
            "USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN", "ARS", "CLP", "COP",
        ],
    ),
    ("us$", &["USD"]),
    ("a$", &["AUD"]),
    ("c$", &["CAD"]),
    ("kč", &["CZK"]),
    ("kc", &["CZK"]),
    ("ft", &["HUF"]),
    ("lei", &["RON", "MDL"]),
    ("лв", &["BGN"]),
    ("kn", &["HRK"]),
    ("fr", &["CHF"]),
    ("sfr", &["CHF"]),
    ("kr", &["", "SEK", "NOK", "DKK", "ISK"]),
    ("¥", &["", "JPY", "CNY"]),
    ("円", &["JPY"]),
    ("元", &["CNY"]),
    ("₴", &["UAH"]),
    ("грн", &["UAH"]),
    ("₽", &["RUB"]),
    ("руб", &["RUB"]),
    ("₺", &["TRY"]),
    ("₹", &["INR"]),
    ("rs", &["INR", "PKR", "LKR", "NPR"]),
    ("₪", &["ILS"]),
    ("₩", &["KRW"]),
    ("r$", &["BRL"]),
    ("₫", &["VND"]),
];

/// Codes of ISO 4217.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF \
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP \
    MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK \
    SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF \
    YER ZAR ZMW ZWG";

/// Currencies that a sign or code may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Currency {
    /// A code.
    Code(String),
    /// A sign: what it means alone comes first, empty if nothing.
    Sign(&'static [&'static str]),
}

impl Currency {
    /// The currency of a cell that has nothing else in it; what is neither sign nor code is its own.
    #[must_use]
    pub fn named(text: &str) -> Self {
        Self::read(text).unwrap_or_else(|| Self::Code(text.trim().to_uppercase()))
    }

    fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let bare = text.trim_end_matches('.');
        if let Some((_, codes)) = SIGNS
            .iter()
            .find(|(sign, _)| *sign == text || *sign == bare)
        {
            return Some(Self::Sign(codes));
        }
        let code = bare.to_uppercase();
        CODES
            .split_whitespace()
            .any(|known| known == code)
            .then_some(Self::Code(code))
    }

    /// The one currency that is meant, if nothing else says which.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Code(code) => Some(code),
            Self::Sign(codes) => codes.first().copied().filter(|code| !code.is_empty()),
        }
    }

    /// Whether both may be the same.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        let codes = |currency: &Self| match currency {
            Self::Code(code) => vec![code.clone()],
            Self::Sign(codes) => codes.iter().map(|code| (*code).to_owned()).collect(),
        };
        let others = codes(other);
        codes(self)
            .iter()
            .any(|code| !code.is_empty() && others.contains(code))
    }
}

/// A sum with or without a currency next to it, in hundredths.
///
/// # Errors
/// As [`money`]; [`Fault::CurrencySymbol`] where what is next to it is no currency that is known.
pub fn sum(cell: &str) -> Result<i128, Fault> {
    match money(cell) {
        Err(Fault::CurrencySymbol) => {
            let (_, sum) = split(cell).ok_or(Fault::CurrencySymbol)?;
            money(&sum)
        }
        read => read,
    }
}

/// The currency next to a sum.
#[must_use]
pub fn currency_of(cell: &str) -> Option<Currency> {
    match money(cell) {
        Err(Fault::CurrencySymbol) => split(cell).map(|(currency, _)| currency),
        _ => None,
    }
}

/// A currency and the sum that it stands before or behind; none if it is there twice, or is none.
fn split(cell: &str) -> Option<(Currency, String)> {
    let text = cell.trim();
    let is_number =
        |letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '+' | '\u{2212}');
    let first = text.find(is_number)?;
    // `.50 zł`, but `Rs. 500`.
    let first = match text[..first].strip_suffix('.') {
        Some(before) if before.trim().is_empty() => before.len(),
        _ => first,
    };
    let last = text.rfind(|letter: char| letter.is_ascii_digit())? + 1;
    let (before, core, after) = (&text[..first], text.get(first..last)?, &text[last..]);
    // A sign of the number may stand before the currency.
    let (sign, core, before) = match core.strip_prefix(['-', '+', '\u{2212}']) {
        Some(rest)
            if before.is_empty()
                && !rest.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') =>
        {
            let sign = &core[..core.len() - rest.len()];
            let first = rest.find(|letter: char| letter.is_ascii_digit())?;
            (sign, &rest[first..], &rest[..first])
        }
        _ => ("", core, before),
    };
    let currency = match (before.trim(), after.trim()) {
        (before, "") => Currency::read(before)?,
        ("", after) => Currency::read(after)?,
        _ => return None,
    };
    Some((currency, format!("{sign}{core}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_without_their_currency() {
        for (cell, cents, code) in [
            ("€1,250.00", 125_000, "EUR"),
            ("1250 zł", 125_000, "PLN"),
            ("1 250,50 zł.", 125_050, "PLN"),
            ("PLN 1250", 125_000, "PLN"),
            ("1250pln", 125_000, "PLN"),
            ("$5", 500, "USD"),
            ("-$5.25", -525, "USD"),
            ("$-5.25", -525, "USD"),
            ("\u{2212} 5 €", -500, "EUR"),
            ("Rs. 500", 50_000, "INR"),
            (".50 €", 50, "EUR"),
            ("12\u{a0}Kč", 1_200, "CZK"),
        ] {
            assert_eq!(sum(cell), Ok(cents), "{cell}");
            assert_eq!(currency_of(cell).unwrap().code(), Some(code), "{cell}");
        }
        assert_eq!(sum("12.50"), Ok(1_250));
        assert_eq!(currency_of("12.50"), None);
    }

    #[test]
    fn what_is_no_currency_leaves_the_sum_unread() {
        for cell in [
            "5 mln zł",
            "12k",
            "approx 500",
            "€ 5 EUR",
            "5 netto",
            "USD",
            "$",
        ] {
            assert!(sum(cell).is_err(), "{cell}");
            assert_eq!(currency_of(cell), None, "{cell}");
        }
        assert_eq!(sum("€1,250"), Err(Fault::AmbiguousNumber));
        assert_eq!(sum("€1010.005"), Err(Fault::TooManyDecimals));
    }

    #[test]
    fn a_sign_agrees_with_each_currency_that_has_it() {
        let dollar = currency_of("$5").unwrap();
        assert!(dollar.agrees(&Currency::named("cad")));
        assert!(!dollar.agrees(&Currency::named("PLN")));
        assert!(Currency::named("zł").agrees(&Currency::named("PLN")));
        let crowns = currency_of("5 kr").unwrap();
        assert_eq!(crowns.code(), None);
        assert!(crowns.agrees(&Currency::named("NOK")));
    }
}
