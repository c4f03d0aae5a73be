//! How long something takes: a span of seconds, or of milliseconds, never narrower than ten percent to each side once
//! it is what a plan says: the org has other work too.

use serde::Serialize;

/// What a span has to each side of the likely value at least.
const LEAST: f64 = 0.1;

/// Seconds, or milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Span {
    /// If all that is unexplained stays as it was measured.
    pub low: f64,
    /// What is to be expected.
    pub likely: f64,
    /// If all that is unexplained grows with the rows.
    pub high: f64,
}

impl Span {
    /// The same for all.
    pub(crate) fn of(value: f64) -> Self {
        Self {
            low: value,
            likely: value,
            high: value,
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            low: self.low + other.low,
            likely: self.likely + other.likely,
            high: self.high + other.high,
        }
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            low: self.low * factor,
            likely: self.likely * factor,
            high: self.high * factor,
        }
    }

    /// What is likely; the high value where nothing is.
    #[must_use]
    pub fn most(self) -> f64 {
        match self.likely.is_nan() {
            true => self.high,
            false => self.likely,
        }
    }

    /// With room to both sides.
    pub(crate) fn widened(self) -> Self {
        Self {
            low: self.low.min(self.likely * (1.0 - LEAST)),
            high: self.high.max(self.likely * (1.0 + LEAST)),
            ..self
        }
    }
}
