//! TOML, environment and flags → one validated [`Settings`]. What is wrong is said in one line that
//! names the place, the key, the value and what is allowed.
//!
//! Layers, each on top of the one before: the shipped `config/botmm.toml` (built in), `--config
//! FILE`, the environment, flags ([`Overrides`]), and for the verbs that trade in wall time
//! `data/live_params.json` ([`LiveParams`]). The layers are merged as tables and then read once, so
//! that a value means the same wherever it was set.

mod change;
mod content;
mod document;
mod draft;
mod error;
mod exact;
mod fees;
mod file;
mod json;
mod live;
mod origins;
mod plans;
mod relations;
mod render;
mod schema;
mod secrets;
mod section;
mod shipped;
mod sim;
mod spec;
mod starter;
mod symbols;
mod tuner;
mod values;
mod wire;

pub use botmm_pipeline::types::duration::parse_duration;
pub use botmm_pipeline::venue::sim::core::Rules;
pub use botmm_pipeline::venue::sim::latency::{FeedDelay, LatencyModel};
pub use botmm_pipeline::venue::sim::queue::{Queue, QueueModel, QueueSemantics};
pub use change::{MODEL_KEY, ParamChange, ParamSetting, param_name};
pub use content::{ContentHash, content_hash};
pub use draft::Draft;
pub use error::ConfigError;
pub use fees::{FeeTable, MakerRebate, VolumeTier};
pub use live::{LiveParams, read_bounded};
pub use plans::{LaneFile, PLANS, PlanFile, THREADED_PLANS};
pub use schema::schema;
pub use secrets::Secrets;
pub use sim::SimSettings;
pub use starter::starter;
pub use tuner::{TunerMode, TunerSettings};
use values::Capital;
pub use values::{GuardAt, parse_bps, parse_usd};
pub use wire::{LatencyBudget, WireSettings};

use botmm_pipeline::types::instrument::MAX_COIN_BYTES;
use botmm_pipeline::types::{AssetParams, Bps, Coin, Instrument, Nanos, RiskLimits, Universe, Usd};
use draft::Chosen;
use origins::{Origins, place_of};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Value;

const SHIPPED: &str = include_str!("../../config/botmm.toml");
/// What messages call the shipped file; no file a user has can have this name and line.
const SHIPPED_NAME: &str = "built-in config/botmm.toml";

/// How requests are signed: each when it is sent, or ahead (docs/signing.md).
const RFC_6979: &str = "rfc6979";
const PRESIGNED: &str = "presigned";

