//! Which source columns a column of a query comes from, read from the query's plan.
//!
//! In: a logical plan, in which models are views or tables whose own lineage is known, so that it reaches down to what was
//! there before any query. Out: for an output column the `schema.table.column`s that it is computed from, and those that chose
//! the row it was read from (the conditions of joins that look something up); and which of both it takes more from than a
//! decision. Never: a filter, which sends a row or does not, or a name from the SQL's text.
//!
//! The condition of a `case` decides which value a field gets and is none itself, unless the values are constants: then the
//! condition is what the field says.
//!
//! An aggregate that keeps the rows of a table apart (by their id) is walked through; one that pools them (the owners that all
//! tables name, a vocabulary) no longer says anything of a single row, and what comes from it stands apart.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::logical_expr::{Aggregate, Case, Distinct, Expr, Join, JoinType, LogicalPlan};

use super::way::{Part, Role, Way};
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
    /// How each of all these arrives, but those that only decide.
    pub carried: BTreeMap<String, Way>,
}

impl Lineage {
    fn carry(&mut self, column: String, way: Way) {
        let known = self.carried.get(&column);
        let way = known.map_or_else(|| way.clone(), |known| known.or(&way));
        self.carried.insert(column, way);
    }

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
            tracer.column(plan, index, &Part::value());
            aggregated = tracer.aggregated;
            (field.name().clone(), tracer.found)
        })
        .collect()
}

struct Tracer<'a> {
    models: &'a BTreeMap<String, Lineages>,
    found: Lineage,
    /// Models are shared by many paths; each is walked once per column and part.
    walked: HashSet<(usize, usize, Part)>,
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

    fn column(&mut self, plan: &LogicalPlan, index: usize, part: &Part) {
        let address = std::ptr::from_ref(plan) as usize;
        if !self.walked.insert((address, index, part.clone())) {
            return;
        }
        match plan {
            LogicalPlan::Projection(node) => {
                if let Some(expr) = node.expr.get(index) {
                    self.expr(expr, &node.input, part);
                }
            }
            LogicalPlan::Join(node) => self.join(node, index, part),
            LogicalPlan::Aggregate(node) => match node.group_expr.get(index) {
                Some(expr) => self.expr(expr, &node.input, part),
                None => self.aggregate(node, index, part),
            },
            LogicalPlan::Window(node) => {
                let inputs = node.input.schema().fields().len();
                match index.checked_sub(inputs) {
                    None => self.column(&node.input, index, part),
                    Some(index) => {
                        if let Some(expr) = node.window_expr.get(index) {
                            self.expr(expr, &node.input, part);
                        }
                    }
                }
            }
            LogicalPlan::Unnest(node) => {
                if let Some(index) = node.dependency_indices.get(index) {
                    self.column(&node.input, *index, part);
                }
            }
            LogicalPlan::Union(node) => {
                for input in &node.inputs {
                    self.column(input, index, part);
                }
            }
            LogicalPlan::Distinct(Distinct::On(node)) => {
                if let Some(expr) = node.select_expr.get(index) {
                    self.expr(expr, &node.input, part);
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
                            self.column(&inner, position, part);
                        }
                    }
                    None => self.arrive(&node.table_name, field.name(), part),
                }
            }
            other => match other.inputs().as_slice() {
                // Alias, filter, sort, limit, distinct, repartition: the same columns.
                [input] if input.schema().fields().len() == other.schema().fields().len() => {
                    self.column(input, index, part);
                }
                _ => {}
            },
        }
    }

    fn arrive(&mut self, table: &TableReference, column: &str, part: &Part) {
        let table = format!("{}.{}", table.schema().unwrap_or_default(), table.table());
        if let Some(model) = self.models.get(&table) {
            if let Some(from) = model.get(column) {
                self.take(from.clone(), part);
            }
            return;
        }
        let name = format!("{table}.{column}");
        if let Some(way) = &part.way {
            self.found.carry(name.clone(), way.clone());
        }
        match part.role {
            Role::Value => self.found.values.insert(name),
            Role::Key => self.found.keys.insert(name),
        };
    }

    /// What something that is read here comes from.
    fn take(&mut self, from: Lineage, part: &Part) {
        if let Some(way) = &part.way {
            for (name, first) in from.carried {
                self.found.carry(name, first.then(way));
            }
        }
        match part.role {
            Role::Value => self.found.values.extend(from.values),
            Role::Key => self.found.keys.extend(from.values),
        }
        self.found.keys.extend(from.keys);
        self.found.pooled.extend(from.pooled);
    }

    /// A value over many rows belongs to a row of a table only if the rows are grouped by that table's identity.
    fn aggregate(&mut self, node: &Aggregate, index: usize, part: &Part) {
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
        self.take(found, part);
    }

    /// What expressions come from, whatever was found before.
    fn apart(&mut self, exprs: &[Expr], input: &LogicalPlan) -> Lineage {
        let mut tracer = Self::over(self.models, std::mem::take(&mut self.aggregated));
        for expr in exprs {
            tracer.expr(expr, input, &Part::value());
        }
        self.aggregated = tracer.aggregated;
        tracer.found
    }

    /// A column of the side that is looked up was chosen by the other side's part of the condition.
    fn join(&mut self, node: &Join, index: usize, part: &Part) {
        let left = node.left.schema().fields().len();
        let is_left = match node.join_type {
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => false,
            _ => index < left,
        };
        if is_left {
            self.column(&node.left, index, part);
            if matches!(node.join_type, JoinType::Right | JoinType::Full) {
                self.chosen_by(node, &node.right, &part.key());
            }
            return;
        }
        let index = match node.join_type {
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => index,
            _ => index - left,
        };
        self.column(&node.right, index, part);
        if matches!(
            node.join_type,
            JoinType::Inner | JoinType::Left | JoinType::Full
        ) {
            self.chosen_by(node, &node.left, &part.key());
        }
    }

    fn chosen_by(&mut self, node: &Join, side: &LogicalPlan, key: &Part) {
        for (left, right) in &node.on {
            self.expr(left, side, key);
            self.expr(right, side, key);
        }
        if let Some(filter) = &node.filter {
            self.expr(filter, side, key);
        }
    }

    fn expr(&mut self, expr: &Expr, input: &LogicalPlan, part: &Part) {
        match expr {
            Expr::Column(column) => {
                if let Some(index) = position(input.schema(), column) {
                    self.column(input, index, part);
                }
            }
            // Subqueries have inputs of their own.
            Expr::ScalarSubquery(subquery) => self.column(&subquery.subquery, 0, part),
            Expr::Case(case) => self.case(case, input, part),
            Expr::ScalarFunction(call) if FALLBACKS.contains(&call.name()) => {
                for (place, value) in call.args.iter().enumerate() {
                    let before = self.apart(&call.args[..place], input).carried;
                    let way = match place {
                        0 => Way::Always,
                        _ => Way::Behind(before.into_keys().collect()),
                    };
                    self.expr(value, input, &part.by(&way));
                }
            }
            Expr::AggregateFunction(call) => {
                for value in &call.params.args {
                    self.expr(value, input, part);
                }
                let order = call.params.order_by.iter().map(|order| &order.expr);
                for deciding in call.params.filter.as_deref().into_iter().chain(order) {
                    self.expr(deciding, input, &part.deciding());
                }
            }
            other => {
                let walked = other.apply_children(|child| {
                    self.expr(child, input, part);
                    Ok(TreeNodeRecursion::Continue)
                });
                debug_assert!(walked.is_ok(), "the walk itself never fails");
            }
        }
    }

    /// The conditions decide; which of several values it is, is only known row by row.
    fn case(&mut self, case: &Case, input: &LogicalPlan, part: &Part) {
        let values = case.when_then_expr.iter().map(|(_, value)| value);
        let values: Vec<&Expr> = values
            .chain(&case.else_expr)
            .map(|value| &**value)
            .filter(|value| !is_constant(value))
            .collect();
        let conditions = case.when_then_expr.iter().map(|(condition, _)| condition);
        let decision = match values.is_empty() {
            true => part.clone(),
            false => part.deciding(),
        };
        for condition in conditions.chain(&case.expr) {
            self.expr(condition, input, &decision);
        }
        let is_one = values
            .windows(2)
            .all(|two| two[0].column_refs() == two[1].column_refs());
        let way = match is_one {
            true => Way::Always,
            false => Way::OneOf,
        };
        for value in values {
            self.expr(value, input, &part.by(&way));
        }
    }
}

