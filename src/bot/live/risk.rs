//! How what an alert tells of ends, and why it came.

use super::Live;
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::venue::hl::gateway::GatewayView;

impl Live {
    /// What the socket knows of a lost link, and the venue's own words for what it refuses.
    pub(super) fn reason_of(&self, kind: AlertKind) -> String {
        let why = match kind {
            AlertKind::LinkDown => self.tasks.links.trouble_of_orders().unwrap_or_default(),
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
        let parts = [why, self.tasks.risk.end_of(kind).unwrap_or_default()];
        parts.iter().filter(|part| !part.is_empty()).map(|part| format!(" ({part})")).collect()
    }
}
