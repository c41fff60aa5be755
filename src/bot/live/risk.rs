//! What the side thread does for the risk stage: keeps its state for the next run, hands on a person's
//! request to re-arm, and says how what an alert tells of ends.

use super::Live;
use crate::when::utc;
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::RiskCommand;
use botmm_pipeline::venue::hl::gateway::GatewayView;

impl Live {
    /// Keeps the risk state for the next run, and hands on a person's request to re-arm.
    pub(super) fn keep_risk(&mut self) {
        let control = &mut self.pipeline.control;
        // A full ring refuses, and the request is found again at the next look.
        if self.risk.is_asked(self.clock.now()) && control.risk.push(RiskCommand::Rearm).is_ok() {
            self.risk.hand_over(self.clock.now());
        }
        if let Err(e) = self.risk.keep(self.clock.now()) {
            self.say(format!("{} {e}", utc(self.clock.now())));
        }
    }

    /// What the socket knows of a lost link, and the venue's own words for what it refuses.
    pub(super) fn reason_of(&self, kind: AlertKind) -> String {
        let why = match kind {
            AlertKind::LinkDown => self.sockets[1].1.last_error().unwrap_or_default(),
            AlertKind::ApiErrors
            | AlertKind::Refused
            | AlertKind::Throttled
            | AlertKind::CoinPaused
            | AlertKind::CancelRefused
            | AlertKind::Complaint => GatewayView::read(&self.link).text.as_str().to_owned(),
            AlertKind::ClockSkew => {
                let skew_s = GatewayView::read(&self.link).clock_skew_ms as f64 / 1e3;
                let side = if skew_s > 0.0 { "ahead" } else { "behind" };
                format!("{:.1} s {side}", skew_s.abs())
            }
            _ => String::new(),
        };
        let parts = [why, self.risk.end_of(kind).unwrap_or_default()];
        parts.iter().filter(|part| !part.is_empty()).map(|part| format!(" ({part})")).collect()
    }
}
