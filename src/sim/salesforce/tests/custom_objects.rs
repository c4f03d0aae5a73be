//! Objects and lookups that are deployed.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::Org;

const MANIFEST: &str = "<Package><types><members>Trip__c</members><members>Stop__c</members><name>CustomObject</name></types>\
    <types><members>Lead.Trip__c</members><name>CustomField</name></types>\
    <types><members>Loader</members><name>PermissionSet</name></types></Package>";

fn object(label: &str, name_field: &str, fields: &str) -> String {
    format!(
        "<CustomObject><deploymentStatus>Deployed</deploymentStatus><enableActivities>true</enableActivities>\
         <enableBulkApi>true</enableBulkApi><label>{label}</label><pluralLabel>{label}s</pluralLabel>\
         <nameField><label>Name</label>{name_field}</nameField><sharingModel>ReadWrite</sharingModel>{fields}</CustomObject>"
    )
}

fn lookup(name: &str, target: &str, constraint: &str) -> String {
    format!(
        "<fields><fullName>{name}</fullName><label>{name}</label><type>Lookup</type><referenceTo>{target}</referenceTo>\
         <relationshipName>{name}s</relationshipName><deleteConstraint>{constraint}</deleteConstraint></fields>"
    )
    .replace("__cs", "s")
}

const KEY: &str = "<fields><fullName>Key__c</fullName><label>Key</label><type>Text</type><length>40</length>\
    <externalId>true</externalId><unique>true</unique><caseSensitive>true</caseSensitive></fields>";

/// Files of two objects, the one with a lookup to the other, and a lookup on Lead.
fn files(objects_granted: bool) -> Vec<(String, String)> {
    let trip = object("Trip", "<type>Text</type>", KEY);
    let fields = format!("{KEY}{}", lookup("Trip__c", "Trip__c", "Restrict"));
    let auto = "<displayFormat>S-{0000}</displayFormat><type>AutoNumber</type>";
    let stop = object("Stop", auto, &fields);
    let lead = format!(
        "<CustomObject>{}</CustomObject>",
        lookup("Trip__c", "Trip__c", "SetNull")
    );
    let lead = lead.replace("Trips</relationshipName>", "Leads</relationshipName>");
    let mut set = "<PermissionSet><label>Loader</label>".to_owned();
    for field in [
        "Trip__c.Key__c",
        "Stop__c.Key__c",
        "Stop__c.Trip__c",
        "Lead.Trip__c",
    ] {
        set.push_str(&format!(
            "<fieldPermissions><editable>true</editable><field>{field}</field><readable>true</readable></fieldPermissions>"
        ));
    }
    for object in ["Trip__c", "Stop__c"]
        .into_iter()
        .filter(|_| objects_granted)
    {
        set.push_str(&format!(
            "<objectPermissions><allowCreate>true</allowCreate><allowDelete>true</allowDelete><allowEdit>true</allowEdit>\
             <allowRead>true</allowRead><object>{object}</object></objectPermissions>"
        ));
    }
    set.push_str("</PermissionSet>");
    [
        ("package.xml", MANIFEST.to_owned()),
        ("objects/Lead.object", lead),
        ("objects/Stop__c.object", stop),
        ("objects/Trip__c.object", trip),
        ("permissionsets/Loader.permissionset", set),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text))
    .collect()
}

async fn deploy(org: &Org, files: &[(String, String)]) -> Value {
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    org.deploy(&files, false).await
}

