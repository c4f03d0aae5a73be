//! The declared tables, one file per theme.
//!
//! In: nothing. Out: [`OBJECTS`], in the order in which they are staged (what gives types to other tables' columns
//! comes before them). Names are those of API v2, v1 and the UI (`guide/usercom.md` §1.2, §2, §4); the column's
//! own name is always among them. Never: an object of the customer's own, which only the export knows (`usercom::custom`).

mod activity;
mod audience;
mod crm;
mod custom;
mod declare;
mod message;
mod sales;
mod setup;

use super::schema::Object;

pub(super) use custom::RECORD_COLUMNS;

/// Every declared object, in the order in which they are staged.
pub const OBJECTS: &[Object] = &[
    setup::ATTRIBUTES,
    setup::AGENTS,
    setup::PIPELINES,
    setup::STAGES,
    crm::COMPANIES,
    crm::PEOPLE,
    crm::DEALS,
    sales::PRODUCTS,
    sales::DEAL_PRODUCTS,
    sales::STAGE_CHANGES,
    activity::ACTIVITIES,
    activity::EVENTS,
    activity::EVENT_ATTENDEES,
    activity::NOTES,
    activity::FILES,
    message::CONVERSATIONS,
    message::MESSAGES,
    message::EMAILS,
    message::SMS,
    audience::TAGS,
    audience::SEGMENTS,
    audience::SEGMENT_MEMBERS,
    audience::LISTS,
    custom::CUSTOM_OBJECTS,
    custom::CUSTOM_OBJECT_FIELDS,
];

/// The declared object of this name.
#[must_use]
pub fn object(name: &str) -> Option<&'static Object> {
    OBJECTS.iter().find(|object| object.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::usercom::header::normalise;
    use crate::usercom::schema::{ColumnKind, Element, KeyRule};

    #[test]
    fn every_alias_is_written_as_it_is_looked_up() {
        for object in OBJECTS {
            for column in object.columns {
                // A column that staging fills has no name in files at all.
                let first = column.aliases.first().map(|alias| alias.header);
                let filled = column.kind.is_of_blob();
                assert_eq!(
                    first,
                    (!filled).then_some(column.name),
                    "{}.{}",
                    object.name,
                    column.name
                );
                for alias in column.aliases {
                    assert_eq!(normalise(alias.header), alias.header, "{}", object.name);
                }
            }
        }
    }

    #[test]
    fn every_object_begins_with_its_key_and_names_columns_once() {
        for object in OBJECTS {
            assert_eq!(object.columns[0].name, "id");
            assert_eq!(object.columns[0].kind, ColumnKind::Key);
            let names: BTreeSet<_> = object.columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), object.columns.len(), "{}", object.name);
        }
    }

    #[test]
    fn no_stem_means_two_objects() {
        let mut seen = BTreeSet::new();
        for object in OBJECTS {
            assert!(seen.insert(object.name.as_ref()), "{}", object.name);
            for stem in object.stems {
                assert!(seen.insert(stem), "{stem}");
            }
        }
    }

    #[test]
    fn columns_that_rules_name_are_declared() {
        for object in OBJECTS {
            let has = |name: &str| assert!(object.column(name).is_some(), "{}.{name}", object.name);
            if let KeyRule::Pair {
                first,
                second,
                links,
                ..
            } = object.key
            {
                has(first);
                second.into_iter().for_each(has);
                links.iter().copied().for_each(has);
            }
            for nested in object.nested {
                assert!(super::object(nested.parent).is_some(), "{}", object.name);
                assert!(!nested.steps.is_empty(), "{}", object.name);
                for step in nested.steps {
                    has(step.parent_id);
                }
                if let Some(position) = nested.position.first() {
                    has(position);
                }
                if let Element::Link { id, kinds, .. } = nested.element {
                    has(id);
                    for (_, column) in kinds {
                        has(column);
                    }
                }
            }
        }
    }
}
