//! SOAP: `login()` for clients that start with username, password and security token (`guide/salesforce.md` §3.1),
//! `readMetadata()` of the lead conversion (§5.1), and the way to `convertLead()` ([`super::soap_convert`]) and `undelete()`
//! ([`super::soap_undelete`]).
//!
//! In: an envelope. Out: session id and server URL, or the settings, or a fault. No other SOAP call is served.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use quick_xml::escape::escape;

use super::super::error::ApiError;
use super::auth::password;
use super::call::{App, read};
use super::soap_xml::{ENVELOPE, fault, text_of, xml};
use super::{soap_convert, soap_undelete};

const METADATA: &str = "http://soap.sforce.com/2006/04/metadata";

/// `POST /services/Soap/u/<version>`: the call is the first element of the body.
pub(super) async fn partner(app: &App, request: Request) -> Result<Response, ApiError> {
    let path = request.uri().path().to_owned();
    let body = read(request.into_body()).await?;
    if text_of(&body, "convertLead").is_some() {
        return soap_convert::convert(app, &body).await;
    }
    if text_of(&body, "undelete").is_some() {
        return soap_undelete::undelete(app, &body).await;
    }
    login(app, &path, &body)
}

fn login(app: &App, path: &str, body: &[u8]) -> Result<Response, ApiError> {
    let username = text_of(body, "username").unwrap_or_default();
    let given = text_of(body, "password").unwrap_or_default();
    let org = &app.org;
    let Some(user) = password(org, &username, &given) else {
        let message = "Invalid username, password, security token; or user locked out.";
        return Ok(fault("INVALID_LOGIN", message));
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

/// `POST /services/Soap/m/<version>`: `readMetadata` of the lead conversion; the session stands in the header. Other
/// components are answered as absent.
pub(super) async fn read_metadata(app: &App, request: Request) -> Result<Response, ApiError> {
    let body = read(request.into_body()).await?;
    let session = text_of(&body, "sessionId").unwrap_or_default();
    let fault = |code: &str, message: &str| {
        let fault = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"{ENVELOPE}\" \
             xmlns:sf=\"{METADATA}\"><soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode>\
             <faultstring>{code}: {message}</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
        );
        Ok(xml(StatusCode::INTERNAL_SERVER_ERROR, fault))
    };
    if app.org.sessions.user(&session).is_none() {
        let message = "Invalid Session ID found in SessionHeader: Illegal Session";
        return fault("INVALID_SESSION_ID", message);
    }
    let Some(kind) = text_of(&body, "type") else {
        return fault("UNKNOWN_EXCEPTION", "only readMetadata is served");
    };
    let model = app.org.model();
    let settings = model
        .lead_convert
        .as_ref()
        .filter(|_| kind == "LeadConvertSettings")
        .cloned()
        .unwrap_or_default();
    let mappings: String = settings
        .object_mapping
        .iter()
        .map(|mapping| {
            let fields = mapping.mapping_fields.iter().map(|field| {
                format!(
                    "<mappingFields><inputField>{}</inputField><outputField>{}</outputField></mappingFields>",
                    escape(&field.input_field),
                    escape(&field.output_field)
                )
            });
            format!(
                "<objectMapping><inputObject>{}</inputObject>{}<outputObject>{}</outputObject></objectMapping>",
                escape(&mapping.input_object),
                fields.collect::<String>(),
                escape(&mapping.output_object)
            )
        })
        .collect();
    let options = settings
        .opportunity_creation_options
        .as_deref()
        .unwrap_or("VisibleOptional");
    let records = if kind == "LeadConvertSettings" {
        format!(
            "<records xsi:type=\"LeadConvertSettings\"><fullName>LeadConvertSettings</fullName>\
             <allowOwnerChange>{}</allowOwnerChange>{mappings}\
             <opportunityCreationOptions>{}</opportunityCreationOptions></records>",
            settings.allow_owner_change,
            escape(options)
        )
    } else {
        "<records xsi:nil=\"true\"/>".to_owned()
    };
    let answer = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"{ENVELOPE}\" xmlns=\"{METADATA}\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body><readMetadataResponse><result>{records}\
         </result></readMetadataResponse></soapenv:Body></soapenv:Envelope>"
    );
    Ok(xml(StatusCode::OK, answer))
}
