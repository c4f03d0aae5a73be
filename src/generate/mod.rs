//! A synthetic User.com export: the same people, companies and deals for the same size and seed, byte for byte.
//!
//! Comes in: a number of people and a seed. Goes out: a folder of export files in every variant that real exports have
//! (`reference/usercom.md` §6), and a [`Summary`] of what a reader should make of them. Each record is computed from (seed,
//! object, number), so memory does not grow with the size. Never reads a clock, the network or the environment.
//!
//! ```text
//! options ─▶ population ─▶ person │ company │ deal ─▶ …_cells ─▶ record ─▶ sink ─▶ file
//!              (who)          (decisions)              (text)     (row)
//! ```

mod calendar;
mod catalogue;
mod cell;
mod company;
mod deal;
mod deal_cells;
mod error;
mod export;
mod list;
mod mess;
mod person;
mod person_cells;
mod person_shapes;
mod population;
mod prose;
mod random;
mod record;
mod sink;
mod summary;
#[cfg(test)]
mod tests;
mod value;
mod vocabulary;

use std::fs;
use std::path::PathBuf;

pub use error::GenerateError;
pub use summary::{CompaniesTruth, DealsTruth, FileSummary, PeopleTruth, RowTruth, Summary};

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// People; companies are a fifth and deals a quarter of that.
    pub people: u64,
    /// Chooses one of 2⁶⁴ exports of that size.
    pub seed: u64,
    /// Folder that receives the files; made if missing, refused unless empty.
    pub out: PathBuf,
    /// Whether the export is as damaged as real ones: odd spellings, bad cells, ragged and undecodable rows, superseded
    /// versions, dangling references. Without it every row is good.
    pub mess: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            people: 2_000,
            seed: 1,
            out: PathBuf::from("export"),
            mess: true,
        }
    }
}

/// Writes an export. Blocking; a few hundred kilobytes of memory whatever the size.
///
/// # Errors
/// [`GenerateError`] if the folder is not empty or cannot be written; what was written until then stays.
pub fn generate(options: &Options) -> Result<Summary, GenerateError> {
    let out = &options.out;
    fs::create_dir_all(out).map_err(|source| GenerateError::CreateFolder {
        path: out.clone(),
        source,
    })?;
    let mut entries = fs::read_dir(out).map_err(|source| GenerateError::ListFolder {
        path: out.clone(),
        source,
    })?;
    if entries.next().is_some() {
        return Err(GenerateError::FolderNotEmpty { path: out.clone() });
    }
    let population = population::Population::new(options.people, options.seed, options.mess);
    export::write(&population, out)
}
