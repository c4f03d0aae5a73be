//! The sample of `run --sample`: which rows of every staged table hang on the people that were drawn.
//!
//! In: the staged schemas. Out: a query per table for the ids that come with the sample, in an order in which each query finds those
//! that it reads, and the names of the tables that it leaves rows out of. What hangs on no person (products, segments, topics, custom
//! objects that name nobody) is the frame of the rest and comes whole. Never: a row read.

use std::collections::BTreeSet;

use arrow::datatypes::Schema;

use crate::staging::Snapshot;
use crate::usercom::custom::referenced_table;
use crate::usercom::layout::TARGET_METADATA;
use crate::usercom::schema::CUSTOM_PREFIX;

/// Schema of the tables with the ids that come with the sample.
pub const SAMPLE: &str = "sample";

/// The tables that have queries of their own, in their order.
const DRAWN: [(&str, &str); 4] = [
    (
        "people",
        include_str!("../../queries/internal/sample/people.sql"),
    ),
    (
        "deals",
        include_str!("../../queries/internal/sample/deals.sql"),
    ),
    (
        "companies",
        include_str!("../../queries/internal/sample/companies.sql"),
    ),
    (
        "conversations",
        include_str!("../../queries/internal/sample/conversations.sql"),
    ),
];

/// What a record hangs on: on the first of these that it names.
const HANGS_ON: [(&str, &str); 6] = [
    ("conversation_id", "conversations"),
    ("event_id", "events"),
    ("person_id", "people"),
    ("deal_id", "deals"),
    ("company_id", "companies"),
    ("activity_id", "activities"),
];

/// The ids of one table that come with the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleQuery {
    /// The table of `usercom`, and of [`SAMPLE`].
    pub table: String,
    /// One column, `id`; `$sample` and `$seed` are the people wanted and the seed.
    pub sql: String,
}

/// A table that is not asked yet, and the columns by which its rows name rows of others.
struct Waiting<'a> {
    table: &'a str,
    references: Vec<(String, String)>,
}

/// The queries, in their order. They read `mapped.people` and `mapped.deals` without a sample, models of people and items, and each
/// other's tables.
#[must_use]
pub fn sample_queries(snapshot: &Snapshot) -> Vec<SampleQuery> {
    let mut queries: Vec<SampleQuery> = DRAWN
        .iter()
        .filter(|(table, _)| snapshot.get("usercom", table).is_some())
        .map(|(table, sql)| SampleQuery {
            table: (*table).to_owned(),
            sql: (*sql).to_owned(),
        })
        .collect();
    let mut done: BTreeSet<String> = queries.iter().map(|query| query.table.clone()).collect();
    let mut waiting: Vec<Waiting<'_>> = snapshot
        .schema("usercom")
        .filter(|table| !done.contains(&table.table))
        .map(|table| Waiting {
            table: &table.table,
            references: references(&table.table, &table.schema),
        })
        .filter(|waiting| !waiting.references.is_empty())
        .collect();
    // References in a circle have no first: there one that hangs on what is known already begins.
    while let Some(place) = next(&waiting, &done) {
        let Waiting { table, references } = waiting.remove(place);
        let known = |(_, to): &(String, String)| done.contains(to);
        let known: Vec<(String, String)> = references.into_iter().filter(known).collect();
        queries.push(SampleQuery {
            table: table.to_owned(),
            sql: hanging(table, &known),
        });
        done.insert(table.to_owned());
    }
    queries
}

