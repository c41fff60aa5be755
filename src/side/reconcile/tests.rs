use super::*;
use crate::coins::coin;
use crate::side::alert::Level;
use crate::side::task::tests::Stand;
use crate::venue_api::worth::Kind;
use botmm_pipeline::rt::{Board, board};
use botmm_pipeline::types::Usd;
use botmm_pipeline::venue::hl::gateway::Opening;
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
        let (value, balance) = (Usd::whole(10_000), Usd::ZERO);
        let closing = Closing { value, balance, holds_others: false };
        let (held, transfers) = (vec![Qty::ZERO; 2], Some(Transfers::default()));
        let venue = Arc::new(Mutex::new(Said { held, orders: 0, closing, transfers }));
        let asked = venue.clone();
        let ask: AskVenue = Arc::new(move |question| {
            let said = asked.lock().unwrap().clone();
            let listed = |since| said.transfers.clone().filter(|t| t.newest > Some(since));
            let transfers = question.transfers_since.map(|since| listed(since).unwrap_or_default());
            Ok(Said { transfers, ..said })
        });
        let (boards, status) = (0..2).map(|_| board()).unzip();
        let (mut shown, link) = board();
        let (time, open_profit) = (Nanos::secs(1), Usd::ZERO);
        let opening = Some(Opening { time, value, open_profit });
        let view = GatewayView { is_up: true, opening, ..GatewayView::NOTHING };
        shown.write(&view.words());
        let start = Worth { kind: Kind::Perpetuals, value, balance };
        let task = Reconcile::new(ask, link, (status, Arc::default()), universe, start);
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
fn orders_that_nobody_here_knows_are_doubt_until_they_are_gone() {
    let mut world = World::new();
    for (listed, known) in [(2, 0), (0, 3)] {
        world.venue.lock().unwrap().orders = listed;
        world.task.metrics.dispatch.open_orders.set(known);
        assert_eq!([world.ask(), world.ask()], [vec![], vec![]], "they may be on their way");
        assert_eq!(world.ask(), [RiskCommand::ReduceOnly(true)]);
        let words = format!("lists {listed} orders of ours, and we know of {known}");
        let told = world.said.pop().unwrap();
        assert!(told.level == Level::Critical && told.text.contains(&words), "{told:?}");
        assert_eq!(world.ask(), [], "told once");
        world.venue.lock().unwrap().orders = known;
        assert_eq!(world.ask(), [RiskCommand::ReduceOnly(false)]);
        assert_eq!(world.said.pop().unwrap().level, Level::Info);
        assert!(world.said.is_empty(), "{:?}", world.said);
    }
}

#[test]
fn orders_that_come_and_go_are_no_doubt() {
    let mut world = World::new();
    for round in 0..12 {
        let known = 4;
        world.task.metrics.dispatch.open_orders.set(known);
        world.venue.lock().unwrap().orders = if round % 2 == 0 { known + 1 } else { known - 1 };
        assert_eq!(world.ask(), [], "{round}");
    }
    assert!(world.said.is_empty());
}

impl World {
    /// Our ledger says that this much was gained.
    fn gain(&mut self, realized: Usd) {
        let account = AccountView { realized, ..AccountView::flat(Nanos::ZERO) };
        self.task.hear(&Fact::Account(account));
    }

    fn worth(&self, whole: i64) {
        self.venue.lock().unwrap().closing.value = Usd::whole(whole);
    }
}

