//! A synthetic User.com export with every object: the same records for the same size and seed, byte for byte.
//!
//! Comes in: a number of people and a seed. Goes out: a folder of export files in every variant that real exports have
//! (`guide/usercom.md` §6), and a [`Summary`] of what a reader should make of them. Each record is computed from (seed,
//! object, number), so memory does not grow with the size. Never reads a clock, the network or the environment.
//!
//! ```text
//! options ─▶ population ─▶ person │ company │ deal ─▶ …_cells ─▶ record ─▶ sink ─▶ file
//!              (who)          (decisions)              (text)     (row)
//!                 │
//!                 └─▶ activity │ event │ conversation │ mail │ line │ … (entry: about whom) ─▶ record ─▶ …
//! ```

mod activity;
mod calendar;
mod catalogue;
mod cell;
mod company;
mod conversation;
mod conversation_record;
mod custom_object;
mod custom_record;
mod deal;
mod deal_cells;
mod entry;
mod error;
mod event;
mod export;
mod file;
mod further;
mod group;
mod json;
mod line;
mod list;
mod mail;
mod mess;
mod message;
mod note;
mod options;
mod output;
mod person;
mod person_cells;
mod person_shapes;
mod phrases;
mod population;
mod product;
mod prose;
mod quantity;
mod random;
mod record;
mod sink;
mod stage_change;
mod summary;
#[cfg(test)]
mod tests;
mod value;
mod vocabulary;

use std::fs;

pub use error::GenerateError;
pub use options::GenerateOptions;
pub use summary::{
    CompaniesTruth, DealsTruth, FileSummary, FurtherTruth, PeopleTruth, RowTruth, Summary,
    TableTruth,
};

/// Writes an export. Blocking; a few hundred kilobytes of memory whatever the size.
///
/// # Errors
/// [`GenerateError`] if the folder is not empty or cannot be written; what was written until then stays.
pub fn generate(options: &GenerateOptions) -> Result<Summary, GenerateError> {
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
    let bundling = export::people_with_conversations(options.people);
    let further = quantity::Quantities::new(options, bundling);
    let population = population::Population::new(options, further);
    export::write(&population, out)
}
