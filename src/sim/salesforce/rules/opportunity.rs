//! Opportunities, their contacts and their teams (`guide/salesforce.md` §6.1).
//!
//! A contact may have the same role on an opportunity twice, as in the real service. That inserting an existing team
//! member changes it is documented for opportunities; for accounts it is assumed.

use super::super::change::{Effect, RowError};
use super::draft::Draft;
use super::rule::{Pair, Refusal, Rule, integrity};
use super::written::{Changed, Written};

pub(super) static OPPORTUNITY: Rule = Rule {
    before: Some(opportunity),
    after: Some(opportunity_written),
    pairs: &[],
};

pub(super) static CONTACT_ROLE: Rule = Rule {
    before: None,
    after: Some(role_written),
    pairs: &[],
};

pub(super) static TEAM_MEMBER: Rule = Rule {
    before: None,
    after: None,
    pairs: &[Pair {
        fields: &["OpportunityId", "UserId"],
        refusal: Refusal::Update,
    }],
};

pub(super) static ACCOUNT_TEAM_MEMBER: Rule = Rule {
    before: None,
    after: None,
    pairs: &[Pair {
        fields: &["AccountId", "UserId"],
        refusal: Refusal::Update,
    }],
};

/// A probability is from 0 to 100. With lines, the amount is theirs and the price book stays.
fn opportunity(draft: &mut Draft<'_>) -> Result<(), RowError> {
    let probability = draft
        .get("Probability")
        .filter(|_| draft.sent("Probability"));
    if let Some(text) = probability
        && !text
            .parse::<f64>()
            .is_ok_and(|percent| (0.0..=100.0).contains(&percent))
    {
        let message = format!("Probability: value outside of valid range on numeric field: {text}");
        return Err(RowError::on(
            "NUMBER_OUTSIDE_VALID_RANGE",
            message,
            &["Probability"],
        ));
    }
    if draft.inserting() || draft.before("HasOpportunityLineItem") != Some("true") {
        return Ok(());
    }
    draft.ignore("Amount");
    draft.ignore("TotalOpportunityQuantity");
    if draft.sent("Pricebook2Id") && draft.get("Pricebook2Id") != draft.before("Pricebook2Id") {
        let message = "Price Book ID: cannot change while the opportunity has products";
        return Err(integrity(message, &["Pricebook2Id"]));
    }
    Ok(())
}

/// `ContactId`, given on create, makes the primary role.
fn opportunity_written(written: &Written<'_>) -> Vec<Effect> {
    if !written.context().sets("ContactId") {
        return Vec::new();
    }
    let rows = written.rows();
    let roles = rows.iter().filter(|row| row.created).filter_map(|row| {
        let values = [row.id.as_str(), row.after("ContactId")?, "true"];
        Some(values.map(str::to_owned).to_vec())
    });
    let roles: Vec<Vec<String>> = roles.collect();
    let columns = ["OpportunityId", "ContactId", "IsPrimary"];
    let mut effects = written.effects();
    effects.insert("OpportunityContactRole", &columns, roles);
    effects.list()
}

/// The last primary role stands.
fn role_written(written: &Written<'_>) -> Vec<Effect> {
    let mut cleared = Vec::new();
    let rows = written.rows();
    let fresh =
        |row: &&Changed<'_>| row.after("IsPrimary") == Some("true") && row.changed("IsPrimary");
    let mut seen = std::collections::HashSet::new();
    for role in rows.iter().rev().filter(fresh) {
        let opportunity = role.after("OpportunityId").unwrap_or_default();
        if !seen.insert(opportunity) {
            continue;
        }
        let others = written.find("OpportunityContactRole", "OpportunityId", opportunity);
        let others = others
            .into_iter()
            .filter(|other| other.id != role.id && other.is("IsPrimary"));
        cleared.extend(others.map(|other| vec![other.id, "false".to_owned()]));
    }
    let mut effects = written.effects();
    effects.update("OpportunityContactRole", &["Id", "IsPrimary"], cleared);
    effects.list()
}
