//! Lists the JVMs of this machine; with a pid, writes the service URL of that JVM's local JMX connector.

#![allow(clippy::print_stdout, reason = "stdout is what an example is for")]

use jvm_attach::{Error, Timeouts, connector_address, jvms};

#[tokio::main]
async fn main() -> Result<(), Error> {
    if let Some(pid) = std::env::args().nth(1).and_then(|pid| pid.parse().ok()) {
        println!("{}", connector_address(pid, Timeouts::default()).await?);
        return Ok(());
    }
    for jvm in jvms()? {
        let version = jvm.version.as_deref().unwrap_or("-");
        println!("{}\t{}\t{version}\t{}", jvm.pid, jvm.user, jvm.command());
        if let Some(obstacle) = &jvm.obstacle {
            println!("\t{obstacle}");
        }
    }
    Ok(())
}
