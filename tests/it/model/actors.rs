//! Who does something to the broker, each on a thread of its own, by dice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use fastrand::Rng;
use rdkafka::consumer::Consumer;

use super::clients::{Admin, Committer, Writer};
use super::world::World;

/// The topic that is always there.
pub(super) const STREAM: &str = "stream";
pub(super) const PARTITIONS: i32 = 4;
/// The one that is deleted and made anew.
pub(super) const CHURN: &str = "churn";
const CHURN_PARTITIONS: i32 = 2;
pub(super) const CHURN_READER: &str = "churn-reader";
/// Groups without members: only they can have their commits set by anybody.
const LONERS: [&str; 3] = ["loner-0", "loner-1", "loner-2"];
/// The one that is deleted again and again.
const FLEETING: &str = "fleeting";
/// The one whose members come and go.
pub(super) const TEAM: &str = "team";
const MOST_MEMBERS: usize = 3;

/// What an actor does until it is told to stop.
type Act = fn(&mut Stage);

/// All of them.
pub(super) struct Actors {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// What an actor has.
struct Stage {
    bootstrap: String,
    world: Arc<World>,
    stop: Arc<AtomicBool>,
    dice: Rng,
}

impl Actors {
    /// Makes the topics and first commits, so that what follows meets a cluster that is there.
    pub(super) fn start(bootstrap: &str, world: &Arc<World>, seed: u64) -> Self {
        let admin = Admin::new(bootstrap, world);
        admin.make(STREAM, PARTITIONS, 1);
        let all: Vec<(&str, Act)> = vec![
            ("producer", produce),
            ("loner", |stage| commit(stage, LONERS[0])),
            ("loner", |stage| commit(stage, LONERS[1])),
            ("loner", |stage| commit(stage, LONERS[2])),
            ("fleeting", come_and_go),
            ("deleter", delete_records),
            ("churn", churn),
            ("team", play_in_team),
        ];
        let stop = Arc::new(AtomicBool::new(false));
        let mut dice = Rng::with_seed(seed);
        let threads = all.into_iter().map(|(name, act)| {
            let mut stage = Stage {
                bootstrap: bootstrap.to_owned(),
                world: Arc::clone(world),
                stop: Arc::clone(&stop),
                dice: Rng::with_seed(dice.u64(..)),
            };
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(move || act(&mut stage)).expect("a thread")
        });
        let threads = threads.collect();
        Self { stop, threads }
    }

    /// Ends them; one that could not do its part ends the test.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("an actor does its part");
        }
    }

    /// Whether one has already failed.
    pub(super) fn failed(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }
}

impl Stage {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn committer(&self, group: &str, topic: &str) -> Committer {
        Committer::new(&self.bootstrap, &self.world, group, topic)
    }

    /// Up to so many milliseconds.
    fn pause(&mut self, most: u64) {
        let time = Duration::from_millis(self.dice.u64(0..=most));
        #[allow(clippy::disallowed_methods, reason = "an actor's thread is its own")]
        std::thread::sleep(time);
    }

    /// Often a short pause, seldom a long one.
    fn rest(&mut self) {
        match self.dice.u32(0..100) {
            0 => self.pause(3_000),
            1..10 => self.pause(200),
            _ => self.pause(8),
        }
    }

    fn end(&self, topic: &str, partition: i32) -> i64 {
        self.world.log(topic, partition, |log| log.end())
    }

    /// An offset to commit: mostly forwards and near the end, sometimes the end itself, sometimes anywhere.
    fn offset(&mut self, end: i64) -> i64 {
        match self.dice.u32(0..10) {
            0 => self.dice.i64(0..=end),
            1..4 => end,
            _ => self.dice.i64((end - 500).max(0)..=end),
        }
    }

    /// Some partitions of the stream, with an offset each.
    fn offsets(&mut self) -> Vec<(i32, i64)> {
        let count = self.dice.usize(1..=PARTITIONS as usize);
        let mut partitions: Vec<i32> = (0..PARTITIONS).collect();
        self.dice.shuffle(&mut partitions);
        partitions.truncate(count);
        let offset = |partition| (partition, self.end(STREAM, partition));
        let ends: Vec<(i32, i64)> = partitions.into_iter().map(offset).collect();
        ends.into_iter()
            .map(|(partition, end)| (partition, self.offset(end)))
            .collect()
    }
}

