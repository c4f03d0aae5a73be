//! What was said: conversations and their messages, e-mails, text messages.

use std::borrow::Cow;

use super::declare::{
    COMPANY_ID, CREATED_AT, DEAL_ID, ID, NAME, OWNER_EMAIL, OWNER_ID, PERSON_ID, UPDATED_AT, alias,
    column, part,
};
use crate::usercom::cell::MESSAGE_SOURCE;
use crate::usercom::schema::ColumnKind::{Boolean, Code, Integer, Key, Text, Timestamp};
use crate::usercom::schema::{Column, Element, KeyRule, Nested, Object, Step, Take};

const KEY: Take = Take::Field("key");

pub(super) const CONVERSATIONS: Object = Object {
    name: Cow::Borrowed("conversations"),
    stems: &["conversation", "chats"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        PERSON_ID,
        OWNER_ID,
        OWNER_EMAIL,
        column!(Boolean, "active"),
        column!(Code(&MESSAGE_SOURCE), "source"),
        // A list of conversations gives their number, a conversation by itself the messages.
        column!(Integer, "message_count", alias("messages")),
        CREATED_AT,
        UPDATED_AT,
    ],
    nested: &[Nested {
        parent: "people",
        steps: &[Step {
            key: "conversations",
            parent_id: "person_id",
        }],
        position: &[],
        element: Element::Record,
    }],
};

pub(super) const MESSAGES: Object = Object {
    name: Cow::Borrowed("messages"),
    stems: &["message"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        column!(
            Integer,
            "conversation_id",
            part("chat", ID),
            part("conversation", ID)
        ),
        // The person of the conversation; `user` is who wrote the message.
        column!(
            Integer,
            "person_id",
            part("person", ID),
            part("user_id", ID),
            part("contact", ID),
            part("contact_id", ID),
            part("client", ID),
            part("client_id", ID),
        ),
        column!(Integer, "author_id", part("user", ID), part("author", ID)),
        // Agents have none, so that another part of the author must not stand in for it.
        column!(Text, "author_key", part("user", KEY), part("author", KEY)),
        column!(
            Text,
            "author_email",
            part("user", Take::Email),
            part("author", Take::Email)
        ),
        column!(
            Text,
            "author_name",
            part("user", NAME),
            part("author", NAME)
        ),
        column!(Text, "author_type"),
        column!(Text, "direction"),
        column!(
            Text,
            "content",
            alias("text"),
            alias("body"),
            alias("message")
        ),
        column!(Code(&MESSAGE_SOURCE), "source", alias("channel")),
        column!(
            Timestamp,
            "sent_at",
            alias("timestamp"),
            alias("created_at"),
            alias("datetime")
        ),
    ],
    nested: &[
        Nested {
            parent: "conversations",
            steps: &[Step {
                key: "messages",
                parent_id: "conversation_id",
            }],
            position: &[],
            element: Element::Record,
        },
        Nested {
            parent: "people",
            steps: &[
                Step {
                    key: "conversations",
                    parent_id: "person_id",
                },
                Step {
                    key: "messages",
                    parent_id: "conversation_id",
                },
            ],
            position: &[],
            element: Element::Record,
        },
    ],
};

pub(super) const EMAILS: Object = Object {
    name: Cow::Borrowed("emails"),
    stems: &["email", "email_delivery_logs"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        PERSON_ID,
        COMPANY_ID,
        DEAL_ID,
        column!(Text, "subject"),
        column!(Text, "content", alias("body"), alias("html")),
        column!(
            Text,
            "from_email",
            alias("from"),
            alias("sender"),
            alias("author")
        ),
        column!(
            Text,
            "to_email",
            alias("to"),
            alias("recipient"),
            alias("email")
        ),
        column!(Text, "status"),
        column!(Text, "direction"),
        column!(Timestamp, "sent_at", alias("timestamp")),
        column!(Timestamp, "opened_at"),
        column!(Timestamp, "clicked_at"),
        column!(Timestamp, "unsubscribed_at"),
        column!(Integer, "opens"),
        column!(Integer, "clicks"),
        OWNER_ID,
        OWNER_EMAIL,
        CREATED_AT,
    ],
    nested: &[Nested {
        parent: "people",
        steps: &[Step {
            key: "emails",
            parent_id: "person_id",
        }],
        position: &[],
        element: Element::Record,
    }],
};

pub(super) const SMS: Object = Object {
    name: Cow::Borrowed("sms"),
    stems: &["sms_delivery_logs"],
    content_types: &[],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        PERSON_ID,
        COMPANY_ID,
        DEAL_ID,
        column!(Text, "phone_number", alias("phone"), alias("to")),
        column!(
            Text,
            "content",
            alias("text"),
            alias("body"),
            alias("message")
        ),
        column!(Text, "status"),
        column!(Text, "direction"),
        column!(Timestamp, "sent_at", alias("timestamp")),
        OWNER_ID,
        OWNER_EMAIL,
        CREATED_AT,
    ],
    nested: &[],
};
