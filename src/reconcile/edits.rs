//! Edits in the org, told apart from values that did not land (`guide/rules.md` 36).
//!
//! In: the entries of a comparison, what was known of them before. Out: `recon.changed_by_org_<load>` with key, field, our value,
//! theirs, who changed it and when: whoever had changed the record last when this value was first found, nobody where that was our own
//! login; the other entries go to the differences. What we changed last ourselves can only be an edit where this run did not send the
//! field; one that was a difference before stays one, as does an edit. Never: an edit among the differences because we wrote another field
//! of its record since: it is remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::logical_expr::LogicalPlan;

use super::ReconcileError;
use super::body::is_later_version;
use super::names::{CHANGED_BY_ORG, LEFT_TO_ORG, MODIFIED, is_ours};
use super::request::{DiffRequest, EditsRequest};
use crate::engine::Session;
use crate::rows::{RowOperation, SAME};
use crate::salesforce::record_identity;
use crate::staging::{Manifest, TableWriter};

/// Columns of `recon.changed_by_org_<load>`.
pub(super) const EDIT: [&str; 6] = ["key", "field", "sent", "found", "changed_by", "changed_at"];

/// Who changed a field that is declared to be the automation's.
const AUTOMATION: &str = "automation";

/// What [`selected`] adds to an entry, as it is called in what is around it.
pub(super) const COLUMNS: &str = "d.operation, d.same, d.changed_by, d.changed_at";

/// Columns of an outbox (`o`) and of rows read back (`r`) that are asked for beside the values.
pub(super) fn selected(request: Option<&EditsRequest<'_>>) -> String {
    let none = "cast(null as varchar)";
    let modified = request.is_some_and(|request| request.modified);
    let [by, at] = MODIFIED.map(|name| match modified {
        true => format!("r.\"{name}\""),
        false => none.to_owned(),
    });
    let operation = request.map_or(none, |_| "o._operation");
    let same = match request.is_some_and(|request| request.same) {
        true => format!("o.{SAME}"),
        false => "cast(null as bytea)".to_owned(),
    };
    format!("{operation} as operation, {same} as same, {by} as changed_by, {at} as changed_at")
}

/// Writes the entries of plans of [`with_known`] that are differences into `differences`, and the edits into a table that is not published yet.
pub(super) async fn write(
    request: &DiffRequest<'_>,
    edits: &EditsRequest<'_>,
    landed: Vec<(Session, LogicalPlan)>,
    differences: &mut TableWriter,
) -> Result<Manifest, ReconcileError> {
    let name = format!("{CHANGED_BY_ORG}{}", request.load);
    let mut writer = request
        .staging
        .create("recon", &name, schema(), &[])
        .await?;
    for (session, landed) in landed {
        let mut stream = session
            .stream_plan(&format!("recon.{name}"), landed, &[])
            .await?;
        let store = |source: ArrowError| ReconcileError::Store {
            object: request.describe.name.clone(),
            source,
        };
        while let Some(batch) = stream.next_batch().await? {
            let (rest, found) = split(&batch, edits).map_err(store)?;
            differences.write(&rest).await?;
            writer.write(&found).await?;
        }
    }
    Ok(writer.finish(BTreeMap::new()).await?)
}

/// Each entry with what the comparison before this one said of it.
pub(super) fn with_known(load: &str, edits: &EditsRequest<'_>, landed: &str) -> String {
    let [differed, edited] = edits.before;
    let (mut columns, mut joins) = (String::new(), String::new());
    columns.push_str(match edits.left {
        true => ", t.key is not null as is_left",
        false => ", false as is_left",
    });
    if edits.left {
        joins.push_str(&format!(
            " left join ledger.{LEFT_TO_ORG}{load} as t on t.key = d.key and t.field = d.field"
        ));
    }
    columns.push_str(match differed {
        true => ", b.key is not null as differed",
        false => ", false as differed",
    });
    columns.push_str(match edited {
        true => {
            ", w.key is not null as was_edited, e.key is not null as is_known, e.found as known_found, e.changed_by as known_by, \
             e.changed_at as known_at"
        }
        false => {
            ", false as was_edited, false as is_known, cast(null as varchar) as known_found, cast(null as varchar) as known_by, cast(null as varchar) as known_at"
        }
    });
    if differed {
        joins.push_str(&format!(
            " left join recon.differences_{load} as b on b.key = d.key and b.field = d.field"
        ));
    }
    if edited {
        // Found before an update of the record, and by the comparison before that: whoever was seen first is who changed it.
        let first = format!("order by {}, e.changed_at", is_nobody("e", edits.user));
        joins.push_str(&format!(
            " left join (select e.key, e.field, e.found, first_value(e.changed_by {first}) as changed_by, \
             first_value(e.changed_at {first}) as changed_at \
             from recon.{CHANGED_BY_ORG}{load} as e group by e.key, e.field, e.found) as e \
             on e.key = d.key and e.field = d.field and coalesce(e.found, '') = coalesce(d.found, '') \
             left join (select distinct e.key, e.field from recon.{CHANGED_BY_ORG}{load} as e) as w \
             on w.key = d.key and w.field = d.field"
        ));
    }
    format!("select d.*{columns} from ({landed}) as d{joins}")
}

/// SQL for 1 where a finding (of `alias`) names nobody: no one at all, the automation, or us, who did not write a value that is
/// not ours; for 0 where it names somebody.
pub(super) fn is_nobody(alias: &str, user: &str) -> String {
    format!(
        "case when {alias}.changed_by is null or {alias}.changed_by = '{AUTOMATION}' \
         or substr({alias}.changed_by, 1, 15) = '{}' then 1 else 0 end",
        record_identity(user)
    )
}

