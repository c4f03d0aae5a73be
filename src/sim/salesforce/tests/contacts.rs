//! Contacts and the accounts they are related to.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::Org;

async fn relations(org: &Org, contact: &str) -> Vec<(String, bool)> {
    let soql = format!(
        "select Account.Name, IsDirect from AccountContactRelation where ContactId = '{contact}' order by Account.Name"
    );
    let rows = org.query(&soql).await;
    let told = rows.iter().map(|row| {
        let name = row["Account"]["Name"].as_str().unwrap().to_owned();
        (name, row["IsDirect"] == true)
    });
    told.collect()
}

#[tokio::test]
async fn direct_relation_follows_the_contact() {
    let org = Org::new().await;
    let a = org.create("Account", json!({"Name": "A"})).await;
    let b = org.create("Account", json!({"Name": "B"})).await;
    let private = org.create("Contact", json!({"LastName": "P"})).await;
    let csv = format!("LastName,AccountId\nC,{a}\n");
    let job = org.ingest("Contact", "insert", &csv).await;
    let contact = job.successful[1][1..19].to_owned();
    assert_eq!(relations(&org, &contact).await, [("A".to_owned(), true)]);
    let again = json!({"ContactId": contact, "AccountId": a});
    let (code, message) = org.refused("AccountContactRelation", again).await;
    assert_eq!(code, "DUPLICATE_VALUE");
    assert_eq!(
        message,
        "This contact already has a relationship with this account."
    );
    let indirect = json!({"ContactId": contact, "AccountId": b, "Roles": "Other"});
    org.create("AccountContactRelation", indirect).await;
    assert_eq!(
        relations(&org, &contact).await,
        [("A".to_owned(), true), ("B".to_owned(), false)]
    );
    org.change("Contact", &contact, json!({"AccountId": b}))
        .await;
    assert_eq!(relations(&org, &contact).await, [("B".to_owned(), true)]);
    org.change("Contact", &contact, json!({"AccountId": null}))
        .await;
    assert_eq!(relations(&org, &contact).await, []);
    let (code, _) = org
        .refused(
            "AccountContactRelation",
            json!({"ContactId": private, "AccountId": a}),
        )
        .await;
    assert_eq!(code, "FIELD_INTEGRITY_EXCEPTION");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn direct_relation_stays_and_a_rolled_back_contact_leaves_none() {
    let org = Org::new().await;
    let a = org.create("Account", json!({"Name": "A"})).await;
    let records = json!([
        {"attributes": {"type": "Contact"}, "LastName": "C", "AccountId": a},
        {"attributes": {"type": "Contact"}, "FirstName": "nameless"},
    ]);
    let body = json!({"allOrNone": true, "records": records});
    org.send(Method::POST, "composite/sobjects", body).await;
    assert_eq!(org.count("AccountContactRelation").await, 0);
    org.create("Contact", json!({"LastName": "C", "AccountId": a}))
        .await;
    let id = org.query("select Id from AccountContactRelation").await[0]["Id"].clone();
    let path = format!("sobjects/AccountContactRelation/{}", id.as_str().unwrap());
    let (status, error) = org.send(Method::DELETE, &path, Value::Null).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (400, &json!("DELETE_FAILED"))
    );
    let (status, _) = org
        .send(Method::PATCH, &path, json!({"IsDirect": false}))
        .await;
    assert_eq!(status, 400);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn team_member_inserted_again_is_changed() {
    let org = Org::new().await;
    let deal = json!({"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-01-31"});
    let deal = org.create("Opportunity", deal).await;
    let user = org.query("select Id from User").await[0]["Id"].clone();
    let user = user.as_str().unwrap();
    let mut ids = Vec::new();
    for role in ["Sales Rep", "Sales Manager"] {
        let csv = format!("OpportunityId,UserId,TeamMemberRole\n{deal},{user},{role}\n");
        let job = org.ingest("OpportunityTeamMember", "insert", &csv).await;
        assert_eq!(job.info["numberRecordsFailed"], 0, "{:?}", job.failed);
        ids.push(job.successful[1][1..19].to_owned());
    }
    assert_eq!(ids[0], ids[1]);
    let row = org.row("OpportunityTeamMember", &ids[0]).await;
    assert_eq!(row["TeamMemberRole"], "Sales Manager");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn one_contact_role_is_the_primary_one() {
    let org = Org::new().await;
    let deal = json!({"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-01-31"});
    let deal = org.create("Opportunity", deal).await;
    let mut csv = "OpportunityId,ContactId,Role,IsPrimary\n".to_owned();
    for name in ["A", "B", "C"] {
        let contact = org.create("Contact", json!({"LastName": name})).await;
        csv.push_str(&format!("{deal},{contact},Other,true\n"));
    }
    let job = org.ingest("OpportunityContactRole", "insert", &csv).await;
    assert_eq!(job.info["numberRecordsFailed"], 0, "{:?}", job.failed);
    let soql = "select Contact.Name from OpportunityContactRole where IsPrimary = true";
    let primary = org.query(soql).await;
    assert_eq!(primary.len(), 1);
    assert_eq!(primary[0]["Contact"]["Name"], "C");
    org.simulator.shutdown().await.unwrap();
}
