//! Addresses in an org with State and Country/Territory Picklists: codes and texts say the same, or the row is refused.
//!
//! Texts are compared with labels whatever their case. The words of the refusals are those that the real form shows.

use super::super::change::RowError;
use super::super::schema::{addresses, countries, states};
use super::draft::Draft;
use super::rule::{Rule, integrity};

/// The rule of objects that have no other.
pub(super) static ADDRESSES: Rule = Rule {
    before: Some(check),
    after: None,
    pairs: &[],
};

/// Brings codes and texts of all addresses in line.
pub(super) fn check(draft: &mut Draft<'_>) -> Result<(), RowError> {
    if draft.deleting() {
        return Ok(());
    }
    for prefix in addresses(draft.object_name()) {
        let country = settle(draft, prefix, "Country", countries())?;
        let Some(country) = country else {
            if draft.given(&format!("{prefix}State")) || draft.given(&format!("{prefix}StateCode"))
            {
                let message = format!(
                    "A country/territory must be specified before specifying a state value for field: {prefix} State/Province"
                );
                return Err(integrity(message, &[&format!("{prefix}State")]));
            }
            continue;
        };
        settle(draft, prefix, "State", states(&country))?;
    }
    Ok(())
}

/// The code that a part of an address will have; its other form follows from the one that was sent.
fn settle(
    draft: &mut Draft<'_>,
    prefix: &str,
    part: &str,
    known: impl Iterator<Item = (&'static str, &'static str)>,
) -> Result<Option<String>, RowError> {
    let (text, code) = (format!("{prefix}{part}"), format!("{prefix}{part}Code"));
    if !draft.sent(&text) && !draft.sent(&code) {
        return Ok(draft.get(&code).map(str::to_owned));
    }
    let (sent_text, sent_code) = (
        draft.given(&text).then(|| draft.get(&text)).flatten(),
        draft.given(&code).then(|| draft.get(&code)).flatten(),
    );
    if sent_text.is_none() && sent_code.is_none() {
        draft.set(&text, None);
        draft.set(&code, None);
        return Ok(None);
    }
    let fits = |(code, label): &(&str, &str)| {
        sent_code.is_none_or(|sent| sent.eq_ignore_ascii_case(code))
            && sent_text.is_none_or(|sent| sent.eq_ignore_ascii_case(label))
    };
    let mut known = known;
    let Some((found, label)) = known.find(fits) else {
        let (noun, list) = match part {
            "Country" => (
                "country",
                "country/territory from the list of valid countries",
            ),
            _ => ("state", "state from the list of valid states"),
        };
        let message = format!(
            "There's a problem with this {noun}, even though it may appear correct. Please select a {list}.: {prefix} {part}"
        );
        return Err(integrity(message, &[&text]));
    };
    draft.set(&text, Some(label));
    draft.set(&code, Some(found));
    Ok(Some(found.to_owned()))
}
