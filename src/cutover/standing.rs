//! Where each step stands: evidence, signature, and whether the one still fits the other.
//!
//! In: checklist, tables, log. Out: a [`Standing`] per step, in order; and whether a step may be signed now.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::evidence::{self, Evidence};
use super::{Checklist, CutoverError, Event, Log, Step};
use crate::engine::Session;

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its evidence is not what it has to be.
    Red,
    /// It can be signed.
    Ready,
    /// It was signed, and what the step says and its evidence are as they were then.
    Signed,
    /// It was signed, and what it says, its threshold or its evidence has changed since.
    Changed,
}

impl State {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Ready => "ready",
            Self::Signed => "signed",
            Self::Changed => "changed since",
        }
    }
}

/// One step, and where it stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The step.
    pub step: Step,
    /// How far it is.
    pub state: State,
    /// Its evidence; none = a person's word.
    pub evidence: Option<Evidence>,
    /// Who signed it last, and when.
    pub signed: Option<(String, DateTime<Utc>)>,
}

/// Where all steps stand.
pub async fn standings(
    session: &Session,
    project: &Path,
    checklist: &Checklist,
    log: &Log,
) -> Vec<Standing> {
    let mut standings = Vec::with_capacity(checklist.steps.len());
    for step in &checklist.steps {
        let evidence = evidence::ask(session, project, step).await;
        let signature = log.signed(&step.step).and_then(|entry| match &entry.event {
            Event::Signed { name, digest, .. } => Some((name.clone(), entry.at, digest.clone())),
            Event::Shown { .. } => None,
        });
        let green = evidence.as_ref().is_none_or(|evidence| evidence.green);
        let now = match &evidence {
            Some(evidence) => evidence.digest.clone(),
            None => evidence::of_text(step),
        };
        // An earlier version signed a word without a digest.
        let is_as_signed = |digest: &Option<String>| match digest {
            Some(digest) => *digest == now,
            None => evidence.is_none(),
        };
        let state = match &signature {
            Some((.., digest)) if is_as_signed(digest) => State::Signed,
            Some(_) => State::Changed,
            None if green => State::Ready,
            None => State::Red,
        };
        standings.push(Standing {
            step: step.clone(),
            state,
            evidence,
            signed: signature.map(|(name, at, _)| (name, at)),
        });
    }
    standings
}

/// What the evidence of a step has to be, as it is shown.
#[must_use]
pub fn wanted(step: &Step) -> Option<String> {
    step.threshold.map(|threshold| threshold.to_string())
}

/// The entry that signs a step, if its evidence is green and is what was shown last.
///
/// # Errors
/// [`CutoverError::Refused`].
pub fn signable(standing: &Standing, log: &Log, name: &str) -> Result<Event, CutoverError> {
    let step = &standing.step.step;
    let refused = |reason: String, hint: &str| CutoverError::Refused {
        step: step.clone(),
        reason,
        hint: hint.to_owned(),
    };
    if name.trim().is_empty() {
        let reason = "a signature needs a name".to_owned();
        return Err(refused(reason, "--name \"Ann Ash\""));
    }
    let Some(evidence) = &standing.evidence else {
        return Ok(Event::Signed {
            step: step.clone(),
            name: name.trim().to_owned(),
            evidence: None,
            threshold: None,
            digest: Some(evidence::of_text(&standing.step)),
        });
    };
    if !evidence.green {
        let wanted = wanted(&standing.step).unwrap_or_default();
        let reason = format!("its evidence is {}, and has to be {wanted}", evidence.told);
        return Err(refused(
            reason,
            "mend what it shows, then look at `transload cutover status`",
        ));
    }
    match log.shown(step) {
        Some((_, digest)) if digest == evidence.digest => Ok(Event::Signed {
            step: step.clone(),
            name: name.trim().to_owned(),
            evidence: Some(evidence.told.clone()),
            threshold: wanted(&standing.step),
            digest: Some(evidence.digest.clone()),
        }),
        Some((entry, _)) => {
            let at = entry.at.format("%Y-%m-%d %H:%M:%S UTC");
            let wanted = wanted(&standing.step).unwrap_or_default();
            let reason = format!(
                "it has changed since it was shown at {at}: its task, its threshold or its evidence, which is now {} and has to be {wanted}",
                evidence.told
            );
            Err(refused(
                reason,
                "look at it with `transload cutover status`, then sign",
            ))
        }
        None => Err(refused(
            "its evidence has not been shown to anybody yet".to_owned(),
            "look at it with `transload cutover status`, then sign",
        )),
    }
}
