//! Campaigns, the statuses of their members, and the members (`guide/salesforce.md` §6.1).
//!
//! What happens to a status that the campaign does not have is not in the reference: the default status is taken.

use super::super::change::{Effect, RowError};
use super::draft::Draft;
use super::rule::{Pair, Refusal, Rule, integrity};
use super::written::Written;

pub(super) static CAMPAIGN: Rule = Rule {
    before: None,
    after: Some(campaign_written),
    pairs: &[],
};

pub(super) static MEMBER_STATUS: Rule = Rule {
    before: Some(status),
    after: Some(status_written),
    pairs: &[Pair {
        fields: &["CampaignId", "Label"],
        refusal: Refusal::Value,
    }],
};

const ALREADY: Refusal = Refusal::Text("DUPLICATE_VALUE", "Already a campaign member.");

pub(super) static MEMBER: Rule = Rule {
    before: Some(member),
    after: None,
    pairs: &[
        Pair {
            fields: &["LeadId", "CampaignId"],
            refusal: ALREADY,
        },
        Pair {
            fields: &["ContactId", "CampaignId"],
            refusal: ALREADY,
        },
    ],
};

/// A new campaign has two statuses.
fn campaign_written(written: &Written<'_>) -> Vec<Effect> {
    let rows = written.rows();
    let statuses = rows
        .iter()
        .filter(|campaign| campaign.created)
        .flat_map(|campaign| {
            [
                ("Sent", "3", "true", "false"),
                ("Responded", "4", "false", "true"),
            ]
            .map(|(label, order, default, responded)| {
                let values = [campaign.id.as_str(), label, order, default, responded];
                values.map(str::to_owned).to_vec()
            })
        });
    let statuses: Vec<Vec<String>> = statuses.collect();
    let columns = [
        "CampaignId",
        "Label",
        "SortOrder",
        "IsDefault",
        "HasResponded",
    ];
    let mut effects = written.effects();
    effects.insert("CampaignMemberStatus", &columns, statuses);
    effects.list()
}

/// A status without an order comes last.
fn status(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() || !draft.inserting() || draft.given("SortOrder") {
        return Ok(());
    }
    let campaign = draft.get("CampaignId").unwrap_or_default();
    let others = draft.rows("CampaignMemberStatus", "CampaignId", campaign);
    let orders = others
        .iter()
        .filter_map(|status| status.get("SortOrder")?.parse::<u32>().ok());
    let order = orders.max().unwrap_or(0) + 1;
    draft.set("SortOrder", Some(&order.to_string()));
    Ok(())
}

/// A new default takes the place of the old one.
fn status_written(written: &Written<'_>) -> Vec<Effect> {
    let mut cleared = Vec::new();
    let rows = written.rows();
    for status in rows
        .iter()
        .filter(|row| row.after("IsDefault") == Some("true") && row.changed("IsDefault"))
    {
        let campaign = status.after("CampaignId").unwrap_or_default();
        let others = written.find("CampaignMemberStatus", "CampaignId", campaign);
        let others = others
            .into_iter()
            .filter(|other| other.id != status.id && other.is("IsDefault"));
        cleared.extend(others.map(|other| vec![other.id, "false".to_owned()]));
    }
    let mut effects = written.effects();
    effects.update("CampaignMemberStatus", &["Id", "IsDefault"], cleared);
    effects.list()
}

fn member(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() {
        return Ok(());
    }
    if draft.inserting() {
        match (draft.given("LeadId"), draft.given("ContactId")) {
            (true, true) => {
                let message = "a campaign member is a lead or a contact, not both";
                return Err(integrity(message, &["LeadId", "ContactId"]));
            }
            (false, false) => return Err(RowError::required(&["LeadId", "ContactId"])),
            (lead, _) => draft.set("Type", Some(if lead { "Lead" } else { "Contact" })),
        }
    }
    if draft.inserting() || draft.sent("Status") {
        member_status(draft);
    }
    Ok(())
}

fn member_status(draft: &mut Draft<'_>) {
    let campaign = draft.get("CampaignId").unwrap_or_default();
    let statuses = draft.rows("CampaignMemberStatus", "CampaignId", campaign);
    let wanted = draft.get("Status").unwrap_or_default();
    let named = |label: &str| label.eq_ignore_ascii_case(wanted);
    let found = statuses
        .iter()
        .find(|status| status.get("Label").is_some_and(named));
    let found = found.or_else(|| statuses.iter().find(|status| status.is("IsDefault")));
    let Some(status) = found else { return };
    let responded = status.is("HasResponded");
    draft.set("Status", status.get("Label"));
    draft.set(
        "HasResponded",
        Some(if responded { "true" } else { "false" }),
    );
    if responded && draft.get("FirstRespondedDate").is_none() {
        let today = super::super::view::instant(draft.context().org.now());
        draft.set("FirstRespondedDate", today.get(..10));
    }
}
