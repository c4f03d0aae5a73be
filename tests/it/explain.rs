//! One row's story, the file of rows that did not land, and rules of `[scope]` that ask other tables.

use serde_json::Value;

use crate::rehearsal::Project;

#[test]
#[ignore = "long: several migrations"]
fn a_row_is_told_from_its_line_to_its_error_and_what_waits_for_it() {
    let project = Project::small();
    project.append(
        "migration.toml",
        "\n[gates]\nmax_failed_percent = 100.0\n\n[scope]\npeople = \"company_id in (select c.id from usercom.companies as c where \
         c.city = 'Paris')\"\n",
    );
    project.write(
        "config/value_policy.csv",
        "object,field,policy\nContact,LastName,blank_and_keep_raw\n",
    );
    // A last name may not stay blank, so the policy and the org do not go together.
    let long = format!("Cas {}", "o".repeat(90));
    project.edit("export/people.csv", "Cas Cole", &long);
    project.append(
        "export/people.csv",
        "3,older@globex.example,,Cas,lead,10,,x7,f,,2020-01-01T00:00:00Z\n",
    );
    let run = project.carry().ended(0);
    assert_eq!(
        project
            .set("select f.key from recon.fates as f where f.load = 'lead' and f.reason = 'scope'"),
        ["2", "6"].map(str::to_owned).into(),
        "a rule may ask other tables"
    );

    let story = explained(&project, &["people", "3"]);
    let place = |version: &Value| (version["line"].as_u64(), version["counts"].as_bool());
    let versions: Vec<_> = story["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(place)
        .collect();
    assert_eq!(versions, [(Some(4), Some(true)), (Some(8), Some(false))]);
    assert_eq!(story["rejected"][0]["column"], "score");
    assert_eq!(story["rejected"][0]["value"], "x7");
    let says = |what: &str| {
        let decisions = story["decisions"].as_array().unwrap();
        let found = decisions.iter().find(|decision| decision["what"] == what);
        found.map(|found| found["says"].as_str().unwrap().to_owned())
    };
    assert_eq!(says("lifecycle_stage customer").as_deref(), Some("Contact"));
    assert_eq!(says("people").as_deref(), Some("inside"));
    let load = &story["loads"][0];
    assert_eq!(
        (load["load"].as_str(), load["fate"].as_str()),
        (Some("contact"), Some("sent"))
    );
    assert_eq!(load["record"]["outcome"], "failed");
    assert_eq!(load["record"]["error_code"], "REQUIRED_FIELD_MISSING");
    assert_eq!(load["attempts"].as_array().unwrap().len(), 1);
    let text = told(&project, &["people", "3"]);
    assert!(
        text.contains("people.csv, line 8 (record 7): an older version"),
        "{text}"
    );
    assert!(
        text.contains("REQUIRED_FIELD_MISSING: give the field a value"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );

    // A company's people hang on its record; each of the record's names leads to the same story.
    let company = explained(&project, &["companies", "10"]);
    let child = |load: &str| {
        let children = company["children"].as_array().unwrap();
        let found = children.iter().find(|child| child["load"] == load);
        found.map(|child| (child["through"].clone(), child["rows"].as_u64().unwrap()))
    };
    assert_eq!(child("opportunity"), Some(("AccountId".into(), 1)));
    let id = company["loads"][0]["record"]["id"].as_str().unwrap();
    assert_eq!(explained(&project, &[id]), company);
    assert_eq!(explained(&project, &[&id[..15]]), company);
    assert_eq!(explained(&project, &["lee@globex.example"])["id"], "1");
    let outside = told(&project, &["person", "2"]);
    assert!(outside.contains("out_of_scope, scope"), "{outside}");
    let nobody = project.transload(&["explain", "people", "77"]).ended(2);
    assert!(nobody.error().contains("there is no `77` among people"));

    // The row as it was sent, then the error and what to do.
    let failed = project.report("failed-contact.csv");
    let mut rows = csv::Reader::from_reader(failed.as_bytes());
    let head = rows.headers().unwrap().clone();
    let row = rows.records().next().unwrap().unwrap();
    let cell = |name: &str| &row[head.iter().position(|head| head == name).unwrap()];
    assert_eq!(
        (cell("Email"), cell("LastName")),
        ("cas@globex.example", "")
    );
    assert!(
        cell("error").starts_with("REQUIRED_FIELD_MISSING: "),
        "{failed}"
    );
    assert!(
        cell("remedy").starts_with("give the field a value"),
        "{failed}"
    );
    assert_eq!(&head[head.len() - 2], "error");
    assert!(run.stderr.contains("failed-contact.csv"), "{}", run.stderr);
}

#[test]
#[ignore = "long: several migrations"]
fn a_story_tells_file_and_line_of_each_decision_and_asks_the_org_when_told_to() {
    let project = Project::small();
    project.write(
        "config/value_policy.csv",
        "object,field,policy,note\nAccount,Name,truncate_and_attach,\nLead,Email,blank_and_keep_raw,\n",
    );
    project.write(
        "config/lifecycle.csv",
        "lifecycle_stage,target,note\nsubscriber,Lead,\nlead,Lead,\nmql,Lead,\ncustomer,Contact,\nevangelist,Contact,\n",
    );
    project.edit("export/people.csv", "lee@globex.example", "lee at globex");
    // An address of a provider names no company.
    project.edit("export/people.csv", "fay@nowhere.example", "fay@gmail.com");
    project.carry().ended(0);
    let places = |id: &str| {
        let story = explained(&project, &["people", id]);
        let decisions = story["decisions"].as_array().unwrap().iter();
        let told = decisions.map(|one| {
            let word = |name: &str| one[name].as_str().unwrap().to_owned();
            format!(
                "{} | {} | {}",
                word("decided_in"),
                word("what"),
                word("says")
            )
        });
        told.collect::<Vec<String>>()
    };
    let lee = places("1");
    for line in [
        "config/lifecycle.csv line 3 | lifecycle_stage lead | Lead",
        "config/value_policy.csv line 3 | Lead.Email invalid_email | blank_and_keep_raw, blanked",
    ] {
        assert!(lee.iter().any(|told| told == line), "{lee:#?}");
    }
    let fay = places("6");
    let company = fay.iter().find(|told| told.contains("Lead.Company"));
    let company = company.unwrap_or_else(|| panic!("{fay:#?}"));
    assert!(company.starts_with("config/defaults.csv"), "{company}");

    // What the tables say, then what the org says after somebody changed the record.
    let before = explained(&project, &["people", "3"]);
    assert_eq!(before["embedded"], true);
    assert!(before["loads"][0].get("now").is_none());
    let text = told(&project, &["people", "3"]);
    assert!(text.contains("`--now` asks the org"), "{text}");
    let id = before["loads"][0]["record"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let org = project.org();
    org.change("Contact", &id, serde_json::json!({"MailingCity": "Rome"}));
    drop(org);
    let now = &explained(&project, &["people", "3", "--now"])["loads"][0]["now"];
    assert_eq!(now["is_there"], true);
    let differences = now["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1, "{now:#}");
    assert_eq!(
        ["field", "sent", "found"].map(|name| differences[0][name].as_str().unwrap()),
        ["MailingCity", "Paris", "Rome"]
    );
    let values = now["values"].as_array().unwrap();
    let last = values.iter().find(|cell| cell["column"] == "LastName");
    assert_eq!(last.unwrap()["value"], "Cole");
    let text = told(&project, &["people", "3", "--now"]);
    assert!(
        text.contains("now: MailingCity is Rome, sent was Paris"),
        "{text}"
    );
    let others = told(&project, &["people", "2", "--now"]);
    assert!(others.contains("now: all as it was sent"), "{others}");
}

#[test]
#[ignore = "long: several migrations"]
fn the_file_of_failed_rows_has_all_of_them() {
    let project = Project::small();
    project.append("migration.toml", "\n[gates]\nmax_failed_percent = 100.0\n");
    project.write(
        "config/value_policy.csv",
        "object,field,policy\nLead,LastName,blank_and_keep_raw\n",
    );
    let long = "o".repeat(90);
    let more: String = (100..10_150)
        .map(|id| {
            format!("{id},p{id}@globex.example,,\"Żur {long}\",lead,10,,,f,,2026-01-01T00:00:00Z\n")
        })
        .collect();
    project.append("export/people.csv", &more);
    project.carry();
    let failed = project.report("failed-lead.csv");
    // Letters beyond ASCII: a spreadsheet needs the mark.
    let failed = failed.strip_prefix('\u{feff}').unwrap();
    let mut rows = csv::Reader::from_reader(failed.as_bytes());
    let at = rows
        .headers()
        .unwrap()
        .iter()
        .position(|head| head == "usercom_id__c")
        .unwrap();
    let keys: Vec<u32> = rows
        .records()
        .map(|row| row.unwrap()[at].parse().unwrap())
        .collect();
    assert_eq!(keys, (100..10_150).collect::<Vec<u32>>());
}

#[test]
fn a_rule_of_the_scope_is_blamed_for_its_own_mistake() {
    let project = Project::small();
    project.append(
        "migration.toml",
        "\n[scope]\npeople = \"company_id in (select c.ident from usercom.companies as c)\"\n",
    );
    let run = project.carry().ended(2);
    assert!(
        run.stderr
            .contains("the rule for people under [scope] in migration.toml cannot be planned"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("ident"), "{}", run.stderr);
}

#[test]
#[ignore = "long: several migrations"]
fn a_simulated_org_is_thrown_away_and_made_anew_from_its_seed() {
    let project = Project::loaded();
    let before = project.orgs();
    let append = "cleo@acme.example.crm,cleo@acme.example,Cleo,Cray,true,Standard,cleo\n";
    project.append("org/User.csv", append);
    project.transload(&["sim", "reset"]).ended(0);
    project.carry().ended(0);
    let after: Vec<String> = project
        .orgs()
        .into_iter()
        .filter(|org| !before.contains(org))
        .collect();
    assert_eq!(after.len(), 1, "{after:?}");
    let users = "select u.email from org.users as u where u.username = 'cleo@acme.example.crm'";
    assert_eq!(project.table_of(Some(&after[0]), users).len(), 1);
}

#[test]
fn what_becomes_no_record_of_its_own_is_told_by_what_names_it() {
    let project = Project::loaded();
    let agent = explained(&project, &["agents", "7001"]);
    let named: Vec<String> = agent["named_by"]
        .as_array()
        .unwrap()
        .iter()
        .map(|named| format!("{}.{} {}", named["source"], named["column"], named["rows"]))
        .collect();
    let of = |line: &str| named.iter().any(|named| named.replace('"', "") == line);
    assert!(of("people.assigned_to_id 2"), "{named:?}");
    assert!(of("companies.assigned_to_id 1"), "{named:?}");
    let decided = agent["decisions"].as_array().unwrap();
    let user = decided.iter().find(|row| row["what"] == "owner 7001");
    let user = user.unwrap()["says"].as_str().unwrap();
    assert!(user.ends_with("ann@acme.example"), "{user}");
    let text = told(&project, &["agents", "7001"]);
    assert!(text.contains("it becomes no record of its own"), "{text}");
    let stage = told(&project, &["stages", "11"]);
    assert!(
        stage.contains("deals.stage_id: 1 row(s), such as 5"),
        "{stage}"
    );
}

#[test]
fn a_number_that_the_export_only_names_is_told_by_what_names_it() {
    let project = Project::small();
    std::fs::remove_file(project.path("export/agents.csv")).unwrap();
    project.transload(&["stage"]).ended(0);
    let text = told(&project, &["agents", "7001"]);
    for line in [
        "the export has no row of it",
        "people.assigned_to_id: 2 row(s)",
    ] {
        assert!(text.contains(line), "{text}");
    }
    project.transload(&["explain", "agents", "7009"]).ended(2);
}

fn told(project: &Project, what: &[&str]) -> String {
    let run = project.transload(&[&["explain"], what].concat()).ended(0);
    run.stdout
}

fn explained(project: &Project, what: &[&str]) -> Value {
    let run = project.transload(&[&["explain", "--format", "json"], what].concat());
    serde_json::from_str(&run.ended(0).stdout).unwrap()
}
