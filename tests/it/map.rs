//! The field map proposed, confirmed, applied, and stale.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::rehearsal::Project;

/// Attributes of people as the source declares them.
const ATTRIBUTES: &str = "\
    {\"id\":1,\"name\":\"Stanowisko\",\"name_std\":\"stanowisko\",\"value_type\":\"string\",\"content_type\":\"clientuser\"}\n\
    {\"id\":2,\"name\":\"Temperatura\",\"name_std\":\"temperatura\",\"value_type\":\"string\",\"content_type\":\"clientuser\"}\n\
    {\"id\":3,\"name\":\"Liczba psów\",\"name_std\":\"liczba_psow\",\"value_type\":\"integer\",\"content_type\":\"clientuser\"}\n\
    {\"id\":4,\"name\":\"Work e-mail\",\"name_std\":\"work_email\",\"value_type\":\"string\",\"content_type\":\"clientuser\"}\n";

/// People with a job, a temperature, dogs and a second address.
pub(crate) fn attributed() -> Project {
    let project = Project::small();
    project.write("export/attributes.jsonl", ATTRIBUTES);
    project.write(
        "export/people.csv",
        "id,email,name,lifecycle_stage,company_id,stanowisko,temperatura,liczba_psow,work_email\n\
         1,lee@globex.example,Lee Lane,lead,10,Prezes,zimny,2,lee@work.example\n\
         2,sue@initech.example,Sue Stone,lead,11,Dyrektor,Gorący,0,sue@work.example\n\
         3,cas@globex.example,Cas Cole,customer,10,Księgowa,,1,\n\
         5,moe@globex.example,Moe Marsh,mql,10,Prezes,ZIMNY,3,moe@work.example\n\
         6,fay@globex.example,Fay Frost,mql,10,Prezes,ZIMNY,3,\n",
    );
    project
}

/// The row of the map for an attribute and an object, as `map show` has it.
fn shown(project: &Project, source: &str, object: &str) -> Value {
    let shown = project
        .transload(&["map", "show", "--format", "json"])
        .ended(0);
    let document: Value = serde_json::from_str(&shown.stdout).unwrap();
    let rows = document["fields"].as_array().unwrap().clone();
    let is_it = |row: &Value| {
        let target = row["target"].as_str().unwrap();
        row["source"] == source && target.starts_with(&format!("{object}."))
    };
    rows.into_iter().find(is_it).unwrap()
}

