//! Where profit comes from, seen from outside: a twin that has nothing but the pipeline's records
//! takes the fills apart again, and must come to the pipeline's own sums to the last unit.
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;
mod world;

use botmm_pipeline::logic::gate::Gate;
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::rt::{In, InLatest, LevelCell, Out, OutLatest, Stage, board, ring};
use botmm_pipeline::stage::book::BookStage;
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::params::ParamsIn;
use botmm_pipeline::stage::quote::{QuoteRings, QuoteStage};
use botmm_pipeline::stage::records::{self, RecordsIn, RecordsOut};
use botmm_pipeline::stage::risk::{RiskRings, RiskStage};
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::*;
use botmm_pipeline::venue::market_ring::market_ring;
use botmm_pipeline::venue::sim::latency::Latency;
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, SyntheticMarket};
use botmm_pipeline::venue::sim::{Market as _, MarketOutput};
use botmm_pipeline::venue::tape::Tape;
use std::collections::HashMap;
use std::sync::Arc;
use world::{Block, Outcome, START, Setup, run, universe};

/// A fill, and what the records tell of it afterwards.
struct Traded {
    asset: AssetId,
    /// At the venue.
    time: Nanos,
    fill: Fill,
    mid_at_fill: Option<Px>,
    mids: [Option<Px>; HORIZONS.len()],
}

impl Traded {
    /// What a change of price brings to this fill, exactly. `flip` takes a buy for a sale.
    fn usd(&self, from: Px, to: Px, flip: bool) -> Usd {
        let sign = if flip { -self.fill.side.sign() } else { self.fill.side.sign() };
        let e16 = i128::from((to - from).raw()) * i128::from(self.fill.qty.raw());
        assert_eq!(e16 % i128::from(SCALE), 0, "exact in 1e-8 USD");
        Usd::from_raw(sign * (e16 / i128::from(SCALE)) as i64)
    }
}

/// The mid that the last block before a time left, once the feed brought one at or after it.
fn mid_before(blocks: &[Block], asset: AssetId, time: Nanos) -> Option<Px> {
    let mut own = blocks.iter().rev().filter(|(a, ..)| *a == asset);
    own.clone().next().filter(|(_, last, _)| *last >= time)?;
    own.find_map(|(_, block, mid)| if *block < time { *mid } else { None })
}

fn trades(setup: &Setup, outcome: &Outcome) -> Vec<Traded> {
    let (seed, blocks) = (setup.seed, &outcome.blocks);
    let mut traded: Vec<Traded> = Vec::new();
    let mut index = HashMap::new();
    for record in &outcome.records {
        if let Record::Fact(Fact::Fill { asset, venue_time: time, fill, .. }) = *record {
            let known = index.insert((asset, fill.tid), traded.len());
            assert_eq!(known, None, "seed {seed}: {fill:?} twice");
            let (mid_at_fill, mids) = (None, [None; HORIZONS.len()]);
            traded.push(Traded { asset, time, fill, mid_at_fill, mids });
        }
    }
    for record in &outcome.records {
        if let Record::Fact(Fact::MidAtFill {
            asset, venue_time, tid, side, qty, px, mid, ..
        }) = *record
        {
            let t = &mut traded[index[&(asset, tid)]];
            assert_eq!((side, qty, px), (t.fill.side, t.fill.qty, t.fill.px), "seed {seed}");
            assert_eq!((venue_time, t.mid_at_fill.replace(mid)), (t.time, None), "seed {seed}");
        }
    }
    for record in &outcome.records {
        if let Record::Fact(Fact::Markout {
            asset,
            tid,
            side,
            qty,
            horizon,
            px,
            mid_at_fill,
            mid,
            ..
        }) = *record
        {
            let t = &mut traded[index[&(asset, tid)]];
            assert_eq!((side, qty, px), (t.fill.side, t.fill.qty, t.fill.px), "seed {seed}");
            assert_eq!(t.mids[horizon].replace(mid), None, "seed {seed}: measured twice");
            assert_eq!(t.mid_at_fill, Some(mid_at_fill), "seed {seed}: one mid a fill");
        }
    }
    for t in &traded {
        let expected = mid_before(blocks, t.asset, t.time);
        assert_eq!(t.mid_at_fill, expected, "seed {seed}: {:?} at {}", t.fill, t.time);
        for (mid, after) in t.mids.iter().zip(HORIZONS) {
            let expected = mid_before(blocks, t.asset, t.time + after);
            assert_eq!(*mid, expected, "seed {seed}: {:?} {after} later", t.fill);
        }
    }
    traded
}

