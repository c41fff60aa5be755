//! The layers of a configuration, merged, before its coins are known.

use super::content::{ContentHash, content_hash};
use super::document::{self, Document};
use super::error::ConfigError;
use super::live::LiveParams;
use super::origins::{Origins, join, place_of};
use super::{Overrides, QueueModel, SHIPPED, SHIPPED_NAME, Secrets, Settings, spec, symbols};
use crate::calibrated;
use crate::files;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::params::LateAction;
use botmm_pipeline::types::{Instrument, Usd};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// No configuration is longer.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The environment variable that picks the coins.
const SYMBOLS_VAR: &str = "MM_SYMBOLS";
/// The tables that may change while the bot runs.
const LIVE_TABLES: [&str; 2] = ["defaults", "asset"];

/// A configuration whose files were read, and whose coins were not looked up yet: live trading puts
/// the venue's own universe in first.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) table: Table,
    pub(super) origins: Origins,
    pub(super) secrets: Secrets,
    /// The file that `--config` named, and what it held.
    file: Option<(PathBuf, ContentHash)>,
    /// The coins that the environment picked.
    typed_symbols: Option<String>,
    live: Option<LiveParams>,
    /// What the tuner sets: below what a person does.
    tuned: Option<LiveParams>,
    /// Coins of the configuration that the venue does not list.
    unlisted: Vec<String>,
    /// Coins that the venue has delisted: left out, or refused.
    delisted: Delisted,
    /// Coins that a recording has; [`None`] = none is replayed.
    recorded: Option<Vec<String>>,
    /// What the account is worth; [`None`] = there is none, as in a replay.
    pub(super) account: Option<Usd>,
    /// A real venue is traded on, not one of ours.
    is_at_venue: bool,
}

/// Coins that a venue lists no longer.
#[derive(Clone, Debug, Default)]
struct Delisted {
    coins: Vec<String>,
    /// One of them ends the start.
    strict: bool,
}

/// The coins of a configuration.
pub(super) struct Chosen {
    /// Those that are quoted.
    pub symbols: Vec<String>,
    /// Every one that could be.
    pub known: Vec<String>,
    /// Those that are left out, for the venue has delisted them.
    pub delisted: Vec<String>,
}

impl Draft {
    /// As [`Settings::load`].
    pub fn load(
        file: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let read = |path: &Path| {
            files::read_text(path, MAX_CONFIG_BYTES).map_err(|e| {
                ConfigError::general(path.display().to_string(), format!("cannot read: {e}"))
            })
        };
        let text = file.map(read).transpose()?;
        let typed_symbols = env(SYMBOLS_VAR).filter(|s| !s.trim().is_empty());
        Self::merge(file.zip(text.as_deref()), typed_symbols, Secrets::from_env(env))
    }

    fn merge(
        file: Option<(&Path, &str)>,
        typed_symbols: Option<String>,
        secrets: Secrets,
    ) -> Result<Self, ConfigError> {
        let shipped = Document::parse(SHIPPED_NAME, SHIPPED)?;
        let (mut table, mut origins) = (shipped.table, shipped.origins);
        if let Some((path, text)) = file {
            let mut own = Document::parse(&path.display().to_string(), text)?;
            forget_coins(&mut table, &mut origins, &own.table);
            origins.append(&mut own.origins);
            // Checked by itself first: a wrong type must not vanish under what it replaces.
            spec::check(&own.table, &origins)?;
            document::merge(&mut table, &own.table);
        }
        if let Some(typed) = &typed_symbols {
            set(&mut table, &mut origins, ["general", "symbols"], coin_list(typed), SYMBOLS_VAR);
        }
        let file = file.map(|(path, text)| (path.to_owned(), content_hash(text.as_bytes())));
        Ok(Self {
            table,
            origins,
            secrets,
            file,
            typed_symbols,
            live: None,
            tuned: None,
            unlisted: Vec::new(),
            delisted: Delisted::default(),
            recorded: None,
            account: None,
            is_at_venue: false,
        })
    }

