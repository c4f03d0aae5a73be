//! What a person meets in the first hour with a project of his own, and at night.

use serde_json::Value;

use crate::rehearsal::Project;

/// The findings of `check` of one severity: file, line and value.
fn told(project: &Project, severity: &str) -> Vec<String> {
    let checked = project.transload(&["check", "--format", "json"]);
    let found: Value = serde_json::from_str(&checked.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["severity"] == severity)
        .map(|finding| {
            let [file, value] = ["file", "value"].map(|name| finding[name].as_str().unwrap_or("-"));
            let line = &finding["line"];
            format!("{file} {line} {value}")
        })
        .collect()
}

fn staged() -> Project {
    let project = Project::small();
    project.transload(&["stage"]).ended(0);
    project
}

#[test]
fn a_cell_with_a_mistake_hides_no_other_row_of_its_file() {
    let project = staged();
    project.write(
        "config/stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\n\
         Sales,Open,losst,Prospecting,10,\nSales,Done,won,Closed Wonn,100,\nSales,Open,lost,Closed Lost,0,\n",
    );
    assert_eq!(told(&project, "error"), ["config/stage_matrix.csv 2 losst"]);
    assert_eq!(
        told(&project, "warning"),
        [
            "config/stage_matrix.csv 2 Sales / Open / losst",
            "config/stage_matrix.csv 3 Closed Wonn",
            "config/stage_matrix.csv 4 Sales / Open / lost",
        ]
    );
    let checked = project.transload(&["check", "--format", "json"]).ended(2);
    let found: Value = serde_json::from_str(&checked.stdout).unwrap();
    let open = &found["open"][0];
    assert_eq!(
        (&open["file"], &open["cells"]["stage"], &open["rows"]),
        (&"stage_matrix".into(), &"Open".into(), &1.into())
    );
}

#[test]
fn overrides_that_match_nothing_are_told_by_the_first_check() {
    let project = staged();
    project.write(
        "config/matches.csv",
        "object,usercom_id,salesforce_id,decision\n\
         Account,999,001000000000001AAA,same\nContact,1,003000000000001AAA,same\nLead,77,00Q000000000001AAA,new\n",
    );
    project.write("config/territories.csv", "company_id,territory\n88,North\n");
    project.write(
        "config/loss_reasons.csv",
        "loss_reason,label\n5,Too expensive\n",
    );
    project.write(
        "config/ignored_columns.csv",
        "source,column,reason\npeople,shoe_size,none\n",
    );
    assert_eq!(
        told(&project, "error"),
        [
            "config/matches.csv 2 999",
            "config/matches.csv 4 77",
            "config/territories.csv 2 88",
        ]
    );
    assert_eq!(
        told(&project, "warning"),
        [
            "config/ignored_columns.csv 2 shoe_size",
            "config/loss_reasons.csv 2 5",
        ]
    );
}

#[test]
fn a_mapped_value_that_no_row_has_is_told() {
    let project = Project::small();
    project.write(
        "export/people-more.csv",
        "id,email,name,lifecycle_stage,mood\n100,ivy@globex.example,Ivy Ink,lead,Zimny\n",
    );
    project.write(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
         people,mood,Lead,Rating,Picklist,confirmed,ann,2026-01-02\n\
         people,mood,Contact,Mood__c,Text(255),confirmed,ann,2026-01-02\n",
    );
    project.write(
        "config/value_map.csv",
        "object,field,source_value,target_value,status,confirmed_by,confirmed_at\n\
         Lead,Rating,zimny,Cold,confirmed,ann,2026-01-02\n\
         Lead,Rating,it's letni,Warm,confirmed,ann,2026-01-02\n",
    );
    project.transload(&["stage"]).ended(0);
    assert_eq!(told(&project, "error"), Vec::<String>::new());
    assert_eq!(
        told(&project, "warning"),
        ["config/value_map.csv 3 it's letni"]
    );
}

#[test]
fn a_rule_of_scope_or_a_misplaced_file_hides_no_decision_that_is_wrong() {
    let project = staged();
    project.append("migration.toml", "\n[scope]\npeople = \"createdat > 1\"\n");
    project.write("queries/loads/account.sql", "select 1");
    project.write(
        "config/defaults.csv",
        "object,field,value\nLead,Compny,Unknown\n",
    );
    let mistakes = told(&project, "error");
    for place in [
        "config/defaults.csv 2 Compny",
        "migration.toml null -",
        "queries/loads/account.sql null -",
    ] {
        assert!(mistakes.iter().any(|told| told == place), "{mistakes:?}");
    }
}

#[test]
fn an_export_that_is_not_there_is_a_mistake_before_anything_was_staged() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[documents]",
        "[source]\nexport = \"nowhere\"\n\n[documents]",
    );
    let checked = project.transload(&["check"]).ended(2);
    assert!(checked.stdout.contains("nowhere"), "{}", checked.stdout);
}

