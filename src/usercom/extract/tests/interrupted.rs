//! Extracts that end in the middle, at every request once, and go on.

use super::account::{Account, Told, ids, rows};
use crate::usercom::extract::{Choices, ExtractError, prepare};

#[tokio::test]
async fn an_extract_that_is_interrupted_anywhere_holds_the_same_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Account::small().serve().await;
    let expected = whole.extract(folder.path()).await.unwrap();
    let requests = u32::try_from(whole.asked("")).unwrap();
    for stop in (9..requests).step_by(2) {
        let mut account = Account::small();
        account.answers_left = Some(stop);
        let served = account.serve().await;
        let folder = tempfile::tempdir().unwrap();
        served.extract(folder.path()).await.unwrap_err();
        served.account().answers_left = None;
        let finished = served.extract(folder.path()).await.unwrap();
        for (name, entry) in &expected.manifest.objects {
            let mut found = rows(&finished, name);
            let mut wanted = rows(&expected, name);
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{name}, stopped after {stop}");
            let digest = &finished.manifest.objects[name].ids_digest;
            assert_eq!(*digest, entry.ids_digest, "{name}");
        }
    }
}

#[tokio::test]
async fn finished_objects_and_pages_are_not_asked_for_again() {
    let mut account = Account::small();
    for path in ["attributes/", "tags/"] {
        account.lists.insert(path.to_owned(), Vec::new());
    }
    for id in 6..=30 {
        let person = super::account::person(id, "2025-12-01");
        account.put("users/", &person);
        account.set(&format!("users/{id}/emails/"), &[]);
    }
    let mut left = 0;
    account.after = Some(Box::new(move |account, line| {
        // In the middle of the list of people.
        if line == "GET users/?cursor=12" && left == 0 {
            left = 1;
            account.answers_left = Some(0);
        }
    }));
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    served.extract(folder.path()).await.unwrap_err();
    let before = served.lines().len();
    served.account().answers_left = None;
    let finished = served.extract(folder.path()).await.unwrap();
    assert_eq!(ids(&finished, "people").len(), 30);
    let after = &served.lines()[before..];
    let asked = |line: &str| after.iter().filter(|other| *other == line).count();
    // In the second pass only.
    assert_eq!(asked("GET users/?cursor=3"), 1);
    // The rest of the first pass, and the second one.
    assert_eq!(asked("GET users/?cursor=15"), 2);
    // The look around before.
    assert_eq!(asked("GET attributes/"), 1);
}

#[tokio::test]
async fn an_interrupted_extract_does_not_go_on_with_another_question() {
    let mut account = Account::small();
    account.answers_left = Some(12);
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    served.extract(folder.path()).await.unwrap_err();
    served.account().answers_left = None;
    let choices = Choices {
        full: true,
        ..Choices::default()
    };
    let told = Told::default();
    let error = served
        .extract_with(folder.path(), choices.clone(), &told)
        .await
        .unwrap_err();
    assert!(matches!(error, ExtractError::OtherChoices { .. }));
    assert!(error.to_string().contains("--full"), "{error}");
    let settings = served.settings(folder.path());
    let prepared = prepare(served.server.client(), settings, choices, true)
        .await
        .unwrap();
    assert_eq!(prepared.resumes(), None);
    let finished = prepared.run(&told).await.unwrap();
    assert_eq!(ids(&finished, "people").len(), 5);
    let extracts = std::fs::read_dir(folder.path().join("extracts")).unwrap();
    assert_eq!(extracts.count(), 2, "the state and one extract");
}
