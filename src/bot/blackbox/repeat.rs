//! Repeats a captured run: the same pipeline, built by the same function, is given the same at the same moments,
//! and every decision must be the same. Where one is not, the first such moment is named.

use super::built::{self, Built, unusable};
use super::difference::{Difference, explain};
use super::kept::Kept;
use super::line::{Asked, End, Line};
use super::what_if::WhatIf;
use crate::exit::{AppError, Exit};
use crate::journal::Encoder;
use crate::journal::line as journal;
use crate::when::utc;
use botmm_pipeline::rt::cycles::Cycle;
use botmm_pipeline::rt::{Lane, LanePlan, Plan, Repeat, Shared, Step, WallClock};
use botmm_pipeline::stage::NAMES;
use botmm_pipeline::stage::records::RecordsIn;
use botmm_pipeline::types::{AssetId, AssetParams, Nanos, Universe};
use botmm_pipeline::venue::hl::sign::{Network, Nonce, RequestSigner, Signer};
use botmm_pipeline::venue::tap::{Item, Repeated};
use botmm_pipeline::wiring::Control;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

/// Nothing that is signed here leaves the process: any key does.
const ANY_KEY: &str = "0x0000000000000000000000000000000000000000000000000000000000000001";
/// A pipeline steps when so many cycles wait: more would only take memory.
const STEP_AT: usize = 1 << 12;
/// Of those that cannot go on, no more are kept.
const MAX_WAITING: usize = 1 << 20;

/// How far a repetition came, and what it came to.
#[derive(Debug)]
pub struct Repetition {
    /// What was repeated.
    pub built: Built,
    /// First and last moment.
    pub span: (Nanos, Nanos),
    /// Duty cycles that came to the same.
    pub cycles: u64,
    /// Hashes over all decisions and actions at the end.
    pub told: [u64; 2],
    /// What the run itself said at its end.
    pub end: Option<End>,
    /// Parameters that were other ones than the run's.
    pub what_if: Vec<String>,
    /// Why what followed could not be compared, or what differed; [`None`] = all is the same.
    pub problem: Option<Problem>,
    /// Of the first moment that differed, what: beside the run's journal, or in words why that is not known.
    pub first: Result<Vec<Difference>, String>,
    /// Damage of the files, in words.
    pub damage: Vec<String>,
}

/// See [`Repetition::problem`].
#[derive(Debug, PartialEq, Eq)]
pub enum Problem {
    /// It decided otherwise.
    Differs(String),
    /// From there on the record is not whole.
    NotComparable(String),
}

impl Repetition {
    /// For a person.
    pub fn text(&self) -> String {
        let (first, last) = self.span;
        let Built { verb, botmm, lanes, .. } = &self.built;
        let lanes: Vec<String> = lanes.iter().map(|stages| stages.join("+")).collect();
        let coins: Vec<String> =
            self.built.universe().iter().map(|(_, i)| i.coin.to_string()).collect();
        let mut text = format!(
            "run       `{verb}` of botmm {botmm}, {}, lanes {}\n\
             repeated  {} cycles, {} to {}\n\
             hashes    decisions {:016x}, actions {:016x}\n",
            coins.join(", "),
            lanes.join(", "),
            self.cycles,
            utc(first),
            utc(last),
            self.told[0],
            self.told[1],
        );
        self.damage.iter().for_each(|said| text += &format!("damage    {said}\n"));
        self.what_if.iter().for_each(|said| text += &format!("what if   {said}\n"));
        text += &match &self.problem {
            None => "verdict   every decision is the same\n".to_owned(),
            Some(Problem::Differs(how)) => {
                format!("verdict   differs: {how}\n{}", self.first_in_words())
            }
            Some(Problem::NotComparable(why)) => {
                format!("verdict   the same so far; the rest cannot be compared: {why}\n")
            }
        };
        text
    }

    /// The first decision that differs, part by part.
    fn first_in_words(&self) -> String {
        let first = match &self.first {
            Ok(first) => first,
            Err(why) => return format!("first     {why}\n"),
        };
        let or_none = |part: &Option<String>| part.clone().unwrap_or("nothing".to_owned());
        let mut text = String::new();
        for Difference { coin, changes } in first {
            text += &format!("first     {coin}, in the run → here\n");
            for change in changes {
                let (was, is) = (or_none(&change.was), or_none(&change.is));
                text += &format!("          {:<18} {was} → {is}\n", change.what);
            }
        }
        text
    }

