//! SOAP `convertLead()`, the only way in which an API converts leads (`guide/salesforce.md` §4).
//!
//! In: an envelope with a session and at most 100 leads. Out: one result per lead in the order of the request, with the
//! records it became or the reasons why it was left as it is; a refused lead does not touch the others.

use std::collections::BTreeMap;

use axum::response::Response;
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use super::super::error::ApiError;
use super::super::life::{self, Conversion};
use super::call::App;
use super::soap_xml::{answered, fault, turned_away};

/// Leads of one call.
const MOST: usize = 100;

/// Elements of one lead, by name.
type Elements = BTreeMap<String, String>;

/// `convertLead` of `POST /services/Soap/u/<version>`.
pub(super) async fn convert(app: &App, body: &[u8]) -> Result<Response, ApiError> {
    if let Some(refusal) = turned_away(app, body) {
        return Ok(refusal);
    }
    let leads = leads(body);
    if leads.len() > MOST {
        let message = format!(
            "convertLead takes at most {MOST} leads, not {}",
            leads.len()
        );
        return Ok(fault("LIMIT_EXCEEDED", &message));
    }
    let org = std::sync::Arc::clone(&app.org);
    let work = move || {
        leads
            .iter()
            .map(|lead| result(&org, lead))
            .collect::<String>()
    };
    let results = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    Ok(answered("convertLead", &results))
}

fn result(org: &std::sync::Arc<super::super::org::Org>, lead: &Elements) -> String {
    let id = lead.get("leadId").map(String::as_str).unwrap_or_default();
    let element = |name: &str, value: Option<&str>| match value {
        Some(value) => format!("<{name}>{}</{name}>", escape(value)),
        None => format!("<{name} xsi:nil=\"true\"/>"),
    };
    let allowed = match org.options.convert_leads {
        true => Ok(()),
        false => Err(ApiError::bad(
            "INSUFFICIENT_ACCESS",
            "the user lacks the permission Convert Leads",
        )),
    };
    let converted = allowed.and_then(|()| wanted(lead));
    let converted = converted.and_then(|wanted| life::convert(org, org.user, &wanted));
    let (account, contact, opportunity, errors) = match &converted {
        Ok(made) => (
            Some(made.account.as_str()),
            Some(made.contact.as_str()),
            made.opportunity.as_deref(),
            String::new(),
        ),
        Err(error) => {
            let fields = error
                .fields
                .iter()
                .map(|field| element("fields", Some(field)));
            let errors = format!(
                "<errors>{}{}{}</errors>",
                fields.collect::<String>(),
                element("message", Some(&error.message)),
                element("statusCode", Some(&error.code)),
            );
            (None, None, None, errors)
        }
    };
    [
        "<result>".to_owned(),
        element("accountId", account),
        element("contactId", contact),
        errors,
        element("leadId", Some(id)),
        element("opportunityId", opportunity),
        element(
            "success",
            Some(if converted.is_ok() { "true" } else { "false" }),
        ),
        "</result>".to_owned(),
    ]
    .concat()
}

fn wanted(lead: &Elements) -> Result<Conversion, ApiError> {
    let text = |name: &str| lead.get(name).filter(|value| !value.is_empty()).cloned();
    let is = |name: &str| text(name).as_deref() == Some("true");
    let required = |name: &str| {
        text(name).ok_or_else(|| {
            let message = format!("Required fields are missing: [{name}]");
            ApiError::bad("REQUIRED_FIELD_MISSING", message)
        })
    };
    Ok(Conversion {
        id: required("leadId")?,
        status: Some(required("convertedStatus")?),
        account: text("accountId"),
        contact: text("contactId"),
        opportunity: !is("doNotCreateOpportunity"),
        opportunity_name: text("opportunityName"),
        owner: text("ownerId"),
        overwrite_source: is("overwriteLeadSource"),
    })
}

/// What stands in each `leadConverts`.
fn leads(body: &[u8]) -> Vec<Elements> {
    let mut reader = Reader::from_reader(body);
    let (mut buffer, mut found) = (Vec::new(), Vec::new());
    let (mut current, mut name): (Option<Elements>, Option<String>) = (None, None);
    loop {
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag)) if tag.local_name().as_ref() == "leadConverts" => {
                current = Some(Elements::new());
            }
            Ok(Event::Start(tag)) if current.is_some() => {
                name = Some(tag.local_name().as_ref().to_owned());
            }
            Ok(Event::Text(part)) => {
                if let (Some(lead), Some(name)) = (&mut current, &name) {
                    lead.entry(name.clone()).or_default().push_str(&part);
                }
            }
            Ok(Event::GeneralRef(reference)) => {
                if let (Some(lead), Some(name)) = (&mut current, &name) {
                    let known = quick_xml::escape::resolve_xml_entity(&reference);
                    let char = reference.resolve_char_ref().ok().flatten();
                    let text = lead.entry(name.clone()).or_default();
                    text.extend(char);
                    text.push_str(known.filter(|_| char.is_none()).unwrap_or_default());
                }
            }
            Ok(Event::End(tag)) if tag.local_name().as_ref() == "leadConverts" => {
                found.extend(current.take());
            }
            Ok(Event::End(_)) => name = None,
            Ok(Event::Eof) | Err(_) => return found,
            _ => {}
        }
        buffer.clear();
    }
}
