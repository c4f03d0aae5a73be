//! What arrives in the org: changes between runs, cleared values, and values that their field cannot hold.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::json;
use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
use crate::rehearsal::{Project, Run};

const MAP_HEAD: &str =
    "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n";

const RAW: &str = "usercom_raw_values__c";

type Row = BTreeMap<String, String>;

/// One project over four runs: loaded, edited in the export, not edited, and with a query of its own. Collected
/// once, since every claim about it only reads.
struct Story {
    first: State,
    edited: State,
    idle: State,
    own_query: State,
}

/// What a run left behind.
struct State {
    run: Run,
    /// Object and key → row.
    rows: BTreeMap<(&'static str, String), Row>,
    /// Load, key, operation and outcome of every row sent in this run.
    sent: Vec<[String; 4]>,
    /// Key, field, why, what was done and the original of changed values.
    altered: Vec<Vec<String>>,
}

impl State {
    fn after(run: Run, project: &Project) -> Self {
        let id = run.summary["run"].as_str().unwrap().to_owned();
        let mut sent = Vec::new();
        let mut rows = BTreeMap::new();
        let org = project.org();
        for (load, object, fields) in [
            ("account", "Account", "Name, OwnerId"),
            (
                "lead",
                "Lead",
                "FirstName, LastName, Title, Company, Email, Phone, City, HasOptedOutOfEmail",
            ),
            (
                "contact",
                "Contact",
                "FirstName, LastName, Email, Phone, MailingCity",
            ),
            ("opportunity", "Opportunity", "Name, CloseDate"),
        ] {
            let attempts = project.table(&format!(
                "select cast(a.usercom_id__c as varchar) as key, a.operation, a.outcome \
                 from ledger.attempts_{load} as a where a.run_id = '{id}' order by key"
            ));
            sent.extend(attempts.into_iter().map(|cells| {
                let [key, operation, outcome] = <[String; 3]>::try_from(cells).unwrap();
                [load.to_owned(), key, operation, outcome]
            }));
            for row in org.rows(&format!(
                "SELECT Id, usercom_id__c, {RAW}, {fields} FROM {object}"
            )) {
                let key = row["usercom_id__c"].clone();
                assert!(
                    rows.insert((object, key), row).is_none(),
                    "a key twice in {object}"
                );
            }
        }
        let altered = project.table(
            "select a.key, a.field, a.why, a.done, a.original from recon.altered_lead as a order by a.key",
        );
        Self {
            run,
            rows,
            sent,
            altered,
        }
    }

    fn cell(&self, object: &'static str, key: &str, field: &str) -> &str {
        &self.rows[&(object, key.to_owned())][field]
    }

