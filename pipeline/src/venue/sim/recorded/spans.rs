//! Between which prices orders of ours may stand: most news is of prices where none does.

use crate::types::{Px, Side};

/// Of each side the lowest and the highest price. It may be wider than where orders still are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spans([(Px, Px); 2]);

/// Of no order.
impl Default for Spans {
    fn default() -> Self {
        Self([(Px::from_raw(i64::MAX), Px::from_raw(i64::MIN)); 2])
    }
}

impl Spans {
    /// An order stands there.
    pub fn take_in(&mut self, side: Side, px: Px) {
        let (low, high) = &mut self.0[side.index()];
        (*low, *high) = (px.min(*low), px.max(*high));
    }

    /// Whether one may.
    #[inline]
    pub fn may_have(&self, side: Side, px: Px) -> bool {
        let (low, high) = self.0[side.index()];
        low <= px && px <= high
    }
}

/// Of these orders.
impl FromIterator<(Side, Px)> for Spans {
    fn from_iter<I: IntoIterator<Item = (Side, Px)>>(orders: I) -> Self {
        let mut spans = Self::default();
        orders.into_iter().for_each(|(side, px)| spans.take_in(side, px));
        spans
    }
}
