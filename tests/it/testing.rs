//! The tests of a project's SQL, as `transload test` runs them.

use crate::support::{Project, Run, assert_run, files};

const CONTACTS: &str = "tests/example/expected/outbox.contact.csv";

/// What `transload init` writes.
fn new_project() -> Project {
    let project = Project::empty();
    assert_eq!(project.run(["init", "new"]).code, Some(0));
    project
}

fn test(project: &Project, more: &[&str]) -> Run {
    let mut arguments = vec!["test", "-p", "new"];
    arguments.extend(more);
    let output = project.command(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Run {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

fn read(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.path("new").join(name)).unwrap()
}

#[test]
fn a_new_project_has_a_case_that_passes_and_tells_when_a_decision_breaks_it() {
    let project = new_project();
    let before = files(&project.path("new"));
    assert_run!(test(&project, &[]), @r"
    exit code: 0
    ----- stdout -----
    example: ok, 3 table(s)

    ----- stderr -----
    testing example
    1 case(s): 0 failed
    ");
    assert_eq!(
        files(&project.path("new")),
        before,
        "nothing is left behind"
    );
    let lifecycle = read(&project, "config/lifecycle.csv");
    assert!(lifecycle.contains("customer,Contact"), "{lifecycle}");
    let changed = lifecycle.replace("customer,Contact", "customer,Lead");
    let project = project.file("new/config/lifecycle.csv", &changed);
    assert_run!(test(&project, &["example"]), @r#"
    exit code: 1
    ----- stdout -----
    example: failed
      outbox.contact: 1 row(s) differ
        - 2: missing: Email "cas@initech.example", FirstName "Cas", LastName "Cole", usercom_id__c "2", usercom_split_reason__c "lifecycle_customer"
      outbox.lead: 1 row(s) differ
        + 2: not expected: Company "initech.example", FirstName "Cas", LastName "Cole", usercom_id__c "2", usercom_split_reason__c "lifecycle_customer"

    ----- stderr -----
    testing example
    1 case(s): 1 failed
    "#);
    let json = test(&project, &["--format", "json"]);
    assert_eq!(json.code, Some(1));
    let reports: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(reports[0]["case"], "example");
    let row = &reports[0]["differences"][0]["rows"][0];
    assert_eq!(
        (&row["key"], &row["problem"]),
        (&"2".into(), &"missing".into())
    );
}

#[test]
fn another_cell_is_told_by_its_column_and_update_writes_what_comes_out() {
    let project = new_project();
    let expected = read(&project, CONTACTS);
    let wrong = expected.replace("Cole", "Coal");
    assert_ne!(expected, wrong);
    let project = project.file(&format!("new/{CONTACTS}"), &wrong);
    let failed = test(&project, &[]);
    assert_eq!(failed.code, Some(1));
    let cell = "    ~ 2: LastName: expected \"Coal\", came to \"Cole\"\n";
    assert!(failed.stdout.contains(cell), "{failed}");
    let updated = test(&project, &["--update"]);
    assert_eq!(updated.code, Some(0), "{updated}");
    assert_eq!(updated.stdout, "example: wrote outbox.contact.csv\n");
    assert_eq!(read(&project, CONTACTS), expected);
    assert_eq!(test(&project, &[]).code, Some(0));
}

#[test]
fn a_case_of_its_own_brings_decisions_options_and_an_org_and_gets_its_expectations() {
    let project = new_project()
        .file(
            "new/tests/owned/export/people.csv",
            "id,email,lifecycle_stage,assigned_to\n1,lee@globex.example,fan,7\n",
        )
        .file(
            "new/tests/owned/export/agents.csv",
            "id,email\n7,ann@acme.example\n",
        )
        .file(
            "new/tests/owned/config/lifecycle.csv",
            "lifecycle_stage,target\nfan,Contact\n",
        )
        .file(
            "new/tests/owned/options.toml",
            "companyless_customers = \"private_contact\"\n",
        )
        .file(
            "new/tests/owned/org/users.csv",
            "id,email,is_active,user_type\n005ann,Ann@Acme.example,true,Standard\n",
        );
    let nothing = test(&project, &["owned"]);
    assert_eq!(nothing.code, Some(2));
    assert!(
        nothing.stderr.contains("the case owned expects nothing"),
        "{nothing}"
    );
    assert!(nothing.stderr.contains("hint: add --update"), "{nothing}");
    let updated = test(&project, &["owned", "--update"]);
    assert_eq!(updated.code, Some(0), "{updated}");
    let contact = read(&project, "tests/owned/expected/outbox.contact.csv");
    let mut lines = contact.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let cells: Vec<&str> = lines.next().unwrap().split(',').collect();
    let owner = header.iter().position(|name| *name == "OwnerId").unwrap();
    assert_eq!(cells[owner], "005ann");
    assert!(
        !header.contains(&"MailingCity"),
        "no column is written that is empty"
    );
    assert_eq!(test(&project, &["owned"]).code, Some(0));
}

#[test]
fn a_case_may_expect_what_staging_counts_and_tells_with_settings_of_its_source() {
    let header = "name,source_rows,staged,rejected_rows,columns,told\n";
    let report = "tests/read/expected/stage.report.csv";
    let project = new_project()
        .file(
            "new/tests/read/export/people.csv",
            "id,email,created_at\n1,lee@globex.example,2026-07-01 12:00:00\nx,no@globex.example,\n",
        )
        .file("new/tests/read/export/notes.md", "read me\n")
        .file(
            "new/tests/read/source.toml",
            "timezone = \"Europe/Warsaw\"\n",
        )
        .file(
            "new/tests/read/expected/usercom.people.csv",
            "id,created_at\n1,2026-07-01T10:00:00Z\n",
        );
    let aside = test(&project, &["read"]);
    assert_eq!(aside.code, Some(2), "{aside}");
    assert!(
        aside
            .stderr
            .contains("export/notes.md, which is not staged"),
        "{aside}"
    );
    let project = project.file(&format!("new/{report}"), header);
    let told = test(&project, &["read"]);
    assert_eq!(told.code, Some(1), "{told}");
    assert!(
        told.stdout.contains("stage.report: 2 row(s) differ")
            && !told.stdout.contains("usercom.people"),
        "{told}"
    );
    assert_eq!(test(&project, &["read", "--update"]).code, Some(0));
    let written = read(&project, report);
    let people = "people,2,1,1,id; email; created_at,";
    assert!(written.lines().any(|line| line == people), "{written}");
    let notes = written
        .lines()
        .find(|line| line.starts_with("notes.md,,,,,"));
    assert!(
        notes.unwrap().contains("neither .csv nor .jsonl"),
        "{written}"
    );
    let wrong = written.replace("people,2,1,1", "people,2,2,0");
    let project = project.file(&format!("new/{report}"), &wrong);
    let counted = test(&project, &["read"]);
    let cell = "    ~ people: staged: expected \"2\", came to \"1\"\n";
    assert!(counted.stdout.contains(cell), "{counted}");
    let project = project.file(&format!("new/{report}"), "name,stagd\n");
    let unknown = test(&project, &["read"]);
    assert_eq!(unknown.code, Some(2), "{unknown}");
    assert!(
        unknown.stderr.contains("did you mean `staged`?"),
        "{unknown}"
    );
}

#[test]
fn what_is_wrong_with_a_case_is_bad_input_and_said() {
    let cases = [
        (
            "tests/example/expected/outbox.contakt.csv",
            "a\n",
            "expects outbox.contakt, which no query makes",
            "did you mean `outbox.contact`?",
        ),
        (
            CONTACTS,
            "usercom_id__c,LastNam\n",
            "expects outbox.contact.LastNam, which the table does not have",
            "did you mean `LastName`?",
        ),
        (
            "tests/example/expected/notes.txt",
            "x",
            "has expected/notes.txt, which is read by nobody",
            "expected/SCHEMA.TABLE.csv",
        ),
        (
            "tests/example/export/pepole.csv",
            "id\n1\n",
            "has export/pepole.csv, which is not staged",
            "such as people.csv",
        ),
        (
            "tests/example/org/userz.csv",
            "id\n1\n",
            "has org/userz.csv, which cannot be read: known are",
            "",
        ),
        (
            "tests/other/expected/outbox.lead.csv",
            "usercom_id__c\n",
            "the case other has no export/",
            "as small as they can be",
        ),
    ];
    for (file, text, message, hint) in cases {
        let project = new_project().file(&format!("new/{file}"), text);
        let run = test(&project, &[]);
        assert_eq!(run.code, Some(2), "{file}: {run}");
        assert!(run.stderr.contains(message), "{file}: {run}");
        assert!(run.stderr.contains(hint), "{file}: {run}");
    }
    let project = new_project();
    let run = test(&project, &["exampel"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("there is no case `exampel`"), "{run}");
    assert!(run.stderr.contains("did you mean `example`?"), "{run}");
    std::fs::remove_dir_all(project.path("new/tests")).unwrap();
    let run = test(&project, &[]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("there is no case in "), "{run}");
}
