//! Which source columns a column of a query comes from, read from the query's plan.
//!
//! In: a logical plan, in which models are views or tables whose own lineage is known, so that it reaches down to what was
//! there before any query. Out: for an output column the `schema.table.column`s that it is computed from, and those that chose
//! the row it was read from (the conditions of joins that look something up). Never: a filter, which sends a row or does not,
//! or a name from the SQL's text.
//!
//! An aggregate that keeps the rows of a table apart (by their id) is walked through; one that pools them (the owners that all
//! tables name, a vocabulary) no longer says anything of a single row, and what comes from it stands apart.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, Join, JoinType, LogicalPlan};

use crate::usercom::object;
use crate::usercom::schema::KeyRule;

/// Where an output column comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Columns it is computed from.
    pub values: BTreeSet<String>,
    /// Columns by which its row was looked up.
    pub keys: BTreeSet<String>,
    /// Columns of rows that were pooled before they were looked at.
    pub pooled: BTreeSet<String>,
}

impl Lineage {
    /// Columns of the row itself, and those by which others were looked up for it.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.values.union(&self.keys).map(String::as_str)
    }
}

/// Where the columns of a query come from, by name.
pub type Lineages = BTreeMap<String, Lineage>;

/// Source columns of every output column of a plan. Where it reads a table that `models` has, what that table's columns come
/// from.
#[must_use]
pub fn lineages(plan: &LogicalPlan, models: &BTreeMap<String, Lineages>) -> Lineages {
    let mut aggregated = HashMap::new();
    let fields = plan.schema().fields().iter().enumerate();
    fields
        .map(|(index, field)| {
            let mut tracer = Tracer::over(models, std::mem::take(&mut aggregated));
            tracer.column(plan, index, Role::Value);
            aggregated = tracer.aggregated;
            (field.name().clone(), tracer.found)
        })
        .collect()
}

/// What a column does for the one that is traced.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    Value,
    Key,
}

struct Tracer<'a> {
    models: &'a BTreeMap<String, Lineages>,
    found: Lineage,
    /// Models are shared by many paths; each is walked once per column and role.
    walked: HashSet<(usize, usize, Role)>,
    /// What aggregates came to, by address and column.
    aggregated: HashMap<(usize, usize), Lineage>,
}

impl<'a> Tracer<'a> {
    fn over(
        models: &'a BTreeMap<String, Lineages>,
        aggregated: HashMap<(usize, usize), Lineage>,
    ) -> Self {
        Self {
            models,
            found: Lineage::default(),
            walked: HashSet::new(),
            aggregated,
        }
    }

    fn column(&mut self, plan: &LogicalPlan, index: usize, role: Role) {
        let address = std::ptr::from_ref(plan) as usize;
        if !self.walked.insert((address, index, role)) {
            return;
        }
        match plan {
            LogicalPlan::Projection(node) => {
                if let Some(expr) = node.expr.get(index) {
                    self.expr(expr, &node.input, role);
                }
            }
            LogicalPlan::Join(node) => self.join(node, index, role),
            LogicalPlan::Aggregate(node) => match node.group_expr.get(index) {
                Some(expr) => self.expr(expr, &node.input, role),
                None => self.aggregate(node, index, role),
            },
            LogicalPlan::Window(node) => {
                let inputs = node.input.schema().fields().len();
                match index.checked_sub(inputs) {
                    None => self.column(&node.input, index, role),
                    Some(index) => {
                        if let Some(expr) = node.window_expr.get(index) {
                            self.expr(expr, &node.input, role);
                        }
                    }
                }
            }
            LogicalPlan::Unnest(node) => {
                if let Some(index) = node.dependency_indices.get(index) {
                    self.column(&node.input, *index, role);
                }
            }
            LogicalPlan::Union(node) => {
                for input in &node.inputs {
                    self.column(input, index, role);
                }
            }
            LogicalPlan::Distinct(Distinct::On(node)) => {
                if let Some(expr) = node.select_expr.get(index) {
                    self.expr(expr, &node.input, role);
                }
            }
            LogicalPlan::TableScan(node) => {
                let Some(field) = node.projected_schema.fields().get(index) else {
                    return;
                };
                // A view is a scan with its plan inside.
                match node.source.get_logical_plan() {
                    Some(inner) => {
                        let fields = inner.schema().fields();
                        let position = fields.iter().position(|other| other.name() == field.name());
                        if let Some(position) = position {
                            self.column(&inner, position, role);
                        }
                    }
                    None => self.arrive(&node.table_name, field.name(), role),
                }
            }
            other => match other.inputs().as_slice() {
                // Alias, filter, sort, limit, distinct, repartition: the same columns.
                [input] if input.schema().fields().len() == other.schema().fields().len() => {
                    self.column(input, index, role);
                }
                _ => {}
            },
        }
    }

