//! The declared tables: people, companies, deals, pipelines, stages, agents, attributes.
//!
//! In: nothing. Out: [`OBJECTS`], in the order in which they are staged (attributes first, since they give the
//! types of custom columns). Names are those of API v2, v1 and the UI (`reference/usercom.md` §1.2, §2, §4);
//! the column's own name is always among them.

use super::cell::{ATTRIBUTE_OWNER, ATTRIBUTE_TYPE, DEAL_STATUS, GENDER, PERSON_STATUS};
use super::schema::{Alias, Column, Kind, Nested, Object, Take, When};

const fn alias(header: &'static str) -> Alias {
    part(header, Take::Whole)
}

const fn part(header: &'static str, take: Take) -> Alias {
    Alias {
        header,
        take,
        when: When::Always,
    }
}

/// A part of a cell that a column takes only in files without the column `other`.
const fn unless(header: &'static str, take: Take, other: &'static str) -> Alias {
    Alias {
        header,
        take,
        when: When::Without(other),
    }
}

const fn when(header: &'static str, when: When) -> Alias {
    Alias {
        header,
        take: Take::Whole,
        when,
    }
}

/// `column!(kind, "name", aliases…)`: the name itself comes first, then the other names as given.
macro_rules! column {
    ($kind:expr, $name:literal $(, $alias:expr)* $(,)?) => {
        Column { name: $name, kind: $kind, aliases: &[alias($name) $(, $alias)*] }
    };
}

use Kind::{
    Boolean, Choice, Code, Date, IdList, Integer, Key, Money, Percent, Text, TextList, Timestamp,
};

const ID: Take = Take::Id;
const EMAIL: Take = Take::Text("email");
const NAME: Take = Take::Text("name");

const PEOPLE: Object = Object {
    name: "people",
    stems: &["users", "contacts"],
    content_types: &["clientuser", "user"],
    columns: &[
        // In v2 `user_id` is the internal id, in v1 and the UI the client's own (`reference/usercom.md` §1.2).
        column!(
            Key,
            "id",
            alias("usercom_id"),
            when("user_id", When::With("custom_id"))
        ),
        column!(Text, "user_key", alias("key"), alias("userkey")),
        column!(
            Text,
            "custom_id",
            when("user_id", When::Without("custom_id"))
        ),
        column!(Text, "email", alias("e_mail"), alias("email_address")),
        column!(Text, "phone_number", alias("phone"), alias("telephone")),
        column!(Text, "name", alias("full_name")),
        column!(Text, "first_name"),
        column!(Text, "last_name", alias("surname")),
        column!(Choice, "lifecycle_stage"),
        column!(Code(&PERSON_STATUS), "status"),
        column!(Code(&GENDER), "gender"),
        column!(Integer, "score", alias("scoring")),
        column!(
            Integer,
            "page_views",
            alias("page_visits"),
            alias("pageviews")
        ),
        column!(Text, "country"),
        column!(Text, "region"),
        column!(Text, "city"),
        column!(Text, "timezone", alias("time_zone")),
        column!(Text, "browser_language"),
        column!(Text, "facebook_url", alias("facebook")),
        column!(Text, "linkedin_url", alias("linkedin")),
        column!(Text, "twitter_url", alias("twitter")),
        column!(Text, "google_url", alias("google")),
        column!(Text, "gravatar_url", alias("gravatar")),
        column!(Boolean, "unsubscribed"),
        column!(Boolean, "notifications", alias("enable_notifications")),
        column!(
            Boolean,
            "web_push_subscription",
            alias("web_push"),
            alias("webpush")
        ),
        column!(Text, "fcm_key", alias("fcm"), alias("fcm_token")),
        column!(Text, "last_ip", alias("ip_address"), alias("ip")),
        column!(
            Integer,
            "company_id",
            part("company", ID),
            part("companies", Take::FirstId)
        ),
        column!(IdList, "company_ids", alias("companies")),
        // With a `company_id` the first of `companies` need not be the one that is meant.
        column!(
            Text,
            "company_name",
            part("company", NAME),
            unless("companies", Take::FirstText("name"), "company_id"),
        ),
        column!(
            Integer,
            "assigned_to_id",
            part("assigned_to", ID),
            part("owner", ID),
            part("assignee", ID)
        ),
        column!(
            Text,
            "assigned_to_email",
            part("assigned_to", EMAIL),
            part("owner", EMAIL),
            part("assignee", EMAIL),
            alias("owner_email"),
        ),
        column!(TextList, "tags", alias("tag")),
        column!(TextList, "lists"),
        column!(Timestamp, "first_seen"),
        column!(Timestamp, "last_seen"),
        column!(Timestamp, "last_contacted", alias("last_contacted_at")),
        column!(Timestamp, "created_at"),
        column!(Timestamp, "updated_at"),
    ],
    nested: None,
};

