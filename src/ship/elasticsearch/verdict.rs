//! What is to be done with a document, by what Elasticsearch says about it. Pure.
//!
//! A document leaves the queue for good only where another attempt would be answered in the same way, whatever anybody
//! mends in Elasticsearch. What has run out of time, of room or of rights waits.

use std::time::Duration;

use super::bulk::Item;
use super::window::{self, Place};
use crate::clock::Millis;
use crate::dead_letter::Refusal;

/// Errors that are about Elasticsearch and not about the document, although their status is 4xx. Looked up in the sources of
/// Elasticsearch 8 and 9, as the method `status` of the exception; those with 5xx, 408 and 429 need no line here.
const ABOUT_ELASTICSEARCH: [(&str, &str); 8] = [
    // ClusterBlockException, IndexMetadata: 403 read-only (`index.blocks.*`), 429 flood stage, 503 no master.
    ("cluster_block_exception", "read-only, or a full disk"),
    // IndexClosedException: 400.
    ("index_closed_exception", "somebody closed the index"),
    // IndexNotFoundException: 404, with `action.auto_create_index` off, or a stream removed in that moment.
    ("index_not_found_exception", "the index may not be made"),
    // ShardNotFoundException: 404, while a shard moves.
    ("shard_not_found_exception", "the shard is elsewhere"),
    // TaskCancelledException: 400.
    ("task_cancelled_exception", "somebody cancelled the request"),
    // ResourceAlreadyExistsException: 400, when two requests make one stream.
    (
        "resource_already_exists_exception",
        "another request was faster",
    ),
    // SnapshotInProgressException: 400, when the index of a snapshot is to be rolled over.
    ("snapshot_in_progress_exception", "a snapshot is taken"),
    // IndexTemplateMissingException: 404.
    ("index_template_missing_exception", "the template has gone"),
];

/// The same by words, where the type is one for everything (`illegal_argument_exception`, `validation_exception`: 400).
const ABOUT_ELASTICSEARCH_IN_WORDS: [(&str, &str); 3] = [
    (
        ID_NOT_WANTED,
        "a time series since the stream was looked at",
    ),
    // ShardLimitValidator: "this action would add [2] shards, but this cluster currently has [1000]/[1000] …".
    ("this action would add [", "cluster.max_shards_per_node"),
    // IngestService: "pipeline with id [x] does not exist".
    ("pipeline with id [", "a pipeline has gone"),
];

/// The error of a document that is there already, VersionConflictEngineException.
const CONFLICT: &str = "version_conflict_engine_exception";

/// TsidExtractingIdFieldMapper: "_id must be unset or set to [x] but was [y] because [index] is in time_series mode".
const ID_NOT_WANTED: &str = "_id must be unset or set to [";

/// Whether the stream has become a time series, and its documents are to go without an id.
pub fn is_id_not_wanted(item: &Item) -> bool {
    item.status == 400 && item.why().contains(ID_NOT_WANTED)
}

/// IndexMetadata.INDEX_WRITE_BLOCK, which lifecycles put on an index before they make it coarser.
const WRITE_BLOCK: &str = "FORBIDDEN/8/index write";

/// An index that is blocked for writing takes documents up to this age again: somebody blocked it, not its lifecycle, which
/// leaves a week for those that come late (`COARSER` of the assets).
const OPEN: Duration = Duration::from_secs(7 * 24 * 3600);

fn is_closed(item: &Item) -> bool {
    item.status == 403 && item.why().contains(WRITE_BLOCK)
}

/// What is to be done with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is there.
    Indexed,
    /// It was there: an earlier attempt had arrived.
    Duplicate,
    /// Another document has its series and tick.
    Collision,
    /// A pipeline of Elasticsearch dropped it.
    Dropped,
    /// Not now; the same document may succeed later. `unknown`: it may be there all the same.
    Later {
        /// Whether the outcome is unknown.
        unknown: bool,
    },
    /// Not yet: it is newer than what its stream takes now. Others of the stream may go.
    Ahead,
    /// Not before somebody gives this agent the right to.
    Forbidden,
    /// Never.
    Refused(Refusal),
}

