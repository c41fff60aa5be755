//! The book: a snapshot in, a touch in, the figures that the quoter reads, and the whole stage.
//!
//! `cargo bench --bench book`. Each call takes the next of 256 different books, so that no branch
//! predictor learns one by heart.

mod harness;

use botmm_pipeline::logic::book::Book;
use botmm_pipeline::rt::{In, OutLatest, Stage, ring};
use botmm_pipeline::stage::book::BookStage;
use botmm_pipeline::stage::params::ParamsIn;
use botmm_pipeline::types::limits::{RING_BOOKS, RING_MARKET, RING_VIEW};
use botmm_pipeline::types::{Bbo, BookSnapshot, BookState, BookView, Level, MarketEvent, Px, Side};
use botmm_pipeline::venue::market_ring::{MarketOut, market_ring};
use harness::{Samples, made};
use std::hint::black_box;

const BOOKS: usize = 256;
/// Operations of a timed call: every book once.
const CALLS: usize = 5_000;
/// Timed polls of the stage.
const POLLS: usize = 200_000;
/// Levels of the imbalance, as by default.
const LEVELS: usize = 5;
/// Twice this, and a touch is too wide to have a mid.
const LARGE_MOVE: f64 = 0.01;

fn main() {
    harness::print_rig();
    let books = made::books(BOOKS, 5);
    // A touch inside the book before it: it has levels to drop and one to put in front.
    let touches: Vec<Bbo> = books.iter().cycle().skip(1).take(BOOKS).map(made::bbo_of).collect();
    assert_equal_to_naive(&books, &touches);
    time_book(&books, &touches);
    time_stage(&books);
}

/// What a book must look like and say, computed the long way.
struct Naive {
    sides: [Vec<Level>; 2],
}

impl Naive {
    fn of(book: &BookSnapshot) -> Self {
        Self { sides: [book.bids().to_vec(), book.asks().to_vec()] }
    }
    fn touch(mut self, bbo: &Bbo) -> Self {
        for (side, best) in [(Side::Bid, bbo.bid), (Side::Ask, bbo.ask)] {
            let levels = &mut self.sides[side.index()];
            levels.retain(|l| side.is_better(best.px, l.px));
            levels.insert(0, best);
            levels.truncate(botmm_pipeline::types::limits::BOOK_LEVELS);
        }
        self
    }
    fn assert_equal(&self, book: &Book) {
        for side in Side::BOTH {
            assert_eq!(book.side(side), self.sides[side.index()]);
        }
        let [bid, ask] = [0, 1].map(|i| self.sides[i][0]);
        let (b, a) = (bid.qty.to_f64(), ask.qty.to_f64());
        let mid = (bid.px.to_f64() + ask.px.to_f64()) / 2.0;
        let microprice = (bid.px.to_f64() * a + ask.px.to_f64() * b) / (a + b);
        let sum = |i: usize| self.sides[i].iter().take(LEVELS).map(|l| l.qty.to_f64()).sum::<f64>();
        let imbalance = (sum(0) - sum(1)) / (sum(0) + sum(1));
        let near = |is: f64, wanted: f64| assert!((is - wanted).abs() < 1e-6, "{is} {wanted}");
        let price = |px: Option<Px>| px.map_or(f64::NAN, Px::to_f64);
        near(price(book.mid()), mid);
        near(price(book.microprice()), microprice);
        near(book.imbalance(LEVELS).unwrap_or(f64::NAN), imbalance);
    }
}

fn assert_equal_to_naive(books: &[BookSnapshot], touches: &[Bbo]) {
    for (snapshot, touch) in books.iter().zip(touches) {
        let mut book = Book::default();
        assert!(book.apply_snapshot(snapshot));
        Naive::of(snapshot).assert_equal(&book);
        // The last touch is of the first book: older than the snapshot, and to be ignored.
        let newer = touch.venue_time >= snapshot.venue_time;
        assert_eq!(book.apply_bbo(touch), newer);
        if newer && book.state(LARGE_MOVE) == BookState::Ok {
            Naive::of(snapshot).touch(touch).assert_equal(&book);
        }
    }
}

