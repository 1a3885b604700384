//! `local:<main class or pattern>`: a JVM on this machine, with no port at all.
//!
//! It is looked for each time a session is opened, so a JVM that is gone and back is found under its new pid.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jmx_rmi::{Endpoint, ServiceUrlError, Timeouts};
use jvm_attach::{Jvm, attach, scan};
use thiserror::Error;
use tokio::time::sleep;

use crate::collect::kafka::pattern::Filter;

/// Pids that an error names; the others are counted.
const SHOWN_PIDS: usize = 8;
/// A forked process becomes another program within milliseconds.
const FORKED: Duration = Duration::from_millis(100);

/// Which JVM of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// `pid=<number>`: that one, for a look at it.
    Pid(u32),
    /// Main class, `module/class`, or file name of a jar.
    Main(String),
    /// With `*` or `?`: the whole line of main class and arguments.
    Command(String),
}

/// Why a JVM of this machine could not be found or attached to.
#[derive(Debug, Clone, Error)]
pub(crate) enum LocalError {
    #[error(
        "no JVM on this machine fits local:{0}; `brokerbeat jmx ps` lists those that there are"
    )]
    None(Pattern),
    #[error(
        "{count} JVMs on this machine fit local:{pattern}, pids {pids}; narrow it by an argument, as in `local:kafka.Kafka *server-1.properties`"
    )]
    Several {
        pattern: Pattern,
        count: usize,
        pids: String,
    },
    #[error(transparent)]
    Attach(#[from] Arc<jvm_attach::Error>),
    #[error("JVM {pid} names an address for its local connector that cannot be understood")]
    Address {
        pid: u32,
        #[source]
        source: ServiceUrlError,
    },
}

impl LocalError {
    /// There is no such JVM, or it is not clear which.
    pub(crate) fn is_connect(&self) -> bool {
        match self {
            Self::None(_) | Self::Several { .. } => true,
            Self::Attach(error) => error.is_gone(),
            Self::Address { .. } => false,
        }
    }

    /// It had its time.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::Attach(error) if error.is_timeout())
    }

    /// It takes no commands, or none from us.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Attach(error) if error.is_refused() || error.is_auth())
    }

    /// Its answer is not what it should be.
    pub(crate) fn is_protocol(&self) -> bool {
        match self {
            Self::Attach(error) => error.is_protocol(),
            Self::Address { .. } => true,
            Self::None(_) | Self::Several { .. } => false,
        }
    }
}

impl Pattern {
    /// Reads what follows `local:`. Any text is a pattern.
    pub(crate) fn parse(text: &str) -> Self {
        let pid = text.strip_prefix("pid=").and_then(|pid| pid.parse().ok());
        match pid {
            Some(pid) => Self::Pid(pid),
            None if text.contains(['*', '?']) => Self::Command(text.to_owned()),
            None => Self::Main(text.to_owned()),
        }
    }

    /// Whether it means that JVM.
    pub(crate) fn fits(&self, jvm: &Jvm) -> bool {
        match self {
            Self::Pid(pid) => jvm.pid == *pid,
            Self::Main(main) => [jvm.main.as_str(), jvm.main_name()].contains(&main.as_str()),
            Self::Command(pattern) => {
                let include = vec![pattern.clone()];
                let filter = Filter {
                    include,
                    ..Filter::default()
                };
                filter.selects(&jvm.command())
            }
        }
    }

