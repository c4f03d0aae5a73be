//! Does a row satisfy the `where` clause?
//!
//! In: a condition, resolved; a row. Out: yes or no. Texts compare without case, ids in their 18-character form, numbers
//! as numbers, dates and date-times as texts of one form. Also finds the keys that a lookup can start from.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

use chrono::{DateTime, Days, Utc};

use super::super::change::value::datetime;
use super::super::error::ApiError;
use super::super::ids::RecordId;
use super::super::schema::FieldType;
use super::super::store::Row;
use super::super::view::View;
use super::ast::{Comparison, Expr, Literal};
use super::plan::{Node, Plan, Resolver};

/// A resolved condition.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    Always,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Compare {
        node: Node,
        kind: FieldType,
        comparison: Comparison,
        value: Option<String>,
    },
    /// The value is one of these, in comparable form; `null` allowed if asked for.
    In {
        node: Node,
        kind: FieldType,
        values: HashSet<String>,
        null: bool,
    },
    /// From and until (exclusive), for relative dates.
    Between {
        node: Node,
        from: String,
        until: String,
    },
    /// Any of these combinations.
    Includes {
        node: Node,
        combinations: Vec<Vec<String>>,
    },
}

impl Filter {
    pub(super) fn new(
        resolver: &Resolver<'_>,
        object: usize,
        expr: Option<&Expr>,
    ) -> Result<Self, ApiError> {
        let Some(expr) = expr else {
            return Ok(Self::Always);
        };
        let all = |list: &[Expr]| {
            list.iter()
                .map(|e| Self::new(resolver, object, Some(e)))
                .collect::<Result<_, _>>()
        };
        Ok(match expr {
            Expr::And(list) => Self::And(all(list)?),
            Expr::Or(list) => Self::Or(all(list)?),
            Expr::Not(inner) => Self::Not(Box::new(Self::new(resolver, object, Some(inner))?)),
            Expr::Compare(path, comparison, literal) => {
                let column = resolver.column(object, path)?;
                if let Literal::Relative(name, count) = literal {
                    let (from, until) = days(name, *count, column.kind);
                    return Ok(relative(column.node, *comparison, from, until));
                }
                let value = constant(column.kind, literal, path)?;
                Self::Compare {
                    node: column.node,
                    kind: column.kind,
                    comparison: *comparison,
                    value,
                }
            }
            Expr::In(path, literals) => {
                let column = resolver.column(object, path)?;
                let mut values = HashSet::new();
                let mut null = false;
                for literal in literals {
                    match constant(column.kind, literal, path)? {
                        Some(value) => {
                            values.insert(comparable(column.kind, &value).into_owned());
                        }
                        None => null = true,
                    }
                }
                Self::In {
                    node: column.node,
                    kind: column.kind,
                    values,
                    null,
                }
            }
            Expr::InQuery(path, query) => {
                let column = resolver.column(object, path)?;
                let (view, access) = (resolver.view.clone(), resolver.access);
                let plan = Plan::resolved(view, access, query, false, resolver.tooling)?;
                let mut values = HashSet::new();
                plan.scan(|position, row| {
                    if let Some(first) = plan.columns.first() {
                        let value = evaluate(&plan.view, &first.node, plan.object, position, row);
                        values
                            .extend(value.map(|value| comparable(first.kind, &value).into_owned()));
                    }
                    true
                });
                Self::In {
                    node: column.node,
                    kind: column.kind,
                    values,
                    null: false,
                }
            }
            Expr::Includes(path, literals) => {
                let column = resolver.column(object, path)?;
                let combination = |literal: &Literal| match literal {
                    Literal::Text(text) => text
                        .split(';')
                        .map(|value| value.trim().to_lowercase())
                        .collect(),
                    _ => Vec::new(),
                };
                Self::Includes {
                    node: column.node,
                    combinations: literals.iter().map(combination).collect(),
                }
            }
        })
    }

