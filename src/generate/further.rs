//! The files of everything beyond people, companies and deals.
//!
//! Comes in: the export so far, and which deals have their lines and stage changes as rows rather than inside. Goes out:
//! the files, one after the other, the blobs, and what a reader should make of them. In bulk it is CSV: JSON and gzip
//! have small parts, since large exports must be quick to make.

use std::fs;
use std::ops::Range;

use super::activity::{self, Activity};
use super::conversation::Conversation;
use super::conversation_record;
use super::custom_object::{DEFINITIONS, custom_objects_jsonl};
use super::custom_record::{self, CustomRecord};
use super::deal::Deal;
use super::error::GenerateError;
use super::event::{self, Event};
use super::file::{self, File};
use super::group;
use super::line;
use super::mail::{self, Mail};
use super::message::{self, Message};
use super::note::{self, Note};
use super::output::{LARGE, Output, Part, ranges};
use super::product::{self, PRODUCTS, Product};
use super::stage_change;
use super::summary::FurtherTruth;

const ACTIVITIES: &[Part<activity::ActivityField>] = &[
    Part {
        file: "activities-1.csv",
        shape: &activity::V2_CSV,
        share: (150, 960),
    },
    Part {
        file: "activities-2.csv.gz",
        shape: &activity::V2_CSV,
        share: (700, 20),
    },
    Part {
        file: "activities-3.jsonl.gz",
        shape: &activity::V1_JSON,
        share: (150, 20),
    },
];

const EVENTS: &[Part<event::EventField>] = &[
    Part {
        file: "events-1.jsonl.gz",
        shape: &event::V1_JSON,
        share: (600, 200),
    },
    Part {
        file: "events-2.csv",
        shape: &event::V2_CSV,
        share: (400, 800),
    },
];

const CONVERSATIONS: &[Part<conversation_record::ConversationField>] = &[
    Part {
        file: "conversations-1.jsonl.gz",
        shape: &conversation_record::JSON,
        share: (700, 20),
    },
    Part {
        file: "conversations-2.csv",
        shape: &conversation_record::CSV,
        share: (300, 980),
    },
];

const EMAILS: &[Part<mail::MailField>] = &[
    Part {
        file: "emails.csv",
        shape: &mail::EMAIL_CSV,
        share: (250, 950),
    },
    Part {
        file: "email_delivery_logs.csv.gz",
        shape: &mail::EMAIL_LOG,
        share: (750, 50),
    },
];

/// Writes everything; the number of blobs.
pub(super) fn write(
    output: &mut Output<'_>,
    plain_deals: Range<u64>,
    truth: &mut FurtherTruth,
) -> Result<u64, GenerateError> {
    write_definitions(output, truth)?;
    write_activities(output, truth)?;
    write_messages(output, truth)?;
    write_deal_rows(output, plain_deals, truth)?;
    write_custom_records(output, truth)?;
    write_files(output, truth)
}

fn write_definitions(
    output: &mut Output<'_>,
    truth: &mut FurtherTruth,
) -> Result<(), GenerateError> {
    let population = output.population;
    let (bytes, rows) = group::tags_csv(population.mess);
    output.write_whole("tags.csv", "tags", bytes, rows)?;
    truth.add("tags", rows);
    let (bytes, rows) = group::lists_csv();
    output.write_whole("lists.csv", "lists", bytes, rows)?;
    truth.add("lists", rows);
    let (bytes, rows) = group::segments_jsonl(population, truth);
    output.write_whole("segments.jsonl", "segments", bytes, rows)?;
    output.write_rows(
        "segment_members",
        "segment_members.csv",
        &group::MEMBERS,
        group::members(population),
        |member| member.count(truth),
    )?;
    output.write_rows(
        "products",
        "products.csv",
        &product::CSV,
        (0..PRODUCTS).map(|index| Product::new(population, index)),
        |_| truth.add("products", 1),
    )
}

fn write_activities(
    output: &mut Output<'_>,
    truth: &mut FurtherTruth,
) -> Result<(), GenerateError> {
    let population = output.population;
    let further = population.further;
    let large = population.people > LARGE;
    let files = ranges(ACTIVITIES, further.activities, further.activities > LARGE);
    for (part, indices) in ACTIVITIES.iter().zip(files) {
        let records = indices.map(|index| Activity::new(population, index));
        output.write_rows("activities", part.file, part.shape, records, |activity| {
            activity.count(truth);
        })?;
    }
    let files = ranges(EVENTS, further.events, large);
    for (part, indices) in EVENTS.iter().zip(files) {
        let nested = !part.shape.style.is_csv();
        let records = indices.map(|index| Event::new(population, index));
        output.write_rows("events", part.file, part.shape, records, |event| {
            event.count(nested, truth);
        })?;
    }
    let records = (0..further.notes).map(|index| Note::new(population, index));
    output.write_rows("notes", "notes.jsonl", &note::JSON, records, |note| {
        note.count(truth);
    })
}

