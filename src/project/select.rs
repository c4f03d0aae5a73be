//! Which loads take part: their names, with the graph operators that dbt has.
//!
//! In: what a person wrote, the query files. Out: the names of the loads. Never: a name that no load has, taken for none.
//!
//! ```text
//! account     the load itself
//! *_note      every load of such a name; `?` stands for one letter
//! +account    and the loads whose records it needs; 1+account: those that it reads itself, 2+account: and those they read
//! account+    and the loads that hang on it; account+1 likewise
//! @account    and the loads that hang on it, and all that any of them needs
//! a b         either; `a,b`: what both mean
//! ```
//!
//! A step leads from a load to a load: models between them count nothing, since they send no rows.

use std::collections::BTreeSet;

use super::order::{makers, needs, nodes};
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
    let tables = file.references.iter();
    let read = tables.filter_map(|table| makers.get(table).copied());
    let loads = graph.behind(read.collect()).into_iter();
    loads.map(|load| graph.nodes[load].name.as_str()).collect()
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

    fn term(&self, text: &str) -> Result<BTreeSet<&'a str>, ProjectError> {
        let term = Term::read(text).ok_or_else(|| not_a_term(text))?;
        let named: BTreeSet<usize> = self
            .loads()
            .filter(|(_, known)| is_like(known, term.name))
            .map(|(index, _)| index)
            .collect();
        if named.is_empty() {
            return Err(self.unknown(text, term.name));
        }
        let mut meant = self.reached(&named, term.above, |load| self.read_by(load));
        let below = self.reached(&named, term.below, |load| self.readers_of(load));
        if term.with_all_they_need {
            meant.extend(self.reached(&below, Some(usize::MAX), |load| self.read_by(load)));
        }
        meant.extend(below);
        let loads = self.loads().filter(|(index, _)| meant.contains(index));
        Ok(loads.map(|(_, name)| name).collect())
    }

    /// Some loads, and what so many steps lead to.
    fn reached(
        &self,
        from: &BTreeSet<usize>,
        steps: Option<usize>,
        next: impl Fn(usize) -> BTreeSet<usize>,
    ) -> BTreeSet<usize> {
        let mut reached = from.clone();
        let mut last = from.clone();
        for _ in 0..steps.unwrap_or(0) {
            let found: BTreeSet<usize> = last.iter().flat_map(|&load| next(load)).collect();
            last = found.difference(&reached).copied().collect();
            if last.is_empty() {
                break;
            }
            reached.extend(&last);
        }
        reached
    }

    /// Loads that a load reads, directly or through models.
    fn read_by(&self, load: usize) -> BTreeSet<usize> {
        self.behind(self.needs[load].iter().copied().collect())
    }

    /// The loads among some tables' makers, and those behind the models among them.
    fn behind(&self, mut waiting: Vec<usize>) -> BTreeSet<usize> {
        let (mut seen, mut loads) = (BTreeSet::new(), BTreeSet::new());
        while let Some(index) = waiting.pop() {
            if !seen.insert(index) {
                continue;
            }
            match self.nodes[index].kind {
                QueryKind::Load => {
                    loads.insert(index);
                }
                _ => waiting.extend(&self.needs[index]),
            }
        }
        loads
    }

    /// Loads that read a load, directly or through models.
    fn readers_of(&self, load: usize) -> BTreeSet<usize> {
        let loads = self.loads().map(|(index, _)| index);
        loads
            .filter(|&other| self.read_by(other).contains(&load))
            .collect()
    }

    fn unknown(&self, term: &str, name: &str) -> ProjectError {
        let list = "`transload queries list` names the loads".to_owned();
        if name.contains(['*', '?']) {
            return ProjectError::Selection {
                what: format!("no load is called like `{name}`"),
                hint: list,
            };
        }
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        if !name.chars().all(is_word) {
            return not_a_term(term);
        }
        ProjectError::Selection {
            what: format!("there is no load `{name}`"),
            hint: match nearest(name, self.loads().map(|(_, known)| known)) {
                Some(nearest) => format!("did you mean `{nearest}`? {list}"),
                None => list,
            },
        }
    }
}

/// One word of a selection, taken apart.
struct Term<'a> {
    /// A load's name, or what names are like.
    name: &'a str,
    /// How many steps up.
    above: Option<usize>,
    /// How many steps down.
    below: Option<usize>,
    /// Whether all that the loads below need takes part too.
    with_all_they_need: bool,
}