    /// The same with another content of its file: what a running bot takes over when that changes.
    /// Only parameters may differ. For a draft without flags and universe.
    ///
    /// # Errors
    /// The content is no configuration, or it changes what takes a restart.
    pub fn with_content(&self, content: &[u8]) -> Result<Self, ConfigError> {
        let Some((path, _)) = &self.file else { return Ok(self.clone()) };
        let text = std::str::from_utf8(content)
            .map_err(|_| ConfigError::general(path.display().to_string(), "not UTF-8"))?;
        let file = Some((path.as_path(), text));
        let mut new = Self::merge(file, self.typed_symbols.clone(), self.secrets)?;
        new.live.clone_from(&self.live);
        new.tuned.clone_from(&self.tuned);
        (new.account, new.is_at_venue) = (self.account, self.is_at_venue);
        for name in [&self.table, &new.table].into_iter().flat_map(Table::keys) {
            let [before, after] = [&self.table, &new.table].map(|t| t.get(name));
            if LIVE_TABLES.contains(&name.as_str()) {
                continue;
            }
            if let Some(key) = first_difference(name, before, after) {
                return Err(new.takes_restart(&key));
            }
        }
        Ok(new)
    }

    /// A key was changed that cannot be while the bot runs.
    pub(super) fn takes_restart(&self, key: &str) -> ConfigError {
        // A key that was taken out of the file now has the built-in value; the change is the file's.
        let own = Some(place_of(&self.origins, key)).filter(|p| !p.starts_with(SHIPPED_NAME));
        let [file, _, live] = self.files();
        let place = own.or(file).or(live).unwrap_or_else(|| SHIPPED_NAME.to_owned());
        ConfigError::at(place, key, "cannot change while the bot runs; restart it to change this")
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
        if let Some(path) = &flags.queue_from {
            let read = calibrated::read(path);
            let n = read.map_err(|e| ConfigError::general("--queue-from", e))?.n;
            let own = QueueModel::ProbPower(n).to_string();
            put(["sim", "queue"], text(Some(own)), "--queue-from");
            put(["sim", "queue_from"], text(Some(path.display().to_string())), "--queue-from");
        }
        put(["sim", "latency"], text(flags.latency.map(|l| l.to_string())), "--latency");
        put(["sim", "rules"], text(flags.rules.map(|r| r.to_string())), "--rules");
        let row = |tier: Option<u8>| tier.map(|tier| Value::Integer(tier.into()));
        put(["sim", "fee_tier"], row(flags.fee_tier), "--fee-tier");
        put(["sim", "maker_rebate_tier"], row(flags.rebate_tier), "--rebate-tier");
        put(["sim", "maker_fee_bps"], text(flags.maker_fee.map(|f| f.to_string())), "--fee-bps");
        Ok(self)
    }

    /// Puts the files of `general.live_params`, and of a tuner that acts below it, on top, when they are there.
    ///
    /// # Errors
    /// It is there, and cannot be read or is not sound by itself.
    pub fn with_live_file(self) -> Result<Self, ConfigError> {
        let live = match self.live_path() {
            Some(path) => LiveParams::read(&path)?,
            None => None,
        };
        let tuned = match self.tuned_path() {
            Some(path) => LiveParams::read(&path)?,
            None => None,
        };
        Ok(self.with_live_params(live).with_tuned(tuned))
    }

    /// The limits are shares of an account that is worth this.
    pub fn with_account(self, value: Usd) -> Self {
        Self { account: Some(value), ..self }
    }

    /// The orders go to a real venue: a late feed costs real money there.
    pub fn at_venue(self, is_at_venue: bool) -> Self {
        Self { is_at_venue, ..self }
    }

    /// What a late feed does where the files leave it to the run.
    pub(super) fn late_action(&self) -> LateAction {
        if self.is_at_venue { LateAction::StandAside } else { LateAction::Warn }
    }

    /// Puts these on top of everything else.
    pub fn with_live_params(self, live: Option<LiveParams>) -> Self {
        Self { live, ..self }
    }

