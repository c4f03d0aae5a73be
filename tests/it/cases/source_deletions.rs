//! Records whose rows a later export no longer has: flagged, recycled or left alone, never by mistake.

use reqwest::Method;
use serde_json::{Value, json};

use crate::org::Org;
use crate::rehearsal::Project;

/// How a table shows that there is no value.
const NONE: &str = "∅";

const HEAD: &str = "id,email,phone_number,name,lifecycle_stage,company_id\n";

/// People of the small project, by number.
fn people(project: &Project, kept: &[u32]) {
    let rows = [
        (1, "1,lee@globex.example,,Lee Lane,lead,10\n"),
        (2, "2,sue@initech.example,,Sue Stone,subscriber,11\n"),
        (3, "3,cas@globex.example,,Cas Cole,customer,10\n"),
        (4, "4,eva@initech.example,,Eva East,customer,11\n"),
        (5, "5,moe@globex.example,,Moe Marsh,customer,10\n"),
        (6, "6,fay@globex.example,,Fay Frost,customer,10\n"),
    ];
    let kept = rows.iter().filter(|(id, _)| kept.contains(id));
    let rows: String = kept.map(|(_, row)| *row).collect();
    project.write("export/people.csv", &format!("{HEAD}{rows}"));
}

/// The small project with these settings, loaded once; nobody is on a deal.
fn loaded(source: &str, options: &str, gates: &str) -> Project {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "\n[options]\n",
        &format!("\n[source]\n{source}\n[gates]\n{gates}\n[options]\n{options}\n"),
    );
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,expected_close_date\n\
         50,Pilot,100.50,PLN,1,11,in progress,10,2026-05-01\n",
    );
    people(&project, &[1, 2, 3, 4, 5, 6]);
    project.carry().ended(0);
    project
}

fn edit(org: &Org, object: &str, key: &str, fields: Value) {
    let id = org.row(object, key, "Name")["Id"].clone();
    let edit =
        json!({"object": object, "id": id, "fields": fields, "user": "ann@acme.example.crm"});
    org.control(Method::POST, "rows", Some(edit));
}

fn gone(project: &Project) -> Vec<Vec<String>> {
    project.table("select g.load, g.key, g.what, g.why from recon.gone as g order by g.load, g.key")
}

/// When a record was flagged; empty if it is not.
fn flag(project: &Project, object: &str, key: &str) -> String {
    let row = project.org().row(object, key, "usercom_deleted_at__c");
    row["usercom_deleted_at__c"].clone()
}

