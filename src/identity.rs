//! Who is who: clusters, services, series, document ids.
//!
//! The rules stand in `docs/architecture.md` under *Identity*; everything that is stored is keyed by them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::clock::Millis;
use crate::config::units::show_host_port;

/// A series longer than this is replaced by its hash: keyword dimensions are bounded.
const MAX_SERIES_BYTES: usize = 512;

/// File under `path.data` that keeps the last cluster id seen, by cluster name.
const CLUSTERS_FILE: &str = "clusters.json";

/// The host under which a service is known: this machine's name for a loopback name, which means
/// another host on every machine; any other host as configured.
pub fn service_host<'a>(host: &'a str, host_name: &'a str) -> &'a str {
    if is_loopback(host) { host_name } else { host }
}

/// Whether a host means another machine on every machine.
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse()
            .is_ok_and(|ip: IpAddr| ip.is_loopback() || ip.is_unspecified())
}

/// `service.address`: [`service_host`] and port.
pub fn service_address(host: &str, port: u16, host_name: &str) -> String {
    show_host_port(service_host(host, host_name), port)
}

/// The series of a document: cluster, dataset, kind and all sorted keys. Separators inside a value
/// are doubled so that two different lists of keys never make one text.
pub fn series(cluster: &str, dataset: &str, kind: &str, keys: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = keys.iter().collect();
    sorted.sort();
    let mut text = String::new();
    begin_series(&mut text, cluster, dataset, kind);
    for (name, value) in sorted {
        add_key(&mut text, name, value);
    }
    end_series(&mut text);
    text
}

/// What all series of a cluster, dataset and kind begin with.
pub fn begin_series(text: &mut String, cluster: &str, dataset: &str, kind: &str) {
    escape(text, cluster);
    for part in [dataset, kind] {
        text.push('|');
        escape(text, part);
    }
}

/// Adds the next of the sorted keys.
pub fn add_key(text: &mut String, name: &str, value: &str) {
    text.push('|');
    escape(text, name);
    text.push('=');
    escape(text, value);
}

/// Replaces a series that is too long.
pub fn end_series(text: &mut String) {
    if text.len() > MAX_SERIES_BYTES {
        *text = format!("sha256:{}", hex(&Sha256::digest(text.as_bytes())));
    }
}

fn escape(text: &mut String, part: &str) {
    if part.contains('|') {
        text.push_str(&part.replace('|', "||"));
    } else {
        text.push_str(part);
    }
}

/// Id of a document: what `_id` is where Elasticsearch takes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DocumentId([u8; 16]);

impl DocumentId {
    /// Hash of series and timestamp: the same sample has the same id on every agent and after every restart.
    pub fn new(series: &str, timestamp: Millis) -> Self {
        let mut hash = Sha256::new();
        hash.update(timestamp.0.to_be_bytes());
        hash.update(series.as_bytes());
        let digest = hash.finalize();
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Self(id)
    }

    /// What was stored.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// To be stored.
    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Half of it: enough to tell the documents of a few ticks apart.
    pub fn half(self) -> u64 {
        self.0
            .iter()
            .take(8)
            .fold(0, |half, byte| half << 8 | u64::from(*byte))
    }

    /// As text.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// What [`to_hex`](Self::to_hex) gave.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut id = [0; 16];
        let is_whole = text.len() == 2 * id.len() && text.bytes().all(|c| c.is_ascii_hexdigit());
        for (at, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        is_whole.then_some(Self(id))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why a cluster id is not believed.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "Kafka says that its cluster id is {reported}, but so far it was {known}; if that is right, write `id: {reported}` for the cluster {name}"
)]
pub struct OtherCluster {
    name: String,
    known: String,
    reported: String,
}

