//! The folder where one engine spills, and what engines that are gone left behind.
//!
//! In: the folder that all engines of a work folder share. Out: a folder of this engine's own. A folder belongs to somebody
//! as long as the lock file in it is locked, whoever that is: another engine of this process, another process, another
//! container. The system unlocks it when its process ends, however it ends. Never: a folder removed that may be in use;
//! where the file system has no locks, nothing is swept.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::staging::{create_private_file, private_folder};

/// The file in each folder that its engine holds locked, and the one beside them that is locked while one comes or goes.
const LOCK: &str = "lock";

/// A folder of this engine's own; it is removed with the engine.
#[derive(Debug)]
pub(super) struct SpillFolder {
    path: PathBuf,
    /// Locked until the folder is gone.
    _lock: File,
}

impl SpillFolder {
    /// Removes what engines that are gone left in `shared`, and makes a folder for this one.
    ///
    /// # Errors
    /// A folder or file that cannot be made.
    pub(super) fn create(shared: &Path) -> io::Result<Self> {
        private_folder(shared)?;
        // Between its creation and its lock a folder would look left behind: one engine at a time.
        let door = create_private_file(&shared.join(LOCK))?;
        if door.lock().is_ok() {
            sweep(shared);
        }
        let path = shared.join(format!("{:016x}", rand::random::<u64>()));
        private_folder(&path)?;
        let lock = create_private_file(&path.join(LOCK))?;
        if let Err(error) = lock.try_lock() {
            tracing::debug!(%error, "the file system has no locks: spilled files of killed processes stay");
        }
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // What is still open is removed by the next start.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders that nobody holds.
fn sweep(shared: &Path) {
    let Ok(entries) = std::fs::read_dir(shared) else {
        return;
    };
    for folder in entries.flatten().map(|entry| entry.path()) {
        if folder.is_dir() && is_left_behind(&folder) {
            // What cannot be removed now is tried again by the next start.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn is_left_behind(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => match lock.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        },
        // Whoever made it ended before it could lock it.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set for the process that only holds a folder until it is killed.
    const HOLD: &str = "TRANSLOAD_TEST_HOLD_SPILL";

    #[test]
    fn two_engines_of_one_process_leave_each_other_alone() {
        let shared = tempfile::tempdir().unwrap();
        let first = SpillFolder::create(shared.path()).unwrap();
        std::fs::write(first.path().join("rows"), "1").unwrap();
        let second = SpillFolder::create(shared.path()).unwrap();
        assert!(first.path().join("rows").exists());
        assert_ne!(first.path(), second.path());
        let path = first.path().to_owned();
        drop(first);
        assert!(!path.exists());
        assert!(second.path().exists());
    }

    #[test]
    fn a_folder_of_a_process_that_is_gone_is_swept_whatever_its_name() {
        let shared = tempfile::tempdir().unwrap();
        // Process ids say nothing: this one is alive here, and it was another one's in another container.
        let dead = shared.path().join(std::process::id().to_string());
        std::fs::create_dir(&dead).unwrap();
        std::fs::write(dead.join(LOCK), "").unwrap();
        let unlocked = shared.path().join("1");
        std::fs::create_dir(&unlocked).unwrap();
        let own = SpillFolder::create(shared.path()).unwrap();
        assert!(!dead.exists() && !unlocked.exists());
        assert!(own.path().exists());
    }

    #[test]
    fn another_process_keeps_its_folder_until_it_is_killed() {
        use std::io::{BufRead, BufReader};
        use std::process::{Command, Stdio};

        let shared = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "engine::spill::tests::holds_a_folder",
                "--nocapture",
            ])
            .env(HOLD, shared.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let held = lines
            .map_while(Result::ok)
            .find_map(|line| Some(PathBuf::from(line.split_once("held: ")?.1)))
            .unwrap();
        drop(SpillFolder::create(shared.path()).unwrap());
        assert!(held.exists(), "swept while its process lives");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(held.exists(), "a killed process leaves its folder");
        drop(SpillFolder::create(shared.path()).unwrap());
        assert!(!held.exists());
    }

    /// The other process of [`another_process_keeps_its_folder_until_it_is_killed`]; does nothing by itself.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "how a test tells its other process what to hold"
    )]
    fn holds_a_folder() {
        let Some(shared) = std::env::var_os(HOLD) else {
            return;
        };
        let folder = SpillFolder::create(Path::new(&shared)).unwrap();
        let said = format!("held: {}\n", folder.path().display());
        std::io::Write::write_all(&mut std::io::stdout(), said.as_bytes()).unwrap();
        // Ends with the pipe of the process that started this one.
        let _ = std::io::stdin().read_line(&mut String::new());
    }
}
