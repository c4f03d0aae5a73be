//! Which runs are taken back.
//!
//! In: the journals of an org. Out: the runs, oldest first, by the journal's own order and not by what a clock said. A run is taken back together with all later ones, in one go: what a
//! later run wrote on top of it cannot stay. Without a name it is the last run, and the ones that broke off before it, which it
//! carried on.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::RollbackError;
use crate::load::{Event, Journal, LoadError, RunOutline, RunState};
use crate::rows::RunStatus;
use crate::staging::Staging;

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

/// How a run began and ended.
struct Candidate {
    outline: RunOutline,
    started: DateTime<Utc>,
    user: Option<String>,
    undoes: Vec<String>,
    /// None if it did not come to its end.
    status: Option<RunStatus>,
}

impl Candidate {
    async fn of(staging: &Staging, outline: RunOutline) -> Result<Self, LoadError> {
        let mut candidate = Self {
            started: DateTime::UNIX_EPOCH,
            user: None,
            undoes: Vec::new(),
            status: None,
            outline,
        };
        if let Event::RunStarted {
            at, user, undoes, ..
        } = candidate.outline.first(staging).await?
        {
            (candidate.started, candidate.user, candidate.undoes) = (at, user, undoes);
        }
        candidate.status = candidate.outline.ended(staging).await?;
        Ok(candidate)
    }

    fn run(&self) -> &str {
        &self.outline.run
    }

    /// Whether it may have sent anything; its whole journal is read.
    async fn sent(&self, staging: &Staging) -> Result<bool, LoadError> {
        Ok(RunState::of(&self.outline.read(staging).await?).has_sent())
    }
}

/// Chooses the runs; `wanted` is one of them by its id. None if there is nothing to take back. The runs that are chosen are
/// read whole, so that none is taken back whose journal somebody touched.
///
/// # Errors
/// [`RollbackError::UnknownRun`], [`RollbackError::IsRollback`], [`RollbackError::ReadJournal`].
pub async fn choose(
    staging: &Staging,
    wanted: Option<&str>,
) -> Result<Option<Scope>, RollbackError> {
    let mut all = Vec::new();
    for outline in Journal::outlines(staging).await? {
        all.push(Candidate::of(staging, outline).await?);
    }
    let (rollbacks, runs): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|candidate| !candidate.undoes.is_empty());
    let mut chosen = match wanted {
        Some(wanted) => from_wanted(staging, &rollbacks, runs, wanted).await?,
        None => last_with_broken(staging, &rollbacks, runs).await?,
    };
    chosen.sort_by(|left, right| left.run().cmp(right.run()));
    Ok(scope(&chosen))
}

/// A run and all later ones, as far as they sent anything.
async fn from_wanted(
    staging: &Staging,
    rollbacks: &[Candidate],
    runs: Vec<Candidate>,
    wanted: &str,
) -> Result<Vec<Candidate>, RollbackError> {
    let run = || wanted.to_owned();
    if rollbacks.iter().any(|rollback| rollback.run() == wanted) {
        return Err(RollbackError::IsRollback { run: run() });
    }
    let first = runs.iter().position(|candidate| candidate.run() == wanted);
    let first = first.ok_or_else(|| RollbackError::UnknownRun { run: run() })?;
    let mut chosen = Vec::new();
    for candidate in runs.into_iter().skip(first) {
        if candidate.sent(staging).await? {
            chosen.push(candidate);
        }
    }
    Ok(chosen)
}

/// The last run that sent anything and was not taken back, with the ones that broke off before it.
async fn last_with_broken(
    staging: &Staging,
    rollbacks: &[Candidate],
    runs: Vec<Candidate>,
) -> Result<Vec<Candidate>, RollbackError> {
    let is_complete = |rollback: &&Candidate| rollback.status.is_some_and(RunStatus::is_complete);
    let undone: BTreeSet<&str> = rollbacks
        .iter()
        .filter(is_complete)
        .flat_map(|rollback| rollback.undoes.iter().map(String::as_str))
        .collect();
    let mut chosen: Vec<Candidate> = Vec::new();
    for candidate in runs.into_iter().rev() {
        if undone.contains(candidate.run()) || !candidate.sent(staging).await? {
            continue;
        }
        if !chosen.is_empty() && candidate.status != Some(RunStatus::Interrupted) {
            break;
        }
        chosen.push(candidate);
    }
    Ok(chosen)
}