/// One symbol's sums: spread captured, adverse selection and drift by horizon, fees.
#[derive(Debug, Default, PartialEq)]
struct Split {
    captured: Usd,
    adverse: [Usd; HORIZONS.len()],
    drift: [Usd; HORIZONS.len()],
    fees: Usd,
}

fn split(traded: &[Traded], asset: AssetId, mark: Px, flip: bool) -> Split {
    let mut sum = Split::default();
    for t in traded.iter().filter(|t| t.asset == asset) {
        let m0 = t.mid_at_fill.unwrap_or(t.fill.px);
        sum.captured += t.usd(t.fill.px, m0, flip);
        sum.fees += t.fill.fee;
        for (h, mid) in t.mids.iter().enumerate() {
            let from = mid.unwrap_or(m0);
            sum.adverse[h] += t.usd(m0, from, flip);
            sum.drift[h] += t.usd(from, mark, flip);
        }
    }
    sum
}

/// The same as the pipeline has it.
fn told(m: &Metrics, asset: AssetId) -> Split {
    let (i, sides) = (asset.index(), &m.quote.split[asset.index()]);
    let fees = m.risk.asset_fees[i].usd();
    let captured = sides.iter().map(|s| s.captured.usd()).sum();
    let adverse = core::array::from_fn(|h| sides.iter().map(|s| s.measured[h].adverse.usd()).sum());
    let gross = m.risk.net[i].usd() + fees + m.risk.asset_funding[i].usd();
    Split { captured, adverse, drift: adverse.map(|a| gross - captured - a), fees }
}

/// Every number of one symbol against the twin's; its fills.
fn check_symbol(seed: u64, m: &Metrics, traded: &[Traded], asset: AssetId) -> u64 {
    let i = asset.index();
    let mark = Px::from_raw(m.risk.mark[i].get() as i64);
    let twin = split(traded, asset, mark, false);
    assert_eq!(told(m, asset), twin, "seed {seed}, asset {i}");
    for h in 0..HORIZONS.len() {
        let parts = twin.captured + twin.adverse[h] + twin.drift[h] - twin.fees;
        assert_eq!(parts, m.risk.net[i].usd(), "seed {seed}, asset {i}, horizon {h}");
    }
    if twin.captured != Usd::ZERO {
        assert_ne!(told(m, asset), split(traded, asset, mark, true), "seed {seed}: signs matter");
    }
    for side in Side::BOTH {
        let of_side = |t: &&Traded| t.asset == asset && t.fill.side == side;
        for (h, counted) in m.quote.split[i][side.index()].measured.iter().enumerate() {
            let measured = || traded.iter().filter(of_side).filter(|t| t.mids[h].is_some());
            let values = measured().map(|t| notional(t.fill.px, t.fill.qty));
            let markouts = measured().map(|t| t.usd(t.fill.px, t.mids[h].unwrap(), false));
            assert_eq!(counted.fills.get(), measured().count() as u64, "seed {seed}");
            assert_eq!(counted.value.usd(), values.sum(), "seed {seed}");
            assert_eq!(counted.markout.usd(), markouts.sum(), "seed {seed}");
        }
        let with_mid = traded.iter().filter(of_side).filter(|t| t.mid_at_fill.is_some()).count();
        assert_eq!(m.quote.split[i][side.index()].fills.get(), with_mid as u64, "seed {seed}");
    }
    let fills: Vec<_> = traded.iter().filter(|t| t.asset == asset).collect();
    let volume: Usd = fills.iter().map(|t| notional(t.fill.px, t.fill.qty)).sum();
    let counted = (m.dispatch.asset_fills[i].get(), m.dispatch.asset_volume[i].usd());
    assert_eq!(counted, (fills.len() as u64, volume), "seed {seed}");
    assert_eq!(m.quote.markouts_missed[i].get(), 0);
    counted.0
}

fn check_sent(seed: u64, outcome: &Outcome) {
    let mut sent = [(0, Usd::ZERO); MAX_ASSETS];
    for record in &outcome.records {
        let Record::Commentary(Commentary::Action(action)) = record else { continue };
        for item in action.items().iter().filter(|_| action.kind != ActionKind::Cancel) {
            let (count, value) = &mut sent[item.asset.index()];
            (*count, *value) = (*count + 1, *value + notional(item.px, item.qty));
        }
    }
    let m = &outcome.metrics;
    let told = core::array::from_fn(|i| {
        (m.dispatch.asset_quotes[i].get(), m.dispatch.asset_quoted[i].usd())
    });
    assert_eq!(sent, told, "seed {seed}");
}

