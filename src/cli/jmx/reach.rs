//! Which JVM, as whom, how patient, and what it cost.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use jmx_rmi::{ObjectName, Read, Timeouts};

use crate::collect::jmx::access_by_tls;
use crate::collect::jmx::door::{Access, Address, Door, DoorError, Login, Peer, Reading};
use crate::config::units::duration_within;
use crate::config::{Findings, Secret, Section, of_settings};

/// Bounds of `--timeout`.
const TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(3600);

/// A password's file is no longer than this; another file was meant.
const MAX_PASSWORD_BYTES: u64 = 4 << 10;

/// A good-bye that takes longer is not worth waiting for: the session's lease ends by itself.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// Options that all commands have.
#[derive(Debug, Args)]
pub(super) struct Reach {
    /// host:port of the JMX port, service:jmx:rmi:…, local:<main class> or http(s)://host:port/jolokia
    pub(super) endpoint: String,
    /// User, where the JVM asks for one
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Environment variable that holds the password
    #[arg(long, value_name = "VARIABLE", conflicts_with = "password_file")]
    password_env: Option<String>,
    /// File that holds the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Port of the RMI server, where the one that the JVM names is out of reach
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    rmi_port: Option<u16>,
    /// TLS, with the keys of `ssl` in the configuration (--ssl certificate_authorities=ca.pem); may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    ssl: Vec<String>,
    /// How long to wait for a connection and for each answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = patience)]
    timeout: Duration,
    /// Write a JSON object a line
    #[arg(long)]
    pub(super) json: bool,
    /// Say on stderr how many beans, values, bytes, round trips and milliseconds it took
    #[arg(long)]
    stats: bool,
}

fn patience(text: &str) -> Result<Duration, String> {
    duration_within(text, &TIMEOUTS)
}

/// The name or pattern; without one that of all beans.
pub(super) fn pattern(text: Option<&str>) -> anyhow::Result<ObjectName> {
    let text = text.unwrap_or("*:*");
    ObjectName::parse(text).with_context(|| {
        format!("`{text}` is no name of a bean; write one as in 'java.lang:type=Memory' or a pattern as in 'kafka.server:*'")
    })
}

impl Reach {
    /// The door that the command line names. Touches no network.
    pub(super) fn door(&self) -> anyhow::Result<Door> {
        let access = Access {
            login: self.login()?,
            rmi_port: self.rmi_port,
            ..self.tls()?
        };
        let shown = crate::config::without_user_info(&self.endpoint);
        let user = "give --user and --password-file or --password-env";
        let address = Address::parse(&self.endpoint)
            .map_err(|error| anyhow::anyhow!("`{shown}` {}", error.advised(user)))?;
        let door = Door::new(address, access);
        match door.unfit().first() {
            Some(unfit) => bail!("{} {}", unfit.option, unfit.why),
            None => Ok(door),
        }
    }

    fn tls(&self) -> anyhow::Result<Access> {
        let settings: Vec<String> = self.ssl.iter().map(|text| format!("ssl.{text}")).collect();
        let findings = Findings::default();
        let tree = of_settings(&settings, &findings.problems);
        let access = access_by_tls(&mut Section::new(&tree, "", &findings));
        match findings.problems.into_sorted().first() {
            Some(problem) => bail!("--ssl: {problem}"),
            None => Ok(access),
        }
    }

    fn login(&self) -> anyhow::Result<Option<Login>> {
        let password = match (&self.password_env, &self.password_file) {
            (Some(variable), _) => Some(
                std::env::var(variable)
                    .with_context(|| format!("--password-env: {variable} is not set"))?,
            ),
            (None, Some(file)) => Some(password_of(file)?),
            (None, None) => None,
        };
        match (&self.user, password) {
            (Some(user), Some(password)) => Ok(Some(Login {
                user: user.clone(),
                password: Secret::new(password),
            })),
            (Some(_), None) => bail!("--user needs --password-env or --password-file"),
            (None, Some(_)) => bail!("a password needs --user"),
            (None, None) => Ok(None),
        }
    }

    /// Opens a session.
    pub(super) async fn visit(&self, door: &Door) -> anyhow::Result<Visit> {
        let started = Instant::now();
        let timeouts = Timeouts {
            connect: self.timeout,
            call: self.timeout,
        };
        let peer = door.open(timeouts).await.map_err(advised)?;
        Ok(Visit {
            peer,
            started,
            stats: self.stats,
            beans: 0,
            values: 0,
        })
    }
}

/// What is in the file, without the end of its line.
fn password_of(file: &std::path::Path) -> anyhow::Result<String> {
    let what = || format!("--password-file: cannot read {}", file.display());
    let size = std::fs::metadata(file).with_context(what)?.len();
    if size > MAX_PASSWORD_BYTES {
        bail!(
            "--password-file: {} has {size} bytes; it should hold a password alone",
            file.display()
        );
    }
    let text = std::fs::read_to_string(file).with_context(what)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The error, and what to do about it where that is known.
pub(super) fn advised(error: DoorError) -> anyhow::Error {
    let advice = if error.is_auth() {
        "; give --user and --password-env or --password-file of an account that may read"
    } else if error.is_protocol() && !error.is_tls() {
        error.expectation()
    } else {
        ""
    };
    match advice {
        "" => error.into(),
        advice => anyhow::anyhow!("{:#}{advice}", anyhow::Error::from(error)),
    }
}

/// A session, and what it has brought so far.
pub(super) struct Visit {
    pub(super) peer: Peer,
    started: Instant,
    stats: bool,
    pub(super) beans: usize,
    pub(super) values: usize,
}

impl Visit {
    /// The names that match, sorted.
    pub(super) async fn names(&mut self, pattern: &ObjectName) -> anyhow::Result<Vec<ObjectName>> {
        let found = self.peer.query_names(std::slice::from_ref(pattern)).await;
        let mut names = found.map_err(advised)?;
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// What beans give, in order.
    pub(super) async fn read(&mut self, reads: &[Read]) -> anyhow::Result<Vec<Reading>> {
        let mut places: Vec<Option<Reading>> = Vec::new();
        places.resize_with(reads.len(), || None);
        self.peer.read(reads, &mut places).await.map_err(advised)?;
        Ok(places.into_iter().flatten().collect())
    }

    /// Says good-bye, and on stderr what it took.
    pub(super) async fn end(self) {
        let taken = self.started.elapsed();
        if self.stats {
            let cost = self.peer.traffic();
            eprintln!(
                "{} beans, {} values, {} bytes sent, {} bytes received, {} round trips, {:.1} ms",
                self.beans,
                self.values,
                cost.sent,
                cost.received,
                cost.round_trips,
                taken.as_secs_f64() * 1e3
            );
        }
        // What was asked for is there: whether the JVM heard the good-bye does not matter.
        tokio::time::timeout(GOOD_BYE, self.peer.close()).await.ok();
    }
}
