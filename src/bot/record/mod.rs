//! `botmm record`: keeps all of the venue's public data of some coins, for ever (docs/record.md).
//!
//! One thread hears the connections and stamps each frame; [`disk`] writes, on another; what may block otherwise is
//! an errand. Nothing but a person, a signal or `--for` ends it: a venue that is away is asked again, a disk that
//! takes nothing is tried again, and what is missing is marked.

mod before;
mod book;
mod cover;
mod day;
mod disk;
mod gauge;
mod link;
mod meta;
mod outside;
mod union;

pub use disk::{Room, WhenFull};

use self::before::repair;
use self::book::{Book, shifted};
use self::cover::Cover;
use self::day::{About, Day, RUNNING, day_of};
use self::disk::{Disk, Told};
use self::link::{Kind, Link, News, STREAMS};
use self::meta::Meta;
use self::outside::{Numbers, Outside};
use self::union::Union;
use crate::bot::markets::coins_of;
use crate::data::capture::mark::{Gap, GapKind};
use crate::data::capture::{Block, Folder, WRITER};
use crate::exit::AppError;
use crate::net::{Endpoint, Rest, Tls, WsStatus, WsTransport};
use crate::settings::{Draft, Overrides};
use crate::side::alert::{Alert, Topic};
use crate::stop::Stop;
use crate::when::utc_s;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::rt::clock::Discipline;
use botmm_pipeline::types::{AssetId, Nanos};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A block is handed to the disk after so long: with the time that a write takes, a kill loses a second at most.
const BLOCK_EVERY: Nanos = Nanos::millis(800);
/// Or when it is so long.
const MAX_BLOCK_BYTES: usize = 2 << 20;
/// Frames that are taken of one connection before the other has its turn.
const FRAMES_A_TURN: usize = 256;
/// How long the thread rests when nothing comes: a frame is stamped that late at most.
const REST: Duration = Duration::from_micros(300);
/// How often all else has its turn.
const TURN_EVERY: Nanos = Nanos::millis(20);
const MANIFEST_EVERY: Nanos = Nanos::secs(10);
/// A coin of which nothing was said for so long is asked for again, and then ever more seldom.
const SILENT_AFTER: Nanos = Nanos::secs(30);
const LONGEST_PAUSE: Nanos = Nanos::secs(300);

/// What is to be recorded, and where to.
pub struct Request<'a> {
    /// The configuration: webhooks, and the port of the metrics.
    pub draft: Draft,
    /// Coins on top of it.
    pub flags: Overrides,
    /// The venue's address, or its name.
    pub network: &'a str,
    /// The folder of the capture.
    pub out: &'a Path,
    /// Two connections.
    pub is_redundant: bool,
    /// How long; [`None`] = until a person ends it.
    pub duration: Option<Nanos>,
    /// How much of the disk.
    pub room: Room,
}

/// Records until it is told to end.
///
/// # Errors
/// It could not begin: the folder is another's, a coin is not listed, the venue never answered. Or its last lines
/// are not on the disk.
pub fn run(request: Request<'_>) -> Result<(), AppError> {
    let stop = Stop::listen(false)?;
    let folder = Folder::take(request.out)?;
    let clock = WallClock::disciplined();
    let begun = clock.0.now();
    let ends = request.duration.map(|span| begun + span);
    let (endpoint, tls) = (Endpoint::parse(request.network)?, Tls::default());
    let settings = request.draft.clone().with(&Overrides::default())?.build()?;
    let mut outside = Outside::open(&settings, &tls, &endpoint, begun)?;
    let before = repair(&folder, &mut outside, begun)?;
    let is_over = |now: Nanos| stop.is_asked() || ends.is_some_and(|ends| now >= ends);
    let listed = outside.until_listed(&endpoint, &tls, &|| clock.0.now(), &is_over)?;
    let universe = request.draft.with_universe(&listed).with(&request.flags)?.build()?.universe();
    let about = About {
        recorder: WRITER.to_owned(),
        network: endpoint.rest_url(),
        is_redundant: request.is_redundant,
        universe,
        begun,
    };
    let recorder =
        Recorder::begin(about, (folder, request.room), (endpoint, tls), clock, before, outside)?;
    recorder.run(&is_over)
}

/// See the module.
struct Recorder {
    about: About,
    root: PathBuf,
    clock: WallClock,
    discipline: Discipline,
    /// What the system clock was set by since we began.
    shift: Nanos,
    links: Vec<Link<WsTransport>>,
    statuses: Vec<WsStatus>,
    book: Book,
    disk: Disk,
    meta: Meta,
    outside: Outside,
    numbers: Numbers,
    next_turn: Nanos,
    next_manifest: Nanos,
    retries: Vec<Retry>,
}

