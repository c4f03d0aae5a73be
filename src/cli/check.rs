//! `transload check`: everything that is wrong with a project's files, at once and offline.

use super::{Format, Outcome, ProjectArgs, Target, output};
use crate::error::Error;
use crate::finding::Finding;
use crate::migration::{CheckReport, CheckRequest, check};

/// Arguments of `transload check`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Write what nobody has decided into the decision files, as rows that decide nothing yet
    #[arg(long)]
    write_missing: bool,
    /// Report on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Values of one decision file that are shown; the document has all.
const SHOWN: usize = 10;

/// Runs the command.
pub(super) async fn run(args: CheckArgs) -> Result<Outcome, Error> {
    let request = CheckRequest {
        work: args.project.work,
        target: args.target.target,
        write_missing: args.write_missing,
    };
    let report = Box::pin(check(&args.project.project, &request)).await?;
    match args.format {
        Format::Json => {
            let text = serde_json::to_string(&report).unwrap_or_default();
            output::data(&format!("{text}\n"))?;
        }
        Format::Table => output::data(&text(&report))?,
    }
    Ok(match report.stops() {
        true => Outcome::Mistaken,
        false => Outcome::Fine,
    })
}

fn text(report: &CheckReport) -> String {
    let mut text = String::new();
    let mut part = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
            text.push_str(&format!("{title}\n{lines}\n"));
        }
    };
    let (errors, warnings): (Vec<&Finding>, Vec<&Finding>) = report
        .findings
        .iter()
        .partition(|finding| finding.is_error());
    part("Mistakes: nothing is sent while they stand", told(&errors));
    part("Warnings", told(&warnings));
    part(
        "Open: the export has it, and no decision names it",
        open(report),
    );
    part("Not checked", report.not_checked.clone());
    let written = report.written.iter();
    part(
        "Written, for you to decide",
        written
            .map(|(file, lines)| format!("{file}: {lines} line(s)"))
            .collect(),
    );
    text.push_str(&format!(
        "{} mistake(s), {} warning(s), {} open decision(s)\n",
        errors.len(),
        warnings.len(),
        report.open.len()
    ));
    if !report.open.is_empty() && report.written.is_empty() {
        text.push_str(
            "`transload check --write-missing` writes what is open into the decision files\n",
        );
    }
    text
}

/// Findings as sentences; the same about neighbouring lines is one.
fn told(findings: &[&Finding]) -> Vec<String> {
    let mut told: Vec<(Finding, Option<u64>)> = Vec::new();
    for finding in findings {
        let last = told.last_mut().filter(|(first, last)| {
            let follows = last.or(first.line).map(|line| line + 1);
            let same = Finding {
                line: finding.line,
                ..first.clone()
            };
            finding.line.is_some() && finding.line == follows && same == **finding
        });
        match last {
            Some((_, last)) => *last = finding.line,
            None => told.push(((*finding).clone(), None)),
        }
    }
    let sentence = |(first, last): (Finding, Option<u64>)| match (first.line, last) {
        (Some(line), Some(last)) => {
            let one = format!("{} line {line}", first.file);
            let all = format!("{} lines {line} to {last}", first.file);
            first.to_string().replacen(&one, &all, 1)
        }
        _ => first.to_string(),
    };
    told.into_iter().map(sentence).collect()
}

/// What is open, by file.
fn open(report: &CheckReport) -> Vec<String> {
    let mut lines = Vec::new();
    let mut files: Vec<&str> = report.open.iter().map(|open| open.file).collect();
    files.dedup();
    for file in files {
        let of_file: Vec<_> = report
            .open
            .iter()
            .filter(|open| open.file == file)
            .collect();
        for open in of_file.iter().take(SHOWN) {
            let cells = open.cells.values().map(String::as_str);
            lines.push(format!(
                "config/{file}.csv: {}: {} {}; {}",
                cells.collect::<Vec<_>>().join(" / "),
                output::number(open.rows),
                open.what,
                open.otherwise
            ));
        }
        if of_file.len() > SHOWN {
            lines.push(format!(
                "config/{file}.csv: and {} more",
                of_file.len() - SHOWN
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_about_neighbouring_lines_is_one_sentence() {
        let empty = |line| {
            Finding::new("config/rates.csv", "is empty")
                .line(line)
                .column("rate")
        };
        let other = Finding::new("config/rates.csv", "is no number").line(5);
        let findings = [empty(2), empty(3), empty(4), other, empty(7)];
        assert_eq!(
            told(&findings.iter().collect::<Vec<_>>()),
            [
                "config/rates.csv lines 2 to 4, column rate: is empty",
                "config/rates.csv line 5: is no number",
                "config/rates.csv line 7, column rate: is empty",
            ]
        );
    }
}
