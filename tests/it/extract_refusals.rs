//! What `transload extract` says to bad input, and staging where no extract is complete.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::extract::{Account, FAST, generated};
use crate::support::{Project, Run, SETTINGS, assert_run};

/// Runs `extract` on a project whose `[source.api]` is this.
fn refused(api: &str, variable: Option<&str>) -> Run {
    let project = Project::small().file("migration.toml", &format!("{SETTINGS}\n{api}"));
    match variable {
        Some(token) => project.variable("USERCOM_API_TOKEN", token),
        None => project,
    }
    .run(["extract"])
}

#[test]
fn addresses_that_are_no_account_are_refused() {
    assert_run!(refused("", None), @r#"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: migration.toml has no [source.api]

    hint: add it with url = "https://<account>.user.com"; the token goes into the environment variable USERCOM_API_TOKEN
    "#);
    assert_run!(refused("[source.api]\nurl = \"https://user.com\"\n", None), @r#"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: ./migration.toml: `source.api.url` must have the account's own sub-domain, as in "https://acme.user.com"; user.com is no account
    "#);
    assert_run!(refused("[source.api]\nurl = \"https://acme.user.com/people/\"\n", None), @r#"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: ./migration.toml: `source.api.url` must end with the host, as in "https://acme.user.com": the paths of the API are known
    "#);
    assert_run!(refused("[source.api]\nurl = \"https://acme.user.com\"\n", None), @r#"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: the environment variable USERCOM_API_TOKEN is not set

    hint: set USERCOM_API_TOKEN in the shell that runs transload; it is never stored
    "#);
}

#[test]
fn wrong_tokens_and_missing_permissions_say_where_keys_are_made() {
    let project = generated(20, 12);
    let account = Account::start(
        &project,
        &["--export", "direct/export", "--forbid", "deals"],
    );
    let api = format!(
        "[source.api]\nurl = \"{}/api/public/\"\n{FAST}\n",
        account.url
    );
    assert_run!(refused(&api, Some("wrong")), @r#"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    looking at 127.0.0.1:[PORT]
    error: cannot read attributes from User.com: 127.0.0.1:[PORT] refused the API token (status 401)

    hint: set USERCOM_API_TOKEN to the public REST key of this account, 64 characters; keys are made at https://127.0.0.1:[PORT]/api/<application key>/credentials/, and the application key is shown under Settings > Setup & integrations
    "#);
    assert_run!(refused(&api, Some("key")), @r#"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    looking at 127.0.0.1:[PORT]
    error: cannot read deals from User.com: 127.0.0.1:[PORT] does not let this API token use /api/public/deals/ (status 403)

    hint: use a key in USERCOM_API_TOKEN that may read it (keys are made at https://127.0.0.1:[PORT]/api/<application key>/credentials/, and the application key is shown under Settings > Setup & integrations), or name the object under leave_out of [source.api]
    "#);
}

#[test]
fn staging_waits_for_a_complete_extract() {
    let project = Project::small().file(
        "migration.toml",
        &format!("{SETTINGS}\n[source.api]\nurl = \"https://acme.user.com\"\n"),
    );
    assert_run!(project.run(["stage"]), @r#"
    exit code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no complete extract in [PROJECT]/extracts

    hint: run `transload extract` first; without [source.api] in migration.toml the folder `export` is staged
    "#);
}

#[test]
fn an_extract_that_began_before_the_one_staged_last_is_refused_with_both_dates() {
    let project = generated(20, 14);
    // Its state, and so its address, stays.
    let mut port = 0;
    let mut extract = |skew: &str| {
        let arguments = ["--export", "direct/export", "--date-skew", skew];
        let account = Account::on_port(&project, port, &arguments);
        port = account.port();
        let api = format!("[source.api]\nurl = \"{}\"\n{FAST}\n", account.url);
        fs::write(
            project.path("live/migration.toml"),
            format!("{SETTINGS}\n{api}"),
        )
        .unwrap();
        let run = project.run(["extract", "--project", "live", "--full", "--restart"]);
        assert_eq!(run.code, Some(0), "{run}");
        let folder = newest(&project.path("live/extracts"));
        let manifest = fs::read(folder.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        manifest["started_at"].as_str().unwrap()[..19].to_owned()
    };
    let stage = || project.run(["stage", "--project", "live"]);
    let ahead = extract("3600");
    assert_eq!(stage().code, Some(0));
    // The same account, as a clock an hour behind says.
    let behind = extract("0");
    assert!(behind < ahead);
    let run = stage();
    assert_eq!(run.code, Some(2), "{run}");
    for text in [ahead.as_str(), &behind, "accept_older = true"] {
        assert!(run.stderr.contains(text), "{text}: {run}");
    }
    let settings = fs::read_to_string(project.path("live/migration.toml")).unwrap();
    let accepted = settings.replace(
        "[source.api]",
        "[source]\naccept_older = true\n\n[source.api]",
    );
    fs::write(project.path("live/migration.toml"), accepted).unwrap();
    assert_eq!(stage().code, Some(0));
}

/// The folder of the latest extract.
fn newest(extracts: &Path) -> PathBuf {
    let folders = fs::read_dir(extracts).unwrap();
    let folders = folders.map(|folder| folder.unwrap().path());
    folders
        .filter(|folder| folder.join("manifest.json").is_file())
        .max()
        .unwrap()
}
