//! What was said to a model and what it answered, beside the map, for its owner alone.
//!
//! In: prompts before they are sent, answers as they came. Out: a line of JSON each. Never: the key, which the client takes out of
//! whatever a server sends back. One file, that of the last time.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::prompt::{INSTRUCTIONS, Prompt};
use super::{LlmReport, TRANSCRIPT};
use crate::error::Error;
use crate::staging::private_file;

/// A file being written.
pub(super) struct Transcript {
    file: File,
}

impl Transcript {
    /// Begins a new one in the place of the last.
    pub(super) fn begin(project: &Path, report: &LlmReport) -> Result<Self, Error> {
        let path = project.join(TRANSCRIPT);
        // What is there may be open to others, or lead elsewhere.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }?;
        let mut options: OpenOptions = private_file();
        let file = options.create_new(true).write(true).open(&path);
        let mut transcript = Self {
            file: file.map_err(failed)?,
        };
        transcript.line(json!({
            "host": report.host,
            "model": report.model,
            "send": report.send,
            "instructions": INSTRUCTIONS,
        }))?;
        Ok(transcript)
    }

    pub(super) fn prompt(&mut self, request: usize, prompt: &Prompt) -> Result<(), Error> {
        self.line(json!({"request": request, "prompt": prompt.text}))
    }

    pub(super) fn answer(&mut self, request: usize, text: &str) -> Result<(), Error> {
        self.line(json!({"request": request, "answer": text}))
    }

    pub(super) fn failure(
        &mut self,
        request: usize,
        why: &str,
        body: Option<&str>,
    ) -> Result<(), Error> {
        self.line(json!({"request": request, "failed": why, "answer": body}))
    }

    fn line(&mut self, mut line: Value) -> Result<(), Error> {
        line["at"] = chrono::Utc::now().to_rfc3339().into();
        writeln!(self.file, "{line}").map_err(failed)
    }
}

fn failed(source: std::io::Error) -> Error {
    Error::File {
        action: "write",
        path: TRANSCRIPT.to_owned(),
        source,
    }
}