    fn arrive(&mut self, table: &TableReference, column: &str, role: Role) {
        let table = format!("{}.{}", table.schema().unwrap_or_default(), table.table());
        if let Some(model) = self.models.get(&table) {
            if let Some(from) = model.get(column) {
                self.take(from.clone(), role);
            }
            return;
        }
        let name = format!("{table}.{column}");
        match role {
            Role::Value => self.found.values.insert(name),
            Role::Key => self.found.keys.insert(name),
        };
    }

    /// What something that is read here comes from.
    fn take(&mut self, from: Lineage, role: Role) {
        match role {
            Role::Value => self.found.values.extend(from.values),
            Role::Key => self.found.keys.extend(from.values),
        }
        self.found.keys.extend(from.keys);
        self.found.pooled.extend(from.pooled);
    }

    /// A value over many rows belongs to a row of a table only if the rows are grouped by that table's identity.
    fn aggregate(&mut self, node: &Aggregate, index: usize, role: Role) {
        let address = (std::ptr::from_ref(node) as usize, index);
        let known = self.aggregated.get(&address).cloned();
        let found = known.unwrap_or_else(|| {
            let groups = self.apart(&node.group_expr, &node.input).values;
            let value = node.aggr_expr.get(index - node.group_expr.len());
            let mut found = self.apart(value.map_or(&[], std::slice::from_ref), &node.input);
            let pools = |column: &String| !is_kept_apart(column, &groups);
            found.pooled.extend(found.values.extract_if(.., &pools));
            found.pooled.extend(found.keys.extract_if(.., &pools));
            found
        });
        self.aggregated.insert(address, found.clone());
        self.take(found, role);
    }

    /// What expressions come from, whatever was found before.
    fn apart(&mut self, exprs: &[Expr], input: &LogicalPlan) -> Lineage {
        let mut tracer = Self::over(self.models, std::mem::take(&mut self.aggregated));
        for expr in exprs {
            tracer.expr(expr, input, Role::Value);
        }
        self.aggregated = tracer.aggregated;
        tracer.found
    }

    /// A column of the side that is looked up was chosen by the other side's part of the condition.
    fn join(&mut self, node: &Join, index: usize, role: Role) {
        let left = node.left.schema().fields().len();
        let is_left = match node.join_type {
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => false,
            _ => index < left,
        };
        if is_left {
            self.column(&node.left, index, role);
            if matches!(node.join_type, JoinType::Right | JoinType::Full) {
                self.chosen_by(node, &node.right);
            }
            return;
        }
        let index = match node.join_type {
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => index,
            _ => index - left,
        };
        self.column(&node.right, index, role);
        if matches!(
            node.join_type,
            JoinType::Inner | JoinType::Left | JoinType::Full
        ) {
            self.chosen_by(node, &node.left);
        }
    }

    fn chosen_by(&mut self, node: &Join, side: &LogicalPlan) {
        for (left, right) in &node.on {
            self.expr(left, side, Role::Key);
            self.expr(right, side, Role::Key);
        }
        if let Some(filter) = &node.filter {
            self.expr(filter, side, Role::Key);
        }
    }

