//! Opt-outs of people whose rows wait.

use crate::rehearsal::Project;

const HEAD: &str = "id,email,name,lifecycle_stage,company_id,phone,unsubscribed\n";

#[test]
#[ignore = "long: several migrations"]
fn an_opt_out_reaches_a_record_of_the_org_whatever_its_row_waits_for() {
    let project = Project::small();
    project.write("export/deals.csv", "id,name\n");
    let people = "3,c@x.example,Cy Cole,customer,10,,f\n4,e@x.example,Eva East,lead,,,f\n\
                  5,f@x.example,Fay Fox,customer,10,,f\n6,g@x.example,Gus Gray,lead,,,f\n\
                  7,h@x.example,Hal Hill,customer,10,,f\n8,i@x.example,Ian Ide,lead,,,f\n\
                  9,j@x.example,Jo Jay,customer,10,,f\n";
    project.write("export/people.csv", &format!("{HEAD}{people}"));
    project.run().ended(0);
    assert_eq!(opted_out(&project), "3 f, 4 f, 5 f, 6 f, 7 f, 8 f, 9 f");

    // No address any more, no stage, a stage that nobody knows, a customer by now, a company that is gone.
    let people = "3,,Cy Cole,customer,10,,t\n4,,Eva East,lead,,,t\n\
                  5,f@x.example,Fay Fox,,10,,t\n6,g@x.example,Gus Gray,vip2,,,t\n\
                  7,h@x.example,Hal Hill,customer,99,,t\n8,i@x.example,Ian Ide,customer,10,,t\n\
                  9,j@x.example,Jo Jay,,10,,f\n10,,Nob Ody,lead,,,t\n";
    project.write("export/people.csv", &format!("{HEAD}{people}"));
    let run = project.run().ended(1);
    assert_eq!(opted_out(&project), "3 t, 4 t, 5 t, 6 t, 7 t, 8 t, 9 f");
    let fates = "select f.load, f.key, f.reason from recon.fates as f where f.load in ('lead', 'contact') order by 2";
    assert_eq!(
        project.table(fates),
        [
            ["lead", "10", "no_email_no_phone"],
            ["contact", "5", "lifecycle_missing"],
            ["lead", "6", "lifecycle_unknown"],
            ["contact", "7", "company_not_in_export"],
            ["contact", "8", "is_a_lead_already"],
            ["contact", "9", "lifecycle_missing"],
        ]
    );
    let updated = ["lead_opt_out", "contact_opt_out"].map(|load| run.number(load, "updated"));
    assert_eq!(updated, [2, 2]);
    assert_eq!(run.total("differences"), 0);
    {
        let org = project.org();
        assert_eq!(org.row("Contact", "3", "Email")["Email"], "∅");
        let edits = "select count(*) from recon.changed_by_org";
        assert_eq!(project.number(edits), 0);
    }

    // Nothing is sent twice.
    let run = project.run().ended(1);
    let sent = ["lead_opt_out", "contact_opt_out"].map(|load| run.number(load, "updated"));
    assert_eq!(sent, [0, 0]);

    // What waited goes on, and takes nothing back.
    let people = "3,c@x.example,Cy Cole,customer,10,,t\n4,e@x.example,Eva East,lead,,,t\n\
                  5,f@x.example,Fay Fox,customer,10,,t\n6,g@x.example,Gus Gray,lead,,,t\n\
                  7,h@x.example,Hal Hill,customer,10,,t\n8,i@x.example,Ian Ide,lead,,,t\n\
                  9,j@x.example,Jo Jay,customer,10,,f\n";
    project.write("export/people.csv", &format!("{HEAD}{people}"));
    let run = project.run().ended(0);
    assert_eq!(opted_out(&project), "3 t, 4 t, 5 t, 6 t, 7 t, 8 t, 9 f");
    assert_eq!((run.total("differences"), run.total("gone")), (0, 0));
}

#[test]
#[ignore = "long: several migrations"]
fn somebody_who_waits_again_and_opts_out_again_is_opted_out_again() {
    let project = Project::small();
    project.write("export/deals.csv", "id,name\n");
    let export = |person: &str| project.write("export/people.csv", &format!("{HEAD}{person}\n"));
    let steps = [
        ("4,e@x.example,Eva East,lead,,,f", "4 f", 0),
        // Waits for a stage that nobody knows, and wants no mail.
        ("4,e@x.example,Eva East,vip2,,,t", "4 t", 1),
        // Goes on, and wants mail again.
        ("4,e@x.example,Eva East,lead,,,f", "4 f", 0),
        ("4,e@x.example,Eva East,vip2,,,t", "4 t", 1),
    ];
    for (place, (person, said, opted_out_alone)) in steps.into_iter().enumerate() {
        export(person);
        let run = project.run();
        assert_eq!(opted_out(&project), said, "step {place}: {}", run.stderr);
        let updated = run.number("lead_opt_out", "updated");
        assert_eq!(updated, opted_out_alone, "step {place}");
        assert_eq!(
            run.total("conflicts") + run.total("differences"),
            0,
            "step {place}"
        );
    }
    assert_eq!(project.run().total("sent"), 0);
}

/// Each person with the first letter of what the org says of the opt-out.
fn opted_out(project: &Project) -> String {
    let org = project.org();
    let mut said: Vec<String> = ["Lead", "Contact"]
        .into_iter()
        .flat_map(|object| org.map(object, "usercom_id__c", "HasOptedOutOfEmail"))
        .map(|(id, value)| format!("{id} {}", &value[..1]))
        .collect();
    said.sort_unstable();
    said.join(", ")
}
