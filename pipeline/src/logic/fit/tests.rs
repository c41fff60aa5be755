use super::ridge::{CLIP_SD, Ridge};
use super::*;
use crate::types::{BookState, Level, Qty, Usd};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, Uniform};

/// Its weight, features, and what came.
type Weighted<const N: usize> = (f64, [f64; N], f64);

/// The same from a list of all samples: weights, means, standard deviations and Gaussian elimination.
fn batch<const N: usize>(samples: &[Weighted<N>], ridge: f64, prior: f64) -> [f64; N] {
    let weight: f64 = samples.iter().map(|s| s.0).sum();
    let mean = |of: &dyn Fn(&Weighted<N>) -> f64| {
        samples.iter().map(|s| s.0 * of(s)).sum::<f64>() / weight
    };
    let means: [f64; N] = core::array::from_fn(|i| mean(&|s| s.1[i]));
    let mean_y = mean(&|s| s.2);
    let sd: [f64; N] = core::array::from_fn(|i| mean(&|s| (s.1[i] - means[i]).powi(2)).sqrt());
    let z = |s: &Weighted<N>, i: usize| {
        if sd[i] > 1e-9 { (s.1[i] - means[i]) / sd[i] } else { 0.0 }
    };
    let mut m = vec![vec![0.0; N + 1]; N];
    for s in samples {
        for (i, row) in m.iter_mut().enumerate() {
            (0..N).for_each(|j| row[j] += s.0 * z(s, i) * z(s, j));
            row[N] += s.0 * z(s, i) * (s.2 - mean_y);
        }
    }
    (0..N).for_each(|i| m[i][i] += ridge * weight + prior);
    for i in 0..N {
        let pivot = (i..N).max_by(|a, b| m[*a][i].abs().total_cmp(&m[*b][i].abs())).unwrap();
        m.swap(i, pivot);
        for r in (0..N).filter(|r| *r != i) {
            let f = m[r][i] / m[i][i];
            (i..=N).for_each(|c| m[r][c] -= f * m[i][c]);
        }
    }
    core::array::from_fn(|i| m[i][N] / m[i][i])
}

proptest! {
    /// Against all samples at once, whatever their scales, means and ties; nothing is cut here.
    #[test]
    fn it_is_the_batch_ridge_of_all_samples(
        seed in any::<u64>(), len in 2_usize..120, keep in 0.9..1.0_f64,
        ridge in 1e-4..1.0_f64, prior in 0.1..50.0_f64, offset in -50.0..50.0_f64,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let uniform = Uniform::new(-1.0, 1.0).unwrap();
        let (mut fit, mut all) = (Ridge::<4>::default(), Vec::new());
        for _ in 0..len {
            let u: [f64; 4] = core::array::from_fn(|_| uniform.sample(&mut rng));
            // One of a large mean, one nearly another, one constant.
            let x = [u[0] + offset, 1e-3 * u[1], u[0] + 0.1 * u[2], 7.0];
            let y = 0.5 * u[0] - u[1] + u[3];
            fit.forget(keep);
            all.iter_mut().for_each(|(w, ..): &mut (f64, [f64; 4], f64)| *w *= keep);
            fit.learn(&x, y);
            all.push((1.0, x, y));
            prop_assert!(fit.solve(ridge, prior));
        }
        let wanted = batch(&all, ridge, prior);
        for (got, wanted) in fit.betas().iter().zip(wanted) {
            prop_assert!((got - wanted).abs() < 1e-9, "{got} instead of {wanted}");
        }
        let again = Ridge::from_sums(fit.sums()).unwrap();
        let x = [offset, 0.0, 0.1, 7.0];
        let mut again = again;
        again.solve(ridge, prior);
        prop_assert_eq!(fit.predict(&x).map(f64::to_bits), again.predict(&x).map(f64::to_bits));
    }

    /// No number makes a weight that is none.
    #[test]
    fn odd_numbers_leave_no_odd_weights(
        samples in proptest::collection::vec(([-1e12..1e12_f64, -1e-12..1e-12_f64], -1e9..1e9_f64), 1..80),
    ) {
        let mut fit = Ridge::<2>::default();
        for (x, y) in samples {
            fit.learn(&x, y);
            fit.solve(0.01, 30.0);
            prop_assert!(fit.predict(&x).iter().all(|v| v.is_finite()));
        }
    }
}

