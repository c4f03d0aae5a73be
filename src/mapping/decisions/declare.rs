//! The decision files of the product: columns, what may stand in them, and what names a row.
//!
//! Out: [`Declared`] files, declared like source tables. A project may have further files, for its own queries: their
//! columns are texts and nothing of them is checked.

use super::vocabulary::{ACTIONS, CONDITIONS, COUNTERPARTS, EVIDENCE, TRIGGERS};

/// What may stand in a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Anything.
    Text,
    /// One of these, whatever its case.
    Word(&'static [&'static str]),
    /// Some of these, with bars between them; others are told and kept as free text.
    Known(&'static [&'static str]),
    /// A status of deals, as word or number.
    DealStatus,
    /// A whole number.
    Whole,
    /// A number from the first to the second; `10%` and a decimal comma are understood.
    Percent,
    /// A number above zero; a decimal comma is understood.
    Positive,
    /// A day, as `2026-12-31` or `31.12.2026`.
    Day,
    /// An e-mail address.
    Email,
    /// A code of letters of this length, such as `PLN`.
    Code(usize),
    /// A Salesforce record id.
    RecordId,
    /// The domain of addresses, with or without `@` in front.
    Domain,
    /// An API name of Salesforce.
    Name,
    /// The same, or `*`.
    NameOrAll,
}

impl Kind {
    /// In words.
    pub(super) fn words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Word(words) => words.join(", "),
            Self::Known(words) => format!("free text, best of {}", words.join(" | ")),
            Self::DealStatus => "status of a deal".to_owned(),
            Self::Whole => "whole number".to_owned(),
            Self::Percent => "number from 0 to 100".to_owned(),
            Self::Positive => "number above 0".to_owned(),
            Self::Day => "day, such as 2026-12-31".to_owned(),
            Self::Email => "e-mail address".to_owned(),
            Self::Code(length) => format!("code of {length} letters"),
            Self::RecordId => "id of a record in the org".to_owned(),
            Self::Domain => "domain".to_owned(),
            Self::Name => "API name".to_owned(),
            Self::NameOrAll => "API name or *".to_owned(),
        }
    }
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Whether a row without it says nothing.
    pub(super) needed: bool,
}

/// One decision file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared {
    pub(super) name: &'static str,
    /// What a project without the file gets, and what `init` writes.
    pub(super) template: &'static str,
    pub(super) columns: &'static [Column],
    /// Columns that no two rows share; empty = rows may repeat.
    pub(super) key: &'static [&'static str],
    /// Columns of which one at least is needed.
    pub(super) one_of: &'static [&'static str],
    /// The column that says what was decided: a row without it is a question that nobody has answered yet.
    pub(super) decides: Option<&'static str>,
    /// The column that proposals fill in.
    pub(super) proposed: Option<&'static str>,
}

/// Columns that a proposal has besides; none is declared, since a project's own file may use the words for something else.
pub(super) const CLASS: &str = "class";
pub(super) const SIGNATURE: [&str; 2] = ["confirmed_by", "confirmed_at"];

/// What a class may be.
pub(super) const CLASSES: [&str; 3] = ["certain", "likely", "guess"];

const fn needed(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        needed: true,
    }
}

/// What Salesforce calls the places of a stage in a forecast (`guide/salesforce.md`, metadata).
const FORECAST_CATEGORIES: &[&str] = &[
    "Omitted",
    "Pipeline",
    "BestCase",
    "MostLikely",
    "Forecast",
    "Closed",
];

const fn optional(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        needed: false,
    }
}

macro_rules! declared {
    (
        $name:literal, [$($column:expr),* $(,)?], key: [$($key:literal),*]
        $(, one_of: [$($one:literal),*])? $(, decides: $decides:literal)?
        $(, proposed: $proposed:literal)?
    ) => {
        Declared {
            name: $name,
            template: include_str!(concat!("../defaults/", $name, ".csv")),
            columns: &[$($column),*],
            key: &[$($key),*],
            one_of: &[$($($one),*)?],
            decides: [$(Some($decides),)? None][0],
            proposed: [$(Some($proposed),)? None][0],
        }
    };
}

