//! The column that each attribute of a table gets, as far as possible from its name alone.
//!
//! In: the names of all attributes of one table, the names that are taken, and the columns that earlier exports gave. Out: one column
//! name each. Never: a name that depends on the order in which attributes appear; the same attribute would then be another
//! column in the next export.
//!
//! A name becomes plain letters; where several become the same, the one that is written so keeps it and the others get a
//! digest of their own names behind it. An attribute that had a column before keeps it, also when the set of names changes.

use std::collections::{BTreeMap, BTreeSet};

use super::header::{digest, normalise, sanitise};

/// An attribute that needs a column.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The name that the column is made from.
    pub(super) standard: String,
    /// The name as people see it.
    pub(super) original: String,
    /// Place in the file, if it has no name at all.
    pub(super) unnamed: Option<usize>,
}

/// What the column of a name is called while no other name is in its way.
pub(super) fn base(wanted: &Wanted) -> String {
    if let Some(place) = wanted.unnamed {
        return format!("unnamed_{place}");
    }
    sanitise(&wanted.standard).unwrap_or_else(|| format!("attribute_{}", digest(&wanted.standard)))
}

/// Names the columns of all attributes, in the order given. `before`: column by compared name of the attribute.
pub(super) fn assign(
    all: &[Wanted],
    declared: &BTreeSet<String>,
    before: &BTreeMap<String, String>,
) -> Vec<String> {
    let bases: Vec<String> = all
        .iter()
        .map(|wanted| beside(base(wanted), declared))
        .collect();
    let mut rivals: BTreeMap<&str, usize> = BTreeMap::new();
    for base in &bases {
        *rivals.entry(base).or_default() += 1;
    }
    let kept: Vec<Option<&String>> = all
        .iter()
        .zip(&bases)
        .map(|(wanted, base)| {
            // Only a column that this name could have; the declared columns may have changed since.
            let kept = before.get(&normalise(&wanted.original))?;
            let is_own = kept == base || kept.strip_prefix(base.as_str())?.starts_with('_');
            (is_own && !declared.contains(kept)).then_some(kept)
        })
        .collect();
    let mut taken: BTreeSet<String> = declared.clone();
    taken.extend(kept.iter().flatten().map(|&name| name.clone()));
    let mut names = Vec::with_capacity(all.len());
    for ((wanted, base), kept) in all.iter().zip(&bases).zip(kept) {
        if let Some(kept) = kept {
            names.push(kept.clone());
            continue;
        }
        let is_written_so = normalise(&wanted.standard) == *base;
        let is_free = rivals.get(base.as_str()) == Some(&1) || is_written_so;
        let name = if is_free && !taken.contains(base) {
            base.clone()
        } else {
            beside(format!("{base}_{}", digest(&wanted.standard)), &taken)
        };
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// A name that is free: itself, or with a number behind it.
fn beside(base: String, taken: &BTreeSet<String>) -> String {
    let mut name = base.clone();
    let mut number = 2;
    while taken.contains(&name) {
        name = format!("{base}_{number}");
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str], before: &[(&str, &str)]) -> BTreeMap<String, String> {
        let wanted: Vec<Wanted> = all
            .iter()
            .map(|&name| Wanted {
                standard: name.to_owned(),
                original: name.to_owned(),
                unnamed: None,
            })
            .collect();
        let declared = BTreeSet::from(["name".to_owned()]);
        let before = before
            .iter()
            .map(|&(name, column)| (normalise(name), column.to_owned()))
            .collect();
        let columns = assign(&wanted, &declared, &before);
        all.iter()
            .map(|&name| name.to_owned())
            .zip(columns)
            .collect()
    }

    #[test]
    fn names_do_not_depend_on_their_order() {
        let all = [
            "цвет",
            "размер",
            "Źródło",
            "zrodlo",
            "★",
            "☆",
            "Größe",
            "Grösse",
            "Name!",
        ];
        let forward = names(&all, &[]);
        let mut turned = all;
        turned.reverse();
        assert_eq!(names(&turned, &[]), forward);
        let distinct: BTreeSet<&String> = forward.values().collect();
        assert_eq!(distinct.len(), all.len(), "{forward:?}");
        assert_eq!(forward["цвет"], "tsvet");
        assert_eq!(forward["zrodlo"], "zrodlo");
        assert!(forward["Źródło"].starts_with("zrodlo_"));
        assert!(
            forward["Größe"].starts_with("groesse_") && forward["Grösse"].starts_with("groesse_")
        );
        assert!(forward["★"].starts_with("attribute_"));
        assert_eq!(forward["Name!"], "name_2");
    }

    #[test]
    fn an_attribute_keeps_the_column_it_had() {
        let first = names(&["Größe", "Groesse"], &[]);
        let column = first["Größe"].as_str();
        let before = [("Größe", column), ("Groesse", "groesse")];
        assert_eq!(names(&["Größe"], &before)["Größe"], column);
        // What was never this name's column is not taken over.
        assert_eq!(
            names(&["Größe"], &[("Größe", "colour")])["Größe"],
            "groesse"
        );
        assert_eq!(names(&["Größe"], &[("Größe", "name")])["Größe"], "groesse");
    }
}