/// What became of a reported cluster id.
#[derive(Debug, PartialEq, Eq)]
pub enum Reported {
    /// Known already.
    Same,
    /// The id that the user fixed, seen for the first time: worth storing.
    Confirmed,
    /// Seen for the first time: in force from the next tick.
    Learnt {
        /// The identity up to now.
        before: String,
        /// The identity from the next tick.
        after: String,
    },
}

/// The identity of one cluster: `clusters[].id`, else the id that Kafka reports, else the last one
/// seen, else `name:<name>`. It changes only between two ticks.
#[derive(Debug)]
pub struct ClusterIdentity {
    name: String,
    configured: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Before `since`.
    before: String,
    /// From the first tick after `since`.
    current: String,
    since: Millis,
    known: bool,
    /// Whether Kafka itself has said it.
    confirmed: bool,
}

impl ClusterIdentity {
    /// The identity at the start: what the configuration says, else what was stored.
    pub fn new(name: String, configured: Option<String>, stored: Option<String>) -> Self {
        let known = configured.is_some() || stored.is_some();
        let current = configured
            .clone()
            .or(stored)
            .unwrap_or_else(|| format!("name:{name}"));
        Self {
            name,
            configured: configured.is_some(),
            state: Mutex::new(State {
                before: current.clone(),
                current,
                since: Millis(0),
                known,
                confirmed: false,
            }),
        }
    }

    /// The cluster's name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The identity that documents of that tick carry.
    pub fn at(&self, tick: Millis) -> String {
        let state = self.lock();
        if tick > state.since {
            state.current.clone()
        } else {
            state.before.clone()
        }
    }

    /// Puts what was learnt last in force for all ticks: for a cycle that stands alone.
    pub fn settle(&self) {
        let mut state = self.lock();
        state.before = state.current.clone();
    }

    /// Whether the user fixed the id.
    pub fn is_configured(&self) -> bool {
        self.configured
    }

    /// Whether the id is more than the cluster's name.
    pub fn is_known(&self) -> bool {
        self.lock().known
    }

    /// Takes note of the id that a server reports.
    pub fn report(&self, reported: &str, now: Millis) -> Result<Reported, OtherCluster> {
        let mut state = self.lock();
        if state.current == reported {
            let first = !std::mem::replace(&mut state.confirmed, true);
            let confirmed = first && self.configured;
            return Ok(if confirmed {
                Reported::Confirmed
            } else {
                Reported::Same
            });
        }
        if state.known {
            return Err(OtherCluster {
                name: self.name.clone(),
                known: state.current.clone(),
                reported: reported.to_owned(),
            });
        }
        state.before = std::mem::replace(&mut state.current, reported.to_owned());
        state.since = now;
        state.known = true;
        state.confirmed = true;
        Ok(Reported::Learnt {
            before: state.before.clone(),
            after: state.current.clone(),
        })
    }

