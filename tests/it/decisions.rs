//! Decisions that a person must take: nothing moves before, and the next run goes on once they are taken.

use std::collections::BTreeSet;

use crate::org::Org;
use crate::rehearsal::{Project, Run};

const MAP_HEAD: &str =
    "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n";

/// A project in which the third company belongs to an owner whom the org does not know.
fn with_a_stranger() -> Project {
    let project = Project::small();
    project.append("export/agents.csv", "7003,Zed Zorn,zed@acme.example,t\n");
    project.edit(
        "export/companies.csv",
        "hooli.example,,\n",
        "hooli.example,,7003\n",
    );
    project
}

/// The run stopped before any record, and wrote down why.
fn assert_held(project: &Project, run: &Run, problem: &str) {
    assert_eq!(run.summary["status"], "held");
    let reports = project
        .path(".transload/orgs")
        .join(&project.orgs()[0])
        .join("reports");
    let queue = reports
        .join(run.summary["run"].as_str().unwrap())
        .join("assert_owners_have_users.csv");
    assert!(
        run.stderr.contains(&*queue.to_string_lossy()),
        "{}",
        run.stderr
    );
    let queue = std::fs::read_to_string(queue).unwrap();
    let expected = format!(
        "owner_key,email,name,active,records,problem\n7003,zed@acme.example,Zed Zorn,true,1,{problem}\n"
    );
    assert_eq!(queue, expected);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    assert_eq!(records(&project.org()), 0, "something was loaded");
}

fn records(org: &Org) -> usize {
    ["Account", "Lead", "Contact", "Opportunity"]
        .iter()
        .map(|object| org.rows(&format!("SELECT Id FROM {object}")).len())
        .sum()
}

/// OwnerId of the third company.
fn owner_of_hooli(org: &Org) -> String {
    org.row("Account", "12", "OwnerId")
        .remove("OwnerId")
        .unwrap()
}

fn user(org: &Org, username: &str) -> String {
    let mut rows = org.rows(&format!(
        "SELECT Id FROM User WHERE Username = '{username}'"
    ));
    rows.remove(0).remove("Id").unwrap()
}

#[test]
fn an_unconfirmed_row_of_the_map_stops_the_run_and_is_named() {
    let project = Project::small();
    project.write(
        "config/field_map.csv",
        &format!("{MAP_HEAD}people,shoe_size,Lead,Shoe_Size__c,\"Number(18,0)\",proposed,,\n"),
    );
    let run = project.run().ended(2);
    assert!(
        run.error().contains(
            "line 2: people.shoe_size → Lead.Shoe_Size__c is not confirmed (no decision)"
        ),
        "{}",
        run.stderr
    );
    assert!(run.error().contains("hint: "));
    assert!(project.orgs().is_empty(), "the org was asked");
}

#[test]
fn a_confirmation_without_a_name_is_none() {
    let project = Project::small();
    project.write(
        "config/field_map.csv",
        &format!(
            "{MAP_HEAD}people,shoe_size,Lead,Shoe_Size__c,\"Number(18,0)\",confirmed,,2026-01-01\n"
        ),
    );
    let run = project.run().ended(2);
    assert!(
        run.error().contains("no confirmed_by or confirmed_at"),
        "{}",
        run.stderr
    );
}

#[test]
fn an_attribute_that_the_map_does_not_mention_stops_the_run_and_is_named() {
    let project = Project::small();
    project.edit(
        "export/companies.csv",
        "assigned_to\n",
        "assigned_to,fleet_size\n",
    );
    for row in [",7001\n", ",7002\n", ",,\n"] {
        project.edit("export/companies.csv", row, &row.replace('\n', ",4\n"));
    }
    let run = project.run().ended(2);
    assert!(
        run.error().contains("companies.fleet_size"),
        "{}",
        run.stderr
    );
    assert!(run.error().contains("hint: "));
}

#[test]
#[ignore = "long: several migrations"]
fn an_ignored_attribute_stays_behind() {
    let project = Project::small();
    project.edit("export/companies.csv", "domain,city", "domain,town_hall");
    project.write(
        "config/field_map.csv",
        &format!("{MAP_HEAD}companies,town_hall,Account,Town_Hall__c,Text(80),ignored,,\n"),
    );
    project.run().ended(0);
    let fields = project.set("select f.name from org.fields as f where f.object = 'Account'");
    assert!(fields.contains("usercom_id__c") && !fields.contains("Town_Hall__c"));
}