fn scope(runs: &[Candidate]) -> Option<Scope> {
    Some(Scope {
        started: runs.iter().map(|run| run.started).min()?,
        runs: runs.iter().map(|run| run.run().to_owned()).collect(),
        users: runs.iter().filter_map(|run| run.user.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::load::RunStart;

    /// A staging area in memory with the journals of runs.
    struct Journals(Staging);

    impl Journals {
        fn new() -> Self {
            Self(Staging::open("memory:///").unwrap().with_org("00D1"))
        }

        /// A run that began at this hour and sent something.
        async fn run(&self, hour: u32, undoes: &[&str], status: Option<RunStatus>) -> &Self {
            self.journal(hour, undoes, true, status).await
        }

        async fn journal(
            &self,
            hour: u32,
            undoes: &[&str],
            sends: bool,
            status: Option<RunStatus>,
        ) -> &Self {
            let at = DateTime::UNIX_EPOCH + chrono::Duration::hours(i64::from(hour));
            let started = Event::RunStarted {
                at,
                target: "sandbox".to_owned(),
                version: String::new(),
                user: Some(format!("005{hour}")),
                sources: BTreeMap::new(),
                undoes: undoes.iter().map(|&run| run.to_owned()).collect(),
                sample: None,
                rules: None,
            };
            let intent = Event::Intent {
                load: "account".to_owned(),
                part: "p".to_owned(),
                attempt: 1,
                object: "Account".to_owned(),
                operation: "insert".to_owned(),
                at,
            };
            let finished = status.map(|status| Event::RunFinished { at, status });
            let journal = Journal::open(&self.0, &format!("r{hour}"), 0);
            let events = [Some(started), sends.then_some(intent), finished];
            for event in events.into_iter().flatten() {
                journal.record(&event).await.unwrap();
            }
            self
        }

        async fn chosen(&self, wanted: Option<&str>) -> Vec<String> {
            let scope = choose(&self.0, wanted).await.unwrap();
            scope.map_or_else(Vec::new, |scope| scope.runs)
        }

        async fn refused(&self, wanted: Option<&str>) -> RollbackError {
            choose(&self.0, wanted).await.unwrap_err()
        }

        /// Puts another text at the place of an entry, or nothing.
        async fn damage(&self, run: &str, name: &str, text: Option<&'static str>) {
            let path = self.0.org_path(&["journal", run, name]);
            match text {
                Some(text) => self.0.write_document(&path, text.into()).await.unwrap(),
                None => self.0.delete(&path).await.unwrap(),
            }
        }
    }

    const OK: Option<RunStatus> = Some(RunStatus::Ok);
    const GATED: Option<RunStatus> = Some(RunStatus::Gated);
    const BROKEN: Option<RunStatus> = Some(RunStatus::Interrupted);

    #[tokio::test]
    async fn without_a_run_there_is_nothing_to_take_back() {
        assert!(Journals::new().chosen(None).await.is_empty());
    }

    #[tokio::test]
    async fn the_last_run_goes_with_the_broken_ones_that_it_carried_on() {
        let journals = Journals::new();
        journals.run(1, &[], OK).await.run(2, &[], BROKEN).await;
        assert_eq!(journals.chosen(None).await, ["r2"]);
        journals.run(3, &[], BROKEN).await.run(4, &[], GATED).await;
        assert_eq!(journals.chosen(None).await, ["r2", "r3", "r4"]);
    }

    #[tokio::test]
    async fn a_run_that_failed_or_was_held_is_not_carried_on() {
        for status in [RunStatus::Failed, RunStatus::Held, RunStatus::Gated] {
            let journals = Journals::new();
            journals.run(1, &[], Some(status)).await;
            journals.run(2, &[], OK).await;
            assert_eq!(journals.chosen(None).await, ["r2"], "{status:?}");
        }
    }

    #[tokio::test]
    async fn a_run_that_sent_nothing_is_not_taken_back_and_breaks_no_chain() {
        let journals = Journals::new();
        journals.run(1, &[], BROKEN).await;
        journals.journal(2, &[], false, OK).await;
        journals.run(3, &[], OK).await;
        journals.journal(4, &[], false, OK).await;
        assert_eq!(journals.chosen(None).await, ["r1", "r3"]);
        assert_eq!(journals.chosen(Some("r2")).await, ["r3"]);
    }

    #[tokio::test]
    async fn a_run_by_its_name_takes_all_later_ones_along() {
        let journals = Journals::new();
        journals.run(1, &[], OK).await.run(2, &[], OK).await;
        journals.run(3, &["r2"], OK).await.run(4, &[], OK).await;
        assert_eq!(journals.chosen(Some("r1")).await, ["r1", "r2", "r4"]);
        assert_eq!(journals.chosen(Some("r4")).await, ["r4"]);
    }

    #[tokio::test]
    async fn what_was_taken_back_is_not_taken_back_again_unless_the_rollback_broke_off() {
        let journals = Journals::new();
        journals.run(1, &[], OK).await;
        journals.run(2, &["r1"], BROKEN).await;
        assert_eq!(journals.chosen(None).await, ["r1"]);
        journals.run(3, &["r1"], GATED).await;
        assert!(journals.chosen(None).await.is_empty());
        assert_eq!(journals.chosen(Some("r1")).await, ["r1"]);
    }

    #[tokio::test]
    async fn a_rollback_of_one_object_leaves_the_rest_to_be_taken_back() {
        let journals = Journals::new();
        journals.run(1, &[], OK).await;
        journals.run(2, &["r1"], Some(RunStatus::Partial)).await;
        assert_eq!(journals.chosen(None).await, ["r1"]);
    }

    #[tokio::test]
    async fn the_scope_begins_with_its_first_run_and_has_everybody_who_loaded() {
        let journals = Journals::new();
        journals.run(1, &[], OK).await.run(2, &[], OK).await;
        let scope = choose(&journals.0, Some("r1")).await.unwrap().unwrap();
        assert_eq!(
            scope.started,
            DateTime::UNIX_EPOCH + chrono::Duration::hours(1)
        );
        let users: Vec<&str> = scope.users.iter().map(String::as_str).collect();
        assert_eq!(users, ["0051", "0052"]);
    }

    #[tokio::test]
    async fn the_last_run_is_the_last_one_whatever_the_clock_said() {
        let journals = Journals::new();
        let mut runs = Vec::new();
        for hour in [10, 9, 9] {
            let at = DateTime::UNIX_EPOCH + chrono::Duration::hours(hour);
            let start = RunStart {
                at: Some(at),
                ..RunStart::default()
            };
            let journal = Journal::start(&journals.0, start).await.unwrap();
            runs.push(journal.run().to_owned());
            let [load, part] = ["account".to_owned(), "p".to_owned()];
            let (object, operation) = (String::new(), String::new());
            let sent = Event::Intent {
                load,
                part,
                attempt: 1,
                object,
                operation,
                at,
            };
            let status = RunStatus::Ok;
            for event in [sent, Event::RunFinished { at, status }] {
                journal.record(&event).await.unwrap();
            }
        }
        assert_eq!(journals.chosen(None).await, runs[2..]);
        assert_eq!(journals.chosen(Some(&runs[1])).await, runs[1..]);
        let scope = choose(&journals.0, Some(&runs[0])).await.unwrap().unwrap();
        let hours = scope.started - DateTime::UNIX_EPOCH;
        assert_eq!(hours.num_hours(), 9, "what any of them made is asked for");
    }

    #[tokio::test]
    async fn runs_that_cannot_be_taken_back_are_named() {
        let journals = Journals::new();
        journals.run(1, &[], OK).await.run(2, &["r1"], OK).await;
        let error = journals.refused(Some("r9")).await;
        assert_eq!(error.to_string(), "there is no run r9 against this org");
        let error = journals.refused(Some("r2")).await;
        assert!(matches!(error, RollbackError::IsRollback { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_finished_run_whose_journal_was_touched_is_not_taken_back() {
        let journals = Journals::new();
        journals.run(1, &[], OK).await.run(2, &[], OK).await;
        journals.run(3, &[], OK).await;
        journals.damage("r1", "00000001.json", Some("{}")).await;
        assert_eq!(journals.chosen(None).await, ["r3"], "it is not read for r3");
        let error = journals.refused(Some("r1")).await;
        assert!(error.to_string().contains("r1/00000001.json"), "{error}");
        assert!(error.hint().unwrap().contains("backup"));
        journals.damage("r1", "00000001.json", None).await;
        let error = journals.refused(None).await;
        assert!(error.to_string().contains("has no entry"), "{error}");
    }
}
