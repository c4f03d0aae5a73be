//! Record types of the org, and which of them a user may give to rows.
//!
//! In: the rows of `RecordType`. Out: [`RecordType`]s. `Master` is no row: every object has it, every user may use it,
//! and a row that has it holds no record type. An object without any other has no `RecordTypeId` to be seen.

use std::collections::HashSet;

use super::ids::RecordId;
use super::model::Model;

/// The id of `Master`, the same in every org.
pub(crate) const MASTER: &str = "012000000000000AAA";

/// Record types of accounts that an org with person accounts has by itself, for every profile: developer name, label, whether its
/// accounts are persons. The first one is the default as long as it is active.
pub(crate) const OF_ACCOUNTS: [(&str, &str, &str); 2] = [
    ("Business_Account", "Business Account", "false"),
    ("PersonAccount", "Person Account", "true"),
];

/// One record type besides `Master`.
#[derive(Clone, Debug)]
pub(crate) struct RecordType {
    pub(crate) id: RecordId,
    /// Name of the object.
    pub(crate) object: String,
    pub(crate) developer_name: String,
    /// Its label.
    pub(crate) name: String,
    pub(crate) active: bool,
    /// Its accounts are persons.
    pub(crate) person: bool,
}

impl RecordType {
    /// Whether it is one that every profile has.
    pub(crate) fn is_standard(&self) -> bool {
        let mut known = OF_ACCOUNTS.iter();
        self.object == "Account" && known.any(|(name, _, _)| self.developer_name == *name)
    }
}

impl Model {
    /// Record types besides `Master`, in the order of their ids.
    pub(crate) fn record_types(&self) -> Vec<RecordType> {
        let Some(number) = self.schema.position("RecordType") else {
            return Vec::new();
        };
        let (object, table) = self.at(number);
        let rows = table.read();
        let live = (0..rows.len()).filter_map(|at| Some((at, rows.get(at)?)));
        live.filter(|(_, row)| !row.deleted())
            .map(|(position, row)| {
                let text = |name: &str| {
                    let value = object.position(name).and_then(|at| row.get(at));
                    value.unwrap_or_default().to_owned()
                };
                RecordType {
                    id: self.id(number, position),
                    object: text("SobjectType"),
                    developer_name: text("DeveloperName"),
                    name: text("Name"),
                    active: text("IsActive") == "true",
                    person: text("IsPersonType") == "true",
                }
            })
            .collect()
    }

    /// Record types of one object among those that a user may use.
    pub(crate) fn usable(&self, object: &str, visible: &HashSet<RecordId>) -> HashSet<RecordId> {
        self.record_types()
            .into_iter()
            .filter(|one| one.object == object && visible.contains(&one.id))
            .map(|one| one.id)
            .collect()
    }
}

/// Whether a text is the id of `Master`, in either form.
pub(crate) fn is_master(text: &str) -> bool {
    text == MASTER || text == &MASTER[..15]
}
