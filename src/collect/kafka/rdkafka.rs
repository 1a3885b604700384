//! The only module with `unsafe`: safe types over librdkafka's C interface.
//!
//! The crate `rdkafka` has no wrapper for the admin calls needed here, `rdkafka-sys` has the
//! bindings. Rules here:
//! - what the C side owns is copied out before its event is freed; nothing borrowed leaves;
//! - every pointer may be null and every count negative: both read as "nothing";
//! - requests carry a number, never a pointer, so that an answer nobody waits for any more can be
//!   dropped without a thought;
//! - error codes are read as integers: a broker may send one that the bindings' enum lacks, and
//!   such a value of a Rust enum would be undefined behaviour.
//!
//! `c` has the helpers for memory, texts and arrays, `answer` reads events.
#![allow(unsafe_code)] // librdkafka is C; this module alone may call it

mod answer;
mod c;

use std::ffi::{CString, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys as sys;
use tokio::sync::Notify;

use self::answer::{read_event, read_metadata};
use self::c::{ERROR_TEXT, Owned, broker_id, buffer, c_string, millis, pointers, raw, text};
use super::snapshot::{Broker, Description, Listing, Metadata};

/// A request that failed as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Code of the protocol, or of librdkafka where negative.
    pub code: i32,
    /// Its text.
    pub text: String,
}

impl Failure {
    /// librdkafka's own time-out.
    pub const TIMED_OUT: i32 = -185;
    /// Bad argument, found before anything was sent.
    const INVALID: i32 = -186;

    /// A failure with librdkafka's text for the code.
    pub fn of_code(code: i32) -> Self {
        // SAFETY: takes any integer and returns a static string.
        let text = unsafe { text(raw::rd_kafka_err2str(code)) };
        Self {
            code,
            text: text.unwrap_or_default(),
        }
    }

    fn check(code: i32) -> Result<(), Self> {
        match code {
            0 => Ok(()),
            code => Err(Self::of_code(code)),
        }
    }
}

/// Why a property is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such property.
    Unknown,
    /// A value that does not fit, with librdkafka's sentence (it repeats the value).
    Value(String),
}

/// A property map in the making.
pub struct Properties(Owned<sys::rd_kafka_conf_t>);

impl Default for Properties {
    /// librdkafka's defaults.
    fn default() -> Self {
        // SAFETY: allocates; never null (librdkafka aborts without memory).
        let raw = unsafe { Owned::new(sys::rd_kafka_conf_new(), sys::rd_kafka_conf_destroy) };
        Self(raw.expect("rd_kafka_conf_new allocates"))
    }
}

impl Properties {
    /// All names that can be set.
    pub fn names(&self) -> Vec<String> {
        let mut count = 0;
        // SAFETY: the map is alive; the dump is names and values in turn, freed with its count.
        unsafe {
            let dump = sys::rd_kafka_conf_dump(self.0.as_ptr(), &raw mut count);
            let names = pointers(dump.cast(), count).step_by(2);
            let names = names.filter_map(|name| text(name)).collect();
            sys::rd_kafka_conf_dump_free(dump, count);
            names
        }
    }

    /// Sets one property; touches no network.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let Ok(name) = CString::new(name) else {
            return Err(Refusal::Unknown);
        };
        let value = CString::new(value)
            .map_err(|_| Refusal::Value("contains a zero character".to_owned()))?;
        let mut why = [0; ERROR_TEXT];
        // SAFETY: all pointers are valid for the call; the text is bounded by its length.
        let result = unsafe {
            sys::rd_kafka_conf_set(
                self.0.as_ptr(),
                name.as_ptr(),
                value.as_ptr(),
                why.as_mut_ptr(),
                why.len(),
            )
        };
        match result {
            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_UNKNOWN => Err(Refusal::Unknown),
            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_INVALID => Err(Refusal::Value(buffer(&why))),
        }
    }
}

