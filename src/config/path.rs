//! Paths as people write them, made plain.
//!
//! In: a path, absolute or not. Out: the same place without `.` and `..`, which a store of objects cannot name. Never: a file.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The absolute path of a place that need not exist. `..` behind a link leads where the system says; behind what does not
/// exist it takes the last name away.
///
/// # Errors
/// The path is empty or the current folder is gone.
pub fn plain_path(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    if !absolute
        .components()
        .any(|part| part == Component::ParentDir)
    {
        return Ok(absolute);
    }
    let mut plain = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => {
                if let Ok(real) = plain.canonicalize() {
                    plain = real;
                }
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_lead_where_the_system_says() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("real/inner")).unwrap();
        let plain = |path: &str| plain_path(&root.join(path)).unwrap();
        assert_eq!(plain("real/../other/./area"), root.join("other/area"));
        assert_eq!(plain("none/../other"), root.join("other"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.join("real/inner"), root.join("link")).unwrap();
            assert_eq!(plain("link/../area"), root.join("real/area"));
            assert_eq!(plain("link/area"), root.join("link/area"));
        }
    }
}
