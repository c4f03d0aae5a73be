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
    reasons.extend(held_too_many(report, gates).map(|held| {
        format!(
            "{held}; see `transload query \"select reason, count(*) from recon.held where load = '{load}' group by reason\"`"
        )
    }));
    Verdict { reasons }
}

/// What the gate says of a load that holds more of its rows than allowed.
#[must_use]
pub fn held_too_many(report: &PhaseReport, gates: &Gates) -> Option<String> {
    let load = &report.load;
    let rows = report.outbox + report.held;
    #[expect(clippy::cast_precision_loss, reason = "a percentage of row counts")]
    let percent = report.held as f64 * 100.0 / rows.max(1) as f64;
    (report.held > gates.max_held_rows && percent > gates.max_held_percent).then(|| {
        format!(
            "{load}: {} of {rows} rows are held ({percent:.2} %, allowed {} %): decide what they wait for, or raise max_held_percent \
             under [gates]",
            report.held, gates.max_held_percent
        )
    })
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
    fn a_load_that_is_held_as_good_as_whole_shuts_the_gate_unless_that_is_allowed() {
        let held = |outbox, held| PhaseReport {
            outbox,
            sent: outbox,
            created: outbox,
            held,
            ..report()
        };
        let gates = Gates::default();
        let found = reasons(&held(0, 4), &gates);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("lead: 4 of 4 rows are held (100.00 %, allowed 99 %)"),
            "{found:?}"
        );
        // A few rows say nothing about a load, nor does one that moves among a few.
        for (outbox, rows) in [(0, 3), (1, 99), (0, 0)] {
            assert!(
                judge(&held(outbox, rows), &gates).passed(),
                "{outbox} {rows}"
            );
        }
        assert!(!judge(&held(1, 100), &gates).passed());
        let strict = Gates {
            max_held_percent: 0.0,
            max_held_rows: 0,
            ..Gates::default()
        };
        assert!(!judge(&held(99, 1), &strict).passed());
        let lenient = Gates {
            max_held_percent: 100.0,
            ..Gates::default()
        };
        assert!(judge(&held(0, 1000), &lenient).passed());
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
