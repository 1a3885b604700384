//! Asking many things at once and waiting for the answers, on top of [`super::rdkafka`].

use std::collections::{BTreeSet, HashMap};
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

/// librdkafka's code for "all brokers are down": says nothing that was not said before.
const ALL_DOWN: i32 = -187;

/// What librdkafka says when the listener speaks another security protocol or other certificates.
/// A server that refuses a client's certificate may say so after the handshake (TLS 1.3), with an alert or, by an alert
/// that cannot be read, as a record that cannot.
const AUTH_WORDS: &[&str] = &[
    "security.protocol",
    "SSL handshake failed",
    "alert certificate",
    "SSL routines::decryption failed",
];

/// How librdkafka's log says that a connection ended, for whatever reason.
const CONNECTION_ENDED: &str = "FAIL: ";

/// A client of one cluster. Kept between cycles; connections come back by themselves.
pub struct Client {
    handle: Arc<Handle>,
    /// The last number given to a request. Never reused: late answers meet nobody.
    last_number: usize,
    trouble: Option<Trouble>,
    /// Whether that is of this cycle.
    trouble_is_new: bool,
    /// Brokers whose connection ended since somebody last asked.
    lost: BTreeSet<i32>,
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
    fn new(code: i32, text: &str) -> Self {
        // "(after 3ms in state CONNECT, 2 identical …)" makes every sentence another one.
        let text = text.rsplit_once(" (after ").map_or(text, |(what, _)| what);
        Self {
            auth: AUTH_CODES.contains(&code) || is_about_auth(text),
            text: text.to_owned(),
        }
    }
}

/// The broker id in `127.0.0.1:9092/2: Disconnected`, which is how librdkafka names its connections.
fn broker_of(line: &str) -> Option<i32> {
    let id = |part: &str| part.rsplit_once('/')?.1.parse().ok();
    line.split(": ").find_map(id)
}

fn is_about_auth(text: &str) -> bool {
    AUTH_WORDS.iter().any(|word| text.contains(word))
}

impl Client {
    /// A client with these properties; the error is librdkafka's sentence.
    pub fn new(properties: Properties) -> Result<Self, String> {
        Ok(Self {
            handle: Arc::new(Handle::new(properties)?),
            last_number: 0,
            trouble: None,
            trouble_is_new: false,
            lost: BTreeSet::new(),
        })
    }

    /// Begins a cycle: late answers to the last one are dropped.
    pub fn begin(&mut self) {
        self.trouble_is_new = false;
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.handle.poll() {
            self.note(event);
        }
    }

    /// What was last wrong with a connection. Kept from cycle to cycle, because librdkafka says the
    /// same thing only every 30 seconds.
    pub fn trouble(&mut self) -> Option<&Trouble> {
        self.drain();
        self.trouble.as_ref()
    }

    /// Brokers whose connection ended, refused or closed, since this was last asked.
    pub fn take_lost(&mut self) -> BTreeSet<i32> {
        std::mem::take(&mut self.lost)
    }

    /// The cluster answers: what was wrong before is over.
    pub fn forget_trouble(&mut self) {
        self.trouble = None;
    }

    /// The underlying client.
    pub fn handle(&self) -> &Arc<Handle> {
        &self.handle
    }

    /// Keeps what matters of an event that is no answer; says whose answer it is otherwise.
    fn note(&mut self, event: Event) -> Option<(usize, Result<Answered, Failure>)> {
        match event {
            Event::Answer(number, answer) => return Some((number, answer)),
            Event::Trouble(failure) => self.keep(failure.code, &failure.text),
            Event::Log { level, line } => self.log(level, &line),
            Event::Other => {}
        }
        None
    }

    /// The newest wins; within a cycle credentials before anything else.
    fn keep(&mut self, code: i32, text: &str) {
        self.lost.extend(broker_of(text));
        let trouble = Trouble::new(code, text);
        let kept = self.trouble.as_ref();
        let weaker = self.trouble_is_new && kept.is_some_and(|kept| kept.auth && !trouble.auth);
        if weaker || (code == ALL_DOWN && kept.is_some()) {
            return;
        }
        self.trouble = Some(trouble);
        self.trouble_is_new = true;
    }

    /// What librdkafka writes about connections ends up in the cycle's faults, once; as lines of
    /// its own it would be said again at every attempt.
    fn log(&mut self, level: i32, line: &str) {
        if line.starts_with(CONNECTION_ENDED) {
            self.lost.extend(broker_of(line));
        }
        if level >= DEBUG {
            trace!("librdkafka: {line}");
        } else if level > CRITICAL {
            debug!("librdkafka: {line}");
        } else {
            warn!("librdkafka: {line}");
        }
        // A refused handshake is logged, but not always an error event.
        if is_about_auth(line) {
            self.keep(0, line);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client::new(Properties::default()).unwrap()
    }

    #[tokio::test]
    async fn the_newest_trouble_is_told_and_credentials_before_the_rest() {
        let mut client = client();
        let text = |client: &mut Client| client.trouble().map(|trouble| trouble.text.clone());
        client.keep(-195, "b1: connection refused (after 3ms in state CONNECT)");
        client.keep(ALL_DOWN, "1/1 brokers are down");
        assert_eq!(text(&mut client).unwrap(), "b1: connection refused");
        client.keep(-169, "b1: bad password");
        client.keep(-195, "b2: connection refused");
        assert_eq!(text(&mut client).unwrap(), "b1: bad password");
        client.begin();
        assert_eq!(text(&mut client).unwrap(), "b1: bad password");
        client.keep(-195, "b1: connection refused");
        assert_eq!(text(&mut client).unwrap(), "b1: connection refused");
        client.forget_trouble();
        assert_eq!(text(&mut client), None);
        client.close().await;
    }

    #[test]
    fn lines_about_a_connection_name_its_broker() {
        let line = "FAIL: [thrd:b2:9092/2]: b2:9092/2: Disconnected (after 1ms in state UP)";
        assert_eq!(broker_of(line), Some(2));
        assert_eq!(
            broker_of("ssl://b2:9092/12: SSL handshake failed: no/where"),
            Some(12)
        );
        assert_eq!(broker_of("b2:9092/bootstrap: Connection refused"), None);
        assert_eq!(broker_of("1/1 brokers are down"), None);
    }

    #[tokio::test]
    async fn what_is_not_answered_is_a_time_out_and_late_answers_meet_nobody() {
        let mut client = client();
        let deadline = Instant::now() + Duration::from_millis(50);
        let mut flight = client.flight(deadline);
        flight.ask(&Request::Groups { broker: 1 }, "groups");
        flight.ask(
            &Request::Group {
                broker: 1,
                id: "a\0b",
            },
            "bad",
        );
        let mut answers = Vec::new();
        while let Some((key, answer)) = flight.next().await {
            answers.push((key, answer.unwrap_err().reason));
        }
        assert_eq!(
            answers,
            [("bad", Reason::Error), ("groups", Reason::Timeout)]
        );
        tokio::time::sleep(GRACE).await;
        client.begin();
        assert!(client.flight::<()>(deadline).next().await.is_none());
    }
}
