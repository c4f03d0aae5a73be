//! Stages, owners, kinds of activities and countries, proposed along with the map and counted once somebody signs them.

use serde_json::Value;

use crate::rehearsal::Project;

/// The small project with a stage, an owner, a kind of activity and countries that nobody has decided about.
fn undecided() -> Project {
    let project = Project::small();
    project.edit(
        "export/people.csv",
        "Eva East,evangelist",
        "Eva East,Klient",
    );
    project.edit("export/people.csv", "Fay Frost,mql", "Fay Frost,SQL");
    project.append(
        "export/agents.csv",
        "7003,Ann Ash,a.ash@old.example,f\n7004,Zed Zorn,zed@old.example,f\n",
    );
    project.edit(
        "export/companies.csv",
        "id,name,domain,city,assigned_to\n10,Globex,globex.example,Paris,7001\n\
         11,Initech,initech.example,Austin,7002\n12,Hooli,hooli.example,,\n",
        "id,name,domain,city,country,assigned_to\n10,Globex,globex.example,Paris,Francja,7003\n\
         11,Initech,initech.example,Austin,USA,7004\n12,Hooli,hooli.example,,Germny,\n",
    );
    project.edit(
        "export/pipelines.jsonl",
        "\"probability\":100}]",
        "\"probability\":100},{\"id\":13,\"name\":\"Negocjacje\",\"position\":3},\
         {\"id\":14,\"name\":\"Kiosk\",\"position\":4}]",
    );
    project.append(
        "export/deals.csv",
        "52,Third,10,PLN,1,13,in progress,10,5,7001,2026-05-01,\n\
         53,Fourth,10,PLN,1,13,lost,10,5,7001,2026-05-01,\n\
         54,Fifth,10,PLN,1,14,in progress,10,5,7001,2026-05-01,\n\
         55,Sixth,10,PLN,1,14,archived,10,5,7001,2026-05-01,\n",
    );
    project.write(
        "export/activities.csv",
        "id,user_id,activity_type_id,activity_type,created_at\n\
         1,1,3,Rozmowa telefoniczna,2026-01-01T00:00:00Z\n2,1,4,Spotkanie,2026-01-01T00:00:00Z\n",
    );
    project
}

/// The rows of a decision file that a proposal stands in: what it is about, what it says, its class.
fn proposals(project: &Project, file: &str, columns: &[&str]) -> Vec<String> {
    let text = project.read(file);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name);
    let rows = reader.records().map(|row| row.unwrap());
    let cell = |row: &csv::StringRecord, name: &str| {
        place(name).map_or(String::new(), |at| row[at].to_owned())
    };
    rows.filter(|row| !cell(row, "class").is_empty())
        .map(|row| {
            let cells = columns.iter().chain(&["class"]);
            cells
                .map(|name| cell(&row, name))
                .collect::<Vec<_>>()
                .join("/")
        })
        .collect()
}

#[test]
fn decisions_about_values_are_proposed_and_count_once_somebody_confirms_them() {
    let project = undecided();
    let decided = project.read("config/stage_matrix.csv");
    let proposed = project.transload(&["map", "propose"]).ended(0);
    let lifecycle = ["lifecycle_stage", "target"];
    assert_eq!(
        proposals(&project, "config/lifecycle.csv", &lifecycle),
        ["Klient/Contact/likely", "SQL/Lead/likely"],
        "{}",
        proposed.stdout
    );
    assert_eq!(
        proposals(
            &project,
            "config/stage_matrix.csv",
            &["stage", "status", "stage_name"]
        ),
        [
            "Negocjacje/in progress/Negotiation/Review/likely",
            "Negocjacje/lost/Closed Lost/likely",
            "Kiosk/in progress/Kiosk/guess",
        ]
    );
    assert_eq!(
        proposals(
            &project,
            "config/owners.csv",
            &["owner_email", "user_email"]
        ),
        ["a.ash@old.example/ann@acme.example/likely"]
    );
    assert_eq!(
        proposals(
            &project,
            "config/activity_types.csv",
            &["activity_type", "task_subtype"]
        ),
        ["Rozmowa telefoniczna/Call/likely"]
    );
    assert_eq!(
        proposals(&project, "config/countries.csv", &["country", "code"]),
        ["Francja/FR/likely", "Germny/DE/guess"]
    );
    // What nothing is like is a question, and what people decided stays to the byte.
    let stages = project.read("config/stage_matrix.csv");
    assert!(
        stages.contains("Sales,Kiosk,archived,,,1 deals"),
        "{stages}"
    );
    for line in decided.lines().skip(1) {
        assert!(stages.contains(line), "{line}\n{stages}");
    }
    assert!(
        project
            .read("config/owners.csv")
            .contains("7004,zed@old.example,,")
    );
    // None of it counts yet.
    let checked = project.transload(&["check"]).ended(0);
    for open in ["Klient", "SQL", "Negocjacje"] {
        assert!(checked.stdout.contains(open), "{open}\n{}", checked.stdout);
    }
    let waits = "column target: is proposed and nobody has confirmed it";
    assert!(checked.stdout.contains(waits), "{}", checked.stdout);
    // A second proposal changes nothing, and neither does it overwrite what somebody wrote over the first.
    project.edit("config/countries.csv", "Germny,DE", "Germny,GE");
    let before: Vec<String> = FILES.map(|file| project.read(file)).to_vec();
    project
        .transload(&["map", "propose", "--no-stage"])
        .ended(0);
    assert_eq!(FILES.map(|file| project.read(file)).to_vec(), before);
    let confirm = ["map", "confirm", "--class", "likely", "--by", "anna"];
    let confirmed = project.transload(&confirm).ended(0);
    assert!(
        confirmed.stdout.starts_with("7 row(s) confirmed by anna")
            && confirmed.stdout.contains("; 2 row(s) wait for a decision"),
        "{}",
        confirmed.stdout
    );
    let shown = project
        .transload(&["map", "show", "--open", "--format", "json"])
        .ended(0);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let waiting = shown["decisions"].as_array().unwrap().iter();
    let waiting: Vec<&Value> = waiting.map(|row| &row["value"]).collect();
    assert_eq!(
        waiting,
        ["Sales / Kiosk / in progress", "Germny"],
        "{shown}"
    );
    project.transload(&["stage"]).ended(0);
    let sql = "select l.lifecycle_stage, l.target from config.lifecycle as l \
               where l.class = 'likely' order by l.lifecycle_stage";
    assert_eq!(project.table(sql), [["Klient", "Contact"], ["SQL", "Lead"]]);
    let sql = "select c.country, c.code from config.countries as c";
    assert_eq!(project.table(sql), [["Francja", "FR"]]);
}