/// Judges one item. `attempted`: an earlier attempt to send this document ended without an answer; `timestamp` is the document's.
pub fn judge(item: &Item, attempted: bool, timestamp: Millis, now: Millis) -> Verdict {
    let error_type = item
        .error
        .as_ref()
        .map_or("", |error| error.error_type.as_str());
    match item.status {
        200..300 => taken(item),
        409 if matches!(error_type, "" | CONFLICT) => match attempted {
            true => Verdict::Duplicate,
            false => Verdict::Collision,
        },
        // 502 to 504 may come after the document had arrived.
        500.. => Verdict::Later { unknown: true },
        _ if is_closed(item) && timestamp.until(now) > OPEN => refused(item, "too_old"),
        _ if is_about_elasticsearch(item, error_type) => Verdict::Later { unknown: false },
        // The right may come back, and nothing is lost until then.
        401 | 403 => Verdict::Forbidden,
        408 | 409 | 429 => Verdict::Later { unknown: false },
        413 => refused(item, "too_large"),
        _ => match window::place(&item.why(), timestamp, now) {
            None => refused(item, error_type),
            Some(Place::Past) => refused(item, "too_old"),
            Some(Place::Ahead) => Verdict::Ahead,
            Some(Place::Within) => Verdict::Later { unknown: false },
        },
    }
}

fn taken(item: &Item) -> Verdict {
    match (item.failure_store.as_deref(), item.result.as_deref()) {
        (Some("used"), _) => refused(item, "failure_store"),
        (_, Some("noop")) => Verdict::Dropped,
        _ => Verdict::Indexed,
    }
}

fn is_about_elasticsearch(item: &Item, error_type: &str) -> bool {
    let words = item.why();
    ABOUT_ELASTICSEARCH
        .iter()
        .any(|(known, _)| *known == error_type)
        || ABOUT_ELASTICSEARCH_IN_WORDS
            .iter()
            .any(|(known, _)| words.contains(known))
}

