//! Cells of a decision file against its declaration.
//!
//! In: a file, read, and what it is declared as. Out: its rows with every cell in the one form that queries compare (`contact` →
//! `Contact`, `4,30` → `4.30`, `10%` → `10`), and a finding for each cell that means nothing, each key that is there
//! twice, each row that says nothing; a row without its decision is told and left out. It knows no other file and no table.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::declare::{CLASS, CLASSES, CellKind, Column, Declared, SIGNATURE};
use super::text::Text;
use crate::config::nearest;
use crate::finding::Finding;
use crate::usercom::cell::DEAL_STATUS;

/// Checks a file and brings its cells into form.
pub(super) fn check(file: &str, declared: &Declared, text: &mut Text, findings: &mut Vec<Finding>) {
    let place = |name: &str| text.header.iter().position(|column| column == name);
    let columns: Vec<(usize, &Column)> = declared
        .columns
        .iter()
        .filter_map(|column| Some((place(column.name)?, column)))
        .collect();
    let key: Vec<usize> = declared.key.iter().filter_map(|name| place(name)).collect();
    let one_of: Vec<usize> = declared
        .one_of
        .iter()
        .filter_map(|name| place(name))
        .collect();
    let mut seen: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    let decides = declared.decides.and_then(&place);
    let proposal = Proposal::of(declared, place);
    for row in &mut text.rows {
        let line = row.line;
        let told = |column: Option<&str>, value: Option<&str>, problem: String, nearest| Finding {
            column: column.map(str::to_owned),
            value: value.map(str::to_owned),
            nearest,
            ..Finding::new(file, problem).line(line)
        };
        for (at, column) in &columns {
            let cell = &row.cells[*at];
            if cell.is_empty() {
                if decides == Some(*at) {
                    let problem =
                        "is empty: nobody has decided yet, and the line counts as not written";
                    let open = told(Some(column.name), None, problem.to_owned(), None);
                    findings.push(open.warning());
                } else if column.needed {
                    findings.push(told(Some(column.name), None, "is empty".to_owned(), None));
                }
                continue;
            }
            if let CellKind::Known(words) = column.kind {
                row.cells[*at] = words_of(words, cell, |word, nearest| {
                    let problem = "is no word of the list, and stays as free text";
                    let odd = told(Some(column.name), Some(word), problem.to_owned(), nearest);
                    findings.push(odd.warning());
                });
                continue;
            }
            match formed(column.kind, cell) {
                Ok(formed) => row.cells[*at] = formed,
                Err((problem, nearest)) => {
                    findings.push(told(Some(column.name), Some(cell), problem, nearest));
                }
            }
        }
        if !one_of.is_empty() && one_of.iter().all(|at| row.cells[*at].is_empty()) {
            let problem = format!("needs one of the columns {}", declared.one_of.join(", "));
            findings.push(told(None, None, problem, None));
        }
        if proposal.is_in(&row.cells) {
            let problem = "is proposed and nobody has confirmed it: the line counts as not written; \
                           `transload map confirm` signs it, or fill in confirmed_by and confirmed_at";
            let open = told(declared.proposed, None, problem.to_owned(), None);
            findings.push(open.warning());
        }
        // Fallbacks for dates are dates.
        if declared.name == "defaults" {
            date_of(&columns, row.cells.as_mut_slice(), |value, problem| {
                findings.push(told(Some("value"), Some(value), problem, None));
            });
        }
        if declared.name == "matches"
            && let Some((id, problem)) = strange_id(&columns, &row.cells)
        {
            findings.push(told(Some("salesforce_id"), Some(id), problem, None));
        }
        if key.is_empty() {
            continue;
        }
        let named: Vec<String> = key.iter().map(|at| row.cells[*at].to_lowercase()).collect();
        if named.iter().all(String::is_empty) {
            continue;
        }
        let shown = key
            .iter()
            .map(|at| row.cells[*at].as_str())
            .filter(|cell| !cell.is_empty());
        let shown: Vec<&str> = shown.collect();
        if let Some(first) = seen.get(&named) {
            let problem = format!("is decided in line {first} already: take one of the two out");
            findings.push(told(
                Some(&declared.key.join(", ")),
                Some(&shown.join(" / ")),
                problem,
                None,
            ));
        } else {
            seen.insert(named, line);
        }
    }
    text.rows.retain(|row| {
        decides.is_none_or(|at| !row.cells[at].is_empty()) && !proposal.is_in(&row.cells)
    });
}

