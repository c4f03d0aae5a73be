//! Topics, their assignments, and territories.

use std::path::Path;

use reqwest::Method;
use serde_json::json;

use super::super::SalesforceSimOptions;
use super::support::Org;

#[tokio::test]
async fn topics_are_unique_and_count_what_talks_about_them() {
    let org = Org::new().await;
    let topic = org.create("Topic", json!({"Name": "Big Fish"})).await;
    let again = json!({"Name": "big fish"});
    assert_eq!(org.refused("Topic", again).await.0, "DUPLICATE_VALUE");
    assert_eq!(
        org.change("Topic", &topic, json!({"Name": "BigFish"}))
            .await
            .0,
        204
    );
    assert_eq!(
        org.change("Topic", &topic, json!({"Name": "Small Fish"}))
            .await
            .0,
        400
    );
    let lead = json!({"LastName": "L", "Company": "C"});
    let lead = org.create("Lead", lead).await;
    let csv = format!("Topic.Name,EntityId\nbigfish,{lead}\n");
    let job = org.ingest("TopicAssignment", "insert", &csv).await;
    assert_eq!(job.info["numberRecordsFailed"], 0, "{:?}", job.failed);
    let job = org.ingest("TopicAssignment", "insert", &csv).await;
    assert!(
        job.failed[1].contains("DUPLICATE_VALUE:duplicate value found"),
        "{:?}",
        job.failed
    );
    assert_eq!(org.row("Topic", &topic).await["TalkingAbout"], 1);
    let spec =
        json!({"object": "TopicAssignment", "operation": "upsert", "externalIdFieldName": "Id"});
    let (status, error) = org.send(Method::POST, "jobs/ingest", spec).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (400, &json!("INVALIDENTITY"))
    );
    let id = org
        .query("select Id, EntityType from TopicAssignment")
        .await;
    assert_eq!(id[0]["EntityType"], "Lead");
    let path = format!("sobjects/TopicAssignment/{}", id[0]["Id"].as_str().unwrap());
    let (status, _) = org
        .send(Method::PATCH, &path, json!({"TopicId": topic}))
        .await;
    assert_eq!(status, 400);
    org.send(Method::DELETE, &path, json!(null)).await;
    assert_eq!(org.row("Topic", &topic).await["TalkingAbout"], 0);
    org.simulator.shutdown().await.unwrap();
}

fn seed(folder: &Path, name: &str, csv: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(format!("{name}.csv")), csv).unwrap();
}

#[tokio::test]
async fn seeded_territories_take_accounts_and_users_once() {
    let folder = tempfile::tempdir().unwrap();
    let seeds = folder.path().join("seed");
    seed(
        &seeds,
        "Territory2",
        "Name,DeveloperName\nNorth,North\nSouth,South\n",
    );
    let options = SalesforceSimOptions {
        state: folder.path().join("state"),
        seed: Some(seeds),
        ..SalesforceSimOptions::default()
    };
    let org = Org::start(options, folder).await;
    let territory = org
        .query("select Id, Territory2Model.State from Territory2 where DeveloperName = 'South'")
        .await;
    assert_eq!(territory[0]["Territory2Model"]["State"], "Active");
    let account = org.create("Account", json!({"Name": "A"})).await;
    let csv = format!(
        "ObjectId,Territory2.DeveloperName,AssociationCause\n{account},South,Territory2Manual\n"
    );
    for failed in [0, 1] {
        let job = org
            .ingest("ObjectTerritory2Association", "insert", &csv)
            .await;
        assert_eq!(job.info["numberRecordsFailed"], failed, "{:?}", job.failed);
    }
    let user = &org.query("select Id from User").await[0]["Id"];
    let member =
        json!({"UserId": user, "Territory2Id": territory[0]["Id"], "RoleInTerritory2": "Owner"});
    org.create("UserTerritory2Association", member.clone())
        .await;
    let (code, _) = org.refused("UserTerritory2Association", member).await;
    assert_eq!(code, "DUPLICATE_VALUE");
    org.simulator.shutdown().await.unwrap();
}
