//! TOML, environment and flags → one validated [`Settings`]. What is wrong is said in one line that
//! names the place, the key, the value and what is allowed.
//!
//! Layers, each on top of the one before: the shipped `config/botmm.toml` (built in), `--config
//! FILE`, the environment, flags ([`Overrides`]). The layers are merged as tables and then read once,
//! so that a value means the same wherever it was set.

mod document;
mod error;
mod fees;
mod file;
mod plans;
mod relations;
mod render;
mod schema;
mod secrets;
mod shipped;
mod spec;
mod starter;
mod symbols;
mod values;

pub use botmm_pipeline::types::duration::parse_duration;
pub use botmm_pipeline::venue::sim::latency::LatencyModel;
pub use botmm_pipeline::venue::sim::queue::QueueModel;
pub use error::ConfigError;
pub use fees::{FeeTable, MakerRebate, VolumeTier};
pub use plans::{LaneFile, PLANS, PlanFile, THREADED_PLANS};
pub use schema::schema;
pub use secrets::Secrets;
pub use starter::starter;
pub use values::{parse_bps, parse_usd};

use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{AssetParams, Bps, Coin, Instrument, Universe, Usd};
use document::{Document, Origins};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

const SHIPPED: &str = include_str!("../config/botmm.toml");
/// What messages call the shipped file; no file a user has can have this name and line.
const SHIPPED_NAME: &str = "built-in config/botmm.toml";
/// The environment variable that picks the coins.
const SYMBOLS_VAR: &str = "MM_SYMBOLS";

/// What the simulator assumes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimSettings {
    /// Our place in a recorded queue.
    pub queue: QueueModel,
    /// Of the feed, of orders and of answers.
    pub latency: LatencyModel,
    /// Row of the fee table.
    pub fee_tier: usize,
    /// Row of the rebate table, from 1; 0 = none.
    pub maker_rebate_tier: usize,
    /// What a maker pays; negative = is paid.
    pub maker_fee: Bps,
    /// What a taker pays.
    pub taker_fee: Bps,
}

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
    /// `--latency`.
    pub latency: Option<LatencyModel>,
    /// `--fee-bps`.
    pub maker_fee: Option<Bps>,
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
    /// What the simulator assumes.
    pub sim: SimSettings,
    /// The venue's fees.
    pub fees: FeeTable,
    /// Which secrets the environment holds; never their values.
    pub secrets: Secrets,
    /// The file that `--config` named.
    pub file: Option<PathBuf>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
    universe: BTreeMap<String, Instrument>,
    defaults: AssetParams,
    params: BTreeMap<String, AssetParams>,
    resolved: Table,
    origins: Origins,
}

/// A configuration whose files were read, and whose coins were not looked up yet: live trading puts
/// the venue's own universe in first.
#[derive(Clone, Debug)]
pub struct Draft {
    table: Table,
    origins: Origins,
    file: Option<PathBuf>,
    secrets: Secrets,
}

