//! Export files → rows.
//!
//! In: a folder of CSV and JSON Lines files, gzipped or not. Out: which file holds which object, and each file row by
//! row. Rows that are ragged or no JSON object are counted by whoever reads, not passed on. Never: more than
//! a row in memory.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;

use super::error::UsercomSimError;
use super::objects::{Object, is_behind};
use super::record::Record;

/// A file that is served.
#[derive(Clone, Debug)]
pub(super) struct ExportFile {
    pub(super) path: PathBuf,
    pub(super) object: Object,
    csv: bool,
    gzip: bool,
}

/// The files of an export, in the order of their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<ExportFile>,
    /// Files with what no API shows.
    pub(super) behind: Vec<String>,
    /// Files that are nothing at all.
    pub(super) unknown: Vec<String>,
}

/// Looks through an export folder.
pub(super) fn list(folder: &Path) -> Result<Listing, UsercomSimError> {
    let mut listing = Listing::default();
    let mut paths = entries(folder)?;
    paths.sort();
    for path in paths {
        let name = file_name(&path);
        if !path.is_dir() {
            listing.add(&name, stem(&name), path);
        } else if name != "blobs" {
            let mut parts = entries(&path)?;
            parts.sort();
            for part in parts.into_iter().filter(|part| part.is_file()) {
                let full = format!("{name}/{}", file_name(&part));
                listing.add(&full, name.to_lowercase(), part);
            }
        }
    }
    if listing.files.is_empty() {
        return Err(UsercomSimError::NothingToServe {
            path: folder.to_owned(),
        });
    }
    Ok(listing)
}

impl Listing {
    fn add(&mut self, name: &str, stem: String, path: PathBuf) {
        let lower = name.to_lowercase();
        let gzip = lower.ends_with(".gz");
        let bare = lower.strip_suffix(".gz").unwrap_or(&lower);
        let csv = bare.ends_with(".csv");
        let readable = csv || bare.ends_with(".jsonl");
        match Object::of(&stem) {
            Some(object) if readable => self.files.push(ExportFile {
                path,
                object,
                csv,
                gzip,
            }),
            None if readable && is_behind(&stem) => self.behind.push(name.to_owned()),
            _ => self.unknown.push(name.to_owned()),
        }
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, UsercomSimError> {
    let failed = |source| UsercomSimError::ReadExport {
        path: folder.to_owned(),
        source,
    };
    let entries = fs::read_dir(folder).map_err(failed)?;
    let paths: io::Result<Vec<PathBuf>> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    paths.map_err(failed)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The part of a file's name that names its object: up to the first `-` or `.`.
fn stem(name: &str) -> String {
    let end = name.find(['-', '.']).unwrap_or(name.len());
    name[..end].to_lowercase()
}

/// A row as it comes.
pub(super) enum Row {
    /// Cells in the order of the header.
    Cells(StringRecord),
    /// A JSON object.
    Object(Record),
    /// Nothing that can be read.
    Unreadable,
}

/// An open file.
pub(super) struct RowReader {
    path: PathBuf,
    /// Names of columns; empty in JSON files.
    pub(super) header: Vec<String>,
    source: Source,
}

enum Source {
    Csv(Box<csv::Reader<Box<dyn BufRead>>>, ByteRecord),
    Json(Box<dyn BufRead>, Vec<u8>),
}

impl RowReader {
    /// Opens a file and reads its header.
    pub(super) fn open(file: &ExportFile) -> Result<Self, UsercomSimError> {
        let failed = |source| UsercomSimError::ReadExport {
            path: file.path.clone(),
            source,
        };
        let opened = File::open(&file.path).map_err(failed)?;
        let mut reader: Box<dyn BufRead> = if file.gzip {
            Box::new(BufReader::with_capacity(
                1 << 16,
                MultiGzDecoder::new(opened),
            ))
        } else {
            Box::new(BufReader::with_capacity(1 << 16, opened))
        };
        if reader
            .fill_buf()
            .map_err(failed)?
            .starts_with(b"\xef\xbb\xbf")
        {
            reader.consume(3);
        }
        if !file.csv {
            return Ok(Self {
                path: file.path.clone(),
                header: Vec::new(),
                source: Source::Json(reader, Vec::new()),
            });
        }
        let mut first = Vec::new();
        reader.read_until(b'\n', &mut first).map_err(failed)?;
        let delimiter = delimiter(&first);
        let whole: Box<dyn BufRead> = Box::new(io::Cursor::new(first).chain(reader));
        let mut csv = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(whole);
        let header = csv.byte_headers().map_err(|error| failed(error.into()))?;
        let header = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        Ok(Self {
            path: file.path.clone(),
            header,
            source: Source::Csv(Box::new(csv), ByteRecord::new()),
        })
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<Row>, UsercomSimError> {
        let read = match &mut self.source {
            Source::Csv(csv, row) => match csv.read_byte_record(row) {
                Ok(false) => Ok(None),
                Ok(true) => Ok(Some(cells(row, self.header.len()))),
                Err(error) => Err(error.into()),
            },
            Source::Json(reader, line) => object(reader, line),
        };
        read.map_err(|source| UsercomSimError::ReadExport {
            path: self.path.clone(),
            source,
        })
    }
}

fn cells(row: &ByteRecord, columns: usize) -> Row {
    if row.len() != columns {
        return Row::Unreadable;
    }
    Row::Cells(row.iter().map(text).collect::<StringRecord>())
}

/// Bytes that are no UTF-8 stand for a letter of the western code page (ISO 8859-1), as an account shows that was filled from
/// such a file.
fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|&byte| char::from(byte)));
    }
    text
}

