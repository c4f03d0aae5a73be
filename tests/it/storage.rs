//! What the plan says about storage: records by the platform's figures, files and e-mails by their bytes, against what is left.

use serde_json::Value;
use transload_sim::salesforce::SalesforceSimOptions;

use crate::further;
use crate::rehearsal::{Project, Run};

/// The plan of a project against an org with so many megabytes of data and file storage.
fn plan(project: &Project, data: u64, file: u64, code: i32) -> Run {
    let org = project.serve_org(SalesforceSimOptions {
        data_storage_mb: data,
        file_storage_mb: file,
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    project.transload(&["plan", "--format", "json"]).ended(code)
}

fn load(plan: &Run, name: &str, column: &str) -> u64 {
    let loads = plan.summary["loads"].as_array().unwrap();
    let entry = loads.iter().find(|entry| entry["load"] == name).unwrap();
    entry[column].as_u64().unwrap()
}

fn limit<'a>(plan: &'a Run, name: &str) -> &'a Value {
    let limits = plan.summary["limits"].as_array().unwrap();
    limits.iter().find(|entry| entry["limit"] == name).unwrap()
}

fn findings(plan: &Run) -> String {
    plan.summary["findings"].to_string()
}

#[test]
#[ignore = "long: several migrations"]
fn records_that_do_not_fit_are_found_before_anything_moves() {
    let project = Project::small();
    let full = plan(&project, 0, 0, 1);
    for part in [
        "DataStorageMB: the new records need about 1 MB",
        "the org has 0 MB left",
        "Storage Usage",
    ] {
        assert!(
            findings(&full).contains(part),
            "{part}: {}",
            findings(&full)
        );
    }
    // There are no files, so that no place for them is no reason.
    assert!(!findings(&full).contains("FileStorageMB"));
    assert_eq!(load(&full, "account", "data_storage_kb"), 3 * 2);
    assert_eq!(load(&full, "contact", "data_storage_kb"), 3 * 2);
    assert_eq!(load(&full, "opportunity", "data_storage_kb"), 2 * 2);

    let table = project.serve_org(SalesforceSimOptions {
        data_storage_mb: 0,
        ..SalesforceSimOptions::default()
    });
    project.load_into(&table, "");
    let shown = project.transload(&["plan"]).ended(1);
    drop(table);
    let finding = "finding: DataStorageMB: the new records need about 1 MB";
    assert!(shown.stderr.contains(finding), "{}", shown.stderr);
    let line = "DataStorageMB: about 1 needed, 0 left";
    assert!(shown.stdout.contains(line), "{}", shown.stdout);
    assert!(shown.stdout.contains("data MB"), "{}", shown.stdout);

    let roomy = plan(&project, 1, 0, 0);
    assert_eq!(limit(&roomy, "DataStorageMB")["needed"], 1);
    assert_eq!(limit(&roomy, "DataStorageMB")["remaining"], 1);
    assert_eq!(findings(&roomy), "[]");
}

#[test]
fn each_object_takes_what_the_platform_counts_for_it() {
    let project = further::project();
    let before = "default_owner = \"ops@acme.example\"\n";
    let emails = format!("{before}email_strategy = \"email_messages\"\n");
    project.edit("migration.toml", before, &emails);
    // One e-mail is longer than the least that is counted.
    let long = "x".repeat(10_000);
    project.append(
        "export/emails.csv",
        &format!("499,3,Long,{long},ann@acme.example,cas@globex.example,delivered,outbound,2026-01-07T10:00:00Z,,7001\n"),
    );
    let full = plan(&project, 1, 0, 1);
    assert!(
        findings(&full).contains(
            "FileStorageMB: the new files, notes and versions of them need about 3 MB, 3 MB of them for content_version"
        ),
        "{}",
        findings(&full)
    );
    assert!(!findings(&full).contains("DataStorageMB"));
    let rows = |name: &str| load(&full, name, "outbox");
    let data = |name: &str| load(&full, name, "data_storage_kb");
    for (name, kilobytes) in [
        ("task", 2),
        ("campaign", 8),
        ("campaign_member", 1),
        ("opportunity_line_item", 0),
        ("content_version", 0),
    ] {
        assert!(rows(name) > 0, "{name}");
        assert_eq!(data(name), rows(name) * kilobytes, "{name}");
    }
    // All but one at the least, and a task for each.
    let emails = rows("email_message");
    let least = 2 * emails + 2 * emails;
    assert!(
        (least + 7..=least + 9).contains(&data("email_message")),
        "{} for {emails}",
        data("email_message")
    );
    assert!(load(&full, "content_version", "file_storage_kb") > 0);
}

#[test]
#[ignore = "long: several migrations"]
fn rows_that_are_in_the_org_take_nothing_more() {
    let project = Project::small();
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    project.run_with(&["--yes"]).ended(0);
    drop(org);
    let full = project.serve_org(SalesforceSimOptions {
        data_storage_mb: 0,
        ..SalesforceSimOptions::default()
    });
    project.load_into(&full, "");
    project.edit("export/companies.csv", "Globex", "Globex SA");
    let plan = project.transload(&["plan", "--format", "json"]).ended(0);
    assert_eq!(load(&plan, "account", "update"), 1);
    assert_eq!(limit(&plan, "DataStorageMB")["needed"], 0);
}
