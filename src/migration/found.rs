//! The tables that a run makes of what it finds: their names and columns, for those who write them and for queries that are planned
//! before anything was found.
//!
//! In: the names of loads. Out: schemas. Never: a row.

use arrow::datatypes::SchemaRef;

use super::small_table::form;
use crate::project::{Queries, QueryKind};
use crate::reconcile::{SAMPLE_HEAD, empty_tables, families};

/// Columns of `recon.lost`.
pub(super) const LOST: [&str; 4] = ["load", "key", "id", "became"];

/// Columns of `recon.beside`.
pub(super) const BESIDE: [&str; 9] = [
    "object",
    "id",
    "name",
    "address",
    "made_by",
    "made_at",
    "like_load",
    "like_key",
    "why",
];

/// The form of `recon.storms`.
pub(super) fn storms() -> SchemaRef {
    form(&["load", "changed_by", "started"], &["records", "percent"])
}

/// The form of `recon.columns`.
pub(super) fn columns() -> SchemaRef {
    form(
        &["source", "column", "fate", "load", "field", "reason"],
        &["rows_with_value", "rows_arrived"],
    )
}

/// The form of `recon.samples`.
pub(super) fn samples() -> SchemaRef {
    form(&SAMPLE_HEAD, &["seed"])
}

/// What is found about all loads together.
pub(crate) fn of_all() -> Vec<(&'static str, &'static str, SchemaRef)> {
    let mut tables = empty_tables();
    tables.extend([
        ("recon", "lost", form(&LOST, &[])),
        ("recon", "beside", form(&BESIDE, &[])),
        ("recon", "samples", samples()),
        ("recon", "storms", storms()),
        ("recon", "columns", columns()),
    ]);
    tables
}

/// The names of all of it, also of what is found about each load.
pub(super) fn names(queries: &Queries) -> impl Iterator<Item = String> {
    let of_all = of_all().into_iter();
    let of_all = of_all.map(|(schema, table, _)| format!("{schema}.{table}"));
    let of_each = queries.kind(QueryKind::Load).flat_map(|file| {
        let of_kind = families().map(|(prefix, _, _)| format!("recon.{prefix}{}", file.name));
        of_kind.chain([format!("ledger.attempts_{}", file.name)])
    });
    of_all.chain(of_each)
}
