//! The grid job on hftbacktest, as its own examples are written.

use crate::feed;
use crate::naive::{Fill, Job, Queue};
use hftbacktest::backtest::assettype::LinearAsset;
use hftbacktest::backtest::data::{Data, DataSource, read_npy_file};
use hftbacktest::backtest::models::{
    CommonFees, ConstantLatency, LogProbQueueFunc, LogProbQueueFunc2, PowerProbQueueFunc,
    PowerProbQueueFunc2, PowerProbQueueFunc3, ProbQueueModel, Probability, QueueModel,
    RiskAdverseQueueModel, TradingValueFeeModel,
};
use hftbacktest::backtest::{Backtest, ExchangeKind, L2AssetBuilder};
use hftbacktest::depth::{HashMapMarketDepth, L2MarketDepth, MarketDepth, ROIVectorMarketDepth};
use hftbacktest::prelude::{Bot, OrdType, Status, TimeInForce};
use hftbacktest::types::{ElapseResult, Event};
use std::error::Error;
use std::time::Instant;

/// Orders wanted on a side.
const LEVELS: i64 = 10;
/// Ticks between two of them.
const GRID: i64 = 2;
const STEP_NS: i64 = 100_000_000;
const TICK: f64 = feed::TICK;
const LOT: f64 = feed::LOT;
const MAKER_FEE: f64 = -0.00003;
const TAKER_FEE: f64 = 0.00045;
/// What its vector book covers.
const PRICES: (f64, f64) = (3500.0, 4500.0);

/// Its two books.
#[derive(Clone, Copy, Debug)]
pub enum Depth {
    Hash,
    Vector,
}

impl Depth {
    pub fn read(text: &str) -> Result<Self, String> {
        match text {
            "hash" => Ok(Self::Hash),
            "vector" => Ok(Self::Vector),
            other => Err(format!("{other}: hash or vector")),
        }
    }
}

/// A job that was done.
pub struct Done {
    pub rows: usize,
    /// Without reading the file.
    pub seconds: f64,
    pub fills: Vec<Fill>,
}

pub fn data_of(file: &str) -> Result<Data<Event>, Box<dyn Error>> {
    Ok(read_npy_file(file)?)
}

/// The feed, without a file.
pub fn made(spec: feed::Spec) -> Data<Event> {
    let event = |row: feed::Row| Event {
        ev: row.ev,
        exch_ts: row.exch_ts,
        local_ts: row.local_ts,
        px: row.px(),
        qty: row.qty(),
        order_id: 0,
        ival: 0,
        fval: 0.0,
    };
    Data::from_data(&feed::rows(spec).map(event).collect::<Vec<_>>())
}

pub fn run(data: Data<Event>, depth: Depth, job: Job) -> Result<Done, Box<dyn Error>> {
    let vector = || ROIVectorMarketDepth::new(TICK, LOT, PRICES.0, PRICES.1);
    match depth {
        Depth::Hash => with_depth(data, || HashMapMarketDepth::new(TICK, LOT), job),
        Depth::Vector => with_depth(data, vector, job),
    }
}

fn with_depth<MD>(data: Data<Event>, depth: fn() -> MD, job: Job) -> Result<Done, Box<dyn Error>>
where
    MD: MarketDepth + L2MarketDepth + 'static,
{
    match job.queue {
        Queue::RiskAverse => with_queue(data, depth, RiskAdverseQueueModel::new(), job),
        Queue::Power(n) => with_queue(data, depth, prob(PowerProbQueueFunc::new(n)), job),
        Queue::Power2(n) => with_queue(data, depth, prob(PowerProbQueueFunc2::new(n)), job),
        Queue::Power3(n) => with_queue(data, depth, prob(PowerProbQueueFunc3::new(n)), job),
        Queue::Log => with_queue(data, depth, prob(LogProbQueueFunc::new()), job),
        Queue::Log2 => with_queue(data, depth, prob(LogProbQueueFunc2::new()), job),
    }
}

fn prob<P: Probability, MD>(p: P) -> ProbQueueModel<P, MD> {
    ProbQueueModel::new(p)
}

