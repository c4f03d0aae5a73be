//! The same thing written in several ways: addresses, owners, currencies, tags, paths, companies.

use crate::rehearsal::Project;

#[test]
fn an_address_is_the_same_whatever_stands_around_it() {
    let project = Project::small();
    project.write("export/deals.csv", "id,name\n");
    project.write(
        "export/people.csv",
        "id,email,name,lifecycle_stage\n\
         1,Cy <cy@gmail.com>,,lead\n2,mailto:cy@gmail.com,Cy Cole,lead\n3,<kim@initech.example>,Kim Kay,lead\n\
         4,gus@gmail.com.,Gus Gray,lead\n5,mailto:eve@x.example,,lead\n\
         6,\"dan@gmail.com, dan@x.example\",Dan Day,lead\n",
    );
    project.write(
        "export/events.jsonl",
        "{\"id\":1,\"name\":\"Meet\",\"start\":\"2026-01-01T10:00:00Z\",\"user_id\":3,\"attendees\":[\"eve@x.example\"]}\n",
    );
    project.run().ended(0);
    let org = project.org();
    let leads = org.rows("SELECT usercom_id__c, LastName, Company, Email FROM Lead");
    let mut leads: Vec<String> = leads
        .iter()
        .map(|lead| {
            ["usercom_id__c", "LastName", "Company", "Email"]
                .map(|field| lead[field].as_str())
                .join(" | ")
        })
        .collect();
    leads.sort_unstable();
    assert_eq!(
        leads,
        [
            "1 | cy | [not provided] | cy@gmail.com",
            "2 | Cole | [not provided] | cy@gmail.com",
            "3 | Kay | initech.example | kim@initech.example",
            "4 | Gray | [not provided] | gus@gmail.com",
            "5 | eve | x.example | eve@x.example",
            "6 | Day | [not provided] | ∅",
        ]
    );
    drop(org);
    let shared = "select f.key from recon.flagged as f where f.flag = 'address_of_several_people' order by 1";
    assert_eq!(project.table(shared), [["1"], ["2"]]);
    assert_eq!(project.number("select count(*) from recon.held"), 0);
    let altered = "select a.id, a.\"value\" from staged.altered as a where a.reason = 'address_in_text' order by 1";
    assert_eq!(
        project.table(altered),
        [
            ["1", "Cy <cy@gmail.com>"],
            ["2", "mailto:cy@gmail.com"],
            ["3", "<kim@initech.example>"],
            ["4", "gus@gmail.com."],
            ["5", "mailto:eve@x.example"],
        ]
    );
}

#[test]
fn owners_go_by_their_names_and_currencies_by_their_signs() {
    let project = Project::small();
    project.write(
        "export/companies.csv",
        "id,name,domain,assigned_to\n10,Globex,globex.example,Ben Birch\n11,Initech,initech.example,[7002]\n\
         12,Hooli,hooli.example,Old Sales\n",
    );
    project.write(
        "config/owners.csv",
        "owner_id,owner_email,user_email,note\n,Old Sales,ann@acme.example,left in 2024\n",
    );
    project.edit("export/deals.csv", "100.50,PLN", "100.50,zł");
    project.edit("export/deals.csv", "2000,PLN", "2000,złoty");
    let run = project.run().ended(1);
    assert!(
        run.stderr.contains("currency_without_rate"),
        "{}",
        run.stderr
    );
    project.edit("export/deals.csv", "złoty", "pln");
    project.run().ended(0);
    let org = project.org();
    let users = org.map("User", "Id", "Alias");
    let owners = org.map("Account", "usercom_id__c", "OwnerId");
    let owners = ["10", "11", "12"].map(|id| users[&owners[id]].as_str());
    assert_eq!(owners, ["ben", "ben", "ann"]);
    let deal = org.row("Opportunity", "50", "Amount, usercom_currency__c");
    assert_eq!(deal["usercom_currency__c"], "PLN");
}

