//! Regular expressions that are compiled once, and not for every batch.
//!
//! In: DataFusion's `regexp_replace` and `regexp_like`. Out: the same under the same names, with the same results. DataFusion compiles
//! the patterns of each batch anew, which took half the time of people's names; what it is asked for otherwise than with plain texts, and
//! a pattern that is none, is left to it. Never: more than [`KEPT`] patterns in memory.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, BooleanBuilder, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};
use regex::Regex;

use super::instead::{Answer, put};

/// Patterns that are kept; a project has some dozens. One more, and all are compiled anew as they come.
const KEPT: usize = 512;

static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Regex>>>> = LazyLock::new(Mutex::default);

/// A reference to a group, as DataFusion takes it: `\1`, or with two backslashes.
static GROUP: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\\{1,2}(\d+)").ok());

/// Puts functions that keep their patterns in the place of those that do not.
pub(super) fn keep(state: &mut SessionState) -> Result<()> {
    put(state, "regexp_replace", Call::Replace)?;
    put(state, "regexp_like", Call::Like)
}

#[derive(Clone, Copy)]
enum Call {
    Replace,
    Like,
}

impl Answer for Call {
    fn answer(self, inner: &ScalarUDF, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        let kept = match args.args.iter().all(is_constant) {
            true => None,
            false => self.kept(&args)?,
        };
        match kept {
            Some(made) => Ok(ColumnarValue::Array(made)),
            None => inner.invoke_with_args(args),
        }
    }
}

impl Call {
    /// The result; none where DataFusion has to make it.
    fn kept(self, args: &ScalarFunctionArgs) -> Result<Option<ArrayRef>> {
        let mut arrays = Vec::with_capacity(args.args.len());
        for value in &args.args {
            if value.data_type() != DataType::Utf8 {
                return Ok(None);
            }
            arrays.push(value.to_array(args.number_rows)?);
        }
        let texts: Vec<&StringArray> = arrays.iter().map(AsArray::as_string::<i32>).collect();
        Ok(match (self, texts.as_slice()) {
            (Self::Replace, [texts, patterns, by, flags @ ..]) => {
                replaced(texts, patterns, by, flags.first().copied())
            }
            (Self::Like, [texts, patterns]) => matched(texts, patterns),
            _ => None,
        })
    }
}

/// A pattern of rows that follow each other.
struct Last<'a> {
    pattern: &'a str,
    flags: Option<&'a str>,
    compiled: Arc<Regex>,
}

impl<'a> Last<'a> {
    /// The pattern of a row, compiled; none where it is no pattern.
    fn of<'b>(
        last: &'b mut Option<Self>,
        pattern: &'a str,
        flags: Option<&'a str>,
    ) -> Option<&'b Self> {
        let stands = |last: &Self| last.pattern == pattern && last.flags == flags;
        if !last.as_ref().is_some_and(stands) {
            *last = Some(Self {
                pattern,
                flags,
                compiled: compiled(pattern, flags)?,
            });
        }
        last.as_ref()
    }
}

fn compiled(pattern: &str, flags: Option<&str>) -> Option<Arc<Regex>> {
    let pattern = match flags {
        None | Some("g") => pattern.to_owned(),
        Some(flags) => format!("(?{}){pattern}", flags.replace('g', "")),
    };
    let mut kept = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.get(&pattern) {
        return Some(Arc::clone(known));
    }
    let made = Arc::new(Regex::new(&pattern).ok()?);
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(pattern, Arc::clone(&made));
    Some(made)
}

fn replaced(
    texts: &StringArray,
    patterns: &StringArray,
    by: &StringArray,
    flags: Option<&StringArray>,
) -> Option<ArrayRef> {
    let mut made = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    let (mut last, mut last_by) = (None, None::<(&str, String)>);
    for row in 0..texts.len() {
        let is_null = [texts, patterns, by].into_iter().chain(flags);
        if is_null.into_iter().any(|column| column.is_null(row)) {
            made.append_null();
            continue;
        }
        let flags = flags.map(|flags| flags.value(row));
        let pattern = &Last::of(&mut last, patterns.value(row), flags)?.compiled;
        let by = by.value(row);
        if last_by.as_ref().is_none_or(|(known, _)| *known != by) {
            last_by = Some((by, GROUP.as_ref()?.replace_all(by, "$${$1}").into_owned()));
        }
        let (_, by) = last_by.as_ref()?;
        let all = flags.is_some_and(|flags| flags.contains('g'));
        let limit = if all { 0 } else { 1 };
        made.append_value(pattern.replacen(texts.value(row), limit, by.as_str()));
    }
    Some(Arc::new(made.finish()))
}

