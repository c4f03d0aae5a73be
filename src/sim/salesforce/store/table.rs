//! The rows of one object.
//!
//! In: rows by position, through a [`Transaction`]. Out: rows by position or key. Readers and one writer exclude each
//! other for the time of a chunk at most; no code holds the locks of two tables at once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::super::lock::{read, write};
use super::index::{Index, Matches, key_equal};
use super::log::{Entry, Log, Mark, replay};
use super::row::{Row, RowBuilder};

/// Compaction starts above this many bytes of outdated rows.
const WORTH_COMPACTING: u64 = 1 << 20;

/// Rows whose latest stamp is kept.
const BLOCK: u32 = 1024;

/// All rows of one object.
pub(crate) struct Table {
    path: PathBuf,
    rows: RwLock<TableRows>,
}

/// The rows under a table's lock.
pub(crate) struct TableRows {
    rows: Vec<Option<Row>>,
    indexes: Vec<Index>,
    /// When a row of each block of [`BLOCK`] was changed last, or later.
    changed: Vec<i64>,
    live: u64,
    log: Log,
}

impl Table {
    /// Opens the table whose log is at `path`, replaying it. `fields` are the names of the object's fields by number;
    /// `keys` the fields to index from the start, with whether case counts; `resumed` gets the marks of job chunks.
    pub(crate) fn open(
        path: &Path,
        fields: &[String],
        keys: &[(u16, bool)],
        mut resumed: impl FnMut(Mark),
    ) -> io::Result<Self> {
        let mut rows: Vec<Option<Row>> = Vec::new();
        let mut renumber: Option<Vec<Option<u16>>> = None;
        let (mut bytes_live, mut bytes_dead) = (0u64, 0u64);
        let mut known: Vec<String> = Vec::new();
        let good = replay(path, |entry| match entry {
            Entry::Fields(names) => {
                let same =
                    names.iter().zip(fields).all(|(a, b)| a == b) && names.len() <= fields.len();
                renumber =
                    (!same).then(|| names.iter().map(|name| position(fields, name)).collect());
                known = names;
            }
            Entry::Mark(mark) => resumed(mark),
            Entry::Put(at, bytes) => {
                if let Some(row) = Row::from_bytes(bytes) {
                    let row = match &renumber {
                        Some(numbers) => renumbered(&row, numbers),
                        None => row,
                    };
                    let slot = slot(&mut rows, at);
                    bytes_dead += slot.as_ref().map_or(0, |old| old.bytes().len() as u64);
                    bytes_live += bytes.len() as u64;
                    *slot = Some(row);
                }
            }
            Entry::Purge(at) => {
                let slot = slot(&mut rows, at);
                bytes_dead += slot.take().map_or(0, |old| old.bytes().len() as u64);
            }
        })?;
        bytes_live = bytes_live.saturating_sub(bytes_dead);
        let rewrite =
            (bytes_dead > bytes_live && bytes_dead > WORTH_COMPACTING) || renumber.is_some();
        let mut log = if rewrite {
            rewritten(path, &rows, fields)?
        } else {
            Log::append(path, good)?
        };
        if !rewrite && known != fields {
            log.fields(fields)?;
        }
        let live = rows.iter().flatten().filter(|row| !row.deleted()).count() as u64;
        let mut rows = TableRows {
            rows,
            indexes: Vec::new(),
            changed: Vec::new(),
            live,
            log,
        };
        for position in 0..rows.len() {
            rows.note_change(position);
        }
        for &(field, case_sensitive) in keys {
            rows.build(field, case_sensitive);
        }
        Ok(Self {
            path: path.to_owned(),
            rows: RwLock::new(rows),
        })
    }

    /// Tells the log and the indexes about fields that were added.
    pub(crate) fn extend(&self, fields: &[String], keys: &[(u16, bool)]) -> io::Result<()> {
        let mut rows = write(&self.rows);
        rows.log.fields(fields)?;
        for &(field, case_sensitive) in keys {
            rows.build(field, case_sensitive);
        }
        Ok(())
    }

