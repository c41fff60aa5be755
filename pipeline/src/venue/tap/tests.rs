use super::*;
use std::sync::mpsc::channel;

/// Says what it was given, and takes every third frame.
struct Script {
    says: VecDeque<Item>,
    frame: Vec<u8>,
    asked: u64,
}

impl Transport for Script {
    fn connect(&mut self, _: Nanos) {}
    fn recv(&mut self, _: Nanos) -> Option<Received<'_>> {
        Some(match self.says.pop_front()? {
            Item::Opened => Received::Opened,
            Item::Frame(frame) => {
                self.frame = frame;
                Received::Frame(&mut self.frame)
            }
            _ => Received::Closed,
        })
    }
    fn send(&mut self, _: Nanos, _: &[u8]) -> bool {
        self.asked += 1;
        self.asked % 3 == 1
    }
    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
}

fn script(says: &[Item]) -> Script {
    Script { says: says.iter().cloned().collect(), frame: Vec::new(), asked: 0 }
}

fn frame(n: usize) -> Item {
    Item::Frame((0..n * 37 % 900).map(|i| (i + n) as u8).collect())
}

fn all(tap: &mut TapIn) -> Vec<(Nanos, Item)> {
    std::iter::from_fn(|| tap.pop()).collect()
}

#[test]
fn what_a_connection_says_comes_out_whole_in_order_and_with_its_time() {
    let says: Vec<Item> = [Item::Opened]
        .into_iter()
        .chain((0..400).map(frame))
        .chain([Item::Closed, Item::Opened, Item::Frame(Vec::new())])
        .collect();
    let (mut tap, mut record) = Tap::new(script(&says), 2_048);
    let mut kept = Vec::new();
    for at in 0..says.len() as i64 {
        let seen = match tap.recv(Nanos(at)).unwrap() {
            Received::Opened => Item::Opened,
            Received::Closed => Item::Closed,
            Received::Frame(frame) => Item::Frame(frame.to_vec()),
        };
        assert_eq!(seen, says[at as usize], "handed on as it came");
        kept.extend(all(&mut record));
    }
    let expected: Vec<_> = (0..).map(Nanos).zip(says.iter().cloned()).collect();
    assert_eq!(kept, expected);
    assert_eq!(tap.input().unwrap().taken(), says.len() as u64);
}

#[test]
fn what_finds_no_room_is_counted_before_anything_else_is_told() {
    let says: Vec<Item> = (0..100).map(frame).collect();
    let (mut tap, mut record) = Tap::new(script(&says), 1_500);
    let (mut kept, mut lost) = (0, 0);
    for at in 0..100 {
        tap.recv(Nanos(at)).unwrap();
        if at % 10 == 9 {
            for (_, item) in all(&mut record) {
                match item {
                    Item::Lost(n) => lost += n,
                    item => {
                        assert_eq!(item, says[(kept + lost) as usize], "the next after the loss");
                        kept += 1;
                    }
                }
            }
        }
    }
    assert!(lost > 0 && kept > 10, "{kept} {lost}");
}

#[test]
fn frames_that_were_not_sent_are_not_sent_again() {
    let (mut tap, mut record) = Tap::new(script(&[]), 1_024);
    let sent: Vec<bool> = (0..9).map(|at| tap.send(Nanos(at), b"x")).collect();
    let (tx, rx) = channel();
    all(&mut record).into_iter().for_each(|(_, item)| tx.send(item).unwrap());
    let mut repeated = Repeated::of(rx);
    repeated.give_up_to(0);
    let again: Vec<bool> = (0..9).map(|at| repeated.send(Nanos(at), b"x")).collect();
    assert_eq!((again, sent.iter().filter(|s| **s).count()), (sent, 3));
}

#[test]
fn a_repeated_connection_says_no_more_than_it_is_let() {
    let (tx, rx) = channel();
    let mut repeated = Repeated::of(rx);
    for item in [Item::Opened, frame(3), Item::Closed] {
        tx.send(item).unwrap();
    }
    assert_eq!((repeated.waiting(), repeated.recv(Nanos(1))), (3, None));
    repeated.give_up_to(2);
    assert_eq!(repeated.recv(Nanos(1)), Some(Received::Opened));
    assert!(matches!(repeated.recv(Nanos(1)), Some(Received::Frame(_))));
    assert_eq!(repeated.recv(Nanos(1)), None);
    assert_eq!(repeated.taken(), 2);
    repeated.give_up_to(3);
    assert_eq!(repeated.recv(Nanos(1)), Some(Received::Closed));
}
