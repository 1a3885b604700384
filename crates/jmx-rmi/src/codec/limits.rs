//! What one reply may cost.

/// Limits for one reply. The peer is not trusted: every length in a stream is a claim.
///
/// The defaults let a reply of 100,000 bean names pass and keep the memory of the worst hostile reply below about
/// `bytes + memory`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the reply. 100,000 names of beans with long topic names are about 20 MB.
    pub bytes: usize,
    /// Bytes the decoded objects may take. Needed beside `bytes` because `null` is one byte on the wire and sixteen in
    /// memory, and an empty string three and some fifty.
    pub memory: usize,
    /// Bytes of one string. Thread dumps and class paths are the long ones seen in practice, below 1 MiB.
    pub string: usize,
    /// Elements of one array.
    pub array: usize,
    /// Constructs (objects, descriptors, annotations) open at the same time. Java's own writer recurses and dies of a
    /// stack overflow after some thousands; real attributes stay below fifty.
    pub depth: usize,
    /// Classes in one chain of super classes. Six is the deepest in the JDK's own serializable classes.
    pub superclasses: usize,
    /// Fields of one class.
    pub fields: usize,
    /// Objects, strings, arrays and class descriptors in one reply. A name takes two.
    pub handles: usize,
    /// Values of all attributes of a reply together, shared ones counted each time they are seen; work that shows no
    /// values (searching an object's fields, parsing a name) is counted with them. What goes beyond is shown as omitted;
    /// the reply as a whole is not lost.
    pub values: usize,
    /// Depth of one attribute's value; what is deeper is shown as omitted.
    pub value_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 32 << 20,
            memory: 64 << 20,
            string: 4 << 20,
            array: 4 << 20,
            depth: 512,
            superclasses: 32,
            fields: 1024,
            handles: 1 << 20,
            values: 1 << 19,
            value_depth: 64,
        }
    }
}