    fn sent(&self, load: &str, key: &str) -> Option<(&str, &str)> {
        let row = self
            .sent
            .iter()
            .find(|row| row[0] == load && row[1] == key)?;
        Some((&row[2], &row[3]))
    }
}

pub(crate) fn long_name() -> String {
    "Łukasiewicz-".repeat(9)
}

fn long_deal() -> String {
    format!("Rollout {}", "of everything ".repeat(12))
        .trim_end()
        .to_owned()
}

fn story() -> &'static Story {
    static STORY: OnceLock<Story> = OnceLock::new();
    STORY.get_or_init(|| {
        let project = Project::small();
        project.edit("export/deals.csv", "Pilot", &long_deal());
        project.edit("export/deals.csv", "2026-02-03T10:00:00Z", "2026-02-03T23:30:00Z");
        project.append(
            "export/people.csv",
            &format!(
                "11,not an address,,Ida Ivy,lead,10,Paris,1,f,7001,2026-01-01T00:00:00Z\n\
                 12,jo@globex.example,,Jo {},lead,10,Paris,1,f,7001,2026-01-01T00:00:00Z\n\
                 13,kim@globex.example,,Kim\u{7} Kent,lead,10,Paris,1,f,7001,2026-01-01T00:00:00Z\n\
                 14,lou@globex.example,+48 700,\"Lou \"\"Ace\"\" Łąka, 李 🦊\",customer,10,\"Wrocław,\nRynek\",1,f,\
                 7001,2026-01-01T00:00:00Z\n",
                long_name()
            ),
        );
        let first = State::after(project.run(), &project);

        let org = project.org();
        let lee = org.row("Lead", "1", "Id").remove("Id").unwrap();
        org.change("Lead", &lee, json!({"Phone": "+33 1 02 03 04 05"}));
        drop(org);
        project.edit("export/people.csv", "cas@globex.example", "cas.cole@globex.example");
        project.edit("export/people.csv", ",+48 700,", ",,");
        project.edit("export/people.csv", "lead,10,Paris,5", "lead,10,Nantes,5");
        project.edit("export/people.csv", "not an address", "ida@globex.example");
        project.append(
            "export/people.csv",
            "7,gil@globex.example,,Gil Gates,customer,10,Paris,1,f,7001,2026-02-01T00:00:00Z\n",
        );
        let edited = State::after(project.run(), &project);
        let idle = State::after(project.run(), &project);

        project.override_query("queries/load/lead.sql", |sql| {
            let title = "    case when person.score > 5 then 'met at ' || person.city end as \"Title\",\n    person.custom,\n";
            sql.replace("    person.custom,\n", title)
                .replace(" lead.company_name, lead.email_domain", " upper(lead.company_name), lead.email_domain")
        });
        let own_query = State::after(project.run(), &project);
        Story { first, edited, idle, own_query }
    })
}

#[test]
#[ignore = "long: several migrations"]
fn a_changed_email_is_an_update_by_id() {
    let story = story();
    assert_eq!(
        story.edited.sent("contact", "3"),
        Some(("update", "updated"))
    );
    assert_eq!(
        story.edited.cell("Contact", "3", "Email"),
        "cas.cole@globex.example"
    );
    let id = story.first.cell("Contact", "3", "Id");
    assert_eq!(story.edited.cell("Contact", "3", "Id"), id);
}

#[test]
fn only_rows_that_changed_are_sent() {
    let edited = &story().edited;
    assert_eq!(edited.run.code, Some(0), "{}", edited.run.stderr);
    let keys: Vec<(&str, &str)> = edited.sent.iter().map(|row| (&*row[0], &*row[1])).collect();
    let expected = [
        ("lead", "1"),
        ("lead", "11"),
        ("contact", "14"),
        ("contact", "3"),
        ("contact", "7"),
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        edited.run.total("unchanged") + 5,
        edited.run.total("outbox")
    );
}

#[test]
fn a_new_person_is_created_beside_the_known_ones() {
    let story = story();
    assert_eq!(
        story.edited.sent("contact", "7"),
        Some(("upsert", "created"))
    );
    assert_eq!(story.edited.rows.len(), story.first.rows.len() + 1);
    assert_eq!(story.edited.run.total("created"), 1);
}

#[test]
#[ignore = "long: several migrations"]
fn a_cleared_value_is_cleared_in_the_org_once() {
    let story = story();
    assert_eq!(story.first.cell("Contact", "14", "Phone"), "+48 700");
    assert_eq!(
        story.edited.sent("contact", "14"),
        Some(("update", "updated"))
    );
    assert_eq!(story.edited.cell("Contact", "14", "Phone"), "∅");
    assert!(story.idle.sent.is_empty(), "{:?}", story.idle.sent);
    assert_eq!(story.idle.run.code, Some(0), "{}", story.idle.run.stderr);
}

#[test]
fn a_value_that_we_never_wrote_survives_our_update() {
    let story = story();
    assert_eq!(story.first.cell("Lead", "1", "Phone"), "∅");
    assert_eq!(story.edited.cell("Lead", "1", "City"), "Nantes");
    assert_eq!(story.edited.cell("Lead", "1", "Phone"), "+33 1 02 03 04 05");
}

#[test]
fn an_invalid_email_is_blanked_and_kept() {
    let first = &story().first;
    assert_eq!(first.cell("Lead", "11", "Email"), "∅");
    assert_eq!(first.cell("Lead", "11", RAW), "Email: not an address");
}

