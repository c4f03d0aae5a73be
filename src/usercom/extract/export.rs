//! Bulk exports: User.com writes a whole log into one CSV file, where the account offers that (`guide/usercom.md` §6).
//!
//! In: an object with an export type. Out: one file of the extract, or `false`: then pages are read instead. Where the file
//! is to be found is not documented, so the known places are tried. Nothing of what is not sure is taken: a file without
//! the columns that staging needs is left alone.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde::Deserialize;

use super::ExtractError;
use super::part::DataFile;
use super::work::Work;
use crate::staging::create_private_file;
use crate::usercom::api::ApiError;
use crate::usercom::header::normalise;

/// Between two looks for the file: at first, and at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// What is answered to the wish for an export.
#[derive(Deserialize)]
struct Promise {
    #[serde(default)]
    filename: Option<String>,
    #[serde(default)]
    url: Option<String>,
}

/// Takes the object from a bulk export, if it can be had.
pub(super) async fn read(work: &mut Work<'_>, key: &str) -> Result<bool, ExtractError> {
    let run = work.run;
    let name = work.object.name;
    let known = run.settings.capabilities.as_ref();
    let is_offered = known.is_none_or(|known| known.exports.is_some());
    let is_wanted = run.settings.exports && is_offered;
    let Some(kind) = work.object.export_type.filter(|_| is_wanted) else {
        return Ok(false);
    };
    let request = format!("{{\"type\":\"{kind}\"}}");
    let answer = match run.client.post(&run.settings.export_path, &request).await {
        Ok(answer) => answer,
        Err(error @ (ApiError::Unauthorized { .. } | ApiError::Unreachable { .. })) => {
            return Err(ExtractError::api(name)(error));
        }
        Err(_) => return Ok(false),
    };
    let give_up = |why: &str| {
        run.progress
            .done(&format!("note: {name}: {why}; it is done without"));
        Ok(false)
    };
    let Some(places) = places(&answer.body) else {
        return give_up("the answer to the bulk export names no file");
    };
    let file = DataFile {
        name: format!("{name}-{}-00001.csv", run.places.run),
        rows: 0,
        bytes: 0,
    };
    let path = run.places.data().join(&file.name);
    run.progress
        .done(&format!("{name}: waiting for the bulk export"));
    if !fetch(work, &places, &path).await? {
        return give_up("the file of the bulk export did not appear");
    }
    match check(&path, name, key) {
        Ok(ids) => {
            let bytes = fs::metadata(&path)
                .map_err(ExtractError::file("read", &path))?
                .len();
            let rows = ids.len() as u64;
            work.state.parts.files = vec![DataFile {
                rows,
                bytes,
                ..file
            }];
            work.writer.parts = work.state.parts.clone();
            for id in &ids {
                work.ids.insert(*id);
            }
            work.add_ready(&[], &ids)?;
            work.state.is_export = true;
            Ok(true)
        }
        Err(why) => {
            fs::remove_file(&path).map_err(ExtractError::file("remove", &path))?;
            give_up(&why)
        }
    }
}

/// Where the file may be, likeliest first.
pub(in crate::usercom) fn places(answer: &str) -> Option<Vec<String>> {
    let promise: Promise = serde_json::from_str(answer).ok()?;
    let mut places: Vec<String> = promise.url.into_iter().collect();
    let is_plain = |name: &String| {
        !name.is_empty()
            && !name.starts_with('.')
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'))
    };
    if let Some(name) = promise.filename.filter(is_plain) {
        places.push(format!("/api/public/exports/{name}"));
        places.push(format!("/media/exports/{name}"));
    }
    (!places.is_empty()).then_some(places)
}

/// Waits for the file and stores it; `false` if it does not appear.
async fn fetch(work: &Work<'_>, places: &[String], path: &Path) -> Result<bool, ExtractError> {
    let run = work.run;
    let started = Instant::now();
    let mut pause = LOOKS.0;
    loop {
        for place in places {
            match run.client.open(place).await {
                Ok(response) => {
                    if store(response, path).await? {
                        return Ok(true);
                    }
                }
                Err(error) if error.is_missing() => {}
                Err(error @ (ApiError::Redirected { .. } | ApiError::NotJson { .. })) => {
                    tracing::info!(%error, "no export there");
                }
                Err(error) => return Err(ExtractError::api(work.object.name)(error)),
            }
        }
        if started.elapsed() + pause > run.settings.export_wait {
            return Ok(false);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LOOKS.1);
    }
}

/// Stores a body; `false` if it breaks off, so that it is asked for again.
async fn store(response: reqwest::Response, path: &Path) -> Result<bool, ExtractError> {
    let part = path.with_extension("csv.part");
    let fail = || ExtractError::file("write", &part);
    let mut file = create_private_file(&part).map_err(fail())?;
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        let Ok(chunk) = chunk else {
            return Ok(false);
        };
        file.write_all(&chunk).map_err(fail())?;
    }
    file.sync_all().map_err(fail())?;
    fs::rename(&part, path).map_err(fail())?;
    Ok(true)
}

/// The ids in a file that staging can use; why not otherwise.
fn check(path: &Path, object: &str, key: &str) -> Result<Vec<i64>, String> {
    let broken = |_| "the file of the bulk export is no CSV".to_owned();
    let mut reader = csv::ReaderBuilder::new().from_path(path).map_err(broken)?;
    let header = reader.headers().map_err(broken)?.clone();
    let forms: Vec<String> = header
        .iter()
        .map(|cell| normalise(cell.trim_start_matches('\u{feff}')))
        .collect();
    let Some(id) = forms.iter().position(|form| form == "id") else {
        return Err("the bulk export has no ids".to_owned());
    };
    let names_parent = crate::usercom::object(object)
        .and_then(|table| table.column(key))
        .is_some_and(|column| {
            column
                .aliases
                .iter()
                .any(|alias| forms.iter().any(|form| form == alias.header))
        });
    if !names_parent {
        return Err(format!("the bulk export has no {key}"));
    }
    let mut ids = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(broken)? {
        match record.get(id).map(str::trim).unwrap_or_default().parse() {
            Ok(id) => ids.push(id),
            Err(_) => return Err("the bulk export has rows without an id".to_owned()),
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_lead_elsewhere() {
        assert_eq!(
            places(r#"{"filename":"ab-1.csv"}"#).unwrap(),
            ["/api/public/exports/ab-1.csv", "/media/exports/ab-1.csv"]
        );
        assert_eq!(places(r#"{"url":"/x/y.csv"}"#).unwrap(), ["/x/y.csv"]);
        for answer in [
            r#"{"filename":"../../users/"}"#,
            r#"{"filename":"..csv"}"#,
            r#"{"filename":""}"#,
            "[]",
            "{}",
        ] {
            assert_eq!(places(answer), None, "{answer}");
        }
    }

    #[test]
    fn a_file_without_what_staging_needs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let check = |text: &str| {
            fs::write(&path, text).unwrap();
            super::check(&path, "emails", "person_id")
        };
        assert_eq!(
            check("\u{feff}ID,User ID,subject\n5,1,a\n6,2,b\n"),
            Ok(vec![5, 6])
        );
        assert!(
            check("id,subject\n5,a\n")
                .unwrap_err()
                .contains("person_id")
        );
        assert!(
            check("user_id,subject\n5,a\n")
                .unwrap_err()
                .contains("no ids")
        );
        assert!(
            check("id,user_id\nx,1\n")
                .unwrap_err()
                .contains("without an id")
        );
        assert!(check("id,user_id\n1\n").unwrap_err().contains("no CSV"));
    }
}
