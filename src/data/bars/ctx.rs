//! `ctxs_COIN.csv`: what the venue said of a coin (`activeAssetCtx`, or a line of its archive's
//! `asset_ctxs`). Numbers are kept as the text that they came as.

use super::table::{Columns, time};
use crate::data::time::{LOCAL, Millis, Seconds, TimeColumn, TimeForm, VENUE};
use crate::masked::excerpt;
use botmm_pipeline::types::{Coin, Nanos};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write as _;

/// The header.
pub const HEADER: &str = "timestamp,exchange_timestamp,funding,open_interest,mark_price,oracle_price,mid_price,premium,prev_day_price,day_notional_volume,day_base_volume,impact_bid_price,impact_ask_price";
/// Our columns behind the times, and the archive's names of them.
const VALUES: [(&str, &str); 11] = [
    ("funding", "funding"),
    ("open_interest", "open_interest"),
    ("mark_price", "mark_px"),
    ("oracle_price", "oracle_px"),
    ("mid_price", "mid_px"),
    ("premium", "premium"),
    ("prev_day_price", "prev_day_px"),
    ("day_notional_volume", "day_ntl_vlm"),
    ("day_base_volume", "day_base_vlm"),
    ("impact_bid_price", "impact_bid_px"),
    ("impact_ask_price", "impact_ask_px"),
];
/// Of these, what is always told.
const NEEDED: [usize; 3] = [0, 2, 3];
/// What may be below zero.
const SIGNED: [usize; 2] = [0, 5];
/// The archive's column of the coin.
const COIN: &str = "coin";

/// What was said at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ctx {
    /// When it was received, where it is known.
    pub recv_time: Option<Nanos>,
    /// When the venue said it, where it is known.
    pub venue_time: Option<Nanos>,
    /// In the order of the columns; empty = not told.
    values: [String; VALUES.len()],
}

impl Ctx {
    /// The rate an hour, as it was told.
    pub fn funding(&self) -> &str {
        &self.values[0]
    }

    /// When it was said, by the venue's clock if that is known.
    pub fn time(&self) -> Nanos {
        self.venue_time.or(self.recv_time).unwrap_or_default()
    }

    /// Writes its row.
    pub fn row(&self, line: &mut String) {
        // Writing to a string does not fail.
        if let Some(recv) = self.recv_time {
            let _ = write!(line, "{}", Seconds(recv));
        }
        line.push(',');
        if let Some(venue) = self.venue_time {
            let _ = write!(line, "{}", Millis(venue));
        }
        for value in &self.values {
            line.push(',');
            line.push_str(value);
        }
        line.push('\n');
    }

    /// Of a frame of `activeAssetCtx`, and of which coin.
    ///
    /// # Errors
    /// In words what is not sound.
    pub fn of_frame(json: &[u8], recv_time: Nanos) -> Result<(Coin, Self), String> {
        let Frame { data } = serde_json::from_slice(json)
            .map_err(|e| format!("not a frame of activeAssetCtx: {e}"))?;
        let Told { coin, ctx } = data;
        let name =
            Coin::new(coin).ok_or_else(|| format!("`{}` is no coin", excerpt(coin.as_bytes())))?;
        let [bid, ask] = ctx.impact_pxs.unwrap_or_default();
        let told = [
            ctx.funding,
            ctx.open_interest,
            ctx.mark_px,
            ctx.oracle_px,
            ctx.mid_px,
            ctx.premium,
            ctx.prev_day_px,
            ctx.day_ntl_vlm,
            ctx.day_base_vlm,
            bid,
            ask,
        ];
        let text = |raw: Option<&RawValue>| match raw.map(RawValue::get) {
            None | Some("null") => String::new(),
            Some(text) => text.trim_matches('"').to_owned(),
        };
        let ctx = Self { recv_time: Some(recv_time), venue_time: None, values: told.map(text) };
        ctx.check()?;
        Ok((name, ctx))
    }

    fn check(&self) -> Result<(), String> {
        for (i, value) in self.values.iter().enumerate() {
            let number = value.strip_prefix('-').filter(|_| SIGNED.contains(&i)).unwrap_or(value);
            if value.is_empty() && !NEEDED.contains(&i) || is_number(number) {
                continue;
            }
            let (name, text) = (VALUES[i].0, excerpt(value.as_bytes()));
            return Err(format!("column `{name}` is `{text}`: not a number that it can be"));
        }
        Ok(())
    }
}

