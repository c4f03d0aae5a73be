//! Extracts that build upon an earlier one.

use super::account::{Account, Served, Told, ids, person, rows};
use crate::usercom::extract::manifest::Mode;
use crate::usercom::extract::{Choices, Finished};

const LATER: &str = "Thu, 08 Jan 2026 10:00:00 GMT";

/// A first extract, a change of the account a week later, and a second extract.
async fn twice(change: impl FnOnce(&mut Account)) -> (Served, tempfile::TempDir, Finished, usize) {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    served.extract(folder.path()).await.unwrap();
    {
        let mut account = served.account();
        account.date = LATER.to_owned();
        change(&mut account);
    }
    let before = served.lines().len();
    let finished = served.extract(folder.path()).await.unwrap();
    (served, folder, finished, before)
}

#[tokio::test]
async fn the_second_extract_reads_what_changed_and_is_whole() {
    let (served, _folder, finished, before) = twice(|account| {
        let changed = person(2, "2026-01-05").replace("P 2", "New name");
        account.put("users/", &changed);
        account.put("users/", &person(6, "2026-01-06"));
        account.set("users/6/emails/", &[r#"{"id":61}"#]);
        account.put(
            "deals/",
            r#"{"id":7,"name":"A","updated_at":"2026-01-05T00:00:00Z"}"#,
        );
        account.set(
            "deals/7/stage-changes/",
            &[r#"{"id":71,"stage":1}"#, r#"{"id":72,"stage":2}"#],
        );
    })
    .await;
    let people = &finished.manifest.objects["people"];
    assert_eq!((people.mode, people.rows), (Mode::Changes, 6));
    assert_eq!(ids(&finished, "people"), (1..=6).collect());
    // Both versions are there; staging takes the newer, which is also in the later file.
    let people = rows(&finished, "people");
    assert_eq!(people.len(), 7);
    assert!(
        people[5..].iter().any(|row| row.contains("New name")),
        "{people:?}"
    );
    assert_eq!(ids(&finished, "stage_changes"), [71, 72, 81].into());
    assert_eq!(ids(&finished, "emails"), [21, 61].into());
    let after = &served.lines()[before..];
    let asked = |line: &str| after.iter().any(|other| other == line);
    assert!(asked("GET deals/7/stage-changes/"));
    assert!(!asked("GET deals/8/stage-changes/"), "it did not change");
    assert!(asked("GET users/2/emails/") && !asked("GET users/1/emails/"));
    assert!(!asked("GET users/?cursor=3"), "the list is not read");
    assert!(!asked("GET conversations/9/"));
    assert_eq!(rows(&finished, "messages").len(), 4);
}

#[tokio::test]
async fn a_change_within_the_overlap_is_read_again() {
    // The first extract began at 10:00 on January 1st.
    let (_, _folder, finished, _) = twice(|account| {
        account.put(
            "users/",
            &person(2, "2026-01-01").replace("00:00:00", "09:55:00"),
        );
    })
    .await;
    let people = rows(&finished, "people");
    assert_eq!(people.len(), 6, "{people:?}");
}

#[tokio::test]
async fn a_deletion_is_found_and_its_rows_do_not_come_back() {
    let (_, _folder, finished, _) = twice(|account| {
        account.delete("users/", 2);
        account.put("users/", &person(3, "2026-01-05"));
        account.delete("deals/", 8);
    })
    .await;
    let people = &finished.manifest.objects["people"];
    assert_eq!(
        (people.mode, people.deleted.as_slice()),
        (Mode::Full, [2].as_slice())
    );
    assert_eq!(ids(&finished, "people"), [1, 3, 4, 5].into());
    assert!(
        rows(&finished, "emails").is_empty(),
        "of the deleted person"
    );
    assert_eq!(finished.manifest.objects["deals"].deleted, [8]);
    assert_eq!(ids(&finished, "stage_changes"), [71].into());
}

#[tokio::test]
async fn where_the_api_does_not_filter_everything_is_read() {
    let (_, _folder, finished, _) = twice(|account| {
        account.filters = false;
        account.put("users/", &person(6, "2026-01-06"));
        account.set("users/6/emails/", &[]);
    })
    .await;
    let people = &finished.manifest.objects["people"];
    assert_eq!((people.mode, people.rows), (Mode::Full, 6));
    assert_eq!(rows(&finished, "people").len(), 6);
}

#[tokio::test]
async fn objects_that_are_not_asked_for_stay_as_they_were() {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    served.extract(folder.path()).await.unwrap();
    served.account().date = LATER.to_owned();
    let before = served.lines().len();
    let choices = Choices {
        objects: vec!["tags".to_owned()],
        ..Choices::default()
    };
    let told = Told::default();
    let finished = served
        .extract_with(folder.path(), choices, &told)
        .await
        .unwrap();
    let objects = &finished.manifest.objects;
    assert_eq!(objects["people"].mode, Mode::Kept);
    assert_eq!(objects["tags"].mode, Mode::Full);
    assert_eq!(ids(&finished, "people").len(), 5);
    assert!(objects["people"].watermark < objects["tags"].watermark);
    assert!(
        served.lines()[before..]
            .iter()
            .all(|line| line == "GET tags/")
    );
    // And the third one knows since when people may have changed.
    served.account().put("users/", &person(1, "2026-01-02"));
    let finished = served.extract(folder.path()).await.unwrap();
    assert_eq!(rows(&finished, "people").len(), 6);
}

#[tokio::test]
async fn a_full_extract_builds_upon_nothing() {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    served.extract(folder.path()).await.unwrap();
    let choices = Choices {
        full: true,
        ..Choices::default()
    };
    let told = Told::default();
    let finished = served
        .extract_with(folder.path(), choices, &told)
        .await
        .unwrap();
    assert_eq!(finished.manifest.base, None);
    assert_eq!(finished.manifest.objects["people"].mode, Mode::Full);
}

#[tokio::test]
async fn a_wanted_time_is_read_from_and_never_leaves_a_gap() {
    // Before the first extract, and after what changed since.
    for (since, people) in [("2025-11-01T00:00:00Z", 10), ("2026-01-07T00:00:00Z", 6)] {
        let served = Account::small().serve().await;
        let folder = tempfile::tempdir().unwrap();
        served.extract(folder.path()).await.unwrap();
        served.account().date = LATER.to_owned();
        served.account().put("users/", &person(2, "2026-01-05"));
        let choices = Choices {
            since: Some(since.parse().unwrap()),
            ..Choices::default()
        };
        let told = Told::default();
        let finished = served
            .extract_with(folder.path(), choices, &told)
            .await
            .unwrap();
        assert_eq!(finished.manifest.objects["people"].mode, Mode::Changes);
        assert_eq!(rows(&finished, "people").len(), people, "{since}");
    }
}

#[tokio::test]
async fn the_servers_clock_counts_and_not_this_machines() {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    let watermark = finished.manifest.objects["people"].watermark.unwrap();
    assert_eq!(watermark.to_rfc3339(), "2026-01-01T10:00:00+00:00");
    assert!(finished.manifest.run.starts_with("20260101T100000Z-"));
}

#[tokio::test]
async fn an_extract_of_a_clock_that_went_back_still_sorts_behind() {
    let (_, _folder, finished, _) = twice(|account| {
        account.date = "Thu, 01 Jan 2026 09:00:00 GMT".to_owned();
    })
    .await;
    assert!(finished.manifest.run > finished.manifest.base.unwrap());
}
