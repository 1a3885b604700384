//! Look-ups of timestamps: rounds of ListOffsets by time, all of a round in flight together.
//!
//! A right to Describe is enough for them. librdkafka sends the parts of a call to the leaders and
//! waits for all of these. A leader that hangs did not tell its log ends either, so that nothing is
//! asked of it here; one that begins to hang just now costs one round.

use std::time::Duration;

use tokio::time::Instant;

use super::super::client::{Client, GRACE};
use super::super::rdkafka::{Answered, Offset, Request};
use super::millis;
use crate::clock::Millis;
use crate::lag::seconds::book::{Book, Question};
use crate::lag::seconds::search::{Found, Point};

/// Look-ups in one cycle. Each makes a leader search its time index and read up to 4 KB of the log:
/// some tens of microseconds where it is in the page cache.
const LOOK_UPS: usize = 4_000;

/// Rounds in one cycle: a search takes about five.
const ROUNDS: usize = 12;

/// Look-ups in one call: librdkafka's merging of the answers is quadratic in them.
const LOOK_UPS_PER_CALL: usize = 500;

/// The most that a round waits: a leader that hangs must not cost the others all their rounds.
const MAX_ROUND: Duration = Duration::from_secs(2);

/// The broker's code for a log whose format has no timestamps.
const UNSUPPORTED_FOR_MESSAGE_FORMAT: i32 = 43;

/// What a broker says where no record is that young. librdkafka says something else (−1001) of a
/// leader that did not answer.
const NO_RECORD: i64 = -1;

/// Asks until nothing is wanted, a bound is reached or the time is over.
pub(super) async fn look_up(client: &mut Client, book: &mut Book, deadline: Instant) {
    let mut left = LOOK_UPS;
    for _ in 0..ROUNDS {
        let questions = book.questions(millis(Millis::now()), left);
        let rest = deadline.saturating_duration_since(Instant::now());
        if questions.is_empty() || rest <= GRACE {
            return;
        }
        left -= questions.len();
        let until = Instant::now() + rest.min(MAX_ROUND);
        round(client, book, &questions, until).await;
    }
}

async fn round(client: &mut Client, book: &mut Book, questions: &[Question], deadline: Instant) {
    let calls = calls(questions);
    let mut flight = client.flight(deadline);
    for call in &calls {
        let times: Vec<_> = call
            .iter()
            .map(|one| (one.topic.as_str(), one.partition, one.time))
            .collect();
        flight.ask(&Request::Times { times: &times }, call);
    }
    while let Some((call, answer)) = flight.next().await {
        let offsets = match answer {
            Ok(Answered::Offsets(offsets)) => offsets,
            _ => Vec::new(),
        };
        let now = millis(Millis::now());
        for (question, found) in paired(call, &offsets) {
            book.answer(question, found, now);
        }
    }
}

/// A call takes each partition once, and questions come in the order of partitions: the n-th one
/// about a partition goes into the n-th layer.
fn calls(questions: &[Question]) -> Vec<Vec<&Question>> {
    let mut layers: Vec<Vec<&Question>> = Vec::new();
    let mut sorted: Vec<&Question> = questions.iter().collect();
    sorted.sort_by_key(|one| (one.topic.as_str(), one.partition));
    for same in sorted.chunk_by(|a, b| (&a.topic, a.partition) == (&b.topic, b.partition)) {
        for (layer, question) in same.iter().enumerate() {
            if layers.len() == layer {
                layers.push(Vec::new());
            }
            layers[layer].push(question);
        }
    }
    let chunks = layers
        .iter()
        .flat_map(|layer| layer.chunks(LOOK_UPS_PER_CALL));
    chunks.map(<[&Question]>::to_vec).collect()
}

/// Each question with its answer; both are in the order of partitions but for what is missing.
fn paired<'q>(call: &'q [&'q Question], offsets: &[Offset]) -> Vec<(&'q Question, Found)> {
    let mut by_place: Vec<&Offset> = offsets.iter().collect();
    by_place.sort_by_key(|offset| (offset.topic.as_str(), offset.partition));
    let found = |question: &Question| {
        let place = (question.topic.as_str(), question.partition);
        let at = by_place
            .binary_search_by_key(&place, |offset| (offset.topic.as_str(), offset.partition));
        at.map_or(Found::Failed, |index| read(by_place[index]))
    };
    call.iter().map(|one| (*one, found(one))).collect()
}

fn read(answer: &Offset) -> Found {
    match (answer.code, answer.offset) {
        (0, offset) if offset >= 0 && answer.timestamp >= 0 => Found::Record(Point {
            offset,
            time: answer.timestamp,
        }),
        (0, NO_RECORD) => Found::Nothing,
        (UNSUPPORTED_FOR_MESSAGE_FORMAT, _) => Found::NoTimestamps,
        _ => Found::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(topic: &str, partition: i32, offset: i64) -> Question {
        Question {
            topic: topic.into(),
            partition,
            offset,
            time: 0,
        }
    }

    #[test]
    fn a_call_names_each_partition_once_and_not_too_many() {
        let mut questions: Vec<Question> = (0..1_200).map(|id| question("t", id, 1)).collect();
        questions.extend([
            question("t", 3, 2),
            question("t", 3, 5),
            question("s", 3, 2),
        ]);
        let calls = calls(&questions);
        let sizes: Vec<usize> = calls.iter().map(Vec::len).collect();
        assert_eq!(sizes, [500, 500, 201, 1, 1]);
        for call in &calls {
            let mut places: Vec<_> = call.iter().map(|one| (&one.topic, one.partition)).collect();
            places.dedup();
            assert_eq!(places.len(), call.len());
        }
    }

    #[test]
    fn no_record_is_an_answer_and_silence_is_none() {
        let answer = |partition, code, offset, timestamp| Offset {
            topic: "t".into(),
            partition,
            offset,
            code,
            timestamp,
        };
        let offsets = [
            answer(2, 0, -1001, -1),
            answer(1, 0, -1, -1),
            answer(0, 0, 7, 99),
            answer(3, 43, -1, -1),
            answer(4, 6, -1, -1),
        ];
        let questions: Vec<Question> = (0..6).map(|id| question("t", id, 9)).collect();
        let call: Vec<&Question> = questions.iter().collect();
        let found: Vec<Found> = paired(&call, &offsets).iter().map(|pair| pair.1).collect();
        let record = Found::Record(Point {
            offset: 7,
            time: 99,
        });
        let failed = Found::Failed;
        let expected = [
            record,
            Found::Nothing,
            failed,
            Found::NoTimestamps,
            failed,
            failed,
        ];
        assert_eq!(found, expected);
    }
}
