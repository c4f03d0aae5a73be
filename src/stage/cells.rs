//! A block's cells, all as text in one buffer: what both formats are reduced to before typing.
//!
//! In: a block of whole records and the file's plan. Out: a [`CellTable`], and the records that are none. In JSON
//! records strings lose their quotes, null is an empty cell, numbers, lists and objects stay as written.

use std::borrow::Cow;

use crate::usercom::layout::FilePlan;
use crate::usercom::{Block, RecordSpan, RowFault, VALUE_CAP, json_text, keys};

use super::rejects::Place;

/// Cells of the good records of a block.
#[derive(Debug, Default)]
pub(super) struct CellTable {
    text: String,
    spans: Vec<(u32, u32)>,
    inputs: usize,
    places: Vec<Place>,
}

/// A record that is none.
#[derive(Debug)]
pub(super) struct BadRecord {
    pub(super) place: Place,
    pub(super) fault: RowFault,
    pub(super) value: String,
    pub(super) length: usize,
    pub(super) detail: Option<String>,
}

impl CellTable {
    /// Parses the records of a block. The last number is how many records were seen, good or bad.
    pub(super) fn parse(block: &Block, plan: &FilePlan) -> (Self, Vec<BadRecord>, usize) {
        let mut table = Self {
            text: String::with_capacity(block.bytes.len()),
            spans: Vec::with_capacity(block.spans.len() * plan.inputs),
            inputs: plan.inputs,
            places: Vec::with_capacity(block.spans.len()),
        };
        let mut bad = Vec::new();
        let seen = if plan.json {
            table.parse_json(block, plan, &mut bad)
        } else {
            table.parse_csv(block, plan, &mut bad)
        };
        for fault in &block.faults {
            bad.push(BadRecord {
                place: Place {
                    row: fault.row,
                    byte: fault.byte,
                },
                fault: fault.fault,
                value: lossy(&fault.start)
                    .trim_end_matches(['\n', '\r'])
                    .to_owned(),
                length: cut_length(fault.length),
                detail: None,
            });
        }
        (table, bad, seen)
    }

    /// Good records.
    pub(super) fn rows(&self) -> usize {
        self.places.len()
    }

    pub(super) fn place(&self, row: usize) -> Place {
        self.places[row]
    }

    /// One cell; empty where the record has none.
    pub(super) fn cell(&self, row: usize, input: usize) -> &str {
        let (start, end) = self.spans[row * self.inputs + input];
        &self.text[start as usize..end as usize]
    }

    fn parse_csv(&mut self, block: &Block, plan: &FilePlan, bad: &mut Vec<BadRecord>) -> usize {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(plan.delimiter)
            .buffer_capacity(1 << 16)
            .from_reader(block.bytes.as_slice());
        let mut record = csv::StringRecord::new();
        let mut seen = 0;
        loop {
            let read = reader.read_record(&mut record);
            if matches!(read, Ok(false)) {
                return seen;
            }
            let Some(span) = block.spans.get(seen) else {
                return seen + 1;
            };
            seen += 1;
            if read.is_err() {
                // Memory cannot fail to be read: this is the record's encoding.
                bad.push(undecodable(block, span));
            } else if record.len() == self.inputs {
                let base = index(self.text.len());
                self.text.push_str(record.as_slice());
                let mut start = base;
                for input in 0..self.inputs {
                    let end = base + record.range(input).map_or(0, |range| index(range.end));
                    self.spans.push((start, end));
                    start = end;
                }
                self.places.push(place(span));
            } else {
                let detail = format!("{} values, the header has {}", record.len(), self.inputs);
                bad.push(whole(block, span, RowFault::RaggedRow, Some(detail)));
            }
        }
    }

