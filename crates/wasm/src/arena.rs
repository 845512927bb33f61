//! Memory that the host fills before a call and reads after it: one block, used anew by every call.

use std::cell::RefCell;
use std::slice;

use ferrograd_core::host::{Buffer, Element, Lent};
use ferrograd_core::{Error, Result};

/// What the block is aligned to, and is counted in: whole vectors.
type Unit = u128;

thread_local! {
    static ARENA: RefCell<Vec<Unit>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for a call: the address of a block of `bytes`, whose contents are arbitrary, or 0 where memory cannot grow
/// so far. Every address given before is invalid.
#[unsafe(no_mangle)]
pub extern "C" fn reserve(bytes: usize) -> *mut u8 {
    ARENA.with_borrow_mut(|arena| {
        *arena = Vec::new(); // first, so that a larger block may lie where the old one did
        if arena.try_reserve_exact(bytes.div_ceil(size_of::<Unit>())).is_err() {
            return std::ptr::null_mut();
        }
        arena.resize(arena.capacity(), 0);
        arena.as_mut_ptr().cast()
    })
}

/// An array in the block, as the host describes it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Entry {
    /// 0 for floats, 1 for integers, 2 for bytes, 3 for a place left empty.
    element: u32,
    data: *mut u8,
    length: usize,
    /// Where the host has the array itself: 64 bits, the low half first.
    address: [u32; 2],
}

impl Entry {
    /// Address and length.
    pub fn lent(&self) -> Lent {
        (self.data, self.length)
    }

    /// The array, or `None` for a place left empty.
    ///
    /// # Safety
    /// It is made once for each entry, and gone before the host goes on.
    unsafe fn buffer(&self) -> Option<Buffer> {
        let element = match self.element {
            0 => Element::Float32,
            1 => Element::Int32,
            2 => Element::Uint8,
            _ => return None,
        };
        let [low, high] = self.address.map(u64::from);
        // SAFETY: the host waits for the call; it gave each array a place of its own, aligned for any type.
        Some(unsafe { Buffer::new(element, self.data, self.length, high << 32 | low) })
    }
}

/// The arrays of a call, taken one after the other.
pub struct Arguments<'a>(slice::Iter<'a, Entry>);

impl<'a> Arguments<'a> {
    /// # Safety
    /// At `table` there are `count` entries, of arrays that lie in the block and nowhere overlap; both stay until the
    /// call returns.
    pub unsafe fn new(table: *const Entry, count: usize) -> Self {
        // SAFETY: the caller promised it.
        Self(unsafe { Self::entries(table, count) }.iter())
    }

    /// The entries themselves.
    ///
    /// # Safety
    /// As for [`Arguments::new`].
    pub unsafe fn entries(table: *const Entry, count: usize) -> &'a [Entry] {
        // SAFETY: the caller promised it.
        if count == 0 { &[] } else { unsafe { slice::from_raw_parts(table, count) } }
    }

    fn next(&mut self) -> Option<Buffer> {
        // SAFETY: of each entry once.
        self.0.next().and_then(|entry| unsafe { entry.buffer() })
    }

    /// The next array.
    pub fn one(&mut self) -> Result<Buffer> {
        self.next().ok_or_else(too_few)
    }

    /// The next `count` arrays.
    pub fn many(&mut self, count: usize) -> Result<Vec<Buffer>> {
        (0..count).map(|_| self.one()).collect()
    }

    /// The next `count` places.
    pub fn some(&mut self, count: usize) -> Vec<Option<Buffer>> {
        (0..count).map(|_| self.next()).collect()
    }

    /// The next array, as text.
    pub fn text(&mut self) -> Result<String> {
        let bytes = self.one()?.bytes()?.to_vec();
        String::from_utf8(bytes).map_err(|_| Error::internal("the binding expected UTF-8"))
    }
}

/// The host gave fewer arrays than the export takes.
pub fn too_few() -> Error {
    Error::internal("the binding expected more arrays")
}
