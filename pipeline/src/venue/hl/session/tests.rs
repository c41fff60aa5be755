use super::*;
use crate::venue::Received;

/// Counts what a session asks for.
#[derive(Default)]
struct Line {
    connects: u32,
    sent: Vec<String>,
}

impl Transport for Line {
    fn connect(&mut self, _: Nanos) {
        self.connects += 1;
    }
    fn recv(&mut self, _: Nanos) -> Option<Received<'_>> {
        None
    }
    fn send(&mut self, _: Nanos, frame: &[u8]) -> bool {
        self.sent.push(String::from_utf8(frame.to_vec()).unwrap());
        true
    }
    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
}

fn session() -> (Session, Line) {
    let mut session = Session::new(7, DEAD_LINK);
    session.want_market(StreamKind::Bbo, AssetId::new(0), "BTC");
    (session, Line::default())
}

#[test]
fn connects_subscribes_and_is_ready_when_acknowledged() {
    let (mut s, mut line) = session();
    s.maintain(Nanos::secs(1), None, &mut line);
    s.maintain(Nanos::secs(2), None, &mut line);
    assert_eq!(line.connects, 1);
    s.on_opened(Nanos::secs(2), &mut line);
    assert_eq!(line.sent, [r#"{"method":"subscribe","subscription":{"type":"bbo","coin":"BTC"}}"#]);
    assert!(s.is_open() && !s.is_ready());
    let other = Stream { kind: StreamKind::Bbo, asset: Some(AssetId::new(1)), user: None };
    s.on_subscribed(&other);
    assert!(!s.is_ready());
    s.on_subscribed(&Stream { asset: Some(AssetId::new(0)), ..other });
    assert!(s.is_ready());
}

/// Open and subscribed, at zero.
fn open() -> (Session, Line) {
    let (mut s, mut line) = session();
    s.maintain(Nanos::ZERO, None, &mut line);
    s.on_opened(Nanos::ZERO, &mut line);
    let kind = StreamKind::Bbo;
    s.on_subscribed(&Stream { kind, asset: Some(AssetId::new(0)), user: None });
    assert!(s.is_ready());
    (s, line)
}

/// When the link is given up, if nothing answers any more from zero on.
fn dies(s: &mut Session, line: &mut Line, asked: Option<Nanos>) -> Nanos {
    loop {
        let now = s.next_deadline(asked);
        assert!(now < Nanos::secs(60), "it never dies");
        if s.maintain(now, asked, line) {
            return now;
        }
    }
}

#[test]
fn pings_in_time_and_calls_a_link_that_does_not_answer_dead() {
    let (mut s, mut line) = open();
    for _ in 0..20 {
        let now = s.next_deadline(None);
        assert!(!s.maintain(now, None, &mut line));
        assert_eq!(line.sent.last().unwrap(), r#"{"method":"ping"}"#);
        assert!(s.next_deadline(None) > now, "no busy loop");
        s.on_pong();
    }
    let last = s.last_ping;
    assert_eq!(last, Nanos::secs(30), "one every 1.5 s");
    assert_eq!(dies(&mut s, &mut line, None), last + DEAD_LINK);
    assert!(!s.is_open());
}

#[test]
fn an_unanswered_post_counts_although_pings_are_answered() {
    let (mut s, mut line) = open();
    let sent = Nanos::millis(200);
    let dies = |s: &mut Session, line: &mut Line| loop {
        let now = s.next_deadline(Some(sent));
        if s.maintain(now, Some(sent), line) {
            return now;
        }
        s.on_pong();
    };
    assert_eq!(dies(&mut s, &mut line), sent + Nanos::millis(4_500));
}

#[test]
fn how_soon_a_dead_link_is_noticed_can_be_chosen() {
    for ms in [2_000, 3_000, 6_000] {
        let dead_after = Nanos::millis(ms);
        let (mut s, mut line) = (Session::new(7, dead_after), Line::default());
        s.want_market(StreamKind::Bbo, AssetId::new(0), "BTC");
        s.on_opened(Nanos::ZERO, &mut line);
        assert_eq!(dies(&mut s, &mut line, None), dead_after);
    }
}

#[test]
fn pauses_grow_to_a_limit_and_never_break_the_venues_limit() {
    let (mut s, mut line) = session();
    let mut attempts = Vec::new();
    let mut now = Nanos::ZERO;
    while now < Nanos::secs(600) {
        let before = line.connects;
        s.maintain(now, None, &mut line);
        if line.connects > before {
            attempts.push(now);
            s.on_closed(now + Nanos::millis(1));
        }
        now = s.next_deadline(None);
    }
    let in_minute = |start: Nanos| {
        attempts.iter().filter(|t| **t >= start && **t < start + Nanos::secs(60)).count()
    };
    assert!((5..=10).contains(&in_minute(Nanos::ZERO)), "{attempts:?}");
    assert!((1..=3).contains(&in_minute(Nanos::secs(300))), "{attempts:?}");
    // A link that opens and falls at once does not start over either.
    s.on_opened(now, &mut line);
    s.on_closed(now + Nanos::secs(1));
    assert!(s.next_deadline(None) - now > Nanos::secs(20));
    s.on_opened(now, &mut line);
    s.on_closed(now + GOOD_AFTER);
    assert!(s.next_deadline(None) - (now + GOOD_AFTER) < Nanos::secs(1));
}

/// Answers pings; when the session is given up.
fn given_up(s: &mut Session, line: &mut Line) -> Option<Nanos> {
    loop {
        let now = s.next_deadline(None);
        if now > Nanos::secs(60) {
            return None;
        }
        if s.maintain(now, None, line) {
            return Some(now);
        }
        s.on_pong();
    }
}

#[test]
fn one_coin_that_is_refused_does_not_end_the_session_but_all_do() {
    let stream = |i| Stream { kind: StreamKind::Bbo, asset: Some(AssetId::new(i)), user: None };
    let (mut s, mut line) = session();
    s.want_market(StreamKind::Bbo, AssetId::new(1), "NOPE");
    s.on_opened(Nanos::ZERO, &mut line);
    s.on_subscribed(&stream(0));
    s.on_refused(&stream(1));
    assert_eq!(given_up(&mut s, &mut line), None);
    assert_eq!([0, 1].map(|i| s.is_refused(AssetId::new(i))), [false, true]);
    line.sent.clear();
    s.resubscribe(Nanos::secs(60), AssetId::new(1), &mut line);
    assert_eq!(line.sent.len(), 1, "nothing to end: {:?}", line.sent);
    s.on_subscribed(&stream(1));
    assert!(s.is_ready());
    s.resubscribe(Nanos::secs(61), AssetId::new(1), &mut line);
    assert_eq!(
        line.sent[1..],
        ["unsubscribe", "subscribe"].map(|method| format!(
            r#"{{"method":"{method}","subscription":{{"type":"bbo","coin":"NOPE"}}}}"#
        ))
    );

    let (mut s, mut line) = session();
    s.want_market(StreamKind::Bbo, AssetId::new(1), "NOPE");
    s.on_opened(Nanos::ZERO, &mut line);
    assert_eq!(given_up(&mut s, &mut line), Some(ACK_TIMEOUT), "none was acknowledged");
}

#[test]
fn a_session_without_one_of_the_accounts_streams_is_given_up() {
    let (mut s, mut line) = (Session::new(7, DEAD_LINK), Line::default());
    let user = Address::parse("0x0707070707070707070707070707070707070707").unwrap();
    s.want_user(StreamKind::UserFills, user);
    s.want_user(StreamKind::OrderUpdates, user);
    s.on_opened(Nanos::ZERO, &mut line);
    s.on_subscribed(&Stream { kind: StreamKind::UserFills, asset: None, user: Some(user) });
    assert_eq!(given_up(&mut s, &mut line), Some(ACK_TIMEOUT));
}
