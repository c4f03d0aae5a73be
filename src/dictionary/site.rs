//! The project as one page: loads and models with what they read, fields with where they come from, checks, settings, tables with
//! their columns.
//!
//! In: parsed query files, the tables that follow from them, settings, the source columns of fields. Out: a [`Document`] whose parts are
//! query files, so that the page's appendix is the project's SQL. Never: a table opened, a number of rows.

use std::collections::BTreeMap;

use super::Table as Described;
use crate::migration::FieldSource;
use crate::project::{Queries, QueryFile, QueryKind};
use crate::report::{Cell, Column, Document, Part, Table};

/// Kinds of files in the order in which a run comes to them.
const KINDS: [(QueryKind, &str); 4] = [
    (QueryKind::Prepare, "Model"),
    (QueryKind::Load, "Load"),
    (QueryKind::Check, "Check"),
    (QueryKind::Reconcile, "Comparison"),
];

/// What the page tells besides the files.
#[derive(Debug)]
pub struct SiteFacts {
    /// Options: name, value, meaning.
    pub options: Vec<[String; 3]>,
    /// Gates: name, value, meaning.
    pub gates: Vec<[String; 3]>,
    /// Source columns of fields, by load, or why they are not known.
    pub fields: Result<BTreeMap<String, Vec<FieldSource>>, String>,
    /// Project, organisation, zone: what the head of the page says.
    pub head: Vec<(String, String)>,
}

/// The page.
#[must_use]
pub fn site(name: &str, queries: &Queries, tables: &[Described], facts: &SiteFacts) -> Document {
    let mut parts = vec![overview(queries), fields(queries, facts)];
    parts.push(settings(
        "Options",
        "What the project chooses, as its queries see it: `$name`.",
        &facts.options,
    ));
    parts.push(settings(
        "Gates",
        "What a phase may show and still let the next one begin.",
        &facts.gates,
    ));
    for (kind, word) in KINDS {
        parts.extend(queries.kind(kind).map(|file| one(word, file, queries)));
    }
    // The longest list comes last: what the others leave of the page is its.
    parts.push(columns(tables));
    Document {
        title: format!("The project {name}"),
        facts: facts.head.clone(),
        parts,
    }
}

fn overview(queries: &Queries) -> Part {
    let files = KINDS
        .iter()
        .flat_map(|(kind, word)| queries.kind(*kind).map(move |file| (*word, file)));
    let rows = files.map(|(word, file)| {
        let cells = [
            word,
            &file.name,
            file.object(),
            &file.grain,
            file.when.as_deref().unwrap_or_default(),
        ];
        cells.map(text).to_vec()
    });
    let title = "Models, loads and checks";
    let says = "Every query file of the project: what one row of it is, and the options without which it is left out.";
    part(
        title,
        says,
        ["kind", "name", "object", "one row is", "when"],
        rows.collect(),
    )
}

fn fields(queries: &Queries, facts: &SiteFacts) -> Part {
    let mut found = Vec::new();
    for (load, fields) in facts.fields.iter().flatten() {
        let file = queries.find(QueryKind::Load, load);
        let (object, path) = file.map_or(("", ""), |file| (file.object(), file.path.as_str()));
        found.extend(fields.iter().map(|field| {
            let (values, keys) = (field.values.join(", "), field.keys.join(", "));
            let cells = [object, &field.field, load, &values, &keys, path];
            cells.map(text).to_vec()
        }));
    }
    let head = [
        "object",
        "field",
        "load",
        "comes from",
        "looked up by",
        "query",
    ];
    let says = "Each field that is sent: the columns of the export that its value comes from, those by which its row was looked up, \
                and the query that says so.";
    let mut part = part("Fields and where they come from", says, head, found);
    if let Err(why) = &facts.fields {
        part.table = None;
        part.unknown = Some(why.clone());
    }
    part
}

fn settings(title: &str, says: &str, rows: &[[String; 3]]) -> Part {
    let rows = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| text(cell)).to_vec());
    part(title, says, ["name", "value", "meaning"], rows.collect())
}

fn columns(tables: &[Described]) -> Part {
    let rows = tables.iter().flat_map(|table| {
        let row = |column: &str, holds: &str| [&table.name, column, holds, &table.what].map(text);
        let own = table.columns.iter();
        let mut rows: Vec<Vec<Cell>> = own
            .map(|column| row(&column.name, &column.holds).to_vec())
            .collect();
        if rows.is_empty() {
            rows.push(row("", "as its query selects").to_vec());
        }
        rows
    });
    let title = "Tables and columns";
    let says = "Every table that a query can read, with its columns.";
    part(
        title,
        says,
        ["table", "column", "holds", "one row is"],
        rows.collect(),
    )
}

