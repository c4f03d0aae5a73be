//! An export folder → the account's tables.
//!
//! In: export files, in which a column may have the name that the UI, v1 or v2 gives it, attributes stand in lists or in
//! columns of their own, and records sit inside other records. Out: one table per object, its rows named as in v2, its
//! attributes under their `name_std`, each record where its object is; and [`Loaded`], what was left out. Never: a cell dropped.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::cell::{CellKind, micros, value};
use super::definitions::Definitions;
use super::error::UsercomSimError;
use super::objects::{ALL, Object, plain};
use super::reading::{self, Row, RowReader};
use super::record::{Raw, Record, id_of, is_null, raw, text_of};
use super::table::{Key, Table, Writer};

/// What an account was made of, and what is not in it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Rows that the API shows, by object.
    pub rows: BTreeMap<&'static str, u64>,
    /// Older versions of rows.
    pub older: u64,
    /// Rows that are ragged or no JSON objects.
    pub unreadable: u64,
    /// Rows without an id that is a positive number.
    pub without_id: u64,
    /// Rows that belong to a record which does not exist, by object: the API does not reach them.
    pub unreachable: BTreeMap<&'static str, u64>,
    /// Files with what no API shows.
    pub behind: Vec<String>,
    /// Files that are nothing at all.
    pub unknown: Vec<String>,
}

/// The rows of an account as they were in the export.
pub(super) struct Contents {
    pub(super) tables: BTreeMap<Object, Table>,
    pub(super) definitions: Definitions,
    /// Columns that nothing declares, by object, in the order in which they appeared.
    pub(super) undeclared: BTreeMap<Object, Vec<String>>,
    /// Ids of tags and lists by name.
    pub(super) tags: BTreeMap<String, i64>,
    pub(super) lists: BTreeMap<String, i64>,
}

/// Reads an export into a folder of tables, which is replaced.
pub(super) fn load(export: &Path, rows: &Path) -> Result<(Contents, Loaded), UsercomSimError> {
    let listing = reading::list(export)?;
    let state = |source| UsercomSimError::State {
        path: rows.to_owned(),
        source,
    };
    crate::private::folder(rows).map_err(state)?;
    let mut writers = BTreeMap::new();
    for object in ALL {
        let path = rows.join(format!("{}.jsonl", object.name()));
        writers.insert(object, Writer::create(&path)?);
    }
    let mut loader = Loader {
        writers,
        contents: Contents {
            tables: BTreeMap::new(),
            definitions: Definitions::default(),
            undeclared: BTreeMap::new(),
            tags: BTreeMap::new(),
            lists: BTreeMap::new(),
        },
        seen: BTreeSet::new(),
        keys: HashMap::new(),
        loaded: Loaded {
            behind: listing.behind,
            unknown: listing.unknown,
            ..Loaded::default()
        },
    };
    // In order of objects, because names of tags and attributes are needed later; places are those of the file names.
    for object in ALL {
        for (file, number) in listing.files.iter().zip(0..) {
            if file.object == object {
                loader.file(object, &mut RowReader::open(file)?, number)?;
            }
        }
    }
    loader.finish()
}

struct Loader {
    writers: BTreeMap<Object, Writer>,
    contents: Contents,
    seen: BTreeSet<(Object, String)>,
    /// Targets of keys in JSON records, which come again and again; by object, key, and whether there is a `custom_id`.
    keys: HashMap<(Object, bool), HashMap<String, Arc<Target>>>,
    loaded: Loaded,
}

/// What a column of a file is.
#[derive(Clone)]
struct Target {
    /// Its name in the table.
    name: String,
    /// Its name in the file, as names are compared.
    own: String,
    kind: CellKind,
    /// Whether the object or an attribute declares it.
    declared: bool,
}

