//! The questions of the probe, one function each.
//!
//! In: a client. Out: findings. An answer that does not come is a finding, too; only where people cannot be read there is
//! nothing to find out.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Finding, Findings};
use crate::usercom::api::{Answer, ApiError, Client, Page, Version, row_id};
use crate::usercom::capabilities::{Capabilities, ChangesBy};
use crate::usercom::extract::export::places;
use crate::usercom::{cell, json_text};

const PEOPLE: &str = "users/";

/// Lists that may be there; the last ones are guesses.
const LISTS: [&str; 15] = [
    "attributes/",
    "tags/",
    "lists/",
    "companies/",
    "deals/",
    "activities/",
    "products/",
    "segments/",
    "conversations/",
    "tickets/",
    "pipelines/",
    "stages/",
    "agents/",
    "notes/",
    "activity-types/",
];

/// What hangs on a record.
const CHILDREN: [&str; 9] = [
    "users/:id/",
    "users/:id/emails/",
    "users/:id/events/",
    "users/:id/conversations/",
    "users/:id/timeline/",
    "users/:id/segments/",
    "deals/:id/stage-changes/",
    "segments/:id/users/",
    "conversations/:id/",
];

/// Most pages that are turned to see how a list ends.
const MOST_PAGES: u64 = 20;

/// Most requests at once to find the limit.
const MOST_AT_ONCE: u32 = 60;

/// Longest that the file of a bulk export is waited for.
const EXPORT_WAIT: Duration = Duration::from_secs(30);

/// A probe on its way.
pub(super) struct Asking<'a> {
    client: &'a Client,
    pub(super) findings: Findings,
}

impl<'a> Asking<'a> {
    pub(super) fn new(client: &'a Client, source: &str) -> Self {
        Self {
            client,
            findings: Findings {
                findings: Vec::new(),
                capabilities: Capabilities {
                    source: source.to_owned(),
                    ..Capabilities::default()
                },
            },
        }
    }

    fn found(&mut self, question: &'static str, answer: String) {
        self.findings.findings.push(Finding { question, answer });
    }

    fn known(&mut self) -> &mut Capabilities {
        &mut self.findings.capabilities
    }

    /// A list that may not be there.
    async fn ask(&self, target: &str) -> Option<Answer> {
        self.client.get(target).await.ok()
    }

    /// 1: the shape of people in both versions.
    pub(super) async fn shape(&mut self) -> Result<(), ApiError> {
        let second = self.client.get(PEOPLE).await?;
        let first = self.client.get_as(PEOPLE, Version::One).await?;
        self.known().probed_at = second.date.unwrap_or_else(chrono::Utc::now);
        let (first, second) = (keys(&first.page("")?), keys(&second.page("")?));
        let only = |left: &BTreeSet<String>, right: &BTreeSet<String>| {
            let only: Vec<&str> = left.difference(right).map(String::as_str).collect();
            listed(&only)
        };
        let is_v1 = second.contains("attributes");
        self.known().api_version = if is_v1 { 1 } else { 2 };
        let names: Vec<&str> = ["first_name", "last_name", "attributes"]
            .into_iter()
            .filter(|key| second.contains(*key))
            .collect();
        let answer = format!(
            "With the version header only: {}. Without it only: {}. Of first_name, last_name and attributes the second \
             version has: {}.",
            only(&second, &first),
            only(&first, &second),
            listed(&names)
        );
        self.found(
            "Which keys has a person with and without the version header?",
            answer,
        );
        Ok(())
    }

    /// 2: pages, their size, the end.
    pub(super) async fn paging(&mut self) -> Result<(), ApiError> {
        let first = self.client.get(PEOPLE).await?;
        let page = first.page("")?;
        let (size, count) = (page.rows.len() as u64, page.count);
        let parameters: Vec<String> = page.next.as_deref().map(parameters).unwrap_or_default();
        let settable = match self.ask("users/?page_size=2").await {
            Some(answer) => answer.page("")?.rows.len() == 2 && size > 2,
            None => false,
        };
        self.known().page_size = size;
        self.known().page_parameters.clone_from(&parameters);
        self.known().page_size_settable = settable;
        let end = self.end_of_a_list().await?;
        let answer = format!(
            "{size} people on a page of {}; `next` has {}; page_size is {}. {end}",
            count.map_or_else(|| "an unknown number".to_owned(), |count| count.to_string()),
            listed(&parameters.iter().map(String::as_str).collect::<Vec<_>>()),
            if settable { "honoured" } else { "ignored" },
        );
        self.found("How are lists paged, and how do they end?", answer);
        Ok(())
    }

