//! The estimate: how long a run takes and what it asks of the org; after a run the same beside what it took.
//!
//! In: the tables `estimate.*` that an estimate published, `ledger.runs`. Out: a document. Never: a number that no query gave.

use std::path::Path;

use super::{Plan, Source, WrittenDocument};
use crate::error::Error;
use crate::migration::estimate::{Estimate, Measured, expected, publish};
use crate::migration::status::organisations;
use crate::migration::{Migration, PlanReport, PlanRequest, status};
use crate::project::Queries;
use crate::salesforce::ErrorClass;

const ESTIMATE: [Plan; 3] = [
    (
        "How long it takes",
        "From the first look at the org to the last comparison, without reading the export. Low: what nothing explains stays as it was \
         measured; high: it grows with the rows, and jobs side by side win nothing.",
        "estimate/total",
        false,
    ),
    (
        "Loads",
        "What each load sends and asks of the org. Storage is what new records take. A load that was measured itself rests on that; \
         others on the loads that were.",
        "estimate/loads",
        true,
    ),
    (
        "Limits",
        "What the org has left today, and what the run takes of it, with the reserve that the project leaves to others not counted.",
        "estimate/limits",
        false,
    ),
];

const UNASKED: [Plan; 2] = [
    (
        "What the rows ask for",
        "Rows of the export at the rates that are public, in seconds. The org was not asked, so this knows neither what it has already nor \
         which rows are held.",
        "estimate/unasked",
        false,
    ),
    (
        "Limits",
        "What is published for an Enterprise org without a licence counted; what this org has left is known once it can be reached.",
        "estimate/public_limits",
        false,
    ),
];

pub(super) const PREDICTED: Plan = (
    "Predicted and actual",
    "The last estimate beside the run. Percent off: above nothing the run took longer than was likely.",
    "estimate/review",
    false,
);

const REVIEW: [Plan; 2] = [
    PREDICTED,
    (
        "Where the time went",
        "Phases in order of time, with the seconds until their rows were written, sent, and read back and compared.",
        "run/timeline",
        true,
    ),
];

/// An estimate that was written.
#[derive(Debug)]
pub struct WrittenEstimate {
    /// The plan and what is to be expected of it, or why the org could not be asked.
    pub made: Result<(PlanReport, Estimate), Error>,
    /// The document.
    pub document: WrittenDocument,
}

/// What an estimate is asked for.
#[derive(Clone, Debug, Default)]
pub struct EstimateRequest {
    /// The plan that it stands on.
    pub plan: PlanRequest,
    /// Destination whose runs say how long things take; by default the same, or else the one that was run against last.
    pub measured_on: Option<String>,
}

impl Migration {
    /// Plans, and says what to expect; the tables behind it are `estimate.*` of this org.
    ///
    /// # Errors
    /// As [`Self::plan`]; nothing was run against the destination that is to be measured.
    pub async fn estimate(
        &self,
        request: &EstimateRequest,
    ) -> Result<(PlanReport, Estimate), Error> {
        let plan = self.plan(&request.plan).await?;
        let (name, destination) = self.config().target(request.plan.target.as_deref())?;
        let mut at_once = destination.concurrent_jobs.max(1);
        let known = organisations(self.staging()).await?;
        let same = known
            .iter()
            .find(|known| known.target.as_deref() == Some(name));
        let measured = match &request.measured_on {
            Some(wanted) => {
                let (wanted, measured) = self.config().target(Some(wanted))?;
                at_once = at_once.min(measured.concurrent_jobs.max(1));
                let found = known
                    .iter()
                    .find(|known| known.target.as_deref() == Some(wanted));
                Some(found.ok_or_else(|| Error::NotYet {
                    what: format!("nothing has been run against {wanted} so far"),
                    hint: "run a sample there first: `transload run --sample 300`".to_owned(),
                })?)
            }
            None => same.filter(|same| same.last_run.is_some()).or_else(|| {
                known
                    .iter()
                    .max_by(|left, right| left.last_run.cmp(&right.last_run))
            }),
        };
        let runs = match measured {
            Some(organisation) => {
                Measured::read(&self.staging().with_org(&organisation.id)).await?
            }
            None => Measured::default(),
        };
        let queries = Queries::load(&self.config().project)?;
        let mut estimate = expected(&plan, &runs, &queries, at_once);
        estimate.measured = runs.last.as_ref().map(|run| {
            let target = measured.and_then(|known| known.target.as_deref());
            format!("{run} against {}", target.unwrap_or("this org"))
        });
        let staging = self.staging().with_org(&plan.organisation);
        publish(&staging, &estimate).await?;
        Ok((plan, estimate))
    }

