//! One `prepare` model or `reconcile` query → a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::logical_expr::LogicalPlan;

use super::TransformError;
use crate::engine::Session;
use crate::project::{ProjectError, QueryFile};
use crate::rows::plain_text;
use crate::staging::{Basis, Manifest, Staging};

/// Runs a query and writes its result as `schema.<stem>`, sorted by its `-- key:` if it has one; not published. Where the published
/// table follows from the same query over the same rows, it stands, and nothing runs.
///
/// # Errors
/// [`TransformError`].
pub async fn write_model(
    staging: &Staging,
    session: &Session,
    schema_name: &str,
    file: &QueryFile,
) -> Result<Manifest, TransformError> {
    let plan = session.plan(&file.path, &file.sql).await?;
    let basis = session.basis(&plan, &file.key);
    if basis.is_some() && !session.is_fresh() {
        let current = staging.snapshot().await?;
        let current = current.get(schema_name, &file.name);
        if let Some(stands) = current.filter(|current| current.basis == basis) {
            return Ok(stands.clone());
        }
    }
    let table = (schema_name, file.name.as_str());
    let mut made = write_plan(staging, session, table, &file.path, plan, &file.key).await?;
    made.basis = basis;
    Ok(made)
}

/// What the rows of a model follow from; none where nobody knows.
///
/// # Errors
/// [`TransformError`].
pub async fn model_basis(
    session: &Session,
    file: &QueryFile,
) -> Result<Option<Basis>, TransformError> {
    let plan = session.plan(&file.path, &file.sql).await?;
    Ok(session.basis(&plan, &file.key))
}

/// Runs `sql` and writes its result as `table` (schema, name), sorted by `key`; not published. `query` names it in
/// errors.
///
/// # Errors
/// [`TransformError`].
pub async fn write_table(
    staging: &Staging,
    session: &Session,
    (schema_name, name): (&str, &str),
    query: &str,
    sql: &str,
    key: &[String],
) -> Result<Manifest, TransformError> {
    let plan = session.plan(query, sql).await?;
    write_plan(staging, session, (schema_name, name), query, plan, key).await
}

async fn write_plan(
    staging: &Staging,
    session: &Session,
    (schema_name, name): (&str, &str),
    query: &str,
    plan: LogicalPlan,
    key: &[String],
) -> Result<Manifest, TransformError> {
    let table = (schema_name, name);
    let computed = session.on_cluster(query, &plan, table, key).await?;
    let (plan, rows) = match computed {
        None => (plan, None),
        Some(computed) if computed.is_whole => {
            let mut rows = computed.rows;
            let fields = rows.schema.fields().iter().map(|field| column(field));
            rows.schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            return Ok(rows);
        }
        Some(computed) => (computed.rest, Some(computed.rows)),
    };
    let mut stream = session.stream_plan(query, plan, key).await?;
    let fields: Vec<Field> = stream
        .schema()
        .fields()
        .iter()
        .map(|field| column(field))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let sorted_by: Vec<&str> = key.iter().map(String::as_str).collect();
    let mut writer = staging
        .create(schema_name, name, Arc::clone(&schema), &sorted_by)
        .await?;
    while let Some(batch) = stream.next_batch().await? {
        let columns = batch
            .columns()
            .iter()
            .zip(schema.fields())
            .map(|(column, field)| arrow::compute::cast(column, field.data_type()))
            .collect::<Result<Vec<_>, _>>()
            .and_then(|columns| arrow::array::RecordBatch::try_new(Arc::clone(&schema), columns))
            .map_err(|source| {
                TransformError::Project(ProjectError::Values {
                    path: query.to_owned(),
                    hint: "cast the column in the query".to_owned(),
                    source: source.into(),
                })
            })?;
        writer.write(&columns).await?;
    }
    if let Some(rows) = rows {
        staging.remove(&rows).await;
    }
    Ok(writer.finish(BTreeMap::new()).await?)
}

/// A column as tables have it.
fn column(field: &Field) -> Field {
    let data_type = match field.data_type() {
        // A column that is null in every row has no type of its own, and Parquet needs one.
        DataType::Null => DataType::Utf8,
        // Views into shared buffers: each join of a chain names the buffers of all batches before it again, and the second run of
        // 20,000 people asked for 13.8 GB for one batch.
        other => plain_text(other),
    };
    Field::new(field.name(), data_type, true)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, StringArray};

    use super::*;
    use crate::rows::bench::Bench;

    #[tokio::test]
    async fn texts_of_a_model_are_of_one_type_whatever_its_functions_answer_with() {
        let bench = Bench::new();
        let names: ArrayRef = Arc::new(StringArray::from(vec![Some("Ann  Nowak"), None]));
        bench.table("usercom.people", vec![("name", names)]).await;
        let sql = "select arrow_cast(p.name, 'Utf8View') as spaced, named_struct('name', arrow_cast(p.name, 'Utf8View')) as whole, \
                   null as nothing from usercom.people as p";
        let session = bench.session().await;
        let views = session.plan("q", sql).await.unwrap();
        let views = session.schema_of("q", &views).unwrap();
        assert_eq!(views.field(0).data_type(), &DataType::Utf8View);
        let name = ("prepare", "person_name");
        let made = write_table(&bench.staging, &session, name, "q", sql, &[]);
        let made = made.await.unwrap();
        let text = Field::new("name", DataType::Utf8, true);
        let types: Vec<&DataType> = made.schema.fields().iter().map(|f| f.data_type()).collect();
        let DataType::Struct(parts) = types[1] else {
            panic!("{types:?}");
        };
        assert_eq!(parts[0].data_type(), text.data_type());
        assert_eq!((types[0], types[2]), (&DataType::Utf8, &DataType::Utf8));
        assert_eq!(made.rows, 2);
    }
}
