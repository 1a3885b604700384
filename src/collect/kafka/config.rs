//! The section `kafka:` of a cluster.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::KafkaCollector;
use super::fetch::first_stage;
use super::pattern::Filter;
use super::rdkafka::{Properties, Refusal};
use super::statuses::Statuses;
use super::zookeeper_offsets;
use crate::clock::Rhythm;
use crate::collect::{Common, Sharing, TargetPlan};
use crate::config::{Secret, Section, is_secret, nearest, units};
use crate::identity::service_address;
use crate::lag::state::StateFile;
use crate::lag::{Rules, Settings};

/// Shorter is a burden for brokers, longer is no monitoring.
const INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// Shorter than two usual commits everything stands still, longer nobody waits for a status.
const WINDOWS: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(86_400);

/// Least time that a connection has for an answer, however short the cycle.
const MIN_SOCKET_TIMEOUT: Duration = Duration::from_secs(1);
/// The most that librdkafka takes.
const MAX_SOCKET_TIMEOUT: Duration = Duration::from_secs(300);

/// Properties that have a setting of their own.
const ADDRESSES: &[&str] = &["bootstrap.servers", "metadata.broker.list"];
/// Properties that we set ourselves.
const OURS: &[&str] = &["log.queue", "enabled_events"];

const NO_KERBEROS: &str =
    "GSSAPI is not part of this build: build brokerbeat with `--features gssapi`";

/// Set before the user's own properties, which win.
pub const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "brokerbeat"),
    // A broker that is back is seen by the next cycle, not by the one after it.
    ("reconnect.backoff.max.ms", "2000"),
    // Firewalls forget idle connections without telling anyone.
    ("socket.keepalive.enable", "true"),
    // Who watches does not send its own client's figures (KIP-714) to those it watches.
    ("enable.metrics.push", "false"),
];

/// The section, usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Seeds, `host:port`.
    pub bootstrap: Vec<String>,
    /// librdkafka properties as the user wrote them.
    pub properties: Vec<(String, Secret)>,
    /// Which groups.
    pub groups: Filter,
    /// Which topics.
    pub topics: Filter,
    /// Whether Kafka's own topics are among them.
    pub internal_topics: bool,
    /// Whether the first unread records may be read for their timestamps.
    pub read_records: bool,
    /// How long a connection waits for an answer: a broker that hangs is given up within the
    /// stage that meets it. A default that `properties` may overrule.
    pub socket_timeout: Duration,
    /// Where old consumers keep their offsets, if they are to be read.
    pub zookeeper_offsets: Option<zookeeper_offsets::config::Config>,
}

impl Config {
    /// The property map of a client.
    pub fn properties(&self) -> Result<Properties, String> {
        self.properties_with(|_| true, &[])
    }

    /// The property map of a client that reads records, with its own properties over the user's. It
    /// belongs to no group.
    pub fn reader_properties(&self, over: &[(&str, &str)]) -> Result<Properties, String> {
        self.properties_with(|name| !name.starts_with("group."), over)
    }

    fn properties_with(
        &self,
        takes: impl Fn(&str) -> bool,
        over: &[(&str, &str)],
    ) -> Result<Properties, String> {
        let timeout = self.socket_timeout.as_millis().to_string();
        let bootstrap = self.bootstrap.join(",");
        let ours = [
            ("socket.timeout.ms", timeout.as_str()),
            ("bootstrap.servers", &bootstrap),
            ("log.queue", "true"),
        ];
        let written = self.pairs().filter(|(name, _)| takes(name));
        let all = ours.into_iter().chain(written);
        let mut properties = Properties::default();
        for (name, value) in all.chain(over.iter().copied()) {
            properties
                .set(name, value)
                .map_err(|refusal| explain(name, &refusal))?;
        }
        Ok(properties)
    }

    /// Names and values that every client of this cluster gets: our defaults, then what is written.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let written = self.properties.iter();
        let written = written.map(|(name, value)| (name.as_str(), value.reveal()));
        DEFAULTS.iter().copied().chain(written)
    }

    /// Whether another configuration leads to the same brokers in the same way.
    pub fn reaches_like(&self, other: &Self) -> bool {
        self.bootstrap == other.bootstrap && self.properties == other.properties
    }
}