    /// For a program.
    pub fn json(&self) -> String {
        let (verdict, why) = match &self.problem {
            None => ("same", None),
            Some(Problem::Differs(how)) => ("differs", Some(how)),
            Some(Problem::NotComparable(why)) => ("not_comparable", Some(why)),
        };
        let value = serde_json::json!({
            "verb": self.built.verb,
            "cycles": self.cycles,
            "from_ns": self.span.0.0,
            "to_ns": self.span.1.0,
            "decisions_hash": format!("{:016x}", self.told[0]),
            "actions_hash": format!("{:016x}", self.told[1]),
            "damage": self.damage,
            "what_if": self.what_if,
            "first": self.first.as_ref().ok(),
            "verdict": verdict,
            "why": why,
        });
        format!("{value:#}\n")
    }

    /// An error when not every decision was seen to be the same.
    ///
    /// # Errors
    /// One differs, or a part cannot be compared.
    pub fn verdict(&self) -> Result<(), AppError> {
        match &self.problem {
            None => Ok(()),
            Some(Problem::Differs(_)) => {
                Err(AppError::of(Exit::Differs, "a decision differs: see the verdict"))
            }
            Some(Problem::NotComparable(_)) => Err(AppError::Failed(
                "not all of the run can be compared: see the verdict".to_owned(),
            )),
        }
    }
}

/// Everything that goes on.
struct Going {
    repeat: Repeat,
    control: Control,
    records: Vec<RecordsIn>,
    market: Sender<Item>,
    orders: Sender<Item>,
    /// What the journal would have of the cycle that goes on.
    encoder: Encoder,
    told: Vec<journal::Line>,
    /// When that was.
    at: Nanos,
    what_if: Vec<WhatIf>,
    /// What waits for room in the stages' rings.
    asked: VecDeque<Asked>,
    lanes: Vec<String>,
    universe: Universe,
    shared: Arc<dyn Shared>,
    cycles: u64,
    span: Option<(Nanos, Nanos)>,
    end: Option<End>,
}

/// Repeats the run whose capture lies in a folder, with these parameters in place of its own.
///
/// # Errors
/// There is none, it cannot be read, or it is of another form. What differs is no error here.
pub fn repeat(root: &Path, what_if: &[WhatIf]) -> Result<Repetition, AppError> {
    let mut kept = Kept::open(root)?;
    let (mut going, mut problem, mut changed) = (None::<(Going, Built)>, None, Vec::new());
    while problem.is_none()
        && let Some((now, line)) = kept.next_line()?
    {
        match (&mut going, line) {
            (None, Line::Run(mut built)) => {
                changed = built.put(what_if).map_err(AppError::Usage)?;
                let begun = Going::new(&built, what_if).map_err(|e| kept.unusable(e))?;
                going = Some((begun, *built));
            }
            (None, _) => return Err(kept.unusable("its beginning is missing")),
            (Some((going, _)), line) => problem = going.take(now, line),
        }
    }
    let Some((mut going, built)) = going else {
        return Err(unusable(root, "holds no line that can be read"));
    };
    let problem = problem.or_else(|| going.steps(true)).or_else(|| going.ended());
    let first = match problem {
        Some(Problem::Differs(_)) => explain(root.parent().unwrap_or(root), going.at, &going.told),
        _ => Ok(Vec::new()),
    };
    Ok(Repetition {
        built,
        span: going.span.unwrap_or_default(),
        cycles: going.cycles,
        told: going.shared.told(),
        end: going.end,
        what_if: changed,
        problem,
        first,
        damage: kept.damage(),
    })
}

