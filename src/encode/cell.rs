//! One column's cells as text, without an allocation per cell.

use std::io::Write;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array,
    GenericStringArray, Int64Array, ListArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::temporal_conversions::date32_to_datetime;
use chrono::{DateTime, Datelike, Timelike};

use super::EncodeError;

/// A column ready to be written as text.
#[derive(Debug)]
pub enum Cells {
    /// Text.
    Text(GenericStringArray<i32>),
    /// Whole numbers.
    Int(Int64Array),
    /// Floating point numbers, never in scientific notation.
    Float(Float64Array),
    /// Exact numbers.
    Decimal(Decimal128Array),
    /// `true` / `false`.
    Bool(BooleanArray),
    /// `yyyy-MM-dd`.
    Date(Date32Array),
    /// Microseconds since the epoch, UTC.
    Instant(arrow::array::TimestampMicrosecondArray),
    /// Multi-select: items joined with `;`.
    List {
        /// Where each row's items start and end.
        lists: ListArray,
        /// The items, as text cells.
        items: Box<Cells>,
    },
    /// A column of nulls.
    Null(usize),
}

impl Cells {
    /// Prepares a column.
    ///
    /// # Errors
    /// [`EncodeError::UnsupportedType`].
    pub fn new(column: &str, array: &ArrayRef) -> Result<Self, EncodeError> {
        let unsupported = || EncodeError::UnsupportedType {
            column: column.to_owned(),
            data_type: array.data_type().to_string(),
        };
        let to = |data_type: DataType| cast(array, &data_type).map_err(|_| unsupported());
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string::<i32>().clone()),
            DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => {
                Self::Text(to(DataType::Utf8)?.as_string::<i32>().clone())
            }
            DataType::Int64 => Self::Int(array.as_primitive().clone()),
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => Self::Int(to(DataType::Int64)?.as_primitive().clone()),
            DataType::Float64 => Self::Float(array.as_primitive().clone()),
            DataType::Float16 | DataType::Float32 => {
                Self::Float(to(DataType::Float64)?.as_primitive().clone())
            }
            DataType::Decimal128(_, _) => Self::Decimal(array.as_primitive().clone()),
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Date32 => Self::Date(array.as_primitive().clone()),
            DataType::Timestamp(_, zone) => {
                let micros = to(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
                Self::Instant(micros.as_primitive().clone())
            }
            DataType::List(_) => {
                let lists = array.as_list::<i32>().clone();
                let items = Self::new(column, lists.values())?;
                if matches!(items, Self::List { .. }) {
                    return Err(unsupported());
                }
                Self::List {
                    lists,
                    items: Box::new(items),
                }
            }
            DataType::Null => Self::Null(array.len()),
            _ => return Err(unsupported()),
        })
    }

    /// Whether a cell is null (a list without items counts as null: Salesforce knows no empty one).
    #[must_use]
    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Text(array) => array.is_null(row) || array.value(row).is_empty(),
            Self::Int(array) => array.is_null(row),
            Self::Float(array) => array.is_null(row) || !array.value(row).is_finite(),
            Self::Decimal(array) => array.is_null(row),
            Self::Bool(array) => array.is_null(row),
            Self::Date(array) => array.is_null(row),
            Self::Instant(array) => array.is_null(row),
            Self::List { lists, .. } => lists.is_null(row) || lists.value_length(row) == 0,
            Self::Null(_) => true,
        }
    }

    /// The cell as JSON, as REST takes it: numbers and booleans bare, everything else as text; `None` for null.
    #[must_use]
    pub fn json(&self, row: usize) -> Option<serde_json::Value> {
        if self.is_null(row) {
            return None;
        }
        let mut text = Vec::new();
        self.write(row, &mut text);
        let text = String::from_utf8(text).ok()?;
        match self {
            Self::Int(_) | Self::Float(_) | Self::Decimal(_) | Self::Bool(_) => {
                serde_json::from_str(&text).ok()
            }
            _ => Some(text.into()),
        }
    }

    /// Appends the cell's text; nothing for null.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            return;
        }
        match self {
            Self::Text(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Self::Int(array) => write_int(array.value(row), out),
            Self::Float(array) => display(out, format_args!("{}", array.value(row))),
            Self::Decimal(array) => write_decimal(array.value(row), array.scale(), out),
            Self::Bool(array) => {
                out.extend_from_slice(if array.value(row) { b"true" } else { b"false" });
            }
            Self::Date(array) => {
                if let Some(date) = date32_to_datetime(array.value(row)) {
                    write_date(date.year(), date.month(), date.day(), out);
                }
            }
            Self::Instant(array) => {
                if let Some(instant) = DateTime::from_timestamp_micros(array.value(row)) {
                    write_date(instant.year(), instant.month(), instant.day(), out);
                    out.push(b'T');
                    digits(instant.hour(), 2, out);
                    out.push(b':');
                    digits(instant.minute(), 2, out);
                    out.push(b':');
                    digits(instant.second(), 2, out);
                    out.push(b'.');
                    digits(instant.timestamp_subsec_millis(), 3, out);
                    out.push(b'Z');
                }
            }
            Self::List { lists, items } => {
                let offsets = lists.value_offsets();
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                let mut first = true;
                for item in range {
                    if items.is_null(item) {
                        continue;
                    }
                    if !first {
                        out.push(b';');
                    }
                    first = false;
                    let start = out.len();
                    items.write(item, out);
                    // `;` separates values, so it may not occur inside one (`guide/rules.md` 21).
                    for byte in &mut out[start..] {
                        if *byte == b';' {
                            *byte = b',';
                        }
                    }
                }
            }
            Self::Null(_) => {}
        }
    }
}

