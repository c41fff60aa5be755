//! A running hash over decisions: equal input, configuration and seed must give an equal hash.

use super::order::Action;
use super::quote::QuoteTarget;

/// 64-bit FNV-1a over whole words with a final avalanche. Not cryptographic; it only has to make
/// two different runs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionHash(u64);

impl Default for DecisionHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl DecisionHash {
    /// Takes in one word.
    pub fn word(&mut self, w: u64) {
        self.0 = (self.0 ^ w).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }
    /// Takes in a whole target.
    pub fn target(&mut self, t: &QuoteTarget) {
        self.word(t.asset.index() as u64);
        self.word(u64::from(t.bid_reason as u8) << 8 | u64::from(t.ask_reason as u8));
        self.word(t.time.0 as u64);
        self.word(t.cause.market_seq);
        self.word(t.mid.unwrap_or_default().raw() as u64);
        for level in t.bids.iter().chain(&t.asks) {
            self.word(level.px.raw() as u64);
            self.word(level.qty.raw() as u64);
        }
        if t.rungs != [0; 2] {
            self.word(u64::from(u16::from_le_bytes(t.rungs)));
        }
    }
    /// Takes in a whole action.
    pub fn action(&mut self, a: &Action) {
        self.word(a.kind as u64);
        self.word(a.sent_time.0 as u64);
        for item in a.items() {
            let cloid = item.cloid.to_u128();
            self.word((cloid >> 64) as u64);
            self.word(cloid as u64);
            self.word(item.px.raw() as u64);
            self.word(item.qty.raw() as u64);
        }
    }
    /// The hash so far.
    pub fn finish(self) -> u64 {
        let mut z = self.0;
        z = (z ^ (z >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        z = (z ^ (z >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        z ^ (z >> 33)
    }
}