/// All of them.
pub(super) const FILES: [Declared; 29] = [
    declared!(
        "lifecycle",
        [
            needed("lifecycle_stage", Kind::Text),
            needed("target", Kind::Word(&["Lead", "Contact", "Hold"])),
            optional("note", Kind::Text),
        ],
        key: ["lifecycle_stage"],
        decides: "target",
        proposed: "target"
    ),
    declared!(
        "stage_matrix",
        [
            needed("pipeline", Kind::Text),
            needed("stage", Kind::Text),
            needed("status", Kind::DealStatus),
            needed("stage_name", Kind::Text),
            optional("probability", Kind::Percent),
            optional("forecast_category", Kind::Word(FORECAST_CATEGORIES)),
            optional("note", Kind::Text),
        ],
        key: ["pipeline", "stage", "status"],
        decides: "stage_name",
        proposed: "stage_name"
    ),
    declared!(
        "owners",
        [
            optional("owner_id", Kind::Whole),
            optional("owner_email", Kind::Email),
            needed("user_email", Kind::Email),
            optional("note", Kind::Text),
        ],
        key: ["owner_id", "owner_email"],
        one_of: ["owner_id", "owner_email"],
        decides: "user_email",
        proposed: "user_email"
    ),
    declared!(
        "defaults",
        [
            needed("object", Kind::Name),
            needed("field", Kind::Name),
            needed("value", Kind::Text),
            optional("note", Kind::Text),
        ],
        key: ["object", "field"]
    ),
    declared!(
        "value_policy",
        [
            needed("object", Kind::Name),
            needed("field", Kind::Name),
            needed(
                "policy",
                Kind::Word(&["reject", "blank_and_keep_raw", "truncate_and_attach"]),
            ),
            optional("note", Kind::Text),
        ],
        key: ["object", "field"]
    ),
    declared!(
        "field_policy",
        [
            needed("object", Kind::Text),
            needed("field", Kind::Text),
            needed(
                "policy",
                Kind::Word(&["source_wins", "org_wins", "org_unless_blank", "ask", "automation"]),
            ),
            optional("note", Kind::Text),
        ],
        key: ["object", "field"]
    ),
    declared!(
        "decisions",
        [
            needed("object", Kind::Name),
            needed("key", Kind::Text),
            // `*` is the whole record.
            needed("field", Kind::NameOrAll),
            optional("ours", Kind::Text),
            optional("theirs", Kind::Text),
            optional("decision", Kind::Word(&["source", "org", "recreate"])),
            optional("base", Kind::Text),
            optional("changed_by", Kind::Text),
            optional("changed_at", Kind::Text),
            optional("record", Kind::Text),
            optional("note", Kind::Text),
        ],
        key: ["object", "key", "field", "ours", "theirs"]
    ),
    declared!(
        "field_map",
        [
            needed("source", Kind::Text),
            needed("source_field", Kind::Text),
            optional("target_object", Kind::Text),
            optional("target_field", Kind::Text),
            optional("type", Kind::Text),
            optional("status", Kind::Word(&["confirmed", "ignored", "proposed"])),
            optional("confirmed_by", Kind::Text),
            optional("confirmed_at", Kind::Text),
        ],
        key: []
    ),
    declared!(
        "value_map",
        [
            needed("object", Kind::Name),
            needed("field", Kind::Name),
            needed("source_value", Kind::Text),
            optional("target_value", Kind::Text),
            optional("status", Kind::Word(&["confirmed", "ignored", "proposed"])),
            optional("confirmed_by", Kind::Text),
            optional("confirmed_at", Kind::Text),
        ],
        key: ["object", "field", "source_value"]
    ),
    declared!(
        "ignored_columns",
        [
            needed("source", Kind::Text),
            needed("column", Kind::Text),
            needed("reason", Kind::Text),
        ],
        key: ["source", "column"]
    ),
    declared!(
        "matches",
        [
            needed("object", Kind::Word(&["Account", "Contact", "Lead"])),
            needed("usercom_id", Kind::Whole),
            optional("salesforce_id", Kind::RecordId),
            optional("decision", Kind::Word(&["same", "new"])),
        ],
        key: []
    ),
    declared!(
        "activity_types",
        [
            optional("activity_type_id", Kind::Whole),
            optional("activity_type", Kind::Text),
            optional("task_subtype", Kind::Word(&["Task", "Call", "Email", "ListEmail", "Cadence", "LinkedIn"])),
            optional("subject", Kind::Text),
        ],
        key: ["activity_type_id", "activity_type"],
        one_of: ["activity_type_id", "activity_type"],
        proposed: "task_subtype"
    ),
    declared!(
        "countries",
        [needed("country", Kind::Text), needed("code", Kind::Code(2))],
        key: ["country"],
        decides: "code",
        proposed: "code"
    ),
    declared!(
        "iso_countries",
        [needed("country", Kind::Text), needed("code", Kind::Code(2))],
        key: []
    ),
    declared!(
        "loss_reasons",
        [
            needed("loss_reason", Kind::Text),
            needed("label", Kind::Text),
        ],
        key: ["loss_reason"],
        decides: "label"
    ),
    declared!(
        "name_words",
        [
            needed("kind", Kind::Word(&["title", "suffix"])),
            needed("word", Kind::Text),
            optional("salutation", Kind::Text),
        ], key: ["kind", "word"]),
    declared!(
        "known_name_words",
        [
            needed("kind", Kind::Word(&["title", "suffix"])),
            needed("word", Kind::Text),
            optional("salutation", Kind::Text),
        ], key: ["kind", "word"]),
    declared!("free_mail_domains", [needed("domain", Kind::Domain)], key: ["domain"]),
    declared!("known_free_mail_domains", [needed("domain", Kind::Domain)], key: ["domain"]),
    declared!(
        "cutover",
        [
            needed("step", Kind::Text),
            optional("task", Kind::Text),
            optional("owner", Kind::Text),
            optional("planned_minutes", Kind::Whole),
            optional("command", Kind::Text),
            optional("evidence", Kind::Text),
            optional("threshold", Kind::Text),
            optional("rollback", Kind::Text),
        ],
        key: ["step"]
    ),
    declared!(
        "automations",
        [
            needed("automation", Kind::Text),
            needed("triggers", Kind::Known(&TRIGGERS)),
            optional("watches", Kind::Text),
            optional("conditions", Kind::Known(&CONDITIONS)),
            optional("actions", Kind::Known(&ACTIONS)),
            optional("does", Kind::Text),
            optional("note", Kind::Text),
        ],
        key: ["automation"]
    ),
    declared!(
        "automation_counterparts",
        [
            needed("trigger", Kind::Known(&TRIGGERS)),
            optional("actions", Kind::Known(&ACTIONS)),
            needed("counterpart", Kind::Word(&COUNTERPARTS)),
            needed("reason", Kind::Text),
            optional("limits", Kind::Text),
            optional("while_loading", Kind::Text),
            optional("evidence", Kind::Word(&EVIDENCE)),
            optional("read_on", Kind::Text),
        ],
        key: ["trigger", "actions"]
    ),
    declared!(
        "editions",
        [
            needed("feature", Kind::Text),
            needed("edition", Kind::Text),
            optional("note", Kind::Text),
            optional("read_on", Kind::Text),
            optional("source", Kind::Text),
        ],
        key: ["feature"]
    ),
    declared!(
        "sandboxes",
        [
            needed("kind", Kind::Text),
            optional("data_mb", Kind::Whole),
            optional("requests_a_day", Kind::Whole),
            optional("note", Kind::Text),
            optional("read_on", Kind::Text),
            optional("source", Kind::Text),
        ],
        key: ["kind"]
    ),
    declared!(
        "preflight",
        [
            needed("finding", Kind::Text),
            optional("acknowledged_by", Kind::Text),
            optional("note", Kind::Text),
        ],
        key: ["finding"]
    ),
    declared!(
        "rates",
        [
            needed("currency", Kind::Code(3)),
            needed("rate", Kind::Positive),
        ],
        key: ["currency"],
        decides: "rate"
    ),
    declared!(
        "territories",
        [
            needed("company_id", Kind::Whole),
            needed("territory", Kind::Text),
        ],
        key: ["company_id", "territory"]
    ),
    declared!(
        "user_territories",
        [
            needed("user_email", Kind::Email),
            needed("territory", Kind::Text),
        ],
        key: ["user_email", "territory"]
    ),
    declared!(
        "verified",
        [
            needed("record_id", Kind::RecordId),
            needed("load", Kind::Text),
            needed("key", Kind::Text),
            needed("field", Kind::Name),
            needed("verdict", Kind::Word(&["right", "wrong"])),
            needed("checked_by", Kind::Text),
            needed("checked_on", Kind::Day),
            optional("remark", Kind::Text),
        ],
        key: ["record_id", "field"]
    ),
];

/// A file by its name.
pub(super) fn declared(name: &str) -> Option<&'static Declared> {
    FILES.iter().find(|file| file.name == name)
}
