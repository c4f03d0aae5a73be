//! Envelopes and faults of SOAP, and how a call is read.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use super::call::App;

pub(super) const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// A fault of the Partner API.
pub(super) fn fault(code: &str, message: &str) -> Response {
    let kind = if code == "INVALID_LOGIN" {
        "LoginFault"
    } else {
        "UnexpectedErrorFault"
    };
    let message = escape(message);
    let fault = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"{ENVELOPE}\" \
         xmlns:sf=\"urn:fault.partner.soap.sforce.com\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring>\
         <detail><sf:{kind} xsi:type=\"sf:{kind}\"><sf:exceptionCode>{code}</sf:exceptionCode>\
         <sf:exceptionMessage>{message}</sf:exceptionMessage></sf:{kind}></detail></soapenv:Fault></soapenv:Body>\
         </soapenv:Envelope>"
    );
    xml(StatusCode::INTERNAL_SERVER_ERROR, fault)
}

pub(super) fn xml(status: StatusCode, body: String) -> Response {
    (status, [("content-type", "text/xml; charset=utf-8")], body).into_response()
}

/// The text of the first element of a name, whatever its namespace.
pub(super) fn text_of(body: &[u8], name: &str) -> Option<String> {
    let mut reader = Reader::from_reader(body);
    let (mut buffer, mut inside, mut text) = (Vec::new(), false, String::new());
    loop {
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(tag) if tag.local_name().as_ref() == name => inside = true,
            Event::End(tag) if inside && tag.local_name().as_ref() == name => return Some(text),
            Event::Text(part) if inside => text.push_str(&part),
            Event::GeneralRef(reference) if inside => match reference.resolve_char_ref().ok()? {
                Some(c) => text.push(c),
                None => text.push_str(quick_xml::escape::resolve_xml_entity(&reference)?),
            },
            Event::Eof => return None,
            _ => {}
        }
        buffer.clear();
    }
}

/// The fault that a call gets whose session is none, or for which no call is left today.
pub(super) fn turned_away(app: &App, body: &[u8]) -> Option<Response> {
    let session = text_of(body, "sessionId").unwrap_or_default();
    if app.org.sessions.user(&session).is_none() {
        let message = "Invalid Session ID found in SessionHeader: Illegal Session";
        return Some(fault("INVALID_SESSION_ID", message));
    }
    let calls = app.org.options.daily_api_requests;
    let spent = !app.org.statistics.take_call(calls);
    spent.then(|| fault("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
}

/// The answer to a call, with one result per record.
pub(super) fn answered(call: &str, results: &str) -> Response {
    let answer = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"{ENVELOPE}\" \
         xmlns=\"urn:partner.soap.sforce.com\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>\
         <{call}Response>{results}</{call}Response></soapenv:Body></soapenv:Envelope>"
    );
    xml(StatusCode::OK, answer)
}
