//! Brings memory near the core before it is needed.

/// Bytes of a cache line on the machines that we know.
const LINE_BYTES: usize = 64;

/// Asks for all cache lines of a value. A hint: it reads nothing, changes nothing and cannot fault;
/// where there is no such instruction it does nothing.
#[inline]
pub fn bring_near<T: ?Sized>(value: &T) {
    let (start, bytes) = (core::ptr::from_ref(value).cast::<i8>(), size_of_val(value));
    for offset in (0..bytes).step_by(LINE_BYTES) {
        ask_for(start.wrapping_add(offset));
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
#[allow(unsafe_code, reason = "the hint has no safe form")]
fn ask_for(line: *const i8) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch accesses nothing: any address may be named, whoever else reads or writes there.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line) }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
fn ask_for(_: *const i8) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_may_be_brought_near() {
        bring_near(&[0_u8; 1000]);
        bring_near::<[u64]>(&[]);
        bring_near("text");
        let boxed: Box<dyn Fn() -> u32> = Box::new(|| 7);
        bring_near(&*boxed);
    }
}
