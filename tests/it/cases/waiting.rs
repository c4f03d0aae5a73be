//! Rows that wait for something, and rows that failed: each tells everything that keeps it back.

use crate::load::long_name;
use crate::rehearsal::Project;

#[test]
fn a_row_whose_field_rejects_bad_values_is_held_with_its_reason() {
    let project = Project::small();
    project.edit("export/people.csv", "lee@globex.example", "lee at globex");
    project.write(
        "config/value_policy.csv",
        "object,field,policy,note\nLead,Email,reject,\n",
    );
    let run = project.run().ended(0);
    assert_eq!(
        (run.number("lead", "held"), run.number("lead", "created")),
        (1, 2)
    );
    let fates = project.table("select f.key, f.fate, f.reason from recon.fates_lead as f");
    assert_eq!(fates, [["1", "held", "Email invalid_email"]]);
    assert!(!project.org().keys("Lead").contains("1"));
}

#[test]
fn a_row_that_waits_for_several_things_tells_all_of_them_at_once() {
    let project = Project::small();
    project.edit("export/people.csv", "lee@globex.example", "lee at globex");
    project.edit("export/people.csv", "Lee Lane,lead", "Lee Lane,zombie");
    project.edit("export/people.csv", "cas@globex.example", "cas at globex");
    project.edit(
        "export/people.csv",
        "Cas Cole,customer,10",
        "Cas Cole,customer,99",
    );
    project.write(
        "config/value_policy.csv",
        "object,field,policy,note\nLead,Email,reject,\nContact,Email,reject,\n",
    );
    project.run().ended(1);
    let fates = |load: &str| {
        project.table(&format!(
            "select f.key, f.fate, f.reason, f.parent from recon.fates_{load} as f"
        ))
    };
    assert_eq!(
        fates("lead"),
        [["1", "held", "lifecycle_unknown; Email invalid_email", "∅"]]
    );
    assert_eq!(
        fates("contact"),
        [[
            "3",
            "held",
            "company_not_in_export; Email invalid_email",
            "company 99"
        ]]
    );
    // The value that is in the way can be looked at.
    let altered = "select a.key, a.field, a.done, a.original from recon.altered_contact as a";
    assert_eq!(
        project.table(altered),
        [["3", "Email", "rejected", "cas at globex"]]
    );
}

/// A last name may not stay blank, so this policy and the org do not go together.
#[test]
#[ignore = "long: several migrations"]
fn a_row_that_failed_shuts_the_gate_and_is_the_only_one_sent_again() {
    let project = Project::small();
    project.edit(
        "export/people.csv",
        "Lee Lane",
        &format!("Lee {}", long_name()),
    );
    let policy = "object,field,policy,note\nLead,LastName,blank_and_keep_raw,\n";
    project.write("config/value_policy.csv", policy);
    let run = project.run().ended(1);
    assert_eq!(
        (run.number("lead", "failed"), run.number("lead", "created")),
        (1, 2)
    );
    let errors = "select cast(l.usercom_id__c as varchar), l.error_code, l.id from ledger.lead as l \
                  where l.outcome = 'failed'";
    assert_eq!(
        project.table(errors),
        [["1", "REQUIRED_FIELD_MISSING", "∅"]]
    );
    assert!(run.stderr.contains("1 of 3 rows failed"), "{}", run.stderr);
    assert!(
        project.org().rows("SELECT Id FROM Contact").is_empty(),
        "the gate was open"
    );

    project.edit(
        "config/value_policy.csv",
        "blank_and_keep_raw",
        "truncate_and_attach",
    );
    let run = project.run().ended(0);
    let lead = ["sent", "created", "unchanged"].map(|name| run.number("lead", name));
    assert_eq!(lead, [1, 1, 2]);
}