    /// Puts these below the live parameters, and on top of all else.
    pub fn with_tuned(self, tuned: Option<LiveParams>) -> Self {
        Self { tuned, ..self }
    }

    /// Where the tuner's layer is; [`None`] = it does not act.
    pub fn tuned_path(&self) -> Option<PathBuf> {
        let tuner = self.table.get("tuner").and_then(Value::as_table)?;
        let acts = tuner.get("mode").and_then(Value::as_str) == Some("act");
        let path = tuner.get("params").and_then(Value::as_str).filter(|p| acts && !p.is_empty());
        path.map(PathBuf::from)
    }

    /// What the tuner sets.
    pub fn tuned(&self) -> Option<&LiveParams> {
        self.tuned.as_ref()
    }

    /// Where `general.live_params` is; [`None`] = it is turned off.
    pub fn live_path(&self) -> Option<PathBuf> {
        let path = self.general("live_params").and_then(Value::as_str);
        path.filter(|p| !p.is_empty()).map(PathBuf::from)
    }

    /// What is on top of everything else.
    pub fn live_params(&self) -> Option<&LiveParams> {
        self.live.as_ref()
    }

    /// The file that `--config` named, with the hash of what was read.
    pub fn file(&self) -> Option<(&Path, ContentHash)> {
        self.file.as_ref().map(|(path, hash)| (path.as_path(), *hash))
    }

    /// The names of these, and of the tuner's below the last.
    pub(super) fn files(&self) -> [Option<String>; 3] {
        let file = self.file.as_ref().map(|(path, _)| path.display().to_string());
        let place = |layer: &Option<LiveParams>| layer.as_ref().map(|l| l.place().to_owned());
        [file, place(&self.tuned), place(&self.live)]
    }

    /// Lays the tuner's and then the live parameters into the tables of their coins.
    pub(super) fn lay_live_params(&mut self) -> Result<(), ConfigError> {
        let universe = self.table.get("universe").and_then(Value::as_table);
        let listed = universe.into_iter().flat_map(Table::keys);
        let known: Vec<String> = listed.chain(&self.unlisted).cloned().collect();
        let mut laid = Vec::new();
        for layer in self.tuned.iter().chain(&self.live) {
            laid.extend(layer.by_coin(&known)?);
        }
        for (coin, key, value, origin) in laid {
            if !self.unlisted.contains(&coin) {
                self.set_param(Some(&coin), "quote", key, value, origin);
            }
        }
        Ok(())
    }

    /// Sets one parameter, of a coin or of all.
    pub(super) fn set_param(
        &mut self,
        coin: Option<&str>,
        part: &str,
        key: &str,
        value: Value,
        origin: String,
    ) {
        let path: Vec<&str> = match coin {
            Some(coin) => vec!["asset", coin, part],
            None => vec!["defaults", part],
        };
        let mut table = Some(&mut self.table);
        let mut key_path = String::new();
        for name in path {
            key_path = join(&key_path, name);
            self.origins.entry(key_path.clone()).or_insert_with(|| origin.clone());
            let entry = table.map(|t| t.entry(name).or_insert_with(|| Table::new().into()));
            table = entry.and_then(Value::as_table_mut);
        }
        if let Some(table) = table {
            table.insert(key.to_owned(), value);
            self.origins.insert(join(&key_path, key), origin);
        }
    }

    /// The plan's name, as it was written.
    pub fn plan_name(&self) -> String {
        self.general("plan").and_then(Value::as_str).unwrap_or("auto").to_owned()
    }

    /// Whether live trading on the mainnet was allowed in the file.
    pub fn understands_real_money(&self) -> bool {
        self.general("i_understand_real_money").and_then(Value::as_bool) == Some(true)
    }

    /// Where the history is to be; [`None`] = beside the journals.
    pub fn history_path(&self) -> Option<PathBuf> {
        let path = self.table.get("history")?.as_table()?.get("path")?.as_str()?;
        (!path.is_empty()).then(|| path.into())
    }