#[test]
fn a_worth_that_nothing_explains_is_doubt_until_late_news_does() {
    let mut world = World::new();
    world.gain(Usd::ZERO);
    world.worth(10_001);
    (0..4).for_each(|_| assert_eq!(world.ask(), [], "a dollar is no difference"));
    world.worth(10_007);
    assert_eq!([world.ask(), world.ask()], [vec![], vec![]], "funding may be on its way");
    assert!(world.task.next - world.stand.now < EVERY, "asked again soon");
    assert_eq!(world.ask(), [RiskCommand::ReduceOnly(true)]);
    let told = world.said.pop().unwrap();
    let words = "by our ledger this run gained 0 USD, and 7 by the venue's account";
    assert!(told.level == Level::Critical && told.text.contains(words), "{told:?}");
    world.gain(Usd::whole(7));
    assert_eq!(world.ask(), [RiskCommand::ReduceOnly(false)]);
    assert_eq!(world.said.pop().unwrap().level, Level::Info);
    // Another one that passes.
    world.worth(9_000);
    assert_eq!([world.ask(), world.ask()], [vec![], vec![]]);
    world.worth(10_007);
    assert_eq!([world.ask(), world.ask(), world.ask()], [vec![], vec![], vec![]]);
    assert!(world.said.is_empty(), "{:?}", world.said);
}

#[test]
fn transfers_explain_a_difference_and_are_told_as_such() {
    let mut world = World::new();
    world.gain(Usd::ZERO);
    let came = |at, sum, unclear: Option<&str>| Transfers {
        sum: Usd::whole(sum),
        unclear: unclear.map(str::to_owned),
        newest: Some(Nanos::secs(at)),
    };
    let tell = |world: &World, transfers| world.venue.lock().unwrap().transfers = Some(transfers);
    // By a deposit, by what has no exact amount, and by the same word again.
    for (worth, transfers, words) in [
        (10_500, came(5, 500, None), "500 USD came to the account by transfers"),
        (10_300, came(6, 0, Some("withdraw")), "200 USD left the account by `withdraw`"),
        (10_200, came(7, 0, Some("withdraw")), "100 USD left the account by `withdraw`"),
    ] {
        world.worth(worth);
        tell(&world, transfers);
        (0..6).for_each(|_| assert_eq!(world.ask(), [], "{words}"));
        assert_eq!(world.said.len(), 1, "{:?}", world.said);
        let told = world.said.pop().unwrap();
        assert!(told.level == Level::Warn && told.text.contains(words), "{told:?}");
    }
    // What is no transfer is none because there was one before.
    world.worth(10_150);
    assert_eq!([world.ask(), world.ask()], [vec![], vec![]]);
    assert_eq!(world.ask(), [RiskCommand::ReduceOnly(true)]);
}

#[test]
fn what_cannot_be_compared_is_said_once_and_no_doubt() {
    let mut world = World::new();
    world.gain(Usd::ZERO);
    world.venue.lock().unwrap().closing.holds_others = true;
    world.worth(1);
    (0..5).for_each(|_| assert_eq!(world.ask(), []));
    assert_eq!(world.said.len(), 1, "{:?}", world.said);
    let told = world.said.pop().unwrap();
    assert!(told.level == Level::Info && told.text.contains("not this run's"), "{told:?}");
}

#[test]
fn how_far_apart_they_are_is_told_from_the_first_look() {
    let mut world = World::new();
    assert_eq!(world.task.drift().compared, None);
    let apart = Qty::parse("0.5").unwrap();
    world.venue.lock().unwrap().held[1] = apart;
    world.venue.lock().unwrap().orders = 2;
    world.ask();
    let drift = world.task.drift();
    assert_eq!((&drift.positions[..], drift.orders), (&[Qty::ZERO, apart][..], 2));
    assert!(drift.compared.is_some() && world.task.doubts().iter().all(|(_, doubt)| !doubt));
    (1..DIFFERENCES).for_each(|_| drop(world.ask()));
    assert_eq!(world.task.doubts().map(|(_, doubt)| doubt), [true, true, false]);
    world.venue.lock().unwrap().held[1] = Qty::ZERO;
    world.venue.lock().unwrap().orders = 0;
    world.ask();
    assert_eq!((world.task.drift().positions[1], world.task.drift().orders), (Qty::ZERO, 0));
}
