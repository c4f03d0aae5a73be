//! Bulk API 2.0 as clients meet it.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::json;

use super::super::SalesforceSimOptions;
use super::support::Org;

#[tokio::test]
async fn rows_that_fail_leave_the_job_complete_and_the_others_landed() {
    let org = Org::new().await;
    let long = "x".repeat(81);
    let csv = format!(
        "LastName,Company,Email,NumberOfEmployees,HasOptedOutOfEmail\n\
         ok,C,a@b.co,5,true\n,C,,,\n{long},C,,,\nx,C,nope,,\nx,C,,250.0,\nx,C,,,maybe\n"
    );
    let job = org.ingest("Lead", "insert", &csv).await;
    assert_eq!(job.info["state"], "JobComplete");
    assert_eq!(
        (
            &job.info["numberRecordsProcessed"],
            &job.info["numberRecordsFailed"]
        ),
        (&json!(6), &json!(5))
    );
    assert_eq!(
        job.successful[0],
        "\"sf__Id\",\"sf__Created\",LastName,Company,Email,NumberOfEmployees,HasOptedOutOfEmail"
    );
    assert_eq!(job.successful.len(), 2);
    let failures: HashSet<String> = job.failed[1..]
        .iter()
        .map(|line| line.split("\",\"").nth(1).unwrap().to_owned())
        .collect();
    let expected = [
        "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --".to_owned(),
        format!("STRING_TOO_LONG:Last Name: data value too large: {long} (max length=80):LastName --"),
        "INVALID_EMAIL_ADDRESS:Email: invalid email address: nope:Email --".to_owned(),
        "INVALID_TYPE_ON_FIELD_IN_RECORD:Employees: value not of required type: 250.0:NumberOfEmployees --".to_owned(),
        "INVALID_TYPE_ON_FIELD_IN_RECORD:Email Opt Out: value not of required type: maybe:HasOptedOutOfEmail --".to_owned(),
    ];
    assert_eq!(failures, expected.into_iter().collect());
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn results_come_shuffled_and_stay_in_that_order() {
    let org = Org::new().await;
    let mut csv = "Name\n".to_owned();
    for n in 0..1_000 {
        csv.push_str(&format!("N{n:04}\n"));
    }
    let path = org
        .submit(json!({"object": "Account", "operation": "insert"}), csv)
        .await;
    let first = org.finish(&path).await.successful;
    let again = org.finish(&path).await.successful;
    assert_eq!(first, again);
    let names: Vec<&str> = first[1..]
        .iter()
        .map(|line| line.rsplit(',').next().unwrap())
        .collect();
    assert!(!names.is_sorted());
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 1_000);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn header_errors_surface_only_after_the_upload() {
    let org = Org::new().await;
    for (object, header, message) in [
        (
            "Account",
            "Name,Nope__c",
            "InvalidBatch : Field name not found : Nope__c",
        ),
        (
            "Account",
            "Name,Parents.Id",
            "InvalidBatch : Unable to find relationship: Parents",
        ),
        (
            "Account",
            "Name,Account:Parent.Id",
            "InvalidBatch : type is not needed for non polymorphic foreign key references: Parent",
        ),
        (
            "Account",
            "\u{feff}Name,Site",
            "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote",
        ),
        (
            "Contact",
            "LastName,Account.Name",
            "InvalidBatch : Field name not found : Account.Name",
        ),
    ] {
        let job = org
            .ingest(object, "insert", &format!("{header}\na,b\n"))
            .await;
        assert_eq!(job.info["state"], "Failed");
        assert_eq!(job.info["errorMessage"], message);
        assert_eq!(
            (
                &job.info["numberRecordsProcessed"],
                &job.info["numberRecordsFailed"]
            ),
            (&json!(0), &json!(0))
        );
        assert_eq!(job.unprocessed.len(), 2, "{:?}", job.unprocessed);
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn parents_are_found_by_their_keys() {
    let org = Org::new().await;
    org.keyed(&["Account", "Contact"]).await;
    let parents = org
        .upsert("Account", "Key__c", "Key__c,Name\na1,First\n")
        .await;
    assert_eq!(parents.info["numberRecordsFailed"], 0);
    let children = org
        .upsert(
            "Contact",
            "Key__c",
            "Key__c,LastName,Account.Key__c\nc1,L,a1\nc2,L,a2\n",
        )
        .await;
    assert_eq!(children.successful.len(), 2);
    assert!(children.failed[1].contains(
        "INVALID_FIELD:Foreign key external ID: a2 not found for field Key__c in entity Account:--"
    ));
    let found = org
        .query("select Account.Name from Contact where Key__c = 'c1'")
        .await;
    assert_eq!(found[0]["Account"]["Name"], "First");

    let leads = "LastName,Company,User:Owner.Username\nx,y,admin@example.com\n";
    assert_eq!(
        org.ingest("Lead", "insert", leads).await.info["numberRecordsFailed"],
        0
    );
    let leads = "LastName,Company,Owner.Username\nx,y,admin@example.com\n";
    assert_eq!(
        org.ingest("Lead", "insert", leads).await.info["state"],
        "Failed"
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn upsert_creates_then_updates_and_refuses_a_repeated_key() {
    let org = Org::new().await;
    org.keyed(&["Account"]).await;
    let first = org
        .upsert("Account", "Key__c", "Key__c,Name\nk1,A\nk2,B\nk2,C\n")
        .await;
    assert_eq!(first.failed.len(), 3);
    assert!(
        first.failed[1].contains("DUPLICATE_EXTERNAL_ID:Duplicate external id specified: k2:--")
    );
    let second = org
        .upsert("Account", "Key__c", "Key__c,Name,Site\nk1,,Here\nk3,New,\n")
        .await;
    let created: HashSet<String> = second.successful[1..]
        .iter()
        .map(|line| line[21..].to_owned())
        .collect();
    let expected = [
        "\"false\",\"k1\",\"\",\"Here\"",
        "\"true\",\"k3\",\"New\",\"\"",
    ];
    assert_eq!(created, expected.map(str::to_owned).into());
    // An empty cell left the name alone.
    assert_eq!(
        org.query("select Name from Account where Key__c = 'k1'")
            .await[0]["Name"],
        "A"
    );
    let inserted = org
        .ingest("Account", "insert", "Key__c,Name\nk1,Again\n")
        .await;
    assert!(inserted.failed[1].contains(
        "DUPLICATE_VALUE:duplicate value found: Key__c duplicates value on record with id: 001"
    ));
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn values_are_cleared_by_na_only() {
    let org = Org::new().await;
    let made = org
        .ingest("Account", "insert", "Name,Site,Website\nA,S,W\n")
        .await;
    let id = &made.successful[1][1..19];
    let done = org
        .ingest(
            "Account",
            "update",
            &format!("Id,Site,Website\n{id},#N/A,\n"),
        )
        .await;
    assert_eq!(done.info["numberRecordsFailed"], 0);
    let row = org
        .query("select Site, Website from Account")
        .await
        .remove(0);
    assert_eq!((&row["Site"], &row["Website"]), (&json!(null), &json!("W")));
    let refused = org
        .ingest(
            "Account",
            "update",
            &format!("Id,Name\n{id},#N/A\n001000000000001,x\n{},y\n", &id[..15]),
        )
        .await;
    assert_eq!(refused.info["numberRecordsFailed"], 2);
    assert_eq!(refused.successful.len(), 2);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn echoed_values_are_coerced() {
    let org = Org::with(SalesforceSimOptions {
        audit_fields: true,
        ..SalesforceSimOptions::default()
    })
    .await;
    let csv = "Name,StageName,CloseDate,Amount,CreatedDate\n A ,New,2024-01-31,912260031.00,2024-01-31T10:00:00.987+01:00\n";
    let job = org.ingest("Opportunity", "insert", csv).await;
    assert!(
        job.successful[1].ends_with(
            ",\" A \",\"New\",\"2024-01-31\",\"9.12260031E8\",\"2024-01-31T09:00:00.000Z\""
        ),
        "{:?} {:?}",
        job.successful,
        job.failed
    );
    let row = org.query("select Name, Amount, CreatedDate, LastModifiedDate, Probability, IsClosed from Opportunity").await.remove(0);
    assert_eq!(row["Name"], "A");
    assert_eq!(row["CreatedDate"], "2024-01-31T09:00:00.000+0000");
    assert_ne!(row["LastModifiedDate"], row["CreatedDate"]);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn audit_fields_need_their_permission() {
    let org = Org::new().await;
    let job = org
        .ingest(
            "Account",
            "insert",
            "Name,CreatedDate\nA,2024-01-31T10:00:00Z\n",
        )
        .await;
    assert!(job.failed[1].contains(
        "INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: CreatedDate. Please check"
    ));
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn deleted_rows_go_with_their_children_and_are_named_when_touched() {
    let org = Org::new().await;
    let made = org.ingest("Account", "insert", "Name\nA\n").await;
    let id = made.successful[1][1..19].to_owned();
    org.ingest(
        "Contact",
        "insert",
        &format!("LastName,AccountId\nC,{id}\n"),
    )
    .await;
    let deleted = org
        .ingest("Account", "delete", &format!("Id\n{id}\n"))
        .await;
    assert_eq!(&deleted.successful[1][21..28], "\"false\"");
    assert_eq!(
        (org.count("Account").await, org.count("Contact").await),
        (0, 0)
    );
    let again = org
        .ingest("Account", "delete", &format!("Id\n{id}\n"))
        .await;
    assert!(again.failed[1].contains("ENTITY_IS_DELETED:entity is deleted:--"));
    let wide = org
        .ingest("Account", "delete", &format!("Id,Name\n{id},x\n"))
        .await;
    assert_eq!(wide.info["state"], "Failed");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn job_info_has_the_fields_of_each_call() {
    let org = Org::new().await;
    let spec = json!({"object": "Account", "operation": "insert"});
    let (_, made) = org.send(Method::POST, "jobs/ingest", spec).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        made["contentUrl"],
        format!("services/data/v66.0/jobs/ingest/{id}/batches")
    );
    assert_eq!(made["apiVersion"], json!(66.0));
    assert!(made["createdDate"].as_str().unwrap().ends_with(".000+0000"));
    assert!(made.get("jobType").is_none());
    let path = format!("jobs/ingest/{id}/");
    let open = org.get(&path).await;
    assert_eq!(
        (&open["jobType"], &open["retries"]),
        (&json!("V2Ingest"), &json!(0))
    );
    let (status, error) = answer_of_delete(&org, &path).await;
    assert_eq!((status, &error[0]["errorCode"]), (400, &json!("API_ERROR")));
    let (_, aborted) = org
        .send(Method::PATCH, &path, json!({"state": "Aborted"}))
        .await;
    assert_eq!(aborted["state"], "Aborted");
    assert!(aborted.get("contentUrl").is_none() && aborted.get("lineEnding").is_none());
    assert_eq!(answer_of_delete(&org, &path).await.0, 204);
    assert_eq!(org.get(&path).await[0]["errorCode"], "NOT_FOUND");
    org.simulator.shutdown().await.unwrap();
}

async fn answer_of_delete(org: &Org, path: &str) -> (u16, serde_json::Value) {
    super::support::answer(org.request(Method::DELETE, path).send().await.unwrap()).await
}

#[tokio::test]
async fn multipart_create_starts_the_job() {
    let org = Org::new().await;
    let spec = json!({"object": "Contact", "contentType": "CSV", "operation": "insert", "lineEnding": "LF"}).to_string();
    let job = reqwest::multipart::Part::text(spec)
        .mime_str("application/json")
        .unwrap();
    let content = reqwest::multipart::Part::text("LastName\nNomical\n")
        .file_name("content")
        .mime_str("text/csv")
        .unwrap();
    let form = reqwest::multipart::Form::new()
        .part("job", job)
        .part("content", content);
    let response = org
        .request(Method::POST, "jobs/ingest")
        .multipart(form)
        .send()
        .await
        .unwrap();
    let made: serde_json::Value = response.json().await.unwrap();
    assert_eq!(made["state"], "UploadComplete");
    let job = org
        .finish(&format!("jobs/ingest/{}", made["id"].as_str().unwrap()))
        .await;
    assert_eq!(job.info["numberRecordsProcessed"], 1);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn used_up_batches_fail_the_job_and_leave_the_rest_unprocessed() {
    let org = Org::with(SalesforceSimOptions {
        daily_bulk_batches: 1,
        ..SalesforceSimOptions::default()
    })
    .await;
    let mut csv = "Name\n".to_owned();
    for n in 0..10_500 {
        csv.push_str(&format!("N{n}\n"));
    }
    let job = org.ingest("Account", "insert", &csv).await;
    assert_eq!(job.info["state"], "Failed");
    assert_eq!(
        job.info["errorMessage"],
        "ExceededQuota : ApiBatchItems Limit exceeded."
    );
    assert_eq!((job.successful.len(), job.unprocessed.len()), (10_001, 501));
    assert_eq!(org.count("Account").await, 10_000);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn upload_that_broke_off_can_be_repeated() {
    let org = Org::new().await;
    let spec = json!({"object": "Account", "operation": "insert"});
    let (_, made) = org.send(Method::POST, "jobs/ingest", spec).await;
    let path = format!("jobs/ingest/{}", made["id"].as_str().unwrap());
    let broken = futures::stream::iter([Ok("Name\nA\nB"), Err(std::io::Error::other("gone"))]);
    let upload = org.request(Method::PUT, &format!("{path}/batches"));
    let body = reqwest::Body::wrap_stream(broken);
    assert!(upload.body(body).send().await.is_err());
    // The server may notice the closed connection a moment later.
    let put = async || {
        let request = org
            .request(Method::PUT, &format!("{path}/batches"))
            .body("Name\nC\n");
        request.send().await.unwrap().status()
    };
    while put().await != 201 {
        tokio::task::yield_now().await;
    }
    assert_eq!(put().await, 400, "one upload is enough");
    org.send(Method::PATCH, &path, json!({"state": "UploadComplete"}))
        .await;
    let job = org.finish(&path).await;
    assert_eq!(job.info["numberRecordsProcessed"], 1);
    org.simulator.shutdown().await.unwrap();
}
