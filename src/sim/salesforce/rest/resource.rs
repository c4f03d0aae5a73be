//! The resources of one version, each with its path and method.
//!
//! In: a [`Call`]. Out: the answer of the resource it is for. The parts of a composite request come here again.

use axum::http::Method;
use axum::response::Response;

use super::super::error::ApiError;
use super::call::Call;
use super::{
    collections, composite, deploy, describe, files, ingest, limits, query, query_jobs,
    replication, rows, tree, versions,
};

/// Carries out a request on a resource of one version.
pub(super) async fn resource(call: Call) -> Result<Response, ApiError> {
    let parts: Vec<String> = call.path[3..].to_vec();
    let lower: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let name = |at: usize| parts[at].clone();
    let method = call.method.clone();
    let no_method = || Err(ApiError::method(&method));
    match (lower.as_slice(), &method) {
        ([], &Method::GET) => Ok(versions::resources(&call)),
        (["limits"], &Method::GET) => Ok(limits::limits(&call)),
        (["limits", "recordcount"], &Method::GET) => Ok(limits::record_count(&call)),
        (["query"], &Method::GET) => query::query(&call, false).await,
        (["queryall"], &Method::GET) => query::query(&call, true).await,
        (["query" | "queryall", _], &Method::GET) => query::page(&call, &name(1)).await,
        (["tooling", "query"], &Method::GET) => query::tooling(&call).await,
        (["tooling", "query", _], &Method::GET) => query::page(&call, &name(2)).await,
        (["sobjects"], &Method::GET) => Ok(describe::global(&call)),
        (["sobjects", _], &Method::GET) => describe::basic(&call, &name(1)),
        (["sobjects", _], &Method::POST) => rows::create(call, &name(1)).await,
        (["sobjects", _, "updated"], &Method::GET) => replication::updated(&call, &name(1)),
        (["sobjects", _, "deleted"], &Method::GET) => replication::deleted(&call, &name(1)),
        (["sobjects", _, "describe"], &Method::GET) => describe::object(&call, &name(1)),
        (["sobjects", _, _], &Method::GET) => rows::get(&call, &name(1), &name(2)),
        (["sobjects", _, _], &Method::PATCH) => rows::update(call, &name(1), &name(2)).await,
        (["sobjects", _, _], &Method::DELETE) => rows::delete(&call, &name(1), &name(2)).await,
        (["sobjects", _, _, "versiondata" | "content"], &Method::GET) => {
            files::content(&call, &name(1), &name(2), &name(3)).await
        }
        (["sobjects", _, _, _], &Method::GET) => {
            rows::get_by_key(&call, &name(1), &name(2), &name(3))
        }
        (["sobjects", _, _, _], &Method::PATCH) => {
            rows::upsert(call, &name(1), &name(2), &name(3)).await
        }
        (["sobjects", _, _, _], &Method::DELETE) => {
            rows::delete_by_key(&call, &name(1), &name(2), &name(3)).await
        }
        (["composite"], &Method::POST) => composite::run(call).await,
        (["composite", "sobjects"], _) => collections::handle(call).await,
        (["composite", "sobjects", _], &Method::POST) => {
            collections::retrieve(call, &name(2)).await
        }
        (["composite", "sobjects", _, _], &Method::PATCH) => {
            collections::upsert(call, &name(2), &name(3)).await
        }
        (["composite", "tree", _], &Method::POST) => tree::create(call, &name(2)).await,
        (["jobs", "ingest"], &Method::POST) => ingest::create(call).await,
        (["jobs", "ingest"], &Method::GET) => Ok(ingest::list(&call)),
        (["jobs", "ingest", _], &Method::GET) => ingest::get(&call, &name(2)),
        (["jobs", "ingest", _], &Method::PATCH) => ingest::change(call, &name(2)).await,
        (["jobs", "ingest", _], &Method::DELETE) => ingest::delete(&call, &name(2)),
        (["jobs", "ingest", _, "batches"], &Method::PUT) => ingest::upload(call, &name(2)).await,
        (["jobs", "ingest", _, result], &Method::GET) => {
            ingest::results(&call, &name(2), result).await
        }
        (["jobs", "query"], &Method::POST) => query_jobs::create(call).await,
        (["jobs", "query"], &Method::GET) => Ok(query_jobs::list(&call)),
        (["jobs", "query", _], &Method::GET) => query_jobs::get(&call, &name(2)),
        (["jobs", "query", _], &Method::PATCH) => query_jobs::change(call, &name(2)).await,
        (["jobs", "query", _], &Method::DELETE) => query_jobs::delete(&call, &name(2)),
        (["jobs", "query", _, "results"], &Method::GET) => {
            query_jobs::results(&call, &name(2)).await
        }
        (["jobs", "query", _, "resultpages"], &Method::GET) => query_jobs::pages(&call, &name(2)),
        (["metadata", "deployrequest"], &Method::POST) => deploy::create(call).await,
        (["metadata", "deployrequest", _], &Method::GET) => deploy::get(&call, &name(2)),
        (["metadata", "deployrequest", _], &Method::PATCH) => deploy::cancel(&call, &name(2)),
        (
            [
                "limits" | "query" | "queryall" | "sobjects" | "composite" | "jobs" | "metadata"
                | "tooling",
                ..,
            ],
            _,
        ) => no_method(),
        _ => Err(ApiError::not_found()),
    }
}
