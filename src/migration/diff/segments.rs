//! What the changed rows of a source have in common: the values of its columns that are far more frequent among them than among all.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use serde::Serialize;

use super::sides::{Group, Sides};
use crate::engine::Session;
use crate::error::Error;
use crate::staging::Manifest;
use crate::transform::write_table;

/// The keys of rows that change.
const CHANGED: &str = include_str!("../../../queries/internal/diff/changed.sql");

/// Most values of a column that says what rows have in common.
const VALUES: i64 = 200;

/// Fewest changed rows that say anything.
const FEWEST: u64 = 5;

/// Smallest part of the changed rows, and how many times as frequent as among all.
const SHARE: f64 = 0.5;
const LIFT: f64 = 1.2;

/// Segments that are told.
const TOLD: usize = 5;

/// A value that many of the changed rows have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// The column of the source.
    pub column: String,
    /// Its value; none where it is empty.
    pub value: Option<String>,
    /// Changed rows that have it.
    pub changed: u64,
    /// All rows that have it.
    pub rows: u64,
    /// Its part of the changed rows, in percent.
    pub percent_of_changed: f64,
    /// Its part of all rows, in percent.
    pub percent_of_all: f64,
    /// How many times as frequent it is among the changed rows as among all.
    pub lift: f64,
}

impl Segment {
    /// `98 % of the changed rows have country = DE, 12 % of all`.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!(
            "{:.0} % of the changed rows have {} = {}, {:.0} % of all",
            self.percent_of_changed,
            self.column,
            self.value.as_deref().unwrap_or("nothing"),
            self.percent_of_all
        )
    }
}

/// Writes `diff.changed`, which the session sees from then on.
pub(super) async fn changed(sides: &Sides<'_>, session: &Session) -> Result<Manifest, Error> {
    let what = "the rows that change";
    let table = ("diff", "changed");
    let changed = write_table(sides.staging, session, table, what, CHANGED, &[]).await?;
    session.register(sides.staging, &changed)?;
    Ok(changed)
}

/// The segments of a source that is a staged table, by lift.
pub(super) async fn find(
    sides: &Sides<'_>,
    session: &Session,
    group: &Group,
    changed: &Manifest,
) -> Result<Vec<Segment>, Error> {
    let (Some(source), Some(table)) = (sides.source(), &group.staged) else {
        return Ok(Vec::new());
    };
    if changed.rows < FEWEST || source.rows == 0 {
        return Ok(Vec::new());
    }
    let fields = source.schema.fields().iter();
    let candidates: Vec<&str> = fields
        .filter(|field| matches!(field.data_type(), DataType::Utf8 | DataType::Boolean))
        .map(|field| field.name().as_str())
        .collect();
    let columns: Vec<String> = candidates
        .iter()
        .enumerate()
        .map(|(place, name)| format!("approx_distinct(cast(t.\"{name}\" as varchar)) as c{place}"))
        .collect();
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("select {} from usercom.{table} as t", columns.join(", "));
    let mut few = Vec::new();
    for batch in session.collect("values of columns", &sql).await? {
        for (place, name) in candidates.iter().enumerate() {
            let count = arrow::compute::cast(batch.column(place), &DataType::Int64);
            let count = count.map(|count| count.as_primitive::<Int64Type>().value(0));
            if count.is_ok_and(|count| (1..=VALUES).contains(&count)) {
                few.push(*name);
            }
        }
    }
    let mut segments = Vec::new();
    for column in few {
        segments.extend(of_column(session, table, column, changed.rows, source.rows).await?);
    }
    segments.sort_by(|left: &Segment, right: &Segment| {
        let order = right.lift.total_cmp(&left.lift);
        order.then_with(|| right.changed.cmp(&left.changed))
    });
    segments.truncate(TOLD);
    Ok(segments)
}

async fn of_column(
    session: &Session,
    table: &str,
    column: &str,
    changed: u64,
    all: u64,
) -> Result<Vec<Segment>, Error> {
    // Keys of activities begin with a word: `activity:17`.
    let sql = format!(
        "select cast(t.\"{column}\" as varchar) as value, count(*) as all_rows, count(c.id) as changed_rows \
         from usercom.{table} as t \
         left join (select split_part(k.key, ':', -1) as id from diff.changed as k group by split_part(k.key, ':', -1)) as c \
         on c.id = cast(t.id as varchar) group by cast(t.\"{column}\" as varchar)"
    );
    let mut found = Vec::new();
    for batch in session.collect("segments", &sql).await? {
        let texts = arrow::compute::cast(batch.column(0), &DataType::Utf8).map_err(|error| {
            Error::Defect {
                what: format!("values of {column} cannot be shown: {error}"),
            }
        })?;
        let texts = texts.as_string::<i32>();
        let [rows, among] = [1, 2].map(|at| batch.column(at).as_primitive::<Int64Type>());
        for row in 0..batch.num_rows() {
            let value = texts.is_valid(row).then(|| texts.value(row).to_owned());
            let counts =
                [rows.value(row), among.value(row)].map(|count| u64::try_from(count).unwrap_or(0));
            found.extend(segment(column, value, counts, [all, changed]));
        }
    }
    Ok(found)
}

/// Counts are far below what a double holds exactly.
#[allow(clippy::cast_precision_loss, reason = "shares for people")]
fn segment(
    column: &str,
    value: Option<String>,
    [rows, among]: [u64; 2],
    [all, changed]: [u64; 2],
) -> Option<Segment> {
    let of_changed = among as f64 / changed as f64;
    let of_all = rows as f64 / all as f64;
    let lift = of_changed / of_all;
    (among >= FEWEST && of_changed >= SHARE && lift >= LIFT).then(|| Segment {
        column: column.to_owned(),
        value,
        changed: among,
        rows,
        percent_of_changed: of_changed * 100.0,
        percent_of_all: of_all * 100.0,
        lift,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_rows_have_is_no_segment() {
        let found = |counts, of| segment("country", Some("DE".to_owned()), counts, of);
        assert_eq!(found([900, 90], [1000, 100]), None, "as frequent among all");
        assert_eq!(found([20, 40], [1000, 100]), None, "less than half of them");
        assert_eq!(found([4, 4], [1000, 4]), None, "too few to say anything");
        let told = found([120, 98], [1000, 100]).unwrap();
        assert_eq!(
            told.sentence(),
            "98 % of the changed rows have country = DE, 12 % of all"
        );
    }
}
