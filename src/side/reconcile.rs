//! Whether what we believe of the account is what the venue says, asked over HTTPS and so beside the order
//! link, which compares on its own account: were it that is wrong, it would not find out by itself.
//!
//! One difference says nothing, since fills are on their way. A position that differs three times in a row is
//! only reduced, whichever of the two is right, until they agree again.

use super::alert::{Alert, Topic};
use super::errands::Pending;
use super::task::{Task, Turn};
use crate::exit::AppError;
use crate::venue_api::account::Way;
use botmm_pipeline::rt::BoardReader;
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::status::{AssetStatus, STATUS_WORDS};
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{AssetId, Nanos, Px, Qty, RiskCommand, Universe};
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use std::sync::Arc;

/// How often it is asked, and how soon again after a difference.
const EVERY: Nanos = Nanos::secs(10);
const AGAIN: Nanos = Nanos::secs(3);
/// How long the answer may take.
const PATIENCE: Nanos = Nanos::secs(8);
/// So many differences in a row are one.
const DIFFERENCES: u32 = 3;

/// What the venue says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Positions, in the universe's order.
    pub held: Vec<Qty>,
    /// Orders of ours that rest.
    pub orders: u64,
}

/// A way to ask. May block.
pub type AskVenue = Arc<dyn Fn() -> Result<Said, AppError> + Send + Sync>;

/// Of this account.
pub fn ask_over(way: Way) -> AskVenue {
    Arc::new(move || {
        let venue = way()?;
        let orders = venue.open_orders()?.len() as u64;
        // At what marks its worth would be counted is nothing to us here.
        let (_, held) = venue.closing(&[Px::ZERO; MAX_ASSETS])?;
        Ok(Said { held, orders })
    })
}

/// What we believe.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Believed {
    held: Vec<Qty>,
    orders: u64,
    is_up: bool,
}

/// See the module.
pub struct Reconcile {
    ask: AskVenue,
    link: BoardReader<VIEW_WORDS>,
    status: Vec<BoardReader<STATUS_WORDS>>,
    metrics: Arc<Metrics>,
    universe: Universe,
    next: Nanos,
    asking: Option<(Believed, Pending<Result<Said, AppError>>)>,
    /// How often each position differed in a row, and the venue's that the gate was told of.
    positions: Vec<(u32, Option<Qty>)>,
    orders_differ: u32,
}

impl Reconcile {
    /// Of a run that begins.
    pub fn new(
        ask: AskVenue,
        link: BoardReader<VIEW_WORDS>,
        status: Vec<BoardReader<STATUS_WORDS>>,
        metrics: Arc<Metrics>,
        universe: Universe,
    ) -> Self {
        let positions = vec![(0, None); universe.len()];
        Self {
            ask,
            link,
            status,
            metrics,
            universe,
            next: Nanos::ZERO,
            asking: None,
            positions,
            orders_differ: 0,
        }
    }

    fn believed(&self) -> Believed {
        Believed {
            held: self.status.iter().map(|board| AssetStatus::read(board).position).collect(),
            orders: self.metrics.dispatch.open_orders.get(),
            is_up: GatewayView::read(&self.link).is_up,
        }
    }

    /// What was believed before the question and after the answer bounds what the venue may say.
    fn compare(&mut self, before: &Believed, said: &Said, turn: &mut Turn<'_>) {
        let after = self.believed();
        if !before.is_up || !after.is_up {
            return; // It reconciles by itself, and nothing is quoted until it has.
        }
        let mut differs = false;
        for (i, venue) in said.held.iter().enumerate() {
            let (ours, now_ours) = (before.held[i], after.held[i]);
            let agrees = [ours, now_ours].contains(venue);
            if !agrees && ours != now_ours {
                continue; // More than one fill in between: no telling.
            }
            differs |= !agrees;
            // What was so when the venue was asked agrees too: a fill came on the answer's way.
            let ours = if agrees { *venue } else { now_ours };
            self.judge(AssetId::new(i), (ours, *venue), turn);
        }
        let [low, high] = [before.orders.min(after.orders), before.orders.max(after.orders)];
        let agrees = (low..=high).contains(&said.orders);
        self.orders_differ = if agrees { 0 } else { self.orders_differ + 1 };
        if self.orders_differ == DIFFERENCES {
            turn.say(Alert::warn(
                Topic::Orders,
                format!(
                    "the venue lists {} orders of ours, and we know of {}: look at its page should this last",
                    said.orders, after.orders
                ),
            ));
        }
        if differs || !agrees {
            self.next = turn.now + AGAIN;
        }
    }

