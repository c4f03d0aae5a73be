//! The story of one record, table by table.
//!
//! In: a [`Subject`]. Out: a [`Story`] without its children. A part that cannot be read says so and takes nothing away from the
//! others.

use serde_json::Value;

use super::rows::{Row, Tables, literal, one_of, text};
use super::subject::Subject;
use super::{Cell, Decision, LoadStory, Story, Version};
use crate::config::DestinationKind;
use crate::engine::View;
use crate::error::Error;
use crate::migration::open::Migration;
use crate::migration::stage::{export, settings};
use crate::project::QueryFile;
use crate::rows::{key_text, sent_columns, with_parts};
use crate::stage::{Located, locate};

/// A query for decisions: sources that it is for, or all; tables that it needs; its text.
struct Asked {
    file: &'static str,
    source: Option<&'static str>,
    needs: &'static [&'static str],
    sql: &'static str,
}

macro_rules! asked {
    ($file:literal, $source:expr, [$($needs:literal),*]) => {
        Asked {
            file: $file,
            source: $source,
            needs: &[$($needs),*],
            sql: include_str!(concat!("../../../queries/internal/explain/", $file, ".sql")),
        }
    };
}

const DECISIONS: [Asked; 12] = [
    asked!(
        "people",
        Some("people"),
        ["config.lifecycle", "prepare.person"]
    ),
    asked!("companies", Some("companies"), ["config.territories"]),
    asked!(
        "deals",
        Some("deals"),
        [
            "prepare.stage_decision",
            "config.rates",
            "config.loss_reasons",
            "prepare.deal"
        ]
    ),
    asked!("activities", Some("activities"), ["config.activity_types"]),
    asked!(
        "owner",
        None,
        ["config.owners", "prepare.owner", "mapped.agents"]
    ),
    asked!("agents", Some("agents"), ["config.owners", "prepare.owner"]),
    asked!("matches", None, ["config.matches"]),
    asked!("decisions", None, ["config.decisions"]),
    asked!("defaults", None, ["config.defaults", "recon.flagged"]),
    asked!("countries", Some("people"), ["config.countries"]),
    asked!("countries", Some("companies"), ["config.countries"]),
    asked!(
        "value_policy",
        None,
        ["config.value_policy", "recon.altered"]
    ),
];

const FIELD_MAP: &str = include_str!("../../../queries/internal/explain/field_map.sql");
const SCOPE: &str = include_str!("../../../queries/internal/explain/scope.sql");
const REJECTS: &str = include_str!("../../../queries/internal/explain/rejects.sql");
const ALTERED: &str = include_str!("../../../queries/internal/explain/altered_cells.sql");
const FATES: &str = include_str!("../../../queries/internal/explain/fates.sql");
const OUTBOX: &str = include_str!("../../../queries/internal/explain/outbox.sql");
const LEDGER: &str = include_str!("../../../queries/internal/explain/ledger.sql");
const ATTEMPTS: &str = include_str!("../../../queries/internal/explain/attempts.sql");

/// Tables of differences that each load may have: how their names begin, what a row of them is.
const DIFFERENCES: [(&str, &str); 4] = [
    ("differences_", "difference"),
    ("conflicts_", "conflict"),
    ("changed_by_org_", "changed_by_org"),
    ("gone_", "gone"),
];

/// Tells a story.
pub(super) async fn gather(
    migration: &Migration,
    tables: &Tables,
    subject: &Subject,
    target: Option<&str>,
) -> Result<Story, Error> {
    let note = tables.asked.note.clone();
    let mut story = match subject {
        Subject::Row { load, key } => {
            let mut story = Story {
                id: key.clone(),
                note,
                ..Story::default()
            };
            for file in tables.loads().filter(|file| file.name == *load) {
                let condition = |column: &str| format!("{column} = {}", literal(key));
                story.loads.extend(of_load(tables, file, &condition).await?);
            }
            story
        }
        Subject::Record { source, id } => {
            let mut story = Story {
                source: source.clone(),
                id: id.to_string(),
                note,
                ..Story::default()
            };
            find_in_export(migration, tables, *id, &mut story).await?;
            story.staged = staged(tables, source, *id).await?;
            for file in tables.loads_of(source) {
                // Keys are ids, or ids behind a word: `activity:7`, `message 7`.
                let condition = |column: &str| {
                    format!(
                        "({column} = '{id}' or ends_with({column}, ':{id}') or ends_with({column}, ' {id}'))"
                    )
                };
                story.loads.extend(of_load(tables, file, &condition).await?);
            }
            // Models of several tables tell their rows by a word: `segment:34`.
            if story.loads.is_empty() {
                let key = literal(&format!("{}:{id}", one_of(source)));
                let condition = |column: &str| format!("{column} = {key}");
                for file in tables.loads() {
                    story.loads.extend(of_load(tables, file, &condition).await?);
                }
            }
            story.decisions = decisions(migration, tables, *id, &story).await?;
            story
        }
    };
    link(migration, target, &mut story);
    Ok(story)
}

