//! Bytes of a file as UTF-8 text: unpacked if they are gzip, without a byte order mark, other encodings refused by name.
//!
//! In: any reader. Out: a reader of text bytes, and how far it got in the stored file (for progress). Whether
//! each record really is UTF-8 is checked later, record by record.

use std::io::{self, BufReader, Chain, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::ExportError;

/// Buffer in front of the gzip decoder.
const BUFFER: usize = 256 * 1024;

/// A reader of one file's text.
pub struct DecodedReader {
    file: String,
    gzip: bool,
    inner: Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>,
    read: u64,
    stored: Arc<AtomicU64>,
}

impl DecodedReader {
    /// Looks at the first bytes of `raw` and sets up the decoding. `stored` counts the bytes taken from `raw`.
    ///
    /// # Errors
    /// [`ExportError::Encoding`], [`ExportError::DamagedGzip`], [`ExportError::ReadFile`].
    pub fn new(
        file: &str,
        raw: Box<dyn Read + Send>,
        stored: Arc<AtomicU64>,
    ) -> Result<Self, ExportError> {
        let mut raw = Counted {
            inner: raw,
            count: Arc::clone(&stored),
        };
        let magic = peek(&mut raw, 2).map_err(|source| failure(file, false, 0, source))?;
        let gzip = magic == [0x1f, 0x8b];
        let whole = Cursor::new(magic).chain(raw);
        let mut text: Box<dyn Read + Send> = if gzip {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole)))
        } else {
            Box::new(whole)
        };
        let mut start = peek(&mut text, 4).map_err(|source| failure(file, gzip, 0, source))?;
        if let Some(encoding) = foreign(&start) {
            return Err(ExportError::Encoding {
                file: file.to_owned(),
                encoding,
            });
        }
        let mut read = 0;
        if start.starts_with(&[0xef, 0xbb, 0xbf]) {
            start.drain(..3);
            read = 3;
        }
        Ok(Self {
            file: file.to_owned(),
            gzip,
            inner: Cursor::new(start).chain(text),
            read,
            stored,
        })
    }

    /// Name of the file inside the export.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Bytes of text before the next one, a byte order mark included.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.read
    }

    /// Bytes of the stored file that were taken so far.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// Appends up to `limit` bytes to `buffer`; 0 only at the end.
    ///
    /// # Errors
    /// [`ExportError::DamagedGzip`], [`ExportError::ReadFile`].
    pub fn read_some(&mut self, limit: u64, buffer: &mut Vec<u8>) -> Result<usize, ExportError> {
        let count = (&mut self.inner)
            .take(limit)
            .read_to_end(buffer)
            .map_err(|source| failure(&self.file, self.gzip, self.read, source))?;
        self.read += count as u64;
        Ok(count)
    }
}

fn failure(file: &str, gzip: bool, byte: u64, source: io::Error) -> ExportError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    let file = file.to_owned();
    if gzip && matches!(source.kind(), InvalidData | InvalidInput | UnexpectedEof) {
        ExportError::DamagedGzip { file, byte, source }
    } else {
        ExportError::ReadFile { file, byte, source }
    }
}

fn peek(reader: &mut impl Read, count: u64) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(8);
    reader.take(count).read_to_end(&mut start)?;
    Ok(start)
}

/// The encoding that the first bytes give away, if it is not UTF-8.
fn foreign(start: &[u8]) -> Option<&'static str> {
    match start {
        [0xff, 0xfe, 0, 0, ..] => Some("UTF-32LE"),
        [0, 0, 0xfe, 0xff, ..] => Some("UTF-32BE"),
        [0xff, 0xfe, ..] => Some("UTF-16LE"),
        [0xfe, 0xff, ..] => Some("UTF-16BE"),
        // Without a mark: the zero bytes of Latin letters.
        [first, 0, ..] if *first != 0 => Some("UTF-16LE"),
        [0, second, ..] if *second != 0 => Some("UTF-16BE"),
        _ => None,
    }
}

struct Counted {
    inner: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn decode(bytes: &[u8]) -> Result<String, ExportError> {
        let raw = Box::new(Cursor::new(bytes.to_vec()));
        let mut reader = DecodedReader::new("people.csv", raw, Arc::default())?;
        let mut text = Vec::new();
        while reader.read_some(7, &mut text)? > 0 {}
        Ok(String::from_utf8(text).unwrap())
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_marked_and_packed_text_reads_the_same() {
        assert_eq!(decode(b"id,name\n1,a\n").unwrap(), "id,name\n1,a\n");
        assert_eq!(decode(b"\xef\xbb\xbfid\n").unwrap(), "id\n");
        assert_eq!(decode(&gzip("id\n1\n")).unwrap(), "id\n1\n");
        let twice = [gzip("id\n"), gzip("1\n")].concat();
        assert_eq!(decode(&twice).unwrap(), "id\n1\n");
        assert_eq!(decode(b"").unwrap(), "");
    }

    #[test]
    fn other_encodings_are_refused_by_name() {
        for (bytes, name) in [
            (&b"\xff\xfei\0d\0"[..], "UTF-16LE"),
            (b"\xfe\xff\0i\0d", "UTF-16BE"),
            (b"i\0d\0", "UTF-16LE"),
            (b"\0i\0d", "UTF-16BE"),
            (b"\xff\xfe\0\0i\0\0\0", "UTF-32LE"),
        ] {
            let error = decode(bytes).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("people.csv is {name}, not UTF-8")
            );
        }
    }

    #[test]
    fn a_cut_gzip_file_is_an_error_with_its_name() {
        let whole = gzip(&"id,name\n".repeat(5000));
        let error = decode(&whole[..whole.len() - 9]).unwrap_err();
        assert!(matches!(error, ExportError::DamagedGzip { .. }), "{error}");
        assert!(error.is_input());
    }
}
