//! What can be wrong with bytes.

/// Why bytes are not an object stream, or not the reply that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A byte that cannot be where it is.
    #[error("byte {found:#04x} where {expected} should be, {position} bytes into the reply")]
    Unexpected {
        /// The byte.
        found: u8,
        /// What the grammar wants there.
        expected: &'static str,
        /// Bytes of the reply before it.
        position: usize,
    },
    /// The reply breaks one of the [`Limits`](crate::Limits).
    #[error("{what} above the limit of {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A length that cannot be one.
    #[error("a length of {0}")]
    Length(i64),
    /// A handle that was not given out, or stands for something of another kind.
    #[error("handle {handle:#x} does not stand for {expected}")]
    Handle {
        /// The handle as in the stream.
        handle: u32,
        /// What was wanted.
        expected: &'static str,
    },
    /// A string that is not modified UTF-8.
    #[error("a string that is not modified UTF-8")]
    Utf,
    /// A class which says of itself what cannot be.
    #[error("class {class} {problem}")]
    Class {
        /// Name of the class.
        class: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A well-formed reply of another shape than the call's.
    #[error("the reply holds {found} where {expected} should be")]
    Shape {
        /// Class or kind of what is there.
        found: String,
        /// What was asked for.
        expected: &'static str,
    },
}
