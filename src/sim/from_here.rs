//! Who may steer a simulator: programs of this machine, not pages in its browser.
//!
//! In: the headers of a control request. Out: whether it is let through. A page of anybody's can send requests to this machine,
//! and a name of its own can lead here; the first shows by its origin, the second by its host. Whether it also has a
//! token is another question, which the simulators ask themselves.

use axum::http::{HeaderMap, header};

/// Whether a control request comes from a program, under a name of this machine.
pub(crate) fn is_from_here(headers: &HeaderMap) -> bool {
    let from_page = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    !from_page && host.is_some_and(is_this_machine)
}

/// Whether somebody on this machine opened it: a name of this machine, and no page of somebody else behind it.
pub(crate) fn is_opened_here(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    let by_hand = matches!(site, None | Some(b"none" | b"same-origin"));
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    by_hand && host.is_some_and(is_this_machine)
}

fn is_this_machine(authority: &str) -> bool {
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    let name = name.unwrap_or_default().to_ascii_lowercase();
    match name.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|&(name, value)| {
            (
                name.parse::<header::HeaderName>().unwrap(),
                value.parse().unwrap(),
            )
        });
        pairs.collect()
    }

    #[test]
    fn programs_of_this_machine_steer_and_pages_do_not() {
        for host in [
            "127.0.0.1:8080",
            "localhost:1",
            "[::1]:8080",
            "crm.localhost",
        ] {
            assert!(is_from_here(&headers(&[("host", host)])), "{host}");
        }
        for host in [
            "evil.example.com:8080",
            "127.0.0.1.example.com",
            "10.0.0.1",
            "localhost.example.com",
        ] {
            assert!(!is_from_here(&headers(&[("host", host)])), "{host}");
        }
        assert!(!is_from_here(&headers(&[])));
        let page = [
            ("host", "127.0.0.1:8080"),
            ("origin", "https://evil.example.com"),
        ];
        assert!(!is_from_here(&headers(&page)));
    }

    #[test]
    fn a_page_is_shown_to_who_opens_it_here_and_not_to_other_pages() {
        for (site, expected) in [("none", true), ("same-origin", true), ("cross-site", false)] {
            let opened = headers(&[("host", "127.0.0.1:8080"), ("sec-fetch-site", site)]);
            assert_eq!(is_opened_here(&opened), expected, "{site}");
        }
        assert!(!is_opened_here(&headers(&[("host", "evil.example.com")])));
    }
}
