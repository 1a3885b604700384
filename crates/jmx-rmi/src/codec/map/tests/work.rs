//! Streams that are small and would be much work: references to one object that is hard to understand.

use super::*;
use crate::codec::decoder::Decoder;

/// References in the stream: few beside what its bytes allow.
const REFERENCES: u32 = 200;
const NAMED: u8 = 2;
const WRITES: u8 = 3;

fn utf(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

/// A class descriptor with `boolean` fields, up to its super class.
fn described(name: &str, flags: u8, fields: &[String]) -> Vec<u8> {
    let mut bytes = [&[0x72], &utf(name)[..], &[0; 8], &[flags]].concat();
    bytes.extend((fields.len() as u16).to_be_bytes());
    for field in fields {
        bytes.extend([&b"Z"[..], &utf(field)].concat());
    }
    bytes.push(0x78);
    bytes
}

/// An array that begins with an object and goes on with references to it. The array's class and the array itself have
/// the first two handles, so `handle` is at least 2.
fn repeated(object: &[u8], handle: u32) -> Graph {
    let array = described("[Ljava.lang.Object;", NAMED, &[]);
    let mut stream = [&[0x75], &array[..], &[0x70]].concat();
    stream.extend((REFERENCES + 1).to_be_bytes());
    stream.extend(object);
    for _ in 0..REFERENCES {
        stream.push(0x71);
        stream.extend((0x7e_0000 + handle).to_be_bytes());
    }
    let mut decoder = Decoder::new(Limits::default());
    decoder.decode(&mut &stream[..]).unwrap().unwrap().graph
}

/// Of the graph's outermost array.
fn found(graph: &Graph) -> Value {
    let is_array = |node: &Node| matches!(node, Node::Array(..));
    let first = graph.nodes.iter().position(is_array).unwrap();
    let mut mapper = Mapper::new(graph, &Limits::default());
    mapper.attribute(Item::Node(NodeId(first as u32)))
}

fn too_large(value: &Value) -> bool {
    matches!(
        value,
        Value::Omitted {
            reason: Omission::TooLarge,
            ..
        }
    )
}

/// `java.lang.Boolean` above classes which are all called `java.math.BigDecimal` and have many fields.
fn disguised(classes: u32, fields: usize) -> Graph {
    let names: Vec<String> = (0..fields).map(|number| number.to_string()).collect();
    let mut object = vec![0x73];
    for _ in 0..classes {
        object.extend(described("java.math.BigDecimal", NAMED, &names));
    }
    object.extend(described("java.lang.Boolean", NAMED, &["value".to_owned()]));
    object.push(0x70);
    object.extend(vec![0; classes as usize * fields + 1]);
    repeated(&object, 2 + 1 + classes)
}

#[test]
fn fields_that_are_searched_again_and_again_are_counted() {
    assert!(too_large(&found(&disguised(31, 200))));
    let Value::Array(shown) = found(&disguised(2, 2)) else {
        panic!("an ordinary object is shown");
    };
    assert_eq!(shown.len(), REFERENCES as usize + 1);
}

/// A queue that does not end in null, so that it is not taken for one.
fn endless(elements: usize) -> Graph {
    let name = "java.util.concurrent.ConcurrentLinkedQueue";
    let mut object = [&[0x73], &described(name, WRITES, &[])[..], &[0x70]].concat();
    object.extend(vec![0x70; elements]);
    // The last element is an empty string.
    object.extend([0x74, 0, 0, 0x78]);
    repeated(&object, 3)
}

#[test]
fn elements_that_are_looked_at_in_vain_are_counted() {
    assert!(too_large(&found(&endless(400_000))));
    assert!(matches!(found(&endless(3)), Value::Array(_)));
}

/// The same attribute again and again, its name among many fields.
#[test]
fn fields_of_attributes_are_counted() {
    let mut graph = Graph::default();
    let names: Vec<String> = (0..30_000).map(|number| number.to_string()).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.extend(["name", "value"]);
    let attribute = class(&mut graph, "javax.management.Attribute", &names);
    let list = class(&mut graph, "java.util.ArrayList", &[]);
    let text = node(&mut graph, Node::Text("same".into()));
    let one = ObjectNode {
        class: attribute,
        fields: vec![text; names.len()],
        annotations: Vec::new(),
    };
    let one = node(&mut graph, Node::Object(one));
    let all = ObjectNode {
        class: list,
        fields: Vec::new(),
        annotations: vec![(list, vec![Content::Item(one); 2_000])],
    };
    let root = node(&mut graph, Node::Object(all));
    let reply = Decoded {
        graph,
        root,
        aborted: false,
    };
    let refused = attributes(&reply, &Limits::default());
    assert!(
        matches!(refused, Err(DecodeError::Limit { .. })),
        "{:?}",
        refused.map(|all| all.len())
    );
}
