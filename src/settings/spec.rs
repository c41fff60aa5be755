//! What every key may be: kind, range, unit. One table, used for checking, for the "allowed" part
//! of every message, and for the order in which a resolved configuration is printed.

use super::error::{ConfigError, nearest};
use super::origins::{Origins, join, place_of};
pub(super) use super::section::{PARTS, Section};
use super::values::{Capital, GuardAt, parse_bps, parse_usd};
use super::{LatencyModel, QueueModel, Rules as RuleSet};
use super::{PLANS, PRESIGNED, RFC_6979};
use botmm_pipeline::types::instrument::Coin;
use botmm_pipeline::types::limits::{
    BOOK_LEVELS, MAX_API_ERRORS, MAX_RSI_BARS, MAX_SLOPE_BARS, QUOTE_LEVELS,
};
use botmm_pipeline::types::params::LEADER_NAMES;
use toml::{Table, Value};

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A whole number in a range.
    Int(i64, i64),
    /// A finite number in a range.
    Num(f64, f64),
    /// Money in a range of whole dollars; exact.
    Money(i64, i64),
    /// Money in a range of whole dollars, or the word for what the account is worth.
    Capital(i64, i64),
    /// A rate in basis points; exact.
    Rate,
    /// true or false.
    Bool,
    /// One of these.
    Words(&'static [&'static str]),
    /// The path of a file; empty = none.
    Path,
    /// The path of a file that there must be.
    File,
    /// A guard on another host; see [`GuardAt`].
    Guard,
    /// A list of coins.
    Coins,
    /// Some coins that others follow; or none.
    Leaders,
    /// Weights of the quote levels.
    Weights,
    /// See [`QueueModel`].
    Queue,
    /// See [`LatencyModel`].
    Latency,
    /// See [`RuleSet`].
    Rules,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub section: Section,
    pub key: &'static str,
    pub kind: Kind,
    pub unit: &'static str,
    /// Holds for the whole account: not to be set for one coin.
    pub account: bool,
}

const fn key(section: Section, key: &'static str, kind: Kind, unit: &'static str) -> Spec {
    Spec { section, key, kind, unit, account: false }
}
const fn account(name: &'static str, kind: Kind, unit: &'static str) -> Spec {
    Spec { account: true, ..key(Section::Risk, name, kind, unit) }
}

use Kind::{
    Bool, Coins, File, Int, Latency, Leaders, Money, Num, Path, Queue, Rate, Rules, Weights, Words,
};
use Section::{
    Adaptive, DeadMan, Discord, Fit, General, History, Http, Instrument, MakerRebate, Quote, Risk,
    Signal, Sim, Sizer, Toxicity, VolumeTier, Webhook, Wire,
};

/// Longest spans: an hour in milliseconds, a day in seconds.
const HOUR_MS: i64 = 3_600_000;
const DAY_S: f64 = 86_400.0;
/// More than any account here; keeps products of money far from the 64-bit range.
const MAX_USD: i64 = 1_000_000_000;

