//! A seeded generator: the same seed gives the same numbers on every machine.

use core::ops::Range;

/// SplitMix64: small, fast, and good enough to choose what happens next.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator of that seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in the range, which must not be empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// `true` in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.next() % of.len() as u64;
        &of[at as usize]
    }

    /// So many bytes.
    pub fn bytes(&mut self, len: usize) -> alloc::vec::Vec<u8> {
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }
}
