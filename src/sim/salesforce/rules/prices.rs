//! Price book entries, and the lines of opportunities that use them (`guide/salesforce.md` §6.1).
//!
//! A custom price needs the standard one first. Lines decide the amount of their opportunity: it is their sum, and what
//! is written to it is ignored while there are any.

use super::super::change::{Effect, RowError};
use super::draft::{Draft, Parent};
use super::rule::{Pair, Refusal, Rule, integrity};
use super::written::Written;
use std::collections::BTreeSet;

pub(super) static ENTRY: Rule = Rule {
    before: Some(entry),
    after: None,
    pairs: &[Pair {
        fields: &["Product2Id", "Pricebook2Id", "CurrencyIsoCode"],
        // Seen in the wild with this code and with DUPLICATE_VALUE.
        refusal: Refusal::Text(
            "FIELD_INTEGRITY_EXCEPTION",
            "This price definition already exists in this price book",
        ),
    }],
};

pub(super) static LINE_ITEM: Rule = Rule {
    before: Some(line),
    after: Some(lines_written),
    pairs: &[],
};

fn entry(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() {
        return Ok(());
    }
    // A price that is the standard one cannot be given.
    if draft.is("UseStandardPrice") && draft.given("UnitPrice") {
        return Err(integrity("field integrity exception", &[]));
    }
    if !draft.inserting() {
        return Ok(());
    }
    let (Some(book), Some(product)) =
        (draft.referred("Pricebook2Id"), draft.referred("Product2Id"))
    else {
        return Ok(());
    };
    if !book.is("IsStandard") {
        let id = draft.get("Product2Id").unwrap_or_default();
        let standard = draft
            .rows("PricebookEntry", "Product2Id", id)
            .into_iter()
            .find(|entry| {
                let book = entry
                    .get("Pricebook2Id")
                    .and_then(|book| draft.parent(book));
                book.is_some_and(|book| book.is("IsStandard"))
                    && entry.get("CurrencyIsoCode") == draft.get("CurrencyIsoCode")
            });
        let Some(standard) = standard else {
            let message = "Before creating a custom price, create a standard price.";
            return Err(RowError::new("STANDARD_PRICE_NOT_DEFINED", message));
        };
        if draft.is("UseStandardPrice") {
            draft.set("UnitPrice", standard.get("UnitPrice"));
        }
    }
    draft.set("Name", product.get("Name"));
    draft.set("ProductCode", product.get("ProductCode"));
    Ok(())
}

fn line(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() {
        return Ok(());
    }
    let (unit, total) = (draft.given("UnitPrice"), draft.given("TotalPrice"));
    if unit && total {
        let message = "You can't specify both UnitPrice and TotalPrice";
        return Err(integrity(message, &["UnitPrice", "TotalPrice"]));
    }
    if draft.inserting() && !unit && !total {
        return Err(RowError::required(&["UnitPrice"]));
    }
    if draft.inserting() {
        priced(draft)?;
    }
    amounts(draft, total)
}

/// The entry must be active, and of the opportunity's price book.
fn priced(draft: &mut Draft<'_>) -> Result<(), RowError> {
    let entry = draft.referred("PricebookEntryId");
    let (Some(entry), Some(opportunity)) = (entry, draft.referred("OpportunityId")) else {
        // Missing or unknown references are refused elsewhere.
        return Ok(());
    };
    let unavailable = || {
        let message = "pricebook entry does not exist or is not available";
        Err(integrity(message, &["PricebookEntryId"]))
    };
    let book = entry
        .get("Pricebook2Id")
        .and_then(|book| draft.parent(book));
    let Some(book) = book.filter(|_| entry.is("IsActive")) else {
        return unavailable();
    };
    match opportunity.get("Pricebook2Id") {
        None if !book.is("IsActive") => return unavailable(),
        None => {}
        Some(own) if Some(own) == entry.get("Pricebook2Id") => {}
        Some(_) => {
            let message = "The pricebook entry is in a different pricebook than the one assigned to the opportunity";
            return Err(integrity(message, &["PricebookEntryId"]));
        }
    }
    if draft.has("CurrencyIsoCode") {
        let own = opportunity.get("CurrencyIsoCode");
        if entry.get("CurrencyIsoCode") != own {
            let message =
                "The pricebook entry currency code does not match the opportunity currency code";
            return Err(integrity(message, &["PricebookEntryId"]));
        }
        draft.set("CurrencyIsoCode", own);
    }
    copied(draft, &entry, &opportunity);
    Ok(())
}

