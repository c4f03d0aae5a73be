//! What every part of an extract shares: the client, the places, what was asked for, the extract that it builds upon.

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::ids::{self, IdSet};
use super::manifest::{Entry, Manifest};
use super::objects::{ChildRows, OBJECTS, Object, ReadMode, object};
use super::state::{Places, RunState};
use super::{ExtractError, ExtractSettings};
use crate::progress::Progress;
use crate::usercom::api::Client;

/// A complete extract that this one builds upon.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) places: Places,
}

/// See the module's documentation.
pub(super) struct Run<'a> {
    pub(super) client: &'a Client,
    pub(super) settings: &'a ExtractSettings,
    pub(super) places: Places,
    pub(super) state: RunState,
    pub(super) base: Option<Base>,
    pub(super) progress: &'a dyn Progress,
}

impl Run<'_> {
    /// Path of an object's list.
    pub(super) fn path(&self, object: &Object) -> String {
        self.settings.path(object)
    }

    /// What the base says about an object.
    pub(super) fn base_entry(&self, name: &str) -> Option<&Entry> {
        self.base.as_ref()?.manifest.objects.get(name)
    }

    /// Ids of the base; nothing where it has none.
    pub(super) fn base_ids(&self, name: &str) -> Result<Option<IdSet>, ExtractError> {
        if self.base_entry(name).is_none() {
            return Ok(None);
        }
        let Some(base) = &self.base else {
            return Ok(None);
        };
        let path = base.places.note(&format!("{name}.all"));
        match path.exists() {
            true => ids::read_all(&path).map(Some),
            false => Ok(None),
        }
    }

    /// From when on changes are wanted, by what the base has seen of an object.
    fn since(&self, name: &str) -> Option<DateTime<Utc>> {
        let seen = self.base_entry(name)?.watermark?;
        Some(match self.state.choices.since {
            // Nothing between the two may be left out.
            Some(since) => since.min(seen - self.settings.overlap),
            None => seen - self.settings.overlap,
        })
    }

    /// Since when a record must have been left alone for its children to be taken over.
    pub(super) fn changed_since(&self, parent: &str) -> Option<DateTime<Utc>> {
        let children = OBJECTS.iter().filter(|object| {
            object.parent() == Some(parent)
                && self.state.objects.iter().any(|name| name == object.name)
        });
        let by_person = (parent == "people")
            .then(|| self.since("conversations"))
            .flatten();
        children
            .filter_map(|child| self.since(child.name))
            .chain(by_person)
            .min()
    }

    /// From when on to read changes only, where the API can tell them.
    pub(super) fn changes_of(&self, object: &Object) -> Option<DateTime<Utc>> {
        // No other list has a filter that anybody has seen (`guide/usercom.md` §3).
        if object.name != "people" {
            return None;
        }
        let since = self.since(object.name)?;
        let children = self.changed_since(object.name);
        Some(children.map_or(since, |at| at.min(since)))
    }

    /// Files of the base whose rows can be taken over, of a child object.
    pub(super) fn base_rows(&self, object: &Object) -> Option<Vec<PathBuf>> {
        // Who is in a segment changes without the segment.
        if let ReadMode::Child {
            rows: ChildRows::Members,
            ..
        } = object.kind
        {
            return None;
        }
        self.changed_since(object.parent()?)?;
        let base = self.base.as_ref()?;
        let files = &self.base_entry(object.name)?.files;
        let all_ours = files.iter().all(|file| file.name.ends_with(".jsonl.gz"));
        let has_ids = base
            .places
            .note(&format!("{}.all", object.parent()?))
            .exists();
        (all_ours && has_ids).then(|| {
            files
                .iter()
                .map(|file| base.folder.join(&file.name))
                .collect()
        })
    }

    /// Puts the base's files of an object into this extract, without a second copy where the disk can.
    pub(super) fn link_base_files(&self, name: &str) -> Result<(), ExtractError> {
        let (Some(base), Some(entry)) = (&self.base, self.base_entry(name)) else {
            return Ok(());
        };
        for file in &entry.files {
            let (from, to) = (
                base.folder.join(&file.name),
                self.places.data().join(&file.name),
            );
            if to.exists() {
                continue;
            }
            if fs::hard_link(&from, &to).is_err() {
                fs::copy(&from, &to).map_err(ExtractError::file("copy", &from))?;
            }
        }
        Ok(())
    }

    /// Keeps an object of the base as it is.
    pub(super) fn keep(&self, name: &str) -> Result<(), ExtractError> {
        self.link_base_files(name)?;
        let Some(base) = &self.base else {
            return Ok(());
        };
        let from = base.places.note(&format!("{name}.all"));
        if from.exists() {
            let to = self.places.note(&format!("{name}.all"));
            fs::copy(&from, &to).map_err(ExtractError::file("copy", &from))?;
        }
        Ok(())
    }
}

impl ExtractSettings {
    /// Path of an object's list.
    pub(super) fn path(&self, object: &Object) -> String {
        let path = self.endpoints.get(object.name).map(String::as_str);
        let by_person = object.name == "conversations" && object.parent().is_some();
        match path.filter(|_| !by_person) {
            Some(path) if path.ends_with('/') => path.to_owned(),
            Some(path) => format!("{path}/"),
            None => object.path.to_owned(),
        }
    }

    /// The objects to read, parents of wanted ones among them.
    pub(super) fn selection(&self, only: &[String]) -> Result<Vec<String>, ExtractError> {
        for (place, names) in [
            ("leave_out of [source.api]", &self.leave_out),
            ("include of [source.api]", &self.include),
            ("--object", &only.to_vec()),
            (
                "endpoints of [source.api]",
                &self.endpoints.keys().cloned().collect(),
            ),
        ] {
            for name in names {
                if object(name).is_none() {
                    return Err(ExtractError::UnknownObject {
                        place,
                        name: name.clone(),
                        nearest: crate::config::nearest(
                            name,
                            OBJECTS.iter().map(|object| object.name),
                        ),
                    });
                }
            }
        }
        let is_wanted = |object: &Object| match only.is_empty() {
            true => object.by_default || self.include.iter().any(|name| name == object.name),
            false => only.iter().any(|name| name == object.name),
        };
        let left_out = |name: &str| self.leave_out.iter().any(|other| other == name);
        let mut selected: Vec<&Object> = OBJECTS
            .iter()
            .filter(|object| is_wanted(object) && !left_out(object.name))
            .filter(|object| !object.parent().is_some_and(left_out))
            .collect();
        // A child cannot be read without its parents.
        let parents: Vec<&str> = selected
            .iter()
            .filter_map(|object| object.parent())
            .collect();
        selected.extend(
            OBJECTS
                .iter()
                .filter(|object| parents.contains(&object.name)),
        );
        let names: Vec<String> = OBJECTS
            .iter()
            .filter(|object| selected.iter().any(|other| other.name == object.name))
            .map(|object| object.name.to_owned())
            .collect();
        match names.is_empty() {
            true => Err(ExtractError::Nothing),
            false => Ok(names),
        }
    }
}