/// Every key there is.
pub(super) const SPECS: &[Spec] = &[
    key(General, "symbols", Coins, ""),
    key(General, "plan", Words(&PLANS), ""),
    key(General, "seed", Int(0, i64::MAX), ""),
    key(General, "signing", Words(&[RFC_6979, PRESIGNED]), ""),
    key(General, "dead_link_ms", Int(2_000, 6_000), "ms"),
    key(General, "guard_timeout_s", Int(1, 60), "s"),
    key(General, "guard_at", Kind::Guard, ""),
    key(General, "live_params", Path, ""),
    key(General, "journal_max_mb", Int(1, 1_000_000), "MiB"),
    key(General, "journal_keep_days", Int(1, 3_650), "days"),
    key(General, "capture_max_mb", Int(0, 1_000_000), "MiB"),
    key(General, "i_understand_real_money", Bool, ""),
    key(Discord, "url_file", Path, ""),
    key(Discord, "level", Words(&LEVELS), ""),
    key(Discord, "max_per_min", Int(1, 30), "messages"),
    key(Webhook, "url_file", Path, ""),
    key(Webhook, "level", Words(&LEVELS), ""),
    key(Webhook, "max_per_min", Int(1, 600), "messages"),
    key(Http, "port", Int(0, 65_535), "port"),
    key(Wire, "tcp_nodelay", Bool, ""),
    key(Wire, "tcp_quickack", Bool, ""),
    key(Wire, "busy_poll_us", Int(0, 1_000), "µs, 0 = off"),
    key(Wire, "kernel_timestamps", Bool, ""),
    key(Wire, "latency_budget_us", Int(0, 10_000_000), "µs, 0 = none"),
    key(Wire, "latency_widen", Num(1.0, 10.0), "times"),
    key(Wire, "latency_widen_s", Num(0.1, 3_600.0), "s"),
    key(History, "enabled", Bool, ""),
    key(History, "path", Path, ""),
    key(Section::Tuner, "mode", Words(&["off", "propose", "act"]), ""),
    key(Section::Tuner, "every_h", Num(0.001, 168.0), "h"),
    key(Section::Tuner, "window_h", Num(0.001, 720.0), "h"),
    key(Section::Tuner, "params", File, ""),
    key(DeadMan, "schedule_cancel", Bool, ""),
    key(DeadMan, "horizon_s", Num(10.0, 600.0), "s"),
    key(Instrument, "index", Int(0, 1_000_000), "the venue's number"),
    key(Instrument, "sz_decimals", Int(0, 6), "decimals"),
    key(Instrument, "max_leverage", Int(1, 255), "times"),
    key(Sim, "queue", Queue, ""),
    key(Sim, "queue_from", Path, ""),
    key(Sim, "latency", Latency, ""),
    key(Sim, "rules", Rules, ""),
    key(Sim, "fee_tier", Int(0, 99), "row of [[fees.volume_tier]]"),
    key(Sim, "maker_rebate_tier", Int(0, 99), "row of [[fees.maker_rebate]], 0 = none"),
    key(Sim, "maker_fee_bps", Rate, "bps"),
    key(VolumeTier, "min_volume_usd", Money(0, 90_000_000_000), "USD"),
    key(VolumeTier, "taker_bps", Rate, "bps"),
    key(VolumeTier, "maker_bps", Rate, "bps"),
    key(MakerRebate, "min_maker_share_pct", Num(0.0, 100.0), "percent"),
    key(MakerRebate, "maker_bps", Rate, "bps"),
    key(Quote, "vol_sample_ms", Int(10, 60_000), "ms"),
    key(Quote, "vol_halflife_s", Num(0.1, DAY_S), "s"),
    key(Quote, "vol_horizon_s", Num(0.1, DAY_S), "s"),
    key(Quote, "imbalance_levels", Int(1, BOOK_LEVELS as i64), "levels"),
    key(Quote, "imbalance_alpha", Num(0.001, 1.0), "share"),
    key(Quote, "model", Words(&["linear", "avellaneda_stoikov", "glft"]), ""),
    key(Quote, "strategy", Words(&["basic", "adaptive"]), ""),
    key(Quote, "fair_price", Words(&["mid", "microprice", "fitted"]), ""),
    key(Quote, "fill_model", Path, ""),
    key(Quote, "min_spread_bps", Num(0.01, 1000.0), "bps"),
    key(Quote, "max_spread_bps", Num(0.01, 1000.0), "bps"),
    key(Quote, "vol_multiplier", Num(0.0, 100.0), "times"),
    key(Quote, "min_edge_bps", Num(0.0, 100.0), "bps"),
    key(Quote, "fee_floor", Bool, ""),
    key(Quote, "below_fee", Words(&["widen", "skip"]), ""),
    key(Quote, "use_edge", Bool, ""),
    key(Quote, "touch", Words(&["free", "join", "inside"]), ""),
    key(Quote, "skew_factor", Num(0.0, 100.0), "average true ranges"),
    key(Quote, "skew_knee", Num(0.0, 1.0), "share of the position limit"),
    key(Quote, "skew_knee_slope", Num(0.0, 100.0), "times"),
    key(Quote, "risk_aversion", Num(1e-6, 10.0), "per bps and order size"),
    key(Quote, "risk_horizon_s", Num(0.1, DAY_S), "s"),
    key(Quote, "arrival_min_r2", Num(0.0, 1.0), "share of the variance"),
    key(Quote, "arrival_rate_per_s", Num(0.0, 10_000.0), "trades a second and side, 0 = none"),
    key(Quote, "arrival_decay_per_bps", Num(0.0, 100.0), "per bps, 0 = none"),
    key(Quote, "arrival_halflife_s", Num(1.0, DAY_S), "s"),
    key(Quote, "arrival_bin_bps", Num(0.01, 10.0), "bps"),
    key(Quote, "bias_strength", Num(0.0, 10.0), "half spreads"),
    key(Quote, "imbalance_strength", Num(0.0, 10.0), "half spreads"),
    key(Quote, "level_spacing_bps", Num(0.0, 1000.0), "bps"),
    key(Quote, "num_levels", Int(1, QUOTE_LEVELS as i64), "levels"),
    key(Quote, "level_weights", Weights, "share"),
    key(Quote, "order_size_usd", Money(10, MAX_USD), "USD"),
    key(Quote, "one_sided_at", Num(0.01, 1.0), "share of the position limit"),
    key(Quote, "requote_min_ms", Int(1, HOUR_MS), "ms"),
    key(Quote, "tick_ms", Int(1, HOUR_MS), "ms"),
    key(Quote, "requote_threshold_bps", Num(0.0, 100.0), "bps"),
    key(Signal, "signal_bar_s", Num(1.0, DAY_S), "s"),
    key(Signal, "atr_bar_s", Num(1.0, DAY_S), "s"),
    key(Signal, "kalman_process_noise", Num(1e-9, 1e3), "variance a bar"),
    key(Signal, "kalman_measurement_noise", Num(1e-9, 1e3), "variance"),
    key(Signal, "slope_bars", Int(1, MAX_SLOPE_BARS as i64), "bars"),
    key(Signal, "signal_threshold_bps", Num(0.0, 1000.0), "bps"),
    key(Signal, "rsi_bars", Int(1, MAX_RSI_BARS as i64), "bars"),
    key(Signal, "rsi_smoothing_bars", Int(1, 1000), "bars"),
    key(Signal, "qqe_factor", Num(0.0, 100.0), "times"),
    key(Signal, "rsi_band", Num(0.0, 50.0), "points of the RSI"),
    key(Signal, "signal_deadzone", Num(0.01, 1.0), "of the score"),
    key(Adaptive, "regime_short_s", Num(1.0, 60.0), "s"),
    key(Adaptive, "regime_long_s", Num(2.0, 600.0), "s"),
    key(Adaptive, "regime_low_ratio", Num(0.01, 100.0), "short over long volatility"),
    key(Adaptive, "regime_high_ratio", Num(0.01, 100.0), "short over long volatility"),
    key(Adaptive, "regime_spread_low", Num(0.1, 10.0), "times"),
    key(Adaptive, "regime_spread_high", Num(0.1, 10.0), "times"),
    key(Adaptive, "regime_size_low", Num(0.1, 10.0), "times"),
    key(Adaptive, "regime_size_high", Num(0.1, 10.0), "times"),
    key(Adaptive, "fill_rate_cycles", Int(5, 100_000), "quote cycles"),
    key(Adaptive, "fill_rate_low", Num(0.0, 1.0), "share of cycles"),
    key(Adaptive, "fill_rate_high", Num(0.0, 1.0), "share of cycles"),
    key(Adaptive, "fill_rate_step_down", Num(0.1, 1.0), "times"),
    key(Adaptive, "fill_rate_step_up", Num(1.0, 10.0), "times"),
    key(Adaptive, "fill_rate_mult_min", Num(0.1, 1.0), "times"),
    key(Adaptive, "fill_rate_mult_max", Num(1.0, 10.0), "times"),
    key(Adaptive, "inventory_max_age_s", Num(0.0, DAY_S), "s"),
    key(Adaptive, "inventory_decay_s", Num(0.1, DAY_S), "s"),
    key(Adaptive, "inventory_decay_mult", Num(1.0, 10.0), "times"),
    key(Toxicity, "use_toxicity", Bool, ""),
    key(Toxicity, "toxicity_horizon_s", Num(0.1, 3600.0), "s"),
    key(Toxicity, "toxicity_alpha", Num(0.001, 1.0), "share"),
    key(Toxicity, "toxicity_halflife_s", Num(1.0, DAY_S), "s"),
    key(Fit, "fit_always", Bool, ""),
    key(Fit, "keep_leans", Bool, ""),
    key(Fit, "fit_horizon_s", Num(0.1, 30.0), "s"),
    key(Fit, "fit_halflife_s", Num(60.0, DAY_S), "s"),
    key(Fit, "fit_ridge", Num(1e-6, 10.0), "share of the samples"),
    key(Fit, "fit_min_samples", Int(30, 100_000), "samples"),
    key(Fit, "leaders", Leaders, ""),
    key(Sizer, "use_sizer", Bool, ""),
    key(Sizer, "size_min_usd", Money(10, MAX_USD), "USD"),
    key(Sizer, "size_max_usd", Money(10, MAX_USD), "USD"),
    key(Sizer, "size_max_pct", Num(0.1, 100.0), "percent of capital"),
    key(Risk, "max_position_usd", Money(10, MAX_USD), "USD"),
    account("max_total_position_usd", Money(10, MAX_USD), "USD"),
    account("capital_usd", Kind::Capital(10, MAX_USD), "USD"),
    account("max_daily_loss_pct", Num(0.01, 100.0), "percent of capital"),
    account("daily_loss_rearm", Words(&["manual", "rollover"]), ""),
    account("max_drawdown_pct", Num(0.01, 100.0), "percent of capital"),
    account("loss_confirm_ms", Int(0, 60_000), "ms"),
    account("mark_max_age_s", Num(1.0, 3_600.0), "s"),
    account("max_api_errors", Int(0, MAX_API_ERRORS as i64 - 1), "errors"),
    account("api_error_window_s", Num(1.0, DAY_S), "s"),
    account("api_error_cooldown_s", Num(1.0, DAY_S), "s"),
    key(Risk, "large_move_pct", Num(0.01, 100.0), "percent"),
    key(Risk, "large_move_cooldown_s", Num(1.0, DAY_S), "s"),
    key(Risk, "vol_emergency_ratio", Num(1.0, 1000.0), "times"),
    key(Risk, "vol_emergency_mult", Num(1.0, 100.0), "times"),
    key(Risk, "stale_book_ms", Int(100, HOUR_MS), "ms"),
    key(Risk, "max_feed_delay_ms", Int(1, HOUR_MS), "ms"),
    key(Risk, "feed_late_action", Words(&["auto", "stand_aside", "warn"]), ""),
    key(Risk, "late_half_spread_bps", Num(0.0, 1000.0), "bps"),
    account("max_actions_per_min", Int(1, 100_000), "actions"),
    account("max_orders_per_min", Int(1, 100_000), "orders"),
    account("action_budget", Int(0, 1_000_000_000), "actions"),
    account("cancel_reserve_pct", Num(0.0, 90.0), "percent of the budget"),
    key(Risk, "ack_timeout_ms", Int(100, HOUR_MS), "ms"),
    key(Risk, "expires_after_ms", Int(100, HOUR_MS), "ms"),
    account("max_clock_offset_ms", Int(1, HOUR_MS), "ms"),
];

