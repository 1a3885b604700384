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
