//! A project in a temporary folder, the program run on it, and what it said in a form that can be compared.
//!
//! In: files and arguments. Out: exit code, stdout and stderr as one text, with everything that differs from run to
//! run replaced by a name in brackets. Each project has a folder of its own, each simulator a port of its own, and the
//! environment is empty but for what a test puts there.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The smallest settings that work: everything else has a default.
pub(crate) const SETTINGS: &str = r#"business_timezone = "Europe/Warsaw"

[destination.simulator]
kind = "simulator"
"#;

/// What differs from run to run: a pattern, and the name that stands for it.
pub(crate) const FILTERS: [(&str, &str); 7] = [
    // Lines that only a slow machine shows.
    (
        r"(?m)^[^\n:]+: [\d,]+ rows(, [\d,]+ rows/s)?(, [^\n]+ left)?\n",
        "",
    ),
    (r" in \d+\.\d s( \([\d,]+ rows/s\))?", " in [TIME]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[INSTANT]"),
    (r"\d{8}T\d{6}Z-[0-9a-f]{4}", "[RUN]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
    (r"\b00D[0-9A-Za-z]{12,15}\b", "[ORG]"),
    (r"\b750[0-9A-Za-z]{12,15}\b", "[JOB]"),
];

/// Compares exit code, stdout and stderr of a [`Run`] with an inline snapshot.
macro_rules! assert_run {
    ($run:expr, @$snapshot:literal) => {
        insta::with_settings!({filters => $crate::support::FILTERS.to_vec()}, {
            insta::assert_snapshot!($run.to_string(), @$snapshot)
        })
    };
}
pub(crate) use assert_run;

/// A project folder that is removed at the end of the test.
pub(crate) struct Project {
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl Project {
    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            environment: BTreeMap::new(),
        }
    }

    /// A folder with the smallest settings and an export of two people.
    pub(crate) fn small() -> Self {
        Self::empty().file("migration.toml", SETTINGS).file(
            "export/people.csv",
            "id,name,email,lifecycle_stage,created_at\n\
                 1,Ada Nowak,ada@example.com,lead,2024-02-03T10:00:00Z\n\
                 2,Jan Zając,jan@example.com,customer,2024-02-04T10:00:00Z\n",
        )
    }

    /// The project with one more file, or another text in it.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// The project with the journal of a run against an organisation.
    pub(crate) fn journal(self, organisation: &str, run: &str, events: &[&str]) -> Self {
        let folder = format!(".transload/orgs/{organisation}/journal/{run}");
        events
            .iter()
            .enumerate()
            .fold(self, |project, (number, event)| {
                let name = format!("{number:08}.json");
                let event: serde_json::Value = serde_json::from_str(event).unwrap();
                let checked =
                    transload::staging::with_checksum(&event, &format!("{run}/{name}")).unwrap();
                let checked = String::from_utf8(checked).unwrap();
                project.file(&format!("{folder}/{name}"), &checked)
            })
    }

    /// The project with a variable in the program's environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A path inside the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program in the project folder, not started yet.
    pub(crate) fn command<I: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = I>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_transload"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.environment);
        command
    }

    /// Runs the program in the project folder.
    pub(crate) fn run<const N: usize>(&self, arguments: [&str; N]) -> Run {
        let output = self.command(arguments).stdin(Stdio::null()).output();
        self.shown(&output.unwrap())
    }

    /// Runs the program with a text on stdin.
    pub(crate) fn run_with_input<const N: usize>(&self, arguments: [&str; N], input: &str) -> Run {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        self.shown(&child.wait_with_output().unwrap())
    }

    fn shown(&self, output: &Output) -> Run {
        Run {
            code: output.status.code(),
            stdout: self.without_paths(&output.stdout),
            stderr: self.without_paths(&output.stderr),
        }
    }

    fn without_paths(&self, bytes: &[u8]) -> String {
        let text = std::str::from_utf8(bytes).expect("the program writes UTF-8");
        let real = self.folder.path().canonicalize().unwrap();
        [real.as_path(), self.folder.path()]
            .iter()
            .fold(text.to_owned(), |text, folder| {
                text.replace(&folder.display().to_string(), "[PROJECT]")
            })
    }
}

/// What a run of the program came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Data.
    pub(crate) stdout: String,
    /// Everything else.
    pub(crate) stderr: String,
}

impl fmt::Display for Run {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(out, "exit code: {code}")?,
            None => writeln!(out, "ended by a signal")?,
        }
        writeln!(out, "----- stdout -----\n{}", self.stdout)?;
        writeln!(out, "----- stderr -----\n{}", self.stderr)
    }
}

/// `transload sim salesforce` on a free port, ended when dropped.
pub(crate) struct Simulator {
    child: Child,
    url: String,
}

impl Simulator {
    /// Serves an org whose state is in the folder `state` of the project.
    pub(crate) fn start(project: &Project) -> Self {
        let mut child = project
            .command(["sim", "salesforce", "--port", "0", "--state", "state"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        Self {
            child,
            url: url.trim_end().to_owned(),
        }
    }

    /// Where it is served.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends ctrl-c and waits; the exit code, none if the signal ended it.
    #[cfg(unix)]
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        let kill = format!("kill -INT {}", self.child.id());
        assert!(
            Command::new("sh")
                .arg("-c")
                .arg(kill)
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names of all files under a folder, sorted, relative to it.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap();
                names.push(name.display().to_string());
            }
        }
    }
    names.sort();
    names
}

/// Runs git in a folder, as somebody.
pub(crate) fn git(folder: &Path, arguments: &[&str]) {
    let settings = [
        "user.name=t",
        "user.email=t@t.example",
        "commit.gpgsign=false",
    ];
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