/// Where a file says that a row was proposed, and who confirmed it.
struct Proposal {
    value: Option<usize>,
    class: Option<usize>,
    signature: [Option<usize>; 2],
}

impl Proposal {
    fn of(declared: &Declared, place: impl Fn(&str) -> Option<usize>) -> Self {
        Self {
            value: declared.proposed.and_then(&place),
            class: declared.proposed.and_then(|_| place(CLASS)),
            signature: SIGNATURE.map(place),
        }
    }

    /// Whether a row holds a proposal that nobody signed. An empty one is a question, told as such.
    fn is_in(&self, cells: &[String]) -> bool {
        let cell = |at: Option<usize>| at.map_or("", |at| cells[at].as_str());
        let is_class = |class: &&str| class.eq_ignore_ascii_case(cell(self.class));
        CLASSES.iter().any(is_class)
            && !cell(self.value).is_empty()
            && self.signature.iter().any(|at| cell(*at).is_empty())
    }
}

/// How the ids of standard objects begin, in every org.
const PREFIXES: [(&str, &str); 3] = [("Account", "001"), ("Contact", "003"), ("Lead", "00Q")];

/// A record id that is none of the row's object; what is no id at all is told apart.
fn strange_id<'a>(columns: &[(usize, &Column)], cells: &'a [String]) -> Option<(&'a str, String)> {
    let cell = |name: &str| {
        let column = columns.iter().find(|(_, column)| column.name == name)?;
        cells.get(column.0)
    };
    let (object, id) = (cell("object")?, cell("salesforce_id")?);
    let (_, prefix) = PREFIXES.iter().find(|(name, _)| name == object)?;
    let is_id = formed(CellKind::RecordId, id).is_ok();
    (is_id && !id.starts_with(prefix)).then(|| {
        let problem = format!("is no id of {object}: those begin with {prefix}");
        (id.as_str(), problem)
    })
}

/// A default for a field whose name says that it is a date is one, in any of the forms that people write.
fn date_of(
    columns: &[(usize, &Column)],
    cells: &mut [String],
    mut wrong: impl FnMut(&str, String),
) {
    let at = |name: &str| {
        columns
            .iter()
            .find(|(_, column)| column.name == name)
            .map(|(at, _)| *at)
    };
    let (Some(field), Some(value)) = (at("field"), at("value")) else {
        return;
    };
    if !cells[field]
        .to_lowercase()
        .trim_end_matches("__c")
        .ends_with("date")
        || cells[value].is_empty()
    {
        return;
    }
    match date(&cells[value]) {
        Some(day) => cells[value] = day.to_string(),
        None => wrong(&cells[value], "is no date: write 2026-12-31".to_owned()),
    }
}

/// A day; the order of day and month is taken only where it is beyond doubt.
fn date(text: &str) -> Option<NaiveDate> {
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day);
    }
    let german = NaiveDate::parse_from_str(text, "%d.%m.%Y").ok();
    let slashes = [
        NaiveDate::parse_from_str(text, "%d/%m/%Y").ok(),
        NaiveDate::parse_from_str(text, "%m/%d/%Y").ok(),
    ];
    match (german, slashes) {
        (Some(day), _) => Some(day),
        (None, [Some(one), Some(other)]) => (one == other).then_some(one),
        (None, [one, other]) => one.or(other),
    }
}

/// A list with bars in one form: known words as they are written, the rest as it is and told.
fn words_of(known: &[&str], cell: &str, mut odd: impl FnMut(&str, Option<String>)) -> String {
    let words = cell.split('|').map(str::trim);
    let words = words.filter(|word| !word.is_empty()).map(|word| {
        match known.iter().find(|known| known.eq_ignore_ascii_case(word)) {
            Some(known) => (*known).to_owned(),
            None => {
                let lower = |known: &&str| known.to_lowercase();
                let lowered: Vec<String> = known.iter().map(lower).collect();
                let near = nearest(&word.to_lowercase(), lowered.iter().map(String::as_str));
                let near = near.and_then(|near| known.iter().find(|known| lower(known) == near));
                odd(word, near.map(|near| (*near).to_owned()));
                word.to_owned()
            }
        }
    });
    words.collect::<Vec<_>>().join(" | ")
}

