//! The books (`guide/design.md` §6): on any export, whatever is wrong with it, every row is in exactly one place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use transload_generate::{RowTruth, Summary};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
use crate::rehearsal::{Project, Run};

/// Source tables and the loads that account for their rows, with the Salesforce object of each.
const BOOKS: [(&str, &[(&str, &str)]); 3] = [
    ("companies", &[("account", "Account")]),
    ("people", &[("lead", "Lead"), ("contact", "Contact")]),
    ("deals", &[("opportunity", "Opportunity")]),
];

/// Checks every identity over the summary, over the tables and over the org.
fn check_books(project: &Project, run: &Run, org: &Org) {
    check_summary(run);
    check_tables(project, run);
    check_org(project, run, org);
}

fn number(entry: &Value, name: &str) -> u64 {
    entry[name].as_u64().unwrap()
}

fn sum(entry: &Value, names: &[&str]) -> u64 {
    names.iter().map(|name| number(entry, name)).sum()
}

fn check_summary(run: &Run) {
    for source in run.summary["sources"].as_array().unwrap() {
        assert_eq!(
            number(source, "source"),
            sum(source, &["staged", "rejected"]),
            "{source}"
        );
    }
    for load in run.summary["objects"].as_array().unwrap() {
        let outcomes = ["created", "updated", "unchanged", "failed", "unprocessed"];
        assert_eq!(number(load, "outbox"), sum(load, &outcomes), "{load}");
        let sent = ["created", "updated", "failed", "unprocessed"];
        assert_eq!(number(load, "sent"), sum(load, &sent), "{load}");
    }
    for (table, loads) in BOOKS {
        let fates = ["outbox", "held", "out_of_scope", "passive", "ignored"];
        let accounted: u64 = loads
            .iter()
            .map(|(load, _)| sum(run.load(load), &fates))
            .sum();
        assert_eq!(number(run.source(table), "staged"), accounted, "{table}");
    }
}

/// The same numbers, counted again from the tables that the summary speaks of; every key in exactly one place.
fn check_tables(project: &Project, run: &Run) {
    for (table, loads) in BOOKS {
        let mut placed: BTreeSet<String> = BTreeSet::new();
        for (load, _) in loads {
            let outbox = project.set(&format!(
                "select cast(o.usercom_id__c as varchar) from outbox.{load} as o"
            ));
            let fates = project.table(&format!(
                "select f.key, f.fate, f.reason from recon.fates_{load} as f"
            ));
            assert_eq!(outbox.len() as u64, run.number(load, "outbox"), "{load}");
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for fate in &fates {
                *counts.entry(&fate[1]).or_default() += 1;
                assert!(
                    !fate[2].is_empty() && fate[2] != "∅",
                    "{load}: no reason for {fate:?}"
                );
            }
            for name in ["held", "out_of_scope", "passive", "ignored"] {
                let counted = counts.get(name).copied().unwrap_or_default();
                assert_eq!(counted, run.number(load, name), "{load} {name}");
            }
            let outcomes = project.table(&format!(
                "select l.outcome, count(*) from outbox.{load} as o inner join ledger.{load} as l \
                 on l.usercom_id__c = o.usercom_id__c where o._operation <> 'unchanged' group by l.outcome"
            ));
            for outcome in outcomes {
                assert_eq!(
                    outcome[1],
                    run.number(load, &outcome[0]).to_string(),
                    "{load} {outcome:?}"
                );
            }
            for key in outbox
                .into_iter()
                .chain(fates.into_iter().map(|mut fate| fate.swap_remove(0)))
            {
                assert!(placed.insert(key.clone()), "{table} {key} is in two places");
            }
        }
        let staged = project.set(&format!(
            "select cast(s.id as varchar) from usercom.{table} as s"
        ));
        assert_eq!(placed, staged, "{table}");
        let rejected = number(run.source(table), "rejected");
        let whole_rows = project.number(&format!(
            "select count(*) from rejects.{table} as r where r.\"column\" is null"
        ));
        assert_eq!(whole_rows, rejected, "{table}");
    }
}

/// What landed is there, and nothing else with our key.
fn check_org(project: &Project, run: &Run, org: &Org) {
    for (load, object) in BOOKS.iter().flat_map(|(_, loads)| *loads) {
        let landed = project.set(&format!(
            "select cast(l.usercom_id__c as varchar) from ledger.{load} as l where l.id is not null"
        ));
        assert_eq!(org.keys(object), landed, "{object}");
        assert_eq!(run.number(load, "read_back"), landed.len() as u64, "{load}");
        assert_eq!(run.number(load, "differences"), 0, "{load}");
    }
}

