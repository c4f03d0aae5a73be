//! Objects inside a cell: nested records and references, written member by member.
//!
//! Comes in: keys and values. Goes out: one JSON object at the end of a buffer. Never holds the object anywhere else.

use super::catalogue::Agent;
use super::cell::{CellKind, finish_json, write_json_string, write_number};

/// A JSON object that is being written.
pub(super) struct JsonObject<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> JsonObject<'a> {
    /// Begins an object.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn key(&mut self, key: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A member that `write` writes raw.
    pub(super) fn value(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>) -> CellKind) {
        self.key(key);
        let start = self.out.len();
        let kind = write(self.out);
        finish_json(self.out, start, kind);
    }

    /// A number, or null.
    pub(super) fn number(&mut self, key: &str, value: Option<u64>) {
        self.key(key);
        match value {
            Some(value) => write_number(self.out, value),
            None => self.out.extend_from_slice(b"null"),
        }
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_json_string(self.out, value.as_bytes());
    }

    /// An agent as an object, or null.
    pub(super) fn agent(&mut self, key: &str, agent: Option<&Agent>) {
        self.value(key, |out| match agent {
            Some(agent) => write_agent(out, agent),
            None => CellKind::Empty,
        });
    }

    /// Ends the object.
    pub(super) fn end(self) -> CellKind {
        self.out.push(b'}');
        CellKind::Literal
    }
}

/// An agent as messages show one: without a key (`guide/usercom.md` §2.6).
pub(super) fn write_agent(out: &mut Vec<u8>, agent: &Agent) -> CellKind {
    let mut object = JsonObject::new(out);
    object.number("id", Some(agent.id));
    object.value("key", |_| CellKind::Empty);
    object.text("email", agent.email);
    object.text("name", agent.name);
    object.end()
}

/// A list whose items `write` writes.
pub(super) fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) -> CellKind {
    out.push(b'[');
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
    CellKind::Literal
}
