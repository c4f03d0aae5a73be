//! The further objects: files in their shapes, rows that add up, the same for the same options.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::super::{GenerateOptions, Summary, generate};
use super::read_back::{Export, Row, bytes_of, contents};
use super::support::export;

/// Records nested in the newest rows of an object, with the row they are in.
pub(super) fn nested<'a>(rows: &[&'a Row], key: &str) -> Vec<(&'a Row, Value)> {
    let mut found = Vec::new();
    for row in rows {
        let text = row.text(key);
        if text.starts_with('[') {
            let items: Vec<Value> = serde_json::from_str(text).unwrap();
            found.extend(items.into_iter().map(|item| (*row, item)));
        }
    }
    found
}

/// Rows of exactly one object, whose files are `object`, `object-…` or `object.…`.
pub(super) fn rows<'a>(read: &'a Export, object: &str) -> Vec<&'a Row> {
    read.rows
        .iter()
        .filter(|row| row.file.split(['-', '.']).next() == Some(object))
        .collect()
}

#[test]
fn files_begin_as_the_source_writes_them() {
    let (_folder, summary) = export(2_000, 1, true);
    let files = contents(&summary.out);
    for (file, start) in [
        (
            "activities-1.csv",
            "id,custom_id,activity_type,name,description,done,activities_status,priority,due_date,",
        ),
        (
            "activities-2.csv.gz",
            "id,custom_id,activity_type,name,description,done,",
        ),
        ("activities-3.jsonl.gz", "{\"id\":3"),
        ("events-1.jsonl.gz", "{\"id\":5"),
        ("events-2.csv", "id,title,content,place,start_date_time,"),
        ("conversations-1.jsonl.gz", "{\"id\":2"),
        (
            "conversations-2.csv",
            "id,user_id,agent,active,source,messages,",
        ),
        ("messages.csv", "id,conversation_id,client_id,author_id,"),
        ("emails.csv", "id,user_id,subject,html,"),
        ("email_delivery_logs.csv.gz", "id,client,subject,sender,"),
        ("sms_delivery_logs.csv", "id,user_id,phone,text,"),
        ("tags.csv", "id,name\n1,vip\n"),
        ("lists.csv", "id,name,description\n1,Webinar March,"),
        ("segments.jsonl", "{\"id\":31,\"name\":\"Contacts\","),
        ("segment_members.csv", "segment_id,user_id,member_since\n"),
        ("products.csv", "id,custom_id,name,sku,"),
        ("deal_products.csv", "id,deal_id,position,product_id,"),
        ("stage_changes.csv", "id,deal_id,deal_name,stage,"),
        ("notes.jsonl", "{\"id\":11"),
        ("files.csv", "id,file_name,path,file_size,mime_type,"),
        (
            "custom_objects.jsonl",
            "{\"id\":61,\"name\":\"subscription\",",
        ),
        ("co_subscription.csv", "id,name,subscriber,customer,"),
        ("co_invoice.jsonl", "{\"id\":70"),
        ("co_asset.csv", "\u{feff}id,name,parent_asset,holder,"),
    ] {
        assert!(files[file].starts_with(start.as_bytes()), "{file}");
    }
}

