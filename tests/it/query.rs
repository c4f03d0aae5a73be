//! `query` and `status`: what a person sees of the tables and of the runs.

use std::process::Stdio;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{Project, SETTINGS, assert_run, files};

#[test]
fn query_without_tables_says_how_to_get_some() {
    let project = Project::small();
    assert_run!(project.run(["query", "select p.id from usercom.people as p"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no table usercom.people

    hint: nothing is staged yet: `transload stage` reads the export, `transload run` does everything
    ");
    assert_run!(project.run(["query", "show tables"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: there are no tables in [PROJECT]/.transload so far

    hint: `transload stage` makes the first ones
    ");
}

#[test]
fn query_explains_what_it_cannot_answer() {
    let project = staged();
    assert_run!(project.run(["query", "select from where 1"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: the query is not valid SQL: Expected: end of statement, found: 1 at Line: 1, Column: 19

    hint: texts stand in single quotes, names with capital letters in double quotes
    ");
    assert_run!(project.run(["query", "select p.nme from usercom.people as p"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: the query cannot be planned: Schema error: No field named p.nme. Did you mean 'p.name'?
    ");
    assert_run!(project.run(["query", "select p.id from usercom.peple as p"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no table usercom.peple

    hint: did you mean usercom.people?
    ");
    assert_run!(project.run(["query", "select p.id from people as p"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no table people

    hint: name tables with their schema: usercom.people
    ");
    assert_run!(project.run(["query", "select l.id from ledger.lead as l"]), @r#"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no table ledger.lead

    hint: tables in ledger are made by `transload run`; `transload query "show tables"` lists what there is
    "#);
    assert_run!(project.run(["query", "select $colour"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: the query cannot be planned: Error during planning: parameter $colour is not set under [options] in migration.toml
    ");
    assert_run!(project.run(["query", "select 1; select 2"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: the query is more or less than one statement

    hint: ask one question at a time; name intermediate results in `with`
    ");
}

#[test]
fn query_changes_nothing() {
    let project = staged();
    let before = files(&project.path("."));
    let statements = [
        "insert into usercom.people values (3)",
        "create table prepare.mine as select 1 as one",
        "drop table usercom.people",
        "copy usercom.people to 'people.csv'",
        "set datafusion.execution.batch_size = 1",
    ];
    for statement in statements {
        let run = project.run(["query", statement]);
        assert_eq!(run.code, Some(2), "{statement}: {run}");
        assert_eq!(run.stdout, "", "{statement}");
    }
    assert_run!(project.run(["query", statements[0]]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: `transload query` only reads, and this statement is `insert`

    hint: decisions are made in config/*.csv, changes of data in queries/*.sql
    ");
    assert_eq!(files(&project.path(".")), before);
}

#[test]
fn query_prints_every_form() {
    let project = staged();
    let sql = "select p.id, p.name, p.created_at, make_array(p.id, null) as ids, \
               named_struct('stage', p.lifecycle_stage, 'at', p.created_at) as s, nullif(p.id, 1) as n \
               from usercom.people as p order by p.id";
    // Without filters: the instants are those of the export.
    insta::assert_snapshot!(project.run(["query", sql]), @r#"
    exit code: 0
    ----- stdout -----
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────
     id   name        created_at             ids        s                                                     n
    ════════════════════════════════════════════════════════════════════════════════════════════════════════════
      1   Ada Nowak   2024-02-03T10:00:00Z   [1,null]   {"stage":"lead","at":"2024-02-03T10:00:00Z"}       null
      2   Jan Zając   2024-02-04T10:00:00Z   [2,null]   {"stage":"customer","at":"2024-02-04T10:00:00Z"}      2
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    ----- stderr -----
    2 rows
    "#);
    insta::assert_snapshot!(project.run(["query", sql, "--format", "csv"]), @r#"
    exit code: 0
    ----- stdout -----
    id,name,created_at,ids,s,n
    1,Ada Nowak,2024-02-03T10:00:00Z,"[1,null]","{""stage"":""lead"",""at"":""2024-02-03T10:00:00Z""}",
    2,Jan Zając,2024-02-04T10:00:00Z,"[2,null]","{""stage"":""customer"",""at"":""2024-02-04T10:00:00Z""}",2

    ----- stderr -----
    "#);
    insta::assert_snapshot!(project.run(["query", sql, "--format", "json"]), @r#"
    exit code: 0
    ----- stdout -----
    [
    {"id":1,"name":"Ada Nowak","created_at":"2024-02-03T10:00:00Z","ids":[1,null],"s":{"stage":"lead","at":"2024-02-03T10:00:00Z"},"n":null},
    {"id":2,"name":"Jan Zając","created_at":"2024-02-04T10:00:00Z","ids":[2,null],"s":{"stage":"customer","at":"2024-02-04T10:00:00Z"},"n":2}
    ]

    ----- stderr -----
    "#);
}

#[test]
fn query_reads_stdin_and_says_how_many_rows_more_there_are() {
    let project = staged();
    let sql = "select s.value as n from generate_series(1, 1500) as s order by s.value desc";
    assert_run!(project.run_with_input(["query", "-", "--limit", "2"], sql), @r"
    exit code: 0
    ----- stdout -----
    ──────
        n
    ══════
     1500
     1499
    ──────

    ----- stderr -----
    2 of 1,500 rows, 1,498 more; --limit 0 shows all, --format csv writes all
    ");
}

#[test]
fn query_writes_parquet_that_it_can_show_as_rows() {
    let project = staged();
    let sql = "select p.* from usercom.people as p";
    let run = project.run(["query", sql, "--output", "people.parquet"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{run}");
    let file = std::fs::File::open(project.path("people.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 2);
    assert!(reader.schema().field_with_name("lifecycle_stage").is_ok());
}

#[test]
fn query_takes_a_broken_off_file_away() {
    let project = staged();
    let sql = "select 10 / (p.id - 1) as x from usercom.people as p";
    let run = project.run(["query", sql, "--output", "x.csv"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(!project.path("x.csv").exists());
}

#[test]
fn query_answers_about_other_tables_while_the_map_waits() {
    let project = staged().file(
        "config/field_map.csv",
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n\
         people,nps,Lead,Nps__c,\"Number(18,0)\",proposed,,\n",
    );
    assert_run!(project.run(["query", "select count(*) as n from usercom.people"]), @r"
    exit code: 0
    ----- stdout -----
    ───
     n
    ═══
     2
    ───

    ----- stderr -----
    1 row
    ");
    assert_run!(project.run(["query", "select count(*) as n from mapped.people"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: 1 mistake(s) in the project's files
      config/field_map.csv line 2: people.nps → Lead.Nps__c is not confirmed (no decision); `transload map review` and `transload map confirm` do it

    hint: correct them and run again; nothing was sent. `transload check` shows all that is to be found
    ");
}

#[test]
fn query_survives_a_reader_that_leaves() {
    let project = staged();
    let sql = "select s.value as n from generate_series(1, 5000000) as s";
    let mut child = project
        .command(["query", sql, "--format", "csv"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn status_without_a_run_says_so() {
    let project = Project::small();
    assert_run!(project.run(["status"]), @r"
    exit code: 0
    ----- stdout -----

    ----- stderr -----
    no run so far; `transload plan` shows what one would do, `transload run` starts it
    ");
    assert_run!(project.run(["status", "--format", "json"]), @r#"
    exit code: 0
    ----- stdout -----
    {"at_work":null,"kept_back":[],"runs":[]}

    ----- stderr -----
    "#);
    assert_run!(project.run(["status", "--run", "20260301T100000Z-0001"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no run [RUN]

    hint: `transload status` lists the runs there are
    ");
}

#[test]
fn status_shows_every_run_those_too_that_left_nothing_open() {
    let project = Project::small().journal(
        "00D000000000001EAA",
        "20260301T100000Z-0001",
        &[
            r#"{"event":"run_started","at":"2026-03-01T10:00:00Z","target":"simulator","version":"0.1.0"}"#,
            r#"{"event":"phase_started","load":"account","object":"Account","outbox":1,"key":["k"],"parts":0,"rows":0,"at":"2026-03-01T10:00:01Z"}"#,
            r#"{"event":"phase_loaded","load":"account","at":"2026-03-01T10:00:00.900Z"}"#,
            r#"{"event":"run_finished","at":"2026-03-01T10:00:09Z","status":"ok"}"#,
        ],
    );
    let status = project.run(["status"]);
    assert_eq!(status.code, Some(0), "{}", status.stderr);
    for word in [
        "20260301T100000Z-0001",
        "simulator",
        "2026-03-01T10:00:09Z",
        "ok",
    ] {
        assert!(status.stdout.contains(word), "{word}: {}", status.stdout);
    }
    assert!(!status.stdout.contains(".-"), "{}", status.stdout);
}

#[test]
#[ignore = "long: several migrations"]
fn status_shows_what_a_killed_run_left_open() {
    let project = Project::small().journal(
        "00D000000000001EAA",
        "20260301T100000Z-0001",
        &[
            r#"{"event":"run_started","at":"2026-03-01T10:00:00Z","target":"simulator","version":"0.1.0"}"#,
            r#"{"event":"phase_started","load":"account","object":"Account","outbox":1,"key":["k"],"parts":1,"rows":90,"at":"2026-03-01T10:00:01Z"}"#,
            r#"{"event":"intent","load":"account","part":"a","attempt":1,"object":"Account","operation":"insert","at":"2026-03-01T10:00:02Z"}"#,
            r#"{"event":"created","load":"account","part":"a","attempt":1,"job":"750000000000001AAA"}"#,
            r#"{"event":"done","load":"account","part":"a","attempt":1,"job":"750000000000001AAA","files":[]}"#,
            r#"{"event":"phase_loaded","load":"account","at":"2026-03-01T10:00:05.500Z"}"#,
            r#"{"event":"phase_reported","load":"account","report":{"failed":2},"passed":true}"#,
            r#"{"event":"phase_started","load":"lead","object":"Lead","outbox":1,"key":["k"],"parts":3,"rows":12000,"at":"2026-03-01T10:00:06Z"}"#,
            r#"{"event":"intent","load":"lead","part":"a","attempt":1,"object":"Lead","operation":"insert","at":"2026-03-01T10:00:06Z"}"#,
        ],
    );
    // Without filters: the journal is the test's own.
    insta::assert_snapshot!(project.run(["status"]), @r"
    exit code: 0
    ----- stdout -----
    ───────────────────────────────────────────────────────────────────────────────
     run                     target      organisation         started
    ═══════════════════════════════════════════════════════════════════════════════
     20260301T100000Z-0001   simulator   00D000000000001EAA   2026-03-01T10:00:00Z
    ───────────────────────────────────────────────────────────────────────────────

    ───────────────────────────────────────────────────────────────────────
     run                     target      finished   status       open jobs
    ═══════════════════════════════════════════════════════════════════════
     20260301T100000Z-0001   simulator              unfinished   1
    ───────────────────────────────────────────────────────────────────────

    ───────────────────────────────────────────────────────────────────────────────
     phase     object    gate        rows   parts   done   jobs   failed   seconds
    ═══════════════════════════════════════════════════════════════════════════════
     account   Account   passed        90       1      1      1        2       4.5
     lead      Lead      loading   12,000       3      0      0
    ───────────────────────────────────────────────────────────────────────────────

    0 everywhere: held, flagged


    ----- stderr -----
    open: insert of lead into Lead, attempt 1, no job id known
    run 20260301T100000Z-0001 has not come to its end, and no process is at it: `transload run` settles its open jobs and goes on from there
    ");
    let json = project.run(["status", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["runs"][0]["phases"][0]["loaded"], true, "{json}");
    assert_eq!(
        document["runs"][0]["open_jobs"][0]["load"], "lead",
        "{json}"
    );
}

#[test]
fn query_asks_the_organisation_of_the_target() {
    let settings = format!(
        "default_target = \"simulator\"\n{SETTINGS}\n[destination.production]\nkind = \"simulator\"\n"
    );
    let started = |target: &str| {
        format!(
            r#"{{"event":"run_started","at":"2026-03-01T10:00:00Z","target":"{target}","version":"0.1.0"}}"#
        )
    };
    let project = Project::empty().file("migration.toml", &settings).journal(
        "00D000000000001EAA",
        "20260301T100000Z-0001",
        &[&started("simulator")],
    );
    assert_run!(project.run(["query", "select 1 as one", "--target", "production"]), @r"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: nothing has been run against production so far

    hint: `transload status` lists the runs there are
    ");
    let project = project.journal(
        "00D000000000002EAA",
        "20260302T100000Z-0001",
        &[&started("production")],
    );
    let asked = |arguments: [&str; 4]| project.run(arguments).stderr;
    // Without a target the last run's, whatever the default is.
    insta::assert_snapshot!(asked(["query", "select 1", "--format", "csv"]), @"asking organisation 00D000000000002EAA (production)");
    assert!(
        project
            .run(["query", "select 1", "--target", "simulator"])
            .stderr
            .contains("00D000000000001EAA")
    );
    insta::assert_snapshot!(asked(["query", "select 1", "--target", "production"]), @r"
    asking organisation 00D000000000002EAA (production)
    1 row
    ");
}

/// A small project whose export is staged.
fn staged() -> Project {
    let project = Project::small();
    let run = project.run(["stage"]);
    assert_eq!(run.code, Some(0), "{run}");
    project
}

#[test]
fn the_dictionary_has_every_table_that_can_be_asked() {
    let project = crate::rehearsal::Project::loaded();
    let listed = project.transload(&["docs", "tables", "--format", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.ended(0).stdout).unwrap();
    let known: Vec<&str> = listed["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["name"].as_str().unwrap())
        .collect();
    // A table of a family is that of a load or a source that there is.
    let is_known = |name: &str| {
        known
            .iter()
            .any(|known_name| match known_name.split_once('<') {
                Some((start, word)) => name.strip_prefix(start).is_some_and(|rest| match word {
                    "load>" => known.contains(&format!("outbox.{rest}").as_str()),
                    "source>" => known.contains(&format!("usercom.{rest}").as_str()),
                    _ => !rest.is_empty(),
                }),
                None => *known_name == name,
            })
    };
    let sql = "select concat(t.table_schema, '.', t.table_name) from information_schema.tables as t \
               where t.table_schema <> 'information_schema'";
    let unknown: Vec<String> = project
        .set(sql)
        .into_iter()
        .filter(|name| !is_known(name))
        .collect();
    assert_eq!(unknown, Vec::<String>::new());
    assert!(known.contains(&"recon.held") && known.contains(&"recon.columns"));
}

#[test]
fn keys_that_are_numbers_are_ordered_as_numbers() {
    let project = crate::rehearsal::Project::loaded();
    let keys = "(values ('message:7'), ('9'), ('10'), ('11')) as k (key)";
    for (condition, expected) in [
        ("k.key > 9", 2),
        ("10 >= k.key", 2),
        ("k.key between 9 and 10", 2),
        ("k.key not between 9 and 10", 1),
        ("k.key = 10", 1),
    ] {
        let sql = format!("select count(*) as n from {keys} where {condition}");
        let asked = project.transload(&["query", &sql, "--format", "csv"]);
        assert_eq!(
            asked.ended(0).stdout,
            format!("n\n{expected}\n"),
            "{condition}"
        );
    }
}

#[test]
fn a_result_wider_than_the_terminal_stands_one_value_a_line() {
    let project = crate::rehearsal::Project::loaded();
    let shown = |columns: &str| {
        let sql = "select p.id, p.email, p.name from usercom.people as p where p.id = 1";
        let mut command = project.command(&["query", sql]);
        command.env("COLUMNS", columns);
        crate::rehearsal::Running::start(command).wait().ended(0)
    };
    let narrow = shown("30");
    assert!(
        narrow.stdout.contains("email | lee@globex.example"),
        "{}",
        narrow.stdout
    );
    assert!(narrow.stderr.contains("as with -x"), "{}", narrow.stderr);
    let wide = shown("120");
    assert!(
        !wide.stdout.contains(" | ") && !wide.stderr.contains("-x"),
        "{}",
        wide.stdout
    );
}