/// Reads the section. One target a cluster: its brokers are found through the seeds.
pub fn read(cluster: &mut Section<'_>, common: &Common) -> Vec<TargetPlan> {
    let Some(mut section) = cluster.section("kafka") else {
        return Vec::new();
    };
    let (bootstrap, seeds) = read_addresses(&mut section, "bootstrap");
    let interval = section.duration("interval", INTERVALS);
    let every = interval.unwrap_or(common.interval);
    let budget = Rhythm::new(every, "").budget();
    let (settings, read_records) = read_lag(&mut section);
    let rules = Rules::new(&settings, every);
    let zookeepers = cluster.texts_of_another("zookeeper", "hosts");
    let config = Arc::new(Config {
        socket_timeout: first_stage(budget).clamp(MIN_SOCKET_TIMEOUT, MAX_SOCKET_TIMEOUT),
        bootstrap,
        properties: read_properties(&mut section, "bootstrap"),
        groups: read_filter(&mut section, "groups").only(&common.only_groups),
        topics: read_filter(&mut section, "topics"),
        internal_topics: section.flag_or("internal_topics", false),
        zookeeper_offsets: zookeeper_offsets::config::read(&mut section, &zookeepers, every),
        read_records,
    });
    let Some((host, port)) = seeds.into_iter().next() else {
        return Vec::new();
    };
    // By the cluster's name and not by a seed: another seed is the same cluster.
    let name = cluster.text("name").unwrap_or_default();
    let file = StateFile::new(&common.path_data, &name);
    vec![TargetPlan {
        name: format!("kafka {}", units::show_host_port(&host, port)),
        address: service_address(&host, port, &common.host_name),
        interval,
        phase: None,
        sharing: Sharing::Parts(Arc::clone(&config)),
        build: Arc::new(move || {
            let statuses = Statuses::new(file.clone(), rules);
            Box::new(KafkaCollector::new(Config::clone(&config), statuses))
        }),
    }]
}

/// Seeds of a cluster, as they are shown and as they are.
pub fn read_addresses(
    section: &mut Section<'_>,
    key: &'static str,
) -> (Vec<String>, Vec<(String, u16)>) {
    let written = section.texts(key);
    if written.is_empty() {
        section.problem(
            key,
            "is empty; write at least one `host:port` of the cluster",
        );
    }
    let mut seeds = Vec::new();
    for address in &written {
        match units::host_port(address, None) {
            Ok(seed) => seeds.push(seed),
            Err(wanted) => section.problem(key, format!("`{address}` {wanted}")),
        }
    }
    let shown = seeds
        .iter()
        .map(|(host, port)| units::show_host_port(host, *port))
        .collect();
    (shown, seeds)
}

fn read_lag(section: &mut Section<'_>) -> (Settings, bool) {
    let mut section = section.section_or_empty("lag");
    let default = Settings::default();
    let settings = Settings {
        window: section.duration_or("window", default.window, WINDOWS),
        allowed: section.number_or("allowed", default.allowed, 0..=u64::MAX >> 1),
    };
    (settings, section.flag_or("read_records", false))
}

fn read_filter(section: &mut Section<'_>, key: &'static str) -> Filter {
    let Some(mut section) = section.section(key) else {
        return Filter::default();
    };
    let exclude = section.texts("exclude");
    let include = match section.has("include") {
        true => section.texts("include"),
        false => Filter::default().include,
    };
    Filter {
        include,
        exclude,
        only: Vec::new(),
    }
}

/// Properties of librdkafka, tried one by one. `addresses` is the key for the seeds.
pub fn read_properties(section: &mut Section<'_>, addresses: &str) -> Vec<(String, Secret)> {
    let written = section.map("properties");
    let mut trial = Properties::default();
    for (name, value) in &written {
        if ADDRESSES.contains(&name.as_str()) {
            let instead = format!("write the addresses under `{addresses}`");
            section.problem("properties", format!("`{name}` is not for here: {instead}"));
        } else if OURS.contains(&name.as_str()) {
            let why = format!("`{name}` is not for here: the agent needs it; leave it out");
            section.problem("properties", why);
        } else if let Err(refusal) = trial.set(name, value) {
            section.problem("properties", explain(name, &refusal));
        } else if is_kerberos(name, value) && !cfg!(feature = "gssapi") {
            section.problem("properties", NO_KERBEROS);
        }
    }
    let written = written.into_iter();
    written
        .map(|(name, value)| (name, Secret::new(value)))
        .collect()
}

