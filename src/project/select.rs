//! Which loads take part: their names, with the graph operators that dbt has.
//!
//! In: what a person wrote, the query files. Out: the names of the loads. Never: a name that no load has, taken for none.
//!
//! ```text
//! account     the load itself
//! +account    and the loads whose records it needs
//! account+    and the loads that hang on it
//! a b         either; `a,b`: what both mean
//! ```

use std::collections::BTreeSet;

use super::order::{ancestors, makers, needs, nodes};
use super::{ProjectError, Queries, QueryFile, QueryKind};
use crate::config::nearest;

/// Which loads take part; all of them unless something is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Loads that take part.
    pub select: Vec<String>,
    /// Loads that do not, whatever is selected.
    pub exclude: Vec<String>,
}

impl Selection {
    /// Whether nothing is named.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.select.is_empty() && self.exclude.is_empty()
    }

    /// The loads that take part.
    ///
    /// # Errors
    /// [`ProjectError::Selection`]: a name that is no load, an operator that there is not, or no load left.
    pub fn loads<'a>(&self, queries: &'a Queries) -> Result<BTreeSet<&'a str>, ProjectError> {
        let graph = Graph::of(queries);
        let mut loads = match self.select.is_empty() {
            true => graph.loads().map(|(_, name)| name).collect(),
            false => graph.meant(&self.select)?,
        };
        for excluded in graph.meant(&self.exclude)? {
            loads.remove(excluded);
        }
        match loads.is_empty() {
            true => Err(ProjectError::Selection {
                what: "the selection leaves no load".to_owned(),
                hint: "`transload queries list` names the loads; what --exclude names is left out of what --select names"
                    .to_owned(),
            }),
            false => Ok(loads),
        }
    }
}

/// The loads that a query reads, directly or through models.
pub(crate) fn loads_behind<'a>(queries: &'a Queries, file: &QueryFile) -> BTreeSet<&'a str> {
    let graph = Graph::of(queries);
    let makers = makers(&graph.nodes);
    let mut waiting: Vec<usize> = file
        .references
        .iter()
        .filter_map(|table| makers.get(table).copied())
        .collect();
    let (mut seen, mut loads) = (BTreeSet::new(), BTreeSet::new());
    while let Some(index) = waiting.pop() {
        if !seen.insert(index) {
            continue;
        }
        match graph.nodes[index].kind {
            QueryKind::Load => {
                loads.insert(graph.nodes[index].name.as_str());
            }
            _ => waiting.extend(&graph.needs[index]),
        }
    }
    loads
}

/// The queries that make tables, and what each waits for.
struct Graph<'a> {
    nodes: Vec<&'a QueryFile>,
    needs: Vec<BTreeSet<usize>>,
}

impl<'a> Graph<'a> {
    fn of(queries: &'a Queries) -> Self {
        let nodes = nodes(queries);
        let needs = needs(&nodes, &makers(&nodes));
        Self { nodes, needs }
    }

    fn loads(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter(|(_, file)| file.kind == QueryKind::Load)
            .map(|(index, file)| (index, file.name.as_str()))
    }

