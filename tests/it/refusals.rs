//! Bad input: a clear message with a hint, the right exit code, and nothing in the org that was not asked for.

use transload_sim::salesforce::SalesforceSimOptions;

use crate::rehearsal::{Project, Run};

const MAP_HEAD: &str =
    "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n";

#[track_caller]
fn says(run: &Run, words: &str) {
    assert!(
        run.error().contains(words),
        "no {words:?} in\n{}",
        run.stderr
    );
}

#[track_caller]
fn says_with_hint(run: &Run, words: &str) {
    says(run, words);
    assert!(
        run.error().contains("\nhint: "),
        "no hint in\n{}",
        run.stderr
    );
    assert_eq!(run.stdout, "", "an error is no data");
}

#[test]
fn a_key_twice_in_a_load_is_named() {
    let project = Project::small();
    project.override_query("queries/load/account.sql", |sql| {
        sql.replace(
            "from mapped.companies as company\n",
            "from mapped.companies as company\ncross join (values (1), (2)) as twice (n)\n",
        )
    });
    let run = project.run().ended(2);
    says_with_hint(
        &run,
        "queries/load/account.sql: the key usercom_id__c is not unique in 3 row(s)",
    );
    says(&run, "the first: 10");
    assert_eq!(project.org().rows("SELECT Id FROM Account").len(), 0);
}