/// What flags change; [`None`] leaves the configured value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `--symbols BTC,ETH`.
    pub symbols: Option<String>,
    /// `--plan`.
    pub plan: Option<String>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--queue`.
    pub queue: Option<QueueModel>,
    /// `--queue-from`: the queue model of this calibration.
    pub queue_from: Option<PathBuf>,
    /// `--latency`.
    pub latency: Option<LatencyModel>,
    /// `--rules`.
    pub rules: Option<Rules>,
    /// `--fee-bps`.
    pub maker_fee: Option<Bps>,
    /// `--fee-tier`, a row of the fee table.
    pub fee_tier: Option<u8>,
    /// `--rebate-tier`, a row of the rebate table, from 1; 0 = none.
    pub rebate_tier: Option<u8>,
}

/// A configuration in which every value is usable.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What to quote, by the venue's names, in the order given.
    pub symbols: Vec<String>,
    /// One of [`PLANS`].
    pub plan_name: String,
    /// Of everything random.
    pub seed: u64,
    /// Signatures are made ahead of what they sign.
    pub is_presigned: bool,
    /// A connection that does not answer is noticed to be dead within this time.
    pub dead_link: Nanos,
    /// A guard acts after so long without a beat.
    pub guard_timeout: Nanos,
    /// A guard on another host.
    pub guard_at: Option<GuardAt>,
    /// How much journals may take.
    pub journal: JournalSettings,
    /// How much a live run may keep of what it saw and when, MiB; 0 = nothing.
    pub capture_max_mb: u64,
    /// What goes to Discord.
    pub discord: HookSettings,
    /// What goes to another webhook.
    pub webhook: HookSettings,
    /// Where page and metrics are on 127.0.0.1; [`None`] = nowhere.
    pub http_port: Option<u16>,
    /// What its sockets are set to, and how long the way from wire to wire may take.
    pub wire: WireSettings,
    /// What is kept of all runs.
    pub history: HistorySettings,
    /// What turns parameters slowly.
    pub tuner: TunerSettings,
    /// How long after the last progress the venue itself cancels everything; [`None`] = it does not.
    pub dead_man_horizon: Option<Nanos>,
    /// What the simulator assumes.
    pub sim: SimSettings,
    /// The venue's fees.
    pub fees: FeeTable,
    /// Which secrets the environment holds; never their values.
    pub secrets: Secrets,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
    universe: BTreeMap<String, Instrument>,
    defaults: AssetParams,
    params: BTreeMap<String, AssetParams>,
    /// What it was made from: the tables merged, the coins looked up.
    draft: Draft,
}

/// How much the journals of runs may take on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalSettings {
    /// All together, MiB.
    pub max_mb: u64,
    /// Files that were written to before are removed, days.
    pub keep_days: u64,
}

/// What goes to one webhook. Its address is a secret, and not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSettings {
    /// The file that holds its address.
    pub url_file: Option<PathBuf>,
    /// The lowest level that is sent: `info`, `warn` or `critical`.
    pub level: String,
    /// At most so many messages a minute.
    pub max_per_min: usize,
}

impl HookSettings {
    fn of(file: file::HookFile) -> Self {
        let file::HookFile { url_file, level, max_per_min } = file;
        let url_file = Some(url_file).filter(|f| !f.is_empty()).map(PathBuf::from);
        Self { url_file, level, max_per_min: max_per_min as usize }
    }
}

/// Whether and where the history of all runs is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistorySettings {
    /// `run` and `paper` write it.
    pub is_enabled: bool,
    /// The file; [`None`] = beside the journals.
    pub path: Option<PathBuf>,
}

impl HistorySettings {
    /// The file, of which the name is given, for journals in this folder.
    pub fn file(&self, journals: &Path, name: &str) -> PathBuf {
        self.path.clone().unwrap_or_else(|| journals.join(name))
    }
}

impl Settings {
    /// Reads the shipped configuration, `file` on top, and the environment through `env` (so that
    /// tests need not change the process).
    pub fn load(
        file: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        Draft::load(file, env)?.build()
    }

    /// The same with flags on top.
    pub fn with(self, flags: &Overrides) -> Result<Self, ConfigError> {
        self.draft.with(flags)?.build()
    }

    /// The grid of a coin, when the universe has it.
    pub fn instrument(&self, coin: &str) -> Option<Instrument> {
        self.universe.get(coin).copied()
    }

    /// The coins to quote as the pipeline's universe, in order.
    pub fn universe(&self) -> Universe {
        Universe::new(self.symbols.iter().filter_map(|coin| self.instrument(coin)).collect())
    }

    /// The parameters of a coin: the defaults, with what is set for it on top, and the maker fee of
    /// the assumed tier.
    pub fn params(&self, coin: &str) -> AssetParams {
        self.params.get(coin).copied().unwrap_or(self.defaults)
    }

    /// Limits that hold for the account: no coin has others.
    pub fn account_limits(&self) -> &RiskLimits {
        &self.defaults.risk
    }

    /// What the account trades with.
    pub fn capital(&self) -> Usd {
        self.account_limits().capital_usd
    }

    /// Every coin of the universe.
    pub fn coins(&self) -> impl Iterator<Item = &str> {
        self.universe.keys().map(String::as_str)
    }

    /// Whether a person said which coins to quote.
    pub fn symbols_are_chosen(&self) -> bool {
        self.draft.symbols_are_chosen()
    }

    /// Where a key's value came from (`FILE:LINE`, a variable, a flag); [`None`] = built in.
    pub fn origin(&self, key: &str) -> Option<&str> {
        self.draft.origins.get(key).map(String::as_str).filter(|o| !o.starts_with(SHIPPED_NAME))
    }

    fn build(mut draft: Draft) -> Result<Self, ConfigError> {
        spec::check(&draft.table, &draft.origins)?;
        draft.lay_live_params()?;
        let root: file::Root = file::read(&draft.table, "", &draft.origins)?;
        let universe = instruments(&root, &draft.origins)?;
        let coins: Vec<String> = universe.keys().cloned().collect();
        let Chosen { symbols, known: coins, delisted } =
            draft.choose(&root.general.symbols, &coins)?;
        let is_by_recording = draft.is_by_recording();
        let late = draft.late_action();
        let Draft { table, origins, secrets, account, .. } = &mut draft;
        let general = table.get_mut("general").and_then(Value::as_table_mut);
        if let Some(general) = general.filter(|_| !is_by_recording) {
            let list = symbols.iter().cloned().map(Value::String).collect();
            general.insert("symbols".to_owned(), Value::Array(list));
        }
        root.fees.check(origins)?;
        root.tuner.check(&root.general.live_params, origins)?;
        let sim = sim::simulator(&root.sim, &root.fees, origins)?;
        let mut reader = relations::Reader::new(&root, origins, (sim.maker_fee, late));
        let mut defaults = reader.params(None)?;
        let mut params = reader.traded(&symbols)?;
        for coin in root.asset.keys() {
            if !coins.contains(coin) {
                let (key, all) = (format!("asset.{coin}"), coins.join(", "));
                let problem = format!("the universe has no such coin; known: {all}");
                return Err(ConfigError::at(place_of(origins, &key), key, problem));
            }
            // What is set for a coin that is not traded is still well-formed.
            let of_coin = reader.params(Some(coin))?;
            params.entry(coin.clone()).or_insert(of_coin);
        }
        let mut warnings = reader.warnings();
        let left_out = |c: &String| format!("{c}: the venue has delisted it; left out");
        warnings.extend(delisted.iter().map(left_out));
        if root.tuner.mode != "off" && !root.history.enabled {
            let mode = &root.tuner.mode;
            warnings.push(format!("tuner.mode = \"{mode}\" and history.enabled = false: the tuner has nothing to read, and does nothing"));
        }
        let configured = root.defaults.risk.get("capital_usd").and_then(spec::text);
        let configured = configured.and_then(|text| Capital::parse(&text).ok());
        let configured = configured.unwrap_or(Capital::Account);
        for params in std::iter::once(&mut defaults).chain(params.values_mut()) {
            params.risk.capital_usd = configured.of(*account);
        }
        if let Some(worth) = *account {
            let traded = symbols.iter().filter_map(|coin| universe.get(coin));
            let leverage = traded.map(|i| i.max_leverage).min().unwrap_or(1);
            warnings.extend(relations::beyond_account(configured, &defaults.risk, worth, leverage));
        }
        Ok(Self {
            symbols,
            plan_name: root.general.plan,
            seed: root.general.seed,
            is_presigned: root.general.signing == PRESIGNED,
            dead_link: Nanos::millis(root.general.dead_link_ms),
            guard_timeout: Nanos::secs(root.general.guard_timeout_s),
            guard_at: GuardAt::parse(&root.general.guard_at),
            journal: JournalSettings {
                max_mb: root.general.journal_max_mb,
                keep_days: root.general.journal_keep_days,
            },
            capture_max_mb: root.general.capture_max_mb,
            discord: HookSettings::of(root.discord),
            webhook: HookSettings::of(root.webhook),
            http_port: Some(root.http.port).filter(|port| *port > 0),
            wire: WireSettings::of(root.wire),
            history: HistorySettings {
                is_enabled: root.history.enabled,
                path: Some(root.history.path).filter(|path| !path.as_os_str().is_empty()),
            },
            tuner: TunerSettings::of(root.tuner),
            dead_man_horizon: root.dead_man.horizon(),
            sim,
            fees: root.fees,
            secrets: *secrets,
            warnings,
            universe,
            defaults,
            params,
            draft,
        })
    }
}

fn instruments(
    root: &file::Root,
    origins: &Origins,
) -> Result<BTreeMap<String, Instrument>, ConfigError> {
    let mut by_index: BTreeMap<u32, &str> = BTreeMap::new();
    let mut universe = BTreeMap::new();
    for (name, entry) in &root.universe {
        let key = format!("universe.{name}");
        let error = |p: String| Err(ConfigError::at(place_of(origins, &key), key.clone(), p));
        let Some(coin) = Coin::new(name) else {
            return error(format!(
                "not a coin's name; allowed: 1 to {MAX_COIN_BYTES} printable ASCII letters"
            ));
        };
        if let Some(other) = by_index.insert(entry.index, name) {
            return error(format!("index = {} is already {other}'s", entry.index));
        }
        let instrument = Instrument {
            coin,
            venue_index: entry.index,
            sz_decimals: entry.sz_decimals,
            max_leverage: entry.max_leverage,
        };
        universe.insert(name.clone(), instrument);
    }
    Ok(universe)
}

#[cfg(test)]
mod tests;