/// Digits, perhaps with a point among them and an exponent behind them.
fn is_number(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    is_digits(whole) && is_digits(part) && is_digits(exponent)
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    data: Told<'a>,
}

#[derive(Deserialize)]
struct Told<'a> {
    coin: &'a str,
    #[serde(borrow)]
    ctx: Wire<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    funding: Option<&'a RawValue>,
    #[serde(borrow)]
    open_interest: Option<&'a RawValue>,
    #[serde(borrow)]
    mark_px: Option<&'a RawValue>,
    #[serde(borrow)]
    oracle_px: Option<&'a RawValue>,
    #[serde(borrow)]
    mid_px: Option<&'a RawValue>,
    #[serde(borrow)]
    premium: Option<&'a RawValue>,
    #[serde(borrow)]
    prev_day_px: Option<&'a RawValue>,
    #[serde(borrow)]
    day_ntl_vlm: Option<&'a RawValue>,
    #[serde(borrow)]
    day_base_vlm: Option<&'a RawValue>,
    #[serde(borrow)]
    impact_pxs: Option<[Option<&'a RawValue>; 2]>,
}

/// Reads the rows below a header: ours, of one coin, or the archive's, which name theirs.
pub struct CtxTable {
    columns: Columns,
    recv: (Option<usize>, TimeColumn),
    venue: (Option<usize>, TimeColumn),
    coin: Option<usize>,
    values: [Option<usize>; VALUES.len()],
}

impl CtxTable {
    /// For the rows below a header; [`None`] when it is not one of contexts.
    ///
    /// # Errors
    /// It is, and lacks a column.
    pub fn new(header: &[u8]) -> Option<Result<Self, String>> {
        let columns = Columns::new(header);
        columns.find("funding").and(columns.find("open_interest"))?;
        let values =
            VALUES.map(|(ours, theirs)| columns.find(ours).or_else(|| columns.find(theirs)));
        if let Some(lacking) = NEEDED.into_iter().find(|i| values[*i].is_none()) {
            let (ours, theirs) = VALUES[lacking];
            let name = if columns.find("time").is_some() { theirs } else { ours };
            return Some(Err(format!(
                "column `{name}` is missing; expected {HEADER}, or the header of the venue's asset_ctxs"
            )));
        }
        let coin = columns.find(COIN);
        let (recv, venue) =
            (columns.find(LOCAL), columns.find(VENUE).or_else(|| columns.find("time")));
        if recv.or(venue).is_none() {
            return Some(Err(format!(
                "no column tells the time; expected {HEADER}, or the header of the venue's asset_ctxs"
            )));
        }
        Some(Ok(Self {
            columns,
            recv: (recv, TimeColumn::new(TimeForm::Seconds)),
            venue: (venue, TimeColumn::new(TimeForm::Millis)),
            coin,
            values,
        }))
    }

    /// The context of a row, and its coin where the row names it.
    ///
    /// # Errors
    /// In words what is not sound.
    pub fn row(&mut self, line: &[u8]) -> Result<(Option<Coin>, Ctx), String> {
        self.columns.split(line)?;
        let columns = &self.columns;
        let is_there = |column: &usize| !columns.text(line, *column).is_empty();
        let at = |(column, times): &mut (Option<usize>, TimeColumn)| {
            column.filter(is_there).map(|c| time(columns, line, c, times)).transpose()
        };
        let (recv_time, venue_time) = (at(&mut self.recv)?, at(&mut self.venue)?);
        if recv_time.or(venue_time).is_none() {
            return Err("a row without a time".to_owned());
        }
        let coin = self.coin.map(|c| {
            let name = std::str::from_utf8(columns.text(line, c)).ok().and_then(Coin::new);
            name.ok_or_else(|| columns.bad(line, c, "not the name of a coin"))
        });
        let text = |column: Option<usize>| {
            let text = column.map(|c| String::from_utf8_lossy(columns.text(line, c)).into_owned());
            // What a table of numbers writes where there is none.
            text.filter(|t| !["nan", "null"].iter().any(|none| t.eq_ignore_ascii_case(none)))
                .unwrap_or_default()
        };
        let ctx = Ctx { recv_time, venue_time, values: self.values.map(text) };
        ctx.check()?;
        Ok((coin.transpose()?, ctx))
    }
}
