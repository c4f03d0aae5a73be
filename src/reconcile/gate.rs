//! The gate between phases: the next phase begins only if this one's books are in order.

use super::PhaseReport;
use crate::config::Gates;

/// A gate's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why the gate is shut; empty when it is open.
    pub reasons: Vec<String>,
}

impl Verdict {
    /// Whether the next phase may begin.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// Judges a phase. `expected` is the number of rows its grain must account for, where that is known.
#[must_use]
pub fn judge(report: &PhaseReport, expected: Option<u64>, gates: &Gates) -> Verdict {
    let mut reasons = Vec::new();
    let load = &report.load;
    if let Some(expected) = expected
        && expected != report.accounted()
    {
        reasons.push(format!(
            "{load} accounts for {} rows, but its source has {expected}: a `where` drops rows, or a join multiplies them",
            report.accounted()
        ));
    }
    if !report.outbox_balances() {
        reasons.push(format!("{load}: the outbox has rows without an outcome"));
    }
    #[expect(clippy::cast_precision_loss, reason = "a percentage of row counts")]
    let failed = report.failed as f64 * 100.0 / report.sent.max(1) as f64;
    if failed > gates.max_failed_percent {
        reasons.push(format!(
            "{load}: {} of {} rows failed ({failed:.2} %, allowed {} %); see `transload query \"select * from ledger.{load} where outcome = 'failed'\"`",
            report.failed, report.sent, gates.max_failed_percent
        ));
    }
    if report.unprocessed > gates.max_unprocessed {
        reasons.push(format!(
            "{load}: {} rows were never processed (allowed {})",
            report.unprocessed, gates.max_unprocessed
        ));
    }
    if report.differences > gates.max_differences {
        reasons.push(format!(
            "{load}: {} differences on read-back (allowed {}); see `transload query \"select * from recon.differences_{load}\"`",
            report.differences, gates.max_differences
        ));
    }
    Verdict { reasons }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> PhaseReport {
        PhaseReport {
            load: "lead".to_owned(),
            outbox: 1000,
            sent: 1000,
            created: 996,
            failed: 4,
            held: 10,
            ..PhaseReport::default()
        }
    }

    #[test]
    fn few_failures_pass_and_many_do_not() {
        assert!(judge(&report(), Some(1010), &Gates::default()).passed());
        let bad = PhaseReport {
            created: 990,
            failed: 10,
            ..report()
        };
        assert!(judge(&bad, None, &Gates::default()).reasons[0].contains("10 of 1000 rows failed"));
    }

    #[test]
    fn a_row_without_a_fate_shuts_the_gate() {
        assert!(!judge(&report(), Some(1011), &Gates::default()).passed());
    }

    #[test]
    fn one_unprocessed_row_or_difference_shuts_the_gate() {
        let unprocessed = PhaseReport {
            created: 995,
            unprocessed: 1,
            ..report()
        };
        assert!(!judge(&unprocessed, None, &Gates::default()).passed());
        let differing = PhaseReport {
            differences: 1,
            ..report()
        };
        assert!(!judge(&differing, None, &Gates::default()).passed());
    }
}
