//! Bars for a table, as SVG: how large, or from when to when.
//!
//! In: labels and numbers that are not negative; of many rows the first are drawn and the others as one. Out: the same bytes for the same numbers. The table with them stands under it, so a
//! screen reader is told to pass it by.

use std::fmt::Write;

use super::Cell;

/// Bars that can be told apart.
const MOST: usize = 24;

/// Height of a bar with the room around it, in dots.
const STEP: usize = 22;

/// Where bars begin and end, in dots.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 620.0;

/// What the rows behind those that are drawn are called.
const OTHERS: &str = "others";

/// The first rows, and all others as one.
fn first(rows: &[(String, f64, String)]) -> Vec<(String, f64, String)> {
    if rows.len() <= MOST {
        return rows.to_vec();
    }
    let (drawn, others) = rows.split_at(MOST - 1);
    let sum: f64 = others.iter().map(|(_, value, _)| value).sum();
    let mut drawn = drawn.to_vec();
    let text = Cell::Decimal(sum).text();
    let text = text.strip_suffix(".0").unwrap_or(&text).to_owned();
    drawn.push((OTHERS.to_owned(), sum, text));
    drawn
}

/// One bar per row from where it began to where it ended; none if nothing took any time.
pub(super) fn spans(
    rows: &[(String, f64, f64, String)],
    escape: impl Fn(&str) -> String,
) -> Option<String> {
    let end = rows.iter().map(|(_, from, took, _)| from + took);
    let end = end.fold(0.0, f64::max);
    if rows.is_empty() || end <= 0.0 {
        return None;
    }
    // Many short ones in a row are still in order of time.
    let rows = &rows[..rows.len().min(2 * MOST)];
    let bar = |(label, from, took, text): &(String, f64, f64, String)| {
        let scale = (RIGHT - LEFT) / end;
        let left = LEFT + from.max(0.0) * scale;
        (
            label.clone(),
            left,
            (took.max(0.0) * scale).max(1.0),
            format!("{text} s"),
        )
    };
    Some(svg(rows.iter().map(bar), escape))
}

/// One bar per row; none if there is nothing to compare.
pub(super) fn bars(
    rows: &[(String, f64, String)],
    escape: impl Fn(&str) -> String,
) -> Option<String> {
    let rows = first(rows);
    let largest = rows.iter().map(|(_, value, _)| *value).fold(0.0, f64::max);
    if rows.len() < 2 || largest <= 0.0 {
        return None;
    }
    let bar = |(label, value, text): (String, f64, String)| {
        let width = (value.max(0.0) / largest * (RIGHT - LEFT)).max(1.0);
        (label, LEFT, width, text)
    };
    Some(svg(rows.into_iter().map(bar), escape))
}

/// Bars below each other: label, where one begins, its width, and what stands behind it.
fn svg(
    bars: impl ExactSizeIterator<Item = (String, f64, f64, String)>,
    escape: impl Fn(&str) -> String,
) -> String {
    let height = bars.len() * STEP;
    let mut svg = format!(
        "<svg class=\"bars\" viewBox=\"0 0 700 {height}\" aria-hidden=\"true\" focusable=\"false\">"
    );
    for (at, (label, left, width, text)) in bars.enumerate() {
        let top = at * STEP;
        let short: String = label.chars().take(28).collect();
        // Writing into a text cannot fail.
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect x=\"{left:.1}\" y=\"{}\" width=\"{width:.1}\" \
             height=\"14\"/><text x=\"{:.1}\" y=\"{}\">{}</text>",
            LEFT - 8.0,
            top + 14,
            escape(&short),
            top + 3,
            left + width + 6.0,
            top + 14,
            escape(&text)
        );
    }
    svg.push_str("</svg>");
    svg
}