fn object(reader: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Option<Row>> {
    loop {
        line.clear();
        if reader.read_until(b'\n', line)? == 0 {
            return Ok(None);
        }
        let text = text(line);
        if !text.trim().is_empty() {
            return Ok(Some(
                Record::parse(&text).map_or(Row::Unreadable, Row::Object),
            ));
        }
    }
}

/// The separator that the header has most of.
fn delimiter(header: &[u8]) -> u8 {
    let count = |wanted: u8| header.iter().filter(|&&byte| byte == wanted).count();
    let mut best = b',';
    for other in [b';', b'\t'] {
        if count(other) > count(best) {
            best = other;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn files_belong_to_the_object_that_their_stem_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "People-1.csv",
            "deals.jsonl.gz",
            "Agents.csv",
            "co_asset.csv",
            "letter.txt",
            "odd.csv",
        ] {
            File::create(folder.path().join(name)).unwrap();
        }
        fs::create_dir(folder.path().join("tags")).unwrap();
        File::create(folder.path().join("tags/a.csv")).unwrap();
        let listing = list(folder.path()).unwrap();
        let served: Vec<_> = listing
            .files
            .iter()
            .map(|file| (file_name(&file.path), file.object))
            .collect();
        assert_eq!(
            served,
            [
                ("People-1.csv".to_owned(), Object::People),
                ("deals.jsonl.gz".to_owned(), Object::Deals),
                ("a.csv".to_owned(), Object::Tags)
            ]
        );
        assert_eq!(listing.behind, ["Agents.csv", "co_asset.csv"]);
        assert_eq!(listing.unknown, ["letter.txt", "odd.csv"]);
    }

    #[test]
    fn damaged_rows_are_told_apart_from_good_ones() {
        let folder = tempfile::tempdir().unwrap();
        let csv = b"\xef\xbb\xbfid;name\n1;Ada\n2\n3;Jan;x\n4;\xff\n5;\"a;b\"\n";
        File::create(folder.path().join("tags.csv"))
            .unwrap()
            .write_all(csv)
            .unwrap();
        let json = b"{\"id\":1,\"name\":\"G\xf3ra\"}\n\n{\"id\":2\n[3]\n";
        File::create(folder.path().join("lists.jsonl"))
            .unwrap()
            .write_all(json)
            .unwrap();
        let shown: Vec<Vec<bool>> = list(folder.path())
            .unwrap()
            .files
            .iter()
            .map(|file| {
                let mut rows = RowReader::open(file).unwrap();
                std::iter::from_fn(|| rows.next().unwrap())
                    .map(|row| !matches!(row, Row::Unreadable))
                    .collect()
            })
            .collect();
        assert_eq!(
            shown,
            [
                vec![true, false, false],
                vec![true, false, false, true, true]
            ]
        );
    }
}
