//! `botmm run`: trades on the venue, with a real key.

use crate::bot::live::frozen::Frozen;
use crate::bot::live::{self, About, Access, Live, Request, trade};
use crate::bot::session;
use crate::cli::RunArgs;
use crate::exit::AppError;
use crate::journal::{RUNS, make_run_folder, remove_empty_run_folder};
use crate::keys::{self, Role};
use crate::net::{Endpoint, Tls};
use crate::settings::Draft;
use crate::side::drilled;
use crate::side::risk_state::DEFAULT_DIR;
use crate::stop::Stop;
use crate::systemd::Systemd;
use crate::terminal;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::venue::hl::sign::Network;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Runs the verb.
pub fn run(args: &RunArgs) -> Result<(), AppError> {
    let file = session::named_config_file(args.common.config.as_deref());
    let draft = Draft::load(file, &|n| std::env::var(n).ok())?;
    live::threaded_plan(&draft, &args.overrides())?;
    let endpoint = Endpoint::parse(&args.network)?;
    let is_mainnet = endpoint.network() == Network::Mainnet;
    if is_mainnet && !args.i_understand_real_money && !draft.understands_real_money() {
        return Err(AppError::Usage(
            "this would trade with real money; if that is meant, add --i-understand-real-money, \
             or `i_understand_real_money = true` under [general] in the configuration"
                .to_owned(),
        ));
    }
    let (shown, is_at_venue) = live::place(&args.network, is_mainnet);
    let draft = draft.at_venue(is_at_venue);
    let state_dir = args.state.clone().unwrap_or_else(|| DEFAULT_DIR.into());
    let (clock, discipline) = WallClock::disciplined();
    if let Err(why) = drilled::last_passed(&state_dir, clock.now())
        && is_mainnet
    {
        terminal::complain(format_args!(
            "warning: nobody has tried lately who cancels when this bot cannot: {why}; run `botmm drill`"
        ));
    }
    let frozen = match &args.drill {
        None => Frozen::default(),
        Some(dir) if endpoint.is_loopback() => Frozen::by_files(dir)?,
        Some(_) => {
            let problem =
                "--drill harms the bot on purpose: only an exchange on this machine allows that";
            return Err(AppError::Usage(problem.to_owned()));
        }
    };
    let stop = Stop::listen(true)?;
    let systemd = Systemd::of_this_process()?;
    let access = Access {
        tls: Tls { extra_ca: args.ca.clone() },
        signer: Arc::new(keys::signer(args.key_file.as_deref())?),
        wallet: keys::account()?,
        state_dir,
        key_is_disposable: false,
        wait: Duration::from_nanos(args.wait.0.unsigned_abs()),
        strict_symbols: args.strict_symbols,
        has_guard_key: keys::signer_if_any(Role::Guard, None)?.is_some(),
        allow_other_session: args.allow_other_session,
        endpoint,
    };
    let runs = args.common.out.is_none().then(|| PathBuf::from(RUNS));
    let dir = match &args.common.out {
        Some(dir) => dir.clone(),
        None => make_run_folder(Path::new(RUNS), clock.now())?,
    };
    let (market, notes) = match is_mainnet {
        true => ("mainnet", Vec::new()),
        false => ("test", vec!["not the mainnet: these are no real trades".to_owned()]),
    };
    let about = About {
        verb: "run",
        network: shown,
        is_real_money: is_mainnet,
        title: format!("botmm run  ·  {}", access.endpoint),
        market,
        queue: "the venue's own".to_owned(),
        latency: "the venue's own".to_owned(),
        notes,
    };
    let (flags, flatten_within_bps) = (args.overrides(), args.end.flatten_within_bps());
    let request = Request {
        about,
        dir,
        runs,
        access,
        draft,
        flags,
        stop,
        systemd,
        flatten_within_bps,
        frozen,
    };
    let made = args.common.out.is_none().then(|| request.dir.clone());
    let live = Live::start(request, (clock, discipline))
        .inspect_err(|_| made.iter().for_each(|dir| remove_empty_run_folder(dir)))?;
    trade(live, args.duration.map(|d| Duration::from_nanos(d.0 as u64)), args.common.json)
}
