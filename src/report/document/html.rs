//! A document as one HTML file that needs nothing else: no network, no font, no library.
//!
//! In: a document with texts of anybody in it. Out: a page in which each of them is text and nothing but text. Its script is allowed by its
//! digest alone; whatever else got into the page would not run.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::markdown::more;
use super::{CELL_LETTERS, Cell, Document, Part, Table, chart, flow};
use crate::report::plain;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Bytes of all tables of a page together: a page stays below two megabytes.
const TABLES: usize = 1_800_000;

/// Rows of a table from which on it can be searched.
const WORTH_A_SEARCH: usize = 12;

/// The document as a page.
#[must_use]
pub fn html(document: &Document) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, SCRIPT.as_bytes());
    let digest = STANDARD.encode(digest.as_ref());
    let title = escape(&document.title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action \
         'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" \
         content=\"no-referrer\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<dl>\n"
    );
    for (name, value) in &document.facts {
        // Writing into a text cannot fail.
        let _ = writeln!(
            page,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escape(name),
            escape(value)
        );
    }
    page.push_str("</dl>\n</header>\n<nav aria-label=\"Parts\"><ol>\n");
    for (number, part) in (1..).zip(&document.parts) {
        let _ = writeln!(
            page,
            "<li><a href=\"#part-{number}\">{}</a></li>",
            escape(&part.title)
        );
    }
    page.push_str(
        "<li><a href=\"#queries\">The queries behind the numbers</a></li>\n</ol></nav>\n<main>\n",
    );
    let mut left = TABLES;
    for (number, part) in (1..).zip(&document.parts) {
        // A long list may take what is left, but for half a fair share of each part behind it.
        let others = document.parts.len() - number;
        let fair = left / (others + 1);
        let room = left.saturating_sub(others * (fair / 2)).max(fair);
        let before = page.len();
        let query = first_with(document, &part.query);
        section(&mut page, (number, query), part, room);
        left = left.saturating_sub(page.len() - before);
    }
    page.push_str("<section id=\"queries\">\n<h2>The queries behind the numbers</h2>\n<p>Each can be asked again with <code>transload \
                   query</code>; where several orgs were loaded, <code>--target</code> names which.</p>\n");
    for (number, part) in (1..).zip(&document.parts) {
        if first_with(document, &part.query) != number {
            continue;
        }
        let _ = writeln!(
            page,
            "<h3 id=\"query-{number}\">{}</h3>\n<pre tabindex=\"0\">{}</pre>",
            escape(&part.query),
            escape_lines(&part.sql)
        );
    }
    let _ = write!(
        page,
        "</section>\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    );
    page
}

/// The first part that a query gave: where the appendix has it.
fn first_with(document: &Document, query: &str) -> usize {
    let found = document.parts.iter().position(|part| part.query == query);
    found.map_or(0, |at| at + 1)
}

fn section(page: &mut String, (number, query): (usize, usize), part: &Part, room: usize) {
    let _ = writeln!(
        page,
        "<section id=\"part-{number}\">\n<h2>{}</h2>\n<p>{}</p>",
        escape(&part.title),
        escape(&part.text)
    );
    match (&part.table, &part.unknown) {
        (Some(table), _) => write_table(page, number, part, table, room),
        (None, Some(why)) => {
            let _ = writeln!(page, "<p class=\"unknown\">Not known: {}</p>", escape(why));
        }
        (None, None) => {}
    }
    let _ = writeln!(
        page,
        "<p class=\"source\">Source: <a href=\"#query-{query}\">{}</a></p>\n</section>",
        escape(&part.query)
    );
}

