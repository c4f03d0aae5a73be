//! Decision files: read however they were saved, refused with their place where they mean nothing.

use crate::rehearsal::Project;

#[test]
fn mistakes_in_decision_files_are_told_at_once_and_before_anything_is_sent() {
    let project = Project::small();
    project.write(
        "config/lifecycle.csv",
        "lifecycle_stage,target,note\nlead,Lead,\ncustomer,Contacts,\nmql,contact,\nLEAD,Lead,\n",
    );
    project.write("config/rates.csv", "currency,rate\nEUR,-1\n");
    project.write("config/rates \u{2014} kopia.csv", "currency,rate\nEUR,4\n");
    project.write(
        "config/defaults.csv",
        "object,field,value,note\nOpportunity,CloseDate,32.12.2026,\n",
    );
    let refused = project.carry().ended(2);
    for words in [
        "5 mistake(s) in the project's files",
        "config/lifecycle.csv line 3, column target: `Contacts` is none of Lead, Contact, Hold; did you mean `Contact`?",
        "config/lifecycle.csv line 5, column lifecycle_stage: `LEAD` is decided in line 2 already",
        "config/rates.csv line 2, column rate: `-1` is no number above 0",
        "did you mean `config/rates.csv`?",
        "config/defaults.csv line 2, column value: `32.12.2026` is no date",
    ] {
        assert!(
            refused.error().contains(words),
            "{words}\n{}",
            refused.stderr
        );
    }
    assert!(project.orgs().is_empty());
    assert_eq!(project.org().rows("SELECT Id FROM Account").len(), 0);
}

#[test]
fn names_that_there_are_not_are_told_with_the_nearest() {
    let project = Project::small();
    project.write(
        "config/stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\nSales,Open,in progress,Prospecting,10,\n\
         Sales,Done,won,Closed Won,100,\nSalse,Done,lost,Closed Lost,0,\nSales,Opn,lost,Closed Lost,0,\n",
    );
    project.write(
        "config/value_policy.csv",
        "object,field,policy,note\nLaed,Phone,reject,\nContact,Phnoe,REJECT,\n",
    );
    project.write(
        "config/defaults.csv",
        "object,field,value,note\nContact,Phone,none,\n",
    );
    let refused = project.carry().ended(2);
    for words in [
        "config/value_policy.csv line 2, column object: `Laed` is no object that a load sends to; did you mean `Lead`?",
        "config/value_policy.csv line 3, column field: `Phnoe` is no field that a load of Contact sends; did you mean `Phone`?",
        "config/defaults.csv line 2, column field: `Phone` has no fallback in the loads of Contact",
        "config/stage_matrix.csv line 4, column pipeline: `Salse` is no pipeline of the export; did you mean `sales`?",
        "config/stage_matrix.csv line 5, column stage: `Opn` is no stage of this pipeline in the export; did you mean `open`?",
    ] {
        assert!(
            refused.error().contains(words),
            "{words}\n{}",
            refused.stderr
        );
    }
    assert_eq!(project.org().rows("SELECT Id FROM Account").len(), 0);
}

#[test]
fn decisions_that_a_spreadsheet_saved_count() {
    let project = Project::small();
    project.write("config/lifecycle.csv", "sep=;\r\nlifecycle_stage;target;note;\r\nlead;contact;;\r\nsubscriber;LEAD;;\r\ncustomer;Contact;;\r\nevangelist;Contact;;\r\nmql;Lead;;\r\n");
    project.write(
        "config/stage_matrix.csv",
        "\u{feff}pipeline;stage;status;stage_name;probability;note\nSales;Open;in progress;Prospecting;30%;\nSales;Done;won;Closed Won;100;\n",
    );
    project.edit("export/deals.csv", "100.50,PLN", "100.50,EUR");
    project.write("config/rates.csv", "currency\trate\neur\t4,30\n");
    project.carry().ended(0);
    let org = project.org();
    assert!(org.keys("Contact").contains("1"));
    let deal = org.row("Opportunity", "50", "Amount, Probability");
    assert_eq!(
        (deal["Amount"].as_str(), deal["Probability"].as_str()),
        ("432.15", "30.0")
    );
}

