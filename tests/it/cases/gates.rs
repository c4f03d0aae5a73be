//! When a phase stops.

use serde_json::{Value, json};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
use crate::rehearsal::Project;

/// 400 people who become leads, and an org with faults of its jobs.
fn many(faults: Value) -> (Project, Org) {
    let project = Project::small();
    let people: Vec<String> = (100..500)
        .map(|id| format!("{id},p{id}@globex.example,P{id} Lane,lead\n"))
        .collect();
    project.write(
        "export/people-more.csv",
        &format!("id,email,name,lifecycle_stage\n{}", people.concat()),
    );
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "part_rows = 100\nconcurrent_jobs = 1\n");
    org.control(reqwest::Method::POST, "jobs", Some(faults));
    (project, org)
}

#[test]
fn the_canary_goes_by_the_gate() {
    // One row in forty: more than half a percent, less than five.
    let (project, org) = many(
        json!({"object": "Lead", "rows": {"every": 40, "code": "STRING_TOO_LONG", "attempts": null}}),
    );
    let run = project.run_with(&["--yes"]).ended(1);
    assert!(
        run.stderr.contains("too many of the first rows"),
        "{}",
        run.stderr
    );
    assert!(org.keys("Lead").len() <= 200, "{}", org.keys("Lead").len());
}

#[test]
fn a_refusal_by_the_orgs_set_up_stops_the_phase() {
    let (project, org) = many(json!({"object": "Lead", "skip": 1, "rows":
        {"every": 50, "code": "STORAGE_LIMIT_EXCEEDED", "attempts": null}}));
    project.edit(
        "migration.toml",
        "[options]",
        "[gates]\nmax_failed_percent = 50\n\n[options]",
    );
    let run = project.run_with(&["--yes"]).ended(1);
    assert!(
        run.stderr.contains("STORAGE_LIMIT_EXCEEDED"),
        "{}",
        run.stderr
    );
    assert!(org.keys("Lead").len() < 400, "{}", org.keys("Lead").len());
    assert!(org.keys("Contact").is_empty());
}

#[test]
fn lines_that_make_another_amount_and_files_of_another_size_shut_the_gate() {
    let project = Project::small();
    project.write(
        "export/products.csv",
        "id,name,price,currency\n1,Basic,300,PLN\n",
    );
    project.write(
        "export/deal_products.csv",
        "id,deal_id,product_id,quantity,price\n1,50,1,1,100.50\n2,51,1,10,200\n",
    );
    project.write(
        "export/files.csv",
        "id,name,path,size,user_id\n1,a.txt,blobs/a.txt,3,3\n2,b.txt,blobs/b.txt,5,3\n",
    );
    project.write("export/blobs/a.txt", "abc");
    project.write("export/blobs/b.txt", "abcde");
    project.override_query("queries/load/opportunity_line_item.sql", |sql| {
        sql.replace("then line.price end", "then line.price * 2 end")
    });
    project.override_query("queries/load/content_version.sql", |sql| {
        sql.replace("file.stored_path as _file", "'blobs/a.txt' as _file")
    });
    let run = project.carry();
    assert_eq!(run.summary["status"], "gated", "{}", run.stderr);
    let amounts =
        project.table("select a.deal_id, a.sent, a.found from recon.amounts as a order by 1");
    assert_eq!(
        amounts,
        [["50", "100.50", "201.0"], ["51", "2000.00", "4000.0"]]
    );
    let sizes =
        project.table("select f.path, f.stored_size, f.content_size from recon.file_sizes as f");
    assert_eq!(sizes, [["blobs/b.txt", "5", "3"]]);
}