    /// Turns the pages of the shortest list that has several.
    async fn end_of_a_list(&mut self) -> Result<String, ApiError> {
        let mut shortest: Option<(u64, &str)> = None;
        for list in LISTS.iter().take(9).copied().chain([PEOPLE]) {
            let Some(answer) = self.ask(list).await else {
                continue;
            };
            let Ok(page) = answer.page("") else {
                continue;
            };
            let pages = page.count.unwrap_or(0) / page.rows.len().max(1) as u64;
            if page.next.is_some() && shortest.is_none_or(|(other, _)| pages < other) {
                shortest = Some((pages, list));
            }
        }
        let Some((pages, list)) = shortest else {
            return Ok("No list has several pages.".to_owned());
        };
        if pages > MOST_PAGES {
            return Ok(format!(
                "The shortest list of several pages, {list}, is too long to be read here."
            ));
        }
        let (mut target, mut rows, mut count) = (list.to_owned(), 0, None);
        for _ in 0..=2 * MOST_PAGES {
            let answer = match self.client.get(&target).await {
                Ok(answer) => answer,
                Err(ApiError::NotFound { status, .. }) => {
                    self.known().last_next_is_missing = true;
                    return Ok(format!(
                        "The last page of {list} promises another one, which is answered with {status}; {rows} of {} \
                         rows were listed.",
                        count.unwrap_or(0)
                    ));
                }
                Err(error) => return Err(error),
            };
            let page = answer.page("")?;
            rows += page.rows.len() as u64;
            count = page.count.filter(|_| !page.rows.is_empty()).or(count);
            match page.next {
                Some(next) => target = next,
                None => {
                    return Ok(format!(
                        "The last page of {list} has no `next`; {rows} of {} rows were listed.",
                        count.unwrap_or(0)
                    ));
                }
            }
        }
        Ok(format!("{list} did not come to an end."))
    }

    /// 4: what is there.
    pub(super) async fn endpoints(&mut self) -> Result<(), ApiError> {
        for list in LISTS.into_iter().chain([PEOPLE]) {
            let status = self.client.status(list).await?;
            self.known().endpoints.insert(list.to_owned(), status);
        }
        for child in CHILDREN {
            let parent = child.split(":id").next().unwrap_or_default();
            let Some(answer) = self.ask(parent).await else {
                continue;
            };
            let id = answer.page("")?.rows.iter().find_map(|row| row_id(row));
            if let Some(id) = id {
                let status = self
                    .client
                    .status(&child.replace(":id", &id.to_string()))
                    .await?;
                self.known().endpoints.insert(child.to_owned(), status);
            }
        }
        let missing: Vec<&str> = self
            .findings
            .capabilities
            .endpoints
            .iter()
            .filter(|(_, status)| **status != 200)
            .map(|(path, _)| path.as_str())
            .collect();
        let answer = format!("Not there or not allowed: {}.", listed(&missing));
        self.found("Which lists are there?", answer);
        Ok(())
    }

    /// 5: changes.
    pub(super) async fn changes(&mut self) -> Result<(), ApiError> {
        let answer = self.client.get(PEOPLE).await?;
        let page = answer.page("")?;
        let some = page
            .rows
            .iter()
            .find_map(|row| Some((row_id(row)?, changed(row)?)));
        let Some((id, at)) = some else {
            self.found(
                "Can people be asked for by the time of their change?",
                "Nobody on the first page says when it changed.".to_owned(),
            );
            return Ok(());
        };
        let all = page.count;
        let search = format!("users/search/?search=updated_at&min={at}&max={at}");
        let search = match self.ask(&search).await {
            Some(answer) => answer.page("").ok().map(|page| {
                let rows = &page.rows;
                let has = rows.iter().any(|row| row_id(row) == Some(id));
                let others = rows
                    .iter()
                    .any(|row| changed(row).is_some_and(|other| other != at));
                (has, others)
            }),
            None => None,
        };
        // Nobody changed in a hundred years from now.
        let filter = match self
            .ask("users/?updated_at__gte=2126-01-01T00:00:00Z")
            .await
        {
            Some(answer) => answer.page("").is_ok_and(|page| page.rows.is_empty()),
            None => false,
        };
        let filter = filter && all != Some(0);
        let known = self.known();
        known.changes_inclusive = matches!(search, Some((true, _)));
        known.changes = match search {
            Some((_, false)) => ChangesBy::Search,
            _ if filter => ChangesBy::Filter,
            _ => ChangesBy::Nothing,
        };
        let answer = format!(
            "users/search/?search=updated_at: {}. users/?updated_at__gte: {}. Whether a tag, a list or an attribute moves \
             updated_at was not asked: it would take a change.",
            match search {
                None => "not there",
                Some((_, true)) => "does not filter",
                Some((true, false)) => "filters, both ends included",
                Some((false, false)) => "filters, an end is left out",
            },
            if filter { "filters" } else { "does not filter" },
        );
        self.found(
            "Can people be asked for by the time of their change?",
            answer,
        );
        Ok(())
    }

