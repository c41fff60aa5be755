//! What one block brought, kept until its end: what belongs together is sent together.

use crate::exchange::model::{
    FundingPayment, Liquidated, Order, PublicTrade, TwapChange, UserFill,
};
use botmm_pipeline::types::AssetId;
use botmm_pipeline::venue::hl::sign::Address;

/// The events of a block so far.
#[derive(Debug, Default)]
pub struct Block {
    /// Public trades.
    pub trades: Vec<PublicTrade>,
    /// Orders as they now stand, one for each change.
    pub orders: Vec<Order>,
    /// Fills of users.
    pub fills: Vec<UserFill>,
    /// Hourly payments.
    pub fundings: Vec<FundingPayment>,
    /// Accounts that were liquidated.
    pub liquidations: Vec<Liquidated>,
    /// What became of TWAP orders.
    pub twaps: Vec<TwapChange>,
    /// Marks were updated: every account's value moved.
    pub marks: bool,
}

impl Block {
    /// Forgets it; keeps its memory.
    pub fn clear(&mut self) {
        self.trades.clear();
        self.orders.clear();
        self.fills.clear();
        self.fundings.clear();
        self.liquidations.clear();
        self.twaps.clear();
        self.marks = false;
    }

    /// Whether any of it is of this asset's trades.
    pub fn has_trades(&self, asset: AssetId) -> bool {
        self.trades.iter().any(|t| t.asset == asset)
    }

    /// This user's changed orders.
    pub fn orders_of(&self, user: &Address) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(move |o| o.user == *user)
    }

    /// This user's fills.
    pub fn fills_of(&self, user: &Address) -> impl Iterator<Item = &UserFill> {
        self.fills.iter().filter(move |f| f.user == *user)
    }

    /// This user's payments.
    pub fn fundings_of(&self, user: &Address) -> impl Iterator<Item = &FundingPayment> {
        self.fundings.iter().filter(move |p| p.user == *user)
    }

    /// What became of this user's TWAP orders.
    pub fn twaps_of(&self, user: &Address) -> impl Iterator<Item = &TwapChange> {
        self.twaps.iter().filter(move |change| change.twap.user == *user)
    }

    /// Whether any of this user's TWAP orders began, ended or traded.
    pub fn slices(&self, user: &Address) -> bool {
        self.twaps_of(user).next().is_some() || self.fills_of(user).any(|f| f.twap_id.is_some())
    }

    /// Whether anything of this user's changed.
    pub fn touches(&self, user: &Address) -> bool {
        self.orders_of(user).next().is_some()
            || self.fills_of(user).next().is_some()
            || self.fundings_of(user).next().is_some()
    }
}
