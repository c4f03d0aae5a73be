//! What changed in the org since a row landed, and rows that are sent again after a correction.

use reqwest::Method;
use serde_json::json;

use crate::org::Org;
use crate::rehearsal::Project;

fn loaded() -> (Project, Org) {
    let (project, org, _) = Project::loaded_into_an_org();
    (project, org)
}

fn held(project: &Project, load: &str) -> Vec<Vec<String>> {
    project.table(&format!(
        "select f.key, f.reason, f.parent from recon.fates_{load} as f where f.fate = 'held' order by f.key"
    ))
}

fn live(project: &Project, load: &str, key: &str) -> String {
    let sql = format!(
        "select l.live from ledger.{load} as l where cast(l.usercom_id__c as varchar) = '{key}'"
    );
    project.table(&sql)[0][0].clone()
}

#[test]
#[ignore = "long: several migrations"]
fn rows_are_not_hung_on_a_parent_that_somebody_deleted() {
    let (project, org) = loaded();
    let account = org.row("Account", "12", "Id");
    org.control(Method::POST, "delete", Some(json!({"id": account["Id"]})));
    project.append(
        "export/deals.csv",
        "60,Late,1,PLN,1,11,in progress,12,,7001,2026-05-01,\n",
    );
    let run = project.run().ended(0);
    assert_eq!(run.number("opportunity", "created"), 0, "{}", run.stdout);
    assert_eq!(
        held(&project, "opportunity"),
        [[
            "60",
            "parent_deleted_in_salesforce",
            &format!("AccountId {}", account["Id"])
        ]]
    );
    // Its own row is not made anew either: somebody decided against it.
    assert_eq!(
        held(&project, "account"),
        [["12", "deleted_in_salesforce", "∅"]]
    );
    assert_eq!(live(&project, "account", "12"), "deleted");
    assert_eq!(org.keys("Account").len(), 2);

    org.control(Method::POST, "undelete", Some(json!({"id": account["Id"]})));
    let run = project.run().ended(0);
    assert_eq!(run.number("opportunity", "created"), 1, "{}", run.stdout);
    assert_eq!(live(&project, "account", "12"), "live");
}

/// At this size queries of the second run join in chains, and sorts spill.
#[test]
#[ignore = "long: several migrations"]
fn a_second_run_of_twenty_thousand_people_stays_within_the_memory_of_the_first() {
    let (project, _) = Project::generated(20_000, 7, true);
    let first = project.run().ended(0);
    let second = project.run().ended(0);
    assert!(first.number("lead", "created") > 5_000, "{}", first.stdout);
    assert_eq!(second.total("sent"), 0);
    assert_eq!(
        second.number("lead", "read_back"),
        first.number("lead", "read_back")
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_record_that_is_purged_is_seen_by_the_read_back_and_from_then_on() {
    let (project, org) = loaded();
    let account = org.row("Account", "12", "Id");
    org.purge("Account", &account["Id"]);
    let first = project.run();
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    assert_eq!(first.number("account", "differences"), 1);
    let second = project.run().ended(0);
    assert_eq!(
        live(&project, "account", "12"),
        "deleted",
        "{}",
        second.stdout
    );
    assert_eq!(
        held(&project, "account"),
        [["12", "deleted_in_salesforce", "∅"]]
    );
}

#[test]
#[ignore = "long: several migrations"]
fn after_a_correction_only_what_failed_is_sent_with_what_hung_on_it() {
    let (project, org) = loaded();
    org.control(
        Method::POST,
        "jobs",
        Some(json!({"object": "Account", "rows": {"every": 1, "code": "STRING_TOO_LONG", "attempts": null}})),
    );
    project.append("export/companies.csv", "13,New,new.example,Oslo,7001\n");
    project.append(
        "export/deals.csv",
        "60,Late,1,PLN,1,11,in progress,13,,7001,2026-05-01,\n",
    );
    let failed = project.run().ended(1);
    assert_eq!(failed.number("account", "failed"), 1, "{}", failed.stdout);
    org.control(Method::DELETE, "jobs", None);
    // Something else changed in the meantime: that is not what was asked for.
    project.override_query("queries/load/contact.sql", |sql| {
        sql.replace(
            "person.city as \"MailingCity\"",
            "'Berlin' as \"MailingCity\"",
        )
    });
    // A dry run says the same, and sends nothing.
    let dry = project.transload(&["load", "--failed", "--dry-run", "--format", "json"]);
    let planned: serde_json::Value = serde_json::from_str(&dry.ended(0).stdout).unwrap();
    let planned: Vec<String> = planned["loads"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|load| {
            let rows = |name: &str| load[name].as_u64().unwrap();
            let sent = rows("insert") + rows("upsert") + rows("update");
            (sent > 0).then(|| format!("{} {sent}", load["load"].as_str().unwrap()))
        })
        .collect();
    assert_eq!(planned, ["account 1", "opportunity 1"]);
    let again = project
        .transload(&["load", "--failed", "--format", "json"])
        .ended(0);
    assert_eq!(again.number("account", "created"), 1, "{}", again.stdout);
    assert_eq!(
        again.number("opportunity", "created"),
        1,
        "{}",
        again.stdout
    );
    assert_eq!(again.total("sent"), 2, "{}", again.stdout);
    assert_eq!(again.number("contact", "unchanged"), 3);
    assert_eq!(
        org.row("Contact", "3", "MailingCity")["MailingCity"],
        "Paris"
    );
    // A whole run sends the rest.
    let whole = project.run().ended(0);
    assert_eq!(whole.number("contact", "updated"), 3, "{}", whole.stdout);
}
