//! The third rung: what systemd is told of a run. That it is ready once quoting may begin, that its lanes go
//! (and nothing else feeds the watchdog), where it stands, and that it ends.

use super::alert::{Alert, Topic};
use super::progress::Progress;
use super::task::{Task, Turn};
use crate::rungs::Rung;
use crate::systemd::Systemd;
use botmm_pipeline::rt::BoardReader;
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use std::sync::Arc;
use std::time::Duration;

/// A sign of life goes out so often, or four times within what the watchdog allows: it is ended that much
/// after its allowance at the latest.
const BEAT_EVERY: Nanos = Nanos::secs(1);
/// How often what it says of itself is looked at.
const STATUS_EVERY: Nanos = Nanos::secs(5);

/// See the module.
pub struct Service {
    systemd: Option<Systemd>,
    progress: Progress,
    link: BoardReader<VIEW_WORDS>,
    metrics: Arc<Metrics>,
    is_ready: bool,
    next_beat: Nanos,
    /// Up to when the lanes had gone at the last beat.
    proved: Nanos,
    next_status: Nanos,
    status: String,
    is_told: bool,
}

impl Service {
    /// A run that begins.
    pub fn new(
        systemd: Option<Systemd>,
        progress: Progress,
        link: BoardReader<VIEW_WORDS>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            systemd,
            progress,
            link,
            metrics,
            is_ready: false,
            next_beat: Nanos::ZERO,
            proved: Nanos::ZERO,
            next_status: Nanos::ZERO,
            status: String::new(),
            is_told: true,
        }
    }

    /// Whether it would act, were we gone from now on.
    pub fn rung(&self) -> Rung {
        match &self.systemd {
            None => Rung::not_armed("not started by it"),
            Some(systemd) if systemd.watchdog().is_none() => {
                Rung::not_armed("no WatchdogSec in the unit")
            }
            Some(_) if !self.is_told => Rung::not_armed("it does not listen"),
            Some(_) if !self.is_ready => Rung::not_armed("waits for the order link"),
            Some(_) => Rung::ARMED,
        }
    }

    /// The run ends: from here on systemd waits for that, and for no sign of life.
    pub fn stops(&mut self) {
        self.tell("STOPPING=1\nSTATUS=cancelling all orders");
    }

    /// Positions are closed, which may take so long: it is not to end us before.
    pub fn flattens(&mut self, for_up_to: Duration) {
        let us = for_up_to.as_micros();
        self.tell(&format!("EXTEND_TIMEOUT_USEC={us}\nSTATUS=closing all positions"));
    }

    fn tell(&mut self, lines: &str) {
        if let Some(systemd) = &self.systemd {
            self.is_told = systemd.tell(lines).is_ok();
        }
    }

    /// A sign of life, should all lanes have gone since the last one. The order link has no say: while the
    /// venue is out of reach, another start would find no more of it.
    fn beat(&mut self, now: Nanos) {
        let watchdog = self.systemd.as_ref().and_then(Systemd::watchdog);
        let Some(within) = watchdog.filter(|_| now >= self.next_beat) else { return };
        let quarter = Nanos(i64::try_from(within.as_nanos() / 4).unwrap_or(i64::MAX));
        self.next_beat = now + quarter.min(BEAT_EVERY);
        let proved = self.progress.proof().lanes;
        if proved > self.proved {
            self.proved = proved;
            self.tell("WATCHDOG=1");
        }
    }

    fn tell_status(&mut self, now: Nanos, is_up: bool) {
        if now < self.next_status {
            return;
        }
        self.next_status = now + STATUS_EVERY;
        let link = if is_up { "up" } else { "DOWN" };
        let open = self.metrics.dispatch.open_orders.get();
        let halted = if self.metrics.risk.halted.get() != 0 { ", HALTED by a limit" } else { "" };
        let status = format!("STATUS=order link {link}, {open} open orders{halted}");
        if status != self.status {
            self.tell(&status);
            self.status = status;
        }
    }
}

