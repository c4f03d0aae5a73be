//! A block's cells, all as text in one buffer: what both formats are reduced to before typing.
//!
//! In: a block of whole records and the file's plan. Out: a [`CellTable`], and the records that are none. In JSON
//! records strings lose their quotes, null is an empty cell, numbers, lists and objects stay as written. Words for nothing are empty
//! cells, and what spreadsheets put around a value is taken off ([`InputRules`]); bytes that are not UTF-8 are read as they
//! were probably meant, and every cell in which that was done is noted.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use crate::usercom::code_page::{self, Repair};
use crate::usercom::layout::FilePlan;
use crate::usercom::{Block, RecordSpan, RowFault, VALUE_CAP, json_text, keys};

use super::altered::{Alteration, AlteredCell};
use super::input_rules::{InputRules, Tidy};
use super::rejects::Place;

/// Cells of the good records of a block.
#[derive(Debug, Default)]
pub(super) struct CellTable {
    text: String,
    spans: Vec<(u32, u32)>,
    inputs: usize,
    places: Vec<Place>,
    /// What was done to cells, in the order of the records.
    pub(super) altered: Vec<AlteredCell>,
    /// Words for nothing, by input.
    pub(super) nothing: Vec<u64>,
    /// Records with bytes that are not UTF-8.
    pub(super) undecodable: u64,
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
    pub(super) fn parse(
        block: &Block,
        plan: &FilePlan,
        rules: &InputRules,
    ) -> (Self, Vec<BadRecord>, usize) {
        let mut table = Self {
            altered: Vec::new(),
            nothing: vec![0; plan.inputs],
            undecodable: 0,
            text: String::with_capacity(block.bytes.len()),
            spans: Vec::with_capacity(block.spans.len() * plan.inputs),
            inputs: plan.inputs,
            places: Vec::with_capacity(block.spans.len()),
        };
        let mut bad = Vec::new();
        let seen = if plan.json {
            table.parse_json(block, plan, rules, &mut bad)
        } else {
            table.parse_csv(block, plan, rules, &mut bad)
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

    fn parse_csv(
        &mut self,
        block: &Block,
        plan: &FilePlan,
        rules: &InputRules,
        bad: &mut Vec<BadRecord>,
    ) -> usize {
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
                self.undecodable += 1;
                record = self.read_foreign(block, span, plan.delimiter);
            }
            if record.len() == self.inputs {
                let base = index(self.text.len());
                self.text.push_str(record.as_slice());
                let mut start = base;
                for input in 0..self.inputs {
                    let end = base + record.range(input).map_or(0, |range| index(range.end));
                    let tidied = self.tidied(rules, input, start, end);
                    self.spans.push(tidied);
                    start = end;
                }
                self.places.push(place(span));
            } else {
                let row = index(self.places.len());
                self.altered.retain(|cell| cell.row != row);
                let detail = format!("{} values, the header has {}", record.len(), self.inputs);
                bad.push(whole(block, span, RowFault::RaggedRow, Some(detail)));
            }
        }
    }

    /// A record with bytes that are not UTF-8, read as far as can be.
    fn read_foreign(
        &mut self,
        block: &Block,
        span: &RecordSpan,
        delimiter: u8,
    ) -> csv::StringRecord {
        let bytes = &block.bytes[span.start as usize..span.end as usize];
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(bytes);
        let mut record = csv::ByteRecord::new();
        // Memory cannot fail to be read, and bytes may be any.
        let _ = reader.read_byte_record(&mut record);
        let mut texts = csv::StringRecord::with_capacity(bytes.len() + 8, record.len());
        for (input, cell) in record.iter().enumerate() {
            match std::str::from_utf8(cell) {
                Ok(text) => texts.push_field(text),
                Err(_) => {
                    let repaired = code_page::repaired(cell);
                    let repairs: BTreeSet<Repair> =
                        repaired.places.iter().map(|(_, repair)| *repair).collect();
                    self.note_repairs(input, &repairs, &repaired.text);
                    texts.push_field(&repaired.text);
                }
            }
        }
        texts
    }

    /// Notes what was done to a cell of the record that is being read.
    fn note(&mut self, input: usize, alteration: Alteration, value: String) {
        self.altered.push(AlteredCell {
            row: index(self.places.len()),
            input,
            alteration,
            value,
        });
    }

    /// Notes what was repaired in a cell of the record that is being read.
    fn note_repairs(&mut self, input: usize, repairs: &BTreeSet<Repair>, text: &str) {
        for &repair in repairs {
            self.note(input, repair.into(), text.to_owned());
        }
    }

