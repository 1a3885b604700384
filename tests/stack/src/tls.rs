//! Certificates and keys for servers with TLS, made by `keytool`: an authority, a server for 127.0.0.1, ::1 and localhost, a
//! client, and a stranger that another authority signed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache;
use crate::error::{At, Result};
use crate::java::{self, Source};
use crate::jdk::Jdk;
use crate::process::{Launch, Process};
use crate::workdir::WorkDir;

/// Of every store and key: they protect nothing.
const PASSWORD: &str = "changeit";
const LIMIT: Duration = Duration::from_secs(60);
/// Java writes keys of elliptic curves without their public half, and then not everybody can read them.
const KEY: &str = "RSA";
/// The cache may live for years.
const DAYS: &str = "10000";
const EXPORT: &[Source] = &[("ExportKey.java", include_str!("../java/ExportKey.java"))];

/// Who gets a key: its alias, its name, its extension, and who signs.
const PEOPLE: &[(&str, &str, &str, &str)] = &[
    (
        "server",
        "CN=localhost",
        "san=ip:127.0.0.1,ip:0:0:0:0:0:0:0:1,dns:localhost",
        "authority",
    ),
    ("client", "CN=agent", "eku=clientAuth", "authority"),
    ("stranger", "CN=stranger", "eku=clientAuth", "elsewhere"),
];

/// Certificates and keys, as Java wants them (PKCS#12) and as everybody else does (PEM, keys in PKCS#8).
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's key and certificate, for a JVM.
    pub server_store: PathBuf,
    /// The server's certificate.
    pub(crate) server_certificate: PathBuf,
    /// The server's key.
    pub(crate) server_key: PathBuf,
    /// The client's key and certificate, for a JVM.
    pub client_store: PathBuf,
    /// The authority that a JVM trusts.
    pub trust_store: PathBuf,
    /// The authority's certificate.
    pub authority: PathBuf,
    /// The certificate of an authority that signed no server.
    pub elsewhere: PathBuf,
    /// The client's certificate.
    pub client_certificate: PathBuf,
    /// The client's key.
    pub client_key: PathBuf,
    /// The certificate of a client that the server does not trust.
    pub stranger_certificate: PathBuf,
    /// That client's key.
    pub stranger_key: PathBuf,
}

impl TlsFiles {
    /// Password of all stores.
    pub const PASSWORD: &str = PASSWORD;

    /// The arguments of a JVM that is who the store says and trusts the authority.
    pub(crate) fn java_arguments(&self, store: &Path) -> Vec<String> {
        vec![
            format!("-Djavax.net.ssl.keyStore={}", store.display()),
            format!("-Djavax.net.ssl.keyStorePassword={PASSWORD}"),
            format!("-Djavax.net.ssl.trustStore={}", self.trust_store.display()),
            format!("-Djavax.net.ssl.trustStorePassword={PASSWORD}"),
        ]
    }
}

/// The files, made if they are not there yet.
pub(crate) fn files() -> Result<TlsFiles> {
    let exporter = java::classes("export-key", ".", EXPORT)?;
    let folder = cache::entry("tls", &[KEY, &format!("{PEOPLE:?}")], |folder| {
        make(folder, &exporter)
    })?;
    Ok(TlsFiles {
        server_store: folder.join("server.p12"),
        server_certificate: folder.join("server.pem"),
        server_key: folder.join("server.key.pem"),
        client_store: folder.join("client.p12"),
        trust_store: folder.join("trust.p12"),
        authority: folder.join("authority.pem"),
        elsewhere: folder.join("elsewhere.pem"),
        client_certificate: folder.join("client.pem"),
        client_key: folder.join("client.key.pem"),
        stranger_certificate: folder.join("stranger.pem"),
        stranger_key: folder.join("stranger.key.pem"),
    })
}

fn make(folder: &Path, exporter: &Path) -> Result<()> {
    for name in ["authority", "elsewhere"] {
        generate(folder, name, &format!("CN={name}"), "bc:c=ca:true")?;
        export(folder, name)?;
    }
    for (name, who, extension, signer) in PEOPLE {
        generate(folder, name, who, extension)?;
        sign(folder, name, extension, signer)?;
        export(folder, name)?;
        let arguments = [&path(folder, name, "p12"), PASSWORD, name];
        let class_path = exporter.display().to_string();
        let key = java::run(&class_path, "ExportKey", &arguments, LIMIT)?;
        let file = folder.join(format!("{name}.key.pem"));
        fs::write(&file, key).at("write", &file)?;
    }
    import(folder, "trust", "authority", "authority")
}

fn path(folder: &Path, name: &str, kind: &str) -> String {
    folder.join(format!("{name}.{kind}")).display().to_string()
}

fn generate(folder: &Path, name: &str, who: &str, extension: &str) -> Result<()> {
    let store = path(folder, name, "p12");
    keytool(&[
        "-genkeypair",
        "-keystore",
        &store,
        "-alias",
        name,
        "-dname",
        who,
        "-ext",
        extension,
        "-keyalg",
        KEY,
        "-validity",
        DAYS,
    ])
}

/// Has the certificate signed by the authority instead of by itself.
fn sign(folder: &Path, name: &str, extension: &str, signer: &str) -> Result<()> {
    let (own, signers) = (path(folder, name, "p12"), path(folder, signer, "p12"));
    let (request, signed) = (path(folder, name, "csr"), path(folder, name, "crt"));
    keytool(&[
        "-certreq",
        "-keystore",
        &own,
        "-alias",
        name,
        "-file",
        &request,
    ])?;
    keytool(&[
        "-gencert",
        "-keystore",
        &signers,
        "-alias",
        signer,
        "-infile",
        &request,
        "-outfile",
        &signed,
        "-ext",
        extension,
        "-validity",
        DAYS,
    ])?;
    import(folder, name, signer, signer)?;
    keytool(&[
        "-importcert",
        "-keystore",
        &own,
        "-alias",
        name,
        "-file",
        &signed,
        "-noprompt",
    ])
}

fn import(folder: &Path, store: &str, alias: &str, certificate: &str) -> Result<()> {
    let (store, file) = (path(folder, store, "p12"), path(folder, certificate, "pem"));
    keytool(&[
        "-importcert",
        "-keystore",
        &store,
        "-alias",
        alias,
        "-file",
        &file,
        "-noprompt",
    ])
}

fn export(folder: &Path, name: &str) -> Result<()> {
    let (store, file) = (path(folder, name, "p12"), path(folder, name, "pem"));
    keytool(&[
        "-exportcert",
        "-rfc",
        "-keystore",
        &store,
        "-alias",
        name,
        "-file",
        &file,
    ])
}

fn keytool(arguments: &[&str]) -> Result<()> {
    let work = WorkDir::new("keytool")?;
    let mut launch = Launch::new(Jdk::find()?.program("keytool"), work.path());
    launch.args = arguments
        .iter()
        .map(|&argument| argument.to_owned())
        .collect();
    launch.args.extend(
        [
            "-storepass",
            PASSWORD,
            "-storetype",
            "PKCS12",
            "-J-XX:TieredStopAtLevel=1",
        ]
        .map(str::to_owned),
    );
    launch.clear_env = true;
    let keytool = Process::start("keytool", launch, work.join("keytool.log"))?;
    let status = keytool.wait(LIMIT)?;
    match status.success() {
        true => Ok(()),
        false => Err(keytool.died("it was done", status)),
    }
}
