//! What is wrong, or open, in a project's files, and where.
//!
//! In: a place in a settings, decision or query file. Out: a [`Finding`] that names file, line, column, value and the nearest
//! allowed one. Never: a value of the export's people, only what the project's own files say.

use std::fmt;

use serde::Serialize;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is sent while it stands.
    Error,
    /// Everything else goes on without it.
    Warning,
}

/// One mistake, or one open point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// `config/rates.csv`.
    pub file: String,
    /// 1-based line of the file; none where the whole file is meant.
    pub line: Option<u64>,
    /// The column; none where the whole line is meant.
    pub column: Option<String>,
    /// What is there.
    pub value: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// The nearest thing that would be right.
    pub nearest: Option<String>,
}

impl Finding {
    /// A mistake in a file as a whole.
    pub fn new(file: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.into(),
            line: None,
            column: None,
            value: None,
            problem: problem.into(),
            nearest: None,
        }
    }

    /// The same in a line, counted from 1.
    #[must_use]
    pub fn line(self, line: u64) -> Self {
        Self {
            line: Some(line),
            ..self
        }
    }

    /// The same in a column.
    #[must_use]
    pub fn column(self, column: impl Into<String>) -> Self {
        Self {
            column: Some(column.into()),
            ..self
        }
    }

    /// The same about what stands there.
    #[must_use]
    pub fn value(self, value: impl Into<String>) -> Self {
        Self {
            value: Some(value.into()),
            ..self
        }
    }

    /// The same with what would be right, if anything is near.
    #[must_use]
    pub fn nearest(self, nearest: Option<String>) -> Self {
        Self { nearest, ..self }
    }

    /// The same as something that stops nothing.
    #[must_use]
    pub fn warning(self) -> Self {
        Self {
            severity: Severity::Warning,
            ..self
        }
    }

    /// Whether anything can be sent while it stands.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(out, " line {line}")?;
        }
        if let Some(column) = &self.column {
            write!(out, ", column {column}")?;
        }
        out.write_str(": ")?;
        if let Some(value) = &self.value {
            write!(out, "`{value}` ")?;
        }
        out.write_str(&self.problem)?;
        if let Some(nearest) = &self.nearest {
            write!(out, "; did you mean `{nearest}`?")?;
        }
        Ok(())
    }
}
