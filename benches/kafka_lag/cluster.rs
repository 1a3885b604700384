//! A broker with very many groups.

use std::time::Duration;

use stack::{GroupAdmin, GroupPlan, Kafka, Options, Proxy};

/// Records in each partition; the commits are at the first three.
const RECORDS: u32 = 3;
/// Half a millisecond each way.
const EACH_WAY: Duration = Duration::from_micros(500);

/// How the groups come to their commits.
#[derive(Clone, Copy)]
pub(crate) enum Members {
    /// Nobody is in them: the list of groups says so.
    None,
    /// A static member each, whose session goes on: the coordinator has to describe the group.
    One,
}

/// A broker, its groups, and Java's client for it.
pub(crate) struct Cluster {
    pub(crate) bootstrap: String,
    pub(crate) java: GroupAdmin,
    pub(crate) plan: GroupPlan,
    _proxy: Option<Proxy>,
    _kafka: Kafka,
}

impl Cluster {
    /// On loopback.
    pub(crate) fn start(plan: GroupPlan, members: Members) -> Self {
        let kafka = Kafka::start_kraft_with(&options()).unwrap();
        Self::fill(kafka, None, plan, members)
    }

    /// Behind a proxy that makes every way longer.
    pub(crate) fn start_delayed(plan: GroupPlan) -> Self {
        let kafka = Kafka::start_kraft_with(&options().advertise(Proxy::HOST)).unwrap();
        let proxy = Proxy::start(&kafka.bootstrap(), EACH_WAY).unwrap();
        Self::fill(kafka, Some(proxy), plan, Members::None)
    }

    fn fill(kafka: Kafka, proxy: Option<Proxy>, plan: GroupPlan, members: Members) -> Self {
        let bootstrap = proxy
            .as_ref()
            .map_or_else(|| kafka.bootstrap(), Proxy::address);
        let java = GroupAdmin::start(&bootstrap).unwrap();
        java.make_topics(plan, RECORDS).unwrap();
        match members {
            Members::None => java.commit(plan).unwrap(),
            Members::One => java.join(plan).unwrap(),
        }
        Self {
            bootstrap,
            java,
            plan,
            _proxy: proxy,
            _kafka: kafka,
        }
    }

    /// Offsets that the groups have committed.
    pub(crate) fn offsets(&self) -> u64 {
        u64::from(self.plan.groups) * u64::from(self.plan.partitions)
    }
}

/// As in production: both of the JVM's compilers, and memory for thousands of partitions.
fn options() -> Options {
    Options::new()
        .jvm("-XX:TieredStopAtLevel=4")
        .jvm("-Xmx1g")
        // Kafka's own defaults; the stack's are smaller.
        .set("num.io.threads", "8")
        .set("num.network.threads", "3")
        // Five hundred groups are joined one after the other.
        .set("group.initial.rebalance.delay.ms", "0")
}
