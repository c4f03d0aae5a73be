//! Calls that only SOAP has (`guide/salesforce.md` §4): one element per record goes in, one `result` per record comes out, in the
//! same order.
//!
//! In: the name of a call and its arguments as XML. Out: results. Never: an answer that lacks a record.

use std::collections::BTreeMap;

use quick_xml::{Reader, events::Event};
use reqwest::Method;

use super::{
    Client, Error, Result, RowError,
    call::{Body, Call},
    net::Safety,
};

/// What became of one record.
#[derive(Debug, Default)]
pub(super) struct SoapResult {
    pub success: bool,
    pub errors: Vec<RowError>,
    values: BTreeMap<String, String>,
}

impl SoapResult {
    /// The text of an element, if it has any.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.values.remove(name).filter(|value| !value.is_empty())
    }
}

impl Client {
    /// Makes a call of the Partner API that answers `records` results.
    pub(super) async fn soap(
        &self,
        name: &str,
        arguments: &str,
        records: usize,
    ) -> Result<Vec<SoapResult>> {
        let envelope = |token: &str| {
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
                 <e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns=\"urn:partner.soap.sforce.com\">\
                 <e:Header><SessionHeader><sessionId>{token}</sessionId></SessionHeader></e:Header>\
                 <e:Body><{name}>{arguments}</{name}></e:Body></e:Envelope>"
            )
        };
        let target = format!("/services/Soap/u/{}", self.api_version());
        let mut call = Call::new(Method::POST, target, Safety::Once).body(Body::Soap(&envelope));
        call.accept = "text/xml";
        let answer = self.fetch(&call).await?;
        let results = results(&answer.body).filter(|results| results.len() == records);
        results.ok_or_else(|| Error::DecodeAnswer {
            request: call.name(),
            expected: "one result per record",
            ambiguous: true,
        })
    }
}

/// Reads `result` elements; none if the answer is no such document.
fn results(body: &[u8]) -> Option<Vec<SoapResult>> {
    let mut reader = Reader::from_reader(body);
    let (mut buffer, mut open, mut text) = (Vec::new(), Vec::new(), String::new());
    let mut found = Vec::new();
    let mut values = BTreeMap::new();
    let (mut errors, mut error) = (Vec::new(), RowError::default());
    loop {
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(tag) => {
                open.push(tag.local_name().as_ref().to_owned());
                text.clear();
            }
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(character) => text.push(character),
                None => text.push_str(quick_xml::escape::resolve_xml_entity(&reference)?),
            },
            Event::End(tag) => {
                open.pop();
                let name = tag.local_name().as_ref().to_owned();
                let value = std::mem::take(&mut text);
                match (name.as_str(), open.last().map(String::as_str)) {
                    ("statusCode", Some("errors")) => error.status_code = value,
                    ("message", Some("errors")) => error.message = value,
                    ("fields", Some("errors")) => error.fields.push(value),
                    ("errors", _) => errors.push(std::mem::take(&mut error)),
                    ("result", _) => {
                        let mut result = SoapResult {
                            errors: std::mem::take(&mut errors),
                            values: std::mem::take(&mut values),
                            ..SoapResult::default()
                        };
                        result.success = result.take("success").as_deref() == Some("true");
                        found.push(result);
                    }
                    (_, Some("result")) => drop(values.insert(name, value)),
                    _ => {}
                }
            }
            Event::Eof => return open.is_empty().then_some(found),
            _ => {}
        }
        buffer.clear();
    }
}
