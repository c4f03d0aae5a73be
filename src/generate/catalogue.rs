//! What an account defines once: custom attributes, pipelines with their stages, agents.
//!
//! Fixed tables and the small files made of them. `config/` of the demo project decides about exactly these names, which
//! a test compares.

use super::cell::{write_json_string, write_number};
use super::list::{Listing, write_texts};

/// A custom attribute, as `GET /attributes/` lists it (`guide/usercom.md` §4).
pub(super) struct Attribute {
    pub(super) id: u64,
    pub(super) name: &'static str,
    /// The column's name.
    pub(super) name_std: &'static str,
    pub(super) value_type: &'static str,
    pub(super) content_type: &'static str,
    pub(super) choices: &'static [&'static str],
    pub(super) multiple: bool,
}

const fn attribute(
    id: u64,
    content_type: &'static str,
    name: &'static str,
    name_std: &'static str,
    value_type: &'static str,
) -> Attribute {
    Attribute {
        id,
        name,
        name_std,
        value_type,
        content_type,
        choices: &[],
        multiple: false,
    }
}

const fn fixed(
    id: u64,
    content_type: &'static str,
    name: &'static str,
    name_std: &'static str,
    choices: &'static [&'static str],
    multiple: bool,
) -> Attribute {
    Attribute {
        choices,
        multiple,
        ..attribute(id, content_type, name, name_std, "fixed")
    }
}

/// Choices of `preferred_language`.
pub(super) const LANGUAGES: [&str; 5] = ["Polish", "English", "German", "Ukrainian", "العربية"];
/// Choices of `interests`; two hold what lists use as a separator.
pub(super) const INTERESTS: [&str; 6] = [
    "CRM",
    "Automation",
    "Books, films",
    "Data; analytics",
    "Sport",
    "Żeglarstwo",
];
/// Choices of `industry_segment`.
pub(super) const SEGMENTS: [&str; 5] = ["SMB", "Mid-market", "Enterprise", "Non-profit", "Public"];
/// Choices of `deal_source`.
pub(super) const SOURCES: [&str; 5] = [
    "Inbound",
    "Outbound",
    "Referral; partner",
    "Event, fair",
    "Web",
];

/// Custom attributes of people. Two spellings of the content type are in use (§4).
pub(super) const PERSON_ATTRIBUTES: [Attribute; 11] = [
    attribute(101, "clientuser", "NPS score", "nps_score", "integer"),
    attribute(
        102,
        "clientuser",
        "Newsletter consent",
        "newsletter_consent",
        "boolean",
    ),
    fixed(
        103,
        "clientuser",
        "Preferred language",
        "preferred_language",
        &LANGUAGES,
        false,
    ),
    fixed(
        104,
        "clientuser",
        "Interests",
        "interests",
        &INTERESTS,
        true,
    ),
    attribute(105, "clientuser", "Birthday", "birthday", "date"),
    attribute(
        106,
        "clientuser",
        "Trial ends at",
        "trial_ends_at",
        "datetime",
    ),
    attribute(107, "clientuser", "Annual budget", "annual_budget", "float"),
    attribute(
        108,
        "clientuser",
        "Notes internal",
        "notes_internal",
        "string",
    ),
    attribute(109, "clientuser", "Job title", "job_title", "string"),
    attribute(110, "user", "Referral source", "referral_source", "string"),
    attribute(
        111,
        "clientuser",
        "Ulubiony kolor",
        "ulubiony_kolor",
        "string",
    ),
];

/// Custom attributes of companies.
pub(super) const COMPANY_ATTRIBUTES: [Attribute; 4] = [
    fixed(
        201,
        "company",
        "Industry segment",
        "industry_segment",
        &SEGMENTS,
        false,
    ),
    attribute(202, "company", "Is partner", "is_partner", "boolean"),
    attribute(203, "company", "Founded on", "founded_on", "date"),
    attribute(204, "company", "Contract value", "contract_value", "float"),
];

/// Custom attributes of deals.
pub(super) const DEAL_ATTRIBUTES: [Attribute; 3] = [
    attribute(301, "deal", "Win reason", "win_reason", "string"),
    fixed(302, "deal", "Deal source", "deal_source", &SOURCES, false),
    attribute(303, "deal", "Discount percent", "discount_percent", "float"),
];

/// Choices of `call_outcome`.
pub(super) const CALL_OUTCOMES: [&str; 4] =
    ["Reached", "No answer", "Callback, later", "Wrong number"];

/// Custom attributes of activities.
pub(super) const ACTIVITY_ATTRIBUTES: [Attribute; 2] = [
    fixed(
        401,
        "activity",
        "Call outcome",
        "call_outcome",
        &CALL_OUTCOMES,
        false,
    ),
    attribute(402, "activity", "Sentiment", "sentiment", "integer"),
];

/// Something that is defined once and referred to by id or by name.
pub(super) struct NamedId {
    pub(super) id: u64,
    pub(super) name: &'static str,
}

const fn named(id: u64, name: &'static str) -> NamedId {
    NamedId { id, name }
}

/// Types of activities.
pub(super) const ACTIVITY_TYPES: [NamedId; 7] = [
    named(1, "Call"),
    named(2, "Meeting"),
    named(3, "E-mail"),
    named(4, "Task"),
    named(5, "Push view"),
    named(6, "Chat session"),
    named(7, "SMS"),
];

/// An employee of the account's owner.
pub(super) struct Agent {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    /// False: has left the company and still owns records.
    pub(super) active: bool,
}

