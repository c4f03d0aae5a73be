//! Tasks, events and those who take part.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Org, key_package};

#[tokio::test]
async fn task_follows_its_who_and_what_and_closes_by_status() {
    let org = Org::new().await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let contact = json!({"LastName": "C", "AccountId": account});
    let contact = org.create("Contact", contact).await;
    let lead = org
        .create("Lead", json!({"LastName": "L", "Company": "C"}))
        .await;
    let deal = json!({"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-01-31"});
    let deal = org.create("Opportunity", deal).await;
    let case = org.create("Case", json!({"Subject": "S"})).await;
    // An opportunity decides by having no account; a case leaves it to the contact.
    let of_deal = json!({"WhoId": contact, "WhatId": deal});
    let of_deal = org.create("Task", of_deal).await;
    assert_eq!(org.row("Task", &of_deal).await["AccountId"], Value::Null);
    let task = json!({"WhoId": contact, "WhatId": case, "Status": "completed"});
    let task = org.create("Task", task).await;
    let row = org.row("Task", &task).await;
    assert_eq!(
        (&row["AccountId"], &row["IsClosed"], &row["Status"]),
        (&json!(account), &json!(true), &json!("Completed"))
    );
    assert_eq!(
        (&row["Priority"], &row["TaskSubtype"]),
        (&json!("Normal"), &json!("Task"))
    );
    let (code, _) = org
        .refused("Task", json!({"WhoId": lead, "WhatId": deal}))
        .await;
    assert_eq!(code, "FIELD_INTEGRITY_EXCEPTION");
    let (status, _) = org
        .change("Task", &task, json!({"Status": "In Progress"}))
        .await;
    assert_eq!(status, 204);
    let row = org.row("Task", &task).await;
    assert_eq!(
        (&row["IsClosed"], &row["CompletedDateTime"]),
        (&json!(false), &Value::Null)
    );
    let (status, error) = org
        .change("Task", &task, json!({"TaskSubtype": "Call"}))
        .await;
    assert_eq!(status, 400, "{error}");
    let (code, _) = org.refused("Task", json!({"CallType": "Sideways"})).await;
    assert_eq!(code, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn times_of_an_event_follow_from_each_other_or_are_refused() {
    let org = Org::new().await;
    let start = "2026-03-01T10:00:00Z";
    for (event, end, minutes) in [
        (
            json!({"StartDateTime": start, "DurationInMinutes": 90}),
            "2026-03-01T11:30:00.000+0000",
            90,
        ),
        (
            json!({"ActivityDateTime": start, "EndDateTime": "2026-03-01T11:00:00+01:00"}),
            "2026-03-01T10:00:00.000+0000",
            0,
        ),
        (
            json!({"IsAllDayEvent": true, "ActivityDate": "2026-03-01"}),
            "2026-03-01T00:00:00.000+0000",
            1440,
        ),
        (
            json!({"IsAllDayEvent": true, "StartDateTime": "2026-03-01T00:00:00Z", "EndDateTime": "2026-03-03T00:00:00Z"}),
            "2026-03-03T00:00:00.000+0000",
            4320,
        ),
    ] {
        let id = org.create("Event", event.clone()).await;
        let row = org.row("Event", &id).await;
        assert_eq!(row["ActivityDate"], "2026-03-01", "{event}");
        assert_eq!(
            (&row["EndDateTime"], &row["DurationInMinutes"]),
            (&json!(end), &json!(minutes)),
            "{event}"
        );
    }
    for (event, code) in [
        (json!({"StartDateTime": start}), "REQUIRED_FIELD_MISSING"),
        (json!({"DurationInMinutes": 5}), "REQUIRED_FIELD_MISSING"),
        (
            json!({"StartDateTime": start, "EndDateTime": "2026-03-01T09:00:00Z"}),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (
            json!({"StartDateTime": start, "ActivityDateTime": "2026-03-01T10:01:00Z", "DurationInMinutes": 5}),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (
            json!({"StartDateTime": start, "EndDateTime": "2026-03-01T11:00:00Z", "DurationInMinutes": 5}),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (
            json!({"IsAllDayEvent": true, "StartDateTime": start}),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
    ] {
        assert_eq!(org.refused("Event", event.clone()).await.0, code, "{event}");
    }
    let id = json!({"StartDateTime": start, "DurationInMinutes": 30});
    let id = org.create("Event", id).await;
    let later = json!({"StartDateTime": "2026-03-02T08:00:00Z"});
    assert_eq!(org.change("Event", &id, later).await.0, 204);
    let row = org.row("Event", &id).await;
    assert_eq!(row["EndDateTime"], "2026-03-02T08:30:00.000+0000");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn who_of_an_event_is_related_already_and_becomes_an_invitee_by_update() {
    let org = Org::new().await;
    let contact = org.create("Contact", json!({"LastName": "C"})).await;
    let lead = org
        .create("Lead", json!({"LastName": "L", "Company": "C"}))
        .await;
    let event =
        json!({"WhoId": contact, "StartDateTime": "2026-03-01T10:00:00Z", "DurationInMinutes": 5});
    let event = org.create("Event", event).await;
    let relation = json!({"EventId": event, "RelationId": contact});
    assert_eq!(
        org.refused("EventRelation", relation).await.0,
        "DUPLICATE_VALUE"
    );
    let soql = format!(
        "select Id, RelationId, IsInvitee, IsWhat, Status from EventRelation where EventId = '{event}'"
    );
    let rows = org.query(&soql).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["IsInvitee"], &rows[0]["Status"]),
        (&json!(false), &Value::Null)
    );
    let id = rows[0]["Id"].as_str().unwrap();
    let invited = json!({"IsInvitee": true, "Status": "Accepted"});
    assert_eq!(org.change("EventRelation", id, invited).await.0, 204);
    let job = org
        .ingest(
            "EventRelation",
            "insert",
            &format!("EventId,RelationId,Status\n{event},{lead},New\n{event},{lead},New\n"),
        )
        .await;
    assert_eq!(job.info["numberRecordsFailed"], 1);
    // Another Who: the invited one stays, the new one has its relation.
    assert_eq!(
        org.change("Event", &event, json!({"WhoId": lead})).await.0,
        204
    );
    assert_eq!(org.query(&soql).await.len(), 2);
    let event_path = format!("sobjects/Event/{event}");
    org.send(Method::DELETE, &event_path, Value::Null).await;
    assert_eq!(org.count("EventRelation").await, 0);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn fields_of_activities_are_deployed_on_activity_and_granted_on_task_and_event() {
    let org = Org::new().await;
    for object in ["Task", "EventRelation"] {
        let files = key_package(&[object]);
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let result = org.deploy(&files, true).await;
        let problem = &result["details"]["componentFailures"][0]["problem"];
        let start = "Entity Enumeration Or ID: bad value for restricted picklist field";
        assert!(problem.as_str().unwrap().starts_with(start), "{result}");
    }
    let mut files = key_package(&["Activity"]);
    files[1].1 = files[1].1.replace("Activity.Key__c", "Task.Key__c");
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let result = org.deploy(&files, false).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    org.assign("Loader").await;
    let csv = "Key__c,Subject\nactivity:1,a\nactivity:2,b\n";
    for created in ["true", "false"] {
        let job = org.upsert("Task", "Key__c", csv).await;
        assert_eq!(job.info["numberRecordsFailed"], 0, "{:?}", job.failed);
        assert!(job.successful[1].contains(&format!("\"{created}\"")));
    }
    let spec = json!({"object": "Event", "operation": "upsert", "externalIdFieldName": "Key__c"});
    let (status, error) = org.send(Method::POST, "jobs/ingest", spec).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (400, &json!("INVALIDJOB"))
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn deployed_task_statuses_close_tasks() {
    let org = Org::new().await;
    let value = |name: &str, closed: bool| {
        format!(
            "<standardValue><fullName>{name}</fullName><default>false</default><label>{name}</label>\
             <closed>{closed}</closed></standardValue>"
        )
    };
    let set = format!(
        "<StandardValueSet><sorted>false</sorted>{}{}</StandardValueSet>",
        value("Not Started", false),
        value("Dropped", true)
    );
    let manifest = "<Package><types><members>TaskStatus</members><name>StandardValueSet</name></types></Package>";
    let files = [
        ("package.xml", manifest),
        (
            "standardValueSets/TaskStatus.standardValueSet",
            set.as_str(),
        ),
    ];
    assert_eq!(org.deploy(&files, false).await["status"], "Succeeded");
    let task = org.create("Task", json!({"Status": "dropped"})).await;
    let row = org.row("Task", &task).await;
    assert_eq!(
        (&row["Status"], &row["IsClosed"]),
        (&json!("Dropped"), &json!(true))
    );
    org.simulator.shutdown().await.unwrap();
}
