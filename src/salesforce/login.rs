//! One login: the token request and, where its answer does not say whose token it is, the user info.
//! Runs under the retry policy, before there is a client and again whenever a session has expired.

use reqwest::Request;

use super::{
    Error, Identity, Result, Secret, Settings,
    auth::{self, TokenAnswer},
    body::read_all,
    call::{self, Answer},
    failure::{self, Stop},
    net::{self, Clock, RequestInfo, Retry, Safety},
    usage::Meter,
};

/// Path of the user info, which names organisation and user where the token answer does not.
const USER_INFO_PATH: &str = "/services/oauth2/userinfo";

/// Everything a login needs, before and after there is a client.
pub(super) struct Login<'a> {
    pub(super) http: &'a reqwest::Client,
    pub(super) settings: &'a Settings,
    pub(super) clock: &'a dyn Clock,
    pub(super) retry: &'a Retry,
    pub(super) meter: &'a Meter,
}

impl Login<'_> {
    pub(super) async fn run(&self, rotated: Option<&Secret>) -> Result<TokenAnswer> {
        let info = RequestInfo {
            method: "POST",
            path: auth::TOKEN_PATH,
            safety: Safety::Read,
            routine: false,
        };
        let request = || {
            let settings = self.settings;
            auth::token_request(
                &settings.login_url,
                &settings.auth,
                rotated,
                self.clock.utc(),
            )
        };
        let answer = failure::run(self.retry, info, || async { self.send(request()?).await })
            .await
            .map_err(|error| self.at_login(error))?;
        answer.json("POST /services/oauth2/token", "a token answer")
    }

    /// Asks who the token belongs to.
    pub(super) async fn user_info(&self, token: &TokenAnswer) -> Result<Identity> {
        #[derive(serde::Deserialize)]
        struct UserInfo {
            organization_id: String,
            user_id: String,
        }
        let info = RequestInfo {
            method: "GET",
            path: USER_INFO_PATH,
            safety: Safety::Read,
            routine: false,
        };
        let mut url = token.instance_url.clone();
        url.set_path(USER_INFO_PATH);
        let answer = failure::run(self.retry, info, || async {
            let request = self
                .http
                .get(url.clone())
                .bearer_auth(&token.access_token)
                .build()
                .map_err(|error| Stop::Failed(call::transport_failure(error)))?;
            self.send(request).await
        })
        .await
        .map_err(|error| self.at_login(error))?;
        let info: UserInfo = answer.json("GET /services/oauth2/userinfo", "the user's identity")?;
        Ok(Identity {
            organization_id: info.organization_id,
            user_id: info.user_id,
        })
    }

    async fn send(&self, request: Request) -> Result<Answer, Stop> {
        self.meter.count_request();
        let idle = self.settings.timeouts.idle;
        let response = match tokio::time::timeout(idle, self.http.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(Stop::Failed(call::transport_failure(error))),
            Err(_) => return Err(Stop::Failed(call::idle_failure())),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_all(response, idle).await.map_err(Stop::Failed)?;
        if !status.is_success() {
            return Err(Stop::Failed(call::refusal(
                status.as_u16(),
                &headers,
                &body,
            )));
        }
        let answer = Answer {
            status: status.as_u16(),
            headers,
            body,
        };
        // A page that stands in the way of the login.
        if !answer.is_json() {
            return Err(Stop::Failed(call::malformed(answer.status)));
        }
        Ok(answer)
    }

    fn at_login(&self, error: Error) -> Error {
        match error {
            Error::Request(source) => Error::Login {
                host: net::host(&self.settings.login_url),
                source,
            },
            other => other,
        }
    }
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
