//! Charts as inline SVG. The drawing is stretched to its place and its strokes are not, so it fits a phone as
//! well as a desk, and a part of it is looked at closely by another view box; what is written stands around
//! it as text of the page, and keeps its size. Colours are classes of the page's style, so that it has two
//! schemes: that, and the leanness, is why no library of charts draws here.

use super::axis::{Scale, Tick};
use super::escaped::escaped;
use super::model::{Chart, Level, Lines, Plot, Rows, Series, Shape, Shares, fixed};
use std::fmt::Write as _;

/// A drawing is so wide and so high in its own units.
const SIZE: f64 = 1_000.0;
/// Of a row of bars, in those of the page.
const ROW_PX: usize = 24;

/// A chart, with its axes and its key.
pub fn chart(chart: &Chart) -> String {
    match &chart.plot {
        Plot::Lines(lines) => of_lines(chart, lines),
        Plot::Rows(rows) => of_rows(chart, rows),
        Plot::Shares(shares) => of_shares(chart, shares),
    }
}

fn of_lines(chart: &Chart, lines: &Lines) -> String {
    let points = || lines.series.iter().flat_map(|s| &s.points);
    let heights = points()
        .flat_map(|p| p.y.into_iter().chain(p.interval.into_iter().flatten()))
        .chain(lines.levels.iter().map(|level| level.y))
        .chain(lines.has_zero.then_some(0.0));
    let y = Scale::around(heights);
    let x = match lines.places.is_empty() {
        true => Scale::exactly(points().map(|p| p.x)),
        false => Scale::around(lines.places.iter().map(|place| place.x)),
    };
    let (xs, ys) = match lines.places.is_empty() {
        true => (x.time_ticks(), y.ticks()),
        false => {
            let places = lines.places.iter();
            let tick = |(at, text): (f64, &String)| Tick { at, text: text.clone() };
            (places.map(|p| tick((x.place(p.x), &p.name))).collect(), y.ticks())
        }
    };
    let mut drawn = grid(&xs, &ys);
    drawn += &levels(&lines.levels, &y);
    for series in &lines.series {
        drawn += &line(series, &x, &y, chart.digits);
    }
    let zoom = if lines.is_zoomable { " zoomable" } else { "" };
    let time = if lines.places.is_empty() { " time" } else { "" };
    let mut out = format!(
        "<div class=\"plot{zoom}{time}\" data-x=\"{} {}\" data-y=\"{} {}\" data-digits=\"{}\">",
        x.low, x.high, y.low, y.high, chart.digits
    );
    out += &y_labels(&ys, chart.unit);
    let _ = write!(out, "<div class=\"box\">{}</div>", svg(&chart.name, &drawn, None));
    out += &x_labels(&xs);
    out += "</div>";
    let named = lines.series.iter().map(|s| (s.tone.class(), s.name.as_str()));
    let held = lines.levels.iter().map(|l| ("level".to_owned(), l.name.as_str()));
    out + &key(named.chain(held))
}

/// One series: its line, or its dots, with what is known of how sure they are.
fn line(series: &Series, x: &Scale, y: &Scale, digits: usize) -> String {
    let class = series.tone.class();
    let at = |px: f64, py: f64| (x.place(px) * SIZE, (1.0 - y.place(py)) * SIZE);
    let mut out = String::new();
    for point in &series.points {
        let Some([low, high]) = point.interval else { continue };
        let ((px, from), (_, to)) = (at(point.x, low), at(point.x, high));
        let _ = write!(out, "<path class=\"whisker {class}\" d=\"M{px:.2} {from:.2}V{to:.2}\"/>");
    }
    if series.shape == Shape::Dots || !series.points.iter().any(|p| p.says.is_none()) {
        for point in &series.points {
            let Some(value) = point.y else { continue };
            let (px, py) = at(point.x, value);
            let says = point.says.clone().unwrap_or_else(|| fixed(value, digits));
            let _ = write!(
                out,
                "<path class=\"dot {class}\" d=\"M{px:.2} {py:.2}h0\"><title>{}</title></path>",
                escaped(&says)
            );
        }
    }
    if series.shape == Shape::Dots {
        return out;
    }
    for part in series.points.split(|p| p.y.is_none()).filter(|part| !part.is_empty()) {
        let mut path = String::new();
        for (n, point) in part.iter().enumerate() {
            let (px, py) = at(point.x, point.y.unwrap_or_default());
            let _ = match (n, series.shape) {
                (0, _) => write!(path, "M{px:.2} {py:.2}"),
                (_, Shape::Step) => write!(path, "H{px:.2}V{py:.2}"),
                _ => write!(path, "L{px:.2} {py:.2}"),
            };
        }
        if let (Shape::Area, [first, .., last]) = (series.shape, part) {
            let ((from, zero), (to, _)) = (at(first.x, 0.0), at(last.x, 0.0));
            let _ = write!(
                out,
                "<path class=\"area {class}\" d=\"{path}L{to:.2} {zero:.2}L{from:.2} {zero:.2}Z\"/>"
            );
        }
        // A single moment is seen as a dot.
        let _ = write!(out, "<path class=\"line {class}\" d=\"{path}h0\"/>");
    }
    out
}