/// What is asked of a cluster.
///
/// Each request but the last names its broker. Those about groups could leave it to librdkafka to
/// find the coordinator; but a request that runs out of time during that look-up is freed twice
/// (confluentinc/librdkafka#4605) and ends the process. Whoever lists a group is its coordinator.
#[derive(Debug, Clone, Copy)]
pub enum Request<'a> {
    /// DescribeCluster.
    Cluster {
        /// Any broker's id.
        broker: i32,
    },
    /// ListConsumerGroups: the groups that this broker coordinates.
    Groups {
        /// Its id.
        broker: i32,
    },
    /// DescribeConsumerGroups of one.
    Group {
        /// The coordinator.
        broker: i32,
        /// The group.
        id: &'a str,
    },
    /// ListConsumerGroupOffsets: all committed offsets of one group.
    Committed {
        /// The coordinator.
        broker: i32,
        /// The group.
        id: &'a str,
    },
    /// ListOffsets, of the leaders that librdkafka knows by the last metadata.
    Offsets {
        /// Which end.
        end: End,
        /// Topic and number.
        partitions: &'a [(&'a str, i32)],
    },
}

impl Request<'_> {
    fn broker(&self) -> Option<i32> {
        match self {
            Self::Cluster { broker }
            | Self::Groups { broker }
            | Self::Group { broker, .. }
            | Self::Committed { broker, .. } => Some(*broker),
            Self::Offsets { .. } => None,
        }
    }

    fn operation(&self) -> sys::rd_kafka_admin_op_t {
        use sys::rd_kafka_admin_op_t as Op;
        match self {
            Self::Cluster { .. } => Op::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER,
            Self::Groups { .. } => Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
            Self::Group { .. } => Op::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
            Self::Committed { .. } => Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
            Self::Offsets { .. } => Op::RD_KAFKA_ADMIN_OP_LISTOFFSETS,
        }
    }
}

/// An end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first offset that can still be read.
    Earliest,
    /// The high watermark.
    Latest,
}

/// An answer to a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// To [`Request::Cluster`].
    Cluster(Cluster),
    /// To [`Request::Groups`]: name and line.
    Groups(Vec<(String, Listing)>),
    /// To [`Request::Group`].
    Group(Description),
    /// To [`Request::Committed`] and [`Request::Offsets`].
    Offsets(Vec<Offset>),
}

/// The cluster by its controller's word.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Its id.
    pub id: Option<String>,
    /// Broker id of the controller.
    pub controller: Option<i32>,
    /// Live brokers with their racks.
    pub brokers: Vec<Broker>,
}

/// An offset of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offset {
    /// Topic.
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
    /// The offset; negative means that there is none.
    pub offset: i64,
    /// Error code, 0 for none.
    pub code: i32,
}

/// What comes out of a client's queue.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer to the request of that number.
    Answer(usize, Result<Answered, Failure>),
    /// Something is wrong with a connection.
    Trouble(Failure),
    /// A line of librdkafka's log.
    Log {
        /// As syslog has it: 3 is an error, 7 debugging.
        level: i32,
        /// The line.
        line: String,
    },
    /// Nothing of interest.
    Other,
}

/// A client with its one queue, on which answers, errors and log lines arrive.
pub struct Handle {
    /// Always there until dropped.
    inner: Option<Inner>,
    /// Told when the queue is no longer empty. The callback holds a pointer into this `Arc`.
    wake: Arc<Notify>,
}

struct Inner {
    client: NonNull<sys::rd_kafka_t>,
    queue: NonNull<sys::rd_kafka_queue_t>,
}

// SAFETY: librdkafka's handles and queues may be used from any thread at once.
unsafe impl Send for Inner {}
// SAFETY: as above; every function called through a shared reference locks inside.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: both are alive and ours; the queue's reference goes before the client, and no
        // one else can hold either: `Inner` is owned by the `Handle` that is being dropped.
        unsafe {
            sys::rd_kafka_queue_destroy(self.queue.as_ptr());
            sys::rd_kafka_destroy_flags(
                self.client.as_ptr(),
                sys::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE,
            );
        }
    }
}

/// Wakes whoever waits for the queue. Called on librdkafka's threads with the queue locked.
unsafe extern "C" fn wake(_client: *mut sys::rd_kafka_t, notify: *mut c_void) {
    // SAFETY: the pointer is the `Notify` of a `Handle`, which removes this callback before it goes.
    unsafe { &*notify.cast::<Notify>() }.notify_one();
}

