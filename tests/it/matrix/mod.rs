//! Values equal to Java's: every attribute of every bean, over versions of servers and JDKs, and kinds of JMX port.
//!
//! The tests do a part of it; `make prove-matrix` does all and writes `docs/proofs/matrix.md`.

mod canonical;
mod compare;

use std::fmt::Write as _;

use compare::{Outcome, compare};
use stack::{
    Consumer, JmxAccess, JmxPort, Kafka, KafkaVersion, Options, Producer, ZooKeeper,
    ZooKeeperVersion, jdks,
};

/// Where `make prove-matrix` wants the report; without it a part is done.
const REPORT: &str = "BROKERBEAT_MATRIX_REPORT";

/// How many of a hundred attributes may never hold still: a comparison of shapes proves little.
const MOST_RESTLESS: usize = 5;

#[derive(Clone, Copy)]
enum Server {
    Kafka28,
    Kafka39,
    Kafka42,
    ZooKeeper35,
    ZooKeeper39,
}

const SERVERS: &[(Server, &str)] = &[
    (Server::Kafka28, "Kafka 2.8.2, ZooKeeper mode"),
    (Server::Kafka39, "Kafka 3.9.1, KRaft"),
    (Server::Kafka42, "Kafka 4.2.0, KRaft"),
    (Server::ZooKeeper35, "ZooKeeper 3.5.9"),
    (Server::ZooKeeper39, "ZooKeeper 3.9.4"),
];

#[derive(Clone, Copy)]
enum Port {
    Open,
    Password,
    Tls,
    Mutual,
}

const PORTS: &[(Port, &str)] = &[
    (Port::Open, "open"),
    (Port::Password, "password"),
    (Port::Tls, "TLS"),
    (
        Port::Mutual,
        "password, TLS on both ports, client certificate",
    ),
];

impl Port {
    fn jmx(self) -> JmxPort {
        match self {
            Self::Open => JmxPort::new(),
            Self::Password => JmxPort::new().password(),
            Self::Tls => JmxPort::new().tls(),
            Self::Mutual => JmxPort::new().password().registry_tls().client_auth(),
        }
    }
}

/// What must live while a JVM is compared: held, never read.
#[derive(Default)]
struct Running {
    _clients: Option<(Producer, Consumer)>,
    _kafka: Option<Kafka>,
    _zookeeper: Option<ZooKeeper>,
}

impl Server {
    fn start(self, options: &Options) -> (Running, JmxAccess) {
        let zookeeper = |version| {
            let server = ZooKeeper::start_of(version, options).expect("ZooKeeper starts");
            let access = server.jmx_access().clone();
            let running = Running {
                _zookeeper: Some(server),
                ..Running::default()
            };
            (running, access)
        };
        match self {
            Self::Kafka28 => {
                let zookeeper = ZooKeeper::start().expect("ZooKeeper starts");
                let kafka = Kafka::start_zookeeper_mode_with(&zookeeper, 1, options);
                busy(kafka.expect("Kafka starts"), Some(zookeeper))
            }
            Self::Kafka39 => {
                let kafka = Kafka::start_kraft_of(KafkaVersion::V3_9, options);
                busy(kafka.expect("Kafka starts"), None)
            }
            Self::Kafka42 => busy(
                Kafka::start_kraft_with(options).expect("Kafka starts"),
                None,
            ),
            Self::ZooKeeper35 => zookeeper(ZooKeeperVersion::V3_5),
            Self::ZooKeeper39 => zookeeper(ZooKeeperVersion::V3_9),
        }
    }
}

/// With a topic that has been written and read: most of a broker's beans come with the first request.
fn busy(kafka: Kafka, zookeeper: Option<ZooKeeper>) -> (Running, JmxAccess) {
    kafka.create_topic("orders", 3, 1).expect("a topic");
    let bootstrap = kafka.bootstrap();
    let producer = Producer::start(&bootstrap, "orders", 0.0).expect("a producer");
    producer.send(100).expect("sent");
    let consumer = Consumer::start(&bootstrap, "orders", "billing").expect("a consumer");
    let access = kafka.jmx_access().clone();
    let running = Running {
        _clients: Some((producer, consumer)),
        _kafka: Some(kafka),
        _zookeeper: zookeeper,
    };
    (running, access)
}

