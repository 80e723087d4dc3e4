//! Which certificates are trusted: the system's roots, and the operator's own.
//!
//! There is one setting for all connections, and none to switch the check off.

mod why;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

pub use why::{Why, why};

use crate::domain::secret::Secret;

/// The TLS settings for every outgoing connection: TLS 1.2 and 1.3, no early
/// data, no client certificate. `ca_file` is a PEM file with further roots.
///
/// # Errors
/// The file can't be read or holds no certificate, or there is no root at all.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>> {
    Ok(Arc::new(trusting(ca_file)?.with_no_client_auth()))
}

/// The same with a certificate of our own, for a server that asks who we are. `pem`
/// holds it, those above it if there are any, and its private key.
///
/// # Errors
/// As [`client_config`]; `pem` holds no certificate or no key, or they do not belong
/// together. No part of `pem` is repeated.
pub fn client_config_as(ca_file: Option<&Path>, pem: &Secret) -> Result<Arc<ClientConfig>> {
    let pem = pem.expose().as_bytes();
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .context("reading the certificate")?;
    if chain.is_empty() {
        bail!("it holds no certificate in PEM form");
    }
    let key = PrivateKeyDer::from_pem_slice(pem).context("reading the private key")?;
    let config = trusting(ca_file)?
        .with_client_auth_cert(chain, key)
        .context("using the certificate with its key")?;
    Ok(Arc::new(config))
}

/// What is trusted; whom we say we are is left open.
fn trusting(ca_file: Option<&Path>) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>> {
    let mut roots = system_roots();
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    if roots.is_empty() {
        bail!(
            "no trusted certificates found on this system: install the ca-certificates package, \
             or name a file with them in the configuration"
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("setting up TLS")?
        .with_root_certificates(roots))
}

/// Single certificates that can't be read are passed over: old roots in odd
/// encodings are common, and missing one shows as an untrusted server.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<()> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("reading the certificates in {}", path.display()))?;
    if certificates.is_empty() {
        bail!("{} holds no certificate in PEM form", path.display());
    }
    for certificate in certificates {
        roots
            .add(certificate)
            .with_context(|| format!("using a certificate of {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client_config(Some(file.path())).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("holds no certificate in PEM form")
        );
        let error = client_config(Some(Path::new("/nonexistent/ca.pem"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "reading the certificates in /nonexistent/ca.pem"
        );
    }
}