#[test]
fn hours_of_samples_leave_it_as_exact_as_the_newest_of_them() {
    let mut rng = ChaCha8Rng::seed_from_u64(14);
    let (mut fit, mut all) = (Ridge::<3>::default(), Vec::new());
    let keep: f64 = 0.99;
    for _ in 0..200_000 {
        let [a, b, noise]: [f64; 3] = core::array::from_fn(|_| StandardNormal.sample(&mut rng));
        // Within what is never cut, with means far from zero.
        let x = [1e3 + a.clamp(-2.0, 2.0), b.clamp(-2.0, 2.0), 5.0 + a.clamp(-2.0, 2.0)];
        let y = 0.3 * x[1] + noise;
        fit.forget(keep);
        fit.learn(&x, y);
        fit.solve(0.01, 30.0);
        all.push((x, y));
    }
    let newest = all.iter().rev().take(4_000).enumerate();
    let weighted: Vec<_> = newest.map(|(age, (x, y))| (keep.powi(age as i32), *x, *y)).collect();
    for (got, wanted) in fit.betas().iter().zip(batch(&weighted, 0.01, 30.0)) {
        assert!((got - wanted).abs() < 1e-8, "{got} instead of {wanted}");
    }
}

#[test]
fn what_is_far_out_counts_as_far_as_the_cut() {
    let mut fit = Ridge::<1>::default();
    for n in 0..1_000 {
        let x = if n % 2 == 0 { 1.0 } else { -1.0 };
        fit.learn(&[x], 2.0 * x);
        fit.solve(1e-9, 1e-9);
    }
    assert!((fit.predict(&[1.0])[0] - 2.0).abs() < 1e-6);
    assert!((fit.predict(&[1e9])[0] - 2.0 * CLIP_SD).abs() < 1e-6);
    let before = *fit.betas();
    fit.learn(&[1e9], 0.0);
    fit.solve(1e-9, 1e-9);
    assert!((fit.betas()[0] - before[0]).abs() < 0.05, "one sample of a thousand");
}

/// A market of one coin whose mid moves each 100 ms by what its book says, `signal` bps a unit of
/// imbalance and second, by what its leader did a second ago, and by chance, 1 bp a second.
struct Market {
    rng: ChaCha8Rng,
    now: Nanos,
    log: f64,
    imbalance: f64,
    signal: f64,
    /// The book leans as it did.
    is_still: bool,
    /// What is known of other coins and of takers, if anything is.
    around: Option<Around>,
    mids: crate::logic::block_mids::BlockMids,
    fit: Fit,
}

const STEP: Nanos = Nanos::millis(100);

/// A leader that walks by chance, 1 bp a second, of which our coin follows a share a second later; another
/// that nobody follows; takers and a microprice that mean nothing.
struct Around {
    share: f64,
    /// Moves of both in the last ten steps, basis points.
    moved: [VecDeque<f64>; LEADERS],
    has_stopped: bool,
    flow_usd: f64,
    /// Of half a touch.
    micro: f64,
}

impl Around {
    fn new(share: f64) -> Self {
        let moved = core::array::from_fn(|_| VecDeque::from(vec![0.0; 10]));
        Self { share, moved, has_stopped: false, flow_usd: 0.0, micro: 0.0 }
    }

    /// What our coin follows with now, basis points.
    fn step(&mut self, mut z: impl FnMut() -> f64) -> f64 {
        let left = self.moved.each_mut().map(|moved| {
            moved.push_back(z() * STEP.as_secs_f64().sqrt());
            moved.pop_front().unwrap()
        });
        (self.flow_usd, self.micro) = (1e4 * z(), (0.5 * z()).clamp(-1.0, 1.0));
        self.share * left[0]
    }

    fn leaders(&self) -> [Option<f64>; LEADERS] {
        let [first, second] = self.moved.each_ref().map(|moved| moved.iter().sum());
        [(!self.has_stopped).then_some(first), Some(second)]
    }
}