impl Handle {
    /// Makes a client and its threads. Connects to nobody before it is asked something.
    pub fn new(properties: Properties) -> Result<Self, String> {
        let mut why = [0; ERROR_TEXT];
        let properties = std::mem::ManuallyDrop::new(properties);
        // SAFETY: the property map is alive; on success the client owns it.
        let client = unsafe {
            sys::rd_kafka_new(
                sys::rd_kafka_type_t::RD_KAFKA_PRODUCER,
                properties.0.as_ptr(),
                why.as_mut_ptr(),
                why.len(),
            )
        };
        let Some(client) = NonNull::new(client) else {
            // Refused: the map is still ours.
            drop(std::mem::ManuallyDrop::into_inner(properties));
            return Err(buffer(&why));
        };
        let notify = Arc::new(Notify::new());
        // SAFETY: the client is alive. Its main queue always exists; a null queue as the target of
        // the log means that queue. The callback's pointer stays valid: see `wake` and `drop`.
        let queue = unsafe {
            let queue = sys::rd_kafka_queue_get_main(client.as_ptr());
            // Fails only without `log.queue`; the log goes to stderr then.
            let _ = sys::rd_kafka_set_log_queue(client.as_ptr(), ptr::null_mut());
            sys::rd_kafka_queue_cb_event_enable(
                queue,
                Some(wake),
                Arc::as_ptr(&notify).cast_mut().cast(),
            );
            NonNull::new(queue).expect("a client has a main queue")
        };
        Ok(Self {
            inner: Some(Inner { client, queue }),
            wake: notify,
        })
    }

    fn inner(&self) -> &Inner {
        self.inner.as_ref().expect("there until dropped")
    }

    fn client(&self) -> *mut sys::rd_kafka_t {
        self.inner().client.as_ptr()
    }

    /// Ready when something arrived since the queue was last found empty.
    pub fn wake(&self) -> &Notify {
        &self.wake
    }

    /// The next event, if one is there. Never blocks.
    pub fn poll(&self) -> Option<Event> {
        // SAFETY: the queue is alive; the event is ours and freed at the end of this function.
        unsafe {
            let event = sys::rd_kafka_queue_poll(self.inner().queue.as_ptr(), 0);
            let event = Owned::new(event, sys::rd_kafka_event_destroy)?;
            Some(read_event(event.as_ptr()))
        }
    }

    /// All topics by any broker's word. Blocks the thread for up to `timeout`.
    pub fn metadata(&self, timeout: Duration) -> Result<Metadata, Failure> {
        let mut found: *const sys::rd_kafka_metadata = ptr::null();
        // SAFETY: the client is alive; without an error `found` is ours and freed after reading.
        unsafe {
            Failure::check(raw::rd_kafka_metadata(
                self.client(),
                1,
                ptr::null_mut(),
                &raw mut found,
                millis(timeout),
            ))?;
            if found.is_null() {
                return Err(Failure::of_code(Failure::TIMED_OUT));
            }
            let metadata = read_metadata(found);
            sys::rd_kafka_metadata_destroy(found);
            Ok(metadata)
        }
    }

    /// Id of the cluster by the last metadata of any broker.
    pub fn cluster_id(&self) -> Option<String> {
        // SAFETY: time-out 0 only reads what is known; the text is ours to free.
        unsafe {
            let id = sys::rd_kafka_clusterid(self.client(), 0);
            let copy = text(id);
            if !id.is_null() {
                sys::rd_kafka_mem_free(self.client(), id.cast());
            }
            copy
        }
    }

    /// Broker id of the controller by the last metadata of any broker.
    pub fn controller_id(&self) -> Option<i32> {
        // SAFETY: time-out 0 only reads what is known.
        broker_id(unsafe { sys::rd_kafka_controllerid(self.client(), 0) })
    }

