//! Topics and what they are assigned to (`guide/salesforce.md` §6.1).

use super::super::change::{Effect, RowError};
use super::draft::Draft;
use super::rule::{Pair, Refusal, Rule, integrity};
use super::written::Written;
use std::collections::HashMap;

pub(super) static TOPIC: Rule = Rule {
    before: Some(topic),
    after: None,
    pairs: &[],
};

pub(super) static TOPIC_ASSIGNMENT: Rule = Rule {
    before: Some(assignment),
    after: Some(counted),
    pairs: &[Pair {
        fields: &["EntityId", "TopicId"],
        refusal: Refusal::Value,
    }],
};

/// A name may only change its spacing and case.
fn topic(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() || draft.inserting() || !draft.sent("Name") {
        return Ok(());
    }
    let plain = |name: Option<&str>| -> String {
        let letters = name.unwrap_or_default().chars();
        letters
            .filter(|c| !c.is_whitespace())
            .flat_map(char::to_lowercase)
            .collect()
    };
    if plain(draft.before("Name")) == plain(draft.get("Name")) {
        return Ok(());
    }
    let message = "Name: only spacing and capitalization of a topic's name can be changed";
    Err(integrity(message, &["Name"]))
}

fn assignment(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() {
        return Ok(());
    }
    let Some(entity) = draft.referred("EntityId") else {
        return Ok(());
    };
    let prefix = String::from_utf8_lossy(&entity.object.prefix).into_owned();
    draft.set("EntityType", Some(&entity.object.name));
    draft.set("EntityKeyPrefix", Some(&prefix));
    Ok(())
}

/// A topic counts what talks about it.
fn counted(written: &Written<'_>) -> Vec<Effect> {
    let mut by: HashMap<String, i64> = HashMap::new();
    for row in written.rows() {
        match (row.after("TopicId"), row.before("TopicId")) {
            (Some(topic), None) => *by.entry(topic.to_owned()).or_default() += 1,
            (None, Some(topic)) => *by.entry(topic.to_owned()).or_default() -= 1,
            _ => {}
        }
    }
    let topics = by.into_iter().filter_map(|(id, by)| {
        let topic = written.row(&id)?;
        let now: i64 = topic
            .get("TalkingAbout")
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        Some(vec![id, (now + by).max(0).to_string()])
    });
    let topics: Vec<Vec<String>> = topics.collect();
    let mut effects = written.effects();
    effects.update("Topic", &["Id", "TalkingAbout"], topics);
    effects.list()
}
