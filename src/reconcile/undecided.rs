//! Rows that are held until a person decides something, and where that is decided.
//!
//! In: the fates of the loads of a run, and the declared reasons (`held_reasons.csv`). Out: one line per reason that waits for a
//! decision. Never: a reason that is a fact of the source or the org, or a policy that an option states: those wait for no
//! word of anybody.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{PhaseReport, ReconcileError, counts};
use crate::engine::Session;
use crate::rows::{BETWEEN_REASONS, for_load};

/// Why rows are held: reason, `decision` or `fact`, where it is decided. A reason that is not here, such as one of a project's
/// own query, is a fact.
const HELD_REASONS: &str = include_str!("held_reasons.csv");

/// Rows of one load by the reason why they are held.
const REASONS: &str = include_str!("../../queries/internal/held_reasons.sql");

/// The reason of fields that wait, though their rows are not held.
const BOTH_SIDES: &str = "changed_on_both_sides";

/// The reason of records that stay though their rows are gone, and where it is decided. What a run notes of them says more.
pub const TOO_MANY_GONE: &str = "gone_beyond_max_delete_share";

/// Where it is said that so many are meant.
const GATES: &str = "max_delete_share under [gates] in migration.toml";

/// A reason to hold rows, as declared.
#[derive(Debug, Deserialize)]
struct HeldReason {
    reason: String,
    waits_for: WaitsFor,
    decide_in: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum WaitsFor {
    Decision,
    Fact,
}

/// Rows that wait for one kind of decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecided {
    /// Why they are held.
    pub reason: String,
    /// How many rows, or fields, over all loads.
    pub rows: u64,
    /// Where it is decided.
    pub decide_in: String,
}

impl Undecided {
    /// What to do, in a line.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.reason == BOTH_SIDES {
            return format!(
                "{} field(s) were changed in the source and in the org and stay as they are there until {} says whose value counts; see \
                 `transload query \"select * from recon.conflicts where state = 'ask'\"`",
                self.rows, self.decide_in
            );
        }
        if self.reason == TOO_MANY_GONE {
            return format!(
                "{} record(s) are no longer in the source and stay as they are until {} says that so many are meant; see \
                 `transload query \"select * from recon.gone\"`",
                self.rows, self.decide_in
            );
        }
        format!(
            "{} row(s) are held for a decision: {}, decided in {}; see `transload query \"select load, key, parent from recon.held where reason like '%{}%'\"`",
            self.rows, self.reason, self.decide_in, self.reason
        )
    }
}

fn declared() -> impl Iterator<Item = HeldReason> {
    let reader = csv::Reader::from_reader(HELD_REASONS.as_bytes());
    reader.into_deserialize().filter_map(Result::ok)
}

/// What held rows are held for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Rows by reason; a row that is held for several reasons counts for each of them.
    pub reasons: BTreeMap<String, u64>,
    /// Rows that wait for a decision, each once.
    pub waiting: u64,
}

/// Why these loads hold rows.
///
/// # Errors
/// [`ReconcileError::Engine`].
pub async fn held_reasons(
    session: &Session,
    loads: &[PhaseReport],
) -> Result<Held, ReconcileError> {
    let declared = declared().filter(|declared| declared.waits_for == WaitsFor::Decision);
    let decided: BTreeSet<String> = declared.map(|declared| declared.reason).collect();
    let mut held = Held::default();
    for report in loads.iter().filter(|report| report.held > 0) {
        let sql = for_load(REASONS, &report.load);
        for (reasons, rows) in counts(session, &report.load, &sql).await? {
            let reasons: BTreeSet<&str> = reasons.split(BETWEEN_REASONS).collect();
            if reasons.iter().any(|reason| decided.contains(*reason)) {
                held.waiting += rows;
            }
            for reason in reasons {
                *held.reasons.entry(reason.to_owned()).or_default() += rows;
            }
        }
    }
    Ok(held)
}

