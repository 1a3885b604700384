//! Hostile streams: each ends in an error, and what it costs is bounded.

mod work;

use super::*;

/// A stream in the making.
#[derive(Default)]
struct Stream(Vec<u8>);

impl Stream {
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn utf(self, text: &str) -> Self {
        self.raw(&(text.len() as u16).to_be_bytes())
            .raw(text.as_bytes())
    }

    /// A class descriptor up to its fields: tag, name, version, flags, number of fields.
    fn class(self, name: &str, flags: u8, fields: u16) -> Self {
        self.raw(&[TC_CLASSDESC])
            .utf(name)
            .raw(&[0; 8])
            .raw(&[flags])
            .raw(&fields.to_be_bytes())
    }

    /// No annotation, no super class.
    fn end(self) -> Self {
        self.raw(&[TC_ENDBLOCKDATA, TC_NULL])
    }

    fn handle(self, number: u8) -> Self {
        self.raw(&[TC_REFERENCE, 0, 0x7e, 0, number])
    }

    fn array_of_objects(self) -> Self {
        self.raw(&[TC_ARRAY])
            .class("[Ljava.lang.Object;", SC_SERIALIZABLE, 0)
            .end()
    }

    fn decode(&self) -> Result<Option<Decoded>, DecodeError> {
        decode(&self.0, Limits::default()).0
    }
}

/// Also returns the memory that was counted.
fn decode(bytes: &[u8], limits: Limits) -> (Result<Option<Decoded>, DecodeError>, usize) {
    let mut decoder = Decoder::new(limits);
    let result = decoder.decode(&mut &*bytes);
    (result, decoder.memory)
}

fn limited(result: &Result<Option<Decoded>, DecodeError>, wanted: &str) -> bool {
    matches!(result, Err(DecodeError::Limit { what, .. }) if *what == wanted)
}

#[test]
fn a_claimed_length_costs_nothing() {
    for (length, wanted) in [
        (i32::MAX, true),
        (Limits::default().array as i32 + 1, true),
        (-1, false),
    ] {
        for class in ["[I", "[Ljava.lang.Object;", "[B"] {
            let head = Stream::default()
                .raw(&[TC_ARRAY])
                .class(class, SC_SERIALIZABLE, 0)
                .end();
            let (result, memory) = decode(&head.raw(&length.to_be_bytes()).0, Limits::default());
            let found = if wanted {
                limited(&result, "elements of an array")
            } else {
                result == Err(DecodeError::Length(-1))
            };
            assert!(found, "{class} {length}: {result:?}");
            assert!(memory < 1000);
        }
    }
    let within_its_own_limit = Stream::default()
        .array_of_objects()
        .raw(&1_000_000_i32.to_be_bytes());
    let (result, memory) = decode(&within_its_own_limit.0, Limits::default());
    assert_eq!(result, Ok(None));
    assert!(
        memory < 1000,
        "{memory} for an array of which nothing has come"
    );
}

#[test]
fn a_long_string_is_refused_before_it_comes() {
    let stream = Stream::default()
        .raw(&[TC_LONGSTRING])
        .raw(&(1_i64 << 40).to_be_bytes());
    assert!(limited(&stream.decode(), "bytes of a string"));
    let stream = Stream::default()
        .raw(&[TC_LONGSTRING])
        .raw(&(-1_i64).to_be_bytes());
    assert_eq!(stream.decode(), Err(DecodeError::Length(-1)));
}

#[test]
fn what_a_reply_may_hold_is_checked_when_it_is_claimed() {
    let limits = Limits {
        bytes: 1000,
        ..Limits::default()
    };
    let stream = Stream::default()
        .raw(&[TC_LONGSTRING])
        .raw(&1000_i64.to_be_bytes());
    // The tag and the length were not counted yet, so the claim passes; the bytes do not.
    let full = stream.raw(&[b'x'; 1000]);
    assert!(limited(
        &decode(&full.0, limits.clone()).0,
        "bytes in a reply"
    ));
    let endless = vec![TC_RESET; 1001];
    assert!(limited(&decode(&endless, limits).0, "bytes in a reply"));
}

