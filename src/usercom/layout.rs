//! The layout of one table: its columns, and for each file which of its cells feed which column.
//!
//! In: a declared object, the customer's attribute definitions, and the keys of every file. Out: a [`Layout`].
//! Never: values. The schema depends on the definitions and on all files together, so it is known before the
//! first row is read.
//!
//! A declared column takes its declared names. Everything else is a custom attribute with a column of its own, typed by its
//! definition, text without one. An attribute in a v1 list whose name is that of a declared column fills that
//! column (`lifecycle_stage` usually comes so), unless some file has that column itself; then it gets a column with a
//! number behind its name, and the layout says so. `attribute_names` has the rest about names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::attribute_names::{self, Wanted};
use super::attributes::AttributeDefinition;
use super::header::normalise;
use super::keys::{ATTRIBUTE_LIST, FileKeys, MOST_COLUMNS};
use super::schema::{Alias, ColumnKind, KeyRule, Object, TEXT_ID, Take, When};
use super::{ExportError, OBJECTS};

/// Key of the field metadata that holds an attribute's original name.
pub const ATTRIBUTE_METADATA: &str = "usercom.attribute";
/// Key of the field metadata that holds an attribute's declared type.
pub const VALUE_TYPE_METADATA: &str = "usercom.value_type";
/// Key of the field metadata that holds what a reference points to.
pub const TARGET_METADATA: &str = "usercom.target";

/// Key of the field metadata of a column that staging leaves out when it holds nothing: one without a name in the file, or one
/// that most exports have no use for.
pub const OPTIONAL_METADATA: &str = "usercom.optional";

/// Column names that `mapped.*` uses itself: the struct of confirmed custom fields, the scope, the keys of owners.
const RESERVED: [&str; 5] = [
    "custom",
    "in_scope",
    "scope_reason",
    "owner_key",
    "created_by_key",
];

/// One column of a table.
#[derive(Clone, Debug)]
pub struct TableColumn {
    /// Name in the table.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Allowed values, if it is a choice.
    pub choices: Vec<String>,
    /// Which part of a cell it takes, if it is an attribute.
    pub take: Take,
    /// Whether it is left out when it holds nothing.
    pub optional: bool,
}

/// A cell that feeds a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Index of the cell in the record.
    pub input: usize,
    /// Which part of it.
    pub take: Take,
    /// Whether text is a fault where an id is taken: no other column takes the text.
    pub strict: bool,
}

/// What to do with the records of one file.
#[derive(Clone, Debug, Default)]
pub struct FilePlan {
    /// How many cells a record has.
    pub inputs: usize,
    /// For each column of the table the cells that feed it, best first.
    pub sources: Vec<Vec<Source>>,
    /// For JSON records: input of each top-level key.
    pub top: BTreeMap<String, usize>,
    /// For JSON records: inputs whose lists and objects are another table's records, and so no cells of this one.
    pub nested: BTreeSet<usize>,
    /// For JSON records: input of each attribute in a v1 list.
    pub listed: BTreeMap<String, usize>,
    /// Separator of a CSV file.
    pub delimiter: u8,
    /// Whether the records are JSON.
    pub json: bool,
}

/// An attribute that could not have the column name it would get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// The attribute's name.
    pub attribute: String,
    /// The column it got.
    pub column: String,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Arrow schema of the table.
    pub schema: SchemaRef,
    /// Its columns, `id` first.
    pub columns: Vec<TableColumn>,
    /// One plan per file, in the order in which keys were given.
    pub files: Vec<FilePlan>,
    /// Columns from which a row without an id of its own gets one.
    pub pair: Option<PairColumns>,
    /// Attributes that were renamed.
    pub renamed: Vec<Renamed>,
}

