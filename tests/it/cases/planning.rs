//! What a plan promises is what the run takes.

use transload::config::Config;
use transload::migration::{Count, LoadPlan, Migration, PlanReport, PlanRequest};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::further;
use crate::rehearsal::{Project, runtime};

/// How far plan and run may be apart, in percent: looks at jobs depend on how long these take.
const TOLERANCE: u64 = 25;

#[test]
#[ignore = "long: several migrations"]
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
    assert!(notes["seconds"]["high"].as_f64().unwrap() > 0.0);
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

/// A plan made in this process, and what would stop it told with its hint.
fn planned(project: &Project, request: &PlanRequest) -> PlanReport {
    let config = Config::load(&project.path(""), None).unwrap();
    let migration = Migration::open(&config).unwrap();
    let planned = runtime().block_on(Box::pin(migration.plan(request)));
    planned.unwrap()
}

fn load<'a>(plan: &'a PlanReport, name: &str) -> &'a LoadPlan {
    let mut found = plan.loads.iter().filter(|load| load.load == name);
    let load = found.next().unwrap();
    assert!(found.next().is_none(), "{name} is planned twice");
    load
}

fn counted(counts: &[Count]) -> Vec<String> {
    let counts = counts.iter();
    counts
        .map(|count| format!("{} {}", count.name, count.rows))
        .collect()
}

#[test]
fn a_plan_finds_what_would_stop_the_run_and_says_what_is_held_and_why() {
    let project = Project::small();
    project.override_query("queries/load/account.sql", |sql| {
        format!("{sql}where company.id <> 12\n")
    });
    let copy = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/load/campaign.sql"),
    );
    // The same text would be a mistake before anything is planned.
    let copy = format!("{}\n/* another text */\n", copy.unwrap());
    project.write("queries/load/campaign_copy.sql", &copy);
    project.write("export/segments.csv", "id,name\n5,Hot\n");
    project.edit(
        "migration.toml",
        "[options]",
        "[options]\nsegment_strategy = \"campaigns\"",
    );
    // All that is wrong with a deal is told at once.
    project.append(
        "export/deals.csv",
        "52,Odd,10,XOF,1,12,lost,10,,7001,,\n53,Odder,10,PLN,1,11,in progress,99,,7001,,\n",
    );
    project.write(
        "config/stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\n\
         Sales,Open,in progress,Prospectingg,10,\nSales,Done,won,Closed Won,100,\n",
    );
    project.write(
        "queries/checks/assert_deals_have_people.sql",
        "-- grain: one row per deal without a person\n-- severity: warn\n-- hint: look at them\n\
         select deal.id from usercom.deals as deal where deal.person_id is null\n",
    );
    let plan = planned(&project, &PlanRequest::default());
    for finding in [
        "usercom.companies has 3 rows, but its loads account for 2 (account 2): a `where` or an inner join drops rows",
        "usercom.companies has 1 row(s) that are neither in an outbox nor have a fate (12)",
        "prepare.segment has 1 rows, but its loads account for 2 (campaign 1, campaign_copy 1): two of them take the same rows",
        "prepare.segment has 1 row(s) that are in the books more than once (",
        "1 row(s) would be held for a decision: stage_not_in_matrix, decided in config/stage_matrix.csv",
        "1 row(s) would be held for a decision: currency_without_rate, decided in config/rates.csv",
        "2 row(s) would be held for a decision: close_date_missing, decided in config/defaults.csv (Opportunity, CloseDate)",
    ] {
        let found = plan
            .findings
            .iter()
            .filter(|line| line.starts_with(finding));
        assert_eq!(found.count(), 1, "{finding}\n{:#?}", plan.findings);
    }
    assert_eq!(plan.findings.len(), 7, "{:#?}", plan.findings);
    let warning =
        "warning: queries/checks/assert_deals_have_people.sql finds 2 row(s): look at them";
    assert!(plan.notes.contains(&warning.to_owned()), "{:?}", plan.notes);
    assert_eq!(
        counted(&load(&plan, "opportunity").reasons),
        [
            "held: company_not_in_export; close_date_missing 1",
            "held: stage_not_in_matrix; currency_without_rate; close_date_missing 1",
        ]
    );
    assert_eq!(counted(&plan.new_stages), ["Prospectingg 1"]);
    // A model has this name, too.
    assert_eq!(load(&plan, "event").outbox, 0);

    // Decisions that were made since are read, also where the export is not.
    project.write("config/rates.csv", "currency,rate,note\nXOF,0.007,\n");
    let request = PlanRequest {
        no_stage: true,
        ..PlanRequest::default()
    };
    let plan = planned(&project, &request);
    let reasons = counted(&load(&plan, "opportunity").reasons);
    assert!(
        reasons.contains(&"held: stage_not_in_matrix; close_date_missing 1".to_owned()),
        "{reasons:?}"
    );
}

#[test]
fn a_plan_says_what_is_different_from_the_last_run() {
    let project = Project::loaded();
    project.edit(
        "export/companies.csv",
        "10,Globex,globex.example,Paris,7001\n",
        "10,Globex,globex.example,Rome,7001\n",
    );
    project.edit(
        "export/companies.csv",
        "11,Initech,initech.example",
        "11,Initech,",
    );
    project.edit(
        "export/companies.csv",
        "12,Hooli,hooli.example,,\n",
        "13,Acme,acme.example,,\n",
    );
    let plan = planned(&project, &PlanRequest::default());
    let account = load(&plan, "account");
    assert_eq!(
        (
            account.insert + account.upsert,
            account.update,
            account.unchanged
        ),
        (1, 2, 0)
    );
    assert_eq!(account.gone, 1);
    assert_eq!(counted(&account.changes), ["BillingCity 1", "Website 1"]);
    assert_eq!(load(&plan, "contact").changes, []);
    assert_eq!(load(&plan, "contact").gone, 0);
    // One load over what was staged, nothing sent: the export is not read again.
    project.edit("export/companies.csv", "Rome", "Oslo");
    let dry = project
        .transload(&["load", "account", "--dry-run", "--format", "json"])
        .ended(0);
    let loads = dry.summary["loads"].as_array().unwrap();
    assert_eq!(loads.len(), 1, "{}", dry.stdout);
    assert_eq!(loads[0]["changes"][0]["name"], "BillingCity");
    let org = project.org();
    let cities = org.rows("SELECT BillingCity FROM Account WHERE Name = 'Globex'");
    assert_eq!(cities[0]["BillingCity"], "Paris");
}

#[test]
fn a_copy_of_a_query_under_another_name_is_found_before_rows_are_sent() {
    let project = Project::small();
    let contact = include_str!("../../../queries/load/contact.sql");
    let copy = contact.replace(
        "-- source: usercom.people",
        "-- source: prepare.person_link",
    );
    assert_ne!(contact, copy);
    // The same text would be a mistake before anything is planned.
    let copy = format!("{copy}\n/* another text */\n");
    project.write("queries/load/contact_copy.sql", &copy);
    let planned = project.transload(&["plan", "--format", "json"]).ended(1);
    let findings = planned.summary["findings"].to_string();
    assert!(
        findings.contains(
            "contact and contact_copy would both write 3 record(s) of Contact, such as 3"
        ),
        "{findings}"
    );
    std::fs::remove_file(project.path("queries/load/contact_copy.sql")).unwrap();
    let planned = project.transload(&["plan", "--format", "json"]).ended(0);
    assert_eq!(
        planned.summary["findings"].as_array().unwrap().len(),
        0,
        "{}",
        planned.stdout
    );
}