    /// The id to store: what a server reported, never what somebody only configured.
    fn to_store(&self) -> Option<String> {
        let state = self.lock();
        state.confirmed.then(|| state.current.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change is one assignment after the other without a panic between them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cluster ids kept under `path.data`, so that a restart while Kafka is away does not change a series.
#[derive(Debug, Clone)]
pub struct IdentityStore {
    file: PathBuf,
    /// Read, change and replace is one step: two clusters may learn their ids in one moment.
    saving: Arc<Mutex<()>>,
}

/// Why the stored ids could not be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file is there and cannot be read or written.
    #[error("cannot use {file}")]
    Io {
        /// Which file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what this program wrote.
    #[error("{file} is damaged; move it away: the ids are learnt again from Kafka")]
    Damaged {
        /// Which file.
        file: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl IdentityStore {
    /// The store below a data directory.
    pub fn new(path_data: &Path) -> Self {
        Self {
            file: path_data.join(CLUSTERS_FILE),
            saving: Arc::default(),
        }
    }

    /// Stored ids by cluster name; none where nothing was stored.
    pub fn load(&self) -> Result<BTreeMap<String, String>, StoreError> {
        match std::fs::read(&self.file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| StoreError::Damaged {
                file: self.file.display().to_string(),
                source,
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(source) => Err(self.io(source)),
        }
    }

    /// Adds what these clusters know and replaces the file by rename.
    pub fn save<'a>(
        &self,
        clusters: impl Iterator<Item = &'a ClusterIdentity>,
    ) -> Result<(), StoreError> {
        let _one = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.load()?;
        all.extend(clusters.filter_map(|c| Some((c.name.clone(), c.to_store()?))));
        let text = serde_json::Value::from_iter(all).to_string();
        crate::files::replace(&self.file, text.as_bytes()).map_err(|source| self.io(source))
    }

    fn io(&self, source: std::io::Error) -> StoreError {
        StoreError::Io {
            file: self.file.display().to_string(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_name_becomes_the_host() {
        for host in ["localhost", "127.0.0.1", "::1", "0.0.0.0", "LOCALHOST"] {
            assert_eq!(service_address(host, 9999, "broker06"), "broker06:9999");
        }
        assert_eq!(service_address("kafka1", 9092, "broker06"), "kafka1:9092");
        assert_eq!(
            service_address("fd00::1", 9092, "broker06"),
            "[fd00::1]:9092"
        );
    }

    #[test]
    fn a_series_does_not_depend_on_the_order_of_keys_and_cannot_be_forged() {
        let key = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let one = series("c", "d", "k", &[key("a", "1"), key("b", "2")]);
        assert_eq!(one, series("c", "d", "k", &[key("b", "2"), key("a", "1")]));
        assert_ne!(one, series("c", "d", "k", &[key("a", "1|b=2")]));
        let long = series("c", "d", "k", &[key("a", &"x".repeat(600))]);
        assert!(long.starts_with("sha256:") && long.len() < MAX_SERIES_BYTES);
    }

    #[test]
    fn the_identity_changes_only_after_the_tick_and_never_by_itself_again() {
        let cluster = ClusterIdentity::new("orders".into(), None, None);
        assert_eq!(cluster.at(Millis(10_000)), "name:orders");
        let learnt = cluster.report("abc", Millis(10_500)).unwrap();
        assert!(matches!(learnt, Reported::Learnt { .. }));
        assert_eq!(
            cluster.at(Millis(10_000)),
            "name:orders",
            "a late document of the old tick"
        );
        assert_eq!(cluster.at(Millis(20_000)), "abc");
        assert_eq!(cluster.report("abc", Millis(21_000)), Ok(Reported::Same));
        let error = cluster
            .report("xyz", Millis(22_000))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("abc") && error.contains("id: xyz"),
            "{error}"
        );
        assert_eq!(cluster.at(Millis(30_000)), "abc");
    }

    #[test]
    fn a_configured_id_is_not_overruled() {
        let cluster = ClusterIdentity::new("orders".into(), Some("abc".into()), None);
        assert!(cluster.report("xyz", Millis(1)).is_err());
        assert_eq!(cluster.to_store(), None);
        assert_eq!(cluster.report("abc", Millis(2)), Ok(Reported::Confirmed));
        assert_eq!(cluster.report("abc", Millis(3)), Ok(Reported::Same));
        assert_eq!(
            cluster.to_store(),
            Some("abc".into()),
            "the line may be removed later"
        );
    }

    #[test]
    fn ids_survive_a_restart() {
        let directory = crate::files::TestDirectory::new();
        let store = IdentityStore::new(directory.path());
        assert!(store.load().unwrap().is_empty());
        let cluster = ClusterIdentity::new("orders".into(), None, None);
        cluster.report("abc", Millis(1)).unwrap();
        store.save([&cluster].into_iter()).unwrap();
        assert_eq!(store.load().unwrap()["orders"], "abc");
        std::fs::write(directory.path().join(CLUSTERS_FILE), "{").unwrap();
        assert!(store.load().unwrap_err().to_string().contains("damaged"));
    }
}
