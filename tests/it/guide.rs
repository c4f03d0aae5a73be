//! Every command of the guide and the README, typed into a shell as it stands there, in the order of its page.
//!
//! A page starts in a folder that has `data/demo` and, where the page does not make it itself, `acme`: a project that went through
//! its first run. What stands for something of the reader's own (a folder, a run) is put in its place. A command may find rows
//! that wait (exit code 1); it may not be refused. Those that cannot be typed here are named, with the reason.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use transload::guide::page;

use crate::rehearsal::{self, Project, Run, Running, kept};
use crate::support::git;

/// Beginnings of lines that are not run, and why.
const NOT_RUN: [(&str, &str); 5] = [
    ("cargo install", "builds the program anew"),
    ("cargo test", "is what runs this"),
    (
        "transload map review",
        "waits for a person in a browser; `review::tests` send what the page sends",
    ),
    (
        "transload map confirm",
        "signs for a person named by address, which `map::` tests; here nothing is left to confirm",
    ),
    (
        "transload extract",
        "needs an account; `extract::` runs it against a simulated one",
    ),
];

macro_rules! pages {
    ($($name:ident)*) => {
        const PAGES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            #[ignore = "long: several migrations"]
            fn $name() {
                type_page(stringify!($name));
            }
        )*
    };
}

pages! {
    readme start project documents extracting golive machines matches org recovery rows simulators testing undoing
}

#[test]
fn every_page_with_a_command_is_typed() {
    let with_commands: Vec<&str> = transload::guide::PAGES
        .iter()
        .filter(|page| lines(page.text).next().is_some())
        .map(|page| page.name)
        .filter(|name| !PAGES.contains(name))
        .collect();
    assert_eq!(with_commands, Vec::<&str>::new());
    let texts: Vec<&str> = PAGES.iter().map(|name| text(name)).collect();
    for (beginning, why) in NOT_RUN {
        let is_there = texts
            .iter()
            .any(|text| lines(text).any(|line| line.starts_with(beginning)));
        assert!(is_there, "no page has `{beginning}` ({why})");
    }
}

fn text(name: &str) -> &'static str {
    match name {
        "readme" => include_str!("../../README.md"),
        name => page(name).unwrap().text,
    }
}

/// What is typed in blocks marked `console`: lines after `$ `.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut console = false;
    text.lines().filter_map(move |line| {
        if line.starts_with("```") {
            console = line == "```console";
        }
        line.strip_prefix("$ ").filter(|_| console)
    })
}

/// Types the commands of a page one after the other.
fn type_page(name: &str) {
    let desk = Desk::new(text(name).contains("transload init acme"));
    for line in lines(text(name)) {
        if NOT_RUN
            .iter()
            .any(|(beginning, _)| line.starts_with(beginning))
        {
            continue;
        }
        let run = desk.type_in(line);
        assert!(
            matches!(run.code, Some(0 | 1)),
            "{name}: `{line}` ended with {:?}\n{}{}",
            run.code,
            run.stdout,
            run.stderr
        );
    }
}

/// Where a reader of the guide sits.
struct Desk {
    project: Project,
}

impl Desk {
    /// Before or behind the first run into `acme`; that run is made once.
    fn new(makes_acme: bool) -> Self {
        static BEHIND: LazyLock<PathBuf> = LazyLock::new(|| {
            let desk = Desk::before();
            desk.decide();
            let run = desk.type_in("transload run --project acme");
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            kept(&desk.project, "guide")
        });
        if makes_acme {
            return Self::before();
        }
        let project = Project::empty();
        rehearsal::copy(&BEHIND, &project.path(""));
        Self { project }
    }