impl Task for Service {
    fn name(&self) -> &'static str {
        "service"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        if self.systemd.is_none() {
            return;
        }
        let (now, was_told) = (turn.now, self.is_told);
        let is_up = GatewayView::read(&self.link).is_up;
        if is_up && !self.is_ready {
            self.is_ready = true;
            self.tell("READY=1");
        }
        self.beat(now);
        self.tell_status(now, is_up);
        if was_told && !self.is_told {
            turn.say(Alert::warn(
                Topic::Rung,
                "systemd does not take what it is told: it may end this run as one that hangs",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::progress::tests::Bench;
    use super::super::task::tests::Stand;
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use tempfile::TempDir;

    const START: Nanos = Nanos::secs(1_795_359_600);

    /// systemd's end of it.
    struct Manager {
        socket: UnixDatagram,
        bench: Bench,
        stand: Stand,
        service: Service,
        dir: TempDir,
    }

    impl Manager {
        fn new(watchdog_s: u64) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("notify");
            let socket = UnixDatagram::bind(&path).unwrap();
            socket.set_nonblocking(true).unwrap();
            let env = |name: &str| match name {
                "NOTIFY_SOCKET" => Some(path.display().to_string()),
                "WATCHDOG_USEC" => Some((watchdog_s * 1_000_000).to_string()),
                _ => None,
            };
            let systemd = Systemd::of(&env, 1).unwrap();
            let bench = Bench::new();
            let (progress, link) = (bench.progress.clone(), bench.link.clone());
            let service = Service::new(systemd, progress, link, Arc::default());
            let mut stand = Stand::with_room(1);
            stand.now = START;
            Self { socket, bench, stand, service, dir }
        }

        /// What it was told since the last look.
        fn told(&self) -> Vec<String> {
            let mut told = Vec::new();
            let mut buffer = [0; 256];
            while let Ok(length) = self.socket.recv(&mut buffer) {
                told.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
            }
            told
        }

        /// So long, in turns of 20 ms; when the newest sign of life came.
        fn run(&mut self, span: Nanos, lanes_go: bool) -> Option<Nanos> {
            let (end, mut newest) = (self.stand.now + span, None);
            while self.stand.now < end {
                self.stand.now = self.stand.now + Nanos::millis(20);
                if lanes_go {
                    self.bench.lanes_go(self.stand.now);
                }
                self.stand.turn(&mut self.service);
                if self.told().iter().any(|told| told == "WATCHDOG=1") {
                    newest = Some(self.stand.now);
                }
            }
            newest
        }
    }

    #[test]
    fn it_is_ready_when_quoting_may_begin_and_says_where_it_stands() {
        let mut manager = Manager::new(20);
        manager.bench.lanes_go(START);
        manager.stand.turn(&mut manager.service);
        let told = manager.told();
        assert_eq!(told, ["WATCHDOG=1", "STATUS=order link DOWN, 0 open orders"]);
        assert_eq!(manager.service.rung(), Rung::not_armed("waits for the order link"));
        manager.bench.link_goes(START);
        manager.service.metrics.dispatch.open_orders.set(6);
        manager.stand.now = START + STATUS_EVERY;
        manager.stand.turn(&mut manager.service);
        assert_eq!(manager.told(), ["READY=1", "STATUS=order link up, 6 open orders"]);
        assert_eq!(manager.service.rung(), Rung::ARMED);
        manager.service.stops();
        assert_eq!(manager.told(), ["STOPPING=1\nSTATUS=cancelling all orders"]);
    }

    #[test]
    fn a_lane_that_stands_gets_no_more_beats_and_a_link_that_does_gets_all() {
        for watchdog_s in [1, 2, 20] {
            let mut manager = Manager::new(watchdog_s);
            manager.bench.go(START);
            manager.run(Nanos::secs(10), true);
            let beat = manager.run(Nanos::secs(60), true).unwrap();
            let within = Nanos(BEAT_EVERY.0.min(Nanos::secs(watchdog_s as i64).0 / 4));
            assert!(manager.stand.now - beat <= within, "the link stands, the venue may be down");
            let stood = manager.stand.now;
            let last = manager.run(Nanos::secs(60), false).unwrap_or(beat);
            assert!(last - stood <= within, "a beat {} after the lanes stood", last - stood);
            let again = manager.run(Nanos::secs(5), true).unwrap();
            assert!(manager.stand.now - again <= within, "they go again");
        }
    }

    #[test]
    fn one_that_does_not_listen_is_told_of_once_and_is_no_rung() {
        let mut manager = Manager::new(20);
        manager.bench.go(START);
        manager.stand.turn(&mut manager.service);
        std::fs::remove_file(manager.dir.path().join("notify")).unwrap();
        let mut said = Vec::new();
        for _ in 0..200 {
            manager.stand.now = manager.stand.now + Nanos::millis(100);
            manager.bench.go(manager.stand.now);
            said.extend(manager.stand.turn(&mut manager.service).said);
        }
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(manager.service.rung(), Rung::not_armed("it does not listen"));
    }
}