impl Draft {
    /// As [`Settings::load`].
    pub fn load(
        file: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let shipped = Document::parse(SHIPPED_NAME, SHIPPED)?;
        let (mut table, mut origins) = (shipped.table, shipped.origins);
        if let Some(path) = file {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|e| ConfigError::general(name.as_str(), format!("cannot read: {e}")))?;
            let mut own = Document::parse(&name, &text)?;
            forget_coins(&mut table, &mut origins, &own.table);
            origins.append(&mut own.origins);
            // Checked by itself first: a wrong type must not vanish under what it replaces.
            spec::check(&own.table, &origins)?;
            document::merge(&mut table, &own.table);
        }
        if let Some(typed) = env(SYMBOLS_VAR).filter(|s| !s.trim().is_empty()) {
            set(&mut table, &mut origins, ["general", "symbols"], coin_list(&typed), SYMBOLS_VAR);
        }
        Ok(Self { table, origins, file: file.map(Path::to_owned), secrets: Secrets::from_env(env) })
    }

    /// Puts flags on top.
    pub fn with(mut self, flags: &Overrides) -> Result<Self, ConfigError> {
        let Self { table, origins, .. } = &mut self;
        let mut put = |path: [&str; 2], value: Option<Value>, flag: &str| {
            if let Some(value) = value {
                set(table, origins, path, value, flag);
            }
        };
        let text = |v: Option<String>| v.map(Value::String);
        let seed = match flags.seed.map(i64::try_from) {
            Some(Err(_)) => {
                return Err(ConfigError::general("--seed", format!("at most {}", i64::MAX)));
            }
            Some(Ok(seed)) => Some(Value::Integer(seed)),
            None => None,
        };
        put(["general", "symbols"], flags.symbols.as_deref().map(coin_list), "--symbols");
        put(["general", "plan"], text(flags.plan.clone()), "--plan");
        put(["general", "seed"], seed, "--seed");
        put(["sim", "queue"], text(flags.queue.map(|q| q.to_string())), "--queue");
        put(["sim", "latency"], text(flags.latency.map(|l| l.to_string())), "--latency");
        put(["sim", "maker_fee_bps"], text(flags.maker_fee.map(|f| f.to_string())), "--fee-bps");
        Ok(self)
    }

    /// The plan's name, as it was written.
    pub fn plan_name(&self) -> String {
        let general = self.table.get("general").and_then(Value::as_table);
        let name = general.and_then(|t| t.get("plan")).and_then(Value::as_str);
        name.unwrap_or("auto").to_owned()
    }

    /// Whether live trading on the mainnet was allowed in the file.
    pub fn understands_real_money(&self) -> bool {
        let general = self.table.get("general").and_then(Value::as_table);
        let flag = general.and_then(|t| t.get("i_understand_real_money"));
        flag.and_then(Value::as_bool) == Some(true)
    }

    /// Replaces the configured universe by the venue's own. What is set for a coin that the venue does
    /// not list is of no use there; for a coin that nobody knows it stays, and is refused.
    pub fn with_universe(mut self, listed: &[Instrument]) -> Self {
        let entry = |i: &Instrument| {
            let mut table = Table::new();
            table.insert("index".to_owned(), Value::Integer(i.venue_index.into()));
            table.insert("sz_decimals".to_owned(), Value::Integer(i.sz_decimals.into()));
            table.insert("max_leverage".to_owned(), Value::Integer(i.max_leverage.into()));
            (i.coin.to_string(), Value::Table(table))
        };
        let universe: Table = listed.iter().map(entry).collect();
        let configured = self.table.get("universe").and_then(Value::as_table).cloned();
        if let Some(coins) = self.table.get_mut("asset").and_then(Value::as_table_mut) {
            let is_known = |coin: &str| configured.as_ref().is_some_and(|u| u.contains_key(coin));
            coins.retain(|coin, _| universe.contains_key(coin) || !is_known(coin));
        }
        self.table.insert("universe".to_owned(), Value::Table(universe));
        self.origins.retain(|key, _| !key.starts_with("universe"));
        self
    }

    /// Checks everything.
    pub fn build(self) -> Result<Settings, ConfigError> {
        let Self { table, origins, file, secrets } = self;
        Settings::build(table, origins, file, secrets)
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
        let Self { resolved: table, origins, file, secrets, .. } = self;
        Draft { table, origins, file, secrets }.with(flags)?.build()
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

    /// What the account trades with.
    pub fn capital(&self) -> Usd {
        self.defaults.risk.capital_usd
    }

    /// Every coin of the universe.
    pub fn coins(&self) -> impl Iterator<Item = &str> {
        self.universe.keys().map(String::as_str)
    }

    /// Where a key's value came from (`FILE:LINE`, a variable, a flag); [`None`] = built in.
    pub fn origin(&self, key: &str) -> Option<&str> {
        self.origins.get(key).map(String::as_str).filter(|o| !o.starts_with(SHIPPED_NAME))
    }

    fn build(
        mut table: Table,
        origins: Origins,
        file: Option<PathBuf>,
        secrets: Secrets,
    ) -> Result<Self, ConfigError> {
        spec::check(&table, &origins)?;
        let root: file::Root = file::read(&table, "", &origins)?;
        let universe = instruments(&root, &origins)?;
        let coins: Vec<String> = universe.keys().cloned().collect();
        let typed = root.general.symbols.iter().map(String::as_str);
        let symbols = symbols::resolve_all(typed, &coins, MAX_ASSETS).map_err(|problem| {
            let key = "general.symbols";
            ConfigError::at(place_of(&origins, key), key, problem)
        })?;
        if let Some(general) = table.get_mut("general").and_then(Value::as_table_mut) {
            let list = symbols.iter().cloned().map(Value::String).collect();
            general.insert("symbols".to_owned(), Value::Array(list));
        }
        root.fees.check(&origins)?;
        let sim = simulator(&root, &origins)?;
        let mut reader = relations::Reader::new(&root, &origins, sim.maker_fee);
        let defaults = reader.params(None)?;
        let mut params = BTreeMap::new();
        for coin in root.asset.keys() {
            if !universe.contains_key(coin) {
                let (key, all) = (format!("asset.{coin}"), coins.join(", "));
                let problem = format!("the universe has no such coin; known: {all}");
                return Err(ConfigError::at(place_of(&origins, &key), key, problem));
            }
            params.insert(coin.clone(), reader.params(Some(coin))?);
        }
        let warnings = reader.warnings;
        Ok(Self {
            symbols,
            plan_name: root.general.plan,
            seed: root.general.seed,
            sim,
            fees: root.fees,
            secrets,
            file,
            warnings,
            universe,
            defaults,
            params,
            resolved: table,
            origins,
        })
    }
}

