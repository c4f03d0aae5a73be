//! The key of a load: the columns that name a row, in batches, in texts and in SQL.
//!
//! In: names of key columns. Out: one text per row, or SQL. The text is what answers are matched by, what people read in
//! `recon.*`, and what `--key` finds a row by, so it is made here and nowhere else.

use arrow::array::RecordBatch;

use crate::encode::{Cells, EncodeError};

/// Why the rows of a batch have no key texts.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A column of the key is missing.
    #[error("the key `{name}` is not among the columns")]
    Missing {
        /// Name of the column.
        name: String,
    },
    /// A column of the key has no text.
    #[error(transparent)]
    Column(#[from] EncodeError),
}

/// What stands between the columns of a key in its text.
const SEPARATOR: &str = "|";

/// The text of a key from the texts of its columns.
#[must_use]
pub fn joined_key<Part: AsRef<str>>(parts: impl IntoIterator<Item = Part>) -> String {
    let mut text = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            text.push_str(SEPARATOR);
        }
        text.push_str(part.as_ref());
    }
    text
}

/// Keys of a batch's rows as the text that is sent.
///
/// # Errors
/// [`KeyError`].
pub fn key_texts(batch: &RecordBatch, key: &[String]) -> Result<Vec<String>, KeyError> {
    let columns = key
        .iter()
        .map(|name| {
            let column = batch
                .column_by_name(name)
                .ok_or_else(|| KeyError::Missing { name: name.clone() })?;
            Ok(Cells::new(name, column)?)
        })
        .collect::<Result<Vec<_>, KeyError>>()?;
    let texts = (0..batch.num_rows()).map(|row| {
        joined_key(columns.iter().map(|column| {
            let mut text = Vec::new();
            column.write(row, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        }))
    });
    Ok(texts.collect())
}

/// SQL for the key of `alias` as one text.
#[must_use]
pub fn key_text(alias: &str, key: &[String]) -> String {
    let parts: Vec<String> = key
        .iter()
        .map(|name| format!("cast({alias}.\"{name}\" as varchar)"))
        .collect();
    format!("concat_ws('{SEPARATOR}', {})", parts.join(", "))
}

/// SQL for the key columns of `alias`, as they stand in a `select`.
#[must_use]
pub fn key_columns(alias: &str, key: &[String]) -> String {
    let columns: Vec<String> = key
        .iter()
        .map(|name| format!("{alias}.\"{name}\""))
        .collect();
    columns.join(", ")
}

/// SQL that joins two tables on the key.
#[must_use]
pub fn same_key(left: &str, right: &str, key: &[String]) -> String {
    let parts: Vec<String> = key
        .iter()
        .map(|name| format!("{left}.\"{name}\" = {right}.\"{name}\""))
        .collect();
    parts.join(" and ")
}

/// SQL that finds the row of `alias` whose key columns have these values, each a literal.
#[must_use]
pub fn key_is(alias: &str, key: &[String], literals: &[String]) -> String {
    let parts: Vec<String> = key
        .iter()
        .zip(literals)
        .map(|(name, literal)| format!("{alias}.\"{name}\" = {literal}"))
        .collect();
    parts.join(" and ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn key() -> Vec<String> {
        ["list__c", "MemberId"].map(str::to_owned).to_vec()
    }

    fn batch() -> RecordBatch {
        let lists: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
        let members: ArrayRef = Arc::new(StringArray::from(vec!["003A", "003B"]));
        RecordBatch::try_from_iter([("list__c", lists), ("MemberId", members)]).unwrap()
    }

    #[test]
    fn a_key_of_two_columns_is_one_text() {
        assert_eq!(key_texts(&batch(), &key()).unwrap(), ["7|003A", "|003B"]);
        assert_eq!(joined_key(["7", "003A"]), "7|003A");
        assert_eq!(joined_key(["7"]), "7");
    }

    #[test]
    fn a_key_column_that_is_not_there_is_named() {
        let error = key_texts(&batch(), &["Email".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the key `Email` is not among the columns"
        );
    }

    #[test]
    fn sql_names_the_columns_of_a_key_as_they_are() {
        assert_eq!(
            key_text("l", &key()),
            "concat_ws('|', cast(l.\"list__c\" as varchar), cast(l.\"MemberId\" as varchar))"
        );
        assert_eq!(key_columns("l", &key()), "l.\"list__c\", l.\"MemberId\"");
        assert_eq!(
            same_key("l", "o", &key()),
            "l.\"list__c\" = o.\"list__c\" and l.\"MemberId\" = o.\"MemberId\""
        );
        let literals = ["7", "'003A'"].map(str::to_owned);
        assert_eq!(
            key_is("o", &key(), &literals),
            "o.\"list__c\" = 7 and o.\"MemberId\" = '003A'"
        );
    }
}
