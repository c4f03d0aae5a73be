//! JWT bearer assertions: is it one, whose is it, and is it still good (`guide/salesforce.md` §3.1)?
//!
//! In: an assertion and what the org expects of one. Out: the username it speaks for, or its [`Flaw`]. The signature
//! (RS256) counts only if the org has a public key; whether there is such a user is the caller's business.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use serde_json::Value;
use webpki::ring::RSA_PKCS1_2048_8192_SHA256;
use webpki::{EndEntityCert, RawPublicKeyEntity};

/// Audiences that any org takes, beside its own URL.
const AUDIENCES: [&str; 2] = [
    "https://login.salesforce.com",
    "https://test.salesforce.com",
];

/// What an org expects of an assertion.
pub(crate) struct Expected<'a> {
    /// The issuer.
    pub(crate) client_id: &'a str,
    /// The org's own URL.
    pub(crate) url: &'a str,
    /// PEM file of a public key or a certificate; none = every signature is taken.
    pub(crate) key: Option<&'a Path>,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// Why an assertion is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is no JWT, or not signed as it must be.
    Malformed,
    /// Another client issued it.
    Issuer,
    /// It is meant for another service.
    Audience,
    /// It has expired, or does not say when it does.
    Expired,
}

/// The username that an assertion speaks for.
pub(crate) fn subject(jwt: &str, expected: &Expected<'_>) -> Result<String, Flaw> {
    let mut parts = jwt.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Flaw::Malformed);
    };
    let decoded = |part: &str| serde_json::from_slice::<Value>(&bytes(part)?).ok();
    let (Some(header), Some(claims)) = (decoded(header), decoded(claims)) else {
        return Err(Flaw::Malformed);
    };
    if header["alg"] != "RS256" || signature.is_empty() {
        return Err(Flaw::Malformed);
    }
    if let Some(key) = expected.key {
        let message = jwt.rsplit_once('.').map_or("", |(message, _)| message);
        verified(key, message, signature).ok_or(Flaw::Malformed)?;
    }
    if claims["iss"] != expected.client_id {
        return Err(Flaw::Issuer);
    }
    let audience = claims["aud"]
        .as_str()
        .unwrap_or_default()
        .trim_end_matches('/');
    if !AUDIENCES.contains(&audience) && audience != expected.url {
        return Err(Flaw::Audience);
    }
    // Some clients send the expiry as a text.
    let expiry = claims["exp"]
        .as_i64()
        .or_else(|| claims["exp"].as_str().and_then(|text| text.parse().ok()));
    if expiry.is_none_or(|expiry| expiry <= expected.now) {
        return Err(Flaw::Expired);
    }
    Ok(claims["sub"].as_str().unwrap_or_default().to_owned())
}

fn bytes(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()
}

/// Something if the signature is that of the key in the file.
fn verified(key: &Path, message: &str, signature: &str) -> Option<()> {
    let (pem, signature) = (std::fs::read(key).ok()?, bytes(signature)?);
    let (algorithm, message) = (RSA_PKCS1_2048_8192_SHA256, message.as_bytes());
    let result = match SubjectPublicKeyInfoDer::from_pem_slice(&pem) {
        Ok(key) => RawPublicKeyEntity::try_from(&key)
            .and_then(|key| key.verify_signature(algorithm, message, &signature)),
        Err(_) => {
            let certificate = CertificateDer::from_pem_slice(&pem).ok()?;
            EndEntityCert::try_from(&certificate)
                .and_then(|key| key.verify_signature(algorithm, message, &signature))
        }
    };
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::assertions::{PRIVATE_KEY, PUBLIC_KEY, signed};
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn claims() -> Value {
        json!({"iss": "client", "sub": "a@b.co", "aud": "https://test.salesforce.com", "exp": NOW + 60})
    }

    fn subject_of(jwt: &str, key: Option<&Path>) -> Result<String, Flaw> {
        let expected = Expected {
            client_id: "client",
            url: "http://127.0.0.1:1",
            key,
            now: NOW,
        };
        subject(jwt, &expected)
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn signature_of_the_key_or_its_certificate_is_taken() {
        let jwt = signed(&claims(), PRIVATE_KEY);
        let key = file(PUBLIC_KEY);
        assert_eq!(subject_of(&jwt, Some(key.path())), Ok("a@b.co".to_owned()));
        let pair = rcgen::KeyPair::from_pem(PRIVATE_KEY).unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
        let certificate = file(&parameters.self_signed(&pair).unwrap().pem());
        assert!(subject_of(&jwt, Some(certificate.path())).is_ok());
    }

    #[test]
    fn signature_of_another_key_or_over_other_claims_is_refused() {
        let key = file(PUBLIC_KEY);
        let jwt = signed(&claims(), PRIVATE_KEY);
        let (message, signature) = jwt.rsplit_once('.').unwrap();
        let other = signed(&json!({"iss": "client"}), PRIVATE_KEY);
        let (other, _) = other.rsplit_once('.').unwrap();
        let mut flipped = bytes(signature).unwrap();
        flipped[7] ^= 1;
        for wrong in [
            format!("{other}.{signature}"),
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(flipped)),
            format!("{message}.c2ln"),
            format!("{message}."),
        ] {
            assert_eq!(subject_of(&wrong, Some(key.path())), Err(Flaw::Malformed));
        }
        let (unrelated, absent) = (
            rcgen::KeyPair::generate().unwrap(),
            Path::new("no-such-file"),
        );
        let unrelated = file(&unrelated.public_key_pem());
        for key in [unrelated.path(), absent] {
            assert_eq!(subject_of(&jwt, Some(key)), Err(Flaw::Malformed));
        }
    }

    #[test]
    fn each_claim_is_checked_in_its_turn() {
        for (name, value, flaw) in [
            ("iss", json!("other"), Flaw::Issuer),
            ("aud", json!("https://example.com"), Flaw::Audience),
            ("aud", json!(null), Flaw::Audience),
            ("exp", json!(NOW), Flaw::Expired),
            ("exp", json!("soon"), Flaw::Expired),
            ("exp", json!(null), Flaw::Expired),
        ] {
            let mut wrong = claims();
            wrong[name] = value;
            let jwt = signed(&wrong, PRIVATE_KEY);
            assert_eq!(subject_of(&jwt, None), Err(flaw), "{name}");
        }
        for (name, value) in [
            ("aud", json!("https://login.salesforce.com/")),
            ("aud", json!("http://127.0.0.1:1")),
            ("exp", json!((NOW + 1).to_string())),
        ] {
            let mut right = claims();
            right[name] = value;
            assert!(subject_of(&signed(&right, PRIVATE_KEY), None).is_ok());
        }
    }

    #[test]
    fn what_is_no_jwt_is_malformed() {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let (header, body) = (part(&json!({"alg": "RS256"})), part(&claims()));
        let unsigned = part(&json!({"alg": "none"}));
        for jwt in [
            String::new(),
            "a.b".to_owned(),
            format!("{header}.{body}.c2ln.c2ln"),
            format!("{header}.{body}."),
            format!("{header}.%%%.c2ln"),
            format!("{unsigned}.{body}.c2ln"),
        ] {
            assert_eq!(subject_of(&jwt, None), Err(Flaw::Malformed), "{jwt}");
        }
        assert!(subject_of(&format!("{header}.{body}.c2ln"), None).is_ok());
    }
}
