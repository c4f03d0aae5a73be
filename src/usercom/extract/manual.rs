//! What no API gives: files that people make and put into the project's folder `manual`.
//!
//! In: that folder. Out: copies in the extract, and what is not there with what that costs. Its folder `examples` and texts
//! for people stay behind. Never: a look inside a file, but for whether pipelines hold their stages; staging does that.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::ExtractError;
use crate::staging::private_folder;
use crate::usercom::DecodedReader;

/// How far pipelines are looked into for their stages.
const LOOK_BYTES: u64 = 1 << 20;

/// Something that only a person can provide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Stem of its file.
    pub stem: &'static str,
    /// Stems that are as good.
    pub also: &'static [&'static str],
    /// What is lost without it.
    pub cost: &'static str,
}

/// Everything that only a person can provide.
pub const WANTED: &[Wanted] = &[
    Wanted {
        stem: "agents",
        also: &["owners", "agent", "owner"],
        cost: "owners are bare numbers: every one of them must be mapped by hand in config/owners.csv",
    },
    Wanted {
        stem: "pipelines",
        also: &["pipeline"],
        cost: "pipelines have no names and no order: the stage matrix must name them by their numbers",
    },
    Wanted {
        stem: "stages",
        also: &["stage"],
        cost: "stages have neither order nor probability, and a name only where a deal passed through them",
    },
    Wanted {
        stem: "files",
        also: &["file", "attachments", "documents"],
        cost: "no document moves",
    },
    Wanted {
        stem: "automations",
        also: &[],
        cost: "there is no inventory of what has to be built anew as Flows",
    },
    Wanted {
        stem: "templates",
        also: &[],
        cost: "there is no inventory of e-mail templates",
    },
];

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manual {
    /// Files, by their names inside the folder.
    pub copied: Vec<String>,
    /// What is not there.
    pub missing: Vec<Wanted>,
}

/// Looks at the folder without copying.
///
/// # Errors
/// [`ExtractError::File`].
pub fn look(folder: &Path) -> Result<Manual, ExtractError> {
    let mut copied = Vec::new();
    list(folder, "", &mut copied)?;
    copied.sort();
    let mut stems: BTreeSet<String> = copied.iter().flat_map(|name| stems(name)).collect();
    if copied.iter().any(|name| holds_stages(folder, name)) {
        stems.insert("stages".to_owned());
    }
    let has = |stem: &&str| stems.contains(*stem);
    let missing = WANTED
        .iter()
        .filter(|wanted| !has(&wanted.stem) && !wanted.also.iter().any(has))
        .copied()
        .collect();
    Ok(Manual { copied, missing })
}

/// Copies the folder's files into the extract.
///
/// # Errors
/// [`ExtractError::File`].
pub fn copy(folder: &Path, extract: &Path) -> Result<Manual, ExtractError> {
    let found = look(folder)?;
    for name in &found.copied {
        let target = extract.join(name);
        if let Some(parent) = target.parent() {
            private_folder(parent).map_err(ExtractError::file("create", parent))?;
        }
        fs::copy(folder.join(name), &target).map_err(ExtractError::file("copy", &target))?;
    }
    Ok(found)
}

/// The stems under which staging would look at a file: of its folder, and its own.
fn stems(name: &str) -> Vec<String> {
    let mut parts = name.rsplit('/');
    let own = parts.next().unwrap_or_default();
    let own = own.split(['-', '.']).next().unwrap_or_default();
    let folder = parts.next().unwrap_or_default();
    [own, folder]
        .map(|stem| stem.trim().to_lowercase())
        .to_vec()
}

/// Whether a file of pipelines has their stages inside.
fn holds_stages(folder: &Path, name: &str) -> bool {
    let is_pipelines = stems(name)
        .iter()
        .any(|stem| stem == "pipelines" || stem == "pipeline");
    let is_json = [".json", ".jsonl", ".ndjson"].iter().any(|ending| {
        name.to_lowercase()
            .trim_end_matches(".gz")
            .ends_with(ending)
    });
    if !is_pipelines || !is_json {
        return false;
    }
    let Ok(file) = fs::File::open(folder.join(name)) else {
        return false;
    };
    let mut start = Vec::new();
    let read = DecodedReader::new(name, Box::new(file), Arc::default())
        .and_then(|mut reader| reader.read_some(LOOK_BYTES, &mut start));
    read.is_ok() && memchr::memmem::find(&start, b"\"stages\"").is_some()
}

fn list(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), ExtractError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound && prefix.is_empty() => return Ok(()),
        Err(error) => return Err(ExtractError::file("list", folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(ExtractError::file("list", folder))?;
        let base = entry.file_name().to_string_lossy().into_owned();
        let name = format!("{prefix}{base}");
        let is_for_people = prefix.is_empty() && (base == "examples" || base == "README.txt");
        if base.starts_with('.') || is_for_people {
            continue;
        }
        if entry.path().is_dir() {
            list(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_copied_and_what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let manual = folder.path().join("manual");
        let write = |name: &str| {
            let path = manual.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        };
        for name in [
            "Owners-2026.csv",
            "pipelines/a.jsonl",
            "blobs/1.pdf",
            "examples/stages.csv",
            "README.txt",
            ".hidden",
        ] {
            write(name);
        }
        let extract = folder.path().join("extract");
        let found = copy(&manual, &extract).unwrap();
        assert_eq!(
            found.copied,
            ["Owners-2026.csv", "blobs/1.pdf", "pipelines/a.jsonl"]
        );
        let missing: Vec<_> = found.missing.iter().map(|wanted| wanted.stem).collect();
        assert_eq!(missing, ["stages", "files", "automations", "templates"]);
        assert_eq!(
            fs::read_to_string(extract.join("blobs/1.pdf")).unwrap(),
            "blobs/1.pdf"
        );
        assert!(!extract.join("examples").exists());
    }

    #[test]
    fn stages_inside_pipelines_are_not_missing() {
        let folder = tempfile::tempdir().unwrap();
        let pipelines = "{\"id\":1,\"name\":\"Sales\",\"stages\":[{\"id\":11}]}\n";
        fs::write(folder.path().join("pipelines.jsonl"), pipelines).unwrap();
        let missing = look(folder.path()).unwrap().missing;
        assert!(missing.iter().all(|wanted| wanted.stem != "stages"));
        fs::write(folder.path().join("pipelines.jsonl"), "{\"id\":1}\n").unwrap();
        let missing = look(folder.path()).unwrap().missing;
        assert!(missing.iter().any(|wanted| wanted.stem == "stages"));
    }

    #[test]
    fn without_a_folder_everything_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let found = look(&folder.path().join("none")).unwrap();
        assert_eq!(found.missing.len(), WANTED.len());
    }
}
