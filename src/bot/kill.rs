//! A kill from outside the bot: by its latch, over its socket, and straight to the venue, whatever state the
//! bot is in.

use crate::exit::AppError;
use crate::net::{Endpoint, Rest, Stopped, Tls};
use crate::side::card::Card;
use crate::side::control::{self, Request};
use crate::side::killer::kill_files;
use crate::side::latch::Latch;
use crate::side::links::HURRY;
use crate::side::state::{nonce_beside, try_lock};
use crate::stop::count;
use crate::terminal;
use crate::venue_api::account::Principal;
use crate::venue_api::clear::{Effort, until_quiet};
use crate::venue_api::flatten::{FLATTEN_FOR, Flatten, flatten};
use crate::venue_api::sweep::{Spared, Sweep, Whose};
use crate::venue_api::venue::InfoClient;
use crate::venue_api::wait::Wait;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::venue::hl::sign::{Address, RequestSigner, Signer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const TURN: Duration = Duration::from_millis(50);
/// How long the bot may take to say that it is there.
const HELLO_WITHIN: Duration = Duration::from_secs(1);
/// How long the bot may take to answer: what is on its way must be void, and its own tries have ended.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
/// Longer than any order of ours may be on its way, for a key of which no run is known.
const LONGEST_QUIET: Duration = Duration::from_secs(61);

/// What is to be killed, and how.
pub struct Kill {
    /// Where the state of runs is.
    pub state_dir: PathBuf,
    /// The bot's key, by its address.
    pub key: Address,
    /// That key, or another agent's of the account: without one the bot alone can be asked.
    pub signer: Option<Arc<Signer>>,
    /// Where it trades; [`None`] = where its last run did.
    pub venue: Option<Endpoint>,
    /// Whom to trust there.
    pub tls: Tls,
    /// The account, when it was named.
    pub wallet: Option<Address>,
    /// Which orders.
    pub whose: Whose,
    /// Whether the running bot is to be told, which may hang.
    pub tell: bool,
    /// Until a person re-arms.
    pub latch: bool,
    /// Close positions too, at no price further from the mark than this.
    pub flatten_within_bps: Option<u32>,
    /// Who kills, for the latch: `by ...`.
    pub why: String,
    /// How long it is tried.
    pub patience: Duration,
}

impl Kill {
    /// Kills: latches, tells the running bot, and makes sure at the venue. What cannot be done is told, and
    /// hinders nothing of the rest.
    ///
    /// # Errors
    /// Orders rest, or may; or the latch could not be written.
    pub fn run(&self, stopped: &Stopped) -> Result<(), AppError> {
        let latched = match self.latch {
            true => {
                Latch::new(&self.state_dir, self.key).set(WallClock::default().now(), &self.why)
            }
            false => Ok(()),
        };
        match (&latched, self.latch) {
            (Ok(()), true) => {
                say(&format!("{}: latched: nothing is quoted until `botmm rearm`", self.key))
            }
            (Ok(()), false) => {}
            (Err(e), _) => terminal::complain(format_args!("not latched: {e}")),
        }
        let told = if self.tell { self.tell_the_bot() } else { Ok(false) };
        if let Err(e) = &told {
            terminal::complain(format_args!("the bot does not cancel by itself: {e}"));
        }
        match (&self.signer, told) {
            (Some(_), _) => self.at_the_venue(stopped)?,
            (None, Ok(true)) if self.latch || self.flatten_within_bps.is_none() => {}
            (None, Ok(true)) => {
                let problem = "ended, but not flat: with --no-latch that needs the key here";
                let remedy = "run this again with --key-file";
                return Err(AppError::data(self.key.to_string(), problem, remedy));
            }
            (None, Ok(false)) => return Err(self.no_key("no bot runs with it")),
            (None, Err(_)) => return Err(self.no_key("the bot does not cancel by itself")),
        }
        latched
    }

    fn no_key(&self, why: &str) -> AppError {
        let latched = if self.latch { "latched, but " } else { "" };
        AppError::data(
            self.key.to_string(),
            format!("{latched}orders may rest: {why}, and there is no key here to cancel with"),
            "run this again with the key (--key-file, HL_PRIVATE_KEY), or cancel on the venue's page",
        )
    }

    /// Asks the running bot; true = it has seen to it that nothing rests. A bot that is to end is waited for.
    fn tell_the_bot(&self) -> Result<bool, AppError> {
        // One that hangs is not waited for: its orders rest meanwhile.
        control::ask(&self.state_dir, self.key, &Request::Hello, HELLO_WITHIN)?;
        // Who has the key closes positions by itself.
        let flatten_within_bps = self.flatten_within_bps.filter(|_| self.signer.is_none());
        let request = Request::Kill { latch: self.latch, flatten_within_bps };
        let patience = match flatten_within_bps {
            Some(_) => ANSWERS_WITHIN + FLATTEN_FOR,
            None => ANSWERS_WITHIN,
        };
        let Some(answer) = control::ask(&self.state_dir, self.key, &request, patience)? else {
            return Ok(false);
        };
        if let Some(left) = answer["left"].as_str() {
            return Err(AppError::data(self.key.to_string(), left, "close it on the venue's page"));
        }
        if let Some(cancelled) = answer["cancelled"].as_u64() {
            say(&format!(
                "the running bot is halted: {} cancelled, none of its rests",
                count(cancelled)
            ));
            return Ok(true);
        }
        say("the running bot ends");
        let begun = Instant::now();
        while try_lock(&self.state_dir, self.key)?.is_none() {
            if begun.elapsed() >= ANSWERS_WITHIN {
                let problem = format!("it has not ended within {} s", ANSWERS_WITHIN.as_secs());
                return Err(AppError::data(self.key.to_string(), problem, "look at its screen"));
            }
            std::thread::sleep(TURN);
        }
        Ok(true)
    }

    /// Cancels over HTTPS, with or without a bot.
    fn at_the_venue(&self, stopped: &Stopped) -> Result<(), AppError> {
        let Some(signer) = self.signer.clone() else { return Ok(()) };
        let card = Card::read(&self.state_dir, self.key).unwrap_or_else(|e| {
            terminal::complain(&e);
            None
        });
        let (endpoint, tls) = self.place(card.as_ref())?;
        let rest = Rest::with_timeouts(&endpoint, &tls, HURRY)?;
        let wait = Wait::new(self.patience, stopped.clone());
        let venue = InfoClient { rest: &rest, wait, place: endpoint.rest_url() };
        let account = self.account(&venue, &signer, card.as_ref())?;
        let quiet = card.as_ref().map_or(LONGEST_QUIET, Card::quiet);
        let nonce = nonce_beside(&self.state_dir, signer.address(), WallClock::default().now())?;
        let signer = RequestSigner::new(signer, endpoint.network());
        let mut sweep = Sweep::new(rest, account, signer, nonce, WallClock::default(), self.whose);
        say(&format!(
            "{endpoint}, account {}: cancelling until none has been open for {:.1} s",
            account.address,
            quiet.as_secs_f64()
        ));
        let effort = Effort::new(quiet, self.patience.max(quiet));
        let mut complain = |said: String| terminal::complain(said);
        let cancelled = until_quiet(&mut sweep, effort, &|| stopped(), &mut complain)?;
        say(&format!("{} cancelled, none rests{}", count(cancelled as u64), spared(sweep.spared)));
        match self.flatten_within_bps {
            Some(within_bps) => self.flatten(&mut sweep, within_bps, card.as_ref(), stopped),
            None => Ok(()),
        }
    }

    fn flatten(
        &self,
        venue: &mut Sweep,
        within_bps: u32,
        card: Option<&Card>,
        stopped: &Stopped,
    ) -> Result<(), AppError> {
        let coins = match (self.whose, card) {
            (Whose::All, _) => None,
            (_, Some(card)) => Some(card.coins.clone()),
            (_, None) => {
                let problem = "which positions are the bot's is not known here: name the folder of its \
                               state with --state, or close every one with --all";
                return Err(AppError::Usage(problem.to_owned()));
            }
        };
        let session = card.map(|card| card.session);
        let how = Flatten { session, ..Flatten::new(coins, within_bps, self.patience) };
        flatten(venue, &how, &|| stopped(), &mut |said| say(&said))?;
        say("flat");
        Ok(())
    }

    pub(super) fn place(&self, card: Option<&Card>) -> Result<(Endpoint, Tls), AppError> {
        if let Some(venue) = &self.venue {
            return Ok((venue.clone(), self.tls.clone()));
        }
        let Some(card) = card else {
            let problem = "no run with this key is known here: name the venue with --network, or \
                           the folder of its state with --state";
            return Err(AppError::Usage(format!("{}: {problem}", self.key)));
        };
        let extra_ca = self.tls.extra_ca.clone().or_else(|| card.ca.clone());
        Ok((Endpoint::parse(&card.venue)?, Tls { extra_ca }))
    }

    /// Whom the key trades for. What the last run found out need not be asked again.
    pub(super) fn account(
        &self,
        venue: &InfoClient<'_>,
        signer: &Signer,
        card: Option<&Card>,
    ) -> Result<Principal, AppError> {
        let known = card.and_then(Card::account);
        match (self.wallet, known) {
            (None, Some((address, is_vault))) if signer.address() == self.key => {
                let vault = is_vault.then_some(address);
                Ok(Principal { address, vault, is_own_key: address == self.key })
            }
            (wallet, known) => {
                let wallet = wallet.or_else(|| Some(known?.0));
                venue.account(signer.address(), wallet)
            }
        }
    }
}

/// Ends a kill, if there was one. What a person or the guard has written is removed, and a bot that runs
/// finds that.
pub fn end_kill(dir: &Path, key: Address, patience: Duration) -> Result<bool, AppError> {
    let latch = Latch::new(dir, key);
    let why = latch.read()?;
    let mut was_killed = why.is_some();
    if let Some(why) = why {
        terminal::print(&format!("{key}: {why}\n"))?;
    }
    // First, or they would latch it again.
    for file in kill_files(dir).iter().filter(|file| file.symlink_metadata().is_ok()) {
        std::fs::remove_file(file).map_err(AppError::io(file, "remove"))?;
        terminal::print(&format!("{} is removed\n", file.display()))?;
        was_killed = true;
    }
    latch.clear()?;
    let asked = Instant::now();
    while was_killed && try_lock(dir, key)?.is_none() {
        let said = control::ask(dir, key, &Request::Hello, patience)?;
        if said.is_none_or(|said| said["killed"].is_null()) {
            break;
        }
        if asked.elapsed() >= patience {
            let problem = "the running bot still says that it is killed";
            let remedy = "look at its screen or journal, and at files named KILL where it runs";
            return Err(AppError::data(key.to_string(), problem, remedy));
        }
        std::thread::sleep(TURN);
    }
    Ok(was_killed)
}

/// What was left alone, if anything.
fn spared(spared: Spared) -> String {
    let mut said = String::new();
    if spared.foreign > 0 {
        said += &format!(
            "; {} of others left alone (--all takes them too)",
            count(spared.foreign as u64)
        );
    }
    if spared.elsewhere > 0 {
        said += &format!(
            "; {} of markets that botmm does not trade: cancel them on the venue's page",
            count(spared.elsewhere as u64)
        );
    }
    said
}

fn say(line: &str) {
    // What matters is done all the same.
    let _ = terminal::print(&format!("{line}\n"));
}
