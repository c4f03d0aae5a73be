//! Splits JSON into records, and lifts records out of the records of another object.
//!
//! In: a window on the text: one object a line, objects over several lines, several on one line, or all of them in one
//! array. Out: blocks of whole records. Records over the cap become faults; one that is broken ends with its line.

use memchr::{memchr, memchr2_iter};

use super::block::{Block, Limits, RowFault, SplitFault, VALUE_CAP, Window};
use super::code_page;
use super::json_scan::{Found, object_end};
use super::json_text;
use super::schema::{Element, Nested};
use super::{DecodedReader, ExportError};

/// See the module's documentation.
pub struct JsonSplitter {
    window: Window,
    row: u64,
    /// Whether the records are the elements of one array.
    in_array: bool,
    /// Before this position of the text no line ends: many records on one line are not searched for its end again and again.
    no_line_end_before: u64,
}

/// Where a record ends.
enum End {
    /// Behind so many bytes.
    At(usize),
    /// Beyond the longest record.
    Nowhere,
}

impl JsonSplitter {
    /// Starts at the first record.
    ///
    /// # Errors
    /// Those of reading.
    pub fn open(reader: DecodedReader) -> Result<Self, ExportError> {
        let mut splitter = Self {
            window: Window::new(reader),
            row: 0,
            in_array: false,
            no_line_end_before: 0,
        };
        splitter.skip_blank()?;
        if splitter.window.data().first() == Some(&b'[') {
            splitter.window.consume(1);
            splitter.in_array = true;
        }
        Ok(splitter)
    }

    /// Moves to the first byte of a record; `false` at the end.
    fn skip_blank(&mut self) -> Result<bool, ExportError> {
        loop {
            let in_array = self.in_array;
            let between = |byte: &&u8| {
                byte.is_ascii_whitespace() || (in_array && matches!(**byte, b',' | b']'))
            };
            let blank = self.window.data().iter().take_while(between).count();
            self.window.consume(blank);
            if !self.window.data().is_empty() {
                return Ok(true);
            }
            if self.window.at_end() {
                return Ok(false);
            }
            self.window.fill()?;
        }
    }

    pub(super) fn next_block(&mut self, limits: Limits) -> Result<Option<Block>, ExportError> {
        let mut block = Block::default();
        while !block.is_full(limits) && self.skip_blank()? {
            let byte = self.window.position();
            let end = self.record_end(limits)?;
            self.row += 1;
            match end {
                End::At(end) => {
                    let record = self.window.data()[..end].trim_ascii_end();
                    block.push(record, record.len(), self.row, byte);
                    block.bytes.push(b'\n');
                    self.window.consume(end);
                }
                End::Nowhere => block.faults.push(self.skip_line(byte)?),
            }
        }
        block.stored = self.window.stored();
        Ok((block.rows() > 0).then_some(block))
    }

    /// Where the record ends that begins here: with its line, nearly always.
    fn record_end(&mut self, limits: Limits) -> Result<End, ExportError> {
        if !self.in_array {
            // A line beyond the longest record may hold many that are shorter.
            let end = self.line_end(limits)?;
            if let End::At(length) = end
                && is_one_object(&self.window.data()[..length])
            {
                return Ok(end);
            }
        }
        if self.window.data().first() == Some(&b'{') {
            loop {
                match object_end(self.window.data()) {
                    Found::End(end) => return Ok(End::At(end)),
                    Found::Open if !self.window.at_end() => {
                        if self.window.data().len() > limits.record_bytes {
                            break;
                        }
                        self.window.fill()?;
                    }
                    Found::Open | Found::Broken => break,
                }
            }
        }
        // Broken, or something else than an object: it ends with its line.
        self.line_end(limits)
    }

    /// Where the line ends that begins here.
    fn line_end(&mut self, limits: Limits) -> Result<End, ExportError> {
        let start = self.window.position();
        loop {
            let data = self.window.data();
            let known = self.no_line_end_before.saturating_sub(start);
            let known = usize::try_from(known).map_or(data.len(), |known| known.min(data.len()));
            let found = memchr(b'\n', &data[known..]).map(|found| known + found);
            let searched = found.unwrap_or(data.len());
            self.no_line_end_before = start + searched as u64;
            if let Some(end) = found {
                return Ok(End::At(end));
            }
            if self.window.at_end() {
                return Ok(End::At(searched));
            }
            if searched > limits.record_bytes {
                return Ok(End::Nowhere);
            }
            self.window.fill()?;
        }
    }

