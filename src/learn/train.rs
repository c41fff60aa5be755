//! From labelled orders to a model: parted by time, with a gap in which outcomes of the one part could still
//! come, both heads grown from the earlier part, and tried on the later one; and the same with shuffled labels.

use super::boost::{Loss, Parts, Unfit, fit, probability};
use super::label::{Left, Order};
use super::options::Options;
use super::score::{Fitted, Scored, fitted, score};
use super::table::Table;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::types::params::{FILL_FEATURES, Forest};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Of the rows to learn from, the later ones say when growing ends.
const VALID_SHARE: f64 = 0.25;

/// How to learn.
#[derive(Clone, Debug, PartialEq)]
pub struct How {
    /// Filled within this time; and the mid so long after.
    pub horizon: Nanos,
    /// The share of orders, the latest, that a model is tried on.
    pub test_share: f64,
    /// Of shuffled labels, and of the cuts of the leak test.
    pub seed: u64,
    /// How trees are grown.
    pub options: Options,
}

/// Why there is no model.
#[derive(Debug, Error)]
pub enum NoModel {
    /// There is not enough to learn from, or nothing to learn.
    #[error("{head}: {unfit}")]
    Unfit {
        /// Which of the two answers.
        head: &'static str,
        /// Why.
        unfit: Unfit,
    },
    /// One part has nothing in it.
    #[error(
        "{orders} orders, parted by time with a gap of {gap_s} s, leave {learned} to learn from and {tested} \
             to try on: more or longer runs are needed"
    )]
    Few {
        /// There are.
        orders: usize,
        /// Between the parts.
        gap_s: f64,
        /// In the earlier part.
        learned: usize,
        /// In the later one.
        tested: usize,
    },
}

/// How good a model is on orders after those that it has learned from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Orders to learn from, of which these were filled.
    pub learned: [usize; 2],
    /// Trees of both heads.
    pub trees: [usize; 2],
    /// Whether an order is filled.
    pub fill: Scored,
    /// The same, learned from shuffled labels: an area of about a half, or something is wrong.
    pub fill_shuffled: Scored,
    /// How far the mid goes against a fill.
    pub adverse: Fitted,
    /// The same, learned from shuffled moves.
    pub adverse_shuffled: Fitted,
    /// Features that told no orders apart.
    pub constant: Vec<String>,
    /// What could not be used.
    pub left: Left,
}

/// A model and what it is worth.
pub struct Trained {
    /// Log-odds of a fill.
    pub fill: Forest,
    /// Adverse move, basis points.
    pub adverse: Forest,
    /// Decisions from, outcomes up to.
    pub trained: [Nanos; 2],
    /// Decisions from, to.
    pub tested: [Nanos; 2],
    /// On later orders.
    pub scores: Scores,
}

/// Rows by place: to grow from, to end by, to try on.
struct Cut {
    train: Vec<u32>,
    valid: Vec<u32>,
    test: Vec<u32>,
}

/// Orders as rows.
struct Rows {
    table: Table,
    filled: Vec<f64>,
    /// NaN where there is none.
    adverse: Vec<f64>,
    /// Which order a row is of.
    legs: Vec<u32>,
    cut: Cut,
}

/// Of orders in the order in which they were sent.
///
/// # Errors
/// See [`NoModel`].
pub fn train(orders: &[Order], left: Left, how: &How) -> Result<Trained, NoModel> {
    let rows = rows(orders, how)?;
    let [fill, adverse] = both(&rows, how)?;
    let mut rng = ChaCha8Rng::seed_from_u64(how.seed);
    let mut shuffled = Rows { cut: rows.cut(), table: rows.table.clone(), ..rows };
    let (filled, moves) = (shuffled.filled.clone(), shuffled.adverse.clone());
    shuffled.filled.shuffle(&mut rng);
    shuffle_known(&mut shuffled.adverse, &mut rng);
    let [fill_of_none, adverse_of_none] = both(&shuffled, how)?;
    let (fill_shuffled, adverse_shuffled) = tried(&shuffled, &fill_of_none, &adverse_of_none);
    let rows = Rows { filled, adverse: moves, ..shuffled };
    let (of_fill, of_adverse) = tried(&rows, &fill, &adverse);
    let learned: Vec<u32> = rows.cut.train.iter().chain(&rows.cut.valid).copied().collect();
    let at = |rows: &[u32], row: usize| orders[rows[row] as usize].sent;
    let last = at(&learned, learned.len() - 1);
    let hits = learned.iter().filter(|row| rows.filled[**row as usize] > 0.5).count();
    Ok(Trained {
        trained: [at(&learned, 0), last + how.horizon + how.horizon],
        tested: [at(&rows.cut.test, 0), at(&rows.cut.test, rows.cut.test.len() - 1)],
        scores: Scores {
            learned: [learned.len(), hits],
            trees: [fill.roots.len(), adverse.roots.len()],
            fill: of_fill,
            fill_shuffled,
            adverse: of_adverse,
            adverse_shuffled,
            constant: rows.table.constant(&learned).into_iter().map(str::to_owned).collect(),
            left,
        },
        fill,
        adverse,
    })
}

