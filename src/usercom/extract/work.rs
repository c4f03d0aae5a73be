//! One object on its way: its files, its ids, and the state that counts them.
//!
//! In: rows of pages. Out: files, and a checkpoint after which a crash loses nothing of them. Never: a row twice, unless
//! it came again while the list moved: then both versions are kept, and staging takes the newer.

use chrono::{DateTime, Utc};

use super::ExtractError;
use super::ids::{self, IdLog, IdSet};
use super::manifest::{Entry, Mode};
use super::objects::Object;
use super::part::PartWriter;
use super::run::Run;
use super::state::{self, ObjectState, Step};
use crate::usercom::api::row_id;
use crate::usercom::{cell, json_text};

/// See the module's documentation.
pub(super) struct Work<'r> {
    pub(super) run: &'r Run<'r>,
    pub(super) object: Object,
    pub(super) state: ObjectState,
    pub(super) writer: PartWriter,
    pub(super) ids: IdSet,
    log: IdLog,
    pub(super) pass: IdSet,
    pass_log: IdLog,
    changed_log: IdLog,
    /// Records changed since then are noted: their children are read again.
    changed_since: Option<DateTime<Utc>>,
}

impl<'r> Work<'r> {
    /// Begins, or goes on where the state says.
    pub(super) fn open(run: &'r Run<'r>, object: Object) -> Result<Self, ExtractError> {
        let note = |ending: &str| run.places.note(&format!("{}.{ending}", object.name));
        let state: ObjectState = state::load(&note("json"))?.unwrap_or_default();
        let (log, ids) = IdLog::open(note("ids"), state.ids)?;
        let (pass_log, pass) = IdLog::open(note("pass"), state.pass_ids)?;
        let (changed_log, _) = IdLog::open(note("changed"), state.changed)?;
        let stem = format!("{}-{}", object.name, run.places.run);
        let writer = PartWriter::resume(&run.places.data(), stem, state.parts.clone())?;
        Ok(Self {
            changed_since: run.changed_since(object.name),
            run,
            object,
            state,
            writer,
            ids,
            log,
            pass,
            pass_log,
            changed_log,
        })
    }

    /// Forgets what was read and begins in another mode.
    pub(super) fn begin_again(&mut self, mode: Mode) -> Result<(), ExtractError> {
        self.state = ObjectState {
            mode,
            ..ObjectState::default()
        };
        self.save()?;
        self.writer.clear()?;
        *self = Self::open(self.run, self.object)?;
        Ok(())
    }

    /// Begins another pass over the list.
    pub(super) fn next_pass(&mut self) -> Result<(), ExtractError> {
        self.state.pass += 1;
        self.state.pages = 0;
        self.state.news = false;
        self.state.step = Step::Begin;
        self.state.pass_ids = 0;
        self.checkpoint()?;
        let path = self.run.places.note(&format!("{}.pass", self.object.name));
        (self.pass_log, self.pass) = IdLog::open(path, 0)?;
        Ok(())
    }

    /// Writes the rows of a page. In passes after the first only rows that are new.
    pub(super) fn add(&mut self, rows: &[&str]) -> Result<(), ExtractError> {
        let is_first_pass = self.state.pass <= 1;
        let (mut fresh, mut seen, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        let mut written = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(id) = row_id(row) else {
                // Staging refuses it and shows it.
                if is_first_pass {
                    self.state.nameless += 1;
                    written.push(*row);
                }
                continue;
            };
            let is_new = self.ids.insert(id);
            if is_new {
                fresh.push(id);
            } else if is_first_pass {
                self.state.moved = true;
            }
            if !is_first_pass && self.pass.insert(id) {
                seen.push(id);
            }
            if is_new || is_first_pass {
                written.push(*row);
                if self.is_changed(row) {
                    changed.push(id);
                }
            }
        }
        self.state.news |= !fresh.is_empty();
        if !self.state.is_v1 {
            self.state.is_v1 = rows.first().is_some_and(|row| is_v1(row));
        }
        self.writer.append(written.into_iter())?;
        self.log.append(&fresh)?;
        self.pass_log.append(&seen)?;
        self.changed_log.append(&changed)
    }

    /// Writes rows that are ready, with their ids.
    pub(super) fn add_ready(&mut self, rows: &[String], ids: &[i64]) -> Result<(), ExtractError> {
        self.writer.append(rows.iter().map(String::as_str))?;
        self.log.append(ids)
    }

    /// Whether the children of a record must be read again. One that does not say when it changed may have.
    fn is_changed(&self, row: &str) -> bool {
        let Some(since) = self.changed_since else {
            return false;
        };
        updated_at(row).is_none_or(|at| at >= since)
    }

    /// From here on a crash loses nothing of what was added.
    pub(super) fn checkpoint(&mut self) -> Result<(), ExtractError> {
        self.state.parts = self.writer.parts.clone();
        self.state.ids = self.log.len;
        self.state.pass_ids = self.pass_log.len;
        self.state.changed = self.changed_log.len;
        self.save()
    }

