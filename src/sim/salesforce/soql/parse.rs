//! Tokens → tree.
//!
//! In: the text of a query. Out: [`Query`], or `MALFORMED_QUERY` with the token that did not fit. Aliases of objects and
//! `FOR VIEW`-like clauses that change nothing in a result are read and dropped.

use super::super::error::ApiError;
use super::ast::{Comparison, Expr, Function, Item, Literal, Order, Path, Query};
use super::lexer::{Token, tokens};

/// Reads a query.
pub(crate) fn parse(text: &str) -> Result<Query, ApiError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    let query = parser.query()?;
    match parser.peek() {
        None => Ok(query),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// Parentheses, negations and inner queries that are open.
    depth: usize,
}

/// Deeper ones are refused, before the stack ends.
const DEEPEST: usize = 100;

type Parsed<T> = Result<T, ApiError>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn unexpected(&self) -> ApiError {
        let token = match self.peek() {
            Some(Token::Word(word)) => word.clone(),
            Some(Token::Text(text)) => format!("'{text}'"),
            Some(Token::Symbol(symbol)) => (*symbol).to_owned(),
            None => "<EOF>".to_owned(),
        };
        ApiError::bad("MALFORMED_QUERY", format!("unexpected token: '{token}'"))
    }

    fn is_keyword(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = self.is_keyword(word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, word: &str) -> Parsed<()> {
        if self.keyword(word) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol);
        self.at += usize::from(found);
        found
    }

    fn close(&mut self) -> Parsed<()> {
        if self.symbol(")") {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn word(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn path(&mut self) -> Parsed<Path> {
        let word = self.word()?;
        let path: Path = word.split('.').map(str::to_owned).collect();
        let named = |part: &String| {
            part.starts_with(char::is_alphabetic) && !part.contains([':', '+', '-'])
        };
        if path.iter().all(named) {
            Ok(path)
        } else {
            Err(ApiError::bad(
                "MALFORMED_QUERY",
                format!("unexpected token: '{word}'"),
            ))
        }
    }

    /// Reads something inside something of its own kind.
    fn inside<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEEPEST {
            let message = format!("the query is nested deeper than {DEEPEST} levels");
            return Err(ApiError::bad("MALFORMED_QUERY", message));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn query(&mut self) -> Parsed<Query> {
        let mut query = Query::default();
        self.expect("select")?;
        loop {
            let item = self.item()?;
            query.select.push(item);
            if !self.symbol(",") {
                break;
            }
        }
        self.expect("from")?;
        query.object = self.word()?;
        let clause = [
            "where", "group", "order", "limit", "offset", "for", "all", "with", "using", "having",
            "as",
        ];
        if matches!(self.peek(), Some(Token::Word(word)) if !clause.iter().any(|c| word.eq_ignore_ascii_case(c)))
        {
            let alias = self.word()?;
            for item in &mut query.select {
                let (Item::Field(path)
                | Item::Aggregate {
                    path: Some(path), ..
                }) = item
                else {
                    continue;
                };
                if path.len() > 1 && path[0].eq_ignore_ascii_case(&alias) {
                    path.remove(0);
                }
            }
        }
        if self.keyword("where") {
            query.filter = Some(self.or()?);
        }
        if self.keyword("group") {
            self.expect("by")?;
            query.group = self.list(Self::path)?;
        }
        if self.keyword("order") {
            self.expect("by")?;
            query.order = self.list(Self::order)?;
        }
        if self.keyword("limit") {
            query.limit = Some(self.count()?);
        }
        if self.keyword("offset") {
            query.offset = self.count()?;
        }
        if self.keyword("for") {
            self.word()?;
        }
        if self.keyword("all") {
            self.expect("rows")?;
            query.all_rows = true;
        }
        Ok(query)
    }

    fn list<T>(&mut self, each: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut list = vec![each(self)?];
        while self.symbol(",") {
            list.push(each(self)?);
        }
        Ok(list)
    }

    fn count(&mut self) -> Parsed<u64> {
        let number = match self.peek() {
            Some(Token::Word(word)) => word.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(number)
    }

    fn item(&mut self) -> Parsed<Item> {
        if self.symbol("(") {
            let mut depth = 1;
            while depth > 0 {
                match self.peek().ok_or_else(|| self.unexpected())? {
                    Token::Symbol("(") => depth += 1,
                    Token::Symbol(")") => depth -= 1,
                    _ => {}
                }
                self.at += 1;
            }
            return Ok(Item::Children);
        }
        let called = matches!(self.tokens.get(self.at + 1), Some(Token::Symbol("(")));
        if !called {
            return self.path().map(Item::Field);
        }
        let name = self.word()?;
        self.symbol("(");
        if name.eq_ignore_ascii_case("fields") {
            let set = self.word()?;
            self.close()?;
            return Ok(Item::Fields(set.to_ascii_lowercase()));
        }
        let function = match name.to_ascii_lowercase().as_str() {
            "count" => Function::Count,
            "count_distinct" => Function::CountDistinct,
            "min" => Function::Min,
            "max" => Function::Max,
            "sum" => Function::Sum,
            "avg" => Function::Avg,
            "tolabel" | "format" => {
                let path = self.path()?;
                self.close()?;
                return Ok(Item::Field(path));
            }
            _ => {
                return Err(ApiError::bad(
                    "MALFORMED_QUERY",
                    format!("unexpected token: '{name}'"),
                ));
            }
        };
        let path = if self.symbol(")") {
            None
        } else {
            let path = self.path()?;
            self.close()?;
            Some(path)
        };
        let aliased = matches!(self.peek(), Some(Token::Word(_))) && !self.is_keyword("from");
        let alias = if aliased { Some(self.word()?) } else { None };
        Ok(Item::Aggregate {
            function,
            path,
            alias,
        })
    }

    fn order(&mut self) -> Parsed<Order> {
        let path = self.path()?;
        let descending = self.keyword("desc");
        if !descending {
            self.keyword("asc");
        }
        let mut nulls_last = false;
        if self.keyword("nulls") {
            nulls_last = self.keyword("last");
            if !nulls_last {
                self.expect("first")?;
            }
        }
        Ok(Order {
            path,
            descending,
            nulls_last,
        })
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut terms = vec![self.and()?];
        while self.keyword("or") {
            terms.push(self.and()?);
        }
        Ok(if terms.len() == 1 {
            terms.remove(0)
        } else {
            Expr::Or(terms)
        })
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut terms = vec![self.term()?];
        while self.keyword("and") {
            terms.push(self.term()?);
        }
        Ok(if terms.len() == 1 {
            terms.remove(0)
        } else {
            Expr::And(terms)
        })
    }

    fn term(&mut self) -> Parsed<Expr> {
        if self.keyword("not") {
            return Ok(Expr::Not(Box::new(self.inside(Self::term)?)));
        }
        if self.symbol("(") {
            let inner = self.inside(Self::or)?;
            self.close()?;
            return Ok(inner);
        }
        let path = self.path()?;
        if self.keyword("not") {
            self.expect("in")?;
            return Ok(Expr::Not(Box::new(self.members(path)?)));
        }
        if self.keyword("in") {
            return self.members(path);
        }
        if self.keyword("includes") {
            return Ok(Expr::Includes(path, self.literals()?));
        }
        if self.keyword("excludes") {
            return Ok(Expr::Not(Box::new(Expr::Includes(path, self.literals()?))));
        }
        let comparison = if self.keyword("like") {
            Comparison::Like
        } else {
            let symbols = [
                ("=", Comparison::Equal),
                ("!=", Comparison::NotEqual),
                ("<>", Comparison::NotEqual),
                ("<=", Comparison::LessOrEqual),
                (">=", Comparison::GreaterOrEqual),
                ("<", Comparison::Less),
                (">", Comparison::Greater),
            ];
            let found = symbols.into_iter().find(|(symbol, _)| self.symbol(symbol));
            found.ok_or_else(|| self.unexpected())?.1
        };
        Ok(Expr::Compare(path, comparison, self.literal()?))
    }

    fn members(&mut self, path: Path) -> Parsed<Expr> {
        let opens = matches!(self.tokens.get(self.at), Some(Token::Symbol("(")));
        let selects = matches!(self.tokens.get(self.at + 1), Some(Token::Word(w)) if w.eq_ignore_ascii_case("select"));
        if opens && selects {
            self.symbol("(");
            let query = self.inside(Self::query)?;
            self.close()?;
            return Ok(Expr::InQuery(path, Box::new(query)));
        }
        Ok(Expr::In(path, self.literals()?))
    }

    fn literals(&mut self) -> Parsed<Vec<Literal>> {
        if !self.symbol("(") {
            return Err(self.unexpected());
        }
        let list = self.list(Self::literal)?;
        self.close()?;
        Ok(list)
    }

    fn literal(&mut self) -> Parsed<Literal> {
        let literal = match self.peek() {
            Some(Token::Text(text)) => Literal::Text(text.clone()),
            Some(Token::Word(word)) => constant(word).ok_or_else(|| self.unexpected())?,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(literal)
    }
}

fn constant(word: &str) -> Option<Literal> {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "null" => return Some(Literal::Null),
        "true" => return Some(Literal::Boolean(true)),
        "false" => return Some(Literal::Boolean(false)),
        _ => {}
    }
    let digits = word.as_bytes();
    if digits.len() >= 10 && digits[4] == b'-' && digits[..4].iter().all(u8::is_ascii_digit) {
        return Some(Literal::Time(word.to_owned()));
    }
    if word.parse::<f64>().is_ok() {
        return Some(Literal::Number(word.to_owned()));
    }
    let (name, count) = match lower.split_once(':') {
        Some((name, count)) => (name.to_owned(), count.parse().ok()?),
        None => (lower, 0),
    };
    let known = [
        "today",
        "yesterday",
        "tomorrow",
        "last_n_days",
        "next_n_days",
        "n_days_ago",
    ];
    known
        .contains(&name.as_str())
        .then_some(Literal::Relative(name, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_read_in_any_case() {
        let query = parse(
            "Select Id, Account.Name FROM Contact c WHERE (Email LIKE 'a\\'%' OR Name != null) and CreatedDate >= \
             2024-01-31T00:00:00Z AND Id not in ('003', '004') ORDER BY Name DESC NULLS LAST LIMIT 5 OFFSET 2",
        )
        .unwrap();
        assert_eq!(query.select.len(), 2);
        assert_eq!(query.limit, Some(5));
        assert_eq!(query.offset, 2);
        assert!(query.order[0].descending && query.order[0].nulls_last);
        let Some(Expr::And(terms)) = query.filter else {
            panic!("no conjunction")
        };
        assert_eq!(terms.len(), 3);
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let nested = |open: &str, close: &str, times: usize| {
            format!(
                "select Id from Lead where {}Id != null{}",
                open.repeat(times),
                close.repeat(times)
            )
        };
        assert!(parse(&nested("(", ")", 50)).is_ok());
        for (open, close) in [
            ("(", ")"),
            ("not ", ""),
            ("Id in (select Id from Lead where ", ")"),
        ] {
            let error = parse(&nested(open, close, 20_000)).unwrap_err();
            assert!(format!("{error:?}").contains("nested deeper"), "{error:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, token) in [
            ("select Id from", "<EOF>"),
            ("select Id Account", "Account"),
            ("select Id from A where b ~ 1", "~"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.code, "MALFORMED_QUERY");
            assert!(error.message.contains(token), "{}", error.message);
        }
    }
}