#[test]
fn the_original_is_cleared_when_the_value_fits_again() {
    let edited = &story().edited;
    assert_eq!(edited.cell("Lead", "11", "Email"), "ida@globex.example");
    assert_eq!(edited.cell("Lead", "11", RAW), "∅");
}

#[test]
fn a_text_over_the_limit_is_cut_by_characters_and_kept_whole() {
    let first = &story().first;
    let cut: String = long_name().chars().take(80).collect();
    assert_eq!(first.cell("Lead", "12", "LastName"), cut);
    assert_eq!(
        first.cell("Lead", "12", RAW),
        format!("LastName: {}", long_name())
    );
    let cut: String = long_deal().chars().take(120).collect();
    assert_eq!(first.cell("Opportunity", "50", "Name"), cut.trim_end());
    assert_eq!(
        first.cell("Opportunity", "50", RAW),
        format!("Name: {}", long_deal())
    );
}

#[test]
fn control_characters_are_removed() {
    let first = &story().first;
    assert_eq!(first.cell("Lead", "13", "FirstName"), "Kim");
    assert_eq!(first.cell("Lead", "13", "LastName"), "Kent");
}

#[test]
fn unicode_quotes_and_line_breaks_arrive_as_they_are() {
    let first = &story().first;
    assert_eq!(
        first.cell("Contact", "14", "FirstName"),
        "李 🦊",
        "a comma behind the last name"
    );
    assert_eq!(first.cell("Contact", "14", "LastName"), "Lou \"Ace\" Łąka");
    assert_eq!(
        first.cell("Contact", "14", "MailingCity"),
        "Wrocław,\nRynek"
    );
    assert_eq!(first.cell("Contact", "14", RAW), "∅");
}

#[test]
fn an_instant_becomes_a_date_in_the_business_time_zone() {
    // Won at half past eleven in the evening UTC, which is the next day in Warsaw; a pure date is left alone.
    assert_eq!(
        story().first.cell("Opportunity", "51", "CloseDate"),
        "2026-02-04"
    );
    assert_eq!(
        story().first.cell("Opportunity", "50", "CloseDate"),
        "2026-05-01"
    );
}

#[test]
fn who_unsubscribed_is_opted_out() {
    assert_eq!(
        story().first.cell("Lead", "2", "HasOptedOutOfEmail"),
        "true"
    );
    assert_eq!(
        story().first.cell("Lead", "1", "HasOptedOutOfEmail"),
        "false"
    );
}

#[test]
fn every_altered_value_is_listed_with_its_original() {
    let first = &story().first;
    assert_eq!(
        first.altered,
        [
            ["11", "Email", "invalid_email", "blanked", "not an address"],
            ["12", "LastName", "too_long", "cut", &long_name()],
            [
                "13",
                "FirstName",
                "control_characters",
                "cleaned",
                "Kim\u{7}"
            ],
        ]
    );
    assert_eq!(first.run.number("lead", "altered"), 3);
}

#[test]
fn a_query_of_the_project_changes_what_is_sent() {
    let story = story();
    assert_eq!(
        story.own_query.run.code,
        Some(0),
        "{}",
        story.own_query.run.stderr
    );
    assert_eq!(story.own_query.cell("Lead", "2", "Title"), "met at Austin");
    assert_eq!(story.own_query.cell("Lead", "2", "Company"), "INITECH");
    assert_eq!(
        story.own_query.sent("lead", "2"),
        Some(("update", "updated"))
    );
    assert!(story.own_query.sent.iter().all(|row| row[0] == "lead"));
}

/// Fay has no company and too low a score for a title: her values are those last sent.
#[test]
fn a_row_whose_values_a_new_query_leaves_alone_is_not_sent() {
    assert_eq!(story().own_query.sent("lead", "6"), None);
}

