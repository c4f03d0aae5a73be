//! OAuth: the token endpoint, userinfo and identity (`guide/salesforce.md` §3).
//!
//! In: a form with one of the grants. Out: a token response with the field set of its flow, never an `expires_in`; or
//! 400 with `error` and `error_description`. Of a JWT, shape, algorithm, issuer, audience, expiry and user are checked;
//! its signature only if a public key is configured.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::{Value, json};

use super::super::assertion::{Expected, Flaw, subject};
use super::super::error::ApiError;
use super::super::org::Org;
use super::super::store::Matches;
use super::call::{App, Call, bearer, json as answer, pairs, read};

/// A refused login: `error` and `error_description`.
struct Refused(&'static str, &'static str);

/// `POST /services/oauth2/token`.
pub(super) async fn token(app: &App, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read(body).await?;
    let form = pairs(&String::from_utf8_lossy(&body));
    let get = |name: &str| form.get(name).map_or("", String::as_str);
    let (client, secret) = match basic(&parts.headers) {
        Some(pair) => pair,
        None => (get("client_id").to_owned(), get("client_secret").to_owned()),
    };
    let options = &app.org.options;
    let known_client = || {
        if client != options.client_id {
            return Err(Refused("invalid_client_id", "client identifier invalid"));
        }
        if secret != options.client_secret {
            return Err(Refused("invalid_client", "invalid client credentials"));
        }
        Ok(())
    };
    let result = match get("grant_type") {
        "client_credentials" => known_client().map(|()| (app.org.user, Flow::ClientCredentials)),
        "password" => known_client().and_then(|()| {
            let user = password(&app.org, get("username"), get("password"));
            user.map(|user| (user, Flow::Password))
                .ok_or(Refused("invalid_grant", "authentication failure"))
        }),
        "refresh_token" => {
            let secret_fits = secret.is_empty() || secret == options.client_secret;
            if client != options.client_id || !secret_fits {
                Err(Refused("invalid_client", "invalid client credentials"))
            } else if get("refresh_token") == options.refresh_token {
                Ok((app.org.user, Flow::Refresh))
            } else {
                Err(Refused("invalid_grant", "expired access/refresh token"))
            }
        }
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            assertion(&app.org, get("assertion")).map(|user| (user, Flow::Jwt))
        }
        _ => Err(Refused(
            "unsupported_grant_type",
            "grant type not supported",
        )),
    };
    Ok(match result {
        Ok((user, flow)) => answer(StatusCode::OK, &granted(app, user, flow)),
        Err(Refused(error, description)) => answer(
            StatusCode::BAD_REQUEST,
            &json!({"error": error, "error_description": description}),
        ),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    ClientCredentials,
    Password,
    Refresh,
    Jwt,
}

fn granted(app: &App, user: u32, flow: Flow) -> Value {
    let org = &app.org;
    let token = org.sessions.open(user);
    let identity = format!(
        "{}/id/{}/{}",
        org.base_url(),
        org.organization,
        org.user_id(user)
    );
    let mut response = json!({
        "access_token": token,
        "scope": "api refresh_token web",
        "instance_url": org.base_url(),
        "id": identity,
        "token_type": "Bearer",
    });
    if flow != Flow::Jwt {
        response["issued_at"] = json!(Utc::now().timestamp_millis().to_string());
        response["signature"] = json!(STANDARD.encode(identity.as_bytes()));
    }
    if flow == Flow::ClientCredentials {
        response["api_instance_url"] = json!(org.base_url());
    }
    response
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let encoded = value.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':')
        .map(|(client, secret)| (client.to_owned(), secret.to_owned()))
}

/// The user with a password, a security token behind it allowed.
pub(super) fn password(org: &Org, username: &str, password: &str) -> Option<u32> {
    let fits = username == org.options.username && password.starts_with(&org.options.password);
    fits.then_some(org.user)
}

fn assertion(org: &Org, jwt: &str) -> Result<u32, Refused> {
    let expected = Expected {
        client_id: &org.options.client_id,
        url: org.base_url(),
        key: org.options.jwt_public_key.as_deref(),
        now: Utc::now().timestamp(),
    };
    let subject = subject(jwt, &expected).map_err(|flaw| match flaw {
        Flaw::Malformed => Refused("invalid_grant", "invalid assertion"),
        Flaw::Issuer => Refused("invalid_client_id", "client identifier invalid"),
        Flaw::Audience => Refused("invalid_grant", "audience is invalid"),
        Flaw::Expired => Refused("invalid_grant", "expired authorization code"),
    })?;
    active_user(org, &subject).ok_or(Refused(
        "invalid_grant",
        "user hasn't approved this consumer",
    ))
}

