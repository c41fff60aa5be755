//! The marks of a run's capture: everything but the market's frames.
//!
//! | channel | what |
//! |---|---|
//! | `botmm.run` | what the pipeline was built from; the first line |
//! | `botmm.cycle` | one duty cycle of a lane |
//! | `botmm.link` | a connection opened or closed, did not take a frame, or its record is not whole |
//! | `botmm.orders` | a frame of the order connection, as it came |
//! | `botmm.asked` | what the side thread asked of a stage |
//! | `botmm.end` | what all came to; without it the run was killed, or its record was cut |

use super::built::Built;
use crate::data::capture::mark::{Gap, PREFIX, line};
use crate::data::capture::write_frame;
use botmm_pipeline::rt::Cycle;
use botmm_pipeline::rt::cycles::MAX_INPUTS;
use botmm_pipeline::types::{Nanos, ParamsChange, QuoteCommand, RiskCommand};
use botmm_pipeline::venue::tap::Item;
use serde::{Deserialize, Serialize};

/// How a frame of the order connection is wrapped.
const ORDERS: (&[u8], &[u8]) = (b"{\"channel\":\"botmm.orders\",\"data\":", b"}");

/// One line of a run's capture.
#[derive(Debug)]
pub enum Line {
    /// See the module.
    Run(Box<Built>),
    /// See the module.
    Cycle(Cycle),
    /// What the market's connection said.
    Market(Item),
    /// What the order connection said.
    Orders(Item),
    /// See the module.
    Asked(Asked),
    /// See the module.
    End(End),
    /// Between two lines there were others: the reader's word of damage, or the recorder's of a gap.
    Gap(String),
    /// Another's mark.
    Other,
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Asked {
    /// Of the quote stage.
    Quote(Box<QuoteCommand>),
    /// Of the risk stage.
    Risk(RiskCommand),
    /// Of all, in one generation.
    Params(Vec<ParamsChange>),
    /// So many were asked for that are not on record.
    Lost(u64),
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Hashes over all decisions and actions.
    pub told: [u64; 2],
    /// Why nothing more was kept, when that was before the run's end.
    pub cut: bool,
}

#[derive(Serialize, Deserialize)]
struct Mark<T> {
    channel: String,
    data: T,
}

/// A cycle, short: most take nothing from most ways in, and change no hash.
#[derive(Serialize, Deserialize)]
struct Short {
    l: u8,
    #[serde(default, skip_serializing_if = "is_default")]
    lost: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    moved: bool,
    /// Way in and how much.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    t: Vec<(u8, u16)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<[i64; 3]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<[u64; 2]>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Serialize, Deserialize)]
struct Link {
    link: Of,
    what: What,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Of {
    Market,
    Orders,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Opened,
    Closed,
    Unsent(u64),
    Lost(u64),
}

/// What cycles say only when it changes, by lane.
#[derive(Default)]
pub struct Said([([i64; 3], [u64; 2]); 8]);

impl Said {
    /// A cycle as a line.
    pub fn write(&mut self, cycle: &Cycle) -> Vec<u8> {
        let said = &mut self.0[usize::from(cycle.lane) % 8];
        let t = (0..).zip(cycle.took).filter(|(_, took)| *took > 0).collect();
        let s = (said.0 != cycle.shared).then_some(cycle.shared);
        let h = (said.1 != cycle.told).then_some(cycle.told);
        *said = (cycle.shared, cycle.told);
        let Cycle { lane, lost, moved, .. } = *cycle;
        line(cycle.now, "cycle", &Short { l: lane, lost, moved, t, s, h })
    }

    fn read(&mut self, now: Nanos, short: &Short) -> Option<Cycle> {
        let said = self.0.get_mut(usize::from(short.l))?;
        *said = (short.s.unwrap_or(said.0), short.h.unwrap_or(said.1));
        let mut took = [0; MAX_INPUTS];
        for (input, n) in &short.t {
            *took.get_mut(usize::from(*input))? = *n;
        }
        let (shared, told) = *said;
        let Short { l: lane, lost, moved, .. } = *short;
        Some(Cycle { now, lane, lost, moved, took, shared, told })
    }
}

/// What the run was built from, as a line.
pub fn of_run(at: Nanos, built: &Built) -> Vec<u8> {
    line(at, "run", built)
}

/// What was asked, as a line.
pub fn of_asked(at: Nanos, asked: &Asked) -> Vec<u8> {
    line(at, "asked", asked)
}

/// The end, as a line.
pub fn of_end(at: Nanos, end: End) -> Vec<u8> {
    line(at, "end", &end)
}

/// What a connection said, as a line.
pub fn of_item(at: Nanos, is_market: bool, item: Item) -> Vec<u8> {
    let what = match item {
        Item::Frame(frame) => {
            let (before, after) = if is_market { (&[][..], &[][..]) } else { ORDERS };
            let mut text = Vec::with_capacity(frame.len() + 64);
            write_frame(&mut text, at, [before, &frame, after]);
            return text;
        }
        Item::Opened => What::Opened,
        Item::Closed => What::Closed,
        Item::Unsent(number) => What::Unsent(number),
        Item::Lost(items) => What::Lost(items),
    };
    let of = if is_market { Of::Market } else { Of::Orders };
    line(at, "link", &Link { link: of, what })
}

/// Reads a line of such a capture.
///
/// # Errors
/// In words: it is none.
pub fn read(text: &[u8], said: &mut Said) -> Result<(Nanos, Line), String> {
    let space = text.iter().position(|b| *b == b' ').ok_or("no time at its beginning")?;
    let time = std::str::from_utf8(&text[..space]).ok().and_then(|ns| ns.parse().ok());
    let (now, json) = (Nanos(time.ok_or("no time at its beginning")?), &text[space + 1..]);
    if let Some(frame) = json.strip_prefix(ORDERS.0).and_then(|rest| rest.strip_suffix(ORDERS.1)) {
        return Ok((now, Line::Orders(Item::Frame(frame.to_vec()))));
    }
    let Some(name) = json.strip_prefix(PREFIX) else {
        return Ok((now, Line::Market(Item::Frame(json.to_vec()))));
    };
    let name = name.split(|b| *b == b'"').next().unwrap_or_default();
    let line = match name {
        b"run" => {
            let other = |e| format!("it is of another botmm, which built from other things: {e}");
            Line::Run(data(json).map_err(other)?)
        }
        b"cycle" => {
            Line::Cycle(said.read(now, &data(json)?).ok_or("a cycle of no lane, or no way in")?)
        }
        b"gap" => Line::Gap(Gap::read(json).ok_or("a gap that cannot be read")?.why),
        b"asked" => Line::Asked(data(json)?),
        b"end" => Line::End(data(json)?),
        b"link" => {
            let Link { link, what } = data(json)?;
            let item = match what {
                What::Opened => Item::Opened,
                What::Closed => Item::Closed,
                What::Unsent(number) => Item::Unsent(number),
                What::Lost(items) => Item::Lost(items),
            };
            match link {
                Of::Market => Line::Market(item),
                Of::Orders => Line::Orders(item),
            }
        }
        _ => Line::Other,
    };
    Ok((now, line))
}

fn data<T: for<'a> Deserialize<'a>>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice::<Mark<T>>(json).map(|mark| mark.data).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::types::{AssetId, AssetParams, Candle, Px, Series};

