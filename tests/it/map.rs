//! The field map proposed, confirmed, applied, and stale.

use serde_json::Value;

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
