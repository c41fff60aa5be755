//! What a pipeline between two connections is built from. A live run and its repetition are built here, by
//! one function.

use super::what_if::WhatIf;
use crate::exit::AppError;
use crate::side::risk_state::text;
use botmm_pipeline::rt::{BoardReader, Stopwatch};
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{AssetParams, Bps, Instrument, Nanos, RiskSnapshot, Universe};
use botmm_pipeline::venue::Transport;
use botmm_pipeline::venue::hl::clock::VenueOffset;
use botmm_pipeline::venue::hl::feed::{FeedConfig, FeedStats, HlFeed};
use botmm_pipeline::venue::hl::gateway::{GatewayConfig, HlGateway, VIEW_WORDS};
use botmm_pipeline::venue::hl::sign::{Address, Nonce, RequestSigner};
use botmm_pipeline::wiring::{self, Pipeline};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Of this form are captures of runs; another one is refused.
const FORM: u32 = 1;

/// See the module. All of it, but for the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Built {
    form: u32,
    /// Which botmm it was.
    pub botmm: String,
    /// `run` or `paper`.
    pub verb: String,
    instruments: Vec<Instrument>,
    params: Vec<AssetParams>,
    session: u32,
    commentary: usize,
    /// What an earlier run kept of its risk state, as its file says it.
    risk: Option<String>,
    /// See [`VenueOffset::kept`].
    offset: Option<[Nanos; 3]>,
    dead_after: Nanos,
    account: String,
    vault: Option<String>,
    settle: Nanos,
    watch: Option<Nanos>,
    max_clock_offset: Nanos,
    maker_fee: Bps,
    taker_fee: Bps,
    /// The stages of each lane.
    pub lanes: Vec<Vec<String>>,
}

/// A pipeline between its connections, which open when it runs.
pub struct Wired {
    /// Its stages and rings.
    pub pipeline: Pipeline,
    /// What the order link shows of itself.
    pub link: BoardReader<VIEW_WORDS>,
    /// What the feed has seen.
    pub feed_stats: Arc<FeedStats>,
}

impl Built {
    /// Of a run that is about to begin.
    pub fn new(
        (verb, lanes): (&str, Vec<Vec<String>>),
        config: &wiring::Config,
        gateway: &GatewayConfig,
    ) -> Self {
        let risk = config.risk.as_ref().map(|kept| text::write(kept).unwrap_or_default());
        Self {
            form: FORM,
            botmm: env!("CARGO_PKG_VERSION").to_owned(),
            verb: verb.to_owned(),
            instruments: config.universe.iter().map(|(_, instrument)| *instrument).collect(),
            params: config.params.clone(),
            session: config.session,
            commentary: config.commentary,
            risk,
            offset: gateway.offset.kept(),
            dead_after: gateway.dead_after,
            account: gateway.account.to_string(),
            vault: gateway.vault.map(|vault| vault.to_string()),
            settle: gateway.settle,
            watch: gateway.watch,
            max_clock_offset: gateway.max_clock_offset,
            maker_fee: gateway.maker_fee,
            taker_fee: gateway.taker_fee,
            lanes,
        }
    }

    /// What it traded.
    pub fn universe(&self) -> Universe {
        Universe::new(self.instruments.clone())
    }

    /// Other parameters than those it had; what changed, in words.
    ///
    /// # Errors
    /// In words: one does not suit.
    pub fn put(&mut self, what_if: &[WhatIf]) -> Result<Vec<String>, String> {
        let universe = self.universe();
        let mut params: Vec<_> = universe.assets().zip(self.params.iter().copied()).collect();
        let mut changed = Vec::new();
        for one in what_if {
            changed.extend(one.put(&universe, &mut params)?);
        }
        self.params = params.into_iter().map(|(_, params)| params).collect();
        Ok(changed)
    }

    /// The pipeline's and the gateway's configuration again.
    ///
    /// # Errors
    /// In words: it is of another form, or is none.
    pub fn configs(&self) -> Result<(wiring::Config, GatewayConfig), String> {
        if self.form != FORM {
            return Err(format!(
                "it is of form {}, and this botmm repeats form {FORM}: use the one that wrote it ({})",
                self.form, self.botmm
            ));
        }
        if self.instruments.is_empty()
            || self.instruments.len() > MAX_ASSETS
            || self.instruments.len() != self.params.len()
            || !self.params.iter().all(AssetParams::is_usable)
        {
            return Err("its coins or their parameters are unsound".to_owned());
        }
        let address = |text: &str| Address::parse(text).ok_or(format!("{text:?}: no address"));
        let mut offset = VenueOffset::default();
        if let Some([sent, received, said]) = self.offset {
            offset.hear(sent, received, said);
        }
        let risk: Option<RiskSnapshot> = self.risk.as_deref().map(text::parse).transpose()?;
        let config = wiring::Config {
            universe: self.universe(),
            params: self.params.clone(),
            session: self.session,
            lossless: false,
            risk,
            venue_clock: offset.clock(),
            commentary: self.commentary,
        };
        let gateway = GatewayConfig {
            account: address(&self.account)?,
            vault: self.vault.as_deref().map(address).transpose()?,
            seed: seed_of_orders(self.session),
            settle: self.settle,
            session: self.session,
            watch: self.watch,
            offset,
            max_clock_offset: self.max_clock_offset,
            dead_after: self.dead_after.max(Nanos(1)),
            maker_fee: self.maker_fee,
            taker_fee: self.taker_fee,
        };
        Ok((config, gateway))
    }
}

/// Both connections of one run draw their pauses from its number, each its own.
pub fn seed_of_orders(session: u32) -> u64 {
    u64::from(session) ^ 1 << 32
}

/// Builds the pipeline between a connection for the market and one for orders, whose actions are watched where
/// somebody measures them.
pub fn wire<M, O>(
    (market, orders): (M, O),
    config: &wiring::Config,
    gateway: GatewayConfig,
    (signer, nonce): (RequestSigner, Nonce),
    watch: Option<Stopwatch>,
) -> Wired
where
    M: Transport + 'static,
    O: Transport + 'static,
{
    let universe = &config.universe;
    let feed_config =
        FeedConfig { seed: u64::from(config.session), dead_after: gateway.dead_after };
    let feed = HlFeed::new(market, universe.clone(), feed_config, config.venue_clock.clone());
    let feed_stats = feed.stats();
    let (gateway, link) = HlGateway::new(orders, universe.clone(), signer, nonce, gateway);
    let gateway = match watch {
        Some(watch) => gateway.watched(watch),
        None => gateway,
    };
    let pipeline = wiring::build(config, feed, gateway);
    Wired { pipeline, link, feed_stats }
}

/// What cannot be repeated, and where.
pub fn unusable(place: &std::path::Path, problem: impl Into<String>) -> AppError {
    AppError::data(
        place.display().to_string(),
        problem,
        "name the capture folder of a run that was kept whole (`capture` in the run's folder)",
    )
}
