//! MD5, which `ContentVersion.Checksum` is.
//!
//! In: bytes, block by block. Out: 32 hexadecimal digits. For telling contents apart, never for security.

use std::fmt::Write;

const SHIFTS: [[u32; 4]; 4] = [
    [7, 12, 17, 22],
    [5, 9, 14, 20],
    [4, 11, 16, 23],
    [6, 10, 15, 21],
];

/// A digest under way.
#[derive(Clone, Debug)]
pub(crate) struct Md5 {
    state: [u32; 4],
    rest: Vec<u8>,
    length: u64,
    sines: [u32; 64],
}

impl Md5 {
    /// A digest of nothing.
    pub(crate) fn new() -> Self {
        let mut sines = [0; 64];
        for (at, slot) in (1u32..).zip(&mut sines) {
            *slot = sine(at);
        }
        Self {
            state: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476],
            rest: Vec::with_capacity(64),
            length: 0,
            sines,
        }
    }

    /// Takes bytes in.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if !self.rest.is_empty() {
            let wanted = 64 - self.rest.len();
            let (taken, left) = bytes.split_at(wanted.min(bytes.len()));
            self.rest.extend_from_slice(taken);
            bytes = left;
            if self.rest.len() == 64 {
                let block = std::mem::take(&mut self.rest);
                self.block(&block);
            }
        }
        let mut blocks = bytes.chunks_exact(64);
        for block in &mut blocks {
            self.block(block);
        }
        self.rest.extend_from_slice(blocks.remainder());
    }

    /// The digest.
    pub(crate) fn finish(mut self) -> String {
        let bits = self.length.wrapping_mul(8);
        let mut tail = std::mem::take(&mut self.rest);
        tail.push(0x80);
        while tail.len() % 64 != 56 {
            tail.push(0);
        }
        tail.extend_from_slice(&bits.to_le_bytes());
        for block in tail.chunks_exact(64) {
            self.block(block);
        }
        let mut out = String::with_capacity(32);
        for byte in self.state.iter().flat_map(|word| word.to_le_bytes()) {
            let _infallible = write!(out, "{byte:02x}");
        }
        out
    }

    fn block(&mut self, block: &[u8]) {
        let mut words = [0u32; 16];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
        }
        let [mut a, mut b, mut c, mut d] = self.state;
        for (at, sine) in self.sines.iter().enumerate() {
            let round = at / 16;
            let (mix, word) = match round {
                0 => ((b & c) | (!b & d), at),
                1 => ((d & b) | (!d & c), 5 * at + 1),
                2 => (b ^ c ^ d, 3 * at + 5),
                _ => (c ^ (b | !d), 7 * at),
            };
            let sum = a
                .wrapping_add(mix)
                .wrapping_add(words[word % 16])
                .wrapping_add(*sine);
            let turned = b.wrapping_add(sum.rotate_left(SHIFTS[round][at % 4]));
            (a, d, c, b) = (d, c, b, turned);
        }
        for (state, word) in self.state.iter_mut().zip([a, b, c, d]) {
            *state = state.wrapping_add(word);
        }
    }
}

/// The whole part of 2^32 × |sin(at)|.
fn sine(at: u32) -> u32 {
    (f64::from(at).sin().abs() * 4_294_967_296.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        for (text, expected) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            let mut digest = Md5::new();
            text.as_bytes()
                .chunks(7)
                .for_each(|part| digest.update(part));
            assert_eq!(digest.finish(), expected);
        }
    }
}
