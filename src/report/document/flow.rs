//! Where rows went, as SVG: from what on the left to what on the right, each band as high as its rows are many.
//!
//! In: pairs with numbers that are not negative. Out: the same bytes for the same numbers. The table with them stands under it, so a
//! screen reader is told to pass it by.

use std::fmt::Write;

/// Names of one side that can be told apart; the smallest of more are drawn as one.
const MOST: usize = 12;

/// Height of all bands together, and of the room between two, in dots.
const HEIGHT: f64 = 320.0;
const ROOM: f64 = 14.0;

/// Where bands begin and end, in dots.
const LEFT: f64 = 220.0;
const RIGHT: f64 = 480.0;

/// What the smallest are drawn as.
const OTHERS: &str = "others";

/// Names of one side with their rows, the largest first.
struct Side {
    names: Vec<(String, f64)>,
    /// Where the next band of each begins.
    at: Vec<f64>,
}

impl Side {
    fn of<'a>(rows: impl Iterator<Item = (&'a str, f64)>, scale: f64) -> Self {
        let mut names: Vec<(String, f64)> = Vec::new();
        for (name, value) in rows {
            match names.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += value,
                None => names.push((name.to_owned(), value)),
            }
        }
        names.sort_by(|(left, less), (right, more)| more.total_cmp(less).then(left.cmp(right)));
        if names.len() > MOST {
            let rest: f64 = names.drain(MOST - 1..).map(|(_, value)| value).sum();
            names.push((OTHERS.to_owned(), rest));
        }
        let mut top = 0.0;
        let at = names.iter().map(|(_, value)| {
            let at = top;
            top += value * scale + ROOM;
            at
        });
        let at = at.collect();
        Self { names, at }
    }

    fn place(&self, name: &str) -> usize {
        let found = self.names.iter().position(|(known, _)| known == name);
        found.unwrap_or(self.names.len().saturating_sub(1))
    }

    /// Takes the next band of a name; where it begins.
    fn take(&mut self, place: usize, height: f64) -> f64 {
        let top = self.at[place];
        self.at[place] += height;
        top
    }

    fn bottom(&self, scale: f64) -> f64 {
        let last = self.names.last().map_or(0.0, |(_, value)| value * scale);
        self.at.last().map_or(0.0, |top| top + last)
    }
}

/// One band per pair; none if there is nothing to see.
pub(super) fn flow(
    rows: &[(String, String, f64)],
    number: impl Fn(f64) -> String,
    escape: impl Fn(&str) -> String,
) -> Option<String> {
    let rows = rows.iter().filter(|(_, _, value)| *value > 0.0);
    let rows: Vec<(&str, &str, f64)> = rows
        .map(|(from, to, value)| (from.as_str(), to.as_str(), *value))
        .collect();
    if rows.len() < 2 {
        return None;
    }
    let total: f64 = rows.iter().map(|(_, _, value)| value).sum();
    let scale = HEIGHT / total;
    let mut left = Side::of(rows.iter().map(|(from, _, value)| (*from, *value)), scale);
    let mut right = Side::of(rows.iter().map(|(_, to, value)| (*to, *value)), scale);
    let height = left.bottom(scale).max(right.bottom(scale)).max(ROOM) + ROOM;
    let mut svg = format!(
        "<svg class=\"flow\" viewBox=\"0 0 700 {height:.0}\" aria-hidden=\"true\" focusable=\"false\">"
    );
    for (side, x, anchor) in [(&left, LEFT - 8.0, "end"), (&right, RIGHT + 8.0, "start")] {
        for ((name, value), top) in side.names.iter().zip(&side.at) {
            let short: String = name.chars().take(24).collect();
            // Writing into a text cannot fail.
            let _ = write!(
                svg,
                "<text x=\"{x}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{} {}</text>",
                top + value * scale / 2.0 + 8.0,
                escape(&short),
                escape(&number(*value))
            );
        }
    }
    let mut bands: Vec<(usize, usize, f64)> = Vec::new();
    for (from, to, value) in &rows {
        let (from, to) = (left.place(from), right.place(to));
        match bands.iter_mut().find(|band| (band.0, band.1) == (from, to)) {
            Some((_, _, sum)) => *sum += value,
            None => bands.push((from, to, *value)),
        }
    }
    bands.sort_by_key(|(from, to, _)| (*from, *to));
    let middle = f64::midpoint(LEFT, RIGHT);
    for (from, to, value) in bands {
        let thick = (value * scale).max(0.5);
        let (start, end) = (
            left.take(from, value * scale) + 4.0,
            right.take(to, value * scale) + 4.0,
        );
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {start:.1}C{middle} {start:.1} {middle} {end:.1} {RIGHT} {end:.1}V{:.1}C{middle} {:.1} {middle} {:.1} \
             {LEFT} {:.1}Z\"/>",
            end + thick,
            end + thick,
            start + thick,
            start + thick
        );
    }
    svg.push_str("</svg>");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(rows: &[(&str, &str, f64)]) -> Option<String> {
        let rows: Vec<_> = rows
            .iter()
            .map(|(from, to, value)| ((*from).to_owned(), (*to).to_owned(), *value))
            .collect();
        flow(&rows, |value| format!("{value:.0}"), str::to_owned)
    }

    #[test]
    fn bands_are_as_high_as_their_rows_are_many_and_leave_no_row_out() {
        let rows = [
            ("people", "sent", 30.0),
            ("people", "held", 10.0),
            ("deals", "sent", 40.0),
        ];
        let svg = drawn(&rows).unwrap();
        assert_eq!(svg.matches("<path").count(), 3);
        // 320 dots for 80 rows: 40 rows are 160 dots, from the first dot of their side on.
        assert!(
            svg.contains("M220 4.0C350 4.0 350 4.0 480 4.0V164.0C350 164.0 350 164.0 220 164.0Z"),
            "{svg}"
        );
        for label in ["deals 40", "people 40", "sent 70", "held 10"] {
            assert!(svg.contains(label), "{label}: {svg}");
        }
        assert_eq!(drawn(&rows).unwrap(), svg);
        assert_eq!(drawn(&rows[..1]), None);

        let many: Vec<(String, f64)> = (1..=30u8)
            .map(|at| (format!("load {at:02}"), f64::from(at)))
            .collect();
        let many: Vec<_> = many
            .iter()
            .map(|(name, value)| (name.as_str(), "sent", *value))
            .collect();
        let svg = drawn(&many).unwrap();
        assert_eq!(svg.matches("<path").count(), MOST);
        let rest: u32 = (1..=19).sum();
        assert!(
            svg.contains(&format!("others {rest}")) && svg.contains("sent 465"),
            "{svg}"
        );
    }
}
