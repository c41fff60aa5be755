//! The state of a running bot as Prometheus reads it: text format 0.0.4, names by its conventions (base
//! units, `_total` for what only grows).

use crate::rungs::Rungs;
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::rt::{LATENCY_BOUNDS_NS, RingStats, StageSpans};
use botmm_pipeline::stage::numbers::Numbers;
use botmm_pipeline::stage::status::{AssetStatus, StrategyStatus};
use botmm_pipeline::types::{Nanos, Qty, Reason, RiskState, Side, Universe, Usd, notional};
use botmm_pipeline::venue::SigningCounts;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::Arc;
use std::time::Duration;

/// The kinds of market events, in the order of [`Numbers::events_by_kind`].
const EVENT_KINDS: [&str; 5] = ["book", "bbo", "trade", "status", "mark"];

/// What is told at one moment.
pub struct Scrape<'a> {
    /// Of the program.
    pub version: &'a str,
    /// Which network it is.
    pub network: &'a str,
    /// When the run began.
    pub started: Nanos,
    /// What the account was worth then, by the venue; [`None`] = not told yet.
    pub opening: Option<Usd>,
    /// Nothing is quoted since a kill.
    pub is_killed: bool,
    /// Who would cancel what rests, were the bot gone.
    pub rungs: &'a Rungs,
    /// How long nobody has looked after what rests.
    pub unattended: Duration,
    /// How far the venue's word is from ours.
    pub drift: Drift<'a>,
    /// By webhook: its name, notes dropped since the start, and notes that wait.
    pub webhooks: &'a [(&'a str, [u64; 2])],
    /// Requests used and allowed, when last asked.
    pub requests: (u64, u64),
    /// Our clock minus the venue's, milliseconds.
    pub clock_skew_ms: i64,
    /// The order link is up and reconciled; and how often it was lost.
    pub order_link: (bool, u64),
    /// By connection: its name, whether it is open, how often it was opened, frames in and out.
    pub connections: &'a [(&'a str, bool, [u64; 3])],
    /// What the feed counted, by what.
    pub feed: &'a [(&'a str, u64)],
    /// The assets.
    pub universe: &'a Universe,
    /// Their states, in the universe's order.
    pub assets: &'a [AssetStatus],
    /// What their strategies do, likewise.
    pub strategies: &'a [StrategyStatus],
    /// What was counted.
    pub numbers: &'a Numbers,
    /// How long polls took, by stage.
    pub latencies: &'a [StageSpans],
    /// How long the way from wire to wire took, by step.
    pub steps: &'a [StageSpans],
    /// Trips counted from the kernel's stamp, and from the read.
    pub trips: [u64; 2],
    /// Trips that took longer than their budget.
    pub over_budget: u64,
    /// By connection: its name, reads without a stamp of the kernel's, and stamps that were of no use.
    pub stamps: &'a [(&'a str, [u64; 2])],
    /// What rings and queues lost.
    pub rings: &'a [Arc<RingStats>],
    /// Commentary that the journal lacks.
    pub commentary_dropped: u64,
    /// Alerts, by level and topic.
    pub alerts: &'a BTreeMap<(&'static str, &'static str), u64>,
}

/// The venue's word less ours, when they were compared last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drift<'a> {
    /// How long ago that was; [`None`] = they were not yet.
    pub age: Option<Nanos>,
    /// Of positions, in the universe's order.
    pub positions: &'a [Qty],
    /// Of the number of orders that rest.
    pub orders: i64,
    /// Of what was gained; [`None`] = that cannot be said.
    pub gained: Option<Usd>,
    /// What is in doubt, so that it is only reduced, and whether it is.
    pub doubts: &'a [(&'a str, bool)],
}

