//! Orgs that lack something, and where audit fields can be set.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use super::super::{Feature, SalesforceSimOptions};
use super::support::Org;

#[tokio::test]
async fn objects_of_a_missing_feature_do_not_exist() {
    let all = Org::new().await;
    let bare = Org::with(SalesforceSimOptions {
        without: BTreeSet::from(Feature::ALL),
        ..SalesforceSimOptions::default()
    })
    .await;
    let names = async |org: &Org| -> BTreeSet<String> {
        let list = org.get("sobjects").await;
        let list = list["sobjects"].as_array().unwrap().iter();
        list.map(|object| object["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let (full, less) = (names(&all).await, names(&bare).await);
    let missing: Vec<&String> = full.difference(&less).collect();
    assert_eq!(
        missing,
        [
            "AccountContactRelation",
            "AccountTeamMember",
            "ContentNote",
            "EmailMessage",
            "EmailMessageRelation",
            "ObjectTerritory2Association",
            "OpportunityTeamMember",
            "Territory2",
            "Territory2Model",
            "Territory2Type",
            "Topic",
            "TopicAssignment",
            "UserTerritory2Association",
        ]
    );
    assert!(!full.contains("CurrencyType"));
    for object in missing {
        let describe = bare.get(&format!("sobjects/{object}/describe")).await;
        assert_eq!(describe[0]["errorCode"], "NOT_FOUND");
        let spec = json!({"object": object, "operation": "insert"});
        let (status, error) = bare.send(Method::POST, "jobs/ingest", spec).await;
        assert_eq!(
            (status, &error[0]["errorCode"]),
            (400, &json!("INVALIDENTITY"))
        );
    }
    // Contacts with accounts work without their relations.
    let account = bare.create("Account", json!({"Name": "A"})).await;
    bare.create("Contact", json!({"LastName": "C", "AccountId": account}))
        .await;
    all.simulator.shutdown().await.unwrap();
    bare.simulator.shutdown().await.unwrap();
}

#[test]
fn features_are_read_by_their_names() {
    for feature in Feature::ALL {
        assert_eq!(feature.to_string().parse(), Ok(feature));
    }
    assert!("campaigns".parse::<Feature>().is_err());
}

#[tokio::test]
async fn audit_fields_are_createable_on_the_listed_objects_only_and_never_on_update() {
    let org = Org::with(SalesforceSimOptions {
        audit_fields: true,
        ..SalesforceSimOptions::default()
    })
    .await;
    let list = org.get("sobjects").await;
    let mut settable = BTreeSet::new();
    for object in list["sobjects"].as_array().unwrap() {
        let name = object["name"].as_str().unwrap();
        let describe = org.get(&format!("sobjects/{name}/describe")).await;
        let fields = describe["fields"].as_array().unwrap();
        let created = fields
            .iter()
            .find(|field| field["name"] == "CreatedDate")
            .unwrap();
        assert_eq!(created["updateable"], false);
        if created["createable"] == true {
            settable.insert(name.to_owned());
        }
    }
    let expected = [
        "Account",
        "CampaignMember",
        "Case",
        "CaseComment",
        "Contact",
        "ContentNote",
        "ContentVersion",
        "EmailMessage",
        "Event",
        "Lead",
        "Opportunity",
        "Task",
    ];
    assert_eq!(settable, expected.map(str::to_owned).into());
    let old = json!({"Subject": "S", "CreatedDate": "2019-01-02T03:04:05Z"});
    let task = org.create("Task", old).await;
    let row = org.row("Task", &task).await;
    assert_eq!(row["CreatedDate"], "2019-01-02T03:04:05.000+0000");
    let again = json!({"CreatedDate": "2018-01-02T03:04:05Z"});
    let (status, error) = org.change("Task", &task, again).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (400, &json!("INVALID_FIELD_FOR_INSERT_UPDATE"))
    );
    let campaign = json!({"Name": "C", "CreatedDate": "2019-01-02T03:04:05Z"});
    let (code, _) = org.refused("Campaign", campaign).await;
    assert_eq!(code, "INVALID_FIELD_FOR_INSERT_UPDATE");
    org.simulator.shutdown().await.unwrap();
}