    /// Consumes the rest of a line that is too long.
    fn skip_line(&mut self, byte: u64) -> Result<SplitFault, ExportError> {
        let start = self.window.data().iter().take(VALUE_CAP).copied().collect();
        let mut length = 0;
        loop {
            let data = self.window.data();
            let end = memchr(b'\n', data);
            let count = end.unwrap_or(data.len());
            length += count as u64;
            self.window.consume(count);
            if end.is_some() || self.window.at_end() {
                return Ok(SplitFault {
                    row: self.row,
                    byte,
                    fault: RowFault::RecordTooLarge,
                    start,
                    length,
                });
            }
            self.window.fill()?;
        }
    }
}

/// Whether a line looks like one whole object: braces that are balanced, and no value right behind another. Braces inside
/// strings make it wrong, which costs a closer look and nothing else.
fn is_one_object(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let (Some(b'{'), Some(b'}')) = (line.first(), line.last()) else {
        return false;
    };
    let mut depth = 0_i64;
    for at in memchr2_iter(b'{', b'}', line) {
        depth += if line[at] == b'{' { 1 } else { -1 };
        if depth == 0 {
            return at + 1 == line.len();
        }
    }
    false
}

/// Keys under which a record may give its id, best first.
const IDS: [&str; 2] = ["id", "usercom_id"];

/// Lifts the elements of a list in each record of a parent object, or in the records inside it; each becomes a record with
/// the ids of those above it and its place. Its position is that of the parent's line.
pub struct NestedSplitter {
    parent: JsonSplitter,
    nested: Nested,
    /// The key of the list in quotes; lines without it are not looked into.
    quoted_key: String,
    row: u64,
}

impl NestedSplitter {
    /// Starts at the first record.
    ///
    /// # Errors
    /// As [`JsonSplitter::open`].
    pub fn open(reader: DecodedReader, nested: Nested) -> Result<Self, ExportError> {
        Ok(Self {
            parent: JsonSplitter::open(reader)?,
            quoted_key: format!("\"{}\"", nested.key()),
            nested,
            row: 0,
        })
    }