    /// What any of the words means.
    fn meant(&self, words: &[String]) -> Result<BTreeSet<&'a str>, ProjectError> {
        let mut loads = BTreeSet::new();
        for word in words.iter().flat_map(|words| words.split_whitespace()) {
            let mut common: Option<BTreeSet<&str>> = None;
            for term in word.split(',') {
                let means = self.term(term)?;
                common = Some(match common {
                    Some(others) => others.intersection(&means).copied().collect(),
                    None => means,
                });
            }
            loads.extend(common.into_iter().flatten());
        }
        Ok(loads)
    }

    fn term(&self, term: &str) -> Result<BTreeSet<&'a str>, ProjectError> {
        let (above, name) = match term.strip_prefix('+') {
            Some(name) => (true, name),
            None => (false, term),
        };
        let (below, name) = match name.strip_suffix('+') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let Some((load, _)) = self.loads().find(|(_, known)| *known == name) else {
            return Err(self.unknown(term, name));
        };
        let needed_by = |index: usize| {
            let mut all = BTreeSet::new();
            ancestors(index, &self.needs, &mut all);
            all
        };
        let needed = needed_by(load);
        Ok(self
            .loads()
            .filter(|(index, _)| {
                *index == load
                    || (above && needed.contains(index))
                    || (below && needed_by(*index).contains(&load))
            })
            .map(|(_, name)| name)
            .collect())
    }

    fn unknown(&self, term: &str, name: &str) -> ProjectError {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        if name.is_empty() || !name.chars().all(is_word) {
            return ProjectError::Selection {
                what: format!("`{term}` selects nothing"),
                hint: "write LOAD, +LOAD (and what it needs), LOAD+ (and what hangs on it); a space means either, a comma both"
                    .to_owned(),
            };
        }
        let list = "`transload queries list` names the loads".to_owned();
        ProjectError::Selection {
            what: format!("there is no load `{name}`"),
            hint: match nearest(name, self.loads().map(|(_, known)| known)) {
                Some(nearest) => format!("did you mean `{nearest}`? {list}"),
                None => list,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(select: &[&str], exclude: &[&str]) -> Result<String, String> {
        // The product's own queries.
        let queries = Queries::load(std::path::Path::new("no project")).unwrap();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let selection = Selection {
            select: words(select),
            exclude: words(exclude),
        };
        let loads = selection.loads(&queries);
        let names = loads.map(|loads| loads.into_iter().collect::<Vec<_>>().join(" "));
        names.map_err(|error| format!("{error}; {}", error.hint().unwrap_or_default()))
    }

    #[test]
    fn a_name_means_the_load_and_a_plus_what_it_needs_or_what_hangs_on_it() {
        assert_eq!(loads(&["account"], &[]).unwrap(), "account");
        assert_eq!(
            loads(&["product", "account"], &[]).unwrap(),
            "account product"
        );
        assert_eq!(loads(&["product account"], &[]).unwrap(), "account product");
        let needed = loads(&["+standard_price"], &[]).unwrap();
        assert_eq!(needed, "placeholder_product product standard_price");
        let hanging = loads(&["account+"], &[]).unwrap();
        let hanging: Vec<&str> = hanging.split(' ').collect();
        for load in ["account", "contact", "opportunity", "opportunity_line_item"] {
            assert!(hanging.contains(&load), "{load}: {hanging:?}");
        }
        assert!(!hanging.contains(&"product"), "{hanging:?}");
        let both = loads(&["+standard_price+"], &[]).unwrap();
        assert!(both.contains("placeholder_product") && both.contains("pricebook_entry"));
    }

    #[test]
    fn a_comma_means_what_both_have_in_common_and_an_exclusion_wins() {
        let common = loads(&["+standard_price,product+"], &[]).unwrap();
        assert_eq!(common, "product standard_price");
        assert_eq!(
            loads(&["account product"], &["account+"]).unwrap(),
            "product"
        );
        let all = loads(&[], &[]).unwrap();
        let rest = loads(&[], &["account"]).unwrap();
        assert_eq!(rest.split(' ').count() + 1, all.split(' ').count());
    }

    #[test]
    fn what_selects_nothing_says_what_would() {
        assert_eq!(
            loads(&["acount"], &[]).unwrap_err(),
            "there is no load `acount`; did you mean `account`? `transload queries list` names the loads"
        );
        let form = "write LOAD, +LOAD (and what it needs), LOAD+ (and what hangs on it); a space means either, a comma both";
        for term in [
            "2+account",
            "account+1",
            "@account",
            "acc*",
            "+",
            "account,",
        ] {
            let error = loads(&[term], &[]).unwrap_err();
            assert!(error.ends_with(form), "{term}: {error}");
        }
        let error = loads(&["account"], &["+account"]).unwrap_err();
        assert!(error.starts_with("the selection leaves no load"), "{error}");
    }
}
