//! SQL for the fields of an update that are others in the org than in the source, with all that is known of each of them.
//!
//! In: a part of an outbox, the records as they are now, the tables of the last run. Out: SQL for one row per such field, and the tables
//! that it reads. Never: a judgement of which of the two counts ([`super::conflict`]).

use arrow::datatypes::DataType;

use super::ThreeWay;
use super::compared::Compared;
use super::names::{CHANGED_BY_ORG, LEFT_TO_ORG, MODIFIED, as_last};
use crate::project::QueryFile;
use crate::rows::{SAME, key_text, same_key, stands};
use crate::staging::{Manifest, Snapshot};

/// Fields of a contact and those of a lead that they come from when it is converted, where the names differ.
const OF_LEAD: [(&str, &str); 6] = [
    ("MailingStreet", "Street"),
    ("MailingCity", "City"),
    ("MailingState", "State"),
    ("MailingPostalCode", "PostalCode"),
    ("MailingCountry", "Country"),
    ("MailingCountryCode", "CountryCode"),
];

/// A text that is not known.
const NONE: &str = "cast(null as varchar)";

/// SQL for one row per field of an update that is another one in the org, and the tables it reads; none if no field can be
/// compared. `places` are the names of the sent columns.
pub(super) fn differing(
    wanted: &ThreeWay<'_>,
    places: &[String],
    part: &Manifest,
) -> Option<(String, Snapshot)> {
    let mut tables = Snapshot::default();
    tables.insert(part.clone());
    tables.insert(wanted.now.clone());
    let before = Before::of(wanted, &mut tables);
    if before.ledger.is_none() && wanted.moved.is_none() {
        return None;
    }
    let fields = fields(wanted, places, part, &before)?;
    if fields.is_empty() {
        return None;
    }
    let mut sql = different_fields(wanted, &before, &fields);
    let (columns, joins) = known_of_them(wanted, &before, &mut tables);
    sql = format!("select e.*{columns} from ({sql}) as e{joins}");
    if wanted.moved.is_some() {
        sql.push_str(" where e.entry['ours'] <> '' or e.clear is not null or z.base is not null");
    }
    Some((sql, tables))
}

/// What earlier runs left behind, where there are rows of it.
struct Before<'a> {
    ledger: Option<&'a Manifest>,
    read_back: Option<&'a Manifest>,
    /// Fields that are left to the org.
    left: Option<&'a Manifest>,
    /// Fields that only the org changed.
    edited: Option<&'a Manifest>,
    /// The outbox of last time, under a name of its own.
    last: Option<Manifest>,
}

impl<'a> Before<'a> {
    /// Finds them, and adds to `tables` those that are joined.
    fn of(wanted: &ThreeWay<'a>, tables: &mut Snapshot) -> Self {
        let load = &wanted.request.file.name;
        let mut take = |schema: &str, table: &str| {
            let found = wanted.snapshot.get(schema, table);
            let found = found.filter(|table| table.rows > 0);
            found.inspect(|table| tables.insert((*table).clone()))
        };
        let before = Self {
            ledger: take("ledger", load),
            read_back: take("org", load),
            left: take("ledger", &format!("{LEFT_TO_ORG}{load}")),
            edited: take("recon", &format!("{CHANGED_BY_ORG}{load}")),
            last: wanted
                .last
                .filter(|last| last.rows > 0)
                .map(|last| as_last(last, load)),
        };
        if let Some(last) = before.sent() {
            tables.insert(last.clone());
        }
        before
    }

    /// The outbox of last time, if the ledger says what came of it.
    fn sent(&self) -> Option<&Manifest> {
        self.last.as_ref().filter(|_| self.ledger.is_some())
    }
}

/// SQL for each field that can be compared: null where both sides have the same value.
fn fields(
    wanted: &ThreeWay<'_>,
    places: &[String],
    part: &Manifest,
    before: &Before<'_>,
) -> Option<Vec<String>> {
    let request = wanted.request;
    // A column that had another type was another column.
    let has = |table: Option<&Manifest>, name: &str, data_type: &DataType| {
        let column = table.and_then(|table| table.schema.field_with_name(name).ok());
        column.is_some_and(|column| column.data_type() == data_type)
    };
    let known = |has: bool, there: &str, form: String| match has {
        true => {
            format!("case when {there} then named_struct('value', cast({form} as varchar)) end")
        }
        false => "cast(null as struct<value varchar>)".to_owned(),
    };
    let mut fields = Vec::new();
    for (place, name) in places.iter().enumerate() {
        let field = part.schema.field_with_name(name).ok()?;
        let compared = Compared::of(request.describe, name)
            .filter(|_| !wanted.later.contains(name) && !request.columns.key.contains(name));
        let Some(compared) = compared else {
            continue;
        };
        let (ours, theirs) = compared.forms(field, "o", "r");
        let last = before.sent().filter(|_| compared.is_comparable());
        let sent = known(
            has(last, name, field.data_type()),
            "p._fingerprint is not null",
            compared.forms(field, "p", "r").0,
        );
        let (columns, accepted) = compared.accepted(field, "i");
        let found = known(
            columns
                .into_iter()
                .all(|name| has(before.read_back, name, &DataType::Utf8)),
            "i._id is not null",
            accepted,
        );
        let says_something = says_something(wanted, name, &ours);
        fields.push(format!(
            "case when {says_something}{ours} is distinct from {theirs} \
             then named_struct('place', {place}, 'field', '{name}', 'ours', cast({ours} as varchar), \
             'theirs', cast({theirs} as varchar), 'sent', {sent}, 'read_back', {found}) end"
        ));
    }
    Some(fields)
}