    pub(super) fn next_block(&mut self, limits: Limits) -> Result<Option<Block>, ExportError> {
        while let Some(parents) = self.parent.next_block(limits)? {
            let mut block = Block {
                stored: parents.stored,
                ..Block::default()
            };
            for span in &parents.spans {
                let text = &parents.bytes[span.start as usize..span.end as usize];
                let record = code_page::shielded(text);
                if record.contains(&self.quoted_key) && json_text::is_valid(&record) {
                    self.lift(&record, 0, &mut String::new(), span.byte, &mut block);
                }
            }
            if block.rows() > 0 {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    /// Lifts what is below a record, `step` steps below the parent; `above` holds the ids of the records above, as
    /// members of an object.
    fn lift(
        &mut self,
        record: &str,
        step: usize,
        above: &mut String,
        byte: u64,
        block: &mut Block,
    ) {
        let Some(down) = self.nested.steps.get(step) else {
            return;
        };
        let id = IDS.iter().find_map(|key| json_text::get(record, key));
        let length = above.len();
        above.push_str(&format!("\"{}\":{},", down.parent_id, id.unwrap_or("null")));
        let list = json_text::get(record, down.key).unwrap_or_default();
        // An object where a list should be is a list of one.
        let only = list.starts_with('{').then_some(list);
        let is_last = step + 1 == self.nested.steps.len();
        for (index, element) in json_text::elements(list).chain(only).enumerate() {
            if is_last {
                let line = self.line(element, above, index + 1);
                self.row += 1;
                let line = code_page::unshielded(&line);
                block.push(&line, line.len(), self.row, byte);
                block.bytes.push(b'\n');
            } else if element.starts_with('{') {
                self.lift(element, step + 1, above, byte, block);
            }
        }
        above.truncate(length);
    }

    fn line(&self, element: &str, above: &str, place: usize) -> String {
        let is_object = element.starts_with('{');
        let is_link = self.nested.element != Element::Record;
        if !is_object && !is_link {
            return element.to_owned();
        }
        let keys = self.nested.position;
        let has_place = keys
            .iter()
            .any(|key| json_text::get(element, key).is_some());
        // A later key wins, so that what the element says itself is kept.
        let mut line = format!("{{{above}");
        if let (Some(key), false) = (keys.first(), has_place) {
            line.push_str(&format!("\"{key}\":{place},"));
        }
        if is_object {
            let id = self.id_column(element);
            for (key, value) in json_text::entries(element) {
                match id {
                    Some(column) if key == "\"id\"" => {
                        line.push_str(&format!("\"{column}\":{value},"));
                    }
                    // Nothing is no better than the id of the record above.
                    _ if value == "null" && above.contains(&format!("{key}:")) => {}
                    _ => line.push_str(&format!("{key}:{value},")),
                }
            }
        } else {
            line.push_str(&format!("\"value\":{element},"));
        }
        line.pop();
        line.push('}');
        line
    }

    /// The column for the `id` of an element, if it is not the element's own.
    fn id_column(&self, element: &str) -> Option<&'static str> {
        let Element::Link { id, kinds, named } = self.nested.element else {
            return None;
        };
        let has = |key: &&str| json_text::get(element, key).is_some_and(|value| value != "null");
        if named.iter().any(has) {
            return None;
        }
        let kind = json_text::get(element, "type").or_else(|| json_text::get(element, "kind"));
        let kind = kind.and_then(json_text::cell).unwrap_or_default();
        let known = kinds
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(kind.trim()));
        Some(known.map_or(id, |(_, column)| *column))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use super::*;

    const LIMITS: Limits = Limits {
        block_rows: 2,
        block_bytes: 1 << 20,
        record_bytes: 100,
    };

    fn reader(text: &str) -> DecodedReader {
        let raw = Box::new(Cursor::new(text.as_bytes().to_vec()));
        DecodedReader::new("x.jsonl", raw, Arc::default()).unwrap()
    }

    #[test]
    fn lines_are_records_and_blank_lines_are_not() {
        let mut splitter =
            JsonSplitter::open(reader("\n{\"id\":1}\r\n \n{\"id\":2}\n{\"id\":3}")).unwrap();
        let mut lines = Vec::new();
        while let Some(block) = splitter.next_block(LIMITS).unwrap() {
            for span in block.spans {
                let text = &block.bytes[span.start as usize..span.end as usize];
                lines.push((
                    span.row,
                    span.byte,
                    String::from_utf8(text.to_vec()).unwrap(),
                ));
            }
        }
        assert_eq!(
            lines,
            [
                (1, 1, "{\"id\":1}".to_owned()),
                (2, 13, "{\"id\":2}".to_owned()),
                (3, 22, "{\"id\":3}".to_owned())
            ]
        );
    }

    #[test]
    fn a_line_beyond_the_longest_record_is_skipped_and_counted() {
        let long = format!("{{\"id\":1,\"name\":\"{}\"}}", "x".repeat(1 << 20));
        let mut splitter = JsonSplitter::open(reader(&format!("{long}\n{{\"id\":2}}\n"))).unwrap();
        let block = splitter.next_block(LIMITS).unwrap().unwrap();
        assert_eq!(block.faults[0].length, long.len() as u64);
        assert_eq!(block.faults[0].start.len(), VALUE_CAP);
        assert_eq!(block.spans[0].row, 2);
    }

    #[test]
    fn a_line_beyond_the_longest_record_may_hold_many_that_are_not() {
        let line: String = (0..200_000).map(|id| format!("{{\"id\":{id}}}")).collect();
        let found = records(&format!("{line}\n{{\"id\":-1}}"));
        assert_eq!(found.len(), 200_001);
        assert_eq!(found[199_999], "{\"id\":199999}");
    }

    fn records(text: &str) -> Vec<String> {
        let mut splitter = JsonSplitter::open(reader(text)).unwrap();
        let mut records = Vec::new();
        while let Some(block) = splitter.next_block(LIMITS).unwrap() {
            assert!(block.faults.is_empty());
            for span in block.spans {
                let record = &block.bytes[span.start as usize..span.end as usize];
                records.push(String::from_utf8(record.to_vec()).unwrap());
            }
        }
        records
    }

    #[test]
    fn records_over_several_lines_on_one_line_and_in_an_array_are_read() {
        let expected = ["{\"id\":1,\"x\":{}}", "{\"id\":2,\"x\":\"}{\"}"];
        let [first, second] = expected;
        for text in [
            format!("{first}\n{second}\n"),
            format!("{first}{second}"),
            format!("{first} {second}"),
            format!("[{first},{second}]"),
            format!("[\n  {first},\n  {second}\n]\n"),
        ] {
            assert_eq!(records(&text), expected, "{text}");
        }
        let pretty = "{\n  \"id\": 1,\n  \"tags\": [\n    {\"id\": 2}\n  ]\n}\n{\n  \"id\": 3\n}\n";
        let found = records(pretty);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|record| json_text::is_valid(record)));
        assert_eq!(records("[]"), Vec::<String>::new());
    }