impl Scrape<'_> {
    /// As text.
    pub fn text(&self) -> String {
        let mut out = Text(String::with_capacity(32 << 10));
        self.run(&mut out);
        self.profit(&mut out);
        self.activity(&mut out);
        self.coins(&mut out);
        self.reasons(&mut out);
        self.links(&mut out);
        self.safety(&mut out);
        self.machinery(&mut out);
        out.0
    }

    fn run(&self, out: &mut Text) {
        out.family("botmm_info", "gauge", "What runs.");
        out.sample("botmm_info", &[("version", self.version), ("network", self.network)], 1);
        let started = self.started.as_secs_f64();
        out.gauge("botmm_start_time_seconds", "When the run began, Unix time.", started);
        let halted = u8::from(self.numbers.halted.is_some());
        out.gauge("botmm_halted", "Whether a limit halts trading until a person re-arms.", halted);
        let killed = u8::from(self.is_killed);
        out.gauge("botmm_killed", "Whether a kill holds until a person re-arms.", killed);
    }

    fn profit(&self, out: &mut Text) {
        let n = self.numbers;
        if let Some(opening) = self.opening {
            let help = "What the account is worth: at the opening, and the profit since.";
            out.gauge("botmm_equity_usd", help, opening + n.net());
        }
        let captured: Usd = n.assets.iter().map(|a| a.captured()).sum();
        for (name, help, value) in [
            ("botmm_profit_net_usd", "Profit at the marks, after fees and funding.", n.net()),
            ("botmm_profit_gross_usd", "Profit at the marks, before both.", n.gross),
            ("botmm_fees_usd", "Fees; positive = paid.", n.fees),
            ("botmm_funding_usd", "Funding; positive = paid.", n.funding),
            ("botmm_spread_captured_usd", "Fills against the mid before them.", captured),
            ("botmm_drawdown_max_usd", "Deepest fall of the profit from a peak.", n.max_drawdown),
        ] {
            out.gauge(name, help, value);
        }
        if let Some(today) = n.today {
            let help = "Profit of the present UTC day.";
            out.gauge("botmm_profit_today_usd", help, today.net);
        }
        let (name, help) = ("botmm_adverse_selection_usd", "What the market did to our fills.");
        out.family(name, "gauge", help);
        for (h, horizon) in HORIZONS.iter().enumerate() {
            let sides = n.assets.iter().flat_map(|a| &a.sides);
            let adverse: Usd = sides.map(|side| side.measured[h].adverse).sum();
            let horizon = format!("{}s", horizon.as_millis() / 1_000);
            out.sample(name, &[("horizon", &horizon)], adverse);
        }
    }

    fn activity(&self, out: &mut Text) {
        let n = self.numbers;
        out.family("botmm_events_total", "counter", "Market events taken in.");
        for (kind, count) in EVENT_KINDS.iter().zip(n.events_by_kind) {
            out.sample("botmm_events_total", &[("kind", kind)], count);
        }
        out.counter("botmm_decisions_total", "Targets that passed the gate.", n.decisions);
        out.family("botmm_actions_total", "counter", "Items sent to the venue.");
        for (kind, count) in [("place", n.orders), ("modify", n.modifies), ("cancel", n.cancels)] {
            out.sample("botmm_actions_total", &[("kind", kind)], count);
        }
        out.counter("botmm_rejects_total", "Items that the venue refused.", n.rejects);
        out.family(
            "botmm_signatures_total",
            "counter",
            "Requests signed, where that is done ahead.",
        );
        let SigningCounts { presigned, ordinary, dropped } = n.signing;
        for (how, count) in [("presigned", presigned), ("ordinary", ordinary)] {
            out.sample("botmm_signatures_total", &[("how", how)], count);
        }
        let help = "Signatures made ahead that were not used: too old, or in doubt.";
        out.counter("botmm_presignatures_dropped_total", help, dropped);
        out.gauge("botmm_open_orders", "Orders that rest or might.", n.open_orders);
        out.family("botmm_alerts_total", "counter", "Alerts.");
        for ((level, topic), count) in self.alerts {
            out.sample("botmm_alerts_total", &[("level", level), ("topic", topic)], count);
        }
    }

    fn coins(&self, out: &mut Text) {
        let of = |i: usize| (&self.assets[i], &self.numbers.assets[i], &self.strategies[i]);
        let mut each = |name: &str, kind: &str, help: &str, value: &dyn Fn(usize) -> String| {
            out.family(name, kind, help);
            for (asset, instrument) in self.universe.iter() {
                let coin = [("coin", instrument.coin.as_str())];
                out.sample(name, &coin, value(asset.index()));
            }
        };
        let text = |value: &dyn Display| value.to_string();
        each("botmm_position", "gauge", "Signed size held, in coin.", &|i| text(&of(i).1.position));
        each("botmm_position_usd", "gauge", "What that is worth at the mark.", &|i| {
            text(&notional(of(i).1.mark, of(i).1.position))
        });
        each("botmm_mark_price_usd", "gauge", "The newest mark; 0 = none yet.", &|i| {
            text(&of(i).1.mark)
        });
        each("botmm_mid_price_usd", "gauge", "The newest mid; 0 = none.", &|i| text(&of(i).0.mid));
        each(
            "botmm_coin_profit_usd",
            "gauge",
            "Profit at the mark, after fees and funding.",
            &|i| text(&of(i).1.net),
        );
        each("botmm_exposure_max_usd", "gauge", "Largest worst-case exposure so far.", &|i| {
            text(&of(i).1.max_exposure)
        });
        each("botmm_quotes_total", "counter", "Orders and modifications sent.", &|i| {
            text(&of(i).1.quotes)
        });
        each("botmm_fills_total", "counter", "Fills booked.", &|i| text(&of(i).1.fills));
        each("botmm_volume_usd_total", "counter", "Value of the fills.", &|i| {
            text(&of(i).1.volume)
        });
        each("botmm_book_age_seconds", "gauge", "Since the newest book or touch came.", &|i| {
            text(&of(i).2.book_age.as_secs_f64())
        });
        each("botmm_feed_delay_seconds", "gauge", "How old that was when it came.", &|i| {
            text(&of(i).2.feed_delay.as_secs_f64())
        });
        each(
            "botmm_feed_delay_p50_seconds",
            "gauge",
            "The same of all coins, median of 10 s.",
            &|i| text(&of(i).2.feed_delay_p50.as_secs_f64()),
        );
        each("botmm_volatility_bps", "gauge", "Over the horizon; -1 = warming up.", &|i| {
            let vol = of(i).2.vol_bps_e6;
            if vol < 0 { "-1".to_owned() } else { text(&(vol as f64 / 1e6)) }
        });
        each("botmm_fit_bps", "gauge", "What the fit predicts of the mid.", &|i| {
            text(&(of(i).2.fit_bps_e6 as f64 / 1e6))
        });
        each("botmm_fit_residual_bps", "gauge", "What moves differ from that by.", &|i| {
            text(&(of(i).2.fit_residual_bps_e6 as f64 / 1e6))
        });
        each("botmm_fit_r2", "gauge", "Share of the moves' squares that it predicted.", &|i| {
            text(&(of(i).2.fit_r2_e6 as f64 / 1e6))
        });
        each("botmm_fit_samples_total", "counter", "Moves that it learned from.", &|i| {
            text(&of(i).2.fit_samples)
        });
        let (name, help) = ("botmm_expected_edge_bps", "Of our nearest price, wanted or not.");
        out.family(name, "gauge", help);
        for ((_, instrument), (_, _, s)) in self.universe.iter().zip((0..).map(&of)) {
            for (side, edge) in [("bid", s.edges_e6[0]), ("ask", s.edges_e6[1])] {
                let labels = [("coin", instrument.coin.as_str()), ("side", side)];
                out.sample(name, &labels, edge as f64 / 1e6);
            }
        }
        let (name, help) = ("botmm_quote_price_usd", "Our nearest order; 0 = none.");
        out.family(name, "gauge", help);
        for ((_, instrument), a) in self.universe.iter().zip(self.assets) {
            for (side, px) in [("bid", a.bid), ("ask", a.ask)] {
                out.sample(name, &[("coin", instrument.coin.as_str()), ("side", side)], px);
            }
        }
        let (name, help) =
            ("botmm_coin_state", "What risk lets a coin do: 1 for the state that holds.");
        out.family(name, "gauge", help);
        for ((_, instrument), n) in self.universe.iter().zip(&self.numbers.assets) {
            for (word, state) in [
                ("safe", RiskState::Safe),
                ("position_limit", RiskState::PositionLimit),
                ("circuit_break", RiskState::CircuitBreak),
            ] {
                let labels = [("coin", instrument.coin.as_str()), ("state", word)];
                out.sample(name, &labels, u8::from(n.state == state));
            }
        }
    }

    fn reasons(&self, out: &mut Text) {
        let sides = [(Side::Bid, "bid"), (Side::Ask, "ask")];
        let (name, help) =
            ("botmm_reason_seconds_total", "Time in which a side was quoted, or why not.");
        out.family(name, "counter", help);
        for ((_, instrument), n) in self.universe.iter().zip(&self.numbers.assets) {
            for (side, word) in sides {
                for reason in Reason::ALL {
                    let spent = n.reasons[side.index()][reason as usize];
                    let labels = labels(instrument.coin.as_str(), word, reason);
                    out.sample(name, &labels, spent.as_secs_f64());
                }
            }
        }
        let (name, help) =
            ("botmm_reason", "Why a side is quoted or not now: 1 for the reason that holds.");
        out.family(name, "gauge", help);
        for ((_, instrument), a) in self.universe.iter().zip(self.assets) {
            for ((_, word), reason) in sides.iter().zip([a.bid_reason, a.ask_reason]) {
                out.sample(name, &labels(instrument.coin.as_str(), word, reason), 1);
            }
        }
    }

    fn links(&self, out: &mut Text) {
        let (up, losses) = self.order_link;
        out.gauge("botmm_order_link_up", "Whether the order link is reconciled.", u8::from(up));
        out.counter("botmm_order_link_losses_total", "Times that it was lost.", losses);
        out.family("botmm_connection_up", "gauge", "Whether a connection is open.");
        for (name, is_open, _) in self.connections {
            out.sample("botmm_connection_up", &[("connection", name)], u8::from(*is_open));
        }
        let counted = [
            ("botmm_connection_opened_total", "Times that it was opened."),
            ("botmm_frames_received_total", "Frames received."),
            ("botmm_frames_sent_total", "Frames sent."),
        ];
        for (i, (name, help)) in counted.into_iter().enumerate() {
            out.family(name, "counter", help);
            for (connection, _, counts) in self.connections {
                out.sample(name, &[("connection", connection)], counts[i]);
            }
        }
        let (name, help) = ("botmm_feed_troubles_total", "What the market data suffered from.");
        out.family(name, "counter", help);
        for (kind, count) in self.feed {
            out.sample(name, &[("kind", kind)], count);
        }
        let (used, allowed) = self.requests;
        out.gauge("botmm_requests_used", "Requests that the venue counted, when last asked.", used);
        out.gauge("botmm_requests_allowed", "Requests that it allows; 0 = not told yet.", allowed);
        let skew = self.clock_skew_ms as f64 / 1e3;
        out.gauge("botmm_clock_skew_seconds", "Our clock minus the venue's.", skew);
    }

    fn safety(&self, out: &mut Text) {
        let (name, help) = ("botmm_rung_armed", "Whether it would cancel, were the bot gone.");
        out.family(name, "gauge", help);
        for (rung, state) in self.rungs.each() {
            out.sample(name, &[("rung", rung)], u8::from(state.armed));
        }
        let help = "How long nobody has looked after what rests.";
        out.gauge("botmm_unattended_seconds", help, self.unattended.as_secs_f64());
        let drift = &self.drift;
        if let Some(age) = drift.age {
            let help = "Since the venue's account was compared with ours.";
            out.gauge("botmm_reconcile_age_seconds", help, age.as_secs_f64());
        }
        let (name, help) =
            ("botmm_reconcile_position", "Position by the venue less ours, in coin.");
        out.family(name, "gauge", help);
        for ((_, instrument), apart) in self.universe.iter().zip(drift.positions) {
            out.sample(name, &[("coin", instrument.coin.as_str())], apart);
        }
        let help = "Orders that rest by the venue less ours.";
        out.gauge("botmm_reconcile_orders", help, drift.orders);
        if let Some(apart) = drift.gained {
            let help = "Gain by the venue less ours, beyond what is no difference.";
            out.gauge("botmm_reconcile_gained_usd", help, apart);
        }
        let (name, help) =
            ("botmm_reconcile_doubt", "Whether it differs so often that it only reduces.");
        out.family(name, "gauge", help);
        for (what, is_doubted) in drift.doubts {
            out.sample(name, &[("what", what)], u8::from(*is_doubted));
        }
        let counted = [
            ("botmm_webhook_dropped_total", "counter", "Alerts that a webhook was not told."),
            ("botmm_webhook_waiting", "gauge", "Alerts that wait for it."),
        ];
        for (i, (name, kind, help)) in counted.into_iter().enumerate() {
            out.family(name, kind, help);
            for (webhook, counts) in self.webhooks {
                out.sample(name, &[("webhook", webhook)], counts[i]);
            }
        }
    }

    fn machinery(&self, out: &mut Text) {
        let (name, help) =
            ("botmm_ring_dropped_total", "Messages that a ring had no room for, or superseded.");
        out.family(name, "counter", help);
        // Several rings may bear one name.
        let mut rings: BTreeMap<&str, u64> = BTreeMap::new();
        for ring in self.rings {
            *rings.entry(ring.name).or_default() += ring.dropped();
        }
        for (ring, dropped) in rings {
            out.sample(name, &[("ring", ring)], dropped);
        }
        let help = "Lines that explain, and that the journal lacks.";
        out.counter("botmm_commentary_dropped_total", help, self.commentary_dropped);
        let (name, help) =
            ("botmm_stage_latency_seconds", "How long polls took that did some work.");
        out.histogram(name, help, "stage", self.latencies);
        self.wire(out);
    }

    fn wire(&self, out: &mut Text) {
        let help = "How long each step of the way from the kernel's receipt to the order's took.";
        out.histogram("botmm_wire_latency_seconds", help, "step", self.steps);
        let (name, help) =
            ("botmm_wire_trips_total", "Ways to the wire, by whose moment they count from.");
        out.family(name, "counter", help);
        for (from, trips) in ["kernel", "read"].iter().zip(self.trips) {
            out.sample(name, &[("from", from)], trips);
        }
        let help = "Ways to the wire that took longer than the budget.";
        out.counter("botmm_latency_over_budget_total", help, self.over_budget);
        let (name, help) = (
            "botmm_kernel_stamps_lost_total",
            "Reads whose arrival the kernel did not say, or not usably.",
        );
        out.family(name, "counter", help);
        for (connection, lost) in self.stamps {
            for (why, count) in ["missing", "unusable"].iter().zip(lost) {
                out.sample(name, &[("connection", connection), ("why", why)], count);
            }
        }
    }
}