    /// Sends a request; its answer arrives on the queue with the same number, at the latest when
    /// the time is over.
    pub fn ask(
        &self,
        request: &Request<'_>,
        number: usize,
        timeout: Duration,
    ) -> Result<(), Failure> {
        let owned = self.options(request, number, timeout)?;
        let options = owned.as_ptr();
        let (client, queue) = (self.client(), self.inner().queue.as_ptr());
        // SAFETY: client, queue and options are alive; librdkafka copies all arguments.
        unsafe {
            match request {
                Request::Cluster { .. } => sys::rd_kafka_DescribeCluster(client, options, queue),
                Request::Groups { .. } => {
                    sys::rd_kafka_ListConsumerGroups(client, options, queue);
                }
                Request::Group { id, .. } => {
                    let group = c_string(id)?;
                    let mut groups = [group.as_ptr()];
                    let list = groups.as_mut_ptr();
                    sys::rd_kafka_DescribeConsumerGroups(client, list, 1, options, queue);
                }
                Request::Committed { id, .. } => {
                    let wanted = all_committed(id)?;
                    let mut list = [wanted.as_ptr()];
                    let list = list.as_mut_ptr();
                    sys::rd_kafka_ListConsumerGroupOffsets(client, list, 1, options, queue);
                }
                Request::Offsets { end, partitions } => {
                    let list = offset_specs(*end, partitions)?;
                    sys::rd_kafka_ListOffsets(client, list.as_ptr(), options, queue);
                }
            }
        }
        Ok(())
    }

    fn options(
        &self,
        request: &Request<'_>,
        number: usize,
        timeout: Duration,
    ) -> Result<Owned<sys::rd_kafka_AdminOptions_t>, Failure> {
        // SAFETY: the client is alive; the options are ours. The number travels in a pointer that
        // nobody follows.
        unsafe {
            let options = sys::rd_kafka_AdminOptions_new(self.client(), request.operation());
            let options = Owned::new(options, sys::rd_kafka_AdminOptions_destroy)
                .ok_or_else(|| Failure::of_code(Failure::INVALID))?;
            let raw = options.as_ptr();
            let set = sys::rd_kafka_AdminOptions_set_request_timeout;
            Failure::check(set(raw, millis(timeout), ptr::null_mut(), 0) as c_int)?;
            if let Some(broker) = request.broker() {
                let set = sys::rd_kafka_AdminOptions_set_broker;
                Failure::check(set(raw, broker, ptr::null_mut(), 0) as c_int)?;
            }
            sys::rd_kafka_AdminOptions_set_opaque(raw, ptr::without_provenance_mut(number));
            Ok(options)
        }
    }

    /// Ends the client on this thread: may take as long as a name look-up in progress.
    pub fn close(mut self) {
        self.silence();
        drop(self.inner.take());
    }

    /// No call of `wake` starts or is still running after this.
    fn silence(&self) {
        if let Some(inner) = &self.inner {
            // SAFETY: the queue is alive. Setting and calling the callback hold the queue's lock.
            unsafe {
                sys::rd_kafka_queue_cb_event_enable(inner.queue.as_ptr(), None, ptr::null_mut());
            }
        }
    }
}

impl Drop for Handle {
    /// Ending a client joins its threads, one of which may be in a name look-up: not on a thread
    /// of the runtime.
    fn drop(&mut self) {
        self.silence();
        if let Some(inner) = self.inner.take() {
            // Without a thread the closure is dropped here, and `inner` with it: slower, not wrong.
            drop(std::thread::Builder::new().spawn(move || drop(inner)));
        }
    }
}

fn all_committed(group: &str) -> Result<Owned<sys::rd_kafka_ListConsumerGroupOffsets_t>, Failure> {
    let group = c_string(group)?;
    // SAFETY: the id is copied; no list of partitions means all of them.
    unsafe {
        let wanted = sys::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), ptr::null());
        Owned::new(wanted, sys::rd_kafka_ListConsumerGroupOffsets_destroy)
            .ok_or_else(|| Failure::of_code(Failure::INVALID))
    }
}

