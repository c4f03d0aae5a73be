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
