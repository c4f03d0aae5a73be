//! Where deployments stand, and how they are told (`guide/salesforce.md` §5.1).
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
use super::hold::{Hold, Trial};

/// Options of a deployment.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeployOptions {
    pub(crate) check_only: bool,
    pub(crate) rollback_on_error: bool,
    pub(crate) ignore_warnings: bool,
    pub(crate) single_package: bool,
    pub(crate) test_level: Option<String>,
}

impl Default for DeployOptions {
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
    /// Components dealt with, where that is not all of them.
    deployed: Option<usize>,
    hold: Hold,
}

/// One deployment.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) id: RecordId,
    pub(crate) options: DeployOptions,
    user: RecordId,
    created: i64,
    zip: Mutex<Vec<u8>>,
    progress: Mutex<Progress>,
}

impl Deployment {
    /// A deployment that has not begun; `trial` says what is to go wrong with it.
    pub(crate) fn new(
        id: RecordId,
        user: RecordId,
        options: DeployOptions,
        zip: Vec<u8>,
        trial: Trial,
    ) -> Self {
        let progress = Progress {
            status: "Pending",
            hold: Hold::new(trial),
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

    /// The zip, to be given back by a deployment that waits.
    pub(super) fn take_zip(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.zip))
    }

    pub(super) fn begin(&self) {
        let mut progress = lock(&self.progress);
        let now = Utc::now().timestamp() * 1000;
        progress.started.get_or_insert(now);
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

    /// Whether it waits for more looks before it goes on.
    pub(super) fn hold(&self, components: &[Component], zip: Vec<u8>) -> bool {
        let mut progress = lock(&self.progress);
        if progress.status.starts_with("Cancel") || !progress.hold.begin() {
            return false;
        }
        *lock(&self.zip) = zip;
        progress.components = components.to_vec();
        progress.deployed = Some(0);
        true
    }

    /// Breaks it off half-way, if it is to go wrong.
    pub(super) fn stop(&self, components: &[Component]) -> bool {
        let mut progress = lock(&self.progress);
        if progress.status.starts_with("Cancel") || !progress.hold.fails() {
            return false;
        }
        progress.components = components.to_vec();
        progress.deployed = Some(components.len() / 2);
        progress.status = "Failed";
        progress.error = Some("UNKNOWN_EXCEPTION: An unexpected error occurred".to_owned());
        progress.completed = Some(Utc::now().timestamp() * 1000);
        true
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
        progress.deployed = None;
        progress.completed = Some(Utc::now().timestamp() * 1000);
    }

    /// Asks it to stop; none if it is over, else whether it must be carried on with.
    pub(crate) fn cancel(&self) -> Option<bool> {
        let mut progress = lock(&self.progress);
        if progress.completed.is_some() {
            return None;
        }
        progress.status = "Canceling";
        Some(progress.hold.release())
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

    /// The answer to a look at it, and whether it must be carried on with.
    pub(crate) fn look(&self, details: bool) -> (Value, bool) {
        let mut progress = lock(&self.progress);
        if let Some((share, released)) = progress.hold.look() {
            let total = progress.components.len();
            progress.deployed = Some(share.of(total));
            // What a deployment in progress has done is not listed.
            return (self.result(progress.status, &progress, false), released);
        }
        progress.looks += 1;
        if progress.looks == 1 && progress.completed.is_some() {
            let unfinished = Progress {
                started: progress.started,
                ..Progress::default()
            };
            return (self.result("InProgress", &unfinished, details), false);
        }
        (self.result(progress.status, &progress, details), false)
    }

    fn result(&self, status: &str, progress: &Progress, details: bool) -> Value {
        let date = super::super::bulk::timestamp;
        let total = progress.components.len();
        let reached = progress.deployed.unwrap_or(total);
        let components = progress.components.get(..reached).unwrap_or_default();
        let failed = components
            .iter()
            .filter(|component| component.problem.is_some())
            .count();
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
            "numberComponentsDeployed": reached - failed,
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
                let chosen = components
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
pub(crate) struct Deployments {
    known: Mutex<HashMap<String, Arc<Deployment>>>,
    /// Held by the deployment that runs.
    pub(super) turn: Mutex<()>,
    /// What is to go wrong with the next one.
    trial: Mutex<Trial>,
}

impl Deployments {
    /// Keeps a deployment.
    pub(crate) fn keep(&self, deployment: &Arc<Deployment>) {
        lock(&self.known).insert(deployment.id.short().to_owned(), Arc::clone(deployment));
    }

    /// Says what is to go wrong with the next deployment.
    pub(crate) fn plan(&self, trial: Trial) {
        *lock(&self.trial) = trial;
    }

    /// What is to go wrong with the deployment that asks; once.
    pub(crate) fn trial(&self) -> Trial {
        std::mem::take(&mut *lock(&self.trial))
    }

    /// Finds one by its id in either form.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Deployment>> {
        let id = RecordId::parse(id)?;
        lock(&self.known).get(id.short()).cloned()
    }
}