impl Layout {
    /// Lays out the table of `object` over `files`, given as name and keys. `before` has the columns that attributes had in
    /// earlier exports, by their compared names.
    ///
    /// # Errors
    /// [`ExportError::DuplicateHeader`], [`ExportError::MissingId`], [`ExportError::TooManyColumns`].
    pub fn new(
        object: &Object,
        definitions: &[AttributeDefinition],
        files: &[(String, FileKeys)],
        before: &BTreeMap<String, String>,
    ) -> Result<Self, ExportError> {
        let mut builder = Builder::new(object, definitions);
        let pair = PairColumns::of(object);
        for (name, keys) in files {
            check_header(name, keys)?;
            builder.note_declared(keys);
        }
        let mut plans = Vec::with_capacity(files.len());
        for (name, keys) in files {
            let plan = builder.plan(keys);
            let has = |column: usize| {
                plan.sources
                    .get(column)
                    .is_some_and(|cells| !cells.is_empty())
            };
            let has_id = has(0) || pair.as_ref().is_some_and(|pair| pair.is_met(has));
            if !keys.top.is_empty() && !has_id {
                return Err(ExportError::MissingId {
                    file: name.clone(),
                    object: object.name.to_string(),
                    columns: keys.top.clone(),
                });
            }
            plans.push(plan);
            if builder.columns.len() > MOST_COLUMNS {
                return Err(ExportError::TooManyColumns {
                    file: name.clone(),
                    columns: builder.columns.len(),
                    most: MOST_COLUMNS,
                });
            }
        }
        Ok(builder.finish(plans, pair, before))
    }
}

/// Columns from which a row without an id of its own gets one; see [`KeyRule::Pair`].
#[derive(Clone, Debug)]
pub struct PairColumns {
    /// The record that has the row.
    pub first: usize,
    /// What counts its rows.
    pub second: Option<usize>,
    /// What it links.
    pub links: Vec<usize>,
    /// Whether rows of a file that link the same are several ones.
    pub repeats: bool,
}

impl PairColumns {
    fn of(object: &Object) -> Option<Self> {
        let KeyRule::Pair {
            first,
            second,
            links,
            repeats,
        } = object.key
        else {
            return None;
        };
        let place = |name: &str| object.columns.iter().position(|column| column.name == name);
        Some(Self {
            first: place(first)?,
            second: second.and_then(place),
            links: links.iter().filter_map(|name| place(name)).collect(),
            repeats,
        })
    }

    /// Whether a file with these columns has what makes an id.
    fn is_met(&self, has: impl Fn(usize) -> bool) -> bool {
        has(self.first)
            && self
                .second
                .iter()
                .chain(&self.links)
                .any(|column| has(*column))
    }
}

fn check_header(file: &str, keys: &FileKeys) -> Result<(), ExportError> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    if keys.json {
        return Ok(());
    }
    for (index, header) in keys.top.iter().enumerate() {
        let form = normalise(header);
        if form.is_empty() {
            continue;
        }
        if let Some(first) = seen.insert(form, index) {
            return Err(ExportError::DuplicateHeader {
                file: file.to_owned(),
                header: header.clone(),
                first: first + 1,
                second: index + 1,
            });
        }
    }
    Ok(())
}

struct Builder<'a> {
    object: &'a Object,
    definitions: Vec<&'a AttributeDefinition>,
    columns: Vec<TableColumn>,
    fields: Vec<Field>,
    /// Column of each attribute, by compared name.
    attributes: BTreeMap<String, usize>,
    /// The attributes' columns that wait for a name, in order, behind the declared ones.
    wanted: Vec<Wanted>,
    /// Declared columns that some file has under a name of its own.
    present: BTreeSet<usize>,
}

impl<'a> Builder<'a> {
    fn new(object: &'a Object, definitions: &'a [AttributeDefinition]) -> Self {
        let columns: Vec<TableColumn> = object
            .columns
            .iter()
            .map(|column| TableColumn {
                name: column.name.to_owned(),
                kind: column.kind,
                choices: Vec::new(),
                take: Take::Whole,
                optional: column.name == TEXT_ID,
            })
            .collect();
        let mut builder = Self {
            object,
            definitions: definitions
                .iter()
                .filter(|definition| definition.belongs_to(object))
                .collect(),
            fields: columns
                .iter()
                .map(|column| column.kind.field(&column.name))
                .collect(),
            columns,
            attributes: BTreeMap::new(),
            wanted: Vec::new(),
            present: BTreeSet::new(),
        };
        // Declared attributes have their column whether or not a file has values, so that the schema is stable.
        for index in 0..builder.definitions.len() {
            let name = normalise(builder.definitions[index].standard_name());
            if declared(object, &name, &BTreeSet::new()).is_empty() {
                builder.attribute_column(&name, builder.definitions[index].standard_name(), 0);
            }
        }
        builder
    }

