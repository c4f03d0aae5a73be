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
