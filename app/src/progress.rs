//! Progress on the terminal: how far, how fast, how much longer.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many things; hidden where nobody looks.
pub(crate) fn bar(total: u64, things: &str) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let template = format!("{{bar:40}} {{pos}}/{{len}} {things}  {{per_sec}}  {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}
