//! The live page (docs/page.md): one HTML file that loads nothing, and draws the views that server-sent events
//! tell it. What it draws is what `botmm status --json` says.

use super::view::View;
use botmm_pipeline::types::Nanos;
use sha2::{Digest as _, Sha256};

/// The page.
pub const HTML: &str = include_str!("page.html");

/// The header line that goes with it: a browser runs and draws what is in the file, asks whom it is from, and
/// nothing else, whatever a coin or an alert is called.
pub fn policy() -> String {
    format!(
        "Content-Security-Policy: default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; \
         connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'\r\n",
        hash_of("script"),
        hash_of("style")
    )
}

/// A view as one server-sent event.
pub fn event(view: &View, now: Nanos) -> Vec<u8> {
    // JSON has its line ends escaped.
    format!("data: {}\n\n", view.to_json(now)).into_bytes()
}

/// Of what is between the one pair of these tags.
fn hash_of(tag: &str) -> String {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let inner = HTML.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
    base64(&Sha256::digest(inner.map_or("", |(inner, _)| inner)))
}

/// As browsers compare hashes.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = three.iter().enumerate().fold(0, |w, (i, b)| w | u32::from(*b) << (16 - 8 * i));
        for digit in 0..4 {
            let sextet = (word >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= three.len() { char::from(DIGITS[sextet]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_its_standard() {
        // https://www.rfc-editor.org/rfc/rfc4648#section-10
        let vectors = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (n, expected) in vectors.iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..n]), *expected);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    /// It has nothing from elsewhere, and text of others becomes text.
    #[test]
    fn the_page_is_one_file_that_loads_nothing_and_builds_no_markup_from_words() {
        for tag in ["script", "style"] {
            assert_eq!(HTML.matches(&format!("<{tag}")).count(), 1, "{tag}");
            assert_ne!(hash_of(tag), base64(&Sha256::digest("")), "{tag}");
        }
        for banned in [
            "http://",
            "https://",
            "//cdn",
            "@import",
            "url(",
            " src=",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            " style=",
            " onclick=",
            "localStorage",
        ] {
            assert!(!HTML.contains(banned), "{banned}");
        }
        assert!(policy().ends_with("'script'\r\n") && policy().matches("sha256-").count() == 2);
    }
}
