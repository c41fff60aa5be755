//! What a run believes of the account, for the next one to compare: positions and orders that rest, by coin, in
//! `DIR/ADDRESS.books.json`, with where its journal is. The journal is told the orders too; positions stand there
//! already. Nothing is traded by it.

use super::alert::{Alert, Topic};
use super::task::{Task, Turn, Writing};
use crate::exit::AppError;
use crate::files::{self, Readers, write_whole};
use crate::journal::line::{Line, Orders};
use crate::masked::masked;
use crate::when::utc;
use botmm_pipeline::rt::BoardReader;
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::types::record::AccountView;
use botmm_pipeline::types::{Fact, Nanos, Universe};
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use botmm_pipeline::venue::hl::sign::Address;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often the file is written at most, and how soon after a position has changed.
const WRITE_EVERY: Nanos = Nanos::secs(5);
const AFTER_A_FILL: Nanos = Nanos::millis(500);
/// How often the journal is told which orders rest, when that changed and when not.
const TELL_AT_MOST: Nanos = Nanos::secs(10);
const TELL_AT_LEAST: Nanos = Nanos::secs(60);
/// No such file is longer.
const MAX_BYTES: u64 = 64 << 10;

/// What a run believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// When.
    pub time: String,
    /// Of whose account.
    pub account: String,
    /// Where that is.
    pub venue: String,
    /// The folder of its journal.
    pub journal: PathBuf,
    /// By coin.
    pub position: BTreeMap<String, String>,
    /// Orders that rest or might, by coin.
    pub orders: BTreeMap<String, u64>,
}

/// What the last run with a key kept; [`None`] = there was none.
///
/// # Errors
/// It cannot be read.
pub fn read(dir: &Path, signer: Address) -> Result<Option<Books>, AppError> {
    let path = path(dir, signer);
    let text = files::read_text_if_any(&path, MAX_BYTES).map_err(AppError::io(&path, "read"))?;
    let Some(text) = text else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|e| {
        let problem = format!("not what a run believed: {e}");
        AppError::data(
            path.display().to_string(),
            problem,
            "remove the file: the next run writes it",
        )
    })
}

/// A folder as it may be written down: one that is called like a key is not, and not found again.
fn told_of(folder: PathBuf) -> PathBuf {
    let name = folder.to_string_lossy();
    match masked(&name) {
        shown if shown == name => folder,
        shown => shown.into_owned().into(),
    }
}

fn path(dir: &Path, signer: Address) -> PathBuf {
    dir.join(format!("{signer}.books.json"))
}

/// Keeps them.
pub struct KeepBooks {
    path: PathBuf,
    universe: Universe,
    link: BoardReader<VIEW_WORDS>,
    metrics: Arc<Metrics>,
    /// Of this run; those of the one before it stay until the account was read.
    books: Books,
    account: Option<AccountView>,
    next_write: Nanos,
    told: (Nanos, BTreeMap<String, u64>),
    writing: Writing,
}

impl KeepBooks {
    /// Of a run that begins with a journal in this folder. The key's state must have been taken before.
    pub fn new(
        (dir, signer): (&Path, Address),
        (account, venue, journal): (Address, String, &Path),
        universe: Universe,
        link: BoardReader<VIEW_WORDS>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let books = Books {
            time: String::new(),
            account: account.to_string(),
            venue,
            journal: told_of(journal.canonicalize().unwrap_or_else(|_| journal.to_owned())),
            position: BTreeMap::new(),
            orders: BTreeMap::new(),
        };
        Self {
            path: path(dir, signer),
            universe,
            link,
            metrics,
            books,
            account: None,
            next_write: Nanos::ZERO,
            told: (Nanos::ZERO, BTreeMap::new()),
            writing: Writing::default(),
        }
    }

    fn orders(&self) -> BTreeMap<String, u64> {
        let open = &self.metrics.dispatch.asset_open_orders;
        self.universe.iter().map(|(a, i)| (i.coin.to_string(), open[a.index()].get())).collect()
    }

    /// What is believed now; [`None`] = nothing yet.
    fn now(&self, now: Nanos) -> Option<Books> {
        let account = self.account.as_ref()?;
        let held = self
            .universe
            .iter()
            .map(|(a, i)| (i.coin.to_string(), account.position[a.index()].to_string()));
        let (position, orders, time) = (held.collect(), self.orders(), utc(now));
        Some(Books { time, position, orders, ..self.books.clone() })
    }

    fn line(&self, now: Nanos) -> Line {
        Line::Orders(Orders { time: utc(now), open: self.orders() })
    }

    /// The run is over, and this is what the journal is told. `none_rests`: by the venue's word, whatever the
    /// order link came to know.
    pub fn end(&mut self, none_rests: bool, now: Nanos) -> Line {
        if none_rests {
            self.metrics.dispatch.asset_open_orders.iter().for_each(|open| open.set(0));
        }
        self.line(now)
    }

