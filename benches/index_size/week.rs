//! What a week of a big cluster takes: computed from what was measured, not measured.

use std::collections::BTreeMap;

use stack::GroupPlan;

use super::INTERVAL;
use super::figures::Report;
use super::store::Room;

const BROKERS: f64 = 30.0;
const PARTITIONS: f64 = 10_000.0;
const GROUPS: f64 = 500.0;
const WEEK_SECONDS: u64 = 7 * 24 * 3600;

/// How many times the documents that were measured a big cluster has.
fn times(dataset: &str, plan: GroupPlan) -> f64 {
    let partitions = f64::from(plan.topics * plan.partitions);
    let groups = f64::from(plan.groups);
    match dataset {
        // By the group: each is on as many partitions as it was here.
        "kafka.consumergroup" | "kafka.group" | "kafka.group_topic" => GROUPS / groups,
        "kafka.partition" | "kafka.topic" => PARTITIONS / partitions,
        "agent" | "target" | "kafka.cluster" => 1.0,
        _ => BROKERS,
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn compute(
    report: &mut Report,
    rooms: &BTreeMap<String, Room>,
    ticks: u64,
    plan: GroupPlan,
) {
    report.title("A week of a big cluster (computed)");
    report.line(&format!(
        "{BROKERS} brokers, {PARTITIONS} partitions, {GROUPS} groups on {} partitions each, a tick every {INTERVAL} s, time series, without replicas: \
         documents a tick and bytes a document as measured above, times what there is more of.\n",
        plan.partitions
    ));
    report.head("| dataset | documents a tick | GB a week |");
    let ticks_of_week = (WEEK_SECONDS / INTERVAL) as f64;
    let (mut documents, mut gigabytes) = (0.0, 0.0);
    for (dataset, room) in rooms {
        let each_tick = room.documents as f64 / ticks as f64 * times(dataset, plan);
        let week = each_tick * ticks_of_week * room.each() / 1e9;
        report.line(&format!("| {dataset} | {each_tick:.0} | {week:.2} |"));
        documents += each_tick;
        gigabytes += week;
    }
    report.line(&format!("| all | {documents:.0} | {gigabytes:.1} |"));
}