/// Keys of earlier versions, and what takes their place.
const GONE: [(&str, &str); 1] = [(
    "use_edge_gate",
    "use_edge in [defaults.quote]; below_fee says whether a side is widened or skipped",
)];

/// The levels of alerts, lowest first.
const LEVELS: [&str; 3] = ["info", "warn", "critical"];

/// The tables of a configuration.
const TABLES: [&str; 13] = [
    "general", "dead_man", "discord", "webhook", "http", "wire", "history", "tuner", "universe",
    "sim", "fees", "defaults", "asset",
];

/// The keys of a section, in order.
pub(super) fn of(section: Section) -> impl Iterator<Item = &'static Spec> {
    SPECS.iter().filter(move |s| s.section == section)
}

/// Whether a key's number must keep its decimal text.
pub(super) fn is_exact(key: &str) -> bool {
    SPECS.iter().any(|s| s.key == key && matches!(s.kind, Money(..) | Kind::Capital(..) | Rate))
}

impl Spec {
    /// What is allowed, in words.
    pub fn allowed(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" ({})", self.unit) };
        match self.kind {
            Int(lo, i64::MAX) => format!("a whole number from {lo}"),
            Int(lo, hi) => format!("a whole number from {lo} to {hi}{unit}"),
            Num(lo, hi) => format!("a number from {lo} to {hi}{unit}"),
            Money(lo, hi) => format!("an amount from {lo} to {hi}{unit}, at most 8 decimals"),
            Kind::Capital(lo, hi) => format!(
                "{:?}, or an amount from {lo} to {hi}{unit}, at most 8 decimals",
                Capital::ACCOUNT
            ),
            Rate => "a rate from -100 to 100 (bps), at most 4 decimals".to_owned(),
            Bool => "true or false".to_owned(),
            Words(words) => format!("one of {}", words.join(", ")),
            Path => "the path of a file, \"\" = none".to_owned(),
            File => "the path of a file".to_owned(),
            Kind::Guard => "\"\" = none, or the guard's address and where it is reached: \
                 \"0x…@127.0.0.1:7750\""
                .to_owned(),
            Coins => "a list of coins, [\"BTC\", \"ETH\"]".to_owned(),
            Leaders => format!("at most {LEADER_NAMES} coins, [\"BTC\", \"ETH\"], or []"),
            Weights => format!("{QUOTE_LEVELS} numbers from 0 to 1, nearest level first"),
            Queue => botmm_pipeline::venue::sim::queue::QUEUE_ALLOWED.to_owned(),
            Latency => botmm_pipeline::venue::sim::latency::LATENCY_ALLOWED.to_owned(),
            Rules => botmm_pipeline::venue::sim::core::rules::RULES_ALLOWED.to_owned(),
        }
    }

    /// [`None`] when the value is allowed, otherwise what is wrong with it.
    pub fn fault(&self, value: &Value) -> Option<&'static str> {
        const TYPE: Option<&str> = Some("wrong type or unit");
        const RANGE: Option<&str> = Some("out of range");
        let in_range = |ok: bool| if ok { None } else { RANGE };
        match (self.kind, value) {
            (Int(lo, hi), Value::Integer(i)) => in_range((lo..=hi).contains(i)),
            (Num(lo, hi), v) => number(v).map_or(TYPE, |x| in_range((lo..=hi).contains(&x))),
            (Kind::Capital(..), Value::String(s)) if s == Capital::ACCOUNT => None,
            (Money(lo, hi) | Kind::Capital(lo, hi), v) => {
                text(v).map_or(TYPE, |t| match parse_usd(&t) {
                    Ok(usd) => in_range(usd.to_f64() >= lo as f64 && usd.to_f64() <= hi as f64),
                    Err(_) => TYPE,
                })
            }
            (Rate, v) => text(v).map_or(TYPE, |t| parse_bps(&t).err().and(TYPE)),
            (Bool, Value::Boolean(_)) => None,
            (Words(words), Value::String(s)) => in_range(words.contains(&s.as_str())),
            (Path, Value::String(s)) => in_range(!s.contains(char::is_control)),
            (File, Value::String(s)) => in_range(!s.is_empty() && !s.contains(char::is_control)),
            (Kind::Guard, Value::String(s)) => {
                in_range(s.is_empty() || GuardAt::parse(s).is_some())
            }
            (Coins, Value::Array(items)) if items.iter().all(Value::is_str) => None,
            (Leaders, Value::Array(items)) if items.iter().all(Value::is_str) => in_range(
                items.len() <= LEADER_NAMES
                    && items.iter().filter_map(Value::as_str).all(|name| Coin::new(name).is_some()),
            ),
            (Weights, Value::Array(items)) => in_range(
                items.len() == QUOTE_LEVELS
                    && items.iter().all(|v| number(v).is_some_and(|x| (0.0..=1.0).contains(&x))),
            ),
            (Queue, Value::String(s)) => s.parse::<QueueModel>().err().and(RANGE),
            (Rules, Value::String(s)) => s.parse::<RuleSet>().err().and(RANGE),
            (Latency, Value::String(s)) => s.parse::<LatencyModel>().err().and(TYPE),
            _ => TYPE,
        }
    }
}