    /// Estimates, and writes the document. Where the org cannot be reached, it says what the rows staged last ask for.
    ///
    /// # Errors
    /// As [`Self::estimate`]; the folder cannot be written.
    pub async fn write_estimate(
        &self,
        request: &EstimateRequest,
        folder: Option<&Path>,
    ) -> Result<WrittenEstimate, Error> {
        let (plan, estimate) = match self.estimate(request).await {
            Ok(made) => made,
            Err(error) if is_unreachable(&error) => {
                return self.write_unasked(error, folder).await;
            }
            Err(error) => return Err(error),
        };
        let organisation = Some(plan.organisation.clone());
        let asked = self.ask_organisation(organisation).await?;
        let mut facts = vec![("Destination".to_owned(), plan.target.clone())];
        facts.extend(self.standing_facts(asked.staging.org()).await?);
        facts.extend([(
            "Measured".to_owned(),
            estimate.measured.clone().unwrap_or_else(|| {
                "nothing: not calibrated; the span is that of public rates".to_owned()
            }),
        )]);
        let title = format!("Estimate: {}", self.config().name);
        let folder = self.folder(folder, "estimate");
        let place = (folder.as_path(), "estimate");
        let written = self
            .write(&Source::of(&asked), &title, facts, &ESTIMATE, place)
            .await?;
        Ok(WrittenEstimate {
            made: Ok((plan, estimate)),
            document: written,
        })
    }

    /// What can be said without the org; the error if nothing is staged either.
    async fn write_unasked(
        &self,
        error: Error,
        folder: Option<&Path>,
    ) -> Result<WrittenEstimate, Error> {
        let asked = self.ask_organisation(None).await?;
        if asked.snapshot.schema("usercom").next().is_none() {
            return Err(error);
        }
        let mut facts = self.standing_facts(None).await?;
        facts.push((
            "Note".to_owned(),
            format!(
                "nothing was asked of the org: {}. This is of the rows staged last and of what is public",
                told(&error)
            ),
        ));
        let title = format!("Estimate without the org: {}", self.config().name);
        let folder = self.folder(folder, "estimate");
        let place = (folder.as_path(), "estimate");
        let source = Source::of(&asked);
        let document = self.write(&source, &title, facts, &UNASKED, place).await?;
        Ok(WrittenEstimate {
            made: Err(error),
            document,
        })
    }

    /// Writes the last estimate beside what a run took, by default the last one.
    ///
    /// # Errors
    /// There is no such run, or the folder cannot be written.
    pub async fn review_estimate(
        &self,
        target: Option<&str>,
        run: Option<&str>,
        folder: Option<&Path>,
    ) -> Result<WrittenDocument, Error> {
        let found = self.found_run(target, run).await?;
        let organisation = Some(found.organisation.clone());
        let asked = self.ask_organisation(organisation).await?;
        if asked.snapshot.get("estimate", "loads").is_none() {
            return Err(Error::NotYet {
                what: format!("nothing was estimated for {}", found.target),
                hint: "`transload estimate` before a run keeps what is to be expected".to_owned(),
            });
        }
        let source = Source {
            run: Some(&found.run),
            ..Source::of(&asked)
        };
        let facts = status::facts(&found);
        let title = format!("Predicted and actual: {}", self.config().name);
        let folder = self.folder(folder, "estimate");
        let place = (folder.as_path(), "review");
        self.write(&source, &title, facts, &REVIEW, place).await
    }
}

/// An error with its cause.
fn told(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Whether the org did not answer at all; one that refuses a login did.
fn is_unreachable(error: &Error) -> bool {
    matches!(error, Error::Connect { source, .. } if source.class() == ErrorClass::Transient)
}
