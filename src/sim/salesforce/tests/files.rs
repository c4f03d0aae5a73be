//! Files and notes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::{Org, answer};

async fn bytes(org: &Org, path: &str) -> Vec<u8> {
    let response = org.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn version_makes_its_document_and_links_and_gives_its_bytes_back() {
    let org = Org::new().await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let content = vec![7u8; 300_000];
    let record = json!({"PathOnClient": "Contract.pdf", "FirstPublishLocationId": account});
    let text = reqwest::multipart::Part::text(record.to_string()).mime_str("application/json");
    let file = reqwest::multipart::Part::bytes(content.clone()).file_name("Contract.pdf");
    let form = reqwest::multipart::Form::new()
        .part("entity_content", text.unwrap())
        .part("VersionData", file);
    let request = org
        .request(Method::POST, "sobjects/ContentVersion")
        .multipart(form);
    let (status, made) = answer(request.send().await.unwrap()).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    let row = org.row("ContentVersion", id).await;
    assert_eq!(
        (
            &row["Title"],
            &row["FileType"],
            &row["FileExtension"],
            &row["ContentSize"]
        ),
        (
            &json!("Contract"),
            &json!("PDF"),
            &json!("pdf"),
            &json!(300_000)
        )
    );
    let path = row["VersionData"].as_str().unwrap();
    assert_eq!(bytes(&org, path).await, content);
    let document = row["ContentDocumentId"].as_str().unwrap();
    let described = org.row("ContentDocument", document).await;
    assert_eq!(described["LatestPublishedVersionId"], json!(id));
    let soql = format!(
        "select LinkedEntityId, ShareType from ContentDocumentLink where ContentDocumentId = '{document}'"
    );
    assert_eq!(org.query(&soql).await.len(), 2, "owner and place");
    let link = json!({"ContentDocumentId": document, "LinkedEntityId": account, "ShareType": "V"});
    assert_eq!(
        org.refused("ContentDocumentLink", link).await.0,
        "DUPLICATE_VALUE"
    );
    let request = org
        .request(Method::GET, "query")
        .query(&[("q", "select Id from ContentDocumentLink")]);
    let (status, error) = answer(request.send().await.unwrap()).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (400, &json!("MALFORMED_QUERY"))
    );
    // A second version of the same document.
    let data = STANDARD.encode("new");
    let next =
        json!({"ContentDocumentId": document, "PathOnClient": "Contract.txt", "VersionData": data});
    let next = org.create("ContentVersion", next).await;
    assert_eq!(org.row("ContentVersion", id).await["IsLatest"], false);
    let described = org.row("ContentDocument", document).await;
    assert_eq!(
        (
            &described["LatestPublishedVersionId"],
            &described["ContentSize"]
        ),
        (&json!(next), &json!(3))
    );
    org.send(
        Method::DELETE,
        &format!("sobjects/ContentDocument/{document}"),
        Value::Null,
    )
    .await;
    assert_eq!(org.count("ContentVersion").await, 0);
    assert_eq!(org.count("ContentDocumentLink").await, 0);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn files_come_by_collections_with_a_key_and_a_date_and_not_by_bulk() {
    let org = Org::with(SalesforceSimOptions {
        audit_fields: true,
        ..SalesforceSimOptions::default()
    })
    .await;
    org.keyed(&["ContentVersion"]).await;
    let record = |key: &str, data: &str| {
        json!({"attributes": {"type": "ContentVersion"}, "PathOnClient": "a.txt", "VersionData": data, "Key__c": key,
            "CreatedDate": "2018-01-02T03:04:05Z"})
    };
    let records = [
        record("a", &STANDARD.encode("hello")),
        record("a", &STANDARD.encode("hello")),
        record("b", "%%%"),
    ];
    let body = json!({"allOrNone": false, "records": records});
    let (_, results) = org.send(Method::POST, "composite/sobjects", body).await;
    assert_eq!(results[0]["success"], true, "{results}");
    assert_eq!(results[1]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
    assert_eq!(
        results[2]["errors"][0]["statusCode"],
        "INVALID_TYPE_ON_FIELD_IN_RECORD"
    );
    let document = org
        .query("select CreatedDate, Title from ContentDocument")
        .await;
    assert_eq!(document[0]["CreatedDate"], "2018-01-02T03:04:05.000+0000");
    for (record, missing) in [
        (json!({"VersionData": "YQ=="}), "PathOnClient"),
        (json!({"PathOnClient": "a.txt"}), "VersionData"),
    ] {
        let (code, message) = org.refused("ContentVersion", record).await;
        assert_eq!(code, "REQUIRED_FIELD_MISSING");
        assert!(message.contains(missing), "{message}");
    }
    for object in [
        "ContentVersion",
        "ContentNote",
        "ContentDocument",
        "TaskStatus",
        "TaskPriority",
        "CaseStatus",
    ] {
        let spec = json!({"object": object, "operation": "insert"});
        let (status, error) = org.send(Method::POST, "jobs/ingest", spec).await;
        assert_eq!(
            (status, &error[0]["errorCode"]),
            (400, &json!("INVALIDENTITY")),
            "{object}"
        );
    }
    let org = org.restarted(SalesforceSimOptions::default()).await;
    let id = results[0]["id"].as_str().unwrap();
    let path = format!("sobjects/ContentVersion/{id}/VersionData");
    assert_eq!(bytes(&org, &path).await, b"hello");
    let checksum = &org.row("ContentVersion", id).await["Checksum"];
    assert_eq!(checksum, "5d41402abc4b2a76b9719d911017c592");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn note_is_a_document_without_scripts() {
    let org = Org::new().await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let html = "<p>R&amp;D</p><script>x()</script>";
    let note = json!({"Title": "T", "Content": STANDARD.encode(html)});
    let note = org.create("ContentNote", note).await;
    assert!(note.starts_with("069"));
    let path = format!("sobjects/ContentNote/{note}/Content");
    assert_eq!(bytes(&org, &path).await, b"<p>R&amp;D</p>");
    let row = org.row("ContentNote", &note).await;
    assert_eq!(
        (&row["TextPreview"], &row["ContentSize"]),
        (&json!("R&D"), &json!(14))
    );
    let version = org
        .query("select FileType, ContentDocumentId from ContentVersion")
        .await;
    assert_eq!(
        (&version[0]["FileType"], &version[0]["ContentDocumentId"]),
        (&json!("SNOTE"), &json!(note))
    );
    let link = json!({"ContentDocumentId": note, "LinkedEntityId": account, "ShareType": "V"});
    org.create("ContentDocumentLink", link).await;
    let data = STANDARD.encode("file");
    org.create(
        "ContentVersion",
        json!({"PathOnClient": "f.txt", "VersionData": data}),
    )
    .await;
    assert_eq!(org.query("select Id from ContentNote").await.len(), 1);
    let changed = json!({"Content": STANDARD.encode("new")});
    assert_eq!(org.change("ContentNote", &note, changed).await.0, 204);
    assert_eq!(bytes(&org, &path).await, b"new");
    // A title alone changes the note, and the answer says so.
    let titled = json!({"allOrNone": false, "records": [
        {"attributes": {"type": "ContentNote"}, "id": note, "Title": "U"}]});
    let (_, told) = org.send(Method::PATCH, "composite/sobjects", titled).await;
    assert_eq!(
        (&told[0]["id"], &told[0]["success"]),
        (&json!(note), &json!(true))
    );
    assert_eq!(org.row("ContentNote", &note).await["Title"], "U");
    let plain = json!({"Title": "T", "Content": STANDARD.encode("1 < 2")});
    assert_eq!(
        org.refused("ContentNote", plain).await.0,
        "FIELD_INTEGRITY_EXCEPTION"
    );
    org.simulator.shutdown().await.unwrap();
}
