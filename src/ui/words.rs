//! How single values read on the screen. What was not measured yet is `–`, never zero.

use botmm_pipeline::stage::numbers::FeedTrouble;
use botmm_pipeline::stage::status::{AssetStatus, StrategyStatus};
use botmm_pipeline::types::{Nanos, Px, Reason, Regime, Strategy, Usd};
use std::time::Duration;

/// Stands where nothing was measured.
pub(super) const NOTHING: &str = "–";

/// Why a side is not quoted, in words.
pub(super) fn why(a: &AssetStatus, s: &StrategyStatus, trouble: Option<FeedTrouble>) -> String {
    match (a.bid_reason, a.ask_reason) {
        (Reason::Quoted, Reason::Quoted) => String::new(),
        (Reason::StaleBook, Reason::StaleBook) => why_stale(s, trouble),
        (bid, ask) if bid == ask => bid.in_words().to_owned(),
        (Reason::Quoted, ask) => format!("ask: {}", ask.in_words()),
        (bid, Reason::Quoted) => format!("bid: {}", bid.in_words()),
        (bid, ask) => format!("bid: {}, ask: {}", bid.in_words(), ask.in_words()),
    }
}

/// What is wrong with a book, in words.
fn why_stale(s: &StrategyStatus, trouble: Option<FeedTrouble>) -> String {
    let stale = Reason::StaleBook.in_words();
    match trouble {
        Some(FeedTrouble::Silent) => return "NO DATA, asking again".to_owned(),
        Some(FeedTrouble::Refused) => return "data REFUSED, asking again".to_owned(),
        None => {}
    }
    // Of what came in time, the silence since; of what came late, how late it was.
    let (delay_s, age_s) = (s.feed_delay.as_secs_f64(), s.book_age.as_secs_f64());
    if delay_s.abs() < age_s {
        format!("{stale}: {age_s:.1} s old")
    } else if delay_s < 0.0 {
        format!("{stale}: dated {:.1} s ahead", -delay_s)
    } else {
        format!("{stale}: {delay_s:.1} s late")
    }
}

/// What a strategy does now, in words.
pub(super) fn doing(s: &StrategyStatus) -> Vec<String> {
    let e6 = |millionths: i64| millionths as f64 / 1e6;
    let mut out = vec![format!("{}, {}", s.model.as_str(), s.strategy.as_str())];
    let mut part = |text: String| out.push(text);
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
    let [bid, ask] = s.edges_e6.map(e6);
    part(format!("edge {bid:+.2} bid, {ask:+.2} ask bps"));
    if s.feed_delay_p50 > Nanos::ZERO {
        part(format!("feed {} ms late", s.feed_delay_p50.as_millis()));
    }
    if s.fit_samples > 0 {
        let (r2, bps) = (e6(s.fit_r2_e6) * 100.0, e6(s.fit_bps_e6));
        part(format!("fit {bps:+.2} bps, R² {r2:.1} % of {}", s.fit_samples));
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

pub(super) fn price(px: Px) -> String {
    if px.is_positive() { px.to_string() } else { NOTHING.to_owned() }
}

/// Distance from mid in basis points.
pub(super) fn distance(mid: Px, px: Px) -> String {
    if !(mid.is_positive() && px.is_positive()) {
        return NOTHING.to_owned();
    }
    format!("{:+.2}", (px.to_f64() / mid.to_f64() - 1.0) * 1e4)
}

/// Dollars and cents, rounded for the eye.
pub(super) fn money(usd: Usd) -> String {
    format!("{:.2}", usd.to_f64())
}

/// A latency; zero is none.
pub(super) fn span(ns: u64) -> String {
    match ns {
        0 => NOTHING.to_owned(),
        1..10_000 => format!("{ns} ns"),
        10_000..10_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        _ => format!("{:.1} ms", ns as f64 / 1e6),
    }
}

/// How long ago, in the two largest units.
pub(super) fn ago(seconds: f64) -> String {
    let s = seconds.round().clamp(0.0, 1e12) as u64;
    let (days, hours, minutes) = (s / 86_400, s / 3_600 % 24, s / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{s} s"),
        (0, 0, _) => format!("{minutes} min {} s", s % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

pub(super) fn clock(elapsed: Duration) -> String {
    let s = elapsed.as_secs();
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}
