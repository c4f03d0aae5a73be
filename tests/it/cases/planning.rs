//! What a plan promises is what the run takes.

use transload_sim::salesforce::SalesforceSimOptions;

use crate::further;

/// How far plan and run may be apart, in percent: looks at jobs depend on how long these take.
const TOLERANCE: u64 = 25;

#[test]
fn a_run_takes_the_calls_and_batches_that_its_plan_says() {
    let project = further::project();
    // Notes of one title, which share requests.
    let notes: Vec<String> = (1000..1900)
        .map(|id| {
            format!("{{\"id\":{id},\"title\":\"Call\",\"content\":\"text {id}\",\"user_id\":3}}\n")
        })
        .collect();
    project.write("export/notes-more.jsonl", &notes.concat());
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    let plan = project.transload(&["plan", "--format", "json"]);
    let needed = |limit: &str| {
        let limits = plan.summary["limits"].as_array().unwrap();
        let found = limits.iter().find(|entry| entry["limit"] == limit).unwrap();
        found["needed"].as_u64().unwrap()
    };
    let loads = plan.summary["loads"].as_array().unwrap();
    let notes = loads
        .iter()
        .find(|load| load["load"] == "content_note")
        .unwrap();
    // 902 of them: 5 requests, 5 to read them back, one for others like them, one for the allowance.
    assert_eq!(notes["api_calls"], 12, "{notes}");
    assert!(notes["seconds"].as_u64().unwrap() > 0);
    org.control(reqwest::Method::DELETE, "statistics", None);
    let run = project.run_with(&["--yes"]);
    assert_eq!(run.total("failed"), 0, "{}", run.stderr);
    let statistics = org.statistics();
    let taken = |name: &str| statistics[name].as_u64().unwrap();
    let planned = needed("DailyApiRequests");
    let calls = taken("api_calls");
    assert!(
        planned.abs_diff(calls) * 100 <= calls * TOLERANCE,
        "{planned} planned, {calls} taken: {statistics:#}"
    );
    // The service counts an empty batch per job besides, which the simulator does not make.
    let jobs: u64 = loads
        .iter()
        .map(|load| load["jobs"].as_u64().unwrap())
        .sum();
    let batches = taken("bulk_batches");
    let planned = needed("DailyBulkApiBatches") - jobs;
    assert!(
        planned.abs_diff(batches) * 100 <= batches * TOLERANCE,
        "{planned} planned, {batches} taken: {statistics:#}"
    );
}
