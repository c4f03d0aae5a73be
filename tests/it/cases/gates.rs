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
#[ignore = "long: several migrations"]
fn lines_that_make_another_amount_shut_the_gate() {
    let project = Project::small();
    project.write(
        "export/products.csv",
        "id,name,price,currency\n1,Basic,300,PLN\n",
    );
    project.write(
        "export/deal_products.csv",
        "id,deal_id,product_id,quantity,price\n1,50,1,1,100.50\n2,51,1,10,200\n",
    );
    project.override_query("queries/load/opportunity_line_item.sql", |sql| {
        sql.replace("then line.price end", "then line.price * 2 end")
    });
    let run = project.carry();
    assert_eq!(run.summary["status"], "gated", "{}", run.stderr);
    let amounts =
        project.table("select a.deal_id, a.sent, a.found from recon.amounts as a order by 1");
    assert_eq!(
        amounts,
        [["50", "100.50", "201.0"], ["51", "2000.00", "4000.0"]]
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_load_that_is_held_whole_shuts_the_gate_and_all_that_is_kept_back_is_told() {
    let project = Project::small();
    project.append(
        "export/deals.csv",
        "52,Third,5,PLN,1,11,in progress,10,,7001,2026-05-01,\n\
         53,Fourth,5,PLN,1,11,in progress,10,,7001,2026-05-01,\n",
    );
    project.edit("config/stage_matrix.csv", "Open,in progress", "Open,lost");
    project.edit("config/stage_matrix.csv", "Done,won", "Done,lost");
    project.edit(
        "export/people.csv",
        "1,lee@globex.example,,Lee Lane,lead,10,Paris,5,",
        "1,lee@globex.example,,Lee Lane,lead,10,Paris,five,",
    );
    project.write(
        "queries/checks/assert_people_have_cities.sql",
        "-- grain: one row per person without a city\n-- severity: warn\n\
         select person.id from usercom.people as person where person.city = 'Lyon'\n",
    );
    let run = project.carry();
    assert_eq!(run.summary["status"], "gated", "{}", run.stderr);
    let gate = "gate: opportunity: 4 of 4 rows are held (100.00 %, allowed 99 %)";
    assert!(run.stderr.contains(gate), "{}", run.stderr);
    let warning = "warning: assert_people_have_cities found 2 row(s)";
    assert!(run.stderr.contains(warning), "{}", run.stderr);
    assert_eq!(run.summary["held"], json!({"stage_not_in_matrix": 4}));
    assert_eq!(
        run.summary["warnings"],
        json!({"assert_people_have_cities": 2})
    );
    assert_eq!(run.source("people")["rejected_cells"], 1);
    let lines = [
        "4 row(s) are held: stage_not_in_matrix 4; see recon.held",
        "0 row(s) and 1 cell(s) of the export were rejected; see rejects.*",
        "row(s) are flagged; see recon.flagged",
        "checks warn of rows: assert_people_have_cities 2",
    ];
    let summary = project.report("summary.md");
    let status = project.transload(&["status"]).ended(0);
    for line in lines {
        assert!(summary.contains(line), "{line}\n{summary}");
        assert!(status.stdout.contains(line), "{line}\n{}", status.stdout);
    }
    // Whoever accepts it goes on.
    project.edit(
        "migration.toml",
        "[options]",
        "[gates]\nmax_held_percent = 100\n\n[options]",
    );
    assert_eq!(project.carry().summary["status"], "held");
}

#[test]
#[ignore = "long: several migrations"]
fn a_file_with_other_bytes_than_those_of_the_export_shuts_the_gate() {
    let project = Project::small();
    project.write(
        "export/files.csv",
        "id,name,path,size,user_id\n1,a.txt,blobs/a.txt,3,3\n2,b.txt,blobs/b.txt,5,3\n",
    );
    project.write("export/blobs/a.txt", "abc");
    project.write("export/blobs/b.txt", "abcde");
    project.override_query("queries/load/content_version.sql", |sql| {
        sql.replace("file.stored_path as _file", "'blobs/a.txt' as _file")
    });
    let run = project.carry();
    assert_eq!(run.summary["status"], "gated", "{}", run.stderr);
    let contents = project.table(
        "select d.key, d.field, d.sent, d.found from recon.differences_content_version as d",
    );
    // The MD5 of `abcde` and of `abc`.
    let (whole, cut) = (
        "ab56b4d92b40713acc5af89985d4b786",
        "900150983cd24fb0d6963f7d28e17f72",
    );
    assert_eq!(contents, [["file:2", "VersionData", whole, cut]]);
}
