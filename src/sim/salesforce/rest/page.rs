//! The page for people who open the org in a browser.
//!
//! In: the org. Out: how many records each object has, and how clients come to them. Never: a record or a secret.

use axum::http::HeaderMap;
use axum::response::Response;

use super::call::App;
use crate::page::Page;

/// Answers `GET /`.
pub(super) fn show(app: &App, headers: &HeaderMap) -> Response {
    let model = app.org.model();
    let kind = match app.org.options.sandbox {
        true => "a sandbox",
        false => "a production org",
    };
    let about = format!(
        "This is no Salesforce but a simulator of its APIs on this machine, acting as {kind}. State: `{}`. Clients log in at `{}`; \
         records are read over REST, as in `/services/data/v66.0/query?q=SELECT+Id+FROM+Lead`. `transload help simulators` has \
         the rest.",
        app.org.options.state.display(),
        app.org.base_url(),
    );
    let objects = model.schema.objects().iter().zip(&model.tables);
    let page = Page {
        title: "A simulated Salesforce org",
        about: &about,
        counts: objects
            .map(|(object, table)| (object.name.as_str(), table.read().live()))
            .collect(),
    };
    page.answer(headers)
}
