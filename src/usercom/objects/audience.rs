//! How people are grouped: tags, segments and their members, lists.

use std::borrow::Cow;

use super::declare::{CREATED_AT, ID, UPDATED_AT, alias, column, part};
use crate::usercom::schema::ColumnKind::{Integer, Key, Text, Timestamp};
use crate::usercom::schema::{Column, Element, KeyRule, Nested, Object, Step};

pub(super) const TAGS: Object = Object {
    name: Cow::Borrowed("tags"),
    stems: &["tag"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[column!(Key, "id"), column!(Text, "name")],
    nested: &[],
};

pub(super) const SEGMENTS: Object = Object {
    name: Cow::Borrowed("segments"),
    stems: &["segment"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        column!(Text, "name"),
        column!(Text, "description"),
        column!(
            Text,
            "criteria",
            alias("conditions"),
            alias("definition"),
            alias("filters")
        ),
        column!(Text, "kind", alias("type"), alias("section")),
        CREATED_AT,
        UPDATED_AT,
    ],
    nested: &[],
};

/// Members that sit in their segment's record under this key.
const fn members(steps: &'static [Step]) -> Nested {
    Nested {
        parent: "segments",
        steps,
        position: &[],
        element: Element::Link {
            id: "person_id",
            kinds: &[],
            named: &[
                "person_id",
                "person",
                "user_id",
                "user",
                "contact",
                "contact_id",
                "client",
                "client_id",
            ],
        },
    }
}

pub(super) const SEGMENT_MEMBERS: Object = Object {
    name: Cow::Borrowed("segment_members"),
    stems: &[],
    content_types: &[],
    key: KeyRule::Pair {
        first: "segment_id",
        second: Some("person_id"),
        links: &[],
        repeats: false,
    },
    columns: &[
        column!(Key, "id"),
        column!(Integer, "segment_id", part("segment", ID)),
        column!(
            Integer,
            "person_id",
            part("person", ID),
            part("user_id", ID),
            part("user", ID),
            part("contact", ID),
            part("contact_id", ID),
            part("client", ID),
            part("client_id", ID),
            part("value", ID),
        ),
        column!(
            Timestamp,
            "added_at",
            alias("member_since"),
            alias("joined_at"),
            alias("created_at")
        ),
    ],
    nested: &[
        members(&[Step {
            key: "users",
            parent_id: "segment_id",
        }]),
        members(&[Step {
            key: "members",
            parent_id: "segment_id",
        }]),
    ],
};

pub(super) const LISTS: Object = Object {
    name: Cow::Borrowed("lists"),
    stems: &["list"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        column!(Text, "name"),
        column!(Text, "description"),
    ],
    nested: &[],
};
