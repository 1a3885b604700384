//! The agent's configuration, as a user would write it.

use crate::servers::{Clients, Servers};

pub(crate) fn text(servers: &Servers, data: &str) -> String {
    let orders = cluster("orders", &servers.old_kafka.bootstrap())
        + &format!(
            "    zookeeper: {{hosts: [\"{}\"]}}\n",
            servers.zookeeper.addr()
        )
        + "    jmx:\n"
        + &jmx(
            &servers.old_kafka.jmx(),
            "kafka-broker, kafka-controller, jvm",
        )
        + &jmx(&servers.zookeeper.jmx(), "zookeeper, jvm")
        + &clients(&servers.old);
    let payments = cluster("payments", &servers.new_kafka.bootstrap())
        + "    jmx:\n"
        + &jmx(
            &servers.new_kafka.jmx(),
            "kafka-broker, kafka-controller, jvm",
        )
        + &clients(&servers.new);
    format!(
        "path.data: {data}\n\
         interval: 5s\n\
         clusters:\n\
         {orders}{payments}\
         output.elasticsearch: {{hosts: [\"{}\"]}}\n",
        servers.elasticsearch.url(),
    )
}

fn cluster(name: &str, bootstrap: &str) -> String {
    format!("  - name: {name}\n    kafka: {{bootstrap: [\"{bootstrap}\"]}}\n")
}

fn jmx(endpoint: &str, presets: &str) -> String {
    format!("      - {{endpoint: \"{endpoint}\", presets: [{presets}]}}\n")
}

fn clients(clients: &Clients) -> String {
    [
        clients.producer.jmx(),
        clients.quick.jmx(),
        clients.paused.jmx(),
    ]
    .map(|endpoint| jmx(&endpoint, "jvm"))
    .concat()
}