    fn judge(&mut self, asset: AssetId, (ours, venue): (Qty, Qty), turn: &mut Turn<'_>) {
        let coin = self.universe.get(asset).coin;
        let (in_a_row, doubted) = &mut self.positions[asset.index()];
        *in_a_row = if ours == venue { 0 } else { *in_a_row + 1 };
        let wanted = match (ours == venue, *in_a_row >= DIFFERENCES) {
            (true, _) => None,
            (false, true) => Some(venue),
            (false, false) => *doubted,
        };
        // A full ring refuses: the next comparison tries again.
        if wanted == *doubted
            || turn.to_risk.push(RiskCommand::Doubt { asset, venue: wanted }).is_err()
        {
            return;
        }
        let was = std::mem::replace(doubted, wanted);
        match (was, wanted) {
            (None, Some(_)) => turn.say(Alert::critical(
                Topic::Account,
                format!(
                    "{coin}: our position is {ours}, and {venue} by the venue, {DIFFERENCES} times in a row: \
                     it is only reduced until they agree; should that last, stop and compare the fills"
                ),
            )),
            (_, None) => turn.say(Alert::info(
                Topic::Account,
                format!("{coin}: our position is the venue's again ({venue}): quoted as before"),
            )),
            _ => {}
        }
    }
}

