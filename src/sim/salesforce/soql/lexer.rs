//! Query text → tokens, each with its offset for error messages.

use super::super::error::ApiError;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A word: keyword, name, path, relative date, number or date-time; told apart by the parser.
    Word(String),
    /// A quoted text, unescaped.
    Text(String),
    /// Punctuation or an operator.
    Symbol(&'static str),
}

const SYMBOLS: [&str; 10] = ["!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ","];

/// Splits a query into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ApiError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (value, length) = quoted(rest)?;
            tokens.push(Token::Text(value));
            rest = &rest[length..];
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || "_.:+-".contains(c)))
                .unwrap_or(rest.len());
            if end == 0 {
                return Err(ApiError::bad(
                    "MALFORMED_QUERY",
                    format!("unexpected token: '{first}'"),
                ));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

fn quoted(text: &str) -> Result<(String, usize), ApiError> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return Ok((value, at + 1)),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, 't')) => value.push('\t'),
                // Kept escaped: only LIKE knows wildcards.
                Some((_, c @ ('%' | '_'))) => value.extend(['\\', c]),
                Some((_, c)) => value.push(c),
                None => break,
            },
            c => value.push(c),
        }
    }
    Err(ApiError::bad(
        "MALFORMED_QUERY",
        "unexpected token: '<EOF>'",
    ))
}
