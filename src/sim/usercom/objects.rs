//! The objects of an account: which files hold them, what their columns are called, and where the API shows them.
//!
//! In: nothing. Out: tables of names, read from `guide/usercom.md` §2 and §6 and from export files. Never: values.

use super::cell::CellKind;
use super::cell::CellKind::{Boolean, Float, Ids, Integer, Json, Named, Text, Texts, Time};

/// One object. The order is that in which files are read: what others refer to by name comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Object {
    Attributes,
    Tags,
    Lists,
    Companies,
    People,
    Products,
    Deals,
    OrderProducts,
    StageChanges,
    Activities,
    Conversations,
    Messages,
    Emails,
    Sms,
    UserEvents,
    Segments,
    SegmentMembers,
}

/// A column: its name in v2, what it holds, and its other names.
pub(super) struct ObjectField {
    pub(super) name: &'static str,
    pub(super) kind: CellKind,
    /// Shown by the API even where it is empty.
    pub(super) always: bool,
    pub(super) aliases: &'static [&'static str],
}

const fn field(
    name: &'static str,
    kind: CellKind,
    aliases: &'static [&'static str],
) -> ObjectField {
    ObjectField {
        name,
        kind,
        always: true,
        aliases,
    }
}

const fn extra(
    name: &'static str,
    kind: CellKind,
    aliases: &'static [&'static str],
) -> ObjectField {
    ObjectField {
        name,
        kind,
        always: false,
        aliases,
    }
}

/// What others call the person that a record is about.
const PERSON: &[&str] = &[
    "person",
    "user",
    "contact",
    "contact_id",
    "client",
    "client_id",
    "person_id",
];
const OWNER: &[&str] = &["owner", "assignee"];

const PEOPLE: &[ObjectField] = &[
    field("id", Integer, &["usercom_id"]),
    field("user_key", Text, &["key", "userkey"]),
    field("custom_id", Text, &[]),
    field("email", Text, &["e_mail", "email_address"]),
    field("phone_number", Text, &["phone", "telephone"]),
    field("name", Text, &["full_name"]),
    extra("first_name", Text, &[]),
    extra("last_name", Text, &["surname"]),
    extra("lifecycle_stage", Text, &[]),
    field("status", Integer, &[]),
    field("gender", Integer, &[]),
    field("score", Integer, &["scoring"]),
    field("page_views", Integer, &["page_visits", "pageviews"]),
    field("notifications", Boolean, &["enable_notifications"]),
    field("unsubscribed", Boolean, &[]),
    field("web_push_subscription", Boolean, &["web_push", "webpush"]),
    extra("fcm_key", Text, &["fcm", "fcm_token"]),
    field("browser_language", Text, &[]),
    field("country", Text, &[]),
    field("region", Text, &[]),
    field("city", Text, &[]),
    field("timezone", Text, &["time_zone"]),
    field("last_ip", Text, &["ip_address", "ip"]),
    field("facebook_url", Text, &["facebook"]),
    field("linkedin_url", Text, &["linkedin"]),
    field("twitter_url", Text, &["twitter"]),
    field("google_url", Text, &["google"]),
    field("gravatar_url", Text, &["gravatar"]),
    field("company_id", Integer, &[]),
    extra("company", Text, &[]),
    field("companies", Ids, &[]),
    field("assigned_to", Integer, OWNER),
    field("tags", Named, &["tag"]),
    field("lists", Named, &[]),
    field("first_seen", Time, &[]),
    field("last_seen", Time, &[]),
    field("last_contacted", Time, &["last_contacted_at"]),
    field("created_at", Time, &[]),
    field("updated_at", Time, &[]),
];

const COMPANIES: &[ObjectField] = &[
    field("id", Integer, &["usercom_id"]),
    field("custom_id", Text, &[]),
    field("name", Text, &["company_name", "company"]),
    field("description", Text, &[]),
    extra("domain", Text, &["website", "web_site"]),
    field("email", Text, &["e_mail"]),
    field("phone_numbers", Texts, &["phone_number", "phone", "phones"]),
    field("address", Text, &["street"]),
    field("city", Text, &[]),
    field("region", Text, &[]),
    field("country", Text, &[]),
    field("postal_code", Text, &["zip", "zip_code", "postcode"]),
    field("category", Text, &[]),
    field(
        "size",
        Integer,
        &["approx_employees", "employee_count", "number_of_employees"],
    ),
    field("employees", Ids, &[]),
    extra("assigned_to", Integer, OWNER),
    extra("team", Ids, &["agents", "team_members"]),
    field("tags", Named, &["tag"]),
    field("created_at", Time, &[]),
    field("updated_at", Time, &[]),
];