    fn before() -> Self {
        let project = Project::small();
        project.append(
            "export/people.csv",
            "100370,ann@globex.example,,Ann Archer,lead,10,Paris,5,f,7001,2026-01-01T00:00:00Z\n",
        );
        for part in ["export", "org", "config", "migration.toml"] {
            std::fs::create_dir_all(project.path("own")).unwrap();
            std::fs::rename(project.path(part), project.path("own").join(part)).unwrap();
        }
        project.edit(
            "own/migration.toml",
            "[destination.simulator]",
            "[destination.sandbox]",
        );
        let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/init/tests/example");
        copy(&case, &project.path("own/tests/customers"));
        copy(&project.path("own"), &project.path("acme-proposal"));
        copy(&demo(), &project.path("data/demo"));
        Self { project }
    }

    /// What a person does behind `init`: the decisions, the destination and the tests of `acme`, kept in git.
    fn decide(&self) {
        let acme = self.project.path("acme");
        let _ = std::fs::remove_dir_all(&acme);
        copy(&self.project.path("own"), &acme);
        git(&acme, &["init", "-q"]);
        git(&acme, &["add", "migration.toml", "config", "tests"]);
        git(&acme, &["commit", "-q", "-m", "decisions"]);
        git(
            &acme,
            &[
                "commit",
                "-q",
                "-m",
                "seen by a second person",
                "--allow-empty",
            ],
        );
    }

    fn type_in(&self, line: &str) -> Run {
        if line.contains(" RUN ") {
            // What was taken back or never made cannot be taken back.
            let run = self.type_in("transload run --project acme");
            assert_eq!(run.code, Some(0), "{}", run.stderr);
        }
        let path = |name: &str| self.project.path(name).display().to_string();
        let line = line.replace("cargo run -- ", "transload ");
        let mut line = line.replace("/data/usercom-export", &path("own/export"));
        line = line.replace("20261128T203102Z-a41c", &self.last_run());
        line = line.replace(" RUN ", &format!(" {} ", self.last_run()));
        line = line.replace("--export DIR", &format!("--export {}", path("own/export")));
        line = line.replace("--state DIR", &format!("--state {}", path("state")));
        let names_a_folder = [
            "--project",
            "transload init",
            "transload sim",
            "transload docs",
        ]
        .iter()
        .any(|word| line.contains(word));
        let folder = match names_a_folder || !self.project.path("acme").is_dir() {
            true => self.project.path(""),
            false => self.project.path("acme"),
        };
        let program = Path::new(env!("CARGO_BIN_EXE_transload"));
        let programs = program.parent().unwrap().display();
        let mut shell = Command::new("/bin/sh");
        shell
            // So that a signal meets the program itself.
            .args(["-c", &format!("exec {line}")])
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .stdin(Stdio::null());
        let run = match line.contains("sim salesforce") || line.contains("sim usercom") {
            true => served(shell, &self.project.path("served.txt")),
            false => Running::start(shell).wait(),
        };
        if line.starts_with("transload init") {
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            self.decide();
        }
        run
    }

    /// The id of the latest run into `acme`; none if there is none.
    fn last_run(&self) -> String {
        let orgs = self.project.path("acme/.transload/orgs");
        let names = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect()
        };
        let runs = names(&orgs)
            .into_iter()
            .flat_map(|org| names(&org.join("reports")));
        let runs = runs.filter_map(|run| Some(run.file_name()?.to_string_lossy().into_owned()));
        runs.max().unwrap_or_default()
    }
}

/// Starts what serves until it is interrupted, and interrupts it once it has said where it is.
fn served(mut command: Command, out: &Path) -> Run {
    command.stdout(std::fs::File::create(out).unwrap());
    let mut running = Running::start_as_it_is(command);
    let is_up = running.until(|| {
        let told = std::fs::read_to_string(out).unwrap_or_default();
        told.starts_with("http") && told.ends_with('\n')
    });
    if is_up {
        running.signal("INT");
    }
    running.wait()
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo")
}

/// Copies a folder, without the tables of a project.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == ".transload" {
            continue;
        }
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(std::fs::copy(&path, &target).unwrap()),
        }
    }
}
