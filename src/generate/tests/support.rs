//! An export of its own for each test.

use super::super::{GenerateOptions, Summary, generate};

/// Generates into a fresh folder.
pub(super) fn export(people: u64, seed: u64, mess: bool) -> (tempfile::TempDir, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let options = GenerateOptions {
        people,
        seed,
        out: folder.path().join("export"),
        mess,
        ..GenerateOptions::default()
    };
    let summary = generate(&options).unwrap();
    (folder, summary)
}
