//! A request as the client describes it before it is sent, so that it can be sent again: path, headers and
//! a body that can be produced anew. Also the answer, and how an error answer is read.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures::stream::BoxStream;
use quick_xml::events::Event;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName},
    multipart::Form,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::form_urlencoded;

use super::{
    Error, FailureKind, Result,
    failure::Failure,
    net::{RequestInfo, Safety, retry_after},
    redact,
};

/// Produces the chunks of an upload from the start, as often as it is asked to.
pub(super) type Provider<'a> =
    &'a (dyn Fn() -> BoxStream<'static, io::Result<Bytes>> + Send + Sync);

/// A request body that can be made again.
pub(super) enum Body<'a> {
    Empty,
    Json(Bytes),
    Csv {
        /// Sent as `Content-Length` where known; otherwise the body is chunked.
        length: Option<u64>,
        provider: Provider<'a>,
    },
    Form(&'a (dyn Fn() -> Form + Send + Sync)),
    /// A SOAP envelope, which carries the token it is given.
    Soap(&'a (dyn Fn(&str) -> String + Send + Sync)),
}

/// What a content is asked for as.
pub(super) const ANYTHING: &str = "*/*";

/// One request to the instance.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Absolute path; may carry the query string that Salesforce put into a `nextRecordsUrl`.
    pub(super) target: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) accept: &'static str,
    pub(super) headers: Vec<(HeaderName, &'static str)>,
    pub(super) body: Body<'a>,
    pub(super) safety: Safety,
    /// The one status that says that it worked, where the API promises one: any other success is somebody else's.
    pub(super) promised: Option<u16>,
}

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, target: String, safety: Safety) -> Self {
        Self {
            method,
            target,
            query: Vec::new(),
            accept: "application/json",
            headers: Vec::new(),
            body: Body::Empty,
            safety,
            promised: None,
        }
    }

    /// Takes only one status for a success.
    pub(super) fn promised(mut self, status: u16) -> Self {
        self.promised = Some(status);
        self
    }

    /// Whether an answer with a success status may be one of the API's: a proxy sends pages where JSON or CSV is due.
    pub(super) fn is_kept(&self, status: u16, headers: &HeaderMap) -> bool {
        let kind = headers.get(CONTENT_TYPE);
        let page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        // Contents come as they are.
        let page = page && self.accept != ANYTHING;
        !page && self.promised.is_none_or(|promised| promised == status)
    }

    pub(super) fn get(target: String) -> Self {
        Self::new(Method::GET, target, Safety::Read)
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((HeaderName::from_static(name), value));
        self
    }

    pub(super) fn accept_csv(mut self) -> Self {
        self.accept = "text/csv";
        self
    }

    pub(super) fn body(mut self, body: Body<'a>) -> Self {
        self.body = body;
        self
    }

    /// Sets a JSON body.
    pub(super) fn json(self, value: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(value).map_err(|_| Error::BuildRequest {
            request: self.name(),
        })?;
        Ok(self.body(Body::Json(bytes.into())))
    }

    /// The path without its query string, which may hold record values.
    pub(super) fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }

    /// Method and path, for errors.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path())
    }

    pub(super) fn info(&self) -> RequestInfo<'_> {
        RequestInfo {
            method: self.method.as_str(),
            path: self.path(),
            safety: self.safety,
            routine: false,
        }
    }
}

/// Joins path segments; each is an API name, an id or a constant.
pub(super) fn join(prefix: &str, segments: &[&str]) -> String {
    let mut path = prefix.to_owned();
    for segment in segments {
        path.push('/');
        path.extend(form_urlencoded::byte_serialize(segment.as_bytes()));
    }
    path
}

/// A complete answer with a success status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        request: &str,
        expected: &'static str,
    ) -> Result<T> {
        // serde's own message may quote a value, so it is left out.
        serde_json::from_slice(&self.body).map_err(|_| Error::DecodeAnswer {
            request: request.to_owned(),
            expected,
            ambiguous: false,
        })
    }

    /// Whether the body is JSON at all.
    pub(super) fn is_json(&self) -> bool {
        serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).is_ok()
    }
}

/// Both shapes of an error answer (`guide/salesforce.md` §3.2, §3.4).
#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorAnswer {
    Rest(Vec<RestError>),
    OAuth {
        error: String,
        error_description: Option<String>,
    },
    Single(RestError),
}

