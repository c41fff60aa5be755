//! Whole requests: who, nonce, expiry, budget; agents; schedules.

use super::*;

fn noop(w: &mut World, signer: Address) -> Answer {
    let action = w.signed(signer, Command::Noop);
    w.ask_signed(action)
}

fn approve(w: &mut World, agent: u8, name: Option<&str>) -> Answer {
    let agent = if agent == 0 { Address::default() } else { user(agent) };
    let name = name.map(str::to_owned);
    let action = w.signed(user(1), Command::ApproveAgent { agent, name, valid_until_ms: None });
    w.ask_signed(Signed { user_signed: true, ..action })
}

#[test]
fn a_signer_must_be_somebody() {
    let mut w = World::new();
    assert_eq!(noop(&mut w, user(1)), Answer::Default);
    let who = user(99);
    assert_eq!(refused(noop(&mut w, who)), Refusal::UnknownSigner(who));
    let action = w.signed(who, Command::Noop);
    let action = Signed { user_signed: true, ..action };
    assert_eq!(refused(w.ask_signed(action)), Refusal::MustDeposit(who));
    let action = w.signed(user(1), Command::Noop);
    let action = Signed { vault: Some(who), ..action };
    assert_eq!(refused(w.ask_signed(action)), Refusal::VaultUnknown(who));
    assert_eq!(refused(w.ask(1, Command::Order(vec![]))), Refusal::EmptyBatch);
    let text = UnknownSignerText::MustDeposit;
    let mut w = World::with(VenueConfig { unknown_signer: text, ..config() });
    assert_eq!(refused(noop(&mut w, who)), Refusal::MustDeposit(who));
}

#[test]
fn nonces_are_unique_recent_and_among_the_hundred_highest() {
    let mut w = World::new();
    let now_ms = START.as_millis() as u64;
    let with = |w: &mut World, nonce| {
        let action = w.signed(user(1), Command::Noop);
        w.ask_signed(Signed { nonce, ..action })
    };
    assert_eq!(with(&mut w, now_ms + 500), Answer::Default);
    assert_eq!(with(&mut w, now_ms + 1), Answer::Default, "out of order is fine");
    let again = refused(with(&mut w, now_ms + 500));
    assert_eq!(again, Refusal::DuplicateNonce(now_ms + 500));
    let day = 86_400_000;
    for bad in [now_ms - 2 * day - 1_000, now_ms + day + 10_000, 0, u64::MAX] {
        assert!(matches!(refused(with(&mut w, bad)), Refusal::NonceOutOfWindow(..)), "{bad}");
    }
    for i in 0..100 {
        assert_eq!(with(&mut w, now_ms + 1_000 + i), Answer::Default);
    }
    let low = refused(with(&mut w, now_ms + 999));
    assert_eq!(low, Refusal::NonceTooLow(now_ms + 999, now_ms + 1_000));
}

#[test]
fn a_late_request_is_void_and_dear() {
    let mut w = World::new();
    let action = w.signed(user(1), Command::Noop);
    let expires_after_ms = Some(w.now.as_millis() as u64 + 10);
    let action = Signed { expires_after_ms, ..action };
    assert_eq!(refused(w.ask_signed(action)), Refusal::Order(Refused::Expired));
    assert_eq!(w.venue.requests(&user(1)).used, 5);
}

#[test]
fn beyond_its_budget_an_address_may_do_little_but_cancel() {
    let mut w = World::with(VenueConfig { base_requests: 3, ..config() });
    let new = || bid(Tif::Alo, "98", "1");
    w.ask(1, Command::Order(vec![new(), new()]));
    w.ask(1, Command::Order(vec![new(), new()]));
    let used = w.venue.requests(&user(1));
    assert_eq!((used.used, used.cap), (4, 3));
    // One passes in ten seconds.
    assert!(matches!(w.ask(1, Command::Order(vec![new()])), Answer::Order(_)));
    let refusal = refused(w.ask(1, Command::Order(vec![new()])));
    assert_eq!(refusal, Refusal::Order(Refused::RateLimit(5, 3, Usd::ZERO)));
    let oid = w.venue.open_orders(&user(1))[0].oid;
    let cancel = w.ask(1, Command::Cancel(vec![(3, OrderRef::Oid(oid))]));
    assert_eq!(cancel, Answer::Cancel(vec![ItemAnswer::Success]));
    // Bought requests work at once; trading earns one a dollar. (Buying is a request too.)
    w.pass(Nanos::secs(10));
    let cash = w.venue.account(&user(1)).total_raw_usd;
    let buy = Command::ReserveRequestWeight { weight: 10, destination: None };
    assert_eq!(w.ask(1, buy), Answer::Default);
    assert_eq!(cash - w.venue.account(&user(1)).total_raw_usd, usd("0.005"));
    assert!(matches!(w.ask(1, Command::Order(vec![bid(Tif::Ioc, "101", "1")])), Answer::Order(_)));
    assert_eq!(w.venue.requests(&user(1)).surplus, 9);
    assert_eq!(w.venue.requests(&user(1)).cap, 104);
}

