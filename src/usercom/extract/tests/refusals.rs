//! What stops an extract, and what it says then.

use super::account::{Account, Told};
use crate::usercom::extract::{Choices, ExtractError, prepare};

#[tokio::test]
async fn a_list_that_goes_in_a_circle_is_an_error() {
    let mut account = Account::small();
    account.circles = true;
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let error = served.extract(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("goes in a circle"), "{error}");
}

#[tokio::test]
async fn a_missing_permission_names_object_path_and_variable() {
    let mut account = Account::small();
    account.refused.insert("deals/".to_owned(), 403);
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let error = served.extract(folder.path()).await.unwrap_err();
    assert!(error.is_input());
    let text = error.to_string();
    assert!(
        text.contains("cannot read deals") && text.contains("/api/public/deals/"),
        "{text}"
    );
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("USERCOM_API_TOKEN") && hint.contains("leave_out"),
        "{hint}"
    );
}

#[tokio::test]
async fn a_name_that_is_no_object_is_told_with_the_nearest() {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    let choices = Choices {
        objects: vec!["poeple".to_owned()],
        ..Choices::default()
    };
    let error = served
        .extract_with(folder.path(), choices, &Told::default())
        .await
        .unwrap_err();
    assert!(matches!(error, ExtractError::UnknownObject { .. }));
    assert_eq!(error.hint().unwrap(), "did you mean `people`?");
}

#[tokio::test]
async fn two_extracts_at_once_are_refused() {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = served.settings(folder.path());
    let client = served.server.client();
    let first = prepare(client.clone(), settings.clone(), Choices::default(), false)
        .await
        .unwrap();
    let second = prepare(client, settings, Choices::default(), false).await;
    assert!(matches!(second, Err(ExtractError::Busy { .. })));
    drop(first);
}

#[tokio::test]
async fn what_is_left_out_is_not_asked_for() {
    let served = Account::small().serve().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = served.settings(folder.path());
    settings.leave_out = vec!["conversations".to_owned(), "emails".to_owned()];
    let prepared = prepare(served.server.client(), settings, Choices::default(), false)
        .await
        .unwrap();
    // Eight lists of one page, two pages of people twice; two deals; one segment; the export of text messages.
    assert_eq!(prepared.requests(), 8 + 4 + 2 + 1 + 2);
    let finished = prepared.run(&Told::default()).await.unwrap();
    assert!(!finished.manifest.objects.contains_key("messages"));
    assert_eq!(served.asked("GET conversations/"), 0);
}

#[tokio::test]
async fn endpoints_of_another_path_are_used() {
    let mut account = Account::small();
    account.put("contacts/", r#"{"id":1}"#);
    let served = account.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = served.settings(folder.path());
    settings
        .endpoints
        .insert("people".to_owned(), "contacts".to_owned());
    settings.leave_out = vec!["emails".to_owned()];
    let prepared = prepare(served.server.client(), settings, Choices::default(), false)
        .await
        .unwrap();
    let finished = prepared.run(&Told::default()).await.unwrap();
    assert_eq!(finished.manifest.objects["people"].rows, 1);
}
