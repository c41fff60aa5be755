//! What one address may do: each limit with its refusal, and none of them when they are off.

use super::world::{PEER, USER, World, frames, of_channel};
use crate::exchange::front::{HubConfig, Limits};
use crate::exchange::{ConnId, Host, Outgoing};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::WireAction;
use std::net::{IpAddr, Ipv4Addr};

const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

fn venue() -> World {
    World::new(HubConfig { limits: Limits::VENUE, ..HubConfig::default() })
}

#[test]
fn weight_is_spent_and_comes_back() {
    let mut world = venue();
    let meta = br#"{"type":"meta"}"#;
    for i in 0..60 {
        assert_eq!(world.http("/info", meta).status, 200, "{i}");
    }
    let reply = world.http("/info", meta);
    assert_eq!((reply.status, reply.body.as_slice()), (429, &b"null"[..]));
    assert_eq!(world.http("/info", br#"{"type":"allMids"}"#).status, 429, "nothing is left");
    let body = world.signed(&WireAction::Noop);
    assert_eq!(world.http("/exchange", &body).status, 429);
    world.run(Nanos::secs(60));
    assert_eq!(world.http("/info", meta).status, 200);

    let mut free = World::new(HubConfig::default());
    for _ in 0..100 {
        assert_eq!(free.http("/info", meta).status, 200);
    }
}

#[test]
fn connections_of_an_address_are_counted() {
    let mut world = venue();
    let now = world.now;
    for i in 0..10 {
        assert!(world.hub.open(now, PEER, ConnId(i)).is_ok(), "{i}");
    }
    assert_eq!(world.hub.open(now, PEER, ConnId(10)).unwrap_err().status, 429);
    assert!(world.hub.open(now, OTHER, ConnId(11)).is_ok(), "another address");
    for i in 0..10 {
        world.hub.close(now, ConnId(i));
    }
    for i in 20..40 {
        assert!(world.hub.open(now, PEER, ConnId(i)).is_ok(), "{i}");
        world.hub.close(now, ConnId(i));
    }
    assert!(world.hub.open(now, PEER, ConnId(50)).is_err(), "30 were opened in this minute");
    assert!(world.hub.open(now + Nanos::secs(61), PEER, ConnId(51)).is_ok());
}

#[test]
fn users_subscriptions_and_messages_are_counted() {
    let limits = Limits { subscriptions: Some(15), messages: Some(40), ..Limits::VENUE };
    let mut world = World::new(HubConfig { limits, ..HubConfig::default() });
    let (a, b) = (world.open(1), world.open(2));
    let of_user = |i: u32| {
        format!(
            r#"{{"method":"subscribe","subscription":{{"type":"orderUpdates","user":"0x{i:040x}"}}}}"#
        )
    };
    for i in 0..10 {
        let conn = if i % 2 == 0 { a } else { b };
        assert!(world.send(conn, &of_user(i))[0].contains("subscriptionResponse"), "{i}");
    }
    let refused = r#"{"channel":"error","data":"Cannot track more than 10 total users."}"#;
    assert_eq!(world.send(a, &of_user(10)), [refused], "over all connections");
    assert!(world.send(a, &of_user(1))[0].contains("subscriptionResponse"), "known already");
    for coin in ["BTC", "ETH", "kPEPE"] {
        let text = format!(
            r#"{{"method":"subscribe","subscription":{{"type":"trades","coin":"{coin}"}}}}"#
        );
        assert!(world.send(a, &text)[0].contains("subscriptionResponse"));
    }
    let last = r#"{"method":"subscribe","subscription":{"type":"allMids"}}"#;
    assert!(world.send(a, last)[0].contains("subscriptionResponse"));
    let refused =
        world.send(a, r#"{"method":"subscribe","subscription":{"type":"bbo","coin":"BTC"}}"#);
    assert_eq!(
        refused,
        [r#"{"channel":"error","data":"Cannot subscribe to more than 15 channels."}"#]
    );
    let pongs = (0..40).filter(|_| world.send(b, r#"{"method":"ping"}"#)[0].contains("pong"));
    assert_eq!(pongs.count(), 40 - 17);
}

#[test]
fn posts_in_flight_are_counted() {
    let mut world = World::funded(HubConfig::default());
    let conn = world.open(1);
    let mut refused = Vec::new();
    for id in 0..103 {
        let body = String::from_utf8(world.signed(&WireAction::Noop)).unwrap();
        let text = format!(
            r#"{{"method":"post","id":{id},"request":{{"type":"action","payload":{body}}}}}"#
        );
        world.hub.frame(world.now, conn, text.as_bytes());
    }
    let out = world.run(Nanos::secs(2));
    let sent = frames(&out, conn);
    for data in of_channel(&sent, "error") {
        refused.push(data.as_str().unwrap().to_owned());
    }
    let text = |id: u32| format!("too many pending post requests id={id}");
    assert_eq!(refused, [text(100), text(101), text(102)]);
    assert_eq!(of_channel(&sent, "post").len(), 100);
    // Their places are free again.
    let info = r#"{"method":"post","id":7,"request":{"type":"info","payload":{"type":"meta"}}}"#;
    assert!(world.send(conn, info)[0].starts_with(r#"{"channel":"post","data":{"id":7,"#));
}

#[test]
fn posts_may_weigh() {
    let limits = Limits { weight: Some(25), posts_weigh: true, ..Limits::LOOPBACK };
    let mut world = World::new(HubConfig { limits, ..HubConfig::default() });
    let conn = world.open(1);
    let post = r#"{"method":"post","id":7,"request":{"type":"info","payload":{"type":"meta"}}}"#;
    assert!(world.send(conn, post)[0].contains(r#""type":"info""#));
    let expected = r#"{"channel":"post","data":{"id":7,"response":{"type":"error","payload":"429 Too Many Requests"}}}"#;
    assert_eq!(world.send(conn, post), [expected]);
}

#[test]
fn silent_connections_are_closed() {
    let mut world = World::new(HubConfig::default());
    let (silent, pinging, served) = (world.open(1), world.open(2), world.open(3));
    let user = format!(
        r#"{{"method":"subscribe","subscription":{{"type":"orderUpdates","user":"{USER}"}}}}"#
    );
    world.send(silent, &user);
    world.send(served, r#"{"method":"subscribe","subscription":{"type":"l2Book","coin":"BTC"}}"#);
    let mut closed = Vec::new();
    for _ in 0..5 {
        closed.extend(world.run(Nanos::secs(20)).into_iter().filter_map(|sent| match sent {
            Outgoing::Close(conn) => Some(conn),
            _ => None,
        }));
        world.send(pinging, r#"{"method":"ping"}"#);
    }
    assert_eq!(closed, [silent]);
    assert_eq!(world.send(silent, r#"{"method":"ping"}"#), [""; 0], "it is gone");
    assert_eq!(world.send(served, r#"{"method":"ping"}"#), [r#"{"channel":"pong"}"#]);
}