impl Loader {
    fn file(
        &mut self,
        object: Object,
        rows: &mut RowReader,
        number: u64,
    ) -> Result<(), UsercomSimError> {
        let header: Vec<String> = rows.header.iter().map(|name| plain(name)).collect();
        let mut targets: Vec<Target> = Vec::new();
        for name in &header {
            let mut target = self.target(object, name, &|other| {
                header.iter().any(|name| name == other)
            });
            if targets.iter().any(|earlier| earlier.name == target.name) {
                target.name.clone_from(name);
            }
            targets.push(target);
        }
        let mut row = 0;
        while let Some(next) = rows.next()? {
            row += 1;
            let place = number << 40 | row;
            match next {
                Row::Unreadable => self.loaded.unreadable += 1,
                Row::Cells(cells) => {
                    let mut record = Record::default();
                    for (cell, target) in cells.iter().zip(&targets) {
                        if let Some(value) = value(cell, target.kind) {
                            self.put(object, &mut record, target, value);
                        }
                    }
                    self.row(
                        object,
                        record,
                        header.iter().any(|name| name == "company_id"),
                        place,
                    )?;
                }
                Row::Object(source) => {
                    let has_company = source.get("company_id").is_some();
                    let record = self.object(object, source);
                    self.row(object, record, has_company, place)?;
                }
            }
        }
        Ok(())
    }

    /// Names the cells of a JSON record as in v2.
    fn object(&mut self, object: Object, source: Record) -> Record {
        let mut record = Record::default();
        let with_custom_id = source.get("custom_id").is_some();
        let mut attributes = Vec::new();
        for (key, cell) in source.into_cells() {
            if key == "attributes"
                && !object.content_types().is_empty()
                && cell.get().starts_with('[')
            {
                attributes = serde_json::from_str::<Vec<Record>>(cell.get()).unwrap_or_default();
                continue;
            }
            if is_null(&cell) {
                continue;
            }
            let target = self.key(object, &key, with_custom_id);
            self.put(object, &mut record, &target, cell);
        }
        for attribute in attributes {
            let name = attribute
                .text("name_std")
                .or_else(|| attribute.text("name"));
            let value = attribute.some("value").map(RawValue::to_owned);
            if let (Some(name), Some(value)) = (name, value) {
                let target = self.target(object, &plain(&name), &|_| true);
                if record.get(&target.name).is_none() {
                    self.put(object, &mut record, &target, value);
                }
            }
        }
        record
    }

    /// What a key of JSON records is.
    fn key(&mut self, object: Object, key: &str, with_custom_id: bool) -> Arc<Target> {
        let known = self.keys.get(&(object, with_custom_id));
        if let Some(target) = known.and_then(|keys| keys.get(key)) {
            return Arc::clone(target);
        }
        let has = |other: &str| with_custom_id && other == "custom_id";
        let target = Arc::new(self.target(object, &plain(key), &has));
        let keys = self.keys.entry((object, with_custom_id)).or_default();
        keys.insert(key.to_owned(), Arc::clone(&target));
        target
    }

    /// What a column of this name is, in a file that has certain others.
    fn target(&self, object: Object, own: &str, has: &dyn Fn(&str) -> bool) -> Target {
        let target = |name: &str, kind, declared| Target {
            name: name.to_owned(),
            own: own.to_owned(),
            kind,
            declared,
        };
        // The customer's own id in v1 and the UI, the internal one in v2 (`guide/usercom.md` §0.2).
        let ambiguous = matches!(
            (object, own),
            (Object::People, "user_id")
                | (Object::Companies, "company_id")
                | (Object::Deals, "deal_id")
        );
        if ambiguous {
            return match has("custom_id") {
                true => target("id", CellKind::Integer, true),
                false => target("custom_id", CellKind::Text, true),
            };
        }
        let mut fields = object.fields().iter();
        if let Some(field) = fields.find(|field| field.name == own || field.aliases.contains(&own))
        {
            let name = if field.name != own && has(field.name) {
                own
            } else {
                field.name
            };
            return target(name, field.kind, name == field.name);
        }
        match self.contents.definitions.of(object, own) {
            Some(known) => target(&known.name_std, known.kind, true),
            None => {
                let nested = object.nested().iter().any(|(key, _)| *key == own);
                target(own, CellKind::Text, nested)
            }
        }
    }

