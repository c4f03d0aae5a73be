//! Writes JSON records, whatever their object.
//!
//! In: a [`Target`] and records. Out: what became of each. Notes take a way of their own.

use serde_json::{Map, Value};

use super::super::error::ApiError;
use super::notes;
use super::writing::{Target, Written};

/// Writes records one by one, in order.
pub(super) fn write(
    target: &Target<'_>,
    records: &[Map<String, Value>],
) -> Result<Vec<Written>, ApiError> {
    if target.model.schema.object(target.object).name == "ContentNote" {
        return notes::write(target, records);
    }
    target.write(records)
}
