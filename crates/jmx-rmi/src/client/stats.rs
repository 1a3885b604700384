//! What a session costs.

/// Bytes and waits of a session so far, as [`Client::stats`](crate::Client::stats) gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes written, handshakes included; of TLS what is inside it.
    pub bytes_sent: u64,
    /// Bytes of replies, handshakes included; of TLS what is inside it.
    pub bytes_received: u64,
    /// Times that the JVM's reply had to be waited for before more could be sent: one for each list of calls, and one
    /// more each time that the bytes which may be on their way were used up.
    pub round_trips: u64,
}

impl Stats {
    pub(super) fn add(&mut self, other: Self) {
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.round_trips += other.round_trips;
    }
}