#[test]
fn the_split_adds_up_exactly_by_symbol_and_in_total() {
    let (mut fills, mut symbols) = (0, 0);
    for seed in 0..10 {
        let setup = Setup::busy(seed, 3);
        let outcome = run(&setup, None, |g| g);
        let traded = trades(&setup, &outcome);
        check_sent(seed, &outcome);
        let m = &outcome.metrics;
        for (asset, _) in universe().iter() {
            fills += check_symbol(seed, m, &traded, asset);
            symbols += 1;
        }
        let total = |part: &dyn Fn(Split) -> Usd| -> Usd {
            universe().iter().map(|(asset, _)| part(told(m, asset))).sum()
        };
        for h in 0..HORIZONS.len() {
            let parts = total(&|s| s.captured + s.adverse[h] + s.drift[h] - s.fees);
            assert_eq!(parts, m.net_pnl(), "seed {seed}");
        }
        assert_eq!(total(&|s| s.fees), m.risk.fees.usd(), "seed {seed}");
    }
    println!("{fills} fills of {symbols} symbols");
    assert!(symbols >= 15 && fills > 500, "too little to prove anything: {symbols}, {fills}");
}

/// A world of a day's last and first minutes: the day is told when it ends, days add up to the net,
/// and no fall that the account showed is deeper than the drawdown.
#[test]
fn days_and_drawdown_are_those_of_the_account() {
    let midnight = Nanos::secs((START.0 / 1_000_000_000 / 86_400 + 1) * 86_400);
    let mut setup = Setup::busy(1, 3);
    setup.start = midnight - Nanos::secs(90);
    let outcome = run(&setup, None, |g| g);
    let m = &outcome.metrics;
    let today = midnight.0 / Nanos::secs(86_400).0;
    let ended: Vec<DayNet> = outcome
        .records
        .iter()
        .filter_map(|r| if let Record::Fact(Fact::Day(d)) = r { Some(*d) } else { None })
        .collect();
    let [day] = ended[..] else { panic!("{ended:?}") };
    assert_eq!((day.day, day.whole, m.risk.day.get()), (today - 1, false, today as u64));
    assert!(day.net != Usd::ZERO && m.risk.day_net.get() != 0, "both days traded");
    assert_eq!(day.net + m.risk.day_net.usd(), m.net_pnl());
    let (mut peak, mut deepest) = (Usd::ZERO, Usd::ZERO);
    for record in &outcome.records {
        if let Record::Fact(Fact::Account(account)) = record {
            peak = peak.max(account.net());
            deepest = deepest.max(peak - account.net());
        }
    }
    assert!(deepest > Usd::ZERO && m.risk.max_drawdown.usd() >= deepest, "{deepest}");
}

// The stages alone, with hand-made messages.

fn event(venue_time: Nanos, kind: VenueEventKind) -> VenueEvent {
    VenueEvent::new(Cloid::default(), AssetId::new(0), [venue_time, Nanos::ZERO], kind)
}

fn records() -> (RecordsOut, RecordsIn) {
    records::records([("facts", 64), ("commentary", 64)], &Arc::default())
}

struct Quoting {
    stage: QuoteStage,
    views: Out<BookView>,
    venue: Out<VenueEvent>,
    records: RecordsIn,
    metrics: Arc<Metrics>,
}

