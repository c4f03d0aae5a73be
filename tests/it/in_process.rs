//! A whole migration driven through the library, with no terminal and no process of its own.

use std::sync::{Arc, Mutex};

use transload::config::Config;
use transload::migration::{
    Migration, PlanRequest, ReconcileRequest, RollbackRequest, RunRequest, Sample, SchemaRequest,
    runs,
};
use transload::progress::Progress;
use transload::rows::RunStatus;

use crate::rehearsal::{Project, runtime};

/// Records of the small project: three companies, six people, two deals, and a role for the main person of each deal.
const EVERYTHING: u64 = 3 + 6 + 2 + 2;

/// What a run says that was asked to end before its first job.
const STOPPED: &str = "stopped on request; before account";

/// Remembers what it was told.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn step(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[test]
#[ignore = "long: several migrations"]
fn a_program_plans_runs_compares_and_takes_back_without_a_terminal() {
    let project = Project::small();
    let config = Config::load(&project.path(""), None).unwrap();
    let heard = Arc::new(Heard::default());
    let progress = Arc::clone(&heard) as Arc<dyn Progress>;
    let migration = Migration::open(&config).unwrap().with_progress(progress);
    let created = runtime().block_on(Box::pin(async {
        let plan = migration.plan(&PlanRequest::default()).await.unwrap();
        assert_eq!(plan.target, "simulator");
        assert_eq!(plan.findings, Vec::<String>::new());
        let to_create: u64 = plan
            .loads
            .iter()
            .map(|load| load.insert + load.upsert)
            .sum();

        let schema = migration.schema(&SchemaRequest::default()).await.unwrap();
        assert!(!schema.comparison.is_blocked());
        assert!(!schema.comparison.prepared.plan.is_empty());

        let first = migration.run(&RunRequest::default()).await.unwrap().summary;
        assert_eq!(first.status, RunStatus::Ok);
        let created: u64 = first.objects.iter().map(|load| load.created).sum();
        assert_eq!(created, to_create, "the run creates what the plan foretold");

        let second = migration.run(&RunRequest::default()).await.unwrap().summary;
        assert_eq!(second.status, RunStatus::Ok);
        assert!(second.objects.iter().all(|load| load.sent == 0));

        let request = ReconcileRequest {
            sample: Some(Sample { count: 5, seed: 7 }),
            ..ReconcileRequest::default()
        };
        let found = migration.reconcile(&request).await.unwrap();
        assert!(!found.differs());
        assert!(found.loads.iter().all(|load| load.landed == load.read_back));
        let sheet = found.sample.unwrap();
        assert_eq!((sheet.records(), sheet.odd(), sheet.place), (5, 0, None));

        let refused = migration.rollback(&RollbackRequest::default()).await;
        assert_eq!(
            refused.unwrap().status,
            RunStatus::Planned,
            "nothing without consent"
        );
        let request = RollbackRequest {
            consent: true,
            ..RollbackRequest::default()
        };
        let undone = migration.rollback(&request).await.unwrap();
        assert_eq!(
            (undone.status, &undone.undoes),
            (RunStatus::Ok, &vec![first.run])
        );
        let deleted: u64 = undone.objects.iter().map(|load| load.deleted).sum();
        assert_eq!(runs(migration.staging(), None).await.unwrap().len(), 3);
        assert!(deleted <= created);
        created
    }));
    assert_eq!(created, EVERYTHING);
    let heard = heard.0.lock().unwrap();
    assert!(
        heard
            .iter()
            .any(|step| step.starts_with("writing the outbox of contact"))
    );
    drop(migration);
    // Asked of the org and not of our own tables.
    let org = project.org();
    for object in ["Account", "Contact", "Lead", "Opportunity"] {
        assert!(org.keys(object).is_empty(), "{object}");
    }
}

#[test]
#[ignore = "long: several migrations"]
fn a_run_that_is_stopped_before_it_begins_sends_nothing_and_the_next_goes_on() {
    let project = Project::small();
    let config = Config::load(&project.path(""), None).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    let stopped = Migration::open(&config).unwrap().with_stop(stop);
    let migration = Migration::open(&config).unwrap();
    runtime().block_on(Box::pin(async {
        let sent = |summary: &transload::report::RunSummary| -> u64 {
            summary.objects.iter().map(|load| load.sent).sum()
        };
        let first = stopped.run(&RunRequest::default()).await.unwrap_err();
        assert_eq!(first.to_string(), STOPPED);
        let second = migration.run(&RunRequest::default()).await.unwrap();
        assert_eq!(second.summary.status, RunStatus::Ok);
        assert_eq!(sent(&second.summary), EVERYTHING);
    }));
}
