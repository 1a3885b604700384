//! One JVM: all attributes of all beans, read by Java's client and by ours, bean by bean.

use std::collections::{BTreeMap, BTreeSet};

use jmx_rmi::rustls::crypto::ring;
use jmx_rmi::rustls::pki_types::pem::PemObject;
use jmx_rmi::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use jmx_rmi::rustls::{ClientConfig, RootCertStore};
use jmx_rmi::{Client, Credentials, Endpoint, ObjectName, Read, RegistryTls, Timeouts, Tls};
use stack::{Canonical, JmxAccess, JmxCanon, TlsFiles};
use tokio::runtime::Runtime;

use super::canonical::{number, shape, text};

/// How often a bean is looked at until nothing in it moves between two looks of Java's.
const ATTEMPTS: usize = 12;

/// What is about the thread that asks: Java's client has another one than ours.
const OF_THE_CALLER: &[&str] = &[
    "CurrentThreadAllocatedBytes",
    "CurrentThreadCpuTime",
    "CurrentThreadUserTime",
];

/// What came out for one JVM.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) beans: usize,
    /// Attributes that Java and we read alike, to the bit.
    pub(super) equal: usize,
    /// Numbers that moved and were between what Java read before and after.
    pub(super) between: usize,
    /// Attributes that can be read by neither.
    pub(super) failing: usize,
    /// Attributes that never held still: alike but for their numbers.
    pub(super) restless: BTreeSet<String>,
    /// What is wrong.
    pub(super) wrong: Vec<String>,
}

enum Verdict {
    Equal,
    Between,
    Failing,
    /// It moved: look again; alike but for its numbers or not.
    Moved(bool),
    Wrong(String),
}

/// Compares everything that a JVM shows.
pub(super) fn compare(access: &JmxAccess, jdk: u32) -> Outcome {
    let runtime = Runtime::new().unwrap();
    let java = JmxCanon::start(access, Some(jdk)).unwrap();
    let endpoint = endpoint(access);
    let mut client = runtime.block_on(connect(&endpoint));
    let mut outcome = Outcome::default();
    let names = java.names("*:*").unwrap();
    let ours = runtime.block_on(client.query_names(None)).unwrap();
    let ours: BTreeSet<&str> = ours.iter().map(ObjectName::canonical).collect();
    let still = java.names("*:*").unwrap();
    for name in &names {
        if !ours.contains(ObjectName::parse(name).unwrap().canonical()) {
            // Beans of connections come and go; one that stayed must have been there for us, too.
            if still.contains(name) {
                outcome.wrong.push(format!("{name}: we do not see it"));
            }
            continue;
        }
        let mut open: Option<BTreeMap<String, Verdict>> = None;
        for _ in 0..ATTEMPTS {
            if !look(&runtime, &java, &mut client, name, &mut open) {
                break;
            }
        }
        if let Some(verdicts) = open {
            outcome.beans += 1;
            outcome.take(name, verdicts);
        }
    }
    runtime.block_on(client.close()).unwrap();
    outcome
}

/// Looks at the bean once and updates what is known; false if there is nothing left to see.
fn look(
    runtime: &Runtime,
    java: &JmxCanon,
    client: &mut Client,
    name: &str,
    open: &mut Option<BTreeMap<String, Verdict>>,
) -> bool {
    let bean = ObjectName::parse(name).unwrap();
    let Some(before) = java.read(name).unwrap() else {
        return false;
    };
    let attributes: Vec<String> = before.keys().cloned().collect();
    let info = runtime.block_on(client.mbean_info(&bean));
    let own = runtime.block_on(read(client, &bean, &attributes));
    let Some(after) = java.read(name).unwrap() else {
        return false;
    };
    let info = info.unwrap();
    let readable = info
        .attributes
        .iter()
        .filter(|attribute| attribute.readable);
    let readable: BTreeSet<&str> = readable.map(|attribute| &*attribute.name).collect();
    let verdicts = open.get_or_insert_default();
    for attribute in attributes {
        let decided = verdicts.get(&attribute).is_some_and(|verdict| {
            matches!(
                verdict,
                Verdict::Equal | Verdict::Between | Verdict::Failing
            )
        });
        if decided {
            continue;
        }
        let verdict = match readable.contains(attribute.as_str()) {
            true => judge(
                before.get(&attribute),
                own.get(&attribute),
                after.get(&attribute),
            ),
            false => Verdict::Wrong("our MBeanInfo does not have it".to_owned()),
        };
        let verdict = match verdict {
            Verdict::Wrong(_) if OF_THE_CALLER.contains(&attribute.as_str()) => {
                Verdict::Moved(true)
            }
            other => other,
        };
        // Once seen moving it is restless, even if it stood still later while we saw an earlier value.
        let was_moving = matches!(verdicts.get(&attribute), Some(Verdict::Moved(true)));
        if !(was_moving && matches!(verdict, Verdict::Wrong(_))) {
            verdicts.insert(attribute, verdict);
        }
    }
    verdicts
        .values()
        .any(|verdict| matches!(verdict, Verdict::Moved(_) | Verdict::Wrong(_)))
}