fn of_rows(chart: &Chart, rows: &Rows) -> String {
    let ends = || {
        let bars = rows.rows.iter().flat_map(|row| row.bar);
        let whiskers = rows.rows.iter().filter_map(|row| row.whisker).flatten();
        bars.chain(whiskers).chain(rows.levels.iter().map(|level| level.y))
    };
    let x = match rows.is_log {
        true => Scale::powers_of_ten(ends()),
        false => Scale::around(ends().chain([0.0])),
    };
    let ticks = x.ticks();
    let mut drawn = grid(&ticks, &[]);
    let height = SIZE / rows.rows.len().max(1) as f64;
    let mut names = String::new();
    for (n, row) in rows.rows.iter().enumerate() {
        let top = n as f64 * height;
        let [from, to] = row.bar.map(|end| x.place(end) * SIZE);
        let (left, wide) = (from.min(to), (to - from).abs().max(1.0));
        let class = row.tone.class();
        let _ = write!(
            drawn,
            "<rect class=\"bar {class}\" x=\"{left:.2}\" y=\"{:.2}\" width=\"{wide:.2}\" height=\"{:.2}\"/>",
            top + height * 0.2,
            height * 0.6
        );
        if let Some([low, high]) = row.whisker.map(|w| w.map(|end| x.place(end) * SIZE)) {
            let middle = top + height * 0.5;
            let _ = write!(
                drawn,
                "<path class=\"whisker {class}\" d=\"M{low:.2} {middle:.2}H{high:.2}\"/>"
            );
        }
        let _ = write!(names, "<span>{}</span>", escaped(&row.name));
    }
    for level in &rows.levels {
        let at = x.place(level.y) * SIZE;
        let _ = write!(drawn, "<path class=\"level\" d=\"M{at:.2} 0V{SIZE}\"/>");
    }
    let px = rows.rows.len() * ROW_PX;
    let mut out = String::from("<div class=\"plot rows\">");
    let _ = write!(out, "<div class=\"names\">{names}</div>");
    let _ = write!(out, "<div class=\"box\">{}</div>", svg(&chart.name, &drawn, Some(px)));
    out += &x_labels(&ticks);
    let _ = write!(out, "<div class=\"unit\">{}</div></div>", escaped(chart.unit));
    out + &key(rows.levels.iter().map(|l| ("level".to_owned(), l.name.as_str())))
}

fn of_shares(chart: &Chart, shares: &Shares) -> String {
    let x = Scale::exactly(shares.edges.iter().copied());
    let y = Scale { low: 0.0, high: 100.0, is_log: false };
    let mut drawn = String::new();
    let mut floor = vec![0.0; shares.edges.len().saturating_sub(1)];
    for part in &shares.parts {
        let mut path = String::new();
        for (column, share) in part.shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let (from, to) = (x.place(shares.edges[column]), x.place(shares.edges[column + 1]));
            let bottom = floor[column];
            let _ = write!(
                path,
                "M{:.2} {:.2}H{:.2}V{:.2}H{:.2}Z",
                from * SIZE,
                (1.0 - bottom) * SIZE,
                to * SIZE,
                (1.0 - bottom - share) * SIZE,
                from * SIZE
            );
            floor[column] += share;
        }
        let _ = write!(
            drawn,
            "<path class=\"share {}\" d=\"{path}\"><title>{}</title></path>",
            part.tone.class(),
            escaped(&part.name)
        );
    }
    let (xs, ys) = (x.time_ticks(), y.ticks());
    let mut out = String::from("<div class=\"plot\">");
    out += &y_labels(&ys, chart.unit);
    let _ = write!(out, "<div class=\"box\">{}</div>", svg(&chart.name, &drawn, None));
    out += &x_labels(&xs);
    out += "</div>";
    out + &key(shares.parts.iter().map(|p| (p.tone.class(), p.name.as_str())))
}

fn svg(name: &str, drawn: &str, height_px: Option<usize>) -> String {
    let style = height_px.map_or(String::new(), |px| format!(" style=\"height:{px}px\""));
    format!(
        "<svg viewBox=\"0 0 {SIZE} {SIZE}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{}\"{style}>{drawn}</svg>",
        escaped(name)
    )
}

fn grid(xs: &[Tick], ys: &[Tick]) -> String {
    let mut path = String::new();
    for tick in xs {
        let _ = write!(path, "M{:.2} 0V{SIZE}", tick.at * SIZE);
    }
    for tick in ys {
        let _ = write!(path, "M0 {:.2}H{SIZE}", (1.0 - tick.at) * SIZE);
    }
    format!("<path class=\"grid\" d=\"{path}\"/>")
}

fn levels(levels: &[Level], y: &Scale) -> String {
    let mut out = String::new();
    for level in levels {
        let at = (1.0 - y.place(level.y)) * SIZE;
        let name = escaped(&level.name);
        let _ = write!(
            out,
            "<path class=\"level\" d=\"M0 {at:.2}H{SIZE}\"><title>{name}</title></path>"
        );
    }
    out
}

fn y_labels(ticks: &[Tick], unit: &str) -> String {
    let mut out = format!("<div class=\"ys\"><i>{}</i>", escaped(unit));
    for tick in ticks {
        let _ = write!(
            out,
            "<span style=\"bottom:{:.2}%\">{}</span>",
            tick.at * 100.0,
            escaped(&tick.text)
        );
    }
    out + "</div>"
}

fn x_labels(ticks: &[Tick]) -> String {
    let mut out = String::from("<div class=\"xs\">");
    for tick in ticks {
        let _ = write!(
            out,
            "<span style=\"left:{:.2}%\">{}</span>",
            tick.at * 100.0,
            escaped(&tick.text)
        );
    }
    out + "</div>"
}

fn key<'a>(names: impl Iterator<Item = (String, &'a str)>) -> String {
    let named: String = names
        .map(|(class, name)| format!("<span><b class=\"{class}\"></b>{}</span>", escaped(name)))
        .collect();
    if named.is_empty() { named } else { format!("<div class=\"key\">{named}</div>") }
}
