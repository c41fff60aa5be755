//! What a fill cost.

use super::{GatewayConfig, HlGateway};
use crate::types::AlertKind;
use crate::types::{Nanos, Usd, notional};
use crate::venue::Transport;
use crate::venue::hl::user::UserFill;

impl<T: Transport> HlGateway<T> {
    /// What a fill cost in USDC. What was paid in another token, or is more than the fill's value, is
    /// estimated by our rates, and said.
    pub(super) fn fee_of(&mut self, now: Nanos, told: &UserFill) -> Usd {
        let UserFill { fill, fee_is_usd, .. } = told;
        if *fee_is_usd && fill.fee.abs() <= notional(fill.px, fill.qty) {
            return fill.fee;
        }
        self.out.show(|view| view.estimated_fees += 1);
        if self.out.view.estimated_fees == 1 {
            self.out.notice(now, AlertKind::FeeEstimated);
        }
        let GatewayConfig { maker_fee, taker_fee, .. } = &self.wire.config;
        let rate = if fill.crossed { taker_fee } else { maker_fee };
        rate.fee_on(fill.px, fill.qty)
    }
}
