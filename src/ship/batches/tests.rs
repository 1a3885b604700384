//! Sentences about the queue's cursor and outputs that cannot say of a document that they have it.

use super::*;
use crate::files::TestDirectory;
use crate::ship::file::FileConfig;
use crate::ship::lines::tests::append;

const STREAM: &str = "metrics-brokerbeat.jvm-default";

/// An output into files beside the queue.
fn shipper(directory: &TestDirectory) -> BatchShipper {
    let (spool, _) = Spool::open(&directory.path().join("spool"), 1 << 30).unwrap();
    let config = FileConfig {
        path: directory.path().join("out"),
        filename: "docs".into(),
        rotate_every: 1 << 30,
        number_of_files: 3,
        permissions: 0o640,
    };
    let output = Output::File(FileOutput::open(&config).unwrap());
    BatchShipper::new(Arc::new(spool), output, Arc::default())
}

fn written(directory: &TestDirectory) -> usize {
    let file = directory.path().join("out").join("docs-0000000001.ndjson");
    std::fs::read_to_string(file).unwrap().lines().count()
}

#[tokio::test]
async fn without_its_cursor_nothing_more_of_the_queue_is_shipped() {
    let directory = TestDirectory::new();
    let mut shipper = shipper(&directory);
    append(&shipper.spool, STREAM, 0..10);
    let in_the_way = directory.path().join("spool").join("cursor");
    std::fs::remove_file(&in_the_way).ok();
    std::fs::create_dir(&in_the_way).unwrap();
    shipper.kept -= KEEP_EVERY;
    assert!(matches!(shipper.round().await.unwrap(), Round::Wait(_)));
    let failing = shipper.standing.failing().expect("it is said");
    assert!(failing.why.contains("cursor"), "{}", failing.why);

    append(&shipper.spool, STREAM, 10..20);
    for _ in 0..3 {
        assert!(matches!(shipper.round().await.unwrap(), Round::Wait(_)));
    }
    assert_eq!(written(&directory), 10, "the rest waits");

    std::fs::remove_dir(&in_the_way).unwrap();
    assert!(matches!(shipper.round().await.unwrap(), Round::Progress));
    assert_eq!(written(&directory), 20);
    assert_eq!(shipper.standing.failing(), None);
    assert!(matches!(shipper.round().await.unwrap(), Round::Idle));
    assert!(!shipper.is_unkept);
}
