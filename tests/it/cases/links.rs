//! Each link of the source is loaded, held or ignored with a reason, and no load may drop a row.

use std::collections::BTreeSet;

use crate::rehearsal::Project;

/// People, companies, lists and teams that are linked in every way.
fn linked() -> Project {
    let project = Project::small();
    std::fs::remove_file(project.path("export/agents.csv")).unwrap();
    project.write(
        "config/owners.csv",
        "owner_id,owner_email,user_email,note\n7001,,ann@acme.example,\n7002,,ben@acme.example,\n",
    );
    project.write(
        "export/companies.csv",
        "id,name,domain,employees,team,assigned_to\n10,Globex,globex.example,\"{1,3,6}\",\"{7001,7002}\",7001\n\
         11,Initech,initech.example,,,7002\n12,Hooli,hooli.example,{3},,\n",
    );
    project.write(
        "export/people.csv",
        "id,email,name,lifecycle_stage,company_id,companies,lists,assigned_to\n\
         1,lee@globex.example,Lee Lane,lead,10,\"{10,11}\",Spring fair,7001\n\
         2,sue@initech.example,Sue Stone,lead,11,,\"{Spring fair,44}\",7002\n\
         3,cas@globex.example,Cas Cole,customer,10,\"{10,11}\",,7001\n\
         4,eva@initech.example,Eva East,customer,11,,,\n\
         6,fay@nowhere.example,Fay Frost,lead,,,,\n",
    );
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,participants,team,expected_close_date\n\
         50,Pilot,100.50,PLN,1,11,in progress,10,3,\"{2,4,99}\",{7002},2026-05-01\n",
    );
    project
}

/// One column of a question to all tables and views.
fn told(project: &Project, sql: &str) -> BTreeSet<String> {
    let run = project
        .transload(&["query", "--format", "csv", sql])
        .ended(0);
    run.stdout.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn each_link_of_the_source_is_loaded_held_or_ignored() {
    let project = linked();
    let run = project.carry();
    assert!(!run.summary.is_null(), "{}", run.stderr);
    let org = project.org();
    // A participant of a deal is promoted as its main person is.
    assert_eq!(org.row("Contact", "2", "LastName")["LastName"], "Stone");
    let roles = org.rows("SELECT ContactId FROM OpportunityContactRole");
    assert_eq!(roles.len(), 3);
    // Whoever only the company names belongs to it.
    assert_eq!(org.row("Lead", "6", "Company")["Company"], "Globex");
    let lead = org.row("Lead", "1", "Company, usercom_companies__c");
    assert_eq!(
        (&*lead["Company"], &*lead["usercom_companies__c"]),
        ("Globex", "Initech")
    );
    let related = org.rows(
        "SELECT AccountId, Contact.LastName FROM AccountContactRelation WHERE IsDirect = false",
    );
    let further: BTreeSet<&str> = related
        .iter()
        .map(|row| &*row["Contact.LastName"])
        .collect();
    assert_eq!((related.len(), further), (2, BTreeSet::from(["Cole"])));
    // Lists need no file of lists.
    let campaigns: BTreeSet<String> = org.map("Campaign", "Name", "Id").into_keys().collect();
    assert!(
        campaigns.contains("Spring fair") && campaigns.contains("List 44"),
        "{campaigns:?}"
    );
    assert_eq!(org.rows("SELECT Id FROM CampaignMember").len(), 3);
    // Team members need no file of agents.
    assert_eq!(org.rows("SELECT Id FROM AccountTeamMember").len(), 2);
    assert_eq!(org.rows("SELECT Id FROM OpportunityTeamMember").len(), 1);
    let held = told(
        &project,
        "select distinct f.reason || ' ' || f.parent as told from recon.fates as f where f.parent is not null",
    );
    assert!(held.contains("person_not_in_export person 99"), "{held:?}");
    assert!(held.contains("lead_keeps_companies_in_field person 1"));
}

#[test]
fn rows_of_what_an_option_leaves_out_are_ignored_by_name() {
    let project = linked();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\nproducts = false\nteams = false\nnotes = false\nsegment_strategy = \"static_list\"\n",
    );
    project.write(
        "export/products.csv",
        "id,name,price,currency\n1,Basic,10,PLN\n2,Plus,20,PLN\n",
    );
    project.write(
        "export/notes.csv",
        "id,name,content,user_id\n1,Call,hello,1\n",
    );
    let run = project.carry();
    assert!(!run.summary.is_null(), "{}", run.stderr);
    assert_eq!(run.number("product", "ignored"), 2);
    assert_eq!(run.number("content_note", "ignored"), 1);
    assert_eq!(run.number("account_team_member", "ignored"), 2);
    let reasons = told(
        &project,
        "select distinct f.reason as told from recon.fates as f where f.load = 'product'",
    );
    assert_eq!(reasons, BTreeSet::from(["products = false".to_owned()]));
    // What goes another way is not left out.
    let campaigns = told(
        &project,
        "select f.key as told from recon.fates as f where f.load = 'campaign'",
    );
    assert!(campaigns.is_empty(), "{campaigns:?}");
}