impl Quoting {
    fn new() -> Self {
        let ((views, views_in), (venue, venue_in)) = (ring("views", 8), ring("venue", 8));
        let (records_out, records) = self::records();
        let rings = QuoteRings {
            views: InLatest::new(views_in, 3, 8, false),
            venue: venue_in,
            commands: ring("commands", 8).1,
            params: ParamsIn::new(ring("params", 8).1),
            out: OutLatest::new(ring("targets", 64).0, 3),
            records: records_out,
            status: (0..universe().len()).map(|_| board().0).collect(),
        };
        let metrics = Arc::new(Metrics::default());
        let params = [AssetParams::default(); 3];
        let stage = QuoteStage::new(rings, &universe(), &params, metrics.clone());
        Self { stage, views, venue, records, metrics }
    }
    /// A view of the book of that venue time.
    fn view(&mut self, ms: i64, state: BookState, mid: i64) {
        let mid = (state == BookState::Ok).then(|| Px::whole(mid));
        let venue_time = Nanos::millis(ms);
        self.views.push(BookView { state, mid, venue_time, ..BookView::default() }).unwrap();
    }
    /// A fill of that venue time.
    fn buy(&mut self, ms: i64, tid: u64, px: i64) {
        let (px, qty) = (Px::whole(px), Qty::whole(1));
        let fill = Fill { tid, px, qty, ..Fill::default() };
        self.venue.push(event(Nanos::millis(ms), VenueEventKind::Fill(fill))).unwrap();
    }
    /// Of each mid and markout told in this poll: fill, horizon (−1 = at the fill), the two mids.
    fn poll(&mut self, ms: i64) -> Vec<(u64, i64, i64, i64)> {
        self.stage.poll(Nanos::millis(ms));
        let mut told = Vec::new();
        while let Some(record) = self.records.pop() {
            let dollars = |px: Px| px.raw() / SCALE;
            match record {
                Record::Fact(Fact::Markout { tid, horizon, mid_at_fill, mid, .. }) => {
                    told.push((tid, horizon as i64, dollars(mid_at_fill), dollars(mid)));
                }
                Record::Fact(Fact::MidAtFill { tid, mid, .. }) => {
                    told.push((tid, -1, dollars(mid), dollars(mid)))
                }
                _ => {}
            }
        }
        told
    }
}

/// It does not matter when we learn of anything: fills and blocks are put in order by the venue's clock.
#[test]
fn the_mids_are_those_of_the_venue_just_before_fill_and_horizon() {
    let mut q = Quoting::new();
    q.view(0, BookState::Ok, 501);
    q.buy(400, 1, 500);
    assert_eq!(q.poll(450), [], "the feed has not come to the fill");
    // Three views in one poll: only the newest is quoted from, but each mid counts.
    q.view(300, BookState::Ok, 502);
    q.view(400, BookState::Ok, 490);
    q.view(410, BookState::Ok, 489);
    assert_eq!(q.poll(700), [(1, -1, 502, 502)]);
    // A fill that is told of late, and an empty side, which is no mid but lets time pass.
    q.buy(405, 2, 489);
    assert_eq!(q.poll(800), [(2, -1, 490, 490)]);
    q.view(1_402, BookState::OneSided, 900);
    assert_eq!(q.poll(1_500), [(1, 0, 502, 489)]);
    q.view(1_500, BookState::Ok, 503);
    assert_eq!(q.poll(1_600), [(2, 0, 490, 489)]);
    // A hole: what ends in it is never known.
    q.view(1_700, BookState::Void, 0);
    q.buy(5_300, 3, 503);
    q.view(5_401, BookState::Ok, 504);
    assert_eq!(q.poll(5_600), []);
    q.view(70_000, BookState::Ok, 505);
    let told =
        [(2, 1, 490, 504), (1, 2, 502, 504), (2, 2, 490, 504), (1, 3, 502, 504), (2, 3, 490, 504)];
    assert_eq!(q.poll(70_001), told);
    let bids = &q.metrics.quote.split[0][0];
    assert_eq!((bids.fills.get(), bids.captured.usd()), (2, Usd::whole(2 + 1)));
    assert_eq!(bids.measured[3].adverse.usd(), Usd::whole(2 + 14));
    assert_eq!(bids.measured[3].markout.usd(), Usd::whole(4 + 15));
    // Fill 3 at every horizon, and fill 1 five seconds after it.
    assert_eq!(q.metrics.quote.markouts_missed[0].get(), HORIZONS.len() as u64 + 1);
}

/// The same market and the same fills, learned of by ways that take differently long: what was captured
/// and what became of it do not move.
#[test]
fn what_fills_captured_does_not_move_with_any_delay() {
    let mut market = SyntheticMarket::new(
        &universe(),
        universe().iter().map(|(_, i)| MarketProfile::of(i, None)).collect(),
        START,
        11,
    );
    let mut output = MarketOutput::default();
    market.advance(START + Nanos::secs(90), &mut output);
    // Every fifth print is ours, as the maker.
    let ours = output.events.iter().filter_map(|e| match e {
        MarketEvent::Trade(t) if t.tid.is_multiple_of(5) && t.venue_time > START => Some(*t),
        _ => None,
    });
    let ours: Vec<Trade> = ours.collect();
    assert!(ours.len() > 100, "{} fills", ours.len());
    let mut all = Vec::new();
    for feed in ["1ns", "10ms", "800ms", "lognormal:300ms,0.6"] {
        for answer in ["1ns", "50ms", "lognormal:700ms,0.5"] {
            let tape = Tape::build(output.events.iter().copied());
            let tape = tape.received_after(Latency::new(feed.parse().unwrap(), 5, 2));
            let told = learn_of(&tape, &ours, &mut Latency::new(answer.parse().unwrap(), 5, 1));
            println!("feed {feed}, answers {answer}: {told:?}");
            all.push(told);
        }
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "they differ");
    assert_eq!(all[0].0, ours.len() as u64, "every fill has a mid");
}

