//! SOAP `undelete()`: records out of the recycle bin (`guide/salesforce.md` §4).
//!
//! In: an envelope with a session and at most 200 ids. Out: one result per id in the order of the request; a record that is not in the
//! recycle bin, or whose object cannot come out of it, is refused and does not touch the others.

use std::sync::Arc;

use axum::response::Response;
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use super::super::error::ApiError;
use super::super::life;
use super::call::App;
use super::soap_xml::{answered, fault, turned_away};

/// Records of one call.
const MOST: usize = 200;

/// `undelete` of `POST /services/Soap/u/<version>`.
pub(super) async fn undelete(app: &App, body: &[u8]) -> Result<Response, ApiError> {
    if let Some(refusal) = turned_away(app, body) {
        return Ok(refusal);
    }
    let ids = ids(body);
    if ids.len() > MOST {
        let message = format!("undelete takes at most {MOST} ids, not {}", ids.len());
        return Ok(fault("EXCEEDED_ID_LIMIT", &message));
    }
    let org = Arc::clone(&app.org);
    let work = move || {
        let results = ids.iter().map(|id| match life::undelete(&org, id) {
            Ok(_) => format!("<result><id>{}</id><success>true</success></result>", escape(id)),
            Err(error) => format!(
                "<result><errors><message>{}</message><statusCode>{}</statusCode></errors><id xsi:nil=\"true\"/>\
                 <success>false</success></result>",
                escape(&error.message),
                escape(&error.code)
            ),
        });
        results.collect::<String>()
    };
    let results = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    Ok(answered("undelete", &results))
}

/// What stands in each `ids`.
fn ids(body: &[u8]) -> Vec<String> {
    let mut reader = Reader::from_reader(body);
    let (mut buffer, mut ids, mut inside) = (Vec::new(), Vec::new(), false);
    loop {
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag)) => inside = tag.local_name().as_ref() == "ids",
            Ok(Event::Text(part)) if inside => ids.push(part.to_string()),
            Ok(Event::End(_)) => inside = false,
            Ok(Event::Eof) | Err(_) => return ids,
            _ => {}
        }
        buffer.clear();
    }
}