    fn expr(&mut self, expr: &Expr, input: &LogicalPlan, role: Role) {
        for column in expr.column_refs() {
            if let Some(index) = position(input.schema(), column) {
                self.column(input, index, role);
            }
        }
        // Subqueries have inputs of their own.
        let walked = expr.apply(|part| {
            if let Expr::ScalarSubquery(subquery) = part {
                self.column(&subquery.subquery, 0, role);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(walked.is_ok(), "the walk itself never fails");
    }
}

/// Whether rows that are grouped by these columns are still those of the column's own table: by its id, or the record that
/// they are parts of.
fn is_kept_apart(column: &str, groups: &BTreeSet<String>) -> bool {
    let Some((table, _)) = column.rsplit_once('.') else {
        return false;
    };
    let name = table.rsplit('.').next().unwrap_or(table);
    let parent = object(name).and_then(|object| match object.key {
        KeyRule::Pair { first, .. } => Some(first),
        KeyRule::Own => None,
    });
    std::iter::once("id")
        .chain(parent)
        .any(|identity| groups.contains(&format!("{table}.{identity}")))
}

fn position(schema: &DFSchema, column: &Column) -> Option<usize> {
    schema.maybe_index_of_column(column)
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    /// People, agents and a ledger, and a view over the people.
    async fn planned(sql: &str) -> LogicalPlan {
        context().await.sql(sql).await.unwrap().into_parts().1
    }

    async fn context() -> SessionContext {
        let context = SessionContext::new();
        for statement in [
            "create schema usercom",
            "create schema ledger",
            "create schema prepare",
            "create table usercom.people (id bigint, name varchar, tags varchar[], agent bigint, company bigint, spare int)",
            "create table usercom.agents (id bigint, email varchar)",
            "create table usercom.notes (id bigint, person bigint, body varchar)",
            "create table ledger.account (id varchar, company bigint)",
            "create view prepare.tag as select id as person, unnest(tags) as tag from usercom.people",
            "create view prepare.tags as select person, array_agg(tag) as tags from prepare.tag group by person",
        ] {
            context
                .sql(statement)
                .await
                .unwrap()
                .collect()
                .await
                .unwrap();
        }
        context
    }

    /// Of the first column.
    fn lineage(plan: &LogicalPlan) -> Lineage {
        let name = plan.schema().field(0).name();
        lineages(plan, &BTreeMap::new()).remove(name).unwrap()
    }

    async fn of(sql: &str) -> (Vec<String>, Vec<String>) {
        let found = lineage(&planned(sql).await);
        (
            found.values.into_iter().collect(),
            found.keys.into_iter().collect(),
        )
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test]
    async fn an_expression_comes_from_all_its_columns_and_not_from_the_filter() {
        let found = of("select case when p.spare > 1 then p.name end from usercom.people as p where p.agent = 1").await;
        assert_eq!(
            found.0,
            names(&["usercom.people.name", "usercom.people.spare"])
        );
        assert!(found.1.is_empty());
    }

    #[tokio::test]
    async fn what_is_looked_up_is_chosen_by_the_key_of_the_row() {
        let sql = "select a.id from usercom.people as p left join ledger.account as a on a.company = p.company";
        let found = of(sql).await;
        assert_eq!(found.0, names(&["ledger.account.id"]));
        assert_eq!(found.1, names(&["usercom.people.company"]));
        let own = of("select p.name from usercom.people as p inner join ledger.account as a on a.company = p.company").await;
        assert_eq!(own.0, names(&["usercom.people.name"]));
        assert!(own.1.is_empty(), "{:?}", own.1);
    }

    #[tokio::test]
    async fn lists_views_and_aggregates_are_walked_through() {
        let sql =
            "select t.tags from usercom.people as p left join prepare.tags as t on t.person = p.id";
        let found = of(sql).await;
        assert_eq!(found.0, names(&["usercom.people.tags"]));
        assert_eq!(found.1, names(&["usercom.people.id"]));
    }

    #[tokio::test]
    async fn a_table_of_a_model_comes_from_what_its_query_read() {
        let names = [
            "select id as person, unnest(tags) as tag from usercom.people",
            "select agent as person, max(name) as tag from usercom.people group by agent",
        ];
        let sql =
            "select t.tag from usercom.people as p left join staged.tag as t on t.person = p.id";
        let context = context().await;
        for statement in [
            "create schema staged",
            "create table staged.tag (person bigint, tag varchar)",
        ] {
            context
                .sql(statement)
                .await
                .unwrap()
                .collect()
                .await
                .unwrap();
        }
        let plan = context.sql(sql).await.unwrap().into_parts().1;
        for (query, values, pooled) in [
            (names[0], "usercom.people.tags", ""),
            (names[1], "", "usercom.people.name"),
        ] {
            let model = context.sql(query).await.unwrap().into_parts().1;
            let models = [("staged.tag".to_owned(), lineages(&model, &BTreeMap::new()))].into();
            let found = lineages(&plan, &models).remove("tag").unwrap();
            assert_eq!(found.values.into_iter().collect::<String>(), values);
            assert_eq!(found.pooled.into_iter().collect::<String>(), pooled);
            let keys: String = found.keys.into_iter().collect();
            assert_eq!(keys, "usercom.people.id");
        }
    }

    #[tokio::test]
    async fn pooled_rows_say_nothing_of_one_of_them() {
        let sql = "with pooled as (select agent, max(name) as name from usercom.people group by agent) \
                   select pooled.name from usercom.people as p left join pooled on pooled.agent = p.agent";
        let found = lineage(&planned(sql).await);
        let only = |name: &str| BTreeSet::from([name.to_owned()]);
        assert!(found.values.is_empty(), "{found:?}");
        assert_eq!(found.keys, only("usercom.people.agent"));
        assert_eq!(found.pooled, only("usercom.people.name"));
    }

    #[tokio::test]
    async fn every_branch_of_a_union_counts() {
        let sql = "with all_texts as (select name as text from usercom.people union all select body from usercom.notes) \
                   select distinct upper(all_texts.text) from all_texts order by 1 limit 3";
        let found = of(sql).await;
        assert_eq!(
            found.0,
            names(&["usercom.notes.body", "usercom.people.name"])
        );
    }

    #[tokio::test]
    async fn windows_and_subqueries_count_with_what_they_read() {
        let sql = "select concat(max(p.name) over (partition by p.agent), (select min(a.email) from usercom.agents as a)) \
                   from usercom.people as p";
        let found = lineage(&planned(sql).await);
        let values: Vec<String> = found.values.into_iter().collect();
        assert_eq!(
            values,
            names(&["usercom.people.agent", "usercom.people.name"])
        );
        // The smallest of all addresses says nothing of one agent.
        assert!(found.pooled.contains("usercom.agents.email"));
    }
}
