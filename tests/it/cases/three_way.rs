//! The last delta: both sides have worked since the last run, and nobody's work is lost.

use reqwest::Method;
use serde_json::{Value, json};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
use crate::rehearsal::Project;

/// People; what changes from run to run is Eva's telephone number, her city and her region.
pub(super) fn people(project: &Project, phone: &str, city: &str, region: &str) {
    project.write(
        "export/people.csv",
        &format!(
            "id,email,phone_number,name,lifecycle_stage,company_id,city,region\n\
             2,sue@initech.example,+48 602,Sue Stone,subscriber,11,Austin,Ohio\n\
             4,eva@initech.example,{phone},Eva East,customer,11,{city},{region}\n"
        ),
    );
}

/// Somebody changes a record in the org.
pub(super) fn edit(org: &Org, object: &str, key: &str, fields: Value) {
    let id = org.row(object, key, "Name")["Id"].clone();
    let edit =
        json!({"object": object, "id": id, "fields": fields, "user": "ann@acme.example.crm"});
    org.control(Method::POST, "rows", Some(edit));
}

pub(super) fn loaded() -> Project {
    let project = Project::small();
    people(&project, "+48 604", "Austin", "Texas");
    project.carry().ended(0);
    project
}

pub(super) const CONFLICTS: &str = "select c.key, c.field, c.state, c.base, c.ours, c.theirs from recon.conflicts as c order by c.key, c.field";

/// Telephone number and city of Eva in the org.
fn eva(project: &Project) -> (String, String) {
    let row = project.org().row("Contact", "4", "Phone, MailingCity");
    (row["Phone"].clone(), row["MailingCity"].clone())
}

fn values(phone: &str, city: &str) -> (String, String) {
    (phone.to_owned(), city.to_owned())
}

