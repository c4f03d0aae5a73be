//! Spellings of countries that stand for no code, in an org that takes codes alone.
//!
//! In: the flags of a load's rows, what was sent. Out: a line that names them and says where they are decided. Never: a guess at a
//! code.

use crate::engine::Session;
use crate::error::Error;
use crate::project::QueryFile;
use crate::reconcile::{PhaseReport, counts};
use crate::rows::{Columns, key_text};

/// The flag, and the field in which such a spelling stands.
const FLAG: &str = "country_without_code";
const FIELD: &str = "usercom_country__c";

/// How many are named.
const NAMED: usize = 5;

/// What to say of a load; nothing if each of its countries has a code.
pub(super) async fn without_code(
    session: &Session,
    file: &QueryFile,
    columns: &Columns,
    report: &PhaseReport,
) -> Result<Option<String>, Error> {
    let load = &report.load;
    let has_field = columns.sent.iter().any(|field| field.name() == FIELD);
    if report.flagged == 0 || !has_field || !file.sql.contains(FLAG) {
        return Ok(None);
    }
    let sql = format!(
        "select o.\"{FIELD}\" as name, count(*) as n from recon.flags_{load} as f \
         inner join outbox.{load} as o on {} = f.key where f.flag = '{FLAG}' group by o.\"{FIELD}\"",
        key_text("o", &file.key)
    );
    let found = counts(session, "spellings of countries", &sql).await?;
    if found.is_empty() {
        return Ok(None);
    }
    let named = found.iter().take(NAMED);
    let mut named: Vec<String> = named
        .map(|(name, rows)| format!("{name} ({rows})"))
        .collect();
    if found.len() > NAMED {
        named.push("…".to_owned());
    }
    Ok(Some(format!(
        "{load}: {} spelling(s) of countries stand for no code and are kept in {FIELD} alone: {}; add a line with the code of each to \
         config/countries.csv",
        found.len(),
        named.join(", ")
    )))
}
