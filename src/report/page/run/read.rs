//! What a run's journal tells that a page shows. It is read once, from the oldest segment to the newest, and
//! what grows with time and not with trades (quotes) is thinned on the way.

use super::super::thin::Trail;
use crate::exit::AppError;
use crate::journal::line::{self, Line};
use crate::journal::reader::Lines;
use crate::journal::segments::{LIVE, Reading};
use crate::when::parse_utc;
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::limits::{QUOTE_LEVELS, SLOTS_PER_ASSET};
use botmm_pipeline::types::{Cloid, Nanos, Px, Qty, Reason, Side, Usd, notional};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Alerts that are kept; the others are counted.
const MAX_ALERTS: usize = 200;

/// See the module.
#[derive(Debug, Default)]
pub struct Told {
    pub run: Option<line::Run>,
    pub end: Option<line::End>,
    /// The first and the last moment that a line is of.
    pub span: Option<[Nanos; 2]>,
    pub fills: Vec<Fill>,
    /// What the account was, oldest first.
    pub accounts: Vec<Account>,
    /// Each coin's reasons, from when on.
    pub states: BTreeMap<String, Vec<(Nanos, [Reason; 2])>>,
    pub quotes: BTreeMap<String, Quotes>,
    /// Reasons of the venue's refusals.
    pub rejects: BTreeMap<String, u64>,
    pub latency: Option<line::Latency>,
    pub alerts: Vec<(Nanos, String)>,
    pub more_alerts: u64,
    /// Lines that the journal says it lacks.
    pub lost: u64,
    /// Lines that could not be read, and why the first could not.
    pub passed_over: u64,
    pub problem: Option<String>,
    /// Segments before this one were removed.
    pub first_segment: u64,
}

/// A fill, and what the mid did then.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill {
    pub time: Nanos,
    pub coin: String,
    pub side: Side,
    pub px: Px,
    pub qty: Qty,
    pub fee: Usd,
    pub tid: u64,
    pub is_taker: bool,
    /// How far from the touch the order stood in our ladder, 0 = nearest; [`None`] = not known.
    pub level: Option<usize>,
    pub cause: Option<String>,
    /// The mid just before it, and after each of [`HORIZONS`].
    pub mid: Option<Px>,
    pub later: [Option<Px>; HORIZONS.len()],
}

impl Fill {
    /// Its value.
    pub fn value(&self) -> Usd {
        notional(self.px, self.qty)
    }

    /// What a move from one price to another brought it.
    pub fn moved(&self, from: Px, to: Px) -> Usd {
        let gain = notional(to, self.qty) - notional(from, self.qty);
        if self.side == Side::Bid { gain } else { -gain }
    }
}

/// Our account at a moment. Money since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub time: Nanos,
    pub gross: Usd,
    pub fees: Usd,
    pub funding: Usd,
    pub net: Usd,
    /// What is held, at the marks.
    pub held: BTreeMap<String, Usd>,
}

/// A coin's mid, and what we wanted nearest to it.
#[derive(Clone, Debug, Default)]
pub struct Quotes {
    pub mid: Trail,
    pub bid: Trail,
    pub ask: Trail,
}

/// A measurement waits here until all fills are known.
struct Measured {
    key: Key,
    /// Which of [`HORIZONS`]; [`None`] = just before the fill.
    horizon: Option<usize>,
    mid: Px,
}

/// What tells a fill: one public trade may fill several of our orders.
type Key = (String, u64, bool, i64, i64);

/// Reads a run's folder.
///
/// # Errors
/// There is no journal, or it cannot be read. Single lines that cannot are counted.
pub fn read(folder: &Path) -> Result<Told, AppError> {
    let path = folder.join(LIVE);
    let reading = Reading::open(&path).map_err(AppError::io(&path, "read"))?;
    let mut told = Told { first_segment: reading.first(), ..Told::default() };
    let mut open = Open::default();
    for at in 0..reading.files() {
        let Some(mut lines) = Lines::of(&reading, at)? else { continue };
        let name = lines.name().to_owned();
        while let Some((number, text)) = lines.next_line()? {
            let taken = text.and_then(|text| match Line::read(text)? {
                Some(line) => told.take(line, &mut open),
                None => Ok(()),
            });
            if let Err(problem) = taken {
                told.passed_over += 1;
                let base = Path::new(&name).file_name().unwrap_or_default().to_string_lossy();
                told.problem.get_or_insert_with(|| format!("{base}:{number}: {problem}"));
            }
        }
        if lines.is_cut() {
            told.passed_over += 1;
            told.problem.get_or_insert_with(|| "its last line is cut".to_owned());
        }
    }
    told.measure(open.measured);
    told.fills.sort_by_key(|fill| fill.time);
    told.accounts.sort_by_key(|account| account.time);
    Ok(told)
}

