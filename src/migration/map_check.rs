//! Whether each decision of the field map arrives somewhere.
//!
//! In: the rows, the staged columns, the columns of every load. Out: nothing, or all rows that name a table, an
//! attribute or an object that there is not, that no load sends, or that send an attribute to one half of a table's
//! records only. It changes nothing.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;

use super::resolved::ResolvedProject;
use crate::config::nearest;
use crate::finding::Finding;
use crate::mapping::{FieldMap, MapRow, Status};
use crate::project::{Grain, QueryFile, QueryKind};
use crate::schema::{FieldType, field_name};
use crate::staging::Snapshot;
use crate::usercom::{OBJECTS, sanitise};

/// Every confirmed row that nothing sends.
pub(crate) fn check_map(resolved: &ResolvedProject, snapshot: &Snapshot) -> Vec<Finding> {
    let check = Check { resolved, snapshot };
    let confirmed = resolved.map.confirmed();
    let mut findings: Vec<Finding> = confirmed
        .filter_map(|row| {

            let reason = check.reason(row)?;
            let MapRow {
                source,
                source_field,
                target_object,
                target_field,
                ..
            } = row;
            let problem = format!(
                "{source}.{source_field} → {target_object}.{target_field} would arrive nowhere: {reason}"
            );
            Some(Finding::new(FILE, problem).line(row.line))
        })
        .collect();
    findings.extend(check.strays(&resolved.map));
    findings.extend(check_written(&resolved.map));
    findings.extend(check.halves(&resolved.map));
    findings.extend(check.values(&resolved.map));
    findings
}

/// The file.
const FILE: &str = "config/field_map.csv";

/// The file of values.
const VALUES: &str = "config/value_map.csv";

/// Types and names of fields that there cannot be, whatever the queries send.
pub(crate) fn check_written(map: &FieldMap) -> Vec<Finding> {
    let rows = map.rows().filter(|row| row.status != Status::Ignored);
    let names = rows.filter_map(name_wrong);
    map.confirmed()
        .filter_map(type_wrong)
        .chain(names)
        .collect()
}

/// What is wrong with the type of a field, whatever the org has.
fn type_wrong(row: &MapRow) -> Option<Finding> {
    let error = row.field_type.parse::<FieldType>().err()?;
    let problem = format!("{error}; {}", error.hint());
    Some(Finding::new(FILE, problem).line(row.line).column("type"))
}

/// What is wrong with the name of a field, whatever the org has; whoever proposed it.
fn name_wrong(row: &MapRow) -> Option<Finding> {
    let name = row.target_field.as_str();
    if name.is_empty() {
        return None;
    }
    let finding = |problem: &str| {
        Finding::new(FILE, problem)
            .line(row.line)
            .column("target_field")
            .value(name)
    };
    let is_own = name.to_lowercase().ends_with("__c");
    let letters = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_possible = begins && name.chars().all(letters);
    (!is_possible).then(|| match is_own {
        true => finding(
            "is not a possible name of a custom field: letters, digits and single underscores, a letter first",
        )
        .nearest(Some(field_name(name))),
        false => finding("is no API name: letters, digits and underscores, a letter first"),
    })
}

/// The column that is meant: the one that an attribute of this name is staged as, else the one most like it.
fn nearest_column<'a>(
    name: &str,
    columns: impl Iterator<Item = &'a str> + Clone,
) -> Option<String> {
    let staged = sanitise(name);
    let same = columns
        .clone()
        .find(|column| staged.as_deref() == Some(*column));
    same.map_or_else(|| nearest(name, columns), |same| Some(same.to_owned()))
}

struct Check<'a> {
    resolved: &'a ResolvedProject,
    snapshot: &'a Snapshot,
}

