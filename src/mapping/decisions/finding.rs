//! What is wrong with a decision, and where.
//!
//! In: a cell of a decision file. Out: a [`Finding`] that names file, line, column, value and the nearest allowed one.

use std::fmt;

use serde::Serialize;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
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
