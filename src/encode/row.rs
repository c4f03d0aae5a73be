//! Whole rows as RFC 4180 CSV with LF line ends, quoted only where needed.

use arrow::array::RecordBatch;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Cells, EncodeError};

/// What tells Salesforce to set a field to null (`guide/salesforce.md` §1.6).
const CLEAR: &[u8] = b"#N/A";

/// Writes the rows of one batch.
#[derive(Debug)]
pub struct RowEncoder {
    columns: Vec<Cells>,
    names: Vec<String>,
    rows: usize,
}

/// What is known of the rows of a batch without their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Per row, a hash of its values by field name: neither the order of columns nor one without a value changes it.
    pub fingerprints: Vec<i64>,
    /// Per row, about the bytes of its CSV.
    pub bytes: Vec<usize>,
    present: Vec<u8>,
    width: usize,
}

impl Digests {
    /// Bit set of the columns that have a value in a row.
    #[must_use]
    pub fn present(&self, row: usize) -> &[u8] {
        &self.present[row * self.width..(row + 1) * self.width]
    }

    fn add(&mut self, row: usize, column: usize, seed: u64, value: &[u8]) {
        let hash = xxh3_64_with_seed(value, seed).cast_signed();
        self.fingerprints[row] = self.fingerprints[row].wrapping_add(hash);
        self.bytes[row] += value.len();
        self.present[row * self.width + column / 8] |= 1 << (column % 8);
    }
}

impl RowEncoder {
    /// Prepares the first `columns` columns of a batch.
    ///
    /// # Errors
    /// [`EncodeError::UnsupportedType`].
    pub fn new(batch: &RecordBatch, columns: usize) -> Result<Self, EncodeError> {
        let schema = batch.schema();
        let names = schema
            .fields()
            .iter()
            .take(columns)
            .map(|field| field.name().clone())
            .collect();
        let columns = batch
            .columns()
            .iter()
            .zip(schema.fields())
            .take(columns)
            .map(|(array, field)| Cells::new(field.name(), array))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            columns,
            names,
            rows: batch.num_rows(),
        })
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Cells] {
        &self.columns
    }

    /// The header line for these API names.
    #[must_use]
    pub fn header<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u8> {
        let mut line = names.collect::<Vec<_>>().join(",").into_bytes();
        line.push(b'\n');
        line
    }

    /// Appends one row. `cleared` is a bit set over the columns: those are sent as `#N/A`.
    pub fn write(&self, row: usize, cleared: Option<&[u8]>, out: &mut Vec<u8>) {
        for (index, cells) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let start = out.len();
            if cells.is_null(row) {
                let clear = cleared
                    .and_then(|bits| bits.get(index / 8))
                    .is_some_and(|byte| byte & (1 << (index % 8)) != 0);
                if clear {
                    out.extend_from_slice(CLEAR);
                }
                continue;
            }
            cells.write(row, out);
            if matches!(cells, Cells::Text(_) | Cells::List { .. }) {
                quote(out, start);
            }
        }
        if out.last() == Some(&b'\n') || self.columns.len() == 1 && out.is_empty() {
            out.extend_from_slice(b"\"\"");
        }
        out.push(b'\n');
    }

    /// Digests of all rows, made column by column.
    #[must_use]
    pub fn digests(&self) -> Digests {
        let width = self.columns.len().div_ceil(8);
        let mut digests = Digests {
            fingerprints: vec![0; self.rows],
            bytes: vec![self.columns.len(); self.rows],
            present: vec![0; self.rows * width],
            width,
        };
        let mut text = Vec::new();
        for (column, (cells, name)) in self.columns.iter().zip(&self.names).enumerate() {
            let seed = xxh3_64(name.as_bytes());
            for row in 0..self.rows {
                if cells.is_null(row) {
                    continue;
                }
                if let Cells::Text(array) = cells {
                    digests.add(row, column, seed, array.value(row).as_bytes());
                    continue;
                }
                text.clear();
                cells.write(row, &mut text);
                digests.add(row, column, seed, &text);
            }
        }
        digests
    }
}

/// Quotes the cell that starts at `start`, if it needs it.
fn quote(out: &mut Vec<u8>, start: usize) {
    let cell = &out[start..];
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_whitespace());
    if !cell.iter().any(special) && !edge(cell.first()) && !edge(cell.last()) {
        return;
    }
    let cell = out.split_off(start);
    out.push(b'"');
    for byte in cell {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use proptest::prelude::*;

    use super::*;

    fn encode(batch: &RecordBatch, cleared: Option<&[u8]>) -> String {
        let encoder = RowEncoder::new(batch, batch.num_columns()).unwrap();
        let mut out = Vec::new();
        for row in 0..batch.num_rows() {
            encoder.write(row, cleared, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_cleared_field_is_sent_as_na_and_a_null_as_nothing() {
        let id: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let name: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
        let batch = RecordBatch::try_from_iter([("Id", id), ("Name", name)]).unwrap();
        assert_eq!(encode(&batch, None), "1,\n");
        assert_eq!(encode(&batch, Some(&[0b10])), "1,#N/A\n");
    }

    #[test]
    fn a_fingerprint_depends_on_values_and_names_only() {
        let one: ArrayRef = Arc::new(StringArray::from(vec![Some("1")]));
        let two: ArrayRef = Arc::new(StringArray::from(vec![Some("2")]));
        let none: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
        let print = |columns: Vec<(&str, &ArrayRef)>| {
            let columns = columns
                .into_iter()
                .map(|(name, array)| (name, Arc::clone(array), true));
            let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
            let encoder = RowEncoder::new(&batch, batch.num_columns()).unwrap();
            encoder.digests().fingerprints[0]
        };
        let base = print(vec![("A", &one), ("B", &two)]);
        assert_eq!(base, print(vec![("B", &two), ("A", &one)]));
        assert_eq!(base, print(vec![("A", &one), ("B", &two), ("C", &none)]));
        assert_ne!(base, print(vec![("A", &two), ("B", &one)]));
        assert_ne!(base, print(vec![("A", &one), ("C", &two)]));
    }

    proptest! {
        #[test]
        fn any_text_survives_a_csv_reader(cells in proptest::collection::vec("\\PC*|[,\"\n\r a]*", 1..6)) {
            let columns = cells.iter().enumerate().map(|(index, cell)| {
                (format!("c{index}"), Arc::new(StringArray::from(vec![cell.as_str()])) as ArrayRef)
            });
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            let line = encode(&batch, None);
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(record.iter().collect::<Vec<_>>(), cells.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