/// Places in the export, and what was said about the record when it was read.
async fn find_in_export(
    migration: &Migration,
    tables: &Tables,
    id: i64,
    story: &mut Story,
) -> Result<(), Error> {
    let source = story.source.as_str();
    let project = migration.project();
    let located = async {
        let (settings, export) = (settings(&project.config)?, export(project)?);
        Ok::<_, Error>(locate(&settings, &export, source, id).await?)
    };
    let places: Vec<Located> = match located.await {
        Ok(places) => places,
        Err(error) => {
            story.export_unread = Some(error.to_string());
            Vec::new()
        }
    };
    let rejects = format!("rejects.{source}");
    if !places.is_empty() && tables.has(&rejects) {
        let here = places.iter().map(|place| {
            format!(
                "(rejected.file = {} and rejected.row = {})",
                literal(&place.file),
                place.row
            )
        });
        let here = here.collect::<Vec<_>>().join(" or ");
        let parts = [
            ("this_source", source),
            ("rejected.is_asked", &format!("({here})")),
        ];
        let sql = with_parts(REJECTS, &parts);
        story.rejected = tables.rows(&sql).await?;
    }
    let is_superseded = |place: &Located| {
        story.rejected.iter().any(|row| {
            text(row, "reason").as_deref() == Some("superseded")
                && text(row, "file").as_deref() == Some(place.file.as_str())
                && row.get("row").and_then(Value::as_u64) == Some(place.row)
        })
    };
    story.versions = places
        .into_iter()
        .map(|place| Version {
            counts: !is_superseded(&place),
            place,
        })
        .collect();
    story
        .rejected
        .retain(|row| text(row, "reason").as_deref() != Some("superseded"));
    if tables.has("staged.altered") {
        let asked = format!(
            "(altered.source = {} and altered.id = {id})",
            literal(source)
        );
        let sql = with_parts(ALTERED, &[("altered.is_asked", &asked)]);
        story.altered = tables.rows(&sql).await?;
    }
    Ok(())
}

async fn staged(tables: &Tables, source: &str, id: i64) -> Result<Vec<Cell>, Error> {
    let sql = format!("select * from usercom.{source} as r where r.id = {id}");
    let rows = tables.rows(&sql).await?;
    let table = tables.asked.snapshot.get("usercom", source);
    let names = table.into_iter().flat_map(|table| table.schema.fields());
    let names: Vec<String> = names.map(|field| field.name().clone()).collect();
    Ok(rows
        .into_iter()
        .next()
        .map_or_else(Vec::new, |row| cells(row, names.iter().map(String::as_str))))
}

/// Columns with a value, in this order.
fn cells<'a>(mut row: Row, names: impl Iterator<Item = &'a str>) -> Vec<Cell> {
    names
        .filter_map(|name| {
            let value = row.remove(name).filter(|value| !value.is_null())?;
            Some(Cell {
                column: name.to_owned(),
                value,
            })
        })
        .collect()
}

async fn decisions(
    migration: &Migration,
    tables: &Tables,
    id: i64,
    story: &Story,
) -> Result<Vec<Decision>, Error> {
    let source = story.source.as_str();
    let mapped = format!("mapped.{source}");
    if !tables.has(&mapped) {
        return Ok(vec![not_read(tables, &mapped)]);
    }
    add_views(tables, id, story).await?;
    let mut found = Vec::new();
    if migration.config().scope.contains_key(source) {
        let rows = tables.rows(SCOPE).await?;
        let inside = rows.first().and_then(|row| row.get("inside")?.as_bool());
        found.push(Decision {
            decided_in: "migration.toml [scope]".to_owned(),
            what: source.to_owned(),
            says: match inside {
                Some(true) => "inside".to_owned(),
                _ => "outside".to_owned(),
            },
        });
    }
    for asked in DECISIONS {
        let fits = asked.source.is_none_or(|for_source| for_source == source)
            && (asked.file != "owner" || has_owner(tables, source));
        if !fits || !asked.needs.iter().all(|table| tables.has(table)) {
            continue;
        }
        match tables.rows(asked.sql).await {
            Ok(rows) => {
                let mut rows: Vec<Decision> = rows.iter().map(decision).collect();
                // What people decided, then what a model made of it.
                rows.sort_by_key(|row| (row.decided_in.starts_with("prepare."), row.what.clone()));
                found.extend(rows);
            }
            Err(error) => found.push(Decision {
                decided_in: format!("queries/internal/explain/{}.sql", asked.file),
                what: "could not be asked".to_owned(),
                says: error.to_string(),
            }),
        }
    }
    found.extend(of_the_map(tables, story).await?);
    Ok(found)
}

