//! A later outbox is the same whether its rows are looked at once or, those that the ledger does not settle, twice.

use std::sync::Arc;

use arrow::array::{AsArray, BinaryArray, Int64Array};
use arrow::datatypes::DataType;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::encode::ValuePolicy;
use crate::mapping::EditPolicies;
use crate::project::{QueryFile, QueryKind};
use crate::rows::bench::Bench;
use crate::rows::{Columns, Dead, LEFT_OUT};
use crate::transform::GoneFields;

const QUERY: &str = "-- grain: one row per row
-- object: Account
-- operation: upsert
-- key: usercom_id__c
-- cluster by: ParentId
select r.id as usercom_id__c, r.parent as \"ParentId\", r.name as \"Name\", r.phone as \"Phone\", r.opted as \"HasOptedOutOfEmail\", \
 r.flags as _flags, r.fallbacks as _fallbacks, \
 case when r.held then named_struct('fate', 'held', 'reason', 'why', 'parent', cast(null as varchar)) end as _fate \
 from usercom.rows as r";

/// The tables that say what became of rows, and what they say of them in the order of their keys.
const TOLD: [(&str, &str); 3] = [
    ("fates", "f.key, f.fate, f.reason, f.parent"),
    ("flags", "f.key, f.flag"),
    ("altered", "f.key, f.field, f.why, f.done, f.original"),
];

#[derive(Clone)]
struct Row {
    name: Option<u8>,
    phone: Option<u8>,
    opted: Option<bool>,
    fallback: bool,
    held: bool,
}

fn row(random: &mut ChaCha8Rng) -> Row {
    Row {
        name: random.random_bool(0.8).then(|| random.random_range(0..4)),
        phone: random.random_bool(0.6).then(|| random.random_range(0..4)),
        opted: random.random_bool(0.7).then(|| random.random_bool(0.4)),
        fallback: random.random_bool(0.2),
        held: random.random_bool(0.1),
    }
}

struct World {
    bench: Bench,
    file: QueryFile,
    columns: Columns,
    gone: GoneFields,
}

impl World {
    async fn of(rows: &[Row]) -> Self {
        let world = Self {
            bench: Bench::new(),
            file: QueryFile::parse("queries/load/account.sql", QueryKind::Load, QUERY).unwrap(),
            columns: crate::rows::bench::columns(
                &[
                    ("usercom_id__c", DataType::Int64),
                    ("ParentId", DataType::Utf8),
                    ("Name", DataType::Utf8),
                    ("Phone", DataType::Utf8),
                    ("HasOptedOutOfEmail", DataType::Boolean),
                ],
                &["usercom_id__c"],
            ),
            gone: GoneFields::default(),
        };
        world.source(rows).await;
        world
    }