const FILES: [&str; 5] = [
    "config/lifecycle.csv",
    "config/stage_matrix.csv",
    "config/owners.csv",
    "config/activity_types.csv",
    "config/countries.csv",
];

#[test]
fn without_an_org_stages_are_those_of_every_org_and_owners_wait() {
    let project = undecided();
    let offline = ["map", "propose", "--offline"];
    let proposed = project.transload(&offline).ended(0);
    let stages = project.read("config/stage_matrix.csv");
    assert!(stages.contains("Negotiation/Review"), "{stages}");
    assert!(
        proposed
            .stderr
            .contains("owners: which users the org has is known once it was met"),
        "{}",
        proposed.stderr
    );
    assert!(!project.path("config/owners.csv").exists());
}

#[test]
fn what_a_new_project_asks_is_proposed_confirmed_and_tested() {
    let project = Project::small();
    let old = project.read("export/people.csv");
    let header = old.lines().next().unwrap();
    let people = old.replacen(header, &format!("{header},nps"), 1);
    let people: Vec<String> = people
        .lines()
        .enumerate()
        .map(|(at, line)| {
            if at == 0 {
                line.to_owned()
            } else {
                format!("{line},{at}")
            }
        })
        .collect();
    project.write("export/people.csv", &(people.join("\n") + "\n"));
    project.write(
        "export/attributes.jsonl",
        "{\"id\":1,\"name\":\"NPS\",\"name_std\":\"nps\",\"type\":\"integer\",\"content_type\":\"client\"}\n",
    );
    project.write(
        "export/deals.csv",
        "id,name,stage_id,currency\n1,=cmd|x,11,=PLN\n",
    );
    project
        .transload(&["init", "new/../acme", "--from", "export"])
        .ended(0);
    let acme =
        |arguments: &[&str]| project.transload(&[arguments, &["-p", "./acme/../acme"]].concat());
    for (file, line) in [
        ("field_map", "people,nps,,,,proposed,,,6"),
        ("owners", "7001,ann@acme.example,,3 records"),
    ] {
        let text = project.read(&format!("acme/config/{file}.csv"));
        assert!(text.lines().any(|found| found == line), "{text}");
    }
    acme(&["map", "propose"]).ended(0);
    let confirm = [
        "map", "confirm", "--class", "certain", "--class", "likely", "--class", "guess", "--by",
        "me",
    ];
    let confirmed = acme(&confirm).ended(0);
    assert!(
        confirmed.stdout.contains("0 row(s) wait"),
        "{}",
        confirmed.stdout
    );
    acme(&["check"]).ended(0);
    // The example's export has no such column, and its people have no such value.
    acme(&["test"]).ended(0);
    assert!(project.path("acme/.transload").is_dir());
}

#[test]
fn a_value_of_the_export_is_no_formula_in_a_decision_file() {
    let project = Project::small();
    let people = project
        .read("export/people.csv")
        .replace(",mql,", ",=cmd|' /C calc'!A0,");
    project.write("export/people.csv", &people);
    project.transload(&["check", "--write-missing"]);
    project.transload(&["stage"]).ended(0);
    project.transload(&["check", "--write-missing"]).ended(0);
    let text = project.read("config/lifecycle.csv");
    let line = text.lines().find(|line| line.contains("cmd|")).unwrap();
    assert!(line.starts_with("'=cmd|"), "{text}");
    // Decided, it counts for the value as the export has it.
    project.write(
        "config/lifecycle.csv",
        &text.replace(line, &line.replacen("A0,", "A0,Lead", 1)),
    );
    let open = project.transload(&["check", "--format", "json"]).ended(0);
    let open: serde_json::Value = serde_json::from_str(&open.stdout).unwrap();
    let lifecycle = open["open"].as_array().unwrap();
    assert!(
        !lifecycle.iter().any(|one| one["file"] == "lifecycle"),
        "{open}"
    );
    // Asked again, it is written once.
    project.transload(&["check", "--write-missing"]).ended(0);
    let text = project.read("config/lifecycle.csv");
    assert_eq!(text.matches("cmd|").count(), 1, "{text}");
}