/// Why no decision can be told.
fn not_read(tables: &Tables, mapped: &str) -> Decision {
    let mut unavailable = tables.asked.unavailable.iter();
    let reason = unavailable.find(|missing| mapped.starts_with(&missing.prefix));
    Decision {
        decided_in: "config/field_map.csv".to_owned(),
        what: "all decisions".to_owned(),
        says: reason.map_or_else(
            || format!("not read: there is no {mapped}"),
            |missing| format!("not read: {}", missing.error),
        ),
    }
}

/// What the queries for decisions read: `explained.record` and `explained.load`.
async fn add_views(tables: &Tables, id: i64, story: &Story) -> Result<(), Error> {
    let source = story.source.as_str();
    let view = |name: &str, sql: String| View {
        schema: "explained".to_owned(),
        name: name.to_owned(),
        sql,
    };
    let session = &tables.asked.session;
    let record = format!("select * from mapped.{source} as r where r.id = {id}");
    session.add_view(&view("record", record)).await?;
    let loads: Vec<String> = tables
        .loads_of(source)
        .map(|file| {
            let known = story.loads.iter().find(|load| load.load == file.name);
            let key = known.map_or(story.id.as_str(), |load| load.key.as_str());
            let values = [source, &file.name, file.object(), key].map(literal);
            format!("({})", values.join(", "))
        })
        .collect();
    let (rows, any) = match loads.as_slice() {
        [] => ("('', '', '', '')".to_owned(), "false"),
        loads => (loads.join(", "), "true"),
    };
    let loads = format!(
        "select l.source, l.load, l.object, l.key from (values {rows}) as l (source, load, object, key) where {any}"
    );
    session.add_view(&view("load", loads)).await?;
    Ok(())
}

/// Whether the records of a source name who they are assigned to.
fn has_owner(tables: &Tables, source: &str) -> bool {
    let table = tables.asked.snapshot.get("usercom", source);
    table.is_some_and(|table| {
        ["assigned_to_id", "assigned_to_email"]
            .iter()
            .any(|name| table.schema.field_with_name(name).is_ok())
    })
}

/// Rows of the field map about fields with a value, as far as they lead to an object that the record became.
async fn of_the_map(tables: &Tables, story: &Story) -> Result<Vec<Decision>, Error> {
    let has_value = |name: &str| story.staged.iter().any(|cell| cell.column == name);
    let rows = match tables.has("config.field_map") {
        true => tables.rows(FIELD_MAP).await?,
        false => Vec::new(),
    };
    let objects: Vec<&str> = story
        .loads
        .iter()
        .map(|load| load.object.as_str())
        .collect();
    let is_of_it = |target: &String| {
        let object = target.split('.').next().unwrap_or_default();
        objects.is_empty() || objects.contains(&object)
    };
    let found = rows.iter().filter_map(|row| {
        let field = text(row, "source_field").filter(|field| has_value(field))?;
        let target = text(row, "target").filter(|target| !target.is_empty());
        if target.as_ref().is_some_and(|target| !is_of_it(target)) {
            return None;
        }
        let status = text(row, "status").unwrap_or_default();
        Some(Decision {
            decided_in: text(row, "decided_in").unwrap_or_default(),
            what: field,
            says: target.map_or(status.clone(), |target| format!("{target} ({status})")),
        })
    });
    Ok(found.collect())
}

fn decision(row: &Row) -> Decision {
    let part = |name: &str| text(row, name).unwrap_or_default();
    Decision {
        decided_in: part("decided_in"),
        what: part("what"),
        says: part("says"),
    }
}

