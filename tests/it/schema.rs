//! The org is prepared before any row moves: planned, validated, deployed, and taken back.

use serde_json::{Value, json};
use transload_sim::salesforce::{Edition, SalesforceSimOptions};

use crate::org::Org;
use crate::rehearsal::{Project, Run};

/// Two pipelines, a stage that no org has, and an attribute of the customer's.
fn project() -> Project {
    let project = Project::small();
    project.write(
        "config/stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\n\
         Sales,Open,in progress,Prospecting,10,\nSales,Done,won,Closed Won,100,\n\
         Renewals,Offer,in progress,Renewal offered,40,\nRenewals,Done,lost,Closed Lost,,\n",
    );
    project
}

fn small_org(project: &Project) -> Org {
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    org
}

fn schema(project: &Project, arguments: &[&str]) -> Run {
    project.transload(&[&["schema"], arguments].concat())
}

fn plan(project: &Project) -> Value {
    let run = schema(project, &["plan", "--format", "json"]);
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr))
}

fn lines<'a>(plan: &'a Value, part: &str) -> Vec<&'a str> {
    let items = plan[part].as_array().unwrap();
    items.iter().map(|item| item.as_str().unwrap()).collect()
}

fn has_field(org: &Org, field: &str) -> bool {
    let soql = format!(
        "SELECT Id FROM CustomField WHERE DeveloperName = '{}'",
        field.trim_end_matches("__c")
    );
    !org.tooling(&soql).is_empty()
}

