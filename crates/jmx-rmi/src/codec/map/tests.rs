//! Graphs that are not trees.

mod work;

use super::*;
use crate::codec::DecodeError;
use crate::codec::decoder::Decoded;
use crate::codec::graph::{Class, ClassId, Content};

/// Arrays of objects: each element is the number of another array.
fn arrays(elements: &[&[u32]]) -> Graph {
    let mut graph = Graph::default();
    let class = ClassId(0);
    graph.classes.push(Class {
        name: "[Ljava.lang.Object;".into(),
        flags: 2,
        fields: Vec::new(),
        chain: vec![class],
    });
    for items in elements {
        let items = items.iter().map(|id| Item::Node(NodeId(*id))).collect();
        graph.nodes.push(Node::Array(class, items));
    }
    graph
}

fn value(graph: &Graph, limits: &Limits) -> Value {
    Mapper::new(graph, limits).attribute(Item::Node(NodeId(0)))
}

#[test]
fn a_handle_bomb_is_one_omitted_value() {
    let levels: Vec<[u32; 10]> = (1..=40).map(|next| [next; 10]).collect();
    let mut elements: Vec<&[u32]> = levels.iter().map(|level| level.as_slice()).collect();
    elements.push(&[]);
    let graph = arrays(&elements);
    let class = "[Ljava.lang.Object;".into();
    assert_eq!(
        value(&graph, &Limits::default()),
        Value::Omitted {
            class,
            reason: Omission::TooLarge
        }
    );
}

#[test]
fn a_chain_of_references_is_not_followed_for_ever() {
    let links: Vec<[u32; 1]> = (1..10_000).map(|next| [next]).collect();
    let mut elements: Vec<&[u32]> = links.iter().map(|link| link.as_slice()).collect();
    elements.push(&[]);
    let reason = Omission::TooLarge;
    assert!(
        matches!(value(&arrays(&elements), &Limits::default()), Value::Omitted { reason: found, .. } if found == reason)
    );
}

#[test]
fn a_cycle_is_shown_where_it_closes() {
    let class = "[Ljava.lang.Object;".into();
    let cycle = Value::Omitted {
        class,
        reason: Omission::Cycle,
    };
    let found = value(&arrays(&[&[1, 2], &[0], &[]]), &Limits::default());
    assert_eq!(
        found,
        Value::Array(vec![Value::Array(vec![cycle]), Value::Array(Vec::new())])
    );
}

#[test]
fn what_is_shared_is_shown_twice() {
    let found = value(&arrays(&[&[1, 1], &[]]), &Limits::default());
    assert_eq!(
        found,
        Value::Array(vec![Value::Array(Vec::new()), Value::Array(Vec::new())])
    );
}

#[test]
fn a_large_value_does_not_take_the_next_one_with_it_unless_the_budget_is_gone() {
    let limits = Limits {
        values: 10,
        value_depth: 2,
        ..Limits::default()
    };
    let graph = arrays(&[&[1], &[2], &[]]);
    let mut mapper = Mapper::new(&graph, &limits);
    assert!(matches!(
        mapper.attribute(Item::Node(NodeId(0))),
        Value::Omitted { .. }
    ));
    assert_eq!(
        mapper.attribute(Item::Node(NodeId(2))),
        Value::Array(Vec::new())
    );
}

fn class(graph: &mut Graph, name: &str, fields: &[&str]) -> ClassId {
    let id = ClassId(graph.classes.len() as u32);
    graph.classes.push(Class {
        name: name.into(),
        flags: 3,
        fields: fields.iter().map(|name| (b'L', (*name).into())).collect(),
        chain: vec![id],
    });
    id
}

fn node(graph: &mut Graph, node: Node) -> Item {
    graph.nodes.push(node);
    Item::Node(NodeId(graph.nodes.len() as u32 - 1))
}

/// An `MBeanInfo` whose attributes are one and the same, so many times.
fn repeated_attribute(times: usize) -> Decoded {
    let mut graph = Graph::default();
    let array = class(&mut graph, "[Ljava.lang.Object;", &[]);
    let feature = class(&mut graph, "javax.management.MBeanFeatureInfo", &["name"]);
    let bean = class(&mut graph, "javax.management.MBeanInfo", &["attributes"]);
    let text = node(&mut graph, Node::Text("same".into()));
    let names = node(&mut graph, Node::Array(array, vec![text; 1000]));
    let written = [
        Content::Block([1].into()),
        Content::Item(names),
        Content::Item(names),
    ];
    let attribute = ObjectNode {
        class: feature,
        fields: vec![text],
        annotations: vec![(feature, written.into())],
    };
    let attribute = node(&mut graph, Node::Object(attribute));
    let attributes = node(&mut graph, Node::Array(array, vec![attribute; times]));
    let info = ObjectNode {
        class: bean,
        fields: vec![attributes],
        annotations: Vec::new(),
    };
    let root = node(&mut graph, Node::Object(info));
    Decoded {
        graph,
        root,
        aborted: false,
    }
}

#[test]
fn an_info_that_repeats_itself_is_refused() {
    let limits = Limits::default();
    let info = mbean_info(&repeated_attribute(3), &limits).unwrap();
    assert_eq!(info.attributes.len(), 3);
    assert_eq!(&*info.attributes[2].name, "same");
    assert_eq!(info.attributes[2].descriptor.fields.len(), 1000);
    let refused = mbean_info(&repeated_attribute(1_000_000), &limits);
    let what = "values in a reply";
    assert_eq!(
        refused,
        Err(DecodeError::Limit {
            what,
            limit: limits.values
        })
    );
}
