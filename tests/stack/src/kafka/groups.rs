//! The table that `ConsumerGroupCommand --describe` prints.

use std::collections::HashMap;

/// A row of the group tool: one partition that a group has a position on, or that one of its members has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The committed offset; none if there is no commit.
    pub current_offset: Option<i64>,
    /// The end of the log.
    pub log_end_offset: Option<i64>,
    /// What the tool says the lag is.
    pub lag: Option<i64>,
    /// The member that has the partition.
    pub consumer_id: Option<String>,
}

impl GroupRow {
    /// The rows of a table with the tool's headings, whoever printed it.
    pub fn of_table(printed: &str) -> Vec<Self> {
        parse(printed)
    }
}

/// The rows of all tables in what the tool printed. Members without a partition are left out.
pub(super) fn parse(printed: &str) -> Vec<GroupRow> {
    let mut header: Vec<&str> = Vec::new();
    let mut rows = Vec::new();
    for line in printed.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        if cells.first() == Some(&"GROUP") {
            header = cells;
        } else if !cells.is_empty() {
            let named = header.iter().copied().zip(cells.iter().copied()).collect();
            rows.extend(row(&named));
        }
    }
    rows
}

/// A row of the group tool with `--state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupState {
    /// The group.
    pub group: String,
    /// Id of the broker that coordinates it.
    pub coordinator: i32,
    /// `Stable`, `Empty` …
    pub state: String,
    /// How many members it has.
    pub members: usize,
}

/// The rows of all tables in what the tool printed with `--state`.
pub(super) fn parse_states(printed: &str) -> Vec<GroupState> {
    printed.lines().filter_map(state).collect()
}

/// `group host:port (id) [assignor] state members`: the assignor is missing where there is none.
fn state(line: &str) -> Option<GroupState> {
    let cells: Vec<&str> = line.split_whitespace().collect();
    let id = cells.get(2)?.strip_prefix('(')?.strip_suffix(')')?;
    let [.., state, members] = cells.as_slice() else {
        return None;
    };
    Some(GroupState {
        group: (*cells.first()?).to_owned(),
        coordinator: id.parse().ok()?,
        state: (*state).to_owned(),
        members: members.parse().ok()?,
    })
}

/// None for a line that is not a row: the tool prints remarks among them.
fn row(cells: &HashMap<&str, &str>) -> Option<GroupRow> {
    let offset = |column: &str| cells.get(column).and_then(|cell| cell.parse().ok());
    Some(GroupRow {
        group: (*cells.get("GROUP")?).to_owned(),
        topic: (*cells.get("TOPIC")?).to_owned(),
        partition: cells.get("PARTITION")?.parse().ok()?,
        current_offset: offset("CURRENT-OFFSET"),
        log_end_offset: offset("LOG-END-OFFSET"),
        lag: offset("LAG"),
        consumer_id: cells
            .get("CONSUMER-ID")
            .filter(|&&id| id != "-")
            .map(|&id| id.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "
Consumer group 'idle' has no active members.

GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID
idle            orders          0          12              20              8               -               -               -
idle            orders          1          -               5               -               -               -               -

GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID
busy            -               -          -               -               -               b-1             /127.0.0.1      b
";

    const STATES: &str = "
GROUP                     COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE           #MEMBERS
idle                      127.0.0.1:9092 (3)                             Empty           0

GROUP                     COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE           #MEMBERS
busy                      127.0.0.1:9092 (3)        range                Stable          2
";

    #[test]
    fn states_of_all_groups() {
        let all = parse_states(STATES);
        let all: Vec<_> = all
            .iter()
            .map(|one| (one.group.as_str(), one.state.as_str(), one.members))
            .collect();
        assert_eq!(all, [("idle", "Empty", 0), ("busy", "Stable", 2)]);
    }

    #[test]
    fn rows_of_all_groups() {
        let rows = parse(PRINTED);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].lag, Some(8));
        assert_eq!(rows[1].current_offset, None);
        assert_eq!(rows[1].log_end_offset, Some(5));
        assert_eq!(rows[1].consumer_id, None);
    }
}
