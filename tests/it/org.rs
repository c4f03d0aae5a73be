//! A simulated org, served in the test's own process and asked over HTTP with the product's client.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use serde_json::{Value, json};
use transload_salesforce::{
    Auth, Client, JobInfo, JobState, Operation, QueryScope, Secret, Settings, WaitOptions,
};
use transload_sim::salesforce::{SalesforceSimOptions, Simulator};

use crate::rehearsal::runtime;

/// A simulated org, asked over HTTP.
pub(crate) struct Org {
    runtime: tokio::runtime::Runtime,
    simulator: Option<Simulator>,
    client: Client,
}

impl Org {
    /// Serves the org until the value is dropped.
    pub(crate) fn serve(options: SalesforceSimOptions) -> Self {
        let runtime = runtime();
        let (simulator, client) = runtime.block_on(async {
            let auth = Auth::ClientCredentials {
                client_id: options.client_id.clone(),
                client_secret: Secret::new(options.client_secret.clone()),
            };
            let simulator = Simulator::start(options).await.unwrap();
            let url = simulator.url().parse().unwrap();
            let client = Client::connect(Settings::new(url, auth)).await.unwrap();
            (simulator, client)
        });
        Self {
            runtime,
            simulator: Some(simulator),
            client,
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.simulator.as_ref().unwrap().url()
    }

    /// Rows of a SOQL query, each cell as text, null as `∅`, fields of parents as `Parent.Field`.
    pub(crate) fn rows(&self, soql: &str) -> Vec<BTreeMap<String, String>> {
        let rows: Vec<serde_json::Map<String, Value>> = self
            .runtime
            .block_on(self.client.query(soql).try_collect())
            .unwrap_or_else(|error| panic!("{error}: {soql}"));
        let flat = |row| {
            let mut cells = BTreeMap::new();
            flatten("", row, &mut cells);
            cells
        };
        rows.into_iter().map(flat).collect()
    }

    /// Rows of a SOQL query that sees deleted and archived ones too.
    pub(crate) fn rows_with_deleted(&self, soql: &str) -> Vec<BTreeMap<String, String>> {
        let scope = QueryScope::WithDeletedAndArchived;
        let rows: Vec<serde_json::Map<String, Value>> = self
            .runtime
            .block_on(self.client.query_in(soql, scope).try_collect())
            .unwrap_or_else(|error| panic!("{error}: {soql}"));
        rows.into_iter()
            .map(|row| {
                let mut cells = BTreeMap::new();
                flatten("", row, &mut cells);
                cells
            })
            .collect()
    }

    /// What a field of a record holds that is a file.
    pub(crate) fn blob(&self, object: &str, id: &str, field: &str) -> String {
        let read = self.client.read_blob(object, id, field, 1 << 24);
        let bytes = self.runtime.block_on(read).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Names of an object's fields that can be read with its rows; none where the org lacks the object.
    pub(crate) fn field_names(&self, object: &str) -> Vec<String> {
        let described = self.runtime.block_on(self.client.describe(object)).unwrap();
        let fields = described.fields.into_iter();
        fields
            .filter(|field| field.field_type != "base64")
            .map(|field| field.name)
            .collect()
    }

    /// Label of a field.
    pub(crate) fn label(&self, object: &str, field: &str) -> String {
        let described = self.runtime.block_on(self.client.describe(object)).unwrap();
        let mut fields = described.fields.into_iter();
        fields.find(|one| one.name == field).unwrap().label
    }

    /// Rows of a query to the Tooling API.
    pub(crate) fn tooling(&self, soql: &str) -> Vec<serde_json::Map<String, Value>> {
        self.runtime
            .block_on(self.client.tooling_query(soql).try_collect())
            .unwrap_or_else(|error| panic!("{error}: {soql}"))
    }

    /// One field of each row that a SOQL query returns, by another field that is unique.
    pub(crate) fn map(&self, object: &str, key: &str, field: &str) -> BTreeMap<String, String> {
        let rows = self.rows(&format!(
            "SELECT {key}, {field} FROM {object} WHERE {key} != null"
        ));
        let map: BTreeMap<_, _> = rows
            .iter()
            .map(|row| (row[key].clone(), row[field].clone()))
            .collect();
        assert_eq!(map.len(), rows.len(), "{object} has a {key} twice");
        map
    }

    /// Our keys in an object; none may be there twice.
    pub(crate) fn keys(&self, object: &str) -> BTreeSet<String> {
        self.map(object, "usercom_id__c", "Id")
            .into_keys()
            .collect()
    }

    /// The one row of an object with one of our keys.
    pub(crate) fn row(&self, object: &str, key: &str, fields: &str) -> BTreeMap<String, String> {
        let mut rows = self.rows(&format!(
            "SELECT Id, {fields} FROM {object} WHERE usercom_id__c = '{key}'"
        ));
        assert_eq!(rows.len(), 1, "{object} {key}");
        rows.remove(0)
    }

    /// Inserts a row as an admin would.
    pub(crate) fn insert(&self, object: &str, row: Value) -> String {
        let Value::Object(row) = row else {
            panic!("a row is an object")
        };
        let inserted = self.client.insert_row(object, &row);
        self.runtime.block_on(inserted).unwrap()
    }

    /// Provisions an active standard user.
    pub(crate) fn add_user(&self, email: &str, active: bool) -> String {
        let profiles = self.rows("SELECT Id FROM Profile WHERE Name = 'Standard User'");
        let count = self.rows("SELECT Id FROM User").len();
        self.insert(
            "User",
            json!({
                "Username": format!("user{count}.{email}"), "Email": email, "LastName": "New", "Alias": "new",
                "IsActive": active, "ProfileId": profiles[0]["Id"], "TimeZoneSidKey": "UTC",
                "LocaleSidKey": "en_US", "EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US",
            }),
        )
    }

    /// Changes a row as somebody in the org would.
    pub(crate) fn change(&self, object: &str, id: &str, row: Value) {
        let Value::Object(row) = row else {
            panic!("a row is an object")
        };
        let changed = self.client.update_row(object, id, &row);
        self.runtime.block_on(changed).unwrap();
    }

    /// Deletes a record.
    pub(crate) fn delete(&self, object: &str, id: &str) {
        let deleted = self.client.delete_row(object, id);
        self.runtime.block_on(deleted).unwrap();
    }

    /// Deletes a record for good.
    pub(crate) fn purge(&self, object: &str, id: &str) {
        let ingest = self.client.ingest();
        let csv = format!("Id\n{id}\n");
        self.runtime.block_on(async {
            let job = ingest
                .create(object, Operation::HardDelete, None)
                .await
                .unwrap();
            let body = || futures::stream::iter([Ok(bytes::Bytes::from(csv.clone()))]);
            ingest.upload(&job.id, None, body).await.unwrap();
            ingest.close(&job.id).await.unwrap();
            let done = ingest
                .wait(&job.id, WaitOptions::default(), |_| {})
                .await
                .unwrap();
            assert_eq!(done.number_records_failed, 0);
        });
    }

    /// Ingest jobs that still wait for data.
    pub(crate) fn open_jobs(&self) -> usize {
        let jobs = self.client.ingest();
        let jobs = self.runtime.block_on(jobs.list(None)).unwrap();
        let open = |job: &&JobInfo| job.state == JobState::Open;
        jobs.iter().filter(open).count()
    }

    /// Schedules a fault or a list of them.
    pub(crate) fn fault(&self, faults: Value) {
        self.control(reqwest::Method::POST, "faults", Some(faults));
    }

    /// Takes all faults away.
    pub(crate) fn clear_faults(&self) {
        self.control(reqwest::Method::DELETE, "faults", None);
    }

    /// Requests, calls, batches and rows since the org was opened or last asked to forget them.
    pub(crate) fn statistics(&self) -> Value {
        self.control(reqwest::Method::GET, "statistics", None)
    }

    /// Asks the simulator's control endpoint.
    pub(crate) fn control(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> Value {
        let url = format!("{}/control/{path}", self.url());
        let text = body.map(|body| body.to_string()).unwrap_or_default();
        let token = self.simulator.as_ref().unwrap().control_token();
        self.runtime.block_on(async {
            let http = reqwest::Client::builder().build().unwrap();
            let request = http.request(method, url).bearer_auth(token).body(text);
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let answer = answer.text().await.unwrap();
            assert!(status.is_success(), "{answer}");
            serde_json::from_str(&answer).unwrap()
        })
    }
}

fn flatten(
    prefix: &str,
    row: serde_json::Map<String, Value>,
    cells: &mut BTreeMap<String, String>,
) {
    for (name, value) in row {
        let name = format!("{prefix}{name}");
        match value {
            _ if name.ends_with("attributes") => {}
            Value::Object(parent) => flatten(&format!("{name}."), parent, cells),
            Value::Null => drop(cells.insert(name, "∅".to_owned())),
            Value::String(text) => drop(cells.insert(name, text)),
            other => drop(cells.insert(name, other.to_string())),
        }
    }
}

impl Drop for Org {
    fn drop(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            self.runtime.block_on(simulator.shutdown()).unwrap();
        }
    }
}
