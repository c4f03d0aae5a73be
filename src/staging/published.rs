//! Which version of a ledger was published last, kept apart from the manifests: the newest of them cannot get lost unnoticed.
//!
//! In: a manifest that was just published. Out: an empty object whose name is its version. Of all other tables an older version
//! is made new by the next run; an older ledger would take records that landed for rows that were never sent.

use std::collections::BTreeMap;

use object_store::path::Path;

use super::current::Versions;
use super::{Manifest, Staging, StagingError};

/// The schema whose versions are marked.
const MARKED: &str = "ledger";

const FOLDER: &str = "published";

/// Newest marked version of each table.
pub(super) type Marks = BTreeMap<(String, String), u64>;

/// Marks a version, and forgets the marks before it.
pub(super) async fn mark(
    staging: &Staging,
    base: &Path,
    manifest: &Manifest,
) -> Result<(), StagingError> {
    if manifest.schema_name != MARKED {
        return Ok(());
    }
    let folder = base
        .clone()
        .join(FOLDER)
        .join(MARKED)
        .join(manifest.table.as_str());
    let mark = folder.clone().join(format!("{:010}", manifest.version));
    staging.create_object(&mark, bytes::Bytes::new()).await?;
    for earlier in staging.list(&folder).await? {
        if version(&earlier).is_some_and(|version| version < manifest.version) {
            staging.delete(&earlier).await?;
        }
    }
    Ok(())
}

/// The marks below a base.
pub(super) async fn newest(staging: &Staging, base: &Path) -> Result<Marks, StagingError> {
    let mut marks = Marks::new();
    for path in staging.list(&base.clone().join(FOLDER)).await? {
        let parts: Vec<_> = path.parts().collect();
        let ([.., schema, table, _], Some(version)) = (parts.as_slice(), version(&path)) else {
            staging.ignore(&path);
            continue;
        };
        let mark = marks
            .entry((schema.as_ref().to_owned(), table.as_ref().to_owned()))
            .or_default();
        *mark = version.max(*mark);
    }
    Ok(marks)
}

/// Fails if a marked version is newer than the newest manifest.
pub(super) fn check(marks: Marks, versions: &Versions) -> Result<(), StagingError> {
    for (name, published) in marks {
        let newest = versions.get(&name).map_or(0, |(version, _)| *version);
        if newest < published {
            return Err(StagingError::LostManifest {
                table: format!("{}.{}", name.0, name.1),
                published,
                newest,
            });
        }
    }
    Ok(())
}

fn version(path: &Path) -> Option<u64> {
    path.filename()?.parse().ok()
}
