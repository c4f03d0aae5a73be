//! A simulated org in a process of its own, which ends with the benchmark, also where a step of it panics.
//!
//! In: the folders of its state and of what it begins with. Out: its address. Never: delays of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The process.
pub(super) struct Simulator {
    process: Child,
    /// Where it answers.
    pub(super) url: String,
}

impl Simulator {
    /// Starts one, with further arguments of `sim salesforce`.
    pub(super) fn start(binary: &str, state: &Path, seed: &Path, more: &[&str]) -> Self {
        let mut process = Command::new(binary)
            .args(["sim", "salesforce", "--port", "0", "--state"])
            .arg(state)
            .arg("--seed")
            .arg(seed)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut url)
            .unwrap();
        let url = url.trim().to_owned();
        Self { process, url }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
