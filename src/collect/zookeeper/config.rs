//! `zookeeper:` of a cluster.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

use super::answer::{Door, ENSEMBLE_QUESTIONS, QUESTIONS, Question};
use super::connect;
use super::door::Place;
use super::ensemble::{self, Board, Discover, Ensemble, Settings};
use super::{Server, ZooKeeper};
use crate::collect::{Common, Sharing, TargetPlan};
use crate::config::{Section, Tls, read_tls, units};
use crate::identity::{is_loopback, service_address};

/// ZooKeeper's `clientPort` in every example configuration.
const DEFAULT_PORT: u16 = 2181;

/// `admin.serverPort` and `admin.commandURL`, unless `zoo.cfg` says otherwise.
const ADMIN: (u64, &str) = (8080, "/commands");

/// `metricsProvider.httpPort`, unless `zoo.cfg` says otherwise, and the provider's path.
const PROMETHEUS: (u64, &str) = (7000, "/metrics");

/// Sessions with documents of their own. Brokers and their tools are some dozens.
const CONNECTIONS: u64 = 100;

/// Of more sessions there are no documents that anybody looks at.
const MOST_CONNECTIONS: u64 = 10_000;

/// The values of `door`.
const DOORS: [(&str, &[Door]); 4] = [
    ("auto", &[Door::Words, Door::Admin, Door::Prometheus]),
    ("words", &[Door::Words]),
    ("admin", &[Door::Admin]),
    ("prometheus", &[Door::Prometheus]),
];

/// The values of `discover`.
const DISCOVER: [(&str, Discover); 3] = [
    ("ensemble", Discover::Ensemble),
    ("all", Discover::All),
    ("off", Discover::Off),
];

/// What the servers of a cluster have in common.
pub(super) struct Shared {
    /// This machine's name, which stands for every loopback address.
    host_name: String,
    interval: Option<Duration>,
    discover: Discover,
    doors: &'static [Door],
    tls: Option<Tls>,
    admin: HttpDoor,
    prometheus: HttpDoor,
    connections: usize,
}

/// Where an HTTP door is on every server.
struct HttpDoor {
    port: u16,
    path: String,
    tls: Option<Tls>,
}

/// Reads `zookeeper: {hosts: [...], door: ..., interval: ...}`: one target a server, and one for the ensemble.
pub(super) fn read(cluster: &mut Section<'_>, common: &Common) -> Vec<TargetPlan> {
    let Some(mut section) = cluster.section("zookeeper") else {
        return Vec::new();
    };
    let hosts = section.texts("hosts");
    if hosts.is_empty() {
        section.problem("hosts", "is empty; write at least one host:port");
    }
    let shared = Arc::new(shared(&mut section, common));
    let servers = servers(&section, &hosts, &shared);
    plans(servers, &shared)
}

fn servers(section: &Section<'_>, hosts: &[String], shared: &Shared) -> Vec<Arc<Server>> {
    let read = |host: &str| {
        let (host, port) = units::host_port(host, Some(DEFAULT_PORT))?;
        shared.server(host, port, &QUESTIONS)
    };
    let noted = |host: &str| {
        let noted = |wrong| section.problem("hosts", format!("`{host}` {wrong}"));
        read(host).map(Arc::new).map_err(noted).ok()
    };
    // The chroot is where Kafka keeps its nodes; servers are the same with or without it.
    let hosts = hosts.iter().flat_map(|text| connect::split(text).0);
    hosts.filter_map(noted).collect()
}

fn shared(section: &mut Section<'_>, common: &Common) -> Shared {
    let interval = section.duration(
        "interval",
        Duration::from_secs(1)..=Duration::from_secs(3600),
    );
    let connections = section.number_or("connections", CONNECTIONS, 0..=MOST_CONNECTIONS);
    Shared {
        host_name: common.host_name.clone(),
        interval,
        discover: word(section, "discover", &DISCOVER),
        doors: word(section, "door", &DOORS),
        tls: tls(section),
        admin: http(section, "admin", ADMIN),
        prometheus: http(section, "prometheus", PROMETHEUS),
        connections: usize::try_from(connections).unwrap_or(usize::MAX),
    }
}

/// One of the words of a table; the first one is the default.
fn word<T: Copy + PartialEq>(
    section: &mut Section<'_>,
    key: &'static str,
    table: &[(&str, T)],
) -> T {
    section.parsed_or(
        key,
        table[0].1,
        |value| {
            let known = table.iter().find(|(_, known)| known == value);
            known.map_or("", |(word, _)| word).into()
        },
        |text| {
            let known = table.iter().find(|(word, _)| *word == text);
            let words = || table.iter().map(|(word, _)| *word).collect::<Vec<_>>();
            known
                .map(|(_, value)| *value)
                .ok_or_else(|| format!("is none of: {}", words().join(", ")))
        },
    )
}

