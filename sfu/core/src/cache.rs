//! Asks the processor for memory before it is needed.
//!
//! Between two packets of a call everything else has been through the cache, and what belongs to one
//! subscriber is in a dozen places. Waiting for each when it is read takes longer than reading it.

/// What comes from memory at once, in bytes.
const LINE: usize = 64;

/// Has all of `value` fetched, as it lies there: not what it points to.
pub(crate) fn fetch<T>(value: &T) {
    fetch_from(value, 1);
}

/// Has the beginning of `value` fetched.
pub(crate) fn fetch_start<T>(value: &T) {
    fetch_line(std::ptr::from_ref(value).cast());
}

/// Has `count` values fetched, of which `first` is the first. There may be fewer.
pub(crate) fn fetch_from<T>(first: &T, count: usize) {
    let start = std::ptr::from_ref(first).cast::<u8>();
    let into_line = start.addr() % LINE;
    let length = into_line + count * size_of::<T>();
    for at in (0..length).step_by(LINE) {
        fetch_line(start.wrapping_sub(into_line).wrapping_add(at));
    }
}

fn fetch_line(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: it is a hint, which has no effect that a program could see, whatever the address is.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!(
            "prfm pldl1keep, [{address}]",
            address = in(reg) address,
            options(nostack, preserves_flags, readonly)
        );
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}
