//! Whom to trust: the public authorities, and one more file of them when a venue of one's own is
//! used. There is no switch that turns the check off.

use super::NetError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Every public authority there is takes a quarter of a megabyte.
const MAX_AUTHORITIES_BYTES: u64 = 4 << 20;

/// The settings of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// A PEM file of certificate authorities that are trusted besides the public ones.
    pub extra_ca: Option<PathBuf>,
}

impl Tls {
    /// What rustls needs to know. Made once and shared by every connection.
    ///
    /// # Errors
    /// [`NetError::Authorities`] when the extra file cannot be read or holds nothing of use.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, NetError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = &self.extra_ca {
            add_file(&mut roots, path)
                .map_err(|why| NetError::Authorities { path: path.clone(), why })?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| NetError::Tls { endpoint: "TLS settings".to_owned(), why: e.to_string() })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let pem = crate::files::read(path, MAX_AUTHORITIES_BYTES).map_err(|e| e.to_string())?;
    let blocks = CertificateDer::pem_slice_iter(&pem);
    let mut found = 0;
    for block in blocks {
        found += 1;
        let certificate = block.map_err(|e| format!("certificate {found}: {e}"))?;
        roots.add(certificate).map_err(|e| format!("certificate {found}: {e}"))?;
    }
    if found == 0 { Err("no certificate in it".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(content: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, content).unwrap();
        Tls { extra_ca: Some(path) }.config().unwrap_err().to_string()
    }

    #[test]
    fn an_authorities_file_without_authorities_is_refused() {
        assert!(refused("").contains("no certificate in it"));
        assert!(refused("hello").contains("no certificate in it"));
        let garbage = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        assert!(refused(garbage).contains("certificate 1"));
        let missing = Tls { extra_ca: Some("no/such.pem".into()) }.config().unwrap_err();
        assert!(missing.to_string().contains("no/such.pem"), "{missing}");
    }

    #[test]
    fn the_public_authorities_are_trusted() {
        assert!(Tls::default().config().is_ok());
    }
}
