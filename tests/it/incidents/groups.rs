//! What happens to consumer groups.

use std::thread;

use super::scene::{ALONE, SHORT, TOPIC};
use super::stage::{Stage, Told, patiently, tool};

const CONFIG_TOOL: &str = "kafka.admin.ConfigCommand";
const DELETE_TOOL: &str = "org.apache.kafka.tools.DeleteRecordsCommand";
const GROUP_TOOL: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";

/// What a consumer may read in a second.
const READS: &str = "consumer_byte_rate";
/// Bytes in a second: a tenth of what is produced.
const SLOW: &str = "250";

/// Stopped, stalled, rewound.
pub(super) fn play(stage: &Stage<'_>) {
    let clients = &stage.scene.clients;
    thread::scope(|scope| {
        scope.spawn(|| {
            let expected = [
                ("group-without-members", "stopped"),
                ("group-stopped", "stopped"),
            ];
            let begin = || clients.stopped.stop().expect("stopped");
            let end = || clients.stopped.resume().expect("reads");
            stage.incident("consumer stopped", &expected, begin, end);
        });
        scope.spawn(|| {
            let expected = [
                ("group-stalled", "stalled"),
                ("group-late-and-growing", "stalled"),
            ];
            let begin = || clients.stalled.pause().expect("paused");
            let end = || clients.stalled.resume().expect("reads");
            stage.incident("consumer stalled", &expected, begin, end);
        });
        let begin = || {
            clients.rewound.stop().expect("stopped");
            clients.commit("rewound", TOPIC, 0, 1);
        };
        let end = || clients.rewound.resume().expect("reads");
        stage.incident(
            "consumer rewound",
            &[("group-rewound", "rewound")],
            begin,
            end,
        );
    });
}

/// A consumer that is too slow, whose records are then deleted up to its commit; another group's beyond it.
pub(super) fn play_retention(stage: &Stage<'_>) {
    quota(stage, "consumer-slow", READS, Some(SLOW));
    let deleted = "consumer slower than the producer, records deleted up to its commit";
    let behind = [("group-falls-behind", "slow")];
    let losing = [("group-losing", "slow"), ("group-no-headroom", "slow")];
    let lost = [("group-lost", "lost")];
    let begin = || ();
    let play = || {
        stage.incident(
            deleted,
            &losing,
            || delete_read(stage),
            || {
                quota(stage, "consumer-slow", READS, None);
            },
        );
    };
    stage.incident("consumer slower than the producer", &behind, begin, play);
    let begin = || {
        stage.scene.clients.commit("lost", SHORT, 0, 1);
        delete_read(stage);
    };
    let end = || {
        stage
            .scene
            .clients
            .commit("lost", SHORT, 0, end_of_short(stage))
    };
    let told = Told::slow("records deleted before they were read");
    stage.told(&told, &lost, begin, end);
}

/// A group that is deleted, and made again.
pub(super) fn play_deleted(stage: &Stage<'_>) {
    let broker = &stage.scene.brokers[0];
    let begin = || {
        tool(broker, GROUP_TOOL, &["--delete", "--group", "gone"]);
    };
    let end = || stage.scene.clients.commit("gone", ALONE, 0, 0);
    stage.incident("a group deleted", &[("group-gone", "gone")], begin, end);
}

/// What a client may read or write in a second, or that it may do as it likes.
pub(super) fn quota(stage: &Stage<'_>, client: &str, name: &str, limit: Option<&str>) {
    let set = limit.map(|limit| format!("{name}={limit}"));
    let change = match &set {
        Some(set) => ["--add-config", set],
        None => ["--delete-config", name],
    };
    let whom = [
        "--alter",
        "--entity-type",
        "clients",
        "--entity-name",
        client,
    ];
    let broker = &stage.scene.brokers[0];
    tool(broker, CONFIG_TOOL, &[&whom[..], &change[..]].concat());
}

/// Deletes the records that the slow group has read, but one.
fn delete_read(stage: &Stage<'_>) {
    let broker = &stage.scene.brokers[0];
    let rows = patiently("a group", || broker.describe_groups(Some("slow")).ok());
    let entries: Vec<String> = rows
        .iter()
        .map(|row| {
            let read = row.current_offset.unwrap_or(1).saturating_sub(1);
            format!(
                "{{\"topic\":\"{SHORT}\",\"partition\":{},\"offset\":{read}}}",
                row.partition
            )
        })
        .collect();
    let work = stack::WorkDir::new("delete").expect("a folder");
    let text = format!("{{\"partitions\":[{}],\"version\":1}}", entries.join(","));
    let file = work.write("offsets.json", &text).expect("a file");
    let file = file.display().to_string();
    tool(broker, DELETE_TOOL, &["--offset-json-file", &file]);
}

fn end_of_short(stage: &Stage<'_>) -> i64 {
    patiently("the end of a log", || {
        let rows = stage.scene.brokers[0].describe_groups(Some("slow")).ok()?;
        rows.iter().find(|row| row.partition == 0)?.log_end_offset
    })
}