/// SQL for whether a row says anything of a field, as the beginning of a condition.
fn says_something(wanted: &ThreeWay<'_>, name: &str, ours: &str) -> String {
    let target = wanted.request.describe.field(name);
    let can_be_emptied =
        target.is_some_and(|target| target.nillable) && !wanted.silent.contains(name);
    // What was sent to the lead that a contact was may have to be emptied: that is known further on.
    match (wanted.moved, can_be_emptied) {
        (Some(_), true) => String::new(),
        (Some(_), false) => format!("cast({ours} as varchar) <> '' and "),
        (None, _) => format!("((cast({ours} as varchar) <> '') or o._clear is not null) and "),
    }
}

/// SQL for one row per field that is another one, with what the ledger knows of the record.
fn different_fields(wanted: &ThreeWay<'_>, before: &Before<'_>, fields: &[String]) -> String {
    let (load, key) = (&wanted.request.file.name, &wanted.request.columns.key);
    let (mut joins, mut landed) = (String::new(), "cast(null as bigint)");
    let mut written = "cast(null as bytea)";
    if before.ledger.is_some() {
        (landed, written) = ("l.fingerprint", "l.written");
        joins.push_str(&format!(
            " left join ledger.{load} as l on {} and substr(l.id, 1, 15) = substr(o._id, 1, 15)",
            same_key("l", "o", key)
        ));
    }
    if let Some(last) = before.sent() {
        joins.push_str(&format!(
            " left join {} as p on {} and {}",
            last.name(),
            same_key("p", "o", key),
            stands("p", "l")
        ));
    }
    if before.read_back.is_some() {
        joins.push_str(&format!(
            " left join org.{load} as i on {}",
            same_key("i", "o", key)
        ));
    }
    let [by, at] = MODIFIED.map(|name| match wanted.now.schema.field_with_name(name) {
        Ok(_) => format!("r.\"{name}\""),
        Err(_) => NONE.to_owned(),
    });
    let sql = format!(
        "select {key} as key, r._id as id, o._clear as clear, o.{SAME} as same, {by} as changed_by, {at} as changed_at, \
         {landed} as landed, {written} as written, unnest(make_array({fields})) as entry \
         from outbox.{load} as o inner join {now} as r on substr(r._id, 1, 15) = substr(o._id, 1, 15){joins}",
        key = key_text("o", key),
        fields = fields.join(",\n "),
        now = wanted.now.name(),
    );
    format!("select e.* from ({sql}) as e where e.entry is not null")
}

/// Further columns of the fields `e`, and the joins that they come from: what was left to the org or edited there, what the lead
/// had, when the source changed the row.
fn known_of_them(
    wanted: &ThreeWay<'_>,
    before: &Before<'_>,
    tables: &mut Snapshot,
) -> (String, String) {
    let load = &wanted.request.file.name;
    let (mut columns, mut joins) = (String::new(), String::new());
    match before.left {
        Some(_) => {
            columns.push_str(", b.key is not null as is_left, b.base as base");
            joins.push_str(&format!(
                " left join ledger.{LEFT_TO_ORG}{load} as b on b.key = e.key and b.field = e.entry['field']"
            ));
        }
        None => columns.push_str(&format!(", false as is_left, {NONE} as base")),
    }
    match before.edited {
        Some(_) => {
            columns.push_str(", x.key is not null as is_edited, x.sent as edited");
            joins.push_str(&format!(
                " left join (select c.key, c.field, max(c.sent) as sent from recon.{CHANGED_BY_ORG}{load} as c \
                 group by c.key, c.field) as x on x.key = e.key and x.field = e.entry['field']"
            ));
        }
        None => columns.push_str(&format!(", false as is_edited, {NONE} as edited")),
    }
    if let Some(moved) = wanted.moved {
        let names = OF_LEAD.iter();
        let names = names.map(|(contact, lead)| format!(" when '{lead}' then '{contact}'"));
        columns.push_str(
            ", y.key is not null as is_moved, z.key is not null as was_sent, z.base as moved_base",
        );
        joins.push_str(&format!(
            " left join (select distinct m.key from {table} as m) as y on y.key = e.key \
             left join (select m.key, case m.field{} else m.field end as field, m.base from {table} as m) as z \
             on z.key = e.key and z.field = e.entry['field']",
            names.collect::<String>(),
            table = moved.name(),
        ));
        tables.insert(moved.clone());
    }
    match source_of(wanted.request.file, wanted.snapshot) {
        Some(source) => {
            columns.push_str(", s.updated_at as source_changed_at");
            joins.push_str(&format!(
                " left join (select cast(s.id as varchar) as key, cast(s.updated_at as varchar) as updated_at \
                 from {} as s) as s on s.key = e.key",
                source.name()
            ));
            tables.insert(source.clone());
        }
        None => columns.push_str(&format!(", {NONE} as source_changed_at")),
    }
    (columns, joins)
}

/// The staged table of a load's rows, if it says when each was changed.
fn source_of<'a>(file: &QueryFile, snapshot: &'a Snapshot) -> Option<&'a Manifest> {
    let (schema, table) = file.source.as_ref()?.table.as_ref()?;
    let source = snapshot.get(schema, table)?;
    let has = |name: &&str| source.schema.field_with_name(name).is_ok();
    (schema == "usercom" && ["id", "updated_at"].iter().all(has)).then_some(source)
}
