//! Jolokia 2: the beans of a JVM as JSON over HTTP, where an agent in the JVM speaks it (Jolokia protocol 8).
//!
//! ```text
//! patterns, reads ── request ──► JSON ── http ──► JSON ── reply, value ──► names, attributes
//! ```
//!
//! Only `http` awaits. There is no session: every request stands alone, and an agent that was restarted is not noticed.
//!
//! An attribute that cannot be read comes from the agent as a text in place of its value, and nothing tells such a text
//! from the value of an attribute that holds one. So whatever may be such a text is asked for a second time, each
//! attribute by itself, which is answered by a value or by an exception. Attributes that fail are left out, as RMI does.

mod error;
mod http;
mod repair;
mod reply;
mod request;
#[cfg(test)]
mod tests;
mod value;

use jmx_rmi::info::AttributeInfo;
use jmx_rmi::{Attributes, ObjectName, Read, RemoteException, Timeouts};
use reqwest::Url;
use serde_json::Value as Json;

use super::{Login, Reading};
use crate::config::Tls;
use http::Http;
use reply::Entry;

pub(crate) use error::JolokiaError;

/// Beans asked for in one request. The agent makes the whole answer before it sends the first byte, so this bounds the
/// memory of both sides; a round trip is worth less than the time for so many beans.
const BEANS_PER_REQUEST: usize = 250;

/// Protocol versions of Jolokia 2 begin here; Jolokia 1 has 7.x.
const PROTOCOL: u64 = 8;

/// An agent that has answered.
#[derive(Debug)]
pub(crate) struct Jolokia {
    http: Http,
}

impl Jolokia {
    /// Asks the agent for its version, so that anything else is found out at once.
    pub(crate) async fn open(
        url: &Url,
        login: Option<&Login>,
        tls: Option<&Tls>,
        timeouts: Timeouts,
    ) -> Result<Self, JolokiaError> {
        let mut jolokia = Self {
            http: Http::new(url, login, tls, timeouts)?,
        };
        let answer = jolokia.http.bulk(&[request::version()]).await?;
        let Some(Ok(version)) = answer.into_iter().next().map(Entry::into_value) else {
            // A policy may forbid the question.
            return Ok(jolokia);
        };
        let protocol = version.get("protocol").and_then(Json::as_str);
        let major = protocol.and_then(|text| text.split('.').next()?.parse::<u64>().ok());
        match major {
            Some(PROTOCOL..) => Ok(jolokia),
            Some(_) => {
                let agent = version.get("agent").and_then(Json::as_str);
                Err(jolokia.http.old(agent.unwrap_or("1.x")))
            }
            None => Err(jolokia.http.strange("without a version of its protocol")),
        }
    }

    /// Names of beans; one that matches two patterns comes twice.
    pub(crate) async fn query_names(
        &mut self,
        patterns: &[ObjectName],
    ) -> Result<Vec<ObjectName>, JolokiaError> {
        let mut names = Vec::new();
        for patterns in patterns.chunks(BEANS_PER_REQUEST) {
            let requests: Vec<Json> = patterns.iter().map(request::search).collect();
            for entry in self.http.bulk(&requests).await? {
                let found = entry.into_value();
                let found = found.map_err(|why| self.http.refused("searching for beans", why))?;
                let found = reply::names(found);
                names.extend(found.map_err(|what| self.http.strange(&what))?);
            }
        }
        Ok(names)
    }

    /// Reads beans, each into its place, as the answers come.
    pub(crate) async fn read(
        &mut self,
        reads: &[Read],
        places: &mut [Option<Reading>],
    ) -> Result<(), JolokiaError> {
        let places = places.chunks_mut(BEANS_PER_REQUEST);
        for (reads, places) in reads.chunks(BEANS_PER_REQUEST).zip(places) {
            let readings = self.first_look(reads).await?;
            let readings = self.second_look(reads, readings).await?;
            for (place, reading) in places.iter_mut().zip(readings) {
                *place = Some(reading);
            }
        }
        Ok(())
    }

    async fn first_look(&mut self, reads: &[Read]) -> Result<Vec<Reading>, JolokiaError> {
        // Without a list of attributes the agent would give them all.
        let wanted = |read: &&Read| !read.attributes.is_empty();
        let requests: Vec<Json> = reads.iter().filter(wanted).map(request::read).collect();
        let mut answer = self.http.bulk(&requests).await?.into_iter();
        let reading = |read: &Read| match read.attributes.as_slice() {
            [] => Ok(Attributes::new()),
            _ => answer.next().map_or(Ok(Attributes::new()), |entry| {
                entry.into_attributes(&read.name, &read.attributes)
            }),
        };
        Ok(reads.iter().map(reading).collect())
    }

    /// Replaces what may be an error that looks like a value.
    async fn second_look(
        &mut self,
        reads: &[Read],
        mut readings: Vec<Reading>,
    ) -> Result<Vec<Reading>, JolokiaError> {
        let doubtful = doubtful(&readings);
        let mut thrown: Vec<Option<RemoteException>> = vec![None; readings.len()];
        for doubtful in doubtful.chunks(BEANS_PER_REQUEST) {
            let single = |(place, attribute): &(usize, String)| {
                let read = reads.get(*place)?;
                Some(request::single(&read.name, attribute))
            };
            let requests: Vec<Json> = doubtful.iter().filter_map(single).collect();
            let answer = self.http.bulk(&requests).await?;
            for ((place, attribute), entry) in doubtful.iter().zip(answer) {
                let Some(Ok(attributes)) = readings.get_mut(*place) else {
                    continue;
                };
                if let Err(exception) = reply::correct(attributes, attribute, entry)
                    && let Some(first) = thrown.get_mut(*place)
                {
                    first.get_or_insert(exception);
                }
            }
        }
        for ((reading, thrown), read) in readings.iter_mut().zip(thrown).zip(reads) {
            reply::settle(reading, thrown, &read.name);
        }
        Ok(readings)
    }

    /// The attributes that beans say they have.
    pub(crate) async fn describe(
        &mut self,
        names: &[ObjectName],
    ) -> Result<Vec<Result<Vec<AttributeInfo>, RemoteException>>, JolokiaError> {
        let mut found = Vec::with_capacity(names.len());
        for names in names.chunks(BEANS_PER_REQUEST) {
            let requests: Vec<Json> = names.iter().map(request::list).collect();
            let answer = self.http.bulk(&requests).await?;
            let described = names.iter().zip(answer);
            found.extend(described.map(|(name, entry)| entry.into_infos(name)));
        }
        Ok(found)
    }

    /// Bodies of requests and answers so far, without what HTTP puts around them.
    pub(crate) fn traffic(&self) -> super::Traffic {
        self.http.traffic()
    }
}

/// Places of the beans, and names of their attributes, whose value may be an error's text.
fn doubtful(readings: &[Reading]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (place, reading) in readings.iter().enumerate() {
        let attributes = reading.iter().flatten();
        let doubtful = attributes.filter(|(_, value)| reply::is_doubtful(value));
        found.extend(doubtful.map(|(name, _)| (place, name.clone())));
    }
    found
}