/// Schema of `recon.changed_by_org_<load>`.
pub(super) fn schema() -> SchemaRef {
    let fields = EDIT.map(|name| Field::new(name, DataType::Utf8, true));
    Arc::new(Schema::new(fields.to_vec()))
}

/// One edit per row of a batch: key, field, our value, theirs, who, when.
pub(super) fn rows(columns: [ArrayRef; 6]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(schema(), columns.to_vec())
}

/// The differences and the edits of a batch of entries.
fn split(
    batch: &RecordBatch,
    request: &EditsRequest<'_>,
) -> Result<(RecordBatch, RecordBatch), ArrowError> {
    let entries = Entries::of(batch)?;
    let user = request.user;
    let is_automatic = |row: usize| {
        entries.kind.value(row) == "changed"
            && request.automation.contains(entries.field.value(row))
    };
    let edits: BooleanArray = (0..batch.num_rows())
        .map(|row| Some(is_automatic(row) || entries.is_edit(row, user)))
        .collect();
    let rest =
        filter_record_batch(batch, &arrow::compute::not(&edits)?)?.project(&[0, 1, 2, 3, 4])?;
    let remembered = |own: &StringArray, known: &StringArray, automation: Option<&'static str>| {
        let texts = (0..batch.num_rows()).map(|row| {
            if automation.is_some() && is_automatic(row) {
                return automation;
            }
            // Who was found first, while the value stays; nobody where our own update hides who it was.
            let column = match (entries.names_somebody(row, user), entries.is_by(row, user)) {
                (true, _) => known,
                (false, true) => return None,
                (false, false) => own,
            };
            column.is_valid(row).then(|| column.value(row))
        });
        Arc::new(texts.collect::<StringArray>()) as ArrayRef
    };
    let text = |name: &str| column(batch, name).map(Arc::clone);
    let found = rows([
        text("key")?,
        text("field")?,
        text("sent")?,
        text("found")?,
        remembered(entries.by, entries.known_by, Some(AUTOMATION)),
        remembered(entries.at, entries.known_at, None),
    ])?;
    Ok((rest, filter_record_batch(&found, &edits)?))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    batch
        .column_by_name(name)
        .ok_or_else(|| ArrowError::SchemaError(format!("an entry without {name}")))
}

/// The columns by which entries are judged.
struct Entries<'a> {
    batch: &'a RecordBatch,
    kind: &'a StringArray,
    field: &'a StringArray,
    found: &'a StringArray,
    operation: &'a StringArray,
    by: &'a StringArray,
    at: &'a StringArray,
    /// Whether the comparison before found an edit of the field.
    edited: &'a BooleanArray,
    known: &'a BooleanArray,
    known_found: &'a StringArray,
    known_by: &'a StringArray,
    known_at: &'a StringArray,
    differed: &'a BooleanArray,
    left: &'a BooleanArray,
}

impl<'a> Entries<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ArrowError> {
        let text = |name: &str| -> Result<&'a StringArray, ArrowError> {
            let text = column(batch, name)?.as_string_opt::<i32>();
            text.ok_or_else(|| ArrowError::SchemaError(format!("{name} is no text")))
        };
        Ok(Self {
            batch,
            kind: text("kind")?,
            field: text("field")?,
            found: text("found")?,
            operation: text("operation")?,
            by: text("changed_by")?,
            at: text("changed_at")?,
            edited: column(batch, "was_edited")?.as_boolean(),
            known: column(batch, "is_known")?.as_boolean(),
            known_found: text("known_found")?,
            known_by: text("known_by")?,
            known_at: text("known_at")?,
            differed: column(batch, "differed")?.as_boolean(),
            left: column(batch, "is_left")?.as_boolean(),
        })
    }

    /// Whether we changed the record last, or nobody says who did.
    fn is_by(&self, row: usize, user: &str) -> bool {
        is_ours(self.by, row, user)
    }

    /// Whether the comparison before said who changed it to this value.
    fn names_somebody(&self, row: usize, user: &str) -> bool {
        let is_automatic = self.known_by.is_valid(row) && self.known_by.value(row) == AUTOMATION;
        !is_automatic && !is_ours(self.known_by, row, user)
    }

    fn is_edit(&self, row: usize, user: &str) -> bool {
        if self.kind.value(row) != "changed" {
            return false;
        }
        // Somebody else came after us, even in the moment between our write and this look.
        let has_successor = is_later_version(self.field.value(row), self.found.value(row));
        if has_successor || self.left.value(row) || !self.is_by(row, user) {
            return true;
        }
        if self.was_sent(row) {
            return false;
        }
        let text =
            |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
        let is_known = self.known.value(row) && text(self.known_found) == text(self.found);
        // Our update of another field hides who changed this one; the comparison before would have found it.
        let is_hidden = self.operation.value(row) == RowOperation::Update.word()
            && self.differed.is_valid(row)
            && !self.differed.value(row);
        // What was an edit stays one, also where it was changed again on our behalf: a conversion fills the empty fields of its account.
        is_known || is_hidden || self.edited.value(row)
    }

    /// Whether this run sent the field.
    fn was_sent(&self, row: usize) -> bool {
        if self.operation.is_null(row) {
            return true;
        }
        if self.operation.value(row) == RowOperation::Unchanged.word() {
            return false;
        }
        let place = self
            .batch
            .column_by_name("place")
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .and_then(|column| usize::try_from(column.value(row)).ok());
        let bits = self
            .batch
            .column_by_name("same")
            .and_then(|column| column.as_binary_opt::<i32>())
            .filter(|bits| bits.is_valid(row))
            .map(|bits| bits.value(row));
        let (Some(place), Some(bits)) = (place, bits) else {
            return true;
        };
        bits.get(place / 8)
            .is_none_or(|byte| byte & (1 << (place % 8)) == 0)
    }
}