impl<'a> Term<'a> {
    /// None if it is no term.
    fn read(text: &'a str) -> Option<Self> {
        let steps = |digits: &str| match digits {
            "" => Some(usize::MAX),
            digits => digits.parse().ok(),
        };
        let is_number = |text: &&str| text.chars().all(|letter| letter.is_ascii_digit());
        let (above, rest) = match text.split_once('+') {
            Some((digits, rest)) if is_number(&digits) => (Some(steps(digits)?), rest),
            _ => (None, text),
        };
        let (below, name) = match rest.rsplit_once('+') {
            Some((name, digits)) if is_number(&digits) => (Some(steps(digits)?), name),
            _ => (None, rest),
        };
        let (with_all_they_need, name) = match name.strip_prefix('@') {
            Some(_) if above.is_some() || below.is_some() => return None,
            Some(name) => (true, name),
            None => (false, name),
        };
        let below = below.or(with_all_they_need.then_some(usize::MAX));
        (!name.is_empty()).then_some(Self {
            name,
            above,
            below,
            with_all_they_need,
        })
    }
}

fn not_a_term(term: &str) -> ProjectError {
    ProjectError::Selection {
        what: format!("`{term}` selects nothing"),
        hint: "write LOAD or *_PART, +LOAD (and what it needs), LOAD+ (and what hangs on it), 1+LOAD, LOAD+1 (so many steps), \
               @LOAD (what hangs on it, and all that needs); a space means either, a comma both"
            .to_owned(),
    }
}

/// Whether a name is like a pattern, in which `*` stands for any letters and `?` for one.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return name.is_empty();
    };
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => {
            let mut places = name.char_indices().map(|(place, _)| place);
            is_like("", rest) || places.any(|place| is_like(&name[place..], rest))
        }
        letter => name.chars().next().is_some_and(|other| {
            (letter == '?' || letter == other) && is_like(&name[other.len_utf8()..], rest)
        }),
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
        let form =
            "@LOAD (what hangs on it, and all that needs); a space means either, a comma both";
        for term in [
            "x+account",
            "account+x",
            "@account+",
            "+@account",
            "99999999999999999999+account",
            "+",
            "@",
            "account,",
        ] {
            let error = loads(&[term], &[]).unwrap_err();
            assert!(error.ends_with(form), "{term}: {error}");
        }
        assert_eq!(
            loads(&["acc*x"], &[]).unwrap_err(),
            "no load is called like `acc*x`; `transload queries list` names the loads"
        );
        let error = loads(&["account"], &["+account"]).unwrap_err();
        assert!(error.starts_with("the selection leaves no load"), "{error}");
    }

    #[test]
    fn a_number_counts_steps_between_loads_and_an_at_takes_what_those_below_need() {
        let names = |words: &[&str]| -> Vec<String> {
            let loads = loads(words, &[]).unwrap();
            loads.split(' ').map(str::to_owned).collect()
        };
        assert_eq!(names(&["0+standard_price"]), ["standard_price"]);
        let all = names(&["+opportunity_line_item"]);
        let one = names(&["1+opportunity_line_item"]);
        let two = names(&["2+opportunity_line_item"]);
        assert!(
            one.len() < two.len() && two.len() <= all.len(),
            "{one:?} {two:?} {all:?}"
        );
        assert!(
            one.contains(&"opportunity".to_owned()) && !one.contains(&"account".to_owned()),
            "{one:?}"
        );
        assert!(two.contains(&"account".to_owned()), "{two:?}");
        assert_eq!(names(&["99+opportunity_line_item"]), all);
        let (next, below) = (names(&["product+1"]), names(&["product+"]));
        assert!(
            next.contains(&"standard_price".to_owned())
                && !next.contains(&"opportunity_line_item".to_owned()),
            "{next:?}"
        );
        assert!(
            below.contains(&"opportunity_line_item".to_owned()),
            "{below:?}"
        );
        let around = names(&["@product"]);
        assert!(below.iter().all(|load| around.contains(load)));
        assert!(
            around.contains(&"account".to_owned()) && !below.contains(&"account".to_owned()),
            "{around:?}"
        );
    }

    #[test]
    fn a_star_stands_for_any_letters() {
        let found = loads(&["opportunity*"], &[]).unwrap();
        let names: Vec<&str> = found.split(' ').collect();
        assert!(names.len() > 2, "{found}");
        assert!(
            names.iter().all(|name| name.starts_with("opportunity")),
            "{found}"
        );
        assert_eq!(loads(&["accoun?"], &[]).unwrap(), "account");
        assert_eq!(loads(&["*"], &[]).unwrap(), loads(&[], &[]).unwrap());
        assert!(
            is_like("a_b_note", "*_*note") && !is_like("note", "*_note") && !is_like("ab", "a")
        );
    }
}