#[test]
#[ignore = "long: several migrations"]
fn what_both_sides_changed_is_asked_and_stays_as_it_is_in_the_org() {
    let project = loaded();
    let org = project.org();
    edit(&org, "Contact", "4", json!({"Phone": "+48 999"}));
    let ann = org.rows("SELECT Id FROM User WHERE Alias = 'ann'")[0]["Id"].clone();
    drop(org);

    people(&project, "+48 605", "Nice", "Texas");
    // What is planned is what happens; nothing is sent before.
    let plan = project
        .transload(&["delta", "--dry-run", "--format", "json"])
        .ended(1);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let contact = plan["loads"]
        .as_array()
        .unwrap()
        .iter()
        .find(|load| load["load"] == "contact");
    let contact = contact.unwrap();
    assert_eq!(
        (&contact["update"], &contact["conflicts"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(eva(&project), values("+48 999", "Austin"));
    let run = project.carry().ended(1);
    assert_eq!(run.number("contact", "updated"), 1, "{}", run.error());
    let changes = "select c.load, c.key, c.field, c.old, c.new from ledger.changes as c";
    assert_eq!(
        project.table(changes),
        [["contact", "4", "MailingCity", "Austin", "Nice"]]
    );
    assert_eq!(run.number("contact", "conflicts"), 1);
    assert_eq!(run.total("differences"), 0);
    assert_eq!(eva(&project), values("+48 999", "Nice"));
    let asked = [["4", "Phone", "ask", "+48 604", "+48 605", "+48 999"]];
    assert_eq!(project.table(CONFLICTS), asked);
    let by = project.table("select c.changed_by, c.link, c.id from recon.conflicts as c");
    assert_eq!(by[0][0], ann);
    assert!(by[0][1].ends_with(&format!("/{}", by[0][2])), "{by:?}");

    assert!(
        run.error()
            .contains("1 field(s) were changed in the source and in the org"),
        "{}",
        run.error()
    );
    let file = project.report("conflicts.csv");
    assert!(
        file.starts_with(
            "object,key,field,ours,theirs,decision,base,changed_by,changed_at,source_changed_at,record,note\n\
                          Contact,4,Phone,'+48 605,'+48 999,,'+48 604,"
        ),
        "{file}"
    );

    // The question stays, nothing is sent.
    let run = project.carry();
    assert_eq!(run.total("sent"), 0);
    assert_eq!(project.table(CONFLICTS), asked);
    assert_eq!(run.total("differences"), 0);

    // The answer is about these two values.
    let header = "object,key,field,ours,theirs,decision\n";
    let decided = |theirs: &str, decision: &str| {
        project.write(
            "config/decisions.csv",
            &format!("{header}Contact,4,Phone,'+48 605,{theirs},{decision}\n"),
        );
    };
    decided("'+48 998", "source");
    let run = project.carry();
    assert_eq!(run.total("sent"), 0);
    assert_eq!(project.table(CONFLICTS), asked);
    let why = project.table("select c.why from recon.conflicts as c");
    assert_eq!(why, [["was decided for other values"]]);

    decided("'+48 999", "org");
    let run = project.carry().ended(0);
    assert_eq!(
        (run.total("sent"), run.number("contact", "conflicts")),
        (0, 0)
    );
    assert_eq!(project.table(CONFLICTS)[0][2], "org");

    decided("'+48 999", "source");
    let run = project.transload(&["delta"]).ended(0);
    assert!(run.stdout.contains("Plan for simulator"), "{}", run.stdout);
    assert_eq!(eva(&project), values("+48 605", "Nice"));
    assert_eq!(project.table(CONFLICTS)[0][2], "source");

    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 0);
    assert!(project.table(CONFLICTS).is_empty());

    // A new edit asks anew.
    edit(&project.org(), "Contact", "4", json!({"Phone": "+48 777"}));
    people(&project, "+48 606", "Nice", "Texas");
    let run = project.carry();
    assert_eq!(run.number("contact", "conflicts"), 1);
    assert_eq!(
        project.table(CONFLICTS),
        [["4", "Phone", "ask", "+48 605", "+48 606", "+48 777"]]
    );
    // Back to what the org had: the source has changed nothing.
    people(&project, "+48 605", "Nice", "Texas");
    let run = project.carry().ended(0);
    assert!(project.table(CONFLICTS).is_empty());
    assert_eq!(run.total("sent"), 0);
    assert_eq!(eva(&project), values("+48 777", "Nice"));
}

#[test]
#[ignore = "long: several migrations"]
fn a_value_that_the_source_cleared_and_somebody_changed_is_asked() {
    let project = loaded();
    edit(&project.org(), "Contact", "4", json!({"Phone": "+48 999"}));
    people(&project, "", "Austin", "Texas");
    for _ in 0..2 {
        let run = project.carry();
        assert_eq!(run.number("contact", "conflicts"), 1);
        assert_eq!(run.total("sent"), 0);
        assert_eq!(eva(&project).0, "+48 999");
    }
    assert_eq!(
        project.table(CONFLICTS),
        [["4", "Phone", "ask", "+48 604", "∅", "+48 999"]]
    );
    project.write(
        "config/decisions.csv",
        "object,key,field,ours,theirs,decision\nContact,4,Phone,,+48 999,source\n",
    );
    project.carry().ended(0);
    assert_eq!(eva(&project).0, "∅");
}

#[test]
#[ignore = "long: several migrations"]
fn what_the_org_refused_to_change_is_no_change() {
    let project = Project::small();
    people(&project, "+48 604", "Austin", "Texas");
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "[gates]\nmax_failed_percent = 100.0\n");
    project.run_with(&["--yes"]).ended(0);
    people(&project, "+48 605", "Austin", "Texas");
    let rows = json!({"every": 1, "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "ask first", "attempts": null});
    let refused = json!([{"object": "Contact", "rows": rows}]);
    org.control(Method::POST, "jobs", Some(refused));
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.number("contact", "failed"), 1, "{}", run.stderr);
    let changes = "select c.key, c.field, c.new from ledger.changes as c";
    assert!(project.table(changes).is_empty());
    org.control(Method::DELETE, "jobs", None);
    project.run_with(&["--yes"]).ended(0);
    assert_eq!(project.table(changes), [["4", "Phone", "+48 605"]]);
}

#[test]
#[ignore = "long: several migrations"]
fn a_conflict_says_when_the_source_changed_its_row_if_the_source_says_so() {
    let project = Project::small();
    let asked =
        "select c.object, c.key, c.source_changed_at from recon.conflicts as c order by c.object";
    project.carry().ended(0);
    let org = project.org();
    edit(&org, "Contact", "4", json!({"MailingCity": "Lyon"}));
    edit(&org, "Account", "10", json!({"BillingCity": "Lyon"}));
    drop(org);
    let eva = "4,eva@initech.example,,Eva East,evangelist,11,Austin,8,f,,";
    project.edit(
        "export/people.csv",
        &format!("{eva}2026-01-01T00:00:00Z"),
        &format!("{}2026-02-03T04:05:06Z", eva.replace("Austin", "Nice")),
    );
    // Companies say nothing of it.
    project.edit(
        "export/companies.csv",
        "globex.example,Paris",
        "globex.example,Nice",
    );
    project.carry().ended(1);
    let expected = [
        ["Account", "10", "∅"],
        ["Contact", "4", "2026-02-03T04:05:06Z"],
    ];
    assert_eq!(project.table(asked), expected);
    let file = project.report("conflicts.csv");
    assert!(file.contains(",2026-02-03T04:05:06Z,"), "{file}");
}

#[test]
#[ignore = "long: several migrations"]
fn what_both_sides_came_to_by_themselves_is_the_sources_to_clear() {
    let project = Project::small();
    people(&project, "", "Austin", "Texas");
    project.carry().ended(0);
    edit(&project.org(), "Contact", "4", json!({"Phone": "+48 999"}));
    people(&project, "+48 605", "Austin", "Texas");
    project.carry().ended(1);
    assert_eq!(eva(&project), values("+48 999", "Austin"));
    // Ann enters what the source has: nothing is left to be sent, however often it is looked at.
    edit(&project.org(), "Contact", "4", json!({"Phone": "+48 605"}));
    for run in [project.carry(), project.carry()] {
        assert_eq!(run.ended(0).total("sent"), 0);
    }
    people(&project, "", "Austin", "Texas");
    assert_eq!(project.carry().number("contact", "updated"), 1);
    assert_eq!(eva(&project), values("∅", "Austin"));
}

#[test]
#[ignore = "long: several migrations"]
fn policies_say_whose_value_counts() {
    let project = loaded();
    let org = project.org();
    edit(
        &org,
        "Contact",
        "4",
        json!({"Phone": "+48 999", "MailingCity": "Gdynia", "MailingState": ""}),
    );
    let ann = org.rows("SELECT Id FROM User WHERE Alias = 'ann'")[0]["Id"].clone();
    edit(&org, "Lead", "2", json!({"OwnerId": ann}));
    drop(org);
    project.write(
        "config/field_policy.csv",
        "object,field,policy\nContact,Phone,source_wins\nContact,MailingCity,org_wins\n*,MailingState,org_unless_blank\n",
    );
    people(&project, "+48 605", "Nice", "Iowa");
    let run = project.carry().ended(0);
    assert_eq!(eva(&project), values("+48 605", "Gdynia"));
    let org = project.org();
    assert_eq!(
        org.row("Contact", "4", "MailingState")["MailingState"],
        "Iowa"
    );
    assert_eq!(org.row("Lead", "2", "OwnerId")["OwnerId"], ann);
    drop(org);
    assert_eq!(run.number("contact", "conflicts"), 0);
    assert_eq!(
        project.table("select c.field, c.state, c.why from recon.conflicts as c order by c.field"),
        [
            ["MailingCity", "org", "policy"],
            ["MailingState", "source", "policy"],
            ["Phone", "source", "policy"]
        ]
    );
    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn a_policy_for_what_no_load_sends_is_refused() {
    let project = Project::small();
    project.write(
        "config/field_policy.csv",
        "object,field,policy\nContact,Fone,ask\nContakt,Phone,ask\n*,*,source_win\n",
    );
    let run = project.transload(&["plan"]).ended(2);
    assert!(run.stderr.contains("source_win"), "{}", run.stderr);
    project.write(
        "config/field_policy.csv",
        "object,field,policy\nContact,Fone,ask\nContakt,Phone,ask\n*,*,ask\ncontact,phone,ask\n",
    );
    let run = project.transload(&["plan"]).ended(2);
    for told in [
        "config/field_policy.csv line 2, column field: `Fone` is no field that a load of Contact sends",
        "line 3, column object: `Contakt` is no object that a load sends to",
    ] {
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
    assert!(!run.stderr.contains("line 5"), "{}", run.stderr);
}

#[test]
#[ignore = "long: several migrations"]
fn a_column_that_changed_its_type_ends_no_run_and_is_sent() {
    let project = Project::small();
    let likes = |eva: &str, kind: &str| {
        project.write(
            "export/people.csv",
            &format!(
                "id,email,name,lifecycle_stage,company_id,likes\n\
                 3,cas@globex.example,Cas Cole,customer,10,tea\n4,eva@initech.example,Eva East,customer,11,{eva}\n"
            ),
        );
        project.write(
            "config/field_map.csv",
            &format!(
                "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
                 people,likes,Contact,Likes__c,{kind},confirmed,ann,2026-01-01\n\
                 people,likes,Lead,,,ignored,,\n"
            ),
        );
    };
    likes("tea", "Text(80)");
    project.carry().ended(0);
    likes("milk", "MultiselectPicklist");
    let run = project.carry();
    assert!(!run.summary.is_null(), "{}", run.stderr);
    assert_eq!(run.total("failed") + run.total("differences"), 0);
    // What was sent last is no base any more, but what was read back then is: nobody changed it in the org.
    assert!(project.table(CONFLICTS).is_empty());
    let there = project.org().map("Contact", "LastName", "Likes__c");
    assert_eq!((&*there["East"], &*there["Cole"]), ("milk", "tea"));
}

#[test]
#[ignore = "long: several migrations"]
fn a_column_that_is_sent_for_the_first_time_overwrites_nothing_of_the_orgs() {
    let project = loaded();
    edit(
        &project.org(),
        "Contact",
        "4",
        json!({"Department": "Sales"}),
    );
    project.override_query("queries/load/contact.sql", |sql| {
        let city = "    person.city as \"MailingCity\",\n";
        sql.replace(city, &format!("{city}    'Import' as \"Department\",\n"))
    });
    for _ in 0..2 {
        assert_eq!(project.carry().ended(1).total("sent"), 0);
        let found = project.org().row("Contact", "4", "Department");
        assert_eq!(found["Department"], "Sales");
    }
    let asked = [["4", "Department", "ask", "∅", "Import", "Sales"]];
    assert_eq!(project.table(CONFLICTS), asked);
}

#[test]
#[ignore = "long: several migrations"]
fn a_price_that_both_sides_changed_is_asked_though_it_goes_over_rest() {
    let project = Project::small();
    let prices = |first: &str, second: &str| {
        project.write(
            "export/products.csv",
            &format!("id,name,unit_price,currency\n1,Seat,{first},PLN\n2,Setup,{second},PLN\n"),
        );
    };
    prices("100", "50");
    project.carry().ended(0);
    let org = project.org();
    let entries = org.rows("SELECT Id, UnitPrice, Product2.Name FROM PricebookEntry");
    assert!(!entries.is_empty());
    for entry in entries
        .iter()
        .filter(|entry| entry["Product2.Name"] == "Seat")
    {
        let edit = json!({
            "object": "PricebookEntry", "id": entry["Id"], "fields": {"UnitPrice": 120}, "user": "ann@acme.example.crm",
        });
        org.control(Method::POST, "rows", Some(edit));
    }
    drop(org);
    prices("110", "60");
    let run = project.carry().ended(1);
    assert_eq!(run.total("differences"), 0, "{}", run.error());
    let now = project
        .org()
        .rows("SELECT UnitPrice, Product2.Name FROM PricebookEntry");
    for entry in now {
        let right = if entry["Product2.Name"] == "Seat" {
            120.0
        } else {
            60.0
        };
        assert_eq!(entry["UnitPrice"].parse::<f64>().unwrap(), right);
    }
    let asked = project.table("select distinct c.field, c.state from recon.conflicts as c");
    assert_eq!(asked, [["UnitPrice", "ask"]]);
    assert_eq!(project.carry().total("sent"), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn what_only_the_org_changed_is_put_back_where_the_source_wins_and_the_log_says_why() {
    let project = loaded();
    edit(
        &project.org(),
        "Contact",
        "4",
        json!({"Phone": "+48 999", "MailingCity": "Gdynia"}),
    );
    project.write(
        "config/field_policy.csv",
        "object,field,policy\nContact,Phone,source_wins\n",
    );
    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 1);
    assert_eq!(eva(&project), values("+48 604", "Gdynia"));
    let changes = "select c.field, c.old, c.new, c.why from ledger.changes as c";
    assert_eq!(
        project.table(changes),
        [["Phone", "+48 999", "+48 604", "policy"]]
    );
    // Known since that run, and decided only now.
    project.write(
        "config/field_policy.csv",
        "object,field,policy\nContact,*,source_wins\n",
    );
    project.carry().ended(0);
    assert_eq!(eva(&project), values("+48 604", "Austin"));
    assert_eq!(project.carry().total("sent"), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn a_record_that_was_deleted_and_came_back_is_compared_with_what_it_had() {
    let project = loaded();
    let org = project.org();
    let id = json!({"id": org.row("Contact", "4", "Name")["Id"]});
    edit(&org, "Contact", "4", json!({"MailingCity": "Gdynia"}));
    org.control(Method::POST, "delete", Some(id.clone()));
    drop(org);
    people(&project, "+48 605", "Austin", "Texas");
    assert_eq!(project.carry().total("sent"), 0);
    project.org().control(Method::POST, "undelete", Some(id));
    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 1, "{}", run.error());
    assert_eq!(eva(&project), values("+48 605", "Gdynia"));
    assert!(project.table(CONFLICTS).is_empty());
}

#[test]
#[ignore = "long: several migrations"]
fn a_mass_job_that_touches_every_record_and_changes_no_value_is_no_edit() {
    let project = loaded();
    let org = project.org();
    for object in ["Account", "Contact", "Lead"] {
        for id in org.map(object, "usercom_id__c", "Id").values() {
            let touched = json!({"object": object, "id": id, "fields": {"usercom_custom_id__c": null},
                "user": "ann@acme.example.crm"});
            org.control(Method::POST, "rows", Some(touched));
        }
        let ann = org.rows("SELECT Id FROM User WHERE Alias = 'ann'")[0]["Id"].clone();
        let by = org.map(object, "usercom_id__c", "LastModifiedById");
        assert!(by.values().all(|id| *id == ann), "{object} was not touched");
    }
    drop(org);
    people(&project, "+48 605", "Austin", "Texas");
    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 1, "{}", run.error());
    assert_eq!(run.total("changed_by_org"), 0, "{}", run.error());
    assert_eq!(eva(&project), values("+48 605", "Austin"));
}

#[test]
#[ignore = "long: several migrations"]
fn an_org_whose_clock_is_an_hour_off_hides_no_edit_and_no_deletion() {
    for clock_ahead in [3_600, -3_600] {
        let project = Project::small();
        people(&project, "+48 604", "Austin", "Texas");
        let org = project.serve_org(SalesforceSimOptions {
            clock_ahead,
            ..SalesforceSimOptions::default()
        });
        project.load_into(&org, "");
        project.run_with(&["--yes"]).ended(0);
        let other = org.insert("Contact", json!({"LastName": "Other"}));
        let eva = org.row("Contact", "4", "Id")["Id"].clone();
        org.change("Contact", &eva, json!({"MailingCity": "Nice"}));
        org.delete("Contact", &other);
        let gone = org.row("Account", "12", "Id")["Id"].clone();
        org.delete("Account", &gone);
        people(&project, "+48 605", "Austin", "Texas");
        project.run_with(&["--yes"]).ended(0);
        let live = "select a.live from ledger.account as a where a.usercom_id__c = 12";
        assert_eq!(project.table(live), [["deleted"]], "{clock_ahead}");
        let found = org.row("Contact", "4", "Phone, MailingCity");
        assert_eq!(
            (found["Phone"].as_str(), found["MailingCity"].as_str()),
            ("+48 605", "Nice"),
            "{clock_ahead}"
        );
    }
}
