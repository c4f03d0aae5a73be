//! Where deployments stand, and how they are told (reference/salesforce.md §5.1).
//!
//! In: options and a zip. Out: `DeployResult`. A deployment is seen Pending in the answer that takes it and InProgress at
//! the first look, so that clients that do not poll are found out. Deployments are forgotten at a restart.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::Utc;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ids::RecordId;
use super::super::lock::lock;
use super::component::Component;

/// Options of a deployment.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Options {
    pub(crate) check_only: bool,
    pub(crate) rollback_on_error: bool,
    pub(crate) ignore_warnings: bool,
    pub(crate) single_package: bool,
    pub(crate) test_level: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            check_only: false,
            rollback_on_error: true,
            ignore_warnings: false,
            single_package: false,
            test_level: None,
        }
    }
}

#[derive(Debug, Default)]
struct Progress {
    status: &'static str,
    started: Option<i64>,
    completed: Option<i64>,
    components: Vec<Component>,
    error: Option<String>,
    looks: u32,
}

/// One deployment.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) id: RecordId,
    pub(crate) options: Options,
    user: RecordId,
    created: i64,
    zip: Mutex<Vec<u8>>,
    progress: Mutex<Progress>,
}

impl Deployment {
    pub(crate) fn new(id: RecordId, user: RecordId, options: Options, zip: Vec<u8>) -> Self {
        let progress = Progress {
            status: "Pending",
            ..Progress::default()
        };
        let created = Utc::now().timestamp() * 1000;
        Self {
            id,
            options,
            user,
            created,
            zip: Mutex::new(zip),
            progress: Mutex::new(progress),
        }
    }

    pub(super) fn take_zip(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.zip))
    }

    pub(super) fn begin(&self) {
        let mut progress = lock(&self.progress);
        progress.started = Some(Utc::now().timestamp() * 1000);
        if progress.status == "Pending" {
            progress.status = "InProgress";
        }
    }

    pub(super) fn cancelled(&self) -> bool {
        lock(&self.progress).status.starts_with("Cancel")
    }

    /// Ends it without components.
    pub(super) fn fail(&self, message: &str) {
        let mut progress = lock(&self.progress);
        (progress.status, progress.error) = ("Failed", Some(message.to_owned()));
        progress.completed = Some(Utc::now().timestamp() * 1000);
    }

    /// Ends it with what became of its components.
    pub(super) fn finish(&self, components: &[Component], applied: bool) {
        let mut progress = lock(&self.progress);
        let failures = components
            .iter()
            .any(|component| component.problem.is_some());
        progress.status = match (progress.status, failures) {
            ("Canceling", _) => "Canceled",
            (_, false) => "Succeeded",
            (_, true) if applied => "SucceededPartial",
            (_, true) => "Failed",
        };
        progress.components = components.to_vec();
        progress.completed = Some(Utc::now().timestamp() * 1000);
    }

    /// Asks it to stop; false if it is over.
    pub(crate) fn cancel(&self) -> bool {
        let mut progress = lock(&self.progress);
        let open = progress.completed.is_none();
        if open {
            progress.status = "Canceling";
        }
        open
    }

    /// The answer to the request that made it.
    pub(crate) fn accepted(&self) -> Value {
        self.result(
            "Pending",
            &Progress {
                status: "Pending",
                ..Progress::default()
            },
            false,
        )
    }

    /// The answer to a look at it.
    pub(crate) fn look(&self, details: bool) -> Value {
        let mut progress = lock(&self.progress);
        progress.looks += 1;
        if progress.looks == 1 && progress.completed.is_some() {
            let unfinished = Progress {
                started: progress.started,
                ..Progress::default()
            };
            return self.result("InProgress", &unfinished, details);
        }
        self.result(progress.status, &progress, details)
    }

    fn result(&self, status: &str, progress: &Progress, details: bool) -> Value {
        let date = super::super::bulk::timestamp;
        let failed = progress
            .components
            .iter()
            .filter(|component| component.problem.is_some())
            .count();
        let total = progress.components.len();
        let mut result = json!({
            "id": self.id.to_string(),
            "status": status,
            "success": status == "Succeeded" || status == "SucceededPartial",
            "done": progress.completed.is_some(),
            "checkOnly": self.options.check_only,
            "ignoreWarnings": self.options.ignore_warnings,
            "rollbackOnError": self.options.rollback_on_error,
            "runTestsEnabled": false,
            "createdBy": self.user.to_string(),
            "createdByName": "Admin User",
            "createdDate": date(self.created),
            "lastModifiedDate": date(progress.completed.or(progress.started).unwrap_or(self.created)),
            "startDate": progress.started.map(date),
            "completedDate": progress.completed.map(date),
            "numberComponentErrors": failed,
            "numberComponentsDeployed": total - failed,
            "numberComponentsTotal": total,
            "numberTestErrors": 0,
            "numberTestsCompleted": 0,
            "numberTestsTotal": 0,
            "stateDetail": null,
        });
        if let Some(error) = &progress.error {
            result["errorMessage"] = json!(error);
            result["errorStatusCode"] = json!("UNKNOWN_EXCEPTION");
        }
        if details {
            let stamp = date(self.created);
            let list = |failures: bool| -> Vec<Value> {
                let chosen = progress
                    .components
                    .iter()
                    .filter(|component| component.problem.is_some() == failures);
                chosen.map(|component| component.message(&stamp)).collect()
            };
            result["details"] = json!({
                "componentFailures": list(true),
                "componentSuccesses": list(false),
                "retrieveResult": null,
                "runTestResult": {"numFailures": 0, "numTestsRun": 0, "totalTime": 0, "codeCoverage": [], "failures": [], "successes": []},
            });
        }
        result
    }
}

/// The deployments since the start.
#[derive(Default)]
pub(crate) struct Deployments(Mutex<HashMap<String, Arc<Deployment>>>);

impl Deployments {
    /// Keeps a deployment.
    pub(crate) fn keep(&self, deployment: &Arc<Deployment>) {
        lock(&self.0).insert(deployment.id.short().to_owned(), Arc::clone(deployment));
    }

    /// Finds one by its id in either form.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Deployment>> {
        let id = RecordId::parse(id)?;
        lock(&self.0).get(id.short()).cloned()
    }
}