#[test]
fn nesting_is_limited() {
    // class A { A next; }, and objects of it one in another.
    let mut stream = Stream::default()
        .raw(&[TC_OBJECT])
        .class("A", SC_SERIALIZABLE, 1);
    stream = stream
        .raw(b"L")
        .utf("next")
        .raw(&[TC_STRING])
        .utf("LA;")
        .end();
    for _ in 0..100_000 {
        stream = stream.raw(&[TC_OBJECT]).handle(0);
    }
    let (result, memory) = decode(&stream.0, Limits::default());
    assert!(limited(&result, "nesting"));
    assert!(memory < 200_000, "{memory}");
}

#[test]
fn chains_of_super_classes_are_limited_and_have_an_end() {
    let mut deep = Stream::default().raw(&[TC_OBJECT]);
    for number in 0..100 {
        deep = deep
            .class(&format!("C{number}"), SC_SERIALIZABLE, 0)
            .raw(&[TC_ENDBLOCKDATA]);
    }
    assert!(limited(&deep.raw(&[TC_NULL]).decode(), "super classes"));

    let own = Stream::default()
        .raw(&[TC_OBJECT])
        .class("A", SC_SERIALIZABLE, 0)
        .raw(&[TC_ENDBLOCKDATA])
        .handle(0);
    let problem = "is its own super class";
    assert_eq!(
        own.decode(),
        Err(DecodeError::Class {
            class: "A".to_owned(),
            problem
        })
    );

    // An object of a class inside the annotation of that class.
    let inside = Stream::default()
        .class("A", SC_SERIALIZABLE, 0)
        .raw(&[TC_OBJECT])
        .handle(0);
    let problem = "is used inside its own descriptor";
    assert_eq!(
        inside.decode(),
        Err(DecodeError::Class {
            class: "A".to_owned(),
            problem
        })
    );
}

#[test]
fn long_chains_over_many_objects_are_limited_too() {
    // Each class has the one before it as super class, by handle; none is nested in another.
    let mut stream = Stream::default()
        .array_of_objects()
        .raw(&1000_i32.to_be_bytes());
    stream = stream.class("C", SC_SERIALIZABLE, 0).end();
    for number in 2..200 {
        stream = stream
            .class("C", SC_SERIALIZABLE, 0)
            .raw(&[TC_ENDBLOCKDATA])
            .handle(number);
    }
    assert!(limited(&stream.decode(), "super classes"));
}

#[test]
fn one_byte_nulls_are_counted_by_what_they_take() {
    let limits = Limits {
        memory: 100_000,
        ..Limits::default()
    };
    let mut stream = Stream::default()
        .array_of_objects()
        .raw(&1_000_000_i32.to_be_bytes())
        .0;
    stream.extend([TC_NULL; 50_000]);
    let (result, memory) = decode(&stream, limits);
    assert!(limited(&result, "memory for a reply"));
    assert!(memory < 101_000);
}

#[test]
fn empty_strings_and_objects_are_counted_by_what_they_take() {
    for element in [
        vec![TC_STRING, 0, 0],
        vec![TC_OBJECT, TC_REFERENCE, 0, 0x7e, 0, 2],
    ] {
        let limits = Limits {
            memory: 1 << 20,
            ..Limits::default()
        };
        let mut stream = Stream::default()
            .array_of_objects()
            .raw(&1_000_000_i32.to_be_bytes());
        stream = stream.class("A", SC_SERIALIZABLE, 0).end();
        for _ in 0..50_000 {
            stream = stream.raw(&element);
        }
        assert!(limited(&decode(&stream.0, limits).0, "memory for a reply"));
    }
}

#[test]
fn endless_annotations_are_limited() {
    let mut stream = Stream::default()
        .raw(&[TC_OBJECT])
        .class("A", SC_SERIALIZABLE | SC_WRITE_METHOD, 0)
        .end();
    for _ in 0..100_000 {
        stream = stream.raw(&[TC_BLOCKDATA, 0]);
    }
    let limits = Limits {
        memory: 1 << 20,
        ..Limits::default()
    };
    assert!(limited(&decode(&stream.0, limits).0, "memory for a reply"));
}

