//! Frames of an l2Book to fixed-point numbers by three parsers.

use crate::Work;
use crate::made::{Made, fixed, told};
use serde::Deserialize;
use std::hint::black_box;

/// A frame with its numbers as text.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    levels: [Vec<Level<'a>>; 2],
}

#[derive(Deserialize)]
struct Level<'a> {
    px: &'a str,
    sz: &'a str,
}

/// A parser's frame, its levels made fixed-point numbers.
struct Typed {
    frames: Vec<String>,
    parse: fn(&mut Vec<u8>, &mut Sides),
    bytes: Vec<u8>,
    sides: Sides,
}

/// Bids and asks.
type Sides = [Vec<(i64, i64)>; 2];

fn typed(frames: &[String], parse: fn(&mut Vec<u8>, &mut Sides)) -> Box<dyn Work> {
    let (bytes, sides) = Default::default();
    Box::new(Typed { frames: frames.to_vec(), parse, bytes, sides })
}

impl Work for Typed {
    fn call(&mut self, i: usize) {
        let frame = self.frames[i % self.frames.len()].as_bytes();
        // simd-json writes into what it reads, so each has a copy, as of a socket's buffer.
        self.bytes.clear();
        self.bytes.extend_from_slice(black_box(frame));
        self.sides.iter_mut().for_each(Vec::clear);
        (self.parse)(&mut self.bytes, &mut self.sides);
    }
    fn made(&self) -> Made {
        told(self.sides.clone())
    }
}

fn take(frame: &Frame<'_>, sides: &mut Sides) {
    for (side, levels) in sides.iter_mut().zip(&frame.data.levels) {
        side.extend(levels.iter().map(|level| (fixed(level.px), fixed(level.sz))));
    }
}

pub fn serde_json(frames: &[String]) -> Box<dyn Work> {
    typed(frames, |bytes, sides| take(&serde_json::from_slice(bytes).expect("a frame"), sides))
}

pub fn simd_json(frames: &[String]) -> Box<dyn Work> {
    typed(frames, |bytes, sides| take(&simd_json::from_slice(bytes).expect("a frame"), sides))
}

pub fn sonic_rs(frames: &[String]) -> Box<dyn Work> {
    typed(frames, |bytes, sides| take(&sonic_rs::from_slice(bytes).expect("a frame"), sides))
}

/// The same with text of its own, as a client's types are made that keeps its messages.
#[derive(Deserialize)]
struct OwnedFrame {
    data: OwnedData,
}

#[derive(Deserialize)]
struct OwnedData {
    levels: [Vec<OwnedLevel>; 2],
}

#[derive(Deserialize)]
struct OwnedLevel {
    px: String,
    sz: String,
}

pub fn serde_json_owned(frames: &[String]) -> Box<dyn Work> {
    typed(frames, |bytes, sides| {
        let frame: OwnedFrame = serde_json::from_slice(bytes).expect("a frame");
        for (side, levels) in sides.iter_mut().zip(&frame.data.levels) {
            side.extend(levels.iter().map(|level| (fixed(&level.px), fixed(&level.sz))));
        }
    })
}
