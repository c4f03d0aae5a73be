//! One path per table that stays the same, for other tools: `current/<schema>/<table>/*.parquet` are the files of its current
//! version and of no other, while a glob over `tables/` would count rows of earlier versions as well.
//!
//! In: a version that was just published, in a folder. Out: links to its files, moved into place at once, so that a reader beside a
//! run sees one version or the next and never both. Never: an error that keeps a table from being published, or a link in an
//! object store, which has none.

use std::io;
use std::path::{Path as FilePath, PathBuf};

use object_store::path::Path;

use super::{Manifest, Staging};

/// Where the stable paths are.
const CURRENT: &str = "current";

/// Where the links of each version are.
const LINKS: &str = "links";

/// Points the table's stable path at this version.
pub(super) async fn point(staging: &Staging, base: &Path, manifest: &Manifest) {
    let Some(area) = staging.local_folder() else {
        return;
    };
    let base = PathBuf::from(format!("/{base}"));
    let name = manifest.name();
    let files: Vec<PathBuf> = manifest
        .files
        .iter()
        .map(|file| area.join(&file.path))
        .collect();
    let (schema, table) = (manifest.schema_name.clone(), manifest.table.clone());
    let version = manifest.version;
    let linked =
        tokio::task::spawn_blocking(move || link(&base, &schema, &table, version, &files)).await;
    let refused = match linked {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::warn!("{CURRENT}/ does not show the last version of {name}: {refused}");
}

#[cfg(unix)]
fn link(
    base: &FilePath,
    schema: &str,
    table: &str,
    version: u64,
    files: &[PathBuf],
) -> io::Result<()> {
    use std::os::unix::fs::symlink;

    let versions = base.join(LINKS).join(schema).join(table);
    let folder = versions.join(format!("{version:010}"));
    super::private_folder(&folder)?;
    for (number, file) in files.iter().enumerate() {
        // Relative, so that the area can be moved.
        let file = file.strip_prefix(base).unwrap_or(file);
        let target = FilePath::new("../../../..").join(file);
        replace(&folder.join(format!("{number:05}.parquet")), |path| {
            symlink(&target, path)
        })?;
    }
    let stable = base.join(CURRENT).join(schema);
    super::private_folder(&stable)?;
    let target = FilePath::new("../..").join(folder.strip_prefix(base).unwrap_or(&folder));
    replace(&stable.join(table), |path| symlink(&target, path))?;
    // Whoever has just listed the version before may still open its files.
    for entry in std::fs::read_dir(&versions)? {
        let entry = entry?;
        let name = entry.file_name();
        let earlier = name.to_str().and_then(|name| name.parse::<u64>().ok());
        if earlier.is_some_and(|earlier| earlier + 1 < version) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn link(_: &FilePath, _: &str, _: &str, _: u64, _: &[PathBuf]) -> io::Result<()> {
    Ok(())
}

/// Makes a link beside its place and moves it there.
#[cfg(unix)]
fn replace(path: &FilePath, make: impl Fn(&FilePath) -> io::Result<()>) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => make(&beside)?,
    }
    let there = std::fs::symlink_metadata(path);
    if there.is_ok_and(|there| there.is_dir()) {
        // An area that was copied by what follows links.
        std::fs::remove_dir_all(path)?;
    }
    std::fs::rename(&beside, path)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    async fn publish(staging: &Staging, schema: &str, ids: Vec<i64>) -> Manifest {
        let column: ArrayRef = Arc::new(Int64Array::from(ids));
        let batch = RecordBatch::try_from_iter([("id", column)]).unwrap();
        let writer = staging.create(schema, "people", batch.schema(), &[]).await;
        let mut writer = writer.unwrap();
        writer.write(&batch).await.unwrap();
        writer.publish(BTreeMap::new()).await.unwrap()
    }

    fn rows(folder: &FilePath) -> i64 {
        let files = std::fs::read_dir(folder).unwrap();
        let counts = files.map(|file| {
            let file = std::fs::File::open(file.unwrap().path()).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            reader.metadata().file_metadata().num_rows()
        });
        counts.sum()
    }

    #[tokio::test]
    async fn a_stable_path_holds_the_rows_of_the_current_version_and_moves_with_the_area() {
        let folder = tempfile::tempdir().unwrap();
        let area = folder.path().join("area");
        let staging = Staging::open(area.to_str().unwrap()).unwrap();
        let stable = area.join("current/usercom/people");
        publish(&staging, "usercom", vec![1]).await;
        assert_eq!(rows(&stable), 1);
        let listed = std::fs::read_dir(&stable).unwrap().next().unwrap().unwrap();
        let before = std::fs::canonicalize(listed.path()).unwrap();
        publish(&staging, "usercom", vec![1, 2]).await;
        assert_eq!(rows(&stable), 2);
        assert!(before.exists(), "a reader of the version before goes on");
        publish(&staging, "usercom", vec![1, 2, 3]).await;
        assert_eq!(rows(&stable), 3);
        assert_eq!(
            std::fs::read_dir(area.join("links/usercom/people"))
                .unwrap()
                .count(),
            2
        );
        let org = staging.with_org("00D1");
        publish(&org, "outbox", vec![1, 2, 3, 4]).await;
        assert_eq!(rows(&area.join("orgs/00D1/current/outbox/people")), 4);
        let moved = folder.path().join("moved");
        std::fs::rename(&area, &moved).unwrap();
        assert_eq!(rows(&moved.join("current/usercom/people")), 3);
        assert_eq!(rows(&moved.join("orgs/00D1/current/outbox/people")), 4);
    }

    #[tokio::test]
    async fn a_copy_without_links_gets_them_back() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
        let stable = folder.path().join("current/usercom/people");
        private(&stable);
        std::fs::write(stable.join("00000.parquet"), "of a copy").unwrap();
        publish(&staging, "usercom", vec![1, 2]).await;
        assert_eq!(rows(&stable), 2);
    }

    fn private(folder: &FilePath) {
        std::fs::create_dir_all(folder).unwrap();
    }
}