/// What held rows wait for, as far as somebody has to decide it.
#[must_use]
pub fn undecided(held: &Held, loads: &[PhaseReport]) -> Vec<Undecided> {
    let conflicts: u64 = loads.iter().map(|report| report.conflicts).sum();
    let both_sides = (conflicts > 0).then(|| Undecided {
        reason: BOTH_SIDES.to_owned(),
        rows: conflicts,
        decide_in: "config/decisions.csv".to_owned(),
    });
    let gone: u64 = loads.iter().map(|report| report.gone_waiting).sum();
    let too_many_gone = (gone > 0).then(|| Undecided {
        reason: TOO_MANY_GONE.to_owned(),
        rows: gone,
        decide_in: GATES.to_owned(),
    });
    declared()
        .filter(|declared| declared.waits_for == WaitsFor::Decision)
        .filter_map(|declared| {
            Some(Undecided {
                rows: *held.reasons.get(&declared.reason)?,
                decide_in: declared.decide_in.unwrap_or_default(),
                reason: declared.reason,
            })
        })
        .chain(both_sides)
        .chain(too_many_gone)
        .collect()
}

#[cfg(test)]
mod tests {
    use include_dir::{Dir, File, include_dir};

    use super::*;

    static QUERIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");

    fn files<'a>(folder: &'a Dir<'a>) -> Vec<&'a File<'a>> {
        let below = folder.dirs().flat_map(files);
        folder.files().chain(below).collect()
    }

    #[test]
    fn every_reason_of_the_queries_is_declared_as_a_decision_or_a_fact() {
        let declared: BTreeSet<String> = declared().map(|declared| declared.reason).collect();
        assert_eq!(declared.len(), HELD_REASONS.lines().count() - 1);
        let mut unknown = Vec::new();
        for file in files(&QUERIES) {
            let path = file.path().display();
            let words: Vec<&str> = file.contents_utf8().unwrap().split('\'').collect();
            let mut held = false;
            let mut joined = false;
            for at in 1..words.len() {
                // `'reason', concat_ws('; ', …)` up to `'parent'`
                if held && words[at] == "reason" && words[at + 1].trim() == ", concat_ws(" {
                    joined = true;
                    continue;
                }
                if joined {
                    joined = words[at] != "parent";
                    let is_part = words[at - 1].ends_with('[') || words[at].trim() == ";";
                    if joined && at % 2 == 1 && !is_part && !declared.contains(words[at]) {
                        unknown.push(format!("{path}: {}", words[at]));
                    }
                    held = joined;
                    continue;
                }
                match (words[at - 1].trim_start(), words[at]) {
                    (_, "held") => held = true,
                    (_, "out_of_scope" | "passive" | "ignored") => held = false,
                    _ => {}
                }
                // `'reason', 'x'`
                if held && at >= 3 && words[at - 2] == "reason" && words[at - 1].trim() == "," {
                    held = false;
                    if !declared.contains(words[at]) {
                        unknown.push(format!("{path}: {}", words[at]));
                    }
                }
            }
        }
        assert_eq!(unknown, Vec::<String>::new());
    }

    #[test]
    fn records_that_more_than_may_go_wait_for_a_word_like_fields_that_both_sides_changed() {
        let load = |conflicts, gone_waiting| PhaseReport {
            conflicts,
            gone_waiting,
            ..PhaseReport::default()
        };
        assert_eq!(undecided(&Held::default(), &[load(0, 0)]), []);
        let waiting = undecided(&Held::default(), &[load(1, 2), load(0, 3)]);
        let told: Vec<(&str, u64)> = waiting
            .iter()
            .map(|waiting| (waiting.reason.as_str(), waiting.rows))
            .collect();
        assert_eq!(told, [(BOTH_SIDES, 1), (TOO_MANY_GONE, 5)]);
        assert!(waiting[1].sentence().contains("max_delete_share"));
    }

    #[test]
    fn whatever_waits_for_a_decision_says_where_that_is_made() {
        for declared in declared() {
            let decision = declared.waits_for == WaitsFor::Decision;
            assert_eq!(decision, declared.decide_in.is_some(), "{declared:?}");
        }
    }
}