#[test]
fn a_plan_shows_everything_and_changes_nothing() {
    let project = project();
    let org = small_org(&project);
    let plan = plan(&project);
    assert!(
        lines(&plan, "create").contains(&"Account.usercom_id__c Text(64), external id, unique")
    );
    assert_eq!(
        lines(&plan, "stages"),
        ["stage Renewal offered (open, 40 %, forecast Pipeline)"]
    );
    assert_eq!(lines(&plan, "record_types").len(), 2);
    assert!(
        plan["lead_conversion"]
            .as_str()
            .unwrap()
            .contains("fields of Lead go on to the contact")
    );
    assert_eq!(plan["conflicts"], json!([]));
    assert_eq!(plan["preflight"], json!([]));
    assert!(!has_field(&org, "usercom_id__c"));
    let validated = schema(&project, &["check"]).ended(0);
    assert!(
        validated.stdout.contains("nothing was changed"),
        "{}",
        validated.stdout
    );
    assert!(!has_field(&org, "usercom_id__c"));
    assert_eq!(org.rows("SELECT Id FROM RecordType").len(), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn a_deployment_needs_a_yes_and_happens_once() {
    let project = project();
    let org = small_org(&project);
    let refused = schema(&project, &["deploy"]).ended(2);
    assert!(
        refused.error().contains("needs a confirmation"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("+ Account.usercom_id__c"),
        "{}",
        refused.stderr
    );
    assert!(!has_field(&org, "usercom_id__c"));

    let done = schema(&project, &["deploy", "--yes"]).ended(0);
    assert!(
        done.stdout
            .contains("1 stage, 2 record types, 1 lead conversion"),
        "{}",
        done.stdout
    );
    let stages = org.map("OpportunityStage", "MasterLabel", "IsActive");
    assert_eq!(stages["Renewal offered"], "true");
    assert_eq!(
        stages["Value Proposition"], "true",
        "a stage of the org was switched off"
    );
    let mapping = org.control(reqwest::Method::GET, "lead_convert", None);
    assert!(mapping.to_string().contains("usercom_id__c"), "{mapping}");

    let again = schema(&project, &["deploy", "--yes"]).ended(0);
    assert!(
        again.stdout.contains("nothing was deployed"),
        "{}",
        again.stdout
    );
    let plan = plan(&project);
    for part in ["create", "stages", "record_types", "change", "permit"] {
        assert_eq!(plan[part], json!([]), "{part}");
    }
    assert_eq!(plan["lead_conversion"], Value::Null);

    let before = org.statistics();
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.total("created"), 13);
    let deployments = |statistics: &Value| {
        let requests = statistics["requests"].as_object().unwrap().iter();
        let posts =
            requests.filter(|(path, _)| path.contains("deployRequest") && path.starts_with("POST"));
        posts.map(|(_, count)| count.as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(deployments(&org.statistics()), deployments(&before));
}

#[test]
#[ignore = "long: several migrations"]
fn every_deal_has_the_record_type_of_its_pipeline() {
    let project = project();
    let org = small_org(&project);
    project.run_with(&["--yes"]).ended(0);
    let types = org.map("RecordType", "Id", "Name");
    let deals = org.map("Opportunity", "usercom_id__c", "RecordTypeId");
    let names: Vec<&str> = deals.values().map(|id| types[id].as_str()).collect();
    assert_eq!(names, ["Sales", "Sales"]);
}

#[test]
#[ignore = "long: several migrations"]
fn production_gets_only_what_a_sandbox_has_seen() {
    let project = project();
    let sandbox = project.serve(
        "sandbox",
        SalesforceSimOptions {
            sandbox: true,
            ..SalesforceSimOptions::default()
        },
    );
    let production = project.serve("production", SalesforceSimOptions::default());
    project.load_into(&sandbox, "");
    let url = production.url();
    let section =
        format!("[destination.production]\nkind = \"salesforce\"\nlogin_url = \"{url}\"\n");
    project.append("migration.toml", &section);
    project.edit(
        "migration.toml",
        "name = ",
        "default_target = \"served\"\nname = ",
    );
    let to_production = ["deploy", "--yes", "--target", "production"];

    let refused = schema(&project, &to_production).ended(2);
    assert!(
        refused
            .error()
            .contains("neither validated nor deployed on a sandbox"),
        "{}",
        refused.stderr
    );
    let run = project
        .run_with(&["--yes", "--target", "production"])
        .ended(2);
    assert!(
        run.error()
            .contains("neither validated nor deployed on a sandbox"),
        "{}",
        run.stderr
    );
    assert!(!has_field(&production, "usercom_id__c"));

    schema(&project, &["check"]).ended(0);
    schema(&project, &to_production).ended(0);
    assert!(has_field(&production, "usercom_id__c") && !has_field(&sandbox, "usercom_id__c"));

    // Another field is another package.
    project.override_query("queries/load/account.sql", |sql| {
        sql.replace(
            "company.id as usercom_id__c,",
            "company.id as usercom_id__c, company.id as usercom_twin__c,",
        )
    });
    let refused = schema(&project, &to_production).ended(2);
    assert!(
        refused.error().contains("1 component(s)") && refused.error().contains("usercom_twin__c"),
        "{}",
        refused.stderr
    );
    schema(
        &project,
        &[&to_production[..], &["--no-sandbox-first"]].concat(),
    )
    .ended(0);
}

#[test]
fn the_package_is_written_as_source() {
    let project = project();
    let _org = small_org(&project);
    schema(&project, &["plan", "--out", "package"]).ended(0);
    for path in [
        "sfdx-project.json",
        "manifest/package.xml",
        "force-app/main/default/objects/Account/fields/usercom_id__c.field-meta.xml",
        "force-app/main/default/objects/Opportunity/recordTypes/Renewals.recordType-meta.xml",
        "force-app/main/default/permissionsets/Transload_Users.permissionset-meta.xml",
    ] {
        assert!(project.path("package").join(path).is_file(), "{path}");
    }
}

#[test]
#[ignore = "long: several migrations"]
fn remove_takes_back_what_we_created_and_nothing_else() {
    let project = project();
    let org = small_org(&project);
    let own = org.insert("Account", json!({"Name": "Own"}));
    project.run_with(&["--yes"]).ended(0);
    let refused = schema(&project, &["remove"]).ended(2);
    for told in [
        "- CustomField Account.usercom_id__c",
        "records that the migration loaded lose their values in these fields",
        "3 of Account",
        "`transload rollback` takes the records back first",
    ] {
        assert!(refused.stderr.contains(told), "{told}: {}", refused.stderr);
    }

    // Somebody uses our field for a record of their own.
    org.change("Account", &own, json!({"usercom_custom_id__c": "mine"}));
    let refused = schema(&project, &["remove", "--yes"]).ended(2);
    assert!(
        refused
            .error()
            .contains("Account has values in our fields in 1 row(s) that are not ours"),
        "{}",
        refused.stderr
    );
    assert!(has_field(&org, "usercom_id__c"));

    org.change("Account", &own, json!({"usercom_custom_id__c": null}));
    let removed = schema(&project, &["remove", "--yes"]).ended(0);
    assert!(
        removed
            .stderr
            .contains("RecordType Opportunity.Sales stays"),
        "{}",
        removed.stderr
    );
    assert!(!has_field(&org, "usercom_id__c"));
    let sets = org.rows("SELECT Name FROM PermissionSet WHERE Name LIKE 'Transload%'");
    assert_eq!(sets.len(), 0, "{sets:?}");
    assert_eq!(
        org.rows("SELECT Id FROM Account").len(),
        4,
        "rows are no part of the schema"
    );
    let again = schema(&project, &["remove", "--yes"]).ended(0);
    assert!(
        again.stdout.contains("nothing that we created"),
        "{}",
        again.stdout
    );
}

#[test]
#[ignore = "long: several migrations"]
fn rules_and_missing_rights_block_until_they_are_acknowledged() {
    let project = project();
    let org = small_org(&project);
    let row = json!({"object": "ValidationRule", "fields": {"ValidationName": "Tax", "Active": "true", "EntityDefinitionId": "Account"}});
    org.control(reqwest::Method::POST, "rows", Some(row));
    let row = json!({"object": "DuplicateRule", "fields": {"DeveloperName": "Same_Name", "SobjectType": "Lead", "IsActive": "true"}});
    org.control(reqwest::Method::POST, "rows", Some(row));
    // Of an object that we do not load.
    let row = json!({"object": "ApexTrigger", "fields": {"Name": "Other", "TableEnumOrId": "Asset", "Status": "Active"}});
    org.control(reqwest::Method::POST, "rows", Some(row));

    let blocked = project.run_with(&["--yes"]).ended(1);
    for part in [
        "validation_rule:Account:Tax",
        "duplicate_rule:Lead:Same_Name",
        "Setup > Duplicate Rules",
        "config/preflight.csv",
    ] {
        assert!(blocked.stderr.contains(part), "{part}: {}", blocked.stderr);
    }
    assert!(!blocked.stderr.contains("Other"), "{}", blocked.stderr);
    assert_eq!(org.rows("SELECT Id FROM Account").len(), 0);

    project.write(
        "config/preflight.csv",
        "finding,acknowledged_by,note\nvalidation_rule:Account:*,ann,passes\nduplicate_rule:Lead:Same_Name,ann,off on Monday\n",
    );
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.total("created"), 13);
}

#[test]
#[ignore = "long: several migrations"]
fn a_column_whose_field_is_of_another_type_is_left_out_and_named_and_the_rest_runs() {
    let project = project();
    project.write(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
         companies,fleet,Account,Fleet__c,\"Text(80)\",confirmed,ann,2026-01-01\n\
         companies,depot,Account,Depot__c,\"Text(80)\",confirmed,ann,2026-01-01\n",
    );
    project.edit(
        "export/companies.csv",
        "assigned_to\n",
        "assigned_to,fleet,depot\n",
    );
    for row in [",7001\n", ",7002\n", ",,\n"] {
        project.edit(
            "export/companies.csv",
            row,
            &row.replace('\n', ",12,North\n"),
        );
    }
    let org = small_org(&project);
    schema(&project, &["deploy", "--yes"]).ended(0);
    // As if the field had always been there, and the project now wants another type.
    project.edit(
        "config/field_map.csv",
        "Fleet__c,\"Text(80)\"",
        "Fleet__c,Picklist",
    );
    let named = "Account.Fleet__c is of type string, Picklist is needed";
    let run = schema(&project, &["plan"]).ended(0);
    assert!(
        !run.stdout.contains(named),
        "a list arrives whole as text: {}",
        run.stdout
    );
    project.edit(
        "config/field_map.csv",
        "Fleet__c,Picklist",
        "Fleet__c,Email",
    );
    let named = "Account.Fleet__c is of type string, Email is needed: the column is left out";
    let run = schema(&project, &["plan"]).ended(0);
    assert!(run.stdout.contains(named), "{}", run.stdout);
    let run = project.run_with(&["--yes"]).ended(0);
    assert!(run.stderr.contains(named), "{}", run.stderr);
    let sent = org.map("Account", "Name", "Depot__c");
    assert_eq!(sent["Globex"], "North");
    assert_eq!(org.map("Account", "Name", "Fleet__c")["Globex"], "∅");
    assert_eq!(
        project.table(
            "select fate, reason from recon.columns where source = 'companies' and column = 'fleet'"
        ),
        [["left_out", "Account.Fleet__c is not sent here"]]
    );
    assert_eq!(project.run().ended(0).total("sent"), 0);
}

#[test]
fn rows_that_a_field_does_not_take_are_counted_with_their_keys() {
    let project = project();
    project.edit("export/people.csv", "lee@globex.example", "lee@@globex");
    let _org = small_org(&project);
    let plan = plan(&project);
    let rows = plan["rows"].as_array().unwrap();
    let email: Vec<&Value> = rows
        .iter()
        .filter(|row| row["problem"] == "invalid_email")
        .collect();
    assert_eq!(email.len(), 1, "{rows:#?}");
    assert_eq!(
        (&email[0]["field"], &email[0]["rows"], &email[0]["samples"]),
        (&json!("Email"), &json!(1), &json!("1"))
    );
    assert!(!plan.to_string().contains("globex"), "a value was shown");
}

#[test]
fn a_field_is_as_long_as_the_data_needs() {
    let project = project();
    project.edit(
        "export/companies.csv",
        "Globex,globex.example,Paris",
        &format!("Globex,globex.example,{}", "x".repeat(300)),
    );
    project.override_query("queries/load/account.sql", |sql| {
        sql.replace(
            "company.id as usercom_id__c,",
            "company.id as usercom_id__c, company.city as usercom_city__c,",
        )
    });
    let _org = small_org(&project);
    let plan = plan(&project);
    let city = lines(&plan, "create")
        .into_iter()
        .find(|line| line.contains("usercom_city__c"));
    assert_eq!(city, Some("Account.usercom_city__c LongTextArea(32768)"));
}

/// As after a deployment whose end broke off: the fields are there, and nobody may see them.
#[test]
#[ignore = "long: several migrations"]
fn fields_that_field_level_security_hides_are_permitted() {
    let project = project();
    let org = small_org(&project);
    schema(&project, &["deploy", "--yes"]).ended(0);
    for row in org.rows(
        "SELECT Id FROM PermissionSetAssignment WHERE PermissionSet.Name = 'Transload_Loader'",
    ) {
        org.delete("PermissionSetAssignment", &row["Id"]);
    }
    let hidden = plan(&project);
    assert_eq!(hidden["create"], json!([]));
    assert!(
        lines(&hidden, "permit").contains(&"Account.usercom_id__c"),
        "{hidden}"
    );
    schema(&project, &["deploy", "--yes"]).ended(0);
    assert_eq!(plan(&project)["permit"], json!([]));
}

#[test]
fn more_fields_than_the_edition_allows_are_refused_before_the_deployment() {
    let project = project();
    let org = project.serve_org(SalesforceSimOptions {
        edition: Edition::Professional,
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    project.override_query("queries/load/account.sql", |sql| {
        let more: Vec<String> = (0..101)
            .map(|number| format!("company.id as extra{number}__c,"))
            .collect();
        sql.replace(
            "company.id as usercom_id__c,",
            &format!("company.id as usercom_id__c, {}", more.join(" ")),
        )
    });
    let run = schema(&project, &["deploy", "--yes"]).ended(2);
    assert!(
        run.error().contains("the edition allows 100"),
        "{}",
        run.stderr
    );
    assert!(!has_field(&org, "usercom_id__c"));
}

#[test]
#[ignore = "long: several migrations"]
fn a_deployment_that_fails_half_way_leaves_nothing_and_the_next_one_finishes() {
    let project = project();
    let org = small_org(&project);
    org.control(
        reqwest::Method::POST,
        "deployments",
        Some(json!({"fail": true, "polls": 2})),
    );
    let failed = project.run_with(&["--yes"]).ended(3);
    assert!(
        failed.error().contains("UNKNOWN_EXCEPTION"),
        "{}",
        failed.stderr
    );
    assert!(!has_field(&org, "usercom_id__c"));
    // The session ends while the next deployment is watched.
    org.control(
        reqwest::Method::POST,
        "deployments",
        Some(json!({"polls": 3})),
    );
    org.fault(json!({"method": "GET", "path": "/services/data/*/metadata/deployRequest/*", "skip": 1, "expire": true}));
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.total("created"), 13);
    assert_eq!(org.control(reqwest::Method::GET, "faults", None), json!([]));
}

#[test]
#[ignore = "long: several migrations"]
fn a_deployment_whose_end_nobody_saw_is_ours_to_take_back() {
    let project = project();
    let org = small_org(&project);
    org.control(
        reqwest::Method::POST,
        "deployments",
        Some(json!({"polls": 60})),
    );
    let mut run = project.start(&["--yes"]);
    let path = project.path(".transload/orgs");
    let recorded = || {
        std::fs::read_dir(&path)
            .is_ok_and(|mut orgs| orgs.any(|org| org.unwrap().path().join("schema.json").is_file()))
    };
    let reached = run.until(recorded);
    run.signal("KILL");
    assert!(reached && run.wait().code.is_none());
    org.control(
        reqwest::Method::POST,
        "deployments",
        Some(json!({"polls": 0})),
    );
    project.run_with(&["--yes"]).ended(0);
    schema(&project, &["remove", "--yes"]).ended(0);
    assert!(!has_field(&org, "usercom_id__c"));
}

#[test]
fn a_refused_component_is_named_with_file_and_problem() {
    let project = project();
    let org = small_org(&project);
    // No field may have this name, which only Salesforce knows.
    project.write(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n",
    );
    project.override_query("queries/load/account.sql", |sql| {
        let sql = sql.replace(
            "-- key: usercom_id__c",
            "-- key: usercom_id__c\n-- field: boss__c Lookup(Boss__c)",
        );
        sql.replace(
            "company.id as usercom_id__c,",
            "company.id as usercom_id__c, cast(null as varchar) as boss__c,",
        )
    });
    let run = schema(&project, &["check"]).ended(3);
    for part in ["objects/Account.object", "Account.boss__c", "Boss__c"] {
        assert!(run.error().contains(part), "{part}: {}", run.stderr);
    }
    assert!(!has_field(&org, "usercom_id__c"));
}

#[test]
#[ignore = "long: several migrations"]
fn what_schema_commands_did_is_one_document_in_json() {
    let project = project();
    let _org = small_org(&project);
    let document = |arguments: &[&str]| -> Value {
        let run = schema(&project, &[arguments, &["--format", "json"]].concat()).ended(0);
        assert_eq!(run.stdout.trim_end().lines().count(), 1, "{}", run.stdout);
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stdout))
    };
    let checked = document(&["check"]);
    assert_eq!(checked["target"], "served");
    assert_eq!(checked["status"], "accepted");
    assert!(
        checked["summary"].as_str().unwrap().contains("field"),
        "{checked}"
    );
    let deployed = document(&["deploy", "--yes"]);
    assert_eq!(deployed["status"], "deployed");
    assert_eq!(deployed["summary"], checked["summary"]);
    assert_eq!(
        document(&["deploy", "--yes", "--no-stage"])["status"],
        "unchanged"
    );
    let removed = document(&["remove", "--yes"]);
    assert_eq!(removed["status"], "removed");
    assert!(removed["components"].as_u64().unwrap() > 10, "{removed}");
    assert_eq!(
        document(&["remove", "--yes"]),
        json!({"target": "served", "status": "unchanged", "components": 0})
    );
}
