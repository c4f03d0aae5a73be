//! The reconciliation report: what a run came to.

use std::path::Path;

use super::estimate::PREDICTED;
use super::{Plan, Source, WrittenDocument};
use crate::error::Error;
use crate::migration::{Migration, RunOverview, status};
use crate::report::{Cell, Table};

const RUN: [Plan; 19] = [
    ("How it ended", "", "run/verdict", false),
    (
        "What became of the source's rows",
        "Every row of a phase that was reported has exactly one fate; of a phase that was not, rows may have no answer so far.",
        "run/fates",
        true,
    ),
    (
        "Where the rows of each load went",
        "From load to fate.",
        "run/flow",
        true,
    ),
    (
        "The books of each load",
        "Outbox = created + updated + unchanged + failed + unprocessed; the column `unaccounted` has to be 0. A gate that is shut kept the \
         next phase from beginning; one that was not reached belongs to a phase that was not reported, whose rows are counted by the \
         answers that came.",
        "run/accounting",
        false,
    ),
    (
        "From the source to the loads",
        "Rows of each source = outbox + held + out of scope + passive + ignored, over all loads that take rows from it; `unaccounted` has \
         to be 0.",
        "run/identities",
        false,
    ),
    (
        "From the export to what is staged",
        "Records of the export = staged + rejected, as it is staged now; `unaccounted` has to be 0. Cells that could not be read are empty \
         in rows that moved.",
        "run/sources",
        false,
    ),
    (
        "Read back and compared",
        "Each field of the records that were read back from the org: in how many it is as it was sent. Those that differ most come first.",
        "run/match",
        false,
    ),
    (
        "Rows that did not land",
        "By the error that Salesforce gave, with whom it concerns and what to do; the command sends such rows again once the cause is \
         gone.",
        "run/failed",
        false,
    ),
    (
        "Rows that are held",
        "Kept back with a reason, as things stand now; a later run takes them up when the reason is gone. `transload docs reasons` says \
         what each means and what to do.",
        "run/held",
        false,
    ),
    (
        "Values of the org that the run replaced",
        "After the first run: what the source changed, what a policy or a decision said. ledger.changes has each value, old and new.",
        "run/changes",
        false,
    ),
    (
        "Changed on both sides",
        "Fields that the source and people in the org changed; the org keeps its value until config/decisions.csv says otherwise.",
        "run/conflicts",
        false,
    ),
    (
        "Differences now",
        "Fields that the org has otherwise than they were sent.",
        "run/differences",
        false,
    ),
    (
        "What the org changed itself",
        "Values that people or automation of the org set after we did; they stay.",
        "run/changed_by_org",
        false,
    ),
    (
        "Values that did not fit",
        "Cut, blanked or replaced, with the original kept in recon.altered.",
        "run/altered",
        false,
    ),
    (
        "Rows to look at",
        "They moved; a flag says what was assumed or is odd.",
        "run/flagged",
        false,
    ),
    (
        "Where the time went",
        "Phases in order of time, with the seconds until their rows were written, sent, and read back and compared.",
        "run/timeline",
        true,
    ),
    (
        "Records side by side",
        "The sample that `transload reconcile --sample 50` drew last. To sign it, fill in verdict, checked_by and checked_on in its CSV \
         and read it back with `transload reconcile --verified FILE`, or tick here on paper. Checked by: ____________________ \
         On: ____________ Signature: ____________________",
        "run/samples",
        false,
    ),
    (
        "Who checked what",
        "Records that somebody compared by eye (config/verified.csv).",
        "run/verified",
        false,
    ),
    (
        "From column to field",
        "Which column of the export reaches which field, and how many of its values arrived.",
        "run/columns",
        false,
    ),
];

impl Migration {
    /// A run by its name, by default the last one that took nothing back.
    pub(super) async fn found_run(
        &self,
        target: Option<&str>,
        run: Option<&str>,
    ) -> Result<RunOverview, Error> {
        let mut known = status::runs(self.staging(), target).await?.into_iter();
        let found = match run {
            Some(wanted) => known.find(|known| known.run == wanted),
            None => known.rfind(|known| known.undoes.is_empty()),
        };
        found.ok_or_else(|| match run {
            Some(run) => Error::Unknown {
                what: format!("there is no run {run}"),
                hint: "`transload status` lists the runs there are".to_owned(),
            },
            None => Error::NotYet {
                what: "there is no run so far".to_owned(),
                hint: "`transload run` makes one".to_owned(),
            },
        })
    }

    /// Writes the report of a run, by default the last one.
    ///
    /// # Errors
    /// There is no such run, or as [`Self::write_scope`].
    pub async fn write_report(
        &self,
        target: Option<&str>,
        run: Option<&str>,
        folder: Option<&Path>,
    ) -> Result<WrittenDocument, Error> {
        let found = self.found_run(target, run).await?;
        let organisation = Some(found.organisation.clone());
        let asked = self.ask_organisation(organisation).await?;
        let source = Source {
            run: Some(&found.run),
            ..Source::of(&asked)
        };
        let mut facts = status::facts(&found);
        if found.finished.is_none() {
            facts.push((
                "Note".to_owned(),
                "the run has not come to its end: it goes on right now, or it broke off. What is known of it so far is below; the next \
                 `transload run` settles what is open and goes on"
                    .to_owned(),
            ));
        }
        let title = format!("Reconciliation: {}", self.config().name);
        let folder = self.folder(folder, &found.run);
        let mut plans = RUN.to_vec();
        if asked.snapshot.get("estimate", "loads").is_some() {
            plans.push(PREDICTED);
        }
        let (mut parts, files) = self.parts(&source, &plans, &folder).await?;
        if let Some(part) = parts.first_mut()
            && let Some(table) = &part.table
        {
            part.text = verdict(table);
        }
        self.save(&title, facts, parts, files, (&folder, "report"))
    }
}

/// How a run ended, in one line.
fn verdict(table: &Table) -> String {
    let at = |name: &str| {
        let column = table.columns.iter().position(|column| column.name == name);
        column.and_then(|column| table.rows.first()?.get(column))
    };
    let text = |name: &str| at(name).map_or_else(String::new, Cell::text);
    let (lost, different) = (text("not landed"), text("differences"));
    let ended = match text("status").as_str() {
        "ok" => "Every phase passed its gate",
        "gated" => "A gate is shut, so later phases did not begin",
        "held" => "Everything else was sent; rows wait for decisions",
        "stopped" => "A person stopped it in the middle",
        "partial" => "A part was run, as asked",
        "unfinished" | "" => {
            return format!(
                "It has not come to its end. So far {} phases began and {} of them were reported: {} records created, {} changed, {lost} \
                 rows that were to be sent did not land or have no answer.",
                text("phases begun"),
                text("phases reported"),
                text("created"),
                text("updated"),
            );
        }
        _ => "It broke off in the middle",
    };
    format!(
        "{ended}: {} records created, {} changed, {lost} rows did not land, {} rows are held, {different} differences were found on reading back.",
        text("created"),
        text("updated"),
        text("held"),
    )
}
