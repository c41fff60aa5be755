//! How the process is told to end, or to stop for a while: signals, taken by a thread of their own, so
//! that there is always somebody to answer.
//!
//! | signal | what it asks for |
//! |---|---|
//! | INT (Ctrl-C), TERM, HUP (a closed terminal, under `nohup` too), QUIT, XCPU | the end, in good order |
//! | USR1 | a kill: no order rests or is sent until a person re-arms; for verbs without orders, the end |
//! | INT once more | nothing but word of what the end waits for; a third time gives up, in words |
//! | TSTP (Ctrl-Z), TTIN, TTOU | cancel, then stop until CONT; only for verbs that have orders |
//! | CONT | nothing; whoever must know that the process stood still is told |
//! | USR2, ALRM, VTALRM, PROF, IO, XFSZ | nothing: a file that may not grow fails its write instead |

use crate::exit::{AppError, Exit};
use crate::terminal;
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU,
    SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, signal_name};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long a person has to repeat that it is to end whatever is left.
const GIVE_UP_WITHIN: Duration = Duration::from_secs(3);
/// A key that is held down is one press.
const ONE_PRESS: Duration = Duration::from_millis(100);
/// As a shell tells of a process that Ctrl-C ended.
const INTERRUPTED: u8 = 128 + SIGINT as u8;

/// Ask for the end.
const ENDING: [i32; 5] = [SIGTERM, SIGHUP, SIGQUIT, KILLING, SIGXCPU];
/// Kills trading, where there is any.
const KILLING: i32 = SIGUSR1;
/// Would stop the process where it stands. The last two come to a job in the background that uses its
/// terminal all the same, which ours does not (see `terminal`): a handler would be called for ever.
const STOPPING: [i32; 3] = [SIGTSTP, SIGTTIN, SIGTTOU];
/// Would end the process by default, and mean nothing to us.
const IGNORED: [i32; 6] = [SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGXFSZ];

/// What may rest at the venue right now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resting {
    /// Orders that are open by our own count, those of unknown fate included.
    pub orders: u64,
    /// In which coins, for a person: `BTC, ETH`.
    pub coins: String,
    /// A risk limit has halted trading.
    pub is_halted: bool,
}

/// Tells what may rest. Called by the thread of the signals: it must not wait for anything.
pub type Look = Box<dyn Fn() -> Resting + Send + Sync>;

/// Told that the process goes on after it was stopped, by the same thread.
pub type GoesOn = Box<dyn Fn() + Send + Sync>;

/// See the module.
#[derive(Default)]
pub struct Stop {
    asked: AtomicBool,
    /// The signal that asked first, unless that was a person's Ctrl-C.
    signal: OnceLock<i32>,
    suspend: AtomicBool,
    /// The verb has orders that a kill cancels.
    has_orders: bool,
    kill: AtomicBool,
    resting: OnceLock<Look>,
    goes_on: OnceLock<GoesOn>,
}

