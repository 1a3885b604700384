//! Security: the password of the user `elastic`, TLS.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::error::{At, Result};
use crate::http::Http;
use crate::process::{Launch, Process};
use crate::tls::TlsFiles;
use crate::workdir::WorkDir;

const LIMIT: Duration = Duration::from_secs(60);

/// How a server is secured.
#[derive(Clone, Debug)]
pub(super) struct Security {
    pub(super) password: String,
    pub(super) tls: Option<TlsFiles>,
}

impl Security {
    /// Lines of `elasticsearch.yml`.
    pub(super) fn settings(&self) -> Vec<String> {
        let mut lines = vec![
            "xpack.security.transport.ssl.enabled: false".to_owned(),
            "xpack.security.authc.api_key.enabled: true".to_owned(),
            format!("xpack.security.http.ssl.enabled: {}", self.tls.is_some()),
        ];
        if self.tls.is_some() {
            let files = [
                ("certificate", CHAIN),
                ("key", KEY),
                ("certificate_authorities", AUTHORITY),
                ("client_authentication", "required"),
            ];
            let line = |(key, value)| format!("xpack.security.http.ssl.{key}: {value}");
            lines.extend(files.map(line));
        }
        lines
    }
}

/// The server reads files of its own configuration folder only.
const CHAIN: &str = "chain.pem";
const KEY: &str = "key.pem";
const AUTHORITY: &str = "authority.pem";

/// Puts certificates and key into the configuration folder.
pub(super) fn write_certificates(work: &WorkDir, files: &TlsFiles) -> Result<()> {
    work.folder("conf")?;
    let read = |path: &Path| fs::read_to_string(path).at("read", path);
    let authority = read(&files.authority)?;
    let chain = read(&files.server_certificate)? + &authority;
    let key = read(&files.server_key)?;
    for (name, text) in [(CHAIN, chain), (KEY, key), (AUTHORITY, authority)] {
        work.write(&format!("conf/{name}"), &text)?;
    }
    Ok(())
}

pub(super) fn scheme(security: Option<&Security>) -> &'static str {
    match security.is_some_and(|security| security.tls.is_some()) {
        true => "https",
        false => "http",
    }
}

/// A client that the server lets in.
pub(super) fn client(security: Option<&Security>, port: u16) -> Result<Http> {
    let user = security.map_or(String::new(), |security| {
        format!("elastic:{}@", security.password)
    });
    let base = format!("{}://{user}127.0.0.1:{port}", scheme(security));
    match security.and_then(|security| security.tls.as_ref()) {
        Some(files) => Http::with_tls(&base, files),
        None => Ok(Http::new(&base)),
    }
}

/// Puts the password into the server's keystore, as the user that the server runs as.
pub(super) fn set_password(
    server: &Launch,
    home: &Path,
    work: &WorkDir,
    password: &str,
) -> Result<()> {
    let tool = home
        .join("bin/elasticsearch-keystore")
        .display()
        .to_string();
    // The tool takes a secret from a pipe only; a shell has one at hand, and the password is a test's own.
    let script = r#""$0" create && printf %s "$1" | "$0" add --stdin --force bootstrap.password"#;
    let mut launch = server.clone();
    launch.program = "sh".into();
    launch.args = vec![
        "-c".to_owned(),
        script.to_owned(),
        tool,
        password.to_owned(),
    ];
    let keystore = Process::start("elasticsearch-keystore", launch, work.join("keystore.log"))?;
    let status = keystore.wait(LIMIT)?;
    match status.success() {
        true => Ok(()),
        false => Err(keystore.died("the password was set", status)),
    }
}
