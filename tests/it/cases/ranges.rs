//! Values out of the range of their field cost a cell, never a row, and are listed.

use crate::rehearsal::Project;

#[test]
fn every_value_of_every_type_is_fitted_and_the_original_listed() {
    let project = Project::small();
    let long = "v".repeat(300);
    let tag = "t".repeat(120);
    project.write(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
         people,birthday,Lead;Contact,Birthday__c,Date,confirmed,me@acme.example,2026-01-01\n\
         people,interests,Lead;Contact,Interests__c,MultiselectPicklist,confirmed,me@acme.example,2026-01-01\n\
         people,lvl,Lead;Contact,Lvl__c,Picklist,confirmed,me@acme.example,2026-01-01\n\
         people,price,Lead;Contact,Price__c,\"Number(6,2)\",confirmed,me@acme.example,2026-01-01\n\
         people,staff,Lead,NumberOfEmployees,\"Number(18,0)\",confirmed,me@acme.example,2026-01-01\n\
         people,staff,Contact,,,ignored,,\n",
    );
    project.write(
        "export/attributes.jsonl",
        "{\"id\":1,\"name\":\"birthday\",\"name_std\":\"birthday\",\"content_type\":\"clientuser\",\"value_type\":\"date\"}\n\
         {\"id\":2,\"name\":\"interests\",\"name_std\":\"interests\",\"content_type\":\"clientuser\",\"value_type\":\"fixed\",\
         \"allow_multiple_choices\":true,\"choices\":[\"Sport\",\"CRM\"]}\n\
         {\"id\":3,\"name\":\"lvl\",\"name_std\":\"lvl\",\"content_type\":\"clientuser\",\"value_type\":\"fixed\",\"choices\":[\"Gold\"]}\n\
         {\"id\":4,\"name\":\"price\",\"name_std\":\"price\",\"content_type\":\"clientuser\",\"value_type\":\"float\"}\n\
         {\"id\":5,\"name\":\"staff\",\"name_std\":\"staff\",\"content_type\":\"clientuser\",\"value_type\":\"float\"}\n",
    );
    project.write(
        "export/people.csv",
        &format!(
            "id,email,name,lifecycle_stage,last_seen,birthday,interests,lvl,price,staff,tags\n\
             1,a@x.example,Ann A,lead,2999-12-31T00:00:00Z,0001-01-01,\"{{\"\"Sport \"\",CRM}}\",\"{{\"\"#N/A\"\"}}\",2.675,10.5,{{{tag}}}\n\
             2,b@x.example,Bob B,lead,9999-12-31T00:00:00Z,9999-12-31,\"{{\"\"a;b\"\",\"\"x\u{7}y\"\"}}\",,12345.5,12,\n\
             3,c@x.example,Cy C,lead,2026-01-01T00:00:00Z,1980-02-29,\"{{\"\"{long}\"\"}}\",Gold,1.005,,\n"
        ),
    );
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,expected_close_date\n\
         50,Pilot,1,PLN,1,11,in progress,10,,9999-12-31\n",
    );
    project.write(
        "export/companies.csv",
        "id,name,domain,size\n10,Globex,globex.example,1234567890\n",
    );
    let run = project.carry().ended(0);
    assert_eq!((run.total("failed"), run.total("differences")), (0, 0));

    let org = project.org();
    let lead = |key: &str| {
        org.row(
            "Lead",
            key,
            "usercom_last_seen__c, Birthday__c, Interests__c, Lvl__c, Price__c, NumberOfEmployees, usercom_raw_values__c",
        )
    };
    let (ann, bob, cy) = (lead("1"), lead("2"), lead("3"));
    assert!(
        ann["usercom_last_seen__c"].starts_with("2999-12-31"),
        "{ann:?}"
    );
    assert_eq!(
        (ann["Birthday__c"].as_str(), ann["Lvl__c"].as_str()),
        ("∅", "∅")
    );
    assert_eq!(ann["Price__c"].parse::<f64>().unwrap(), 2.68);
    // A field of whole numbers takes no fraction.
    assert_eq!(
        [&ann, &bob, &cy].map(|lead| lead["NumberOfEmployees"].as_str()),
        ["11", "12", "∅"]
    );
    assert!(ann["usercom_raw_values__c"].contains("NumberOfEmployees: 10.5"));
    assert_eq!(bob["Interests__c"], "a,b;xy");
    assert_eq!(
        (bob["Price__c"].as_str(), bob["Birthday__c"].as_str()),
        ("∅", "∅")
    );
    assert!(
        bob["usercom_raw_values__c"].contains("Birthday__c: 9999-12-31"),
        "{bob:?}"
    );
    assert_eq!(
        (cy["Interests__c"].len(), cy["Birthday__c"].as_str()),
        (255, "1980-02-29")
    );
    assert!(cy["usercom_raw_values__c"].contains(&long));
    assert_eq!(
        org.row("Opportunity", "50", "CloseDate")["CloseDate"],
        "4000-12-31"
    );
    assert_eq!(
        org.row("Account", "10", "NumberOfEmployees")["NumberOfEmployees"],
        "∅"
    );
    let topics = org.rows("SELECT Id, Name FROM Topic");
    assert_eq!((topics.len(), topics[0]["Name"].len()), (1, 99));
    assert_eq!(org.rows("SELECT Id FROM TopicAssignment").len(), 1);
    drop(org);

    let altered = |load: &str| {
        project.table(&format!(
            "select a.key, a.field, a.why, a.done from recon.altered_{load} as a order by a.key, a.field, a.why"
        ))
    };
    assert_eq!(
        altered("opportunity"),
        [
            ["50", "CloseDate", "out_of_range", "nearest"],
            ["50", "usercom_expected_close__c", "out_of_range", "blanked"]
        ]
    );
    assert_eq!(
        altered("account"),
        [["10", "NumberOfEmployees", "out_of_range", "blanked"]]
    );
    let leads: Vec<String> = altered("lead")
        .iter()
        .map(|row| row[1..].join(" "))
        .collect();
    assert_eq!(
        leads,
        [
            "Birthday__c out_of_range blanked",
            "Lvl__c literal_na blanked",
            "NumberOfEmployees fraction rounded",
            "Birthday__c out_of_range blanked",
            "Interests__c control_characters cleaned",
            "Interests__c separator_in_choice replaced",
            "Price__c out_of_range blanked",
            "usercom_last_seen__c out_of_range blanked",
            "Interests__c too_long cut",
        ]
    );
}

