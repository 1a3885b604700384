//! Servers that tests share. A test that hurts a server starts its own.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use stack::{Elasticsearch, ZooKeeper};

/// Password of the secured Elasticsearch's user `elastic`.
pub(crate) const PASSWORD: &str = "correct-horse";

/// Elasticsearch without security. Its templates are the agent's; tests differ by namespace.
pub(crate) fn elasticsearch() -> &'static Elasticsearch {
    static SERVER: LazyLock<Elasticsearch> =
        LazyLock::new(|| Elasticsearch::start().expect("Elasticsearch starts"));
    &SERVER
}

/// Elasticsearch with security, for one test at a time: they change its templates and stop it.
pub(crate) fn secured() -> MutexGuard<'static, Elasticsearch> {
    static SERVER: LazyLock<Mutex<Elasticsearch>> = LazyLock::new(|| {
        Mutex::new(Elasticsearch::start_secured(PASSWORD).expect("Elasticsearch starts"))
    });
    SERVER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Elasticsearch with security, over TLS, for clients with a certificate.
pub(crate) fn with_tls() -> &'static Elasticsearch {
    static SERVER: LazyLock<Elasticsearch> =
        LazyLock::new(|| Elasticsearch::start_with_tls(PASSWORD).expect("Elasticsearch starts"));
    &SERVER
}

/// A ZooKeeper 3.9 that nobody stops.
pub(crate) fn zookeeper() -> &'static ZooKeeper {
    static SERVER: LazyLock<ZooKeeper> =
        LazyLock::new(|| ZooKeeper::start().expect("ZooKeeper starts"));
    &SERVER
}