/// A burst to some partition, and the last partition has long silences.
fn produce(stage: &mut Stage) {
    let writer = Writer::new(&stage.bootstrap, &stage.world, STREAM);
    while stage.goes_on() {
        let quiet = stage.dice.u32(0..50) > 0;
        let partition = stage.dice.i32(0..PARTITIONS - i32::from(quiet));
        let burst = stage.dice.usize(1..40);
        writer.send(partition, burst);
        stage.pause(12);
    }
    writer.flush();
}

/// Commits as quickly as they are acknowledged, with pauses.
fn commit(stage: &mut Stage, group: &str) {
    let committer = stage.committer(group, STREAM);
    while stage.goes_on() {
        let offsets = stage.offsets();
        committer.commit(&offsets).expect("nobody is in the group");
        stage.rest();
    }
}

/// A group that is deleted, stays away for a while, and is there again.
fn come_and_go(stage: &mut Stage) {
    let admin = Admin::new(&stage.bootstrap, &stage.world);
    let committer = stage.committer(FLEETING, STREAM);
    while stage.goes_on() {
        for _ in 0..stage.dice.u32(1..30) {
            let offsets = stage.offsets();
            committer.commit(&offsets).expect("nobody is in the group");
            stage.pause(60);
        }
        admin.delete_group(&committer, PARTITIONS);
        stage.pause(1_500);
    }
}

/// Deletes records, also unread ones.
fn delete_records(stage: &mut Stage) {
    let admin = Admin::new(&stage.bootstrap, &stage.world);
    let mut starts = [0; PARTITIONS as usize];
    while stage.goes_on() {
        let partition = stage.dice.i32(0..PARTITIONS);
        let start = &mut starts[partition as usize];
        let end = stage.world.log(STREAM, partition, |log| log.end());
        let before = stage.dice.i64(*start..=end);
        if before > *start {
            admin.delete_records(STREAM, partition, before);
            *start = before;
        }
        stage.pause(700);
    }
}

/// A topic that is made anew, with commits that its reader brings along from the last one.
fn churn(stage: &mut Stage) {
    let admin = Admin::new(&stage.bootstrap, &stage.world);
    let committer = stage.committer(CHURN_READER, CHURN);
    while stage.goes_on() {
        admin.make(CHURN, CHURN_PARTITIONS, 1);
        let writer = Writer::new(&stage.bootstrap, &stage.world, CHURN);
        // Often it is as large as the last one at once: then its length does not tell them apart.
        let burst = stage.dice.usize(1..400);
        (0..CHURN_PARTITIONS).for_each(|partition| writer.send(partition, burst));
        writer.flush();
        for _ in 0..stage.dice.u32(5..40) {
            let partition = stage.dice.i32(0..CHURN_PARTITIONS);
            writer.send(partition, stage.dice.usize(1..20));
            let end = stage.end(CHURN, partition) + stage.dice.i64(0..20);
            let offset = stage.dice.i64(0..=end);
            // A broker that has just made a topic may not know it yet.
            drop(committer.commit(&[(partition, offset)]));
            stage.pause(150);
        }
        writer.flush();
        admin.delete(CHURN, CHURN_PARTITIONS, &committer);
        stage.world.count(|counts| counts.recreations += 1);
        if stage.dice.bool() {
            stage.pause(1_500);
        }
    }
}

/// Members of one group, which join, commit what they have, and leave.
fn play_in_team(stage: &mut Stage) {
    let mut members: Vec<Committer> = Vec::new();
    while stage.goes_on() {
        match stage.dice.u32(0..60) {
            0 if members.len() < MOST_MEMBERS => {
                let member = stage.committer(TEAM, STREAM);
                member.consumer.subscribe(&[STREAM]).expect("subscribed");
                members.push(member);
                stage.world.count(|counts| counts.member_changes += 1);
            }
            1 if members.len() > 1 => {
                members.swap_remove(stage.dice.usize(0..members.len()));
                stage.world.count(|counts| counts.member_changes += 1);
            }
            _ => {}
        }
        for member in &members {
            // Records come here as well; they are not what this is about.
            drop(member.consumer.poll(Duration::ZERO));
            commit_own(stage, member);
        }
        stage.rest();
    }
}

fn commit_own(stage: &mut Stage, member: &Committer) {
    let Ok(own) = member.consumer.assignment() else {
        return;
    };
    for (_, partition) in own.to_topic_map().into_keys() {
        if stage.dice.bool() {
            let end = stage.end(STREAM, partition);
            let offset = stage.offset(end);
            // Refused while the group rebalances.
            drop(member.commit(&[(partition, offset)]));
        }
    }
}
