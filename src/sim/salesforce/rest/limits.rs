//! Limits and record counts (`guide/salesforce.md` §4, §6.5).

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::storage;
use super::call::{Call, json as answer};

/// Limits that the simulator does not use up.
const FIXED: [(&str, u64); 19] = [
    ("ActiveScratchOrgs", 3),
    ("AnalyticsExternalDataSizeMB", 40_960),
    ("ConcurrentAsyncGetReportInstances", 200),
    ("ConcurrentSyncReportRuns", 20),
    ("DailyAsyncApexExecutions", 250_000),
    ("DailyAsyncApexTests", 500),
    ("DailyBulkV2QueryFileStorageMB", 976_562),
    ("DailyBulkV2QueryJobs", 10_000),
    ("DailyDeliveredPlatformEvents", 10_000),
    ("DailyDurableGenericStreamingApiEvents", 10_000),
    ("DailyDurableStreamingApiEvents", 10_000),
    ("DailyGenericStreamingApiEvents", 10_000),
    ("DailyScratchOrgs", 6),
    ("DailyStandardVolumePlatformEvents", 10_000),
    ("DailyStreamingApiEvents", 10_000),
    ("DailyWorkflowEmails", 100_000),
    ("HourlyTimeBasedWorkflow", 1_000),
    ("MassEmail", 5_000),
    ("SingleEmail", 5_000),
];

/// `GET /limits`.
pub(super) fn limits(call: &Call) -> Response {
    let org = &call.app.org;
    let mut limits: Map<String, Value> = FIXED
        .iter()
        .map(|(name, max)| ((*name).to_owned(), limit(*max, 0)))
        .collect();
    let mut insert = |name: &str, max, used| limits.insert(name.to_owned(), limit(max, used));
    insert(
        "DailyApiRequests",
        org.options.daily_api_requests,
        org.statistics.calls(),
    );
    insert(
        "DailyBulkApiBatches",
        org.options.daily_bulk_batches,
        org.statistics.batches(),
    );
    let model = org.model();
    let used = storage::data_used(&model);
    insert("DataStorageMB", org.options.data_storage_mb, used / 1024);
    let used = org.blobs.bytes() / (1024 * 1024);
    insert("FileStorageMB", org.options.file_storage_mb, used);
    answer(StatusCode::OK, &limits)
}

fn limit(max: u64, used: u64) -> Value {
    json!({"Max": max, "Remaining": max.saturating_sub(used)})
}

/// `GET /limits/recordCount?sObjects=A,B`.
pub(super) fn record_count(call: &Call) -> Response {
    let model = call.app.org.model();
    let names: Vec<String> = match call.parameter("sObjects") {
        Some(names) => names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
        None => model
            .schema
            .objects()
            .iter()
            .filter(|object| !object.gone && !object.verbs.tooling)
            .map(|object| object.name.clone())
            .collect(),
    };
    let counts = names.iter().filter_map(|name| model.table(name));
    let counts: Vec<Value> = counts
        .map(|(object, table)| json!({"count": table.read().live(), "name": object.name}))
        .collect();
    answer(StatusCode::OK, &json!({"sObjects": counts}))
}
