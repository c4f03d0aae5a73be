//! E-mail messages: drafts, their people, and the task that stands for a sent one (`guide/salesforce.md` §6.1).
//!
//! A message is changed only while it is a draft. Once it is none, and belongs to no case, the org makes a task for it
//! and points to it by `ActivityId`. Codes of refusals are `INSUFFICIENT_ACCESS_OR_READONLY`, which is a guess.

use super::super::change::{Effect, EffectCell, RowError};
use super::draft::Draft;
use super::rule::{Rule, is_of};
use super::written::{Changed, Written};

pub(super) static MESSAGE: Rule = Rule {
    before: Some(message),
    after: Some(messages_written),
    pairs: &[],
};

pub(super) static RELATION: Rule = Rule {
    before: Some(relation),
    after: None,
    pairs: &[],
};

const NEW: &str = "0";
const READ: &str = "1";
const DRAFT: &str = "5";

fn refused(message: &str, fields: &[&str]) -> RowError {
    RowError::on("INSUFFICIENT_ACCESS_OR_READONLY", message, fields)
}

fn message(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() {
        return Ok(());
    }
    if draft.inserting() {
        // `ActivityId` can be given for the e-mail of a case only.
        if draft.given("ActivityId") && !draft.given("ParentId") {
            let message = "Activity ID: is set by the org unless the message belongs to a case";
            return Err(refused(message, &["ActivityId"]));
        }
        if !draft.given("MessageDate") {
            let now = super::super::view::instant(draft.context().org.now());
            draft.set("MessageDate", Some(&now));
        }
        return Ok(());
    }
    if draft.before("Status") == Some(DRAFT) {
        return Ok(());
    }
    let read = draft.before("Status") == Some(NEW) && draft.get("Status") == Some(READ);
    let fixed = |name: &&str| match *name {
        "Status" => !read,
        "IsExternallyVisible" => false,
        name => !name.ends_with("__c"),
    };
    let broken = draft.changes().find(fixed);
    match broken {
        Some(field) => Err(refused(
            "an email message can be changed only while it is a draft",
            &[field],
        )),
        None => Ok(()),
    }
}

/// A sent message without a case gets its task.
fn messages_written(written: &Written<'_>) -> Vec<Effect> {
    let rows = written.rows();
    let left = |row: &&Changed<'_>| {
        let status = row.after("Status").unwrap_or(DRAFT);
        let was = if row.created {
            DRAFT
        } else {
            row.before("Status").unwrap_or(DRAFT)
        };
        status != DRAFT
            && was == DRAFT
            && row.after("ParentId").is_none()
            && row.after("ActivityId").is_none()
    };
    let messages: Vec<&Changed<'_>> = rows.iter().filter(left).collect();
    let tasks: Vec<Vec<String>> = messages.iter().map(|row| task(written, row)).collect();
    let columns = [
        "Subject",
        "Description",
        "ActivityDate",
        "WhatId",
        "WhoId",
        "Status",
        "TaskSubtype",
    ];
    let mut effects = written.effects();
    let effect = effects.insert("Task", &columns, tasks);
    let links = messages.iter().enumerate().map(|(row, message)| {
        let task = EffectCell::Made { effect, row };
        vec![message.id.as_str().into(), task]
    });
    effects.update("EmailMessage", &["Id", "ActivityId"], links.collect());
    effects.list()
}

fn task(written: &Written<'_>, message: &Changed<'_>) -> Vec<String> {
    let what = message.after("RelatedToId").unwrap_or_default();
    let relations = written.find("EmailMessageRelation", "EmailMessageId", &message.id);
    // A lead cannot stand beside something the task is about.
    let who = relations
        .iter()
        .filter_map(|relation| relation.get("RelationId"))
        .find(|id| is_of(id, "003") || (is_of(id, "00Q") && what.is_empty()));
    let text = message.after("TextBody").unwrap_or_default();
    let text: String = text.chars().take(32_000).collect();
    let subject: String = message
        .after("Subject")
        .unwrap_or("Email")
        .chars()
        .take(255)
        .collect();
    let day = message
        .after("MessageDate")
        .and_then(|date| date.get(..10))
        .unwrap_or_default();
    let values = [
        subject.as_str(),
        &text,
        day,
        what,
        who.unwrap_or_default(),
        "Completed",
        "Email",
    ];
    values.map(str::to_owned).to_vec()
}

/// People are added while the message is a draft.
fn relation(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.context().trusted {
        return Ok(());
    }
    let message = if draft.deleting() {
        draft
            .before("EmailMessageId")
            .and_then(|id| draft.parent(id))
    } else {
        draft.referred("EmailMessageId")
    };
    if message.is_some_and(|message| message.get("Status") != Some(DRAFT)) {
        let message = "relations of an email message can be changed only while it is a draft";
        return Err(refused(message, &["EmailMessageId"]));
    }
    if draft.deleting() {
        return Ok(());
    }
    if !draft.given("RelationId") && !draft.given("RelationAddress") {
        return Err(RowError::required(&["RelationAddress"]));
    }
    if let Some(person) = draft.referred("RelationId") {
        draft.set("RelationObjectType", Some(&person.object.name));
        if !draft.given("RelationAddress") {
            draft.set("RelationAddress", person.get("Email"));
        }
    }
    Ok(())
}