fn write_table(page: &mut String, number: usize, part: &Part, table: &Table, room: usize) {
    let (began, mut shown) = (page.len(), 0);
    if table.drawn {
        let picture = match table.columns.as_slice() {
            [from, to, _] if !from.numeric && !to.numeric => {
                flow::flow(&flows(table), grouped, escape)
            }
            _ if is_timed(table) => chart::spans(&spans(table), escape),
            _ => chart::bars(&bars(table), escape),
        };
        page.push_str(&picture.unwrap_or_default());
    }
    if table.rows.len() >= WORTH_A_SEARCH {
        let _ = writeln!(
            page,
            "<p class=\"search\"><label>Search <input type=\"search\" data-table=\"table-{number}\"></label></p>"
        );
    }
    if !table.rows.is_empty() {
        let _ = write!(
            page,
            "<table id=\"table-{number}\">\n<caption>{}</caption>\n<thead><tr>",
            escape(&part.title)
        );
        for column in &table.columns {
            let class = if column.numeric {
                " class=\"number\""
            } else {
                ""
            };
            let _ = write!(
                page,
                "<th scope=\"col\"{class}><button type=\"button\">{}</button></th>",
                escape(&column.name)
            );
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for row in &table.rows {
            let left = room.saturating_sub(page.len() - began);
            if left == 0 {
                break;
            }
            shown += 1;
            // Long texts are there as a whole as long as there is room; the file has them anyway.
            let whole = line(table, row, true);
            match whole.len() <= left {
                true => page.push_str(&whole),
                false => page.push_str(&line(table, row, false)),
            }
        }
        page.push_str("</tbody>\n</table>\n");
    }
    if let Some(more) = more(table, shown) {
        let _ = writeln!(page, "<p class=\"more\">{}</p>", escape(&more));
    }
    if let Some(csv) = &table.csv {
        let _ = writeln!(
            page,
            "<p class=\"more\"><a href=\"{0}\">{0}</a></p>",
            escape(csv)
        );
    }
}

/// A row; its long texts as a whole, or what is shown of them at first.
fn line(table: &Table, row: &[Cell], whole: bool) -> String {
    let mut line = "<tr>".to_owned();
    for (cell, column) in row.iter().zip(&table.columns) {
        write_cell(&mut line, cell, (&column.name, column.numeric), whole);
    }
    line.push_str("</tr>\n");
    line
}

/// Whether its last two columns say when something began and how long it took.
fn is_timed(table: &Table) -> bool {
    let mut last = table
        .columns
        .iter()
        .rev()
        .map(|column| column.name.as_str());
    (last.next(), last.next()) == (Some("seconds"), Some("from second"))
}

/// Rows of a table as labels with beginning, length, and what is said of it.
fn spans(table: &Table) -> Vec<(String, f64, f64, String)> {
    let rows = table.rows.iter();
    let rows = rows.filter_map(|row| match row.as_slice() {
        [label, .., from, took] => {
            Some((label.text(), from.number()?, took.number()?, took.text()))
        }
        _ => None,
    });
    rows.collect()
}

/// Rows of a table as labels with their numbers.
fn bars(table: &Table) -> Vec<(String, f64, String)> {
    let rows = table.rows.iter();
    let rows = rows.filter_map(|row| {
        let (first, last) = (row.first()?, row.last()?);
        Some((first.text(), last.number()?, last.text()))
    });
    rows.collect()
}

/// Rows of a table as what goes from where to where.
fn flows(table: &Table) -> Vec<(String, String, f64)> {
    let rows = table.rows.iter();
    let rows = rows.filter_map(|row| match row.as_slice() {
        [from, to, rows] => Some((from.text(), to.text(), rows.number()?)),
        _ => None,
    });
    rows.collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "numbers of rows, summed up"
)]
fn grouped(rows: f64) -> String {
    Cell::Whole(rows.round() as i64).text()
}

fn write_cell(page: &mut String, cell: &Cell, (column, numeric): (&str, bool), whole: bool) {
    let class = if numeric { " class=\"number\"" } else { "" };
    let text = cell.text();
    if column.ends_with("link") && (text.starts_with("https://") || text.starts_with("http://")) {
        let _ = write!(
            page,
            "<td data-label=\"{}\"><a href=\"{}\" rel=\"noreferrer noopener\">open</a></td>",
            escape(column),
            escape(&text)
        );
        return;
    }
    let shown: String = match text.char_indices().nth(CELL_LETTERS) {
        Some(_) if whole => {
            let _ = write!(
                page,
                "<td data-label=\"{}\"><div class=\"long\" tabindex=\"0\">{}</div></td>",
                escape(column),
                escape(&text)
            );
            return;
        }
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    let _ = write!(
        page,
        "<td{class} data-label=\"{}\">{}</td>",
        escape(column),
        escape(&shown)
    );
}

/// A text of anybody as text of a page, on one line.
fn escape(text: &str) -> String {
    escaped(&plain(text, false))
}

/// The same with its lines.
fn escape_lines(text: &str) -> String {
    escaped(&plain(text, true))
}

fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            other => shown.push(other),
        }
    }
    shown
}
