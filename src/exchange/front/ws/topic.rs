//! One distinct subscription with everybody who wants it: each frame is written once.

use super::block::Block;
use super::message::Subscription;
use super::{fast, frames};
use crate::exchange::ConnId;
use crate::exchange::front::info::book::{self, Rounding};
use crate::exchange::front::shapes::LevelShape;
use crate::exchange::venue::Venue;
use botmm_pipeline::types::{AssetId, Nanos};

/// How often a slow book is sent at most.
const SLOW_BOOK: Nanos = Nanos::millis(500);

/// Who wants it, and what was sent last.
#[derive(Debug, Default)]
pub struct Topic {
    /// In the order in which they came.
    pub subscribers: Vec<ConnId>,
    /// When a slow book was sent last.
    pushed: Nanos,
    touch: [Option<LevelShape>; 2],
    /// What `fastAssetCtxs` last told.
    prices: fast::Prices,
    /// The last frame of a channel that is sent on change.
    last: Vec<u8>,
}

impl Topic {
    /// The first frame for a new subscriber, where the venue sends one. A topic's very first frame
    /// counts as what was sent last: the next block does not repeat it.
    pub fn first(&mut self, s: &Subscription, venue: &Venue, replay: usize) -> Option<Vec<u8>> {
        let frame = self.state(s, venue, replay)?;
        if self.subscribers.len() <= 1 {
            self.last.clone_from(&frame);
            if let (Subscription::Bbo { .. }, Some(asset)) = (s, asset_of(s, venue)) {
                self.touch = book::touch(venue, asset);
            }
            if *s == Subscription::FastAssetCtxs {
                self.prices = fast::prices(venue);
            }
        }
        Some(frame)
    }

    fn state(&self, s: &Subscription, venue: &Venue, replay: usize) -> Option<Vec<u8>> {
        use Subscription as S;
        let asset = asset_of(s, venue);
        match s {
            S::Trades { .. } => {
                (replay > 0).then_some(())?;
                Some(frames::recent_trades(venue, asset?, replay))
            }
            // What is out of sight is no news, to new subscribers neither.
            S::Bbo { .. } | S::L2Book { .. } | S::ActiveAssetCtx { .. }
                if venue.is_stale(asset?) =>
            {
                None
            }
            S::Bbo { .. } => Some(frames::bbo(venue, asset?, &book::touch(venue, asset?))),
            S::L2Book { .. } => Some(book_frame(s, venue, asset?)),
            S::Candle { interval, .. } => frames::candle(venue, asset?, *interval),
            S::ActiveAssetCtx { .. } => Some(frames::asset_ctx(venue, asset?)),
            S::AllDexsAssetCtxs => Some(frames::all_ctxs(venue)),
            S::AllMids { dex } => Some(frames::mids(venue, *dex)),
            S::ActiveAssetData { user, coin } => frames::active_asset(venue, user, coin),
            S::WebData3 { user } => Some(frames::web_data(venue, user)),
            S::OrderUpdates { .. } | S::UserEvents { .. } | S::Notification { .. } => None,
            S::FastAssetCtxs => fast::ctxs(venue, &Vec::new(), &fast::prices(venue)),
            S::OutcomeMetaUpdates => None,
            _ => frames::series_snapshot(venue, s).or_else(|| frames::state(venue, s)),
        }
    }

    /// What a block that ended gives its subscribers.
    pub fn block(
        &mut self,
        s: &Subscription,
        venue: &Venue,
        block: &Block,
        out: &mut Vec<Vec<u8>>,
    ) {
        use Subscription as S;
        let asset = asset_of(s, venue);
        match (s, asset) {
            (S::Trades { .. }, Some(asset)) => out.extend(frames::trades(venue, asset, block)),
            (S::Bbo { .. } | S::L2Book { .. } | S::ActiveAssetCtx { .. }, Some(asset))
                if venue.is_stale(asset) => {}
            (S::Bbo { .. }, Some(asset)) => {
                let touch = book::touch(venue, asset);
                if touch != self.touch {
                    out.push(frames::bbo(venue, asset, &touch));
                    self.touch = touch;
                }
            }
            (S::L2Book { fast, .. }, Some(asset)) => {
                if *fast || venue.time() - self.pushed >= SLOW_BOOK {
                    self.pushed = venue.time();
                    out.push(book_frame(s, venue, asset));
                }
            }
            (S::Candle { interval, .. }, Some(asset)) if block.has_trades(asset) => {
                self.changed(frames::candle(venue, asset, *interval), out);
            }
            (S::ActiveAssetCtx { .. }, Some(asset)) if block.marks => {
                self.changed(Some(frames::asset_ctx(venue, asset)), out);
            }
            (S::AllDexsAssetCtxs, _) if block.marks => {
                self.changed(Some(frames::all_ctxs(venue)), out);
            }
            (S::FastAssetCtxs, _) => {
                let now = fast::prices(venue);
                out.extend(fast::ctxs(venue, &self.prices, &now));
                self.prices = now;
            }
            (S::AllMids { dex }, _) => self.changed(Some(frames::mids(venue, *dex)), out),
            _ => self.user_block(s, venue, block, out),
        }
    }

    /// The same, of a user's channels.
    fn user_block(
        &mut self,
        s: &Subscription,
        venue: &Venue,
        block: &Block,
        out: &mut Vec<Vec<u8>>,
    ) {
        use Subscription as S;
        let Some(user) = s.user() else { return };
        let is_touched = block.touches(&user.0);
        match s {
            S::OrderUpdates { .. } => out.extend(frames::order_updates(venue, user, block)),
            S::UserEvents { .. } => frames::user_events(venue, user, block, out),
            S::Notification { .. } => frames::notifications(venue, user, block, out),
            S::ActiveAssetData { coin, .. } if is_touched || block.marks => {
                self.changed(frames::active_asset(venue, user, coin), out);
            }
            S::ClearinghouseState { .. } | S::AllDexsClearinghouseState { .. }
                if is_touched || block.marks =>
            {
                out.extend(frames::state(venue, s));
            }
            S::TwapStates { .. } if block.slices(&user.0) => out.extend(frames::state(venue, s)),
            S::OpenOrders { .. } if is_touched => out.extend(frames::state(venue, s)),
            S::WebData3 { .. } if is_touched => out.push(frames::web_data(venue, user)),
            _ => out.extend(frames::series_update(venue, s, block)),
        }
    }

    /// Sends a frame if it says something else than the last one did.
    fn changed(&mut self, frame: Option<Vec<u8>>, out: &mut Vec<Vec<u8>>) {
        if let Some(frame) = frame.filter(|frame| *frame != self.last) {
            self.last.clone_from(&frame);
            out.push(frame);
        }
    }
}

/// The asset of a coin's channel.
fn asset_of(subscription: &Subscription, venue: &Venue) -> Option<AssetId> {
    venue.universe().find(subscription.coin()?.as_bytes())
}

fn book_frame(subscription: &Subscription, venue: &Venue, asset: AssetId) -> Vec<u8> {
    let rounding = match *subscription {
        Subscription::L2Book { n_sig_figs, mantissa, fast, .. } => {
            Rounding { n_sig_figs, mantissa, fast }
        }
        _ => Rounding::default(),
    };
    frames::frame("l2Book", book::book(venue, asset, rounding))
}