/// What is known only while it is read.
#[derive(Default)]
struct Open {
    /// The ladder is the grid job's, which has no levels.
    is_grid: bool,
    /// The level of our newest order at a price.
    levels: HashMap<(String, bool, i64), usize>,
    measured: Vec<Measured>,
}

impl Told {
    fn take(&mut self, line: Line, open: &mut Open) -> Result<(), String> {
        match line {
            Line::Run(run) => {
                self.seen(&run.time)?;
                open.is_grid = run.params.values().any(|parts| {
                    parts
                        .get("quote")
                        .is_some_and(|quote| quote.get("strategy").is_some_and(|s| s == "grid"))
                });
                self.run.get_or_insert(run);
            }
            Line::End(end) => {
                self.seen(&end.time)?;
                self.end = Some(end);
            }
            Line::Place(action) | Line::Modify(action) => note_levels(&action, open)?,
            Line::Fill(fill) => self.fill(fill, open)?,
            Line::MidAtFill(m) => {
                let key = key_of(m.coin, m.tid, &m.side, &m.px, &m.qty)?;
                open.measured.push(Measured { key, horizon: None, mid: px(&m.mid)? });
            }
            Line::Markout(m) => {
                let after = |h: &Nanos| h.as_millis() == m.after_s.saturating_mul(1_000);
                let horizon = HORIZONS.iter().position(after);
                let horizon = Some(horizon.ok_or("a markout after another time than ours")?);
                let key = key_of(m.coin, m.tid, &m.side, &m.px, &m.qty)?;
                open.measured.push(Measured { key, horizon, mid: px(&m.mid)? });
            }
            Line::Account(account) => self.account(&account)?,
            Line::State(state) => {
                let time = self.seen(&state.time)?;
                let reasons = [reason(&state.bid)?, reason(&state.ask)?];
                self.states.entry(state.coin).or_default().push((time, reasons));
            }
            Line::Decision(decision) => self.decision(decision)?,
            Line::Latency(latency) => self.latency = Some(latency),
            Line::Reject(reject) => *self.rejects.entry(reject.reason).or_default() += 1,
            Line::Alert(alert) => {
                let time = self.seen(&alert.time)?;
                let text =
                    alert.coin.map_or(alert.alert.clone(), |c| format!("{c}: {}", alert.alert));
                match self.alerts.len() < MAX_ALERTS {
                    true => self.alerts.push((time, text)),
                    false => self.more_alerts += 1,
                }
            }
            Line::Gap(gap) => self.lost += gap.lost,
            _ => {}
        }
        Ok(())
    }

    fn fill(&mut self, fill: line::Fill, open: &Open) -> Result<(), String> {
        let heard = self.seen(&fill.time)?;
        let time = fill.venue_time.as_deref().map_or(Ok(heard), parse_utc)?;
        let (side, px, qty) = (side(&fill.side)?, px(&fill.px)?, qty(&fill.qty)?);
        let level = open.levels.get(&(fill.coin.clone(), side == Side::Bid, px.raw())).copied();
        self.fills.push(Fill {
            time,
            coin: fill.coin,
            side,
            px,
            qty,
            fee: usd(&fill.fee_usd)?,
            tid: fill.tid,
            is_taker: fill.taker,
            level,
            cause: fill.cause,
            mid: None,
            later: [None; HORIZONS.len()],
        });
        Ok(())
    }

    fn account(&mut self, account: &line::Account) -> Result<(), String> {
        let time = self.seen(&account.time)?;
        let mut held = BTreeMap::new();
        for (coin, position) in &account.position {
            let mark = account.mark.get(coin).map_or(Ok(Px::ZERO), |mark| px(mark))?;
            held.insert(coin.clone(), notional(mark, qty(position)?));
        }
        self.accounts.push(Account {
            time,
            gross: usd(&account.realized_usd)? + usd(&account.unrealized_usd)?,
            fees: usd(&account.fees_usd)?,
            funding: usd(&account.funding_usd)?,
            net: usd(&account.net_usd)?,
            held,
        });
        Ok(())
    }

