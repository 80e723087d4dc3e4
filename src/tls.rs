//! Which certificates are trusted: the system's roots, and the operator's own.
//!
//! There is one setting for all connections, and none to switch the check off.

mod why;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

pub use why::{Why, why};

/// The TLS settings for every outgoing connection: TLS 1.2 and 1.3, no early
/// data, no client certificate. `ca_file` is a PEM file with further roots.
///
/// # Errors
/// The file can't be read or holds no certificate, or there is no root at all.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>> {
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
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("setting up TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
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
