//! How long phases take, learned from phases that were measured.
//!
//! In: rows and milliseconds of measured steps. Out: for any number of rows a [`Span`]. A line through all steps of one kind says what
//! a step costs at least and what each row adds; how far a load was off the line goes on in part as a cost per row, the more
//! so the more rows it was measured with.

use crate::migration::span::Span;

/// Rows at which half of what a load was off the line counts as cost per row.
const HALF_KNOWN: f64 = 200.0;

/// A step that was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub rows: f64,
    pub milliseconds: f64,
}

/// What a step of a kind costs: so much, and so much for each row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Line {
    pub fixed: f64,
    pub row: f64,
}

impl Line {
    /// The line that is nearest to all of them; neither part of it is below nothing.
    pub(super) fn through(steps: &[Step]) -> Self {
        if steps.is_empty() {
            return Self::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "a few hundred steps")]
        let count = steps.len() as f64;
        let mean = |of: fn(&Step) -> f64| steps.iter().map(of).sum::<f64>() / count;
        let (rows, time) = (mean(|step| step.rows), mean(|step| step.milliseconds));
        let spread: f64 = steps.iter().map(|step| (step.rows - rows).powi(2)).sum();
        let common: f64 = steps
            .iter()
            .map(|step| (step.rows - rows) * (step.milliseconds - time))
            .sum();
        let row = if spread > 0.0 {
            (common / spread).max(0.0)
        } else {
            0.0
        };
        let fixed = time - row * rows;
        if fixed >= 0.0 {
            return Self { fixed, row };
        }
        // Nothing is free of cost and pays back later: a line through the origin.
        let squares: f64 = steps.iter().map(|step| step.rows.powi(2)).sum();
        let products: f64 = steps.iter().map(|step| step.rows * step.milliseconds).sum();
        Self {
            fixed: 0.0,
            row: if squares > 0.0 {
                products / squares
            } else {
                0.0
            },
        }
    }

    /// What a step with so many rows takes, by what its own load was measured with, if it was.
    pub(super) fn at(self, rows: f64, own: Option<Step>) -> Span {
        let expected = self.fixed + self.row * rows;
        let Some(own) = own.filter(|own| own.rows > 0.0) else {
            return Span::of(expected);
        };
        let off = own.milliseconds - (self.fixed + self.row * own.rows);
        let grown = off * rows / own.rows;
        let share = own.rows / (own.rows + HALF_KNOWN);
        let least = 0.0_f64.max(self.fixed.min(own.milliseconds));
        Span {
            low: (expected + off.min(grown)).max(least),
            likely: (expected + off * (1.0 - share) + grown * share).max(least),
            high: (expected + off.max(grown)).max(least),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(rows: f64, milliseconds: f64) -> Step {
        Step { rows, milliseconds }
    }

    #[test]
    fn a_line_finds_what_steps_cost_and_what_rows_add() {
        let line = Line::through(&[step(10.0, 320.0), step(100.0, 500.0), step(300.0, 900.0)]);
        assert!((line.fixed - 300.0).abs() < 1e-6, "{line:?}");
        assert!((line.row - 2.0).abs() < 1e-9, "{line:?}");
        let span = line.at(1_000.0, Some(step(300.0, 900.0)));
        assert!((span.likely - 2_300.0).abs() < 1e-6, "{span:?}");
        assert_eq!((span.low, span.high), (span.likely, span.likely));
    }

    #[test]
    fn a_load_off_the_line_is_uncertain_to_both_sides() {
        let line = Line {
            fixed: 100.0,
            row: 1.0,
        };
        // 200 rows took 200 ms more than the line says.
        let span = line.at(2_000.0, Some(step(200.0, 500.0)));
        assert!(
            (span.low - 2_300.0).abs() < 1e-6,
            "a cost of its own once: {span:?}"
        );
        assert!(
            (span.high - 4_100.0).abs() < 1e-6,
            "a cost of each row: {span:?}"
        );
        assert!((span.likely - 3_200.0).abs() < 1e-6, "half each: {span:?}");
    }

    #[test]
    fn no_line_promises_less_than_nothing() {
        let line = Line::through(&[step(10.0, 1.0), step(100.0, 900.0)]);
        assert!(line.fixed >= 0.0 && line.row > 0.0, "{line:?}");
        assert_eq!(Line::through(&[]), Line::default());
        let flat = Line::through(&[step(5.0, 40.0), step(5.0, 60.0)]);
        assert_eq!(
            flat,
            Line {
                fixed: 50.0,
                row: 0.0
            }
        );
        let span = Line {
            fixed: 50.0,
            row: 0.0,
        }
        .at(10.0, Some(step(1_000.0, 10.0)));
        assert!(span.low >= 0.0 && span.likely >= 0.0, "{span:?}");
    }

    #[test]
    fn a_span_leaves_room() {
        let span = Span::of(100.0).widened();
        assert!(
            (span.low - 90.0).abs() < 1e-9 && (span.high - 110.0).abs() < 1e-9,
            "{span:?}"
        );
    }
}
