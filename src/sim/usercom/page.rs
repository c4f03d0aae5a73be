//! The page for people who open the account in a browser.
//!
//! In: the account. Out: how many rows each object has, and how clients come to them. Never: a row or the key.

use axum::http::HeaderMap;
use axum::response::Response;

use super::account::Account;
use super::objects::ALL;
use crate::page::Page;

/// Answers `GET /`.
pub(super) fn show(account: &Account, headers: &HeaderMap) -> Response {
    let about = {
        let now = account.now();
        format!(
            "This is no User.com but a simulator of its REST API on this machine. It holds the export `{}`; every start makes it \
             anew from there, and a change lives as long as the process. Clients send `Authorization: Token KEY` to \
             `/api/public/`, as in `/api/public/users/`. `transload help simulators` has the rest.",
            now.export.display()
        )
    };
    let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
    let page = Page {
        title: "A simulated User.com account",
        about: &about,
        counts: ALL
            .into_iter()
            .map(|object| (object.name(), count(account.table(object).len())))
            .collect(),
    };
    page.answer(headers)
}
