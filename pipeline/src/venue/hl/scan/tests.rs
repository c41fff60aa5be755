use super::*;
use proptest::prelude::*;

/// The value and length, which are the same in the middle of a frame and at its end.
fn decimal(text: &str) -> Option<(i64, usize)> {
    let read = |text: &str| {
        let mut c = Cursor { rest: text.as_bytes() };
        c.positive(Portable, i64::MAX).map(|raw| (raw, text.len() - c.rest.len()))
    };
    let (at_end, within) = (read(text), read(&format!("{text},\"n\":12}},{{\"px\":")));
    assert_eq!(at_end, within, "{text}");
    within
}

#[test]
fn decimals_up_to_the_quote() {
    assert_eq!(decimal(r#"65011.0""#), Some((6_501_100_000_000, 7)));
    assert_eq!(decimal(r#"0.08794""#), Some((8_794_000, 7)));
    assert_eq!(decimal(r#"16.87185""#), Some((1_687_185_000, 8)));
    assert_eq!(decimal(r#"9999999.9999999""#), Some((999_999_999_999_990, 15)));
    // The unusual ones: no point, eight decimals, eight whole digits.
    assert_eq!(decimal(r#"65011""#), Some((6_501_100_000_000, 5)));
    assert_eq!(decimal(r#"0.00000001""#), Some((1, 10)));
    assert_eq!(decimal(r#"12345678.5""#), Some((1_234_567_850_000_000, 10)));
    for bad in ["0.0\"", "-1.0\"", "1e5\"", "1.2x3\"", "1:5.0\"", "+1.0\"", "\"", "."] {
        assert_eq!(decimal(bad), None, "{bad}");
    }
}

#[test]
fn usual_decimals_are_not_left_to_the_slow_parser() {
    let usual = |text: &str| usual_decimal(text.as_bytes());
    for whole in 1..=7 {
        for decimals in 0..=7 {
            let text = format!("{}.{}", &"1234567"[..whole], &"7654321"[..decimals]);
            let expected = parse_decimal(text.as_bytes()).unwrap();
            let frame = format!("{text}\",\"sz\":\"16.87185\"");
            assert_eq!(usual(&frame), Some((expected, text.len())), "{text}");
        }
    }
    // It stops at anything below the digits; that it is a quote is the caller's to check.
    assert_eq!(usual(r#"1.2.3","sz":"16.87185""#), Some((120_000_000, 3)));
}

#[test]
fn every_byte_but_a_digit_is_noticed() {
    for place in 0..8 {
        for byte in 0..=255_u8 {
            let mut text = *b"12345678";
            text[place] = byte;
            let word = u64::from_le_bytes(text) ^ ZEROS;
            assert_eq!(are_digits(word), byte.is_ascii_digit(), "{byte} at {place}");
        }
    }
}

#[test]
fn trade_ids_and_times() {
    let tid = |text: &str| Cursor { rest: text.as_bytes() }.tid();
    assert_eq!(tid(r#"717978735161105,"users""#), Some(717_978_735_161_105));
    assert_eq!(tid(r#"9999999999999999,"users""#), Some(9_999_999_999_999_999));
    assert_eq!(tid(r#"12345678,"users":"#), Some(12_345_678));
    assert_eq!(tid(r#"01797873516110,"users""#), None);
    let time = |text: &str| Cursor { rest: text.as_bytes() }.time();
    assert_eq!(time("1795359600439,\"le"), Some(Nanos::millis(1_795_359_600_439)));
    assert_eq!(time("9795359600439,\"le"), None, "beyond 64-bit nanoseconds");
    assert_eq!(time("179535960043x,\"le"), None);
}

proptest! {
    #[test]
    fn eight_digits_are_a_number(n in 0_u64..100_000_000) {
        let text = format!("{n:08}");
        let word = u64::from_le_bytes(text.as_bytes().try_into().unwrap());
        prop_assert_eq!(eight_digits(word ^ ZEROS), n);
    }

    #[test]
    fn any_text_reads_as_the_plain_parser_reads_it(text in "[0-9]{0,9}(\\.[0-9]{0,9})?") {
        let expected = parse_decimal(text.as_bytes()).ok().filter(|raw| *raw > 0);
        let got = decimal(&format!("{text}\""));
        prop_assert_eq!(got, expected.map(|raw| (raw, text.len())));
    }

    #[test]
    fn trade_ids_read_back(tid in 10_000_000_u64..10_000_000_000_000_000) {
        let text = format!("{tid},\"users\"");
        prop_assert_eq!(Cursor { rest: text.as_bytes() }.tid(), Some(tid));
    }
}