    fn put(&mut self, object: Object, record: &mut Record, target: &Target, cell: Raw) {
        // A reference by name, or with a name, is not an id.
        let renamed = target.name != target.own && target.name.ends_with("_id");
        let reference = renamed && target.kind == CellKind::Integer;
        let named = reference && serde_json::from_str::<i64>(cell.get()).is_err();
        let name = if named { &target.own } else { &target.name };
        let value = match (target.kind, object) {
            (CellKind::Named, _) => self.named(&target.name, cell),
            _ => cell,
        };
        record.set(name, value);
        let declared = target.declared && !named;
        if !declared && self.seen.insert((object, name.clone())) {
            let list = self.contents.undeclared.entry(object).or_default();
            list.push(name.clone());
        }
    }

    /// Tags or lists by name → objects with id and name; anything else as it is.
    fn named(&self, column: &str, cell: Raw) -> Raw {
        let known = match column {
            "tags" => &self.contents.tags,
            _ => &self.contents.lists,
        };
        let object = |name: &String| {
            let mut object = Record::default();
            object.set("id", raw(&known.get(name)));
            object.set("name", raw(name));
            object
        };
        if let Ok(names) = serde_json::from_str::<Vec<String>>(cell.get()) {
            let objects: Vec<Record> = names.iter().map(object).collect();
            return raw(&objects);
        }
        let Some(text) = text_of(&cell) else {
            return cell;
        };
        let separator = if text.contains(';') { ';' } else { ',' };
        let names: Vec<String> = text
            .split(separator)
            .map(|name| name.trim().to_owned())
            .collect();
        if names.iter().all(|name| known.contains_key(name)) {
            let objects: Vec<Record> = names.iter().map(object).collect();
            return raw(&objects);
        }
        cell
    }

    /// Takes in a row and the records inside it.
    fn row(
        &mut self,
        object: Object,
        mut record: Record,
        has_company: bool,
        place: u64,
    ) -> Result<(), UsercomSimError> {
        match object {
            Object::People if !has_company => name_of_first_company(&mut record),
            Object::Messages => author(&mut record),
            Object::Attributes => self.contents.definitions.note(&record),
            Object::Tags | Object::Lists => {
                if let (Some(id), Some(name)) = (record.id("id"), record.text("name")) {
                    let known = match object {
                        Object::Tags => &mut self.contents.tags,
                        _ => &mut self.contents.lists,
                    };
                    known.insert(name, id);
                }
            }
            _ => {}
        }
        for (key, child) in object.nested() {
            if record
                .some(key)
                .is_some_and(|list| list.get().starts_with('['))
            {
                let list = record.take(key);
                self.inside(object, &record, *child, list.as_deref(), place)?;
            }
        }
        let parent = object.parent().and_then(|(column, _)| record.id(column));
        let Some(id) = row_id(object, &record, parent) else {
            self.loaded.without_id += 1;
            return Ok(());
        };
        let updated = record.some("updated_at").and_then(micros);
        let key = Key {
            id,
            parent: parent.unwrap_or(0),
            updated: updated
                .filter(|_| object.has_versions())
                .unwrap_or(i64::MIN),
        };
        match self.writers.get_mut(&object) {
            Some(writer) => writer.add(key, place, &record.line()),
            None => Ok(()),
        }
    }

