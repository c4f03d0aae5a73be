//! Lists that move while they are read.

use super::account::{Account, Told, ids, person, rows};
use crate::usercom::extract::{Choices, prepare};

/// Seven people in three pages, and what happens after the first page was given.
async fn extract_while(
    change: impl Fn(&mut Account) + Send + 'static,
) -> crate::usercom::extract::Finished {
    let mut account = Account::small();
    for id in 6..=7 {
        account.put("users/", &person(id, "2025-12-01"));
    }
    let mut pages = 0;
    account.after = Some(Box::new(move |account, line| {
        if line.starts_with("GET users/?") || line == "GET users/" {
            pages += 1;
            // The first one is the look around before.
            if pages == 2 {
                change(account);
            }
        }
    }));
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    // Tests look into the files only before the folder goes.
    let seen = ids(&finished, "people");
    assert_eq!(seen.len() as u64, finished.manifest.objects["people"].rows);
    std::mem::forget(folder);
    finished
}

#[tokio::test]
async fn a_row_that_slips_onto_a_page_already_read_is_found() {
    // All behind the deleted row move up one place, and as many rows are counted as before.
    let finished = extract_while(|account| {
        account.delete("users/", 2);
        account.put("users/", &person(99, "2026-01-01"));
    })
    .await;
    assert_eq!(ids(&finished, "people"), [1, 3, 4, 5, 6, 7, 99].into());
    let people = &finished.manifest.objects["people"];
    assert_eq!(
        (people.missing, people.deleted.as_slice()),
        (0, [2].as_slice())
    );
}

#[tokio::test]
async fn a_row_that_moves_to_a_page_already_read_is_found() {
    let finished = extract_while(|account| {
        let list = account.lists.get_mut("users/").unwrap();
        let last = list.pop().unwrap();
        list.insert(0, last);
    })
    .await;
    assert_eq!(ids(&finished, "people"), (1..=7).collect());
    assert!(finished.manifest.objects["people"].deleted.is_empty());
}

#[tokio::test]
async fn a_row_that_is_created_meanwhile_is_read() {
    let finished = extract_while(|account| {
        let list = account.lists.get_mut("users/").unwrap();
        list.insert(0, person(99, "2026-01-01"));
    })
    .await;
    assert!(ids(&finished, "people").contains(&99));
    assert_eq!(
        rows(&finished, "people").len(),
        9,
        "one came twice, on two pages"
    );
}

#[tokio::test]
async fn a_row_that_is_deleted_meanwhile_is_marked_and_in_no_file() {
    let finished = extract_while(|account| account.delete("users/", 1)).await;
    assert_eq!(ids(&finished, "people"), (2..=7).collect());
    assert_eq!(finished.manifest.objects["people"].deleted, [1]);
    assert_eq!(finished.manifest.objects["people"].missing, 0);
}

#[tokio::test]
async fn a_list_that_seems_quiet_is_read_once_if_that_was_chosen() {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = served.settings(folder.path());
    settings.second_look = false;
    let client = served.server.client();
    let prepared = prepare(client, settings, Choices::default(), false)
        .await
        .unwrap();
    let finished = prepared.run(&Told::default()).await.unwrap();
    assert_eq!(ids(&finished, "people").len(), 5);
    assert_eq!(served.asked("GET users/?cursor=3"), 1);
}

#[tokio::test]
async fn in_an_account_that_never_stands_still_new_rows_are_found_at_the_ends() {
    let mut account = Account::small();
    for id in 6..=200 {
        account.put("users/", &person(id, "2025-12-01"));
        account.set(&format!("users/{id}/emails/"), &[]);
    }
    let mut next = 1_000;
    account.after = Some(Box::new(move |account, line| {
        // Somebody new comes with every page but those that look at the ends.
        if line.starts_with("GET users/?cursor=") && next < 1_150 {
            next += 1;
            account.put("users/", &person(next, "2026-01-01"));
            account.set(&format!("users/{next}/emails/"), &[]);
        }
    }));
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let finished = served.extract(folder.path()).await.unwrap();
    let people = &finished.manifest.objects["people"];
    assert_eq!(people.missing, 0);
    assert_eq!(ids(&finished, "people").len() as u64, people.rows);
    assert!(people.rows > 300, "{}", people.rows);
}