    fn save(&self) -> Result<(), ExtractError> {
        let path = self.run.places.note(&format!("{}.json", self.object.name));
        state::save(&path, &self.state)
    }

    /// The account does not offer it.
    pub(super) fn set_missing(&mut self, reason: &str) -> Result<(), ExtractError> {
        self.state.step = Step::Missing(super::manifest::Skipped {
            object: self.object.name.to_owned(),
            reason: reason.to_owned(),
        });
        self.writer.clear()?;
        self.save()
    }

    /// Closes the set: completes files, takes deleted rows out, keeps the ids for children and for the next extract.
    pub(super) fn finish(mut self) -> Result<(), ExtractError> {
        self.writer.close()?;
        self.state.deleted.sort_unstable();
        self.state.deleted.dedup();
        let gone: IdSet = self.state.deleted.iter().copied().collect();
        if gone.len() > 0 {
            self.writer
                .retain(|row| row_id(row).is_none_or(|id| !gone.contains(id)))?;
        }
        let path = self.run.places.note(&format!("{}.all", self.object.name));
        let mut ids = std::mem::take(&mut self.ids);
        ids.remove(&gone);
        write_all(&path, &ids.into_sorted())?;
        self.state.step = Step::Finished;
        self.checkpoint()
    }
}

/// Replaces a log of ids as a whole.
pub(super) fn write_all(path: &std::path::Path, sorted: &[i64]) -> Result<(), ExtractError> {
    let fresh = path.with_extension("fresh");
    let (mut log, _) = IdLog::open(fresh.clone(), 0)?;
    log.append(sorted)?;
    std::fs::rename(&fresh, path).map_err(ExtractError::file("write", path))
}

/// The entry of a finished object.
pub(super) fn entry(run: &Run<'_>, object: &Object) -> Result<Option<Entry>, ExtractError> {
    let note = |ending: &str| run.places.note(&format!("{}.{ending}", object.name));
    let Some(state) = state::load::<ObjectState>(&note("json"))? else {
        return Ok(None);
    };
    if state.step != Step::Finished {
        return Ok(None);
    }
    let sorted = ids::read_all(&note("all"))?.into_sorted();
    let before = run.base_ids(object.name)?;
    let mut deleted = state.deleted;
    if let Some(before) = before {
        let now: IdSet = sorted.iter().copied().collect();
        deleted.extend(before.without(&now));
        deleted.sort_unstable();
        deleted.dedup();
    }
    let rows = sorted.len() as u64 + state.nameless;
    let missing = match object.parent() {
        Some(_) => state.short,
        None => state.count.map_or(0, |count| count.saturating_sub(rows)),
    };
    let mut files = state.parts.files;
    if state.mode == Mode::Changes && object.parent().is_none() {
        let before = run.base_entry(object.name);
        files.extend(before.iter().flat_map(|entry| entry.files.iter().cloned()));
        files.sort_by(|left, right| left.name.cmp(&right.name));
    }
    Ok(Some(Entry {
        mode: match state.is_export {
            true => Mode::Export,
            false => state.mode,
        },
        files,
        rows,
        count: state.count,
        missing,
        watermark: Some(run.state.started_at),
        ids_digest: ids::digest(&sorted),
        deleted,
        api_version: if state.is_v1 { 1 } else { 2 },
    }))
}

/// When a record says that it changed last.
pub(super) fn updated_at(row: &str) -> Option<DateTime<Utc>> {
    let text = json_text::get(row, "updated_at").and_then(json_text::cell)?;
    let micros = cell::timestamp(&text, chrono_tz::UTC).ok()?;
    DateTime::from_timestamp_micros(micros)
}

/// Whether a record has the shape of API v1, which lists custom attributes.
fn is_v1(row: &str) -> bool {
    json_text::get(row, "attributes").is_some_and(|list| list.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_change_is_read_in_any_spelling() {
        let at = |text: &str| updated_at(text).map(|at| at.to_rfc3339());
        for row in [
            r#"{"updated_at":"2026-01-02T03:04:05.000000Z"}"#,
            r#"{"updated_at":"2026-01-02 04:04:05+01:00"}"#,
        ] {
            assert_eq!(at(row).as_deref(), Some("2026-01-02T03:04:05+00:00"));
        }
        assert_eq!(at(r#"{"updated_at":null}"#), None);
        assert_eq!(at("{}"), None);
    }

    #[test]
    fn a_list_of_attributes_is_the_mark_of_version_1() {
        assert!(is_v1(r#"{"id":1,"attributes":[]}"#));
        assert!(!is_v1(r#"{"id":1,"attributes":"a"}"#));
        assert!(!is_v1(r#"{"id":1}"#));
    }
}