/// A number as a float; text is not one.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(i) => Some(*i as f64),
        Value::Float(f) => Some(*f),
        _ => None,
    }
}

/// The decimal text of an exact number.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Integer(i) => Some(i.to_string()),
        Value::String(s) => Some(s.clone()),
        _ => None,
    }
}

/// Checks kind, range and spelling of every key of a configuration.
pub(super) fn check(root: &Table, origins: &Origins) -> Result<(), ConfigError> {
    let checker = Checker { origins };
    for (name, value) in root {
        let table = checker.table(value, name, TABLES.contains(&name.as_str()), &TABLES)?;
        match name.as_str() {
            "general" => checker.keys(table, name, General)?,
            "discord" => checker.keys(table, name, Discord)?,
            "webhook" => checker.keys(table, name, Webhook)?,
            "http" => checker.keys(table, name, Http)?,
            "history" => checker.keys(table, name, History)?,
            "tuner" => checker.keys(table, name, Section::Tuner)?,
            "dead_man" => checker.keys(table, name, DeadMan)?,
            "wire" => checker.keys(table, name, Wire)?,
            "sim" => checker.keys(table, name, Sim)?,
            "universe" => {
                for (coin, value) in table {
                    let path = join(name, coin);
                    checker.keys(checker.table(value, &path, true, &[])?, &path, Instrument)?;
                }
            }
            "fees" => checker.fees(table)?,
            "defaults" => checker.parts(table, name)?,
            _ => {
                for (coin, value) in table {
                    let path = join(name, coin);
                    checker.parts(checker.table(value, &path, true, &[])?, &path)?;
                }
            }
        }
    }
    Ok(())
}

