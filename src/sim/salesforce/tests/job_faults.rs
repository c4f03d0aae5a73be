//! Bulk jobs that end as they should not, and their expiry.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::{SalesforceSimOptions, SimError, Simulator};
use super::support::{Finished, Org, answer};

fn rows(from: usize, until: usize) -> String {
    let mut csv = "Name\n".to_owned();
    (from..until).for_each(|n| csv.push_str(&format!("N{n:05}\n")));
    csv
}

fn counts(job: &Finished) -> (usize, usize, usize) {
    let rows = |lines: &[String]| lines.len() - 1;
    (
        rows(&job.successful),
        rows(&job.failed),
        rows(&job.unprocessed),
    )
}

#[tokio::test]
async fn job_fails_after_a_share_of_its_rows() {
    let org = Org::new().await;
    let fault = json!({"object": "Account", "skip": 1, "fail_after": 0.5});
    org.control("jobs", fault).await;
    let whole = org.ingest("Account", "insert", &rows(0, 10)).await;
    assert_eq!(whole.info["state"], "JobComplete");
    let mut csv = rows(10, 510);
    csv.push_str(&"x".repeat(256));
    csv.insert_str(5, &format!("{}\n", "x".repeat(256)));
    let job = org.ingest("Account", "insert", &csv).await;
    assert_eq!(job.info["state"], "Failed");
    assert_eq!(job.info["errorMessage"], "InternalServerError : unexpected");
    assert_eq!(counts(&job), (250, 1, 251));
    assert_eq!(
        (
            &job.info["numberRecordsProcessed"],
            &job.info["numberRecordsFailed"]
        ),
        (&json!(251), &json!(1))
    );
    assert_eq!(org.count("Account").await, 260);
    let again = org.ingest("Account", "insert", &rows(0, 1)).await;
    assert_eq!(again.info["state"], "JobComplete");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn job_is_aborted_before_its_first_and_after_its_last_row() {
    let org = Org::new().await;
    let faults = json!([
        {"operation": "insert", "abort_after": 0},
        {"object": "Account", "abort_after": 1},
        {"fail_after": 0, "error": "Timeout : too slow"},
    ]);
    org.control("jobs", faults).await;
    for (state, error, expected) in [
        ("Aborted", Value::Null, (0, 0, 3)),
        ("Aborted", Value::Null, (3, 0, 0)),
        ("Failed", json!("Timeout : too slow"), (0, 0, 3)),
    ] {
        let job = org.ingest("Account", "insert", &rows(0, 3)).await;
        assert_eq!(job.info["state"], state);
        assert_eq!(job.info["errorMessage"], error);
        assert_eq!(counts(&job), expected);
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn batches_die_are_tried_again_and_given_up_after_twenty_times() {
    let org = Org::new().await;
    let faults = json!([{"batch_deaths": 2}, {"batch_deaths": 21}]);
    org.control("jobs", faults).await;
    let job = org.ingest("Account", "insert", &rows(0, 10_001)).await;
    assert_eq!(job.info["state"], "JobComplete");
    assert_eq!(job.info["retries"], 4);
    assert!(job.info["totalProcessingTime"].as_u64().unwrap() >= 4 * 300_000);
    assert_eq!(counts(&job), (10_001, 0, 0));
    let job = org.ingest("Account", "insert", &rows(0, 5)).await;
    assert_eq!(job.info["state"], "Failed");
    assert_eq!(job.info["retries"], 20);
    assert_eq!(
        job.info["errorMessage"],
        "InternalServerError : Retried more than 20 times"
    );
    assert_eq!(counts(&job), (0, 0, 5));
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn used_up_quota_refuses_the_job() {
    let org = Org::new().await;
    let fault = json!({"object": "Lead", "quota": true, "times": 2});
    org.control("jobs", fault).await;
    let spec = json!({"object": "Lead", "operation": "insert"});
    for expected in [400, 400, 200] {
        let (status, body) = org.send(Method::POST, "jobs/ingest", spec.clone()).await;
        assert_eq!(status, expected);
        if status == 400 {
            let error =
                json!([{"errorCode": "EXCEEDEDQUOTA", "message": "ApiBatchItems Limit exceeded."}]);
            assert_eq!(body, error);
        }
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn late_results_have_a_header_only() {
    let org = Org::new().await;
    let fault = json!({"object": "Account", "late_results_ms": 3_600_000});
    org.control("jobs", fault).await;
    let job = org.ingest("Account", "insert", &rows(0, 3)).await;
    assert_eq!(job.info["state"], "JobComplete");
    assert_eq!(job.info["numberRecordsProcessed"], 3);
    assert_eq!(job.successful, ["\"sf__Id\",\"sf__Created\",Name"]);
    assert_eq!(job.failed, ["\"sf__Id\",\"sf__Error\",Name"]);
    assert_eq!(job.unprocessed, ["Name"]);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_same_rows_fail_in_every_job_until_their_attempts_are_over() {
    let org = Org::new().await;
    org.keyed(&["Account"]).await;
    let faults = json!([
        {"object": "Account", "rows": {"every": 7, "attempts": 2}},
        {"object": "Account", "rows": {"every": 50, "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "poison", "attempts": null}},
    ]);
    org.control("jobs", faults).await;
    let mut csv = "Key__c,Name\n".to_owned();
    (0..500).for_each(|n| csv.push_str(&format!("k{n},N\n")));
    let mut failed = Vec::new();
    for _ in 0..3 {
        let job = org.upsert("Account", "Key__c", &csv).await;
        assert_eq!(job.info["state"], "JobComplete");
        let key = |line: &String| line.rsplit("\",\"").nth(1).unwrap().to_owned();
        let mut by_code = [Vec::new(), Vec::new()];
        for line in &job.failed[1..] {
            let lock = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--";
            let poison = "FIELD_CUSTOM_VALIDATION_EXCEPTION:poison:--";
            let which = usize::from(!line.contains(lock));
            assert!(which == 0 || line.contains(poison), "{line}");
            by_code[which].push(key(line));
        }
        by_code.iter_mut().for_each(|keys| keys.sort());
        failed.push(by_code);
    }
    assert!(
        (40..100).contains(&failed[0][0].len()),
        "{}",
        failed[0][0].len()
    );
    assert_eq!(failed[0], failed[1]);
    assert!(failed[2][0].is_empty());
    let always = |key| failed[2][1].contains(key);
    assert!(failed[0][1].iter().all(always) && !failed[2][1].is_empty());
    // Failed rows of an update name their row.
    let id = org.query("select Id from Account limit 1").await[0]["Id"].clone();
    let poison = json!({"rows": {"every": 1, "attempts": null}});
    org.control("jobs", poison).await;
    let csv = format!("Id,Name\n{},M\n", id.as_str().unwrap());
    let job = org.ingest("Account", "update", &csv).await;
    assert!(
        job.failed[1].starts_with(&format!("{id},")),
        "{:?}",
        job.failed
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn faults_are_shown_taken_away_and_refused_when_senseless() {
    let org = Org::new().await;
    let faults = json!([{"object": "Lead", "quota": true}, {"rows": {"every": 7}}]);
    org.control("jobs", faults).await;
    let due = org.get("/control/jobs").await;
    assert_eq!(
        due[0],
        json!({"object": "Lead", "quota": true, "skip": 0, "times": 1})
    );
    assert_eq!(due[1]["rows"]["attempts"], 1);
    let request = org.request(Method::DELETE, "/control/jobs");
    assert_eq!(answer(request.send().await.unwrap()).await.0, 200);
    assert_eq!(org.get("/control/jobs").await, json!([]));
    let senseless = json!([{"quota": true}, {"fail_after": 2}]);
    let (status, error) = org.send(Method::POST, "/control/jobs", senseless).await;
    assert_eq!(status, 400);
    assert_eq!(
        error[0]["message"],
        "entry 1: a share is a number from 0 to 1"
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn expired_jobs_are_gone_with_their_results_and_open_ones_stay() {
    let org = Org::new().await;
    let spec = json!({"object": "Account", "operation": "insert"});
    let path = org.submit(spec.clone(), rows(0, 1)).await;
    org.finish(&path).await;
    let (_, open) = org.send(Method::POST, "jobs/ingest", spec).await;
    org.control("expire_jobs", json!({})).await;
    for path in [path.clone(), format!("{path}/successfulResults")] {
        let request = org.request(Method::GET, &path);
        let (status, body) = answer(request.send().await.unwrap()).await;
        assert_eq!((status, &body[0]["errorCode"]), (404, &json!("NOT_FOUND")));
    }
    let list = org.get("jobs/ingest").await;
    assert_eq!(list["records"].as_array().unwrap().len(), 1);
    assert_eq!(list["records"][0]["id"], open["id"]);
    assert_eq!(org.count("Account").await, 1);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn scenario_file_has_its_faults_due_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults.json");
    let scenario = json!({
        "requests": [{"path": "*/limits", "status": 503}],
        "jobs": [{"object": "Account", "abort_after": 0}],
    });
    std::fs::write(&file, scenario.to_string()).unwrap();
    let org = Org::with(SalesforceSimOptions {
        scenario: Some(file),
        ..SalesforceSimOptions::default()
    })
    .await;
    let request = org.request(Method::GET, "limits");
    assert_eq!(answer(request.send().await.unwrap()).await.0, 503);
    let job = org.ingest("Account", "insert", &rows(0, 1)).await;
    assert_eq!(job.info["state"], "Aborted");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn broken_scenario_file_is_named_with_the_entry() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults.json");
    for (text, expected) in [
        (r#"{"jobs": [{"quota": true}, {"quote": true}]}"#, "jobs[1]"),
        (r#"{"requests": [{"status": 503}]}"#, "requests[0]"),
        (r#"{"job": []}"#, "the document"),
    ] {
        std::fs::write(&file, text).unwrap();
        let options = SalesforceSimOptions {
            state: folder.path().join("state"),
            scenario: Some(file.clone()),
            ..SalesforceSimOptions::default()
        };
        let error = Simulator::start(options).await.err().unwrap();
        let text = format!("fault file {}, {expected}", file.display());
        assert_eq!(error.to_string(), text);
        assert!(matches!(error, SimError::Scenario { .. }) && error.hint().is_some());
    }
}
