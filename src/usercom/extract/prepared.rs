//! An extract from the first look to the manifest: what to do is decided before anything is written.
//!
//! In: a client, settings, what was asked for. Out: [`Prepared`], which tells what it will take, and then a complete
//! extract. An interrupted one is gone on with, if it was asked for the same.

use std::collections::BTreeMap;
use std::fs::File;

use chrono::Utc;
use futures::{StreamExt, TryStreamExt, stream};
use rand::RngExt;

use super::manifest::{self, Manifest, Mode, Skipped};
use super::objects::{Object, ReadMode};
use super::run::{Base, Run};
use super::state::{self, ObjectState, Places, RunState, Step};
use super::survey::{self, Estimate};
use super::{Choices, ExtractError, ExtractSettings, Finished, children, manual, part, walk, work};
use crate::progress::Progress;
use crate::usercom::api::Client;
use crate::usercom::cell::ATTRIBUTE_TYPE;
use crate::usercom::json_text;

/// An extract about to begin or to go on.
#[derive(Debug)]
pub struct Prepared {
    client: Client,
    settings: ExtractSettings,
    places: Option<Places>,
    state: RunState,
    base: Option<Base>,
    objects: Vec<Object>,
    skipped: Vec<Skipped>,
    /// What it will take.
    pub estimates: Vec<Estimate>,
    /// What people provided and did not.
    pub manual: manual::Manual,
    _lock: File,
}

/// Looks at the account and at what is there, and decides what to do. Nothing is written but a lock.
///
/// # Errors
/// [`ExtractError`].
pub async fn prepare(
    client: Client,
    settings: ExtractSettings,
    choices: Choices,
    restart: bool,
) -> Result<Prepared, ExtractError> {
    let selected = settings.selection(&choices.objects)?;
    let lock = state::lock(&settings.folder)?;
    let mut unfinished = state::unfinished(&settings.folder)?;
    if restart && let Some((places, _)) = unfinished.take() {
        places.remove()?;
    }
    let base = find_base(&settings, &choices)?;
    if let Some((places, before)) = &unfinished {
        let differs = differs(before, &settings, &choices, &selected);
        if !differs.is_empty() {
            return Err(ExtractError::OtherChoices {
                run: places.run.clone(),
                differs: differs.join(", "),
            });
        }
    }
    let known = |object: &Object| {
        let entry = base.as_ref().map(|base| &base.manifest.objects);
        entry.is_some_and(|objects| objects.contains_key(object.name))
    };
    let survey = survey::survey(&client, &settings, &selected, known).await?;
    let manual = manual::look(&settings.manual)?;
    let (places, state) = match unfinished {
        Some((places, state)) => (Some(places), state),
        None => {
            // A server without a clock: what this machine's may be wrong by is read again.
            let now = survey
                .now
                .unwrap_or_else(|| Utc::now() - chrono::Duration::hours(1));
            let state = RunState {
                url: settings.url.clone(),
                choices,
                started_at: now,
                base: base.as_ref().map(|base| base.manifest.run.clone()),
                objects: selected,
            };
            (None, state)
        }
    };
    Ok(Prepared {
        base: base.filter(|base| state.base.as_ref() == Some(&base.manifest.run)),
        client,
        settings,
        places,
        state,
        objects: survey.objects,
        skipped: survey.skipped,
        estimates: survey.estimates,
        manual,
        _lock: lock,
    })
}

/// The extract to build upon: the newest complete one of the same account.
fn find_base(settings: &ExtractSettings, choices: &Choices) -> Result<Option<Base>, ExtractError> {
    if choices.full {
        return Ok(None);
    }
    let newest = manifest::newest(&settings.folder)?;
    Ok(newest
        .filter(|(_, manifest)| manifest.source == settings.url)
        .map(|(folder, manifest)| Base {
            places: Places {
                root: settings.folder.clone(),
                run: manifest.run.clone(),
            },
            folder,
            manifest,
        }))
}

/// What an interrupted extract was asked for and this one is not.
fn differs(
    before: &RunState,
    settings: &ExtractSettings,
    choices: &Choices,
    selected: &[String],
) -> Vec<&'static str> {
    [
        ("url", before.url != settings.url),
        ("the objects", before.objects != selected),
        ("--full", before.choices.full != choices.full),
        ("--since", before.choices.since != choices.since),
    ]
    .into_iter()
    .filter_map(|(what, differs)| differs.then_some(what))
    .collect()
}

impl Prepared {
    /// The interrupted extract that this one goes on with.
    #[must_use]
    pub fn resumes(&self) -> Option<&str> {
        self.places.as_ref().map(|places| places.run.as_str())
    }

    /// The complete extract that this one builds upon.
    #[must_use]
    pub fn builds_upon(&self) -> Option<&str> {
        self.base.as_ref().map(|base| base.manifest.run.as_str())
    }

