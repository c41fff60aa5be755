//! The status screen: per asset what we quote and why not, per stage how long it takes.

use botmm_pipeline::rt::{Latencies, StageLatency};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::status::{AssetStatus, StrategyStatus};
use botmm_pipeline::types::{Px, Reason, Regime, Strategy, Universe, Usd, notional};
use std::fmt::Write as _;
use std::time::Duration;

/// What one picture shows.
pub struct Picture<'a> {
    /// First line: what runs, and where its journal is.
    pub title: &'a str,
    /// Since the start.
    pub elapsed: Duration,
    /// What the account trades with.
    pub capital: Usd,
    /// The assets.
    pub universe: &'a Universe,
    /// Their states, in the universe's order.
    pub assets: &'a [AssetStatus],
    /// What their strategies do, likewise.
    pub strategies: &'a [StrategyStatus],
    /// What the risk stage holds, in words.
    pub risk: &'a str,
    /// Counters.
    pub metrics: &'a Metrics,
    /// How long polls took.
    pub latencies: &'a Latencies,
    /// Newest alerts, newest last.
    pub alerts: &'a [String],
}

impl Picture<'_> {
    /// As a screen of text.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(2048);
        self.write(&mut out).unwrap_or_default(); // Writing to a String cannot fail.
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let m = self.metrics;
        let (gross, fees, net) = (m.gross_pnl(), m.fees.usd(), m.net_pnl());
        writeln!(out, "{}  ·  running {}", self.title, clock(self.elapsed))?;
        writeln!(
            out,
            "equity {} USD = capital {} + net {} (gross {} − fees {})  ·  {} fills, volume {} USD  ·  \
             {} open orders",
            money(self.capital + net),
            money(self.capital),
            money(net),
            money(gross),
            money(fees),
            m.fills.get(),
            money(m.volume.usd()),
            m.open_orders.get(),
        )?;
        writeln!(
            out,
            "{} events, {} decisions, {} orders, {} modifies, {} cancels, {} rejects\n{}\n",
            m.events.get(),
            m.decisions.get(),
            m.orders.get(),
            m.modifies.get(),
            m.cancels.get(),
            m.rejects.get(),
            self.risk,
        )?;
        writeln!(
            out,
            "{:<7} {:>12} {:>12} {:>7} {:>12} {:>7} {:>12} {:>10} {:>9} {:>6}  not quoted because",
            "coin",
            "mid",
            "our bid",
            "bps",
            "our ask",
            "bps",
            "position",
            "value USD",
            "net USD",
            "fills"
        )?;
        for ((id, instrument), a) in self.universe.iter().zip(self.assets) {
            writeln!(
                out,
                "{:<7} {:>12} {:>12} {:>7} {:>12} {:>7} {:>12} {:>10} {:>9} {:>6}  {}",
                instrument.coin.as_str(),
                price(a.mid),
                price(a.bid),
                distance(a.mid, a.bid),
                price(a.ask),
                distance(a.mid, a.ask),
                a.position.to_string(),
                money(notional(a.mid, a.position)),
                money(m.net[id.index()].usd()),
                a.fills,
                why(a),
            )?;
        }
        writeln!(out)?;
        for ((_, instrument), s) in self.universe.iter().zip(self.strategies) {
            writeln!(out, "{:<7} {}", instrument.coin.as_str(), doing(s))?;
        }
        writeln!(out, "\n{:<9} {:>10} {:>10} {:>10}", "stage", "p50", "p99", "max")?;
        for StageLatency { stage, p50_ns, p99_ns, max_ns } in self.latencies.stages() {
            let [p50, p99, max] = [p50_ns, p99_ns, max_ns].map(span);
            writeln!(out, "{stage:<9} {p50:>10} {p99:>10} {max:>10}")?;
        }
        if !self.alerts.is_empty() {
            writeln!(out)?;
        }
        self.alerts.iter().try_for_each(|alert| writeln!(out, "! {alert}"))
    }

    /// As one plain line, for logs and pipes.
    pub fn line(&self) -> String {
        let m = self.metrics;
        let mut line = format!(
            "{} net {} USD (fees {}, {} fills)",
            clock(self.elapsed),
            money(m.net_pnl()),
            money(m.fees.usd()),
            m.fills.get()
        );
        for ((_, instrument), a) in self.universe.iter().zip(self.assets) {
            let why = why(a);
            let why = if why.is_empty() { String::new() } else { format!(" [{why}]") };
            let _ = write!(
                line,
                " | {} {} bid {} ask {} pos {}{why}",
                instrument.coin,
                price(a.mid),
                price(a.bid),
                price(a.ask),
                a.position
            );
        }
        line
    }
}

/// Why a side is not quoted, in words.
fn why(a: &AssetStatus) -> String {
    match (a.bid_reason, a.ask_reason) {
        (Reason::Quoted, Reason::Quoted) => String::new(),
        (bid, ask) if bid == ask => bid.in_words().to_owned(),
        (Reason::Quoted, ask) => format!("ask: {}", ask.in_words()),
        (bid, Reason::Quoted) => format!("bid: {}", bid.in_words()),
        (bid, ask) => format!("bid: {}, ask: {}", bid.in_words(), ask.in_words()),
    }
}

