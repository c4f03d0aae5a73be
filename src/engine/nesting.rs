//! How deep an expression or a chain of a statement is, before anything walks its tree.
//!
//! In: the text of a statement. Out: nothing, or what is too deep. Parser, planner and optimizer go down a level of the stack
//! for each operator of a chain; a statement with thousands of them would end the process. Never: a limit on what stands side
//! by side, such as columns, cases or the members of a list.

use datafusion::common::plan_datafusion_err;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// Levels that a statement may have.
const DEEPEST: usize = 500;

/// What is open between two parentheses.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Set operations; a level of the stack serves two of them.
    unions: usize,
    /// Joins of the current `select`.
    tables: usize,
    /// `and` and `or` of the expression.
    conditions: usize,
    /// Operators since the last of them.
    operators: usize,
    /// Behind `from`, where a comma joins.
    from: bool,
}

impl Level {
    const fn depth(self) -> usize {
        1 + self.unions / 2 + self.tables + self.conditions + self.operators
    }

    fn end_expression(&mut self) {
        (self.conditions, self.operators) = (0, 0);
    }

    fn take(&mut self, token: &Token) {
        match token {
            Token::Comma => {
                self.tables += usize::from(self.from);
                self.end_expression();
            }
            Token::SemiColon => *self = Self::default(),
            Token::Word(word) => match word.keyword {
                Keyword::AND | Keyword::OR | Keyword::XOR => {
                    self.conditions += 1;
                    self.operators = 0;
                }
                Keyword::NOT | Keyword::IS | Keyword::LIKE | Keyword::ILIKE | Keyword::COLLATE => {
                    self.operators += 1;
                }
                Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => {
                    self.unions += 1;
                    self.tables = 0;
                    self.end_expression();
                }
                Keyword::JOIN => {
                    self.tables += 1;
                    self.end_expression();
                }
                Keyword::FROM => {
                    self.from = true;
                    self.end_expression();
                }
                Keyword::SELECT
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::ORDER
                | Keyword::HAVING
                | Keyword::LIMIT
                | Keyword::QUALIFY => {
                    self.from = false;
                    self.end_expression();
                }
                Keyword::ON | Keyword::WHEN | Keyword::THEN | Keyword::ELSE | Keyword::END => {
                    self.end_expression();
                }
                _ => {}
            },
            Token::Whitespace(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Placeholder(_)
            | Token::Period
            | Token::EOF => {}
            _ => self.operators += 1,
        }
    }
}

/// Refuses what is too deep.
///
/// # Errors
/// A statement beyond the limit, or one that has no end of a text.
pub fn check_depth(sql: &str) -> Result<(), DataFusionError> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize()
        .map_err(|error| DataFusionError::SQL(Box::new(ParserError::from(error)), None))?;
    let (mut levels, mut outer) = (vec![Level::default()], 0);
    let mut common = 0;
    let mut before: Option<Keyword> = None;
    for token in &tokens {
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                common += usize::from(before == Some(Keyword::AS));
                outer += levels.last().map_or(0, |level| level.depth());
                levels.push(Level::default());
            }
            Token::RParen | Token::RBracket | Token::RBrace if levels.len() > 1 => {
                levels.pop();
                outer -= levels.last().map_or(0, |level| level.depth());
            }
            token => {
                if let Some(level) = levels.last_mut() {
                    level.take(token);
                }
            }
        }
        let depth = outer + common + levels.last().map_or(0, |level| level.depth());
        if depth > DEEPEST {
            return Err(plan_datafusion_err!(
                "more than {DEEPEST} operators, joins or parentheses hang on each other; write long chains of `or` as `in (…)`, and \
                 split long chains of joins"
            ));
        }
        match token {
            Token::Whitespace(_) => {}
            Token::Word(word) => before = Some(word.keyword),
            _ => before = None,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(sql: &str) {
        let error = check_depth(sql).unwrap_err();
        assert!(error.to_string().contains("hang on each other"), "{error}");
    }

    #[test]
    fn chains_without_end_are_refused() {
        refused(&format!("select 1 where a = 0{}", " or a = 1".repeat(2000)));
        refused(&format!("select 1{}", " + 1".repeat(2000)));
        refused(&format!("select {}1{}", "(".repeat(2000), ")".repeat(2000)));
        refused(&format!("select {}1", "- ".repeat(2000)));
        refused(&format!("select 1{}", " union all select 1".repeat(2000)));
        refused(&format!("select 1 from t{}", " cross join t".repeat(2000)));
        refused(&format!("select 1 from t{}", ", t".repeat(2000)));
        let common: Vec<String> = (0..2000).map(|n| format!("a{n} as (select 1)")).collect();
        refused(&format!("with {} select 1", common.join(", ")));
    }

    #[test]
    fn what_stands_side_by_side_has_no_limit() {
        let columns: Vec<String> = (0..2000)
            .map(|n| {
                format!("case when a = {n} and b <> 1 then concat(a, 'x') else a + 1 end as c{n}")
            })
            .collect();
        let members: Vec<String> = (0..20_000).map(|n| format!("'{n}'")).collect();
        let sql = format!(
            "select {} from s.t as t where t.a in ({}) and t.b = 1",
            columns.join(", "),
            members.join(", ")
        );
        check_depth(&sql).unwrap();
        let conditions = " or a is distinct from b".repeat(400);
        check_depth(&format!("select 1 where false{conditions}")).unwrap();
    }
}
