//! Text that others wrote (coins, notes, paths, alerts) as text of a page, whatever it says.

/// The text with nothing in it that a browser takes for markup, within tags or quotes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not allowed in a page, and nothing to be seen.
            c if c.is_control() && c != '\n' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup() {
        let foreign = "<script>alert(\"1\")</script> & 'x'\u{1b}[2J";
        let shown = escaped(foreign);
        assert!(!shown.contains(['<', '>', '"', '\'', '\u{1b}']), "{shown}");
        assert_eq!(escaped("größe 5 bps"), "größe 5 bps");
    }
}