type Wrong = (String, Option<String>);

/// A cell in the form that queries compare, or what is wrong with it.
pub(super) fn formed(kind: CellKind, cell: &str) -> Result<String, Wrong> {
    let plain = |problem: &str| (problem.to_owned(), None);
    match kind {
        // Known words are brought into form where free text is told.
        CellKind::Text | CellKind::Known(_) => Ok(cell.to_owned()),
        CellKind::Word(allowed) => {
            let found = allowed.iter().find(|word| word.eq_ignore_ascii_case(cell));
            found.map(|word| (*word).to_owned()).ok_or_else(|| {
                let problem = format!("is none of {}", allowed.join(", "));
                (problem, nearest(cell, allowed.iter().copied()))
            })
        }
        CellKind::DealStatus => DEAL_STATUS.word(cell).map(Into::into).map_err(|_| {
            let words: Vec<&str> = DEAL_STATUS.words().collect();
            let problem = format!("is no status of deals: {}", words.join(", "));
            (problem, nearest(&cell.to_lowercase(), words.into_iter()))
        }),
        CellKind::Whole => cell
            .parse::<i64>()
            .map(|number| number.to_string())
            .map_err(|_| plain("is no whole number")),
        CellKind::Percent => number(cell.trim_end_matches('%').trim_end())
            .filter(|(_, value)| (0.0..=100.0).contains(value))
            .map(|(text, _)| text)
            .ok_or_else(|| plain("is no percentage from 0 to 100")),
        CellKind::Positive => number(cell)
            .filter(|(_, value)| *value > 0.0)
            .map(|(text, _)| text)
            .ok_or_else(|| plain("is no number above 0")),
        CellKind::Day => date(cell)
            .map(|day| day.to_string())
            .ok_or_else(|| plain("is no day: write 2026-12-31")),
        CellKind::Email => {
            let (name, domain) = cell.split_once('@').unwrap_or_default();
            let whole =
                !name.is_empty() && !domain.is_empty() && !cell.contains(char::is_whitespace);
            whole
                .then(|| cell.to_owned())
                .ok_or_else(|| plain("is no e-mail address"))
        }
        CellKind::Code(letters) => {
            let fits = cell.len() == letters && cell.bytes().all(|byte| byte.is_ascii_alphabetic());
            fits.then(|| cell.to_uppercase())
                .ok_or_else(|| plain(&format!("is no code of {letters} letters")))
        }
        CellKind::RecordId => {
            let fits = matches!(cell.len(), 15 | 18)
                && cell.bytes().all(|byte| byte.is_ascii_alphanumeric());
            fits.then(|| cell.to_owned())
                .ok_or_else(|| plain("is no record id of 15 or 18 letters and digits"))
        }
        CellKind::Domain => {
            let domain = cell
                .trim_start_matches('@')
                .trim_end_matches('.')
                .to_lowercase();
            let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '.');
            let whole =
                domain.contains('.') && !domain.starts_with('.') && domain.chars().all(fits);
            whole
                .then_some(domain)
                .ok_or_else(|| plain("is no domain: write example.com"))
        }
        CellKind::NameOrAll if cell == "*" => Ok(cell.to_owned()),
        CellKind::Name | CellKind::NameOrAll => {
            let fits = cell
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            fits.then(|| cell.to_owned())
                .ok_or_else(|| plain("is no API name"))
        }
    }
}

/// A number in the form of SQL, whatever sign its decimals have.
fn number(cell: &str) -> Option<(String, f64)> {
    let text = match (cell.rfind(','), cell.rfind('.')) {
        (Some(_), None) if cell.matches(',').count() == 1 => cell.replace(',', "."),
        (None, _) => cell.to_owned(),
        // Both signs: which of them groups thousands is anybody's guess.
        _ => return None,
    };
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    let value: f64 = text.parse().ok().filter(|_| plain)?;
    value.is_finite().then_some((text, value))
}