const fn agent(id: u64, name: &'static str, email: &'static str, active: bool) -> Agent {
    Agent {
        id,
        name,
        email,
        active,
    }
}

/// Agents; two have left.
pub(super) const AGENTS: [Agent; 12] = [
    agent(7001, "Marta Zając", "marta.zajac@northbeam.example", true),
    agent(7002, "Tomasz Lis", "tomasz.lis@northbeam.example", true),
    agent(
        7003,
        "Ewa Czarnecka",
        "ewa.czarnecka@northbeam.example",
        true,
    ),
    agent(
        7004,
        "Robert Krawiec",
        "robert.krawiec@northbeam.example",
        false,
    ),
    agent(7005, "Julia Baran", "julia.baran@northbeam.example", true),
    agent(7006, "Adam Śliwa", "adam.sliwa@northbeam.example", true),
    agent(
        7007,
        "Karolina Wilk",
        "karolina.wilk@northbeam.example",
        true,
    ),
    agent(7008, "Henry Walsh", "henry.walsh@northbeam.example", true),
    agent(
        7009,
        "Monika Sroka",
        "monika.sroka@northbeam.example",
        false,
    ),
    agent(7010, "Jonas Keller", "jonas.keller@northbeam.example", true),
    agent(7011, "Iga Mróz", "iga.mroz@northbeam.example", true),
    agent(7012, "Filip Dudek", "filip.dudek@northbeam.example", true),
];

/// A stage of a pipeline.
pub(super) struct Stage {
    pub(super) id: u64,
    pub(super) name: &'static str,
    /// Weight in percent, as JSON; Salesforce takes whole ones only.
    pub(super) probability: &'static str,
}

const fn stage(id: u64, name: &'static str, probability: &'static str) -> Stage {
    Stage {
        id,
        name,
        probability,
    }
}

/// A sales pipeline.
pub(super) struct Pipeline {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) stages: [Stage; 5],
}

/// Pipelines.
pub(super) const PIPELINES: [Pipeline; 2] = [
    Pipeline {
        id: 10,
        name: "New business",
        stages: [
            stage(101, "Inbound", "10"),
            stage(102, "Discovery", "25"),
            stage(103, "Wycena", "50"),
            stage(104, "Negotiation", "72.5"),
            stage(105, "Decision", "90"),
        ],
    },
    Pipeline {
        id: 20,
        name: "Renewals",
        stages: [
            stage(201, "Upcoming", "40"),
            stage(202, "Review", "55"),
            stage(203, "Quote sent", "70"),
            stage(204, "Verbal yes", "87.5"),
            stage(205, "Signed", "95"),
        ],
    },
];

/// `Agents.csv`: the file and its number of rows.
pub(super) fn agents_csv() -> (Vec<u8>, u64) {
    let mut out = b"id,name,email,active\n".to_vec();
    for agent in &AGENTS {
        write_number(&mut out, agent.id);
        for text in [agent.name, agent.email] {
            out.push(b',');
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(if agent.active { b",t\n" } else { b",f\n" });
    }
    (out, AGENTS.len() as u64)
}

/// `pipelines.jsonl`: one pipeline a line with its stages inside.
pub(super) fn pipelines_jsonl() -> (Vec<u8>, u64) {
    let mut out = Vec::new();
    for pipeline in &PIPELINES {
        out.extend_from_slice(b"{\"id\":");
        write_number(&mut out, pipeline.id);
        out.extend_from_slice(b",\"name\":");
        write_json_string(&mut out, pipeline.name.as_bytes());
        out.extend_from_slice(b",\"stages\":[");
        for (position, stage) in pipeline.stages.iter().enumerate() {
            out.extend_from_slice(if position > 0 {
                b",{\"id\":"
            } else {
                b"{\"id\":"
            });
            write_number(&mut out, stage.id);
            out.extend_from_slice(b",\"name\":");
            write_json_string(&mut out, stage.name.as_bytes());
            out.extend_from_slice(b",\"position\":");
            write_number(&mut out, position as u64 + 1);
            out.extend_from_slice(b",\"probability\":");
            out.extend_from_slice(stage.probability.as_bytes());
            out.push(b'}');
        }
        out.extend_from_slice(b"]}\n");
    }
    (out, PIPELINES.len() as u64)
}

/// `attributes.jsonl`: one custom attribute a line.
pub(super) fn attributes_jsonl() -> (Vec<u8>, u64) {
    let mut out = Vec::new();
    let mut rows = 0;
    let all = PERSON_ATTRIBUTES
        .iter()
        .chain(&COMPANY_ATTRIBUTES)
        .chain(&DEAL_ATTRIBUTES)
        .chain(&ACTIVITY_ATTRIBUTES);
    for attribute in all {
        out.extend_from_slice(b"{\"id\":");
        write_number(&mut out, attribute.id);
        for (key, text) in [
            ("name", attribute.name),
            ("name_std", attribute.name_std),
            ("value_type", attribute.value_type),
            ("content_type", attribute.content_type),
        ] {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            write_json_string(&mut out, text.as_bytes());
        }
        out.extend_from_slice(b",\"choices\":");
        write_texts(&mut out, attribute.choices, Listing::Json);
        out.extend_from_slice(b",\"allow_multiple_choices\":");
        out.extend_from_slice(if attribute.multiple {
            b"true"
        } else {
            b"false"
        });
        out.extend_from_slice(b"}\n");
        rows += 1;
    }
    (out, rows)
}