const DEALS: &[ObjectField] = &[
    field("id", Integer, &["usercom_id"]),
    field("custom_id", Text, &[]),
    field("name", Text, &["deal_name"]),
    field("value", Text, &["amount", "deal_value"]),
    field("currency", Text, &[]),
    field("pipeline", Integer, &[]),
    field("stage", Integer, &[]),
    field("status", Integer, &[]),
    extra("scope", Integer, &[]),
    field("company_id", Integer, &["company"]),
    field("user_id", Integer, PERSON),
    field("participants", Ids, &[]),
    field("assigned_to", Integer, OWNER),
    extra("team", Ids, &["agents", "team_members"]),
    field("created_by", Integer, &[]),
    field("loss_reason", Integer, &["loss_reason_id"]),
    field("loss_reason_description", Text, &[]),
    field(
        "expected_close_date",
        Text,
        &["close_date", "expected_close"],
    ),
    field("won_at", Time, &[]),
    field("lost_at", Time, &[]),
    extra("products", Ids, &[]),
    field("tags", Named, &["tag"]),
    field("created_at", Time, &[]),
    field("updated_at", Time, &[]),
];

const ACTIVITIES: &[ObjectField] = &[
    field("id", Integer, &["usercom_id"]),
    field("custom_id", Text, &[]),
    field("name", Text, &["title", "subject"]),
    field("activity_type", Integer, &["type"]),
    field("description", Text, &["content", "note"]),
    field("done", Boolean, &["is_done", "completed"]),
    extra("activities_status", Integer, &["status"]),
    extra("priority", Text, &[]),
    field("due_date", Time, &["datetime", "date"]),
    field("done_date", Time, &[]),
    field("duration", Integer, &[]),
    extra("push_views", Integer, &[]),
    extra("chat_duration", Integer, &[]),
    extra("email_opens", Integer, &[]),
    field("user_id", Integer, PERSON),
    field("company_id", Integer, &["company"]),
    field("deal_id", Integer, &["deal"]),
    field("assigned_to", Integer, OWNER),
    field("created_by", Integer, &[]),
    field("created_at", Time, &[]),
    field("updated_at", Time, &[]),
];

const PRODUCTS: &[ObjectField] = &[
    field("id", Integer, &[]),
    field("custom_id", Text, &[]),
    field("name", Text, &[]),
    extra("sku", Text, &["code", "product_code"]),
    extra("description", Text, &[]),
    extra("category", Text, &["family"]),
    field("price", Text, &["unit_price"]),
    extra("currency", Text, &[]),
    extra("is_active", Boolean, &["active"]),
    extra("created_at", Time, &[]),
    extra("updated_at", Time, &[]),
];

const ATTRIBUTES: &[ObjectField] = &[
    field("id", Integer, &[]),
    field("name", Text, &[]),
    field("name_std", Text, &[]),
    field("value_type", Text, &["type"]),
    field("content_type", Text, &["object"]),
    extra("choices", Texts, &["options"]),
    extra("allow_multiple_choices", Boolean, &["multiple", "multi"]),
    extra("description", Text, &[]),
];

const NAMES: &[ObjectField] = &[field("id", Integer, &[]), field("name", Text, &[])];

const LISTS: &[ObjectField] = &[
    field("id", Integer, &[]),
    field("name", Text, &[]),
    field("description", Text, &[]),
];

const SEGMENTS: &[ObjectField] = &[
    field("id", Integer, &[]),
    field("name", Text, &[]),
    field("description", Text, &[]),
    extra("criteria", Json, &["conditions", "definition", "filters"]),
    extra("type", Text, &["kind", "section"]),
    extra("created_at", Time, &[]),
    extra("updated_at", Time, &[]),
];

const CONVERSATIONS: &[ObjectField] = &[
    field("id", Integer, &[]),
    field(
        "user",
        Integer,
        &[
            "user_id",
            "person",
            "person_id",
            "contact",
            "contact_id",
            "client",
            "client_id",
        ],
    ),
    field("active", Boolean, &[]),
    field("agent", Integer, &["assigned_to", "owner", "assignee"]),
    extra("source", Integer, &["channel"]),
    extra("messages", Integer, &["message_count"]),
    extra("created_at", Time, &[]),
    extra("updated_at", Time, &[]),
];

const MESSAGES: &[ObjectField] = &[
    field("id", Integer, &[]),
    field("chat", Integer, &["conversation_id", "conversation"]),
    field("content", Text, &["text", "body", "message"]),
    field("source", Integer, &["channel"]),
    extra("source_context", Json, &[]),
    field("timestamp", Time, &["created_at", "datetime", "sent_at"]),
    field("user", Integer, &["author"]),
    extra("author_id", Integer, &[]),
    extra(
        "client_id",
        Integer,
        &[
            "person",
            "person_id",
            "user_id",
            "contact",
            "contact_id",
            "client",
        ],
    ),
];

