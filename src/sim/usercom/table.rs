//! One object's rows on disk, found by id, by parent, or by their place in the list that the API shows.
//!
//! In: rows in any order, several versions of a row among them; later changes of single rows. Out: rows as they are now.
//! In memory is only where each row lies (24 bytes, 48 with a parent and a time), whatever rows hold. Never: written
//! back to the export; a change lives as long as the process.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::error::UsercomSimError;
use super::record::Record;

/// What is known of a row besides its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) id: i64,
    /// The record it belongs to; 0 for none.
    pub(super) parent: i64,
    /// Microseconds; the least number if unknown, or if versions are not told apart by it.
    pub(super) updated: i64,
}

struct Written {
    key: Key,
    /// Place in the export: of two versions with the same time the later one is the row.
    place: u64,
    offset: u64,
    length: u32,
}

/// Takes rows in.
pub(super) struct Writer {
    path: PathBuf,
    out: BufWriter<File>,
    end: u64,
    rows: Vec<Written>,
}

impl Writer {
    /// An empty table in a file, which is replaced.
    pub(super) fn create(path: &Path) -> Result<Self, UsercomSimError> {
        let file = crate::private::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| state(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            out: BufWriter::with_capacity(1 << 18, file),
            end: 0,
            rows: Vec::new(),
        })
    }

    /// Adds a version of a row, found at a place of the export.
    pub(super) fn add(&mut self, key: Key, place: u64, line: &str) -> Result<(), UsercomSimError> {
        let written = writeln!(self.out, "{line}");
        written.map_err(|source| state(&self.path, source))?;
        let length = u32::try_from(line.len()).unwrap_or(u32::MAX);
        self.rows.push(Written {
            key,
            place,
            offset: self.end,
            length,
        });
        self.end += line.len() as u64 + 1;
        Ok(())
    }

    /// The table with the newest version of each row, and how many older ones there were.
    pub(super) fn finish(
        self,
        by_parent: bool,
        by_time: bool,
    ) -> Result<(Table, u64), UsercomSimError> {
        let Self {
            path,
            out,
            end,
            mut rows,
        } = self;
        let file = out
            .into_inner()
            .map_err(|error| state(&path, error.into_error()))?;
        rows.sort_unstable_by(|a, b| {
            let newest_first = (b.key.updated, b.place).cmp(&(a.key.updated, a.place));
            a.key.id.cmp(&b.key.id).then(newest_first)
        });
        let all = rows.len();
        rows.dedup_by_key(|row| row.key.id);
        let mut table = Table {
            path,
            file: Mutex::new(file),
            end,
            ids: rows.iter().map(|row| row.key.id).collect(),
            places: rows.iter().map(|row| (row.offset, row.length)).collect(),
            sorted: rows.len(),
            by_parent: Vec::new(),
            updated: Vec::new(),
            children: by_parent,
            gone: BTreeSet::new(),
            order: None,
            changes: 0,
        };
        if by_time {
            table.updated = rows.iter().map(|row| row.key.updated).collect();
        }
        if by_parent {
            table.by_parent = rows
                .iter()
                .zip(0..)
                .map(|(row, place)| (row.key.parent, place))
                .collect();
            table.by_parent.sort_unstable();
        }
        let older = (all - rows.len()) as u64;
        Ok((table, older))
    }
}

/// The rows of one object.
pub(super) struct Table {
    path: PathBuf,
    file: Mutex<File>,
    end: u64,
    ids: Vec<i64>,
    places: Vec<(u64, u32)>,
    /// How many rows from the start are in order of their ids; later ones were inserted.
    sorted: usize,
    by_parent: Vec<(i64, u32)>,
    updated: Vec<i64>,
    children: bool,
    gone: BTreeSet<u32>,
    /// The list as it is shown, once it is no longer in order of ids.
    order: Option<Vec<u32>>,
    changes: u64,
}