    /// Records that sit in a list of another one.
    fn inside(
        &mut self,
        object: Object,
        owner: &Record,
        child: Object,
        list: Option<&RawValue>,
        place: u64,
    ) -> Result<(), UsercomSimError> {
        let elements = list.map(|list| serde_json::from_str::<Vec<Raw>>(list.get()));
        let elements = elements.and_then(Result::ok).unwrap_or_default();
        for (element, position) in elements.into_iter().zip(1_u64..) {
            let mut record = match Record::parse(element.get()) {
                Ok(source) if child == Object::SegmentMembers => member(source),
                Ok(source) => source,
                Err(_) if child == Object::SegmentMembers => {
                    let mut bare = Record::default();
                    bare.set("user_id", element);
                    bare
                }
                Err(_) => {
                    self.loaded.unreadable += 1;
                    continue;
                }
            };
            record = self.object(child, record);
            if let Some((column, _)) = child.parent()
                && record.get(column).is_none()
            {
                record.set(column, raw(&owner.id("id")));
            }
            if child == Object::OrderProducts && record.get("position").is_none() {
                record.set("position", raw(&position));
            }
            // Staging learns the person of a message only where its conversation sits in the person's record.
            if object == Object::People
                && let Some(messages) = record.take("messages")
            {
                record.set("messages", with_person(messages, owner));
            }
            self.row(child, record, true, place)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(Contents, Loaded), UsercomSimError> {
        let Self {
            writers,
            mut contents,
            mut loaded,
            ..
        } = self;
        for (object, writer) in writers {
            let (table, older) =
                writer.finish(object.parent().is_some(), object == Object::People)?;
            loaded.older += older;
            loaded.rows.insert(object.name(), table.len() as u64);
            contents.tables.insert(object, table);
        }
        for object in ALL {
            let Some((_, owner)) = object.parent().filter(|_| object.is_child()) else {
                continue;
            };
            if let (Some(table), Some(owners)) =
                (contents.tables.get(&object), contents.tables.get(&owner))
            {
                let lost = table
                    .parents()
                    .filter(|parent| owners.find(*parent).is_none());
                let rows: usize = lost.map(|parent| table.count_of(parent)).sum();
                if rows > 0 {
                    loaded.unreachable.insert(object.name(), rows as u64);
                }
            }
        }
        Ok((contents, loaded))
    }
}

/// The id of a row, or what tells it apart from others where it has none.
pub(super) fn row_id(object: Object, record: &Record, parent: Option<i64>) -> Option<i64> {
    let own = record.id("id").filter(|id| *id > 0);
    match object {
        Object::SegmentMembers => own.or_else(|| pair(parent?, record.id("user_id")?)),
        Object::OrderProducts => own.or_else(|| pair(parent?, record.id("position")?)),
        _ => own,
    }
}

/// An id from two numbers that tell a row apart.
pub(super) fn pair(first: i64, second: i64) -> Option<i64> {
    let fits = (1..1 << 31).contains(&first) && (1..1 << 32).contains(&second);
    fits.then_some(first << 32 | second)
}

/// `companies` gives the name of a person's company only where no `company_id` says which one is meant; as the API shows
/// both, the name gets a place of its own.
fn name_of_first_company(person: &mut Record) {
    if person.get("company").is_some() {
        return;
    }
    let companies = person
        .some("companies")
        .map(|list| serde_json::from_str::<Vec<Record>>(list.get()));
    let first = companies
        .and_then(Result::ok)
        .and_then(|list| list.into_iter().next());
    if let Some(name) = first.and_then(|company| company.text("name")) {
        person.set("company", raw(&name));
    }
}

/// Columns about the author of a message → the object that the API has.
fn author(message: &mut Record) {
    let parts = [
        ("id", "author_id"),
        ("key", "author_key"),
        ("email", "author_email"),
        ("name", "author_name"),
    ];
    if message.some("user").is_some()
        || parts
            .iter()
            .all(|(_, column)| message.get(column).is_none())
    {
        return;
    }
    let mut user = Record::default();
    for (key, column) in parts {
        user.set(
            key,
            message
                .take(column)
                .unwrap_or_else(|| RawValue::NULL.to_owned()),
        );
    }
    message.set("user", raw(&user));
}

/// What a segment says about a member: its `id` is the person's, unless another key names the person.
fn member(mut source: Record) -> Record {
    let named = [
        "user_id",
        "user",
        "person",
        "person_id",
        "client",
        "client_id",
        "contact",
        "contact_id",
    ];
    if named.iter().all(|key| source.get(key).is_none())
        && let Some(id) = source.take("id")
    {
        source.set("user_id", id);
    }
    source
}

fn with_person(messages: Raw, person: &Record) -> Raw {
    let Ok(mut list) = serde_json::from_str::<Vec<Record>>(messages.get()) else {
        return messages;
    };
    for message in &mut list {
        if message.get("client_id").is_none() {
            message.set("client_id", raw(&person.some("id").and_then(id_of)));
        }
    }
    raw(&list)
}
