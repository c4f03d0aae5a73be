//! Records side by side: the source's own values, and what stands in the org.

use std::collections::{BTreeMap, BTreeSet};

use crate::rehearsal::Project;

/// All records, a map per field.
fn sampled(project: &Project, code: i32) -> Vec<BTreeMap<String, String>> {
    let arguments = ["reconcile", "--sample", "500", "--out", "sample.csv"];
    let out = project.path("sample.csv");
    let out = out.to_string_lossy();
    let arguments = arguments.map(|word| if word == "sample.csv" { &*out } else { word });
    project.transload(&arguments).ended(code);
    let text = project.read("sample.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// The sheet of a sample with the last columns filled in for some lines, as a spreadsheet writes it.
fn filled_in(
    project: &Project,
    fill: impl Fn(&BTreeMap<String, String>) -> Option<[&'static str; 4]>,
) {
    let text = project.read("sample.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let mut sheet = csv::WriterBuilder::new()
        .delimiter(b';')
        .from_writer(Vec::new());
    sheet.write_record(&head).unwrap();
    for row in reader.deserialize() {
        let mut row: BTreeMap<String, String> = row.unwrap();
        if let Some(verdict) = fill(&row) {
            for (column, value) in ["verdict", "checked_by", "checked_on", "remark"]
                .iter()
                .zip(verdict)
            {
                row.insert((*column).to_owned(), value.to_owned());
            }
        }
        sheet
            .write_record(head.iter().map(|name| &row[name]))
            .unwrap();
    }
    let text = String::from_utf8(sheet.into_inner().unwrap()).unwrap();
    project.write(
        "sheet.csv",
        &format!("\u{feff}{}", text.replace('\n', "\r\n")),
    );
}

#[test]
#[ignore = "long: several migrations"]
fn what_people_checked_by_eye_is_read_back_kept_and_shown() {
    let (project, _org, _) = Project::loaded_into_an_org();
    project.edit(
        "migration.toml",
        "[options]",
        "[source]\nlinks = { people = \"https://acme.user.com/people/{id}/\" }\n\n[options]",
    );
    let verify = || {
        let sheet = project.path("sheet.csv");
        project.transload(&[
            "reconcile",
            "--verified",
            &sheet.to_string_lossy(),
            "--format",
            "json",
        ])
    };
    project.write(
        "sheet.csv",
        "load,key,salesforce_id,field,verdict,checked_by,checked_on\n",
    );
    assert!(
        verify()
            .ended(2)
            .error()
            .contains("no sample was drawn so far")
    );

    let rows = sampled(&project, 0);
    for row in &rows {
        assert!(
            row["link"].starts_with("http://127.0.0.1:")
                && row["link"].ends_with(&row["salesforce_id"]),
            "{row:?}"
        );
        assert_eq!(row["verdict"], "");
    }
    let contact = rows
        .iter()
        .find(|row| row["load"] == "contact" && row["key"] == "3")
        .unwrap();
    assert_eq!(contact["source_link"], "https://acme.user.com/people/3/");

    let is_of = |row: &BTreeMap<String, String>, field: &str| {
        row["load"] == "contact" && row["key"] == "3" && row["field"] == field
    };
    filled_in(&project, |row| {
        (is_of(row, "LastName") || is_of(row, "Email")).then_some([
            "Right",
            "Ann",
            "24.11.2026",
            "",
        ])
    });
    let told: serde_json::Value = serde_json::from_str(&verify().ended(0).stdout).unwrap();
    assert_eq!(
        told,
        serde_json::json!({"records": 1, "fields": 2, "wrong": 0, "open": rows.len() - 2})
    );

    // A second look at one of the fields.
    filled_in(&project, |row| {
        is_of(row, "Email").then_some(["wrong", "Ben", "2026-11-25", "an old address"])
    });
    verify().ended(1);
    let kept = project.read("config/verified.csv");
    let id = &contact["salesforce_id"];
    assert_eq!(
        kept,
        format!(
            "record_id,load,key,field,verdict,checked_by,checked_on,remark\n{id},contact,3,LastName,right,Ann,2026-11-24,\n\
             {id},contact,3,Email,wrong,Ben,2026-11-25,an old address\n"
        )
    );
    let run = project.transload(&["report", "--format", "json"]).ended(0);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let rows_of = |query: &str| -> Vec<String> {
        let parts = report["parts"].as_array().unwrap();
        let part = parts
            .iter()
            .find(|part| part["query"] == format!("queries/report/run/{query}.sql"))
            .unwrap();
        let rows = part["table"]["rows"].as_array().unwrap();
        rows.iter().map(ToString::to_string).collect()
    };
    let side_by_side = rows_of("samples");
    assert_eq!(side_by_side.len(), rows.len().min(200));
    let email = side_by_side
        .iter()
        .find(|row| row.starts_with("[\"contact\",\"3\",\"Email\""))
        .unwrap();
    assert!(
        email.contains("\"wrong\"") && email.contains("https://acme.user.com/people/3/"),
        "{email}"
    );
    assert_eq!(
        side_by_side
            .iter()
            .filter(|row| row.contains("\"right\""))
            .count(),
        1
    );
    assert_eq!(rows_of("verified").len(), 2);

    // What nobody drew is no verdict, and nothing of such a sheet is taken.
    let stranger = project
        .read("sheet.csv")
        .replace(id.as_str(), "003000000000001AAA");
    project.write("sheet.csv", &stranger);
    let refused = verify().ended(2);
    assert!(
        refused.error().contains("is about no record of the sample")
            && refused.error().contains("line "),
        "{}",
        refused.error()
    );
    assert_eq!(project.read("config/verified.csv"), kept);
}

fn cell<'a>(
    rows: &'a [BTreeMap<String, String>],
    (load, key, field): (&str, &str, &str),
    column: &str,
) -> &'a str {
    let row = rows
        .iter()
        .find(|row| row["load"] == load && row["key"] == key && row["field"] == field);
    &row.unwrap_or_else(|| panic!("no {load} {key} {field}"))[column]
}

#[test]
#[ignore = "long: several migrations"]
fn every_record_of_a_load_with_a_source_shows_values_of_the_source() {
    let project = Project::small();
    project.write(
        "export/activities.csv",
        "id,name,type,user_id,done\n17,Call,call,3,t\n",
    );
    project.write(
        "export/notes.csv",
        "id,user_id,content\n800,3,A note on Cas\n",
    );
    project.write(
        "export/products.csv",
        "id,name,price,currency\n900,Basic,10,PLN\n",
    );
    project.write(
        "export/deal_products.csv",
        "id,deal_id,product_id,quantity,price\n1,50,900,2,50.25\n",
    );
    project.edit("export/people.csv", "id,email", "tags,id,email");
    let tagged: String = project
        .read("export/people.csv")
        .lines()
        .enumerate()
        .map(|(line, text)| {
            if line == 0 {
                format!("{text}\n")
            } else {
                format!("vip,{text}\n")
            }
        })
        .collect();
    project.write("export/people.csv", &tagged);
    project.carry().ended(0);
    let rows = sampled(&project, 0);
    let with: BTreeSet<(&str, &str)> = rows
        .iter()
        .filter(|row| row["source_values"].contains('='))
        .map(|row| (&*row["load"], &*row["key"]))
        .collect();
    for row in &rows {
        let record = (&*row["load"], &*row["key"]);
        let is_ours = row["source_values"] == "source: none";
        assert!(with.contains(&record) != is_ours, "{row:?}");
    }
    for (place, value) in [
        (("task", "activity:17", "Subject"), "activities.name=Call"),
        (
            ("contact", "3", "Phone"),
            "people.phone_number=+48 600 100 200",
        ),
    ] {
        let values = cell(&rows, place, "source_values");
        assert!(values.split("; ").any(|other| other == value), "{values}");
        assert_eq!(cell(&rows, place, "comparison"), "equal", "{place:?}");
    }
    let loads: BTreeSet<&str> = with.iter().map(|(load, _)| *load).collect();
    for load in [
        "content_note",
        "content_document_link",
        "opportunity_line_item",
        "opportunity_contact_role",
        "topic",
        "topic_assignment",
        "standard_price",
    ] {
        assert!(loads.contains(load), "{load}: {loads:?}");
    }
}

#[test]
#[ignore = "long: several migrations"]
fn two_columns_that_the_sql_swaps_are_different_in_the_sample() {
    let project = Project::small();
    project.edit("export/companies.csv", "id,name", "id,description,name");
    let described: String = project
        .read("export/companies.csv")
        .replace("10,", "10,Maker of globes,")
        .replace("11,", "11,,")
        .replace("12,", "12,,");
    project.write("export/companies.csv", &described);
    project.override_query("queries/load/account.sql", |sql| {
        sql.replace("company.city as", "company.swapped as")
            .replace("company.description as", "company.city as")
            .replace("company.swapped as", "company.description as")
    });
    project.carry().ended(0);
    let rows = sampled(&project, 1);
    for field in ["BillingCity", "Description"] {
        let of = |column| cell(&rows, ("account", "10", field), column);
        assert_eq!(
            (of("same"), of("comparison")),
            ("no", "different"),
            "{field}"
        );
    }
    assert_eq!(cell(&rows, ("account", "10", "Name"), "same"), "yes");
}