    /// Takes the values of fields out of all rows.
    pub(crate) fn clear(&self, fields: &[u16]) -> io::Result<()> {
        let mut rows = write(&self.rows);
        let mut builder = RowBuilder::default();
        for position in 0..rows.len() {
            let row = rows.get(position).cloned();
            let held = |row: &Row| fields.iter().any(|field| row.raw(*field).is_some());
            if let Some(row) = row.filter(held) {
                builder.start(row.head());
                for (field, value) in row.fields().filter(|(at, _)| !fields.contains(at)) {
                    builder.push(field, value);
                }
                rows.set(position, Some(builder.finish()));
            }
            if position % 1024 == 1023 {
                rows.log.commit(None)?;
            }
        }
        rows.log.commit(None)
    }

    /// Locks the rows for reading.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, TableRows> {
        read(&self.rows)
    }

    /// Locks the rows for a batch of changes.
    pub(crate) fn begin(&self) -> Transaction<'_> {
        Transaction {
            rows: write(&self.rows),
        }
    }

    /// Rows that have `value` in `field`; builds the index on first use.
    pub(crate) fn find(&self, field: u16, case_sensitive: bool, value: &str) -> Matches {
        if let Some(found) = self.read().find(field, value) {
            return found;
        }
        let mut rows = write(&self.rows);
        rows.build(field, case_sensitive);
        rows.find(field, value).unwrap_or(Matches::None)
    }

    /// Where the log is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl TableRows {
    /// The row at a position, deleted ones included, purged ones not.
    pub(crate) fn get(&self, position: u32) -> Option<&Row> {
        self.rows.get(usize::try_from(position).ok()?)?.as_ref()
    }

    /// One more than the highest position.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// Rows that are not deleted.
    pub(crate) fn live(&self) -> u64 {
        self.live
    }

    /// Live rows that have `value` in `field`; none if the field has no index.
    pub(crate) fn find(&self, field: u16, value: &str) -> Option<Matches> {
        let index = self.indexes.iter().find(|index| index.field == field)?;
        let mut found = Matches::None;
        for position in index.candidates(value.as_bytes()) {
            let stored = self.get(position).and_then(|row| row.raw(field));
            if stored
                .is_some_and(|stored| key_equal(stored, value.as_bytes(), index.case_sensitive))
            {
                found = match found {
                    Matches::None => Matches::One(position),
                    Matches::One(first) => Matches::Many(vec![first, position]),
                    Matches::Many(mut all) => {
                        all.push(position);
                        Matches::Many(all)
                    }
                };
            }
        }
        Some(found)
    }

    /// The first position from `start` on whose block has a row that was changed since then.
    pub(crate) fn changed_from(&self, start: u32, since: i64) -> u32 {
        let block = |position: u32| usize::try_from(position / BLOCK).unwrap_or(usize::MAX);
        let mut blocks = (0u32..).zip(&self.changed).skip(block(start));
        let found = blocks.find(|(_, changed)| **changed >= since);
        found.map_or(self.len(), |(block, _)| start.max(block * BLOCK))
    }

    fn note_change(&mut self, position: u32) {
        let Some(row) = self.get(position) else {
            return;
        };
        let changed = row.head().modified;
        let block = usize::try_from(position / BLOCK).unwrap_or(usize::MAX);
        if self.changed.len() <= block {
            self.changed.resize(block + 1, i64::MIN);
        }
        self.changed[block] = self.changed[block].max(changed);
    }

    fn build(&mut self, field: u16, case_sensitive: bool) {
        if self.indexes.iter().any(|index| index.field == field) {
            return;
        }
        let mut index = Index::new(field, case_sensitive);
        for (position, row) in (0u32..).zip(&self.rows) {
            if let Some(value) = row
                .as_ref()
                .filter(|row| !row.deleted())
                .and_then(|row| row.raw(field))
            {
                index.insert(value, position);
            }
        }
        self.indexes.push(index);
    }

    fn set(&mut self, position: u32, row: Option<Row>) {
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        let old = self.rows.get(at).and_then(Clone::clone);
        let before = old.as_ref().filter(|row| !row.deleted());
        let after = row.as_ref().filter(|row| !row.deleted());
        for index in &mut self.indexes {
            let (old, new) = (
                before.and_then(|r| r.raw(index.field)),
                after.and_then(|r| r.raw(index.field)),
            );
            if old != new {
                if let Some(old) = old {
                    index.remove(old, position);
                }
                if let Some(new) = new {
                    index.insert(new, position);
                }
            }
        }
        self.live = self.live + u64::from(after.is_some()) - u64::from(before.is_some());
        match &row {
            Some(row) => self.log.put(position, row.bytes()),
            None => self.log.purge(position),
        }
        *slot(&mut self.rows, position) = row;
        self.note_change(position);
    }
}

