//! Bars for a small table, as SVG.
//!
//! In: labels and numbers that are not negative. Out: the same bytes for the same numbers. The table with them stands under it, so a
//! screen reader is told to pass it by.

use std::fmt::Write;

/// Bars that can be told apart.
const MOST: usize = 24;

/// Height of a bar with the room around it, in dots.
const STEP: usize = 22;

/// Where bars begin and end, in dots.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 620.0;

/// One bar per row; none if there is nothing to compare.
pub(super) fn bars(
    rows: &[(String, f64, String)],
    escape: impl Fn(&str) -> String,
) -> Option<String> {
    let largest = rows.iter().map(|(_, value, _)| *value).fold(0.0, f64::max);
    if rows.len() < 2 || rows.len() > MOST || largest <= 0.0 {
        return None;
    }
    let height = rows.len() * STEP;
    let mut svg = format!(
        "<svg class=\"bars\" viewBox=\"0 0 700 {height}\" aria-hidden=\"true\" focusable=\"false\">"
    );
    for (at, (label, value, text)) in rows.iter().enumerate() {
        let top = at * STEP;
        let width = (value.max(0.0) / largest * (RIGHT - LEFT)).max(1.0);
        let short: String = label.chars().take(28).collect();
        // Writing into a text cannot fail.
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" \
             height=\"14\"/><text x=\"{:.1}\" y=\"{}\">{}</text>",
            LEFT - 8.0,
            top + 14,
            escape(&short),
            top + 3,
            LEFT + width + 6.0,
            top + 14,
            escape(text)
        );
    }
    svg.push_str("</svg>");
    Some(svg)
}
