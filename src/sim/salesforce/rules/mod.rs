//! What objects do besides storing rows: one file per area (reference/salesforce.md §6.1).
//!
//! In: rows before they are written ([`Rule::before`], with no table locked) and after they were
//! ([`Rule::after`], each change a write of its own). Out: refusals, derived values, and rows of other objects that the
//! org makes or changes by itself. An object without a rule costs nothing. A process that is killed between a write and
//! what follows from it leaves the second undone, which the real service would not.

mod activity;
mod campaign;
mod cases;
mod contacts;
mod effects;
mod email;
mod files;
mod opportunity;
mod prices;
mod relations;
mod territories;
mod topics;
mod users;

use std::io;

pub(crate) use effects::Effects;

use super::write::{Draft, Outcome, RowError, Writer};

/// Looks at one row before it is written.
pub(crate) type Check = fn(&mut Draft<'_>) -> Result<(), RowError>;

/// Follows up on a chunk that was written.
pub(crate) type Follow = fn(&Effects<'_>) -> io::Result<()>;

/// The behaviour of one object.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    pub(crate) before: Option<Check>,
    pub(crate) after: Option<Follow>,
    pub(crate) pairs: &'static [Pair],
}

/// Fields that only one row may have together; the first is the one with fewest rows per value.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) fields: &'static [&'static str],
    pub(crate) refusal: Refusal,
}

/// What happens to a second row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    /// `duplicate value found: … duplicates value on record with id: …`
    Value,
    /// A code and a text of its own.
    Text(&'static str, &'static str),
    /// It changes the first one.
    Update,
}

/// The rule of an object.
pub(crate) fn of(object: &str) -> Option<&'static Rule> {
    Some(match object {
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

/// Lets the rule of an object follow up on rows that were written.
pub(crate) fn after(writer: &Writer, outcomes: &[Outcome]) -> io::Result<()> {
    match writer.rule.and_then(|rule| rule.after) {
        Some(follow) => follow(&Effects::new(writer, outcomes)),
        None => Ok(()),
    }
}

/// A refusal that concerns how fields fit together.
fn integrity(message: impl Into<String>, fields: &[&str]) -> RowError {
    RowError::on("FIELD_INTEGRITY_EXCEPTION", message, fields)
}

/// The object an id belongs to, by its prefix.
fn is_of(id: &str, prefix: &str) -> bool {
    id.starts_with(prefix)
}
