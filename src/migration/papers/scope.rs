//! The scope document: what the export holds, what it asks, what the org needs, what nobody decided, what may go wrong.
//!
//! In: what was staged last, the decision files, users of the org where it was met. Out: the document, and `staged.open_decisions`, so that
//! what it says is open can be asked again. Never: a connection.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::DataType;

use super::{Plan, Source, WrittenDocument};
use crate::engine::View;
use crate::error::Error;
use crate::mapping::FieldMap;
use crate::migration::Migration;
use crate::migration::open_decisions::{self, OpenDecision};
use crate::migration::proposed_decisions::OrgValues;
use crate::migration::small_table::{form, of_columns};
use crate::reconcile::{SourceReport, count_sources};
use crate::staging::{Manifest, Snapshot, Staging};

const SCOPE: [Plan; 15] = [
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
         the default; migrate_passive = true under [options] moves them. Their tasks, memberships of segments and messages stay or go with \
         them. The storage is what all of that would take.",
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
    (
        OPEN,
        "Values of the export that no decision names, with the rows that have them and what becomes of those otherwise; `transload check` \
         lists the same, and `transload check --write-missing` writes them into the files.",
        "scope/open_decisions",
        false,
    ),
    (
        "Risks",
        "What may hold the migration up or lose something on the way, as far as the export shows it.",
        "scope/risks",
        false,
    ),
];

const OPEN: &str = "Open decisions";

impl Migration {
    /// Writes the scope document of what was staged last, and beside it those of segments and owners.
    ///
    /// # Errors
    /// The staging area cannot be read, or the folder cannot be written.
    pub async fn write_scope(&self, folder: Option<&Path>) -> Result<WrittenDocument, Error> {
        let met = self.ask(None).await?.staging;
        let not_checked = self.keep_open_decisions(&met).await?;
        // With what was written just now.
        let asked = self.ask_organisation(met.org().map(str::to_owned)).await?;
        let facts = self.standing_facts(asked.staging.org()).await?;
        let title = format!("Scope of the migration: {}", self.config().name);
        let folder = self.folder(folder, "scope");
        let source = Source::of(&asked);
        let (mut parts, files) = self.parts(&source, &SCOPE, &folder).await?;
        let open = parts.iter_mut().find(|part| part.title == OPEN);
        if let Some(open) = open.filter(|_| !not_checked.is_empty()) {
            open.text = format!("{} Not checked: {}.", open.text, not_checked.join("; "));
        }
        let mut scope = self.save(&title, facts.clone(), parts, files, (&folder, "scope"))?;
        for other in self.write_audience(&source, &facts, &folder).await? {
            scope.files.extend(other.files);
        }
        Ok(scope)
    }

    /// Writes `staged.open_decisions`; what could not be checked. Nothing while nothing is staged.
    async fn keep_open_decisions(&self, staging: &Staging) -> Result<Vec<String>, Error> {
        let snapshot = staging.snapshot().await?;
        if snapshot.schema("usercom").next().is_none() {
            return Ok(Vec::new());
        }
        let project = self.project();
        let org = OrgValues::default();
        let found = open_decisions::of_export(project, staging, &snapshot, org).await?;
        let mut open = found.decisions;
        // A map with a mistake is told by the command that uses it.
        if let Ok(map) = FieldMap::load(&project.config.project) {
            open.extend(open_decisions::attributes(project, staging, &snapshot, &map).await?);
            open.extend(open_decisions::unconfirmed(&snapshot, &map));
        }
        let text = |of: &dyn Fn(&OpenDecision) -> Option<String>| {
            Arc::new(open.iter().map(of).collect::<StringArray>()) as ArrayRef
        };
        let rows = open
            .iter()
            .map(|open| i64::try_from(open.rows).unwrap_or(i64::MAX));
        let columns = vec![
            text(&|open| Some(open.file.to_owned())),
            text(&|open| Some(open.value())),
            text(&|open| Some(open.what.to_owned())),
            text(&|open| Some(open.otherwise.to_owned())),
            text(&|open| Some(open.proposed.as_ref()?.value.clone())),
            Arc::new(Int64Array::from_iter_values(rows)) as ArrayRef,
        ];
        let texts = ["file", "value", "of_what", "without_a_decision", "proposed"];
        let form = form(&texts, &["rows"]);
        let name = ("staged", "open_decisions");
        let manifest = of_columns(staging, name, form, columns).await?;
        staging.publish(manifest).await?;
        Ok(found.not_checked)
    }
}

/// Views that queries of documents read besides the tables.
pub(in crate::migration) fn views(snapshot: &Snapshot) -> Vec<View> {
    let view = |schema: &str, name: &str, sql: String| View {
        schema: schema.to_owned(),
        name: name.to_owned(),
        sql,
    };
    let mut views: Vec<View> = distinct_values(snapshot).into_iter().collect();
    let owners = open_decisions::assigned_owners(snapshot);
    if !owners.sql.is_empty() {
        views.push(view("staged", "owners", owners.sql));
    }
    let books: Vec<String> = count_sources(snapshot).iter().map(book).collect();
    if !books.is_empty() {
        views.push(view("staged", "books", books.join(" union all ")));
    }
    if snapshot.get("staged", "files").is_some() {
        views.push(view("staged", "needs", NEEDS.to_owned()));
    }
    let fields = compared_fields(snapshot);
    if !fields.is_empty() {
        views.push(view("recon", "compared_fields", fields.join(" union all ")));
    }
    let users = match snapshot.get("org", "users") {
        Some(_) => USERS.to_owned(),
        None => {
            "select cast(null as varchar) as email, cast(null as boolean) as is_active where false"
                .to_owned()
        }
    };
    views.push(view("org", "addresses", users));
    views
}

/// What the rows of the export ask of any org.
const NEEDS: &str = include_str!("../../../queries/internal/public_needs.sql");

/// Users of the org whom records may belong to.
const USERS: &str = include_str!("../../../queries/internal/owner_addresses.sql");

/// A staged table's books as a row.
fn book(book: &SourceReport) -> String {
    format!(
        "select '{}' as source, {} as source_rows, {} as staged_rows, {} as rejected_rows, {} as rejected_cells",
        book.table, book.source, book.staged, book.rejected, book.rejected_cells
    )
}

/// Fields that were sent and read back, by load.
fn compared_fields(snapshot: &Snapshot) -> Vec<String> {
    let loads = snapshot.schema("outbox").filter_map(|outbox| {
        let org = snapshot.get("org", &outbox.table)?;
        let fields = org.schema.fields().iter().map(|field| field.name());
        let fields = fields.filter(|name| !name.starts_with('_') && outbox.has_column(name));
        let fields: Vec<String> = fields
            .map(|name| format!("'{}'", name.replace('\'', "''")))
            .collect();
        (!fields.is_empty()).then(|| {
            format!(
                "select '{}' as load, unnest(make_array({})) as field",
                outbox.table,
                fields.join(", ")
            )
        })
    });
    loads.collect()
}

/// `staged.distinct_values`: how many values each column of the staged tables has, to within a few percent. It is counted where it is
/// asked for.
fn distinct_values(snapshot: &Snapshot) -> Option<View> {
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
