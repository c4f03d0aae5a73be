//! What objects do besides storing rows: one file per area (`guide/salesforce.md` §6.1).
//!
//! In: rows before they are written ([`Rule::before`], with no table locked) and after they were ([`Rule::after`]). Out:
//! refusals, derived values, and effects: rows of other objects that the org makes or changes by itself. Rules look at
//! the org and say what they want; [`super::write`] does it. An object without a rule costs nothing. A process that is killed between a write and
//! what follows from it leaves the second undone, which the real service would not.

mod activity;
mod addresses;
mod campaign;
mod cases;
mod contacts;
mod context;
mod draft;
mod email;
mod files;
mod opportunity;
mod persons;
mod prices;
mod relations;
mod rule;
mod territories;
mod topics;
mod users;
mod written;

use super::options::{SalesforceSimOptions, Setting};

pub(crate) use context::WriteContext;
pub(crate) use draft::{Amendments, Draft};
pub(crate) use rule::{Check, Pair, Refusal, Rule};
pub(crate) use users::set_of;
pub(crate) use written::Written;

/// The rule of an object.
pub(crate) fn of(object: &str, options: &SalesforceSimOptions) -> Option<&'static Rule> {
    let codes = options.is_on(Setting::StateAndCountryPicklists);
    let persons = options.is_on(Setting::PersonAccounts);
    Some(match object {
        "Account" if persons => &persons::ACCOUNT,
        "Account" | "Lead" if codes => &addresses::ADDRESSES,
        "Contact" if codes || persons => &contacts::CONTACT_WITH_SETTINGS,
        "Task" => &activity::TASK,
        "Event" => &activity::EVENT,
        "EventRelation" => &relations::EVENT_RELATION,
        "Topic" => &topics::TOPIC,
        "TopicAssignment" => &topics::TOPIC_ASSIGNMENT,
        "Campaign" => &campaign::CAMPAIGN,
        "CampaignMemberStatus" => &campaign::MEMBER_STATUS,
        "CampaignMember" => &campaign::MEMBER,
        "Contact" => &contacts::CONTACT,
        "AccountContactRelation" => &contacts::RELATION,
        "PricebookEntry" => &prices::ENTRY,
        "OpportunityLineItem" => &prices::LINE_ITEM,
        "Opportunity" => &opportunity::OPPORTUNITY,
        "OpportunityContactRole" => &opportunity::CONTACT_ROLE,
        "OpportunityTeamMember" => &opportunity::TEAM_MEMBER,
        "AccountTeamMember" => &opportunity::ACCOUNT_TEAM_MEMBER,
        "Case" => &cases::CASE,
        "EmailMessage" => &email::MESSAGE,
        "EmailMessageRelation" => &email::RELATION,
        "ContentVersion" => &files::VERSION,
        "ContentDocumentLink" => &files::LINK,
        "Territory2" => &territories::TERRITORY,
        "ObjectTerritory2Association" => &territories::OBJECT,
        "UserTerritory2Association" => &territories::USER,
        "User" => &users::USER,
        _ => return None,
    })
}
