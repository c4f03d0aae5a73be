//! Files of the state folder that are replaced as a whole.
//!
//! In: a path and the new content. Out: the file holds it. A reader sees the old or the new content, never half of it.

use std::io;
use std::path::Path;

/// Replaces the content of a file.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    crate::private::write(&fresh, bytes)?;
    std::fs::rename(&fresh, path)
}
