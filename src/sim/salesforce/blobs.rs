//! The contents of files, one file each in the state folder.
//!
//! In: bytes, block by block. Out: a name that rows carry, and the bytes again. Contents are never held in memory as a
//! whole, except where they came as base64 within JSON. What belongs to no row any more stays; orgs are short-lived.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use md5::{Digest, Md5};

use super::ids::RecordId;

/// Bytes read at a time.
const BLOCK: usize = 256 * 1024;

/// The folder of contents.
#[derive(Debug)]
pub(crate) struct Blobs {
    folder: PathBuf,
    /// Bytes of all contents: each new record asks for them, and a folder of many files takes long to be looked through.
    bytes: Arc<AtomicU64>,
}

/// A content that is being written.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(crate) name: String,
    file: File,
    all: Arc<AtomicU64>,
}

impl Blobs {
    /// Opens the folder, making it if needed.
    pub(crate) fn open(state: &Path) -> io::Result<Self> {
        let folder = state.join("blobs");
        crate::private::folder(&folder)?;
        let files = std::fs::read_dir(&folder)?;
        let bytes = files
            .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
            .sum();
        Ok(Self {
            folder,
            bytes: Arc::new(AtomicU64::new(bytes)),
        })
    }

    /// Begins a content under a new name.
    pub(crate) fn begin(&self, name: RecordId) -> io::Result<Blob> {
        let name = name.to_string();
        let file = crate::private::create(&self.path(&name))?;
        let all = Arc::clone(&self.bytes);
        Ok(Blob { name, file, all })
    }

    /// Where a content is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Bytes of all contents.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of a content, and their checksum.
    pub(crate) fn measure(&self, name: &str) -> io::Result<(u64, String)> {
        let mut file = File::open(self.path(name))?;
        let (mut digest, mut size) = (Md5::new(), 0u64);
        let mut block = vec![0; BLOCK];
        loop {
            let count = file.read(&mut block)?;
            if count == 0 {
                return Ok((size, format!("{:x}", digest.finalize())));
            }
            size += count as u64;
            digest.update(block.get(..count).unwrap_or_default());
        }
    }
}

impl Blob {
    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.all.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_measured_with_its_md5() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        for (number, text, expected) in [
            (1, "", "d41d8cd98f00b204e9800998ecf8427e"),
            (2, "abc", "900150983cd24fb0d6963f7d28e17f72"),
            (
                3,
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            let mut blob = blobs
                .begin(RecordId::new(*b"068", *b"000", number))
                .unwrap();
            for part in text.as_bytes().chunks(7) {
                blob.write(part).unwrap();
            }
            let measured = blobs.measure(&blob.name).unwrap();
            assert_eq!(measured, (text.len() as u64, expected.to_owned()));
        }
    }

    #[test]
    fn bytes_are_counted_as_they_come_and_again_when_the_folder_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        for number in 1..=3 {
            let mut blob = blobs
                .begin(RecordId::new(*b"068", *b"5JB", number))
                .unwrap();
            blob.write(b"four").unwrap();
            blob.write(b"five!").unwrap();
            assert_eq!(blobs.bytes(), number * 9);
        }
        assert_eq!(Blobs::open(folder.path()).unwrap().bytes(), 27);
    }
}
