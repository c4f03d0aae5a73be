//! A staging area that somebody touched, an export that changed on the way, an org that is another one: nothing is sent on wrong
//! grounds.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
use crate::rehearsal::{Project, Run};
use crate::support::files;

fn loaded() -> (Project, Org) {
    let (project, org, _) = Project::loaded_into_an_org();
    (project, org)
}

/// The one file of the staging area whose name fits.
fn file(project: &Project, fits: impl Fn(&str) -> bool) -> PathBuf {
    let names = files(&project.path(".transload"));
    let found: Vec<&String> = names.iter().filter(|name| fits(name)).collect();
    let [name] = found.as_slice() else {
        panic!("{found:?} of {names:#?}")
    };
    project.path(".transload").join(name)
}

/// Nothing was sent, and the message says what to do about which file.
#[track_caller]
fn assert_refused(project: &Project, org: &Org, file: &str, what: &str) {
    let commands = [&["run", "--format", "json"][..], &["rollback", "--yes"]];
    assert_refused_by(&commands, project, org, file, what);
}

#[track_caller]
fn assert_refused_by(commands: &[&[&str]], project: &Project, org: &Org, file: &str, what: &str) {
    let before = org.statistics()["rows"].clone();
    for &arguments in commands {
        let run = project.transload(arguments);
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        let error = run.error();
        assert!(error.contains(file), "{error}");
        assert!(run.stderr.contains(what), "{}", run.stderr);
        assert!(run.stderr.contains("backup"), "{}", run.stderr);
    }
    assert_eq!(org.statistics()["rows"], before);
}

#[test]
fn a_journal_entry_that_was_edited_or_cut_is_refused() {
    let (project, org) = loaded();
    let entry = file(&project, |name| {
        name.ends_with("/00000003.json") && name.contains("/journal/")
    });
    let text = fs::read_to_string(&entry).unwrap();
    // Of a run that came to its end, whoever takes it back reads every entry; a missing one is seen by everybody.
    let rollback: [&[&str]; 1] = [&["rollback", "--yes"]];
    let refused = |what| assert_refused_by(&rollback, &project, &org, "00000003.json", what);
    fs::write(&entry, text.replace("account", "contact")).unwrap();
    refused("checksum does not fit");
    fs::write(&entry, &text[..text.len() / 2]).unwrap();
    refused("cut off");
    fs::remove_file(&entry).unwrap();
    assert_refused(&project, &org, "00000003.json", "has no entry");
    fs::write(&entry, &text).unwrap();
    // Of one that broke off, everybody does.
    let mut entries: Vec<PathBuf> = fs::read_dir(entry.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    fs::remove_file(entries.last().unwrap()).unwrap();
    fs::write(&entry, text.replace("account", "contact")).unwrap();
    assert_refused(&project, &org, "00000003.json", "checksum does not fit");
    fs::write(&entry, &text[..text.len() / 2]).unwrap();
    assert_refused(&project, &org, "00000003.json", "cut off");
    fs::remove_file(&entry).unwrap();
    assert_refused(&project, &org, "00000003.json", "has no entry");
    fs::write(&entry, &text).unwrap();
    project.run().ended(0);
}

#[test]
fn a_ledger_that_was_edited_or_cut_is_refused() {
    let (project, org) = loaded();
    let table = file(&project, |name| name.contains("/tables/ledger/contact/"));
    let bytes = fs::read(&table).unwrap();
    let mut edited = bytes.clone();
    let middle = edited.len() / 2;
    edited[middle] ^= 1;
    fs::write(&table, &edited).unwrap();
    assert_refused(
        &project,
        &org,
        "tables/ledger/contact",
        "is not what was written",
    );
    fs::write(&table, &bytes[..bytes.len() - 9]).unwrap();
    assert_refused(
        &project,
        &org,
        "tables/ledger/contact",
        "not as long as it was written",
    );
    fs::write(&table, &bytes).unwrap();

    let manifest = file(&project, |name| {
        name.contains("/manifests/ledger/contact/") && name.ends_with(".json")
    });
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"rows\": 3", "\"rows\": 2")).unwrap();
    assert_refused(
        &project,
        &org,
        "manifests/ledger/contact",
        "checksum does not fit",
    );
    fs::write(&manifest, &text).unwrap();
    project.run().ended(0);
}

#[test]
fn the_newest_ledger_that_was_deleted_is_missed() {
    let (project, org) = loaded();
    let manifest = file(&project, |name| {
        name.contains("/manifests/ledger/contact/") && name.ends_with(".json")
    });
    let text = fs::read_to_string(&manifest).unwrap();
    fs::remove_file(&manifest).unwrap();
    assert_refused(&project, &org, "ledger.contact", "is gone");
    fs::write(&manifest, text).unwrap();
    project.run().ended(0);
}

