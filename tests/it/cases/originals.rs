//! What a field cuts is kept whole, however long it is.

use crate::rehearsal::Project;

/// Words that tell where they stand.
fn long(characters: usize) -> String {
    let words = (0..).map(|place: u32| format!("word{place} "));
    let mut text = String::new();
    for word in words {
        if text.len() + word.len() > characters {
            break;
        }
        text.push_str(&word);
    }
    text.push_str(&"x".repeat(characters - text.len()));
    text
}

#[test]
fn a_value_longer_than_any_field_stands_whole_in_a_note_on_its_record() {
    let project = Project::small();
    let (short, long) = (long(40_000), long(200_000));
    project.write(
        "export/activities.csv",
        &format!(
            "id,name,activity_type,description,user_id,due_date\n1,Call,1,{long},3,2026-03-01T09:00:00Z\n\
             2,Call,1,{short},3,2026-03-01T09:00:00Z\n3,Call,1,Brief,3,2026-03-01T09:00:00Z\n"
        ),
    );
    let plan = project.transload(&["plan", "--format", "json"]).ended(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let planned = |load: &str| {
        let loads = plan["loads"].as_array().unwrap();
        let load = loads.iter().find(|one| one["load"] == load).unwrap();
        load["insert"].clone()
    };
    assert_eq!(
        (planned("original_note"), planned("original_note_link")),
        (1.into(), 1.into())
    );
    let run = project.carry().ended(0);
    assert_eq!(run.total("failed"), 0);
    assert_eq!(run.total("differences"), 0);
    let org = project.org();
    let task = |key: &str| org.row("Task", key, "Id, Description, usercom_raw_values__c");
    let first = task("activity:1");
    assert_eq!(first["Description"], long[..32_000]);
    assert!(first["usercom_raw_values__c"].len() < 132_000);
    // What the field of raw values holds needs no note.
    assert_eq!(
        task("activity:2")["usercom_raw_values__c"],
        format!("Description: {short}")
    );
    let links = org.rows(&format!(
        "SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{}'",
        first["Id"]
    ));
    assert_eq!(links.len(), 1);
    let note = org.blob("ContentNote", &links[0]["ContentDocumentId"], "Content");
    assert_eq!(note, format!("Description: {long}"));
    assert_eq!(org.rows("SELECT Id FROM ContentNote").len(), 1);
    drop(org);

    let again = project.carry().ended(0);
    assert_eq!(
        (
            again.total("sent"),
            again.number("original_note", "unchanged")
        ),
        (0, 1)
    );
}
