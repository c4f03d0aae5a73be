//! A client for tests: an org in a temporary folder and the few calls that every test makes.

use std::io::Write;
use std::path::Path;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::{SalesforceSimOptions, Simulator};

/// An org and a session in it.
pub(super) struct Org {
    pub(super) simulator: Simulator,
    pub(super) folder: TempDir,
    pub(super) http: reqwest::Client,
    pub(super) token: String,
}

/// A finished job and its three results, each line of them one text.
pub(super) struct Finished {
    pub(super) info: Value,
    pub(super) successful: Vec<String>,
    pub(super) failed: Vec<String>,
    pub(super) unprocessed: Vec<String>,
}

impl Org {
    pub(super) async fn new() -> Self {
        Self::with(SalesforceSimOptions::default()).await
    }

    pub(super) async fn with(options: SalesforceSimOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        Self::start(SalesforceSimOptions { state, ..options }, folder).await
    }

    pub(super) async fn start(options: SalesforceSimOptions, folder: TempDir) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        let http = reqwest::Client::builder().no_gzip().build().unwrap();
        let token = token(&http, simulator.url()).await;
        Self {
            simulator,
            folder,
            http,
            token,
        }
    }

    /// Stops the org and starts it again on the same folder.
    pub(super) async fn restarted(self, options: SalesforceSimOptions) -> Self {
        self.simulator.shutdown().await.unwrap();
        let state = self.folder.path().join("state");
        Self::start(SalesforceSimOptions { state, ..options }, self.folder).await
    }

    pub(super) fn url(&self, path: &str) -> String {
        let root = self.simulator.url();
        if path.starts_with('/') {
            format!("{root}{path}")
        } else {
            format!("{root}/services/data/v66.0/{path}")
        }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, self.url(path))
            .bearer_auth(&self.token)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        response.json().await.unwrap()
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(method, path).json(&body).send().await.unwrap()).await
    }

    /// Makes a row and returns its id.
    pub(super) async fn create(&self, object: &str, row: Value) -> String {
        let (status, made) = self
            .send(Method::POST, &format!("sobjects/{object}"), row)
            .await;
        assert_eq!(status, 201, "{object}: {made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// Tries to make a row and returns the code and the text of the refusal.
    pub(super) async fn refused(&self, object: &str, row: Value) -> (String, String) {
        let (status, error) = self
            .send(Method::POST, &format!("sobjects/{object}"), row)
            .await;
        assert_eq!(status, 400, "{object}: {error}");
        let text = |key: &str| error[0][key].as_str().unwrap().to_owned();
        (text("errorCode"), text("message"))
    }

    /// Changes a row; the answer is the status and, if there is one, the body.
    pub(super) async fn change(&self, object: &str, id: &str, row: Value) -> (u16, Value) {
        let path = format!("sobjects/{object}/{id}");
        self.send(Method::PATCH, &path, row).await
    }

    /// A row as REST gives it.
    pub(super) async fn row(&self, object: &str, id: &str) -> Value {
        self.get(&format!("sobjects/{object}/{id}")).await
    }

    pub(super) async fn query(&self, soql: &str) -> Vec<Value> {
        let request = self.request(Method::GET, "query").query(&[("q", soql)]);
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        body["records"]
            .as_array()
            .unwrap_or_else(|| panic!("{soql}: {body}"))
            .clone()
    }

    pub(super) async fn count(&self, object: &str) -> u64 {
        let body = self
            .get(&format!("limits/recordCount?sObjects={object}"))
            .await;
        body["sObjects"][0]["count"].as_u64().unwrap()
    }

    /// Creates a job, uploads, closes.
    pub(super) async fn submit(&self, spec: Value, csv: impl Into<reqwest::Body>) -> String {
        let (status, job) = self.send(Method::POST, "jobs/ingest", spec).await;
        assert_eq!(status, 200, "{job}");
        let path = format!("jobs/ingest/{}", job["id"].as_str().unwrap());
        let upload = self
            .request(Method::PUT, &format!("{path}/batches"))
            .body(csv)
            .send()
            .await
            .unwrap();
        assert_eq!(upload.status(), 201);
        let (status, closed) = self
            .send(Method::PATCH, &path, json!({"state": "UploadComplete"}))
            .await;
        assert_eq!(status, 200, "{closed}");
        path
    }

    /// Waits for a job and reads its results.
    pub(super) async fn finish(&self, path: &str) -> Finished {
        let info = loop {
            let info = self.get(path).await;
            if ["JobComplete", "Failed", "Aborted"].contains(&info["state"].as_str().unwrap()) {
                break info;
            }
            tokio::task::yield_now().await;
        };
        let lines = async |which: &str| -> Vec<String> {
            let response = self
                .request(Method::GET, &format!("{path}/{which}"))
                .send()
                .await
                .unwrap();
            response
                .text()
                .await
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect()
        };
        Finished {
            successful: lines("successfulResults").await,
            failed: lines("failedResults/").await,
            unprocessed: lines("unprocessedrecords").await,
            info,
        }
    }

    pub(super) async fn ingest(&self, object: &str, operation: &str, csv: &str) -> Finished {
        let spec = json!({"object": object, "operation": operation});
        let path = self.submit(spec, csv.to_owned()).await;
        self.finish(&path).await
    }

    pub(super) async fn upsert(&self, object: &str, key: &str, csv: &str) -> Finished {
        let spec = json!({"object": object, "operation": "upsert", "externalIdFieldName": key});
        let path = self.submit(spec, csv.to_owned()).await;
        self.finish(&path).await
    }

    /// Deploys files and returns the result.
    pub(super) async fn deploy(&self, files: &[(&str, &str)], check_only: bool) -> Value {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (path, content) in files {
            archive
                .start_file(*path, zip::write::SimpleFileOptions::default())
                .unwrap();
            archive.write_all(content.as_bytes()).unwrap();
        }
        let packed = archive.finish().unwrap().into_inner();
        let options = json!({"deployOptions": {"checkOnly": check_only, "rollbackOnError": true}})
            .to_string();
        let text = reqwest::multipart::Part::text(options)
            .mime_str("application/json")
            .unwrap();
        let file = reqwest::multipart::Part::bytes(packed)
            .file_name("a.zip")
            .mime_str("application/zip")
            .unwrap();
        let form = reqwest::multipart::Form::new()
            .part("entity_content", text)
            .part("file", file);
        let request = self
            .request(Method::POST, "metadata/deployRequest")
            .multipart(form);
        let (status, made) = answer(request.send().await.unwrap()).await;
        assert_eq!(status, 201, "{made}");
        let path = format!(
            "metadata/deployRequest/{}?includeDetails=true",
            made["id"].as_str().unwrap()
        );
        loop {
            let seen = self.get(&path).await;
            if seen["deployResult"]["done"] == true {
                return seen["deployResult"].clone();
            }
            tokio::task::yield_now().await;
        }
    }

    /// Deploys text keys `Key__c` on objects, grants and assigns them.
    pub(super) async fn keyed(&self, objects: &[&str]) {
        let files = key_package(objects);
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let result = self.deploy(&files, false).await;
        assert_eq!(result["status"], "Succeeded", "{result}");
        self.assign("Loader").await;
    }

    pub(super) async fn assign(&self, set: &str) {
        let set = self
            .query(&format!(
                "select Id from PermissionSet where Name = '{set}'"
            ))
            .await[0]["Id"]
            .clone();
        let user = self
            .query("select Id from User where Username = 'admin@example.com'")
            .await[0]["Id"]
            .clone();
        let body = json!({"PermissionSetId": set, "AssigneeId": user});
        let (status, made) = self
            .send(Method::POST, "sobjects/PermissionSetAssignment", body)
            .await;
        assert_eq!(status, 201, "{made}");
    }

    pub(super) async fn control(&self, path: &str, body: Value) {
        let (status, answer) = self
            .send(Method::POST, &format!("/control/{path}"), body)
            .await;
        assert_eq!(status, 200, "{answer}");
    }
}

/// Files that define and grant `Key__c`.
pub(super) fn key_package(objects: &[&str]) -> Vec<(String, String)> {
    let members = objects
        .iter()
        .map(|object| format!("<members>{object}.Key__c</members>"));
    let manifest = format!(
        "<Package><types>{}<name>CustomField</name></types><types><members>Loader</members><name>PermissionSet</name>\
         </types></Package>",
        members.collect::<String>()
    );
    let grants = objects.iter().map(|object| {
        format!(
            "<fieldPermissions><editable>true</editable><field>{object}.Key__c</field><readable>true</readable>\
             </fieldPermissions>"
        )
    });
    let set = format!(
        "<PermissionSet><label>Loader</label>{}</PermissionSet>",
        grants.collect::<String>()
    );
    let mut files = vec![
        ("package.xml".to_owned(), manifest),
        ("permissionsets/Loader.permissionset".to_owned(), set),
    ];
    for object in objects {
        let field = "<CustomObject><fields><fullName>Key__c</fullName><label>Key</label><type>Text</type>\
                     <length>40</length><externalId>true</externalId><unique>true</unique>\
                     <caseSensitive>true</caseSensitive></fields></CustomObject>";
        files.push((format!("objects/{object}.object"), field.to_owned()));
    }
    files
}

pub(super) async fn token(http: &reqwest::Client, url: &str) -> String {
    let request = http
        .post(format!("{url}/services/oauth2/token"))
        .basic_auth("transload", Some("simulator"));
    let body: Value = request
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

/// Status and JSON body, null if there is none.
pub(super) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// Copies a state folder as it is: what a killed process leaves behind.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
