//! Deployments that are slow, broken or called off, and the mapping of converted leads.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::Org;

const MANIFEST: &str =
    "<Package><types><members>Lead</members><name>CustomObject</name></types></Package>";

fn dates(count: usize) -> String {
    let field = |n: usize| {
        format!("<fields><fullName>F{n}__c</fullName><label>F</label><type>Date</type></fields>")
    };
    format!(
        "<CustomObject>{}</CustomObject>",
        (0..count).map(field).collect::<String>()
    )
}

/// Sends a deployment of date fields on Lead and returns its path.
async fn sent(org: &Org, count: usize) -> String {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, content) in [
        ("package.xml", MANIFEST.to_owned()),
        ("objects/Lead.object", dates(count)),
    ] {
        archive
            .start_file(path, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    let zip = reqwest::multipart::Part::bytes(archive.finish().unwrap().into_inner())
        .mime_str("application/zip")
        .unwrap();
    let json = reqwest::multipart::Part::text(r#"{"deployOptions":{}}"#)
        .mime_str("application/json")
        .unwrap();
    let form = reqwest::multipart::Form::new()
        .part("json", json)
        .part("file", zip);
    let request = org
        .request(Method::POST, "metadata/deployRequest")
        .multipart(form);
    let made: Value = request.send().await.unwrap().json().await.unwrap();
    format!(
        "metadata/deployRequest/{}?includeDetails=true",
        made["id"].as_str().unwrap()
    )
}

/// Looks until it is done; what each look at one under way with known components saw.
async fn watched(org: &Org, path: &str) -> (Vec<u64>, Value) {
    let mut seen = Vec::new();
    loop {
        let result = org.get(path).await["deployResult"].clone();
        if result["done"] == true {
            return (seen, result);
        }
        if result["numberComponentsTotal"] != 0 {
            assert_eq!(result["status"], "InProgress");
            seen.push(result["numberComponentsDeployed"].as_u64().unwrap());
        }
        tokio::task::yield_now().await;
    }
}

async fn tooling_fields(org: &Org) -> Value {
    let soql = "select Id from CustomField where TableEnumOrId = 'Lead'";
    let request = org
        .request(Method::GET, "tooling/query")
        .query(&[("q", soql)]);
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    body["totalSize"].clone()
}

#[tokio::test]
async fn slow_deployment_shows_how_far_it_is() {
    let org = Org::new().await;
    org.control("deployments", json!({"polls": 3})).await;
    let path = sent(&org, 8).await;
    let (seen, result) = watched(&org, &path).await;
    assert_eq!(&seen[..3], [2, 4, 6]);
    assert_eq!(
        (&result["status"], &result["numberComponentsDeployed"]),
        (&json!("Succeeded"), &json!(8))
    );
    assert_eq!(tooling_fields(&org).await, 8);
    let path = sent(&org, 9).await;
    let (seen, result) = watched(&org, &path).await;
    assert_eq!((seen.len(), &result["status"]), (0, &json!("Succeeded")));
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn deployment_that_breaks_off_leaves_nothing_behind() {
    let org = Org::new().await;
    org.control("deployments", json!({"fail": true})).await;
    let path = sent(&org, 8).await;
    let (_, result) = watched(&org, &path).await;
    assert_eq!(
        (
            &result["status"],
            &result["errorMessage"],
            &result["numberComponentsDeployed"],
            &result["numberComponentsTotal"]
        ),
        (
            &json!("Failed"),
            &json!("UNKNOWN_EXCEPTION: An unexpected error occurred"),
            &json!(4),
            &json!(8)
        )
    );
    assert_eq!(tooling_fields(&org).await, 0);
    let path = sent(&org, 8).await;
    assert_eq!(watched(&org, &path).await.1["status"], "Succeeded");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn slow_deployment_can_be_cancelled() {
    let org = Org::new().await;
    org.control("deployments", json!({"polls": 1_000_000}))
        .await;
    let path = sent(&org, 8).await;
    while org.get(&path).await["deployResult"]["numberComponentsTotal"] == 0 {
        tokio::task::yield_now().await;
    }
    let (status, _) = org
        .send(
            Method::PATCH,
            &path,
            json!({"deployResult": {"status": "Canceling"}}),
        )
        .await;
    assert_eq!(status, 202);
    let result = loop {
        let result = org.get(&path).await["deployResult"].clone();
        if result["done"] == true {
            break result;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(result["status"], "Canceled");
    assert_eq!(tooling_fields(&org).await, 0);
    org.simulator.shutdown().await.unwrap();
}

fn settings(pairs: &[(&str, &str)]) -> String {
    let pairs: String = pairs.iter().map(|(input, output)| {
        format!("<mappingFields><inputField>{input}</inputField><outputField>{output}</outputField></mappingFields>")
    }).collect();
    format!(
        "<LeadConvertSettings><allowOwnerChange>true</allowOwnerChange><objectMapping><inputObject>Lead</inputObject>{pairs}\
         <outputObject>Contact</outputObject></objectMapping><opportunityCreationOptions>VisibleOptional\
         </opportunityCreationOptions></LeadConvertSettings>"
    )
}

fn texts(fields: &[(&str, u32)]) -> String {
    let fields = fields.iter().map(|(name, length)| {
        format!("<fields><fullName>{name}</fullName><label>T</label><type>Text</type><length>{length}</length></fields>")
    });
    format!(
        "<CustomObject>{}</CustomObject>",
        fields.collect::<String>()
    )
}

#[tokio::test]
async fn lead_fields_are_mapped_to_fields_that_can_hold_them() {
    let org = Org::new().await;
    let manifest = "<Package><types><members>Lead</members><members>Contact</members><name>CustomObject</name></types>\
        <types><members>LeadConvertSettings</members><name>LeadConvertSettings</name></types></Package>";
    let (lead, contact) = (
        texts(&[("A__c", 40), ("B__c", 40)]),
        texts(&[("A__c", 80), ("S__c", 20)]),
    );
    let deploy = async |path: &str, settings: &str, org: &Org| {
        let files = [
            ("package.xml", manifest),
            ("objects/Lead.object", lead.as_str()),
            ("objects/Contact.object", &contact),
            (path, settings),
        ];
        org.deploy(&files, false).await
    };
    let path = "LeadConvertSettings/LeadConvertSettings.LeadConvertSetting";
    for (pairs, named) in [
        (vec![("No__c", "A__c")], "Lead.No__c"),
        (vec![("A__c", "No__c")], "Contact.No__c"),
        (vec![("A__c", "S__c")], "Contact.S__c"),
        (vec![("A__c", "Birthdate")], "Contact.Birthdate"),
        (vec![("A__c", "A__c"), ("B__c", "A__c")], "Contact.A__c"),
    ] {
        let result = deploy(path, &settings(&pairs), &org).await;
        let problem = result["details"]["componentFailures"][0]["problem"]
            .as_str()
            .unwrap();
        assert!(problem.contains(named), "{problem}");
    }
    assert_eq!(org.get("/control/lead_convert").await, Value::Null);
    let lower = "leadConvertSettings/LeadConvertSettings.LeadConvertSetting";
    let result = deploy(lower, &settings(&[("A__c", "A__c")]), &org).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    let org = org.restarted(SalesforceSimOptions::default()).await;
    let expected = json!({
        "allowOwnerChange": true,
        "objectMapping": [{"inputObject": "Lead", "outputObject": "Contact", "mappingFields": [{"inputField": "A__c", "outputField": "A__c"}]}],
        "opportunityCreationOptions": "VisibleOptional",
    });
    assert_eq!(org.get("/control/lead_convert").await, expected);
    org.simulator.shutdown().await.unwrap();
}
