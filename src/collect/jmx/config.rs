//! `clusters[].jmx`: which JVMs, and what of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jmx_rmi::{AdvertisedHost, Credentials, Endpoint};

use super::JmxCollector;
use super::identity::Identity;
use super::preset::PRESETS;
use super::table::Table;
use crate::collect::{Common, TargetPlan};
use crate::config::units::{host_port, show_host_port};
use crate::config::{Section, nearest};
use crate::identity::service_host;

/// An own interval of a target lies between these.
const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// Reads the list `jmx` of a cluster.
pub(super) fn read(cluster: &mut Section<'_>, common: &Common) -> Vec<TargetPlan> {
    let mut endpoints = BTreeSet::new();
    let mut plans = Vec::new();
    for mut section in cluster.sections("jmx") {
        let Some((plan, endpoint)) = target(&mut section, common) else {
            continue;
        };
        if !endpoints.insert(endpoint) {
            let message = "stands in this list twice; put all presets into one entry";
            section.problem("endpoint", message);
            continue;
        }
        plans.push(plan);
    }
    plans
}

/// One entry. Every key is asked for before the first mistake ends it, so that all mistakes are found at once.
fn target(section: &mut Section<'_>, common: &Common) -> Option<(TargetPlan, String)> {
    let written = section.text("endpoint");
    let presets = presets(section);
    let credentials = credentials(section);
    let rmi_port = rmi_port(section);
    let interval = section.duration("interval", INTERVALS);
    let name = section.text("name");
    let (host, port) = address(section, written.as_deref())?;
    let table = table(section, &presets?)?;

    let mut endpoint = Endpoint::new(host.as_str(), port);
    endpoint.rmi_port = rmi_port;
    if credentials.is_some() {
        // A password goes to the host that the user named and not to one that the registry names.
        endpoint.advertised_host = AdvertisedHost::Never;
    }
    endpoint.credentials = credentials;
    let shown = show_host_port(&host, port);
    let host = service_host(&host, &common.host_name).to_owned();
    let identity = Identity {
        address: show_host_port(&host, port),
        host,
        broker: None,
    };
    let place = identity.address.clone();
    let plan = TargetPlan {
        name: name.unwrap_or_else(|| format!("jmx {shown}")),
        address: place.clone(),
        interval,
        build: Arc::new(move || {
            Box::new(JmxCollector::new(
                endpoint.clone(),
                shown.clone(),
                Arc::clone(&table),
                identity.clone(),
            ))
        }),
    };
    Some((plan, place))
}

fn address(section: &Section<'_>, written: Option<&str>) -> Option<(String, u16)> {
    let Some(written) = written else {
        section.problem(
            "endpoint",
            "is missing; write host:port of the JVM's JMX port",
        );
        return None;
    };
    let problem = match host_port(written, None) {
        _ if written.contains(['{', '}']) => {
            "endpoints made from the cluster's metadata are not supported yet; write one entry for each host".to_owned()
        }
        _ if written.starts_with("local:") => {
            "attaching to a JVM on this machine is not supported yet; open its JMX port and write host:port".to_owned()
        }
        _ if written.contains("://") => {
            "Jolokia and service URLs are not supported yet; write host:port of the JVM's JMX port".to_owned()
        }
        Ok(address) => return Some(address),
        Err(problem) => problem,
    };
    section.problem("endpoint", format!("`{written}` {problem}"));
    None
}

/// The presets, if all of them are known.
fn presets(section: &mut Section<'_>) -> Option<Vec<String>> {
    let written = section.texts("presets");
    let known: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    if written.is_empty() {
        let message = format!("is missing; name at least one of {}", known.join(", "));
        section.problem("presets", message);
        return None;
    }
    let mut is_known = true;
    for name in &written {
        if known.contains(&name.as_str()) {
            continue;
        }
        is_known = false;
        let hint = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("presets are {}", known.join(", ")),
        };
        section.problem("presets", format!("`{name}` is not a preset; {hint}"));
    }
    is_known.then_some(written)
}

fn credentials(section: &mut Section<'_>) -> Option<Credentials> {
    let user = section.text("username");
    let password = section.secret("password");
    match (user, password) {
        (Some(user), Some(password)) => Some(Credentials::new(user, password.reveal())),
        (Some(_), None) => {
            section.problem("password", "is missing; `username` needs it");
            None
        }
        (None, Some(_)) => {
            section.problem("username", "is missing; `password` needs it");
            None
        }
        (None, None) => None,
    }
}

fn rmi_port(section: &mut Section<'_>) -> Option<u16> {
    if !section.has("rmi_port") {
        return None;
    }
    u16::try_from(section.number_or("rmi_port", 1, 1..=65535)).ok()
}

fn table(section: &Section<'_>, presets: &[String]) -> Option<Arc<Table>> {
    match Table::new(presets) {
        Ok(table) => Some(Arc::new(table)),
        // The presets are embedded and under test.
        Err(error) => {
            section.problem("presets", error.to_string());
            None
        }
    }
}
