//! Phases that do not build on each other.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use transload_sim::salesforce::SalesforceSimOptions;

use crate::rehearsal::Project;

/// Deals, and products that do not build on them.
fn deals_and_products() -> Project {
    let project = Project::small();
    project.write(
        "export/products.csv",
        "id,name,price,currency\n1,Basic,300,PLN\n2,Other,20,PLN\n",
    );
    project.write(
        "export/deal_products.csv",
        "id,deal_id,product_id,quantity,price\n1,50,1,1,100.50\n2,51,2,10,200\n",
    );
    project
}

/// Where the journal has an event of a load; none where it has not.
fn at(project: &Project, event: &str, load: &str) -> Option<usize> {
    let fits = |entry: &serde_json::Value| entry["event"] == event && entry["load"] == load;
    project.journal().iter().position(fits)
}

#[test]
fn what_does_not_build_on_a_phase_is_sent_while_that_is_read_back() {
    let project = deals_and_products();
    let run = project.carry();
    assert_eq!(run.summary["status"], "ok", "{}", run.stderr);
    let started = |load: &str| at(&project, "phase_started", load).unwrap();
    let reported = |load: &str| at(&project, "phase_reported", load).unwrap();
    assert!(started("product") < reported("opportunity"));
    assert!(reported("opportunity") < reported("product"));
    for (parent, child) in [
        ("account", "lead"),
        ("account", "contact"),
        ("contact", "opportunity"),
        ("product", "pricebook_entry"),
        ("pricebook_entry", "opportunity_line_item"),
        ("opportunity", "opportunity_line_item"),
    ] {
        assert!(reported(parent) < started(child), "{parent} and {child}");
    }
    // Rows of the same source count towards the same books.
    assert!(reported("lead") < started("contact"));
}

#[test]
fn beside_a_phase_whose_gate_is_shut_one_more_ends_and_none_begins() {
    let project = deals_and_products();
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    let refuse = json!({"object": "Opportunity", "rows": {"every": 1, "code": "STRING_TOO_LONG", "attempts": null}});
    org.control(Method::POST, "jobs", Some(refuse));
    let run = project.run_with(&["--yes"]).ended(1);
    assert_eq!(run.summary["status"], "gated", "{}", run.stderr);
    let told = run.loads();
    // In the order of the phases; the one between them has no rows.
    let last = &told[told.len() - 3..];
    let phases = ["opportunity", "placeholder_product", "product"];
    assert_eq!(last, phases, "{told:?}");
    assert_eq!(org.keys("Product2").len(), 2);
    assert_eq!(at(&project, "phase_started", "pricebook_entry"), None);
    // The same command goes on.
    org.control(Method::DELETE, "jobs", None);
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.summary["status"], "ok", "{}", run.stderr);
    assert_eq!(org.keys("Opportunity").len(), 2);
    assert_eq!(org.rows("select Id from OpportunityLineItem").len(), 2);
}

#[test]
fn where_looking_back_fails_the_phase_beside_it_stops_and_the_same_command_goes_on() {
    let project = deals_and_products();
    let products: Vec<String> = (3..303)
        .map(|id| format!("{id},Product {id},20,PLN\n"))
        .collect();
    project.append("export/products.csv", &products.concat());
    // A row takes 20 ms.
    let org = project.serve_org(SalesforceSimOptions {
        batch_time: Duration::from_secs(200),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "part_rows = 10\nconcurrent_jobs = 1\n");
    let mut run = project.start(&["--yes"]);
    // A phase without rows is read back before the opportunities, which go beside the products.
    assert!(run.until(|| project.journalled("phase_loaded", "opportunity") == 1));
    org.fault(
        json!({"method": "POST", "path": "/services/data/*/jobs/query", "skip": 1, "times": 9, "status": 400,
        "body": "[{\"errorCode\":\"INVALID_FIELD\",\"message\":\"no such column\"}]"}),
    );
    let run = run.wait().ended(3);
    let error = run.error();
    assert!(
        error.contains("Opportunity") && error.contains("no such column"),
        "{error}"
    );
    assert_eq!(project.journalled("phase_started", "product"), 1);
    let landed = org.keys("Product2").len();
    assert!(landed < 302, "all were sent");
    org.clear_faults();
    project.run_with(&["--yes"]).ended(0);
    let soql = "select Id from Product2 where usercom_id__c != null";
    assert_eq!(org.rows(soql).len(), 302);
}