fn write_messages(output: &mut Output<'_>, truth: &mut FurtherTruth) -> Result<(), GenerateError> {
    let population = output.population;
    let further = population.further;
    let large = population.people > LARGE || further.messages > LARGE;
    let files = ranges(CONVERSATIONS, further.conversations, large);
    let mut alone = further.messages;
    for (part, indices) in CONVERSATIONS.iter().zip(files) {
        let nested = !part.shape.style.is_csv();
        if !nested {
            alone = further.messages_of(indices.start).start;
        }
        let records = indices.map(|index| Conversation::new(population, index));
        output.write_rows("conversations", part.file, part.shape, records, |one| {
            one.count(nested, truth);
        })?;
    }
    let records = (alone..further.messages).map(|number| Message::new(population, number));
    output.write_rows("messages", "messages.csv", &message::CSV, records, |one| {
        one.count(truth);
    })?;
    let files = ranges(EMAILS, further.emails, large);
    for (part, indices) in EMAILS.iter().zip(files) {
        let records = indices.map(|index| Mail::email(population, index));
        output.write_rows("emails", part.file, part.shape, records, |mail| {
            mail.count(truth);
        })?;
    }
    let records = (0..further.sms).map(|index| Mail::sms(population, index));
    output.write_rows(
        "sms",
        "sms_delivery_logs.csv",
        &mail::SMS_LOG,
        records,
        |sms| sms.count(truth),
    )
}

fn write_deal_rows(
    output: &mut Output<'_>,
    deals: Range<u64>,
    truth: &mut FurtherTruth,
) -> Result<(), GenerateError> {
    let population = output.population;
    for index in deals.clone() {
        line::count(&Deal::new(population, index), truth);
    }
    output.write_rows(
        "deal_products",
        "deal_products.csv",
        &line::CSV,
        line::rows(population, deals.clone()),
        |_| {},
    )?;
    output.write_rows(
        "stage_changes",
        "stage_changes.csv",
        &stage_change::CSV,
        stage_change::rows(population, deals),
        |_| truth.add("stage_changes", 1),
    )
}

fn write_custom_records(
    output: &mut Output<'_>,
    truth: &mut FurtherTruth,
) -> Result<(), GenerateError> {
    let population = output.population;
    let (bytes, rows) = custom_objects_jsonl();
    output.write_whole("custom_objects.jsonl", "custom_objects", bytes, rows)?;
    truth.add("custom_objects", rows);
    for definition in DEFINITIONS {
        truth.add("custom_object_fields", definition.fields.len() as u64);
    }
    let indices = 0..population.further.custom;
    output.write_rows(
        "co_subscription",
        "co_subscription.csv",
        &custom_record::SUBSCRIPTION_CSV,
        indices
            .clone()
            .map(|index| CustomRecord::subscription(population, index)),
        |record| record.count(truth),
    )?;
    output.write_rows(
        "co_invoice",
        "co_invoice.jsonl",
        &custom_record::INVOICE_JSON,
        indices
            .clone()
            .map(|index| CustomRecord::invoice(population, index)),
        |record| record.count(truth),
    )?;
    output.write_rows(
        "co_asset",
        "co_asset.csv",
        &custom_record::ASSET_CSV,
        indices.map(|index| CustomRecord::asset(population, index)),
        |record| record.count(truth),
    )
}

fn write_files(output: &mut Output<'_>, truth: &mut FurtherTruth) -> Result<u64, GenerateError> {
    let population = output.population;
    let indices = 0..population.further.files;
    output.write_rows(
        "files",
        "files.csv",
        &file::CSV,
        indices.clone().map(|index| File::new(population, index)),
        |file| file.count(truth),
    )?;
    let folder = output.folder.join(file::FOLDER);
    let mut blobs = 0;
    for index in indices {
        let file = File::new(population, index);
        if file.is_missing() {
            continue;
        }
        if blobs == 0 {
            fs::create_dir(&folder).map_err(|source| GenerateError::CreateFolder {
                path: folder.clone(),
                source,
            })?;
        }
        let path = folder.join(file.blob_name());
        fs::write(&path, file.bytes())
            .map_err(|source| GenerateError::WriteFile { path, source })?;
        blobs += 1;
    }
    Ok(blobs)
}
