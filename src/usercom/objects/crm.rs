//! The records that people work with: people, companies, deals.

use std::borrow::Cow;

use super::declare::{EMAIL, ID, NAME, alias, column, part, unless, when};
use crate::usercom::cell::{DEAL_STATUS, GENDER, PERSON_STATUS};
use crate::usercom::schema::ColumnKind::{
    Boolean, Choice, Code, Currency, Date, IdList, Integer, Key, Money, OptOut, Text, TextList,
    Timestamp,
};
use crate::usercom::schema::{Column, KeyRule, Object, Take, When};

pub(super) const PEOPLE: Object = Object {
    name: Cow::Borrowed("people"),
    stems: &["users", "contacts"],
    content_types: &["clientuser", "user"],
    key: KeyRule::Own,
    columns: &[
        // In v2 `user_id` is the internal id, in v1 and the UI the client's own (`guide/usercom.md` §1.2).
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
        column!(OptOut, "unsubscribed"),
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
    nested: &[],
};

pub(super) const COMPANIES: Object = Object {
    name: Cow::Borrowed("companies"),
    stems: &[],
    content_types: &["company"],
    key: KeyRule::Own,
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
        column!(
            IdList,
            "team_ids",
            alias("agents"),
            alias("team"),
            alias("team_members")
        ),
        column!(TextList, "tags", alias("tag")),
        column!(Timestamp, "created_at"),
        column!(Timestamp, "updated_at"),
    ],
    nested: &[],
};

pub(super) const DEALS: Object = Object {
    name: Cow::Borrowed("deals"),
    stems: &[],
    content_types: &["deal"],
    key: KeyRule::Own,
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
        column!(
            Currency,
            "currency",
            part("value", Take::Currency),
            part("amount", Take::Currency),
            part("deal_value", Take::Currency)
        ),
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
        // A number, a label, or a record with both.
        column!(Integer, "loss_reason_id" = ID, part("loss_reason", ID)),
        column!(
            Text,
            "loss_reason" = NAME,
            alias("loss_reason_label"),
            alias("loss_reason_name")
        ),
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
        column!(
            IdList,
            "team_ids",
            alias("agents"),
            alias("team"),
            alias("team_members")
        ),
        column!(TextList, "tags", alias("tag")),
        column!(Timestamp, "created_at"),
        column!(Timestamp, "updated_at"),
    ],
    nested: &[],
};
