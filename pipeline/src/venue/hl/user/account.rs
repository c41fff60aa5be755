//! Fills, funding, positions and what else happens to the account (PROTOCOL §2.4, §2.7, §5.4).

use super::error::{Fault, UserError};
use super::event::{Funding, Liquidation, MarginSummary, UserEvent, UserFill, Via};
use super::json::{Numbers, Value};
use super::read::{Done, Reader, cloid, side, via};
use crate::types::limits::{MAX_ASSETS, MAX_PX};
use crate::types::{AssetId, Fill, Px, Qty, SCALE, Usd};
use crate::venue::hl::sign::Address;

impl Reader<'_> {
    /// The channel `user`: one of four things, which have nothing in common.
    pub fn user(&mut self, data: Value) -> Done {
        let [fills, funding, cancels, liquidation] =
            data.keys(["fills", "funding", "nonUserCancel", "liquidation"])?;
        if let Some(fills) = fills.present() {
            self.fills(fills, Via::Stream)?;
        }
        if let Some(funding) = funding.present() {
            self.funding(funding, Via::Stream)?;
        }
        if let Some(cancels) = cancels.present() {
            for item in cancels.items()? {
                let [coin, oid] = item.keys(["coin", "oid"])?;
                let ((asset, _), oid) = (self.asset(coin)?, oid.oid()?);
                self.emit(UserEvent::NonUserCancel { asset, oid })?;
            }
        }
        if let Some(liquidation) = liquidation.present() {
            self.liquidation(liquidation)?;
        }
        Ok(())
    }

    fn liquidation(&mut self, v: Value) -> Done {
        let [user, ntl_pos, account_value] =
            v.keys(["liquidated_user", "liquidated_ntl_pos", "liquidated_account_value"])?;
        let usd = |v| Numbers::AnyOrZero.usd(v);
        self.emit(UserEvent::Liquidation(Liquidation {
            user: user.text().ok().and_then(Address::parse),
            ntl_pos: usd(ntl_pos)?,
            account_value: usd(account_value)?,
        }))
    }

    pub fn user_fills(&mut self, data: Value) -> Done {
        let [is_snapshot, fills] = data.keys(["isSnapshot", "fills"])?;
        self.fills(fills, via(is_snapshot)?)
    }

    /// A list of fills, oldest or newest first as the venue has it.
    pub fn fills(&mut self, list: Value, via: Via) -> Done {
        let mut total = 0;
        for item in list.items()? {
            let fill = self.fill(item, via)?;
            self.emit(UserEvent::Fill(fill))?;
            total += 1;
        }
        match via {
            Via::Stream => Ok(()),
            _ => self.emit(UserEvent::FillsEnd { via, total }),
        }
    }

    fn fill(&self, v: Value, via: Via) -> Result<UserFill, UserError> {
        let [coin, px, sz, side, time, start, oid, crossed] =
            v.keys(["coin", "px", "sz", "side", "time", "startPosition", "oid", "crossed"])?;
        let [fee, fee_token, tid, cloid, liquidation] =
            v.keys(["fee", "feeToken", "tid", "cloid", "liquidation"])?;
        let (asset, numbers) = self.asset(coin)?;
        let side = self::side(side)?;
        // A fill without an id could not be counted once.
        let tid = match numbers {
            Numbers::Sound => tid.unsigned()?,
            Numbers::AnyOrZero => tid.unsigned().unwrap_or(0),
        };
        let (px, qty) = (numbers.positive_px(px)?, numbers.positive_qty(sz)?);
        // What cannot be read as USDC is told as such: a fill must not be lost to its fee.
        let fee_is_usd = fee_token.text().map_or(true, |token| token.trim() == "USDC");
        let fee = match fee_is_usd {
            true => numbers.usd(fee)?,
            false => Numbers::AnyOrZero.usd(fee)?,
        };
        Ok(UserFill {
            via,
            asset,
            cloid: self::cloid(cloid),
            fill: Fill {
                oid: oid.oid()?,
                px,
                qty,
                fee,
                tid,
                side,
                crossed: crossed.flag()?,
                ..Fill::default()
            },
            time: time.time()?,
            start_position: numbers.position(start)?,
            fee_is_usd,
            liquidated: liquidation.present().map(liquidated_user),
        })
    }

    pub fn user_fundings(&mut self, data: Value) -> Done {
        let [is_snapshot, fundings] = data.keys(["isSnapshot", "fundings"])?;
        self.fundings(fundings, via(is_snapshot)?)
    }

    /// That money moved, whatever the entries say: their shape is not documented. What the first frame
    /// lists is of before.
    pub fn ledger_updates(&mut self, data: Value) -> Done {
        let [is_snapshot] = data.keys(["isSnapshot"])?;
        match via(is_snapshot)? {
            Via::Stream => self.emit(UserEvent::LedgerUpdate),
            _ => Ok(()),
        }
    }

    /// A list of funding payments.
    pub fn fundings(&mut self, list: Value, via: Via) -> Done {
        let mut total = 0;
        for item in list.items()? {
            self.funding(item, via)?;
            total += 1;
        }
        match via {
            Via::Stream => Ok(()),
            _ => self.emit(UserEvent::FundingsEnd { via, total }),
        }
    }

    /// Flat on the channels; as a `delta` in the answer of `/info`.
    fn funding(&mut self, v: Value, via: Via) -> Done {
        let [time, delta] = v.keys(["time", "delta"])?;
        let [coin, usdc] = delta.present().unwrap_or(v).keys(["coin", "usdc"])?;
        let (asset, numbers) = self.asset(coin)?;
        let usdc = numbers.usd(usdc)?;
        self.emit(UserEvent::Funding(Funding { via, asset, usdc, time: time.time()? }))
    }

    pub fn clearinghouse_channel(&mut self, data: Value) -> Done {
        let [state] = data.keys(["clearinghouseState"])?;
        self.clearinghouse(state, None)
    }

    /// Positions, then the account.
    pub fn clearinghouse(&mut self, v: Value, id: Option<u64>) -> Done {
        let [margin, cross, withdrawable, list, time] = v.keys([
            "marginSummary",
            "crossMarginSummary",
            "withdrawable",
            "assetPositions",
            "time",
        ])?;
        let (mut positions, mut told) = (0, [false; MAX_ASSETS]);
        for item in list.items()? {
            if let Some(asset) = self.position(item, id)?
                && core::mem::replace(&mut told[asset.index()], true)
            {
                return Err(item.error(Fault::Duplicate)); // Which one holds is anybody's guess.
            }
            positions += 1;
        }
        let summary = if margin.present().is_some() { margin } else { cross };
        let [value, raw, used] =
            summary.keys(["accountValue", "totalRawUsd", "totalMarginUsed"])?;
        let usd = |v| Numbers::Sound.usd(v);
        let account = MarginSummary {
            account_value: usd(value)?,
            total_raw_usd: usd(raw)?,
            margin_used: usd(used)?,
            withdrawable: usd(withdrawable)?,
            time: time.present().map(Value::time).transpose()?,
            positions,
        };
        self.emit(UserEvent::AccountState { id, account })
    }

    /// One position; of which of our coins.
    fn position(&mut self, item: Value, id: Option<u64>) -> Result<Option<AssetId>, UserError> {
        let [position] = item.keys(["position"])?;
        let [coin, szi, entry_px, value] =
            position.keys(["coin", "szi", "entryPx", "positionValue"])?;
        let (asset, numbers) = self.asset(coin)?;
        let szi = numbers.position(szi)?;
        let entry_px = entry_px.present().map_or(Ok(Px::ZERO), |entry| numbers.px(entry))?;
        let value = value.present().map_or(Ok(Usd::ZERO), |v| numbers.usd(v))?;
        let mark_px = px_of(value, szi);
        self.emit(UserEvent::Position { id, asset, szi, entry_px, mark_px })?;
        Ok(asset)
    }
}

/// The price at which a position has this value, to the nearest 1e-8; zero when that says nothing.
fn px_of(value: Usd, szi: Qty) -> Px {
    let (value, szi) = (i128::from(value.raw()) * i128::from(SCALE), i128::from(szi.raw().abs()));
    let rounded = (value + szi / 2).checked_div(szi).and_then(|px| i64::try_from(px).ok());
    let sound = |px: &i64| (0..=MAX_PX.raw()).contains(px);
    Px::from_raw(rounded.filter(sound).unwrap_or(0))
}

/// The account in a fill's `liquidation`. It cannot be left out for being unreadable: then the fill
/// would look ordinary.
fn liquidated_user(v: Value) -> Address {
    let user = v.keys(["liquidatedUser"]).and_then(|[user]| user.text());
    user.ok().and_then(Address::parse).unwrap_or_default()
}
