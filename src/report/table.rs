//! Numbers and tables as text.
//!
//! In: cells. Out: aligned columns, for a terminal and for a code block, in as many columns of letters as there are. Never: colour, or
//! a column that is left out without its name.

use std::collections::BTreeSet;

use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent, presets};

/// A number with thin groups of three: `1,234,567`.
#[must_use]
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A table; columns after the first `left` ones are right-aligned.
#[must_use]
pub fn table(header: &[&str], rows: Vec<Vec<String>>, left: usize) -> String {
    let mut text = drawn(header, &rows, left, None);
    text.push('\n');
    text
}

/// As many columns are never put apart.
const FEW: usize = 4;

/// The same in at most `width` columns of letters. What is too wide loses the rows and columns that hold nothing, which are
/// named below it; what is still too wide becomes several tables with the same first columns.
#[must_use]
pub fn fitted(header: &[&str], rows: Vec<Vec<String>>, left: usize, width: usize) -> String {
    let whole = drawn(header, &rows, left, None);
    if fits(&whole, width) {
        return whole + "\n";
    }
    let left = left.min(header.len());
    let is_nothing = |cell: &String| cell.is_empty() || cell == "0";
    let (empty, shown): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| left < row.len() && row[left..].iter().all(is_nothing));
    let holds = |column: &usize| shown.iter().any(|row| !is_nothing(&row[*column]));
    let (numbers, without): (Vec<usize>, Vec<usize>) = (left..header.len()).partition(holds);
    let at_once = match left + numbers.len() {
        columns if columns <= FEW => columns,
        _ => 1,
    };
    // What names a row stands in each part, unless it fills half of the width.
    let mut named = left;
    let all: Vec<usize> = (0..left).collect();
    while named > 1
        && at_once == 1
        && !fits(
            &part(header, &shown, &all[..named], &[], left, None),
            width / 2,
        )
    {
        named -= 1;
    }
    let (names, others) = all.split_at(named);
    let columns: Vec<usize> = others.iter().chain(&numbers).copied().collect();
    let mut text = String::new();
    let mut rest = columns.as_slice();
    while !shown.is_empty() {
        // At least one column goes on, however wide.
        let mut taken = rest.len().min(at_once);
        while taken < rest.len()
            && fits(
                &part(header, &shown, names, &rest[..=taken], left, None),
                width,
            )
        {
            taken += 1;
        }
        let columns = &rest[..taken];
        let one = part(header, &shown, names, columns, left, None);
        text.push_str(&match fits(&one, width) {
            true => one,
            false => part(header, &shown, names, columns, left, Some(width)),
        });
        text.push('\n');
        rest = &rest[taken..];
        if rest.is_empty() {
            break;
        }
    }
    let mut line = |what: &str, names: Vec<&str>| {
        if !names.is_empty() {
            text.push_str(&wrapped(&format!("{what}: {}", names.join(", ")), width));
        }
    };
    // A row is called by what tells it from the others.
    let told_apart = |column: &usize| {
        let cells = empty.iter().map(|row| &row[*column]);
        cells.collect::<BTreeSet<_>>().len()
    };
    let name = (0..left).rev().max_by_key(told_apart).unwrap_or_default();
    line(
        "nothing",
        empty
            .iter()
            .filter_map(|row| row.get(name))
            .map(String::as_str)
            .collect(),
    );
    line(
        "0 everywhere",
        without.iter().map(|column| header[*column]).collect(),
    );
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    text
}

/// Some columns of a table, behind the first ones.
fn part(
    header: &[&str],
    rows: &[Vec<String>],
    names: &[usize],
    columns: &[usize],
    left: usize,
    width: Option<usize>,
) -> String {
    let taken: Vec<usize> = names.iter().chain(columns).copied().collect();
    let header: Vec<&str> = taken.iter().map(|column| header[*column]).collect();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| taken.iter().map(|column| row[*column].clone()).collect())
        .collect();
    let left = taken.iter().filter(|column| **column < left).count();
    drawn(&header, &rows, left, width)
}

fn drawn(header: &[&str], rows: &[Vec<String>], left: usize, width: Option<usize>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.remove_style(TableComponent::HorizontalLines);
    table.remove_style(TableComponent::MiddleIntersections);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    table.set_header(header.to_vec());
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        if index >= left {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn fits(text: &str, width: usize) -> bool {
    text.lines().all(|line| line.chars().count() <= width)
}

/// Words on lines of at most `width`.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let letters = word.chars().count();
        if length > 0 && length + 1 + letters > width {
            lines.push_str("\n  ");
            length = 2;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += letters;
    }
    lines + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        let row = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
        rows.iter().map(row).collect()
    }

    const HEAD: [&str; 6] = ["load", "outbox", "created", "updated", "failed", "sent"];

    #[test]
    fn what_fits_is_left_as_it_is() {
        let cells = rows(&[&["account", "1", "0", "0", "0", "0"]]);
        assert_eq!(fitted(&HEAD, cells.clone(), 1, 80), table(&HEAD, cells, 1));
    }

    #[test]
    fn what_holds_nothing_is_named_and_the_rest_is_folded() {
        let cells = rows(&[
            &["account", "1,000", "1,000", "0", "0", "1,000"],
            &["topic", "0", "0", "0", "0", "0"],
            &["lead", "20", "18", "2", "0", "20"],
        ]);
        let text = fitted(&HEAD, cells, 1, 30);
        insta::assert_snapshot!(text, @"
        ────────────────────────────
         load      outbox   created
        ════════════════════════════
         account    1,000     1,000
         lead          20        18
        ────────────────────────────

        ───────────────────────────
         load      updated    sent
        ═══════════════════════════
         account         0   1,000
         lead            2      20
        ───────────────────────────

        nothing: topic
        0 everywhere: failed
        ");
        assert!(fits(&text, 30), "{text}");
    }

    #[test]
    fn a_cell_wider_than_the_terminal_is_broken() {
        let text = fitted(
            &["name", "what"],
            rows(&[&["a", &"word ".repeat(20)]]),
            2,
            40,
        );
        assert!(fits(&text, 40), "{text}");
        assert_eq!(text.matches("word").count(), 20);
    }
}
