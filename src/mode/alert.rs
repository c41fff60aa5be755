//! `botmm alert`: tells whoever is away, by the webhooks that a bot would use. For scripts beside the bot,
//! and to see whether a webhook works.

use crate::bot::session;
use crate::cli::AlertArgs;
use crate::exit::{AppError, Exit};
use crate::net::Tls;
use crate::settings::Draft;
use crate::side::alert::{Alert, Topic};
use crate::side::errands::Errands;
use crate::side::notify::Notify;
use crate::terminal;
use botmm_pipeline::rt::WallClock;
use std::time::{Duration, Instant};

/// As long as a post and one more try may take.
const PATIENCE: Duration = Duration::from_secs(20);
const TURN: Duration = Duration::from_millis(20);

/// Tells it, and waits until it was taken.
pub fn run(args: &AlertArgs) -> Result<(), AppError> {
    let file = session::config_file(args.config.as_deref());
    let settings = Draft::load(file.as_deref(), &|name| std::env::var(name).ok())?.build()?;
    let clock = WallClock::default();
    let mut notify = Notify::open(&settings, &Tls::default(), ("", "botmm alert"), clock.now())?;
    if notify.reaches_nobody() {
        let problem = "no webhook is set up: DISCORD_WEBHOOK_URL, BOTMM_WEBHOOK_URL, or a file of the \
                       configuration (docs/alerts.md)";
        return Err(AppError::of(Exit::Config, problem));
    }
    let errands = Errands::start("alerts")?;
    let alert = Alert { level: args.level, topic: Topic::Machine, text: args.text.clone() };
    notify.tell(clock.now(), &alert);
    let begun = Instant::now();
    while !notify.is_done(clock.now(), &errands) {
        if begun.elapsed() >= PATIENCE {
            let problem = format!("not taken within {} s", PATIENCE.as_secs());
            let cure = "look at its address, and whether this machine reaches it";
            return Err(AppError::data("webhook", problem, cure));
        }
        std::thread::sleep(TURN);
    }
    terminal::print("told\n")
}