impl Market {
    fn new(seed: u64, signal: f64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            now: Nanos::secs(1_757_000_000),
            log: 3_000_f64.ln(),
            imbalance: 0.0,
            signal,
            is_still: false,
            around: None,
            mids: Default::default(),
            fit: Fit::new(&FitParams::default()),
        }
    }

    /// The same with all that there is to be known, of which a share of the leader's move says something.
    fn with_all(seed: u64, signal: f64, share: f64) -> Self {
        Self { around: Some(Around::new(share)), ..Self::new(seed, signal) }
    }

    fn mid(&self) -> Px {
        Px::from_raw((self.log.exp() * 1e6) as i64 * 100)
    }

    fn view(&self) -> BookView {
        let mid = self.mid();
        let qty = |share: f64| Qty::from_raw((1e8 * (1.0 + share)) as i64);
        let half = Px::from_raw(5_000_000);
        let (micro, flow_usd) = self.around.as_ref().map_or((0.0, 0.0), |a| (a.micro, a.flow_usd));
        BookView {
            state: BookState::Ok,
            venue_time: self.now,
            recv_time: self.now,
            bid: Level { px: mid - half, qty: qty(self.imbalance) },
            ask: Level { px: mid + half, qty: qty(-self.imbalance) },
            mid: Some(mid),
            microprice: Some(mid + Px::from_raw((half.raw() as f64 * micro) as i64)),
            imbalances_e6: [(self.imbalance * 1e6) as i32; 2],
            flow: Usd::from_raw((flow_usd * 1e8) as i64),
            ..BookView::default()
        }
    }

    fn moves(&self) -> Moves {
        let Some(around) = &self.around else { return Moves::default() };
        Moves { own: self.mids.before(self.now - LAST), leaders: around.leaders() }
    }

    fn passed(&mut self, now: Nanos, block: Nanos) {
        self.mids.push(block, self.mid());
        let Self { fit, mids, .. } = self;
        fit.on_block(now, block, |time| mids.before(time));
    }

    fn step(&mut self) -> Fitted {
        let z = |rng: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(rng) };
        self.now = self.now + STEP;
        let dt = STEP.as_secs_f64();
        let followed = self.around.as_mut().map_or(0.0, |around| around.step(|| z(&mut self.rng)));
        let chance = z(&mut self.rng) * dt.sqrt();
        self.log += 1e-4 * (self.signal * self.imbalance * dt + followed + chance);
        let next = (0.95 * self.imbalance + 0.2 * z(&mut self.rng)).clamp(-0.99, 0.99);
        self.imbalance = if self.is_still { self.imbalance } else { next };
        self.decide()
    }

    fn decide(&mut self) -> Fitted {
        self.passed(self.now, self.now);
        let view = self.view();
        self.fit.on_decision(self.now, &view, &self.moves())
    }

    fn run(&mut self, minutes: i64) -> Fitted {
        (0..minutes * 600).map(|_| self.step()).last().unwrap()
    }
}

#[test]
fn what_predicts_is_found_and_what_does_not_is_not() {
    let mut market = Market::new(1, 2.0);
    let fitted = market.run(40);
    // What the imbalance says of the next 1.1 s, as it fades; against the move's variance.
    assert!(fitted.r2 > 0.2, "{fitted:?}");
    assert!(fitted.fair_bps * market.imbalance > 0.0, "{fitted:?} at {}", market.imbalance);
    let sum: f64 = fitted.terms_bps.iter().sum();
    assert!((sum - fitted.fair_bps).abs() < 1e-12);
    assert!(fitted.residual_bps > 0.5 && fitted.residual_bps < 2.0, "{fitted:?}");
    let missing =
        (1 << Feature::Own as u8) | (1 << Feature::Leader1 as u8) | (1 << Feature::Leader2 as u8);
    assert_eq!(fitted.missing, missing, "it says which features there are none of");
}

/// Of what does not predict the weights are shrunk to nothing: each below 0.06 basis points a standard
/// deviation of its feature, where a second moves the mid by one, and no better than no prediction. Twenty walks
/// that nothing is known of but the book, and twenty with every feature there is.
#[test]
fn on_a_driftless_walk_nothing_is_predicted_and_the_weights_are_shrunk_to_nothing() {
    let mut largest = [0.0_f64; 2];
    for seed in 100..120 {
        for (walk, largest) in
            [Market::new(seed, 0.0), Market::with_all(seed, 0.0, 0.0)].into_iter().zip(&mut largest)
        {
            let mut walk = walk;
            let fitted = walk.run(40);
            assert!(fitted.r2 <= 0.005, "seed {seed}: {fitted:?}");
            assert!(fitted.fair_bps.abs() < 0.15, "seed {seed}: {fitted:?}");
            assert!(fitted.r2 > 0.0 || fitted.fair_bps.to_bits() == 0, "seed {seed}: {fitted:?}");
            // As they are, also where they count as nothing.
            let weights = walk.fit.ridge.betas();
            *largest = weights.iter().fold(*largest, |most, weight| most.max(weight.abs()));
            assert!(weights.iter().all(|w| w.abs() < 0.06), "seed {seed}: {weights:?}");
            let told = walk.fit.state();
            assert!(told.samples > 11_000 && told.run.r2() <= 0.005, "seed {seed}: {:?}", told.run);
        }
    }
    println!("the largest weights of all walks: {largest:?} bps a standard deviation");
    // What does predict has a weight beyond that.
    let mut market = Market::with_all(1, 0.0, 1.0);
    market.run(40);
    let weight = |feature: Feature| market.fit.ridge.betas()[feature as usize];
    assert!(weight(Feature::Leader1) > 0.5 && weight(Feature::Leader2).abs() < 0.1);
}

