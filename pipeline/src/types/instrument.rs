//! What may be traded and on which grid (PROTOCOL §1.2).
//!
//! A perp price is legal when it is an integer, or has at most five significant figures and at most
//! `6 − szDecimals` decimals. A size has at most `szDecimals` decimals.

use super::decimal::SCALE_DIGITS;
use super::fixed::{Px, Qty, Usd};
use super::level::AssetId;
use serde::{Deserialize, Serialize};

/// Smallest order value the venue accepts.
pub const MIN_NOTIONAL: Usd = Usd::whole(10);
/// The most decimals of a size; those of a price are what is left of six.
pub const MAX_SZ_DECIMALS: u8 = PERP_DECIMALS as u8;
/// Significant figures of a non-integer price.
const SIG_FIGS: u32 = 5;
/// Decimals of a perp price plus those of its size.
const PERP_DECIMALS: u32 = 6;
/// Price steps: powers of ten up to one dollar.
const TICKS: [Px; SCALE_DIGITS as usize + 1] = {
    let mut ticks = [Px::from_raw(1); SCALE_DIGITS as usize + 1];
    let mut i = 1;
    while i < ticks.len() {
        ticks[i] = Px::from_raw(ticks[i - 1].raw() * 10);
        i += 1;
    }
    ticks
};

/// The longest name of a coin, in bytes: those of other deployers' perps (`dex:COIN`) are long.
pub const MAX_COIN_BYTES: usize = 23;

/// A coin's name (`BTC`, `kPEPE`, `xyz:GOLD`), kept inline so that messages stay `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Coin {
    len: u8,
    bytes: [u8; MAX_COIN_BYTES],
}

impl Coin {
    /// None when empty, longer than [`MAX_COIN_BYTES`], or with bytes other than printable ASCII.
    pub fn new(name: &str) -> Option<Self> {
        let src = name.as_bytes();
        if src.is_empty() || src.len() > MAX_COIN_BYTES || !src.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut bytes = [0; MAX_COIN_BYTES];
        bytes[..src.len()].copy_from_slice(src);
        Some(Self { len: src.len() as u8, bytes })
    }
    /// The name.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or("?")
    }
    /// The name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl TryFrom<String> for Coin {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::new(&name).ok_or_else(|| format!("{name:?} is no coin's name"))
    }
}
impl From<Coin> for String {
    fn from(coin: Coin) -> Self {
        coin.as_str().to_owned()
    }
}
impl core::fmt::Display for Coin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}
impl core::fmt::Debug for Coin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One tradable perpetual and its grid. What is read is one, or is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Told")]
pub struct Instrument {
    /// The venue's name.
    pub coin: Coin,
    /// The venue's asset index (`meta.universe`), as sent in actions.
    pub venue_index: u32,
    /// Decimals of a size, 0..=6.
    pub sz_decimals: u8,
    /// Highest leverage the venue allows.
    pub max_leverage: u8,
}

/// An [`Instrument`] as it is read, which may be none.
#[derive(Deserialize)]
struct Told {
    coin: Coin,
    venue_index: u32,
    sz_decimals: u8,
    max_leverage: u8,
}

impl TryFrom<Told> for Instrument {
    type Error = String;

    fn try_from(told: Told) -> Result<Self, String> {
        let Told { coin, venue_index, sz_decimals, max_leverage } = told;
        Self::new(coin.as_str(), venue_index, sz_decimals, max_leverage).ok_or_else(|| {
            format!("{coin}: {sz_decimals} size decimals, at most {MAX_SZ_DECIMALS}")
        })
    }
}

impl Instrument {
    /// None when the name is no [`Coin`], or the size decimals are more than [`MAX_SZ_DECIMALS`].
    pub fn new(coin: &str, venue_index: u32, sz_decimals: u8, max_leverage: u8) -> Option<Self> {
        let coin = Coin::new(coin).filter(|_| sz_decimals <= MAX_SZ_DECIMALS)?;
        Some(Self { coin, venue_index, sz_decimals, max_leverage })
    }

    /// The same on another grid; [`None`] = on its own.
    pub fn on_grid(self, sz_decimals: Option<u8>) -> Self {
        let sz_decimals =
            sz_decimals.map_or(self.sz_decimals, |decimals| decimals.min(MAX_SZ_DECIMALS));
        Self { sz_decimals, ..self }
    }

    /// Smallest size step.
    pub fn lot(&self) -> Qty {
        Qty::from_raw(10_i64.pow(SCALE_DIGITS - u32::from(self.sz_decimals)))
    }

    /// Price step at `px`: `10^max(floor(log10 px) − 4, −(6 − szDecimals))`, at most 1.
    pub fn tick_at(&self, px: Px) -> Px {
        let finest = SCALE_DIGITS + u32::from(self.sz_decimals) - PERP_DECIMALS;
        let magnitude = px.raw().max(1).ilog10();
        let by_figures = (magnitude + 1).saturating_sub(SIG_FIGS);
        TICKS[by_figures.max(finest).min(SCALE_DIGITS) as usize]
    }

    /// The highest legal price at or below `px` (for bids).
    pub fn round_px_down(&self, px: Px) -> Px {
        let tick = self.tick_at(px).raw();
        Px::from_raw(px.raw().div_euclid(tick) * tick)
    }

