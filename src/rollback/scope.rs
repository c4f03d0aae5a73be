//! Which runs are taken back.
//!
//! In: the journals of an org. Out: the runs, oldest first. A run is taken back together with all later ones, in one go: what a
//! later run wrote on top of it cannot stay. Without a name it is the last run, and the ones that broke off before it, which it
//! carried on.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::RollbackError;
use crate::load::{Event, RunRecord};

/// The runs to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Run ids, oldest first.
    pub runs: Vec<String>,
    /// When the first of them began.
    pub started: DateTime<Utc>,
    /// Ids of the users who loaded.
    pub users: BTreeSet<String>,
}

/// A run as far as a choice depends on it.
struct Candidate<'a> {
    record: &'a RunRecord,
    started: DateTime<Utc>,
    user: Option<&'a str>,
    undoes: &'a [String],
    /// How it ended; none if it did not.
    status: Option<&'a str>,
    /// Whether it may have sent anything.
    sent: bool,
}

impl<'a> Candidate<'a> {
    fn of(record: &'a RunRecord) -> Self {
        let mut candidate = Self {
            record,
            started: DateTime::UNIX_EPOCH,
            user: None,
            undoes: &[],
            status: None,
            sent: false,
        };
        for event in &record.events {
            match event {
                Event::RunStarted {
                    at, user, undoes, ..
                } => {
                    candidate.started = *at;
                    candidate.user = user.as_deref();
                    candidate.undoes = undoes;
                }
                Event::Intent { .. } => candidate.sent = true,
                Event::RunFinished { status, .. } => candidate.status = Some(status),
                _ => {}
            }
        }
        candidate
    }
}

/// Chooses the runs; `wanted` is one of them by its id. None if there is nothing to take back.
///
/// # Errors
/// [`RollbackError::UnknownRun`], [`RollbackError::IsRollback`].
pub fn choose(records: &[RunRecord], wanted: Option<&str>) -> Result<Option<Scope>, RollbackError> {
    let mut all: Vec<Candidate<'_>> = records.iter().map(Candidate::of).collect();
    all.sort_by_key(|candidate| candidate.started);
    let (rollbacks, mut runs): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|candidate| !candidate.undoes.is_empty());
    if let Some(wanted) = wanted {
        let named = |candidate: &Candidate<'_>| candidate.record.run == wanted;
        let run = || wanted.to_owned();
        if rollbacks.iter().any(named) {
            return Err(RollbackError::IsRollback { run: run() });
        }
        let first = runs.iter().position(named);
        let first = first.ok_or_else(|| RollbackError::UnknownRun { run: run() })?;
        runs.drain(..first);
        runs.retain(|candidate| candidate.sent);
        return Ok(scope(&runs));
    }
    let complete = |rollback: &&Candidate<'_>| matches!(rollback.status, Some("ok" | "gated"));
    let undone: BTreeSet<&str> = rollbacks
        .iter()
        .filter(complete)
        .flat_map(|rollback| rollback.undoes.iter().map(String::as_str))
        .collect();
    runs.retain(|run| run.sent && !undone.contains(run.record.run.as_str()));
    let carried_on = runs
        .iter()
        .rev()
        .skip(1)
        .take_while(|run| run.status == Some("interrupted"))
        .count();
    let first = runs.len().saturating_sub(1 + carried_on);
    Ok(scope(&runs[first..]))
}

fn scope(runs: &[Candidate<'_>]) -> Option<Scope> {
    Some(Scope {
        started: runs.first()?.started,
        runs: runs.iter().map(|run| run.record.run.clone()).collect(),
        users: runs
            .iter()
            .filter_map(|run| run.user.map(str::to_owned))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(hour: u32, undoes: &[&str], status: Option<&str>) -> RunRecord {
        let at = DateTime::UNIX_EPOCH + chrono::Duration::hours(i64::from(hour));
        let mut events = vec![
            Event::RunStarted {
                at,
                target: "sandbox".to_owned(),
                version: String::new(),
                user: Some("005A".to_owned()),
                sources: std::collections::BTreeMap::new(),
                undoes: undoes.iter().map(|&run| run.to_owned()).collect(),
            },
            Event::Intent {
                load: "account".to_owned(),
                part: "p".to_owned(),
                attempt: 1,
                object: "Account".to_owned(),
                operation: "insert".to_owned(),
                at,
            },
        ];
        events.extend(status.map(|status| Event::RunFinished {
            at,
            status: status.to_owned(),
        }));
        RunRecord {
            run: format!("r{hour}"),
            events,
        }
    }

    fn chosen(records: &[RunRecord], wanted: Option<&str>) -> Vec<String> {
        choose(records, wanted)
            .unwrap()
            .map_or_else(Vec::new, |scope| scope.runs)
    }

    #[test]
    fn the_last_run_goes_with_the_broken_ones_that_it_carried_on() {
        let records = [
            run(1, &[], Some("ok")),
            run(2, &[], Some("interrupted")),
            run(3, &[], Some("interrupted")),
            run(4, &[], Some("gated")),
        ];
        assert_eq!(chosen(&records, None), ["r2", "r3", "r4"]);
        assert_eq!(chosen(&records[..2], None), ["r2"]);
    }

    #[test]
    fn a_run_by_its_name_takes_all_later_ones_along() {
        let records = [
            run(1, &[], Some("ok")),
            run(2, &[], Some("ok")),
            run(3, &["r2"], Some("ok")),
            run(4, &[], Some("ok")),
        ];
        assert_eq!(chosen(&records, Some("r1")), ["r1", "r2", "r4"]);
        assert_eq!(chosen(&records, Some("r4")), ["r4"]);
    }

    #[test]
    fn what_was_taken_back_is_not_taken_back_again_unless_the_rollback_broke_off() {
        let mut records = vec![
            run(1, &[], Some("ok")),
            run(2, &["r1"], Some("interrupted")),
        ];
        assert_eq!(chosen(&records, None), ["r1"]);
        records.push(run(3, &["r1"], Some("gated")));
        assert!(chosen(&records, None).is_empty());
        assert_eq!(chosen(&records, Some("r1")), ["r1"]);
    }

    #[test]
    fn runs_that_cannot_be_taken_back_are_named() {
        let records = [run(1, &[], Some("ok")), run(2, &["r1"], Some("ok"))];
        let error = choose(&records, Some("r9")).unwrap_err();
        assert_eq!(error.to_string(), "there is no run r9 against this org");
        let error = choose(&records, Some("r2")).unwrap_err();
        assert!(matches!(error, RollbackError::IsRollback { .. }), "{error}");
    }
}
