//! The document that is signed off: every step with plan, evidence and signature, and the whole log.
//!
//! In: standings and log. Out: Markdown. Texts of people cannot break the table they stand in.

use std::fmt::Write as _;

use super::{Event, Log, Standing, State};

/// The document.
#[must_use]
pub fn document(project: &str, organisation: &str, standings: &[Standing], log: &Log) -> String {
    let open: Vec<&str> = standings
        .iter()
        .filter(|standing| standing.state != State::Signed)
        .map(|standing| standing.step.step.as_str())
        .collect();
    let mut text = format!(
        "# Cutover of {}\n\nOrganisation {organisation}. ",
        safe(project)
    );
    text += &match open.as_slice() {
        [] => "Every step is signed, and its evidence is as it was then.\n\n".to_owned(),
        open => format!("Open: {}.\n\n", safe(&open.join(", "))),
    };
    text += "| step | what has to be true | owner | planned min | evidence | has to be | state | signed by | at |\n";
    text += "|---|---|---|---|---|---|---|---|---|\n";
    for standing in standings {
        let step = &standing.step;
        let cells = [
            step.step.clone(),
            step.task.clone(),
            step.owner.clone().unwrap_or_default(),
            step.planned_minutes
                .map(|minutes| minutes.to_string())
                .unwrap_or_default(),
            standing
                .evidence
                .as_ref()
                .map(|evidence| evidence.told.clone())
                .unwrap_or_default(),
            step.threshold
                .map(|threshold| threshold.to_string())
                .unwrap_or_default(),
            standing.state.word().to_owned(),
            standing
                .signed
                .as_ref()
                .map(|(name, _)| name.clone())
                .unwrap_or_default(),
            standing
                .signed
                .as_ref()
                .map(|(_, at)| moment(*at))
                .unwrap_or_default(),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| safe(cell)).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text += "\n## Log\n\n| number | at | what |\n|---|---|---|\n";
    for (number, entry) in log.entries().iter().enumerate() {
        let what = match &entry.event {
            Event::Shown {
                step,
                evidence,
                threshold,
                digest,
            } => {
                let has_to_be = has_to_be(threshold.as_deref());
                format!("{step} shown: {evidence}{has_to_be} (digest {digest})")
            }
            Event::Signed {
                step,
                name,
                evidence,
                threshold,
                ..
            } => match evidence {
                Some(evidence) => {
                    let has_to_be = has_to_be(threshold.as_deref());
                    format!("{step} signed by {name} on {evidence}{has_to_be}")
                }
                None => format!("{step} signed by {name}"),
            },
        };
        let _ = writeln!(
            text,
            "| {number} | {} | {} |",
            moment(entry.at),
            safe(&what)
        );
    }
    let head = log.head();
    let _ = writeln!(
        text,
        "\n{} entries, the last with the digest {}.",
        head.entries,
        match head.last.as_str() {
            "" => "none",
            last => last,
        }
    );
    text
}

/// The threshold as it stood then; entries of earlier versions do not have it.
fn has_to_be(threshold: Option<&str>) -> String {
    threshold.map_or_else(String::new, |threshold| {
        format!(", which has to be {threshold}")
    })
}

fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A text as one cell: no markup, no line ends.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => out.extend(['\\', letter]),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
