//! ZooKeeper's servers through every door.

mod doors;
mod ensemble;
mod hostile;
mod losses;
mod types;

use serde_json::Value;

use crate::agent::{Setting, field, of_dataset, text};

/// What `once` saw of one server.
struct Seen {
    documents: Vec<Value>,
    code: i32,
    said: String,
}

/// Asks a server once. `section`: what stands below `zookeeper`, in braces.
fn seen(section: &str) -> Seen {
    seen_in(section, "60s")
}

fn seen_in(section: &str, interval: &str) -> Seen {
    let config = format!("clusters: [{{name: a, zookeeper: {{{section}}}}}]\n");
    let (code, documents, said) = Setting::new(&config).once_in(interval);
    assert!(!said.contains("panicked"), "{said}");
    Seen {
        documents,
        code,
        said,
    }
}

impl Seen {
    fn of(&self, dataset: &str, kind: &str) -> Vec<&Value> {
        let all = of_dataset(&self.documents, dataset).into_iter();
        all.filter(|document| text(document, "brokerbeat.kind") == kind)
            .collect()
    }

    /// The document that says which door it was.
    fn server(&self) -> &Value {
        let all = self.of("zookeeper.server", "srvr");
        assert_eq!(all.len(), 1, "{}", self.said);
        all[0]
    }

    fn target(&self) -> &Value {
        let (servers, _) = self.targets();
        assert_eq!(servers.len(), 1, "{}", self.said);
        servers[0]
    }

    /// Those of the servers, and that of the ensemble.
    fn targets(&self) -> (Vec<&Value>, &Value) {
        let all = of_dataset(&self.documents, "target").into_iter();
        let (ensemble, servers): (Vec<_>, Vec<_>) =
            all.partition(|target| text(target, "brokerbeat.target.name").contains(" ensemble "));
        assert_eq!(ensemble.len(), 1, "{}", self.said);
        (servers, ensemble[0])
    }

    /// The document of the ensemble.
    fn ensemble(&self) -> &Value {
        self.of("zookeeper.ensemble", "ensemble")[0]
    }

    /// Everything is there, through this door.
    fn assert_whole(&self, door: &str) {
        assert_eq!(self.code, 0, "{door}: {}", self.said);
        assert_eq!(text(self.server(), "zookeeper.server.door.name"), door);
        let version = field(
            self.of("zookeeper.mntr", "latency")[0],
            "zookeeper.mntr.latency.read",
        );
        assert!(version.is_some(), "{door}: no figures of 3.6 and later");
    }

    /// The first thing that is missing.
    fn assert_error(&self, kind: &str, sentences: &[&str]) {
        let message = text(self.target(), "brokerbeat.target.error.message");
        let found = text(self.target(), "brokerbeat.target.error.kind");
        assert_eq!((self.code, found), (3, kind), "{message}");
        for sentence in sentences {
            assert!(message.contains(sentence), "no `{sentence}` in: {message}");
        }
    }
}
