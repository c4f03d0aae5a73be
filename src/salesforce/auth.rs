//! Getting an access token: settings in, token and instance out. The credential travels in the body or the
//! `Authorization` header of one request to the login host, never in a URL. Tokens carry no lifetime
//! (`guide/salesforce.md` §3.2), so nothing here renews ahead of time: a 401 is the signal.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use reqwest::{Method, Request, header};
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

use super::{Auth, Error, Result, Secret, jwt, net::is_loopback};

/// What the token endpoint answers (`guide/salesforce.md` §3.2).
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: String,
    pub(super) instance_url: Url,
    /// `https://…/id/<organisation>/<user>`.
    pub(super) id: Option<String>,
    /// A rotated refresh token.
    pub(super) refresh_token: Option<String>,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Id of the organisation, 18 characters where Salesforce says so.
    pub organization_id: String,
    /// Id of the user.
    pub user_id: String,
}

impl TokenAnswer {
    /// Organisation and user out of the identity URL.
    pub(super) fn identity(&self) -> Option<Identity> {
        let mut parts = self.id.as_deref()?.rsplit('/');
        let user_id = parts.next().filter(|id| !id.is_empty())?.to_owned();
        let organization_id = parts.next().filter(|id| !id.is_empty())?.to_owned();
        Some(Identity {
            organization_id,
            user_id,
        })
    }
}

/// Path of the token endpoint.
pub(super) const TOKEN_PATH: &str = "/services/oauth2/token";

/// Builds the token request for `auth`. `rotated` is the newest refresh token, where one was handed out.
pub(super) fn token_request(
    login_url: &Url,
    auth: &Auth,
    rotated: Option<&Secret>,
    now: DateTime<Utc>,
) -> Result<Request> {
    let mut url = login_url.clone();
    url.set_path(TOKEN_PATH);
    url.set_query(None);
    let mut request = Request::new(Method::POST, url);
    let mut form = form_urlencoded::Serializer::new(String::new());
    match auth {
        Auth::ClientCredentials {
            client_id,
            client_secret,
        } => {
            form.append_pair("grant_type", "client_credentials");
            let pair = BASE64_STANDARD.encode(format!("{client_id}:{}", client_secret.expose()));
            if let Ok(mut value) = header::HeaderValue::from_str(&format!("Basic {pair}")) {
                value.set_sensitive(true);
                request.headers_mut().insert(header::AUTHORIZATION, value);
            }
        }
        Auth::Jwt {
            client_id,
            username,
            private_key,
        } => {
            let assertion = sign_assertion(login_url, client_id, username, private_key, now)?;
            form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
            form.append_pair("assertion", &assertion);
        }
        Auth::RefreshToken {
            client_id,
            client_secret,
            refresh_token,
        } => {
            form.append_pair("grant_type", "refresh_token");
            form.append_pair("refresh_token", rotated.unwrap_or(refresh_token).expose());
            form.append_pair("client_id", client_id);
            if let Some(secret) = client_secret {
                form.append_pair("client_secret", secret.expose());
            }
        }
    }
    let headers = request.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    headers.insert(
        header::ACCEPT,
        header::HeaderValue::from_static("application/json"),
    );
    *request.body_mut() = Some(form.finish().into());
    Ok(request)
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: String,
    exp: i64,
}

/// How long an assertion is good for.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(180);

fn sign_assertion(
    login_url: &Url,
    client_id: &str,
    username: &str,
    private_key: &Secret,
    now: DateTime<Utc>,
) -> Result<String> {
    let claims = Claims {
        iss: client_id,
        sub: username,
        aud: audience(login_url),
        exp: (now + ASSERTION_LIFETIME).timestamp(),
    };
    jwt::sign(&claims, private_key.expose()).map_err(|source| Error::ReadPrivateKey { source })
}

/// The audience of an assertion: the shared login host of the kind of organisation, or this very server
/// where it runs on this machine (`guide/salesforce.md` §3.1).
fn audience(login_url: &Url) -> String {
    if is_loopback(login_url) {
        return login_url.origin().ascii_serialization();
    }
    let host = login_url.host_str().unwrap_or_default();
    let my_domain = host.strip_suffix(".my.salesforce.com");
    let sandbox = host == "test.salesforce.com"
        || my_domain.is_some_and(|name| name.ends_with(".sandbox") || name.contains("--"));
    let kind = if sandbox { "test" } else { "login" };
    format!("https://{kind}.salesforce.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audience_follows_the_kind_of_organisation() {
        for (login_url, expected) in [
            (
                "https://login.salesforce.com",
                "https://login.salesforce.com",
            ),
            (
                "https://acme.my.salesforce.com",
                "https://login.salesforce.com",
            ),
            ("https://test.salesforce.com", "https://test.salesforce.com"),
            (
                "https://acme--uat.sandbox.my.salesforce.com",
                "https://test.salesforce.com",
            ),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(audience(&Url::parse(login_url).unwrap()), expected);
        }
    }

    #[test]
    fn the_identity_url_names_organisation_and_user() {
        let answer = |id: Option<&str>| TokenAnswer {
            access_token: String::new(),
            instance_url: Url::parse("http://127.0.0.1").unwrap(),
            id: id.map(str::to_owned),
            refresh_token: None,
        };
        let identity = answer(Some("https://login.salesforce.com/id/00Dxx/005yy")).identity();
        let expected = Identity {
            organization_id: "00Dxx".into(),
            user_id: "005yy".into(),
        };
        assert_eq!(identity, Some(expected));
        assert_eq!(answer(None).identity(), None);
    }

    #[test]
    fn a_key_that_is_no_pem_is_reported_without_its_text() {
        let auth = Auth::Jwt {
            client_id: "id".into(),
            username: "loader@example.com".into(),
            private_key: Secret::new("not-a-key-hunter2"),
        };
        let url = Url::parse("https://login.salesforce.com").unwrap();
        let error = token_request(&url, &auth, None, Utc::now()).unwrap_err();
        assert!(matches!(error, Error::ReadPrivateKey { .. }));
        assert!(!format!("{error:?} {error}").contains("hunter2"));
        assert!(error.hint().is_some());
    }
}