/// Compares one JVM and gives its row of the table.
fn row(server: (Server, &str), jdk: u32, port: (Port, &str)) -> (String, Outcome) {
    let options = Options::new().jdk(jdk).jmx(port.0.jmx());
    let (_running, access) = server.0.start(&options);
    let outcome = compare(&access, jdk);
    let Outcome {
        beans,
        equal,
        between,
        failing,
        restless,
        wrong,
    } = &outcome;
    let cells = format!(
        "| {} | {jdk} | {} | {beans} | {} | {equal} | {between} | {failing} | {} | {} |",
        server.1,
        port.1,
        outcome.attributes(),
        restless.len(),
        wrong.len(),
    );
    println!("{cells}");
    for complaint in wrong {
        println!("  {complaint}");
    }
    (cells, outcome)
}

fn assert_good(cells: &str, outcome: &Outcome) {
    assert!(outcome.wrong.is_empty(), "{cells}\n{:#?}", outcome.wrong);
    assert!(outcome.beans > 20, "{cells}");
    let restless = outcome.restless.len() * 100 / outcome.attributes();
    assert!(
        restless <= MOST_RESTLESS,
        "{cells}\n{:#?}",
        outcome.restless
    );
}

/// The oldest and the newest of the JDKs that servers run on here: 17 and 21 or 25, where there is more than one.
fn two_jdks() -> Vec<u32> {
    let all = jdks();
    let mut two: Vec<u32> = all.first().into_iter().chain(all.last()).copied().collect();
    two.dedup();
    if two.len() < 2 {
        println!("only one JDK is installed: {two:?}");
    }
    two
}

#[test]
fn every_attribute_of_a_broker_is_what_java_reads() {
    let jdk = two_jdks()[0];
    let (cells, outcome) = row(SERVERS[2], jdk, PORTS[0]);
    assert_good(&cells, &outcome);
}

#[test]
fn every_attribute_of_a_zookeeper_is_what_java_reads_with_password_and_tls() {
    let jdk = *two_jdks().last().expect("there is a JDK");
    let (cells, outcome) = row(SERVERS[4], jdk, PORTS[3]);
    assert_good(&cells, &outcome);
}

/// All of it, if asked; a part otherwise: the oldest broker, which has beans that the newest has not.
#[test]
fn every_attribute_of_every_server_is_what_java_reads() {
    let report = std::env::var_os(REPORT);
    let ports = if report.is_some() {
        PORTS
    } else {
        &PORTS[1..2]
    };
    let servers = if report.is_some() {
        SERVERS
    } else {
        &SERVERS[..1]
    };
    let jdks = if report.is_some() {
        two_jdks()
    } else {
        two_jdks()[..1].to_vec()
    };
    let mut rows = Vec::new();
    for &server in servers {
        for &jdk in &jdks {
            rows.extend(ports.iter().map(|&port| row(server, jdk, port)));
        }
    }
    if let Some(path) = report {
        std::fs::write(path, page(&rows)).expect("the report can be written");
    }
    for (cells, outcome) in &rows {
        assert_good(cells, outcome);
    }
}

fn page(rows: &[(String, Outcome)]) -> String {
    let conditions = stack::conditions();
    let mut page = format!(
        "# Values equal to Java's\n\n{conditions}\n\n\
         Written by `make prove-matrix`. Every attribute of every bean of a JVM is read by Java's own client, by `jmx-rmi`, and by \
         Java's once more; all three as a canonical text that shows a value's kind and every bit of it. Our list of a bean's \
         attributes (`getMBeanInfo`) must have what Java's has.\n\n\
         - *equal*: the same text three times\n\
         - *between*: a number that moved, ours between Java's two\n\
         - *failing*: can be read by neither: the getter throws, or the value cannot be sent\n\
         - *restless*: never the same twice in twelve looks; alike but for the numbers\n\
         - *wrong*: anything else\n\n\
         | server | JDK | JMX port | beans | attributes | equal | between | failing | restless | wrong |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (cells, _) in rows {
        page.push_str(cells);
        page.push('\n');
    }
    page.push_str("\nRestless somewhere:\n\n");
    let mut restless: Vec<&String> = rows
        .iter()
        .flat_map(|(_, outcome)| &outcome.restless)
        .collect();
    restless.sort();
    restless.dedup();
    for place in restless {
        writeln!(page, "- `{place}`").expect("a string takes everything");
    }
    page
}
