//! Exit codes and messages: what the program says when something is missing, misspelt or wrong, and what `init`,
//! `generate` and `sim` do.

use crate::support::{Project, SETTINGS, Simulator, assert_run, files};

#[test]
fn a_folder_without_migration_toml_is_no_project() {
    assert_run!(Project::empty().run(["run"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: cannot read ./migration.toml
      caused by: No such file or directory (os error 2)

    hint: give the project folder with --project DIR, or make one with `transload init DIR`
    ");
}

#[test]
fn a_misspelt_key_names_its_line_and_the_nearest_key() {
    let project = Project::empty().file("migration.toml", &format!("stagging = \"x\"\n{SETTINGS}"));
    assert_run!(project.run(["run"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: ./migration.toml line 1: unknown key `stagging`

    hint: did you mean `staging`?
    ");
}

#[test]
fn a_missing_business_timezone_is_not_guessed() {
    let project = Project::empty().file(
        "migration.toml",
        "[destination.simulator]\nkind = \"simulator\"\n",
    );
    assert_run!(project.run(["plan"]), @r#"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: ./migration.toml line 1: missing field `business_timezone`

    hint: business_timezone = "Europe/Warsaw" says in which zone an instant becomes a date; it has no default
    "#);
}

#[test]
fn an_option_of_no_query_is_refused() {
    let project = Project::small().file(
        "migration.toml",
        &format!("{SETTINGS}\n[options]\npeople_on_deal = \"lead\"\n"),
    );
    assert_run!(project.run(["run"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: 1 mistake(s) in the project's files
      migration.toml: the option `people_on_deal` is used by no query; did you mean `people_on_deals`?

    hint: correct them and run again; nothing was sent. `transload check` shows all that is to be found
    ");
}

#[test]
#[ignore = "long: several migrations"]
fn several_destinations_need_a_choice() {
    let project = Project::small().file(
        "migration.toml",
        &format!("{SETTINGS}\n[destination.production]\nkind = \"simulator\"\n"),
    );
    assert_run!(project.run(["run"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: migration.toml names several destinations and no default_target

    hint: choose one with --target: production, simulator
    ");
    assert_run!(project.run(["run", "--target", "prodution"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no destination `prodution` in migration.toml

    hint: choose one with --target: production, simulator
    ");
}

#[test]
fn a_header_that_makes_no_sense_names_its_line() {
    let project = Project::small().file(
        "queries/load/account.sql",
        "-- grain: one row per company\n-- object: Account\n-- operaton: upsert\n-- key: usercom_id__c\nselect c.id as usercom_id__c from usercom.companies as c\n",
    );
    assert_run!(project.run(["run"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: 1 mistake(s) in the project's files
      queries/load/account.sql line 3: unknown header `operaton` (known here: grain, source, object, operation, key, cluster by, order by, when, feature, api, label, field, rule, optional, read, link, after, instead of); did you mean `operation`?

    hint: correct them and run again; nothing was sent. `transload check` shows all that is to be found
    ");
}

#[test]
fn an_unknown_table_names_the_nearest() {
    let project = Project::small().file(
        "queries/prepare/tagged.sql",
        "-- grain: one row per person\nselect p.id from usercom.peple as p\n",
    );
    assert_run!(project.run(["run"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    connecting to the destination
    people: 2 rows in [TIME]
    reading users, limits and fields of the org
    error: queries/prepare/tagged.sql reads usercom.peple, which does not exist

    hint: did you mean usercom.people?
    ");
}

#[test]
fn a_cycle_shows_its_path() {
    let project = Project::small()
        .file(
            "queries/prepare/hen.sql",
            "-- grain: one row per egg\nselect e.id from prepare.egg as e\n",
        )
        .file(
            "queries/prepare/egg.sql",
            "-- grain: one row per hen\nselect h.id from prepare.hen as h\n",
        );
    assert_run!(project.run(["run"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    connecting to the destination
    people: 2 rows in [TIME]
    reading users, limits and fields of the org
    error: queries depend on each other in a circle: queries/prepare/egg.sql → queries/prepare/hen.sql → queries/prepare/egg.sql

    hint: take what both need into a model of its own under queries/prepare/
    ");
}

#[test]
fn an_unconfirmed_map_names_its_rows() {
    let project = Project::small().file(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
         people,nps,Lead,Nps__c,\"Number(18,0)\",proposed,,\n\
         people,plan,Lead,Plan__c,Picklist,confirmed,,\n",
    );
    assert_run!(project.run(["run"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: 2 mistake(s) in the project's files
      config/field_map.csv line 2: people.nps → Lead.Nps__c is not confirmed (no decision); `transload map review` and `transload map confirm` do it
      config/field_map.csv line 3: people.plan → Lead.Plan__c is not confirmed (no confirmed_by or confirmed_at); `transload map review` and `transload map confirm` do it

    hint: correct them and run again; nothing was sent. `transload check` shows all that is to be found
    ");
}

#[test]
fn an_export_without_people_is_refused() {
    let project = Project::empty()
        .file("migration.toml", SETTINGS)
        .file("export/companies.csv", "id,name\n1,Northbeam\n");
    assert_run!(project.run(["stage"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: the export [PROJECT]/export has no people

    hint: add people.csv or people.jsonl (users and contacts are fine, too), or map another file name to people under [source.files] in migration.toml
    ");
}

#[test]
fn init_makes_a_project_that_lacks_only_the_export() {
    let project = Project::empty();
    assert_run!(project.run(["init", "new"]), @r"
    exit code: 0
    ----- stdout -----

    ----- stderr -----
    new project in new

    next:
      1. set business_timezone in new/migration.toml
      2. put the User.com export files into new/export, or fill in [source.api], set USERCOM_API_TOKEN and
         transload extract -p new    reads them from User.com's API
      3. transload stage -p new      what the export holds, and what of it cannot be read
      4. transload check -p new --write-missing    writes what somebody has to decide into config/*.csv; decide there
      5. transload map propose -p new    where attributes go; transload map review confirms it in the browser
      6. transload plan -p new       what would be sent
      7. transload run -p new        into the simulator; later with --target sandbox
    ");
    insta::assert_snapshot!(files(&project.path("new")).join("\n"), @r"
    .gitignore
    config/activity_types.csv
    config/automation_counterparts.csv
    config/automations.csv
    config/countries.csv
    config/cutover.csv
    config/decisions.csv
    config/defaults.csv
    config/editions.csv
    config/field_map.csv
    config/field_policy.csv
    config/free_mail_domains.csv
    config/ignored_columns.csv
    config/iso_countries.csv
    config/lifecycle.csv
    config/loss_reasons.csv
    config/matches.csv
    config/name_words.csv
    config/owners.csv
    config/preflight.csv
    config/rates.csv
    config/sandboxes.csv
    config/stage_matrix.csv
    config/territories.csv
    config/user_territories.csv
    config/value_map.csv
    config/value_policy.csv
    config/verified.csv
    export/README.txt
    manual/README.txt
    manual/examples/agents.csv
    manual/examples/automations.csv
    manual/examples/files.csv
    manual/examples/pipelines.csv
    manual/examples/stages.csv
    manual/examples/templates.csv
    migration.toml
    tests/example/expected/outbox.contact.csv
    tests/example/expected/outbox.lead.csv
    tests/example/expected/recon.fates_lead.csv
    tests/example/export/people.csv
    ");
    assert_run!(project.run(["run", "--project", "new"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    connecting to the destination
    error: the export [PROJECT]/new/export has no people

    hint: add people.csv or people.jsonl (users and contacts are fine, too), or map another file name to people under [source.files] in migration.toml
    ");
}

#[test]
fn init_writes_over_nothing() {
    let project = Project::small();
    let before = files(&project.path("."));
    assert_run!(project.run(["init", "."]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: folder . is not empty

    hint: name a new folder: init writes over nothing
    ");
    assert_eq!(files(&project.path(".")), before);
}

#[test]
fn generate_writes_the_same_export_for_the_same_seed() {
    let project = Project::empty();
    assert_run!(project.run(["generate", "--people", "50", "--seed", "7", "--out", "a"]), @r"
    exit code: 0
    ----- stdout -----
    ──────────────────────────────────────────────────────────────
     file                         object            rows    bytes
    ══════════════════════════════════════════════════════════════
     attributes.jsonl             attributes          20    3,325
     Agents.csv                   agents              12      620
     pipelines.jsonl              pipelines            2      677
     companies-1.csv              companies            6    2,007
     companies-2.csv.gz           companies            4    1,029
     people-1.csv                 people              20   11,168
     people-2.csv                 people              13    6,810
     people-3.jsonl.gz            people               8    4,170
     people-4.jsonl               people              10   12,015
     deals-1.csv                  deals                9    2,337
     deals-2.jsonl                deals                4    3,884
     tags.csv                     tags                10      142
     lists.csv                    lists                4       88
     segments.jsonl               segments             6    1,841
     segment_members.csv          segment_members     19      592
     products.csv                 products            25    2,996
     activities-1.csv             activities          11    2,387
     activities-2.csv.gz          activities          52    5,226
     activities-3.jsonl.gz        activities          12    2,379
     events-1.jsonl.gz            events               4    1,221
     events-2.csv                 events               3      877
     notes.jsonl                  notes                5    1,708
     conversations-1.jsonl.gz     conversations        2      883
     conversations-2.csv          conversations        2      210
     messages.csv                 messages            11    1,898
     emails.csv                   emails               5    1,550
     email_delivery_logs.csv.gz   emails              15    1,243
     sms_delivery_logs.csv        sms                  2      341
     deal_products.csv            deal_products        2      228
     stage_changes.csv            stage_changes       11    1,381
     custom_objects.jsonl         custom_objects       3    2,963
     co_subscription.csv          co_subscription      2      391
     co_invoice.jsonl             co_invoice           2      710
     co_asset.csv                 co_asset             2      717
     files.csv                    files                1      229
     total                                           319   80,243
    ──────────────────────────────────────────────────────────────

    ─────────────────────────────────────────
     object      rows   records   superseded
    ═════════════════════════════════════════
     people        51        50            1
     companies     10        10            0
     deals         13        12            1
    ─────────────────────────────────────────

    0 everywhere: ragged, undecodable, unreadable cells

    ────────────────────────────────────────────────────────────────────────────────
     table                  of note                                         records
    ════════════════════════════════════════════════════════════════════════════════
     activities             odd_text 2, person_missing 1, person_passive         75
                            1
     co_asset                                                                     2
     co_invoice                                                                   2
     co_subscription                                                              2
     conversations                                                                4
     custom_object_fields                                                        29
     custom_objects                                                               3
     deal_products          deals_of_another_value 1, deals_with_lines 1          2
     emails                 person_passive 1                                     20
     event_attendees        own_person 1                                          9
     events                 all_day 1, odd_text 1                                 7
     files                                                                        1
     lists                                                                        4
     messages               no_author 1, odd_text 1                              18
     notes                  odd_text 1                                            5
     products                                                                    25
     segment_members        person_missing 4                                     23
     segments                                                                     6
     sms                                                                          2
     stage_changes                                                               15
     tags                                                                        10
    ────────────────────────────────────────────────────────────────────────────────


    ----- stderr -----
    writing an export of 50 people to a
    319 rows in 35 files, 80,243 bytes
    ");
    let again = project.run([
        "generate", "--people", "50", "--seed", "7", "--out", "b", "--format", "json",
    ]);
    assert_eq!(again.code, Some(0), "{again}");
    assert!(
        again.stdout.starts_with("{\"out\":\"b\",\"files\":[{"),
        "{again}"
    );
    let names = files(&project.path("a"));
    assert_eq!(files(&project.path("b")), names);
    for name in names {
        let read = |folder: &str| std::fs::read(project.path(folder).join(&name)).unwrap();
        assert!(read("a") == read("b"), "{name} differs");
    }
}

#[test]
fn init_names_the_files_that_it_wrote_in_json() {
    let project = Project::empty();
    let made = project.run(["init", "new", "--format", "json"]);
    assert_eq!(made.code, Some(0), "{made}");
    let document: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(document["project"], "new");
    let told = document["files"].as_array().unwrap();
    let told: std::collections::BTreeSet<&str> =
        told.iter().map(|file| file.as_str().unwrap()).collect();
    for name in &told {
        assert!(project.path("new").join(name).is_file(), "{name}");
    }
    assert!(told.contains("config/owners.csv") && told.contains("migration.toml"));
    assert!(!told.contains("config/known_name_words.csv"));
}

#[test]
fn generate_refuses_a_folder_with_something_in_it() {
    let project = Project::empty().file("export/people.csv", "id\n1\n");
    assert_run!(project.run(["generate", "--people", "5", "--out", "export"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    writing an export of 5 people to export
    error: folder export is not empty

    hint: name a new folder, or empty this one first
    ");
}

#[test]
fn a_missing_secret_is_named() {
    let project = salesforce("https://example.my.salesforce.com");
    assert_run!(project.run(["run"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    connecting to the destination
    error: the environment variable SALESFORCE_CLIENT_ID is not set

    hint: set SALESFORCE_CLIENT_ID in the shell that runs transload; it is never stored
    ");
}

#[test]
fn plain_http_leaves_the_machine_never() {
    let project = salesforce("http://example.my.salesforce.com");
    assert_run!(project.run(["run"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: ./migration.toml: `destination.org.login_url` must be https (plain http only to this machine)
    ");
}

#[test]
fn wrong_credentials_are_the_users_to_mend_and_stay_secret() {
    let home = Project::empty();
    let simulator = Simulator::start(&home);
    let project = salesforce(simulator.url())
        .variable("SALESFORCE_CLIENT_ID", "transload")
        .variable("SALESFORCE_CLIENT_SECRET", "not-the-one-9f3a");
    let run = project.run(["run"]);
    assert_run!(run, @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    connecting to the destination
    error: cannot use the destination org
      caused by: login at 127.0.0.1:[PORT] failed
      caused by: POST /services/oauth2/token was refused with status 400 (invalid_client: invalid client credentials)

    hint: check the consumer key and secret of the connected app
    ");
    assert!(!run.to_string().contains("9f3a"), "{run}");
}

#[test]
fn queries_are_listed_shown_rendered_and_ejected_to_be_changed() {
    let project = Project::empty().file("migration.toml", SETTINGS);
    let from = || {
        let list = project.run(["queries", "list", "--format", "json"]);
        let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
        let rows = list["queries"].as_array().unwrap();
        let row = rows
            .iter()
            .find(|row| row["path"] == "queries/load/lead.sql");
        row.unwrap()["from"].as_str().unwrap().to_owned()
    };
    assert_eq!(from(), "default");
    let text = project.run(["queries", "show", "load/lead"]).stdout;
    assert_eq!(text, include_str!("../../queries/load/lead.sql"));
    let rendered = project.run(["queries", "render", "prepare.person"]).stdout;
    assert!(
        rendered.contains("'contact' = 'contact' as has_deal"),
        "{rendered}"
    );
    assert_eq!(project.run(["queries", "eject", "lead"]).code, Some(0));
    let own = std::fs::read_to_string(project.path("queries/load/lead.sql")).unwrap();
    assert_eq!(own, text);
    assert_eq!(from(), "project");
    // What is there is not written over.
    let again = project.run(["queries", "eject", "lead"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("own already"), "{}", again.stderr);
    assert_run!(project.run(["queries", "show", "leed"]), @"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no query `leed`

    hint: did you mean `lead`?
    ");
}

#[test]
fn help_shows_pages_of_the_guide_and_commands_alike() {
    let folder = Project::empty();
    let list = folder.run(["help"]).to_string();
    assert!(list.starts_with("exit code: 0\n"), "{list}");
    assert!(list.contains("  rollback "), "{list}");
    assert!(
        list.contains("  undoing      Taking a run back\n"),
        "{list}"
    );
    let page = folder.run(["help", "exit"]).to_string();
    assert!(
        page.starts_with("exit code: 0\n----- stdout -----\n# Exit codes\n"),
        "{page}"
    );
    let options = folder.run(["help", "options"]).to_string();
    assert!(
        options.contains("| `people_on_deals` | `\"contact\"` |"),
        "{options}"
    );
    let command = folder.run(["help", "schema", "plan"]).to_string();
    assert!(command.starts_with("exit code: 0\n"), "{command}");
    assert!(
        command.contains("Usage: transload schema plan "),
        "{command}"
    );
    assert_eq!(command, folder.run(["schema", "help", "plan"]).to_string());
}

#[test]
fn an_unknown_topic_names_the_nearest() {
    assert_run!(Project::empty().run(["help", "optoins"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no command or topic `optoins`

    hint: did you mean `transload help options`?
    ");
}

#[cfg(unix)]
#[test]
fn a_served_simulator_ends_cleanly_on_ctrl_c() {
    let home = Project::empty();
    let simulator = Simulator::start(&home);
    assert!(
        simulator.url().starts_with("http://127.0.0.1:"),
        "{}",
        simulator.url()
    );
    assert_eq!(simulator.interrupt(), Some(0));
}

/// A small project whose only destination is an org at `url`.
fn salesforce(url: &str) -> Project {
    Project::small().file(
        "migration.toml",
        &format!("business_timezone = \"Europe/Warsaw\"\n\n[destination.org]\nkind = \"salesforce\"\nlogin_url = \"{url}\"\n"),
    )
}
