//! Our profit against the account's, by the venue's own word.

use super::Live;
use crate::bot::session;
use crate::venue_api::worth;
use botmm_pipeline::types::{Qty, Usd};
use botmm_pipeline::venue::hl::gateway::GatewayView;

impl Live {
    /// What the venue says that we gained, and what was transferred; [`None`] when that cannot be said,
    /// and then the notes say why.
    pub(super) fn compare(&mut self) -> (Option<Usd>, Option<Usd>) {
        let m = &self.pipeline.metrics;
        let view = GatewayView::read(&self.link);
        let since = view.opening.map_or(self.start_time, |opening| opening.time);
        let asked = self
            .venue
            .closing(&session::marks(m))
            .and_then(|closing| Ok((closing, self.venue.transfers(since)?)));
        let ((closing, held), transfers) = match asked {
            Ok(answers) => answers,
            Err(e) => {
                self.notes.push(format!("the account could not be compared: {e}"));
                return (None, None);
            }
        };
        for (asset, instrument) in self.config.universe.iter() {
            let ours = Qty::from_raw(m.risk.position[asset.index()].get() as i64);
            let theirs = held[asset.index()];
            if ours != theirs && view.opening.is_some() {
                let coin = instrument.coin;
                self.notes.push(format!("{coin}: our position {ours}, the venue's {theirs}"));
            }
        }
        let told = transfers.unclear.is_none().then_some(transfers.sum);
        match worth::gained(&self.venue.start, &view, &closing, &transfers, m.risk.fees.usd()) {
            Ok(net) => (Some(net), told),
            Err(why) => {
                self.notes.push(format!("not compared with the venue's account: {why}"));
                (None, told)
            }
        }
    }
}
