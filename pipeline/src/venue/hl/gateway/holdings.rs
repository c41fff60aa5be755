//! What the venue has told us that we hold: positions by fills, each counted once, and orders that
//! rest. Compared with the venue's own lists now and then; the order manager's slots stay the
//! authority for what is traded.

use crate::logic::ledger::FillMemory;
use crate::types::limits::{MAX_ASSETS, MAX_QTY, SLOTS_PER_ASSET};
use crate::types::{AssetId, Cloid, Fill, Nanos, Oid, Qty, VenueEventKind};

/// An order that rests, as far as we were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Ours.
    pub cloid: Cloid,
    /// Whose.
    pub asset: AssetId,
    /// The venue's.
    pub oid: Oid,
    /// When we heard of it.
    pub since: Nanos,
}

/// What a fill that was told turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// One that changes the position.
    New,
    /// Counted before, or part of the opening positions.
    Known,
    /// One that would carry the position beyond any account's: not counted.
    TooLarge,
}

/// What is known of a slot of the order manager's.
#[derive(Clone, Copy, Default)]
struct InSlot {
    /// The newest order that was placed there. Of any other one nobody wants to hear.
    newest: Cloid,
    resting: Option<Resting>,
}

/// See the module.
pub struct Holdings {
    memory: FillMemory,
    positions: Vec<Qty>,
    funding: Vec<FundingMemory>,
    by_slot: Vec<InSlot>,
    /// The opening positions were read. Fills told before that are part of them.
    opened: bool,
    /// Fills up to this venue time are older than any that was asked for: part of the opening too.
    floor: Nanos,
    /// Fills told before the opening.
    before: u64,
    /// Every fill up to this venue time has been told.
    listed: Nanos,
}

/// Payments remembered of an asset: they come hourly, so these are of days.
const PAYMENTS: usize = 64;

/// Which funding payments of an asset have counted. The venue lists them in any order.
#[derive(Clone, Copy)]
struct FundingMemory {
    times: [Nanos; PAYMENTS],
    next: usize,
    /// Whatever is not newer has counted, or is part of the opening.
    floor: Nanos,
}

impl FundingMemory {
    fn new(floor: Nanos) -> Self {
        Self { times: [Nanos::ZERO; PAYMENTS], next: 0, floor }
    }

    fn is_new(&mut self, time: Nanos) -> bool {
        if time <= self.floor || self.times.contains(&time) {
            return false;
        }
        let forgotten = core::mem::replace(&mut self.times[self.next], time);
        self.floor = self.floor.max(forgotten);
        self.next = (self.next + 1) % PAYMENTS;
        true
    }
}

impl Holdings {
    /// Nothing, of so many assets.
    pub fn new(assets: usize) -> Self {
        let mut memory = FillMemory::default();
        memory.fault_in();
        Self {
            memory,
            positions: vec![Qty::ZERO; assets],
            funding: vec![FundingMemory::new(Nanos::ZERO); assets],
            by_slot: vec![InSlot::default(); MAX_ASSETS * SLOTS_PER_ASSET],
            opened: false,
            floor: Nanos::ZERO,
            before: 0,
            listed: Nanos::ZERO,
        }
    }

    /// Whether the opening positions were read.
    pub fn is_opened(&self) -> bool {
        self.opened
    }

    /// Before the opening, fills are listed from this venue time on.
    pub fn begin_at(&mut self, floor: Nanos) {
        (self.floor, self.listed) = (floor, floor);
    }

    /// How many fills were told before the opening: when that grows while the positions are read, a
    /// fill may or may not be part of them.
    pub fn told_before(&self) -> u64 {
        self.before
    }

    /// The positions that everything begins with. Fills are told apart by whether they were told
    /// before, not by the time of the state: the venue may misdate it.
    pub fn open(&mut self, time: Nanos, positions: &[Qty]) {
        self.positions.copy_from_slice(positions);
        self.opened = true;
        self.funding.fill(FundingMemory::new(time));
    }

    /// Whether the venue's positions are ours.
    pub fn agrees(&self, positions: &[Qty]) -> bool {
        self.positions == positions
    }

    /// Fills after this venue time may not have been told.
    pub fn listed(&self) -> Nanos {
        self.listed
    }

    /// All fills up to this venue time have been told.
    pub fn on_listed(&mut self, time: Nanos) {
        self.listed = self.listed.max(time);
    }

    /// Counts a fill, once.
    pub fn on_fill(&mut self, time: Nanos, asset: AssetId, fill: &Fill) -> Counted {
        let is_new = time > self.floor && self.memory.is_new(time, asset, fill);
        if !self.opened {
            self.before += u64::from(is_new);
        }
        if !self.opened || !is_new {
            return Counted::Known;
        }
        let position = self.positions[asset.index()] + fill.side.signed(fill.qty);
        if position.abs() > MAX_QTY {
            return Counted::TooLarge;
        }
        self.positions[asset.index()] = position;
        Counted::New
    }

    /// Counts a funding payment, as above.
    pub fn on_funding(&mut self, time: Nanos, asset: AssetId) -> bool {
        self.opened && self.funding[asset.index()].is_new(time)
    }

    /// An order was sent.
    pub fn on_placed(&mut self, cloid: Cloid) {
        if let Some(slot) = self.by_slot.get_mut(usize::from(cloid.slot())) {
            *slot = InSlot { newest: cloid, resting: None };
        }
    }

    /// What an order's event says about what rests. Words of an order that an earlier run left, or
    /// that another one has replaced (the venue's ids grow), come late and are not heeded.
    pub fn on_order(&mut self, now: Nanos, cloid: Cloid, asset: AssetId, kind: &VenueEventKind) {
        let Some(slot) = self.by_slot.get_mut(usize::from(cloid.slot())) else { return };
        if slot.newest != cloid {
            return;
        }
        match kind {
            VenueEventKind::Ack { oid, .. } if slot.resting.is_none_or(|r| r.oid <= *oid) => {
                slot.resting = Some(Resting { cloid, asset, oid: *oid, since: now });
            }
            VenueEventKind::Done(done) if slot.resting.is_some_and(|r| r.oid == done.oid) => {
                slot.resting = None;
            }
            _ => {}
        }
    }

    /// Whether we know of this order.
    pub fn knows(&self, cloid: Cloid) -> bool {
        let slot = self.by_slot.get(usize::from(cloid.slot()));
        slot.and_then(|s| s.resting).is_some_and(|r| r.cloid == cloid)
    }

    /// Takes out one resting order of which this is true.
    pub fn take_resting(&mut self, is_it: impl Fn(&Resting) -> bool) -> Option<Resting> {
        self.by_slot.iter_mut().find_map(|slot| slot.resting.take_if(|resting| is_it(resting)))
    }
}
