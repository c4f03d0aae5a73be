//! The form of the default queries: whatever a reader of one of them may count on in all.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, OrderByKind, Query, Select, SelectItem, Statement,
    TableFactor, Value, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use include_dir::{Dir, File};

use super::queries::DEFAULTS;

/// Most characters of a line.
const WIDTH: usize = 100;

/// Headers that are shown to people as they are, or name a type and a column: one line each, however long.
const ONE_LINE: [&str; 3] = ["-- hint: ", "-- feature: ", "-- field: "];

/// Spaces of one step to the right.
const STEP: usize = 4;

/// Letters of the shortest alias.
const SHORTEST_ALIAS: usize = 2;

/// Folders whose queries name every column of their result: it leaves the program, or is counted. What a step within a
/// query hands on whole (`person.*`) is named in the last one.
const NO_WILDCARDS: [&str; 3] = ["load", "checks", "reconcile"];

#[test]
fn every_default_query_has_the_form() {
    let mut findings = Vec::new();
    let files = files(&DEFAULTS);
    assert!(files.len() > 80, "{}", files.len());
    for file in files {
        let (path, text) = (
            file.path().display().to_string(),
            file.contents_utf8().unwrap(),
        );
        let may_have_wildcards = !NO_WILDCARDS
            .iter()
            .any(|name| file.path().starts_with(name));
        let mut found = layout(text);
        if path.ends_with(".sql") {
            found.extend(statement(text, may_have_wildcards));
        }
        findings.extend(found.iter().map(|what| format!("queries/{path} {what}")));
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

fn files<'a>(folder: &'a Dir<'a>) -> Vec<&'a File<'a>> {
    let below = folder.dirs().flat_map(files);
    let queries = folder.files().chain(below);
    let is_query = |file: &&File<'_>| {
        let ending = file.path().extension().and_then(|ending| ending.to_str());
        matches!(ending, Some("sql" | "soql"))
    };
    queries.filter(is_query).collect()
}

#[test]
fn every_default_load_says_which_rows_it_accounts_for() {
    let missing: Vec<String> = files(&DEFAULTS)
        .into_iter()
        .filter(|file| file.path().starts_with("load"))
        .filter(|file| !file.contents_utf8().unwrap().contains("\n-- source: "))
        .map(|file| file.path().display().to_string())
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let good = "-- grain: one row\n\nselect pp.id as person_id\nfrom usercom.people as pp\n";
    assert_eq!(layout(good), Vec::<String>::new());
    assert_eq!(statement(good, false), Vec::<String>::new());
    let long = format!("{good}-- {}\n", "x".repeat(WIDTH));
    let hint = format!(
        "-- grain: x\n-- hint: {}\nselect 1 as xx\n",
        "x".repeat(WIDTH)
    );
    assert_eq!(layout(&hint), Vec::<String>::new());
    for (text, finding) in [
        (long.as_str(), "line 5 has 103 characters"),
        (
            "-- one\nselect 1 as xx\n",
            "has no `-- grain:` in its header",
        ),
        (
            "select 1 as xx\n-- grain: x\n",
            "has no `-- grain:` in its header",
        ),
        ("-- grain: x\nselect\t1 as xx\n", "line 2 has a tab"),
        ("-- grain: x\nselect 1 as xx \n", "line 2 ends with a space"),
        (
            "-- grain: x\nselect\n   1 as xx\n",
            "line 3 is indented by 3 spaces",
        ),
        (
            "-- grain: x\nselect 1 as xx",
            "does not end with one line end",
        ),
        (
            "-- grain: x\nselect 1 as xx\n\n",
            "does not end with one line end",
        ),
    ] {
        assert_eq!(layout(text), [finding], "{text}");
    }
    for (text, finding) in [
        ("SELECT 1 as xx", "line 1: `SELECT` is not in lower case"),
        (
            "select pp.Id as xx from a.b as pp",
            "line 1: `Id` is not in lower case",
        ),
        ("select 1 xx", "line 1: `xx` is named without `as`"),
        (
            "select pp.x as xx from a.b pp",
            "line 1: `pp` is named without `as`",
        ),
        (
            "select a as xx from b.c as pp group by 1",
            "groups by position",
        ),
        (
            "select a as xx from b.c as pp order by 1",
            "orders by position",
        ),
        (
            "with pp as (select * from a.b as qq) select pp.x as xx from pp as pp",
            "selects `*`",
        ),
        ("select pp.* from a.b as pp", "selects `*`"),
        (
            "select pp.x as xx from a.b as pp where pp.y > (select max(q.x) from a.b as q)",
            "line 1: the alias `q` is no word",
        ),
        (
            "select pp.x as xx from a.b as pp where pp.y is distinct from true or pp.z = 1",
            "`true OR pp.z = 1` is all behind `is distinct from`: brackets around one or the other",
        ),
        (
            "select pp.x as xx from a.b as pp where pp.y is not distinct from 1 and pp.z",
            "`1 AND pp.z` is all behind `is distinct from`: brackets around one or the other",
        ),
        (
            "select pp.x as xx from a.b as pp where pp.y is distinct from 1 = pp.z",
            "`1 = pp.z` is all behind `is distinct from`: brackets around one or the other",
        ),
    ] {
        assert_eq!(statement(text, false), [finding], "{text}");
    }
    let brackets =
        "select pp.x as xx from a.b as pp where (pp.y is distinct from true) or pp.z = 1";
    assert_eq!(statement(brackets, false), Vec::<String>::new());
    let last = "select pp.x as xx from a.b as pp where pp.z and pp.y is distinct from pp.v + 1";
    assert_eq!(statement(last, false), Vec::<String>::new());
    let step = "with xx as (select pp.* from a.b as pp) select xx.y from xx";
    assert_eq!(statement(step, false), Vec::<String>::new());
    let texts = "select 'SELECT' as \"Id\", count(*) as \"Nn\" from a.b as pp -- FROM";
    assert_eq!(statement(texts, false), Vec::<String>::new());
    assert_eq!(
        statement("select * from a.b as pp", true),
        Vec::<String>::new()
    );
}

