//! Our profit against the account's, by the venue's own word.

use super::Live;
use crate::bot::session;
use crate::venue_api::worth;
use botmm_pipeline::stage::numbers::Numbers;
use botmm_pipeline::types::Usd;
use botmm_pipeline::venue::hl::gateway::GatewayView;

impl Live {
    /// What the venue says that we gained, and what was transferred; [`None`] when that cannot be said,
    /// and then the notes say why.
    pub(super) fn compare(&mut self, numbers: &Numbers) -> (Option<Usd>, Option<Usd>) {
        let view = GatewayView::read(&self.link);
        let since = view.opening.map_or(self.start_time, |opening| opening.time);
        let asked = self
            .venue
            .closing(&session::marks(numbers))
            .and_then(|closing| Ok((closing, self.venue.transfers(since)?)));
        let ((closing, held), transfers) = match asked {
            Ok(answers) => answers,
            Err(e) => {
                self.about.notes.push(format!("the account could not be compared: {e}"));
                return (None, None);
            }
        };
        for (asset, instrument) in self.config.universe.iter() {
            let ours = numbers.assets[asset.index()].position;
            let theirs = held[asset.index()];
            if ours != theirs && view.opening.is_some() {
                let coin = instrument.coin;
                self.about.notes.push(format!("{coin}: our position {ours}, the venue's {theirs}"));
            }
        }
        let told = transfers.unclear.is_none().then_some(transfers.sum);
        match worth::gained(&self.venue.start, &view, &closing, &transfers, numbers.fees) {
            Ok(net) => (Some(net), told),
            Err(why) => {
                self.about.notes.push(format!("not compared with the venue's account: {why}"));
                (None, told)
            }
        }
    }
}
