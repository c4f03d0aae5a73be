//! How the source is set up: attributes, agents, pipelines and their stages.

use std::borrow::Cow;

use super::declare::{ID, NAME, alias, column, part};
use crate::usercom::cell::{ATTRIBUTE_OWNER, ATTRIBUTE_TYPE};
use crate::usercom::schema::ColumnKind::{Boolean, Code, Integer, Key, Percent, Text, TextList};
use crate::usercom::schema::{Column, Element, KeyRule, Nested, Object, Step};

pub(super) const ATTRIBUTES: Object = Object {
    name: Cow::Borrowed("attributes"),
    stems: &["attribute"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        column!(Text, "name"),
        column!(Text, "name_std"),
        column!(Code(&ATTRIBUTE_TYPE), "value_type", alias("type")),
        column!(Code(&ATTRIBUTE_OWNER), "content_type", alias("object")),
        column!(TextList, "choices", alias("options")),
        column!(
            Boolean,
            "allow_multiple_choices",
            alias("multiple"),
            alias("multi")
        ),
        column!(Text, "description"),
    ],
    nested: &[],
};

pub(super) const AGENTS: Object = Object {
    name: Cow::Borrowed("agents"),
    stems: &["owners", "agent", "owner"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id", alias("agent_id"), alias("user_id")),
        column!(Text, "name", alias("full_name"), alias("agent")),
        column!(Text, "email", alias("e_mail"), alias("email_address")),
        column!(Boolean, "active", alias("is_active")),
    ],
    nested: &[],
};

pub(super) const PIPELINES: Object = Object {
    name: Cow::Borrowed("pipelines"),
    stems: &["pipeline"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id", alias("pipeline_id")),
        column!(Text, "name", alias("pipeline"), alias("pipeline_name")),
        column!(Integer, "position", alias("order")),
    ],
    nested: &[],
};

pub(super) const STAGES: Object = Object {
    name: Cow::Borrowed("stages"),
    stems: &["stage"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id", alias("stage_id")),
        column!(Integer, "pipeline_id", part("pipeline", ID)),
        column!(Text, "pipeline_name", part("pipeline", NAME)),
        column!(Text, "name", alias("stage"), alias("stage_name")),
        column!(Integer, "position", alias("order")),
        column!(Percent, "probability", alias("weight")),
    ],
    nested: &[Nested {
        parent: "pipelines",
        steps: &[Step {
            key: "stages",
            parent_id: "pipeline_id",
        }],
        position: &["position", "order"],
        element: Element::Record,
    }],
};
