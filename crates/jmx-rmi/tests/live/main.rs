//! The client against real JVMs.
#![allow(clippy::unwrap_used, reason = "a panic of a test is its message")]

mod beans;
mod sessions;
mod tls;

use std::time::Duration;

use jmx_rmi::{Client, Credentials, Endpoint, Error, Timeouts};
use stack::{JmxAccess, Options, PlainJvm};

/// Generous: other tests use the machine, too.
const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(30),
    call: Duration::from_secs(60),
};

/// A JVM with beans that fail, and `count` that do not.
fn beans(count: usize, options: &Options) -> PlainJvm {
    let source = ("Beans.java", include_str!("Beans.java"));
    PlainJvm::start(source, &[&count.to_string()], options).unwrap()
}

fn endpoint(jvm: &PlainJvm) -> Endpoint {
    let access = jvm.jmx_access();
    let url = format!("rmi://{}/jmxrmi", access.endpoint);
    let mut endpoint = Endpoint::from_service_url(&url).unwrap();
    if access.password {
        endpoint.credentials = Some(Credentials::new(JmxAccess::USER, JmxAccess::PASSWORD));
    }
    endpoint
}

async fn refused(endpoint: &Endpoint) -> Error {
    Client::connect(endpoint, PATIENT).await.unwrap_err()
}

/// An error with all its causes.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
