//! What happens to brokers and controllers.

use std::thread;

use stack::Signal;

use super::full::SLOW;
use super::scene::UNCLEAN;
use super::stage::{Stage, Told, patiently, until_topics_say};

/// The third broker is killed, and loses a disk.
pub(super) fn play(stage: &Stage<'_>) {
    let broker = &stage.scene.brokers[2];
    let port = broker.jmx();
    let port = port.rsplit(':').next().unwrap_or_default();
    let killed = [
        ("broker-gone", "orders 3"),
        ("partitions-offline", "orders"),
        ("partitions-under-replicated", "orders"),
        ("partitions-under-min-isr", "strict"),
        ("partitions-at-min-isr", "orders"),
        ("brokers-fenced", "orders"),
        ("target-down", port),
        ("lag-unknown", "single"),
    ];
    let end = || broker.restart().expect("it comes back");
    stage.incident("a broker killed", &killed, || broker.kill(), end);

    let offline = [("log-directory-offline", "orders 3")];
    let begin = || stage.scene.take_disk(true);
    let end = || {
        broker.kill();
        stage.scene.take_disk(false);
        broker.restart().expect("it comes back");
    };
    stage.incident("a log directory taken away", &offline, begin, end);
}

/// The third broker hangs. What brokers tell about latency decays over minutes.
pub(super) fn play_hang(stage: &Stage<'_>) {
    let broker = &stage.scene.brokers[2];
    let target = format!("kafka {}", stage.scene.brokers[0].bootstrap());
    let hangs = [
        ("target-incomplete", target.as_str()),
        ("isr-shrinks", "orders"),
        (SLOW.0, "orders"),
    ];
    let begin = || broker.signal(Signal::Stop);
    let end = || broker.signal(Signal::Cont);
    stage.incident("a broker hangs", &hangs, begin, end);
}

/// A broker that hangs until ZooKeeper takes it for dead.
pub(super) fn play_session(stage: &Stage<'_>) {
    let broker = &stage.scene.old;
    broker.signal(Signal::Stop);
    patiently("ZooKeeper without the broker", || {
        let sessions = stage.scene.old_zookeeper.four_letter_word("dump").ok()?;
        (!sessions.contains("/brokers/ids/1")).then_some(())
    });
    let begin = || broker.signal(Signal::Cont);
    let expired = [("zookeeper-session-expired", "old")];
    let name = "a broker hangs for longer than its session";
    stage.incident(name, &expired, begin, || {});
}

/// The only replica in sync is killed and the other one comes back.
pub(super) fn play_unclean(stage: &Stage<'_>) {
    let [first, leader, follower] = &stage.scene.brokers;
    follower.kill();
    until_topics_say(first, &["--topic", UNCLEAN], |said| {
        said.lines()
            .any(|line| line.contains("Isr: 2") && !line.contains("Isr: 2,"))
    });
    leader.kill();
    let begin = || follower.restart().expect("it comes back");
    let end = || leader.restart().expect("it comes back");
    let name = "the last replica in sync killed, with unclean elections allowed";
    let unclean = [("unclean-election", "orders")];
    stage.told(&Told::slow(name), &unclean, begin, end);
    until_topics_say(first, &["--under-replicated-partitions"], |said| {
        said.trim().is_empty()
    });
}

/// Two of three controllers are killed.
pub(super) fn play_controller(stage: &Stage<'_>) {
    let [_, second, third] = &stage.scene.brokers;
    let begin = || {
        second.kill();
        third.kill();
    };
    // Neither is ready without the other, unless the first one is.
    let restart = || {
        thread::scope(|scope| {
            let other = scope.spawn(|| second.restart());
            third.restart().expect("it comes back");
            other.join().expect("no panic").expect("it comes back");
        });
    };
    let elected = [("controller-changes", "orders")];
    let end = || stage.incident("a controller is elected", &elected, restart, || {});
    let lost = [
        ("controller-none", "orders"),
        ("quorum-without-leader", "orders 1"),
        ("metadata-behind", "orders 1"),
    ];
    let name = "a majority of the controllers killed";
    stage.incident(name, &lost, begin, end);
}
