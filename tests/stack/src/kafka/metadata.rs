//! The one Kafka request that readiness needs: a metadata request (version 1) for no topic.

use std::io::Read;

use crate::wait;

const METADATA: i16 = 3;
const VERSION: i16 = 1;
/// A server that is not Kafka must not make us allocate what its first four bytes happen to say.
const LARGEST_ANSWER: usize = 1 << 20;

/// True if the broker at this port answers, knows a controller and lists this broker: then it takes part.
pub(super) fn lists_broker(port: u16, id: i32) -> bool {
    ask(port).is_some_and(|answer| parse(&answer).is_some_and(|ids| ids.contains(&id)))
}

fn ask(port: u16) -> Option<Vec<u8>> {
    let mut stream = wait::exchange(port, &request()).ok()?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let length = usize::try_from(i32::from_be_bytes(length)).ok()?;
    let mut answer = vec![0; length.min(LARGEST_ANSWER)];
    stream.read_exact(&mut answer).ok()?;
    Some(answer)
}

fn request() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(METADATA.to_be_bytes());
    body.extend(VERSION.to_be_bytes());
    body.extend(1_i32.to_be_bytes()); // correlation id
    body.extend(5_i16.to_be_bytes());
    body.extend(b"stack");
    body.extend(0_i32.to_be_bytes()); // no topics
    let length = i32::try_from(body.len()).expect("the request is a few bytes long");
    [length.to_be_bytes().to_vec(), body].concat()
}

/// The ids of the brokers, or none if there is no controller yet.
fn parse(answer: &[u8]) -> Option<Vec<i32>> {
    let mut rest = Bytes(answer);
    rest.int()?; // correlation id
    let mut ids = Vec::new();
    for _ in 0..rest.int()? {
        ids.push(rest.int()?);
        rest.string()?; // host
        rest.int()?; // port
        rest.string()?; // rack
    }
    (rest.int()? >= 0).then_some(ids)
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn int(&mut self) -> Option<i32> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(i32::from_be_bytes(*head))
    }

    /// Skips a string; the length -1 means none.
    fn string(&mut self) -> Option<()> {
        let (head, tail) = self.0.split_first_chunk()?;
        let length = usize::try_from(i16::from_be_bytes(*head)).unwrap_or(0);
        self.0 = tail.get(length..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(controller: i32) -> Vec<u8> {
        let mut bytes = vec![
            0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0, 1, b'h', 0, 0, 0, 9, 0xff, 0xff,
        ];
        bytes.extend(controller.to_be_bytes());
        bytes
    }

    #[test]
    fn brokers_count_once_there_is_a_controller() {
        assert_eq!(parse(&answer(7)), Some(vec![7]));
        assert_eq!(parse(&answer(-1)), None);
        assert_eq!(parse(&answer(7)[..9]), None);
    }
}