    /// Whether the row passes.
    pub(super) fn passes(&self, view: &View, object: usize, position: u32, row: &Row) -> bool {
        let value = |node| evaluate(view, node, object, position, row);
        match self {
            Self::Always => true,
            Self::And(list) => list
                .iter()
                .all(|filter| filter.passes(view, object, position, row)),
            Self::Or(list) => list
                .iter()
                .any(|filter| filter.passes(view, object, position, row)),
            Self::Not(inner) => !inner.passes(view, object, position, row),
            Self::Compare {
                node,
                kind,
                comparison,
                value: expected,
            } => compare(
                *kind,
                value(node).as_deref(),
                *comparison,
                expected.as_deref(),
            ),
            Self::In {
                node,
                kind,
                values,
                null,
            } => match value(node) {
                Some(found) => values.contains(comparable(*kind, &found).as_ref()),
                None => *null,
            },
            Self::Between { node, from, until } => {
                value(node).is_some_and(|found| *found >= **from && *found < **until)
            }
            Self::Includes { node, combinations } => {
                let found = value(node).unwrap_or_default().to_lowercase();
                let found: Vec<&str> = found.split(';').collect();
                combinations
                    .iter()
                    .any(|wanted| wanted.iter().all(|value| found.contains(&value.as_str())))
            }
        }
    }

    /// Whether a field of the object itself must equal one of some values.
    pub(super) fn names(&self, field: u16) -> bool {
        match self {
            Self::And(list) => list.iter().any(|filter| filter.names(field)),
            filter => filter.keys().is_some_and(|(at, _)| at == field),
        }
    }

    /// The earliest that a stamp may be, in milliseconds since 1970; `is_stamp` knows the fields that hold it.
    pub(super) fn since(&self, is_stamp: &impl Fn(u16) -> bool) -> Option<i64> {
        match self {
            Self::And(list) => list.iter().filter_map(|one| one.since(is_stamp)).max(),
            Self::Compare {
                node: Node::Field(at),
                comparison: Comparison::Equal | Comparison::Greater | Comparison::GreaterOrEqual,
                value: Some(value),
                ..
            } if is_stamp(*at) => {
                let time = DateTime::parse_from_rfc3339(value).ok()?;
                Some(time.timestamp_millis())
            }
            _ => None,
        }
    }

    /// A field of the object itself that must equal one of some values, if there is one.
    pub(super) fn keys(&self) -> Option<(u16, Vec<String>)> {
        match self {
            Self::And(list) => list.iter().find_map(Self::keys),
            Self::Compare {
                node: Node::Field(at),
                comparison: Comparison::Equal,
                value: Some(value),
                ..
            } => Some((*at, vec![value.clone()])),
            Self::In {
                node: Node::Field(at),
                values,
                null: false,
                ..
            } => Some((*at, values.iter().cloned().collect())),
            _ => None,
        }
    }
}

/// The value at the end of a path.
pub(super) fn evaluate<'r>(
    view: &View,
    node: &Node,
    object: usize,
    position: u32,
    row: &'r Row,
) -> Option<Cow<'r, str>> {
    match node {
        Node::Field(at) => view.text(object, position, row, *at),
        Node::Parent {
            field, candidates, ..
        } => {
            let id = RecordId::parse(&view.text(object, position, row, *field)?)?;
            let (parent, position) = view.model.locate(id)?;
            let (_, node) = candidates
                .iter()
                .find(|(candidate, _)| *candidate == parent)?;
            let row = view.model.row(id)?;
            evaluate(view, node, parent, position, &row).map(|value| Cow::Owned(value.into_owned()))
        }
    }
}

/// A literal in the canonical form of the field's type.
fn constant(
    kind: FieldType,
    literal: &Literal,
    path: &[String],
) -> Result<Option<String>, ApiError> {
    let invalid = || {
        let name = path.join(".");
        ApiError::bad(
            "INVALID_FIELD",
            format!(
                "value of filter criterion for field '{name}' must be of type {}",
                kind.name()
            ),
        )
    };
    let text = match literal {
        Literal::Null => return Ok(None),
        Literal::Boolean(value) if kind == FieldType::Boolean => value.to_string(),
        Literal::Number(text) if kind.is_decimal() || kind == FieldType::Int => text.clone(),
        Literal::Time(text) => match kind {
            FieldType::Datetime => datetime(text).ok_or_else(invalid)?,
            FieldType::Date if text.len() == 10 => text.clone(),
            _ => return Err(invalid()),
        },
        Literal::Text(text) if matches!(kind, FieldType::Id | FieldType::Reference) => {
            match RecordId::parse(text) {
                Some(id) => id.to_string(),
                None if text.is_empty() => return Ok(None),
                None => {
                    return Err(ApiError::bad(
                        "INVALID_QUERY_FILTER_OPERATOR",
                        format!("invalid ID field: {text}"),
                    ));
                }
            }
        }
        Literal::Text(text)
            if !kind.is_decimal()
                && !matches!(
                    kind,
                    FieldType::Int | FieldType::Boolean | FieldType::Date | FieldType::Datetime
                ) =>
        {
            if text.is_empty() {
                return Ok(None);
            }
            text.clone()
        }
        _ => return Err(invalid()),
    };
    Ok(Some(text))
}

