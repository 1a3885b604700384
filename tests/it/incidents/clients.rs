//! What happens to producers, consumers, Connect and MirrorMaker.

use std::time::{SystemTime, UNIX_EPOCH};

use super::groups::quota;
use super::scene::MIRRORED;
use super::stage::Stage;

/// Records that come late, and by how much.
const LATE: i64 = 60;
const LATE_MILLIS: i64 = 600_000;

/// A batch above the topic's limit.
pub(super) fn play_batches(stage: &Stage<'_>) {
    let expected = [
        ("messages-too-large", "orders"),
        ("producer-errors", "producer-small"),
    ];
    let begin = || {
        let refused = stage.scene.clients.oversized.send(5);
        assert!(
            refused.is_err(),
            "a batch above the topic's limit was taken"
        );
    };
    stage.incident("oversized batch", &expected, begin, || {});
}

/// A producer that may send less than it wants to.
pub(super) fn play_throttled(stage: &Stage<'_>) {
    let client = "producer-throttled";
    let writes = "producer_byte_rate";
    quota(stage, client, writes, Some("1000"));
    let throttled = &stage.scene.clients.throttled;
    let begin = || throttled.rate(1_000.0).expect("it sends");
    let end = || {
        throttled.rate(0.0).expect("it stops");
        quota(stage, client, writes, None);
    };
    let expected = [("producer-buffer-full", client)];
    let name = "a producer throttled by a quota";
    stage.incident(name, &expected, begin, end);
}

/// A consumer that does not poll, and joins again when it does.
pub(super) fn play_hung(stage: &Stage<'_>) {
    let hung = &stage.scene.clients.hung;
    let expected = [("consumer-does-not-poll", "consumer-hung")];
    let begin = || hung.hang().expect("it hangs");
    let back = [("consumer-rebalances-fail", "consumer-hung")];
    let end = || {
        let begin = || hung.resume().expect("it polls");
        let name = "a consumer put out of its group comes back";
        stage.incident(name, &back, begin, || {});
    };
    stage.incident("a consumer hangs", &expected, begin, end);
}

/// A task that meets a record it cannot read, a connector that cannot start, records that are late.
pub(super) fn play_connect(stage: &Stage<'_>) {
    let connect = &stage.scene.connect;
    let good = [
        (
            "connector.class",
            "org.apache.kafka.connect.file.FileStreamSinkConnector",
        ),
        ("file", "/dev/null"),
        ("topics", MIRRORED),
    ];
    let json = (
        "value.converter",
        "org.apache.kafka.connect.json.JsonConverter",
    );
    let bad = [&good[..], &[json]].concat();
    connect.add("archive", &good).expect("it runs");
    let begin = || connect.configure("archive", &bad).expect("it is taken");
    let end = || connect.add("archive", &good).expect("it runs again");
    let failed = [("connect-task-failed", "archive")];
    stage.incident("a task that throws", &failed, begin, end);

    // Nobody listens at a port that is none.
    let nowhere = "127.0.0.1:99999";
    let heartbeats = [
        (
            "connector.class",
            "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector",
        ),
        ("source.cluster.alias", "here"),
        ("target.cluster.alias", "nowhere"),
        ("source.cluster.bootstrap.servers", nowhere),
        ("target.cluster.bootstrap.servers", nowhere),
    ];
    let begin = || connect.configure("lost", &heartbeats).expect("it is taken");
    let end = || connect.remove("lost").expect("it is taken away");
    let failed = [("connect-connector-failed", "lost")];
    stage.incident("a connector that throws", &failed, begin, end);
    late(stage);
}

fn late(stage: &Stage<'_>) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let written = i64::try_from(now.as_millis()).expect("small") - LATE_MILLIS;
    let stamps: Vec<i64> = (0..LATE).map(|second| written + second).collect();
    let mirrored = &stage.scene.clients.mirrored;
    let begin = || mirrored.send_stamped(0, &stamps).expect("sent");
    let name = "records copied ten minutes after they were written";
    stage.incident(name, &[("mirror-late", MIRRORED)], begin, || {});
}
