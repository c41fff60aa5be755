//! Keeps a run's capture, on a thread of its own: the lanes and the side thread only push. What the disk does
//! not take in time is lost and marked; that never holds up a lane.

use super::built::Built;
use super::line::{self, Asked, End, Said};
use crate::data::capture::{Block, Folder, SegmentWriter, WRITER};
use crate::exit::AppError;
use botmm_pipeline::rt::{Cycle, In, Shared, WallClock};
use botmm_pipeline::types::{Nanos, ParamsChange};
use botmm_pipeline::venue::tap::TapIn;
use botmm_pipeline::wiring;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between two looks at what has come.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A block at the latest after so long, or so many bytes (and a line).
const BLOCK_EVERY: Nanos = Nanos::secs(1);
const BLOCK_BYTES: usize = 4 << 20;
/// A segment at the latest after so long.
const SEGMENT_EVERY: Nanos = Nanos::secs(3_600);

/// Where everything comes from.
pub struct Sources {
    /// The market's connection.
    pub market: TapIn,
    /// The order connection.
    pub orders: TapIn,
    /// Of each lane.
    pub cycles: Vec<In<Cycle>>,
    /// From the side thread.
    pub asked: wiring::Asked,
    /// Whose hashes the end tells.
    pub shared: Arc<dyn Shared>,
}

/// The side thread's end.
pub struct Blackbox {
    stop: Arc<AtomicBool>,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
    root: PathBuf,
    is_told: bool,
}

#[derive(Default)]
struct State {
    /// Nothing more is kept: too large, or the disk failed. Why.
    cut: std::sync::OnceLock<String>,
    bytes: AtomicU64,
}

struct Writer {
    folder: Folder,
    segment: Option<SegmentWriter>,
    sources: Sources,
    said: Said,
    params: Vec<ParamsChange>,
    lost_asked: u64,
    block: Block,
    last_block: Nanos,
    max_bytes: u64,
    state: Arc<State>,
}

impl Blackbox {
    /// Begins with what the pipeline was built from. At most so many bytes are kept.
    ///
    /// # Errors
    /// The folder cannot be written, or the thread cannot start.
    pub fn start(
        root: &Path,
        built: &Built,
        sources: Sources,
        clock: WallClock,
        max_bytes: u64,
    ) -> Result<Self, AppError> {
        let (stop, state) = (Arc::new(AtomicBool::new(false)), Arc::new(State::default()));
        let mut writer = Writer {
            folder: Folder::take(root)?,
            segment: None,
            sources,
            said: Said::default(),
            params: Vec::new(),
            lost_asked: 0,
            block: Block::default(),
            last_block: clock.now(),
            max_bytes,
            state: state.clone(),
        };
        let now = clock.now();
        writer.add(now, line::of_run(now, built));
        writer.block(now).map_err(AppError::io(root, "write"))?;
        let is_over = stop.clone();
        let run = move || writer.run(&is_over, &clock);
        let thread = thread::Builder::new().name("capture".to_owned()).spawn(run);
        let thread = Some(thread.map_err(AppError::io("threads", "start"))?);
        Ok(Self { stop, state, thread, root: root.to_owned(), is_told: false })
    }

    /// Once: why nothing more is kept.
    pub fn news(&mut self) -> Option<String> {
        let cut = self.state.cut.get().filter(|_| !self.is_told)?;
        self.is_told = true;
        Some(format!("this run is not captured any more, and cannot be repeated from here: {cut}"))
    }

    /// Keeps what is left, when the lanes have stopped; what there is of it, in words.
    pub fn finish(mut self) -> String {
        self.stop.store(true, Ordering::Release);
        let is_lost = self.thread.take().is_some_and(|thread| thread.join().is_err());
        let kib = self.state.bytes.load(Ordering::Relaxed) >> 10;
        let root = self.root.display();
        match self.state.cut.get() {
            _ if is_lost => format!("captured: the thread died, {root} is not whole"),
            Some(why) => format!("captured: {kib} KiB in {root}, not to the end: {why}"),
            None => format!("captured: {kib} KiB in {root} (`botmm parity {root}`)"),
        }
    }
}

