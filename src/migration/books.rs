//! The books of columns: what becomes of each staged column that has a value (`guide/rules.md`, columns).
//!
//! In: the staged tables, the lineage of every load's fields, the field map, the columns that are ignored by name. Out: one
//! [`ColumnFate`] per column, an error while one has no fate, and `recon.columns`. Never: a column that is dropped because no
//! query selects it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};

use super::arrived::{Arrived, arrived};
use super::column_fate::{ColumnFate, Place, Word};
use super::columns;
use super::context::{Context, Reads};
use super::found;
use super::resolved::ResolvedProject;
use super::small_table::of_columns;
use crate::engine::program;
use crate::error::Error;
use crate::mapping::{IgnoredColumns, MappingError, Status};
use crate::project::{Grain, Lineages, QueryFile, QueryKind, Way};
use crate::rows::FATE;
use crate::staging::{Basis, Snapshot, digest_of};

/// How the names of tables of the customer's own objects begin.
const CUSTOM_OBJECT: &str = "co_";

/// Why a column that decides reaches no field.
const DECIDES: &str = "only says which value the field gets";

/// Finds what becomes of every staged column with a value.
pub(crate) async fn column_fates(context: &Context<'_>) -> Result<Vec<ColumnFate>, Error> {
    let resolved = &context.resolved;
    let snapshot = context.staging().snapshot().await?;
    let counted = rows_with_values(&snapshot);
    let ignored = IgnoredColumns::load(&context.project.config.project)?;
    let traced = Traced::all(resolved);
    let mut fates = Vec::new();
    for ((source, column), rows) in counted {
        let Places {
            fields,
            decides,
            left_out,
        } = traced.places(resolved, &source, &column);
        let by_map = resolved.map.rows().find(|row| {
            row.status == Status::Ignored && row.source == source && row.source_field == column
        });
        let by_name = by_map
            .map(|row| format!("config/field_map.csv line {}", row.line))
            .or_else(|| ignored.reason(&source, &column).map(str::to_owned));
        let (reason, fate) = match (fields.is_empty(), by_name, left_out) {
            (false, ..) => (None, Word::Sent),
            (true, Some(reason), _) => (Some(reason), Word::Ignored),
            (true, None, Some(reason)) => (Some(reason), Word::LeftOut),
            (true, None, None) if decides.is_empty() => (None, Word::LeftOut),
            (true, None, None) => (Some(DECIDES.to_owned()), Word::Decides),
        };
        fates.push(ColumnFate {
            source,
            column,
            rows,
            fields,
            decides,
            reason,
            fate,
        });
    }
    Ok(fates)
}

/// Fails while a staged column with a value reaches no field and is not ignored by name.
///
/// # Errors
/// [`MappingError::Unread`].
pub(crate) fn ensure_accounted(fates: &[ColumnFate]) -> Result<(), MappingError> {
    let lost = fates
        .iter()
        .filter(|fate| fate.fields.is_empty() && fate.reason.is_none());
    let columns: Vec<String> = lost
        .map(|fate| {
            let (source, column, rows) = (&fate.source, &fate.column, fate.rows);
            format!("{source}.{column} ({rows} row(s))")
        })
        .collect();
    if columns.is_empty() {
        Ok(())
    } else {
        Err(MappingError::Unread { columns })
    }
}

/// Rows with a value, per table and column, as staging counted them; columns without any are not among them.
fn rows_with_values(snapshot: &Snapshot) -> BTreeMap<(String, String), u64> {
    let tables = snapshot.schema("usercom").filter(|table| table.rows > 0);
    tables
        .flat_map(|table| {
            let fields = table.schema.fields().iter();
            fields.filter_map(|field| {
                let book = table.columns.get(field.name())?;
                let name = (table.table.clone(), field.name().clone());
                (book.rows_with_value > 0).then_some((name, book.rows_with_value))
            })
        })
        .collect()
}

/// Where a column goes.
#[derive(Default)]
struct Places {
    fields: Vec<(Place, Way)>,
    decides: Vec<Place>,
    /// Why the fields that it would reach are left out.
    left_out: Option<String>,
}

/// The lineage of every load's columns, those that are left out too.
struct Traced<'a> {
    loads: Vec<(&'a QueryFile, Lineages)>,
}

impl<'a> Traced<'a> {
    fn all(resolved: &'a ResolvedProject) -> Self {
        let loads = resolved.queries.kind(QueryKind::Load);
        let loads = loads.map(|file| (file, columns::lineage_of(resolved, file)));
        Self {
            loads: loads.collect(),
        }
    }