/// Whether the login is by Kerberos, which is librdkafka's default for SASL.
fn is_kerberos(name: &str, value: &str) -> bool {
    matches!(name, "sasl.mechanism" | "sasl.mechanisms") && value.eq_ignore_ascii_case("gssapi")
}

/// What is wrong with a property, without the value where that may be a secret.
fn explain(name: &str, refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unknown => {
            let names = Properties::default().names();
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let hint = nearest(name, &known).map(|known| format!("; did you mean `{known}`?"));
            let hint = hint.unwrap_or_default();
            format!("`{name}` is not a property of librdkafka{hint}")
        }
        Refusal::Value(_) if is_secret(name) => {
            format!("the value of `{name}` is not usable")
        }
        Refusal::Value(why) => format!("`{name}`: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::kafka::times;
    use crate::config::Findings;

    fn read_text(text: &str) -> (Vec<TargetPlan>, Vec<String>) {
        let findings = Findings::default();
        let node = crate::yaml::parse(text).unwrap();
        let tree = crate::config::build(&node, &|_| None, &findings.problems);
        let common = Common {
            host_name: "agent07".into(),
            interval: Duration::from_secs(10),
            path_data: std::path::PathBuf::new(),
            only_groups: Vec::new(),
        };
        let plans = read(&mut Section::new(&tree, "clusters[0]", &findings), &common);
        let problems = findings.problems.into_sorted();
        (plans, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_cluster_is_one_target() {
        let (plans, problems) = read_text(
            "kafka:\n  bootstrap: [\"localhost:9092\", \"b2:9092\"]\n  interval: 30s\n  \
             properties: {security.protocol: sasl_ssl, sasl.mechanism: PLAIN}\n  \
             groups: {exclude: [\"console-*\"]}\n  lag: {read_records: true}\n",
        );
        assert_eq!(problems, [""; 0]);
        assert_eq!(plans.len(), 1);
        assert_eq!(plans[0].name, "kafka localhost:9092");
        assert_eq!(plans[0].address, "agent07:9092");
        assert_eq!(plans[0].interval, Some(Duration::from_secs(30)));
        assert!(read_text("name: a\n").0.is_empty());
    }

    #[test]
    fn librdkafka_takes_the_timeouts_of_the_shortest_and_the_longest_interval() {
        for (interval, timeout) in [("1s", 1), ("1h", 300)] {
            let text = format!("kafka: {{bootstrap: [\"b:9092\"], interval: {interval}}}\n");
            assert_eq!(read_text(&text).1, [""; 0]);
            let config = Config {
                bootstrap: vec!["b:9092".into()],
                properties: Vec::new(),
                groups: Filter::default(),
                topics: Filter::default(),
                internal_topics: false,
                read_records: true,
                socket_timeout: Duration::from_secs(timeout),
                zookeeper_offsets: None,
            };
            assert!(config.properties().is_ok(), "{interval}");
            let reader = config.reader_properties(times::READER_PROPERTIES);
            assert!(reader.is_ok(), "{interval}");
        }
    }

    #[test]
    fn every_mistake_is_named_and_no_secret_shown() {
        let (plans, problems) = read_text(
            "kafka:\n  bootstrap: [\"b1\", \"b2:0\"]\n  properties:\n    \
             security.protocoll: ssl\n    acks: many\n    \
             bootstrap.servers: b3:9092\n    ssl.key.pem: hunter2\n  topic: {}\n",
        );
        assert!(plans.is_empty());
        for sentence in [
            "`b1` has no port",
            "`b2:0` has the port `0`",
            "did you mean `security.protocol`?",
            "`acks`: Invalid value",
            "write the addresses under `bootstrap`",
            "did you mean `topics`?",
        ] {
            let said = problems.iter().any(|problem| problem.contains(sentence));
            assert!(said, "no `{sentence}` in {problems:#?}");
        }
        assert!(!problems.join(" ").contains("hunter2"), "{problems:#?}");
        assert!(read_text("kafka: {}\n").1[0].contains("at least one"));
    }
}