    fn general(&self, key: &str) -> Option<&Value> {
        self.table.get("general").and_then(Value::as_table)?.get(key)
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
        let configured = self.table.get("universe").and_then(Value::as_table);
        let configured = configured.into_iter().flat_map(Table::keys);
        let unlisted: Vec<_> = configured.filter(|c| !universe.contains_key(*c)).cloned().collect();
        self.forget(&unlisted);
        self.table.insert("universe".to_owned(), Value::Table(universe));
        self.origins.retain(|key, _| !key.starts_with("universe"));
        self
    }

    /// Coins that the venue has delisted are left out, with a warning; when that is `strict`, they are
    /// refused.
    pub fn without(mut self, delisted: &[String], strict: bool) -> Self {
        self.forget(delisted);
        Self { delisted: Delisted { coins: delisted.to_vec(), strict }, ..self }
    }

    /// What is set for these coins is of no use.
    fn forget(&mut self, coins: &[String]) {
        if let Some(tables) = self.table.get_mut("asset").and_then(Value::as_table_mut) {
            tables.retain(|coin, _| !coins.iter().any(|c| c == coin));
        }
        self.unlisted.extend_from_slice(coins);
    }

    /// These coins are there to be chosen too, and are what is chosen from when nobody chose.
    pub fn with_recorded(self, coins: &BTreeSet<String>) -> Self {
        Self { recorded: Some(coins.iter().cloned().collect()), ..self }
    }

    /// Whether a person said which coins to quote.
    pub(super) fn symbols_are_chosen(&self) -> bool {
        self.origins.get("general.symbols").is_some_and(|o| !o.starts_with(SHIPPED_NAME))
    }

    /// Whether the coins are those of a recording, for nobody said which.
    pub(super) fn is_by_recording(&self) -> bool {
        self.recorded.is_some() && !self.symbols_are_chosen()
    }

    /// The coins of `typed`. Of a recording of which nobody chose coins it is those that the universe
    /// has; all when it has none of them.
    pub(super) fn choose(
        &self,
        typed: &[String],
        universe: &[String],
    ) -> Result<Chosen, ConfigError> {
        let recorded = self.recorded.as_deref().unwrap_or_default();
        let others = recorded.iter().filter(|coin| !universe.contains(coin));
        let known: Vec<String> = universe.iter().chain(others).cloned().collect();
        if self.is_by_recording() {
            let ours = recorded.iter().filter(|coin| universe.contains(coin));
            let ours: Vec<String> = ours.cloned().collect();
            let symbols = if ours.is_empty() { recorded.to_vec() } else { ours };
            return Ok(Chosen { symbols, known, delisted: Vec::new() });
        }
        let wrong = |problem| {
            let key = "general.symbols";
            ConfigError::at(place_of(&self.origins, key), key, problem)
        };
        let typed = typed.iter().map(String::as_str);
        let (typed, gone) = symbols::split_delisted(typed, &known, &self.delisted.coins);
        if let Some(coin) = gone.first().filter(|_| self.delisted.strict || typed.is_empty()) {
            let problem = format!("the venue has delisted {coin}; allowed: coins that it lists");
            return Err(wrong(problem));
        }
        let symbols = symbols::resolve_all(typed, &known, MAX_ASSETS).map_err(wrong)?;
        Ok(Chosen { symbols, known, delisted: gone })
    }

    /// Checks everything.
    pub fn build(self) -> Result<Settings, ConfigError> {
        Settings::build(self)
    }
}

/// The path of the first key at or below `path` whose value differs.
fn first_difference(path: &str, before: Option<&Value>, after: Option<&Value>) -> Option<String> {
    let (before, after) = match (before, after) {
        (before, after) if before == after => return None,
        (Some(Value::Table(before)), Some(Value::Table(after))) => (before, after),
        _ => return Some(path.to_owned()),
    };
    let keys = before.keys().chain(after.keys());
    let mut below = keys.map(|key| (join(path, key), before.get(key), after.get(key)));
    below.find_map(|(path, before, after)| first_difference(&path, before, after))
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
