//! Beans whose values end the session: the JVM stops in the middle of a reply (a Java `Error` while the value is
//! written), or writes what nobody can decode. They are left out for a while, so that each costs only itself.

use jmx_rmi::ObjectName;

/// Beans that are left out. A JVM with more of them has another problem, and each costs its cycle a session or two.
pub(super) const MOST: usize = 16;

/// Cycles after which a bean has another chance: its value may be another one by then.
const CYCLES: u32 = 60;

/// The beans that are left out.
#[derive(Debug, Default)]
pub(super) struct Harmful {
    beans: Vec<Harm>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Harm {
    pub(super) bean: ObjectName,
    /// What was wrong, for people.
    pub(super) why: String,
    cycles: u32,
}

impl Harmful {
    /// Leaves a bean out from now on. `false`: there are too many already.
    pub(super) fn add(&mut self, bean: &ObjectName, why: String) -> bool {
        let has_room = self.beans.len() < MOST;
        if has_room {
            self.beans.push(Harm {
                bean: bean.clone(),
                why,
                cycles: 0,
            });
        }
        has_room
    }

    /// Counts a cycle. One bean at most has its chance in it: if it is as it was, one is a cost that a cycle can bear.
    pub(super) fn count_cycle(&mut self) {
        for harm in &mut self.beans {
            harm.cycles += 1;
        }
        if let Some(oldest) = self.beans.iter().position(|harm| harm.cycles > CYCLES) {
            self.beans.remove(oldest);
        }
    }

    /// Another JVM has other beans.
    pub(super) fn forget(&mut self) {
        self.beans.clear();
    }

    /// The beans that are left out.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Harm> {
        self.beans.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bean(number: usize) -> ObjectName {
        ObjectName::parse(&format!("a:number={number}")).unwrap()
    }

    #[test]
    fn so_many_are_left_out_and_come_back_one_by_one() {
        let mut harmful = Harmful::default();
        for number in 0..MOST {
            assert!(harmful.add(&bean(number), String::new()));
        }
        assert!(!harmful.add(&bean(MOST), String::new()));
        for _ in 0..CYCLES {
            harmful.count_cycle();
        }
        for left in (0..MOST).rev() {
            assert_eq!(harmful.iter().count(), left + 1);
            harmful.count_cycle();
        }
        assert_eq!(harmful.iter().count(), 0);
    }
}
