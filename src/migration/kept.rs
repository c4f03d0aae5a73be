//! What a dry run made and the next one need not make again.
//!
//! In: the tables of each step of a dry run, and what they follow from. Out: `dry_run.json` beside the tables of an org, and the tables of steps
//! that stand. Never: a table that anybody else reads: an outbox among them is none that a run sends; one of whose files something is
//! missing, since whatever is swept as a leftover is made again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::staging::{Basis, Manifest, Staging};

/// The document, beside the tables of an org.
const DOCUMENT: &str = "dry_run.json";

/// A step of a dry run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeptStep {
    /// What it follows from.
    pub basis: Basis,
    /// Its tables, in the order in which others come to see them.
    pub tables: Vec<Manifest>,
    /// The outbox as a run would send it, if it is a load.
    pub outbox: Option<Manifest>,
}

/// Steps by the paths of their queries.
type Steps = BTreeMap<String, KeptStep>;

/// What a dry run writes, has of the one before, and leaves.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Tables that were written and never published.
    tables: Vec<Manifest>,
    /// Steps of the dry run before.
    before: Steps,
    /// Steps of this one that may stand.
    now: Steps,
    /// Whether this one came to its end.
    is_whole: bool,
}

impl Written {
    /// Opens what the dry run before left.
    pub(crate) async fn open(staging: &Staging) -> Result<Self, Error> {
        let before = match staging.read(&staging.org_path(&[DOCUMENT])).await {
            // What another version of the program wrote may have another form.
            Ok(text) => serde_json::from_slice(&text).unwrap_or_default(),
            Err(error) if error.is_not_found() => Steps::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            before,
            ..Self::default()
        })
    }

    /// Models of the dry run before.
    pub(crate) fn models_before(&self) -> impl Iterator<Item = &Manifest> {
        let steps = self.before.values();
        let models = steps.filter(|step| step.outbox.is_none());
        models.flat_map(|step| &step.tables)
    }

    /// Notes a table that nobody else sees.
    pub(crate) fn add(&mut self, table: &Manifest) {
        self.tables.push(table.clone());
    }

    /// A step of the dry run before, if it follows from the same and nothing of it is missing. It is one of this one, too.
    pub(crate) async fn standing(
        &mut self,
        staging: &Staging,
        query: &str,
        basis: Option<&Basis>,
    ) -> Result<Option<KeptStep>, Error> {
        let Some(step) = self.before.get(query) else {
            return Ok(None);
        };
        if basis != Some(&step.basis) {
            return Ok(None);
        }
        for table in step.tables.iter().chain(&step.outbox) {
            if !staging.is_whole(table).await? {
                return Ok(None);
            }
        }
        let step = step.clone();
        self.now.insert(query.to_owned(), step.clone());
        Ok(Some(step))
    }

    /// Keeps a step for the next dry run.
    pub(crate) fn keep(&mut self, query: &str, step: KeptStep) {
        self.now.insert(query.to_owned(), step);
    }

    /// The dry run came to its end.
    pub(crate) fn end(&mut self) {
        self.is_whole = true;
    }

    /// Writes down what stands for the next dry run and removes all else; after one that broke off, what it wrote.
    pub(crate) async fn settle(self, staging: &Staging) -> Result<(), Error> {
        if !self.is_whole {
            remove(staging, &self.tables, &BTreeSet::new()).await;
            return Ok(());
        }
        let text = serde_json::to_vec(&self.now).map_err(|error| Error::Defect {
            what: format!("what stands of a dry run is no JSON: {error}"),
        })?;
        let path = staging.org_path(&[DOCUMENT]);
        staging.write_document(&path, text.into()).await?;
        let kept = files(&self.now);
        remove(staging, &self.tables, &kept).await;
        remove(staging, tables(&self.before), &kept).await;
        Ok(())
    }

    /// Removes everything, of the dry run before, too: a run makes the tables themselves.
    pub(crate) async fn discard(self, staging: &Staging) -> Result<(), Error> {
        staging.delete(&staging.org_path(&[DOCUMENT])).await?;
        for steps in [&self.before, &self.now] {
            remove(staging, tables(steps), &BTreeSet::new()).await;
        }
        remove(staging, &self.tables, &BTreeSet::new()).await;
        Ok(())
    }
}

