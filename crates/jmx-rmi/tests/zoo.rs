//! The zoo (`tests/java/Zoo.java`: a value of every class that matters) read from a running JVM of each installed
//! version is what was recorded from one, so what the records are tested for is true today.

use std::error::Error;
use std::fs;
use std::path::Path;

use jmx_rmi::codec::reply::{Outcome, ReplyDecoder, Returns};
use jmx_rmi::codec::{Decoded, map};
use jmx_rmi::{Client, Endpoint, Limits, ObjectName, Timeouts};
use stack::{JmxPort, Options, PlainJvm};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ZOO: (&str, &str) = ("Zoo.java", include_str!("java/Zoo.java"));

/// The recorded reply, if that bean's is.
fn recorded(kind: &str, bean: &str) -> Result<Option<Decoded>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let file = folder.join(format!("{kind}-jdk25-zoo-{bean}.bin"));
    if !file.exists() {
        return Ok(None);
    }
    let bytes = fs::read(file)?;
    let mut rest = bytes.as_slice();
    let reply = ReplyDecoder::new(Returns::Object, Limits::default()).decode(&mut rest)?;
    match reply.map(|reply| reply.outcome) {
        Some(Outcome::Value(value)) => Ok(Some(value)),
        other => Err(format!("{kind} of {bean}: {other:?}").into()),
    }
}

/// Compares as text: NaN is not equal to itself.
fn compare(what: &str, live: &impl std::fmt::Debug, recorded: &impl std::fmt::Debug) {
    let (live, recorded) = (format!("{live:#?}"), format!("{recorded:#?}"));
    let difference = live
        .lines()
        .zip(recorded.lines())
        .find(|(live, recorded)| live != recorded);
    assert_eq!(difference, None, "{what}");
    assert_eq!(live.len(), recorded.len(), "{what}");
}

/// Reads all beans of one JVM and says how many values and infos were compared.
async fn visit(address: &str, version: u32) -> Result<(usize, usize)> {
    let (host, port) = address.rsplit_once(':').ok_or("no port")?;
    let mut client =
        Client::connect(&Endpoint::new(host, port.parse()?), Timeouts::default()).await?;
    assert_eq!(client.default_domain().await?, "DefaultDomain");
    assert!(client.connection_id().await?.starts_with("rmi://127.0.0.1"));
    let limits = Limits::default();
    let (mut values, mut infos) = (0, 0);
    for name in client
        .query_names(Some(&ObjectName::parse("zoo:*")?))
        .await?
    {
        let bean = name.key("type").unwrap_or_default();
        let what = format!("{name} of JDK {version}");
        let info = client.mbean_info(&name).await?;
        if let Some(reply) = recorded("info", bean)? {
            compare(&what, &info, &map::mbean_info(&reply, &limits)?);
            infos += 1;
        }
        let attributes = info.attributes.iter().map(|a| a.name.to_string());
        let attributes: Vec<String> = attributes.collect();
        let live = client.get_attributes(&name, &attributes).await?;
        let reply = recorded("attributes", bean)?.ok_or("not recorded")?;
        compare(&what, &live, &map::attributes(&reply, &limits)?);
        values += live.len();
    }
    client.close().await?;
    Ok((values, infos))
}

#[tokio::test]
async fn every_jdk_writes_what_was_recorded() -> Result<()> {
    let versions = stack::jdks();
    assert!(!versions.is_empty());
    for version in versions {
        let options = Options::new().jdk(version).jmx(JmxPort::new());
        let zoo = PlainJvm::start(ZOO, &[], &options)?;
        let (values, infos) = visit(&zoo.jmx(), version).await?;
        assert!(values > 150 && infos == 3, "{values} values, {infos} infos");
    }
    Ok(())
}
