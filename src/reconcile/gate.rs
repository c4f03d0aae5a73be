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

/// Judges a phase.
#[must_use]
pub fn judge(report: &PhaseReport, gates: &Gates) -> Verdict {
    let mut reasons = Vec::new();
    let load = &report.load;
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
            created: 1000,
            ..PhaseReport::default()
        }
    }

    fn failed(rows: u64) -> PhaseReport {
        PhaseReport {
            created: 1000 - rows,
            failed: rows,
            ..report()
        }
    }

    fn reasons(report: &PhaseReport, gates: &Gates) -> Vec<String> {
        judge(report, gates).reasons
    }

    #[test]
    fn a_phase_in_order_passes() {
        assert!(judge(&report(), &Gates::default()).passed());
        assert!(judge(&PhaseReport::default(), &Gates::default()).passed());
    }

    #[test]
    fn as_many_failures_as_allowed_pass_and_one_more_does_not() {
        assert!(judge(&failed(5), &Gates::default()).passed());
        let found = reasons(&failed(6), &Gates::default());
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("6 of 1000 rows failed (0.60 %, allowed 0.5 %)"),
            "{found:?}"
        );
    }

    #[test]
    fn failures_count_against_what_was_sent_not_against_what_stayed_as_it_was() {
        let mostly_unchanged = PhaseReport {
            sent: 100,
            created: 99,
            failed: 1,
            unchanged: 900,
            ..report()
        };
        assert!(!judge(&mostly_unchanged, &Gates::default()).passed());
    }

    #[test]
    fn one_unprocessed_row_shuts_the_gate_unless_it_is_allowed() {
        let report = PhaseReport {
            created: 999,
            unprocessed: 1,
            ..report()
        };
        let found = reasons(&report, &Gates::default());
        assert_eq!(found, ["lead: 1 rows were never processed (allowed 0)"]);
        let lenient = Gates {
            max_unprocessed: 1,
            ..Gates::default()
        };
        assert!(judge(&report, &lenient).passed());
    }

    #[test]
    fn one_difference_shuts_the_gate_unless_it_is_allowed() {
        let report = PhaseReport {
            differences: 1,
            ..report()
        };
        let found = reasons(&report, &Gates::default());
        assert!(found[0].contains("recon.differences_lead"), "{found:?}");
        let lenient = Gates {
            max_differences: 1,
            ..Gates::default()
        };
        assert!(judge(&report, &lenient).passed());
    }

    #[test]
    fn a_row_without_an_outcome_shuts_the_gate() {
        let report = PhaseReport {
            created: 999,
            ..report()
        };
        let found = reasons(&report, &Gates::default());
        assert_eq!(found, ["lead: the outbox has rows without an outcome"]);
    }

    #[test]
    fn every_reason_is_given_at_once() {
        let report = PhaseReport {
            created: 900,
            failed: 98,
            unprocessed: 1,
            differences: 2,
            ..report()
        };
        assert_eq!(reasons(&report, &Gates::default()).len(), 4);
    }
}
