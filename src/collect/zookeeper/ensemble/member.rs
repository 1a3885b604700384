//! A server of `hosts`, and a member at one tick. Pure.

use super::digest::{Digest, Mode, Report};
use crate::identity::is_loopback;

/// A server of `hosts`.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) host: String,
    pub(super) port: u16,
    /// `service.address`.
    pub(super) address: String,
    /// As it last told it.
    pub(super) id: Option<u64>,
    /// Its part in the ensemble, as it last told it.
    pub(super) mode: Option<Mode>,
}

impl Host {
    pub(super) fn new(host: &str, port: u16, address: &str) -> Self {
        Self {
            host: host.to_owned(),
            port,
            address: address.to_owned(),
            id: None,
            mode: None,
        }
    }

    /// Keeps what it says of itself.
    pub(super) fn learn(&mut self, report: &Report) {
        self.id = report.id.or(self.id);
        // A server without a quorum has no part in one for the moment.
        if report.mode != Mode::ReadOnly {
            self.mode = Some(report.mode);
        }
    }

    /// Whether a member's address is this one, however loopback addresses are written.
    pub(super) fn is_at(&self, host: &str, port: u16) -> bool {
        let shown = crate::config::units::show_host_port(host, port);
        self.address.eq_ignore_ascii_case(&shown)
            || (self.port == port
                && (self.host.eq_ignore_ascii_case(host)
                    || (is_loopback(&self.host) && is_loopback(host))))
    }
}

/// A member at one tick.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) id: Option<u64>,
    /// None where its client port is not known.
    pub(super) address: Option<String>,
    pub(super) has_vote: bool,
    /// None where it was not asked.
    pub(super) digest: Option<Digest>,
}

impl Member {
    pub(super) fn report(&self) -> Option<&Report> {
        self.digest.as_ref()?.report()
    }

    /// Its identity in the documents, as the server's own documents have it.
    pub(super) fn key(&self) -> String {
        match (self.id, &self.address) {
            (Some(id), _) => id.to_string(),
            (None, Some(address)) => address.clone(),
            (None, None) => String::new(),
        }
    }

    /// For people.
    pub(super) fn name(&self) -> String {
        match (self.id, &self.address) {
            (Some(id), Some(address)) => format!("{id} ({address})"),
            _ => self.key(),
        }
    }
}