impl Going {
    fn new(built: &Built, what_if: &[WhatIf]) -> Result<Self, String> {
        let (config, gateway) = built.configs()?;
        let ((market, from_market), (orders, from_orders)) = (channel(), channel());
        let signer = Signer::from_hex(ANY_KEY).map_err(|e| e.to_string())?;
        let signer = RequestSigner::new(signer, Network::Testnet);
        let links = (Repeated::of(from_market), Repeated::of(from_orders));
        let wired = built::wire(links, &config, gateway, (signer, Nonce::after(0)), None);
        let pipeline = wired.pipeline;
        let plan = plan(&built.lanes)?;
        let (lanes, _) = Lane::by_plan(&plan, pipeline.stages, &WallClock::default());
        Ok(Self {
            lanes: lanes.iter().map(|lane| lane.name().to_owned()).collect(),
            repeat: Repeat::new(lanes, pipeline.shared.clone()),
            control: pipeline.control,
            records: pipeline.records,
            market,
            orders,
            asked: VecDeque::new(),
            encoder: Encoder::new(&config.universe),
            told: Vec::new(),
            at: Nanos::ZERO,
            what_if: what_if.to_vec(),
            universe: config.universe,
            shared: pipeline.shared,
            cycles: 0,
            span: None,
            end: None,
        })
    }

    fn take(&mut self, now: Nanos, line: Line) -> Option<Problem> {
        let lost =
            |what: &str| Some(Problem::NotComparable(format!("{}: {what} was not kept", utc(now))));
        match line {
            Line::Market(Item::Lost(_)) | Line::Orders(Item::Lost(_)) => {
                return self.steps(true).or_else(|| lost("a part of what came in"));
            }
            Line::Asked(Asked::Lost(_)) => {
                return self.steps(true).or_else(|| lost("a part of what the side thread asked"));
            }
            Line::Gap(why) => {
                let why = Problem::NotComparable(format!("{}: {why}", utc(now)));
                return self.steps(true).or(Some(why));
            }
            Line::Market(item) => drop(self.market.send(item)),
            Line::Orders(item) => drop(self.orders.send(item)),
            Line::Asked(asked) if self.is_sound(&asked) => {
                let asked = self.with_what_if(asked);
                self.asked.push_back(asked);
            }
            Line::Cycle(cycle) if self.repeat.push(cycle) => {}
            Line::End(end) => self.end = Some(end),
            Line::Other => {}
            Line::Run(_) | Line::Asked(_) | Line::Cycle(_) => {
                let what = "a line that is of no such run";
                return Some(Problem::NotComparable(format!("{}: {what}", utc(now))));
            }
        }
        (self.repeat.waiting() >= STEP_AT).then(|| self.steps(false)).flatten()
    }

    /// Parameters that changed while the run went on, with those in place of its own.
    fn with_what_if(&self, asked: Asked) -> Asked {
        let Asked::Params(mut changes) = asked else { return asked };
        for change in &mut changes {
            let mut params = [(change.asset, change.params)];
            // What suited the parameters at the start and does not suit these leaves them alone.
            for one in &self.what_if {
                let _ = one.put(&self.universe, &mut params);
            }
            [(_, change.params)] = params;
        }
        Asked::Params(changes)
    }

    /// Whether it can be asked of these coins.
    fn is_sound(&self, asked: &Asked) -> bool {
        use botmm_pipeline::types::{QuoteCommand as Q, RiskCommand as R};
        let is_ours = |asset: &AssetId| asset.index() < self.universe.len();
        match asked {
            Asked::Quote(command) => match &**command {
                Q::Slow { mult_e6, .. } => (1_000_000..=10_000_000).contains(mult_e6),
                Q::Candle { asset, candle, .. } => is_ours(asset) && candle.is_sound(),
                Q::CandlesDone { asset, .. } | Q::Listed { asset, .. } | Q::Fit { asset, .. } => {
                    is_ours(asset)
                }
            },
            Asked::Risk(R::Doubt { asset, .. }) => is_ours(asset),
            Asked::Risk(R::Rearm | R::ReduceOnly(_)) => true,
            Asked::Params(changes) => {
                !changes.is_empty()
                    && changes.iter().all(|c| is_ours(&c.asset) && c.params.is_usable())
            }
            Asked::Lost(_) => false,
        }
    }

