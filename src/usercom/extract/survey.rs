//! A first look: how much there is, what the account does not offer, and so how many requests and how long it will take.
//!
//! In: one request per list. Out: estimates, and the server's time. Nothing is written.

use chrono::{DateTime, Utc};

use super::manifest::Skipped;
use super::objects::{CONVERSATIONS_BY_PERSON, ChildRows, Object, ReadMode, object};
use super::{ExtractError, ExtractSettings};
use crate::usercom::api::{ApiError, BASE_PATH, Client};

/// What one object will take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Its name.
    pub object: String,
    /// Rows that the API counts; of a child object, unknown.
    pub rows: Option<u64>,
    /// Requests, about.
    pub requests: u64,
    /// What `requests` leaves out.
    pub note: &'static str,
}

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    pub(super) objects: Vec<Object>,
    pub(super) estimates: Vec<Estimate>,
    pub(super) skipped: Vec<Skipped>,
    /// The server's time of the first answer.
    pub(super) now: Option<DateTime<Utc>>,
}

/// Looks at the first page of every list. `changes` says which objects an earlier extract spares most requests.
pub(super) async fn survey(
    client: &Client,
    settings: &ExtractSettings,
    selected: &[String],
    changes: impl Fn(&Object) -> bool,
) -> Result<Survey, ExtractError> {
    let mut survey = Survey::default();
    let objects: Vec<Object> = selected
        .iter()
        .filter_map(|name| object(name).copied())
        .collect();
    for object in objects {
        match object.kind {
            ReadMode::List => list(client, settings, object, &changes, &mut survey).await?,
            ReadMode::Child { .. } => child(object, &changes, &mut survey),
            ReadMode::Export { .. } => {
                survey.estimates.push(Estimate {
                    object: object.name.to_owned(),
                    rows: None,
                    requests: 2,
                    note: "",
                });
                survey.objects.push(object);
            }
        }
    }
    // Lists first: children need them whole.
    survey
        .objects
        .sort_by_key(|object| object.kind != ReadMode::List);
    Ok(survey)
}

async fn list(
    client: &Client,
    settings: &ExtractSettings,
    object: Object,
    changes: &impl Fn(&Object) -> bool,
    survey: &mut Survey,
) -> Result<(), ExtractError> {
    let fail = ExtractError::api(object.name);
    let path = settings.path(&object);
    let answer = match known_missing(settings, &object, &path) {
        Some(error) => Err(error),
        None => client.get(&path).await,
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if object.is_guess && error.is_missing() => {
            let people = survey.objects.iter().any(|other| other.name == "people");
            if object.name == "conversations" && people {
                child(CONVERSATIONS_BY_PERSON, changes, survey);
                return Ok(());
            }
            survey.skipped.push(Skipped {
                object: object.name.to_owned(),
                reason: error.to_string(),
            });
            return Ok(());
        }
        Err(error) => return Err(fail(error)),
    };
    survey.now = survey.now.or(answer.date);
    let page = answer.page("").map_err(&fail)?;
    let size = page.rows.len().max(1) as u64;
    let pages = match (page.count, &page.next) {
        (Some(count), Some(_)) => count.div_ceil(size).max(1),
        _ => 1,
    };
    let passes = if pages > 1 && settings.second_look {
        2
    } else {
        1
    };
    let only_changes = object.name == "people" && changes(&object);
    survey.estimates.push(Estimate {
        object: object.name.to_owned(),
        rows: page.count.or(Some(page.rows.len() as u64)),
        requests: if only_changes { 2 } else { pages * passes },
        note: if only_changes {
            "and one for every 100 that changed"
        } else {
            ""
        },
    });
    survey.objects.push(object);
    Ok(())
}

/// What a probe has found missing is not asked for again.
fn known_missing(settings: &ExtractSettings, object: &Object, path: &str) -> Option<ApiError> {
    let known = settings.capabilities.as_ref()?;
    let status = *known.endpoints.get(path)?;
    (object.is_guess && matches!(status, 403..=405 | 410)).then(|| ApiError::NotFound {
        path: format!("{BASE_PATH}{path}"),
        status,
    })
}

fn child(object: Object, changes: &impl Fn(&Object) -> bool, survey: &mut Survey) {
    let ReadMode::Child { parent, rows, .. } = object.kind else {
        return;
    };
    let known = survey
        .estimates
        .iter()
        .find(|estimate| estimate.object == parent);
    let Some(parents) = known.map(|estimate| estimate.rows) else {
        survey.skipped.push(Skipped {
            object: object.name.to_owned(),
            reason: format!("there are no {parent} to ask about"),
        });
        return;
    };
    let only_changes = rows != ChildRows::Members && changes(&object);
    survey.estimates.push(Estimate {
        object: object.name.to_owned(),
        rows: None,
        requests: match only_changes {
            true => 0,
            false => parents.unwrap_or(0),
        },
        note: match (only_changes, rows) {
            (true, _) => "one for each of the parents that changed",
            (false, ChildRows::Members) => "and one for every 100 members",
            (false, _) => "",
        },
    });
    survey.objects.push(object);
}