fn display(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _ = out.write_fmt(text);
}

fn write_int(value: i64, out: &mut Vec<u8>) {
    let mut buffer = [0_u8; 20];
    let mut position = buffer.len();
    let mut rest = value.unsigned_abs();
    loop {
        position -= 1;
        buffer[position] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&buffer[position..]);
}

fn write_decimal(value: i128, scale: i8, out: &mut Vec<u8>) {
    let scale = usize::try_from(scale).unwrap_or(0);
    let digits = value.unsigned_abs().to_string();
    if value < 0 {
        out.push(b'-');
    }
    if scale == 0 {
        out.extend_from_slice(digits.as_bytes());
        return;
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    out.extend_from_slice(whole.as_bytes());
    out.push(b'.');
    out.extend_from_slice(fraction.as_bytes());
}

fn write_date(year: i32, month: u32, day: u32, out: &mut Vec<u8>) {
    digits(year.unsigned_abs(), 4, out);
    out.push(b'-');
    digits(month, 2, out);
    out.push(b'-');
    digits(day, 2, out);
}

fn digits(mut value: u32, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width, b'0');
    for position in (start..start + width).rev() {
        out[position] = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn texts(array: ArrayRef) -> Vec<String> {
        let cells = Cells::new("X__c", &array).unwrap();
        (0..array.len())
            .map(|row| {
                let mut out = Vec::new();
                cells.write(row, &mut out);
                String::from_utf8(out).unwrap()
            })
            .collect()
    }

    #[test]
    fn numbers_have_no_exponent() {
        assert_eq!(
            texts(Arc::new(Int64Array::from(vec![0, -17, i64::MIN]))),
            ["0", "-17", "-9223372036854775808"]
        );
        assert_eq!(
            texts(Arc::new(Float64Array::from(vec![1e21, 1e-7, f64::NAN]))),
            ["1000000000000000000000", "0.0000001", ""]
        );
        let decimals = Decimal128Array::from(vec![125_000, -5, 0])
            .with_precision_and_scale(18, 2)
            .unwrap();
        assert_eq!(texts(Arc::new(decimals)), ["1250.00", "-0.05", "0.00"]);
    }

    #[test]
    fn instants_have_milliseconds_and_z() {
        let array = TimestampMicrosecondArray::from(vec![Some(1_504_691_630_748_535), None])
            .with_timezone("UTC");
        assert_eq!(texts(Arc::new(array)), ["2017-09-06T09:53:50.748Z", ""]);
        assert_eq!(
            texts(Arc::new(Date32Array::from(vec![-1, 19_358]))),
            ["1969-12-31", "2023-01-01"]
        );
    }

    #[test]
    fn separators_inside_a_choice_are_replaced() {
        let items = StringArray::from(vec!["a;b", "c"]);
        let lists = ListArray::new(
            Arc::new(arrow::datatypes::Field::new_list_field(
                DataType::Utf8,
                true,
            )),
            arrow::buffer::OffsetBuffer::new(vec![0, 2, 2].into()),
            Arc::new(items),
            None,
        );
        assert_eq!(texts(Arc::new(lists)), ["a,b;c", ""]);
        let numbers = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), Some(2)])]);
        assert_eq!(texts(Arc::new(numbers)), ["1;2"]);
    }
}
