//! Decisions of the field map: each arrives somewhere, or the run says which one does not.

use crate::rehearsal::Project;

const HEAD: &str =
    "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n";

/// One message with an attribute.
const MESSAGES: &str =
    "id,conversation_id,content,sent_at,direction,tone\n1,1,Hi,2026-01-05T10:00:00Z,inbound,loud\n";

/// These rows of the map, confirmed.
fn confirmed(rows: &[&str]) -> String {
    let lines = rows
        .iter()
        .map(|row| format!("{row},confirmed,ann,2026-01-01\n"));
    HEAD.to_owned() + &lines.collect::<String>()
}

/// The small project with an attribute in nearly every source, and these rows of the map.
fn project(rows: &[&str]) -> Project {
    let project = Project::small();
    for (file, text) in [
        (
            "events.csv",
            "id,name,start_at,end_at,user_id,mood\n1,Fair,2026-01-05T10:00:00Z,2026-01-05T11:00:00Z,3,calm\n",
        ),
        (
            "emails.csv",
            "id,subject,user_id,sent_at,mood\n1,Hello,3,2026-01-05T10:00:00Z,warm\n",
        ),
        (
            "sms.csv",
            "id,content,user_id,sent_at,mood\n1,Hi,3,2026-01-05T10:00:00Z,brief\n",
        ),
        (
            "conversations.csv",
            "id,user_id,created_at,mood\n1,3,2026-01-05T10:00:00Z,long\n",
        ),
        ("messages.csv", MESSAGES),
        ("segments.csv", "id,name,mood\n1,Vip,gold\n"),
        ("lists.csv", "id,name,mood\n1,News,blue\n"),
        (
            "stage_changes.csv",
            "id,deal_id,stage_id,entered_at,mood\n1,50,11,2026-01-05T10:00:00Z,slow\n",
        ),
        ("products.csv", "id,name,price,currency\n1,Box,10,PLN\n"),
        (
            "deal_products.csv",
            "id,deal_id,product_id,quantity,price,currency,mood\n1,50,1,1,100.50,PLN,new\n",
        ),
        (
            "files.csv",
            "id,name,path,user_id,mood\n1,a,blobs/a.txt,3,raw\n",
        ),
        ("blobs/a.txt", "a"),
    ] {
        project.write(&format!("export/{file}"), text);
    }
    project.write("config/field_map.csv", &confirmed(rows));
    project
}

#[test]
#[ignore = "long: several migrations"]
fn attributes_of_every_source_arrive_where_the_map_sends_them() {
    let project = project(&[
        "events,mood,Event,Mood__c,Text(80)",
        "emails,mood,Task,Mood__c,Text(80)",
        "sms,mood,Task,Mood__c,Text(80)",
        "conversations,mood,task,Talk__c,Text(80)",
        "messages,tone,Task,Tone__c,Text(80)",
        "segments,mood,Campaign,Mood__c,Text(80)",
        "lists,mood,Campaign,List_Mood__c,Text(80)",
        "stage_changes,mood,usercom_stage_change__c,Mood__c,Text(80)",
        "deal_products,mood,OpportunityLineItem,Mood__c,Text(80)",
        "files,mood,ContentVersion,Mood__c,Text(80)",
    ]);
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\nsegment_strategy = \"campaigns\"\n",
    );
    project.carry().ended(0);
    let org = project.org();
    let tasks = org.map("Task", "usercom_id__c", "Mood__c");
    assert_eq!(
        (tasks["email:1"].as_str(), tasks["sms:1"].as_str()),
        ("warm", "brief")
    );
    let message = org.row("Task", "message:1", "Talk__c, Tone__c");
    assert_eq!(
        (message["Talk__c"].as_str(), message["Tone__c"].as_str()),
        ("long", "loud")
    );
    assert_eq!(org.row("Event", "event:1", "Mood__c")["Mood__c"], "calm");
    assert_eq!(
        org.row("Campaign", "segment:1", "Mood__c")["Mood__c"],
        "gold"
    );
    assert_eq!(
        org.row("Campaign", "list:1", "List_Mood__c")["List_Mood__c"],
        "blue"
    );
    assert_eq!(
        org.row("usercom_stage_change__c", "stage_change:1", "Mood__c")["Mood__c"],
        "slow"
    );
    assert_eq!(
        org.row("OpportunityLineItem", "line:1", "Mood__c")["Mood__c"],
        "new"
    );
    assert_eq!(
        org.row("ContentVersion", "file:1", "Mood__c")["Mood__c"],
        "raw"
    );
}