    /// The part of a cell that is its value; what is done about it is noted.
    fn tidied(&mut self, rules: &InputRules, input: usize, start: u32, end: u32) -> (u32, u32) {
        let text = &self.text[start as usize..end as usize];
        let (part, alteration) = match rules.tidy(input, text) {
            Tidy::Kept(None) => return (start, end),
            Tidy::Kept(Some(alteration)) => ((start, end), alteration),
            Tidy::Nothing => {
                if let Some(count) = self.nothing.get_mut(input) {
                    *count += 1;
                }
                return (start, start);
            }
            Tidy::Part(part) => {
                let from = start + index(part.as_ptr() as usize - text.as_ptr() as usize);
                ((from, from + index(part.len())), Alteration::Unwrapped)
            }
            Tidy::Other(left, alteration) => {
                let value = text.to_owned();
                let from = index(self.text.len());
                self.text.push_str(&left);
                self.note(input, alteration, value);
                return (from, index(self.text.len()));
            }
        };
        let value = text.to_owned();
        self.note(input, alteration, value);
        part
    }

    fn parse_json(
        &mut self,
        block: &Block,
        plan: &FilePlan,
        rules: &InputRules,
        bad: &mut Vec<BadRecord>,
    ) -> usize {
        let top = Inputs::new(&plan.top);
        let listed = Inputs::new(&plan.listed);
        for span in &block.spans {
            let bytes = &block.bytes[span.start as usize..span.end as usize];
            let repaired;
            let text = match std::str::from_utf8(bytes) {
                Ok(text) => Line {
                    text,
                    repairs: &[],
                    rules,
                },
                Err(_) => {
                    self.undecodable += 1;
                    repaired = code_page::repaired(bytes);
                    Line {
                        text: &repaired.text,
                        repairs: &repaired.places,
                        rules,
                    }
                }
            };
            let line = &text;
            let text = line.text;
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
                    readable &= self.parse_listed(value, first, &listed, line);
                } else if let Some(input) = top.find(key, &mut near)
                    && !(value.starts_with(['[', '{']) && plan.nested.contains(&input))
                {
                    readable &= self.put(first, input, value, line);
                }
            }
            if readable {
                self.places.push(place(span));
            } else {
                let row = index(self.places.len());
                self.altered.retain(|cell| cell.row != row);
                self.spans.truncate(first);
                let detail = "an escape in a string is no character".to_owned();
                bad.push(whole(block, span, RowFault::BadEncoding, Some(detail)));
            }
        }
        block.spans.len()
    }

    fn parse_listed(
        &mut self,
        list: &str,
        first: usize,
        listed: &Inputs<'_>,
        line: &Line<'_>,
    ) -> bool {
        let mut near = 0;
        let mut readable = true;
        for attribute in json_text::elements(list) {
            let input = keys::listed_name(attribute).and_then(|name| listed.find(name, &mut near));
            if let (Some(input), Some(value)) = (input, json_text::get(attribute, "value")) {
                readable &= self.put(first, input, value, line);
            }
        }
        readable
    }

    /// Stores a cell; `false` if it is a string whose escapes make no text.
    fn put(&mut self, first: usize, input: usize, raw: &str, line: &Line<'_>) -> bool {
        let mut repairs = line.repairs_of(raw);
        let whole = raw
            .contains("\\u")
            .then(|| code_page::whole_escapes(raw))
            .flatten();
        if whole.is_some() {
            repairs.insert(Repair::BrokenCharacter);
        }
        let raw = whole.as_deref().unwrap_or(raw);
        let Some(value) = json_text::cell(raw) else {
            return false;
        };
        if !repairs.is_empty() {
            self.note_repairs(input, &repairs, &value);
        }
        let start = index(self.text.len());
        self.text.push_str(&value);
        let end = index(self.text.len());
        self.spans[first + input] = self.tidied(line.rules, input, start, end);
        true
    }
}

/// The text of a JSON record, with what had to be repaired in it.
struct Line<'a> {
    text: &'a str,
    repairs: &'a [(Range<usize>, Repair)],
    rules: &'a InputRules,
}

impl Line<'_> {
    /// What had to be repaired in a part of the text.
    fn repairs_of(&self, part: &str) -> BTreeSet<Repair> {
        if self.repairs.is_empty() {
            return BTreeSet::new();
        }
        let start = part.as_ptr() as usize - self.text.as_ptr() as usize;
        let end = start + part.len();
        self.repairs
            .iter()
            .filter(|(place, _)| place.start < end && start < place.end)
            .map(|(_, repair)| *repair)
            .collect()
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
