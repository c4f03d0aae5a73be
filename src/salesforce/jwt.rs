//! A signed assertion of the JWT bearer flow: claims and a private key in PEM form go in, a compact JWS with RS256 comes
//! out. Never: the key, or a part of it, in an error.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    error::KeyRejected,
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{
    PrivateKeyDer,
    pem::{self, PemObject},
};
use serde::Serialize;
use thiserror::Error as ThisError;

/// The same for every assertion.
const HEADER: &str = r#"{"typ":"JWT","alg":"RS256"}"#;

/// What is wrong with a private key. Nothing in it quotes the key.
#[derive(Debug, Clone, Copy, ThisError)]
pub enum PrivateKeyFault {
    /// No section that could be a private key.
    #[error("it has no section `PRIVATE KEY` or `RSA PRIVATE KEY`")]
    NoKey,
    /// The key needs a passphrase.
    #[error("it is encrypted with a passphrase")]
    Encrypted,
    /// Something between the first and the last line is not PEM.
    #[error("its text is damaged: a line is missing or is not base64")]
    Damaged,
    /// A key of another algorithm.
    #[error("it is a key for elliptic curves, not for RSA")]
    NotRsa,
    /// Not a key that can sign: damaged, too short or of another algorithm.
    #[error("it cannot be used for signatures")]
    Rejected {
        /// A word or two of the cryptography library, such as `TooSmall`.
        source: KeyRejected,
    },
    /// The random numbers that a signature needs are not there.
    #[error("the system has no random numbers for a signature")]
    Sign,
}

/// Signs `claims` with an RSA key in PEM form, PKCS#8 or PKCS#1.
pub(super) fn sign(claims: &impl Serialize, private_key: &str) -> Result<String, PrivateKeyFault> {
    let key = read_key(private_key)?;
    // Claims are texts and numbers, which always can be written.
    let claims = serde_json::to_vec(claims).unwrap_or_default();
    let mut assertion = BASE64_URL_SAFE_NO_PAD.encode(HEADER);
    assertion.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(claims, &mut assertion);
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        assertion.as_bytes(),
        &mut signature,
    )
    .map_err(|_| PrivateKeyFault::Sign)?;
    assertion.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut assertion);
    Ok(assertion)
}

fn read_key(text: &str) -> Result<RsaKeyPair, PrivateKeyFault> {
    // Both ways to protect a key by a passphrase: PKCS#8, and the older one with a header inside the section.
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(PrivateKeyFault::Encrypted);
    }
    let rejected = |source| PrivateKeyFault::Rejected { source };
    // The error of the parser may quote a line of the key, so it goes no further.
    match PrivateKeyDer::from_pem_slice(text.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs8(der)) => {
            RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(rejected)
        }
        Ok(PrivateKeyDer::Pkcs1(der)) => {
            RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(rejected)
        }
        Ok(PrivateKeyDer::Sec1(_)) => Err(PrivateKeyFault::NotRsa),
        Ok(_) | Err(pem::Error::NoItemsFound) => Err(PrivateKeyFault::NoKey),
        Err(_) => Err(PrivateKeyFault::Damaged),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::mem::discriminant;

    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use rustls_pki_types::SubjectPublicKeyInfoDer;
    use serde_json::Value;

    use super::*;

    /// A key pair made for these tests and used nowhere else.
    pub(crate) const PRIVATE_KEY: &str = include_str!("testdata/test_only_private_key.pem");
    /// The same key as PKCS#1.
    const PRIVATE_KEY_PKCS1: &str = include_str!("testdata/test_only_private_key_pkcs1.pem");
    const PUBLIC_KEY: &str = include_str!("testdata/test_only_public_key.pem");
    /// What stands before the key itself in a `PUBLIC KEY` of 2048 bits: algorithm and lengths.
    const PUBLIC_KEY_PREFIX: usize = 24;

    /// The claims of an assertion whose signature is good.
    pub(crate) fn verified(assertion: &str) -> Value {
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = SubjectPublicKeyInfoDer::from_pem_slice(PUBLIC_KEY.as_bytes()).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public[PUBLIC_KEY_PREFIX..])
            .verify(signed.as_bytes(), &signature)
            .unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let json = |part| -> Value {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(
            json(header),
            serde_json::json!({"alg": "RS256", "typ": "JWT"})
        );
        json(claims)
    }

    #[test]
    fn an_assertion_holds_the_claims_and_a_good_signature() {
        let claims = serde_json::json!({"iss": "consumer", "exp": 7});
        for key in [PRIVATE_KEY, PRIVATE_KEY_PKCS1] {
            assert_eq!(verified(&sign(&claims, key).unwrap()), claims);
        }
        // As some tools leave it: with an introduction and foreign line ends.
        let edited = format!("Bag Attributes\r\n{}", PRIVATE_KEY.replace('\n', "\r\n"));
        assert_eq!(verified(&sign(&claims, &edited).unwrap()), claims);
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said_without_the_key() {
        let line = PRIVATE_KEY.lines().nth(2).unwrap();
        let section = |name: &str, body: &str| {
            format!("-----BEGIN {name}-----\n{body}\n-----END {name}-----\n")
        };
        let cases = [
            (String::new(), PrivateKeyFault::NoKey),
            (line.to_owned(), PrivateKeyFault::NoKey),
            (PUBLIC_KEY.to_owned(), PrivateKeyFault::NoKey),
            (
                section("ENCRYPTED PRIVATE KEY", line),
                PrivateKeyFault::Encrypted,
            ),
            (
                section(
                    "RSA PRIVATE KEY",
                    &format!("Proc-Type: 4,ENCRYPTED\n\n{line}"),
                ),
                PrivateKeyFault::Encrypted,
            ),
            (section("EC PRIVATE KEY", line), PrivateKeyFault::NotRsa),
            (
                PRIVATE_KEY.replace("-----END PRIVATE KEY-----", ""),
                PrivateKeyFault::Damaged,
            ),
            (
                PRIVATE_KEY.replace(line, "*hunter2*"),
                PrivateKeyFault::Damaged,
            ),
        ];
        for (text, expected) in cases {
            let fault = read_key(&text).unwrap_err();
            assert_eq!(discriminant(&fault), discriminant(&expected), "{text}");
        }
        let cut = PRIVATE_KEY.replace(line, "");
        let fault = read_key(&cut).unwrap_err();
        assert!(
            matches!(fault, PrivateKeyFault::Rejected { .. }),
            "{fault:?}"
        );
        assert!(!format!("{fault} {fault:?}").contains(&line[..8]));
    }
}
