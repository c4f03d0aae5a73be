//! Functions whose result may be far longer than what goes in, with a limit on what one call makes.
//!
//! In: DataFusion's `repeat`, `lpad`, `rpad`, `range`, `concat`, `replace` and the like. Out: the same under the same names; a call
//! that would make more than [`LARGEST`] bytes for one batch is an error. `||` is in `joining`. What a function makes is outside the engine's
//! memory pool, and a single one of these may ask for all memory of the machine.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::exec_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::instead::{Answer, put};

/// Bytes that one call may make: far more than a batch of the longest texts that Salesforce takes, 131,072 characters, needs.
const LARGEST: u64 = 256 << 20;

/// What the length of a result follows from.
#[derive(Clone, Copy)]
pub(super) enum Growth {
    /// The first argument, as often as the second says.
    Times,
    /// As long as the second argument says.
    Length,
    /// From a start to an end.
    Range,
    /// All arguments, one behind the other.
    Sum,
    /// The same with the first argument between any two others.
    Separated,
    /// A list's elements with a separator between any two.
    Joined,
    /// Of the first argument each place at most becomes the third, which may hold what it replaces.
    Replaced,
}

const GROWING: [(&str, Growth); 18] = [
    ("repeat", Growth::Times),
    ("array_repeat", Growth::Times),
    ("lpad", Growth::Length),
    ("rpad", Growth::Length),
    ("range", Growth::Range),
    ("generate_series", Growth::Range),
    ("concat", Growth::Sum),
    ("concat_ws", Growth::Separated),
    ("overlay", Growth::Sum),
    ("array_concat", Growth::Sum),
    ("array_append", Growth::Sum),
    ("array_prepend", Growth::Sum),
    ("make_array", Growth::Sum),
    ("map", Growth::Sum),
    ("array_resize", Growth::Length),
    ("array_to_string", Growth::Joined),
    ("replace", Growth::Replaced),
    ("regexp_replace", Growth::Replaced),
];

/// Puts the limited functions in the place of the unlimited ones.
pub(super) fn limit(state: &mut SessionState) -> Result<()> {
    GROWING
        .into_iter()
        .try_for_each(|(name, growth)| put(state, name, growth))
}

impl Answer for Growth {
    fn answer(self, inner: &ScalarUDF, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let made = self.bytes(&args)?;
        if made <= u128::from(LARGEST) {
            return inner.invoke_with_args(args);
        }
        let is_bound = matches!(self, Self::Replaced);
        if is_bound && args.number_rows > 1 {
            return self.in_halves(inner, args);
        }
        Err(too_much(inner.name(), made, args.number_rows))
    }
}

fn too_much(name: &str, made: u128, rows: usize) -> DataFusionError {
    exec_datafusion_err!(
        "{name} would make {} MiB for {rows} row(s), and {} MiB are allowed",
        made >> 20,
        LARGEST >> 20
    )
}

impl Growth {
    /// Where only a bound is known, which is far above what is made: as many rows at a time as it allows.
    fn in_halves(self, inner: &ScalarUDF, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let half = rows / 2;
        let mut parts = Vec::new();
        for (start, length) in [(0, half), (half, rows - half)] {
            let values = args.args.iter().map(|value| match value {
                ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(start, length)),
                constant => constant.clone(),
            });
            let sliced = ScalarFunctionArgs {
                args: values.collect(),
                number_rows: length,
                ..args.clone()
            };
            let part = self.answer(inner, sliced)?;
            parts.push(part.into_array(length)?);
        }
        let made: u128 = parts.iter().map(total).sum();
        if made > u128::from(LARGEST) {
            return Err(too_much(inner.name(), made, rows));
        }
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(arrow::compute::concat(&parts)?))
    }
}

/// Bytes of all values.
fn total(array: &ArrayRef) -> u128 {
    let widths = widths(array);
    widths
        .into_iter()
        .map(|width| u128::from(width.unsigned_abs()))
        .sum()
}

