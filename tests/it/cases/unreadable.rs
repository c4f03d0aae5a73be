//! A cell that cannot be read is not an empty one.

use crate::rehearsal::Project;

/// What the cells of one export say, in the order in which the files below have them.
struct Cells {
    size: &'static str,
    score: &'static str,
    seen: &'static str,
    fan: &'static str,
    close: &'static str,
    done: &'static str,
    active: &'static str,
    company: &'static str,
}

fn project() -> Project {
    let project = Project::small();
    project.write(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
         people,fan,Lead;Contact,Fan__c,Checkbox,confirmed,me@acme.example,2026-01-01\n",
    );
    project.write(
        "export/attributes.jsonl",
        "{\"id\":1,\"name\":\"fan\",\"name_std\":\"fan\",\"content_type\":\"clientuser\",\"value_type\":\"boolean\"}\n",
    );
    project.write(
        "config/defaults.csv",
        "object,field,value,note\nOpportunity,CloseDate,2027-12-31,\n",
    );
    project.write(
        "config/activity_types.csv",
        "activity_type_id,activity_type,task_subtype,subject\n1,Call,Call,\n",
    );
    project
}

/// The first row of each file has these cells; others are readable, so that no column is a loss as a whole.
fn export(project: &Project, cells: &Cells) {
    project.write(
        "export/companies.csv",
        &format!(
            "id,name,domain,size\n10,Globex,globex.example,{}\n11,Initech,initech.example,5\n12,Hooli,hooli.example,6\n",
            cells.size
        ),
    );
    project.write(
        "export/people.csv",
        &format!(
            "id,email,name,lifecycle_stage,company_id,score,last_seen,fan\n\
             3,cas@globex.example,Cas Cole,customer,{},{},{},{}\n\
             4,eva@initech.example,Eva East,customer,11,8,2026-01-01T00:00:00Z,t\n\
             5,moe@globex.example,Moe Marsh,customer,10,9,2026-01-02T00:00:00Z,f\n",
            cells.company, cells.score, cells.seen, cells.fan
        ),
    );
    project.write(
        "export/deals.csv",
        &format!(
            "id,name,value,currency,pipeline,stage,status,company_id,user_id,expected_close_date\n\
             50,Pilot,100.50,PLN,1,11,in progress,10,3,{}\n\
             51,Other,10,PLN,1,11,in progress,11,4,2026-03-01\n\
             52,Third,10,PLN,1,11,in progress,11,4,2026-03-01\n",
            cells.close
        ),
    );
    project.write(
        "export/products.csv",
        &format!(
            "id,name,price,currency,active\n900,Seat,5,PLN,{}\n901,Setup,5,PLN,t\n902,Visit,5,PLN,t\n",
            cells.active
        ),
    );
    project.write(
        "export/activities.csv",
        &format!(
            "id,name,activity_type_id,activity_type,done,due_at,person_id\n\
             17,x,1,Call,{},2026-01-01T00:00:00Z,3\n18,y,1,Call,t,2026-01-01T00:00:00Z,4\n19,z,1,Call,f,2026-01-01T00:00:00Z,4\n",
            cells.done
        ),
    );
}

/// What the org has of the first rows.
fn fields(project: &Project) -> Vec<String> {
    let org = project.org();
    let account = org.row("Account", "10", "NumberOfEmployees");
    let contact = org.row(
        "Contact",
        "3",
        "usercom_score__c, usercom_last_seen__c, Fan__c, AccountId",
    );
    let deal = org.row("Opportunity", "50", "CloseDate, usercom_expected_close__c");
    let product = org.row("Product2", "product:900", "IsActive");
    let task = org.row("Task", "activity:17", "Status");
    [&account, &contact, &deal, &product, &task]
        .into_iter()
        .flat_map(|row| {
            let fields = row.iter().filter(|(name, _)| *name != "Id");
            fields.map(|(name, value)| format!("{name} {value}"))
        })
        .collect()
}

#[test]
fn a_cell_that_cannot_be_read_leaves_the_field_as_it_is() {
    let project = project();
    let readable = Cells {
        size: "120",
        score: "7",
        seen: "2025-06-30 10:00:00",
        fan: "t",
        close: "2026-05-01",
        done: "t",
        active: "f",
        company: "10",
    };
    export(&project, &readable);
    project.run().ended(0);
    let before = fields(&project);
    assert!(before.contains(&"Fan__c true".to_owned()), "{before:?}");
    assert!(
        before.contains(&"Status Completed".to_owned()),
        "{before:?}"
    );

    let broken = Cells {
        size: "about 100",
        score: "nine",
        seen: "30-Juni-2025 10h",
        fan: "maybe",
        close: "next week",
        done: "maybe",
        active: "perhaps",
        company: "10",
    };
    export(&project, &broken);
    let run = project.run().ended(0);
    assert_eq!(fields(&project), before);
    assert_eq!(run.total("differences"), 0);
    assert!(
        run.stderr.contains(
            "people: cells that could not be read say nothing, and what they feed stays as it is in the org: fan 1, last_seen 1, score 1"
        ),
        "{}",
        run.stderr
    );
    let flagged = project.table(
        "select f.load, f.key from recon.flagged as f where f.flag = 'cell_unreadable' order by f.load, f.key",
    );
    assert_eq!(
        flagged,
        [
            ["account", "10"],
            ["contact", "3"],
            ["opportunity", "50"],
            ["product", "product:900"],
            ["task", "activity:17"]
        ]
    );
    let altered = project.table(
        "select a.load, a.field, a.done, a.original from recon.altered as a where a.why = 'unreadable' order by a.load, a.field",
    );
    assert!(
        altered.contains(
            &["task", "Status", "kept", "maybe"]
                .map(str::to_owned)
                .to_vec()
        ),
        "{altered:?}"
    );

    // An empty cell is empty still, and a cell that is mended goes on.
    let emptied = Cells {
        size: "",
        score: "8",
        seen: "",
        ..readable
    };
    export(&project, &emptied);
    project.run().ended(0);
    let org = project.org();
    let contact = org.row(
        "Contact",
        "3",
        "usercom_score__c, usercom_last_seen__c, Fan__c",
    );
    assert_eq!(contact["usercom_score__c"].parse::<f64>().unwrap(), 8.0);
    assert_eq!(contact["usercom_last_seen__c"], "∅");
    assert_eq!(contact["Fan__c"], "true");
    assert_eq!(
        org.row("Account", "10", "NumberOfEmployees")["NumberOfEmployees"],
        "∅"
    );
}

