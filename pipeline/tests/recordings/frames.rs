//! Recorded frames: scanner and twin read them alike, and as a naive reading by serde_json does.

use crate::decode_model::{RECV, universe};
use botmm_pipeline::types::{Level, MarketEvent, Px, Side, Universe};
use botmm_pipeline::venue::hl::Decoder;
use botmm_pipeline::venue::hl::decode::oracle;
use std::io::Read;
use std::path::Path;

fn px(text: &str) -> Px {
    Px::parse(text).unwrap()
}

pub fn recorded_frames_decode_alike(folder: &Path) {
    let entries = std::fs::read_dir(folder).unwrap();
    let universe = universe();
    let (mut market, mut old_form) = (0, 0);
    for path in entries.map(|e| e.unwrap().path()) {
        for frame in frames_of(&path) {
            let mut decoder = Decoder::new();
            let (result, events) = oracle(&mut decoder, frame.as_bytes(), &universe);
            let result = result.unwrap_or_else(|e| panic!("{}: {e}: {frame}", path.display()));
            match naive(&frame) {
                Some(expected) => assert_eq!(naive_of(&events, &universe), expected),
                None => assert!(events.is_empty(), "{result:?} from {frame}"),
            }
            if !events.is_empty() {
                market += 1;
                old_form += decoder.fallbacks();
                let old = path.extension().is_some_and(|e| e == "gz");
                assert_eq!(decoder.fallbacks(), u64::from(old), "{}: {frame}", path.display());
            }
        }
    }
    println!("{market} recorded market frames, {old_form} of them in the form of early 2025");
    assert!(market > 0, "recordings without a market frame");
}

/// What serde_json's document says: a third reading, as naive as can be.
fn naive(frame: &str) -> Option<String> {
    let v: serde_json::Value = serde_json::from_str(frame).ok()?;
    let text = |v: &serde_json::Value| v.as_str().map(str::to_string);
    let number = |v: &serde_json::Value| Some(px(v.as_str()?).to_string());
    let level = |l: &serde_json::Value| match l.is_null() {
        true => Some("0x0 ".to_string()),
        false => Some(format!("{}x{} ", number(&l["px"])?, number(&l["sz"])?)),
    };
    let side = |s: &serde_json::Value| s.as_array()?.iter().map(level).collect::<Option<String>>();
    let (data, mut out) = (&v["data"], String::new());
    match text(&v["channel"])?.as_str() {
        "l2Book" => {
            out += &format!("{} {} ", text(&data["coin"])?, data["time"]);
            out += &format!("{}| {}", side(&data["levels"][0])?, side(&data["levels"][1])?);
        }
        "bbo" => {
            out += &format!("{} {} ", text(&data["coin"])?, data["time"]);
            out += &format!("{}| {}", level(&data["bbo"][0])?, level(&data["bbo"][1])?);
        }
        "trades" => {
            for t in data.as_array()? {
                out += &format!("{} {} {} ", text(&t["coin"])?, t["time"], text(&t["side"])?);
                out += &format!("{}x{} {}; ", number(&t["px"])?, number(&t["sz"])?, t["tid"]);
            }
        }
        "activeAssetCtx" => {
            let received = RECV.as_millis();
            out += &format!("{} {received} ", text(&data["coin"])?);
            out += &number(&data["ctx"]["markPx"])?;
        }
        _ => return None,
    }
    Some(out)
}

/// The same of decoded events.
fn naive_of(events: &[MarketEvent], universe: &Universe) -> String {
    let level = |l: &Level| format!("{}x{} ", l.px, l.qty);
    let mut out = String::new();
    for event in events {
        out += &format!("{} {} ", universe.get(event.asset()).coin, event.venue_time().as_millis());
        match event {
            MarketEvent::Book(b) => {
                let side = |side| b.side(side).iter().map(level).collect::<String>();
                out += &format!("{}| {}", side(Side::Bid), side(Side::Ask));
            }
            MarketEvent::Bbo(b) => out += &format!("{}| {}", level(&b.bid), level(&b.ask)),
            MarketEvent::Trade(t) => {
                let side = if t.aggressor == Side::Bid { "B" } else { "A" };
                out += &format!("{side} {}x{} {}; ", t.px, t.qty, t.tid);
            }
            MarketEvent::Mark(m) => out += &m.px.to_string(),
            MarketEvent::Status(_) | MarketEvent::Level(_) => unreachable!("no frame tells it"),
        }
    }
    out
}

/// The frames of one recording: a frame a line, or one after a time stamp, or inside the venue's
/// archive record.
fn frames_of(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        std::io::BufReader::new(file).read_to_string(&mut text).unwrap();
    }
    let frame = |line: &str| {
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        match line.split_once("\"raw\":") {
            Some((_, raw)) => raw[..raw.len() - 1].to_string(),
            None => line.to_string(),
        }
    };
    text.lines().filter(|l| !l.trim().is_empty()).map(frame).collect()
}