type Figures = (BookState, Option<Px>, Option<Px>, Option<f64>);

fn figures(book: &Book) -> Figures {
    (book.state(LARGE_MOVE), book.mid(), book.microprice(), book.imbalance(LEVELS))
}

fn time_book(books: &[BookSnapshot], touches: &[Bbo]) {
    // Time stands still: none is older than what the book has.
    let mut books = books.to_vec();
    books.iter_mut().for_each(|b| b.venue_time = made::START);
    let mut touches = touches.to_vec();
    touches.iter_mut().for_each(|b| b.venue_time = made::START);
    let full: Vec<Book> = books.iter().map(book_of).collect();
    let (mut a, mut b) = (Book::default(), full[0].clone());
    let mut taken = true;
    let mut candidates: [harness::Candidate; 3] = [
        (
            "apply_snapshot, 20 x 2 levels",
            Box::new(|| {
                for snapshot in black_box(&books) {
                    taken &= a.apply_snapshot(snapshot);
                    black_box(&a);
                }
            }),
        ),
        (
            "apply_bbo + mid, micro, imbalance",
            Box::new(|| {
                for touch in black_box(&touches) {
                    b.apply_bbo(touch);
                    black_box(figures(&b));
                }
            }),
        ),
        (
            "mid, micro, imbalance alone",
            Box::new(|| {
                for book in black_box(&full) {
                    black_box(figures(book));
                }
            }),
        ),
    ];
    let results = harness::interleave_batches(&mut candidates, CALLS, BOOKS);
    drop(candidates);
    assert!(taken, "every snapshot was applied");
    harness::print_table("the book alone", &results);
}

fn book_of(snapshot: &BookSnapshot) -> Book {
    let mut book = Book::default();
    book.apply_snapshot(snapshot);
    book
}

/// A book stage with the outer ends of its rings.
struct Rig {
    stage: BookStage,
    tx: MarketOut,
    rx: In<BookView>,
}

impl Rig {
    fn new() -> Self {
        let (tx, input) = market_ring(("bench->book", RING_MARKET), ("books", RING_BOOKS));
        let (views, rx) = ring("book->bench", RING_VIEW);
        let changes = ParamsIn::new(ring("side->book params", 1).1);
        let stage = BookStage::new(input, OutLatest::new(views, 1), changes, &[made::params()]);
        Self { stage, tx, rx }
    }

    /// One event through the stage; what its poll took.
    fn step(&mut self, event: MarketEvent, watch: &harness::Stopwatch) -> (u64, Option<BookView>) {
        assert!(self.tx.push(0, event.lend()), "one event at a time cannot fill a ring");
        let mut work = 0;
        let ns = watch.time(&mut || work = self.stage.poll(event.recv_time()));
        assert_eq!(work, 1);
        (ns, self.rx.pop())
    }
}

/// Poll to poll: event out of its ring, book, estimates, view into the next ring.
fn time_stage(books: &[BookSnapshot]) {
    let watch = harness::Stopwatch::new();
    let (mut rig, mut twin) = (Rig::new(), Book::default());
    let mut of_book = Samples::new("poll, a snapshot");
    let mut of_touch = Samples::new("poll, a touch");
    for i in 0..harness::calls(POLLS) {
        let mut book = books[i % BOOKS];
        book.venue_time = made::START + botmm_pipeline::types::Nanos(500_000_000 * i as i64);
        book.recv_time = book.venue_time;
        let touch = made::bbo_of(&book);
        twin.apply_snapshot(&book);
        for (event, samples) in
            [(MarketEvent::Book(book), &mut of_book), (MarketEvent::Bbo(touch), &mut of_touch)]
        {
            let (ns, view) = rig.step(event, &watch);
            let seen = view.map(|v| (v.state, v.mid, v.microprice));
            assert_eq!(seen, Some((BookState::Ok, twin.mid(), twin.microprice())));
            samples.record(ns);
        }
    }
    let results = [of_book.percentiles(), of_touch.percentiles()];
    harness::print_table("BookStage, one event a poll", &results);
}