#[test]
#[ignore = "long: several migrations"]
fn a_record_that_a_complete_export_lacks_is_flagged_once_and_the_flag_goes_when_it_comes_back() {
    let project = loaded("complete = true", "", "max_delete_share = 60.0");
    assert_eq!(flag(&project, "Contact", "5"), NONE);
    // An edit of the org's is no reason not to say it, and stays.
    edit(&project.org(), "Contact", "5", json!({"Phone": "+48 999"}));
    people(&project, &[2, 3, 4, 6]);
    // The plan says what is going to be done.
    let plan = project.transload(&["delta", "--dry-run"]).ended(0).stdout;
    assert!(plan.contains("contact: 1; they would be flagged"), "{plan}");
    let run = project.carry().ended(0);
    let counts = |load: &str| {
        let number = |name: &str| run.number(load, name);
        (
            number("gone"),
            number("gone_flagged"),
            number("gone_deleted"),
        )
    };
    assert_eq!((counts("contact"), counts("lead")), ((1, 1, 0), (1, 1, 0)));
    let first = flag(&project, "Contact", "5");
    assert!(first.starts_with("20"), "{first}");
    assert_ne!(flag(&project, "Lead", "1"), NONE);
    assert_eq!(flag(&project, "Contact", "3"), NONE);
    let phone = project.org().row("Contact", "5", "Phone");
    assert_eq!(phone["Phone"], "+48 999");
    let flagged = [
        ["contact", "5", "flagged", NONE],
        ["lead", "1", "flagged", NONE],
    ];
    assert_eq!(gone(&project), flagged);
    let changes = "select c.load, c.key, c.field, c.old from ledger.changes as c order by 1";
    let field = "usercom_deleted_at__c";
    assert_eq!(
        project.table(changes),
        [["contact", "5", field, NONE], ["lead", "1", field, NONE]]
    );

    // It is still gone, and nothing is sent.
    let plan = project.transload(&["plan"]).ended(0).stdout;
    assert!(
        plan.contains("contact: 1; they were flagged before"),
        "{plan}"
    );
    let run = project.carry().ended(0);
    assert_eq!((run.total("sent"), run.total("differences")), (0, 0));
    assert_eq!(
        (
            run.number("contact", "gone"),
            run.number("contact", "gone_flagged")
        ),
        (1, 0)
    );
    assert_eq!(flag(&project, "Contact", "5"), first);
    assert_eq!(gone(&project), flagged);

    // It is back: the flag goes, the org's telephone number stays.
    people(&project, &[2, 3, 4, 5, 6]);
    let run = project.carry().ended(0);
    assert_eq!(flag(&project, "Contact", "5"), NONE);
    assert_eq!(run.number("contact", "updated"), 1);
    assert_eq!(run.total("differences"), 0);
    assert_eq!(
        project.org().row("Contact", "5", "Phone")["Phone"],
        "+48 999"
    );
    assert_eq!(gone(&project), [["lead", "1", "flagged", NONE]]);
    assert_eq!(project.carry().ended(0).total("sent"), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn a_flag_is_taken_off_by_a_rollback_and_set_again_by_the_next_run() {
    let project = loaded("complete = true", "", "max_delete_share = 60.0");
    people(&project, &[1, 2, 3, 4, 6]);
    project.carry().ended(0);
    assert_ne!(flag(&project, "Contact", "5"), NONE);
    let undone = project.transload(&["rollback", "--yes"]).ended(0);
    assert_eq!(flag(&project, "Contact", "5"), NONE, "{}", undone.stderr);
    assert_eq!(project.org().keys("Contact").len(), 4);
    project.carry().ended(0);
    assert_ne!(flag(&project, "Contact", "5"), NONE);
}

#[test]
#[ignore = "long: several migrations"]
fn nothing_is_done_about_what_an_export_lacks_that_nobody_says_is_whole() {
    let project = loaded("", "", "max_delete_share = 100.0");
    people(&project, &[3, 4]);
    let plan = project.transload(&["plan"]).ended(0).stdout;
    assert!(
        plan.contains("contact: 2; they stay: nobody said"),
        "{plan}"
    );
    let run = project.carry().ended(0);
    assert_eq!(
        (
            run.number("contact", "gone"),
            run.number("contact", "gone_flagged")
        ),
        (2, 0)
    );
    assert!(
        run.error().contains("set complete = true under [source]"),
        "{}",
        run.error()
    );
    assert_eq!(flag(&project, "Contact", "5"), NONE);
    assert_eq!(gone(&project)[0], ["contact", "5", "stays", NONE]);
}

#[test]
#[ignore = "long: several migrations"]
fn a_row_that_cannot_be_read_was_not_deleted() {
    let project = loaded(
        "complete = true",
        "on_source_delete = \"recycle\"",
        "max_delete_share = 100.0\nmax_rejected_percent = 30.0",
    );
    people(&project, &[1, 2, 3, 4, 6]);
    project.append(
        "export/people.csv",
        "five,moe@globex.example,,Moe Marsh,customer,10\n",
    );
    let run = project.carry().ended(0);
    assert_eq!(run.number("contact", "gone"), 1);
    assert!(
        run.error().contains("1 row(s) of people could not be read"),
        "{}",
        run.error()
    );
    assert_eq!(project.org().keys("Contact").len(), 4);
}

#[test]
#[ignore = "long: several migrations"]
fn a_shrunken_export_stops_the_run_with_counts_and_what_to_set() {
    let project = loaded("complete = true", "on_source_delete = \"recycle\"", "");
    people(&project, &[2, 3, 4, 6]);
    let plan = project.transload(&["plan"]).ended(0).stdout;
    let said = "contact: 1; they would be moved to the recycle bin; but the run would stop and ask first: they are 25.0 % of 4";
    assert!(plan.contains(said), "{plan}");
    let run = project.carry().ended(1);
    let said = run.error();
    assert!(
        said.contains("contact: 1 of 4 record(s) are no longer in the source (25.0 %)"),
        "{said}"
    );
    assert!(said.contains("lead: 1 of 2 record(s)"), "{said}");
    assert!(
        said.contains("set max_delete_share = 50 under [gates]"),
        "{said}"
    );
    let waiting = &run.summary["undecided"][0];
    assert_eq!(
        (waiting["reason"].as_str(), waiting["rows"].as_u64()),
        (Some("gone_beyond_max_delete_share"), Some(2))
    );
    let waits = "select sum(r.gone_waiting) from ledger.runs as r where r.status = 'held'";
    assert_eq!(project.number(waits), 2);
    assert_eq!(project.org().keys("Contact").len(), 4);
    assert_eq!(project.org().keys("Lead").len(), 2);
    project.edit(
        "migration.toml",
        "[gates]\n",
        "[gates]\nmax_delete_share = 50.0\n",
    );
    project.carry().ended(0);
    assert_eq!(project.org().keys("Contact").len(), 3);
    assert_eq!(project.org().keys("Lead").len(), 1);
}

#[test]
#[ignore = "long: several migrations"]
fn rows_that_left_the_scope_are_not_deletions() {
    let project = loaded(
        "complete = true",
        "on_source_delete = \"recycle\"",
        "max_delete_share = 100.0",
    );
    project.append("migration.toml", "\n[scope]\npeople = \"id <> 5\"\n");
    let run = project.carry().ended(0);
    assert_eq!(
        (
            run.number("contact", "gone"),
            run.number("contact", "out_of_scope")
        ),
        (0, 1)
    );
    assert_eq!(project.org().keys("Contact").len(), 4);
}

#[test]
#[ignore = "long: several migrations"]
fn records_are_recycled_unless_somebody_has_a_stake_in_them_and_made_anew_when_they_come_back() {
    let project = loaded(
        "complete = true",
        "on_source_delete = \"recycle\"",
        "max_delete_share = 100.0",
    );
    let org = project.org();
    edit(&org, "Contact", "4", json!({"Department": "Sales"}));
    let moe = org.row("Contact", "5", "Name")["Id"].clone();
    org.insert("Task", json!({"Subject": "By hand", "WhoId": moe}));
    drop(org);
    // Two companies and three contacts are gone; the deal of one company is not.
    people(&project, &[1, 2, 3]);
    let companies = project.read("export/companies.csv");
    project.write(
        "export/companies.csv",
        "id,name,domain,city,assigned_to\n11,Initech,initech.example,Austin,7002\n",
    );
    let plan = project.transload(&["plan", "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let run = project.carry();
    // What is planned is what happens, and why the rest stays.
    for load in plan["loads"].as_array().unwrap() {
        let name = load["load"].as_str().unwrap();
        let done = run.number(name, "gone_deleted") + run.number(name, "gone_flagged");
        assert_eq!(load["gone_done"], done, "{load}: {}", run.stderr);
        assert_eq!(load["gone"], run.load(name)["gone"], "{load}");
        if name == "contact" {
            let course = load["gone_course"].as_str().unwrap();
            let said = "but 2 would stay: ";
            assert!(course.contains(said), "{course}");
            for why in ["changed_by_others 1", "has_children_that_stay 1"] {
                assert!(course.contains(why), "{course}");
            }
        }
    }
    assert_eq!(run.number("contact", "gone_deleted"), 1, "{}", run.stderr);
    let org = project.org();
    let left: Vec<String> = org.keys("Contact").into_iter().collect();
    assert_eq!(left, ["3", "4", "5"]);
    assert_eq!(left.len(), 3);
    let gone = gone(&project);
    let of = |load: &str, key: &str| {
        let row = gone.iter().find(|row| row[0] == load && row[1] == key);
        row.map(|row| (row[2].clone(), row[3].clone()))
            .unwrap_or_default()
    };
    let ann = org.rows("SELECT Id FROM User WHERE Alias = 'ann'")[0]["Id"].clone();
    let stays = |why: &str| ("stays".to_owned(), why.to_owned());
    assert_eq!(
        of("contact", "4"),
        stays(&format!("changed_by_others by user {ann}"))
    );
    assert_eq!(
        of("contact", "5"),
        stays("has_children_that_stay Task of others")
    );
    assert_eq!(of("contact", "6"), ("deleted".to_owned(), NONE.to_owned()));
    // Ours that the source still has, or that stay, keep what they hang on.
    assert_eq!(of("account", "10").0, "stays", "{gone:?}");
    assert_eq!(of("account", "12").0, "deleted", "{gone:?}");
    drop(org);

    people(&project, &[1, 2, 3, 6]);
    project.write("export/companies.csv", &companies);
    let run = project.carry();
    let made = (
        run.number("account", "created"),
        run.number("contact", "created"),
    );
    assert_eq!(made, (1, 1), "{}", run.stderr);
    assert_eq!(project.org().keys("Contact").len(), 4);
}

#[test]
#[ignore = "long: several migrations"]
fn a_rollback_takes_what_was_recycled_out_of_the_bin_with_the_values_it_had() {
    let project = loaded(
        "complete = true",
        "on_source_delete = \"recycle\"",
        "max_delete_share = 100.0",
    );
    let customer = "7,hal@hooli.example,,Hal Hill,customer,12\n";
    project.append("export/people.csv", customer);
    project.carry().ended(0);
    let org = project.org();
    let ids = |org: &Org| {
        ["Account 12", "Contact 7"].map(|of| {
            let (object, key) = of.split_once(' ').unwrap();
            org.row(object, key, "Name")["Id"].clone()
        })
    };
    let before = ids(&org);
    let first = org.row("Contact", "6", "Phone, AccountId");
    drop(org);
    let runs = || project.set("select distinct r.run from ledger.runs as r where r.kind = 'run'");
    let old = runs();

    // One run changes a number; the next one recycles a company with its customer.
    let changed = "6,fay@globex.example,+48 777,Fay Frost,customer,10\n";
    project.edit(
        "export/people.csv",
        "6,fay@globex.example,,Fay Frost,customer,10\n",
        changed,
    );
    project.edit(
        "export/people.csv",
        customer,
        &customer.replace(",,", ",+48 778,"),
    );
    project.carry().ended(0);
    project.edit(
        "export/people.csv",
        &customer.replace(",,", ",+48 778,"),
        "",
    );
    let companies = project.read("export/companies.csv");
    project.edit("export/companies.csv", "12,Hooli,hooli.example,,\n", "");
    let run = project.carry().ended(0);
    assert_eq!(run.total("gone_deleted"), 2, "{}", run.stderr);
    assert_eq!(project.org().keys("Contact").len(), 4);

    let since: Vec<String> = runs().difference(&old).cloned().collect();
    let plan = project
        .transload(&["rollback", &since[0], "--dry-run"])
        .ended(0);
    let said = "to be taken out of the recycle bin: account 1, contact 1";
    assert!(plan.stderr.contains(said), "{}", plan.stderr);
    assert_eq!(project.org().keys("Contact").len(), 4);
    let undone = project
        .transload(&["rollback", &since[0], "--yes"])
        .ended(0);
    let said = "and taken out of the recycle bin: account 1, contact 1";
    assert!(undone.stderr.contains(said), "{}", undone.stderr);
    let org = project.org();
    // The same records, and what one of them had got before it was recycled is taken back, too.
    assert_eq!(ids(&org), before);
    assert_eq!(org.row("Contact", "7", "Phone")["Phone"], NONE);
    assert_eq!(org.row("Contact", "7", "AccountId")["AccountId"], before[0]);
    assert_eq!(org.row("Contact", "6", "Phone, AccountId"), first);
    drop(org);
    let undone = "select c.load, c.key, c.field, c.old, c.new from ledger.changes as c where c.why = 'undo' order by c.key";
    assert_eq!(
        project.table(undone),
        [
            ["contact", "6", "Phone", "+48 777", NONE],
            ["contact", "7", "Phone", "+48 778", NONE]
        ]
    );

    // They are ours: the next run over the same export recycles them again, one that has them changes nothing of them.
    assert_eq!(project.carry().ended(0).total("gone_deleted"), 2);
    project.transload(&["rollback", "--yes"]).ended(0);
    project.append("export/people.csv", customer);
    project.write("export/companies.csv", &companies);
    let run = project.carry().ended(0);
    assert_eq!(
        (run.total("created"), run.total("gone")),
        (0, 0),
        "{}",
        run.stderr
    );
    assert_eq!(ids(&project.org()), before);
}

#[test]
#[ignore = "long: several migrations"]
fn what_was_purged_meanwhile_is_told_and_does_not_come_back() {
    let project = loaded(
        "complete = true",
        "on_source_delete = \"recycle\"",
        "max_delete_share = 100.0",
    );
    let org = project.org();
    let moe = org.row("Contact", "5", "Name")["Id"].clone();
    let fay = org.row("Contact", "6", "Name")["Id"].clone();
    drop(org);
    people(&project, &[1, 2, 3, 4]);
    project.carry().ended(0);
    let org = project.org();
    org.control(Method::POST, "purge", Some(json!({"id": moe})));
    drop(org);
    let undone = project.transload(&["rollback", "--yes"]).ended(1);
    for said in [
        "taken out of the recycle bin: contact 1",
        "not brought back by a rollback: contact 1",
    ] {
        assert!(undone.stderr.contains(said), "{}", undone.stderr);
    }
    let why = "select a.id, a.outcome, a.error_code from ledger.attempts as a where a.operation = 'undelete' \
               group by a.id, a.outcome, a.error_code order by a.outcome";
    let rows = project.table(why);
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(
        (rows[0][1].as_str(), rows[0][2].as_str()),
        ("failed", "UNDELETE_FAILED")
    );
    assert_eq!(
        (rows[1][0].as_str(), rows[1][1].as_str()),
        (fay.as_str(), "restored")
    );
    let keys: Vec<String> = project.org().keys("Contact").into_iter().collect();
    assert_eq!(keys, ["3", "4", "6"]);
}

#[test]
#[ignore = "long: several migrations"]
fn a_record_that_was_made_anew_gives_way_to_the_one_it_stands_for() {
    let project = loaded(
        "complete = true",
        "on_source_delete = \"recycle\"",
        "max_delete_share = 100.0",
    );
    let id = || project.org().row("Contact", "5", "Name")["Id"].clone();
    let first = id();
    let known = project.set("select distinct r.run from ledger.runs as r");
    people(&project, &[1, 2, 3, 4, 6]);
    project.carry().ended(0);
    people(&project, &[1, 2, 3, 4, 5, 6]);
    assert_eq!(project.carry().ended(0).number("contact", "created"), 1);
    assert_ne!(id(), first);
    let since = project.set("select distinct r.run from ledger.runs as r");
    let since = since.difference(&known).next().unwrap().clone();
    project.transload(&["rollback", &since, "--yes"]).ended(0);
    assert_eq!(id(), first);
    assert_eq!(project.carry().ended(0).total("created"), 0);
    assert_eq!(id(), first);
}

#[test]
#[ignore = "long: several migrations"]
fn ignore_lists_and_does_nothing() {
    let project = loaded(
        "complete = true",
        "on_source_delete = \"ignore\"",
        "max_delete_share = 100.0",
    );
    people(&project, &[1, 2, 3, 4, 6]);
    let run = project.carry().ended(0);
    assert_eq!(
        (run.number("contact", "gone"), run.total("gone_flagged")),
        (1, 0)
    );
    assert_eq!(flag(&project, "Contact", "5"), NONE);
    assert_eq!(gone(&project), [["contact", "5", "stays", NONE]]);
}

#[test]
#[ignore = "long: several migrations"]
fn an_export_older_than_the_last_one_is_refused_with_both_dates() {
    let project = Project::small();
    project.carry().ended(0);
    let people = project.read("export/people.csv");
    let older = people.replace("2026-01-01T00:00:00Z", "2025-12-01T00:00:00Z");
    project.write("export/people.csv", &older);
    let run = project.transload(&["stage"]).ended(2);
    for text in [
        "2025-12-01T00:00:00Z",
        "2026-01-01T00:00:00Z",
        "accept_older = true",
    ] {
        assert!(run.error().contains(text), "{}", run.stderr);
    }
    let newest = "select max(p.updated_at) from usercom.people as p";
    assert!(project.table(newest)[0][0].starts_with("2026-01-01"));
    project.edit(
        "migration.toml",
        "\n[options]\n",
        "\n[source]\naccept_older = true\n\n[options]\n",
    );
    project.transload(&["stage"]).ended(0);
    assert!(project.table(newest)[0][0].starts_with("2025-12-01"));
}