/// Each row of a load that `condition` (on the text of its key) finds.
async fn of_load(
    tables: &Tables,
    file: &QueryFile,
    condition: &impl Fn(&str) -> String,
) -> Result<Vec<LoadStory>, Error> {
    let load = &file.name;
    let mut found: Vec<LoadStory> = Vec::new();
    let fates = format!("recon.fates_{load}");
    if tables.has(&fates) {
        let parts = [
            ("this_load", load.as_str()),
            ("fate.is_asked", &condition("fate.key")),
        ];
        let sql = with_parts(FATES, &parts);
        for row in tables.rows(&sql).await? {
            let story = named(&mut found, file, text(&row, "key").unwrap_or_default());
            story.fate = text(&row, "fate").unwrap_or_default();
            story.reason = text(&row, "reason");
            story.waits_for = text(&row, "parent");
        }
    }
    if let Some(table) = tables.asked.snapshot.get("outbox", load) {
        let sql = of_key(OUTBOX, file, "sent", condition);
        for row in tables.rows(&sql).await? {
            let story = named(&mut found, file, text(&row, "_the_key").unwrap_or_default());
            story.fate = match text(&row, "_operation").as_deref() {
                Some("unchanged") => "unchanged".to_owned(),
                _ => "sent".to_owned(),
            };
            let names = sent_columns(&table.schema);
            story.sent = cells(row, names.iter().map(String::as_str));
        }
    }
    let ledger = of_key(LEDGER, file, "landed", condition);
    for mut row in tables.rows(&ledger).await? {
        let story = named(&mut found, file, text(&row, "key").unwrap_or_default());
        if story.fate.is_empty() {
            story.fate = "not in the last run".to_owned();
        }
        row.remove("key");
        story.record = Some(row);
    }
    for story in &mut found {
        further(tables, file, story).await?;
    }
    Ok(found)
}

/// The query of a text for the rows of a load whose key `condition` finds; `alias` is the table's name in it.
fn of_key(
    text: &str,
    file: &QueryFile,
    alias: &str,
    condition: &impl Fn(&str) -> String,
) -> String {
    let key = key_text(alias, &file.key);
    let asked = condition(&key);
    let parts = [
        ("this_load", file.name.as_str()),
        (&format!("{alias}.this_key"), &key),
        (&format!("{alias}.is_asked"), &asked),
    ];
    with_parts(text, &parts)
}

fn named<'a>(found: &'a mut Vec<LoadStory>, file: &QueryFile, key: String) -> &'a mut LoadStory {
    let at = found.iter().position(|story| story.key == key);
    let at = at.unwrap_or_else(|| {
        found.push(LoadStory {
            load: file.name.clone(),
            object: file.object().to_owned(),
            key,
            ..LoadStory::default()
        });
        found.len() - 1
    });
    &mut found[at]
}

/// Flags, altered values, attempts and differences of one row.
async fn further(tables: &Tables, file: &QueryFile, story: &mut LoadStory) -> Result<(), Error> {
    let load = &file.name;
    let key = literal(&story.key);
    let of = async |table: String| match tables.has(&table) {
        true => {
            let sql = format!("select r.* from {table} as r where r.key = {key}");
            let mut rows = tables.rows(&sql).await?;
            for row in &mut rows {
                row.remove("key");
            }
            Ok::<_, Error>(rows)
        }
        false => Ok(Vec::new()),
    };
    let flags = of(format!("recon.flags_{load}")).await?;
    story.flags = flags.iter().filter_map(|row| text(row, "flag")).collect();
    story.altered = of(format!("recon.altered_{load}")).await?;
    for (family, what) in DIFFERENCES {
        for mut row in of(format!("recon.{family}{load}")).await? {
            row.insert("what".to_owned(), what.into());
            story.differences.push(row);
        }
    }
    if tables.has(&format!("ledger.attempts_{load}")) {
        let is_it = |own: &str| format!("{own} = {key}");
        let sql = of_key(ATTEMPTS, file, "attempt", &is_it);
        story.attempts = tables.rows(&sql).await?;
    }
    Ok(())
}

/// Where people see the records; a simulator in this process has no such place.
fn link(migration: &Migration, target: Option<&str>, story: &mut Story) {
    let Ok((_, destination)) = migration.config().target(target) else {
        return;
    };
    story.embedded = destination.kind == DestinationKind::Simulator;
    for load in &mut story.loads {
        let id = load.record.as_ref().and_then(|record| text(record, "id"));
        load.link = id.and_then(|id| destination.page_of(&id));
    }
}
