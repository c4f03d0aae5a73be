//! What a client asks before it begins: rules, triggers, permissions, custom fields.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::{Edition, SalesforceSimOptions};
use super::support::{Org, key_package};

async fn tooling(org: &Org, soql: &str) -> Value {
    let request = org
        .request(Method::GET, "tooling/query")
        .query(&[("q", soql)]);
    request.send().await.unwrap().json().await.unwrap()
}

async fn made(org: &Org, object: &str, fields: Value) -> Value {
    let body = json!({"object": object, "fields": fields});
    let (status, answer) = org.send(Method::POST, "/control/rows", body).await;
    assert_eq!(status, 200, "{answer}");
    answer["id"].clone()
}

#[tokio::test]
async fn rules_that_tests_add_are_found_by_query() {
    let org = Org::new().await;
    made(&org, "DuplicateRule", json!({"DeveloperName": "Dup", "MasterLabel": "Dup", "SobjectType": "Lead", "IsActive": true})).await;
    made(&org, "FlowDefinitionView", json!({"ApiName": "F", "Label": "F", "TriggerType": "RecordAfterSave", "IsActive": true,
        "ProcessType": "AutoLaunchedFlow", "TriggerObjectOrEventLabel": "Contact", "TriggerObjectOrEventId": "Contact"})).await;
    let trigger = made(&org, "ApexTrigger", json!({"Name": "T", "TableEnumOrId": "Opportunity", "Status": "Active", "UsageAfterInsert": true})).await;
    made(
        &org,
        "AssignmentRule",
        json!({"Name": "A", "SobjectType": "Lead", "Active": true}),
    )
    .await;
    let rows = org.query("select Id, Name from ApexTrigger where Status = 'Active' and UsageAfterInsert = true and UsageBeforeInsert = false").await;
    assert_eq!((rows.len(), &rows[0]["Id"]), (1, &trigger));
    for soql in [
        "select Id from DuplicateRule where SobjectType = 'Lead' and IsActive = true",
        "select ApiName, Label from FlowDefinitionView where TriggerObjectOrEventId in ('Contact') and TriggerType = 'RecordAfterSave'",
        "select Name from AssignmentRule where Active = true and SobjectType = 'Lead'",
    ] {
        assert_eq!(org.query(soql).await.len(), 1, "{soql}");
    }
    let (status, _) = org
        .send(
            Method::POST,
            "/control/rows",
            json!({"object": "ApexTrigger", "id": trigger, "fields": {"Status": "Inactive"}}),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        org.query("select Id from ApexTrigger where Status = 'Active'")
            .await
            .len(),
        0
    );
    let (code, _) = org.refused("ApexTrigger", json!({"Name": "X"})).await;
    assert_eq!(code, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn tooling_api_knows_objects_that_the_plain_one_does_not() {
    let org = Org::new().await;
    made(
        &org,
        "ValidationRule",
        json!({"ValidationName": "Must", "EntityDefinitionId": "Lead", "Active": true}),
    )
    .await;
    made(
        &org,
        "WorkflowRule",
        json!({"Name": "W", "TableEnumOrId": "Lead"}),
    )
    .await;
    let soql = "SELECT ValidationName, EntityDefinition.QualifiedApiName FROM ValidationRule WHERE Active = true AND \
        EntityDefinition.QualifiedApiName IN ('Lead')";
    let body = tooling(&org, soql).await;
    assert_eq!(body["totalSize"], 1, "{body}");
    let row = &body["records"][0];
    assert_eq!(row["EntityDefinition"]["QualifiedApiName"], "Lead");
    assert!(
        row["attributes"]["url"]
            .as_str()
            .unwrap()
            .contains("/tooling/sobjects/ValidationRule/")
    );
    assert_eq!(
        tooling(
            &org,
            "select Name from WorkflowRule where TableEnumOrId = 'Lead'"
        )
        .await["totalSize"],
        1
    );
    assert_eq!(
        tooling(&org, "select Id from Account").await[0]["errorCode"],
        "INVALID_TYPE"
    );
    for object in ["ValidationRule", "WorkflowRule", "CustomField"] {
        let soql = format!("select Id from {object}");
        let request = org
            .request(Method::GET, "query")
            .query(&[("q", soql.as_str())]);
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(body[0]["errorCode"], "INVALID_TYPE");
        assert_eq!(
            org.get(&format!("sobjects/{object}/describe")).await[0]["errorCode"],
            "NOT_FOUND"
        );
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn custom_fields_are_listed_whoever_may_see_them_and_page_by_page() {
    let org = Org::new().await;
    let files = key_package(&["Account", "Activity"]);
    let files: Vec<(&str, &str)> = files
        .iter()
        .filter(|(path, _)| !path.starts_with("perm"))
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let manifest = "<Package><types><members>Account</members><members>Activity</members><name>CustomObject</name></types></Package>";
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| {
            if *path == "package.xml" {
                (*path, manifest)
            } else {
                (*path, *text)
            }
        })
        .collect();
    let result = org.deploy(&files, false).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    let body = tooling(&org, "select DeveloperName, NamespacePrefix, TableEnumOrId from CustomField order by TableEnumOrId").await;
    let told: Vec<String> = body["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            format!(
                "{}.{} {}",
                row["TableEnumOrId"], row["DeveloperName"], row["NamespacePrefix"]
            )
        })
        .collect();
    assert_eq!(
        told,
        ["\"Account\".\"Key\" null", "\"Activity\".\"Key\" null"]
    );
    let many: String = (0..250)
        .map(|n| {
            format!(
                "<fields><fullName>F{n}__c</fullName><label>F</label><type>Date</type></fields>"
            )
        })
        .collect();
    let many = format!("<CustomObject>{many}</CustomObject>");
    let manifest =
        "<Package><types><members>Lead</members><name>CustomObject</name></types></Package>";
    org.deploy(
        &[("package.xml", manifest), ("objects/Lead.object", &many)],
        false,
    )
    .await;
    let request = org
        .request(Method::GET, "tooling/query")
        .query(&[("q", "select Id from CustomField")]);
    let first: Value = request
        .header("Sforce-Query-Options", "batchSize=200")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let next = first["nextRecordsUrl"].as_str().unwrap();
    assert!(next.contains("/tooling/query/01g"), "{next}");
    assert_eq!(org.get(next).await["records"].as_array().unwrap().len(), 52);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn users_hold_the_permissions_of_their_profile_and_of_their_sets() {
    let org = Org::with(SalesforceSimOptions {
        audit_fields: true,
        hard_delete: false,
        ..SalesforceSimOptions::default()
    })
    .await;
    let user = org.query("select Id, UserPermissionsMarketingUser from User where Username = 'admin@example.com'").await.remove(0);
    assert_eq!(user["UserPermissionsMarketingUser"], true);
    let held = async |org: &Org, user: &str, permission: &str| {
        let soql = format!(
            "SELECT Id FROM PermissionSet WHERE {permission} = true AND Id IN (SELECT PermissionSetId FROM \
             PermissionSetAssignment WHERE AssigneeId = '{user}')"
        );
        org.query(&soql).await.len()
    };
    let id = user["Id"].as_str().unwrap();
    for (permission, count) in [
        ("PermissionsModifyAllData", 1),
        ("PermissionsCreateAuditFields", 1),
        ("PermissionsBulkApiHardDelete", 0),
        ("PermissionsUpdateWithInactiveOwner", 0),
        ("PermissionsCustomizeApplication", 1),
        ("PermissionsApiEnabled", 1),
        ("PermissionsAssignTopics", 1),
        ("PermissionsConvertLeads", 1),
    ] {
        assert_eq!(held(&org, id, permission).await, count, "{permission}");
    }
    let standard = org
        .query("select Id from Profile where Name = 'Standard User'")
        .await
        .remove(0);
    let other = org.create("User", json!({"Username": "o@example.com", "Email": "o@example.com", "LastName": "O", "Alias": "o",
        "TimeZoneSidKey": "UTC", "LocaleSidKey": "en_US", "EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US",
        "ProfileId": standard["Id"]})).await;
    assert_eq!(
        (
            held(&org, &other, "PermissionsApiEnabled").await,
            held(&org, &other, "PermissionsModifyAllData").await
        ),
        (1, 0)
    );
    let set = "<PermissionSet><label>P</label><userPermissions><enabled>true</enabled><name>BulkApiHardDelete</name>\
        </userPermissions><userPermissions><enabled>false</enabled><name>ModifyAllData</name></userPermissions></PermissionSet>";
    let manifest =
        "<Package><types><members>P</members><name>PermissionSet</name></types></Package>";
    let files = [
        ("package.xml", manifest),
        ("permissionsets/P.permissionset", set),
    ];
    assert_eq!(org.deploy(&files, false).await["status"], "Succeeded");
    org.assign("P").await;
    assert_eq!(
        (
            held(&org, id, "PermissionsBulkApiHardDelete").await,
            held(&org, id, "PermissionsModifyAllData").await
        ),
        (1, 1)
    );
    let assignments = org.count("PermissionSetAssignment").await;
    let org = org
        .restarted(SalesforceSimOptions {
            hard_delete: true,
            ..SalesforceSimOptions::default()
        })
        .await;
    assert_eq!(
        (
            held(&org, id, "PermissionsBulkApiHardDelete").await,
            held(&org, id, "PermissionsCreateAuditFields").await
        ),
        (2, 0)
    );
    assert_eq!(org.count("PermissionSetAssignment").await, assignments);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn edition_bounds_custom_fields_and_deleted_ones_do_not_count() {
    let org = Org::with(SalesforceSimOptions {
        edition: Edition::Professional,
        ..SalesforceSimOptions::default()
    })
    .await;
    assert_eq!(
        org.query("select OrganizationType from Organization").await[0]["OrganizationType"],
        "Professional Edition"
    );
    let field = |n: usize| {
        format!("<fields><fullName>F{n}__c</fullName><label>F</label><type>Date</type></fields>")
    };
    let object = |from: usize, to: usize| {
        format!(
            "<CustomObject>{}</CustomObject>",
            (from..to).map(field).collect::<String>()
        )
    };
    let manifest =
        "<Package><types><members>Lead</members><name>CustomObject</name></types></Package>";
    let hundred = object(0, 100);
    let result = org
        .deploy(
            &[("package.xml", manifest), ("objects/Lead.object", &hundred)],
            false,
        )
        .await;
    assert_eq!(result["status"], "Succeeded");
    let more = object(100, 101);
    let result = org
        .deploy(
            &[("package.xml", manifest), ("objects/Lead.object", &more)],
            false,
        )
        .await;
    assert_eq!(
        result["details"]["componentFailures"][0]["problem"],
        "You have reached the maximum number of 100 custom fields on Lead"
    );
    let list =
        "<Package><types><members>Lead.F0__c</members><name>CustomField</name></types></Package>";
    let files = [
        ("package.xml", manifest),
        ("objects/Lead.object", more.as_str()),
        ("destructiveChangesPre.xml", list),
    ];
    assert_eq!(org.deploy(&files, false).await["status"], "Succeeded");
    let org = org
        .restarted(SalesforceSimOptions {
            edition: Edition::Unlimited,
            ..SalesforceSimOptions::default()
        })
        .await;
    assert_eq!(
        org.query("select OrganizationType from Organization").await[0]["OrganizationType"],
        "Unlimited Edition"
    );
    org.simulator.shutdown().await.unwrap();
}