/// A file: its header, what it reads, and who reads it.
fn one(word: &str, file: &QueryFile, queries: &Queries) -> Part {
    let schema = match file.kind {
        QueryKind::Load => "ledger",
        QueryKind::Reconcile => "recon",
        _ => "prepare",
    };
    let made = format!("{schema}.{}", file.name);
    let readers = queries
        .iter()
        .filter(|other| other.references.contains(&made))
        .map(|other| other.name.clone());
    let list = |names: Vec<String>| names.join(", ");
    let lines = [
        ("one row is", file.grain.clone()),
        ("object", file.object().to_owned()),
        ("key", list(file.key.clone())),
        ("left out without", file.when.clone().unwrap_or_default()),
        ("reads", list(file.references.iter().cloned().collect())),
        ("options", list(file.parameters.iter().cloned().collect())),
        ("is read by", list(readers.collect())),
        ("what to do", file.hint.clone().unwrap_or_default()),
    ];
    let rows = lines
        .iter()
        .filter(|(_, says)| !says.is_empty())
        .map(|(what, says)| [*what, says.as_str()].map(text).to_vec());
    let mut part = part(
        &format!("{word}: {}", file.name),
        "",
        ["what", "says"],
        rows.collect(),
    );
    part.query.clone_from(&file.path);
    part.sql.clone_from(&file.sql);
    part
}

fn part<const N: usize>(title: &str, says: &str, columns: [&str; N], rows: Vec<Vec<Cell>>) -> Part {
    let columns = columns.map(|name| Column {
        name: name.to_owned(),
        numeric: false,
    });
    Part {
        title: title.to_owned(),
        text: says.to_owned(),
        query: "queries".to_owned(),
        sql: "-- The list is made of the headers of all query files.".to_owned(),
        table: Some(Table {
            columns: columns.to_vec(),
            total: rows.len() as u64,
            rows,
            ..Table::default()
        }),
        unknown: None,
    }
}

fn text(text: &str) -> Cell {
    match text {
        "" => Cell::Nothing,
        text => Cell::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dictionary::tables;
    use crate::report::html;

    #[test]
    fn the_page_has_every_file_with_what_it_reads_and_who_reads_it() {
        let project = tempfile::tempdir().unwrap();
        let queries = Queries::load(project.path()).unwrap();
        let facts = SiteFacts {
            options: vec![["teams", "true", "whether teams move"].map(str::to_owned)],
            gates: vec![["max_differences", "0", "fields that differ"].map(str::to_owned)],
            fields: Ok(BTreeMap::from([(
                "lead".to_owned(),
                vec![FieldSource {
                    field: "Email".to_owned(),
                    values: vec!["people.email".to_owned()],
                    keys: Vec::new(),
                }],
            )])),
            head: vec![("Customer".to_owned(), "acme".to_owned())],
        };
        let page = site("acme", &queries, &tables(&queries), &facts);
        let find = |title: &str| page.parts.iter().find(|part| part.title == title).unwrap();
        let lead = find("Load: lead");
        assert_eq!(lead.query, "queries/load/lead.sql");
        let says = serde_json::to_string(&lead.table).unwrap();
        assert!(
            says.contains("\"Lead\"") && says.contains("mapped.people"),
            "{says}"
        );
        let fields = serde_json::to_string(&find("Fields and where they come from").table).unwrap();
        assert!(
            fields.contains("people.email") && fields.contains("queries/load/lead.sql"),
            "{fields}"
        );
        let gates = serde_json::to_string(&find("Gates").table).unwrap();
        assert!(gates.contains("max_differences"), "{gates}");
        let account = serde_json::to_string(&find("Load: account").table).unwrap();
        assert!(account.contains("is read by"), "{account}");
        assert!(account.contains("opportunity"), "{account}");
        assert_eq!(
            page.parts.len(),
            5 + queries.kind(QueryKind::Load).count()
                + queries.kind(QueryKind::Prepare).count()
                + queries.kind(QueryKind::Check).count()
                + queries.kind(QueryKind::Reconcile).count()
        );
        let unknown = SiteFacts {
            fields: Err("the map waits".to_owned()),
            options: Vec::new(),
            gates: Vec::new(),
            head: Vec::new(),
        };
        let unknown = html(&site("acme", &queries, &[], &unknown));
        assert!(unknown.contains("Not known: the map waits"));
        let page = html(&page);
        assert!(page.contains("<dt>Customer</dt><dd>acme</dd>"));
        assert!(
            !page.contains("<p class=\"more\">The first "),
            "nothing is cut"
        );
        assert!(page.len() < 2_000_000, "{}", page.len());
        assert!(
            page.contains("from mapped.people"),
            "the SQL is in the appendix"
        );
    }
}