    /// Fields of the run that a column reaches, and those about which it only decides; why others that it would reach are left out.
    ///
    /// Where a table has a load of its own, only those count whose keys come from its rows, and in them only what comes from
    /// the row itself: a value that merely helps to find another row has not arrived.
    fn places(&self, resolved: &ResolvedProject, source: &str, column: &str) -> Places {
        let name = format!("usercom.{source}.{column}");
        let id = format!("usercom.{source}.id");
        let is_own = |file: &QueryFile, fields: &Lineages| {
            is_home(file, source)
                || file.key.iter().any(|key| {
                    let key = fields.get(key);
                    key.is_some_and(|key| key.all().any(|from| from == id))
                })
        };
        let has_load = self.loads.iter().any(|(file, _)| is_home(file, source));
        let own: BTreeSet<&str> = self
            .loads
            .iter()
            .filter(|_| has_load)
            .filter(|(file, fields)| resolved.is_active(file) && is_own(file, fields))
            .map(|(file, _)| file.name.as_str())
            .collect();
        // A load of the same records takes the rows of one that is left out.
        let has_twin = |file: &QueryFile| {
            self.loads.iter().any(|(other, _)| {
                resolved.is_active(other)
                    && is_home(other, source)
                    && other.object() == file.object()
                    && other.key == file.key
            })
        };
        // A load that an option leaves out excuses nothing where another one takes the rows.
        let has_home = self
            .loads
            .iter()
            .any(|(file, _)| resolved.is_active(file) && is_home(file, source));
        let mut places = Places::default();
        let left_out = &mut places.left_out;
        for (file, fields) in &self.loads {
            let active = resolved.is_active(file);
            if active && !own.is_empty() && !own.contains(file.name.as_str()) {
                continue;
            }
            let columns = resolved.columns.get(&file.name);
            for (field, from) in fields {
                let pooled = !has_load && from.pooled.contains(&name);
                if !pooled && !from.all().any(|from| from == name) {
                    continue;
                }
                if field == FATE {
                    // A reference to what the export does not have: its rows wait, by name.
                    if active && source.starts_with(CUSTOM_OBJECT) {
                        *left_out = Some("rows that use it are held".to_owned());
                    }
                    continue;
                }
                let is_sent = columns.is_some_and(|columns| {
                    let mut sent = columns.sent.iter().chain(&columns.hidden);
                    sent.any(|sent| sent.name() == field)
                });
                let place = || (file.name.clone(), field.clone());
                if active && is_sent {
                    match from.carried.get(&name) {
                        Some(way) => places.fields.push((place(), way.clone())),
                        None => places.decides.push(place()),
                    }
                } else if resolved.exclusions.dropped(file).contains(field) {
                    *left_out = Some(format!("{}.{field} is not sent here", file.object()));
                } else if let Some(reason) = resolved.exclusions.left_out.get(&file.name)
                    && !(has_home && (is_home(file, source) || has_twin(file)))
                {
                    *left_out = Some(format!("{} is left out: {reason}", file.name));
                }
            }
        }
        places
    }
}

/// Whether a load takes each row of a staged table.
fn is_home(file: &QueryFile, source: &str) -> bool {
    let grain = file.source.as_ref();
    grain.and_then(Grain::staged) == Some(source)
}

/// Publishes `recon.columns`: per staged column and field the rows with a value, and those of them whose value is in the org. It
/// stands where the tables are the same that it was counted in.
pub(crate) async fn publish(context: &Context<'_>, fates: &[ColumnFate]) -> Result<(), Error> {
    let basis = basis(context, fates).await?;
    let stands = context.staging().snapshot().await?;
    let stands = stands.get("recon", "columns");
    if basis.is_some() && stands.is_some_and(|stands| stands.basis == basis) {
        return Ok(());
    }
    let arrived = arrived(context, fates).await?;
    let mut texts: [Vec<Option<String>>; 6] = Default::default();
    let (mut rows, mut landed) = (Vec::new(), Vec::new());
    let mut note = |fate: &ColumnFate, place: Option<&Place>| {
        let route = place.map(|(load, field)| (&*fate.source, &*fate.column, &**load, &**field));
        let (count, untold) = match route.and_then(|route| arrived.get(&route)) {
            Some(Arrived::Rows(count)) => (Some(*count), None),
            Some(Arrived::Untold(why)) => (None, Some((*why).to_owned())),
            None => (None, None),
        };
        let cells = [
            Some(fate.source.clone()),
            Some(fate.column.clone()),
            Some(fate.fate.text().to_owned()),
            place.map(|(load, _)| load.clone()),
            place.map(|(_, field)| field.clone()),
            fate.reason.clone().or(untold),
        ];
        for (column, cell) in texts.iter_mut().zip(cells) {
            column.push(cell);
        }
        let with_value = i64::try_from(fate.rows).unwrap_or(i64::MAX);
        rows.push(with_value);
        landed.push(count.map(|count| count.min(with_value)));
    };
    for fate in fates {
        match fate.fate {
            Word::Sent => {
                let places = fate.fields.iter();
                places.for_each(|(place, _)| note(fate, Some(place)));
            }
            Word::Decides => {
                let places = fate.decides.iter();
                places.for_each(|place| note(fate, Some(place)));
            }
            Word::Ignored | Word::LeftOut => note(fate, None),
        }
    }
    let mut columns: Vec<ArrayRef> = texts
        .into_iter()
        .map(|cells| Arc::new(StringArray::from(cells)) as ArrayRef)
        .collect();
    columns.push(Arc::new(Int64Array::from(rows)));
    columns.push(Arc::new(Int64Array::from(landed)));
    let (staging, name) = (context.staging(), ("recon", "columns"));
    let mut table = of_columns(staging, name, found::columns(), columns).await?;
    table.basis = basis;
    staging.publish(table).await?;
    Ok(())
}

/// What the numbers follow from; none where all is made anew.
async fn basis(context: &Context<'_>, fates: &[ColumnFate]) -> Result<Option<Basis>, Error> {
    let (snapshot, session) = context.session(Reads::Tables).await?;
    let Some(program) = program().filter(|_| !session.is_fresh()) else {
        return Ok(None);
    };
    let mut basis = Basis::default();
    basis.add("the program", program);
    basis.add("the columns", digest_of(&format!("{fates:?}")));
    for file in context.resolved.loads() {
        basis.add(&file.path, digest_of(&file.sql));
        let tables = ["ledger", "org"].map(|schema| snapshot.get(schema, &file.name));
        for table in tables.into_iter().flatten() {
            basis.add(table.name(), table.digest());
        }
    }
    for table in snapshot.schema("usercom") {
        basis.add(table.name(), table.digest());
    }
    Ok(Some(basis))
}
