//! Notes as a webhook wants them: Discord's embeds, or plain JSON.

use super::note::Note;
use crate::side::alert::Level;
use crate::when::utc;
use serde_json::{Value, json};

/// Discord's limits: embeds in a message, and UTF-16 units of a description and of all embeds together.
pub(super) const MAX_EMBEDS: usize = 10;
const MAX_DESCRIPTION: usize = 4_096;
const MAX_FOOTER: usize = 2_048;
pub(super) const MAX_EMBEDDED: usize = 6_000;
/// Of a text to any other webhook.
const MAX_TEXT: usize = 16_384;

/// Who speaks.
#[derive(Clone, Debug)]
pub(super) struct Speaker {
    /// Which network it is.
    pub network: String,
    /// What runs.
    pub title: String,
}

impl Speaker {
    fn footer(&self) -> String {
        cut(&format!("{}  ·  {}", self.network, self.title), MAX_FOOTER)
    }
}

/// UTF-16 units that a note takes of [`MAX_EMBEDDED`].
pub(super) fn embedded(speaker: &Speaker, note: &Note) -> usize {
    units(&title(note)) + units(&description(note)) + units(&speaker.footer())
}

/// A message for Discord. `dropped`: notes that found no room before these.
pub(super) fn discord(speaker: &Speaker, notes: &[Note], dropped: u64) -> Value {
    let embed = |note: &Note| {
        json!({
            "title": title(note),
            "description": description(note),
            "color": colour(note.level),
            "timestamp": utc(note.time),
            "footer": { "text": speaker.footer() },
        })
    };
    let content = lost(dropped).unwrap_or_default();
    json!({
        "username": "botmm",
        "content": content,
        // Whatever a coin or a venue is called: nobody is called by it.
        "allowed_mentions": { "parse": [] },
        "embeds": notes.iter().map(embed).collect::<Vec<_>>(),
    })
}

/// A message for anything else. `text` is what chat programs show.
pub(super) fn plain(speaker: &Speaker, notes: &[Note], dropped: u64) -> Value {
    let alert = |note: &Note| {
        json!({
            "time": utc(note.time),
            "level": note.level.as_str(),
            "topic": note.topic.as_str(),
            "text": cut(&note.text(), MAX_TEXT),
            "count": note.count,
            "data": note.data,
        })
    };
    let line = |note: &Note| {
        let (level, topic, times) = (note.level.as_str(), note.topic.as_str(), times(note.count));
        format!("[{level}] {topic}: {}{times}", note.text())
    };
    let text: Vec<String> = lost(dropped).into_iter().chain(notes.iter().map(line)).collect();
    json!({
        "source": "botmm",
        "version": env!("CARGO_PKG_VERSION"),
        "network": speaker.network,
        "run": speaker.title,
        "text": cut(&text.join("\n"), MAX_TEXT),
        "dropped": dropped,
        "alerts": notes.iter().map(alert).collect::<Vec<_>>(),
    })
}

fn lost(dropped: u64) -> Option<String> {
    (dropped > 0).then(|| format!("{dropped} alerts before this found no room and were dropped"))
}

fn times(count: u64) -> String {
    if count > 1 { format!(" ({count} times)") } else { String::new() }
}

fn title(note: &Note) -> String {
    let (topic, times) = (note.topic.as_str(), times(note.count));
    match note.level {
        Level::Info => format!("{topic}{times}"),
        level => format!("{}: {topic}{times}", level.as_str()),
    }
}

const fn colour(level: Level) -> u32 {
    match level {
        Level::Info => 0x34_98_db,
        Level::Warn => 0xf1_c4_0f,
        Level::Critical => 0xe7_4c_3c,
    }
}

fn description(note: &Note) -> String {
    let lines: Vec<String> = note.lines.iter().map(|line| literal(line)).collect();
    cut_escaped(&lines.join("\n"), MAX_DESCRIPTION)
}

