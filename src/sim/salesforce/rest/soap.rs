//! SOAP `login()`, for clients that start with username, password and security token (reference/salesforce.md §3.1).
//!
//! In: a login envelope. Out: session id and server URL, or a fault. No other SOAP call is served.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use super::super::error::ApiError;
use super::auth::password;
use super::call::{App, read};

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// `POST /services/Soap/u/<version>`.
pub(super) async fn login(app: &App, request: Request) -> Result<Response, ApiError> {
    let path = request.uri().path().to_owned();
    let body = read(request.into_body()).await?;
    let username = text_of(&body, "username").unwrap_or_default();
    let given = text_of(&body, "password").unwrap_or_default();
    let org = &app.org;
    let Some(user) = password(org, &username, &given) else {
        let message =
            "INVALID_LOGIN: Invalid username, password, security token; or user locked out.";
        let fault = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"{ENVELOPE}\" \
             xmlns:sf=\"urn:fault.partner.soap.sforce.com\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
             <soapenv:Body><soapenv:Fault><faultcode>sf:INVALID_LOGIN</faultcode><faultstring>{message}</faultstring>\
             <detail><sf:LoginFault xsi:type=\"sf:LoginFault\"><sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>\
             <sf:exceptionMessage>Invalid username, password, security token; or user locked out.</sf:exceptionMessage>\
             </sf:LoginFault></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
        );
        return Ok(xml(StatusCode::INTERNAL_SERVER_ERROR, fault));
    };
    let token = org.sessions.open(user);
    let version = path
        .rsplit('/')
        .find(|part| part.contains('.'))
        .unwrap_or("66.0");
    let organization = org.organization;
    let user_id = org.user_id(user);
    let server = format!(
        "{}/services/Soap/u/{version}/{organization}",
        org.base_url()
    );
    let metadata = format!(
        "{}/services/Soap/m/{version}/{organization}",
        org.base_url()
    );
    let sandbox = org.options.sandbox;
    let answer = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"{ENVELOPE}\" \
         xmlns=\"urn:partner.soap.sforce.com\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>\
         <loginResponse><result><metadataServerUrl>{metadata}</metadataServerUrl>\
         <passwordExpired>false</passwordExpired><sandbox>{sandbox}</sandbox><serverUrl>{server}</serverUrl>\
         <sessionId>{}</sessionId><userId>{user_id}</userId><userInfo><organizationId>{organization}</organizationId>\
         <userId>{user_id}</userId><userName>{}</userName></userInfo></result></loginResponse></soapenv:Body>\
         </soapenv:Envelope>",
        escape(&token),
        escape(&username),
    );
    Ok(xml(StatusCode::OK, answer))
}

fn xml(status: StatusCode, body: String) -> Response {
    (status, [("content-type", "text/xml; charset=utf-8")], body).into_response()
}

/// The text of the first element of a name, whatever its namespace.
fn text_of(body: &[u8], name: &str) -> Option<String> {
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
