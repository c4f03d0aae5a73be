//! One conversation: who talked with whom, when, and which messages belong to it.
//!
//! In: the population and a number. Out: the conversation; how files have it stands in `conversation_record.rs`.

use std::ops::Range;

use super::calendar::{DAY, EXPORTED_AT};
use super::catalogue::{AGENTS, Agent};
use super::cell::CellKind;
use super::deal::Link;
use super::entry::{Entry, Shares, Subject};
use super::mess;
use super::population::{Population, slot};
use super::random::Object;
use super::value::Speller;

/// Channels, by their number less one (`guide/usercom.md` §1.7).
const CHANNELS: [&str; 5] = ["chat", "email", "api", "sms", "slack"];
/// Most messages of one conversation.
const MOST_MESSAGES: u64 = 8;
const SHARES: Shares = Shares {
    deal: 0,
    person: 1000,
    company: 0,
};

/// One conversation.
#[derive(Clone)]
pub(super) struct Conversation<'a> {
    pub(super) entry: Entry<'a>,
    pub(super) person: Link,
    /// Who answers.
    pub(super) agent: &'static Agent,
    /// Number of the channel less one.
    pub(super) channel: usize,
    /// Numbers of its messages.
    pub(super) messages: Range<u64>,
    started_at: i64,
}

impl<'a> Conversation<'a> {
    /// Conversation `index` of those that have a record of their own.
    pub(super) fn new(population: &'a Population, index: u64) -> Self {
        let entry = Entry::new(population, Object::Conversation, index);
        let subject = Subject::new(&entry, SHARES, &mess::CONVERSATION_PERSON);
        Self::with(entry, subject.person, population.further.messages_of(index))
    }

    /// The conversation inside person `person`, if it has one. Numbers follow after those of all others.
    pub(super) fn bundled(population: &'a Population, person: u64) -> Option<Self> {
        let count = population.further.bundled_messages(person)?;
        let further = &population.further;
        let entry = Entry::new(
            population,
            Object::Conversation,
            further.conversations + person,
        );
        let first = further.messages + person * MOST_MESSAGES;
        Some(Self::with(entry, Link::To(person), first..first + count))
    }

    fn with(entry: Entry<'a>, person: Link, messages: Range<u64>) -> Self {
        let draws = entry.draws;
        let channel = match draws.below(slot::KIND, 100) {
            0..70 => 0,
            70..88 => 1,
            88..91 => 2,
            91..97 => 3,
            _ => 4,
        };
        Self {
            entry,
            person,
            agent: draws.pick(slot::KIND + 1, &AGENTS),
            channel,
            messages,
            // A day is left for the messages, which come within some hours.
            started_at: entry.created_at.min(EXPORTED_AT - DAY),
        }
    }

    /// When message number `position` was sent.
    pub(super) fn sent_at(&self, position: u64) -> i64 {
        self.started_at + (position * 1_740) as i64
    }

    /// The channel as files of this style have it.
    pub(super) fn write_channel(&self, out: &mut Vec<u8>, speller: Speller) -> CellKind {
        let word = CHANNELS.get(self.channel).copied().unwrap_or_default();
        speller.code(out, self.channel as u64 + 1, word)
    }
}
