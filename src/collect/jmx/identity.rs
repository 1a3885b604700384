//! Who the server is, as its beans say.

use jmx_rmi::ObjectName;

use super::preset::Keyed;
use crate::config::units::show_host_port;

/// `service.address` as a key.
const ADDRESS: &str = "service.address";

/// Key of all documents about a Kafka node.
pub(super) const BROKER_ID: &str = "kafka.broker.id";

/// Key of all documents about a ZooKeeper server.
const ZOOKEEPER_ID: &str = "zookeeper.server.id";

/// What identifies the JVM of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// `service.address`.
    pub(super) address: String,
    /// Host part of the address: never a loopback name.
    pub(super) host: String,
    /// Node id, once learnt. It is kept while the broker is away or starting: the bean that holds it is the last to
    /// appear and the first to go.
    pub(super) broker: Option<i64>,
}

impl Identity {
    /// Learns the node's id from the names of its beans. Several nodes in one JVM cannot be told apart: then there is none.
    pub(super) fn learn<'a>(&mut self, names: impl Iterator<Item = &'a ObjectName>) {
        let mut ids: Vec<i64> = names.filter_map(node_id).collect();
        ids.sort_unstable();
        ids.dedup();
        match ids.as_slice() {
            [] => {}
            [id] => self.broker = Some(*id),
            _ => self.broker = None,
        }
    }

    /// Field and value that key the documents made of that bean.
    pub(super) fn key(&self, keyed: Keyed, bean: &ObjectName) -> (&'static str, serde_json::Value) {
        let known = match keyed {
            Keyed::Address => None,
            Keyed::Broker => self.broker.map(|id| (BROKER_ID, id.into())),
            Keyed::Zookeeper => self.zookeeper(bean).map(|id| (ZOOKEEPER_ID, id.into())),
        };
        known.unwrap_or_else(|| (ADDRESS, self.address.as_str().into()))
    }

    /// Field and value that key a document about no single bean; `None` while it is not known who the server is.
    pub(super) fn key_of_rest(&self, keyed: Keyed) -> Option<(&'static str, serde_json::Value)> {
        match keyed {
            Keyed::Broker => self.broker.map(|id| (BROKER_ID, id.into())),
            Keyed::Address | Keyed::Zookeeper => Some((ADDRESS, self.address.as_str().into())),
        }
    }

    /// `3` of `ReplicatedServer_id3`; host and client port of `StandaloneServer_port2181`.
    fn zookeeper(&self, bean: &ObjectName) -> Option<String> {
        let server = bean.key("name0")?;
        if let Some(id) = server.strip_prefix("ReplicatedServer_id") {
            return Some(id.to_owned());
        }
        // Without a plain-text port it is −1.
        let port = server.strip_prefix("StandaloneServer_port")?.parse().ok()?;
        Some(show_host_port(&self.host, port))
    }
}

/// `1` of `kafka.server:type=app-info,id=1`.
fn node_id(name: &ObjectName) -> Option<i64> {
    let is_app_info = name.domain() == "kafka.server" && name.key("type") == Some("app-info");
    is_app_info.then(|| name.key("id")?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            address: "broker06:9999".to_owned(),
            host: "broker06".to_owned(),
            broker: None,
        }
    }

    fn name(text: &str) -> ObjectName {
        ObjectName::parse(text).unwrap()
    }

    #[test]
    fn the_node_id_is_learnt_and_kept() {
        let bean = name("kafka.server:type=KafkaServer,name=BrokerState");
        let mut identity = identity();
        assert_eq!(
            identity.key(Keyed::Broker, &bean),
            (ADDRESS, "broker06:9999".into())
        );
        identity.learn(
            [
                name("kafka.server:type=app-info,id=7"),
                name("kafka.server:type=app-info"),
            ]
            .iter(),
        );
        assert_eq!(identity.key(Keyed::Broker, &bean), (BROKER_ID, 7.into()));
        identity.learn([bean.clone()].iter());
        assert_eq!(identity.key(Keyed::Broker, &bean), (BROKER_ID, 7.into()));
        assert_eq!(identity.key(Keyed::Address, &bean).0, ADDRESS);
    }

    #[test]
    fn two_nodes_in_one_jvm_have_no_id() {
        let mut identity = identity();
        identity.learn(
            [
                name("kafka.server:type=app-info,id=1"),
                name("kafka.server:type=app-info,id=2"),
            ]
            .iter(),
        );
        assert_eq!(identity.broker, None);
    }

    #[test]
    fn zookeeper_says_its_id_or_its_port() {
        let id = |bean: &str| {
            identity().key(
                Keyed::Zookeeper,
                &name(&format!("org.apache.ZooKeeperService:{bean}")),
            )
        };
        assert_eq!(
            id("name0=ReplicatedServer_id3,name1=replica.3"),
            (ZOOKEEPER_ID, "3".into())
        );
        assert_eq!(
            id("name0=StandaloneServer_port2181"),
            (ZOOKEEPER_ID, "broker06:2181".into())
        );
        assert_eq!(
            id("name0=StandaloneServer_port-1"),
            (ADDRESS, "broker06:9999".into())
        );
    }
}