    /// Goes on as far as it can.
    fn steps(&mut self, is_last: bool) -> Option<Problem> {
        loop {
            self.ask();
            let step = self.repeat.step();
            // In the stages' order: a decision comes after its terms.
            for record in self.records.iter_mut().flat_map(|ring| std::iter::from_fn(|| ring.pop()))
            {
                self.told.extend(self.encoder.line(&record));
            }
            match step {
                Step::Same(cycle) => self.same(&cycle),
                Step::Done => return None,
                // What it takes may be said in a line that is still to come.
                Step::Stuck { .. } if !is_last && self.repeat.waiting() < MAX_WAITING => {
                    return None;
                }
                Step::Stuck { cycle, input, waiting } => {
                    let (at, then) = (self.place(&cycle), cycle.took[input]);
                    return Some(Problem::NotComparable(format!(
                        "{at}: of the {then} message(s) taken from way in {input} only {waiting} are there"
                    )));
                }
                Step::Lost(cycle) => {
                    let at = self.place(&cycle);
                    return Some(Problem::NotComparable(format!(
                        "{at}: cycles before this one were not kept"
                    )));
                }
                Step::Unsure(cycle) => {
                    let at = self.place(&cycle);
                    return Some(Problem::NotComparable(format!(
                        "{at}: a halt or the venue's clock was changed while it, or one just before it, went on"
                    )));
                }
                Step::Took { cycle, input, took } => {
                    self.at = cycle.now;
                    let (at, then) = (self.place(&cycle), cycle.took[input]);
                    return Some(Problem::Differs(format!(
                        "{at}: {took} message(s) were taken from way in {input} where it were {then}"
                    )));
                }
                Step::Differs { cycle, told } => {
                    self.at = cycle.now;
                    let (at, then) = (self.place(&cycle), cycle.told);
                    return Some(Problem::Differs(format!(
                        "{at}: another decision, hashes {told:x?} where it were {then:x?}"
                    )));
                }
            }
        }
    }

    fn same(&mut self, cycle: &Cycle) {
        self.cycles += 1;
        self.told.clear();
        let (first, last) = self.span.unwrap_or((cycle.now, cycle.now));
        self.span = Some((first.min(cycle.now), last.max(cycle.now)));
    }

    fn place(&self, cycle: &Cycle) -> String {
        let lane = self.lanes.get(usize::from(cycle.lane)).map_or("?", String::as_str);
        format!("{} ({}), lane {lane}, cycle {}", utc(cycle.now), cycle.now.0, self.cycles + 1)
    }

    /// Hands on what was asked, as far as there is room: the stages take it when they took it.
    fn ask(&mut self) {
        while let Some(asked) = self.asked.front() {
            let is_taken = match asked {
                Asked::Quote(command) => self.control.quote.push(**command).is_ok(),
                Asked::Risk(command) => self.control.risk.push(*command).is_ok(),
                Asked::Params(changes) => {
                    let changes: Vec<(AssetId, AssetParams)> =
                        changes.iter().map(|c| (c.asset, c.params)).collect();
                    self.control.params.change(&changes).is_some()
                }
                Asked::Lost(_) => true,
            };
            if !is_taken {
                return;
            }
            self.asked.pop_front();
        }
    }

    /// What the run said of itself at its end.
    fn ended(&self) -> Option<Problem> {
        match self.end {
            Some(End { cut: false, told }) if told != self.shared.told() => Some(Problem::Differs(
                format!("the run ended with hashes {told:x?}, this with {:x?}", self.shared.told()),
            )),
            Some(End { cut: false, .. }) => None,
            Some(End { cut: true, .. }) => {
                Some(Problem::NotComparable("the run went on after this, and was not kept".into()))
            }
            None => Some(Problem::NotComparable(
                "the run was killed, or goes on: what came after the last block is not kept".into(),
            )),
        }
    }
}

/// The lanes that it ran on; here they share one thread.
fn plan(lanes: &[Vec<String>]) -> Result<Plan, String> {
    use botmm_pipeline::rt::IdleStrategy;
    let mut named: Vec<&str> = lanes.iter().flatten().map(String::as_str).collect();
    named.sort_unstable();
    let mut stages = NAMES;
    stages.sort_unstable();
    if named != stages {
        return Err("its lanes do not hold each stage once".to_owned());
    }
    let lane = |stages: &Vec<String>| LanePlan {
        stages: stages.clone(),
        core: None,
        idle: IdleStrategy::Backoff,
    };
    Ok(Plan {
        name: "as it ran".to_owned(),
        lanes: lanes.iter().map(lane).collect(),
        ..Plan::default()
    })
}
