//! Why a part of a document is not known, in one sentence with the command that makes it known.
//!
//! In: the error of a query, and the tables there are. Out: a sentence for people. Never: an error of the engine for a table that is only
//! not there yet.

use crate::engine::EngineError;
use crate::staging::Snapshot;

/// The reason; of a query that is wrong itself what the engine says of it.
pub(super) fn because(error: &EngineError, snapshot: &Snapshot, has_run: bool) -> String {
    let text = error.to_string();
    let Some((schema, table)) = missing(&text) else {
        return text;
    };
    let is_staged = snapshot.schema("usercom").next().is_some();
    let has_run = has_run || snapshot.get("ledger", "runs").is_some();
    let reason = match (schema, table) {
        ("recon", "samples") => "no sample was drawn yet: `transload reconcile --sample 50`",
        ("estimate", _) => "nothing was estimated yet: `transload estimate`",
        ("staged", "open_decisions") if is_staged => {
            "nobody asked yet what is open: `transload audit`"
        }
        ("usercom" | "rejects" | "staged" | "mapped" | "config", _) if !is_staged => {
            "nothing is staged yet: `transload stage`"
        }
        ("org", _) => "the org was not met yet: `transload plan`",
        ("ledger" | "recon" | "outbox" | "prepare" | "known", _) if !has_run => {
            "nothing was run yet: `transload run`"
        }
        ("recon", _) => {
            "no run came so far as to compare with the org: `transload run`, or `transload reconcile`"
        }
        ("ledger" | "outbox" | "prepare" | "known", _) => {
            "no run came so far yet: `transload run` goes on where the last one ended"
        }
        ("usercom" | "mapped", _) => {
            return format!(
                "what is staged has no {schema}.{table}: `transload docs tables` says which files of the export make it"
            );
        }
        _ => return format!("there is no table {schema}.{table}: `transload docs tables` has all"),
    };
    reason.to_owned()
}

/// Schema and name of the table that a query lacks.
fn missing(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("table 'datafusion.")?;
    let (name, rest) = rest.split_once('\'')?;
    rest.starts_with(" not found")
        .then(|| name.split_once('.'))?
}

#[cfg(test)]
mod tests {
    use datafusion::error::DataFusionError;

    use super::*;

    fn lacks(table: &str) -> EngineError {
        let text = format!("table 'datafusion.{table}' not found");
        EngineError::Plan {
            query: "queries/report/x.sql".to_owned(),
            source: Box::new(DataFusionError::Plan(text)),
        }
    }

    #[test]
    fn a_table_that_is_not_there_yet_is_told_with_the_command_that_makes_it() {
        let nothing = Snapshot::default();
        for (table, command) in [
            ("usercom.people", "`transload stage`"),
            ("staged.files", "`transload stage`"),
            ("config.lifecycle", "`transload stage`"),
            ("recon.samples", "`transload reconcile --sample 50`"),
            ("recon.held", "`transload run`"),
            ("ledger.attempts", "`transload run`"),
            ("estimate.total", "`transload estimate`"),
            ("org.users", "`transload plan`"),
            ("elsewhere.x", "`transload docs tables`"),
        ] {
            let told = because(&lacks(table), &nothing, false);
            assert!(told.contains(command), "{table}: {told}");
            assert!(!told.contains("datafusion"), "{table}: {told}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_query_is_told_as_it_is() {
        let source = DataFusionError::Plan("no field named emial".to_owned());
        let error = EngineError::Plan {
            query: "queries/report/x.sql".to_owned(),
            source: Box::new(source),
        };
        assert!(because(&error, &Snapshot::default(), true).contains("emial"));
    }
}
