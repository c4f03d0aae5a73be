//! Deletions by `destructiveChanges` files.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::{Org, key_package};

fn deletions(kind: &str, members: &[&str]) -> String {
    let members: String = members
        .iter()
        .map(|one| format!("<members>{one}</members>"))
        .collect();
    format!("<Package><types>{members}<name>{kind}</name></types></Package>")
}

const EMPTY: &str = "<Package><version>66.0</version></Package>";

async fn destroy(org: &Org, kind: &str, members: &[&str], check_only: bool) -> Value {
    let list = deletions(kind, members);
    let files = [
        ("package.xml", EMPTY),
        ("destructiveChanges.xml", list.as_str()),
    ];
    org.deploy(&files, check_only).await
}

async fn status(org: &Org, soql: &str) -> u16 {
    let request = org.request(Method::GET, "query").query(&[("q", soql)]);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn deleted_field_is_gone_everywhere_and_its_values_do_not_come_back() {
    let org = Org::new().await;
    org.keyed(&["Account", "Lead"]).await;
    org.ingest("Account", "insert", "Name,Key__c\na,k1\n").await;
    let later = "<CustomObject><fields><fullName>Later__c</fullName><label>Later</label><type>Text</type>\
        <length>9</length><required>true</required></fields></CustomObject>";
    let manifest = "<Package><types><members>Account.Later__c</members><name>CustomField</name></types></Package>";
    org.deploy(
        &[("package.xml", manifest), ("objects/Account.object", later)],
        false,
    )
    .await;
    org.ingest("Account", "insert", "Name,Key__c,Later__c\nb,k2,x\n")
        .await;
    let checked = destroy(&org, "CustomField", &["Account.Key__c"], true).await;
    assert_eq!(checked["details"]["componentSuccesses"][0]["deleted"], true);
    assert_eq!(status(&org, "select Key__c from Account").await, 200);
    let result = destroy(&org, "CustomField", &["Account.Key__c"], false).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    let gone = async |org: &Org| {
        assert_eq!(status(org, "select Key__c from Account").await, 400);
        let describe = org.get("sobjects/Account/describe").await.to_string();
        assert!(!describe.contains("Key__c") && describe.contains("Later__c"));
        let job = org.ingest("Account", "insert", "Name,Key__c\na,b\n").await;
        assert_eq!(
            job.info["errorMessage"],
            "InvalidBatch : Field name not found : Key__c"
        );
        let rows = org
            .query("select Later__c from Account where Name = 'b'")
            .await;
        assert_eq!(rows[0]["Later__c"], "x");
    };
    gone(&org).await;
    let org = org.restarted(SalesforceSimOptions::default()).await;
    gone(&org).await;
    assert_eq!(status(&org, "select Key__c from Lead").await, 200);
    // Redeployed without a restart in between as well.
    let files = key_package(&["Account", "Lead"]);
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    for _ in 0..2 {
        let result = org.deploy(&files, false).await;
        assert_eq!(result["status"], "Succeeded", "{result}");
        let rows = org
            .query("select Key__c, Later__c from Account where Name = 'b'")
            .await;
        assert_eq!(
            (&rows[0]["Key__c"], &rows[0]["Later__c"]),
            (&Value::Null, &json!("x"))
        );
        let job = org
            .upsert("Account", "Key__c", "Key__c,Name,Later__c\nfresh,c,y\n")
            .await;
        assert_eq!(
            job.info["numberRecordsFailed"], 0,
            "{:?} {}",
            job.failed, job.info
        );
        assert_eq!(
            org.query("select Name from Account where Key__c = 'fresh'")
                .await
                .len(),
            1
        );
        destroy(&org, "CustomField", &["Account.Key__c"], false).await;
    }
    org.deploy(&files, false).await;
    let org = org.restarted(SalesforceSimOptions::default()).await;
    let rows = org
        .query("select Key__c, Later__c from Account where Name = 'c'")
        .await;
    assert_eq!(
        (&rows[0]["Key__c"], &rows[0]["Later__c"]),
        (&Value::Null, &json!("y"))
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_a_warning_and_what_must_stay_is_an_error() {
    let org = Org::new().await;
    let result = destroy(&org, "CustomField", &["Lead.No__c"], false).await;
    let message = &result["details"]["componentSuccesses"][0];
    assert_eq!(
        (
            &result["status"],
            &message["problemType"],
            &message["problem"]
        ),
        (
            &json!("Succeeded"),
            &json!("Warning"),
            &json!("No CustomField named: Lead.No__c found")
        )
    );
    for (kind, member) in [
        ("CustomField", "Lead.Status"),
        ("CustomObject", "Lead"),
        ("StandardValueSet", "OpportunityStage"),
    ] {
        let result = destroy(&org, kind, &[member], false).await;
        let failure = &result["details"]["componentFailures"][0];
        assert_eq!(
            (&result["status"], &failure["fullName"]),
            (&json!("Failed"), &json!(member)),
            "{result}"
        );
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn deletions_are_rolled_back_with_the_rest() {
    let org = Org::new().await;
    org.keyed(&["Lead"]).await;
    let result = destroy(&org, "CustomField", &["Lead.Key__c", "Lead.Status"], false).await;
    assert_eq!(result["status"], "Failed");
    assert_eq!(status(&org, "select Key__c from Lead").await, 200);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn deleted_permission_set_takes_its_row_its_assignments_and_its_grants_along() {
    let org = Org::new().await;
    org.keyed(&["Lead"]).await;
    let before = org.count("PermissionSetAssignment").await;
    let result = destroy(&org, "PermissionSet", &["Loader"], false).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    assert_eq!(
        org.query("select Id from PermissionSet where Name = 'Loader'")
            .await
            .len(),
        0
    );
    assert_eq!(org.count("PermissionSetAssignment").await, before - 1);
    assert_eq!(status(&org, "select Key__c from Lead").await, 400);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn deleted_object_goes_with_its_rows_and_the_lookups_to_it() {
    let org = Org::new().await;
    let trip = "<CustomObject><deploymentStatus>Deployed</deploymentStatus><label>Trip</label><pluralLabel>Trips</pluralLabel>\
        <nameField><label>Name</label><type>Text</type></nameField><sharingModel>ReadWrite</sharingModel></CustomObject>";
    let lead = "<CustomObject><fields><fullName>Trip__c</fullName><label>Trip</label><type>Lookup</type>\
        <referenceTo>Trip__c</referenceTo><relationshipName>Leads</relationshipName></fields></CustomObject>";
    let set = "<PermissionSet><label>S</label><fieldPermissions><editable>true</editable><field>Lead.Trip__c</field>\
        <readable>true</readable></fieldPermissions><objectPermissions><allowCreate>true</allowCreate><allowRead>true\
        </allowRead><object>Trip__c</object></objectPermissions></PermissionSet>";
    let manifest = "<Package><types><members>Trip__c</members><members>Lead</members><name>CustomObject</name></types></Package>";
    let files = [
        ("package.xml", manifest),
        ("objects/Trip__c.object", trip),
        ("objects/Lead.object", lead),
        ("permissionsets/S.permissionset", set),
    ];
    let result = org.deploy(&files, false).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    org.assign("S").await;
    let old = org.create("Trip__c", json!({"Name": "Alps"})).await;
    org.create(
        "Lead",
        json!({"LastName": "L", "Company": "C", "Trip__c": old}),
    )
    .await;
    let result = destroy(&org, "CustomObject", &["Trip__c"], false).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    assert_eq!(status(&org, "select Id from Trip__c").await, 400);
    assert_eq!(status(&org, "select Trip__c from Lead").await, 400);
    let org = org.restarted(SalesforceSimOptions::default()).await;
    assert_eq!(status(&org, "select Id from Trip__c").await, 400);
    let result = org.deploy(&files, false).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    assert_eq!(org.count("Trip__c").await, 0);
    let new = org.create("Trip__c", json!({"Name": "Tatra"})).await;
    assert_ne!(&new[..3], &old[..3]);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_field_can_be_deleted_first_and_come_back_as_another_type() {
    let org = Org::new().await;
    org.keyed(&["Lead"]).await;
    let object = "<CustomObject><fields><fullName>Key__c</fullName><label>Key</label><type>Date</type></fields></CustomObject>";
    let manifest =
        "<Package><types><members>Lead.Key__c</members><name>CustomField</name></types></Package>";
    let list = deletions("CustomField", &["Lead.Key__c"]);
    for (file, expected) in [
        ("destructiveChangesPre.xml", "Succeeded"),
        ("destructiveChangesPost.xml", "Succeeded"),
    ] {
        let files = [
            ("package.xml", manifest),
            ("objects/Lead.object", object),
            (file, list.as_str()),
        ];
        let result = org.deploy(&files, false).await;
        assert_eq!(result["status"], expected, "{result}");
        let soql =
            "select Id from CustomField where DeveloperName = 'Key' and TableEnumOrId = 'Lead'";
        let request = org
            .request(Method::GET, "tooling/query")
            .query(&[("q", soql)]);
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(body["totalSize"], u64::from(file.contains("Pre")));
    }
    org.simulator.shutdown().await.unwrap();
}
