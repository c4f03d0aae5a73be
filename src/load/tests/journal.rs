//! The journal: entries in order, none missing, none altered, none overwritten, and none read that nobody needs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Utc;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::load::{Event, Journal, LoadError, RunStart};
use crate::rows::RunStatus;
use crate::staging::Staging;

fn area() -> Staging {
    Staging::open("memory:///").unwrap().with_org("00D1")
}

fn loaded(load: &str) -> Event {
    Event::PhaseLoaded {
        load: load.to_owned(),
        at: Utc::now(),
    }
}

fn finished(status: RunStatus) -> Event {
    Event::RunFinished {
        at: Utc::now(),
        status,
    }
}

/// Writes a run of these phases.
async fn write(staging: &Staging, run: &str, phases: &[&str], status: Option<RunStatus>) {
    let journal = Journal::open(staging, run, 0);
    for load in phases {
        journal.record(&loaded(load)).await.unwrap();
    }
    if let Some(status) = status {
        journal.record(&finished(status)).await.unwrap();
    }
}

/// Loads of a run's phases, in the order of its entries.
async fn phases(staging: &Staging, run: &str) -> Vec<String> {
    let runs = Journal::runs(staging).await.unwrap();
    let record = runs.into_iter().find(|record| record.run == run).unwrap();
    let load = |event| match event {
        Event::PhaseLoaded { load, .. } => Some(load),
        _ => None,
    };
    record.events.into_iter().filter_map(load).collect()
}

async fn unfinished(staging: &Staging) -> Vec<String> {
    let open = Journal::unfinished(staging).await.unwrap();
    open.into_iter().map(|record| record.run).collect()
}

fn place(staging: &Staging, run: &str, number: u32) -> Path {
    staging.org_path(&["journal", run, &format!("{number:08}.json")])
}

#[tokio::test]
async fn entries_come_back_in_the_order_in_which_they_were_written() {
    let staging = area();
    let written: Vec<String> = (0..12).map(|number| format!("load_{number}")).collect();
    let names: Vec<&str> = written.iter().map(String::as_str).collect();
    write(&staging, "r1", &names, None).await;
    assert_eq!(phases(&staging, "r1").await, written);
}

#[tokio::test]
async fn a_run_begins_with_who_loads_what_and_where() {
    let staging = area();
    let start = RunStart {
        target: "sandbox",
        user: "005A",
        ..RunStart::default()
    };
    let journal = Journal::start(&staging, start).await.unwrap();
    let first = Journal::first(&staging, journal.run()).await.unwrap();
    let Event::RunStarted { target, user, .. } = first else {
        panic!("{first:?}");
    };
    assert_eq!(
        (target.as_str(), user.as_deref()),
        ("sandbox", Some("005A"))
    );
    let last = Journal::last_run(&staging).await.unwrap();
    assert_eq!(last.as_deref(), Some(journal.run()));
}

#[tokio::test]
async fn runs_of_another_organisation_are_not_seen() {
    let staging = area();
    write(&staging, "r1", &["account"], None).await;
    let other = staging.with_org("00D2");
    assert!(Journal::runs(&other).await.unwrap().is_empty());
    assert_eq!(Journal::last_run(&other).await.unwrap(), None);
}

