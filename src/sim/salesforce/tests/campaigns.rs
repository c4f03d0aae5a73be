//! Campaigns, statuses, members.

use serde_json::json;

use super::support::Org;

#[tokio::test]
async fn campaign_starts_with_two_statuses_and_one_default() {
    let org = Org::new().await;
    let campaign = org.create("Campaign", json!({"Name": "Camp"})).await;
    let soql = format!(
        "select Label, IsDefault, HasResponded from CampaignMemberStatus where CampaignId = '{campaign}' order by SortOrder"
    );
    let labels = |rows: Vec<serde_json::Value>| -> Vec<String> {
        let marked = |row: &serde_json::Value| {
            let default = if row["IsDefault"] == true { "*" } else { "" };
            format!("{}{default}", row["Label"].as_str().unwrap())
        };
        rows.iter().map(marked).collect()
    };
    assert_eq!(labels(org.query(&soql).await), ["Sent*", "Responded"]);
    let csv =
        format!("CampaignId,Label,IsDefault\n{campaign},Listed,true\n{campaign},SENT,false\n");
    let job = org.ingest("CampaignMemberStatus", "insert", &csv).await;
    assert_eq!(job.info["numberRecordsFailed"], 1, "{:?}", job.failed);
    assert!(job.failed[1].contains("DUPLICATE_VALUE"));
    assert_eq!(
        labels(org.query(&soql).await),
        ["Sent", "Responded", "Listed*"]
    );
    assert_eq!(
        org.refused("Campaign", json!({})).await.0,
        "REQUIRED_FIELD_MISSING"
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn member_is_one_person_once_with_a_status_of_the_campaign() {
    let org = Org::new().await;
    let campaign = org.create("Campaign", json!({"Name": "Camp"})).await;
    let contact = org.create("Contact", json!({"LastName": "C"})).await;
    let lead = org
        .create("Lead", json!({"LastName": "L", "Company": "C"}))
        .await;
    let member = json!({"CampaignId": campaign, "ContactId": contact, "Status": "responded"});
    let id = org.create("CampaignMember", member.clone()).await;
    let row = org.row("CampaignMember", &id).await;
    assert_eq!(
        (&row["Status"], &row["HasResponded"], &row["Type"]),
        (&json!("Responded"), &json!(true), &json!("Contact"))
    );
    assert_eq!(
        org.refused("CampaignMember", member).await,
        (
            "DUPLICATE_VALUE".to_owned(),
            "Already a campaign member.".to_owned()
        )
    );
    let unknown = json!({"CampaignId": campaign, "LeadId": lead, "Status": "Dancing"});
    let other = org.create("CampaignMember", unknown).await;
    let row = org.row("CampaignMember", &other).await;
    assert_eq!(
        (&row["Status"], &row["HasResponded"]),
        (&json!("Sent"), &json!(false))
    );
    for (member, code) in [
        (json!({"CampaignId": campaign}), "REQUIRED_FIELD_MISSING"),
        (
            json!({"CampaignId": campaign, "LeadId": lead, "ContactId": contact}),
            "FIELD_INTEGRITY_EXCEPTION",
        ),
    ] {
        assert_eq!(org.refused("CampaignMember", member).await.0, code);
    }
    let (status, _) = org
        .change("CampaignMember", &other, json!({"ContactId": contact}))
        .await;
    assert_eq!(status, 400, "a member stays who it is");
    org.simulator.shutdown().await.unwrap();
}
