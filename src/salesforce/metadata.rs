//! Metadata API over REST: a zipped package goes in, the state of its deployment comes out. What is in the
//! package is the caller's business (`guide/salesforce.md` §5.1).

use std::sync::Mutex;

use bytes::Bytes;
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    Client, Error, Result, WaitOptions,
    body::lock,
    call::{self, Body, Call},
    net::{Safety, retry_after},
    wait::{self, Look, Work},
};

/// Metadata deployments of one organisation; from [`Client::metadata`].
#[derive(Debug, Clone)]
pub struct Metadata {
    client: Client,
}

/// Which Apex tests a deployment runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum TestLevel {
    /// None; right for packages without Apex.
    #[default]
    NoTestRun,
    /// All but those of managed packages.
    RunLocalTests,
    /// All.
    RunAllTestsInOrg,
}

/// How a package is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployOptions {
    /// Validate only, change nothing.
    pub check_only: bool,
    /// One failing component takes all others back.
    pub rollback_on_error: bool,
    /// Succeed in spite of warnings.
    pub ignore_warnings: bool,
    /// Accept a package that names more than it holds.
    pub allow_missing_files: bool,
    /// Deleted components skip the recycle bin.
    pub purge_on_delete: bool,
    /// The zip holds one package at its root.
    pub single_package: bool,
    /// Tests to run.
    pub test_level: TestLevel,
}

impl Default for DeployOptions {
    fn default() -> Self {
        Self {
            check_only: false,
            rollback_on_error: true,
            ignore_warnings: false,
            allow_missing_files: false,
            purge_on_delete: false,
            single_package: true,
            test_level: TestLevel::NoTestRun,
        }
    }
}

/// The state of a deployment. Counts are zero until Salesforce has told them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeployResult {
    /// Deployment id, prefix `0Af`.
    pub id: String,
    /// `Pending`, `InProgress`, `Succeeded`, `SucceededPartial`, `Failed`, `Canceling` or `Canceled`.
    pub status: String,
    /// Whether it will not change any more.
    pub done: bool,
    /// Whether it took effect, or would have.
    pub success: bool,
    /// Whether it only validated.
    pub check_only: bool,
    /// What is being done right now.
    pub state_detail: Option<String>,
    /// Why the deployment as a whole failed.
    pub error_message: Option<String>,
    /// Code of that.
    pub error_status_code: Option<String>,
    /// Components done.
    pub number_components_deployed: u64,
    /// Components in all.
    pub number_components_total: u64,
    /// Components that failed.
    pub number_component_errors: u64,
    /// Per component, where details were asked for.
    pub details: DeployDetails,
}

/// Components of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeployDetails {
    /// Components that failed.
    #[serde(deserialize_with = "one_or_many")]
    pub component_failures: Vec<ComponentMessage>,
    /// Components that were deployed.
    #[serde(deserialize_with = "one_or_many")]
    pub component_successes: Vec<ComponentMessage>,
}

/// What became of one component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComponentMessage {
    /// Kind, such as `CustomField`.
    pub component_type: Option<String>,
    /// Name, such as `Account.usercom_id__c`.
    pub full_name: String,
    /// File in the package.
    pub file_name: String,
    /// Line in that file.
    pub line_number: Option<u64>,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// `Error`, `Warning` or `Info`.
    pub problem_type: Option<String>,
    /// Whether it was new.
    pub created: bool,
    /// Whether it was changed.
    pub changed: bool,
    /// Whether it was accepted.
    pub success: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeployAnswer {
    id: String,
    #[serde(default)]
    deploy_result: Option<DeployResult>,
}

impl DeployAnswer {
    fn result(self) -> DeployResult {
        let mut result = self.deploy_result.unwrap_or_default();
        result.id = self.id;
        result
    }
}

impl Client {
    /// Metadata deployments.
    pub fn metadata(&self) -> Metadata {
        Metadata {
            client: self.clone(),
        }
    }
}

