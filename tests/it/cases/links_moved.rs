//! Links whose source row vanished while what they connect stays: nothing doubles, and no edit is lost.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::kills::{is_about_what_is_gone, killed_at_every_entry, scene};
use crate::org::Org;
use crate::rehearsal::Project;

/// What is linked with what; each field of it can be moved.
struct Links {
    companies: &'static str,
    lists: &'static str,
    tags: &'static str,
    on_deal: &'static str,
    team: &'static str,
    lines: &'static str,
    attendees: &'static str,
}

const BEFORE: Links = Links {
    companies: "\"{10,11}\"",
    lists: "\"{Spring fair,Autumn fair}\"",
    tags: "\"{vip,old}\"",
    on_deal: "3,\"{4}\"",
    team: "{7002}",
    lines: "1,50,1,1,100\n2,50,2,1,50\n",
    attendees: "\"{3,4}\"",
};

const AFTER: Links = Links {
    companies: "\"{10,12}\"",
    lists: "\"{Autumn fair}\"",
    tags: "\"{vip}\"",
    on_deal: "5,\"{4}\"",
    team: "{7001}",
    lines: "1,50,1,1,100\n",
    attendees: "\"{4,5}\"",
};

fn write(project: &Project, links: &Links) {
    project.write(
        "export/people.csv",
        &format!(
            "id,email,name,lifecycle_stage,company_id,companies,lists,tags,assigned_to\n\
             3,cas@globex.example,Cas Cole,customer,10,{},{},{},7001\n\
             4,eva@initech.example,Eva East,customer,11,,\"{{Autumn fair}}\",{{old}},\n\
             5,moe@globex.example,Moe Marsh,customer,10,,{{Spring fair}},,\n",
            links.companies, links.lists, links.tags
        ),
    );
    project.write(
        "export/deals.csv",
        &format!(
            "id,name,value,currency,pipeline,stage,status,company_id,user_id,participants,team,expected_close_date\n\
             50,Pilot,,PLN,1,11,in progress,10,{},{},2026-05-01\n",
            links.on_deal, links.team
        ),
    );
    project.write(
        "export/products.csv",
        "id,name,unit_price,currency\n1,Seat,100,PLN\n2,Setup,50,PLN\n",
    );
    project.write(
        "export/deal_products.csv",
        &format!("id,deal_id,product_id,quantity,unit_price\n{}", links.lines),
    );
    project.write(
        "export/events.csv",
        &format!(
            "id,name,start_at,end_at,user_id,attendees\n\
             80,Demo,2026-03-01T10:00:00Z,2026-03-01T11:00:00Z,,{}\n",
            links.attendees
        ),
    );
}

fn project(more: &str) -> Project {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "\n[options]\n",
        &format!(
            "\n[source]\ncomplete = true\n[gates]\nmax_delete_share = 100.0\n[options]\n{more}"
        ),
    );
    write(&project, &BEFORE);
    project
}

fn set(org: &Org, soql: &str, field: &str) -> BTreeSet<String> {
    let rows = org.rows(soql);
    let found: BTreeSet<String> = rows.iter().map(|row| row[field].clone()).collect();
    assert_eq!(found.len(), rows.len(), "none is there twice: {rows:?}");
    found
}

fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Every link of Cas, of the deal and of the event.
fn links(org: &Org) -> Vec<BTreeSet<String>> {
    let cas = org.row("Contact", "3", "Name")["Id"].clone();
    let of_cas = |object: &str, field: &str, more: &str| {
        let soql = format!("SELECT {field} FROM {object} WHERE ContactId = '{cas}'{more}");
        set(org, &soql, field)
    };
    vec![
        of_cas(
            "AccountContactRelation",
            "Account.Name",
            " AND IsDirect = false",
        ),
        of_cas("CampaignMember", "Campaign.Name", ""),
        set(
            org,
            &format!("SELECT Topic.Name FROM TopicAssignment WHERE EntityId = '{cas}'"),
            "Topic.Name",
        ),
        set(
            org,
            "SELECT Contact.LastName FROM OpportunityContactRole",
            "Contact.LastName",
        ),
        set(
            org,
            "SELECT User.Name FROM OpportunityTeamMember",
            "User.Name",
        ),
        set(
            org,
            "SELECT usercom_id__c FROM OpportunityLineItem",
            "usercom_id__c",
        ),
        set(
            org,
            "SELECT Relation.Name FROM EventRelation",
            "Relation.Name",
        ),
    ]
}

fn before() -> Vec<BTreeSet<String>> {
    vec![
        words(&["Initech"]),
        words(&["Spring fair", "Autumn fair"]),
        words(&["vip", "old"]),
        words(&["Cole", "East"]),
        words(&["Ben Birch"]),
        words(&["line:1", "line:2"]),
        words(&["Cas Cole", "Eva East"]),
    ]
}

fn after() -> Vec<BTreeSet<String>> {
    vec![
        words(&["Hooli"]),
        words(&["Autumn fair"]),
        words(&["vip"]),
        words(&["Marsh", "East"]),
        words(&["Ann Ash"]),
        words(&["line:1"]),
        words(&["Eva East", "Moe Marsh"]),
    ]
}

