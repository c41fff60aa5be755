//! What three say of the account when a run begins: the venue, what the last run believed ([`Books`]), and that run's
//! journal. Where they differ, a person is told what each says; the venue is right.

use super::books::Books;
use crate::exit::AppError;
use crate::journal::line::Line;
use crate::journal::reader::Lines;
use crate::journal::segments::{LIVE, Reading};
use crate::venue_api::account::AccountClient;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{Px, Qty};
use std::collections::BTreeMap;
use std::path::Path;

/// What one of them says, by coin. What it does not name it does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Word {
    position: BTreeMap<String, Qty>,
    orders: BTreeMap<String, u64>,
}

/// What the venue says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueWord(Word);

/// What a journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct JournalWord {
    word: Word,
    /// Its last line's time.
    time: String,
    /// The run told its end.
    has_ended: bool,
    /// The last line is no whole one.
    is_cut: bool,
}

/// A coin of which they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub coin: String,
    /// What each says, and what is done.
    pub words: String,
}

/// Asks the venue. `knows_orders`: the orders that it lists are ours alone.
///
/// # Errors
/// It does not answer.
pub fn ask(venue: &AccountClient, knows_orders: bool) -> Result<VenueWord, AppError> {
    let (_, held) = venue.closing(&[Px::ZERO; MAX_ASSETS])?;
    let open = if knows_orders { venue.open_orders()? } else { Vec::new() };
    let mut word = Word::default();
    for (asset, instrument) in venue.universe.iter() {
        let coin = instrument.coin.to_string();
        if knows_orders {
            let of_it = open.iter().filter(|order| order.is_of(instrument)).count();
            word.orders.insert(coin.clone(), of_it as u64);
        }
        word.position.insert(coin, held[asset.index()]);
    }
    Ok(VenueWord(word))
}

/// Where they differ: a line a coin.
pub fn differences(VenueWord(venue): &VenueWord, kept: &Books) -> Vec<Difference> {
    let journal = last_word(&kept.journal.join(LIVE));
    let believed = Word {
        position: positions(&kept.position).unwrap_or_default(),
        orders: kept.orders.clone(),
    };
    let told = journal.as_ref().map(|journal| &journal.word).ok();
    let others = || [Some(&believed), told].into_iter().flatten();
    let mut found = Vec::new();
    for (coin, held) in &venue.position {
        let open = venue.orders.get(coin);
        let is_held = |word: &Word| word.position.get(coin).is_none_or(|said| said == held);
        let is_open =
            |word: &Word| word.orders.get(coin).zip(open).is_none_or(|(said, open)| said == open);
        if others().all(|word| is_held(word) && is_open(word)) {
            continue;
        }
        let says = |word: &Word| {
            let position = word.position.get(coin).map_or("nothing".to_owned(), Qty::to_string);
            let open = word.orders.get(coin);
            open.map_or_else(|| position.clone(), |open| format!("{position} and {open} orders"))
        };
        let at = kept.journal.display();
        let journal = match &journal {
            Ok(journal) => {
                let end = match (journal.has_ended, journal.is_cut) {
                    (true, _) => "whole",
                    (false, true) => "cut within a line",
                    (false, false) => "without the run's end",
                };
                format!("its journal ({at}, {end}, until {}) {}", journal.time, says(&journal.word))
            }
            Err(why) => format!("its journal cannot be read ({why})"),
        };
        let words = format!(
            "the venue says {} now, what the last run believed at {} was {}, {journal}: the venue's is \
             taken, and orders of ours that rest are cancelled",
            says(venue),
            kept.time,
            says(&believed),
        );
        found.push(Difference { coin: coin.clone(), words });
    }
    found
}

/// Of numbers in words; one that is none is not known.
fn positions(said: &BTreeMap<String, String>) -> Option<BTreeMap<String, Qty>> {
    said.iter().map(|(coin, qty)| Some((coin.clone(), Qty::parse(qty).ok()?))).collect()
}

