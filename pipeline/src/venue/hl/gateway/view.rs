//! Where the order link stands, for a person: shown by the gateway, read by the side thread.

use crate::rt::BoardReader;
use crate::types::{Nanos, Usd};
use crate::venue::hl::user::VenueText;

/// Words of the board: state, then the newest refusal's text.
pub const VIEW_WORDS: usize = TEXT_AT + VenueText::CAPACITY.div_ceil(8);
const TEXT_AT: usize = 11;

/// Flags of the first word.
const IS_UP: u64 = 1;
const TRADES_OTHERS: u64 = 2;
const IS_DEAD: u64 = 4;

/// Where the order link stands, for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayView {
    /// Quoting is allowed.
    pub is_up: bool,
    /// It is down because it did not answer any more, and not because it was closed.
    pub is_dead: bool,
    /// When the newest ping went out that was answered while the link was up: until then at least it
    /// carried both ways. Zero = none yet.
    pub answered: Nanos,
    /// Times that the link was lost.
    pub losses: u64,
    /// Open orders on the account that are not ours, when last counted.
    pub foreign_orders: u64,
    /// Requests used and allowed, when last asked.
    pub requests: (u64, u64),
    /// Our clock minus the venue's, milliseconds, as last measured.
    pub clock_skew_ms: i64,
    /// The account when everything began; [`None`] = it was not read yet.
    pub opening: Option<Opening>,
    /// The account holds or traded coins that are not this run's.
    pub trades_others: bool,
    /// Fills whose fee is an estimate.
    pub estimated_fees: u64,
    /// The newest refusal or complaint, in the venue's words.
    pub text: VenueText,
}

/// What an account is worth when everything begins: later profit is counted from there. Coins that are
/// not this run's are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// When, by the venue's clock; whole milliseconds, above zero.
    pub time: Nanos,
    /// Cash of the perpetuals' side and positions at the venue's marks.
    pub value: Usd,
    /// What the positions have won since they were entered, at those marks.
    pub open_profit: Usd,
}

impl GatewayView {
    /// Before the first connection.
    pub const NOTHING: Self = Self {
        is_up: false,
        is_dead: false,
        answered: Nanos::ZERO,
        losses: 0,
        foreign_orders: 0,
        requests: (0, 0),
        clock_skew_ms: 0,
        opening: None,
        trades_others: false,
        estimated_fees: 0,
        text: VenueText::EMPTY,
    };

    /// Reads the gateway's board.
    pub fn read(board: &BoardReader<VIEW_WORDS>) -> Self {
        let words = board.read();
        let bytes: Vec<u8> = words[TEXT_AT..].iter().flat_map(|w| w.to_le_bytes()).collect();
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        Self {
            is_up: words[0] & IS_UP != 0,
            is_dead: words[0] & IS_DEAD != 0,
            answered: Nanos(words[10] as i64),
            losses: words[1],
            foreign_orders: words[2],
            requests: (words[3], words[4]),
            clock_skew_ms: words[5] as i64,
            opening: (words[8] != 0).then(|| Opening {
                time: Nanos::millis(words[8] as i64),
                value: Usd::from_raw(words[6] as i64),
                open_profit: Usd::from_raw(words[9] as i64),
            }),
            trades_others: words[0] & TRADES_OTHERS != 0,
            estimated_fees: words[7],
            text: VenueText::new(core::str::from_utf8(&bytes[..end]).unwrap_or("?")),
        }
    }

    /// As the board shows it.
    pub fn words(&self) -> [u64; VIEW_WORDS] {
        let mut words = [0; VIEW_WORDS];
        words[0] = if self.is_up { IS_UP } else { 0 };
        words[0] |= if self.is_dead { IS_DEAD } else { 0 };
        words[0] |= if self.trades_others { TRADES_OTHERS } else { 0 };
        (words[1], words[2]) = (self.losses, self.foreign_orders);
        (words[3], words[4]) = self.requests;
        words[5] = self.clock_skew_ms as u64;
        (words[7], words[10]) = (self.estimated_fees, self.answered.0 as u64);
        if let Some(Opening { time, value, open_profit }) = self.opening {
            (words[6], words[9]) = (value.raw() as u64, open_profit.raw() as u64);
            words[8] = time.as_millis() as u64;
        }
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