/// What a strategy does now, in words.
fn doing(s: &StrategyStatus) -> String {
    let e6 = |millionths: i64| millionths as f64 / 1e6;
    let mut out = format!("{}, {}", s.model.as_str(), s.strategy.as_str());
    let mut part = |text: String| {
        out += "  ·  ";
        out += &text;
    };
    part(match s.vol_bps_e6 {
        ..0 => "volatility warming up".to_owned(),
        vol => format!("vol {:.2} bps", e6(vol)),
    });
    part(match s.signal_is_ready {
        false => "signal warming up".to_owned(),
        true => format!("signal {:+} (score {:+.2})", s.signal, e6(s.score_e6)),
    });
    if s.emergency_mult_e6 > 1_000_000 {
        part(format!("VOLATILITY BREAKER: spread x{:.2}", e6(s.emergency_mult_e6)));
    }
    if s.strategy == Strategy::Adaptive {
        part(match s.regime {
            Regime::Normal => "regime normal".to_owned(),
            regime => {
                let [spread, size] = s.regime_mults_e6.map(e6);
                format!("regime {}: spread x{spread:.2}, size x{size:.2}", regime.as_str())
            }
        });
        let rate = match s.fill_rate_e6 {
            ..0 => "not known yet".to_owned(),
            rate => format!("{:.0} %", e6(rate) * 100.0),
        };
        part(format!("fill rate {rate}: spread x{:.2}", e6(s.fill_mult_e6)));
        part(match s.age.0 {
            0 => "flat".to_owned(),
            _ => format!(
                "position {:.0} s old: decay {:.0} %",
                s.age.as_secs_f64(),
                e6(s.decay_e6) * 100.0
            ),
        });
    }
    if s.toxicity_e6 != [300_000; 2] {
        let [bid, ask] = s.toxicity_e6.map(e6);
        part(format!("toxicity of fills {bid:.2} bid, {ask:.2} ask"));
    }
    let a = &s.arrivals;
    part(match a.rate_e6 {
        0 => format!("arrivals not fitted yet ({} trades)", a.trades),
        _ => format!(
            "arrivals {:.2}/s · exp(−{:.2}/bps), R² {:.2} of {}",
            e6(a.rate_e6),
            e6(a.decay_e6),
            e6(a.r2_e6),
            a.trades
        ),
    });
    out
}

fn price(px: Px) -> String {
    if px.is_positive() { px.to_string() } else { "–".to_owned() }
}

/// Distance from mid in basis points.
fn distance(mid: Px, px: Px) -> String {
    if !(mid.is_positive() && px.is_positive()) {
        return "–".to_owned();
    }
    format!("{:+.2}", (px.to_f64() / mid.to_f64() - 1.0) * 1e4)
}

/// Dollars and cents, rounded for the eye.
fn money(usd: Usd) -> String {
    format!("{:.2}", usd.to_f64())
}

fn span(ns: u64) -> String {
    match ns {
        0..10_000 => format!("{ns} ns"),
        10_000..10_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        _ => format!("{:.1} ms", ns as f64 / 1e6),
    }
}

fn clock(elapsed: Duration) -> String {
    let s = elapsed.as_secs();
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::rt::{Lane, WallClock};
    use botmm_pipeline::types::{Coin, Instrument, Nanos, Qty};

    #[test]
    fn says_in_words_why_a_side_is_not_quoted() {
        let universe = Universe::new(vec![Instrument {
            coin: Coin::new("BTC").unwrap(),
            venue_index: 0,
            sz_decimals: 5,
            max_leverage: 40,
        }]);
        let status = AssetStatus {
            mid: Px::whole(100_000),
            bid: Px::whole(99_970),
            position: Qty::parse("0.01").unwrap(),
            bid_reason: Reason::Quoted,
            ask_reason: Reason::OneSided,
            fills: 3,
            ..AssetStatus::default()
        };
        let strategy = StrategyStatus {
            strategy: Strategy::Adaptive,
            vol_bps_e6: 3_200_000,
            emergency_mult_e6: 3_000_000,
            signal_is_ready: true,
            signal: -1,
            score_e6: -750_000,
            regime: Regime::High,
            regime_mults_e6: [1_500_000, 600_000],
            fill_rate_e6: 120_000,
            fill_mult_e6: 850_000,
            age: Nanos::secs(45),
            decay_e6: 500_000,
            toxicity_e6: [0, 450_000],
            ..StrategyStatus::default()
        };
        let (_, latencies) = Lane::inline(Vec::new(), &WallClock::default());
        let picture = Picture {
            title: "botmm paper",
            elapsed: Duration::from_secs(3_725),
            capital: Usd::whole(10_000),
            universe: &universe,
            assets: &[status],
            strategies: &[strategy],
            risk: "risk: safe",
            metrics: &Metrics::default(),
            latencies: &latencies,
            alerts: &["large move".to_owned()],
        };
        let text = picture.text();
        for part in [
            "01:02:05",
            "-3.00",
            "ask: only reducing position",
            "1000.00",
            "! large move",
            "0 rejects\nrisk: safe\n\ncoin",
            "linear, adaptive  ·  vol 3.20 bps  ·  signal -1 (score -0.75)",
            "VOLATILITY BREAKER: spread x3.00",
            "regime high: spread x1.50, size x0.60",
            "fill rate 12 %: spread x0.85",
            "position 45 s old: decay 50 %",
            "arrivals not fitted yet (0 trades)",
            "toxicity of fills 0.00 bid, 0.45 ask",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(picture.line().contains("BTC 100000 bid 99970 ask – pos 0.01"));
    }
}
