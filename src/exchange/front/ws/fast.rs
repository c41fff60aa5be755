//! `fastAssetCtxs`: marks and mids of all coins, first whole, then what changed; the JSON packed as raw
//! DEFLATE in base64 (PROTOCOL §5.4). The packing is without compression, which every reader takes.

use super::frames::frame;
use crate::base64;
use crate::exchange::front::json::{Decimal, to_bytes};
use crate::exchange::venue::Venue;
use botmm_pipeline::types::Px;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// Mark, and mid where there is one, of each asset.
pub type Prices = Vec<(Px, Option<Px>)>;

/// As they are now.
pub fn prices(venue: &Venue) -> Prices {
    let of = |asset| {
        let ctx = venue.ctx(asset);
        (ctx.mark, ctx.mid)
    };
    venue.universe().assets().map(of).collect()
}

/// What a coin's prices became; what did not change is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    #[serde(skip_serializing_if = "Option::is_none")]
    mark_px: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mid_px: Option<Option<Decimal>>,
}

struct Coins<'a>(Vec<(&'a str, Changed)>);

impl Serialize for Coins<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(coin, changed)| map.serialize_entry(coin, changed))?;
        map.end()
    }
}

/// The frame of what changed since `before`, of everything when that is empty; [`None`] = nothing did.
pub fn ctxs(venue: &Venue, before: &Prices, now: &Prices) -> Option<Vec<u8>> {
    let coins = venue.universe().iter().zip(now).enumerate();
    let changed = coins.filter_map(|(i, ((_, instrument), (mark, mid)))| {
        let before = before.get(i);
        let mark_px = (before.map(|b| b.0) != Some(*mark)).then(|| (*mark).into());
        let mid_px = (before.map(|b| b.1) != Some(*mid)).then(|| mid.map(Into::into));
        let is_news = mark_px.is_some() || mid_px.is_some();
        is_news.then_some((instrument.coin.as_str(), Changed { mark_px, mid_px }))
    });
    let changed: Vec<_> = changed.collect();
    if changed.is_empty() {
        return None;
    }
    let json = to_bytes(&Coins(changed));
    Some(frame("fastAssetCtxs", base64::of(&stored_deflate(&json))))
}

/// Raw DEFLATE (RFC 1951) of stored blocks: final flag and type, length, its complement, the bytes.
fn stored_deflate(bytes: &[u8]) -> Vec<u8> {
    const LONGEST: usize = u16::MAX as usize;
    let mut out = Vec::with_capacity(bytes.len() + 8);
    let count = bytes.len().div_ceil(LONGEST);
    for (i, block) in bytes.chunks(LONGEST).enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(i + 1 == count));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `zlib.compressobj(level=0, wbits=-15)` writes it.
    #[test]
    fn packing_is_what_the_standards_say() {
        assert_eq!(stored_deflate(b"hi"), [1, 2, 0, 0xfd, 0xff, b'h', b'i']);
        let long = vec![7; 65_536];
        let packed = stored_deflate(&long);
        assert_eq!(packed[..5], [0, 0xff, 0xff, 0, 0]);
        assert_eq!(packed[65_540..], [1, 1, 0, 0xfe, 0xff, 7]);
    }
}
