//! The page for people who open the simulator in a browser: what it is, and how many records of each object it holds.
//!
//! In: the org. Out: one page of HTML that needs nothing else. Never: a record, a secret, or an answer to a name that is not
//! this machine's, which a page of somebody else could have taken over.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::from_here::is_opened_here;

use super::super::error::ApiError;
use super::call::App;

/// Answers `GET /`.
pub(super) fn show(app: &App, request: &Request) -> Result<Response, ApiError> {
    if !is_opened_here(request.headers()) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "FORBIDDEN",
            "this page is for this machine",
        ));
    }
    let model = app.org.model();
    let mut rows = String::new();
    let mut counted: Vec<(&str, u64)> = model
        .schema
        .objects()
        .iter()
        .zip(&model.tables)
        .map(|(object, table)| (object.name.as_str(), table.read().live()))
        .filter(|(_, count)| *count > 0)
        .collect();
    counted.sort_unstable();
    let total: u64 = counted.iter().map(|(_, count)| count).sum();
    for (name, count) in counted {
        rows.push_str(&format!(
            "<tr><td>{}</td><td>{count}</td></tr>\n",
            escaped(name)
        ));
    }
    let kind = if app.org.options.sandbox {
        "a sandbox"
    } else {
        "a production org"
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>transload: a simulated org</title>\n\
         <style>body{{font:16px/1.5 sans-serif;max-width:40em;margin:2em auto;padding:0 1em}}\
         td{{padding:.1em 2em .1em 0}}td+td{{text-align:right;font-variant-numeric:tabular-nums}}\
         code{{background:#eee;padding:0 .2em}}</style></head>\n<body>\n\
         <h1>A simulated Salesforce org</h1>\n\
         <p>This is no Salesforce but a simulator of its APIs on this machine, acting as {kind}. State: <code>{}</code>. \
         Clients log in at <code>{}</code>; records are read over REST, as in \
         <code>/services/data/v66.0/query?q=SELECT+Id+FROM+Lead</code>. <code>transload help simulators</code> has the rest.</p>\n\
         <h2>{total} records</h2>\n<table>\n{rows}</table>\n</body></html>\n",
        escaped(&app.org.options.state.display().to_string()),
        escaped(app.org.base_url()),
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, page).into_response())
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
            escaped("<a href=\"x\">'&'"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;"
        );
    }
}