    /// Keeps what is believed last.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self, now: Nanos) -> Result<(), AppError> {
        self.writing.wait();
        self.now(now).map_or(Ok(()), |books| write(&self.path, &books))
    }
}

fn write(path: &Path, books: &Books) -> Result<(), AppError> {
    let text =
        serde_json::to_string_pretty(books).map_err(|e| AppError::io(path, "write")(e.into()))?;
    write_whole(path, (text + "\n").as_bytes(), Readers::Owner)
}

impl Task for KeepBooks {
    fn name(&self) -> &'static str {
        "books"
    }

    /// Before the account was read, positions are none that anybody believes in.
    fn hear(&mut self, fact: &Fact) {
        let Fact::Account(account) = fact else { return };
        if GatewayView::read(&self.link).opening.is_none() {
            return;
        }
        if self.account.is_none_or(|known| known.position != account.position) {
            self.next_write = self.next_write.min(account.time + AFTER_A_FILL);
        }
        self.account = Some(*account);
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let said = self.writing.turn(now);
        said.into_iter().for_each(|said| turn.say(Alert::warn(Topic::Machine, said)));
        let Some(books) = self.now(now) else { return };
        let (told_at, told) = &self.told;
        let pause = if *told == books.orders { TELL_AT_LEAST } else { TELL_AT_MOST };
        if now - *told_at >= pause {
            turn.out.lines.push(self.line(now));
            self.told = (now, books.orders.clone());
        }
        if self.writing.is_free() && now >= self.next_write {
            self.next_write = now + WRITE_EVERY;
            let path = self.path.clone();
            self.writing.begin(now, &turn.workers.files, move || write(&path, &books));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coins::coin;
    use crate::side::task::tests::Stand;
    use botmm_pipeline::rt::board;
    use botmm_pipeline::types::{Qty, Usd};
    use botmm_pipeline::venue::hl::gateway::Opening;

    const KEY: Address = Address::new([7; 20]);

    fn account(at_s: i64, first: i64) -> Fact {
        let mut account = AccountView::flat(Nanos::secs(at_s));
        account.position[0] = Qty::whole(first);
        Fact::Account(account)
    }

    #[test]
    fn what_is_believed_is_kept_once_the_account_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let universe = Universe::new(vec![coin("A", 2), coin("B", 2)]);
        let (mut shown, link) = board();
        let metrics = Arc::<Metrics>::default();
        let about = (Address::new([8; 20]), "venue".to_owned(), dir.path());
        let mut keeper = KeepBooks::new((dir.path(), KEY), about, universe, link, metrics.clone());
        let mut stand = Stand::with_room(4);
        let turn = |keeper: &mut KeepBooks, stand: &mut Stand, at_s| {
            stand.now = Nanos::secs(at_s);
            let mut lines = stand.turn(keeper).lines;
            stand.until(|stand| {
                lines.extend(stand.turn(keeper).lines);
                keeper.writing.is_free()
            });
            lines.len()
        };
        keeper.hear(&account(9, 0));
        assert_eq!(turn(&mut keeper, &mut stand, 10), 0);
        assert_eq!(read(dir.path(), KEY).unwrap(), None, "what the last run kept stays");
        let opening = Opening { time: Nanos::secs(1), value: Usd::ZERO, open_profit: Usd::ZERO };
        shown.write(&GatewayView { opening: Some(opening), ..GatewayView::NOTHING }.words());
        keeper.hear(&account(100, 3));
        assert_eq!(turn(&mut keeper, &mut stand, 101), 1, "the journal is told of orders");
        let kept = || read(dir.path(), KEY).unwrap().unwrap();
        assert_eq!((&*kept().position["A"], kept().orders["B"]), ("3", 0));
        metrics.dispatch.asset_open_orders[1].set(2);
        assert_eq!(
            [turn(&mut keeper, &mut stand, 102), turn(&mut keeper, &mut stand, 111)],
            [0, 1]
        );
        assert_eq!(kept().orders["B"], 2);
        keeper.hear(&account(112, -4));
        turn(&mut keeper, &mut stand, 113);
        assert_eq!(kept().position["A"], "-4", "soon after a fill");
        assert_eq!(
            [turn(&mut keeper, &mut stand, 122), turn(&mut keeper, &mut stand, 171)],
            [0, 1]
        );
        assert!(matches!(keeper.end(true, Nanos::secs(200)), Line::Orders(o) if o.open["B"] == 0));
        keeper.finish(Nanos::secs(200)).unwrap();
        assert_eq!((kept().orders["B"], kept().time), (0, utc(Nanos::secs(200))));
        std::fs::write(path(dir.path(), KEY), "{").unwrap();
        assert!(read(dir.path(), KEY).unwrap_err().to_string().contains("remove the file"));
    }
}
