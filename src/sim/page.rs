//! The page for people who open a simulator in a browser: what it is, and how many rows of each object it holds.
//!
//! In: who asks, some words, counts. Out: one page of HTML that needs nothing else. Never: a row, a secret, or an answer to a name
//! that is not this machine's, which a page of somebody else could have taken over.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::from_here::is_opened_here;

/// What a page says.
pub(crate) struct Page<'a> {
    /// What the simulator is, without markup.
    pub(crate) title: &'a str,
    /// Sentences about it; what stands between backticks is shown as code.
    pub(crate) about: &'a str,
    /// Objects with their counts; those that are empty are left out.
    pub(crate) counts: Vec<(&'a str, u64)>,
}

impl Page<'_> {
    /// Answers `GET /`.
    pub(crate) fn answer(mut self, headers: &HeaderMap) -> Response {
        if !is_opened_here(headers) {
            return (StatusCode::FORBIDDEN, "this page is for this machine\n").into_response();
        }
        self.counts.retain(|(_, count)| *count > 0);
        self.counts.sort_unstable();
        let total: u64 = self.counts.iter().map(|(_, count)| count).sum();
        let rows: String = self
            .counts
            .iter()
            .map(|(name, count)| format!("<tr><td>{}</td><td>{count}</td></tr>\n", escaped(name)))
            .collect();
        let page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>transload: {title}</title>\n\
             <style>body{{font:16px/1.5 sans-serif;max-width:40em;margin:2em auto;padding:0 1em}}\
             td{{padding:.1em 2em .1em 0}}td+td{{text-align:right;font-variant-numeric:tabular-nums}}\
             code{{background:#eee;padding:0 .2em}}</style></head>\n<body>\n\
             <h1>{title}</h1>\n<p>{}</p>\n<h2>{total} records</h2>\n<table>\n{rows}</table>\n</body></html>\n",
            with_code(self.about),
            title = escaped(self.title),
        );
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'",
            ),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (headers, page).into_response()
    }
}

/// The text with what stands between backticks as code.
fn with_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let shown = parts.map(|(at, part)| match at % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    shown.collect()
}

/// The text without anything that HTML takes for its own.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            letter => shown.push(letter),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(
            with_code("<a href=\"x\">'&'`<b>`"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;<code>&lt;b&gt;</code>"
        );
    }
}