fn labels<'a>(coin: &'a str, side: &'a str, reason: Reason) -> [(&'a str, &'a str); 3] {
    [("coin", coin), ("side", side), ("reason", reason.as_str())]
}

/// The text so far.
pub(super) struct Text(pub(super) String);

impl Text {
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (i, (key, label)) in labels.iter().enumerate() {
            let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{key}=\"{label}\"", if i == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// Spans by what they are of, under this label.
    fn histogram(&mut self, name: &str, help: &str, label: &str, all: &[StageSpans]) {
        self.family(name, "histogram", help);
        let seconds = |ns: u64| ns as f64 / 1e9;
        for StageSpans { stage, up_to, count, sum_ns } in all {
            for (le, within) in LATENCY_BOUNDS_NS.iter().zip(up_to) {
                let le = seconds(*le).to_string();
                self.sample(&format!("{name}_bucket"), &[(label, stage), ("le", &le)], within);
            }
            let labels = [(label, *stage), ("le", "+Inf")];
            self.sample(&format!("{name}_bucket"), &labels, count);
            self.sample(&format!("{name}_sum"), &labels[..1], seconds(*sum_ns));
            self.sample(&format!("{name}_count"), &labels[..1], count);
        }
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.sample(name, &[], value);
    }
}

#[cfg(test)]
#[path = "prometheus_tests.rs"]
mod tests;