#[test]
fn every_row_and_every_nested_record_is_counted() {
    for (people, seed, mess) in [(2_000, 1, true), (3_001, 8, false)] {
        let (_folder, summary) = export(people, seed, mess);
        let read = Export::read(&summary.out);
        let (persons, _) = read.newest("people");
        let (deals, _) = read.newest("deals");
        let conversations = rows(&read, "conversations");
        let bundled = nested(&persons, "conversations");
        let inside: usize = bundled
            .iter()
            .map(|(_, one)| one["messages"].as_array().unwrap().len())
            .sum();
        let count = |object: &str| rows(&read, object).len();
        let expected = [
            ("activities", count("activities")),
            ("events", count("events")),
            ("conversations", conversations.len() + bundled.len()),
            (
                "messages",
                count("messages") + nested(&conversations, "messages").len() + inside,
            ),
            (
                "emails",
                count("emails") + count("email_delivery_logs") + nested(&persons, "emails").len(),
            ),
            ("sms", count("sms_delivery_logs")),
            ("tags", count("tags")),
            ("lists", 4),
            ("segments", 6),
            (
                "segment_members",
                count("segment_members") + nested(&rows(&read, "segments"), "users").len(),
            ),
            ("products", 25),
            (
                "deal_products",
                count("deal_products") + nested(&deals, "order_products").len(),
            ),
            (
                "stage_changes",
                count("stage_changes") + nested(&deals, "stage_changes").len(),
            ),
            ("notes", count("notes")),
            ("files", count("files")),
            ("custom_objects", 3),
            (
                "custom_object_fields",
                nested(&rows(&read, "custom_objects"), "fields").len(),
            ),
            ("co_subscription", count("co_subscription")),
            ("co_invoice", count("co_invoice")),
            ("co_asset", count("co_asset")),
        ];
        for (table, rows) in expected {
            assert!(rows > 0, "{table}");
            assert_eq!(summary.further.rows(table), rows as u64, "{table}");
        }
        let attendees = rows(&read, "events");
        let attendees = attendees
            .iter()
            .copied()
            .filter(|row| row.file.contains("jsonl"))
            .collect::<Vec<_>>();
        let attendees = nested(&attendees, "attendees").len();
        assert_eq!(summary.further.rows("event_attendees"), attendees as u64);
        assert_eq!(summary.further.tables.len(), expected.len() + 1);
    }
}

#[test]
fn ratios_follow_the_number_of_people() {
    let (_folder, summary) = export(4_000, 3, true);
    let rows = |table: &str| summary.further.rows(table);
    assert_eq!(rows("activities"), 6_000);
    assert_eq!(rows("events"), 600);
    assert_eq!(rows("notes"), 400);
    assert_eq!(rows("sms"), 200);
    assert_eq!(rows("co_asset"), 200);
    assert_eq!(rows("files"), 60, "blobs are few whatever the size");
    for (table, expected) in [
        ("conversations", 400),
        ("messages", 2_000),
        ("emails", 1_660),
        ("segment_members", 2_000),
        ("deal_products", 1_000),
    ] {
        let range = expected * 8 / 10..expected * 12 / 10;
        assert!(range.contains(&rows(table)), "{table}: {}", rows(table));
    }
}

#[test]
fn activities_and_messages_can_be_asked_for_by_number() {
    for (activities, messages) in [(0, 0), (7, 3), (1_234, 4_321)] {
        let folder = tempfile::tempdir().unwrap();
        let options = GenerateOptions {
            people: 500,
            out: folder.path().join("export"),
            mess: false,
            activities: Some(activities),
            messages: Some(messages),
            ..GenerateOptions::default()
        };
        let summary = generate(&options).unwrap();
        assert_eq!(summary.further.rows("activities"), activities);
        assert_eq!(summary.further.rows("messages"), messages);
        let (_plain, plain) = export(500, 1, false);
        assert_eq!(summary.people, plain.people);
        assert_eq!(summary.deals, plain.deals);
    }
}

#[test]
fn many_activities_and_messages_are_mostly_csv() {
    let folder = tempfile::tempdir().unwrap();
    let options = GenerateOptions {
        people: 100,
        out: folder.path().join("export"),
        activities: Some(150_000),
        messages: Some(150_000),
        ..GenerateOptions::default()
    };
    let summary = generate(&options).unwrap();
    let rows = |file: &str| {
        let found = summary.files.iter().find(|one| one.file == file);
        found.unwrap().rows
    };
    assert!(rows("activities-1.csv") > 140_000);
    assert!(rows("messages.csv") > 140_000);
}