/// When a coin that is silent is asked for again.
#[derive(Clone, Copy)]
struct Retry {
    at: Nanos,
    pause: Nanos,
    is_told: bool,
}

impl Recorder {
    fn begin(
        about: About,
        (folder, room): (Folder, Room),
        (endpoint, tls): (Endpoint, Tls),
        (clock, discipline): (WallClock, Discipline),
        before: Option<(Nanos, String)>,
        mut outside: Outside,
    ) -> Result<Self, AppError> {
        let count = if about.is_redundant { 2 } else { 1 };
        let (mut links, mut statuses) = (Vec::new(), Vec::new());
        for seed in 0..count {
            let (transport, status) = WsTransport::new(&endpoint, &tls)?;
            let seed = (about.begun.0 as u64).wrapping_add(seed);
            links.push(Link::new(transport, about.universe.clone(), seed));
            statuses.push(status);
        }
        let now = clock.now();
        let root = folder.root().to_owned();
        let coin =
            about.universe.iter().next().map(|(_, i)| i.coin.to_string()).unwrap_or_default();
        let meta = Meta::new(Rest::until(&endpoint, &tls, meta::never())?, &coin);
        let book = Book {
            block: Block::default(),
            union: about.is_redundant.then(Union::new),
            cover: Cover::new(links.len(), before, now),
            day: Day::open(&root, now, &about.universe),
        };
        let disk = Disk::start(folder, room, about.recorder.clone())?;
        let (coins, from, out) = (coins_of(&about.universe), &about.network, root.display());
        outside.say(
            now,
            Alert::info(Topic::Recorder, format!("records {coins} from {from} into {out}")),
        );
        outside.is_ready();
        let retry = Retry { at: now + SILENT_AFTER, pause: SILENT_AFTER, is_told: false };
        let retries = about.universe.assets().map(|_| retry).collect();
        let numbers = Numbers { wanted: links.len(), disk_is_well: true, ..Numbers::default() };
        let mut recorder = Self {
            about,
            root,
            clock,
            discipline,
            shift: Nanos::ZERO,
            links,
            statuses,
            book,
            disk,
            meta,
            outside,
            numbers,
            next_turn: Nanos::ZERO,
            next_manifest: now + Nanos::secs(1),
            retries,
        };
        recorder.mark_subscriptions(now);
        Ok(recorder)
    }

    fn run(mut self, is_over: &dyn Fn(Nanos) -> bool) -> Result<(), AppError> {
        while !is_over(self.clock.now()) {
            let mut is_busy = false;
            for link in 0..self.links.len() {
                is_busy |= self.listen(link);
            }
            let now = self.clock.now();
            if now >= self.next_turn {
                self.next_turn = now + TURN_EVERY;
                self.turn(now);
            }
            if !is_busy {
                std::thread::sleep(REST);
            }
        }
        self.finish()
    }

    /// Takes what a connection brings; whether there may be more.
    fn listen(&mut self, link: usize) -> bool {
        for _ in 0..FRAMES_A_TURN {
            let Self { clock, links, book, shift, .. } = self;
            let connection = &mut links[link];
            let is_first = connection.first().is_none();
            let mut gap = None;
            let mut keep = |now: Nanos, frame: &[u8], kind: Kind| {
                if is_first {
                    gap = book.begins(link, now, *shift);
                }
                book.hear(link, now, *shift, frame, kind);
            };
            let news = connection.next(&|| clock.now(), &mut keep);
            if let Some(ready) = connection.ready() {
                book.cover.is_whole(link, ready);
            }
            if let Some(gap) = gap {
                self.tell_gap(gap);
                return true;
            }
            match news {
                Some(News::Heard) => {}
                Some(News::Lost) => {
                    self.lost(link);
                    return true;
                }
                None => {
                    if connection.maintain(clock.now()) {
                        self.lost(link);
                    }
                    return false;
                }
            }
            if self.book.block.text.len() >= MAX_BLOCK_BYTES {
                self.hand_over();
                return true;
            }
        }
        true
    }

    fn lost(&mut self, link: usize) {
        let now = self.clock.now();
        let connection = &mut self.links[link];
        let (was_open, last) = (connection.first().is_some(), connection.last());
        connection.forget();
        if !was_open {
            return; // It was not there, and is tried again.
        }
        self.numbers.reconnects += 1;
        self.book.day.reconnects();
        let why = self.statuses[link].last_error();
        let why = why.unwrap_or_else(|| "the connection was lost".to_owned());
        let at = now + self.shift;
        self.book.mark(at, "link", &json!({ "link": link, "down": true, "why": why }));
        let gap = self.book.cover.lost(link, last, now, &why);
        if let Some(gap) = gap {
            let gap = shifted(gap, self.shift);
            self.book.add(at, &gap.line(at));
            self.tell_gap(gap);
        } else if self.book.cover.is_open() {
            self.say(Alert::warn(Topic::Recorder, format!("nothing comes in: {why}")));
        }
    }

