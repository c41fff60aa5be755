//! What an exchange of ours trades: a synthetic market, a recording, or another venue's public data.

use crate::bot::session;
use crate::data;
use crate::exchange::local::{self, HISTORY};
use crate::exchange::markets::Say;
use crate::exchange::markets::mirror::{Mirror, Why};
use crate::exchange::markets::tape::{self, Speed};
use crate::exit::AppError;
use crate::net::{Endpoint, Tls, WsState, WsTransport};
use crate::settings::{Draft, Overrides, Settings};
use crate::terminal;
use crate::venue_api::venue::listed;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{Instrument, Nanos, Universe};
use botmm_pipeline::venue::sim::Market;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use std::path::PathBuf;

/// What moves an exchange's prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum MarketKind {
    /// Seeded agents in an exact price-time book.
    #[default]
    Synthetic,
    /// A recording.
    Tape,
    /// The mainnet's public data.
    Mainnet,
    /// Another venue's public data.
    Mirror,
}

/// What an exchange is to trade, and when it opens.
pub struct MarketSetup {
    /// The configuration, with the coins of the market.
    pub settings: Settings,
    /// What is listed.
    pub universe: Universe,
    /// What moves the prices.
    pub market: Box<dyn Market>,
    /// The market runs this long before the start.
    pub history: Nanos,
    /// When it opens.
    pub start: Nanos,
    /// How long it goes on; [`None`] = as long as one likes.
    pub lasts: Option<Nanos>,
    /// One line about the market.
    pub words: String,
}

/// Who asks for a market, and for which coins.
pub struct Asked {
    /// Which market.
    pub market: MarketKind,
    /// How fast a recording is played; [`None`] = as it was recorded.
    pub speed: Option<Speed>,
    /// Of a recording of which most is not sound, what is.
    pub allow_unsound: bool,
    /// The venue that is mirrored.
    pub mirror_url: Option<String>,
    /// Recordings.
    pub paths: Vec<PathBuf>,
    /// Flags on top of the configuration.
    pub flags: Overrides,
    /// A synthetic market is of every configured coin, and not only of those that are traded.
    pub all_coins: bool,
}

impl Asked {
    /// Opens the market.
    ///
    /// # Errors
    /// A configuration or recording that will not do, or a venue that cannot be reached.
    pub fn open(self, draft: Draft, clock: &WallClock) -> Result<MarketSetup, AppError> {
        match self.market {
            MarketKind::Synthetic => self.synthetic(draft, clock),
            MarketKind::Tape => self.recorded(draft, clock),
            MarketKind::Mainnet => self.mirrored("mainnet", draft, clock),
            MarketKind::Mirror => {
                let url = self.mirror_url.clone().unwrap_or_default();
                self.mirrored(&url, draft, clock)
            }
        }
    }

    /// Seeded agents in every configured coin, or in those that were asked for.
    fn synthetic(self, draft: Draft, clock: &WallClock) -> Result<MarketSetup, AppError> {
        let are_named = self.flags.symbols.is_some();
        let settings = draft.with(&self.flags)?.build()?;
        let coins: Vec<&str> = match self.all_coins && !are_named {
            true => settings.coins().collect(),
            false => settings.symbols.iter().map(String::as_str).collect(),
        };
        if coins.len() > MAX_ASSETS {
            return Err(AppError::Usage(format!(
                "{} coins are configured and at most {MAX_ASSETS} fit; choose some with --symbols",
                coins.len()
            )));
        }
        let universe = universe(&settings, coins);
        let start = clock.now();
        let market = Box::new(local::synthetic(&universe, start - HISTORY, settings.seed));
        let words = format!("synthetic market of {}, seed {}", coins_of(&universe), settings.seed);
        Ok(MarketSetup { settings, universe, market, history: HISTORY, start, lasts: None, words })
    }

    /// A recording, from its first price on.
    fn recorded(self, draft: Draft, clock: &WallClock) -> Result<MarketSetup, AppError> {
        let draft = draft.with(&self.flags)?;
        let found = data::find_compiled(&self.paths, session::tapes().as_ref(), &|_, _| {})?;
        let settings = draft.with_recorded(found.coins()).build()?;
        let (recording, report) = tape::load(found, &settings, self.allow_unsound)?;
        report.warnings.iter().for_each(terminal::complain);
        report.assumed().for_each(terminal::complain);
        let (speed, queue) = (self.speed.unwrap_or(Speed::REAL), settings.sim.queue);
        let coins = coins_of(recording.universe());
        let lasts = speed.played(recording.span());
        let lasts_s = lasts.as_secs_f64();
        let words = format!("tape of {coins} at speed {speed}, {lasts_s:.0} s, queue {queue}");
        let start = clock.now();
        let market = Box::new(recording.market(start, speed, queue, say()));
        let universe = local::listed(recording.universe().iter().map(|(_, i)| *i));
        let (history, lasts) = (Nanos::ZERO, Some(lasts));
        Ok(MarketSetup { settings, universe, market, history, start, lasts, words })
    }

    /// Another venue's public data.
    fn mirrored(
        self,
        source: &str,
        draft: Draft,
        clock: &WallClock,
    ) -> Result<MarketSetup, AppError> {
        let (endpoint, tls) = (Endpoint::parse(source)?, Tls::default());
        let listed = listed(&endpoint, &tls)?;
        let settings = draft.with_universe(&listed).with(&self.flags)?.build()?;
        let universe = universe(&settings, settings.symbols.iter().map(String::as_str));
        let (transport, status) = WsTransport::new(&endpoint, &tls)?;
        let why: Why =
            Box::new(move || status.last_error().filter(|_| status.state() != WsState::Open));
        let name = endpoint.rest_url();
        let queue = settings.sim.queue;
        let words = format!("mirror of {name}: {}, queue {queue}", coins_of(&universe));
        let source = Mirror::new(transport, universe.clone(), settings.seed, name, why, say());
        let market = Box::new(RecordedMarket::told_by(source, &universe, queue).publishing());
        let (history, start) = (Nanos::ZERO, clock.now());
        Ok(MarketSetup { settings, universe, market, history, start, lasts: None, words })
    }
}

/// These coins in the order of their venue, numbered anew.
fn universe<'a>(settings: &Settings, coins: impl IntoIterator<Item = &'a str>) -> Universe {
    let found = coins.into_iter().filter_map(|coin| settings.instrument(coin));
    let mut instruments: Vec<Instrument> = found.collect();
    instruments.sort_by_key(|i| i.venue_index);
    local::listed(instruments)
}

/// Their names, one after the other.
pub fn coins_of(universe: &Universe) -> String {
    let coins: Vec<&str> = universe.iter().map(|(_, i)| i.coin.as_str()).collect();
    coins.join(", ")
}

/// A market's words on stderr.
fn say() -> Say {
    Box::new(|line| terminal::complain(format_args!("exchange: {line}")))
}