fn copied(draft: &mut Draft<'_>, entry: &Parent<'_>, opportunity: &Parent<'_>) {
    draft.set("Product2Id", entry.get("Product2Id"));
    draft.set("ProductCode", entry.get("ProductCode"));
    draft.set("ListPrice", entry.get("UnitPrice"));
    let names = [opportunity.get("Name"), entry.get("Name")];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    draft.set("Name", Some(&name));
}

fn amounts(draft: &mut Draft<'_>, by_total: bool) -> Result<(), RowError> {
    let number = |name: &str| draft.get(name).and_then(|text| text.parse::<f64>().ok());
    let Some(quantity) = number("Quantity") else {
        return Ok(());
    };
    if quantity == 0.0 {
        let message = "Quantity: must not be zero";
        return Err(integrity(message, &["Quantity"]));
    }
    let kept = 1.0 - number("Discount").unwrap_or(0.0) / 100.0;
    let (unit, total) = if by_total {
        let total = number("TotalPrice").unwrap_or(0.0);
        let full = if kept == 0.0 { total } else { total / kept };
        (full / quantity, total)
    } else {
        let unit = number("UnitPrice").unwrap_or(0.0);
        (unit, unit * quantity * kept)
    };
    draft.set("UnitPrice", Some(&money(unit)));
    draft.set("TotalPrice", Some(&money(total)));
    draft.set("Subtotal", Some(&money(unit * quantity)));
    Ok(())
}

/// Two digits after the point, without needless zeros.
fn money(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    // No negative zero.
    format!("{}", rounded + 0.0)
}

fn lines_written(written: &Written<'_>) -> Vec<Effect> {
    let rows = written.rows();
    let opportunities = rows
        .iter()
        .filter_map(|line| line.after("OpportunityId").or(line.before("OpportunityId")));
    let opportunities: BTreeSet<&str> = opportunities.collect();
    let (mut sums, mut empty) = (Vec::new(), Vec::new());
    for id in opportunities {
        let Some(opportunity) = written.row(id) else {
            continue;
        };
        let lines = written.find("OpportunityLineItem", "OpportunityId", id);
        let sum = |name: &str| -> f64 {
            let values = lines
                .iter()
                .filter_map(|line| line.get(name)?.parse::<f64>().ok());
            values.sum()
        };
        // Without lines the amount stays what it was.
        let Some(first) = lines.first() else {
            empty.push(vec![id.to_owned(), "false".to_owned()]);
            continue;
        };
        let entry = first
            .get("PricebookEntryId")
            .and_then(|entry| written.row(entry));
        let book = opportunity.get("Pricebook2Id").map(str::to_owned);
        let book = book.or_else(|| entry?.get("Pricebook2Id").map(str::to_owned));
        sums.push(vec![
            id.to_owned(),
            "true".to_owned(),
            money(sum("TotalPrice")),
            money(sum("Quantity")),
            book.unwrap_or_default(),
        ]);
    }
    let columns = [
        "Id",
        "HasOpportunityLineItem",
        "Amount",
        "TotalOpportunityQuantity",
        "Pricebook2Id",
    ];
    let mut effects = written.effects();
    effects.update("Opportunity", &columns, sums);
    effects.update("Opportunity", &columns[..2], empty);
    effects.list()
}
