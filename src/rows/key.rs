//! The key of a load: the columns that name a row, in batches and in SQL.

use arrow::array::RecordBatch;

use crate::encode::Cells;

/// Keys of a batch's rows as the text that is sent, columns joined with `|`.
///
/// # Errors
/// The reason, when a key column is missing or has no text form.
pub fn key_texts(batch: &RecordBatch, key: &[String]) -> Result<Vec<String>, String> {
    let columns = key
        .iter()
        .map(|name| {
            let column = batch
                .column_by_name(name)
                .ok_or_else(|| format!("the key `{name}` is not among the columns"))?;
            Cells::new(name, column).map_err(|error| error.to_string())
        })
        .collect::<Result<Vec<_>, String>>()?;
    let texts = (0..batch.num_rows()).map(|row| {
        let mut text = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                text.push(b'|');
            }
            column.write(row, &mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    Ok(texts.collect())
}

/// SQL for the key of `alias` as one text, columns joined with `|`.
#[must_use]
pub fn key_text(alias: &str, key: &[String]) -> String {
    let parts: Vec<String> = key
        .iter()
        .map(|name| format!("cast({alias}.\"{name}\" as varchar)"))
        .collect();
    format!("concat_ws('|', {})", parts.join(", "))
}

/// SQL that joins two tables on the key.
#[must_use]
pub fn on(left: &str, right: &str, key: &[String]) -> String {
    let parts: Vec<String> = key
        .iter()
        .map(|name| format!("{left}.\"{name}\" = {right}.\"{name}\""))
        .collect();
    parts.join(" and ")
}
