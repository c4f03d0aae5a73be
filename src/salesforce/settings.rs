//! What a connection needs: where to log in, how, and within which limits. Filled by the caller from the
//! project and the environment; nothing here reads either.

use std::time::Duration;

use url::Url;

use super::{
    Error, Result, Secret,
    net::{self, RetryConfig, is_loopback},
};

/// How the client proves who it is (`guide/salesforce.md` §3.1).
#[derive(Debug, Clone)]
pub enum Auth {
    /// OAuth 2.0 client credentials; runs as the app's run-as user and needs the org's My Domain host.
    ClientCredentials {
        /// Consumer key of the connected app.
        client_id: String,
        /// Consumer secret of the connected app.
        client_secret: Secret,
    },
    /// OAuth 2.0 JWT bearer: a signed assertion for a user who approved the app before.
    Jwt {
        /// Consumer key of the connected app.
        client_id: String,
        /// Login name of the user to act as.
        username: String,
        /// RSA private key in PEM form, the counterpart of the app's certificate.
        private_key: Secret,
    },
    /// OAuth 2.0 refresh token, obtained beforehand by a web login.
    RefreshToken {
        /// Consumer key of the connected app.
        client_id: String,
        /// Consumer secret, where the app asks for one.
        client_secret: Option<Secret>,
        /// The refresh token; a rotated one is kept in memory for as long as the client lives.
        refresh_token: Secret,
    },
}

/// Time limits of a single request.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the connection to stand.
    pub connect: Duration,
    /// Without a byte in either direction. Uploads have no total limit.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(120),
        }
    }
}

/// A destination organisation and how to reach it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Host that hands out tokens. Plain http only for loopback hosts.
    pub login_url: Url,
    /// API version such as `66.0`.
    pub api_version: String,
    /// Credentials.
    pub auth: Auth,
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// Bounds of the retry policy.
    pub retry: RetryConfig,
    /// Bounds of one request.
    pub timeouts: Timeouts,
}

impl Settings {
    /// Settings with the default version, limits and user agent.
    pub fn new(login_url: Url, auth: Auth) -> Self {
        Self {
            login_url,
            api_version: "66.0".to_owned(),
            auth,
            user_agent: concat!("transload/", env!("CARGO_PKG_VERSION")).to_owned(),
            retry: RetryConfig::default(),
            timeouts: Timeouts::default(),
        }
    }

    /// Refuses what could only fail later or leak a credential.
    pub(super) fn validate(&self) -> Result<()> {
        require_secure(&self.login_url)?;
        let version = self.api_version.as_str();
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !version
            .split_once('.')
            .is_some_and(|(major, minor)| digits(major) && digits(minor))
        {
            return Err(Error::ReadApiVersion {
                given: version.to_owned(),
            });
        }
        let shared_host = matches!(
            self.login_url.host_str(),
            Some("login.salesforce.com" | "test.salesforce.com")
        );
        if shared_host && matches!(self.auth, Auth::ClientCredentials { .. }) {
            return Err(Error::MyDomainRequired {
                host: net::host(&self.login_url),
            });
        }
        Ok(())
    }
}

/// Lets https through, and plain http to loopback only.
pub(super) fn require_secure(url: &Url) -> Result<()> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        scheme => Err(Error::InsecureUrl {
            scheme: scheme.to_owned(),
            host: net::host(url),
        }),
    }
}

/// Domains under which Salesforce serves organisations.
const DOMAINS: [&str; 5] = [
    "salesforce.com",
    "force.com",
    "cloudforce.com",
    "salesforce.mil",
    "sfcrmproducts.cn",
];

/// Lets a token go to Salesforce, and to the host that `login_url` names; a login answer may say anything.
pub(super) fn require_ours(login_url: &Url, instance: &Url) -> Result<()> {
    require_secure(instance)?;
    let host = instance.host_str().unwrap_or_default();
    let of_salesforce = instance.scheme() == "https"
        && DOMAINS.iter().any(|domain| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'))
        });
    if of_salesforce || login_url.host_str() == Some(host) {
        return Ok(());
    }
    Err(Error::ForeignInstance {
        host: net::host(login_url),
        instance: net::host(instance),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(login_url: &str) -> Settings {
        let auth = Auth::ClientCredentials {
            client_id: "id".into(),
            client_secret: Secret::new("hunter2"),
        };
        Settings::new(Url::parse(login_url).unwrap(), auth)
    }

    #[test]
    fn plain_http_is_refused_off_loopback() {
        for url in [
            "http://acme.my.salesforce.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "ftp://127.0.0.1",
        ] {
            let error = settings(url).validate().unwrap_err();
            assert!(matches!(error, Error::InsecureUrl { .. }), "{url}");
        }
        for url in [
            "https://acme.my.salesforce.com",
            "http://127.0.0.1:9",
            "http://[::1]:9",
            "http://localhost",
        ] {
            assert!(settings(url).validate().is_ok(), "{url}");
        }
    }

    #[test]
    fn a_token_goes_to_salesforce_or_back_to_the_login_host() {
        let check = |login: &str, instance: &str| {
            require_ours(&Url::parse(login).unwrap(), &Url::parse(instance).unwrap())
        };
        let login = "https://login.salesforce.com";
        for instance in [
            "https://acme.my.salesforce.com",
            "https://acme--uat.sandbox.my.salesforce.com",
            "https://acme.my.salesforce.mil",
        ] {
            assert!(check(login, instance).is_ok(), "{instance}");
        }
        assert!(check("http://127.0.0.1:81", "http://127.0.0.1:82").is_ok());
        assert!(check("https://crm.example.com", "https://crm.example.com/x").is_ok());
        for instance in [
            "https://evil.example.com",
            "https://salesforce.com.example.com",
            "https://evilsalesforce.com",
            "https://127.0.0.1:9",
            "http://127.0.0.1:9",
        ] {
            let error = check(login, instance).unwrap_err();
            assert!(matches!(error, Error::ForeignInstance { .. }), "{instance}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn client_credentials_need_my_domain() {
        let error = settings("https://login.salesforce.com")
            .validate()
            .unwrap_err();
        assert!(matches!(error, Error::MyDomainRequired { .. }));
        assert!(error.hint().is_some());
    }

    #[test]
    fn an_api_version_needs_two_numbers() {
        for version in ["66", "v66.0", "66.", ""] {
            let mut settings = settings("https://acme.my.salesforce.com");
            settings.api_version = version.into();
            assert!(matches!(
                settings.validate(),
                Err(Error::ReadApiVersion { .. })
            ));
        }
    }

    #[test]
    fn settings_show_no_secret() {
        assert!(!format!("{:?}", settings("http://127.0.0.1")).contains("hunter2"));
    }
}
