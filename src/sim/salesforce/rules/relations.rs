//! EventRelation: who takes part in an event (`guide/salesforce.md` §6.1).
//!
//! The org makes the relation to an event's Who itself, so inserting that one again is a duplicate: it is made an
//! invitee by an update. That only Who gets such a row, and not What, is a guess.

use super::super::change::{Effect, RowError};
use super::draft::Draft;
use super::rule::{Pair, Refusal, Rule, is_of};
use super::written::Written;

pub(super) static EVENT_RELATION: Rule = Rule {
    before: Some(relation),
    after: None,
    pairs: &[Pair {
        fields: &["EventId", "RelationId"],
        refusal: Refusal::Value,
    }],
};

fn relation(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() || !draft.inserting() {
        return Ok(());
    }
    let related = draft.get("RelationId").unwrap_or_default().to_owned();
    let account = if is_of(&related, "001") {
        Some(related.clone())
    } else {
        draft
            .referred("RelationId")
            .and_then(|person| person.get("AccountId").map(str::to_owned))
    };
    draft.set("AccountId", account.as_deref());
    let what = is_of(&related, "001");
    draft.set("IsWhat", Some(if what { "true" } else { "false" }));
    // That a relation invites unless it says otherwise is a guess; the org's own ones say otherwise.
    if !what && !draft.given("IsInvitee") {
        draft.set("IsInvitee", Some("true"));
    }
    if !draft.given("Status") && draft.is("IsInvitee") {
        draft.set("Status", Some("New"));
    }
    Ok(())
}

/// Keeps the relation to an event's Who.
pub(super) fn follow_who(written: &Written<'_>) -> Vec<Effect> {
    let (mut made, mut kept, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    let rows = written.rows();
    for event in rows
        .iter()
        .filter(|event| !event.gone() && event.changed("WhoId"))
    {
        let relations = if event.created {
            Vec::new()
        } else {
            written.find("EventRelation", "EventId", &event.id)
        };
        let of = |person: &str| {
            relations
                .iter()
                .find(|relation| relation.get("RelationId") == Some(person))
        };
        if let Some(old) = event.before("WhoId").and_then(of) {
            if old.is("IsInvitee") {
                kept.push(vec![old.id.clone(), "false".to_owned()]);
            } else {
                gone.push(old.id.clone());
            }
        }
        if let Some(who) = event.after("WhoId") {
            match of(who) {
                Some(relation) => kept.push(vec![relation.id.clone(), "true".to_owned()]),
                None => made.push(vec![
                    event.id.clone(),
                    who.to_owned(),
                    "true".to_owned(),
                    "false".to_owned(),
                ]),
            }
        }
    }
    let mut effects = written.effects();
    effects.delete("EventRelation", gone);
    effects.update("EventRelation", &["Id", "IsParent"], kept);
    let columns = ["EventId", "RelationId", "IsParent", "IsInvitee"];
    effects.insert("EventRelation", &columns, made);
    effects.list()
}
