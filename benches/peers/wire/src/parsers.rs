//! Frames of an l2Book to fixed-point numbers by three parsers.

use crate::Work;
use crate::made::{fixed, told};
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
    parse: fn(&mut Vec<u8>, &mut Vec<(i64, i64)>),
    bytes: Vec<u8>,
    levels: Vec<(i64, i64)>,
}

fn typed(frames: &[String], parse: fn(&mut Vec<u8>, &mut Vec<(i64, i64)>)) -> Box<dyn Work> {
    Box::new(Typed { frames: frames.to_vec(), parse, bytes: Vec::new(), levels: Vec::new() })
}

impl Work for Typed {
    fn call(&mut self, i: usize) {
        let frame = self.frames[i % self.frames.len()].as_bytes();
        // simd-json writes into what it reads, so each has a copy, as of a socket's buffer.
        self.bytes.clear();
        self.bytes.extend_from_slice(black_box(frame));
        self.levels.clear();
        (self.parse)(&mut self.bytes, &mut self.levels);
    }
    fn made(&self) -> String {
        told(self.levels.iter().copied())
    }
}

fn take(frame: &Frame<'_>, levels: &mut Vec<(i64, i64)>) {
    let all = frame.data.levels.iter().flatten();
    levels.extend(all.map(|level| (fixed(level.px), fixed(level.sz))));
}

pub fn serde_json(frames: &[String]) -> Box<dyn Work> {
    typed(frames, |bytes, levels| take(&serde_json::from_slice(bytes).expect("a frame"), levels))
}

pub fn simd_json(frames: &[String]) -> Box<dyn Work> {
    typed(frames, |bytes, levels| take(&simd_json::from_slice(bytes).expect("a frame"), levels))
}

pub fn sonic_rs(frames: &[String]) -> Box<dyn Work> {
    typed(frames, |bytes, levels| take(&sonic_rs::from_slice(bytes).expect("a frame"), levels))
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
    typed(frames, |bytes, levels| {
        let frame: OwnedFrame = serde_json::from_slice(bytes).expect("a frame");
        levels.extend(frame.data.levels.iter().flatten().map(|l| (fixed(&l.px), fixed(&l.sz))));
    })
}