type Seen = Result<String, String>;

fn judge(before: Option<&Seen>, own: Option<&Seen>, after: Option<&Seen>) -> Verdict {
    match (before, own, after) {
        (Some(Err(_)), Some(Err(_)), Some(Err(_))) => Verdict::Failing,
        (Some(Ok(before)), Some(Ok(own)), Some(Ok(after))) => judge_values(before, own, after),
        _ => Verdict::Wrong(format!("Java {before:?}, ours {own:?}, Java {after:?}")),
    }
}

fn judge_values(before: &str, own: &str, after: &str) -> Verdict {
    if own == before && own == after {
        return Verdict::Equal;
    }
    if before == after {
        return Verdict::Wrong(format!("Java {before}, ours {own}"));
    }
    if let (Some(b), Some(o), Some(a)) = (number(before), number(own), number(after)) {
        let between = b.1.min(a.1) <= o.1 && o.1 <= b.1.max(a.1);
        if between && b.0 == o.0 {
            return Verdict::Between;
        }
    }
    Verdict::Moved(shape(own) == shape(before) || shape(own) == shape(after))
}

impl Outcome {
    fn take(&mut self, bean: &str, verdicts: BTreeMap<String, Verdict>) {
        for (attribute, verdict) in verdicts {
            let place = format!("{bean} {attribute}");
            match verdict {
                Verdict::Equal => self.equal += 1,
                Verdict::Between => self.between += 1,
                Verdict::Failing => self.failing += 1,
                Verdict::Moved(true) => {
                    self.restless.insert(place);
                }
                Verdict::Moved(false) => self.wrong.push(format!("{place}: another shape")),
                Verdict::Wrong(why) => self.wrong.push(format!("{place}: {why}")),
            }
        }
    }

    /// All attributes that were compared.
    pub(super) fn attributes(&self) -> usize {
        self.equal + self.between + self.failing + self.restless.len() + self.wrong.len()
    }
}

async fn connect(endpoint: &Endpoint) -> Client {
    let connected = Client::connect(endpoint, Timeouts::default()).await;
    connected.unwrap_or_else(|error| {
        panic!(
            "{endpoint}: {error}: {:?}",
            std::error::Error::source(&error)
        )
    })
}

/// All attributes at once, as the agent does; one by one where the bean as a whole cannot be sent.
async fn read(client: &mut Client, bean: &ObjectName, attributes: &[String]) -> Canonical {
    let whole = Read {
        name: bean.clone(),
        attributes: attributes.to_vec(),
    };
    let mut answers = client.read(std::slice::from_ref(&whole)).await.unwrap();
    if let Some(Ok(values)) = answers.pop() {
        let texts: BTreeMap<String, String> = values
            .iter()
            .map(|(attribute, value)| (attribute.clone(), text(value)))
            .collect();
        let outcome =
            |attribute: &String| texts.get(attribute).cloned().ok_or("left out".to_owned());
        return attributes
            .iter()
            .map(|attribute| (attribute.clone(), outcome(attribute)))
            .collect();
    }
    let single = |attribute: &String| Read {
        name: bean.clone(),
        attributes: vec![attribute.clone()],
    };
    let reads: Vec<Read> = attributes.iter().map(single).collect();
    let answers = client.read(&reads).await.unwrap();
    let outcome =
        |answer: Result<Vec<(String, jmx_rmi::Value)>, jmx_rmi::RemoteException>| match answer {
            Ok(values) => values
                .first()
                .map(|(_, value)| text(value))
                .ok_or("left out".to_owned()),
            Err(exception) => Err(exception.to_string()),
        };
    attributes
        .iter()
        .cloned()
        .zip(answers.into_iter().map(outcome))
        .collect()
}

fn endpoint(access: &JmxAccess) -> Endpoint {
    let (host, port) = access.endpoint.rsplit_once(':').unwrap();
    let mut endpoint = Endpoint::new(host, port.parse().unwrap());
    if access.password {
        endpoint.credentials = Some(Credentials::new(JmxAccess::USER, JmxAccess::PASSWORD));
    }
    endpoint.tls = access.tls.as_ref().map(|files| {
        let mut tls = Tls::new(tls_config(files).into());
        tls.registry = match access.registry_tls {
            true => RegistryTls::Always,
            false => RegistryTls::Never,
        };
        tls
    });
    endpoint
}

/// Trusts the authority and shows the client's certificate to whoever asks for one.
fn tls_config(files: &TlsFiles) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&files.authority).unwrap())
        .unwrap();
    let chain = vec![CertificateDer::from_pem_file(&files.client_certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&files.client_key).unwrap();
    ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap()
}
