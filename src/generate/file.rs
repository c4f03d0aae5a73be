//! One file: its row, and the bytes that lie in `blobs/`.
//!
//! Comes in: the population and a number. Goes out: the file's fields as text, its name inside the export, and what is in
//! it: some lines of text, or bytes that begin as a PDF or a PNG does. With mess some are missing, some of another size.

use super::calendar::Spelling;
use super::cell::CellKind;
use super::entry::{Entry, Shares, Subject};
use super::mess;
use super::phrases::FILE_NAMES;
use super::population::{Population, slot};
use super::prose;
use super::random::{Object, mix};
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{Speller, number, text, word};

/// The folder of all blobs.
pub(super) const FOLDER: &str = "blobs";

/// Fields of a file. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileField {
    Id,
    Name,
    Path,
    Size,
    Type,
    Person,
    Company,
    Deal,
    Activity,
    CreatedBy,
    CreatedAt,
    UpdatedAt,
}

/// CSV.
pub(super) const CSV: Shape<FileField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Zulu,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", FileField::Id),
        ("file_name", FileField::Name),
        ("path", FileField::Path),
        ("file_size", FileField::Size),
        ("mime_type", FileField::Type),
        ("user_id", FileField::Person),
        ("company_id", FileField::Company),
        ("deal_id", FileField::Deal),
        ("activity_id", FileField::Activity),
        ("created_by", FileField::CreatedBy),
        ("created_at", FileField::CreatedAt),
        ("updated_at", FileField::UpdatedAt),
    ],
    attributes: &[],
};

const SHARES: Shares = Shares {
    deal: 400,
    person: 700,
    company: 300,
};

/// One file.
pub(super) struct File<'a> {
    entry: Entry<'a>,
    subject: Subject,
    name: &'static str,
    /// Bytes of the blob.
    size: u64,
}

impl<'a> File<'a> {
    /// File `index`.
    pub(super) fn new(population: &'a Population, index: u64) -> Self {
        let entry = Entry::new(population, Object::File, index);
        // Most are small.
        let dice = entry.draws.below(slot::KIND, 1_000);
        Self {
            entry,
            subject: Subject::new(&entry, SHARES, &mess::FILE_PERSON),
            name: FILE_NAMES[index as usize % FILE_NAMES.len()],
            size: 100 + dice * dice * dice * 2_900 / 1_000_000_000,
        }
    }

    /// Adds it to the truth.
    pub(super) fn count(&self, truth: &mut FurtherTruth) {
        truth.add("files", 1);
        self.subject.count(self.entry.population, "files", truth);
        let missing = self.is_missing();
        truth.note("files", "blob_missing", missing);
        let wrong = self.entry.messy(mess::FILE_SIZE_WRONG);
        truth.note("files", "size_wrong", wrong && !missing);
    }

    /// Whether there is no blob.
    pub(super) fn is_missing(&self) -> bool {
        self.entry.messy(mess::FILE_MISSING)
    }

    /// Name inside `blobs/`.
    pub(super) fn blob_name(&self) -> String {
        format!("{}-{}", self.entry.id, self.name)
    }

    fn kind(&self) -> (&'static str, &'static [u8]) {
        match self.name.rsplit('.').next() {
            Some("pdf") => ("application/pdf", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"),
            Some("txt") => ("text/plain", b""),
            _ => (
                "image/png",
                b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0",
            ),
        }
    }

    /// The blob.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (_, start) = self.kind();
        let size = self.size as usize;
        let mut out = start.to_vec();
        let mut bits = self.entry.draws.bits(slot::KIND + 1);
        while out.len() < size {
            bits = mix(bits);
            if start.is_empty() {
                prose::write_note(&mut out, bits);
                out.push(b'\n');
            } else {
                out.extend_from_slice(&bits.to_le_bytes());
            }
        }
        if start.is_empty() {
            // Text must not end inside a character.
            while out.get(size).is_some_and(|byte| byte & 0xC0 == 0x80) {
                out.insert(0, b' ');
            }
        }
        out.truncate(size);
        out
    }
}

impl Record for File<'_> {
    type Column = FileField;

    fn cell(&self, field: FileField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let entry = &self.entry;
        let population = entry.population;
        let own = field as u32 * 4;
        let bits = entry.draws.bits(own);
        let speller = Speller {
            style,
            mess: population.mess,
        };
        match field {
            FileField::Id => number(out, entry.id),
            FileField::Name => text(out, self.name),
            FileField::Path => text(out, &format!("{FOLDER}/{}", self.blob_name())),
            FileField::Size if entry.messy(mess::FILE_SIZE_WRONG) => number(out, self.size + 17),
            FileField::Size => number(out, self.size),
            FileField::Type => word(out, self.kind().0),
            FileField::Person => self.subject.write_person(out, population),
            FileField::Company => self.subject.write_company(out, population),
            FileField::Deal => self.subject.write_deal(out, population),
            FileField::Activity if population.further.activities > 0 && bits.is_multiple_of(5) => {
                let activity = entry.draws.below(own + 1, population.further.activities);
                number(out, population.id(Object::Activity, activity))
            }
            FileField::Activity => CellKind::Empty,
            FileField::CreatedBy => speller.agent(out, entry.agent(own + 1, 900), bits),
            FileField::CreatedAt => entry.write_created(out, speller, bits),
            FileField::UpdatedAt => entry.write_updated(out, speller, bits),
        }
    }
}