    /// A gap that is marked already.
    fn tell_gap(&mut self, gap: Gap) {
        let lasted = Nanos(gap.to_ns - gap.from_ns);
        let what = match gap.kind {
            GapKind::Link => "the connection was away",
            GapKind::Recorder => "no recorder ran",
            GapKind::Disk => "the disk took nothing",
            GapKind::Damage => "damaged",
        };
        let from = utc_s(Nanos(gap.from_ns));
        let text =
            format!("a gap of {:.1} s from {from}: {what}: {}", lasted.as_secs_f64(), gap.why);
        self.say(Alert::warn(Topic::Recorder, text));
        self.numbers.gaps += 1;
        self.numbers.gap_time = self.numbers.gap_time + lasted;
        self.book.day.misses(gap);
        self.next_manifest = Nanos::ZERO;
    }

    /// All that is due.
    fn turn(&mut self, now: Nanos) {
        if let Some(set) = self.discipline.turn() {
            self.clock_was_set(set.0);
        }
        let at = now + self.shift;
        if !self.book.block.text.is_empty() && at - self.book.block.first >= BLOCK_EVERY {
            self.hand_over();
        }
        for told in self.disk.news() {
            self.hear_disk(told);
        }
        if let Some(answer) = self.meta.turn(now, self.outside.questions()) {
            self.hear_meta(answer);
        }
        if self.disk.lost() > 0 && std::mem::take(&mut self.numbers.disk_is_well) {
            let text =
                "nothing is recorded: the disk hangs; what comes meanwhile is lost, and marked";
            self.say(Alert::critical(Topic::Recorder, text));
        }
        self.watch(now);
        if day_of(at) != self.book.day.name() {
            self.hand_over();
            self.write_manifest(now, "ended with the day");
            self.book.day.turns(at);
            self.mark_subscriptions(now);
        }
        if now >= self.next_manifest && self.write_manifest(now, RUNNING) {
            self.next_manifest = now + MANIFEST_EVERY;
        }
        self.numbers.open = self.links.iter().filter(|link| link.is_open()).count();
        self.outside.turn(now, &self.about, &self.numbers);
    }

    /// Time goes on as the system has it: what was recorded before is not touched.
    fn clock_was_set(&mut self, by: Nanos) {
        self.hand_over();
        self.shift = self.shift + by;
        let at = self.clock.now() + self.shift;
        self.book.mark(at, "clock", &json!({ "set_by_ns": by.0 }));
        let text =
            format!("the system clock was set by {:.1} s: followed, and marked", by.as_secs_f64());
        self.say(Alert::warn(Topic::Machine, text));
    }

    fn hand_over(&mut self) {
        let block = std::mem::take(&mut self.book.block);
        if block.lines > 0 {
            self.book.block.text.reserve(block.text.len());
            self.disk.write(block);
        }
    }

    fn hear_disk(&mut self, told: Told) {
        match told {
            Told::Wrote { lines, until, bytes } => {
                self.book.day.wrote(lines);
                self.numbers.lines += lines;
                (self.numbers.written_until, self.numbers.bytes) = (until, bytes);
                self.numbers.disk_is_well = true;
            }
            Told::Gap(gap) => self.tell_gap(gap),
            Told::Trouble(why) => {
                self.numbers.disk_is_well = false;
                let text = format!("nothing is recorded: {why}; tried again with every second");
                self.say(Alert::critical(Topic::Recorder, text));
            }
            Told::Well => {
                self.say(Alert::info(Topic::Recorder, "the disk takes what comes again"));
            }
            Told::Pruned(segments) => {
                let text = format!("{segments} of the oldest segments were removed to make room");
                self.say(Alert::info(Topic::Recorder, text));
            }
            Told::Late(why) => self.say(Alert::warn(Topic::Recorder, why)),
            Told::Closed => {}
        }
    }

    fn hear_meta(&mut self, answer: Result<meta::Answer, String>) {
        let at = self.clock.now() + self.shift;
        match answer {
            Ok(meta::Answer { meta, offset }) => {
                self.book.mark(at, "meta", &meta);
                offset.into_iter().for_each(|offset| self.book.day.clock_is_off(offset));
            }
            Err(why) => {
                let text = format!("what the venue lists is not known: {why}");
                self.say(Alert::info(Topic::Recorder, text));
            }
        }
    }

