//! The live page (docs/page.md): one HTML file that loads nothing, and draws the views that server-sent events
//! tell it. What it draws is what `botmm status --json` says.

use super::view::View;
use crate::base64;
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

/// Of what is between the one pair of these tags, as browsers compare hashes.
fn hash_of(tag: &str) -> String {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let inner = HTML.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
    base64::of(&Sha256::digest(inner.map_or("", |(inner, _)| inner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It has nothing from elsewhere, and text of others becomes text.
    #[test]
    fn the_page_is_one_file_that_loads_nothing_and_builds_no_markup_from_words() {
        for tag in ["script", "style"] {
            assert_eq!(HTML.matches(&format!("<{tag}")).count(), 1, "{tag}");
            assert_ne!(hash_of(tag), base64::of(&Sha256::digest("")), "{tag}");
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