const EMAILS: &[ObjectField] = &[
    field("id", Integer, &[]),
    extra("user_id", Integer, PERSON),
    field("status", Text, &[]),
    field("created_at", Time, &[]),
    field("sent_at", Time, &["timestamp"]),
    field("opened_at", Time, &[]),
    field("clicked_at", Time, &[]),
    field("subject", Text, &[]),
    extra("unsubscribed_at", Time, &[]),
    extra("opens", Integer, &[]),
    extra("clicks", Integer, &[]),
    extra("assigned_to", Integer, OWNER),
];

const SMS: &[ObjectField] = &[
    field("id", Integer, &[]),
    field("user_id", Integer, PERSON),
    field("timestamp", Time, &["sent_at"]),
    extra("assigned_to", Integer, OWNER),
    extra("created_at", Time, &[]),
];

const USER_EVENTS: &[ObjectField] = &[
    field("id", Integer, &[]),
    field(
        "client",
        Integer,
        &["user_id", "user", "person", "client_id"],
    ),
    field("timestamp", Time, &[]),
    field("items", Json, &["data"]),
    field("event", Text, &["name"]),
    field("event_id", Integer, &[]),
];

const STAGE_CHANGES: &[ObjectField] = &[
    field("id", Integer, &[]),
    extra("deal_id", Integer, &[]),
    field("deal", Text, &["deal_name"]),
    field("changed_by", Text, &[]),
    field("stage_name", Text, &[]),
    field("entered_at", Time, &[]),
    field("left_at", Time, &[]),
    field("stage", Integer, &["stage_id"]),
];

const ORDER_PRODUCTS: &[ObjectField] = &[
    extra("id", Integer, &[]),
    extra("deal_id", Integer, &["deal"]),
    extra("position", Integer, &["order"]),
    field("product_id", Integer, &["product"]),
    extra("product_custom_id", Text, &[]),
    extra("name", Text, &["product_name"]),
    field("quantity", Float, &[]),
    extra("price", Text, &["unit_price"]),
    field("value", Text, &["total", "total_price", "amount"]),
    field("currency", Text, &[]),
];

const SEGMENT_MEMBERS: &[ObjectField] = &[
    extra("segment_id", Integer, &["segment"]),
    extra("user_id", Integer, PERSON),
    extra(
        "member_since",
        Time,
        &["added_at", "joined_at", "created_at"],
    ),
];

/// Every object.
pub(super) const ALL: [Object; 17] = [
    Object::Attributes,
    Object::Tags,
    Object::Lists,
    Object::Companies,
    Object::People,
    Object::Products,
    Object::Deals,
    Object::OrderProducts,
    Object::StageChanges,
    Object::Activities,
    Object::Conversations,
    Object::Messages,
    Object::Emails,
    Object::Sms,
    Object::UserEvents,
    Object::Segments,
    Object::SegmentMembers,
];

/// Files that are known and that no API shows (`guide/usercom.md` §2.11).
const BEHIND: &[&str] = &[
    "agents",
    "agent",
    "owners",
    "owner",
    "pipelines",
    "pipeline",
    "stages",
    "stage",
    "events",
    "event",
    "calendar",
    "event_attendees",
    "attendees",
    "notes",
    "note",
    "files",
    "file",
    "attachments",
    "documents",
    "custom_objects",
    "custom_object",
    "custom_object_fields",
    "automations",
];

/// Whether files of this stem hold what the API does not show.
pub(super) fn is_behind(stem: &str) -> bool {
    BEHIND.contains(&stem) || stem.starts_with("co_")
}

