//! What becomes of a record by the code of its delivery report. Pure.

use rdkafka::error::RDKafkaErrorCode;

use crate::dead_letter::Refusal;
use crate::ship::batches::Fate;

/// What a code says about a record, other than that it is too large.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may have arrived or not; again.
    Unknown,
    /// Its topic does not take it now: what to do about that.
    Topic(String),
}

/// Codes that are about a topic or a right and not about a record: somebody has to act, and until then everything is kept.
const ABOUT_TOPICS: [(RDKafkaErrorCode, &str); 8] = [
    (
        RDKafkaErrorCode::TopicAuthorizationFailed,
        "the right to Write is missing",
    ),
    (
        RDKafkaErrorCode::ClusterAuthorizationFailed,
        "the right to IdempotentWrite on the cluster is missing, which brokers before 3.0 want",
    ),
    (RDKafkaErrorCode::UnknownTopicOrPartition, NOT_THERE),
    (RDKafkaErrorCode::UnknownTopic, NOT_THERE),
    (RDKafkaErrorCode::UnknownPartition, NOT_THERE),
    (
        RDKafkaErrorCode::InvalidTopic,
        "a topic cannot have this name, set another output.kafka.topic",
    ),
    (
        RDKafkaErrorCode::InvalidRecord,
        "the topic's settings do not allow such records",
    ),
    (
        RDKafkaErrorCode::InvalidTimestamp,
        "the topic does not allow the time of this machine's clock",
    ),
];

const NOT_THERE: &str =
    "it is not there and is not made by itself; make it, or set another output.kafka.topic";

/// Judges a code. What is not known to be about a topic is not known to have been refused, either.
pub(super) fn judge(code: RDKafkaErrorCode) -> Verdict {
    let known = ABOUT_TOPICS.iter().find(|(known, _)| *known == code);
    match known {
        Some((_, what)) => Verdict::Topic(format!("{what} ({code})")),
        None => Verdict::Unknown,
    }
}

/// The document alone is more than the topic, or the producer, takes.
pub(super) fn too_large(bytes: usize) -> Fate {
    Fate::Refused(Refusal {
        status: None,
        error_type: "too_large".to_owned(),
        reason: format!(
            "{bytes} bytes are more than Kafka takes: max.message.bytes of the topic, or message.max.bytes in output.kafka.properties"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_but_too_large_is_ever_a_refusal() {
        for code in [
            RDKafkaErrorCode::MessageTimedOut,
            RDKafkaErrorCode::PurgeInflight,
            RDKafkaErrorCode::Fatal,
            RDKafkaErrorCode::BrokerTransportFailure,
            RDKafkaErrorCode::OutOfOrderSequenceNumber,
            RDKafkaErrorCode::NotEnoughReplicasAfterAppend,
        ] {
            assert_eq!(judge(code), Verdict::Unknown, "{code:?}");
        }
        for (code, what) in ABOUT_TOPICS {
            let Verdict::Topic(said) = judge(code) else {
                panic!("{code:?}");
            };
            assert!(said.starts_with(what), "{said}");
        }
        assert!(matches!(too_large(5), Fate::Refused(_)));
    }
}
