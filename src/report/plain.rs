//! Text of others in documents of ours: what steers a terminal, a spreadsheet or a Markdown reader becomes letters.
//!
//! In: names, headers, values, messages. Out: the same, readable and without effect. Never: a value that is loaded; those go
//! as they are.

use std::borrow::Cow;

/// Turns the direction of writing, so that a text shows as another one.
const DIRECTIONS: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];

/// The text with control characters as escapes; `keep_lines` leaves ends of lines and tabs.
#[must_use]
pub fn plain(text: &str, keep_lines: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let is_layout = keep_lines && matches!(character, '\n' | '\t');
        if !is_layout && (character.is_control() || DIRECTIONS.contains(&character)) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// What makes a formula of a cell that begins with it.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// The text of a cell that [`spreadsheet_cell`] made harmless, or a person who knows the trick.
#[must_use]
pub fn without_apostrophe(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(FORMULA) => rest,
        _ => cell,
    }
}

/// A cell of a CSV file for people: one that a spreadsheet would take for a formula begins with an apostrophe. Numbers stay.
#[must_use]
pub fn spreadsheet_cell(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(FORMULA);
    if is_formula && text.parse::<f64>().is_err() {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// What tells a spreadsheet that a file is UTF-8.
pub const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// A CSV file for people out of one for machines: nothing in it is a formula, and where it has letters beyond ASCII it begins with the
/// mark without which a spreadsheet takes them for others.
///
/// # Errors
/// What is no CSV.
pub fn spreadsheet(csv: &[u8]) -> Result<Vec<u8>, csv::Error> {
    let rows = spreadsheet_rows(csv)?;
    Ok(match rows.is_ascii() {
        true => rows,
        false => [UTF8_MARK, &rows].concat(),
    })
}

/// Rows of such a file, without the mark at its beginning.
///
/// # Errors
/// What is no CSV.
pub fn spreadsheet_rows(csv: &[u8]) -> Result<Vec<u8>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(csv);
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    for record in reader.records() {
        let record = record?;
        writer.write_record(
            record
                .iter()
                .map(|cell| spreadsheet_cell(cell).into_owned()),
        )?;
    }
    Ok(writer.into_inner().unwrap_or_default())
}

/// The text on one line of a Markdown document, without markup or HTML of its own.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in plain(&text.replace(['\n', '\r'], " "), false).chars() {
        match character {
            '<' => shown.push_str("&lt;"),
            '&' => shown.push_str("&amp;"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '#' => {
                shown.push('\\');
                shown.push(character);
            }
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        let text = "A\u{1b}]0;owned\u{7}B\u{9b}2J\nC\u{202e}D\r";
        assert_eq!(
            plain(text, true),
            "A\\u{1b}]0;owned\\u{7}B\\u{9b}2J\nC\\u{202e}D\\r"
        );
        assert_eq!(plain("Łódź\n\tżółw", true), "Łódź\n\tżółw");
        assert_eq!(plain("a\tb", false), "a\\tb");
    }

    #[test]
    fn a_formula_is_a_text_and_a_number_stays_one() {
        let csv = spreadsheet(b"=head,b\n\"=cmd|' /C calc'!A0\",+48 600\n@x,-12.50\n-2+3,plain\n");
        assert_eq!(
            String::from_utf8(csv.unwrap()).unwrap(),
            "'=head,b\n'=cmd|' /C calc'!A0,'+48 600\n'@x,-12.50\n'-2+3,plain\n"
        );
        let named = spreadsheet("name\nŻółw\n".as_bytes()).unwrap();
        assert_eq!(named, "\u{feff}name\nŻółw\n".as_bytes());
    }

    #[test]
    fn a_name_is_no_markup() {
        assert_eq!(
            markdown("<img src=x>\n# [a](http://x) `b` c_d"),
            "&lt;img src=x> \\# \\[a\\](http://x) \\`b\\` c_d"
        );
    }
}