/// Text that Discord shows as it is: no mention, link or markup comes of it.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        // Discord takes a backslash before any of these for "as it is"; `:/` would begin a link.
        if c.is_ascii_punctuation()
            && !matches!(c, '.' | ',' | ';' | ':' | '%' | '+' | '=' | '\'' | '"' | '?')
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// At most so many UTF-16 units.
fn cut(text: &str, most: usize) -> String {
    if units(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut room = most - 1;
    for c in text.chars() {
        let Some(left) = room.checked_sub(c.len_utf16()) else { break };
        room = left;
        out.push(c);
    }
    out.push('…');
    out
}

/// The same of escaped text: a backslash whose letter was cut away goes with it.
fn cut_escaped(text: &str, most: usize) -> String {
    let out = cut(text, most);
    let Some(body) = out.strip_suffix('…').filter(|_| out.len() != text.len()) else {
        return out;
    };
    let slashes = body.chars().rev().take_while(|c| *c == '\\').count();
    if slashes % 2 == 1 { format!("{}…", &body[..body.len() - 1]) } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side::alert::{Alert, Topic};
    use botmm_pipeline::types::Nanos;

    fn speaker() -> Speaker {
        Speaker { network: "TEST".to_owned(), title: "a test".to_owned() }
    }

    fn note(text: &str) -> Note {
        Note::of(&Alert::critical(Topic::Risk, text), Nanos::secs(1_795_369_510), Nanos::ZERO)
    }

    #[test]
    fn nothing_that_a_venue_says_is_markup_a_link_or_a_mention() {
        let text =
            "@everyone <@1> **b** _i_ ~~s~~ `c` ||x|| [a](https://e.vil) # > - http://e.vil \\";
        let message = discord(&speaker(), &[note(text)], 0);
        assert_eq!(message["allowed_mentions"], json!({ "parse": [] }));
        let shown = message["embeds"][0]["description"].as_str().unwrap();
        let mut chars = shown.chars();
        let mut as_it_is = String::new();
        while let Some(c) = chars.next() {
            match c {
                '\\' => as_it_is.push(chars.next().unwrap()),
                c => {
                    assert!(!"@<>*_~`|[]()#-/\\".contains(c), "{c} in {shown}");
                    as_it_is.push(c);
                }
            }
        }
        assert_eq!(as_it_is, text);
        assert_eq!(message["embeds"][0]["color"], 0xe7_4c_3c);
        assert_eq!(message["embeds"][0]["timestamp"], "2026-11-22T17:45:10.000000Z");
    }

    #[test]
    fn a_text_of_any_length_fits_and_never_ends_in_half_an_escape() {
        for text in ["*".repeat(5_000), "a*".repeat(5_000), "😀".repeat(5_000), "é".repeat(4_096)]
        {
            let shown = description(&note(&text));
            assert!(units(&shown) <= MAX_DESCRIPTION);
            let body = shown.trim_end_matches('…');
            let slashes = body.chars().rev().take_while(|c| *c == '\\').count();
            assert_eq!(slashes % 2, 0, "{}", &shown[shown.len() - 10..]);
            assert!(embedded(&speaker(), &note(&text)) < MAX_EMBEDDED);
        }
        assert_eq!(description(&note(&"é".repeat(4_096))), "é".repeat(4_096), "just fits");
    }

    #[test]
    fn what_was_dropped_is_told_with_the_next() {
        let notes = [Note { count: 3, ..note("a") }];
        let message = discord(&speaker(), &notes, 17);
        assert!(message["content"].as_str().unwrap().contains("17 alerts"), "{message}");
        assert_eq!(message["embeds"][0]["title"], "critical: risk (3 times)");
        let message = plain(&speaker(), &notes, 17);
        assert_eq!(message["dropped"], 17);
        let text =
            "17 alerts before this found no room and were dropped\n[critical] risk: a (3 times)";
        assert_eq!(message["text"], text);
        assert_eq!(message["alerts"][0]["count"], 3);
    }
}
