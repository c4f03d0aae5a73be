//! What is there after a restart, orderly or not.

use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::{Org, copy};

#[tokio::test]
async fn org_is_the_same_after_a_restart() {
    let org = Org::new().await;
    org.keyed(&["Account"]).await;
    org.upsert("Account", "Key__c", "Key__c,Name\nk1,A\n").await;
    let before = org.get("/services/oauth2/userinfo").await;
    let row = org
        .query("select Id, Name, CreatedDate from Account where Key__c = 'k1'")
        .await;
    let org = org.restarted(SalesforceSimOptions::default()).await;
    let after = org.get("/services/oauth2/userinfo").await;
    assert_eq!(after["organization_id"], before["organization_id"]);
    assert_eq!(
        without_urls(
            org.query("select Id, Name, CreatedDate from Account where Key__c = 'k1'")
                .await
        ),
        without_urls(row)
    );
    let again = org.upsert("Account", "Key__c", "Key__c,Name\nk1,B\n").await;
    assert!(again.successful[1].contains("\"false\""));
    org.simulator.shutdown().await.unwrap();
}

fn without_urls(rows: Vec<Value>) -> Vec<(Value, Value, Value)> {
    rows.into_iter()
        .map(|row| {
            (
                row["Id"].clone(),
                row["Name"].clone(),
                row["CreatedDate"].clone(),
            )
        })
        .collect()
}

#[tokio::test]
async fn killed_process_loses_nothing_it_answered() {
    let org = Org::new().await;
    org.ingest("Account", "insert", "Name\nA\nB\n").await;
    let image = tempfile::tempdir().unwrap();
    copy(
        &org.folder.path().join("state"),
        &image.path().join("state"),
    );
    let state = image.path().join("state");
    let copied = Org::start(
        SalesforceSimOptions {
            state,
            ..SalesforceSimOptions::default()
        },
        image,
    )
    .await;
    assert_eq!(copied.count("Account").await, 2);
    copied.simulator.shutdown().await.unwrap();
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn job_cut_short_goes_on_without_writing_a_row_twice() {
    let org = Org::new().await;
    let mut csv = "Name\n".to_owned();
    for n in 0..1_000 {
        csv.push_str(&format!("N{n}\n"));
    }
    let path = org
        .submit(json!({"object": "Account", "operation": "insert"}), csv)
        .await;
    let whole = org.finish(&path).await;
    let state = org.folder.path().join("state");
    org.simulator.shutdown().await.unwrap();

    // As if killed in the middle: the last chunks never reached the table, one more lost its results only.
    let id = path.rsplit('/').next().unwrap();
    let job = state.join("jobs").join(format!("{id}.json"));
    let mut saved: Value = serde_json::from_slice(&std::fs::read(&job).unwrap()).unwrap();
    saved["status"]["state"] = json!("InProgress");
    std::fs::write(&job, saved.to_string()).unwrap();
    let log = std::fs::OpenOptions::new()
        .write(true)
        .open(state.join("rows/Account.log"))
        .unwrap();
    log.set_len(log.metadata().unwrap().len() * 3 / 5).unwrap();
    let results = std::fs::OpenOptions::new()
        .write(true)
        .open(state.join("jobs").join(format!("{id}.results")))
        .unwrap();
    results
        .set_len(results.metadata().unwrap().len() / 3)
        .unwrap();

    let org = Org::start(
        SalesforceSimOptions {
            state,
            ..SalesforceSimOptions::default()
        },
        org.folder,
    )
    .await;
    let resumed = org.finish(&path).await;
    assert_eq!(org.count("Account").await, 1_000);
    assert_eq!(resumed.info["numberRecordsProcessed"], 1_000);
    let names = |lines: &[String]| {
        let mut names: Vec<String> = lines[1..]
            .iter()
            .map(|line| line.rsplit(',').next().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&resumed.successful), names(&whole.successful));
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn job_that_waited_is_processed_after_a_restart() {
    let delay = std::time::Duration::from_secs(3600);
    let org = Org::with(SalesforceSimOptions {
        max_job_delay: delay,
        ..SalesforceSimOptions::default()
    })
    .await;
    let path = org
        .submit(
            json!({"object": "Account", "operation": "insert"}),
            "Name\nA\n",
        )
        .await;
    let org = org.restarted(SalesforceSimOptions::default()).await;
    assert_eq!(org.finish(&path).await.successful.len(), 2);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn seed_is_loaded_once_and_a_sandbox_spoils_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed");
    std::fs::create_dir_all(&seed).unwrap();
    let users = "Username,Email,FirstName,LastName,IsActive\nann@x.example,Ann@x.example,Ann,Lee,true\nbob@x.example,bob@x.example,Bob,Ray,false\n";
    std::fs::write(seed.join("User.csv"), users).unwrap();
    std::fs::write(seed.join("Account.csv"), "Name\nOld\n").unwrap();
    let options = SalesforceSimOptions {
        seed: Some(seed),
        sandbox: true,
        ..SalesforceSimOptions::default()
    };
    let state = folder.path().join("state");
    let org = Org::start(
        SalesforceSimOptions {
            state,
            ..options.clone()
        },
        folder,
    )
    .await;
    let org = org.restarted(options).await;
    let users = org.query("select Name, Email, IsActive, UserType from User where Username like '%x.example' order by Name").await;
    let told: Vec<String> = users
        .iter()
        .map(|u| {
            format!(
                "{} {} {} {}",
                u["Name"], u["Email"], u["IsActive"], u["UserType"]
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "\"Ann Lee\" \"ann@x.example.invalid\" true \"Standard\"",
            "\"Bob Ray\" \"bob@x.example.invalid\" false \"Standard\""
        ]
    );
    assert_eq!(org.count("Account").await, 1);
    assert_eq!(
        org.query("select IsSandbox from Organization").await[0]["IsSandbox"],
        true
    );

    let bob = org
        .query("select Id from User where Username = 'bob@x.example'")
        .await[0]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = org
        .ingest(
            "Lead",
            "insert",
            &format!("LastName,Company,OwnerId\na,b,{bob}\n"),
        )
        .await;
    let text = format!(
        "INACTIVE_OWNER_OR_USER:operation performed with inactive user [{bob}] as owner of lead:--"
    );
    assert!(refused.failed[1].contains(&text), "{}", refused.failed[1]);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn org_of_an_earlier_version_gets_what_it_lacks_once() {
    let org = Org::new().await;
    let rows = org.folder.path().join("state/rows");
    let folder = org.folder;
    org.simulator.shutdown().await.unwrap();
    for object in ["TaskStatus", "TaskPriority", "CaseStatus", "Pricebook2"] {
        std::fs::remove_file(rows.join(format!("{object}.log"))).unwrap();
    }
    let state = folder.path().join("state");
    let options = SalesforceSimOptions {
        state,
        ..SalesforceSimOptions::default()
    };
    let org = Org::start(options, folder).await;
    let org = org.restarted(SalesforceSimOptions::default()).await;
    assert_eq!(org.count("TaskStatus").await, 5);
    assert_eq!(org.count("Pricebook2").await, 1);
    org.simulator.shutdown().await.unwrap();
}
