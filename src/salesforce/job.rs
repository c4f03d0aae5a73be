//! Bulk API 2.0 jobs as Salesforce describes them, ingest and query alike. Which fields an answer carries
//! depends on the call (`guide/salesforce.md` §1.3), so only id and state are required.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

/// What an ingest job does to its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operation {
    /// Create rows.
    Insert,
    /// Change rows by `Id`.
    Update,
    /// Create or change rows by an external id.
    Upsert,
    /// Delete rows by `Id` into the recycle bin.
    Delete,
    /// Delete rows by `Id` for good; needs a permission of its own.
    HardDelete,
}

impl Operation {
    /// The name the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Delete => "delete",
            Self::HardDelete => "hardDelete",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a job stands (`guide/salesforce.md` §1.4).
///
/// ```text
/// Open ──▶ UploadComplete ──▶ InProgress ──▶ JobComplete | Failed
///   └──────────────┴──────────────┴────────▶ Aborted
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Waits for its data.
    Open,
    /// Has its data and waits for its turn.
    UploadComplete,
    /// Rows are being processed.
    InProgress,
    /// All rows were processed; some may have failed.
    JobComplete,
    /// Gave up; rows processed until then stay, the rest is unprocessed.
    Failed,
    /// Stopped by a person or by this client.
    Aborted,
    /// A state this client does not know.
    Other(String),
}

impl JobState {
    /// Whether the job will not change any more.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::JobComplete | Self::Failed | Self::Aborted)
    }

    /// The name the API uses.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Open => "Open",
            Self::UploadComplete => "UploadComplete",
            Self::InProgress => "InProgress",
            Self::JobComplete => "JobComplete",
            Self::Failed => "Failed",
            Self::Aborted => "Aborted",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for JobState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(match name.as_str() {
            "Open" => Self::Open,
            "UploadComplete" => Self::UploadComplete,
            "InProgress" => Self::InProgress,
            "JobComplete" => Self::JobComplete,
            "Failed" => Self::Failed,
            "Aborted" => Self::Aborted,
            _ => Self::Other(name),
        })
    }
}

impl Serialize for JobState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A Bulk API 2.0 job. Counts are zero until Salesforce has told them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobInfo {
    /// Job id, prefix `750`.
    pub id: String,
    /// Where it stands.
    pub state: JobState,
    /// API name of the object; for query jobs the object after `FROM`.
    #[serde(default)]
    pub object: Option<String>,
    /// `insert`, …, `query`, `queryAll`.
    #[serde(default)]
    pub operation: Option<String>,
    /// Key field of an upsert.
    #[serde(default)]
    pub external_id_field_name: Option<String>,
    /// Who created the job.
    #[serde(default)]
    pub created_by_id: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "instant")]
    pub created_date: Option<DateTime<Utc>>,
    /// When it last changed.
    #[serde(default, deserialize_with = "instant")]
    pub system_modstamp: Option<DateTime<Utc>>,
    /// API version it was created with, such as `66.0`.
    #[serde(default, deserialize_with = "version")]
    pub api_version: Option<String>,
    /// `V2Ingest`, `V2Query`, `Classic`, …
    #[serde(default)]
    pub job_type: Option<String>,
    /// Rows processed, failed ones included.
    #[serde(default, deserialize_with = "count")]
    pub number_records_processed: u64,
    /// Rows that failed.
    #[serde(default, deserialize_with = "count")]
    pub number_records_failed: u64,
    /// Times that Salesforce tried to save, for example because of locks.
    #[serde(default, deserialize_with = "count")]
    pub retries: u64,
    /// Processing time in milliseconds.
    #[serde(default, deserialize_with = "count")]
    pub total_processing_time: u64,
    /// Processing time of Apex triggers in milliseconds.
    #[serde(default, deserialize_with = "count")]
    pub apex_processing_time: u64,
    /// Why the job failed as a whole. Names header columns, not row values.
    #[serde(default)]
    pub error_message: Option<String>,
}

/// One page of a list of jobs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobPage {
    #[serde(default)]
    pub(super) records: Vec<JobInfo>,
    #[serde(default)]
    pub(super) next_records_url: Option<String>,
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(Option::<u64>::deserialize(deserializer)?.unwrap_or_default())
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| parse_instant(&text)))
}

/// Reads `2018-12-18T22:51:36.000+0000`, whose offset has no colon, and RFC 3339.
pub(super) fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z")
        .or_else(|_| DateTime::parse_from_rfc3339(text))
        .ok()
        .map(|date| date.with_timezone(&Utc))
}

/// The version is a JSON number in most answers and text in some.
fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Version {
        Number(f64),
        Text(String),
    }
    Ok(
        Option::<Version>::deserialize(deserializer)?.map(|version| match version {
            Version::Number(number) => format!("{number:.1}"),
            Version::Text(text) => text,
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_needs_only_id_and_state() {
        let job: JobInfo = serde_json::from_str(r#"{"id":"750x","state":"Open"}"#).unwrap();
        assert_eq!(job.state, JobState::Open);
        assert_eq!(job.number_records_processed, 0);
    }

    #[test]
    fn a_full_job_is_read() {
        let job: JobInfo = serde_json::from_str(
            r#"{"id":"750R0000000zlh9IAA","operation":"upsert","object":"Account",
                "createdById":"0056g000005HQPyAAO","createdDate":"2018-12-18T22:51:36.000+0000",
                "systemModstamp":"2018-12-18T22:51:58.000+0000","state":"JobComplete",
                "externalIdFieldName":"usercom_id__c","concurrencyMode":"Parallel","contentType":"CSV",
                "apiVersion":66.0,"jobType":"V2Ingest","lineEnding":"LF","columnDelimiter":"COMMA",
                "numberRecordsProcessed":5,"numberRecordsFailed":1,"retries":0,
                "totalProcessingTime":886,"apiActiveProcessingTime":813,"apexProcessingTime":619}"#,
        )
        .unwrap();
        assert!(job.state.is_terminal());
        assert_eq!(job.api_version.as_deref(), Some("66.0"));
        assert_eq!(job.number_records_processed, 5);
        assert_eq!(job.apex_processing_time, 619);
        let created = job.created_date.unwrap().to_rfc3339();
        assert_eq!(created, "2018-12-18T22:51:36+00:00");
    }

    #[test]
    fn an_unknown_state_is_kept_and_not_final() {
        let job: JobInfo = serde_json::from_str(r#"{"id":"750x","state":"Paused"}"#).unwrap();
        assert_eq!(job.state.to_string(), "Paused");
        assert!(!job.state.is_terminal());
    }
}