/// The place of a key, or of the nearest table around it that has one.
fn place_of(origins: &Origins, key: &str) -> String {
    let mut path = key;
    loop {
        if let Some(place) = origins.get(path) {
            return place.clone();
        }
        match path.rfind(['.', '[']) {
            Some(cut) => path = &path[..cut],
            None => return "configuration".to_owned(),
        }
    }
}

fn set(
    table: &mut Table,
    origins: &mut Origins,
    [section, key]: [&str; 2],
    value: Value,
    origin: &str,
) {
    let section_table =
        table.entry(section).or_insert_with(|| Value::Table(Table::new())).as_table_mut();
    if let Some(keys) = section_table {
        keys.insert(key.to_owned(), value);
        origins.insert(format!("{section}.{key}"), origin.to_owned());
    }
}

/// A default that a person sets holds for every coin: what the shipped file sets for one goes.
fn forget_coins(table: &mut Table, origins: &mut Origins, own: &Table) {
    let parts = own.get("defaults").and_then(Value::as_table).into_iter().flatten();
    let set: Vec<(&String, &String)> = parts
        .flat_map(|(part, keys)| {
            keys.as_table().into_iter().flat_map(Table::keys).map(move |k| (part, k))
        })
        .collect();
    let coins = table.get_mut("asset").and_then(Value::as_table_mut);
    for (coin, parts) in coins.into_iter().flatten() {
        for (part, key) in &set {
            let keys = parts.get_mut(part.as_str()).and_then(Value::as_table_mut);
            if keys.is_some_and(|keys| keys.remove(key.as_str()).is_some()) {
                origins.remove(&format!("asset.{coin}.{part}.{key}"));
            }
        }
    }
}

fn coin_list(typed: &str) -> Value {
    let names = typed.split(',').map(str::trim).filter(|s| !s.is_empty());
    Value::Array(names.map(|s| Value::String(s.to_owned())).collect())
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
            return error("not a coin's name; allowed: 1 to 15 printable ASCII letters".to_owned());
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

fn simulator(root: &file::Root, origins: &Origins) -> Result<SimSettings, ConfigError> {
    let sim = &root.sim;
    let row = |key: &str, given: usize, last: usize| {
        if given <= last {
            return Ok(());
        }
        let key = format!("sim.{key}");
        let problem = format!("{given} is not allowed (no such tier); allowed: 0 to {last}");
        Err(ConfigError::at(place_of(origins, &key), key, problem))
    };
    row("fee_tier", sim.fee_tier, root.fees.volume_tiers.len() - 1)?;
    row("maker_rebate_tier", sim.maker_rebate_tier, root.fees.maker_rebates.len())?;
    let (maker, taker) = root.fees.with_rebate(sim.fee_tier, sim.maker_rebate_tier);
    Ok(SimSettings {
        queue: sim.queue,
        latency: sim.latency,
        fee_tier: sim.fee_tier,
        maker_rebate_tier: sim.maker_rebate_tier,
        maker_fee: sim.maker_fee_bps.unwrap_or(maker),
        taker_fee: taker,
    })
}

#[cfg(test)]
mod tests;