/// What is wrong with the lines of a file.
fn layout(text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut header = text.lines().take_while(|line| line.starts_with("--"));
    if !header.any(|line| line.starts_with("-- grain: ")) {
        findings.push("has no `-- grain:` in its header".to_owned());
    }
    if !text.ends_with('\n') || text.ends_with("\n\n") {
        findings.push("does not end with one line end".to_owned());
    }
    for (number, line) in (1..).zip(text.lines()) {
        let width = line.chars().count();
        let indent = line.len() - line.trim_start_matches(' ').len();
        let is_text = ONE_LINE.iter().any(|header| line.starts_with(header));
        if width > WIDTH && !is_text {
            findings.push(format!("line {number} has {width} characters"));
        }
        if line.contains('\t') {
            findings.push(format!("line {number} has a tab"));
        }
        if line.ends_with(' ') {
            findings.push(format!("line {number} ends with a space"));
        }
        if indent % STEP != 0 {
            findings.push(format!("line {number} is indented by {indent} spaces"));
        }
    }
    findings
}

/// What is wrong with a query.
fn statement(sql: &str, may_have_wildcards: bool) -> Vec<String> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize_with_location()
        .unwrap();
    let words = tokens.iter().filter_map(|token| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some((token.span.start, &word.value)),
        _ => None,
    });
    let mut findings: Vec<String> = words
        .filter(|(_, word)| word.chars().any(char::is_uppercase))
        .map(|(at, word)| format!("line {}: `{word}` is not in lower case", at.line))
        .collect();
    let mut rules = Rules {
        tokens: &tokens,
        may_have_wildcards,
        findings: Vec::new(),
    };
    let parsed: Vec<Statement> = Parser::parse_sql(&GenericDialect {}, sql).unwrap();
    let _ = parsed.visit(&mut rules);
    findings.extend(rules.findings);
    let result = parsed.iter().filter_map(|statement| match statement {
        Statement::Query(query) => query.body.as_select(),
        _ => None,
    });
    let mut columns = result.flat_map(|select| &select.projection);
    let is_whole = |item: &SelectItem| matches!(item, SelectItem::QualifiedWildcard(..));
    if !may_have_wildcards && columns.any(is_whole) {
        findings.push("selects `*`".to_owned());
    }
    findings
}

struct Rules<'a> {
    tokens: &'a [TokenWithSpan],
    may_have_wildcards: bool,
    findings: Vec<String>,
}

impl Rules<'_> {
    fn alias(&mut self, alias: &Ident) {
        let line = alias.span.start.line;
        if !self.follows_as(alias.span.start) {
            self.findings.push(format!(
                "line {line}: `{}` is named without `as`",
                alias.value
            ));
        }
        if alias.value.chars().count() < SHORTEST_ALIAS {
            self.findings.push(format!(
                "line {line}: the alias `{}` is no word",
                alias.value
            ));
        }
    }

    /// Whether the token before the one at a place is `as`.
    fn follows_as(&self, place: Location) -> bool {
        let before =
            self.tokens.iter().rev().find(|token| {
                token.span.start < place && !matches!(token.token, Token::Whitespace(_))
            });
        before.is_some_and(|token| matches!(&token.token, Token::Word(word) if word.value == "as"))
    }
}

/// Whether an expression is the place of a column.
fn is_position(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::Number(..)))
}

/// What the parser takes to be the right side of an `is distinct from`, where that is a condition: it reads on as far as it can.
fn swallowed(expr: &Expr) -> Option<&Expr> {
    let (Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right)) = expr else {
        return None;
    };
    let is_condition = matches!(
        right.as_ref(),
        Expr::BinaryOp {
            op: BinaryOperator::And
                | BinaryOperator::Or
                | BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq,
            ..
        } | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::InList { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
    );
    is_condition.then_some(right.as_ref())
}

impl Visitor for Rules<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Some(condition) = swallowed(expr) {
            self.findings.push(format!(
                "`{condition}` is all behind `is distinct from`: brackets around one or the other"
            ));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let order = query.order_by.as_ref().map(|order| &order.kind);
        if let Some(OrderByKind::Expressions(columns)) = order
            && columns.iter().any(|column| is_position(&column.expr))
        {
            self.findings.push("orders by position".to_owned());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if let GroupByExpr::Expressions(columns, _) = &select.group_by
            && columns.iter().any(is_position)
        {
            self.findings.push("groups by position".to_owned());
        }
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => self.alias(alias),
                SelectItem::Wildcard(_) if !self.may_have_wildcards => {
                    self.findings.push("selects `*`".to_owned());
                }
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        let alias = match table {
            TableFactor::Table { alias, .. }
            | TableFactor::Derived { alias, .. }
            | TableFactor::UNNEST { alias, .. } => alias.as_ref(),
            _ => None,
        };
        if let Some(alias) = alias {
            self.alias(&alias.name);
        }
        ControlFlow::Continue(())
    }
}
