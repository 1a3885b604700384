//! How much work decoding is.

use super::*;

/// Steps tried to decode a stream that comes in pieces of some size.
fn steps(stream: &[u8], piece: usize) -> usize {
    let mut decoder = Decoder::new(Limits::default());
    let (mut taken, mut end) = (0, 0);
    while end < stream.len() {
        end = stream.len().min(end + piece);
        let mut rest = &stream[taken..end];
        assert!(decoder.decode(&mut rest).is_ok());
        taken = end - rest.len();
    }
    assert_eq!(taken, stream.len());
    decoder.steps
}

/// A piece of a stream adds one step, which finds that bytes are missing; nothing is decoded twice.
#[test]
fn work_is_linear_however_small_the_pieces_are() {
    let list = |length: usize| {
        let mut stream = Stream::default()
            .array_of_objects()
            .raw(&(length as i32).to_be_bytes());
        for number in 0..length {
            stream = match number % 3 {
                0 => stream
                    .raw(&[TC_STRING])
                    .utf("some text that comes in pieces"),
                1 => stream.raw(&[TC_NULL]),
                _ => stream
                    .raw(&[TC_OBJECT])
                    .class("A", SC_SERIALIZABLE, 0)
                    .end(),
            };
        }
        stream.0
    };
    let (short, long) = (list(300), list(3000));
    let whole = steps(&long, usize::MAX);
    assert!(whole <= 10 * steps(&short, usize::MAX), "{whole} steps");
    for piece in [1, 2, 7, 1000] {
        let pieces = long.len().div_ceil(piece);
        assert!(steps(&long, piece) <= whole + pieces, "pieces of {piece}");
    }
}
