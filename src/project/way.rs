//! How the value of a source column reaches a field: always, where others are empty, or where a condition holds.
//!
//! In: what an expression does with a column. Out: [`Way`]s that are put one after the other, and side by side. Never: a count of
//! rows, which only a run can tell.

use std::collections::BTreeSet;

/// How a value reaches a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// In every row that has it.
    Always,
    /// Where these columns are empty, as a fallback.
    Behind(BTreeSet<String>),
    /// As one of several values; which, a condition says row by row.
    OneOf,
}

impl Way {
    /// The way of a value that goes on by another one.
    pub(super) fn then(&self, next: &Self) -> Self {
        match (self, next) {
            (Self::Always, way) | (way, Self::Always) => way.clone(),
            (Self::Behind(first), Self::Behind(second)) => {
                Self::Behind(first.union(second).cloned().collect())
            }
            _ => Self::OneOf,
        }
    }

    /// The way of a value that reaches the field by both.
    pub(super) fn or(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Always, _) | (_, Self::Always) => Self::Always,
            (Self::Behind(first), Self::Behind(second)) => {
                Self::Behind(first.intersection(second).cloned().collect())
            }
            _ => Self::OneOf,
        }
    }
}

/// What a column does for the one that is traced.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Value,
    Key,
}

/// What a column does, and how its value arrives; none if it only decides.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) role: Role,
    pub(super) way: Option<Way>,
}

impl Part {
    pub(super) fn value() -> Self {
        Self {
            role: Role::Value,
            way: Some(Way::Always),
        }
    }

    /// The same by another way.
    pub(super) fn by(&self, next: &Way) -> Self {
        Self {
            way: self.way.as_ref().map(|way| next.then(way)),
            ..self.clone()
        }
    }

    /// A decision about it.
    pub(super) fn deciding(&self) -> Self {
        Self {
            way: None,
            ..self.clone()
        }
    }

    /// What it was looked up by.
    pub(super) fn key(&self) -> Self {
        Self {
            role: Role::Key,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(names: &[&str]) -> Way {
        Way::Behind(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_fallback_of_a_fallback_waits_for_both_and_the_shorter_way_counts() {
        let (a, b) = (behind(&["a"]), behind(&["a", "b"]));
        assert_eq!(a.then(&behind(&["b"])), b);
        assert_eq!(a.or(&b), a);
        assert_eq!(a.or(&Way::Always), Way::Always);
        assert_eq!(a.then(&Way::OneOf), Way::OneOf);
        assert_eq!(Way::Always.then(&a), a);
    }
}