/// How good trees are that were made elsewhere, on the later part.
///
/// # Errors
/// As [`train`].
pub fn judge(
    orders: &[Order],
    left: Left,
    how: &How,
    heads: [Forest; 2],
) -> Result<Trained, NoModel> {
    let mut trained = train(orders, left, how)?;
    let [fill, adverse] = heads;
    let rows = rows(orders, how)?;
    (trained.scores.fill, trained.scores.adverse) = tried(&rows, &fill, &adverse);
    trained.scores.trees = [fill.roots.len(), adverse.roots.len()];
    Ok(Trained { fill, adverse, ..trained })
}

impl Rows {
    fn cut(&self) -> Cut {
        let Cut { train, valid, test } = &self.cut;
        Cut { train: train.clone(), valid: valid.clone(), test: test.clone() }
    }
    /// Of these rows those of fills whose move is known.
    fn moved(&self, rows: &[u32]) -> Vec<u32> {
        rows.iter().copied().filter(|row| !self.adverse[*row as usize].is_nan()).collect()
    }
}

fn rows(orders: &[Order], how: &How) -> Result<Rows, NoModel> {
    let horizon = how.horizon;
    let adverse = |order: &Order| match order.is_filled_within(horizon) {
        true => order.adverse_bps.unwrap_or(f64::NAN),
        false => f64::NAN,
    };
    Ok(Rows {
        table: Table::of_rows(&FILL_FEATURES, orders.iter().map(|order| &order.asked)),
        filled: orders.iter().map(|o| f64::from(o.is_filled_within(horizon))).collect(),
        adverse: orders.iter().map(adverse).collect(),
        legs: orders.iter().map(|order| order.leg).collect(),
        cut: cut(orders, how)?,
    })
}

/// An order is learned from only when all that became of it was known before the next part begins.
fn cut(orders: &[Order], how: &How) -> Result<Cut, NoModel> {
    let gap = how.horizon + how.horizon;
    let before = |start: usize, from: usize| -> Vec<u32> {
        let Some(begin) = orders.get(from).map(|order| order.sent) else { return Vec::new() };
        (start..from).filter(|at| orders[*at].sent + gap < begin).map(|at| at as u32).collect()
    };
    let share = |of: usize, share: f64| of - (of as f64 * share) as usize;
    let test_from = share(orders.len(), how.test_share);
    let learned = before(0, test_from);
    let valid_from = share(learned.len(), VALID_SHARE);
    let train = before(0, valid_from);
    let valid: Vec<u32> = learned[valid_from..].to_vec();
    let test: Vec<u32> = (test_from as u32..orders.len() as u32).collect();
    if train.is_empty() || valid.is_empty() || test.is_empty() {
        return Err(NoModel::Few {
            orders: orders.len(),
            gap_s: gap.as_secs_f64(),
            learned: learned.len(),
            tested: test.len(),
        });
    }
    Ok(Cut { train, valid, test })
}

fn both(rows: &Rows, how: &How) -> Result<[Forest; 2], NoModel> {
    let Cut { train, valid, .. } = &rows.cut;
    let named = |head| move |unfit| NoModel::Unfit { head, unfit };
    let parts = Parts { train, valid };
    let fill = fit(&rows.table, &rows.filled, &parts, Loss::Log, &how.options);
    let fill = fill.map_err(named("whether an order is filled"))?;
    let (train, valid) = (rows.moved(train), rows.moved(valid));
    let parts = Parts { train: &train, valid: &valid };
    let adverse = fit(&rows.table, &rows.adverse, &parts, Loss::Squared, &how.options);
    Ok([fill, adverse.map_err(named("how far the mid goes against a fill"))?])
}

fn tried(rows: &Rows, fill: &Forest, adverse: &Forest) -> (Scored, Fitted) {
    let of = |row: &u32| {
        let row = *row as usize;
        (probability(rows.table.ask(fill, row)), rows.filled[row])
    };
    let (said, seen): (Vec<f64>, Vec<f64>) = rows.cut.test.iter().map(of).unzip();
    let moved = |row: &u32| {
        let row = *row as usize;
        (rows.table.ask(adverse, row), rows.adverse[row])
    };
    let tested = rows.moved(&rows.cut.test);
    let (told, moves): (Vec<f64>, Vec<f64>) = tested.iter().map(moved).unzip();
    let legs = |of: &[u32]| of.iter().map(|row| rows.legs[*row as usize]).collect::<Vec<_>>();
    let fill = score(&said, &seen, &legs(&rows.cut.test));
    (fill, fitted(&told, &moves, adverse.base, &legs(&tested)))
}

/// Moves that are known change places among themselves.
fn shuffle_known(moves: &mut [f64], rng: &mut ChaCha8Rng) {
    let mut known: Vec<f64> = moves.iter().copied().filter(|m| !m.is_nan()).collect();
    known.shuffle(rng);
    moves.iter_mut().filter(|m| !m.is_nan()).zip(known).for_each(|(to, from)| *to = from);
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod tests;