/// Functions that give the first of their values that is there.
const FALLBACKS: [&str; 3] = ["coalesce", "nvl", "ifnull"];

/// Whether an expression is the same in every row.
fn is_constant(expr: &Expr) -> bool {
    let mut constant = true;
    let walked = expr.apply(|part| {
        constant &= !matches!(part, Expr::Column(_) | Expr::ScalarSubquery(_));
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the walk itself never fails");
    constant
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

    /// The columns of people from which the first column takes values, and how.
    async fn carried(sql: &str) -> BTreeMap<String, Way> {
        let carried = lineage(&planned(sql).await).carried.into_iter();
        let short = carried.map(|(name, way)| (name.replace("usercom.people.", ""), way));
        short.collect()
    }

    #[tokio::test]
    async fn a_condition_decides_and_only_that_unless_the_values_are_constants() {
        let expected = BTreeMap::from([("name".to_owned(), Way::Always)]);
        for case in [
            "case when spare > 1 then name end",
            "case spare when 1 then upper(name) else lower(name) end",
            "max(name) filter (where spare = 1)",
            "first_value(name order by spare)",
        ] {
            let sql = format!("select {case} from usercom.people");
            assert_eq!(carried(&sql).await, expected, "{case}");
        }
        let told =
            carried("select case when spare > 1 then 'many' else 'few' end from usercom.people");
        assert_eq!(
            told.await,
            BTreeMap::from([("spare".to_owned(), Way::Always)])
        );
    }

    #[tokio::test]
    async fn a_fallback_waits_for_what_stands_before_it_and_a_choice_is_one_of_several() {
        let sql = "select coalesce(p.name, cast(p.agent as varchar), p.note) from \
                   (select name, agent, coalesce(cast(spare as varchar), 'none') as note from usercom.people) as p";
        let behind = |names: &[&str]| {
            Way::Behind(
                names
                    .iter()
                    .map(|name| format!("usercom.people.{name}"))
                    .collect(),
            )
        };
        let expected = BTreeMap::from([
            ("name".to_owned(), Way::Always),
            ("agent".to_owned(), behind(&["name"])),
            ("spare".to_owned(), behind(&["agent", "name"])),
        ]);
        assert_eq!(carried(sql).await, expected);
        let sql = "select case when company = 1 then name else cast(agent as varchar) end from usercom.people";
        let expected = BTreeMap::from(["agent", "name"].map(|name| (name.to_owned(), Way::OneOf)));
        assert_eq!(carried(sql).await, expected);
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
