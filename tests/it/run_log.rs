//! `ledger.runs`: one row per run and load, over all runs.

use crate::rehearsal::Project;

#[test]
#[ignore = "long: several migrations"]
fn runs_and_rollbacks_leave_a_row_per_load_and_one_that_broke_off_is_added_later() {
    let project = Project::loaded();
    let first = "select load, created, outbox, differences from ledger.runs where created > 0 order by load";
    let rows = project.table(first);
    let loads: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(
        loads,
        [
            "account",
            "contact",
            "lead",
            "opportunity",
            "opportunity_contact_role"
        ]
    );
    assert_eq!(rows[0][1..], ["3", "3", "0"]);

    // As a process leaves it that was killed before its run was told: the table lacks the first run.
    let org = project.path(".transload/orgs").join(&project.orgs()[0]);
    for kept in ["manifests/ledger/runs", "published/ledger/runs"] {
        std::fs::remove_dir_all(org.join(kept)).unwrap();
    }
    project.carry().ended(0);
    let runs = "select run, kind, status, count(distinct finished), sum(created) from ledger.runs \
                group by run, kind, status order by run";
    let rows = project.table(runs);
    let told: Vec<&[String]> = rows.iter().map(|row| &row[1..]).collect();
    assert_eq!(told, [["run", "ok", "1", "13"], ["run", "ok", "1", "0"]]);

    let undone = project.transload(&["rollback", "--yes"]).ended(0);
    assert!(undone.stderr.contains("as it was"), "{}", undone.stderr);
    let rows = project.table(runs);
    assert_eq!((rows.len(), rows[2][1].as_str()), (3, "rollback"));
}
