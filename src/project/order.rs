//! The order of work, derived from what queries read.
//!
//! ```text
//! usercom, config, org ──▶ prepare.* ──▶ load ──▶ outbox.x, ledger.x, org.x, recon.x ──▶ next load …
//! ```
//!
//! In: the query files. Out: [`Step`]s; each load is a phase, preceded by the models it needs. Loads that do not
//! depend on each other come in this order: accounts, leads, contacts, opportunities, products, events, tasks,
//! custom objects last.

use std::collections::{BTreeMap, BTreeSet};

use super::ProjectError;
use super::queries::Queries;
use super::query_file::{QueryFile, QueryKind};
use crate::config::nearest;

/// One thing to run.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Make a `prepare` model.
    Prepare(&'a QueryFile),
    /// A phase: write the outbox, load it, reconcile it, judge its gate.
    Load(&'a QueryFile),
    /// Ask the destination.
    Org(&'a QueryFile),
}

impl<'a> Step<'a> {
    /// The query file.
    #[must_use]
    pub fn file(&self) -> &'a QueryFile {
        match self {
            Self::Prepare(file) | Self::Load(file) | Self::Org(file) => file,
        }
    }
}

/// Orders all models and loads; `known` are the tables that exist before any query runs.
///
/// # Errors
/// [`ProjectError::UnknownTable`], [`ProjectError::Cycle`].
pub fn order<'a>(
    queries: &'a Queries,
    known: &BTreeSet<String>,
) -> Result<Vec<Step<'a>>, ProjectError> {
    let nodes = nodes(queries);
    let makers = makers(&nodes);
    let recon: BTreeSet<String> = queries
        .kind(QueryKind::Reconcile)
        .map(|file| format!("recon.{}", file.name))
        .collect();
    for file in queries.iter() {
        for table in &file.references {
            if !makers.contains_key(table) && !known.contains(table) && !recon.contains(table) {
                let names = makers.keys().chain(known).chain(&recon);
                return Err(ProjectError::UnknownTable {
                    path: file.path.clone(),
                    table: table.clone(),
                    nearest: nearest(table, names.map(String::as_str)),
                });
            }
        }
    }
    let mut needs = needs(&nodes, &makers);
    wait_for_all(&nodes, &makers, &mut needs);
    check_cycles(&nodes, &needs)?;

    let mut done: BTreeSet<usize> = BTreeSet::new();
    let mut steps = Vec::new();
    let mut waiting: Vec<usize> = (0..nodes.len())
        .filter(|&index| nodes[index].kind == QueryKind::Load)
        .collect();
    waiting.sort_by_key(|&index| (rank(nodes[index].object()), nodes[index].name.clone()));
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .position(|&index| {
                let mut all = BTreeSet::new();
                ancestors(index, &needs, &mut all);
                all.iter()
                    .all(|&other| nodes[other].kind != QueryKind::Load || done.contains(&other))
            })
            .unwrap_or(0);
        let index = waiting.remove(ready);
        visit(index, &nodes, &needs, &mut done, &mut steps);
    }
    for index in 0..nodes.len() {
        visit(index, &nodes, &needs, &mut done, &mut steps);
    }
    Ok(steps)
}

/// Queries that make tables.
pub(super) fn nodes(queries: &Queries) -> Vec<&QueryFile> {
    let makes =
        |kind: QueryKind| matches!(kind, QueryKind::Prepare | QueryKind::Load | QueryKind::Org);
    queries.iter().filter(|file| makes(file.kind)).collect()
}

/// Which of them makes a table.
pub(super) fn makers(nodes: &[&QueryFile]) -> BTreeMap<String, usize> {
    let mut makers: BTreeMap<String, usize> = BTreeMap::new();
    for (index, file) in nodes.iter().enumerate() {
        match file.kind {
            QueryKind::Prepare => {
                makers.insert(format!("prepare.{}", file.name), index);
            }
            QueryKind::Org => {
                makers.insert(format!("org.{}", file.name), index);
            }
            _ => {
                for schema in ["outbox", "ledger", "org", "recon"] {
                    makers.insert(format!("{schema}.{}", file.name), index);
                }
            }
        }
    }
    makers
}

/// What each of them reads of the others.
pub(super) fn needs(
    nodes: &[&QueryFile],
    makers: &BTreeMap<String, usize>,
) -> Vec<BTreeSet<usize>> {
    let of = |file: &&QueryFile| {
        let tables = file.references.iter();
        tables
            .filter_map(|table| makers.get(table).copied())
            .collect()
    };
    nodes.iter().map(of).collect()
}

/// What reads a table over all loads (`recon.altered`, `ledger.records`) comes after every load that needs none of these.
fn wait_for_all(
    nodes: &[&QueryFile],
    makers: &BTreeMap<String, usize>,
    needs: &mut [BTreeSet<usize>],
) {
    let is_over_all = |table: &String| {
        let is_found = table.starts_with("recon.") || table.starts_with("ledger.");
        is_found && !makers.contains_key(table)
    };
    let last: BTreeSet<usize> = (0..nodes.len())
        .filter(|&index| nodes[index].references.iter().any(is_over_all))
        .collect();
    if last.is_empty() {
        return;
    }
    let others = (0..nodes.len()).filter(|&index| {
        let mut all = BTreeSet::from([index]);
        ancestors(index, needs, &mut all);
        nodes[index].kind == QueryKind::Load && all.is_disjoint(&last)
    });
    let others: Vec<usize> = others.collect();
    for index in last {
        needs[index].extend(&others);
    }
}