fn offset_specs(
    end: End,
    partitions: &[(&str, i32)],
) -> Result<Owned<sys::rd_kafka_topic_partition_list_t>, Failure> {
    // rd_kafka_OffsetSpec_t: the protocol's own special timestamps.
    let spec = match end {
        End::Earliest => -2,
        End::Latest => -1,
    };
    let count = c_int::try_from(partitions.len()).unwrap_or(0);
    // SAFETY: the list is ours; the added element stays where it is until the next addition.
    unsafe {
        let list = sys::rd_kafka_topic_partition_list_new(count);
        let list = Owned::new(list, sys::rd_kafka_topic_partition_list_destroy)
            .ok_or_else(|| Failure::of_code(Failure::INVALID))?;
        for (topic, partition) in partitions {
            let topic = c_string(topic)?;
            let element =
                sys::rd_kafka_topic_partition_list_add(list.as_ptr(), topic.as_ptr(), *partition);
            (*element).offset = spec;
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody listens on the discard port of this machine.
    const NOBODY: &str = "127.0.0.1:9";

    fn handle() -> Handle {
        let mut properties = Properties::default();
        for (name, value) in [("bootstrap.servers", NOBODY), ("log.queue", "true")] {
            properties.set(name, value).unwrap();
        }
        Handle::new(properties).unwrap()
    }

    #[test]
    fn properties_are_checked_without_a_server() {
        let mut properties = Properties::default();
        assert_eq!(properties.set("no.such.thing", "1"), Err(Refusal::Unknown));
        assert_eq!(properties.set("client\0id", "1"), Err(Refusal::Unknown));
        let refusal = properties.set("acks", "many").unwrap_err();
        assert!(
            matches!(&refusal, Refusal::Value(why) if why.contains("acks")),
            "{refusal:?}"
        );
        assert!(matches!(
            properties.set("client.id", "a\0b"),
            Err(Refusal::Value(_))
        ));
        assert!(properties.names().contains(&"security.protocol".to_owned()));
        properties.set("log.queue", "true").unwrap();
        properties.set("ssl.ca.location", "/no/such/file").unwrap();
        properties.set("security.protocol", "ssl").unwrap();
        assert!(Handle::new(properties).is_err());
    }

    #[tokio::test]
    async fn without_a_broker_every_request_ends_in_time_with_its_number() {
        let handle = handle();
        let wait = Duration::from_millis(300);
        let requests = [
            Request::Cluster { broker: 1 },
            Request::Groups { broker: 1 },
            Request::Group { broker: 1, id: "g" },
            Request::Committed { broker: 1, id: "g" },
            Request::Offsets {
                end: End::Latest,
                partitions: &[("t", 0)],
            },
        ];
        for (number, request) in requests.iter().enumerate() {
            handle.ask(request, number, wait).unwrap();
        }
        let mut open: Vec<usize> = (0..requests.len()).collect();
        let mut trouble = false;
        while !open.is_empty() {
            match handle.poll() {
                Some(Event::Answer(number, answer)) => {
                    assert!(answer.is_err(), "{answer:?}");
                    open.retain(|one| *one != number);
                }
                Some(Event::Trouble(failure)) => trouble |= failure.text.contains(NOBODY),
                Some(_) => {}
                None => {
                    let woken = tokio::time::timeout(10 * wait, handle.wake().notified());
                    woken.await.expect("every request is answered");
                }
            }
        }
        assert!(trouble, "the refused connection is told");
        handle.close();
    }

    #[test]
    fn metadata_of_nobody_is_an_error_in_time_and_requests_may_be_left_open() {
        let handle = handle();
        assert!(handle.metadata(Duration::from_millis(100)).is_err());
        assert_eq!((handle.cluster_id(), handle.controller_id()), (None, None));
        let later = Duration::from_secs(60);
        handle
            .ask(&Request::Groups { broker: 1 }, 7, later)
            .unwrap();
        let refused = handle.ask(
            &Request::Group {
                broker: 1,
                id: "a\0b",
            },
            8,
            later,
        );
        assert_eq!(refused.unwrap_err().code, Failure::INVALID);
        let refused = handle.ask(&Request::Groups { broker: -5 }, 9, later);
        assert_eq!(refused.unwrap_err().code, Failure::INVALID);
        drop(handle);
    }
}
