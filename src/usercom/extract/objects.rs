//! What there is to extract and where: one line per object (`guide/usercom.md` §2).
//!
//! In: nothing. Out: plain data. Names are those of the tables that `stage` makes, which are also the stems of the files.

/// One object.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Name of the table and stem of the files.
    pub name: &'static str,
    /// Path below the base; `:id` stands for the id of the parent.
    pub path: &'static str,
    /// How it is read.
    pub kind: ReadMode,
    /// Whether nobody has seen the endpoint documented, so that an account may lack it.
    pub is_guess: bool,
    /// Whether it is extracted unless it is left out.
    pub by_default: bool,
    /// Its type among the bulk exports, where that needs no segment.
    pub export_type: Option<&'static str>,
}

/// How an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// One list of all.
    List,
    /// One list per record of another object.
    Child {
        /// The other object.
        parent: &'static str,
        /// The column that says which record a row belongs to.
        key: &'static str,
        /// What its rows are.
        rows: ChildRows,
    },
    /// A bulk export and nothing else.
    Export {
        /// The column that says which person a row belongs to.
        key: &'static str,
    },
}

/// What the list of one parent holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildRows {
    /// Records of the object.
    Records,
    /// People, of whom only the membership is meant.
    Members,
    /// The messages inside a conversation.
    Messages,
}

const fn list(name: &'static str, path: &'static str, is_guess: bool) -> Object {
    Object {
        name,
        path,
        kind: ReadMode::List,
        is_guess,
        by_default: true,
        export_type: None,
    }
}

const fn child(
    name: &'static str,
    path: &'static str,
    (parent, key): (&'static str, &'static str),
    rows: ChildRows,
    export_type: Option<&'static str>,
) -> Object {
    Object {
        name,
        path,
        kind: ReadMode::Child { parent, key, rows },
        is_guess: false,
        by_default: true,
        export_type,
    }
}

/// Every object, parents before their children.
pub const OBJECTS: &[Object] = &[
    list("attributes", "attributes/", false),
    list("tags", "tags/", false),
    list("lists", "lists/", false),
    list("companies", "companies/", false),
    list("people", "users/", false),
    list("deals", "deals/", false),
    list("products", "products/", true),
    list("activities", "activities/", false),
    list("segments", "segments/", true),
    list("conversations", "conversations/", true),
    child(
        "stage_changes",
        "deals/:id/stage-changes/",
        ("deals", "deal_id"),
        ChildRows::Records,
        Some("deals_stage_changes"),
    ),
    child(
        "segment_members",
        "segments/:id/users/",
        ("segments", "segment_id"),
        ChildRows::Members,
        None,
    ),
    child(
        "messages",
        "conversations/:id/",
        ("conversations", "conversation_id"),
        ChildRows::Messages,
        None,
    ),
    child(
        "emails",
        "users/:id/emails/",
        ("people", "person_id"),
        ChildRows::Records,
        Some("email_delivery_logs"),
    ),
    Object {
        name: "sms",
        path: "exports/",
        kind: ReadMode::Export { key: "person_id" },
        is_guess: true,
        by_default: true,
        export_type: Some("sms_delivery_logs"),
    },
    Object {
        // Staging has no table for what people did on a web site.
        by_default: false,
        ..child(
            "person_events",
            "users/:id/events/",
            ("people", "person_id"),
            ChildRows::Records,
            None,
        )
    },
];

/// Conversations where the account has no list of all of them.
pub(super) const CONVERSATIONS_BY_PERSON: Object = child(
    "conversations",
    "users/:id/conversations/",
    ("people", "person_id"),
    ChildRows::Records,
    None,
);

/// The object of a name.
#[must_use]
pub(super) fn object(name: &str) -> Option<&'static Object> {
    OBJECTS.iter().find(|object| object.name == name)
}

impl Object {
    /// The parent's name, if it has one.
    #[must_use]
    pub fn parent(&self) -> Option<&'static str> {
        match self.kind {
            ReadMode::List | ReadMode::Export { .. } => None,
            ReadMode::Child { parent, .. } => Some(parent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_come_after_their_parents_and_name_them_in_their_path() {
        for (index, child) in OBJECTS.iter().enumerate() {
            let Some(parent) = child.parent() else {
                assert!(!child.path.contains(":id"));
                continue;
            };
            let place = OBJECTS.iter().position(|object| object.name == parent);
            assert!(place.unwrap() < index, "{}", child.name);
            let start = format!("{}:id/", object(parent).unwrap().path);
            assert!(child.path.starts_with(&start), "{}", child.name);
        }
    }

    #[test]
    fn what_is_extracted_has_a_table_unless_it_must_be_asked_for() {
        for object in OBJECTS {
            let staged = crate::usercom::object(object.name);
            assert_eq!(staged.is_some(), object.by_default, "{}", object.name);
            if let (Some(table), ReadMode::Child { key, .. }) = (staged, object.kind) {
                assert!(table.column(key).is_some(), "{}", object.name);
            }
        }
    }
}