/// A form in which equal values are equal texts.
fn comparable(kind: FieldType, text: &str) -> Cow<'_, str> {
    match kind {
        FieldType::Id
        | FieldType::Reference
        | FieldType::Date
        | FieldType::Datetime
        | FieldType::Boolean => Cow::Borrowed(text),
        FieldType::Int | FieldType::Currency | FieldType::Double | FieldType::Percent => {
            Cow::Owned(
                text.parse::<f64>()
                    .map_or_else(|_| text.to_owned(), |number| number.to_string()),
            )
        }
        _ => Cow::Owned(text.to_lowercase()),
    }
}

/// Orders two values of a type.
pub(super) fn ordering(kind: FieldType, a: &str, b: &str) -> Ordering {
    if kind.is_decimal() || kind == FieldType::Int {
        let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
        return number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal);
    }
    comparable(kind, a).cmp(&comparable(kind, b))
}

fn compare(
    kind: FieldType,
    found: Option<&str>,
    comparison: Comparison,
    expected: Option<&str>,
) -> bool {
    let (Some(found), Some(expected)) = (found, expected) else {
        return match comparison {
            Comparison::Equal => found.is_none() && expected.is_none(),
            Comparison::NotEqual => found.is_some() != expected.is_some(),
            _ => false,
        };
    };
    if comparison == Comparison::Like {
        if let Some(begins) = begins_with(expected, found) {
            return begins;
        }
        let pattern: Vec<char> = expected.to_lowercase().chars().collect();
        let text: Vec<char> = found.to_lowercase().chars().collect();
        return like(&pattern, &text);
    }
    let order = ordering(kind, found, expected);
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
        Comparison::Like => false,
    }
}

/// Whether a text begins as a pattern says that ends with its only wildcard; none for every other pattern.
fn begins_with(pattern: &str, text: &str) -> Option<bool> {
    let start = pattern.strip_suffix('%')?;
    let is_plain = start.is_ascii() && text.is_ascii() && !start.contains(['%', '_', '\\']);
    is_plain.then(|| {
        let head = text.get(..start.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(start))
    })
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%'] => true,
        ['%', rest @ ..] => (0..=text.len()).any(|at| like(rest, &text[at..])),
        ['_', rest @ ..] => !text.is_empty() && like(rest, &text[1..]),
        ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && like(rest, &text[1..]),
    }
}

fn days(name: &str, count: i64, kind: FieldType) -> (String, String) {
    let today = Utc::now().date_naive();
    let shifted = |by: i64| {
        let size = Days::new(by.unsigned_abs());
        let day = if by < 0 {
            today.checked_sub_days(size)
        } else {
            today.checked_add_days(size)
        };
        let day = day.unwrap_or(today);
        if kind == FieldType::Datetime {
            format!("{day}T00:00:00.000Z")
        } else {
            day.to_string()
        }
    };
    match name {
        "yesterday" => (shifted(-1), shifted(0)),
        "tomorrow" => (shifted(1), shifted(2)),
        "last_n_days" => (shifted(-count), shifted(1)),
        "next_n_days" => (shifted(1), shifted(count + 1)),
        "n_days_ago" => (shifted(-count), shifted(1 - count)),
        _ => (shifted(0), shifted(1)),
    }
}

fn relative(node: Node, comparison: Comparison, from: String, until: String) -> Filter {
    let compare = |comparison, value| Filter::Compare {
        node: node.clone(),
        kind: FieldType::Date,
        comparison,
        value: Some(value),
    };
    match comparison {
        Comparison::Less => compare(Comparison::Less, from),
        Comparison::LessOrEqual => compare(Comparison::Less, until),
        Comparison::Greater => compare(Comparison::GreaterOrEqual, until),
        Comparison::GreaterOrEqual => compare(Comparison::GreaterOrEqual, from),
        Comparison::NotEqual => Filter::Not(Box::new(Filter::Between { node, from, until })),
        Comparison::Equal | Comparison::Like => Filter::Between { node, from, until },
    }
}
