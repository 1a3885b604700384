//! Listeners with SASL and TLS beside the plain one, users, an authorizer and the rights that it knows.
//!
//! Who comes through the plain listener may do everything: that is how the stack's own tools come.

use super::{Kafka, KafkaVersion, Mode};
use crate::error::Result;
use crate::ports;
use crate::tls::{self, TlsFiles};

/// A listener with security.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// Users and passwords, in clear.
    SaslPlaintext,
    /// Users and passwords, over TLS.
    SaslSsl,
    /// TLS; clients need a certificate.
    Ssl,
}

const LISTENERS: [Listener; 3] = [Listener::SaslPlaintext, Listener::SaslSsl, Listener::Ssl];

impl Listener {
    /// As `security.protocol` has it.
    pub fn protocol(self) -> &'static str {
        match self {
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
            Self::Ssl => "SSL",
        }
    }
}

/// Ports of the listeners.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports([u16; 3]);

impl Ports {
    pub(super) fn pick() -> Self {
        Self(LISTENERS.map(|_| ports::free()))
    }

    fn of(self, listener: Listener) -> u16 {
        self.0[listener as usize]
    }
}

/// The password of a user, on every listener and for every mechanism.
pub fn password(user: &str) -> String {
    format!("{user}-secret")
}

/// What is added to `server.properties`; `before` is what stands there.
pub(super) fn settings(
    users: &[String],
    ports: Ports,
    mode: &Mode,
    before: &[(&'static str, String)],
) -> Result<Vec<(String, String)>> {
    let files = tls::files()?;
    let mut all: Vec<(String, String)> = Vec::new();
    for (key, value) in before {
        if *key == "listeners" || *key == "advertised.listeners" {
            let added =
                LISTENERS.map(|one| format!(",{}://127.0.0.1:{}", one.protocol(), ports.of(one)));
            all.push(((*key).to_owned(), value.clone() + &added.concat()));
        }
    }
    let protocols = LISTENERS.map(|one| format!(",{0}:{0}", one.protocol()));
    let authorizer = match mode {
        Mode::ZooKeeper(_) => "kafka.security.authorizer.AclAuthorizer",
        Mode::Kraft(_) => "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    };
    let mut add = |key: &str, value: &str| all.push((key.to_owned(), value.to_owned()));
    add(
        "listener.security.protocol.map",
        &format!(
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{}",
            protocols.concat()
        ),
    );
    add("authorizer.class.name", authorizer);
    add("super.users", "User:ANONYMOUS");
    add(
        "sasl.enabled.mechanisms",
        "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    );
    for listener in ["sasl_plaintext", "sasl_ssl"] {
        for (mechanism, module) in modules(users) {
            let key = format!("listener.name.{listener}.{mechanism}.sasl.jaas.config");
            add(&key, &module);
        }
    }
    add_tls(&files, &mut add);
    Ok(all)
}

fn modules(users: &[String]) -> [(&'static str, String); 4] {
    const PACKAGE: &str = "org.apache.kafka.common.security";
    let known: String = users
        .iter()
        .map(|user| format!(" user_{user}=\"{}\"", password(user)))
        .collect();
    let scram = format!("{PACKAGE}.scram.ScramLoginModule required;");
    // The broker itself needs a token, too, though it never shows it to anybody.
    let bearer = "oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub";
    [
        (
            "plain",
            format!("{PACKAGE}.plain.PlainLoginModule required{known};"),
        ),
        ("scram-sha-256", scram.clone()),
        ("scram-sha-512", scram),
        ("oauthbearer", format!("{PACKAGE}.{bearer}=\"broker\";")),
    ]
}

fn add_tls(files: &TlsFiles, add: &mut impl FnMut(&str, &str)) {
    let (keys, trust) = (
        files.server_store.display().to_string(),
        files.trust_store.display().to_string(),
    );
    for (key, value) in [
        ("ssl.keystore.location", keys.as_str()),
        ("ssl.keystore.type", "PKCS12"),
        ("ssl.keystore.password", TlsFiles::PASSWORD),
        ("ssl.key.password", TlsFiles::PASSWORD),
        ("ssl.truststore.location", &trust),
        ("ssl.truststore.type", "PKCS12"),
        ("ssl.truststore.password", TlsFiles::PASSWORD),
        ("listener.name.ssl.ssl.client.auth", "required"),
    ] {
        add(key, value);
    }
}

impl Kafka {
    /// "127.0.0.1:<port>" of a listener with security.
    ///
    /// # Panics
    /// If the broker was started without [`Options::secured`](crate::Options::secured).
    pub fn listener(&self, listener: Listener) -> String {
        let ports = self.secured.expect("started with Options::secured");
        format!("127.0.0.1:{}", ports.of(listener))
    }

    /// The certificates of the TLS listeners, and those of clients.
    pub fn tls_files(&self) -> Result<TlsFiles> {
        tls::files()
    }

    /// Makes the user known to SCRAM, with the [`password`] of PLAIN.
    pub fn add_scram_user(&self, user: &str) -> Result<()> {
        let bootstrap = self.bootstrap();
        // Kafka 4 takes one mechanism at a time.
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            let config = format!("{mechanism}=[password={}]", password(user));
            let args = [
                ["--bootstrap-server", &bootstrap],
                ["--entity-type", "users"],
                ["--entity-name", user],
                ["--add-config", &config],
            ];
            let args = [&["--alter"], args.as_flattened()].concat();
            self.run_tool("kafka.admin.ConfigCommand", &args)?;
        }
        Ok(())
    }

    /// `kafka-acls.sh --add` for these users: `rights` as on its command line, for example
    /// `["--operation", "Describe", "--topic", "*"]`.
    pub fn allow(&self, users: &[&str], rights: &[&str]) -> Result<()> {
        let main = match self.version {
            KafkaVersion::V2_8 => "kafka.admin.AclCommand",
            KafkaVersion::V3_9 | KafkaVersion::V4_2 => "org.apache.kafka.tools.AclCommand",
        };
        let bootstrap = self.bootstrap();
        let mut args = vec!["--bootstrap-server", &bootstrap, "--add", "--force"];
        let principals: Vec<String> = users.iter().map(|user| format!("User:{user}")).collect();
        for principal in &principals {
            args.extend(["--allow-principal", principal]);
        }
        args.extend(rights);
        self.run_tool(main, &args)?;
        Ok(())
    }
}