    /// Objects that the account does not offer, with the reason.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Requests in all, about.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.estimates
            .iter()
            .map(|estimate| estimate.requests)
            .sum()
    }

    /// Reads everything and completes the extract.
    ///
    /// # Errors
    /// [`ExtractError`]; what was read until then is kept for the next time.
    pub async fn run(self, progress: &dyn Progress) -> Result<Finished, ExtractError> {
        let places = match &self.places {
            Some(places) => places.clone(),
            None => self.begin()?,
        };
        places.create()?;
        let run = Run {
            client: &self.client,
            settings: &self.settings,
            places,
            state: self.state.clone(),
            base: self.base.clone(),
            progress,
        };
        let (lists, children): (Vec<Object>, Vec<Object>) = self
            .objects
            .iter()
            .partition(|object| object.kind == ReadMode::List);
        stream::iter(lists)
            .map(|object| walk::walk(&run, object))
            .buffer_unordered(self.client.concurrency())
            .try_collect::<Vec<()>>()
            .await?;
        note_unknown_types(&run)?;
        for object in children {
            children::read(&run, object).await?;
        }
        self.complete(&run)
    }

    /// Makes the places of a new extract.
    fn begin(&self) -> Result<Places, ExtractError> {
        let base = self.base.as_ref().map(|base| base.manifest.run.as_str());
        let mut at = self.state.started_at;
        let run = loop {
            let tail: u16 = rand::rng().random();
            let run = format!("{}-{tail:04x}", at.format("%Y%m%dT%H%M%SZ"));
            // Later extracts sort later, even if a clock went back.
            let newest = manifest::newest(&self.settings.folder)?;
            let newest = newest.map(|(_, manifest)| manifest.run);
            match base.max(newest.as_deref()) {
                Some(before) if run.as_str() <= before => at += chrono::Duration::seconds(1),
                _ => break run,
            }
        };
        let places = Places {
            root: self.settings.folder.clone(),
            run,
        };
        places.create()?;
        state::save(&places.note("run.json"), &self.state)?;
        Ok(places)
    }

    /// Writes the manifest over everything that is there.
    fn complete(&self, run: &Run<'_>) -> Result<Finished, ExtractError> {
        let mut entries = BTreeMap::new();
        let mut skipped = self.skipped.clone();
        for object in &self.objects {
            match work::entry(run, object)? {
                Some(entry) => {
                    entries.insert(object.name.to_owned(), entry);
                }
                None => skipped.extend(missing(run, object)?),
            }
        }
        let kept = self.base.iter().flat_map(|base| &base.manifest.objects);
        for (name, entry) in kept {
            let is_selected = self.state.objects.contains(name);
            if !is_selected && !entries.contains_key(name) {
                run.keep(name)?;
                let entry = manifest::Entry {
                    mode: Mode::Kept,
                    deleted: Vec::new(),
                    ..entry.clone()
                };
                entries.insert(name.clone(), entry);
            }
        }
        let folder = run.places.data();
        let manual = manual::copy(&self.settings.manual, &folder)?;
        let manifest = Manifest {
            format: 1,
            run: run.places.run.clone(),
            source: self.state.url.clone(),
            started_at: self.state.started_at,
            base: self.state.base.clone(),
            objects: entries,
            skipped,
            manual: manual.copied,
            manual_missing: manual
                .missing
                .iter()
                .map(|wanted| wanted.stem.to_owned())
                .collect(),
        };
        manifest.publish(&folder)?;
        run.places.forget_others();
        Ok(Finished { folder, manifest })
    }
}

/// Why an object is not in the extract.
fn missing(run: &Run<'_>, object: &Object) -> Result<Option<Skipped>, ExtractError> {
    let path = run.places.note(&format!("{}.json", object.name));
    let state: Option<ObjectState> = state::load(&path)?;
    Ok(state.and_then(|state| match state.step {
        Step::Missing(skipped) => Some(skipped),
        _ => None,
    }))
}

/// Tells about attributes whose type nobody has seen: their values are staged as text.
fn note_unknown_types(run: &Run<'_>) -> Result<(), ExtractError> {
    let path = run.places.note("attributes.json");
    let Some(state) = state::load::<ObjectState>(&path)? else {
        return Ok(());
    };
    for file in &state.parts.files {
        part::read_rows(&run.places.data().join(&file.name), |row| {
            let text = |key| json_text::get(row, key).and_then(json_text::cell);
            let kind = text("value_type").unwrap_or_default();
            if !kind.is_empty() && ATTRIBUTE_TYPE.word(&kind).is_err() {
                run.progress.done(&format!(
                    "note: attribute {} has the unknown type `{kind}`; its values are staged as text",
                    text("name").unwrap_or_default()
                ));
            }
            Ok(())
        })?;
    }
    Ok(())
}
