//! A second run after real life: what the export lacks, what people changed in the org, who changed sides.

use reqwest::Method;
use serde_json::json;

use crate::rehearsal::Project;

/// People with a phone each; 3 and 4 become Contacts.
fn people(stage_of_cas: &str, city_of_eva: &str, opt_outs: [&str; 2]) -> String {
    let [sue, moe] = opt_outs;
    format!(
        "id,email,phone_number,name,lifecycle_stage,company_id,city,unsubscribed,assigned_to\n\
         2,sue@initech.example,+48 602,Sue Stone,subscriber,11,Austin,{sue},7002\n\
         3,cas@globex.example,+48 603,Cas Cole,{stage_of_cas},10,Paris,f,7001\n\
         4,eva@initech.example,+48 604,Eva East,customer,11,{city_of_eva},f,\n\
         5,moe@globex.example,+48 605,Moe Marsh,mql,10,Lyon,{moe},7002\n"
    )
}

fn lines(project: &Project, value: &str, second: &str, tags: &str) {
    project.write(
        "export/deals.csv",
        &format!(
            "id,name,value,currency,pipeline,stage,status,company_id,user_id,expected_close_date,tags\n\
             50,Pilot,{value},PLN,1,11,in progress,11,4,2026-05-01,{tags}\n"
        ),
    );
    project.write(
        "export/products.csv",
        "id,name,unit_price,currency\n1,Seat,100,PLN\n2,Setup,50,PLN\n",
    );
    project.write(
        "export/deal_products.csv",
        &format!("id,deal_id,product_id,quantity,unit_price\n1,50,1,1,100\n2,50,2,1,{second}\n"),
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_deal_whose_dates_a_second_export_lacks_keeps_its_close_date_and_waits_for_nobody() {
    let project = Project::small();
    project.write(
        "config/defaults.csv",
        "object,field,value,note\nOpportunity,CloseDate,2030-12-31,\n",
    );
    project.run().ended(0);
    let head = "id,name,value,currency,pipeline,stage,status,company_id,user_id,assigned_to\n";
    let pilot = "50,Pilot,120,PLN,1,11,in progress,10,5,7001\n";
    for default in ["2030-12-31", ""] {
        if default.is_empty() {
            project.write("config/defaults.csv", "object,field,value,note\n");
        }
        project.write("export/deals.csv", &format!("{head}{pilot}"));
        project.run().ended(0);
        let deal = project.org().row("Opportunity", "50", "Amount, CloseDate");
        assert_eq!(
            (&*deal["Amount"], &*deal["CloseDate"]),
            ("120.0", "2026-05-01"),
            "default `{default}`"
        );
    }
    // A deal that was never loaded has none that could stay.
    let new = "60,Late,1,PLN,1,11,in progress,10,,7001\n";
    project.write("export/deals.csv", &format!("{head}{pilot}{new}"));
    project.run().ended(1);
    let held =
        project.table("select h.key, h.reason from recon.held as h where h.load = 'opportunity'");
    assert_eq!(held, [["60", "close_date_missing"]]);
}

#[test]
#[ignore = "long: several migrations"]
fn a_second_export_takes_nothing_away_that_it_does_not_speak_of() {
    let project = Project::small();
    project.write(
        "export/people.csv",
        &people("customer", "Austin", ["t", "f"]),
    );
    lines(&project, "150", "50", "");
    project.carry().ended(0);

    // People work in the org.
    let org = project.org();
    let ann = org.rows("SELECT Id FROM User WHERE Alias = 'ann'")[0]["Id"].clone();
    for (object, key) in [("Contact", "4"), ("Lead", "2")] {
        let id = org.row(object, key, "Name")["Id"].clone();
        let edit = json!({"object": object, "id": id, "fields": {"Phone": "+48 999"}, "user": "ann@acme.example.crm"});
        org.control(Method::POST, "rows", Some(edit));
    }
    let websites = org.map("Account", "Name", "Website");
    let owners = org.map("Account", "Name", "OwnerId");
    drop(org);

    // The next export: a company renamed and one gone, columns gone, a customer who is a lead again, another city, empty opt-outs.
    project.write(
        "export/companies.csv",
        "id,name\n10,Globex\n11,Initech Two\n",
    );
    project.write("export/people.csv", &people("lead", "Nice", ["", ""]));
    lines(&project, "250", "150", "{vip}");
    let run = project.carry().ended(0);

    let org = project.org();
    let now = org.map("Account", "Name", "Website");
    assert_eq!(
        now["Globex"], websites["Globex"],
        "a column that is absent is not empty"
    );
    assert_eq!(
        now["Initech Two"], websites["Initech"],
        "what is there is sent"
    );
    assert_eq!(
        org.map("Account", "Name", "OwnerId")["Globex"],
        owners["Globex"]
    );
    assert!(run.error().contains("city, domain"), "{}", run.error());
    assert_eq!(
        org.row("Opportunity", "50", "Amount")["Amount"]
            .parse::<f64>()
            .unwrap(),
        250.0
    );
    // No deal had a tag before.
    let tags = org.row("Opportunity", "50", "usercom_tags__c");
    assert_eq!(tags["usercom_tags__c"], "vip");
    assert!(
        org.rows("SELECT Id FROM Lead WHERE usercom_id__c = '3'")
            .is_empty()
    );
    let eva = org.row("Contact", "4", "Phone, MailingCity");
    assert_eq!(
        (eva["Phone"].as_str(), eva["MailingCity"].as_str()),
        ("+48 999", "Nice")
    );
    assert_eq!(org.row("Lead", "2", "Phone")["Phone"], "+48 999");
    let opted_out = org.map("Lead", "usercom_id__c", "HasOptedOutOfEmail");
    assert_eq!(
        (opted_out["2"].as_str(), opted_out["5"].as_str()),
        ("true", "true"),
        "an opt-out that is empty in a column that is there is no consent"
    );
    drop(org);

    let demoted = project
        .table("select f.key from recon.flags_contact as f where f.flag = 'demoted_in_source'");
    assert_eq!(demoted, [["3"]]);
    let edits = "select c.key, c.field, c.sent, c.found, c.changed_by from recon.changed_by_org_contact as c";
    assert_eq!(
        project.table(edits),
        [["4", "Phone", "+48 604", "+48 999", ann.as_str()]]
    );
    assert_eq!(run.number("lead", "changed_by_org"), 1);
    assert_eq!(
        project.table("select g.key from recon.gone_account as g"),
        [["12"]]
    );
    assert_eq!(run.number("account", "gone"), 1);
    let kept =
        "select f.key from recon.flags_lead as f where f.flag = 'opt_out_missing' order by 1";
    assert_eq!(project.table(kept), [["2"], ["5"]]);

    // Nothing changed since: nothing is sent, and what was known of the org's edits still is.
    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 0);
    assert_eq!(project.table(edits).len(), 1);
    assert_eq!(run.total("differences"), 0);
}