impl Metadata {
    /// Hands a zipped package over and returns the id of its deployment. A request that breaks off is repeated:
    /// the same package deployed twice leaves the same organisation.
    ///
    /// # Errors
    /// Whatever the request meets; problems of components show in [`status`](Self::status).
    pub async fn deploy(&self, package: &Bytes, options: &DeployOptions) -> Result<String> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Request<'a> {
            deploy_options: &'a DeployOptions,
        }
        let target = self.path(&[]);
        let call = Call::new(Method::POST, target, Safety::Repeatable);
        let request = Request {
            deploy_options: options,
        };
        let request = serde_json::to_string(&request).map_err(|_| Error::BuildRequest {
            request: call.name(),
        })?;
        let form = || {
            let options = part(Part::text(request.clone()), "application/json");
            let file = Part::stream_with_length(package.clone(), package.len() as u64);
            let file = part(file.file_name("package.zip"), "application/zip");
            Form::new().part("json", options).part("file", file)
        };
        let call = call.body(Body::Form(&form));
        let answer: DeployAnswer = self.client.json(&call, "a deployment").await?;
        Ok(answer.id)
    }

    /// Reads a deployment with the details of its components.
    ///
    /// # Errors
    /// Whatever the request meets.
    pub async fn status(&self, id: &str) -> Result<DeployResult> {
        Ok(self.look(id).await?.value)
    }

    /// Waits until a deployment is finished; `progress` sees every look at it. Whether it succeeded is in the
    /// result.
    ///
    /// # Errors
    /// [`Error::WaitDeadline`] if `options` has a deadline; the deployment goes on.
    pub async fn wait(
        &self,
        id: &str,
        options: WaitOptions,
        progress: impl FnMut(&DeployResult) + Send,
    ) -> Result<DeployResult> {
        let work = Work {
            what: "deployment",
            id,
        };
        let progress = Mutex::new(progress);
        let look = || async {
            let seen = self.look(id).await?;
            (lock(&progress))(&seen.value);
            Ok(seen)
        };
        wait::until_done(&self.client, work, options, look, |deployment| {
            deployment.status.clone()
        })
        .await
    }

    /// Asks for a deployment to be cancelled, which may take a while.
    ///
    /// # Errors
    /// Refused if it has finished.
    pub async fn cancel(&self, id: &str) -> Result<()> {
        let call = Call::new(Method::PATCH, self.path(&[id]), Safety::Repeatable)
            .json(&serde_json::json!({ "deployResult": { "status": "Canceling" } }))?;
        self.client.fetch(&call).await.map(drop)
    }

    /// Reads one component as the XML of a SOAP answer, which has it in `records` (`guide/salesforce.md` §5.1). Both
    /// names are API names.
    ///
    /// # Errors
    /// Whatever the request meets; a fault is a refusal.
    pub async fn read(&self, kind: &str, name: &str) -> Result<Bytes> {
        let envelope = |token: &str| {
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
                 <e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns=\"http://soap.sforce.com/2006/04/metadata\">\
                 <e:Header><SessionHeader><sessionId>{token}</sessionId></SessionHeader></e:Header>\
                 <e:Body><readMetadata><type>{kind}</type><fullNames>{name}</fullNames></readMetadata></e:Body></e:Envelope>"
            )
        };
        let target = format!("/services/Soap/m/{}", self.client.api_version());
        let mut call = Call::new(Method::POST, target, Safety::Once).body(Body::Soap(&envelope));
        call.accept = "text/xml";
        Ok(self.client.fetch(&call).await?.body)
    }

    async fn look(&self, id: &str) -> Result<Look<DeployResult>> {
        let call = Call::get(self.path(&[id])).query("includeDetails", "true");
        let answer = self.client.fetch(&call).await?;
        let result = answer
            .json::<DeployAnswer>(&call.name(), "a deployment")?
            .result();
        Ok(Look {
            done: result.done,
            pause: retry_after(&answer.headers),
            value: result,
        })
    }

    fn path(&self, segments: &[&str]) -> String {
        call::join(
            &self.client.data_path(&["metadata", "deployRequest"]),
            segments,
        )
    }
}

/// Sets the type of a part of a form; the types used here are valid.
pub(super) fn part(part: Part, mime: &'static str) -> Part {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert(
        reqwest::header::CONTENT_TYPE,
        reqwest::header::HeaderValue::from_static(mime),
    );
    part.headers(headers)
}

/// A list of one component may come without its brackets, as in SOAP.
fn one_or_many<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ComponentMessage>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        Many(Vec<ComponentMessage>),
        One(Box<ComponentMessage>),
    }
    Ok(match Option::<OneOrMany>::deserialize(deserializer)? {
        Some(OneOrMany::Many(messages)) => messages,
        Some(OneOrMany::One(message)) => vec![*message],
        None => Vec::new(),
    })
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