#[test]
fn rows_that_would_arrive_nowhere_are_refused_all_at_once() {
    let project = Project::small();
    project.write("export/messages.csv", MESSAGES);
    let rows = [
        "people,mood,Lead,Mood__c,Text(80)",
        "companies,city,Contcat,City__c,Text(80)",
        "compnies,size,Account,Size__c,Text(80)",
        "deals,moood,Opportunity,Mood__c,Text(80)",
        "messages,tone,CaseComment,Tone__c,Text(80)",
    ];
    project.write("config/field_map.csv", &confirmed(&rows));
    project.edit("export/people.csv", "updated_at\n", "updated_at,mood\n");
    project.edit("export/people.csv", "T00:00:00Z\n", "T00:00:00Z,good\n");
    let refused = project.carry().ended(2);
    let told = refused.error();
    for words in [
        "line 2: people.mood goes to Lead, and a row for Contact is missing",
        "line 3: companies.city → Contcat.City__c would arrive nowhere: nothing of companies is sent to `Contcat`",
        "line 4: compnies.size → Account.Size__c would arrive nowhere: there is no source `compnies`; did you mean `companies`?",
        "line 5: deals.moood → Opportunity.Mood__c would arrive nowhere: deals has no column `moood`",
        "line 6: messages.tone → CaseComment.Tone__c would arrive nowhere: nothing of messages is sent to `CaseComment`",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
}

#[test]
fn a_field_that_there_is_not_is_told_with_line_and_nearest_offline_and_by_the_org() {
    let project = Project::small();
    project.write(
        "config/field_map.csv",
        &confirmed(&[
            "people,mood,Lead,Titel,Text(128)",
            "people,mood,Contact,Birthdate,Text(128)",
        ]),
    );
    project.edit("export/people.csv", "updated_at\n", "updated_at,mood\n");
    project.edit("export/people.csv", "T00:00:00Z\n", "T00:00:00Z,good\n");
    let titel = "config/field_map.csv line 2: people.mood → Lead.Titel: Lead has no";
    let born = "config/field_map.csv line 3: people.mood → Contact.Birthdate: Contact.Birthdate is of the type date, which takes \
                no Text(128)";
    let checked = project.transload(&["check"]).ended(2);
    let planned = project.transload(&["plan"]).ended(2);
    for told in [&checked.stdout, &planned.stderr] {
        for words in [titel, "did you mean `Title`?", born] {
            assert!(told.contains(words), "{words}\n{told}");
        }
    }
    // What a column holds is told in words, and a day that is none.
    let rows =
        "people,mood,Lead,Mood__c,Date,confirmed,ann,2026-01-01\npeople,mood,Contact,,,ignored,,\n";
    project.write("config/field_map.csv", &format!("{HEAD}{rows}"));
    let words = "people.mood holds text in the export and cannot become Date";
    let checked = project.transload(&["check"]).ended(2);
    assert!(checked.stdout.contains(words), "{}", checked.stdout);
    let rows = "people,mood,Lead;Contact,Mood__c,Text(80),confirmed,ann,soon\n";
    project.write("config/field_map.csv", &format!("{HEAD}{rows}"));
    let checked = project.transload(&["check"]).ended(2);
    assert!(
        checked.stdout.contains("`soon` is no day"),
        "{}",
        checked.stdout
    );
    // A name that cannot be one is told before anybody confirms it.
    project.write(
        "config/field_map.csv",
        &format!("{HEAD}people,mood,Lead;Contact,Bad Name!,Text(80),proposed,,\n"),
    );
    let checked = project.transload(&["check"]).ended(2);
    assert!(
        checked.stdout.contains("`Bad Name!` is no API name"),
        "{}",
        checked.stdout
    );
}

#[test]
fn two_attributes_of_one_table_may_go_to_fields_of_one_name_in_two_objects() {
    let project = Project::small();
    project.edit(
        "export/people.csv",
        "updated_at\n",
        "updated_at,plan,tariff\n",
    );
    project.edit(
        "export/people.csv",
        "T00:00:00Z\n",
        "T00:00:00Z,gold,night\n",
    );
    let rows = [
        "people,plan,Lead,Plan__c,Text(80),confirmed,ann,2026-01-01",
        "people,tariff,Contact,Plan__c,Text(80),confirmed,ann,2026-01-01",
        "people,plan,Contact,,,ignored,,",
        "people,tariff,Lead,,,ignored,,",
    ];
    project.write(
        "config/field_map.csv",
        &(HEAD.to_owned() + &rows.join("\n") + "\n"),
    );
    project.carry().ended(0);
    let org = project.org();
    assert_eq!(org.row("Lead", "1", "Plan__c")["Plan__c"], "gold");
    assert_eq!(org.row("Contact", "3", "Plan__c")["Plan__c"], "night");
}

#[test]
fn a_value_that_a_restricted_picklist_lacks_is_told_with_the_nearest_before_anything_is_sent() {
    let project = Project::small();
    project.edit("export/companies.csv", "domain,city", "domain,standing");
    project.write(
        "config/field_map.csv",
        &confirmed(&["companies,standing,Account,CleanStatus,Picklist"]),
    );
    project.write(
        "config/value_map.csv",
        "object,field,source_value,target_value,status,confirmed_by,confirmed_at\n\
         Account,CleanStatus,Paris,Pendng,confirmed,ann,2026-01-01\n\
         Account,CleanStatus,Austin,matched,confirmed,ann,2026-01-01\n",
    );
    let run = project.run().ended(2);
    let told = "config/value_map.csv line 2, column target_value: `Pendng` is no value of the restricted picklist \
                Account.CleanStatus of the org; did you mean `Pending`?";
    assert!(run.error().contains(told), "{}", run.stderr);
    assert!(!run.error().contains("matched"), "{}", run.stderr);
    assert_eq!(project.org().rows("SELECT Id FROM Account").len(), 0);
    project.edit("config/value_map.csv", "Pendng", "Pending");
    project.carry().ended(0);
    let statuses = project.org().map("Account", "usercom_id__c", "CleanStatus");
    assert_eq!(
        [&statuses["10"], &statuses["11"]],
        ["Pending", "Matched"],
        "{statuses:?}"
    );
}
