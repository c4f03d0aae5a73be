//! Claims about single rows and collections.

use super::{
    super::{
        mock_org::MockOrg,
        net::mock_server::{Answer, say},
    },
    *,
};

const SET: &str = "/services/data/v66.0/composite/sobjects";

#[tokio::test]
async fn refused_rows_are_answers_and_not_errors() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let answer = r#"[{"id":"001a","success":true,"errors":[],"created":true},
        {"success":false,"errors":[{"statusCode":"MALFORMED_ID","message":"Contact ID: bad","fields":["Id"]}]}]"#;
    server.on(
        &format!("PATCH {SET}/Account/usercom_id__c"),
        &[],
        Some(say(200, answer)),
    );
    let rows = [row("usercom_id__c", "1"), row("usercom_id__c", "2")];
    let results = client
        .upsert_rows("Account", "usercom_id__c", &rows, Atomicity::RowByRow)
        .await
        .unwrap();
    assert_eq!(results[0].created, Some(true));
    assert_eq!(results[1].errors[0].status_code, "MALFORMED_ID");
    let request = &server.received("PATCH")[0];
    assert_eq!(request.header("sforce-auto-assign"), "FALSE");
    assert_eq!(
        request.body,
        r#"{"allOrNone":false,"records":[{"attributes":{"type":"Account"},"usercom_id__c":"1"},{"attributes":{"type":"Account"},"usercom_id__c":"2"}]}"#
    );
}

#[tokio::test]
async fn more_rows_than_a_request_may_carry_are_refused_before_sending() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let rows = vec![row("Name", "x"); 201];
    let result = client
        .insert_rows("Account", &rows, Atomicity::RowByRow)
        .await;
    assert!(matches!(
        result,
        Err(Error::TooManyRows {
            given: 201,
            max: 200
        })
    ));
    assert!(server.received("POST /services/data").is_empty());
}

#[tokio::test]
async fn an_answer_with_too_few_results_is_refused() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.on(&format!("POST {SET}"), &[], Some(say(200, "[]")));
    let rows = [row("Name", "x")];
    let result = client
        .insert_rows("Account", &rows, Atomicity::AllOrNone)
        .await;
    assert!(matches!(result, Err(Error::DecodeAnswer { .. })));
}

#[tokio::test]
async fn a_new_row_is_never_sent_twice() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let target = "POST /services/data/v66.0/sobjects/Account";
    server.on(target, &[], Some(say(502, "")));
    let error = client
        .insert_row("Account", &row("Name", "x"))
        .await
        .unwrap_err();
    assert!(error.is_ambiguous());
    assert_eq!(server.received(target).len(), 1);
}

#[tokio::test]
async fn one_row_is_created_changed_and_deleted() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let created = r#"{"id":"001a","success":true,"errors":[]}"#;
    server.on(
        "POST /services/data/v66.0/sobjects/Account",
        &[],
        Some(say(201, created)),
    );
    server.on(
        "PATCH /services/data/v66.0/sobjects/Account/001a",
        &[],
        Some(say(204, "")),
    );
    // The first answer is lost, the second says that the row is gone.
    let gone = r#"[{"errorCode":"ENTITY_IS_DELETED","message":"entity is deleted"}]"#;
    let lost = Answer::Reset { after: usize::MAX };
    server.on(
        "DELETE /services/data/v66.0/sobjects/Account/001a",
        &[lost],
        Some(say(404, gone)),
    );
    let id = client
        .insert_row("Account", &row("Name", "x"))
        .await
        .unwrap();
    client
        .update_row("Account", &id, &row("Name", "y"))
        .await
        .unwrap();
    client.delete_row("Account", &id).await.unwrap();
    assert!(
        client
            .delete_row("Account", &id)
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn rows_are_deleted_by_id() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let answer =
        r#"[{"id":"001a","success":true,"errors":[]},{"id":"003b","success":true,"errors":[]}]"#;
    server.on(
        &format!("DELETE {SET}?ids=001a%2C003b&allOrNone=true"),
        &[],
        Some(say(200, answer)),
    );
    let results = client
        .delete_rows(&["001a", "003b"], Atomicity::AllOrNone)
        .await
        .unwrap();
    assert_eq!(results.len(), 2);
}

fn row(name: &str, value: &str) -> Row {
    Row::from_iter([(name.to_owned(), Value::from(value))])
}
