//! What real brokers wrote and real file systems said against the documents, and what goes wrong with them.

use serde::Deserialize;

use super::super::fetch::Seen;
use super::*;

/// A captured look.
#[derive(Deserialize)]
struct Captured {
    path: PathBuf,
    room: Room,
    properties: String,
}

fn look(path: &str, room: io::Result<Room>, properties: io::Result<&str>) -> Look {
    Look {
        path: path.into(),
        seen: Some(Seen {
            room,
            properties: properties.map(str::to_owned),
        }),
    }
}

const ROOM: Room = Room {
    total: 1000,
    free: 300,
    available: 200,
};

fn failed<T>() -> io::Result<T> {
    Err(io::Error::from(io::ErrorKind::PermissionDenied))
}

#[test]
fn what_brokers_wrote_becomes_these_documents() {
    crate::golden::cases("disks", "-looks.json", |case| {
        let text = case.file(&format!("{}-looks.json", case.name));
        let captured: Vec<Captured> = serde_json::from_str(&text).unwrap();
        let looks = captured.into_iter().map(|one| Look {
            path: one.path,
            seen: Some(Seen {
                room: Ok(one.room),
                properties: Ok(one.properties),
            }),
        });
        Owners::default().collected(&looks.collect::<Vec<_>>())
    });
}

#[test]
fn used_is_what_df_says() {
    assert_eq!(used(ROOM), Some(700.0 / 900.0));
    let full = Room {
        available: 0,
        ..ROOM
    };
    assert_eq!(used(full), Some(1.0));
    let none = Room {
        total: 0,
        free: 0,
        available: 0,
    };
    assert_eq!(used(none), None, "unknown is absent");
}

#[test]
fn a_directory_that_hangs_or_is_nobodys_costs_only_itself() {
    let good = look("/a", Ok(ROOM), Ok("node.id=7\ncluster.id=c\\=1\n"));
    let hangs = Look {
        path: "/b".into(),
        seen: None,
    };
    let looks = [
        hangs,
        good,
        look("/c", Ok(ROOM), Ok("#\nversion=1\n")),
        look("/d", failed(), failed()),
        look("/e", Ok(ROOM), Ok("broker.id=8\ncluster.id=other")),
    ];
    let collected = Owners::default().collected(&looks);
    assert!(collected.up);
    assert_eq!(collected.cluster_id.as_deref(), Some("c=1"));
    assert_eq!(collected.documents.len(), 1);
    let faults: Vec<_> = collected
        .faults
        .iter()
        .map(|fault| {
            (
                fault.kind.as_str(),
                fault.message.split(": ").next().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        faults,
        [
            ("timeout", "/b"),
            ("partial", "/c/meta.properties"),
            ("partial", "/d"),
            ("identity", "/e")
        ]
    );
    let down = Owners::default().collected(&[look("/d", failed(), failed())]);
    assert!(!down.up && down.documents.is_empty());
}

#[test]
fn whose_it_is_is_remembered_while_the_disk_cannot_be_read() {
    let mut owners = Owners::default();
    owners.collected(&[look("/a", Ok(ROOM), Ok("node.id=7"))]);
    let collected = owners.collected(&[look("/a", Ok(ROOM), failed())]);
    assert_eq!(
        collected.documents[0].get("kafka.broker.id"),
        Some(&7.into())
    );
    assert_eq!(collected.faults.len(), 1, "and that is said");

    let missing = Err(io::Error::from(io::ErrorKind::NotFound));
    let collected = owners.collected(&[look("/a", Ok(ROOM), missing)]);
    assert!(collected.documents.is_empty(), "it may be another disk");
    assert_eq!(collected.faults.len(), 1);
}