impl Task for Reconcile {
    fn name(&self) -> &'static str {
        "reconcile"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        if let Some((before, pending)) = self.asking.take() {
            match pending.told(turn.now) {
                None => self.asking = Some((before, pending)),
                Some(Ok(said)) => self.compare(&before, &said, turn),
                Some(Err(_)) => {} // Whoever watches the connections says so.
            }
        }
        if self.asking.is_none() && turn.now >= self.next && GatewayView::read(&self.link).is_up {
            self.next = turn.now + EVERY;
            let ask = self.ask.clone();
            let pending = turn.workers.questions.send(turn.now, PATIENCE, move || ask());
            self.asking = Some((self.believed(), pending));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::alert::Level;
    use super::super::task::tests::Stand;
    use super::*;
    use crate::coins::coin;
    use botmm_pipeline::rt::{Board, board};
    use std::sync::Mutex;

    struct World {
        venue: Arc<Mutex<Said>>,
        boards: Vec<Board<STATUS_WORDS>>,
        ours: Vec<Qty>,
        view: (GatewayView, Board<VIEW_WORDS>),
        stand: Stand,
        task: Reconcile,
        said: Vec<Alert>,
    }

    impl World {
        fn new() -> Self {
            let universe = Universe::new(vec![coin("A", 2), coin("B", 2)]);
            let venue = Arc::new(Mutex::new(Said { held: vec![Qty::ZERO; 2], orders: 0 }));
            let asked = venue.clone();
            let ask: AskVenue = Arc::new(move || Ok(asked.lock().unwrap().clone()));
            let (boards, status) = (0..2).map(|_| board()).unzip();
            let (mut shown, link) = board();
            let view = GatewayView { is_up: true, ..GatewayView::NOTHING };
            shown.write(&view.words());
            let task = Reconcile::new(ask, link, status, Arc::default(), universe);
            let stand = Stand::with_room(4);
            let ours = vec![Qty::ZERO; 2];
            Self { venue, boards, ours, view: (view, shown), stand, task, said: Vec::new() }
        }

        /// One question and its answer; what the gate is told.
        fn ask(&mut self) -> Vec<RiskCommand> {
            for (board, position) in self.boards.iter_mut().zip(&self.ours) {
                AssetStatus { position: *position, ..AssetStatus::default() }.show(board);
            }
            self.stand.now = self.task.next.max(self.stand.now);
            let Self { stand, task, said, .. } = self;
            said.extend(stand.turn(task).said);
            stand.until(|stand| {
                said.extend(stand.turn(task).said);
                task.asking.is_none()
            });
            self.stand.told_risk()
        }
    }

    #[test]
    fn three_differences_in_a_row_are_doubt_until_a_late_fill_explains_them() {
        let mut world = World::new();
        let (b, two) = (AssetId::new(1), Qty::whole(2));
        assert_eq!(world.ask(), []);
        world.venue.lock().unwrap().held[1] = two;
        assert_eq!([world.ask(), world.ask()], [vec![], vec![]], "a fill may be on its way");
        assert!(world.task.next - world.stand.now < EVERY, "asked again soon");
        assert_eq!(world.ask(), [RiskCommand::Doubt { asset: b, venue: Some(two) }]);
        assert_eq!(world.said[0].level, Level::Critical);
        assert!(
            world.said[0].text.contains("B: our position is 0, and 2 by the venue"),
            "{:?}",
            world.said
        );
        assert_eq!(world.ask(), [], "told once");
        world.venue.lock().unwrap().held[1] = Qty::whole(3);
        assert_eq!(world.ask(), [RiskCommand::Doubt { asset: b, venue: Some(Qty::whole(3)) }]);
        world.ours[1] = Qty::whole(3);
        assert_eq!(world.ask(), [RiskCommand::Doubt { asset: b, venue: None }]);
        assert_eq!(world.said.len(), 2, "{:?}", world.said);
    }

    #[test]
    fn a_difference_that_passes_or_a_link_that_is_down_is_none() {
        let mut world = World::new();
        world.venue.lock().unwrap().held[0] = Qty::whole(1);
        assert_eq!([world.ask(), world.ask()], [vec![], vec![]]);
        world.ours[0] = Qty::whole(1);
        assert_eq!(world.ask(), []);
        world.ours[0] = Qty::ZERO;
        assert_eq!([world.ask(), world.ask()], [vec![], vec![]]);
        world.view.0.is_up = false;
        let words = world.view.0.words();
        world.view.1.write(&words);
        world.stand.now = world.task.next;
        assert!(world.stand.turn(&mut world.task).said.is_empty() && world.task.asking.is_none());
        assert!(world.stand.told_risk().is_empty() && world.said.is_empty());
    }

    #[test]
    fn a_fill_while_the_answer_is_on_its_way_is_no_difference() {
        let mut world = World::new();
        for position in 1..=5 {
            world.venue.lock().unwrap().held[0] = Qty::whole(position - 1);
            world.stand.now = world.task.next.max(world.stand.now);
            let World { stand, task, boards, .. } = &mut world;
            assert!(stand.turn(task).said.is_empty() && task.asking.is_some());
            let position = Qty::whole(position);
            AssetStatus { position, ..AssetStatus::default() }.show(&mut boards[0]);
            stand.until(|stand| {
                assert!(stand.turn(task).said.is_empty());
                task.asking.is_none()
            });
            assert_eq!(stand.told_risk(), [], "{position}");
        }
    }

    #[test]
    fn orders_that_nobody_here_knows_are_told_of() {
        let mut world = World::new();
        world.venue.lock().unwrap().orders = 2;
        (0..5).for_each(|_| drop(world.ask()));
        assert_eq!(world.said.len(), 1, "{:?}", world.said);
        assert!(world.said[0].text.contains("lists 2 orders of ours, and we know of 0"));
    }
}