#[test]
fn a_loss_of_power_and_files_of_others_do_not_lock_the_area() {
    let (project, org) = loaded();
    let journal = file(&project, |name| {
        name.ends_with("/00000000.json") && name.contains("/journal/")
    });
    let run = journal.parent().unwrap();
    let next = fs::read_dir(run).unwrap().count();
    fs::write(run.join(format!("{next:08}.json")), "").unwrap();
    let area = project.path(".transload");
    for folder in [
        run,
        run.parent().unwrap(),
        &area,
        &area.join("lease"),
        &area.join("manifests"),
    ] {
        fs::write(folder.join(".DS_Store"), "x").unwrap();
    }
    // Behind all runs by its name.
    fs::write(run.parent().unwrap().join("Thumbs.db"), "x").unwrap();
    fs::write(area.join("orgs/.DS_Store"), "x").unwrap();
    let before = org.statistics()["rows"].clone();
    let run = project.run().ended(0);
    assert_eq!(run.total("sent"), 0, "{}", run.stdout);
    assert_eq!(org.statistics()["rows"], before);
    assert!(
        run.stderr.contains(".DS_Store in the staging area"),
        "{}",
        run.stderr
    );
    assert!(
        !run.stderr.contains("could not be written"),
        "{}",
        run.stderr
    );
    for reading in [
        &["status"][..],
        &["query", "select count(*) as n from ledger.account"],
        &["explain", "companies", "10"],
        &["report"],
    ] {
        project.transload(reading).ended(0);
    }
    project.transload(&["rollback", "--yes"]).ended(0);
}

#[test]
fn commands_that_write_tables_do_so_one_at_a_time() {
    let project = Project::loaded();
    let area = project.path(".transload");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let staging = transload::staging::Staging::open(area.to_str().unwrap()).unwrap();
    let lease = runtime.block_on(staging.lease("run")).unwrap();
    for arguments in [
        &["stage"][..],
        &["plan"],
        &["reconcile"],
        &["schema", "plan"],
        &["schema", "check"],
    ] {
        let run = project.transload(arguments);
        assert_eq!(run.code, Some(3), "{arguments:?} {}", run.stderr);
        assert!(
            run.error().contains("`transload run` is at work"),
            "{arguments:?} {}",
            run.stderr
        );
    }
    // Whoever only reads is not kept out.
    project.transload(&["status"]).ended(0);
    let sql = "select count(*) as n from usercom.people";
    project.transload(&["query", sql]).ended(0);
    runtime.block_on(lease.release()).unwrap();
    project.transload(&["stage"]).ended(0);
}

#[cfg(unix)]
#[test]
fn the_area_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::small();
    project.carry().ended(0);
    let area = project.path(".transload");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&area), 0o700);
    for name in files(&area) {
        let ours = ["tables/", "manifests/", "orgs/", "lease/"];
        if ours.iter().any(|folder| name.starts_with(folder)) {
            assert_eq!(mode(&area.join(&name)), 0o600, "{name}");
        }
    }
}

/// A run that was killed while it loaded Leads, carried on after `change`.
fn carried_on(change: impl Fn(&Project)) -> Run {
    let project = Project::small();
    let org = project.serve_org(SalesforceSimOptions {
        max_job_delay: Duration::from_millis(200),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    let mut running = project.start(&["--yes"]);
    assert!(running.until(|| org.rows("SELECT Id FROM Account").len() == 3));
    running.signal("KILL");
    assert!(running.wait().code.is_none());
    change(&project);
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(org.keys("Account").len(), 3, "{}", run.stderr);
    run
}

#[test]
#[ignore = "long: several migrations"]
fn an_export_that_changed_between_crash_and_resume_is_reported() {
    let same = carried_on(|_| ());
    assert!(
        !same.stderr.contains("the export changed"),
        "{}",
        same.stderr
    );
    let changed = carried_on(|project| {
        project.edit("export/companies.csv", "Globex,", "Globex Corporation,");
    });
    assert!(
        changed.stderr.contains("the export changed since run")
            && changed.stderr.contains("broke off: companies;"),
        "{}",
        changed.stderr
    );
    assert_eq!(
        changed.number("account", "updated"),
        1,
        "{}",
        changed.stdout
    );
}

#[test]
#[ignore = "long: several migrations"]
fn another_org_behind_the_same_destination_is_refused_by_its_id() {
    let (project, org) = loaded();
    let known = project.orgs()[0].clone();
    drop(org);
    let other = project.serve(
        "other",
        SalesforceSimOptions {
            sandbox: true,
            ..SalesforceSimOptions::default()
        },
    );
    project.load_into(&other, "");
    for arguments in [
        &["run", "--format", "json", "--yes"][..],
        &["plan"],
        &["reconcile"],
        &["rollback", "--yes"],
    ] {
        let run = project.transload(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?} {}", run.stderr);
        assert!(
            run.error().contains(&format!("was the org {known}")),
            "{}",
            run.error()
        );
        assert!(run.stderr.contains("--new-org"), "{}", run.stderr);
    }
    assert!(other.rows("SELECT Id FROM Account").is_empty());
    let run = project.run_with(&["--yes", "--new-org"]).ended(0);
    assert_eq!(run.number("account", "created"), 3);
    project.run().ended(0);
}