    fn again(text: &[u8]) -> (Nanos, Line) {
        read(text.strip_suffix(b"\n").unwrap(), &mut Said::default()).unwrap()
    }

    #[test]
    fn what_a_connection_said_is_read_as_it_came() {
        for (is_market, json) in [
            (true, &br#"{"channel":"bbo","data":{}}"#[..]),
            (false, br#"{"channel":"post","data":{"id":7}}"#),
            (false, b"no json, }"),
        ] {
            let (at, line) = again(&of_item(Nanos(5), is_market, Item::Frame(json.to_vec())));
            let (Line::Market(item) | Line::Orders(item)) = &line else { panic!("{line:?}") };
            assert_eq!((at, item), (Nanos(5), &Item::Frame(json.to_vec())));
            assert_eq!(matches!(line, Line::Market(_)), is_market);
        }
        for item in [Item::Opened, Item::Closed, Item::Unsent(9), Item::Lost(u64::MAX)] {
            for is_market in [true, false] {
                let (_, line) = again(&of_item(Nanos(6), is_market, item.clone()));
                match line {
                    Line::Market(read) if is_market => assert_eq!(read, item),
                    Line::Orders(read) if !is_market => assert_eq!(read, item),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn cycles_say_only_what_changed_and_are_read_whole() {
        let (mut write, mut read_back) = (Said::default(), Said::default());
        let mut took = [0; MAX_INPUTS];
        for n in 0..200_u64 {
            took[n as usize % MAX_INPUTS] = (n * 37 % 65_536) as u16;
            let cycle = Cycle {
                now: Nanos(n as i64),
                lane: (n % 3) as u8,
                lost: n % 11 == 0,
                moved: n % 13 == 0,
                took,
                shared: [n as i64 / 20, i64::MIN, 3],
                told: [u64::MAX - n / 9, n / 50],
            };
            let text = write.write(&cycle);
            let line = read(text.strip_suffix(b"\n").unwrap(), &mut read_back).unwrap();
            assert!(matches!(line, (_, Line::Cycle(again)) if again == cycle), "{line:?}");
        }
    }

    #[test]
    fn what_was_asked_is_read_to_the_last_digit() {
        let params = AssetParams { vol_halflife_s: 0.1 + 0.2, ..AssetParams::default() };
        let change = ParamsChange { generation: 3, asset: AssetId::new(1), params };
        let candle = Candle::flat(Nanos(60), Px::from_raw(i64::MAX));
        let (asset, series) = (AssetId::new(0), Series::Atr);
        let all = [
            Asked::Params(vec![change]),
            Asked::Quote(Box::new(QuoteCommand::Candle { asset, series, candle })),
            Asked::Risk(RiskCommand::Rearm),
        ];
        for asked in all {
            let (_, line) = again(&of_asked(Nanos(1), &asked));
            let Line::Asked(read) = line else { panic!("{line:?}") };
            assert_eq!(format!("{read:?}"), format!("{asked:?}"));
            if let Asked::Params(changes) = read {
                assert_eq!(changes, [change]);
            }
        }
    }

    #[test]
    fn what_is_no_such_line_is_refused() {
        for text in [
            &b""[..],
            b"x",
            b"12",
            b"12a {}",
            b"1 {\"channel\":\"botmm.cycle\",\"data\":{\"l\":9}}",
            b"1 {\"channel\":\"botmm.cycle\",\"data\":{\"l\":0,\"t\":[[12,1]]}}",
            b"1 {\"channel\":\"botmm.run\",\"data\":{}}",
            b"1 {\"channel\":\"botmm.link\",\"data\":{\"link\":\"sea\"}}",
        ] {
            let said = read(text, &mut Said::default());
            assert!(said.is_err(), "{:?}: {said:?}", String::from_utf8_lossy(text));
        }
    }
}
