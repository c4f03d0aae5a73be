//! `group by` and aggregate functions, over REST only.
//!
//! In: the rows of a plan. Out: one `AggregateResult` record per group; memory grows with the number of groups.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::super::schema::FieldType;
use super::ast::Function;
use super::filter::{evaluate, ordering};
use super::plan::{Aggregate, Node, Plan};

#[derive(Default)]
struct Group {
    rows: u64,
    sums: Vec<Sum>,
}

#[derive(Default)]
struct Sum {
    count: u64,
    total: f64,
    least: Option<String>,
    most: Option<String>,
    distinct: HashSet<String>,
}

impl Plan {
    /// The records of an aggregate query.
    pub(crate) fn aggregate(&self) -> Vec<Value> {
        if self.group.is_empty() && self.aggregates.iter().all(|one| self.counts_rows(one)) {
            let mut group = Group::default();
            self.scan(|_, _| {
                group.rows += 1;
                true
            });
            return vec![self.group_record(&[], &group)];
        }
        let mut groups: BTreeMap<Vec<Option<String>>, Group> = BTreeMap::new();
        if self.group.is_empty() {
            groups.insert(Vec::new(), Group::default());
        }
        self.scan(|position, row| {
            let value = |node| {
                evaluate(&self.view, node, self.object, position, row)
                    .map(|value| value.into_owned())
            };
            let key = self
                .group
                .iter()
                .map(|column| value(&column.node))
                .collect();
            let group = groups.entry(key).or_default();
            group.rows += 1;
            group.sums.resize_with(self.aggregates.len(), Sum::default);
            for (aggregate, sum) in self.aggregates.iter().zip(&mut group.sums) {
                if let Some((node, kind)) = &aggregate.node
                    && !self.counts_rows(aggregate)
                    && let Some(value) = value(node)
                {
                    sum.add(aggregate.function, *kind, value);
                }
            }
            true
        });
        groups
            .into_iter()
            .map(|(key, group)| self.group_record(&key, &group))
            .collect()
    }

    /// Whether a value is the number of rows: each has an id, and whatever else the org itself keeps.
    fn counts_rows(&self, aggregate: &Aggregate) -> bool {
        let definition = self.view.model.schema.object(self.object);
        let always =
            |node: &Node| matches!(node, Node::Field(at) if definition.field(*at).system.is_some());
        let node = aggregate.node.as_ref();
        aggregate.function == Function::Count && node.is_none_or(|(node, _)| always(node))
    }

    fn group_record(&self, key: &[Option<String>], group: &Group) -> Value {
        let mut record = Map::new();
        record.insert("attributes".to_owned(), json!({"type": "AggregateResult"}));
        for (column, value) in self.group.iter().zip(key) {
            let name = column.path.last().cloned().unwrap_or_default();
            record.insert(name, typed(column.kind, value.as_deref()));
        }
        for (at, aggregate) in self.aggregates.iter().enumerate() {
            let value = match group.sums.get(at) {
                _ if self.counts_rows(aggregate) => json!(group.rows),
                Some(sum) => sum.value(aggregate),
                None => empty(aggregate),
            };
            record.insert(aggregate.name.clone(), value);
        }
        Value::Object(record)
    }
}

fn empty(aggregate: &Aggregate) -> Value {
    match aggregate.function {
        Function::Count | Function::CountDistinct => json!(0),
        _ => Value::Null,
    }
}

fn typed(kind: FieldType, text: Option<&str>) -> Value {
    let Some(text) = text else { return Value::Null };
    if kind == FieldType::Boolean {
        return Value::Bool(text == "true");
    }
    if kind.is_decimal() || kind == FieldType::Int {
        return text.parse::<f64>().map_or(Value::Null, Value::from);
    }
    Value::String(text.to_owned())
}

impl Sum {
    fn add(&mut self, function: Function, kind: FieldType, value: String) {
        self.count += 1;
        self.total += value.parse::<f64>().unwrap_or(0.0);
        match function {
            Function::CountDistinct => {
                self.distinct.insert(value);
            }
            Function::Min
                if self
                    .least
                    .as_ref()
                    .is_none_or(|least| ordering(kind, &value, least).is_lt()) =>
            {
                self.least = Some(value);
            }
            Function::Max
                if self
                    .most
                    .as_ref()
                    .is_none_or(|most| ordering(kind, &value, most).is_gt()) =>
            {
                self.most = Some(value);
            }
            _ => {}
        }
    }

    fn value(&self, aggregate: &Aggregate) -> Value {
        let kind = aggregate
            .node
            .as_ref()
            .map_or(FieldType::Int, |(_, kind)| *kind);
        match aggregate.function {
            Function::Count => json!(self.count),
            Function::CountDistinct => json!(self.distinct.len()),
            Function::Min => typed(kind, self.least.as_deref()),
            Function::Max => typed(kind, self.most.as_deref()),
            _ if self.count == 0 => Value::Null,
            Function::Sum => json!(self.total),
            #[expect(
                clippy::cast_precision_loss,
                reason = "an average of more than 2^52 rows is out of reach"
            )]
            Function::Avg => json!(self.total / self.count as f64),
        }
    }
}
