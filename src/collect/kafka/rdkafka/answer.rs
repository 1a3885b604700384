//! Reading events: everything is copied, nothing borrowed leaves.

use std::ffi::c_int;
use std::ptr;

use rdkafka_sys as sys;

use super::c::{broker_id, each, pointers, raw, text};
use super::{Answered, Cluster, Event, Failure, Offset};
use crate::collect::kafka::snapshot::{
    Broker, Description, Error, Listing, Member, Metadata, Partition, Topic,
};

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
            let simple = sys::rd_kafka_ConsumerGroupListing_is_simple_consumer_group(group) != 0;
            let state = sys::rd_kafka_ConsumerGroupListing_state(group);
            let kind = sys::rd_kafka_ConsumerGroupListing_type(group);
            let listing = Listing {
                state: state_name(state),
                kind: kind_name(kind),
                simple,
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

fn state_name(state: sys::rd_kafka_consumer_group_state_t) -> String {
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
        Ok(Answered::Group(Description {
            state: state_name(sys::rd_kafka_ConsumerGroupDescription_state(group)),
            kind: kind_name(sys::rd_kafka_ConsumerGroupDescription_type(group)),
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
            client_id: text(sys::rd_kafka_MemberDescription_client_id(member)).unwrap_or_default(),
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
        let groups = sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count);
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
/// `event` is a result of ListOffsets without error.
unsafe fn read_offsets(event: *mut sys::rd_kafka_event_t) -> Result<Answered, Failure> {
    let mut count = 0;
    // SAFETY: by contract; everything is copied.
    unsafe {
        let result = sys::rd_kafka_event_ListOffsets_result(event);
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
        let offsets = pointers(infos, count)
            .map(|info| sys::rd_kafka_ListOffsetsResultInfo_topic_partition(info))
            .filter(|partition| !partition.is_null())
            .filter_map(|partition| read_partition(partition))
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