#[test]
#[ignore = "long: several migrations"]
fn links_that_moved_are_where_the_source_has_them_and_nowhere_else() {
    let project = project("");
    project.carry().ended(0);
    assert_eq!(links(&project.org()), before());
    write(&project, &AFTER);
    let run = project.carry().ended(0);
    assert_eq!(links(&project.org()), after(), "{}", run.stderr);
    assert_eq!(run.number("opportunity_contact_role", "gone_deleted"), 1);
    assert_eq!(run.total("gone_flagged"), 0);
    let deal = project.org().row("Opportunity", "50", "Amount");
    assert_eq!(deal["Amount"].parse::<f64>().unwrap(), 100.0);
    let run = project.carry().ended(0);
    assert_eq!((run.total("sent"), run.total("gone")), (0, 0));

    // The rollback says beforehand what it cannot bring back.
    let asked = project.transload(&["rollback"]);
    assert!(
        asked.stderr.contains("not brought back by a rollback: "),
        "{}",
        asked.stderr
    );
    assert!(
        asked.stderr.contains("opportunity_contact_role 1"),
        "{}",
        asked.stderr
    );

    // A link that is back is made anew.
    write(&project, &BEFORE);
    project.carry().ended(0);
    assert_eq!(links(&project.org()), before());
}

#[test]
#[ignore = "long: several migrations"]
fn a_link_that_somebody_edited_stays_and_is_told() {
    let project = project("");
    project.carry().ended(0);
    let org = project.org();
    let role = org.rows("SELECT Id FROM OpportunityContactRole WHERE Contact.LastName = 'Cole'");
    let edit = json!({"object": "OpportunityContactRole", "id": role[0]["Id"],
        "fields": {"Role": "Decision Maker"}, "user": "ann@acme.example.crm"});
    org.control(Method::POST, "rows", Some(edit));
    drop(org);
    write(&project, &AFTER);
    let run = project.carry();
    assert_eq!(
        run.number("opportunity_contact_role", "gone_deleted"),
        0,
        "{}",
        run.stderr
    );
    let told = project.table("select g.what, g.why from recon.gone_opportunity_contact_role as g");
    assert_eq!(told[0][0], "stays");
    assert_eq!(
        told[0][1], "edited_since",
        "Salesforce changed it along with the new one: {told:?}"
    );
    assert_eq!(links(&project.org())[3], words(&["Cole", "East", "Marsh"]));
}

#[test]
#[ignore = "long: several migrations"]
fn links_of_a_record_that_is_gone_itself_stay_with_it() {
    let project = project("");
    project.carry().ended(0);
    let people = project.read("export/people.csv");
    let rest: Vec<&str> = people
        .lines()
        .filter(|line| !line.starts_with("3,"))
        .collect();
    project.write("export/people.csv", &(rest.join("\n") + "\n"));
    let plan = project.transload(&["plan", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let gone = plan["loads"].as_array().unwrap().iter();
    let gone: Vec<_> = gone
        .filter(|load| load["gone"] != 0 && load["load"] != "contact")
        .collect();
    assert!(!gone.is_empty(), "{plan}");
    for load in &gone {
        assert_eq!(load["gone_done"], 0, "{load}");
    }
    let said = "they stay: what they connect is no longer sent either";
    let link = |name: &str| gone.iter().find(|load| load["load"] == name);
    let role = link("opportunity_contact_role").unwrap();
    assert_eq!(role["gone_course"], said, "{role}");
    let run = project.carry();
    assert_eq!(run.number("contact", "gone_flagged"), 1, "{}", run.stderr);
    assert_eq!(run.total("gone_deleted"), 0, "{}", run.stderr);
    assert_eq!(links(&project.org())[..3], before()[..3]);
}

const UMBRELLA: &str = "13,Umbrella,umbrella.example,,\n";

#[test]
#[ignore = "long: several migrations"]
fn a_run_that_is_killed_while_it_deletes_and_flags_is_settled_by_the_next() {
    let project = project("");
    project.append("export/companies.csv", UMBRELLA);
    let scene = scene(project, |project| {
        write(project, &AFTER);
        // A company that nothing hangs on is gone, too: it is flagged after the links have gone.
        let companies = project.read("export/companies.csv");
        project.write("export/companies.csv", companies.trim_end_matches(UMBRELLA));
    });
    killed_at_every_entry(&scene, is_about_what_is_gone(), |project, org, context| {
        assert_eq!(links(org), after(), "{context}");
        let flagged = org.row("Account", "13", "usercom_deleted_at__c");
        assert_ne!(flagged["usercom_deleted_at__c"], "∅", "{context}");
        // Links that went in the run before are not found any more.
        let gone = project
            .table("select g.load, g.key, g.what from recon.gone as g where g.load = 'account'");
        assert_eq!(gone, [["account", "13", "flagged"]], "{context}");
    });
}