    fn note_declared(&mut self, keys: &FileKeys) {
        let forms = forms(keys);
        for form in &forms {
            self.present.extend(
                declared(self.object, form, &forms)
                    .iter()
                    .filter(|found| found.take != Take::Currency)
                    .map(|found| found.column),
            );
        }
    }

    fn plan(&mut self, keys: &FileKeys) -> FilePlan {
        let forms = forms(keys);
        let mut feeds: Vec<Vec<(usize, Source)>> = vec![Vec::new(); self.columns.len()];
        // What looks like a list of attributes may be another object's records.
        let listed = match self.is_nested(ATTRIBUTE_LIST) {
            true => &[],
            false => keys.listed.as_slice(),
        };
        let mut plan = FilePlan {
            inputs: keys.top.len() + listed.len(),
            delimiter: keys.delimiter,
            json: keys.json,
            ..FilePlan::default()
        };
        for (input, key) in keys.top.iter().enumerate() {
            let form = normalise(key);
            let found = declared(self.object, &form, &forms);
            let is_nested = keys.json && self.is_nested(&form);
            if is_nested {
                if found.is_empty() {
                    continue;
                }
                plan.nested.insert(input);
            }
            plan.top.insert(key.clone(), input);
            self.feed(&mut feeds, input, &form, key, &found);
        }
        for (index, key) in listed.iter().enumerate() {
            let input = keys.top.len() + index;
            plan.listed.insert(key.clone(), input);
            let form = normalise(key);
            let mut found = declared(self.object, &form, &BTreeSet::new());
            if found
                .iter()
                .filter(|found| found.take != Take::Currency)
                .any(|found| self.present.contains(&found.column))
            {
                found.clear();
            }
            self.feed(&mut feeds, input, &form, key, &found);
        }
        feeds.resize(self.columns.len(), Vec::new());
        plan.sources = feeds
            .into_iter()
            .map(|mut sources| {
                sources.sort_by_key(|(rank, source)| (*rank, source.input));
                sources.into_iter().map(|(_, source)| source).collect()
            })
            .collect();
        plan
    }

    /// Notes that a cell feeds the declared columns found for it, or an attribute's column if there are none.
    fn feed(
        &mut self,
        feeds: &mut Vec<Vec<(usize, Source)>>,
        input: usize,
        form: &str,
        key: &str,
        found: &[Declared],
    ) {
        let text_taken = found.iter().any(|found| {
            matches!(
                found.take,
                Take::Text(_) | Take::KeyText | Take::FirstText(_)
            )
        });
        for target in found {
            let source = Source {
                input,
                take: target.take,
                strict: !text_taken,
            };
            feeds[target.column].push((target.rank, source));
        }
        if found.is_empty() {
            let column = self.attribute_column(form, key, input);
            feeds.resize(self.columns.len(), Vec::new());
            let source = Source {
                input,
                take: self.columns[column].take,
                strict: true,
            };
            feeds[column].push((0, source));
        }
    }

    /// Whether a key holds another object's records.
    fn is_nested(&self, form: &str) -> bool {
        OBJECTS
            .iter()
            .flat_map(|object| object.nested)
            .any(|nested| nested.parent == self.object.name && nested.key() == form)
    }

