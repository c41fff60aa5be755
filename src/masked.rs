//! Secrets in echoed input. A key is 64 hex digits, with or without `0x`; whoever has the address of a
//! webhook can write there. Both end up where they do not belong: as a flag's value, a coin, a file's name,
//! a line of a configuration that no longer parses.
//! Every message that repeats what was typed or read goes through here. Hashes of data look the same:
//! summaries and the vectors of `botmm sign` are written past this.

use std::borrow::Cow;
use std::path::Path;

/// Hex digits of a private key.
const KEY_DIGITS: usize = 64;
/// Of something that was read, a message shows so much.
const EXCERPT_CHARS: usize = 80;
/// What stands in its place.
const MASK: &str = "[64 hex digits, not repeated here: is this a private key?]";

/// What comes before the secret part of a webhook's address, at Discord and at Slack.
const HOOKS: [&str; 2] = ["/webhooks/", "hooks.slack.com/"];
/// What stands in its place.
const HOOK_MASK: &str = "[a webhook's address, not repeated here]";

/// The text without anything that could be a secret, or hold one.
pub fn masked(text: &str) -> Cow<'_, str> {
    match without_hooks(text) {
        None => without_keys(text),
        Some(clean) => Cow::Owned(without_keys(&clean).into_owned()),
    }
}

/// The same of a path.
pub fn masked_path(path: &Path) -> String {
    masked(&path.display().to_string()).into_owned()
}

/// The text without addresses of webhooks; [`None`] = it has none.
fn without_hooks(text: &str) -> Option<String> {
    let mut out: Option<String> = None;
    let mut rest = text;
    // ASCII alone changes its case, so places in both are the same.
    while let Some(end) = HOOKS
        .iter()
        .filter_map(|hook| Some(rest.to_ascii_lowercase().find(hook)? + hook.len()))
        .min()
    {
        let secret = rest[end..].find(|c: char| c.is_whitespace() || "\"'`<>()[]{},;".contains(c));
        let secret = secret.unwrap_or(rest.len() - end);
        let out = out.get_or_insert_default();
        out.push_str(&rest[..end]);
        if secret > 0 {
            out.push_str(HOOK_MASK);
        }
        rest = &rest[end + secret..];
    }
    out.map(|out| out + rest)
}

/// The text without anything that could be a key, or hold one: every run of so many hex digits.
fn without_keys(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if run >= KEY_DIGITS {
            let has_prefix = at >= copied + 2 && matches!(&bytes[at - 2..at], b"0x" | b"0X");
            let begin = if has_prefix { at - 2 } else { at };
            let out = out.get_or_insert_default();
            out.push_str(&text[copied..begin]);
            out.push_str(MASK);
            copied = at + run;
        }
        at += run.max(1);
    }
    match out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(&text[copied..]);
            Cow::Owned(out)
        }
    }
}

/// What a message shows of something that was read: its beginning, masked, and nothing that would steer a
/// terminal.
pub fn excerpt(text: &[u8]) -> String {
    let text: String = masked(&String::from_utf8_lossy(text)).chars().take(EXCERPT_CHARS).collect();
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdefABCDEF67890123456789012345678901234567890123cafe";

    #[test]
    fn a_key_is_masked_wherever_it_stands() {
        for text in [
            KEY.to_owned(),
            format!("0x{KEY}"),
            format!("0X{}", KEY.to_uppercase()),
            format!("runs/{KEY}.toml: cannot read"),
            format!("größe={KEY}é and 0x{KEY}, twice"),
            format!("dead{KEY}beef"),
            format!("00x{KEY}"),
        ] {
            let shown = masked(&text);
            assert!(shown.contains("not repeated here"), "{shown}");
            assert!(!shown.to_lowercase().contains(&KEY.to_lowercase()), "{shown}");
            assert!(!shown.contains("0x["), "{shown}");
        }
        assert_eq!(masked(&format!("a 0x{KEY}: b")), format!("a {MASK}: b"));
    }

    #[test]
    fn the_address_of_a_webhook_is_masked_wherever_it_stands() {
        let secret = "123456789012345678/AbC-dEf_gHi0123456789";
        for text in [
            format!("https://discord.com/api/webhooks/{secret}"),
            format!("HTTPS://DISCORD.COM/API/WEBHOOKS/{secret}?wait=true"),
            format!("a = \"https://discord.com/api/v10/webhooks/{secret}\" # größe"),
            format!("https://hooks.slack.com/services/{secret}: no"),
            format!("/webhooks/{secret} /webhooks/{secret}, and 0x{KEY}"),
        ] {
            let shown = masked(&text);
            assert!(shown.contains("not repeated here") && !shown.contains("AbC"), "{shown}");
            assert!(!shown.contains(KEY) && !shown.contains("123456789"), "{shown}");
        }
        let shown = masked("a /webhooks/x/y b, größe").into_owned();
        assert_eq!(shown, format!("a /webhooks/{HOOK_MASK} b, größe"));
        assert_eq!(masked("see /webhooks/ there"), "see /webhooks/ there");
    }

    #[test]
    fn anything_shorter_stays() {
        for text in ["", "0x", &KEY[..63], "0x14791697260e4c9a71f18484c9f997b308e59325", "größe"]
        {
            assert!(matches!(masked(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        let halves = format!("{} {}", &KEY[..40], &KEY[40..]);
        assert_eq!(masked(&halves), halves);
    }
}
