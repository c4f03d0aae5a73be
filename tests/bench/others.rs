//! Programs that others use for the same work: DuckDB and Polars, in a virtual environment of Python.
//!
//! In: `TRANSLOAD_BENCH_OTHERS=1`, a CSV file. Out: a Parquet file of each, and what it took. Never: a failure of the
//! benchmark because one of them is not there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::measure::{Taken, attempt};

/// Their names, as `others.py` knows them.
pub(super) const NAMES: [&str; 2] = ["DuckDB", "Polars"];

/// What their rows say where they are not there.
pub(super) const MISSING: &str = "not installed";

/// The programs, if they were asked for.
pub(super) struct Others {
    python: Option<PathBuf>,
}

impl Others {
    /// Looks for them in a virtual environment in `root`, and installs them there if they are wanted and missing.
    pub(super) fn find(root: &Path, wanted: bool) -> Self {
        if !wanted {
            return Self { python: None };
        }
        let folder = root.join("venv");
        let others = Self {
            python: Some(folder.join("bin/python")),
        };
        if NAMES.iter().any(|name| others.version(name).is_none()) {
            let made = quiet(Command::new("python3").args(["-m", "venv"]).arg(&folder));
            let pip = ["-m", "pip", "install", "--quiet", "duckdb", "polars"];
            let mut python = others.python.iter();
            let installed = made && python.all(|python| quiet(Command::new(python).args(pip)));
            if !installed {
                #[expect(clippy::print_stderr, reason = "why rows will be missing")]
                {
                    eprintln!(
                        "DuckDB and Polars could not be installed in {}",
                        folder.display()
                    );
                }
            }
        }
        others
    }

    /// The version of one of them; none if it is not there.
    pub(super) fn version(&self, name: &str) -> Option<String> {
        let output = self.script(name)?.stderr(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let version = text.trim();
        (output.status.success() && !version.is_empty()).then(|| version.to_owned())
    }

    /// Lets one of them write a CSV file as Parquet.
    pub(super) fn convert(
        &self,
        name: &str,
        source: &Path,
        target: &Path,
    ) -> Result<Taken, &'static str> {
        let mut command = self.script(name).ok_or(MISSING)?;
        // It has said why on stderr.
        let taken = attempt(command.arg(source).arg(target), "").map_err(|_| "failed")?;
        Ok(taken.0)
    }

    fn script(&self, name: &str) -> Option<Command> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/others.py");
        let mut command = Command::new(self.python.as_ref()?);
        command.arg(script).arg(name);
        Some(command)
    }
}

/// Runs a command whose output belongs to the log; whether it did what it should.
fn quiet(command: &mut Command) -> bool {
    let status = command.stdout(std::io::stderr()).status();
    status.is_ok_and(|status| status.success())
}