    #[test]
    fn a_broken_record_ends_with_its_line() {
        let text = "{\"id\":1,\"name\":\"x\n{\"id\":2}\n{\"id\":3,\n{\"id\":4}\nnull\n{\"id\":5}";
        let found = records(text);
        assert_eq!(found.len(), 6, "{found:?}");
        assert_eq!(found[1], "{\"id\":2}");
        assert_eq!(found[5], "{\"id\":5}");
    }

    /// The lines lifted from a text.
    fn lifted(object: &str, index: usize, text: &str) -> Vec<String> {
        let nested = crate::usercom::object(object).unwrap().nested[index];
        let mut splitter = NestedSplitter::open(reader(text), nested).unwrap();
        let mut lines = String::new();
        let limits = Limits {
            record_bytes: 1000,
            ..LIMITS
        };
        while let Some(block) = splitter.next_block(limits).unwrap() {
            lines.push_str(std::str::from_utf8(&block.bytes).unwrap());
        }
        lines.lines().map(str::to_owned).collect()
    }

    #[test]
    fn nested_records_know_their_parent_and_place() {
        let text = "{\"id\":7,\"stages\":[{\"id\":1,\"order\":4},{ },5]}\n{\"id\":8}\nnot json\n{\"stages\":{\"id\":2}}";
        assert_eq!(
            lifted("stages", 0, text),
            [
                "{\"pipeline_id\":7,\"id\":1,\"order\":4}",
                "{\"pipeline_id\":7,\"position\":2}",
                "5",
                "{\"pipeline_id\":null,\"position\":1,\"id\":2}",
            ]
        );
    }

    #[test]
    fn records_two_steps_down_know_both_above() {
        let text = r#"{"id":7,"conversations":[{"id":3,"messages":[{"id":1},{"id":2,"conversation_id":9,"person_id":null}]},4,{"id":5,"messages":12}]}"#;
        assert_eq!(
            lifted("messages", 1, text),
            [
                "{\"person_id\":7,\"conversation_id\":3,\"id\":1}",
                "{\"person_id\":7,\"conversation_id\":3,\"id\":2,\"conversation_id\":9}",
            ]
        );
    }

    #[test]
    fn the_id_of_a_link_is_that_of_the_other_record() {
        let text = r#"{"id":7,"attendees":[12,"a@b.c",{"type":"Agent","id":3},{"kind":"company","id":4},{"id":5},{"id":6,"person":5}]}"#;
        let expected = [
            r#"{"event_id":7,"position":1,"value":12}"#,
            r#"{"event_id":7,"position":2,"value":"a@b.c"}"#,
            r#"{"event_id":7,"position":3,"type":"Agent","agent_id":3}"#,
            r#"{"event_id":7,"position":4,"kind":"company","company_id":4}"#,
            r#"{"event_id":7,"position":5,"person_id":5}"#,
            r#"{"event_id":7,"position":6,"id":6,"person":5}"#,
        ];
        assert_eq!(lifted("event_attendees", 0, text), expected);
    }
}
