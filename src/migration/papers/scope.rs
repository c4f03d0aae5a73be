//! The scope document: what the export holds, what it asks, what the org needs.

use std::path::Path;

use arrow::datatypes::DataType;

use super::{Plan, WrittenDocument};
use crate::engine::View;
use crate::error::Error;
use crate::migration::Migration;
use crate::staging::{Manifest, Snapshot};

const SCOPE: [Plan; 13] = [
    (
        "What the export holds",
        "Rows as the files have them. Unreadable rows and cells are kept with file, row and reason in rejects.*; nothing of them \
         is guessed.",
        "scope/objects",
        true,
    ),
    (
        "What makes people billable at User.com",
        "Each combination of e-mail, phone, user id, chat, web push and device key, with the people who have it.",
        "scope/billing",
        true,
    ),
    (
        "Database size",
        "What User.com (now Positive User) shows in the application lags by up to 24 hours, so a small difference is to be expected; \
         database_size under [source] in migration.toml says what it showed when the export was made.",
        "scope/database_size",
        false,
    ),
    (
        "Passive people",
        "People with neither e-mail nor phone can be addressed by nobody in Salesforce. The recommendation is to leave them behind, which is \
         the default; migrate_passive = true under [options] moves them. The storage is what their records would take.",
        "scope/passive",
        false,
    ),
    (
        "Lifecycle stages and where they lead",
        "A person becomes a Lead or a Contact by its lifecycle stage (config/lifecycle.csv). Stages that nobody decided are held.",
        "scope/lifecycle",
        true,
    ),
    (
        "Deal stages and what they become",
        "Pipeline, stage and status by the stage matrix (config/stage_matrix.csv). Combinations that nobody decided are held.",
        "scope/stages",
        false,
    ),
    (
        "Duplicates",
        "Values that several records share. People who share an e-mail move as they are and are flagged.",
        "scope/duplicates",
        false,
    ),
    (
        "Records that lack what they hang on",
        "Each is told by the run as well: held where Salesforce needs the parent, flagged where it does not.",
        "scope/orphans",
        false,
    ),
    (
        "Fields and how full they are",
        "Every column of the export, the customer's own among them. Columns that are nearly empty, or hold one value only, are \
         candidates for staying behind. Distinct values are counted to within a few percent.",
        "scope/fields",
        false,
    ),
    (
        "Storage in Salesforce",
        "Two kilobytes a record, as Salesforce counts most objects; files and notes come on top.",
        "scope/storage",
        true,
    ),
    (
        "Which sandbox the rehearsal needs",
        "Data storage of each kind (config/sandboxes.csv) beside what the records of this migration take.",
        "scope/sandbox",
        false,
    ),
    (
        "What the org has to have",
        "Features that the data needs, with the lowest edition that has them (config/editions.csv, with the day on which it was \
         read). Prices and editions change: check with your account executive.",
        "scope/needs",
        false,
    ),
    (
        "Decisions about owners",
        "Users that config/owners.csv names for owners whose address no user of the org has.",
        "scope/owners",
        false,
    ),
];

impl Migration {
    /// Writes the scope document of what was staged last, and beside it those of segments and owners.
    ///
    /// # Errors
    /// The staging area cannot be read, or the folder cannot be written.
    pub async fn write_scope(&self, folder: Option<&Path>) -> Result<WrittenDocument, Error> {
        let asked = self.ask(None).await?;
        let title = format!("Scope of the migration: {}", self.config().name);
        let folder = self.folder(folder, "scope");
        let place = (folder.as_path(), "scope");
        let scope = self.write(&asked.session, &title, Vec::new(), &SCOPE, place);
        let mut scope = scope.await?;
        for other in self.write_audience(&asked.session, &folder).await? {
            scope.files.extend(other.files);
        }
        Ok(scope)
    }
}

/// `staged.distinct_values`: how many values each column of the staged tables has, to within a few percent. It is counted where it is
/// asked for.
pub(in crate::migration) fn distinct_values(snapshot: &Snapshot) -> Option<View> {
    let counts: Vec<String> = snapshot.schema("usercom").filter_map(distinct).collect();
    (!counts.is_empty()).then(|| View {
        schema: "staged".to_owned(),
        name: "distinct_values".to_owned(),
        sql: counts.join(" union all "),
    })
}

/// The query for the distinct values of one table's columns, as texts; a column of another kind is not counted.
fn distinct(table: &Manifest) -> Option<String> {
    let columns = table.schema.fields().iter().filter_map(|field| {
        let name = field.name().replace('"', "\"\"");
        let text = match field.data_type() {
            DataType::List(_) => format!("array_to_string(t.\"{name}\", ';')"),
            kind if kind.is_nested() => return None,
            _ => format!("cast(t.\"{name}\" as varchar)"),
        };
        Some((field.name().replace('\'', "''"), text))
    });
    let columns: Vec<(String, String)> = columns.collect();
    if columns.is_empty() {
        return None;
    }
    let columns = columns.iter().enumerate();
    let parts: Vec<[String; 3]> = columns
        .map(|(at, (column, text))| {
            [
                format!("'{column}'"),
                format!("cast(c.d{at} as bigint)"),
                format!("approx_distinct({text}) as d{at}"),
            ]
        })
        .collect();
    let joined = |part: usize| {
        let parts: Vec<&str> = parts.iter().map(|parts| parts[part].as_str()).collect();
        parts.join(", ")
    };
    Some(format!(
        "select '{name}' as source, unnest(make_array({names})) as \"column\", unnest(make_array({places})) as \"values\" \
         from (select {counts} from usercom.{name} as t) as c",
        name = table.table,
        names = joined(0),
        places = joined(1),
        counts = joined(2),
    ))
}
