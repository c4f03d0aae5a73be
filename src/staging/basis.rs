//! What the rows of a table follow from, part by part: the same parts, the same rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;

/// Digests of the parts by what they are called: `the query`, `config.lifecycle`, `people.csv`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Basis(BTreeMap<String, String>);

impl Basis {
    /// Adds a part.
    pub fn add(&mut self, name: impl Into<String>, digest: impl Into<String>) {
        let (name, digest) = (name.into(), digest.into());
        // What is called the same twice is both.
        let both = match self.0.get(&name) {
            Some(known) if *known != digest => format!("{known} {digest}"),
            _ => digest,
        };
        self.0.insert(name, both);
    }

    /// Adds all parts of another.
    pub fn extend(&mut self, other: Self) {
        for (name, digest) in other.0 {
            self.add(name, digest);
        }
    }

    /// What its parts are called.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Parts that are not in both, or not the same.
    #[must_use]
    pub fn differences<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let differs = |name: &&String| self.0.get(*name) != other.0.get(*name);
        let mut names: Vec<&String> = self.0.keys().filter(differs).collect();
        names.extend(other.0.keys().filter(|name| !self.0.contains_key(*name)));
        names.sort_unstable();
        names.into_iter().map(String::as_str).collect()
    }
}

/// A digest of a text.
#[must_use]
pub fn digest_of(text: &str) -> String {
    let mut sum = Checksum::default();
    sum.add(text.as_bytes());
    sum.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_differ_by_the_names_of_their_parts() {
        let of = |parts: &[(&str, &str)]| {
            let mut basis = Basis::default();
            for (name, digest) in parts {
                basis.add(*name, *digest);
            }
            basis
        };
        let one = of(&[("the query", "1"), ("config.rates", "2"), ("gone", "3")]);
        assert_eq!(one.differences(&one.clone()), Vec::<&str>::new());
        let other = of(&[("the query", "1"), ("config.rates", "4"), ("new", "3")]);
        assert_eq!(one.differences(&other), ["config.rates", "gone", "new"]);
        // Two parts of one name.
        assert_ne!(of(&[("a", "1"), ("a", "2")]), of(&[("a", "2")]));
    }
}
