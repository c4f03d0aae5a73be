//! A record whose content is a file: its fields and its bytes in one multipart request, streamed
//! (`guide/salesforce.md` §4, Blobs). Never holds a file in memory.

use std::io;

use bytes::Bytes;
use futures::{TryStreamExt, stream::BoxStream};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde::Deserialize;

use super::{
    Client, Error, Result, Row,
    call::{ANYTHING, Body, Call},
    metadata::part,
    net::Safety,
};

/// A file that goes with a record.
pub struct Blob<'a> {
    /// Field that takes the bytes, such as `VersionData`.
    pub field: &'static str,
    /// Name of the file, as people see it.
    pub file_name: &'a str,
    /// Bytes.
    pub length: u64,
    /// Produces the bytes from the start, as often as it is asked to.
    pub content: &'a (dyn Fn() -> BoxStream<'static, io::Result<Bytes>> + Send + Sync),
}

impl Client {
    /// The bytes of a record's content field, at most `most` of them.
    ///
    /// # Errors
    /// [`Error::is_not_found`] where there is no such record; [`Error::TooLarge`] where the content is longer.
    pub async fn read_blob(
        &self,
        object: &str,
        id: &str,
        field: &str,
        most: usize,
    ) -> Result<Vec<u8>> {
        let mut call = Call::get(self.data_path(&["sobjects", object, id, field]));
        call.accept = ANYTHING;
        let (_, body) = self.open(&call).await?;
        let mut body = std::pin::pin!(body);
        let mut bytes = Vec::new();
        while let Some(chunk) = body.try_next().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > most {
                return Err(Error::TooLarge {
                    request: call.name(),
                    most,
                });
            }
        }
        Ok(bytes)
    }

    /// Creates one row with a file and returns its id.
    ///
    /// # Errors
    /// [`Error::is_ambiguous`] says that the row may exist.
    pub async fn insert_with_blob(
        &self,
        object: &str,
        row: &Row,
        blob: &Blob<'_>,
    ) -> Result<String> {
        #[derive(Deserialize)]
        struct Created {
            id: String,
        }
        let call = Call::new(
            Method::POST,
            self.data_path(&["sobjects", object]),
            Safety::Once,
        )
        .header("sforce-auto-assign", "FALSE");
        let fields = serde_json::to_string(row).map_err(|_| Error::BuildRequest {
            request: call.name(),
        })?;
        let name = blob.file_name.to_owned();
        let form = || {
            let stream = reqwest::Body::wrap_stream((blob.content)());
            let data = Part::stream_with_length(stream, blob.length).file_name(name.clone());
            Form::new()
                .part(
                    "entity_content",
                    part(Part::text(fields.clone()), "application/json"),
                )
                .part(blob.field, part(data, "application/octet-stream"))
        };
        let call = call.body(Body::Form(&form));
        let created: Created = self.json(&call, "the id of a new row").await?;
        Ok(created.id)
    }
}
