//! Values that every object has, in the spelling their file prefers and, now and then, in another one.
//!
//! Comes in: a value, the file's style, and sixty-four random bits. Goes out: bytes at the end of a buffer. Without
//! mess the file's own spelling is kept throughout.

use super::calendar::{Spelling, write_instant};
use super::catalogue::{AGENTS, Agent};
use super::cell::{CellKind, write_number};
use super::list::{Listing, write_numbers, write_texts};
use super::random::Draws;
use super::record::{Dialect, Style};

/// Booleans as files spell them.
const YES: [&str; 8] = ["t", "true", "True", "TRUE", "1", "yes", "Yes", "T"];
const NO: [&str; 8] = ["f", "false", "False", "FALSE", "0", "no", "No", "F"];

/// How the values of one record are spelled.
#[derive(Clone, Copy)]
pub(super) struct Speller {
    pub(super) style: Style,
    /// Whether spellings vary.
    pub(super) mess: bool,
}

impl Speller {
    /// Seven of ten values keep to the file's spelling.
    fn varies(self, bits: u64) -> bool {
        self.mess && bits % 10 >= 7
    }

    /// An instant. The low bits choose the spelling, the high ones the fraction of the second.
    pub(super) fn instant(self, out: &mut Vec<u8>, seconds: i64, bits: u64) -> CellKind {
        let spelling = if self.varies(bits) {
            Spelling::ALL[(bits >> 8) as usize % Spelling::ALL.len()]
        } else {
            self.style.spelling
        };
        write_instant(out, seconds, ((bits >> 32) % 1_000_000) as u32, spelling);
        CellKind::Plain
    }

    /// A boolean.
    pub(super) fn boolean(self, out: &mut Vec<u8>, value: bool, bits: u64) -> CellKind {
        let words = if value { YES } else { NO };
        let varies = self.varies(bits);
        let word = match self.style.dialect {
            _ if varies && self.style.is_csv() => words[(bits >> 8) as usize % words.len()],
            _ if varies => words[0],
            Dialect::V2 if self.style.is_csv() => words[0],
            _ => words[1],
        };
        out.extend_from_slice(word.as_bytes());
        if self.style.is_csv() || varies {
            CellKind::Plain
        } else {
            CellKind::Literal
        }
    }

    fn listing(self, bits: u64) -> Listing {
        if !self.style.is_csv() {
            Listing::Json
        } else if self.varies(bits) {
            Listing::ALL[(bits >> 8) as usize % Listing::ALL.len()]
        } else if self.style.dialect == Dialect::Ui {
            Listing::Semicolons
        } else {
            Listing::Braces
        }
    }

    /// A list of texts.
    pub(super) fn texts(self, out: &mut Vec<u8>, items: &[&str], bits: u64) -> CellKind {
        write_texts(out, items, self.listing(bits))
    }

    /// A list of texts whose first comes again in capitals, as when two people tagged a record.
    pub(super) fn texts_twice(self, out: &mut Vec<u8>, items: &[&str], bits: u64) -> CellKind {
        let Some(first) = items.first() else {
            return self.texts(out, items, bits);
        };
        let again = first.to_uppercase();
        let mut more = items.to_vec();
        more.push(&again);
        self.texts(out, &more, bits)
    }

    /// A list of ids.
    pub(super) fn numbers(self, out: &mut Vec<u8>, items: &[u64], bits: u64) -> CellKind {
        write_numbers(out, items, self.listing(bits))
    }

    /// One choice of a `fixed` attribute; API version 1 has an array of one (`guide/usercom.md` §1.6).
    pub(super) fn choice(self, out: &mut Vec<u8>, choice: &str, bits: u64) -> CellKind {
        let wrapped = match self.style.dialect {
            Dialect::V1 => true,
            Dialect::V2 => self.style.is_csv() != self.varies(bits),
            Dialect::Ui => false,
        };
        if wrapped && !self.style.is_csv() {
            return write_texts(out, &[choice], Listing::Json);
        }
        if wrapped {
            return write_texts(out, &[choice], Listing::Braces);
        }
        out.extend_from_slice(choice.as_bytes());
        CellKind::Text
    }

    /// An agent: by id, or by e-mail as user interfaces show it.
    pub(super) fn agent(self, out: &mut Vec<u8>, agent: Option<&Agent>, bits: u64) -> CellKind {
        let Some(agent) = agent else {
            return CellKind::Empty;
        };
        let by_email = match self.style.dialect {
            Dialect::Ui => bits % 10 < 6,
            Dialect::V2 => self.mess && bits % 10 == 9,
            Dialect::V1 => false,
        };
        if by_email {
            let start = out.len();
            out.extend_from_slice(agent.email.as_bytes());
            if self.mess && (bits >> 8).is_multiple_of(8) {
                out[start..].make_ascii_uppercase();
            }
            CellKind::Plain
        } else {
            write_number(out, agent.id);
            CellKind::Literal
        }
    }

    /// A code by number (API version 1), word (version 2) or label.
    pub(super) fn code(self, out: &mut Vec<u8>, number: u64, word: &str) -> CellKind {
        match self.style.dialect {
            Dialect::V1 => {
                write_number(out, number);
                CellKind::Literal
            }
            Dialect::V2 => {
                out.extend_from_slice(word.as_bytes());
                CellKind::Plain
            }
            Dialect::Ui => {
                let start = out.len();
                out.extend_from_slice(word.as_bytes());
                out[start..=start].make_ascii_uppercase();
                CellKind::Plain
            }
        }
    }
}

/// The agents who look after a record together, as ids: one record in eight has such a team, of one to three.
pub(super) fn write_team(out: &mut Vec<u8>, draws: Draws, own: u32, speller: Speller) -> CellKind {
    let bits = draws.bits(own);
    // Steps of a third never meet again.
    let first = draws.below(own + 1, AGENTS.len() as u64) as usize;
    let ids = [0, 1, 2].map(|turn| AGENTS[(first + turn * AGENTS.len() / 3) % AGENTS.len()].id);
    let count = match (bits >> 40) % 24 {
        count @ 0..3 => count as usize + 1,
        _ => 0,
    };
    speller.numbers(out, &ids[..count], bits)
}

/// Writes text and says so.
pub(super) fn text(out: &mut Vec<u8>, value: &str) -> CellKind {
    out.extend_from_slice(value.as_bytes());
    if value.is_empty() {
        CellKind::Empty
    } else {
        CellKind::Text
    }
}

/// Writes text that holds no separator, quote or line end.
pub(super) fn word(out: &mut Vec<u8>, value: &str) -> CellKind {
    out.extend_from_slice(value.as_bytes());
    CellKind::Plain
}

/// Writes a whole number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) -> CellKind {
    write_number(out, value);
    CellKind::Literal
}

/// Some of `items`, at most three: which ones is up to `bits`.
pub(super) fn some_of<'a>(
    items: &'static [&'static str],
    count: u64,
    bits: u64,
    chosen: &'a mut [&'static str; 3],
) -> &'a [&'static str] {
    let count = (count as usize).min(items.len()).min(3);
    for (offset, slot) in chosen[..count].iter_mut().enumerate() {
        *slot = items[(bits as usize % items.len() + offset * 2) % items.len()];
    }
    // Steps of two meet again in short lists: keep the first of equal ones.
    let count = (1..count)
        .find(|position| chosen[..*position].contains(&chosen[*position]))
        .unwrap_or(count);
    &chosen[..count]
}
