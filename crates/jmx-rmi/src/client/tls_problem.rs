//! What can be wrong about TLS, as a person has to mend it.

/// Why a connection failed over TLS, to give advice by. The sentences follow on "host:port ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The port speaks TLS, or the stub says so, and the endpoint has none.
    #[error("wants TLS; turn TLS on for it")]
    Wanted,
    /// As [`Wanted`](Self::Wanted), and this crate was built without its feature `tls`.
    #[error("wants TLS, which this program was built without")]
    NotBuilt,
    /// The stub says that the RMI server does without TLS, and the endpoint insists on it.
    #[error(
        "does not use TLS on its RMI server port; set com.sun.management.jmxremote.ssl=true in the JVM, or turn TLS off"
    )]
    NotOffered,
    /// The peer answered to TLS with something else, or not at all.
    #[error("does not speak TLS on this port")]
    NotSpoken,
    /// The server's certificate is signed by nobody we trust.
    #[error("has a certificate of an unknown authority; add the authority to the trusted ones")]
    UnknownIssuer,
    /// The server's certificate is for another host name.
    #[error(
        "has a certificate for another name; use a name of the certificate, or do not verify the name"
    )]
    WrongName,
    /// The server's certificate is not valid any more, or not yet.
    #[error("has a certificate which is expired, or not valid yet; does the clock agree?")]
    Expired,
    /// Something else is wrong with the server's certificate.
    #[error("has a certificate that cannot be used")]
    BadCertificate,
    /// The server wants to see a certificate of ours.
    #[error("wants a client certificate; set one with its key")]
    CertificateWanted,
    /// The server does not like ours, or wants one: before TLS 1.3 it cannot say which.
    #[error("refused the client certificate, or wants one; is it set, and does the JVM trust it?")]
    CertificateRefused,
    /// The server ended the handshake without a reason. Before TLS 1.3 a missing client certificate looks like that.
    #[error(
        "refused the TLS handshake; it wants a client certificate, or has no version or cipher in common"
    )]
    Refused,
    /// The connection ended right after the handshake: a server that wants a certificate may do that, too.
    #[error(
        "ended the connection right after the TLS handshake; does it want a client certificate?"
    )]
    Ended,
    /// The stub wants a socket factory of an own class, which only Java can run.
    #[error("wants a socket factory which this client does not know")]
    Factory,
    /// No version or cipher in common, and what else can happen.
    #[error("and this client cannot agree on TLS")]
    Other,
}