/// All that is needed is told every minute: the last two files have it.
fn last_word(path: &Path) -> Result<JournalWord, AppError> {
    let reading = Reading::open(path).map_err(AppError::io(path, "read"))?;
    let mut journal = JournalWord::default();
    for at in reading.files().saturating_sub(2)..reading.files() {
        let Some(mut lines) = Lines::of(&reading, at)? else { continue };
        while let Some((_, text)) = lines.next_line()? {
            // What is no line is `explain`'s and `history`'s to tell.
            let Ok(Ok(Some(line))) = text.map(Line::read) else { continue };
            match line {
                Line::Account(account) => {
                    journal.time = account.time;
                    journal.word.position.extend(positions(&account.position).unwrap_or_default());
                }
                Line::Orders(orders) => {
                    journal.time = orders.time;
                    journal.word.orders = orders.open;
                }
                Line::End(end) => (journal.time, journal.has_ended) = (end.time, true),
                _ => {}
            }
        }
        journal.is_cut = lines.is_cut();
    }
    Ok(journal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn word(held: &str, orders: u64) -> Word {
        let of = |coin: &str| coin.to_owned();
        Word {
            position: [(of("A"), Qty::parse(held).unwrap()), (of("B"), Qty::ZERO)].into(),
            orders: [(of("A"), orders), (of("B"), 0)].into(),
        }
    }

    fn kept(dir: &TempDir, word: &Word) -> Books {
        let position = word.position.iter().map(|(coin, qty)| (coin.clone(), qty.to_string()));
        Books {
            time: "2026-11-28T00:00:09Z".to_owned(),
            account: "0x".to_owned(),
            venue: "venue".to_owned(),
            journal: dir.path().to_owned(),
            position: position.collect(),
            orders: word.orders.clone(),
        }
    }

    const END: &str = "{\"fees_usd\":\"0\",\"fills\":0,\"funding_usd\":\"0\",\"gross_usd\":\"0\",\"halted\":[],\
                       \"net_usd\":\"0\",\"time\":\"2026-11-28T00:00:08.000000Z\",\"today\":null,\
                       \"transfers_usd\":null,\"type\":\"end\",\"volume_usd\":\"0\"}\n";

    fn journal(dir: &TempDir, of: &Word, end: &str) {
        let account = serde_json::json!({
            "type": "account", "time": "2026-11-28T00:00:07.000000Z",
            "position": kept(dir, of).position, "entry": {}, "mark": {}, "realized_usd": "0",
            "unrealized_usd": "0", "fees_usd": "0", "funding_usd": "0", "net_usd": "0",
        });
        let orders = serde_json::json!({
            "type": "orders", "time": "2026-11-28T00:00:07.000000Z", "open": of.orders });
        std::fs::write(dir.path().join(LIVE), format!("{account}\n{orders}\n{end}")).unwrap();
    }

    #[test]
    fn where_venue_books_and_journal_agree_nothing_is_told() {
        let dir = TempDir::new().unwrap();
        journal(&dir, &word("0.5", 0), END);
        assert_eq!(differences(&VenueWord(word("0.5", 0)), &kept(&dir, &word("0.5", 0))), []);
        // What one of them does not know is no difference: another coin, orders of a shared account.
        let mut more = word("0.5", 0);
        more.position.insert("NEW".to_owned(), Qty::ZERO);
        more.orders.clear();
        assert_eq!(differences(&VenueWord(more), &kept(&dir, &word("0.5", 3))), []);
    }

    #[test]
    fn each_difference_is_one_line_with_what_each_says() {
        let dir = TempDir::new().unwrap();
        journal(&dir, &word("0.5", 0), END);
        let found = |venue: Word, believed: Word| {
            let found = differences(&VenueWord(venue), &kept(&dir, &believed));
            assert!(found.iter().all(|one| one.coin == "A"), "{found:?}");
            assert!(found.len() == 1, "{found:?}");
            found[0].words.clone()
        };
        // Changed by hand while the bot was down.
        let text = found(word("0.75", 0), word("0.5", 0));
        assert!(text.starts_with("the venue says 0.75 and 0 orders now"), "{text}");
        assert!(text.contains("believed at 2026-11-28T00:00:09Z was 0.5 and 0 orders"), "{text}");
        assert!(
            text.contains("whole, until 2026-11-28T00:00:08.000000Z) 0.5 and 0 orders"),
            "{text}"
        );
        // An order that was left.
        assert!(found(word("0.5", 2), word("0.5", 0)).contains("says 0.5 and 2 orders now"));
        // One of the two is older.
        assert!(found(word("0.5", 0), word("0.25", 0)).contains("was 0.25 and 0 orders"));
    }

    #[test]
    fn a_journal_that_was_cut_or_is_gone_is_said_to_be() {
        let dir = TempDir::new().unwrap();
        let (now, before) = (VenueWord(word("0.5", 0)), word("0.25", 0));
        let told = |dir: &TempDir| {
            differences(&now, &kept(dir, &word("0.5", 0))).iter().map(|d| d.words.clone()).collect()
        };
        journal(&dir, &before, &END[..40]);
        let cut: Vec<String> = told(&dir);
        assert!(cut[0].contains("cut within a line, until 2026-11-28T00:00:07"), "{cut:?}");
        journal(&dir, &before, "");
        let killed: Vec<String> = told(&dir);
        assert!(killed[0].contains("without the run's end"), "{killed:?}");
        std::fs::remove_file(dir.path().join(LIVE)).unwrap();
        assert_eq!(told(&dir), Vec::<String>::new(), "what is left agrees");
        let differ = differences(&now, &kept(&dir, &before));
        assert!(differ[0].words.contains("its journal cannot be read"), "{differ:?}");
    }
}