/// A batch of changes under the table's write lock; [`Transaction::commit`] makes it last.
pub(crate) struct Transaction<'a> {
    rows: RwLockWriteGuard<'a, TableRows>,
}

impl Transaction<'_> {
    /// The rows as they are now.
    pub(crate) fn rows(&self) -> &TableRows {
        &self.rows
    }

    /// Makes sure that `field` can be looked up.
    pub(crate) fn index(&mut self, field: u16, case_sensitive: bool) {
        self.rows.build(field, case_sensitive);
    }

    /// Adds a row and returns its position.
    pub(crate) fn insert(&mut self, row: Row) -> u32 {
        let position = self.rows.len();
        self.rows.set(position, Some(row));
        position
    }

    /// Puts a row in the place of the one at `position`, or takes it away for good.
    pub(crate) fn set(&mut self, position: u32, row: Option<Row>) {
        self.rows.set(position, row);
    }

    /// Writes the batch to the log and lets go of the lock.
    pub(crate) fn commit(mut self, mark: Option<&Mark>) -> io::Result<()> {
        self.rows.log.commit(mark)
    }
}

fn slot(rows: &mut Vec<Option<Row>>, position: u32) -> &mut Option<Row> {
    let at = usize::try_from(position).unwrap_or(usize::MAX);
    if rows.len() <= at {
        rows.resize(at + 1, None);
    }
    &mut rows[at]
}

fn position(fields: &[String], name: &str) -> Option<u16> {
    fields
        .iter()
        .position(|field| field == name)
        .and_then(|at| u16::try_from(at).ok())
}

fn renumbered(row: &Row, numbers: &[Option<u16>]) -> Row {
    let number = |old: u16| numbers.get(usize::from(old)).copied().flatten();
    let mut values: Vec<_> = row
        .fields()
        .filter_map(|(old, value)| Some((number(old)?, value)))
        .collect();
    values.sort_unstable_by_key(|(field, _)| *field);
    let mut builder = RowBuilder::default();
    builder.start(row.head());
    for (field, value) in values {
        builder.push(field, value);
    }
    builder.finish()
}