fn active_user(org: &Org, username: &str) -> Option<u32> {
    let model = org.model();
    let (object, table) = model.table("User")?;
    let (at, field) = object.find("Username")?;
    let Matches::One(position) = table.find(at, field.case_sensitive, username) else {
        return None;
    };
    let active = object.position("IsActive")?;
    let row = table.read().get(position).cloned()?;
    (row.get(active) == Some("true")).then_some(position)
}

/// `POST /services/oauth2/revoke`.
pub(super) async fn revoke(app: &App, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read(body).await?;
    let form = pairs(&String::from_utf8_lossy(&body));
    let token = form
        .get("token")
        .map(String::as_str)
        .or_else(|| bearer(&parts.headers))
        .unwrap_or_default();
    app.org.sessions.close(token);
    Ok(answer(StatusCode::OK, &json!({})))
}

/// Texts of the user behind a call.
fn person(call: &Call, names: &[&str]) -> Vec<String> {
    let view = call.app.org.view();
    let Some(users) = view.model.schema.position("User") else {
        return Vec::new();
    };
    let (object, table) = view.model.at(users);
    let row = table.read().get(call.user).cloned();
    let text = |name: &&str| {
        let (at, row) = (object.position(name)?, row.as_ref()?);
        view.text(users, call.user, row, at)
            .map(|value| value.into_owned())
    };
    names
        .iter()
        .map(|name| text(name).unwrap_or_default())
        .collect()
}

/// `GET /services/oauth2/userinfo`.
pub(super) fn userinfo(call: &Call) -> Result<Response, ApiError> {
    let org = &call.app.org;
    let texts = person(
        call,
        &[
            "Name",
            "Email",
            "Username",
            "FirstName",
            "LastName",
            "UserType",
        ],
    );
    let [name, email, username, first, last, kind] = &texts[..] else {
        return Err(ApiError::not_found());
    };
    let user = org.user_id(call.user).to_string();
    Ok(answer(
        StatusCode::OK,
        &json!({
            "sub": format!("{}/id/{}/{user}", org.base_url(), org.organization),
            "user_id": user,
            "organization_id": org.organization.to_string(),
            "preferred_username": username,
            "nickname": username,
            "name": name,
            "email": email,
            "email_verified": true,
            "given_name": first,
            "family_name": last,
            "zoneinfo": "UTC",
            "locale": "en_US",
            "language": "en_US",
            "user_type": kind.to_uppercase(),
            "active": true,
            "utcOffset": 0,
            "urls": urls(org),
        }),
    ))
}

/// `GET /id/<organisation>/<user>`.
pub(super) fn identity(call: &Call) -> Result<Response, ApiError> {
    let org = &call.app.org;
    let texts = person(call, &["Name", "Email", "Username", "UserType"]);
    let [name, email, username, kind] = &texts[..] else {
        return Err(ApiError::not_found());
    };
    let user = org.user_id(call.user).to_string();
    Ok(answer(
        StatusCode::OK,
        &json!({
            "id": format!("{}/id/{}/{user}", org.base_url(), org.organization),
            "asserted_user": true,
            "user_id": user,
            "organization_id": org.organization.to_string(),
            "username": username,
            "nick_name": username,
            "display_name": name,
            "email": email,
            "email_verified": true,
            "active": true,
            "user_type": kind.to_uppercase(),
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "urls": urls(org),
        }),
    ))
}

fn urls(org: &Org) -> Value {
    let base = org.base_url();
    json!({
        "rest": format!("{base}/services/data/v{{version}}/"),
        "sobjects": format!("{base}/services/data/v{{version}}/sobjects/"),
        "query": format!("{base}/services/data/v{{version}}/query/"),
        "metadata": format!("{base}/services/Soap/m/{{version}}/{}", org.organization),
        "partner": format!("{base}/services/Soap/u/{{version}}/{}", org.organization),
    })
}
