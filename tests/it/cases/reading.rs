//! What exports hold besides values: words for nothing, remains of spreadsheets, bytes of another code page, opt-outs in
//! other words; and files of which most cannot be read.

use crate::rehearsal::Project;

#[test]
fn what_people_and_programs_leave_in_cells_arrives_as_it_was_meant() {
    let project = Project::small();
    let rows: &[&[u8]] = &[
        b"sep=;\nid;email;phone_number;name;lifecycle_stage;company_id;company;city;unsubscribed;assigned_to;;\n",
        b"1;a@x.example;4.86E+10;Ann Ash;lead;10;;N/A;PRAWDA;0;;\n",
        b"2;b@x.example;=\"+48600100200\";Bob Bay;lead;;undefined;null;maybe;-;;\n",
        b"3;c@x.example;'+48600100201;Cy Coe;lead;;;Krak\xf3w;;null;;\n",
        b"4;N/A;n/a;Pia Pan;lead;;;;f;;;\n",
        b"5;e@x.example;48600100202.0;Eve Elm;customer;11;;Cut \xf0\x9f\x98;nie;7001;;\n",
    ];
    std::fs::write(project.path("export/people.csv"), rows.concat()).unwrap();
    project.write(
        "export/people-2.jsonl",
        "{\"id\":6,\"email\":\"f@x.example\",\"name\":\"Fay Fox\",\"city\":\"Ly\\ud83don\",\"lifecycle_stage\":\"lead\",\"unsubscribed\":true}\n",
    );
    project.write("export/deals.csv", "id,name\n");
    project.write(
        "export/custom_objects.jsonl",
        "{\n  \"id\": 1,\n  \"name\": \"part\",\n  \"label\": \"Part\",\n  \"fields\": []\n}\n",
    );
    project.write(
        "export/co_part.csv",
        "id,name\n8f14e45f-ceea-4e7b,Bolt\n7,Nut\n",
    );
    let run = project.carry().ended(0);
    assert!(run.summary["objections"].as_array().unwrap().is_empty());

    let org = project.org();
    let phones = org.map("Lead", "LastName", "Phone");
    assert_eq!(phones["Bay"], "+48600100200");
    assert_eq!(phones["Coe"], "+48600100201");
    assert_eq!(phones["Ash"], "4.86E+10");
    assert!(
        !phones.contains_key("Pan"),
        "neither an address nor a number"
    );
    let company = org.map("Lead", "LastName", "Company");
    assert_eq!(company["Bay"], "x.example");
    let city = org.map("Lead", "LastName", "City");
    assert_eq!(
        (city["Ash"].as_str(), city["Coe"].as_str()),
        ("∅", "Kraków")
    );
    assert_eq!(city["Fox"], "Ly\u{fffd}on");
    assert_eq!(
        org.map("Contact", "LastName", "Phone")["Elm"],
        "48600100202"
    );
    let opted_out = org.map("Lead", "LastName", "HasOptedOutOfEmail");
    for (name, expected) in [
        ("Ash", "true"),
        ("Bay", "true"),
        ("Coe", "true"),
        ("Fox", "true"),
    ] {
        assert_eq!(opted_out[name], expected, "{name}");
    }
    assert_eq!(
        org.map("Contact", "LastName", "HasOptedOutOfEmail")["Elm"],
        "false"
    );
    let ids = org.map("Part__c", "Name", "usercom_text_id__c");
    assert_eq!(
        (ids["Bolt"].as_str(), ids["Nut"].as_str()),
        ("8f14e45f-ceea-4e7b", "∅")
    );

    let flags = project.set("select concat(f.load, ' ', f.key, ' ', f.flag) from recon.flagged as f where f.flag in \
         ('opt_out_unreadable', 'opt_out_missing', 'damaged_number', 'code_page', 'broken_character')");
    let expected = [
        "contact 5 broken_character",
        "lead 1 damaged_number",
        "lead 2 opt_out_unreadable",
        "lead 3 code_page",
        "lead 3 opt_out_missing",
        "lead 6 broken_character",
    ];
    assert_eq!(flags, expected.map(str::to_owned).into());
    assert_eq!(
        project.number("select count(*) from staged.altered where reason = 'unwrapped'"),
        3
    );
}

#[test]
#[ignore = "long: several migrations"]
fn nothing_is_sent_of_an_export_whose_rows_are_mostly_unreadable_until_that_is_accepted() {
    let project = Project::small();
    project.write(
        "export/companies.csv",
        "id,name\n10,Globex,\n11,Initech,\n12,Hooli,\n",
    );
    let run = project.carry().ended(1);
    assert_eq!(run.summary["status"], "gated");
    let objection = run.summary["objections"][0].as_str().unwrap();
    assert!(
        objection.starts_with(
            "companies.csv: 3 of 3 rows of companies could not be read, mostly ragged_row"
        ),
        "{objection}"
    );
    assert!(run.stderr.contains(objection), "{}", run.stderr);
    assert!(project.org().rows("SELECT Id FROM Lead").is_empty());
    project.edit(
        "migration.toml",
        "[options]",
        "[gates]\nmax_rejected_percent = 100.0\n\n[options]",
    );
    let run = project.carry();
    assert_ne!(
        run.summary["objects"].as_array().unwrap().len(),
        0,
        "{}",
        run.stderr
    );
    assert!(!project.org().keys("Lead").is_empty());
}
