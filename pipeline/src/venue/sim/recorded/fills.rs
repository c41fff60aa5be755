//! Where the executions of a recorded market go.

use super::{GENERATED_TID, OwnOrder};
use crate::types::{FillCause, Nanos, Qty};
use crate::venue::sim::{Execution, MarketOutput};

/// Where executions go, and the source of made-up trade ids.
pub(super) struct Fills<'a> {
    pub out: &'a mut MarketOutput,
    pub generated: &'a mut u64,
}

impl Fills<'_> {
    /// Fills `qty` of an order at its own price. A trade id must not come twice (fills are counted
    /// once by it), so `tid` is taken by the first order that a public trade fills.
    pub fn fill(
        &mut self,
        (time, cause): (Nanos, FillCause),
        order: &mut OwnOrder,
        qty: Qty,
        tid: &mut Option<u64>,
    ) {
        if !qty.is_positive() {
            return;
        }
        order.leaves -= qty;
        let tid = tid.take().unwrap_or_else(|| {
            *self.generated += 1;
            GENERATED_TID | *self.generated
        });
        let OwnOrder { oid, px, .. } = *order;
        self.out.executions.push(Execution { time, oid, px, qty, tid, cause: Some(cause) });
    }
}
