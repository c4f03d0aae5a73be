//! Links that somebody deleted in Salesforce: held as any deleted record is, and no gate shuts.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::org::Org;
use crate::rehearsal::Project;

/// Loads whose records carry no key of ours, with what they are known by. Relations of a sent e-mail nobody may delete; a link whose
/// note is gone waits for the note.
const LOADS: [(&str, &str); 13] = [
    ("account_contact_relation", "AccountId, ContactId"),
    ("account_team_member", "AccountId, UserId"),
    ("account_territory", "ObjectId, Territory2Id"),
    ("campaign_member_status", "CampaignId, Label"),
    ("chat_comment", "_key"),
    ("content_document_link", "ContentDocumentId, LinkedEntityId"),
    ("event_relation", "EventId, RelationId"),
    ("opportunity_contact_role", "OpportunityId, ContactId"),
    ("opportunity_team_member", "OpportunityId, UserId"),
    ("pricebook_entry", "_key"),
    ("topic", "Name"),
    ("topic_assignment", "EntityId, TopicId"),
    ("user_territory", "UserId, Territory2Id"),
];

/// A project with records of each such load.
fn linked() -> Project {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\nemail_strategy = \"email_messages\"\nchat_strategy = \"case_comments\"\n",
    );
    for (path, text) in [
        (
            "export/companies.csv",
            "id,name,domain,team,assigned_to\n10,Globex,globex.example,\"{7001,7002}\",7001\n11,Initech,initech.example,,7002\n",
        ),
        (
            "export/people.csv",
            "id,email,name,lifecycle_stage,company_id,companies,lists,tags,assigned_to\n\
             3,cas@globex.example,Cas Cole,customer,10,\"{10,11}\",\"{Spring fair}\",\"{vip,zed}\",7001\n\
             4,eva@globex.example,Eva East,customer,10,,\"{Spring fair}\",{vip},7002\n",
        ),
        (
            "export/deals.csv",
            "id,name,value,currency,pipeline,stage,status,company_id,user_id,participants,team,expected_close_date\n\
             50,Pilot,100,PLN,1,11,in progress,10,3,{4},{7002},2026-05-01\n",
        ),
        (
            "export/products.csv",
            "id,name,unit_price,currency\n1,Seat,100,PLN\n2,Setup,50,PLN\n",
        ),
        (
            "export/deal_products.csv",
            "id,deal_id,product_id,quantity,unit_price\n1,50,1,1,100\n",
        ),
        (
            "export/events.csv",
            "id,name,start_at,end_at,user_id,attendees\n\
             80,Demo,2026-03-01T10:00:00Z,2026-03-01T11:00:00Z,3,\"{eva@globex.example,ben@acme.example}\"\n",
        ),
        (
            "export/notes.csv",
            "id,name,content,person_id,deal_id\n1,Call,hello,3,50\n2,Visit,there,4,50\n",
        ),
        (
            "export/emails.csv",
            "id,person_id,deal_id,subject,content,from_email,to_email,status,direction,sent_at,assigned_to\n\
             1,3,50,Offer,<p>x</p>,ann@acme.example,cas@globex.example,opened,out,2025-01-01T10:00:00Z,7001\n",
        ),
        (
            "export/conversations.csv",
            "id,person_id,assigned_to,active,source,created_at\n1,3,7001,t,1,2025-01-01T10:00:00Z\n",
        ),
        (
            "export/messages.csv",
            "id,conversation_id,person_id,author_type,direction,content,channel,sent_at\n\
             1,1,3,person,in,hello,1,2025-01-01T10:00:00Z\n2,1,3,agent,out,hi,1,2025-01-01T10:01:00Z\n",
        ),
        (
            "config/user_territories.csv",
            "user_email,territory\nann@acme.example,West\nben@acme.example,West\n",
        ),
        (
            "config/territories.csv",
            "company_id,territory\n10,West\n11,West\n",
        ),
        ("org/Territory2.csv", "Name,DeveloperName\nWest,West\n"),
    ] {
        project.write(path, text);
    }
    project
}

/// The last record of each such load, by its key.
fn last_of_each(project: &Project) -> Vec<(&'static str, String, String)> {
    let of = |(load, key): &(&'static str, &str)| {
        let columns: Vec<String> = key
            .split(", ")
            .map(|name| format!("l.\"{name}\""))
            .collect();
        let sql = format!(
            "select concat_ws('|', {}) as key, l.id from ledger.{load} as l order by 1 desc limit 1",
            columns.join(", ")
        );
        let row = project.table(&sql).remove(0);
        (*load, row[0].clone(), row[1].clone())
    };
    LOADS.iter().map(of).collect()
}

/// What is held because somebody deleted it.
fn deleted(project: &Project) -> BTreeSet<(String, String)> {
    let sql = "select h.load, h.key from recon.held as h where h.reason = 'deleted_in_salesforce'";
    let rows = project.table(sql).into_iter();
    rows.map(|mut row| (row.remove(0), row.remove(0))).collect()
}

#[test]
#[ignore = "long: several migrations"]
fn each_kind_of_link_that_somebody_deleted_is_held_and_shuts_no_gate() {
    let project = linked();
    project.run().ended(0);
    let of_each = last_of_each(&project);
    let org = project.org();
    for (_, _, id) in &of_each {
        org.control(Method::POST, "delete", Some(json!({"id": id})));
    }
    let count = |org: &Org| org.rows("SELECT Id FROM OpportunityContactRole").len();
    assert_eq!(count(&org), 1);
    drop(org);
    for again in ["at first", "once more"] {
        let run = project.run();
        assert_eq!(run.code, Some(0), "{again}: {}", run.stderr);
        assert_eq!(run.total("differences"), 0, "{again}");
        let held = deleted(&project);
        for (load, key, _) in &of_each {
            let row = ((*load).to_owned(), key.clone());
            assert!(held.contains(&row), "{again}: {row:?} of {held:?}");
            assert_eq!(run.number(load, "created"), 0, "{again}: {load}");
        }
    }
    // Nor is it made anew unless somebody says so.
    let role = of_each
        .iter()
        .find(|(load, ..)| *load == "opportunity_contact_role");
    let (_, key, id) = role.unwrap();
    project.write(
        "config/decisions.csv",
        &format!(
            "object,key,field,ours,theirs,decision\nOpportunityContactRole,{key},*,,{id},recreate\n"
        ),
    );
    let run = project.run().ended(0);
    assert_eq!(run.number("opportunity_contact_role", "created"), 1);
    assert_eq!(count(&project.org()), 2);
}