#[tokio::test]
async fn deployed_object_is_seen_once_granted_and_survives_a_restart() {
    let org = Org::new().await;
    let result = deploy(&org, &files(false)).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    org.assign("Loader").await;
    let spec = json!({"object": "Trip__c", "operation": "insert"});
    let (status, error) = org.send(Method::POST, "jobs/ingest", spec).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (400, &json!("INVALIDENTITY"))
    );
    assert_eq!(
        org.get("sobjects/Trip__c/describe").await[0]["errorCode"],
        "NOT_FOUND"
    );
    let result = deploy(&org, &files(true)).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    let job = org
        .upsert("Trip__c", "Key__c", "Key__c,Name\nt1,Alps\nt2,\n")
        .await;
    assert_eq!(job.info["numberRecordsFailed"], 0, "{:?}", job.failed);
    let stops = "Key__c,Trip__r.Key__c\ns1,t1\ns2,nope\n";
    let job = org.upsert("Stop__c", "Key__c", stops).await;
    assert!(
        job.failed[1].contains("Foreign key external ID: nope not found"),
        "{:?}",
        job.failed
    );
    let org = org.restarted(SalesforceSimOptions::default()).await;
    let rows = org.query("select Name, Trip__r.Name from Stop__c").await;
    assert_eq!(
        (&rows[0]["Name"], &rows[0]["Trip__r"]["Name"]),
        (&json!("S-0001"), &json!("Alps"))
    );
    let unnamed = org
        .query("select Id, Name from Trip__c where Key__c = 't2'")
        .await;
    assert_eq!(unnamed[0]["Id"], unnamed[0]["Name"]);
    let describe = org.get("sobjects/Trip__c/describe").await;
    assert_eq!(
        (&describe["keyPrefix"], &describe["custom"]),
        (&json!("a01"), &json!(true))
    );
    let children = describe["childRelationships"].as_array().unwrap();
    let named = |name: &str| {
        children
            .iter()
            .any(|child| child["relationshipName"] == name)
    };
    assert!(named("Trips") && named("Leads"), "{children:?}");
    // Tasks and events may be about a row of it.
    let trip = unnamed[0]["Id"].clone();
    let task = org.create("Task", json!({"WhatId": trip})).await;
    assert_eq!(org.row("Task", &task).await["WhatId"], trip);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn lookups_check_their_ids_and_do_as_told_when_the_parent_goes() {
    let org = Org::new().await;
    deploy(&org, &files(true)).await;
    org.assign("Loader").await;
    let job = org
        .upsert("Trip__c", "Key__c", "Key__c,Name\nt1,Alps\nt2,Tatra\n")
        .await;
    let id = |line: &str| line[1..19].to_owned();
    let ids: Vec<String> = job.successful[1..].iter().map(|line| id(line)).collect();
    let (code, message) = org.refused("Stop__c", json!({"Trip__c": "24"})).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("MALFORMED_ID", "Trip__c: id value of incorrect type: 24")
    );
    let unknown = ids[0].replace(&ids[0][12..], "zzz");
    let (status, error) = org
        .send(
            Method::POST,
            "sobjects/Stop__c",
            json!({"Trip__c": unknown}),
        )
        .await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (400, &json!("INVALID_CROSS_REFERENCE_KEY"))
    );
    let lead = json!({"LastName": "L", "Company": "C", "Trip__c": ids[0]});
    let lead = org.create("Lead", lead).await;
    let stop = org.create("Stop__c", json!({"Trip__c": ids[1]})).await;
    let path = |id: &str| format!("sobjects/Trip__c/{id}");
    let (status, _) = org.send(Method::DELETE, &path(&ids[0]), Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(org.row("Lead", &lead).await["Trip__c"], Value::Null);
    let (status, error) = org.send(Method::DELETE, &path(&ids[1]), Value::Null).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (400, &json!("DELETE_FAILED"))
    );
    org.send(
        Method::DELETE,
        &format!("sobjects/Stop__c/{stop}"),
        Value::Null,
    )
    .await;
    let (status, _) = org.send(Method::DELETE, &path(&ids[1]), Value::Null).await;
    assert_eq!(status, 204);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn incomplete_headers_and_clashing_relationships_are_named() {
    let org = Org::new().await;
    for (cut, problem) in [
        ("<pluralLabel>Trips</pluralLabel>", "pluralLabel"),
        ("<sharingModel>ReadWrite</sharingModel>", "sharingModel"),
        (
            "<nameField><label>Name</label><type>Text</type></nameField>",
            "nameField",
        ),
    ] {
        let mut files = files(true);
        files[3].1 = files[3].1.replace(cut, "");
        let result = deploy(&org, &files).await;
        let failures = result["details"]["componentFailures"].as_array().unwrap();
        let named = failures.iter().any(|failure| {
            failure["fullName"] == "Trip__c"
                && failure["problem"].as_str().unwrap().contains(problem)
        });
        assert!(named, "{problem}: {failures:?}");
    }
    let mut files = files(true);
    files[1].1 = files[1]
        .1
        .replace("Leads</relationshipName>", "Trips</relationshipName>");
    let result = deploy(&org, &files).await;
    let problem = &result["details"]["componentFailures"][0]["problem"];
    assert_eq!(
        problem,
        "There is already a Child Relationship named Trips on Trip__c."
    );
    org.simulator.shutdown().await.unwrap();
}
