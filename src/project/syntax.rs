//! What the text of a query says to SQL's own tokenizer and parser.
//!
//! In: text, or a parsed query. Out: the `$name` placeholders in it, and the first construct that the product does not
//! run. Never: a search in the text, where a literal or a comment may say anything.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::ast::{
    Expr, JoinOperator, Query, Select, SelectItem, SetExpr, SetOperator, Statement, TableFactor,
    TableWithJoins, UnaryOperator, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::{ProjectError, QueryFile};

/// `$name` placeholders of a query or of a condition, outside comments, strings and quoted names.
///
/// # Errors
/// Whatever is no SQL at all, such as a string that does not end.
pub(crate) fn parameters(sql: &str) -> Result<BTreeSet<String>, DataFusionError> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize()
        .map_err(|error| DataFusionError::SQL(Box::new(ParserError::from(error)), None))?;
    let names = tokens.into_iter().filter_map(|token| match token {
        Token::Placeholder(name) => name.strip_prefix('$').map(str::to_owned),
        _ => None,
    });
    Ok(names.filter(|name| !name.is_empty()).collect())
}

/// Names of the columns that the last `select` of a query gives; none for what is no plain `select`.
pub(crate) fn output_names(sql: &str) -> Vec<String> {
    let Ok(statements) = Parser::parse_sql(&GenericDialect {}, sql) else {
        return Vec::new();
    };
    let Some(Statement::Query(query)) = statements.into_iter().next() else {
        return Vec::new();
    };
    let mut body = *query.body;
    // Branches of a union have the names of the first.
    let select = loop {
        body = match body {
            SetExpr::Select(select) => break select,
            SetExpr::Query(query) => *query.body,
            SetExpr::SetOperation { left, .. } => *left,
            _ => return Vec::new(),
        };
    };
    let name = |item: SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(mut names)) => {
            names.pop().map(|name| name.value)
        }
        _ => None,
    };
    select.projection.into_iter().filter_map(name).collect()
}

/// A query's text with values in place of its `$name` placeholders, to be read and to be run elsewhere.
///
/// # Errors
/// [`ProjectError::Parse`]; a placeholder without a value stays as it is.
pub(crate) fn with_parameters(
    file: &QueryFile,
    values: &BTreeMap<String, ScalarValue>,
) -> Result<String, ProjectError> {
    let tokens = Tokenizer::new(&GenericDialect {}, &file.sql)
        .tokenize_with_location()
        .map_err(|error| ProjectError::Parse {
            path: file.path.clone(),
            source: Box::new(DataFusionError::SQL(
                Box::new(ParserError::from(error)),
                None,
            )),
        })?;
    let mut lines: Vec<Vec<char>> = file
        .sql
        .split_inclusive('\n')
        .map(|line| line.chars().collect())
        .collect();
    // From the end, so that places before stay as they are.
    for token in tokens.iter().rev() {
        let Token::Placeholder(name) = &token.token else {
            continue;
        };
        let value = match values.get(name.trim_start_matches('$')) {
            Some(ScalarValue::Utf8(Some(text))) => format!("'{}'", text.replace('\'', "''")),
            Some(value) => value.to_string(),
            None => continue,
        };
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let at = token.span.start;
        let (line, start) = (place(at.line), place(at.column));
        if let Some(line) = lines.get_mut(line.wrapping_sub(1)) {
            let start = start.saturating_sub(1).min(line.len());
            let end = (start + name.chars().count()).min(line.len());
            line.splice(start..end, value.chars());
        }
    }
    Ok(lines.into_iter().flatten().collect())
}

/// The first anti join of a query, in whatever form: DataFusion runs them as hash joins, which do not spill.
pub(super) fn anti_join(query: &Query) -> Option<&'static str> {
    match query.visit(&mut AntiJoins) {
        ControlFlow::Break(name) => Some(name),
        ControlFlow::Continue(()) => None,
    }
}

struct AntiJoins;

impl Visitor for AntiJoins {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        set_operation(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        select.from.iter().try_for_each(joins)
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<Self::Break> {
        match table {
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => joins(table_with_joins),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => negated_subquery(expr, true),
            other => negated_subquery(other, false),
        }
    }
}

/// Whether an expression is a subquery with a `not` in it, or in front of it.
fn negated_subquery(expr: &Expr, in_front: bool) -> ControlFlow<&'static str> {
    match expr {
        Expr::Nested(inner) if in_front => negated_subquery(inner, in_front),
        Expr::Exists { negated, .. } if *negated || in_front => ControlFlow::Break("not exists"),
        Expr::InSubquery { negated, .. } if *negated || in_front => {
            ControlFlow::Break("not in (select …)")
        }
        _ => ControlFlow::Continue(()),
    }
}

fn set_operation(body: &SetExpr) -> ControlFlow<&'static str> {
    match body {
        SetExpr::SetOperation {
            op: SetOperator::Except | SetOperator::Minus,
            ..
        } => ControlFlow::Break("except"),
        // A query inside is visited by itself.
        SetExpr::SetOperation { left, right, .. } => {
            set_operation(left)?;
            set_operation(right)
        }
        _ => ControlFlow::Continue(()),
    }
}

