//! Counter-based draws: what comes in is (seed, object, index), what goes out is any number of independent draws.
//!
//! A draw depends on nothing but its slot number, so any record can be made again at any time (a deal looks up the
//! company of its person this way) and a field has the same value whichever file shape writes it. The mixing function
//! is written here rather than taken from a crate because the committed demo must not change when a dependency does.
//! Never for secrets.

/// Weyl increment of SplitMix64 (Steele, Lea, Flood 2014).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finalizer of SplitMix64: a bijection of 64 bits with full avalanche.
pub(super) const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// Which family of records a draw belongs to; keeps person 7 and company 7 apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// People.
    Person = 1,
    /// Companies.
    Company = 2,
    /// Deals.
    Deal = 3,
    /// Activities.
    Activity = 4,
    /// Calendar events.
    Event = 5,
    /// Conversations.
    Conversation = 6,
    /// Chat messages.
    Message = 7,
    /// E-mails.
    Email = 8,
    /// Text messages.
    Sms = 9,
    /// Notes.
    Note = 10,
    /// Files.
    File = 11,
    /// Lines of deals.
    Line = 12,
    /// Changes of a deal's stage.
    StageChange = 13,
    /// Records of custom object `subscription`.
    Subscription = 14,
    /// Records of custom object `invoice`.
    Invoice = 15,
    /// Records of custom object `asset`.
    Asset = 16,
}

impl Object {
    /// Below the smallest id of such a record. Ids of different objects may be equal, as in the source.
    pub(super) const fn base(self) -> u64 {
        match self {
            Self::Person => 100_000,
            Self::Company => 2_000,
            Self::Deal => 40_000,
            Self::Activity => 300_000,
            Self::Event => 5_000,
            Self::Conversation => 20_000,
            Self::Message => 600_000,
            Self::Email => 800_000,
            Self::Sms => 9_000,
            Self::Note => 11_000,
            Self::File => 1_000,
            Self::Line => 70_000,
            Self::StageChange => 90_000,
            Self::Subscription => 500,
            Self::Invoice => 700,
            Self::Asset => 900,
        }
    }
}

/// The draws of one record.
#[derive(Clone, Copy)]
pub(super) struct Draws {
    key: u64,
}

impl Draws {
    /// Draws of record `index` of `object` under `seed`.
    pub(super) fn new(seed: u64, object: Object, index: u64) -> Self {
        let family = mix(seed.wrapping_add(GOLDEN.wrapping_mul(object as u64)));
        Self {
            key: mix(family ^ index.wrapping_mul(GOLDEN)),
        }
    }

    /// Sixty-four uniform bits.
    #[inline]
    pub(super) fn bits(self, slot: u32) -> u64 {
        mix(self
            .key
            .wrapping_add(GOLDEN.wrapping_mul(u64::from(slot) + 1)))
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    #[inline]
    pub(super) fn below(self, slot: u32, bound: u64) -> u64 {
        ((u128::from(self.bits(slot)) * u128::from(bound)) >> 64) as u64
    }

    /// True for `per_mille` of a thousand records.
    #[inline]
    pub(super) fn chance(self, slot: u32, per_mille: u64) -> bool {
        self.below(slot, 1000) < per_mille
    }

    /// One of `choices`, which is never empty.
    #[inline]
    pub(super) fn pick<T>(self, slot: u32, choices: &'static [T]) -> &'static T {
        &choices[self.below(slot, choices.len() as u64) as usize]
    }

    /// One of `words`, which is never empty.
    #[inline]
    pub(super) fn word(self, slot: u32, words: &'static [&'static str]) -> &'static str {
        words[self.below(slot, words.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{Draws, Object};

    #[test]
    fn draws_depend_on_seed_object_index_and_slot() {
        let base = Draws::new(1, Object::Person, 7).bits(3);
        assert_eq!(base, Draws::new(1, Object::Person, 7).bits(3));
        assert_ne!(base, Draws::new(2, Object::Person, 7).bits(3));
        assert_ne!(base, Draws::new(1, Object::Company, 7).bits(3));
        assert_ne!(base, Draws::new(1, Object::Person, 8).bits(3));
        assert_ne!(base, Draws::new(1, Object::Person, 7).bits(4));
    }

    #[test]
    fn below_is_spread_over_its_range() {
        let mut seen = [0_u32; 10];
        for index in 0..10_000 {
            seen[Draws::new(9, Object::Deal, index).below(0, 10) as usize] += 1;
        }
        assert!(
            seen.iter().all(|count| (850..1150).contains(count)),
            "{seen:?}"
        );
        assert_eq!(Draws::new(9, Object::Deal, 0).below(0, 0), 0);
    }
}