impl Table {
    /// Rows that exist.
    pub(super) fn len(&self) -> usize {
        self.ids.len() - self.gone.len()
    }

    /// How often it was changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Where a row is.
    pub(super) fn find(&self, id: i64) -> Option<u32> {
        let sorted = &self.ids[..self.sorted];
        let place = sorted.binary_search(&id).ok().or_else(|| {
            let later = self.ids[self.sorted..]
                .iter()
                .rposition(|&other| other == id)?;
            Some(self.sorted + later)
        })?;
        let place = u32::try_from(place).ok()?;
        (!self.gone.contains(&place)).then_some(place)
    }

    /// Its id.
    pub(super) fn id(&self, place: u32) -> i64 {
        self.ids.get(place as usize).copied().unwrap_or(0)
    }

    /// An id that no row has or had.
    pub(super) fn next_id(&self) -> i64 {
        self.ids.iter().max().map_or(1, |id| id + 1)
    }

    /// Ids of rows that were removed.
    pub(super) fn gone(&self) -> Vec<i64> {
        self.gone.iter().map(|place| self.id(*place)).collect()
    }

    /// When it was last changed; none where nobody asks for that.
    pub(super) fn updated(&self, place: u32) -> i64 {
        self.updated
            .get(place as usize)
            .copied()
            .unwrap_or(i64::MIN)
    }

    /// A page of the list.
    pub(super) fn page(&self, from: usize, count: usize) -> Vec<u32> {
        match &self.order {
            Some(order) => order.iter().skip(from).take(count).copied().collect(),
            None => (from..self.ids.len())
                .take(count)
                .filter_map(|at| u32::try_from(at).ok())
                .collect(),
        }
    }

    /// All rows in the order of the list.
    pub(super) fn all(&self) -> Vec<u32> {
        self.page(0, self.ids.len())
    }

    /// The rows that belong to a record.
    pub(super) fn of(&self, parent: i64) -> Vec<u32> {
        let from = self.by_parent.partition_point(|(other, _)| *other < parent);
        let found = self.by_parent[from..].iter();
        found
            .take_while(|(other, _)| *other == parent)
            .map(|(_, place)| *place)
            .filter(|place| !self.gone.contains(place))
            .collect()
    }

    /// How many rows belong to a record.
    pub(super) fn count_of(&self, parent: i64) -> usize {
        self.of(parent).len()
    }

    /// Parents, each once.
    pub(super) fn parents(&self) -> impl Iterator<Item = i64> {
        self.by_parent
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|rows| rows.first())
            .map(|(parent, _)| *parent)
    }

    /// Reads a row.
    pub(super) fn read(&self, place: u32) -> Result<Record, UsercomSimError> {
        let line = self
            .line(place)
            .map_err(|source| state(&self.path, source))?;
        Record::parse(&line).map_err(|error| state(&self.path, error.into()))
    }

    fn line(&self, place: u32) -> io::Result<String> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let (offset, length) = *self.places.get(place as usize).ok_or_else(missing)?;
        let mut bytes = vec![0; length as usize];
        let mut file = self
            .file
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// Writes a row anew, or a new one, which comes to the front of the list.
    pub(super) fn write(&mut self, key: Key, record: &Record) -> Result<(), UsercomSimError> {
        let line = record.line();
        let place = self
            .append(&line)
            .map_err(|source| state(&self.path, source))?;
        self.changes += 1;
        if let Some(at) = self.find(key.id) {
            if let Some(old) = self.places.get_mut(at as usize) {
                *old = place;
            }
            if let Some(old) = self.updated.get_mut(at as usize) {
                *old = key.updated;
            }
            return Ok(());
        }
        let Ok(at) = u32::try_from(self.ids.len()) else {
            return Ok(());
        };
        let order = self.order();
        order.insert(0, at);
        self.ids.push(key.id);
        self.places.push(place);
        if self.updated.len() + 1 == self.ids.len() {
            self.updated.push(key.updated);
        }
        if self.children {
            let entry = (key.parent, at);
            let before = self.by_parent.partition_point(|other| *other < entry);
            self.by_parent.insert(before, entry);
        }
        Ok(())
    }

    fn append(&mut self, line: &str) -> io::Result<(u64, u32)> {
        let length = u32::try_from(line.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut file = self
            .file
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(line.as_bytes())?;
        file.write_all(b"\n")?;
        let offset = self.end;
        self.end += u64::from(length) + 1;
        Ok((offset, length))
    }

    /// Brings a row to the front of the list.
    pub(super) fn bring_forward(&mut self, place: u32) {
        self.changes += 1;
        let order = self.order();
        if let Some(at) = order.iter().position(|&other| other == place) {
            order.remove(at);
            order.insert(0, place);
        }
    }

    /// Removes a row.
    pub(super) fn delete(&mut self, place: u32) {
        self.changes += 1;
        self.order().retain(|&other| other != place);
        self.gone.insert(place);
    }

    fn order(&mut self) -> &mut Vec<u32> {
        let rows = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        let gone = &self.gone;
        self.order
            .get_or_insert_with(|| (0..rows).filter(|place| !gone.contains(place)).collect())
    }
}