    /// Asks again for coins of which nothing is said.
    fn watch(&mut self, now: Nanos) {
        let is_open = self.links.iter().any(|l| l.is_open() && now - l.last() < SILENT_AFTER);
        for asset in self.about.universe.assets() {
            let retry = &mut self.retries[asset.index()];
            let heard = self.book.day.heard(asset);
            if !is_open || now - heard < SILENT_AFTER {
                let is_back = std::mem::take(&mut retry.is_told);
                *retry = Retry { at: now + SILENT_AFTER, pause: SILENT_AFTER, is_told: false };
                if is_back && is_open {
                    self.silence(asset, false);
                }
            } else if now >= retry.at {
                (retry.at, retry.pause) =
                    (now + retry.pause, (retry.pause + retry.pause).min(LONGEST_PAUSE));
                let is_told = std::mem::replace(&mut retry.is_told, true);
                self.links.iter_mut().for_each(|link| link.ask_again(now, asset));
                if !is_told {
                    self.silence(asset, true);
                }
            }
        }
    }

    /// A coin fell silent, or speaks again.
    fn silence(&mut self, asset: AssetId, is_silent: bool) {
        let coin = self.about.universe.get(asset).coin.to_string();
        let at = self.clock.now() + self.shift;
        self.book.mark(at, "silence", &json!({ "asset": coin, "silent": is_silent }));
        let is_refused = self.links.iter().any(|link| link.is_refused(asset));
        let text = match (is_silent, is_refused) {
            (true, true) => format!("{coin}: the venue refuses its streams; asked for again"),
            (true, false) => format!("{coin}: nothing was said of it for 30 s; asked for again"),
            (false, _) => format!("{coin}: it is told of again"),
        };
        self.say(if is_silent {
            Alert::warn(Topic::Link, text)
        } else {
            Alert::info(Topic::Link, text)
        });
    }

    fn mark_subscriptions(&mut self, now: Nanos) {
        let coins: Vec<_> = self.about.universe.iter().map(|(_, i)| i.coin.to_string()).collect();
        let streams = STREAMS.map(|(_, name)| name);
        let About { network, recorder, .. } = &self.about;
        let what =
            json!({ "network": network, "recorder": recorder, "coins": coins, "streams": streams });
        self.book.mark(now + self.shift, "subscriptions", &what);
    }

    /// False = the disk is busy.
    fn write_manifest(&mut self, now: Nanos, state: &str) -> bool {
        let path = self.manifest_path();
        // Before the first line of a day there is no folder for it.
        if self.numbers.lines == 0 || !path.parent().is_some_and(Path::exists) {
            return true;
        }
        let text = self.book.day.manifest(&self.about, now + self.shift, state);
        self.disk.write_manifest(path, text)
    }

    fn manifest_path(&self) -> PathBuf {
        self.root.join(self.book.day.name()).join("manifest.json")
    }

    fn say(&mut self, alert: Alert) {
        let now = self.clock.now();
        self.outside.say(now, alert);
    }

    /// The last block, the index and the manifest.
    fn finish(mut self) -> Result<(), AppError> {
        self.outside.stops();
        let at = self.clock.now() + self.shift;
        self.book.mark(at, "end", &json!({}));
        self.hand_over();
        let path = self.manifest_path();
        let Self { disk, about, clock, shift, root, mut book, mut numbers, mut outside, .. } = self;
        let folder = root.join(book.day.name());
        let done = disk.finish(|news| {
            for told in news {
                match told {
                    Told::Wrote { lines, bytes, .. } => {
                        book.day.wrote(lines);
                        numbers.lines += lines;
                        numbers.bytes = bytes;
                    }
                    Told::Gap(gap) => book.day.misses(gap),
                    _ => {}
                }
            }
            let text = book.day.manifest(&about, clock.now() + shift, "ended");
            (if folder.exists() { path } else { PathBuf::new() }, text)
        });
        let (lines, gaps, mb) = (numbers.lines, numbers.gaps, numbers.bytes as f64 / 1e6);
        let text = format!("ended: {lines} lines, {gaps} gaps; the folder has {mb:.1} MB");
        let end = match &done {
            Ok(()) => Alert::info(Topic::Recorder, text),
            Err(why) => Alert::critical(Topic::Recorder, format!("{text}; {why}")),
        };
        outside.end(&|| clock.now(), end);
        let out = root.display().to_string();
        done.map_err(|why| {
            AppError::data(out, why, "look at the disk; the next start repairs what is not whole")
        })
    }
}