const COMPANIES: Object = Object {
    name: "companies",
    stems: &[],
    content_types: &["company"],
    columns: &[
        column!(
            Key,
            "id",
            alias("usercom_id"),
            when("company_id", When::With("custom_id"))
        ),
        column!(
            Text,
            "custom_id",
            when("company_id", When::Without("custom_id"))
        ),
        column!(Text, "name", alias("company_name"), alias("company")),
        column!(Text, "description"),
        column!(Text, "domain", alias("website"), alias("web_site")),
        column!(Text, "email", alias("e_mail")),
        column!(
            TextList,
            "phone_numbers",
            alias("phone_number"),
            alias("phone"),
            alias("phones")
        ),
        column!(Text, "address", alias("street")),
        column!(Text, "city"),
        column!(Text, "region"),
        column!(Text, "country"),
        column!(
            Text,
            "postal_code",
            alias("zip"),
            alias("zip_code"),
            alias("postcode")
        ),
        column!(Choice, "category"),
        column!(
            Integer,
            "size",
            alias("approx_employees"),
            alias("employee_count"),
            alias("number_of_employees")
        ),
        column!(IdList, "employee_ids", alias("employees")),
        column!(
            Integer,
            "assigned_to_id",
            part("assigned_to", ID),
            part("owner", ID),
            part("assignee", ID)
        ),
        column!(
            Text,
            "assigned_to_email",
            part("assigned_to", EMAIL),
            part("owner", EMAIL),
            part("assignee", EMAIL),
            alias("owner_email"),
        ),
        column!(TextList, "tags", alias("tag")),
        column!(Timestamp, "created_at"),
        column!(Timestamp, "updated_at"),
    ],
    nested: None,
};

const DEALS: Object = Object {
    name: "deals",
    stems: &[],
    content_types: &["deal"],
    columns: &[
        column!(
            Key,
            "id",
            alias("usercom_id"),
            when("deal_id", When::With("custom_id"))
        ),
        column!(
            Text,
            "custom_id",
            when("deal_id", When::Without("custom_id"))
        ),
        column!(Text, "name", alias("deal_name")),
        column!(Money, "value", alias("amount"), alias("deal_value")),
        column!(Text, "currency"),
        column!(Integer, "pipeline_id", part("pipeline", ID)),
        column!(Text, "pipeline_name", part("pipeline", NAME)),
        column!(Integer, "stage_id", part("stage", ID)),
        column!(Text, "stage_name", part("stage", NAME)),
        column!(Code(&DEAL_STATUS), "status"),
        column!(Integer, "scope"),
        column!(Integer, "company_id", part("company", ID)),
        column!(Text, "company_name", part("company", NAME)),
        column!(
            Integer,
            "person_id",
            part("person", ID),
            part("user_id", ID),
            part("user", ID),
            part("contact", ID),
            part("contact_id", ID),
        ),
        column!(IdList, "participant_ids", alias("participants")),
        column!(
            Integer,
            "assigned_to_id",
            part("assigned_to", ID),
            part("owner", ID),
            part("assignee", ID)
        ),
        column!(
            Text,
            "assigned_to_email",
            part("assigned_to", EMAIL),
            part("owner", EMAIL),
            part("assignee", EMAIL),
            alias("owner_email"),
        ),
        column!(Integer, "created_by_id", part("created_by", ID)),
        column!(Text, "loss_reason", alias("loss_reason_id")),
        column!(Text, "loss_reason_description"),
        column!(
            Date,
            "expected_close_date",
            alias("close_date"),
            alias("expected_close")
        ),
        column!(Timestamp, "won_at"),
        column!(Timestamp, "lost_at"),
        column!(IdList, "product_ids", alias("products")),
        column!(TextList, "tags", alias("tag")),
        column!(Timestamp, "created_at"),
        column!(Timestamp, "updated_at"),
    ],
    nested: None,
};

const PIPELINES: Object = Object {
    name: "pipelines",
    stems: &["pipeline"],
    content_types: &[],
    columns: &[
        column!(Key, "id", alias("pipeline_id")),
        column!(Text, "name", alias("pipeline"), alias("pipeline_name")),
        column!(Integer, "position", alias("order")),
    ],
    nested: None,
};

const STAGES: Object = Object {
    name: "stages",
    stems: &["stage"],
    content_types: &[],
    columns: &[
        column!(Key, "id", alias("stage_id")),
        column!(Integer, "pipeline_id", part("pipeline", ID)),
        column!(Text, "pipeline_name", part("pipeline", NAME)),
        column!(Text, "name", alias("stage"), alias("stage_name")),
        column!(Integer, "position", alias("order")),
        column!(Percent, "probability", alias("weight")),
    ],
    nested: Some(Nested {
        parent: "pipelines",
        key: "stages",
        parent_id: "pipeline_id",
        position: &["position", "order"],
    }),
};

const AGENTS: Object = Object {
    name: "agents",
    stems: &["owners", "agent", "owner"],
    content_types: &[],
    columns: &[
        column!(Key, "id", alias("agent_id"), alias("user_id")),
        column!(Text, "name", alias("full_name"), alias("agent")),
        column!(Text, "email", alias("e_mail"), alias("email_address")),
        column!(Boolean, "active", alias("is_active")),
    ],
    nested: None,
};

const ATTRIBUTES: Object = Object {
    name: "attributes",
    stems: &["attribute"],
    content_types: &[],
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
    nested: None,
};

/// Every declared object, in the order in which they are staged.
pub const OBJECTS: &[Object] = &[
    ATTRIBUTES, AGENTS, PIPELINES, STAGES, COMPANIES, PEOPLE, DEALS,
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

    #[test]
    fn every_alias_is_written_as_it_is_looked_up() {
        for object in OBJECTS {
            for column in object.columns {
                assert_eq!(column.aliases[0].header, column.name, "{}", object.name);
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
            assert_eq!(object.columns[0].kind, Kind::Key);
            let names: BTreeSet<_> = object.columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), object.columns.len(), "{}", object.name);
        }
    }
}