    fn parse_json(&mut self, block: &Block, plan: &FilePlan, bad: &mut Vec<BadRecord>) -> usize {
        let top = Inputs::new(&plan.top);
        let listed = Inputs::new(&plan.listed);
        for span in &block.spans {
            let bytes = &block.bytes[span.start as usize..span.end as usize];
            let Ok(text) = std::str::from_utf8(bytes) else {
                bad.push(undecodable(block, span));
                continue;
            };
            if !text.starts_with('{') || !json_text::is_valid(text) {
                let detail = (!text.starts_with('{')).then(|| "not an object".to_owned());
                bad.push(whole(block, span, RowFault::UnparsableJson, detail));
                continue;
            }
            let first = self.spans.len();
            self.spans.resize(first + self.inputs, (0, 0));
            let mut near = 0;
            let mut readable = true;
            for (key, value) in json_text::entries(text) {
                if value.starts_with('[') && json_text::bare_key(key) == Some(keys::ATTRIBUTE_LIST)
                {
                    readable &= self.parse_listed(value, first, &listed);
                } else if let Some(input) = top.find(key, &mut near)
                    && !(value.starts_with(['[', '{']) && plan.nested.contains(&input))
                {
                    readable &= self.put(first + input, value);
                }
            }
            if readable {
                self.places.push(place(span));
            } else {
                self.spans.truncate(first);
                let detail = "an escape in a string is no character".to_owned();
                bad.push(whole(block, span, RowFault::BadEncoding, Some(detail)));
            }
        }
        block.spans.len()
    }

    fn parse_listed(&mut self, list: &str, first: usize, listed: &Inputs<'_>) -> bool {
        let mut near = 0;
        let mut readable = true;
        for attribute in json_text::elements(list) {
            let input = keys::listed_name(attribute).and_then(|name| listed.find(name, &mut near));
            if let (Some(input), Some(value)) = (input, json_text::get(attribute, "value")) {
                readable &= self.put(first + input, value);
            }
        }
        readable
    }

    /// Stores a cell; `false` if it is a string whose escapes make no text.
    fn put(&mut self, slot: usize, raw: &str) -> bool {
        let Some(value) = json_text::cell(raw) else {
            return false;
        };
        let start = index(self.text.len());
        self.text.push_str(&value);
        self.spans[slot] = (start, index(self.text.len()));
        true
    }
}

/// Finds the input of a key; records mostly have their keys in the same order, so the next one is tried first.
struct Inputs<'a> {
    by_name: &'a std::collections::BTreeMap<String, usize>,
    ordered: Vec<(usize, &'a str)>,
}

impl<'a> Inputs<'a> {
    fn new(by_name: &'a std::collections::BTreeMap<String, usize>) -> Self {
        let mut ordered: Vec<(usize, &str)> = by_name
            .iter()
            .map(|(name, input)| (*input, name.as_str()))
            .collect();
        ordered.sort_unstable();
        Self { by_name, ordered }
    }

    fn find(&self, raw: &str, near: &mut usize) -> Option<usize> {
        let name: Cow<'_, str> = match json_text::bare_key(raw) {
            Some(name) => Cow::Borrowed(name),
            None => json_text::cell(raw)?,
        };
        if let Some((input, expected)) = self.ordered.get(*near)
            && *expected == name
        {
            *near += 1;
            return Some(*input);
        }
        let input = *self.by_name.get(name.as_ref())?;
        let found = self
            .ordered
            .binary_search_by_key(&input, |(input, _)| *input);
        *near = found.map_or(0, |at| at + 1);
        Some(input)
    }
}

/// The length of a value that was cut off at the cap; 0 for one that is whole.
fn cut_length(length: u64) -> usize {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > VALUE_CAP { length } else { 0 }
}

fn undecodable(block: &Block, span: &RecordSpan) -> BadRecord {
    let bytes = &block.bytes[span.start as usize..span.end as usize];
    let detail = std::str::from_utf8(bytes).err().map(|error| {
        let at = error.valid_up_to();
        format!("byte {} of the record is 0x{:02X}", at + 1, bytes[at])
    });
    whole(block, span, RowFault::BadEncoding, detail)
}

fn whole(block: &Block, span: &RecordSpan, fault: RowFault, detail: Option<String>) -> BadRecord {
    let bytes = &block.bytes[span.start as usize..span.end as usize];
    BadRecord {
        place: place(span),
        fault,
        value: lossy(bytes),
        length: 0,
        detail,
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn place(span: &RecordSpan) -> Place {
    Place {
        row: span.row,
        byte: span.byte,
    }
}

fn index(length: usize) -> u32 {
    // Blocks are capped far below 4 GiB.
    u32::try_from(length).unwrap_or(u32::MAX)
}
