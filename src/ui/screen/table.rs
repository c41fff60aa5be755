//! The coins: one row each, in as many columns as the screen has room for.

use super::Picture;
use super::sheet::{Sheet, Tone, left, right};
use super::words::{NOTHING, distance, money, price};
use botmm_pipeline::stage::status::StrategyStatus;
use botmm_pipeline::types::{Nanos, Px, notional};
use console::measure_text_width;

/// Between two columns.
const GAP: usize = 2;
/// What the last column, why a coin is not quoted, is left at least.
const WORDS_COLS: usize = 16;

struct Column {
    title: &'static str,
    /// Names stand on the left, numbers on the right.
    is_name: bool,
    /// Whether it may be left out, and the columns with the highest number first; 0 = never.
    gives_way: u8,
    cells: Vec<String>,
    /// Of each cell.
    tones: Vec<Tone>,
}

impl Column {
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|c| measure_text_width(c));
        cells.chain([measure_text_width(self.title)]).max().unwrap_or_default()
    }

    fn place(&self, text: &str, width: usize) -> String {
        if self.is_name { left(text, width) } else { right(text, width) }
    }
}

/// The heading, and a row for each of the first coins that fit into `rows`; of the others how many
/// there are.
pub(super) fn lines(picture: &Picture<'_>, sheet: Sheet, rows: usize) -> Vec<String> {
    let mut columns = columns(picture);
    let coins = picture.assets.len();
    let needed = |columns: &[Column]| -> usize {
        columns.iter().map(|c| c.width() + GAP).sum::<usize>() + WORDS_COLS
    };
    while needed(&columns) > sheet.cols {
        let last = columns.iter().enumerate().max_by_key(|(i, c)| (c.gives_way, *i));
        match last {
            Some((i, column)) if column.gives_way > 0 => drop(columns.remove(i)),
            _ => break,
        }
    }
    let widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let gap = " ".repeat(GAP);
    let titles = columns.iter().zip(&widths).map(|(c, w)| c.place(c.title, *w));
    let titles = titles.chain(["not quoted because".to_owned()]).collect::<Vec<_>>();
    let mut out = vec![sheet.cut(&titles.join(&gap))];
    let shown = if coins > rows { rows.saturating_sub(1) } else { coins };
    for i in 0..shown {
        let cells = columns.iter().zip(&widths).map(|(c, w)| {
            // The colour goes round the padded cell: it takes no columns.
            sheet.paint(c.tones[i], &c.place(&c.cells[i], *w))
        });
        let why = sheet.paint(Tone::Warning, &picture.why(i));
        let row = cells.chain([why]).collect::<Vec<_>>().join(&gap);
        out.push(sheet.cut(row.trim_end()));
    }
    if coins > shown {
        out.push(sheet.cut(&format!("+ {} more", coins - shown)));
    }
    out
}

/// How late the newest message of a market was when it came, in milliseconds.
fn delay(s: &StrategyStatus) -> String {
    match s.feed_delay {
        Nanos::ZERO => NOTHING.to_owned(),
        delay => delay.as_millis().to_string(),
    }
}

fn columns(picture: &Picture<'_>) -> Vec<Column> {
    let rows = || picture.universe.iter().zip(picture.assets);
    let column = |title, gives_way, cells: Vec<String>| {
        let tones = vec![Tone::Plain; cells.len()];
        Column { title, is_name: false, gives_way, cells, tones }
    };
    let nets: Vec<_> = rows().map(|((id, _), _)| picture.numbers.assets[id.index()].net).collect();
    let loss = |is_loss| if is_loss { Tone::Loss } else { Tone::Plain };
    let coins = rows().map(|((_, i), _)| i.coin.as_str().to_owned()).collect();
    let value = |mark: Px, position| match mark.is_positive() {
        true => money(notional(mark, position)),
        false => NOTHING.to_owned(),
    };
    vec![
        Column { is_name: true, ..column("coin", 0, coins) },
        column("mid", 0, rows().map(|(_, a)| price(a.mid)).collect()),
        column("our bid", 0, rows().map(|(_, a)| price(a.bid)).collect()),
        column("bps", 4, rows().map(|(_, a)| distance(a.mid, a.bid)).collect()),
        column("our ask", 0, rows().map(|(_, a)| price(a.ask)).collect()),
        column("bps", 4, rows().map(|(_, a)| distance(a.mid, a.ask)).collect()),
        column("position", 0, rows().map(|(_, a)| a.position.to_string()).collect()),
        column("value USD", 3, rows().map(|(_, a)| value(a.mark, a.position)).collect()),
        Column {
            tones: nets.iter().map(|net| loss(net.is_negative())).collect(),
            ..column("net USD", 1, nets.iter().map(|net| money(*net)).collect())
        },
        column("fills", 2, rows().map(|(_, a)| a.fills.to_string()).collect()),
        column("delay ms", 5, picture.strategies.iter().map(delay).collect()),
    ]
}