#[test]
fn features_that_never_change_have_no_weight_and_the_rest_goes_on() {
    let mut market = Market::with_all(6, 0.0, 1.0);
    (market.imbalance, market.is_still) = (0.3, true);
    let fitted = market.run(20);
    let state = market.fit.state();
    for feature in [Feature::Book20, Feature::Book5, Feature::Touch] {
        assert_eq!(state.weights[feature as usize].to_bits(), 0, "{feature:?}: {state:?}");
        assert_eq!(fitted.terms_bps[feature as usize].to_bits(), 0, "{feature:?}");
    }
    assert!(fitted.r2 > 0.2 && fitted.missing == 0 && state.dropped == 0, "{fitted:?}");
}

/// From the moment that it stops it is named, says nothing, and the other weights go on as they were.
#[test]
fn a_leader_that_stops_is_named_and_the_rest_is_quoted_by() {
    let mut market = Market::with_all(7, 2.0, 1.0);
    let fitted = market.run(20);
    assert!(fitted.missing == 0 && fitted.r2 > 0.2, "{fitted:?}");
    let leads = Feature::Leader1 as usize;
    market.around.as_mut().unwrap().has_stopped = true;
    let (before, dropped) = (market.fit.state(), market.fit.state().dropped);
    let first = market.decide();
    assert_eq!(market.fit.state(), before, "nothing is learned of a stop");
    assert_eq!(first.missing, 1 << leads, "it is named");
    assert!(first.terms_bps[leads].abs() < 0.05, "no move is no prediction: {first:?}");
    let others = |f: &Fitted| f.terms_bps.iter().sum::<f64>() - f.terms_bps[leads];
    assert!(others(&first).is_finite() && others(&first).abs() > 0.0, "{first:?}");
    let later = market.run(10);
    assert!(later.r2 > 0.0 && later.missing == 1 << leads, "{later:?}");
    let kept = market.fit.state();
    assert!(kept.dropped == dropped && kept.samples > before.samples + 2_900);
    assert!(kept.weights[Feature::Book20 as usize] > 0.0, "{kept:?}");
}

#[test]
fn weights_count_as_nothing_before_enough_samples() {
    let mut market = Market::new(2, 2.0);
    let mut seen = 0;
    loop {
        let fitted = market.step();
        if fitted.samples >= 300 && fitted.fair_bps.to_bits() != 0 {
            break;
        }
        assert!(fitted.samples < 400, "{fitted:?}");
        assert_eq!(fitted.fair_bps.to_bits(), 0);
        seen = seen.max(fitted.samples);
    }
    assert!(seen >= 299);
}