impl Writer {
    fn run(mut self, is_over: &AtomicBool, clock: &WallClock) {
        loop {
            let ends = is_over.load(Ordering::Acquire);
            let now = clock.now();
            self.drain(now);
            if ends {
                let told = self.sources.shared.told();
                self.flush_params(now);
                let end = End { told, cut: self.state.cut.get().is_some() };
                self.add(now, line::of_end(now, end));
            }
            let is_due = ends || now - self.last_block >= BLOCK_EVERY;
            if self.state.cut.get().is_none()
                && is_due
                && let Err(e) = self.block(now)
            {
                let _ = self.state.cut.set(format!("the disk did not take it: {e}"));
            }
            if ends {
                if let Some(segment) = self.segment.take() {
                    drop(segment.close()); // Without an index it is read as well.
                }
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Takes what has come.
    fn drain(&mut self, now: Nanos) {
        // What a cycle took is there before the cycle is: so the cycles are looked at first.
        let mut cycles = Vec::new();
        for lane in &mut self.sources.cycles {
            cycles.extend(std::iter::from_fn(|| lane.pop()));
        }
        while let Some((at, item)) = self.sources.market.pop() {
            self.add(at, line::of_item(at, true, item));
        }
        while let Some((at, item)) = self.sources.orders.pop() {
            self.add(at, line::of_item(at, false, item));
        }
        self.drain_asked(now);
        for cycle in cycles {
            let text = self.said.write(&cycle);
            self.add(cycle.now, text);
        }
    }

    fn drain_asked(&mut self, now: Nanos) {
        while let Some(command) = self.sources.asked.quote.pop() {
            self.add(now, line::of_asked(now, &Asked::Quote(Box::new(command))));
        }
        while let Some(command) = self.sources.asked.risk.pop() {
            self.add(now, line::of_asked(now, &Asked::Risk(command)));
        }
        // A generation is whole once another look finds no more of it.
        let before = self.params.len();
        while let Some(change) = self.sources.asked.params.pop() {
            if self.params.last().is_some_and(|last| last.generation != change.generation) {
                self.flush_params(now);
            }
            self.params.push(change);
        }
        if self.params.len() == before {
            self.flush_params(now);
        }
        let asked = &self.sources.asked;
        let lost = asked.quote.stats().dropped()
            + asked.risk.stats().dropped()
            + asked.params.stats().dropped();
        if lost > self.lost_asked {
            self.add(now, line::of_asked(now, &Asked::Lost(lost - self.lost_asked)));
            self.lost_asked = lost;
        }
    }

    fn flush_params(&mut self, now: Nanos) {
        if !self.params.is_empty() {
            let params = std::mem::take(&mut self.params);
            self.add(now, line::of_asked(now, &Asked::Params(params)));
        }
    }

    fn add(&mut self, at: Nanos, line: Vec<u8>) {
        if self.state.cut.get().is_some() {
            return;
        }
        if self.block.text.len() + line.len() > BLOCK_BYTES
            && let Err(e) = self.block(at)
        {
            let _ = self.state.cut.set(format!("the disk did not take it: {e}"));
            return;
        }
        self.block.add(at, &line);
    }

    /// Writes a block, and begins and closes segments.
    fn block(&mut self, now: Nanos) -> std::io::Result<()> {
        self.last_block = now;
        let block = std::mem::take(&mut self.block);
        if block.lines == 0 {
            return Ok(());
        }
        if self.segment.as_ref().is_some_and(|s| now - s.begun() >= SEGMENT_EVERY)
            && let Some(whole) = self.segment.take()
        {
            whole.close()?;
        }
        let segment = match &mut self.segment {
            Some(segment) => segment,
            none => none.insert(self.folder.begin(now, WRITER)?),
        };
        let before = segment.len();
        segment.append(&block.text, block.lines, (block.first, block.last))?;
        let bytes = self.state.bytes.fetch_add(segment.len() - before, Ordering::Relaxed);
        if bytes >= self.max_bytes {
            let why = format!("it has {} MiB, as much as it may (capture_max_mb)", bytes >> 20);
            let _ = self.state.cut.set(why);
        }
        Ok(())
    }
}
