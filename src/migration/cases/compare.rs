//! Rows that are expected beside those that came out.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::CaseRows;

/// Rows of one table that are told.
const SHOWN: usize = 20;

/// A table that came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableDifference {
    /// `schema.table`.
    pub table: String,
    /// Its rows that differ, in order of their keys.
    pub rows: Vec<RowDifference>,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// The cells that tell it from others.
    pub key: String,
    /// How.
    #[serde(flatten)]
    pub problem: RowProblem,
}

/// How a row differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum RowProblem {
    /// It is expected and did not come out.
    Missing {
        /// Its cells by column.
        row: BTreeMap<String, String>,
    },
    /// It came out and is not expected.
    Unexpected {
        /// Its cells by column.
        row: BTreeMap<String, String>,
    },
    /// Cells are others: column, expected, found.
    Changed {
        /// The cells.
        cells: Vec<(String, String, String)>,
    },
}

impl TableDifference {
    /// A table that nothing was expected of.
    pub(super) fn new_table(table: &str) -> Self {
        Self {
            table: table.to_owned(),
            rows: Vec::new(),
        }
    }
}

impl fmt::Display for TableDifference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "  {}: {} row(s) differ", self.table, self.rows.len())?;
        for row in self.rows.iter().take(SHOWN) {
            match &row.problem {
                RowProblem::Missing { row: cells } => {
                    writeln!(out, "    - {}: missing: {}", row.key, listed(cells))?;
                }
                RowProblem::Unexpected { row: cells } => {
                    writeln!(out, "    + {}: not expected: {}", row.key, listed(cells))?;
                }
                RowProblem::Changed { cells } => {
                    for (column, expected, found) in cells {
                        writeln!(
                            out,
                            "    ~ {}: {column}: expected {}, came to {}",
                            row.key,
                            cell(expected),
                            cell(found)
                        )?;
                    }
                }
            }
        }
        if self.rows.len() > SHOWN {
            writeln!(out, "    and {} more", self.rows.len() - SHOWN)?;
        }
        Ok(())
    }
}

fn cell(text: &str) -> String {
    match text {
        "" => "nothing".to_owned(),
        text => format!("{text:?}"),
    }
}

fn listed(cells: &BTreeMap<String, String>) -> String {
    let cells = cells.iter().filter(|(_, text)| !text.is_empty());
    let cells: Vec<String> = cells
        .map(|(name, text)| format!("{name} {text:?}"))
        .collect();
    cells.join(", ")
}

/// What differs; the rows stand in any order. `found` has the columns of `expected`.
pub(super) fn compare(
    table: &str,
    expected: &CaseRows,
    found: &CaseRows,
) -> Option<TableDifference> {
    let known = |name: &String| expected.header.contains(name);
    let key: Vec<usize> = match !found.key.is_empty() && found.key.iter().all(known) {
        true => places(&expected.header, &found.key),
        false => vec![0],
    };
    let name = |row: &[String]| {
        let cells = key.iter().map(|&place| row[place].as_str());
        cells.collect::<Vec<_>>().join(" | ")
    };
    let mut both: BTreeMap<String, [Vec<&[String]>; 2]> = BTreeMap::new();
    for row in &expected.rows {
        both.entry(name(row)).or_default()[0].push(row);
    }
    for row in &found.rows {
        both.entry(name(row)).or_default()[1].push(row);
    }
    let mut rows = Vec::new();
    for (key, [mut wanted, mut got]) in both {
        // Of rows of one key, those that are the same are no news.
        wanted.retain(|row| match got.iter().position(|other| other == row) {
            Some(place) => {
                got.remove(place);
                false
            }
            None => true,
        });
        let cells = |row: &[String]| {
            let cells = expected.header.iter().cloned().zip(row.iter().cloned());
            cells.collect::<BTreeMap<_, _>>()
        };
        for place in 0..wanted.len().max(got.len()) {
            let problem = match (wanted.get(place), got.get(place)) {
                (Some(wanted), Some(got)) => RowProblem::Changed {
                    cells: changed(&expected.header, wanted, got),
                },
                (Some(wanted), None) => RowProblem::Missing { row: cells(wanted) },
                (None, Some(got)) => RowProblem::Unexpected { row: cells(got) },
                (None, None) => continue,
            };
            rows.push(RowDifference {
                key: key.clone(),
                problem,
            });
        }
    }
    (!rows.is_empty()).then(|| TableDifference {
        table: table.to_owned(),
        rows,
    })
}

fn places(header: &[String], names: &[String]) -> Vec<usize> {
    let place = |name: &String| header.iter().position(|column| column == name);
    names.iter().filter_map(place).collect()
}

fn changed(header: &[String], wanted: &[String], got: &[String]) -> Vec<(String, String, String)> {
    let cells = header.iter().zip(wanted).zip(got);
    let cells = cells.filter(|((_, wanted), got)| wanted != got);
    cells
        .map(|((name, wanted), got)| (name.clone(), wanted.clone(), got.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(key: &[&str], text: &str) -> CaseRows {
        let mut lines = text.lines().map(|line| {
            let cells = line.split(',').map(str::to_owned);
            cells.collect::<Vec<_>>()
        });
        CaseRows {
            header: lines.next().unwrap(),
            key: key.iter().map(|&name| name.to_owned()).collect(),
            rows: lines.collect(),
        }
    }

    #[test]
    fn the_same_rows_in_another_order_are_the_same() {
        let expected = rows(&[], "id,name\n1,Ada\n2,Jan\n2,Jan");
        let found = rows(&["id"], "id,name\n2,Jan\n1,Ada\n2,Jan");
        assert_eq!(compare("outbox.lead", &expected, &found), None);
    }

    #[test]
    fn rows_are_told_apart_by_their_key_and_cells_by_their_column() {
        let expected = rows(&[], "name,id,city\nAda,1,Oslo\nJan,2,\nEva,3,Bonn");
        let found = rows(&["id"], "name,id,city\nAda,1,Oslo\nJon,2,Lyon\nMia,4,");
        let difference = compare("outbox.lead", &expected, &found).unwrap();
        assert_eq!(
            difference.to_string(),
            "  outbox.lead: 3 row(s) differ\n    ~ 2: name: expected \"Jan\", came to \"Jon\"\n    \
             ~ 2: city: expected nothing, came to \"Lyon\"\n    - 3: missing: city \"Bonn\", id \"3\", name \"Eva\"\n    \
             + 4: not expected: id \"4\", name \"Mia\"\n"
        );
    }

    #[test]
    fn a_row_too_many_of_the_same_kind_is_found() {
        let expected = rows(&[], "id\n1");
        let found = rows(&["id"], "id\n1\n1");
        let difference = compare("outbox.lead", &expected, &found).unwrap();
        assert_eq!(difference.rows.len(), 1);
        assert!(matches!(
            difference.rows[0].problem,
            RowProblem::Unexpected { .. }
        ));
    }

    #[test]
    fn many_rows_are_cut_with_their_number() {
        let text: String = (0..30).map(|id| format!("\n{id}")).collect();
        let found = rows(&["id"], &format!("id{text}"));
        let difference = compare("outbox.lead", &rows(&[], "id"), &found).unwrap();
        let told = difference.to_string();
        assert_eq!(told.lines().count(), 22);
        assert!(told.ends_with("    and 10 more\n"), "{told}");
    }
}
