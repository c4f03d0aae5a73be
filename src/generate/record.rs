//! A record becomes a row: one table of columns per file shape, and one loop that walks it.
//!
//! Comes in: a record that can write any of its fields, and a [`Shape`]. Goes out: one CSV record or JSON line at the
//! end of a buffer, damaged if the record says so. Never holds more than the row.

use super::calendar::Spelling;
use super::catalogue::Attribute;
use super::cell::{CellKind, finish_csv, finish_json, write_json_string, write_number};
use super::mess::Damage;

/// Text format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    JsonLines,
}

/// Whose words a file uses (`guide/usercom.md` §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Labels of the user interface; custom attributes by their display name.
    Ui,
    /// API version 1; custom attributes in an `attributes` array.
    V1,
    /// API version 2; custom attributes among the other fields.
    V2,
}

/// What a field must know about its file.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) format: Format,
    pub(super) dialect: Dialect,
    /// How most instants are spelled.
    pub(super) spelling: Spelling,
}

impl Style {
    /// Whether the file is CSV.
    pub(super) fn is_csv(self) -> bool {
        self.format == Format::Csv
    }
}

/// The layout of one file.
pub(super) struct Shape<F: 'static> {
    pub(super) style: Style,
    /// Begins with a byte order mark.
    pub(super) mark: bool,
    /// Lines end with CR LF.
    pub(super) crlf: bool,
    /// Headers or keys with the field they hold.
    pub(super) columns: &'static [(&'static str, F)],
    /// Custom attributes with the field that holds their value.
    pub(super) attributes: &'static [(&'static Attribute, F)],
}

/// Anything that is a row of a file.
pub(super) trait Record {
    /// Its fields.
    type Column: Copy + 'static;

    /// Writes a field's raw value at the end of `out`.
    fn cell(&self, field: Self::Column, style: Style, out: &mut Vec<u8>) -> CellKind;

    /// What happens to the row as a whole.
    fn damage(&self) -> Damage {
        Damage::None
    }
}

/// Writes what stands before the first record.
pub(super) fn write_start<F: Copy>(shape: &Shape<F>, out: &mut Vec<u8>) {
    if shape.mark {
        out.extend_from_slice("\u{feff}".as_bytes());
    }
    if !shape.style.is_csv() {
        return;
    }
    let attributes = shape.attributes.iter().map(|(attribute, _)| {
        if shape.style.dialect == Dialect::Ui {
            attribute.name
        } else {
            attribute.name_std
        }
    });
    let headers = shape.columns.iter().map(|(header, _)| *header);
    for (position, header) in headers.chain(attributes).enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(header.as_bytes());
    }
    end_line(shape, out);
}

/// Writes one record with its line end.
pub(super) fn write_record<R: Record>(record: &R, shape: &Shape<R::Column>, out: &mut Vec<u8>) {
    let start = out.len();
    match shape.style.format {
        Format::Csv => write_csv(record, shape, out),
        Format::JsonLines => {
            write_json(record, shape, out);
            if matches!(record.damage(), Damage::TooShort | Damage::TooLong) {
                cut_in_half(out, start);
            }
        }
    }
    end_line(shape, out);
}

fn end_line<F>(shape: &Shape<F>, out: &mut Vec<u8>) {
    out.extend_from_slice(if shape.crlf { b"\r\n" } else { b"\n" });
}

fn write_csv<R: Record>(record: &R, shape: &Shape<R::Column>, out: &mut Vec<u8>) {
    let damage = record.damage();
    let mut count = shape.columns.len() + shape.attributes.len();
    if damage == Damage::TooShort {
        count -= 3;
    }
    let columns = shape.columns.iter().map(|(_, field)| *field);
    let attributes = shape.attributes.iter().map(|(_, field)| *field);
    for (position, field) in columns.chain(attributes).take(count).enumerate() {
        if position > 0 {
            out.push(b',');
        }
        let start = out.len();
        let kind = record.cell(field, shape.style, out);
        finish_csv(out, start, kind);
    }
    if damage == Damage::TooLong {
        out.extend_from_slice(b",stray,17");
    }
}

fn write_json<R: Record>(record: &R, shape: &Shape<R::Column>, out: &mut Vec<u8>) {
    for (position, (key, field)) in shape.columns.iter().enumerate() {
        out.extend_from_slice(if position > 0 { b",\"" } else { b"{\"" });
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        write_json_value(record, *field, shape.style, out);
    }
    let nested = shape.style.dialect == Dialect::V1;
    if nested {
        out.extend_from_slice(b",\"attributes\":[");
    }
    for (position, (attribute, field)) in shape.attributes.iter().enumerate() {
        if nested {
            out.extend_from_slice(if position > 0 {
                b",{\"id\":"
            } else {
                b"{\"id\":"
            });
            write_number(out, attribute.id);
            out.extend_from_slice(b",\"name\":");
            write_json_string(out, attribute.name.as_bytes());
            out.extend_from_slice(b",\"name_std\":\"");
            out.extend_from_slice(attribute.name_std.as_bytes());
            out.extend_from_slice(b"\",\"value\":");
        } else {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(attribute.name_std.as_bytes());
            out.extend_from_slice(b"\":");
        }
        write_json_value(record, *field, shape.style, out);
        if nested {
            out.push(b'}');
        }
    }
    out.extend_from_slice(if nested { b"]}" } else { b"}" });
}

fn write_json_value<R: Record>(record: &R, field: R::Column, style: Style, out: &mut Vec<u8>) {
    let start = out.len();
    let kind = record.cell(field, style, out);
    finish_json(out, start, kind);
}

/// What a dropped connection leaves of a line: its first half, at a character's end.
fn cut_in_half(out: &mut Vec<u8>, start: usize) {
    let mut end = start + (out.len() - start) / 2;
    while out[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    out.truncate(end);
}