#[test]
fn bad_samples_are_dropped_counted_and_change_nothing() {
    let mut market = Market::new(3, 2.0);
    market.run(5);
    let learned = |fit: &Fit| FitState { dropped: 0, half_touch_bps: 0.0, ..fit.state() };
    let mut dropped = market.fit.state().dropped;
    let mut drops = |fit: &Fit| -> u32 {
        let more = fit.state().dropped - dropped;
        dropped += more;
        more
    };
    // A hole in the feed: nobody knows the mids before the samples' ends.
    let waiting = market.fit.pending.len() as u32;
    let before = learned(&market.fit);
    market.mids = Default::default();
    market.fit.on_block(
        market.now + Nanos::millis(1_500),
        market.now + Nanos::millis(1_500),
        |_| None,
    );
    assert_eq!((drops(&market.fit), learned(&market.fit)), (waiting, before));
    // A number that is none; its own prediction goes on without it.
    market.now = market.now + Nanos::secs(2);
    let moves = Moves { own: None, leaders: [Some(f64::NAN), Some(f64::INFINITY)] };
    let fitted = market.fit.on_decision(market.now, &market.view(), &moves);
    assert!(fitted.fair_bps.is_finite() && fitted.fair_bps.to_bits() != 0, "{fitted:?}");
    assert_eq!((drops(&market.fit), learned(&market.fit)), (1, before));
    // A clock that steps while a sample waits, either way.
    for step in [Nanos::secs(-3_600), Nanos::secs(5)] {
        for _ in 0..3 {
            market.step();
        }
        let waiting = market.fit.pending.len() as u32;
        let before = learned(&market.fit);
        assert!(waiting > 0);
        let block = market.now + Nanos::millis(1_500);
        market.passed(block + step, block);
        assert_eq!((drops(&market.fit), learned(&market.fit)), (waiting, before), "{step}");
        market.now = block;
    }
    // It goes on.
    let samples = market.fit.state().samples;
    market.run(1);
    assert!(market.fit.state().samples > samples + 200);
}

#[test]
fn what_was_kept_goes_on_as_if_nothing_had_been_and_fades_in_a_pause() {
    let mut market = Market::new(4, 2.0);
    market.run(10);
    let state = market.fit.state();
    let text = serde_json::to_string(&state).unwrap();
    let read: FitState = serde_json::from_str(&text).unwrap();
    assert_eq!(read, state);

    let mut again = Fit::new(&FitParams::default());
    assert!(again.restore(&read));
    let moves = Moves::default();
    let was = market.fit.on_decision(market.now, &market.view(), &moves);
    let is = again.on_decision(market.now, &market.view(), &moves);
    assert_eq!(was.terms_bps.map(f64::to_bits), is.terms_bps.map(f64::to_bits));
    assert!((was.r2 - is.r2).abs() < 1e-12 && was.samples == is.samples);

    // After a day only a millionth of a millionth is left: it begins anew.
    market.now = market.now + Nanos::secs(86_400);
    market.fit = again;
    market.fit.pending.clear();
    market.mids = Default::default();
    market.run(1);
    assert!(market.fit.state().samples < 300, "{}", market.fit.state().samples);

    // Sound numbers of no market: no price comes of them.
    let mad = FitState { with_move: [1e9; FEATURES], mean_move: 0.0, ..state };
    let mut fit = Fit::new(&FitParams::default());
    assert!(fit.restore(&mad));
    assert_eq!(fit.on_decision(market.now, &market.view(), &moves).fair_bps.to_bits(), 0);

    for unsound in [
        FitState { weight: f64::NAN, ..state },
        FitState { weight: -1.0, ..state },
        FitState { mean_move: f64::INFINITY, ..state },
        FitState { latency: Nanos::secs(-1), ..state },
        FitState { horizon: Nanos::secs(5), ..state },
        FitState { leaders: [None; 3], ..state },
        FitState { products: [[-1.0; FEATURES]; FEATURES], ..state },
    ] {
        let mut fit = Fit::new(&FitParams::default());
        assert!(!fit.restore(&unsound));
        let begun = FitState { leaders: FitParams::default().leaders, ..FitState::default() };
        assert_eq!(fit.state(), FitState { horizon: Nanos::secs(1), ..begun });
    }
}

#[test]
fn another_horizon_or_other_leaders_begin_anew_and_the_rest_goes_on() {
    let mut market = Market::new(5, 2.0);
    market.run(3);
    let learned = market.fit.state().samples;
    let params = FitParams::default();
    market.fit.set_params(&FitParams { fit_ridge: 0.5, ..params });
    assert_eq!(market.fit.state().samples, learned);
    market.fit.set_params(&FitParams { fit_horizon: Nanos::secs(5), ..params });
    assert_eq!(market.fit.state().samples, 0);
}

#[test]
fn the_latency_is_measured_and_odd_measurements_are_none() {
    let mut fit = Fit::new(&FitParams::default());
    for took in [Nanos(-1), Nanos::secs(6), Nanos::millis(50)] {
        fit.on_arrival(took);
    }
    assert_eq!(fit.state().latency, Nanos::millis(50));
    (0..200).for_each(|_| fit.on_arrival(Nanos::millis(80)));
    assert!((fit.state().latency - Nanos::millis(80)).0.abs() < 1_000);
}
