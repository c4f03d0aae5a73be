//! Claims about decision files: what is read however it was saved, and what is refused with its place.

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;

/// A project with these decision files.
fn project(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("config")).unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join("config").join(name), bytes).unwrap();
    }
    folder
}

fn findings(name: &str, text: &str) -> Vec<String> {
    let project = project(&[(name, text.as_bytes())]);
    let found = check_decisions(project.path());
    found.iter().map(ToString::to_string).collect()
}

/// The rows of one file as they are published.
fn rows(name: &str, bytes: &[u8]) -> Vec<BTreeMap<String, String>> {
    let project = project(&[(&format!("{name}.csv"), bytes)]);
    let (files, findings) = read_all(project.path());
    assert_eq!(findings, Vec::new());
    let file = files.into_iter().find(|file| file.name == name).unwrap();
    let header = file.text.header;
    let row = |row: text::Row| header.iter().cloned().zip(row.cells).collect();
    file.text.rows.into_iter().map(row).collect()
}

#[test]
fn every_template_is_right() {
    let project = project(&[]);
    let (files, findings) = read_all(project.path());
    assert_eq!((files.len(), findings), (templates().count(), Vec::new()));
}

#[test]
fn words_are_taken_whatever_their_case_and_misspelt_ones_name_the_nearest() {
    let read = rows(
        "lifecycle",
        b"lifecycle_stage,target,note\ncustomer,contact,\n",
    );
    assert_eq!(read[0]["target"], "Contact");
    let told = findings(
        "lifecycle.csv",
        "lifecycle_stage,target,note\ncustomer,Contct,\nlead,Account,\nmql,,\n",
    );
    assert_eq!(
        told,
        [
            "config/lifecycle.csv line 2, column target: `Contct` is none of Lead, Contact, Hold; did you mean `Contact`?",
            "config/lifecycle.csv line 3, column target: `Account` is none of Lead, Contact, Hold",
            "config/lifecycle.csv line 4, column target: is empty: nobody has decided yet, and the line counts as not written",
        ]
    );
}

#[test]
fn numbers_are_read_as_people_write_them_and_refused_where_they_mean_nothing() {
    let matrix = "pipeline;stage;status;stage_name;probability;note\nSales;Open;won;Prospecting;10%;\nSales;Open;lost;Lost;12,5;\n";
    let read = rows("stage_matrix", matrix.as_bytes());
    assert_eq!(
        (
            read[0]["probability"].as_str(),
            read[1]["probability"].as_str()
        ),
        ("10", "12.5")
    );
    let read = rows("rates", "\u{feff}currency;rate\r\neur;4,30\r\n".as_bytes());
    assert_eq!(
        (read[0]["currency"].as_str(), read[0]["rate"].as_str()),
        ("EUR", "4.30")
    );
    let told = findings(
        "rates.csv",
        "currency,rate\nEUR,-1\nUSD,0\nGBP,NaN\nCHF,1e400\nEURO,1\nNOK,\"1.234,5\"\nPLN,2\npln,3\n",
    );
    assert_eq!(
        told,
        [
            "config/rates.csv line 2, column rate: `-1` is no number above 0",
            "config/rates.csv line 3, column rate: `0` is no number above 0",
            "config/rates.csv line 4, column rate: `NaN` is no number above 0",
            "config/rates.csv line 5, column rate: `1e400` is no number above 0",
            "config/rates.csv line 6, column currency: `EURO` is no code of 3 letters",
            "config/rates.csv line 7, column rate: `1.234,5` is no number above 0",
            "config/rates.csv line 9, column currency: `PLN` is decided in line 8 already: take one of the two out",
        ]
    );
    let told = findings(
        "stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\nSales,Open,won,Won,110,\n",
    );
    assert_eq!(
        told,
        [
            "config/stage_matrix.csv line 2, column probability: `110` is no percentage from 0 to 100"
        ]
    );
}

#[test]
fn dates_are_read_where_there_is_no_doubt_about_them() {
    let text = |value: &str| format!("object,field,value,note\nOpportunity,CloseDate,{value},\n");
    for written in ["2026-12-31", "31.12.2026", "31/12/2026", "12/31/2026"] {
        assert_eq!(
            rows("defaults", text(written).as_bytes())[0]["value"],
            "2026-12-31"
        );
    }
    for doubtful in ["03/04/2026", "soon", "31.02.2026"] {
        let told = findings("defaults.csv", &text(doubtful));
        assert!(
            told[0].ends_with("is no date: write 2026-12-31"),
            "{told:?}"
        );
    }
}

#[test]
fn files_are_read_however_a_spreadsheet_saved_them() {
    let text = "sep=;\nlifecycle_stage;target;note;;\nkunde;Contact;für \u{142};;\n;;;;\n";
    let read = rows("lifecycle", text.as_bytes());
    assert_eq!(read[0]["note"], "für \u{142}");
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert_eq!(rows("lifecycle", &wide), read);
    let project = project(&[(
        "lifecycle.csv",
        b"lifecycle_stage,target,note\nkunde,Contact,f\xfcr\n",
    )]);
    let told = check_decisions(project.path());
    assert_eq!((told.len(), told[0].line), (1, Some(2)));
    assert!(told[0].problem.contains("save the file as `CSV UTF-8`"));
}

#[test]
fn ragged_rows_missing_columns_and_rows_that_say_nothing_are_told() {
    let told = findings(
        "owners.csv",
        "owner_id,owner_email,user_mail,note\n1,,a@b.co,,\n1,,a@b.co,x,y\n",
    );
    assert_eq!(
        told,
        [
            "config/owners.csv line 3: 5 cells, but the header has 4: put quotes around a cell that holds the sign between cells",
            "config/owners.csv line 1: has no column `user_email`; did you mean `user_mail`?",
        ]
    );
    let told = findings(
        "owners.csv",
        "owner_id,owner_email,user_email,note\n,,ann@x.co,\n1,,nobody,\n",
    );
    assert_eq!(
        told,
        [
            "config/owners.csv line 2: needs one of the columns owner_id, owner_email",
            "config/owners.csv line 3, column user_email: `nobody` is no e-mail address",
        ]
    );
}