/// What the generator knows about its export must come out at the other end.
fn check_truth(run: &Run, truth: &Summary) {
    let tables: [(&str, &RowTruth); 3] = [
        ("people", &truth.people.rows),
        ("companies", &truth.companies.rows),
        ("deals", &truth.deals.rows),
    ];
    for (table, rows) in tables {
        let source = run.source(table);
        assert_eq!(number(source, "source"), rows.rows, "{table}");
        assert_eq!(number(source, "staged"), rows.records, "{table}");
    }
}

#[test]
#[ignore = "long: several migrations"]
fn the_books_of_a_tiny_messy_export_balance() {
    let (project, truth) = Project::generated(60, 11, true);
    let run = project.run().ended(0);
    check_books(&project, &run, &project.org());
    check_truth(&run, &truth);
    assert_eq!(
        run.number("lead", "passive") + run.number("contact", "passive"),
        truth.people.passive
    );
}

#[test]
#[ignore = "long: several migrations"]
fn the_books_of_a_messy_export_balance() {
    let (project, truth) = Project::generated(600, 23, true);
    let run = project.run().ended(0);
    check_books(&project, &run, &project.org());
    check_truth(&run, &truth);
    assert_eq!(
        run.number("lead", "passive") + run.number("contact", "passive"),
        truth.people.passive
    );
    assert!(truth.people.rows.superseded > 0 && truth.people.rows.undecodable > 0);
    assert!(run.total("held") > 0 && run.total("flagged") > 0);
}

#[test]
#[ignore = "long: several migrations"]
fn the_books_balance_within_a_scope() {
    let (project, truth) = Project::generated(211, 5, true);
    project.append(
        "migration.toml",
        "\n[scope]\npeople = \"country = 'Poland' or score > 150\"\ndeals = \"currency = 'PLN'\"\n",
    );
    let run = project.run().ended(0);
    check_books(&project, &run, &project.org());
    check_truth(&run, &truth);
    assert!(run.number("lead", "out_of_scope") > 0 && run.number("lead", "outbox") > 0);
    assert!(run.number("opportunity", "out_of_scope") > 0);
}

#[test]
#[ignore = "long: several migrations"]
fn the_books_balance_with_every_option_the_other_way() {
    let (project, truth) = Project::generated(320, 77, true);
    project.edit("migration.toml", "\"contact\"", "\"lead\"");
    project.edit("migration.toml", "\"private_contact\"", "\"hold\"");
    project.edit(
        "migration.toml",
        "migrate_passive = false",
        "migrate_passive = true",
    );
    let run = project.run().ended(0);
    check_books(&project, &run, &project.org());
    check_truth(&run, &truth);
    assert_eq!(
        run.number("lead", "passive") + run.number("contact", "passive"),
        0
    );
    let companyless = project.number(
        "select count(*) from recon.fates_contact as f where f.reason = 'customer_without_company'",
    );
    assert!(companyless > 0);
}

#[test]
#[ignore = "long: several migrations"]
fn the_books_balance_when_parents_fail_and_again_when_they_have_landed() {
    let (project, _) = Project::generated(400, 3, true);
    project.append("migration.toml", "\n[gates]\nmax_failed_percent = 100.0\n");
    let org = Org::serve(SalesforceSimOptions {
        state: project.path("served"),
        seed: Some(project.path("org")),
        sandbox: true,
        inactive_owners: true,
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "[gates]\nmax_failed_percent = 100.0\n");
    // Somebody's rule refuses some companies and people.
    let refused = |object: &str| {
        let rows = json!({"every": 7, "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "ask first", "attempts": null});
        json!({"object": object, "rows": rows})
    };
    let rules = json!([refused("Account"), refused("Contact")]);
    org.control(reqwest::Method::POST, "jobs", Some(rules));
    let run = project.run_with(&["--yes"]).ended(0);
    check_books(&project, &run, &org);
    assert!(run.number("account", "failed") > 0, "{}", run.stderr);
    let orphans = project.number(
        "select count(*) from recon.fates_contact as f inner join ledger.account as a \
         on f.parent = 'company ' || cast(a.usercom_id__c as varchar) \
         where f.reason = 'account_missing' and a.outcome = 'failed'",
    );
    assert!(orphans > 0, "no contact waits for a company that failed");

    org.control(reqwest::Method::DELETE, "jobs", None);
    let again = project.run().ended(0);
    check_books(&project, &again, &org);
    assert_eq!(again.total("failed"), 0);
    assert_eq!(
        again.number("account", "created"),
        run.number("account", "failed")
    );
    let released = run.number("contact", "held") - again.number("contact", "held");
    assert!(released >= orphans, "{released} of {orphans} were released");
    assert_eq!(
        again.number("contact", "created"),
        run.number("contact", "failed") + released
    );
    // Deals whose people have landed since say so.
    for load in ["account", "lead", "contact"] {
        assert_eq!(again.number(load, "updated"), 0, "{load}");
    }
}
