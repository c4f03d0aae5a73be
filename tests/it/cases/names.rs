//! Names are split without losing a part, and an address says no more than it can.

use crate::rehearsal::Project;

#[test]
fn names_are_split_counted_and_kept_whole_where_a_part_has_no_place() {
    let project = Project::small();
    project.write(
        "config/name_words.csv",
        "kind,word,salutation\nsuffix,KC,\n",
    );
    project.write("config/free_mail_domains.csv", "domain\nhouse.example\n");
    project.write(
        "export/people.csv",
        "id,email,name,lifecycle_stage\n\
         1,a@x1.example,Alan Mark Turner Jr.,lead\n\
         2,b@x2.example,\"Quinn, Rosa, MD\",lead\n\
         3,c@gmail.com,\"Bell, Sam\",lead\n\
         4,d@house.example,\"Otis Ray, KC\",customer\n\
         5,e@x5.example,Dr. Nora\u{a0}Hale\u{200b} (Umbrella),lead\n\
         6,f@x6.example,(Umbrella),lead\n\
         7,Same@x7.example,Tim\tPope,lead\n\
         8,same@x7.example,Tom Pope,lead\n",
    );
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status\n",
    );
    project.write(
        "export/events.csv",
        "id,name,start_at,end_at,attendees\n1,Fair,2026-01-05T10:00:00Z,2026-01-05T11:00:00Z,same@x7.example\n",
    );
    let run = project.carry();
    assert!(!run.summary.is_null(), "{}", run.stderr);
    let org = project.org();
    let named = |object: &str, key: &str| {
        let row = org.row(
            object,
            key,
            "FirstName, LastName, Salutation, usercom_name__c",
        );
        ["Salutation", "FirstName", "LastName", "usercom_name__c"].map(|name| row[name].clone())
    };
    assert_eq!(
        named("Lead", "1"),
        ["∅", "Alan Mark", "Turner", "Alan Mark Turner Jr."]
    );
    assert_eq!(
        named("Lead", "2"),
        ["∅", "Rosa", "Quinn", "Quinn, Rosa, MD"]
    );
    assert_eq!(named("Lead", "3"), ["∅", "Sam", "Bell", "∅"]);
    assert_eq!(named("Contact", "4"), ["∅", "Otis", "Ray", "Otis Ray, KC"]);
    assert_eq!(
        named("Lead", "5"),
        ["Dr.", "Nora", "Hale", "Dr. Nora Hale (Umbrella)"]
    );
    assert_eq!(named("Lead", "6")[2], "f");
    assert_eq!(named("Lead", "7")[1..3], ["Tim", "Pope"]);
    // A domain that anybody may have an address at is no company.
    assert_eq!(org.row("Lead", "3", "Company")["Company"], "[not provided]");
    assert_eq!(org.row("Lead", "1", "Company")["Company"], "x1.example");
    let flagged = |flag: &str| {
        project.number(&format!(
            "select count(*) from recon.flags_lead as f where f.flag = '{flag}'"
        ))
    };
    assert_eq!(flagged("name_last_first"), 2);
    assert_eq!(flagged("name_suffix_apart"), 2);
    assert_eq!(flagged("address_of_several_people"), 2);
    let shared = project.table("select s.email, s.people, s.ids from prepare.shared_email as s");
    assert_eq!(shared, [["same@x7.example", "2", "7, 8"]]);
    let reasons = project.set("select f.reason from recon.fates_event_relation as f");
    assert!(reasons.contains("ambiguous_address"), "{reasons:?}");
}

#[test]
fn what_is_no_name_becomes_no_last_name() {
    let project = Project::small();
    let names = [
        ("Acme Sp. z o.o.", "", "p0"),
        ("info@acme.example", "", "p1"),
        ("+48 600 100 200", "", "p2"),
        ("null null", "", "p3"),
        ("undefined undefined", "", "p4"),
        ("III", "", "p5"),
        ("Ann Lee Ph. D.", "Ann", "Lee"),
        ("John Smith 2nd", "John", "Smith"),
        ("Jan Kowalski - Acme", "Jan", "Kowalski"),
        ("\"Kowalski Jan, mgr inż.\"", "Kowalski", "Jan"),
        ("\"Doe, Jr., John\"", "John", "Doe"),
        ("Ph.D. Ann Lee", "Ann", "Lee"),
        ("Prof. dr hab. Jan Nowak", "Jan", "Nowak"),
        ("Pieter van der Berg", "Pieter", "van der Berg"),
        ("Max von und zu Stein", "Max", "von und zu Stein"),
        ("de la Cruz", "", "de la Cruz"),
        ("Van Morrison", "Van", "Morrison"),
        ("\"Ann Lee, PhD, MBA\"", "Ann", "Lee"),
    ];
    let mut people = "id,email,name,lifecycle_stage\n".to_owned();
    for (place, (name, _, _)) in names.iter().enumerate() {
        people.push_str(&format!("{},p{place}@y.example,{name},lead\n", 100 + place));
    }
    project.write("export/people.csv", &people);
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status\n",
    );
    project.run().ended(0);
    let org = project.org();
    for (place, &(name, first, last)) in names.iter().enumerate() {
        let key = (100 + place).to_string();
        let row = org.row("Lead", &key, "FirstName, LastName, usercom_name__c");
        let first = if first.is_empty() { "∅" } else { first };
        assert_eq!(
            [&row["FirstName"], &row["LastName"]],
            [first, last],
            "{name}"
        );
        // Nothing is lost.
        let name = name.trim_matches('"');
        let is_whole = [first, last].join(" ") == name || last == name;
        let kept = if is_whole { "∅" } else { name };
        assert_eq!(row["usercom_name__c"], kept, "{name}");
    }
    let none = "select count(*) from recon.flags_lead as f where f.flag = 'name_is_no_name'";
    assert_eq!(project.number(none), 6);
}
