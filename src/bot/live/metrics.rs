//! What Prometheus reads of a run: made once a second, for whoever asks.

use super::Live;
use super::local::{NewestText, Shown};
use crate::net::WsState;
use crate::side::alert::{Alert, Level, Topic};
use crate::ui::prometheus::{Drift, Scrape};
use botmm_pipeline::stage::status::{AssetStatus, StrategyStatus};
use botmm_pipeline::venue::hl::gateway::GatewayView;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often it is made anew.
const EVERY: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Exposed {
    /// Who answers; [`None`] = nobody listens.
    to: Option<Shown>,
    text: NewestText,
    next: Instant,
    /// Alerts by level and topic.
    alerts: BTreeMap<(&'static str, &'static str), u64>,
}

impl Exposed {
    /// By this port, which answers with this text, or nowhere.
    pub(super) fn by(to: Option<Shown>, text: NewestText) -> Self {
        // Each from the start: of a counter that begins with one nobody sees the one.
        let topics = |level: Level| Topic::ALL.map(|topic| ((level.as_str(), topic.as_str()), 0));
        let alerts = Level::ALL.into_iter().flat_map(topics).collect();
        Self { to, text, next: Instant::now(), alerts }
    }

    /// Counts an alert.
    pub(super) fn count(&mut self, alert: &Alert) {
        *self.alerts.entry((alert.level.as_str(), alert.topic.as_str())).or_default() += 1;
    }

    /// Whether it is time again.
    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.to.is_some() && now >= self.next;
        if is_due {
            self.next = now + EVERY;
        }
        is_due
    }
}

impl Live {
    /// Makes it anew when it is time.
    pub(super) fn expose(&mut self) {
        if self.exposed.is_due() {
            self.exposed.text.set(self.scrape());
        }
    }

    fn scrape(&self) -> String {
        let assets: Vec<_> = self.pipeline.status.iter().map(AssetStatus::read).collect();
        let strategies: Vec<_> = self.pipeline.strategy.iter().map(StrategyStatus::read).collect();
        let latencies: Vec<_> = self.pipeline.latencies.spans().collect();
        let steps: Vec<_> = self.pipeline.trips.spans().collect();
        let stamps = self.tasks.links.sockets().each_ref().map(|(name, socket)| {
            let counts = socket.counts();
            (*name, [counts.unstamped, counts.stamps_dropped])
        });
        let view = GatewayView::read(&self.link);
        let connections = self.tasks.links.sockets().each_ref().map(|(name, socket)| {
            let counts = socket.counts();
            let counts = [counts.opened, counts.frames, counts.sent];
            (*name, socket.state() == WsState::Open, counts)
        });
        let feed = self.tasks.links.feed();
        let feed = [
            ("bad_frame", &feed.bad_frames),
            ("replayed_trade", &feed.replayed_trades),
            ("link_lost", &feed.losses),
            ("coin_silent", &feed.silences),
            ("coin_refused", &feed.refusals),
            ("resubscribed", &feed.resubscriptions),
            ("dated_ahead", &feed.ahead),
        ];
        let feed = feed.map(|(kind, count)| (kind, count.load(Ordering::Relaxed)));
        let now = self.clock.now();
        let (unattended, _) = self.tasks.links.unattended(now).unwrap_or_default();
        let (drift, doubts) = (self.tasks.reconcile.drift(), self.tasks.reconcile.doubts());
        Scrape {
            is_killed: self.tasks.killer.why().is_some(),
            rungs: &self.rungs(),
            unattended,
            drift: Drift {
                age: drift.compared.map(|compared| now - compared),
                positions: &drift.positions,
                orders: drift.orders,
                gained: drift.gained,
                doubts: &doubts,
            },
            webhooks: &self.tasks.notify.counts(),
            version: env!("CARGO_PKG_VERSION"),
            network: self.about.network,
            started: self.start_time,
            opening: view.opening.map(|_| self.venue.start.value),
            requests: view.requests,
            clock_skew_ms: view.clock_skew_ms,
            order_link: (view.is_up, view.losses),
            connections: &connections,
            feed: &feed,
            universe: &self.config.universe,
            assets: &assets,
            strategies: &strategies,
            numbers: &self.pipeline.metrics.numbers(self.config.universe.len()),
            latencies: &latencies,
            steps: &steps,
            trips: self.pipeline.trips.counted_from(),
            over_budget: self.pipeline.trips.breaches(),
            stamps: &stamps,
            rings: &self.pipeline.rings,
            commentary_dropped: self.commentary_dropped(),
            alerts: &self.exposed.alerts,
        }
        .text()
    }
}
