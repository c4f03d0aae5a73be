//! Which version of a note has our text, whoever's login changed it last.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{Duration, Utc};
use serde_json::json;

use crate::encode::note_html;
use crate::project::{QueryFile, QueryKind};
use crate::reconcile::{ReadBack, catch_up, read_back};
use crate::rows::bench::{Bench, Org, columns, numbers, texts};
use crate::rows::{Columns, outbox_schema};
use crate::salesforce::ObjectDescribe;

/// A note that was sent with a text, and that says `now` in the org.
struct Sent {
    bench: Bench,
    org: Org,
    file: QueryFile,
    describe: ObjectDescribe,
    columns: Columns,
}

impl Sent {
    /// The org answered so long ago.
    async fn new(text: &str, now: &str, answered: Duration) -> Self {
        let bench = Bench::new();
        let org = bench.org().await;
        let note = json!({"Title": "Call", "Content": STANDARD.encode(note_html(now))});
        let ids = org.create("ContentNote", &[note]).await;
        let sql = "-- grain: one row per note\n-- object: ContentNote\n-- operation: upsert\n-- api: rest\n-- key: _key\n\
                   select n.id as _key, n.name as \"Title\", n.content as \"Content\" from usercom.notes as n";
        let mut columns = columns(
            &[("Title", DataType::Utf8), ("Content", DataType::Utf8)],
            &["_key"],
        );
        columns.hidden = vec![Field::new("_key", DataType::Utf8, true)];
        let at = (Utc::now() - answered).timestamp_micros();
        let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![at]).with_timezone("UTC"));
        let ledger = vec![
            ("_key", texts(&["note:80"])),
            ("id", texts(&[&ids[0]])),
            ("fingerprint", numbers(&[7])),
            ("at", at),
        ];
        bench.table("ledger.content_note", ledger).await;
        let schema = outbox_schema(&columns);
        let mut known: BTreeMap<&str, ArrayRef> = BTreeMap::from([
            ("_key", texts(&["note:80"])),
            ("Title", texts(&["Call"])),
            ("Content", texts(&[text])),
            ("_operation", texts(&["insert"])),
            ("_fingerprint", numbers(&[7])),
        ]);
        let cells = schema.fields().iter().map(|field| {
            let known = known.remove(field.name().as_str());
            known.unwrap_or_else(|| arrow::array::new_null_array(field.data_type(), 1))
        });
        let batch = RecordBatch::try_new(Arc::clone(&schema), cells.collect()).unwrap();
        let writer = bench.staging.create("outbox", "content_note", schema, &[]);
        let mut writer = writer.await.unwrap().labelled("insert");
        writer.write(&batch).await.unwrap();
        writer.publish(BTreeMap::new()).await.unwrap();
        Self {
            file: QueryFile::parse("queries/load/content_note.sql", QueryKind::Load, sql).unwrap(),
            describe: org.client.describe("ContentNote").await.unwrap(),
            columns,
            bench,
            org,
        }
    }

    fn request(&self, is_after_sending: bool) -> ReadBack<'_> {
        ReadBack {
            staging: &self.bench.staging,
            engine: &self.bench.engine,
            client: &self.org.client,
            file: &self.file,
            describe: &self.describe,
            columns: &self.columns,
            outbox_rows: 1,
            whole: false,
            is_after_sending,
        }
    }

    /// Whether the version that the note has counts as ours.
    async fn is_ours(&self) -> String {
        let sql = "select r._accepted is not distinct from r.\"LatestPublishedVersionId\" from org.content_note as r";
        self.bench.lines(sql).await.join(",")
    }
}

const LONG_AGO: Duration = Duration::hours(1);

#[tokio::test]
async fn a_text_that_our_login_wrote_after_the_answer_is_ours_only_if_it_says_the_same() {
    for (now, is_ours) in [("She called", "true"), ("She wrote", "false")] {
        let sent = Sent::new("She called", now, LONG_AGO).await;
        read_back(&sent.request(true), |_| {}).await.unwrap();
        assert_eq!(sent.is_ours().await, is_ours, "{now}");
    }
}

#[tokio::test]
async fn what_nobody_touched_since_the_answer_is_not_read_to_be_ours() {
    let sent = Sent::new("She called", "She wrote", Duration::zero()).await;
    let before = sent.org.client.usage().requests;
    read_back(&sent.request(true), |_| {}).await.unwrap();
    assert_eq!(sent.org.client.usage().requests, before + 1);
    assert_eq!(sent.is_ours().await, "true");
}

#[tokio::test]
async fn what_a_first_run_sent_before_it_broke_off_is_read_back_before_the_next_outbox() {
    let sent = Sent::new("She called", "She wrote", LONG_AGO).await;
    let snapshot = sent.bench.snapshot().await;
    catch_up(&sent.request(false), &snapshot).await.unwrap();
    assert_eq!(sent.is_ours().await, "false");
}