fn joins(tables: &TableWithJoins) -> ControlFlow<&'static str> {
    let is_anti = |operator: &JoinOperator| {
        matches!(
            operator,
            JoinOperator::Anti(_) | JoinOperator::LeftAnti(_) | JoinOperator::RightAnti(_)
        )
    };
    match tables.joins.iter().any(|join| is_anti(&join.join_operator)) {
        true => ControlFlow::Break("anti join"),
        false => ControlFlow::Continue(()),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::Statement;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn names(sql: &str) -> Vec<String> {
        parameters(sql).unwrap().into_iter().collect()
    }

    fn found(sql: &str) -> Option<&'static str> {
        let statements = Parser::parse_sql(&GenericDialect {}, sql).unwrap();
        match &statements[..] {
            [Statement::Query(query)] => anti_join(query),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rendered_query_is_the_text_but_for_its_options() {
        let file = |sql: &str| {
            let text = format!("-- grain: x\n{sql}\n");
            QueryFile::parse(
                "queries/prepare/a.sql",
                crate::project::QueryKind::Prepare,
                &text,
            )
        };
        let values = BTreeMap::from([
            (
                "name".to_owned(),
                ScalarValue::Utf8(Some("it's".to_owned())),
            ),
            ("flag".to_owned(), ScalarValue::Boolean(Some(true))),
        ]);
        let sql = "select '$name' as a, $name as \"$b\", /* $name */ E'\\n' as c where $flag or $other -- $name";
        let rendered = with_parameters(&file(sql).unwrap(), &values).unwrap();
        let expected = "select '$name' as a, 'it''s' as \"$b\", /* $name */ E'\\n' as c where true or $other -- $name";
        assert_eq!(rendered, format!("-- grain: x\n{expected}\n"));
        // Nothing else of any query changes.
        let queries = crate::project::Queries::load(std::path::Path::new("no project")).unwrap();
        for file in queries.iter() {
            let rendered = with_parameters(file, &BTreeMap::new()).unwrap();
            assert_eq!(rendered, file.sql, "{}", file.path);
        }
    }

    #[test]
    fn placeholders_are_found_wherever_sql_has_them() {
        assert_eq!(
            names("select $a, x + $b_2 from t limit $1"),
            ["1", "a", "b_2"]
        );
        assert_eq!(names("case when 'a'=$a then'b'else $b end"), ["a", "b"]);
        assert_eq!(names("'--' || $a -- '\n || $b"), ["a", "b"]);
        assert_eq!(names("'it''s ' || $a || E'it\\'s' || $b"), ["a", "b"]);
        assert_eq!(names("$strategy = 'fields'"), ["strategy"]);
    }

    #[test]
    fn texts_comments_and_names_hold_no_placeholders() {
        for sql in [
            "'$a'",
            "'two\nlines $a'",
            "'it''s $a'",
            "E'it\\'s $a'",
            "$$ $a $$",
            "$tag$ $a ' $tag$",
            "-- $a",
            "x /* $a\n '$a */ + y",
            "t.\"$a\"",
            "t.a$b",
        ] {
            assert_eq!(names(sql), Vec::<String>::new(), "{sql}");
        }
    }

    #[test]
    fn a_text_that_does_not_end_is_an_error() {
        assert!(parameters("$a = 'b").is_err());
    }

    #[test]
    fn anti_joins_are_found_in_every_form() {
        for (sql, name) in [
            (
                "select 1 from t where not exists (select 1 from u)",
                "not exists",
            ),
            (
                "select 1 from t where not (exists (select 1 from u))",
                "not exists",
            ),
            (
                "select 1 from t where NOT\n EXISTS(select 1 from u)",
                "not exists",
            ),
            (
                "select 1 from t where a not in (select b from u)",
                "not in (select …)",
            ),
            (
                "select 1 from t where not (a in (select b from u))",
                "not in (select …)",
            ),
            (
                "select 1 from t where not a in (select b from u)",
                "not in (select …)",
            ),
            ("select a from t except select a from u", "except"),
            (
                "select a from t union all (select 1 except select a from u)",
                "except",
            ),
            ("select 1 union select 2 except select 3", "except"),
            ("select a from t minus select a from u", "except"),
            ("select 1 from t left anti join u on t.a = u.a", "anti join"),
            ("select 1 from t anti join u on t.a = u.a", "anti join"),
            (
                "select 1 from t right anti join u on t.a = u.a",
                "anti join",
            ),
            (
                "select 1 from (t left anti join u on t.a = u.a)",
                "anti join",
            ),
            (
                "with c as (select a from t except select 1) select a from c",
                "except",
            ),
            (
                "select (select 1 where not exists (select 1 from u)) from t",
                "not exists",
            ),
            (
                "select 1 from t join u on not exists (select 1 from v)",
                "not exists",
            ),
        ] {
            assert_eq!(found(sql), Some(name), "{sql}");
        }
    }

    #[test]
    fn words_and_other_joins_are_no_anti_joins() {
        for sql in [
            "select 'does not exists' from t",
            "select ' NOT IN (SELECT', ' EXCEPT ', ' ANTI JOIN ' from t",
            "select 1 from t -- not exists (select 1)",
            "select 1 /* except */ from t",
            "select t.\"NOT EXISTS\" from t as \" ANTI JOIN \"",
            "select 1 from t where a not in (1, 2)",
            "select 1 from t where exists (select 1 from u)",
            "select 1 from t where a in (select b from u)",
            "select a from t intersect select a from u",
            "select 1 from t left semi join u on t.a = u.a",
            "select 1 from t left join u on t.a = u.a where u.a is null",
        ] {
            assert_eq!(found(sql), None, "{sql}");
        }
    }
}
