//! Reading choices from a fuzzer's bytes: short on purpose, so that a seed can be understood.

/// Bytes, taken one by one; zeros when there are none left.
#[derive(Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A time between 1 ms and about nine hours: short ones in small steps.
    pub(super) fn millis(&mut self) -> u64 {
        let byte = self.byte();
        (1 + u64::from(byte & 0x0f)) << (byte >> 4)
    }

    /// Up to 255 bytes: a length, then the bytes.
    pub(super) fn text(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        let (text, rest) = self.0.split_at(len);
        self.0 = rest;
        text
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }
}