fn state(path: &Path, source: io::Error) -> UsercomSimError {
    UsercomSimError::State {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(i64, i64, i64, &str)]) -> (tempfile::TempDir, Table, u64) {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&folder.path().join("rows")).unwrap();
        for ((id, parent, updated, name), row) in rows.iter().zip(0..) {
            let key = Key {
                id: *id,
                parent: *parent,
                updated: *updated,
            };
            let line = format!("{{\"name\":\"{name}\"}}");
            writer.add(key, row, &line).unwrap();
        }
        let (table, older) = writer.finish(true, true).unwrap();
        (folder, table, older)
    }

    fn name(table: &Table, id: i64) -> Option<String> {
        table.read(table.find(id)?).unwrap().text("name")
    }

    fn ids(table: &Table) -> Vec<i64> {
        table
            .all()
            .into_iter()
            .map(|place| table.id(place))
            .collect()
    }

    #[test]
    fn the_newest_version_of_a_row_is_the_row_and_the_later_of_equals() {
        let (_folder, table, older) = table(&[
            (2, 0, 5, "new"),
            (1, 0, 3, "a"),
            (2, 0, 4, "old"),
            (1, 0, 3, "b"),
        ]);
        assert_eq!(name(&table, 2).as_deref(), Some("new"));
        assert_eq!(name(&table, 1).as_deref(), Some("b"));
        assert_eq!((ids(&table), older), (vec![1, 2], 2));
    }

    #[test]
    fn rows_that_change_come_to_the_front_and_others_shift() {
        let (_folder, mut table, _) = table(&[(1, 7, 0, "a"), (2, 7, 0, "b"), (3, 8, 0, "c")]);
        table.bring_forward(table.find(3).unwrap());
        assert_eq!(ids(&table), [3, 1, 2]);
        table.delete(table.find(1).unwrap());
        assert_eq!(
            (ids(&table), table.find(1), table.len()),
            (vec![3, 2], None, 2)
        );
        let key = Key {
            id: 9,
            parent: 7,
            updated: 4,
        };
        let record = Record::parse("{\"name\":\"d\"}").unwrap();
        table.write(key, &record).unwrap();
        assert_eq!(ids(&table), [9, 3, 2]);
        assert_eq!(name(&table, 9).as_deref(), Some("d"));
        let of: Vec<i64> = table
            .of(7)
            .into_iter()
            .map(|place| table.id(place))
            .collect();
        assert_eq!(of, [2, 9]);
        let changed = Record::parse("{\"name\":\"changed\"}").unwrap();
        table.write(Key { id: 2, ..key }, &changed).unwrap();
        assert_eq!(name(&table, 2).as_deref(), Some("changed"));
        assert_eq!(name(&table, 3).as_deref(), Some("c"));
    }
}
