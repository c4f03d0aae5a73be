//! A run of the program as a process of its own: under way, and ended.
//!
//! In: a command. Out: what it said, its summary and its exit code. Never: a claim of a test, nor a run that is waited for without end.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest time any run of the program may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(240);

/// A run under way.
pub(crate) struct Running {
    child: Child,
    started: Instant,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Self::start_as_it_is(command)
    }

    /// As [`Self::start`], with what it says going where the command says.
    pub(crate) fn start_as_it_is(mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        Self {
            child: command.spawn().unwrap(),
            started: Instant::now(),
        }
    }

    /// Waits until `condition` holds; false if the run ended before.
    pub(crate) fn until(&mut self, condition: impl Fn() -> bool) -> bool {
        loop {
            if condition() {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(self.started.elapsed() < PATIENCE, "the run hangs");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a signal by its name, as in `INT` or `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn wait(self) -> Run {
        let output = self.child.wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        Run {
            code: output.status.code(),
            summary: serde_json::from_str(&stdout).unwrap_or(Value::Null),
            stderr: String::from_utf8(output.stderr).unwrap(),
            stdout,
        }
    }
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// None if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The JSON document on stdout, null if there is none.
    pub(crate) summary: Value,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Refuses a run that did not end with this exit code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The error, its causes and its hint, without what came before.
    pub(crate) fn error(&self) -> &str {
        let start = self.stderr.find("error: ").unwrap_or(0);
        &self.stderr[start..]
    }

    /// The summary's entry of a load.
    #[track_caller]
    pub(crate) fn load(&self, load: &str) -> &Value {
        let entries = self.summary["objects"].as_array().unwrap();
        entries.iter().find(|entry| entry["load"] == load).unwrap()
    }

    /// A number of a load.
    #[track_caller]
    pub(crate) fn number(&self, load: &str, column: &str) -> u64 {
        self.load(load)[column].as_u64().unwrap()
    }

    /// The loads that are told of, in their order.
    pub(crate) fn loads(&self) -> Vec<&str> {
        let entries = self.summary["objects"].as_array().unwrap().iter();
        entries.map(|load| load["load"].as_str().unwrap()).collect()
    }

    /// A number summed over all loads.
    #[track_caller]
    pub(crate) fn total(&self, column: &str) -> u64 {
        let entries = self.summary["objects"].as_array().unwrap();
        entries
            .iter()
            .map(|load| load[column].as_u64().unwrap())
            .sum()
    }

    /// The summary's entry of a source table.
    #[track_caller]
    pub(crate) fn source(&self, table: &str) -> &Value {
        let entries = self.summary["sources"].as_array().unwrap();
        entries
            .iter()
            .find(|entry| entry["table"] == table)
            .unwrap()
    }
}