impl Growth {
    /// Bytes that a call makes, roughly.
    fn bytes(self, args: &ScalarFunctionArgs) -> Result<u128> {
        let array = |index: usize| -> Result<Option<ArrayRef>> {
            let Some(value) = args.args.get(index) else {
                return Ok(None);
            };
            // Of a constant one row says all.
            let rows = match value {
                ColumnarValue::Scalar(_) => 1,
                ColumnarValue::Array(array) => array.len(),
            };
            Ok(Some(value.to_array(rows)?))
        };
        let numbers = |index: usize| -> Result<Vec<i64>> {
            let Some(array) = array(index)? else {
                return Ok(Vec::new());
            };
            let Some(numbers) = as_numbers(&array)? else {
                return Ok(Vec::new());
            };
            let numbers = numbers.as_primitive::<Int64Type>();
            Ok(numbers.iter().map(Option::unwrap_or_default).collect())
        };
        let rows = args.number_rows.max(1);
        let at = |values: &[i64], row: usize| match values {
            [one] => *one,
            many => many.get(row).copied().unwrap_or_default(),
        };
        let count = |number: i64| u128::from(number.max(0).unsigned_abs());
        let whole = match self {
            Self::Times => {
                let (times, widths) = (numbers(1)?, array(0)?.map_or(vec![], |a| widths(&a)));
                (0..rows)
                    .map(|row| count(at(&times, row)) * count(at(&widths, row)))
                    .sum()
            }
            Self::Length => {
                let lengths = numbers(1)?;
                (0..rows).map(|row| count(at(&lengths, row))).sum()
            }
            Self::Sum | Self::Separated => {
                let between = match self {
                    Self::Separated => (args.args.len() as u128).saturating_sub(2),
                    _ => 1,
                };
                let mut whole = 0;
                for (at, value) in args.args.iter().enumerate() {
                    let bytes = match value {
                        ColumnarValue::Scalar(_) => {
                            array(at)?.map_or(0, |one| total(&one)) * rows as u128
                        }
                        ColumnarValue::Array(array) => total(array),
                    };
                    whole += if at == 0 { bytes * between } else { bytes };
                }
                whole
            }
            Self::Joined => {
                let elements = array(0)?.map_or(0, |lists| {
                    lists
                        .to_data()
                        .child_data()
                        .iter()
                        .map(|child| child.len())
                        .sum()
                });
                let (lists, separators) = (array(0)?, array(1)?.map_or(vec![], |a| widths(&a)));
                let longest = separators.iter().copied().max().unwrap_or_default();
                lists.map_or(0, |lists| lists.get_array_memory_size() as u128)
                    + elements as u128 * count(longest)
            }
            Self::Replaced => {
                let texts = array(0)?.map_or(vec![], |a| widths(&a));
                let by = array(2)?.map_or(vec![], |a| widths(&a));
                (0..rows)
                    .map(|row| {
                        let length = count(at(&texts, row));
                        length + (length + 1) * count(at(&by, row)) * 2
                    })
                    .sum()
            }
            Self::Range => {
                let (mut starts, mut ends, steps) = (numbers(0)?, numbers(1)?, numbers(2)?);
                if args.args.len() == 1 {
                    (starts, ends) = (vec![0], starts);
                }
                (0..rows)
                    .map(|row| {
                        let step = match at(&steps, row) {
                            0 => 1,
                            step => step.unsigned_abs(),
                        };
                        let distance = at(&ends, row).abs_diff(at(&starts, row));
                        u128::from(distance / step) * 8
                    })
                    .sum()
            }
        };
        Ok(whole)
    }
}

/// Whole numbers as they are, instants and days as microseconds, intervals as the fewest that they may be. None of anything else.
fn as_numbers(array: &ArrayRef) -> Result<Option<ArrayRef>> {
    Ok(Some(match array.data_type() {
        numbers if numbers.is_integer() => cast(array, &DataType::Int64)?,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => {
            let instants = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            cast(&instants, &DataType::Int64)?
        }
        DataType::Interval(_) => {
            let intervals = cast(array, &DataType::Interval(IntervalUnit::MonthDayNano))?;
            let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
            let micros = |interval: IntervalMonthDayNano| {
                let days = i64::from(interval.months) * 28 + i64::from(interval.days);
                days.saturating_mul(86_400_000_000)
                    .saturating_add(interval.nanoseconds / 1_000)
            };
            Arc::new(intervals.unary::<_, Int64Type>(micros))
        }
        _ => return Ok(None),
    }))
}