/// Writes a log that holds the present rows only, beside the old one, then takes its place.
fn rewritten(path: &Path, rows: &[Option<Row>], fields: &[String]) -> io::Result<Log> {
    let fresh = path.with_extension("compact");
    let mut log = Log::append(&fresh, 0)?;
    log.fields(fields)?;
    for (position, row) in (0u32..).zip(rows) {
        match row {
            Some(row) => log.put(position, row.bytes()),
            None => log.purge(position),
        }
        if position % 1024 == 1023 {
            log.commit(None)?;
        }
    }
    log.commit(None)?;
    std::fs::rename(&fresh, path)?;
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::super::row::Head;
    use super::*;

    const HEAD: Head = Head {
        deleted: false,
        followed: false,
        created: 0,
        modified: 0,
        created_by: 0,
        modified_by: 0,
    };

    fn row(head: Head, values: &[(u16, &str)]) -> Row {
        let mut builder = RowBuilder::default();
        builder.start(head);
        for (field, value) in values {
            builder.push(*field, value.as_bytes());
        }
        builder.finish()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn rows_and_keys_are_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Lead.log");
        let fields = names(&["Id", "Key", "Name"]);
        let table = Table::open(&path, &fields, &[(1, true)], |_| ()).unwrap();
        let mut change = table.begin();
        for key in ["a", "b", "c"] {
            change.insert(row(HEAD, &[(1, key), (2, "n")]));
        }
        change.set(
            1,
            Some(row(
                Head {
                    deleted: true,
                    ..HEAD
                },
                &[(1, "b")],
            )),
        );
        let mark = Mark {
            job: 7,
            chunk: 0,
            results: vec![1, 2],
        };
        change.commit(Some(&mark)).unwrap();
        drop(table);

        let mut marks = Vec::new();
        let table = Table::open(&path, &fields, &[(1, true)], |mark| marks.push(mark)).unwrap();
        assert_eq!(marks, [mark]);
        assert_eq!(table.read().live(), 2);
        assert_eq!(table.find(1, true, "c"), Matches::One(2));
        assert_eq!(table.find(1, true, "b"), Matches::None);
    }

    #[test]
    fn blocks_without_a_change_since_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Lead.log");
        let fields = names(&["Id", "Key"]);
        let at = |modified| row(Head { modified, ..HEAD }, &[(1, "a")]);
        let table = Table::open(&path, &fields, &[], |_| ()).unwrap();
        let mut change = table.begin();
        for _ in 0..3 * BLOCK + 5 {
            change.insert(at(10));
        }
        change.set(BLOCK + 7, Some(at(20)));
        change.set(3 * BLOCK, Some(at(30)));
        change.commit(None).unwrap();
        let found = |table: &Table| {
            let rows = table.read();
            let asked = [(0, 11), (BLOCK + 9, 11), (2 * BLOCK, 20), (7, 10), (0, 31)];
            asked.map(|(start, since)| rows.changed_from(start, since))
        };
        let expected = [BLOCK, BLOCK + 9, 3 * BLOCK, 7, 3 * BLOCK + 5];
        assert_eq!(found(&table), expected);
        drop(table);
        let table = Table::open(&path, &fields, &[], |_| ()).unwrap();
        assert_eq!(found(&table), expected);
    }

    #[test]
    fn torn_batch_is_dropped_and_the_log_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Lead.log");
        let fields = names(&["Id", "Key"]);
        for key in ["a", "b"] {
            let table = Table::open(&path, &fields, &[], |_| ()).unwrap();
            let mut change = table.begin();
            change.insert(row(HEAD, &[(1, key)]));
            change.commit(None).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        let table = Table::open(&path, &fields, &[], |_| ()).unwrap();
        assert_eq!(table.read().live(), 1);
        let mut change = table.begin();
        change.insert(row(HEAD, &[(1, "c")]));
        change.commit(None).unwrap();
        drop(table);
        let table = Table::open(&path, &fields, &[], |_| ()).unwrap();
        assert_eq!(table.find(1, true, "c"), Matches::One(1));
    }

    #[test]
    fn rows_follow_their_fields_when_numbers_move() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Lead.log");
        let table = Table::open(&path, &names(&["Id", "Key", "Name"]), &[], |_| ()).unwrap();
        let mut change = table.begin();
        change.insert(row(HEAD, &[(1, "k"), (2, "n")]));
        change.commit(None).unwrap();
        drop(table);
        for _ in 0..2 {
            let table =
                Table::open(&path, &names(&["Id", "New", "Name", "Key"]), &[], |_| ()).unwrap();
            assert_eq!(table.read().get(0).unwrap().get(3), Some("k"));
            assert_eq!(table.read().get(0).unwrap().get(2), Some("n"));
        }
    }
}