#[test]
#[ignore = "long: several migrations"]
fn people_outside_the_scope_are_counted_and_stay() {
    let project = Project::small();
    project.append("migration.toml", "\n[scope]\npeople = \"city <> 'Lyon'\"\n");
    let run = project.run().ended(0);
    assert_eq!(run.number("lead", "out_of_scope"), 1);
    assert_eq!(run.number("contact", "out_of_scope"), 1);
    let org = project.org();
    assert_eq!(
        org.keys("Lead"),
        BTreeSet::from(["1", "2"].map(str::to_owned))
    );
    assert_eq!(
        org.keys("Contact"),
        BTreeSet::from(["3", "4"].map(str::to_owned))
    );
    let fates =
        project.table("select f.fate, f.reason from recon.fates_contact as f where f.key = '5'");
    assert_eq!(fates, [["out_of_scope", "scope"]]);
}

#[test]
#[ignore = "long: several migrations"]
fn an_owner_without_a_user_holds_the_import_until_an_override_names_one() {
    let project = with_a_stranger();
    let run = project.run().ended(1);
    assert_held(&project, &run, "no_user");

    project.write(
        "config/owners.csv",
        "owner_id,owner_email,user_email,note\n7003,,ann@acme.example,\n",
    );
    let run = project.run().ended(0);
    assert_eq!(run.number("account", "created"), 3);
    let org = project.org();
    assert_eq!(owner_of_hooli(&org), user(&org, "ann@acme.example.crm"));
}

#[test]
#[ignore = "long: several migrations"]
fn an_owner_without_a_user_holds_the_import_until_the_user_is_provisioned() {
    let project = with_a_stranger();
    let run = project.run().ended(1);
    assert_held(&project, &run, "no_user");

    let zed = project.org().add_user("Zed@Acme.example", true);
    let run = project.run().ended(0);
    assert_eq!(run.number("account", "created"), 3);
    assert_eq!(owner_of_hooli(&project.org()), zed);
}

#[test]
fn an_owner_with_two_users_waits_in_the_queue() {
    let project = with_a_stranger();
    project.append(
        "org/User.csv",
        "zed1@acme.example.crm,zed@acme.example,Zed,One,true,Standard,zed1\n\
         zed2@acme.example.crm,zed@acme.example,Zed,Two,true,Standard,zed2\n",
    );
    let run = project.run().ended(1);
    assert_held(&project, &run, "several_users");
}

#[test]
#[ignore = "long: several migrations"]
fn an_active_user_is_preferred_and_an_inactive_one_better_than_none() {
    let project = with_a_stranger();
    project.append(
        "org/User.csv",
        "zed1@acme.example.crm,zed@acme.example,Zed,One,false,Standard,zed1\n\
         zed2@acme.example.crm,zed@acme.example,Zed,Two,true,Standard,zed2\n\
         gus@acme.example.crm,gus@acme.example,Gus,Gray,false,Standard,gus\n",
    );
    project.append("export/agents.csv", "7004,Gus Gray,gus@acme.example,f\n");
    project.edit("export/companies.csv", "Paris,7001\n", "Paris,7004\n");
    project.run().ended(0);
    let org = project.org();
    assert_eq!(owner_of_hooli(&org), user(&org, "zed2@acme.example.crm"));
    let globex = org.row("Account", "10", "OwnerId");
    assert_eq!(globex["OwnerId"], user(&org, "gus@acme.example.crm"));
}

#[test]
fn records_without_an_owner_take_the_default_owner() {
    let project = Project::loaded();
    let org = project.org();
    assert_eq!(owner_of_hooli(&org), user(&org, "ops@acme.example.crm"));
    let fay = org.row("Lead", "6", "OwnerId");
    assert_eq!(fay["OwnerId"], user(&org, "ops@acme.example.crm"));
    let eva = org.row("Contact", "4", "OwnerId");
    assert_eq!(eva["OwnerId"], user(&org, "ops@acme.example.crm"));
}
