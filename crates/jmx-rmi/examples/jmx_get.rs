//! Prints beans and their attributes:
//!
//! ```text
//! cargo run --example jmx_get -- localhost:9999 'kafka.server:type=BrokerTopicMetrics,*' Count OneMinuteRate
//! cargo run --example jmx_get -- localhost:9999 'java.lang:*'          # names only
//! JMX_CONNECTIONS=4 JMX_USER=monitor JMX_PASSWORD=… cargo run --example jmx_get -- …
//! ```

use std::env;
use std::error::Error;
use std::io::{BufWriter, Write, stdout};
use std::time::Instant;

use jmx_rmi::{Client, Credentials, Endpoint, ObjectName, Read, Timeouts};

const USAGE: &str = "usage: jmx_get host:port|service-url [pattern [attribute …]]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().ok_or(USAGE)?;
    let pattern = arguments
        .next()
        .map(|text| ObjectName::parse(&text))
        .transpose()?;
    let attributes: Vec<String> = arguments.collect();

    let mut endpoint = match address.contains("://") {
        true => Endpoint::from_service_url(&address)?,
        false => Endpoint::from_service_url(&format!("rmi://{address}"))?,
    };
    if let (Ok(user), Ok(password)) = (env::var("JMX_USER"), env::var("JMX_PASSWORD")) {
        endpoint.credentials = Some(Credentials::new(user, password));
    }
    if let Ok(connections) = env::var("JMX_CONNECTIONS") {
        endpoint.connections = connections.parse()?;
    }
    let start = Instant::now();
    let mut client = Client::connect(&endpoint, Timeouts::default()).await?;
    let connected = start.elapsed();
    let mut names = client.query_names(pattern.as_ref()).await?;
    names.sort();
    let queried = start.elapsed();

    let read = |name: &ObjectName| Read {
        name: name.clone(),
        attributes: attributes.clone(),
    };
    let requests: Vec<Read> = if attributes.is_empty() {
        Vec::new()
    } else {
        names.iter().map(read).collect()
    };
    let results = client.read(&requests).await?;
    let done = start.elapsed();
    client.close().await?;

    let mut out = BufWriter::new(stdout().lock());
    for (index, name) in names.iter().enumerate() {
        writeln!(out, "{name}")?;
        match results.get(index) {
            None => {}
            Some(Ok(values)) => {
                for (attribute, value) in values {
                    writeln!(out, "    {attribute} = {value:?}")?;
                }
            }
            Some(Err(exception)) => writeln!(out, "    {exception}")?,
        }
    }
    writeln!(
        out,
        "{} beans; connect {connected:?}, names until {queried:?}, values until {done:?}",
        names.len()
    )?;
    Ok(out.flush()?)
}
