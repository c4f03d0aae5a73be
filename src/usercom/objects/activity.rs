//! What agents did and planned: activities, events and who attends them, notes, files.

use std::borrow::Cow;

use super::declare::{
    COMPANY_ID, CREATED_AT, CREATED_BY_EMAIL, CREATED_BY_ID, DEAL_ID, EMAIL, ID, NAME, OWNER_EMAIL,
    OWNER_ID, PERSON_ID, UPDATED_AT, alias, column, part,
};
use crate::usercom::cell::ACTIVITY_STATUS;
use crate::usercom::schema::ColumnKind::{
    BlobChecksum, BlobName, BlobSize, Boolean, Code, Integer, Key, Text, TextList, Timestamp,
};
use crate::usercom::schema::{Column, Element, KeyRule, Nested, Object, Step};

pub(super) const ACTIVITIES: Object = Object {
    name: Cow::Borrowed("activities"),
    stems: &["activity", "tasks"],
    content_types: &["activity"],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        column!(Text, "custom_id"),
        column!(Text, "name", alias("title"), alias("subject")),
        column!(
            Integer,
            "activity_type_id",
            part("activity_type", ID),
            part("type", ID)
        ),
        column!(
            Text,
            "activity_type" = NAME,
            part("type", NAME),
            alias("activity_type_name"),
            alias("kind"),
        ),
        column!(Text, "description", alias("content"), alias("note")),
        column!(Boolean, "done", alias("is_done"), alias("completed")),
        column!(Code(&ACTIVITY_STATUS), "status", alias("activities_status")),
        column!(Text, "priority"),
        column!(
            Timestamp,
            "due_at",
            alias("due_date"),
            alias("datetime"),
            alias("date")
        ),
        column!(Timestamp, "done_at", alias("done_date")),
        // Minutes.
        column!(Integer, "duration"),
        column!(Integer, "push_views"),
        // Seconds.
        column!(Integer, "chat_duration"),
        column!(Integer, "email_opens"),
        PERSON_ID,
        COMPANY_ID,
        DEAL_ID,
        OWNER_ID,
        OWNER_EMAIL,
        CREATED_BY_ID,
        CREATED_BY_EMAIL,
        CREATED_AT,
        UPDATED_AT,
    ],
    nested: &[],
};

pub(super) const EVENTS: Object = Object {
    name: Cow::Borrowed("events"),
    stems: &["event", "calendar"],
    content_types: &["event"],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        column!(Text, "custom_id"),
        column!(Text, "name", alias("title"), alias("subject")),
        column!(Text, "description", alias("content")),
        column!(Text, "location", alias("place")),
        // A date alone is that day's midnight: `all_day` tells the two apart.
        column!(
            Timestamp,
            "start_at",
            alias("start"),
            alias("starts_at"),
            alias("start_date"),
            alias("start_date_time"),
            alias("datetime"),
        ),
        column!(
            Timestamp,
            "end_at",
            alias("end"),
            alias("ends_at"),
            alias("end_date"),
            alias("end_date_time"),
        ),
        // Minutes.
        column!(Integer, "duration"),
        column!(Boolean, "all_day", alias("is_all_day"), alias("whole_day")),
        PERSON_ID,
        COMPANY_ID,
        DEAL_ID,
        OWNER_ID,
        OWNER_EMAIL,
        CREATED_BY_ID,
        CREATED_BY_EMAIL,
        // Lists in JSON records are rows of `event_attendees` instead.
        column!(TextList, "attendees"),
        CREATED_AT,
        UPDATED_AT,
    ],
    nested: &[],
};

pub(super) const EVENT_ATTENDEES: Object = Object {
    name: Cow::Borrowed("event_attendees"),
    stems: &["attendees"],
    content_types: &[],
    key: KeyRule::Pair {
        first: "event_id",
        second: Some("position"),
        links: &[
            "type",
            "person_id",
            "agent_id",
            "company_id",
            "email",
            "name",
        ],
        repeats: false,
    },
    columns: &[
        column!(Key, "id"),
        column!(Integer, "event_id", part("event", ID)),
        column!(Integer, "position"),
        column!(Text, "type", alias("kind")),
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
        column!(Integer, "agent_id", part("agent", ID)),
        COMPANY_ID,
        column!(Text, "email", part("value", EMAIL)),
        column!(Text, "name"),
        column!(Text, "response", alias("status")),
    ],
    nested: &[Nested {
        parent: "events",
        steps: &[Step {
            key: "attendees",
            parent_id: "event_id",
        }],
        position: &["position"],
        element: Element::Link {
            id: "person_id",
            kinds: &[("agent", "agent_id"), ("company", "company_id")],
            named: &[
                "person_id",
                "person",
                "user_id",
                "user",
                "contact",
                "contact_id",
                "client",
                "client_id",
                "agent_id",
                "agent",
                "company_id",
                "company",
            ],
        },
    }],
};

pub(super) const NOTES: Object = Object {
    name: Cow::Borrowed("notes"),
    stems: &["note"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        column!(Text, "name", alias("title")),
        column!(Text, "content", alias("text"), alias("body"), alias("note")),
        PERSON_ID,
        COMPANY_ID,
        DEAL_ID,
        CREATED_BY_ID,
        CREATED_BY_EMAIL,
        CREATED_AT,
        UPDATED_AT,
    ],
    nested: &[],
};

pub(super) const FILES: Object = Object {
    name: Cow::Borrowed("files"),
    stems: &["file", "attachments", "documents"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        column!(
            Text,
            "name",
            alias("file_name"),
            alias("filename"),
            alias("title")
        ),
        // Inside the export: `blobs/…`.
        column!(Text, "path", alias("file"), alias("file_path")),
        column!(Integer, "size", alias("file_size"), alias("bytes")),
        column!(Text, "mime_type", alias("content_type")),
        PERSON_ID,
        COMPANY_ID,
        DEAL_ID,
        column!(Integer, "activity_id", part("activity", ID)),
        CREATED_BY_ID,
        CREATED_BY_EMAIL,
        CREATED_AT,
        UPDATED_AT,
        Column {
            name: "stored_size",
            kind: BlobSize,
            aliases: &[],
        },
        Column {
            name: "stored_path",
            kind: BlobName,
            aliases: &[],
        },
        Column {
            name: "stored_md5",
            kind: BlobChecksum,
            aliases: &[],
        },
    ],
    nested: &[],
};
