//! What happens to an ensemble of ZooKeepers.

use std::thread;

use super::stage::Stage;

/// Its leader lost, its majority lost, one of its servers on its own.
pub(super) fn play(stage: &Stage<'_>) {
    let [leader, _] = stage.scene.leader_and_follower();
    let one = [
        ("zookeeper-member-not-answering", "ensemble"),
        ("zookeeper-no-margin", "ensemble"),
    ];
    let end = || leader.restart().expect("it comes back");
    stage.incident("ZooKeeper leader lost", &one, || leader.kill(), end);
    majority(stage);
    alone(stage);
}

fn majority(stage: &Stage<'_>) {
    let [leader, follower] = stage.scene.leader_and_follower();
    let both = [
        ("zookeeper-no-quorum", "ensemble"),
        ("zookeeper-no-leader", "ensemble"),
        ("zookeeper-member-not-serving", "ensemble"),
        ("zookeeper-read-only", "ensemble"),
    ];
    let begin = || {
        leader.kill();
        follower.kill();
    };
    // Neither is ready without the other.
    let end = || {
        thread::scope(|scope| {
            let other = scope.spawn(|| leader.restart());
            follower.restart().expect("it comes back");
            other.join().expect("no panic").expect("it comes back");
        });
    };
    stage.incident("two of three servers killed", &both, begin, end);
}

fn alone(stage: &Stage<'_>) {
    let [_, follower] = stage.scene.leader_and_follower();
    let begin = || follower.secede().expect("it starts");
    let end = || follower.rejoin().expect("it comes back");
    let split = [("zookeeper-split-view", "ensemble")];
    let name = "a server started alone beside the ensemble";
    stage.incident(name, &split, begin, end);
}
