//! Whether decisions are about what there is: owners and rows of the export, users, territories and picklist values of the org.
//!
//! In: `owners`, `matches`, `countries`, `territories`, `user_territories`, `value_map`, the staged tables, what was asked of the org. Out: a finding for each
//! reference that leads nowhere. What cannot be known is not judged: owners without any that the export names, territories of an org
//! without them. Once something was loaded, a row that the export no longer has is no mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::DataType;

use super::project::Project;
use crate::config::nearest;
use crate::engine::Session;
use crate::error::Error;
use crate::finding::Finding;
use crate::mapping::{DecisionRow, FieldMap, MapRow, Status, VALUE_MAP, readable_rows};
use crate::staging::{Snapshot, Staging};

/// Values of restricted picklists of the org, by `object.field` in lower case.
const RESTRICTED: &str = include_str!("../../queries/internal/restricted_values.sql");

/// The countries of an org, which all its addresses share.
const COUNTRIES: &str = include_str!("../../queries/internal/country_codes.sql");

/// A column of decision files that names what the org has, whatever the case.
struct OfOrg {
    /// The table `org.<table>`.
    table: &'static str,
    /// Its names.
    sql: &'static str,
    files: &'static [&'static str],
    column: &'static str,
    problem: &'static str,
}

/// Users, territories and countries.
const OF_ORG: [OfOrg; 3] = [
    OfOrg {
        table: "users",
        sql: include_str!("../../queries/internal/user_addresses.sql"),
        files: &["owners", "user_territories"],
        column: "user_email",
        problem: "is the address of no user of the org: provision the user, or name another",
    },
    OfOrg {
        table: "territories",
        sql: include_str!("../../queries/internal/territory_spellings.sql"),
        files: &["territories", "user_territories"],
        column: "territory",
        problem: "is no territory of the org's active model",
    },
    OfOrg {
        table: "fields",
        sql: COUNTRIES,
        files: &["countries"],
        column: "code",
        problem: "is no code of a country that the org has",
    },
];

/// Keys in one question to a ledger.
const ASKED: usize = 1_000;

/// Loads whose ledgers know companies and people of earlier exports.
const KINDS: [(&str, &str, &[&str]); 2] = [
    ("company", "companies", &["account"]),
    ("person", "people", &["contact", "lead"]),
];

/// Every reference that leads nowhere.
pub(super) async fn check_references(
    project: &Project,
    staging: &Staging,
    snapshot: &Snapshot,
) -> Result<Vec<Finding>, Error> {
    let folder = &project.config.project;
    let mut findings = Vec::new();
    if !is_any(
        folder,
        &[
            "owners",
            "matches",
            "countries",
            "territories",
            "user_territories",
            VALUE_MAP,
        ],
    ) {
        return Ok(findings);
    }
    let session = project.engine.session(staging, snapshot)?;
    findings.extend(rows(folder, snapshot, &session).await?);
    findings.extend(owners(folder, snapshot, &session).await?);
    for named in &OF_ORG {
        findings.extend(of_org(folder, snapshot, &session, named).await?);
    }
    findings.extend(values(folder, snapshot, &session).await?);
    findings.extend(values_of_nothing(folder, snapshot, &session).await?);
    Ok(findings)
}

/// Confirmed values that a restricted picklist of the org does not have: it would refuse every row with one.
async fn values(
    folder: &Path,
    snapshot: &Snapshot,
    session: &Session,
) -> Result<Vec<Finding>, Error> {
    let rows = readable_rows(folder, VALUE_MAP);
    let confirmed = rows.iter().filter(|row| {
        let is_confirmed = Status::of(row.get("status")) == Status::Confirmed;
        is_confirmed && !row.get("target_value").is_empty()
    });
    let confirmed: Vec<&DecisionRow> = confirmed.collect();
    if confirmed.is_empty() || snapshot.get("org", "fields").is_none() {
        return Ok(Vec::new());
    }
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in texts(session, "the values of restricted picklists", RESTRICTED).await? {
        if let [field, value] = &row[..] {
            known.entry(field.clone()).or_default().push(value.clone());
        }
    }
    let told = confirmed.into_iter().filter_map(|row| {
        let field = format!("{}.{}", row.get("object"), row.get("field"));
        let values = known.get(&field.to_lowercase())?;
        let value = row.get("target_value");
        if values.iter().any(|known| known.eq_ignore_ascii_case(value)) {
            return None;
        }
        let near = nearest(value, values.iter().map(String::as_str));
        let problem = format!("is no value of the restricted picklist {field} of the org");
        Some(finding(VALUE_MAP, row, "target_value", &problem, near))
    });
    Ok(told.collect())
}

