//! What one cycle costs the broker's JVM: processor time and bytes, beside Jolokia's for the same values.
//!
//! A cycle reads what the agent's presets for brokers, controllers and JVMs read: every field of the catalogue names its
//! bean and attribute.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use brokerbeat::catalogue::Catalogue;
use jmx_rmi::ObjectName;
use stack::{JmxCanon, JolokiaPort, Options, Proxy};

use super::child::OurClient;
use super::figures::{Report, Spread};
use super::jolokia::Jolokia;
use super::list::List;
use super::process;
use super::servers::{Busy, behind_proxy};

/// One slice of each kind; the kernel counts processor time in hundredths of a second.
const SLICE: Duration = Duration::from_secs(10);
const SLICES: usize = 5;
/// Until the JVM's compilers are done with either way.
const WARM: usize = 400;

struct Cost {
    cpu_millis: Vec<f64>,
    up: f64,
    down: f64,
}

pub(crate) fn cost(report: &mut Report) {
    report.title("What a cycle costs the broker's JVM");
    let options = Options::new()
        .jmx(behind_proxy())
        .jolokia(JolokiaPort::new());
    let broker = Busy::start(&options);
    let jmx = Proxy::start(&broker.kafka.jmx(), Duration::ZERO).unwrap();
    let url = broker.kafka.jolokia_url();
    let server = url
        .trim_start_matches("http://")
        .trim_end_matches("/jolokia/");
    let http = Proxy::start(server, Duration::ZERO).unwrap();
    let list = of_presets(&stack::JmxAccess::open(&jmx.address()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let text = fs::read_to_string(list.path()).unwrap();
    let jolokia = Jolokia::new(format!("http://{}/jolokia/", http.address()), &text);
    let mut ours = OurClient::ready(&jmx.address(), &list.path(), 1);
    let mut read_jmx = || assert_eq!(ours.read().values, list.attributes as u64);
    let read_http = || assert_eq!(runtime.block_on(jolokia.read()), list.attributes);
    for _ in 0..WARM {
        read_jmx();
        read_http();
    }
    let pid = broker.kafka.process().pid();
    let mut costs = [Cost::new(), Cost::new()];
    for _ in 0..SLICES {
        let idle = idle_rate(pid);
        costs[0].slice(pid, idle, &jmx, &mut read_jmx);
        costs[1].slice(pid, idle, &http, read_http);
    }
    report.line(&format!(
        "The presets for brokers, controllers and JVMs, as one list: {}. Processor time of the JVM beyond what it takes \
         when nobody reads; bytes of TCP payload, both ways.\n",
        list.described()
    ));
    report.head("| way | ms of processor time | quartiles | bytes sent | bytes received |");
    for (name, cost) in ["ours, JMX", "Jolokia 2.3.0, one bulk request"]
        .into_iter()
        .zip(costs)
    {
        let cpu = Spread::of(cost.cpu_millis).cells();
        report.line(&format!(
            "| {name} | {cpu} | {:.0} | {:.0} |",
            cost.up, cost.down
        ));
    }
}

impl Cost {
    fn new() -> Self {
        Self {
            cpu_millis: Vec::new(),
            up: 0.0,
            down: 0.0,
        }
    }

    /// Reads for a while.
    fn slice(&mut self, pid: u32, idle: f64, proxy: &Proxy, mut read: impl FnMut()) {
        let (cpu, passed, start) = (cpu_millis(pid), proxy.passed(), Instant::now());
        let mut cycles = 0.0;
        while start.elapsed() < SLICE {
            read();
            cycles += 1.0;
        }
        let spent = cpu_millis(pid) - cpu - idle * start.elapsed().as_secs_f64();
        self.cpu_millis.push(spent / cycles);
        let now = proxy.passed();
        self.up = (now.to_server - passed.to_server) as f64 / cycles;
        self.down = (now.to_clients - passed.to_clients) as f64 / cycles;
    }
}

/// Milliseconds of processor time per second when nobody reads.
fn idle_rate(pid: u32) -> f64 {
    let (cpu, start) = (cpu_millis(pid), Instant::now());
    #[allow(
        clippy::disallowed_methods,
        reason = "nothing else runs on this thread"
    )]
    std::thread::sleep(SLICE / 2);
    (cpu_millis(pid) - cpu) / start.elapsed().as_secs_f64()
}

fn cpu_millis(pid: u32) -> f64 {
    process::cpu(pid).as_secs_f64() * 1e3
}

/// Every bean and attribute that a field of the catalogue comes from, as far as this JVM has them.
fn of_presets(access: &stack::JmxAccess) -> List {
    let java = JmxCanon::start(access, None).unwrap();
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let fields = Catalogue::get()
        .datasets
        .iter()
        .flat_map(|dataset| &dataset.fields);
    let sources: BTreeSet<&str> = fields.filter_map(|field| field.source.as_deref()).collect();
    for (pattern, attribute) in sources.iter().filter_map(|source| source.split_once(' ')) {
        if ObjectName::parse(pattern).is_err() {
            continue;
        }
        let attribute = attribute.split('.').next().unwrap_or(attribute);
        for name in java.names(pattern).unwrap() {
            wanted.entry(name).or_default().insert(attribute.to_owned());
        }
    }
    let exists = |(name, attributes): (String, BTreeSet<String>)| {
        let read = java.read(&name).unwrap().unwrap_or_default();
        let there = |attribute: &String| matches!(read.get(attribute), Some(Ok(_)));
        (name, attributes.into_iter().filter(there).collect())
    };
    List::new(wanted.into_iter().map(exists).collect())
}