    /// The lowest legal price at or above `px` (for asks).
    pub fn round_px_up(&self, px: Px) -> Px {
        let tick = self.tick_at(px).raw();
        Px::from_raw(-((-px.raw()).div_euclid(tick)) * tick)
    }

    /// The next legal price below a legal `px`.
    pub fn tick_below(&self, px: Px) -> Px {
        self.round_px_down(Px::from_raw(px.raw() - 1))
    }

    /// The next legal price above a legal `px`.
    pub fn tick_above(&self, px: Px) -> Px {
        self.round_px_up(Px::from_raw(px.raw() + 1))
    }

    /// The largest legal size at or below `qty` in magnitude.
    pub fn round_qty_down(&self, qty: Qty) -> Qty {
        let lot = self.lot().raw();
        Qty::from_raw(qty.raw() / lot * lot)
    }

    /// Whether the venue accepts this price.
    pub fn is_legal_px(&self, px: Px) -> bool {
        px.is_positive() && px.raw() % self.tick_at(px).raw() == 0
    }

    /// Whether the venue accepts this size.
    pub fn is_legal_qty(&self, qty: Qty) -> bool {
        qty.is_positive() && qty.raw() % self.lot().raw() == 0
    }
}

/// The instruments of this session; an [`AssetId`] is an index into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Universe {
    instruments: Vec<Instrument>,
}

impl Universe {
    /// At most [`super::limits::MAX_ASSETS`] instruments.
    pub fn new(instruments: Vec<Instrument>) -> Self {
        assert!(
            instruments.len() <= super::limits::MAX_ASSETS,
            "{} assets, at most {} fit",
            instruments.len(),
            super::limits::MAX_ASSETS
        );
        Self { instruments }
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.instruments.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.instruments.is_empty()
    }
    /// The instrument of an id that this universe handed out.
    pub fn get(&self, asset: AssetId) -> &Instrument {
        &self.instruments[asset.index()]
    }
    /// Puts one on another grid; [`None`] = it stays on its own.
    pub fn set_grid(&mut self, asset: AssetId, sz_decimals: Option<u8>) {
        let instrument = &mut self.instruments[asset.index()];
        *instrument = instrument.on_grid(sz_decimals);
    }
    /// By the venue's exact name.
    pub fn find(&self, coin: &[u8]) -> Option<AssetId> {
        self.instruments.iter().position(|i| i.coin.as_bytes() == coin).map(AssetId::new)
    }
    /// All ids, in order.
    pub fn assets(&self) -> impl Iterator<Item = AssetId> + use<> {
        (0..self.instruments.len()).map(AssetId::new)
    }
    /// Ids with their instruments.
    pub fn iter(&self) -> impl Iterator<Item = (AssetId, &Instrument)> {
        self.instruments.iter().enumerate().map(|(i, inst)| (AssetId::new(i), inst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_an_instrument_or_is_refused() {
        let read = |decimals: u8| {
            let text = format!(
                r#"{{"coin":"xyz:GOLD","venue_index":7,"sz_decimals":{decimals},"max_leverage":3}}"#
            );
            serde_json::from_str::<Instrument>(&text)
        };
        assert_eq!(read(6).ok(), Instrument::new("xyz:GOLD", 7, 6, 3));
        assert!(read(7).is_err_and(|e| e.to_string().contains("7 size decimals")));
    }
    use crate::coins::coin;
    use proptest::prelude::*;

    fn instrument(sz_decimals: u8) -> Instrument {
        coin("X", sz_decimals)
    }

    /// The rule as the venue writes it, on text.
    fn legal_by_text(px: &str, sz_decimals: u8) -> bool {
        let (whole, fraction) = px.split_once('.').unwrap_or((px, ""));
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            return whole.bytes().any(|b| b != b'0');
        }
        let figures = format!("{whole}{fraction}");
        let significant = figures.trim_start_matches('0').len();
        significant <= 5 && fraction.len() <= 6 - usize::from(sz_decimals)
    }

    #[test]
    fn ticks_by_magnitude() {
        let btc = instrument(5);
        let t = |i: &Instrument, s: &str| i.tick_at(Px::parse(s).unwrap()).to_string();
        assert_eq!(t(&btc, "65012"), "1");
        assert_eq!(t(&btc, "123456"), "1");
        assert_eq!(t(&btc, "6501.2"), "0.1");
        assert_eq!(t(&instrument(4), "230.55"), "0.01");
        assert_eq!(t(&instrument(0), "0.001234"), "0.000001");
    }

    proptest! {
        #[test]
        fn rounding_is_legal_directed_and_tight(
            raw in 1_000_i64..20_000_000_000_000, sz_decimals in 0_u8..=6
        ) {
            let (inst, px) = (instrument(sz_decimals), Px::from_raw(raw));
            let (down, up) = (inst.round_px_down(px), inst.round_px_up(px));
            prop_assert!(down <= px && px <= up);
            prop_assert_eq!(down == px, legal_by_text(&px.to_string(), sz_decimals));
            prop_assert!(legal_by_text(&up.to_string(), sz_decimals), "up {}", up);
            if down.is_positive() {
                prop_assert!(inst.is_legal_px(down));
                prop_assert!(legal_by_text(&down.to_string(), sz_decimals), "down {}", down);
            }
            prop_assert!(up - down <= inst.tick_at(px), "more than one tick apart");
            prop_assert!(inst.tick_above(down) > px && inst.tick_below(up) < px);
        }
    }
}
