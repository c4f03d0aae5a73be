//! A project that checks itself: everything at once, offline, and what is open as questions.

use serde_json::Value;

use crate::rehearsal::{Project, Run};

/// What `check` finds, as the document it writes.
fn found(project: &Project, code: i32) -> Value {
    let checked = project
        .transload(&["check", "--format", "json"])
        .ended(code);
    serde_json::from_str(&checked.stdout).unwrap()
}

/// The findings of one severity as sentences.
fn told(found: &Value, severity: &str) -> Vec<String> {
    let findings = found["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["severity"] == severity)
        .map(|finding| {
            let word = |name: &str| match &finding[name] {
                Value::Null => "-".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let [file, line, value, nearest] = ["file", "line", "value", "nearest"].map(word);
            format!("{file} {line} {value} {nearest}")
        })
        .collect()
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_offline() {
    let project = Project::small();
    project.transload(&["stage"]).ended(0);
    assert_eq!(told(&found(&project, 0), "error"), Vec::<String>::new());

    project.append("migration.toml", "[gates]\nmax_failed = 1\n");
    project.write(
        "config/lifecycle.csv",
        "lifecycle_stage,target,note\nlead,Laed,\nmql,,\ncustomer,Contact,\n",
    );
    project.write("queries/loads/account.sql", "select 1");
    let broken = found(&project, 2);
    assert_eq!(
        told(&broken, "error"),
        [
            "config/lifecycle.csv 2 Laed Lead",
            "migration.toml 15 max_failed max_failed_percent",
            "queries/loads/account.sql - - -",
        ]
    );
    assert_eq!(told(&broken, "warning"), ["config/lifecycle.csv 3 - -"]);

    // The settings can be read; the rest is told with the queries, and with the export.
    project.edit("migration.toml", "max_failed = 1", "max_failed_percent = 1");
    project.edit("config/lifecycle.csv", "Laed", "Lead");
    std::fs::remove_dir_all(project.path("queries/loads")).unwrap();
    project.write(
        "config/stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\n\
         Sales,Open,in progres,Prospecting,10,\nSales,Done,won,Closed Won,110,\n",
    );
    project.write(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
         people,score,Lead,Score__c,\"Number(18,0)\",confirmed,,\n",
    );
    assert_eq!(
        told(&found(&project, 2), "error"),
        [
            "config/field_map.csv 2 - -",
            "config/stage_matrix.csv 2 in progres in progress",
            "config/stage_matrix.csv 3 110 -",
        ]
    );

    // A query is planned against what was staged; what reads it is not blamed for it.
    project.write(
        "config/stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\n\
         Sales,Open,1,Prospectingg,10,\nSales,Done,won,Closed Won,100,\nRetail,Open,won,Closed Won,100,\n",
    );
    std::fs::remove_file(project.path("config/field_map.csv")).unwrap();
    project.override_query("queries/prepare/people/company_name.sql", |sql| {
        sql.replace("company.name_key", "company.nmae_key")
    });
    // So is one over what runs find, though none has found anything.
    let over = |name: &str, sql: &str| {
        let hint = if name.starts_with("checks/") {
            "-- hint: none\n"
        } else {
            ""
        };
        let sql = format!("-- grain: one per row\n{hint}{sql}\n");
        project.write(&format!("queries/{name}.sql"), &sql);
    };
    over(
        "checks/assert_none_held",
        "select f.key\nfrom recon.fates as f\nwhere f.faet = 'held'",
    );
    over(
        "checks/assert_none_altered",
        "select f.load, f.key from recon.altered as f where f.why = 'cut'",
    );
    over(
        "checks/assert_few_attempts",
        "select a.key from ledger.attempts as a where a.attempt > 3 and a.at < now()",
    );
    over(
        "reconcile/held_people",
        "select f.key, f.reason from recon.fates as f where f.fate = 'held'",
    );
    over(
        "checks/assert_none_waits",
        "select h.key from recon.held_people as h join recon.storms as s on s.recrods = 1",
    );
    let told_now = found(&project, 2);
    let queries: Vec<String> = told_now["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| {
            let [file, column] =
                ["file", "column"].map(|name| finding[name].as_str().unwrap_or("-"));
            format!("{file} {} {column}", finding["line"])
        })
        .collect();
    let model = project.read("queries/prepare/people/company_name.sql");
    let place = |(line, text): (usize, &str)| {
        let column = text.find("company.nmae_key")? + 1;
        Some(format!(
            "queries/prepare/people/company_name.sql {} {column}",
            line + 1
        ))
    };
    let models: Vec<String> = model.lines().enumerate().filter_map(place).collect();
    let [held, waits, model] = &queries[..] else {
        panic!("{queries:?}")
    };
    assert_eq!(held, "queries/checks/assert_none_held.sql 5 7");
    assert_eq!(waits, "queries/checks/assert_none_waits.sql 3 68");
    assert!(models.contains(model), "{model} is none of {models:?}");
    assert_eq!(
        told(&told_now, "warning"),
        [
            "config/lifecycle.csv 3 - -",
            "config/stage_matrix.csv 2 Prospectingg Prospecting",
            "config/stage_matrix.csv 4 Retail / Open / won -",
        ]
    );
    // Nothing was connected to.
    assert!(!project.path(".transload/simulator").exists());
}

#[test]
fn run_and_plan_check_first() {
    let project = Project::small();
    project.write("queries/load/account.SQL", "select 1");
    project.write("config/rates.csv", "currency,rate\nEUR,-1\n");
    for command in [&["run"][..], &["plan"][..]] {
        let refused: Run = project.transload(command).ended(2);
        for words in [
            "2 mistake(s) in the project's files",
            "config/rates.csv line 2, column rate: `-1` is no number above 0",
            "queries/load/account.SQL: is read by nothing",
            "did you mean queries/load/account.sql?",
        ] {
            assert!(
                refused.error().contains(words),
                "{words}\n{}",
                refused.stderr
            );
        }
    }
    assert!(project.orgs().is_empty());
}

#[test]
fn what_looks_like_a_slip_is_told_before_it_is_sent() {
    let project = Project::small();
    project.edit("config/stage_matrix.csv", "Prospecting", "Prospectingg");
    let slip = "config/stage_matrix.csv line 2, column stage_name: `Prospectingg` would be a new stage of the org";
    let planned = project.transload(&["plan"]).ended(0);
    assert!(planned.stderr.contains(slip), "{}", planned.stderr);
    assert!(
        planned.stdout.contains("Prospectingg"),
        "{}",
        planned.stdout
    );
    let ran = project.carry().ended(0);
    assert!(ran.stderr.contains(slip), "{}", ran.stderr);
}

#[test]
fn what_nobody_decided_is_counted_and_written_down_as_questions() {
    let project = Project::small();
    project.edit(
        "export/people.csv",
        "Eva East,evangelist",
        "Eva East,Partner",
    );
    project.edit(
        "export/people.csv",
        "company_id,city,score",
        "company_id,town_hall,score",
    );
    project.edit(
        "export/deals.csv",
        "50,Pilot,100.50,PLN,1,11",
        "50,Pilot,100.50,EUR,7,71",
    );
    project.transload(&["stage"]).ended(0);
    let before = found(&project, 2);
    let open = |found: &Value| -> Vec<String> {
        let open = found["open"].as_array().unwrap().iter();
        open.map(|open| {
            let cells = open["cells"].as_object().unwrap().values();
            let cells: Vec<&str> = cells.filter_map(Value::as_str).collect();
            format!(
                "{} {} {}",
                open["file"].as_str().unwrap(),
                cells.join("/"),
                open["rows"]
            )
        })
        .collect()
    };
    assert_eq!(
        open(&before),
        [
            "lifecycle Partner 1",
            "stage_matrix 7/71/in progress 1",
            "rates EUR 1",
            "field_map people/town_hall 6",
        ]
    );
    let written = project
        .transload(&["check", "--write-missing", "--format", "json"])
        .ended(2);
    let written: Value = serde_json::from_str(&written.stdout).unwrap();
    assert_eq!(written["written"]["config/lifecycle.csv"], 1);
    assert!(
        project
            .read("config/lifecycle.csv")
            .ends_with("Partner,,1 people\n"),
        "{}",
        project.read("config/lifecycle.csv")
    );
    // A second time there is nothing more to write, and what was written decides nothing.
    let again = project
        .transload(&["check", "--write-missing", "--format", "json"])
        .ended(2);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again["written"], serde_json::json!({}));
    // A pipeline and a stage that the export gives no name are decided by their numbers.
    project.edit(
        "config/stage_matrix.csv",
        "7,71,in progress,,,1 deals",
        "7,71,in progress,Prospecting,10,",
    );
    project.edit("config/lifecycle.csv", "Partner,,", "Partner,Contact,");
    project.edit("config/rates.csv", "EUR,", "EUR,4.3");
    project.edit(
        "config/field_map.csv",
        "people,town_hall,,,,proposed,,",
        "people,town_hall,,,,ignored,,",
    );
    project.carry().ended(0);
    let org = project.org();
    assert_eq!(
        org.map("Opportunity", "usercom_id__c", "StageName")["50"],
        "Prospecting"
    );
    assert_eq!(org.keys("Contact").len(), 3);
}

#[test]
fn comparisons_over_what_a_run_finds_are_planned_and_one_over_itself_is_told() {
    let project = Project::small();
    project.transload(&["stage"]).ended(0);
    let header = "-- grain: one row per row\n";
    for (name, sql) in [
        (
            "right_columns",
            "select c.source, c.rows_arrived from recon.columns as c",
        ),
        (
            "right_fates",
            "select f.key, f.reason from recon.fates_contact as f",
        ),
        (
            "right_storms",
            "select s.load, s.records from recon.storms as s",
        ),
        (
            "wrong_columns",
            "select c.rows_there from recon.columns as c",
        ),
        ("wrong_fates", "select f.why from recon.fates_contact as f"),
        ("itself", "select i.key from recon.itself as i"),
        ("one", "select o.key from recon.other as o"),
        ("other", "select o.key from recon.one as o"),
    ] {
        project.write(
            &format!("queries/reconcile/{name}.sql"),
            &format!("{header}{sql}\n"),
        );
    }
    let found = found(&project, 2);
    let errors = told(&found, "error");
    let files: Vec<&str> = errors
        .iter()
        .filter_map(|told| told.split(' ').next())
        .collect();
    assert_eq!(
        files,
        ["itself", "wrong_columns", "wrong_fates"]
            .map(|name| format!("queries/reconcile/{name}.sql")),
        "{errors:#?}"
    );
    let text = found["findings"].to_string();
    assert!(
        text.contains("reads recon.itself, which it makes itself"),
        "{text}"
    );
    assert!(
        text.contains("was not planned: it reads recon.other"),
        "{text}"
    );
    assert_eq!(told(&found, "warning").len(), 2, "{text}");
}

#[test]
fn one_mistake_hides_no_other() {
    let project = Project::small();
    project.transload(&["stage"]).ended(0);
    project.write(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
         people,score,Lead,Birth Date__c,\"Number(18,0)\",confirmed,me,2026-02-20\n\
         people,city,Lead,City__c,\"Number(18\",confirmed,me,2026-02-20\n\
         people,phone_number,Contact,lastname,Text(80),confirmed,me,2026-02-20\n\
         people,unsubscribed,Contact,Off__c,Checkbox,proposed,,\n\
         people,company_id,Contact,Begun__c,Date,confirmed,me,2026-02-20\n",
    );
    project.write(
        "config/defaults.csv",
        "object,field,value\nContcat,LastName,x\n",
    );
    project.write(
        "config/owners.csv",
        "owner_id,owner_email,user_email,note\n7999,,ann@acme.example,\n",
    );
    project.override_query("queries/prepare/owners/owner.sql", |sql| {
        sql.replace("agent.name", "agent.nmae")
    });
    project.override_query("queries/prepare/people/company_name.sql", |sql| {
        sql.replace("company.name_key", "company.nmae_key")
    });
    project.append("migration.toml", "[gates]\nmax_failed = 1\n");
    let expected = [
        "migration.toml 15 max_failed max_failed_percent",
        "config/defaults.csv 2 Contcat Contact",
        "config/field_map.csv 2 Birth Date__c Birth_date__c",
        "config/field_map.csv 3 - -",
        "config/field_map.csv 5 - -",
        "config/field_map.csv 6 - -",
        "config/owners.csv 2 7999 -",
        "queries/prepare/owners/owner.sql",
        "queries/prepare/people/company_name.sql",
    ];
    let checked = found(&project, 2);
    let not_checked = checked["not_checked"].to_string();
    assert!(
        not_checked.contains("what a query with a mistake makes"),
        "{not_checked}"
    );
    let all = told(&checked, "error");
    let is_told = |all: &[String], wanted: &str| all.iter().any(|line| line.starts_with(wanted));
    for wanted in expected {
        assert!(is_told(&all, wanted), "{wanted}: {all:#?}");
    }

    // A query that is none hides what the loads send, and nothing else.
    project.write("queries/prepare/mine.sql", "select 1 frm x");
    let all = told(&found(&project, 2), "error");
    for wanted in expected.iter().chain(&["queries/prepare/mine.sql"]) {
        let is_known = !wanted.starts_with("config/defaults.csv");
        assert_eq!(is_told(&all, wanted), is_known, "{wanted}: {all:#?}");
    }
    std::fs::remove_dir_all(project.path("queries")).unwrap();

    // A field that the query fills is the map's mistake.
    let all = told(&found(&project, 2), "error");
    assert!(
        all.contains(&"config/field_map.csv 4 - -".to_owned()),
        "{all:?}"
    );
    assert!(
        !all.iter().any(|line| line.starts_with("queries/")),
        "{all:?}"
    );
}