fn with_queue<MD, QM>(
    data: Data<Event>,
    depth: fn() -> MD,
    queue: QM,
    job: Job,
) -> Result<Done, Box<dyn Error>>
where
    MD: MarketDepth + L2MarketDepth + 'static,
    QM: QueueModel<MD> + 'static,
{
    let rows = data.len();
    let asset = L2AssetBuilder::new()
        .data(vec![DataSource::Data(data)])
        .latency_model(ConstantLatency::new(job.latency_ns, job.latency_ns))
        .asset_type(LinearAsset::new(1.0))
        .fee_model(TradingValueFeeModel::new(CommonFees::new(MAKER_FEE, TAKER_FEE)))
        .exchange(ExchangeKind::NoPartialFillExchange)
        .queue_model(queue)
        .depth(depth)
        .build()?;
    let mut bot = Backtest::builder().add_asset(asset).build()?;
    let mut fills = Vec::new();
    let begun = Instant::now();
    trade(&mut bot, job, &mut fills)?;
    let seconds = begun.elapsed().as_secs_f64();
    fills.sort();
    Ok(Done { rows, seconds, fills })
}

/// The strategy, to the end of the data.
fn trade<MD: MarketDepth>(
    bot: &mut Backtest<MD>,
    job: Job,
    fills: &mut Vec<Fill>,
) -> Result<(), Box<dyn Error>> {
    let Job { half, lots: size, latency_ns, .. } = job;
    let (mut wanted, mut cancels) = (Vec::new(), Vec::new());
    loop {
        let is_over = bot.elapse(STEP_NS)? == ElapseResult::EndOfData;
        keep_fills(bot, latency_ns, fills);
        if is_over {
            return Ok(());
        }
        let (bid, ask) = (bot.depth(0).best_bid_tick(), bot.depth(0).best_ask_tick());
        if bid == i64::MIN || ask == i64::MAX {
            continue;
        }
        let lots = (bot.position(0) / LOT).round() as i64;
        let middle = bid + ask - lots.div_euclid(size);
        let buy = bid.min((middle - 2 * half).div_euclid(2)).div_euclid(GRID) * GRID;
        let sell = ask.max(-(-(middle + 2 * half)).div_euclid(2));
        let sell = -(-sell).div_euclid(GRID) * GRID;
        wanted.clear();
        if lots < LEVELS * size {
            wanted.extend((0..LEVELS).map(|i| 2 * (buy - GRID * i) as u64));
        }
        if lots > -LEVELS * size {
            wanted.extend((0..LEVELS).map(|i| 2 * (sell + GRID * i) as u64 + 1));
        }
        bot.clear_inactive_orders(Some(0));
        cancels.clear();
        let live = bot.orders(0).values();
        let live = live.filter(|o| o.status == Status::New && o.req == Status::None);
        cancels.extend(live.map(|o| o.order_id).filter(|id| !wanted.contains(id)));
        for id in &cancels {
            bot.cancel(0, *id, false)?;
        }
        for &id in &wanted {
            if bot.orders(0).contains_key(&id) {
                continue;
            }
            let (px, qty) = ((id / 2) as f64 * TICK, size as f64 * LOT);
            let (gtx, limit) = (TimeInForce::GTX, OrdType::Limit);
            if id % 2 == 0 {
                bot.submit_buy_order(0, id, px, qty, gtx, limit, false)?;
            } else {
                bot.submit_sell_order(0, id, px, qty, gtx, limit, false)?;
            }
        }
    }
}

/// What came back filled in this step: an order is forgotten in the one that follows.
fn keep_fills<MD: MarketDepth>(bot: &Backtest<MD>, latency_ns: i64, fills: &mut Vec<Fill>) {
    let filled = bot.orders(0).values().filter(|order| order.status == Status::Filled);
    fills.extend(filled.map(|order| Fill {
        exch_ts: order.exch_timestamp,
        id: order.order_id as i64,
        recv_ts: order.exch_timestamp + latency_ns,
        tick: order.price_tick,
        exec_tick: order.exec_price_tick,
        lots: (order.exec_qty / LOT).round() as i64,
        leaves_lots: (order.leaves_qty / LOT).round() as i64,
        maker: order.maker,
    }));
}
