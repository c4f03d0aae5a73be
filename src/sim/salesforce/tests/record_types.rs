//! Business processes, record types and who may use them.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::Org;

const MANIFEST: &str = "<Package><types><members>Opportunity.Sales</members><name>BusinessProcess</name></types>\
    <types><members>Opportunity.Sales</members><name>RecordType</name></types></Package>";

/// An object's file with one process and one record type.
fn object(value: &str, process: &str, label: &str) -> String {
    format!(
        "<CustomObject><businessProcesses><fullName>Sales</fullName><isActive>true</isActive><values>\
         <fullName>{value}</fullName><default>false</default></values></businessProcesses><recordTypes>\
         <fullName>Sales</fullName><active>true</active>{process}<label>{label}</label></recordTypes></CustomObject>"
    )
}

const PROCESS: &str = "<businessProcess>Sales</businessProcess>";

fn set(record_type: &str) -> String {
    format!(
        "<PermissionSet><label>Types</label><recordTypeVisibilities><recordType>{record_type}</recordType>\
         <visible>true</visible></recordTypeVisibilities></PermissionSet>"
    )
}

async fn deployed(org: &Org, object: &str, set: Option<&str>) -> Value {
    let mut files = vec![
        ("package.xml", MANIFEST),
        ("objects/Opportunity.object", object),
    ];
    files.extend(set.map(|set| ("permissionsets/Types.permissionset", set)));
    org.deploy(&files, false).await
}

fn problem(result: &Value) -> &str {
    result["details"]["componentFailures"][0]["problem"]
        .as_str()
        .unwrap_or_else(|| panic!("{result}"))
}

