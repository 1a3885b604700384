//! What every call across the border needs: memory that is freed, texts and arrays that are copied.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka_sys as sys;

use super::Failure;

/// Functions whose bindings return or take enums that the wire can overflow, as integers.
pub(super) mod raw {
    use super::{c_char, c_int, sys};

    unsafe extern "C" {
        pub(in super::super) fn rd_kafka_event_error(event: *mut sys::rd_kafka_event_t) -> c_int;
        pub(in super::super) fn rd_kafka_error_code(error: *const sys::rd_kafka_error_t) -> c_int;
        pub(in super::super) fn rd_kafka_err2name(code: c_int) -> *const c_char;
        pub(in super::super) fn rd_kafka_err2str(code: c_int) -> *const c_char;
        pub(in super::super) fn rd_kafka_metadata(
            client: *mut sys::rd_kafka_t,
            all_topics: c_int,
            only: *mut sys::rd_kafka_topic_t,
            metadata: *mut *const sys::rd_kafka_metadata,
            timeout_ms: c_int,
        ) -> c_int;
    }
}

/// Room for librdkafka's error texts, as its own examples have it.
pub(super) const ERROR_TEXT: usize = 512;

/// Something of librdkafka's that we free.
pub(super) struct Owned<T> {
    raw: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// # Safety
    /// `raw` is null or ours, and `free` is what frees it.
    pub(super) unsafe fn new(raw: *mut T, free: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, free })
    }

    pub(super) fn as_ptr(&self) -> *mut T {
        self.raw.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: by the contract of `new`; dropped once.
        unsafe { (self.free)(self.raw.as_ptr()) }
    }
}

pub(super) fn millis(timeout: Duration) -> c_int {
    c_int::try_from(timeout.as_millis())
        .unwrap_or(c_int::MAX)
        .max(1)
}

pub(super) fn c_string(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::of_code(Failure::INVALID))
}

pub(super) fn broker_id(id: i32) -> Option<i32> {
    (id >= 0).then_some(id)
}

/// Text that librdkafka wrote into our buffer.
pub(super) fn buffer(bytes: &[c_char; ERROR_TEXT]) -> String {
    let bytes: Vec<u8> = bytes
        .iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| byte.cast_unsigned())
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// # Safety
/// `raw` is null or a C string that lives during the call.
pub(super) unsafe fn text(raw: *const c_char) -> Option<String> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: not null, and a C string by contract.
    let text = unsafe { CStr::from_ptr(raw) };
    Some(text.to_string_lossy().into_owned())
}

/// Pointers to the elements of a C array.
///
/// # Safety
/// `first` is null or the first of `count` elements.
pub(super) unsafe fn each<T>(
    first: *const T,
    count: impl TryInto<usize>,
) -> impl Iterator<Item = *const T> {
    let count = if first.is_null() {
        0
    } else {
        count.try_into().unwrap_or(0)
    };
    // SAFETY: below `count`, by contract.
    (0..count).map(move |index| unsafe { first.add(index) })
}

/// The elements of a C array of pointers that are not null.
///
/// # Safety
/// `first` is null or the first of `count` pointers.
pub(super) unsafe fn pointers<T>(
    first: *mut *const T,
    count: usize,
) -> impl Iterator<Item = *const T> {
    // SAFETY: by contract; each element is a pointer.
    unsafe { each(first.cast_const(), count).map(|at| *at) }.filter(|element| !element.is_null())
}