    async fn source(&self, rows: &[Row]) {
        let text = |cell: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
            Arc::new(rows.iter().map(cell).collect::<StringArray>())
        };
        let flag = |cell: &dyn Fn(&Row) -> Option<bool>| -> ArrayRef {
            Arc::new(rows.iter().map(cell).collect::<BooleanArray>())
        };
        let ids = (0..).take(rows.len()).collect::<Vec<i64>>();
        let parents = ids.iter().map(|id| Some(format!("P{}", id * 7 % 5)));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int64Array::from(ids.clone()))),
            ("parent", Arc::new(parents.collect::<StringArray>())),
            ("name", text(&|row| row.name.map(|n| format!("Name {n}")))),
            ("phone", text(&|row| row.phone.map(|n| format!("+4{n}")))),
            ("opted", flag(&|row| row.opted)),
            (
                "flags",
                text(&|row| row.phone.is_none().then(|| "no_phone".to_owned())),
            ),
            (
                "fallbacks",
                text(&|row| row.fallback.then(|| "Name".to_owned())),
            ),
            ("held", flag(&|row| Some(row.held))),
        ];
        self.bench.table("usercom.rows", columns).await;
    }

    /// Publishes the outbox, and a ledger in which what `lands` says landed.
    async fn land(&self, outbox: Outbox, lands: impl Fn(i64) -> (bool, &'static str, i64)) {
        self.bench.staging.publish(outbox.parts).await.unwrap();
        self.leave(&lands).await;
        let sent = "select o.usercom_id__c, o._fingerprint, o._written from outbox.account as o order by 1";
        let session = self.bench.session().await;
        let batches = session.collect("q", sent).await.unwrap();
        let sent = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
        let keys = sent.column(0).as_primitive::<arrow::datatypes::Int64Type>();
        let prints = sent.column(1).as_primitive::<arrow::datatypes::Int64Type>();
        let fate = |row: usize| lands(keys.value(row));
        let rows = 0..sent.num_rows();
        let id = rows
            .clone()
            .map(|row| fate(row).0.then(|| format!("001{row:012}")));
        let live = rows.clone().map(|row| Some(fate(row).1));
        let print = rows.map(|row| fate(row).0.then(|| prints.value(row) ^ fate(row).2));
        // Of some rows a field that had no value last time had been written before.
        let own = sent.column(2).as_binary::<i32>();
        let written = keys
            .values()
            .iter()
            .enumerate()
            .map(|(row, key)| match key % 4 {
                0 => Some(&[0b1_1111_u8][..]),
                _ => Some(own.value(row)),
            });
        let written: BinaryArray = written.collect();
        let outcome = vec![Some("created"); sent.num_rows()];
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("usercom_id__c", Arc::clone(sent.column(0))),
            ("id", Arc::new(id.collect::<StringArray>())),
            ("live", Arc::new(live.collect::<StringArray>())),
            ("fingerprint", Arc::new(print.collect::<Int64Array>())),
            ("written", Arc::new(written)),
            ("outcome", Arc::new(StringArray::from(outcome))),
            ("ParentId", Arc::new(StringArray::new_null(sent.num_rows()))),
            ("Name", Arc::new(StringArray::new_null(sent.num_rows()))),
            ("Phone", Arc::new(StringArray::new_null(sent.num_rows()))),
            (
                "HasOptedOutOfEmail",
                Arc::new(BooleanArray::new_null(sent.num_rows())),
            ),
        ];
        self.bench.table("ledger.account", columns).await;
    }

    /// Marks rows of the outbox of which something was left to the org: their ledger has what landed before that.
    async fn leave(&self, lands: &impl Fn(i64) -> (bool, &'static str, i64)) {
        let session = self.bench.session().await;
        let sql = "select o.* from outbox.account as o order by o.usercom_id__c";
        let batches = session.collect("q", sql).await.unwrap();
        let rows = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
        let schema = rows.schema();
        let keys = rows.column(0).as_primitive::<arrow::datatypes::Int64Type>();
        let columns = schema.fields().iter().zip(rows.columns());
        let columns = columns.map(|(field, column)| {
            let marked = |prints: &Int64Array| -> Int64Array {
                let rows = keys.values().iter().zip(prints.values());
                rows.map(|(key, print)| match lands(*key).2 {
                    LEFT_OUT => print ^ LEFT_OUT,
                    _ => *print,
                })
                .collect()
            };
            let column: ArrayRef = match field.name().as_str() {
                "_fingerprint" => Arc::new(marked(column.as_primitive())),
                _ => Arc::clone(column),
            };
            (field.name().as_str(), column)
        });
        self.bench.table("outbox.account", columns.collect()).await;
    }

    /// The outbox of now, in one look or in two.
    async fn outbox(&self, looks: usize) -> Outbox {
        let (session, snapshot) = (self.bench.session().await, self.bench.snapshot().await);
        let request = OutboxRequest {
            staging: &self.bench.staging,
            session: &session,
            file: &self.file,
            columns: &self.columns,
            ledger: snapshot.get("ledger", "account"),
            last: snapshot.get("outbox", "account"),
            gone: &self.gone,
            unreadable: None,
            policy: &ValuePolicy::default(),
            part_rows: 1000,
            dead: &Dead::new(),
            references: &[],
            only_failed: false,
            decided: &EditPolicies::default(),
        };
        if looks == 2 {
            assert!(request.last.is_none() || Again::may_be(&request));
            return write_outbox(&request).await.unwrap();
        }
        let sql = with_ledger(&request, &self.file.sql, true).unwrap();
        let order = ["ParentId", "usercom_id__c"].map(str::to_owned);
        let stream = session.stream("q", &sql, &order).await.unwrap();
        let mut writer = Writer::start(&request).await.unwrap();
        writer.route_all(stream, None).await.unwrap();
        writer.finish().await.unwrap()
    }

    /// All that an outbox says of its rows.
    async fn told(&self, outbox: &Outbox) -> Vec<Vec<String>> {
        let session = self.bench.session().await;
        let mut told = vec![vec![format!("{:?}", outbox.parts.counts)]];
        for table in outbox.notes.iter().chain([&outbox.parts]) {
            session.register(&self.bench.staging, table).unwrap();
        }
        let mut queries =
            vec!["select o.* from outbox.account as o order by o.usercom_id__c".to_owned()];
        queries.extend(TOLD.map(|(table, columns)| {
            format!("select {columns} from recon.{table}_account as f order by {columns}")
        }));
        for sql in queries {
            for batch in session.collect("q", &sql).await.unwrap() {
                let rows = arrow::util::pretty::pretty_format_batches(&[batch]).unwrap();
                told.push(rows.to_string().lines().map(str::to_owned).collect());
            }
        }
        told
    }
}

#[tokio::test]
async fn what_the_ledger_settles_is_told_as_if_all_had_been_looked_at() {
    for seed in 0..12 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut rows: Vec<Row> = (0..120).map(|_| row(&mut random)).collect();
        let mut world = World::of(&rows).await;
        let first = world.outbox(2).await;
        assert_eq!(first.parts.count("unchanged"), 0);
        let fates: Vec<(bool, &str, i64)> = (0..120)
            .map(|_| match random.random_range(0..12) {
                0 => (false, "live", 0),
                1 => (true, "deleted", 0),
                2 => (true, "merged", 0),
                // Something of it was left to the org.
                3 => (true, "live", LEFT_OUT),
                // Other values than those of the outbox of last time.
                4 => (true, "live", 42),
                _ => (true, "live", 0),
            })
            .collect();
        world
            .land(first, |key| fates[usize::try_from(key).unwrap()])
            .await;
        for changed in &mut rows {
            if random.random_bool(0.2) {
                *changed = row(&mut random);
            }
        }
        world.source(&rows).await;
        if seed % 3 == 1 {
            world.gone.0.insert("Phone".to_owned(), seed % 2 == 0);
        }
        let (one, two) = (world.outbox(1).await, world.outbox(2).await);
        let settled: u64 = two
            .parts
            .files
            .iter()
            .filter(|file| !file.sorted_by.is_empty())
            .map(|file| file.rows)
            .sum();
        assert!((20..100).contains(&settled), "{settled}");
        let (one, two) = (world.told(&one).await, world.told(&two).await);
        assert_eq!(one, two, "seed {seed}");
        assert!(
            one.iter().flatten().any(|line| line.contains("update")),
            "{one:?}"
        );
    }
}
