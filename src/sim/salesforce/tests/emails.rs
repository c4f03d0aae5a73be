//! E-mail messages, and cases with their comments.

use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::Org;

#[tokio::test]
async fn draft_gets_its_people_then_its_status_and_a_task() {
    let org = Org::new().await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let contact = json!({"LastName": "C", "Email": "c@example.com"});
    let contact = org.create("Contact", contact).await;
    let message = json!({"Status": "5", "Subject": "Hello", "RelatedToId": account, "MessageDate": "2020-02-03T04:05:06Z"});
    let message = org.create("EmailMessage", message).await;
    let relation =
        json!({"EmailMessageId": message, "RelationId": contact, "RelationType": "ToAddress"});
    let id = org.create("EmailMessageRelation", relation.clone()).await;
    let row = org.row("EmailMessageRelation", &id).await;
    assert_eq!(
        (&row["RelationAddress"], &row["RelationObjectType"]),
        (&json!("c@example.com"), &json!("Contact"))
    );
    assert_eq!(org.count("Task").await, 0);
    let csv = format!("Id,Status,TextBody\n{message},3,text\n");
    let job = org.ingest("EmailMessage", "update", &csv).await;
    assert_eq!(job.info["numberRecordsFailed"], 0, "{:?}", job.failed);
    let activity = org.row("EmailMessage", &message).await["ActivityId"].clone();
    let task = org.row("Task", activity.as_str().unwrap()).await;
    assert_eq!(
        (
            &task["Subject"],
            &task["TaskSubtype"],
            &task["Status"],
            &task["IsClosed"]
        ),
        (
            &json!("Hello"),
            &json!("Email"),
            &json!("Completed"),
            &json!(true)
        )
    );
    assert_eq!(
        (
            &task["WhoId"],
            &task["WhatId"],
            &task["AccountId"],
            &task["ActivityDate"]
        ),
        (
            &json!(contact),
            &json!(account),
            &json!(account),
            &json!("2020-02-03")
        )
    );
    // No draft any more.
    let refused = "INSUFFICIENT_ACCESS_OR_READONLY";
    assert_eq!(
        org.refused("EmailMessageRelation", relation).await.0,
        refused
    );
    let (status, error) = org
        .change("EmailMessage", &message, json!({"Subject": "x"}))
        .await;
    assert_eq!((status, &error[0]["errorCode"]), (400, &json!(refused)));
    let same = json!({"Subject": "Hello", "IsExternallyVisible": true});
    assert_eq!(org.change("EmailMessage", &message, same).await.0, 204);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn message_of_a_case_makes_no_task_and_a_sent_one_does_at_once() {
    let org = Org::new().await;
    let case = org.create("Case", json!({"Subject": "S"})).await;
    let of_case = json!({"ParentId": case, "Status": "0"});
    let id = org.create("EmailMessage", of_case).await;
    assert_eq!(org.count("Task").await, 0);
    assert_eq!(
        org.change("EmailMessage", &id, json!({"Status": "1"}))
            .await
            .0,
        204
    );
    assert_eq!(
        org.change("EmailMessage", &id, json!({"Status": "3"}))
            .await
            .0,
        400
    );
    org.create("EmailMessage", json!({"Status": "3", "Subject": "at once"}))
        .await;
    assert_eq!(
        org.query("select Subject from Task").await[0]["Subject"],
        "at once"
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn case_takes_the_account_of_its_contact_and_comments_keep_their_time() {
    let org = Org::with(SalesforceSimOptions {
        audit_fields: true,
        ..SalesforceSimOptions::default()
    })
    .await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let contact = json!({"LastName": "C", "AccountId": account});
    let contact = org.create("Contact", contact).await;
    let case = json!({"ContactId": contact, "Status": "Closed", "Origin": "Chat"});
    let case = org.create("Case", case).await;
    let row = org.row("Case", &case).await;
    assert_eq!(
        (&row["AccountId"], &row["IsClosed"], &row["CaseNumber"]),
        (&json!(account), &json!(true), &json!("00000001"))
    );
    assert_ne!(row["ClosedDate"], Value::Null);
    let csv =
        "Parent.CaseNumber,CommentBody,CreatedDate\n00000001,hello,2019-05-06T07:08:09Z\nnope,x,\n";
    let job = org.ingest("CaseComment", "insert", csv).await;
    assert_eq!(job.info["numberRecordsFailed"], 1, "{:?}", job.failed);
    let comment = org
        .query("select CreatedDate, ParentId from CaseComment")
        .await;
    assert_eq!(comment[0]["CreatedDate"], "2019-05-06T07:08:09.000+0000");
    assert_eq!(comment[0]["ParentId"], json!(case));
    let long = json!({"ParentId": case, "CommentBody": "x".repeat(4001)});
    assert_eq!(org.refused("CaseComment", long).await.0, "STRING_TOO_LONG");
    org.simulator.shutdown().await.unwrap();
}