    /// The column of an attribute, made when it is first asked for; it gets its name when all are known. `input` is the
    /// place of its cell.
    fn attribute_column(&mut self, form: &str, key: &str, input: usize) -> usize {
        let named = |name: fn(&AttributeDefinition) -> &str| {
            let mut definitions = self.definitions.iter().copied();
            definitions.find(|definition| normalise(name(definition)) == form)
        };
        let definition = named(|definition| &definition.name_std)
            .or_else(|| named(|definition| &definition.name))
            .filter(|_| !form.is_empty());
        let identity = match definition {
            Some(definition) => normalise(definition.standard_name()),
            // Only its place tells a column without a name from others.
            None if form.is_empty() => format!(" {input}"),
            None => form.to_owned(),
        };
        if let Some(&column) = self.attributes.get(&identity) {
            return column;
        }
        let unnamed = form.is_empty().then_some(input + 1);
        let original = match (definition, unnamed) {
            (Some(definition), _) => definition.display_name().to_owned(),
            (None, Some(place)) => format!("(column {place}, which has no name)"),
            (None, None) => key.to_owned(),
        };
        let standard = definition.map_or(key, |definition| definition.standard_name());
        self.wanted.push(Wanted {
            standard: standard.to_owned(),
            original: original.clone(),
            unnamed,
        });
        let kind = definition.map_or(ColumnKind::Text, |definition| definition.kind());
        let mut metadata = std::collections::HashMap::new();
        metadata.insert(ATTRIBUTE_METADATA.to_owned(), original);
        if unnamed.is_some() {
            metadata.insert(OPTIONAL_METADATA.to_owned(), String::new());
        }
        if let Some(definition) = definition {
            metadata.insert(
                VALUE_TYPE_METADATA.to_owned(),
                definition.value_type.clone(),
            );
        }
        let target = definition.map_or("", |definition| &definition.target);
        if !target.is_empty() {
            metadata.insert(TARGET_METADATA.to_owned(), target.to_owned());
        }
        let column = self.columns.len();
        self.fields.push(kind.field("").with_metadata(metadata));
        self.columns.push(TableColumn {
            name: String::new(),
            kind,
            choices: definition
                .map(|definition| definition.choices.clone())
                .unwrap_or_default(),
            take: definition.map_or(Take::Whole, |definition| definition.take()),
            optional: unnamed.is_some(),
        });
        self.attributes.insert(identity, column);
        column
    }

    fn finish(
        mut self,
        mut files: Vec<FilePlan>,
        pair: Option<PairColumns>,
        before: &BTreeMap<String, String>,
    ) -> Layout {
        let first = self.columns.len() - self.wanted.len();
        let declared: BTreeSet<String> = self.columns[..first]
            .iter()
            .map(|column| column.name.clone())
            .chain(RESERVED.map(str::to_owned))
            .collect();
        let names = attribute_names::assign(&self.wanted, &declared, before);
        let mut renamed = Vec::new();
        for (index, (name, wanted)) in names.into_iter().zip(&self.wanted).enumerate() {
            if name != attribute_names::base(wanted) {
                renamed.push(Renamed {
                    attribute: wanted.original.clone(),
                    column: name.clone(),
                });
            }
            let field = &mut self.fields[first + index];
            *field =
                std::mem::replace(field, Field::new("", DataType::Null, true)).with_name(&name);
            self.columns[first + index].name = name;
        }
        for plan in &mut files {
            plan.sources.resize(self.columns.len(), Vec::new());
        }
        Layout {
            schema: Arc::new(Schema::new(self.fields)),
            columns: self.columns,
            files,
            pair,
            renamed,
        }
    }
}

fn forms(keys: &FileKeys) -> BTreeSet<String> {
    keys.top.iter().map(|key| normalise(key)).collect()
}

/// A declared column that a name stands for.
struct Declared {
    column: usize,
    /// Place of the name among the column's names.
    rank: usize,
    take: Take,
}

fn declared(object: &Object, form: &str, others: &BTreeSet<String>) -> Vec<Declared> {
    let applies = |alias: &Alias| {
        alias.header == form
            && match alias.when {
                When::Always => true,
                When::With(other) => others.contains(other),
                When::Without(other) => !others.contains(other),
            }
    };
    let mut found = Vec::new();
    for (column, declaration) in object.columns.iter().enumerate() {
        if let Some(rank) = declaration.aliases.iter().position(applies) {
            let take = declaration.aliases[rank].take;
            found.push(Declared { column, rank, take });
        }
    }
    found
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
