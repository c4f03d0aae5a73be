//! One request to an OpenAI-compatible `/chat/completions`, answered or given up within bounds.
//!
//! In: a prompt. Out: the text of the answer, or a [`Failure`] in words. The toolbox is that of the other clients: no redirects, no proxy
//! to this machine, `Retry-After`, few attempts. Never: the key anywhere but in the header of the request; a server that sends it
//! back has it taken out.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::one_line;
use super::prompt::{INSTRUCTIONS, Prompt};
use crate::config::{ConfigError, Llm};
use crate::error::Error;
use crate::salesforce::net::{
    Backoff, Effect, FailedAttempt, FailureKind, RequestInfo, Retry, RetryConfig, Safety, Secret,
    SystemClock, retry_after,
};

/// Bytes of the longest answer that is read: verdicts on twenty columns take some four kilobytes.
const LONGEST_ANSWER: usize = 256 << 10;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Asks one model.
pub(super) struct Client {
    http: reqwest::Client,
    endpoint: Url,
    model: String,
    key: Option<Secret>,
    limit: Duration,
    retry: Retry,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Failure {
    /// In words, without the key.
    pub(super) told: String,
    /// What came instead of an answer, without the key.
    pub(super) body: Option<String>,
    /// Whether the server did answer, so that the next question may fare better.
    pub(super) is_answer: bool,
    effect: Effect,
    pause: Option<Duration>,
}

impl Failure {
    fn new(told: impl Into<String>) -> Self {
        Self {
            told: told.into(),
            body: None,
            is_answer: false,
            effect: Effect::Final,
            pause: None,
        }
    }
}

impl FailedAttempt for Failure {
    fn effect(&self) -> Effect {
        self.effect
    }

    fn retry_after(&self) -> Option<Duration> {
        self.pause
    }

    fn reason(&self) -> String {
        self.told.clone()
    }
}

/// What is read of an answer.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

impl Client {
    pub(super) fn new(llm: &Llm, key: Option<Secret>) -> Result<Self, Error> {
        let unusable = |what: &str| ConfigError::Setting {
            what: what.to_owned(),
            hint: "`--no-llm` proposes without a model".to_owned(),
        };
        let is_header = |key: &Secret| HeaderValue::from_str(&bearer(key)).is_ok();
        if !key.as_ref().is_none_or(is_header) {
            let what = "the key of [llm] has characters that no header may have";
            return Err(unusable(what).into());
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("transload/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_LIMIT.min(llm.time_limit()))
            .timeout(llm.time_limit())
            // A redirect would carry key and prompt along.
            .redirect(reqwest::redirect::Policy::none());
        if llm.is_local() {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|_| unusable("no connection to the model of [llm] can be set up"))?;
        let bounds = RetryConfig {
            max_attempts: 3,
            max_elapsed: Duration::from_secs(120),
            max_retry_after: Duration::from_secs(30),
            ..RetryConfig::default()
        };
        Ok(Self {
            http,
            endpoint: llm.endpoint(),
            model: llm.model.clone(),
            key,
            limit: llm.time_limit(),
            retry: Retry::new(Backoff::new(bounds), Arc::new(SystemClock)),
        })
    }

    /// The model's answer to a prompt.
    pub(super) async fn complete(&self, prompt: &Prompt) -> Result<String, Failure> {
        let request = RequestInfo {
            method: "POST",
            path: self.endpoint.path(),
            safety: Safety::Read,
            routine: true,
        };
        let answered = self.retry.run(request, |_| self.attempt(prompt)).await;
        answered.map_err(|gave_up| {
            let mut failure = gave_up.failure;
            if gave_up.attempts > 1 {
                failure.told = format!("{} ({} attempts)", failure.told, gave_up.attempts);
            }
            failure
        })
    }

    async fn attempt(&self, prompt: &Prompt) -> Result<String, Failure> {
        let body = json!({
            "model": self.model,
            "messages": [
                {"role": "system", "content": INSTRUCTIONS},
                {"role": "user", "content": prompt.text},
            ],
        });
        let mut request = self.http.post(self.endpoint.clone()).json(&body);
        if let Some(key) = &self.key
            && let Ok(mut value) = HeaderValue::from_str(&bearer(key))
        {
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let response = request.send().await.map_err(|error| self.lost(&error))?;
        let status = response.status().as_u16();
        let pause = retry_after(response.headers());
        let text = self.text_of(response).await?;
        if !(200..=299).contains(&status) {
            return Err(Failure {
                told: format!("status {status}{}", code(&text)),
                body: Some(text),
                effect: Effect::of(FailureKind::Status, Some(status)),
                pause,
                ..Failure::new("")
            });
        }
        match content(&text) {
            // Written with escapes it is seen only now.
            Ok(content) => Ok(self.without_key(content)),
            Err(told) => Err(Failure {
                body: Some(text),
                is_answer: true,
                ..Failure::new(told)
            }),
        }
    }

    /// The whole answer without the key in it.
    async fn text_of(&self, mut response: Response) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(&error))? {
            if bytes.len() + chunk.len() > LONGEST_ANSWER {
                return Err(Failure {
                    is_answer: true,
                    ..Failure::new(format!("the answer is longer than {LONGEST_ANSWER} bytes"))
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(self.without_key(text))
    }

    /// A text that a server sent, without the key that it was sent.
    fn without_key(&self, text: String) -> String {
        match &self.key {
            // What is shorter is a word that a server asks for, and no secret.
            Some(key) if key.expose().len() >= 6 => text.replace(key.expose(), "[key]"),
            _ => text,
        }
    }

    fn lost(&self, error: &reqwest::Error) -> Failure {
        let kind = FailureKind::of_transport(error);
        let told = match kind {
            FailureKind::Connect => "there is no connection".to_owned(),
            FailureKind::Timeout => format!("no answer within {} s", self.limit.as_secs()),
            _ => "the connection broke off".to_owned(),
        };
        Failure {
            // Whoever was too slow once is not waited for again.
            effect: match kind {
                FailureKind::Timeout => Effect::Final,
                kind => Effect::of(kind, None),
            },
            ..Failure::new(told)
        }
    }
}

fn bearer(key: &Secret) -> String {
    format!("Bearer {}", key.expose())
}

/// The model's own text in an answer.
fn content(text: &str) -> Result<String, String> {
    let completion: Completion =
        serde_json::from_str(text).map_err(|_| "the answer is none of a model")?;
    let choice = completion.choices.into_iter().next();
    let choice = choice.ok_or("the answer is empty")?;
    let content = choice.message.content.unwrap_or_default();
    if content.trim().is_empty() {
        return Err("the model refused, or said nothing".to_owned());
    }
    if choice.finish_reason.as_deref() == Some("length") {
        return Err("the answer was cut off by the model's limit".to_owned());
    }
    Ok(content)
}

/// The code of an error answer, such as `invalid_api_key`; its message may repeat what was sent.
fn code(text: &str) -> String {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let error = &answer["error"];
    let code = error["code"].as_str().or_else(|| error["type"].as_str());
    let is_plain = |code: &&str| {
        code.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let code = code.filter(is_plain).map(|code| one_line(code, 40));
    code.map_or(String::new(), |code| format!(" ({code})"))
}