#[test]
fn a_load_that_drops_rows_shuts_the_gate_whatever_its_grain() {
    let project = linked();
    project.override_query("queries/load/opportunity_contact_role.sql", |sql| {
        format!("{sql}where not participant.is_main\n")
    });
    let run = project.carry();
    assert!(
        run.stderr.contains("gate: prepare.deal_participant by deal_id, person_id has 4 rows, but its loads account for 3 (opportunity_contact_role 3): a `where` or an inner join drops rows"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_row_that_is_lost_and_one_that_is_doubled_do_not_balance_by_any_column_of_the_key() {
    let project = linked();
    // Ben is in the teams of two companies instead of Ann and Ben in that of one.
    project.override_query("queries/load/account_team_member.sql", |sql| {
        sql.replace(
            "left join prepare.company_link as company\n    on company.company_id = team.id",
            "inner join usercom.companies as twice\n    on twice.id < 12\n\
             left join prepare.company_link as company\n    on company.company_id = twice.id",
        )
        .replace(
            "where team.kind = 'company'",
            "where team.kind = 'company' and team.agent_id <> 7001",
        )
    });
    let run = project.carry();
    let ann = project
        .org()
        .rows("SELECT Id FROM User WHERE Alias = 'ann'");
    let lost = format!(
        "gate: prepare.team_link by id, member where kind = 'company' has 1 row(s) that are neither in an outbox nor have a fate (10|{})",
        ann[0]["Id"]
    );
    assert!(run.stderr.contains(&lost), "{}", run.stderr);
    assert!(!run.stderr.contains("drops rows"), "{}", run.stderr);
}

/// Every default load with a source is `changed`, and a plan is made of what comes to.
fn plan_of_loads(
    project: &Project,
    options: &str,
    changed: impl Fn(&str) -> String,
) -> (String, BTreeSet<String>) {
    project.edit(
        "migration.toml",
        "[options]\n",
        &format!("[options]\n{options}"),
    );
    let loads = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/load");
    let mut sources = BTreeSet::new();
    for file in std::fs::read_dir(loads).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let source = header(&text, "source");
        let Some(source) = source.filter(|source| *source != "none") else {
            continue;
        };
        sources.insert(source.to_owned());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        project.write(&format!("queries/load/{name}"), &changed(&text));
    }
    let plan = project.transload(&["plan", "--format", "json"]);
    (plan.stdout + &plan.stderr, sources)
}

/// What a header of a query says.
fn header<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("-- {name}: ");
    query.lines().find_map(|line| line.strip_prefix(&start))
}

/// Options by which the loads are used that stand aside else.
const OTHER_WAYS: &str = "chat_strategy = \"case_comments\"\nemail_strategy = \"email_messages\"\nline_item_mismatch = \"balancing_line\"\n";

#[test]
fn a_plan_names_every_load_that_would_drop_a_row() {
    let planned = |options: &str| {
        let project = crate::further::project();
        project.edit(
            "export/companies.csv",
            "assigned_to\n",
            "assigned_to,team\n",
        );
        for row in [",7001\n", ",7002\n", ",,\n"] {
            project.edit("export/companies.csv", row, &row.replace('\n', ",{7002}\n"));
        }
        plan_of_loads(&project, options, |load| {
            format!("{}\noffset 1\n", load.trim_end())
        })
    };
    let ((plan, sources), (other, _)) = (planned(""), planned(OTHER_WAYS));
    let unnamed: Vec<&String> = sources
        .iter()
        // Nobody is a Lead in the org yet who could have become a customer.
        .filter(|source| !source.starts_with("prepare.promot"))
        // Nobody opted out since.
        .filter(|source| !source.ends_with("_opt_out"))
        // No value needs a note.
        .filter(|source| !source.starts_with("prepare.long_original"))
        .filter(|source| {
            let named = format!("{source} has ");
            !plan.contains(&named) && !other.contains(&named)
        })
        .collect();
    assert!(unnamed.is_empty(), "{unnamed:?}\n{plan}\n{other}");
}

/// The load with its first row left out and its last one twice, held the second time: as many rows as before.
fn swapped(load: &str) -> String {
    let key: Vec<String> = header(load, "key")
        .unwrap()
        .split(", ")
        .map(|name| format!("q.\"{name}\""))
        .collect();
    let key = format!("concat_ws('|', {})", key.join(", "));
    let start = load.find("\nselect").into_iter().chain(load.find("\nwith"));
    let (head, body) = load.split_at(start.min().unwrap());
    let is_list = ["make_array(", "array_concat(", "fates as _fate"]
        .iter()
        .any(|word| body.contains(word));
    let held =
        "named_struct('fate', 'held', 'reason', 'person_held', 'parent', cast(null as varchar))";
    let held = match is_list {
        true => format!("make_array({held})"),
        false => held.to_owned(),
    };
    let columns = match body.contains("as _fate") {
        true => {
            format!("q.* replace (case when copy.place = 2 then {held} else q._fate end as _fate)")
        }
        false => format!("q.*, case when copy.place = 2 then {held} end as _fate"),
    };
    format!(
        "{head}\nselect {columns} from ({body}) as q cross join (values (1), (2)) as copy(place)\n\
         where copy.place = 1 and {key} <> (select min({key}) from ({body}) as q)\n\
         or copy.place = 2 and {key} = (select max({key}) from ({body}) as q)\n"
    )
}

#[test]
#[ignore = "long: two plans of the demo"]
fn a_plan_names_every_load_in_which_one_row_took_the_place_of_another() {
    let planned = |options: &str| plan_of_loads(&Project::demo(), options, swapped);
    let ((plan, sources), (other, _)) = (planned(""), planned(OTHER_WAYS));
    let findings = |plan: &str| -> Vec<String> {
        let json = plan.lines().find(|line| line.starts_with('{')).unwrap();
        let plan: serde_json::Value = serde_json::from_str(json).unwrap();
        let findings = plan["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| finding.as_str().unwrap().to_owned())
            .collect()
    };
    let findings = [findings(&plan), findings(&other)].concat();
    let unnamed: Vec<&String> = sources
        .iter()
        .filter(|source| {
            let named = format!("{source} has ");
            !findings.iter().any(|finding| {
                finding.starts_with(&named)
                    && finding.contains("nor have a fate")
                    && finding.contains("more than once")
            })
        })
        .collect();
    // The demo has no territories, nobody who was a Lead or opted out since, no value that needs a note.
    let without_rows = [
        "config.territories by company_id, territory",
        "prepare.contact_opt_out",
        "prepare.lead_opt_out",
        "prepare.long_original",
        "prepare.long_original by load, key",
        "prepare.promoted_lead",
        "prepare.promotion",
        "prepare.user_territory_link",
    ];
    assert_eq!(unnamed, without_rows, "{findings:#?}");
}

#[test]
fn a_role_that_takes_the_place_of_another_shuts_the_gate() {
    let project = linked();
    project.override_query("queries/load/opportunity_contact_role.sql", |sql| {
        swapped(&sql)
    });
    let run = project.carry();
    let gate = "gate: prepare.deal_participant by deal_id, person_id has 1 row(s) that are neither in an outbox nor have a fate (50|";
    assert!(run.stderr.contains(gate), "{}", run.stderr);
    let doubled = "and 1 row(s) that are in the books more than once (50|";
    assert!(run.stderr.contains(doubled), "{}", run.stderr);
    assert!(!run.stderr.contains("drops rows"), "{}", run.stderr);
}

#[test]
fn a_load_that_does_not_say_which_rows_it_has_is_not_let_pass() {
    let project = linked();
    project.override_query("queries/load/opportunity_contact_role.sql", |sql| {
        sql.replace(
            "concat_ws('|', participant.deal_id, participant.person_id) as _source,",
            "",
        )
    });
    let plan = project.transload(&["plan", "--format", "json"]).ended(1);
    let finding = "the rows of opportunity_contact_role cannot be compared with those of prepare.deal_participant by deal_id, person_id";
    assert!(plan.stdout.contains(finding), "{}", plan.stdout);
}
