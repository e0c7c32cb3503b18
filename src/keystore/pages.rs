//! Memory for secrets: pages that are locked while a secret lies in them, and a heap that wipes what is given back. And the
//! descriptor through which secrets are handed over.
//!
//! This is the only module with unsafe code: a heap, and the locking of pages, are made of addresses, and an inherited
//! descriptor is a bare number.
#![expect(
    unsafe_code,
    reason = "memory is taken by its address, and what is inherited by its number"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::hint::black_box;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};
use std::ptr::from_mut;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

/// The system's heap; once [`Heap::wipe_from_now_on`] was called, every block is overwritten with zeros before it is given
/// back. So the copies that libraries make of a secret are gone when they are freed, whether the library wipes or not.
#[derive(Debug, Clone, Copy)]
pub struct Heap;

static WIPES: AtomicBool = AtomicBool::new(false);

impl Heap {
    /// Wipes what is given back from now on. Before that nothing is, so that commands without secrets pay nothing.
    pub fn wipe_from_now_on() {
        WIPES.store(true, Ordering::Relaxed);
    }
}

// SAFETY: the blocks are the system's own, with the layouts that were asked for; only their bytes are changed, and only while
// they are ours: before they are given back.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WIPES.load(Ordering::Relaxed) {
            // SAFETY: the block has this many bytes, and nobody uses them any more.
            unsafe { block.write_bytes(0, layout.size()) };
            // What is looked at afterwards cannot be left out by the compiler.
            black_box(block);
        }
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !WIPES.load(Ordering::Relaxed) {
            // SAFETY: as the caller promised.
            return unsafe { System.realloc(block, layout, size) };
        }
        // The system may move a block without wiping where it was, so it is moved here.
        // SAFETY: the caller promised that this size with this alignment is a layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the size is not zero, as the caller promised.
        let new = unsafe { System.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: both blocks have at least that many bytes, and they are two.
            unsafe { new.copy_from_nonoverlapping(block, layout.size().min(size)) };
            // SAFETY: the block came from here with this layout, and is not used any more.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}

/// A value in pages of its own that the system does not write to swap, where it lets us say so; that it does not is a remark
/// of the room check and no error.
///
/// The value is dropped where it lies, so a type that wipes itself is wiped there; then the dead part of the stack is
/// overwritten as well, since what made or used the value may have left copies there.
pub struct Locked<T>(Box<Page<T>>);

/// Pages of 4 KiB, whole ones. Where the system's pages are larger, neighbours may share one, and the first to go
/// unlocks it for all.
#[repr(align(4096))]
struct Page<T>(ManuallyDrop<T>);

impl<T> Locked<T> {
    /// Moves the value into pages of its own.
    pub fn new(value: T) -> Self {
        let mut page = Box::new(Page(ManuallyDrop::new(value)));
        // SAFETY: the range is that of the box; locking changes no byte of it.
        let _ = unsafe { rustix::mm::mlock(from_mut(&mut *page).cast(), size_of::<Page<T>>()) };
        Self(page)
    }
}

impl<T> Deref for Locked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.0
    }
}

impl<T> DerefMut for Locked<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.0
    }
}

impl<T> Drop for Locked<T> {
    fn drop(&mut self) {
        // SAFETY: it is dropped here and nowhere else, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.0.0) };
        // SAFETY: the range is that of the box, which is still ours.
        let _ = unsafe { rustix::mm::munlock(from_mut(&mut *self.0).cast(), size_of::<Page<T>>()) };
        wipe_stack();
    }
}

/// Takes over a descriptor that this process inherited: it is closed with the file, and no child inherits it again.
///
/// Whatever is opened here closes on exec, and what was inherited does not; by that the one is told from the other, and
/// only what belongs to nobody here is taken. Standard input and outputs are not taken.
pub fn inherited(number: u32) -> io::Result<File> {
    let none = || io::Error::from(io::ErrorKind::NotFound);
    let number = i32::try_from(number).ok().filter(|number| *number > 2).ok_or_else(none)?;
    std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).map_err(|_| none())?;
    // SAFETY: it is open, as was just seen. It is let go again below unless it belongs to nobody else in this process.
    let found = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
    if fcntl_getfd(found.as_fd())?.contains(FdFlags::CLOEXEC) {
        return Err(none());
    }
    fcntl_setfd(found.as_fd(), FdFlags::CLOEXEC)?;
    Ok(File::from(ManuallyDrop::into_inner(found)))
}

/// Overwrites the part of the stack below the caller: 128 KiB, more than the cryptography here takes.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "the stack itself is what is overwritten")]
pub fn wipe_stack() {
    let mut dead = [0_u8; 128 * 1024];
    black_box(&mut dead);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::fs;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::FileExt as _;

    use super::*;

    /// What somebody leaves on the stack: 16 KiB of one byte.
    #[inline(never)]
    fn leave_something() {
        let left = [0xa7_u8; 16 * 1024];
        black_box(&left);
    }

    /// How many bytes of it this thread's stack holds.
    #[inline(never)]
    fn left() -> usize {
        let here = 0_u8;
        let here = std::ptr::from_ref(&here).addr();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let range = maps.lines().find_map(|line| {
            let (start, end) = line.split_whitespace().next()?.split_once('-')?;
            let [start, end] = [start, end].map(|n| usize::from_str_radix(n, 16).unwrap());
            (start..end).contains(&here).then_some(start..end)
        });
        let range = range.unwrap();
        let mut bytes = vec![0; range.len()];
        let start = u64::try_from(range.start).unwrap();
        File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, start).unwrap();
        bytes.chunks(64).filter(|chunk| chunk.iter().all(|byte| *byte == 0xa7)).count() * 64
    }

    #[test]
    fn what_was_left_on_the_stack_is_gone_when_a_locked_value_is_dropped() {
        let locked = Locked::new(1_u8);
        leave_something();
        assert!(left() > 4 * 1024, "{}", left());
        drop(locked);
        assert_eq!(left(), 0);
    }

    #[test]
    fn only_what_was_inherited_is_taken_over() {
        let ours = File::open("/proc/self/status").unwrap();
        let number = u32::try_from(ours.as_raw_fd()).unwrap();
        assert_eq!(inherited(number).unwrap_err().kind(), io::ErrorKind::NotFound);
        for number in [0, 1, 2, 4_000, u32::MAX] {
            assert_eq!(inherited(number).unwrap_err().kind(), io::ErrorKind::NotFound);
        }
        assert!(ours.metadata().is_ok());
    }

    #[test]
    fn a_locked_value_has_its_pages_for_itself_and_is_dropped_once() {
        struct Counted<'a>(&'a AtomicBool, u8);
        impl Drop for Counted<'_> {
            fn drop(&mut self) {
                assert!(!self.0.swap(true, Ordering::Relaxed));
            }
        }
        let dropped = AtomicBool::new(false);
        let mut locked = Locked::new(Counted(&dropped, 1));
        locked.1 += 1;
        assert_eq!(locked.1, 2);
        assert_eq!(size_of::<Page<Counted<'_>>>(), 4096);
        assert!(std::ptr::from_ref(&*locked).addr().is_multiple_of(4096));
        drop(locked);
        assert!(dropped.load(Ordering::Relaxed));
    }
}
