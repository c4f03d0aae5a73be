//! A document as Markdown.

use super::{Document, Table};
use crate::report::{markdown, number};

/// The document as Markdown, with every query in an appendix.
#[must_use]
pub fn markdown_document(document: &Document) -> String {
    let mut text = format!("# {}\n\n", markdown(&document.title));
    for (name, value) in &document.facts {
        text.push_str(&format!("- {}: {}\n", markdown(name), markdown(value)));
    }
    for part in &document.parts {
        text.push_str(&format!(
            "\n## {}\n\n{}\n\n",
            markdown(&part.title),
            markdown(&part.text)
        ));
        match (&part.table, &part.unknown) {
            (Some(table), _) => text.push_str(&rows(table)),
            (None, Some(why)) => text.push_str(&format!("Not known: {}\n", markdown(why))),
            (None, None) => {}
        }
    }
    text.push_str("\n## The queries behind the numbers\n");
    let mut seen = std::collections::BTreeSet::new();
    for part in &document.parts {
        if !seen.insert(&part.query) {
            continue;
        }
        text.push_str(&format!("\n### {}\n\n", part.query));
        for line in part.sql.lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

fn rows(table: &Table) -> String {
    let head: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let cells = table.rows.iter();
    let cells = cells.map(|row| row.iter().map(super::Cell::text).collect());
    let mut text = super::super::summary::markdown_table(&head, cells);
    text.push_str(
        &more(table, table.rows.len()).map_or(String::new(), |more| format!("\n{more}\n")),
    );
    text
}

/// What is said of rows that are not shown.
pub(super) fn more(table: &Table, shown: usize) -> Option<String> {
    let shown = shown as u64;
    if table.total == 0 {
        return Some("None.".to_owned());
    }
    (table.total > shown).then(|| {
        let all = table
            .csv
            .as_ref()
            .map(|csv| format!("; all of them are in {csv}"));
        format!(
            "The first {} of {} rows{}.",
            number(shown),
            number(table.total),
            all.unwrap_or_default()
        )
    })
}
