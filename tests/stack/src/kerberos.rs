//! A Kerberos realm of its own: MIT's KDC, with a broker's and clients' keys in files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::options::Options;
use crate::ports;
use crate::process::{Launch, Process};
use crate::wait;
use crate::workdir::WorkDir;

const REALM: &str = "STACK.TEST";
/// The broker's own name in the realm: service and host, as its clients address it.
const BROKER: &str = "kafka/127.0.0.1";
/// Where distributions put what only administrators run.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/usr/local/sbin"];
const LIMIT: Duration = Duration::from_secs(60);

/// A running KDC.
pub struct Kerberos {
    work: WorkDir,
    _kdc: Process,
}

impl Kerberos {
    /// Makes the realm with the broker's key and those of these users, and starts its KDC.
    pub fn start(users: &[&str]) -> Result<Self> {
        wait::on_free_ports(|| {
            let work = WorkDir::new("kerberos")?;
            let port = ports::free();
            work.write("krb5.conf", &client_settings(port))?;
            work.write("kdc.conf", &settings(&work, port))?;
            run(&work, "kdb5_util", &["create", "-s", "-P", "stack"])?;
            for name in [BROKER].iter().chain(users) {
                let keys = keys(&work, name).display().to_string();
                let query = format!("addprinc -randkey {name}");
                run(&work, "kadmin.local", &["-r", REALM, "-q", &query])?;
                let query = format!("ktadd -k {keys} {name}");
                run(&work, "kadmin.local", &["-r", REALM, "-q", &query])?;
            }
            let launch = launch(&work, "krb5kdc", &["-n", "-r", REALM])?;
            let kdc = Process::start("the KDC", launch, work.join("kdc.log"))?;
            let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
            wait::until(&kdc, "an open port", LIMIT, || listens().map(|_| ()))?;
            Ok(Self { work, _kdc: kdc })
        })
    }

    /// What a client's environment has: the realm, and an empty place for its tickets.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        let file = |name: &str| self.work.join(name).display().to_string();
        [
            ("KRB5_CONFIG", file("krb5.conf")),
            ("KRB5CCNAME", format!("FILE:{}", file("tickets"))),
        ]
    }

    /// The user's name with its realm.
    pub fn principal(user: &str) -> String {
        format!("{user}@{REALM}")
    }

    /// The file with a user's key.
    pub fn keys(&self, user: &str) -> PathBuf {
        keys(&self.work, user)
    }

    /// A broker whose listener `SASL_PLAINTEXT` wants Kerberos.
    #[must_use]
    pub fn secure(&self, options: Options) -> Options {
        let module = format!(
            "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true keyTab=\"{}\" principal=\"{}\";",
            self.keys(BROKER).display(),
            Self::principal(BROKER),
        );
        let file = self.work.join("krb5.conf");
        options
            .set("sasl.kerberos.service.name", "kafka")
            .set(
                "listener.name.sasl_plaintext.sasl.enabled.mechanisms",
                "GSSAPI",
            )
            .set(
                "listener.name.sasl_plaintext.gssapi.sasl.jaas.config",
                &module,
            )
            .jvm(&format!("-Djava.security.krb5.conf={}", file.display()))
    }
}

fn keys(work: &WorkDir, name: &str) -> PathBuf {
    work.join(&format!("{}.keytab", name.replace('/', "-")))
}

/// TCP only, and no name service: addresses stay as they are written.
fn client_settings(port: u16) -> String {
    format!(
        "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
         dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n\
         [realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n\
         [domain_realm]\n 127.0.0.1 = {REALM}\n"
    )
}

fn settings(work: &WorkDir, port: u16) -> String {
    let file = |name: &str| work.join(name).display().to_string();
    format!(
        "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
         [realms]\n {REALM} = {{\n  database_name = {}\n  key_stash_file = {}\n  acl_file = {}\n  \
         supported_enctypes = aes256-cts-hmac-sha1-96:normal\n }}\n",
        file("principals"),
        file("stash"),
        file("kadm5.acl"),
    )
}

fn launch(work: &WorkDir, program: &str, args: &[&str]) -> Result<Launch> {
    let mut places = FOLDERS.iter().map(|folder| Path::new(folder).join(program));
    let found = places.find(|path| path.exists());
    let missing = || {
        Error::refused(
            program,
            "it is not installed: packages krb5-kdc, krb5-admin-server",
        )
    };
    let mut launch = Launch::new(found.ok_or_else(missing)?, work.path());
    launch.args = args.iter().map(|&arg| arg.to_owned()).collect();
    let file = |name: &str| work.join(name).display().to_string();
    launch.env = vec![
        ("KRB5_CONFIG".to_owned(), file("krb5.conf")),
        ("KRB5_KDC_PROFILE".to_owned(), file("kdc.conf")),
    ];
    Ok(launch)
}

fn run(work: &WorkDir, program: &str, args: &[&str]) -> Result<()> {
    let log = work.join(&format!("{program}.log"));
    let process = Process::start(program, launch(work, program, args)?, log)?;
    let status = process.wait(LIMIT)?;
    match status.success() {
        true => Ok(()),
        false => Err(process.died("it was done", status)),
    }
}
