//! What happens to an Elasticsearch, one thing after the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stack::{Elasticsearch, Signal};

/// How long each lasts at most, and the quiet after it.
const LONGEST: Duration = Duration::from_secs(6);
/// A server that is slowed lives for so long in each [`SLOW_TURN`].
const SLOW_LIFE: Duration = Duration::from_millis(40);
const SLOW_TURN: Duration = Duration::from_millis(400);
/// Clients that write beside the agent, and what each of them writes at once.
const OTHERS: usize = 6;
const OTHERS_BYTES: usize = 400 << 10;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// SIGKILL, and started again.
    Killed,
    /// SIGSTOP for some seconds.
    Hung,
    /// Stopped and continued all the time.
    Slowed,
    /// All indices are read-only.
    ReadOnly,
    /// Others write so much that it refuses.
    Pressed,
}

const KINDS: [Kind; 5] = [
    Kind::Killed,
    Kind::Hung,
    Kind::Slowed,
    Kind::ReadOnly,
    Kind::Pressed,
];

/// How often each has happened.
pub(super) type Abused = BTreeMap<Kind, usize>;

/// Lets a time pass.
#[expect(
    clippy::disallowed_methods,
    reason = "the dice say how long something lasts, and there is nothing to wait for"
)]
pub(crate) fn pass(time: Duration) {
    thread::sleep(time);
}

/// Goes on until it is ended, and leaves the server well.
pub(super) struct Abuse<'e> {
    elasticsearch: &'e Elasticsearch,
    seed: u64,
    ended: AtomicBool,
}

impl<'e> Abuse<'e> {
    pub(super) fn new(elasticsearch: &'e Elasticsearch, seed: u64) -> Self {
        Self {
            elasticsearch,
            seed,
            ended: AtomicBool::new(false),
        }
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Each kind in turn, in an order that changes.
    pub(super) fn go_on(&self) -> Abused {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut abused = Abused::new();
        let mut kinds = Vec::new();
        while !self.ended.load(Ordering::Relaxed) {
            if kinds.is_empty() {
                kinds = KINDS.to_vec();
                random.shuffle(&mut kinds);
            }
            let kind = kinds.pop().expect("there are some");
            self.happen(kind, LONGEST.mul_f64(random.f64()));
            *abused.entry(kind).or_default() += 1;
            pass(LONGEST.mul_f64(random.f64()));
        }
        abused
    }

    fn happen(&self, kind: Kind, time: Duration) {
        let elasticsearch = self.elasticsearch;
        match kind {
            Kind::Killed => {
                elasticsearch.kill();
                pass(time);
                elasticsearch.restart().expect("it starts again");
            }
            Kind::Hung => {
                elasticsearch.signal(Signal::Stop);
                pass(time);
                elasticsearch.signal(Signal::Cont);
            }
            Kind::Slowed => self.slow(Instant::now() + time),
            Kind::ReadOnly => {
                self.block(&json!(true));
                pass(time);
                self.block(&Value::Null);
            }
            Kind::Pressed => self.press(Instant::now() + time),
        }
    }

    fn slow(&self, until: Instant) {
        while Instant::now() < until {
            self.elasticsearch.signal(Signal::Stop);
            pass(SLOW_TURN - SLOW_LIFE);
            self.elasticsearch.signal(Signal::Cont);
            pass(SLOW_LIFE);
        }
    }

    /// As Elasticsearch itself does when its disk is nearly full.
    fn block(&self, value: &Value) {
        let body = json!({"index.blocks.read_only_allow_delete": value});
        self.elasticsearch
            .put("/*-brokerbeat.*/_settings?allow_no_indices=true", &body)
            .expect("settings can be changed");
    }

    fn press(&self, until: Instant) {
        let line = json!({"text": "x".repeat(1_000)}).to_string();
        let lines = format!("{{\"index\":{{}}}}\n{line}\n");
        let body = lines.repeat(OTHERS_BYTES / lines.len());
        thread::scope(|scope| {
            for _ in 0..OTHERS {
                scope.spawn(|| {
                    while Instant::now() < until {
                        // Taken or refused: both is pressure.
                        let answer =
                            self.elasticsearch
                                .request("POST", "/others/_bulk", Some(body.clone()));
                        let (status, _) = answer.expect("it answers");
                        assert!(matches!(status, 200 | 429), "{status}");
                    }
                });
            }
        });
    }
}