#[test]
#[ignore = "long: several migrations"]
fn an_attribute_that_is_new_in_the_export_moves_once_it_is_mapped() {
    let project = Project::loaded();
    project.edit(
        "export/companies.csv",
        "assigned_to\n",
        "assigned_to,fleet size\n",
    );
    project.edit("export/companies.csv", "Paris,7001\n", "Paris,7001,14\n");
    project.edit("export/companies.csv", "Austin,7002\n", "Austin,7002,\n");
    project.edit(
        "export/companies.csv",
        "hooli.example,,\n",
        "hooli.example,,,3\n",
    );
    project.run().ended(2);

    let row = "companies,fleet_size,Account,Fleet_Size__c,";
    project.write(
        "config/field_map.csv",
        &format!("{MAP_HEAD}{row}Text(40),confirmed,ann,2026-01-01\n"),
    );
    let run = project.run().ended(0);
    assert_eq!(run.total("created"), 0);
    assert_eq!(run.number("account", "updated"), run.total("sent"));
    let fleet = project
        .org()
        .map("Account", "usercom_id__c", "Fleet_Size__c");
    let expected = [("10", "14"), ("11", "∅"), ("12", "3")];
    assert_eq!(
        fleet,
        BTreeMap::from(expected.map(|(key, size)| (key.to_owned(), size.to_owned())))
    );
}

/// By default neither way converts, deletes or doubles anything.
#[test]
#[ignore = "long: several migrations"]
fn a_person_who_changes_sides_is_held_or_stays() {
    let project = Project::loaded();
    project.edit("export/people.csv", "Lee Lane,lead", "Lee Lane,customer");
    let run = project.run().ended(1);
    assert_eq!((run.total("sent"), run.number("contact", "held")), (0, 1));
    let fates = "select f.key, f.fate, f.reason from recon.fates_contact as f";
    assert_eq!(project.table(fates), [["1", "held", "is_a_lead_already"]]);
    assert!(!project.org().keys("Contact").contains("1"));

    project.edit("export/people.csv", "Lee Lane,customer", "Lee Lane,lead");
    project.edit("export/people.csv", "Cas Cole,customer", "Cas Cole,lead");
    let run = project.run().ended(0);
    assert_eq!(run.total("created"), 0);
    let flags = "select f.key from recon.flags_contact as f where f.flag = 'demoted_in_source'";
    assert_eq!(project.table(flags), [["3"]]);
    let org = project.org();
    assert!(!org.keys("Lead").contains("3") && org.keys("Contact").contains("3"));
}

/// Account as a load that sends CreatedDate, so that its rows are inserted; needs an org that allows it.
fn audited(project: &Project) -> Org {
    project.serve_org(SalesforceSimOptions {
        audit_fields: true,
        ..SalesforceSimOptions::default()
    })
}

#[test]
#[ignore = "long: several migrations"]
fn rows_with_an_original_timestamp_are_inserted_and_later_updated_without_it() {
    let project = Project::small();
    let org = audited(&project);
    project.load_into(&org, "");
    project.edit(
        "export/companies.csv",
        "assigned_to\n",
        "assigned_to,created_at\n",
    );
    for row in ["Paris,7001\n", "Austin,7002\n", "hooli.example,,\n"] {
        project.edit(
            "export/companies.csv",
            row,
            &row.replace('\n', ",2019-04-05T06:07:08Z\n"),
        );
    }
    project.run_with(&["--yes"]).ended(0);
    let operations = "select distinct a.operation, a.outcome from ledger.attempts_account as a";
    assert_eq!(project.table(operations), [["insert", "created"]]);
    let created = org
        .row("Account", "10", "CreatedDate")
        .remove("CreatedDate")
        .unwrap();
    assert!(created.starts_with("2019-04-05T06:07:08"), "{created}");

    project.edit("export/companies.csv", "Paris", "Rouen");
    let run = project.run().ended(0);
    assert_eq!(
        (run.total("sent"), run.number("account", "updated")),
        (1, 1)
    );
    assert_eq!(
        org.row("Account", "10", "BillingCity")["BillingCity"],
        "Rouen"
    );
}