#[tokio::test]
async fn a_missing_entry_is_named_even_in_a_run_that_came_to_its_end() {
    let staging = area();
    write(&staging, "r1", &["account", "lead"], Some(RunStatus::Ok)).await;
    staging.delete(&place(&staging, "r1", 1)).await.unwrap();
    let error = Journal::unfinished(&staging).await.unwrap_err();
    assert!(
        matches!(&error, LoadError::JournalGap { run, missing } if run == "r1" && missing == "00000001.json"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_first_entry_is_named() {
    let staging = area();
    write(&staging, "r1", &["account", "lead"], None).await;
    staging.delete(&place(&staging, "r1", 0)).await.unwrap();
    let error = Journal::outlines(&staging).await.unwrap_err();
    assert!(error.to_string().contains("00000000.json"), "{error}");
}

#[tokio::test]
async fn a_run_whose_end_is_lost_is_open_again() {
    let staging = area();
    write(&staging, "r1", &["account"], Some(RunStatus::Ok)).await;
    assert!(unfinished(&staging).await.is_empty());
    staging.delete(&place(&staging, "r1", 1)).await.unwrap();
    assert_eq!(unfinished(&staging).await, ["r1"]);
}

#[tokio::test]
async fn an_altered_entry_of_an_open_run_is_refused() {
    let staging = area();
    write(&staging, "r1", &["account", "lead"], None).await;
    let path = place(&staging, "r1", 0);
    let bytes = staging.read(&path).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let edited = text.replace("account", "contact");
    staging.write_document(&path, edited.into()).await.unwrap();
    let error = Journal::unfinished(&staging).await.unwrap_err();
    assert!(matches!(error, LoadError::ReadJournal { .. }), "{error}");
    assert!(error.hint().unwrap().contains("backup"));
}

#[tokio::test]
async fn entries_that_changed_places_are_refused() {
    let staging = area();
    write(&staging, "r1", &["account", "lead"], None).await;
    let first = staging.read(&place(&staging, "r1", 0)).await.unwrap();
    let path = place(&staging, "r1", 1);
    staging.write_document(&path, first).await.unwrap();
    let error = Journal::runs(&staging).await.unwrap_err();
    assert!(error.to_string().contains("r1/00000001.json"), "{error}");
}

#[tokio::test]
async fn an_altered_entry_inside_a_finished_run_is_found_by_who_reads_the_run() {
    let staging = area();
    write(&staging, "r1", &["account", "lead"], Some(RunStatus::Ok)).await;
    let path = place(&staging, "r1", 0);
    staging.write_document(&path, "{}".into()).await.unwrap();
    assert!(unfinished(&staging).await.is_empty());
    let outlines = Journal::outlines(&staging).await.unwrap();
    let error = outlines[0].read(&staging).await.unwrap_err();
    assert!(matches!(error, LoadError::ReadJournal { .. }), "{error}");
}

#[tokio::test]
async fn an_altered_last_entry_is_refused_in_every_run() {
    let staging = area();
    write(&staging, "r1", &["account"], Some(RunStatus::Ok)).await;
    let path = place(&staging, "r1", 1);
    staging.write_document(&path, "{}".into()).await.unwrap();
    assert!(Journal::unfinished(&staging).await.is_err());
}

#[tokio::test]
async fn a_process_that_was_taken_over_overwrites_nothing() {
    let staging = area();
    let before = Journal::open(&staging, "r1", 0);
    before.record(&loaded("account")).await.unwrap();
    // Another process goes on behind the first entry, and ends the run.
    let after = Journal::open(&staging, "r1", 1);
    after.record(&loaded("lead")).await.unwrap();
    after
        .record(&finished(RunStatus::Interrupted))
        .await
        .unwrap();
    // The first one wakes up.
    before.record(&loaded("contact")).await.unwrap();
    assert_eq!(phases(&staging, "r1").await, ["account", "lead", "contact"]);
    assert!(
        unfinished(&staging).await.is_empty(),
        "an entry behind the end does not open the run again"
    );
    let outlines = Journal::outlines(&staging).await.unwrap();
    let ended = outlines[0].ended(&staging).await.unwrap();
    assert_eq!(ended, Some(RunStatus::Interrupted));
}

#[tokio::test]
async fn entries_written_at_once_all_get_a_number() {
    let staging = area();
    let journal = Journal::open(&staging, "r1", 0);
    let loads: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    let entries: Vec<Event> = loads.iter().map(|load| loaded(load)).collect();
    futures::future::try_join_all(entries.iter().map(|entry| journal.record(entry)))
        .await
        .unwrap();
    let mut found = phases(&staging, "r1").await;
    found.sort();
    assert_eq!(found, loads);
}

#[tokio::test]
async fn a_start_reads_in_full_only_runs_that_are_open() {
    let store = Arc::new(Counting::default());
    let staging = Staging::over(Arc::clone(&store) as Arc<dyn ObjectStore>).with_org("00D1");
    for run in 0..30 {
        let run = format!("r{run:02}");
        write(&staging, &run, &["a", "b", "c", "d"], Some(RunStatus::Ok)).await;
    }
    write(&staging, "r99", &["a", "b", "c"], None).await;
    store.gets.store(0, Ordering::Relaxed);
    Journal::runs(&staging).await.unwrap();
    let whole = store.gets.swap(0, Ordering::Relaxed);
    assert_eq!(whole, 30 * 5 + 3);
    assert_eq!(unfinished(&staging).await, ["r99"]);
    // One of each finished run; the last of the open one, then all of it.
    assert_eq!(store.gets.swap(0, Ordering::Relaxed), 30 + 1 + 3);
    Journal::last_run(&staging).await.unwrap();
    assert_eq!(store.gets.load(Ordering::Relaxed), 0);
}

/// A store in memory that counts how often something is read.
#[derive(Debug, Default)]
struct Counting {
    inner: InMemory,
    gets: AtomicU64,
}

impl fmt::Display for Counting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "counting {}", self.inner)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Counting {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn files_of_others_and_what_a_loss_of_power_left_do_not_lock_the_journal() {
    let staging = area();
    write(&staging, "r1", &["account", "lead"], None).await;
    let journal = |parts: &[&str]| staging.org_path(&[&["journal"], parts].concat());
    for path in [
        journal(&[".DS_Store"]),
        journal(&["r1", ".DS_Store"]),
        journal(&["r1", "._00000001.json"]),
        journal(&["r1", "00000001 (copy).json"]),
        journal(&["r1", "old", "00000000.json"]),
    ] {
        staging.write_document(&path, "x".into()).await.unwrap();
    }
    for number in [2, 3] {
        let path = place(&staging, "r1", number);
        staging.write_document(&path, "".into()).await.unwrap();
    }
    // A run of which nothing was written.
    let path = place(&staging, "r2", 0);
    staging.write_document(&path, "".into()).await.unwrap();
    assert_eq!(unfinished(&staging).await, ["r1"]);
    assert_eq!(phases(&staging, "r1").await, ["account", "lead"]);
    // Whoever goes on takes the places of the empty ones.
    let journal = Journal::open(&staging, "r1", 2);
    journal.record(&loaded("contact")).await.unwrap();
    journal.record(&finished(RunStatus::Ok)).await.unwrap();
    assert_eq!(phases(&staging, "r1").await, ["account", "lead", "contact"]);
    assert!(unfinished(&staging).await.is_empty());
}

#[tokio::test]
async fn an_empty_entry_between_others_is_a_missing_one() {
    let staging = area();
    write(&staging, "r1", &["account", "lead", "contact"], None).await;
    let path = place(&staging, "r1", 1);
    staging.write_document(&path, "".into()).await.unwrap();
    let error = Journal::outlines(&staging).await.unwrap_err();
    assert!(error.to_string().contains("00000001.json"), "{error}");
}
