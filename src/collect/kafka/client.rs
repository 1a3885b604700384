//! Asking many things at once and waiting for the answers, on top of [`super::rdkafka`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::{debug, trace, warn};

use super::rdkafka::{Answered, Event, Failure, Handle, Properties, Request};
use super::snapshot::{Answer, Missing, Reason};

/// librdkafka answers a request that ran out of time this long before we stop waiting, so that
/// its own sentence ("timed out while waiting for broker 2") arrives.
pub const GRACE: Duration = Duration::from_millis(100);

/// syslog's levels, which are librdkafka's.
const CRITICAL: i32 = 2;
const DEBUG: i32 = 7;

/// librdkafka's codes for credentials and TLS: `_SSL`, `_AUTHENTICATION`, SASL.
const AUTH_CODES: &[i32] = &[-181, -169, 33, 34, 58];

/// What librdkafka says when the listener speaks another security protocol.
const AUTH_WORDS: &str = "security.protocol";

/// A client of one cluster. Kept between cycles; connections come back by themselves.
pub struct Client {
    handle: Arc<Handle>,
    /// The last number given to a request. Never reused: late answers meet nobody.
    last_number: usize,
    trouble: Option<Trouble>,
}

/// Why a broker cannot be reached, by librdkafka's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Whether it is about credentials or TLS.
    pub auth: bool,
    /// The sentence.
    pub text: String,
}

impl Trouble {
    fn new(code: i32, text: String) -> Self {
        Self {
            auth: AUTH_CODES.contains(&code) || text.contains(AUTH_WORDS),
            text,
        }
    }
}

impl Client {
    /// A client with these properties; the error is librdkafka's sentence.
    pub fn new(properties: Properties) -> Result<Self, String> {
        Ok(Self {
            handle: Arc::new(Handle::new(properties)?),
            last_number: 0,
            trouble: None,
        })
    }

    /// Forgets the last cycle: its late answers and its trouble.
    pub fn begin(&mut self) {
        self.trouble = None;
        while let Some(event) = self.handle.poll() {
            self.note(event);
        }
    }

    /// What was wrong with a connection in this cycle; credentials before anything else.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// The underlying client.
    pub fn handle(&self) -> &Arc<Handle> {
        &self.handle
    }

    /// Keeps what matters of an event that is no answer; says whose answer it is otherwise.
    fn note(&mut self, event: Event) -> Option<(usize, Result<Answered, Failure>)> {
        match event {
            Event::Answer(number, answer) => return Some((number, answer)),
            Event::Trouble(failure) => self.keep(Trouble::new(failure.code, failure.text)),
            Event::Log { level, line } => self.log(level, line),
            Event::Other => {}
        }
        None
    }

    fn keep(&mut self, trouble: Trouble) {
        let worse = self
            .trouble
            .as_ref()
            .is_none_or(|kept| trouble.auth && !kept.auth);
        if worse {
            self.trouble = Some(trouble);
        }
    }

    /// What librdkafka writes about connections ends up in the cycle's faults, once; as lines of
    /// its own it would be said again at every attempt.
    fn log(&mut self, level: i32, line: String) {
        if level >= DEBUG {
            trace!("librdkafka: {line}");
        } else if level > CRITICAL {
            debug!("librdkafka: {line}");
        } else {
            warn!("librdkafka: {line}");
        }
        // A refused handshake is logged, but not always an error event.
        if line.contains(AUTH_WORDS) {
            self.keep(Trouble::new(0, line));
        }
    }

    /// Starts a set of requests that are in flight together until `deadline`.
    pub fn flight<K>(&mut self, deadline: Instant) -> Flight<'_, K> {
        Flight {
            client: self,
            asked: HashMap::new(),
            failed: Vec::new(),
            deadline,
        }
    }

    /// Ends the client; waits until it is gone where nobody else uses it any more.
    pub async fn close(self) {
        if let Some(handle) = Arc::into_inner(self.handle)
            && let Err(error) = tokio::task::spawn_blocking(move || handle.close()).await
        {
            debug!(%error, "kafka client did not end cleanly");
        }
    }
}

impl From<Failure> for Missing {
    fn from(failure: Failure) -> Self {
        Self::new(Reason::of_code(failure.code), failure.text)
    }
}

/// Requests in flight together, each with a key that says what was asked.
pub struct Flight<'c, K> {
    client: &'c mut Client,
    asked: HashMap<usize, K>,
    /// Those that could not even be sent.
    failed: Vec<(K, Failure)>,
    deadline: Instant,
}

impl<K> Flight<'_, K> {
    /// Sends a request with the rest of the time.
    pub fn ask(&mut self, request: &Request<'_>, key: K) {
        self.client.last_number = self.client.last_number.wrapping_add(1);
        let number = self.client.last_number;
        let rest = self.deadline.saturating_duration_since(Instant::now());
        match self
            .client
            .handle
            .ask(request, number, rest.saturating_sub(GRACE))
        {
            Ok(()) => {
                self.asked.insert(number, key);
            }
            Err(failure) => self.failed.push((key, failure)),
        }
    }

    /// Stops waiting for some.
    pub fn forget(&mut self, unwanted: impl Fn(&K) -> bool) {
        self.asked.retain(|_, key| !unwanted(key));
    }

    /// Whether nothing is waited for.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.failed.is_empty()
    }

    /// The next answer; after the deadline a time-out for each that is still missing; `None` when
    /// all were answered.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped: an event is taken from the queue only on the
    /// way out.
    pub async fn next(&mut self) -> Option<(K, Answer<Answered>)> {
        if let Some((key, failure)) = self.failed.pop() {
            return Some((key, Err(failure.into())));
        }
        while !self.asked.is_empty() {
            while let Some(event) = self.client.handle.poll() {
                let Some((number, answer)) = self.client.note(event) else {
                    continue;
                };
                // Unknown numbers belong to a cycle that was given up.
                if let Some(key) = self.asked.remove(&number) {
                    return Some((key, answer.map_err(Missing::from)));
                }
            }
            let handle = Arc::clone(&self.client.handle);
            if timeout_at(self.deadline, handle.wake().notified())
                .await
                .is_err()
            {
                let number = *self.asked.keys().next()?;
                let key = self.asked.remove(&number)?;
                return Some((key, Err(Failure::of_code(Failure::TIMED_OUT).into())));
            }
        }
        None
    }
}