struct Checker<'a> {
    origins: &'a Origins,
}

impl Checker<'_> {
    fn error(&self, path: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::at(place_of(self.origins, path), path, problem)
    }

    /// `value` as a table; `known` is whether its name is one of `names`.
    fn table<'v>(
        &self,
        value: &'v Value,
        path: &str,
        known: bool,
        names: &[&str],
    ) -> Result<&'v Table, ConfigError> {
        if !known {
            let last = path.rsplit('.').next().unwrap_or(path);
            return Err(self.unknown(path, last, names));
        }
        value.as_table().ok_or_else(|| {
            self.error(path, format!("wrong type: {}; allowed: a table", value.type_str()))
        })
    }

    fn unknown(&self, path: &str, key: &str, names: &[&str]) -> ConfigError {
        if let Some((_, instead)) = GONE.iter().find(|(gone, _)| *gone == key) {
            return self.error(path, format!("this key is gone; use {instead}"));
        }
        // The value is not shown: a misplaced secret must not reach a terminal or a log.
        let problem = match nearest(key, names.iter().copied()) {
            Some(near) => format!("unknown key; did you mean {near}?"),
            None => format!("unknown key; allowed: {}", names.join(", ")),
        };
        self.error(path, problem)
    }

    fn parts(&self, table: &Table, path: &str) -> Result<(), ConfigError> {
        let names = PARTS.map(|(name, _)| name);
        for (name, value) in table {
            let path = join(path, name);
            let part = PARTS.iter().find(|(part, _)| part == name);
            let keys = self.table(value, &path, part.is_some(), &names)?;
            if let Some((_, section)) = part {
                self.keys(keys, &path, *section)?;
            }
        }
        Ok(())
    }

    fn fees(&self, table: &Table) -> Result<(), ConfigError> {
        let names = ["volume_tier", "maker_rebate"];
        for (name, value) in table {
            let path = join("fees", name);
            if !names.contains(&name.as_str()) {
                return Err(self.unknown(&path, name, &names));
            }
            let section = if name == "volume_tier" { VolumeTier } else { MakerRebate };
            let rows = value
                .as_array()
                .ok_or_else(|| self.error(&path, "wrong type; allowed: a list of tables"))?;
            for (i, row) in rows.iter().enumerate() {
                let path = format!("{path}[{i}]");
                self.keys(self.table(row, &path, true, &[])?, &path, section)?;
            }
        }
        Ok(())
    }

    fn keys(&self, table: &Table, path: &str, section: Section) -> Result<(), ConfigError> {
        for (name, value) in table {
            let path = join(path, name);
            let Some(spec) = of(section).find(|s| s.key == name) else {
                let names: Vec<&str> = of(section).map(|s| s.key).collect();
                return Err(self.unknown(&path, name, &names));
            };
            if spec.account && path.starts_with("asset.") {
                let problem =
                    format!("holds for the whole account; set it in [defaults.risk].{name}");
                return Err(self.error(&path, problem));
            }
            if let Some(fault) = spec.fault(value) {
                let problem =
                    format!("{value} is not allowed ({fault}); allowed: {}", spec.allowed());
                return Err(self.error(&path, problem));
            }
        }
        Ok(())
    }
}
