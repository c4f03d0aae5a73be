//! Batches of a result as bytes of CSV, JSON or Parquet.
//!
//! In: batches of one schema, of any type. Out: bytes, batch by batch, so that memory does not grow with the result.
//! Instants end in `Z`; structs and lists are JSON in CSV cells (`guide/engine.md` 5). Never: I/O.

use std::io::Write;
use std::mem::take;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringBuilder, StructArray};
use arrow::csv::WriterBuilder as CsvBuilder;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, JsonFormat, WriterBuilder as JsonBuilder, make_encoder};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::RowsFormat;
use crate::error::QueryError;
use crate::report::{UTF8_MARK, spreadsheet_rows};

/// An instant without a zone is UTC everywhere in the product.
pub(super) const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.fZ";

/// Rows that a Parquet writer holds back.
const ROW_GROUP_ROWS: usize = 131_072;

/// The struct child that exists only because Parquet knows no empty struct.
const RESERVED: &str = "_";

/// Turns batches into bytes.
pub(super) enum Encoder {
    Csv {
        header: bool,
        schema: SchemaRef,
        /// Whether a spreadsheet is to open it.
        sheet: bool,
    },
    Json(arrow::json::Writer<Vec<u8>, Lines>),
    Parquet(ArrowWriter<Vec<u8>>),
}

/// One JSON array, one row a line.
#[derive(Debug, Default)]
pub(super) struct Lines;

impl JsonFormat for Lines {
    fn start_stream<W: Write>(&self, writer: &mut W) -> Result<(), ArrowError> {
        Ok(writer.write_all(b"[")?)
    }

    fn start_row<W: Write>(&self, writer: &mut W, is_first_row: bool) -> Result<(), ArrowError> {
        let between: &[u8] = if is_first_row { b"\n" } else { b",\n" };
        Ok(writer.write_all(between)?)
    }

    fn end_stream<W: Write>(&self, writer: &mut W) -> Result<(), ArrowError> {
        Ok(writer.write_all(b"\n]\n")?)
    }
}

impl Encoder {
    /// For batches of `schema`.
    pub(super) fn new(format: RowsFormat, schema: &SchemaRef) -> Result<Self, QueryError> {
        if matches!(format, RowsFormat::Json | RowsFormat::Parquet) {
            unique_names(schema)?;
        }
        Ok(match format {
            RowsFormat::Table | RowsFormat::Csv | RowsFormat::Spreadsheet => Self::Csv {
                header: true,
                sheet: format == RowsFormat::Spreadsheet,
                schema: Arc::clone(schema),
            },
            RowsFormat::Json => Self::Json(
                JsonBuilder::new()
                    .with_explicit_nulls(true)
                    .with_timestamp_format(INSTANT.to_owned())
                    .build::<_, Lines>(Vec::new()),
            ),
            RowsFormat::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
                    .build();
                let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))
                    .map_err(|error| QueryError::encode("Parquet", error))?;
                Self::Parquet(writer)
            }
        })
    }

    /// The bytes of one more batch.
    pub(super) fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        match self {
            Self::Csv { header, sheet, .. } => csv(batch, take(header), *sheet),
            Self::Json(writer) => {
                let batch =
                    without_reserved(batch).map_err(|error| QueryError::encode("JSON", error))?;
                writer
                    .write(&batch)
                    .map_err(|error| QueryError::encode("JSON", error))?;
                Ok(take(writer.get_mut()))
            }
            Self::Parquet(writer) => {
                writer
                    .write(batch)
                    .and_then(|()| Ok(writer.sync()?))
                    .map_err(|error| QueryError::encode("Parquet", error))?;
                Ok(take(writer.inner_mut()))
            }
        }
    }

    /// The bytes after the last batch.
    pub(super) fn finish(self) -> Result<Vec<u8>, QueryError> {
        match self {
            Self::Csv {
                header: true,
                schema,
                sheet,
            } => csv(&RecordBatch::new_empty(schema), true, sheet),
            Self::Csv { .. } => Ok(Vec::new()),
            Self::Json(mut writer) => {
                writer
                    .finish()
                    .map_err(|error| QueryError::encode("JSON", error))?;
                Ok(writer.into_inner())
            }
            Self::Parquet(writer) => writer
                .into_inner()
                .map_err(|error| QueryError::encode("Parquet", error)),
        }
    }
}

