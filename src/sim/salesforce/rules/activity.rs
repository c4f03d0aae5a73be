//! Task and Event: who and what, the account that follows, times that must agree (`guide/salesforce.md` §6.1).
//!
//! Codes of refusals that the reference lacks are `FIELD_INTEGRITY_EXCEPTION`; their texts are not the real ones. Times
//! are UTC, as if the loader's user lived there.

use chrono::{NaiveDateTime, TimeDelta};

use super::super::change::{Effect, RowError};
use super::super::schema::{FieldDefinition, OnDelete};
use super::draft::Draft;
use super::relations;
use super::rule::{Rule, integrity, is_of};
use super::written::Written;

pub(super) static TASK: Rule = Rule {
    before: Some(task),
    after: None,
    pairs: &[],
};

pub(super) static EVENT: Rule = Rule {
    before: Some(event),
    after: Some(event_written),
    pairs: &[],
};

fn task(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() {
        return Ok(());
    }
    related(draft)?;
    if draft.inserting() || draft.sent("Status") {
        let status = draft.get("Status").unwrap_or_default();
        let closed = draft.rows("TaskStatus", "MasterLabel", status);
        let closed = closed.first().is_some_and(|status| status.is("IsClosed"));
        if closed && draft.before("IsClosed") != Some("true") {
            let now = super::super::view::instant(draft.context().org.now());
            draft.set("CompletedDateTime", Some(&now));
        } else if !closed {
            draft.set("CompletedDateTime", None);
        }
        draft.set("IsClosed", Some(if closed { "true" } else { "false" }));
    }
    if draft.inserting() || draft.sent("Priority") {
        let priority = draft.get("Priority").unwrap_or_default();
        let high = draft.rows("TaskPriority", "MasterLabel", priority);
        let high = high
            .first()
            .is_some_and(|priority| priority.is("IsHighPriority"));
        draft.set("IsHighPriority", Some(if high { "true" } else { "false" }));
    }
    Ok(())
}

/// A lead stands alone; the account follows.
fn related(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if !draft.inserting() && !draft.sent("WhoId") && !draft.sent("WhatId") {
        return Ok(());
    }
    let lead = draft.get("WhoId").is_some_and(|who| is_of(who, "00Q"));
    if lead && draft.get("WhatId").is_some() {
        let message = "Related To ID: must be blank when Name ID is a lead";
        return Err(integrity(message, &["WhatId"]));
    }
    let converted = lead && draft.sent("WhoId") && !draft.context().trusted;
    if converted
        && draft
            .referred("WhoId")
            .is_some_and(|who| who.is("IsConverted"))
    {
        return Err(RowError::converted_lead());
    }
    let account = account(draft);
    draft.set("AccountId", account.as_deref());
    Ok(())
}

/// What has an account of its own decides, even by having none; else the contact does.
fn account(draft: &Draft<'_>) -> Option<String> {
    let of = |field: &str| -> Option<String> {
        draft.referred(field)?.get("AccountId").map(str::to_owned)
    };
    let Some(what) = draft.get("WhatId") else {
        return of("WhoId");
    };
    if is_of(what, "001") {
        return Some(what.to_owned());
    }
    if is_of(what, "006") {
        return of("WhatId");
    }
    let parent = draft.parent(what)?;
    let child_of_account = |field: &&FieldDefinition| {
        field.on_delete == OnDelete::Cascade
            && field.references.iter().any(|name| name == "Account")
    };
    let detail = parent.object.fields.iter().find(child_of_account);
    match detail.filter(|_| parent.object.custom) {
        Some(detail) => parent.get(&detail.name).map(str::to_owned),
        None => of("WhoId"),
    }
}

const TIMES: [&str; 6] = [
    "IsAllDayEvent",
    "StartDateTime",
    "ActivityDateTime",
    "ActivityDate",
    "EndDateTime",
    "DurationInMinutes",
];

fn event(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() {
        return Ok(());
    }
    related(draft)?;
    if !draft.inserting() && !TIMES.iter().any(|name| draft.sent(name)) {
        return Ok(());
    }
    if draft.is("IsAllDayEvent") {
        all_day(draft)
    } else {
        timed(draft)
    }
}

const STORED: &str = "%Y-%m-%dT%H:%M:%S.000Z";

fn instant(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, STORED).ok()
}

fn shown(instant: NaiveDateTime) -> String {
    instant.format(STORED).to_string()
}

/// A sent value, else the stored one.
fn time(draft: &Draft<'_>, name: &str) -> Option<NaiveDateTime> {
    instant(draft.get(name)?)
}

fn duration(draft: &Draft<'_>) -> Result<Option<TimeDelta>, RowError> {
    let minutes = draft
        .get("DurationInMinutes")
        .and_then(|text| text.parse().ok());
    let Some(minutes) = minutes.and_then(TimeDelta::try_minutes) else {
        return Ok(None);
    };
    if minutes < TimeDelta::zero() {
        let message = "Duration: must not be negative";
        return Err(integrity(message, &["DurationInMinutes"]));
    }
    Ok(Some(minutes))
}