/// Rows for values that no row of the export has. Each column is read once, however many of its values are mapped.
async fn values_of_nothing(
    folder: &Path,
    snapshot: &Snapshot,
    session: &Session,
) -> Result<Vec<Finding>, Error> {
    let rows = readable_rows(folder, VALUE_MAP);
    // Mistakes in the map are told elsewhere.
    let Some(map) = FieldMap::load(folder).ok().filter(|_| !rows.is_empty()) else {
        return Ok(Vec::new());
    };
    let value = |row: &DecisionRow| row.get("source_value").to_lowercase();
    // What no staged column feeds is not judged.
    let (mut judged, mut met) = (BTreeSet::new(), BTreeSet::new());
    for mapped in map.rows() {
        let table = snapshot.get("usercom", &mapped.source);
        let column = table.and_then(|table| {
            let field = table.schema.field_with_name(&mapped.source_field);
            field.ok()
        });
        let Some(column) = column else {
            continue;
        };
        let is_its = |row: &&DecisionRow| is_for(mapped, row) && !value(row).is_empty();
        let its: Vec<&DecisionRow> = rows.iter().filter(is_its).collect();
        let asked: BTreeSet<String> = its.iter().map(|row| value(row)).collect();
        let asked: Vec<String> = asked
            .iter()
            .map(|value| format!("'{}'", value.replace('\'', "''")))
            .collect();
        let name = column.name().replace('"', "\"\"");
        let cell = match column.data_type() {
            DataType::List(_) => format!("unnest(t.\"{name}\")"),
            _ => format!("t.\"{name}\""),
        };
        let mut known = BTreeSet::new();
        for some in asked.chunks(ASKED) {
            let sql = format!(
                "select distinct w.item from (select lower(trim(cast(v.item as varchar))) as item from \
                 (select {cell} as item from usercom.{} as t) as v) as w where w.item in ({})",
                mapped.source,
                some.join(", ")
            );
            known.extend(names(session, "values that are mapped", &sql).await?);
        }
        for row in its {
            judged.insert(row.line);
            if known.contains(&value(row)) {
                met.insert(row.line);
            }
        }
    }
    let without = rows
        .iter()
        .filter(|row| judged.contains(&row.line) && !met.contains(&row.line));
    let told = without.map(|row| {
        let problem = "is about nothing in the export";
        finding(VALUE_MAP, row, "source_value", problem, None).warning()
    });
    Ok(told.collect())
}

/// Whether a row of the field map fills the field that a row of the value map is about.
fn is_for(mapped: &MapRow, row: &DecisionRow) -> bool {
    mapped.target_object.eq_ignore_ascii_case(row.get("object"))
        && mapped.target_field.eq_ignore_ascii_case(row.get("field"))
}

/// Whether one of these files has a row.
pub(super) fn is_any(folder: &Path, files: &[&str]) -> bool {
    let mut files = files.iter();
    files.any(|file| !readable_rows(folder, file).is_empty())
}

/// Columns of a query, one set of texts per row.
pub(super) async fn texts(
    session: &Session,
    what: &str,
    sql: &str,
) -> Result<BTreeSet<Vec<String>>, Error> {
    let mut found = BTreeSet::new();
    for batch in session.collect(what, sql).await? {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter();
            let cells = cells.filter_map(|column| column.as_string_opt::<i32>());
            found.insert(cells.map(|cells| cells.value(row).to_owned()).collect());
        }
    }
    Ok(found)
}

/// The one column of a query.
async fn names(session: &Session, what: &str, sql: &str) -> Result<BTreeSet<String>, Error> {
    let rows = texts(session, what, sql).await?;
    Ok(rows.into_iter().flatten().collect())
}

/// Companies and people of `matches` and `territories` that the export does not have and no earlier one had.
async fn rows(
    folder: &Path,
    snapshot: &Snapshot,
    session: &Session,
) -> Result<Vec<Finding>, Error> {
    let has_rows = |schema: &str, table: &str| {
        snapshot
            .get(schema, table)
            .is_some_and(|table| table.rows > 0)
    };
    let decided = || {
        let matches = readable_rows(folder, "matches").into_iter().map(|row| {
            let kind = match row.get("object") {
                "Account" => "company",
                _ => "person",
            };
            ("matches", "usercom_id", kind, row)
        });
        let territories = readable_rows(folder, "territories").into_iter();
        matches.chain(territories.map(|row| ("territories", "company_id", "company", row)))
    };
    let mut findings = Vec::new();
    for (kind, table, loads) in KINDS {
        if !has_rows("usercom", table) {
            continue;
        }
        let of_kind = || decided().filter(|(_, _, of, _)| *of == kind);
        let mut unknown: BTreeSet<String> = of_kind()
            .map(|(_, column, _, row)| row.get(column).to_owned())
            .filter(|value| !value.is_empty())
            .collect();
        let mut places = vec![format!("usercom.{table} as t")];
        let ledgers = loads.iter().filter(|load| has_rows("ledger", load));
        places.extend(ledgers.map(|load| format!("ledger.{load} as t")));
        for place in places {
            let column = match place.starts_with("usercom.") {
                true => "id",
                false => "usercom_id__c",
            };
            unknown = without(session, (&place, column), unknown).await?;
        }
        for (file, column, _, row) in of_kind() {
            if unknown.contains(row.get(column)) {
                let problem = format!("is no {kind} of the export");
                findings.push(finding(file, &row, column, &problem, None));
            }
        }
    }
    Ok(findings)
}