fn tls(section: &mut Section<'_>) -> Option<Tls> {
    read_tls(&mut section.section("ssl")?)
}

fn http(section: &mut Section<'_>, key: &'static str, (port, path): (u64, &str)) -> HttpDoor {
    let mut section = section.section_or_empty(key);
    let port = section.number_or("port", port, 1..=65535);
    let path = section.parsed_or(
        "path",
        path.to_owned(),
        |path| path.as_str().into(),
        |text| match text.starts_with('/') && !text.contains(['?', '#', ' ']) {
            true => Ok(text.to_owned()),
            false => Err("is not a path; it begins with `/`".to_owned()),
        },
    );
    let tls = tls(&mut section);
    if tls.as_ref().is_some_and(|tls| tls.server_name.is_some()) {
        let message = "has no use here; over HTTPS the certificate must have the host's name";
        section.problem("ssl.server_name", message);
    }
    HttpDoor {
        port: u16::try_from(port).unwrap_or(u16::MAX),
        path,
        tls,
    }
}

impl Shared {
    fn server(
        &self,
        host: String,
        port: u16,
        questions: &'static [Question],
    ) -> Result<Server, String> {
        let admin = place(&host, &self.admin, "/")?;
        let prometheus = place(&host, &self.prometheus, "")?;
        Ok(Server {
            address: service_address(&host, port, &self.host_name),
            host,
            port,
            tls: self.tls.clone(),
            doors: self.doors.to_vec(),
            admin,
            prometheus,
            questions,
            connections: self.connections,
        })
    }

    /// A member that is not in `hosts`.
    pub(super) fn member(
        &self,
        host: String,
        port: u16,
        discover: Discover,
    ) -> Result<Server, String> {
        let questions: &'static [Question] = match discover {
            Discover::All => &QUESTIONS,
            Discover::Ensemble | Discover::Off => &ENSEMBLE_QUESTIONS,
        };
        self.server(host, port, questions)
    }
}

/// `end`: what stands between the path and a command.
fn place(host: &str, door: &HttpDoor, end: &str) -> Result<Place, String> {
    let scheme = if door.tls.is_some() { "https" } else { "http" };
    let address = units::show_host_port(host, door.port);
    let path = door.path.trim_end_matches('/');
    let url = Url::parse(&format!("{scheme}://{address}{path}{end}"));
    Ok(Place {
        url: url.map_err(|error| format!("is no host for a URL: {error}"))?,
        tls: door.tls.clone(),
    })
}

/// A target for each server, and one for all of them together.
fn plans(servers: Vec<Arc<Server>>, shared: &Arc<Shared>) -> Vec<TargetPlan> {
    if servers.is_empty() {
        return Vec::new();
    }
    let name = name(&servers);
    let sharing = sharing(&servers, &name);
    let board = Arc::new(Board::new(servers.len()));
    let mut plans = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        let board = Arc::clone(&board);
        plans.push(plan(
            server,
            ensemble::Place { board, index },
            &name,
            sharing.clone(),
            shared,
        ));
    }
    let settings = Settings {
        name: name.clone(),
        hosts: servers,
        discover: shared.discover,
        board,
        shared: Arc::clone(shared),
    };
    plans.push(whole(settings, name, sharing));
    plans
}

/// One agent asks all servers of an ensemble, or it could not say what they are together: the agent itself, where one of
/// them is on its own machine.
fn sharing(servers: &[Arc<Server>], name: &str) -> Sharing {
    match servers.iter().any(|server| is_loopback(&server.host)) {
        true => Sharing::Own,
        false => Sharing::With(name.to_owned()),
    }
}