fn tables(steps: &Steps) -> impl Iterator<Item = &Manifest> {
    let steps = steps.values();
    steps.flat_map(|step| step.tables.iter().chain(&step.outbox))
}

fn files(steps: &Steps) -> BTreeSet<String> {
    let files = tables(steps).flat_map(|table| &table.files);
    files.map(|file| file.path.clone()).collect()
}

/// Removes files of tables that were never published, but for those of `kept`.
async fn remove(
    staging: &Staging,
    tables: impl IntoIterator<Item = &Manifest>,
    kept: &BTreeSet<String>,
) {
    for table in tables {
        let mut unused = table.clone();
        unused.files.retain(|file| !kept.contains(&file.path));
        staging.remove(&unused).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch};

    use super::*;

    async fn table(staging: &Staging, name: &str) -> Manifest {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let rows = RecordBatch::try_from_iter([("id", ids)]).unwrap();
        let writer = staging.create("prepare", name, rows.schema(), &["id"]);
        let mut writer = writer.await.unwrap();
        writer.write(&rows).await.unwrap();
        writer.finish(BTreeMap::new()).await.unwrap()
    }

    fn basis(digest: &str) -> Basis {
        let mut basis = Basis::default();
        basis.add("the query", digest);
        basis
    }

    /// A dry run whose one step made this table.
    async fn dry_run(staging: &Staging, made: &Manifest) -> Written {
        let mut written = Written::open(staging).await.unwrap();
        let step = KeptStep {
            basis: basis("1"),
            tables: vec![made.clone()],
            outbox: None,
        };
        written.add(made);
        written.keep("a.sql", step);
        written.end();
        written
    }

    #[tokio::test]
    async fn what_follows_from_the_same_stands_and_all_else_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
        let staging = staging.with_org("00D");
        let (kept, unknown) = (table(&staging, "a").await, table(&staging, "b").await);
        let mut first = dry_run(&staging, &kept).await;
        first.add(&unknown);
        first.settle(&staging).await.unwrap();
        assert!(staging.is_whole(&kept).await.unwrap());
        assert!(!staging.is_whole(&unknown).await.unwrap());

        let mut second = Written::open(&staging).await.unwrap();
        assert_eq!(second.models_before().count(), 1);
        for other in [None, Some(&basis("2"))] {
            let stands = second.standing(&staging, "a.sql", other).await.unwrap();
            assert!(stands.is_none());
        }
        let found = second.standing(&staging, "a.sql", Some(&basis("1"))).await;
        assert_eq!(found.unwrap().unwrap().tables[0].files, kept.files);
        // It broke off: what stood before does still.
        second.settle(&staging).await.unwrap();
        let mut third = Written::open(&staging).await.unwrap();
        assert_eq!(third.models_before().count(), 1);
        // One that did not come to this step any more.
        third.end();
        third.settle(&staging).await.unwrap();
        assert!(!staging.is_whole(&kept).await.unwrap());
    }

    #[tokio::test]
    async fn a_step_of_which_a_file_is_gone_does_not_stand() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
        let staging = staging.with_org("00D");
        let made = table(&staging, "a").await;
        let first = dry_run(&staging, &made).await;
        first.settle(&staging).await.unwrap();
        staging.remove(&made).await;
        let mut second = Written::open(&staging).await.unwrap();
        let found = second.standing(&staging, "a.sql", Some(&basis("1"))).await;
        assert!(found.unwrap().is_none());
        second.discard(&staging).await.unwrap();
        let third = Written::open(&staging).await.unwrap();
        assert_eq!(third.models_before().count(), 0);
    }
}
