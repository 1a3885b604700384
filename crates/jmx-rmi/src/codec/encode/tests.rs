use proptest::prelude::*;
use sha1::{Digest, Sha1};

use super::*;
use crate::codec::decoder::{Decoded, Decoder};
use crate::codec::{Content, Item, Limits};

/// Decodes all objects behind the header of a call.
fn arguments(call: &[u8]) -> Decoded {
    let mut rest = &call[1 + 4 + 2 + 34..];
    Decoder::new(Limits::default())
        .decode(&mut rest)
        .unwrap()
        .unwrap()
}

#[test]
fn a_lookup_is_what_a_java_client_sends() {
    let mut out = Vec::new();
    lookup(&mut out, "jmxrmi");
    let mut wanted = vec![0x50, 0xac, 0xed, 0, 5, 0x77, 34];
    wanted.extend([0; 22]);
    wanted.extend([
        0, 0, 0, 2, 0x44, 0x15, 0x4d, 0xc9, 0xd4, 0xe6, 0x3b, 0xdf, 0x74, 0, 6,
    ]);
    wanted.extend(b"jmxrmi");
    assert_eq!(out, wanted);
}

#[test]
fn arguments_are_objects_the_decoder_knows() {
    let mut out = Vec::new();
    let name: ObjectName = "a:k=v,*".parse().unwrap();
    query_names(&mut out, &ObjId::DGC, Some(&name));
    let decoded = arguments(&out);
    let object = decoded.graph.object(decoded.root).unwrap();
    assert!(decoded.graph.is_a(object, "javax.management.ObjectName"));
    assert_eq!(out[out.len() - 3..], [0x78, 0x70, 0x70]);

    out.clear();
    new_client(&mut out, &ObjId::DGC, Some(("user", "pass")));
    assert_eq!(&*decoded_class(&arguments(&out)), "[Ljava.lang.String;");
}

fn decoded_class(decoded: &Decoded) -> std::sync::Arc<str> {
    assert!(matches!(decoded.root, Item::Node(_)));
    decoded.graph.describe(decoded.root)
}

#[test]
fn long_strings_change_their_tag() {
    let mut out = Vec::new();
    string(&mut out, &"x".repeat(65_536));
    assert_eq!(out[..9], [0x7c, 0, 0, 0, 0, 0, 1, 0, 0]);
    let decoded = Decoder::new(Limits::default())
        .decode(&mut &*out)
        .unwrap()
        .unwrap();
    assert_eq!(decoded.graph.text(decoded.root).unwrap().len(), 65_536);
}

/// RMI specification, section 8.3.
fn hash(signature: &str) -> i64 {
    let mut utf = (signature.len() as u16).to_be_bytes().to_vec();
    utf.extend(signature.as_bytes());
    i64::from_le_bytes(Sha1::digest(utf)[..8].try_into().unwrap())
}

#[test]
fn hashes_are_those_of_the_signatures() {
    const NAME: &str = "Ljavax/management/ObjectName;";
    const SUBJECT: &str = "Ljavax/security/auth/Subject;";
    let new_client = "newClient(Ljava/lang/Object;)Ljavax/management/remote/rmi/RMIConnection;";
    let query_names =
        format!("queryNames({NAME}Ljava/rmi/MarshalledObject;{SUBJECT})Ljava/util/Set;");
    let get_attributes = format!(
        "getAttributes({NAME}[Ljava/lang/String;{SUBJECT})Ljavax/management/AttributeList;"
    );
    assert_eq!(hash(new_client), NEW_CLIENT);
    assert_eq!(hash(&query_names), QUERY_NAMES);
    assert_eq!(hash(&get_attributes), GET_ATTRIBUTES);
    let get_attribute =
        format!("getAttribute({NAME}Ljava/lang/String;{SUBJECT})Ljava/lang/Object;");
    assert_eq!(hash(&get_attribute), GET_ATTRIBUTE);
    assert_eq!(hash("close()V"), CLOSE);
    let info = format!("getMBeanInfo({NAME}{SUBJECT})Ljavax/management/MBeanInfo;");
    assert_eq!(hash(&info), GET_MBEAN_INFO);
    let domain = format!("getDefaultDomain({SUBJECT})Ljava/lang/String;");
    assert_eq!(hash(&domain), GET_DEFAULT_DOMAIN);
    assert_eq!(
        hash("getConnectionId()Ljava/lang/String;"),
        GET_CONNECTION_ID
    );
}

