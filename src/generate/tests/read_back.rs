//! Reads an export the way a careful stranger would: CSV and JSON Lines, packed or not, with no help from the generator.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// Labels of the user interface and names of API version 1, as they are called here.
const OTHER_NAMES: [(&str, &str); 8] = [
    ("user_id_of_client", "custom_id"),
    ("key", "user_key"),
    ("assigned_to", "assigned_to"),
    ("page_visits", "page_views"),
    ("ip_address", "last_ip"),
    ("person", "user_id"),
    ("company_of_deal", "company_id"),
    ("approx_employees", "size"),
];

/// One data row.
pub(super) struct Row {
    pub(super) file: String,
    pub(super) ragged: bool,
    pub(super) undecodable: bool,
    cells: BTreeMap<String, String>,
}

impl Row {
    /// A cell, empty if there is none.
    pub(super) fn text(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    pub(super) fn id(&self) -> u64 {
        self.text("id").parse().unwrap()
    }

    /// The ids of a cell in any spelling: every number that is an id there.
    pub(super) fn ids(&self, column: &str) -> Vec<u64> {
        let text = self.text(column);
        if text.starts_with("[{") {
            let items: Vec<Value> = serde_json::from_str(text).unwrap();
            return items
                .iter()
                .map(|item| item["id"].as_u64().unwrap())
                .collect();
        }
        text.split(|letter: char| !letter.is_ascii_digit())
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().unwrap())
            .collect()
    }
}

/// All rows of all files.
pub(super) struct Export {
    pub(super) rows: Vec<Row>,
}

impl Export {
    pub(super) fn read(folder: &Path) -> Self {
        let mut rows = Vec::new();
        for (file, bytes) in contents(folder) {
            if file.starts_with("blobs/") {
                continue;
            }
            if file.contains(".csv") {
                read_csv(&file, &bytes, &mut rows);
            } else {
                read_json(&file, &bytes, &mut rows);
            }
        }
        Self { rows }
    }

    pub(super) fn rows(&self, object: &str) -> impl Iterator<Item = &Row> {
        let object = object.to_owned();
        self.rows
            .iter()
            .filter(move |row| row.file.to_lowercase().starts_with(&object))
    }

    /// Readable records by id, newest version only, and the number of older versions.
    pub(super) fn newest(&self, object: &str) -> (Vec<&Row>, usize) {
        let mut newest: BTreeMap<u64, &Row> = BTreeMap::new();
        let mut older = 0;
        for row in self.rows(object).filter(|row| !row.ragged) {
            let day = |row: &Row| row.text("updated_at")[..10].to_owned();
            match newest.get(&row.id()) {
                None => {
                    newest.insert(row.id(), row);
                }
                Some(other) => {
                    assert_ne!(day(other), day(row), "versions are at least a day apart");
                    older += 1;
                    if day(row) > day(other) {
                        newest.insert(row.id(), row);
                    }
                }
            }
        }
        (newest.into_values().collect(), older)
    }
}

/// Unpacked contents by file name.
pub(super) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut contents = bytes_of(folder);
    for (file, bytes) in &mut contents {
        if file.ends_with(".gz") {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(bytes.as_slice())
                .read_to_end(&mut unpacked)
                .unwrap();
            *bytes = unpacked;
        }
    }
    contents
}

/// Stored contents by file name.
pub(super) fn bytes_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut contents = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            for (inside, bytes) in bytes_of(&entry.path()) {
                contents.insert(format!("{name}/{inside}"), bytes);
            }
        } else {
            contents.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    contents
}

fn read_csv(file: &str, bytes: &[u8], rows: &mut Vec<Row>) {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let headers: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(|header| column(file, header))
        .collect();
    for record in reader.byte_records() {
        let record = record.unwrap();
        let texts: Vec<_> = record.iter().map(std::str::from_utf8).collect();
        let undecodable = texts.iter().any(Result::is_err);
        let cells = record
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).into_owned());
        rows.push(Row {
            file: file.to_owned(),
            ragged: record.len() != headers.len(),
            undecodable,
            cells: headers.iter().cloned().zip(cells).collect(),
        });
    }
}

fn read_json(file: &str, bytes: &[u8], rows: &mut Vec<Row>) {
    for line in bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let undecodable = std::str::from_utf8(line).is_err();
        let value: Result<Value, _> = serde_json::from_str(&String::from_utf8_lossy(line));
        let mut cells = BTreeMap::new();
        if let Ok(Value::Object(object)) = &value {
            for (key, value) in object {
                cells.insert(column(file, key), shown(value));
            }
            for attribute in object
                .get("attributes")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let name = attribute["name_std"].as_str().unwrap();
                cells.insert(name.to_owned(), shown(&attribute["value"]));
            }
        }
        rows.push(Row {
            file: file.to_owned(),
            ragged: value.is_err(),
            undecodable,
            cells,
        });
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A header's own meaning in its file (`user_id` is two things).
fn column(file: &str, header: &str) -> String {
    let name = header.to_lowercase().replace([' ', '-'], "_");
    let name = match (name.as_str(), file) {
        ("user_id", "people-2.csv" | "people-3.jsonl.gz") => "user_id_of_client",
        ("company", "deals-2.jsonl") => "company_of_deal",
        _ => name.as_str(),
    };
    let known = OTHER_NAMES.iter().find(|(other, _)| *other == name);
    known.map_or(name, |(_, plain)| *plain).to_owned()
}
