//! The certificate of an https simulator.
//!
//! In: the state folder. Out: a server configuration whose certificate is signed by an authority of its own; the
//! authority's certificate is in `ca.pem`, for clients to trust. Made anew at each start; keys never reach the disk.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::error::SimError;
use super::options::SalesforceSimOptions;

/// Makes the certificate and writes its authority's to `ca.pem`.
pub(super) fn server_config(options: &SalesforceSimOptions) -> Result<Arc<ServerConfig>, SimError> {
    let authority_key = KeyPair::generate().map_err(SimError::Certificate)?;
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority
        .distinguished_name
        .push(DnType::CommonName, "transload simulator authority");
    let authority_certificate = authority
        .self_signed(&authority_key)
        .map_err(SimError::Certificate)?;
    let path = options.state.join("ca.pem");
    crate::private::write(&path, authority_certificate.pem().as_bytes())
        .map_err(|source| SimError::State { path, source })?;

    let key = KeyPair::generate().map_err(SimError::Certificate)?;
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut leaf = CertificateParams::new(names).map_err(SimError::Certificate)?;
    leaf.distinguished_name
        .push(DnType::CommonName, "localhost");
    leaf.use_authority_key_identifier_extension = true;
    let issuer = Issuer::new(authority, authority_key);
    let leaf = leaf
        .signed_by(&key, &issuer)
        .map_err(SimError::Certificate)?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SimError::Tls)?
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone(), authority_certificate.der().clone()],
            key,
        );
    let mut config = config.map_err(SimError::Tls)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
