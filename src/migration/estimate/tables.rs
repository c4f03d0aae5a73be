//! An estimate as tables `estimate.*`: what its document asks, and what a run is compared with later.
//!
//! In: an estimate. Out: `estimate.loads`, `estimate.total`, `estimate.limits`, published in the area of its org.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{Field, Schema};

use super::super::small_table::of_columns;
use super::{Estimate, LoadEstimate};
use crate::error::Error;
use crate::migration::span::Span;
use crate::staging::Staging;

/// Publishes all of them.
pub(in crate::migration) async fn publish(
    staging: &Staging,
    estimate: &Estimate,
) -> Result<(), Error> {
    let loads = &estimate.loads;
    let mut columns = vec![
        (
            "load",
            texts(loads.iter().map(|load| Some(load.load.as_str()))),
        ),
        (
            "object",
            texts(loads.iter().map(|load| Some(load.object.as_str()))),
        ),
        ("rows", whole(loads, |load| Some(load.rows))),
        ("jobs", whole(loads, |load| Some(load.jobs))),
        ("batches", whole(loads, |load| Some(load.batches))),
        ("calls", whole(loads, |load| Some(load.calls))),
        ("storage_kb", whole(loads, |load| Some(load.storage_kb))),
        ("measured_rows", whole(loads, |load| load.measured_rows)),
    ];
    columns.extend(span(loads.iter().map(|load| load.seconds)));
    let total = [estimate];
    let mut all = vec![
        (
            "target",
            texts(total.iter().map(|it| Some(it.target.as_str()))),
        ),
        (
            "measured",
            texts(total.iter().map(|it| it.measured.as_deref())),
        ),
        (
            "around_seconds",
            seconds(total.iter().map(|it| it.around.likely)),
        ),
    ];
    all.extend(span(total.iter().map(|it| it.seconds)));
    let limits = &estimate.limits;
    let limits = vec![
        (
            "limit",
            texts(limits.iter().map(|it| Some(it.limit.as_str()))),
        ),
        (
            "needed",
            Arc::new(Int64Array::from_iter_values(
                limits
                    .iter()
                    .map(|it| i64::try_from(it.needed).unwrap_or(i64::MAX)),
            )) as ArrayRef,
        ),
        (
            "remaining",
            Arc::new(Int64Array::from_iter_values(
                limits.iter().map(|it| it.remaining),
            )),
        ),
        (
            "fits_today",
            Arc::new(BooleanArray::from_iter(
                limits.iter().map(|it| Some(it.fits_today)),
            )),
        ),
    ];
    for (name, columns) in [("loads", columns), ("total", all), ("limits", limits)] {
        let fields = columns.iter();
        let fields =
            fields.map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let manifest = of_columns(staging, ("estimate", name), schema, columns).await?;
        staging.publish(manifest).await?;
    }
    Ok(())
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn whole(loads: &[LoadEstimate], of: impl Fn(&LoadEstimate) -> Option<u64>) -> ArrayRef {
    let values = loads.iter().map(of);
    let values = values.map(|value| value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)));
    Arc::new(values.collect::<Int64Array>())
}

/// What is not likely has no value.
fn seconds(values: impl Iterator<Item = f64>) -> ArrayRef {
    let values = values.map(|value| Some(value).filter(|value| !value.is_nan()));
    Arc::new(values.collect::<Float64Array>())
}

fn span<'a>(spans: impl Iterator<Item = Span> + Clone + 'a) -> [(&'static str, ArrayRef); 3] {
    [
        ("low_seconds", seconds(spans.clone().map(|span| span.low))),
        (
            "likely_seconds",
            seconds(spans.clone().map(|span| span.likely)),
        ),
        ("high_seconds", seconds(spans.map(|span| span.high))),
    ]
}
