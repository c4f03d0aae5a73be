//! What a store across a network does to leases, entries and tables: answers that get lost, and conditions that nobody reads.

use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::tests::publish;
use super::*;

/// A store in memory with a habit.
#[derive(Debug, Default)]
struct Remote {
    inner: InMemory,
    /// The answer to a create-only put gets lost, and the second attempt finds what the first one wrote.
    loses_answers: AtomicBool,
    /// The condition of a put is not read.
    is_deaf: AtomicBool,
}

impl Display for Remote {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str("remote")
    }
}

#[async_trait]
impl ObjectStore for Remote {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        let creates = options.mode == PutMode::Create;
        if self.is_deaf.load(Ordering::Relaxed) {
            options.mode = PutMode::Overwrite;
        }
        let put = self.inner.put_opts(location, payload, options).await?;
        match creates && self.loses_answers.load(Ordering::Relaxed) {
            true => Err(Error::AlreadyExists {
                path: location.to_string(),
                source: "412".into(),
            }),
            false => Ok(put),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn area() -> (Arc<Remote>, Staging) {
    let store = Arc::new(Remote::default());
    let staging = Staging::over(Arc::clone(&store) as Arc<dyn ObjectStore>);
    (store, staging)
}

#[tokio::test]
async fn an_object_whose_answer_got_lost_is_known_by_its_content() {
    let (store, staging) = area();
    let path = Path::from("journal/1.json");
    store.loses_answers.store(true, Ordering::Relaxed);
    let put = async |body: &'static str| {
        let put = staging.create_object(&path, Bytes::from_static(body.as_bytes()));
        put.await.unwrap()
    };
    assert!(put("mine").await);
    store.loses_answers.store(false, Ordering::Relaxed);
    assert!(!put("another's").await);
    assert_eq!(staging.read(&path).await.unwrap(), "mine");
}

#[tokio::test]
async fn a_lease_and_a_table_whose_answers_got_lost_are_held_and_seen() {
    let (store, staging) = area();
    store.loses_answers.store(true, Ordering::Relaxed);
    let lease = staging.lease("run").await.unwrap();
    publish(&staging, vec![1, 2]).await;
    let snapshot = staging.snapshot().await.unwrap();
    let people = snapshot.get("usercom", "people").unwrap();
    assert_eq!((people.version, people.rows), (1, 2));
    lease.release().await.unwrap();
}

#[tokio::test]
async fn of_many_who_ask_a_remote_store_at_once_one_gets_the_lease() {
    let (store, staging) = area();
    for loses in [false, true] {
        store.loses_answers.store(loses, Ordering::Relaxed);
        let asked = (0..8).map(|_| staging.lease("run"));
        let mut got = futures::future::join_all(asked).await;
        got.retain(std::result::Result::is_ok);
        assert_eq!(got.len(), 1, "loses answers: {loses}");
        got.remove(0).unwrap().release().await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_does_not_read_conditions_gets_no_lease() {
    let (store, staging) = area();
    store.is_deaf.store(true, Ordering::Relaxed);
    let refused = staging.lease("run").await.unwrap_err();
    assert!(refused.is_location(), "{refused}");
    assert!(
        refused.to_string().contains("create-only puts"),
        "{refused}"
    );
    assert!(refused.hint().unwrap().contains("If-None-Match"));
    // Nobody is left at work there.
    assert_eq!(staging.at_work().await.unwrap(), None);
}

#[test]
fn a_place_on_s3_is_its_address() {
    let staging = Staging::open("s3://bucket/prefix").unwrap();
    let place = staging.place(&staging.absolute("orgs/1/report.html"));
    assert_eq!(place, "s3://bucket/prefix/orgs/1/report.html");
}
