//! What deals are about and how they went: products, the lines of deals, changes of stage.

use std::borrow::Cow;

use super::declare::{CREATED_AT, DEAL_ID, ID, NAME, UPDATED_AT, alias, column, part};
use crate::usercom::schema::ColumnKind::{
    Boolean, Currency, Float, Integer, Key, Money, Text, Timestamp,
};
use crate::usercom::schema::{Column, Element, KeyRule, Nested, Object, Step, Take};

pub(super) const PRODUCTS: Object = Object {
    name: Cow::Borrowed("products"),
    stems: &["product"],
    content_types: &["product"],
    key: KeyRule::Own,
    columns: &[
        column!(Key, "id"),
        column!(Text, "custom_id"),
        column!(Text, "name"),
        column!(Text, "code", alias("sku"), alias("product_code")),
        column!(Text, "description"),
        column!(Text, "family", alias("category")),
        column!(Money, "price", alias("unit_price")),
        column!(
            Currency,
            "currency",
            part("price", Take::Currency),
            part("unit_price", Take::Currency)
        ),
        column!(Boolean, "active", alias("is_active")),
        CREATED_AT,
        UPDATED_AT,
    ],
    nested: &[],
};

/// A line that sits in its deal's record under this key.
const fn line(steps: &'static [Step]) -> Nested {
    Nested {
        parent: "deals",
        steps,
        position: &["position", "order"],
        element: Element::Record,
    }
}

pub(super) const DEAL_PRODUCTS: Object = Object {
    name: Cow::Borrowed("deal_products"),
    stems: &["order_products"],
    content_types: &[],
    key: KeyRule::Pair {
        first: "deal_id",
        second: Some("position"),
        links: &["product_id", "product_custom_id", "name"],
        repeats: true,
    },
    columns: &[
        column!(Key, "id"),
        DEAL_ID,
        column!(Integer, "position", alias("order")),
        column!(Integer, "product_id", part("product", ID)),
        column!(Text, "product_custom_id"),
        column!(Text, "name", alias("product_name"), part("product", NAME)),
        column!(Float, "quantity"),
        column!(Money, "price", alias("unit_price")),
        column!(
            Money,
            "value",
            alias("total"),
            alias("total_price"),
            alias("amount")
        ),
        column!(
            Currency,
            "currency",
            part("price", Take::Currency),
            part("unit_price", Take::Currency),
            part("value", Take::Currency),
            part("total", Take::Currency),
            part("total_price", Take::Currency),
            part("amount", Take::Currency)
        ),
        column!(Text, "description"),
    ],
    nested: &[
        line(&[Step {
            key: "order_products",
            parent_id: "deal_id",
        }]),
        line(&[Step {
            key: "deal_products",
            parent_id: "deal_id",
        }]),
    ],
};

pub(super) const STAGE_CHANGES: Object = Object {
    name: Cow::Borrowed("stage_changes"),
    stems: &["deals_stage_changes"],
    content_types: &[],
    key: KeyRule::Pair {
        first: "deal_id",
        second: None,
        links: &["stage_id", "stage_name", "entered_at"],
        repeats: false,
    },
    columns: &[
        column!(Key, "id"),
        DEAL_ID,
        column!(Text, "deal_name", part("deal", NAME)),
        column!(Integer, "stage_id", part("stage", ID)),
        column!(Text, "stage_name", part("stage", NAME)),
        column!(Text, "changed_by"),
        column!(Timestamp, "entered_at"),
        column!(Timestamp, "left_at"),
    ],
    nested: &[Nested {
        parent: "deals",
        steps: &[Step {
            key: "stage_changes",
            parent_id: "deal_id",
        }],
        position: &[],
        element: Element::Record,
    }],
};
