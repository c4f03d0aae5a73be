//! The split, as the org has it.

use crate::rehearsal::Project;

#[test]
#[ignore = "long: several migrations"]
fn customers_that_a_query_of_the_project_sends_to_leads_are_noticed() {
    let project = Project::small();
    project.override_query("queries/prepare/people/person.sql", |sql| {
        sql.replace(
            "when judged.stage_target = 'Contact' then 'Contact'",
            "when false then 'Contact'",
        )
    });
    let run = project.carry().ended(1);
    assert!(
        run.stderr
            .contains("queries/reconcile/split.sql found 2 row(s)"),
        "{}",
        run.stderr
    );
    let found = project.table(
        "select cast(split.id as varchar), split.object, split.target from recon.split as split order by 1",
    );
    assert_eq!(found, [["3", "Lead", "Contact"], ["4", "Lead", "Contact"]]);
}

#[test]
#[ignore = "long: several migrations"]
fn a_stage_with_a_letter_that_the_org_drops_is_on_its_side_all_the_same() {
    let project = Project::small();
    let people = project.read("export/people.csv");
    project.write(
        "export/people.csv",
        &people.replace(",mql,", ",odd\u{1b}stage,"),
    );
    project.write(
        "config/lifecycle.csv",
        "lifecycle_stage,target,note\nsubscriber,Lead,\nlead,Lead,\ncustomer,Contact,\nevangelist,Contact,\nodd\u{1b}stage,Lead,\n",
    );
    project.carry().ended(0);
    let leads = project.set("select r.key from ledger.records as r where r.load = 'lead'");
    assert!(leads.contains("6"), "{leads:?}");
    let told = project.table("select s.id from recon.split as s");
    assert!(told.is_empty(), "{told:?}");
}