#[test]
fn handles_that_were_not_given_out_are_refused() {
    for handle in [
        [0, 0x7e, 0, 0],
        [0, 0, 0, 0],
        [0xff; 4],
        [0, 0x7d, 0xff, 0xff],
    ] {
        let stream = Stream::default().raw(&[TC_REFERENCE]).raw(&handle);
        assert!(
            matches!(stream.decode(), Err(DecodeError::Handle { .. })),
            "{handle:?}"
        );
    }
    let string_as_class = Stream::default()
        .array_of_objects()
        .raw(&2_i32.to_be_bytes());
    let string_as_class = string_as_class
        .raw(&[TC_STRING])
        .utf("x")
        .raw(&[TC_OBJECT])
        .handle(2);
    assert!(matches!(
        string_as_class.decode(),
        Err(DecodeError::Handle {
            expected: "a class",
            ..
        })
    ));
}

#[test]
fn what_cannot_be_an_object_is_refused() {
    let object = |flags| {
        Stream::default()
            .raw(&[TC_OBJECT])
            .class("A", flags, 0)
            .end()
    };
    assert!(matches!(object(0).decode(), Err(DecodeError::Class { .. })));
    assert!(matches!(
        object(SC_EXTERNALIZABLE).decode(),
        Err(DecodeError::Class { .. })
    ));
    assert!(matches!(
        object(SC_SERIALIZABLE | SC_EXTERNALIZABLE).decode(),
        Err(DecodeError::Class { .. })
    ));
    let array = Stream::default()
        .raw(&[TC_ARRAY])
        .class("[X", SC_SERIALIZABLE, 0)
        .end()
        .raw(&[0; 4]);
    assert!(matches!(array.decode(), Err(DecodeError::Class { .. })));
    assert!(matches!(
        Stream::default().raw(b"H").decode(),
        Err(DecodeError::Unexpected { .. })
    ));
    let twice = Stream::default().raw(&[TC_EXCEPTION, TC_EXCEPTION]);
    assert!(matches!(
        twice.decode(),
        Err(DecodeError::Unexpected { .. })
    ));
    let no_class = Stream::default().raw(&[TC_OBJECT, TC_NULL]);
    assert!(matches!(no_class.decode(), Err(DecodeError::Shape { .. })));
    let field = Stream::default()
        .class("A", SC_SERIALIZABLE, 1)
        .raw(b"?")
        .utf("f");
    assert!(matches!(
        field.decode(),
        Err(DecodeError::Unexpected { .. })
    ));
}

/// Protocol 2 is not what RMI uses; where it is used, an externalizable object can be passed over.
#[test]
fn externalizable_objects_of_protocol_2_have_an_end() {
    let flags = SC_EXTERNALIZABLE | SC_BLOCK_DATA;
    let stream = Stream::default()
        .raw(&[TC_OBJECT])
        .class("A", flags, 0)
        .end();
    let stream = stream.raw(&[
        TC_BLOCKDATA,
        2,
        1,
        2,
        TC_NULL,
        TC_BLOCKDATALONG,
        0,
        0,
        0,
        1,
        9,
        TC_ENDBLOCKDATA,
    ]);
    let decoded = stream.decode().unwrap().unwrap();
    let object = decoded.graph.object(decoded.root).unwrap();
    let block = |bytes: &[u8]| Content::Block(bytes.into());
    assert_eq!(
        object.annotations[0].1,
        [block(&[1, 2]), Content::Item(Item::Null), block(&[9])]
    );
}

#[test]
fn durations_and_instants_are_read_although_they_are_externalizable() {
    let stream = Stream::default()
        .raw(&[TC_OBJECT])
        .class("java.time.Ser", SC_EXTERNALIZABLE, 0)
        .end();
    let stream = stream
        .raw(&[1])
        .raw(&90_i64.to_be_bytes())
        .raw(&5_i32.to_be_bytes());
    let decoded = stream.decode().unwrap().unwrap();
    assert_eq!(
        decoded
            .graph
            .object(decoded.root)
            .unwrap()
            .annotations
            .len(),
        1
    );
}

#[test]
fn a_reset_between_objects_starts_the_handles_anew() {
    let stream = Stream::default().raw(&[TC_RESET, TC_STRING]).utf("x");
    assert!(stream.decode().unwrap().is_some());
    let inside = Stream::default()
        .array_of_objects()
        .raw(&[0, 0, 0, 1, TC_RESET]);
    assert!(matches!(
        inside.decode(),
        Err(DecodeError::Unexpected { .. })
    ));
}