#[test]
fn agents_trade_for_their_account_until_they_are_replaced_or_expire() {
    let mut w = World::new();
    assert_eq!(approve(&mut w, 50, Some("bot")), Answer::Default);
    assert_eq!(w.venue.role(&user(50)), Role::Agent(user(1)));
    let action = w.signed(user(50), Command::Order(vec![bid(Tif::Alo, "98", "1")]));
    assert!(matches!(w.ask_signed(action), Answer::Order(_)));
    assert_eq!(w.venue.open_orders(&user(1)).len(), 1);
    // What the account signs itself is the agent's own business.
    let action = w.signed(user(50), Command::Noop);
    let own = w.ask_signed(Signed { user_signed: true, ..action });
    assert_eq!(refused(own), Refusal::MustDeposit(user(50)));
    assert_eq!(approve(&mut w, 51, Some("bot")), Answer::Default);
    assert_eq!(w.venue.role(&user(50)), Role::Missing);
    assert_eq!(refused(approve(&mut w, 50, Some("c"))), Refusal::AgentReuse);
    assert_eq!(refused(approve(&mut w, 2, Some("c"))), Refusal::AgentReuse, "an account");
    for (agent, name) in [(52, Some("b")), (53, Some("c")), (54, None)] {
        assert_eq!(approve(&mut w, agent, name), Answer::Default);
    }
    assert_eq!(refused(approve(&mut w, 55, Some("d"))), Refusal::AgentCount(3));
    assert_eq!(approve(&mut w, 0, Some("b")), Answer::Default);
    assert_eq!(refused(approve(&mut w, 55, Some("d"))), Refusal::AgentPending);
    w.pass(Nanos::secs(5));
    assert_eq!(approve(&mut w, 55, Some("d")), Answer::Default);
    assert_eq!(w.venue.agents(&user(1)).len(), 4);
    // Ninety days later.
    w.venue.config.block_interval = Nanos::secs(3_600);
    w.pass(Nanos::secs(90 * 86_400 + 3_600));
    assert_eq!(w.venue.role(&user(55)), Role::Missing);
    w.nonce = w.now.as_millis() as u64;
    let ticket = w.send(user(55), Command::Noop);
    w.pass(Nanos::secs(7_200));
    assert_eq!(refused(w.answer(ticket)), Refusal::UnknownSigner(user(55)));
}

#[test]
fn a_schedule_cancels_everything_ten_times_a_day() {
    let mut w = World::new();
    let set = |w: &mut World, ahead_ms: u64| {
        let at = w.now.as_millis() as u64 + ahead_ms;
        w.ask(1, Command::ScheduleCancel(Some(at)))
    };
    let gate = refused(set(&mut w, 10_000));
    assert_eq!(gate, Refusal::ScheduleVolume(Usd::whole(1_000_000), Usd::ZERO));
    w.venue.core.accounts[0].volume = Usd::whole(1_000_000);
    assert_eq!(refused(set(&mut w, 5_000)), Refusal::ScheduleTooEarly);
    let oid = w.rests(1, bid(Tif::Alo, "98", "1"));
    assert_eq!(set(&mut w, 6_000), Answer::Default);
    assert_eq!(w.ask(1, Command::ScheduleCancel(None)), Answer::Default);
    w.pass(Nanos::secs(7));
    assert_eq!(w.status(1, oid), OrderStatus::Open, "it was cleared");
    for _ in 0..10 {
        assert_eq!(set(&mut w, 6_000), Answer::Default);
        w.pass(Nanos::secs(7));
    }
    assert_eq!(w.status(1, oid), OrderStatus::ScheduledCancel);
    assert_eq!(refused(set(&mut w, 6_000)), Refusal::ScheduleTriggers);
    w.venue.config.block_interval = Nanos::secs(60);
    w.pass(Nanos::secs(13 * 3_600));
    w.nonce = w.now.as_millis() as u64;
    let at = w.now.as_millis() as u64 + 300_000;
    let action = w.signed(user(1), Command::ScheduleCancel(Some(at)));
    let ticket = action.ticket;
    w.venue.submit(w.now, action);
    w.pass(Nanos::secs(120));
    assert_eq!(w.answer(ticket), Answer::Default, "a new day");
}

/// Numbers at the ends of their types are refused, not fatal.
#[test]
fn extreme_numbers_are_refused() {
    let mut w = World::new();
    let extremes = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    for px in extremes {
        for size in extremes {
            for tif in [Tif::Alo, Tif::Gtc, Tif::Ioc, Tif::FrontendMarket] {
                let (px, qty) = (Some(Px::from_raw(px)), Some(Qty::from_raw(size)));
                let new = NewOrder { px, qty, ..bid(tif, "99", "1") };
                let items = vec![(OrderRef::Oid(Oid(u64::MAX)), new.clone())];
                let answer = w.order(1, new);
                assert!(matches!(answer, ItemAnswer::Error(_)), "{answer:?}");
                w.ask(1, Command::Modify { items, always_place: true, batch: true });
            }
        }
        let answer = w.ask(1, Command::UpdateIsolatedMargin { asset: 3, micro_usd: px });
        assert_eq!(refused(answer), Refusal::Order(Refused::NotIsolated));
    }
    w.venue.core.accounts[0].volume = Usd::whole(1_000_000);
    for most in [Some(0), Some(u64::MAX), None] {
        w.ask(1, Command::ScheduleCancel(most));
        let weight = most.unwrap_or(u64::MAX - 1);
        w.ask(1, Command::ReserveRequestWeight { weight, destination: None });
        let (agent, valid_until_ms) = (user(200), most);
        w.ask(1, Command::ApproveAgent { agent, name: None, valid_until_ms });
        let leverage = most.unwrap_or(1) as u32;
        w.ask(1, Command::UpdateLeverage { asset: u32::MAX, is_cross: true, leverage });
    }
    let ends = [Nanos(i64::MIN), Nanos::ZERO, Nanos::MAX];
    w.order(1, bid(Tif::Ioc, "101", "1"));
    for from in ends {
        for to in ends {
            for interval in [Nanos::ZERO, Nanos::secs(60), Nanos::secs(30 * 86_400), Nanos::MAX] {
                assert!(w.venue.candles(btc(), interval, from, to).len() <= 5_000);
            }
        }
    }
}
