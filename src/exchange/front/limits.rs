//! What one address may do (PROTOCOL §5.5 and §6). Each limit is a switch.

use botmm_pipeline::types::Nanos;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// How far back a rolling limit looks.
const MINUTE: Nanos = Nanos::secs(60);
/// Addresses remembered before those without recent requests are forgotten.
const MAX_PEERS: usize = 1024;

/// Limits of an address; [`None`] = none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    /// Weight of HTTP requests a minute.
    pub weight: Option<u32>,
    /// Whether websocket posts take weight too (PROTOCOL §6: unknown).
    pub posts_weigh: bool,
    /// Websocket connections at a time.
    pub connections: Option<usize>,
    /// New websocket connections a minute.
    pub new_connections: Option<u32>,
    /// Subscriptions of all its connections.
    pub subscriptions: Option<usize>,
    /// Users that its subscriptions are about.
    pub users: Option<usize>,
    /// Messages a minute to all its connections.
    pub messages: Option<u32>,
    /// Posts that wait for their answers.
    pub posts: Option<usize>,
    /// Time without any data after which a connection is closed.
    pub silence: Option<Nanos>,
}

impl Limits {
    /// The venue's own.
    pub const VENUE: Self = Self {
        weight: Some(1200),
        posts_weigh: false,
        connections: Some(10),
        new_connections: Some(30),
        subscriptions: Some(1000),
        users: Some(10),
        messages: Some(2000),
        posts: Some(100),
        silence: Some(Nanos::secs(60)),
    };
    /// For tests and tools on loopback: no more than what keeps memory bounded and clients honest
    /// about their heartbeat.
    pub const LOOPBACK: Self = Self {
        weight: None,
        posts_weigh: false,
        connections: None,
        new_connections: None,
        subscriptions: Some(10_000),
        users: None,
        messages: None,
        posts: Some(100),
        silence: Some(Nanos::secs(60)),
    };
}

/// What was spent in the last minute.
#[derive(Debug, Default)]
pub struct Window {
    spent: VecDeque<(Nanos, u32)>,
    total: u32,
}

impl Window {
    /// Spends, if the limit allows it.
    pub fn spend(&mut self, now: Nanos, cost: u32, limit: Option<u32>) -> bool {
        let Some(limit) = limit else { return true };
        self.forget(now);
        if self.total.saturating_add(cost) > limit {
            return false;
        }
        self.add(now, cost);
        true
    }

    /// Spends what is only known afterwards.
    pub fn add(&mut self, now: Nanos, cost: u32) {
        if cost > 0 {
            self.spent.push_back((now, cost));
            self.total = self.total.saturating_add(cost);
        }
    }

    fn forget(&mut self, now: Nanos) {
        while let Some(&(at, cost)) = self.spent.front()
            && now - at >= MINUTE
        {
            self.spent.pop_front();
            self.total = self.total.saturating_sub(cost);
        }
    }
}

/// What one address did lately.
#[derive(Debug, Default)]
pub struct Peer {
    /// Weight of requests.
    pub weight: Window,
    /// Connections opened.
    pub opened: Window,
    /// Messages sent.
    pub messages: Window,
}

/// All addresses.
#[derive(Debug, Default)]
pub struct Peers(HashMap<IpAddr, Peer>);

impl Peers {
    /// One of them.
    pub fn of(&mut self, now: Nanos, address: IpAddr) -> &mut Peer {
        if self.0.len() >= MAX_PEERS && !self.0.contains_key(&address) {
            self.0.retain(|_, peer| {
                let windows = [&mut peer.weight, &mut peer.opened, &mut peer.messages];
                windows.into_iter().any(|window| {
                    window.forget(now);
                    window.total > 0
                })
            });
        }
        self.0.entry(address).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_rolls() {
        let mut window = Window::default();
        let at = Nanos::secs;
        assert!(window.spend(at(0), 700, Some(1200)));
        assert!(window.spend(at(30), 500, Some(1200)));
        assert!(!window.spend(at(59), 1, Some(1200)), "1200 spent in the last minute");
        assert!(window.spend(at(60), 700, Some(1200)), "the first 700 are forgotten");
        assert!(!window.spend(at(60), 1, Some(1200)));
        window.add(at(60), 100);
        assert!(!window.spend(at(90), 500, Some(1200)), "the surcharge counts");
        assert!(window.spend(at(90), 400, Some(1200)));
        assert!(window.spend(at(90), u32::MAX, None), "no limit");
    }

    #[test]
    fn idle_addresses_are_forgotten() {
        let mut peers = Peers::default();
        for i in 0..3 * MAX_PEERS as u32 {
            let now = Nanos::secs(i64::from(i));
            let peer = peers.of(now, IpAddr::from(i.to_be_bytes()));
            assert!(peer.opened.spend(now, 1, Some(30)));
        }
        assert!(peers.0.len() <= MAX_PEERS, "{}", peers.0.len());
    }
}
