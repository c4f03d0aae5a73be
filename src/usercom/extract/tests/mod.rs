//! What an extract holds of an account that is imagined by the tests, and what it asked for.

mod account;
mod changes;
mod interrupted;
mod moving;
mod refusals;

use account::{Account, Told, ids, rows};

use std::collections::BTreeMap;

use super::manifest::Mode;
use super::{Choices, prepare};

#[tokio::test]
async fn every_object_becomes_files_whose_rows_know_their_parents() {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    assert_eq!(ids(&finished, "people"), (1..=5).collect());
    assert_eq!(
        rows(&finished, "stage_changes"),
        [
            r#"{"id":71,"stage":1,"deal_id":7}"#,
            r#"{"id":81,"stage":1,"deal_id":8}"#
        ]
    );
    assert_eq!(
        rows(&finished, "segment_members")[0],
        r#"{"segment_id":3,"person_id":1}"#
    );
    assert_eq!(rows(&finished, "segment_members").len(), 4);
    assert_eq!(
        rows(&finished, "emails"),
        [r#"{"id":21,"subject":"Hello","person_id":2}"#]
    );
    let messages = rows(&finished, "messages");
    assert_eq!(messages.len(), 4, "both pages of the conversation");
    assert_eq!(
        messages[3],
        r#"{"id":94,"content":"hi","conversation_id":9}"#
    );
    for (name, entry) in &finished.manifest.objects {
        assert_eq!((entry.missing, entry.api_version), (0, 2), "{name}");
    }
    // What was read of a finished list is not read for its children.
    assert_eq!(served.asked("GET deals/?"), 0);
}

#[tokio::test]
async fn an_extract_stages_like_any_other_export() {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    let export = crate::usercom::Export::Folder(finished.folder);
    let listing = export.list(&BTreeMap::new()).await.unwrap();
    assert!(listing.ignored.is_empty(), "{:?}", listing.ignored);
    let mut staged: Vec<String> = listing
        .files
        .iter()
        .map(|file| file.object.to_string())
        .collect();
    staged.dedup();
    assert_eq!(
        staged,
        [
            "attributes",
            "conversations",
            "deals",
            "emails",
            "messages",
            "people",
            "segment_members",
            "segments",
            "stage_changes"
        ]
    );
}

#[tokio::test]
async fn a_page_that_is_promised_and_not_there_ends_the_list() {
    let mut account = Account::small();
    account.promises_too_much = true;
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    assert_eq!(ids(&finished, "people").len(), 5);
    assert_eq!(finished.manifest.objects["people"].missing, 0);
    assert_eq!(rows(&finished, "messages").len(), 4);
}

#[tokio::test]
async fn rows_that_are_counted_and_never_listed_are_reported() {
    let mut account = Account::small();
    account.hidden.insert("users/".to_owned(), 2);
    account
        .hidden
        .insert("deals/7/stage-changes/".to_owned(), 1);
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    assert_eq!(finished.manifest.objects["people"].missing, 2);
    assert_eq!(finished.manifest.objects["people"].count, Some(7));
    assert_eq!(finished.manifest.objects["stage_changes"].missing, 1);
    assert_eq!(finished.manifest.objects["deals"].missing, 0);
}

#[tokio::test]
async fn answers_in_the_shape_of_version_1_are_recognised() {
    let mut account = Account::small();
    account.set(
        "users/",
        &[r#"{"id":1,"key":"k","user_id":"C-1","attributes":[{"name":"Plan","value":"a"}]}"#],
    );
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    assert_eq!(finished.manifest.objects["people"].api_version, 1);
    assert_eq!(finished.manifest.objects["deals"].api_version, 2);
}

#[tokio::test]
async fn what_an_account_does_not_offer_is_skipped_and_conversations_come_by_person() {
    let mut account = Account::small();
    for (path, status) in [
        ("segments/", 404),
        ("products/", 403),
        ("conversations/", 405),
    ] {
        account.refused.insert(path.to_owned(), status);
    }
    for id in 1..=5 {
        account.set(&format!("users/{id}/conversations/"), &[]);
    }
    account.put(
        "users/1/conversations/",
        r#"{"id":9,"user":{"id":1},"messages":4}"#,
    );
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    let skipped: Vec<&str> = finished
        .manifest
        .skipped
        .iter()
        .map(|skipped| skipped.object.as_str())
        .collect();
    assert_eq!(skipped, ["products", "segments", "segment_members", "sms"]);
    assert_eq!(
        rows(&finished, "conversations"),
        [r#"{"id":9,"user":{"id":1},"messages":4,"person_id":1}"#]
    );
    assert_eq!(rows(&finished, "messages").len(), 4);
}

#[tokio::test]
async fn a_bulk_export_spares_the_requests_for_each_record() {
    let mut account = Account::small();
    account.export = Some(r#"{"filename":"d1d6-ab.csv"}"#.to_owned());
    let file = "id,user_id,deal_id,subject\n5,1,7,a\n6,2,8,b\n".to_owned();
    account
        .files
        .insert("exports/d1d6-ab.csv".to_owned(), (1, file));
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    let emails = &finished.manifest.objects["emails"];
    assert_eq!((emails.mode, emails.rows), (Mode::Export, 2));
    assert!(finished.folder.join(&emails.files[0].name).exists());
    assert_eq!(served.asked("GET users/2/emails/"), 0);
    assert_eq!(served.asked("GET deals/7/stage-changes/"), 0);
}

#[tokio::test]
async fn a_bulk_export_that_never_appears_or_lacks_columns_is_done_without() {
    for file in [None, Some("subject\na\n")] {
        let mut account = Account::small();
        account.export = Some(r#"{"filename":"d1d6-ab.csv"}"#.to_owned());
        if let Some(file) = file {
            let file = (0, file.to_owned());
            account.files.insert("exports/d1d6-ab.csv".to_owned(), file);
        }
        let served = account.serve().await;
        let folder = tempfile::tempdir().unwrap();
        let told = Told::default();
        let finished = served
            .extract_with(folder.path(), Choices::default(), &told)
            .await
            .unwrap();
        assert_eq!(rows(&finished, "emails").len(), 1);
        let notes = told.0.lock().unwrap().join("\n");
        assert!(notes.contains("it is done without"), "{notes}");
    }
}

#[tokio::test]
async fn what_people_did_is_read_only_where_it_is_asked_for() {
    let mut account = Account::small();
    for id in 1..=5 {
        account.set(&format!("users/{id}/events/"), &[]);
    }
    account.put("users/4/events/", r#"{"id":41,"name":"login"}"#);
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    served.extract(folder.path()).await.unwrap();
    assert_eq!(served.asked("GET users/4/events/"), 0);
    let mut settings = served.settings(folder.path());
    settings.include = vec!["person_events".to_owned()];
    let prepared = prepare(served.server.client(), settings, Choices::default(), false)
        .await
        .unwrap();
    let finished = prepared.run(&Told::default()).await.unwrap();
    assert_eq!(
        rows(&finished, "person_events"),
        [r#"{"id":41,"name":"login","person_id":4}"#]
    );
    let export = crate::usercom::Export::Folder(finished.folder);
    let listing = export.list(&BTreeMap::new()).await.unwrap();
    assert_eq!(listing.ignored.len(), 1, "known, but not staged");
}

#[tokio::test]
async fn an_attribute_of_an_unknown_type_is_told() {
    let mut account = Account::small();
    account.put(
        "attributes/",
        r#"{"id":2,"name":"Shape","value_type":"polygon"}"#,
    );
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let told = Told::default();
    let choices = Choices::default();
    served
        .extract_with(folder.path(), choices, &told)
        .await
        .unwrap();
    let notes = told.0.lock().unwrap().join("\n");
    assert!(
        notes.contains("Shape has the unknown type `polygon`"),
        "{notes}"
    );
    assert!(!notes.contains("Plan"), "{notes}");
}

#[tokio::test]
async fn files_that_people_made_come_along() {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("manual")).unwrap();
    std::fs::write(
        folder.path().join("manual/agents.csv"),
        "id,email\n1,a@b.c\n",
    )
    .unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    assert_eq!(finished.manifest.manual, ["agents.csv"]);
    assert!(finished.folder.join("agents.csv").exists());
    assert!(
        finished
            .manifest
            .manual_missing
            .contains(&"pipelines".to_owned())
    );
}
