//! The account's custom objects: `subscription`, `invoice` and `asset`, with every type of field.
//!
//! Fixed tables and the small file made of them. Subscriptions and invoices refer to each other, assets to assets, so
//! whoever loads them must break a cycle.

use super::cell::CellKind;
use super::json::{JsonObject, write_list};
use super::random::Object;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Boolean,
    Integer,
    Float,
    Date,
    DateTime,
    /// One of the choices.
    Choice(&'static [&'static str]),
    /// Some of the choices.
    Choices(&'static [&'static str]),
    String,
    Text,
    Json,
    /// Another record's id.
    Reference(Object),
}

impl Type {
    fn word(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Choice(_) | Self::Choices(_) => "fixed",
            Self::String => "string",
            Self::Text => "text",
            Self::Json => "json",
            Self::Reference(_) => "reference",
        }
    }

    fn choices(self) -> &'static [&'static str] {
        match self {
            Self::Choice(choices) | Self::Choices(choices) => choices,
            _ => &[],
        }
    }
}

/// A field of a custom object.
pub(super) struct DeclaredField {
    pub(super) name: &'static str,
    label: &'static str,
    pub(super) kind: Type,
    required: bool,
}

const fn field(name: &'static str, label: &'static str, kind: Type) -> DeclaredField {
    DeclaredField {
        name,
        label,
        kind,
        required: false,
    }
}

const fn required(name: &'static str, label: &'static str, kind: Type) -> DeclaredField {
    DeclaredField {
        required: true,
        ..field(name, label, kind)
    }
}

/// A custom object.
pub(super) struct Definition {
    pub(super) object: Object,
    id: u64,
    name: &'static str,
    label: &'static str,
    plural: &'static str,
    description: &'static str,
    /// The table that its records make.
    pub(super) table: &'static str,
    pub(super) fields: &'static [DeclaredField],
}

/// Subscriptions: of a person and a company, with the last invoice.
pub(super) const SUBSCRIPTION: Definition = Definition {
    object: Object::Subscription,
    id: 61,
    name: "subscription",
    label: "Subscription",
    plural: "Subscriptions",
    description: "What a client pays for every month",
    table: "co_subscription",
    fields: &[
        required("subscriber", "Subscriber", Type::Reference(Object::Person)),
        field("customer", "Customer", Type::Reference(Object::Company)),
        field(
            "last_invoice",
            "Last invoice",
            Type::Reference(Object::Invoice),
        ),
        required(
            "plan",
            "Plan",
            Type::Choice(&["Basic", "Pro", "Enterprise, custom"]),
        ),
        field(
            "addons",
            "Add-ons",
            Type::Choices(&["SMS", "Data; export", "Chat"]),
        ),
        field("monthly_fee", "Monthly fee", Type::Float),
        field("seats", "Seats", Type::Integer),
        field("starts_on", "Starts on", Type::Date),
        field("auto_renew", "Renews itself", Type::Boolean),
    ],
};

/// Invoices: of a subscription, to a company.
pub(super) const INVOICE: Definition = Definition {
    object: Object::Invoice,
    id: 62,
    name: "invoice",
    label: "Faktura",
    plural: "Faktury",
    description: "",
    table: "co_invoice",
    fields: &[
        required(
            "subscription",
            "Subscription",
            Type::Reference(Object::Subscription),
        ),
        field(
            "billed_company",
            "Billed company",
            Type::Reference(Object::Company),
        ),
        required("issued_on", "Issued on", Type::Date),
        field("paid_at", "Paid at", Type::DateTime),
        field("net_amount", "Net amount", Type::Float),
        field("paid", "Paid", Type::Boolean),
        field(
            "payment_method",
            "Payment method",
            Type::Choice(&["Przelew", "Karta", "Gotówka"]),
        ),
        field("positions", "Positions", Type::Json),
    ],
};

/// Assets: parts of other assets, with every type of field.
pub(super) const ASSET: Definition = Definition {
    object: Object::Asset,
    id: 63,
    name: "asset",
    label: "Asset",
    plural: "Assets",
    description: "Equipment at clients; \"own\" or rented",
    table: "co_asset",
    fields: &[
        field("parent_asset", "Part of", Type::Reference(Object::Asset)),
        field("holder", "Holder", Type::Reference(Object::Person)),
        field("serial_number", "Serial number", Type::String),
        field("in_use", "In use", Type::Boolean),
        field("units", "Units", Type::Integer),
        field("purchase_price", "Purchase price", Type::Float),
        field("purchased_on", "Purchased on", Type::Date),
        field("serviced_at", "Serviced at", Type::DateTime),
        field("condition", "Condition", Type::Choice(&["new", "used"])),
        field(
            "labels",
            "Labels",
            Type::Choices(&["fragile", "heavy, 20 kg+", "outdoor"]),
        ),
        field("manual", "Manual", Type::Text),
        field("specification", "Specification", Type::Json),
    ],
};

/// All custom objects.
pub(super) const DEFINITIONS: [&Definition; 3] = [&SUBSCRIPTION, &INVOICE, &ASSET];

/// The name by which a reference names its object.
fn target(object: Object) -> &'static str {
    match object {
        Object::Person => "people",
        Object::Company => "companies",
        Object::Deal => "deals",
        other => DEFINITIONS
            .iter()
            .find(|definition| definition.object == other)
            .map_or("", |definition| definition.name),
    }
}

/// `custom_objects.jsonl`: one object a line with its fields inside.
pub(super) fn custom_objects_jsonl() -> (Vec<u8>, u64) {
    let mut out = Vec::new();
    for definition in DEFINITIONS {
        let mut object = JsonObject::new(&mut out);
        object.number("id", Some(definition.id));
        object.text("name", definition.name);
        object.text("label", definition.label);
        object.text("plural_label", definition.plural);
        object.text("description", definition.description);
        object.value("fields", |out| {
            write_list(out, definition.fields, write_field)
        });
        object.end();
        out.push(b'\n');
    }
    (out, DEFINITIONS.len() as u64)
}

fn write_field(out: &mut Vec<u8>, field: &DeclaredField) {
    let literal = |value: bool| {
        move |out: &mut Vec<u8>| {
            out.extend_from_slice(if value { b"true" } else { b"false" });
            CellKind::Literal
        }
    };
    let mut object = JsonObject::new(out);
    object.text("name", field.name);
    object.text("label", field.label);
    object.text("type", field.kind.word());
    if let Type::Choice(_) | Type::Choices(_) = field.kind {
        object.value("choices", |out| {
            write_list(out, field.kind.choices(), |out, choice| {
                super::cell::write_json_string(out, choice.as_bytes());
            })
        });
        let multiple = matches!(field.kind, Type::Choices(_));
        object.value("multiple", literal(multiple));
    }
    object.value("required", literal(field.required));
    if let Type::Reference(other) = field.kind {
        object.text("target", target(other));
    }
    object.end();
}