#[derive(Deserialize)]
struct RestError {
    #[serde(rename = "errorCode")]
    code: Option<String>,
    message: Option<String>,
}

/// Reads an error answer; the message is masked here, once and for all.
pub(super) fn refusal(status: u16, headers: &HeaderMap, body: &[u8]) -> Failure {
    let (code, message) = match serde_json::from_slice(body) {
        Ok(ErrorAnswer::Rest(errors)) => errors
            .into_iter()
            .next()
            .map_or((None, None), |first| (first.code, first.message)),
        Ok(ErrorAnswer::OAuth {
            error,
            error_description,
        }) => (Some(error), error_description),
        Ok(ErrorAnswer::Single(error)) => (error.code, error.message),
        Err(_) => soap_fault(body).unwrap_or_default(),
    };
    Failure {
        kind: FailureKind::Status,
        status: Some(status),
        code: code.map(|code| redact::message(&code)),
        message: message.map(|text| redact::message(&text)),
        retry_after: retry_after(headers),
        source: None,
    }
}

/// Code and message of a SOAP fault, whose code has a namespace and whose text begins with the code.
fn soap_fault(body: &[u8]) -> Option<(Option<String>, Option<String>)> {
    let mut reader = quick_xml::Reader::from_reader(body);
    let (mut buffer, mut text, mut code) = (Vec::new(), String::new(), None);
    loop {
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(_) => text.clear(),
            Event::Text(part) => text.push_str(&part),
            Event::End(tag) if tag.local_name().as_ref() == "faultcode" => {
                code = text.rsplit(':').next().map(str::to_owned);
            }
            Event::End(tag) if tag.local_name().as_ref() == "faultstring" => {
                return Some((code, Some(text)));
            }
            Event::Eof => return None,
            _ => {}
        }
        buffer.clear();
    }
}

/// Reads an error of the transport.
pub(super) fn transport_failure(error: reqwest::Error) -> Failure {
    let kind = FailureKind::of_transport(&error);
    Failure {
        kind,
        status: None,
        code: None,
        message: None,
        retry_after: None,
        // The URL may hold SOQL.
        source: Some(Arc::new(error.without_url())),
    }
}

/// A success that is none.
pub(super) fn malformed(status: u16) -> Failure {
    Failure {
        kind: FailureKind::Malformed,
        status: Some(status),
        code: None,
        message: None,
        retry_after: None,
        source: None,
    }
}

/// The idle limit passed.
pub(super) fn idle_failure() -> Failure {
    Failure {
        kind: FailureKind::Timeout,
        status: None,
        code: None,
        message: None,
        retry_after: None,
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> (Option<String>, Option<String>) {
        let failure = refusal(400, &HeaderMap::new(), body.as_bytes());
        (failure.code, failure.message)
    }

    #[test]
    fn error_answers_of_every_shape_are_read_and_masked() {
        let rest = r#"[{"message":"Email: invalid email address: ada@x","errorCode":"INVALID_EMAIL_ADDRESS","fields":["Email"]}]"#;
        let (code, message) = read(rest);
        assert_eq!(code.as_deref(), Some("INVALID_EMAIL_ADDRESS"));
        assert_eq!(message.as_deref(), Some("Email: invalid email address: …"));
        let (code, message) = read(r#"{"error":"invalid_grant","error_description":"expired"}"#);
        assert_eq!(code.as_deref(), Some("invalid_grant"));
        assert_eq!(message.as_deref(), Some("expired"));
        let soap = "<e:Fault><faultcode>sf:API_DISABLED</faultcode><faultstring>API_DISABLED: off</faultstring></e:Fault>";
        assert_eq!(read(soap).0.as_deref(), Some("API_DISABLED"));
        assert_eq!(read("<html>busy</html>"), (None, None));
        assert_eq!(read("[]"), (None, None));
    }

    #[test]
    fn path_segments_are_escaped() {
        assert_eq!(join("/a", &["b/c", "d__c"]), "/a/b%2Fc/d__c");
    }

    #[test]
    fn a_call_is_named_without_its_query() {
        let call = Call::get("/query/01g-500?q=secret".into()).query("q", "select");
        assert_eq!(call.name(), "GET /query/01g-500");
    }
}