/// Bytes of each value.
fn widths(array: &ArrayRef) -> Vec<i64> {
    let length =
        |text: Option<&str>| text.map_or(0, |text| i64::try_from(text.len()).unwrap_or(i64::MAX));
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(length).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(length).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(length).collect(),
        _ => {
            let each = array.get_array_memory_size() / array.len().max(1);
            vec![i64::try_from(each.max(8)).unwrap_or(i64::MAX); array.len()]
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int64Type;

    use super::super::in_folder;
    use crate::staging::Snapshot;

    #[tokio::test]
    async fn a_function_makes_no_huge_value() {
        let folder = tempfile::tempdir().unwrap();
        let (staging, engine) = in_folder(folder.path());
        let session = engine.session(&staging, &Snapshot::default()).unwrap();
        for call in [
            "repeat('ab', 1000000000)",
            "repeat(v.t, v.n)",
            "lpad(v.t, 2000000000, 'x')",
            "rpad('a', v.n)",
            "array_repeat(v.t, v.n)",
            "range(v.n)",
            "generate_series(0, v.n, 2)",
            "range(timestamp '1700-01-01', timestamp '2200-01-01', interval '1 second')",
            "generate_series(date '1700-01-01', date '2200-01-01', interval '1 second')",
        ] {
            let sql = format!("select {call} as x from (values ('a', 1500000000)) as v (t, n)");
            let error = session.collect("q", &sql).await.unwrap_err();
            assert!(
                error.to_string().contains("MiB are allowed"),
                "{call}: {error}"
            );
        }
        // Each step doubles what the one before made.
        for double in [
            "v.t || v.t",
            "concat(v.t, v.t)",
            "concat_ws('-', v.t, v.t)",
            &format!("replace(v.t, 'a', '{}')", "a".repeat(64)),
            &format!("regexp_replace(v.t, 'a', '{}', 'g')", "a".repeat(64)),
            "array_to_string([v.t, v.t], '')",
        ] {
            let mut sql =
                "with s0 as (select v.t from (values ('aaaaaaaa'), ('b')) as v (t))".to_owned();
            for step in 1..=40 {
                let before = step - 1;
                sql.push_str(&format!(
                    ", s{step} as (select {double} as t from s{before} as v)"
                ));
            }
            sql.push_str(" select max(length(v.t)) as n from s40 as v");
            let error = session.collect("q", &sql).await.unwrap_err();
            let text = error.to_string();
            assert!(text.contains("MiB are allowed"), "{double}: {text}");
        }
        let mut nested = "with s0 as (select [v.t] as t from (values ('a')) as v (t))".to_owned();
        for step in 1..=9 {
            let ten = ["v.t"; 10].join(", ");
            let before = step - 1;
            nested.push_str(&format!(
                ", s{step} as (select make_array({ten}) as t from s{before} as v)"
            ));
        }
        nested.push_str(" select cardinality(v.t) as n from s9 as v");
        let error = session.collect("q", &nested).await.unwrap_err();
        assert!(error.to_string().contains("MiB are allowed"), "{error}");
        for growing in ["array_agg(v.t)", "string_agg(v.t, '')"] {
            let over = |frame: &str| {
                format!(
                    "select {growing} over (order by v.t {frame}) as x from (values ('a'), ('b')) as v (t)"
                )
            };
            let error = session.collect("q", &over("")).await.unwrap_err();
            assert!(error.to_string().contains("all rows before it"), "{error}");
            let whole = over("rows between unbounded preceding and unbounded following");
            session.collect("q", &whole).await.unwrap();
        }
        let sql =
            "select v.t || '-' || v.n, v.t || null as gone from (values ('a', 'b')) as v (t, n)";
        let rows = session.collect("q", sql).await.unwrap();
        assert_eq!(rows[0].column(0).as_string::<i32>().value(0), "a-b");
        assert!(rows[0].column(1).is_null(0));
        let name = rows[0].schema().field(0).name().clone();
        assert!(name.contains("||"), "{name}");
        for (call, length) in [
            ("repeat('ab', 3)", 6),
            ("lpad('7', 3, '0')", 3),
            ("replace(repeat('ab', 3), 'a', 'xyz')", 12),
            ("regexp_replace(repeat('ab', 3), '(a)', '\\1\\1', 'g')", 9),
        ] {
            let sql = format!("select cast(length({call}) as bigint) as n");
            let rows = session.collect("q", &sql).await.unwrap();
            assert_eq!(
                rows[0].column(0).as_primitive::<Int64Type>().value(0),
                length
            );
        }
    }
}