#[test]
fn a_membership_and_an_event_beyond_all_calendars_move() {
    let project = Project::small();
    project.write("export/segments.csv", "id,name\n1,Seg\n");
    project.write(
        "export/segment_members.csv",
        "segment_id,person_id,added_at\n1,3,2020-01-01T00:00:00Z\n1,1,9999-12-31T00:00:00Z\n1,2,0001-01-01T00:00:00Z\n",
    );
    project.write(
        "export/events.csv",
        "id,name,start_at,end_at,duration,all_day,person_id\n\
         5,never ends,9999-12-31T10:00:00Z,9999-12-31T11:00:00Z,,f,3\n\
         6,fair,2025-03-03T10:00:00Z,2025-03-03T11:00:00Z,,f,3\n\
         7,whole days,9999-12-30T00:00:00Z,9999-12-31T00:00:00Z,,t,3\n\
         8,long,2025-03-03T10:00:00Z,,99999999999999,f,3\n",
    );
    let run = project.run().ended(0);
    assert_eq!((run.total("failed"), run.total("differences")), (0, 0));
    assert_eq!(run.number("campaign_member", "created"), 3);
    let fitted = project.table(
        "select a.key, a.field, a.done from recon.altered_event as a order by a.key, a.field",
    );
    assert_eq!(
        fitted,
        [
            ["event:5", "EndDateTime", "nearest"],
            ["event:5", "StartDateTime", "nearest"],
            ["event:7", "ActivityDate", "nearest"],
        ]
    );
    let org = project.org();
    let start = org.row("Event", "event:5", "StartDateTime");
    assert!(
        start["StartDateTime"].starts_with("4000-12-31"),
        "{start:?}"
    );
}

/// Manifests below a folder, as text, by their path.
fn manifests(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            manifests(&path, found);
        } else if name.contains("/manifests/") && name.ends_with(".json") {
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn no_table_counts_in_nanoseconds_which_end_in_the_year_2262() {
    let project = Project::loaded();
    let mut found = Vec::new();
    manifests(&project.path(".transload"), &mut found);
    for schema in ["/prepare/", "/outbox/", "/ledger/"] {
        assert!(
            found.iter().any(|(name, _)| name.contains(schema)),
            "{schema}"
        );
    }
    let nano = found.iter().filter(|(_, text)| text.contains("Nanosecond"));
    let nano: Vec<&String> = nano.map(|(name, _)| name).collect();
    assert_eq!(nano, Vec::<&String>::new());
}
