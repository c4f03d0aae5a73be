//! One process per state folder: two would write over each other.
//!
//! In: a state folder. Out: a lock on it that ends with the process, however that ends.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::error::SimError;

/// How long somebody who is about to end is waited for.
const WAITS: u32 = 30;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// The lock; let go when dropped.
pub(crate) struct Hold {
    _file: File,
}

impl Hold {
    /// Takes the folder, or says that somebody else has it.
    pub(crate) fn take(state: &Path) -> Result<Self, SimError> {
        let path = state.join("lock");
        let failed = |source| SimError::State {
            path: path.clone(),
            source,
        };
        let file = crate::private::create(&path).map_err(failed)?;
        for _ in 0..WAITS {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        Err(SimError::InUse {
            state: state.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Hold::take(folder.path()).unwrap();
        let second = Hold::take(folder.path());
        assert!(matches!(second, Err(SimError::InUse { .. })));
        drop(first);
        Hold::take(folder.path()).unwrap();
    }
}