fn visit<'a>(
    index: usize,
    nodes: &[&'a QueryFile],
    needs: &[BTreeSet<usize>],
    done: &mut BTreeSet<usize>,
    steps: &mut Vec<Step<'a>>,
) {
    if !done.insert(index) {
        return;
    }
    for &need in &needs[index] {
        visit(need, nodes, needs, done, steps);
    }
    steps.push(match nodes[index].kind {
        QueryKind::Load => Step::Load(nodes[index]),
        QueryKind::Org => Step::Org(nodes[index]),
        _ => Step::Prepare(nodes[index]),
    });
}

/// Everything that one of them waits for, directly or not.
pub(super) fn ancestors(index: usize, needs: &[BTreeSet<usize>], all: &mut BTreeSet<usize>) {
    for &need in &needs[index] {
        if all.insert(need) {
            ancestors(need, needs, all);
        }
    }
}

fn check_cycles(nodes: &[&QueryFile], needs: &[BTreeSet<usize>]) -> Result<(), ProjectError> {
    fn walk(
        index: usize,
        needs: &[BTreeSet<usize>],
        path: &mut Vec<usize>,
        clean: &mut BTreeSet<usize>,
    ) -> Option<Vec<usize>> {
        if let Some(start) = path.iter().position(|&seen| seen == index) {
            let mut circle = path[start..].to_vec();
            circle.push(index);
            return Some(circle);
        }
        if clean.contains(&index) {
            return None;
        }
        path.push(index);
        let found = needs[index]
            .iter()
            .find_map(|&need| walk(need, needs, path, clean));
        path.pop();
        clean.insert(index);
        found
    }
    let mut clean = BTreeSet::new();
    for index in 0..nodes.len() {
        if let Some(circle) = walk(index, needs, &mut Vec::new(), &mut clean) {
            return Err(ProjectError::Cycle {
                path: circle
                    .into_iter()
                    .map(|index| nodes[index].path.clone())
                    .collect(),
            });
        }
    }
    Ok(())
}

/// Place of an object in the order above.
fn rank(object: &str) -> usize {
    const ORDER: [&str; 10] = [
        "Account",
        "Lead",
        "Contact",
        "Opportunity",
        "Product2",
        "Pricebook2",
        "PricebookEntry",
        "OpportunityLineItem",
        "Event",
        "Task",
    ];
    let custom = usize::from(object.ends_with("__c"));
    ORDER
        .iter()
        .position(|&name| name == object)
        .unwrap_or(ORDER.len() + custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, object: &str, from: &str) -> QueryFile {
        let sql = format!(
            "-- grain: x\n-- object: {object}\n-- operation: upsert\n-- key: id\nselect a.id from {from} as a"
        );
        QueryFile::parse(&format!("queries/load/{name}.sql"), QueryKind::Load, &sql).unwrap()
    }

    fn model(name: &str, from: &str) -> QueryFile {
        let sql = format!("-- grain: x\nselect a.id from {from} as a");
        QueryFile::parse(
            &format!("queries/prepare/{name}.sql"),
            QueryKind::Prepare,
            &sql,
        )
        .unwrap()
    }

    fn names(files: Vec<QueryFile>) -> Result<Vec<String>, ProjectError> {
        let queries = Queries::of(files);
        let known = ["usercom.people", "usercom.companies", "recon.altered"];
        let known = known.map(str::to_owned).into();
        let steps = order(&queries, &known)?;
        Ok(steps.iter().map(|step| step.file().name.clone()).collect())
    }

    #[test]
    fn references_decide_and_ties_follow_the_brief() {
        let order = names(vec![
            load("task", "Task", "usercom.people"),
            load("contact", "Contact", "ledger.account"),
            load("lead", "Lead", "prepare.person"),
            load("account", "Account", "usercom.companies"),
            model("person", "usercom.people"),
        ])
        .unwrap();
        assert_eq!(order, ["account", "person", "lead", "contact", "task"]);
    }

    #[test]
    fn what_reads_a_table_over_all_loads_comes_last() {
        let files = vec![
            load("notes", "Account", "prepare.altered_long"),
            model("altered_long", "recon.altered"),
            load("task", "Task", "usercom.people"),
            load("zebra", "Zebra__c", "usercom.people"),
        ];
        assert_eq!(
            names(files).unwrap(),
            ["task", "zebra", "altered_long", "notes"]
        );
    }

    #[test]
    fn a_circle_shows_its_path() {
        let error = names(vec![model("a", "prepare.b"), model("b", "prepare.a")]).unwrap_err();
        insta::assert_snapshot!(error, @"queries depend on each other in a circle: queries/prepare/a.sql → queries/prepare/b.sql → queries/prepare/a.sql");
    }

    #[test]
    fn an_unknown_table_shows_the_nearest() {
        let error = names(vec![model("a", "usercom.poeple")]).unwrap_err();
        insta::assert_snapshot!(error, @"queries/prepare/a.sql reads usercom.poeple, which does not exist");
        assert_eq!(error.hint().unwrap(), "did you mean usercom.people?");
    }
}
