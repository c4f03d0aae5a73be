//! What the org does while it is loaded: automations, people at the same moment, and what a later run reads of it.

use chrono::{Duration, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::org::Org;
use crate::rehearsal::Project;
use crate::support::files;
use transload_sim::salesforce::SalesforceSimOptions;

fn served() -> (Project, Org) {
    let project = Project::small();
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    (project, org)
}

#[test]
#[ignore = "long: several migrations"]
fn a_field_that_the_orgs_automation_sets_is_proposed_and_then_told_apart() {
    let (project, org) = served();
    let flow = json!({"object": "Account", "on": ["insert", "update"], "set": {"BillingCity": "Set by a flow"}});
    org.control(Method::POST, "automations", Some(flow));
    let run = project.run_with(&["--yes"]).ended(1);
    let line = "add `Account,BillingCity,automation` to config/field_policy.csv";
    assert!(run.stderr.contains(line), "{}", run.stderr);
    assert!(run.number("account", "differences") >= 2, "{}", run.stdout);
    project.write(
        "config/field_policy.csv",
        "object,field,policy\nAccount,BillingCity,automation\n",
    );
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.total("differences"), 0, "{}", run.stdout);
    let told =
        "select distinct c.field, c.found, c.changed_by from recon.changed_by_org_account as c";
    assert_eq!(
        project.table(told),
        [["BillingCity", "Set by a flow", "automation"]]
    );
    // The source changes the field: it is sent, and the flow has its way again without a question.
    project.edit(
        "export/companies.csv",
        "globex.example,Paris",
        "globex.example,Rome",
    );
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.number("account", "updated"), 1, "{}", run.stdout);
    assert_eq!(run.total("differences"), 0, "{}", run.stdout);
}

#[test]
#[ignore = "long: several migrations"]
fn what_somebody_edits_between_the_look_and_the_writing_stays_in_other_fields() {
    let (project, org, _) = Project::loaded_into_an_org();
    project.edit("export/companies.csv", "10,Globex,", "10,Globex Inc,");
    let account = org.row("Account", "10", "Name");
    let edit = json!({"object": "Account", "id": account["Id"], "fields": {"BillingCity": "Milan"},
        "user": "ann@acme.example.crm"});
    // At the moment in which the data of the job arrives, after everything was compared.
    org.fault(
        json!({"method": "PUT", "path": "/services/data/*/jobs/ingest/*/batches", "edit": edit}),
    );
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.number("account", "updated"), 1, "{}", run.stdout);
    let account = org.row("Account", "10", "Name, BillingCity");
    assert_eq!(
        (&*account["Name"], &*account["BillingCity"]),
        ("Globex Inc", "Milan")
    );
    // We were the last who wrote the record, and it is known all the same.
    let edited = "select c.key, c.field, c.sent, c.found from recon.changed_by_org_account as c";
    assert_eq!(
        project.table(edited),
        [["10", "BillingCity", "Paris", "Milan"]]
    );
    assert_eq!(project.run_with(&["--yes"]).ended(0).total("sent"), 0);
    assert_eq!(
        org.row("Account", "10", "BillingCity")["BillingCity"],
        "Milan"
    );
}

/// 600 companies more.
fn many(project: &Project) {
    let mut companies = project.read("export/companies.csv");
    for company in 1_000..1_600 {
        companies += &format!("{company},Company {company},c{company}.example,Paris,7001\n");
    }
    project.write("export/companies.csv", &companies);
}

/// Rows that the org is asked for in a run.
fn read(project: &Project, org: &Org, arguments: &[&str]) -> u64 {
    org.control(Method::DELETE, "statistics", None);
    project.run_with(arguments).ended(0);
    org.statistics()["rows_read"].as_u64().unwrap()
}

/// Makes the tables of what was read of the org older.
fn age(project: &Project, days: i64) {
    let (staging, org) = (project.path(".transload"), project.orgs().remove(0));
    let folder = format!("orgs/{org}/manifests/org");
    for name in files(&staging.join(&folder)) {
        let place = format!("{folder}/{name}");
        let path = staging.join(&place);
        let mut manifest: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let fields = manifest.as_object_mut().unwrap();
        fields.remove("checksum");
        let then = (Utc::now() - Duration::days(days)).to_rfc3339();
        assert!(
            fields
                .insert("published_at".to_owned(), then.into())
                .is_some()
        );
        let checked = transload::staging::with_checksum(&manifest, &place).unwrap();
        std::fs::write(&path, checked).unwrap();
    }
}

#[test]
#[ignore = "long: several migrations"]
fn after_two_weeks_everything_is_read_since_the_org_forgets_what_was_deleted() {
    let (project, org) = served();
    many(&project);
    let read = || read(&project, &org, &["--yes"]);
    assert!(read() > 600);
    age(&project, 13);
    let idle = read();
    assert!(idle < 300, "users, settings and counts, not {idle} rows");
    age(&project, 15);
    let all = read();
    assert!(all > 600, "{all} rows were read");
    // From then on the two weeks begin anew.
    let idle = read();
    assert!(idle < 300, "users, settings and counts, not {idle} rows");
}

#[test]
#[ignore = "long: several migrations"]
fn a_later_run_reads_what_changed_and_not_what_is_there() {
    let (project, org) = served();
    many(&project);
    let read = |arguments: &[&str]| read(&project, &org, arguments);
    assert!(read(&["--yes"]) > 600);
    let idle = read(&["--yes"]);
    assert!(idle < 300, "users, settings and counts, not {idle} rows");
    // One record changes on each side, a third on both: each is looked at before and after.
    project.edit("export/companies.csv", "1001,Company 1001,", "1001,Other,");
    project.edit(
        "export/companies.csv",
        "1003,Company 1003,c1003.example,Paris",
        "1003,Company 1003,c1003.example,Rome",
    );
    for (key, field) in [("1002", "BillingCity"), ("1003", "Phone")] {
        let id = org.row("Account", key, "Name")["Id"].clone();
        let edit = json!({"object": "Account", "id": id, "fields": {field: "1"}, "user": "ann@acme.example.crm"});
        org.control(Method::POST, "rows", Some(edit));
    }
    let changed = read(&["--yes"]);
    assert!(
        changed <= idle + 12,
        "{changed} rows were read, {idle} of them without any change"
    );
    // Everything is read on request.
    assert!(read(&["--yes", "--full"]) > 600);
}
