//! One output file: bytes are gathered, packed if its name ends in `.gz`, and written in large pieces.
//!
//! Comes in: rows at the end of [`Sink::buffer`]. Goes out: the file. Bounded by the buffer; gzip carries no time or
//! file name, so equal contents give equal bytes.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::error::GenerateError;

/// Bytes gathered before they are written.
const PIECE: usize = 256 * 1024;

enum Target {
    Plain(File),
    Packed(Box<GzEncoder<File>>),
}

impl Target {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(bytes),
            Self::Packed(encoder) => encoder.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<u64> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Packed(encoder) => encoder.finish()?,
        };
        Ok(file.metadata()?.len())
    }
}

/// An output file.
pub(super) struct Sink {
    path: PathBuf,
    target: Target,
    /// Where rows are appended.
    pub(super) buffer: Vec<u8>,
}

impl Sink {
    /// Creates `folder/name`, which must not exist.
    pub(super) fn create(folder: &Path, name: &str) -> Result<Self, GenerateError> {
        let path = folder.join(name);
        let file = File::create_new(&path).map_err(|source| GenerateError::CreateFile {
            path: path.clone(),
            source,
        })?;
        let target = if name.ends_with(".gz") {
            let encoder = GzBuilder::new().mtime(0).write(file, Compression::fast());
            Target::Packed(Box::new(encoder))
        } else {
            Target::Plain(file)
        };
        Ok(Self {
            path,
            target,
            buffer: Vec::with_capacity(PIECE + 64 * 1024),
        })
    }

    /// Writes the buffer if it is full.
    pub(super) fn row_done(&mut self) -> Result<(), GenerateError> {
        if self.buffer.len() < PIECE {
            return Ok(());
        }
        self.write_out()
    }

    /// Writes the rest; the file's size in bytes.
    pub(super) fn finish(mut self) -> Result<u64, GenerateError> {
        self.write_out()?;
        let Self { path, target, .. } = self;
        target
            .finish()
            .map_err(|source| GenerateError::WriteFile { path, source })
    }

    fn write_out(&mut self) -> Result<(), GenerateError> {
        self.target
            .write_all(&self.buffer)
            .map_err(|source| GenerateError::WriteFile {
                path: self.path.clone(),
                source,
            })?;
        self.buffer.clear();
        Ok(())
    }
}