fn csv(batch: &RecordBatch, header: bool, sheet: bool) -> Result<Vec<u8>, QueryError> {
    let mut bytes = Vec::new();
    let written = nested_as_text(batch).and_then(|batch| {
        CsvBuilder::new()
            .with_header(header)
            .with_timestamp_format(INSTANT.to_owned())
            .build(&mut bytes)
            .write(&batch)
    });
    written.map_err(|error| QueryError::encode("CSV", error))?;
    if !sheet {
        return Ok(bytes);
    }
    let safe = spreadsheet_rows(&bytes).map_err(|error| QueryError::encode("CSV", error))?;
    // Once, at the beginning of the file.
    let mark = if header { UTF8_MARK } else { b"" };
    Ok([mark, &safe].concat())
}

fn unique_names(schema: &Schema) -> Result<(), QueryError> {
    for (index, field) in schema.fields().iter().enumerate() {
        if schema
            .index_of(field.name())
            .is_ok_and(|first| first != index)
        {
            return Err(QueryError::Twice {
                column: field.name().clone(),
            });
        }
    }
    Ok(())
}

/// The batch with every struct, list and map replaced by its JSON text.
pub(super) fn nested_as_text(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            if field.data_type().is_nested() {
                let text = json_text(field, column)?;
                let field = Field::new(field.name(), DataType::Utf8, true);
                Ok((Arc::new(field), text))
            } else {
                Ok((Arc::clone(field), Arc::clone(column)))
            }
        })
        .collect::<Result<Vec<_>, ArrowError>>()?
        .into_iter()
        .unzip();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

fn json_text(field: &FieldRef, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let options = EncoderOptions::default().with_timestamp_format(INSTANT.to_owned());
    let mut encoder = make_encoder(field, column.as_ref(), &options)?;
    let mut text = StringBuilder::with_capacity(column.len(), column.len() * 32);
    let mut bytes = Vec::new();
    for row in 0..column.len() {
        if column.is_null(row) {
            text.append_null();
            continue;
        }
        bytes.clear();
        encoder.encode(row, &mut bytes);
        text.append_value(String::from_utf8_lossy(&bytes));
    }
    Ok(Arc::new(text.finish()))
}

/// The batch without the reserved child of its structs.
fn without_reserved(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    if !schema.fields().iter().any(|field| has_reserved(field)) {
        return Ok(batch.clone());
    }
    let mut fields: Vec<FieldRef> = Vec::with_capacity(batch.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        if !has_reserved(field) {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
            continue;
        }
        let structs = column.as_struct();
        let (names, children): (Vec<FieldRef>, Vec<ArrayRef>) = structs
            .fields()
            .iter()
            .zip(structs.columns())
            .filter(|(child, _)| child.name() != RESERVED)
            .map(|(child, values)| (Arc::clone(child), Arc::clone(values)))
            .unzip();
        let kept = StructArray::try_new_with_length(
            names.into(),
            children,
            structs.nulls().cloned(),
            structs.len(),
        )?;
        let field = field
            .as_ref()
            .clone()
            .with_data_type(kept.data_type().clone());
        fields.push(Arc::new(field));
        columns.push(Arc::new(kept));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn has_reserved(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Struct(children) if children.iter().any(|child| child.name() == RESERVED))
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    fn text(format: RowsFormat) -> String {
        let names: ArrayRef = Arc::new(StringArray::from(vec!["=1+1", "Żółw"]));
        let batch = RecordBatch::try_from_iter(vec![("name", names)]).unwrap();
        let mut encoder = Encoder::new(format, &batch.schema()).unwrap();
        let mut bytes = encoder.batch(&batch).unwrap();
        bytes.extend(encoder.batch(&batch.slice(1, 1)).unwrap());
        bytes.extend(encoder.finish().unwrap());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_spreadsheet_gets_its_mark_once_and_no_formula() {
        assert_eq!(
            text(RowsFormat::Spreadsheet),
            "\u{feff}name\n'=1+1\nŻółw\nŻółw\n"
        );
        assert_eq!(text(RowsFormat::Csv), "name\n=1+1\nŻółw\nŻółw\n");
    }
}