async fn fields(org: &Org, object: &str) -> Vec<String> {
    let describe = org.get(&format!("sobjects/{object}/describe")).await;
    let fields = describe["fields"].as_array().unwrap().iter();
    fields
        .map(|field| field["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn record_type_is_usable_once_a_set_that_shows_it_is_assigned() {
    let org = Org::new().await;
    assert!(
        !fields(&org, "Opportunity")
            .await
            .contains(&"RecordTypeId".to_owned())
    );
    let result = deployed(
        &org,
        &object("Prospecting", PROCESS, "Sales deal"),
        Some(&set("Opportunity.Sales")),
    )
    .await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    assert!(
        fields(&org, "Opportunity")
            .await
            .contains(&"RecordTypeId".to_owned())
    );
    assert!(
        !fields(&org, "Account")
            .await
            .contains(&"RecordTypeId".to_owned())
    );
    let rows = org
        .query("select Id, Name, SobjectType, IsActive, BusinessProcessId from RecordType where DeveloperName = 'Sales'")
        .await;
    assert_eq!(
        (
            &rows[0]["Name"],
            &rows[0]["SobjectType"],
            &rows[0]["IsActive"]
        ),
        (&json!("Sales deal"), &json!("Opportunity"), &json!(true))
    );
    let process = org
        .query("select Id, TableEnumOrId, IsActive from BusinessProcess where Name = 'Sales'")
        .await;
    assert_eq!(process[0]["Id"], rows[0]["BusinessProcessId"]);
    let id = rows[0]["Id"].as_str().unwrap();
    let row = json!({"Name": "a", "StageName": "Prospecting", "CloseDate": "2024-01-31", "RecordTypeId": id});
    let (code, message) = org.refused("Opportunity", row.clone()).await;
    assert_eq!(
        (code.as_str(), message),
        (
            "INVALID_CROSS_REFERENCE_KEY",
            format!("Record Type ID: this ID value isn't valid for the user: {id}")
        )
    );
    let csv = format!("Name,StageName,CloseDate,RecordTypeId\na,Prospecting,2024-01-31,{id}\n");
    let job = org.ingest("Opportunity", "insert", &csv).await;
    assert!(
        job.failed[1].contains("INVALID_CROSS_REFERENCE_KEY:Record Type ID: this ID value isn't valid for the user: 012"),
        "{:?}", job.failed
    );
    let info = |describe: Value| describe["recordTypeInfos"].clone();
    let infos = info(org.get("sobjects/Opportunity/describe").await);
    assert_eq!(
        (&infos[0]["recordTypeId"], &infos[0]["available"]),
        (&json!(id), &json!(false))
    );
    org.assign("Types").await;
    let org = org.restarted(SalesforceSimOptions::default()).await;
    let infos = info(org.get("sobjects/Opportunity/describe").await);
    assert_eq!(
        (
            &infos[0]["available"],
            &infos[0]["developerName"],
            &infos[0]["master"],
            &infos[1]["developerName"],
            &infos[1]["defaultRecordTypeMapping"]
        ),
        (
            &json!(true),
            &json!("Sales"),
            &json!(false),
            &json!("Master"),
            &json!(true)
        )
    );
    let made = org.create("Opportunity", row).await;
    assert_eq!(org.row("Opportunity", &made).await["RecordTypeId"], id);
    let csv = "Name,StageName,CloseDate,RecordType.DeveloperName\na,Prospecting,2024-01-31,Sales\n";
    let job = org.ingest("Opportunity", "insert", csv).await;
    assert_eq!(job.info["numberRecordsFailed"], 0, "{:?}", job.failed);
    let (status, _) = org
        .change(
            "Opportunity",
            &made,
            json!({"RecordTypeId": "012000000000000AAA"}),
        )
        .await;
    assert_eq!(status, 204);
    assert_eq!(
        org.row("Opportunity", &made).await["RecordTypeId"],
        Value::Null
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn redeployed_record_type_keeps_its_id_and_takes_the_new_label() {
    let org = Org::new().await;
    deployed(&org, &object("Prospecting", PROCESS, "Old"), None).await;
    let ids = "select Id from RecordType where DeveloperName = 'Sales'";
    let before = org.query(ids).await;
    let result = deployed(&org, &object("Prospecting", PROCESS, "New"), None).await;
    assert_eq!(result["details"]["componentSuccesses"][0]["created"], false);
    assert_eq!(org.query(ids).await, before);
    let rows = org.query("select Name from RecordType").await;
    assert_eq!((rows.len(), &rows[0]["Name"]), (1, &json!("New")));
    assert_eq!(org.count("BusinessProcess").await, 1);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn processes_and_record_types_name_only_what_is_there() {
    let org = Org::new().await;
    let result = deployed(&org, &object("prospecting", PROCESS, "L"), None).await;
    assert_eq!(
        problem(&result),
        "Picklist value: prospecting in picklist: StageName not found"
    );
    let result = deployed(&org, &object("Prospecting", "", "L"), None).await;
    assert_eq!(
        problem(&result),
        "Required field is missing: businessProcess"
    );
    let other = "<businessProcess>Other</businessProcess>";
    let result = deployed(&org, &object("Prospecting", other, "L"), None).await;
    assert_eq!(
        problem(&result),
        "In field: businessProcess - no BusinessProcess named Opportunity.Other found"
    );
    let right = object("Prospecting", PROCESS, "L");
    let result = deployed(&org, &right, Some(&set("Opportunity.X"))).await;
    assert_eq!(
        problem(&result),
        "In field: recordType - no RecordType named Opportunity.X found"
    );
    assert_eq!(org.count("RecordType").await, 0);
    // A stage of the same package will do.
    let stages = "<StandardValueSet><standardValue><fullName>Fresh</fullName><default>false</default><label>Fresh</label>\
        <closed>false</closed><forecastCategory>Pipeline</forecastCategory><probability>5</probability><won>false</won>\
        </standardValue></StandardValueSet>";
    let manifest = MANIFEST.replace(
        "</Package>",
        "<types><members>OpportunityStage</members><name>StandardValueSet</name></types></Package>",
    );
    let fresh = object("Fresh", PROCESS, "L");
    let files = [
        ("package.xml", manifest.as_str()),
        ("objects/Opportunity.object", &fresh),
        (
            "standardValueSets/OpportunityStage.standardValueSet",
            stages,
        ),
    ];
    let checked = org.deploy(&files, true).await;
    assert_eq!(checked["status"], "Succeeded", "{checked}");
    assert_eq!(org.count("RecordType").await, 0);
    assert_eq!(org.deploy(&files, false).await["status"], "Succeeded");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn record_type_of_another_object_is_refused() {
    let org = Org::new().await;
    let account = "<CustomObject><recordTypes><fullName>Firm</fullName><active>true</active><label>Firm</label>\
        </recordTypes></CustomObject>";
    let manifest = MANIFEST.replace(
        "<members>Opportunity.Sales</members><name>RecordType",
        "<members>Opportunity.Sales</members><members>Account.Firm</members><name>RecordType",
    );
    let sales = object("Prospecting", PROCESS, "L");
    let both = set(
        "Account.Firm</recordType><visible>true</visible></recordTypeVisibilities><recordTypeVisibilities><recordType>Opportunity.Sales",
    );
    let files = [
        ("package.xml", manifest.as_str()),
        ("objects/Account.object", account),
        ("objects/Opportunity.object", &sales),
        ("permissionsets/Types.permissionset", &both),
    ];
    let result = org.deploy(&files, false).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    org.assign("Types").await;
    let rows = org
        .query("select Id from RecordType where SobjectType = 'Opportunity'")
        .await;
    let row = json!({"Name": "a", "RecordTypeId": rows[0]["Id"]});
    let (code, message) = org.refused("Account", row).await;
    assert_eq!(code, "INVALID_CROSS_REFERENCE_KEY");
    assert!(
        message.starts_with("Record Type ID: this ID value isn't valid"),
        "{message}"
    );
    let (status, _) = org
        .send(
            Method::POST,
            "sobjects/Account",
            json!({"Name": "a", "RecordType": {"DeveloperName": "Firm"}}),
        )
        .await;
    assert_eq!(status, 201);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn custom_object_gets_its_lookup_with_its_first_record_type_and_keeps_its_rows() {
    let org = Org::new().await;
    let trip = |more: &str| {
        format!(
            "<CustomObject><deploymentStatus>Deployed</deploymentStatus><label>Trip</label><pluralLabel>Trips</pluralLabel>\
             <nameField><label>Name</label><type>Text</type></nameField><sharingModel>ReadWrite</sharingModel>{more}\
             </CustomObject>"
        )
    };
    let types = "<recordTypes><fullName>Long</fullName><active>true</active><label>Long</label></recordTypes>";
    let note = "<fields><fullName>Note__c</fullName><label>Note</label><type>Text</type><length>9</length>\
        <required>true</required></fields>";
    let set = |more: &str| {
        format!(
            "<PermissionSet><label>T</label><objectPermissions><allowCreate>true</allowCreate><allowRead>true</allowRead>\
             <object>Trip__c</object></objectPermissions>{more}</PermissionSet>"
        )
    };
    let manifest =
        "<Package><types><members>Trip__c</members><name>CustomObject</name></types></Package>";
    let deploy = async |org: &Org, object: &str, set: &str| {
        let files = [
            ("package.xml", manifest),
            ("objects/Trip__c.object", object),
            ("permissionsets/T.permissionset", set),
        ];
        let result = org.deploy(&files, false).await;
        assert_eq!(result["status"], "Succeeded", "{result}");
    };
    deploy(&org, &trip(""), &set("")).await;
    org.assign("T").await;
    let old = org.create("Trip__c", json!({"Name": "old"})).await;
    let visible = "<recordTypeVisibilities><recordType>Trip__c.Long</recordType><visible>true</visible></recordTypeVisibilities>";
    deploy(&org, &trip(types), &set(visible)).await;
    deploy(&org, &trip(note), &set(visible)).await;
    let id = org
        .query("select Id from RecordType where SobjectType = 'Trip__c'")
        .await[0]["Id"]
        .clone();
    let row = json!({"Name": "new", "RecordTypeId": id, "Note__c": "n"});
    let new = org.create("Trip__c", row).await;
    for _ in 0..2 {
        let rows = org
            .query("select Name, RecordType.DeveloperName, Note__c from Trip__c order by Name")
            .await;
        assert_eq!(rows[0]["RecordType"]["DeveloperName"], "Long");
        assert_eq!(
            (&rows[0]["Note__c"], &rows[1]["RecordType"]),
            (&json!("n"), &Value::Null)
        );
    }
    let org = org.restarted(SalesforceSimOptions::default()).await;
    assert_eq!(org.row("Trip__c", &new).await["RecordTypeId"], id);
    assert_eq!(org.row("Trip__c", &old).await["Name"], "old");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn record_types_and_processes_stay_once_they_are_there() {
    let org = Org::new().await;
    deployed(&org, &object("Prospecting", PROCESS, "L"), None).await;
    let list = "<Package><types><members>Opportunity.Sales</members><name>RecordType</name></types><types>\
        <members>Opportunity.Sales</members><name>BusinessProcess</name></types></Package>";
    let files = [
        ("package.xml", "<Package/>"),
        ("destructiveChangesPost.xml", list),
    ];
    let result = org.deploy(&files, false).await;
    assert_eq!(
        (&result["status"], &result["numberComponentErrors"]),
        (&json!("Failed"), &json!(2))
    );
    assert_eq!(problem(&result), "Cannot delete record type through API");
    assert_eq!(
        (
            org.count("RecordType").await,
            org.count("BusinessProcess").await
        ),
        (1, 1)
    );
    org.simulator.shutdown().await.unwrap();
}
