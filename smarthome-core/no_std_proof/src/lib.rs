//! Proof that `smarthome-core` needs no `std`.
//!
//! Building a library without its default features proves little: a dependency may still bring
//! `std` in. Here a program without `std` calls it, with a panic handler and an allocator of its
//! own. If anything in the tree linked `std`, there would be two panic handlers, and the build
//! would fail.
//!
//! ```text
//! cargo build --manifest-path smarthome-core/no_std_proof/Cargo.toml
//! ```
#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::ptr;

use smarthome_core::{Command, Frame, Status};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// An allocator that has nothing to give: enough to link, and the codec asks for nothing.
struct Nothing;

// SAFETY: null is what an allocator answers that has no memory left, and nothing that it handed
// out can come back.
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static NOTHING: Nothing = Nothing;

/// Obeys a command: writes the new status over the old one.
///
/// Answers 0 when it did, 1 when the status, 2 when the command is none.
///
/// # Safety
/// `status` and `command` each point to nine bytes, `status` to writable ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smarthome_apply(status: *mut [u8; 9], command: *const [u8; 9]) -> u8 {
    // SAFETY: the caller vouches for both pointers.
    let (status, command) = unsafe { (&mut *status, &*command) };
    let Ok(before) = Status::try_from(status.as_slice()) else {
        return 1;
    };
    let Ok(command) = Command::try_from(command.as_slice()) else {
        return 2;
    };
    *status = *Frame::from(before.apply(command)).as_bytes();
    0
}
