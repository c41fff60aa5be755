//! A short copy of what the venue said, so that a log can quote it.

/// The first [`VenueText::CAPACITY`] bytes of a text of the venue, kept inline so that events stay
/// `Copy`. Bytes other than printable ASCII become `?`: it can go into any log as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VenueText {
    len: u8,
    bytes: [u8; Self::CAPACITY],
}

impl VenueText {
    /// Bytes kept. The longest text in use is cut behind everything that matters.
    pub const CAPACITY: usize = 127;

    /// Nothing said.
    pub const EMPTY: Self = Self { len: 0, bytes: [0; Self::CAPACITY] };

    /// The beginning of `text`.
    pub fn new(text: &str) -> Self {
        let mut copy = Self::EMPTY;
        let printable = |b: u8| if (b' '..=b'~').contains(&b) { b } else { b'?' };
        for (to, from) in copy.bytes.iter_mut().zip(text.bytes()) {
            *to = printable(from);
        }
        copy.len = text.len().min(Self::CAPACITY) as u8;
        copy
    }

    /// What is kept.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or("?")
    }
}

impl core::fmt::Display for VenueText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}
impl core::fmt::Debug for VenueText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_and_made_printable() {
        assert_eq!(VenueText::new("Action already expired").as_str(), "Action already expired");
        assert_eq!(VenueText::new("a\né\"").as_str(), "a???\"");
        assert_eq!(VenueText::new(""), VenueText::EMPTY);
        let long = "x".repeat(300);
        assert_eq!(VenueText::new(&long).as_str(), &long[..VenueText::CAPACITY]);
    }
}