#[test]
fn copies_with_other_names_are_named_and_what_systems_leave_is_not() {
    let project = project(&[
        ("rates \u{2014} kopia.csv", b"currency,rate\n"),
        ("Rates#2.csv", b"currency,rate\n"),
        (".~lock.rates.csv", b""),
        ("notes.txt", b""),
        ("regions.csv", b"a,b\n1,2\n"),
    ]);
    let told: Vec<String> = check_decisions(project.path())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter()
            .all(|line| line.ends_with("did you mean `config/rates.csv`?")),
        "{told:?}"
    );
}

#[test]
fn a_match_names_a_record_of_its_own_object() {
    let told = findings(
        "matches.csv",
        "object,usercom_id,salesforce_id,decision\nAccount,10,0014B00000abcde,same\nContact,3,0014B00000abcde,same\nLead,1,,new\n",
    );
    assert_eq!(
        told,
        [
            "config/matches.csv line 3, column salesforce_id: `0014B00000abcde` is no id of Contact: those begin with 003"
        ]
    );
}

#[test]
fn words_of_automations_are_brought_into_form_and_others_stay_as_they_are_and_are_told() {
    let text = "automation,triggers,conditions\nWelcome,new CONTACT|tag aded |,A/B Split | when it rains\n";
    let project = project(&[("automations.csv", text.as_bytes())]);
    let (files, findings) = read_all(project.path());
    let file = files
        .iter()
        .find(|file| file.name == "automations")
        .unwrap();
    assert_eq!(file.text.rows[0].cells[1], "New contact | tag aded");
    assert_eq!(file.text.rows[0].cells[2], "A/B split | when it rains");
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "config/automations.csv line 2, column triggers: `tag aded` is no word of the list, and stays as free text; did you mean `Tag added`?",
            "config/automations.csv line 2, column conditions: `when it rains` is no word of the list, and stays as free text",
        ]
    );
    assert!(!findings.iter().any(Finding::is_error));
}

#[test]
fn every_trigger_has_a_counterpart_whatever_the_automation_does() {
    let rules = rows(
        "automation_counterparts",
        template("automation_counterparts").unwrap().as_bytes(),
    );
    for trigger in vocabulary::TRIGGERS {
        let plain = |rule: &&BTreeMap<String, String>| {
            rule["trigger"] == trigger && rule["actions"].is_empty()
        };
        assert_eq!(rules.iter().filter(plain).count(), 1, "{trigger}");
    }
}

#[test]
fn a_proposal_counts_once_it_is_signed_and_a_class_of_the_projects_own_is_none() {
    let header = "pipeline,stage,status,stage_name,class,confirmed_by,confirmed_at\n";
    let told = findings(
        "stage_matrix.csv",
        &format!("{header}Sales,a,won,Closed Won,likely,,\nSales,b,won,Closed Won,Certain,anna,\n"),
    );
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with(
            "config/stage_matrix.csv line 2, column stage_name: is proposed and nobody has confirmed it"
        ),
        "{told:?}"
    );
    let project = project(&[(
        "stage_matrix.csv",
        format!(
            "{header}Sales,a,won,Closed Won,likely,,\nSales,b,won,Closed Won,likely,anna,2026-02-20\n\
             Sales,c,won,Closed Won,,,\nSales,d,won,Closed Won,big,,\n"
        )
        .as_bytes(),
    )]);
    let rows = decision_rows(project.path(), "stage_matrix").unwrap();
    let stages: Vec<&str> = rows.iter().map(|row| row.get("stage")).collect();
    assert_eq!(stages, ["b", "c", "d"]);
}

#[test]
fn a_file_that_would_be_read_under_another_name_is_told() {
    let project = project(&[
        ("Lifecycle.csv", b"lifecycle_stage,target\nlead,Contact\n"),
        ("rates.CSV", b"currency,rate\nEUR,4\n"),
        ("owners.xlsx", b"PK"),
        ("matches.csv.txt", b"object\n"),
        ("countries.csv", b"country,code\n"),
        ("countries.xlsx", b"PK"),
        ("notes.txt", b"mine"),
    ]);
    let told = check_decisions(project.path());
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    for (file, near) in [
        ("Lifecycle.csv", "lifecycle"),
        ("matches.csv.txt", "matches"),
        ("owners.xlsx", "owners"),
        ("rates.CSV", "rates"),
    ] {
        let found = told.iter().any(|told| {
            told.starts_with(&format!("config/{file}: is read by nobody"))
                && told.ends_with(&format!("did you mean `config/{near}.csv`?"))
        });
        assert!(found, "{file}: {told:#?}");
    }
    let beside = "config/countries.xlsx: is read by nobody, config/countries.csv is";
    let found = told.iter().any(|told| told.contains(beside));
    assert!(found, "{told:#?}");
    assert_eq!(told.len(), 5, "{told:#?}");
}

#[test]
fn a_mail_provider_is_a_domain() {
    let read = rows("free_mail_domains", b"domain\n@Poczta.example\nbar.pl\n");
    assert_eq!(
        (&*read[0]["domain"], &*read[1]["domain"]),
        ("poczta.example", "bar.pl")
    );
    let told = findings(
        "free_mail_domains.csv",
        "domain\nhttp://foo.pl\nfoo\na@b.pl\n",
    );
    assert_eq!(told.len(), 3, "{told:#?}");
}