#[test]
fn keys_are_unique_in_each_table() {
    let (_folder, summary) = export(3_000, 6, true);
    let read = Export::read(&summary.out);
    let mut tables: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (table, stems) in [
        ("activities", &["activities"][..]),
        ("events", &["events"]),
        ("conversations", &["conversations"]),
        ("messages", &["messages"]),
        ("emails", &["emails", "email_delivery_logs"]),
        ("notes", &["notes"]),
        ("files", &["files"]),
        ("deal_products", &["deal_products"]),
        ("stage_changes", &["stage_changes"]),
        ("co_subscription", &["co_subscription"]),
    ] {
        for stem in stems {
            let ids = rows(&read, stem).into_iter().map(Row::id);
            tables.entry(table).or_default().extend(ids);
        }
    }
    let (persons, _) = read.newest("people");
    let (deals, _) = read.newest("deals");
    let id = |value: &Value| value["id"].as_u64().unwrap();
    let mut add = |table, value: &Value| tables.entry(table).or_default().push(id(value));
    for (_, conversation) in nested(&persons, "conversations") {
        add("conversations", &conversation);
        for message in conversation["messages"].as_array().unwrap() {
            add("messages", message);
        }
    }
    for (_, message) in nested(&rows(&read, "conversations"), "messages") {
        add("messages", &message);
    }
    for (_, email) in nested(&persons, "emails") {
        add("emails", &email);
    }
    for (_, change) in nested(&deals, "stage_changes") {
        add("stage_changes", &change);
    }
    for (table, ids) in tables {
        let unique: BTreeSet<&u64> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{table}");
    }
}

#[test]
fn blobs_are_the_files_that_rows_name() {
    let (_folder, summary) = export(2_000, 4, false);
    let read = Export::read(&summary.out);
    let blobs: BTreeMap<String, usize> = bytes_of(&summary.out)
        .into_iter()
        .filter(|(name, _)| name.starts_with("blobs/"))
        .map(|(name, bytes)| (name, bytes.len()))
        .collect();
    let files = rows(&read, "files");
    assert_eq!(files.len(), 60);
    assert_eq!(summary.blobs, 60);
    assert_eq!(blobs.len(), 60);
    for file in files {
        let size: usize = file.text("file_size").parse().unwrap();
        assert_eq!(blobs[file.text("path")], size);
        assert!((100..=3_000).contains(&size));
    }
    for (name, size) in &blobs {
        let bytes = fs::read(summary.out.join(name)).unwrap();
        assert_eq!(bytes.len(), *size);
        let begins = |start: &[u8]| bytes.starts_with(start);
        match name.to_lowercase().rsplit('.').next() {
            Some("pdf") => assert!(begins(b"%PDF-1.")),
            Some("png") => assert!(begins(b"\x89PNG\r\n")),
            _ => assert!(std::str::from_utf8(&bytes).is_ok()),
        }
    }
    for odd in [' ', 'Ż', '契', '\''] {
        assert!(blobs.keys().any(|name| name.contains(odd)), "{odd:?}");
    }
}

#[test]
fn times_are_in_order() {
    let (_folder, summary) = export(2_000, 9, false);
    let read = Export::read(&summary.out);
    // Without mess each file has one spelling, so texts compare as times do.
    let ordered = |object: &str, before: &str, after: &str| {
        let mut compared = 0;
        for row in rows(&read, object) {
            let (before, after) = (row.text(before), row.text(after));
            if !before.is_empty() && !after.is_empty() {
                assert!(before <= after, "{object}: {before} {after}");
                compared += 1;
            }
        }
        assert!(compared > 0, "{object}");
    };
    ordered("activities", "created_at", "updated_at");
    ordered("activities", "due_date", "done_date");
    ordered("events", "start_date_time", "end_date_time");
    ordered("events", "start", "end");
    ordered("emails", "sent_at", "opened_at");
    ordered("emails", "opened_at", "clicked_at");
    ordered("stage_changes", "entered_at", "left_at");
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    for message in rows(&read, "messages") {
        let sent = message.text("timestamp");
        let before = last.insert(message.text("conversation_id"), sent);
        assert!(before.is_none_or(|before| before < sent));
    }
}

#[test]
fn further_tables_do_not_depend_on_one_another() {
    let many = |activities, messages| -> (tempfile::TempDir, Summary) {
        let folder = tempfile::tempdir().unwrap();
        let summary = generate(&GenerateOptions {
            people: 300,
            out: folder.path().join("export"),
            activities,
            messages,
            ..GenerateOptions::default()
        });
        (folder, summary.unwrap())
    };
    let (_first, first) = many(None, None);
    let (_second, second) = many(Some(900), None);
    let (first, second) = (bytes_of(&first.out), bytes_of(&second.out));
    for (file, bytes) in &first {
        let about_activities = file.starts_with("activities") || file == "files.csv";
        assert_eq!(second[file] == *bytes, !about_activities, "{file}");
    }
}