#[test]
fn a_copy_of_a_load_under_another_name_is_a_mistake_before_anything_is_sent() {
    let project = staged();
    let shown = project
        .transload(&["queries", "show", "opportunity"])
        .ended(0);
    project.write(
        "queries/load/opportunity_v2.sql",
        &shown.stdout.replace("-- grain:", "-- A copy.\n-- grain:"),
    );
    assert_eq!(
        told(&project, "error"),
        ["queries/load/opportunity_v2.sql null -"]
    );
    let run = project.run().ended(2);
    assert!(run.stderr.contains("opportunity_v2"), "{}", run.stderr);
    assert_eq!(project.orgs(), Vec::<String>::new());
}

#[test]
fn a_load_that_drops_rows_sends_none_and_the_night_is_told_why() {
    let project = Project::small();
    project.override_query("queries/load/account.sql", |sql| {
        format!("{sql}\nwhere company.id <> 12\n")
    });
    let run = project.run().ended(1);
    let reason = "usercom.companies has 3 rows, but its loads account for 2 (account 2): a `where` or an inner join drops rows; \
                  no row of account was sent";
    assert!(run.stderr.contains(reason), "{}", run.stderr);
    let status = project.transload(&["status"]).ended(0);
    assert!(status.stdout.contains(reason), "{}", status.stdout);
    // So does the log of the night, to its last line.
    let logs = std::fs::read_dir(project.path(".transload/logs")).unwrap();
    let logs = logs.map(|log| std::fs::read_to_string(log.unwrap().path()).unwrap());
    let log = logs.into_iter().find(|log| log.contains(reason)).unwrap();
    let last = log.lines().last().unwrap();
    assert!(last.contains("reports: "), "{last}");
    assert!(log.contains("Nothing was sent."), "{log}");
    assert_eq!(log.matches("preparing owner").count(), 1, "{log}");
}

#[test]
fn a_row_that_waits_for_two_decisions_waits_once() {
    let project = Project::small();
    project.write(
        "config/stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\nSales,Open,in progress,Prospecting,10,\n",
    );
    project.edit(
        "export/deals.csv",
        "51,Renewal,2000,PLN",
        "51,Renewal,2000,EUR",
    );
    let run = project.run().ended(1);
    assert!(run.stdout.contains("\"waiting\":1,"), "{}", run.stdout);
    for reason in ["stage_not_in_matrix", "currency_without_rate"] {
        assert!(run.stderr.contains(reason), "{}", run.stderr);
    }
}

#[test]
fn a_plan_tells_a_key_that_is_missing_beside_all_else() {
    let project = Project::small();
    project.override_query("queries/load/account.sql", |sql| {
        sql.replacen(
            "company.id as usercom_id__c",
            "nullif(company.id, 12) as usercom_id__c",
            1,
        )
    });
    project.edit("export/people.csv", "Lee Lane,lead", "Lee Lane,vip");
    let plan = project.transload(&["plan"]).ended(1);
    for found in [
        "the key usercom_id__c is null in 1 row(s) to be sent; the first: without any",
        "lifecycle_unknown",
    ] {
        assert!(plan.stderr.contains(found), "{}", plan.stderr);
    }
    let run = project.run().ended(2);
    assert!(
        run.stderr.contains("usercom_id__c is null"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_stage_that_was_decided_by_number_stays_decided_once_it_has_a_name() {
    let project = Project::small();
    let named = project.read("export/pipelines.jsonl");
    std::fs::remove_file(project.path("export/pipelines.jsonl")).unwrap();
    project.write(
        "config/stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\n\
         1,11,in progress,Prospecting,10,\n1,12,won,Closed Won,100,\n",
    );
    project.run().ended(0);
    project.write("export/pipelines.jsonl", &named);
    assert_eq!(told(&project, "error"), Vec::<String>::new());
    assert_eq!(told(&project, "warning"), Vec::<String>::new());
    project.run().ended(0);
    let deals = "select o.\"StageName\", o.usercom_stage__c from org.opportunity as o order by 2";
    assert_eq!(
        project.table(deals),
        [["Closed Won", "Done"], ["Prospecting", "Open"]]
    );
    // A question by name is no decision; a decision by name comes first.
    project.append("config/stage_matrix.csv", "Sales,Open,in progress,,,\n");
    project.run().ended(0);
    assert_eq!(
        project.table(deals),
        [["Closed Won", "Done"], ["Prospecting", "Open"]]
    );
    project.edit(
        "config/stage_matrix.csv",
        "Sales,Open,in progress,,",
        "Sales,Open,in progress,Qualification,20",
    );
    project.run().ended(0);
    assert_eq!(
        project.table(deals),
        [["Closed Won", "Done"], ["Qualification", "Open"]]
    );
}