#[test]
fn a_load_that_drops_rows_shuts_its_gate() {
    let project = Project::small();
    project.override_query("queries/load/lead.sql", |sql| {
        sql.replace(
            "where lead.target = 'Lead'",
            "where lead.target = 'Lead' and person.id <> 1",
        )
    });
    let run = project.run().ended(1);
    assert_eq!(run.summary["status"], "gated");
    for words in [
        "usercom.people has 6 rows, but its loads account for 5",
        "no row of contact was sent",
    ] {
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
    // What had been sent of the same source before is there.
    let org = project.org();
    assert_eq!(org.rows("SELECT Id FROM Lead").len(), 2);
    assert_eq!(org.rows("SELECT Id FROM Contact").len(), 0);
    assert_eq!(
        org.rows("SELECT Id FROM Opportunity").len(),
        0,
        "the next phase began behind a shut gate"
    );
}

#[test]
fn a_row_that_is_lost_is_named_though_another_is_in_two_books() {
    let project = Project::small();
    // Person 1 is in neither load, person 2 in both: as many rows as there are people.
    project.override_query("queries/load/lead.sql", |sql| {
        sql.replace(
            "where lead.target = 'Lead'",
            "where lead.target = 'Lead' and person.id <> 1",
        )
    });
    project.override_query("queries/prepare/people/contact.sql", |sql| {
        sql.replace(
            "where person.target = 'Contact'",
            "where person.target = 'Contact' or person.id = 2",
        )
    });
    let run = project.carry();
    assert_eq!(run.summary["status"], "gated");
    assert!(!run.stderr.contains("account for"), "{}", run.stderr);
    let words = "usercom.people has 1 row(s) that are neither in an outbox nor have a fate (1)";
    assert!(run.stderr.contains(words), "{}", run.stderr);
}

#[test]
fn a_fate_that_nobody_knows_is_named() {
    let project = Project::small();
    project.override_query("queries/load/account.sql", |sql| {
        sql.replace(
            "    end as _fate,",
            "        else named_struct('fate', 'hold', 'reason', null, 'parent', null)\n    end as _fate,",
        )
    });
    let run = project.run().ended(2);
    says(&run, "queries/load/account.sql: `_fate` is `hold`");
    says(&run, "held, passive, ignored, out_of_scope");
}

#[test]
fn an_export_with_a_header_only_is_refused() {
    let project = Project::small();
    project.write("export/people.csv", "id,email,lifecycle_stage\n");
    says_with_hint(&project.run().ended(2), "people");
}

#[test]
fn a_missing_export_folder_is_named() {
    let project = Project::small();
    std::fs::rename(project.path("export"), project.path("exported")).unwrap();
    let run = project.run().ended(2);
    says_with_hint(&run, &project.path("export").to_string_lossy());
}

#[test]
fn a_column_that_cannot_be_sent_is_named() {
    let project = Project::small();
    project.override_query("queries/load/account.sql", |sql| {
        sql.replace(
            "    company.custom,\n",
            "    interval '1 day' as usercom_wait__c,\n    company.custom,\n",
        )
    });
    says_with_hint(&project.run().ended(2), "usercom_wait__c");
}

#[test]
fn a_standard_field_that_the_org_lacks_is_named() {
    let project = Project::small();
    project.override_query("queries/load/lead.sql", |sql| {
        sql.replace(
            "    person.custom,\n",
            "    lead.first_name as \"Nickname\",\n    person.custom,\n",
        )
    });
    let run = project.run().ended(2);
    says_with_hint(&run, "Lead has no field Nickname");
    assert_eq!(project.org().rows("SELECT Id FROM Account").len(), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn an_object_that_the_org_lacks_is_named() {
    let project = Project::small();
    project.write(
        "queries/load/robot.sql",
        "-- grain: one row per company\n-- object: Robot__c\n-- operation: upsert\n-- key: usercom_id__c\n\
         select c.id as usercom_id__c from mapped.companies as c\n",
    );
    says_with_hint(
        &project.run().ended(2),
        "Robot__c (3 row(s) of queries/load/robot.sql)",
    );
    // Whoever leaves the load out needs no such object.
    let planned = project.transload(&["plan", "--exclude", "robot"]).ended(0);
    assert!(planned.stdout.contains("account"), "{}", planned.stdout);
    project.run_with(&["--exclude", "robot"]).ended(0);
    assert_eq!(project.org().rows("SELECT Id FROM Account").len(), 3);
    says(
        &project.transload(&["plan", "--select", "robot"]).ended(2),
        "Robot__c (3 row(s) of queries/load/robot.sql)",
    );
}

#[test]
fn a_misspelt_type_in_the_map_is_named_with_its_line() {
    let project = Project::small();
    project.edit("export/companies.csv", "domain,city", "domain,town_hall");
    project.write(
        "config/field_map.csv",
        &format!(
            "{MAP_HEAD}companies,town_hall,Account,Town_Hall__c,Txt(80),confirmed,ann,2026-01-01\n"
        ),
    );
    let run = project.run().ended(2);
    says_with_hint(&run, "config/field_map.csv line 2");
    says(&run, "Txt");
}

#[test]
fn a_type_that_cannot_hold_the_attribute_is_named_with_its_line() {
    let project = Project::small();
    project.edit("export/companies.csv", "domain,city", "domain,town_hall");
    project.write(
        "config/field_map.csv",
        &format!("{MAP_HEAD}companies,town_hall,Account,Town_Hall__c,\"Number(18,0)\",confirmed,ann,2026-01-01\n"),
    );
    let run = project.run().ended(2);
    says_with_hint(&run, "config/field_map.csv line 2: companies.town_hall");
}

#[test]
fn a_question_to_the_org_that_names_what_it_lacks_is_told_and_not_taken_for_no_answer() {
    let project = Project::small();
    project.write(
        "queries/org/existing_accounts.soql",
        "-- grain: one row per account that is not ours\n\
         select Id, Name, Website, Webste from Account where usercom_id__c = null\n",
    );
    let run = project.run().ended(2);
    says_with_hint(&run, "queries/org/existing_accounts.soql");
    says(&run, "No such column 'Webste'");
}

#[test]
fn an_unknown_policy_is_named() {
    let project = Project::small();
    project.write(
        "config/value_policy.csv",
        "object,field,policy,note\nLead,Phone,ignore,\n",
    );
    says_with_hint(
        &project.run().ended(2),
        "config/value_policy.csv line 2, column policy: `ignore` is none of reject, blank_and_keep_raw, truncate_and_attach",
    );
}

#[test]
fn a_scope_that_is_no_sql_is_named() {
    let project = Project::small();
    project.append(
        "migration.toml",
        "\n[scope]\npeople = \"contry = 'Poland'\"\n",
    );
    let run = project.run().ended(2);
    says(&run, "contry");
}

#[test]
fn an_org_that_is_no_simulator_is_not_changed_without_a_yes() {
    let project = Project::small();
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    let run = project.run().ended(2);
    says_with_hint(&run, "needs a confirmation");
    assert!(
        run.stderr.contains("usercom_id__c"),
        "what would be done is not shown"
    );
    assert!(run.error().contains("--yes"));
    let fields = org.rows("SELECT Id FROM Account");
    assert_eq!(fields.len(), 0);
}

#[test]
fn a_project_runs_in_a_folder_whatever_its_name() {
    let project = Project::small();
    let outer = tempfile::tempdir().unwrap();
    for name in ["a?b", "a#b", "a%20b", "a\\b", "a b*[c]"] {
        let folder = outer.path().join(name);
        let stage = project.command(&["stage", "--project", &folder.to_string_lossy()]);
        crate::rehearsal::copy(&project.path(""), &folder);
        let staged = crate::rehearsal::Running::start(stage).wait().ended(0);
        let mut query = project.command(&["query", "--format", "csv"]);
        query.args(["--project", &folder.to_string_lossy()]);
        query.arg("select count(*) as n from usercom.people");
        let found = crate::rehearsal::Running::start(query).wait().ended(0);
        assert_eq!(found.stdout, "n\n6\n", "{name}: {}", staged.stderr);
    }
}

#[test]
fn settings_in_another_encoding_and_places_that_take_no_files_are_bad_input() {
    let project = Project::small();
    let settings = project.read("migration.toml");
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(settings.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    std::fs::write(project.path("migration.toml"), wide).unwrap();
    let told = project.transload(&["plan"]).ended(2);
    assert!(
        told.error()
            .contains("not UTF-8 but UTF-16: save the file as UTF-8"),
        "{}",
        told.stderr
    );
    let mut page = settings.clone().into_bytes();
    page.extend(b"# f\xfcr alle\n");
    std::fs::write(project.path("migration.toml"), page).unwrap();
    let told = project.transload(&["plan"]).ended(2);
    assert!(
        told.error().contains("another code page"),
        "{}",
        told.stderr
    );
    std::fs::write(project.path("a-file"), "x").unwrap();
    for (line, words) in [
        ("staging = \"a-file\"", "leads to a file"),
        ("staging = \"/proc/nowhere\"", "/nowhere"),
    ] {
        project.write("migration.toml", &format!("{line}\n{settings}"));
        let told = project.transload(&["stage"]).ended(2);
        assert!(told.error().contains(words), "{}", told.stderr);
    }
    for (from, to, words) in [
        ("seed = \"org\"", "seed = \"nowhere\"", "the seed folder"),
        ("seed = \"org\"", "api_version = \"inf\"", "must look like"),
        ("seed = \"org\"", "api_version = \"66\"", "must look like"),
    ] {
        project.write("migration.toml", &settings.replace(from, to));
        let told = project.transload(&["plan"]).ended(2);
        assert!(told.error().contains(words), "{}", told.stderr);
    }
}
