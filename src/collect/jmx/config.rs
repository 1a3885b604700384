//! `clusters[].jmx`: which JVMs, and what of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jmx_rmi::RegistryTls;

use super::JmxCollector;
use super::budget::MEMBERS;
use super::door::{Access, Address, Door, FORMS, Login};
use super::identity::Identity;
use super::own;
use super::preset::{Group, PRESETS};
use super::table::Table;
use crate::collect::{Common, Sharing, TargetPlan};
use crate::config::{Section, nearest, read_tls, without_user_info};

/// An own interval of a target lies between these.
const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// What `budget` may be: of nothing there is no ranking, and of more there are no documents that anybody looks at.
const BUDGETS: std::ops::RangeInclusive<u64> = 1..=100_000;

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
    let own = own::read(section);
    let presets = presets(section, own.as_ref().is_some_and(Vec::is_empty));
    let members = section.number_or("budget", MEMBERS as u64, BUDGETS);
    let access = Access {
        login: login(section),
        rmi_port: rmi_port(section),
        ..access_by_tls(section)
    };
    let interval = section.duration("interval", INTERVALS);
    let name = section.text("name");
    let address = address(section, written.as_deref())?;
    let identity = Identity {
        address: address.service_address(&common.host_name),
        host: address.service_host(&common.host_name),
        broker: None,
    };
    let sharing = Sharing::of_host(address.host());
    let door = Door::new(address, access);
    let unfit = door.unfit();
    for unfit in &unfit {
        section.problem(unfit.key, unfit.why.as_str());
    }
    let table = table(section, &presets?, own?, members)?;

    if !unfit.is_empty() {
        return None;
    }
    let place = identity.address.clone();
    let plan = TargetPlan {
        name: name.unwrap_or_else(|| format!("jmx {}", door.shown())),
        address: place.clone(),
        interval,
        phase: None,
        sharing,
        build: Arc::new(move || {
            Box::new(JmxCollector::new(
                door.clone(),
                Arc::clone(&table),
                identity.clone(),
            ))
        }),
    };
    Some((plan, place))
}

fn address(section: &Section<'_>, written: Option<&str>) -> Option<Address> {
    let Some(written) = written else {
        let message = format!("is missing; {FORMS}");
        section.problem("endpoint", message);
        return None;
    };
    let address = match written {
        _ if written.contains(['{', '}']) => Err(
            "endpoints made from the cluster's metadata are not supported yet; write one entry for each host".to_owned(),
        ),
        _ => Address::parse(written)
            .map_err(|error| error.advised("write it as `username` and `password`")),
    };
    let complain = |problem| {
        section.problem(
            "endpoint",
            format!("`{}` {problem}", without_user_info(written)),
        )
    };
    address.map_err(complain).ok()
}

/// The presets, if all of them are known. `is_all`: there is nothing else to read.
fn presets(section: &mut Section<'_>, is_all: bool) -> Option<Vec<String>> {
    let written = section.texts("presets");
    let known: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    if written.is_empty() && is_all {
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

fn login(section: &mut Section<'_>) -> Option<Login> {
    let user = section.text("username");
    let password = section.secret("password");
    match (user, password) {
        (Some(user), Some(password)) => Some(Login { user, password }),
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

/// `ssl`: TLS, and whether the registry speaks it, too.
pub(crate) fn access_by_tls(section: &mut Section<'_>) -> Access {
    let Some(mut ssl) = section.section("ssl") else {
        return Access::default();
    };
    let words = [
        ("automatic", RegistryTls::Automatic),
        ("tls", RegistryTls::Always),
        ("plain", RegistryTls::Never),
    ];
    let registry_tls = ssl.parsed_or(
        "registry",
        RegistryTls::Automatic,
        |mode| {
            words
                .iter()
                .find(|(_, known)| known == mode)
                .map_or("", |(word, _)| word)
                .into()
        },
        |text| {
            let known = words.iter().find(|(word, _)| *word == text);
            let wanted = || "is none of: automatic, tls, plain".to_owned();
            known.map(|(_, mode)| *mode).ok_or_else(wanted)
        },
    );
    Access {
        tls: read_tls(&mut ssl),
        registry_tls,
        ..Access::default()
    }
}

fn rmi_port(section: &mut Section<'_>) -> Option<u16> {
    if !section.has("rmi_port") {
        return None;
    }
    u16::try_from(section.number_or("rmi_port", 1, 1..=65535)).ok()
}

fn table(
    section: &Section<'_>,
    presets: &[String],
    own: Vec<Group>,
    members: u64,
) -> Option<Arc<Table>> {
    let members = usize::try_from(members).unwrap_or(usize::MAX);
    match Table::with(presets, own, members) {
        Ok(table) => Some(Arc::new(table)),
        // The presets are embedded and under test, own tables have been checked.
        Err(error) => {
            section.problem("presets", error.to_string());
            None
        }
    }
}
