//! `[llm]`: a language model that is asked about proposals for the field map. Without the section none is.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::ConfigError;
use crate::salesforce::net::{Secret, is_loopback};

/// What a language model is told about a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disclosure {
    /// Its name, label and type.
    #[default]
    Names,
    /// The same, and what its values are like in numbers.
    Profiles,
    /// The same, and some masked values.
    Samples,
}

impl Disclosure {
    /// Its word in `migration.toml`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Profiles => "profiles",
            Self::Samples => "samples",
        }
    }
}

/// The `[llm]` section. The key is in the environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    /// Address of an OpenAI-compatible interface, without `/chat/completions`.
    pub base_url: Url,
    /// The model's name.
    pub model: String,
    /// Environment variable that holds the key; none for a server that asks for none.
    pub api_key_env: Option<String>,
    /// What the model is told about a column.
    #[serde(default)]
    pub send: Disclosure,
    /// Longest that one answer is waited for.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
}

fn default_timeout() -> u64 {
    60
}

impl Llm {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let url = &self.base_url;
        let bad_url = |reason: &str| Err(("base_url", reason.to_owned()));
        if url.scheme() != "https" && !(url.scheme() == "http" && self.is_local()) {
            return bad_url("must be https (plain http only to this machine)");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return bad_url("must not hold a user or a password; name a variable in api_key_env");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return bad_url("must end with the path, as in \"https://llm.example.com/v1\"");
        }
        if self.model.trim().is_empty() {
            return Err(("model", "must name a model".to_owned()));
        }
        // Whoever writes the key itself must not see it again in an error.
        let is_variable = |name: &String| {
            let plain =
                |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            !name.is_empty() && name.bytes().all(plain)
        };
        if !self.api_key_env.as_ref().is_none_or(is_variable) {
            return Err((
                "api_key_env",
                "must be the name of an environment variable in capital letters, such as \"LLM_API_KEY\", never the key"
                    .to_owned(),
            ));
        }
        if !(1..=600).contains(&self.timeout_seconds) {
            return Err(("timeout_seconds", "must be between 1 and 600".to_owned()));
        }
        Ok(())
    }

    /// Whether the model runs on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        is_loopback(&self.base_url)
    }

    /// Where questions go.
    #[must_use]
    pub fn endpoint(&self) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!(
            "{}/chat/completions",
            self.base_url.path().trim_end_matches('/')
        ));
        url
    }

    /// Longest that one answer is waited for.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// The key, if the server asks for one.
    ///
    /// # Errors
    /// [`ConfigError::MissingSecret`].
    pub fn key(&self) -> Result<Option<Secret>, ConfigError> {
        let key = self.api_key_env.as_deref().map(super::secret).transpose()?;
        Ok(key.map(|key| Secret::new(key.trim())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn llm(lines: &str) -> Result<Llm, String> {
        let model = "model = \"m\"\n";
        let llm: Llm = toml::from_str(&format!("{model}{lines}")).map_err(|e| e.to_string())?;
        let checked = llm
            .check()
            .map_err(|(key, reason)| format!("{key} {reason}"));
        checked.map(|()| llm)
    }

    #[test]
    fn an_address_is_https_or_this_machine_and_holds_no_key() {
        for (url, endpoint) in [
            (
                "https://llm.example.com/v1",
                "https://llm.example.com/v1/chat/completions",
            ),
            (
                "http://127.0.0.1:11434/v1/",
                "http://127.0.0.1:11434/v1/chat/completions",
            ),
            (
                "https://llm.example.com",
                "https://llm.example.com/chat/completions",
            ),
        ] {
            let llm = llm(&format!("base_url = \"{url}\"")).unwrap();
            assert_eq!(llm.endpoint().as_str(), endpoint);
            assert_eq!(llm.send, Disclosure::Names);
        }
        for (url, why) in [
            ("http://llm.example.com/v1", "https"),
            ("http://localhost.example.com", "https"),
            ("ftp://127.0.0.1", "https"),
            ("https://me:hunter2@llm.example.com", "api_key_env"),
            ("https://llm.example.com/v1?key=hunter2", "must end"),
        ] {
            let told = llm(&format!("base_url = \"{url}\"")).unwrap_err();
            assert!(told.contains(why), "{url}: {told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn other_values_are_checked_and_a_key_in_the_file_is_not_repeated() {
        let one = |line: &str| llm(&format!("base_url = \"http://127.0.0.1:1\"\n{line}"));
        assert!(one("api_key_env = \"LLM_API_KEY\"").is_ok());
        assert_eq!(
            one("send = \"profiles\"").unwrap().send,
            Disclosure::Profiles
        );
        for (line, why) in [
            ("api_key_env = \"sk-hunter2\"", "never the key"),
            ("api_key_env = \"\"", "never the key"),
            ("timeout_seconds = 0", "between 1 and 600"),
            ("send = \"everything\"", "everything"),
            ("sned = \"names\"", "sned"),
        ] {
            let told = one(line).unwrap_err();
            assert!(told.contains(why), "{line}: {told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
