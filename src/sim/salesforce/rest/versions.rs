//! The list of API versions and of the resources of one (`guide/salesforce.md` §4).

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::call::{Call, json as answer};

/// Versions served: from the first with Bulk API 2.0 ingest (§0).
const FIRST: u32 = 41;
const LAST: u32 = 67;

/// Whether a path part such as `v66.0` is a version that is served.
pub(super) fn known(part: &str) -> bool {
    let number = part
        .strip_prefix('v')
        .and_then(|version| version.strip_suffix(".0"));
    number
        .and_then(|number| number.parse::<u32>().ok())
        .is_some_and(|number| (FIRST..=LAST).contains(&number))
}

/// `GET /services/data`.
pub(super) fn list() -> Response {
    let versions: Vec<Value> = (FIRST..=LAST)
        .map(|number| {
            let label = release(number);
            json!({"label": label, "url": format!("/services/data/v{number}.0"), "version": format!("{number}.0")})
        })
        .collect();
    answer(StatusCode::OK, &versions)
}

/// Name of a release: three a year, v66 being Spring '26 and v67 Summer '26 (§0).
fn release(version: u32) -> String {
    let season = ["Spring", "Summer", "Winter"][usize::try_from(version % 3).unwrap_or(0)];
    // Winter releases carry the number of the year that follows.
    let year = version / 3 + 4 + u32::from(version % 3 == 2);
    format!("{season} '{year}")
}

/// `GET /services/data/vXX.X`.
pub(super) fn resources(call: &Call) -> Response {
    let root = format!("/services/data/v{}", call.version);
    let names = [
        "composite",
        "jobs",
        "limits",
        "metadata",
        "query",
        "queryAll",
        "sobjects",
        "tooling",
    ];
    let map: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!(format!("{root}/{name}"))))
        .collect();
    answer(StatusCode::OK, &map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_their_published_names() {
        let names = [65, 66, 67, 68].map(release);
        assert_eq!(
            names,
            ["Winter '26", "Spring '26", "Summer '26", "Winter '27"]
        );
    }

    #[test]
    fn only_served_versions_are_known() {
        assert!(known("v66.0") && known("v41.0"));
        assert!(!known("v40.0") && !known("v68.0") && !known("66.0") && !known("v66"));
    }
}