fn refused(item: &Item, error_type: &str) -> Verdict {
    let reason = match error_type {
        // Elasticsearch answers like this to a success, without a reason.
        "failure_store" => "it is in the failure store of its stream and not in the index; `error.message` of <stream>::failures says why".to_owned(),
        _ => item.why(),
    };
    Verdict::Refused(Refusal {
        status: Some(item.status),
        error_type: match error_type {
            "" => "unknown".to_owned(),
            known => known.to_owned(),
        },
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ship::elasticsearch::bulk::ItemError;

    const LATER: Verdict = Verdict::Later { unknown: false };
    const UNKNOWN: Verdict = Verdict::Later { unknown: true };

    fn item(status: u16, error_type: &str, reason: &str) -> Item {
        let error = (!error_type.is_empty()).then(|| ItemError {
            error_type: error_type.to_owned(),
            reason: reason.to_owned(),
            caused_by: None,
        });
        Item {
            status,
            error,
            ..Item::default()
        }
    }

    fn verdict(item: &Item) -> Verdict {
        judge(item, false, Millis(1_000), Millis(2_000))
    }

    /// The word by which a refused document stands in the dead letter.
    fn word(item: &Item) -> String {
        match verdict(item) {
            Verdict::Refused(refusal) => refusal.error_type,
            other => panic!("{item:?}: {other:?}"),
        }
    }

    #[test]
    fn what_is_there_is_indexed_a_duplicate_or_a_collision() {
        let conflict = item(409, CONFLICT, "document already exists");
        assert_eq!(verdict(&item(201, "", "")), Verdict::Indexed);
        assert_eq!(verdict(&conflict), Verdict::Collision);
        assert_eq!(
            judge(&conflict, true, Millis(1), Millis(1)),
            Verdict::Duplicate
        );
        let other = item(409, "some_other_exception", "");
        assert_eq!(judge(&other, true, Millis(1), Millis(1)), LATER);
    }

    #[test]
    fn what_a_pipeline_dropped_is_dropped_and_what_is_aside_is_refused() {
        let noop = Item {
            result: Some("noop".into()),
            ..item(200, "", "")
        };
        assert_eq!(verdict(&noop), Verdict::Dropped);
        let aside = Item {
            failure_store: Some("used".into()),
            ..item(201, "", "")
        };
        assert_eq!(word(&aside), "failure_store");
        let not_used = Item {
            failure_store: Some("not_enabled".into()),
            ..item(201, "", "")
        };
        assert_eq!(verdict(&not_used), Verdict::Indexed);
    }

    #[test]
    fn what_is_about_elasticsearch_waits_whatever_its_status() {
        // As Elasticsearch 9 answers.
        let answers = [
            (403, "cluster_block_exception"),
            (429, "cluster_block_exception"),
            (400, "index_closed_exception"),
            (404, "index_not_found_exception"),
            (404, "shard_not_found_exception"),
            (400, "task_cancelled_exception"),
            (400, "resource_already_exists_exception"),
            (400, "snapshot_in_progress_exception"),
            (404, "index_template_missing_exception"),
        ];
        for (answered, error_type) in answers {
            for status in [answered, 400] {
                assert_eq!(
                    verdict(&item(status, error_type, "")),
                    LATER,
                    "{error_type}"
                );
            }
            assert_eq!(verdict(&item(503, error_type, "")), UNKNOWN);
        }
        let shards = "Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum normal shards open;";
        assert_eq!(verdict(&item(400, "validation_exception", shards)), LATER);
        let series = "[1:90] failed to parse: _id must be unset or set to [a] but was [b] because [.ds-x] is in time_series mode";
        let series = item(400, "document_parsing_exception", series);
        assert_eq!(verdict(&series), LATER);
        assert!(is_id_not_wanted(&series) && !is_id_not_wanted(&item(400, "x", "y")));
        let pipeline = "pipeline with id [mine] does not exist";
        assert_eq!(
            verdict(&item(400, "illegal_argument_exception", pipeline)),
            LATER
        );
    }

    #[test]
    fn an_index_that_was_made_coarser_takes_no_more() {
        let words = "index [.ds-x-000001] blocked by: [FORBIDDEN/8/index write (api)];";
        let blocked = item(403, "cluster_block_exception", words);
        let now = Millis(10_000_000_000);
        let age = |days: u64| Millis(now.0 - days * 24 * 3_600_000);
        assert_eq!(judge(&blocked, false, age(6), now), LATER);
        let Verdict::Refused(refusal) = judge(&blocked, false, age(8), now) else {
            panic!("it would be asked for ever");
        };
        assert_eq!(refusal.error_type, "too_old");
        let full = item(
            429,
            "cluster_block_exception",
            "read-only-allow-delete block",
        );
        assert_eq!(judge(&full, false, age(8), now), LATER);
    }

    #[test]
    fn time_outs_and_full_queues_wait() {
        for (status, error_type) in [
            (408, ""),
            (429, "es_rejected_execution_exception"),
            (429, "circuit_breaking_exception"),
            (429, "process_cluster_event_timeout_exception"),
        ] {
            assert_eq!(
                verdict(&item(status, error_type, "")),
                LATER,
                "{error_type}"
            );
        }
        for (status, error_type) in [
            (500, "timeout_exception"),
            (503, "unavailable_shards_exception"),
            (503, "process_cluster_event_timeout_exception"),
            (503, "no_shard_available_action_exception"),
            (504, ""),
        ] {
            assert_eq!(
                verdict(&item(status, error_type, "")),
                UNKNOWN,
                "{error_type}"
            );
        }
    }

    #[test]
    fn a_missing_right_holds_and_only_what_is_the_documents_own_is_refused() {
        assert_eq!(
            verdict(&item(401, "security_exception", "")),
            Verdict::Forbidden
        );
        assert_eq!(
            verdict(&item(403, "security_exception", "")),
            Verdict::Forbidden
        );
        assert_eq!(word(&item(413, "", "")), "too_large");
        assert_eq!(word(&item(400, "", "")), "unknown");
        for error_type in [
            "document_parsing_exception",
            "strict_dynamic_mapping_exception",
            "mapper_parsing_exception",
        ] {
            assert_eq!(word(&item(400, error_type, "failed to parse")), error_type);
        }
    }

    #[test]
    fn a_document_out_of_its_streams_time_is_ahead_or_too_old() {
        let words = "the document timestamp [x] is outside of ranges of currently writable indices \
                     [[1970-01-01T00:00:10.000Z,1970-01-01T00:00:20.000Z]]";
        for error_type in ["timestamp_error", "illegal_argument_exception"] {
            let item = item(400, error_type, words);
            let at = |second: u64| judge(&item, false, Millis(second * 1_000), Millis(0));
            assert_eq!((at(20), at(15)), (Verdict::Ahead, LATER));
            assert!(matches!(at(9), Verdict::Refused(refusal) if refusal.error_type == "too_old"));
        }
    }
}