/// Of an ensemble: its hosts in order, so that it is the same for agents that were told them in another one.
fn name(servers: &[Arc<Server>]) -> String {
    let mut addresses: Vec<&str> = servers.iter().map(|server| &*server.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.join(",")
}

fn plan(
    server: &Arc<Server>,
    place: ensemble::Place,
    ensemble: &str,
    sharing: Sharing,
    shared: &Shared,
) -> TargetPlan {
    let name = units::show_host_port(&server.host, server.port);
    let address = server.address.clone();
    let server = Arc::clone(server);
    TargetPlan {
        name: format!("zookeeper {name}"),
        address,
        interval: shared.interval,
        phase: Some(ensemble.to_owned()),
        sharing,
        build: Arc::new(move || Box::new(ZooKeeper::new(server.clone(), Some(place.clone())))),
    }
}

fn whole(settings: Settings, name: String, sharing: Sharing) -> TargetPlan {
    let interval = settings.shared.interval;
    let settings = Arc::new(settings);
    TargetPlan {
        name: format!("zookeeper ensemble {name}"),
        address: name.clone(),
        interval,
        phase: Some(name),
        sharing,
        build: Arc::new(move || Box::new(Ensemble::new(Arc::clone(&settings)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Findings;

    fn any_shared() -> Arc<Shared> {
        let door = |(port, path): (u16, &str)| HttpDoor {
            port,
            path: path.to_owned(),
            tls: None,
        };
        Arc::new(Shared {
            host_name: "here".into(),
            interval: None,
            discover: Discover::Ensemble,
            doors: DOORS[0].1,
            tls: None,
            admin: door((8080, "/commands")),
            prometheus: door((7000, "/metrics")),
            connections: 0,
        })
    }

    /// The servers of a section, and what is wrong with it.
    fn servers_of(text: &str) -> (Vec<Arc<Server>>, Vec<String>) {
        let findings = Findings::default();
        let node = crate::yaml::parse(text).unwrap();
        let tree = crate::config::build(&node, &|_| None, &findings.problems);
        let common = Common {
            host_name: "here".into(),
            interval: Duration::from_secs(10),
            path_data: "data".into(),
            only_groups: Vec::new(),
        };
        let mut section = Section::new(&tree, "zookeeper", &findings);
        let hosts = section.texts("hosts");
        let shared = shared(&mut section, &common);
        let servers = servers(&section, &hosts, &shared);
        drop(section);
        let problems = findings.problems.into_sorted();
        (servers, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn doors_are_where_zookeeper_has_them_unless_it_is_written() {
        let (servers, problems) = servers_of("hosts: [zk1, \"[::1]:2182\"]\n");
        assert_eq!(problems, [""; 0]);
        let [one, other] = &servers[..] else {
            panic!("{servers:?}")
        };
        assert_eq!(one.doors, [Door::Words, Door::Admin, Door::Prometheus]);
        assert_eq!(one.admin.url.as_str(), "http://zk1:8080/commands/");
        assert_eq!(one.prometheus.url.as_str(), "http://zk1:7000/metrics");
        assert_eq!((one.connections, one.tls.is_some()), (100, false));
        assert_eq!(other.admin.url.as_str(), "http://[::1]:8080/commands/");
        assert_eq!(other.address, "here:2182");
        let text = "hosts: zk1\ndoor: admin\nconnections: 0\n\
                    admin: {port: 8443, path: /zoo/commands/, ssl: {enabled: true}}\n";
        let (servers, problems) = servers_of(text);
        assert_eq!(problems, [""; 0]);
        assert_eq!(servers[0].doors, [Door::Admin]);
        assert_eq!(
            servers[0].admin.url.as_str(),
            "https://zk1:8443/zoo/commands/"
        );
        let asked = servers[0].questions_at(Door::Words);
        assert!(!asked.contains(&crate::collect::zookeeper::Question::Connections));
    }

    #[test]
    fn an_ensemble_is_one_agents_and_the_own_ones_where_a_server_is_on_its_machine() {
        let sharing = |text: &str| -> Vec<Option<String>> {
            let (servers, problems) = servers_of(text);
            assert_eq!(problems, [""; 0]);
            let names = plans(servers, &any_shared())
                .into_iter()
                .map(|plan| plan.sharing);
            names
                .map(|sharing| match sharing {
                    Sharing::With(name) => Some(name),
                    _ => None,
                })
                .collect()
        };
        let with = |name: &str| Some(name.to_owned());
        assert_eq!(
            sharing("hosts: [zk2, zk1]\n"),
            vec![with("zk1:2181,zk2:2181"); 3]
        );
        assert_eq!(
            sharing("hosts: [localhost, zk2, zk3]\n"),
            [const { None }; 4]
        );
        assert_eq!(sharing("hosts: [localhost]\n"), [None, None]);
    }

    #[test]
    fn every_mistake_is_named() {
        for (text, sentence) in [
            ("hosts: \"a:x\"\n", "a port is a number"),
            ("hosts: a\ndoor: front\n", "is none of: auto, words"),
            (
                "hosts: a\ndiscover: some\n",
                "is none of: ensemble, all, off",
            ),
            ("hosts: \"a,,b\"\n", "is not an address"),
            ("hosts: /kafka\n", "is not an address"),
            ("hosts: a\nadmin: {path: commands}\n", "begins with `/`"),
            ("hosts: a\nadmin: {port: 0}\n", "out of range"),
            ("hosts: a\nconnections: 10001\n", "out of range"),
            (
                "hosts: a\nprometheus: {ssl: {server_name: b}}\n",
                "has no use here",
            ),
            ("hosts: a\nadmn: {port: 1}\n", "did you mean `admin`"),
        ] {
            let (_, problems) = servers_of(text);
            let said = problems.iter().any(|problem| problem.contains(sentence));
            assert!(said, "{text}: {problems:#?}");
        }
    }
}