impl Stop {
    /// Listens to signals from now on. Ctrl-Z stops a verb that has no orders at once, as ever.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub fn listen(has_orders: bool) -> Result<Arc<Self>, AppError> {
        let failed = |doing| AppError::io("signal handler", doing);
        let stopping = STOPPING.into_iter().filter(|_| has_orders);
        let all =
            [SIGINT].into_iter().chain(ENDING).chain(IGNORED).chain([SIGCONT]).chain(stopping);
        let mut signals = Signals::new(all).map_err(failed("install"))?;
        let stop = Arc::new(Self { has_orders, ..Self::default() });
        let told = stop.clone();
        let take = move || {
            let mut presses = Presses::default();
            for signal in signals.forever() {
                told.take(signal, &mut presses);
            }
        };
        let thread = std::thread::Builder::new().name("signals".to_owned());
        thread.spawn(take).map_err(failed("start"))?;
        Ok(stop)
    }

    /// Whether the end was asked for.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The same as a flag, for loops that know of nothing else.
    pub fn flag(&self) -> &AtomicBool {
        &self.asked
    }

    /// Asks for the end.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// The name of the signal that asked, when nobody typed it: who looks later wants to know why it
    /// ended.
    pub fn signal(&self) -> Option<&'static str> {
        self.signal.get().and_then(|signal| signal_name(*signal))
    }

    /// From now on there may be orders; what tells of them.
    pub fn watch_orders(&self, look: Look) {
        let _ = self.resting.set(look); // There is one run a process.
    }

    /// Who is told, from now on, when the process goes on after it was stopped.
    pub fn watch_standstills(&self, tell: GoesOn) {
        let _ = self.goes_on.set(tell);
    }

    /// Whether a person wants it to stop for a while.
    pub fn is_suspension_asked(&self) -> bool {
        self.suspend.load(Ordering::Relaxed)
    }

    /// Whether a signal has asked for a kill since the last time that this was called.
    pub fn take_kill(&self) -> bool {
        self.kill.swap(false, Ordering::Relaxed)
    }

    /// Nobody waits for it to stop any more.
    pub fn refuse_suspension(&self) {
        self.suspend.store(false, Ordering::Relaxed);
    }

    /// Stops the process, all threads, until somebody lets it go on (`fg`, SIGCONT).
    ///
    /// # Errors
    /// The system refuses.
    pub fn suspend(&self) -> std::io::Result<()> {
        let stopped = emulate_default_handler(SIGTSTP);
        self.refuse_suspension(); // However often it was asked for meanwhile.
        stopped
    }

    fn take(&self, signal: i32, presses: &mut Presses) {
        if signal == SIGINT {
            match presses.press(Instant::now(), self.is_asked()) {
                Press::First => self.ask(),
                Press::Same => {}
                Press::Warns => terminal::last_words(&[&self.waiting_for()]),
                Press::GivesUp => self.give_up(),
            }
        } else if signal == SIGCONT {
            self.goes_on.get().into_iter().for_each(|tell| tell());
        } else if STOPPING.contains(&signal) {
            self.suspend.store(true, Ordering::Relaxed);
        } else if signal == KILLING && self.has_orders {
            self.kill.store(true, Ordering::Relaxed);
        } else if ENDING.contains(&signal) && !self.is_asked() {
            let _ = self.signal.set(signal); // The first one counts.
            self.ask();
        }
    }

    fn resting(&self) -> Option<Resting> {
        self.resting.get().map(|look| look())
    }

    fn waiting_for(&self) -> String {
        let what = match self.resting() {
            Some(Resting { orders: 0, .. }) => "ending, no order is known to rest".to_owned(),
            Some(Resting { orders, .. }) => format!("cancelling {}", count(orders)),
            None => "ending".to_owned(),
        };
        format!("{what}; again in {} s to give up", GIVE_UP_WITHIN.as_secs())
    }

    fn give_up(&self) {
        let resting = self.resting();
        let said = match &resting {
            Some(Resting { orders: 0, .. }) => {
                "gave up: no order was known to rest; look at the venue's page".to_owned()
            }
            Some(Resting { orders, coins, .. }) => format!(
                "gave up: {} may still rest at the venue ({coins}); cancel them on the venue's page \
                 now",
                count(*orders)
            ),
            None => "gave up".to_owned(),
        };
        terminal::last_words(&[&said]);
        // After a halt nobody may start it again, however it ended.
        let is_halted = resting.is_some_and(|r| r.is_halted);
        let code = if is_halted { Exit::RiskHalt as u8 } else { INTERRUPTED };
        std::process::exit(code.into());
    }
}

/// `1 order`, `6 orders`.
pub fn count(orders: u64) -> String {
    format!("{orders} order{}", if orders == 1 { "" } else { "s" })
}

/// What a Ctrl-C comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Press {
    /// The end is asked for.
    First,
    /// The key is held down.
    Same,
    /// It is told what the end waits for.
    Warns,
    /// A person was told, and wants out.
    GivesUp,
}

/// Ctrl-C so far.
#[derive(Default)]
struct Presses {
    last: Option<Instant>,
    warned: Option<Instant>,
}

impl Presses {
    /// One more; `is_asked` = the end was asked for before, by whatever signal.
    fn press(&mut self, now: Instant, is_asked: bool) -> Press {
        let within = |since: Option<Instant>, span| since.is_some_and(|t| now - t < span);
        let is_same = within(self.last, ONE_PRESS);
        self.last = Some(now);
        match () {
            () if !is_asked => Press::First,
            () if is_same => Press::Same,
            () if within(self.warned, GIVE_UP_WITHIN) => Press::GivesUp,
            () => {
                self.warned = Some(now);
                Press::Warns
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_press_warns_and_only_a_third_within_three_seconds_gives_up() {
        let (mut presses, start) = (Presses::default(), Instant::now());
        let mut press = |ms, is_asked| presses.press(start + Duration::from_millis(ms), is_asked);
        assert_eq!(press(0, false), Press::First);
        assert_eq!(press(30, true), Press::Same, "the key is held down");
        assert_eq!(press(120, true), Press::Same);
        assert_eq!(press(400, true), Press::Warns);
        assert_eq!(press(430, true), Press::Same);
        assert_eq!(press(3_500, true), Press::Warns, "too late: told anew");
        assert_eq!(press(6_400, true), Press::GivesUp);
    }

    #[test]
    fn after_another_signal_the_first_press_warns() {
        assert_eq!(Presses::default().press(Instant::now(), true), Press::Warns);
    }

    #[test]
    fn a_kill_is_no_end_where_there_are_orders() {
        let mut presses = Presses::default();
        let stop = Stop { has_orders: true, ..Stop::default() };
        assert!(!stop.take_kill());
        stop.take(KILLING, &mut presses);
        assert_eq!((stop.take_kill(), stop.take_kill(), stop.is_asked()), (true, false, false));
        let stop = Stop::default();
        stop.take(KILLING, &mut presses);
        assert_eq!((stop.take_kill(), stop.is_asked()), (false, true));
    }

    #[test]
    fn it_is_said_what_the_end_waits_for() {
        let stop = Stop::default();
        assert_eq!(stop.waiting_for(), "ending; again in 3 s to give up");
        stop.watch_orders(Box::new(|| Resting { orders: 6, ..Resting::default() }));
        assert_eq!(stop.waiting_for(), "cancelling 6 orders; again in 3 s to give up");
    }
}
