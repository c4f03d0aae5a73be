//! How much there is of everything beyond people, companies and deals.
//!
//! Comes in: the options and which people the JSON file of API version 2 holds, since some conversations lie inside them.
//! Goes out: counts, and where the messages of any conversation begin, computed without walking through the others.

use std::ops::Range;

use super::options::GenerateOptions;

/// Messages of seven conversations in a row; then it starts again.
const RUN: [u64; 7] = [5, 2, 8, 3, 6, 4, 7];
/// Messages of all seven.
const RUN_TOTAL: u64 = 35;
/// Most blobs of an export, whatever its size.
const MOST_FILES: u64 = 60;
/// One person of so many has a conversation bundled.
const BUNDLE_PERIOD: u64 = 16;

/// Counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quantities {
    pub(super) activities: u64,
    pub(super) events: u64,
    /// Conversations that are not bundled inside people.
    pub(super) conversations: u64,
    /// Their messages.
    pub(super) messages: u64,
    pub(super) emails: u64,
    pub(super) sms: u64,
    pub(super) notes: u64,
    pub(super) files: u64,
    /// Records of each custom object.
    pub(super) custom: u64,
    /// Whether people of the JSON file have conversations inside.
    pub(super) bundles: bool,
}

impl Quantities {
    /// The usual ratios, or what the options ask for. `json_people` are the people of the API version 2 file.
    pub(super) fn new(options: &GenerateOptions, json_people: Range<u64>) -> Self {
        let people = options.people;
        let bundled: u64 = json_people.filter_map(bundled_messages).sum();
        let bundles = options.messages.is_none_or(|messages| messages >= bundled);
        let messages = match options.messages {
            None => messages_before(people * 7 / 80),
            Some(messages) if bundles => messages - bundled,
            Some(messages) => messages,
        };
        Self {
            activities: options.activities.unwrap_or(people * 3 / 2),
            events: people * 3 / 20,
            conversations: conversations(messages),
            messages,
            emails: people * 2 / 5,
            sms: people / 20,
            notes: people / 10,
            files: (people * 3 / 100).min(MOST_FILES),
            custom: people / 20,
            bundles,
        }
    }

    /// Numbers of the messages of conversation `index`, which is not a bundled one.
    pub(super) fn messages_of(&self, index: u64) -> Range<u64> {
        let end = messages_before(index + 1).min(self.messages);
        messages_before(index).min(end)..end
    }

    /// Number of messages that person `index` has bundled, if it has a conversation.
    pub(super) fn bundled_messages(&self, person: u64) -> Option<u64> {
        bundled_messages(person).filter(|_| self.bundles)
    }
}

fn bundled_messages(person: u64) -> Option<u64> {
    let turn = (person / BUNDLE_PERIOD) as usize;
    (person % BUNDLE_PERIOD == 3).then(|| RUN[turn % RUN.len()])
}

/// Messages of all conversations before number `index`.
fn messages_before(index: u64) -> u64 {
    let runs = index / RUN.len() as u64;
    let rest = (index % RUN.len() as u64) as usize;
    runs * RUN_TOTAL + RUN[..rest].iter().sum::<u64>()
}

/// The conversation that message `message` belongs to.
pub(super) fn conversation_of(message: u64) -> u64 {
    let mut rest = message % RUN_TOTAL;
    let mut index = message / RUN_TOTAL * RUN.len() as u64;
    for count in RUN {
        if rest < count {
            break;
        }
        rest -= count;
        index += 1;
    }
    index
}

/// Conversations that it takes for so many messages.
fn conversations(messages: u64) -> u64 {
    match messages.checked_sub(1) {
        None => 0,
        Some(last) => conversation_of(last) + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_all_conversations_follow_one_another() {
        for messages in [0, 1, 5, 6, 35, 36, 1_000] {
            let options = GenerateOptions {
                messages: Some(messages),
                ..GenerateOptions::default()
            };
            let quantities = Quantities::new(&options, 0..0);
            let mut next = 0;
            for conversation in 0..quantities.conversations {
                let range = quantities.messages_of(conversation);
                assert_eq!(range.start, next);
                assert!(!range.is_empty());
                assert!(
                    range
                        .clone()
                        .all(|one| conversation_of(one) == conversation)
                );
                next = range.end;
            }
            assert_eq!(next, messages);
        }
    }

    #[test]
    fn bundled_messages_are_part_of_the_number_asked_for() {
        let asked = |messages| GenerateOptions {
            messages: Some(messages),
            ..GenerateOptions::default()
        };
        let many = Quantities::new(&asked(1_000), 1_600..2_000);
        let bundled: u64 = (1_600..2_000)
            .filter_map(|person| many.bundled_messages(person))
            .sum();
        assert!(bundled > 0);
        assert_eq!(bundled + many.messages, 1_000);
        let few = Quantities::new(&asked(3), 1_600..2_000);
        assert_eq!(few.messages, 3);
        assert!((1_600..2_000).all(|person| few.bundled_messages(person).is_none()));
    }
}