impl Object {
    /// What its files are called; the first name is the object's.
    pub(super) const fn stems(self) -> &'static [&'static str] {
        match self {
            Self::Attributes => &["attributes", "attribute"],
            Self::Tags => &["tags", "tag"],
            Self::Lists => &["lists", "list"],
            Self::Companies => &["companies"],
            Self::People => &["people", "users", "contacts"],
            Self::Products => &["products", "product"],
            Self::Deals => &["deals"],
            Self::OrderProducts => &["deal_products", "order_products"],
            Self::StageChanges => &["stage_changes", "deals_stage_changes"],
            Self::Activities => &["activities", "activity", "tasks"],
            Self::Conversations => &["conversations", "conversation", "chats"],
            Self::Messages => &["messages", "message"],
            Self::Emails => &["emails", "email", "email_delivery_logs"],
            Self::Sms => &["sms", "sms_delivery_logs"],
            Self::UserEvents => &["user_events", "tracked_events"],
            Self::Segments => &["segments", "segment"],
            Self::SegmentMembers => &["segment_members"],
        }
    }

    /// Its name in control requests and messages.
    pub(super) fn name(self) -> &'static str {
        self.stems().first().copied().unwrap_or_default()
    }

    /// The object of a file stem, or of an endpoint.
    pub(super) fn of(stem: &str) -> Option<Self> {
        ALL.into_iter()
            .find(|object| object.stems().contains(&stem))
    }

    /// Its columns.
    pub(super) const fn fields(self) -> &'static [ObjectField] {
        match self {
            Self::Attributes => ATTRIBUTES,
            Self::Tags => NAMES,
            Self::Lists => LISTS,
            Self::Companies => COMPANIES,
            Self::People => PEOPLE,
            Self::Products => PRODUCTS,
            Self::Deals => DEALS,
            Self::OrderProducts => ORDER_PRODUCTS,
            Self::StageChanges => STAGE_CHANGES,
            Self::Activities => ACTIVITIES,
            Self::Conversations => CONVERSATIONS,
            Self::Messages => MESSAGES,
            Self::Emails => EMAILS,
            Self::Sms => SMS,
            Self::UserEvents => USER_EVENTS,
            Self::Segments => SEGMENTS,
            Self::SegmentMembers => SEGMENT_MEMBERS,
        }
    }

    /// The column that names the record it belongs to, and that record's object.
    pub(super) const fn parent(self) -> Option<(&'static str, Self)> {
        match self {
            Self::OrderProducts | Self::StageChanges => Some(("deal_id", Self::Deals)),
            Self::Messages => Some(("chat", Self::Conversations)),
            Self::Conversations => Some(("user", Self::People)),
            Self::Emails => Some(("user_id", Self::People)),
            Self::UserEvents => Some(("client", Self::People)),
            Self::SegmentMembers => Some(("segment_id", Self::Segments)),
            _ => None,
        }
    }

    /// Whether the API reaches its rows only through those of another object.
    pub(super) fn is_child(self) -> bool {
        self.parent().is_some() && self != Self::Conversations
    }

    /// Records that sit inside its own: their key, and what they are.
    pub(super) const fn nested(self) -> &'static [(&'static str, Self)] {
        match self {
            Self::People => &[
                ("emails", Self::Emails),
                ("conversations", Self::Conversations),
            ],
            Self::Deals => &[
                ("order_products", Self::OrderProducts),
                ("deal_products", Self::OrderProducts),
                ("stage_changes", Self::StageChanges),
            ],
            Self::Conversations => &[("messages", Self::Messages)],
            Self::Segments => &[
                ("users", Self::SegmentMembers),
                ("members", Self::SegmentMembers),
            ],
            _ => &[],
        }
    }

    /// `content_type` of its attributes; none if it has none.
    pub(super) const fn content_types(self) -> &'static [&'static str] {
        match self {
            Self::People => &["clientuser", "user", "people", "contact"],
            Self::Companies => &["company"],
            Self::Deals => &["deal"],
            Self::Activities => &["activity"],
            Self::Products => &["product"],
            _ => &[],
        }
    }

    /// Names in v1 of columns that are called otherwise in v2 (`guide/usercom.md` §1.2).
    pub(super) const fn v1_names(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::People => &[("user_key", "key"), ("custom_id", "user_id")],
            Self::Companies => &[("custom_id", "company_id"), ("size", "approx_employees")],
            Self::Deals => &[("user_id", "person"), ("company_id", "company")],
            Self::Activities => &[
                ("due_date", "datetime"),
                ("user_id", "person"),
                ("company_id", "company"),
                ("deal_id", "deal"),
            ],
            _ => &[],
        }
    }

    /// Whether the newest `updated_at` decides between versions of a row.
    pub(super) fn has_versions(self) -> bool {
        !self.is_child() && self.fields().iter().any(|field| field.name == "updated_at")
    }
}

/// A name as it is compared: lower case, one underscore for everything between letters and digits.
pub(super) fn plain(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    match words.is_empty() {
        true => name.trim().to_owned(),
        false => words.join("_"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_file_belongs_to_two_objects_and_no_name_to_two_columns() {
        let mut stems = BTreeSet::new();
        for object in ALL {
            for stem in object.stems() {
                assert!(stems.insert(stem) && !is_behind(stem), "{stem}");
            }
            let mut names = BTreeSet::new();
            for field in object.fields() {
                for name in field.aliases.iter().chain([&field.name]) {
                    assert!(names.insert(name), "{}: {name}", object.name());
                }
            }
        }
    }

    #[test]
    fn names_are_compared_without_case_and_spaces() {
        assert_eq!(plain(" Phone Number"), "phone_number");
        assert_eq!(plain("Google+"), "google");
        assert_eq!(plain("Ulubiony kolor"), "ulubiony_kolor");
    }
}
