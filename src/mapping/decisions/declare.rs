//! The decision files of the product: columns, what may stand in them, and what names a row.
//!
//! Out: [`Declared`] files, declared like source tables. A project may have further files, for its own queries: their
//! columns are texts and nothing of them is checked.

use super::vocabulary::{ACTIONS, CONDITIONS, COUNTERPARTS, EVIDENCE, TRIGGERS};

/// What may stand in a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum CellKind {
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

impl CellKind {
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
    pub(super) kind: CellKind,
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

const fn needed(name: &'static str, kind: CellKind) -> Column {
    Column {
        name,
        kind,
        needed: true,
    }
}

/// What a word in a name may be: in front of it, behind it, a part of the last name, and what shows that it is none.
const NAME_WORDS: [&str; 5] = ["title", "suffix", "particle", "company", "nobody"];

/// What Salesforce calls the places of a stage in a forecast (`guide/salesforce.md`, metadata).
const FORECAST_CATEGORIES: &[&str] = &[
    "Omitted",
    "Pipeline",
    "BestCase",
    "MostLikely",
    "Forecast",
    "Closed",
];

const fn optional(name: &'static str, kind: CellKind) -> Column {
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
pub(super) const FILES: [Declared; 30] = [
    declared!(
        "lifecycle",
        [
            needed("lifecycle_stage", CellKind::Text),
            needed("target", CellKind::Word(&["Lead", "Contact", "Hold"])),
            optional("note", CellKind::Text),
        ],
        key: ["lifecycle_stage"],
        decides: "target",
        proposed: "target"
    ),
    declared!(
        "stage_matrix",
        [
            needed("pipeline", CellKind::Text),
            needed("stage", CellKind::Text),
            needed("status", CellKind::DealStatus),
            needed("stage_name", CellKind::Text),
            optional("probability", CellKind::Percent),
            optional("forecast_category", CellKind::Word(FORECAST_CATEGORIES)),
            optional("note", CellKind::Text),
        ],
        key: ["pipeline", "stage", "status"],
        decides: "stage_name",
        proposed: "stage_name"
    ),
    declared!(
        "owners",
        [
            optional("owner_id", CellKind::Whole),
            optional("owner_email", CellKind::Text),
            needed("user_email", CellKind::Email),
            optional("note", CellKind::Text),
        ],
        key: ["owner_id", "owner_email"],
        one_of: ["owner_id", "owner_email"],
        decides: "user_email",
        proposed: "user_email"
    ),
    declared!(
        "defaults",
        [
            needed("object", CellKind::Name),
            needed("field", CellKind::Name),
            needed("value", CellKind::Text),
            optional("note", CellKind::Text),
        ],
        key: ["object", "field"]
    ),
    declared!(
        "value_policy",
        [
            needed("object", CellKind::Name),
            needed("field", CellKind::Name),
            needed(
                "policy",
                CellKind::Word(&["reject", "blank_and_keep_raw", "truncate_and_attach"]),
            ),
            optional("note", CellKind::Text),
        ],
        key: ["object", "field"]
    ),
    declared!(
        "field_policy",
        [
            needed("object", CellKind::Text),
            needed("field", CellKind::Text),
            needed(
                "policy",
                CellKind::Word(&["source_wins", "org_wins", "org_unless_blank", "ask", "automation"]),
            ),
            optional("note", CellKind::Text),
        ],
        key: ["object", "field"]
    ),
    declared!(
        "decisions",
        [
            needed("object", CellKind::Name),
            needed("key", CellKind::Text),
            // `*` is the whole record.
            needed("field", CellKind::NameOrAll),
            optional("ours", CellKind::Text),
            optional("theirs", CellKind::Text),
            optional("decision", CellKind::Word(&["source", "org", "recreate"])),
            optional("base", CellKind::Text),
            optional("changed_by", CellKind::Text),
            optional("changed_at", CellKind::Text),
            optional("record", CellKind::Text),
            optional("note", CellKind::Text),
        ],
        key: ["object", "key", "field", "ours", "theirs"]
    ),
    declared!(
        "field_map",
        [
            needed("source", CellKind::Text),
            needed("source_field", CellKind::Text),
            optional("target_object", CellKind::Text),
            optional("target_field", CellKind::Text),
            optional("type", CellKind::Text),
            optional("status", CellKind::Word(&["confirmed", "ignored", "proposed"])),
            optional("confirmed_by", CellKind::Text),
            optional("confirmed_at", CellKind::Day),
        ],
        key: []
    ),
    declared!(
        "value_map",
        [
            needed("object", CellKind::Name),
            needed("field", CellKind::Name),
            needed("source_value", CellKind::Text),
            optional("target_value", CellKind::Text),
            optional("status", CellKind::Word(&["confirmed", "ignored", "proposed"])),
            optional("confirmed_by", CellKind::Text),
            optional("confirmed_at", CellKind::Day),
        ],
        key: ["object", "field", "source_value"]
    ),
    declared!(
        "ignored_columns",
        [
            needed("source", CellKind::Text),
            needed("column", CellKind::Text),
            needed("reason", CellKind::Text),
        ],
        key: ["source", "column"]
    ),
    declared!(
        "known_ignored_columns",
        [
            needed("source", CellKind::Text),
            needed("column", CellKind::Text),
            needed("reason", CellKind::Text),
        ],
        key: ["source", "column"]
    ),
    declared!(
        "matches",
        [
            needed("object", CellKind::Word(&["Account", "Contact", "Lead"])),
            needed("usercom_id", CellKind::Whole),
            optional("salesforce_id", CellKind::RecordId),
            optional("decision", CellKind::Word(&["same", "new"])),
        ],
        key: []
    ),
    declared!(
        "activity_types",
        [
            optional("activity_type_id", CellKind::Whole),
            optional("activity_type", CellKind::Text),
            optional("task_subtype", CellKind::Word(&["Task", "Call", "Email", "ListEmail", "Cadence", "LinkedIn"])),
            optional("subject", CellKind::Text),
        ],
        key: ["activity_type_id", "activity_type"],
        one_of: ["activity_type_id", "activity_type"],
        proposed: "task_subtype"
    ),
    declared!(
        "countries",
        [needed("country", CellKind::Text), needed("code", CellKind::Code(2))],
        key: ["country"],
        decides: "code",
        proposed: "code"
    ),
    declared!(
        "iso_countries",
        [needed("country", CellKind::Text), needed("code", CellKind::Code(2))],
        key: []
    ),
    declared!(
        "loss_reasons",
        [
            needed("loss_reason", CellKind::Text),
            needed("label", CellKind::Text),
        ],
        key: ["loss_reason"],
        decides: "label"
    ),
    declared!(
        "name_words",
        [
            needed("kind", CellKind::Word(&NAME_WORDS)),
            needed("word", CellKind::Text),
            optional("salutation", CellKind::Text),
        ], key: ["kind", "word"]),
    declared!(
        "known_name_words",
        [
            needed("kind", CellKind::Word(&NAME_WORDS)),
            needed("word", CellKind::Text),
            optional("salutation", CellKind::Text),
        ], key: ["kind", "word"]),
    declared!("free_mail_domains", [needed("domain", CellKind::Domain)], key: ["domain"]),
    declared!("known_free_mail_domains", [needed("domain", CellKind::Domain)], key: ["domain"]),
    declared!(
        "cutover",
        [
            needed("step", CellKind::Text),
            optional("task", CellKind::Text),
            optional("owner", CellKind::Text),
            optional("planned_minutes", CellKind::Whole),
            optional("command", CellKind::Text),
            optional("evidence", CellKind::Text),
            optional("threshold", CellKind::Text),
            optional("rollback", CellKind::Text),
        ],
        key: ["step"]
    ),
    declared!(
        "automations",
        [
            needed("automation", CellKind::Text),
            needed("triggers", CellKind::Known(&TRIGGERS)),
            optional("watches", CellKind::Text),
            optional("conditions", CellKind::Known(&CONDITIONS)),
            optional("actions", CellKind::Known(&ACTIONS)),
            optional("does", CellKind::Text),
            optional("note", CellKind::Text),
        ],
        key: ["automation"]
    ),
    declared!(
        "automation_counterparts",
        [
            needed("trigger", CellKind::Known(&TRIGGERS)),
            optional("actions", CellKind::Known(&ACTIONS)),
            needed("counterpart", CellKind::Word(&COUNTERPARTS)),
            needed("reason", CellKind::Text),
            optional("limits", CellKind::Text),
            optional("while_loading", CellKind::Text),
            optional("evidence", CellKind::Word(&EVIDENCE)),
            optional("read_on", CellKind::Text),
        ],
        key: ["trigger", "actions"]
    ),
    declared!(
        "editions",
        [
            needed("feature", CellKind::Text),
            needed("edition", CellKind::Text),
            optional("note", CellKind::Text),
            optional("read_on", CellKind::Text),
            optional("source", CellKind::Text),
        ],
        key: ["feature"]
    ),
    declared!(
        "sandboxes",
        [
            needed("kind", CellKind::Text),
            optional("data_mb", CellKind::Whole),
            optional("requests_a_day", CellKind::Whole),
            optional("note", CellKind::Text),
            optional("read_on", CellKind::Text),
            optional("source", CellKind::Text),
        ],
        key: ["kind"]
    ),
    declared!(
        "preflight",
        [
            needed("finding", CellKind::Text),
            optional("acknowledged_by", CellKind::Text),
            optional("note", CellKind::Text),
        ],
        key: ["finding"]
    ),
    declared!(
        "rates",
        [
            needed("currency", CellKind::Code(3)),
            needed("rate", CellKind::Positive),
        ],
        key: ["currency"],
        decides: "rate"
    ),
    declared!(
        "territories",
        [
            needed("company_id", CellKind::Whole),
            needed("territory", CellKind::Text),
        ],
        key: ["company_id", "territory"]
    ),
    declared!(
        "user_territories",
        [
            needed("user_email", CellKind::Email),
            needed("territory", CellKind::Text),
        ],
        key: ["user_email", "territory"]
    ),
    declared!(
        "verified",
        [
            needed("record_id", CellKind::RecordId),
            needed("load", CellKind::Text),
            needed("key", CellKind::Text),
            needed("field", CellKind::Name),
            needed("verdict", CellKind::Word(&["right", "wrong"])),
            needed("checked_by", CellKind::Text),
            needed("checked_on", CellKind::Day),
            optional("remark", CellKind::Text),
        ],
        key: ["record_id", "field"]
    ),
];

/// A file by its name.
pub(super) fn declared(name: &str) -> Option<&'static Declared> {
    FILES.iter().find(|file| file.name == name)
}