    /// The JVM's local connector, which is started if it does not run yet. A JVM has no longer than `timeouts` say for
    /// its socket (`connect`) and for each answer (`call`), and never longer than a JVM may need.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub(crate) async fn endpoint(&self, timeouts: Timeouts) -> Result<Endpoint, LocalError> {
        let most = jvm_attach::Timeouts::default();
        let timeouts = jvm_attach::Timeouts {
            socket: most.socket.min(timeouts.connect),
            answer: most.answer.min(timeouts.call),
        };
        let pid = self.find(|| scan(timeouts.answer)).await?;
        self.connector(pid, timeouts).await
    }

    /// The only JVM that fits, of those that a scan finds. What a JVM forks has its command line until it becomes
    /// another program, so two that fit are looked at twice.
    async fn find<F>(&self, scan: impl Fn() -> F) -> Result<u32, LocalError>
    where
        F: Future<Output = Result<Vec<Jvm>, jvm_attach::Error>>,
    {
        match self.choose(&scan().await.map_err(Arc::new)?) {
            Err(LocalError::Several { .. }) => {
                sleep(FORKED).await;
                self.choose(&scan().await.map_err(Arc::new)?)
            }
            chosen => chosen,
        }
    }

    /// The connector of the JVM with this pid, if it fits: the pid may have changed hands since it was found.
    async fn connector(
        &self,
        pid: u32,
        timeouts: jvm_attach::Timeouts,
    ) -> Result<Endpoint, LocalError> {
        let attached = attach(pid, timeouts).await.map_err(Arc::new)?;
        if !self.fits(attached.jvm()) {
            return Err(LocalError::None(self.clone()));
        }
        let url = attached.connector_address().await.map_err(Arc::new)?;
        Endpoint::from_service_url(&url).map_err(|source| LocalError::Address { pid, source })
    }

    /// The only one that fits.
    fn choose(&self, jvms: &[Jvm]) -> Result<u32, LocalError> {
        let fitting: Vec<u32> = jvms
            .iter()
            .filter(|jvm| self.fits(jvm))
            .map(|jvm| jvm.pid)
            .collect();
        let pattern = self.clone();
        match fitting.as_slice() {
            [] => Err(LocalError::None(pattern)),
            [pid] => Ok(*pid),
            all => {
                let shown: Vec<String> = all.iter().take(SHOWN_PIDS).map(u32::to_string).collect();
                let more = if all.len() > SHOWN_PIDS { " …" } else { "" };
                let (count, pids) = (all.len(), shown.join(", ") + more);
                Err(LocalError::Several {
                    pattern,
                    count,
                    pids,
                })
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "pid={pid}"),
            Self::Main(text) | Self::Command(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use stack::{Options, PlainJvm};

    use super::*;

    fn jvm(pid: u32, main: &str, arguments: &[&str]) -> Jvm {
        let words = [&["java", main], arguments].concat();
        Jvm::from_command_line(pid, words.join("\0").as_bytes())
    }

    fn machine() -> Vec<Jvm> {
        vec![
            jvm(1, "kafka.Kafka", &["/etc/server-1.properties"]),
            jvm(2, "kafka.Kafka", &["/etc/server-2.properties"]),
            jvm(3, "server/org.elasticsearch.bootstrap.Elasticsearch", &[]),
            jvm(4, "kafka.KafkaTool", &[]),
        ]
    }

    #[test]
    fn a_pattern_chooses_one() {
        let choose = |text: &str| Pattern::parse(text).choose(&machine());
        for (text, pid) in [
            ("kafka.KafkaTool", 4),
            ("kafka.Kafka *server-2.properties", 2),
            ("*server-1*", 1),
            ("org.elasticsearch.bootstrap.Elasticsearch", 3),
            ("pid=2", 2),
        ] {
            assert_eq!(choose(text).unwrap(), pid, "{text}");
        }
    }

    #[test]
    fn none_and_several_are_said() {
        let said = |text: &str| {
            let error = Pattern::parse(text).choose(&machine()).unwrap_err();
            assert!(error.is_connect());
            error.to_string()
        };
        assert!(
            said("kafka.Kafka")
                .starts_with("2 JVMs on this machine fit local:kafka.Kafka, pids 1, 2;")
        );
        assert!(said("kafka").starts_with("no JVM on this machine fits local:kafka;"));
        assert!(said("pid=9").contains("local:pid=9"));
        // Not a number: a main class that nobody has.
        assert_eq!(Pattern::parse("pid=x"), Pattern::Main("pid=x".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_forked_process_that_is_gone_at_once_is_no_second_jvm() {
        let one = || vec![jvm(1, "Main", &[])];
        let two = || vec![jvm(1, "Main", &[]), jvm(2, "Main", &[])];
        // In the order in which they are taken, from the end.
        for (scans, expected) in [
            (vec![one()], Some(1)),
            (vec![one(), two()], Some(1)),
            (vec![two(), two()], None),
        ] {
            let scans = RefCell::new(scans);
            let scan = || std::future::ready(Ok(scans.borrow_mut().pop().unwrap()));
            let found = Pattern::parse("Main").find(scan).await;
            assert_eq!(found.ok(), expected);
            assert!(scans.borrow().is_empty());
        }
    }

    /// As if the pid had been given to another JVM after the scan.
    #[tokio::test]
    async fn a_pid_that_has_changed_hands_is_not_read() {
        let other = PlainJvm::idle(&Options::new().without_jmx()).unwrap();
        let pid = other.process().pid();
        let patient = Duration::from_secs(60);
        let timeouts = jvm_attach::Timeouts {
            socket: patient,
            answer: patient,
        };
        let error = Pattern::parse("Gone").connector(pid, timeouts).await;
        let said = error.unwrap_err().to_string();
        assert!(
            said.starts_with("no JVM on this machine fits local:Gone;"),
            "{said}"
        );
        let endpoint = Pattern::parse("Idle").connector(pid, timeouts).await;
        assert!(endpoint.is_ok(), "{endpoint:?}");
    }
}
