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

/// A bar over the commits of a log whose events are counted elsewhere; see [`show`].
pub(crate) fn events_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = "{bar:40} {pos}/{len} commits  {msg}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// How far, and how fast.
pub(crate) fn show(bar: &ProgressBar, position: u64, head: u64, events_per_second: f64) {
    bar.set_length(head);
    bar.set_position(position);
    bar.set_message(format!("{events_per_second:.0} events/s"));
}
