//! The people of `run --sample`, drawn, and everything that hangs on them.
//!
//! In: the staged tables, the field map, how many people and which seed. Out: `sample.<table>`, the ids that come with the sample,
//! published before the first phase; `mapped.*` reads them. The same seed over the same export draws the same people, whatever the
//! clock says and whatever was loaded before. Never: a row of an outbox, or a word about rows outside `[scope]`.

use std::collections::BTreeSet;

use datafusion::common::ScalarValue;

use super::columns;
use super::context::Context;
use crate::error::Error;
use crate::mapping::{SAMPLE, sample_queries};
use crate::report::number;
use crate::transform::write_table;

/// What the queries read beside each other's tables.
const READS: [&str; 6] = [
    "mapped.people",
    "mapped.deals",
    "prepare.item",
    "prepare.person_company",
    "prepare.company_of_person",
    "prepare.company_name",
];

/// Draws the sample that the command asks for, if it asks for one.
pub(crate) async fn draw(context: &Context<'_>) -> Result<(), Error> {
    let project = context.project;
    let Some(sample) = project.config.sample else {
        return Ok(());
    };
    context.progress.step("drawing the sample");
    let staging = context.staging();
    let snapshot = staging.snapshot().await?;
    let reads: BTreeSet<String> = READS.map(str::to_owned).into();
    // Its views know of no sample: the tables are not among those that a session of this kind sees.
    let session = columns::whole(project, staging, &context.resolved, &reads).await?;
    let mut parameters = project.config.options.parameters();
    for (name, value) in [("sample", sample.people), ("seed", sample.seed)] {
        let value = ScalarValue::Int64(Some(i64::from(value)));
        parameters.insert(name.to_owned(), value);
    }
    let session = session.with_parameters(parameters);
    let mut told = Vec::new();
    for query in sample_queries(&snapshot) {
        let name = format!("the sample's {}", query.table);
        let table = (SAMPLE, query.table.as_str());
        let key = ["id".to_owned()];
        let drawn = write_table(staging, &session, table, &name, &query.sql, &key).await?;
        session.register(staging, &drawn)?;
        if matches!(query.table.as_str(), "people" | "companies" | "deals") {
            told.push(format!("{} {}", number(drawn.rows), query.table));
        }
        staging.publish(drawn).await?;
    }
    context.progress.done(&format!(
        "sample of seed {}: {}; the rest is out of scope",
        sample.seed,
        told.join(", ")
    ));
    Ok(())
}