#[test]
#[ignore = "long: several migrations"]
fn the_map_is_proposed_confirmed_applied_and_stale_when_the_export_changes() {
    let project = attributed();
    let proposed = project.transload(&["map", "propose"]).ended(0);
    assert!(
        proposed.stderr.contains("nothing is decided"),
        "{}",
        proposed.stderr
    );
    let job = shown(&project, "people.stanowisko", "Lead");
    assert_eq!(
        [&job["target"], &job["type"], &job["class"], &job["state"]],
        ["Lead.Title", "Text(128)", "certain", "open"],
        "{job}"
    );
    assert!(
        job["reasons"]
            .as_str()
            .unwrap()
            .contains("stanowisko (pl) = job title"),
        "{job}"
    );
    assert_eq!(job["samples"], "P***** · D******* · K*******");
    // A field that the load sends already is no field for another column.
    let second = shown(&project, "people.work_email", "Lead");
    assert_eq!(second["target"], "Lead.Work_Email__c", "{second}");
    assert!(
        second["reasons"]
            .as_str()
            .unwrap()
            .contains("sends already"),
        "{second}"
    );
    assert_eq!(second["class"], "guess");
    // What nobody confirmed moves nothing.
    let run = project.run().ended(2);
    assert!(run.error().contains("is not confirmed"), "{}", run.stderr);
    let certain = ["map", "confirm", "--class", "certain", "--by", "anna"];
    project.transload(&certain).ended(0);
    assert_eq!(
        shown(&project, "people.stanowisko", "Lead")["confirmed_by"],
        "anna"
    );
    project.edit("config/field_map.csv", "Work_Email__c", "Other_Email__c");
    let all = [
        "map", "confirm", "--class", "likely", "--class", "guess", "--by", "anna",
    ];
    let confirmed = project.transload(&all).ended(0);
    assert!(
        confirmed.stdout.contains("; 0 row(s) wait for a decision"),
        "{}",
        confirmed.stdout
    );
    // Values for a field that nothing is sent to are no decision about anything.
    project.append(
        "config/value_map.csv",
        "Lead,Raiting,x,Hot,confirmed,anna,2026-02-20,,,\n",
    );
    let run = project.run().ended(2);
    let told = "`Lead.Raiting` is sent nothing by config/field_map.csv; did you mean `Rating`?";
    assert!(run.error().contains(told), "{}", run.stderr);
    project.edit(
        "config/value_map.csv",
        "Lead,Raiting,x,Hot,confirmed,anna,2026-02-20,,,\n",
        "",
    );
    // Proposals leave alone what is decided, to the byte.
    let decided = project.read("config/field_map.csv");
    project
        .transload(&["map", "propose", "--no-stage", "--offline"])
        .ended(0);
    assert_eq!(project.read("config/field_map.csv"), decided);
    project.carry().ended(0);
    let org = project.org();
    let lead = |id: &str, field: &str| org.row("Lead", id, field).remove(field).unwrap();
    assert_eq!(lead("1", "Title"), "Prezes");
    assert_eq!(
        ["1", "2", "6"].map(|id| lead(id, "Rating")),
        ["Cold", "Hot", "Cold"]
    );
    assert_eq!(
        org.row("Contact", "3", "Title").remove("Title").unwrap(),
        "Księgowa"
    );
    drop(org);
    // The attribute holds something else now: its confirmation does not count.
    project.edit(
        "export/attributes.jsonl",
        "\"name_std\":\"liczba_psow\",\"value_type\":\"integer\"",
        "\"name_std\":\"liczba_psow\",\"value_type\":\"float\"",
    );
    let run = project.run().ended(2);
    assert!(
        run.error()
            .contains("it held integer when it was confirmed, and holds decimal now"),
        "{}",
        run.stderr
    );
    let state = shown(&project, "people.liczba_psow", "Lead");
    assert_eq!(state["state"], "stale: held integer, holds decimal");
    let again = [
        "map",
        "confirm",
        "--row",
        "people.liczba_psow",
        "--by",
        "ben",
    ];
    project.transload(&again).ended(0);
    let state = shown(&project, "people.liczba_psow", "Lead");
    assert_eq!(
        [&state["state"], &state["confirmed_by"]],
        ["confirmed", "ben"]
    );
    let wrong = [
        "map",
        "confirm",
        "--row",
        "people.liczba_kotow",
        "--by",
        "ben",
    ];
    let wrong = project.transload(&wrong).ended(2);
    assert!(
        wrong.error().contains("did you mean `people.liczba_psow`?"),
        "{}",
        wrong.stderr
    );
    // The label of the map is that of the new field.
    let org = project.org();
    assert_eq!(org.label("Lead", "Liczba_Psow__c"), "Liczba psów");
    drop(org);
    // A column that is gone is no detail: it stops the run until somebody says that it may.
    let people = project.read("export/people.csv");
    project.write(
        "export/people.csv",
        "id,email,name,lifecycle_stage,company_id,stanowisko,temperatura,work_email\n\
         1,lee@globex.example,Lee Lane,lead,10,Prezes,zimny,lee@work.example\n",
    );
    let attributes = project.read("export/attributes.jsonl");
    let others: Vec<&str> = attributes
        .lines()
        .filter(|line| !line.contains("liczba_psow"))
        .collect();
    project.write("export/attributes.jsonl", &(others.join("\n") + "\n"));
    let run = project.run().ended(2);
    assert!(
        run.error().contains(
            "it held decimal when it was confirmed, and the export has no such column now"
        ),
        "{}",
        run.stderr
    );
    assert_eq!(
        shown(&project, "people.liczba_psow", "Lead")["state"],
        "stale: the export has no such column"
    );
    project.transload(&again).ended(0);
    let state = shown(&project, "people.liczba_psow", "Lead");
    assert_eq!(state["state"], "confirmed");
    let checked = project.transload(&["check"]);
    assert!(!checked.stdout.contains("stale"), "{}", checked.stdout);
    project.write("export/people.csv", &people);
    project.write("export/attributes.jsonl", &attributes);
    project.transload(&["stage"]).ended(0);
    // The next project of the same user begins from what was confirmed here.
    let remembered = project.path("remembered.csv");
    let with_history = |project: &Project, words: &[&str]| {
        let mut command = project.command(words);
        let done = command
            .env("TRANSLOAD_HISTORY", &remembered)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    project.edit(
        "config/field_map.csv",
        "Lead,Liczba_Psow__c",
        "Lead,Dogs__c",
    );
    with_history(&project, &again);
    let next = attributed();
    with_history(&next, &["map", "propose", "--offline"]);
    let known = shown(&next, "people.liczba_psow", "Lead");
    assert_eq!(
        [&known["target"], &known["class"]],
        ["Lead.Dogs__c", "certain"],
        "{known}"
    );
    assert!(
        known["reasons"]
            .as_str()
            .unwrap()
            .starts_with("ben confirmed it on"),
        "{known}"
    );
}

#[test]
fn an_org_that_describes_nothing_leaves_the_standard_fields_and_says_so() {
    let project = attributed();
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    let refused = |object: &str, status: u16, code: &str| {
        json!({
            "path": format!("/services/data/*/sobjects/{object}/describe"), "status": status, "times": 9,
            "body": format!("[{{\"errorCode\":\"{code}\",\"message\":\"not for you\"}}]"),
        })
    };
    org.fault(json!([
        refused("Lead", 403, "INSUFFICIENT_ACCESS"),
        refused("Contact", 404, "NOT_FOUND"),
        refused("Opportunity", 403, "INSUFFICIENT_ACCESS"),
        json!({
            "path": "/services/data/*/query", "status": 403, "times": 9,
            "body": "[{\"errorCode\":\"INSUFFICIENT_ACCESS\",\"message\":\"not for you\"}]",
        }),
    ]));
    let proposed = project.transload(&["map", "propose"]).ended(0);
    for object in ["Lead", "Contact", "Opportunity"] {
        let told = format!("served does not describe {object} (");
        assert!(proposed.stderr.contains(&told), "{}", proposed.stderr);
    }
    let told = "its standard fields alone are known; give the user read access to the object";
    assert!(proposed.stderr.contains(told), "{}", proposed.stderr);
    let told = "served does not list its users (";
    assert!(proposed.stderr.contains(told), "{}", proposed.stderr);
    for object in ["Lead", "Contact"] {
        let job = shown(&project, "people.stanowisko", object);
        assert_eq!(job["target"], format!("{object}.Title"), "{job}");
    }
}

/// As a spreadsheet saves a file where a comma is the decimal sign: a mark, semicolons, other line ends, days as people write
/// them there.
fn saved_by_a_spreadsheet(project: &Project, file: &str) {
    let text = project.read(file);
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    for row in reader.records().map(|row| row.unwrap()) {
        let cells = row
            .iter()
            .map(|cell| cell.replace("2026-02-20", "20.02.2026"));
        writer.write_record(cells).unwrap();
    }
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    project.write(file, &format!("\u{feff}{text}"));
}

#[test]
fn a_map_that_a_spreadsheet_saved_means_the_same_and_keeps_its_form() {
    let project = attributed();
    let fields = "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at,our_note\n\
                  people,stanowisko,Lead;Contact,Title,Text(128),confirmed,anna,2026-02-20,\"a; b\"\n\
                  people,temperatura,Lead,Rating,Picklist,confirmed,anna,2026-02-20,\n\
                  people,temperatura,Contact,Temperature__c,Text(80),ignored,,,\n\
                  people,liczba_psow,,,,ignored,,,\n";
    project.write("config/field_map.csv", fields);
    project.write(
        "config/value_map.csv",
        "object,field,source_value,target_value,status,confirmed_by,confirmed_at\n\
         Lead,Rating,zimny,Cold,confirmed,anna,2026-02-20\nLead,Rating,gorący,Hot,confirmed,anna,2026-02-20\n",
    );
    for file in ["config/field_map.csv", "config/value_map.csv"] {
        saved_by_a_spreadsheet(&project, file);
    }
    let decided = project.read("config/field_map.csv");
    project.transload(&["map", "propose"]).ended(0);
    let confirm = ["map", "confirm", "--class", "guess", "--by", "ben"];
    project.transload(&confirm).ended(0);
    let text = project.read("config/field_map.csv");
    let before: Vec<&str> = decided
        .split("\r\n")
        .skip(1)
        .filter(|line| !line.is_empty())
        .collect();
    for line in before {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(text.starts_with("\u{feff}source;source_field;"), "{text}");
    assert!(!text.replace("\r\n", "").contains('\n'), "{text}");
    let job = shown(&project, "people.stanowisko", "Lead;Contact");
    assert_eq!(
        [&job["state"], &job["confirmed_at"]],
        ["confirmed", "20.02.2026"]
    );
    project.carry().ended(0);
    let org = project.org();
    let lead = |id: &str, field: &str| org.row("Lead", id, field).remove(field).unwrap();
    assert_eq!(
        [lead("1", "Title"), lead("1", "Rating")],
        ["Prezes", "Cold"]
    );
    assert_eq!(lead("2", "Rating"), "Hot");
}

#[test]
fn what_a_column_means_and_cannot_be_is_told_with_the_new_field_that_holds_it() {
    let project = Project::small();
    let attribute = |id: u32, name: &str, kind: &str| {
        format!(
            "{{\"id\":{id},\"name\":\"{name}\",\"name_std\":\"{name}\",\"value_type\":\"{kind}\",\"content_type\":\"clientuser\"}}\n"
        )
    };
    let attributes = [
        attribute(1, "reports_to", "string"),
        attribute(2, "do_not_call", "string"),
        attribute(3, "employees", "float"),
        attribute(4, "life_story", "string"),
    ];
    project.write("export/attributes.jsonl", &attributes.concat());
    let story = "once ".repeat(8_000);
    project.write(
        "export/people.csv",
        &format!(
            "id,email,name,lifecycle_stage,reports_to,do_not_call,employees,life_story\n\
             1,lee@globex.example,Lee Lane,lead,Sue Stone,before noon,10.5,{story}\n\
             2,sue@initech.example,Sue Stone,customer,Cas Cole,ever,0.1234,short\n"
        ),
    );
    project.transload(&["map", "propose", "--offline"]).ended(0);
    for (source, object, field_type, why) in [
        (
            "reports_to",
            "Contact",
            "Text(255)",
            "`reports_to` means Contact.ReportsToId, which is a reference; a new field",
        ),
        (
            "do_not_call",
            "Lead",
            "Text(255)",
            "`do_not_call` means Lead.DoNotCall, which takes no text; a new field",
        ),
        (
            "employees",
            "Lead",
            "Number(18,4)",
            "`employees` means Lead.NumberOfEmployees, which takes no fractions; a new field",
        ),
        ("life_story", "Lead", "LongTextArea(131072)", "a new field"),
    ] {
        let row = shown(&project, &format!("people.{source}"), object);
        assert_eq!(row["type"], field_type, "{row}");
        assert!(row["reasons"].as_str().unwrap().contains(why), "{row}");
        assert_ne!(row["class"], "certain", "{row}");
    }
    // The command refuses what the page refuses.
    project.edit("config/field_map.csv", "Do_Not_Call__c", "Titel");
    let confirm = [
        "map",
        "confirm",
        "--row",
        "people.do_not_call",
        "--by",
        "anna",
    ];
    let confirmed = project.transload(&confirm).ended(0);
    assert!(
        confirmed.stderr.contains("did you mean `Title`?"),
        "{}",
        confirmed.stderr
    );
    let row = shown(&project, "people.do_not_call", "Lead");
    assert_eq!(row["state"], "open", "{row}");
}

/// The most memory that the program had while it did this, in bytes; what it says goes to `said.txt`.
fn peak_of(project: &Project, arguments: &[&str]) -> u64 {
    let said = File::create(project.path("said.txt")).unwrap();
    let mut program = project.command(arguments).stdout(said).spawn().unwrap();
    let status = format!("/proc/{}/status", program.id());
    let mut peak = 0;
    loop {
        let now = std::fs::read_to_string(&status).unwrap_or_default();
        let high = now.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let high = high.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(high.unwrap_or_default() * 1024);
        if let Some(ended) = program.try_wait().unwrap() {
            assert!(ended.success(), "{ended}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// More attributes than an org takes custom fields.
const MANY: usize = 800;

#[test]
#[ignore = "long: 800 attributes"]
fn eight_hundred_attributes_are_proposed_in_bounded_time_and_memory() {
    let project = Project::small();
    let words = [
        "Umsatz",
        "Źródło",
        "电话",
        "Plan 🦀",
        "Job title",
        "Data urodzenia",
        "Region",
        "Visits",
    ];
    let mut attributes = String::new();
    let mut header = "id,email,name,lifecycle_stage".to_owned();
    for at in 0..MANY {
        let name = format!("{} {at}", words[at % words.len()]);
        writeln!(
            attributes,
            "{}",
            json!({"id": at, "name": name, "name_std": format!("a_{at}"), "value_type": "string", "content_type": "clientuser"})
        )
        .unwrap();
        write!(header, ",a_{at}").unwrap();
    }
    let mut people = header + "\n";
    for id in 1..=5_000 {
        write!(people, "{id},p{id}@globex.example,Ann {id},lead").unwrap();
        for at in 0..MANY {
            write!(people, ",v{}", (id * at) % 97).unwrap();
        }
        people.push('\n');
    }
    project.write("export/attributes.jsonl", &attributes);
    project.write("export/people.csv", &people);
    project.transload(&["stage"]).ended(0);
    let began = Instant::now();
    let peak = peak_of(&project, &["map", "propose", "--offline", "--no-stage"]);
    let took = began.elapsed();
    let told = format!("{} field(s)", 2 * MANY);
    let said = project.read("said.txt");
    assert!(said.contains(&told), "{said}");
    let names = project.read("config/field_map.csv");
    let mut reader = csv::Reader::from_reader(names.as_bytes());
    let fields: BTreeSet<(String, String)> = reader
        .records()
        .map(|row| row.unwrap())
        .map(|row| (row[2].to_owned(), row[3].to_lowercase()))
        .collect();
    assert_eq!(fields.len(), 2 * MANY, "one field to one attribute");
    assert!(took < Duration::from_secs(120), "{took:?}");
    assert!((1 << 20..600 << 20).contains(&peak), "{peak}");
}
