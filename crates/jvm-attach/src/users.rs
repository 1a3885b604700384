//! Names of users, for messages. What is not in `/etc/passwd` (a directory service, a container's own user) stays a
//! number: looking it up would mean to load foreign code.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

/// A file of users is this long at most; the rest of a longer one stays numbers.
const LIMIT: u64 = 4 << 20;

/// User id → name.
#[derive(Debug, Default)]
pub(crate) struct Users(HashMap<u32, String>);

impl Users {
    pub(crate) fn load() -> Self {
        let mut text = Vec::new();
        let read =
            File::open("/etc/passwd").and_then(|file| file.take(LIMIT).read_to_end(&mut text));
        match read {
            Ok(_) => Self::parse(&String::from_utf8_lossy(&text)),
            Err(_) => Self::default(),
        }
    }

    fn parse(text: &str) -> Self {
        let mut names = HashMap::new();
        for line in text.lines() {
            let mut fields = line.split(':');
            let (Some(name), Some(uid)) = (fields.next(), fields.nth(1)) else {
                continue;
            };
            if let Ok(uid) = uid.parse() {
                names.entry(uid).or_insert_with(|| name.to_owned());
            }
        }
        Self(names)
    }

    pub(crate) fn name(&self, uid: u32) -> String {
        self.0.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_number_counts_and_an_unknown_one_stays_a_number() {
        let users = Users::parse(
            "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n\n#x\nkafka:x:1001:5\n+::::\n",
        );
        assert_eq!(users.name(0), "root");
        assert_eq!(users.name(1001), "kafka");
        assert_eq!(users.name(7), "7");
    }
}