    fn decision(&mut self, decision: line::Decision) -> Result<(), String> {
        let time = self.seen(&decision.time)?;
        let price = |text: &String| px(text).map(Px::to_f64);
        let mid = decision.mid.as_ref().map(price).transpose()?;
        let nearest = |levels: &[line::Level]| levels.first().map(|l| price(&l[0])).transpose();
        let (bid, ask) = (nearest(&decision.bids)?, nearest(&decision.asks)?);
        let quotes = self.quotes.entry(decision.coin).or_default();
        quotes.mid.add(time, mid);
        quotes.bid.add(time, bid);
        quotes.ask.add(time, ask);
        Ok(())
    }

    /// A line is of this moment.
    fn seen(&mut self, time: &str) -> Result<Nanos, String> {
        let time = parse_utc(time)?;
        let [first, last] = self.span.unwrap_or([time; 2]);
        self.span = Some([first.min(time), last.max(time)]);
        Ok(time)
    }

    /// Puts measurements to their fills, in the order in which both were told.
    fn measure(&mut self, measured: Vec<Measured>) {
        let mut fills: HashMap<Key, Vec<usize>> = HashMap::new();
        for (at, fill) in self.fills.iter().enumerate() {
            let is_buy = fill.side == Side::Bid;
            let key = (fill.coin.clone(), fill.tid, is_buy, fill.px.raw(), fill.qty.raw());
            fills.entry(key).or_default().push(at);
        }
        for Measured { key, horizon, mid } in measured {
            for at in fills.get(&key).into_iter().flatten() {
                let fill = &mut self.fills[*at];
                let place = match horizon {
                    None => &mut fill.mid,
                    Some(horizon) => &mut fill.later[horizon],
                };
                if place.is_none() {
                    *place = Some(mid);
                    break;
                }
            }
        }
    }
}

/// Notes at which level of our ladder each order of an action stands: its id says so.
fn note_levels(action: &line::Action, open: &mut Open) -> Result<(), String> {
    for item in &action.items {
        let (Some(side_word), Some(price), Some(coin)) = (&item.side, &item.px, &action.coin)
        else {
            continue;
        };
        let side = side(side_word)?;
        let digits = item.cloid.strip_prefix("0x").unwrap_or(&item.cloid);
        let id = u128::from_str_radix(digits, 16).map_err(|e| format!("{:?}: {e}", item.cloid))?;
        let slot = usize::from(Cloid::from_u128(id).slot());
        let place = slot % SLOTS_PER_ASSET;
        // Orders that close, and those of the grid job, have slots of their own.
        let is_of_ladder = slot != usize::from(Cloid::CLOSING_SLOT)
            && place / QUOTE_LEVELS == side.index()
            && !open.is_grid;
        let key = (coin.clone(), side == Side::Bid, px(price)?.raw());
        match is_of_ladder {
            true => open.levels.insert(key, place % QUOTE_LEVELS),
            false => open.levels.remove(&key),
        };
    }
    Ok(())
}

fn key_of(coin: String, tid: u64, word: &str, price: &str, size: &str) -> Result<Key, String> {
    Ok((coin, tid, side(word)? == Side::Bid, px(price)?.raw(), qty(size)?.raw()))
}

fn side(word: &str) -> Result<Side, String> {
    match word {
        "buy" => Ok(Side::Bid),
        "sell" => Ok(Side::Ask),
        other => Err(format!("{other:?} is no side")),
    }
}

fn reason(code: &str) -> Result<Reason, String> {
    let known = Reason::ALL.into_iter().find(|reason| reason.as_str() == code);
    known.ok_or_else(|| format!("{code:?} is no reason"))
}

fn px(text: &str) -> Result<Px, String> {
    Px::parse(text).map_err(|e| format!("price {text:?}: {e}"))
}

fn qty(text: &str) -> Result<Qty, String> {
    Qty::parse(text).map_err(|e| format!("size {text:?}: {e}"))
}

fn usd(text: &str) -> Result<Usd, String> {
    Usd::parse(text).map_err(|e| format!("amount {text:?}: {e}"))
}