#[test]
fn a_renewal_holds_one_object_and_one_lease() {
    let holder = Vmid {
        address: *b"12345678",
        unique: 1,
        time: 2,
        count: 3,
    };
    let mut out = Vec::new();
    dirty(
        &mut out,
        &ObjId {
            number: 7,
            unique: 4,
            time: 5,
            count: 6,
        },
        9,
        600_000,
        &holder,
    );
    // The arguments are two objects with a number between them; the handles count through.
    let mut rest = &out[1 + 4 + 2 + 34..];
    let ids = Decoder::new(Limits::default())
        .decode(&mut rest)
        .unwrap()
        .unwrap();
    assert_eq!(&*ids.graph.describe(ids.root), "[Ljava.rmi.server.ObjID;");
    assert_eq!(rest[..10], [0x77, 8, 0, 0, 0, 0, 0, 0, 0, 9]);
    // Seen as the annotation of one object, the whole of it can be decoded and its references resolve.
    let mut whole = b"\x73\x72\x00\x01A\0\0\0\0\0\0\0\0\x03\0\0\x78\x70".to_vec();
    let shift = 2;
    let mut arguments = out[1 + 4 + 2 + 34..].to_vec();
    for at in 0..arguments.len() - 5 {
        if arguments[at..at + 4] == [0x71, 0, 0x7e, 0] {
            arguments[at + 4] += shift;
        }
    }
    whole.extend(arguments);
    whole.push(0x78);
    let decoded = Decoder::new(Limits::default())
        .decode(&mut &*whole)
        .unwrap()
        .unwrap();
    let object = decoded.graph.object(decoded.root).unwrap();
    let Some([.., Content::Item(lease)]) = decoded.graph.annotation(object, "A") else {
        panic!("no lease in {:?}", object.annotations);
    };
    let lease = decoded.graph.object(*lease).unwrap();
    assert_eq!(
        decoded.graph.field(lease, "value"),
        Some(Item::Long(600_000))
    );
    let vmid = decoded
        .graph
        .object(decoded.graph.field(lease, "vmid").unwrap())
        .unwrap();
    let uid = decoded
        .graph
        .object(decoded.graph.field(vmid, "uid").unwrap())
        .unwrap();
    assert!(decoded.graph.is_a(uid, "java.rmi.server.UID"));
    assert_eq!(uid.fields, [Item::Short(3), Item::Long(2), Item::Int(1)]);
}

/// The objects behind the header of a call, which share no handle.
fn objects(call: &[u8]) -> Vec<Decoded> {
    let mut rest = &call[1 + 4 + 2 + 34..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let mut decoder = Decoder::new(Limits::default());
        found.push(decoder.decode(&mut rest).unwrap().unwrap());
    }
    found
}

proptest! {
    #[test]
    fn what_is_asked_for_arrives(
        domain in "[a-zA-Z0-9. é😀]{0,12}",
        value in any::<String>(),
        attributes in prop::collection::vec(any::<String>(), 0..5),
    ) {
        let name: ObjectName = format!("{domain}:k={}", crate::quote(&value)).parse().unwrap();
        let mut out = Vec::new();
        get_attributes(&mut out, &ObjId::DGC, &name, &attributes);
        let [bean, wanted, subject] = &objects(&out)[..] else {
            panic!("three arguments");
        };
        let object = bean.graph.object(bean.root).unwrap();
        let Some([Content::Item(text)]) = bean.graph.annotation(object, "javax.management.ObjectName") else {
            panic!("no name in {object:?}");
        };
        prop_assert_eq!(&**bean.graph.text(*text).unwrap(), name.as_str());
        prop_assert_eq!(texts(wanted), attributes);
        prop_assert_eq!(subject.root, Item::Null);
    }

    #[test]
    fn credentials_arrive(user in any::<String>(), password in any::<String>()) {
        let mut out = Vec::new();
        new_client(&mut out, &ObjId::REGISTRY, Some((&user, &password)));
        prop_assert_eq!(texts(&objects(&out)[0]), [user, password]);
    }

    #[test]
    fn an_object_id_arrives(number: i64, unique: i32, time: i64, count: i16) {
        let id = ObjId { number, unique, time, count };
        let mut out = Vec::new();
        close(&mut out, &id);
        let mut wanted = vec![0x50, 0xac, 0xed, 0, 5, 0x77, 34];
        id.encode(&mut wanted);
        prop_assert!(out.starts_with(&wanted));
        let mut ids = Vec::new();
        object_ids(&mut ids, &id);
        let decoded = Decoder::new(Limits::default()).decode(&mut &*ids).unwrap().unwrap();
        let text = format!("{:?}", decoded.graph);
        for part in [format!("Long({number})"), format!("Int({unique})"), format!("Long({time})"), format!("Short({count})")] {
            prop_assert!(text.contains(&part), "{} in {}", part, text);
        }
    }
}

/// The strings of an array.
fn texts(array: &Decoded) -> Vec<String> {
    let Item::Node(id) = array.root else {
        panic!("no array: {:?}", array.root);
    };
    let Some(crate::codec::Node::Array(_, items)) = array.graph.node(id) else {
        panic!("no array");
    };
    items
        .iter()
        .map(|item| array.graph.text(*item).unwrap().to_string())
        .collect()
}
