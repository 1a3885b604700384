//! TLS towards a JVM (feature `tls`): `com.sun.management.jmxremote.ssl` and `…registry.ssl`.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{AlertDescription, CertificateError, ClientConfig, Error as Failure};

use super::connection::Stream;
use super::tls_problem::TlsProblem;

/// A connection under TLS.
pub(super) type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// How to speak TLS with a JVM: [`Endpoint::tls`](crate::Endpoint::tls).
///
/// With it the RMI server must speak TLS: a JVM whose stub says otherwise is refused, so that no password goes over a
/// plain connection because somebody changed an answer of the registry.
#[derive(Clone)]
pub struct Tls {
    /// Trusted authorities, the own certificate, how to verify.
    pub config: Arc<ClientConfig>,
    /// The name to expect in the server's certificate, instead of the host connected to.
    pub server_name: Option<String>,
    /// Whether the registry speaks TLS, too.
    pub registry: RegistryTls,
}

/// Whether the registry speaks TLS (`com.sun.management.jmxremote.registry.ssl`); it does not by default, even where the
/// RMI server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RegistryTls {
    /// Try TLS first, and do without when the registry does not know it: what `jconsole` does. The registry only says
    /// where the server is; the server's certificate is verified in any case.
    #[default]
    Automatic,
    /// It does, or the connection fails.
    Always,
    /// It does not.
    Never,
}

impl Tls {
    /// TLS with defaults for everything else.
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self {
            config,
            server_name: None,
            registry: RegistryTls::default(),
        }
    }

    /// Shakes hands over a new connection to `host`.
    async fn connect(&self, tcp: TcpStream, host: &str) -> io::Result<TlsStream> {
        let name = self.server_name.as_deref().unwrap_or(host);
        // A scope is this machine's own word for an interface; no certificate has it.
        let name = name.split_once('%').map_or(name, |(address, _)| address);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| {
            let why = format!("`{name}` cannot be the name in a certificate");
            io::Error::new(io::ErrorKind::InvalidInput, why)
        })?;
        TlsConnector::from(Arc::clone(&self.config))
            .connect(name, tcp)
            .await
    }
}

/// Speaks TLS over a new connection to `host`.
pub(super) async fn secure(tls: &Tls, tcp: TcpStream, host: &str) -> io::Result<Stream> {
    Ok(Stream::Tls(Box::new(tls.connect(tcp, host).await?)))
}

/// What a failed read, write or handshake says of TLS; `None` where TLS is not the reason.
pub(super) fn problem(error: &io::Error) -> Option<TlsProblem> {
    let failure = error.get_ref()?.downcast_ref::<Failure>()?;
    Some(match failure {
        Failure::InvalidCertificate(certificate) => of_certificate(certificate),
        Failure::AlertReceived(alert) => of_alert(*alert),
        // Not a TLS record: whoever is there speaks something else.
        Failure::InvalidMessage(_) => TlsProblem::NotSpoken,
        _ => TlsProblem::Other,
    })
}

fn of_certificate(error: &CertificateError) -> TlsProblem {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            TlsProblem::UnknownIssuer
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsProblem::WrongName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsProblem::Expired,
        _ => TlsProblem::BadCertificate,
    }
}

/// Alerts about certificates are about ours: RFC 8446, section 6.2.
fn of_alert(alert: AlertDescription) -> TlsProblem {
    use AlertDescription::*;
    match alert {
        CertificateRequired | NoCertificate => TlsProblem::CertificateWanted,
        BadCertificate
        | UnsupportedCertificate
        | CertificateRevoked
        | CertificateExpired
        | CertificateUnknown
        | UnknownCA
        | AccessDenied => TlsProblem::CertificateRefused,
        HandshakeFailure => TlsProblem::Refused,
        _ => TlsProblem::Other,
    }
}

impl fmt::Debug for Tls {
    /// Without the configuration: it holds a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("server_name", &self.server_name)
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
            && self.server_name == other.server_name
            && self.registry == other.registry
    }
}

impl Eq for Tls {}
