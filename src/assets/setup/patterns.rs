//! Index patterns, as Elasticsearch reads them: `*` is any text, everything else is itself.

/// Whether there is a name that both patterns match; a name is a pattern, too.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // `below[j]`: whether the rest of `a` after its row's character and the rest of `b` from `j` overlap.
    let mut below: Vec<bool> = (0..=b.len()).map(|j| only_stars(&b, j)).collect();
    for i in (0..a.len()).rev() {
        let mut row = vec![false; b.len() + 1];
        for j in (0..=b.len()).rev() {
            row[j] = match (a[i], b.get(j)) {
                ('*', None) => below[j],
                ('*', Some(_)) => below[j] || row[j + 1],
                (_, Some('*')) => below[j] || row[j + 1],
                (one, Some(other)) => one == *other && below[j + 1],
                (_, None) => false,
            };
        }
        below = row;
    }
    below[0]
}

fn only_stars(pattern: &[char], from: usize) -> bool {
    pattern.iter().skip(from).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_overlap_where_one_name_fits_both() {
        let ours = "metrics-brokerbeat.jvm-*";
        for (other, expected) in [
            ("metrics-*-*", true),
            ("metrics-brokerbeat.*", true),
            ("metrics-brokerbeat.jvm-prod", true),
            ("*-prod", true),
            ("*", true),
            ("*.jvm-*x", true),
            ("metrics-brokerbeat.jvm-*", true),
            ("logs-*", false),
            ("metrics-brokerbeat.jvm", false),
            ("metrics-brokerbeat.kafka*", false),
            ("", false),
        ] {
            assert_eq!(overlap(ours, other), expected, "{other}");
            assert_eq!(overlap(other, ours), expected, "{other}, the other way");
        }
        assert!(overlap("", "") && overlap("", "**") && overlap("*a*", "*b*"));
        assert!(!overlap("a*b", "a*c"));
    }
}
