//! The row-count report of one phase (`P6`): the accounting identity in words, reasons behind each number.

use super::summary::markdown_table;
use crate::reconcile::PhaseReport;

/// A reason and how many rows it explains.
type Reasons = [(String, u64)];

/// The phase's report as Markdown. `gate` holds why the gate is shut, nothing if it is open.
#[must_use]
pub fn phase_document(
    run: &str,
    report: &PhaseReport,
    source: Option<(&str, u64)>,
    fates: &Reasons,
    flags: &Reasons,
    errors: &Reasons,
    gate: &[String],
) -> String {
    let mut text = format!("# {} → {}\n\nRun {run}.\n\n", report.load, report.object);
    if let Some((table, rows)) = source {
        text.push_str(&format!(
            "Rows of `usercom.{table}`, over all loads that account for it: {rows}.\n\n"
        ));
    }
    text.push_str(&format!(
        "- grain: {} = outbox {} + held {} + out of scope {} + passive {} + ignored {}\n",
        report.accounted(),
        report.outbox,
        report.held,
        report.out_of_scope,
        report.passive,
        report.ignored
    ));
    text.push_str(&format!(
        "- outbox: {} = created {} + updated {} + unchanged {} + failed {} + unprocessed {}\n",
        report.outbox,
        report.created,
        report.updated,
        report.unchanged,
        report.failed,
        report.unprocessed
    ));
    text.push_str(&format!(
        "- org: {} rows read back, {} differences, {} values changed by the org, {} of them in the source too\n",
        report.read_back, report.differences, report.changed_by_org, report.conflicts
    ));
    text.push_str(&format!(
        "- overlays: {} rows flagged, {} rows with an altered value\n\n",
        report.flagged, report.altered
    ));
    for (title, reasons) in [
        ("Rows that did not move", fates),
        ("Flags", flags),
        ("Failed rows", errors),
    ] {
        if reasons.is_empty() {
            continue;
        }
        let rows = reasons
            .iter()
            .map(|(reason, rows)| vec![reason.clone(), rows.to_string()]);
        text.push_str(&format!(
            "## {title}\n\n{}\n",
            markdown_table(&["reason", "rows"], rows)
        ));
    }
    if gate.is_empty() {
        text.push_str("Gate: **open**, the next phase may begin.\n");
    } else {
        text.push_str("Gate: **shut**.\n\n");
        for reason in gate {
            text.push_str(&format!("- {reason}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_shows_both_identities_and_the_gate() {
        let report = PhaseReport {
            object: "Lead".to_owned(),
            load: "lead".to_owned(),
            outbox: 3,
            sent: 3,
            created: 2,
            failed: 1,
            held: 1,
            ..PhaseReport::default()
        };
        let held = [("held: lifecycle_missing".to_owned(), 1)];
        let text = phase_document("r1", &report, Some(("people", 4)), &held, &[], &[], &[]);
        insta::assert_snapshot!(text, @r"
        # lead → Lead

        Run r1.

        Rows of `usercom.people`, over all loads that account for it: 4.

        - grain: 4 = outbox 3 + held 1 + out of scope 0 + passive 0 + ignored 0
        - outbox: 3 = created 2 + updated 0 + unchanged 0 + failed 1 + unprocessed 0
        - org: 0 rows read back, 0 differences, 0 values changed by the org, 0 of them in the source too
        - overlays: 0 rows flagged, 0 rows with an altered value

        ## Rows that did not move

        | reason | rows |
        |---|---|
        | held: lifecycle_missing | 1 |

        Gate: **open**, the next phase may begin.
        ");
    }
}