#[test]
fn a_first_load_leaves_the_field_empty_and_says_so() {
    let project = project();
    let cells = Cells {
        size: "about 100",
        score: "7",
        seen: "someday",
        fan: "t",
        close: "2026-05-01",
        done: "t",
        active: "t",
        company: "10",
    };
    export(&project, &cells);
    project.run().ended(0);
    let altered = project.table(
        "select a.load, a.key, a.field, a.done, a.original from recon.altered as a where a.why = 'unreadable' order by a.load",
    );
    assert_eq!(
        altered,
        [
            ["account", "10", "NumberOfEmployees", "blanked", "about 100"],
            ["contact", "3", "usercom_last_seen__c", "blanked", "someday"]
        ]
    );
    let seen = project.org().row("Contact", "3", "usercom_last_seen__c");
    assert_eq!(seen["usercom_last_seen__c"], "∅");
}

#[test]
fn a_column_that_is_largely_unreadable_is_no_success() {
    let project = Project::small();
    project.write(
        "export/companies.csv",
        "id,name,domain,size\n10,Globex,globex.example,many\n11,Initech,initech.example,few\n12,Hooli,hooli.example,\n",
    );
    let run = project.run().ended(1);
    assert!(
        run.stderr
            .contains("2 of 2 cells of companies.size could not be read"),
        "{}",
        run.stderr
    );
    assert_eq!(run.number("account", "created"), 3);
    assert_eq!(run.summary["status"], "gated");
}

#[test]
#[ignore = "long: several migrations"]
fn a_value_that_its_field_cannot_hold_does_not_clear_what_the_record_has() {
    let project = Project::small();
    let field = |name: &str, kind: &str| {
        format!(
            "people,{name},Lead;Contact,{}__c,{kind},confirmed,me@acme.example,2026-01-01\n",
            name.to_uppercase()
        )
    };
    project.write(
        "config/field_map.csv",
        &format!(
            "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n{}{}",
            field("birthday", "Date"),
            field("points", "\"Number(6,0)\"")
        ),
    );
    project.write(
        "export/attributes.jsonl",
        "{\"id\":1,\"name\":\"birthday\",\"content_type\":\"clientuser\",\"value_type\":\"date\"}\n\
         {\"id\":2,\"name\":\"points\",\"content_type\":\"clientuser\",\"value_type\":\"integer\"}\n",
    );
    project.write("export/deals.csv", "id,name\n");
    let people = |first: &str| {
        format!(
            "id,email,name,lifecycle_stage,company_id,birthday,points\n3,{first}\n\
             4,eva@initech.example,Eva East,customer,11,1990-01-01,7\n5,moe@globex.example,Moe Marsh,customer,10,1991-01-01,8\n"
        )
    };
    project.write(
        "export/people.csv",
        &people("cas@globex.example,Cas Cole,customer,10,1980-01-01,5"),
    );
    project.run().ended(0);
    let has = || {
        let row = project
            .org()
            .row("Contact", "3", "Email, BIRTHDAY__c, POINTS__c");
        ["Email", "BIRTHDAY__c", "POINTS__c"].map(|field| row[field].clone())
    };
    let before = has();
    assert_eq!(before[0], "cas@globex.example");
    project.write(
        "export/people.csv",
        &people("not an address,Cas Cole,customer,10,0001-01-01,99999999999"),
    );
    let altered = "select a.field, a.done from recon.altered as a order by 1";
    let kept = [
        ["BIRTHDAY__c", "kept"],
        ["Email", "kept"],
        ["POINTS__c", "kept"],
    ];
    for _ in 0..2 {
        let run = project.run().ended(0);
        assert_eq!(has(), before);
        assert_eq!(project.table(altered), kept);
        assert_eq!(run.total("differences"), 0);
        let flagged =
            "select f.load, f.key from recon.flagged as f where f.flag = 'cell_unreadable'";
        assert_eq!(project.table(flagged), [["contact", "3"]]);
    }
    // Whoever asks for it has the field emptied.
    project.write(
        "config/value_policy.csv",
        "object,field,policy,note\nContact,Email,blank_and_keep_raw,\n",
    );
    project.run().ended(0);
    assert_eq!(
        has(),
        ["∅".to_owned(), before[1].clone(), before[2].clone()]
    );
}