fn next(waiting: &[Waiting<'_>], done: &BTreeSet<String>) -> Option<usize> {
    let open: BTreeSet<&str> = waiting.iter().map(|waiting| waiting.table).collect();
    let hangs = |waiting: &Waiting<'_>| waiting.references.iter().any(|(_, to)| done.contains(to));
    let waits = |waiting: &Waiting<'_>| {
        let mut others = waiting.references.iter().map(|(_, to)| to.as_str());
        others.any(|to| to != waiting.table && open.contains(to))
    };
    let first = |with: &dyn Fn(&Waiting<'_>) -> bool| waiting.iter().position(with);
    first(&|waiting| hangs(waiting) && !waits(waiting)).or_else(|| first(&hangs))
}

/// Columns that name rows of other tables, with the tables.
fn references(table: &str, schema: &Schema) -> Vec<(String, String)> {
    if !table.starts_with(CUSTOM_PREFIX) {
        let here = HANGS_ON
            .iter()
            .filter(|(column, _)| schema.field_with_name(column).is_ok());
        return here
            .map(|(column, to)| ((*column).to_owned(), (*to).to_owned()))
            .collect();
    }
    let fields = schema.fields().iter();
    let named = fields.filter_map(|field| {
        let target = field.metadata().get(TARGET_METADATA)?;
        Some((field.name().clone(), referenced_table(target)))
    });
    named.collect()
}

/// The rows of a table that hang on the sample: by the first that they name, and of a custom object by all that they name, so that none
/// of its lookups is left without a record.
fn hanging(table: &str, references: &[(String, String)]) -> String {
    let mut joins = String::new();
    let mut first = String::new();
    let mut all = Vec::new();
    let mut any = Vec::new();
    for (place, (column, to)) in references.iter().enumerate() {
        let value = format!("t.\"{}\"", column.replace('"', "\"\""));
        joins.push_str(&format!(
            " left join {SAMPLE}.{to} as s{place} on s{place}.id = {value}"
        ));
        first.push_str(&format!(
            " when {value} is not null then s{place}.id is not null"
        ));
        all.push(format!("({value} is null or s{place}.id is not null)"));
        any.push(format!("{value} is not null"));
    }
    let condition = match table.starts_with(CUSTOM_PREFIX) {
        true => format!("{} and ({})", all.join(" and "), any.join(" or ")),
        false => format!("case{first} else false end"),
    };
    format!("select t.id from usercom.{table} as t{joins} where {condition}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::Array;
    use arrow::datatypes::{DataType, Field};

    use super::*;
    use crate::staging::Manifest;

    fn staged(tables: &[(&str, &[(&str, &str)])]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (table, columns) in tables {
            let fields = columns.iter().map(|(name, target)| {
                let field = Field::new(*name, DataType::Int64, true);
                match *target {
                    "" => field,
                    target => field
                        .with_metadata([(TARGET_METADATA.to_owned(), target.to_owned())].into()),
                }
            });
            let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            snapshot.insert(Manifest {
                schema_name: "usercom".to_owned(),
                table: (*table).to_owned(),
                version: 1,
                published_at: chrono::DateTime::UNIX_EPOCH,
                rows: 0,
                files: Vec::new(),
                sorted_by: Vec::new(),
                counts: BTreeMap::new(),
                columns: BTreeMap::new(),
                basis: None,
                schema,
            });
        }
        snapshot
    }

    fn tables(snapshot: &Snapshot) -> Vec<String> {
        let queries = sample_queries(snapshot).into_iter();
        queries.map(|query| query.table).collect()
    }

    #[test]
    fn each_table_comes_after_those_that_it_hangs_on_and_what_names_nobody_comes_whole() {
        let snapshot = staged(&[
            ("activities", &[("person_id", "")]),
            ("attachments", &[("activity_id", "")]),
            ("companies", &[]),
            ("conversations", &[("person_id", "")]),
            ("co_a", &[("part_of", "co_b"), ("driver", "users")]),
            ("co_b", &[("owned_by", "company")]),
            ("co_catalogue", &[]),
            ("co_page", &[("of", "catalogue")]),
            ("deals", &[]),
            ("people", &[("company_id", "")]),
            ("products", &[("price", "")]),
        ]);
        assert_eq!(
            tables(&snapshot),
            [
                "people",
                "deals",
                "companies",
                "conversations",
                "activities",
                "attachments",
                "co_b",
                "co_a",
            ]
        );
    }

    #[test]
    fn references_in_a_circle_begin_with_one_that_hangs_on_the_sample() {
        let snapshot = staged(&[
            ("co_a", &[("other", "co_b")]),
            ("co_b", &[("other", "co_a"), ("driver", "people")]),
            ("people", &[]),
        ]);
        let queries = sample_queries(&snapshot);
        assert_eq!(tables(&snapshot), ["people", "co_b", "co_a"]);
        assert_eq!(
            queries[1].sql,
            "select t.id from usercom.co_b as t left join sample.people as s0 on s0.id = t.\"driver\" \
             where (t.\"driver\" is null or s0.id is not null) and (t.\"driver\" is not null)"
        );
    }

    #[test]
    fn a_record_hangs_on_the_first_that_it_names() {
        let references = [("person_id", "people"), ("deal_id", "deals")];
        let references = references.map(|(column, to)| (column.to_owned(), to.to_owned()));
        assert_eq!(
            hanging("notes", &references),
            "select t.id from usercom.notes as t left join sample.people as s0 on s0.id = t.\"person_id\" \
             left join sample.deals as s1 on s1.id = t.\"deal_id\" where case when t.\"person_id\" is not null then s0.id is not null \
             when t.\"deal_id\" is not null then s1.id is not null else false end"
        );
    }

    /// Who is drawn among twelve people of three stages and four owners, each a person; as `stage-owner`.
    async fn drawn(sample: u32, seed: u32) -> Vec<String> {
        let session = datafusion::prelude::SessionContext::new();
        let people: Vec<String> = (0..12)
            .map(|at| format!("({}, 'stage {}', 'owner {}', true)", at + 1, at / 4, at % 4))
            .collect();
        let sql = DRAWN[0].1.replace("$sample", &sample.to_string());
        let sql = sql.replace("$seed", &seed.to_string());
        for statement in [
            "create schema mapped".to_owned(),
            format!(
                "create table mapped.people as select column1 as id, column2 as lifecycle_stage_key, column3 as owner_key, \
                 column4 as in_scope from (values {})",
                people.join(", ")
            ),
            "create table mapped.deals as select 1 as person_id, 'p' as pipeline_name, 1 as pipeline_id, false as in_scope"
                .to_owned(),
            format!("create table drawn as {sql}"),
        ] {
            let planned = session.sql(&statement).await.unwrap();
            planned.collect().await.unwrap();
        }
        let told = "select p.lifecycle_stage_key || ' ' || p.owner_key as who from mapped.people as p join drawn as d \
                    on d.id = p.id order by 1";
        let batches = session.sql(told).await.unwrap().collect().await.unwrap();
        let texts = batches.iter().flat_map(|batch| {
            let column = arrow::compute::cast(batch.column(0), &DataType::Utf8).unwrap();
            let column = arrow::array::AsArray::as_string::<i32>(&column).clone();
            (0..column.len()).map(move |row| column.value(row).to_owned())
        });
        texts.collect()
    }

    #[tokio::test]
    async fn a_step_as_long_as_a_group_meets_different_places_in_each() {
        for seed in 0..4 {
            let drawn = drawn(3, seed).await;
            let part = |at: usize| -> BTreeSet<&str> {
                let parts = drawn.iter().filter_map(|who| who.get(at..at + 7));
                parts.collect()
            };
            assert_eq!((drawn.len(), part(0).len()), (3, 3), "{drawn:?}");
            assert!(part(8).len() > 1, "{seed}: {drawn:?}");
        }
    }
}
