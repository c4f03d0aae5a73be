//! What to generate.
//!
//! Comes in: nothing but the caller's choice. Goes out: [`GenerateOptions`]. Never reads the environment.

use std::path::PathBuf;

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerateOptions {
    /// People; companies are a fifth and deals a quarter of that.
    pub people: u64,
    /// Chooses one of 2⁶⁴ exports of that size.
    pub seed: u64,
    /// Folder that receives the files; made if missing, refused unless empty.
    pub out: PathBuf,
    /// Whether the export is as damaged as real ones: odd spellings, bad cells, ragged and undecodable rows, superseded
    /// versions, dangling references. Without it every row is good.
    pub mess: bool,
    /// Activities in all; none asked for: three for every two people.
    pub activities: Option<u64>,
    /// Chat messages in all; none asked for: one for every two people.
    pub messages: Option<u64>,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self {
            people: 2_000,
            seed: 1,
            out: PathBuf::from("export"),
            mess: true,
            activities: None,
            messages: None,
        }
    }
}