#[test]
fn agents_attend_events_and_tags_files_and_companies_are_found_however_they_are_written() {
    let project = Project::small();
    project.write(
        "export/agents.csv",
        "id,name,email,active\n7001,Ann Ash,ann@acme.example,t\n7002,Ben Birch,ben@acme.example,t\n\
         7003,Gone Agent,gone@acme.example,f\n",
    );
    project.write(
        "export/companies.csv",
        "id,name,domain\n10,Globex,globex.example\n11,Initech,initech.example\n12,Twin,twin.example\n13,Twin,\n",
    );
    project.write(
        "export/people.csv",
        "id,email,name,lifecycle_stage,company,tags\n\
         1,lee@globex.example,Lee Lane,lead,,\"{1,2}\"\n2,sue@initech.example,Sue Stone,lead,,\"{vip,9}\"\n\
         3,cas@globex.example,Cas Cole,customer,Globex,\n4,eva@twin.example,Eva East,customer,Twin,\n\
         5,moe@none.example,Moe Marsh,customer,Nowhere,\n",
    );
    project.write("export/tags.csv", "id,name\n1,VIP\n2,Newsletter\n");
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,expected_close_date,tags\n\
         50,Pilot,100.50,PLN,1,11,in progress,10,3,2026-05-01,\"{2}\"\n\
         51,Lost,1,PLN,1,11,in progress,99,3,2026-05-01,\n",
    );
    project.write(
        "export/events.jsonl",
        "{\"id\":1,\"name\":\"Meet\",\"start\":\"2026-01-01T10:00:00Z\",\"user_id\":3,\
         \"attendees\":[{\"type\":\"agent\",\"id\":7002},\"ann@acme.example\",{\"type\":\"agent\",\"id\":7003}]}\n\
         {\"id\":2,\"name\":\"When\",\"start\":\"at noon\",\"user_id\":3}\n\
         {\"id\":3,\"name\":\"Never\",\"user_id\":3}\n\
         {\"id\":4,\"name\":\"Other\",\"start\":\"2026-01-01T10:00:00Z\",\"user_id\":3}\n\
         {\"id\":5,\"name\":\"Third\",\"start\":\"2026-01-01T10:00:00Z\",\"user_id\":3}\n",
    );
    project.write(
        "export/files.csv",
        "id,name,path,user_id\n1,a.pdf,blobs\\a.pdf,3\n2,b.pdf,./blobs/sub/b.pdf,3\n3,c.pdf,c.pdf,3\n",
    );
    for name in ["a.pdf", "sub/b.pdf", "c.pdf"] {
        project.write(&format!("export/blobs/{name}"), "text");
    }
    project.run().ended(0);
    let held =
        project.table("select h.load, h.key, h.reason from recon.held as h order by 1, 2, 3");
    let held: Vec<String> = held
        .iter()
        .filter(|row| row[0] != "account_contact_relation")
        .map(|row| format!("{} {}", row[0], row[2]))
        .collect();
    assert_eq!(
        held,
        [
            "contact ambiguous_company",
            "contact company_not_in_export",
            "event start_unreadable",
            "event event_without_start",
            "event_relation attendee_without_user",
            "opportunity company_not_in_export",
            "opportunity_contact_role deal_missing",
        ]
    );
    let org = project.org();
    let users = org.map("User", "Id", "Alias");
    let relations = org.rows("SELECT RelationId FROM EventRelation");
    let mut attend: Vec<&str> = relations
        .iter()
        .filter_map(|row| users.get(&row["RelationId"]))
        .map(String::as_str)
        .collect();
    attend.sort_unstable();
    attend.dedup();
    assert!(
        attend.contains(&"ann") && attend.contains(&"ben"),
        "{attend:?}"
    );
    let topics = org.rows("SELECT Name FROM Topic");
    let mut topics: Vec<&str> = topics.iter().map(|row| row["Name"].as_str()).collect();
    topics.sort_unstable();
    assert_eq!(topics, ["9", "Newsletter", "VIP"]);
    assert_eq!(
        org.row("Opportunity", "50", "usercom_tags__c")["usercom_tags__c"],
        "Newsletter"
    );
    assert_eq!(org.rows("SELECT Id FROM ContentVersion").len(), 3);
}
