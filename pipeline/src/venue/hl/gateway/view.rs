//! Where the order link stands, for a person: shown by the gateway, read by the side thread.

use crate::rt::BoardReader;
use crate::types::Usd;
use crate::venue::hl::user::VenueText;

/// Words of the board: state, then the newest refusal's text.
pub const VIEW_WORDS: usize = TEXT_AT + VenueText::CAPACITY.div_ceil(8);
const TEXT_AT: usize = 8;

/// Where the order link stands, for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayView {
    /// Quoting is allowed.
    pub is_up: bool,
    /// It is down because it did not answer any more, and not because it was closed.
    pub is_dead: bool,
    /// Times that the link was lost.
    pub losses: u64,
    /// Open orders on the account that are not ours, when last counted.
    pub foreign_orders: u64,
    /// Requests used and allowed, when last asked.
    pub requests: (u64, u64),
    /// Our clock minus the venue's, milliseconds, as last measured.
    pub clock_skew_ms: i64,
    /// The account's value when everything began; later profit is counted from there.
    pub opening_value: Usd,
    /// The newest refusal or complaint, in the venue's words.
    pub text: VenueText,
}

impl GatewayView {
    /// Before the first connection.
    pub(super) const NOTHING: Self = Self {
        is_up: false,
        is_dead: false,
        losses: 0,
        foreign_orders: 0,
        requests: (0, 0),
        clock_skew_ms: 0,
        opening_value: Usd::ZERO,
        text: VenueText::EMPTY,
    };

    /// Reads the gateway's board.
    pub fn read(board: &BoardReader<VIEW_WORDS>) -> Self {
        let words = board.read();
        let bytes: Vec<u8> = words[TEXT_AT..].iter().flat_map(|w| w.to_le_bytes()).collect();
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        Self {
            is_up: words[0] == 1,
            is_dead: words[7] == 1,
            losses: words[1],
            foreign_orders: words[2],
            requests: (words[3], words[4]),
            clock_skew_ms: words[5] as i64,
            opening_value: Usd::from_raw(words[6] as i64),
            text: VenueText::new(core::str::from_utf8(&bytes[..end]).unwrap_or("?")),
        }
    }

    pub(super) fn words(&self) -> [u64; VIEW_WORDS] {
        let mut words = [0; VIEW_WORDS];
        words[0] = u64::from(self.is_up);
        (words[1], words[2]) = (self.losses, self.foreign_orders);
        (words[3], words[4]) = self.requests;
        words[5] = self.clock_skew_ms as u64;
        words[6] = self.opening_value.raw() as u64;
        words[7] = u64::from(self.is_dead);
        for (word, bytes) in
            words[TEXT_AT..].iter_mut().zip(self.text.as_str().as_bytes().chunks(8))
        {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_le_bytes(padded);
        }
        words
    }
}