/// Those of some keys that a table does not have. Only they are asked for, however many it has.
async fn without(
    session: &Session,
    (place, column): (&str, &str),
    mut keys: BTreeSet<String>,
) -> Result<BTreeSet<String>, Error> {
    let asked: Vec<String> = keys
        .iter()
        .map(|key| format!("'{}'", key.replace('\'', "''")))
        .collect();
    for some in asked.chunks(ASKED) {
        let text = format!("cast(t.\"{column}\" as varchar)");
        let sql = format!(
            "select {text} from {place} where {text} in ({})",
            some.join(", ")
        );
        for known in names(session, "rows that decisions name", &sql).await? {
            keys.remove(&known);
        }
    }
    Ok(keys)
}

/// Owners that no record of the export names and no agent is. After a first run they may have left it.
async fn owners(
    folder: &Path,
    snapshot: &Snapshot,
    session: &Session,
) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let decided = readable_rows(folder, "owners");
    if decided.is_empty() || snapshot.schema("ledger").next().is_some() {
        return Ok(findings);
    }
    let known = names(
        session,
        "owners that the export names",
        &named_owners(snapshot),
    )
    .await?;
    if known.is_empty() {
        return Ok(findings);
    }
    let is_address = |name: &&str| name.contains('@');
    for row in decided {
        for column in ["owner_id", "owner_email"] {
            let value = row.get(column).to_lowercase();
            if value.is_empty() || known.contains(&value) {
                continue;
            }
            let nearest = match column {
                "owner_id" => None,
                _ => nearest(&value, known.iter().map(String::as_str).filter(is_address)),
            };
            let problem = "is no owner that the export names";
            findings.push(finding("owners", &row, column, problem, nearest));
        }
    }
    Ok(findings)
}

/// A query for every agent, by id and address, and every owner that a record of any table names.
fn named_owners(snapshot: &Snapshot) -> String {
    let mut parts = Vec::new();
    for table in snapshot.schema("usercom").filter(|table| table.rows > 0) {
        let own: &[&str] = if table.table == "agents" {
            &["id", "email"]
        } else {
            &["agent_id"]
        };
        let named = [
            "assigned_to_id",
            "assigned_to_email",
            "created_by_id",
            "created_by_email",
            "team_ids",
        ];
        for name in named.iter().chain(own) {
            let Ok(field) = table.schema.field_with_name(name) else {
                continue;
            };
            let value = match field.data_type() {
                DataType::List(_) => format!("unnest(t.{name})"),
                _ => format!("t.{name}"),
            };
            parts.push(format!(
                "select {value} as name from usercom.{} as t",
                table.table
            ));
        }
    }
    if parts.is_empty() {
        return "select 'nobody' as name where false".to_owned();
    }
    let texts: Vec<String> = parts
        .iter()
        .map(|part| {
            format!("select lower(trim(cast(o.name as varchar))) as name from ({part}) as o")
        })
        .collect();
    format!(
        "select distinct n.name from ({}) as n where n.name is not null",
        texts.join(" union all ")
    )
}

/// What the org does not have, of a table that was asked of it.
async fn of_org(
    folder: &Path,
    snapshot: &Snapshot,
    session: &Session,
    named: &OfOrg,
) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let asked = snapshot.get("org", named.table);
    if asked.is_none_or(|table| table.rows == 0) {
        return Ok(findings);
    }
    let known = names(session, named.table, named.sql).await?;
    // An org without codes of countries takes any text.
    if known.is_empty() {
        return Ok(findings);
    }
    let known: BTreeMap<String, String> = known
        .into_iter()
        .map(|name| (name.to_lowercase(), name))
        .collect();
    for file in named.files {
        for row in readable_rows(folder, file) {
            let value = row.get(named.column).to_lowercase();
            if value.is_empty() || known.contains_key(&value) {
                continue;
            }
            let near = nearest(&value, known.keys().map(String::as_str));
            let near = near.and_then(|near| known.get(&near).cloned());
            findings.push(finding(file, &row, named.column, named.problem, near));
        }
    }
    Ok(findings)
}

/// A finding about a cell of a decision file.
pub(super) fn finding(
    file: &str,
    row: &DecisionRow,
    column: &str,
    problem: &str,
    nearest: Option<String>,
) -> Finding {
    Finding::new(format!("config/{file}.csv"), problem)
        .line(row.line)
        .column(column)
        .value(row.get(column))
        .nearest(nearest)
}
