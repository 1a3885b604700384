//! Documents of the dead letter come back into the queue.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Pack, Packer, Row, Spool};
use crate::dead_letter::{Request, Returned, Returning};
use crate::ship::elasticsearch::bulk::add_lines;

/// Text of a block before it is packed; as the writer's.
const BLOCK_BYTES: usize = 128 << 10;
/// Packed, documents take at most this part of their lines in the dead letter.
const PACKED: u64 = 4;

/// What of the dead letter is in the queue while its file is still there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Doubled {
    request: std::path::PathBuf,
    file: u64,
}

impl Spool {
    /// Takes back what `queue dead-letter replay` has asked for, as far as there is room. Waits for the disk.
    pub fn replay(&self) -> io::Result<()> {
        for (path, request) in Request::pending(self.dead_letter.directory())? {
            let mut documents = 0;
            for number in self.dead_letter.asked_for(&request)? {
                let Some(file) = self.dead_letter.returning(number, &request)? else {
                    continue;
                };
                let is_done = self.take_back(&path, &file);
                self.dead_letter.returned();
                if !is_done? {
                    return Ok(());
                }
                documents += file.back.len();
            }
            std::fs::remove_file(&path)?;
            tracing::info!(
                documents,
                "documents of the dead letter are in the queue again"
            );
        }
        Ok(())
    }

    /// Takes back what is asked for of a file; says whether it was possible. The file goes when the queue has the documents on disk.
    fn take_back(&self, request: &Path, file: &Returning) -> io::Result<bool> {
        let doubled = Doubled {
            request: request.to_owned(),
            file: file.number(),
        };
        if *self.doubled() != doubled {
            let is_ready = {
                let queue = self.lock();
                let has_room = queue.blocks.is_empty() || queue.has_room(file.bytes() / PACKED);
                has_room && !queue.is_in_memory()
            };
            if !is_ready {
                return Ok(false);
            }
            for pack in packs(&file.back) {
                self.lock().append(pack, true);
            }
            self.arrived.notify_one();
            *self.doubled() = doubled;
        }
        self.keep()?;
        if self.lock().is_in_memory() {
            return Ok(false);
        }
        file.done()?;
        Ok(true)
    }

    fn doubled(&self) -> std::sync::MutexGuard<'_, Doubled> {
        let doubled = self.doubled.lock();
        doubled.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The documents by stream and tick, in their order.
fn packs(back: &[Returned]) -> Vec<Pack> {
    let key = |one: &Returned| (one.letter.stream.clone(), one.timestamp);
    let mut sorted: Vec<&Returned> = back.iter().collect();
    sorted.sort_by_key(|one| key(one));
    let mut packer = Packer::default();
    let same = sorted.chunk_by(|a, b| key(a) == key(b));
    same.flat_map(|run| of_one_tick(run, &mut packer)).collect()
}

fn of_one_tick(run: &[&Returned], packer: &mut Packer) -> Vec<Pack> {
    let (mut packs, mut text, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (at, one) in run.iter().enumerate() {
        let document = one.letter.document.get().as_bytes();
        add_lines(&mut text, &one.letter.stream, one.id, document);
        rows.push(Row {
            end: u32::try_from(text.len()).expect("a file of the dead letter is far below 4 GiB"),
            id: one.id,
        });
        if text.len() >= BLOCK_BYTES || at + 1 == run.len() {
            packs.push(Pack {
                stream: one.letter.stream.as_str().into(),
                timestamp: one.timestamp,
                rows: std::mem::take(&mut rows),
                block: Arc::new(packer.pack(&text)),
            });
            text.clear();
        }
    }
    packs
}