impl Check<'_> {
    /// Loads that read a source table, those included that an option leaves out.
    fn fed_by(&self, source: &str) -> impl Iterator<Item = &QueryFile> {
        let view = format!("mapped.{source}");
        self.resolved
            .queries
            .kind(QueryKind::Load)
            .filter(move |load| load.references.contains(&view))
    }

    /// Why a confirmed row arrives nowhere.
    fn reason(&self, row: &MapRow) -> Option<String> {
        let source = row.source.as_str();
        let Some(table) = self.snapshot.get("usercom", source) else {
            let mut tables = self
                .snapshot
                .schema("usercom")
                .map(|table| table.table.as_str());
            let declared = OBJECTS.iter().map(|object| object.name.as_ref());
            let known: BTreeSet<&str> = declared.chain(&mut tables).collect();
            // A file that this export lacks has nothing to send.
            return (!known.contains(source)).then(|| {
                format!(
                    "there is no source `{source}`{}",
                    meant(nearest(source, known.iter().copied()))
                )
            });
        };
        let objects: BTreeSet<&str> = self.fed_by(source).map(QueryFile::object).collect();
        let sends = |load: &&QueryFile| {
            let columns = self.resolved.columns.get(&load.name);
            // What a query with a mistake sends is not known.
            columns.is_none_or(|columns| {
                let custom = &columns.sent[columns.sent.len() - columns.custom..];
                custom.iter().any(|field| *field.name() == row.target_field)
            })
        };
        let mut loads = self.fed_by(source).filter(|load| row.is_for(load.object()));
        let names = || {
            table
                .schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
        };
        if !names().any(|name| name == row.source_field) {
            // An attribute that earlier runs sent and this export lacks clears nothing and is no mistake.
            let sent_before = loads.any(|load| {
                let before = self.snapshot.get("outbox", &load.name);
                before
                    .is_some_and(|outbox| outbox.schema.field_with_name(&row.target_field).is_ok())
            });
            return (!sent_before).then(|| {
                let nearest = nearest_column(&row.source_field, names());
                format!(
                    "{source} has no column `{}`{}",
                    row.source_field,
                    meant(nearest)
                )
            });
        }
        if !objects.iter().any(|object| row.is_for(object)) {
            let nearest = nearest(&row.target_object, objects.iter().copied());
            return Some(format!(
                "nothing of {source} is sent to `{}`{}",
                row.target_object,
                meant(nearest)
            ));
        }
        let sent = loads.any(|load| sends(&load));
        (!sent).then(|| {
            format!(
                "no load of {source} sends own fields to {}: `select` the column `custom` in its query, or set the row to ignored",
                row.target_object
            )
        })
    }

    /// Rows that keep a column back which there is not, while there is one of nearly that name. A column that an earlier export had
    /// may be gone, so that nothing stops.
    fn strays(&self, map: &FieldMap) -> Vec<Finding> {
        let ignored = map.rows().filter(|row| row.status == Status::Ignored);
        let told = ignored.filter_map(|row| {
            let table = self.snapshot.get("usercom", &row.source)?;
            let fields = table.schema.fields().iter();
            let names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
            if names.contains(&row.source_field.as_str()) {
                return None;
            }
            let nearest = nearest_column(&row.source_field, names.into_iter())?;
            let problem = format!("is no column of {} in the export", row.source);
            let finding = Finding::new(FILE, problem)
                .line(row.line)
                .column("source_field")
                .value(&row.source_field)
                .nearest(Some(nearest));
            Some(finding.warning())
        });
        told.collect()
    }

    /// Confirmed values that are put in place of nothing.
    fn values(&self, map: &FieldMap) -> Vec<Finding> {
        let confirmed = map
            .values()
            .rows()
            .filter(|row| row.status == Status::Confirmed);
        let told = confirmed.filter_map(|row| {
            let named = |other: &&MapRow| {
                other.is_for(&row.object) && other.target_field.eq_ignore_ascii_case(&row.field)
            };
            let Some(field) = map.rows().find(named) else {
                let fields = map.rows().filter(|other| other.is_for(&row.object));
                let nearest = nearest(&row.field, fields.map(|other| other.target_field.as_str()));
                let problem = "is sent nothing by config/field_map.csv";
                return Some(
                    Finding::new(VALUES, problem)
                        .line(row.line)
                        .value(format!("{}.{}", row.object, row.field))
                        .nearest(nearest),
                );
            };
            let table = self.snapshot.get("usercom", &field.source)?;
            let column = table.schema.field_with_name(&field.source_field).ok()?;
            matches!(column.data_type(), DataType::List(_)).then(|| {
                let problem = format!(
                    "takes its values from {}.{}, which holds lists, whose values are sent as they are",
                    field.source, field.source_field
                );
                Finding::new(VALUES, problem)
                    .line(row.line)
                    .value(format!("{}.{}", row.object, row.field))
            })
        });
        told.collect()
    }

    /// Attributes that go to one half of the records of a table which several loads share, such as to Leads and not to
    /// Contacts, without a word about the other.
    fn halves(&self, map: &FieldMap) -> Vec<Finding> {
        let mut found = Vec::new();
        for row in map.confirmed() {
            let same = |other: &&MapRow| {
                other.source == row.source && other.source_field == row.source_field
            };
            let shared = self.resolved.loads().filter(|load| {
                let grain = load.source.as_ref();
                grain.and_then(Grain::staged) == Some(row.source.as_str())
            });
            let objects: BTreeSet<&str> = shared
                .filter(|load| load.references.contains(&format!("mapped.{}", row.source)))
                .map(QueryFile::object)
                .collect();
            if !objects.iter().any(|object| row.is_for(object)) {
                continue;
            }
            for object in objects {
                let decided = map.rows().filter(same).any(|other| {
                    let everywhere =
                        other.status == Status::Ignored && other.target_object.is_empty();
                    other.is_for(object) || everywhere
                });
                if !decided {
                    let problem = format!(
                        "{}.{} goes to {}, and a row for {object} is missing: confirm or ignore it there too",
                        row.source, row.source_field, row.target_object
                    );
                    found.push((row.line, problem));
                }
            }
        }
        found.sort();
        found.dedup();
        let finding = |(line, problem)| Finding::new(FILE, problem).line(line);
        found.into_iter().map(finding).collect()
    }
}

fn meant(nearest: Option<String>) -> String {
    nearest.map_or(String::new(), |name| format!("; did you mean `{name}`?"))
}
