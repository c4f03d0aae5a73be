//! Objects of the customer's own: which there are, their fields, and the columns that the records of each of them have.

use std::borrow::Cow;

use super::declare::{CREATED_AT, ID, OWNER_EMAIL, OWNER_ID, UPDATED_AT, alias, column, part};
use crate::usercom::schema::ColumnKind::{Boolean, Integer, Key, Text, TextList};
use crate::usercom::schema::{Column, Element, KeyRule, Nested, Object, Step, Take};

/// The columns of every custom object's table, before those of its own fields.
pub(in crate::usercom) const RECORD_COLUMNS: &[Column] = &[
    column!(Key, "id"),
    column!(Text, "text_id", part("id", Take::KeyText)),
    column!(Text, "name"),
    OWNER_ID,
    OWNER_EMAIL,
    CREATED_AT,
    UPDATED_AT,
];

pub(super) const CUSTOM_OBJECTS: Object = Object {
    name: Cow::Borrowed("custom_objects"),
    stems: &["custom_object"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        column!(Text, "name"),
        column!(Text, "label", alias("title"), alias("display_name")),
        column!(Text, "plural_label", alias("plural"), alias("label_plural")),
        column!(Text, "description"),
    ],
    nested: &[],
};

/// Fields that sit in their object's record under this key.
const fn fields(steps: &'static [Step]) -> Nested {
    Nested {
        parent: "custom_objects",
        steps,
        position: &["position", "order"],
        element: Element::Record,
    }
}

pub(super) const CUSTOM_OBJECT_FIELDS: Object = Object {
    name: Cow::Borrowed("custom_object_fields"),
    stems: &[],
    content_types: &[],
    key: KeyRule::Pair {
        first: "object_id",
        second: Some("position"),
        links: &["name"],
        repeats: false,
    },
    columns: &[
        column!(Key, "id"),
        column!(
            Integer,
            "object_id",
            part("object", ID),
            part("custom_object", ID)
        ),
        column!(Integer, "position", alias("order")),
        column!(Text, "name"),
        column!(Text, "label"),
        column!(Text, "type", alias("value_type")),
        column!(TextList, "choices", alias("options")),
        column!(Boolean, "multiple", alias("allow_multiple_choices")),
        column!(Boolean, "required"),
        column!(
            Text,
            "target",
            alias("reference_to"),
            alias("references"),
            alias("related_object")
        ),
    ],
    nested: &[
        fields(&[Step {
            key: "fields",
            parent_id: "object_id",
        }]),
        fields(&[Step {
            key: "attributes",
            parent_id: "object_id",
        }]),
    ],
};