/// The start: one of two fields, which must agree if both are sent.
fn start(draft: &Draft<'_>) -> Result<Option<NaiveDateTime>, RowError> {
    let (one, other) = (
        time(draft, "StartDateTime"),
        time(draft, "ActivityDateTime"),
    );
    match (
        draft.given("StartDateTime"),
        draft.given("ActivityDateTime"),
    ) {
        (true, true) if one != other => {
            let message = "Start Date Time and Due Date Time must be the same";
            Err(integrity(message, &["StartDateTime", "ActivityDateTime"]))
        }
        (false, true) => Ok(other),
        _ => Ok(one.or(other)),
    }
}

fn timed(draft: &mut Draft<'_>) -> Result<(), RowError> {
    let Some(start) = start(draft)? else {
        return Err(RowError::required(&["StartDateTime"]));
    };
    let date = start.date().to_string();
    if draft.given("ActivityDate") && draft.get("ActivityDate") != Some(date.as_str()) {
        let message = "Due Date Only: must be the day of the start";
        return Err(integrity(message, &["ActivityDate"]));
    }
    let (by_end, by_duration) = (draft.given("EndDateTime"), draft.given("DurationInMinutes"));
    let end = match (time(draft, "EndDateTime"), duration(draft)?) {
        (Some(end), _) if by_end && !by_duration => end,
        (Some(end), Some(length)) if by_end && by_duration => {
            if start.checked_add_signed(length) != Some(end) {
                let message = "Duration: does not fit the start and the end";
                return Err(integrity(message, &["DurationInMinutes"]));
            }
            end
        }
        (_, Some(length)) => start.checked_add_signed(length).unwrap_or(start),
        (Some(end), None) => end,
        (None, None) => return Err(RowError::required(&["DurationInMinutes"])),
    };
    if end < start {
        let message = "End Date Time: must not be before the start";
        return Err(integrity(message, &["EndDateTime"]));
    }
    let minutes = (end - start).num_minutes();
    store(draft, start, end, minutes, Some(&shown(start)));
    Ok(())
}

/// An all-day event lies on dates: midnight in UTC, whole days, the end being the last day.
fn all_day(draft: &mut Draft<'_>) -> Result<(), RowError> {
    let day = TimeDelta::days(1);
    let start = start(draft)?;
    let date = if draft.given("ActivityDate") || start.is_none() {
        draft
            .get("ActivityDate")
            .and_then(|date| instant(&format!("{date}T00:00:00.000Z")))
    } else {
        start
    };
    let Some(date) = date else {
        return Err(RowError::required(&["ActivityDate"]));
    };
    let midnight = |at: NaiveDateTime| at.date().and_hms_opt(0, 0, 0) == Some(at);
    let sent_start = start.filter(|_| draft.given("StartDateTime"));
    if !midnight(date) || sent_start.is_some_and(|start| start != date) {
        let message = "Start Date Time: an all-day event starts at midnight UTC of its day";
        return Err(integrity(message, &["StartDateTime"]));
    }
    let length =
        duration(draft)?.filter(|_| draft.given("DurationInMinutes") || !draft.sent("EndDateTime"));
    let whole = |length: &TimeDelta| length.num_minutes() % day.num_minutes() == 0;
    if length.is_some_and(|length| !whole(&length) || length.is_zero()) {
        let message = "Duration: an all-day event lasts whole days";
        return Err(integrity(message, &["DurationInMinutes"]));
    }
    let end = time(draft, "EndDateTime").filter(|_| draft.given("EndDateTime"));
    if end.is_some_and(|end| end < date || !midnight(end)) {
        let message = "End Date Time: an all-day event ends at midnight UTC of its last day";
        return Err(integrity(message, &["EndDateTime"]));
    }
    let minutes = match (end, length) {
        (Some(end), Some(length)) if end - date + day != length => {
            let message = "Duration: does not fit the start and the end";
            return Err(integrity(message, &["DurationInMinutes"]));
        }
        (Some(end), _) => end - date + day,
        (None, Some(length)) => length,
        (None, None) => day,
    };
    store(
        draft,
        date,
        date + minutes - day,
        minutes.num_minutes(),
        None,
    );
    Ok(())
}

fn store(
    draft: &mut Draft<'_>,
    start: NaiveDateTime,
    end: NaiveDateTime,
    minutes: i64,
    activity: Option<&str>,
) {
    draft.set("StartDateTime", Some(&shown(start)));
    draft.set("ActivityDateTime", activity);
    draft.set("ActivityDate", Some(&start.date().to_string()));
    draft.set("EndDateTime", Some(&shown(end)));
    draft.set("EndDate", Some(&end.date().to_string()));
    draft.set("DurationInMinutes", Some(&minutes.to_string()));
}

/// The org relates an event to its Who by itself.
fn event_written(written: &Written<'_>) -> Vec<Effect> {
    relations::follow_who(written)
}
