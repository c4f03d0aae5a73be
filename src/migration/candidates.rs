//! SQL for the records of `recon.gone_<load>` that something is done about.
//!
//! In: a load, what is done about its records, the tables there are. Out: queries for keys. Never: a query run.

use super::gone::EDITED;
use crate::project::{Operation, QueryFile};
use crate::reconcile::CHANGED_BY_ORG;
use crate::rows::{GONE, key_text, same_key};
use crate::staging::Snapshot;

/// What is done about the records of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// They connect others and go.
    Link,
    /// They are said to be gone, in a field.
    Flag,
    /// They go into the recycle bin.
    Recycle,
}

impl Course {
    /// What a run would do, for people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Link => "removed, since they only connect others",
            Self::Flag => "flagged",
            Self::Recycle => "moved to the recycle bin",
        }
    }
}

/// SQL for the keys of records that somebody edited.
pub(super) fn edited(load: &str, snapshot: &Snapshot) -> String {
    let tables = [
        ("ledger", format!("{EDITED}{load}")),
        ("recon", format!("{CHANGED_BY_ORG}{load}")),
    ];
    let known = tables
        .iter()
        .filter(|(schema, table)| snapshot.get(schema, table).is_some());
    let known: Vec<String> = known
        .map(|(schema, table)| format!("select e.key from {schema}.{table} as e"))
        .collect();
    match known.is_empty() {
        true => "select cast(null as varchar) as key where false".to_owned(),
        false => format!(
            "select a.key from ({}) as a group by a.key",
            known.join(" union all ")
        ),
    }
}

/// SQL for the keys of `recon.gone_<load>` that something is done about.
pub(super) fn candidates<'a>(
    file: &QueryFile,
    course: Course,
    snapshot: &Snapshot,
    loads: impl Iterator<Item = &'a QueryFile>,
) -> String {
    let load = &file.name;
    match course {
        Course::Flag => {
            return format!("select g.key from recon.{GONE}{load} as g where g.what = 'stays'");
        }
        Course::Recycle => return format!("select g.key from recon.{GONE}{load} as g"),
        Course::Link => {}
    }
    let all = format!("select g.key from recon.{GONE}{load} as g");
    // A link goes while what it connects stays; what is no longer sent itself is another matter.
    let not_sent: Vec<String> = loads
        .filter(|other| {
            other.name != *load
                && !matches!(
                    other.operation,
                    Some(Operation::Update | Operation::Convert)
                )
        })
        .filter(|other| other.link.is_empty())
        .flat_map(|other| not_sent(other, snapshot))
        .collect();
    let connected: Vec<String> = file
        .link
        .iter()
        .filter_map(|column| connected(file, column, snapshot))
        .collect();
    if not_sent.is_empty() || connected.is_empty() {
        return all;
    }
    format!(
        "select g.key from recon.{GONE}{load} as g left join (select c.key from ({connected}) as c \
         inner join ({not_sent}) as n on n.id = c.id group by c.key) as p on p.key = g.key where p.key is null",
        connected = connected.join(" union all "),
        not_sent = not_sent.join(" union all "),
    )
}

/// SQL for the keys of a load's records that are gone, and what they connect by a column; none where that is not known.
fn connected(file: &QueryFile, column: &String, snapshot: &Snapshot) -> Option<String> {
    let load = &file.name;
    let read = snapshot.get("org", load);
    let key = key_text("l", &file.key);
    let found = match file.key.contains(column) {
        true => format!("l.\"{column}\""),
        false => {
            read.filter(|read| read.schema.field_with_name(column).is_ok())?;
            format!("r.\"{column}\"")
        }
    };
    let join = match read {
        Some(_) => format!(
            " left join org.{load} as r on {}",
            same_key("r", "l", &file.key)
        ),
        None => String::new(),
    };
    Some(format!(
        "select g.key, substr({found}, 1, 15) as id from recon.{GONE}{load} as g \
         inner join ledger.{load} as l on {key} = g.key{join}"
    ))
}

/// SQL for how many of these links moved, by each column that they connect: for every record as many as it got anew, since one that
/// lost a hundred and got one has lost ninety-nine.
pub(super) fn moved(file: &QueryFile, candidates: &str, snapshot: &Snapshot) -> Option<String> {
    let load = &file.name;
    let outbox = snapshot.get("outbox", load)?;
    let by_column = file.link.iter().filter_map(|column| {
        outbox.schema.field_with_name(column).ok()?;
        let connected = connected(file, column, snapshot)?;
        Some(format!(
            "select '{column}' as name, coalesce(sum(least(g.n, o.n)), 0) as n from \
             (select c.id, count(*) as n from ({connected}) as c inner join ({candidates}) as d on d.key = c.key group by c.id) as g \
             inner join (select substr(o.\"{column}\", 1, 15) as id, count(*) as n from outbox.{load} as o \
             where o._operation in ('insert', 'upsert') group by substr(o.\"{column}\", 1, 15)) as o on o.id = g.id"
        ))
    });
    let by_column: Vec<String> = by_column.collect();
    (!by_column.is_empty()).then(|| by_column.join(" union all "))
}

/// SQL for the ids of records of a load that this run does not send, and of what else they are named by.
fn not_sent(file: &QueryFile, snapshot: &Snapshot) -> Vec<String> {
    let load = &file.name;
    let has = |schema: &str| snapshot.get(schema, load).is_some();
    if !has("ledger") || !has("outbox") {
        return Vec::new();
    }
    let from = format!(
        "from ledger.{load} as l left join outbox.{load} as o on {}",
        same_key("o", "l", &file.key)
    );
    let not_sent = "where l.id is not null and o._fingerprint is null";
    let mut ids = vec![format!(
        "select substr(l.id, 1, 15) as id {from} {not_sent}"
    )];
    let read = snapshot.get("org", load);
    for column in &file.read {
        if read.is_some_and(|read| read.schema.field_with_name(column).is_ok()) {
            ids.push(format!(
                "select substr(r.\"{column}\", 1, 15) as id {from} inner join org.{load} as r on {} {not_sent}",
                same_key("r", "l", &file.key)
            ));
        }
    }
    ids
}