/// Fills with a mid, what they captured, and what became of it after each horizon, over all assets.
fn learn_of(
    tape: &Tape,
    ours: &[Trade],
    answer: &mut Latency,
) -> (u64, Usd, [Usd; HORIZONS.len()]) {
    let mut q = Quoting::new();
    let (mut market, input) = market_ring(("market", 8), ("books", 8));
    let (out, views) = ring("views", 64);
    let params = [AssetParams::default(); 3];
    let changes = ParamsIn::new(ring("params", 8).1);
    let mut book = BookStage::new(input, OutLatest::new(out, 3), changes, &params);
    let mut views: In<BookView> = views;
    let fill = |t: &Trade, answer: &mut Latency| {
        let (side, px, qty, tid) = (t.aggressor.opposite(), t.px, t.qty, t.tid);
        let fill = Fill { side, px, qty, tid, ..Fill::default() };
        let told = VenueEvent { asset: t.asset, ..event(t.venue_time, VenueEventKind::Fill(fill)) };
        (t.venue_time + answer.draw(), told)
    };
    let mut answers: Vec<_> = ours.iter().map(|t| fill(t, answer)).collect();
    answers.sort_by_key(|(due, _)| *due);
    let mut answers = answers.into_iter().peekable();
    for event in tape.iter_recv() {
        let now = event.recv_time();
        while let Some((due, told)) = answers.next_if(|(due, _)| *due <= now) {
            q.venue.push(told).unwrap();
            q.stage.poll(due);
        }
        assert!(market.push(1, event.lend()));
        book.poll(now);
        while let Some(view) = views.pop() {
            q.views.push(view).unwrap();
        }
        q.stage.poll(now);
        while q.records.pop().is_some() {}
    }
    for (due, told) in answers {
        q.venue.push(told).unwrap();
        q.stage.poll(due);
    }
    let sides = || q.metrics.quote.split.iter().flatten();
    let adverse = |h: usize| sides().map(|s| s.measured[h].adverse.usd()).sum();
    let captured = sides().map(|s| s.captured.usd()).sum();
    (sides().map(|s| s.fills.get()).sum(), captured, core::array::from_fn(adverse))
}

/// What the account held when we came is neither profit nor loss before anything moved, even when no
/// view came yet.
#[test]
fn an_opening_position_is_no_drawdown() {
    let (mut targets, targets_in) = ring("targets", 8);
    let (mut venue, venue_in) = ring("venue", 8);
    let rings = RiskRings {
        targets: InLatest::new(targets_in, 3, 8, false),
        venue: venue_in,
        commands: ring("commands", 8).1,
        params: ParamsIn::new(ring("params", 8).1),
        out: OutLatest::new(ring("approved", 8).0, 3),
        records: records().0,
    };
    let metrics = Arc::new(Metrics::default());
    let gate = Gate::new(universe(), &[AssetParams::default(); 3]);
    let mut risk =
        RiskStage::new(rings, gate, None, Arc::new(LevelCell::default()), metrics.clone());
    let (position, mark) = (Qty::whole(2), Px::whole(100));
    venue.push(event(Nanos::ZERO, VenueEventKind::Opening { position, mark })).unwrap();
    risk.poll(Nanos::secs(1));
    assert_eq!((metrics.net_pnl(), metrics.risk.max_drawdown.usd()), (Usd::ZERO, Usd::ZERO));
    let target = QuoteTarget { mid: Some(Px::whole(99)), ..QuoteTarget::default() };
    targets.push(target).unwrap();
    risk.poll(Nanos::secs(3));
    assert_eq!(
        (metrics.net_pnl(), metrics.risk.max_drawdown.usd()),
        (Usd::whole(-2), Usd::whole(2))
    );
    assert_eq!(metrics.risk.halted.get(), 0);
}
