//! The checklist of the day, for an opened migration.
//!
//! In: a destination's name. Out: where each step stands, signatures, the document. The destination is not reached: evidence
//! is what the last run and the last comparison found.

use super::asked::Asked;
use super::open::Migration;
use super::status::organisations;
use crate::cutover::{
    Checklist, CutoverError, Event, Log, Standing, document, signable, standings, wanted,
};
use crate::error::Error;

/// The document to sign off.
#[derive(Clone, Debug)]
pub struct CutoverReport {
    /// Markdown.
    pub text: String,
    /// Where it is.
    pub path: String,
}

/// What every verb begins with.
struct Opened {
    asked: Asked,
    checklist: Checklist,
    log: Log,
}

impl Migration {
    /// Where each step stands; what was shown is kept, so that it can be signed.
    ///
    /// # Errors
    /// [`CutoverError`]; evidence that cannot be had is red and no error.
    pub async fn cutover(&self, target: Option<&str>) -> Result<Vec<Standing>, Error> {
        let mut opened = self.opened(target).await?;
        let standings = self.standings(&opened).await;
        for standing in &standings {
            let Some(evidence) = &standing.evidence else {
                continue;
            };
            let step = &standing.step.step;
            let known = opened.log.shown(step).map(|(_, digest)| digest);
            if known != Some(evidence.digest.as_str()) {
                let event = Event::Shown {
                    step: step.clone(),
                    evidence: evidence.told.clone(),
                    threshold: wanted(&standing.step),
                    digest: evidence.digest.clone(),
                };
                opened.log.add(event).await?;
            }
        }
        Ok(standings)
    }

    /// Signs a step.
    ///
    /// # Errors
    /// [`CutoverError::Refused`] where the evidence is red, or is not what was shown last.
    pub async fn cutover_sign(
        &self,
        target: Option<&str>,
        step: &str,
        name: &str,
    ) -> Result<(), Error> {
        let mut opened = self.opened(target).await?;
        opened.checklist.step(step)?;
        let standings = self.standings(&opened).await;
        let standing = standings.iter().find(|standing| standing.step.step == step);
        if let Some(standing) = standing {
            let event = signable(standing, &opened.log, name)?;
            opened.log.add(event).await?;
        }
        Ok(())
    }

    /// The document to sign off, kept in the folder of reports.
    ///
    /// # Errors
    /// As [`Self::cutover`].
    pub async fn cutover_report(&self, target: Option<&str>) -> Result<CutoverReport, Error> {
        let opened = self.opened(target).await?;
        let standings = self.standings(&opened).await;
        let staging = &opened.asked.staging;
        let name = self
            .config()
            .project
            .file_name()
            .map(|name| name.to_string_lossy());
        let organisation = staging.org().unwrap_or_default();
        let text = document(
            &name.unwrap_or_default(),
            organisation,
            &standings,
            &opened.log,
        );
        let path = staging.org_path(&["reports", "cutover.md"]);
        staging
            .write_document(&path, text.clone().into_bytes().into())
            .await?;
        Ok(CutoverReport {
            text,
            path: staging.place(&path),
        })
    }

    async fn standings(&self, opened: &Opened) -> Vec<Standing> {
        let project = &self.config().project;
        standings(
            &opened.asked.session,
            project,
            &opened.checklist,
            &opened.log,
        )
        .await
    }

    async fn opened(&self, target: Option<&str>) -> Result<Opened, Error> {
        let checklist = Checklist::load(&self.config().project)?;
        // The day is about the destination that a run would go to, whatever was run last.
        let default = self.config().target(None).ok().map(|(name, _)| name);
        let known = organisations(self.staging()).await?;
        let has_run = |name: &str| {
            let mut targets = known.iter().map(|known| known.target.as_deref());
            targets.any(|target| target == Some(name))
        };
        let target = target.or(default.filter(|name| has_run(name)));
        let asked = self.ask(target).await?;
        if asked.staging.org().is_none() {
            return Err(CutoverError::NoOrganisation.into());
        }
        let log = Log::read(&asked.staging).await?;
        Ok(Opened {
            asked,
            checklist,
            log,
        })
    }
}