fn matched(texts: &StringArray, patterns: &StringArray) -> Option<ArrayRef> {
    let mut made = BooleanBuilder::with_capacity(texts.len());
    let mut last = None;
    for (text, pattern) in texts.iter().zip(patterns) {
        match (text, pattern) {
            (Some(text), Some(pattern)) => {
                let pattern = Last::of(&mut last, pattern, None)?;
                made.append_value(pattern.compiled.is_match(text));
            }
            _ => made.append_null(),
        }
    }
    Some(Arc::new(made.finish()))
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::SessionContext;

    use super::*;

    /// Texts and patterns as columns, and the same as constants.
    const QUERIES: [&str; 9] = [
        "select regexp_replace(t.text, t.pattern, t.by) from t",
        "select regexp_replace(t.text, t.pattern, t.by, 'g') from t",
        "select regexp_replace(t.text, t.pattern, t.by, 'gi') from t",
        "select regexp_replace(t.text, t.pattern, t.by, 'i') from t",
        "select regexp_replace(t.text, t.pattern, t.by, t.flags) from t",
        "select regexp_replace(t.text, '^(\\p{L})(.*?)\\s.*$', '\\2-\\1', 'g') from t",
        "select regexp_like(t.text, t.pattern) from t",
        "select regexp_like(t.text, '[ae]+\\s') from t",
        "select regexp_like(t.text, t.pattern, 'i') from t",
    ];

    async fn answers(keeps: bool) -> Vec<Vec<Option<String>>> {
        let mut state = SessionStateBuilder::new().with_default_features().build();
        if keeps {
            keep(&mut state).unwrap();
        }
        let context = SessionContext::new_with_state(state);
        let words = [
            Some("Ann Nowak Äöü"),
            Some(""),
            None,
            Some("  a\u{200b}b "),
            Some("AaEe $1"),
        ];
        let patterns = [
            Some(r"(\p{L})(.)"),
            Some(""),
            None,
            Some(r"[\s\x{200b}]+"),
            Some("a|(e)"),
        ];
        let by = [Some(r"\2\1"), Some("$1"), None, Some(r"\\1${1}_"), Some("")];
        let flags = [Some("g"), Some("i"), None, Some("gi"), Some("s")];
        let mut rows: [Vec<Option<&str>>; 4] = Default::default();
        for (n, word) in (0..600).zip(words.iter().cycle()) {
            rows[0].push(*word);
            rows[1].push(patterns[n / 5 % 5]);
            rows[2].push(by[n / 25 % 5]);
            rows[3].push(flags[n / 125 % 5]);
        }
        let columns = ["text", "pattern", "by", "flags"].into_iter().zip(rows);
        let columns =
            columns.map(|(name, cells)| (name, Arc::new(StringArray::from(cells)) as ArrayRef));
        let batch = arrow::array::RecordBatch::try_from_iter_with_nullable(
            columns.map(|(name, column)| (name, column, true)),
        );
        context.register_batch("t", batch.unwrap()).unwrap();
        let mut all = Vec::new();
        for sql in QUERIES {
            let mut cells = Vec::new();
            for batch in context.sql(sql).await.unwrap().collect().await.unwrap() {
                let column = arrow::compute::cast(batch.column(0), &DataType::Utf8).unwrap();
                let column = column.as_string::<i32>().iter();
                cells.extend(column.map(|cell| cell.map(str::to_owned)));
            }
            all.push(cells);
        }
        all
    }

    #[tokio::test]
    async fn results_are_those_of_the_functions_that_compile_each_batch() {
        let (kept, plain) = (answers(true).await, answers(false).await);
        for ((query, kept), plain) in QUERIES.iter().zip(kept).zip(plain) {
            assert_eq!(kept.len(), 600, "{query}");
            assert_eq!(kept, plain, "{query}");
        }
    }

    #[tokio::test]
    async fn a_pattern_that_is_none_is_an_error_in_the_words_of_the_engine() {
        let mut state = SessionStateBuilder::new().with_default_features().build();
        keep(&mut state).unwrap();
        let context = SessionContext::new_with_state(state);
        let sql = "select regexp_like(t.a, t.b) from (values ('x', '(')) as t (a, b)";
        let told = context.sql(sql).await.unwrap().collect().await;
        let told = told.unwrap_err().to_string();
        assert!(
            told.contains("unclosed group") || told.contains("did not compile"),
            "{told}"
        );
    }
}
