//! Addresses: which may be shown, and which point at this machine.

use url::{Host, Url};

/// Host and port of a URL, for errors about a whole server; neither user nor query.
#[must_use]
pub fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "unknown host".to_owned(),
    }
}

/// Whether a URL points at this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_shows_no_user_and_no_query() {
        let url = Url::parse("https://me:pw@x.my.salesforce.com:8443/query?q=select").unwrap();
        assert_eq!(host(&url), "x.my.salesforce.com:8443");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:9", true),
            ("http://[::1]:9", true),
            ("http://crm.localhost", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
