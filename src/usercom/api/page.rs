//! The envelope around a list (`guide/usercom.md` §1.4), cut open without building a tree: rows stay as they were
//! written.
//!
//! In: the text of an answer, known to be JSON. Out: count, the way on, rows. Never: a row changed or dropped.

use super::{ApiError, BASE_PATH};
use crate::usercom::json_text;

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// Rows of the whole list, if it says so.
    pub count: Option<u64>,
    /// Path and query of the next page.
    pub next: Option<String>,
    /// Rows, verbatim.
    pub rows: Vec<&'a str>,
    /// What stands around the rows where `results` is an object: a conversation around its messages.
    pub around: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// Cuts an answer open. `list` is the key of the rows where `results` is an object. A list without an envelope is a
    /// page of its own.
    ///
    /// # Errors
    /// [`ApiError::Shape`].
    pub fn cut(body: &'a str, path: &str, list: &str) -> Result<Self, ApiError> {
        let body = body.trim();
        if body.starts_with('[') {
            return Ok(Self {
                count: None,
                next: None,
                rows: json_text::elements(body).collect(),
                around: None,
            });
        }
        let shape = |expected| ApiError::Shape {
            path: path.to_owned(),
            expected,
        };
        let results = json_text::get(body, "results");
        // A single conversation may come without an envelope around it.
        let results = match results {
            None if json_text::get(body, list).is_some() => body,
            None => return Err(shape("`results`")),
            Some(results) => results,
        };
        let next = match json_text::get(body, "next").and_then(json_text::cell) {
            Some(next) if !next.is_empty() => Some(
                target(&next).ok_or_else(|| shape("usable `next`: it does not lead to the API"))?,
            ),
            _ => None,
        };
        let around = results.starts_with('{').then_some(results);
        let rows = match around {
            Some(record) => json_text::get(record, list).unwrap_or_default(),
            None => results,
        };
        Ok(Self {
            count: json_text::get(body, "count")
                .and_then(json_text::cell)
                .and_then(|text| text.trim().parse().ok()),
            next,
            rows: json_text::elements(rows).collect(),
            around,
        })
    }
}

/// Path and query of an address inside the API; its host does not matter, the token goes to the account's own only.
fn target(address: &str) -> Option<String> {
    let anywhere = url::Url::parse("https://x.invalid").ok()?;
    let url = anywhere.join(address).ok()?;
    if !url.path().starts_with(BASE_PATH) {
        return None;
    }
    Some(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}

/// The id of a row: a positive whole number, which may be written as text.
#[must_use]
pub fn row_id(row: &str) -> Option<i64> {
    let raw = json_text::get(row, "id")?;
    json_text::cell(raw)?
        .trim()
        .parse()
        .ok()
        .filter(|id| *id > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_cut_into_count_way_on_and_verbatim_rows() {
        let body = r#" {"count":"3","next":"http://other.example/api/public/users/?cursor=2&x=a%20b","previous":null,
            "results":[{"id":1.0,"name":"a]"},{"id":"2"}]} "#;
        let page = Page::cut(body, "users/", "").unwrap();
        assert_eq!(page.count, Some(3));
        assert_eq!(
            page.next.as_deref(),
            Some("/api/public/users/?cursor=2&x=a%20b")
        );
        assert_eq!(page.rows, [r#"{"id":1.0,"name":"a]"}"#, r#"{"id":"2"}"#]);
    }

    #[test]
    fn results_may_be_an_object_around_the_list() {
        let body =
            r#"{"count":1,"next":null,"results":{"id":9,"active":true,"messages":[{"id":5}]}}"#;
        let page = Page::cut(body, "conversations/9/", "messages").unwrap();
        assert_eq!(page.rows, [r#"{"id":5}"#]);
        assert_eq!(row_id(page.around.unwrap()), Some(9));
        let bare = r#"{"id":9,"messages":[{"id":5}]}"#;
        assert_eq!(Page::cut(bare, "", "messages").unwrap().rows.len(), 1);
    }

    #[test]
    fn a_next_that_leads_out_of_the_api_is_refused() {
        let body = r#"{"count":1,"next":"https://evil.example/steal","results":[]}"#;
        assert!(matches!(
            Page::cut(body, "users/", ""),
            Err(ApiError::Shape { .. })
        ));
        assert!(Page::cut(r#"{"detail":"no"}"#, "users/", "").is_err());
    }

    #[test]
    fn ids_are_numbers_or_texts_of_digits() {
        for (row, id) in [
            (r#"{"id":7}"#, Some(7)),
            (r#"{"id":" 7 "}"#, Some(7)),
            (r#"{"id":0}"#, None),
            (r#"{"id":null}"#, None),
            (r#"{"id":"x"}"#, None),
            ("{}", None),
            ("7", None),
        ] {
            assert_eq!(row_id(row), id, "{row}");
        }
    }
}
