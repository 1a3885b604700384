//! Which groups and topics: patterns of `*` (any text) and `?` (any one character).

/// What a configuration includes and excludes. The default includes everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// A name must match one of these …
    pub include: Vec<String>,
    /// … and none of these.
    pub exclude: Vec<String>,
    /// And one of these, if there are any: what a command was asked for.
    pub only: Vec<String>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            include: vec!["*".to_owned()],
            exclude: Vec::new(),
            only: Vec::new(),
        }
    }
}

impl Filter {
    /// Whether a name is selected.
    pub fn selects(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
        let is_asked_for = self.only.is_empty() || any(&self.only);
        is_asked_for && any(&self.include) && !any(&self.exclude)
    }

    /// Whole names among what a command was asked for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let only = self.only.iter().map(String::as_str);
        only.filter(|pattern| !pattern.contains(['*', '?']))
    }

    /// The same, and nothing but these.
    pub fn only(mut self, patterns: &[String]) -> Self {
        self.only = patterns.to_vec();
        self
    }
}

/// Whether the whole name fits the pattern.
///
/// Goes back to the last star only: its time is bounded by both lengths' product.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == name[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((star_at, eaten)) => {
                    star = Some((star_at, eaten + 1));
                    at = star_at + 1;
                    read = eaten + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "orders"),
            ("orders", "orders"),
            ("or*", "orders"),
            ("*ers", "orders"),
            ("o*d*s", "orders"),
            ("order?", "orders"),
            ("*.é", "größe.é"),
            ("a*b*c", "aXbYbZc"),
            ("**", "x"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "x"),
            ("order?", "order"),
            ("or", "orders"),
            ("o*x", "orders"),
            ("?", ""),
            ("a.c", "abc"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn exclusion_wins() {
        let filter = Filter {
            include: vec!["orders-*".into()],
            exclude: vec!["*-test".into()],
            only: Vec::new(),
        };
        assert!(filter.selects("orders-eu"));
        assert!(!filter.selects("orders-test"));
        assert!(!filter.selects("payments"));
        assert!(Filter::default().selects("anything"));
    }
}
