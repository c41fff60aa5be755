//! The coins: one row each, in as many columns as the screen has room for.

use super::sheet::{Sheet, Tone, left, right};
use crate::ui::view::{CoinView, View};
use crate::ui::words::{NOTHING, distance, money, price};
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
pub(super) fn lines(view: &View, sheet: Sheet, rows: usize) -> Vec<String> {
    let mut columns = columns(view);
    let coins = view.coins.len();
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
        let why = sheet.paint(Tone::Warning, &view.coins[i].why);
        let row = cells.chain([why]).collect::<Vec<_>>().join(&gap);
        out.push(sheet.cut(row.trim_end()));
    }
    if coins > shown {
        out.push(sheet.cut(&format!("+ {} more", coins - shown)));
    }
    out
}

fn columns(view: &View) -> Vec<Column> {
    fn cells(view: &View, cell: impl Fn(&CoinView) -> String) -> Vec<String> {
        view.coins.iter().map(cell).collect()
    }
    let column = |title, gives_way, cells: Vec<String>| {
        let tones = vec![Tone::Plain; cells.len()];
        Column { title, is_name: false, gives_way, cells, tones }
    };
    let some = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    let loss = |c: &CoinView| match c.net_usd.is_some_and(|net| net.is_negative()) {
        true => Tone::Loss,
        false => Tone::Plain,
    };
    vec![
        Column { is_name: true, ..column("coin", 0, cells(view, |c| c.coin.clone())) },
        column("mid", 0, cells(view, |c| price(c.mid))),
        column("our bid", 0, cells(view, |c| price(c.bid))),
        column("bps", 4, cells(view, |c| distance(c.mid, c.bid))),
        column("our ask", 0, cells(view, |c| price(c.ask))),
        column("bps", 4, cells(view, |c| distance(c.mid, c.ask))),
        column("position", 0, cells(view, |c| c.position.to_string())),
        column("value USD", 3, cells(view, |c| some(c.value_usd.map(money)))),
        Column {
            tones: view.coins.iter().map(loss).collect(),
            ..column("net USD", 1, cells(view, |c| some(c.net_usd.map(money))))
        },
        column("fills", 2, cells(view, |c| some(c.fills.map(|fills| fills.to_string())))),
        column("delay ms", 5, cells(view, |c| some(c.feed_delay_ms.map(|ms| ms.to_string())))),
    ]
}