#[test]
fn a_no_break_space_parts_words_and_is_no_difference() {
    let project = Project::small();
    project.edit("export/people.csv", "Lee Lane", "Lee La\u{a0}Rue");
    project.edit("export/people.csv", "Paris,5", "Paris\u{a0},5");
    let run = project.run().ended(0);
    assert_eq!(run.total("differences"), 0);
    let lee = project.org().row("Lead", "1", "FirstName, LastName");
    assert_eq!((&*lee["FirstName"], &*lee["LastName"]), ("Lee", "La Rue"));
}

#[test]
fn custom_attributes_arrive_as_their_types() {
    let project = Project::small();
    project.write(
        "export/attributes.jsonl",
        "{\"id\":1,\"name\":\"Score\",\"name_std\":\"nps\",\"value_type\":\"integer\",\"content_type\":\"clientuser\"}\n\
         {\"id\":2,\"name\":\"Agrees\",\"name_std\":\"agrees\",\"value_type\":\"boolean\",\"content_type\":\"clientuser\"}\n\
         {\"id\":3,\"name\":\"Likes\",\"name_std\":\"likes\",\"value_type\":\"fixed\",\"content_type\":\"user\",\
         \"choices\":[\"Tea\",\"Milk, hot\"],\"allow_multiple_choices\":true}\n\
         {\"id\":4,\"name\":\"Born\",\"name_std\":\"born\",\"value_type\":\"date\",\"content_type\":\"clientuser\"}\n\
         {\"id\":5,\"name\":\"Trial\",\"name_std\":\"trial\",\"value_type\":\"datetime\",\"content_type\":\"clientuser\"}\n\
         {\"id\":6,\"name\":\"Budget\",\"name_std\":\"budget\",\"value_type\":\"float\",\"content_type\":\"clientuser\"}\n",
    );
    project.write(
        "export/people.csv",
        "id,email,name,lifecycle_stage,nps,agrees,likes,born,trial,budget\n\
         1,lee@globex.example,Lee Lane,lead,9,t,\"{\"\"Milk, hot\"\",Tea}\",1990-02-28,2026-01-02 03:04:05+02,1250.50\n\
         2,sue@initech.example,Sue Stone,lead,,f,,,,\n\
         3,moe@globex.example,Moe Marsh,lead,ten,,[],,,\n",
    );
    project.write(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
         people,nps,Lead;Contact,Nps__c,\"Number(18,0)\",confirmed,ann@acme.example,2026-02-20\n\
         people,agrees,Lead;Contact,Agrees__c,Picklist,confirmed,ann@acme.example,2026-02-20\n\
         people,likes,Lead;Contact,Likes__c,MultiselectPicklist,confirmed,ann@acme.example,2026-02-20\n\
         people,born,Lead;Contact,Born__c,Date,confirmed,ann@acme.example,2026-02-20\n\
         people,trial,Lead;Contact,Trial__c,DateTime,confirmed,ann@acme.example,2026-02-20\n\
         people,budget,Lead;Contact,Budget__c,\"Number(18,2)\",confirmed,ann@acme.example,2026-02-20\n",
    );
    for other in ["export/deals.csv", "export/pipelines.jsonl"] {
        std::fs::remove_file(project.path(other)).unwrap();
    }
    project.run().ended(0);
    let org = project.org();
    let fields = "Nps__c, Agrees__c, Likes__c, Born__c, Trial__c, Budget__c";
    let cells = |key: &str| {
        let row = org.row("Lead", key, fields);
        [
            "Nps__c",
            "Agrees__c",
            "Likes__c",
            "Born__c",
            "Trial__c",
            "Budget__c",
        ]
        .map(|field| row[field].clone())
    };
    assert_eq!(
        cells("1"),
        [
            "9.0",
            "Yes",
            "Milk, hot;Tea",
            "1990-02-28",
            "2026-01-02T01:04:05.000+0000",
            "1250.5"
        ]
    );
    assert_eq!(
        cells("2"),
        ["∅", "No", "∅", "∅", "∅", "∅"],
        "null is not false"
    );
    assert_eq!(cells("3"), ["∅"; 6], "a cell that does not parse is null");
    let rejects = project.table("select r.\"column\", r.value from rejects.people as r");
    assert_eq!(rejects, [["nps".to_owned(), "ten".to_owned()]]);
}