    /// 7: attributes.
    pub(super) async fn attributes(&mut self) -> Result<(), ApiError> {
        let Some(answer) = self.ask("attributes/").await else {
            return Ok(());
        };
        let page = answer.page("")?;
        let words = |key: &str| {
            let all: BTreeSet<String> = page
                .rows
                .iter()
                .filter_map(|row| json_text::cell(json_text::get(row, key)?))
                .map(std::borrow::Cow::into_owned)
                .collect();
            listed(&all.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let fixed = |row: &&&str| json_text::get(row, "value_type") == Some("\"fixed\"");
        let with_choices = page
            .rows
            .iter()
            .filter(fixed)
            .filter(|row| json_text::get(row, "choices").is_some())
            .count();
        let answer = format!(
            "value_type is one of {}; content_type one of {}; {with_choices} of {} `fixed` attributes list their choices.",
            words("value_type"),
            words("content_type"),
            page.rows.iter().filter(fixed).count()
        );
        self.found("How are attributes described?", answer);
        Ok(())
    }

    /// 8: a long conversation.
    pub(super) async fn conversation(&mut self) -> Result<(), ApiError> {
        let Some(answer) = self.ask("conversations/").await else {
            return Ok(());
        };
        let page = answer.page("")?;
        let longest = page
            .rows
            .iter()
            .filter_map(|row| {
                let count: u64 = json_text::get(row, "messages")?.parse().ok()?;
                Some((count, row_id(row)?))
            })
            .max();
        let Some((count, id)) = longest else {
            return Ok(());
        };
        let answer = match self.ask(&format!("conversations/{id}/")).await {
            Some(answer) => {
                let page = answer.page("messages")?;
                format!(
                    "The longest one on the first page has {count} messages; {} came at once, and there is {} next page.",
                    page.rows.len(),
                    if page.next.is_some() { "a" } else { "no" }
                )
            }
            None => "A conversation cannot be read by its id.".to_owned(),
        };
        self.found("Are the messages of a long conversation all there?", answer);
        Ok(())
    }

    /// 6: one day's bulk export.
    pub(super) async fn export(&mut self) -> Result<(), ApiError> {
        let day = self.findings.capabilities.probed_at.format("%Y-%m-%d");
        let wish =
            format!(r#"{{"type":"deals_stage_changes","date_from":"{day}","date_to":"{day}"}}"#);
        let question = "Are there bulk exports, and where is the file?";
        let places = match self.client.post("exports/", &wish).await {
            Ok(answer) => places(&answer.body),
            Err(error @ ApiError::Unauthorized { .. }) => return Err(error),
            Err(error) => {
                self.found(question, format!("No: {error}."));
                return Ok(());
            }
        };
        let Some(places) = places else {
            self.found(question, "The answer names no file.".to_owned());
            return Ok(());
        };
        let started = Instant::now();
        while started.elapsed() < EXPORT_WAIT {
            for place in &places {
                let Ok(response) = self.client.open(place).await else {
                    continue;
                };
                let text = response.text().await.unwrap_or_default();
                let header = text.lines().next().unwrap_or_default().to_owned();
                let folder = place
                    .rsplit_once('/')
                    .map_or("", |(folder, _)| folder)
                    .to_owned();
                self.found(
                    question,
                    format!(
                        "Yes, at {folder}/ after {:.0} s; its header is `{header}`.",
                        started.elapsed().as_secs_f64()
                    ),
                );
                self.known().exports = Some(folder);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.found(
            question,
            format!(
                "An export is promised, but its file was not at any known place within {} s.",
                EXPORT_WAIT.as_secs()
            ),
        );
        Ok(())
    }

    /// 3: the limit.
    pub(super) async fn burst(&mut self) -> Result<(), ApiError> {
        let question = "How many requests at once are too many?";
        let started = Instant::now();
        for sent in 1..=MOST_AT_ONCE {
            let (status, headers) = self.client.try_once("tags/").await?;
            if status != 429 {
                continue;
            }
            let text = |name: &str| {
                let value = headers.get(name)?.to_str().ok()?;
                Some(value.to_owned())
            };
            let retry_after = text("retry-after");
            let limits: Vec<String> = headers
                .iter()
                .filter(|(name, _)| name.as_str().starts_with("x-ratelimit"))
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")))
                .collect();
            self.found(
                question,
                format!(
                    "Request {sent} in {:.1} s was answered with 429, Retry-After {}; {}.",
                    started.elapsed().as_secs_f64(),
                    retry_after.as_deref().unwrap_or("not given"),
                    if limits.is_empty() {
                        "no X-RateLimit headers".to_owned()
                    } else {
                        limits.join(", ")
                    }
                ),
            );
            self.known().burst = Some(sent);
            self.known().retry_after = retry_after;
            return Ok(());
        }
        self.found(
            question,
            format!(
                "{MOST_AT_ONCE} in {:.1} s were not.",
                started.elapsed().as_secs_f64()
            ),
        );
        Ok(())
    }
}

/// Keys of the rows of a page.
fn keys(page: &Page<'_>) -> BTreeSet<String> {
    page.rows
        .iter()
        .flat_map(|row| json_text::entries(row))
        .filter_map(|(key, _)| json_text::cell(key))
        .map(std::borrow::Cow::into_owned)
        .collect()
}

/// Names of the parameters of a `next`.
fn parameters(next: &str) -> Vec<String> {
    let query = next.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect()
}

/// When a record changed, in seconds.
fn changed(row: &str) -> Option<i64> {
    let text = json_text::get(row, "updated_at").and_then(json_text::cell)?;
    let micros = cell::timestamp(&text, chrono_tz::UTC).ok()?;
    Some(micros.div_euclid(1_000_000))
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    }
}
