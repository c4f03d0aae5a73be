//! Records that the ledger names and that are no longer what they were: nothing is hung on them.
//!
//! In: rows that would be sent. Out: those that refer to such a record, with the reason why they are held and the parent. Never: a
//! lookup into the org; who keeps the ledger says what is dead.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};

use crate::rows::{Dead, Liveness, identity};

/// The columns of a batch that name other records.
pub(super) struct Parents<'a> {
    columns: Vec<(&'a str, &'a StringArray)>,
    dead: &'a Dead,
}

impl<'a> Parents<'a> {
    /// `references` are the names of such columns. Without a dead record there is nothing to look at.
    pub(super) fn of(sent: &'a RecordBatch, references: &'a [String], dead: &'a Dead) -> Self {
        let named = references.iter().filter(|_| !dead.is_empty());
        let columns = named.filter_map(|name| {
            let column = sent.column_by_name(name)?.as_string_opt::<i32>()?;
            Some((name.as_str(), column))
        });
        Self {
            columns: columns.collect(),
            dead,
        }
    }

    /// Why a row is held, and the field with its dead parent, for each of them.
    pub(super) fn dead(&self, row: usize) -> impl Iterator<Item = (&'static str, String)> {
        self.columns.iter().filter_map(move |(name, column)| {
            let id = column.is_valid(row).then(|| column.value(row))?;
            let reason = match *self.dead.get(&identity(id)?)? {
                Liveness::Merged => "parent_merged_in_salesforce",
                Liveness::Converted => "parent_converted_in_salesforce",
                _ => "parent_deleted_in_salesforce",
            };
            Some((reason, format!("{name} {id}")))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn rows_with_a_dead_parent_are_held_whichever_way_its_id_is_written() {
        let ids = ["001A00000000001AAA", "001A00000000002AAA", "no id"];
        let ids: StringArray = ids.iter().copied().map(Some).collect();
        let sent = RecordBatch::try_from_iter([("AccountId", Arc::new(ids) as _)]).unwrap();
        let dead = Dead::from([(identity("001A00000000001").unwrap(), Liveness::Merged)]);
        let references = ["AccountId".to_owned(), "WhoId".to_owned()];
        let parents = Parents::of(&sent, &references, &dead);
        let (reason, parent) = parents.dead(0).next().unwrap();
        assert_eq!(reason, "parent_merged_in_salesforce");
        assert_eq!(parent, "AccountId 001A00000000001AAA");
        assert!(parents.dead(1).next().is_none());
        assert!(parents.dead(2).next().is_none());
    }
}
