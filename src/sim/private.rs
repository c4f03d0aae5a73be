//! Folders for the state of a simulator: it holds what was migrated, so nobody but its owner may look into them.
//!
//! In: a path. Out: the folder, and those above it that were missing. Folders that were there before keep their mode.

use std::io;
use std::path::Path;

/// Makes a folder for its owner alone.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
