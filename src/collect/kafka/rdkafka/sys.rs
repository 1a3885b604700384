//! The only file with `unsafe`, whole for that reason: librdkafka's C interface behind safe types.
//!
//! Rules here:
//! - what the C side owns is copied out before its event is freed; nothing borrowed leaves;
//! - every pointer may be null and every count negative: both read as "nothing";
//! - requests carry a number, never a pointer, so that an answer nobody waits for any more can be
//!   dropped without a thought;
//! - error codes are read as integers: a broker may send one that the bindings' enum lacks, and
//!   such a value of a Rust enum would be undefined behaviour.
//!
//! `c` has the helpers for memory, texts and arrays, `read` reads events.
#![allow(unsafe_code)] // librdkafka is C; this file alone may call it

use std::ffi::{CString, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys as sys;
use rdkafka_sys::rd_kafka_ResourceType_t::{
    RD_KAFKA_RESOURCE_BROKER as BROKER, RD_KAFKA_RESOURCE_TOPIC as TOPIC,
};
use tokio::sync::Notify;

use self::c::{ERROR_TEXT, Owned, broker_id, buffer, c_string, millis, pointers, raw, text};
use self::read::{read_any_groups, read_event, read_metadata};
use super::alive::Alive;
use super::answer::{AnyGroup, Event, Record};
use super::failure::{Failure, Refusal};
use super::request::{End, Request};
use crate::collect::kafka::snapshot::Metadata;

/// The longest `request_timeout` that librdkafka's admin options take.
const MAX_REQUEST_TIMEOUT: Duration = Duration::from_secs(3_600);

/// librdkafka's text for an error code.
pub(super) fn error_text(code: i32) -> String {
    // SAFETY: takes any integer and returns a static string.
    unsafe { text(raw::rd_kafka_err2str(code)) }.unwrap_or_default()
}

/// Lets all threads, librdkafka's too, allocate from one heap. To be called before there are any.
///
/// glibc gives threads heaps of their own, and each grows to what a cycle's peak needed that happened to run
/// there: with 20,000 offsets that is 7 MB more. Others but glibc have no such setting.
pub fn share_one_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes two integers; a refusal changes nothing.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
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

fn operation(request: &Request<'_>) -> sys::rd_kafka_admin_op_t {
    use sys::rd_kafka_admin_op_t as Op;
    match request {
        Request::Cluster { .. } => Op::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER,
        Request::Groups { .. } => Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
        Request::Group { .. } => Op::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
        Request::Committed { .. } => Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
        Request::TopicConfigs { .. } | Request::BrokerConfig { .. } => {
            Op::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS
        }
        Request::TopicIds { .. } => Op::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        Request::Offsets { .. } | Request::Times { .. } => Op::RD_KAFKA_ADMIN_OP_LISTOFFSETS,
    }
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
    /// Goes last: after the client's threads.
    _alive: Alive,
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
        Self::of_type(properties, sys::rd_kafka_type_t::RD_KAFKA_PRODUCER)
    }

    /// As [`new`](Self::new), for a [`Tap`]. Without `group.id` it can neither join nor commit.
    pub fn new_reader(properties: Properties) -> Result<Self, String> {
        Self::of_type(properties, sys::rd_kafka_type_t::RD_KAFKA_CONSUMER)
    }

    fn of_type(properties: Properties, kind: sys::rd_kafka_type_t) -> Result<Self, String> {
        let mut why = [0; ERROR_TEXT];
        let properties = std::mem::ManuallyDrop::new(properties);
        // SAFETY: the property map is alive; on success the client owns it.
        let client = unsafe {
            // Tokens of OAUTHBEARER are renewed by a thread of librdkafka, see below.
            sys::rd_kafka_conf_enable_sasl_queue(properties.0.as_ptr(), 1);
            sys::rd_kafka_new(kind, properties.0.as_ptr(), why.as_mut_ptr(), why.len())
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
            // An error means that the mechanism has no callbacks; null is destroyed, too.
            sys::rd_kafka_error_destroy(sys::rd_kafka_sasl_background_callbacks_enable(
                client.as_ptr(),
            ));
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
            inner: Some(Inner {
                client,
                queue,
                _alive: Alive::new(),
            }),
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
                Request::TopicConfigs { topics, names, .. } => {
                    let wanted = topics
                        .iter()
                        .map(|topic| config_resource(TOPIC, topic, names));
                    self.ask_configs(&wanted.collect::<Result<Vec<_>, _>>()?, options);
                }
                Request::BrokerConfig { broker, names } => {
                    let wanted = config_resource(BROKER, &broker.to_string(), names)?;
                    self.ask_configs(&[wanted], options);
                }
                Request::TopicIds { topics, .. } => {
                    let wanted = topic_names(topics)?;
                    sys::rd_kafka_DescribeTopics(client, wanted.as_ptr(), options, queue);
                }
                Request::Offsets { end, partitions } => {
                    let list = offset_specs(*end, partitions)?;
                    sys::rd_kafka_ListOffsets(client, list.as_ptr(), options, queue);
                }
                Request::Times { times } => {
                    let list = partition_list(times)?;
                    sys::rd_kafka_ListOffsets(client, list.as_ptr(), options, queue);
                }
            }
        }
        Ok(())
    }

    /// # Safety
    /// The options are alive and for DescribeConfigs.
    unsafe fn ask_configs(
        &self,
        wanted: &[Owned<sys::rd_kafka_ConfigResource_t>],
        options: *const sys::rd_kafka_AdminOptions_t,
    ) {
        let mut list: Vec<_> = wanted.iter().map(Owned::as_ptr).collect();
        // SAFETY: by contract; librdkafka copies the resources.
        unsafe {
            sys::rd_kafka_DescribeConfigs(
                self.client(),
                list.as_mut_ptr(),
                list.len(),
                options,
                self.inner().queue.as_ptr(),
            );
        }
    }

    /// All groups of all brokers, or one of them, whatever their kind. Blocks the thread for up to
    /// `timeout`, which is over when one broker does not answer; what came by then is told.
    pub fn any_groups(
        &self,
        only: Option<&str>,
        timeout: Duration,
    ) -> Result<Vec<AnyGroup>, Failure> {
        let only = only.map(c_string).transpose()?;
        let only = only.as_ref().map_or(ptr::null(), |only| only.as_ptr());
        let mut found: *const sys::rd_kafka_group_list = ptr::null();
        // SAFETY: the client is alive; a list that is not null is ours and freed after reading.
        unsafe {
            let code =
                raw::rd_kafka_list_groups(self.client(), only, &raw mut found, millis(timeout));
            if found.is_null() {
                Failure::check(code)?;
                return Ok(Vec::new());
            }
            let groups = read_any_groups(found);
            sys::rd_kafka_group_list_destroy(found);
            Ok(groups)
        }
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
            let options = sys::rd_kafka_AdminOptions_new(self.client(), operation(request));
            let options = Owned::new(options, sys::rd_kafka_AdminOptions_destroy)
                .ok_or_else(|| Failure::of_code(Failure::INVALID))?;
            let raw = options.as_ptr();
            let set = sys::rd_kafka_AdminOptions_set_request_timeout;
            Failure::check(set(
                raw,
                millis(timeout.min(MAX_REQUEST_TIMEOUT)),
                ptr::null_mut(),
                0,
            ) as c_int)?;
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

fn config_resource(
    kind: sys::rd_kafka_ResourceType_t,
    name: &str,
    values: &[&str],
) -> Result<Owned<sys::rd_kafka_ConfigResource_t>, Failure> {
    let name = c_string(name)?;
    // SAFETY: all texts are copied. A value means nothing in a question, but may not be null.
    unsafe {
        let resource = sys::rd_kafka_ConfigResource_new(kind, name.as_ptr());
        let resource = Owned::new(resource, sys::rd_kafka_ConfigResource_destroy)
            .ok_or_else(|| Failure::of_code(Failure::INVALID))?;
        for value in values {
            let value = c_string(value)?;
            let set = sys::rd_kafka_ConfigResource_set_config;
            Failure::check(set(resource.as_ptr(), value.as_ptr(), c"".as_ptr()) as c_int)?;
        }
        Ok(resource)
    }
}

fn topic_names(topics: &[&str]) -> Result<Owned<sys::rd_kafka_TopicCollection_t>, Failure> {
    let names = topics.iter().map(|topic| c_string(topic));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let mut list: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: all names are copied.
    unsafe {
        let wanted = sys::rd_kafka_TopicCollection_of_topic_names(list.as_mut_ptr(), list.len());
        Owned::new(wanted, sys::rd_kafka_TopicCollection_destroy)
            .ok_or_else(|| Failure::of_code(Failure::INVALID))
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
    let specs: Vec<_> = partitions
        .iter()
        .map(|(topic, id)| (*topic, *id, spec))
        .collect();
    partition_list(&specs)
}

/// Topic, number and what stands in the place of the offset.
fn partition_list(
    partitions: &[(&str, i32, i64)],
) -> Result<Owned<sys::rd_kafka_topic_partition_list_t>, Failure> {
    let count = c_int::try_from(partitions.len()).unwrap_or(0);
    // SAFETY: the list is ours; the added element stays where it is until the next addition.
    unsafe {
        let list = sys::rd_kafka_topic_partition_list_new(count);
        let list = Owned::new(list, sys::rd_kafka_topic_partition_list_destroy)
            .ok_or_else(|| Failure::of_code(Failure::INVALID))?;
        for (topic, partition, offset) in partitions {
            let topic = c_string(topic)?;
            let element =
                sys::rd_kafka_topic_partition_list_add(list.as_ptr(), topic.as_ptr(), *partition);
            (*element).offset = *offset;
        }
        Ok(list)
    }
}

mod c {
    //! What every call across the border needs: memory that is freed, texts and arrays that are copied.

    use std::ffi::{CStr, CString, c_char, c_int};
    use std::ptr::NonNull;
    use std::time::Duration;

    use rdkafka_sys as sys;

    use crate::collect::kafka::rdkafka::failure::Failure;

    /// Functions whose bindings return or take enums that the wire can overflow, as integers.
    pub(super) mod raw {
        use super::{c_char, c_int, sys};

        unsafe extern "C" {
            pub(in super::super) fn rd_kafka_event_error(
                event: *mut sys::rd_kafka_event_t,
            ) -> c_int;
            pub(in super::super) fn rd_kafka_error_code(
                error: *const sys::rd_kafka_error_t,
            ) -> c_int;
            pub(in super::super) fn rd_kafka_last_error() -> c_int;
            pub(in super::super) fn rd_kafka_err2name(code: c_int) -> *const c_char;
            pub(in super::super) fn rd_kafka_err2str(code: c_int) -> *const c_char;
            pub(in super::super) fn rd_kafka_metadata(
                client: *mut sys::rd_kafka_t,
                all_topics: c_int,
                only: *mut sys::rd_kafka_topic_t,
                metadata: *mut *const sys::rd_kafka_metadata,
                timeout_ms: c_int,
            ) -> c_int;
            pub(in super::super) fn rd_kafka_list_groups(
                client: *mut sys::rd_kafka_t,
                only: *const c_char,
                groups: *mut *const sys::rd_kafka_group_list,
                timeout_ms: c_int,
            ) -> c_int;
            pub(in super::super) fn rd_kafka_ConfigResource_error(
                resource: *const sys::rd_kafka_ConfigResource_t,
            ) -> c_int;
        }
    }

    /// Room for librdkafka's error texts, as its own examples have it.
    pub(super) const ERROR_TEXT: usize = 512;

    /// Something of librdkafka's that we free.
    pub(super) struct Owned<T> {
        raw: NonNull<T>,
        free: unsafe extern "C" fn(*mut T),
    }

    impl<T> Owned<T> {
        /// # Safety
        /// `raw` is null or ours, and `free` is what frees it.
        pub(super) unsafe fn new(raw: *mut T, free: unsafe extern "C" fn(*mut T)) -> Option<Self> {
            NonNull::new(raw).map(|raw| Self { raw, free })
        }

        pub(super) fn as_ptr(&self) -> *mut T {
            self.raw.as_ptr()
        }
    }

    impl<T> Drop for Owned<T> {
        fn drop(&mut self) {
            // SAFETY: by the contract of `new`; dropped once.
            unsafe { (self.free)(self.raw.as_ptr()) }
        }
    }

    pub(super) fn millis(timeout: Duration) -> c_int {
        c_int::try_from(timeout.as_millis())
            .unwrap_or(c_int::MAX)
            .max(1)
    }

    pub(super) fn c_string(text: &str) -> Result<CString, Failure> {
        CString::new(text).map_err(|_| Failure::of_code(Failure::INVALID))
    }

    pub(super) fn broker_id(id: i32) -> Option<i32> {
        (id >= 0).then_some(id)
    }

    /// Text that librdkafka wrote into our buffer.
    pub(super) fn buffer(bytes: &[c_char; ERROR_TEXT]) -> String {
        let bytes: Vec<u8> = bytes
            .iter()
            .take_while(|byte| **byte != 0)
            // Signed on some machines and unsigned on others; the bits are what counts.
            .map(|byte| *byte as u8)
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// # Safety
    /// `raw` is null or a C string that lives during the call.
    pub(super) unsafe fn text(raw: *const c_char) -> Option<String> {
        if raw.is_null() {
            return None;
        }
        // SAFETY: not null, and a C string by contract.
        let text = unsafe { CStr::from_ptr(raw) };
        Some(text.to_string_lossy().into_owned())
    }

    /// Pointers to the elements of a C array.
    ///
    /// # Safety
    /// `first` is null or the first of `count` elements.
    pub(super) unsafe fn each<T>(
        first: *const T,
        count: impl TryInto<usize>,
    ) -> impl Iterator<Item = *const T> {
        let count = if first.is_null() {
            0
        } else {
            count.try_into().unwrap_or(0)
        };
        // SAFETY: below `count`, by contract.
        (0..count).map(move |index| unsafe { first.add(index) })
    }

    /// The elements of a C array of pointers that are not null.
    ///
    /// # Safety
    /// `first` is null or the first of `count` pointers.
    pub(super) unsafe fn pointers<T>(
        first: *mut *const T,
        count: usize,
    ) -> impl Iterator<Item = *const T> {
        // SAFETY: by contract; each element is a pointer.
        unsafe { each(first.cast_const(), count).map(|at| *at) }
            .filter(|element| !element.is_null())
    }
}

mod read {
    //! Reading events: everything is copied, nothing borrowed leaves.

    use std::ffi::c_int;
    use std::ptr;

    use rdkafka_sys as sys;

    use super::c::{broker_id, each, pointers, raw, text};
    use crate::collect::kafka::rdkafka::answer::{
        Answered, AnyGroup, Cluster, Configured, Event, Offset,
    };
    use crate::collect::kafka::rdkafka::failure::Failure;
    use crate::collect::kafka::snapshot::{
        Broker, Description, Error, Listing, Member, Metadata, Partition, Topic,
    };

    /// What consumers call their protocol in a group; Connect's workers say `connect`.
    const CONSUMER_PROTOCOL: &str = "consumer";

    /// # Safety
    /// `event` is alive.
    pub(super) unsafe fn read_event(event: *mut sys::rd_kafka_event_t) -> Event {
        // SAFETY: by contract.
        unsafe {
            let failure = || Failure {
                code: raw::rd_kafka_event_error(event),
                text: text(sys::rd_kafka_event_error_string(event)).unwrap_or_default(),
            };
            let read: unsafe fn(*mut sys::rd_kafka_event_t) -> Result<Answered, Failure> =
                match sys::rd_kafka_event_type(event) {
                    sys::RD_KAFKA_EVENT_ERROR => return Event::Trouble(failure()),
                    sys::RD_KAFKA_EVENT_LOG => return read_log(event),
                    sys::RD_KAFKA_EVENT_DESCRIBECLUSTER_RESULT => read_cluster,
                    sys::RD_KAFKA_EVENT_LISTCONSUMERGROUPS_RESULT => read_groups,
                    sys::RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT => read_group,
                    sys::RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT => read_committed,
                    sys::RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT => read_configs,
                    sys::RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT => read_topic_ids,
                    sys::RD_KAFKA_EVENT_LISTOFFSETS_RESULT => read_offsets,
                    _ => return Event::Other,
                };
            let number = sys::rd_kafka_event_opaque(event).addr();
            let answer = match raw::rd_kafka_event_error(event) {
                0 => read(event),
                _ => Err(failure()),
            };
            Event::Answer(number, answer)
        }
    }

    /// # Safety
    /// `event` is a log line.
    unsafe fn read_log(event: *mut sys::rd_kafka_event_t) -> Event {
        let (mut facility, mut line) = (ptr::null(), ptr::null());
        let mut level = 0;
        // SAFETY: by contract; the texts live as long as the event.
        unsafe {
            sys::rd_kafka_event_log(event, &raw mut facility, &raw mut line, &raw mut level);
            Event::Log {
                level,
                line: format!(
                    "{}: {}",
                    text(facility).unwrap_or_default(),
                    text(line).unwrap_or_default()
                ),
            }
        }
    }

    /// # Safety
    /// `event` is a result of DescribeCluster without error.
    unsafe fn read_cluster(event: *mut sys::rd_kafka_event_t) -> Result<Answered, Failure> {
        let mut count = 0;
        // SAFETY: by contract; everything is copied.
        unsafe {
            let result = sys::rd_kafka_event_DescribeCluster_result(event);
            let nodes = sys::rd_kafka_DescribeCluster_result_nodes(result, &raw mut count);
            let controller = sys::rd_kafka_DescribeCluster_result_controller(result);
            Ok(Answered::Cluster(Cluster {
                id: text(sys::rd_kafka_DescribeCluster_result_cluster_id(result)),
                controller: node_id(controller),
                brokers: pointers(nodes, count)
                    .map(|node| Broker {
                        id: sys::rd_kafka_Node_id(node),
                        host: text(sys::rd_kafka_Node_host(node)).unwrap_or_default(),
                        port: i32::from(sys::rd_kafka_Node_port(node)),
                        rack: text(sys::rd_kafka_Node_rack(node)).filter(|rack| !rack.is_empty()),
                    })
                    .collect(),
            }))
        }
    }

    /// Without those that are not there, and those of a Kafka that gives none (before 2.8).
    ///
    /// # Safety
    /// `event` is a result of DescribeTopics without error.
    unsafe fn read_topic_ids(event: *mut sys::rd_kafka_event_t) -> Result<Answered, Failure> {
        let mut count = 0;
        // SAFETY: by contract; everything is copied.
        unsafe {
            let result = sys::rd_kafka_event_DescribeTopics_result(event);
            let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
            let id = |topic| {
                let id = sys::rd_kafka_TopicDescription_topic_id(topic);
                if id.is_null() {
                    return None;
                }
                let halves = (
                    sys::rd_kafka_Uuid_most_significant_bits(id),
                    sys::rd_kafka_Uuid_least_significant_bits(id),
                );
                let name = text(sys::rd_kafka_TopicDescription_name(topic))?;
                (halves != (0, 0)).then_some((name, halves))
            };
            Ok(Answered::TopicIds(
                pointers(topics, count).filter_map(id).collect(),
            ))
        }
    }

    /// # Safety
    /// `node` is null or alive.
    unsafe fn node_id(node: *const sys::rd_kafka_Node_t) -> Option<i32> {
        if node.is_null() {
            return None;
        }
        // SAFETY: not null.
        broker_id(unsafe { sys::rd_kafka_Node_id(node) })
    }

    /// # Safety
    /// `event` is a result of ListConsumerGroups without error.
    unsafe fn read_groups(event: *mut sys::rd_kafka_event_t) -> Result<Answered, Failure> {
        let (mut listed, mut failed) = (0, 0);
        // SAFETY: by contract; everything is copied.
        unsafe {
            let result = sys::rd_kafka_event_ListConsumerGroups_result(event);
            let errors = sys::rd_kafka_ListConsumerGroups_result_errors(result, &raw mut failed);
            if let Some(error) = pointers(errors, failed).next() {
                return Err(read_error(error));
            }
            let groups = sys::rd_kafka_ListConsumerGroups_result_valid(result, &raw mut listed);
            let line = |group| {
                let simple =
                    sys::rd_kafka_ConsumerGroupListing_is_simple_consumer_group(group) != 0;
                let state = sys::rd_kafka_ConsumerGroupListing_state(group);
                let kind = sys::rd_kafka_ConsumerGroupListing_type(group);
                let listing = Listing {
                    state: state_name(state, kind),
                    kind: kind_name(kind),
                    simple,
                    protocol: (!simple).then(|| CONSUMER_PROTOCOL.to_owned()),
                };
                Some((
                    text(sys::rd_kafka_ConsumerGroupListing_group_id(group))?,
                    listing,
                ))
            };
            Ok(Answered::Groups(
                pointers(groups, listed).filter_map(line).collect(),
            ))
        }
    }

    /// librdkafka 2.12 has no names for the two states that only KIP-848 knows, `Assigning` and
    /// `Reconciling`: both mean that the group is not yet where its members have all their
    /// partitions.
    fn state_name(
        state: sys::rd_kafka_consumer_group_state_t,
        kind: sys::rd_kafka_consumer_group_type_t,
    ) -> String {
        use sys::rd_kafka_consumer_group_state_t::RD_KAFKA_CONSUMER_GROUP_STATE_UNKNOWN as UNKNOWN;
        use sys::rd_kafka_consumer_group_type_t::RD_KAFKA_CONSUMER_GROUP_TYPE_CONSUMER as CONSUMER;
        if state == UNKNOWN && kind == CONSUMER {
            return "Rebalancing".to_owned();
        }
        // SAFETY: takes any value and returns a static text or null.
        unsafe { text(sys::rd_kafka_consumer_group_state_name(state)) }.unwrap_or_default()
    }

    fn kind_name(kind: sys::rd_kafka_consumer_group_type_t) -> String {
        // SAFETY: takes any value and returns a static text or null.
        unsafe { text(sys::rd_kafka_consumer_group_type_name(kind)) }.unwrap_or_default()
    }

    /// # Safety
    /// `error` is alive.
    unsafe fn read_error(error: *const sys::rd_kafka_error_t) -> Failure {
        // SAFETY: by contract.
        unsafe {
            Failure {
                code: raw::rd_kafka_error_code(error),
                text: text(sys::rd_kafka_error_string(error)).unwrap_or_default(),
            }
        }
    }

    /// # Safety
    /// `event` is a result of DescribeConsumerGroups without error.
    unsafe fn read_group(event: *mut sys::rd_kafka_event_t) -> Result<Answered, Failure> {
        let mut count = 0;
        // SAFETY: by contract; everything is copied.
        unsafe {
            let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event);
            let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
            let Some(group) = pointers(groups, count).next() else {
                return Err(Failure::of_code(-1));
            };
            let error = sys::rd_kafka_ConsumerGroupDescription_error(group);
            if !error.is_null() && raw::rd_kafka_error_code(error) != 0 {
                return Err(read_error(error));
            }
            let assignor = sys::rd_kafka_ConsumerGroupDescription_partition_assignor(group);
            let members = 0..sys::rd_kafka_ConsumerGroupDescription_member_count(group);
            let kind = sys::rd_kafka_ConsumerGroupDescription_type(group);
            Ok(Answered::Group(Description {
                state: state_name(sys::rd_kafka_ConsumerGroupDescription_state(group), kind),
                kind: kind_name(kind),
                simple: sys::rd_kafka_ConsumerGroupDescription_is_simple_consumer_group(group) != 0,
                assignor: text(assignor).unwrap_or_default(),
                members: members
                    .map(|index| sys::rd_kafka_ConsumerGroupDescription_member(group, index))
                    .filter(|member| !member.is_null())
                    .map(|member| read_member(member))
                    .collect(),
            }))
        }
    }

    /// # Safety
    /// `member` is alive.
    unsafe fn read_member(member: *const sys::rd_kafka_MemberDescription_t) -> Member {
        // SAFETY: by contract; an assignment may be null, its list too.
        unsafe {
            let assignment = sys::rd_kafka_MemberDescription_assignment(member);
            let partitions = if assignment.is_null() {
                ptr::null()
            } else {
                sys::rd_kafka_MemberAssignment_partitions(assignment)
            };
            let mut read = Member {
                id: text(sys::rd_kafka_MemberDescription_consumer_id(member)).unwrap_or_default(),
                client_id: text(sys::rd_kafka_MemberDescription_client_id(member))
                    .unwrap_or_default(),
                host: text(sys::rd_kafka_MemberDescription_host(member)).unwrap_or_default(),
                instance_id: text(sys::rd_kafka_MemberDescription_group_instance_id(member)),
                assigned: Default::default(),
            };
            for row in read_partitions(partitions) {
                read.assigned
                    .entry(row.topic)
                    .or_default()
                    .push(row.partition);
            }
            read
        }
    }

    /// # Safety
    /// `event` is a result of ListConsumerGroupOffsets without error.
    unsafe fn read_committed(event: *mut sys::rd_kafka_event_t) -> Result<Answered, Failure> {
        let mut count = 0;
        // SAFETY: by contract; everything is copied.
        unsafe {
            let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(event);
            let groups =
                sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count);
            let Some(group) = pointers(groups, count).next() else {
                return Err(Failure::of_code(-1));
            };
            let error = sys::rd_kafka_group_result_error(group);
            if !error.is_null() && raw::rd_kafka_error_code(error) != 0 {
                return Err(read_error(error));
            }
            let partitions = sys::rd_kafka_group_result_partitions(group);
            Ok(Answered::Offsets(read_partitions(partitions)))
        }
    }

    /// # Safety
    /// `event` is a result of DescribeConfigs without error.
    unsafe fn read_configs(event: *mut sys::rd_kafka_event_t) -> Result<Answered, Failure> {
        let mut count = 0;
        // SAFETY: by contract; everything is copied.
        unsafe {
            let result = sys::rd_kafka_event_DescribeConfigs_result(event);
            let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
            Ok(Answered::Configs(
                pointers(resources, count)
                    .filter_map(|resource| read_configured(resource))
                    .collect(),
            ))
        }
    }

    /// # Safety
    /// `resource` is alive.
    unsafe fn read_configured(
        resource: *const sys::rd_kafka_ConfigResource_t,
    ) -> Option<Configured> {
        let mut count = 0;
        // SAFETY: by contract; everything is copied.
        unsafe {
            let code = raw::rd_kafka_ConfigResource_error(resource);
            let why = text(sys::rd_kafka_ConfigResource_error_string(resource));
            let entries = sys::rd_kafka_ConfigResource_configs(resource, &raw mut count);
            let value = |entry| {
                let name = text(sys::rd_kafka_ConfigEntry_name(entry))?;
                Some((name, text(sys::rd_kafka_ConfigEntry_value(entry))))
            };
            Some(Configured {
                name: text(sys::rd_kafka_ConfigResource_name(resource))?,
                failure: (code != 0).then(|| Failure {
                    code,
                    text: why.unwrap_or_default(),
                }),
                values: pointers(entries, count).filter_map(value).collect(),
            })
        }
    }

    /// # Safety
    /// `list` is alive.
    pub(super) unsafe fn read_any_groups(list: *const sys::rd_kafka_group_list) -> Vec<AnyGroup> {
        // SAFETY: by contract; the list has `group_cnt` elements.
        unsafe {
            each((*list).groups.cast_const(), (*list).group_cnt)
                .filter_map(|group| read_any_group(group))
                .collect()
        }
    }

    /// # Safety
    /// `group` is alive.
    unsafe fn read_any_group(group: *const sys::rd_kafka_group_info) -> Option<AnyGroup> {
        // SAFETY: by contract; the group has `member_cnt` members; the error is read as the
        // integer it is.
        unsafe {
            let members = each((*group).members.cast_const(), (*group).member_cnt);
            Some(AnyGroup {
                id: text((*group).group)?,
                broker: (*group).broker.id,
                code: (&raw const (*group).err).cast::<c_int>().read(),
                state: text((*group).state).unwrap_or_default(),
                protocol_type: text((*group).protocol_type).unwrap_or_default(),
                protocol: text((*group).protocol).unwrap_or_default(),
                members: members
                    .map(|member| Member {
                        id: text((*member).member_id).unwrap_or_default(),
                        client_id: text((*member).client_id).unwrap_or_default(),
                        host: text((*member).client_host).unwrap_or_default(),
                        instance_id: None,
                        assigned: Default::default(),
                    })
                    .collect(),
            })
        }
    }

    /// # Safety
    /// `event` is a result of ListOffsets without error.
    unsafe fn read_offsets(event: *mut sys::rd_kafka_event_t) -> Result<Answered, Failure> {
        let mut count = 0;
        // SAFETY: by contract; everything is copied.
        unsafe {
            let result = sys::rd_kafka_event_ListOffsets_result(event);
            let infos = sys::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
            let offsets = pointers(infos, count)
                .filter_map(|info| {
                    let at = sys::rd_kafka_ListOffsetsResultInfo_topic_partition(info);
                    let timestamp = sys::rd_kafka_ListOffsetsResultInfo_timestamp(info);
                    let offset = (!at.is_null()).then(|| read_partition(at)).flatten()?;
                    Some(Offset {
                        timestamp,
                        ..offset
                    })
                })
                .collect();
            Ok(Answered::Offsets(offsets))
        }
    }

    /// # Safety
    /// `list` is null or alive.
    unsafe fn read_partitions(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<Offset> {
        if list.is_null() {
            return Vec::new();
        }
        // SAFETY: not null; the list has `cnt` elements.
        unsafe {
            each((*list).elems.cast_const(), (*list).cnt)
                .filter_map(|partition| read_partition(partition))
                .collect()
        }
    }

    /// # Safety
    /// `partition` is alive.
    unsafe fn read_partition(partition: *const sys::rd_kafka_topic_partition_t) -> Option<Offset> {
        // SAFETY: by contract; the error is read as the integer it is.
        unsafe {
            Some(Offset {
                topic: text((*partition).topic)?,
                partition: (*partition).partition,
                offset: (*partition).offset,
                code: (&raw const (*partition).err).cast::<c_int>().read(),
                timestamp: -1,
            })
        }
    }

    /// # Safety
    /// `metadata` is alive.
    pub(super) unsafe fn read_metadata(metadata: *const sys::rd_kafka_metadata) -> Metadata {
        // SAFETY: by contract; all counts belong to their arrays.
        unsafe {
            let brokers = each((*metadata).brokers.cast_const(), (*metadata).broker_cnt);
            let topics = each((*metadata).topics.cast_const(), (*metadata).topic_cnt);
            Metadata {
                brokers: brokers
                    .map(|broker| Broker {
                        id: (*broker).id,
                        host: text((*broker).host).unwrap_or_default(),
                        port: (*broker).port,
                        rack: None,
                    })
                    .collect(),
                topics: topics.filter_map(|topic| read_topic(topic)).collect(),
            }
        }
    }

    /// # Safety
    /// `topic` is alive.
    unsafe fn read_topic(topic: *const sys::rd_kafka_metadata_topic) -> Option<Topic> {
        // SAFETY: by contract; all counts belong to their arrays.
        unsafe {
            let partitions = each((*topic).partitions.cast_const(), (*topic).partition_cnt);
            Some(Topic {
                name: text((*topic).topic)?,
                error: read_code(&raw const (*topic).err),
                internal: false,
                selected: false,
                partitions: partitions
                    .map(|partition| Partition {
                        id: (*partition).id,
                        error: read_code(&raw const (*partition).err),
                        leader: broker_id((*partition).leader),
                        replicas: ids((*partition).replicas, (*partition).replica_cnt),
                        isr: ids((*partition).isrs, (*partition).isr_cnt),
                    })
                    .collect(),
            })
        }
    }

    /// # Safety
    /// `first` is null or the first of `count` numbers.
    unsafe fn ids(first: *mut i32, count: c_int) -> Vec<i32> {
        // SAFETY: by contract.
        unsafe { each(first.cast_const(), count).map(|id| *id).collect() }
    }

    /// # Safety
    /// `code` points to an error code.
    unsafe fn read_code(code: *const sys::rd_kafka_resp_err_t) -> Option<Error> {
        // SAFETY: by contract, and read as the integer it is; the name is static.
        let (code, name) = unsafe {
            let code = code.cast::<c_int>().read();
            (code, text(raw::rd_kafka_err2name(code)))
        };
        (code != 0).then(|| Error {
            code,
            name: name.unwrap_or_default(),
        })
    }
}

/// Reads records where it is told to, each partition at one place.
///
/// This is librdkafka's simple consumer, which starts at a given offset and knows no group: unlike
/// `rd_kafka_assign`, which wants a `group.id` and looks for its coordinator, it needs no right on a
/// group, and there is none that it could join or commit to.
pub struct Tap<'h> {
    /// Before the queue that they feed.
    open: Vec<Spout>,
    /// Of this tap alone: nothing of an earlier one can come out of it.
    queue: Owned<sys::rd_kafka_queue_t>,
    handle: &'h Handle,
}

/// A partition that is being read; stops when dropped.
struct Spout {
    topic: Owned<sys::rd_kafka_topic_t>,
    partition: i32,
}

impl Drop for Spout {
    fn drop(&mut self) {
        // SAFETY: the topic is alive, and freed after this. Waits for librdkafka's own thread only.
        let _ = unsafe { sys::rd_kafka_consume_stop(self.topic.as_ptr(), self.partition) };
    }
}

impl<'h> Tap<'h> {
    /// A tap of a client made by [`Handle::new_reader`].
    pub fn new(handle: &'h Handle) -> Result<Self, Failure> {
        // SAFETY: the client is alive and outlives the tap; the queue is ours.
        let queue = unsafe {
            let queue = sys::rd_kafka_queue_new(handle.client());
            Owned::new(queue, sys::rd_kafka_queue_destroy)
        };
        Ok(Self {
            open: Vec::new(),
            queue: queue.ok_or_else(|| Failure::of_code(Failure::INVALID))?,
            handle,
        })
    }

    /// Starts reading a partition. Each may be read at one place only.
    pub fn open(&mut self, topic: &str, partition: i32, offset: i64) -> Result<(), Failure> {
        // Negative ones are librdkafka's words for ends and stored offsets.
        if offset < 0 || partition < 0 {
            return Err(Failure::of_code(Failure::INVALID));
        }
        let name = c_string(topic)?;
        // SAFETY: client and queue are alive; no topic configuration means the default one.
        unsafe {
            let topic =
                sys::rd_kafka_topic_new(self.handle.client(), name.as_ptr(), ptr::null_mut());
            let topic = Owned::new(topic, sys::rd_kafka_topic_destroy)
                .ok_or_else(|| Failure::of_code(raw::rd_kafka_last_error()))?;
            let queue = self.queue.as_ptr();
            let start = sys::rd_kafka_consume_start_queue;
            if start(topic.as_ptr(), partition, offset, queue) != 0 {
                return Err(Failure::of_code(raw::rd_kafka_last_error()));
            }
            self.open.push(Spout { topic, partition });
        }
        Ok(())
    }

    /// The next record, log end or error of a partition. Blocks the thread for up to `timeout`.
    pub fn next(&self, timeout: Duration) -> Option<Record> {
        // SAFETY: the queue is alive; the message is ours and freed at the end of this function.
        unsafe {
            let message = sys::rd_kafka_consume_queue(self.queue.as_ptr(), millis(timeout));
            let message = Owned::new(message, sys::rd_kafka_message_destroy)?;
            read_record(message.as_ptr())
        }
    }
}

/// # Safety
/// `message` is alive.
unsafe fn read_record(message: *const sys::rd_kafka_message_t) -> Option<Record> {
    // SAFETY: by contract; a message without a topic is no partition's. The error is read as the
    // integer it is.
    unsafe {
        if (*message).rkt.is_null() {
            return None;
        }
        let timestamp = sys::rd_kafka_message_timestamp(message, ptr::null_mut());
        Some(Record {
            topic: text(sys::rd_kafka_topic_name((*message).rkt))?,
            partition: (*message).partition,
            offset: (*message).offset,
            timestamp: (timestamp >= 0).then_some(timestamp),
            size: (*message).len.saturating_add((*message).key_len),
            code: (&raw const (*message).err).cast::<c_int>().read(),
        })
    }
}
