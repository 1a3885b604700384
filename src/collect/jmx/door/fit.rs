//! What does not fit the form of an address: it would be ignored, or send a password in the clear.

use jmx_rmi::RegistryTls;

use super::{Access, Address};

/// A part of [`Access`] that an address has no use for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// The key in the configuration.
    pub(crate) key: &'static str,
    /// The option of the command line.
    pub(crate) option: &'static str,
    /// Ends a sentence that begins with one of the two.
    pub(crate) why: String,
}

/// All of them.
pub(super) fn unfit(address: &Address, access: &Access) -> Vec<Unfit> {
    let tls = access.tls.as_ref();
    let is_registry_set = tls.is_some() && access.registry_tls != RegistryTls::Automatic;
    let is_name_set = tls.is_some_and(|tls| tls.server_name.is_some());
    let rmi_port = ("rmi_port", "--rmi-port", access.rmi_port.is_some());
    let (why, parts) = match address {
        Address::Port(_) | Address::ServiceUrl(_) => return Vec::new(),
        Address::Local(_) => {
            let why = "has no effect on `local:`, which needs no port and no password; remove it";
            let login = ("username", "--user", access.login.is_some());
            (why, vec![login, rmi_port, ("ssl", "--ssl", tls.is_some())])
        }
        Address::Jolokia(_) => {
            let why = "has no effect on a Jolokia agent, only on a JMX port; remove it";
            let registry = ("ssl.registry", "--ssl registry", is_registry_set);
            let name = ("ssl.server_name", "--ssl server_name", is_name_set);
            (why, vec![rmi_port, registry, name])
        }
    };
    let useless = parts.into_iter().filter(|(.., is_set)| *is_set);
    let useless = useless.map(|(key, option, _)| Unfit {
        key,
        option,
        why: why.to_owned(),
    });
    useless.chain(in_the_clear(address, access)).collect()
}

/// TLS that was asked for and would not be there.
fn in_the_clear(address: &Address, access: &Access) -> Option<Unfit> {
    let is_plain = matches!(address, Address::Jolokia(url) if url.scheme() == "http");
    (is_plain && access.tls.is_some()).then(|| Unfit {
        key: "ssl",
        option: "--ssl",
        why: format!("asks for TLS, which `{address}` has not; write https://"),
    })
}