#[test]
fn decisions_about_what_there_is_not_are_told_with_the_nearest() {
    let project = Project::small();
    project.write(
        "org/Territory2.csv",
        "Name,DeveloperName\nWest Coast,West_Coast\n",
    );
    project.write(
        "config/owners.csv",
        "owner_id,owner_email,user_email,note\n7001,,anne@acme.example,\n7009,,ann@acme.example,\n\
         ,bne@acme.example,BEN@acme.example,\n7002,,ann@acme.example,\n",
    );
    project.write(
        "config/matches.csv",
        "object,usercom_id,salesforce_id,decision\nAccount,10,,new\nAccount,1,,new\nlead,10,,new\nContact,3,,new\n",
    );
    project.write(
        "config/territories.csv",
        "company_id,territory\n10,west_coast\n99,West Coast\n11,West Cost\n",
    );
    project.write(
        "config/user_territories.csv",
        "user_email,territory\nben@acme.example,East\nbem@acme.example,West Coast\n",
    );
    let refused = project.carry().ended(2);
    for words in [
        "9 mistake(s) in the project's files",
        "config/owners.csv line 2, column user_email: `anne@acme.example` is the address of no user of the org: provision the user, \
         or name another; did you mean `ann@acme.example`?",
        "config/owners.csv line 3, column owner_id: `7009` is no owner that the export names",
        "config/owners.csv line 4, column owner_email: `bne@acme.example` is no owner that the export names; did you mean \
         `ben@acme.example`?",
        "config/matches.csv line 3, column usercom_id: `1` is no company of the export",
        "config/matches.csv line 4, column usercom_id: `10` is no person of the export",
        "config/territories.csv line 3, column company_id: `99` is no company of the export",
        "config/territories.csv line 4, column territory: `West Cost` is no territory of the org's active model; did you mean \
         `West Coast`?",
        "config/user_territories.csv line 2, column territory: `East` is no territory",
        "config/user_territories.csv line 3, column user_email: `bem@acme.example` is the address of no user",
    ] {
        assert!(
            refused.error().contains(words),
            "{words}\n{}",
            refused.stderr
        );
    }
    assert_eq!(project.org().rows("SELECT Id FROM Account").len(), 0);
}

#[test]
fn files_and_names_that_nothing_asks_for_are_told_with_the_nearest() {
    let project = Project::small();
    project.write(
        "config/lifecyle.csv",
        "lifecycle_stage,target\nlead,Contact\n",
    );
    project.write("config/packing_list.csv", "what\nlaptop\n");
    project.write(
        "config/decisions.csv",
        "object,key,field,decision,changed_at\nContact,3,Emial,org,\nContcat,3,Email,org,\n\
         Contact,4,Emial,source,2026-01-01T00:00:00Z\n",
    );
    let staged = project.carry().ended(2);
    let words = "config/lifecyle.csv: is read by nothing: no query asks for it, and the program has no such decisions; \
                 did you mean `config/lifecycle.csv`?";
    assert!(staged.error().contains(words), "{}", staged.stderr);

    std::fs::remove_file(project.path("config/lifecyle.csv")).unwrap();
    project.write(
        "config/preflight.csv",
        "finding\nperson_acounts\nvalidation_rul:Account:*\nflow:Lead:*\nright:*\n",
    );
    project.write(
        "config/ignored_columns.csv",
        "source,column,reason\npeple,gender,none\npeople,scor,none\n*,updated_at,none\nco_ticket,topic,none\n",
    );
    let refused = project.carry().ended(2);
    for words in [
        "6 mistake(s) in the project's files",
        "config/decisions.csv line 2, column field: `Emial` is no field that a load of Contact sends; did you mean `Email`?",
        "config/decisions.csv line 3, column object: `Contcat` is no object that a load sends to; did you mean `Contact`?",
        "config/preflight.csv line 2, column finding: `person_acounts` is nothing that a preflight finds, so nothing is \
         acknowledged; did you mean `person_accounts`?",
        "config/preflight.csv line 3, column finding: `validation_rul:Account:*` is nothing that a preflight finds, so nothing is \
         acknowledged; did you mean `validation_rule`?",
        "config/ignored_columns.csv line 2, column source: `peple` is no table of the export; did you mean `people`?",
        "config/ignored_columns.csv line 3, column column: `scor` is no column of people in the export; did you mean `score`?",
    ] {
        assert!(
            refused.error().contains(words),
            "{words}\n{}",
            refused.stderr
        );
    }
    let checked = project.transload(&["check"]).ended(2);
    let words = "config/packing_list.csv: is read by nothing";
    assert!(checked.stdout.contains(words), "{}", checked.stdout);
}

#[test]
#[ignore = "long: several migrations"]
fn a_decision_about_a_row_that_the_next_export_lacks_is_no_mistake() {
    let project = Project::loaded();
    project.write(
        "config/matches.csv",
        "object,usercom_id,salesforce_id,decision\nAccount,12,,new\n",
    );
    project.write(
        "config/owners.csv",
        "owner_id,owner_email,user_email,note\n7002,,ben@acme.example,\n",
    );
    project.edit("export/companies.csv", "12,Hooli,hooli.example,,\n", "");
    project.edit(
        "export/agents.csv",
        "7002,Ben Birch,ben@acme.example,t\n",
        "",
    );
    for file in ["export/companies.csv", "export/people.csv"] {
        project.edit(file, "7002", "");
    }
    project.edit("export/deals.csv", ",7002,", ",,");
    let run = project.carry();
    assert!(!run.summary.is_null(), "{}", run.stderr);
    project.edit("config/matches.csv", "Account,12", "Account,13");
    let refused = project.carry().ended(2);
    assert!(
        refused.error().contains("`13` is no company of the export"),
        "{}",
        refused.stderr
    );
}
